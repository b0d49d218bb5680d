/* The fold: a session's events in, what is known at each moment out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "decode/view.h"

struct fixture {
    struct clock_manual clock;
    struct journal *journal;
    uint32_t conn;
    struct view view;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    clock_manual_init(&f->clock, 1000, 0);
    f->journal = journal_new(&f->clock.clock);
    f->conn = journal_conn_new(f->journal);
    view_init(&f->view, 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    view_deinit(&f->view);
    journal_free(&f->journal);
    mem_free(f);
    return 0;
}

/* One command and its reply, as the tracker tells it; returns the REPLY's seq. */
static uint64_t step(struct fixture *f, const char *verb, const char *line, unsigned code,
                     const char *enhanced, const char *reply)
{
    struct journal *j = f->journal;
    uint64_t c = journal_stream_len(j, f->conn, DIR_C, LAYER_PLAIN), command = 0;
    uint64_t s = journal_stream_len(j, f->conn, DIR_S, LAYER_PLAIN);
    if (line[0]) {
        journal_append_octets(j, f->conn, DIR_C, LAYER_PLAIN, 0, false, slice_cstr(line), NULL, 0,
                              true);
        command = JOURNAL_APPEND(
            j, f->conn, COMMAND, 0, 0,
            (struct ev_command){.verb = slice_cstr(verb), .offset = c, .length = strlen(line)});
    }
    clock_manual_advance_ms(&f->clock, 3);
    journal_append_octets(j, f->conn, DIR_S, LAYER_PLAIN, 0, false, slice_cstr(reply), NULL, 0,
                          true);
    return JOURNAL_APPEND(j, f->conn, REPLY, 0, command,
                          (struct ev_reply){.code = code,
                                            .enhanced = slice_cstr(enhanced),
                                            .verb = slice_cstr(verb),
                                            .offset = s,
                                            .length = strlen(reply)});
}

static uint64_t envelope(struct fixture *f, enum event_envelope part, const char *path,
                         unsigned code)
{
    return JOURNAL_APPEND(
        f->journal, f->conn, ENVELOPE, 0, 0,
        (struct ev_envelope){.part = part, .path = slice_cstr(path), .code = code});
}

static void to_state(struct fixture *f, const char *to)
{
    JOURNAL_APPEND(f->journal, f->conn, STATE, 0, 0, (struct ev_state){.to = slice_cstr(to)});
}

static void view_now(struct fixture *f)
{
    view_at(&f->view, f->journal, f->conn, UINT64_MAX);
}

static uint64_t begin(struct fixture *f)
{
    JOURNAL_APPEND(f->journal, f->conn, LINK_TRY, 0, 0,
                   (struct ev_link_try){.address = SLICE_LIT("127.0.0.1:25")});
    JOURNAL_APPEND(f->journal, f->conn, LINK_UP, 0, 0,
                   (struct ev_link_up){.peer = SLICE_LIT("127.0.0.1:25"),
                                       .name = SLICE_LIT("mx.example"),
                                       .elapsed_us = 300});
    step(f, "CONNECT", "", 220, "", "220 mx.example ready\r\n");
    to_state(f, "greeted");
    uint64_t seq = step(f, "EHLO", "EHLO  me.example \r\n", 250, "",
                        "250-mx.example\r\n250-STARTTLS\r\n250 SIZE 10\r\n");
    JOURNAL_APPEND(f->journal, f->conn, CAPS, 0, seq,
                   (struct ev_caps){.list = SLICE_LIT("STARTTLS\nSIZE 10")});
    to_state(f, "ready");
    return seq;
}

