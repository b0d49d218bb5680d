/* smtpscope find, diff, export: what recordings tell, headless. Status as grep and diff give it. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/vis.h"
#include "recording/recording.h"
#include "report/diff.h"
#include "report/export.h"
#include "report/find.h"
#include "report/import.h"

enum { FOUND = 0, NOT_FOUND = 1, TROUBLE = 2 };

int cli_usage_status(const struct cli_verb *verb)
{
    bool ours = verb && (verb->run == cli_find || verb->run == cli_diff ||
                         verb->run == cli_export || verb->run == cli_import);
    return ours ? TROUBLE : CLI_USAGE;
}

static int trouble(const struct err *err)
{
    cli_say_err(err);
    return TROUBLE;
}

static void warn_damage(const char *path, const struct recording_report *r)
{
    char shown[160];
    vis_to_cstr(shown, sizeof shown, slice_cstr(path));
    if (r->lines_bad)
        fprintf(
            stderr,
            "smtpscope: %s: %llu lines are no events and were skipped, the first is line %llu\n",
            shown, (unsigned long long)r->lines_bad, (unsigned long long)r->first_bad_line);
    if (r->octets_lost)
        fprintf(stderr, "smtpscope: %s: the last line is cut off, %llu octets\n", shown,
                (unsigned long long)r->octets_lost);
    if (r->kinds_unknown)
        fprintf(stderr,
                "smtpscope: %s: %llu events of kinds this version does not know were skipped\n",
                shown, (unsigned long long)r->kinds_unknown);
}

int cli_find(const struct cli_args *args)
{
    struct err err;
    if (args->n_operands < 2) {
        fprintf(stderr, "smtpscope: find wants an expression and recordings: smtpscope find "
                        "'code>=500' FILE...\n");
        return TROUBLE;
    }
    struct filter *filter = filter_parse(slice_cstr(args->operands[0]), &err);
    if (!filter)
        return trouble(&err);
    const struct find_options options = {
        .json = cli_own(args, "json", 0) != NULL,
        .backstage = cli_own(args, "backstage", 0) != NULL,
    };
    uint64_t all = 0;
    bool ok = true;
    for (int i = 1; i < args->n_operands; i++) {
        struct recording_report report;
        uint64_t hits;
        if (!find_in_file(filter, &options, args->operands[i], stdout, &hits, &report, &err)) {
            cli_say_err(&err);
            ok = false;
        }
        warn_damage(args->operands[i], &report);
        all += hits;
    }
    filter_free(&filter);
    if (fflush(stdout) != 0)
        ok = false;
    return !ok ? TROUBLE : all > 0 ? FOUND : NOT_FOUND;
}

/* A whole recording in memory; its octets in a spool file where there are many. */
struct journal *cli_read_recording(const char *path, struct err *err)
{
    static const struct journal_limits limits = {.events_octets = (size_t)64 << 20,
                                                 .store_memory_octets = (size_t)4 << 20,
                                                 .store_spool_octets = UINT64_C(1) << 40};
    struct recording_report report;
    const char *tmp = getenv("TMPDIR");
    struct journal *j = journal_new(clock_system());
    journal_set_limits(j, &limits);
    journal_spill_events(j);
    journal_set_spool_dir(j, tmp && *tmp == '/' ? tmp : "/tmp");
    if (!import_or_read(path, CLI_TOOL, j, &report, err)) {
        journal_free(&j);
        return NULL;
    }
    warn_damage(path, &report);
    return j;
}

static bool conn_number(const struct cli_args *args, const char *name, uint32_t *out,
                        struct err *err)
{
    const char *text = cli_own(args, name, 0);
    uint64_t value = 0;
    if (text && (!slice_to_u64(slice_cstr(text), UINT32_MAX, &value) || value == 0)) {
        err_set(err, ERR_USAGE, 0, "--%s wants the number of a connection, from 1", name);
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

int cli_diff(const struct cli_args *args)
{
    struct err err;
    if (args->n_operands != 2) {
        fprintf(stderr, "smtpscope: diff wants two recordings: smtpscope diff A B\n");
        return TROUBLE;
    }
    struct diff_options options = {.name_a = args->operands[0], .name_b = args->operands[1]};
    struct diff diff;
    struct journal *a = NULL, *b = NULL;
    int status = TROUBLE;
    if (!conn_number(args, "conn-a", &options.conn_a, &err) ||
        !conn_number(args, "conn-b", &options.conn_b, &err) ||
        !(a = cli_read_recording(options.name_a, &err)) ||
        !(b = cli_read_recording(options.name_b, &err)) ||
        !diff_sessions(a, b, &options, &diff, &err)) {
        trouble(&err);
        goto out;
    }
    if (cli_own(args, "json", 0))
        diff_print_json(&diff, stdout);
    else
        diff_print(&diff, stdout);
    status = diff.same ? 0 : 1;
    diff_deinit(&diff);
    if (fflush(stdout) != 0)
        status = TROUBLE;
out:
    journal_free(&a);
    journal_free(&b);
    return status;
}

/* ---- export ---- */

static const struct export_format *format_of(const struct cli_args *args, struct err *err)
{
    const char *name = cli_own(args, "to", 0);
    const struct export_format *f = name ? export_format_by_name(name) : NULL;
    if (f)
        return f;
    struct buf all;
    buf_init(&all, 1024);
    for (size_t i = 0; (f = export_format_at(i)); i++)
        buf_printf(&all, "%s%s", i ? ", " : "", f->name);
    if (name)
        err_set(err, ERR_USAGE, 0, "there is no format %.40s", name);
    else
        err_set(err, ERR_USAGE, 0, "export wants --to FORMAT");
    char next[240];
    snprintf(next, sizeof next, "formats: %s", buf_cstr(&all));
    err_explain(err, "", next);
    buf_deinit(&all);
    return NULL;
}

/* "out.eml", 2 becomes "out-2.eml"; 0 leaves it. The caller frees. */
static char *numbered(const char *path, unsigned number)
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    if (number == 0)
        return mem_strdup(path);
    if (dot && dot > path && (!slash || dot > slash + 1))
        return mem_printf("%.*s-%u%s", (int)(dot - path), path, number, dot);
    return mem_printf("%s-%u", path, number);
}

/* Nothing that is there is overwritten. NULL: *err. */
static FILE *new_file(const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!to) {
        err_set(err, ERR_FILE, errno, "cannot make %.150s: %s", path, strerror(errno));
        err_explain(err, errno == EEXIST ? "a file that is there is never overwritten" : "",
                    "choose another name with --output");
    }
    return to;
}

