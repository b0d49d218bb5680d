/* Other people's clients as judges of the server's extensions: each mechanism with channel bindings
 * of both TLS versions, tokens, certificates, VRFY and EXPN, UTF-8 addresses, chunks, delivery
 * reports, LMTP by port and by socket, XCLIENT, PROXY headers, and what a strict server refuses. */
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

enum door { SMTP, SUBMISSION, SUBMISSIONS, LMTP, DOORS };

static struct {
    char *dir, *ca, *cert, *message, *socket;
    struct proc *serve;
    char *at[DOORS];
    const char *port[DOORS];
} world;

static const char message_text[] =
    "From: ann@example.net\r\nTo: alice@example.test\r\nSubject: esmtp\r\n\r\nHello\r\n";

static struct proc *serve(const char *const *more, char *at[DOORS], const char *port[DOORS])
{
    const char *argv[24] = {proc_smtpscope(), "serve", "--quiet", "--ca-out", world.ca};
    size_t n = 5;
    for (; *more; more++)
        argv[n++] = *more;
    argv[n] = NULL;
    struct proc *p = proc_start(argv, proc_env(world.dir));
    static const char *const doors[] = {"smtp ", "submission ", "submissions ", "lmtp "};
    for (int i = 0; i < DOORS; i++) {
        at[i] = proc_line(p, doors[i]);
        port[i] = strrchr(at[i], ':') + 1;
    }
    mem_free(proc_line(p, "ready"));
    return p;
}

static int serve_end(struct proc **p, char *at[DOORS])
{
    proc_kill(*p, SIGTERM);
    int status = proc_wait(*p, 5000);
    if (status != 0)
        print_error("serve ended with status %d: %s\n", status, (*p)->err_text.ptr);
    proc_free(p);
    for (int i = 0; i < DOORS; i++)
        mem_free(at[i]);
    return status;
}

#define ALL_DOORS "--smtp", "0", "--submission", "0", "--submissions", "0", "--lmtp", "0"

static int setup(void **state)
{
    (void)state;
    world.dir = proc_dir("esmtp");
    world.ca = proc_path(world.dir, "ca.pem");
    world.cert = proc_path(world.dir, "alice.pem");
    world.message = proc_path(world.dir, "message");
    world.socket = proc_path(world.dir, "lmtp");
    proc_write_file(world.message, message_text, sizeof message_text - 1);
    world.serve = serve((const char *const[]){ALL_DOORS, "--client-cert-out", world.cert, NULL},
                        world.at, world.port);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    int status = serve_end(&world.serve, world.at);
    mem_free(world.ca);
    mem_free(world.cert);
    mem_free(world.message);
    mem_free(world.socket);
    proc_dir_remove(&world.dir);
    return status;
}

#define RUN(name, ...) peer_run(name, NULL, 0, (const char *const[]){__VA_ARGS__, NULL})

static void expect(struct proc *p, int status, const char *needle)
{
    bool ok = p->status == status &&
              (!needle || proc_text_has(p->out_text, needle) || proc_text_has(p->err_text, needle));
    if (!ok)
        fail_msg("status %d instead of %d, or no \"%s\" in: %s%s", p->status, status,
                 needle ? needle : "", p->out_text.ptr, p->err_text.ptr);
    proc_free(&p);
}

/* --- gsasl --- */

static void gsasl_logs_in(void **state)
{
    (void)state;
    static const struct {
        const char *mechanism;
        bool binding;
    } mechanisms[] = {
        {"SCRAM-SHA-256-PLUS", true},
        {"SCRAM-SHA-1-PLUS", true},
        {"SCRAM-SHA-256", false},
        {"SCRAM-SHA-1", false},
        {"DIGEST-MD5", false},
        {"CRAM-MD5", false},
        {"PLAIN", false},
        {"LOGIN", false},
    };
    static const char *const versions[] = {"--priority=NORMAL", "--priority=NORMAL:-VERS-TLS1.3"};
    peer_need("gsasl");
    char *ca = mem_printf("--x509-ca-file=%s", world.ca);
    char *connect = mem_printf("--connect=localhost:%s", world.port[SUBMISSION]);
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        for (int v = 0; v < 2; v++) {
#define GSASL(password)                                                                            \
    RUN("gsasl", "--smtp", connect, "-m", mechanisms[i].mechanism, "-a", "alice", "-p", password,  \
        ca, versions[v], "--quality-of-protection=qop-auth",                                       \
        mechanisms[i].binding ? "--quiet" : "--no-cb")
            if (v == 1 && !mechanisms[i].binding)
                continue; /* the version matters to bindings alone */
            expect(GSASL("secret"), 0, mechanisms[i].binding ? NULL : "235 2.7.0");
            if (v == 0)
                expect(GSASL("wrong"), 1, NULL);
        }
    }
    mem_free(ca);
    mem_free(connect);
}

/* --- curl --- */

#define CURL                                                                                       \
    "-v", "-sS", "--mail-from", "ann@example.net", "-T", world.message, "--cacert", world.ca,      \
        "--ssl-reqd"

