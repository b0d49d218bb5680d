/* Verbs, states, rules and the knowledge tables: everything in them can be found, and fits
 * together. */
#include "smtp/tables.h"
#include "smtp/verb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "smtp/deviation.h"
#include "smtp/limits.h"

static const struct {
    const char *command, *success, *errors, *rfc;
} replies[] = {
#include "smtp/command-replies.inc"
};
static const struct smtp_code_info codes[] = {
#include "smtp/reply-codes.inc"
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void test_verbs(void **state)
{
    (void)state;
    for (unsigned v = 0; v < SMTP_VERB__COUNT; v++) {
        const struct smtp_verb_info *info = smtp_verb_info((enum smtp_verb)v);
        assert_non_null(info->name);
        assert_non_null(info->grammar);
        assert_true(strlen(info->help) > 10 && strlen(info->rfc) > 5);
        assert_int_not_equal(info->states, 0);
        assert_string_equal(info->name, smtp_verb_name((enum smtp_verb)v));
        assert_int_equal(smtp_verb_by_name(slice_cstr(info->name)),
                         info->typed ? v : SMTP_VERB_UNKNOWN);
        if (v != SMTP_VERB_UNKNOWN)
            assert_true(strlen(info->success) >= 3);
        if (info->extension != NULL)
            assert_non_null(smtp_extension_by_keyword(slice_cstr(info->extension)));
    }
    assert_int_equal(smtp_verb_by_name(SLICE_LIT("startTLS")), SMTP_VERB_STARTTLS);
    assert_int_equal(smtp_verb_by_name(SLICE_LIT("MAI")), SMTP_VERB_UNKNOWN);
    assert_int_equal(smtp_verb_by_name(SLICE_LIT("")), SMTP_VERB_UNKNOWN);
}

static void test_order(void **state)
{
    (void)state;
    static const struct {
        enum smtp_verb verb;
        const char *in_order; /* a letter for each state */
    } rows[] = {
        /* CONNECT GREETED READY AUTH MAIL RCPT DATA DOT TLS QUIT REFUSED CLOSED */
        {SMTP_VERB_EHLO, ".yy.yy......"},      {SMTP_VERB_HELO, ".yy.yy......"},
        {SMTP_VERB_LHLO, ".yy.yy......"},      {SMTP_VERB_MAIL, "..y........."},
        {SMTP_VERB_RCPT, "....yy......"},      {SMTP_VERB_DATA, ".....y......"},
        {SMTP_VERB_BDAT, ".....y......"},      {SMTP_VERB_RSET, ".yy.yy......"},
        {SMTP_VERB_NOOP, ".yy.yy......"},      {SMTP_VERB_VRFY, ".yy.yy......"},
        {SMTP_VERB_EXPN, ".yy.yy......"},      {SMTP_VERB_HELP, ".yy.yy......"},
        {SMTP_VERB_QUIT, ".yy.yy....y."},      {SMTP_VERB_STARTTLS, "..y........."},
        {SMTP_VERB_AUTH, "..y........."},      {SMTP_VERB_ETRN, "..y........."},
        {SMTP_VERB_XCLIENT, "..y........."},   {SMTP_VERB_CONNECT, "y..........."},
        {SMTP_VERB_AUTH_DATA, "...y........"}, {SMTP_VERB_DOT, "......y....."},
        {SMTP_VERB_UNKNOWN, "yyyyyyyyyyyy"},
    };
    assert_int_equal(COUNT(rows), SMTP_VERB__COUNT);
    for (size_t i = 0; i < COUNT(rows); i++)
        for (unsigned s = 0; s < SMTP_STATE__COUNT; s++)
            assert_int_equal(smtp_verb_in_order(rows[i].verb, (enum smtp_state)s),
                             rows[i].in_order[s] == 'y');
}

/* RFC 2920 section 3.1, and what STARTTLS and AUTH say of themselves. */
static void test_must_be_last(void **state)
{
    (void)state;
    static const char *const last[] = {"EHLO", "DATA", "VRFY",     "EXPN",
                                       "QUIT", "NOOP", "STARTTLS", "AUTH"};
    static const char *const any[] = {"RSET", "MAIL", "RCPT", "BDAT"};
    for (size_t i = 0; i < COUNT(last); i++)
        assert_true(smtp_verb_info(smtp_verb_by_name(slice_cstr(last[i])))->must_be_last);
    for (size_t i = 0; i < COUNT(any); i++)
        assert_false(smtp_verb_info(smtp_verb_by_name(slice_cstr(any[i])))->must_be_last);
}

static void test_states(void **state)
{
    (void)state;
    for (unsigned s = 0; s < SMTP_STATE__COUNT; s++) {
        const char *name = smtp_state_name((enum smtp_state)s);
        assert_int_equal(smtp_state_by_name(slice_cstr(name)), s);
        assert_true(strlen(smtp_state_prompt((enum smtp_state)s)) > 0);
    }
    assert_int_equal(smtp_state_by_name(SLICE_LIT("nowhere")), SMTP_STATE__COUNT);
    assert_string_equal(smtp_state_prompt(SMTP_STATE_DOT), "data");
}

static void test_may_follow(void **state)
{
    (void)state;
    static const struct {
        enum smtp_verb verb;
        unsigned code;
        bool may;
    } rows[] = {
        {SMTP_VERB_CONNECT, 220, true},    {SMTP_VERB_CONNECT, 554, true},
        {SMTP_VERB_CONNECT, 250, false},   {SMTP_VERB_CONNECT, 500, false},
        {SMTP_VERB_MAIL, 250, true},       {SMTP_VERB_MAIL, 354, false},
        {SMTP_VERB_MAIL, 530, true},       {SMTP_VERB_RCPT, 251, true},
        {SMTP_VERB_RCPT, 354, false},      {SMTP_VERB_DATA, 354, true},
        {SMTP_VERB_DATA, 250, false},      {SMTP_VERB_DOT, 250, true},
        {SMTP_VERB_DOT, 354, false},       {SMTP_VERB_QUIT, 221, true},
        {SMTP_VERB_QUIT, 250, false},      {SMTP_VERB_AUTH, 334, true},
        {SMTP_VERB_AUTH, 250, false},      {SMTP_VERB_AUTH_DATA, 235, true},
        {SMTP_VERB_AUTH_DATA, 220, false}, {SMTP_VERB_STARTTLS, 220, true},
        {SMTP_VERB_STARTTLS, 250, false},  {SMTP_VERB_XCLIENT, 220, true},
        {SMTP_VERB_LHLO, 250, true},       {SMTP_VERB_LHLO, 220, false},
        {SMTP_VERB_EHLO, 503, true},       {SMTP_VERB_HELP, 214, true},
        {SMTP_VERB_UNKNOWN, 250, true},    {SMTP_VERB_UNKNOWN, 600, false},
        {SMTP_VERB_MAIL, 0, false},        {SMTP_VERB_MAIL, 25, false},
    };
    static const unsigned always[] = {421, 500, 501, 502, 504};
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(smtp_reply_may_follow(rows[i].verb, rows[i].code), rows[i].may);
    for (unsigned v = 0; v < SMTP_VERB__COUNT; v++) {
        assert_true(smtp_reply_may_follow((enum smtp_verb)v, 421));
        for (size_t i = 0; i < COUNT(always); i++)
            if (smtp_verb_info((enum smtp_verb)v)->typed)
                assert_true(smtp_reply_may_follow((enum smtp_verb)v, always[i]));
    }
}

/* Every row of command-replies belongs to a verb, and every code in it is one we can explain. */
static void test_reply_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++) {
        unsigned verbs = 0;
        for (unsigned v = 0; v < SMTP_VERB__COUNT; v++)
            verbs += strcmp(replies[i].command, smtp_verb_name((enum smtp_verb)v)) == 0;
        assert_int_equal(verbs, strcmp(replies[i].command, "*") != 0);
        char all[200];
        snprintf(all, sizeof(all), "%s%s%s", replies[i].success,
                 replies[i].success[0] != '\0' ? "," : "", replies[i].errors);
        for (const char *at = all; *at != '\0'; at += at[3] == ',' ? 4 : 3) {
            uint64_t code;
            assert_true(slice_to_u64(slice_of(at, 3), 599, &code));
            assert_true(at[3] == ',' || at[3] == '\0');
            assert_non_null(smtp_code_info((unsigned)code));
        }
    }
}

