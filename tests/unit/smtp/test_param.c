/* MAIL and RCPT parameters: every syntax with what fits and what does not, and xtext. */
#include "smtp/param.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "smtp/tables.h"

static const struct {
    enum smtp_verb verb;
    const char *param;
    bool valid;
} cases[] = {
    {SMTP_VERB_MAIL, "SIZE=0", true},
    {SMTP_VERB_MAIL, "size=12345678901234567890", true},
    {SMTP_VERB_MAIL, "SIZE=123456789012345678901", false},
    {SMTP_VERB_MAIL, "SIZE=1k", false},
    {SMTP_VERB_MAIL, "SIZE", false},
    {SMTP_VERB_MAIL, "SIZE=-1", false},
    {SMTP_VERB_MAIL, "BODY=7BIT", true},
    {SMTP_VERB_MAIL, "body=8bitmime", true},
    {SMTP_VERB_MAIL, "BODY=BINARYMIME", true},
    {SMTP_VERB_MAIL, "BODY=9BIT", false},
    {SMTP_VERB_MAIL, "BODY=7BIT|8BITMIME", false},
    {SMTP_VERB_MAIL, "BODY", false},
    {SMTP_VERB_MAIL, "SMTPUTF8", true},
    {SMTP_VERB_MAIL, "SMTPUTF8=1", false},
    {SMTP_VERB_MAIL, "AUTH=<>", true},
    {SMTP_VERB_MAIL, "AUTH=ann@example.net", true},
    {SMTP_VERB_MAIL, "AUTH=e+3Dmc2@example.com", true},
    {SMTP_VERB_MAIL, "AUTH=e+3dmc2@example.com", false},
    {SMTP_VERB_MAIL, "AUTH=ann", false},
    {SMTP_VERB_MAIL, "AUTH=", false},
    {SMTP_VERB_MAIL, "RET=FULL", true},
    {SMTP_VERB_MAIL, "RET=hdrs", true},
    {SMTP_VERB_MAIL, "RET=ALL", false},
    {SMTP_VERB_MAIL, "ENVID=QQ314159", true},
    {SMTP_VERB_MAIL, "ENVID=a+2Bb", true},
    {SMTP_VERB_MAIL, "ENVID=a+b", false},
    {SMTP_VERB_MAIL, "ENVID=a+", false},
    {SMTP_VERB_RCPT, "NOTIFY=NEVER", true},
    {SMTP_VERB_RCPT, "NOTIFY=SUCCESS,FAILURE", true},
    {SMTP_VERB_RCPT, "notify=delay,failure,success", true},
    {SMTP_VERB_RCPT, "NOTIFY=NEVER,FAILURE", false},
    {SMTP_VERB_RCPT, "NOTIFY=FAILURE,FAILURE", false},
    {SMTP_VERB_RCPT, "NOTIFY=,FAILURE", false},
    {SMTP_VERB_RCPT, "NOTIFY=FAILURE,", false},
    {SMTP_VERB_RCPT, "NOTIFY=", false},
    {SMTP_VERB_RCPT, "ORCPT=rfc822;bob@example.test", true},
    {SMTP_VERB_RCPT, "ORCPT=rfc822;bob+2Btag@example.test", true},
    {SMTP_VERB_RCPT, "ORCPT=rfc822;bob+tag@example.test", false},
    {SMTP_VERB_RCPT, "ORCPT=bob@example.test", false},
    {SMTP_VERB_RCPT, "ORCPT=;bob@example.test", false},
    {SMTP_VERB_RCPT, "ORCPT=rfc822;", false},
    {SMTP_VERB_RCPT, "ORCPT=utf-8;b\303\266b@example.test", true},
    {SMTP_VERB_RCPT, "ORCPT=rfc822;b\303\266b@example.test", false},
    {SMTP_VERB_MAIL, "REQUIRETLS", true},
    {SMTP_VERB_MAIL, "REQUIRETLS=yes", false},
    {SMTP_VERB_MAIL, "BY=120;R", true},
    {SMTP_VERB_MAIL, "BY=+120;rt", true},
    {SMTP_VERB_MAIL, "BY=-5;N", true},
    {SMTP_VERB_MAIL, "BY=0;N", true},
    {SMTP_VERB_MAIL, "BY=0;R", false},
    {SMTP_VERB_MAIL, "BY=-5;R", false},
    {SMTP_VERB_MAIL, "BY=120", false},
    {SMTP_VERB_MAIL, "BY=1234567890;N", false},
    {SMTP_VERB_MAIL, "BY=120;X", false},
    {SMTP_VERB_MAIL, "BY=120;NTT", false},
    {SMTP_VERB_MAIL, "BY=120;NX", false},
    {SMTP_VERB_MAIL, "HOLDFOR=3600", true},
    {SMTP_VERB_MAIL, "HOLDFOR=0", false},
    {SMTP_VERB_MAIL, "HOLDFOR=0600", false},
    {SMTP_VERB_MAIL, "HOLDFOR=1234567890", false},
    {SMTP_VERB_MAIL, "HOLDUNTIL=2027-01-31T08:00:00Z", true},
    {SMTP_VERB_MAIL, "HOLDUNTIL=2027-01-31t08:00:00.5z", true},
    {SMTP_VERB_MAIL, "HOLDUNTIL=2027-01-31T08:00:00+01:00", true},
    {SMTP_VERB_MAIL, "HOLDUNTIL=2027-01-31 08:00:00Z", false},
    {SMTP_VERB_MAIL, "HOLDUNTIL=2027-01-31T08:00:00", false},
    {SMTP_VERB_MAIL, "HOLDUNTIL=2027-01-31T08:00:00.Z", false},
    {SMTP_VERB_MAIL, "HOLDUNTIL=2027-01-31", false},
    {SMTP_VERB_MAIL, "MT-PRIORITY=9", true},
    {SMTP_VERB_MAIL, "MT-PRIORITY=-9", true},
    {SMTP_VERB_MAIL, "MT-PRIORITY=0", true},
    {SMTP_VERB_MAIL, "MT-PRIORITY=-0", false},
    {SMTP_VERB_MAIL, "MT-PRIORITY=10", false},
    {SMTP_VERB_MAIL, "MT-PRIORITY=+3", false},
    {SMTP_VERB_RCPT, "RRVS=2014-04-03T23:01:00Z", true},
    {SMTP_VERB_RCPT, "RRVS=2014-04-03T23:01:00Z;C", true},
    {SMTP_VERB_RCPT, "RRVS=2014-04-03T23:01:00Z;X", false},
    {SMTP_VERB_RCPT, "RRVS=2014-04-03T23:01:00Z;", false},
    {SMTP_VERB_MAIL, "SOLICIT=org.example:ADV:ADLT", true},
    {SMTP_VERB_MAIL, "SOLICIT=a,b.c", true},
    {SMTP_VERB_MAIL, "SOLICIT=1a", false},
    {SMTP_VERB_MAIL, "SOLICIT=a,,b", false},
    {SMTP_VERB_MAIL, "MTRK=AbC+/1:86400", true},
    {SMTP_VERB_MAIL, "MTRK=AbC", true},
    {SMTP_VERB_MAIL, "MTRK=AbC:", false},
    {SMTP_VERB_MAIL, "MTRK=A_C", false},
    {SMTP_VERB_MAIL, "CONPERM", true},
    {SMTP_VERB_RCPT, "CONNEG", true},
    {SMTP_VERB_MAIL, "SUBMITTER=ann@example.net", true},
    {SMTP_VERB_MAIL, "SUBMITTER=ann", false},
    {SMTP_VERB_MAIL, "PRDR", true},
    {SMTP_VERB_MAIL, "PRDR=1", false},
    {SMTP_VERB_MAIL, "XVERP", true},
    {SMTP_VERB_MAIL, "XVERP=-+", true},
    {SMTP_VERB_MAIL, "XVERP=-", false},
    {SMTP_VERB_MAIL, "TRANSID=<12345@example.net>", true},
    {SMTP_VERB_MAIL, "ALT-ADDRESS=ann@example.net", true},
    {SMTP_VERB_MAIL, "X-OTHER=what+ever", true},
};

