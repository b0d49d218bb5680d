/* Logging in with every mechanism over SMTP, POP3 and IMAP: our client against the practice server,
 * and other people's clients against it. tests/system/test_auth.c has what is refused and what is
 * hidden; tests/system/test_interop.c our client against other people's servers. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/peers.h"
#include "base/mem.h"

enum { SUBMISSION, POP3, IMAP, DOORS };

/* What the protocols call the same thing. */
static const struct door {
    const char *service, *yes, *no, *bye;
} doors[DOORS] = {
    [SUBMISSION] = {"submission", "235 *", "535 *", "QUIT"},
    [POP3] = {"pop3", "+OK * messages", "-ERR [AUTH] *", "QUIT"},
    [IMAP] = {"imap", "* OK [CAPABILITY *] Logged in", "* NO [A*] *", "LOGOUT"},
};

static struct {
    char *dir, *ca, *cert, *script;
    struct proc *serve;
    char *port[DOORS];
} world;

static int setup(void **state)
{
    (void)state;
    world.dir = proc_dir("logins");
    world.ca = proc_path(world.dir, "ca.pem");
    world.cert = proc_path(world.dir, "alice.pem");
    world.script = proc_path(world.dir, "script");
    const char *argv[] = {proc_smtpscope(), "serve",     "--submission", "0",
                          "--pop3",         "0",         "--imap",       "0",
                          "--ca-out",       world.ca,    "--quiet",      "--account",
                          "dave",           "--account", "erin:other",   "--client-cert-out",
                          world.cert,       NULL};
    world.serve = proc_start(argv, proc_env(world.dir));
    for (int i = 0; i < DOORS; i++) {
        char *prefix = mem_printf("%s ", doors[i].service);
        char *at = proc_line(world.serve, prefix);
        world.port[i] = mem_strdup(strrchr(at, ':') + 1);
        mem_free(at);
        mem_free(prefix);
    }
    mem_free(proc_line(world.serve, "ready"));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    proc_kill(world.serve, SIGTERM);
    int status = proc_wait(world.serve, 5000);
    proc_free(&world.serve);
    for (int i = 0; i < DOORS; i++)
        mem_free(world.port[i]);
    mem_free(world.ca);
    mem_free(world.cert);
    mem_free(world.script);
    proc_dir_remove(&world.dir);
    return status;
}

/* ---- our client ---- */

#define ALL 7u
static const struct mechanism {
    const char *name, *options;
    const char *good[2], *bad[2]; /* lines before /auth */
    const char *step;             /* as /login tells one of its steps */
    unsigned refused;             /* set of doors where even the right one is refused */
} mechanisms[] = {
#define PASSWORD                                                                                   \
    {"/set password-command echo secret", NULL},                                                   \
    {                                                                                              \
        "/set password-command echo wrong", NULL                                                   \
    }
#define TOKEN                                                                                      \
    {"/set token-command echo token-alice", NULL},                                                 \
    {                                                                                              \
        "/set token-command echo stale", NULL                                                      \
    }
    {"PLAIN", NULL, PASSWORD, "user alice, password hidden (6 octets)", 0},
    {"LOGIN", NULL, PASSWORD, "password hidden (6 octets)", 0},
    {"CRAM-MD5", NULL, PASSWORD, "user alice, digest hidden", 0},
    {"DIGEST-MD5", NULL, PASSWORD, "username alice, realm ", 0},
    {"SCRAM-SHA-1", NULL, PASSWORD, "iterations 4096", 0},
    {"SCRAM-SHA-256", NULL, PASSWORD, "iterations 4096", 0},
    {"SCRAM-SHA-1-PLUS", NULL, PASSWORD, "channel binding tls-exporter", 0},
    {"SCRAM-SHA-256-PLUS", NULL, PASSWORD, "channel binding tls-exporter", 0},
    {"SCRAM-SHA-1-PLUS", "1.2", PASSWORD, "channel binding tls-unique", 0},
    {"SCRAM-SHA-256-PLUS", "1.2", PASSWORD, "channel binding tls-unique", 0},
    {"OAUTHBEARER", NULL, TOKEN, "refused, because {", 0},
    {"XOAUTH2", NULL, TOKEN, "refused, because {", 0},
    {"EXTERNAL",
     NULL,
     {"/set authzid", NULL},
     {"/set authzid bob", NULL},
     "the identity TLS has",
     0},
    /* Who has no name has no mailbox. */
    {"ANONYMOUS", NULL, {NULL}, {NULL}, "", 1u << POP3 | 1u << IMAP},
};

/* A wrong secret is refused, and not tried again by itself; the right one is taken, with the
 * initial response along with the command and without it. */
