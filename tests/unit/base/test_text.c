/* utf8, base64, json, clock: tables of the valid and the invalid. */
#include "base/base64.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/userinfo.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void utf8_every_character(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp < 0x110400; cp++) {
        uint8_t octets[4];
        size_t len = utf8_encode(cp, octets);
        bool is_character = cp <= 0x10FFFF && !(cp >= 0xD800 && cp <= 0xDFFF);
        assert_int_equal(len > 0, is_character);
        uint32_t back = 0;
        if (!is_character)
            continue;
        assert_int_equal(utf8_decode(slice_of(octets, len), &back), len);
        assert_int_equal(back, cp);
        assert_true(utf8_valid(slice_of(octets, len)));
        if (len > 1) {
            assert_int_equal(utf8_decode(slice_of(octets, len - 1), &back), 0);
            assert_false(utf8_valid(slice_of(octets, len - 1)));
        }
    }
}

static const struct slice not_utf8[] = {
    SLICE_LIT("\x80"),
    SLICE_LIT("\xBF"),
    SLICE_LIT("\xC0\x80"),         /* overlong NUL */
    SLICE_LIT("\xC1\xBF"),         /* overlong */
    SLICE_LIT("\xC2"),             /* cut */
    SLICE_LIT("\xC2\x41"),         /* no tail */
    SLICE_LIT("\xE0\x9F\xBF"),     /* overlong */
    SLICE_LIT("\xE2\x82"),         /* cut */
    SLICE_LIT("\xED\xA0\x80"),     /* U+D800 */
    SLICE_LIT("\xED\xBF\xBF"),     /* U+DFFF */
    SLICE_LIT("\xF0\x8F\xBF\xBF"), /* overlong */
    SLICE_LIT("\xF0\x9F\x98"),     /* cut */
    SLICE_LIT("\xF4\x90\x80\x80"), /* U+110000 */
    SLICE_LIT("\xF5\x80\x80\x80"),
    SLICE_LIT("\xFE"),
    SLICE_LIT("\xFF"),
    SLICE_LIT("\xF8\x88\x80\x80\x80"),
};

/* Wherever it stands relative to the eight octets taken at once. */
static void utf8_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(not_utf8); i++) {
        uint32_t cp;
        assert_int_equal(utf8_decode(not_utf8[i], &cp), 0);
        for (size_t before = 0; before < 20; before++)
            for (size_t after = 0; after < 20; after++) {
                uint8_t octets[64];
                memset(octets, 'a', sizeof(octets));
                assert_true(utf8_valid(slice_of(octets, before + after)));
                memcpy(octets + before, not_utf8[i].ptr, not_utf8[i].len);
                assert_false(utf8_valid(slice_of(octets, before + not_utf8[i].len + after)));
                memset(octets, 'a', sizeof(octets));
                memcpy(octets + before, "\U0001F600", 4);
                assert_true(utf8_valid(slice_of(octets, before + 4 + after)));
            }
    }
    assert_true(utf8_valid(slice_of(NULL, 0)));
}

static void base64_vectors(void **state)
{
    (void)state;
    /* RFC 4648 section 10, and all 64 letters. */
    static const struct {
        const char *plain, *coded;
    } table[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xFB\xEF\xBE\xFF\xFF\xFF", "++++////"},
    };
    struct buf b;
    buf_init(&b, 1000);
    for (size_t i = 0; i < COUNT(table); i++) {
        buf_reset(&b);
        assert_true(base64_encode(&b, slice_cstr(table[i].plain)));
        assert_string_equal(buf_cstr(&b), table[i].coded);
        buf_reset(&b);
        assert_true(base64_decode(&b, slice_cstr(table[i].coded)));
        assert_string_equal(buf_cstr(&b), table[i].plain);
    }
    uint8_t all[256];
    for (size_t i = 0; i < 256; i++)
        all[i] = (uint8_t)(i * 167 + 13);
    for (size_t len = 0; len <= 256; len++) {
        struct buf back;
        buf_init(&back, 256);
        buf_reset(&b);
        assert_true(base64_encode(&b, slice_of(all, len)));
        assert_true(base64_decode(&back, buf_slice(&b)));
        assert_true(slice_eq(buf_slice(&back), slice_of(all, len)));
        buf_deinit(&back);
    }
    buf_deinit(&b);
}

