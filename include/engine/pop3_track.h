/* The tracking role for POP3: given these octets, where is the session and which rule was broken?
 *
 * One tracker watches both directions of one connection, whoever produces them. State comes from
 * the wire and from nothing else; a person may type anything in any order. Sans-I/O: octets and
 * time go in, events and items come out. It appends PROTOCOL and STATE first, then OCTETS (plain
 * layer, with its secret parts), COMMAND, REPLY, DATA_BEGIN, DATA_END, STATE, CAPS, SASL_STEP and
 * DEVIATION (include/pop3/deviations.def).
 *
 *   REPLY    code 0, status "+OK", "-ERR" or "+". Of RETR and TOP: the first line; the message
 *            follows between DATA_BEGIN and DATA_END, which count in the S stream. Of other answers
 *            with several lines (LIST, UIDL, CAPA): all of them, appended when the last came.
 *
 * Responses pair with commands in order; the pair's effect is looked up in one total table
 * verb x outcome (src/engine/pop3_track_effect.c), and one setter changes the state.
 */
#ifndef ENGINE_POP3_TRACK_H
#define ENGINE_POP3_TRACK_H

#include "journal/journal.h"
#include "pop3/command.h"
#include "pop3/response.h"

struct pop3_track;

struct pop3_track_options {
    bool backstage;    /* events carry EVENT_FLAG_BACKSTAGE */
    bool tls;          /* TLS was on from the first octet */
    bool want_content; /* CONTENT items carry the octets of messages and listings */
};

enum pop3_item_kind {
    POP3_ITEM_NONE,        /* nothing complete yet: all of `in` was used */
    POP3_ITEM_COMMAND,     /* a command line */
    POP3_ITEM_AUTH_DATA,   /* a client line inside an AUTH exchange: .line, without its end */
    POP3_ITEM_REPLY,       /* a whole answer of one line, the greeting too */
    POP3_ITEM_GO_ON,       /* "+": the client's turn in an AUTH exchange */
    POP3_ITEM_STATUS,      /* the first line of an answer that has more */
    POP3_ITEM_CONTENT,     /* a piece of what follows it */
    POP3_ITEM_CONTENT_END, /* the answer is whole: .content may hold its last piece */
    POP3_ITEM_VOID /* octets between the +OK to STLS and the handshake: not to be believed */
};

/* Borrowed until the next call on the tracker; what is whole in `in` is not copied, so `in` must
 * stay, too. */
struct pop3_item {
    enum pop3_item_kind kind;
    uint64_t seq;                         /* of its COMMAND, REPLY or DATA_END event; 0: none */
    const struct pop3_command *command;   /* COMMAND; .rules holds all that was found */
    struct slice line;                    /* AUTH_DATA */
    const struct pop3_response *response; /* REPLY, GO_ON, STATUS */
    enum pop3_verb answers; /* of the server's items; UNKNOWN where nothing was asked */
    bool asked;             /* something waited for it */
    uint32_t message;       /* the number asked for; 0: none */
    struct slice content;   /* CONTENT, CONTENT_END: dots unstuffed (want_content) */
};

/* The journal is borrowed. LINK_UP has been appended by then. */
struct pop3_track *pop3_track_new(struct journal *j, uint32_t conn,
                                  const struct pop3_track_options *options);
void pop3_track_free(struct pop3_track **t);

/* Plain octets passed in direction `dir`. Returns how many were used: up to the end of one item;
 * call again with the rest until none is left. Used octets are in the journal when it returns. */
size_t pop3_track_feed(struct pop3_track *t, enum event_dir dir, struct slice in,
                       struct pop3_item *item_out);
/* Convenience for the side that only sends: feed all of it, looking at no item. */
void pop3_track_feed_all(struct pop3_track *t, enum event_dir dir, struct slice in);
/* TLS is on now (after STLS): what was learned before is void, but for the greeting's stamp. */
void pop3_track_tls_up(struct pop3_track *t);
/* The connection is gone: what is unfinished is named. */
void pop3_track_closed(struct pop3_track *t, enum event_dir closed_by);

enum pop3_state pop3_track_state(const struct pop3_track *t);
bool pop3_track_tls(const struct pop3_track *t);
bool pop3_track_authenticated(const struct pop3_track *t);
/* Commands sent whose answer has not come whole; the greeting counts while it is awaited. */
size_t pop3_track_pending(const struct pop3_track *t);
/* The oldest of them, CONNECT for the greeting; UNKNOWN when none (or an unknown one is). */
enum pop3_verb pop3_track_pending_verb(const struct pop3_track *t);
/* When the oldest was sent; 0: none. */
uint64_t pop3_track_pending_since_ns(const struct pop3_track *t);
/* An AUTH is open: the client's next line may be secret. */
bool pop3_track_auth_open(const struct pop3_track *t);
/* The lines of an answer are coming in. */
bool pop3_track_in_content(const struct pop3_track *t);

/* Is this capability offered now? *params_out (may be NULL) borrows until the next feed. */
bool pop3_track_offers(const struct pop3_track *t, const char *keyword, struct slice *params_out);
bool pop3_track_caps_known(const struct pop3_track *t);
bool pop3_track_cap_at(const struct pop3_track *t, size_t index, struct slice *line_out);
/* The greeting's time stamp with its brackets; empty: APOP is not offered. */
struct slice pop3_track_stamp(const struct pop3_track *t);
const char *pop3_track_auth_mechanism(const struct pop3_track *t); /* running or finished; NULL */
/* What STAT said last; false: it was not asked. */
bool pop3_track_maildrop(const struct pop3_track *t, uint32_t *messages_out, uint64_t *octets_out);
/* Messages marked as deleted in this session, as far as seen. */
uint32_t pop3_track_deleted(const struct pop3_track *t);

/* What a command would break if it were sent now, for the lint line: rules as in DEVIATION. */
pop3_rules pop3_track_lint(const struct pop3_track *t, const struct pop3_command *c);

/* The table behind it, for the test that walks it. */
enum pop3_outcome {
    POP3_OUT_OK,
    POP3_OUT_ERR,
    POP3_OUT_GO_ON,
    POP3_OUT_MALFORMED,
    POP3_OUT_EOF,
    POP3_OUT__COUNT
};
enum pop3_effect {
    POP3_EFFECT_NONE,      /* the state stays */
    POP3_EFFECT_GREET,     /* AUTHORIZATION */
    POP3_EFFECT_REFUSE,    /* REFUSED */
    POP3_EFFECT_USER,      /* USER: PASS is next */
    POP3_EFFECT_LOGIN,     /* TRANSACTION */
    POP3_EFFECT_LOGIN_NO,  /* AUTHORIZATION: from the start */
    POP3_EFFECT_CHALLENGE, /* AUTH: the client's turn */
    POP3_EFFECT_STAT,      /* count and octets of the maildrop are known */
    POP3_EFFECT_DELETED,   /* one message more is marked */
    POP3_EFFECT_RESET,     /* none is */
    POP3_EFFECT_UTF8,      /* UTF-8 is agreed on (RFC 6856) */
    POP3_EFFECT_TLS,       /* TLS: handshake next */
    POP3_EFFECT_QUIT,      /* UPDATE: the server closes */
    POP3_EFFECT_CLOSED,    /* CLOSED */
    POP3_EFFECT__COUNT
};
enum pop3_effect pop3_track_effect(enum pop3_verb verb, enum pop3_outcome outcome);

#endif
