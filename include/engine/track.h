/* One connection's tracker, whichever protocol it speaks: what everyone asks who does not care
 * which.
 *
 * The client session, the console and scripts need to know where a conversation stands, what is
 * awaited, and whether the next line is a command, a secret or message content. Those questions
 * have an answer in SMTP, POP3 and IMAP alike; this is where they are asked. What only one protocol
 * knows (an envelope, a maildrop, a selected mailbox) stays with its own tracker, which track_smtp
 * and its sisters give. One table of operations a protocol (src/engine/track.c).
 */
#ifndef ENGINE_TRACK_H
#define ENGINE_TRACK_H

#include "base/buf.h"
#include "journal/journal.h"
#include "museum/museum.h"

struct smtp_track;
struct smtp_item;
struct imap_track;
struct imap_item;
struct pop3_track;
struct pop3_item;

enum protocol { PROTOCOL_SMTP, PROTOCOL_POP3, PROTOCOL_IMAP, PROTOCOL_MUSEUM, PROTOCOL__COUNT };
/* "smtp", "pop3", "imap": the word of the PROTOCOL event. LMTP counts as smtp here; a protocol of
 * the museum has a name of its own in the event (museum_info). */
const char *protocol_name(enum protocol protocol);
/* Is there a tracker for it? */
bool track_known(enum protocol protocol);

/* What one piece of the conversation was, for those who do not look closer. */
enum track_item_kind {
    TRACK_ITEM_NONE,  /* nothing complete yet */
    TRACK_ITEM_LINE,  /* a command, a line of AUTH, data that answers nothing, void octets */
    TRACK_ITEM_REPLY, /* a whole answer: a reply, a response, a tagged status, the greeting */
    TRACK_ITEM_GO_ON, /* the server asks for more: 334, 354, "+ " */
};
struct track_item {
    enum track_item_kind kind;
    bool asked;        /* REPLY, GO_ON: something waited for it */
    bool good;         /* REPLY: 2yz 3yz, +OK, OK, PREAUTH */
    struct slice code; /* REPLY: IMAP's or POP3's response code, without its brackets */
    struct slice text; /* REPLY, GO_ON: the last line behind code, status or mark */
    const struct smtp_item
        *smtp; /* the item itself, borrowed until the next feed; NULL: not SMTP */
    const struct pop3_item *pop3;
    const struct imap_item *imap;
};

/* What the client's next line is. */
enum track_expects {
    TRACK_EXPECTS_COMMAND,
    TRACK_EXPECTS_SECRET,  /* base64 inside an AUTH exchange: not to be shown or kept */
    TRACK_EXPECTS_CONTENT, /* a line of message content, ended by a lone dot */
    TRACK_EXPECTS_LITERAL, /* octets of an IMAP literal */
    TRACK_EXPECTS_REST,    /* the rest of an IMAP command, behind its literal */
    TRACK_EXPECTS_IDLE,    /* DONE ends IDLE */
    TRACK_EXPECTS_TLS,     /* the handshake: nothing may be said in the clear */
    TRACK_EXPECTS_NOTHING, /* the server closes */
};

struct track_options {
    bool backstage;        /* events carry EVENT_FLAG_BACKSTAGE */
    bool lmtp;             /* SMTP only */
    bool tls;              /* TLS was on from the first octet */
    enum museum_id museum; /* MUSEUM only: which of its protocols */
};

struct track;
/* The journal is borrowed; LINK_UP has been appended by then. */
struct track *track_new(enum protocol protocol, struct journal *j, uint32_t conn,
                        const struct track_options *options);
void track_free(struct track **t);
enum protocol track_protocol(const struct track *t);
/* As smtp_track_feed: how many octets were used, up to the end of one item. */
size_t track_feed(struct track *t, enum event_dir dir, struct slice in,
                  struct track_item *item_out);
void track_feed_all(struct track *t, enum event_dir dir, struct slice in);
void track_tls_up(struct track *t);
void track_closed(struct track *t, enum event_dir closed_by);

/* A line as a person typed it, without its end, in the form it takes on the wire, appended to
 * `out`: with CRLF; inside message content with a second dot where it begins with one and
 * `dotstuff` is set; in IMAP with a tag where it has none. */
void track_line(struct track *t, struct slice typed, bool dotstuff, struct buf *out);

/* "mail", "transaction", "selected": the protocol's own word for where the session stands. */
const char *track_state_name(const struct track *t);
/* What the prompt shows: smtp, mail, rcpt, data, auth, pop3, imap, literal, ... */
const char *track_prompt(const struct track *t);
enum track_expects track_expects(const struct track *t);
/* The server agreed to end (221, +OK to QUIT, BYE): its close is in order. */
bool track_ending(const struct track *t);
/* The connection is gone after such an end. */
bool track_ended(const struct track *t);
/* Commands whose answer has not come; the greeting counts while it is awaited. */
size_t track_pending(const struct track *t);
/* May the client's next line be a secret: AUTH without an answer, a literal of LOGIN? */
bool track_auth_pending(const struct track *t);
bool track_authenticated(const struct track *t);
bool track_is_tls(const struct track *t);
/* Is this capability offered now? Case does not matter. */
bool track_offers(const struct track *t, const char *capability);
/* Mechanisms the server offers, space separated; false: none known. Borrows until the next feed. */
bool track_mechanisms(const struct track *t, struct slice *out);

/* The protocol's own tracker; NULL for another protocol. */
struct smtp_track *track_smtp(const struct track *t);
struct pop3_track *track_pop3(const struct track *t);
struct imap_track *track_imap(const struct track *t);

#endif
