/* The serving role of POP3 (RFC 1939, 2449, 2595, 5034, 3206): chooses the server's responses over
 * a mailbox store, and nothing else.
 *
 * It reads the session's state from the tracker that watches the same connection: what it said
 * before is on the wire too. What may come in which state is a total table state x verb
 * (src/engine/pop3_serve_table.c). Sans-I/O: the owner sends, starts TLS or closes as it is told,
 * and asks for the next piece of a long answer when there is room.
 */
#ifndef ENGINE_POP3_SERVE_H
#define ENGINE_POP3_SERVE_H

#include "base/secret.h"
#include "engine/pop3_track.h"
#include "store/store.h"

struct sasl_channel;

enum pop3_then {
    POP3_THEN_GO_ON,
    POP3_THEN_TLS,   /* start the handshake as server once the answer has left */
    POP3_THEN_CLOSE, /* close in order after the answer */
    POP3_THEN_MORE   /* more of this answer: call pop3_serve_more when there is room */
};
struct pop3_answer {
    struct buf text; /* with CRLFs; the owner resets it; cap 256 KiB */
    enum pop3_then then;
};
void pop3_answer_init(struct pop3_answer *a);
void pop3_answer_deinit(struct pop3_answer *a);

/* The world behind it. `ctx` is the owner's; each but `user` may be NULL. */
struct pop3_policy {
    /* The store's user of a login name; NULL: none. */
    struct store_user *(*user)(void *ctx, const char *name);
    bool (*password)(void *ctx, const char *user, struct secret *password_out);
    bool (*token)(void *ctx, const char *user, struct slice token, struct buf *user_out);
    bool (*channel)(void *ctx, struct sasl_channel *channel_out);
    /* The identity that a client certificate has proven; NULL: none. */
    const char *(*external)(void *ctx);
    /* Something happened to the maildrop: "locked", "unlocked", "expunged" (uid: which). */
    void (*happened)(void *ctx, struct store_user *u, const char *what, uint32_t uid,
                     const char *text);
};

struct pop3_serve_options {
    const char *name;        /* mx.example.test */
    const char *banner_text; /* NULL: "smtpscope practice server" */
    bool offer_stls;
    const char *mechanisms; /* of AUTH, space separated; NULL: no AUTH */
    bool user_pass, apop;   /* offer USER and PASS / APOP */
    bool tls_for_login;     /* without TLS no login that shows a password */
    unsigned errors_max;    /* the connection is closed above; 0: no limit */
};

struct pop3_serve;
/* Everything is borrowed and must outlive it; one options struct serves many connections. */
struct pop3_serve *pop3_serve_new(struct journal *j, uint32_t conn, struct pop3_track *track,
                                  const struct pop3_serve_options *options,
                                  const struct pop3_policy *policy, void *policy_ctx);
/* Gives the maildrop back. Without QUIT nothing is deleted. */
void pop3_serve_free(struct pop3_serve **s);
/* The greeting. */
void pop3_serve_banner(struct pop3_serve *s, struct pop3_answer *a);
/* An item of the client's direction from the tracker. The answer must have passed the tracker
 * (DIR_S) before the client's next octets are fed to it. */
void pop3_serve_item(struct pop3_serve *s, const struct pop3_item *item, struct pop3_answer *a);
/* The next piece of an answer that said MORE. */
void pop3_serve_more(struct pop3_serve *s, struct pop3_answer *a);
void pop3_serve_tls_up(struct pop3_serve *s);
const char *pop3_serve_user(const struct pop3_serve *s); /* logged in as; NULL */

/* The table behind it, for the test that walks it. */
enum pop3_cell {
    POP3_CELL_DO,
    POP3_CELL_UNKNOWN,     /* -ERR: no such command */
    POP3_CELL_LOGIN_FIRST, /* -ERR: log in first */
    POP3_CELL_USER_FIRST,  /* -ERR: USER goes before PASS */
    POP3_CELL_LOGGED_IN,   /* -ERR: not any more */
    POP3_CELL_NOTHING,     /* no answer is due: the session is over, or not begun */
    POP3_CELL__COUNT
};
enum pop3_cell pop3_serve_cell(enum pop3_state state, enum pop3_verb verb);

#endif
