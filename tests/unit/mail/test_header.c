/* Header fields: octets kept, folds undone, encoded-words read; every oddity flagged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mail/header.h"
#include "mail/shape.h"

static void test_fields_keep_their_octets(void **state)
{
    static const char message[] = "Subject: one\r\n two\r\n\tthree\r\nFrom: <a@b.example>\r\n"
                                  "X-Empty:\r\n\r\nbody: none\r\n";
    struct mail_header h;
    struct buf out;
    (void)state;
    mail_header_parse(SLICE_LIT(message), &h);
    assert_int_equal(h.n_fields, 3);
    assert_true(h.ended);
    assert_int_equal(h.more, 0);
    assert_true(slice_eq(h.body, SLICE_LIT("body: none\r\n")));
    assert_int_equal(h.octets, sizeof(message) - 1 - h.body.len);
    assert_true(slice_eq(h.fields[0].name, SLICE_LIT("Subject")));
    assert_true(slice_eq(h.fields[0].raw, SLICE_LIT("Subject: one\r\n two\r\n\tthree\r\n")));
    assert_true(slice_eq(h.fields[0].body, SLICE_LIT(" one\r\n two\r\n\tthree")));
    assert_int_equal(h.fields[0].lines, 3);
    assert_int_equal(h.fields[1].offset, h.fields[0].raw.len);
    assert_int_equal(h.fields[2].body.len, 0);
    for (size_t i = 0; i < h.n_fields; i++)
        assert_int_equal(h.fields[i].flags, 0);
    buf_init(&out, 100);
    mail_field_unfold(&h.fields[0], &out);
    assert_string_equal(buf_cstr(&out), "one two\tthree");
    buf_deinit(&out);
    assert_ptr_equal(mail_header_find(&h, "FROM", 0), &h.fields[1]);
    assert_null(mail_header_find(&h, "from", 1));
    assert_int_equal(mail_header_count(&h, "subject"), 1);
    mail_header_deinit(&h);
}

static void test_oddities_are_flagged(void **state)
{
    static const struct {
        const char *field;
        unsigned flags;
    } rows[] = {
        {"no field\r\n", MAIL_FIELD_NO_COLON},
        {": x\r\n", MAIL_FIELD_NO_COLON},
        {" leading: x\r\n", MAIL_FIELD_BAD_NAME},
        {"A B: x\r\n", MAIL_FIELD_BAD_NAME},
        {"A : x\r\n", MAIL_FIELD_SPACE},
        {"A: x\n", MAIL_FIELD_BARE_EOL},
        {"A: x\ry\r\n", MAIL_FIELD_BARE_EOL},
        {"A: \x01\r\n", MAIL_FIELD_CONTROL},
        {"A: \xc3\xa4\r\n", MAIL_FIELD_8BIT},
        {"A: \xe4\r\n", MAIL_FIELD_8BIT | MAIL_FIELD_BAD_UTF8},
        {"A: x\r\n \r\n", MAIL_FIELD_EMPTY_FOLD},
        {"A: x", MAIL_FIELD_CUT},
        {"\xc3\xa4: x\r\n", MAIL_FIELD_BAD_NAME | MAIL_FIELD_8BIT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct mail_header h;
        mail_header_parse(slice_cstr(rows[i].field), &h);
        assert_int_equal(h.n_fields, 1);
        if (h.fields[0].flags != rows[i].flags)
            fail_msg("%s: %u", rows[i].field, h.fields[0].flags);
        assert_true(slice_eq(h.fields[0].raw, slice_cstr(rows[i].field)));
        mail_header_deinit(&h);
    }
    for (unsigned i = 0; i < MAIL_FIELD_FLAGS_COUNT; i++)
        assert_non_null(mail_field_flag_text(1U << i));
    assert_null(mail_field_flag_text(3));
}

/* Cut anywhere, what is there is read, and nothing beyond it. */
static void test_every_cut(void **state)
{
    static const char message[] = "A: 1\r\n 2\r\nB : \xc3\xa4\r\nno\r\n\r\nbody\r\n";
    (void)state;
    for (size_t n = 0; n < sizeof(message); n++) {
        struct mail_header h;
        char *copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, message, n);
        mail_header_parse(slice_of(copy, n), &h);
        size_t sum = 0;
        for (size_t i = 0; i < h.n_fields; i++)
            sum += h.fields[i].raw.len;
        assert_true(sum + h.body.len + (h.ended ? 2 : 0) <= n + 1);
        assert_true(h.octets <= n);
        mail_header_deinit(&h);
        free(copy);
    }
}

