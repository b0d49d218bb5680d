/* Client and server joined in memory, at every split of the octets. */
#include "joined.h"

static const char *const one[] = {"bob@example.test"};
static const char *const three[] = {"bob@example.test", "no@example.test", "eve@example.test"};
static const char *const nobody[] = {"no@example.test", "none@example.test"};

struct expect {
    bool ok;
    enum smtp_step stage;
    unsigned code;
    size_t delivered, accepted;
};

struct session {
    const char *what;
    struct smtp_plan plan;
    struct smtp_serve_options options;
    const char *message;
    size_t message_octets; /* 0: strlen */
    const char *arrives;   /* NULL: the message itself */
    size_t arrives_octets;
    const char *password; /* the client's; the server's is "sesame" */
    const char *refuse;
    struct expect expect;
    bool mend;
};

#define PLAN                                                                                       \
    .goal = SMTP_GOAL_SEND, .name = "me.test", .from = "ann@example.test", .has_content = true,    \
    .quit = true, .quit_after = SMTP_STEP__COUNT
#define ONE   .to = one, .n_to = 1
#define THREE .to = three, .n_to = 3
#define NONE  .to = nobody, .n_to = 2
#define SERVER                                                                                     \
    .name = "mx.example.test", .offer_starttls = true, .auth_in_clear = true,                      \
    .mechanisms = "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256"
#define SENT(n)                                                                                    \
    {                                                                                              \
        true, SMTP_STEP_DONE, 250, 1, n                                                            \
    }
#define HI_TEXT "Subject: hi\r\n\r\nhello\r\n"

