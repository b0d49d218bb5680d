/* The console on the practice server, in memory: what a person types, and what becomes of it. */
#include <unistd.h>

#include "../../lib/console_world.h"
#include "console/console_private.h"
#include "decode/view.h"

static void test_typed_by_hand(void **state)
{
    struct world *w = *state;
    world_run(w, "/open practice\n"
                 "expect 220*\n"
                 "EHLO client.example.net\n"
                 "expect 250-*\n"
                 "expect event CAPS\n"
                 "MAIL FROM:<ann@example.net>\n"
                 "expect code 2.1.0\n"
                 "RCPT TO:<nobody@example.test>\n"
                 "expect code 550\n"
                 "RCPT TO:<bob@example.test>\n"
                 "expect code 250\n"
                 "DATA\n"
                 "expect 354*\n"
                 "Subject: expect nothing\n"
                 "\n"
                 ".a line that begins with a dot\n"
                 "expect this is content\n"
                 ".\n"
                 "expect 250*\n"
                 "QUIT\n"
                 "expect 221*\n");
    struct mock_message m;
    assert_int_equal(mock_message_count(console_mock(w->console)), 1);
    assert_true(mock_message_at(console_mock(w->console), 0, &m));
    assert_string_equal(m.mailbox, "bob");
    assert_true(
        slice_find(m.octets,
                   SLICE_LIT("\r\n.a line that begins with a dot\r\nexpect this is content\r\n")) >
        0);
}

static void test_helpers_end_in_the_same_envelope(void **state)
{
    struct world *w = *state;
    world_run(w, "/open practice\n/ehlo\n/mail ann@example.net\n/rcpt bob@example.test "
                 "carol@example.test\n");
    const struct smtp_track *t = session_smtp(console_session(w->console));
    assert_int_equal(smtp_track_state(t), SMTP_STATE_RCPT);
    assert_int_equal(smtp_track_recipients(t), 2);
    world_run(w, "/rset\nexpect 250*\n");
    assert_int_equal(smtp_track_recipients(t), 0);
    world_run(w, "/quit-session\nexpect 221*\n");
}

static void test_send_with_tls_and_auth(void **state)
{
    struct world *w = *state;
    settings_set(w->settings, SETTING_ID_user, "alice", NULL);
    settings_set(w->settings, SETTING_ID_password_command, "echo secret", NULL);
    settings_set(w->settings, SETTING_ID_to, "bob@example.test", NULL);
    settings_set(w->settings, SETTING_ID_to, "stranger@example.org", NULL);
    world_run(w, "/open submission://practice\n");
    (void)world_script(w, "/send\n");
    const struct session *s = console_session(w->console);
    if (!session_result(s) || !session_result(s)->ok)
        fail_msg("not sent: %s", session_result(s) ? session_result(s)->err.text : "no result");
    assert_true(session_is_tls(s));
    assert_int_equal(session_result(s)->n_accepted, 2);
}

/* --from and --to of the line are for that message alone. */
static void test_send_names_its_own_envelope(void **state)
{
    struct world *w = *state;
    struct err err;
    settings_set(w->settings, SETTING_ID_from, "ann@example.net", NULL);
    settings_set(w->settings, SETTING_ID_to, "bob@example.test", NULL);
    world_run(w,
              "/open practice\n/send --from <> --to carol@example.test --to alice@example.test\n");
    const struct session *s = console_session(w->console);
    assert_true(session_result(s)->ok);
    assert_int_equal(session_result(s)->n_accepted, 2);
    struct view v;
    view_init(&v, 0);
    view_at(&v, w->journal, 0, journal_last(w->journal));
    assert_string_equal(v.reverse_path, "<>");
    assert_int_equal(v.n_recipients, 2);
    assert_string_equal(v.recipients[0].path, "<carol@example.test>");
    world_run(w, "/send\n");
    view_at(&v, w->journal, 0, journal_last(w->journal));
    assert_string_equal(v.reverse_path, "<ann@example.net>");
    assert_int_equal(v.n_recipients, 1);
    assert_string_equal(v.recipients[0].path, "<bob@example.test>");
    view_deinit(&v);
    static const char *const wrong[] = {"/send --to", "/send --from", "/send --tls must"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(console_submit(w->console, slice_cstr(wrong[i]), "keys", &err));
        assert_non_null(strstr(err.next, "/set NAME VALUE"));
    }
}

