/* Skimming: which connections of a recording can hold a hit at all, told from its raw lines.
 *
 * Most expressions need something that stands plainly in a line: a reply's code, an enhanced code,
 * a kind of event, a word of text. A connection without any such line is passed over unread. What
 * the skimmer cannot decide it lets through; the filter alone says what a hit is.
 */
#ifndef REPORT_SKIM_PRIVATE_H
#define REPORT_SKIM_PRIVATE_H

#include "recording/scan.h"
#include "report/filter_private.h"

enum {
    SKIM_CONDITIONS_MAX = 8,
    SKIM_WORD_MIN_OCTETS = 2, /* a shorter word is everywhere */
    SKIM_WINDOW_OCTETS = 1 << 20
};

enum skim_kind { SKIM_REPLY, SKIM_DT, SKIM_VERB, SKIM_PEER, SKIM_EVENT, SKIM_WORD };
struct skim_condition {
    enum skim_kind kind;
    /* REPLY: a test of code or enhanced; EVENT: of kind, deviation, conn or tls */
    const struct filter_node *node;
    struct slice word;    /* WORD: plain ASCII; case is ignored */
    uint8_t lower, upper; /* of the octet of it that is rarest in text */
    size_t rare_at;
};
/* One of these holds in some line of each connection with a hit. */
struct skim_plan {
    struct skim_condition conditions[SKIM_CONDITIONS_MAX];
    size_t n_conditions;
    bool words; /* one of them is a WORD */
    bool dt;    /* one of them is a DT */
    unsigned cost;
};
/* False: nothing can be told beforehand. The plan borrows from f. */
bool skim_plan_make(const struct filter *f, struct skim_plan *out);

/* The head of a line as this program writes it. */
struct skim_line {
    uint32_t at, len; /* in its window, without line feed */
    uint32_t conn;
    uint16_t kind; /* EVENT__COUNT: unknown */
    uint16_t t_at; /* where the time begins in the line */
    bool broken;   /* no reader can take it for an event */
};
/* False: it is not of that form. */
bool skim_head(struct slice line, struct skim_line *out, uint64_t *seq_out);
/* Strings and braces that do not end, or control characters: damage that no reader can read past.
 * Not all damage is of that kind. */
bool skim_broken(struct slice line);
/* The time of a line, in nanoseconds; UINT64_MAX: not of the form this program writes. */
uint64_t skim_tick(struct slice line, const struct skim_line *head);
/* Does a condition hold in this line? Words and time since the command excepted. */
bool skim_line_hot(const struct skim_plan *plan, struct slice line, const struct skim_line *head);
/* A reply that came dt_us after its command: does a condition on that hold? */
bool skim_dt_hot(const struct skim_plan *plan, uint64_t dt_us);
/* The next place of a word in text from `at` on; SIZE_MAX: none. */
size_t skim_word_next(const struct skim_condition *c, struct slice text, size_t at);
/* The number behind "name": in the line; 0: none. False: it is not of the form this program writes.
 */
bool skim_number(struct slice line, const char *name, uint64_t *out);

#endif