static void every_mechanism_on(int door)
{
    const struct door *d = &doors[door];
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
        const struct mechanism *m = &mechanisms[i];
        const char *yes = m->refused & 1u << door ? d->no : d->yes;
        char *text = mem_printf(
            "/open %s://localhost:%s\n/tls\n"
            "%s\n%s%s %s%s%s"                             /* the wrong one */
            "%s\n/auth %s alice\nexpect %s\n/login\n%s\n" /* the right one */
            "/set auth-ir off\n/reopen\n/tls\n/auth %s alice\nexpect %s\n%s\n",
            d->service, world.port[door], m->bad[0] ? m->bad[0] : "#", m->bad[0] ? "/auth " : "#",
            m->name, m->bad[0] ? "alice\nexpect " : "", m->bad[0] ? d->no : "", "\n",
            m->good[0] ? m->good[0] : "#", m->name, yes, d->bye, m->name, yes, d->bye);
        proc_write_file(world.script, text, strlen(text));
        struct proc *p = proc_scope(world.dir, NULL, 0, "run", "-4", "--ca", world.ca, "--cert",
                                    world.cert, "--key", world.cert, "--tls-max",
                                    m->options ? m->options : "1.3", world.script, NULL);
        if (p->status != 0 || !proc_text_has(p->out_text, m->step))
            fail_msg("%s by %s: status %d, no \"%s\": %s%s", d->service, m->name, p->status,
                     m->step, p->out_text.ptr, p->err_text.ptr);
        /* The reason a token was refused for stands beside the refusal. */
        if (strstr(m->name, "OAUTH") && !proc_text_has(p->out_text, "the server's reason: {\""))
            fail_msg("%s by %s: no reason: %s", d->service, m->name, p->out_text.ptr);
        proc_assert_printable(p->out_text, "standard output");
        assert_false(proc_text_has(p->out_text, "token-alice"));
        proc_free(&p);
        mem_free(text);
    }
}

static void smtp_with_every_mechanism(void **state)
{
    (void)state;
    every_mechanism_on(SUBMISSION);
}

static void pop3_with_every_mechanism(void **state)
{
    (void)state;
    every_mechanism_on(POP3);
}

static void imap_with_every_mechanism(void **state)
{
    (void)state;
    every_mechanism_on(IMAP);
}

/* POP3's and IMAP's own ways, and giving up in the middle of an exchange. */
static void other_ways(void **state)
{
    static const struct {
        int door;
        const char *lines, *says;
        int status; /* of a login that was refused, and nothing said of that */
    } rows[] = {
        {POP3, "/auth APOP alice\nexpect +OK * messages\n", "C>T APOP alice ****", 0},
        {POP3, "/auth USER alice\nexpect +OK * messages\n", "C>T PASS ******", 0},
        {IMAP, "/auth USER alice\nexpect * Logged in\n", "LOGIN ****", 0},
        {SUBMISSION, "AUTH CRAM-MD5\nexpect 334 *\n*\nexpect 501 *\n", "501 ", 0},
        {POP3, "AUTH CRAM-MD5\nexpect + *\n*\nexpect -ERR *\n", "-ERR ", 0},
        {IMAP, "AUTHENTICATE CRAM-MD5\nexpect + *\n*\nexpect * BAD *\n", "BAD ", 0},
        {SUBMISSION, "/auth NTLM alice\n", "the server does not offer NTLM", 28},
        {POP3, "/auth GSSAPI alice\n", "means: it offers SCRAM-SHA-256-PLUS ", 28},
        {IMAP, "/auth APOP alice\n", "only POP3 has it", 28},
        /* serve --account */
        {POP3, "/auth USER dave\nexpect +OK * messages\n", "+OK 0 messages", 0},
        {IMAP, "/auth PLAIN erin\nexpect * NO *\n", "AUTHENTICATIONFAILED", 0},
        {IMAP, "/set password-command echo other\n/auth SCRAM-SHA-256 erin\nexpect * Logged in\n",
         "] Logged in", 0},
        {POP3, "/set password-command echo wrong\n/auth SCRAM-SHA-256-PLUS alice\n",
         "/auth SCRAM-SHA-256 goes without the binding", 28},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct door *d = &doors[rows[i].door];
        char *text = mem_printf("/open %s://localhost:%s\n/tls\n%s%s\n", d->service,
                                world.port[rows[i].door], rows[i].lines, d->bye);
        proc_write_file(world.script, text, strlen(text));
        struct proc *p = proc_scope(world.dir, NULL, 0, "run", "-4", "--ca", world.ca,
                                    "--password-command", "echo secret", world.script, NULL);
        if (p->status != rows[i].status || !proc_text_has(p->out_text, rows[i].says))
            fail_msg("row %zu: status %d, no \"%s\": %s%s", i, p->status, rows[i].says,
                     p->out_text.ptr, p->err_text.ptr);
        proc_free(&p);
        mem_free(text);
    }
}

