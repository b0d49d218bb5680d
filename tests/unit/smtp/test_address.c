/* Paths and mailboxes: what each is cut into, and which rules it breaks. */
#include "smtp/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"

#define BIT(name) SMTP_RULE_BIT(SMTP_RULE_##name)
#define BARE      BIT(PATH_NO_BRACKETS)
#define SYNTAX    BIT(PATH_SYNTAX)
#define ROUTE     BIT(PATH_SOURCE_ROUTE)

static const struct {
    const char *in;
    const char *local_part;
    const char *domain;
    const char *route;
    size_t used;
    smtp_rules rules;
} cases[] = {
    /* well-formed */
    {"<a@b>", "a", "b", "", 5, 0},
    {"<>", "", "", "", 2, 0},
    {"<> SIZE=1", "", "", "", 2, 0},
    {"<ann@example.net> BODY=8BITMIME", "ann", "example.net", "", 17, 0},
    {"<a.b.c@d.e.f>", "a.b.c", "d.e.f", "", 13, 0},
    {"<a+b-c_d=e@x-y.test>", "a+b-c_d=e", "x-y.test", "", 20, 0},
    {"<!#$%&'*/?^`{|}~@b.c>", "!#$%&'*/?^`{|}~", "b.c", "", 21, 0},
    {"<1@2.3>", "1", "2.3", "", 7, 0},
    {"<\"a b\"@c.d>", "\"a b\"", "c.d", "", 11, 0},
    {"<\"\"@c.d>", "\"\"", "c.d", "", 8, 0},
    {"<\"a\\\"b\"@c.d>", "\"a\\\"b\"", "c.d", "", 12, 0},
    {"<\"a>b\"@c.d> X", "\"a>b\"", "c.d", "", 11, 0},
    {"<\"a@b\"@c.d>", "\"a@b\"", "c.d", "", 11, 0},
    {"<\"a\\\\\"@c.d>", "\"a\\\\\"", "c.d", "", 11, 0},
    {"<a@[127.0.0.1]>", "a", "[127.0.0.1]", "", 15, 0},
    {"<a@[255.000.010.001]>", "a", "[255.000.010.001]", "", 21, 0},
    {"<a@[IPv6:::1]>", "a", "[IPv6:::1]", "", 14, 0},
    {"<a@[ipv6:2001:db8::7]>", "a", "[ipv6:2001:db8::7]", "", 22, 0},
    {"<a@[IPv6:::ffff:192.0.2.1]>", "a", "[IPv6:::ffff:192.0.2.1]", "", 27, 0},
    {"<a@[X25:123]>", "a", "[X25:123]", "", 13, 0},
    {"<postmaster>", "postmaster", "", "", 12, 0},
    {"<POSTmaster>", "POSTmaster", "", "", 12, 0},
    {"<gr\303\274n@b.c>", "gr\303\274n", "b.c", "", 11, 0},
    {"<a@m\303\274ller.test>", "a", "m\303\274ller.test", "", 16, 0},
    {"<\"\303\274 x\"@b.c>", "\"\303\274 x\"", "b.c", "", 12, 0},
    /* routes */
    {"<@x:a@b>", "a", "b", "@x", 8, ROUTE},
    {"<@x.y,@z:a@b>", "a", "b", "@x.y,@z", 13, ROUTE},
    {"<@x,z:a@b>", "a", "b", "@x,z", 10, ROUTE | SYNTAX},
    {"<@x,:a@b>", "a", "b", "@x,", 9, ROUTE | SYNTAX},
    {"<@:a@b>", "a", "b", "@", 7, ROUTE | SYNTAX},
    {"<@-x:a@b>", "a", "b", "@-x", 9, ROUTE | SYNTAX},
    {"<@x a@b>", "@x a", "b", "", 8, SYNTAX},
    /* no brackets */
    {"a@b", "a", "b", "", 3, BARE},
    {"a@b SIZE=1", "a", "b", "", 3, BARE},
    {"a@b\tSIZE=1", "a", "b", "", 3, BARE},
    {"\"a b\"@c X", "\"a b\"", "c", "", 7, BARE},
    {"postmaster", "postmaster", "", "", 10, BARE},
    {"a@b>", "a", "b>", "", 4, BARE | SYNTAX},
    {"nobody", "nobody", "", "", 6, BARE | SYNTAX},
    {" a", "", "", "", 0, BARE | SYNTAX},
    /* wrong */
    {"<a@b", "a", "b", "", 4, SYNTAX},
    {"<a@b SIZE=1", "a", "b", "", 4, SYNTAX},
    {"<a@b AUTH=<>", "a", "b", "", 4, SYNTAX},
    {"<", "", "", "", 1, SYNTAX},
    {"<nobody>", "nobody", "", "", 8, SYNTAX},
    {"<@b>", "", "b", "", 4, SYNTAX},
    {"<a@>", "a", "", "", 4, SYNTAX},
    {"<a b@c>", "a b", "c", "", 7, SYNTAX},
    {"<a@b c>", "a", "b c", "", 7, SYNTAX},
    {"< a@b>", " a", "b", "", 6, SYNTAX},
    {"<a@b@c>", "a@b", "c", "", 7, SYNTAX},
    {"<.a@b>", ".a", "b", "", 6, SYNTAX},
    {"<a.@b>", "a.", "b", "", 6, SYNTAX},
    {"<a..b@c>", "a..b", "c", "", 8, SYNTAX},
    {"<a@b.>", "a", "b.", "", 6, SYNTAX},
    {"<a@.b>", "a", ".b", "", 6, SYNTAX},
    {"<a@b..c>", "a", "b..c", "", 8, SYNTAX},
    {"<a@-b>", "a", "-b", "", 6, SYNTAX},
    {"<a@b->", "a", "b-", "", 6, SYNTAX},
    {"<a@b_c>", "a", "b_c", "", 7, SYNTAX},
    {"<a(x)@b>", "a(x)", "b", "", 8, SYNTAX},
    {"<a,b@c>", "a,b", "c", "", 7, SYNTAX},
    {"<\"a@b>", "\"a", "b", "", 6, SYNTAX},
    {"<\"a\"b@c>", "\"a\"b", "c", "", 8, SYNTAX},
    {"<a\"b\"@c>", "a\"b\"", "c", "", 8, SYNTAX},
    {"<\"a\tb\"@c>", "\"a\tb\"", "c", "", 9, SYNTAX},
    {"<a@[127.0.0.256]>", "a", "[127.0.0.256]", "", 17, SYNTAX},
    {"<a@[127.0.0]>", "a", "[127.0.0]", "", 13, SYNTAX},
    {"<a@[1.2.3.4.5]>", "a", "[1.2.3.4.5]", "", 15, SYNTAX},
    {"<a@[1.2.3.0004]>", "a", "[1.2.3.0004]", "", 16, SYNTAX},
    {"<a@[127.0.0.1>", "a", "[127.0.0.1", "", 14, SYNTAX},
    {"<a@[]>", "a", "[]", "", 6, SYNTAX},
    {"<a@[IPv6:]>", "a", "[IPv6:]", "", 11, SYNTAX},
    {"<a@[IPv6:1::2::3]>", "a", "[IPv6:1::2::3]", "", 18, SYNTAX},
    {"<a@[::1]>", "a", "[::1]", "", 9, SYNTAX},
    {"<a@[X-:1]>", "a", "[X-:1]", "", 10, SYNTAX},
    {"<a@[X:[]>", "a", "[X:[]", "", 9, SYNTAX},
    {"<a\377@b>", "a\377", "b", "", 6, SYNTAX},
    {"<a@b\200>", "a", "b\200", "", 6, SYNTAX},
    {"<\001@b>", "\001", "b", "", 5, SYNTAX},
};

