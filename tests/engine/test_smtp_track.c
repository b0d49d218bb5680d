/* The tracker: sessions and the rules they break, in every split; events; resynchronising. */
#include "kit.h"

#include "smtp/limits.h"

#define HI          "S: 220 a ESMTP\nC: EHLO me.test\n"
#define OFFER       "S| 250-a~250-SIZE 20~250-PIPELINING~250-AUTH PLAIN LOGIN~250 STARTTLS~\n"
#define PLAIN_OFFER "S| 250-a~250 HELP~\n"
#define CODES       "S| 250-a~250 ENHANCEDSTATUSCODES~\n"
#define UTF8        "S| 250-a~250-8BITMIME~250 SMTPUTF8~\n"
#define CHUNKS      "S| 250-a~250-8BITMIME~250-CHUNKING~250 BINARYMIME~\n"
#define LIMITS      "S| 250-a~250 LIMITS MAILMAX=1 RCPTMAX=2~\n"
#define TO_RCPT     "C: MAIL FROM:<a@b.test>\nS: 250 ok\nC: RCPT TO:<c@d.test>\nS: 250 ok\n"
#define TO_DATA     TO_RCPT "C: DATA\nS: 354 go\n"

/* A session and what it breaks, in order. The same must come out in every split. */
static const struct {
    const char *script;
    const char *rules;
} sessions[] = {
    {HI OFFER TO_DATA "C: Subject: x\nC: \nC: hi\nC: .\nS: 250 ok\nC: QUIT\nS: 221 bye\nEND S", ""},
    {HI OFFER "C: NOOP\nS: 250 ok\nC: VRFY x\nS: 252 x\nC: RSET\nS: 250 ok", ""},
    {"C: EHLO me.test", "command-before-greeting"},
    {"S: 220 a\nC: MAIL FROM:<a@b.test>", "command-order"},
    {HI OFFER "C: RCPT TO:<a@b.test>", "command-order"},
    {HI OFFER "C: DATA", "command-order"},
    {HI OFFER "C: FROB x", "command-unknown"},
    {HI OFFER "C| NOOP^", "line-bare-lf"},
    {HI OFFER "C| NOOP a%b~", "line-bare-cr"},
    {HI OFFER "C| NOOP a`b~", "line-nul"},
    {HI OFFER "C: NOOP a\001b", "line-control"},
    {HI OFFER "C: NOOP a\xc3\xa4", "line-8bit"},
    {HI "S| 250-a~250-8BITMIME~250 SMTPUTF8~\nC: MAIL FROM:<\xc3\xa4@b.test> SMTPUTF8", ""},
    {HI OFFER "C: MAIL FROM:a@b.test", "path-no-brackets"},
    {HI OFFER "C: MAIL FROM: <a@b.test>", "path-space-after-colon"},
    {HI OFFER "C: MAIL FROM:<@@>", "path-syntax"},
    {HI OFFER "C: MAIL FROM:<@x.test:a@b.test>", "path-source-route"},
    {HI OFFER "C: MAIL FROM:<a@b.test> SIZE=x", "param-syntax"},
    {HI OFFER "C: RSET now", "command-syntax"},
    {HI PLAIN_OFFER "C: MAIL FROM:<a@b.test> SIZE=3", "command-not-offered"},
    {HI OFFER "C: MAIL FROM:<a@b.test> BODY=8BITMIME", "command-not-offered"},
    {HI PLAIN_OFFER "C: STARTTLS", "command-not-offered"},
    {HI OFFER "C: AUTH CRAM-MD5", "command-not-offered"},
    {HI OFFER "C: AUTH PLAIN", "auth-in-clear"},
    {HI OFFER "C: AUTH PLAIN !!!", "auth-bad-base64 auth-in-clear"},
    {HI OFFER "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: no base64", "auth-in-clear auth-bad-base64"},
    {HI OFFER "C: AUTH LOGIN\nS: 334 what?\nC: *\nS: 501 no", "auth-in-clear auth-bad-base64"},
    {HI OFFER "C: AUTH PLAIN\nS: 334 \nC: AGEAYg==\nS: 235 yes\nC: AUTH PLAIN",
     "auth-in-clear command-order auth-in-clear"},
    {HI PLAIN_OFFER "C: NOOP\nC: NOOP", "command-early"},
    {HI PLAIN_OFFER "C: MAIL FROM:<a@b.test>\nC: RCPT TO:<c@d.test>", "command-early"},
    {HI OFFER "C: MAIL FROM:<a@b.test>\nC: RCPT TO:<c@d.test>\nC: DATA\nS: 250 a\nS: 250 b\nS: "
              "354 go",
     ""},
    {HI OFFER "C: NOOP\nC: RSET", "command-early"}, /* NOOP must be last of a group */
    {HI OFFER "C: STARTTLS\nS: 220 go\nS: 250 evil", "plaintext-before-tls"},
    {HI OFFER "C: STARTTLS\nS| 220 go~250 evil~", "plaintext-before-tls"},
    {HI OFFER "C: STARTTLS\nS: 220 go\nC: RSET", "commands-before-tls"},
    {HI OFFER "C| STARTTLS~NOOP~\nS: 220 go", "command-early commands-before-tls"},
    {HI OFFER "C: STARTTLS\nS: 220 go\nTLS\nC: MAIL FROM:<a@b.test>\nS: 503 no",
     "no-ehlo-after-tls"},
    {HI OFFER "C: STARTTLS\nS: 220 go\nTLS\nC: NOOP\nS: 250 a\nC: EHLO me.test\nS: 250 a", ""},
    {HI OFFER "C: STARTTLS\nS: 220 go\nTLS\nC: EHLO me.test\nS| 250-a~250 STARTTLS~\nC: STARTTLS",
     "starttls-in-tls command-order"},
    {HI UTF8 "C: MAIL FROM:<\xc3\xa4@b.test>", "utf8-undeclared"},
    {HI UTF8 "C: MAIL FROM:<a@b.test>\nS: 250 ok\nC: RCPT TO:<\xc3\xa4@b.test>", "utf8-undeclared"},
    {HI UTF8 "C: MAIL FROM:<a@b.test> SMTPUTF8\nS: 250 ok\nC: RCPT TO:<\xc3\xa4@b.test>", ""},
    {HI OFFER "C: MAIL FROM:<a@b.test> SIZE=21", "size-over-offer"},
    {HI OFFER "C: MAIL FROM:<a@b.test> SIZE=20", ""},
    {HI CHUNKS "C: MAIL FROM:<a@b.test> BODY=BINARYMIME\nS: 250 ok\nC: RCPT TO:<c@d.test>\nS: 250 "
               "ok\nC: DATA\nS: 503 no",
     "binary-needs-bdat"},
    {HI CHUNKS TO_RCPT "C| BDAT 3~a~\nS: 250 ok\nC: DATA\nS: 503 no", "data-after-bdat"},
    {HI CHUNKS TO_RCPT "C| BDAT 3~a~\nS: 250 ok\nC: RSET\nS: 250 ok\n" TO_RCPT "C: DATA\nS: 354 go",
     ""},
    {HI LIMITS TO_RCPT "C: RCPT TO:<e@f.test>\nS: 250 ok\nC: RCPT TO:<g@h.test>\nS: 452 no",
     "over-limits"},
    {HI LIMITS TO_RCPT "C: RSET\nS: 250 ok\nC: MAIL FROM:<a@b.test>\nS: 452 no", "over-limits"},
    {HI "S| 250-a~250 BINARYMIME~", "offer-contradicts"},
    {HI "S| 250-a~250 SMTPUTF8~", "offer-contradicts"},
    {HI "S| 250-a~250-AUTH=PLAIN~250 _x~", "offer-syntax"},
    {HI "S| 250-a~250-X-2~250 8BITMIME~", ""},
    {HI OFFER TO_DATA "C| a^b~.~", "data-bare-lf"},
    {HI OFFER TO_DATA "C| a%b~.~", "data-bare-cr"},
    {HI OFFER TO_DATA "C| a`b~.~", "data-nul"},
    {HI OFFER TO_DATA "C| \xe4~.~", "data-8bit"},
    {HI "S| 250-a~250 8BITMIME~\nC: MAIL FROM:<a@b.test> BODY=8BITMIME\nS: 250 ok\nC: RCPT "
        "TO:<c@d.test>\nS: 250 ok\nC: DATA\nS: 354 go\nC| \xe4~.~",
     ""},
    {HI OFFER TO_DATA "C| .a~.~", "data-not-stuffed"},
    {HI OFFER TO_DATA "C| ..a~.~", ""},
    {HI OFFER TO_DATA "C| a^.~b~.~", "data-bare-lf data-smuggling"},
    {HI OFFER TO_DATA "C: 123456789\nC: 123456789\nC: .", "data-over-size"},
    {HI OFFER TO_DATA "C: abc\nEND C", "data-cut quit-missing"},
    {HI CODES "C: NOOP\nS: 250 ok", "enhanced-missing"},
    {HI CODES "C: NOOP\nS: 250 5.0.0 ok", "enhanced-class"},
    {HI CODES "C: NOOP\nS: 250 2.0.0 ok\nC: EHLO me.test\nS: 250 a", ""},
    {HI CODES "C: MAIL FROM:<a@b.test>\nS: 250 2.1.0 a\nC: RCPT TO:<c@d.test>\nS: 250 2.1.5 a\nC: "
              "DATA\nS: 354 go",
     ""},
    {HI OFFER "S: 250 surprise", "reply-unasked"},
    {HI OFFER "S: 421 bye", ""},
    {HI OFFER "C: RSET\nS: 354 what", "reply-not-for-command"},
    {HI OFFER "C: NOOP\nS: hello", "reply-bad-code"},
    {HI OFFER "C: NOOP\nS| 250-a~251 b~", "reply-mixed-codes reply-not-for-command"},
    {HI OFFER "C: NOOP\nS: 250_a", "reply-bad-separator"},
    {HI OFFER "C: NOOP\nS: 250", "reply-no-text"},
    {HI OFFER "C: NOOP\nS| 250 a^", "line-bare-lf"},
    {HI OFFER "C: NOOP\nS| 250 a`b~", "line-nul"},
    {HI OFFER "C: NOOP\nS| 250-a\nEND S", "reply-cut closed-without-221"},
    {HI OFFER "C: QUIT\nS: 221 bye\nS: 250 more", "reply-after-close"},
    {HI OFFER "C: NOOP\nEND S", "closed-without-221"},
    {HI OFFER "END C", "quit-missing"},
    {HI OFFER "C: QUIT\nEND C", ""},
    {HI OFFER "C: STARTTLS\nS: 220 go\nEND C", ""},
    {"S: 554 no\nC: QUIT\nS: 221 bye\nEND S", ""},
    {"S: 554 no\nC: EHLO me.test", "command-order"},
};

