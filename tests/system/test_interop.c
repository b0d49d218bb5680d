/* The client against real servers, feature by feature: Postfix, Exim, OpenSMTPD and Dovecot from
 * their packages. What each is known to do is a table; what the run shows must agree with it, and
 * `make interop` writes it to doc/interop.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/peers.h"
#include "base/mem.h"

enum server_id {
    POSTFIX,
    POSTFIX_SUBMISSION,
    EXIM,
    OPENSMTPD,
    DOVECOT,
    DOVECOT_LMTP,
    PRACTICE,
    N_SERVERS
};

static struct server {
    const char *title, *program, *recipient;
    bool logs_in; /* before mail is taken */
    bool no_tls;  /* its TLS does not work here: see the note in doc/interop.md */
    bool lmtp;
    struct proc *proc;
    unsigned port, tls_port, proxy_port;
    bool up;
    const char *missing;    /* why it is not */
    struct proc_text hello; /* a session of it, for what it offers */
} servers[N_SERVERS] = {
    [POSTFIX] = {.title = "Postfix", .recipient = "alice@postfix.test"},
    [POSTFIX_SUBMISSION] = {.title = "Postfix submission",
                            .recipient = "alice@postfix.test",
                            .logs_in = true},
    [EXIM] = {.title = "Exim", .program = "exim", .recipient = "bob@exim.test"},
    [OPENSMTPD] = {.title = "OpenSMTPD",
                   .program = "opensmtpd",
                   .recipient = "nobody@os.test",
                   .no_tls = true},
    [DOVECOT] = {.title = "Dovecot submission",
                 .program = "dovecot",
                 .recipient = "bob@exim.test",
                 .logs_in = true},
    [DOVECOT_LMTP] = {.title = "Dovecot LMTP", .recipient = "alice", .lmtp = true},
    [PRACTICE] = {.title = "practice server", .recipient = "bob@example.test"},
};

static struct postfix postfix;
static char *work;
static char cells[64][N_SERVERS][24];

/* ---- running them ---- */

static void start(struct server *s)
{
    unsigned ports[3] = {0, 0, s->proxy_port};
    char *dir = proc_path(work, s->program);
    s->proc = peer_server_start(s->program, dir, ports, &s->missing);
    s->up = s->proc != NULL;
    s->port = ports[0];
    s->tls_port = ports[1];
    s->proxy_port = ports[2];
    mem_free(dir);
}

static int setup(void **state)
{
    (void)state;
    work = proc_dir("interop");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SERVERS; i++) {
        if (servers[i].proc)
            proc_kill(servers[i].proc, 15);
        proc_free(&servers[i].proc);
        mem_free(servers[i].hello.ptr);
    }
    postfix_stop(&postfix);
    proc_dir_remove(&work);
    return 0;
}

/* ---- one feature ---- */

struct feature {
    const char *name;
    const char *keyword; /* offered where it stands in the EHLO reply; NULL: always to be tried */
    const char *options[9]; /* of smtpscope send */
    const char *says;       /* in the transcript where it worked; NULL: a good end is enough */
    bool needs_tls, tls_port, proxy_port;
    const char *expect[N_SERVERS]; /* "yes", "-" not offered, "no" */
};

#define LOGIN(mech)                                                                                \
    {                                                                                              \
        "--auth", mech, "--user", "alice", "--password-command", "echo secret"                     \
    }
/* Postfix, Postfix submission, Exim, OpenSMTPD, Dovecot submission, Dovecot LMTP, our own */
#define EXPECT(p, s, e, o, d, l, own)                                                              \
    {                                                                                              \
        p, s, e, o, d, l, own                                                                      \
    }
