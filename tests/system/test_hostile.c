/* A misbehaving server for each failure: the exit status, the words (what happened, what it means,
 * what next), nothing raw in the output, bounded memory, bounded time. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/certs.h"
#include "../lib/fake.h"
#include "../lib/proc.h"
#include "base/mem.h"

static char *work;

static int setup(void **state)
{
    (void)state;
    work = proc_dir("hostile");
    certs_make(work, CERT_GOOD);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    proc_dir_remove(&work);
    return 0;
}

static const char body[] = "Subject: x\n\nhello\n";

/* --- how servers misbehave --- */

#define GREETING "220 fake.test ESMTP\r\n"

static void silent(int fd, const void *ctx)
{
    (void)ctx;
    fake_wait_gone(fd);
}
static void closed_at_banner(int fd, const void *ctx)
{
    (void)fd;
    (void)ctx;
}
static void reset_at_banner(int fd, const void *ctx)
{
    (void)ctx;
    fake_reset_on_close(fd);
}
static void banner_554(int fd, const void *ctx)
{
    (void)ctx;
    fake_say(fd, "554 5.7.1 Go away\r\n");
    fake_behave(fd, NULL, NULL);
}
static void closed_in_banner(int fd, const void *ctx)
{
    (void)ctx;
    fake_say(fd, "220 fake.te");
}
static void closed_in_reply(int fd, const void *ctx)
{
    (void)ctx;
    char line[1024];
    fake_say(fd, GREETING);
    fake_hear(fd, line, sizeof line);
    fake_say(fd, "250-fake.test\r\n250-SIZ");
}
static void garbage(int fd, const void *ctx)
{
    (void)ctx;
    char piece[4096];
    uint32_t seed = 99;
    for (size_t i = 0; i < sizeof piece; i++)
        piece[i] = (char)((seed = seed * 1664525 + 1013904223) >> 24);
    for (int i = 0; i < 64; i++)
        fake_write(fd, piece, sizeof piece);
}
/* One octet over and over until the client has had enough; 256 MB at most. */
static void endless_line(int fd, const void *ctx)
{
    static char piece[65536];
    (void)ctx;
    memset(piece, 'A', sizeof piece);
    fake_say(fd, "220 ");
    for (int i = 0; i < 4096; i++)
        fake_write(fd, piece, sizeof piece);
}
static void endless_continuation(int fd, const void *ctx)
{
    static char piece[65536];
    char line[1024];
    size_t n = 0;
    (void)ctx;
    fake_say(fd, GREETING);
    fake_hear(fd, line, sizeof line);
    while (n + 20 < sizeof piece)
        n += (size_t)sprintf(piece + n, "250-AND-MORE %04zu\r\n", n % 10000);
    for (int i = 0; i < 4096; i++)
        fake_write(fd, piece, n);
}
static void nuls(int fd, const void *ctx)
{
    static const char banner[] = "220 fa\0ke\0.test\r\n",
                      ehlo[] = "250-fa\0ke\r\n250 SIZE\0 10\r\n";
    char line[1024];
    (void)ctx;
    fake_write(fd, banner, sizeof banner - 1);
    fake_hear(fd, line, sizeof line);
    fake_write(fd, ehlo, sizeof ehlo - 1);
    fake_behave(fd, NULL, NULL);
}
#define EVIL                                                                                       \
    "\x1b[2J\x1b]0;owned\x07\x1b[31m\x9b"                                                          \
    "2J\xc2\x9b"                                                                                   \
    "1m\xe2\x80\xae\x08\x0b\x7f\xff"
