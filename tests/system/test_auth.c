/* Logging in, from the settings to the server's yes, with every mechanism; what is refused, and
 * that no secret is seen or written. The server is the practice server; tests/system/test_interop.c
 * has Postfix, Exim and Dovecot. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/proc.h"
#include "base/mem.h"

static struct {
    char *dir, *ca, *cert, *record;
    char *submission, *submissions;
    struct proc *serve;
} world;

static int setup(void **state)
{
    (void)state;
    world.dir = proc_dir("auth");
    world.ca = proc_path(world.dir, "ca.pem");
    world.cert = proc_path(world.dir, "alice.pem");
    world.record = proc_path(world.dir, "recording");
    const char *argv[] = {proc_smtpscope(), "serve",
                          "--submission",   "0",
                          "--submissions",  "0",
                          "--ca-out",       world.ca,
                          "--quiet",        "--client-cert-out",
                          world.cert,       NULL};
    world.serve = proc_start(argv, proc_env(world.dir));
    char *at = proc_line(world.serve, "submission ");
    world.submission = mem_printf("submission://localhost:%s", strrchr(at, ':') + 1);
    mem_free(at);
    at = proc_line(world.serve, "submissions ");
    world.submissions = mem_printf("submissions://localhost:%s", strrchr(at, ':') + 1);
    mem_free(at);
    mem_free(proc_line(world.serve, "ready"));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    proc_kill(world.serve, SIGTERM);
    int status = proc_wait(world.serve, 5000);
    proc_free(&world.serve);
    mem_free(world.submission);
    mem_free(world.submissions);
    mem_free(world.ca);
    mem_free(world.cert);
    mem_free(world.record);
    proc_dir_remove(&world.dir);
    return status;
}

/* One message; options up to NULL. */
static struct proc *send_as(const char *target, const char *const *options)
{
    const char *argv[40] = {proc_smtpscope(),     "send",     "-4",        "--ca", world.ca, "--to",
                            "alice@example.test", "--record", world.record};
    size_t n = 9;
    while (*options)
        argv[n++] = *options++;
    argv[n++] = target;
    argv[n] = NULL;
    remove(world.record);
    return proc_run(argv, proc_env(world.dir), NULL, 0);
}

static void expect(struct proc *p, int status, const char *text, const char *what)
{
    if (p->status != status ||
        !(proc_text_has(p->out_text, text) || proc_text_has(p->err_text, text)))
        fail_msg("%s: status %d, not %d with \"%s\": %s%s", what, p->status, status, text,
                 p->out_text.ptr, p->err_text.ptr);
    proc_assert_printable(p->out_text, "standard output");
}

/* Neither the secret nor its base64 is on the screen or in the recording. */
static void expect_hidden(const struct proc *p, const char *const *forms)
{
    struct proc_text recorded = proc_read_file(world.record);
    assert_true(recorded.len > 0);
    for (; *forms; forms++) {
        if (proc_text_has(p->out_text, *forms) || proc_text_has(p->err_text, *forms) ||
            proc_text_has(recorded, *forms))
            fail_msg("%s was shown or written", *forms);
    }
    mem_free(recorded.ptr);
}

#define PASSWORD "--user", "alice", "--password-command", "echo secret"
#define TOKEN    "--user", "alice", "--token-command", "echo token-alice"

