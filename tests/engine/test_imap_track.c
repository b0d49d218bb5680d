/* The IMAP tracker: sessions and the rules they break, in every split; events; secrets; hostile
 * peers. */
#include "imap_kit.h"

#define HI    "S: * OK [CAPABILITY IMAP4rev1 LITERAL+ IDLE STARTTLS AUTH=PLAIN ID MOVE] ready\n"
#define HI_NO "S: * OK [CAPABILITY IMAP4rev1] ready\n"
#define LOGIN "C: a LOGIN ann secret\nS: a OK done\n"
#define SELECT                                                                                     \
    "C: b SELECT INBOX\nS: * 3 EXISTS\nS: * FLAGS (\\Seen)\nS: b OK [READ-WRITE] selected\n"

/* A session (inside TLS from the start) and what it breaks, in order. The same in every split. */
static const struct {
    const char *script;
    const char *rules;
    enum imap_state state;
} sessions[] = {
    {HI LOGIN SELECT
     "C: c FETCH 1 FLAGS\nS: * 1 FETCH (FLAGS (\\Seen))\nS: c OK x\nC: d LOGOUT\nS: "
     "* BYE x\nS: d OK x\nEND S",
     "", IMAP_STATE_CLOSED},
    {HI, "", IMAP_STATE_NOT_AUTH},
    {"S: * PREAUTH hello", "", IMAP_STATE_AUTHENTICATED},
    {"S: * BYE full\nEND S", "", IMAP_STATE_CLOSED},
    {"S: * NO what", "greeting", IMAP_STATE_CONNECT},
    {"S: 220 mail ESMTP", "response-syntax greeting", IMAP_STATE_CONNECT},
    {"C: a NOOP", "command-before-greeting", IMAP_STATE_CONNECT},
    {HI "C: a SELECT INBOX", "command-order", IMAP_STATE_NOT_AUTH},
    {HI "C: a FROB", "command-unknown", IMAP_STATE_NOT_AUTH},
    {HI "C: NOOP", "tag", IMAP_STATE_NOT_AUTH},
    {HI "C: a+ NOOP", "tag", IMAP_STATE_NOT_AUTH},
    {HI "C: a NOOP x", "command-syntax", IMAP_STATE_NOT_AUTH},
    {HI "C| a NOOP^", "bare-lf", IMAP_STATE_NOT_AUTH},
    {HI "C| a NO!OP~", "bare-cr command-unknown", IMAP_STATE_NOT_AUTH},
    {HI "C| a ID (\"x`\" NIL)~", "nul quoted", IMAP_STATE_NOT_AUTH},
    {HI "C: a NOOP\nC: a NOOP", "tag-reused", IMAP_STATE_NOT_AUTH},
    {HI LOGIN, "", IMAP_STATE_AUTHENTICATED},
    {HI "C: a LOGIN ann\nS: a BAD x", "command-syntax", IMAP_STATE_NOT_AUTH},
    {HI "C: a LOGIN ann x\nS: a NO [AUTHENTICATIONFAILED] x", "", IMAP_STATE_NOT_AUTH},
    {"S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] x\nC: a LOGIN ann x", "login-disabled",
     IMAP_STATE_NOT_AUTH},
    {HI LOGIN SELECT, "", IMAP_STATE_SELECTED},
    {HI LOGIN SELECT "C: c SELECT other\nS: c NO no", "", IMAP_STATE_AUTHENTICATED},
    {HI LOGIN SELECT "C: c SELECT other\nS: c BAD no", "", IMAP_STATE_SELECTED},
    {HI LOGIN SELECT "C: c CLOSE\nS: c OK x", "", IMAP_STATE_AUTHENTICATED},
    {HI LOGIN SELECT "C: c UNSELECT\nS: c OK x", "command-not-offered", IMAP_STATE_AUTHENTICATED},
    {HI LOGIN SELECT "C: c MOVE 1 x", "", IMAP_STATE_SELECTED},
    {HI_NO "C: a ENABLE CONDSTORE", "command-order command-not-offered", IMAP_STATE_NOT_AUTH},
    /* pairing */
    {HI "C: a NOOP\nS: b OK x", "reply-unasked", IMAP_STATE_NOT_AUTH},
    {HI "C: a NOOP\nC: b NOOP\nS: b OK x\nS: a OK x", "", IMAP_STATE_NOT_AUTH},
    {HI "S: a OK x", "reply-unasked", IMAP_STATE_NOT_AUTH},
    {HI "C: a NOOP\nS: a BYE x", "response-syntax", IMAP_STATE_LOGOUT},
    {HI "S: + what", "continue-unasked", IMAP_STATE_NOT_AUTH},
    {HI "S: * OK [broken", "reply-code", IMAP_STATE_NOT_AUTH},
    {HI "S: rubbish", "response-syntax", IMAP_STATE_NOT_AUTH},
    {HI "S: * FROB x", "response-unknown", IMAP_STATE_NOT_AUTH},
    {HI "S: * 3 LIST x", "response-syntax", IMAP_STATE_NOT_AUTH},
    {HI "S| * OK x^", "bare-lf", IMAP_STATE_NOT_AUTH},
    {HI "S| * OK x`~", "nul", IMAP_STATE_NOT_AUTH},
    {HI "C: a CAPABILITY\nS: * CAPABILITY IDLE\nS: a OK x", "caps-missing", IMAP_STATE_NOT_AUTH},
    /* literals */
    {HI "C: a LOGIN {3}\nS: + go\nC: ann {6}\nS: + go\nC: secret\nS: a OK x", "",
     IMAP_STATE_AUTHENTICATED},
    {HI "C| a LOGIN {3+}~ann {6+}~secret~\nS: a OK x", "", IMAP_STATE_AUTHENTICATED},
    {HI "C| a LOGIN {3}~ann secret~\nS: + go\nS: a OK x", "literal-early continue-unasked",
     IMAP_STATE_AUTHENTICATED},
    {HI_NO "C| a LOGIN {3+}~ann secret~", "literal-not-offered", IMAP_STATE_NOT_AUTH},
    {"S: * OK [CAPABILITY IMAP4rev1 LITERAL-] x\nC| a LOGIN {3+}~ann secret~", "",
     IMAP_STATE_NOT_AUTH},
    {"S: * OK [CAPABILITY IMAP4rev1 LITERAL-] x\nC: a APPEND x {4097+}\nEND C",
     "literal-cut logout-missing", IMAP_STATE_CLOSED},
    {HI "C: a LOGIN {3}\nS: a NO too long\nC: b NOOP\nS: b OK x", "", IMAP_STATE_NOT_AUTH},
    {HI "C: a LOGIN {99999999999999999999999}", "literal-syntax number command-syntax",
     IMAP_STATE_NOT_AUTH},
    {HI "C| a LOGIN {3}~an\nEND C", "literal-cut logout-missing", IMAP_STATE_CLOSED},
    {HI "C| a LOGIN a\nEND C", "command-cut logout-missing", IMAP_STATE_CLOSED},
    {HI LOGIN SELECT "S| * 1 FETCH (BODY[] {5}~abc\nEND S", "response-cut bye-missing",
     IMAP_STATE_CLOSED},
    {HI LOGIN SELECT "C: c FETCH 1 BODY[]\nS| * 1 FETCH (BODY[] {6}~a~b~)~\nS: c OK {3}", "",
     IMAP_STATE_SELECTED},
    /* APPEND */
    {HI LOGIN "C: c APPEND INBOX (\\Seen) {9}\nS: + go\nC| a: b~~x~\nS: c OK x", "",
     IMAP_STATE_AUTHENTICATED},
    {HI LOGIN "C: c APPEND INBOX {0}\nS: + go\nC: \nS: c NO x", "", IMAP_STATE_AUTHENTICATED},
    {HI LOGIN "C| c APPEND {5+}~INBOX {2+}~hi~\nS: c OK x", "", IMAP_STATE_AUTHENTICATED},
    {HI LOGIN "C: c APPEND INBOX {10}\nS: c NO [TRYCREATE] x\nC: d NOOP\nS: d OK x", "",
     IMAP_STATE_AUTHENTICATED},
    /* AUTHENTICATE */
    {HI "C: a AUTHENTICATE PLAIN\nS: +  \nC: AGEAYg==\nS: a OK x", "", IMAP_STATE_AUTHENTICATED},
    {HI "C: a AUTHENTICATE PLAIN\nS: + \nC: *\nS: a BAD x\nC: b NOOP", "", IMAP_STATE_NOT_AUTH},
    {HI "C: a AUTHENTICATE PLAIN AGEAYg==\nS: a OK x", "", IMAP_STATE_AUTHENTICATED},
    {HI "C: a AUTHENTICATE PLAIN\nS: + \nC: no base64\nS: a BAD x", "auth-bad-base64",
     IMAP_STATE_NOT_AUTH},
    {HI "C: a AUTHENTICATE PLAIN\nC: AGEAYg==\nS: + \nS: a OK x", "command-early",
     IMAP_STATE_AUTHENTICATED},
    /* STARTTLS */
    {HI "C: a STARTTLS\nS: a OK go\nTLS\nC: b NOOP\nS: b OK x", "", IMAP_STATE_NOT_AUTH},
    {HI "C: a STARTTLS\nS| a OK go~* BYE evil~", "plaintext-before-tls", IMAP_STATE_TLS},
    {HI "C| a STARTTLS~b LOGIN a b~\nS: a OK go\nTLS\nS: b OK x",
     "command-early commands-before-tls reply-unasked", IMAP_STATE_NOT_AUTH},
    {HI "C: a STARTTLS\nS: a OK go\nC: b NOOP", "commands-before-tls", IMAP_STATE_TLS},
    {HI "C: a STARTTLS\nS: a NO no\nC: b NOOP", "", IMAP_STATE_NOT_AUTH},
    /* IDLE */
    {HI LOGIN SELECT "C: c IDLE\nS: + idling\nS: * 4 EXISTS\nS: * 1 EXPUNGE\nC: DONE\nS: c OK x",
     "", IMAP_STATE_SELECTED},
    {HI LOGIN "C: c IDLE\nS: + idling", "", IMAP_STATE_IDLE},
    {HI LOGIN "C: c IDLE\nS: + idling\nC: d NOOP", "idle-not-done", IMAP_STATE_IDLE},
    {HI LOGIN "C: c IDLE\nS: c NO no", "", IMAP_STATE_AUTHENTICATED},
    {HI LOGIN "C| c IDLE~DONE~\nS: + x\nS: c OK x", "command-early", IMAP_STATE_AUTHENTICATED},
    /* numbers */
    {HI LOGIN SELECT "S: * 1 EXPUNGE", "expunge-unsafe", IMAP_STATE_SELECTED},
    {HI LOGIN SELECT "C: c FETCH 1 FLAGS\nS: * 1 EXPUNGE", "expunge-unsafe", IMAP_STATE_SELECTED},
    {HI LOGIN SELECT "C: c UID FETCH 1 FLAGS\nS: * 1 EXPUNGE", "", IMAP_STATE_SELECTED},
    {HI LOGIN SELECT "C: c NOOP\nS: * 1 EXPUNGE\nS: c OK x", "", IMAP_STATE_SELECTED},
    {HI LOGIN SELECT "C: c NOOP\nS: * 4 EXPUNGE", "number-range", IMAP_STATE_SELECTED},
    {HI LOGIN SELECT "S: * 4 FETCH (FLAGS ())", "number-range", IMAP_STATE_SELECTED},
    {HI LOGIN SELECT "S: * 0 FETCH (FLAGS ())", "number-range", IMAP_STATE_SELECTED},
    {HI LOGIN SELECT "S: * 2 EXISTS", "exists-shrank", IMAP_STATE_SELECTED},
    {HI LOGIN SELECT "C: c NOOP\nS: * 1 EXPUNGE\nS: * 2 EXISTS", "", IMAP_STATE_SELECTED},
    {HI LOGIN SELECT "C: c SELECT x\nS: * 1 EXISTS\nS: c OK x", "", IMAP_STATE_SELECTED},
    {HI LOGIN "S: * 1 FETCH (FLAGS ())", "data-order", IMAP_STATE_AUTHENTICATED},
    {HI "S: * LIST () \"/\" x", "data-order", IMAP_STATE_NOT_AUTH},
    /* ends */
    {HI "END S", "bye-missing", IMAP_STATE_CLOSED},
    {HI "END C", "logout-missing", IMAP_STATE_CLOSED},
    {HI "C: a LOGOUT\nEND C", "", IMAP_STATE_CLOSED},
    {HI "S: * BYE x\nS: * OK more", "after-bye", IMAP_STATE_LOGOUT},
    {HI "C: a LOGOUT\nS: * BYE x\nS: a OK x", "", IMAP_STATE_LOGOUT},
    /* what the RFCs leave to the reader */
    {"S: * PREAUTH hi\nC: a LOGIN ann x\nS: a BAD no", "command-order", IMAP_STATE_AUTHENTICATED},
    {"S: * PREAUTH hi\nC: a LOGOUT\nS: * BYE x\nS: a OK x\nEND S", "", IMAP_STATE_CLOSED},
    {HI "C: a NOOP\nC: b LOGOUT\nS: a OK x\nS: * BYE x\nS: b OK x\nEND S", "", IMAP_STATE_CLOSED},
    {HI "C: a NOOP\nC: b LOGOUT\nS: * BYE x\nS: a OK x\nS: b OK x\nEND S", "after-bye",
     IMAP_STATE_CLOSED},
    {HI LOGIN "C: b SELECT x\nC: c NOOP\nS: c OK x\nS: * 1 EXISTS\nS: b OK x", "",
     IMAP_STATE_SELECTED},
    {HI LOGIN "C: b SELECT x\nC: c SELECT y\nS: c NO x\nS: b OK x", "", IMAP_STATE_SELECTED},
    {HI LOGIN SELECT "C: c FETCH 1 FLAGS\nC: d STORE 1 FLAGS ()\nC: e NOOP\nS: e OK x\nS: * 1 "
                     "FETCH (FLAGS ())\nS: d OK x\nS: c OK x",
     "", IMAP_STATE_SELECTED},
    {HI LOGIN "C: c APPEND x ~{3}\nS: + go\nC| a`b~\nS: c OK x", "", IMAP_STATE_AUTHENTICATED},
    {HI LOGIN
     "C: c ENABLE UTF8=ACCEPT\nS: * ENABLED UTF8=ACCEPT\nS: c OK x\nC: d SELECT \"\xc3\xa4\"\n"
     "S: d OK x",
     "command-not-offered", IMAP_STATE_SELECTED},
    {HI LOGIN "C: d SELECT \"\xc3\xa4\"\nS: d OK x", "mailbox-name", IMAP_STATE_SELECTED},
    {HI LOGIN "C: c IDLE\nS: + x\nC: DONE\nC: DONE\nS: c OK x", "tag idle-not-done",
     IMAP_STATE_AUTHENTICATED},
    {HI LOGIN "C: c IDLE\nC: DONE\nC: d NOOP\nS: + x\nS: c OK x\nS: d OK x",
     "command-early command-early", IMAP_STATE_AUTHENTICATED},
    {HI LOGIN "C: c IDLE\nS: + x\nS: c OK gone\nC: d NOOP\nS: d OK x", "",
     IMAP_STATE_AUTHENTICATED},
    {HI LOGIN SELECT "S: * OK [CLOSED] x\nS: * 1 EXISTS", "", IMAP_STATE_SELECTED},
    {"S: * OK [CAPABILITY IMAP4rev1 LITERAL-] x\nC| a LOGIN {4097+}~", "", IMAP_STATE_NOT_AUTH},
    {"S: * OK [CAPABILITY IMAP4rev2 AUTH=PLAIN] x\nC| a LOGIN {3+}~ann x~", "",
     IMAP_STATE_NOT_AUTH},
    {HI "C: a LOGOUT\nS: a OK x\nEND S", "bye-missing", IMAP_STATE_CLOSED},
    {HI "C: a LOGOUT\nC: b NOOP", "command-early", IMAP_STATE_NOT_AUTH},
    {HI LOGIN "C: c COMPRESS DEFLATE\nS: c OK x", "command-not-offered", IMAP_STATE_AUTHENTICATED},
};

