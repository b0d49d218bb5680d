/* Other people's clients against the practice server's POP3: each way to log in, each command,
 * messages octet for octet; hostile ones; and what a Maildir looks like after kill -9. */
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

enum door { SMTP, POP3, POP3S, DOORS };

static struct {
    char *dir, *ca, *message;
    struct proc *serve;
    char *at[DOORS];
    const char *port[DOORS];
    char pid[16];
} world;

static const char message_text[] =
    "From: ann@example.net\r\nTo: alice@example.test\r\nSubject: a client\r\n\r\nHello\r\n"
    ".a dot\r\n..two\r\n\r\nend\r\n";

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

static struct proc *serve_start(const char *maildir, char *at[DOORS], const char *port[DOORS])
{
    static const char *const doors[DOORS] = {"smtp ", "pop3 ", "pop3s "};
    const char *argv[] = {proc_smtpscope(),
                          "serve",
                          "--smtp",
                          "0",
                          "--pop3",
                          "0",
                          "--pop3s",
                          "0",
                          "--ca-out",
                          world.ca,
                          maildir ? "--maildir" : NULL,
                          maildir,
                          NULL};
    struct proc *p = proc_start(argv, proc_env(world.dir));
    for (int i = 0; i < DOORS; i++) {
        at[i] = proc_line(p, doors[i]);
        port[i] = strrchr(at[i], ':') + 1;
    }
    mem_free(proc_line(p, "ready"));
    return p;
}

static int setup(void **state)
{
    (void)state;
    world.dir = proc_dir("pop3");
    world.ca = proc_path(world.dir, "ca.pem");
    world.message = proc_path(world.dir, "message");
    proc_write_file(world.message, message_text, sizeof message_text - 1);
    world.serve = serve_start(NULL, world.at, world.port);
    snprintf(world.pid, sizeof world.pid, "%d", (int)world.serve->pid);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    proc_kill(world.serve, SIGTERM);
    int status = proc_wait(world.serve, 5000);
    if (status != 0)
        print_error("serve ended with status %d: %s\n", status, world.serve->err_text.ptr);
    proc_free(&world.serve);
    for (int i = 0; i < DOORS; i++)
        mem_free(world.at[i]);
    mem_free(world.ca);
    mem_free(world.message);
    proc_dir_remove(&world.dir);
    return status;
}

static void deliver(const char *user)
{
    char *url = mem_printf("smtp://%s", world.at[SMTP]);
    char *to = mem_printf("%s@example.test", user);
    peer_need("curl");
    expect_status(RUN("curl", "-sS", "--mail-from", "ann@example.net", "--mail-rcpt", to,
                      "--upload-file", world.message, url),
                  0, NULL);
    mem_free(url);
    mem_free(to);
}

/* ---- curl ---- */

#define ALICE_CURL(...) RUN("curl", "-sS", "--user", "alice:secret", __VA_ARGS__)

static void curl_lists_and_fetches(void **state)
{
    (void)state;
    deliver("alice");
    deliver("alice");
    char *url = mem_printf("pop3://%s/", world.at[POP3]);
    char *first = mem_printf("pop3://%s/1", world.at[POP3]);
    expect_status(ALICE_CURL(url), 0, "2 ");
    struct proc *p = ALICE_CURL(first);
    assert_int_equal(p->status, 0);
    assert_true(proc_text_has(p->out_text, "Return-Path: <ann@example.net>"));
    if (!proc_text_has(p->out_text, message_text)) /* dots and line ends as they were sent */
        fail_msg("not the message: %s", p->out_text.ptr);
    proc_free(&p);
    expect_status(ALICE_CURL("-X", "UIDL", url), 0, "1 ");
    p = ALICE_CURL("-X", "TOP 2 1", url);
    assert_int_equal(p->status, 0);
    assert_true(proc_text_has(p->out_text, "\r\n\r\nHello\r\n"));
    assert_false(proc_text_has(p->out_text, "a dot"));
    proc_free(&p);
    expect_status(ALICE_CURL("-v", "-I", "-X", "STAT", url), 0, "+OK 2 ");
    expect_status(ALICE_CURL("-I", "-X", "DELE 2", url), 0, NULL);
    p = ALICE_CURL(url);
    assert_false(proc_text_has(p->out_text, "2 ")); /* it went at QUIT */
    proc_free(&p);
    mem_free(url);
    mem_free(first);
}