static const struct session sessions[] = {
    {.what = "plain",
     .plan = {PLAN, ONE},
     .options = {SERVER},
     .message = HI_TEXT,
     .expect = SENT(1)},
    {.what = "starttls",
     .plan = {PLAN, ONE, .tls = SMTP_TLS_MUST},
     .options = {SERVER, .require_tls = true},
     .message = HI_TEXT,
     .expect = SENT(1)},
    {.what = "starttls try, not offered",
     .plan = {PLAN, ONE, .tls = SMTP_TLS_TRY},
     .options = {.name = "mx"},
     .message = HI_TEXT,
     .expect = SENT(1)},
    {.what = "starttls must, not offered",
     .plan = {PLAN, ONE, .tls = SMTP_TLS_MUST},
     .options = {.name = "mx"},
     .message = HI_TEXT,
     .expect = {false, SMTP_STEP_STARTTLS, 0, 0, 0}},
    {.what = "auth plain",
     .plan = {PLAN, ONE, .auth = true, .credentials.user = "ann", .credentials.mechanisms = "PLAIN",
              .credentials.in_clear = true},
     .options = {SERVER, .require_auth = true},
     .message = HI_TEXT,
     .password = "sesame",
     .expect = SENT(1)},
    {.what = "auth login in tls",
     .plan = {PLAN, ONE, .tls = SMTP_TLS_MUST, .auth = true, .credentials.user = "ann",
              .credentials.mechanisms = "LOGIN"},
     .options = {SERVER, .require_auth = true},
     .message = HI_TEXT,
     .password = "sesame",
     .expect = SENT(1)},
    {.what = "auth scram",
     .plan = {PLAN, ONE, .auth = true, .credentials.user = "ann",
              .credentials.mechanisms = "SCRAM-SHA-256"},
     .options = {SERVER, .require_auth = true},
     .message = HI_TEXT,
     .password = "sesame",
     .expect = SENT(1)},
    {.what = "auth cram-md5",
     .plan = {PLAN, ONE, .auth = true, .credentials.user = "ann",
              .credentials.mechanisms = "CRAM-MD5"},
     .options = {SERVER, .require_auth = true},
     .message = HI_TEXT,
     .password = "sesame",
     .expect = SENT(1)},
    {.what = "auth best of what is offered",
     .plan = {PLAN, ONE, .auth = true, .credentials.user = "ann"},
     .options = {SERVER, .require_auth = true},
     .message = HI_TEXT,
     .password = "sesame",
     .expect = SENT(1)},
    {.what = "wrong password, plain",
     .plan = {PLAN, ONE, .auth = true, .credentials.user = "ann", .credentials.mechanisms = "PLAIN",
              .credentials.in_clear = true},
     .options = {SERVER},
     .message = HI_TEXT,
     .password = "wrong",
     .expect = {false, SMTP_STEP_AUTH, 535, 0, 0}},
    {.what = "wrong password, scram",
     .plan = {PLAN, ONE, .auth = true, .credentials.user = "ann",
              .credentials.mechanisms = "SCRAM-SHA-256"},
     .options = {SERVER},
     .message = HI_TEXT,
     .password = "wrong",
     .expect = {false, SMTP_STEP_AUTH, 535, 0, 0}},
    {.what = "plain without TLS is not tried",
     .plan = {PLAN, ONE, .auth = true, .credentials.user = "ann",
              .credentials.mechanisms = "PLAIN"},
     .options = {SERVER},
     .message = HI_TEXT,
     .password = "sesame",
     .expect = {false, SMTP_STEP_AUTH, 0, 0, 0}},
    {.what = "auth is required and not wanted",
     .plan = {PLAN, ONE},
     .options = {SERVER, .require_auth = true},
     .message = HI_TEXT,
     .expect = {false, SMTP_STEP_MAIL, 530, 0, 0}},
    {.what = "pipelined",
     .plan = {PLAN, THREE, .pipeline = true},
     .options = {SERVER},
     .message = HI_TEXT,
     .refuse = "no",
     .expect = SENT(2)},
    {.what = "one refused",
     .plan = {PLAN, THREE},
     .options = {SERVER},
     .message = HI_TEXT,
     .refuse = "no",
     .expect = SENT(2)},
    {.what = "all refused",
     .plan = {PLAN, NONE},
     .options = {SERVER},
     .message = HI_TEXT,
     .refuse = "no",
     .expect = {false, SMTP_STEP_RCPT, 550, 0, 0}},
    {.what = "all refused, pipelined",
     .plan = {PLAN, NONE, .pipeline = true},
     .options = {SERVER},
     .message = HI_TEXT,
     .refuse = "no",
     .expect = {false, SMTP_STEP_RCPT, 550, 0, 0}},
    {.what = "mail refused, pipelined",
     .plan = {PLAN, ONE, .pipeline = true},
     .options = {SERVER, .require_auth = true},
     .message = HI_TEXT,
     .expect = {false, SMTP_STEP_MAIL, 530, 0, 0}},
    {.what = "lmtp",
     .plan = {PLAN, THREE, .lmtp = true, .pipeline = true},
     .options = {SERVER, .lmtp = true},
     .message = HI_TEXT,
     .refuse = "no",
     .expect = SENT(2)},
    {.what = "dots",
     .plan = {PLAN, ONE},
     .options = {SERVER},
     .message = ".\r\n..\r\n...a\r\n.b\r\na.\r\n.\r\n",
     .expect = SENT(1)},
    {.what = "only a dot, no line end",
     .plan = {PLAN, ONE},
     .options = {SERVER},
     .message = ".",
     .arrives = ".\r\n",
     .expect = SENT(1)},
    {.what = "empty",
     .plan = {PLAN, ONE},
     .options = {SERVER},
     .message = "",
     .arrives = "",
     .expect = SENT(1)},
    {.what = "no final line end",
     .plan = {PLAN, ONE},
     .options = {SERVER},
     .message = "a\r\nb",
     .arrives = "a\r\nb\r\n",
     .expect = SENT(1)},
    {.what = "bare line feeds stay",
     .plan = {PLAN, ONE},
     .options = {SERVER, .relax = SMTP_RELAX_DATA_BARE_LF},
     .message = "a\n\n.b\nc\r\n",
     .expect = SENT(1)},
    {.what = "bare line feeds refused",
     .plan = {PLAN, ONE},
     .options = {SERVER},
     .message = "a\n\n.b\nc\r\n",
     .arrives = "a\n\n.b\nc\r\n",
     .expect = {false, SMTP_STEP_DOT, 554, 0, 1}},
    {.what = "bare line feeds mended",
     .plan = {PLAN, ONE},
     .options = {SERVER},
     .message = "a\n\n.b\n",
     .arrives = "a\r\n\r\n.b\r\n",
     .mend = true,
     .expect = SENT(1)},
    {.what = "NULs and 8 bit",
     .plan = {PLAN, ONE, .content_8bit = true},
     .options = {SERVER, .relax = SMTP_RELAX_DATA_NUL},
     .message = "a\0b\r\n\xff\xc3\xa4\r\n",
     .message_octets = 10,
     .expect = SENT(1)},
    {.what = "too large, declared",
     .plan = {PLAN, ONE, .content_octets = 100},
     .options = {SERVER, .size_max_octets = 20},
     .message = HI_TEXT,
     .expect = {false, SMTP_STEP_MAIL, 552, 0, 0}},
    {.what = "too large, found out",
     .plan = {PLAN, ONE},
     .options = {SERVER, .size_max_octets = 20},
     .message = HI_TEXT,
     .arrives = "",
     .expect = {false, SMTP_STEP_DOT, 552, 0, 1}},
    {.what = "too many recipients",
     .plan = {PLAN, THREE},
     .options = {SERVER, .recipients_max = 1},
     .message = HI_TEXT,
     .expect = SENT(1)},
    {.what = "hello only",
     .plan = {.goal = SMTP_GOAL_HELLO, .name = "me", .quit = true, .quit_after = SMTP_STEP__COUNT},
     .options = {SERVER},
     .message = "",
     .expect = {true, SMTP_STEP_DONE, 250, 0, 0}},
    {.what = "tls only",
     .plan = {.goal = SMTP_GOAL_TLS, .name = "me", .quit = true, .quit_after = SMTP_STEP__COUNT},
     .options = {SERVER},
     .message = "",
     .expect = {true, SMTP_STEP_DONE, 250, 0, 0}},
    {.what = "quit after the recipients",
     .plan = {.goal = SMTP_GOAL_SEND,
              .name = "me.test",
              .from = "",
              ONE,
              .has_content = true,
              .quit = true,
              .quit_after = SMTP_STEP_RCPT,
              .pipeline = true},
     .options = {SERVER},
     .message = HI_TEXT,
     .arrives = "",
     .expect = {true, SMTP_STEP_RCPT, 250, 0, 1}},
};

