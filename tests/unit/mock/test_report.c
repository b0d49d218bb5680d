/* What becomes of a message: delivery reports by NOTIFY, RET, ENVID and ORCPT, lists, LMTP's reply
 * for each recipient; who may log in how. */
#include "../client/world.h"

#include <unistd.h>

#include "base/base64.h"
#include "mock/report.h"

static struct mock_message message_at(struct world *w, size_t index)
{
    struct mock_message m;
    assert_true(mock_message_at(w->mock, index, &m));
    return m;
}

static bool holds(struct slice octets, const char *text)
{
    return slice_find(octets, slice_cstr(text)) >= 0;
}

static void ask(struct peer *p, const char *line, const char *answer)
{
    char text[600];
    snprintf(text, sizeof(text), "%s\r\n", line);
    peer_ask(p, text, answer);
}

/* ---- NOTIFY ---- */

static void notify_words(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool failed, delayed, delivered;
    } cases[] = {
        {"", true, false, false},        {"NEVER", false, false, false},
        {"SUCCESS", false, false, true}, {"failure", true, false, false},
        {"DELAY", false, true, false},   {"SUCCESS,FAILURE,DELAY", true, true, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned n = mock_notify_read(slice_cstr(cases[i].value));
        assert_int_equal(mock_notify_wants(n, MOCK_ACTION_FAILED), cases[i].failed);
        assert_int_equal(mock_notify_wants(n, MOCK_ACTION_DELAYED), cases[i].delayed);
        assert_int_equal(mock_notify_wants(n, MOCK_ACTION_DELIVERED), cases[i].delivered);
        assert_int_equal(mock_notify_wants(n, MOCK_ACTION_RELAYED), cases[i].delivered);
        assert_int_equal(mock_notify_wants(n, MOCK_ACTION_EXPANDED), cases[i].delivered);
        assert_false(mock_notify_wants(n, MOCK_ACTION_NONE));
    }
}

/* ---- reports ---- */

