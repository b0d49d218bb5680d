/* The rule engine: who decides, limits, chance, variables, live rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "scenario/profile.h"
#include "scenario/rules.h"

static struct rules *rules_of(const char *text)
{
    struct err err;
    struct scenario *s = scenario_parse(slice_cstr(text), "t.scn", NULL, NULL, &err);
    if (!s)
        fail_msg("%s", err.text);
    return rules_new(s);
}

struct world {
    struct rules *rules;
    struct rules_session session;
    struct rules_facts facts;
    struct rules_verdict verdict;
    uint64_t now_ms;
};

static void world_init(struct world *w, const char *text)
{
    memset(w, 0, sizeof(*w));
    w->rules = rules_of(text);
    w->now_ms = 1000000;
    rules_session_begin(w->rules, &w->session);
}

/* The texts of the actions that came, with commas between. */
static const char *ask(struct world *w, enum scenario_stage stage)
{
    static char out[512];
    out[0] = '\0';
    rules_ask(w->rules, stage, &w->facts, &w->session, w->now_ms, NULL, &w->verdict);
    for (size_t i = 0; i < w->verdict.n_items; i++)
        snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s%s%.*s", i ? "," : "",
                 scenario_do_word(w->verdict.items[i].action->what),
                 w->verdict.items[i].action->text.len ? " " : "",
                 SLICE_ARG(w->verdict.items[i].action->text));
    return out;
}

static void fact(struct world *w, enum scenario_fact f, const char *value)
{
    rules_fact(&w->facts, f, slice_cstr(value));
}

static void the_first_that_decides(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "when rcpt say one\nwhen mail drop\nwhen rcpt to=bob* reply 450 two\n"
                   "when rcpt reply 550 three\n");
    fact(&w, SCENARIO_FACT_TO, "Bob@example.test");
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "say one,reply 450 two");
    assert_true(w.verdict.decided);
    fact(&w, SCENARIO_FACT_TO, "carol@example.test");
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "say one,reply 550 three");
    assert_string_equal(ask(&w, SCENARIO_STAGE_DATA), "");
    assert_false(w.verdict.decided);
    assert_true(rules_any(w.rules, SCENARIO_STAGE_MAIL));
    assert_false(rules_any(w.rules, SCENARIO_STAGE_DATA));
    rules_free(&w.rules);
}