/* ---- other people's clients ---- */

static void expect_end(struct proc *p, bool good, const char *says, const char *what)
{
    bool said = !says || proc_text_has(p->out_text, says) || proc_text_has(p->err_text, says);
    if ((p->status == 0) != good || !said)
        fail_msg("%s: status %d, or no \"%s\": %s%s", what, p->status, says ? says : "",
                 p->out_text.ptr, p->err_text.ptr);
    proc_free(&p);
}

/* msmtp and mpop, with what test_clients.c and test_pop3.c leave out. */
static void msmtp_and_mpop(void **state)
{
    static const struct {
        const char *mechanism, *password;
    } rows[] = {{"digest-md5", "secret"},
                {"external", ""},
                {"oauthbearer", "token-alice"},
                {"xoauth2", "token-alice"}};
    (void)state;
    peer_need("msmtp");
    peer_need("mpop");
    char *trust = mem_printf("--tls-trust-file=%s", world.ca);
    char *cert = mem_printf("--tls-cert-file=%s", world.cert);
    char *key = mem_printf("--tls-key-file=%s", world.cert);
    char *ids = mem_printf("--uidls-file=%s/uidls", world.dir);
    char *box = mem_printf("--deliver=mbox,%s/mbox", world.dir);
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        bool pop3 = i & 1;
        char *port = mem_printf("--port=%s", world.port[pop3 ? POP3 : SUBMISSION]);
        char *auth = mem_printf("--auth=%s", rows[i / 2].mechanism);
        char *password = mem_printf("--passwordeval=echo %s", rows[i / 2].password);
        bool external = rows[i / 2].password[0] == '\0';
        const char *args[24] = {"--file=/dev/null", "--debug", "--host=localhost",  port,
                                "--tls=on",         trust,     "--tls-starttls=on", auth,
                                "--user=alice",     password};
        size_t n = 10;
        if (external) {
            args[n++] = cert;
            args[n++] = key;
        }
        args[n++] = pop3 ? ids : "--from=alice@example.test";
        args[n++] = pop3 ? box : "bob@example.test";
        args[n] = NULL;
        static const char message[] = "Subject: x\n\nx\n";
        struct proc *p = peer_run(pop3 ? "mpop" : "msmtp", message, sizeof(message) - 1, args);
        expect_end(p, true, pop3 ? "+OK 0 messages" : "235 ", rows[i / 2].mechanism);
        mem_free(port);
        mem_free(auth);
        mem_free(password);
    }
    mem_free(trust);
    mem_free(cert);
    mem_free(key);
    mem_free(ids);
    mem_free(box);
}

/* gsasl binds to the channel by tls-exporter. Who could bind and does not say so is refused, for
 * somebody may have taken -PLUS off the list on the way (RFC 5802 section 6). */
static void gsasl_binds_to_the_channel(void **state)
{
    static const struct {
        const char *mechanism;
        bool good;
    } rows[] = {{"SCRAM-SHA-1-PLUS", true},
                {"SCRAM-SHA-256-PLUS", true},
                {"SCRAM-SHA-256", false},
                {"DIGEST-MD5", true}};
    (void)state;
    peer_need("gsasl");
    char *at = mem_printf("--connect=localhost:%s", world.port[IMAP]);
    char *ca = mem_printf("--x509-ca-file=%s", world.ca);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *mechanism = mem_printf("--mechanism=%s", rows[i].mechanism);
        const char *args[] = {"--imap",
                              at,
                              "--starttls",
                              ca,
                              mechanism,
                              "--authentication-id=alice",
                              "--password=secret",
                              NULL};
        expect_end(peer_run("gsasl", NULL, 0, args), rows[i].good, NULL, rows[i].mechanism);
        mem_free(mechanism);
    }
    mem_free(at);
    mem_free(ca);
}

/* curl with tokens and with a certificate, over IMAP and POP3. */
static void curl_reads_with_tokens(void **state)
{
    static const char *const ways[] = {"AUTH=XOAUTH2", "AUTH=OAUTHBEARER", "AUTH=EXTERNAL"};
    (void)state;
    peer_need("curl");
    for (size_t i = 0; i < 6; i++) {
        int door = i & 1 ? IMAP : POP3;
        char *url = mem_printf("%s://localhost:%s/", doors[door].service, world.port[door]);
        const char *args[] = {
            "-sSv",     "--ssl-reqd", "--cacert",        world.ca,          "--cert",
            world.cert, "--key",      world.cert,        "--login-options", ways[i / 2],
            "--user",   "alice:",     "--oauth2-bearer", "token-alice",     url,
            NULL};
        expect_end(peer_run("curl", NULL, 0, args), true,
                   door == IMAP ? "] Logged in" : "+OK 0 messages", ways[i / 2]);
        mem_free(url);
    }
}

