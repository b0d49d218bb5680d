/* The reply parser: what each line means, every split, every cap. */
#include "smtp/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"

#define BIT(name) SMTP_RULE_BIT(SMTP_RULE_##name)

/* Each input holds exactly one reply. */
static const struct reply_case {
    const char *in;
    size_t len;
    unsigned code;
    size_t n_lines;
    smtp_rules rules;
    const char *enhanced;  /* NULL: none */
    const char *last_text; /* behind code and enhanced code */
} cases[] = {
#define IN(text) text, sizeof(text) - 1
    {IN("250 ok\r\n"), 250, 1, 0, NULL, "ok"},
    {IN("220 mail.example.test ESMTP\r\n"), 220, 1, 0, NULL, "mail.example.test ESMTP"},
    {IN("250 2.1.0 Sender ok\r\n"), 250, 1, 0, "2.1.0", "Sender ok"},
    {IN("550 5.7.26  two spaces\r\n"), 550, 1, 0, "5.7.26", "two spaces"},
    {IN("250 2.0.0\r\n"), 250, 1, 0, "2.0.0", ""},
    {IN("250 2.0.0ok\r\n"), 250, 1, 0, NULL, "2.0.0ok"},
    {IN("250 3.0.0 ok\r\n"), 250, 1, 0, NULL, "3.0.0 ok"},
    {IN("250-one\r\n250-two\r\n250 three\r\n"), 250, 3, 0, NULL, "three"},
    {IN("250-\r\n250 end\r\n"), 250, 2, 0, NULL, "end"},
    {IN("550-5.7.1 first\r\n550 5.7.2 second\r\n"), 550, 2, 0, "5.7.2", "second"},
    {IN("250\r\n"), 250, 1, BIT(REPLY_NO_TEXT), NULL, ""},
    {IN("250 \r\n"), 250, 1, BIT(REPLY_NO_TEXT), NULL, ""},
    {IN("250-a\r\n250\r\n"), 250, 2, BIT(REPLY_NO_TEXT), NULL, ""},
    {IN("250x\r\n"), 250, 1, BIT(REPLY_BAD_SEPARATOR), NULL, "x"},
    {IN("2500 ok\r\n"), 250, 1, BIT(REPLY_BAD_SEPARATOR), NULL, "0 ok"},
    {IN("250\tok\r\n"), 250, 1, BIT(REPLY_BAD_SEPARATOR), NULL, "\tok"},
    {IN("250-a\r\n250=b\r\n"), 250, 2, BIT(REPLY_BAD_SEPARATOR), NULL, "=b"},
    {IN("250 ok\n"), 250, 1, BIT(LINE_BARE_LF), NULL, "ok"},
    {IN("250-a\n250 b\r\n"), 250, 2, BIT(LINE_BARE_LF), NULL, "b"},
    {IN("250 a\rb\r\n"), 250, 1, BIT(LINE_BARE_CR), NULL, "a\rb"},
    {IN("250 a\r\r\n"), 250, 1, BIT(LINE_BARE_CR), NULL, "a\r"},
    {IN("250 a\0b\r\n"), 250, 1, BIT(LINE_NUL), NULL, NULL},
    {IN("250 \033[2J\r\n"), 250, 1, BIT(LINE_CONTROL), NULL, "\033[2J"},
    {IN("250 \177\r\n"), 250, 1, BIT(LINE_CONTROL), NULL, "\177"},
    {IN("250 tab\there\r\n"), 250, 1, 0, NULL, "tab\there"},
    {IN("250 gr\303\274n\r\n"), 250, 1, BIT(LINE_8BIT), NULL, "gr\303\274n"},
    {IN("250-a\r\n550 b\r\n"), 550, 2, BIT(REPLY_MIXED_CODES), NULL, "b"},
    {IN("250-a\r\nwhat\r\n250 b\r\n"), 250, 3, BIT(REPLY_BAD_CODE), NULL, "b"},
    {IN("250-a\r\n\r\n550 b\r\n"), 550, 3, BIT(REPLY_BAD_CODE) | BIT(REPLY_MIXED_CODES), NULL, "b"},
    {IN("hello\r\n"), 0, 1, BIT(REPLY_BAD_CODE), NULL, "hello"},
    {IN("2.0.0 ok\r\n"), 0, 1, BIT(REPLY_BAD_CODE), NULL, "2.0.0 ok"},
    {IN("\r\n"), 0, 1, BIT(REPLY_BAD_CODE), NULL, ""},
    {IN("\n"), 0, 1, BIT(REPLY_BAD_CODE) | BIT(LINE_BARE_LF), NULL, ""},
    {IN("25\r\n"), 0, 1, BIT(REPLY_BAD_CODE), NULL, "25"},
    {IN("2 50 a\r\n"), 0, 1, BIT(REPLY_BAD_CODE), NULL, "2 50 a"},
    {IN(" 250 a\r\n"), 0, 1, BIT(REPLY_BAD_CODE), NULL, " 250 a"},
    {IN("150 wait\r\n"), 150, 1, BIT(REPLY_BAD_CODE), NULL, "wait"},
    {IN("600 no\r\n"), 600, 1, BIT(REPLY_BAD_CODE), NULL, "no"},
    {IN("999-a\r\n999 b\r\n"), 999, 2, BIT(REPLY_BAD_CODE), NULL, "b"},
    {IN("421 bye\r\n"), 421, 1, 0, NULL, "bye"},
    {IN("571 blocked\r\n"), 571, 1, 0, NULL, "blocked"},
#undef IN
};

