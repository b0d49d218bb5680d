/* The server's rules: the table verb x state, and dialogues. */
#include "server.h"

#include "smtp/limits.h"

/* Dialogues: lines to send and how the reply to each must begin ("" none at all). */
enum { LINES_MAX = 12 };
static const struct {
    struct smtp_serve_options options;
    const char *lines[LINES_MAX][2];
} dialogues[] = {
#define NAME .name = "mx.test"
#define HELLO                                                                                      \
    {                                                                                              \
        "EHLO me.test", "250-mx.test"                                                              \
    }
    {{NAME},
     {HELLO,
      {"MAIL FROM:<a@b.test>", "250 2.1.0"},
      {"RCPT TO:<c@d.test>", "250 2.1.5"},
      {"DATA", "354 "},
      {"hi", ""},
      {".", "250 2.0.0"},
      {"QUIT", "221 2.0.0"},
      {"NOOP", ""}}},
    {{NAME}, {{"EHLO", "501 5.5.4"}, {"EHLO ", "501 5.5.4"}, {"HELO me", "250 mx.test"}}},
    {{NAME}, {{"LHLO me", "500 5.5.1"}}},
    {{NAME, .lmtp = true}, {{"EHLO me", "500 5.5.1"}, {"LHLO me", "250-mx.test"}}},
    {{NAME, .lmtp = true},
     {{"LHLO me", "250-mx.test"},
      {"MAIL FROM:<>", "250 "},
      {"DATA", "503 5.5.1"},
      {"RCPT TO:<a@b.test>", "250 "},
      {"RCPT TO:<c@d.test>", "250 "},
      {"DATA", "354 "},
      {".", "250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n"}}},
    {{NAME},
     {{"MAIL FROM:<a@b.test>", "503 5.5.1"},
      HELLO,
      {"RCPT TO:<a@b.test>", "503 5.5.1"},
      {"DATA", "503 5.5.1"},
      {"MAIL FROM:<a@b.test>", "250 "},
      {"MAIL FROM:<a@b.test>", "503 5.5.1"},
      {"DATA", "554 5.5.1"},
      {"STARTTLS", "503 5.5.1"},
      {"RSET", "250 2.0.0"},
      {"RCPT TO:<a@b.test>", "503 5.5.1"}}},
    {{NAME},
     {HELLO,
      {"MAIL FROM:a@b.test", "501 5.5.4"},
      {"MAIL FROM: <a@b.test>", "501 5.5.4"},
      {"MAIL a@b.test", "501 5.5.4"},
      {"MAIL FROM:<a b@c.test>", "501 5."},
      {"MAIL FROM:<@@>", "501 5.1.7"},
      {"MAIL FROM:<a@b.test> FOO=1", "555 5.5.4"},
      {"MAIL FROM:<a@b.test> SIZE=3", "555 5.5.4"},
      {"MAIL FROM:<a@b.test> BODY=9BIT", "501 5.5.4"},
      {"MAIL FROM:<a@b.test> BODY=8BITMIME body=7bit", "501 5.5.4"},
      {"MAIL FROM:<a@b.test> BODY=8BITMIME", "250 "}}},
    {{NAME},
     {HELLO,
      {"MAIL FROM:<\xc3\xa4@b.test>", "553 5.6.7"},
      {"MAIL FROM:<\xc3\xa4@b.test> SMTPUTF8", "250 "},
      {"RCPT TO:<\xc3\xb6@b.test>", "250 "},
      {"RSET", "250 "},
      {"MAIL FROM:<a@b.test>", "250 "},
      {"RCPT TO:<\xc3\xb6@b.test>", "553 5.6.7"},
      {"RCPT TO:<>", "501 5.1.3"},
      {"RCPT TO:<a@b.test> X=1", "555 5.5.4"},
      {"RCPT TO:<postmaster>", "250 "},
      {"DATA now", "501 5.5.4"}}},
    {{NAME, .size_max_octets = 10},
     {HELLO,
      {"MAIL FROM:<a@b.test> SIZE=11", "552 5.3.4"},
      {"MAIL FROM:<a@b.test> SIZE=x", "501 5.5.4"},
      {"MAIL FROM:<a@b.test> SIZE=10", "250 "},
      {"RCPT TO:<a@b.test>", "250 "},
      {"DATA", "354 "},
      {"123456789", ""},
      {".", "552 5.3.4"},
      {"MAIL FROM:<a@b.test>", "250 "}}},
    {{NAME, .recipients_max = 1},
     {HELLO,
      {"MAIL FROM:<>", "250 "},
      {"RCPT TO:<a@b.test>", "250 "},
      {"RCPT TO:<c@b.test>", "452 4.5.3"}}},
    {{NAME},
     {HELLO,
      {"VRFY ann", "252 2.0.0"},
      {"VRFY", "501 5.5.4"},
      {"EXPN list", "550 5.1.1"},
      {"ETRN x", "251 2.0.0"},
      {"HELP", "214-2.0.0"},
      {"NOOP x", "250 2.0.0"},
      {"FROB", "500 5.5.2"},
      {"", "500 5.5.2"},
      {"RSET x", "501 5.5.4"},
      {"QUIT x", "501 5.5.4"}}},
    {{NAME}, {HELLO, {"STARTTLS", "502 5.5.1"}, {"AUTH PLAIN", "502 5.5.1"}}},
    {{NAME, .offer_starttls = true, .require_tls = true},
     {{"HELO me", "530 5.7.0"},
      HELLO,
      {"MAIL FROM:<a@b.test>", "530 5.7.0"},
      {"RSET", "530 5.7.0"},
      {"NOOP", "250 "},
      {"STARTTLS x", "501 5.5.4"},
      {"STARTTLS", "220 2.0.0"},
      {"NOOP", ""}}},
    {{NAME, .mechanisms = "PLAIN LOGIN", .require_auth = true},
     {HELLO, {"MAIL FROM:<a@b.test>", "530 5.7.0"}, {"AUTH PLAIN AGEAYg==", "538 5.7.11"}}},
    {{NAME, .mechanisms = "PLAIN LOGIN", .auth_in_clear = true},
     {HELLO,
      {"AUTH", "501 5.5.4"},
      {"AUTH CRAM-MD5", "504 5.5.4"},
      {"AUTH PLAIN", "334 \r\n"},
      {"*", "501 5.7.0"},
      {"AUTH PLAIN !", "501 5.5.2"},
      {"AUTH PLAIN AGFubgB3cm9uZw==", "535 5.7.8"},
      {"AUTH PLAIN AGFubgBzZXNhbWU=", "235 2.7.0"},
      {"AUTH PLAIN AGFubgBzZXNhbWU=", "503 5.5.1"},
      {"MAIL FROM:<a@b.test>", "250 "}}},
    {{NAME, .mechanisms = "PLAIN LOGIN", .auth_in_clear = true},
     {HELLO,
      {"auth login", "334 VXNlcm5hbWU6"},
      {"YW5u", "334 UGFzc3dvcmQ6"},
      {"c2VzYW1l", "235 2.7.0"}}},
    {{NAME, .mechanisms = "LOGIN", .auth_in_clear = true},
     {HELLO, {"AUTH LOGIN YW5u", "334 UGFzc3dvcmQ6"}, {"c2VzYW1l", "235 2.7.0"}}},
    {{NAME, .mechanisms = "CRAM-MD5", .auth_in_clear = true},
     {HELLO, {"AUTH CRAM-MD5 YW5u", "501 5.5.2"}, {"AUTH CRAM-MD5", "334 P"}, {"*", "501 5.7.0"}}},
    {{NAME, .errors_max = 2}, {{"X", "500 "}, {"X", "500 "}, {"X", "421 4.7.0"}, {"X", ""}}},
};

