/* Sets, dates, names, patterns, responses, trees, tables, masks. */
#include "imap/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "imap/scan.h"
#include "imap/tables.h"

#define IS(slice, text) assert_true(slice_eq(slice, SLICE_LIT(text)))

static void open_cursor(struct imap_cursor *c, struct arena *a, const char *text)
{
    struct imap_text t = {.octets = slice_cstr(text)};
    arena_init(a);
    imap_cursor_init(c, &t, a);
}

static void test_sets(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t largest;
        const char *holds; /* of 1 to 9 */
        uint64_t count;
    } sets[] = {
        {"1", 9, "1", 1},          {"*", 9, "9", 1},       {"3:1", 9, "123", 3},
        {"7:*", 9, "789", 3},      {"*:7", 9, "789", 3},   {"12:*", 9, "9", 4},
        {"1,3,5:6", 9, "1356", 4}, {"*:4,1", 3, "134", 3}, {"1:4294967295", 9, "123456789", 1000},
    };
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        struct imap_cursor c;
        struct arena a;
        struct imap_set set;
        char holds[16] = "";
        open_cursor(&c, &a, sets[i].text);
        assert_true(imap_take_set(&c, &set) && imap_at_end(&c));
        for (uint32_t n = 1, at = 0; n < 10; n++)
            if (imap_set_holds(&set, n, sets[i].largest))
                holds[at++] = (char)('0' + n);
        assert_string_equal(holds, sets[i].holds);
        assert_int_equal(imap_set_count(&set, sets[i].largest, 1000), sets[i].count);
        arena_deinit(&a);
    }
}

static void test_dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t utc_s;
        int zone;
    } times[] = {
        {"\" 1-Jan-1970 00:00:00 +0000\"", 0, 0},
        {"\"29-Feb-2024 23:59:59 -0530\"", 1709270999, -330},
        {"\"31-Dec-1969 23:59:59 +0000\"", -1, 0},
        {"\"01-Jan-1900 00:00:00 +0000\"", -2208988800, 0},
        {"\"12-Jul-9999 01:02:03 +1400\"", 253387306923, 840},
    };
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct imap_cursor c;
        struct arena a;
        struct imap_date_time t;
        char again[27], out[32];
        open_cursor(&c, &a, times[i].text);
        assert_true(imap_take_date_time(&c, &t));
        assert_int_equal(t.utc_s, times[i].utc_s);
        assert_int_equal(t.zone_min, times[i].zone);
        imap_date_time_format(&t, again);
        snprintf(out, sizeof(out), "\"%s\"", again);
        if (times[i].text[1] != '0') /* we write a space for a leading 0 */
            assert_string_equal(out, times[i].text);
        arena_deinit(&a);
    }
    static const char *const bad[] = {
        "\" 0-Jan-1970 00:00:00 +0000\"", "\"30-Feb-2024 00:00:00 +0000\"",
        "\"29-Feb-2023 00:00:00 +0000\"", "\" 1-Jan-1970 24:00:00 +0000\"",
        "\" 1-Jan-1970 00:00:00\"",       "\" 1-Jan-70 00:00:00 +0000\"",
        "\"1-Jan-1970 00:00:00 +0000\"",  " 1-Jan-1970 00:00:00 +0000",
        "\" 1-Jan-1970 00:00:00 +0060\"",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct imap_cursor c;
        struct arena a;
        struct imap_date_time t;
        open_cursor(&c, &a, bad[i]);
        assert_false(imap_take_date_time(&c, &t));
        assert_int_equal(c.at, 0);
        arena_deinit(&a);
    }
}

static void test_mailbox_names(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool utf8, good;
        const char *name;
    } names[] = {
        {"inbox", false, true, "INBOX"},        {"a&-b", false, true, "a&b"},
        {"&AOQ-", false, true, "\303\244"},     {"\"a b\"", false, true, "a b"},
        {"a&b", false, false, "a&b"},           {"&AOQ", false, false, "&AOQ"},
        {"&AGE-", false, false, "a"}, /* what can be written as itself must be */
        {"\303\244", false, false, "\303\244"}, {"\303\244", true, true, "\303\244"},
        {"&AOQ-", true, true, "&AOQ-"},         {"\"\303\"", true, false, "\303"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct imap_cursor c;
        struct arena a;
        struct slice name;
        open_cursor(&c, &a, names[i].text);
        assert_true(imap_take_mailbox(&c, names[i].utf8, &name));
        assert_int_equal((c.rules & IMAP_RULE_BIT(IMAP_RULE_MAILBOX_NAME)) == 0, names[i].good);
        assert_true(slice_eq(name, slice_cstr(names[i].name)));
        arena_deinit(&a);
    }
}

static void test_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool matches;
    } rows[] = {
        {"*", "a/b/c", true},       {"%", "a", true},
        {"%", "a/b", false},        {"a/%", "a/b", true},
        {"a/%", "a/b/c", false},    {"a/*", "a/b/c", true},
        {"*c", "a/b/c", true},      {"%/c", "a/b/c", false},
        {"%/%/c", "a/b/c", true},   {"", "", true},
        {"", "a", false},           {"a", "a", true},
        {"a", "A", false},          {"*%", "a/b", true},
        {"%*", "a/b", true},        {"*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaa", false},
        {"a*b%c", "a/x/bqc", true}, {"a*b%c", "abq/c", false},
        {"*b%c", "xbq/xbc", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (imap_pattern_matches(slice_cstr(rows[i].pattern), slice_cstr(rows[i].name), '/') !=
            rows[i].matches)
            print_error("%s against %s\n", rows[i].pattern, rows[i].name);
        assert_int_equal(
            imap_pattern_matches(slice_cstr(rows[i].pattern), slice_cstr(rows[i].name), '/'),
            rows[i].matches);
    }
}