/* ---- where a password comes from ---- */

/* netrc and the user in the URL; nothing that shows a secret goes out in the clear by itself, and
 * an identity that was not proven is refused. */
static void sources_of_secrets(void **state)
{
    static const struct {
        int door;
        const char *user, *lines, *says;
        bool netrc;
        int status;
    } rows[] = {
        {IMAP, "bob@", "/auth\nexpect * Logged in\n", "Logged in", true, 0},
        {POP3, "bob@", "/auth\nexpect +OK * messages\n", " messages", true, 0},
        {SUBMISSION, "bob@", "/auth\nexpect 235 *\n", "235 ", true, 0},
        {IMAP, "", "/set authzid bob\n/auth PLAIN alice\nexpect * NO *\n", "AUTHENTICATE PLAIN *",
         false, 0},
        {POP3, "", "/set authzid bob\n/auth PLAIN alice\nexpect -ERR *\n", "AUTH PLAIN *", false,
         0},
        {IMAP, "", "/set tls none\n/set token-command echo token-alice\n/auth alice\n",
         "XOAUTH2 without TLS would show the token", false, 28},
        {POP3, "", "/set tls none\n/set token-command echo token-alice\n/auth alice\n",
         "without TLS would show the token", false, 28},
        {SUBMISSION, "", "/set tls none\n/set token-command echo token-alice\n/auth alice\n",
         "error: ", false, 28},
        {IMAP, "", "/set tls none\n/auth PLAIN alice\nexpect * Logged in\n", "C>  a2 AUTHENTICATE",
         false, 0},
    };
    (void)state;
    static const char netrc[] = "machine localhost login bob password secret\n";
    char *path = proc_path(world.dir, ".netrc");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct door *d = &doors[rows[i].door];
        char *text = mem_printf("/open %s://%slocalhost:%s\n%s%s%s\n", d->service, rows[i].user,
                                world.port[rows[i].door],
                                rows[i].netrc ? "" : "/set password-command echo secret\n",
                                rows[i].lines, d->bye);
        remove(path);
        if (rows[i].netrc)
            proc_write_file(path, netrc, sizeof(netrc) - 1);
        proc_write_file(world.script, text, strlen(text));
        struct proc *p =
            proc_scope(world.dir, NULL, 0, "run", "-4", "--ca", world.ca, world.script, NULL);
        if (p->status != rows[i].status || !proc_text_has(p->out_text, rows[i].says) ||
            proc_text_has(p->out_text, "token-alice"))
            fail_msg("row %zu: status %d, no \"%s\": %s%s", i, p->status, rows[i].says,
                     p->out_text.ptr, p->err_text.ptr);
        proc_free(&p);
        mem_free(text);
    }
    mem_free(path);
}

/* A password given for one server is not said to the next one. */
static void never_for_another_host(void **state)
{
    (void)state;
    char *flag = proc_path(world.dir, "asked");
    char *text = mem_printf("/set password-command echo x >>%s; echo secret\n"
                            "/open imap://localhost:%s\n/tls\n/auth PLAIN alice\nLOGOUT\n"
                            "/reopen\n/tls\n/auth PLAIN alice\nLOGOUT\n"
                            "/open pop3://localhost:%s\n/tls\n/auth PLAIN alice\nQUIT\n",
                            flag, world.port[IMAP], world.port[POP3]);
    proc_write_file(world.script, text, strlen(text));
    struct proc *p =
        proc_scope(world.dir, NULL, 0, "run", "-4", "--ca", world.ca, world.script, NULL);
    assert_int_equal(p->status, 0);
    assert_true(proc_text_has(p->out_text, "+OK 0 messages"));
    struct proc_text asked = proc_read_file(flag);
    assert_int_equal(asked.len, strlen("x\nx\n")); /* /reopen is the same host */
    mem_free(asked.ptr);
    proc_free(&p);
    mem_free(text);
    mem_free(flag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smtp_with_every_mechanism),  cmocka_unit_test(pop3_with_every_mechanism),
        cmocka_unit_test(imap_with_every_mechanism),  cmocka_unit_test(other_ways),
        cmocka_unit_test(never_for_another_host),     cmocka_unit_test(msmtp_and_mpop),
        cmocka_unit_test(gsasl_binds_to_the_channel), cmocka_unit_test(curl_reads_with_tokens),
        cmocka_unit_test(sources_of_secrets),
    };
    return cmocka_run_group_tests_name("logins", tests, setup, teardown);
}
