/* smtpscope send: one whole transaction, and an exit status that says how it went. */
#include "cli/cli.h"

#include <string.h>

#include "cli/ask.h"
#include "cli/report.h"

static bool idle(void *ctx)
{
    const struct app *a = ctx;
    return a->ended_by || !console_busy(a->console);
}

static enum cli_status transact(struct app *a, const struct cli_args *args)
{
    struct err err;
    const char *file = args->n_operands > 1 ? args->operands[1] : NULL;
    if (!console_open(a->console, args->operands[0], "option", &err)) {
        cli_say_err(&err);
        return cli_status_of_err(&err);
    }
    if (!console_send_message(a->console, file, true, "option", &err)) {
        cli_say_err(&err);
        return cli_status_of_err(&err);
    }
    loop_run_until(a->loop, idle, a);
    return cli_status_of(console_result(a->console), console_link_err(a->console));
}

/* Without a transcript a failure would be silent: one sentence of what stopped it. */
static void say_failure(struct app *a, enum cli_status status)
{
    const struct smtp_result *r = console_result(a->console);
    const struct err *link = console_link_err(a->console);
    if (r && r->err.domain != ERR_NONE)
        cli_say_err(&r->err);
    else if (link && link->domain != ERR_NONE)
        cli_say_err(link);
    else if (r)
        fprintf(stderr, "smtpscope: stopped at %s with %u (status %d)\n", smtp_step_name(r->stage),
                r->code, (int)status);
}

int cli_send(const struct cli_args *args)
{
    if (args->n_operands == 0) {
        fprintf(stderr,
                "smtpscope: send wants a target: smtpscope send --to ADDRESS TARGET [FILE|-]\n");
        return CLI_USAGE;
    }
    struct app a;
    struct err err;
    if (!app_open(&a, args, false, &err)) {
        cli_say_err(&err);
        return cli_status_number(args->settings, cli_status_of_err(&err));
    }
    cli_ask_at_terminal(&a);
    app_watch_signals(&a);
    bool json = settings_bool(args->settings, SETTING_ID_json);
    bool quiet = json || settings_bool(args->settings, SETTING_ID_quiet);
    a.tell = quiet;
    if (!quiet)
        app_print_transcript(&a, cli_print_stream(args->settings), true);
    enum cli_status status = transact(&a, args);
    app_print_rest(&a);
    if (status != CLI_OK && quiet)
        say_failure(&a, status);
    if (json)
        cli_report_print(stdout, &a, status);
    int signum = a.ended_by;
    app_close(&a);
    if (signum)
        app_end_by_signal(signum);
    return cli_status_number(args->settings, status);
}