static void every_mechanism(void **state)
{
    static const struct {
        const char *name;
        const char *options[12];
        const char *says;
        bool tls13_only, tls12_only;
    } rows[] = {
        {"PLAIN", {PASSWORD}, "AUTH PLAIN *", false, false},
        {"PLAIN", {PASSWORD, "--no-auth-ir"}, "AUTH PLAIN\n", false, false},
        {"LOGIN", {PASSWORD}, "AUTH LOGIN", false, false},
        {"CRAM-MD5", {PASSWORD}, "AUTH CRAM-MD5", false, false},
        {"SCRAM-SHA-1", {PASSWORD}, "AUTH SCRAM-SHA-1 *", false, false},
        {"SCRAM-SHA-256", {PASSWORD}, "AUTH SCRAM-SHA-256 *", false, false},
        {"SCRAM-SHA-1-PLUS", {PASSWORD}, "AUTH SCRAM-SHA-1-PLUS *", false, false},
        {"SCRAM-SHA-256-PLUS", {PASSWORD}, "AUTH SCRAM-SHA-256-PLUS *", false, false},
        {"SCRAM-SHA-256-PLUS",
         {PASSWORD, "--tls-max", "1.2"},
         "AUTH SCRAM-SHA-256-PLUS *",
         false,
         false}, /* tls-unique */
        {"OAUTHBEARER", {TOKEN}, "AUTH OAUTHBEARER", false, false},
        {"XOAUTH2", {TOKEN}, "AUTH XOAUTH2", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *options[20] = {"--auth", rows[i].name};
        for (size_t k = 0; k < 12 && rows[i].options[k]; k++)
            options[2 + k] = rows[i].options[k];
        const char *targets[] = {world.submission, world.submissions};
        for (size_t k = 0; k < 2; k++) {
            struct proc *p = send_as(targets[k], options);
            expect(p, 0, "235 ", rows[i].name);
            expect(p, 0, rows[i].says, rows[i].name);
            proc_free(&p);
        }
    }
}

static void nothing_is_seen(void **state)
{
    static const char *const forms[] = {"c2VjcmV0", "AGFsaWNlAHNlY3JldA==", "auth=Bearer", NULL};
    static const char *const plain[] = {"--auth", "PLAIN", PASSWORD, NULL};
    static const char *const login[] = {"--auth", "LOGIN", PASSWORD, NULL};
    static const char *const bearer[] = {"--auth", "XOAUTH2", TOKEN, NULL};
    static const char *const *const rows[] = {plain, login, bearer};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct proc *p = send_as(world.submissions, rows[i]);
        assert_int_equal(p->status, 0);
        expect_hidden(p, forms);
        proc_free(&p);
    }
}

/* The certificate is who we are: no password is asked for. */
static void external(void **state)
{
    const char *options[] = {"--auth", "EXTERNAL", "--cert", world.cert, "--key", world.cert, NULL};
    const char *without[] = {"--auth", "EXTERNAL", NULL};
    (void)state;
    struct proc *p = send_as(world.submissions, options);
    expect(p, 0, "235 ", "EXTERNAL");
    proc_free(&p);
    p = send_as(world.submissions, without);
    assert_int_equal(p->status, 28);
    proc_free(&p);
}

/* What nobody asked for is chosen well, and a password never travels in the clear by itself. */
static void choices(void **state)
{
    static const char *const any[] = {PASSWORD, NULL};
    static const char *const token[] = {TOKEN, NULL};
    static const char *const clear[] = {PASSWORD, "--tls", "none", NULL};
    static const char *const wrong[] = {"--user", "alice", "--password-command", "echo nonsense",
                                        NULL};
    static const char *const other[] = {"--auth", "PLAIN", "--authzid", "bob", PASSWORD, NULL};
    static const char *const bad_token[] = {"--auth",          "OAUTHBEARER", "--user", "alice",
                                            "--token-command", "echo stale",  NULL};
    (void)state;
    struct proc *p = send_as(world.submission, any);
    expect(p, 0, "AUTH SCRAM-SHA-256-PLUS ", "the best");
    proc_free(&p);
    p = send_as(world.submission, token);
    expect(p, 0, "AUTH OAUTHBEARER ", "a token");
    proc_free(&p);
    p = send_as(world.submission, clear);
    assert_int_not_equal(p->status, 0);
    assert_false(proc_text_has(p->out_text, "AUTH PLAIN *"));
    proc_free(&p);
    p = send_as(world.submissions, wrong);
    expect(p, 28, "535 ", "a wrong password");
    proc_free(&p);
    p = send_as(world.submissions, other);
    assert_int_equal(p->status, 28); /* nobody acts for somebody else there */
    proc_free(&p);
    p = send_as(world.submissions, bad_token);
    expect(p, 28, "334 ", "the reason comes as a challenge");
    proc_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mechanism),
        cmocka_unit_test(nothing_is_seen),
        cmocka_unit_test(external),
        cmocka_unit_test(choices),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
