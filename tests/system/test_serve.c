/* smtpscope serve as a person or a program uses it: what it prints, scenarios, live rules through
 * the control socket, what happens behind the scenes. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/peers.h"
#include "base/mem.h"

static char *dir;

static int setup(void **state)
{
    (void)state;
    dir = proc_dir("serve");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    proc_dir_remove(&dir);
    return 0;
}

static void end(struct proc *serve)
{
    proc_kill(serve, SIGTERM);
    int status = proc_wait(serve, 5000);
    if (status != 0)
        fail_msg("serve ended with %d: %s", status, serve->err_text.ptr);
    proc_free(&serve);
}

/* What a recording said is said again, and what comes back is compared. Live rules change the
 * server meanwhile. */
static const struct again {
    const char *scheme; /* service, as serve prints it */
    const char *script; /* recorded first; NULL: a message is sent */
    const char *fault;  /* then added; NULL: none */
    bool login;         /* user and password are given when it is said again */
    int status;
    const char *says, *warns;
} agains[] = {
    {"smtp", NULL, NULL, false, 0, "the sessions are the same", NULL},
    {"smtp", NULL, "rcpt to=carol@* reply 550 5.7.1 Not for carol", false, 1,
     "to the same RCPT the server answered A 250 2.1.5 Ok, B 550 5.7.1 Not for carol", NULL},
    {"smtp", NULL, "connect reply 554 5.3.2 Not today", false, 1, "554", NULL},
    {"submission",
     "/auth PLAIN alice\nexpect event tls_up 20\nexpect code 235\n"
     "MAIL FROM:<alice@example.test>\nexpect 250*\nQUIT\nexpect 221*\n",
     NULL, true, 0, "the sessions are the same", NULL},
    {"submission",
     "/auth PLAIN alice\nexpect event tls_up 20\nexpect code 235\n"
     "MAIL FROM:<alice@example.test>\nexpect 250*\nQUIT\nexpect 221*\n",
     NULL, false, 1, "AUTH happened only in A (likely)", "its password is not in it"},
    {"imap",
     "/auth PLAIN bob\nexpect code OK 20\nSELECT INBOX\nexpect code OK\nLOGOUT\nexpect code OK\n",
     NULL, true, 0, "the sessions are the same", NULL},
    {"pop3",
     "/auth PLAIN bob\nexpect event tls_up 20\nexpect code +OK\nSTAT\nexpect code "
     "+OK\nQUIT\nexpect code +OK\n",
     NULL, true, 0, "the sessions are the same", NULL},
};

static const char *control(const char *path, const char *command);

static void record(const struct again *g, const char *target, const char *file, const char *ca)
{
    struct proc *p =
        g->script
            ? proc_scope(dir, g->script, strlen(g->script), "run", "--quiet", "--ca", ca,
                         "--password-command", "echo secret", "--record", file, "-", target, NULL)
            : proc_scope(dir, NULL, 0, "send", "--quiet", "--tls", "none", "--from",
                         "ann@example.net", "--to", "bob@example.test", "--to",
                         "carol@example.test", "--record", file, target, NULL);
    if (p->status != 0)
        fail_msg("%s: status %d: %s%s", target, p->status, p->out_text.ptr, p->err_text.ptr);
    proc_free(&p);
}

static void says_again(const struct again *g, const char *path)
{
    char *file = proc_path(dir, "then.jsonl"), *ca = proc_path(dir, "ca.pem");
    const char *argv[] = {proc_smtpscope(), "serve", "--smtp",     "0", "--submission", "0",
                          "--imap",         "0",     "--pop3",     "0", "--control",    path,
                          "--ca-out",       ca,      "--no-magic", NULL};
    struct proc *serve = proc_start(argv, proc_env(dir));
    char prefix[20], target[100];
    snprintf(prefix, sizeof prefix, "%s ", g->scheme);
    char *at = proc_line(serve, prefix);
    snprintf(target, sizeof target, "%s://%s", g->scheme, at);
    free(at);
    mem_free(proc_line(serve, "ready"));
    record(g, target, file, ca);
    if (g->fault) {
        char *command = mem_printf("add %s\n", g->fault);
        const char *answer = control(path, command);
        if (strncmp(answer, "ok", 2) != 0)
            fail_msg("%s: %s", command, answer);
        mem_free(command);
    }
    struct proc *p =
        g->login ? proc_scope(dir, NULL, 0, "run", "--ca", ca, "--user",
                              strcmp(g->scheme, "submission") == 0 ? "alice" : "bob",
                              "--password-command", "echo secret", "--replay", file, target, NULL)
                 : proc_scope(dir, NULL, 0, "run", "--ca", ca, "--replay", file, target, NULL);
    if (p->status != g->status || !proc_text_has(p->out_text, g->says) ||
        (g->warns != NULL) != proc_text_has(p->err_text, "its password is not in it"))
        fail_msg("%s %s: status %d: %s%s", g->scheme, g->says, p->status, p->out_text.ptr,
                 p->err_text.ptr);
    assert_false(proc_text_has(p->out_text, "AGFsaWNlAHNlY3JldA=="));
    proc_free(&p);
    end(serve);
    unlink(file);
    mem_free(file);
    mem_free(ca);
}

