/* Logging in, folded from its events: each step of an AUTH exchange decoded and named, secrets
 * masked; how good the mechanism is; how it ended, and why. SMTP, POP3 and IMAP alike: SASL_STEP
 * events are the same in all three. The commands that carry a password by themselves (PASS and APOP
 * of POP3, LOGIN of IMAP) are attempts too, without steps.
 */
#ifndef DECODE_LOGIN_H
#define DECODE_LOGIN_H

#include "base/buf.h"
#include "decode/explain.h"
#include "journal/journal.h"

enum { LOGIN_STEPS_MAX = 32, LOGIN_ATTEMPTS_MAX = 16, LOGIN_TEXT_OCTETS = 1024 };

struct login_step {
    uint64_t seq;
    uint64_t at_us; /* since the attempt began */
    enum event_dir dir;
    unsigned step; /* 1: the first of that side */
    char *text;    /* decoded, secrets masked; show through vis */
};

enum login_end { LOGIN_OPEN, LOGIN_ACCEPTED, LOGIN_REFUSED, LOGIN_GIVEN_UP, LOGIN_END__COUNT };
const char *login_end_name(enum login_end end); /* "accepted" */

struct login_attempt {
    uint64_t seq; /* of the AUTH command, or of the first step */
    uint64_t tick_ns, end_tick_ns;
    char *mechanism; /* as said, upper case; "" unknown */
    char *user;      /* NULL: not said */
    bool tls;        /* inside TLS */
    struct login_step steps[LOGIN_STEPS_MAX];
    size_t n_steps;
    uint64_t more_steps;
    enum login_end end;
    unsigned code;  /* SMTP */
    char *enhanced; /* NULL: none */
    char *reply;    /* the whole reply as it came, masked; NULL: none yet */
    enum smtp_verb answers;
};

struct login {
    uint32_t conn;
    bool tls;
    char *protocol;                                    /* NULL: smtp */
    char *greeting;                                    /* of the server, for whose wording it is */
    struct login_attempt attempts[LOGIN_ATTEMPTS_MAX]; /* the newest; oldest first */
    size_t n_attempts;
    uint64_t dropped;
};

/* conn 0: the first connection that is not backstage. */
void login_init(struct login *l, uint32_t conn);
void login_deinit(struct login *l);
void login_apply(struct login *l, const struct journal *j, const struct event *ev);
/* Anew up to and including seq. */
void login_at(struct login *l, const struct journal *j, uint32_t conn, uint64_t seq);

/* What a step is called in its mechanism's own RFC; NULL: not known. *rfc_out may be NULL. */
const char *login_step_name(const char *mechanism, enum event_dir dir, unsigned step,
                            const char **rfc_out);
/* The user a step's words name ("user ann, password hidden (6 octets)"); empty: none. */
struct slice login_step_user(struct slice text);
struct login_step_info {
    const char *mechanism; /* a name, or what it begins with ("SCRAM-") */
    const char *dir, *step, *name, *rfc;
};
const struct login_step_info *login_step_info_at(size_t index); /* NULL at the end */

/* All attempts in lines of safe text; nothing where there was none. */
void login_print(const struct login *l, unsigned vis_flags, struct buf *out);

#endif
