/* Reading mail on the console: IMAP and POP3 sessions on the practice server, and several
 * connections in one window. */
#include <unistd.h>

#include "../../lib/console_world.h"
#include "console/console_private.h"
#include "decode/mailbox.h"

static int set_up(void **state)
{
    world_set_up(state);
    struct world *w = *state;
    settings_set(w->settings, SETTING_ID_password_command, "echo secret", NULL);
    return 0;
}

static void fold(struct world *w, struct mailbox_view *v)
{
    mailbox_view_init(v, 0);
    mailbox_view_at(v, w->journal, console_conn(w->console), journal_last(w->journal));
}

static bool seen_in_clear(struct world *w, const char *secret)
{
    struct buf text;
    bool found = false;
    buf_init(&text, 1 << 24);
    for (uint64_t seq = journal_first(w->journal); seq <= journal_last(w->journal); seq++) {
        const struct event *ev = journal_at(w->journal, seq);
        struct ev_octets e;
        if (!ev || ev->kind != EVENT_OCTETS)
            continue;
        EVENT_GET(ev, OCTETS, &e);
        if (e.layer != LAYER_PLAIN)
            continue;
        buf_reset(&text);
        journal_read_masked(w->journal, ev->conn, e.dir, LAYER_PLAIN, e.offset, e.length, &text,
                            NULL);
        found = found || slice_find(buf_slice(&text), slice_cstr(secret)) >= 0;
    }
    buf_deinit(&text);
    return found;
}

static void test_imap_by_helpers(void **state)
{
    struct world *w = *state;
    struct mailbox_view v;
    char path[] = "/tmp/smtpscope-append-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "Subject: kept\n\n.dot\n", 20), 20);
    close(fd);
    world_run(w, "/open imap://practice\n"
                 "expect * OK *\n"
                 "/auth alice\n"
                 "expect code OK\n");
    assert_true(session_is_tls(console_session(w->console)));
    char line[200];
    snprintf(
        line, sizeof line,
        "SELECT INBOX\nexpect * 0 EXISTS\n/append %s\nexpect * 1 EXISTS\n/list\n"
        "expect * 1 FETCH *\n/get 1\nexpect Subject: kept\n/mailboxes\nexpect * LIST *INBOX*\n",
        path);
    world_run(w, line);
    unlink(path);
    fold(w, &v);
    assert_string_equal(v.selected, "INBOX");
    assert_int_equal(v.exists, 1);
    assert_int_equal(v.n_messages, 1);
    assert_string_equal(v.messages[0].subject, "kept");
    assert_int_equal(v.messages[0].octets, 23); /* LF became CRLF, the dot is no command */
    mailbox_view_deinit(&v);
    assert_false(seen_in_clear(w, "secret"));
    world_run(w, "LOGOUT\nexpect * BYE*\n");
}

/* Each helper is a line a person could type; it ends in the same pane. */
static void test_imap_more_helpers(void **state)
{
    struct world *w = *state;
    struct mailbox_view v;
    settings_set(w->settings, SETTING_ID_to, "alice@example.test", NULL);
    settings_set(w->settings, SETTING_ID_template, "alternative", NULL);
    world_run(w,
              "/open practice\n/send\n/send\n/quit-session\n"
              "/open imap://practice\n/auth alice\n/select\nexpect * 2 EXISTS\n"
              "/headers 1\nexpect Subject: *\n"
              "/structure 2\nexpect * 2 FETCH *BODYSTRUCTURE*\n"
              "/search\nexpect * SEARCH 1 2*\n"
              "/search SUBJECT nothing\nexpect * SEARCH\n"
              "/flag 1 flagged $Junk\nexpect * 1 FETCH *Flagged*$Junk*\n"
              "/flag 1 -flagged\nexpect * 1 FETCH (FLAGS (?Recent $Junk))\n"
              "CREATE Caf&AOk-\n/move 1 Caf\303\251\nexpect * 1 EXPUNGE\n"
              "/mailboxes\nexpect * LIST * \"Caf&AOk-\"\n/delete *\nexpect * 1 FETCH *Deleted*\n");
    fold(w, &v);
    assert_int_equal(v.exists, 1);
    assert_int_equal(mailbox_view_deleted(&v), 1);
    assert_non_null(strstr(v.messages[0].structure, "text/html"));
    mailbox_view_deinit(&v);
    world_run(w, "EXPUNGE\nexpect * 1 EXPUNGE\n/select Caf\303\251\nexpect * 1 EXISTS\n");
    fold(w, &v);
    assert_string_equal(v.selected, "Caf\303\251");
    mailbox_view_deinit(&v);
}

