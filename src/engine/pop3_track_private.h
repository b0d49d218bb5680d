/* The POP3 tracker's insides, shared by its source files only. At rest it is one small struct and
 * the capability text; the queue of commands, buffers and the state of an answer that comes in are
 * made when they are needed and given back when nothing is open. */
#ifndef ENGINE_POP3_TRACK_PRIVATE_H
#define ENGINE_POP3_TRACK_PRIVATE_H

#include "engine/pop3_track.h"
#include "engine/track_core.h"
#include "smtp/content.h"

#define PBIT(name) POP3_RULE_BIT(POP3_RULE_##name)

enum {
    POP3_PIECE_OCTETS = 65536, /* of an answer looked at in one feed */
    POP3_LISTING_OCTETS = 512  /* of one line of a listing; a longer one is none */
};

/* One command without an answer. */
struct pop3_pending {
    uint64_t seq, tick_ns;
    uint64_t offset; /* of the line in the C stream */
    uint32_t length;
    uint32_t message;
    uint8_t verb;
    bool multi;
};

struct pop3_work {
    struct pop3_command command;
    struct pop3_response response;
    struct buf line[DIR__COUNT]; /* lines that have not ended yet */
    struct pop3_pending *ring;
    size_t ring_alloc, ring_head, ring_count;
    /* an answer of several lines */
    struct smtp_content content;
    struct buf unstuffed;
    struct buf listing; /* its line under way */
    struct buf caps;
    uint64_t content_seq; /* of DATA_BEGIN */
    uint64_t content_at;
    uint64_t first_line_octets;
    pop3_rules content_rules;
};

struct pop3_track {
    struct track_core core;
    struct pop3_work *work;       /* NULL at rest */
    char *caps;                   /* lines, LF between; NULL: not known */
    char *stamp;                  /* of the greeting, with brackets */
    uint64_t line_at[DIR__COUNT]; /* where the unfinished line begins */
    uint64_t greeting_since_ns;
    uint64_t maildrop_octets;
    uint32_t maildrop_messages, deleted;
    uint32_t unkept;    /* commands beyond the pending limit */
    uint32_t auth_open; /* AUTH and AUTH-DATA without an answer */
    struct secret_scan scan;
    uint8_t state, ahead, auth_back;
    bool want_content, authenticated, maildrop_known, utf8;
    bool greeting_awaited, quit_sent, auth_unkept, in_content;
    bool line_done[DIR__COUNT]; /* .line holds a finished line: the next feed drops it */
};

/* pop3_track.c */
struct pop3_work *ptrack_work(struct pop3_track *t);
/* One line out of `in`, put together where it came in pieces: octets used; *line_out without its
 * end, .ptr NULL where it has not ended. Its octets are in the journal. */
size_t ptrack_line(struct pop3_track *t, enum event_dir dir, struct slice in, bool in_auth,
                   struct slice *line_out, pop3_rules *rules_out);
struct pop3_pending *ptrack_head(const struct pop3_track *t);
void ptrack_pop(struct pop3_track *t);
void ptrack_push(struct pop3_track *t, const struct pop3_pending *p);

/* pop3_track_client.c */
size_t ptrack_feed_client(struct pop3_track *t, struct slice in, struct pop3_item *item);

/* pop3_track_server.c */
size_t ptrack_feed_server(struct pop3_track *t, struct slice in, struct pop3_item *item);
void ptrack_content_cut(struct pop3_track *t); /* the connection ended inside an answer */

/* pop3_track_effect.c */
void ptrack_set_state(struct pop3_track *t, enum pop3_state to, uint64_t cause_seq);
void ptrack_apply(struct pop3_track *t, enum pop3_verb verb, enum pop3_outcome outcome,
                  const struct pop3_response *r, uint64_t cause_seq);
/* What the state will be if `verb` succeeds, from state `from`. */
enum pop3_state ptrack_ahead(enum pop3_verb verb, enum pop3_state from);
void ptrack_caps_learn(struct pop3_track *t, uint64_t cause_seq);
void ptrack_caps_clear(struct pop3_track *t);
struct track_rule ptrack_rule(enum pop3_rule rule);
void ptrack_deviation(struct pop3_track *t, enum pop3_rule rule, const struct track_range *where,
                      const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Without EIGHT_BIT where that was agreed on. */
pop3_rules ptrack_text_rules(const struct pop3_track *t, pop3_rules rules, struct slice line);
/* Each rule of the set; c (may be NULL) for better words. */
void ptrack_report(struct pop3_track *t, pop3_rules rules, const struct track_range *where,
                   const struct pop3_command *c);
void ptrack_sasl_step(struct pop3_track *t, enum event_dir dir, struct slice base64,
                      const struct track_range *where);

#endif