enum { RECIPIENTS = 3, NEEDLES = 8 };
static const struct {
    const char *mail, *rcpt[RECIPIENTS];
    size_t kept;                /* messages in all mailboxes afterwards */
    size_t reports;             /* of them */
    const char *holds[NEEDLES]; /* the last report; "!" in front: it does not */
} cases[] = {
    {.mail = "<alice@example.test>",
     .rcpt = {"<any+bounce@example.test>"},
     .kept = 1,
     .reports = 1,
     .holds = {"Final-Recipient: rfc822; any+bounce@example.test\r\nAction: failed\r\n"
               "Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\r\n",
               "Reporting-MTA: dns; mx.example.test\r\n", "Received-From-MTA: dns; me.test\r\n",
               "!Original-Envelope-Id", "!Original-Recipient",
               "Content-Type: text/rfc822-headers\r\n\r\nReturn-Path: <alice@", "!the body"}},
    {.mail = "<alice@example.test> RET=FULL ENVID=QQ+2B31",
     .rcpt = {"<any+bounce@example.test> ORCPT=rfc822;b+2Bc@d.test NOTIFY=FAILURE"},
     .kept = 1,
     .reports = 1,
     .holds = {"Original-Envelope-Id: QQ+31\r\n", "Original-Recipient: rfc822; b+c@d.test\r\n",
               "Content-Type: message/rfc822\r\n", "the body\r\n\r\n--"}},
    {.mail = "<alice@example.test> RET=HDRS",
     .rcpt = {"<any+bounce@example.test> NOTIFY=NEVER"},
     .kept = 0},
    {.mail = "<alice@example.test>",
     .rcpt = {"<any+bounce@example.test> NOTIFY=SUCCESS,DELAY"},
     .kept = 0},
    {.mail = "<>", .rcpt = {"<any+bounce@example.test> NOTIFY=FAILURE"}, .kept = 0},
    {.mail = "<nobody@example.test>", .rcpt = {"<any+bounce@example.test>"}, .kept = 0},
    {.mail = "<alice@example.test> RET=FULL",
     .rcpt = {"<bob@example.test> NOTIFY=SUCCESS"},
     .kept = 2,
     .reports = 1,
     .holds = {"Subject: Successful Mail Delivery Report\r\n",
               "Final-Recipient: rfc822; bob@example.test\r\nAction: delivered\r\nStatus: 2.0.0",
               "!Diagnostic-Code", "text/rfc822-headers", "!the body"}},
    {.mail = "<alice@example.test>", .rcpt = {"<bob@example.test> NOTIFY=FAILURE"}, .kept = 1},
    {.mail = "<alice@example.test>",
     .rcpt = {"<team@example.test> NOTIFY=SUCCESS"},
     .kept = 4,
     .reports = 1,
     .holds = {"Final-Recipient: rfc822; team@example.test\r\nAction: expanded"}},
    /* failures in one report, successes in another, and nothing of who did not ask */
    {.mail = "<alice@example.test>",
     .rcpt = {"<any+bounce@example.test>", "<bob@example.test> NOTIFY=SUCCESS,FAILURE",
              "<carol@example.test>"},
     .kept = 4,
     .reports = 2,
     .holds = {"bob@example.test\r\nAction: delivered", "!any+bounce", "!carol@example.test\r\nA"}},
    {.mail = "<alice@example.test>",
     .rcpt = {"<any+bounce@example.test>", "<other+bounce@example.test>"},
     .kept = 1,
     .reports = 1,
     .holds = {"Final-Recipient: rfc822; any+bounce@", "Final-Recipient: rfc822; other+bounce@"}},
    {.mail = "<alice@example.test> SMTPUTF8",
     .rcpt = {"<b\xc3\xb6+bounce@example.test>"},
     .kept = 1,
     .reports = 1,
     .holds = {"Content-Type: message/global-delivery-status\r\n",
               "Final-Recipient: utf-8; b\xc3\xb6+bounce@example.test\r\n",
               "Content-Type: message/global-headers"}},
};

static void send_case(struct world *w, size_t i)
{
    struct peer p;
    char line[300];
    peer_open(&p, w, MOCK_SMTP, NULL);
    peer_expect(&p, "220 ");
    ask(&p, "EHLO me.test", "250 HELP");
    snprintf(line, sizeof(line), "MAIL FROM:%s", cases[i].mail);
    ask(&p, line, "250 2.1.0");
    for (size_t r = 0; r < RECIPIENTS && cases[i].rcpt[r]; r++) {
        snprintf(line, sizeof(line), "RCPT TO:%s", cases[i].rcpt[r]);
        ask(&p, line, "250 2.1.5");
    }
    ask(&p, "DATA", "354 ");
    peer_ask(&p, "Subject: x\r\n\r\nthe body\r\n.\r\n", "250 2.0.0 Ok: kept as");
    peer_close(&p);
}

static void reports(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world w;
        size_t n_reports = 0;
        struct mock_message last = {0};
        world_open(&w, NULL, NULL);
        send_case(&w, i);
        assert_int_equal(mock_message_count(w.mock), cases[i].kept);
        for (size_t m = 0; m < cases[i].kept; m++) {
            struct mock_message at = message_at(&w, m);
            if (holds(at.octets, "multipart/report")) {
                n_reports++;
                last = at;
                assert_string_equal(at.mailbox, "alice");
                assert_string_equal(at.from, "");
            }
        }
        assert_int_equal(n_reports, cases[i].reports);
        for (size_t h = 0; h < NEEDLES && cases[i].holds[h]; h++) {
            const char *needle = cases[i].holds[h];
            bool not = needle[0] == '!';
            last = n_reports ? message_at(&w, last.number - message_at(&w, 0).number) : last;
            if (holds(last.octets, needle + not ) == not )
                fail_msg("case %zu: \"%s\" in\n%.*s", i, needle, SLICE_ARG(last.octets));
        }
        world_close(&w);
    }
}