static bool command_noted(struct world *w, const char *text)
{
    bool found = false;
    for (uint64_t seq = journal_first(w->journal); seq <= journal_last(w->journal); seq++) {
        const struct event *ev = journal_at(w->journal, seq);
        struct ev_user_command e;
        if (!ev || ev->kind != EVENT_USER_COMMAND)
            continue;
        EVENT_GET(ev, USER_COMMAND, &e);
        found = found || slice_find(e.text, slice_cstr(text)) >= 0;
    }
    return found;
}

/* Literals typed by hand, both kinds: every line in them is octets, an empty one and "expect" too;
 * a password that is a literal is noted nowhere. */
static void test_typed_literals(void **state)
{
    struct world *w = *state;
    struct console_hint h;
    world_run(w, "/open imap://practice\n"
                 "LOGIN {5+}\nalice {6+}\nsecret\nexpect * OK *\n"
                 "APPEND INBOX {31}\nexpect + *\nSubject: x\n\n# no comment\n.\n\nexpect * OK *\n"
                 "APPEND INBOX {15+}\n\nexpect code X\n\nexpect * OK *\n/select\n");
    world_run(w, "FETCH 1 BODY[]\nexpect # no comment\nexpect * OK *\nFETCH 2 BODY[]\n"
                 "expect expect code X*\n");
    assert_false(seen_in_clear(w, "secret"));
    assert_false(command_noted(w, "secret"));
    world_run(w, "LOGOUT\n/open imap://practice\nLOGIN alice {6+}\n");
    assert_string_equal(console_prompt(w->console), "literal> ");
    assert_false(console_history_allows(w->console, SLICE_LIT("secret")));
    console_hint_init(&h);
    console_hint_for(w->console, SLICE_LIT("secr"), &h);
    assert_non_null(strstr(buf_cstr(&h.info), "6 octets of the literal are left"));
    assert_int_equal(h.lint.len, 0);
    console_hint_for(w->console, SLICE_LIT("secret"), &h);
    assert_true(h.lint.len > 0);
    console_hint_deinit(&h);
    world_run(w, "/raw \"secret\"\n\nexpect * OK *\nLOGOUT\n"
                 "/open pop3://practice\nAPOP alice 0123456789abcdef0123456789abcdef\n");
    assert_false(command_noted(w, "89abcdef"));
    assert_false(console_history_allows(w->console, SLICE_LIT("APOP alice 0123456789abcdef")));
}

static void test_pop3_by_helpers(void **state)
{
    struct world *w = *state;
    struct mailbox_view v;
    settings_set(w->settings, SETTING_ID_to, "alice@example.test", NULL);
    world_run(w, "/open practice\n/send\n/quit-session\n");
    world_run(w, "/open pop3://practice\n"
                 "expect +OK*\n"
                 "/auth alice\n"
                 "expect code +OK\n"
                 "STAT\nexpect +OK 1 *\n"
                 "/list\nexpect 1 *\n"
                 "/get 1\nexpect code +OK\n"
                 "/headers 1\nexpect Subject: *\n"
                 "/delete 1\nexpect code +OK\n");
    assert_true(session_is_tls(console_session(w->console)));
    fold(w, &v);
    assert_true(v.pop3 && v.authenticated);
    assert_int_equal(v.total_messages, 1);
    assert_int_equal(mailbox_view_deleted(&v), 1);
    assert_false(v.updated);
    mailbox_view_deinit(&v);
    world_run(w, "QUIT\nexpect code +OK\n");
    fold(w, &v);
    assert_true(v.updated);
    mailbox_view_deinit(&v);
    assert_int_equal(mock_message_count(console_mock(w->console)), 0);
    assert_false(seen_in_clear(w, "secret"));
}

