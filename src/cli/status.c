#include "cli/cli.h"

#include <errno.h>
#include <sysexits.h>

static const struct cli_status_info statuses[] = {
    {CLI_OK, EX_OK, "done: the goal was reached"},
    {CLI_USAGE, EX_USAGE, "the command line, a file or a setting does not read"},
    {CLI_CONNECT, EX_UNAVAILABLE, "could not connect (name, address, refused, timed out)"},
    {CLI_CLOSED, EX_TEMPFAIL, "the server closed or fell silent in the middle"},
    {CLI_MISSING, EX_OSERR, "something that is needed is missing on this machine"},
    {CLI_BANNER, EX_PROTOCOL, "the greeting was not 220"},
    {CLI_HELO, EX_PROTOCOL, "EHLO and HELO were refused"},
    {CLI_MAIL, EX_UNAVAILABLE, "MAIL was refused"},
    {CLI_RCPT, EX_UNAVAILABLE, "no recipient was accepted"},
    {CLI_DATA, EX_UNAVAILABLE, "DATA was refused"},
    {CLI_AFTER_DATA, EX_UNAVAILABLE, "the message was refused after its final dot"},
    {CLI_AUTH, EX_NOPERM, "AUTH failed"},
    {CLI_TLS, EX_PROTOCOL, "TLS failed or was not offered"},
    {CLI_XCLIENT, EX_NOPERM, "XCLIENT was refused"},
    {CLI_EXPECT, EX_SOFTWARE, "an expect of the script did not hold"},
    {0, 0, NULL},
};

const struct cli_status_info *cli_status_at(size_t index)
{
    BUG_IF(index >= sizeof statuses / sizeof statuses[0]);
    return &statuses[index];
}

int cli_status_number(const struct settings *s, enum cli_status status)
{
    if (slice_eq(slice_cstr(settings_text(s, SETTING_ID_exit)), SLICE_LIT("sysexits")))
        for (size_t i = 0; statuses[i].meaning; i++)
            if (statuses[i].status == status)
                return statuses[i].sysexits;
    return (int)status;
}

/* Where a transaction stopped, as swaks counts it. */
static const enum cli_status stage_status[SMTP_STEP__COUNT] = {
    [SMTP_STEP_GREETING] = CLI_BANNER,
    [SMTP_STEP_EHLO] = CLI_HELO,
    [SMTP_STEP_HELO] = CLI_HELO,
    [SMTP_STEP_STARTTLS] = CLI_TLS,
    [SMTP_STEP_TLS] = CLI_TLS,
    [SMTP_STEP_EHLO_TLS] = CLI_HELO,
    [SMTP_STEP_XCLIENT] = CLI_XCLIENT,
    [SMTP_STEP_AUTH] = CLI_AUTH,
    [SMTP_STEP_MAIL] = CLI_MAIL,
    [SMTP_STEP_RCPT] = CLI_RCPT,
    [SMTP_STEP_DATA] = CLI_DATA,
    [SMTP_STEP_BDAT] = CLI_DATA,
    [SMTP_STEP_CONTENT] = CLI_AFTER_DATA,
    [SMTP_STEP_DOT] = CLI_AFTER_DATA,
    [SMTP_STEP_RSET] = CLI_RCPT,
    [SMTP_STEP_QUIT] = CLI_CLOSED,
    [SMTP_STEP_DONE] = CLI_CLOSED,
};

static const enum cli_status domain_status[ERR__COUNT] = {
    [ERR_NONE] = CLI_OK,        [ERR_USAGE] = CLI_USAGE,     [ERR_FILE] = CLI_USAGE,
    [ERR_DNS] = CLI_CONNECT,    [ERR_CONNECT] = CLI_CONNECT, [ERR_TLS] = CLI_TLS,
    [ERR_TIMEOUT] = CLI_CLOSED, [ERR_CLOSED] = CLI_CLOSED,   [ERR_LIMIT] = CLI_CLOSED,
    [ERR_AUTH] = CLI_AUTH,      [ERR_FORMAT] = CLI_USAGE,    [ERR_MISSING] = CLI_MISSING,
};

enum cli_status cli_status_of_err(const struct err *err)
{
    /* Somebody accepted and cut it: whether that is noticed while connecting or after is chance. */
    if (err->domain == ERR_CONNECT && err->code == ECONNRESET)
        return CLI_CLOSED;
    return domain_status[err->domain];
}

enum cli_status cli_status_of(const struct smtp_result *result, const struct err *link_err)
{
    if (result && result->ok)
        return CLI_OK;
    /* Whatever ended the handshake (an alert, a cut, silence), it is TLS that failed, as with
     * swaks. */
    if (result && result->stage == SMTP_STEP_TLS)
        return CLI_TLS;
    /* The server's own reply decides before what became of the connection afterwards. */
    if (result && result->code != 0 && result->outcome != SMTP_OUT_EOF &&
        result->outcome != SMTP_OUT_TIMEOUT)
        return stage_status[result->stage];
    if (result && result->err.domain != ERR_NONE && result->err.domain != ERR_CLOSED)
        return cli_status_of_err(&result->err);
    if (link_err && link_err->domain != ERR_NONE)
        return cli_status_of_err(link_err);
    if (result && (result->outcome == SMTP_OUT_EOF || result->outcome == SMTP_OUT_TIMEOUT))
        return CLI_CLOSED;
    return result ? stage_status[result->stage] : CLI_CONNECT;
}
