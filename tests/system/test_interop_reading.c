/* The client against real servers that mail is read from: Dovecot and Cyrus from their packages,
 * with every mechanism they know, a KDC of MIT Kerberos behind GSSAPI. As in test_interop.c what
 * each is known to do is a table, and `make interop` adds it to doc/interop.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../lib/peers.h"
#include "base/mem.h"

/* A JWT that says alice, until 2100; HS256 with "practice-key". */
#define TOKEN                                                                                      \
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."                                                        \
    "eyJzdWIiOiJhbGljZSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjo0MTAyNDQ0ODAwfQ."                          \
    "gdvhR2y0zgTNVH_bULlgpzTEvDgzB_oxKv3RU8WivlU"

enum server_id {
    DOVECOT_IMAP,
    DOVECOT_POP3,
    DOVECOT_SUBMISSION,
    CYRUS_IMAP,
    CYRUS_POP3,
    N_SERVERS
};
enum { IMAP = 1, POP3 = 2, SMTP = 4, READING = IMAP | POP3, ALL = IMAP | POP3 | SMTP };

static struct server {
    const char *title, *scheme;
    unsigned protocol;
    const char *yes, *no, *bye; /* patterns of answers to a login; the last command */
    unsigned port;              /* 0: not there */
    const char *missing;        /* why */
} servers[N_SERVERS] = {
    [DOVECOT_IMAP] = {"Dovecot IMAP", "imap", IMAP, "* OK *Logged in", "* NO *", "LOGOUT"},
    [DOVECOT_POP3] = {"Dovecot POP3", "pop3", POP3, "+OK Logged in.", "-ERR *", "QUIT"},
    [DOVECOT_SUBMISSION] = {"Dovecot submission", "submission", SMTP, "235 *", "535 *", "QUIT"},
    [CYRUS_IMAP] = {"Cyrus IMAP", "imap", IMAP, "* OK [CAPABILITY *", "* NO *", "LOGOUT"},
    [CYRUS_POP3] = {"Cyrus POP3", "pop3", POP3, "+OK Mailbox locked *", "-ERR *", "QUIT"},
};

static char *work, *kerberos[2];
static struct proc *dovecot, *cyrus, *kdc, *serve;
static char cells[64][N_SERVERS][8];

/* ---- running them ---- */

/* Who signs clients' certificates is a practice CA of ours; it has one for alice. */
static void make_client_cert(void)
{
    char *ca = proc_path(work, "dovecot/client-ca.pem"), *cert = proc_path(work, "alice.pem");
    const char *argv[] = {proc_smtpscope(),    "serve", "--imap", "0", "--quiet", "--ca-out", ca,
                          "--client-cert-out", cert,    NULL};
    serve = proc_start(argv, proc_env(work));
    mem_free(proc_line(serve, "ready"));
    mem_free(ca);
    mem_free(cert);
}

static void start_kdc(const char *dir)
{
    char port[12];
    snprintf(port, sizeof(port), "%u", proc_free_port());
    const char *argv[] = {"sh", "tests/lib/kdc.sh", dir, port, NULL};
    struct stat st;
    if (stat("build/peers/root/usr/sbin/krb5kdc", &st) != 0)
        return;
    kdc = proc_start(argv, NULL);
    mem_free(proc_line(kdc, "ready"));
    kerberos[0] = mem_printf("KRB5_CONFIG=%s/krb5.conf", dir);
    kerberos[1] = mem_printf("KRB5CCNAME=FILE:%s/tickets", dir);
}

static int setup(void **state)
{
    (void)state;
    unsigned ports[2][3] = {{0}};
    const char *why[2] = {NULL, NULL};
    work = proc_dir("reading");
    char *first = proc_path(work, "dovecot"), *second = proc_path(work, "cyrus");
    mkdir(first, 0755);
    make_client_cert();
    start_kdc(first);
    dovecot = peer_server_start("dovecot_reading", first, ports[0], &why[0]);
    cyrus = peer_server_start("cyrus", second, ports[1], &why[1]);
    for (int i = 0; i < N_SERVERS; i++) {
        int whose = i >= CYRUS_IMAP;
        servers[i].missing = why[whose];
        servers[i].port = why[whose] ? 0 : ports[whose][whose ? i - CYRUS_IMAP : i];
    }
    mem_free(first);
    mem_free(second);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    struct proc **all[] = {&dovecot, &cyrus, &kdc, &serve};
    for (size_t i = 0; i < 4; i++) {
        if (*all[i])
            proc_kill(*all[i], 15);
        proc_free(all[i]);
    }
    mem_free(kerberos[0]);
    mem_free(kerberos[1]);
    proc_dir_remove(&work);
    return 0;
}

/* ---- one feature ---- */

