/* vis: nothing a peer sends reaches the terminal as anything but print. */
#include "base/mem.h"
#include "base/utf8.h"
#include "base/vis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
    struct slice in;
    const char *out;
    size_t cols;
} hostile[] = {
    {SLICE_LIT("250 ok"), "250 ok", 6},
    {SLICE_LIT("\x1b]0;owned\x07"), "^[]0;owned^G", 12},
    {SLICE_LIT("\x1b]52;c;aGk=\x1b\\"), "^[]52;c;aGk=^[\\", 15},
    {SLICE_LIT("\x1b]8;;http://x\x1b\\y"), "^[]8;;http://x^[\\y", 18},
    {SLICE_LIT("\x1b[31mred\x1b[0m"), "^[[31mred^[[0m", 14},
    {SLICE_LIT("\x9b\x33\x31m"), "\\x9B31m", 7},
    {SLICE_LIT("\xC2\x9B"
               "31m"),
     "<009B>31m", 9},
    {SLICE_LIT("\xC2\x85\xC2\x80\xC2\x9F"), "<0085><0080><009F>", 18},
    {SLICE_LIT("a\u202eb\u2066c\u2069"), "a<202E>b<2066>c<2069>", 21},
    {SLICE_LIT("a\u200bb\u200d\u2060\ufeff"), "a<200B>b<200D><2060><FEFF>", 26},
    {SLICE_LIT("\U000e0041\U000e007f"), "<E0041><E007F>", 14},
    {SLICE_LIT("\u00ad\u2028\u2029"), "<00AD><2028><2029>", 18},
    {SLICE_LIT("\ufe0f\U000e0100"), "<FE0F><E0100>", 13},
    {SLICE_LIT("\U0001f1e9\U0001f1ea"), "<1F1E9><1F1EA>", 14},
    {SLICE_LIT("\ue000\U000f0000\U0010ffff"), "<E000><F0000><10FFFF>", 21},
    {SLICE_LIT("\u0378"), "<0378>", 6},
    {SLICE_LIT("\x05\x0e\x0f\x7f\x00\x08\t"), "^E^N^O^?^@^H^I", 14},
    {SLICE_LIT("550 no\r250 ok"), "550 no^M250 ok", 14},
    {SLICE_LIT("bad\b\b\bgood"), "bad^H^H^Hgood", 13},
    {SLICE_LIT("\xff\xfe"), "\\xFF\\xFE", 8},
    {SLICE_LIT("\xc0\x9b"), "\\xC0\\x9B", 8},
    {SLICE_LIT("\xe0\x80\x9b"), "\\xE0\\x80\\x9B", 12},
    {SLICE_LIT("\xed\xa0\x80"), "\\xED\\xA0\\x80", 12},
    {SLICE_LIT("\xc3"), "\\xC3", 4},
    {SLICE_LIT("\xc3\xa9\xc3"), "\u00e9\\xC3", 5},
    {SLICE_LIT("\u6f22x\U0001f600"), "\u6f22x\U0001f600", 5},
    {SLICE_LIT("e\u0301\u0302\u0303\u0304\u0305\u0306z"), "e\u0301\u0302\u0303\u0304<0305><0306>z",
     14},
    {SLICE_LIT("\u0301e"), "<0301>e", 7},
    {SLICE_LIT("\r\u0301"), "^M<0301>", 8},
    {SLICE_LIT("\u05d0\u05d1"), "\u05d0\u05d1", 2},
    {SLICE_LIT("\u115f\u1160\u3164\uffa0"), "<115F><1160><3164><FFA0>", 24},
};

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hostile); i++) {
        struct vis_text v;
        vis_init(&v);
        assert_int_equal(vis_append(&v, hostile[i].in, 0, SIZE_MAX), hostile[i].in.len);
        assert_string_equal(vis_cstr(&v), hostile[i].out);
        assert_int_equal(v.cols, hostile[i].cols);
        assert_int_equal(v.had_special, !slice_eq(hostile[i].in, slice_cstr(hostile[i].out)));
        assert_false(v.cut);
        vis_deinit(&v);
        struct buf b;
        buf_init(&b, 1000);
        vis_to_buf(&b, hostile[i].in, 0);
        assert_string_equal(buf_cstr(&b), hostile[i].out);
        buf_deinit(&b);
        char text[100];
        vis_to_cstr(text, sizeof(text), hostile[i].in);
        assert_string_equal(text, hostile[i].out);
    }
}

