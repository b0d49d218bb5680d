/* Nothing that is written holds a secret: sentinel passwords go by every mechanism, typed in odd
 * spacing and in pieces, and then everything that was written is searched for them in all forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/proc.h"
#include "base/mem.h"

static char *work;

/* "s3ntinel", as it is and as base64 has it at each of three places, with and without a user. */
static const char *const forms[] = {"s3ntinel", "czNudGluZWw",          "MzbnRpbmVs", "zM250aW5lb",
                                    "s3NTINEL", "AGFsaWNlAHMzbnRpbmVs", "HMzbnRp"};

static int setup(void **state)
{
    (void)state;
    work = proc_dir("sentinels");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    proc_dir_remove(&work);
    return 0;
}

static void shell(const char *line, int status)
{
    const char *const argv[] = {"sh", "-c", line, NULL};
    struct proc *p = proc_run(argv, NULL, NULL, 0);
    if (status >= 0 && p->status != status)
        fail_msg("%s: status %d\n%s%s", line, p->status, p->out_text.ptr, p->err_text.ptr);
    proc_free(&p);
}

static void scope(const char *arguments)
{
    static char program[4096];
    assert_non_null(realpath(proc_smtpscope(), program));
    char *line = mem_printf("cd %s && HOME=%s XDG_STATE_HOME=%s exec %s %s >>output 2>&1", work,
                            work, work, program, arguments);
    shell(line, -1); /* a wrong password is no failure of this test */
    mem_free(line);
}

static void script(const char *name, const char *target, const char *text)
{
    char *path = mem_printf("%s/%s", work, name);
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
    char *arguments = mem_printf("run --record %s.jsonl %s %s", name, name, target);
    scope(arguments);
    mem_free(arguments);
    unlink(path); /* the script itself holds it, of course */
    mem_free(path);
}

static void export_all(const char *name)
{
    static const char *const formats[] = {"text", "swaks",  "markdown", "html",
                                          "json", "script", "cast",     "pcapng"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        char *arguments =
            mem_printf("export --to %s -o %s.%s %s.jsonl", formats[i], name, formats[i], name);
        scope(arguments);
        mem_free(arguments);
    }
}

static void assert_nowhere(void)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char *line = mem_printf("! grep -rlaF '%s' %s", forms[i], work);
        const char *const argv[] = {"sh", "-c", line, NULL};
        struct proc *p = proc_run(argv, NULL, NULL, 0);
        if (p->status != 0)
            fail_msg("%s stands in %s", forms[i], p->out_text.ptr);
        proc_free(&p);
        mem_free(line);
    }
}

/* The secret was sent, so there was one to hide; and it is said where. */
static void assert_tried(const char *name)
{
    char *line = mem_printf("cd %s && grep -q '\"hidden\":' %s.jsonl", work, name);
    shell(line, 0);
    mem_free(line);
}

/* By the program: every mechanism, with and without TLS. */
static void test_every_mechanism(void **state)
{
    (void)state;
    static const char *const mechanisms[] = {"PLAIN",       "LOGIN",         "CRAM-MD5",
                                             "SCRAM-SHA-1", "SCRAM-SHA-256", "any"};
    for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++) {
        char *arguments =
            mem_printf("send --record m%zu.jsonl --auth %s --user alice --password-command 'printf "
                       "s3ntin; printf el' --from ann@example.net --to bob@example.test practice",
                       i, mechanisms[i]);
        char *name = mem_printf("m%zu", i);
        scope(arguments);
        export_all(name);
        mem_free(arguments);
        mem_free(name);
    }
    /* They did try to log in, and it is said where something was hidden. */
    char *line = mem_printf("cd %s && for i in 0 1 2 3 4 5; do grep -q '\"hidden\":' m$i.jsonl && "
                            "grep -q '\"mechanism\":' m$i.jsonl || exit 1; done",
                            work);
    shell(line, 0);
    mem_free(line);
    assert_nowhere();
}

/* The mailbox protocols, by the program: every mechanism they have in common. */
static void test_mailboxes(void **state)
{
    (void)state;
    static const char *const schemes[] = {"pop3", "imap"};
    static const char *const mechanisms[] = {"PLAIN",       "LOGIN",         "CRAM-MD5",
                                             "SCRAM-SHA-1", "SCRAM-SHA-256", "any"};
    char *login = mem_printf("%s/login", work);
    proc_write_file(login, "/auth alice\n", strlen("/auth alice\n"));
    mem_free(login);
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        for (size_t k = 0; k < sizeof mechanisms / sizeof *mechanisms; k++) {
            char *name = mem_printf("%s-%zu", schemes[i], k);
            char *arguments = mem_printf("run --record %s.jsonl --auth %s --password-command "
                                         "'printf s3ntin; printf el' login %s://practice",
                                         name, mechanisms[k], schemes[i]);
            scope(arguments);
            export_all(name);
            assert_tried(name);
            mem_free(arguments);
            mem_free(name);
        }
    }
    assert_nowhere();
}

