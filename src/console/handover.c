/* /export and /diff: what smtpscope export and diff do, for the session at hand. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console/console_private.h"
#include "report/diff.h"
#include "report/export.h"
#include "report/import.h"

static const struct export_format *format_named(struct slice word, struct err *err)
{
    char *name = mem_slice_dup(word), next[200] = "formats:";
    const struct export_format *found = export_format_by_name(name), *f;
    mem_free(name);
    if (found)
        return found;
    for (size_t i = 0; (f = export_format_at(i)); i++)
        snprintf(next + strlen(next), sizeof next - strlen(next), " %s", f->name);
    err_set(err, ERR_USAGE, 0, "/export wants a format and a file");
    err_explain(err, "", next);
    return NULL;
}

bool exec_export(struct console *c, const struct console_call *call)
{
    struct slice rest = call->args;
    const struct export_format *format = format_named(slice_next_word(&rest), call->err);
    rest = slice_trim(rest);
    if (format && rest.len == 0)
        err_set(call->err, ERR_USAGE, 0, "/export %s wants a file to write", format->name);
    if (!format || rest.len == 0)
        return false;
    char *path = mem_slice_dup(rest);
    /* Nothing is overwritten, and what was said is nobody else's to read. */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool ok = to != NULL;
    if (!ok) {
        err_set(call->err, ERR_FILE, errno, "cannot make %.150s: %s", path, strerror(errno));
        err_explain(call->err, errno == EEXIST ? "a file that is there is never overwritten" : "",
                    "");
    } else {
        const struct export_options options = {.name = path, .tool = c->options.tool};
        ok = export_write(console_shown(c), format, &options, to, call->err);
        if (fclose(to) != 0 && ok) {
            err_set(call->err, ERR_FILE, errno, "cannot write %.150s: %s", path, strerror(errno));
            ok = false;
        }
        if (!ok)
            unlink(path); /* half an export is none */
    }
    if (ok) {
        char text[240];
        snprintf(text, sizeof text, "exported as %s: %.180s", format->name, path);
        journal_note(c->journal, 0, LEVEL_INFO, text, "", "");
    }
    mem_free(path);
    return ok;
}

static struct journal *read_file(struct console *c, const char *path, struct err *err)
{
    struct journal *j = journal_new(journal_clock(c->journal));
    if (c->options.spool_dir)
        journal_set_spool_dir(j, c->options.spool_dir);
    if (!import_or_read(path, c->options.tool, j, NULL, err))
        journal_free(&j);
    return j;
}

static bool show_diff(struct console *c, const struct journal *a, const struct journal *b,
                      const struct diff_options *options, struct err *err)
{
    struct diff diff;
    char *text = NULL;
    size_t len = 0;
    if (!diff_sessions(a, b, options, &diff, err))
        return false;
    if (c->ui && c->ui->diff) {
        struct diff_page page;
        diff_page_make(&diff, &page);
        c->ui->diff(c->ui_ctx, &page);
        diff_page_deinit(&page);
        diff_deinit(&diff);
        return true;
    }
    FILE *to = open_memstream(&text, &len);
    if (to) {
        diff_print(&diff, to);
        fclose(to);
        console_page(c, "Two sessions compared", slice_of(text, len));
    }
    free(text); /* library memory: open_memstream's */
    diff_deinit(&diff);
    return true;
}

/* Files and a=N, b=N, in any order. False: *err. */
struct diff_words {
    char *files[2];
    uint64_t conns[2]; /* 0: not said */
};

static bool read_diff_words(struct slice rest, struct diff_words *out, struct err *err)
{
    *out = (struct diff_words){.files = {NULL, NULL}};
    size_t n_files = 0;
    for (struct slice word; (word = slice_next_word(&rest)).len > 0;) {
        bool conn =
            word.len > 2 && word.ptr[1] == '=' && (word.ptr[0] == 'a' || word.ptr[0] == 'b');
        if (conn && slice_to_u64(slice_skip(word, 2), UINT32_MAX, &out->conns[word.ptr[0] - 'a']))
            continue;
        if (conn || n_files == 2) {
            err_set(err, ERR_USAGE, 0, "/diff wants one or two recordings, and a=N, b=N");
            return false;
        }
        out->files[n_files++] = mem_slice_dup(word);
    }
    if (n_files == 0)
        err_set(err, ERR_USAGE, 0, "/diff wants a recording to compare this session with");
    return n_files > 0;
}

/* One file: it is A, this session is B. Two: one with the other. */
bool exec_diff(struct console *c, const struct console_call *call)
{
    struct diff_words words;
    struct journal *a = NULL, *b = NULL;
    bool ok = read_diff_words(call->args, &words, call->err);
    const char *second = words.files[1];
    ok = ok && (a = read_file(c, words.files[0], call->err)) != NULL &&
         (!second || (b = read_file(c, second, call->err)) != NULL);
    const struct diff_options options = {
        .name_a = words.files[0],
        .name_b = second      ? second
                  : c->replay ? replay_path(c->replay)
                              : "this session",
        .conn_a = (uint32_t)words.conns[0],
        .conn_b = words.conns[1] ? (uint32_t)words.conns[1]
                  : second       ? 0
                                 : console_shown_conn(c),
    };
    ok = ok && show_diff(c, a, b ? b : console_shown(c), &options, call->err);
    journal_free(&a);
    journal_free(&b);
    mem_free(words.files[0]);
    mem_free(words.files[1]);
    return ok;
}