static void run(const struct session *s, size_t step, unsigned seed)
{
    struct joined x = {.step = step, .seed = seed, .refuse = s->refuse, .password = "sesame"};
    struct smtp_plan plan = s->plan;
    struct secret password;
    size_t octets = s->message_octets ? s->message_octets : strlen(s->message);
    secret_init(&password);
    if (s->password)
        secret_set(&password, slice_cstr(s->password));
    plan.credentials.password = &password;
    x.message = slice_of(s->message, octets);
    x.mend = s->mend;
    joined_open(&x, &s->options, &plan);
    joined_run(&x);
    const struct smtp_result *r = smtp_drive_result(x.drive);
    if (r->ok != s->expect.ok || r->stage != s->expect.stage || r->code != s->expect.code ||
        !r->over)
        fail_msg("%s, step %zu seed %u: ok %d stage %s code %u over %d: %s", s->what, step, seed,
                 r->ok, smtp_step_name(r->stage), r->code, r->over, r->err.text);
    assert_int_equal(x.delivered, s->expect.delivered);
    if (s->options.size_max_octets > 0)
        assert_true(x.got.len <= s->options.size_max_octets);
    assert_int_equal(r->n_accepted, s->expect.accepted);
    if (s->expect.delivered > 0) {
        struct slice want = s->arrives ? slice_cstr(s->arrives) : x.message;
        assert_true(slice_eq(buf_slice(&x.got), want));
    }
    if (s->plan.auth && s->expect.ok) {
        assert_int_equal(x.authenticated, 1);
        assert_true(smtp_track_authenticated(x.track_c));
        assert_string_equal(smtp_serve_user(x.serve), "ann");
    }
    assert_true(x.server_closed);
    assert_int_equal(smtp_track_state(x.track_c), SMTP_STATE_QUIT);
    assert_int_equal(smtp_track_state(x.track_s), SMTP_STATE_QUIT);
    assert_int_equal(smtp_track_pending(x.track_c), 0);
    joined_close(&x);
    secret_clear(&password);
}

static void every_session_at_every_split(void **state)
{
    (void)state;
    static const size_t steps[] = {0, 1, 2, 3, 5, 17, 100};
    for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++) {
        for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++)
            run(&sessions[i], steps[s], 0);
        for (unsigned seed = 1; seed < 6; seed++)
            run(&sessions[i], 0, seed);
    }
}

/* What both trackers of one connection say about it is the same, and neither party breaks a rule.
 */
