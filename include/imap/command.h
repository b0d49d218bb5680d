/* Commands of the client (RFC 9051 section 6), parsed to structs.
 *
 * A command that is not well-formed still comes out with tag and verb where those could be read,
 * and .rules tells what is wrong: sending it is a person's right, refusing it a server's.
 */
#ifndef IMAP_COMMAND_H
#define IMAP_COMMAND_H

#include "imap/lex.h"
#include "imap/verb.h"

/* ---- SEARCH (RFC 9051 section 6.4.4) ---- */

enum imap_search {
    IMAP_SEARCH_ALL,
    IMAP_SEARCH_AND, /* parentheses, and the whole */
    IMAP_SEARCH_OR,
    IMAP_SEARCH_NOT,
    IMAP_SEARCH_SET,
    IMAP_SEARCH_UID,
    IMAP_SEARCH_FLAG,    /* .number: bit of enum imap_flag_bit; .wanted */
    IMAP_SEARCH_KEYWORD, /* .text; .wanted */
    IMAP_SEARCH_NEW,     /* RECENT UNSEEN */
    IMAP_SEARCH_OLD,     /* not RECENT */
    IMAP_SEARCH_HEADER,  /* .field, .text; FROM TO CC BCC SUBJECT too */
    IMAP_SEARCH_BODY,    /* .text */
    IMAP_SEARCH_TEXT,    /* .text */
    IMAP_SEARCH_BEFORE,  /* .days, internal date */
    IMAP_SEARCH_ON,
    IMAP_SEARCH_SINCE,
    IMAP_SEARCH_SENTBEFORE, /* .days, Date field */
    IMAP_SEARCH_SENTON,
    IMAP_SEARCH_SENTSINCE,
    IMAP_SEARCH_LARGER, /* .number octets */
    IMAP_SEARCH_SMALLER,
    IMAP_SEARCH_OLDER, /* .number seconds (RFC 5032) */
    IMAP_SEARCH_YOUNGER,
    IMAP_SEARCH_MODSEQ, /* .number (RFC 7162) */
    IMAP_SEARCH__COUNT
};
struct imap_search_key {
    enum imap_search kind;
    bool wanted;
    int32_t days;
    uint64_t number;
    struct slice field, text;
    struct imap_set set;
    const struct imap_search_key *first; /* AND, OR, NOT: what is inside */
    const struct imap_search_key *next;
};

enum imap_search_return {
    IMAP_RETURN_MIN = 1,
    IMAP_RETURN_MAX = 2,
    IMAP_RETURN_ALL = 4,
    IMAP_RETURN_COUNT = 8,
    IMAP_RETURN_SAVE = 16,
    IMAP_RETURN_GIVEN = 32 /* RETURN stood there, perhaps empty: ESEARCH answers */
};

/* ---- FETCH (RFC 9051 section 6.4.5) ---- */

enum imap_fetch {
    IMAP_FETCH_UID,
    IMAP_FETCH_FLAGS,
    IMAP_FETCH_INTERNALDATE,
    IMAP_FETCH_RFC822_SIZE,
    IMAP_FETCH_ENVELOPE,
    IMAP_FETCH_BODY,          /* structure without extension data */
    IMAP_FETCH_BODYSTRUCTURE, /* with it */
    IMAP_FETCH_RFC822,
    IMAP_FETCH_RFC822_HEADER,
    IMAP_FETCH_RFC822_TEXT,
    IMAP_FETCH_SECTION, /* BODY[...] */
    IMAP_FETCH_BINARY,  /* RFC 9051 section 6.4.5.1 */
    IMAP_FETCH_BINARY_SIZE,
    IMAP_FETCH_MODSEQ, /* RFC 7162 */
    IMAP_FETCH__COUNT
};
enum imap_section {
    IMAP_SECTION_ALL,
    IMAP_SECTION_HEADER,
    IMAP_SECTION_FIELDS,
    IMAP_SECTION_FIELDS_NOT,
    IMAP_SECTION_TEXT,
    IMAP_SECTION_MIME
};
struct imap_fetch_item {
    enum imap_fetch kind;
    bool peek;
    /* SECTION, BINARY */
    enum imap_section section;
    const uint32_t *parts; /* 1.2.3 */
    size_t n_parts;
    const struct slice *fields; /* of HEADER.FIELDS */
    size_t n_fields;
    struct slice section_text; /* between the brackets, as typed */
    bool partial;
    uint64_t partial_at, partial_octets;
};

