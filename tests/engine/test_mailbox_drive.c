/* The driver of POP3 and IMAP: every cell of its table, and dialogues with servers that say yes,
 * no, nothing and nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/mailbox_drive.h"

struct world {
    struct journal *j;
    struct track *t;
    struct mailbox_drive *d;
    struct secret password;
    struct buf said; /* by the client */
};

static void begin(struct world *w, enum protocol protocol, struct mailbox_plan plan)
{
    memset(w, 0, sizeof *w);
    w->j = journal_new(clock_system());
    w->t = track_new(protocol, w->j, journal_conn_new(w->j), &(struct track_options){0});
    secret_init(&w->password);
    secret_set(&w->password, SLICE_LIT("pa\"ss"));
    buf_init(&w->said, 1 << 16);
    plan.credentials.user = "ann";
    plan.credentials.password = &w->password;
    w->d = mailbox_drive_new(w->t, &plan);
}

static void finish(struct world *w)
{
    mailbox_drive_free(&w->d);
    track_free(&w->t);
    journal_free(&w->j);
    secret_clear(&w->password);
    buf_deinit(&w->said);
}

/* Let it act until it waits, wants TLS or is done. */
static enum want_kind pump(struct world *w)
{
    for (int i = 0; i < 100; i++) {
        struct want want = mailbox_drive_next(w->d);
        if (want.kind != WANT_SEND)
            return want.kind;
        buf_append(&w->said, want.octets);
        track_feed_all(w->t, DIR_C, want.octets);
    }
    fail_msg("it never stops sending");
    return WANT_DONE;
}

static enum want_kind server(struct world *w, const char *text)
{
    struct slice in = slice_cstr(text);
    while (in.len > 0) {
        struct track_item item;
        in = slice_skip(in, track_feed(w->t, DIR_S, in, &item));
        mailbox_drive_item(w->d, &item);
    }
    return pump(w);
}

#define STAMP  "<1896.697170952@dbc.mtview.ca.us>"
#define DIGEST "53467d345439435822f91aece03064c5" /* MD5 of it and the password */