static void test_sessions_in_every_split(void **state)
{
    (void)state;
    static const size_t steps[] = {0, 1, 2, 3, 5, 7, 11};
    for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++) {
        for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
            struct ikit k;
            char rules[512];
            ikit_open(&k, &(struct imap_track_options){.tls = true});
            ikit_script(&k, sessions[i].script, steps[s]);
            ikit_rules(&k, 1, rules, sizeof(rules));
            if (strcmp(rules, sessions[i].rules) != 0 ||
                imap_track_state(k.track) != sessions[i].state)
                print_error("session %zu, step %zu: state %s\n%s\n", i, steps[s],
                            imap_state_name(imap_track_state(k.track)), sessions[i].script);
            assert_string_equal(rules, sessions[i].rules);
            assert_int_equal(imap_track_state(k.track), sessions[i].state);
            ikit_close(&k);
        }
    }
}

/* Behind an AUTHENTICATE without answer: what the client sends, what the server says then, and what
 * came of it. */
static const struct {
    const char *client, *server;
    const char *rules;
    const char *commands; /* verbs of the COMMAND events */
    size_t pending;
    enum imap_state state;
} early[] = {
    {"a AUTHENTICATE~a LOGIN{3}~ T~", "",
     "command-syntax bare-lf literal-early tag-reused command-syntax command-early",
     "AUTHENTICATE LOGIN LITERAL", 2, IMAP_STATE_NOT_AUTH},
    {"a AUTHENTICATE PLAIN~AGEAYg==~", "", "command-early", "AUTHENTICATE AUTH-DATA", 1,
     IMAP_STATE_NOT_AUTH},
    {"a AUTHENTICATE PLAIN~AGEAYg==~", "S: + ", "command-early", "AUTHENTICATE AUTH-DATA", 1,
     IMAP_STATE_AUTH},
    {"a AUTHENTICATE PLAIN~AGEAYg==~", "S: + \nS: a OK x", "command-early",
     "AUTHENTICATE AUTH-DATA", 0, IMAP_STATE_AUTHENTICATED},
    {"a AUTHENTICATE LOGIN~YQ==~Yg==~", "S: + \nS: + \nS: a OK x", "command-early command-early",
     "AUTHENTICATE AUTH-DATA AUTH-DATA", 0, IMAP_STATE_AUTHENTICATED},
    {"a AUTHENTICATE PLAIN~*~", "S: a BAD x", "command-early", "AUTHENTICATE AUTH-DATA", 0,
     IMAP_STATE_NOT_AUTH},
    /* data announces no literal */
    {"a AUTHENTICATE PLAIN~AGE{3}~Yg==~", "", "command-early auth-bad-base64 command-early",
     "AUTHENTICATE AUTH-DATA AUTH-DATA", 1, IMAP_STATE_NOT_AUTH},
    {"a AUTHENTICATE PLAIN~{30+}~b NOOP~", "", "command-early auth-bad-base64 command-early",
     "AUTHENTICATE AUTH-DATA NOOP", 2, IMAP_STATE_NOT_AUTH},
    /* tag and a known verb make a command */
    {"a AUTHENTICATE PLAIN AGEAYg==~b NOOP~", "S: a OK x\nS: b OK x", "command-early",
     "AUTHENTICATE NOOP", 0, IMAP_STATE_AUTHENTICATED},
    {"a AUTHENTICATE PLAIN AGEAYg==~b SELECT {5}~INBOX~", "S: a NO x\nS: b NO x",
     "literal-early command-early", "AUTHENTICATE SELECT LITERAL", 0, IMAP_STATE_NOT_AUTH},
    {"a AUTHENTICATE PLAIN~b FROB~", "", "command-early auth-bad-base64", "AUTHENTICATE AUTH-DATA",
     1, IMAP_STATE_NOT_AUTH},
    {"a AUTHENTICATE PLAIN~NOOP~", "", "command-early", "AUTHENTICATE AUTH-DATA", 1,
     IMAP_STATE_NOT_AUTH},
    {"a AUTHENTICATE PLAIN~b AUTHENTICATE PLAIN~AGEAYg==~", "S: a NO x",
     "command-early command-early", "AUTHENTICATE AUTHENTICATE AUTH-DATA", 1, IMAP_STATE_NOT_AUTH},
    {"a IDLE~b AUTHENTICATE PLAIN~DONE~", "", "command-order command-early command-early",
     "IDLE AUTHENTICATE DONE", 2, IMAP_STATE_NOT_AUTH},
};