/* Rules that have been seen in any test below. */
static smtp_rules shown;

static void note_shown(const char *rules)
{
    struct slice rest = slice_cstr(rules);
    for (struct slice w = slice_next_word(&rest); w.len > 0; w = slice_next_word(&rest))
        shown |= SMTP_RULE_BIT(smtp_rule_by_name(w));
}

static void rules_of_sessions_in_every_split(void **state)
{
    (void)state;
    static const size_t splits[] = {0, 1, 2, 3, 7, 64};
    char seen[1024];
    for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++) {
        for (size_t s = 0; s < sizeof(splits) / sizeof(splits[0]); s++) {
            struct kit k;
            kit_open(&k, NULL);
            kit_script(&k, sessions[i].script, splits[s]);
            kit_rules(&k, 1, seen, sizeof(seen));
            note_shown(seen);
            /* Void octets are named once a piece. */
            bool voided = strstr(sessions[i].rules, "before-tls") != NULL && splits[s] > 0;
            if (strcmp(seen, sessions[i].rules) != 0 && !voided)
                fail_msg("session %zu split %zu:\n%s\nexpected: %s\nseen:     %s", i, splits[s],
                         sessions[i].script, sessions[i].rules, seen);
            if (voided)
                assert_non_null(strstr(seen, "before-tls"));
            kit_close(&k);
        }
    }
}