static const struct {
    enum protocol protocol;
    struct mailbox_plan plan;
    const char *server[8]; /* "TLS" turns it on */
    const char *said;
    bool ok;
    const char *mechanism;
} dialogues[] = {
    /* PLAIN inside TLS, initial response along where SASL-IR allows it */
    {PROTOCOL_IMAP,
     {.login = true, .tls = MAILBOX_TLS_TRY},
     {"* OK hi\r\n", "* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\na1 OK\r\n", "a2 OK\r\n", "TLS",
      "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\na3 OK\r\n", "a4 OK in\r\n"},
     "a1 CAPABILITY\r\na2 STARTTLS\r\na3 CAPABILITY\r\na4 AUTHENTICATE PLAIN AGFubgBwYSJzcw==\r\n",
     true,
     "PLAIN"},
    {PROTOCOL_IMAP,
     {.login = true,
      .tls = MAILBOX_TLS_NONE,
      .credentials.in_clear = true,
      .credentials.mechanisms = "PLAIN"},
     {"* OK hi\r\n", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na1 OK\r\n", "+ \r\n",
      "a2 NO [AUTHENTICATIONFAILED] no\r\n"},
     "a1 CAPABILITY\r\na2 AUTHENTICATE PLAIN\r\nAGFubgBwYSJzcw==\r\n",
     false,
     "PLAIN"},
    /* a mechanism refused for its own sake: the next; no SASL at all: LOGIN, quoted */
    {PROTOCOL_IMAP,
     {.login = true, .tls = MAILBOX_TLS_NONE, .credentials.in_clear = true},
     {"* OK hi\r\n", "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\na1 OK\r\n",
      "a2 NO [UNAVAILABLE] not now\r\n", "a3 OK in\r\n"},
     "a1 CAPABILITY\r\na2 AUTHENTICATE PLAIN AGFubgBwYSJzcw==\r\na3 LOGIN \"ann\" \"pa\\\"ss\"\r\n",
     true,
     "LOGIN"},
    /* never in the clear unless asked for; never against LOGINDISABLED */
    {PROTOCOL_IMAP,
     {.login = true, .tls = MAILBOX_TLS_TRY},
     {"* OK hi\r\n", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na1 OK\r\n"},
     "a1 CAPABILITY\r\n",
     false,
     NULL},
    {PROTOCOL_IMAP,
     {.login = true, .tls = MAILBOX_TLS_NONE, .credentials.in_clear = true},
     {"* OK hi\r\n", "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\na1 OK\r\n"},
     "a1 CAPABILITY\r\n",
     false,
     NULL},
    {PROTOCOL_IMAP,
     {.login = true, .tls = MAILBOX_TLS_MUST},
     {"* OK hi\r\n", "* CAPABILITY IMAP4rev1\r\na1 OK\r\n", "a2 BAD what\r\n"},
     "a1 CAPABILITY\r\na2 STARTTLS\r\n",
     false,
     NULL},
    {PROTOCOL_IMAP, {.login = true}, {"* BYE full\r\n"}, "", false, NULL},
    {PROTOCOL_IMAP,
     {.login = true},
     {"* PREAUTH in\r\n", "* CAPABILITY IMAP4rev1\r\na1 OK\r\n"},
     "a1 CAPABILITY\r\n",
     true,
     NULL},
    /* POP3: USER and PASS where the server knows nothing else */
    {PROTOCOL_POP3,
     {.login = true, .tls = MAILBOX_TLS_NONE, .credentials.in_clear = true},
     {"+OK hi\r\n", "-ERR what\r\n", "+OK\r\n", "+OK in\r\n"},
     "CAPA\r\nUSER ann\r\nPASS pa\"ss\r\n",
     true,
     "USER"},
    {PROTOCOL_POP3,
     {.login = true, .tls = MAILBOX_TLS_NONE, .credentials.in_clear = true},
     {"+OK hi\r\n", "+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n", "+OK in\r\n"},
     "CAPA\r\nAUTH PLAIN AGFubgBwYSJzcw==\r\n",
     true,
     "PLAIN"},
    {PROTOCOL_POP3,
     {.login = true, .tls = MAILBOX_TLS_NONE, .credentials.in_clear = true},
     {"+OK hi\r\n", "-ERR\r\n", "+OK\r\n", "-ERR [AUTH] wrong\r\n"},
     "CAPA\r\nUSER ann\r\nPASS pa\"ss\r\n",
     false,
     "USER"},
    {PROTOCOL_POP3,
     {.login = false, .tls = MAILBOX_TLS_MUST},
     {"+OK hi\r\n", "+OK\r\nSTLS\r\n.\r\n", "+OK go\r\n", "TLS", "+OK\r\nUSER\r\n.\r\n"},
     "CAPA\r\nSTLS\r\nCAPA\r\n",
     true,
     NULL},
    {PROTOCOL_POP3, {.login = true}, {"-ERR go away\r\n"}, "", false, NULL},
    /* APOP where it is asked for, and where nothing else hides the password; no stamp, none */
    {PROTOCOL_POP3,
     {.login = true, .tls = MAILBOX_TLS_NONE, .credentials.mechanisms = "apop"},
     {"+OK hi " STAMP "\r\n", "+OK\r\nUSER\r\nSASL CRAM-MD5\r\n.\r\n", "+OK in\r\n"},
     "CAPA\r\nAPOP ann " DIGEST "\r\n",
     true,
     "APOP"},
    {PROTOCOL_POP3,
     {.login = true, .tls = MAILBOX_TLS_NONE},
     {"+OK hi " STAMP "\r\n", "-ERR what\r\n", "-ERR [AUTH] no\r\n"},
     "CAPA\r\nAPOP ann " DIGEST "\r\n",
     false,
     "APOP"},
    {PROTOCOL_POP3,
     {.login = true, .tls = MAILBOX_TLS_TRY},
     {"+OK hi " STAMP "\r\n", "+OK\r\nUSER\r\nSTLS\r\n.\r\n", "+OK\r\n", "TLS",
      "+OK\r\nUSER\r\n.\r\n", "+OK\r\n", "+OK in\r\n"},
     "CAPA\r\nSTLS\r\nCAPA\r\nUSER ann\r\nPASS pa\"ss\r\n",
     true,
     "USER"},
    {PROTOCOL_POP3,
     {.login = true, .tls = MAILBOX_TLS_NONE, .credentials.mechanisms = "APOP"},
     {"+OK hi\r\n", "+OK\r\nUSER\r\n.\r\n"},
     "CAPA\r\n",
     false,
     NULL},
    {PROTOCOL_IMAP,
     {.login = true, .tls = MAILBOX_TLS_NONE, .credentials.mechanisms = "APOP"},
     {"* OK " STAMP "\r\n", "* CAPABILITY IMAP4rev1\r\na1 OK\r\n"},
     "a1 CAPABILITY\r\n",
     false,
     NULL},
    /* LOGIN: the mechanism where it is offered, else the command; USER: always the latter */
    {PROTOCOL_IMAP,
     {.login = true,
      .tls = MAILBOX_TLS_NONE,
      .credentials.in_clear = true,
      .credentials.mechanisms = "LOGIN"},
     {"* OK hi\r\n", "* CAPABILITY IMAP4rev1 AUTH=LOGIN\r\na1 OK\r\n", "+ VXNlcm5hbWU6\r\n",
      "+ UGFzc3dvcmQ6\r\n", "a2 OK\r\n"},
     "a1 CAPABILITY\r\na2 AUTHENTICATE LOGIN\r\nYW5u\r\ncGEic3M=\r\n",
     true,
     "LOGIN"},
    {PROTOCOL_IMAP,
     {.login = true,
      .tls = MAILBOX_TLS_NONE,
      .credentials.in_clear = true,
      .credentials.mechanisms = "user"},
     {"* OK hi\r\n", "* CAPABILITY IMAP4rev1 AUTH=LOGIN\r\na1 OK\r\n", "a2 OK\r\n"},
     "a1 CAPABILITY\r\na2 LOGIN \"ann\" \"pa\\\"ss\"\r\n",
     true,
     "LOGIN"},
};

static void test_dialogues(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++) {
        struct world w;
        begin(&w, dialogues[i].protocol, dialogues[i].plan);
        enum want_kind last = pump(&w);
        assert_int_equal(last, WANT_WAIT);
        /* What is waited for is told by the step's name, also before the end. */
        assert_int_equal(mailbox_drive_result(w.d)->stage, MAILBOX_STEP_GREETING);
        for (size_t k = 0; k < 8 && dialogues[i].server[k]; k++) {
            if (strcmp(dialogues[i].server[k], "TLS") == 0) {
                assert_int_equal(last, WANT_TLS);
                track_tls_up(w.t);
                mailbox_drive_tls(w.d, NULL);
                last = pump(&w);
            } else {
                last = server(&w, dialogues[i].server[k]);
            }
            if (k == 0 && last == WANT_WAIT)
                assert_int_equal(mailbox_drive_result(w.d)->stage, MAILBOX_STEP_CAPS);
        }
        const struct mailbox_result *r = mailbox_drive_result(w.d);
        if (last != WANT_DONE || strcmp(buf_cstr(&w.said), dialogues[i].said) != 0 ||
            r->ok != dialogues[i].ok)
            fail_msg("dialogue %zu: want %d, ok %d, stage %s, err \"%s\", said \"%s\"", i, last,
                     r->ok, mailbox_step_name(r->stage), r->err.text, buf_cstr(&w.said));
        assert_true(r->over);
        if (dialogues[i].mechanism)
            assert_string_equal(r->mechanism, dialogues[i].mechanism);
        else
            assert_null(r->mechanism);
        finish(&w);
    }
}

