/* Dot-stuffing and the end of data. A slow second reading of RFC 5321 section 4.5.2, octet by octet
 * over whole inputs, is held against the parsers for every short input and every split. */
#include "smtp/content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"

enum { OUT_CAP = 1 << 20 };

/* ---- receiving ---- */

static size_t feed_split(struct smtp_content *c, struct slice in, size_t step, struct buf *out,
                         bool *end)
{
    size_t used = 0;
    *end = false;
    while (used < in.len && !*end) {
        struct slice piece = slice_take(slice_skip(in, used), step);
        size_t n = smtp_content_feed(c, piece, out, end);
        assert_true(n == piece.len || *end);
        used += n;
    }
    return used;
}

static const struct content_case {
    const char *in;
    uint8_t data_end; /* 0 strict, 1 LF, 2 CR */
    const char *message;
    bool end;
    size_t left;                     /* octets behind the end */
    struct smtp_content_stats stats; /* wire and content are computed */
} cases[] = {
    {".\r\n", false, "", true, 0, {.lines = 0}},
    {"a\r\n.\r\n", false, "a\r\n", true, 0, {.lines = 1, .longest = 1}},
    {"a\r\n.\r\nQUIT\r\n", false, "a\r\n", true, 6, {.lines = 1, .longest = 1}},
    {"\r\n.\r\n", false, "\r\n", true, 0, {.lines = 1}},
    {"..\r\n.\r\n", false, ".\r\n", true, 0, {.lines = 1, .longest = 1, .stuffed = 1}},
    {"...\r\n.\r\n", false, "..\r\n", true, 0, {.lines = 1, .longest = 2, .stuffed = 1}},
    {".a\r\n.\r\n", false, "a\r\n", true, 0, {.lines = 1, .longest = 1, .single_dot = 1}},
    {"a.\r\n.\r\n", false, "a.\r\n", true, 0, {.lines = 1, .longest = 2}},
    {"a\n.\n", false, "a\n.\n", false, 0, {.lines = 2, .longest = 1, .bare_lf = 2, .smuggle = 1}},
    {"a\n.\nb", true, "a\n", true, 1, {.lines = 1, .longest = 1, .bare_lf = 1, .smuggle = 1}},
    {"a\n.\r\n",
     false,
     "a\n.\r\n",
     false,
     0,
     {.lines = 2, .longest = 1, .bare_lf = 1, .smuggle = 1}},
    {"a\n.\r\n", true, "a\n", true, 0, {.lines = 1, .longest = 1, .bare_lf = 1, .smuggle = 1}},
    {"a\r\n.\n",
     false,
     "a\r\n\n",
     false,
     0,
     {.lines = 2, .longest = 1, .bare_lf = 1, .smuggle = 1, .single_dot = 1}},
    {"a\r\n.\n", true, "a\r\n", true, 0, {.lines = 1, .longest = 1, .smuggle = 1}},
    {"a\r\n.\n.\r\n.\r\n",
     false,
     "a\r\n\n.\r\n",
     true,
     0,
     {.lines = 3, .longest = 1, .bare_lf = 1, .smuggle = 2, .single_dot = 1}},
    {"a\r.\r\n.\r\n",
     false,
     "a\r.\r\n",
     true,
     0,
     {.lines = 1, .longest = 3, .bare_cr = 1, .smuggle = 1}},
    {"a\r.\rb\r\n",
     false,
     "a\r.\rb\r\n",
     false,
     0,
     {.lines = 1, .longest = 5, .bare_cr = 2, .smuggle = 1}},
    {".\rb\r\n.\r\n",
     false,
     "\rb\r\n",
     true,
     0,
     {.lines = 1, .longest = 2, .bare_cr = 1, .smuggle = 1, .single_dot = 1}},
    {".\r.\r.\r\n",
     false,
     "\r.\r.\r\n",
     false,
     0,
     {.lines = 1, .longest = 4, .bare_cr = 2, .smuggle = 3, .single_dot = 1}},
    {"a\r\r\n.\r\n", false, "a\r\r\n", true, 0, {.lines = 1, .longest = 2, .bare_cr = 1}},
    {"\n..\n.\r\n",
     true,
     "\n.\n",
     true,
     0,
     {.lines = 2, .longest = 1, .bare_lf = 2, .stuffed = 1, .smuggle = 1}},
    {"a\r.\rb", 2, "a\r", true, 1, {.lines = 1, .longest = 1, .bare_cr = 1, .smuggle = 1}},
    {"a\r.\r\nb", 2, "a\r", true, 1, {.lines = 1, .longest = 1, .bare_cr = 1, .smuggle = 1}},
    {"a\rb\r\n.\r\nQ", 2, "a\rb\r\n", true, 1, {.lines = 2, .longest = 1, .bare_cr = 1}},
    {"a\n.\r.\r", 2, "a\n", true, 2, {.lines = 1, .longest = 1, .bare_lf = 1, .smuggle = 1}},
    {"a\r..b\r.\nQ",
     2,
     "a\r.b\r",
     true,
     1,
     {.lines = 2, .longest = 2, .bare_cr = 2, .stuffed = 1, .smuggle = 1}},
    {"gr\303\274n\r\n.\r\n",
     false,
     "gr\303\274n\r\n",
     true,
     0,
     {.lines = 1, .longest = 5, .eight_bit = 2}},
};

