/* Canonical fields and bodies: the examples of RFC 6376 section 3.4.5 and its errata, what they do
 * not say, and every split of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth/canon.h"
#include "base/buf.h"

#define S  CANON_BODY_SIMPLE
#define R  CANON_BODY_RELAXED
#define FS CANON_FIELD_SIMPLE
#define FR CANON_FIELD_RELAXED

static const struct {
    enum canon_what what;
    const char *in, *want;
} cases[] = {
    /* section 3.4.5, examples 1 to 3 */
    {FR, "A: X\r\n", "a:X\r\n"},
    {FR, "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n"},
    {R, " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"},
    {FS, "A: X\r\n", "A: X\r\n"},
    {FS, "B : Y\t\r\n\tZ  \r\n", "B : Y\t\r\n\tZ  \r\n"},
    {S, " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n"},
    /* bodies of nothing */
    {S, "", "\r\n"},
    {S, "\r\n", "\r\n"},
    {S, "\r\n\r\n\r\n", "\r\n"},
    {R, "", ""},
    {R, "\r\n", ""},
    {R, "\r\n\r\n", ""},
    {R, " \t", ""},
    {R, " \r\n\t\r\n", ""},
    {S, " \r\n", " \r\n"},
    /* a last line without its end; blank lines inside stay */
    {S, "a", "a\r\n"},
    {R, "a", "a\r\n"},
    {R, "a \t", "a\r\n"},
    {S, "a\r\n\r\nb", "a\r\n\r\nb\r\n"},
    {R, "a\r\n \r\nb\r\n \r\n", "a\r\n\r\nb\r\n"},
    {R, "\r\n\r\na\r\n", "\r\n\r\na\r\n"},
    {R, "\ta\t\tb \r\n", " a b\r\n"},
    /* CR and LF alone are octets like others */
    {S, "a\nb\rc\r\n", "a\nb\rc\r\n"},
    {S, "a\r", "a\r\r\n"},
    {S, "a\r\r\n", "a\r\r\n"},
    {S, "\r\n\r", "\r\n\r\r\n"},
    {S, "a\n\n", "a\n\n\r\n"},
    {R, "a \n b\r\n", "a \n b\r\n"},
    {R, "a \r b \r\n", "a \r b\r\n"},
    {R, "a \r\r\n", "a \r\r\n"},
    /* octets above 127, and other controls: no blanks */
    {R, "\xc3\xa4 \x0b \xa0\r\n", "\xc3\xa4 \x0b \xa0\r\n"},
    /* fields */
    {FR, "SUBJect\t:\t AbC \r\n", "subject:AbC\r\n"},
    {FR, "X:\r\n", "x:\r\n"},
    {FR, "X: \r\n \r\n", "x:\r\n"},
    {FR, "X:\r\n a: B\r\n", "x:a: B\r\n"},
    {FR, "X:a\r\n\tb\r\n  c", "x:a b c\r\n"},
    {FR, "X Y: Z\r\n", "x y:Z\r\n"},
    {FS, "X: no end", "X: no end\r\n"},
};

static void keep(void *ctx, struct slice piece)
{
    assert_true(piece.len > 0 && piece.len <= CANON_PIECE_OCTETS);
    assert_true(buf_append(ctx, piece));
}

static void run(enum canon_what what, struct slice in, const size_t *cuts, size_t n_cuts,
                bool line_end, struct buf *out)
{
    struct canon c;
    size_t at = 0;
    buf_reset(out);
    canon_init(&c, what, keep, out);
    for (size_t i = 0; i < n_cuts; i++) {
        canon_feed(&c, slice_take(slice_skip(in, at), cuts[i] - at));
        at = cuts[i];
    }
    canon_feed(&c, slice_skip(in, at));
    canon_end(&c, line_end);
}

static void assert_is(const struct buf *out, const char *want, size_t index)
{
    if (!slice_eq(buf_slice(out), slice_cstr(want)))
        fail_msg("case %zu: \"%.*s\"", index, (int)out->len, (const char *)out->ptr);
}

static void test_cases_in_every_split(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice in = slice_cstr(cases[i].in);
        for (size_t a = 0; a <= in.len; a++)
            for (size_t b = a; b <= in.len; b++) {
                run(cases[i].what, in, (const size_t[]){a, b}, 2, true, &out);
                assert_is(&out, cases[i].want, i);
            }
        size_t each[64];
        for (size_t k = 0; k < in.len; k++)
            each[k] = k;
        run(cases[i].what, in, each, in.len, true, &out);
        assert_is(&out, cases[i].want, i);
    }
    buf_deinit(&out);
}

static void test_field_without_its_end(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    run(FR, slice_cstr("DKIM-Signature: v=1;\r\n b="), NULL, 0, false, &out);
    assert_is(&out, "dkim-signature:v=1; b=", 0);
    run(FS, slice_cstr("DKIM-Signature: v=1;\r\n b="), NULL, 0, false, &out);
    assert_is(&out, "DKIM-Signature: v=1;\r\n b=", 1);
    buf_deinit(&out);
}

/* Larger than a piece, with more blank lines than a piece holds before the last line. */
static void test_large(void **state)
{
    (void)state;
    struct buf in, out;
    buf_init(&in, 1 << 20);
    buf_init(&out, 1 << 20);
    for (int i = 0; i < 9000; i++)
        buf_append_cstr(&in, i % 3000 == 1 ? "x\r\n" : "\r\n");
    for (enum canon_what what = S; what <= R; what++) {
        run(what, buf_slice(&in), NULL, 0, true, &out);
        assert_true(slice_eq(buf_slice(&out), slice_take(buf_slice(&in), 6002 * 2 + 3)));
    }
    buf_deinit(&in);
    buf_deinit(&out);
}

/* What is canonical stays as it is. */
static void test_twice_is_once(void **state)
{
    (void)state;
    struct buf once, twice;
    buf_init(&once, 4096);
    buf_init(&twice, 4096);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(cases[i].what, slice_cstr(cases[i].in), NULL, 0, true, &once);
        run(cases[i].what, buf_slice(&once), NULL, 0, true, &twice);
        assert_true(slice_eq(buf_slice(&once), buf_slice(&twice)));
    }
    buf_deinit(&once);
    buf_deinit(&twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases_in_every_split),
        cmocka_unit_test(test_field_without_its_end),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_twice_is_once),
    };
    return cmocka_run_group_tests_name("auth/canon", tests, NULL, NULL);
}