/* A helper that was refused says what that reply means, though RSET was answered behind it. */
static void test_send_explains_its_refusal(void **state)
{
    struct world *w = *state;
    bool explained = false;
    world_script(w, "/open practice\n/send --to any+450@example.test\n");
    for (uint64_t seq = journal_first(w->journal); seq <= journal_last(w->journal); seq++) {
        const struct event *ev = journal_at(w->journal, seq);
        struct ev_note n;
        if (!ev || ev->kind != EVENT_NOTE)
            continue;
        EVENT_GET(ev, NOTE, &n);
        explained |= slice_eq(n.text, SLICE_LIT("stopped at rcpt: the server said 450")) &&
                     slice_starts(n.next, SLICE_LIT("Try again in 5 to 15 minutes"));
    }
    assert_true(explained);
}

/* What was said is read in every way there is. */
static void test_a_session_is_read(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *line, *said;
    } rows[] = {
        {"/message", "Who says so?"},
        {"/message", "AUTH       alice  proven"},
        {"/message parts", "  text/plain  us-ascii  "},
        {"/message raw", "  Subject: smtpscope test"},
        {"/server", "  SIZE 52428800"},
        {"/login", "Attempt 1: accepted"},
        {"/certs", "(fits)"},
        {"/timing", "where the time went:"},
    };
    settings_set(w->settings, SETTING_ID_user, "alice", NULL);
    settings_set(w->settings, SETTING_ID_password_command, "echo secret", NULL);
    settings_set(w->settings, SETTING_ID_to, "bob@example.test", NULL);
    world_run(w, "/open submission://practice\n");
    (void)world_script(w, "/send\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(console_submit(w->console, slice_cstr(rows[i].line), "keys", NULL));
        if (!world_noted(w, rows[i].said))
            fail_msg("%s does not say \"%s\"", rows[i].line, rows[i].said);
    }
}

static void test_expectation_fails_with_its_line(void **state)
{
    struct world *w = *state;
    struct script_result r =
        world_script(w, "# a comment\n/open practice\nexpect 220*\n\nNOOP\nexpect 354*\n");
    assert_false(r.ok);
    assert_true(r.expectation_failed);
    assert_int_equal(r.line, 6);
    assert_non_null(strstr(r.err.text, "354*"));
    assert_non_null(strstr(r.err.means, "250"));
    r = world_script(w, "NOOP\nexpect-not 250*\n");
    assert_true(r.expectation_failed);
}

static void test_magic_delay_is_waited_for(void **state)
{
    struct world *w = *state;
    world_run(w, "/open practice\nEHLO x\nMAIL FROM:<a@b.example>\nRCPT "
                 "TO:<any+delay1@example.test>\nexpect code 250\nRSET\n");
}

static const struct {
    const char *line, *said;
} wrong[] = {
    {"/opne practice", "did you mean /open?"},
    {"/open", "wants a target"},
    {"NOOP", "no connection is open"},
    {"/set tls perhaps", "tls is one of"},
    {"/set nmae x", "did you mean name?"},
    {"/record", ""},
    {"/layout wide", "needs the screen"},
    {"/help nothing-of-that-name", "no help on"},
    {"/mailbox", "keeps no message"},
    {"/auth PLAIN alice secret", "never a password"},
    {"/wait soon", "whole number"},
    {"/explain", "no reply has come"},
    {"/message", "no message has passed"},
    {"/message everything", "no such part"},
    {"/server", "not said anything"},
    {"/login", "nobody has tried"},
    {"/certs", "not inside TLS"},
    {"/timing", "no connection has been up"},
};

static void test_wrong_lines_say_what_to_do(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct err err;
        bool ok = console_submit(w->console, slice_cstr(wrong[i].line), "keys", &err);
        if (!*wrong[i].said) {
            assert_true(ok);
            continue;
        }
        if (strcmp(wrong[i].line, "/auth PLAIN alice secret") == 0)
            continue; /* needs a session: below */
        assert_false(ok);
        if (!strstr(err.text, wrong[i].said) || !world_noted(w, wrong[i].said))
            fail_msg("%s: said \"%s\", not \"%s\"", wrong[i].line, err.text, wrong[i].said);
    }
    world_run(w, "/open practice\n");
    struct err err;
    assert_false(console_submit(w->console, SLICE_LIT("/auth PLAIN alice secret"), "keys", &err));
    assert_non_null(strstr(err.text, "never a password"));
}

