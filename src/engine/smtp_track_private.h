/* The tracker's insides, shared by its source files only.
 *
 * A tracker at rest (nothing pending, nothing half read, no transaction) is one small struct and
 * the capability text; everything a busy session needs lives in `struct track_work`, borrowed from
 * a short list of spares, so that neither ten thousand idle connections nor a command cost an
 * allocation.
 */
#ifndef ENGINE_SMTP_TRACK_PRIVATE_H
#define ENGINE_SMTP_TRACK_PRIVATE_H

#include "engine/smtp_track.h"
#include "engine/track_core.h"

enum {
    TRACK_PENDING_INLINE = 16,
    TRACK_PIECE_OCTETS = 65536, /* of content looked at in one feed */
    TRACK_ENVELOPE_CAP_OCTETS =
        16 << 20, /* limit "recipients" in octets: paths kept beside their count */
    TRACK_TEXTS_CAP_OCTETS = 1 << 20, /* paths of MAIL and RCPT commands without a reply */
};

/* One command without a reply. */
struct track_pending {
    uint64_t seq;
    uint64_t tick_ns;
    uint64_t offset;  /* of the line in the C stream */
    uint64_t text_at; /* MAIL, RCPT: where its path and parameters stand in .texts (absolute) */
    uint32_t length;
    uint32_t replies_left; /* to the dot: one for each recipient in LMTP; 0: not counted yet */
    uint32_t path_len, params_len;
    uint8_t verb;
    bool body_8bit; /* MAIL: octets above 127 were declared */
    bool prdr;      /* MAIL: a reply for each recipient was asked for */
    bool not_last;  /* BDAT without LAST: the transaction goes on */
};

struct track_recipient {
    uint32_t at, len; /* in envelope_text */
};

struct track_work {
    struct track_work *next_spare;
    struct smtp_command command;
    struct smtp_reply reply;
    struct smtp_reply_parser parser;
    struct smtp_content content;
    uint64_t content_seq; /* of its DATA_BEGIN */
    struct buf line;      /* client line that has not ended yet */
    struct buf unstuffed;
    struct buf scratch;
    /* Queue of pending commands: a ring. */
    struct track_pending *ring;
    struct track_pending ring_inline[TRACK_PENDING_INLINE];
    size_t ring_alloc, ring_head, ring_count;
    struct buf texts;
    uint64_t texts_base; /* absolute position of texts.ptr[0] */
    /* Envelope of the transaction under way. */
    struct buf envelope_text;
    bool has_reverse;
    uint32_t reverse_len; /* the reverse-path stands first in envelope_text */
    struct track_recipient *recipients;
    size_t n_recipients, kept_recipients, alloc_recipients;
};

struct smtp_track {
    struct track_core core;
    struct track_work *work; /* NULL at rest */
    char *caps;              /* lines behind the first of the EHLO reply, LF between; NULL: none */
    uint64_t line_at;        /* where the client's unfinished line begins */
    uint64_t reply_at;       /* where the server's unfinished reply begins */
    uint64_t content_at;     /* where the content begins */
    uint64_t greeting_since_ns;
    uint64_t size_max; /* SIZE as offered, 0: none */
    uint64_t bdat_left;
    uint64_t bdat_length;
    uint32_t caps_len;
    uint32_t unkept;    /* commands beyond the pending limit */
    uint32_t auth_open; /* AUTH and AUTH-DATA without a reply */
    uint32_t lmtp_done; /* replies to the dot so far */
    struct secret_scan scan;
    uint8_t state, ahead, auth_back, data_end;
    uint8_t last_verb; /* of the newest pending command */
    bool lmtp, lmtp_option, want_content;
    bool esmtp, authenticated, hello_done;
    /* What the client said so far, answered or not. */
    struct {
        uint32_t mails; /* of the session */
        uint32_t rcpts; /* of the newest MAIL, as the rest */
        bool utf8, binary, bdat;
    } sent;
    bool greeting_awaited, after_tls, quit_sent, auth_unkept, body_8bit, prdr, in_content;
    bool offers_pipelining, offers_enhanced, offers_utf8;
    bool chunked;   /* content.held_cr and .line_octets are of the chunk before */
    bool line_done; /* work->line holds a finished line: the next feed drops it */
};

