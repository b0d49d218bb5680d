/* The serving role's table, shared with the test that walks it. */
#ifndef ENGINE_SMTP_SERVE_PRIVATE_H
#define ENGINE_SMTP_SERVE_PRIVATE_H

#include "engine/smtp_serve.h"

/* What a command meets in a state, before its own syntax is looked at. */
enum smtp_serve_cell {
    SERVE_DO,         /* its handler decides */
    SERVE_GREETING,   /* 503: the greeting comes first */
    SERVE_NEED_HELLO, /* 503: EHLO first */
    SERVE_NEED_MAIL,  /* 503: MAIL first */
    SERVE_NEED_RCPT,  /* 554: no valid recipients */
    SERVE_NESTED,     /* 503: a transaction is open already */
    SERVE_BUSY,       /* 503: something else is under way */
    SERVE_REFUSED,    /* 503: this server refuses service (RFC 7504), only QUIT is of use */
    SERVE_SILENT,     /* nothing: all was said */
    SERVE__COUNT
};
enum smtp_serve_cell smtp_serve_table(enum smtp_verb verb, enum smtp_state state);

struct sasl;
struct smtp_serve {
    struct journal *journal;
    struct smtp_track *track;
    const struct smtp_serve_options *options;
    const struct smtp_policy *policy;
    void *policy_ctx;
    struct sasl *sasl; /* exchange under way */
    char *user;
    uint64_t content_octets;
    uint32_t conn;
    unsigned errors;
    bool utf8;        /* MAIL said SMTPUTF8 */
    bool auth_proven; /* the last challenge was the server's proof: an empty line ends the exchange
                       */
};

/* A refusal of serve's own: counted; above errors_max it becomes 421. */
void serve_refuse(struct smtp_serve *s, struct smtp_answer *a, unsigned code, const char *enhanced,
                  const char *text);
void serve_count_error(struct smtp_serve *s, struct smtp_answer *a);

/* smtp_serve_auth.c */
void serve_auth(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a);
void serve_auth_data(struct smtp_serve *s, struct slice line, struct smtp_answer *a);
void serve_auth_forget(struct smtp_serve *s);
/* Are mechanisms offered now? */
bool serve_auth_offered(const struct smtp_serve *s);

/* smtp_serve_mail.c */
void serve_mail(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a);
void serve_rcpt(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a);
void serve_data(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a);
void serve_content(struct smtp_serve *s, const struct smtp_item *item);
void serve_dot(struct smtp_serve *s, const struct smtp_item *item, struct smtp_answer *a);

#endif