static const struct feature features[] = {
    {"plain text",
     NULL,
     {"--tls", "none"},
     NULL,
     false,
     false,
     false,
     EXPECT("yes", "no", "yes", "yes", "yes", "yes", "yes")},
    {"STARTTLS, TLS 1.3",
     "STARTTLS",
     {"--tls", "must"},
     "TLSv1.3 ",
     true,
     false,
     false,
     EXPECT("yes", "yes", "yes", "no", "yes", "yes", "yes")},
    {"STARTTLS, TLS 1.2",
     "STARTTLS",
     {"--tls", "must", "--tls-max", "1.2"},
     "TLSv1.2 ",
     true,
     false,
     false,
     EXPECT("yes", "yes", "yes", "no", "yes", "yes", "yes")},
    {"TLS from the first octet",
     NULL,
     {NULL},
     "TLSv1.3 ",
     true,
     true,
     false,
     EXPECT("-", "-", "yes", "-", "-", "-", "-")},
    {"PIPELINING",
     "PIPELINING",
     {"--pipeline"},
     NULL,
     false,
     false,
     false,
     EXPECT("yes", "yes", "yes", "-", "yes", "yes", "yes")},
    {"CHUNKING (BDAT)",
     "CHUNKING",
     {"--bdat", "40"},
     "BDAT 40",
     false,
     false,
     false,
     EXPECT("yes", "yes", "yes", "-", "yes", "yes", "yes")},
    {"CHUNKING, pipelined",
     "CHUNKING",
     {"--bdat", "40", "--pipeline"},
     "BDAT 40",
     false,
     false,
     false,
     EXPECT("yes", "yes", "yes", "-", "yes", "yes", "yes")},
    {"SIZE",
     "SIZE",
     {NULL},
     " SIZE=",
     false,
     false,
     false,
     EXPECT("yes", "yes", "yes", "yes", "yes", "-", "yes")},
    {"8BITMIME",
     "8BITMIME",
     {"8-bit"},
     " BODY=8BITMIME",
     false,
     false,
     false,
     EXPECT("yes", "yes", "yes", "yes", "yes", "yes", "yes")},
    {"SMTPUTF8",
     "SMTPUTF8",
     {"--from", "\303\244nn@example.net"},
     " SMTPUTF8",
     false,
     false,
     false,
     EXPECT("yes", "yes", "yes", "-", "-", "-", "yes")},
    {"DSN",
     "DSN",
     {"--dsn-notify", "NEVER", "--dsn-ret", "HDRS", "--dsn-envid", "a b", "--dsn-orcpt"},
     "NOTIFY=NEVER",
     false,
     false,
     false,
     EXPECT("yes", "yes", "yes", "yes", "-", "-", "yes")},
    {"PRDR",
     "PRDR",
     {"--mail-params", "PRDR"},
     " PRDR",
     false,
     false,
     false,
     EXPECT("-", "-", "yes", "-", "-", "-", "-")},
    {"BINARYMIME",
     "BINARYMIME",
     {"--bdat", "40", "--binary"},
     " BODY=BINARYMIME",
     false,
     false,
     false,
     EXPECT("-", "-", "-", "-", "-", "-", "yes")},
    {"several messages in one session",
     NULL,
     {"--repeat", "3"},
     "3 of 3 messages were accepted",
     false,
     false,
     false,
     EXPECT("yes", "yes", "yes", "yes", "yes", "yes", "yes")},
    {"LIMITS, kept",
     "LIMITS",
     {"--repeat", "2"},
     "2 of 2 messages were accepted",
     false,
     false,
     false,
     EXPECT("-", "-", "-", "-", "-", "-", "yes")},
    {"AUTH= on MAIL",
     "AUTH",
     {"--mail-auth", "ann@example.net"},
     " AUTH=ann@example.net",
     false,
     false,
     false,
     EXPECT("-", "yes", "yes", "-", "yes", "-", "yes")},
    {"REQUIRETLS",
     "REQUIRETLS",
     {"--require-tls"},
     " REQUIRETLS",
     false,
     false,
     false,
     EXPECT("-", "-", "-", "-", "-", "-", "yes")},
    {"DELIVERBY",
     "DELIVERBY",
     {"--deliver-by", "3600;R"},
     " BY=3600;R",
     false,
     false,
     false,
     EXPECT("-", "-", "-", "-", "-", "-", "yes")},
    {"MT-PRIORITY",
     "MT-PRIORITY",
     {"--priority", "3"},
     " MT-PRIORITY=3",
     false,
     false,
     false,
     EXPECT("-", "-", "-", "-", "-", "-", "yes")},
    {"AUTH PLAIN", "PLAIN", LOGIN("PLAIN"), "235 ", false, false, false,
     EXPECT("-", "yes", "yes", "-", "yes", "-", "yes")},
    {"AUTH PLAIN, no first response",
     "PLAIN",
     {"--auth", "PLAIN", "--user", "alice", "--password-command", "echo secret", "--no-auth-ir"},
     "235 ",
     false,
     false,
     false,
     EXPECT("-", "yes", "yes", "-", "yes", "-", "yes")},
    {"AUTH LOGIN", "LOGIN", LOGIN("LOGIN"), "235 ", false, false, false,
     EXPECT("-", "yes", "yes", "-", "yes", "-", "yes")},
    {"AUTH CRAM-MD5", "CRAM-MD5", LOGIN("CRAM-MD5"), "235 ", false, false, false,
     EXPECT("-", "yes", "yes", "-", "yes", "-", "yes")},
    {"AUTH DIGEST-MD5", "DIGEST-MD5", LOGIN("DIGEST-MD5"), "235 ", false, false, false,
     EXPECT("-", "-", "-", "-", "yes", "-", "yes")},
    {"AUTH SCRAM-SHA-1", "SCRAM-SHA-1", LOGIN("SCRAM-SHA-1"), "235 ", false, false, false,
     EXPECT("-", "yes", "-", "-", "yes", "-", "yes")},
    {"AUTH SCRAM-SHA-256", "SCRAM-SHA-256", LOGIN("SCRAM-SHA-256"), "235 ", false, false, false,
     EXPECT("-", "yes", "-", "-", "yes", "-", "yes")},
    {"AUTH NTLM", "NTLM", LOGIN("NTLM"), "235 ", false, false, false,
     EXPECT("-", "-", "yes", "-", "-", "-", "-")},
    {"AUTH EXTERNAL",
     "EXTERNAL",
     {"--auth", "EXTERNAL", "--authzid", "alice"},
     "235 ",
     false,
     false,
     false,
     EXPECT("-", "-", "yes", "-", "-", "-", "-")},
    {"XCLIENT",
     "XCLIENT",
     {"--xclient", "NAME=x.test ADDR=192.0.2.7"},
     "XCLIENT NAME=",
     false,
     false,
     false,
     EXPECT("yes", "-", "-", "-", "-", "-", "-")},
    {"PROXY header, version 1",
     NULL,
     {"--haproxy", "v1"},
     "PROXY header",
     false,
     false,
     true,
     EXPECT("-", "-", "yes", "-", "-", "-", "-")},
    {"PROXY header, version 2",
     NULL,
     {"--haproxy", "v2"},
     "PROXY header",
     false,
     false,
     true,
     EXPECT("-", "-", "yes", "-", "-", "-", "-")},
};
enum { N_FEATURES = sizeof(features) / sizeof(features[0]) };