static const struct feature {
    const char *name;
    unsigned protocols;
    const char *mechanism; /* logging in with it is the feature; NULL: PLAIN, then .lines */
    const char *lines;
    const char *tls_max;
    const char *says;              /* in the transcript where it worked; NULL: nothing more */
    const char *expect[N_SERVERS]; /* "yes", "-" not offered, "no" */
} features[] = {
#define EXPECT(di, dp, ds, ci, cp)                                                                 \
    {                                                                                              \
        di, dp, ds, ci, cp                                                                         \
    }
#define MECHANISM(name, tls, says, ...)                                                            \
    {                                                                                              \
        "AUTH " name, ALL, name, "", tls, says, EXPECT(__VA_ARGS__)                                \
    }
    MECHANISM("PLAIN", "1.3", NULL, "yes", "yes", "yes", "yes", "yes"),
    MECHANISM("LOGIN", "1.3", NULL, "yes", "yes", "yes", "yes", "yes"),
    MECHANISM("CRAM-MD5", "1.3", NULL, "yes", "yes", "yes", "yes", "yes"),
    MECHANISM("DIGEST-MD5", "1.3", "rspauth hidden", "yes", "yes", "yes", "yes", "yes"),
    MECHANISM("SCRAM-SHA-1", "1.3", "server signature hidden", "yes", "yes", "yes", "yes", "yes"),
    MECHANISM("SCRAM-SHA-256", "1.3", "server signature hidden", "yes", "yes", "yes", "yes", "yes"),
    {"AUTH SCRAM-SHA-1-PLUS, tls-unique", ALL, "SCRAM-SHA-1-PLUS", "", "1.2",
     "channel binding tls-unique", EXPECT("-", "-", "-", "yes", "yes")},
    {"AUTH SCRAM-SHA-256-PLUS, tls-unique", ALL, "SCRAM-SHA-256-PLUS", "", "1.2",
     "channel binding tls-unique", EXPECT("-", "-", "-", "yes", "yes")},
    {"AUTH SCRAM-SHA-256-PLUS, tls-exporter", ALL, "SCRAM-SHA-256-PLUS", "", "1.3",
     "channel binding tls-exporter", EXPECT("-", "-", "-", "no", "no")},
    MECHANISM("OAUTHBEARER", "1.3", "user and bearer token", "yes", "yes", "yes", "-", "-"),
    MECHANISM("XOAUTH2", "1.3", "user and bearer token", "yes", "yes", "yes", "-", "-"),
    MECHANISM("EXTERNAL", "1.3", "the identity TLS has proven", "yes", "yes", "yes", "-", "-"),
    MECHANISM("NTLM", "1.3", "type 2: challenge", "-", "-", "-", "yes", "yes"),
    MECHANISM("GSSAPI", "1.3", "mechanism  GSSAPI", "yes", "yes", "yes", "-", "-"),
    MECHANISM("ANONYMOUS", "1.3", NULL, "yes", "yes", "-", "-", "-"),
    {"APOP", POP3, "APOP", "", "1.3", "C>T APOP alice ", EXPECT("-", "yes", "-", "-", "yes")},
    {"USER and PASS, LOGIN", READING, "USER", "", "1.3", "******",
     EXPECT("yes", "yes", "-", "yes", "yes")},
    {"APPEND, literal by literal", IMAP, NULL,
     "APPEND INBOX {12}\nexpect + *\nSubject: x\n\nexpect * OK *\n", NULL, NULL,
     EXPECT("yes", "-", "-", "yes", "-")},
    {"APPEND, LITERAL+", IMAP, NULL, "APPEND INBOX {12+}\nSubject: x\n\nexpect * OK *\n", NULL,
     NULL, EXPECT("yes", "-", "-", "yes", "-")},
    {"FETCH, ENVELOPE, BODYSTRUCTURE", IMAP, NULL,
     "/select\nexpect * 2 EXISTS\n/list\nexpect * 2 FETCH *ENVELOPE*\n"
     "/structure 1\nexpect * 1 FETCH *BODYSTRUCTURE*\n/get 1\nexpect Subject: x*\n",
     NULL, NULL, EXPECT("yes", "-", "-", "yes", "-")},
    {"SEARCH, STORE, MOVE", IMAP, NULL,
     "CREATE Caf&AOk-\n/select\n/search SUBJECT x\nexpect * SEARCH 1 2*\n/flag 2 flagged\n"
     "expect * 2 FETCH *Flagged*\n/move 2 Caf\303\251\nexpect * 2 EXPUNGE\n"
     "/mailboxes\nexpect * LIST *Caf&AOk-*\n",
     NULL, NULL, EXPECT("yes", "-", "-", "yes", "-")},
    {"UIDL, TOP, RETR, DELE, QUIT", POP3, NULL,
     "UIDL\nexpect 1 *\n/list\nexpect 1 *\n/headers 1\nexpect Subject: x\n/get 1\n"
     "expect Subject: x\n/delete 1\nexpect code +OK\nSTAT\nexpect +OK 0 *\nRSET\n"
     "expect code +OK\nSTAT\nexpect +OK 1 *\n",
     NULL, NULL, EXPECT("-", "yes", "-", "-", "yes")},
    {"STARTTLS, TLS 1.2", ALL, NULL, "", "1.2", "==T TLSv1.2 ",
     EXPECT("yes", "yes", "yes", "yes", "yes")},
};
enum { N_FEATURES = sizeof(features) / sizeof(features[0]) };