/* Half an export does not stay. */
static bool export_file(const struct journal *j, const struct export_format *format,
                        const struct export_options *options, const char *path, struct err *err)
{
    FILE *to = new_file(path, err);
    if (!to)
        return false;
    bool ok = export_write(j, format, options, to, err);
    if (fclose(to) != 0 && ok) {
        err_set(err, ERR_FILE, errno, "cannot write %.150s: %s", path, strerror(errno));
        ok = false;
    }
    if (!ok)
        unlink(path);
    return ok;
}

static bool export_to(const struct journal *j, const struct export_format *format,
                      const struct export_options *options, const char *path, unsigned number,
                      struct err *err)
{
    if (!path || strcmp(path, "-") == 0)
        return export_write(j, format, options, stdout, err);
    char *name = numbered(path, number);
    bool ok = export_file(j, format, options, name, err);
    mem_free(name);
    return ok;
}

/* Several messages and a file's name: each gets a file of its own. */
static bool export_all(const struct journal *j, const struct export_format *format,
                       struct export_options *options, const char *path, struct err *err)
{
    bool eml = strcmp(format->name, "eml") == 0;
    unsigned count = eml && path && strcmp(path, "-") != 0 && options->message == 0
                         ? export_message_count(j)
                         : 1;
    if (count <= 1)
        return export_to(j, format, options, path, 0, err);
    for (options->message = 1; options->message <= count; options->message++)
        if (!export_to(j, format, options, path, options->message, err))
            return false;
    return true;
}

/* TLS keys for a capture, as SSLKEYLOGFILE wrote them. */
static bool read_keys(const char *path, struct buf *out, struct err *err)
{
    FILE *f = fopen(path, "re");
    bool ok = f != NULL;
    while (ok) {
        uint8_t *room = buf_room(out, 4096);
        size_t n = room ? fread(room, 1, 4096, f) : 0;
        ok = room && !ferror(f);
        if (n == 0)
            break;
        buf_grow(out, n);
    }
    if (!ok)
        err_set(err, ERR_FILE, errno, "cannot read the keys of %.150s: %s", path,
                f && !ferror(f) ? "more than 1 MiB" : strerror(errno));
    if (f)
        fclose(f);
    return ok;
}

int cli_export(const struct cli_args *args)
{
    struct err err;
    const char *number = cli_own(args, "message", 0);
    uint64_t message = 0;
    if (args->n_operands != 1) {
        fprintf(stderr,
                "smtpscope: export wants one recording: smtpscope export --to FORMAT FILE\n");
        return TROUBLE;
    }
    const struct export_format *format = format_of(args, &err);
    if (!format)
        return trouble(&err);
    if (number && (!slice_to_u64(slice_cstr(number), UINT32_MAX, &message) || message == 0)) {
        err_set(&err, ERR_USAGE, 0, "--message wants a number, from 1");
        return trouble(&err);
    }
    struct buf keys;
    buf_init(&keys, 1 << 20);
    const char *keylog = cli_own(args, "keylog", 0);
    struct journal *j = !keylog || read_keys(keylog, &keys, &err)
                            ? cli_read_recording(args->operands[0], &err)
                            : NULL;
    if (!j) {
        buf_deinit(&keys);
        return trouble(&err);
    }
    struct export_options options = {
        .name = args->operands[0],
        .tool = CLI_TOOL,
        .message = (unsigned)message,
        .standard_ports = cli_own(args, "standard-ports", 0) != NULL,
        .keys = buf_slice(&keys),
    };
    bool ok = export_all(j, format, &options, cli_own(args, "output", 0), &err);
    journal_free(&j);
    buf_deinit(&keys);
    return ok ? 0 : trouble(&err);
}

/* ---- import ---- */

int cli_import(const struct cli_args *args)
{
    struct err err;
    const char *path = cli_own(args, "output", 0);
    FILE *to = stdout;
    if (args->n_operands != 1) {
        fprintf(stderr, "smtpscope: import wants one transcript: smtpscope import FILE -o OUT\n");
        return TROUBLE;
    }
    bool own = path && strcmp(path, "-") != 0;
    if (own && !(to = new_file(path, &err)))
        return trouble(&err);
    bool ok = import_write(args->operands[0], CLI_TOOL, to, &err);
    if (own && fclose(to) != 0 && ok) {
        err_set(&err, ERR_FILE, errno, "cannot write %.150s: %s", path, strerror(errno));
        ok = false;
    }
    if (own && !ok)
        unlink(path);
    return ok ? 0 : trouble(&err);
}
