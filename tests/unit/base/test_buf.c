/* buf: the cap is never passed and a refused append changes nothing; arena beside it. */
#include "base/arena.h"
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void cap_is_exact(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < 200; cap++) {
        struct buf b;
        buf_init(&b, cap);
        for (size_t i = 0; i < cap; i++)
            assert_true(buf_append_octet(&b, (uint8_t)i));
        assert_false(b.overflow);
        assert_false(buf_append_octet(&b, 'x'));
        assert_true(b.overflow);
        assert_int_equal(b.len, cap);
        assert_int_equal(buf_cstr(&b)[cap], '\0');
        assert_true(b.alloc_octets <= (cap < 64 ? 64 : cap + 1));
        for (size_t i = 0; i < cap; i++)
            assert_int_equal(b.ptr[i], (uint8_t)i);
        buf_deinit(&b);
    }
}

static void refused_append_changes_nothing(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_true(buf_append_cstr(&b, "12345678"));
    assert_false(buf_append_cstr(&b, "abc"));
    assert_string_equal(buf_cstr(&b), "12345678");
    assert_true(b.overflow);
    assert_true(buf_append_cstr(&b, "ab"));
    assert_string_equal(buf_cstr(&b), "12345678ab");
    assert_true(buf_append(&b, slice_of(NULL, 0)));
    buf_reset(&b);
    assert_false(b.overflow);
    assert_int_equal(b.len, 0);
    assert_non_null(b.ptr);
    buf_release(&b);
    assert_null(b.ptr);
    assert_true(buf_append_cstr(&b, "0123456789"));
    assert_false(buf_append_cstr(&b, "0"));
    buf_deinit(&b);
}

static void prints(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 300);
    assert_true(buf_printf(&b, "%s-%d", "a", 5));
    assert_string_equal(buf_cstr(&b), "a-5");
    assert_true(buf_printf(&b, "%*d", 297, 7)); /* exactly full */
    assert_int_equal(b.len, 300);
    assert_int_equal(b.ptr[299], '7');
    assert_false(buf_printf(&b, "x"));
    assert_true(b.overflow);
    assert_int_equal(b.len, 300);
    assert_true(buf_printf(&b, "%s", ""));
    buf_deinit(&b);
}

static void room_and_grow(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    uint8_t *room = buf_room(&b, 100);
    assert_non_null(room);
    memset(room, 'r', 100);
    buf_grow(&b, 40);
    assert_int_equal(b.len, 40);
    assert_null(buf_room(&b, 61));
    assert_true(b.overflow);
    assert_non_null(buf_room(&b, 60));
    assert_null(buf_room(&b, SIZE_MAX));
    buf_deinit(&b);
}

static void consumes(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    buf_append_cstr(&b, "abcdef");
    buf_consume(&b, 0);
    buf_consume(&b, 2);
    assert_string_equal(buf_cstr(&b), "cdef");
    buf_consume(&b, 4);
    assert_int_equal(b.len, 0);
    assert_string_equal(buf_cstr(&b), "");
    buf_deinit(&b);
}

static void arena_memory_is_zero_and_aligned(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 7, 16, 100, 1000, 4000, 4096, 5000, 100000, 3};
    struct arena a;
    arena_init(&a);
    for (int round = 0; round < 3; round++) {
        uint8_t *got[11];
        for (size_t i = 0; i < 11; i++) {
            got[i] = arena_alloc(&a, sizes[i]);
            assert_int_equal((uintptr_t)got[i] % _Alignof(max_align_t), 0);
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal(got[i][k], 0);
            memset(got[i], (int)i + 1, sizes[i]);
        }
        for (size_t i = 0; i < 11; i++) /* none lies on another */
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal(got[i][k], i + 1);
        arena_reset(&a);
    }
    struct slice copy = arena_dup(&a, SLICE_LIT("a\0b"));
    assert_true(slice_eq(copy, SLICE_LIT("a\0b")));
    assert_string_equal(arena_strdup(&a, SLICE_LIT("text")), "text");
    assert_string_equal(arena_strdup(&a, slice_of(NULL, 0)), "");
    arena_deinit(&a);
    arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cap_is_exact), cmocka_unit_test(refused_append_changes_nothing),
        cmocka_unit_test(prints),       cmocka_unit_test(room_and_grow),
        cmocka_unit_test(consumes),     cmocka_unit_test(arena_memory_is_zero_and_aligned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
