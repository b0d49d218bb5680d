/* Any recording, searched, compared with itself and with an empty one, and handed on in every form:
 * nothing breaks, JSON is JSON, text holds no controls, and a session is the same as itself. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "recording/recording.h"
#include "report/diff.h"
#include "report/export.h"
#include "report/find.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool truth)
{
    if (!truth)
        abort();
}

static struct journal *read_all(struct slice text, const struct clock *clock)
{
    struct journal *j = journal_new(clock);
    struct recording_parser *p = recording_parser_new(j);
    recording_parser_feed(p, text);
    recording_parser_end(&p, NULL);
    return j;
}

static void need_json(const char *text, size_t len)
{
    json_t *root = json_loadb(text, len, JSON_DECODE_ANY, NULL);
    need(root != NULL);
    json_decref(root);
}

static void need_safe(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        need(text[i] == '\n' || ((uint8_t)text[i] >= 0x20 && text[i] != 0x7f));
}

static void export_all(const struct journal *j)
{
    const struct export_options options = {.name = "fuzz", .tool = "fuzz", .message = 1};
    const struct export_format *f;
    for (size_t i = 0; (f = export_format_at(i)); i++) {
        struct err err;
        char *text;
        size_t len;
        FILE *to = open_memstream(&text, &len);
        bool ok = export_write(j, f, &options, to, &err);
        fclose(to);
        if (ok && strcmp(f->name, "json") == 0)
            need_json(text, len);
        if (strcmp(f->name, "eml") != 0 && strcmp(f->name, "pcapng") != 0 &&
            strcmp(f->name, "script") != 0)
            need_safe(text, len);
        free(text);
    }
}

static void find_all(const struct journal *j)
{
    struct err err;
    struct filter *f = filter_parse(slice_cstr("kind or code>0 or text~a"), &err);
    const struct find_options options = {.backstage = true};
    char *text;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    find_in_journal(f, &options, j, "fuzz", to);
    fclose(to);
    need_safe(text, len);
    free(text);
    filter_free(&f);
}

static void diff_all(const struct journal *j)
{
    const struct diff_options options = {.name_a = "a", .name_b = "b"};
    struct diff d;
    struct err err;
    if (!diff_sessions(j, j, &options, &d, &err))
        return;
    need(d.same);
    char *text;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    diff_print(&d, to);
    fclose(to);
    need_safe(text, len);
    free(text);
    to = open_memstream(&text, &len);
    diff_print_json(&d, to);
    fclose(to);
    need_json(text, len);
    free(text);
    diff_deinit(&d);
}

/* Its first half against the whole. */
static void diff_half(struct slice text, const struct journal *whole, const struct clock *clock)
{
    const struct diff_options options = {.name_a = "a", .name_b = "b"};
    struct diff d;
    struct err err;
    struct journal *half = read_all(slice_take(text, text.len / 2), clock);
    if (diff_sessions(half, whole, &options, &d, &err)) {
        char *out;
        size_t len;
        FILE *to = open_memstream(&out, &len);
        diff_print_json(&d, to);
        fclose(to);
        need_json(out, len);
        free(out);
        diff_deinit(&d);
    }
    journal_free(&half);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct clock_manual clock;
    clock_manual_init(&clock, 1, 1);
    struct slice text = slice_of(data, size);
    struct journal *j = read_all(text, &clock.clock);
    export_all(j);
    find_all(j);
    diff_all(j);
    diff_half(text, j, &clock.clock);
    journal_free(&j);
    return 0;
}