static void verbs_of(const struct ikit *k, char *out, size_t out_octets)
{
    size_t at = 0;
    out[0] = '\0';
    for (uint64_t seq = 1; seq <= journal_last(k->journal); seq++) {
        const struct event *ev = journal_at(k->journal, seq);
        struct ev_command c;
        if (ev->kind != EVENT_COMMAND)
            continue;
        EVENT_GET(ev, COMMAND, &c);
        int n = snprintf(out + at, out_octets - at, "%s%.*s", at ? " " : "", SLICE_ARG(c.verb));
        assert_true(n > 0 && (size_t)n < out_octets - at);
        at += (size_t)n;
    }
}

/* cut: where the client's octets are parted; 0: one by one. */
static void check_early(size_t i, struct slice client, size_t cut)
{
    struct ikit k;
    char rules[512], verbs[512];
    ikit_open(&k, &(struct imap_track_options){.tls = true});
    ikit_script(&k, HI, 0);
    ikit_feed(&k, DIR_C, slice_take(client, cut), 0);
    ikit_feed(&k, DIR_C, slice_skip(client, cut), cut > 0 ? 0 : 1);
    ikit_script(&k, early[i].server, cut);
    ikit_rules(&k, 1, rules, sizeof(rules));
    verbs_of(&k, verbs, sizeof(verbs));
    if (strcmp(rules, early[i].rules) != 0 || strcmp(verbs, early[i].commands) != 0)
        print_error("early %zu, cut at %zu: %s\n", i, cut, early[i].client);
    assert_string_equal(rules, early[i].rules);
    assert_string_equal(verbs, early[i].commands);
    assert_int_equal(imap_track_pending(k.track), early[i].pending);
    assert_int_equal(imap_track_state(k.track), early[i].state);
    assert_int_equal(journal_stream_len(k.journal, k.conn, DIR_C, LAYER_PLAIN), client.len);
    ikit_close(&k);
}