static void test_greeting_and_hello(void **state)
{
    struct fixture *f = *state;
    begin(f);
    view_now(f);
    const struct view *v = &f->view;
    assert_int_equal(v->link, VIEW_LINK_UP);
    assert_int_equal(v->connect_us, 300);
    assert_string_equal(v->target, "mx.example");
    assert_string_equal(v->peer, "127.0.0.1:25");
    assert_string_equal(v->greeting, "mx.example ready");
    assert_string_equal(v->hello, "me.example");
    assert_string_equal(v->last_text, "mx.example STARTTLS SIZE 10");
    assert_int_equal(v->last_code, 250);
    assert_int_equal(v->last_verb, SMTP_VERB_EHLO);
    assert_int_equal(v->last_reply_us, 3000);
    assert_int_equal(v->n_rtt, 1);
    assert_int_equal(v->state, SMTP_STATE_READY);
    assert_int_equal(v->n_caps, 2);
    assert_string_equal(v->caps[1], "SIZE 10");
    assert_int_equal(v->octets[DIR_C], 19);
}

static void test_envelope_lives(void **state)
{
    struct fixture *f = *state;
    begin(f);
    step(f, "MAIL", "MAIL FROM:<a@b>\r\n", 250, "2.1.0", "250 2.1.0 ok\r\n");
    envelope(f, ENVELOPE_REVERSE_PATH, "<a@b>", 250);
    step(f, "MAIL", "MAIL FROM:<x@y>\r\n", 503, "5.5.1", "503 5.5.1 nested\r\n");
    envelope(f, ENVELOPE_REVERSE_PATH, "<x@y>", 503);
    for (int i = 0; i < 5; i++) {
        bool ok = i % 2;
        step(f, "RCPT", "RCPT TO:<c@d>\r\n", ok ? 250 : 450, ok ? "" : "4.2.0",
             ok ? "250 fine\r\n" : "450 4.2.0 later\r\n");
        envelope(f, ENVELOPE_FORWARD_PATH, "<c@d>", ok ? 250 : 450);
    }
    JOURNAL_APPEND(f->journal, f->conn, DATA_END, 0, 0, (struct ev_data_end){.content = 18});
    step(f, "DOT", "", 250, "2.0.0", "250 2.0.0 queued as 7\r\n");
    envelope(f, ENVELOPE_DELIVERED, "", 250);
    view_now(f);
    const struct view *v = &f->view;
    assert_string_equal(v->reverse_path, "<a@b>");
    assert_int_equal(v->reverse_code, 250);
    assert_int_equal(v->n_recipients, 5);
    assert_int_equal(v->recipients[4].code, 450);
    assert_string_equal(v->recipients[4].enhanced, "4.2.0");
    assert_string_equal(v->recipients[4].text, "later");
    assert_null(v->recipients[3].enhanced);
    assert_string_equal(v->recipients[3].text, "fine");
    assert_int_equal(v->content.content, 18);
    assert_int_equal(v->delivered_code, 250);
    assert_int_equal(v->messages, 1);
    assert_int_equal(v->last_verb, SMTP_VERB_DOT);
    assert_string_equal(v->last_text, "queued as 7");
    envelope(f, ENVELOPE_RESET, "", 0);
    view_now(f);
    assert_int_equal(v->n_recipients, 0);
    assert_null(v->reverse_path);
    assert_int_equal(v->messages, 1);
}

static void test_tls_voids_and_auth(void **state)
{
    struct fixture *f = *state;
    begin(f);
    JOURNAL_APPEND(f->journal, f->conn, TLS_START, 0, 0,
                   (struct ev_tls_start){.sni = SLICE_LIT("mx.example")});
    JOURNAL_APPEND(f->journal, f->conn, TLS_VERIFY, 0, 0,
                   (struct ev_tls_verify){.mode = VERIFY_FULL, .reason = SLICE_LIT("expired")});
    JOURNAL_APPEND(f->journal, f->conn, TLS_UP, 0, 0,
                   (struct ev_tls_up){.version = SLICE_LIT("TLSv1.3"), .bits = 256});
    view_now(f);
    const struct view *v = &f->view;
    assert_true(v->tls && v->verify_known);
    assert_false(v->verify_ok || v->tls_failed);
    assert_string_equal(v->verify_reason, "expired");
    assert_string_equal(v->tls_sni, "mx.example");
    assert_int_equal(v->n_caps, 0);
    assert_int_equal(v->n_caps_clear, 2);
    step(f, "AUTH", "AUTH PLAIN xyz\r\n", 535, "", "535 no\r\n");
    view_now(f);
    assert_false(v->authenticated);
    assert_string_equal(v->auth_mechanism, "PLAIN");
    step(f, "AUTH-DATA", "xyz\r\n", 235, "", "235 yes\r\n");
    view_now(f);
    assert_true(v->authenticated);
}

