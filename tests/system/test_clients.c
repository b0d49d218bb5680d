/* Other people's clients against the practice server: plain text, STARTTLS, TLS from the first
 * octet, each AUTH mechanism each client knows, refused recipients, addresses that misbehave on
 * request. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../lib/peers.h"
#include "base/mem.h"

static struct {
    char *dir, *ca, *message;
    struct proc *serve;
    char *at[3]; /* address:port of each door */
    const char *port[3];
} world;
enum door { SMTP, SUBMISSION, SUBMISSIONS };

static const char message_text[] =
    "From: ann@example.net\r\nTo: alice@example.test\r\nSubject: a client\r\n\r\nHello\r\n"
    ".a dot\r\n";

static int setup(void **state)
{
    (void)state;
    world.dir = proc_dir("clients");
    world.ca = proc_path(world.dir, "ca.pem");
    world.message = proc_path(world.dir, "message");
    proc_write_file(world.message, message_text, sizeof message_text - 1);
    const char *argv[] = {
        proc_smtpscope(), "serve",  "--smtp", "0", "--submission", "0", "--submissions", "0",
        "--ca-out",       world.ca, NULL};
    world.serve = proc_start(argv, proc_env(world.dir));
    static const char *const doors[] = {"smtp ", "submission ", "submissions "};
    for (int i = 0; i < 3; i++) {
        world.at[i] = proc_line(world.serve, doors[i]);
        world.port[i] = strrchr(world.at[i], ':') + 1;
    }
    mem_free(proc_line(world.serve, "ready"));
    return 0;
}

/* The server is still there at the end, and ends cleanly. */
static int teardown(void **state)
{
    (void)state;
    proc_kill(world.serve, SIGTERM);
    int status = proc_wait(world.serve, 5000);
    if (status != 0)
        print_error("serve ended with status %d: %s\n", status, world.serve->err_text.ptr);
    proc_free(&world.serve);
    for (int i = 0; i < 3; i++)
        mem_free(world.at[i]);
    mem_free(world.ca);
    mem_free(world.message);
    proc_dir_remove(&world.dir);
    return status;
}

#define RUN(name, ...) peer_run(name, NULL, 0, (const char *const[]){__VA_ARGS__, NULL})

static void expect_status(struct proc *p, int status, const char *needle)
{
    bool ok = p->status == status &&
              (!needle || proc_text_has(p->out_text, needle) || proc_text_has(p->err_text, needle));
    if (!ok)
        fail_msg("status %d instead of %d, or no \"%s\" in: %s%s", p->status, status,
                 needle ? needle : "", p->out_text.ptr, p->err_text.ptr);
    proc_free(&p);
}

/* --- swaks --- */

#define SWAKS "--from", "ann@example.net", "--to", "alice@example.test"

static void swaks_sends_at_each_door(void **state)
{
    (void)state;
    peer_need("swaks");
    expect_status(RUN("swaks", SWAKS, "--server", world.at[SMTP]), 0, "250 2.0.0");
    expect_status(RUN("swaks", SWAKS, "--server", world.at[SMTP], "--tls", "--tls-verify",
                      "--tls-ca-path", world.ca),
                  0, "TLS started");
    expect_status(RUN("swaks", SWAKS, "--server", world.at[SUBMISSION], "--tls", "--auth", "PLAIN",
                      "--auth-user", "alice", "--auth-password", "secret"),
                  0, "235");
    expect_status(RUN("swaks", SWAKS, "--server", world.at[SUBMISSIONS], "--tlsc", "--auth",
                      "LOGIN", "--auth-user", "alice", "--auth-password", "secret"),
                  0, "235");
    expect_status(RUN("swaks", SWAKS, "--server", world.at[SMTP], "--pipeline"), 0, "250 2.0.0");
}

static void swaks_logs_in_with_each_mechanism(void **state)
{
    (void)state;
    static const char *const mechanisms[] = {"PLAIN", "LOGIN", "CRAM-MD5"};
    peer_need("swaks");
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        expect_status(RUN("swaks", SWAKS, "--server", world.at[SUBMISSION], "--tls", "--auth",
                          mechanisms[i], "--auth-user", "bob", "--auth-password", "secret"),
                      0, "235");
        expect_status(RUN("swaks", SWAKS, "--server", world.at[SUBMISSION], "--tls", "--auth",
                          mechanisms[i], "--auth-user", "bob", "--auth-password", "wrong"),
                      28, "535");
    }
}

