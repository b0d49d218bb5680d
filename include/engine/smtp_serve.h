/* The serving role: chooses the server's replies (RFC 5321 section 4.2, 4.3; LMTP RFC 2033), and
 * nothing else.
 *
 * It reads the session's state from the tracker that watches the same connection: what it said
 * before is on the wire too. A policy decides about the world behind it (who may send, which
 * mailbox exists, where messages go); the server's own rules (order, syntax, limits, extensions)
 * are here, as a table verb x state and a table of extensions. Sans-I/O: the owner sends the reply,
 * waits, starts TLS or closes as it is told.
 */
#ifndef ENGINE_SMTP_SERVE_H
#define ENGINE_SMTP_SERVE_H

#include "base/err.h"
#include "base/secret.h"
#include "engine/smtp_track.h"
#include "smtp/xclient.h"

struct sasl_channel;

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
/* The same as a line that others of this reply follow: a hyphen behind the code. */
void smtp_answer_more(struct smtp_answer *a, unsigned code, const char *enhanced, const char *fmt,
                      ...) __attribute__((format(printf, 4, 5)));

/* Each returns true where it answered itself; false: serve's own friendly default answers. Any may
 * be NULL. `ctx` is the owner's. */
struct smtp_policy {
    bool (*banner)(void *ctx, struct smtp_answer *a);
    bool (*hello)(void *ctx, const struct smtp_command *c, struct smtp_answer *a);
    /* Parameters have been checked: syntax, offered or not, limits. */
    bool (*mail)(void *ctx, const struct smtp_command *c, struct smtp_answer *a);
    bool (*rcpt)(void *ctx, const struct smtp_command *c, struct smtp_answer *a);
    bool (*data)(void *ctx, struct smtp_answer *a); /* DATA, or the first BDAT of a message */
    /* Content as it comes (unstuffed); what it does with it is its own. */
    void (*content)(void *ctx, struct slice octets);
    /* The content is complete, or its last chunk is. refused: serve says no itself (too large,
     * against a rule of smtp_relax) and the policy only forgets the message. In LMTP the answer is
     * one line for each recipient accepted, in their order. */
    bool (*dot)(void *ctx, const struct smtp_content_stats *stats, bool refused,
                struct smtp_answer *a);
    void (*reset)(void *ctx); /* the transaction is void */
    bool (*vrfy)(void *ctx, const struct smtp_command *c, struct smtp_answer *a);
    bool (*expn)(void *ctx, const struct smtp_command *c, struct smtp_answer *a);
    bool (*etrn)(void *ctx, const struct smtp_command *c, struct smtp_answer *a);
    bool (*other)(void *ctx, const struct smtp_command *c,
                  struct smtp_answer *a); /* before any verb */
    bool (*password)(void *ctx, const char *user, struct secret *password_out);
    bool (*token)(void *ctx, const char *user, struct slice token, struct buf *user_out);
    /* What TLS knows of this connection; false: nothing. */
    bool (*channel)(void *ctx, struct sasl_channel *channel_out);
    /* Identity a client certificate has proven, valid as long as the connection; NULL: none. */
    const char *(*external)(void *ctx);
    /* XCLIENT was believed (attributes decoded, NULL: not named, "": said to be unavailable). A new
     * greeting follows. */
    void (*xclient)(void *ctx, const struct smtp_xclient *x);
    void (*authenticated)(void *ctx, const char *user);
};

/* The extensions the role knows. */
enum smtp_ext {
    SMTP_EXT_OTHER, /* a line that is offered and not known */
    SMTP_EXT_SIZE,
    SMTP_EXT_8BITMIME,
    SMTP_EXT_SMTPUTF8,
    SMTP_EXT_PIPELINING,
    SMTP_EXT_CHUNKING,
    SMTP_EXT_BINARYMIME,
    SMTP_EXT_DSN,
    SMTP_EXT_ENHANCEDSTATUSCODES,
    SMTP_EXT_STARTTLS,
    SMTP_EXT_AUTH,
    SMTP_EXT_VRFY,
    SMTP_EXT_EXPN,
    SMTP_EXT_HELP,
    SMTP_EXT_ETRN,
    SMTP_EXT_LIMITS,
    SMTP_EXT_REQUIRETLS,
    SMTP_EXT_DELIVERBY,
    SMTP_EXT_FUTURERELEASE,
    SMTP_EXT_MT_PRIORITY,
    SMTP_EXT_XCLIENT,
    SMTP_EXT__COUNT
};

