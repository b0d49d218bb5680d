/* POP3 responses, listings, the greeting's stamp, and the knowledge tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pop3/response.h"
#include "pop3/tables.h"

#define R(name) POP3_RULE_BIT(POP3_RULE_##name)

static const struct {
    const char *line;
    enum pop3_status status;
    const char *code, *text;
    pop3_rules rules;
} lines[] = {
    {"+OK", POP3_STATUS_OK, "", "", 0},
    {"+OK ", POP3_STATUS_OK, "", "", 0},
    {"+OK 2 320", POP3_STATUS_OK, "", "2 320", 0},
    {"+OK [x] y", POP3_STATUS_OK, "", "[x] y", 0}, /* codes come with -ERR */
    {"-ERR no such message", POP3_STATUS_ERR, "", "no such message", 0},
    {"-ERR", POP3_STATUS_ERR, "", "", 0},
    {"-ERR [IN-USE] Do you have another session?", POP3_STATUS_ERR, "IN-USE",
     "Do you have another session?", 0},
    {"-ERR [SYS/TEMP]", POP3_STATUS_ERR, "SYS/TEMP", "", 0},
    {"+ AGFubg==", POP3_STATUS_CONTINUE, "", "AGFubg==", 0},
    {"+ ", POP3_STATUS_CONTINUE, "", "", 0},
    {"+", POP3_STATUS_CONTINUE, "", "", 0},
    {"+ok hi", POP3_STATUS_OK, "", "hi", R(STATUS)},
    {"-err hi", POP3_STATUS_ERR, "", "hi", R(STATUS)},
    {"+OKAY", POP3_STATUS_NONE, "", "+OKAY", R(STATUS)},
    {"220 smtp.example ESMTP", POP3_STATUS_NONE, "", "220 smtp.example ESMTP", R(STATUS)},
    {"", POP3_STATUS_NONE, "", "", R(STATUS)},
    {"-ERR [in use] x", POP3_STATUS_ERR, "", "[in use] x", R(CODE_SYNTAX)},
    {"-ERR [] x", POP3_STATUS_ERR, "", "[] x", R(CODE_SYNTAX)},
    {"-ERR [SYS//TEMP] x", POP3_STATUS_ERR, "", "[SYS//TEMP] x", R(CODE_SYNTAX)},
    {"-ERR [SYS/] x", POP3_STATUS_ERR, "", "[SYS/] x", R(CODE_SYNTAX)},
    {"-ERR [never ends", POP3_STATUS_ERR, "", "[never ends", R(CODE_SYNTAX)},
    {"+OK caf\xc3\xa9", POP3_STATUS_OK, "", "caf\xc3\xa9", R(EIGHT_BIT)},
    {"+OK a\rb", POP3_STATUS_OK, "", "a\rb", R(BARE_CR)},
    {"+OK \x1b[2J", POP3_STATUS_OK, "", "\x1b[2J", R(CONTROL)},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct pop3_response r;
        pop3_response_parse(slice_cstr(lines[i].line), &r);
        if (r.status != lines[i].status || r.rules != lines[i].rules ||
            !slice_eq(r.code, slice_cstr(lines[i].code)) ||
            !slice_eq(r.text, slice_cstr(lines[i].text)))
            fail_msg("\"%s\": status %d rules %llx code \"%.*s\" text \"%.*s\"", lines[i].line,
                     r.status, (unsigned long long)r.rules, SLICE_ARG(r.code), SLICE_ARG(r.text));
    }
    struct pop3_response r;
    char longest[POP3_RESPONSE_LINE_MAX_OCTETS] = "+OK ";
    memset(longest + 4, 'x', sizeof(longest) - 4);
    pop3_response_parse(slice_of(longest, sizeof(longest) - 2), &r);
    assert_int_equal(r.rules, 0);
    pop3_response_parse(slice_of(longest, sizeof(longest) - 1), &r);
    assert_int_equal(r.rules, R(RESPONSE_TOO_LONG));
}

