/* Magic addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mock/magic.h"

static const struct {
    const char *local_part;
    struct magic want;
} goods[] = {
    {"any+550", {MAGIC_REPLY, MAGIC_AT_ONCE, 550, "", 0, 0}},
    {"any+450-4.2.0", {MAGIC_REPLY, MAGIC_AT_ONCE, 450, "4.2.0", 0, 0}},
    {"any+552.dot", {MAGIC_REPLY, MAGIC_AT_DOT, 552, "", 0, 0}},
    {"any+552-5.3.4.dot", {MAGIC_REPLY, MAGIC_AT_DOT, 552, "5.3.4", 0, 0}},
    {"any+450x2", {MAGIC_REPLY, MAGIC_AT_ONCE, 450, "", 2, 0}},
    {"any+450X2", {MAGIC_REPLY, MAGIC_AT_ONCE, 450, "", 2, 0}},
    {"any+450-4.7.100x12.data", {MAGIC_REPLY, MAGIC_AT_DATA, 450, "4.7.100", 12, 0}},
    {"any+delay5", {MAGIC_DELAY, MAGIC_AT_ONCE, 0, "", 0, 5}},
    {"any+delay600", {MAGIC_DELAY, MAGIC_AT_ONCE, 0, "", 0, 600}},
    {"any+delay601", {MAGIC_DELAY, MAGIC_AT_ONCE, 0, "", 0, 600}},
    {"any+delay999999.mail", {MAGIC_DELAY, MAGIC_AT_MAIL, 0, "", 0, 600}},
    {"any+drop.dot", {MAGIC_DROP, MAGIC_AT_DOT, 0, "", 0, 0}},
    {"any+reset.data", {MAGIC_RESET, MAGIC_AT_DATA, 0, "", 0, 0}},
    {"any+RESET.Data", {MAGIC_RESET, MAGIC_AT_DATA, 0, "", 0, 0}},
    {"any+greylist", {MAGIC_GREYLIST, MAGIC_AT_ONCE, 0, "", 0, 0}},
    {"any+full", {MAGIC_FULL, MAGIC_AT_ONCE, 0, "", 0, 0}},
    {"any+bounce", {MAGIC_BOUNCE, MAGIC_AT_ONCE, 0, "", 0, 0}},
    {"from+451", {MAGIC_REPLY, MAGIC_AT_ONCE, 451, "", 0, 0}},
    {"a+b+550.rcpt", {MAGIC_REPLY, MAGIC_AT_RCPT, 550, "", 0, 0}},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        struct magic got;
        memset(&got, 0xff, sizeof(got));
        if (!magic_parse(slice_cstr(goods[i].local_part), &got))
            fail_msg("%s: refused", goods[i].local_part);
        const struct magic *want = &goods[i].want;
        if (got.action != want->action || got.stage != want->stage || got.code != want->code ||
            got.times != want->times || got.delay_s != want->delay_s)
            fail_msg("%s: action %d stage %d code %u times %u delay %u", goods[i].local_part,
                     got.action, got.stage, got.code, got.times, got.delay_s);
        assert_string_equal(got.enhanced, want->enhanced);
    }
}

static const char *const bads[] = {
    "",
    "bob",
    "bob+",
    "+550",
    "bob+tag",
    "bob+55",
    "bob+5500",
    "bob+150",
    "bob+600",
    "bob+999",
    "bob+550x",
    "bob+550x0",
    "bob+550x1001",
    "bob+550-",
    "bob+550-4.1.1",
    "bob+550-5.1",
    "bob+550-5.1.",
    "bob+550-5.1.1111",
    "bob+550.",
    "bob+550.foo",
    "bob+550.dotx",
    "bob+550.dot.data",
    "bob+delay",
    "bob+delayx",
    "bob+delay9999999",
    "bob+dropx",
    "bob+drop.",
    "bob+fuller",
    "bob+ 550",
    "bob+550 ",
    "550",
    "bob+550+",
    "bob+550-5.1.1x",
    "bob+550x2x2",
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        struct magic got;
        if (magic_parse(slice_cstr(bads[i]), &got))
            fail_msg("\"%s\" was taken", bads[i]);
        assert_int_equal(got.action, MAGIC_NONE);
    }
    struct magic got;
    assert_false(magic_parse(SLICE_LIT("a+55\0"), &got));
    assert_false(magic_parse(slice_of(NULL, 0), &got));
}

/* Every shown form is one that reads. */
static void test_forms(void **state)
{
    (void)state;
    size_t n = 0;
    for (const struct magic_form *f; (f = magic_form_at(n)) != NULL; n++) {
        struct slice form = slice_cstr(f->form);
        struct magic got;
        assert_true(form.ptr[form.len - 1] == '@' && f->meaning[0]);
        if (!magic_parse(slice_take(form, form.len - 1), &got))
            fail_msg("%s does not read", f->form);
    }
    assert_true(n >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