static struct smtp_param param_of(const char *text)
{
    struct slice s = slice_cstr(text);
    ptrdiff_t at = slice_find_octet(s, '=');
    struct smtp_param p = {s, slice_of(NULL, 0)};
    if (at >= 0)
        p = (struct smtp_param){slice_take(s, (size_t)at), slice_skip(s, (size_t)at + 1)};
    return p;
}

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct smtp_param p = param_of(cases[i].param);
        const struct smtp_param_info *info = smtp_param_find(cases[i].verb, p.keyword);
        if (smtp_param_valid(info, &p) != cases[i].valid)
            print_message("%s\n", cases[i].param);
        assert_true(info != NULL || slice_starts(p.keyword, SLICE_LIT("X-OTHER")));
        assert_int_equal(smtp_param_valid(info, &p), cases[i].valid);
    }
}

/* Each row is used by a case above, and its extension stands in the table of extensions. */
static void test_table(void **state)
{
    const struct smtp_param_info *info;
    (void)state;
    for (size_t i = 0; (info = smtp_param_at(i)); i++) {
        bool seen = false;
        for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]) && !seen; k++)
            seen = slice_eq_nocase(param_of(cases[k].param).keyword, slice_cstr(info->name));
        if (!seen || !smtp_extension_by_keyword(slice_cstr(info->extension)))
            print_message("%s\n", info->name);
        assert_true(seen);
        if (strcmp(info->extension, "XVERP") != 0)
            assert_non_null(smtp_extension_by_keyword(slice_cstr(info->extension)));
        assert_true(*info->help && *info->rfc);
    }
    assert_null(smtp_param_find(SMTP_VERB_RCPT, SLICE_LIT("SIZE")));
    assert_null(smtp_param_find(SMTP_VERB_MAIL, SLICE_LIT("NOTIFY")));
    assert_non_null(smtp_param_find(SMTP_VERB_RCPT, SLICE_LIT("ALT-ADDRESS")));
}

