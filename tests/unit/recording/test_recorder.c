/* Writing recordings: files, secrets, late starts, full disks, and a process that is killed. */
#include "sample.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    struct clock_manual clock;
    struct journal *journal;
    char dir[32], path[64];
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    clock_manual_init(&f->clock, 5000000000, 1795456931000123);
    f->journal = journal_new(&f->clock.clock);
    snprintf(f->dir, sizeof(f->dir), "/tmp/test-recorder-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof(f->path), "%s/r.jsonl", f->dir);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    journal_free(&f->journal);
    unlink(f->path);
    rmdir(f->dir);
    mem_free(f);
    return 0;
}

static struct recorder *open_recorder(struct fixture *f, const char *path, bool keep_secrets,
                                      bool append, struct err *err)
{
    const struct recorder_options options = {.path = path,
                                             .tool = "smtpscope test",
                                             .command_line = "run x",
                                             .target = "mx.example",
                                             .keep_secrets = keep_secrets,
                                             .append_existing_ok = append};
    return recorder_open(f->journal, &options, err);
}

static char *file_text(const char *path)
{
    struct buf text;
    buf_init(&text, 16 << 20);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    uint8_t octets[4096];
    for (size_t n; (n = fread(octets, 1, sizeof(octets), file)) > 0;)
        buf_append(&text, slice_of(octets, n));
    fclose(file);
    char *copy = mem_strdup(buf_cstr(&text));
    buf_deinit(&text);
    return copy;
}

static struct journal *read_back(struct fixture *f, struct recording_report *report)
{
    struct err err = {0};
    struct journal *j = journal_new(&f->clock.clock);
    if (!recording_read(f->path, j, report, &err))
        fail_msg("%s", err.text);
    return j;
}

static void test_file_is_private_and_first_line_says_what(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct stat st;
    struct recorder *r = open_recorder(f, f->path, false, false, &err);
    assert_non_null(r);
    assert_string_equal(recorder_path(r), f->path);
    assert_true(recorder_flush(r, &err));
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(recorder_octets(r), st.st_size);
    assert_true(recorder_close(&r, &err));
    assert_null(r);
    char *text = file_text(f->path);
    assert_string_equal(text, "{\"seq\":1,\"kind\":\"recording\",\"t\":0.000000000,"
                              "\"at\":\"2026-11-23T18:02:11.000123Z\",\"schema\":1,"
                              "\"tool\":\"smtpscope test\",\"command_line\":\"run x\","
                              "\"target\":\"mx.example\",\"redacted\":1}\n");
    mem_free(text);
}

static void test_secrets_stay_out(void **state)
{
    for (int keep = 0; keep < 2; keep++) {
        struct fixture *f = *state;
        struct err err = {0};
        struct recording_report report;
        struct recorder *r = open_recorder(f, f->path, keep, false, &err);
        assert_non_null(r);
        sample_session(f->journal, &f->clock);
        assert_true(recorder_close(&r, &err));
        char *text = file_text(f->path);
        assert_int_equal(strstr(text, SECRET) != NULL, keep);
        assert_int_equal(strstr(text, "AUTH PLAIN ****************\\r\\n") == NULL, keep);
        assert_non_null(strstr(text, "\"hidden\":[[11,16]]"));
        assert_null(strstr(text, "store_at"));
        assert_non_null(strstr(text, "\"backstage\":true"));
        mem_free(text);
        struct journal *back = read_back(f, &report);
        assert_int_equal(report.lines_bad, 0);
        assert_int_equal(report.events, journal_last(back));
        journal_free(&back);
        unlink(f->path);
        journal_free(&f->journal);
        f->journal = journal_new(&f->clock.clock);
    }
}