static void test_what_comes_early_in_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(early) / sizeof(early[0]); i++) {
        char octets[256];
        size_t n = 0;
        for (const char *c = early[i].client; *c; c++) {
            if (*c == '~')
                octets[n++] = '\r';
            octets[n++] = *c == '~' ? '\n' : *c;
        }
        for (size_t cut = 0; cut <= n; cut++)
            check_early(i, slice_of(octets, n), cut);
    }
}

/* ---- what is written ---- */

static void put(char *out, size_t out_octets, size_t *at, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void put(char *out, size_t out_octets, size_t *at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(out + *at, out_octets - *at, fmt, ap);
    va_end(ap);
    assert_true(n >= 0 && (size_t)n < out_octets - *at);
    *at += (size_t)n;
}

/* COMMAND, REPLY, UNTAGGED, DATA events in one line: "a:LOGIN@0+21 ..." */
static void events(const struct ikit *k, char *out, size_t out_octets)
{
    size_t at = 0;
    out[0] = '\0';
    for (uint64_t seq = 1; seq <= journal_last(k->journal); seq++) {
        const struct event *ev = journal_at(k->journal, seq);
        union event_payload p;
        if (ev->kind == EVENT_COMMAND) {
            EVENT_GET(ev, COMMAND, &p.command);
            put(out, out_octets, &at, "%.*s:%.*s@%d+%d ", SLICE_ARG(p.command.tag),
                SLICE_ARG(p.command.verb), (int)p.command.offset, (int)p.command.length);
        } else if (ev->kind == EVENT_REPLY) {
            EVENT_GET(ev, REPLY, &p.reply);
            put(out, out_octets, &at, "%.*s:%.*s:%.*s+%d ", SLICE_ARG(p.reply.tag),
                SLICE_ARG(p.reply.status), SLICE_ARG(p.reply.verb), (int)p.reply.length);
        } else if (ev->kind == EVENT_UNTAGGED) {
            EVENT_GET(ev, UNTAGGED, &p.untagged);
            put(out, out_octets, &at, "*:%.*s:%d+%d%s ", SLICE_ARG(p.untagged.type),
                (int)p.untagged.number, (int)p.untagged.length, ev->cause_seq ? "<" : "");
        } else if (ev->kind == EVENT_DATA_END) {
            EVENT_GET(ev, DATA_END, &p.data_end);
            put(out, out_octets, &at, "data@%d+%d/%d ", (int)p.data_end.offset,
                (int)p.data_end.content, (int)p.data_end.lines);
        }
    }
}

static void check_events(const char *script, const char *expected)
{
    for (size_t step = 0; step < 4; step++) {
        struct ikit k;
        char out[2048];
        ikit_open(&k, NULL);
        ikit_script(&k, script, step);
        events(&k, out, sizeof(out));
        assert_string_equal(out, expected);
        ikit_close(&k);
    }
}

static void test_events(void **state)
{
    (void)state;
    check_events("S: * OK hi\nC: a NOOP\nS: * 3 EXISTS\nS: a OK x",
                 "*:OK:CONNECT+9 a:NOOP@0+8 *:EXISTS:3+12< a:OK:NOOP+8 ");
    check_events("S: * OK hi\nS: * 3 EXISTS", "*:OK:CONNECT+9 *:EXISTS:3+12 ");
    /* A command that waits in the middle is shown as it goes. */
    check_events("S: * OK hi\nC: a LOGIN {3}\nS: + go\nC: ann x\nS: a OK x",
                 "*:OK:CONNECT+9 a:LOGIN@0+13 :+:LOGIN+6 a:LITERAL@13+7 a:OK:LOGIN+8 ");
    check_events("S: * OK hi\nC| a LOGIN {3+}~ann x~\nS: a OK x",
                 "*:OK:CONNECT+9 a:LOGIN@0+21 a:OK:LOGIN+8 ");
    check_events("S: * PREAUTH hi\nC: a APPEND x {7}\nS: + go\nC| a~b~c\nC: \nS: a OK x",
                 "*:PREAUTH:CONNECT+14 a:APPEND@0+16 :+:APPEND+6 data@16+7/3 a:OK:APPEND+8 ");
    check_events("S: * OK hi\nC: a AUTHENTICATE PLAIN\nS: + \nC: AGEAYg==\nS: a OK x",
                 "*:OK:CONNECT+9 a:AUTHENTICATE@0+22 :+:AUTHENTICATE+4 a:AUTH-DATA@22+10 "
                 "a:OK:AUTHENTICATE+8 ");
    check_events(
        "S: * PREAUTH hi\nC: a IDLE\nS: + x\nS: * 1 EXISTS\nC: DONE\nS: a OK x",
        "*:PREAUTH:CONNECT+14 a:IDLE@0+8 :+:IDLE+5 *:EXISTS:1+12< a:DONE@8+6 a:OK:IDLE+8 ");
}

static void test_what_may_be_asked(void **state)
{
    (void)state;
    struct ikit k;
    struct slice cap;
    ikit_open(&k, NULL);
    assert_int_equal(imap_track_pending(k.track), 1);
    assert_int_equal(imap_track_pending_verb(k.track), IMAP_VERB_CONNECT);
    ikit_script(&k, HI "C: a LOGIN {3}", 0);
    assert_int_equal(imap_track_pending(k.track), 1);
    assert_true(imap_track_awaits_go_ahead(k.track));
    assert_int_equal(imap_track_literal_left(k.track), 3);
    ikit_script(&k, "S: + go", 0);
    assert_int_equal(imap_track_pending(k.track), 0);
    assert_int_equal(imap_track_literal_left(k.track), 3);
    ikit_script(&k, "C: ann x", 0);
    assert_int_equal(imap_track_pending(k.track), 1);
    ikit_script(&k, "S: a OK x\n" SELECT, 0);
    assert_true(slice_eq(imap_track_mailbox(k.track), SLICE_LIT("INBOX")));
    assert_int_equal(imap_track_exists(k.track), 3);
    assert_true(imap_track_offers(k.track, "idle"));
    assert_false(imap_track_offers(k.track, "QUOTA"));
    assert_true(imap_track_cap_at(k.track, 1, &cap));
    assert_true(slice_eq(cap, SLICE_LIT("LITERAL+")));
    assert_true(slice_eq(imap_track_mechanisms(k.track), SLICE_LIT("PLAIN")));
    ikit_close(&k);
}

static void test_typed_lines_get_tags(void **state)
{
    (void)state;
    struct ikit k;
    struct buf out;
    buf_init(&out, 1000);
    ikit_open(&k, NULL);
    ikit_script(&k, HI, 0);
    imap_track_line(k.track, SLICE_LIT("noop"), &out);
    imap_track_line(k.track, SLICE_LIT("x noop"), &out);
    imap_track_line(k.track, SLICE_LIT("uid fetch 1 flags"), &out);
    assert_string_equal(buf_cstr(&out), "a1 noop\r\nx noop\r\na2 uid fetch 1 flags\r\n");
    buf_reset(&out);
    ikit_script(&k, "C: a LOGIN {4}\nS: + go", 0);
    imap_track_line(k.track, SLICE_LIT("noop x"), &out);
    assert_string_equal(buf_cstr(&out), "noop x\r\n");
    buf_deinit(&out);
    ikit_close(&k);
}

/* ---- secrets ---- */

static void check_hidden(const char *script, const char *masked)
{
    for (size_t step = 0; step < 6; step++) {
        struct ikit k;
        struct buf out;
        buf_init(&out, 4096);
        ikit_open(&k, NULL);
        ikit_script(&k, script, step);
        uint64_t len = journal_stream_len(k.journal, k.conn, DIR_C, LAYER_PLAIN);
        assert_true(journal_read_masked(k.journal, k.conn, DIR_C, LAYER_PLAIN, 0, len, &out, NULL));
        assert_string_equal(buf_cstr(&out), masked);
        buf_deinit(&out);
        ikit_close(&k);
    }
}

static void test_secrets_are_hidden(void **state)
{
    (void)state;
    check_hidden(HI "C: a LOGIN ann secret\nC: b NOOP", "a LOGIN **********\r\nb NOOP\r\n");
    check_hidden(HI "C: a login {3}\nS: + go\nC: ann {6}\nS: + go\nC: secret\nS: a OK x\nC: b NOOP",
                 "a login ***\r\n*******\r\n******\r\nb NOOP\r\n");
    check_hidden(HI "C| a LOGIN {3+}~ann {6+}~secret~b NOOP~",
                 "a LOGIN ****\r\n********\r\n******\r\nb NOOP\r\n");
    check_hidden(HI "C: a AUTHENTICATE PLAIN AGEAYg==\nS: a OK x\nC: b NOOP",
                 "a AUTHENTICATE PLAIN ********\r\nb NOOP\r\n");
    check_hidden(HI "C: a AUTHENTICATE PLAIN\nS: + \nC: AGEAYg==\nS: a OK x\nC: b NOOP",
                 "a AUTHENTICATE PLAIN\r\n********\r\nb NOOP\r\n");
    check_hidden(HI "C: a AUTHENTICATE PLAIN\nS: + \nC: *\nS: a BAD x\nC: b NOOP",
                 "a AUTHENTICATE PLAIN\r\n*\r\nb NOOP\r\n");
    check_hidden(HI "C: a SEARCH SUBJECT {5}\nS: + go\nC: hello\nC: b LOGIN x y",
                 "a SEARCH SUBJECT {5}\r\nhello\r\nb LOGIN ***\r\n");
    check_hidden(HI "C: a STARTTLS\nS: a OK x\nC: b LOGIN x y", "a STARTTLS\r\nb LOGIN ***\r\n");
}

/* What is typed next is to be masked before it is sent. */
static void test_a_secret_is_due(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        bool due;
    } rows[] = {
        {HI, false},
        {HI "C: a LOGIN {3}", true},
        {HI "C: a LOGIN {3}\nS: + go\nC: ann {6}", true},
        {HI "C: a LOGIN {3}\nS: + go\nC: ann secret", false},
        {HI "C: a LOGIN {3}\nS: a NO x", false},
        {HI "C: a SEARCH TEXT {3}", false},
        {HI "C: a AUTHENTICATE PLAIN", true},
        {HI "C: a AUTHENTICATE PLAIN\nS: a NO x", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ikit k;
        ikit_open(&k, NULL);
        ikit_script(&k, rows[i].script, 0);
        assert_int_equal(imap_track_secret_due(k.track), rows[i].due);
        ikit_close(&k);
    }
}

/* RFC 4978: what is compressed is kept, and nobody makes words of it. */
static void test_compression_is_said_and_kept(void **state)
{
    (void)state;
    for (size_t step = 0; step < 5; step++) {
        struct ikit k;
        char rules[512];
        ikit_open(&k, &(struct imap_track_options){.tls = true});
        ikit_script(&k, "S: * OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] x\n" LOGIN, step);
        ikit_script(
            &k, "C: c COMPRESS DEFLATE\nS: c NO [COMPRESSIONACTIVE] x\nC: d NOOP\nS: d OK x", step);
        assert_int_equal(ikit_count(&k, EVENT_NOTE), 0);
        ikit_script(&k, "C: e COMPRESS DEFLATE\nS: e OK go", step);
        assert_int_equal(ikit_count(&k, EVENT_NOTE), 1);
        size_t commands = ikit_count(&k, EVENT_COMMAND), replies = ikit_count(&k, EVENT_REPLY);
        uint64_t before = journal_stream_len(k.journal, k.conn, DIR_S, LAYER_PLAIN);
        ikit_script(&k, "C| x LOGIN^`{9}~\nS| * BYE `^z OK~\nEND S", step);
        assert_int_equal(journal_stream_len(k.journal, k.conn, DIR_S, LAYER_PLAIN), before + 14);
        assert_int_equal(ikit_count(&k, EVENT_COMMAND), commands);
        assert_int_equal(ikit_count(&k, EVENT_REPLY), replies);
        ikit_rules(&k, 1, rules, sizeof(rules));
        assert_string_equal(rules, "");
        assert_int_equal(imap_track_state(k.track), IMAP_STATE_CLOSED);
        ikit_close(&k);
    }
}

/* ---- hostile peers ---- */

static void feed_often(struct ikit *k, enum event_dir dir, struct slice text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        ikit_feed(k, dir, text, 0);
}

static bool has_rule(const struct ikit *k, const char *rule)
{
    char rules[4096];
    ikit_rules(k, 1, rules, sizeof(rules));
    return strstr(rules, rule) != NULL;
}

static void test_a_literal_without_end_costs_nothing(void **state)
{
    (void)state;
    static uint8_t block[65536];
    struct ikit k;
    ikit_open(&k, NULL);
    journal_set_limits(k.journal, &(struct journal_limits){1 << 20, 1 << 16, 0});
    ikit_script(&k, "S: * PREAUTH x\nC: a FETCH 1 BODY[]", 0);
    ikit_script(&k, "S| * 1 FETCH (BODY[] {999999999999999}~", 0);
    feed_often(&k, DIR_S, slice_of(block, sizeof(block)), 400);
    ikit_script(&k, "C| b APPEND x {99999999999+}~", 0);
    feed_often(&k, DIR_C, slice_of(block, sizeof(block)), 400);
    imap_track_closed(k.track, DIR_S);
    assert_int_equal(imap_track_state(k.track), IMAP_STATE_CLOSED);
    ikit_close(&k);
}

static void test_a_line_without_end_is_cut(void **state)
{
    (void)state;
    static uint8_t block[65536];
    memset(block, 'x', sizeof(block));
    struct ikit k;
    ikit_open(&k, NULL);
    ikit_script(&k, "S: * PREAUTH x\nC| a NOOP ", 0);
    feed_often(&k, DIR_C, slice_of(block, sizeof(block)), 10);
    ikit_script(&k, "S| * LIST ", 0);
    feed_often(&k, DIR_S, slice_of(block, sizeof(block)), 40);
    assert_true(has_rule(&k, "text-cap"));
    ikit_script(&k, "S: \nC: \nS: a BAD x\nC: b NOOP\nS: b OK x", 0);
    assert_int_equal(imap_track_pending(k.track), 0);
    ikit_close(&k);
}

static void test_many_literals_and_commands(void **state)
{
    (void)state;
    struct ikit k;
    ikit_open(&k, NULL);
    ikit_script(&k, "S: * PREAUTH x\nC| a LOGIN ", 0);
    feed_often(&k, DIR_C, SLICE_LIT("{0+}\r\n"), 2 * IMAP_CAP_LITERALS);
    ikit_script(&k, "C: ", 0);
    assert_true(has_rule(&k, "literal-count"));
    for (int i = 0; i < IMAP_CAP_PENDING_COMMANDS + 10; i++) {
        char line[32];
        int n = snprintf(line, sizeof(line), "t%d NOOP\r\n", i);
        ikit_feed(&k, DIR_C, slice_of(line, (size_t)n), 0);
    }
    struct ikit *kept = &k;
    assert_int_equal(imap_track_pending(kept->track), IMAP_CAP_PENDING_COMMANDS + 11);
    ikit_close(&k);
}

static void test_a_million_parentheses(void **state)
{
    (void)state;
    static uint8_t deep[1000000];
    memset(deep, '(', sizeof(deep));
    struct ikit k;
    ikit_open(&k, NULL);
    ikit_script(&k, "S: * PREAUTH x\nS: * 9 EXISTS\nC| a SEARCH ", 0);
    ikit_feed(&k, DIR_C, slice_of(deep, 100000), 0);
    ikit_script(&k, "C: \nS| * 1 FETCH ", 0);
    ikit_feed(&k, DIR_S, slice_of(deep, sizeof(deep)), 0);
    ikit_script(&k, "S: ", 0);
    assert_true(has_rule(&k, "nesting"));
    ikit_close(&k);
}

static void test_a_flood_of_data(void **state)
{
    (void)state;
    struct ikit k;
    ikit_open(&k, NULL);
    ikit_script(&k, "S: * PREAUTH x\nC: a SELECT x\nS: * 5 EXISTS\nS: a OK x", 0);
    feed_often(&k, DIR_S, SLICE_LIT("* 1 FETCH (FLAGS ())\r\n"), 20000);
    assert_int_equal(ikit_count(&k, EVENT_DEVIATION), 0);
    feed_often(&k, DIR_S, SLICE_LIT("zz OK wrong tag\r\n"), 1000);
    assert_int_equal(ikit_count(&k, EVENT_DEVIATION), 1000);
    ikit_close(&k);
}

/* Every verb x outcome has an effect, the end closes, BYE logs out. */
static void test_the_table_is_total(void **state)
{
    (void)state;
    for (unsigned v = 0; v < IMAP_VERB__COUNT; v++) {
        for (unsigned o = 0; o < IMAP_OUT__COUNT; o++)
            assert_true(imap_track_effect((enum imap_verb)v, (enum imap_outcome)o) <
                        IMAP_EFFECT__COUNT);
        assert_int_equal(imap_track_effect((enum imap_verb)v, IMAP_OUT_EOF), IMAP_EFFECT_CLOSED);
        assert_int_equal(imap_track_effect((enum imap_verb)v, IMAP_OUT_BYE), IMAP_EFFECT_LOGOUT);
        assert_int_equal(imap_track_effect((enum imap_verb)v, IMAP_OUT_MALFORMED),
                         IMAP_EFFECT_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions_in_every_split),
        cmocka_unit_test(test_what_comes_early_in_every_split),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_what_may_be_asked),
        cmocka_unit_test(test_typed_lines_get_tags),
        cmocka_unit_test(test_secrets_are_hidden),
        cmocka_unit_test(test_a_secret_is_due),
        cmocka_unit_test(test_compression_is_said_and_kept),
        cmocka_unit_test(test_a_literal_without_end_costs_nothing),
        cmocka_unit_test(test_a_line_without_end_is_cut),
        cmocka_unit_test(test_many_literals_and_commands),
        cmocka_unit_test(test_a_million_parentheses),
        cmocka_unit_test(test_a_flood_of_data),
        cmocka_unit_test(test_the_table_is_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
