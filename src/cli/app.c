/* What the subcommands share: loop, journal, console, recording, and printing the transcript as
 * lines. */
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/vis.h"
#include "decode/transcript.h"

/* Error texts quote file names, arguments and what a peer said: in their safe form only. */
static void say(const char *before, const char *text)
{
    char shown[4 * sizeof((struct err *)0)->text];
    vis_to_cstr(shown, sizeof shown, slice_cstr(text));
    fprintf(stderr, "%s%s\n", before, shown);
}

void cli_say_err(const struct err *err)
{
    if (err->domain == ERR_USAGE) { /* one line: what, and how to fix it */
        char line[sizeof err->text + sizeof err->next + 2];
        snprintf(line, sizeof line, "%s%s%s", err->text, err->next[0] ? "; " : "", err->next);
        say("smtpscope: ", line);
        return;
    }
    say("smtpscope: ", err->text);
    if (err->means[0])
        say("  means: ", err->means);
    if (err->next[0])
        say("  next:  ", err->next);
}

/* $XDG_<what>_HOME/smtpscope, or ~/<fallback>/smtpscope; NULL without a home. The caller frees. */
static char *xdg_dir(const char *variable, const char *fallback)
{
    const char *base = getenv(variable);
    if (base && *base == '/')
        return mem_printf("%s/smtpscope", base);
    const char *home = getenv("HOME");
    return home && *home ? mem_printf("%s/%s/smtpscope", home, fallback) : NULL;
}

/* mkdir -p with mode 0700 for what is made. False: it is not there afterwards. */
static bool make_dirs(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static char *spool_dir(void)
{
    const char *tmp = getenv("TMPDIR");
    return mem_strdup(tmp && *tmp == '/' ? tmp : "/tmp");
}

static char *netrc_path(void)
{
    const char *named = getenv("NETRC");
    if (named && *named)
        return mem_strdup(named);
    const char *home = getenv("HOME");
    return home && *home ? mem_printf("%s/.netrc", home) : NULL;
}

/* What we call ourselves in EHLO where nobody says: the host's name if it is one with a dot. */
static char *host_name(void)
{
    char name[256] = "";
    if (gethostname(name, sizeof name - 1) == 0 && strchr(name, '.'))
        return mem_strdup(name);
    return mem_strdup("[127.0.0.1]");
}

/* given: what the command line has set goes before the file. */
static bool config_line(struct settings *s, const bool *given, struct slice line, struct err *err)
{
    line = slice_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return true;
    struct slice word = slice_next_word(&line);
    if (slice_eq(word, SLICE_LIT("/set")) || slice_eq(word, SLICE_LIT("set")))
        word = slice_next_word(&line);
    enum setting_id id = setting_by_name(word);
    if (id == SETTING_ID__COUNT) {
        char shown[80];
        vis_to_cstr(shown, sizeof shown, word);
        err_set(err, ERR_USAGE, 0, "no setting is called %s", shown);
        return false;
    }
    if (given[id])
        return true;
    char *value = mem_slice_dup(slice_trim(line));
    bool ok = settings_set(s, id, value, err);
    mem_free(value);
    return ok;
}

static bool read_config(struct settings *s, struct err *err)
{
    char *dir = xdg_dir("XDG_CONFIG_HOME", ".config");
    char *path = dir ? mem_printf("%s/config", dir) : NULL;
    mem_free(dir);
    FILE *f = path ? fopen(path, "re") : NULL;
    bool ok = true;
    char *line = NULL;
    size_t alloc = 0;
    bool given[SETTING_ID__COUNT];
    for (int id = 0; id < SETTING_ID__COUNT; id++)
        given[id] = settings_is_set(s, (enum setting_id)id);
    for (unsigned number = 1; f && ok; number++) {
        ssize_t len = getline(&line, &alloc, f);
        if (len < 0)
            break;
        struct err inner;
        ok = config_line(s, given, slice_of(line, (size_t)len), &inner);
        if (!ok)
            err_set(err, ERR_USAGE, 0, "%s line %u: %s", path, number, inner.text);
    }
    free(line); /* library memory: getline's */
    if (f)
        fclose(f);
    mem_free(path);
    return ok;
}

static void turn_end_flush(void *ctx)
{
    struct app *a = ctx;
    struct recorder *r = console_recorder(a->console);
    struct err err;
    err_clear(&err); /* set once, when the file breaks */
    if (!r || recorder_flush(r, &err) || err.domain == ERR_NONE)
        return;
    journal_note_err(a->journal, 0, &err);
    if (a->tell)
        cli_say_err(&err);
}

static void emergency_flush(void *ctx)
{
    struct app *a = ctx;
    struct recorder *r = a->console ? console_recorder(a->console) : NULL;
    if (r)
        recorder_flush_emergency(r);
}

/* A file of the state directory; NULL where there is no home to keep it in. */
static char *state_path(const char *name)
{
    char *dir = xdg_dir("XDG_STATE_HOME", ".local/state");
    char *path = dir && make_dirs(dir) ? mem_printf("%s/%s", dir, name) : NULL;
    mem_free(dir);
    return path;
}

/* "name, Linux 6.1.0 x86_64". */
static char *host_facts(void)
{
    struct utsname u;
    if (uname(&u) != 0)
        return mem_strdup("");
    return mem_printf("%s, %s %s %s", u.nodename, u.sysname, u.release, u.machine);
}

/* The key of the pseudonyms, the same in every run, so that redacted recordings of one person
 * compare. Made when it is first wanted. */
static bool read_redact_key(uint8_t *key, size_t len)
{
    char *dir = xdg_dir("XDG_STATE_HOME", ".local/state");
    char *path = dir && make_dirs(dir) ? mem_printf("%s/redact.key", dir) : NULL;
    bool ok = false;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        ok = read(fd, key, len) == (ssize_t)len;
    } else if (path && errno == ENOENT && getrandom(key, len, 0) == (ssize_t)len) {
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        ok = fd >= 0 && write(fd, key, len) == (ssize_t)len;
    }
    if (fd >= 0)
        close(fd);
    mem_free(path);
    mem_free(dir);
    return ok;
}

