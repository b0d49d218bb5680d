/* Two sessions compared: what is the same although it differs, and what is named as the cause. */
#include <jansson.h>

#include "report/diff.h"
#include "world.h"

static const char plain[] = "/open practice\n"
                            "EHLO client.example.net\n"
                            "MAIL FROM:<ann@example.net>\n"
                            "RCPT TO:<bob@example.test>\n"
                            "DATA\n"
                            "Date: Mon, 23 Nov 2026 10:00:00 +0000\n"
                            "Message-ID: <a.1@x.example>\n"
                            "Subject: hello\n"
                            "\n"
                            "text\n"
                            ".\n"
                            "QUIT\n";
static const char with_tls[] = "/open practice\n"
                               "EHLO client.example.net\n"
                               "STARTTLS\n"
                               "expect event tls_up 20\n"
                               "EHLO client.example.net\n"
                               "MAIL FROM:<ann@example.net>\n"
                               "RCPT TO:<bob@example.test>\n"
                               "QUIT\n";

struct pair {
    struct journal *a, *b;
    struct diff diff;
    char *text;
};

static void compare(struct pair *p, const char *a, const char *b)
{
    const struct diff_options options = {.name_a = "a.jsonl", .name_b = "b.jsonl"};
    struct err err;
    size_t size;
    p->a = world_read(a);
    p->b = world_read(b);
    assert_true(diff_sessions(p->a, p->b, &options, &p->diff, &err));
    FILE *to = open_memstream(&p->text, &size);
    diff_print(&p->diff, to);
    fclose(to);
}

static void done(struct pair *p)
{
    diff_deinit(&p->diff);
    journal_free(&p->a);
    journal_free(&p->b);
    free(p->text);
}

static void says(const struct pair *p, const char *part)
{
    if (!strstr(p->text, part))
        fail_msg("\"%s\" is not in:\n%s", part, p->text);
}

/* Another day, another id, another client: the same session. */
static void test_same_twice(void **state)
{
    (void)state;
    static const char other[] = "/open practice\n"
                                "EHLO other.example.net\n"
                                "MAIL FROM:<ann@example.net>\n"
                                "RCPT TO:<bob@example.test>\n"
                                "DATA\n"
                                "Date: Tue, 24 Nov 2026 11:22:33 +0100\n"
                                "Message-ID: <b.22@y.example>\n"
                                "Subject: hello\n"
                                "\n"
                                "text\n"
                                ".\n"
                                "QUIT\n";
    char *a = world_record(plain), *b = world_record(other);
    char *c = world_replace(b, "kept as P000001", "kept as Q47XYZ1");
    struct pair p;
    compare(&p, a, c);
    if (!p.diff.same)
        fail_msg("%s", p.text);
    says(&p, "none: the sessions are the same");
    says(&p, "Ignored as noise: ");
    says(&p, "dates and times");
    says(&p, "queue ids");
    says(&p, "the client's name and address");
    done(&p);
    mem_free(a);
    mem_free(b);
    mem_free(c);
}

/* Each line of the table: what is changed in B's recording, and what is said of it. */
static const struct {
    const char *from, *to;
    size_t differences;
    unsigned aspects;
    const char *says;
} changed[] = {
    {"\\nSMTPUTF8", "", 2, DIFF_CAPS, " A   offered only here: SMTPUTF8"},
    {"TLSv1.3", "TLSv1.2", 1, DIFF_TLS, "~ B = TLSv1.2"},
    {"\"x25519\"", "\"secp256r1\"", 1, DIFF_TLS, "~ A = TLSv1.3 TLS_AES_256_GCM_SHA384 x25519"},
    {"\"ok\":1,\"name\"", "\"ok\":0,\"name\"", 1, DIFF_CERT, "certificate NOT verified"},
    {"\"code\":250,\"enhanced\":\"2.1.5\"", "\"code\":450,\"enhanced\":\"4.2.0\"", 1, DIFF_CODE,
     "~ B S 450 4.2.0"},
    {"FROM:<ann@example.net>", "FROM:<bea@example.net>", 1, DIFF_COMMAND,
     "~ B C MAIL FROM:<bea@example.net>"},
    {"ESMTP smtpscope practice", "ESMTP smtpscope pretence", 1, DIFF_TEXT, "practice server"},
};

