/* swaks and `smtpscope send` with the same arguments, at the same server: the same exit status, and
 * the same commands on the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/peers.h"
#include "../lib/proc.h"

enum { ARGS_MAX = 24 };

struct world {
    struct proc *server;
    char *dir, *ca;
    char smtp[40], submission[40], submissions[40], lmtp[40], port[8], tls_port[8];
};

static void copy_address(struct proc *p, const char *prefix, char *out, size_t out_octets)
{
    char *line = proc_line(p, prefix);
    snprintf(out, out_octets, "%s", line);
    free(line);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->dir = proc_dir("swaks-names");
    w->ca = proc_path(w->dir, "ca.pem");
    const char *argv[] = {proc_smtpscope(),
                          "serve",
                          "--smtp",
                          "0",
                          "--submission",
                          "0",
                          "--submissions",
                          "0",
                          "--lmtp",
                          "0",
                          "--ca-out",
                          w->ca,
                          NULL};
    w->server = proc_start(argv, proc_env(w->dir));
    copy_address(w->server, "smtp ", w->smtp, sizeof w->smtp);
    copy_address(w->server, "submission ", w->submission, sizeof w->submission);
    copy_address(w->server, "submissions ", w->submissions, sizeof w->submissions);
    copy_address(w->server, "lmtp ", w->lmtp, sizeof w->lmtp);
    free(proc_line(w->server, "ready"));
    snprintf(w->port, sizeof w->port, "%s", strchr(w->smtp, ':') + 1);
    snprintf(w->tls_port, sizeof w->tls_port, "%s", strchr(w->submissions, ':') + 1);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    proc_free(&w->server);
    free(w->ca);
    proc_dir_remove(&w->dir);
    free(w);
    return 0;
}

/* "@smtp" and the like stand for what is only known at run time. */
static const char *fill(const struct world *w, const char *arg)
{
    static const char *const marks[] = {"@smtp", "@submission", "@lmtp",
                                        "@port", "@ca",         "@tlsport"};
    const char *const values[] = {w->smtp, w->submission, w->lmtp, w->port, w->ca, w->tls_port};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (strcmp(arg, marks[i]) == 0)
            return values[i];
    return arg;
}

/* The client's commands as words, what differs by nature left out: EHLO's name and everything
 * behind DATA. swaks marks them " -> " or " ~> ", we "C>". */
static void commands(const char *text, const char *const *marks, char *out, size_t out_octets)
{
    out[0] = '\0';
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t n = strcspn(line, "\n");
        char one[512];
        snprintf(one, sizeof one, "%.*s", (int)(n < 500 ? n : 500), line);
        const char *said = NULL;
        for (size_t i = 0; marks[i] && !said; i++)
            if ((said = strstr(one, marks[i])))
                said += strlen(marks[i]);
        if (!said)
            continue;
        while (*said == ' ' || *said == 'T')
            said++;
        char word[16] = "";
        sscanf(said, "%15s", word);
        if (strcmp(word, "RSET") == 0)
            continue; /* ours alone, between a refused transaction and QUIT */
        bool path = strcmp(word, "MAIL") == 0 || strcmp(word, "RCPT") == 0;
        size_t at = strlen(out);
        snprintf(out + at, out_octets - at, "%s\n", path ? said : word);
        if (path) /* parameters that only one of them sends */
            for (char *p = out + at; *p; p++)
                if (*p == '>') {
                    p[1] = '\n';
                    p[2] = '\0';
                    break;
                }
        if (strcmp(word, "DATA") == 0)
            break;
    }
}

#define BASE "--to", "bob@example.test", "--from", "ann@example.net", "--helo", "me.example"
static const struct {
    const char *args[ARGS_MAX];
    int status;
} rows[] = {
    {{BASE, "--server", "@smtp"}, 0},
    {{"-t", "bob@example.test", "-f", "ann@example.net", "-s", "127.0.0.1", "-p", "@port"}, 0},
    {{BASE, "--server", "127.0.0.1", "--port", "@port", "--tls", "--tls-ca-path", "@ca"}, 0},
    {{"--to", "bob@example.test,carol@example.test", "--from", "<>", "--server", "@smtp"}, 0},
    {{BASE, "--server", "@smtp", "--quit-after", "RCPT"}, 0},
    {{BASE, "--server", "@smtp", "-q", "from"}, 0},
    {{BASE, "--server", "@smtp", "--quit-after", "EHLO"}, 0},
    {{BASE, "--server", "@smtp", "--drop-after", "MAIL"}, 0},
    {{"--to", "nobody@example.test", "--from", "ann@example.net", "--server", "@smtp"}, 24},
    {{"--to", "any+451.dot@example.test", "--from", "ann@example.net", "--server", "@smtp"}, 26},
    {{"--to", "bob@example.test", "--from", "from+451@example.net", "--server", "@smtp"}, 23},
    {{BASE, "--server", "127.0.0.1", "--port", "1"}, 2},
    {{BASE, "--server", "@lmtp", "--protocol", "LMTP"}, 0},
    {{BASE, "--server", "@smtp", "--protocol", "ESMTP"}, 0},
    {{BASE, "--server", "@smtp", "--protocol", "SMTP"}, 0},
    {{BASE, "--server", "@smtp", "--protocol", "smtp", "--quit-after", "helo"}, 0},
    {{BASE, "--server", "127.0.0.1", "--protocol", "ESMTPS", "--port", "@port", "--tls-ca-path",
      "@ca"},
     0},
    {{BASE, "--server", "127.0.0.1", "--protocol", "SMTPS", "--port", "@tlsport", "--tls-ca-path",
      "@ca"},
     23},
    {{BASE, "--server", "127.0.0.1", "--protocol", "SSMTP", "--port", "@tlsport", "--tls-ca-path",
      "@ca"},
     23},
    {{BASE, "--server", "@lmtp", "--protocol", "LMTPS", "--tls-ca-path", "@ca"}, 0},
    {{BASE, "--server", "@smtp", "--h-Subject", "hello there", "--body", "a\\nb"}, 0},
    {{BASE, "--server", "@smtp", "--header", "X-Case: 17", "--data",
      "Subject: %FROM_ADDRESS%\\n\\n.dot\\n%BODY%\\n"},
     0},
};