static void check_reply(const struct smtp_reply *r, const struct reply_case *c)
{
    char text[32];
    assert_int_equal(r->code, c->code);
    assert_int_equal(r->n_lines, c->n_lines);
    assert_int_equal(r->rules, c->rules);
    assert_int_equal(r->text.len, c->len);
    assert_memory_equal(r->text.ptr, c->in, c->len);
    assert_int_equal(r->has_enhanced, c->enhanced != NULL);
    if (c->enhanced != NULL) {
        snprintf(text, sizeof(text), "%u.%u.%u", r->enhanced[0], r->enhanced[1], r->enhanced[2]);
        assert_string_equal(text, c->enhanced);
    }
    if (c->last_text != NULL)
        assert_true(slice_eq(smtp_reply_line_text(r, r->n_lines - 1), slice_cstr(c->last_text)));
}

/* Feed a, then b; the reply must be done at the very end and not before. */
static void feed_two(const struct reply_case *c, size_t cut)
{
    struct smtp_reply_parser p;
    struct smtp_reply r;
    bool done = false;
    smtp_reply_parser_init(&p);
    assert_int_equal(smtp_reply_feed(&p, slice_of(c->in, cut), &r, &done), cut);
    assert_int_equal(done, cut == c->len);
    assert_int_equal(smtp_reply_pending(&p), cut > 0 && cut < c->len);
    if (!done)
        assert_int_equal(smtp_reply_feed(&p, slice_of(c->in + cut, c->len - cut), &r, &done),
                         c->len - cut);
    assert_true(done);
    assert_false(smtp_reply_pending(&p));
    check_reply(&r, c);
    smtp_reply_parser_deinit(&p);
    assert_null(p.text.ptr);
    assert_null(p.lines);
}

static void test_cases_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t cut = 0; cut <= cases[i].len; cut++)
            feed_two(&cases[i], cut);
}

static void test_one_octet_at_a_time_and_reuse(void **state)
{
    (void)state;
    struct smtp_reply_parser p;
    struct smtp_reply r;
    smtp_reply_parser_init(&p);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct reply_case *c = &cases[i];
        for (size_t at = 0; at < c->len; at++) {
            bool done;
            assert_int_equal(smtp_reply_feed(&p, slice_of(c->in + at, 1), &r, &done), 1);
            assert_int_equal(done, at + 1 == c->len);
        }
        check_reply(&r, c);
    }
    smtp_reply_parser_deinit(&p);
}

