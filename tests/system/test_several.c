/* Several messages in one session, several recipients of which one is refused: what the person is
 * told, and what arrives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/dkim_keys.h"
#include "../lib/proc.h"
#include "base/mem.h"

static char *dir;

static int setup(void **state)
{
    (void)state;
    dir = proc_dir("several");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    proc_dir_remove(&dir);
    return 0;
}

static size_t count(struct proc_text text, const char *needle)
{
    size_t n = 0;
    for (const char *at = text.ptr; (at = strstr(at, needle)) != NULL; at++)
        n++;
    return n;
}

/* /send again: one greeting, one TLS handshake, three transactions, each with its own signature. */
static void messages_in_one_session(void **state)
{
    (void)state;
    static const char text[] = "From: ann@example.net\n\nfrom a file\n";
    char *key = proc_path(dir, "key"), *file = proc_path(dir, "message");
    char *script = proc_path(dir, "script");
    char *lines = mem_printf("/open practice\n/set from ann@example.net\n/set to bob@example.test\n"
                             "/send %s\n/set dkim-key %s\n/set dkim-domain example.net\n"
                             "/set dkim-selector s\n/send %s\n/send\n",
                             file, key, file);
    proc_write_file(key, DKIM_TEST_ED25519, sizeof DKIM_TEST_ED25519 - 1);
    proc_write_file(file, text, sizeof text - 1);
    proc_write_file(script, lines, strlen(lines));
    struct proc *p = proc_scope(dir, NULL, 0, "run", script, NULL);
    if (p->status != 0)
        fail_msg("status %d: %s%s", p->status, p->out_text.ptr, p->err_text.ptr);
    assert_int_equal(count(p->out_text, "ESMTP smtpscope practice server"), 1);
    assert_int_equal(count(p->out_text, " STARTTLS\n"), 1);
    assert_int_equal(count(p->out_text, "C>T MAIL FROM:<ann@example.net>"), 3);
    assert_int_equal(count(p->out_text, "C>T DKIM-Signature: "), 2);
    assert_int_equal(count(p->out_text, "stored message "), 3);
    assert_true(proc_text_has(p->out_text, "stored message 3 for bob"));
    proc_free(&p);
    mem_free(key);
    mem_free(file);
    mem_free(script);
    mem_free(lines);
}

/* The message goes to those who were accepted; who was not is told by name, with the reply. */
static void one_recipient_refused(void **state)
{
    (void)state;
    struct proc *p = proc_scope(dir, NULL, 0, "send", "--json", "--from", "ann@example.net", "--to",
                                "alice@example.test", "--to", "nobody@example.test", "--to",
                                "bob@example.test", "practice", NULL);
    assert_int_equal(p->status, 0);
    assert_true(proc_text_has(p->out_text, "\"accepted\":2,"));
    assert_true(proc_text_has(p->out_text,
                              "{\"address\":\"nobody@example.test\",\"accepted\":"
                              "false,\"code\":550,\"enhanced\":\"5.1.1\",\"reply\":\"550 "
                              "5.1.1 <nobody@example.test>: "));
    assert_true(proc_text_has(p->out_text, "\"delivered\":0}"));
    assert_int_equal(count(p->out_text, "\"delivered\":1}"), 2);
    proc_free(&p);
    p = proc_scope(dir, NULL, 0, "send", "--from", "ann@example.net", "--to", "alice@example.test",
                   "--to", "nobody@example.test", "--to", "bob@example.test", "practice", NULL);
    assert_true(proc_text_has(p->out_text, "550 5.1.1 <nobody@example.test>"));
    assert_true(proc_text_has(p->out_text, "stored message 1 for alice"));
    assert_true(proc_text_has(p->out_text, "stored message 1 for bob"));
    assert_true(proc_text_has(p->out_text, "1 of 3 recipients did not get the message: "
                                           "nobody@example.test (550)\n"));
    proc_free(&p);
}

