/* The tracking role: given these octets, where is the session and which rule was broken?
 *
 * One tracker watches both directions of one SMTP connection, whoever produces them: the client
 * feeds what it sends and gets, the practice server what it gets and sends, a proxy both. State
 * comes from the wire and from nothing else; a person may type anything in any order. Sans-I/O:
 * octets and time go in, events and items come out. It appends OCTETS (plain layer, with its secret
 * parts), COMMAND, REPLY, DATA_BEGIN, DATA_END, STATE, CAPS, ENVELOPE, SASL_STEP, DEVIATION.
 *
 * Replies pair with commands in order (pipelining); the pair's effect is looked up in one total
 * table verb x outcome (src/engine/smtp_track_table.c), and one setter changes the state.
 */
#ifndef ENGINE_SMTP_TRACK_H
#define ENGINE_SMTP_TRACK_H

#include "journal/journal.h"
#include "smtp/command.h"
#include "smtp/content.h"
#include "smtp/reply.h"

struct smtp_track;

struct smtp_track_options {
    bool backstage;    /* events carry EVENT_FLAG_BACKSTAGE */
    bool lmtp;         /* LMTP: one reply per accepted recipient after the dot (RFC 2033) */
    bool tls;          /* TLS was on from the first octet */
    bool want_content; /* CONTENT items carry the message's own octets (the practice server stores
                          them) */
    enum smtp_data_end data_end; /* what ends the data besides CRLF.CRLF */
};

enum smtp_item_kind {
    SMTP_ITEM_NONE,        /* nothing complete yet: all of `in` was used */
    SMTP_ITEM_COMMAND,     /* a command line */
    SMTP_ITEM_AUTH_DATA,   /* a client line inside an AUTH exchange: .line, without its end */
    SMTP_ITEM_REPLY,       /* a whole reply */
    SMTP_ITEM_CONTENT,     /* a piece of message content */
    SMTP_ITEM_CONTENT_END, /* the content is complete: .content may hold its last piece */
    SMTP_ITEM_VOID /* octets between the 220 to STARTTLS and the handshake: not to be believed */
};

/* Borrowed until the next call on the tracker; what is whole in `in` is not copied, so `in` must
 * stay, too. */
struct smtp_item {
    enum smtp_item_kind kind;
    uint64_t seq; /* of its COMMAND, REPLY or DATA_END event; 0: none */
    const struct smtp_command
        *command;      /* COMMAND; .rules holds all that the tracker found, its line end too */
    struct slice line; /* AUTH_DATA */
    const struct smtp_reply *reply; /* REPLY */
    enum smtp_verb answers;         /* REPLY: what it answers; UNKNOWN where nothing was asked */
    bool asked;                     /* REPLY: something waited for it */
    struct slice content;           /* CONTENT, CONTENT_END: unstuffed octets (want_content) */
    const struct smtp_content_stats *stats; /* CONTENT_END */
};

/* The journal is borrowed. LINK_UP has been appended by then. Appends the first STATE. */
struct smtp_track *smtp_track_new(struct journal *j, uint32_t conn,
                                  const struct smtp_track_options *options);
void smtp_track_free(struct smtp_track **t);

/* Plain octets passed in direction `dir`. Returns how many were used: up to the end of one item;
 * call again with the rest until none is left. Used octets are in the journal when it returns. */
size_t smtp_track_feed(struct smtp_track *t, enum event_dir dir, struct slice in,
                       struct smtp_item *item_out);
/* Convenience for the side that only sends: feed all of it, looking at no item. */
void smtp_track_feed_all(struct smtp_track *t, enum event_dir dir, struct slice in);
/* TLS is on now (after STARTTLS): what was learned before is void. */
void smtp_track_tls_up(struct smtp_track *t);
/* The connection is gone: what is unfinished is named (REPLY_CUT, DATA_CUT, CLOSED_WITHOUT_221). */
void smtp_track_closed(struct smtp_track *t, enum event_dir closed_by);

enum smtp_state smtp_track_state(const struct smtp_track *t);
bool smtp_track_tls(const struct smtp_track *t);
bool smtp_track_esmtp(const struct smtp_track *t); /* EHLO (or LHLO) was answered with 250 */
/* Commands sent whose reply has not come; the greeting counts while it is awaited. */
size_t smtp_track_pending(const struct smtp_track *t);
/* The oldest of them; SMTP_VERB_UNKNOWN when none (or an unknown one is). */
enum smtp_verb smtp_track_pending_verb(const struct smtp_track *t);
/* When the oldest was sent; 0: none. */
uint64_t smtp_track_pending_since_ns(const struct smtp_track *t);
/* Is this capability offered now? *params_out (may be NULL) borrows until the next feed. */
bool smtp_track_offers(const struct smtp_track *t, const char *keyword, struct slice *params_out);
/* What LIMITS (RFC 9422) says of this name, such as RCPTMAX; 0: nothing. */
uint64_t smtp_track_limit(const struct smtp_track *t, const char *name);
uint64_t smtp_track_mails(const struct smtp_track *t); /* MAIL commands sent in this session */
/* Capability lines, NULL at the end. */
bool smtp_track_cap_at(const struct smtp_track *t, size_t index, struct slice *line_out);
const char *
smtp_track_auth_mechanism(const struct smtp_track *t); /* of a finished or running AUTH; NULL */
bool smtp_track_authenticated(const struct smtp_track *t);

/* The envelope of the transaction under way. Slices borrow until the next feed. */
struct slice smtp_track_reverse_path(const struct smtp_track *t); /* with brackets; empty: none */
size_t smtp_track_recipients(const struct smtp_track *t);         /* accepted ones */
bool smtp_track_recipient_at(const struct smtp_track *t, size_t index, struct slice *path_out);

/* What a command would break if it were sent now, for the lint line: rules as in DEVIATION. */
smtp_rules smtp_track_lint(const struct smtp_track *t, const struct smtp_command *c);

/* The table behind it, for the test that walks it. */
enum smtp_effect {
    SMTP_EFFECT_NONE,        /* the state stays */
    SMTP_EFFECT_GREET,       /* 220: GREETED */
    SMTP_EFFECT_REFUSE,      /* greeting 4yz 5yz: REFUSED */
    SMTP_EFFECT_HELLO,       /* READY, capabilities anew, envelope emptied */
    SMTP_EFFECT_REVERSE,     /* MAIL */
    SMTP_EFFECT_FORWARD,     /* RCPT, one recipient more */
    SMTP_EFFECT_NO_FORWARD,  /* recipient refused: noted, state stays */
    SMTP_EFFECT_CONTENT,     /* DATA */
    SMTP_EFFECT_DELIVERED,   /* READY, transaction over, accepted */
    SMTP_EFFECT_UNDELIVERED, /* READY, transaction over, refused */
    SMTP_EFFECT_RESET,       /* READY (or GREETED), envelope emptied */
    SMTP_EFFECT_TLS,         /* TLS: handshake next */
    SMTP_EFFECT_CHALLENGE,   /* AUTH: the client's turn */
    SMTP_EFFECT_AUTH_OK,     /* READY (the state before the challenge), authenticated */
    SMTP_EFFECT_AUTH_NO,     /* READY (the state before the challenge), not authenticated */
    SMTP_EFFECT_QUIT,        /* QUIT */
    SMTP_EFFECT_CLOSED,      /* CLOSED */
    SMTP_EFFECT__COUNT
};
enum smtp_effect smtp_track_effect(enum smtp_verb verb, enum smtp_outcome outcome);

#endif