static void swaks_meets_refusals_and_magic(void **state)
{
    (void)state;
    static const struct {
        const char *to, *from, *text;
        int status;
    } rows[] = {
        {"nobody@example.test", "ann@example.net", "550 5.1.1", 24},
        {"x@elsewhere.test", "ann@example.net", "550 5.7.1", 24},
        {"any+550@example.test", "ann@example.net", "550", 24},
        {"any+450-4.2.0@example.test", "ann@example.net", "450 4.2.0", 24},
        {"any+552.dot@example.test", "ann@example.net", "552", 26},
        {"any+554.data@example.test", "ann@example.net", "554", 25},
        {"any+full@example.test", "ann@example.net", "452 4.2.2", 24},
        {"any+greylist@example.test", "ann@example.net", "450 4.2.0", 24},
        {"any+drop.dot@example.test", "ann@example.net", NULL, 6},
        {"any+drop@example.test", "ann@example.net", NULL, 6},
        {"any+reset.data@example.test", "ann@example.net", NULL, 6},
        {"any+bounce@example.test", "ann@example.net", "250", 0},
        {"alice@example.test", "from+451@example.net", "451", 23},
    };
    peer_need("swaks");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_status(
            RUN("swaks", "--server", world.at[SMTP], "--from", rows[i].from, "--to", rows[i].to),
            rows[i].status, rows[i].text);
    /* one refused of two: the message goes to the other */
    expect_status(RUN("swaks", "--server", world.at[SMTP], "--from", "ann@example.net", "--to",
                      "nobody@example.test,alice@example.test"),
                  0, "250 2.0.0");
    /* twice refused, then taken */
    for (int i = 0; i < 3; i++)
        expect_status(RUN("swaks", "--server", world.at[SMTP], "--from", "ann@example.net", "--to",
                          "any+450x2@example.test"),
                      i < 2 ? 24 : 0, i < 2 ? "450" : "250 2.0.0");
}

/* --- curl --- */

static void curl_sends_at_each_door(void **state)
{
    (void)state;
    peer_need("curl");
    char *plain = mem_printf("smtp://%s", world.at[SMTP]);
    char *submission = mem_printf("smtp://%s", world.at[SUBMISSION]);
    char *tls = mem_printf("smtps://%s", world.at[SUBMISSIONS]);
    static const char *const options[] = {"AUTH=PLAIN", "AUTH=LOGIN", "AUTH=CRAM-MD5"};
#define CURL "-v", "-sS", "--mail-from", "ann@example.net", "-T", world.message
    expect_status(RUN("curl", CURL, "--mail-rcpt", "alice@example.test", plain), 0, "250 2.0.0");
    expect_status(RUN("curl", CURL, "--mail-rcpt", "alice@example.test", "--ssl-reqd", "--cacert",
                      world.ca, plain),
                  0, "250 2.0.0");
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        expect_status(RUN("curl", CURL, "--mail-rcpt", "x@elsewhere.test", "--ssl-reqd", "--cacert",
                          world.ca, "--login-options", options[i], "-u", "carol:secret",
                          submission),
                      0, "235");
        expect_status(RUN("curl", CURL, "--mail-rcpt", "x@elsewhere.test", "--cacert", world.ca,
                          "--login-options", options[i], "-u", "carol:secret", tls),
                      0, "235");
    }
    expect_status(RUN("curl", CURL, "--mail-rcpt", "x@elsewhere.test", "--cacert", world.ca, "-u",
                      "carol:wrong", tls),
                  67, "535");
    expect_status(RUN("curl", CURL, "--mail-rcpt", "nobody@example.test", plain), 55, "550 5.1.1");
    mem_free(plain);
    mem_free(submission);
    mem_free(tls);
}

/* --- msmtp --- */