/* smtp_track_work.c */
struct track_work *track_work(struct smtp_track *t); /* takes one where there is none */
void track_rest(struct smtp_track *t);               /* gives it back when at rest */
void track_work_drop(struct smtp_track *t);          /* gives it back whatever it holds */
struct track_pending *track_head(const struct smtp_track *t);
struct track_pending *track_pending_at(const struct track_work *w, size_t index);
void track_push(struct smtp_track *t, const struct track_pending *p, struct slice path,
                struct slice params);
void track_push_front(struct smtp_track *t, const struct track_pending *p);
void track_pop(struct smtp_track *t);
struct slice track_pending_path(const struct smtp_track *t, const struct track_pending *p);
struct slice track_pending_params(const struct smtp_track *t, const struct track_pending *p);

/* smtp_track_rules.c */
struct track_rule track_rule_of(enum smtp_rule rule);
void track_deviation(struct smtp_track *t, enum smtp_rule rule, const struct track_range *where,
                     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void track_report_command(struct smtp_track *t, smtp_rules rules, const struct smtp_command *c,
                          const struct track_range *where);
/* Rules of the line alone, whoever sends it. */
smtp_rules track_line_rules(struct slice line);
void track_report_reply(struct smtp_track *t, const struct smtp_reply *r, smtp_rules more,
                        enum smtp_verb answers, const struct track_range *where);
smtp_rules track_reply_rules(const struct smtp_track *t, const struct smtp_reply *r, bool asked,
                             enum smtp_verb answers);
void track_report_content(struct smtp_track *t, const struct smtp_content_stats *s,
                          const struct track_range *where);

/* smtp_track_offer.c */
void track_report_offer(struct smtp_track *t, const struct smtp_reply *r, uint64_t reply_seq);
/* Rules a command breaks with regard to what was offered and declared before it. */
smtp_rules track_declared_rules(const struct smtp_track *t, const struct smtp_command *c);
/* The command was sent: remember what it declares. */
void track_declare(struct smtp_track *t, const struct smtp_command *c);
/* The limit (and its name in LIMITS) that one more such command would go over; 0: none. */
uint64_t track_over_limit(const struct smtp_track *t, enum smtp_verb verb, const char **name_out);

/* smtp_track_effect.c */
void track_set_state(struct smtp_track *t, enum smtp_state to, uint64_t cause_seq);
/* The pair (pending, reply) takes effect. reply_seq 0 and code 0: no reply (the end). */
void track_apply(struct smtp_track *t, const struct track_pending *p, enum smtp_outcome outcome,
                 const struct smtp_reply *r, uint64_t reply_seq);
/* What the state will be if `verb` succeeds, from state `from`. */
enum smtp_state track_state_ahead(const struct smtp_track *t, enum smtp_verb verb,
                                  enum smtp_state from);
void track_envelope_clear(struct smtp_track *t, uint64_t cause_seq, bool say);
void track_caps_clear(struct smtp_track *t);

/* smtp_track_client.c */
size_t track_feed_client(struct smtp_track *t, struct slice in, struct smtp_item *item_out);
/* Content that was sent before the 354 came: look at it again as what it is. */
void track_reread_early_content(struct smtp_track *t, uint64_t from);
/* Forget pending commands, from the head, whose line begins before `offset`. */
void track_drop_pending(struct smtp_track *t, uint64_t offset);
/* The oldest pending command was answered. */
void track_answered(struct smtp_track *t, enum smtp_verb verb);
bool track_auth_open(const struct smtp_track *t);
void track_content_begin(struct smtp_track *t, uint64_t offset, uint64_t cause_seq);

/* say: name AUTH_BAD_BASE64 (not where the command's own rules hold it already). */
void track_sasl_step(struct smtp_track *t, enum event_dir dir, struct slice base64,
                     const struct track_range *where, bool say);

#endif