static void test_responses(void **state)
{
    (void)state;
    struct imap_response r;
    struct imap_text t = {.octets = SLICE_LIT("a1 NO [BADCHARSET (\"a]b\" c)] no way\r\n")};
    imap_response_parse(&t, &r);
    assert_int_equal(r.kind, IMAP_RESPONSE_STATUS);
    assert_int_equal(r.status, IMAP_STATUS_NO);
    IS(r.tag, "a1");
    IS(r.code, "BADCHARSET");
    IS(r.code_args, "(\"a]b\" c)");
    IS(r.human, "no way");
    assert_int_equal(r.rules, 0);
    t.octets = SLICE_LIT("* 12 fetch (FLAGS ())\r\n");
    imap_response_parse(&t, &r);
    assert_true(r.kind == IMAP_RESPONSE_DATA && r.has_number && r.number == 12);
    IS(r.type, "fetch");
    IS(slice_skip(t.octets, r.data_at), "(FLAGS ())\r\n");
    static const struct {
        const char *text;
        enum imap_response_kind kind;
        bool good;
    } rows[] = {
        {"+ go\r\n", IMAP_RESPONSE_CONTINUE, true},
        {"+\r\n", IMAP_RESPONSE_CONTINUE, false},
        {"* OK x\r\n", IMAP_RESPONSE_STATUS, true},
        {"* BYE\r\n", IMAP_RESPONSE_STATUS, true},
        {"* SEARCH\r\n", IMAP_RESPONSE_DATA, true},
        {"*\r\n", IMAP_RESPONSE_BAD, false},
        {"\r\n", IMAP_RESPONSE_BAD, false},
        {"a1\r\n", IMAP_RESPONSE_BAD, false},
        {"a1 FROB x\r\n", IMAP_RESPONSE_BAD, false},
        {"* 99999999999 EXISTS\r\n", IMAP_RESPONSE_DATA, false},
        {"a BYE x\r\n", IMAP_RESPONSE_STATUS, false},
        {"* OK [x\r\n", IMAP_RESPONSE_STATUS, false},
        {"* OK []\r\n", IMAP_RESPONSE_STATUS, false},
        {"* OK [X]y\r\n", IMAP_RESPONSE_STATUS, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        t.octets = slice_cstr(rows[i].text);
        imap_response_parse(&t, &r);
        if (r.kind != rows[i].kind && rows[i].good)
            print_error("%s", rows[i].text);
        assert_true(!rows[i].good || r.kind == rows[i].kind);
        if ((r.rules == 0) != rows[i].good && r.kind != IMAP_RESPONSE_DATA)
            print_error("%s", rows[i].text);
        assert_true((r.rules == 0) == rows[i].good || r.kind == IMAP_RESPONSE_DATA);
    }
}

static void test_trees(void **state)
{
    (void)state;
    struct imap_cursor c;
    struct arena a;
    open_cursor(
        &c, &a,
        "(FLAGS (\\Seen x) BODY[HEADER.FIELDS (A B)]<0> {3}\r\nabc UID 7 X NIL Y \"q\\\"\")\r\n");
    const struct imap_node *root = imap_take_tree(&c);
    assert_non_null(root);
    const struct imap_node *list = root->first;
    assert_null(list->next);
    const struct imap_node *flags = imap_node_after(list, "flags");
    IS(flags->first->text, "\\Seen");
    IS(flags->first->next->text, "x");
    IS(imap_node_after(list, "BODY[HEADER.FIELDS (A B)]<0>")->text, "abc");
    IS(imap_node_after(list, "UID")->text, "7");
    assert_int_equal(imap_node_after(list, "X")->kind, IMAP_NODE_NIL);
    IS(imap_node_after(list, "Y")->text, "q\"");
    assert_null(imap_node_after(list, "Z"));
    arena_deinit(&a);
    static const char *const bad[] = {"(a\r\n", "a)\r\n", "(\"a)\r\n", "{5}\r\nab\r\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        open_cursor(&c, &a, bad[i]);
        assert_null(imap_take_tree(&c));
        arena_deinit(&a);
    }
}

static void test_tables(void **state)
{
    (void)state;
    assert_string_equal(imap_capability_by_name(SLICE_LIT("auth=plain"))->name, "AUTH=");
    assert_string_equal(imap_capability_by_name(SLICE_LIT("APPENDLIMIT=35"))->name, "APPENDLIMIT");
    assert_string_equal(imap_capability_by_name(SLICE_LIT("QUOTA=RES-STORAGE"))->name,
                        "QUOTA=RES-");
    assert_null(imap_capability_by_name(SLICE_LIT("XFROB")));
    assert_null(imap_capability_by_name(SLICE_LIT("=")));
    assert_string_equal(imap_code_by_name(SLICE_LIT("uidnext"))->name, "UIDNEXT");
    assert_string_equal(imap_data_by_name(SLICE_LIT("exists"))->number, "before");
    for (size_t i = 0; imap_capability_at(i); i++)
        assert_true(strlen(imap_capability_at(i)->meaning) > 10);
    for (size_t i = 0; imap_code_at(i); i++)
        assert_true(strlen(imap_code_at(i)->meaning) > 10);
    assert_non_null(imap_status_meaning(SLICE_LIT("NO")));
    for (unsigned r = 0; r < IMAP_RULE__COUNT; r++)
        assert_int_equal(imap_rule_by_name(slice_cstr(imap_rule_name((enum imap_rule)r))), r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),          cmocka_unit_test(test_dates),
        cmocka_unit_test(test_mailbox_names), cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_responses),     cmocka_unit_test(test_trees),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