static bool is_border(char c)
{
    return c == ' ' || c == '-' || c == '\n' || c == '\0';
}

/* A word of the EHLO reply: a keyword, or a mechanism behind AUTH. */
static bool offers(const struct server *s, const char *keyword, bool mechanism)
{
    size_t key = strlen(keyword);
    for (const char *p = s->hello.ptr; p && (p = strstr(p, keyword)) != NULL; p += key) {
        const char *line = p;
        while (line > s->hello.ptr && line[-1] != '\n')
            line--;
        const char *reply = strstr(line, "250"), *auth = strstr(line, "AUTH ");
        if (mechanism && (!auth || auth > p))
            continue;
        bool plus = strncmp(p + key, "-PLUS", 5) == 0;
        if (reply && reply < p && is_border(p[-1]) && (is_border(p[key]) && !plus) &&
            (p[key] != '-' || strncmp(p + key, "-SHA", 4) != 0))
            return true;
    }
    return false;
}

static struct proc *send_with(const struct server *s, const struct feature *f, const char *message)
{
    const char *argv[48] = {proc_smtpscope(), "send", "-4"};
    char url[80];
    size_t n = 3;
    bool eight = f->options[0] && strcmp(f->options[0], "8-bit") == 0, auth = false;
    unsigned port = f->tls_port ? s->tls_port : f->proxy_port ? s->proxy_port : s->port;
    snprintf(url, sizeof(url), "%s://localhost:%u",
             s->lmtp       ? "lmtp"
             : f->tls_port ? "submissions"
                           : "smtp",
             port);
    for (size_t i = eight ? 1 : 0; i < 9 && f->options[i]; i++) {
        auth = auth || strcmp(f->options[i], "--auth") == 0;
        argv[n++] = f->options[i];
    }
    static const char *const login[] = {
        "--auth", "PLAIN", "--user", "alice", "--password-command", "echo secret"};
    for (size_t i = 0; i < 6 && s->logs_in && !auth; i++)
        argv[n++] = login[i];
    static const char *const always[] = {"--from", "ann@example.net", "--verify",
                                         "none",   "--record",        "/dev/null"};
    for (size_t i = 0; i < 4; i++)
        if (strcmp(f->name, "SMTPUTF8") != 0 || i > 1)
            argv[n++] = always[i];
    if (s->no_tls && !f->needs_tls && !(f->options[0] && strcmp(f->options[0], "--tls") == 0)) {
        argv[n++] = "--tls";
        argv[n++] = "none";
    }
    argv[n++] = "--to";
    argv[n++] = s->recipient;
    argv[n++] = url;
    argv[n++] = message;
    argv[n] = NULL;
    return proc_run(argv, proc_env(work), NULL, 0);
}

