/* The words of IMAP (RFC 9051 section 9): atoms, quoted strings, literals, numbers, lists, flags,
 * dates, sets and mailbox names, taken from a text one after the other.
 *
 * A text is a whole command or response as it came, with its line ends and literals. Literals that
 * were too long to keep are gaps: their announcement stands there, their octets do not.
 *
 * Each imap_take_* reads one thing at the cursor. true: it was there, the cursor stands behind it.
 * false: it was not, the cursor has not moved; .rules says more where a rule has a name for it.
 * Values are slices of the text, or of the arena where quoting had to be undone.
 */
#ifndef IMAP_LEX_H
#define IMAP_LEX_H

#include "base/arena.h"
#include "imap/deviation.h"

struct imap_gap {
    uint32_t at;        /* in the text: where the octets would stand */
    uint64_t octets;    /* how many */
    uint64_t stream_at; /* where they stand in the connection's stream */
};

struct imap_text {
    struct slice octets;
    const struct imap_gap *gaps; /* ascending */
    size_t n_gaps;
    bool cut; /* the cap was reached: the end is missing */
};

struct imap_cursor {
    struct imap_text text;
    size_t at;
    struct arena *arena;
    imap_rules rules;
};

struct imap_literal {
    struct slice octets; /* empty in a gap */
    uint64_t length;
    bool gap;
    uint64_t stream_at; /* of a gap */
};

void imap_cursor_init(struct imap_cursor *c, const struct imap_text *text, struct arena *arena);
/* What is left, the line end included. */
struct slice imap_rest(const struct imap_cursor *c);
/* Nothing but the last line end (CRLF or LF) is left. */
bool imap_at_end(const struct imap_cursor *c);
bool imap_take_octet(struct imap_cursor *c, char octet);
bool imap_take_sp(struct imap_cursor *c);
/* This word, case ignored, with no atom octet behind it. */
bool imap_take_word(struct imap_cursor *c, const char *word);
bool imap_take_atom(struct imap_cursor *c, struct slice *out); /* 1*ATOM-CHAR */
bool imap_take_tag(struct imap_cursor *c, struct slice *out);  /* no "+" in it */
bool imap_take_number(struct imap_cursor *c, uint64_t max, uint64_t *out);
bool imap_take_literal(struct imap_cursor *c, struct imap_literal *out);
bool imap_take_quoted(struct imap_cursor *c, struct slice *out);
bool imap_take_string(struct imap_cursor *c, struct slice *out);  /* quoted / literal */
bool imap_take_astring(struct imap_cursor *c, struct slice *out); /* 1*ASTRING-CHAR / string */
bool imap_take_nstring(struct imap_cursor *c, struct slice *out); /* NIL: ptr NULL */
/* list-mailbox: an astring that may hold % and * */
bool imap_take_pattern(struct imap_cursor *c, struct slice *out);

/* ---- flags (RFC 9051 section 2.3.2) ---- */

enum imap_flag_bit {
    IMAP_FLAG_SEEN = 1,
    IMAP_FLAG_ANSWERED = 2,
    IMAP_FLAG_FLAGGED = 4,
    IMAP_FLAG_DELETED = 8,
    IMAP_FLAG_DRAFT = 16,
    IMAP_FLAG_RECENT = 32, /* never set by a client */
};
struct imap_flags {
    unsigned system;              /* enum imap_flag_bit */
    const struct slice *keywords; /* and flag-extensions, as written */
    size_t n_keywords;
    bool any; /* "\*": PERMANENTFLAGS only */
};
/* The bit of "\Seen", case ignored; 0: not one of the system flags. */
unsigned imap_flag_by_name(struct slice name);
const char *imap_flag_name(unsigned bit); /* "\\Seen" */
/* "(" [flag *(SP flag)] ")"; without parentheses too where `bare`. */
bool imap_take_flags(struct imap_cursor *c, bool bare, struct imap_flags *out);

/* ---- sets (RFC 9051 section 9, sequence-set) ---- */

struct imap_range {
    uint32_t first, last; /* first <= last, but 0 stands for "*" */
};
struct imap_set {
    const struct imap_range *ranges;
    size_t n_ranges;
    bool saved; /* "$": the result of the last search with SAVE */
};
bool imap_take_set(struct imap_cursor *c, struct imap_set *out);
/* `largest` stands for "*". */
bool imap_set_holds(const struct imap_set *set, uint32_t number, uint32_t largest);
/* Numbers in it, at most `cap`, counted without going through them. */
uint64_t imap_set_count(const struct imap_set *set, uint32_t largest, uint64_t cap);

/* ---- dates ---- */

/* date = d-Mon-yyyy, with or without quotes: days since 1970-01-01. */
bool imap_take_date(struct imap_cursor *c, int32_t *days_out);
struct imap_date_time {
    int64_t utc_s; /* seconds since 1970-01-01 00:00 UTC */
    int zone_min;  /* east of UTC */
};
bool imap_take_date_time(struct imap_cursor *c, struct imap_date_time *out); /* quoted */
/* " 1-Feb-2026 03:04:05 +0100" into out (27 octets with NUL). */
void imap_date_time_format(const struct imap_date_time *t, char out[27]);
int32_t imap_days_from_date(int year, unsigned month, unsigned day); /* month 1-12 */

/* ---- mailbox names (RFC 3501 section 5.1.3, RFC 9051 section 5.1) ---- */

/* A mailbox name as UTF-8, INBOX in capitals. utf8: UTF-8 was agreed on (UTF8=ACCEPT, IMAP4rev2);
 * without it modified UTF-7 is read. */
bool imap_take_mailbox(struct imap_cursor *c, bool utf8, struct slice *out);
/* Does a name match a LIST pattern: * any octets, % any but the separator (0: none). */
bool imap_pattern_matches(struct slice pattern, struct slice name, char separator);

#endif