static void check_case(const struct content_case *c, size_t step)
{
    struct slice in = slice_cstr(c->in);
    struct smtp_content content;
    struct smtp_content_stats want = c->stats;
    struct buf out;
    bool end;
    buf_init(&out, OUT_CAP);
    smtp_content_init(&content);
    content.data_end = c->data_end;
    size_t used = feed_split(&content, in, step, &out, &end);
    assert_int_equal(end, c->end);
    assert_int_equal(in.len - used, c->left);
    assert_true(slice_eq(buf_slice(&out), slice_cstr(c->message)));
    want.wire = used;
    want.content = strlen(c->message);
    assert_memory_equal(&content.stats, &want, sizeof(want));
    buf_deinit(&out);
}

static void test_content_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t step = 1; step <= strlen(cases[i].in); step++)
            check_case(&cases[i], step);
}

/* Chunks in any split count what the whole holds. */
static void test_chunks(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        struct smtp_content_stats stats;
    } chunks[] = {
        {"a\r\nbc\r\n", {.lines = 2, .longest = 2}},
        {"a\nb\n", {.lines = 2, .longest = 1, .bare_lf = 2}},
        {"\r\r\n\rx", {.lines = 1, .longest = 1, .bare_cr = 2}},
        {".\r\n..\r\n", {.lines = 2, .longest = 2}},
        {"\n\r\n\r\r", {.lines = 2, .bare_lf = 1, .bare_cr = 1}},
        {"\303\274\r\n", {.lines = 1, .longest = 2, .eight_bit = 2}},
    };
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++)
        for (size_t step = 1; step <= strlen(chunks[i].in); step++) {
            struct slice in = slice_cstr(chunks[i].in);
            struct smtp_content_stats want = chunks[i].stats;
            struct smtp_content c;
            want.wire = want.content = in.len;
            smtp_content_init(&c);
            for (; in.len > 0; in = slice_skip(in, step))
                smtp_content_chunk(&c, slice_take(in, step));
            if (memcmp(&c.stats, &want, sizeof(want)) != 0)
                fail_msg("case %zu, step %zu: lf %d cr %d lines %d longest %d", i, step,
                         (int)c.stats.bare_lf, (int)c.stats.bare_cr, (int)c.stats.lines,
                         (int)c.stats.longest);
        }
}

/* Strict reading over a whole input: lines end at CRLF; the line "." ends; a leading dot goes. */
static bool slow_content(struct slice in, struct buf *message, size_t *used)
{
    size_t at = 0;
    for (;;) {
        struct slice rest = slice_skip(in, at);
        ptrdiff_t crlf = slice_find(rest, SLICE_LIT("\r\n"));
        struct slice line = crlf < 0 ? rest : slice_take(rest, (size_t)crlf + 2);
        if (slice_eq(line, SLICE_LIT(".\r\n"))) {
            *used = at + 3;
            return true;
        }
        if (crlf < 0)
            return false;
        buf_append(message, line.ptr[0] == '.' ? slice_skip(line, 1) : line);
        at += line.len;
    }
}

/* Every input of up to 7 of CR, LF, dot, letter, with an end put behind it, one octet at a time and
 * whole. */