static void test_raw_octets(void **state)
{
    struct world *w = *state;
    world_run(w, "/open practice\nexpect 220*\n/raw \"NO\"\n/raw \"OP\\r\\n\"\nexpect 250*\n");
    static const struct {
        const char *text, *octets;
        size_t n;
    } cases[] = {{"\"a\\x00b\"", "a\0b", 3},
                 {"a\\r\\n", "a\r\n", 3},
                 {"\\\\\\\"", "\\\"", 2},
                 {"\\e[31m", "\x1b[31m", 5}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        struct err err;
        buf_init(&out, 100);
        assert_true(console_unescape(slice_cstr(cases[i].text), &out, &err));
        assert_int_equal(out.len, cases[i].n);
        assert_memory_equal(out.ptr, cases[i].octets, cases[i].n);
        buf_reset(&out);
        assert_false(console_unescape(SLICE_LIT("\\q"), &out, &err));
        assert_false(console_unescape(SLICE_LIT("\\x1"), &out, &err));
        assert_false(console_unescape(SLICE_LIT("\\"), &out, &err));
        buf_deinit(&out);
    }
}

static void test_secrets_never_in_history(void **state)
{
    struct world *w = *state;
    assert_false(console_history_allows(w->console, SLICE_LIT("AUTH PLAIN AGFsaWNlAHNlY3JldA==")));
    assert_false(console_history_allows(w->console, SLICE_LIT("  auth\tlogin  YWxpY2U=")));
    assert_true(console_history_allows(w->console, SLICE_LIT("AUTH LOGIN")));
    assert_true(console_history_allows(w->console, SLICE_LIT("MAIL FROM:<ann@example.net>")));
    world_run(w, "/open submissions://practice\nEHLO x\nAUTH LOGIN\n");
    assert_false(console_history_allows(w->console, SLICE_LIT("YWxpY2U=")));
}

/* --- completion and hints --- */

static bool offers(struct world *w, const char *line, const char *text)
{
    struct console_completion c;
    bool found = false;
    console_complete(w->console, slice_cstr(line), strlen(line), &c);
    for (size_t i = 0; i < c.n_items; i++)
        found = found || strcmp(c.items[i].text, text) == 0;
    console_completion_deinit(&c);
    return found;
}

static void test_completion(void **state)
{
    struct world *w = *state;
    assert_true(offers(w, "/op", "/open"));
    assert_true(offers(w, "/open pra", "practice"));
    assert_true(offers(w, "/set tl", "tls"));
    assert_true(offers(w, "/set tls m", "must"));
    assert_true(offers(w, "/set pipeline ", "on"));
    assert_true(offers(w, "/help mai", "MAIL"));
    world_run(w, "/open practice\nEHLO client.example.net\n");
    assert_true(offers(w, "ma", "MAIL FROM:<"));
    assert_false(offers(w, "rc", "RCPT TO:<")); /* not in order yet */
    assert_true(offers(w, "MAIL FROM:<a@b> SI", "SIZE="));
    assert_true(offers(w, "MAIL FROM:<a@b> BODY", "BODY=8BITMIME"));
    world_run(w, "MAIL FROM:<ann@example.net>\n");
    assert_true(offers(w, "rc", "RCPT TO:<"));
    assert_true(offers(w, "RCPT TO:<an", "TO:<ann@example.net>"));
}

static void test_hints(void **state)
{
    struct world *w = *state;
    struct console_hint h;
    console_hint_init(&h);
    world_run(w, "/open practice\nEHLO client.example.net\n");
    console_hint_for(w->console, SLICE_LIT("MAI"), &h);
    assert_true(slice_starts(buf_slice(&h.ghost), SLICE_LIT("L FROM:")));
    console_hint_for(w->console, SLICE_LIT("RCPT TO:<bob@example.test>"), &h);
    assert_true(h.lint.len > 0); /* out of order */
    console_hint_for(w->console, SLICE_LIT("MAIL FROM:<ann@example.net>"), &h);
    if (h.lint.len)
        fail_msg("nothing is wrong, and yet: %s", buf_cstr(&h.lint));
    console_hint_for(w->console, SLICE_LIT("MAIL FROM:ann@example.net"), &h);
    assert_true(h.lint.len > 0); /* no brackets */
    console_hint_for(w->console, SLICE_LIT("/open"), &h);
    assert_true(slice_find(buf_slice(&h.info), SLICE_LIT("connect")) >= 0);
    console_hint_deinit(&h);
}

