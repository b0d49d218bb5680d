/* Modified UTF-7 of mailbox names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf7.h"

static const struct {
    const char *utf8, *utf7;
} goods[] = {
    {"", ""},
    {"INBOX", "INBOX"},
    {"a&b", "a&-b"},
    {"&", "&-"},
    {"Entw\xc3\xbcrfe", "Entw&APw-rfe"},
    {"\xc3\xbc", "&APw-"},
    {"\xe5\x8f\xb0\xe5\x8c\x97", "&U,BTFw-"}, /* RFC 3501's own */
    {"~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
     "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
    {"\xf0\x9f\x93\xa7", "&2D3c5w-"}, /* beyond 16 bits: a pair */
    {"x\xc3\xa9&\xc3\xa9y", "x&AOk-&-&AOk-y"},
};

static void test_good(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1000);
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        buf_reset(&out);
        assert_true(utf7_encode(&out, slice_cstr(goods[i].utf8), NULL));
        assert_string_equal(buf_cstr(&out), goods[i].utf7);
        buf_reset(&out);
        assert_true(utf7_decode(&out, slice_cstr(goods[i].utf7)));
        assert_string_equal(buf_cstr(&out), goods[i].utf8);
    }
    buf_reset(&out);
    assert_true(utf7_encode(&out, SLICE_LIT("a.b"), "."));
    assert_string_equal(buf_cstr(&out), "a&AC4-b");
    assert_true(utf7_decode(&out, SLICE_LIT("a&AC4-b")));
    assert_string_equal(buf_cstr(&out), "a&AC4-ba.b");
    buf_deinit(&out);
}

static const char *const bads[] = {
    "&",     "a&b",  "&APw",     "\xc3\xbc", "a\tb", "&AP/-",   "&2D0-",     "&3Oc-",
    "&APx-", "&AP-", "&2D0AIA-", "a\x7f",    "&A-",  "&AAAAA-", "&APw rfe-", "&=-",
};

static void test_bad(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1000);
    buf_append_cstr(&out, "kept");
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        if (utf7_decode(&out, slice_cstr(bads[i])))
            fail_msg("\"%s\" was taken", bads[i]);
        assert_string_equal(buf_cstr(&out), "kept");
    }
    assert_false(utf7_encode(&out, SLICE_LIT("a\xff"), NULL));
    assert_string_equal(buf_cstr(&out), "kept");
    buf_deinit(&out);
    buf_init(&out, 4);
    assert_false(utf7_encode(&out, SLICE_LIT("\xc3\xbc"), NULL)); /* five octets */
    assert_int_equal(out.len, 0);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