static void base64_refuses(void **state)
{
    (void)state;
    static const char *const table[] = {
        "Z",       "Zg",   "Zg=",      "Zg===",    "====", "=",        "Z===",
        "Zm9vZg=", "Zh==", "Zm9=",     "Zg==Zg==", "Zm=v", "Zm9v\r\n", "Zm 9",
        "Zm9-",    "Zm9_", "Zm9v====", "Zm9\x80v", "*",    "Zm9v=",    "Zm\n9v",
    };
    struct buf b;
    buf_init(&b, 100);
    buf_append_cstr(&b, "before");
    for (size_t i = 0; i < COUNT(table); i++) {
        assert_false(base64_decode(&b, slice_cstr(table[i])));
        assert_string_equal(buf_cstr(&b), "before");
    }
    assert_false(base64_decode(&b, SLICE_LIT("Zm\0v")));
    buf_deinit(&b);
    buf_init(&b, 7);
    assert_false(base64_encode(&b, SLICE_LIT("foobar")));
    assert_true(b.overflow);
    assert_int_equal(b.len, 0);
    buf_deinit(&b);
}

static void json_table(void **state)
{
    (void)state;
    static const struct {
        struct slice in;
        const char *out;
    } table[] = {
        {SLICE_LIT(""), "\"\""},
        {SLICE_LIT("a\"b\\c/"), "\"a\\\"b\\\\c/\""},
        {SLICE_LIT("\b\t\n\f\r"), "\"\\b\\t\\n\\f\\r\""},
        {SLICE_LIT("\0\x01\x0b\x1f\x7f"), "\"\\u0000\\u0001\\u000b\\u001f\\u007f\""},
        {SLICE_LIT("\u2027\u2028\u2029\u202a"), "\"\u2027\\u2028\\u2029\u202a\""},
        {SLICE_LIT("\u00e9\u6f22\U0001F600"), "\"\u00e9\u6f22\U0001F600\""},
        {SLICE_LIT("\u20ac \u2014"), "\"\u20ac \u2014\""},
    };
    struct buf b;
    buf_init(&b, 4096);
    for (size_t i = 0; i < COUNT(table); i++) {
        buf_reset(&b);
        assert_true(json_put_string(&b, table[i].in));
        assert_string_equal(buf_cstr(&b), table[i].out);
    }
    buf_deinit(&b);
}

/* The plain way, for comparison. */
static void slow_json(struct buf *out, struct slice s)
{
    buf_append_octet(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        static const char names[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
        const char *name = c == 0 ? NULL : strchr(names, c);
        if (name != NULL)
            buf_printf(out, "\\%c", letters[name - names]);
        else if (c < 0x20 || c == 0x7F)
            buf_printf(out, "\\u%04x", c);
        else if (slice_starts(slice_skip(s, i), SLICE_LIT("\xE2\x80\xA8")))
            buf_append_cstr(out, "\\u2028"), i += 2;
        else if (slice_starts(slice_skip(s, i), SLICE_LIT("\xE2\x80\xA9")))
            buf_append_cstr(out, "\\u2029"), i += 2;
        else
            buf_append_octet(out, c);
    }
    buf_append_octet(out, '"');
}

static uint32_t random_next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void json_against_the_plain_way(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "a",        "bcdefgh", "\r\n", "\"",     "\\",     "\u2028", "\u2014",
        "\u2029\"", "\x01",    "\x7f", "\u00e9", "\u6f22", "      ", "\xF0\x9F\x98\x80"};
    struct buf in, fast, slow;
    buf_init(&in, 1 << 20);
    buf_init(&fast, 1 << 20);
    buf_init(&slow, 1 << 20);
    uint32_t seed = 7;
    for (int round = 0; round < 3000; round++) {
        buf_reset(&in);
        buf_reset(&fast);
        buf_reset(&slow);
        uint32_t n = random_next(&seed) % (round % 100 == 0 ? 5000 : 30);
        for (uint32_t i = 0; i < n; i++)
            buf_append_cstr(&in, parts[random_next(&seed) % COUNT(parts)]);
        assert_true(json_put_string(&fast, buf_slice(&in)));
        slow_json(&slow, buf_slice(&in));
        assert_true(slice_eq(buf_slice(&fast), buf_slice(&slow)));
    }
    /* Every octet at every place of a word. */
    for (unsigned octet = 0; octet < 256; octet++)
        for (size_t at = 0; at < 17; at++) {
            uint8_t text[17];
            memset(text, 'x', sizeof(text));
            text[at] = (uint8_t)octet;
            buf_reset(&fast);
            buf_reset(&slow);
            json_put_string(&fast, slice_of(text, sizeof(text)));
            slow_json(&slow, slice_of(text, sizeof(text)));
            assert_true(slice_eq(buf_slice(&fast), buf_slice(&slow)));
        }
    buf_deinit(&in);
    buf_deinit(&fast);
    buf_deinit(&slow);
}