static void test_changes_are_named(void **state)
{
    (void)state;
    char *a = world_record(with_tls);
    for (size_t i = 0; i < sizeof(changed) / sizeof(*changed); i++) {
        char *b = world_replace(a, changed[i].from, changed[i].to);
        struct pair p;
        unsigned aspects = 0;
        compare(&p, a, b);
        for (size_t r = 0; r < p.diff.n_rows; r++)
            aspects |= p.diff.rows[r].aspects;
        if (p.diff.differences != changed[i].differences || aspects != changed[i].aspects)
            fail_msg("%s: %zu differences, aspects %u\n%s", changed[i].from, p.diff.differences,
                     aspects, p.text);
        says(&p, changed[i].says);
        done(&p);
        mem_free(b);
    }
    mem_free(a);
}

#define HELLO "/open practice\nEHLO client.example.net\n"
#define TLS   "STARTTLS\nexpect event tls_up 20\nEHLO client.example.net\n"
#define MAIL  "MAIL FROM:<ann@example.net>\n"

static const struct {
    const char *a, *b;
    const char *says; /* on the line that explains */
    const char *mark;
} outcomes[] = {
    {HELLO MAIL "RCPT TO:<bob@example.test>\nQUIT\n",
     HELLO MAIL "RCPT TO:<any+550@example.test>\nQUIT\n", "outcome: the client asked differently",
     ">~ A C RCPT TO:<bob@example.test>"},
    {HELLO MAIL "RCPT TO:<stranger@example.org>\nQUIT\n",
     HELLO TLS MAIL "RCPT TO:<stranger@example.org>\nQUIT\n", "outcome: ", NULL},
    {HELLO MAIL "RCPT TO:<bob@example.test>\nQUIT\n",
     HELLO MAIL "RCPT TO:<bob@example.test>\nRCPT TO:<any+550@example.test>\nQUIT\n",
     "outcome: a recipient was named only in B", ">+ B C RCPT TO:<any+550@example.test>"},
    {HELLO MAIL "QUIT\n", HELLO MAIL "QUIT\n", "outcome: none: the sessions are the same", NULL},
    {HELLO MAIL "QUIT\n", HELLO MAIL "NOOP\nQUIT\n", "outcome: none: the outcome is the same",
     " + B C NOOP"},
};

static void test_outcomes_are_explained(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++) {
        char *a = world_record(outcomes[i].a), *b = world_record(outcomes[i].b);
        struct pair p;
        compare(&p, a, b);
        says(&p, outcomes[i].says);
        if (outcomes[i].mark)
            says(&p, outcomes[i].mark);
        done(&p);
        mem_free(a);
        mem_free(b);
    }
}

/* The server's own answer explains where nothing before it differs; a login goes before that. */
static void test_answer_and_login(void **state)
{
    (void)state;
    char *a = world_record(HELLO MAIL "RCPT TO:<bob@example.test>\nQUIT\n");
    char *b = world_replace(a, "\"code\":250,\"enhanced\":\"2.1.5\"",
                            "\"code\":450,\"enhanced\":\"4.2.0\"");
    struct pair p;
    compare(&p, a, b);
    says(&p, "outcome: to the same RCPT the server answered A 250 2.1.5");
    says(&p, ">~ B S 450 4.2.0");
    done(&p);

    struct world w;
    world_init(&w);
    settings_set(w.settings, SETTING_ID_user, "alice", NULL);
    settings_set(w.settings, SETTING_ID_password_command, "echo secret", NULL);
    world_run(&w, HELLO TLS "/auth\nexpect code 235\n" MAIL "RCPT TO:<bob@example.test>\nQUIT\n");
    char *login = world_recording(w.journal);
    world_deinit(&w);
    char *c = world_record(HELLO TLS MAIL "RCPT TO:<bob@example.test>\nQUIT\n");
    char *refused = world_replace(c, "\"code\":250,\"enhanced\":\"2.1.5\"",
                                  "\"code\":450,\"enhanced\":\"4.2.0\"");
    compare(&p, refused, login);
    says(&p, "outcome: AUTH happened only in B (likely)");
    assert_null(strstr(p.text, "c2VjcmV0"));
    done(&p);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(login);
    mem_free(refused);
}

