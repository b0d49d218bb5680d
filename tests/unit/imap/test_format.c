/* Writing words, and addresses as an ENVELOPE has them. */
#include "imap/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void test_strings(void **state)
{
    (void)state;
    static const struct {
        const char *in, *string, *astring;
    } rows[] = {
        {"", "\"\"", "\"\""},
        {"abc", "\"abc\"", "abc"},
        {"a b", "\"a b\"", "\"a b\""},
        {"a\"b\\", "\"a\\\"b\\\\\"", "\"a\\\"b\\\\\""},
        {"a\r\nb", "{4}\r\na\r\nb", "{4}\r\na\r\nb"},
        {"\303\244", "{2}\r\n\303\244", "{2}\r\n\303\244"},
        {"nil", "\"nil\"", "\"nil\""},
        {"a]b", "\"a]b\"", "\"a]b\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out;
        buf_init(&out, 1000);
        imap_put_string(&out, slice_cstr(rows[i].in), false);
        assert_string_equal(buf_cstr(&out), rows[i].string);
        buf_reset(&out);
        imap_put_astring(&out, slice_cstr(rows[i].in));
        assert_string_equal(buf_cstr(&out), rows[i].astring);
        /* What is written reads back. */
        struct imap_text text = {.octets = buf_slice(&out)};
        struct imap_cursor c;
        struct arena arena;
        struct slice back;
        arena_init(&arena);
        imap_cursor_init(&c, &text, &arena);
        assert_true(imap_take_astring(&c, &back) && imap_at_end(&c));
        assert_true(slice_eq(back, slice_cstr(rows[i].in)));
        arena_deinit(&arena);
        buf_deinit(&out);
    }
}

static void test_others(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1000);
    imap_put_nstring(&out, slice_of(NULL, 0));
    buf_append_octet(&out, ' ');
    imap_put_mailbox(&out, SLICE_LIT("Entw\303\274rfe"), false);
    buf_append_octet(&out, ' ');
    imap_put_mailbox(&out, SLICE_LIT("Entw\303\274rfe"), true);
    buf_append_octet(&out, ' ');
    imap_put_flags(&out, IMAP_FLAG_SEEN | IMAP_FLAG_DRAFT);
    buf_append_cstr(&out, ") ");
    imap_put_flags(&out, 0);
    buf_append_cstr(&out, ") ");
    struct imap_set_writer w = {.out = &out};
    static const uint32_t numbers[] = {1, 2, 3, 5, 7, 8, 4294967295u};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        imap_set_add(&w, numbers[i]);
    imap_set_end(&w);
    assert_string_equal(buf_cstr(&out),
                        "NIL \"Entw&APw-rfe\" \"Entw\303\274rfe\" (\\Seen \\Draft) () "
                        "1:3,5,7:8,4294967295");
    buf_deinit(&out);
}

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", "NIL"},
        {"  ", "NIL"},
        {"a@b.test", "((NIL NIL \"a\" \"b.test\"))"},
        {"<a@b.test>", "((NIL NIL \"a\" \"b.test\"))"},
        {"Ann B <a@b.test>", "((\"Ann B\" NIL \"a\" \"b.test\"))"},
        {"\"Ann, \\\"B\\\"\" <a@b.test>", "((\"Ann, \\\"B\\\"\" NIL \"a\" \"b.test\"))"},
        {"a@b.test (Ann B)", "((\"Ann B\" NIL \"a\" \"b.test\"))"},
        {"=?utf-8?q?=C3=A4?= <a@b.test>", "((\"=?utf-8?q?=C3=A4?=\" NIL \"a\" \"b.test\"))"},
        {"a@b, c@d", "((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\"))"},
        {"\"a b\"@c", "((NIL NIL \"a b\" \"c\"))"},
        {"<@r.test,@s.test:a@b>", "((NIL \"@r.test,@s.test\" \"a\" \"b\"))"},
        {"team: a@b, C <c@d>;",
         "((NIL NIL \"team\" NIL)(NIL NIL \"a\" \"b\")(\"C\" NIL \"c\" \"d\")(NIL NIL NIL NIL))"},
        {"undisclosed-recipients:;", "((NIL NIL \"undisclosed-recipients\" NIL)(NIL NIL NIL NIL))"},
        {"root", "((NIL NIL \"root\" \"\"))"},
        {"a@[1.2.3.4]", "((NIL NIL \"a\" \"[1.2.3.4]\"))"},
        {"J. R. Hacker <j@x>", "((\"J. R. Hacker\" NIL \"j\" \"x\"))"},
        {"a@b,,", "((NIL NIL \"a\" \"b\"))"},
        {"<a@b", "((NIL NIL \"a\" \"b\"))"},
        {"(only a comment", "NIL"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out;
        buf_init(&out, 1000);
        imap_put_addresses(&out, slice_cstr(rows[i].in));
        assert_string_equal(buf_cstr(&out), rows[i].out);
        buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
