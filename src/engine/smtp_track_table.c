/* What a reply does to the session: verb x outcome, every cell filled (RFC 5321 section 4.3.2).
 *
 * 421 ends a session whatever it answers (section 3.8). A reply that is none (MALFORMED) moves
 * nothing, but for the end of data: whatever it was, the transaction is over. Only the end of the
 * connection closes; a timeout is a matter of the one who waits.
 */
#include "engine/smtp_track.h"

#include "base/mem.h"

#define E(name) SMTP_EFFECT_##name
/* 2yz 3yz 4yz 5yz and malformed; the rest is the same for every verb. */
#define ROW(VERB, yz2, yz3, yz4, yz5, malformed)                                                   \
    [SMTP_VERB_##VERB] = {                                                                         \
        [SMTP_OUT_2YZ] = E(yz2),      [SMTP_OUT_3YZ] = E(yz3),                                     \
        [SMTP_OUT_4YZ] = E(yz4),      [SMTP_OUT_5YZ] = E(yz5),                                     \
        [SMTP_OUT_421] = E(QUIT),     [SMTP_OUT_MALFORMED] = E(malformed),                         \
        [SMTP_OUT_TIMEOUT] = E(NONE), [SMTP_OUT_EOF] = E(CLOSED),                                  \
        [SMTP_OUT_ABORT] = E(CLOSED),                                                              \
    }

/* clang-format off */
static const uint8_t effects[SMTP_VERB__COUNT][SMTP_OUT__COUNT] = {
    ROW(UNKNOWN,   NONE,      NONE,        NONE,        NONE,        NONE),
    ROW(HELO,      HELLO,     NONE,        NONE,        NONE,        NONE),
    ROW(EHLO,      HELLO,     NONE,        NONE,        NONE,        NONE),
    ROW(LHLO,      HELLO,     NONE,        NONE,        NONE,        NONE),
    ROW(MAIL,      REVERSE,   NONE,        NONE,        NONE,        NONE),
    ROW(RCPT,      FORWARD,   NONE,        NO_FORWARD,  NO_FORWARD,  NONE),
    ROW(DATA,      NONE,      CONTENT,     NONE,        NONE,        NONE),
    ROW(BDAT,      DELIVERED, NONE,        UNDELIVERED, UNDELIVERED, NONE),
    ROW(RSET,      RESET,     NONE,        NONE,        NONE,        NONE),
    ROW(NOOP,      NONE,      NONE,        NONE,        NONE,        NONE),
    ROW(VRFY,      NONE,      NONE,        NONE,        NONE,        NONE),
    ROW(EXPN,      NONE,      NONE,        NONE,        NONE,        NONE),
    ROW(HELP,      NONE,      NONE,        NONE,        NONE,        NONE),
    ROW(QUIT,      QUIT,      NONE,        NONE,        NONE,        NONE),
    ROW(STARTTLS,  TLS,       NONE,        NONE,        NONE,        NONE),
    ROW(AUTH,      AUTH_OK,   CHALLENGE,   AUTH_NO,     AUTH_NO,     NONE),
    ROW(ETRN,      NONE,      NONE,        NONE,        NONE,        NONE),
    ROW(XCLIENT,   GREET,     NONE,        NONE,        NONE,        NONE),
    ROW(CONNECT,   GREET,     NONE,        REFUSE,      REFUSE,      NONE),
    ROW(AUTH_DATA, AUTH_OK,   CHALLENGE,   AUTH_NO,     AUTH_NO,     NONE),
    ROW(DOT,       DELIVERED, UNDELIVERED, UNDELIVERED, UNDELIVERED, UNDELIVERED),
};
/* clang-format on */

enum smtp_effect smtp_track_effect(enum smtp_verb verb, enum smtp_outcome outcome)
{
    BUG_IF((unsigned)verb >= SMTP_VERB__COUNT || (unsigned)outcome >= SMTP_OUT__COUNT);
    return (enum smtp_effect)effects[verb][outcome];
}