static void json_keeps_the_cap(void **state)
{
    (void)state;
    uint8_t text[9000];
    memset(text, '\n', sizeof(text));
    for (size_t cap = 0; cap < 18010; cap += cap < 20 || cap > 17990 ? 1 : 977) {
        struct buf b;
        buf_init(&b, cap);
        bool fits = json_put_string(&b, slice_of(text, sizeof(text)));
        assert_int_equal(fits, cap >= 18002);
        assert_int_equal(b.len, fits ? 18002 : 0);
        assert_int_equal(b.overflow, !fits);
        buf_deinit(&b);
    }
}

static void json_numbers(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 200);
    json_put_u64(&b, 0);
    buf_append_cstr(&b, " ");
    json_put_u64(&b, UINT64_MAX);
    buf_append_cstr(&b, " ");
    json_put_i64(&b, INT64_MIN);
    buf_append_cstr(&b, " ");
    json_put_i64(&b, -1);
    buf_append_cstr(&b, " ");
    json_put_i64(&b, INT64_MAX);
    buf_append_cstr(&b, " ");
    json_put_base64(&b, SLICE_LIT("fo"));
    assert_string_equal(buf_cstr(&b), "0 18446744073709551615 -9223372036854775808 -1 "
                                      "9223372036854775807 \"Zm8=\"");
    buf_deinit(&b);
}