static void escapes(int fd, const void *ctx)
{
    char line[1024];
    (void)ctx;
    fake_say(fd, "220 " EVIL " ready\r\n");
    fake_hear(fd, line, sizeof line);
    fake_say(fd, "250-fake " EVIL "\r\n250-" EVIL "\r\n250 X" EVIL "\r\n");
    fake_hear(fd, line, sizeof line);
    fake_say(fd, "250 2.1.0 " EVIL "\r\n");
    fake_hear(fd, line, sizeof line);
    fake_say(fd, "550 5.1.1 " EVIL "\r\n");
    fake_behave(fd, NULL, NULL);
}
static void stalls_after_data(int fd, const void *ctx)
{
    (void)ctx;
    fake_say(fd, GREETING);
    fake_behave(fd, NULL, ".");
    fake_wait_gone(fd);
}
static void drops_after_data(int fd, const void *ctx)
{
    (void)ctx;
    fake_say(fd, GREETING);
    fake_behave(fd, NULL, ".");
    fake_reset_on_close(fd);
}
static void refuses(int fd, const void *ctx)
{
    const char *verb = ctx;
    fake_say(fd, GREETING);
    fake_behave(fd, NULL, verb);
    fake_say(fd, "554 5.7.1 No, not that\r\n");
    if (strcmp(verb, "EHLO") == 0) { /* HELO comes next */
        fake_behave(fd, NULL, "HELO");
        fake_say(fd, "554 5.7.1 Not that either\r\n");
    }
    fake_behave(fd, NULL, NULL);
}
static void says_421(int fd, const void *ctx)
{
    fake_say(fd, GREETING);
    fake_behave(fd, NULL, ctx);
    fake_say(fd, "421 4.3.2 Shutting down\r\n");
}
/* One octet a time; the socket's own pace. */
static void drips(int fd, const void *ctx)
{
    static const char text[] = GREETING;
    (void)ctx;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        fake_write(fd, text + i, 1);
        usleep(2000); /* pace, not a wait for something */
    }
    fake_behave(fd, "250-SIZE 1000\r\n250 8BITMIME\r\n", NULL);
}
/* A new octet every 100 ms and never the end of a line: the timeout is for the reply, not the
 * octet. */
static void drips_for_ever(int fd, const void *ctx)
{
    (void)ctx;
    fake_say(fd, "220 ");
    for (int i = 0; i < 600; i++) {
        fake_write(fd, "x", 1);
        usleep(100000); /* pace */
    }
}
static void never_reads(int fd, const void *ctx)
{
    char line[1024];
    (void)ctx;
    fake_say(fd, GREETING);
    for (int i = 0; i < 4; i++) {
        fake_hear(fd, line, sizeof line);
        fake_say(fd, i == 3 ? "354 Go on\r\n" : "250 Ok\r\n");
    }
    pause();
}

#define CAPS_TLS "250-STARTTLS\r\n250 8BITMIME\r\n"
static void starttls_refused(int fd, const void *ctx)
{
    (void)ctx;
    fake_say(fd, GREETING);
    fake_behave(fd, CAPS_TLS, "STARTTLS");
    fake_say(fd, "454 4.7.0 TLS not available\r\n");
    fake_behave(fd, CAPS_TLS, NULL);
}
static void starttls_ends_early(int fd, const void *ctx)
{
    char hello[5];
    (void)ctx;
    fake_say(fd, GREETING);
    fake_behave(fd, CAPS_TLS, "STARTTLS");
    fake_say(fd, "220 2.0.0 Ready\r\n");
    if (read(fd, hello, sizeof hello) > 0)
        fake_reset_on_close(fd);
}
static void starttls_garbage(int fd, const void *ctx)
{
    (void)ctx;
    fake_say(fd, GREETING);
    fake_behave(fd, CAPS_TLS, "STARTTLS");
    fake_say(fd, "220 2.0.0 Ready\r\n");
    char hello[5];
    if (read(fd, hello, sizeof hello) > 0)
        fake_say(fd, "this is no TLS at all, whatever was said\r\n");
    fake_wait_gone(fd);
}
static void starttls_injected(int fd, const void *ctx)
{
    (void)ctx;
    fake_say(fd, GREETING);
    fake_behave(fd, CAPS_TLS, "STARTTLS");
    fake_say(fd, "220 2.0.0 Ready\r\n250 2.0.0 injected\r\n");
    int tls = fake_tls(fd, work);
    if (tls >= 0)
        fake_behave(tls, "250 8BITMIME\r\n", NULL);
}
static void tls_server(int fd, const void *ctx)
{
    fake_say(fd, GREETING);
    fake_behave(fd, CAPS_TLS, "STARTTLS");
    fake_say(fd, "220 2.0.0 Ready\r\n");
    int tls = fake_tls(fd, ctx);
    if (tls >= 0)
        fake_behave(tls, "250 8BITMIME\r\n", NULL);
}
/* After the handshake the transport is cut in the middle, without close_notify. */
static void tls_cut(int fd, const void *ctx)
{
    fake_say(fd, GREETING);
    fake_behave(fd, CAPS_TLS, "STARTTLS");
    fake_say(fd, "220 2.0.0 Ready\r\n");
    int wire = dup(fd);
    int tls = fake_tls(fd, ctx);
    if (tls < 0)
        return;
    char line[1024];
    fake_hear(tls, line, sizeof line);
    fake_reset_on_close(wire);
    shutdown(wire, SHUT_RDWR);
    close(wire);
}