static void dialogues_go_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(dialogues) / sizeof(dialogues[0]); i++) {
        struct server s;
        server_open(&s, &dialogues[i].options);
        for (size_t l = 0; l < LINES_MAX && dialogues[i].lines[l][0]; l++) {
            const char *want = dialogues[i].lines[l][1];
            const char *got = ask_line(&s, dialogues[i].lines[l][0]);
            if (*want ? strncmp(got, want, strlen(want)) != 0 : *got != '\0')
                fail_msg("dialogue %zu, \"%s\": wanted \"%s\", got \"%s\"", i,
                         dialogues[i].lines[l][0], want, got);
        }
        server_close(&s);
    }
}

static void what_is_offered(void **state)
{
    (void)state;
    const struct smtp_serve_options options = {
        NAME, .offer_starttls = true, .mechanisms = "PLAIN LOGIN", .size_max_octets = 1000};
    struct server s;
    server_open(&s, &options);
    assert_string_equal(buf_cstr(&s.said), "220 mx.test ESMTP smtpscope practice server\r\n");
    assert_string_equal(ask_line(&s, "EHLO me"),
                        "250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-STARTTLS\r\n"
                        "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n"
                        "250-CHUNKING\r\n250-BINARYMIME\r\n250-VRFY\r\n250-EXPN\r\n"
                        "250-ETRN\r\n250-DELIVERBY\r\n250-MT-PRIORITY\r\n250 HELP\r\n");
    assert_int_equal(strncmp(ask_line(&s, "STARTTLS"), "220 ", 4), 0);
    assert_int_equal(s.then, SMTP_THEN_TLS);
    smtp_track_tls_up(s.kit.track);
    smtp_serve_tls_up(s.serve);
    assert_string_equal(
        ask_line(&s, "EHLO me"),
        "250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-AUTH PLAIN LOGIN\r\n"
        "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n"
        "250-CHUNKING\r\n250-BINARYMIME\r\n250-VRFY\r\n250-EXPN\r\n"
        "250-ETRN\r\n250-REQUIRETLS\r\n250-DELIVERBY\r\n250-MT-PRIORITY\r\n250 HELP\r\n");
    assert_int_equal(strncmp(ask_line(&s, "STARTTLS"), "503 ", 4), 0);
    server_close(&s);
}