/* Typed in pieces that are sent as they stand: the base64 of a response in two and three parts, a
 * password of each protocol, a literal that comes after its count. */
static void test_pieces(void **state)
{
    (void)state;
    static const struct {
        const char *name, *target, *text;
    } rows[] = {
        {"two", "practice",
         "EHLO a.example\nSTARTTLS\nexpect event tls_up 20\nEHLO a.example\n"
         "/raw \"AUTH PLAIN AGFsaWNlAHMzbn\"\n/raw \"RpbmVs\\r\\n\"\nQUIT\n"},
        {"three", "practice",
         "EHLO a.example\nSTARTTLS\nexpect event tls_up 20\nEHLO a.example\n"
         "/raw \"AUTH PLAIN\\r\\n\"\n/raw \"AGFsaWNlA\"\n/raw \"HMzbnRp\"\n"
         "/raw \"bmVs\\r\\n\"\nQUIT\n"},
        {"pass", "pop3://practice",
         "STLS\nexpect event tls_up 20\nUSER alice\n/raw \"pa\"\n/raw \"Ss s3nt\"\n"
         "/raw \"inel\\r\\n\"\nPASS  s3ntinel\nQUIT\n"},
        {"quoted", "imap://practice",
         "/raw \"a1 STARTTLS\\r\\n\"\nexpect event tls_up 20\n"
         "/raw \"a2 login alice \\\"s3\"\n/raw \"ntinel\\\"\\r\\n\"\nLOGOUT\n"},
        {"literal", "imap://practice",
         "/raw \"a1 LoGiN {5}\\r\\n\"\n/raw \"alice {8}\\r\\n\"\n"
         "/raw \"s3ntin\"\n/raw \"el\\r\\n\"\nLOGOUT\n"},
        {"literal-plus", "imap://practice",
         "/raw \"a1 LOGIN alice {8+}\\r\\ns3ntinel\\r\\n\"\nLOGOUT\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        script(rows[i].name, rows[i].target, rows[i].text);
        export_all(rows[i].name);
        assert_tried(rows[i].name);
    }
    assert_nowhere();
}

/* A password in a URL, where it has no place: it is in no message and no file. */
static void test_urls(void **state)
{
    (void)state;
    scope("send --json --record url.jsonl --from ann@example.net --to bob@example.test "
          "smtp://alice:s3ntinel@127.0.0.1:1");
    scope("send --proxy socks5://alice:s3ntinel@127.0.0.1:1 --record proxy.jsonl --from "
          "ann@example.net --to bob@example.test smtp://127.0.0.1:1");
    scope("send --proxy http://alice:s3ntinel@127.0.0.1:1 --record http.jsonl --from "
          "ann@example.net --to bob@example.test smtp://127.0.0.1:1");
    script("set", "practice",
           "/set proxy socks5://alice:s3ntinel@127.0.0.1:1\n/set\n"
           "/connect smtp://alice:s3ntinel@127.0.0.1:1\n");
    assert_nowhere();
}

/* By hand, in the forms a person or a hostile client would try; each line is sent as it stands. */
static void test_by_hand(void **state)
{
    (void)state;
    static const char text[] = "EHLO a.example\n"
                               "STARTTLS\n"
                               "expect event tls_up 20\n"
                               "EHLO a.example\n"
                               "AUTH PLAIN AGFsaWNlAHMzbnRpbmVs\n"
                               "auth   plain\tAGFsaWNlAHMzbnRpbmVs\n"
                               "  AUTH PLAIN  AGFsaWNlAHMzbnRpbmVs  \n"
                               "AUTH LOGIN YWxpY2U=\n"
                               "czNudGluZWw=\n"
                               "AUTH LOGIN\n"
                               "YWxpY2U=\n"
                               "czNudGluZWw=\n"
                               "PASS s3ntinel\n"
                               "QUIT\n";
    /* The same, in pieces: a packet ends inside the secret. */
    static const char pieces[] = "EHLO a.example\n"
                                 "/raw \"AU\"\n"
                                 "/raw \"TH PLAIN AGFsaWNlA\"\n"
                                 "/raw \"HMzbnRp\"\n"
                                 "/raw \"bmVs\\r\\n\"\n"
                                 "/raw \"AUTH LOGIN\\r\\n\"\n"
                                 "QUIT\n";
    script("hand", "practice", text);
    script("pieces", "practice", pieces);
    export_all("hand");
    export_all("pieces");
    assert_nowhere();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_mechanism),
        cmocka_unit_test(test_mailboxes),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests_name("sentinels", tests, setup, teardown);
}