static uint64_t shifted_tick_ns(void *ctx)
{
    const struct app *a = ctx;
    const struct clock *clock = cli_clock();
    return clock->tick_ns(clock->ctx) + (uint64_t)a->clock_shift_ns;
}

static int64_t wall_us(void *ctx)
{
    (void)ctx;
    const struct clock *clock = cli_clock();
    return clock->wall_us(clock->ctx);
}

void app_clock_continue(struct app *a)
{
    const struct event *last = journal_at(a->journal, journal_last(a->journal));
    if (last)
        a->clock_shift_ns += (int64_t)(last->tick_ns - shifted_tick_ns(a));
}

static void stop_on_signal(void *ctx, int signum)
{
    struct app *a = ctx;
    a->ended_by = signum;
    loop_stop(a->loop);
}

void app_watch_signals(struct app *a)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < 3; i++)
        a->signals[i] = loop_signal_new(a->loop, signals[i], stop_on_signal, a);
}

void app_end_by_signal(int signum)
{
    signal(signum, SIG_DFL);
    raise(signum);
}

bool app_open(struct app *a, const struct cli_args *args, bool read_only, struct err *err)
{
    *a = (struct app){0};
    if (!read_config(args->settings, err))
        return false;
    a->spool_dir = spool_dir();
    a->netrc_path = netrc_path();
    a->host_name = host_name();
    a->history_path = state_path("history");
    a->screen_path = state_path("screen");
    a->host = host_facts();
    a->draft_path = state_path("draft.eml");
    a->loop = loop_new();
    a->clock = (struct clock){.tick_ns = shifted_tick_ns, .wall_us = wall_us, .ctx = a};
    a->journal = journal_new(&a->clock);
    journal_set_spool_dir(a->journal, a->spool_dir);
    const struct console_options options = {
        .spool_dir = a->spool_dir,
        .netrc_path = a->netrc_path,
        .keylog_path = getenv("SSLKEYLOGFILE"),
        .host_name = a->host_name,
        .tool = CLI_TOOL,
        .command_line = args->command_line,
        .host = a->host,
        .redact_key = read_redact_key,
        .read_only = read_only,
    };
    a->console = console_new(a->loop, a->journal, args->settings, &options);
    loop_add_turn_end(a->loop, turn_end_flush, a);
    fatal_add_hook(emergency_flush, a);
    const char *record = settings_text(args->settings, SETTING_ID_record);
    if (*record && !console_record(a->console, record, err)) {
        app_close(a);
        return false;
    }
    return true;
}

void app_close(struct app *a)
{
    if (a->console)
        turn_end_flush(a);
    fatal_remove_hook(emergency_flush, a);
    if (a->transcript)
        app_print_rest(a);
    if (a->print_done)
        a->print_done(a->print_ctx);
    console_free(&a->console);
    transcript_free(&a->transcript);
    for (size_t i = 0; i < 3; i++)
        loop_signal_free(&a->signals[i]);
    journal_free(&a->journal);
    loop_free(&a->loop);
    mem_free(a->spool_dir);
    mem_free(a->netrc_path);
    mem_free(a->host_name);
    mem_free(a->history_path);
    mem_free(a->screen_path);
    mem_free(a->host);
    mem_free(a->draft_path);
    *a = (struct app){0};
}

/* Print lines from a->printed on; an open line (no line end yet) waits, unless `all`. */
static void print_new(struct app *a, bool all)
{
    size_t changed;
    transcript_update(a->transcript, &changed);
    struct buf line;
    buf_init(&line, 1 << 20);
    size_t count = transcript_count(a->transcript);
    for (; a->printed < count; a->printed++) {
        const struct transcript_line *t = transcript_at(a->transcript, a->printed);
        if (!all && (t->flags & TRANSCRIPT_OPEN))
            break;
        if (a->print_line) {
            a->print_line(a->print_ctx, a->printed);
            continue;
        }
        buf_reset(&line);
        transcript_print(a->transcript, a->printed, &line);
        fwrite(line.ptr, 1, line.len, a->print_to);
    }
    buf_deinit(&line);
    fflush(a->print_to);
}

static void turn_end_print(void *ctx)
{
    struct app *a = ctx;
    print_new(a, false);
}

void app_print_transcript(struct app *a, FILE *to, bool backstage)
{
    a->print_to = to;
    a->transcript = transcript_new(a->journal, 0, backstage);
    loop_add_turn_end(a->loop, turn_end_print, a);
}

void app_print_rest(struct app *a)
{
    if (!a->transcript)
        return;
    loop_remove_turn_end(a->loop, turn_end_print, a);
    print_new(a, true);
}