/* --- what must come of it --- */

enum { RSS_MAX_KB = 64 * 1024 };

struct row {
    const char *name;
    fake_fn server;
    const void *ctx;
    const char *tls, *timeout;
    int status;
    const char *says[3]; /* each in standard output or error; NULL: no more */
};

static void check(const struct row *row, const struct proc *p)
{
    const char *sanitized = getenv("TEST_SANITIZED");
    proc_assert_printable(p->out_text, "standard output");
    proc_assert_printable(p->err_text, "standard error");
    if (p->status != row->status)
        fail_msg("%s: status %d, not %d: %.3000s%.2000s", row->name, p->status, row->status,
                 p->out_text.ptr, p->err_text.ptr);
    for (size_t i = 0; i < 3 && row->says[i]; i++)
        if (!proc_text_has(p->out_text, row->says[i]) && !proc_text_has(p->err_text, row->says[i]))
            fail_msg("%s: \"%s\" is not said: %.3000s%.2000s", row->name, row->says[i],
                     p->out_text.ptr, p->err_text.ptr);
    /* However many parts of the program learn of a failure, a person hears of it once. */
    const char *error = strstr(p->out_text.ptr, "--  error: ");
    if (error) {
        char *one = strndup(error, strcspn(error, "\n") + 1);
        if (strstr(error + strlen(one), one))
            fail_msg("%s: said twice: %s", row->name, one);
        free(one);
    }
    if (!sanitized && p->usage.ru_maxrss > RSS_MAX_KB)
        fail_msg("%s: %ld KB resident", row->name, p->usage.ru_maxrss);
}

static struct proc *send_to(const char *at, const char *tls, const char *timeout, const char *quiet)
{
    char *ca = proc_path(work, "ca.pem");
    struct proc *p = proc_scope(work, body, sizeof body - 1, "send", quiet, "--tls", tls, "--ca",
                                ca, "--timeout", timeout, "--name", "client.test", "--from",
                                "ann@example.net", "--to", "bob@example.org", at, "-", NULL);
    mem_free(ca);
    return p;
}

/* With the transcript, then without: both must tell. */
static void run_row(const struct row *row)
{
    struct fake f;
    fake_start(&f, row->server, row->ctx);
    for (int quiet = 0; quiet < 2; quiet++) {
        struct proc *p = send_to(f.at, row->tls, row->timeout, quiet ? "--quiet" : "--no-quiet");
        struct row want = *row;
        if (quiet)
            want.says[0] =
                NULL; /* the words of the transcript may differ; that something is said may not */
        check(&want, p);
        if (quiet && p->status != 0) {
            assert_int_equal(p->out_text.len, 0);
            if (p->err_text.len < 20)
                fail_msg("%s: nothing is said with --quiet", row->name);
        }
        proc_free(&p);
    }
    fake_stop(&f);
}

#define ROWS(...)                                                                                  \
    static const struct row rows[] = {__VA_ARGS__};                                                \
    (void)state;                                                                                   \
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)                                      \
    run_row(&rows[i])

