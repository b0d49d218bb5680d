/* slice: comparing, searching, cutting, numbers. */
#include "base/glob.h"
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void assert_slice(struct slice s, const char *text)
{
    assert_int_equal(s.len, slice_cstr(text).len);
    assert_true(slice_eq(s, slice_cstr(text)));
}

static void compares(void **state)
{
    (void)state;
    assert_true(slice_eq(slice_of(NULL, 0), SLICE_LIT("")));
    assert_false(slice_eq(SLICE_LIT("a"), SLICE_LIT("b")));
    assert_false(slice_eq(SLICE_LIT("a"), SLICE_LIT("ab")));
    assert_true(slice_eq(SLICE_LIT("a\0b"), SLICE_LIT("a\0b")));
    assert_true(slice_eq_nocase(SLICE_LIT("StartTLS"), SLICE_LIT("sTARTtls")));
    assert_false(slice_eq_nocase(SLICE_LIT("@"), SLICE_LIT("`")));
    assert_false(slice_eq_nocase(SLICE_LIT("["), SLICE_LIT("{")));
    assert_false(slice_eq_nocase(SLICE_LIT("\xC4"), SLICE_LIT("\xE4")));
    assert_true(slice_starts(SLICE_LIT("250-x"), SLICE_LIT("250")));
    assert_false(slice_starts(SLICE_LIT("25"), SLICE_LIT("250")));
    assert_true(slice_starts(SLICE_LIT("x"), slice_of(NULL, 0)));
    assert_true(slice_starts_nocase(SLICE_LIT("to:<a>"), SLICE_LIT("TO:")));
    assert_false(slice_starts_nocase(SLICE_LIT("t"), SLICE_LIT("TO:")));
}

static void finds(void **state)
{
    (void)state;
    assert_int_equal(slice_find_octet(SLICE_LIT("ab\0c"), '\0'), 2);
    assert_int_equal(slice_find_octet(SLICE_LIT("abc"), 'x'), -1);
    assert_int_equal(slice_find_octet(slice_of(NULL, 0), 'x'), -1);
    assert_int_equal(slice_find(SLICE_LIT("aab"), SLICE_LIT("ab")), 1);
    assert_int_equal(slice_find(SLICE_LIT("a"), SLICE_LIT("ab")), -1);
    assert_int_equal(slice_find(SLICE_LIT("a"), slice_of(NULL, 0)), 0);
    assert_int_equal(slice_find(slice_of(NULL, 0), SLICE_LIT("a")), -1);
}

static void cuts(void **state)
{
    (void)state;
    assert_slice(slice_skip(SLICE_LIT("abc"), 1), "bc");
    assert_slice(slice_skip(SLICE_LIT("abc"), 9), "");
    assert_slice(slice_take(SLICE_LIT("abc"), 2), "ab");
    assert_slice(slice_take(SLICE_LIT("abc"), 9), "abc");
    assert_int_equal(slice_skip(slice_of(NULL, 0), 5).len, 0);
    assert_slice(slice_trim(SLICE_LIT(" \t\r\n a b \r\n")), "a b");
    assert_slice(slice_trim(SLICE_LIT("  \t")), "");
    assert_int_equal(slice_cstr(NULL).len, 0);
}

static void words(void **state)
{
    (void)state;
    struct slice rest = SLICE_LIT("  MAIL \tFROM:<a b> ");
    assert_slice(slice_next_word(&rest), "MAIL");
    assert_slice(slice_next_word(&rest), "FROM:<a");
    assert_slice(slice_next_word(&rest), "b>");
    assert_slice(slice_next_word(&rest), "");
    assert_slice(slice_next_word(&rest), "");
    assert_int_equal(rest.len, 0);
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t max;
        bool ok;
        uint64_t value;
    } table[] = {
        {"0", 0, true, 0},
        {"007", 10, true, 7},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999", UINT64_MAX, false, 0},
        {"11", 10, false, 0},
        {"", 10, false, 0},
        {"+1", 10, false, 0},
        {"-1", 10, false, 0},
        {" 1", 10, false, 0},
        {"1 ", 10, false, 0},
        {"1x", 10, false, 0},
        {"0x1", 10, false, 0},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        uint64_t value = 77;
        assert_int_equal(slice_to_u64(slice_cstr(table[i].text), table[i].max, &value),
                         table[i].ok);
        assert_int_equal(value, table[i].ok ? table[i].value : 77);
    }
}

static void globs(void **state)
{
    static const struct {
        const char *pattern, *text;
        unsigned flags;
        bool match;
    } table[] = {
        {"250*", "250 ok", 0, true},
        {"250*", "250", 0, true},
        {"250*", "251", 0, false},
        {"", "", 0, true},
        {"", "x", 0, false},
        {"*", "", 0, true},
        {"?", "", 0, false},
        {"2?0-*SIZE*", "250-SIZE 1000", 0, true},
        {"*a*b*c*", "xxaxxbxxc", 0, true},
        {"*a*b*c*", "xxaxxcxxb", 0, false},
        {"*aab", "aaab", 0, true},
        {"250*", "250", GLOB_NOCASE, true},
        {"Ok*", "oK!", GLOB_NOCASE, true},
        {"Ok", "ok", 0, false},
        {"a\\*b", "a*b", GLOB_ESCAPE, true},
        {"a\\*b", "axb", GLOB_ESCAPE, false},
        {"a\\?", "a?", GLOB_ESCAPE, true},
        {"a\\", "a\\", GLOB_ESCAPE, true},
        {"a\\*b", "a\\xb", 0, true},
        {"\\A", "a", GLOB_ESCAPE | GLOB_NOCASE, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (glob_match(slice_cstr(table[i].pattern), slice_cstr(table[i].text), table[i].flags) !=
            table[i].match)
            fail_msg("%s on %s", table[i].pattern, table[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares), cmocka_unit_test(finds),   cmocka_unit_test(cuts),
        cmocka_unit_test(words),    cmocka_unit_test(numbers), cmocka_unit_test(globs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