/* Event by event and anew give the same at every moment. */
static void test_at_any_moment(void **state)
{
    struct fixture *f = *state;
    struct view at;
    begin(f);
    step(f, "QUIT", "QUIT\r\n", 221, "2.0.0", "221 2.0.0 bye\r\n");
    JOURNAL_APPEND(f->journal, f->conn, LINK_DOWN, 0, 0,
                   (struct ev_link_down){.why = DOWN_EOF, .text = SLICE_LIT("x")});
    view_init(&at, f->conn);
    for (uint64_t seq = 1; seq <= journal_last(f->journal); seq++) {
        view_apply(&f->view, f->journal, journal_at(f->journal, seq));
        view_at(&at, f->journal, f->conn, seq);
        assert_int_equal(at.link, f->view.link);
        assert_int_equal(at.state, f->view.state);
        assert_int_equal(at.last_code, f->view.last_code);
        assert_int_equal(at.n_caps, f->view.n_caps);
        assert_int_equal(at.last_seq, seq);
    }
    assert_int_equal(f->view.conn, f->conn);
    assert_int_equal(at.link, VIEW_LINK_DOWN);
    assert_int_equal(at.down_why, DOWN_EOF);
    view_at(&at, f->journal, f->conn, 1);
    assert_int_equal(at.link, VIEW_LINK_CONNECTING);
    assert_int_equal(at.last_code, 0);
    view_deinit(&at);
}

static void test_others_are_ignored(void **state)
{
    struct fixture *f = *state;
    uint32_t inside = journal_conn_new(f->journal), other = journal_conn_new(f->journal);
    const struct ev_link_up up = {.peer = SLICE_LIT("x")};
    journal_append(f->journal, inside, EVENT_LINK_UP, EVENT_FLAG_BACKSTAGE, 0, &up);
    journal_append(f->journal, other, EVENT_LINK_TRY, 0, 0, &(struct ev_link_try){.attempt = 1});
    journal_append(f->journal, f->conn, EVENT_LINK_UP, 0, 0, &up);
    view_at(&f->view, f->journal, 0, UINT64_MAX);
    assert_int_equal(f->view.conn, other);
    assert_int_equal(f->view.link, VIEW_LINK_CONNECTING);
}

static void test_deviations_are_counted(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 900; i++) {
        char rule[16];
        int len = snprintf(rule, sizeof(rule), "rule-%u", i % 300);
        JOURNAL_APPEND(f->journal, f->conn, DEVIATION, 0, 0,
                       (struct ev_deviation){.rule = slice_of(rule, (size_t)len), .dir = DIR_S});
    }
    view_now(f);
    assert_int_equal(f->view.n_deviations, 256);
    assert_string_equal(f->view.deviations[255].rule, "rule-255");
    assert_int_equal(f->view.deviations[255].count, 3);
    assert_int_equal(f->view.deviations[255].seq, 256);
}

static void test_next_commands(void **state)
{
    struct fixture *f = *state;
    const char *names[20];
    begin(f);
    view_now(f);
    size_t n = view_next_commands(&f->view, names, 20);
    assert_true(n >= 3);
    assert_string_equal(names[0], "STARTTLS");
    assert_string_equal(names[1], "MAIL");
    assert_int_equal(view_next_commands(&f->view, names, 1), 1);
    to_state(f, "rcpt");
    view_now(f);
    n = view_next_commands(&f->view, names, 20);
    assert_string_equal(names[0], "DATA");
    assert_string_equal(names[1], "RCPT");
    JOURNAL_APPEND(f->journal, f->conn, LINK_DOWN, 0, 0, (struct ev_link_down){.why = DOWN_EOF});
    view_now(f);
    assert_int_equal(view_next_commands(&f->view, names, 20), 0);
}