static void matches(void **state)
{
    (void)state;
    static const struct {
        const char *condition;
        enum scenario_fact fact;
        const char *value;
        bool holds;
    } rows[] = {
        {"to=*", SCENARIO_FACT_TO, "", true},
        {"to=a?c", SCENARIO_FACT_TO, "ABC", true},
        {"to=a?c", SCENARIO_FACT_TO, "abbc", false},
        {"to=*@*.test", SCENARIO_FACT_TO, "x@example.test", true},
        {"to=\\*", SCENARIO_FACT_TO, "*", true},
        {"to=\\*", SCENARIO_FACT_TO, "x", false},
        {"to=bob*", SCENARIO_FACT_TO, "alice\nbob\ncarol", true},
        {"!to=bob*", SCENARIO_FACT_TO, "alice\nbob\ncarol", false},
        {"!to=bob*", SCENARIO_FACT_TO, "alice\ncarol", true},
        {"header=\"from: *\"", SCENARIO_FACT_HEADER, "To: x\nFrom: y", true},
        {"to~^b.b@", SCENARIO_FACT_TO, "BOB@x", true},
        {"to~^b$", SCENARIO_FACT_TO, "bb", false},
        {"size>100", SCENARIO_FACT_SIZE, "101", true},
        {"size>100", SCENARIO_FACT_SIZE, "100", false},
        {"size<100", SCENARIO_FACT_SIZE, "99", true},
        {"size>100", SCENARIO_FACT_SIZE, "many", false},
        {"subject=\"a b\"", SCENARIO_FACT_SUBJECT, "A B", true},
        {"user=*", SCENARIO_FACT_TO, "not known", false},
        {"!user=*", SCENARIO_FACT_TO, "not known", false},
        {"to=*a*a*a*a*a*a*b", SCENARIO_FACT_TO, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world w;
        char text[200];
        snprintf(text, sizeof(text), "when rcpt %s drop\n", rows[i].condition);
        world_init(&w, text);
        fact(&w, rows[i].fact, rows[i].value);
        if ((strcmp(ask(&w, SCENARIO_STAGE_RCPT), "drop") == 0) != rows[i].holds)
            fail_msg("row %zu: %s", i, rows[i].condition);
        rules_free(&w.rules);
    }
}

/* Which of ten questions are answered, as a row of 0 and 1. */
static const char *ten(struct world *w, uint64_t step_ms)
{
    static char out[11];
    for (int i = 0; i < 10; i++) {
        out[i] = *ask(w, SCENARIO_STAGE_RCPT) ? '1' : '0';
        w->now_ms += step_ms;
    }
    return out;
}

static void limits(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        uint64_t step_ms;
        const char *fires;
    } rows[] = {
        {"nth=3", 0, "0010000000"},           {"times=2", 0, "1100000000"},
        {"every=3", 0, "0010010010"},         {"every=2 times=2", 0, "0101000000"},
        {"first-for=3s", 1000, "1110000000"}, {"after=3s", 1000, "0001111111"},
        {"chance=100%", 0, "1111111111"},     {"chance=0%", 0, "0000000000"},
        {"rate>3/10s", 0, "0001111111"},      {"rate>3/3s", 1000, "0000000000"},
        {"rate>0/1s", 0, "1111111111"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world w;
        char text[200];
        snprintf(text, sizeof(text), "when rcpt %s drop\n", rows[i].rule);
        world_init(&w, text);
        const char *got = ten(&w, rows[i].step_ms);
        if (strcmp(got, rows[i].fires) != 0)
            fail_msg("%s: %s is not %s", rows[i].rule, got, rows[i].fires);
        rules_free(&w.rules);
    }
}

static void each_key_on_its_own(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "when rcpt per=net24,from times=1 drop\n");
    fact(&w, SCENARIO_FACT_CLIENT, "192.0.2.1");
    fact(&w, SCENARIO_FACT_FROM, "a");
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "drop");
    fact(&w, SCENARIO_FACT_CLIENT, "192.0.2.99");
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "");
    fact(&w, SCENARIO_FACT_CLIENT, "198.51.100.1");
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "drop");
    fact(&w, SCENARIO_FACT_FROM, "b");
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "drop");
    rules_free(&w.rules);

    world_init(&w, "when rcpt per=session times=1 drop\n");
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "drop");
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "");
    rules_session_begin(w.rules, &w.session);
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "drop");
    rules_free(&w.rules);
}

static void the_clock_runs_faster(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "clock x60\nwhen rcpt first-for=5m drop\n");
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "drop");
    w.now_ms += 4900;
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "drop");
    w.now_ms += 200;
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "");
    assert_int_equal(rules_clock_ms(w.rules, 60000), 1000);
    assert_int_equal(rules_clock_ms(w.rules, 1), 1);
    assert_int_equal(rules_clock_ms(w.rules, 0), 0);
    rules_free(&w.rules);
}

/* A row of fifty chances, after the client's octets. */
static void chances(const char *seed, const char *octets, int session, char out[51])
{
    struct world w;
    char text[120];
    snprintf(text, sizeof(text), "seed %s\nwhen rcpt chance=50%% drop\n", seed);
    world_init(&w, text);
    for (int i = 1; i < session; i++)
        rules_session_begin(w.rules, &w.session);
    rules_session_octets(&w.session, slice_cstr(octets));
    for (int i = 0; i < 50; i++)
        out[i] = *ask(&w, SCENARIO_STAGE_RCPT) ? '1' : '0';
    out[50] = '\0';
    rules_free(&w.rules);
}