static struct proc *run_swaks(const struct world *w, size_t i)
{
    const char *args[ARGS_MAX + 4] = {"--timeout", "10"};
    size_t n = 2;
    for (size_t k = 0; rows[i].args[k]; k++)
        args[n++] = fill(w, rows[i].args[k]);
    return peer_run("swaks", NULL, 0, args);
}

static struct proc *run_ours(const struct world *w, size_t i)
{
    const char *argv[ARGS_MAX + 6] = {proc_smtpscope(), "send", "--timeout", "10"};
    size_t n = 4;
    for (size_t k = 0; rows[i].args[k]; k++)
        argv[n++] = fill(w, rows[i].args[k]);
    /* swaks uses TLS only when told to. */
    bool tls = false;
    for (size_t k = 0; rows[i].args[k]; k++)
        tls = tls || strcmp(rows[i].args[k], "--tls") == 0 ||
              strcmp(rows[i].args[k], "--tls-ca-path") == 0;
    if (!tls)
        argv[n++] = "--tls=none";
    return proc_run(argv, proc_env(w->dir), NULL, 0);
}

static void same_as_swaks(void **state)
{
    struct world *w = *state;
    static const char *const swaks_marks[] = {" -> ", " ~> ", NULL};
    static const char *const our_marks[] = {" C>", NULL};
    peer_need("swaks");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char theirs[4096], ours[4096];
        struct proc *a = run_swaks(w, i), *b = run_ours(w, i);
        commands(a->out_text.ptr, swaks_marks, theirs, sizeof theirs);
        commands(b->out_text.ptr, our_marks, ours, sizeof ours);
        if (a->status != rows[i].status || b->status != rows[i].status)
            fail_msg("row %zu: swaks %d, smtpscope %d, expected %d\n%s\n%s%s", i, a->status,
                     b->status, rows[i].status, a->out_text.ptr, b->out_text.ptr, b->err_text.ptr);
        if (strcmp(theirs, ours) != 0)
            fail_msg("row %zu:\nswaks said\n%ssmtpscope said\n%s", i, theirs, ours);
        proc_free(&a);
        proc_free(&b);
    }
}

/* What is said no to, and what is said about it. */
static void refusals_are_explained(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *args[4];
        const char *said;
    } no[] = {
        {{"--auth-password", "hunter2"}, "password on the command line"},
        {{"-ap", "hunter2"}, "password on the command line"},
        {{"--protocol", "UUCP"}, "--protocol UUCP is not known"},
        {{"--server"}, "--server wants a value"},
        {{"--header", "no field"}, "is no header field"},
        {{"--attach", "/nonexistent"}, "cannot read /nonexistent"},
    };
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        struct proc *p = proc_scope(w->dir, NULL, 0, "send", "--to", "bob@example.test",
                                    no[i].args[0], no[i].args[1] ? no[i].args[1] : NULL,
                                    no[i].args[1] ? "practice" : NULL, NULL);
        assert_int_not_equal(p->status, 0);
        if (!proc_text_has(p->err_text, no[i].said) && !proc_text_has(p->out_text, no[i].said))
            fail_msg("%s: %s%s", no[i].args[0], p->out_text.ptr, p->err_text.ptr);
        assert_false(proc_text_has(p->err_text, "hunter2"));
        assert_false(proc_text_has(p->out_text, "hunter2"));
        proc_free(&p);
    }
}

static const struct {
    const char *template, *holds;
} templates[] = {
    {"plain", "It holds nothing else."},
    {"alternative", "text/html"},
    {"utf8", "Subject: =?UTF-8?Q?"},
    {"long-lines", "998 octets: xxx"},
    {"dots", "C>T ....three"}, /* one dot more than it holds */
    {"gtube", "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL"},
    {"eicar", "filename=\"eicar.com\""},
};

static void templates_are_sent(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < sizeof templates / sizeof templates[0]; i++) {
        struct proc *p = proc_scope(w->dir, NULL, 0, "send", "--template", templates[i].template,
                                    "--to", "bob@example.test", "practice", NULL);
        assert_int_equal(p->status, 0);
        if (!proc_text_has(p->out_text, templates[i].holds))
            fail_msg("%s: %s", templates[i].template, p->out_text.ptr);
        proc_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_swaks),
        cmocka_unit_test(refusals_are_explained),
        cmocka_unit_test(templates_are_sent),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