/* A feed stops behind one reply: what follows is the next one. */
static void test_pipelined(void **state)
{
    (void)state;
    struct slice in = SLICE_LIT("250 a\r\n250-b\r\n250 c\r\n354 go\r\n");
    static const unsigned codes[] = {250, 250, 354};
    struct smtp_reply_parser p;
    struct smtp_reply r;
    bool done;
    smtp_reply_parser_init(&p);
    for (size_t i = 0; i < 3; i++) {
        size_t used = smtp_reply_feed(&p, in, &r, &done);
        assert_true(done);
        assert_int_equal(r.code, codes[i]);
        in = slice_skip(in, used);
    }
    assert_int_equal(in.len, 0);
    assert_int_equal(smtp_reply_feed(&p, in, &r, &done), 0);
    assert_false(done);
    smtp_reply_parser_deinit(&p);
}

static void test_many_lines(void **state)
{
    (void)state;
    struct smtp_reply_parser p;
    struct smtp_reply r;
    bool done = false;
    smtp_reply_parser_init(&p);
    for (unsigned i = 0; i < 300; i++) {
        smtp_reply_feed(&p, SLICE_LIT("250-line\r\n"), &r, &done);
        assert_false(done);
    }
    smtp_reply_feed(&p, SLICE_LIT("250 last\r\n"), &r, &done);
    assert_true(done);
    assert_int_equal(r.n_lines, 301);
    assert_int_equal(r.rules, 0);
    assert_true(slice_eq(smtp_reply_line_text(&r, 17), SLICE_LIT("line")));
    assert_true(slice_eq(smtp_reply_line_text(&r, 300), SLICE_LIT("last")));
    smtp_reply_parser_deinit(&p);
}

/* 512 octets with CRLF are allowed, 513 are not. */
static void test_line_length(void **state)
{
    (void)state;
    for (size_t len = 511; len <= 514; len++) {
        char line[600];
        struct smtp_reply_parser p;
        struct smtp_reply r;
        bool done;
        memset(line, 'x', len);
        memcpy(line, "250 ", 4);
        memcpy(line + len - 2, "\r\n", 2);
        smtp_reply_parser_init(&p);
        assert_int_equal(smtp_reply_feed(&p, slice_of(line, len), &r, &done), len);
        assert_int_equal(r.rules, len > 512 ? BIT(REPLY_LINE_TOO_LONG) : 0);
        smtp_reply_parser_deinit(&p);
    }
}

/* Everything in `in` in pieces of `step` octets; the first reply's summary. */
static size_t feed_steps(struct slice in, size_t step, unsigned *code, size_t *n_lines,
                         smtp_rules *rules)
{
    struct smtp_reply_parser p;
    struct smtp_reply r;
    size_t used = 0;
    bool done = false;
    smtp_reply_parser_init(&p);
    while (used < in.len && !done)
        used += smtp_reply_feed(&p, slice_take(slice_skip(in, used), step), &r, &done);
    assert_true(done);
    *code = r.code;
    *n_lines = r.n_lines;
    *rules = r.rules;
    assert_int_equal(r.text.len, used);
    smtp_reply_parser_deinit(&p);
    return used;
}

static void test_caps(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 7, 4096, 65535, 65536, 65537, SIZE_MAX};
    size_t total = SMTP_CAP_REPLY_OCTETS + 100000;
    char *endless = mem_alloc(total);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        unsigned code;
        size_t n_lines;
        smtp_rules rules;
        /* One line of 100,000 octets: pieces of one reply. */
        memset(endless, 'x', total);
        memcpy(endless, "250 ", 4);
        memcpy(endless + 99998, "\r\n", 2);
        assert_int_equal(feed_steps(slice_of(endless, total), steps[i], &code, &n_lines, &rules),
                         100000);
        assert_int_equal(code, 250);
        assert_int_equal(n_lines, 2);
        assert_int_equal(rules, BIT(LINE_CAP) | BIT(REPLY_LINE_TOO_LONG));
        /* A line that never ends. */
        memset(endless, 'x', total);
        memcpy(endless, "250-", 4);
        assert_int_equal(feed_steps(slice_of(endless, total), steps[i], &code, &n_lines, &rules),
                         SMTP_CAP_REPLY_OCTETS);
        assert_int_equal(code, 250);
        assert_int_equal(n_lines, 4);
        assert_int_equal(rules, BIT(LINE_CAP) | BIT(REPLY_LINE_TOO_LONG) | BIT(REPLY_CAP));
        /* Lines that never end the reply. */
        for (size_t at = 0; at < total; at++)
            endless[at] = "250-\r\n"[at % 6];
        assert_int_equal(feed_steps(slice_of(endless, total), steps[i], &code, &n_lines, &rules),
                         SMTP_CAP_REPLY_LINES * 6);
        assert_int_equal(n_lines, SMTP_CAP_REPLY_LINES);
        assert_int_equal(rules, BIT(REPLY_CAP));
    }
    mem_free(endless);
}

