/* The filter language: what is said, what is refused and where, what matches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "report/filter.h"

static struct filter_facts reply(void)
{
    return (struct filter_facts){
        .seq = 9,
        .conn = 2,
        .kind = SLICE_LIT("reply"),
        .dir = DIR_S,
        .code = 452,
        .enhanced = SLICE_LIT("4.2.2"),
        .verb = SLICE_LIT("RCPT"),
        .text = SLICE_LIT("452 4.2.2 <bob@example.org>: over Quota today"),
        .peer = SLICE_LIT("203.0.113.9:25"),
        .peer_name = SLICE_LIT("mx.google.example"),
        .rcpt = SLICE_LIT("bob@example.org"),
        .at_us = 600000,
        .dt_us = 250000,
        .has_dt = true,
        .tls = true,
    };
}

static struct filter_facts tls_up(void)
{
    return (struct filter_facts){.seq = 3,
                                 .conn = 1,
                                 .kind = SLICE_LIT("tls_up"),
                                 .dir = -1,
                                 .text = SLICE_LIT("TLSv1.3"),
                                 .at_us = 100};
}

static struct filter_facts deviation(void)
{
    return (struct filter_facts){.conn = 1,
                                 .kind = SLICE_LIT("deviation"),
                                 .dir = DIR_S,
                                 .deviation = SLICE_LIT("reply-mixed-codes")};
}

static const struct {
    const char *expr;
    bool reply, tls, deviation; /* does it match that one? */
} valid[] = {
    {"code>=500", false, false, false},
    {"code>=452", true, false, false},
    {"code>451", true, false, false},
    {"code<452", false, false, false},
    {"code<=452", true, false, false},
    {"code=4*", true, false, false},
    {"code:4*", true, false, false},
    {"code=45?", true, false, false},
    {"code!=4*", false, false, false},
    {"code!=250", true, false, false},
    {"code", true, false, false},
    {"enhanced=4.2.2", true, false, false},
    {"enhanced=4.7.1", false, false, false},
    {"enhanced=4.2.*", true, false, false},
    {"enhanced!=4.2.2", false, false, false},
    {"verb=rcpt", true, false, false},
    {"verb = RCPT", true, false, false},
    {"verb=MAIL", false, false, false},
    {"dir=S", true, false, true},
    {"dir=c", false, false, false},
    {"dir!=C", true, false, true},
    {"kind=TLS", false, true, false},
    {"kind=tls_up", false, true, false},
    {"kind=tl", false, false, false},
    {"kind=reply", true, false, false},
    {"text~quota", true, false, false},
    {"text!~quota", false, true, false},
    {"text=\"452 * today\"", true, false, false},
    {"text=\"452\"", false, false, false},
    {"\"over quota\"", true, false, false},
    {"time>0.5", true, false, false},
    {"time>600ms", false, false, false},
    {"time>=600ms", true, false, false},
    {"time<1m", true, true, true},
    {"dt>200ms", true, false, false},
    {"dt:>200ms", true, false, false},
    {"dt>=.25", true, false, false},
    {"dt>250000us", false, false, false},
    {"dt", true, false, false},
    {"peer~google", true, false, false},
    {"peer=203.0.113.9:*", true, false, false},
    {"peer~yahoo", false, false, false},
    {"rcpt=*@example.org", true, false, false},
    {"rcpt=*@EXAMPLE.ORG", true, false, false},
    {"rcpt=*@example.com", false, false, false},
    {"deviation", false, false, true},
    {"deviation=reply-mixed-codes", false, false, true},
    {"deviation=reply-*", false, false, true},
    {"deviation=line-*", false, false, false},
    {"tls", true, false, false},
    {"tls=on", true, false, false},
    {"tls=off", false, true, true},
    {"conn=2", true, false, false},
    {"conn!=2", false, true, true},
    {"not code", false, true, true},
    {"!code", false, true, true},
    {"! ! code", true, false, false},
    {"code and verb=MAIL", false, false, false},
    {"code verb=RCPT", true, false, false},
    {"code & verb=RCPT", true, false, false},
    {"code && verb=RCPT", true, false, false},
    {"verb=MAIL or kind=tls", false, true, false},
    {"verb=MAIL | kind=tls", false, true, false},
    {"verb=MAIL || kind=tls", false, true, false},
    {"verb=MAIL and code or deviation", false, false, true},
    {"verb=MAIL and (code or deviation)", false, false, false},
    {"(code)", true, false, false},
    {"not (code or deviation)", false, true, false},
    {"text~\"<bob@\"", true, false, false},
    {"text~or", true, false, false},
    {"  code  ", true, false, false},
    {"CODE AND NOT TEXT~zz", true, false, false},
};