static void chance_repeats_itself(void **state)
{
    (void)state;
    char one[51], two[51];
    chances("1", "EHLO a", 1, one);
    chances("1", "EHLO a", 1, two);
    assert_string_equal(one, two);
    chances("2", "EHLO a", 1, two);
    assert_string_not_equal(one, two);
    chances("1", "EHLO b", 1, two);
    assert_string_not_equal(one, two);
    chances("1", "EHLO a", 2, two);
    assert_string_not_equal(one, two);
    int n = 0;
    for (const char *p = one; *p; p++)
        n += *p == '1';
    assert_in_range(n, 10, 40);
}

static void states_are_named(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "when mail state=READY goto late\nwhen rcpt state=late reply 450 x\n");
    fact(&w, SCENARIO_FACT_STATE, "READY");
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "");
    ask(&w, SCENARIO_STAGE_MAIL);
    assert_string_equal(w.session.state, "late");
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "reply 450 x");
    rules_free(&w.rules);
}

static void once_a_message(void **state)
{
    (void)state;
    struct world w;
    uint64_t once = 0;
    world_init(&w, "when body size>10 nth=1 say big\n");
    fact(&w, SCENARIO_FACT_SIZE, "5");
    rules_ask(w.rules, SCENARIO_STAGE_BODY, &w.facts, &w.session, 0, &once, &w.verdict);
    assert_int_equal(w.verdict.n_items, 0);
    fact(&w, SCENARIO_FACT_SIZE, "50");
    rules_ask(w.rules, SCENARIO_STAGE_BODY, &w.facts, &w.session, 0, &once, &w.verdict);
    assert_int_equal(w.verdict.n_items, 1);
    rules_ask(w.rules, SCENARIO_STAGE_BODY, &w.facts, &w.session, 0, &once, &w.verdict);
    assert_int_equal(w.verdict.n_items, 0);
    rules_free(&w.rules);
}

static void live_rules_come_first(void **state)
{
    (void)state;
    struct world w;
    struct err err;
    struct rules_info info;
    world_init(&w, "when rcpt reply 550 old\n");
    unsigned one = rules_add(w.rules, SLICE_LIT("rcpt reply 450 one"), &err);
    unsigned two = rules_add(w.rules, SLICE_LIT("when mail|rcpt times=1 reply 450 two"), &err);
    assert_int_equal(one, 1);
    assert_int_equal(two, 2);
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "reply 450 two");
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "reply 450 one");
    assert_true(rules_info_at(w.rules, 0, &info));
    assert_int_equal(info.number, 2);
    assert_int_equal(info.matched, 2);
    assert_int_equal(info.hits, 1);
    assert_string_equal(info.text, "mail|rcpt times=1 reply 450 two");
    assert_true(rules_info_at(w.rules, 2, &info));
    assert_int_equal(info.number, 0);
    assert_int_equal(info.line, 1);
    assert_false(rules_info_at(w.rules, 3, &info));
    assert_true(rules_remove(w.rules, one));
    assert_false(rules_remove(w.rules, one));
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "reply 550 old");
    assert_int_equal(rules_add(w.rules, SLICE_LIT("rcpt relpy x"), &err), 0);
    assert_non_null(strstr(err.text, "did you mean \"reply\""));
    rules_remove_all(w.rules);
    assert_false(rules_any(w.rules, SCENARIO_STAGE_MAIL));
    for (int i = 0; i < RULES_LIVE_MAX; i++)
        assert_true(rules_add(w.rules, SLICE_LIT("rcpt drop"), &err) > 0);
    assert_int_equal(rules_add(w.rules, SLICE_LIT("rcpt drop"), &err), 0);
    assert_non_null(strstr(err.text, "live-rules"));
    rules_free(&w.rules);
}

