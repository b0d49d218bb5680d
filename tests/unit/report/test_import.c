/* Transcripts of others become recordings: what was said is the same, and what it means is known.
 */
#include "report/diff.h"
#include "report/export.h"
#include "report/import.h"
#include "world.h"

static const char session[] = "/open practice\n"
                              "EHLO client.example.net\n"
                              "STARTTLS\n"
                              "expect event tls_up 20\n"
                              "EHLO client.example.net\n"
                              "MAIL FROM:<ann@example.net>\n"
                              "RCPT TO:<any+550@example.test>\n"
                              "RCPT TO:<bob@example.test>\n"
                              "/mark here\n"
                              "DATA\n"
                              "Subject: x\n"
                              "\n"
                              ".dot\n"
                              ".\n"
                              "/note all well\n"
                              "QUIT\n";

static void take_line(void *ctx, struct slice line)
{
    recording_parser_feed(ctx, line);
}

static struct journal *imported(struct slice text, struct err *err)
{
    struct recording_report report;
    struct journal *j = journal_new(clock_system());
    struct recording_parser *p = recording_parser_new(j);
    bool ok = import_text(text, "t", "test", take_line, p, err);
    recording_parser_end(&p, &report);
    assert_int_equal(report.lines_bad, 0);
    if (!ok)
        journal_free(&j);
    return j;
}

static char *export_of(const struct journal *j, const char *format, size_t *size_out)
{
    const struct export_options options = {.name = "x", .tool = "test"};
    struct err err;
    char *text;
    FILE *to = open_memstream(&text, size_out);
    assert_true(export_write(j, export_format_by_name(format), &options, to, &err));
    fclose(to);
    return text;
}

/* Our own exports come back: the same dialogue, message, marks, and no difference. */
static void test_own_exports(void **state)
{
    (void)state;
    static const char *const formats[] = {"text", "swaks"};
    struct err err;
    char *recording = world_record(session);
    struct journal *was = world_read(recording);
    for (size_t i = 0; i < 2; i++) {
        size_t size, eml_size, again_size;
        char *text = export_of(was, formats[i], &size);
        struct journal *j = imported(slice_of(text, size), &err);
        assert_non_null(j);
        const struct diff_options options = {.name_a = "a", .name_b = "b"};
        struct diff diff;
        assert_true(diff_sessions(was, j, &options, &diff, &err));
        if (!diff.same)
            diff_print(&diff, stderr);
        assert_true(diff.same);
        diff_deinit(&diff);
        char *eml = export_of(was, "eml", &eml_size), *again = export_of(j, "eml", &again_size);
        assert_int_equal(eml_size, again_size);
        assert_memory_equal(eml, again, eml_size);
        free(again);
        again = export_of(j, "text", &again_size);
        assert_non_null(strstr(again, "\n-- mark here\n"));
        assert_non_null(strstr(again, "\n-- note: all well\n"));
        free(again);
        free(eml);
        free(text);
        journal_free(&j);
    }
    journal_free(&was);
    mem_free(recording);
}

static const struct {
    const char *text, *has; /* in the text export; NULL: it is no transcript */
} table[] = {
    {"=== Trying mx.example:25...\n=== Connected to mx.example.\n<-  220 hi\n -> EHLO a\n"
     "<-  250-mx\n<-  250 SIZE\n -> QUIT\n<-  221 bye\n=== Connection closed with remote host.\n",
     "S: 250 SIZE\nC: QUIT\nS: 221 bye\n"},
    {"=== Connected to mx.example.\r\n<-  220 hi\r\n -> EHLO a\r\n<** 550 no\r\n", "S: 550 no\n"},
    {"   S: 220 foo.com Simple Mail Transfer Service Ready\n   C: EHLO bar.com\n   S: 250 ok\n",
     "C: EHLO bar.com\nS: 250 ok\n"},
    {"S:220 hi\nC:NOOP\nS:250 ok\n", "C: NOOP\n"},
    {"some words first\n\nS: 220 hi\nand between\nC: MAIL FROM:<a@b.example>\nS: 503 no\n",
     "C: MAIL FROM:<a@b.example>\n"},
    {"=== TLS started with cipher TLSv1.2:ECDHE-RSA-AES256-GCM-SHA384:256\n<~  220 hi\n ~> QUIT\n",
     "== TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384\nS: 220 hi\n"},
    {"S: +OK ready\nC: USER ann\nS: +OK\n", "C: USER ann\n"},
    {"<-  220 hi\n -> AUTH PLAIN AGFubgBzM2NyM3Q=\n<-  235 ok\n",
     "C: AUTH PLAIN ****************\n"},
    {"<-  220 hi\n -> AUTH LOGIN\n<-  334 VXNlcm5hbWU6\n -> YW5u\n<-  334 UGFzc3dvcmQ6\n"
     " -> czNjcjN0\n<-  235 ok\n",
     "C: ********\n"},
    {"", NULL},
    {"S: one line only\n", NULL},
    {"hello\nworld\nC: x\n", NULL},
    {"\x7f"
     "ELF\x02\x01\x01",
     NULL},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        struct err err;
        struct slice text = slice_cstr(table[i].text);
        assert_int_equal(import_recognises(text), table[i].has != NULL);
        struct journal *j = imported(text, &err);
        assert_int_equal(j != NULL, table[i].has != NULL);
        if (!j) {
            assert_int_equal(err.domain, ERR_FORMAT);
            continue;
        }
        size_t size;
        char *out = export_of(j, "text", &size);
        if (!strstr(out, table[i].has))
            fail_msg("%s is not in %s", table[i].has, out);
        assert_null(strstr(out, "czNjcjN0"));
        assert_null(strstr(out, "AGFubgBz"));
        free(out);
        journal_free(&j);
    }
}

/* Every prefix is read or refused, never worse. */
static void test_prefixes(void **state)
{
    (void)state;
    char *recording = world_record(session);
    struct journal *was = world_read(recording);
    size_t size;
    char *text = export_of(was, "swaks", &size);
    for (size_t n = 0; n < size; n++) {
        struct err err;
        struct journal *j = imported(slice_of(text, n), &err);
        journal_free(&j);
    }
    free(text);
    journal_free(&was);
    mem_free(recording);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_exports),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