/* Nothing of a peer can begin a header line, an entity or a field of its own. */
static void reports_are_safe(void **state)
{
    (void)state;
    const struct mock_report_recipient r = {.address = "a@b.test",
                                            .original = "rfc822;x+0D+0AAction: delivered",
                                            .status = "5.0.0",
                                            .diagnostic = "550 no\r\nAction: delivered",
                                            .action = MOCK_ACTION_FAILED};
    const struct mock_report report = {.name = "mx",
                                       .domain = "d",
                                       .date = "now",
                                       .arrived = "now",
                                       .to = "a@b.test",
                                       .from_mta = "x\r\nBcc: y",
                                       .envid = "e+0D+0AX: y+00",
                                       .id = "P1",
                                       .message = SLICE_LIT("Subject: x\r\n\r\nb\xff\r\n"),
                                       .recipients = &r,
                                       .n_recipients = 1,
                                       .full = true};
    struct buf out;
    buf_init(&out, 65536);
    mock_report_write(&report, &out);
    assert_false(holds(buf_slice(&out), "\nAction: delivered"));
    assert_false(holds(buf_slice(&out), "\nBcc"));
    assert_false(holds(buf_slice(&out), "\nX: y"));
    assert_true(holds(buf_slice(&out), "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: "
                                       "8bit\r\n"));
    buf_deinit(&out);
}

/* ---- LMTP ---- */

static void a_reply_for_each(void **state)
{
    (void)state;
    struct world w;
    struct peer p;
    world_open(&w, NULL, NULL);
    peer_open(&p, &w, MOCK_LMTP, NULL);
    peer_expect(&p, "220 mx.example.test LMTP");
    ask(&p, "EHLO me", "500 5.5.1");
    ask(&p, "LHLO me", "250 HELP");
    ask(&p, "MAIL FROM:<alice@example.test>", "250 2.1.0");
    ask(&p, "RCPT TO:<bob@example.test>", "250 2.1.5");
    ask(&p, "RCPT TO:<carol+552.dot@example.test>", "250 2.1.5");
    ask(&p, "RCPT TO:<nobody@example.test>", "550 5.1.1");
    ask(&p, "RCPT TO:<any+bounce@example.test>", "250 2.1.5");
    ask(&p, "DATA", "354 ");
    peer_ask(&p, "hi\r\n.\r\n",
             "250 2.0.0 <bob@example.test> kept as P000001\r\n"
             "552 5.2.2 <carol+552.dot@example.test>: as the address asks\r\n"
             "250 2.0.0 <any+bounce@example.test> kept as P000001\r\n");
    assert_int_equal(mock_message_count(w.mock), 2); /* bob's, and the report to alice */
    assert_true(holds(message_at(&w, 0).octets, "with LMTP id P000001"));
    assert_string_equal(message_at(&w, 1).mailbox, "alice");
    ask(&p, "NOOP", "250 2.0.0");
    peer_close(&p);
    world_close(&w);
}

static void lmtp_can_end_at_the_dot(void **state)
{
    (void)state;
    struct world w;
    struct peer p;
    world_open(&w, NULL, NULL);
    peer_open(&p, &w, MOCK_LMTP, NULL);
    peer_expect(&p, "220 ");
    ask(&p, "LHLO me", "250 HELP");
    ask(&p, "MAIL FROM:<>", "250 2.1.0");
    ask(&p, "RCPT TO:<bob@example.test>", "250 2.1.5");
    ask(&p, "RCPT TO:<any+drop.dot@example.test>", "250 2.1.5");
    ask(&p, "DATA", "354 ");
    peer_say(&p, "hi\r\n.\r\n");
    peer_expect_down(&p);
    peer_close(&p);
    world_close(&w);
}

