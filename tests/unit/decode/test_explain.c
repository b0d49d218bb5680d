/* Explanations: every code has a meaning of its class, somebody who must act, and a next step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "decode/explain.h"
#include "journal/event.h"

static void test_all_codes_say_something(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 1100; code++) {
        for (unsigned verb = 0; verb < SMTP_VERB__COUNT; verb++) {
            struct explanation e;
            explain_reply(code, code % 3 ? NULL : "5.1.1", (enum smtp_verb)verb, &e);
            assert_non_null(e.class_meaning);
            assert_true(e.who && e.who[0]);
            assert_true(e.next && e.next[0]);
        }
    }
}

static void test_most_specific_wins(void **state)
{
    static const struct {
        unsigned code;
        const char *enhanced;
        enum smtp_verb answers;
        const char *who;  /* NULL: not looked at */
        const char *next; /* a part of it */
    } rows[] = {
        {250, NULL, SMTP_VERB_DOT, "nobody", "has the message"},
        {250, "2.1.5", SMTP_VERB_RCPT, "nobody", "or DATA"},
        {250, NULL, SMTP_VERB_NOOP, "nobody", "Go on."},
        {220, NULL, SMTP_VERB_CONNECT, "nobody", "EHLO"},
        {220, "2.0.0", SMTP_VERB_STARTTLS, "nobody", "TLS handshake"},
        {354, NULL, SMTP_VERB_DATA, "you", "single dot"},
        {450, "4.2.0", SMTP_VERB_RCPT, "recipient", "greylisting"},
        {450, NULL, SMTP_VERB_RCPT, "wait/retry", "greylisting"},
        {550, "5.1.1", SMTP_VERB_RCPT, "sender", "no such mailbox"},
        {550, NULL, SMTP_VERB_RCPT, "sender", "Check the address"},
        {550, "nonsense", SMTP_VERB_RCPT, "sender", "Check the address"},
        {550, "5.99.99", SMTP_VERB_RCPT, NULL, "Check the address"},
        {535, "5.7.8", SMTP_VERB_AUTH_DATA, "sender", "password"},
        {499, NULL, SMTP_VERB_NOOP, "wait/retry", "later"},
        {599, NULL, SMTP_VERB_NOOP, "sender or admin", "Change something"},
        {0, NULL, SMTP_VERB_UNKNOWN, NULL, "raw line"},
        {650, NULL, SMTP_VERB_UNKNOWN, NULL, "raw line"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct explanation e;
        explain_reply(rows[i].code, rows[i].enhanced, rows[i].answers, &e);
        if (rows[i].who)
            assert_string_equal(e.who, rows[i].who);
        if (!strstr(e.next, rows[i].next))
            fail_msg("%u: %s", rows[i].code, e.next);
    }
}

static void test_tables_are_asked(void **state)
{
    struct explanation e;
    (void)state;
    explain_reply(550, "5.1.1", SMTP_VERB_RCPT, &e);
    assert_non_null(e.code_meaning);
    assert_non_null(strstr(e.code_rfc, "RFC"));
    assert_string_equal(e.enhanced_name, "Bad destination mailbox address");
    assert_non_null(e.enhanced_meaning);
    assert_non_null(strstr(e.enhanced_rfc, "RFC"));
    explain_reply(299, NULL, SMTP_VERB_RCPT, &e);
    assert_null(e.code_meaning);
    assert_null(e.enhanced_name);
}

static void test_alerts(void **state)
{
    const char *name;
    (void)state;
    assert_non_null(strstr(explain_tls_alert(48, &name), "issuer not trusted"));
    assert_string_equal(name, "unknown_ca");
    assert_non_null(explain_tls_alert(0, NULL));
    assert_string_equal((explain_tls_alert(0, &name), name), "close_notify");
    assert_non_null(explain_tls_alert(255, &name));
    assert_null(name);
}

static void test_verify_and_down(void **state)
{
    (void)state;
    assert_non_null(strstr(explain_verify("wrong-name"), "other names"));
    assert_string_not_equal(explain_verify("expired"), explain_verify("no such reason"));
    assert_string_equal(explain_verify(NULL), explain_verify("no such reason"));
    for (unsigned why = 0; why < DOWN__COUNT; why++) {
        assert_true(strlen(explain_down(why)) > 10);
        for (unsigned other = 0; other < why; other++)
            assert_string_not_equal(explain_down(why), explain_down(other));
    }
    assert_non_null(explain_down(99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_codes_say_something), cmocka_unit_test(test_most_specific_wins),
        cmocka_unit_test(test_tables_are_asked),        cmocka_unit_test(test_alerts),
        cmocka_unit_test(test_verify_and_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