/* Rules that need octets too many for a script. */
static void long_lines_are_named(void **state)
{
    (void)state;
    static char big[SMTP_CAP_LINE_OCTETS + 2000];
    char seen[1024];
    struct kit k;
    memset(big, 'x', sizeof(big));
    kit_open(&k, NULL);
    kit_script(&k, HI OFFER, 0);
    memcpy(big, "NOOP ", 5);
    kit_feed(&k, DIR_C, slice_of(big, 600), 100);
    kit_script(&k, "C| ~\nS: 500 no", 0);
    kit_rules(&k, 1, seen, sizeof(seen));
    assert_string_equal(seen, "command-too-long");
    uint64_t first = journal_last(k.journal) + 1;
    kit_feed(&k, DIR_C, slice_of(big, SMTP_CAP_LINE_OCTETS), 1000);
    kit_rules(&k, first, seen, sizeof(seen));
    assert_non_null(strstr(seen, "line-cap"));
    assert_int_equal(smtp_track_pending(k.track), 1);
    kit_script(&k, "C| ~\nS: 500 no\nS: 500 no", 0);
    first = journal_last(k.journal) + 1;
    memset(big, 'x', sizeof(big));
    memcpy(big, "250 ", 4);
    kit_script(&k, "C: NOOP", 0);
    kit_feed(&k, DIR_S, slice_of(big, 600), 0);
    kit_script(&k, "S| ~", 0);
    kit_rules(&k, first, seen, sizeof(seen));
    assert_string_equal(seen, "reply-line-too-long");
    first = journal_last(k.journal) + 1;
    memset(big, 'x', sizeof(big));
    kit_script(&k, TO_DATA, 0);
    kit_feed(&k, DIR_C, slice_of(big, 999), 0);
    kit_script(&k, "C| ~.~", 0);
    kit_rules(&k, first, seen, sizeof(seen));
    assert_string_equal(seen, "data-line-too-long data-over-size");
    kit_close(&k);
}