/* Submit by SMTP on one connection, watch it arrive by IDLE on the other. */
static void test_two_connections(void **state)
{
    struct world *w = *state;
    struct console_connection all[9];
    settings_set(w->settings, SETTING_ID_to, "alice@example.test", NULL);
    world_run(w, "/open imap://practice\n/auth alice\nSELECT INBOX\n/idle\nexpect + *\n");
    world_run(w, "/open practice\nexpect 220*\n/send\n");
    assert_int_equal(console_connections(w->console, all, 9), 2);
    assert_true(all[0].up && all[1].up && all[1].now && !all[0].now);
    assert_string_equal(all[0].state, "idle");
    assert_int_equal(all[0].protocol, PROTOCOL_IMAP);
    world_run(w, "/session 1\n");
    struct mailbox_view v;
    fold(w, &v);
    assert_true(v.idle);
    assert_int_equal(v.exists, 1);
    assert_non_null(strstr(v.last_event, "mail arrived"));
    mailbox_view_deinit(&v);
    world_run(w, "/idle\nexpect code OK\n");
    /* A line goes to the connection that was gone to, and to no other. */
    world_run(w, "/session 2\nNOOP\nexpect 250*\n/session next\nNOOP\nexpect code OK\n");
    world_run(w, "/session close\n");
    assert_int_equal(console_connections(w->console, all, 9), 1);
    assert_true(all[0].now && all[0].number == 2);
    world_run(w, "NOOP\nexpect 250*\n");
}

/* The limit has a name, and a free number is taken again. */
static void test_connections_are_limited(void **state)
{
    struct world *w = *state;
    struct console_connection all[9];
    for (int i = 0; i < 9; i++)
        world_run(w, "/open practice\nexpect 220*\n");
    struct script_result r = world_script(w, "/open practice\n");
    assert_false(r.ok);
    assert_non_null(strstr(r.err.text, "limit connections"));
    world_run(w, "/session 4\n/session close\n/open practice\nexpect 220*\n");
    assert_int_equal(console_connections(w->console, all, 9), 9);
    for (unsigned i = 0; i < 9; i++)
        assert_int_equal(all[i].number, i + 1);
    assert_true(all[3].now);
}

static const struct {
    const char *open, *line, *said;
} wrong[] = {
    {"/open imap://practice\nexpect * OK*\n", "/mail ann@example.net",
     "this connection speaks imap"},
    {"/open imap://practice\nexpect * OK*\n", "/send", "/send is for smtp"},
    {"/open imap://practice\nexpect * OK*\n", "/list", "no mailbox is selected"},
    {"/open imap://practice\nexpect * OK*\n", "/get", "wants the number"},
    {"/open imap://practice\nexpect * OK*\n", "/get x", "wants the number"},
    {"/open imap://practice\nexpect * OK*\n", "/append", "wants a file"},
    {"/open imap://practice\nexpect * OK*\n", "/append /nonexistent", "cannot read"},
    {"/open practice\nexpect 220*\n", "/mailboxes", "/mailboxes is for imap"},
    {"/open imap://practice\n/auth alice\n", "/flag 1 seen", "no mailbox is selected"},
    {"/open imap://practice\n/auth alice\n/select\n", "/flag 1", "wants a flag"},
    {"/open imap://practice\n/auth alice\n/select\n", "/move 1", "wants a mailbox"},
    {"/open imap://practice\n/auth alice\n/select\n", "/delete 1;2", "wants the number"},
    {"/open pop3://practice\n/auth alice\n", "/delete 1:2", "wants the number"},
    {"/open pop3://practice\n/auth alice\n", "/search", "/search is for imap"},
    {"/open practice\nexpect 220*\n", "/list", "/list is for pop3 and imap"},
    {"/open practice\nexpect 220*\n", "/session 7", "no connection has that number"},
};