/* Each cell has a next step, and only what the plan allows goes on after a no. */
static void test_table(void **state)
{
    (void)state;
    for (int s = 0; s < MAILBOX_STEP__COUNT; s++) {
        assert_string_not_equal(mailbox_step_name((enum mailbox_step)s), "?");
        for (int o = 0; o < MAILBOX_OUT__COUNT; o++) {
            enum mailbox_next next =
                mailbox_drive_table((enum mailbox_step)s, (enum mailbox_outcome)o);
            assert_true(next < MAILBOX_NEXT__COUNT);
            bool dead = o == MAILBOX_OUT_TIMEOUT || o == MAILBOX_OUT_EOF || o == MAILBOX_OUT_ABORT;
            if (dead)
                assert_int_equal(next, MAILBOX_NEXT_STOP);
            if (next == MAILBOX_NEXT_MORE)
                assert_true(s == MAILBOX_STEP_AUTH && o == MAILBOX_OUT_GO_ON);
        }
    }
    for (int o = 0; o < MAILBOX_OUT__COUNT; o++)
        assert_string_not_equal(mailbox_outcome_name((enum mailbox_outcome)o), "?");
}

/* The end may come at any step: it is said once, and nothing is sent after it. */
static void test_ends_anywhere(void **state)
{
    (void)state;
    for (int o = MAILBOX_OUT_TIMEOUT; o < MAILBOX_OUT__COUNT; o++)
        for (size_t stop = 0; stop < 4; stop++) {
            struct world w;
            begin(&w, dialogues[8].protocol, dialogues[8].plan);
            pump(&w);
            for (size_t k = 0; k < stop; k++)
                server(&w, dialogues[8].server[k]);
            size_t before = w.said.len;
            bool ended = mailbox_drive_result(w.d)->over;
            mailbox_drive_outcome(w.d, (enum mailbox_outcome)o, NULL);
            assert_int_equal(pump(&w), WANT_DONE);
            assert_int_equal(w.said.len, before);
            assert_true(mailbox_drive_result(w.d)->over);
            assert_int_equal(mailbox_drive_result(w.d)->ok, ended);
            finish(&w);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dialogues),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_ends_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
