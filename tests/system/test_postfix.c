/* Our client against Postfix: what arrives is what was in the file, octet for octet, over plain
 * text, STARTTLS and AUTH. Postfix keeps lines with LF, so CRLF of the file is compared as LF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/peers.h"
#include "base/mem.h"

static struct postfix server;
static bool started;
static char *work;

/* The first test that needs it starts Postfix, so that it can be skipped there. */
static void need_postfix(void)
{
    if (!started)
        postfix_start(&server);
    started = true;
}

static int setup(void **state)
{
    (void)state;
    work = proc_dir("send");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    postfix_stop(&server);
    proc_dir_remove(&work);
    return 0;
}

static char *target(const char *scheme, unsigned port)
{
    return mem_printf("%s://localhost:%u", scheme, port);
}

static void assert_ok(struct proc *p)
{
    if (p->status != 0)
        fail_msg("status %d: %s%s", p->status, p->out_text.ptr, p->err_text.ptr);
    proc_assert_printable(p->out_text, "standard output");
    proc_assert_printable(p->err_text, "standard error");
}

/* What arrived, against the content with CRLF as LF and an LF at its end. */
static void assert_arrived(const char *name, const char *content, size_t n_octets)
{
    struct proc_text got = postfix_message(&server, "alice");
    char *want = mem_alloc(n_octets + 2);
    size_t n = 0;
    for (size_t i = 0; i < n_octets; i++)
        if (content[i] != '\r')
            want[n++] = content[i];
    if (n > 0 && want[n - 1] != '\n')
        want[n++] = '\n';
    if (got.len != n)
        fail_msg("%s: %zu octets arrived, not %zu: %.300s", name, got.len, n, got.ptr);
    if (memcmp(got.ptr, want, n) != 0)
        fail_msg("%s: the octets differ", name);
    mem_free(want);
    mem_free(got.ptr);
}

#define HEAD      "From: ann@example.net\nSubject: octets\nX-Test: yes\n\n"
#define HEAD_CRLF "From: ann@example.net\r\nSubject: octets\r\n\r\n"
static const struct {
    const char *name, *content;
    size_t n_octets;
} contents[] = {
#define CONTENT(name, text)                                                                        \
    {                                                                                              \
        name, text, sizeof text - 1                                                                \
    }
    CONTENT("LF", HEAD "one\ntwo\n\nthree\n"),
    CONTENT("CRLF", HEAD_CRLF "one\r\ntwo\r\n\r\nthree\r\n"),
    CONTENT("dots", HEAD ".\n..\n...\n.one\n..two\nmiddle.\n. \n.\n"),
    CONTENT("dots, CRLF", HEAD_CRLF ".\r\n..\r\n.one\r\n.\r\n"),
    CONTENT("8-bit", HEAD "gr\xc3\xbc\xc3\x9f dich\nlatin gr\xfc\xdf\n\x80\x9f\xff\n"),
    CONTENT("no last newline", HEAD "the end"),
    CONTENT("no last newline, a dot", HEAD "the end\n."),
    CONTENT("headers only", "Subject: nothing\n"),
    CONTENT("blank lines at the end", HEAD "x\n\n\n\n"),
    CONTENT("empty", ""),
};

static void each_content_arrives_octet_for_octet(void **state)
{
    (void)state;
    need_postfix();
    char *to = target("smtp", server.smtp), *file = proc_path(work, "message");
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        proc_write_file(file, contents[i].content, contents[i].n_octets);
        struct proc *p =
            proc_scope(work, NULL, 0, "send", "--tls", "none", "--from", "ann@example.net", "--to",
                       "alice@postfix.test", to, file, NULL);
        assert_ok(p);
        proc_free(&p);
        assert_arrived(contents[i].name, contents[i].content, contents[i].n_octets);
    }
    mem_free(to);
    mem_free(file);
}

static void chunks_arrive_octet_for_octet(void **state)
{
    (void)state;
    need_postfix();
    char *to = target("smtp", server.smtp), *file = proc_path(work, "message");
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        proc_write_file(file, contents[i].content, contents[i].n_octets);
        struct proc *p =
            proc_scope(work, NULL, 0, "send", "--bdat", i % 2 ? "11" : "100000", "--tls", "none",
                       "--from", "ann@example.net", "--to", "alice@postfix.test", to, file, NULL);
        assert_ok(p);
        proc_free(&p);
        assert_arrived(contents[i].name, contents[i].content, contents[i].n_octets);
    }
    mem_free(to);
    mem_free(file);
}

static void standard_input_arrives_octet_for_octet(void **state)
{
    (void)state;
    need_postfix();
    char *to = target("smtp", server.smtp);
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        struct proc *p = proc_scope(work, contents[i].content, contents[i].n_octets, "send",
                                    "--pipeline", "--quiet", "--tls", "none", "--from",
                                    "ann@example.net", "--to", "alice@postfix.test", to, "-", NULL);
        assert_ok(p);
        assert_int_equal(p->out_text.len, 0);
        proc_free(&p);
        assert_arrived(contents[i].name, contents[i].content, contents[i].n_octets);
    }
    mem_free(to);
}