/* The practice server with a LIMITS line, sent to by `smtpscope send ...`. */
static struct proc *send_limited(const char *limits, ...)
{
    char *scenario = proc_path(dir, "limits.scn");
    char *text =
        mem_printf("scenario limited\ntitle Limits\nlevel 1\nserver smtp\n  limit %s\n", limits);
    char *target = mem_printf("practice:%s", scenario);
    const char *argv[40] = {proc_smtpscope(), "send", "--tls", "none", "--from", "ann@example.net"};
    size_t n = 6;
    va_list more;
    va_start(more, limits);
    while ((argv[n] = va_arg(more, const char *)) != NULL)
        n++;
    va_end(more);
    argv[n++] = target;
    argv[n] = NULL;
    proc_write_file(scenario, text, strlen(text));
    struct proc *p = proc_run(argv, proc_env(dir), NULL, 0);
    mem_free(scenario);
    mem_free(text);
    mem_free(target);
    return p;
}

static void expect_counts(struct proc *p, size_t greetings, size_t mails, size_t rcpts,
                          size_t stored)
{
    if (count(p->out_text, "ESMTP smtpscope practice server") != greetings ||
        count(p->out_text, "C>  MAIL FROM:") != mails ||
        count(p->out_text, "C>  RCPT TO:") != rcpts ||
        count(p->out_text, "stored message") != stored)
        fail_msg("not %zu greetings, %zu MAIL, %zu RCPT, %zu stored (status %d): %s%s", greetings,
                 mails, rcpts, stored, p->status, p->out_text.ptr, p->err_text.ptr);
}

/* --repeat: one session, each message of its own. */
static void repeated_in_one_session(void **state)
{
    (void)state;
    struct proc *p =
        send_limited("recipients=9", "--to", "bob@example.test", "--repeat", "4", NULL);
    assert_int_equal(p->status, 0);
    expect_counts(p, 1, 4, 4, 4);
    assert_int_equal(count(p->out_text, "C>  QUIT"), 1);
    assert_true(proc_text_has(p->out_text, "4 of 4 messages were accepted"));
    char *ids[4];
    const char *at = p->out_text.ptr;
    for (size_t i = 0; i < 4; i++) {
        at = strstr(at, "Message-ID: ");
        assert_non_null(at);
        ids[i] = mem_printf("%.*s", (int)strcspn(at, "\n"), at);
        at += 12;
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(ids[i], ids[k]);
    }
    for (size_t i = 0; i < 4; i++)
        mem_free(ids[i]);
    proc_free(&p);
    p = proc_scope(dir, "Subject: x\n\nsame\n", 17, "send", "--json", "--repeat", "3", "--to",
                   "bob@example.test", "practice", "-", NULL);
    assert_true(
        proc_text_has(p->out_text, "\"messages\":{\"wanted\":3,\"done\":3,\"accepted\":3}"));
    assert_true(proc_text_has(p->out_text, "\"delivered\":3}"));
    proc_free(&p);
    p = proc_scope(dir, NULL, 0, "send", "--repeat", "2", "--quit-after", "rcpt", "--to",
                   "bob@example.test", "practice", NULL);
    assert_int_equal(p->status, 1);
    assert_true(proc_text_has(p->err_text, "do not go together"));
    proc_free(&p);
}

/* A message that is refused does not keep the next from being tried; its status is the run's. */
static void one_message_refused(void **state)
{
    (void)state;
    struct proc *p = proc_scope(dir, NULL, 0, "send", "--json", "--repeat", "2", "--to",
                                "nobody@example.test", "practice", NULL);
    assert_int_equal(p->status, 24);
    assert_true(
        proc_text_has(p->out_text, "\"messages\":{\"wanted\":2,\"done\":2,\"accepted\":0}"));
    proc_free(&p);
    /* A login that is refused is not tried again and again. */
    p = proc_scope(dir, NULL, 0, "send", "--user", "bob", "--password-command", "echo wrong",
                   "--to", "bob@example.test", "--repeat", "5", "practice", NULL);
    assert_int_equal(p->status, 28);
    assert_int_equal(count(p->out_text, "AUTH SCRAM-SHA-256-PLUS"), 2); /* offered, said once */
    proc_free(&p);
}