static const struct {
    const char *text, *stamp;
} stamps[] = {
    {"POP3 server ready <1896.697170952@dbc.mtview.ca.us>", "<1896.697170952@dbc.mtview.ca.us>"},
    {"<a@b> and more", "<a@b>"},
    {"ready", ""},
    {"ready <no-at>", ""},
    {"ready <@b>", ""},
    {"ready <a @b>", ""},
    {"ready <a@b", ""},
    {"", ""},
};

static void test_stamps(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++) {
        struct slice got = pop3_greeting_stamp(slice_cstr(stamps[i].text));
        if (!slice_eq(got, slice_cstr(stamps[i].stamp)))
            fail_msg("\"%s\": \"%.*s\"", stamps[i].text, SLICE_ARG(got));
    }
}

static const struct {
    const char *line;
    bool uidl, ok;
    uint32_t message;
    uint64_t octets;
    const char *id;
} listings[] = {
    {"1 120", false, true, 1, 120, ""},
    {"2 200 and text", false, true, 2, 200, ""},
    {"1 18446744073709551615", false, true, 1, UINT64_MAX, ""},
    {"1 18446744073709551616", false, false, 1, 0, ""},
    {"0 120", false, false, 0, 120, ""},
    {"x 120", false, false, 0, 120, ""},
    {"1", false, false, 1, 0, ""},
    {"", false, false, 0, 0, ""},
    {"1 whqtswO00WBw418f9t5JxYwZ", true, true, 1, 0, "whqtswO00WBw418f9t5JxYwZ"},
    {"1 ", true, false, 1, 0, ""},
    {"1 a b", true, false, 1, 0, "a"},
    {"1 \xc3\xa9", true, false, 1, 0, "\xc3\xa9"},
};

static void test_listings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(listings) / sizeof(listings[0]); i++) {
        struct pop3_listing got;
        bool ok = pop3_listing_parse(slice_cstr(listings[i].line), listings[i].uidl, &got);
        if (ok != listings[i].ok || got.message != listings[i].message ||
            got.octets != listings[i].octets ||
            !slice_eq(got.unique_id, slice_cstr(listings[i].id)))
            fail_msg("\"%s\": %d %u %llu \"%.*s\"", listings[i].line, ok, got.message,
                     (unsigned long long)got.octets, SLICE_ARG(got.unique_id));
    }
    char longest[2 + POP3_UNIQUE_ID_MAX_OCTETS + 1] = "1 ";
    struct pop3_listing got;
    memset(longest + 2, 'x', sizeof(longest) - 2);
    assert_true(pop3_listing_parse(slice_of(longest, sizeof(longest) - 1), true, &got));
    assert_false(pop3_listing_parse(slice_of(longest, sizeof(longest)), true, &got));
    uint32_t messages;
    uint64_t octets;
    assert_true(pop3_stat_parse(SLICE_LIT("2 320"), &messages, &octets));
    assert_int_equal(messages, 2);
    assert_int_equal(octets, 320);
    assert_true(pop3_stat_parse(SLICE_LIT("0 0 octets"), &messages, &octets));
    assert_false(pop3_stat_parse(SLICE_LIT("2"), &messages, &octets));
    assert_false(pop3_stat_parse(SLICE_LIT(""), &messages, &octets));
}

static void test_tables(void **state)
{
    (void)state;
    size_t n = 0;
    for (const struct pop3_capability *c; (c = pop3_capability_at(n)) != NULL; n++) {
        assert_ptr_equal(pop3_capability_by_name(slice_cstr(c->name)), c);
        assert_true(c->rfc[0] && c->meaning[0]);
    }
    assert_true(n >= 12);
    assert_null(pop3_capability_by_name(SLICE_LIT("NONE")));
    for (n = 0; pop3_code_at(n); n++)
        assert_ptr_equal(pop3_code_by_name(slice_cstr(pop3_code_at(n)->name)), pop3_code_at(n));
    assert_true(n >= 5);
    assert_non_null(pop3_code_by_name(SLICE_LIT("in-use")));
    assert_null(pop3_code_by_name(SLICE_LIT("X")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_stamps),
        cmocka_unit_test(test_listings),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
