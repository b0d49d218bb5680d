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

/* ---- secrets ---- */

/* In .mask a "#" stands under each secret octet. */
static const struct {
    const char *in;
    const char *mask;
    bool in_auth;
} secrets[] = {
    {"AUTH PLAIN AGEAYg==\r\n", "           ########  ", false},
    {"auth plain AGEAYg==\n", "           ######## ", false},
    {"  AUTH\t PLAIN  x y \r\n", "               ####  ", false},
    {"aUtH LOGIN\r\n", "            ", false},
    {"AUTH PLAIN  \r\n", "              ", false},
    {"AUTH\001PLAIN\001x\r\n", "           #  ", false},
    {"AUTH \001 x\r\n", "       #  ", false},
    {"\bAUTH PLAIN x\r\n", "            #  ", false},
    {"AUTH=PLAIN x\r\n", "           #  ", false},
    {"AUTHX PLAIN x\r\n", "               ", false},
    {"AUT PLAIN x\r\n", "             ", false},
    {"PASS sesame\r\n", "     ######  ", false},
    {"pass open sesame\r\n", "     ###########  ", false},
    {"LOGIN ann sesame\r\n", "      ##########  ", false},
    {"a1 LOGIN ann sesame\r\n", "         ##########  ", false},
    {"a1 login \"ann\" x\r\n", "         #######  ", false},
    {"a1 AUTHENTICATE PLAIN AGEA\r\n", "                      ####  ", false},
    {"a1 AUTHENTICATED PLAIN AGEA\r\n", "                             ", false},
    {"a1 b2 LOGIN ann x\r\n", "                   ", false},
    {"MAIL FROM:<a@b> AUTH=<>\r\n", "                         ", false},
    {"EHLO auth\r\n", "           ", false},
    {"QUIT\r\n", "      ", false},
    {"\r\n", "  ", false},
    {"AGEAYg==\r\n", "########  ", true},
    {"  AGEA\r\n", "######  ", true},
    {"*\r\n", "   ", true},
    {"*\n", "  ", true},
    {"**\r\n", " #  ", true},
    {"*abc\r\n", " ###  ", true},
    {"QUIT\r\n", "####  ", true},
    {"\r\n", "  ", true},
};

/* The secret octets of `in` fed in pieces of a, b-a and the rest, as a mask. CR is left out: it
 * tells nothing, and at the end of a piece nobody knows what it is. */
static void scan_mask(struct slice in, size_t a, size_t b, bool in_auth, char *mask)
{
    struct smtp_secret_scan s;
    size_t cuts[] = {0, a, b, in.len};
    smtp_secret_scan_init(&s);
    memset(mask, ' ', in.len);
    mask[in.len] = '\0';
    for (size_t i = 0; i < 3; i++) {
        struct slice piece = slice_skip(slice_take(in, cuts[i + 1]), cuts[i]);
        struct slice secret = smtp_secret_scan_feed(&s, in_auth, piece);
        if (secret.len > 0) {
            assert_true(secret.ptr >= piece.ptr);
            assert_true(secret.ptr + secret.len <= piece.ptr + piece.len);
            memset(mask + (secret.ptr - in.ptr), '#', secret.len);
        }
    }
    for (size_t i = 0; i < in.len; i++)
        if (in.ptr[i] == '\r')
            mask[i] = ' ';
}

static void test_secrets_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        struct slice in = slice_cstr(secrets[i].in);
        char mask[64];
        assert_int_equal(strlen(secrets[i].mask), in.len);
        for (size_t a = 0; a <= in.len; a++) {
            for (size_t b = a; b <= in.len; b++) {
                scan_mask(in, a, b, secrets[i].in_auth, mask);
                assert_string_equal(mask, secrets[i].mask);
            }
        }
    }
}

static void test_secrets_one_octet_at_a_time(void **state)
{
    (void)state;
    struct smtp_secret_scan s;
    smtp_secret_scan_init(&s);
    /* One scanner for all lines: a LF begins anew. */
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        struct slice in = slice_cstr(secrets[i].in);
        for (size_t at = 0; at < in.len; at++) {
            struct slice piece = slice_of(in.ptr + at, 1);
            struct slice secret = smtp_secret_scan_feed(&s, secrets[i].in_auth, piece);
            assert_int_equal(secret.len, secrets[i].mask[at] == '#');
        }
    }
}

/* AUTH began while the line was under way: from here on nothing is shown. */
static void test_secret_auth_begins_inside_a_line(void **state)
{
    (void)state;
    struct smtp_secret_scan s;
    smtp_secret_scan_init(&s);
    assert_int_equal(smtp_secret_scan_feed(&s, false, SLICE_LIT("AGE")).len, 0);
    assert_int_equal(smtp_secret_scan_feed(&s, true, SLICE_LIT("AYg==\r\n")).len, 5);
    assert_int_equal(smtp_secret_scan_feed(&s, false, SLICE_LIT("NOOP\r\n")).len, 0);
}

static void test_line_masked(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
        bool in_auth;
    } rows[] = {{"AUTH PLAIN AGEA", "AUTH PLAIN ****", false},
                {"NOOP", "NOOP", false},
                {"*", "*", true},
                {"c2VzYW1l", "********", true},
                {"PASS x\r\n", "PASS *\r\n", false},
                {"NOOP\nPASS x\nQUIT", "NOOP\nPASS *\nQUIT", false},
                {"", "", true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out;
        buf_init(&out, 64);
        bool hidden = smtp_line_masked(slice_cstr(rows[i].in), rows[i].in_auth, &out);
        assert_int_equal(hidden, strcmp(rows[i].in, rows[i].out) != 0);
        assert_true(slice_eq(buf_slice(&out), slice_cstr(rows[i].out)));
        buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_params_cap),
        cmocka_unit_test(test_auth),
        cmocka_unit_test(test_secrets_every_split),
        cmocka_unit_test(test_secrets_one_octet_at_a_time),
        cmocka_unit_test(test_secret_auth_begins_inside_a_line),
        cmocka_unit_test(test_line_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