/* What may never come out, whatever goes in. */
static void assert_safe(struct slice out, bool ascii)
{
    assert_true(utf8_valid(out));
    for (size_t at = 0; at < out.len;) {
        uint32_t cp = 0;
        at += utf8_decode(slice_skip(out, at), &cp);
        assert_true(vis_width(cp) >= 0);
        assert_true(!ascii || cp <= 126);
    }
}

static void random_octets_are_safe(void **state)
{
    (void)state;
    uint32_t seed = 3;
    for (int round = 0; round < 20000; round++) {
        uint8_t octets[64];
        size_t len = 0;
        while (len < 56) {
            seed = seed * 1664525u + 1013904223u;
            uint32_t r = seed >> 8;
            if (r % 3 == 0)
                octets[len++] = (uint8_t)(r >> 4);
            else
                len += utf8_encode((r >> 3) % (r % 2 == 0 ? 0x3000 : 0x110000), octets + len);
        }
        for (unsigned flags = 0; flags < 4; flags++) {
            size_t max_cols = round % 2 == 0 ? SIZE_MAX : seed % 60;
            struct vis_text v;
            vis_init(&v);
            size_t used = vis_append(&v, slice_of(octets, len), flags, max_cols);
            assert_int_equal(v.cut, used < len);
            assert_true(v.cols <= max_cols);
            assert_true(used == len || max_cols != SIZE_MAX);
            assert_safe(buf_slice(&v.text), (flags & VIS_ASCII) != 0);
            size_t cols = 0;
            for (size_t at = 0; at < v.text.len;) {
                uint32_t cp = 0;
                at += utf8_decode(slice_skip(buf_slice(&v.text), at), &cp);
                cols += (size_t)vis_width(cp);
            }
            assert_int_equal(cols, v.cols);
            vis_deinit(&v);
        }
        char text[40];
        vis_to_cstr(text, 4 + seed % 37, slice_of(octets, len));
        assert_safe(slice_cstr(text), false);
    }
}

static void flags_and_columns(void **state)
{
    (void)state;
    struct vis_text v;
    vis_init(&v);
    vis_append(&v, SLICE_LIT("a\r\n"), VIS_SHOW_EOL, SIZE_MAX);
    assert_string_equal(vis_cstr(&v), "a\u240d\u240a");
    assert_int_equal(v.cols, 3);
    vis_reset(&v);
    vis_append(&v, SLICE_LIT("\u00e9\u6f22~\r\xff\U0001f600"), VIS_ASCII | VIS_SHOW_EOL, SIZE_MAX);
    assert_string_equal(vis_cstr(&v), "<00E9><6F22>~^M\\xFF<1F600>");
    vis_reset(&v);
    assert_false(v.had_special);
    /* A wide character, an escape, a mark: whole or not at all. */
    assert_int_equal(vis_append(&v, SLICE_LIT("ab\u6f22"), 0, 3), 2);
    assert_string_equal(vis_cstr(&v), "ab");
    assert_true(v.cut);
    vis_reset(&v);
    assert_int_equal(vis_append(&v, SLICE_LIT("a\x1b"), 0, 2), 1);
    assert_int_equal(vis_append(&v,
                                SLICE_LIT("\x1b"
                                          "b"),
                                0, 2),
                     1);
    assert_string_equal(vis_cstr(&v), "a^[");
    vis_reset(&v);
    assert_int_equal(vis_append(&v, SLICE_LIT("ae\u0301b"), 0, 2), 4);
    assert_string_equal(vis_cstr(&v), "ae\u0301");
    vis_reset(&v);
    assert_int_equal(vis_append(&v, SLICE_LIT("abc"), 0, 0), 0);
    assert_int_equal(v.cols, 0);
    vis_reset(&v);
    /* Marks are counted across calls. */
    vis_append(&v, SLICE_LIT("e\u0301\u0302\u0303"), 0, SIZE_MAX);
    vis_append(&v, SLICE_LIT("\u0304\u0305"), 0, SIZE_MAX);
    assert_string_equal(vis_cstr(&v), "e\u0301\u0302\u0303\u0304<0305>");
    vis_reset(&v);
    vis_append(&v, SLICE_LIT("\u05e9\u0644"), 0, SIZE_MAX);
    assert_true(v.rtl);
    vis_reset(&v);
    vis_append_own(&v, "\u2500\u25b6 x");
    vis_printf_own(&v, " %d %s", 5, "ok");
    assert_string_equal(vis_cstr(&v), "\u2500\u25b6 x 5 ok");
    assert_int_equal(v.cols, 9);
    assert_false(v.rtl || v.cut);
    char *spaces = mem_printf("%*s", 2000, "");
    vis_reset(&v);
    vis_printf_own(&v, "%s", spaces);
    assert_int_equal(v.cols, 2000);
    mem_free(spaces);
    vis_deinit(&v);
}

