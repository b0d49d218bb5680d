/* smtpscope run: a script of console lines, headless. Also the console without a terminal, which
 * reads its lines from standard input. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/report.h"

enum { SCRIPT_MAX_OCTETS = 4 << 20 }; /* limit "script" */

/* A whole file or standard input ("-") into out. */
static bool read_whole(const char *path, struct buf *out, struct err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0;
    while (ok) {
        uint8_t *room = buf_room(out, 65536);
        if (!room) {
            err_set(err, ERR_LIMIT, 0, "%s: longer than the limit script, %d octets", path,
                    SCRIPT_MAX_OCTETS);
            goto out;
        }
        ssize_t n = read(fd, room, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            break;
        ok = n > 0;
        if (ok)
            buf_grow(out, (size_t)n);
    }
    if (!ok) {
        err_set(err, ERR_FILE, errno, "cannot read %s: %s", path, strerror(errno));
        err_explain(err, "the script never started; nothing was sent",
                    "check the name, or use - for standard input");
    }
    if (ok && fd > 0)
        close(fd);
    return ok;
out:
    if (!is_stdin)
        close(fd);
    return false;
}

struct running {
    const struct app *app;
    struct script *script;
};

static bool over(void *ctx)
{
    const struct running *r = ctx;
    return r->app->ended_by || script_result(r->script)->done;
}

uint64_t cli_wait_ms(const struct settings *s)
{
    uint64_t seconds = settings_number(s, SETTING_ID_timeout);
    return (seconds ? seconds : 30) * 1000;
}

static enum cli_status status_of(const struct script_result *r)
{
    if (r->ok)
        return r->helper_failed ? cli_status_of(&r->helper, &r->helper_link_err) : CLI_OK;
    return r->expectation_failed ? CLI_EXPECT : cli_status_of_err(&r->err);
}

/* It went on to its end, and yet something it asked for was refused. */
static void say_helper(const char *name, const struct script_result *r, enum cli_status status)
{
    const struct smtp_result *h = &r->helper;
    fprintf(stderr, "smtpscope: %s line %u: ", name, r->helper_line);
    if (h->err.domain != ERR_NONE)
        fprintf(stderr, "%s\n", h->err.text);
    else if (h->code)
        fprintf(stderr, "refused at %s with %u\n", smtp_step_name(h->stage), h->code);
    else
        fprintf(stderr, "it ended at %s: %s\n", smtp_step_name(h->stage),
                smtp_outcome_name(h->outcome));
    fprintf(stderr,
            "  the script went on to its end; the status is %d for it\n"
            "  next: where that is what it is for, say so behind the line, by expect\n",
            (int)status);
}

/* Run `text` as a script on a; says what went wrong. */
static enum cli_status run_script(struct app *a, const struct cli_args *args, const char *name,
                                  struct slice text)
{
    struct script *s =
        script_start(a->console, a->loop, name, text, cli_wait_ms(args->settings), NULL, NULL);
    struct running running = {a, s};
    loop_run_until(a->loop, over, &running);
    if (a->ended_by)
        script_stop(s);
    loop_turn(a->loop, 0); /* what the last line led to */
    app_print_rest(a);
    const struct script_result *r = script_result(s);
    enum cli_status status = status_of(r);
    if (!r->ok) {
        fprintf(stderr, "smtpscope: %s line %u: %s\n", name, r->line, r->err.text);
        if (r->err.means[0])
            fprintf(stderr, "  %s\n", r->err.means);
        if (r->err.next[0])
            fprintf(stderr, "  next: %s\n", r->err.next);
    }
    if (r->ok && r->helper_failed)
        say_helper(name, r, status);
    if (settings_bool(args->settings, SETTING_ID_json))
        cli_report_print(stdout, a, status);
    script_free(&s);
    return status;
}

/* Put "/open TARGET" before the script where a target was named. */
static void with_target(struct buf *text, const char *target)
{
    buf_printf(text, "/open %s\n", target);
}

int cli_run_stdin(const struct cli_args *args, const char *path, const char *target)
{
    struct app a;
    struct err err;
    struct buf text;
    buf_init(&text, SCRIPT_MAX_OCTETS);
    enum cli_status status = CLI_USAGE;
    int signum = 0;
    struct buf whole;
    buf_init(&whole, SCRIPT_MAX_OCTETS + 1024);

    if (!read_whole(path, &text, &err) || !app_open(&a, args, false, &err)) {
        cli_say_err(&err);
        goto out;
    }
    cli_ask_at_terminal(&a);
    app_watch_signals(&a);
    a.tell = settings_bool(args->settings, SETTING_ID_quiet) ||
             settings_bool(args->settings, SETTING_ID_json);
    if (!a.tell)
        app_print_transcript(&a, cli_print_stream(args->settings), true);
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    if (target) {
        with_target(&whole, target);
        status = run_script(&a, args, "TARGET", buf_slice(&whole));
    }
    if (!target || status == CLI_OK)
        status = run_script(&a, args, name, buf_slice(&text));
    signum = a.ended_by;
    app_close(&a);
out:
    buf_deinit(&text);
    buf_deinit(&whole);
    if (signum)
        app_end_by_signal(signum);
    return cli_status_number(args->settings, status);
}

int cli_run(const struct cli_args *args)
{
    const char *replay = cli_own(args, "replay", 0);
    if (replay && args->n_operands == 1)
        return cli_run_again(args, replay, args->operands[0]);
    if (replay) {
        fprintf(stderr, "smtpscope: run --replay wants a recording and a target: smtpscope run "
                        "--replay FILE TARGET\n");
        return CLI_USAGE;
    }
    if (args->n_operands == 0) {
        fprintf(
            stderr,
            "smtpscope: run wants a script: smtpscope run SCRIPT [TARGET], - for standard input\n");
        return CLI_USAGE;
    }
    return cli_run_stdin(args, args->operands[0], args->n_operands > 1 ? args->operands[1] : NULL);
}
