/* /export and /diff in the console. */
#include <sys/stat.h>
#include <unistd.h>

#include "report/annotations.h"
#include "report/export.h"
#include "world.h"

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
    assert_true(world_noted(&w, "exported as html: "));
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
    assert_true(world_noted(&w, "none: the sessions are the same"));
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

/* ---- what a person adds ---- */

struct added {
    unsigned marks, notes;
    struct annotation mark, note; /* the last of each */
    char mark_name[40], note_text[80];
};

static struct added added_to(const struct journal *j)
{
    struct added a = {.marks = 0};
    struct annotations all;
    const struct annotation *one;
    annotations_read(&all, j);
    while ((one = annotations_next(&all, UINT64_MAX)) != NULL) {
        a.marks += one->mark;
        a.notes += !one->mark;
        *(one->mark ? &a.mark : &a.note) = *one;
        snprintf(one->mark ? a.mark_name : a.note_text, 40, "%s", one->text);
    }
    annotations_deinit(&all);
    return a;
}

static enum event_kind kind_at(const struct journal *j, uint64_t seq)
{
    const struct event *ev = journal_at(j, seq);
    assert_non_null(ev);
    return (enum event_kind)ev->kind;
}

static void test_marks_and_notes(void **state)
{
    (void)state;
    char dir[] = "/tmp/smtpscope-marks-XXXXXX", path[80];
    struct world w;
    struct err err;
    assert_non_null(mkdtemp(dir));
    world_init(&w);
    assert_false(say(&w, &err, "/mark", "")); /* nothing to mark */
    world_run(&w, "/open practice\nEHLO a.example\n");
    assert_true(say(&w, &err, "/mark", ""));
    assert_true(say(&w, &err, "/note 2 of connecting", ""));
    struct added a = added_to(w.journal);
    assert_int_equal(a.marks, 1);
    assert_string_equal(a.mark_name, "a");
    assert_string_equal(a.note_text, "of connecting");
    assert_int_equal(kind_at(w.journal, a.note.at_seq), EVENT_LINK_TRY);
    uint64_t marked = a.mark.at_seq;

    world_run(&w, "NOOP\n");
    assert_true(say(&w, &err, "/mark", "")); /* the next free letter */
    a = added_to(w.journal);
    assert_int_equal(a.marks, 2);
    assert_string_equal(a.mark_name, "b");
    assert_true(a.mark.at_seq > marked);
    assert_true(say(&w, &err, "/mark a", "")); /* moves it */
    assert_int_equal(added_to(w.journal).marks, 2);
    assert_false(say(&w, &err, "/mark two words", ""));
    assert_true(say(&w, &err, "/note 99999 is no line", "")); /* so it is text */
    assert_string_equal(added_to(w.journal).note_text, "99999 is no line");
    assert_false(say(&w, &err, "/note", ""));

    /* They travel: saved, shown, added to, and saved again. */
    snprintf(path, sizeof(path), "%s/a.jsonl", dir);
    assert_true(say(&w, &err, "/save ", path));
    assert_false(say(&w, &err, "/save ", path)); /* nothing is overwritten */
    struct world v;
    world_init(&v);
    assert_true(console_replay_open(v.console, path, &err));
    struct journal *shown = console_shown(v.console);
    assert_true(shown != v.journal);
    a = added_to(shown);
    assert_int_equal(a.marks, 2);
    assert_int_equal(a.notes, 2);
    assert_true(say(&v, &err, "/note 2 seen again", ""));
    unlink(path);
    assert_true(say(&v, &err, "/save ", path));
    struct journal *back = journal_new(clock_system());
    struct recording_report report;
    assert_true(recording_read(path, back, &report, &err));
    assert_int_equal(report.lines_bad, 0);
    a = added_to(back);
    assert_int_equal(a.marks, 2);
    assert_int_equal(a.notes, 3);
    journal_free(&back);
    world_deinit(&v);
    world_deinit(&w);
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_export_and_diff),
        cmocka_unit_test(test_formats_complete),
        cmocka_unit_test(test_marks_and_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