static void recordings_are_said_again(void **state)
{
    (void)state;
    char *path = proc_path(dir, "control-again");
    for (size_t i = 0; i < sizeof agains / sizeof agains[0]; i++)
        says_again(&agains[i], path);
    mem_free(path);
}

/* One command to the control socket; its whole answer (static). */
static const char *control(const char *path, const char *command)
{
    static char answer[65536];
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t len = 0;
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(send(fd, command, strlen(command), MSG_NOSIGNAL), strlen(command));
    shutdown(fd, SHUT_WR);
    for (ssize_t n; (n = read(fd, answer + len, sizeof answer - 1 - len)) > 0;)
        len += (size_t)n;
    answer[len] = '\0';
    close(fd);
    return answer;
}

static struct proc *send_to(const char *address, const char *to)
{
    char target[100];
    snprintf(target, sizeof target, "smtp://%s", address);
    return proc_scope(dir, NULL, 0, "send", "--tls", "none", "--from", "ann@example.net", "--to",
                      to, target, NULL);
}

static void expect(struct proc *p, int status)
{
    if (p->status != status)
        fail_msg("status %d: %s%s", p->status, p->out_text.ptr, p->err_text.ptr);
    proc_free(&p);
}

/* Without any option: each address, users, the CA, lines to copy, then ready. */
static void prints_all_one_needs(void **state)
{
    (void)state;
    const char *argv[] = {proc_smtpscope(), "serve", NULL};
    struct proc *serve = proc_start(argv, proc_env(dir));
    char *smtp = proc_line(serve, "smtp 127.0.0.1:");
    char *submission = proc_line(serve, "submission 127.0.0.1:");
    mem_free(proc_line(serve, "# scenario friendly; domain example.test; users alice, bob, carol"));
    char *ca = proc_line(serve, "# the practice CA's certificate: ");
    struct stat st;
    assert_int_equal(stat(ca, &st), 0);
    char *swaks = proc_line(serve, "# swaks --server 127.0.0.1:");
    assert_int_equal(strncmp(swaks, smtp, strlen(smtp)), 0);
    mem_free(proc_line(serve, "# curl smtp://127.0.0.1:"));
    mem_free(proc_line(serve, "# a mail program: "));
    mem_free(proc_line(serve, "ready"));
    free(smtp);
    free(submission);
    free(ca);
    free(swaks);
    end(serve);
}

static void behind_the_scenes(void **state)
{
    (void)state;
    const char *argv[] = {proc_smtpscope(),
                          "serve",
                          "--smtp",
                          "0",
                          "--fault",
                          "rcpt to=carol@* reply 550 5.7.1 Not for carol",
                          NULL};
    struct proc *serve = proc_start(argv, proc_env(dir));
    char *smtp = proc_line(serve, "smtp ");
    mem_free(proc_line(serve, "ready"));
    expect(send_to(smtp, "bob@example.test"), 0);
    expect(send_to(smtp, "carol@example.test"), 24);
    const char *distrust[] = {proc_smtpscope(),   "send", "--quiet", "--tls", "must", "--to",
                              "bob@example.test", smtp,   NULL};
    struct proc *refuses = proc_start(distrust, proc_env(dir));
    (void)proc_wait(refuses, 10000);
    expect(refuses, 29);
    proc_kill(serve, SIGTERM);
    assert_int_equal(proc_wait(serve, 5000), 0);
    assert_true(proc_text_has(serve->out_text, "stored P000001 for bob from <ann@example.net>"));
    assert_true(proc_text_has(serve->out_text, "rule at rcpt: reply 550 5.7.1 Not for carol"));
    assert_true(proc_text_has(serve->out_text, "refused RCPT TO:<carol@example.test>: 550"));
    assert_true(proc_text_has(serve->out_text, "TLS failed in handshake: "));
    assert_false(proc_text_has(serve->out_text, "refused RCPT TO:<bob@example.test>"));
    proc_assert_printable(serve->out_text, "serve");
    proc_free(&serve);
    free(smtp);
}