static void curl_logs_in(void **state)
{
    (void)state;
    peer_need("curl");
    char *url = mem_printf("smtp://localhost:%s", world.port[SUBMISSION]);
    static const char *const tokens[] = {"AUTH=OAUTHBEARER", "AUTH=XOAUTH2"};
    for (int i = 0; i < 2; i++) {
        expect(RUN("curl", CURL, "--mail-rcpt", "x@elsewhere.test", "--login-options", tokens[i],
                   "-u", "carol:", "--oauth2-bearer", "token-carol", url),
               0, "250 2.0.0");
        expect(RUN("curl", CURL, "--mail-rcpt", "x@elsewhere.test", "--login-options", tokens[i],
                   "-u", "carol:", "--oauth2-bearer", "token-alice", url),
               67, "535 5.7.8");
    }
    expect(RUN("curl", CURL, "--mail-rcpt", "x@elsewhere.test", "--login-options",
               "AUTH=DIGEST-MD5", "-u", "carol:secret", url),
           0, "235 2.7.0");
    expect(RUN("curl", CURL, "--mail-rcpt", "x@elsewhere.test", "--login-options", "AUTH=EXTERNAL",
               "-u", "alice:", "--cert", world.cert, url),
           0, "235 2.7.0");
    expect(RUN("curl", CURL, "--mail-rcpt", "x@elsewhere.test", "--login-options", "AUTH=EXTERNAL",
               "-u", "bob:", "--cert", world.cert, url),
           67, NULL);
    mem_free(url);
}

static void curl_asks(void **state)
{
    (void)state;
    peer_need("curl");
    char *url = mem_printf("smtp://localhost:%s", world.port[SMTP]);
    expect(RUN("curl", "-sS", "--mail-rcpt", "alice", url), 0, "250 2.1.5 <alice@example.test>");
    expect(RUN("curl", "-sS", "--mail-rcpt", "team", "-X", "EXPN", url), 0,
           "250-2.1.5 <bob@example.test>");
    expect(RUN("curl", "-sS", "-X", "HELP", url), 0, "214-2.0.0 Commands:");
    expect(RUN("curl", "-v", "-sS", "--mail-from", "\xc3\xa4nn@example.net", "--mail-rcpt",
               "alice+\xc3\xb6@example.test", "-T", world.message, url),
           0, "SMTPUTF8");
    mem_free(url);
}

/* --- python3 --- */

static const char python_extensions[] =
    "import smtplib, sys\n"
    "s = smtplib.SMTP('127.0.0.1', int(sys.argv[1]))\n"
    "s.ehlo()\n"
    "for word in 'dsn chunking binarymime smtputf8 8bitmime size limits deliverby mt-priority "
    "enhancedstatuscodes pipelining etrn help vrfy expn'.split():\n"
    "    assert s.has_extn(word), word\n"
    "text = b'Subject: x\\r\\n\\r\\nhello\\r\\n'\n"
    "s.sendmail('alice@example.test', ['bob@example.test'], text,\n"
    "    mail_options=['RET=HDRS', 'ENVID=e1', 'BODY=8BITMIME', 'BY=600;N', 'MT-PRIORITY=3'],\n"
    "    rcpt_options=['NOTIFY=SUCCESS,FAILURE', 'ORCPT=rfc822;bob@example.test'])\n"
    "s.sendmail('\\xe4nn@example.net', ['alice+\\xf6@example.test'],\n"
    "    'Subject: \\xfc\\r\\n\\r\\nx\\r\\n'.encode(), mail_options=['SMTPUTF8', "
    "'BODY=8BITMIME'])\n"
    "s.mail('a@example.net', ['BODY=BINARYMIME']); s.rcpt('bob@example.test')\n"
    "s.send(b'BDAT 5\\r\\na\\nb\\0c'); assert s.getreply()[0] == 250\n"
    "s.send(b'BDAT 2\\r\\n\\r\\nBDAT 0 LAST\\r\\n')\n"
    "assert s.getreply()[0] == 250 and s.getreply()[0] == 250\n"
    "def data(octets):\n"
    "    s.mail('a@example.net'); s.rcpt('bob@example.test'); s.docmd('DATA')\n"
    "    s.send(octets); return s.getreply()[0]\n"
    "for bad in (b'a\\nb\\r\\n.\\r\\n', b'a\\rb\\r\\n.\\r\\n', b'a\\0\\r\\n.\\r\\n',\n"
    "            b'a\\n.\\nMAIL FROM:<>\\r\\n.\\r\\n', b'a\\r\\n.\\nRSET\\r\\n.\\r\\n',\n"
    "            b'a\\n.\\r\\nRSET\\r\\n.\\r\\n', b'a\\r.\\rRSET\\r\\n.\\r\\n'):\n"
    "    assert data(bad) == 554, bad\n"
    "assert data(b'good\\r\\n.\\r\\n') == 250\n"
    "s.quit()\n"
    "print('all well')\n";

static void python_uses_extensions(void **state)
{
    (void)state;
    peer_need("python3");
    expect(RUN("python3", "-c", python_extensions, world.port[SMTP]), 0, "all well");
}