static void test_late_start_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct recording_report report;
    struct ev_recording first;
    sample_session(f->journal, &f->clock);
    uint64_t before = journal_last(f->journal);
    struct recorder *r = open_recorder(f, f->path, false, false, &err);
    assert_int_equal(journal_last(f->journal), before);
    journal_note(f->journal, 0, LEVEL_INFO, "later", "", "");
    assert_true(recorder_close(&r, &err));
    struct journal *back = read_back(f, &report);
    assert_int_equal(report.events, before + 2);
    assert_int_equal(report.lines_bad, 0);
    EVENT_GET(journal_at(back, 1), RECORDING, &first);
    assert_true(slice_eq(first.tool, SLICE_LIT("smtpscope test")));
    assert_int_equal(journal_at(back, 2)->kind, journal_at(f->journal, 1)->kind);
    assert_int_equal(journal_at(back, before + 2)->kind, EVENT_NOTE);
    journal_free(&back);
}

static void test_nothing_is_overwritten(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct recorder *r = open_recorder(f, f->path, false, false, &err);
    assert_true(recorder_close(&r, &err));
    assert_null(open_recorder(f, f->path, false, false, &err));
    assert_int_equal(err.domain, ERR_FILE);
    assert_int_equal(err.code, EEXIST);
    assert_true(err.text[0] && err.means[0] && err.next[0]);
    unlink(f->path);

    assert_int_equal(symlink("/tmp/h", f->path), 0);
    assert_null(open_recorder(f, f->path, false, true, &err));
    unlink(f->path);
    assert_int_equal(mkfifo(f->path, 0600), 0);
    assert_null(open_recorder(f, f->path, false, true, &err));
    unlink(f->path);
    assert_null(open_recorder(f, "/nonexistent/x", false, false, &err));
    assert_int_equal(err.code, ENOENT);
}

static void test_appending(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct stat st;
    struct recording_report report;
    struct recorder *r = open_recorder(f, f->path, false, false, &err);
    sample_session(f->journal, &f->clock);
    assert_true(recorder_close(&r, &err));
    uint64_t n = journal_last(f->journal);
    /* The first writer was cut off, and somebody opened the file to others. */
    int fd = open(f->path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "{\"seq\":", 7), 7);
    close(fd);
    chmod(f->path, 0644);
    journal_free(&f->journal);
    f->journal = journal_new(&f->clock.clock);
    r = open_recorder(f, f->path, false, true, &err);
    assert_non_null(r);
    sample_session(f->journal, &f->clock);
    assert_true(recorder_close(&r, &err));
    stat(f->path, &st);
    assert_int_equal(st.st_mode & 0777, 0600);
    struct journal *back = read_back(f, &report);
    assert_int_equal(report.events, 2 * n);
    assert_int_equal(report.lines_bad, 1);
    assert_int_equal(journal_at(back, n + 3)->conn, 2);
    journal_free(&back);
}

static void test_full_disk_is_said_once(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    int saved = dup(STDOUT_FILENO), full = open("/dev/full", O_WRONLY);
    assert_true(full >= 0);
    fflush(stdout);
    dup2(full, STDOUT_FILENO);
    struct recorder *r = open_recorder(f, "-", false, false, &err);
    bool first = recorder_flush(r, &err);
    struct err second = {0};
    sample_session(f->journal, &f->clock);
    bool again = recorder_flush(r, &second);
    bool closed = recorder_close(&r, &second);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(full);
    assert_false(first || again || closed);
    assert_int_equal(err.code, ENOSPC);
    assert_true(err.text[0] && err.means[0] && err.next[0]);
    assert_int_equal(second.domain, ERR_NONE);
}