/* A rule says one thing, and it is said to each. */
static void rules_speak_to_each(void **state)
{
    (void)state;
    static const char *const rules[][2] = {
        {"dot reply 452 4.2.2 full", "452 4.2.2 full\r\n452 4.2.2 full\r\n"},
        {"dot discard", "250 2.0.0 Ok"},
    };
    for (int i = 0; i < 2; i++) {
        struct world w;
        struct peer p;
        struct err err = {0};
        world_open(&w, NULL, NULL);
        if (!mock_rule_add(w.mock, slice_cstr(rules[i][0]), &err))
            fail_msg("%s", err.text);
        peer_open(&p, &w, MOCK_LMTP, NULL);
        peer_expect(&p, "220 ");
        ask(&p, "LHLO me", "250 HELP");
        ask(&p, "MAIL FROM:<>", "250 2.1.0");
        ask(&p, "RCPT TO:<alice@example.test>", "250 2.1.5");
        ask(&p, "RCPT TO:<bob@example.test>", "250 2.1.5");
        ask(&p, "DATA", "354 ");
        ask(&p, ".", rules[i][1]);
        if (i == 1)
            peer_expect(&p, "250 2.0.0 Ok"); /* the second */
        ask(&p, "VRFY bob", "250 2.1.5 <bob@");
        assert_int_equal(mock_message_count(w.mock), 0);
        peer_close(&p);
        world_close(&w);
    }
}

static bool something_came(void *ctx)
{
    return mock_message_count(((struct world *)ctx)->mock) == 2;
}

/* RFC 4865: kept back, then delivered; the report of it comes then, too. */
static void held_for_later(void **state)
{
    (void)state;
    struct world w;
    struct peer p;
    struct err err = {0};
    struct tls_client *tls =
        tls_client_new(&(struct tls_client_options){.verify = VERIFY_NONE}, &err);
    world_open(&w, NULL, &(struct mock_options){.hurry = 1000});
    peer_open(&p, &w, MOCK_SUBMISSION, NULL);
    peer_hello(&p);
    ask(&p, "STARTTLS", "220 ");
    link_start_tls_client(p.link, tls, TLS_VIA_STARTTLS);
    assert_true(world_run(&w, peer_is_tls, &p));
    ask(&p, "EHLO me", "FUTURERELEASE 604800 ");
    peer_expect(&p, "250 HELP");
    ask(&p, "AUTH PLAIN AGFsaWNlAHNlY3JldA==", "235 ");
    ask(&p, "MAIL FROM:<alice@example.test> HOLDFOR=60", "250 ");
    ask(&p, "RCPT TO:<bob@example.test> NOTIFY=SUCCESS", "250 ");
    ask(&p, "DATA", "354 ");
    ask(&p, ".", "250 ");
    assert_int_equal(mock_message_count(w.mock), 0);
    assert_true(world_run(&w, something_came, &w));
    assert_string_equal(message_at(&w, 0).from, "alice@example.test");
    peer_close(&p);
    world_close(&w);
    tls_client_free(&tls);
}

/* ---- who is who ---- */

static void auth(struct peer *p, const char *mechanism, struct slice initial, const char *answer)
{
    struct buf line;
    buf_init(&line, 2000);
    buf_printf(&line, "AUTH %s ", mechanism);
    base64_encode(&line, initial);
    ask(p, buf_cstr(&line), answer);
    buf_deinit(&line);
}