static void limit_of_octets(void **state)
{
    (void)state;
    struct vis_text v;
    vis_init(&v);
    uint8_t *octets = mem_alloc(1 << 20);
    memset(octets, '\x01', 1 << 20);
    size_t used = vis_append(&v, slice_of(octets, 1 << 20), 0, SIZE_MAX);
    assert_true(used < 1 << 20);
    assert_int_equal(v.text.len, used * 2);
    assert_true(v.cut);
    mem_free(octets);
    vis_deinit(&v);
}

static void cut_text(void **state)
{
    (void)state;
    char text[12];
    vis_to_cstr(text, 7, SLICE_LIT("123456"));
    assert_string_equal(text, "123456");
    vis_to_cstr(text, 7, SLICE_LIT("1234567"));
    assert_string_equal(text, "123...");
    vis_to_cstr(text, 4, SLICE_LIT("1234567"));
    assert_string_equal(text, "...");
    vis_to_cstr(text, 8, SLICE_LIT("\u6f22\u6f22\u6f22"));
    assert_string_equal(text, "\u6f22...");
    vis_to_cstr(text, 8, SLICE_LIT("12345\x1b\x1b"));
    assert_string_equal(text, "1234...");
    vis_to_cstr(text, 8, slice_of(NULL, 0));
    assert_string_equal(text, "");
}

static void widths(void **state)
{
    (void)state;
    static const struct {
        uint32_t first, last;
        int width;
    } ranges[] = {
        {0x00, 0x1F, -1},      {0x20, 0x7E, 1},         {0x7F, 0x9F, -1},
        {0xA0, 0xAC, 1},       {0xAD, 0xAD, -1},        {0xAE, 0x2FF, 1},
        {0x300, 0x34E, 0},     {0x34F, 0x34F, -1},      {0x4E00, 0x9FFF, 2},
        {0xAC00, 0xD7A3, 2},   {0x1100, 0x115E, 2},     {0xD800, 0xF8FF, -1},
        {0x200B, 0x200F, -1},  {0x2028, 0x202E, -1},    {0x2060, 0x2069, -1},
        {0x2500, 0x25FC, 1},   {0xFE00, 0xFE0F, -1},    {0xFEFF, 0xFEFF, -1},
        {0xFF01, 0xFF60, 2},   {0xFFF0, 0xFFFB, -1},    {0xFFFC, 0xFFFD, 1},
        {0xFFFE, 0xFFFF, -1},  {0x1F1E6, 0x1F1FF, -1},  {0x1F600, 0x1F64F, 2},
        {0x20000, 0x2A6D0, 2}, {0xE0000, 0x10FFFF, -1}, {0x110000, 0x110010, -1},
        {0x05D0, 0x05EA, 1},   {0x20D0, 0x20F0, 0},     {UINT32_MAX, UINT32_MAX, -1},
    };
    for (size_t i = 0; i < COUNT(ranges); i++)
        for (uint64_t cp = ranges[i].first; cp <= ranges[i].last; cp++)
            assert_int_equal(vis_width((uint32_t)cp), ranges[i].width);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(random_octets_are_safe),
        cmocka_unit_test(flags_and_columns),
        cmocka_unit_test(limit_of_octets),
        cmocka_unit_test(cut_text),
        cmocka_unit_test(widths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
