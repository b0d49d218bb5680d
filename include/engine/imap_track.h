/* The tracking role for IMAP: given these octets, where is the session and which rule was broken?
 *
 * One tracker watches both directions of one connection, whoever produces them. State comes from
 * the wire and from nothing else; a person may type anything in any order. Sans-I/O: octets and
 * time go in, events and items come out. It appends PROTOCOL and STATE first, then OCTETS (plain
 * layer, with its secret parts), COMMAND, REPLY, UNTAGGED, DATA_BEGIN, DATA_END, STATE, CAPS,
 * SASL_STEP, DEVIATION (include/imap/deviations.def), and a NOTE where COMPRESS was agreed to.
 *
 *   COMMAND   one for each command. Where the client waits for a go-ahead in the middle of it (or
 * the message of an APPEND begins there), what follows is another, verb LITERAL, same tag. Lines of
 * an AUTHENTICATE exchange: AUTH-DATA; the end of IDLE: DONE. REPLY     tagged OK, NO, BAD; their
 * cause is the command of that tag. "* OK|NO|BAD|BYE|PREAUTH" have tag "*", and verb CONNECT where
 * they are the greeting. "+" has verb and cause of the command that goes on. UNTAGGED  all other
 * data; the cause is the oldest open command that asks for such, 0: none does. DATA_*    the
 * message of an APPEND: length and content are its octets.
 *
 * Responses pair with commands by their tags; the pair's effect is looked up in one total table
 * verb x outcome (src/engine/imap_track_effect.c), and one setter changes the state.
 */
#ifndef ENGINE_IMAP_TRACK_H
#define ENGINE_IMAP_TRACK_H

#include "imap/command.h"
#include "imap/response.h"
#include "journal/journal.h"

struct imap_track;

struct imap_track_options {
    bool backstage;    /* events carry EVENT_FLAG_BACKSTAGE */
    bool tls;          /* TLS was on from the first octet */
    bool want_content; /* CONTENT items carry the octets of APPENDed messages */
};

enum imap_item_kind {
    IMAP_ITEM_NONE,    /* nothing complete yet: all of `in` was used */
    IMAP_ITEM_COMMAND, /* a whole command */
    IMAP_ITEM_LITERAL, /* a literal of a command is announced: .literal_octets, .sync, .command (tag
                          and verb; of an APPEND at its message all that stands in front) */
    IMAP_ITEM_CONTENT, /* a piece of an APPENDed message; .literal_left 0: the last one */
    IMAP_ITEM_AUTH_DATA, /* a client line inside AUTHENTICATE: .line, without its end */
    IMAP_ITEM_DONE,      /* the client ended IDLE */
    IMAP_ITEM_REPLY,     /* a status response: tagged, or with "*" */
    IMAP_ITEM_GO_ON,     /* "+" */
    IMAP_ITEM_UNTAGGED,  /* data */
    IMAP_ITEM_VOID /* octets between the OK to STARTTLS and the handshake, not to be believed; or
                      compressed ones, not to be read */
};

/* Borrowed until the next call on the tracker; what is whole in `in` is not copied, so `in` must
 * stay, too. */
struct imap_item {
    enum imap_item_kind kind;
    uint64_t seq;                         /* of its COMMAND, REPLY or UNTAGGED event; 0: none */
    const struct imap_command *command;   /* COMMAND, LITERAL; .rules holds all that was found */
    struct slice line;                    /* AUTH_DATA */
    const struct imap_response *response; /* REPLY, GO_ON, UNTAGGED */
    enum imap_verb answers; /* REPLY, GO_ON: what it answers; UNKNOWN where nothing was asked */
    bool asked;             /* REPLY, GO_ON: something waited for it */
    bool message;           /* LITERAL: it is the message of an APPEND */
    bool sync;              /* LITERAL: the client waits for a go-ahead */
    uint64_t literal_octets;
    uint64_t literal_left;
    struct slice content; /* CONTENT (want_content) */
};

/* The journal is borrowed. LINK_UP has been appended by then. */
struct imap_track *imap_track_new(struct journal *j, uint32_t conn,
                                  const struct imap_track_options *options);
void imap_track_free(struct imap_track **t);

/* Plain octets passed in direction `dir`. Returns how many were used: up to the end of one item;
 * call again with the rest until none is left. Used octets are in the journal when it returns. */
size_t imap_track_feed(struct imap_track *t, enum event_dir dir, struct slice in,
                       struct imap_item *item_out);
/* Convenience for the side that only sends: feed all of it, looking at no item. */
void imap_track_feed_all(struct imap_track *t, enum event_dir dir, struct slice in);
/* TLS is on now (after STARTTLS): what was learned before is void. */
void imap_track_tls_up(struct imap_track *t);
/* The connection is gone: what is unfinished is named (RESPONSE_CUT, LITERAL_CUT, BYE_MISSING...).
 */