static void control_socket(void **state)
{
    (void)state;
    char *path = proc_path(dir, "control");
    const char *argv[] = {proc_smtpscope(), "serve",     "--smtp", "0", "--scenario",
                          "friendly",       "--control", path,     NULL};
    struct proc *serve = proc_start(argv, proc_env(dir));
    char *smtp = proc_line(serve, "smtp ");
    mem_free(proc_line(serve, "ready"));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    expect(send_to(smtp, "bob@example.test"), 0);
    assert_string_equal(control(path, "add rcpt to=bob@* times=1 reply 550 5.1.1 Gone\n"),
                        "ok 1\n");
    expect(send_to(smtp, "bob@example.test"), 24);
    expect(send_to(smtp, "bob@example.test"), 0);
    assert_non_null(strstr(control(path, "list\n"), "  live 1 2/1 rcpt to=bob@* times=1 reply"));
    assert_non_null(strstr(control(path, "mailbox\n"), "  1 bob "));
    assert_non_null(strstr(control(path, "mailbox 1\n"), "  Return-Path: <ann@example.net>\n"));
    assert_string_equal(control(path, "remove 1\nremove 1\n"),
                        "ok\nerror no live rule has this number\n");
    assert_non_null(strstr(control(path, "add rcpt repyl 5\n"), "did you mean \"reply\""));
    assert_non_null(strstr(control(path, "scenario greylist\n"), "ok greylist\n"));
    expect(send_to(smtp, "bob@example.test"), 24);
    assert_non_null(strstr(control(path, "scenario no-such\n"), "error "));
    assert_non_null(strstr(control(path, "scenario\n"), "ok greylist\n"));
    assert_non_null(strstr(control(path, "wat\n"), "error unknown command"));
    assert_string_equal(control(path, "reset\n"), "ok\n");
    assert_string_equal(control(path, "mailbox\n"), "ok\n");
    end(serve);
    assert_int_not_equal(stat(path, &st), 0);
    free(smtp);
    mem_free(path);
}

static void wrong_use(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"--scenario", "no-such", "no scenario is called no-such"},
        {"--fault", "rcpt repyl 5", "did you mean \"reply\""},
        {"--control", "/nowhere/at/all", "/nowhere/at/all"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct proc *p =
            proc_scope(dir, NULL, 0, "serve", "--smtp", "0", rows[i][0], rows[i][1], NULL);
        assert_int_not_equal(p->status, 0);
        if (!proc_text_has(p->err_text, rows[i][2]))
            fail_msg("%s: %s", rows[i][0], p->err_text.ptr);
        proc_free(&p);
    }
}

/* A scenario of one's own, with a file it includes. */
static void a_file(void **state)
{
    (void)state;
    char *path = proc_path(dir, "mine.scn");
    char *zone = proc_path(dir, "mine.zone");
    static const char records[] = "mine.test MX 10 mx.example.test\n", bad[] = "mine.test WHAT\n";
    char *text = mem_printf("title Mine\ninclude greylist\nzone %s\n"
                            "when mail reply 451 4.3.0 Mine\n",
                            zone);
    proc_write_file(path, text, strlen(text));
    proc_write_file(zone, bad, sizeof bad - 1);
    struct proc *p = proc_scope(dir, NULL, 0, "serve", "--smtp", "0", "--scenario", path, NULL);
    assert_int_not_equal(p->status, 0);
    proc_free(&p);
    proc_write_file(zone, records, sizeof records - 1);
    const char *argv[] = {proc_smtpscope(), "serve", "--smtp", "0", "--scenario", path, NULL};
    struct proc *serve = proc_start(argv, proc_env(dir));
    char *smtp = proc_line(serve, "smtp ");
    mem_free(proc_line(serve, "ready"));
    expect(send_to(smtp, "bob@example.test"), 23);
    end(serve);
    free(smtp);
    mem_free(path);
    mem_free(zone);
    mem_free(text);
}

/* A reader that stops reading holds nothing up. */
static void nobody_reads(void **state)
{
    (void)state;
    const char *argv[] = {proc_smtpscope(), "serve", "--smtp", "0", NULL};
    struct proc *serve = proc_start(argv, proc_env(dir));
    char *smtp = proc_line(serve, "smtp ");
    mem_free(proc_line(serve, "ready"));
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(strrchr(smtp, ':') + 1))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    FILE *f = fdopen(fd, "r+");
    char line[600];
    assert_non_null(fgets(line, sizeof line, f));
    fprintf(f, "HELO x\r\n");
    assert_non_null(fgets(line, sizeof line, f));
    for (int i = 0; i < 2000; i++) {
        fprintf(f, "MAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n");
        for (int replies = 0; replies < 3; replies++)
            assert_non_null(fgets(line, sizeof line, f));
        fprintf(f, "x\r\n.\r\n");
        assert_non_null(fgets(line, sizeof line, f));
        assert_int_equal(strncmp(line, "250", 3), 0);
    }
    fclose(f);
    proc_kill(serve, SIGKILL);
    proc_free(&serve);
    free(smtp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_all_one_needs),
        cmocka_unit_test(behind_the_scenes),
        cmocka_unit_test(control_socket),
        cmocka_unit_test(recordings_are_said_again),
        cmocka_unit_test(wrong_use),
        cmocka_unit_test(a_file),
        cmocka_unit_test(nobody_reads),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