/* Limits of ours, and a path longer than any: then nothing of deviations.def is left unseen. */
static void every_rule_can_be_shown(void **state)
{
    (void)state;
    static char big[300], seen[1 << 20];
    struct kit k;
    kit_open(&k, NULL);
    kit_script(&k, HI OFFER "C| MAIL FROM:<a@", 0);
    memset(big, 'b', sizeof(big));
    kit_feed(&k, DIR_C, slice_of(big, sizeof(big)), 0);
    kit_script(&k, "C: .test>\nS: 501 no\nC| NOOP ", 0);
    for (int i = 0; i < 300; i++)
        kit_feed(&k, DIR_C, slice_of(big, sizeof(big)), 0);
    kit_script(&k, "C| ~\nS: 500 a\nS: 500 a\nC: NOOP", 0);
    kit_feed(&k, DIR_C, slice_of(big, sizeof(big)), 0);
    kit_script(&k, "C| ~", 0);
    for (int i = 0; i <= SMTP_CAP_REPLY_LINES; i++)
        kit_script(&k, "S: 250-a", 0);
    for (int i = 0; i <= SMTP_CAP_PENDING_COMMANDS; i++)
        kit_script(&k, "C: MAIL FROM:<>", 0);
    memset(big, 'x', sizeof(big));
    kit_script(&k, "S| 250 ", 0);
    kit_feed(&k, DIR_S, slice_of(big, sizeof(big)), 0);
    kit_feed(&k, DIR_S, slice_of(big, sizeof(big)), 0);
    kit_script(&k, "S| ~", 0);
    kit_rules(&k, 1, seen, sizeof(seen));
    note_shown(seen);
    kit_close(&k);
    kit_open(&k, NULL);
    kit_script(&k, HI OFFER TO_DATA, 0);
    for (int i = 0; i < 4; i++)
        kit_feed(&k, DIR_C, slice_of(big, sizeof(big)), 0);
    kit_script(&k, "C| ~.~", 0);
    kit_rules(&k, 1, seen, sizeof(seen));
    note_shown(seen);
    kit_close(&k);
    /* From TLS_PLAINTEXT_REPLY on they are the link's: tests/unit/net/test_tls.c shows them. */
    for (int rule = 0; rule < SMTP_RULE_TLS_PLAINTEXT_REPLY; rule++) {
        if (!(shown >> rule & 1))
            fail_msg("no session shows %s", smtp_rule_name((enum smtp_rule)rule));
    }
}