/* A line of the EHLO reply. `line` is the keyword, with parameters of its own where it has any
 * ("SIZE 35882577"): they are said as they stand; alone it gets those that fit the options. What
 * cannot be at that moment (STARTTLS inside TLS, AUTH without mechanisms) is left out. */
struct smtp_offer {
    enum smtp_ext ext;
    const char *line;
};
/* The offer of such a line, which is borrowed. */
struct smtp_offer smtp_offer_of(const char *line);
/* What is offered where the options name nothing. */
const struct smtp_offer *smtp_offers_default(size_t *n_out);

/* What a server bears although it should not; nothing by default. */
enum smtp_relax {
    SMTP_RELAX_LINE_BARE_LF = 1 << 0,
    SMTP_RELAX_LINE_BARE_CR = 1 << 1,
    SMTP_RELAX_LINE_NUL = 1 << 2,
    SMTP_RELAX_PATH_BRACKETS = 1 << 3,
    SMTP_RELAX_PATH_SPACE = 1 << 4,
    SMTP_RELAX_DATA_BARE_LF = 1 << 5,
    SMTP_RELAX_DATA_BARE_CR = 1 << 6,
    SMTP_RELAX_DATA_NUL = 1 << 7,
    SMTP_RELAX_DATA_SMUGGLING = 1 << 8, /* what looks like an end is content and taken */
    SMTP_RELAX_DATA_END_LF = 1 << 9,    /* LF.LF, LF.CRLF, CRLF.LF end the data */
    SMTP_RELAX_DATA_END_CR = 1 << 10,   /* CR.CR and its mixtures end the data */
    SMTP_RELAX_PARAMS = 1 << 11,        /* unknown parameters are passed over */
};
struct smtp_relax_info {
    unsigned bit;
    const char *name; /* "data-bare-lf" */
    const char *meaning;
};
const struct smtp_relax_info *smtp_relax_at(size_t index); /* NULL at the end */
/* The bit of that name, or of all ("all"); 0: no such name. */
unsigned smtp_relax_by_name(struct slice name);
/* How the tracker of a server with these rules finds the end of data. */
enum smtp_data_end smtp_relax_data_end(unsigned relax);

struct smtp_serve_options {
    const char *name;        /* mx.example.test */
    const char *banner_text; /* behind the name; NULL: "ESMTP smtpscope practice server" */
    bool lmtp;
    bool submission; /* offers what only submission servers do, where .offers is NULL */
    bool offer_starttls;
    const char *mechanisms;   /* offered, space separated; NULL: no AUTH. -PLUS is left out without
                                 TLS, EXTERNAL without a certificate of the client */
    bool auth_in_clear;       /* offer them before TLS too */
    bool require_auth;        /* submission: 530 to MAIL without AUTH */
    bool require_tls;         /* 530 to everything but EHLO, NOOP, STARTTLS, QUIT without TLS */
    bool xclient;             /* XCLIENT is offered and believed */
    uint64_t size_max_octets; /* SIZE; 0: no limit is announced or kept */
    unsigned recipients_max;  /* 452 above */
    unsigned messages_max;    /* of one session: 452 above; 0: no limit */
    unsigned errors_max;      /* 421 and close above; 0: no limit */
    unsigned deliver_by_min_s;
    unsigned hold_max_s;             /* FUTURERELEASE; 0: 7 days */
    unsigned relax;                  /* set of enum smtp_relax */
    const struct smtp_offer *offers; /* in this order; NULL: smtp_offers_default */
    size_t n_offers;
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
 * it, delayed ones too: what those octets are depends on it. A BDAT is answered when its octets
 * have come, refused ones too. */
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