static void test_needs(void **state)
{
    (void)state;
    struct smtp_param p = param_of("BODY=BINARYMIME");
    assert_string_equal(smtp_param_extension(SMTP_VERB_MAIL, &p), "BINARYMIME");
    p = param_of("BODY=8BITMIME");
    assert_string_equal(smtp_param_extension(SMTP_VERB_MAIL, &p), "8BITMIME");
    p = param_of("NOTIFY=NEVER");
    assert_string_equal(smtp_param_extension(SMTP_VERB_RCPT, &p), "DSN");
    p = param_of("WHAT=EVER");
    assert_null(smtp_param_extension(SMTP_VERB_MAIL, &p));
}

/* The rule on whole lines: the first wrong one is named, a repeated one is wrong. */
static void test_lines(void **state)
{
    static const struct {
        const char *line;
        const char *wrong; /* NULL: none */
    } lines[] = {
        {"MAIL FROM:<a@b> SIZE=1 BODY=8BITMIME RET=HDRS ENVID=x", NULL},
        {"MAIL FROM:<a@b> SIZE=1 SIZE=2", "SIZE"},
        {"MAIL FROM:<a@b> RET=X SIZE=y", "RET"},
        {"RCPT TO:<a@b> NOTIFY=NEVER ORCPT=rfc822;a@b", NULL},
        {"RCPT TO:<a@b> ORCPT=a@b", "ORCPT"},
        {"RCPT TO:<a@b> SIZE=x", NULL},
        {"MAIL FROM:<a@b> WHAT=x WHAT=x", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct smtp_command c;
        smtp_command_parse(slice_cstr(lines[i].line), &c);
        const struct smtp_param *wrong = smtp_params_first_wrong(&c);
        assert_int_equal(wrong != NULL, lines[i].wrong != NULL);
        assert_int_equal((c.rules & SMTP_RULE_BIT(SMTP_RULE_PARAM_SYNTAX)) != 0,
                         lines[i].wrong != NULL);
        if (wrong)
            assert_true(slice_eq(wrong->keyword, slice_cstr(lines[i].wrong)));
    }
}

static void test_xtext(void **state)
{
    uint8_t all[256];
    struct buf text, back;
    (void)state;
    for (size_t i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    buf_init(&text, 4096);
    buf_init(&back, 4096);
    assert_true(smtp_xtext_encode(slice_of(all, 256), &text));
    for (size_t i = 0; i < text.len; i++)
        assert_true(text.ptr[i] > ' ' && text.ptr[i] < 0x7f && text.ptr[i] != '=');
    assert_true(smtp_xtext_decode(buf_slice(&text), &back));
    assert_int_equal(back.len, 256);
    assert_memory_equal(back.ptr, all, 256);
    buf_reset(&text);
    assert_true(smtp_xtext_encode(SLICE_LIT("a+b=c d"), &text));
    assert_true(slice_eq(buf_slice(&text), SLICE_LIT("a+2Bb+3Dc+20d")));
    static const char *const wrong[] = {"+", "+2", "+2b", "a=b", "a b", "+GG", "\303\274", "\t"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(smtp_xtext_decode(slice_cstr(wrong[i]), &back));
    buf_deinit(&text);
    buf_deinit(&back);
    buf_init(&text, 4);
    assert_false(smtp_xtext_encode(SLICE_LIT("=="), &text));
    buf_deinit(&text);
}

static void test_orcpt(void **state)
{
    static const struct {
        const char *address, *value;
    } rows[] = {
        {"bob@example.test", "rfc822;bob@example.test"},
        {"bob+tag@example.test", "rfc822;bob+2Btag@example.test"},
        {"\"b b\"@example.test", "rfc822;\"b+20b\"@example.test"},
        {"b\303\266b+x@example.test", "utf-8;b\303\266b\\x{2B}x@example.test"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf text;
        buf_init(&text, 4096);
        assert_true(smtp_orcpt_encode(slice_cstr(rows[i].address), &text));
        assert_string_equal(buf_cstr(&text), rows[i].value);
        struct smtp_param p = {SLICE_LIT("ORCPT"), buf_slice(&text)};
        assert_true(smtp_param_valid(smtp_param_find(SMTP_VERB_RCPT, p.keyword), &p));
        buf_deinit(&text);
    }
}

static void test_doc(void **state)
{
    struct buf doc;
    (void)state;
    buf_init(&doc, 65536);
    smtp_param_doc_markdown(&doc);
    assert_true(slice_find(buf_slice(&doc), SLICE_LIT("| RET | MAIL | FULL\\|HDRS | DSN |")) > 0);
    assert_false(doc.overflow);
    buf_deinit(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_table), cmocka_unit_test(test_needs),
        cmocka_unit_test(test_lines),  cmocka_unit_test(test_xtext), cmocka_unit_test(test_orcpt),
        cmocka_unit_test(test_doc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