static void lint_is_what_the_tracker_says(void **state)
{
    (void)state;
    static const char *const lines[] = {"MAIL FROM:<a@b.test>",
                                        "RCPT TO:<a@b.test>",
                                        "DATA",
                                        "FROB",
                                        "STARTTLS",
                                        "AUTH PLAIN",
                                        "EHLO x",
                                        "MAIL FROM:a",
                                        "QUIT",
                                        "NOOP \xe4"};
    static const char *const places[] = {
        "", "S: 220 a", HI OFFER, HI PLAIN_OFFER, HI OFFER TO_RCPT, HI OFFER "C: NOOP"};
    for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
            struct kit k;
            struct smtp_command c;
            char line[128], seen[512];
            kit_open(&k, NULL);
            kit_script(&k, places[p], 0);
            smtp_command_parse(slice_cstr(lines[i]), &c);
            smtp_rules lint = smtp_track_lint(k.track, &c), told = 0;
            uint64_t first = journal_last(k.journal) + 1;
            snprintf(line, sizeof(line), "C: %s", lines[i]);
            kit_script(&k, line, 0);
            kit_rules(&k, first, seen, sizeof(seen));
            struct slice rest = slice_cstr(seen);
            for (struct slice w = slice_next_word(&rest); w.len > 0; w = slice_next_word(&rest))
                told |= SMTP_RULE_BIT(smtp_rule_by_name(w));
            assert_true(lint == told);
            kit_close(&k);
        }
    }
}

static void ranges_cover_the_lines(void **state)
{
    (void)state;
    for (size_t split = 0; split < 9; split++) {
        struct kit k;
        kit_open(&k, NULL);
        kit_script(&k, HI OFFER TO_DATA "C: a\nC: .\nS: 250 ok", split);
        static const char *const commands[] = {"EHLO me.test\r\n", "MAIL FROM:<a@b.test>\r\n",
                                               "RCPT TO:<c@d.test>\r\n", "DATA\r\n"};
        size_t at = 0;
        for (uint64_t seq = 1; seq <= journal_last(k.journal); seq++) {
            const struct event *ev = journal_at(k.journal, seq);
            struct ev_command c;
            struct buf text;
            if (ev->kind != EVENT_COMMAND)
                continue;
            EVENT_GET(ev, COMMAND, &c);
            buf_init(&text, 1000);
            assert_true(
                journal_read(k.journal, k.conn, DIR_C, LAYER_PLAIN, c.offset, c.length, &text));
            assert_true(at < 4);
            assert_string_equal(buf_cstr(&text), commands[at++]);
            buf_deinit(&text);
        }
        assert_int_equal(at, 4);
        kit_close(&k);
    }
}

static void a_whole_line_is_one_octets_event(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, NULL);
    kit_script(&k, HI OFFER, 0);
    size_t before = kit_count(&k, EVENT_OCTETS);
    kit_script(&k, "C| NOOP~NOOP~", 0);
    assert_int_equal(kit_count(&k, EVENT_OCTETS), before + 2);
    kit_close(&k);
}

static void replies_pair_with_commands(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, NULL);
    kit_script(&k, HI OFFER "C: MAIL FROM:<a@b.test>\nC: RCPT TO:<c@d.test>\nC: RCPT TO:<e@f.test>",
               0);
    assert_int_equal(smtp_track_pending(k.track), 3);
    uint64_t commands[3], n = 0;
    for (uint64_t seq = 1; seq <= journal_last(k.journal); seq++) {
        const struct event *ev = journal_at(k.journal, seq);
        struct ev_command c;
        if (ev->kind != EVENT_COMMAND)
            continue;
        EVENT_GET(ev, COMMAND, &c);
        if (!slice_eq(c.verb, SLICE_LIT("EHLO")))
            commands[n++] = seq;
    }
    assert_int_equal(n, 3);
    static const char *const replies[] = {"S: 250 a", "S: 550 no", "S: 250 b"};
    for (size_t i = 0; i < 3; i++) {
        uint64_t first = journal_last(k.journal) + 1;
        kit_script(&k, replies[i], 0);
        bool found = false;
        for (uint64_t seq = first; seq <= journal_last(k.journal); seq++) {
            const struct event *ev = journal_at(k.journal, seq);
            if (ev->kind == EVENT_REPLY) {
                assert_int_equal(ev->cause_seq, commands[i]);
                found = true;
            }
        }
        assert_true(found);
    }
    struct slice path;
    assert_int_equal(smtp_track_recipients(k.track), 1);
    assert_true(smtp_track_recipient_at(k.track, 0, &path));
    assert_true(slice_eq(path, SLICE_LIT("<e@f.test>")));
    assert_true(slice_eq(smtp_track_reverse_path(k.track), SLICE_LIT("<a@b.test>")));
    assert_int_equal(kit_count(&k, EVENT_ENVELOPE), 3);
    kit_script(&k, "C: RSET\nS: 250 ok", 0);
    assert_int_equal(kit_count(&k, EVENT_ENVELOPE), 4);
    assert_int_equal(smtp_track_recipients(k.track), 0);
    assert_int_equal(smtp_track_reverse_path(k.track).len, 0);
    kit_close(&k);
}

