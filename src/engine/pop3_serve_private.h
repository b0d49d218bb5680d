/* The POP3 serving role's insides, shared by its source files only. */
#ifndef ENGINE_POP3_SERVE_PRIVATE_H
#define ENGINE_POP3_SERVE_PRIVATE_H

#include "base/mem.h"
#include "engine/auth_server.h"
#include "engine/pop3_serve.h"
#include "smtp/content.h"

enum {
    POP3_SERVE_PIECE_OCTETS = 32768, /* of a message read at once */
    POP3_SERVE_PIECE_LINES = 500,    /* of a listing */
    POP3_SERVE_NAME_OCTETS = 256,
};

enum pop3_long { POP3_LONG_NONE, POP3_LONG_LIST, POP3_LONG_UIDL, POP3_LONG_MESSAGE };

/* A message on its way. */
struct pop3_sending {
    struct store_content *content;
    struct smtp_stuff stuff;
    uint64_t at;
    uint32_t lines_left; /* TOP: of the body */
    bool top, in_body, line_has_octets;
    size_t index; /* RETR: marked as seen at the end */
};

struct pop3_serve {
    struct journal *journal;
    struct pop3_track *track;
    const struct pop3_serve_options *options;
    const struct pop3_policy *policy;
    void *policy_ctx;
    struct auth_server auth;
    char *name; /* of USER */
    char *user; /* logged in */
    char *stamp;
    struct store_user *who;
    struct store_view *view;
    uint8_t *deleted; /* one octet a message of the view; NULL: none is */
    struct pop3_sending *sending;
    size_t long_index; /* of a listing: next message */
    uint32_t conn;
    uint32_t errors;
    uint8_t long_answer;
};

void pserve_say(struct pop3_answer *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* -ERR, and one error more. */
void pserve_refuse(struct pop3_serve *s, struct pop3_answer *a, const char *text);
bool pserve_login_shows_ok(const struct pop3_serve *s); /* may a password pass readably? */

/* pop3_serve_auth.c */
void pserve_user(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a);
void pserve_pass(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a);
void pserve_apop(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a);
void pserve_auth(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a);
void pserve_auth_data(struct pop3_serve *s, struct slice line, struct pop3_answer *a);
/* Mechanisms offered now, each with a space in front. */
void pserve_mechanisms(const struct pop3_serve *s, struct buf *out);

/* pop3_serve_drop.c: the open maildrop */
bool pserve_open_drop(struct pop3_serve *s, struct pop3_answer *a);
void pserve_close_drop(struct pop3_serve *s);
void pserve_stat(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a);
void pserve_list(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a);
void pserve_uidl(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a);
void pserve_retr(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a);
void pserve_dele(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a);
void pserve_rset(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a);
/* QUIT: what was deleted goes. False: not all of it. */
bool pserve_update(struct pop3_serve *s);

#endif