/* ---- STATUS, LIST ---- */

enum imap_stat {
    IMAP_STAT_MESSAGES = 1,
    IMAP_STAT_RECENT = 2,
    IMAP_STAT_UIDNEXT = 4,
    IMAP_STAT_UIDVALIDITY = 8,
    IMAP_STAT_UNSEEN = 16,
    IMAP_STAT_DELETED = 32,
    IMAP_STAT_SIZE = 64,
    IMAP_STAT_HIGHESTMODSEQ = 128,
    IMAP_STAT_APPENDLIMIT = 256
};
const char *imap_stat_name(unsigned bit); /* NULL: none */

enum imap_list_option {
    IMAP_LIST_SUBSCRIBED = 1, /* select */
    IMAP_LIST_REMOTE = 2,
    IMAP_LIST_RECURSIVEMATCH = 4,
    IMAP_LIST_SPECIAL_USE = 8,
    IMAP_LIST_RETURN_SUBSCRIBED = 16,
    IMAP_LIST_RETURN_CHILDREN = 32,
    IMAP_LIST_RETURN_SPECIAL_USE = 64,
    IMAP_LIST_RETURN_STATUS = 128,
    IMAP_LIST_EXTENDED = 256 /* written in the extended form (RFC 5258) */
};

enum imap_store_op { IMAP_STORE_SET, IMAP_STORE_ADD, IMAP_STORE_REMOVE };

struct imap_command {
    enum imap_verb verb;
    bool uid;               /* UID stood in front of it */
    struct imap_text text;  /* all of it */
    struct slice tag;       /* empty: none could be read */
    struct slice verb_text; /* as typed, without UID */
    imap_rules rules;
    bool well_formed; /* its arguments below could be read */

    struct slice mailbox;     /* UTF-8: SELECT EXAMINE CREATE DELETE RENAME ... COPY MOVE APPEND */
    struct slice mailbox_new; /* RENAME */
    struct slice user;        /* LOGIN */
    struct slice password;
    struct slice mechanism; /* AUTHENTICATE */
    bool has_initial;
    struct slice initial; /* base64 or "=" */
    struct imap_set set;  /* FETCH STORE COPY MOVE, UID EXPUNGE */
    const struct imap_fetch_item *items;
    size_t n_items;
    struct imap_flags flags; /* STORE, APPEND */
    enum imap_store_op store_op;
    bool silent;
    const struct imap_search_key *search; /* an AND */
    unsigned search_return;
    struct slice charset;
    unsigned status_items; /* STATUS, LIST RETURN (STATUS) */
    unsigned list_options;
    struct slice reference;
    const struct slice *patterns; /* LIST, LSUB */
    size_t n_patterns;
    const struct slice *words; /* ENABLE: capabilities; ID: fields and values; SETQUOTA: pairs;
                                  CREATE: USE attributes; GETQUOTA: its root */
    size_t n_words;
    bool has_date;
    struct imap_date_time date;  /* APPEND */
    struct imap_literal message; /* APPEND */
    bool condstore;              /* SELECT (CONDSTORE), FETCH CHANGEDSINCE, STORE UNCHANGEDSINCE */
    uint64_t modseq;
    bool has_modseq;
};

/* Take a command apart. Slices point into the text or the arena. utf8: as in imap_take_mailbox.
 * Never fails. */
void imap_command_parse(const struct imap_text *text, bool utf8, struct arena *arena,
                        struct imap_command *out);
/* Tag and verb only, of a command that may still be arriving. */
void imap_command_head(const struct imap_text *text, struct imap_command *out);
/* Is the literal whose announcement ends this text the message of an APPEND? *out (may be NULL) has
 * mailbox, flags and date then. */
bool imap_append_at_message(const struct imap_text *text, bool utf8, struct arena *arena,
                            struct imap_command *out);

#endif