static void test_limits(void **state)
{
    struct buf big;
    struct mail_header h;
    (void)state;
    buf_init(&big, 1 << 20);
    for (int i = 0; i < MAIL_FIELDS_MAX + 5; i++)
        buf_append_cstr(&big, "A:\r\n");
    buf_append_cstr(&big, "\r\n");
    mail_header_parse(buf_slice(&big), &h);
    assert_int_equal(h.n_fields, MAIL_FIELDS_MAX);
    assert_int_equal(h.more, 5);
    mail_header_deinit(&h);
    buf_deinit(&big);
}

static void test_words(void **state)
{
    static const struct {
        const char *raw, *decoded;
        bool whole;
    } rows[] = {
        {"plain", "plain", true},
        {"=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=",
         "Gr\xc3\xbc\xc3\x9f"
         "e",
         true},
        {"=?utf-8?B?R3LDvMOfZQ==?= aus =?iso-8859-1?q?K=F6ln?=",
         "Gr\xc3\xbc\xc3\x9f"
         "e aus K\xc3\xb6ln",
         true},
        {"=?utf-8?q?a?= =?utf-8?q?b?=", "ab", true},
        {"Gr\xc3\xbc\xc3\x9f"
         "e",
         "Gr\xc3\xbc\xc3\x9f"
         "e",
         true},
        {"\xe4", "\xe4", true},
        {"=?no", "=?no", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct buf out;
        buf_init(&out, 1000);
        bool whole = mail_text_decode(slice_cstr(rows[i].raw), &out);
        assert_string_equal(buf_cstr(&out), rows[i].decoded);
        assert_int_equal(whole, rows[i].whole);
        buf_deinit(&out);
    }
}

static void take_addresses(void *ctx, const struct mail_address *a)
{
    struct buf *out = ctx;
    buf_printf(out, "%s<%s>%s;", a->name, a->addr, a->group ? a->group : "");
}

static void test_addresses(void **state)
{
    static const struct {
        const char *body, *list;
    } rows[] = {
        {" Ann <ann@example.net>", "Ann<ann@example.net>;"},
        {"ann@example.net, \"Bob, B.\" <bob@example.org>",
         "<ann@example.net>;Bob, B.<bob@example.org>;"},
        {"=?utf-8?q?J=C3=BCrgen?= <j@example.net>", "J\xc3\xbcrgen<j@example.net>;"},
        {"team: a@example.net, b@example.net;", "<a@example.net>team;<b@example.net>team;"},
        {"undisclosed-recipients:;", "undisclosed-recipients<>undisclosed-recipients;"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct buf out;
        buf_init(&out, 1000);
        mail_addresses(slice_cstr(rows[i].body), take_addresses, &out);
        assert_string_equal(buf_cstr(&out), rows[i].list);
        buf_deinit(&out);
    }
    assert_int_equal(mail_addresses(SLICE_LIT("a@b.example, c@d.example"), NULL, NULL), 2);
}

static void test_shape(void **state)
{
    static const char message[] = "a\r\n.dot\nlong line \xc3\xa4 here\r\n\0x\ry\r\nend";
    struct mail_shape s;
    (void)state;
    mail_shape_of(slice_of(message, sizeof(message) - 1), &s);
    assert_int_equal(s.lines, 5);
    assert_int_equal(s.longest_octets, 17);
    assert_int_equal(s.longest_line, 3);
    assert_int_equal(s.bare_lf, 1);
    assert_int_equal(s.bare_cr, 1);
    assert_int_equal(s.nul, 1);
    assert_int_equal(s.dotted, 1);
    assert_int_equal(s.eight_bit, 2);
    assert_int_equal(s.first_eight_bit_line, 3);
    assert_true(s.utf8);
    mail_shape_of(slice_of(NULL, 0), &s);
    assert_int_equal(s.lines, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_keep_their_octets),
        cmocka_unit_test(test_oddities_are_flagged),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