static void test_cut(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        bool pending;
        unsigned code;
        size_t n_lines;
        smtp_rules rules;
    } cut_cases[] = {
        {"", false, 0, 0, 0},
        {"250 ok\r\n", false, 0, 0, 0},
        {"250 o", true, 250, 1, BIT(REPLY_CUT)},
        {"250 ok\r", true, 250, 1, BIT(REPLY_CUT)},
        {"250-a\r\n", true, 250, 1, BIT(REPLY_CUT)},
        {"250-a\r\n25", true, 250, 2, BIT(REPLY_CUT) | BIT(REPLY_BAD_CODE)},
        {"4", true, 0, 1, BIT(REPLY_CUT) | BIT(REPLY_BAD_CODE)},
    };
    for (size_t i = 0; i < sizeof(cut_cases) / sizeof(cut_cases[0]); i++) {
        struct smtp_reply_parser p;
        struct smtp_reply r;
        bool done;
        smtp_reply_parser_init(&p);
        smtp_reply_feed(&p, slice_cstr(cut_cases[i].in), &r, &done);
        assert_int_equal(smtp_reply_cut(&p, &r), cut_cases[i].pending);
        if (cut_cases[i].pending) {
            assert_int_equal(r.code, cut_cases[i].code);
            assert_int_equal(r.n_lines, cut_cases[i].n_lines);
            assert_int_equal(r.rules, cut_cases[i].rules);
            assert_true(slice_eq(r.text, slice_cstr(cut_cases[i].in)));
        }
        assert_false(smtp_reply_cut(&p, &r));
        smtp_reply_parser_deinit(&p);
    }
}

static void test_enhanced(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t used;
    } rows[] = {
        {"2.0.0", 5}, {"4.7.1 text", 5}, {"5.123.456 x", 9}, {"5.1234.1", 0}, {"5.1.1234", 0},
        {"3.0.0", 0}, {"1.0.0", 0},      {"22.0.0", 0},      {"2.0", 0},      {"2.0.", 0},
        {"2..0", 0},  {".0.0", 0},       {"2.0.0.0", 0},     {"2.0.0-x", 0},  {"", 0},
        {"2", 0},     {"5.7.26\tx", 0},  {"2-0-0", 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned enhanced[3] = {7, 7, 7};
        assert_int_equal(smtp_enhanced_parse(slice_cstr(rows[i].in), enhanced), rows[i].used);
        assert_int_equal(enhanced[0] == 7, rows[i].used == 0);
    }
}

static void test_outcome(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 1000; code++) {
        enum smtp_outcome outcome = smtp_reply_outcome(code);
        if (code == 421)
            assert_int_equal(outcome, SMTP_OUT_421);
        else if (code < 200 || code > 599)
            assert_int_equal(outcome, SMTP_OUT_MALFORMED);
        else
            assert_int_equal(outcome, SMTP_OUT_2YZ + code / 100 - 2);
    }
    for (unsigned o = 0; o < SMTP_OUT__COUNT; o++)
        for (unsigned other = 0; other < o; other++)
            assert_string_not_equal(smtp_outcome_name((enum smtp_outcome)o),
                                    smtp_outcome_name((enum smtp_outcome)other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases_every_split),
        cmocka_unit_test(test_one_octet_at_a_time_and_reuse),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_many_lines),
        cmocka_unit_test(test_line_length),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_enhanced),
        cmocka_unit_test(test_outcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