static void test_codes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(codes); i++) {
        uint64_t code;
        assert_true(slice_to_u64(slice_cstr(codes[i].code), 599, &code));
        assert_string_equal(smtp_code_info((unsigned)code)->meaning, codes[i].meaning);
        assert_true(strlen(codes[i].rfc) > 0 && strlen(codes[i].status) > 0);
    }
    assert_null(smtp_code_info(299));
    assert_null(smtp_code_info(0));
    for (unsigned code = 0; code < 2000; code += 50)
        assert_true(strlen(smtp_code_class_meaning(code)) > 3);
    assert_string_not_equal(smtp_code_class_meaning(450), smtp_code_class_meaning(550));
}

static void test_extensions(void **state)
{
    (void)state;
    const struct smtp_extension *e;
    size_t n = 0;
    for (; (e = smtp_extension_at(n)) != NULL; n++) {
        struct slice names = slice_cstr(e->keyword);
        for (struct slice w; (w = slice_next_word(&names)).len > 0;)
            if (!slice_eq(w, SLICE_LIT("/")))
                assert_ptr_equal(smtp_extension_by_keyword(w), e);
        assert_true(strlen(e->meaning) > 5 && strlen(e->rfc) > 3 && strlen(e->status) > 2);
    }
    assert_true(n >= 45);
    assert_string_equal(smtp_extension_by_keyword(SLICE_LIT("auth=PLAIN LOGIN"))->keyword, "AUTH");
    assert_string_equal(smtp_extension_by_keyword(SLICE_LIT("Size 1000"))->keyword, "SIZE");
    assert_non_null(smtp_extension_by_keyword(SLICE_LIT("XXXXXXXX")));
    assert_null(smtp_extension_by_keyword(SLICE_LIT("SIZ")));
    assert_null(smtp_extension_by_keyword(SLICE_LIT("SIZES")));
    assert_null(smtp_extension_by_keyword(SLICE_LIT("")));
    assert_null(smtp_extension_by_keyword(SLICE_LIT("/")));
}

