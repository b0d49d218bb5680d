/* POP3 command lines: what they are, what is wrong with them, what in them is secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pop3/command.h"

static const struct {
    const char *line;
    enum pop3_verb verb;
    size_t n_args;
    uint32_t message, lines;
    bool multi;
} goods[] = {
    {"USER bob", POP3_VERB_USER, 1, 0, 0, false},
    {"user bob@example.test", POP3_VERB_USER, 1, 0, 0, false},
    {"PASS secret", POP3_VERB_PASS, 1, 0, 0, false},
    {"PASS with two words ", POP3_VERB_PASS, 1, 0, 0, false},
    {"PASS  led by a blank", POP3_VERB_PASS, 1, 0, 0, false},
    {"APOP bob c4c9334bac560ecc979e58001b3e22fb", POP3_VERB_APOP, 2, 0, 0, false},
    {"AUTH", POP3_VERB_AUTH, 0, 0, 0, true},
    {"AUTH PLAIN", POP3_VERB_AUTH, 1, 0, 0, false},
    {"AUTH PLAIN AGJvYgBzZWNyZXQ=", POP3_VERB_AUTH, 2, 0, 0, false},
    {"STAT", POP3_VERB_STAT, 0, 0, 0, false},
    {"LIST", POP3_VERB_LIST, 0, 0, 0, true},
    {"LIST 7", POP3_VERB_LIST, 1, 7, 0, false},
    {"RETR 4294967295", POP3_VERB_RETR, 1, 4294967295u, 0, true},
    {"Dele 1", POP3_VERB_DELE, 1, 1, 0, false},
    {"NOOP", POP3_VERB_NOOP, 0, 0, 0, false},
    {"RSET", POP3_VERB_RSET, 0, 0, 0, false},
    {"TOP 3 0", POP3_VERB_TOP, 2, 3, 0, true},
    {"TOP 3 20", POP3_VERB_TOP, 2, 3, 20, true},
    {"UIDL", POP3_VERB_UIDL, 0, 0, 0, true},
    {"UIDL 2", POP3_VERB_UIDL, 1, 2, 0, false},
    {"CAPA", POP3_VERB_CAPA, 0, 0, 0, true},
    {"STLS", POP3_VERB_STLS, 0, 0, 0, false},
    {"UTF8", POP3_VERB_UTF8, 0, 0, 0, false},
    {"LANG", POP3_VERB_LANG, 0, 0, 0, true},
    {"LANG de", POP3_VERB_LANG, 1, 0, 0, false},
    {"QUIT", POP3_VERB_QUIT, 0, 0, 0, false},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        struct pop3_command c;
        pop3_command_parse(slice_cstr(goods[i].line), &c);
        if (c.rules != 0 || c.verb != goods[i].verb || c.n_args != goods[i].n_args ||
            c.message != goods[i].message || c.lines != goods[i].lines ||
            pop3_command_is_multi(&c) != goods[i].multi)
            fail_msg("%s: rules %llx verb %d args %zu message %u lines %u", goods[i].line,
                     (unsigned long long)c.rules, c.verb, c.n_args, c.message, c.lines);
    }
    struct pop3_command c;
    pop3_command_parse(SLICE_LIT("PASS  a b "), &c);
    assert_true(slice_eq(c.arg[0], SLICE_LIT(" a b ")));
}

#define R(name) POP3_RULE_BIT(POP3_RULE_##name)

static const struct {
    const char *line;
    pop3_rules rules;
} bads[] = {
    {"", R(COMMAND_UNKNOWN)},
    {"XYZZY", R(COMMAND_UNKNOWN)},
    {"AUTH-DATA", R(COMMAND_UNKNOWN)},
    {"CONNECT", R(COMMAND_UNKNOWN)},
    {" STAT", R(COMMAND_SYNTAX)},
    {"STAT ", R(COMMAND_SYNTAX)},
    {"STAT 1", R(COMMAND_SYNTAX)},
    {"USER", R(COMMAND_SYNTAX)},
    {"USER a b", R(COMMAND_SYNTAX)},
    {"PASS", R(COMMAND_SYNTAX)},
    {"PASS ", R(COMMAND_SYNTAX)},
    {"APOP bob", R(COMMAND_SYNTAX)},
    {"APOP bob a b c", R(COMMAND_SYNTAX)},
    {"RETR", R(COMMAND_SYNTAX)},
    {"RETR 0", R(COMMAND_SYNTAX)},
    {"RETR -1", R(COMMAND_SYNTAX)},
    {"RETR one", R(COMMAND_SYNTAX)},
    {"RETR 4294967296", R(COMMAND_SYNTAX)},
    {"RETR 1 2", R(COMMAND_SYNTAX)},
    {"LIST 0", R(COMMAND_SYNTAX)},
    {"TOP 1", R(COMMAND_SYNTAX)},
    {"TOP 1 x", R(COMMAND_SYNTAX)},
    {"TOP x 1", R(COMMAND_SYNTAX)},
    {"NOOP\r", R(BARE_CR)},
    {"USER b\xc3\xb6"
     "b",
     R(EIGHT_BIT)},
    {"USER b\x01", R(CONTROL)},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        struct pop3_command c;
        pop3_command_parse(slice_cstr(bads[i].line), &c);
        if ((c.rules & bads[i].rules) != bads[i].rules || c.rules == 0)
            fail_msg("\"%s\": rules %llx, not %llx", bads[i].line, (unsigned long long)c.rules,
                     (unsigned long long)bads[i].rules);
    }
    struct pop3_command c;
    char longest[POP3_COMMAND_LINE_MAX_OCTETS] = "PASS ";
    memset(longest + 5, 'x', sizeof(longest) - 5);
    pop3_command_parse(slice_of(longest, sizeof(longest) - 2), &c);
    assert_int_equal(c.rules, 0);
    pop3_command_parse(slice_of(longest, sizeof(longest) - 1), &c);
    assert_int_equal(c.rules, R(COMMAND_TOO_LONG));
    pop3_command_parse(slice_of("NO\0P", 4), &c);
    assert_true(c.rules & R(NUL));
}

/* Every verb is in the table, in order somewhere, and says what it is. */
static void test_table(void **state)
{
    (void)state;
    for (unsigned i = 0; i < POP3_VERB__COUNT; i++) {
        const struct pop3_verb_info *info = pop3_verb_info((enum pop3_verb)i);
        assert_true(info->name && info->help[0] && info->grammar && info->states != 0);
        if (info->typed && i != POP3_VERB_UNKNOWN)
            assert_int_equal(pop3_verb_by_name(slice_cstr(info->name)), i);
    }
    for (unsigned i = 0; i < POP3_STATE__COUNT; i++) {
        assert_int_equal(pop3_state_by_name(slice_cstr(pop3_state_name((enum pop3_state)i))), i);
        assert_non_null(pop3_state_prompt((enum pop3_state)i));
    }
    assert_int_equal(pop3_state_by_name(SLICE_LIT("nowhere")), POP3_STATE__COUNT);
    for (unsigned i = 0; i < POP3_RULE__COUNT; i++) {
        const char *name = pop3_rule_name((enum pop3_rule)i);
        assert_int_equal(pop3_rule_by_name(slice_cstr(name)), i);
        assert_true(strncmp(name, "pop3-", 5) == 0 && pop3_rule_rfc((enum pop3_rule)i)[0] &&
                    pop3_rule_meaning((enum pop3_rule)i)[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