static struct proc *run(const struct server *s, const struct feature *f)
{
    char *script = proc_path(work, "script"), *cert = proc_path(work, "alice.pem");
    const char *mechanism = f->mechanism ? f->mechanism : "PLAIN";
    char *text =
        mem_printf("/open %s://localhost:%u\n/tls\n/auth %s alice\nexpect %s\n/login\n%s%s\n",
                   s->scheme, s->port, mechanism, s->yes, f->lines, s->bye);
    proc_write_file(script, text, strlen(text));
    const char *const *own = proc_env(work);
    const char *env[16];
    size_t n = 0;
    for (; own[n] && n < 12; n++)
        env[n] = own[n];
    if (kerberos[0]) {
        env[n++] = kerberos[0];
        env[n++] = kerberos[1];
    }
    env[n] = NULL;
    const char *argv[24] = {proc_smtpscope(),
                            "run",
                            "-4",
                            "--verify",
                            "none",
                            "--tls-max",
                            f->tls_max ? f->tls_max : "1.3",
                            "--password-command",
                            "echo secret",
                            "--token-command",
                            "echo " TOKEN,
                            script};
    if (strcmp(mechanism, "EXTERNAL") == 0) {
        argv[12] = "--cert";
        argv[13] = cert;
        argv[14] = "--key";
        argv[15] = cert;
    }
    struct proc *p = proc_run(argv, env, NULL, 0);
    mem_free(text);
    mem_free(script);
    mem_free(cert);
    return p;
}

static const char *outcome(const struct server *s, const struct feature *f)
{
    if (!(f->protocols & s->protocol) ||
        (f->mechanism && strcmp(f->mechanism, "GSSAPI") == 0 && !kdc))
        return "-";
    struct proc *p = run(s, f);
    bool offered = !proc_text_has(p->out_text, "the server does not offer ") &&
                   !proc_text_has(p->out_text, "the server offers no ");
    bool good = p->status == 0 && (!f->says || proc_text_has(p->out_text, f->says));
    if (!good && getenv("INTEROP_TRACE"))
        fprintf(stderr, "%s, %s: status %d\n%s%s\n", s->title, f->name, p->status, p->out_text.ptr,
                p->err_text.ptr);
    proc_assert_printable(p->out_text, "standard output");
    proc_free(&p);
    return good ? "yes" : offered ? "no" : "-";
}

static void check(enum server_id id)
{
    struct server *s = &servers[id];
    unsigned wrong = 0;
    if (!s->port) {
        print_message("%s %s\n", s->title, s->missing);
        skip();
    }
    for (size_t i = 0; i < N_FEATURES; i++) {
        const struct feature *f = &features[i];
        const char *got = outcome(s, f);
        snprintf(cells[i][id], sizeof(cells[i][id]), "%s", got);
        if (strcmp(got, f->expect[id]) == 0)
            continue;
        print_error("%s, %s: %s instead of %s\n", s->title, f->name, got, f->expect[id]);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void with_dovecot_imap(void **state)
{
    (void)state;
    check(DOVECOT_IMAP);
}

static void with_dovecot_pop3(void **state)
{
    (void)state;
    check(DOVECOT_POP3);
}

static void with_dovecot_submission(void **state)
{
    (void)state;
    check(DOVECOT_SUBMISSION);
}

static void with_cyrus_imap(void **state)
{
    (void)state;
    check(CYRUS_IMAP);
}

static void with_cyrus_pop3(void **state)
{
    (void)state;
    check(CYRUS_POP3);
}

/* The table, behind test_interop's. */
static void write_page(void)
{
    const char *path = getenv("INTEROP_DOC");
    FILE *f = path ? fopen(path, "a") : NULL;
    if (!f)
        return;
    fputs("\n## Reading mail, and every way to log in\n\nEach row logs in inside TLS and looks for "
          "the server's yes and for the step that shows it was this mechanism.\n\n| feature |",
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
    fputs(
        "\n\nGSSAPI: tickets of a KDC of MIT Kerberos on loopback. OAuth: a signed token that "
        "Dovecot checks itself. EXTERNAL: a certificate\nof the practice CA. Dovecot 2.3 knows no "
        "-PLUS, and NTLM only with Samba's winbind; NTLM is shown with Cyrus and with Exim's spa.\n"
        "Cyrus 3.6 binds to tls-unique only, in TLS 1.3 too, where RFC 9266 asks for "
        "tls-exporter: its -PLUS works with `--tls-max 1.2`.\n",
        f);
    if (fclose(f) != 0)
        perror(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_dovecot_imap),       cmocka_unit_test(with_dovecot_pop3),
        cmocka_unit_test(with_dovecot_submission), cmocka_unit_test(with_cyrus_imap),
        cmocka_unit_test(with_cyrus_pop3),
    };
    int failed = cmocka_run_group_tests(tests, setup, teardown);
    if (failed == 0)
        write_page();
    return failed;
}