static const char *outcome(const struct server *s, const struct feature *f, const char *message)
{
    if (f->keyword && !offers(s, f->keyword, strncmp(f->name, "AUTH ", 5) == 0))
        return "-";
    if ((f->tls_port || f->proxy_port) && strcmp(s->title, "Exim") != 0)
        return "-"; /* the others are not set up for it */
    struct proc *p = send_with(s, f, message);
    bool good = p->status == 0 && (!f->says || proc_text_has(p->out_text, f->says));
    if (!good && getenv("INTEROP_TRACE"))
        print_message("%s, %s: status %d\n%s%s\n", s->title, f->name, p->status, p->out_text.ptr,
                      p->err_text.ptr);
    proc_free(&p);
    return good ? "yes" : "no";
}

static void check(enum server_id id)
{
    struct server *s = &servers[id];
    static const char text[] = "Subject: x\r\n\r\nhello, and enough of it for several chunks\r\n";
    static const char eight[] = "Subject: x\r\n\r\n\303\244\r\n";
    char *ascii = proc_path(work, "ascii.eml"), *bits = proc_path(work, "8bit.eml");
    static const struct feature ask = {.name = "EHLO"};
    if (!s->up) {
        print_message("%s %s\n", s->title, s->missing ? s->missing : "is not there");
        skip();
    }
    proc_write_file(ascii, text, sizeof(text) - 1);
    proc_write_file(bits, eight, sizeof(eight) - 1);
    struct proc *p = send_with(s, &ask, ascii);
    s->hello = (struct proc_text){mem_dup(p->out_text.ptr, p->out_text.len + 1), p->out_text.len};
    proc_free(&p);
    unsigned wrong = 0;
    for (size_t i = 0; i < N_FEATURES; i++) {
        const struct feature *f = &features[i];
        bool is_eight = f->options[0] && strcmp(f->options[0], "8-bit") == 0;
        const char *got = outcome(s, f, is_eight ? bits : ascii);
        snprintf(cells[i][id], sizeof(cells[i][id]), "%s", got);
        if (strcmp(got, f->expect[id]) == 0)
            continue;
        print_message("%s, %s: %s, expected %s\n", s->title, f->name, got, f->expect[id]);
        wrong++;
    }
    mem_free(ascii);
    mem_free(bits);
    assert_int_equal(wrong, 0);
}

/* ---- each server ---- */

static void with_postfix(void **state)
{
    (void)state;
    postfix_start(&postfix); /* skips where it cannot */
    servers[POSTFIX].port = postfix.smtp;
    servers[POSTFIX_SUBMISSION].port = postfix.submission;
    servers[POSTFIX].up = servers[POSTFIX_SUBMISSION].up = true;
    check(POSTFIX);
}

static void with_postfix_submission(void **state)
{
    (void)state;
    check(POSTFIX_SUBMISSION);
}

static void with_exim(void **state)
{
    (void)state;
    start(&servers[EXIM]);
    check(EXIM);
}

static void with_opensmtpd(void **state)
{
    (void)state;
    start(&servers[OPENSMTPD]);
    check(OPENSMTPD);
}