static const char python_lmtp[] = "import smtplib, sys\n"
                                  "host, port = sys.argv[1], int(sys.argv[2])\n"
                                  "s = smtplib.LMTP(host, port)\n"
                                  "s.ehlo(); s.mail('a@example.net')\n"
                                  "for rcpt in ('alice', 'bob+552.dot', 'carol'):\n"
                                  "    assert s.rcpt(rcpt + '@example.test')[0] == 250\n"
                                  "assert s.rcpt('nobody@example.test')[0] == 550\n"
                                  "s.docmd('DATA'); s.send(b'hi\\r\\n.\\r\\n')\n"
                                  "assert [s.getreply()[0] for i in range(3)] == [250, 552, 250]\n"
                                  "assert s.noop()[0] == 250\n"
                                  "s.quit()\n"
                                  "print('all well')\n";

static void python_delivers_by_lmtp(void **state)
{
    (void)state;
    char *at[DOORS];
    const char *port[DOORS];
    peer_need("python3");
    expect(RUN("python3", "-c", python_lmtp, "127.0.0.1", world.port[LMTP]), 0, "all well");
    const char *argv[] = {proc_smtpscope(), "serve", "--quiet", "--lmtp", world.socket, NULL};
    struct proc *p = proc_start(argv, proc_env(world.dir));
    at[0] = proc_line(p, "lmtp ");
    port[0] = at[0];
    assert_non_null(strstr(port[0], world.socket));
    mem_free(proc_line(p, "ready"));
    expect(RUN("python3", "-c", python_lmtp, world.socket, "0"), 0, "all well");
    proc_kill(p, SIGTERM);
    assert_int_equal(proc_wait(p, 5000), 0);
    proc_free(&p);
    mem_free(at[0]);
}

/* --- swaks --- */

static void swaks_delivers_by_lmtp(void **state)
{
    (void)state;
    peer_need("swaks");
    expect(RUN("swaks", "--server", world.at[LMTP], "--protocol", "LMTP", "--from",
               "ann@example.net", "--to", "alice@example.test,bob@example.test"),
           0, "<bob@example.test> kept as");
}

static void swaks_stands_in_front(void **state)
{
    (void)state;
    char *at[DOORS];
    const char *port[DOORS];
    peer_need("swaks");
    struct proc *p = serve((const char *const[]){ALL_DOORS, "--xclient", NULL}, at, port);
    expect(RUN("swaks", "--server", at[SMTP], "--from", "ann@example.net", "--to",
               "x@elsewhere.test", "--xclient-addr", "192.0.2.7", "--xclient-login", "alice"),
           0, "250 2.0.0");
    assert_int_equal(serve_end(&p, at), 0);
    p = serve((const char *const[]){ALL_DOORS, "--proxy", NULL}, at, port);
    static const char *const versions[] = {"1", "2"};
    for (int i = 0; i < 2; i++) {
        expect(RUN("swaks", "--server", at[SMTP], "--from", "ann@example.net", "--to",
                   "alice@example.test", "--proxy-version", versions[i], "--proxy-family",
                   i ? "AF_INET" : "TCP4", i ? "--proxy-protocol" : "--timeout",
                   i ? "STREAM" : "10", "--proxy-source", "192.0.2.7", "--proxy-source-port",
                   "4711", "--proxy-dest", "127.0.0.1", "--proxy-dest-port", "25"),
               0, "250 2.0.0");
    }
    assert_int_equal(serve_end(&p, at), 0);
}

static void rules_can_be_relaxed(void **state)
{
    (void)state;
    char *at[DOORS];
    const char *port[DOORS];
    static const char script[] =
        "import smtplib, sys\n"
        "s = smtplib.SMTP('127.0.0.1', int(sys.argv[1])); s.ehlo()\n"
        "s.mail('a@example.net'); s.rcpt('bob@example.test'); s.docmd('DATA')\n"
        "s.send(b'a\\n.\\nMAIL FROM:<evil@example.net>\\r\\nRSET\\r\\n')\n"
        "assert [s.getreply()[0] for i in range(3)] == [250, 250, 250]\n"
        "print('all well')\n";
    peer_need("python3");
    struct proc *p = serve(
        (const char *const[]){ALL_DOORS, "--relax", "data-end-lf,data-bare-lf", NULL}, at, port);
    expect(RUN("python3", "-c", script, port[SMTP]), 0, "all well");
    assert_int_equal(serve_end(&p, at), 0);
    const char *argv[] = {proc_smtpscope(), "serve", "--relax", "everything", NULL};
    p = proc_start(argv, proc_env(world.dir));
    assert_int_equal(proc_wait(p, 5000), 1);
    assert_true(proc_text_has(p->err_text, "data-end-lf"));
    proc_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gsasl_logs_in),
        cmocka_unit_test(curl_logs_in),
        cmocka_unit_test(curl_asks),
        cmocka_unit_test(python_uses_extensions),
        cmocka_unit_test(python_delivers_by_lmtp),
        cmocka_unit_test(swaks_delivers_by_lmtp),
        cmocka_unit_test(swaks_stands_in_front),
        cmocka_unit_test(rules_can_be_relaxed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