static void without_a_scenario(void **state)
{
    (void)state;
    struct rules *r = rules_new(NULL);
    struct rules_facts f = {0};
    struct rules_session s;
    struct rules_verdict v;
    rules_session_begin(r, &s);
    rules_ask(r, SCENARIO_STAGE_RCPT, &f, &s, 1, NULL, &v);
    assert_int_equal(v.n_items, 0);
    rules_reset(r);
    rules_free(&r);
}

static void forgets_the_oldest(void **state)
{
    (void)state;
    struct world w;
    char name[32];
    world_init(&w, "when rcpt per=from times=1 drop\n");
    for (int i = 0; i <= RULES_REMEMBERED_MAX; i++) {
        snprintf(name, sizeof(name), "u%d", i);
        fact(&w, SCENARIO_FACT_FROM, name);
        assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "drop");
    }
    fact(&w, SCENARIO_FACT_FROM, "u1");
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "");
    fact(&w, SCENARIO_FACT_FROM, "u0"); /* had left */
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "drop");
    rules_reset(w.rules);
    fact(&w, SCENARIO_FACT_FROM, "u1");
    assert_string_equal(ask(&w, SCENARIO_STAGE_RCPT), "drop");
    rules_free(&w.rules);
}

static void variables(void **state)
{
    (void)state;
    static const struct {
        const char *text, *value;
    } rows[] = {
        {"<{to}> of {to.domain}", "<bob@example.test> of example.test"},
        {"{FROM}", "an?n@x"},
        {"{header.from.domain}", "evil.example"},
        {"{header.subject}", "hi"},
        {"{header.none}", ""},
        {"{nth} {100} {} {", "7 {100} {} {"},
        {"{helo}", ""},
        {"a{b{to}", "a{bbob@example.test"},
    };
    struct rules_facts f = {0};
    struct buf out;
    buf_init(&out, 4096);
    rules_fact(&f, SCENARIO_FACT_TO, SLICE_LIT("bob@example.test\ncarol@example.test"));
    rules_fact(&f, SCENARIO_FACT_FROM, SLICE_LIT("an\rn@x"));
    rules_fact(&f, SCENARIO_FACT_HEADER,
               SLICE_LIT("Subject: hi\nFrom: The Head <head@evil.example>"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buf_reset(&out);
        rules_expand(&out, slice_cstr(rows[i].text), &f, 7);
        assert_string_equal(buf_cstr(&out), rows[i].value);
    }
    buf_deinit(&out);
}

static void profiles(void **state)
{
    (void)state;
    static const char *const names[] = {"postfix", "exim",     "m365",  "gmail",  "yahoo",
                                        "dovecot", "sendmail", "qmail", "strict", "bare"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_string_equal(profile_name_at(i), names[i]);
    assert_null(profile_name_at(sizeof(names) / sizeof(names[0])));
    assert_string_equal(profile_reply("exim", "rcpt", 550, "5.1.1"), "550 Unrouteable address");
    assert_string_equal(profile_reply("exim", "rcpt", 250, "2.1.5"), "250 Accepted");
    assert_string_equal(profile_reply("postfix", "noop", 503, "5.5.1"),
                        "503 5.5.1 Error: send HELO/EHLO first");
    assert_null(profile_reply("postfix", "noop", 599, ""));
    assert_null(profile_reply(NULL, "noop", 250, ""));
    assert_null(profile_text("strict", "caps"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_decides),
        cmocka_unit_test(matches),
        cmocka_unit_test(limits),
        cmocka_unit_test(each_key_on_its_own),
        cmocka_unit_test(the_clock_runs_faster),
        cmocka_unit_test(chance_repeats_itself),
        cmocka_unit_test(states_are_named),
        cmocka_unit_test(once_a_message),
        cmocka_unit_test(live_rules_come_first),
        cmocka_unit_test(without_a_scenario),
        cmocka_unit_test(forgets_the_oldest),
        cmocka_unit_test(variables),
        cmocka_unit_test(profiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
