/* The serving role for IMAP: chooses the server's responses (RFC 3501, RFC 9051), and nothing else.
 *
 * It reads the session's state from the tracker that watches the same connection, and the mail from
 * the store; a policy says who may log in and hears what happened. Sans-I/O: the owner sends what
 * is said, waits, starts TLS or closes as it is told. Long answers (FETCH) come in pieces: as long
 * as an answer says IMAP_THEN_MORE, imap_serve_more gives the next one.
 *
 * Numbers never shift behind a client's back: news of other sessions go out before the tagged
 * response of a command, in IDLE at once, and EXPUNGE not during FETCH, STORE and SEARCH.
 */
#ifndef ENGINE_IMAP_SERVE_H
#define ENGINE_IMAP_SERVE_H

#include "base/secret.h"
#include "engine/imap_track.h"
#include "store/store.h"

enum imap_then {
    IMAP_THEN_GO_ON,
    IMAP_THEN_TLS,   /* start the handshake as server once this has left */
    IMAP_THEN_CLOSE, /* close in order after it */
    IMAP_THEN_RESET, /* cut it; what is said goes first */
    IMAP_THEN_DROP,  /* close without saying it */
    IMAP_THEN_MORE   /* imap_serve_more has the next piece */
};

struct sasl_channel;
struct imap_answer {
    struct buf text;   /* the owner resets it; cap 64 MiB */
    uint64_t delay_ms; /* wait so long before sending it */
    enum imap_then then;
};
void imap_answer_init(struct imap_answer *a);
void imap_answer_deinit(struct imap_answer *a);
/* Append "tag status [code] text". tag NULL or empty: "*"; code NULL: none. Octets of the client in
 * the text: CR, LF and NUL become '?'. */
void imap_answer_line(struct imap_answer *a, struct slice tag, const char *status, const char *code,
                      const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Any may be NULL; `ctx` is the owner's. */
struct imap_policy {
    /* Each true where it answered itself. */
    bool (*banner)(void *ctx, struct imap_answer *a);
    bool (*command)(void *ctx, const struct imap_command *c, struct imap_answer *a);
    bool (*password)(void *ctx, const char *user, struct secret *password_out);
    /* Whose bearer token is this (sasl_token_fn)? */
    bool (*token)(void *ctx, const char *user, struct slice token, struct buf *user_out);
    /* What TLS knows, for -PLUS; false: no TLS. */
    bool (*channel)(void *ctx, struct sasl_channel *channel_out);
    /* The identity that a client certificate has proven; NULL: none. */
    const char *(*external)(void *ctx);
    /* Who logs in by this name; NULL: nobody may. */
    struct store_user *(*user)(void *ctx, const char *user);
    void (*authenticated)(void *ctx, const char *user);
    /* The selected mailbox was changed by somebody: imap_serve_poked is to be called soon. */
    void (*changed)(void *ctx);
    /* Put a message into a mailbox; what->blob is still to be made of the octets, which are taken.
     */
    enum store_result (*append)(void *ctx, struct store_mailbox *m, struct store_append *what,
                                struct buf *octets, uint32_t *uid_out, struct err *err);
    /* Octets of a message that is arriving: more (true: there is room) or given back. */
    bool (*hold)(void *ctx, size_t octets);
    void (*release)(void *ctx, size_t octets);
    /* What happened in a mailbox: the words of a MAILBOX event. */
    void (*mailbox)(void *ctx, const struct store_user *u, const char *mailbox, const char *what,
                    uint32_t uid, const char *text);
};

struct imap_serve_options {
    const char *name; /* mx.example.test */
    bool offer_starttls;
    const char *mechanisms;  /* offered, space separated; NULL: no AUTHENTICATE */
    bool login_in_clear;     /* LOGIN and all mechanisms before TLS too */
    uint64_t message_octets; /* of an APPEND; 0: 50 MiB */
    unsigned errors_max;     /* BYE above so many BADs in a row; 0: no limit */
};

struct imap_serve;
/* Everything is borrowed and must outlive it; one options struct serves many connections. */
struct imap_serve *imap_serve_new(struct journal *j, uint32_t conn, struct imap_track *track,
                                  const struct imap_serve_options *options,
                                  const struct imap_policy *policy, void *policy_ctx);
void imap_serve_free(struct imap_serve **s);
void imap_serve_banner(struct imap_serve *s, struct imap_answer *a);
/* An item of the client's direction from the tracker; an empty a->text afterwards: nothing to say
 * yet. What is said must have passed the tracker (DIR_S) before the client's next octets are fed to
 * it. */
void imap_serve_item(struct imap_serve *s, const struct imap_item *item, struct imap_answer *a);
/* The next piece after IMAP_THEN_MORE. */
void imap_serve_more(struct imap_serve *s, struct imap_answer *a);
/* News of the mailbox, where they may be told now (IDLE). */
void imap_serve_poked(struct imap_serve *s, struct imap_answer *a);
void imap_serve_tls_up(struct imap_serve *s);
/* BYE for a client that said nothing for too long. */
void imap_serve_timeout(struct imap_serve *s, struct imap_answer *a);
const char *imap_serve_user(const struct imap_serve *s); /* logged in as; NULL */
/* ENVELOPE and BODYSTRUCTURE of messages are remembered over all sessions (limit "imap-cache"), by
 * names, UIDVALIDITY and UID. When a store ends, another one may use those again: forget them. */
void imap_serve_forget(void);

#endif
