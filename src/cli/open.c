/* smtpscope [TARGET] and smtpscope show FILE: the console on a screen; without a screen, line by
 * line. */
#include "cli/cli.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/linear.h"
#include "cli/report.h"
#include "recording/recording.h"
#include "report/import.h"
#include "ui/ui.h"

static bool no_color(const struct settings *s)
{
    const char *color = settings_text(s, SETTING_ID_color);
    const char *variable = getenv("NO_COLOR");
    if (strcmp(color, "always") == 0)
        return false;
    return strcmp(color, "never") == 0 || (variable && *variable);
}

static bool over(void *ctx)
{
    const struct app *a = ctx;
    return console_wants_quit(a->console);
}

static const char *editor(void)
{
    const char *visual = getenv("VISUAL");
    return visual && *visual ? visual : getenv("EDITOR");
}

/* On a screen where there is one. False: there is none (err says why). */
bool cli_run_screen(struct app *a, const struct cli_args *args, const char *title, bool replay,
                    struct err *err)
{
    const char *test_sync = getenv("SMTPSCOPE_TEST_SYNC");
    const struct ui_options options = {
        .history_path =
            replay || !settings_bool(args->settings, SETTING_ID_history) ? NULL : a->history_path,
        .screen_path = a->screen_path,
        .draft_path = a->draft_path,
        .editor = editor(),
        .term = getenv("TERM"),
        .no_color = no_color(args->settings),
        .replay = replay,
        .test_sync = test_sync && *test_sync,
        .title = title,
    };
    if (nl_langinfo(CODESET) && strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        settings_set(args->settings, SETTING_ID_ascii, "on", NULL);
    struct ui *ui = ui_open(a->loop, a->console, &options, err);
    if (!ui)
        return false;
    app_watch_signals(a);
    loop_run_until(a->loop, over, a);
    ui_close(&ui);
    return true;
}

/* Everything is closed and given back; a signal that asked for the end still has its say. */
static int finish(struct app *a)
{
    int signum = a->ended_by;
    app_close(a);
    if (signum)
        app_end_by_signal(signum);
    return CLI_OK;
}

static bool has_screen(const struct cli_args *args)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
           !settings_bool(args->settings, SETTING_ID_linear);
}

int cli_open(const struct cli_args *args)
{
    const char *target = args->n_operands > 0 ? args->operands[0] : "practice";
    if (!isatty(STDIN_FILENO))
        return cli_run_stdin(args, "-", target);
    struct app a;
    struct err err;
    if (!app_open(&a, args, false, &err)) {
        cli_say_err(&err);
        return cli_status_number(args->settings, cli_status_of_err(&err));
    }
    /* What goes wrong while opening is a note in the journal: the console comes up and shows it. A
     * target that cannot be read is a wrong use of the program. */
    struct target parsed;
    if (!target_parse(target, &parsed, &err)) {
        cli_say_err(&err);
        app_close(&a);
        return CLI_USAGE;
    }
    console_open(a.console, target, "option", &err);
    if (!has_screen(args) || !cli_run_screen(&a, args, target, false, &err)) {
        if (has_screen(args))
            cli_say_err(&err);
        cli_linear(&a);
    }
    return finish(&a);
}

/* Without a screen: the whole transcript, as lines. */
static bool print_recording(struct app *a, const char *path, struct err *err)
{
    struct recording_report report;
    if (!import_or_read(path, CLI_TOOL, a->journal, &report, err))
        return false;
    app_clock_continue(a);
    recording_report_notes(a->journal, path, &report);
    app_print_transcript(a, stdout, true);
    return true;
}

int cli_show(const struct cli_args *args)
{
    if (args->n_operands == 0) {
        fprintf(stderr, "smtpscope: show wants a recording: smtpscope show FILE\n");
        return CLI_USAGE;
    }
    struct app a;
    struct err err;
    if (!app_open(&a, args, true, &err)) {
        cli_say_err(&err);
        return cli_status_of_err(&err);
    }
    const char *path = args->operands[0];
    bool ok = !has_screen(args) || console_replay_open(a.console, path, &err);
    bool shown = ok && has_screen(args) && cli_run_screen(&a, args, path, true, &err);
    if (ok && !shown)
        ok = print_recording(&a, path, &err);
    if (ok)
        return finish(&a);
    cli_say_err(&err);
    finish(&a);
    return cli_status_of_err(&err);
}
