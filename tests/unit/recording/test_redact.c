/* Redaction of bodies and addresses, and recordings in several files. Every split of a session
 * into events gives the same file, but for how it is cut into lines. */
#include "sample.h"

#include <sys/stat.h>
#include <unistd.h>

#define KEY SLICE_LIT("0123456789abcdef")

struct fixture {
    struct clock_manual clock;
    struct journal *journal;
    char dir[40], path[64];
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    clock_manual_init(&f->clock, 5000000000, 1795456931000123);
    f->journal = journal_new(&f->clock.clock);
    snprintf(f->dir, sizeof(f->dir), "/tmp/test-redact-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof(f->path), "%s/r.jsonl", f->dir);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char *rm = mem_printf("rm -rf %s", f->dir);
    journal_free(&f->journal);
    assert_int_equal(system(rm), 0);
    mem_free(rm);
    mem_free(f);
    return 0;
}

static struct recorder *open_with(struct fixture *f, struct slice key, uint64_t max, unsigned files)
{
    struct err err;
    const struct recorder_options options = {.path = f->path,
                                             .tool = "t",
                                             .command_line = "send --to bob@example.org",
                                             .target = "bob@example.org",
                                             .host = "here Linux",
                                             .redact_key = key,
                                             .max_octets = max,
                                             .files = files};
    struct recorder *r = recorder_open(f->journal, &options, &err);
    if (!r)
        fail_msg("%s", err.text);
    return r;
}

/* What a recording says, by direction. */
static void streams_of(const char *path, struct buf out[DIR__COUNT],
                       struct recording_report *report)
{
    struct err err;
    struct journal *j = journal_new(clock_system());
    if (!recording_read(path, j, report, &err))
        fail_msg("%s", err.text);
    for (unsigned dir = 0; dir < DIR__COUNT; dir++) {
        buf_init(&out[dir], 1 << 20);
        journal_read(j, 1, (enum event_dir)dir, LAYER_PLAIN, 0,
                     journal_stream_len(j, 1, (enum event_dir)dir, LAYER_PLAIN), &out[dir]);
    }
    journal_free(&j);
}

static const char message[] = "From: Ann <ann@example.net>\r\n"
                              "Subject: secret plans\r\n"
                              " of 2026\r\n"
                              "\r\n"
                              "Note: the body, bob@example.org\r\n"
                              "..dots stay\r\n"
                              ".\r\n";
static const char masked[] = "From: xxx <xxxxxxxxxxx.xxx>\r\n";

/* Octets of one direction in pieces of at most `step`, a flush behind each. */
static void say(struct fixture *f, struct recorder *r, enum event_dir dir, const char *text,
                size_t step)
{
    struct slice rest = slice_cstr(text);
    while (rest.len > 0) {
        struct slice piece = slice_take(rest, step);
        journal_append_octets(f->journal, 1, dir, LAYER_PLAIN, 0, false, piece, NULL, 0, true);
        rest = slice_skip(rest, piece.len);
        assert_true(recorder_flush(r, NULL));
    }
}

static uint64_t said(struct fixture *f, enum event_dir dir)
{
    return journal_stream_len(f->journal, 1, dir, LAYER_PLAIN);
}

static void command(struct fixture *f, struct recorder *r, const char *verb, const char *line,
                    const char *answer, size_t step)
{
    uint64_t from = said(f, DIR_C);
    say(f, r, DIR_C, line, step);
    uint64_t seq = JOURNAL_APPEND(
        f->journal, 1, COMMAND, 0, 0,
        (struct ev_command){.verb = slice_cstr(verb), .offset = from, .length = strlen(line)});
    say(f, r, DIR_S, answer, step);
    JOURNAL_APPEND(f->journal, 1, REPLY, 0, seq, (struct ev_reply){.code = 250});
}

static void session(struct fixture *f, struct recorder *r, size_t step)
{
    journal_conn_new(f->journal);
    JOURNAL_APPEND(f->journal, 1, LINK_UP, 0, 0, (struct ev_link_up){.peer = SLICE_LIT("x:25")});
    command(f, r, "MAIL", "MAIL FROM:<Ann@example.net> SIZE=100 AUTH=ann@example.net\r\n",
            "250 2.1.0 Ok\r\n", step);
    command(f, r, "RCPT", "RCPT TO:<bob@example.org> ORCPT=rfc822;bob@example.org\r\n",
            "250 2.1.5 <bob@example.org>: fine\r\n", step);
    JOURNAL_APPEND(f->journal, 1, ENVELOPE, 0, 0,
                   (struct ev_envelope){.part = ENVELOPE_FORWARD_PATH,
                                        .path = SLICE_LIT("<bob@example.org>")});
    command(f, r, "RCPT", "RCPT TO:<\"odd one\"@sub.example.org>\r\n", "550 no @ all\r\n", step);
    command(f, r, "DATA", "DATA\r\n", "354 go\r\n", step);
    uint64_t from = said(f, DIR_C);
    JOURNAL_APPEND(f->journal, 1, DATA_BEGIN, 0, 0, (struct ev_data_begin){.offset = from});
    say(f, r, DIR_C, message, step);
    JOURNAL_APPEND(f->journal, 1, DATA_END, 0, 0,
                   (struct ev_data_end){.offset = from, .length = sizeof(message) - 1});
    say(f, r, DIR_S, "250 2.0.0 queued for bob@example.org\r\n", step);
    command(f, r, "QUIT", "QUIT\r\n", "221 bye\r\n", step);
    JOURNAL_APPEND(f->journal, 1, LINK_DOWN, 0, 0, (struct ev_link_down){.why = DOWN_EOF});
}

static char *text_of(const char *path)
{
    struct buf text;
    uint8_t octets[4096];
    buf_init(&text, 1 << 20);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (size_t n; (n = fread(octets, 1, sizeof octets, file)) > 0;)
        buf_append(&text, slice_of(octets, n));
    fclose(file);
    char *copy = mem_strdup(buf_cstr(&text));
    buf_deinit(&text);
    return copy;
}

/* The pseudonym stands where the address stood in the stream; the caller frees. */
static char *behind(const struct buf *stream, const char *before, size_t len)
{
    ptrdiff_t at = slice_find(buf_slice(stream), slice_cstr(before));
    assert_true(at >= 0);
    return mem_slice_dup(
        slice_take(slice_skip(buf_slice(stream), (size_t)at + strlen(before)), len));
}

static void test_every_split(void **state)
{
    struct fixture *f = *state;
    static const char *const never[] = {"ann@",  "Ann@", "bob",     "example", "secret",
                                        "plans", "body", "odd one", "Ann"};
    struct buf first[DIR__COUNT] = {{0}};
    for (size_t step = 1; step < 80; step = step < 8 ? step + 1 : step * 3) {
        struct buf now[DIR__COUNT];
        struct recording_report report;
        struct err err;
        unlink(f->path);
        journal_free(&f->journal);
        f->journal = journal_new(&f->clock.clock);
        struct recorder *r = open_with(f, KEY, 0, 0);
        session(f, r, step);
        assert_true(recorder_close(&r, &err));
        char *text = text_of(f->path);
        for (size_t i = 0; i < sizeof never / sizeof *never; i++)
            if (strstr(text, never[i]))
                fail_msg("pieces of %zu: %s is in %s", step, never[i], text);
        assert_non_null(strstr(text, "\"pseudonyms\":1"));
        assert_non_null(strstr(text, "\"redacted\":"));
        mem_free(text);
        streams_of(f->path, now, &report);
        assert_int_equal(report.lines_bad, 0);
        for (unsigned dir = 0; dir < DIR__COUNT; dir++) {
            assert_int_equal(now[dir].len, said(f, (enum event_dir)dir));
            for (size_t i = 0; i < sizeof never / sizeof *never; i++)
                assert_true(slice_find(buf_slice(&now[dir]), slice_cstr(never[i])) < 0);
            if (step > 1)
                assert_true(slice_eq(buf_slice(&first[dir]), buf_slice(&now[dir])));
            else
                first[dir] = now[dir];
            if (step > 1)
                buf_deinit(&now[dir]);
        }
    }
    /* The same address is the same everywhere, and case makes no other of it. */
    struct buf *c = &first[DIR_C], *s = &first[DIR_S];
    char *ann = behind(c, "MAIL FROM:<", 15), *auth = behind(c, "AUTH=", 15);
    char *bob = behind(c, "RCPT TO:<", 15), *orcpt = behind(c, "rfc822;", 15);
    char *answer = behind(s, "2.1.5 <", 15), *queued = behind(s, "queued for ", 15);
    assert_string_equal(ann, auth);
    assert_string_equal(bob, orcpt);
    assert_string_equal(bob, answer);
    assert_string_equal(bob, queued);
    assert_string_equal(ann + 11, ".net");
    assert_string_equal(bob + 11, ".org");
    assert_memory_equal(ann + 3, bob + 3, 8); /* both are of "example" */
    assert_memory_not_equal(ann, bob, 3);
    /* Lines, names of fields and dots of the message are as they were. */
    assert_true(slice_find(buf_slice(c), slice_cstr(masked)) > 0);
    assert_true(slice_find(buf_slice(c), SLICE_LIT("\r\nSubject: xxxxxx xxxxx\r\n xx xxxx\r\n\r\n"
                                                   "xxxx: xxx xxxx, xxxxxxxxxxx.xxx\r\n"
                                                   "..xxxx xxxx\r\n.\r\nQUIT\r\n")) > 0);
    assert_true(slice_find(buf_slice(s), SLICE_LIT("550 no @ all\r\n")) > 0);
    char *const all[] = {ann, auth, bob, orcpt, answer, queued};
    for (size_t i = 0; i < 6; i++)
        mem_free(all[i]);
    buf_deinit(c);
    buf_deinit(s);
}

/* Another key gives other names; no key can be guessed from the file. */
static void test_key(void **state)
{
    struct fixture *f = *state;
    struct buf streams[2][DIR__COUNT];
    for (int i = 0; i < 2; i++) {
        struct recording_report report;
        struct err err;
        unlink(f->path);
        journal_free(&f->journal);
        f->journal = journal_new(&f->clock.clock);
        struct recorder *r = open_with(f, i ? KEY : SLICE_LIT("another key, 16 "), 0, 0);
        session(f, r, 1000);
        assert_true(recorder_close(&r, &err));
        streams_of(f->path, streams[i], &report);
    }
    assert_false(slice_eq(buf_slice(&streams[0][DIR_C]), buf_slice(&streams[1][DIR_C])));
    for (int i = 0; i < 4; i++)
        buf_deinit(&streams[i / 2][i % 2]);
}

/* What is said after DATA and before its answer waits: it may be the message. */
static void test_said_too_early(void **state)
{
    struct fixture *f = *state;
    struct err err;
    journal_conn_new(f->journal);
    struct recorder *r = open_with(f, KEY, 0, 0);
    JOURNAL_APPEND(f->journal, 1, LINK_UP, 0, 0, (struct ev_link_up){.peer = SLICE_LIT("x:25")});
    journal_append_octets(f->journal, 1, DIR_C, LAYER_PLAIN, 0, false,
                          SLICE_LIT("DATA\r\nprivate words\r\n"), NULL, 0, true);
    uint64_t seq = JOURNAL_APPEND(f->journal, 1, COMMAND, 0, 0,
                                  (struct ev_command){.verb = SLICE_LIT("DATA"), .length = 6});
    assert_true(recorder_flush(r, &err));
    say(f, r, DIR_S, "354 go\r\n", 1000);
    JOURNAL_APPEND(f->journal, 1, REPLY, 0, seq, (struct ev_reply){.code = 354});
    JOURNAL_APPEND(f->journal, 1, DATA_BEGIN, 0, seq, (struct ev_data_begin){.offset = 6});
    assert_true(recorder_close(&r, &err));
    char *text = text_of(f->path);
    assert_null(strstr(text, "private"));
    assert_non_null(strstr(text, "DATA\\r\\nxxxxxxx xxxxx"));
    mem_free(text);
}

/* A line that never ends is written when the recording is, and nothing of it is shown. */
static void test_cut_address(void **state)
{
    struct fixture *f = *state;
    struct err err;
    journal_conn_new(f->journal);
    struct recorder *r = open_with(f, KEY, 0, 0);
    JOURNAL_APPEND(f->journal, 1, LINK_UP, 0, 0, (struct ev_link_up){.peer = SLICE_LIT("x:25")});
    say(f, r, DIR_C, "RCPT TO:<bob@exam", 1000);
    char *text = text_of(f->path);
    assert_null(strstr(text, "RCPT"));
    mem_free(text);
    assert_true(recorder_close(&r, &err));
    text = text_of(f->path);
    assert_null(strstr(text, "bob"));
    assert_non_null(strstr(text, "\"length\":17"));
    mem_free(text);
}

static void test_turned_on_and_off(void **state)
{
    struct fixture *f = *state;
    struct err err;
    journal_conn_new(f->journal);
    struct recorder *r = open_with(f, slice_cstr(""), 0, 0);
    command(f, r, "RCPT", "RCPT TO:<before@example.org>\r\n", "250 ok\r\n", 1000);
    recorder_set_redact(r, KEY);
    command(f, r, "RCPT", "RCPT TO:<during@example.org>\r\n", "250 ok\r\n", 1000);
    recorder_set_redact(r, slice_cstr(""));
    command(f, r, "RCPT", "RCPT TO:<after@example.org>\r\n", "250 ok\r\n", 1000);
    assert_true(recorder_close(&r, &err));
    char *text = text_of(f->path);
    assert_non_null(strstr(text, "before@example.org"));
    assert_null(strstr(text, "during"));
    assert_non_null(strstr(text, "after@example.org"));
    mem_free(text);
    struct journal *j = journal_new(clock_system());
    struct recording_report report;
    assert_true(recording_read(f->path, j, &report, &err));
    assert_int_equal(report.lines_bad, 0);
    assert_int_equal(journal_last(j), journal_last(f->journal));
    journal_free(&j);
}

/* ---- several files ---- */

static void chatter(struct fixture *f, struct recorder *r, int n)
{
    for (int i = 0; i < n; i++) {
        char line[80];
        snprintf(line, sizeof line, "NOOP %d\r\n", i);
        command(f, r, "NOOP", line, "250 ok\r\n", 1000);
    }
}

static void test_rotation(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct stat st;
    struct recording_report report;
    journal_conn_new(f->journal);
    struct recorder *r = open_with(f, slice_cstr(""), 4000, 3);
    JOURNAL_APPEND(f->journal, 1, LINK_UP, 0, 0, (struct ev_link_up){.peer = SLICE_LIT("x:25")});
    chatter(f, r, 200);
    assert_true(recorder_close(&r, &err));
    char *oldest = mem_printf("%s.2", f->path), *gone = mem_printf("%s.3", f->path);
    char *middle = mem_printf("%s.1", f->path);
    assert_int_equal(stat(gone, &st), -1);
    uint64_t last = 0;
    const char *const files[] = {oldest, middle, f->path};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(stat(files[i], &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_in_range(st.st_size, i < 2 ? 4000 : 100, 4600);
        struct journal *j = journal_new(clock_system());
        assert_true(recording_read(files[i], j, &report, &err));
        assert_int_equal(report.lines_bad, 0);
        struct ev_recording first;
        EVENT_GET(journal_at(j, journal_first(j)), RECORDING, &first);
        assert_true(first.part > 3);
        assert_true(slice_eq(first.host, SLICE_LIT("here Linux")));
        assert_true(last == 0 || first.part == last + 1);
        last = first.part;
        journal_free(&j);
    }
    mem_free(oldest);
    mem_free(middle);
    mem_free(gone);
}

static void test_size_cap(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct stat st;
    journal_conn_new(f->journal);
    struct recorder *r = open_with(f, slice_cstr(""), 4000, 0);
    for (int i = 0; i < 5; i++)
        command(f, r, "NOOP", "NOOP\r\n", "250 ok\r\n", 1000), recorder_flush(r, NULL);
    err_clear(&err);
    bool ok = true;
    for (int i = 0; ok && i < 200; i++) {
        journal_append_octets(f->journal, 1, DIR_C, LAYER_PLAIN, 0, false, SLICE_LIT("NOOP\r\n"),
                              NULL, 0, true);
        ok = recorder_flush(r, &err);
    }
    assert_false(ok);
    assert_non_null(strstr(err.text, "record-size"));
    recorder_close(&r, &err);
    assert_int_equal(stat(f->path, &st), 0);
    assert_in_range(st.st_size, 4000, 4600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_split, setup, teardown),
        cmocka_unit_test_setup_teardown(test_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_said_too_early, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_address, setup, teardown),
        cmocka_unit_test_setup_teardown(test_turned_on_and_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rotation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_size_cap, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
