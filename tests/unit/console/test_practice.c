/* /practice, /fault, /faults, /reset-practice and practice:NAME, in memory. */
#include "../../lib/console_world.h"
#include "console/console_private.h"

static void refused(struct world *w, const char *line, const char *why)
{
    struct err err;
    err_clear(&err);
    assert_false(console_submit(w->console, slice_cstr(line), "keys", &err));
    if (!strstr(err.text, why))
        fail_msg("%s: %s", line, err.text);
}

static void by_target(void **state)
{
    struct world *w = *state;
    world_run(w, "/open practice:greylist\n"
                 "expect 220 * Postfix\n"
                 "EHLO client.example.net\nexpect 250-*\n"
                 "MAIL FROM:<ann@example.net>\nexpect code 250\n"
                 "RCPT TO:<bob@example.test>\nexpect code 450\n"
                 "/open practice:friendly\n"
                 "expect 220*\n");
    refused(w, "/open practice:no-such-thing", "no scenario is called no-such-thing");
}

static void by_command(void **state)
{
    struct world *w = *state;
    world_run(w, "/practice refusals\n"
                 "/open practice\nexpect 220*\n"
                 "EHLO client.example.net\nexpect 250-*\n"
                 "MAIL FROM:<ann@example.net>\nexpect code 250\n"
                 "RCPT TO:<full@example.test>\nexpect code 5.2.2\n"
                 "/practice\n");
    refused(w, "/practice no-such-thing", "no scenario is called no-such-thing");
}

static void live_rules(void **state)
{
    struct world *w = *state;
    struct rules_info info;
    world_run(w, "/fault rcpt to=bob@* times=1 reply 450 4.2.0 Not now\n"
                 "/open practice\nexpect 220*\n"
                 "EHLO client.example.net\nexpect 250-*\n"
                 "MAIL FROM:<ann@example.net>\nexpect code 250\n"
                 "RCPT TO:<bob@example.test>\nexpect code 450\n"
                 "RCPT TO:<bob@example.test>\nexpect code 250\n"
                 "/faults\n");
    assert_true(mock_rule_at(console_mock(w->console), 0, &info));
    assert_int_equal(info.matched, 2);
    assert_int_equal(info.hits, 1);
    refused(w, "/fault rcpt repyl 5", "did you mean \"reply\"");
    refused(w, "/fault", "wants a rule");
    refused(w, "/fault off 7", "no live rule has this number");
    world_run(w, "/fault off 1\n");
    assert_false(mock_rule_at(console_mock(w->console), 0, &info));
}

static void as_new(void **state)
{
    struct world *w = *state;
    struct rules_info info;
    world_run(w, "/fault mail reply 451 4.3.0 No\n/reset-practice\n");
    assert_false(mock_rule_at(console_mock(w->console), 0, &info));
    assert_int_equal(mock_message_count(console_mock(w->console)), 0);
}

static void completes_names(void **state)
{
    struct world *w = *state;
    struct console_completion out;
    struct slice line = SLICE_LIT("/practice grey");
    console_complete(w->console, line, line.len, &out);
    assert_true(out.n_items > 0);
    assert_string_equal(out.items[0].text, "greylist");
    console_completion_deinit(&out);
    line = SLICE_LIT("/open practice:grey");
    console_complete(w->console, line, line.len, &out);
    assert_int_equal(out.n_items, 1);
    assert_string_equal(out.items[0].text, "practice:greylist");
    console_completion_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(by_target, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(by_command, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(live_rules, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(as_new, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(completes_names, world_set_up, world_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
