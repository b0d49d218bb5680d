/* Command lines, and which part of them is secret. */
#include "smtp/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"

#define BIT(name) SMTP_RULE_BIT(SMTP_RULE_##name)
#define SYNTAX    BIT(COMMAND_SYNTAX)

static const struct {
    const char *in;
    enum smtp_verb verb;
    const char *args;
    smtp_rules rules;
} cases[] = {
    {"EHLO client.example.net", SMTP_VERB_EHLO, "client.example.net", 0},
    {"ehlo [127.0.0.1]", SMTP_VERB_EHLO, "[127.0.0.1]", 0},
    {"EHLO", SMTP_VERB_EHLO, "", SYNTAX},
    {"EHLO my_host", SMTP_VERB_EHLO, "my_host", SYNTAX},
    {"EHLO a b", SMTP_VERB_EHLO, "a b", SYNTAX},
    {"HeLo a", SMTP_VERB_HELO, "a", 0},
    {"LHLO a.b", SMTP_VERB_LHLO, "a.b", 0},
    {"MAIL FROM:<a@b>", SMTP_VERB_MAIL, "FROM:<a@b>", 0},
    {"mail from:<>", SMTP_VERB_MAIL, "from:<>", 0},
    {"MAIL FROM:<a@b> SIZE=100 BODY=8BITMIME", SMTP_VERB_MAIL, "FROM:<a@b> SIZE=100 BODY=8BITMIME",
     0},
    {"MAIL FROM: <a@b>", SMTP_VERB_MAIL, "FROM: <a@b>", BIT(PATH_SPACE_AFTER_COLON)},
    {"MAIL FROM:a@b", SMTP_VERB_MAIL, "FROM:a@b", BIT(PATH_NO_BRACKETS)},
    {"MAIL FROM :<a@b>", SMTP_VERB_MAIL, "FROM :<a@b>", SYNTAX},
    {"MAIL FROM", SMTP_VERB_MAIL, "FROM", SYNTAX},
    {"MAIL FROM:", SMTP_VERB_MAIL, "FROM:", SYNTAX},
    {"MAIL FROM: ", SMTP_VERB_MAIL, "FROM:", SYNTAX},
    {"MAIL", SMTP_VERB_MAIL, "", SYNTAX},
    {"MAIL TO:<a@b>", SMTP_VERB_MAIL, "TO:<a@b>", SYNTAX},
    {"MAIL FROM:<postmaster>", SMTP_VERB_MAIL, "FROM:<postmaster>", BIT(PATH_SYNTAX)},
    {"MAIL FROM:<a@b>SIZE=1", SMTP_VERB_MAIL, "FROM:<a@b>SIZE=1", SYNTAX},
    {"MAIL FROM:<a@b> SIZE=", SMTP_VERB_MAIL, "FROM:<a@b> SIZE=", SYNTAX},
    {"MAIL FROM:<a@b> =1", SMTP_VERB_MAIL, "FROM:<a@b> =1", SYNTAX},
    {"MAIL FROM:<a@b> X=1=2", SMTP_VERB_MAIL, "FROM:<a@b> X=1=2", SYNTAX},
    {"MAIL FROM:<a@b> -X", SMTP_VERB_MAIL, "FROM:<a@b> -X", SYNTAX},
    {"MAIL FROM:<a@b> ", SMTP_VERB_MAIL, "FROM:<a@b>", 0},
    {"RCPT TO:<a@b>", SMTP_VERB_RCPT, "TO:<a@b>", 0},
    {"RCPT TO:<Postmaster>", SMTP_VERB_RCPT, "TO:<Postmaster>", 0},
    {"RCPT TO:<>", SMTP_VERB_RCPT, "TO:<>", BIT(PATH_SYNTAX)},
    {"RCPT TO:<@x:a@b>", SMTP_VERB_RCPT, "TO:<@x:a@b>", BIT(PATH_SOURCE_ROUTE)},
    {"RCPT TO:<a@b> NOTIFY=SUCCESS,FAILURE", SMTP_VERB_RCPT, "TO:<a@b> NOTIFY=SUCCESS,FAILURE", 0},
    {"RCPT TO:<\303\274@b>", SMTP_VERB_RCPT, "TO:<\303\274@b>", BIT(LINE_8BIT)},
    {"DATA", SMTP_VERB_DATA, "", 0},
    {"DATA  ", SMTP_VERB_DATA, "", 0},
    {"DATA now", SMTP_VERB_DATA, "now", SYNTAX},
    {"BDAT 100", SMTP_VERB_BDAT, "100", 0},
    {"BDAT 0 LAST", SMTP_VERB_BDAT, "0 LAST", 0},
    {"BDAT", SMTP_VERB_BDAT, "", SYNTAX},
    {"BDAT x", SMTP_VERB_BDAT, "x", SYNTAX},
    {"BDAT -1", SMTP_VERB_BDAT, "-1", SYNTAX},
    {"BDAT 1 FIRST", SMTP_VERB_BDAT, "1 FIRST", SYNTAX},
    {"BDAT 1 LAST x", SMTP_VERB_BDAT, "1 LAST x", SYNTAX},
    {"BDAT 99999999999999999999", SMTP_VERB_BDAT, "99999999999999999999", SYNTAX},
    {"RSET", SMTP_VERB_RSET, "", 0},
    {"RSET x", SMTP_VERB_RSET, "x", SYNTAX},
    {"NOOP", SMTP_VERB_NOOP, "", 0},
    {"NOOP what ever", SMTP_VERB_NOOP, "what ever", 0},
    {"VRFY ann", SMTP_VERB_VRFY, "ann", 0},
    {"VRFY", SMTP_VERB_VRFY, "", SYNTAX},
    {"EXPN list", SMTP_VERB_EXPN, "list", 0},
    {"HELP", SMTP_VERB_HELP, "", 0},
    {"HELP MAIL", SMTP_VERB_HELP, "MAIL", 0},
    {"QUIT", SMTP_VERB_QUIT, "", 0},
    {"QUIT\t", SMTP_VERB_QUIT, "", 0},
    {"STARTTLS", SMTP_VERB_STARTTLS, "", 0},
    {"STARTTLS x", SMTP_VERB_STARTTLS, "x", SYNTAX},
    {"AUTH PLAIN", SMTP_VERB_AUTH, "PLAIN", 0},
    {"AUTH PLAIN =", SMTP_VERB_AUTH, "PLAIN =", 0},
    {"AUTH PLAIN AGEAYg==", SMTP_VERB_AUTH, "PLAIN AGEAYg==", 0},
    {"AUTH PLAIN AGEAY", SMTP_VERB_AUTH, "PLAIN AGEAY", BIT(AUTH_BAD_BASE64)},
    {"AUTH PLAIN A===", SMTP_VERB_AUTH, "PLAIN A===", BIT(AUTH_BAD_BASE64)},
    {"AUTH PLAIN !AAA", SMTP_VERB_AUTH, "PLAIN !AAA", BIT(AUTH_BAD_BASE64)},
    {"AUTH PLAIN AAAA BBBB", SMTP_VERB_AUTH, "PLAIN AAAA BBBB", SYNTAX},
    {"AUTH", SMTP_VERB_AUTH, "", SYNTAX},
    {"AUTH PL.AIN", SMTP_VERB_AUTH, "PL.AIN", SYNTAX},
    {"AUTH ABCDEFGHIJKLMNOPQRSTU", SMTP_VERB_AUTH, "ABCDEFGHIJKLMNOPQRSTU", SYNTAX},
    {"ETRN example.test", SMTP_VERB_ETRN, "example.test", 0},
    {"XCLIENT ADDR=192.0.2.1 NAME=x", SMTP_VERB_XCLIENT, "ADDR=192.0.2.1 NAME=x", 0},
    {"FOO bar", SMTP_VERB_UNKNOWN, "bar", BIT(COMMAND_UNKNOWN)},
    {"", SMTP_VERB_UNKNOWN, "", BIT(COMMAND_UNKNOWN)},
    {"   ", SMTP_VERB_UNKNOWN, "", BIT(COMMAND_UNKNOWN)},
    {"MAILX FROM:<a@b>", SMTP_VERB_UNKNOWN, "FROM:<a@b>", BIT(COMMAND_UNKNOWN)},
    {"TURN", SMTP_VERB_UNKNOWN, "", 0},
    {"burl imap://x LAST", SMTP_VERB_UNKNOWN, "imap://x LAST", 0},
    {"CONNECT", SMTP_VERB_UNKNOWN, "", BIT(COMMAND_UNKNOWN)},
    {"DOT", SMTP_VERB_UNKNOWN, "", BIT(COMMAND_UNKNOWN)},
    {" QUIT", SMTP_VERB_QUIT, "", SYNTAX},
    {"QUIT\r", SMTP_VERB_UNKNOWN, "", BIT(COMMAND_UNKNOWN) | BIT(LINE_BARE_CR)},
    {"NOOP \001", SMTP_VERB_NOOP, "\001", BIT(LINE_CONTROL)},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct smtp_command c;
        struct slice in = slice_cstr(cases[i].in);
        smtp_command_parse(in, &c);
        if (c.rules != cases[i].rules)
            print_message("%s: rules %llx\n", cases[i].in, (unsigned long long)c.rules);
        assert_int_equal(c.verb, cases[i].verb);
        assert_int_equal(c.rules, cases[i].rules);
        assert_true(slice_eq(c.args, slice_cstr(cases[i].args)));
        assert_true(slice_eq(c.line, in));
    }
}