/* A large message leaves the buffer by itself, and comes back. */
static void test_much(void **state)
{
    enum { PIECES = 40 };
    struct fixture *f = *state;
    struct err err = {0};
    struct recording_report report;
    uint8_t *piece = mem_alloc(65536);
    for (size_t i = 0; i < 65536; i++)
        piece[i] = (uint8_t)(i % 78 == 77 ? '\n' : 'a' + i % 26);
    struct recorder *r = open_recorder(f, f->path, false, false, &err);
    uint32_t conn = journal_conn_new(f->journal);
    for (int i = 0; i < PIECES; i++) {
        piece[0] = (uint8_t)(i % 2 ? 0xff : 'x'); /* both forms */
        journal_append_octets(f->journal, conn, DIR_C, LAYER_PLAIN, 0, false,
                              slice_of(piece, 65536), NULL, 0, true);
    }
    struct stat st;
    stat(f->path, &st);
    assert_true(st.st_size > 2 * 1024 * 1024);
    assert_true(recorder_close(&r, &err));
    struct journal *back = read_back(f, &report);
    assert_int_equal(report.events, PIECES + 1);
    struct slice last = journal_event_octets(back, journal_at(back, PIECES + 1));
    assert_int_equal(last.len, 65536);
    assert_memory_equal(last.ptr, piece, 65536);
    journal_free(&back);
    mem_free(piece);
}

/* An event that would make too long a line leaves a GAP, not a hole without a name. */
static void test_too_long_a_line(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct recording_report report;
    struct ev_gap gap;
    char *text = mem_alloc(1 << 20);
    memset(text, 1, 1 << 20);
    struct recorder *r = open_recorder(f, f->path, false, false, &err);
    JOURNAL_APPEND(f->journal, 0, NOTE, 0, 0, (struct ev_note){.text = slice_of(text, 1 << 20)});
    assert_true(recorder_close(&r, &err));
    struct journal *back = read_back(f, &report);
    assert_int_equal(report.events, 2);
    EVENT_GET(journal_at(back, 2), GAP, &gap);
    assert_true(slice_eq(gap.limit, SLICE_LIT("recording-line")));
    journal_free(&back);
    mem_free(text);
}

/* In a child: record, flush each event, say so through the pipe, and go on for ever. */
static void child(struct fixture *f, int told_fd)
{
    struct err err = {0};
    struct recorder *r = open_recorder(f, f->path, false, false, &err);
    for (;;) {
        journal_note(f->journal, 0, LEVEL_INFO, "one more event, one more flush", "", "");
        if (!recorder_flush(r, &err) || write(told_fd, "x", 1) != 1)
            _exit(1);
    }
}

static void test_killed(void **state)
{
    struct fixture *f = *state;
    int fds[2], status;
    char told[500];
    size_t n_told = 0;
    struct recording_report report;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        child(f, fds[1]);
    }
    close(fds[1]);
    while (n_told < sizeof(told)) {
        ssize_t n = read(fds[0], told, sizeof(told) - n_told);
        assert_true(n > 0);
        n_told += (size_t)n;
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    close(fds[0]);
    assert_true(WIFSIGNALED(status));
    struct journal *back = read_back(f, &report);
    assert_true(report.events >= sizeof(told) + 1);
    assert_int_equal(report.lines_bad, 0);
    assert_int_equal(report.events, journal_last(back));
    journal_free(&back);
}

static void test_emergency_writes_whole_lines(void **state)
{
    struct fixture *f = *state;
    struct recording_report report;
    struct err err = {0};
    struct recorder *r = open_recorder(f, f->path, false, false, &err);
    sample_session(f->journal, &f->clock);
    recorder_flush_emergency(r);
    recorder_flush_emergency(r);
    struct journal *back = read_back(f, &report);
    assert_int_equal(report.events, journal_last(f->journal));
    assert_int_equal(report.lines_bad + report.octets_lost, 0);
    journal_free(&back);
    assert_true(recorder_close(&r, &err));
    back = read_back(f, &report);
    assert_int_equal(report.events, journal_last(f->journal));
    journal_free(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file_is_private_and_first_line_says_what, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_secrets_stay_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late_start_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_overwritten, setup, teardown),
        cmocka_unit_test_setup_teardown(test_appending, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_disk_is_said_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_much, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_long_a_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_emergency_writes_whole_lines, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