static void test_wrong_lines(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        world_run(w, wrong[i].open);
        struct script_result r = world_script(w, wrong[i].line);
        if (r.ok || !strstr(r.err.text, wrong[i].said))
            fail_msg("%s: %s", wrong[i].line, r.ok ? "was taken" : r.err.text);
        world_run(w, "/session close\n");
    }
}

/* What stands behind and below the line, and what Tab offers. */
static void test_hints(void **state)
{
    struct world *w = *state;
    struct console_hint h;
    struct console_completion c;
    world_run(w, "/open imap://practice\nexpect * OK*\n/auth alice\nSELECT INBOX\n");
    console_hint_init(&h);
    console_hint_for(w->console, SLICE_LIT("FETC"), &h);
    assert_non_null(strstr(buf_cstr(&h.ghost), "H "));
    console_hint_for(w->console, SLICE_LIT("LOGIN alice x"), &h);
    assert_true(h.lint.len > 0); /* logged in already */
    console_hint_for(w->console, SLICE_LIT("FETCH 1 FLAGS"), &h);
    assert_int_equal(h.lint.len, 0);
    console_complete(w->console, SLICE_LIT("UNS"), 3, &c);
    assert_int_equal(c.n_items, 2); /* UNSUBSCRIBE, UNSELECT */
    console_completion_deinit(&c);
    world_run(w, "/mailboxes\n");
    static const struct {
        const char *line, *offered;
    } arguments[] = {
        {"SELECT T", "Trash"},         {"x7 select t", "Trash"},
        {"FETCH 1 (ENV", "(ENVELOPE"}, {"UID FETCH 1 bodys", "BODYSTRUCTURE"},
        {"UID s", "SEARCH"},           {"STORE 1 +FLAGS (\\s", "(\\Seen"},
        {"SEARCH UNS", "UNSEEN"},      {"STATUS INBOX (MES", "(MESSAGES"},
        {"/move 1 Dr", "Drafts"},      {"/search sub", "SUBJECT"},
        {"/select in", "INBOX"},       {"ENABLE UTF", "UTF8=ACCEPT"},
    };
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++) {
        console_complete(w->console, slice_cstr(arguments[i].line), strlen(arguments[i].line), &c);
        bool found = false;
        for (size_t k = 0; k < c.n_items; k++)
            found = found || strcmp(c.items[k].text, arguments[i].offered) == 0;
        if (!found)
            fail_msg("\"%s\" is not offered behind \"%s\"", arguments[i].offered,
                     arguments[i].line);
        console_completion_deinit(&c);
    }
    console_hint_deinit(&h);
    /* LOGIN's arguments never reach a history file. */
    assert_false(console_history_allows(w->console, SLICE_LIT("LOGIN alice secret")));
    assert_false(console_history_allows(w->console, SLICE_LIT("a1 LOGIN alice secret")));
    assert_true(console_history_allows(w->console, SLICE_LIT("FETCH 1 FLAGS")));
}

int main(void)
{
#define WORLD(f) cmocka_unit_test_setup_teardown(f, set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        WORLD(test_imap_by_helpers),   WORLD(test_pop3_by_helpers),
        WORLD(test_two_connections),   WORLD(test_connections_are_limited),
        WORLD(test_wrong_lines),       WORLD(test_hints),
        WORLD(test_imap_more_helpers), WORLD(test_typed_literals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
