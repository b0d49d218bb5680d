/* /export and /diff in the console. */
#include <sys/stat.h>
#include <unistd.h>

#include "report/export.h"
#include "world.h"

static bool noted(const struct world *w, const char *part)
{
    for (uint64_t seq = journal_first(w->journal); seq <= journal_last(w->journal); seq++) {
        const struct event *ev = journal_at(w->journal, seq);
        struct ev_note n;
        if (!ev || ev->kind != EVENT_NOTE)
            continue;
        EVENT_GET(ev, NOTE, &n);
        if (slice_find(n.text, slice_cstr(part)) >= 0)
            return true;
    }
    return false;
}

static bool say(struct world *w, struct err *err, const char *format, const char *dir)
{
    char *line = mem_printf("%s%s", format, dir);
    bool ok = console_submit(w->console, slice_cstr(line), "keys", err);
    mem_free(line);
    return ok;
}

static void test_export_and_diff(void **state)
{
    (void)state;
    char dir[] = "/tmp/smtpscope-handover-XXXXXX", path[80];
    struct world w;
    struct err err;
    struct stat st;
    assert_non_null(mkdtemp(dir));
    world_init(&w);
    snprintf(path, sizeof(path), "%s/x", dir);
    char *record = mem_printf("/record %s.jsonl\n/open practice\nEHLO a.example\nQUIT\n", path);
    world_run(&w, record);
    assert_true(recorder_flush(console_recorder(w.console), &err));

    assert_true(say(&w, &err, "/export html ", path));
    assert_true(noted(&w, "exported as html: "));
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 1000);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_false(say(&w, &err, "/export text ", path)); /* never overwritten */
    assert_int_equal(err.domain, ERR_FILE);
    unlink(path);
    assert_false(say(&w, &err, "/export eml ", path)); /* no message: and no file is left */
    assert_int_not_equal(stat(path, &st), 0);
    assert_false(say(&w, &err, "/export docx ", path));
    assert_non_null(strstr(err.next, " pcapng"));
    assert_false(say(&w, &err, "/export text", ""));

    snprintf(path, sizeof(path), "%s/x.jsonl", dir);
    assert_true(say(&w, &err, "/diff ", path));
    assert_true(noted(&w, "none: the sessions are the same"));
    assert_false(say(&w, &err, "/diff ", dir));
    assert_false(say(&w, &err, "/diff", ""));
    world_deinit(&w);
    unlink(path);
    rmdir(dir);
    mem_free(record);
}

/* The words that complete are the formats there are. */
static void test_formats_complete(void **state)
{
    (void)state;
    struct world w;
    struct console_completion found;
    size_t n = 0;
    world_init(&w);
    console_complete(w.console, SLICE_LIT("/export "), 8, &found);
    for (; export_format_at(n); n++)
        assert_string_equal(found.items[n].text, export_format_at(n)->name);
    assert_int_equal(found.n_items, n);
    console_completion_deinit(&found);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_export_and_diff),
        cmocka_unit_test(test_formats_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
