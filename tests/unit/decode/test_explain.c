/* Explanations: every code has a meaning of its class, somebody who must act, and a next step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "decode/explain.h"
#include "journal/event.h"
#include "smtp/tables.h"

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
        {450, "4.2.0", SMTP_VERB_RCPT, "recipient or wait", "greylisting"},
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

/* Every row of the tables is what its own code is explained by. */
static void test_every_row_is_reached(void **state)
{
    const struct smtp_enhanced_info *row;
    size_t n = 0, codes = 0, alerts = 0;
    (void)state;
    for (; (row = smtp_enhanced_at(n)); n++) {
        struct explanation e;
        unsigned subject, detail;
        char enhanced[40];
        if (sscanf(row->code, "X.%u.%u", &subject, &detail) != 2)
            continue;
        snprintf(enhanced, sizeof(enhanced), "5.%u.%u", subject, detail);
        explain_reply(550, enhanced, SMTP_VERB_UNKNOWN, &e);
        assert_string_equal(e.enhanced_name, row->name);
        assert_string_equal(e.enhanced_meaning, row->meaning);
        /* X.0.0 says nothing but its class: the basic code has more to say. */
        assert_string_equal(e.meaning, subject == 0 && detail == 0 ? e.code_meaning : row->meaning);
        assert_non_null(e.subject_meaning);
        assert_true(e.party < EXPLAIN_PARTY__COUNT && e.source[0] != '\0');
    }
    assert_true(n > 80);
    for (unsigned code = 200; code < 600; code++) {
        const struct smtp_code_info *info = smtp_code_info(code);
        struct explanation e;
        explain_reply(code, NULL, SMTP_VERB_UNKNOWN, &e);
        codes += info != NULL;
        assert_string_equal(e.meaning, info ? info->meaning : e.class_meaning);
        assert_true(code / 100 == 4 ? e.party == EXPLAIN_WAIT || info != NULL
                                    : e.party != EXPLAIN_WAIT);
    }
    assert_true(codes > 45);
    for (unsigned number = 0; number < 256; number++) {
        const char *name;
        const char *meaning = explain_tls_alert(number, &name);
        alerts += name != NULL;
        assert_int_equal(name != NULL, strstr(meaning, "does not know") == NULL);
    }
    assert_int_equal(alerts, 27);
}

static void test_parties(void **state)
{
    static const struct {
        unsigned code;
        const char *enhanced;
        enum smtp_verb answers;
        enum explain_party party;
    } rows[] = {
        {250, "2.1.5", SMTP_VERB_RCPT, EXPLAIN_NOBODY},
        {354, NULL, SMTP_VERB_DATA, EXPLAIN_YOU},
        {421, NULL, SMTP_VERB_UNKNOWN, EXPLAIN_WAIT},
        {450, "4.7.1", SMTP_VERB_RCPT, EXPLAIN_WAIT},
        {452, "4.3.1", SMTP_VERB_MAIL, EXPLAIN_WAIT},
        {552, "5.2.2", SMTP_VERB_RCPT, EXPLAIN_RECIPIENT},
        {550, "5.1.1", SMTP_VERB_RCPT, EXPLAIN_YOU},
        {550, "5.7.23", SMTP_VERB_MAIL, EXPLAIN_YOUR_ADMIN},
        {550, "5.3.5", SMTP_VERB_MAIL, EXPLAIN_THEIR_ADMIN},
        {554, "5.4.6", SMTP_VERB_DOT, EXPLAIN_THEIR_ADMIN},
        {521, NULL, SMTP_VERB_CONNECT, EXPLAIN_THEIR_ADMIN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct explanation e;
        explain_reply(rows[i].code, rows[i].enhanced, rows[i].answers, &e);
        if (e.party != rows[i].party)
            fail_msg("%u %s: %s", rows[i].code, rows[i].enhanced ? rows[i].enhanced : "",
                     explain_party_name(e.party));
    }
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

/* A yes is told by what was asked, whatever enhanced code it carries; a no never is. */
static void test_what_a_yes_means(void **state)
{
    static const struct {
        unsigned code;
        const char *enhanced;
        enum smtp_verb answers;
        const char *part; /* NULL: nothing of its own */
    } rows[] = {
        {220, NULL, SMTP_VERB_CONNECT, "Greeting"},
        {220, "2.0.0", SMTP_VERB_STARTTLS, "handshake"},
        {250, NULL, SMTP_VERB_EHLO, "what it offers"},
        {250, NULL, SMTP_VERB_LHLO, "what it offers"},
        {250, NULL, SMTP_VERB_HELO, "no extensions"},
        {250, "2.1.0", SMTP_VERB_MAIL, "reverse-path"},
        {250, "2.1.5", SMTP_VERB_RCPT, "recipient"},
        {250, "2.0.0", SMTP_VERB_DOT, "responsibility"},
        {250, "2.0.0", SMTP_VERB_BDAT, "chunk"},
        {250, "2.0.0", SMTP_VERB_RSET, "dropped"},
        {250, NULL, SMTP_VERB_NOOP, "is there"},
        {251, "2.1.5", SMTP_VERB_RCPT, NULL},
        {550, "5.1.1", SMTP_VERB_RCPT, NULL},
        {250, "2.1.0", SMTP_VERB_UNKNOWN, NULL},
    };
    struct explanation e;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        explain_reply(rows[i].code, rows[i].enhanced, rows[i].answers, &e);
        if (!rows[i].part) {
            assert_null(e.done_meaning);
            continue;
        }
        assert_non_null(strstr(e.done_meaning, rows[i].part));
        assert_ptr_equal(e.meaning, e.done_meaning);
        assert_int_equal(e.party, EXPLAIN_NOBODY);
    }
    /* Where nobody knows what was asked, a 2.1.0 still means done. */
    assert_ptr_equal(e.meaning, e.code_meaning);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_yes_means),
        cmocka_unit_test(test_all_codes_say_something),
        cmocka_unit_test(test_most_specific_wins),
        cmocka_unit_test(test_tables_are_asked),
        cmocka_unit_test(test_alerts),
        cmocka_unit_test(test_every_row_is_reached),
        cmocka_unit_test(test_parties),
        cmocka_unit_test(test_verify_and_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