static void two_megabytes_arrive_over_tls(void **state)
{
    (void)state;
    need_postfix();
    enum { OCTETS = 2 << 20 };
    char *content = mem_alloc(OCTETS + 100), *file = proc_path(work, "large");
    char *ca = proc_path(server.dir, "ca.pem"), *to = target("smtp", server.smtp);
    size_t n = (size_t)sprintf(content, "%s", HEAD);
    uint32_t seed = 7;
    while (n <
           OCTETS) { /* lines of every length up to 200, many beginning with a dot, 8-bit octets */
        seed = seed * 1664525 + 1013904223;
        unsigned len = (seed >> 8) % 200;
        for (unsigned i = 0; i < len && n < OCTETS; i++)
            content[n++] =
                i == 0 && seed & 1 ? '.' : (char)(' ' + (seed + i * 7) % 94 + (i % 31 == 5) * 128);
        content[n++] = '\n';
    }
    proc_write_file(file, content, n);
    struct proc *p = proc_scope(work, NULL, 0, "send", "--tls", "must", "--verify", "full", "--ca",
                                ca, "--quiet", "--from", "ann@example.net", "--to",
                                "alice@postfix.test", to, file, NULL);
    assert_ok(p);
    proc_free(&p);
    assert_arrived("2 MB", content, n);
    mem_free(content);
    mem_free(file);
    mem_free(ca);
    mem_free(to);
}

static void starttls_is_verified(void **state)
{
    (void)state;
    need_postfix();
    char *ca = proc_path(server.dir, "ca.pem"), *to = target("smtp", server.smtp);
    struct proc *p = proc_scope(work, HEAD "x\n", sizeof HEAD + 1, "send", "--json", "--tls",
                                "must", "--verify", "full", "--ca", ca, "--from", "ann@example.net",
                                "--to", "alice@postfix.test", to, "-", NULL);
    assert_ok(p);
    assert_true(proc_text_has(p->out_text, "\"verified\":true"));
    assert_true(proc_text_has(p->out_text, "TLSv1.3") || proc_text_has(p->out_text, "\"1.3\""));
    proc_free(&p);
    assert_arrived("STARTTLS", HEAD "x\n", sizeof HEAD + 1);

    /* the same without the CA: refused, and nothing arrives */
    p = proc_scope(work, HEAD "x\n", sizeof HEAD + 1, "send", "--tls", "must", "--verify", "full",
                   "--from", "ann@example.net", "--to", "alice@postfix.test", to, "-", NULL);
    assert_int_equal(p->status, 29);
    proc_free(&p);
    /* and with --verify none it is told and goes on */
    p = proc_scope(work, HEAD "y\n", sizeof HEAD + 1, "send", "--json", "--tls", "must", "--verify",
                   "none", "--from", "ann@example.net", "--to", "alice@postfix.test", to, "-",
                   NULL);
    assert_ok(p);
    assert_true(proc_text_has(p->out_text, "\"verified\":false"));
    proc_free(&p);
    assert_arrived("unverified", HEAD "y\n", sizeof HEAD + 1);
    mem_free(ca);
    mem_free(to);
}

static void each_mechanism_logs_in(void **state)
{
    (void)state;
    static const char *const mechanisms[] = {"PLAIN",       "LOGIN",         "CRAM-MD5",
                                             "SCRAM-SHA-1", "SCRAM-SHA-256", "any"};
    need_postfix();
    char *ca = proc_path(server.dir, "ca.pem"), *to = target("submission", server.submission);
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        struct proc *p =
            proc_scope(work, HEAD "x\n", sizeof HEAD + 1, "send", "--ca", ca, "--auth",
                       mechanisms[i], "--user", "alice", "--password-command", "echo secret",
                       "--from", "ann@example.net", "--to", "alice@postfix.test", to, "-", NULL);
        if (p->status != 0)
            fail_msg("%s: status %d: %s%s", mechanisms[i], p->status, p->out_text.ptr,
                     p->err_text.ptr);
        assert_true(proc_text_has(p->out_text, "235"));
        assert_false(proc_text_has(p->out_text, "secret"));
        proc_free(&p);
        assert_arrived(mechanisms[i], HEAD "x\n", sizeof HEAD + 1);
    }
    struct proc *p = proc_scope(work, HEAD "x\n", sizeof HEAD + 1, "send", "--ca", ca, "--user",
                                "alice", "--password-command", "echo wrong", "--from",
                                "ann@example.net", "--to", "alice@postfix.test", to, "-", NULL);
    assert_int_equal(p->status, 28);
    assert_true(proc_text_has(p->out_text, "535"));
    proc_free(&p);
    mem_free(ca);
    mem_free(to);
}