static void curl_logs_in_each_way(void **state)
{
    (void)state;
    static const char *const ways[] = {"AUTH=+APOP", "AUTH=PLAIN", "AUTH=LOGIN", "AUTH=CRAM-MD5",
                                       "AUTH=*"};
    static const char *const schemes[] = {"pop3", "pop3", "pop3s"};
    peer_need("curl");
    for (int door = 0; door < 3; door++) {
        char *url =
            mem_printf("%s://localhost:%s/", schemes[door], world.port[door == 2 ? POP3S : POP3]);
        const char *tls = door == 1 ? "--ssl-reqd" : "--no-progress-meter";
        for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
            expect_status(RUN("curl", "-sSv", tls, "--cacert", world.ca, "--login-options", ways[i],
                              "--user", "bob:secret", url),
                          0, "+OK");
            expect_status(RUN("curl", "-sS", tls, "--cacert", world.ca, "--login-options", ways[i],
                              "--user", "bob:wrong", url),
                          67, NULL);
        }
        mem_free(url);
    }
}

/* ---- poplib ---- */

static void python_says_everything(void **state)
{
    (void)state;
    static const char script[] =
        "import poplib, ssl, sys\n"
        "ca, pop3, pop3s = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])\n"
        "ctx = ssl.create_default_context(cafile=ca)\n"
        "def bad(f, *a):\n"
        "    try: f(*a)\n"
        "    except poplib.error_proto as e: return str(e)\n"
        "    raise AssertionError((f, a))\n"
        "p = poplib.POP3('localhost', pop3)\n"
        "assert 'STLS' in p.capa() and 'TOP' in p.capa()\n"
        "p.stls(context=ctx)\n"
        "assert 'STLS' not in p.capa()\n"
        "p.user('carol'); p.pass_('secret')\n"
        "n, octets = p.stat()\n"
        "assert n == 3, n\n"
        "assert sum(int(l.split()[1]) for l in p.list()[1]) == octets\n"
        "ids = [l.split()[1] for l in p.uidl()[1]]\n"
        "assert len(set(ids)) == 3\n"
        "assert p.uidl(2).split()[2] == ids[1]\n"
        "text = p.retr(1)[1]\n"
        "assert text[-5:] == [b'.a dot', b'..two', b'', b'end'] or text[-4:] == "
        "[b'.a dot', b'..two', b'', b'end'], text\n"
        "assert p.top(1, 1)[1][-1] == b'Hello'\n"
        "p.dele(1); p.dele(2)\n"
        "assert 'deleted' in bad(p.retr, 1)\n"
        "p.rset(); p.noop(); p.dele(3)\n"
        "assert 'IN-USE' in bad(lambda: [q := poplib.POP3('localhost', pop3), q.user('carol'), "
        "q.pass_('secret')])\n"
        "p.quit()\n"
        "p = poplib.POP3_SSL('localhost', pop3s, context=ctx)\n"
        "p.user('carol'); p.pass_('secret')\n"
        "assert [l.split()[1] for l in p.uidl()[1]] == ids[:2]\n"
        "p.dele(1); p.close()\n"
        "p = poplib.POP3('localhost', pop3)\n"
        "assert 'AUTH' in bad(p.apop, 'carol', 'wrong')\n"
        "p.apop('carol', 'secret')\n"
        "assert p.stat()[0] == 2\n" /* no QUIT, nothing deleted */
        "p.quit()\n"
        "print('all well')\n";
    peer_need("python3");
    for (int i = 0; i < 3; i++)
        deliver("carol");
    expect_status(RUN("python3", "-c", script, world.ca, world.port[POP3], world.port[POP3S]), 0,
                  "all well");
}

