/* The filter language: which lines and events of a session a person wants to see (doc/filter.md).
 *
 *     expr  = and *( ("or" / "|" / "||") and )
 *     and   = unary *( ["and" / "&" / "&&"] unary )        ; side by side is `and` too
 *     unary = ("not" / "!") unary / "(" expr ")" / test
 *     test  = FIELD [OP VALUE] / quoted                    ; a quoted text alone: text~"..."
 *     OP    = "=" / ":" / "!=" / "~" / "!~" / "<" / "<=" / ">" / ">="
 *     VALUE = quoted / 1*(any octet but blank ( ) & |)
 *
 * Pure: a parsed filter judges facts, wherever they come from. The command line's `find` and the
 * console's transcript filter are the same module.
 */
#ifndef REPORT_FILTER_H
#define REPORT_FILTER_H

#include "base/err.h"
#include "journal/journal.h"

/* What is known of one line or event. Empty slices and 0: it has none, and no test on it holds. */
struct filter_facts {
    uint64_t seq;
    uint32_t conn;
    struct slice kind; /* the event's kind; "content" for a line of a message */
    int dir;           /* enum event_dir; -1: it has no direction */
    unsigned code;     /* of the reply it belongs to */
    struct slice enhanced;
    struct slice verb; /* of the command it is, or answers */
    struct slice text; /* the line, secrets masked, without its end; the words of any other event */
    struct slice peer, peer_name;
    struct slice rcpt;      /* RCPT and its reply: the address without brackets */
    struct slice deviation; /* name of the rule */
    uint64_t offset;        /* has_offset: where the line begins in the stream of conn and dir */
    uint64_t at_us;         /* since the first event */
    uint64_t dt_us;         /* a reply: time since its command */
    bool has_dt, has_offset, tls;
};

enum filter_field {
    FILTER_CODE,
    FILTER_CONN,
    FILTER_DEVIATION,
    FILTER_DIR,
    FILTER_DT,
    FILTER_ENHANCED,
    FILTER_KIND,
    FILTER_PEER,
    FILTER_RCPT,
    FILTER_TEXT,
    FILTER_TIME,
    FILTER_TLS,
    FILTER_VERB,
    FILTER__COUNT
};
struct filter_field_info {
    const char *name;
    const char *value; /* what may stand behind the operator */
    const char *help;
    const char *example;
};
const struct filter_field_info *filter_field_info(enum filter_field field); /* BUG out of range */
/* doc/filter.md. */
void filter_doc_markdown(struct buf *out);

/* Limits: "filter" 4096 octets, "filter-tests" 1024 tests and joints, "filter-depth" 64 brackets in
 * brackets.
 */
struct filter;
/* NULL: *err says what is wrong and what would be right; err->code is the column, from 1. */
struct filter *filter_parse(struct slice expr, struct err *err);
void filter_free(struct filter **f);
bool filter_match(const struct filter *f, const struct filter_facts *facts);
/* Does it test that field anywhere? */
bool filter_names(const struct filter *f, enum filter_field field);

/* From a journal to facts. Events are given in order, once each; what an event means may depend on
 * those before it (the address of the peer, the command a reply answers, message content). */
struct filter_lens;
struct filter_lens *filter_lens_new(const struct journal *j);
void filter_lens_free(struct filter_lens **l);
/* Call fn for each line or event that ev completes: a command, each line of a reply, each line of
 * message content, or the event itself. The facts are valid during the call. `shadows`: also events
 * that only repeat in other words what lines say (state, caps, envelope, octets, ...). */
/* What went before on a connection whose events were left out: is it inside TLS, does a message
 * pass? */
void filter_lens_prime(struct filter_lens *l, uint32_t conn, bool tls, bool content);
typedef void (*filter_facts_fn)(void *ctx, const struct filter_facts *facts);
void filter_lens_event(struct filter_lens *l, const struct event *ev, bool shadows,
                       filter_facts_fn fn, void *ctx);

#endif
