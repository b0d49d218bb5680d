/* The serving role: chooses the server's replies (RFC 5321 section 4.2, 4.3), and nothing else.
 *
 * It reads the session's state from the tracker that watches the same connection: what it said
 * before is on the wire too. A policy decides about the world behind it (who may send, which
 * mailbox exists, where messages go); the server's own rules (order, syntax, limits, extensions)
 * are here, as a table verb x state. Sans-I/O: the owner sends the reply, waits, starts TLS or
 * closes as it is told.
 */
#ifndef ENGINE_SMTP_SERVE_H
#define ENGINE_SMTP_SERVE_H

#include "base/err.h"
#include "base/secret.h"
#include "engine/smtp_track.h"

enum smtp_then {
    SMTP_THEN_GO_ON,
    SMTP_THEN_TLS,   /* start the handshake as server once the reply has left */
    SMTP_THEN_CLOSE, /* close in order after the reply */
    SMTP_THEN_RESET, /* cut it; a reply, if any, goes first */
    SMTP_THEN_DROP   /* close without a reply */
};

/* A decision of the policy, and what serve hands to its owner. */
struct smtp_answer {
    struct buf text;   /* whole reply with CRLFs; the owner resets it; cap 64 KiB */
    uint64_t delay_ms; /* wait so long before sending it */
    enum smtp_then then;
};
void smtp_answer_init(struct smtp_answer *a);
void smtp_answer_deinit(struct smtp_answer *a);
/* Append a one-line reply: "code [enhanced] text". enhanced NULL or "": none. Text may hold octets
 * of the client: CR, LF and NUL in it become '?', and the line is cut at 512 octets. */
void smtp_answer_line(struct smtp_answer *a, unsigned code, const char *enhanced, const char *fmt,
                      ...) __attribute__((format(printf, 4, 5)));

/* Each returns true where it answered itself; false: serve's own friendly default answers. Any may
 * be NULL. `ctx` is the owner's. */
struct smtp_policy {
    bool (*banner)(void *ctx, struct smtp_answer *a);
    bool (*hello)(void *ctx, const struct smtp_command *c, struct smtp_answer *a);
    bool (*mail)(void *ctx, const struct smtp_command *c, struct smtp_answer *a);
    bool (*rcpt)(void *ctx, const struct smtp_command *c, struct smtp_answer *a);
    bool (*data)(void *ctx, struct smtp_answer *a);
    /* Content as it comes (unstuffed); what it does with it is its own. */
    void (*content)(void *ctx, struct slice octets);
    /* The content is complete; over: it passed the SIZE limit (serve refuses then, the policy
     * forgets it). */
    bool (*dot)(void *ctx, const struct smtp_content_stats *stats, bool over,
                struct smtp_answer *a);
    void (*reset)(void *ctx); /* the transaction is void */
    bool (*vrfy)(void *ctx, const struct smtp_command *c, struct smtp_answer *a);
    bool (*other)(void *ctx, const struct smtp_command *c,
                  struct smtp_answer *a); /* before any verb */
    bool (*password)(void *ctx, const char *user, struct secret *password_out);
    void (*authenticated)(void *ctx, const char *user);
};

struct smtp_serve_options {
    const char *name;        /* mx.example.test */
    const char *banner_text; /* behind the name; NULL: "ESMTP smtpscope practice server" */
    bool lmtp;
    bool offer_starttls;
    const char *mechanisms;   /* offered, space separated; NULL: no AUTH */
    bool auth_in_clear;       /* offer them before TLS too */
    bool require_auth;        /* submission: 530 to MAIL without AUTH */
    bool require_tls;         /* 530 to everything but EHLO, NOOP, STARTTLS, QUIT without TLS */
    uint64_t size_max_octets; /* SIZE; 0: no limit is announced or kept */
    unsigned recipients_max;  /* 452 above */
    unsigned errors_max;      /* 421 and close above; 0: no limit */
    bool bdat;                /* reserved: CHUNKING */
};

struct smtp_serve;
/* Everything is borrowed and must outlive it; one options struct serves many connections. */
struct smtp_serve *smtp_serve_new(struct journal *j, uint32_t conn, struct smtp_track *track,
                                  const struct smtp_serve_options *options,
                                  const struct smtp_policy *policy, void *policy_ctx);
void smtp_serve_free(struct smtp_serve **s);
/* The greeting. */
void smtp_serve_banner(struct smtp_serve *s, struct smtp_answer *a);
/* An item of the client's direction from the tracker; an empty a->text afterwards: nothing to say
 * yet. The reply must have passed the tracker (DIR_S) before the client's next octets are fed to
 * it, delayed ones too: what those octets are depends on it. A BDAT chunk's items are swallowed:
 * its command was answered. */
void smtp_serve_item(struct smtp_serve *s, const struct smtp_item *item, struct smtp_answer *a);
void smtp_serve_tls_up(struct smtp_serve *s);
/* 421 for a client that said nothing for too long. */
void smtp_serve_timeout(struct smtp_serve *s, struct smtp_answer *a);
const char *smtp_serve_user(const struct smtp_serve *s); /* logged in as; NULL */
/* The owner said something else than success to the AUTH that has just ended. */
void smtp_serve_forget_user(struct smtp_serve *s);
/* Is this verb in order now, so that its handler or the policy would decide? */
bool smtp_serve_in_order(const struct smtp_serve *s, enum smtp_verb verb);

#endif