static void test_json(void **state)
{
    (void)state;
    char *a = world_record(with_tls), *b = world_replace(a, "TLSv1.3", "TLSv1.2"), *text;
    struct pair p;
    size_t size;
    compare(&p, a, b);
    FILE *to = open_memstream(&text, &size);
    diff_print_json(&p.diff, to);
    fclose(to);
    json_t *root = json_loads(text, 0, NULL);
    if (!root)
        fail_msg("%s", text);
    assert_true(json_is_false(json_object_get(root, "same")));
    const json_t *list = json_object_get(root, "differences");
    assert_int_equal(json_array_size(list), 1);
    const json_t *one = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(one, "step")), "TLS handshake");
    assert_string_equal(json_string_value(json_array_get(json_object_get(one, "aspects"), 0)),
                        "tls");
    json_decref(root);
    free(text);
    done(&p);
    mem_free(a);
    mem_free(b);
}

static const struct {
    const char *line, *clean;
} noises[] = {
    {"2.0.0 Ok: queued as 4Tq1Yz3kVdz9", "2.0.0 Ok: queued as <id>"},
    {"OK id=1rAbCd-0003xY-2Z", "OK id=<id>"},
    {"queued as DEADBEEF", "queued as <id>"},
    {"mx1.example.org ESMTP Postfix", "mx1.example.org ESMTP Postfix"},
    {"mx ESMTP; Mon, 23 Nov 2026 21:17:53 +0000 (UTC)", "mx ESMTP; <date>)"},
    {"at 23 Nov 2026 21:17", "at <date>"},
    {"2026-11-23T18:02:11.000123Z now", "<date> now"},
    {"<bob@example.test>: no such user", "<bob@example.test>: no such user"},
    {"<any+550@example.test>: refused", "<any+550@example.test>: refused"},
    {"MAIL FROM:<a@b.example> SIZE=1843 BODY=8BITMIME",
     "MAIL FROM:<a@b.example> SIZE=<size> BODY=8BITMIME"},
    {"message of 12 octets", "message of <size> octets"},
    {"Hello client.example.net [192.0.2.7]", "Hello <client> [<client>]"},
    {"AUTH PLAIN ************", "AUTH PLAIN <secret>"},
    {"id <20261123.12345@host.example>", "id <<message-id>>"},
    {"TLSv1.3 or 8BITMIME, wait 10 minutes", "TLSv1.3 or 8BITMIME, wait 10 minutes"},
    {"[UIDVALIDITY 1795638056] UIDs hold", "[UIDVALIDITY <uid>] UIDs hold"},
    {"[APPENDUID 1795 12] done", "[APPENDUID <uid> <uid>] done"},
    {"* 23 EXISTS", "* 23 EXISTS"},
    {"4.7.1 try again in 300 seconds", "4.7.1 try again in 300 seconds"},
    {"", ""},
    {"...", "..."},
};

static void test_noise(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(noises) / sizeof(*noises); i++) {
        struct buf out;
        unsigned seen = 0;
        buf_init(&out, 4096);
        noise_normalise(slice_cstr(noises[i].line), SLICE_LIT("client.example.net"),
                        SLICE_LIT("192.0.2.7"), &out, &seen);
        if (strcmp(buf_cstr(&out), noises[i].clean) != 0)
            fail_msg("%s: %s", noises[i].line, buf_cstr(&out));
        assert_int_equal(seen != 0, strcmp(noises[i].line, noises[i].clean) != 0);
        buf_deinit(&out);
    }
}

