/* The IMAP tracker's insides, shared by its source files only.
 *
 * A tracker at rest (nothing open, nothing half read) is one small struct and the capability text;
 * what a busy session needs lives in `struct imap_work`, borrowed from a short list of spares.
 */
#ifndef ENGINE_IMAP_TRACK_PRIVATE_H
#define ENGINE_IMAP_TRACK_PRIVATE_H

#include "engine/imap_track.h"
#include "engine/track_core.h"
#include "imap/limits.h"
#include "imap/scan.h"

#define IBIT(name) IMAP_RULE_BIT(IMAP_RULE_##name)

enum {
    IMAP_PENDING_INLINE = 8,
    IMAP_CAPS_MAX_OCTETS = 16384, /* of the capability text kept */
};

/* One command without its tagged answer. */
struct imap_pending {
    uint64_t seq;
    uint64_t tick_ns;
    uint64_t offset;      /* in the C stream */
    char *mailbox;        /* SELECT, EXAMINE: owned */
    uint32_t early_lines; /* of an AUTHENTICATE: sent before the "+" that would ask for them */
    uint8_t verb;
    uint8_t tag_len;
    bool uid;
    bool clients_turn; /* it waits for the client: a literal, a response, DONE */
    bool whole;        /* all of it was sent */
    char tag[IMAP_CAP_TAG_OCTETS];
};

/* A command or response that is being read. */
struct imap_reading {
    struct buf text;
    struct imap_gap *gaps;
    size_t n_gaps, alloc_gaps, n_literals;
    bool cut;
};

struct imap_work {
    struct imap_work *next_spare;
    struct imap_command command;
    struct imap_response response;
    struct imap_reading reading[DIR__COUNT];
    struct arena arena;
    struct imap_pending *ring; /* open commands in the order sent */
    struct imap_pending ring_inline[IMAP_PENDING_INLINE];
    size_t ring_alloc, ring_count;
    /* of the message that passes */
    struct ev_data_end content;
    uint64_t content_line_octets;
    uint64_t content_seq; /* of its DATA_BEGIN */
    uint8_t content_last;
};

struct imap_track {
    struct track_core core;
    struct imap_work *work;     /* NULL at rest */
    char *caps;                 /* space separated; NULL: not known */
    char *mailbox;              /* selected; NULL: none */
    uint64_t start[DIR__COUNT]; /* where what is being read begins */
    uint64_t literal_start;     /* C: where the part behind the last announcement begins */
    uint64_t command_seq;       /* C: COMMAND event of what is being read; 0: not yet */
    uint64_t greeting_since_ns;
    struct imap_scan scan[DIR__COUNT];
    uint32_t exists;
    uint32_t unkept;                      /* commands beyond the pending limit */
    uint32_t next_tag;                    /* of imap_track_line */
    imap_rules reading_rules[DIR__COUNT]; /* of what is being read */
    uint8_t state, ahead, idle_back, line_kind;
    bool want_content, authenticated, utf8;
    bool greeting_awaited, logout_sent, bye_seen, exists_known, idle_open;
    bool auth_unkept;            /* an AUTHENTICATE is among .unkept */
    bool compressed;             /* COMPRESS was agreed to: octets are kept and not read */
    bool in_command[DIR__COUNT]; /* something is half read */
    bool awaits_go_ahead, literal_message, literal_kept[DIR__COUNT];
    bool text_done[DIR__COUNT]; /* .text holds something finished: the next feed drops it */
};

/* imap_track_work.c */
struct imap_work *itrack_work(struct imap_track *t);
void itrack_rest(struct imap_track *t);
void itrack_work_drop(struct imap_track *t);
struct imap_pending *itrack_push(struct imap_track *t);
void itrack_remove(struct imap_track *t, size_t index);
struct imap_pending *itrack_head(const struct imap_track *t);
/* The oldest open command that this tag names; NULL: none. */
struct imap_pending *itrack_by_tag(const struct imap_track *t, struct slice tag, size_t *index_out);
/* That of the command being read; NULL: not known yet, or beyond the limit. */
struct imap_pending *itrack_own(const struct imap_track *t);
/* The oldest of this verb. */
struct imap_pending *itrack_by_verb(const struct imap_track *t, enum imap_verb verb);
void itrack_reading_reset(struct imap_reading *r);
void itrack_reading_add(struct imap_track *t, enum event_dir dir, struct slice octets);
void itrack_reading_gap(struct imap_track *t, enum event_dir dir, uint64_t octets);
struct imap_text itrack_reading_text(const struct imap_reading *r);

/* imap_track_rules.c */
struct track_rule itrack_rule(enum imap_rule rule);
void itrack_deviation(struct imap_track *t, enum imap_rule rule, const struct track_range *where,
                      const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Each rule of the set, with its meaning as the note or a better one. */
void itrack_report(struct imap_track *t, imap_rules rules, const struct track_range *where,
                   const struct imap_command *c);
imap_rules itrack_data_rules(const struct imap_track *t, const struct imap_response *r);

/* imap_track_effect.c */
void itrack_set_state(struct imap_track *t, enum imap_state to, uint64_t cause_seq);
void itrack_apply(struct imap_track *t, enum imap_verb verb, enum imap_outcome outcome,
                  struct imap_pending *p, uint64_t cause_seq);
enum imap_state itrack_ahead(const struct imap_track *t, enum imap_verb verb, enum imap_state from);
void itrack_caps_learn(struct imap_track *t, struct slice list, struct slice greeting,
                       const struct track_range *where);
void itrack_caps_clear(struct imap_track *t);
void itrack_data_effect(struct imap_track *t, const struct imap_response *r,
                        const struct track_range *where);
void itrack_unselect(struct imap_track *t);

/* imap_track_client.c */
size_t itrack_feed_client(struct imap_track *t, struct slice in, struct imap_item *item);
/* The server refused a command that waited for its go-ahead: it ends here. */
void itrack_client_refused(struct imap_track *t);
void itrack_content_cut(struct imap_track *t);

void itrack_sasl_step(struct imap_track *t, enum event_dir dir, struct slice base64,
                      const struct track_range *where);

#endif