/* Dovecot hands on to Exim. */
static void with_dovecot(void **state)
{
    (void)state;
    if (!servers[EXIM].up) {
        print_message("Dovecot's submission needs Exim behind it\n");
        skip();
    }
    servers[DOVECOT].proxy_port = servers[EXIM].port;
    start(&servers[DOVECOT]);
    servers[DOVECOT_LMTP].port = servers[DOVECOT].tls_port;
    servers[DOVECOT_LMTP].up = servers[DOVECOT].up;
    check(DOVECOT);
}

static void with_dovecot_lmtp(void **state)
{
    (void)state;
    check(DOVECOT_LMTP);
}

/* What the others lack is shown against our own. */
static void with_practice_server(void **state)
{
    struct server *s = &servers[PRACTICE];
    const char *argv[] = {proc_smtpscope(), "serve", "--quiet", "--smtp", "0", NULL};
    (void)state;
    s->proc = proc_start(argv, proc_env(work));
    char *at = proc_line(s->proc, "smtp 127.0.0.1:");
    mem_free(proc_line(s->proc, "ready"));
    s->port = (unsigned)strtoul(at, NULL, 10);
    s->up = true;
    mem_free(at);
    check(PRACTICE);
}

/* /reopen continues the TLS session: the second handshake says so. */
static void resumption(void **state)
{
    static const enum server_id who[] = {POSTFIX, EXIM};
    char *script = proc_path(work, "reopen");
    unsigned tried = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
        const struct server *s = &servers[who[i]];
        char text[400];
        if (!s->up)
            continue;
        tried++;
        snprintf(
            text, sizeof(text),
            "/set verify none\n/open smtp://localhost:%u\nEHLO a\nSTARTTLS\nEHLO a\nNOOP\nQUIT\n"
            "/reopen\nEHLO a\nSTARTTLS\nEHLO a\nQUIT\n",
            s->port);
        proc_write_file(script, text, strlen(text));
        struct proc *p = proc_scope(work, NULL, 0, "run", "-4", script, NULL);
        if (p->status != 0 || !proc_text_has(p->out_text, "session resumed"))
            fail_msg("%s: %s%s", s->title, p->out_text.ptr, p->err_text.ptr);
        proc_free(&p);
    }
    mem_free(script);
    if (tried == 0)
        skip();
}

/* The table, for doc/interop.md. */
static void write_page(void)
{
    const char *path = getenv("INTEROP_DOC");
    if (!path)
        return;
    FILE *f = fopen(path, "w");
    if (!f) {
        perror(path);
        return;
    }
    fputs("# The client against real servers\n\nMade by `make interop`, which runs the servers of "
          "Debian's packages on loopback and sends a message to each\nin each way. yes: it was "
          "accepted, and the transcript shows the feature in use. -: the server does not offer "
          "it, or is\nnot set up for it here. no: it was tried and refused.\n\n| feature |",
          f);
    for (size_t s = 0; s < N_SERVERS; s++)
        fprintf(f, " %s |", servers[s].title);
    fputs("\n|---|", f);
    for (size_t s = 0; s < N_SERVERS; s++)
        fputs("---|", f);
    for (size_t i = 0; i < N_FEATURES; i++) {
        fprintf(f, "\n| %s |", features[i].name);
        for (size_t s = 0; s < N_SERVERS; s++)
            fprintf(f, " %s |", cells[i][s][0] ? cells[i][s] : "not run");
    }
    fputs("\n\nTLS resumption by /reopen: Postfix and Exim; Dovecot gives no tickets.\n\n"
          "Postfix's submission port demands TLS and a login. OpenSMTPD 6.8 of this distribution "
          "ends every TLS handshake with\ninternal_error: its private-key process and OpenSSL 3 do "
          "not get on. Dovecot's submission hands on to Exim.\n\nThe practice server is "
          "this program's own (`smtpscope serve`), on its SMTP port: what the others do not offer "
          "is tried there.\n",
          f);
    if (fclose(f) != 0)
        perror(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_postfix),
        cmocka_unit_test(with_postfix_submission),
        cmocka_unit_test(with_exim),
        cmocka_unit_test(with_opensmtpd),
        cmocka_unit_test(with_dovecot),
        cmocka_unit_test(with_dovecot_lmtp),
        cmocka_unit_test(with_practice_server),
        cmocka_unit_test(resumption),
    };
    int failed = cmocka_run_group_tests(tests, setup, teardown);
    if (failed == 0)
        write_page();
    return failed;
}