void imap_track_closed(struct imap_track *t, enum event_dir closed_by);

enum imap_state imap_track_state(const struct imap_track *t);
bool imap_track_tls(const struct imap_track *t);
bool imap_track_authenticated(const struct imap_track *t);
/* Commands whose answer the server owes now; the greeting counts while it is awaited. Not counted:
 * one that waits for the client (its literal, its SASL response, its DONE). */
size_t imap_track_pending(const struct imap_track *t);
/* The oldest open command, CONNECT for the greeting; UNKNOWN when none (or an unknown one is). */
enum imap_verb imap_track_pending_verb(const struct imap_track *t);
/* When the oldest was sent; 0: none. */
uint64_t imap_track_pending_since_ns(const struct imap_track *t);
/* An AUTHENTICATE is open: the client's next line may be secret. */
bool imap_track_auth_open(const struct imap_track *t);
/* So they are: an AUTHENTICATE is open, or a LOGIN goes on in a literal. */
bool imap_track_secret_due(const struct imap_track *t);
/* The client's next octets belong to a literal: how many; 0: a line begins or goes on. */
uint64_t imap_track_literal_left(const struct imap_track *t);
/* The client announced a literal and the server's go-ahead has not come. */
bool imap_track_awaits_go_ahead(const struct imap_track *t);
/* The middle of a command: what comes next is no new one. */
bool imap_track_in_command(const struct imap_track *t);

/* Is this capability offered now ("IDLE", "AUTH=PLAIN"; case ignored)? Only asked once known. */
bool imap_track_offers(const struct imap_track *t, const char *capability);
bool imap_track_caps_known(const struct imap_track *t);
/* Capabilities one by one; false at the end. */
bool imap_track_cap_at(const struct imap_track *t, size_t index, struct slice *cap_out);
/* SASL mechanisms offered, space separated; empty: none known. Borrows until the next feed. */
struct slice imap_track_mechanisms(const struct imap_track *t);
const char *imap_track_auth_mechanism(const struct imap_track *t); /* finished or running; NULL */
bool imap_track_utf8(const struct imap_track *t); /* ENABLE switched UTF-8 names on */

/* The selected mailbox, UTF-8; empty: none. Borrows until the next feed. */
struct slice imap_track_mailbox(const struct imap_track *t);
uint32_t imap_track_exists(const struct imap_track *t); /* messages in it */

/* What a command would break if it were sent now, for the lint line: rules as in DEVIATION. */
imap_rules imap_track_lint(const struct imap_track *t, const struct imap_command *c);
/* A line as a person typed it, without its end, in the form it takes on the wire, appended to
 * `out`: with CRLF, and with a tag where it begins with a command's name. Inside a literal, an
 * AUTHENTICATE exchange or IDLE it stays as it is. */
void imap_track_line(struct imap_track *t, struct slice typed, struct buf *out);

/* The table behind it, for the test that walks it. */
enum imap_outcome {
    IMAP_OUT_OK,
    IMAP_OUT_NO,
    IMAP_OUT_BAD,
    IMAP_OUT_PREAUTH,
    IMAP_OUT_BYE,
    IMAP_OUT_GO_ON,
    IMAP_OUT_MALFORMED,
    IMAP_OUT_EOF,
    IMAP_OUT__COUNT
};
enum imap_effect {
    IMAP_EFFECT_NONE,      /* the state stays */
    IMAP_EFFECT_GREET,     /* NOT_AUTH */
    IMAP_EFFECT_LOGIN,     /* AUTHENTICATED */
    IMAP_EFFECT_CHALLENGE, /* AUTH: the client's turn */
    IMAP_EFFECT_AUTH_NO,   /* NOT_AUTH */
    IMAP_EFFECT_SELECT,    /* SELECTED */
    IMAP_EFFECT_CLOSE,     /* AUTHENTICATED: no mailbox is open any more */
    IMAP_EFFECT_IDLE,      /* IDLE */
    IMAP_EFFECT_IDLE_END,  /* the state before it */
    IMAP_EFFECT_TLS,       /* TLS: handshake next */
    IMAP_EFFECT_LOGOUT,    /* LOGOUT: the server closes */
    IMAP_EFFECT_COMPRESS,  /* the state stays; what follows cannot be read */
    IMAP_EFFECT_CLOSED,    /* CLOSED */
    IMAP_EFFECT__COUNT
};
enum imap_effect imap_track_effect(enum imap_verb verb, enum imap_outcome outcome);

#endif