static bool inside(struct slice part, struct slice whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void test_cases(void **state)
{
    (void)state;
    _Static_assert(sizeof(cases) / sizeof(cases[0]) >= 60, "the table is the test");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice in = slice_cstr(cases[i].in);
        struct smtp_path p;
        size_t used;
        assert_true(smtp_path_parse(in, &p, &used));
        if (p.rules != cases[i].rules || used != cases[i].used)
            print_message("%s: rules %llx, used %zu\n", cases[i].in, (unsigned long long)p.rules,
                          used);
        assert_int_equal(p.rules, cases[i].rules);
        assert_int_equal(used, cases[i].used);
        assert_true(slice_eq(p.text, slice_take(in, used)));
        assert_true(slice_eq(p.local_part, slice_cstr(cases[i].local_part)));
        assert_true(slice_eq(p.domain, slice_cstr(cases[i].domain)));
        assert_true(slice_eq(p.route, slice_cstr(cases[i].route)));
        assert_true(inside(p.local_part, in) && inside(p.domain, in) && inside(p.route, in));
        assert_int_equal(p.is_null, strncmp(cases[i].in, "<>", 2) == 0);
        bool utf8 = false;
        for (size_t at = 0; at < in.len; at++)
            utf8 = utf8 || in.ptr[at] > 0x7f;
        assert_int_equal(p.utf8, utf8);
    }
}

