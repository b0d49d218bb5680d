/* What follows on what: step x outcome, every cell filled, so that no reply leaves the client
 * without a next step. Names and waits of the steps stand here too. */
#include "engine/smtp_drive.h"

#include "base/mem.h"
#include "smtp/limits.h"

enum {
    ON = SMTP_NEXT_ON,
    HELO = SMTP_NEXT_HELO,
    SKIP = SMTP_NEXT_SKIP,
    MORE = SMTP_NEXT_MORE,
    RSET = SMTP_NEXT_RSET,
    QUIT = SMTP_NEXT_QUIT,
    STOP = SMTP_NEXT_STOP
};

#define ROW(STEP, yz2, yz3, yz4, yz5, c421, malformed, timeout, eof, aborted)                      \
    [SMTP_STEP_##STEP] = {                                                                         \
        [SMTP_OUT_2YZ] = yz2,         [SMTP_OUT_3YZ] = yz3,  [SMTP_OUT_4YZ] = yz4,                 \
        [SMTP_OUT_5YZ] = yz5,         [SMTP_OUT_421] = c421, [SMTP_OUT_MALFORMED] = malformed,     \
        [SMTP_OUT_TIMEOUT] = timeout, [SMTP_OUT_EOF] = eof,  [SMTP_OUT_ABORT] = aborted,           \
    }

/* clang-format off */
static const uint8_t nexts[SMTP_STEP__COUNT][SMTP_OUT__COUNT] = {
    /*             2yz   3yz   4yz   5yz   421   malf  time  eof   abort */
    ROW(GREETING,  ON,   QUIT, QUIT, QUIT, STOP, STOP, STOP, STOP, STOP),
    ROW(EHLO,      ON,   QUIT, HELO, HELO, STOP, HELO, STOP, STOP, STOP),
    ROW(HELO,      ON,   QUIT, QUIT, QUIT, STOP, QUIT, STOP, STOP, STOP),
    ROW(STARTTLS,  ON,   SKIP, SKIP, SKIP, STOP, QUIT, STOP, STOP, STOP),
    ROW(TLS,       ON,   STOP, STOP, STOP, STOP, STOP, STOP, STOP, STOP),
    ROW(EHLO_TLS,  ON,   QUIT, HELO, HELO, STOP, QUIT, STOP, STOP, STOP),
    ROW(XCLIENT,   ON,   QUIT, QUIT, QUIT, STOP, QUIT, STOP, STOP, STOP),
    ROW(AUTH,      ON,   MORE, MORE, MORE, STOP, QUIT, STOP, STOP, STOP),
    ROW(MAIL,      ON,   RSET, QUIT, QUIT, STOP, RSET, STOP, STOP, STOP),
    ROW(RCPT,      MORE, MORE, MORE, MORE, STOP, MORE, STOP, STOP, STOP),
    ROW(DATA,      RSET, ON,   RSET, RSET, STOP, QUIT, STOP, STOP, STOP),
    ROW(BDAT,      ON,   RSET, RSET, RSET, STOP, QUIT, STOP, STOP, STOP),
    ROW(CONTENT,   STOP, STOP, STOP, STOP, STOP, STOP, STOP, STOP, STOP),
    ROW(DOT,       ON,   QUIT, QUIT, QUIT, STOP, QUIT, STOP, STOP, STOP),
    ROW(RSET,      ON,   QUIT, QUIT, QUIT, STOP, QUIT, STOP, STOP, STOP),
    ROW(QUIT,      ON,   ON,   ON,   ON,   ON,   ON,   STOP, ON,   STOP),
    ROW(DONE,      STOP, STOP, STOP, STOP, STOP, STOP, STOP, STOP, STOP),
};

static const struct {
    const char *name;
    uint32_t wait_s;
} steps[SMTP_STEP__COUNT] = {
    [SMTP_STEP_GREETING] = {"banner",   SMTP_WAIT_GREETING_S},
    [SMTP_STEP_EHLO]     = {"ehlo",     SMTP_WAIT_COMMAND_S},
    [SMTP_STEP_HELO]     = {"helo",     SMTP_WAIT_COMMAND_S},
    [SMTP_STEP_STARTTLS] = {"starttls", SMTP_WAIT_COMMAND_S},
    [SMTP_STEP_TLS]      = {"tls",      SMTP_WAIT_DATA_S},
    [SMTP_STEP_EHLO_TLS] = {"ehlo-tls", SMTP_WAIT_COMMAND_S},
    [SMTP_STEP_XCLIENT]  = {"xclient",  SMTP_WAIT_COMMAND_S},
    [SMTP_STEP_AUTH]     = {"auth",     SMTP_WAIT_COMMAND_S},
    [SMTP_STEP_MAIL]     = {"mail",     SMTP_WAIT_MAIL_S},
    [SMTP_STEP_RCPT]     = {"rcpt",     SMTP_WAIT_RCPT_S},
    [SMTP_STEP_DATA]     = {"data",     SMTP_WAIT_DATA_S},
    [SMTP_STEP_BDAT]     = {"bdat",     SMTP_WAIT_DOT_S},
    [SMTP_STEP_CONTENT]  = {"content",  SMTP_WAIT_BLOCK_S},
    [SMTP_STEP_DOT]      = {"dot",      SMTP_WAIT_DOT_S},
    [SMTP_STEP_RSET]     = {"rset",     SMTP_WAIT_COMMAND_S},
    [SMTP_STEP_QUIT]     = {"quit",     SMTP_WAIT_COMMAND_S},
    [SMTP_STEP_DONE]     = {"done",     SMTP_WAIT_COMMAND_S},
};

/* Steps a person may end after. */
static const struct {
    const char *name;
    enum smtp_step step;
} stops[] = {
    {"connect", SMTP_STEP_GREETING}, {"banner", SMTP_STEP_GREETING}, {"ehlo", SMTP_STEP_EHLO},
    {"helo", SMTP_STEP_HELO},        {"starttls", SMTP_STEP_STARTTLS}, {"tls", SMTP_STEP_TLS},
    {"auth", SMTP_STEP_AUTH},        {"mail", SMTP_STEP_MAIL},       {"rcpt", SMTP_STEP_RCPT},
    {"data", SMTP_STEP_DATA},        {"dot", SMTP_STEP_DOT},         {"quit", SMTP_STEP_QUIT},
};
/* clang-format on */

enum smtp_next smtp_drive_table(enum smtp_step step, enum smtp_outcome outcome)
{
    BUG_IF((unsigned)step >= SMTP_STEP__COUNT || (unsigned)outcome >= SMTP_OUT__COUNT);
    return (enum smtp_next)nexts[step][outcome];
}

const char *smtp_step_name(enum smtp_step step)
{
    BUG_IF((unsigned)step >= SMTP_STEP__COUNT);
    return steps[step].name;
}

enum smtp_step smtp_step_by_name(struct slice name)
{
    for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
        if (slice_eq_nocase(name, slice_cstr(stops[i].name)))
            return stops[i].step;
    }
    return SMTP_STEP__COUNT;
}

uint64_t smtp_step_wait_ms(enum smtp_step step)
{
    BUG_IF((unsigned)step >= SMTP_STEP__COUNT);
    return (uint64_t)steps[step].wait_s * 1000;
}
