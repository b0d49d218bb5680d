/* smtpscope run --replay FILE TARGET: the client's side of a recording, said again to a live
 * server, and what came back compared with what came then. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "report/diff.h"
#include "report/export.h"
#include "report/steps.h"

enum { SAME = 0, DIFFERENT = 1 };

struct again {
    struct app *app;
    struct script *script;
};

static bool over(void *ctx)
{
    const struct again *a = ctx;
    return a->app->ended_by || script_result(a->script)->done;
}

/* Pseudonyms go out as they stand: better said than wondered about. */
static void warn_if_redacted(const struct journal *j, const char *path)
{
    const struct event *ev = journal_at(j, journal_first(j));
    struct ev_recording first;
    if (!ev || ev->kind != EVENT_RECORDING)
        return;
    EVENT_GET(ev, RECORDING, &first);
    if (first.pseudonyms)
        fprintf(stderr,
                "smtpscope: %s holds pseudonyms and masked messages: these are sent, not what was "
                "sent then\n",
                path);
}

/* What was secret is not in the file: without a user the login is tried and fails. */
static void warn_if_login(const struct journal *j, const char *path, const struct settings *s)
{
    struct session_steps steps;
    const struct step *login = NULL;
    if (settings_is_set(s, SETTING_ID_user))
        return;
    session_steps_read(&steps, j);
    const struct step_list *l = session_steps_main(&steps, 0);
    for (size_t i = 0; l && i < l->n_steps && !login; i++)
        if (step_logs_in(&l->steps[i]))
            login = &l->steps[i];
    if (login)
        fprintf(stderr,
                "smtpscope: %s logs in (%s), and its password is not in it\n"
                "  means: the login cannot be said again; what needed it will be refused\n"
                "  next:  --user NAME with --password-command CMD, or netrc\n",
                path, step_word(login));
    session_steps_deinit(&steps);
}

static bool script_of(const struct journal *j, const char *path, const char *target, char **text,
                      size_t *len, struct err *err)
{
    const struct export_options options = {.name = path, .tool = CLI_TOOL, .again = true};
    FILE *to = open_memstream(text, len);
    if (!to)
        return false;
    fprintf(to, "/open %s\n", target);
    bool ok = export_write(j, export_format_by_name("script"), &options, to, err);
    fclose(to);
    return ok;
}

static void say_again(struct app *a, const struct cli_args *args, const char *path,
                      struct slice text)
{
    struct script *s =
        script_start(a->console, a->loop, path, text, cli_wait_ms(args->settings), NULL, NULL);
    struct again again = {a, s};
    loop_run_until(a->loop, over, &again);
    if (a->ended_by)
        script_stop(s);
    loop_turn(a->loop, 0); /* what the last line led to */
    const struct script_result *r = script_result(s);
    if (!r->ok)
        fprintf(stderr, "smtpscope: it went no further: %s\n", r->err.text);
    script_free(&s);
}

static int compare(struct app *a, const struct cli_args *args, const struct journal *then,
                   const char *path, const char *target)
{
    struct diff diff;
    struct err err;
    const struct diff_options options = {
        .name_a = path, .name_b = target, .conn_b = console_conn(a->console)};
    if (!diff_sessions(then, a->journal, &options, &diff, &err)) {
        cli_say_err(&err);
        return cli_status_number(args->settings, CLI_USAGE);
    }
    if (settings_bool(args->settings, SETTING_ID_json))
        diff_print_json(&diff, stdout);
    else
        diff_print(&diff, stdout);
    int status = diff.same ? SAME : DIFFERENT;
    diff_deinit(&diff);
    return status;
}

int cli_run_again(const struct cli_args *args, const char *path, const char *target)
{
    struct app a;
    struct err err;
    char *text = NULL;
    size_t len = 0;
    struct journal *then = cli_read_recording(path, &err);
    if (!then || !script_of(then, path, target, &text, &len, &err)) {
        cli_say_err(&err);
        journal_free(&then);
        free(text); /* library memory: open_memstream's */
        return cli_status_number(args->settings, CLI_USAGE);
    }
    warn_if_redacted(then, path);
    warn_if_login(then, path, args->settings);
    int status, signum = 0;
    if (app_open(&a, args, false, &err)) {
        app_watch_signals(&a);
        a.tell = true;
        say_again(&a, args, path, slice_of(text, len));
        const struct err *link_err = console_link_err(a.console);
        const struct session *s = console_session_const(a.console);
        bool up = s && journal_stream_len(a.journal, console_conn(a.console), DIR_S, LAYER_PLAIN);
        status = up ? compare(&a, args, then, path, target)
                    : cli_status_number(args->settings, cli_status_of_err(link_err));
        if (!up)
            cli_say_err(link_err);
        signum = a.ended_by;
        app_close(&a);
    } else {
        cli_say_err(&err);
        status = cli_status_number(args->settings, cli_status_of_err(&err));
    }
    journal_free(&then);
    free(text); /* library memory: open_memstream's */
    if (signum)
        app_end_by_signal(signum);
    return status;
}