static void test_empty(void **state)
{
    (void)state;
    struct smtp_path p;
    size_t used = 9;
    assert_false(smtp_path_parse(slice_of(NULL, 0), &p, &used));
    assert_int_equal(used, 0);
}

static void repeat(struct buf *b, char octet, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_append_octet(b, (uint8_t)octet);
}

/* 64 octets of local part, 63 of a label, 255 of domain, 256 of path: each limit and one more. */
static void test_lengths(void **state)
{
    (void)state;
    static const struct {
        size_t local, label, labels;
        bool too_long;
    } rows[] = {
        {64, 1, 1, false},  {65, 1, 1, true},   {1, 63, 1, false},
        {1, 64, 1, true},   {52, 49, 4, false}, /* 52 + 1 + 199 + 2 = 254 */
        {54, 49, 4, false},                     /* 256 */
        {55, 49, 4, true},                      /* 257 */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf b;
        struct smtp_path p;
        size_t used;
        buf_init(&b, 4096);
        buf_append_octet(&b, '<');
        repeat(&b, 'l', rows[i].local);
        for (size_t label = 0; label < rows[i].labels; label++) {
            buf_append_octet(&b, label == 0 ? '@' : '.');
            repeat(&b, 'd', rows[i].label);
        }
        buf_append_octet(&b, '>');
        assert_true(smtp_path_parse(buf_slice(&b), &p, &used));
        assert_int_equal(p.rules, rows[i].too_long ? BIT(PATH_TOO_LONG) : 0);
        buf_deinit(&b);
    }
}

static void test_mailbox(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        bool valid;
    } rows[] = {{"a@b", true},      {"\"a b\"@c", true}, {"a@[127.0.0.1]", true},
                {"", false},        {"a", false},        {"postmaster", false},
                {"<a@b>", false},   {"a@", false},       {"@b", false},
                {"a@b c", false},   {"a @b", false},     {"@x:a@b", false},
                {"a@b,c@d", false}, {"a@b\n", false},    {"gr\303\274n@b", true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(smtp_mailbox_valid(slice_cstr(rows[i].in)), rows[i].valid);
}

static void test_unquote(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {{"ann", "ann"},       {"\"a b\"", "a b"}, {"\"a\\\"b\"", "a\"b"},
                {"\"a\\\\\"", "a\\"}, {"\"\"", ""},       {"", ""},
                {"\"open", "\"open"}, {"a\\b", "a\\b"},   {"\"", "\""}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[16];
        assert_true(smtp_local_part_unquote(slice_cstr(rows[i].in), out, sizeof(out)));
        assert_string_equal(out, rows[i].out);
    }
    char small[4];
    assert_true(smtp_local_part_unquote(SLICE_LIT("abc"), small, sizeof(small)));
    assert_false(smtp_local_part_unquote(SLICE_LIT("abcd"), small, sizeof(small)));
    assert_false(smtp_local_part_unquote(SLICE_LIT(""), small, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),   cmocka_unit_test(test_empty),
        cmocka_unit_test(test_lengths), cmocka_unit_test(test_mailbox),
        cmocka_unit_test(test_unquote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