/* LIMITS (RFC 9422): kept to by more transactions and more sessions; or not, where not wanted. */
static void limits_are_kept(void **state)
{
    (void)state;
#define THREE "--to", "alice@example.test", "--to", "bob@example.test", "--to", "carol@example.test"
    struct proc *p = send_limited("recipients=2", THREE, NULL);
    assert_int_equal(p->status, 0);
    expect_counts(p, 1, 2, 3, 3);
    assert_true(proc_text_has(p->out_text, "3 recipients, of which one transaction takes 2 (LIMITS "
                                           "RCPTMAX=2)"));
    proc_free(&p);
    p = send_limited("recipients=2 messages=1", "--repeat", "2", THREE, NULL);
    assert_int_equal(p->status, 0);
    expect_counts(p, 4, 4, 6, 6);
    assert_true(proc_text_has(p->out_text, "takes 1 transaction a session (LIMITS MAILMAX)"));
    assert_true(proc_text_has(p->out_text, "2 of 2 messages were accepted"));
    proc_free(&p);
    p = send_limited("recipients=2 messages=1", "--no-limits", THREE, NULL);
    assert_int_equal(p->status, 0);
    expect_counts(p, 1, 1, 3, 2);
    assert_true(proc_text_has(p->out_text, "452 4.5.3"));
    proc_free(&p);
}

/* Too many recipients, and no LIMITS said so: the rest in further transactions (RFC 5321 section
 * 4.5.3.1.10); or the refusal stands, where that is asked for. */
static void too_many_recipients(void **state)
{
    (void)state;
    static const char rule[] = "recipients=9\n  hide LIMITS\nwhen rcpt rcpts>1\n"
                               "  reply 452 4.5.3 Too many recipients";
    struct proc *p = send_limited(rule, THREE, NULL);
    assert_int_equal(p->status, 0);
    expect_counts(p, 1, 2, 4, 3);
    assert_true(proc_text_has(p->out_text, "takes 2 recipients in one transaction: 1 left"));
    assert_false(proc_text_has(p->out_text, "did not get the message"));
    proc_free(&p);
    p = send_limited(rule, "--pipeline", THREE, NULL);
    assert_int_equal(p->status, 0);
    expect_counts(p, 1, 2, 4, 3);
    proc_free(&p);
    p = send_limited(rule, "--no-limits", THREE, NULL);
    assert_int_equal(p->status, 0);
    expect_counts(p, 1, 1, 3, 2);
    assert_true(proc_text_has(p->out_text, "did not get the message: carol@example.test (452)"));
    proc_free(&p);
}

/* A helper that is refused is the script's failure, unless that is what the script expects. */
static void refused_helpers_of_scripts(void **state)
{
    (void)state;
#define WRONG  "/set password-command echo wrong\n/tls\n/auth PLAIN alice\n"
#define NOBODY "/send --to nobody@example.test\n"
    static const struct {
        const char *target, *script;
        int status;
        const char *says;
    } rows[] = {
        {"practice", WRONG "QUIT\n", 28, "line 3: refused at auth with 535"},
        {"practice", WRONG "expect 535*\nQUIT\n", 0, NULL},
        {"practice", WRONG "expect code 5.7.8\nQUIT\n", 0, NULL},
        {"practice", WRONG "expect 5* 5\n", 0, NULL},
        /* a good reply, or the one to another line, says nothing of the refusal */
        {"practice", WRONG "expect-not 235*\nNOOP\nexpect 250*\n", 28, "line 3: "},
        {"practice", WRONG "NOOP\nexpect 250*\nXX\nexpect 500*\n", 28, "line 3: "},
        {"practice", NOBODY, 24, "line 1: refused at rcpt with 550"},
        {"practice", NOBODY "expect 220*\n", 24, "line 1: "},
        {"practice", NOBODY "expect 550*\n/send --to alice@example.test\nexpect 354*\n", 0, NULL},
        /* the first is the reason; an expectation that fails is more than that */
        {"practice", NOBODY "/auth NTLM alice\n", 24, "line 1: "},
        {"practice", NOBODY "NOOP\nexpect 999*\n", 40, "line 3: expected 999*"},
        {"practice", "/set password-command echo x\n/auth NTLM alice\n", 28,
         "line 2: the server does not offer NTLM"},
        {"practice", "/source %s/inner\n", 28, "line 1: refused at auth"},
        {"practice", "/source %s/covered\n", 0, NULL},
        {"pop3://practice", WRONG, 28, "line 3: it ended at auth"},
        {"imap://practice", WRONG "expect code NO\n", 0, NULL},
    };
    char *inner = proc_path(dir, "inner"), *covered = proc_path(dir, "covered");
    proc_write_file(inner, WRONG "NOOP\nexpect 250*\n", sizeof WRONG "NOOP\nexpect 250*\n" - 1);
    proc_write_file(covered, WRONG "expect 535*\n", sizeof WRONG "expect 535*\n" - 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *at = strstr(rows[i].script, "%s");
        char *script =
            at ? mem_printf("%.*s%s%s", (int)(at - rows[i].script), rows[i].script, dir, at + 2)
               : mem_strdup(rows[i].script);
        struct proc *p = proc_scope(dir, script, strlen(script), "run", "-", rows[i].target, NULL);
        mem_free(script);
        if (p->status != rows[i].status ||
            (rows[i].says ? !proc_text_has(p->err_text, rows[i].says) : p->err_text.len != 0))
            fail_msg("row %zu: status %d, not %d: %s%s", i, p->status, rows[i].status,
                     p->out_text.ptr, p->err_text.ptr);
        proc_free(&p);
    }
    mem_free(inner);
    mem_free(covered);
}