/* ---- what it says ---- */

static void test_last_reply_is_explained(void **state)
{
    struct fixture *f = *state;
    struct explanation e;
    struct server server;
    struct buf page;
    JOURNAL_APPEND(f->journal, f->conn, LINK_UP, 0, 0,
                   (struct ev_link_up){.name = SLICE_LIT("relay.example:25")});
    step(f, "CONNECT", "", 220, "", "220 mx.example ESMTP Postfix\r\n");
    step(f, "RCPT", "RCPT TO:<a@b>\r\n", 550, "5.1.1",
         "550-5.1.1 <a@b>: Recipient address rejected: User unknown in\r\n"
         "550 5.1.1 local recipient table \x1b[2J\r\n");
    view_now(f);
    assert_int_equal(f->view.greeting_code, 220);
    assert_non_null(strstr(f->view.last_reply, "550-5.1.1 <a@b>"));
    assert_non_null(strstr(f->view.last_reply, "local recipient table"));
    view_server(&f->view, &server);
    assert_string_equal(server.software, "Postfix");
    assert_int_equal(server.sure, SERVER_CERTAIN);
    view_explain(&f->view, &e);
    assert_string_equal(e.provider, "Postfix");
    assert_true(e.provider_sure);
    assert_string_equal(e.meaning, "There is no such user in the tables of that server.");
    assert_int_equal(e.party, EXPLAIN_YOU);
    buf_init(&page, 65536);
    view_explain_print(&f->view, 0, &page);
    assert_non_null(strstr(buf_cstr(&page), "means    There is no such user in the tables of that server."));
    assert_null(strchr(buf_cstr(&page), '\x1b'));
    buf_deinit(&page);
    /* A refusal at once: the code of the greeting counts. */
    step(f, "CONNECT", "", 554, "", "554 SMTP service not available\r\n");
    view_now(f);
    view_server(&f->view, &server);
    assert_string_equal(server.software, "Exim");
}

static void tls_message(struct fixture *f, enum event_dir dir, unsigned content, unsigned type,
                        unsigned length)
{
    clock_manual_advance_ms(&f->clock, 2);
    JOURNAL_APPEND(f->journal, f->conn, TLS_MSG, 0, 0,
                   (struct ev_tls_msg){
                       .dir = dir, .content_type = content, .msg_type = type, .length = length});
}

static void test_handshake_lines(void **state)
{
    struct fixture *f = *state;
    struct buf line;
    JOURNAL_APPEND(f->journal, f->conn, TLS_START, 0, 0,
                   (struct ev_tls_start){.sni = SLICE_LIT("x")});
    tls_message(f, DIR_C, 22, 1, 316);
    tls_message(f, DIR_S, 22, 11, 2310);
    tls_message(f, DIR_S, 21, 0, 2);
    view_now(f);
    assert_int_equal(f->view.n_tls_messages, 3);
    assert_int_equal(f->view.tls_alert, VIEW_TLS_ALERT_NONE);
    buf_init(&line, 200);
    view_tls_message_text(&f->view, 0, &line);
    assert_string_equal(buf_cstr(&line), "     2.0 ms  C>  ClientHello, 316 octets");
    buf_reset(&line);
    view_tls_message_text(&f->view, 1, &line);
    assert_string_equal(buf_cstr(&line), "     4.0 ms  <S  Certificate, 2310 octets");
    buf_reset(&line);
    view_tls_message_text(&f->view, 3, &line);
    assert_int_equal(line.len, 0);
    buf_deinit(&line);
    JOURNAL_APPEND(f->journal, f->conn, TLS_ALERT, 0, 0,
                   (struct ev_tls_alert){.dir = DIR_S, .fatal = 1, .number = 48});
    for (unsigned i = 0; i < VIEW_TLS_MESSAGES_MAX; i++)
        tls_message(f, DIR_S, 22, 4, 100);
    view_now(f);
    assert_int_equal(f->view.tls_alert, 48);
    assert_int_equal(f->view.tls_alert_dir, DIR_S);
    assert_int_equal(f->view.n_tls_messages, VIEW_TLS_MESSAGES_MAX);
    assert_int_equal(f->view.tls_messages_more, 3);
    /* Another handshake begins with nothing. */
    JOURNAL_APPEND(f->journal, f->conn, TLS_START, 0, 0,
                   (struct ev_tls_start){.sni = SLICE_LIT("x")});
    view_now(f);
    assert_int_equal(f->view.n_tls_messages, 0);
    assert_int_equal(f->view.tls_messages_more, 0);
    assert_int_equal(f->view.tls_alert, VIEW_TLS_ALERT_NONE);
}