static void test_content_all_short_inputs(void **state)
{
    (void)state;
    static const char letters[] = "\r\n.a";
    struct buf want, got;
    buf_init(&want, OUT_CAP);
    buf_init(&got, OUT_CAP);
    for (unsigned len = 0; len <= 7; len++) {
        for (unsigned number = 0; number < 1u << (2 * len); number++) {
            char text[16];
            for (unsigned i = 0; i < len; i++)
                text[i] = letters[number >> (2 * i) & 3];
            memcpy(text + len, "\r\n.\r\n", 5);
            struct slice in = slice_of(text, len + 5);
            size_t want_used;
            bool end;
            buf_reset(&want);
            assert_true(slow_content(in, &want, &want_used));
            struct smtp_content_stats whole = {0};
            for (size_t step = in.len; step > 0; step = step == in.len ? 3 : step == 3 ? 1 : 0) {
                struct smtp_content c;
                smtp_content_init(&c);
                buf_reset(&got);
                assert_int_equal(feed_split(&c, in, step, &got, &end), want_used);
                assert_true(end);
                assert_true(slice_eq(buf_slice(&got), buf_slice(&want)));
                assert_int_equal(c.stats.content, want.len);
                if (step == in.len)
                    whole = c.stats;
                assert_memory_equal(&c.stats, &whole, sizeof(whole));
            }
        }
    }
    buf_deinit(&want);
    buf_deinit(&got);
}

static void test_content_counts_octets(void **state)
{
    (void)state;
    uint8_t text[5000];
    for (unsigned seed = 0; seed < 500; seed++) {
        struct smtp_content c;
        uint64_t eight_bit = 0, nul = 0;
        bool end;
        uint32_t x = seed * 2654435761u + 1;
        size_t len = seed < 100 ? seed : seed * 10;
        for (size_t i = 0; i < len; i++) {
            static const uint8_t some[] = {0, 1, 0x80, 0xff, 'a', 0x7f, 0, 0x81};
            x = x * 1664525u + 1013904223u;
            text[i] = some[x >> 29];
            eight_bit += text[i] > 0x7f;
            nul += text[i] == 0;
        }
        smtp_content_init(&c);
        smtp_content_feed(&c, slice_of(text, len), NULL, &end);
        assert_int_equal(c.stats.eight_bit, eight_bit);
        assert_int_equal(c.stats.nul, nul);
    }
}

static void test_content_cap(void **state)
{
    (void)state;
    struct smtp_content c;
    struct buf out;
    bool end;
    buf_init(&out, 4);
    smtp_content_init(&c);
    smtp_content_feed(&c, SLICE_LIT("abcdef\r\n..x\r\n.\r\n"), &out, &end);
    assert_true(end);
    assert_true(out.overflow);
    assert_true(slice_eq(buf_slice(&out), SLICE_LIT("abcd")));
    assert_int_equal(c.stats.content, 12);
    /* Nothing is taken behind the end. */
    assert_int_equal(smtp_content_feed(&c, SLICE_LIT("QUIT\r\n"), NULL, &end), 0);
    assert_true(end);
    buf_deinit(&out);
}

/* A flood of bare CRs before one far LF must not be searched anew for each. */
static void test_content_many_bare_cr(void **state)
{
    (void)state;
    size_t len = 4 << 20;
    uint8_t *text = mem_alloc(len);
    struct smtp_content c;
    bool end;
    memset(text, 'a', len);
    for (size_t i = 0; i < len; i += 2)
        text[i] = '\r';
    smtp_content_init(&c);
    assert_int_equal(smtp_content_feed(&c, slice_of(text, len), NULL, &end), len);
    assert_int_equal(c.stats.bare_cr, len / 2);
    mem_free(text);
}

/* ---- sending ---- */

static const struct {
    const char *in;
    bool mend;
    const char *wire;
} stuff_cases[] = {
    {"", false, ".\r\n"},
    {"a", false, "a\r\n.\r\n"},
    {"a\r\n", false, "a\r\n.\r\n"},
    {".", false, "..\r\n.\r\n"},
    {".\r\n", false, "..\r\n.\r\n"},
    {"..\r\n.a\r\n", false, "...\r\n..a\r\n.\r\n"},
    {"a.b\r\n", false, "a.b\r\n.\r\n"},
    {"a\n.b\r\n", false, "a\n.b\r\n.\r\n"},
    {"a\n", false, "a\n\r\n.\r\n"},
    {"a\r", false, "a\r\r\n.\r\n"},
    {"a\r.b", false, "a\r.b\r\n.\r\n"},
    {"a\r\n\r\n", false, "a\r\n\r\n.\r\n"},
    {"a\n", true, "a\r\n.\r\n"},
    {"a\n.b\n", true, "a\r\n..b\r\n.\r\n"},
    {"a\r\nb\n", true, "a\r\nb\r\n.\r\n"},
    {"\n\n.\n", true, "\r\n\r\n..\r\n.\r\n"},
    {"a\r\rb\n", true, "a\r\rb\r\n.\r\n"},
};