static void test_nul(void **state)
{
    (void)state;
    struct smtp_command c;
    smtp_command_parse(SLICE_LIT("NOOP a\0b"), &c);
    assert_int_equal(c.rules, BIT(LINE_NUL));
    assert_int_equal(c.args.len, 3);
}

static void test_params(void **state)
{
    (void)state;
    struct smtp_command c;
    smtp_command_parse(SLICE_LIT("MAIL FROM:<a@b>  SIZE=100  SMTPUTF8 auth=<>"), &c);
    assert_true(c.has_path);
    assert_true(slice_eq(c.path.text, SLICE_LIT("<a@b>")));
    assert_int_equal(c.n_params, 3);
    assert_true(slice_eq(c.params_text, SLICE_LIT("SIZE=100  SMTPUTF8 auth=<>")));
    assert_true(slice_eq(smtp_command_param(&c, "size")->value, SLICE_LIT("100")));
    assert_int_equal(smtp_command_param(&c, "SMTPUTF8")->value.len, 0);
    assert_true(slice_eq(smtp_command_param(&c, "AUTH")->value, SLICE_LIT("<>")));
    assert_null(smtp_command_param(&c, "BODY"));
    assert_int_equal(c.rules, 0);
    /* A CR is trimmed like a blank, from the words too. */
    smtp_command_parse(SLICE_LIT("MAIL FROM:<a@b>\rX=1"), &c);
    assert_true(slice_eq(c.params_text, SLICE_LIT("X=1")));
    assert_true(slice_eq(c.params[0].keyword, SLICE_LIT("X")));
    assert_int_equal(c.rules, SYNTAX | BIT(LINE_BARE_CR));
}