static void test_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(valid) / sizeof(*valid); i++) {
        struct err err;
        struct filter *f = filter_parse(slice_cstr(valid[i].expr), &err);
        if (!f)
            fail_msg("%s: %s", valid[i].expr, err.text);
        const struct filter_facts r = reply(), t = tls_up(), d = deviation();
        if (filter_match(f, &r) != valid[i].reply || filter_match(f, &t) != valid[i].tls ||
            filter_match(f, &d) != valid[i].deviation)
            fail_msg("%s: %d %d %d", valid[i].expr, filter_match(f, &r), filter_match(f, &t),
                     filter_match(f, &d));
        filter_free(&f);
        assert_null(f);
    }
}

static const struct {
    const char *expr;
    int column;
    const char *said;
} invalid[] = {
    {"", 1, "a test is missing here"},
    {"   ", 4, "a test is missing here"},
    {"colour=red", 1, "no field is called colour"},
    {"code=", 6, "code wants a value here: a number, or a pattern"},
    {"code>=5x", 7, "code wants a number, or a pattern such as 4*, not 5x"},
    {"code>4*", 6, "not 4*"},
    {"code~4", 5, "code cannot be compared so; it knows = != < <= > >="},
    {"text>5", 5, "text cannot be compared so; it knows = != ~ !~"},
    {"dir=X", 5, "dir wants C or S, not X"},
    {"tls=maybe", 5, "tls wants on or off, not maybe"},
    {"dt>soon", 4, "dt wants a time such as 200ms or 1.5s, not soon"},
    {"dt>5h", 4, "not 5h"},
    {"conn=1.5", 6, "conn wants a number"},
    {"text=\"open", 6, "the quotes opened here never close"},
    {"(code", 6, "a ) is missing here"},
    {"code)", 5, "a ( is missing for this )"},
    {"code and", 9, "a test is missing here"},
    {"code or or dt", 9, "no field is called or"},
    {"not", 4, "a test is missing here"},
    {"code & & dt", 8, "a test is missing here"},
    {"verb=RCPT and (dt>1s or colour)", 25, "no field is called colour"},
};

static void test_invalid(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(invalid) / sizeof(*invalid); i++) {
        struct err err;
        char column[32];
        struct filter *f = filter_parse(slice_cstr(invalid[i].expr), &err);
        if (f)
            fail_msg("%s: was taken", invalid[i].expr);
        snprintf(column, sizeof(column), "column %d:", invalid[i].column);
        if (err.code != invalid[i].column || !strstr(err.text, invalid[i].said) ||
            !strstr(err.text, column) || err.domain != ERR_USAGE || !err.next[0])
            fail_msg("%s: column %d, %s | %s", invalid[i].expr, err.code, err.text, err.next);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct err err;
    struct buf text;
    buf_init(&text, 1 << 16);
    for (int i = 0; i < 60; i++)
        buf_append_cstr(&text, "(");
    buf_append_cstr(&text, "code");
    for (int i = 0; i < 60; i++)
        buf_append_cstr(&text, ")");
    struct filter *f = filter_parse(buf_slice(&text), &err);
    assert_non_null(f);
    filter_free(&f);
    buf_reset(&text);
    for (int i = 0; i < 100; i++)
        buf_append_cstr(&text, "!");
    buf_append_cstr(&text, "code");
    assert_null(filter_parse(buf_slice(&text), &err));
    assert_non_null(strstr(err.text, "too many brackets"));
    buf_reset(&text);
    for (int i = 0; i < 600; i++)
        buf_append_cstr(&text, "dt ");
    assert_null(filter_parse(buf_slice(&text), &err));
    assert_non_null(strstr(err.text, "too many tests"));
    for (int i = 0; i < 1000; i++)
        buf_append_cstr(&text, "dt     ");
    assert_null(filter_parse(buf_slice(&text), &err));
    assert_non_null(strstr(err.text, "too long"));
    buf_deinit(&text);
}

static void test_names_and_table(void **state)
{
    (void)state;
    struct err err;
    struct filter *f = filter_parse(slice_cstr("not (code or kind=tls)"), &err);
    assert_true(filter_names(f, FILTER_KIND));
    assert_false(filter_names(f, FILTER_TEXT));
    filter_free(&f);
    /* Each example of the table reads. */
    for (int i = 0; i < FILTER__COUNT; i++) {
        f = filter_parse(slice_cstr(filter_field_info((enum filter_field)i)->example), &err);
        assert_non_null(f);
        assert_true(filter_names(f, (enum filter_field)i));
        filter_free(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_names_and_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