static void capabilities_come_and_go(void **state)
{
    (void)state;
    struct kit k;
    struct slice params, line;
    kit_open(&k, NULL);
    kit_script(&k, HI OFFER, 1);
    assert_true(smtp_track_esmtp(k.track));
    assert_true(smtp_track_offers(k.track, "size", &params));
    assert_true(slice_eq(params, SLICE_LIT("20")));
    assert_true(smtp_track_offers(k.track, "AUTH", &params));
    assert_true(slice_eq(params, SLICE_LIT("PLAIN LOGIN")));
    assert_false(smtp_track_offers(k.track, "STARTTL", NULL));
    assert_false(smtp_track_offers(k.track, "STARTTLSX", NULL));
    assert_true(smtp_track_cap_at(k.track, 3, &line));
    assert_true(slice_eq(line, SLICE_LIT("STARTTLS")));
    assert_false(smtp_track_cap_at(k.track, 4, &line));
    kit_script(&k, TO_RCPT "C: RSET\nS: 250 a\nC: STARTTLS\nS: 220 go\nTLS", 0);
    assert_int_equal(smtp_track_state(k.track), SMTP_STATE_GREETED);
    assert_true(smtp_track_tls(k.track));
    assert_false(smtp_track_esmtp(k.track));
    assert_false(smtp_track_offers(k.track, "SIZE", NULL));
    kit_close(&k);
}

static void lmtp_has_a_reply_for_each_recipient(void **state)
{
    (void)state;
    const struct smtp_track_options options = {.lmtp = true};
    struct kit k;
    kit_open(&k, &options);
    kit_script(&k,
               "S: 220 a\nC: LHLO me\nS: 250 a\n" TO_RCPT
               "C: RCPT TO:<no@d.test>\nS: 550 no\nC: RCPT TO:<e@d.test>\nS: 250 ok\nC: DATA\n"
               "S: 354 go\nC: hi\nC: .\nS: 250 one",
               0);
    assert_int_equal(smtp_track_state(k.track), SMTP_STATE_DOT);
    assert_int_equal(smtp_track_pending(k.track), 1);
    kit_script(&k, "S: 450 two", 0);
    assert_int_equal(smtp_track_state(k.track), SMTP_STATE_READY);
    assert_int_equal(smtp_track_pending(k.track), 0);
    size_t delivered = 0;
    static const char *const paths[] = {"<c@d.test>", "<e@d.test>"};
    for (uint64_t seq = 1; seq <= journal_last(k.journal); seq++) {
        const struct event *ev = journal_at(k.journal, seq);
        struct ev_envelope e;
        if (ev->kind != EVENT_ENVELOPE)
            continue;
        EVENT_GET(ev, ENVELOPE, &e);
        if (e.part != ENVELOPE_DELIVERED)
            continue;
        assert_true(delivered < 2);
        assert_true(slice_eq(e.path, slice_cstr(paths[delivered])));
        assert_int_equal(e.code, delivered == 0 ? 250 : 450);
        delivered++;
    }
    assert_int_equal(delivered, 2);
    kit_close(&k);
}

static void chunks_are_no_commands(void **state)
{
    (void)state;
    for (size_t split = 0; split < 12; split++) {
        struct kit k;
        kit_open(&k, NULL);
        kit_script(&k,
                   HI "S| 250-a~250 CHUNKING~\n" TO_RCPT
                      "C| BDAT 10~QUIT~QU~\nS: 250 ok\nC| BDAT 3 LAST~abc\nS: 250 ok",
                   split);
        assert_int_equal(smtp_track_state(k.track), SMTP_STATE_READY);
        assert_int_equal(kit_count(&k, EVENT_DATA_END), 2);
        assert_int_equal(kit_count(&k, EVENT_DEVIATION), 0);
        assert_int_equal(smtp_track_pending(k.track), 0);
        kit_close(&k);
    }
}