static void clock_forms(void **state)
{
    (void)state;
    static const struct {
        int64_t wall_us;
        const char *text;
    } table[] = {
        {1, "1970-01-01T00:00:00.000001Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {1795456931000123, "2026-11-23T18:02:11.000123Z"},
        {951782400000000, "2000-02-29T00:00:00.000000Z"},
        {4107542400000000, "2100-03-01T00:00:00.000000Z"},
        {253402300799999999, "9999-12-31T23:59:59.999999Z"},
        {-62167219200000000, "0000-01-01T00:00:00.000000Z"},
    };
    char text[28];
    for (size_t i = 0; i < COUNT(table); i++) {
        clock_format_rfc3339(table[i].wall_us, text, sizeof(text));
        assert_string_equal(text, table[i].text);
        assert_int_equal(clock_parse_rfc3339(text), table[i].wall_us);
    }
    /* Each day of 800 years, forward and back. */
    for (int64_t day = -146097; day < 146097; day++) {
        int64_t wall_us = (day * 86400 + 3723) * 1000000 + 45;
        clock_format_rfc3339(wall_us, text, sizeof(text));
        assert_int_equal(clock_parse_rfc3339(text), wall_us);
    }
    clock_format_rfc3339(INT64_MAX, text, sizeof(text));
    assert_int_equal(strlen(text), 27);
    clock_format_rfc3339(INT64_MIN, text, sizeof(text));
    assert_int_equal(strlen(text), 27);
}

static void clock_refuses(void **state)
{
    (void)state;
    static const char *const table[] = {
        "",
        "2026-11-23T18:02:11.000123",
        "2026-11-23T18:02:11Z",
        "2026-11-23 18:02:11.000123Z",
        "2026-11-23T18:02:11.000123z",
        "2026-13-23T18:02:11.000123Z",
        "2026-00-23T18:02:11.000123Z",
        "2026-02-29T18:02:11.000123Z",
        "2026-11-31T18:02:11.000123Z",
        "2026-11-00T18:02:11.000123Z",
        "2026-11-23T24:02:11.000123Z",
        "2026-11-23T18:60:11.000123Z",
        "2026-11-23T18:02:60.000123Z",
        "2026-11-23T18:02:11.000123+",
        "2026-11-23T18:02:11.000123Z ",
        "-026-11-23T18:02:11.000123Z",
        "2026-11-23T18:02:11.00012xZ",
    };
    for (size_t i = 0; i < COUNT(table); i++)
        assert_int_equal(clock_parse_rfc3339(table[i]), 0);
    assert_int_equal(clock_parse_rfc3339(NULL), 0);
}

static void clock_by_hand(void **state)
{
    (void)state;
    struct clock_manual m;
    clock_manual_init(&m, 5, 1000000);
    const struct clock *c = &m.clock;
    assert_int_equal(c->tick_ns(c->ctx), 5);
    assert_int_equal(c->wall_us(c->ctx), 1000000);
    clock_manual_advance_ms(&m, 3);
    assert_int_equal(c->tick_ns(c->ctx), 3000005);
    assert_int_equal(c->wall_us(c->ctx), 1003000);
    c = clock_system();
    uint64_t tick_ns = c->tick_ns(c->ctx);
    assert_true(c->tick_ns(c->ctx) >= tick_ns && tick_ns > 0);
    assert_true(c->wall_us(c->ctx) > 1577836800000000); /* after 2020 */
}

/* ---- passwords in URLs ---- */

static const struct {
    const char *text, *masked;
} urls[] = {
    {"", ""},
    {"smtp://host", "smtp://host"},
    {"smtp://host:25", "smtp://host:25"},
    {"smtp://ann@host:25", "smtp://ann@host:25"},
    {"smtp://ann@example.net@host:25", "smtp://ann@example.net@host:25"},
    {"smtp://ann:pw@host", "smtp://ann:***@host"},
    {"/open smtp://ann:pw@host:25/ now", "/open smtp://ann:***@host:25/ now"},
    {"smtp://:pw@host", "smtp://:***@host"},
    {"smtp://ann:@host", "smtp://ann:***@host"},
    {"smtp://ann:p:w@host", "smtp://ann:***@host"},
    {"smtp://ann:p@w@host", "smtp://ann:***@host"},
    {"smtp://ann:p/w@host", "smtp://ann:***@host"},
    {"smtp://ann:25@host", "smtp://ann:***@host"},
    {"smtp://ann:p w@host", "smtp://ann:***@host"},
    {"smtp://a:pw@h smtp://b:pw@h", "smtp://a:***@h smtp://b:***@h"},
    {"smtp://h:25 and mail ann@example.net", "smtp://h:25 and mail ann@example.net"},
    {"smtp://[::1]:25", "smtp://[::1]:25"},
    {"smtp://ann:pw@[::1]:25", "smtp://ann:***@[::1]:25"},
    {"://", "://"},
    {"://@", "://@"},
    {"://:@", "://:***@"},
    {"MAIL FROM:<ann@example.net>", "MAIL FROM:<ann@example.net>"},
    {"ann:pw@host", "ann:pw@host"},
};
static const struct {
    const char *url, *masked;
} values[] = {
    {"ann:pw@host:1080", "ann:***@host:1080"},
    {"host:1080", "host:1080"},
    {"ann@host", "ann@host"},
    {"socks5://ann:pw@host", "socks5://ann:***@host"},
};

static void passwords_in_urls(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1024);
    for (size_t i = 0; i < COUNT(urls); i++) {
        buf_reset(&out);
        bool any = userinfo_mask(slice_cstr(urls[i].text), &out);
        assert_string_equal(buf_cstr(&out), urls[i].masked);
        assert_int_equal(any, strcmp(urls[i].text, urls[i].masked) != 0);
    }
    for (size_t i = 0; i < COUNT(values); i++) {
        buf_reset(&out);
        userinfo_mask_url(slice_cstr(values[i].url), &out);
        assert_string_equal(buf_cstr(&out), values[i].masked);
    }
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_every_character), cmocka_unit_test(utf8_refuses),
        cmocka_unit_test(base64_vectors),       cmocka_unit_test(base64_refuses),
        cmocka_unit_test(json_table),           cmocka_unit_test(json_against_the_plain_way),
        cmocka_unit_test(json_keeps_the_cap),   cmocka_unit_test(json_numbers),
        cmocka_unit_test(clock_forms),          cmocka_unit_test(clock_refuses),
        cmocka_unit_test(clock_by_hand),        cmocka_unit_test(passwords_in_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