/* ---- fetchmail, mpop ---- */

/* It wants a home of its own. */
static struct proc *fetchmail(const char *rc)
{
    char *ids = proc_path(world.dir, "fetchids"), *pid = proc_path(world.dir, "fetchmail.pid");
    char *home = mem_printf("HOME=%s", world.dir);
    const char *const argv[] = {peer_path("fetchmail"), "-v", "-f", rc, "-i", ids, "--pidfile", pid,
                                "--nosyslog",           NULL};
    const char *env[16] = {home};
    size_t n = 1;
    for (const char *const *e = peer_env(); *e && n < 15; e++)
        if (strncmp(*e, "HOME=", 5) != 0)
            env[n++] = *e;
    struct proc *p = proc_run(argv, env, NULL, 0);
    mem_free(ids);
    mem_free(pid);
    mem_free(home);
    return p;
}

static void fetchmail_takes_all(void **state)
{
    (void)state;
    peer_need("fetchmail");
    deliver("bob");
    deliver("bob");
    char *rc = proc_path(world.dir, "fetchmailrc");
    char *text = mem_printf("poll localhost service %s protocol pop3 auth password user bob "
                            "password secret sslproto \"TLS1.2+\" sslcertck sslcertfile \"%s\" "
                            "mda \"cat\"\n",
                            world.port[POP3], world.ca);
    proc_write_file(rc, text, strlen(text));
    assert_int_equal(chmod(rc, 0600), 0);
    struct proc *p = fetchmail(rc);
    if (p->status != 0 || !proc_text_has(p->out_text, "STLS") ||
        !proc_text_has(p->out_text, "Subject: a client") || !proc_text_has(p->out_text, "\n..two"))
        fail_msg("status %d: %s%s", p->status, p->out_text.ptr, p->err_text.ptr);
    proc_free(&p);
    expect_status(fetchmail(rc), 1, NULL); /* nothing is left */
    mem_free(rc);
    mem_free(text);
}

static void mpop_logs_in_with_each_mechanism(void **state)
{
    (void)state;
    static const char *const ways[] = {"user",     "apop",        "plain",
                                       "cram-md5", "scram-sha-1", "scram-sha-256"};
    peer_need("mpop");
    deliver("bob");
    char *box = proc_path(world.dir, "mpop.mbox"), *ids = proc_path(world.dir, "mpop.uidls");
    char *deliver_to = mem_printf("--deliver=mbox,%s", box),
         *uidls = mem_printf("--uidls-file=%s", ids);
    char *port = mem_printf("--port=%s", world.port[POP3]);
    char *trust = mem_printf("--tls-trust-file=%s", world.ca);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        char *auth = mem_printf("--auth=%s", ways[i]);
        struct proc *p = RUN("mpop", "--debug", "--host=localhost", port, "--user=bob", auth,
                             "--passwordeval=echo secret", "--tls=on", trust, "--tls-starttls=on",
                             "--keep=on", uidls, deliver_to);
        if (p->status != 0 || !proc_text_has(p->out_text, "+OK"))
            fail_msg("%s: status %d: %s%s", ways[i], p->status, p->out_text.ptr, p->err_text.ptr);
        proc_free(&p);
        mem_free(auth);
    }
    struct proc_text got = proc_read_file(box); /* fetched once, known by its id since then */
    assert_true(got.ptr && proc_text_has(got, "Subject: a client"));
    const char *first = strstr(got.ptr, "Subject: a client");
    assert_null(strstr(first + 1, "Subject: a client"));
    mem_free(got.ptr);
    mem_free(box);
    mem_free(ids);
    mem_free(deliver_to);
    mem_free(uidls);
    mem_free(port);
    mem_free(trust);
}

/* ---- hostile clients ---- */