static void nothing_listens(void **state)
{
    (void)state;
    char *at = mem_printf("127.0.0.1:%u", proc_free_port());
    struct proc *p = send_to(at, "none", "5", "--quiet");
    const struct row row = {"refused", NULL, NULL, NULL, NULL, 2, {"refused", "means", "next"}};
    check(&row, p);
    proc_free(&p);
    p = send_to(at, "none", "5", "--no-quiet");
    const struct row loud = {"refused, with transcript", NULL, NULL, NULL, NULL, 2, {"refused"}};
    check(&loud, p);
    proc_free(&p);
    p = proc_scope(work, NULL, 0, "send", "--quiet", "--to", "a@b.test", "unix:/nonexistent/socket",
                   NULL);
    const struct row path = {"no socket", NULL, NULL, NULL, NULL, 2, {"nonexistent"}};
    check(&path, p);
    proc_free(&p);
    mem_free(at);
}

static void silence_is_bounded(void **state)
{
    ROWS({"silent", silent, NULL, "none", "1", 6, {"1 s"}},
         {"drips for ever", drips_for_ever, NULL, "none", "1", 6, {"1 s"}},
         {"stalls after the dot", stalls_after_data, NULL, "none", "1", 6, {"1 s"}});
}

static void closing_is_told(void **state)
{
    ROWS({"closed at banner", closed_at_banner, NULL, "none", "5", 6, {"closed"}},
         {"reset at banner", reset_at_banner, NULL, "none", "5", 6, {"reset"}},
         {"closed in banner", closed_in_banner, NULL, "none", "5", 6, {"closed"}},
         {"closed in a reply", closed_in_reply, NULL, "none", "5", 6, {"closed", "250-SIZ"}},
         {"reset after the dot", drops_after_data, NULL, "none", "5", 6, {"reset"}});
}

static void refusals_have_their_status(void **state)
{
    ROWS({"banner 554", banner_554, NULL, "none", "5", 21, {"554 5.7.1"}},
         {"EHLO and HELO", refuses, "EHLO", "none", "5", 22, {"554 5.7.1"}},
         {"MAIL", refuses, "MAIL", "none", "5", 23, {"554 5.7.1"}},
         {"RCPT", refuses, "RCPT", "none", "5", 24, {"554 5.7.1"}},
         {"DATA", refuses, "DATA", "none", "5", 25, {"554 5.7.1"}},
         {"dot", refuses, ".", "none", "5", 26, {"554 5.7.1"}},
         {"421 at MAIL", says_421, "MAIL", "none", "5", 23, {"421 4.3.2"}},
         {"421 at the dot", says_421, ".", "none", "5", 26, {"421 4.3.2"}});
}

static void endless_octets_are_bounded(void **state)
{
    ROWS({"endless line", endless_line, NULL, "none", "10", 21, {"220 AAAA"}},
         {"endless continuation", endless_continuation, NULL, "none", "10", 22, {"250-AND-MORE"}},
         {"never reads", never_reads, NULL, "none", "1", 6, {"354"}});
}

static void garbage_never_reaches_the_terminal(void **state)
{
    struct fake f;
    ROWS({"NULs", nuls, NULL, "none", "5", 0, {"fa"}},
         {"escape sequences", escapes, NULL, "none", "5", 24, {"550 5.1.1"}},
         {"drip", drips, NULL, "none", "5", 0, {"220 fake.test"}});
    fake_start(&f, garbage, NULL); /* any failure will do, as long as it ends and is clean */
    struct proc *p = send_to(f.at, "none", "3", "--no-quiet");
    proc_assert_printable(p->out_text, "standard output");
    proc_assert_printable(p->err_text, "standard error");
    assert_true(p->status > 0 && p->status < 64);
    proc_free(&p);
    p = send_to(f.at, "none", "3", "--json");
    proc_assert_printable(p->out_text, "standard output");
    assert_true(p->status > 0 && p->status < 64);
    proc_free(&p);
    fake_stop(&f);
    fake_start(&f, escapes, NULL);
    p = send_to(f.at, "none", "3", "--json");
    proc_assert_printable(p->out_text, "standard output");
    assert_int_equal(p->status, 24);
    proc_free(&p);
    fake_stop(&f);
}