static void lines_that_are_none(void **state)
{
    (void)state;
    const struct smtp_serve_options options = {NAME};
    static char big[SMTP_CAP_LINE_OCTETS + 3];
    struct server s;
    server_open(&s, &options);
    assert_int_equal(strncmp(ask(&s, SLICE_LIT("NOOP\n")), "500 5.5.2", 9), 0);
    assert_non_null(strstr(buf_cstr(&s.said), "bare line feed"));
    assert_int_equal(strncmp(ask(&s, SLICE_LIT("NO\0OP\r\n")), "500 5.5.2", 9), 0);
    assert_int_equal(strncmp(ask(&s, SLICE_LIT("NOOP a\0b\r\n")), "500 5.5.2", 9), 0);
    assert_int_equal(strncmp(ask(&s, SLICE_LIT("NOOP a\rb\r\n")), "500 5.5.2", 9), 0);
    memset(big, 'x', sizeof(big));
    memcpy(big, "NOOP ", 5);
    memcpy(big + 600, "\r\n", 2);
    assert_int_equal(strncmp(ask(&s, slice_of(big, 602)), "500 5.5.6", 9), 0);
    memset(big, 'x', sizeof(big));
    assert_int_equal(strncmp(ask(&s, slice_of(big, SMTP_CAP_LINE_OCTETS)), "500 5.5.6", 9), 0);
    server_close(&s);
}

/* Each verb in each state that a session can be in between two commands: answered as its cell says.
 */