/* A client that does not wait for the 354: the tracker finds back. */
static void early_content_is_found_again(void **state)
{
    (void)state;
    for (size_t split = 0; split < 12; split++) {
        struct kit k;
        kit_open(&k, NULL);
        kit_script(&k, HI OFFER TO_RCPT "C| DATA~Subject: x~~RSET~.~QUIT~", split);
        assert_int_equal(smtp_track_state(k.track), SMTP_STATE_RCPT);
        kit_script(&k, "S: 354 go", split);
        assert_int_equal(smtp_track_state(k.track), SMTP_STATE_DOT);
        assert_int_equal(smtp_track_pending_verb(k.track), SMTP_VERB_DOT);
        assert_int_equal(smtp_track_pending(k.track), 2);
        kit_script(&k, "S: 250 ok\nS: 221 bye", split);
        assert_int_equal(smtp_track_state(k.track), SMTP_STATE_QUIT);
        kit_close(&k);
        kit_open(&k, NULL);
        kit_script(&k,
                   HI OFFER TO_RCPT "C| DATA~Subject: x~~half a li\nS: 354 go\nC| ne~.~\nS: "
                                    "250 ok",
                   split);
        assert_int_equal(smtp_track_state(k.track), SMTP_STATE_READY);
        assert_int_equal(smtp_track_pending(k.track), 0);
        kit_close(&k);
    }
}

static void content_statistics(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, NULL);
    kit_script(&k, HI OFFER TO_DATA "C| ..a~b~.~\nS: 250 ok", 1);
    for (uint64_t seq = 1; seq <= journal_last(k.journal); seq++) {
        const struct event *ev = journal_at(k.journal, seq);
        struct ev_data_end e;
        if (ev->kind != EVENT_DATA_END)
            continue;
        EVENT_GET(ev, DATA_END, &e);
        assert_int_equal(e.length, 11);
        assert_int_equal(e.content, 7);
        assert_int_equal(e.lines, 2);
        assert_int_equal(e.stuffed, 1);
        assert_int_equal(e.complete, 1);
    }
    assert_int_equal(kit_count(&k, EVENT_DATA_END), 1);
    kit_close(&k);
}

static void greeting_may_follow_garbage(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, NULL);
    kit_script(&k, "S: hello there\nS: 220 a", 0);
    assert_int_equal(smtp_track_state(k.track), SMTP_STATE_GREETED);
    kit_close(&k);
}

/* How the octets were split is chance: it changes neither what is said nor what is read. */
static void a_handshake_may_come_at_any_time(void **state)
{
    (void)state;
    for (size_t split = 0; split < 9; split++) {
        struct kit k;
        kit_open(&k, NULL);
        kit_script(&k, HI OFFER "C: STARTTLS\nS: 220 go\nS: 250 evil\nC: RSET\nC: NOOP", split);
        assert_int_equal(kit_count(&k, EVENT_DEVIATION), 2); /* one for each direction */
        kit_close(&k);
        kit_open(&k, NULL);
        kit_script(&k, "C: one\nTLS\nC: two", split);
        uint64_t offset = 0;
        for (uint64_t seq = 1; seq <= journal_last(k.journal); seq++) {
            const struct event *ev = journal_at(k.journal, seq);
            struct ev_command c;
            if (ev->kind != EVENT_COMMAND)
                continue;
            EVENT_GET(ev, COMMAND, &c);
            assert_int_equal(c.offset, offset);
            offset += c.length;
        }
        assert_int_equal(offset, 10);
        kit_close(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_of_sessions_in_every_split),
        cmocka_unit_test(long_lines_are_named),
        cmocka_unit_test(every_rule_can_be_shown),
        cmocka_unit_test(lint_is_what_the_tracker_says),
        cmocka_unit_test(ranges_cover_the_lines),
        cmocka_unit_test(a_whole_line_is_one_octets_event),
        cmocka_unit_test(replies_pair_with_commands),
        cmocka_unit_test(capabilities_come_and_go),
        cmocka_unit_test(lmtp_has_a_reply_for_each_recipient),
        cmocka_unit_test(chunks_are_no_commands),
        cmocka_unit_test(early_content_is_found_again),
        cmocka_unit_test(content_statistics),
        cmocka_unit_test(greeting_may_follow_garbage),
        cmocka_unit_test(a_handshake_may_come_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