/* A recording said again brings the same answers, its queue ids aside. */
static void a_recording_is_said_again(void **state)
{
    (void)state;
    need_postfix();
    char *to = target("smtp", server.smtp), *file = proc_path(work, "then.jsonl");
    for (int again = 0; again < 2; again++) {
        struct proc *p = again ? proc_scope(work, NULL, 0, "run", "--replay", file, to, NULL)
                               : proc_scope(work, HEAD "x\n", sizeof HEAD + 1, "send", "--tls",
                                            "none", "--from", "ann@example.net", "--to",
                                            "alice@postfix.test", "--record", file, to, "-", NULL);
        assert_ok(p);
        if (again && !proc_text_has(p->out_text, "the sessions are the same"))
            fail_msg("%s", p->out_text.ptr);
        proc_free(&p);
        assert_arrived(again ? "again" : "first", HEAD "x\n", sizeof HEAD + 1);
    }
    mem_free(file);
    mem_free(to);
}

static void a_script_drives_postfix(void **state)
{
    (void)state;
    need_postfix();
    char *ca = proc_path(server.dir, "ca.pem"), *to = target("smtp", server.smtp);
    char *script = mem_printf(
        "expect 220*\nEHLO client.example\nexpect 250*STARTTLS\n/tls\nexpect event TLS_UP\n"
        "MAIL FROM:<ann@example.net>\nexpect code 2.1.0\nRCPT TO:<nobody@postfix.test>\n"
        "expect 550*\nRCPT TO:<alice@postfix.test>\nexpect 250*\nDATA\nexpect 354*\n"
        "Subject: typed\n\n.dot\nlast\n.\nexpect 250*queued*\nQUIT\nexpect 221*\n");
    struct proc *p = proc_scope(work, script, strlen(script), "run", "--ca", ca, "-", to, NULL);
    assert_ok(p);
    assert_true(proc_text_has(p->out_text, "queued as"));
    proc_free(&p);
    assert_arrived("script", "Subject: typed\n\n.dot\nlast\n", 26);
    mem_free(script);
    mem_free(ca);
    mem_free(to);
}

static void refused_recipients_are_reported(void **state)
{
    (void)state;
    need_postfix();
    char *to = target("smtp", server.smtp);
    struct proc *p = proc_scope(work, HEAD "x\n", sizeof HEAD + 1, "send", "--json", "--tls",
                                "none", "--from", "ann@example.net", "--to", "nobody@postfix.test",
                                "--to", "alice@postfix.test", to, "-", NULL);
    assert_ok(p);
    assert_true(proc_text_has(p->out_text, "\"accepted\":1"));
    assert_true(proc_text_has(p->out_text, "5.1.1"));
    proc_free(&p);
    assert_arrived("one of two", HEAD "x\n", sizeof HEAD + 1);
    p = proc_scope(work, HEAD "x\n", sizeof HEAD + 1, "send", "--tls", "none", "--from",
                   "ann@example.net", "--to", "nobody@postfix.test", "--to", "x@elsewhere.test", to,
                   "-", NULL);
    assert_int_equal(p->status, 24);
    proc_free(&p);
    mem_free(to);
}

/* smtpd_recipient_limit: Postfix takes two recipients and puts off the third. */
static void too_many_recipients_get_it_all_the_same(void **state)
{
    (void)state;
    need_postfix();
    char *to = target("smtp", server.smtp);
    for (size_t pipelined = 0; pipelined < 2; pipelined++) {
        struct proc *p = proc_scope(work, HEAD "x\n", sizeof HEAD + 1, "send", "--tls", "none",
                                    "--from", "ann@example.net", "--to", "bob@postfix.test", "--to",
                                    "carol@postfix.test", "--to", "alice@postfix.test",
                                    pipelined ? "--pipeline" : "--no-pipeline", to, "-", NULL);
        assert_ok(p);
        assert_true(proc_text_has(p->out_text, "452 4.5.3 Error: too many recipients"));
        assert_true(proc_text_has(p->out_text, "takes 2 recipients in one transaction: 1 left"));
        proc_free(&p);
        assert_arrived("the third", HEAD "x\n", sizeof HEAD + 1);
    }
    mem_free(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_content_arrives_octet_for_octet),
        cmocka_unit_test(chunks_arrive_octet_for_octet),
        cmocka_unit_test(standard_input_arrives_octet_for_octet),
        cmocka_unit_test(two_megabytes_arrive_over_tls),
        cmocka_unit_test(starttls_is_verified),
        cmocka_unit_test(each_mechanism_logs_in),
        cmocka_unit_test(a_recording_is_said_again),
        cmocka_unit_test(a_script_drives_postfix),
        cmocka_unit_test(refused_recipients_are_reported),
        cmocka_unit_test(too_many_recipients_get_it_all_the_same),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
