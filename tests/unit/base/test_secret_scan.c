/* Which octets of a client's line are secret, whatever the protocol and the split. */
#include "base/secret_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

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
    {"APOP bob 0123ab\r\n", "         ######  ", false},
    {"apop\tbob\t0123ab\r\n", "         ######  ", false},
    {" PASS\tx\r\n", "      #  ", false},
    {"PASS\r\n", "      ", false},
    {"PASSWORD x\r\n", "            ", false},
    {"USER bob\r\n", "          ", false},
    {"a\tLOGIN\tx\r\n", "        #  ", false},
    {"a LOGIN\"ann\" x\r\n", "       #######  ", false},
    {"a LOGIN{3}\r\n", "       ###  ", false},
    {"login(ann x)\r\n", "     #######  ", false},
    {"a AUTHENTICATE\"PLAIN\" x\r\n", "              #########  ", false},
    {"a FETCH 1 (FLAGS)\r\n", "                   ", false},
    {"a LIST \"\" *\r\n", "             ", false},
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
    struct secret_scan s;
    size_t cuts[] = {0, a, b, in.len};
    secret_scan_init(&s);
    memset(mask, ' ', in.len);
    mask[in.len] = '\0';
    for (size_t i = 0; i < 3; i++) {
        struct slice piece = slice_skip(slice_take(in, cuts[i + 1]), cuts[i]);
        struct slice secret = secret_scan_feed(&s, in_auth, piece);
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
    struct secret_scan s;
    secret_scan_init(&s);
    /* One scanner for all lines: a LF begins anew. */
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        struct slice in = slice_cstr(secrets[i].in);
        for (size_t at = 0; at < in.len; at++) {
            struct slice piece = slice_of(in.ptr + at, 1);
            struct slice secret = secret_scan_feed(&s, secrets[i].in_auth, piece);
            assert_int_equal(secret.len, secrets[i].mask[at] == '#');
        }
    }
}

/* AUTH began while the line was under way: from here on nothing is shown. */
static void test_secret_auth_begins_inside_a_line(void **state)
{
    (void)state;
    struct secret_scan s;
    secret_scan_init(&s);
    assert_int_equal(secret_scan_feed(&s, false, SLICE_LIT("AGE")).len, 0);
    assert_int_equal(secret_scan_feed(&s, true, SLICE_LIT("AYg==\r\n")).len, 5);
    assert_int_equal(secret_scan_feed(&s, false, SLICE_LIT("NOOP\r\n")).len, 0);
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
                {"PASS a\r\nPASS b\nSTAT\r\n", "PASS *\r\nPASS *\nSTAT\r\n", false},
                {"login ann secret", "login **********", false},
                {"", "", true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out;
        buf_init(&out, 64);
        bool hidden = secret_line_masked(slice_cstr(rows[i].in), rows[i].in_auth, &out);
        assert_int_equal(hidden, strcmp(rows[i].in, rows[i].out) != 0);
        assert_true(slice_eq(buf_slice(&out), slice_cstr(rows[i].out)));
        buf_deinit(&out);
    }
}

/* A command of IMAP goes on behind a literal. */
static void test_literals(void **state)
{
    (void)state;
    static const struct {
        const char *line, *behind; /* the line that announces it, the one behind the literal */
        size_t shown;              /* octets of the first that show */
        bool secret;               /* the literal, and all that follows */
    } rows[] = {
        {"a LOGIN {3}\r\n", " {6}\r\n", 8, true},
        {"a LOGIN ann {3}\r\n", "\r\n", 8, true},
        {"a AUTHENTICATE {5}\r\n", " AGEA\r\n", 18, true},
        {"a SEARCH TEXT {4}\r\n", " LOGIN x y\r\n", 17, false},
        {"{3}\r\n", " LOGIN x y\r\n", 3, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct secret_scan s;
        secret_scan_init(&s);
        assert_true(secret_scan_at_start(&s));
        struct slice in = slice_cstr(rows[i].line);
        struct slice secret = secret_scan_line(&s, false, in);
        assert_int_equal(in.len - 2 - secret.len, rows[i].shown);
        secret_scan_literal(&s);
        assert_false(secret_scan_at_start(&s));
        assert_int_equal(secret_scan_in_secret(&s), rows[i].secret);
        in = slice_cstr(rows[i].behind);
        secret = secret_scan_line(&s, false, in);
        assert_int_equal(secret.len, rows[i].secret ? in.len - 2 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets_every_split),
        cmocka_unit_test(test_secrets_one_octet_at_a_time),
        cmocka_unit_test(test_secret_auth_begins_inside_a_line),
        cmocka_unit_test(test_line_masked),
        cmocka_unit_test(test_literals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