static void test_days_left(void **state)
{
    enum { DAY_S = 86400 };
    static const struct {
        int64_t until_s, now_s, days;
    } rows[] = {
        {10 * DAY_S, 0, 10},
        {10 * DAY_S - 1, 0, 9},
        {0, 0, 0},
        {0, 1, -1},
        {0, DAY_S, -1},
        {0, DAY_S + 1, -2},
        {INT64_MAX, INT64_MIN, INT64_MAX / DAY_S},
        {INT64_MIN, INT64_MAX, INT64_MIN / DAY_S - 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct view_cert c = {.not_after_s = rows[i].until_s};
        assert_true(view_cert_days_left(&c, rows[i].now_s) == rows[i].days);
    }
}

static void test_tlsa(void **state)
{
    struct view_cert c = {.subject = NULL};
    char tlsa[VIEW_TLSA_OCTETS];
    (void)state;
    view_cert_tlsa(&c, tlsa);
    assert_string_equal(tlsa, "");
    memset(c.spki_fingerprint, 'a', 64);
    view_cert_tlsa(&c, tlsa);
    assert_int_equal(strlen(tlsa), 70);
    assert_memory_equal(tlsa, "3 1 1 aaaa", 10);
}

/* ---- certificates ---- */

static size_t make_cert(uint8_t **der)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    ASN1_TIME_set_string(X509_getm_notBefore(cert), "20260101000000Z");
    ASN1_TIME_set_string(X509_getm_notAfter(cert), "20270101000000Z");
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const uint8_t *)"mx\x1b.example", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_EXTENSION *ext =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:mx.example,IP:127.0.0.1,IP:::1");
    X509_add_ext(cert, ext, -1);
    X509_sign(cert, key, EVP_sha256());
    *der = NULL;
    int len = i2d_X509(cert, der);
    assert_true(len > 0);
    X509_EXTENSION_free(ext);
    X509_free(cert);
    EVP_PKEY_free(key);
    return (size_t)len;
}

static void chain(struct fixture *f, struct slice der, unsigned depth)
{
    JOURNAL_APPEND(f->journal, f->conn, TLS_CHAIN, 0, 0,
                   (struct ev_tls_chain){.depth = depth, .der = der});
}

static void test_certificate(void **state)
{
    struct fixture *f = *state;
    uint8_t *der;
    size_t len = make_cert(&der);
    for (unsigned i = 0; i < 20; i++)
        chain(f, slice_of(der, len), i);
    view_now(f);
    assert_int_equal(f->view.n_certs, 16);
    const struct view_cert *c = &f->view.certs[0];
    assert_string_equal(c->subject, "CN=mx\\1B.example");
    assert_string_equal(c->issuer, c->subject);
    assert_string_equal(c->names, "mx.example 127.0.0.1 ::1");
    assert_int_equal(c->not_before_s, 1767225600);
    assert_int_equal(c->not_after_s, 1798761600);
    assert_string_equal(c->key, "EC P-256");
    assert_string_equal(c->signature, "ecdsa-with-SHA256");
    assert_int_equal(strlen(c->fingerprint), 64);
    assert_int_equal(strlen(c->spki_fingerprint), 64);
    chain(f, slice_of(der, len), 0);
    view_now(f);
    assert_int_equal(f->view.n_certs, 1);
    OPENSSL_free(der);
}