static void failing_tls_is_told(void **state)
{
    ROWS({"not offered, must", drips, NULL, "must", "5", 29, {"STARTTLS"}},
         {"refused, must", starttls_refused, NULL, "must", "5", 29, {"454 4.7.0"}},
         {"ends early", starttls_ends_early, NULL, "must", "5", 29, {"handshake"}},
         {"garbage instead", starttls_garbage, NULL, "must", "5", 29, {"TLS"}},
         {"silent instead of a TLS banner", silent, NULL, "must", "1", 6, {"1 s"}});
    struct fake f;
    fake_start(&f, banner_554, NULL); /* plain SMTP where TLS was expected */
    char *url = mem_printf("submissions://%s", f.at);
    struct proc *p = send_to(url, "must", "3", "--quiet");
    const struct row row = {
        "plain text at an implicit TLS port", NULL, NULL, NULL, NULL, 29, {"TLS", "means", "next"}};
    check(&row, p);
    proc_free(&p);
    fake_stop(&f);
    mem_free(url);
}

static void certificates_fail_for_their_reason(void **state)
{
    static const struct {
        enum cert_kind kind;
        const char *says[3];
    } kinds[] = {
        {CERT_EXPIRED, {"expired"}},
        {CERT_WRONG_NAME, {"elsewhere.example"}},
        {CERT_SELF_SIGNED, {"self-signed"}},
        {CERT_UNKNOWN_CA, {"issuer"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char *dir = proc_dir("certs");
        struct fake f;
        certs_make(dir, kinds[i].kind);
        /* the CA that this server's certificate could be trusted by */
        char *ca = proc_path(dir, "ca.pem");
        fake_start(&f, tls_server, dir);
        struct proc *p =
            proc_scope(work, body, sizeof body - 1, "send", "--tls", "must", "--quiet", "--ca", ca,
                       "--from", "a@b.test", "--to", "c@d.test", f.at, "-", NULL);
        struct row row = {
            kinds[i].says[0], NULL, NULL, NULL, NULL, 29, {kinds[i].says[0], "means", "next"}};
        check(&row, p);
        proc_free(&p);
        /* asked to go on, it does, and says the same in the transcript */
        p = proc_scope(work, body, sizeof body - 1, "send", "--tls", "must", "--verify", "none",
                       "--ca", ca, "--from", "a@b.test", "--to", "c@d.test", f.at, "-", NULL);
        row.status = 0;
        row.says[1] = NULL;
        check(&row, p);
        proc_free(&p);
        fake_stop(&f);
        mem_free(ca);
        proc_dir_remove(&dir);
    }
}

static void tls_that_is_tampered_with(void **state)
{
    (void)state;
    const struct row rows[] = {
        /* what came before the handshake is never taken for a reply of the TLS session */
        {"injected", starttls_injected, NULL, "must", "5", 0, {"injected"}},
        {"cut", tls_cut, work, "must", "5", 6, {"closed"}},
    };
    struct fake f;
    for (size_t i = 0; i < 2; i++) {
        fake_start(&f, rows[i].server, rows[i].ctx);
        struct proc *p = send_to(f.at, rows[i].tls, rows[i].timeout, "--no-quiet");
        check(&rows[i], p);
        proc_free(&p);
        fake_stop(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_listens),
        cmocka_unit_test(silence_is_bounded),
        cmocka_unit_test(closing_is_told),
        cmocka_unit_test(refusals_have_their_status),
        cmocka_unit_test(endless_octets_are_bounded),
        cmocka_unit_test(garbage_never_reaches_the_terminal),
        cmocka_unit_test(failing_tls_is_told),
        cmocka_unit_test(certificates_fail_for_their_reason),
        cmocka_unit_test(tls_that_is_tampered_with),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, setup, teardown);
}
