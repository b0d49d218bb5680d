/* The serving role's insides, shared by its source files and the test that walks its table. */
#ifndef ENGINE_SMTP_SERVE_PRIVATE_H
#define ENGINE_SMTP_SERVE_PRIVATE_H

#include "engine/auth_server.h"
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

struct smtp_serve {
    struct journal *journal;
    struct smtp_track *track;
    const struct smtp_serve_options *options;
    const struct smtp_policy *policy;
    void *policy_ctx;
    struct auth_server auth;
    char *user;
    struct serve_chunk *chunk; /* of a message in chunks; NULL: none */
    uint64_t content_octets;
    uint32_t offered; /* set of enum smtp_ext */
    uint32_t conn;
    unsigned errors;
    unsigned messages; /* transactions begun */
    bool utf8;         /* MAIL said SMTPUTF8 */
    bool binary;       /* MAIL said BODY=BINARYMIME */
    bool chunking;     /* a chunk was taken: the message goes on with BDAT or not at all */
};

/* smtp_serve.c */
/* A refusal of serve's own: counted; above errors_max it becomes 421. */
void serve_refuse(struct smtp_serve *s, struct smtp_answer *a, unsigned code, const char *enhanced,
                  const char *text);
void serve_count_error(struct smtp_serve *s, struct smtp_answer *a);
void serve_transaction_void(struct smtp_serve *s);
/* What is wrong with the line as a line, as far as it is not borne. */
smtp_rules serve_line_rules(const struct smtp_serve *s, const struct smtp_command *c);
static inline bool serve_relaxed(const struct smtp_serve *s, enum smtp_relax rule)
{
    return (s->options->relax & rule) != 0;
}

/* smtp_serve_offer.c */
/* The extensions of the list, whether or not they can be had at the moment. */
uint32_t serve_offer_set(const struct smtp_serve_options *o);
bool serve_offers(const struct smtp_serve *s, enum smtp_ext ext);
/* By EHLO keyword; OTHER: not known. */
enum smtp_ext serve_ext_by_keyword(struct slice keyword);
void serve_offer_all(struct smtp_serve *s, struct smtp_answer *a);
/* Mechanisms that can be had now, each with a space in front, into out. */
void serve_mechanisms(const struct smtp_serve *s, struct buf *out);
uint64_t serve_hold_max_s(const struct smtp_serve *s);

/* smtp_serve_auth.c */
void serve_auth(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a);
void serve_auth_data(struct smtp_serve *s, struct slice line, struct smtp_answer *a);
void serve_auth_with(const struct smtp_serve *s, struct auth_server_with *out);
/* Are mechanisms offered now? */
bool serve_auth_offered(const struct smtp_serve *s);

/* smtp_serve_mail.c */
void serve_mail(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a);
void serve_rcpt(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a);

/* smtp_serve_data.c */
void serve_data(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a);
void serve_content(struct smtp_serve *s, const struct smtp_item *item);
void serve_dot(struct smtp_serve *s, const struct smtp_content_stats *stats, struct smtp_answer *a);
/* BDAT in any state (RFC 3030): `cell` is what the table says of it. */
void serve_bdat(struct smtp_serve *s, const struct smtp_command *c, enum smtp_serve_cell cell,
                struct smtp_answer *a);
/* Octets of a chunk. */
void serve_chunk(struct smtp_serve *s, const struct smtp_item *item, struct smtp_answer *a);
void serve_chunk_forget(struct smtp_serve *s);
bool serve_chunk_awaited(const struct smtp_serve *s);

/* smtp_serve_other.c */
void serve_vrfy(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a);
void serve_expn(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a);
void serve_help(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a);
void serve_etrn(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a);
void serve_xclient(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a);

#endif