static void logins(void **state)
{
    (void)state;
    static const struct {
        const char *mechanism, *initial, *answer;
        const char *relay; /* reply to a recipient elsewhere */
    } table[] = {
        {"OAUTHBEARER", "n,a=alice,\1auth=Bearer token-alice\1\1", "235 ", "250 "},
        {"OAUTHBEARER", "n,a=bob@example.test,\1auth=Bearer token-bob\1\1", "235 ", "250 "},
        {"OAUTHBEARER", "n,,\1auth=Bearer token-carol\1\1", "235 ", "250 "},
        {"OAUTHBEARER", "n,a=bob,\1auth=Bearer token-alice\1\1", "334 eyJ", NULL},
        {"OAUTHBEARER", "n,,\1auth=Bearer token-postmaster\1\1", "334 eyJ", NULL},
        {"XOAUTH2", "user=alice\1auth=Bearer token-alice\1\1", "235 ", "250 "},
        {"XOAUTH2", "user=alice\1auth=Bearer alice\1\1", "334 eyJ", NULL},
        {"ANONYMOUS", "guest", "235 ", "550 5.7.1"},
        {"EXTERNAL", "alice", "504 ", NULL},
    };
    struct err err = {0};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct world w;
        struct peer p;
        world_open(&w, NULL, NULL);
        peer_open(&p, &w, MOCK_SMTP, NULL);
        peer_hello(&p);
        ask(&p, "STARTTLS", "220 2.0.0");
        struct tls_client *tls =
            tls_client_new(&(struct tls_client_options){.verify = VERIFY_NONE}, &err);
        link_start_tls_client(p.link, tls, TLS_VIA_STARTTLS);
        assert_true(world_run(&w, peer_is_tls, &p));
        ask(&p, "EHLO me", "250-AUTH SCRAM-SHA-256-PLUS ");
        peer_expect(&p, "250 HELP");
        auth(&p, table[i].mechanism, slice_cstr(table[i].initial), table[i].answer);
        if (table[i].relay) {
            ask(&p, "MAIL FROM:<alice@example.test>", "250 ");
            ask(&p, "RCPT TO:<x@elsewhere.test>", table[i].relay);
        }
        peer_close(&p);
        world_close(&w);
        tls_client_free(&tls);
    }
}

static void questions(void **state)
{
    (void)state;
    static const char *const lines[][2] = {
        {"EXPN team", "250-2.1.5 <alice@example.test>\r\n250-2.1.5 <bob@example.test>\r\n"
                      "250 2.1.5 <carol@example.test>\r\n"},
        {"EXPN <team@example.test>", "250-2.1.5 <alice@"},
        {"EXPN alice", "550 5.1.1"},
        {"EXPN team@elsewhere.test", "550 5.1.1"},
        {"VRFY team", "250 2.1.5 <team@example.test>"},
        {"VRFY bob SMTPUTF8", "250 2.1.5 <bob@example.test>"},
        {"ETRN example.test", "251 2.0.0"},
        {"ETRN @example.test", "251 2.0.0"},
        {"ETRN elsewhere.test", "459 4.7.1"},
    };
    struct world w;
    struct peer p;
    world_open(&w, NULL, NULL);
    peer_open(&p, &w, MOCK_SMTP, NULL);
    peer_hello(&p);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        ask(&p, lines[i][0], lines[i][1]);
    peer_close(&p);
    world_close(&w);
}

static void xclient_is_believed(void **state)
{
    (void)state;
    struct world w;
    struct peer p;
    world_open(&w, NULL, &(struct mock_options){.xclient = true});
    peer_open(&p, &w, MOCK_SMTP, NULL);
    peer_hello(&p);
    ask(&p, "XCLIENT ADDR=IPV6:2001:db8::7 HELO=far.test LOGIN=alice PROTO=ESMTP", "220 mx");
    ask(&p, "EHLO proxy.test", "250 HELP");
    ask(&p, "MAIL FROM:<alice@example.test>", "250 ");
    ask(&p, "RCPT TO:<x@elsewhere.test>", "250 ");
    ask(&p, "DATA", "354 ");
    ask(&p, ".", "250 ");
    assert_true(holds(message_at(&w, 0).octets,
                      "from proxy.test ([IPv6:2001:db8::7])\r\n\tby mx.example.test (smtpscope) "
                      "with ESMTPA id"));
    peer_close(&p);
    world_close(&w);
}

static bool is_up(void *ctx)
{
    return ((struct peer *)ctx)->up;
}