static void both_ends_see_the_same(void **state)
{
    (void)state;
    static const enum event_kind kinds[] = {EVENT_COMMAND,  EVENT_REPLY,    EVENT_STATE,
                                            EVENT_CAPS,     EVENT_ENVELOPE, EVENT_DATA_END,
                                            EVENT_SASL_STEP};
    for (size_t i = 0; i < 4; i++) {
        struct joined x = {.step = 3, .password = "sesame", .message = SLICE_LIT(HI_TEXT)};
        struct smtp_plan plan = {PLAN, ONE, .tls = SMTP_TLS_MUST, .auth = true,
                                 .credentials.user = "ann"};
        static const char *const mechanisms[] = {"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"};
        struct smtp_serve_options options = {SERVER};
        struct secret password;
        secret_init(&password);
        secret_set(&password, SLICE_LIT("sesame"));
        plan.credentials.password = &password;
        plan.credentials.mechanisms = mechanisms[i];
        joined_open(&x, &options, &plan);
        joined_run(&x);
        assert_true(smtp_drive_result(x.drive)->ok);
        assert_string_equal(smtp_drive_result(x.drive)->mechanism, mechanisms[i]);
        for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
            size_t n_c = 0, n_s = 0;
            for (uint64_t seq = 1; seq <= journal_last(x.journal); seq++) {
                const struct event *ev = journal_at(x.journal, seq);
                assert_int_not_equal(ev->kind, EVENT_DEVIATION);
                assert_int_equal(ev->flags & EVENT_FLAG_BACKSTAGE,
                                 ev->conn == x.conn_s ? EVENT_FLAG_BACKSTAGE : 0);
                if (ev->kind == kinds[kind])
                    *(ev->conn == x.conn_c ? &n_c : &n_s) += 1;
            }
            assert_true(n_c > 0);
            assert_int_equal(n_c, n_s);
        }
        joined_close(&x);
        secret_clear(&password);
    }
}

static void tls_that_fails_ends_it(void **state)
{
    (void)state;
    struct joined x = {.tls_fails = true, .message = SLICE_LIT(HI_TEXT)};
    struct smtp_plan plan = {PLAN, ONE, .tls = SMTP_TLS_TRY};
    struct smtp_serve_options options = {SERVER};
    joined_open(&x, &options, &plan);
    joined_run(&x);
    const struct smtp_result *r = smtp_drive_result(x.drive);
    assert_false(r->ok);
    assert_true(r->over);
    assert_int_equal(r->stage, SMTP_STEP_TLS);
    assert_int_equal(r->err.domain, ERR_TLS);
    assert_int_equal(smtp_drive_next(x.drive).kind, WANT_CLOSE);
    joined_close(&x);
}

static void second_message_and_somebody_elses_transaction(void **state)
{
    (void)state;
    struct joined x = {.message = SLICE_LIT(HI_TEXT)};
    struct smtp_plan plan = {PLAN, ONE};
    struct smtp_serve_options options = {SERVER};
    plan.quit = false;
    joined_open(&x, &options, &plan);
    joined_run(&x);
    assert_int_equal(smtp_drive_next(x.drive).kind, WANT_DONE);
    assert_int_equal(x.delivered, 1);
    smtp_drive_free(&x.drive);
    /* A person types two commands; then the drive is on again. */
    x.drive = smtp_drive_new(x.journal, x.conn_c, x.track_c, &plan);
    joined_send(&x, SLICE_LIT("MAIL FROM:<x@y.test>\r\n"));
    assert_int_equal(smtp_drive_next(x.drive).kind, WANT_WAIT);
    buf_reset(&x.sent);
    joined_run(&x);
    assert_true(smtp_drive_result(x.drive)->ok);
    assert_int_equal(x.delivered, 2);
    assert_true(slice_starts(buf_slice(&x.sent), SLICE_LIT("RSET\r\nMAIL FROM:<ann@")));
    assert_int_equal(smtp_track_state(x.track_c), SMTP_STATE_READY);
    joined_close(&x);
}

/* More recipients than one write holds, and than wait for replies at once. */
static void thousands_of_recipients(void **state)
{
    (void)state;
    static const char *to[5000];
    static char names[5000][32];
    for (size_t i = 0; i < 5000; i++) {
        snprintf(names[i], sizeof(names[i]), "%su%zu@example.test", i % 10 == 3 ? "no" : "", i);
        to[i] = names[i];
    }
    struct joined x = {.message = SLICE_LIT(HI_TEXT), .refuse = "no", .step = 1000};
    struct smtp_plan plan = {PLAN, .to = to, .n_to = 5000, .pipeline = true};
    struct smtp_serve_options options = {SERVER};
    joined_open(&x, &options, &plan);
    joined_run(&x);
    const struct smtp_result *r = smtp_drive_result(x.drive);
    assert_true(r->ok);
    assert_int_equal(r->n_accepted, 4500);
    for (size_t i = 0; i < 5000; i++) {
        assert_int_equal(r->recipients[i].accepted, i % 10 != 3);
        assert_int_equal(r->recipients[i].code, i % 10 == 3 ? 550 : 250);
    }
    joined_close(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_session_at_every_split),
        cmocka_unit_test(both_ends_see_the_same),
        cmocka_unit_test(tls_that_fails_ends_it),
        cmocka_unit_test(second_message_and_somebody_elses_transaction),
        cmocka_unit_test(thousands_of_recipients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