static void test_interrupt_stops_a_wait(void **state)
{
    struct world *w = *state;
    world_run(w, "/open practice\n");
    assert_false(console_interrupt(w->console));
    assert_true(console_submit(w->console, SLICE_LIT("/wait 600"), "keys", NULL));
    assert_false(console_busy(w->console)); /* the greeting is what it waited for */
    assert_true(console_submit(w->console, SLICE_LIT("/wait 600"), "keys", NULL));
    assert_true(console_busy(w->console));
    assert_true(console_interrupt(w->console));
    assert_false(console_busy(w->console));
}

/* What waits for its turn when the connection ends is told; a half close waits for it. */
static void test_slow_octets_are_not_lost_silently(void **state)
{
    struct world *w = *state;
    struct err err;
    bool told = false;
    world_run(w, "/open practice\n/slow 1\n");
    assert_true(console_submit(w->console, SLICE_LIT("NOOP slowly"), "keys", NULL));
    assert_true(console_busy(w->console));
    assert_false(console_submit(w->console, SLICE_LIT("/half-close"), "keys", &err));
    assert_non_null(strstr(err.text, "octets still wait"));
    assert_true(console_submit(w->console, SLICE_LIT("/abort"), "keys", NULL));
    for (int i = 0; i < 1000 && console_busy(w->console); i++)
        loop_turn(w->loop, 20);
    for (uint64_t seq = 1; seq <= journal_last(w->journal); seq++) {
        const struct event *ev = journal_at(w->journal, seq);
        struct ev_note note;
        if (!ev || ev->kind != EVENT_NOTE)
            continue;
        EVENT_GET(ev, NOTE, &note);
        told = told || slice_find(note.text, SLICE_LIT("(/slow) were never sent")) > 0;
    }
    assert_true(told);
}

static void test_alias(void **state)
{
    struct world *w = *state;
    world_run(w,
              "/open practice\n/alias hi = EHLO\n/hi there.example\nexpect 250-*\n/alias m = /mail "
              "ann@example.net\n/m\nexpect 250*\n");
}

/* --- matching, netrc --- */

static void test_netrc(void **state)
{
    (void)state;
    struct slice text = SLICE_LIT(
        "machine mail.example.net\n  login ann password one\n"
        "machine mail.example.net login bob password two\ndefault login x password three\n");
    static const struct {
        const char *host, *user, *password;
    } cases[] = {{"mail.example.net", "ann", "one"},
                 {"MAIL.example.net", "bob", "two"},
                 {"mail.example.net", NULL, "one"},
                 {"other.example", "x", "three"},
                 {"other.example", "y", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf login, password;
        buf_init(&login, 100);
        buf_init(&password, 100);
        assert_int_equal(netrc_find(text, cases[i].host, cases[i].user, &login, &password),
                         cases[i].password != NULL);
        if (cases[i].password)
            assert_string_equal(buf_cstr(&password), cases[i].password);
        buf_deinit(&login);
        buf_deinit(&password);
    }
}

int main(void)
{
#define WORLD(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        WORLD(test_typed_by_hand),
        WORLD(test_helpers_end_in_the_same_envelope),
        WORLD(test_send_with_tls_and_auth),
        WORLD(test_send_names_its_own_envelope),
        WORLD(test_send_explains_its_refusal),
        WORLD(test_a_session_is_read),
        WORLD(test_expectation_fails_with_its_line),
        WORLD(test_magic_delay_is_waited_for),
        WORLD(test_wrong_lines_say_what_to_do),
        WORLD(test_raw_octets),
        WORLD(test_secrets_never_in_history),
        WORLD(test_completion),
        WORLD(test_hints),
        WORLD(test_interrupt_stops_a_wait),
        WORLD(test_slow_octets_are_not_lost_silently),
        WORLD(test_alias),
        cmocka_unit_test(test_netrc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