#define PYTHON_HOSTILE                                                                             \
    "import os, resource, socket, sys, time\n"                                                     \
    "smtp, pop3, pid = map(int, sys.argv[1:4])\n"                                                  \
    "def rss():\n"                                                                                 \
    "    return int(open('/proc/%d/statm' % pid).read().split()[1]) * "                            \
    "os.sysconf('SC_PAGE_SIZE')\n"                                                                 \
    "def dial(port=pop3):\n"                                                                       \
    "    s = socket.create_connection(('127.0.0.1', port)); s.settimeout(20)\n"                    \
    "    return s, s.makefile('rb')\n"                                                             \
    "def well():\n"                                                                                \
    "    s, f = dial(); assert f.readline().startswith(b'+OK')\n"                                  \
    "    s.sendall(b'CAPA\\r\\n'); assert f.readline().startswith(b'+OK')\n"                       \
    "def login(user):\n"                                                                           \
    "    s, f = dial(); f.readline()\n"                                                            \
    "    s.sendall(b'USER %s\\r\\nPASS secret\\r\\n' % user)\n"                                    \
    "    assert f.readline()[:3] == b'+OK'; l = f.readline(); assert l[:3] == b'+OK', l\n"         \
    "    return s, f\n"

static void endless_lines_and_half_closed_ends(void **state)
{
    (void)state;
    static const char script[] =
        PYTHON_HOSTILE "before = rss()\n"
                       "s, f = dial(); f.readline()\n"
                       "try:\n"
                       "    for i in range(400): s.sendall(b'x' * 65536)\n" /* 26 MB, no LF */
                       "except OSError: pass\n"
                       "well()\n"
                       "assert rss() - before < 8 << 20, (before, rss())\n"
                       "s, f = dial(); f.readline()\n"
                       "s.sendall(b'CAPA\\r\\nQUIT\\r\\n'); s.shutdown(socket.SHUT_WR)\n"
                       "text = f.read()\n"
                       "assert text.startswith(b'+OK') and b'+OK Bye' in text, text\n"
                       "s, f = dial(); f.readline(); s.shutdown(socket.SHUT_WR)\n"
                       "assert f.read() == b''\n"
                       "well()\nprint('all well')\n";
    peer_need("python3");
    expect_status(RUN("python3", "-c", script, world.port[SMTP], world.port[POP3], world.pid), 0,
                  "all well");
}

/* One that asks for 20 MB a hundred times and reads nothing costs a piece, not the message. */
static void slow_readers_cost_a_piece(void **state)
{
    (void)state;
    static const char script[] = PYTHON_HOSTILE
        "import smtplib\n"
        "m = smtplib.SMTP('127.0.0.1', smtp)\n"
        "m.sendmail('a@example.net', ['alice@example.test'], b'Subject: big\\r\\n\\r\\n' + "
        "(b'y' * 70 + b'\\r\\n') * 290000)\n"
        "m.quit()\n"
        "s, f = login(b'alice')\n"
        "s.sendall(b'STAT\\r\\n'); n = int(f.readline().split()[1])\n"
        "before = rss()\n"
        "s.sendall(b'RETR %d\\r\\n' % n * 100)\n"
        "well(); well()\n"
        "assert rss() - before < 16 << 20, (before, rss())\n"
        "first = f.readline()\n"
        "size, got = int(first.split()[1]), 0\n"
        "while True:\n" /* it is all there once somebody reads */
        "    l = f.readline()\n"
        "    if l == b'.\\r\\n': break\n"
        "    got += len(l)\n"
        "assert got == size, (got, size)\n"
        "s.close(); well()\nprint('all well')\n";
    peer_need("python3");
    expect_status(RUN("python3", "-c", script, world.port[SMTP], world.port[POP3], world.pid), 0,
                  "all well");
}