static void test_params_cap(void **state)
{
    (void)state;
    for (size_t count = 31; count <= 34; count++) {
        struct buf b;
        struct smtp_command c;
        buf_init(&b, 4096);
        buf_append_cstr(&b, "RCPT TO:<a@b>");
        for (size_t i = 0; i < count; i++)
            buf_append_cstr(&b, " X");
        smtp_command_parse(buf_slice(&b), &c);
        assert_int_equal(c.n_params, count > 32 ? 32 : count);
        assert_int_equal(c.rules, count > 32 ? SYNTAX : 0);
        assert_int_equal(c.params_text.len, 2 * count - 1);
        buf_deinit(&b);
    }
}

static void test_auth(void **state)
{
    (void)state;
    struct smtp_command c;
    smtp_command_parse(SLICE_LIT("AUTH  SCRAM-SHA-256  biws"), &c);
    assert_true(slice_eq(c.mechanism, SLICE_LIT("SCRAM-SHA-256")));
    assert_true(c.has_initial);
    assert_true(slice_eq(c.initial, SLICE_LIT("biws")));
    smtp_command_parse(SLICE_LIT("AUTH LOGIN"), &c);
    assert_false(c.has_initial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),  cmocka_unit_test(test_nul),
        cmocka_unit_test(test_params), cmocka_unit_test(test_params_cap),
        cmocka_unit_test(test_auth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