/* /send again in the console: the session's MAILMAX makes another. */
static void limits_of_a_typed_session(void **state)
{
    (void)state;
    char *scenario = proc_path(dir, "one.scn");
    char *script = proc_path(dir, "one");
    static const char limited[] =
        "scenario one\ntitle One\nlevel 1\nserver smtp\n  limit messages=1\n";
    char *lines = mem_printf("/open practice:%s\n/set tls none\n/set to bob@example.test\n"
                             "/send\n/send\nNOOP\nexpect 250*\n",
                             scenario);
    proc_write_file(scenario, limited, sizeof limited - 1);
    proc_write_file(script, lines, strlen(lines));
    struct proc *p = proc_scope(dir, NULL, 0, "run", script, NULL);
    assert_int_equal(p->status, 0);
    expect_counts(p, 2, 2, 2, 2);
    proc_free(&p);
    mem_free(scenario);
    mem_free(script);
    mem_free(lines);
}

/* /wait behind /open: the greeting that has come is what it waited for; the next one waits. */
static void wait_behind_open(void **state)
{
    (void)state;
    static const char lines[] = "/open practice\n/wait\nNOOP\nexpect 250*\n/wait 1\n";
    struct proc *p = proc_scope(dir, lines, sizeof lines - 1, "run", "-", NULL);
    assert_int_equal(p->status, 0);
    assert_int_equal(count(p->out_text, "/wait: nothing came in that time"), 1);
    proc_free(&p);
}

/* Sent, then read back by POP3 and by IMAP: the same message is told of the same way. */
static void message_comes_back(void **state)
{
    (void)state;
    static const char text[] = "From: =?utf-8?q?J=C3=BCrgen?= <j@other.example>\nMIME-Version: "
                               "1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n.dot\n"
                               "--b\nContent-Type: application/pdf; name=x.pdf\n\n%PDF\n--b--\n";
    char *file = proc_path(dir, "mixed"), *script = proc_path(dir, "script-back");
    char *lines = mem_printf("/open practice\n/set from ann@example.net\n/set to bob@example.test\n"
                             "/send %s\n/open pop3://practice\nUSER bob\nPASS secret\n/get 1\n"
                             "/message\n/open imap://practice\nLOGIN bob secret\nSELECT INBOX\n"
                             "/get 1\n/message\nFETCH 1 BODY.PEEK[HEADER]\n/message octets\n",
                             file);
    proc_write_file(file, text, sizeof text - 1);
    proc_write_file(script, lines, strlen(lines));
    struct proc *p = proc_scope(dir, NULL, 0, "run", script, NULL);
    if (p->status != 0)
        fail_msg("status %d: %s%s", p->status, p->out_text.ptr, p->err_text.ptr);
    static const char *const twice[] = {
        "envelope   <ann@example.net>  claimed (Return-Path",
        "<j@other.example>  claimed (another domain than MAIL)",
        "`- application/pdf  \"x.pdf\"  4 octets",
        "what the client called itself",
    };
    for (size_t i = 0; i < sizeof twice / sizeof *twice; i++)
        if (count(p->out_text, twice[i]) != 2)
            fail_msg("not twice \"%s\": %s", twice[i], p->out_text.ptr);
    assert_int_equal(count(p->out_text, "from       RETR 1\n"), 1);
    assert_int_equal(count(p->out_text, "from       FETCH 1 BODY[]\n"), 1);
    assert_int_equal(count(p->out_text, "asked      FETCH 1 BODY[HEADER]: the header alone"), 1);
    proc_free(&p);
    mem_free(lines);
    mem_free(script);
    mem_free(file);
}