static void test_garbage_certificates(void **state)
{
    struct fixture *f = *state;
    uint8_t *der;
    size_t len = make_cert(&der);
    for (size_t i = 0; i < len; i++) {
        view_apply(
            &f->view, f->journal,
            (chain(f, slice_of(der, i), 0), journal_at(f->journal, journal_last(f->journal))));
        assert_int_equal(f->view.n_certs, 1);
        assert_null(f->view.certs[0].subject);
        der[i] ^= 0xff;
        view_apply(
            &f->view, f->journal,
            (chain(f, slice_of(der, len), 0), journal_at(f->journal, journal_last(f->journal))));
        assert_int_equal(strlen(f->view.certs[0].fingerprint), 64);
        der[i] ^= 0xff;
    }
    OPENSSL_free(der);
}

/* A copy knows the same, owns what it knows, and goes on as its original would. */
static void test_copies_go_on(void **state)
{
    struct fixture *f = *state;
    char path[40];
    begin(f);
    tls_message(f, DIR_C, 22, 1, 230);
    for (int i = 0; i < 9; i++) {
        snprintf(path, sizeof path, "<r%d@example>", i);
        envelope(f, ENVELOPE_FORWARD_PATH, path, i % 2 ? 550 : 250);
        JOURNAL_APPEND(f->journal, f->conn, DEVIATION, 0, 0,
                       (struct ev_deviation){.rule = slice_cstr(path), .note = SLICE_LIT("n")});
    }
    uint64_t last = journal_last(f->journal);
    for (uint64_t cut = 1; cut <= last; cut++) {
        struct view whole, part, copy;
        view_init(&whole, f->conn);
        view_init(&part, f->conn);
        view_init(&copy, 0);
        view_at(&whole, f->journal, f->conn, last);
        view_at(&part, f->journal, f->conn, cut);
        view_copy(&copy, &part);
        view_deinit(&part);
        for (uint64_t seq = cut + 1; seq <= last; seq++)
            view_apply(&copy, f->journal, journal_at(f->journal, seq));
        assert_int_equal(copy.n_recipients, whole.n_recipients);
        for (size_t i = 0; i < whole.n_recipients; i++)
            assert_string_equal(copy.recipients[i].path, whole.recipients[i].path);
        assert_int_equal(copy.n_deviations, whole.n_deviations);
        assert_string_equal(copy.deviations[8].rule, whole.deviations[8].rule);
        assert_int_equal(copy.n_caps, whole.n_caps);
        assert_string_equal(copy.caps[1], whole.caps[1]);
        assert_int_equal(copy.n_tls_messages, whole.n_tls_messages);
        assert_string_equal(copy.target, whole.target);
        assert_string_equal(copy.greeting, whole.greeting);
        assert_string_equal(copy.last_text, whole.last_text);
        view_deinit(&whole);
        view_deinit(&copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_greeting_and_hello, setup, teardown),
        cmocka_unit_test_setup_teardown(test_envelope_lives, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tls_voids_and_auth, setup, teardown),
        cmocka_unit_test_setup_teardown(test_at_any_moment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_others_are_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deviations_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_next_commands, setup, teardown),
        cmocka_unit_test_setup_teardown(test_last_reply_is_explained, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handshake_lines, setup, teardown),
        cmocka_unit_test(test_days_left),
        cmocka_unit_test(test_tlsa),
        cmocka_unit_test_setup_teardown(test_certificate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_garbage_certificates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copies_go_on, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