static struct proc *msmtp(enum door door, const char *auth, const char *password, const char *to)
{
    char *port = mem_printf("--port=%s", world.port[door]),
         *ca = mem_printf("--tls-trust-file=%s", world.ca);
    char *login = mem_printf("--auth=%s", auth),
         *pass = mem_printf("--passwordeval=echo %s", password);
    struct proc *p =
        peer_run("msmtp", message_text, sizeof message_text - 1,
                 (const char *const[]){
                     "--debug", "--host=localhost", port, "--from=ann@example.net", "--tls=on",
                     door == SUBMISSIONS ? "--tls-starttls=off" : "--tls-starttls=on", ca, login,
                     "--user=alice", pass, "--", to, NULL});
    mem_free(port);
    mem_free(ca);
    mem_free(login);
    mem_free(pass);
    return p;
}

static void msmtp_logs_in_with_each_mechanism(void **state)
{
    (void)state;
    static const char *const mechanisms[] = {"plain", "login", "cram-md5", "scram-sha-1",
                                             "scram-sha-256"};
    peer_need("msmtp");
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        expect_status(msmtp(SUBMISSION, mechanisms[i], "secret", "x@elsewhere.test"), 0, "235");
        expect_status(msmtp(SUBMISSIONS, mechanisms[i], "secret", "alice@example.test"), 0, "235");
        expect_status(msmtp(SUBMISSION, mechanisms[i], "wrong", "alice@example.test"), 77, "535");
    }
    expect_status(msmtp(SMTP, "off", "secret", "nobody@example.test"), 65, "5.1.1");
}

static void msmtp_sends_plain(void **state)
{
    (void)state;
    peer_need("msmtp");
    char *port = mem_printf("--port=%s", world.port[SMTP]);
    expect_status(peer_run("msmtp", message_text, sizeof message_text - 1,
                           (const char *const[]){"--debug", "--host=127.0.0.1", port,
                                                 "--from=ann@example.net", "--",
                                                 "alice@example.test", "bob@example.test", NULL}),
                  0, "250 2.0.0");
    mem_free(port);
}

/* --- python3 --- */

static void python_sends_at_each_door(void **state)
{
    (void)state;
    static const char script[] =
        "import smtplib, ssl, sys\n"
        "ca, smtp, submission, submissions = sys.argv[1], *map(int, sys.argv[2:])\n"
        "ctx = ssl.create_default_context(cafile=ca)\n"
        "text = b'Subject: python\\r\\n\\r\\nhello\\r\\n.dot\\r\\n'\n"
        "with smtplib.SMTP('127.0.0.1', smtp) as s:\n"
        "    assert s.sendmail('a@example.net', ['alice@example.test', 'no@example.test'], "
        "text).keys() == "
        "{'no@example.test'}\n"
        "    assert s.verify('alice')[0] in (250, 252), s.verify('alice')\n"
        "    assert s.noop()[0] == 250 and s.rset()[0] == 250\n"
        "    assert s.docmd('NONSENSE')[0] in (500, 502)\n"
        "for mech in ('PLAIN', 'LOGIN', 'CRAM-MD5'):\n"
        "  for implicit in (False, True):\n"
        "    s = smtplib.SMTP_SSL('localhost', submissions, context=ctx) if implicit else "
        "smtplib.SMTP('localhost', submission)\n"
        "    if not implicit: s.starttls(context=ctx)\n"
        "    s.ehlo()\n"
        "    s.user, s.password = 'alice', 'secret'\n"
        "    assert s.auth(mech, getattr(s, 'auth_' + mech.lower().replace('-', '_')))[0] == 235\n"
        "    s.sendmail('alice@example.test', 'x@elsewhere.test', text)\n"
        "    s.quit()\n"
        "print('all well')\n";
    peer_need("python3");
    expect_status(RUN("python3", "-c", script, world.ca, world.port[SMTP], world.port[SUBMISSION],
                      world.port[SUBMISSIONS]),
                  0, "all well");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(swaks_sends_at_each_door),
        cmocka_unit_test(swaks_logs_in_with_each_mechanism),
        cmocka_unit_test(swaks_meets_refusals_and_magic),
        cmocka_unit_test(curl_sends_at_each_door),
        cmocka_unit_test(msmtp_logs_in_with_each_mechanism),
        cmocka_unit_test(msmtp_sends_plain),
        cmocka_unit_test(python_sends_at_each_door),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