/* The script of doc/scripts.md, as it stands there: submitted by SMTP, seen by IDLE, read by IMAP,
 * deleted by POP3. */
static void the_script_of_the_page(void **state)
{
    (void)state;
    struct proc *p = proc_scope(dir, NULL, 0, "run", "--password-command", "echo secret",
                                "doc/scripts/arrival.script", NULL);
    if (p->status != 0)
        fail_msg("status %d: %s%s", p->status, p->out_text.ptr, p->err_text.ptr);
    assert_true(proc_text_has(p->out_text, "stored message 1 for alice"));
    assert_true(proc_text_has(p->out_text, "DELE 1"));
    assert_false(proc_text_has(p->out_text, "secret"));
    proc_free(&p);
}

/* Two recipients were accepted, and at the dot one mailbox cannot take it: what was accepted is not
 * lost without a word, its sender gets a delivery report. */
static void one_mailbox_fails_at_the_dot(void **state)
{
    (void)state;
    static const char scenario[] = "scenario small\ntitle A small mailbox\nlevel 1\n"
                                   "account dave quota=2K\nserver smtp\n";
    char *world = proc_path(dir, "small.scn"), *file = proc_path(dir, "large");
    char *script = proc_path(dir, "script-small");
    char *lines = mem_printf("/practice %s\n/open practice\nEHLO x\nMAIL FROM:<bob@example.test>\n"
                             "RCPT TO:<dave@example.test>\nexpect 250 *\n"
                             "RCPT TO:<alice@example.test>\nexpect 250 *\n"
                             "/data %s\nexpect 250 2.0.0 *\nQUIT\n"
                             "/open pop3://practice\n/auth alice\nSTAT\nexpect +OK 1 *\nQUIT\n"
                             "/open pop3://practice\n/auth bob\n/get 1\n"
                             "expect Final-Recipient: rfc822; dave@example.test\n"
                             "expect Action: failed\nexpect Content-Type: message/delivery-status\n"
                             "expect-not Final-Recipient: rfc822; alice@example.test\n",
                             world, file);
    char large[4000];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = i % 64 == 63 ? '\n' : 'x';
    proc_write_file(world, scenario, sizeof scenario - 1);
    proc_write_file(file, large, sizeof large);
    proc_write_file(script, lines, strlen(lines));
    struct proc *p =
        proc_scope(dir, NULL, 0, "run", "--password-command", "echo secret", script, NULL);
    if (p->status != 0)
        fail_msg("status %d: %s%s", p->status, p->out_text.ptr, p->err_text.ptr);
    proc_free(&p);
    mem_free(lines);
    mem_free(script);
    mem_free(world);
    mem_free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_in_one_session),   cmocka_unit_test(one_recipient_refused),
        cmocka_unit_test(the_script_of_the_page),    cmocka_unit_test(one_mailbox_fails_at_the_dot),
        cmocka_unit_test(message_comes_back),        cmocka_unit_test(repeated_in_one_session),
        cmocka_unit_test(one_message_refused),       cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(too_many_recipients),       cmocka_unit_test(refused_helpers_of_scripts),
        cmocka_unit_test(limits_of_a_typed_session), cmocka_unit_test(wait_behind_open),
    };
    return cmocka_run_group_tests_name("several", tests, setup, teardown);
}