/* As many at once as the system gives, up to ten thousand. */
static void ten_thousand_wait(void **state)
{
    (void)state;
    static const char script[] =
        PYTHON_HOSTILE "soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
                       "resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))\n"
                       "n = min(10000, hard - 200)\n"
                       "before, held = rss(), []\n"
                       "for i in range(n):\n"
                       "    s = socket.socket(); s.settimeout(20)\n"
                       "    s.connect(('127.0.0.1', pop3)); held.append(s)\n"
                       "for s in held: assert s.recv(3) == b'+OK'\n"
                       "each = (rss() - before) / n\n"
                       "held[0].sendall(b'CAPA\\r\\n')\n"
                       "print('%d connections, %d octets each' % (n, each))\n"
                       "assert each < 3072, each\n"
                       "for s in held: s.close()\n"
                       "well()\nprint('all well')\n";
    peer_need("python3");
    struct proc *p = RUN("python3", "-c", script, world.port[SMTP], world.port[POP3], world.pid);
    print_message("%s", p->out_text.ptr);
    expect_status(p, 0, "all well");
}

/* ---- kill -9 during delivery ---- */

/* Messages of 200 KB pour in; the server is killed in the middle. What stands in the Maildir is
 * whole, and what was acknowledged stands there; a new server serves it. */
static void killed_while_delivering(void **state)
{
    (void)state;
    static const char script[] =
        "import glob, os, signal, smtplib, sys, threading, time\n"
        "smtp, pid, box = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]\n"
        "body = b'Subject: x\\r\\n\\r\\n' + (b'z' * 70 + b'\\r\\n') * 2800 + b'the end\\r\\n'\n"
        "done = []\n"
        "def pour():\n"
        "    try:\n"
        "        m = smtplib.SMTP('127.0.0.1', smtp)\n"
        "        while True:\n"
        "            m.sendmail('a@example.net', ['bob@example.test'], body); done.append(1)\n"
        "    except (OSError, smtplib.SMTPException): pass\n"
        "threads = [threading.Thread(target=pour) for i in range(4)]\n"
        "for t in threads: t.start()\n"
        "while len(done) < 12: time.sleep(0.001)\n"
        "os.kill(pid, signal.SIGKILL)\n"
        "for t in threads: t.join()\n"
        "files = glob.glob(box + '/new/*') + glob.glob(box + '/cur/*')\n"
        "assert len(files) >= len(done) >= 12, (len(files), len(done))\n"
        "for f in files:\n"
        "    text = open(f, 'rb').read()\n"
        "    assert text.endswith(b'\\nthe end\\n') and text.startswith(b'Return-Path:'), f\n"
        "print('all well')\n";
    peer_need("python3");
    peer_need("curl");
    char *at[DOORS], *maildir = proc_path(world.dir, "maildir"), *bob = proc_path(maildir, "bob");
    const char *port[DOORS];
    char pid[16];
    struct proc *p = serve_start(maildir, at, port);
    snprintf(pid, sizeof pid, "%d", (int)p->pid);
    expect_status(RUN("python3", "-c", script, port[SMTP], pid, bob), 0, "all well");
    proc_wait(p, 5000);
    proc_free(&p);
    for (int i = 0; i < DOORS; i++)
        mem_free(at[i]);
    p = serve_start(maildir, at, port);
    char *url = mem_printf("pop3://%s/12", at[POP3]);
    expect_status(RUN("curl", "-sS", "--user", "bob:secret", url), 0, "the end\r\n");
    mem_free(url);
    proc_kill(p, SIGTERM);
    assert_int_equal(proc_wait(p, 5000), 0);
    proc_free(&p);
    for (int i = 0; i < DOORS; i++)
        mem_free(at[i]);
    mem_free(maildir);
    mem_free(bob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curl_lists_and_fetches),
        cmocka_unit_test(curl_logs_in_each_way),
        cmocka_unit_test(python_says_everything),
        cmocka_unit_test(fetchmail_takes_all),
        cmocka_unit_test(mpop_logs_in_with_each_mechanism),
        cmocka_unit_test(endless_lines_and_half_closed_ends),
        cmocka_unit_test(slow_readers_cost_a_piece),
        cmocka_unit_test(ten_thousand_wait),
        cmocka_unit_test(killed_while_delivering),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