/* The header may come in pieces, with more behind it, and before TLS. */
static void proxy_headers(void **state)
{
    (void)state;
    struct world w;
    struct peer p;
    struct err err = {0};
    world_open(&w, NULL, &(struct mock_options){.proxy = true});
    struct net_address at = world_listen(&w, MOCK_SMTP);
    peer_open(&p, &w, MOCK_SMTP, &at);
    assert_true(world_run(&w, is_up, &p));
    peer_say(&p, "PROXY TCP4 192.0.2.9 127.0.0.1 ");
    peer_ask(&p, "5 25\r\n", "220 ");
    ask(&p, "EHLO me", "250 HELP");
    ask(&p, "MAIL FROM:<>", "250 ");
    ask(&p, "RCPT TO:<bob@example.test>", "250 ");
    ask(&p, "DATA", "354 ");
    ask(&p, ".", "250 ");
    assert_true(holds(message_at(&w, 0).octets, "from me ([192.0.2.9])"));
    peer_close(&p);
    peer_open(&p, &w, MOCK_SMTP, &at);
    assert_true(world_run(&w, is_up, &p));
    peer_say(&p, "EHLO stranger\r\n");
    peer_expect_down(&p);
    assert_int_equal(p.got.len, 0);
    peer_close(&p);
    at = world_listen(&w, MOCK_SUBMISSIONS);
    peer_open(&p, &w, MOCK_SUBMISSIONS, &at);
    assert_true(world_run(&w, is_up, &p));
    struct tls_client *tls =
        tls_client_new(&(struct tls_client_options){.verify = VERIFY_NONE}, &err);
    peer_say(&p, "PROXY UNKNOWN\r\n");
    link_start_tls_client(p.link, tls, TLS_VIA_IMPLICIT);
    assert_true(world_run(&w, peer_is_tls, &p));
    peer_expect(&p, "220 ");
    peer_close(&p);
    world_close(&w);
    tls_client_free(&tls);
}

/* RFC 4422 appendix A: the identity comes from the certificate. */
static void external_by_certificate(void **state)
{
    (void)state;
    char path[] = "/tmp/smtpscope-client-XXXXXX";
    struct world w;
    struct peer p;
    struct err err = {0};
    struct buf pem;
    buf_init(&pem, 16384);
    world_open(&w, NULL, &(struct mock_options){.client_certs = true});
    assert_true(mock_client_pem(w.mock, "alice", &pem));
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, pem.ptr, pem.len) == (ssize_t)pem.len);
    close(fd);
    struct tls_client *tls = tls_client_new(
        &(struct tls_client_options){.verify = VERIFY_NONE, .cert_file = path, .key_file = path},
        &err);
    assert_non_null(tls);
    peer_open(&p, &w, MOCK_SMTP, NULL);
    peer_hello(&p);
    ask(&p, "STARTTLS", "220 ");
    link_start_tls_client(p.link, tls, TLS_VIA_STARTTLS);
    assert_true(world_run(&w, peer_is_tls, &p));
    ask(&p, "EHLO me", " EXTERNAL ");
    peer_expect(&p, "250 HELP");
    ask(&p, "AUTH EXTERNAL Ym9i", "535 ");
    ask(&p, "AUTH EXTERNAL =", "235 ");
    peer_close(&p);
    world_close(&w);
    tls_client_free(&tls);
    unlink(path);
    buf_deinit(&pem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notify_words),
        cmocka_unit_test(reports),
        cmocka_unit_test(reports_are_safe),
        cmocka_unit_test(a_reply_for_each),
        cmocka_unit_test(lmtp_can_end_at_the_dot),
        cmocka_unit_test(rules_speak_to_each),
        cmocka_unit_test(held_for_later),
        cmocka_unit_test(logins),
        cmocka_unit_test(questions),
        cmocka_unit_test(xclient_is_believed),
        cmocka_unit_test(proxy_headers),
        cmocka_unit_test(external_by_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
