/* Which command is in order when: verb x state, every cell filled (RFC 5321 section 4.1.4). */
#include "engine/smtp_serve_private.h"

#include "base/mem.h"

enum {
    DO = SERVE_DO,
    GREET = SERVE_GREETING,
    HELLO = SERVE_NEED_HELLO,
    NOMAIL = SERVE_NEED_MAIL,
    NORCPT = SERVE_NEED_RCPT,
    NEST = SERVE_NESTED,
    BUSY = SERVE_BUSY,
    REF = SERVE_REFUSED,
    NIL = SERVE_SILENT
};

#define ROW(VERB, connect, greeted, ready, auth, mail, rcpt, data, dot, tls, quit, refused,        \
            closed)                                                                                \
    [SMTP_VERB_##VERB] = {                                                                         \
        [SMTP_STATE_CONNECT] = connect, [SMTP_STATE_GREETED] = greeted,                            \
        [SMTP_STATE_READY] = ready,     [SMTP_STATE_AUTH] = auth,                                  \
        [SMTP_STATE_MAIL] = mail,       [SMTP_STATE_RCPT] = rcpt,                                  \
        [SMTP_STATE_DATA] = data,       [SMTP_STATE_DOT] = dot,                                    \
        [SMTP_STATE_TLS] = tls,         [SMTP_STATE_QUIT] = quit,                                  \
        [SMTP_STATE_REFUSED] = refused, [SMTP_STATE_CLOSED] = closed,                              \
    }

/* clang-format off */
static const uint8_t cells[SMTP_VERB__COUNT][SMTP_STATE__COUNT] = {
    /*              connect greeted ready  auth  mail   rcpt  data  dot   tls  quit refused closed */
    ROW(UNKNOWN,    GREET,  DO,     DO,    BUSY, DO,    DO,   BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(HELO,       GREET,  DO,     DO,    BUSY, DO,    DO,   BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(EHLO,       GREET,  DO,     DO,    BUSY, DO,    DO,   BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(LHLO,       GREET,  DO,     DO,    BUSY, DO,    DO,   BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(MAIL,       GREET,  HELLO,  DO,    BUSY, NEST,  NEST, BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(RCPT,       GREET,  HELLO,  NOMAIL,BUSY, DO,    DO,   BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(DATA,       GREET,  HELLO,  NOMAIL,BUSY, NORCPT,DO,   BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(BDAT,       GREET,  HELLO,  NOMAIL,BUSY, NORCPT,DO,   BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(RSET,       GREET,  DO,     DO,    BUSY, DO,    DO,   BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(NOOP,       GREET,  DO,     DO,    BUSY, DO,    DO,   BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(VRFY,       GREET,  DO,     DO,    BUSY, DO,    DO,   BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(EXPN,       GREET,  DO,     DO,    BUSY, DO,    DO,   BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(HELP,       GREET,  DO,     DO,    BUSY, DO,    DO,   BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(QUIT,       DO,     DO,     DO,    BUSY, DO,    DO,   BUSY, DO,   NIL, NIL, DO,     NIL),
    ROW(STARTTLS,   GREET,  HELLO,  DO,    BUSY, NEST,  NEST, BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(AUTH,       GREET,  HELLO,  DO,    BUSY, NEST,  NEST, BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(ETRN,       GREET,  DO,     DO,    BUSY, DO,    DO,   BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(XCLIENT,    GREET,  DO,     DO,    BUSY, DO,    DO,   BUSY, BUSY, NIL, NIL, REF,    NIL),
    ROW(CONNECT,    NIL,    NIL,    NIL,   NIL,  NIL,   NIL,  NIL,  NIL,  NIL, NIL, NIL,    NIL),
    ROW(AUTH_DATA,  NIL,    DO,     DO,    DO,   DO,    DO,   NIL,  NIL,  NIL, NIL, NIL,    NIL),
    ROW(DOT,        NIL,    NIL,    NIL,   NIL,  NIL,   NIL,  NIL,  DO,   NIL, NIL, NIL,    NIL),
};
/* clang-format on */

enum smtp_serve_cell smtp_serve_table(enum smtp_verb verb, enum smtp_state state)
{
    BUG_IF((unsigned)verb >= SMTP_VERB__COUNT || (unsigned)state >= SMTP_STATE__COUNT);
    return (enum smtp_serve_cell)cells[verb][state];
}

bool smtp_serve_in_order(const struct smtp_serve *s, enum smtp_verb verb)
{
    return smtp_serve_table(verb, smtp_track_state(s->track)) == SERVE_DO;
}