static void test_enhanced(void **state)
{
    (void)state;
    const struct smtp_enhanced_info *info;
    size_t n = 0;
    for (; (info = smtp_enhanced_at(n)) != NULL; n++) {
        unsigned e[3] = {5, 0, 0};
        if (info->code[0] != 'X')
            assert_ptr_equal(smtp_enhanced_class_info((unsigned)(info->code[0] - '0')), info);
        else if (sscanf(info->code, "X.%u.%u", &e[1], &e[2]) == 2)
            assert_ptr_equal(smtp_enhanced_info(e), info);
        else
            assert_ptr_equal(smtp_enhanced_info((unsigned[]){4, e[1], 999}), info);
        assert_true(strlen(info->name) > 3 && strlen(info->meaning) > 5);
    }
    assert_true(n > 80);
    assert_null(smtp_enhanced_info((unsigned[]){5, 8, 1}));
    assert_null(smtp_enhanced_class_info(3));
    assert_string_equal(smtp_enhanced_info((unsigned[]){5, 7, 1})->code, "X.7.1");
}

static void test_limits(void **state)
{
    (void)state;
    const struct smtp_limit_info *l;
    unsigned found = 0;
    for (size_t i = 0; (l = smtp_limit_at(i)) != NULL; i++) {
        char own[32];
        assert_true(strncmp(l->rfc, "RFC ", 4) == 0);
        snprintf(own, sizeof(own), "%d octets", SMTP_LOCAL_PART_MAX_OCTETS);
        found += strcmp(l->what, "local-part") == 0 && strcmp(l->value, own) == 0;
        snprintf(own, sizeof(own), "%d octets", SMTP_AUTH_LINE_MAX_OCTETS);
        found += strcmp(l->what, "AUTH line") == 0 && strcmp(l->value, own) == 0;
    }
    assert_int_equal(found, 2);
}

static void test_rules(void **state)
{
    (void)state;
    struct buf doc;
    buf_init(&doc, 1 << 16);
    smtp_rule_doc_markdown(&doc);
    assert_false(doc.overflow);
    for (unsigned r = 0; r < SMTP_RULE__COUNT; r++) {
        enum smtp_rule rule = (enum smtp_rule)r;
        char row[200];
        assert_int_equal(smtp_rule_by_name(slice_cstr(smtp_rule_name(rule))), r);
        assert_true(strlen(smtp_rule_meaning(rule)) > 10);
        snprintf(row, sizeof(row), "| `%s` | %s |", smtp_rule_name(rule), smtp_rule_rfc(rule));
        assert_true(slice_find(buf_slice(&doc), slice_cstr(row)) > 0);
    }
    assert_int_equal(smtp_rule_by_name(SLICE_LIT("nothing")), SMTP_RULE__COUNT);
    buf_deinit(&doc);
}

static void test_line_growth_is_of_the_verb(void **state)
{
    static const struct {
        const char *keyword, *verb;
        unsigned octets;
    } rows[] = {
        {"DSN", "MAIL", 108},     {"DSN", "RCPT", 528},      {"SIZE", "MAIL", 26},
        {"SIZE", "RCPT", 0},      {"AUTH", "MAIL", 500},     {"AUTH=PLAIN", "MAIL", 500},
        {"SMTPUTF8", "MAIL", 10}, {"UTF8SMTP", "RCPT", 460}, {"CONPERM", "MAIL", 0},
        {"none-such", "MAIL", 0}, {"PIPELINING", "MAIL", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(smtp_extension_line_growth(slice_cstr(rows[i].keyword), rows[i].verb),
                         rows[i].octets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_growth_is_of_the_verb),
        cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_must_be_last),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_may_follow),
        cmocka_unit_test(test_reply_rows),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_extensions),
        cmocka_unit_test(test_enhanced),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
