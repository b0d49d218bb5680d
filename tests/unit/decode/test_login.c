/* Logins step by step: every step named, secrets masked, why it failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../lib/wire.h"
#include "base/vis.h"
#include "decode/login.h"
#include "sasl/sasl.h"

#define HELLO                                                                                      \
    "S: 220 mx.example.org ESMTP Postfix\nC: EHLO me.example\nS: 250-mx.example.org\n"             \
    "S: 250 AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 XOAUTH2\n"

struct played {
    struct wire wire;
    struct login login;
    struct buf page;
};

static const char *play_as(struct played *p, const char *protocol, const char *script)
{
    assert_true(wire_start_as(&p->wire, "mx.example.org", protocol));
    wire_play(&p->wire, script);
    login_init(&p->login, 0);
    login_at(&p->login, p->wire.journal, 0, UINT64_MAX);
    buf_init(&p->page, 1 << 20);
    login_print(&p->login, VIS_ASCII, &p->page);
    return buf_cstr(&p->page);
}

static const char *play(struct played *p, const char *script)
{
    return play_as(p, "smtp", script);
}

static void stop(struct played *p)
{
    buf_deinit(&p->page);
    login_deinit(&p->login);
    wire_stop(&p->wire);
}

static void holds(const char *page, const char *part)
{
    if (!strstr(page, part))
        fail_msg("\"%s\" is not in:\n%s", part, page);
}

static void test_refused_in_clear(void **state)
{
    struct played p;
    (void)state;
    /* \0ann\0secret */
    const char *page = play(&p, HELLO "C: AUTH PLAIN AGFubgBzZWNyZXQ=\n+12\n"
                                      "S: 535 5.7.8 Error: authentication failed\n");
    holds(page, "Attempt 1: refused\n");
    holds(page, "mechanism  PLAIN\n");
    holds(page, "rating     TLS only\n");
    holds(page, "user       ann\n");
    holds(page, "inside TLS ! no: whoever listened has the secret");
    holds(page, "C>  message: identity, user and password in one\n");
    holds(page, "user ann, password hidden (6 octets)\n");
    holds(page, "answer     535 5.7.8 Error: authentication failed\n");
    holds(page, "who        you\n");
    assert_non_null(strstr(page, "next  "));
    assert_null(strstr(page, "secret,") ? NULL : strstr(page, "c2Vj"));
    stop(&p);
}

static void test_login_in_steps(void **state)
{
    struct played p;
    (void)state;
    const char *page =
        play(&p, HELLO "TLS\nC: EHLO me.example\nS: 250-x\nS: 250 AUTH LOGIN\nC: AUTH LOGIN\n"
                       "S: 334 VXNlcm5hbWU6\nC: YW5u\nS: 334 UGFzc3dvcmQ6\nC: c2VjcmV0\n"
                       "S: 235 2.7.0 ok\n");
    holds(page, "Attempt 1: accepted\n");
    holds(page, "inside TLS yes\n");
    holds(page, "<S  asks for the user name\n");
    holds(page, "C>  user name\n");
    holds(page, "user ann\n");
    holds(page, "C>  password\n");
    assert_null(strstr(page, "c2VjcmV0"));
    assert_null(strstr(page, "should not have"));
    stop(&p);
}

static void test_given_up_then_again(void **state)
{
    struct played p;
    (void)state;
    const char *page =
        play(&p, HELLO "C: AUTH CRAM-MD5\nS: 334 PDE+\nC: *\nS: 501 5.7.0 cancelled\n"
                       "C: AUTH GSSAPI\nS: 504 5.5.4 unknown mechanism\n");
    holds(page, "Attempt 1: given up by the client\n");
    holds(page, "challenge: a text that is never said twice\n");
    holds(page, "Attempt 2: refused\n");
    holds(page, "mechanism  GSSAPI\n");
    assert_int_equal(p.login.n_attempts, 2);
    assert_int_equal(p.login.attempts[0].code, 501);
    stop(&p);
}

static void test_many_attempts(void **state)
{
    struct played p;
    struct buf script;
    (void)state;
    buf_init(&script, 1 << 16);
    buf_append_cstr(&script, HELLO);
    for (int i = 0; i < LOGIN_ATTEMPTS_MAX + 3; i++)
        buf_append_cstr(&script, "C: AUTH PLAIN AGEAYg==\nS: 535 no\n");
    const char *page = play(&p, buf_cstr(&script));
    holds(page, "  3 earlier attempts are not shown\nAttempt 4: refused\n");
    assert_int_equal(p.login.n_attempts, LOGIN_ATTEMPTS_MAX);
    stop(&p);
    buf_deinit(&script);
}

/* Every step of the table is found, by a mechanism the other table knows. */
static void test_every_step_has_its_name(void **state)
{
    const struct login_step_info *r;
    size_t n = 0;
    (void)state;
    for (; (r = login_step_info_at(n)); n++) {
        char name[40];
        const char *rfc = NULL;
        bool family = r->mechanism[strlen(r->mechanism) - 1] == '-';
        snprintf(name, sizeof(name), "%s%s", r->mechanism, family ? "SHA-256" : "");
        const char *found =
            login_step_name(name, r->dir[0] == 'C' ? DIR_C : DIR_S, (unsigned)atol(r->step), &rfc);
        assert_non_null(found);
        assert_string_equal(found, r->name);
        assert_string_equal(rfc, r->rfc);
        if (!sasl_mechanism(slice_cstr(name)))
            fail_msg("no mechanism %s", name);
    }
    assert_true(n > 20);
    assert_null(login_step_name("PLAIN", DIR_C, 9, NULL));
    assert_null(login_step_name(NULL, DIR_C, 1, NULL));
}

/* POP3 and IMAP: with SASL and with commands that carry the password. */
static void test_other_protocols(void **state)
{
    struct played p;
    (void)state;
    const char *page = play_as(&p, "pop3",
                               "S: +OK Dovecot ready.\nC: USER ann\nS: +OK\nC: PASS secret\n"
                               "S: -ERR [AUTH] Authentication failed.\n");
    holds(page, "Attempt 1: refused\n  mechanism  USER and PASS\n  rating     TLS only\n");
    holds(page, "inside TLS ! no");
    holds(page, "answer     -ERR [AUTH] Authentication failed.\n");
    holds(page, "source     RFC 3206");
    assert_null(strstr(page, "secret\n"));
    stop(&p);
    page = play_as(&p, "imap",
                   "S: * OK ready\nC: a1 LOGIN ann secret\n"
                   "S: a1 NO [UNAVAILABLE] Temporary authentication failure.\n"
                   "C: a2 AUTHENTICATE PLAIN\nS: + \nC: AGFubgBzZWNyZXQ=\nS: a2 OK done\n");
    holds(page, "Attempt 1: refused\n  mechanism  LOGIN command\n");
    holds(page, "who        wait\n");
    holds(page, "Attempt 2: accepted\n  mechanism  PLAIN\n");
    holds(page, "user ann, password hidden (6 octets)\n");
    assert_null(strstr(page, "secret "));
    stop(&p);
}

static void test_nothing_yet(void **state)
{
    struct played p;
    (void)state;
    assert_string_equal(play(&p, HELLO), "");
    stop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_in_clear),
        cmocka_unit_test(test_login_in_steps),
        cmocka_unit_test(test_given_up_then_again),
        cmocka_unit_test(test_many_attempts),
        cmocka_unit_test(test_every_step_has_its_name),
        cmocka_unit_test(test_other_protocols),
        cmocka_unit_test(test_nothing_yet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