static void the_table_is_what_happens(void **state)
{
    (void)state;
    static const struct {
        enum smtp_state state;
        const char *lines[4];
    } places[] = {
        {SMTP_STATE_GREETED, {NULL}},
        {SMTP_STATE_READY, {"EHLO me", NULL}},
        {SMTP_STATE_MAIL, {"EHLO me", "MAIL FROM:<a@b.test>", NULL}},
        {SMTP_STATE_RCPT, {"EHLO me", "MAIL FROM:<a@b.test>", "RCPT TO:<a@b.test>", NULL}},
        {SMTP_STATE_QUIT, {"QUIT", NULL}},
    };
    static const char *const lines[SMTP_VERB__COUNT] = {
        [SMTP_VERB_UNKNOWN] = "FROB",      [SMTP_VERB_HELO] = "HELO x",
        [SMTP_VERB_EHLO] = "EHLO x",       [SMTP_VERB_LHLO] = "LHLO x",
        [SMTP_VERB_MAIL] = "MAIL FROM:<>", [SMTP_VERB_RCPT] = "RCPT TO:<a@b.test>",
        [SMTP_VERB_DATA] = "DATA",         [SMTP_VERB_BDAT] = "BDAT 0 LAST",
        [SMTP_VERB_RSET] = "RSET",         [SMTP_VERB_NOOP] = "NOOP",
        [SMTP_VERB_VRFY] = "VRFY a",       [SMTP_VERB_EXPN] = "EXPN a",
        [SMTP_VERB_HELP] = "HELP",         [SMTP_VERB_QUIT] = "QUIT",
        [SMTP_VERB_STARTTLS] = "STARTTLS", [SMTP_VERB_AUTH] = "AUTH LOGIN",
        [SMTP_VERB_ETRN] = "ETRN a",       [SMTP_VERB_XCLIENT] = "XCLIENT NAME=a",
    };
    static const char *const codes[SERVE__COUNT] = {
        [SERVE_DO] = NULL,          [SERVE_NEED_HELLO] = "503 ", [SERVE_NEED_MAIL] = "503 ",
        [SERVE_NEED_RCPT] = "554 ", [SERVE_NESTED] = "503 ",
    };
    const struct smtp_serve_options options = {NAME, .offer_starttls = true, .mechanisms = "LOGIN",
                                               .auth_in_clear = true};
    for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
        for (int v = 0; v < SMTP_VERB__COUNT; v++) {
            struct server s;
            if (!lines[v])
                continue;
            server_open(&s, &options);
            for (size_t l = 0; places[p].lines[l]; l++)
                ask_line(&s, places[p].lines[l]);
            assert_int_equal(smtp_track_state(s.kit.track), places[p].state);
            enum smtp_serve_cell cell = smtp_serve_table((enum smtp_verb)v, places[p].state);
            const char *got = ask_line(&s, lines[v]);
            if (cell == SERVE_SILENT)
                assert_string_equal(got, "");
            else if (codes[cell])
                assert_int_equal(strncmp(got, codes[cell], 4), 0);
            else
                assert_true(strncmp(got, "503 ", 4) != 0 && strlen(got) > 4);
            server_close(&s);
        }
    }
    for (int v = 0; v < SMTP_VERB__COUNT; v++) {
        for (int st = 0; st < SMTP_STATE__COUNT; st++) {
            enum smtp_serve_cell cell = smtp_serve_table((enum smtp_verb)v, (enum smtp_state)st);
            assert_in_range(cell, 0, SERVE__COUNT - 1);
            if (st == SMTP_STATE_QUIT || st == SMTP_STATE_CLOSED || st == SMTP_STATE_TLS)
                assert_int_equal(cell, SERVE_SILENT);
        }
    }
}

static void answers_are_safe(void **state)
{
    (void)state;
    struct smtp_answer a;
    char longer[2000];
    smtp_answer_init(&a);
    smtp_answer_line(&a, 250, "2.0.0", "a%cb\r\n250 c", 0);
    assert_int_equal(a.text.len, 22);
    assert_memory_equal(a.text.ptr, "250 2.0.0 a?b??250 c\r\n", 22);
    buf_reset(&a.text);
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    smtp_answer_line(&a, 250, "", "%s", longer);
    assert_int_equal(a.text.len, SMTP_REPLY_LINE_MAX_OCTETS);
    assert_memory_equal(a.text.ptr + a.text.len - 2, "\r\n", 2);
    assert_memory_equal(a.text.ptr, "250 xxx", 7);
    smtp_answer_deinit(&a);
}

static void timeout_says_421(void **state)
{
    (void)state;
    const struct smtp_serve_options options = {NAME};
    struct server s;
    struct smtp_answer a;
    server_open(&s, &options);
    smtp_answer_init(&a);
    smtp_serve_timeout(s.serve, &a);
    assert_int_equal(strncmp(buf_cstr(&a.text), "421 4.4.2", 9), 0);
    assert_int_equal(a.then, SMTP_THEN_CLOSE);
    smtp_answer_deinit(&a);
    server_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dialogues_go_as_written), cmocka_unit_test(what_is_offered),
        cmocka_unit_test(lines_that_are_none),     cmocka_unit_test(the_table_is_what_happens),
        cmocka_unit_test(answers_are_safe),        cmocka_unit_test(timeout_says_421),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