static void test_stuff_every_split(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, OUT_CAP);
    for (size_t i = 0; i < sizeof(stuff_cases) / sizeof(stuff_cases[0]); i++) {
        struct slice in = slice_cstr(stuff_cases[i].in);
        for (size_t a = 0; a <= in.len; a++) {
            for (size_t b = a; b <= in.len; b++) {
                struct smtp_stuff s;
                smtp_stuff_init(&s, stuff_cases[i].mend);
                buf_reset(&out);
                smtp_stuff_feed(&s, slice_take(in, a), &out);
                smtp_stuff_feed(&s, slice_skip(slice_take(in, b), a), &out);
                smtp_stuff_feed(&s, slice_skip(in, b), &out);
                smtp_stuff_end(&s, &out);
                assert_true(slice_eq(buf_slice(&out), slice_cstr(stuff_cases[i].wire)));
            }
        }
    }
    buf_deinit(&out);
}

/* What is stuffed comes back as it was, but for the CRLF put behind a last line without one. */
static void test_stuff_round_trip(void **state)
{
    (void)state;
    static const char letters[] = "\r\n.a";
    struct buf wire, back;
    buf_init(&wire, OUT_CAP);
    buf_init(&back, OUT_CAP);
    for (unsigned len = 0; len <= 6; len++) {
        for (unsigned number = 0; number < 1u << (2 * len); number++) {
            char text[16];
            for (unsigned i = 0; i < len; i++)
                text[i] = letters[number >> (2 * i) & 3];
            memcpy(text + len, "\r\n", 2);
            bool ended = len == 0 || (len >= 2 && memcmp(text + len - 2, "\r\n", 2) == 0);
            struct smtp_stuff s;
            struct smtp_content c;
            bool end;
            buf_reset(&wire);
            buf_reset(&back);
            smtp_stuff_init(&s, false);
            assert_int_equal(smtp_stuff_feed(&s, slice_of(text, len), &wire), len);
            smtp_stuff_end(&s, &wire);
            smtp_content_init(&c);
            assert_int_equal(smtp_content_feed(&c, buf_slice(&wire), &back, &end), wire.len);
            assert_true(end);
            assert_true(slice_eq(buf_slice(&back), slice_of(text, ended ? len : len + 2)));
        }
    }
    buf_deinit(&wire);
    buf_deinit(&back);
}

static void test_stuff_counts_and_cap(void **state)
{
    (void)state;
    struct slice in = SLICE_LIT(".a\n.b\n\n.\n");
    struct slice want = SLICE_LIT("..a\r\n..b\r\n\r\n..\r\n.\r\n");
    for (size_t cap = 2; cap < 30; cap++) {
        struct smtp_stuff s;
        struct buf out, all;
        size_t used = 0;
        buf_init(&out, cap);
        buf_init(&all, OUT_CAP);
        smtp_stuff_init(&s, true);
        while (used < in.len) {
            size_t n = smtp_stuff_feed(&s, slice_skip(in, used), &out);
            assert_true(n > 0 && !out.overflow);
            used += n;
            buf_append(&all, buf_slice(&out));
            buf_reset(&out);
        }
        assert_int_equal(s.stuffed, 3);
        assert_int_equal(s.mended, 4);
        smtp_stuff_end(&s, &all);
        assert_true(slice_eq(buf_slice(&all), want));
        buf_deinit(&out);
        buf_deinit(&all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_cases),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_content_all_short_inputs),
        cmocka_unit_test(test_content_counts_octets),
        cmocka_unit_test(test_content_cap),
        cmocka_unit_test(test_content_many_bare_cr),
        cmocka_unit_test(test_stuff_every_split),
        cmocka_unit_test(test_stuff_round_trip),
        cmocka_unit_test(test_stuff_counts_and_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
