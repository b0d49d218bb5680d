/* Settings: types, lists, words, what is said when something is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "console/settings.h"

static const struct {
    enum setting_id id;
    const char *value;
    bool ok;
    const char *said; /* part of the error; NULL: none */
} cases[] = {
    {SETTING_ID_name, "client.example.net", true, NULL},
    {SETTING_ID_name, "", true, NULL},
    {SETTING_ID_tls, "must", true, NULL},
    {SETTING_ID_tls, "mus", false, "did you mean must?"},
    {SETTING_ID_tls, "sometimes", false, "tls is one of none|try|must"},
    {SETTING_ID_tls, "none|try", false, "tls is one of"},
    {SETTING_ID_verify, "full", true, NULL},
    {SETTING_ID_verify, "Full", false, "did you mean full?"},
    {SETTING_ID_timeout, "10", true, NULL},
    {SETTING_ID_timeout, "-1", false, "whole number"},
    {SETTING_ID_timeout, "ten", false, "whole number"},
    {SETTING_ID_timeout, "99999999999999999999", false, "whole number"},
    {SETTING_ID_pipeline, "on", true, NULL},
    {SETTING_ID_pipeline, "yes", true, NULL},
    {SETTING_ID_pipeline, "0", true, NULL},
    {SETTING_ID_pipeline, "perhaps", false, "on or off"},
    {SETTING_ID_to, "bob@example.test", true, NULL},
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct settings *s = settings_new();
        struct err err;
        assert_int_equal(settings_set(s, cases[i].id, cases[i].value, &err), cases[i].ok);
        assert_int_equal(settings_is_set(s, cases[i].id), cases[i].ok);
        if (cases[i].said && !strstr(err.text, cases[i].said))
            fail_msg("case %zu: \"%s\" says nothing of \"%s\"", i, err.text, cases[i].said);
        settings_free(&s);
        assert_null(s);
    }
}

static void test_every_default_is_valid(void **state)
{
    (void)state;
    struct settings *s = settings_new();
    struct err err;
    for (int id = 0; id < SETTING_ID__COUNT; id++) {
        const struct setting_info *info = setting_info((enum setting_id)id);
        assert_int_equal(setting_by_name(slice_cstr(info->name)), id);
        assert_true(strlen(info->help) > 5);
        assert_false(settings_is_set(s, (enum setting_id)id));
        if (*info->dflt && !settings_set(s, (enum setting_id)id, info->dflt, &err))
            fail_msg("%s: %s", info->name, err.text);
    }
    settings_free(&s);
}

static void test_list_grows_and_empties(void **state)
{
    (void)state;
    struct settings *s = settings_new();
    struct buf line;
    buf_init(&line, 1000);
    assert_true(settings_set(s, SETTING_ID_to, "a@x", NULL));
    assert_true(settings_set(s, SETTING_ID_to, "b@x", NULL));
    assert_int_equal(settings_list_count(s, SETTING_ID_to), 2);
    settings_format(s, SETTING_ID_to, &line);
    assert_string_equal(buf_cstr(&line), "to a@x b@x");
    settings_reset(s, SETTING_ID_to);
    assert_int_equal(settings_list_count(s, SETTING_ID_to), 0);
    buf_deinit(&line);
    settings_free(&s);
}

static void test_a_value_set_from_itself(void **state)
{
    (void)state;
    struct settings *s = settings_new();
    assert_true(settings_set(s, SETTING_ID_name, "one", NULL));
    assert_true(settings_set(s, SETTING_ID_name, settings_text(s, SETTING_ID_name), NULL));
    assert_string_equal(settings_text(s, SETTING_ID_name), "one");
    settings_free(&s);
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const words[] = {"open", "close", "abort", "q"};
    assert_string_equal(nearest_word("opne", words, 4), "open");
    assert_string_equal(nearest_word("clse", words, 4), "close");
    assert_null(nearest_word("unrelated", words, 4));
    assert_null(
        nearest_word("zz", words, 4)); /* two changes away from "q", but nothing in common */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_every_default_is_valid),
        cmocka_unit_test(test_list_grows_and_empties),
        cmocka_unit_test(test_a_value_set_from_itself),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