/* POP3 and IMAP: tags, UIDVALIDITY and the next UID differ from day to day; statuses do not. */
static const struct {
    const char *a, *b;
    bool same;
    const char *says[6];
} mailbox[] = {
    {"/open imap://practice\nx1 LOGIN bob secret\nx2 SELECT INBOX\nx3 LOGOUT\n",
     "/open imap://practice\nt7 LOGIN bob secret\nt8 SELECT INBOX\nt9 LOGOUT\n",
     true,
     {"logged in, nothing was refused", "C x2 SELECT INBOX\n     S * FLAGS", "S * 0 EXISTS\n",
      "S OK [READ-WRITE] SELECT done\n     C x3 LOGOUT\n     S BYE ",
      "none: the sessions are the same"}},
    {"/open imap://practice\nx1 LOGIN bob secret\nx2 SELECT INBOX\nx3 LOGOUT\n",
     "/open imap://practice\nx1 LOGIN bob secret\nx2 SELECT Missing\nx3 LOGOUT\n",
     false,
     {"NO at SELECT", "~ A C x2 SELECT INBOX\n", "~ B C x2 SELECT Missing\n", "~ B S NO ",
      "the client asked differently: A x2 SELECT INBOX, B x2 SELECT Missing"}},
    {"/open imap://practice\nx1 LOGIN bob secret\nx2 SELECT INBOX\nx3 LOGOUT\n",
     "/open imap://practice\nx2 SELECT INBOX\nx3 LOGOUT\n",
     false,
     {"BAD at SELECT", "- A C x1 LOGIN ****", "LOGIN happened only in A (likely)"}},
    {"/open pop3://practice\nUSER bob\nPASS secret\nSTAT\nLIST\nQUIT\n",
     "/open pop3://practice\nUSER bob\nPASS secret\nSTAT\nLIST\nQUIT\n",
     true,
     {"logged in, nothing was refused", "     C STAT\n     S +OK 0 0\n"}},
    {"/open practice\n/send --from ann@example.net --to bob@example.test\n"
     "/open pop3://practice\nUSER bob\nPASS secret\nRETR 1\nDELE 1\nQUIT\n",
     "/open practice\n/send --from ann@example.net --to bob@example.test\n"
     "/open pop3://practice\nUSER bob\nPASS secret\nRETR 1\nDELE 1\nQUIT\n",
     true,
     {"     C RETR 1\n     S +OK ", "     S (message, ", "     C DELE 1\n     S +OK"}},
    {"/open pop3://practice\nUSER bob\nPASS secret\nRETR 1\nQUIT\n",
     "/open pop3://practice\nUSER bob\nPASS wrong\nQUIT\n",
     false,
     {"-ERR at PASS", "~ A S +OK 0 messages", "~ B S -ERR"}},
};

static void test_mailbox_sessions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mailbox) / sizeof(*mailbox); i++) {
        char *a = world_record(mailbox[i].a), *b = world_record(mailbox[i].b);
        struct pair p;
        compare(&p, a, b);
        if (p.diff.same != mailbox[i].same)
            fail_msg("row %zu:\n%s", i, p.text);
        for (size_t k = 0; mailbox[i].says[k]; k++)
            says(&p, mailbox[i].says[k]);
        assert_null(strstr(p.text, "secret\n"));
        done(&p);
        mem_free(a);
        mem_free(b);
    }
}

static void test_no_connection(void **state)
{
    (void)state;
    struct journal *j = journal_new(clock_system());
    struct diff d;
    struct err err;
    const struct diff_options options = {.name_a = "a", .name_b = "b"};
    journal_note(j, 0, LEVEL_INFO, "alone", "", "");
    assert_false(diff_sessions(j, j, &options, &d, &err));
    assert_int_equal(err.domain, ERR_FORMAT);
    journal_free(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_twice),
        cmocka_unit_test(test_changes_are_named),
        cmocka_unit_test(test_outcomes_are_explained),
        cmocka_unit_test(test_answer_and_login),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_mailbox_sessions),
        cmocka_unit_test(test_no_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
