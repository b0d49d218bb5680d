/* TLS on links: every practice certificate against every way of checking, and everything that is
 * not TLS where TLS should be. */
#include "net_test.h"

#include "net/net_private.h"

#include <unistd.h>

static struct tls_practice_ca *ca;
static struct tls_client *tls_c;
static struct tls_server *tls_s;
static enum event_tls_via via;

static int tls_setup(void **state)
{
    net_setup(state);
    ca = tls_practice_ca_new(clock_system()->wall_us(NULL));
    via = TLS_VIA_IMPLICIT;
    return 0;
}

static int tls_teardown(void **state)
{
    tls_client_free(&tls_c);
    tls_server_free(&tls_s);
    net_teardown(state);
    tls_practice_ca_free(&ca);
    return 0;
}

static void contexts(const struct tls_client_options *options, enum tls_practice_cert kind)
{
    struct err err;
    struct tls_client_options o = *options;
    if (o.ca_pem.len == 0)
        o.ca_pem = tls_practice_ca_pem(ca);
    tls_client_free(&tls_c);
    tls_server_free(&tls_s);
    tls_c = tls_client_new(&o, &err);
    if (tls_c == NULL)
        fail_msg("%s", err.text);
    tls_s = tls_server_practice(ca, "mail.example.test", kind, &err);
    assert_non_null(tls_s);
}

static void start_both(void)
{
    link_start_tls_server(server.link, tls_s, via);
    link_start_tls_client(client.link, tls_c, via);
    assert_int_equal(client.tls_calls + server.tls_calls, 0);
    assert_false(link_send(client.link, SLICE_LIT("in the clear?")));
    assert_false(link_is_tls(client.link));
}

static void good(void)
{
    contexts(&(struct tls_client_options){.verify = VERIFY_FULL, .name = "mail.example.test"},
             TLS_CERT_GOOD);
}

static void secured(enum how how)
{
    if (tls_c == NULL)
        good();
    join(how);
    start_both();
    UNTIL(client.tls_calls == 1 && server.tls_calls == 1);
    assert_true(client.tls_ok && server.tls_ok);
    assert_true(link_is_tls(client.link) && link_is_tls(server.link));
}

static void echo(struct end *e, struct slice octets)
{
    assert_true(link_send(e->link, octets));
}

static void exchange(void **state)
{
    struct ev_tls_up up;
    struct ev_tls_start begin;
    struct ev_tls_verify verify;
    server.in_octets = echo;
    secured(*(enum how *)*state);
    assert_true(link_send(client.link, SLICE_LIT("EHLO a\r\n")));
    UNTIL(got(&client, "EHLO a\r\n"));
    uint32_t conn = link_conn(client.link);
    EVENT_GET(event_one(conn, EVENT_TLS_START), TLS_START, &begin);
    assert_true(slice_eq(begin.sni, SLICE_LIT("mail.example.test")));
    assert_int_equal(begin.via, TLS_VIA_IMPLICIT);
    EVENT_GET(event_one(conn, EVENT_TLS_UP), TLS_UP, &up);
    assert_true(slice_eq(up.version, SLICE_LIT("TLSv1.3")));
    assert_true(slice_starts(up.cipher, SLICE_LIT("TLS_")));
    assert_true(up.bits >= 128 && up.group.len > 0);
    assert_true(slice_eq(up.signature, SLICE_LIT("ecdsa_secp256r1_sha256")));
    EVENT_GET(event_one(conn, EVENT_TLS_VERIFY), TLS_VERIFY, &verify);
    assert_int_equal(verify.ok, 1);
    assert_true(slice_eq(verify.reason, SLICE_LIT("ok")));
    assert_true(slice_eq(verify.name, SLICE_LIT("mail.example.test")));
    assert_int_equal(event_count(conn, EVENT_TLS_CHAIN), 1);
    assert_true(event_count(conn, EVENT_TLS_MSG) >= 6);
    assert_int_equal(event_count(conn, EVENT_TLS_FAIL), 0);
    link_close(client.link);
    UNTIL(client.downs == 1 && server.downs == 1);
    assert_int_equal(client.why, DOWN_OURS);
    assert_int_equal(server.why, DOWN_EOF);
    assert_int_equal(event_count(conn, EVENT_DEVIATION), 0);
    assert_int_equal(event_count(conn + 1, EVENT_DEVIATION), 0);
    assert_true(event_count(conn + 1, EVENT_TLS_ALERT) >= 1); /* close_notify */
}

struct want {
    const char *reason; /* as full checking says it */
    const char *in_text;
    bool chain_holds;
    unsigned alert; /* RFC 8446 section 6 */
};

static const struct want wants[TLS_CERT__COUNT] = {
    [TLS_CERT_GOOD] = {"ok", "", true, 0},
    [TLS_CERT_EXPIRED] = {"expired", "it ended on 20", false, 45},
    [TLS_CERT_FUTURE] = {"not-yet-valid", "it begins on 20", false, 42},
    [TLS_CERT_WRONG_NAME] = {"wrong-name",
                             "wanted mail.example.test, the certificate is for "
                             "another-host.example, mail.example.org",
                             true, 42},
    [TLS_CERT_SELF_SIGNED] = {"self-signed", "mail.example.test", false, 48},
    [TLS_CERT_UNKNOWN_CA] = {"unknown-issuer", "issuer \"CN=a CA nobody trusts\"", false, 48},
    [TLS_CERT_NO_CHAIN] = {"unknown-issuer", "issuer \"CN=smtpscope practice intermediate CA\"",
                           false, 48},
    [TLS_CERT_WRONG_EKU] = {"wrong-purpose", "", false, 43},
    [TLS_CERT_RSA_1024] = {"weak-key", "", false, 42},
    [TLS_CERT_SHA1] = {"weak-signature", "", false, 42},
    [TLS_CERT_SNI] = {"ok", "", true, 0},
};

static void matrix_one(enum tls_practice_cert kind, enum event_verify mode, const char *version)
{
    const struct want *w = &wants[kind];
    struct ev_tls_verify v;
    contexts(&(struct tls_client_options){.verify = mode,
                                          .name = "mail.example.test",
                                          .version_max = version},
             kind);
    bool holds =
        kind == TLS_CERT_GOOD || kind == TLS_CERT_SNI || (mode == VERIFY_CHAIN && w->chain_holds);
    bool up = holds || mode == VERIFY_NONE;
    join(MEMORY);
    start_both();
    UNTIL(client.tls_calls == 1 && server.tls_calls == 1);
    uint32_t conn = link_conn(client.link);
    assert_int_equal(client.tls_ok, up);
    assert_int_equal(server.tls_ok, up);
    assert_int_equal(event_count(conn, EVENT_TLS_CHAIN), 1);
    const struct event *ev = event_one(conn, EVENT_TLS_VERIFY);
    assert_non_null(ev);
    EVENT_GET(ev, TLS_VERIFY, &v);
    assert_int_equal(v.mode, mode);
    assert_int_equal(v.ok, holds);
    assert_true(slice_eq(v.reason, slice_cstr(holds ? "ok" : w->reason)));
    if (!holds)
        assert_true(slice_find(v.text, slice_cstr(w->in_text)) >= 0);
    if (!up) {
        struct ev_tls_alert alert;
        UNTIL(client.downs == 1 && server.downs == 1);
        assert_int_equal(client.why, DOWN_TLS);
        assert_int_equal(client.tls_err.domain, ERR_TLS);
        assert_int_equal(client.tls_err.code, v.code);
        assert_non_null(strstr(client.tls_err.text, w->in_text));
        assert_true(client.tls_err.means[0] && strstr(client.tls_err.next, "--verify none"));
        EVENT_GET(event_one(conn, EVENT_TLS_ALERT), TLS_ALERT, &alert);
        assert_int_equal(alert.number, w->alert);
        assert_int_equal(alert.fatal, 1);
        assert_int_equal(alert.dir, DIR_C);
        /* The server hears why. */
        assert_int_equal(server.why, DOWN_TLS);
        EVENT_GET(event_one(conn + 1, EVENT_TLS_ALERT), TLS_ALERT, &alert);
        assert_int_equal(alert.number, w->alert);
        assert_int_equal(event_count(conn, EVENT_TLS_FAIL), 1);
        assert_int_equal(event_count(conn + 1, EVENT_TLS_FAIL), 1);
        assert_int_equal(event_count(conn, EVENT_TLS_UP), 0);
    }
}

static void matrix(void **state)
{
    const char *version = *state;
    for (int kind = 0; kind < TLS_CERT__COUNT; kind++) {
        for (int mode = 0; mode < VERIFY__COUNT; mode++) {
            matrix_one((enum tls_practice_cert)kind, (enum event_verify)mode, version);
            void *none = NULL;
            struct tls_practice_ca *keep = ca;
            net_teardown(&none);
            net_setup(&none);
            ca = keep;
        }
    }
}

static void names(void **state)
{
    static const struct {
        const char *name;
        bool holds;
        const char *sni;
    } cases[] = {
        {"mail.example.test", true, "mail.example.test"},
        {"MAIL.example.TEST", true, "MAIL.example.TEST"},
        {"mail.example.test.", true, NULL},
        {"localhost", true, "localhost"},
        {"127.0.0.1", true, ""},
        {"::1", true, ""},
        {"127.0.0.2", false, ""},
        {"example.test", false, "example.test"},
        {"x.mail.example.test", false, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ev_tls_start begin;
        contexts(&(struct tls_client_options){.verify = VERIFY_FULL, .name = cases[i].name},
                 TLS_CERT_GOOD);
        join(MEMORY);
        start_both();
        UNTIL(client.tls_calls == 1 && server.tls_calls == 1);
        assert_int_equal(client.tls_ok, cases[i].holds);
        EVENT_GET(event_one(link_conn(client.link), EVENT_TLS_START), TLS_START, &begin);
        if (cases[i].sni != NULL)
            assert_true(slice_eq(begin.sni, slice_cstr(cases[i].sni)));
        void *none = NULL;
        net_teardown(&none);
        net_setup(&none);
    }
}

static void system_store(void **state)
{
    struct err err;
    struct ev_tls_verify v;
    (void)state;
    good();
    tls_client_free(&tls_c);
    tls_c = tls_client_new(&(struct tls_client_options){.name = "mail.example.test"}, &err);
    join(MEMORY);
    start_both();
    UNTIL(client.tls_calls == 1);
    assert_true(client.tls_ok); /* mode none */
    EVENT_GET(event_one(link_conn(client.link), EVENT_TLS_VERIFY), TLS_VERIFY, &v);
    assert_int_equal(v.ok, 0);
    assert_true(slice_eq(v.reason, SLICE_LIT("unknown-issuer")));
}

static void versions(void **state)
{
    struct ev_tls_up up;
    (void)state;
    contexts(&(struct tls_client_options){.verify = VERIFY_FULL,
                                          .name = "localhost",
                                          .version_min = "1.2",
                                          .version_max = "1.2",
                                          .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"},
             TLS_CERT_GOOD);
    join(TCP);
    start_both();
    UNTIL(client.tls_calls == 1 && server.tls_calls == 1);
    EVENT_GET(event_one(link_conn(client.link), EVENT_TLS_UP), TLS_UP, &up);
    assert_true(slice_eq(up.version, SLICE_LIT("TLSv1.2")));
    assert_true(slice_eq(up.cipher, SLICE_LIT("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")));
    uint8_t binding[32];
    assert_false(link_channel_binding(client.link, binding));
    uint8_t a[LINK_TLS_UNIQUE_OCTETS], b[LINK_TLS_UNIQUE_OCTETS];
    assert_int_equal(link_tls_unique(client.link, a), 12);
    assert_int_equal(link_tls_unique(server.link, b), 12);
    assert_memory_equal(a, b, 12);
}

static void old_version_refused(void **state)
{
    (void)state;
    contexts(&(struct tls_client_options){.name = "localhost", .version_max = "1.1"},
             TLS_CERT_GOOD);
    join(TCP);
    start_both();
    UNTIL(client.downs == 1 && server.downs == 1);
    assert_int_equal(client.why, DOWN_TLS);
    assert_int_equal(server.why, DOWN_TLS);
    assert_int_equal(client.tls_calls, 1);
    assert_non_null(strstr(client.tls_err.next, "--tls-min"));
}

static void channel_binding(void **state)
{
    uint8_t a[32], b[32];
    (void)state;
    secured(TCP);
    assert_true(link_channel_binding(client.link, a));
    assert_true(link_channel_binding(server.link, b));
    assert_memory_equal(a, b, 32);
    uint8_t unique[LINK_TLS_UNIQUE_OCTETS];
    assert_int_equal(link_tls_unique(client.link, unique), 0);
}

static void settings_refused(void **state)
{
    static const struct tls_client_options cases[] = {
        {.ca_file = "/nonexistent/ca.pem"},
        {.ca_file = "/dev/null"},
        {.ca_pem = {(const uint8_t *)"no pem", 6}},
        {.cert_file = "/nonexistent/cert.pem"},
        {.version_min = "1.4"},
        {.version_min = "1.3", .version_max = "1.2"},
        {.ciphers = "NO-SUCH-CIPHER"},
        {.ciphers = "TLS_NO_SUCH_SUITE"},
        {.alpn = ""},
        {.keylog_file = "/nonexistent/keys"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        assert_null(tls_client_new(&cases[i], &err));
        assert_true(err.domain != ERR_NONE);
        assert_true(err.text[0] && err.means[0] && err.next[0]);
    }
    struct err err = {0};
    assert_null(tls_server_files("/nonexistent/cert.pem", "/nonexistent/key.pem", &err));
    assert_int_equal(err.domain, ERR_FILE);
}

static void on_first_line(struct end *e, struct slice octets)
{
    (void)octets;
    if (e == &server && got(e, "STARTTLS\r\n")) {
        link_send(e->link, SLICE_LIT("220 go on\r\n"));
        link_start_tls_server(e->link, tls_s, TLS_VIA_STARTTLS);
    } else if (e == &client && got(e, "220 go on\r\n")) {
        link_start_tls_client(e->link, tls_c, TLS_VIA_STARTTLS);
    } else if (e == &server) {
        link_send(e->link, octets);
    }
}

static void in_tls_send(struct end *e, const struct err *err)
{
    assert_null(err);
    link_send(e->link, SLICE_LIT("secret"));
}

static void starttls(void **state)
{
    good();
    client.in_octets = server.in_octets = on_first_line;
    client.in_tls = in_tls_send;
    join(*(enum how *)*state);
    link_send(client.link, SLICE_LIT("STARTTLS\r\n"));
    UNTIL(got(&client, "220 go on\r\nsecret"));
    /* Nothing of the secret is on the wire; the wire was only noted while TLS was on. */
    struct buf wire;
    buf_init(&wire, 1 << 20);
    uint32_t conn = link_conn(client.link);
    uint64_t n = journal_stream_len(journal, conn, DIR_C, LAYER_WIRE);
    assert_true(n > 200);
    journal_read(journal, conn, DIR_C, LAYER_WIRE, 0, 200, &wire);
    assert_int_equal(wire.ptr[0], 22); /* handshake */
    assert_true(slice_find(buf_slice(&wire), SLICE_LIT("secret")) < 0);
    buf_deinit(&wire);
}

static size_t to_send;
static void feed(struct end *e)
{
    static uint8_t piece[64 * 1024];
    while (to_send > 0 && link_queued_octets(e->link) < LINK_HIGH_WATER_OCTETS) {
        memset(piece, (int)(to_send >> 16), sizeof(piece));
        assert_true(link_send(e->link, slice_of(piece, sizeof(piece))));
        to_send -= sizeof(piece);
    }
    if (to_send == 0)
        link_close(e->link);
}

static void check_piece(struct end *e, struct slice octets)
{
    size_t at = e->got_octets - octets.len;
    for (size_t i = 0; i < octets.len; i += 997) {
        size_t left = (20u << 20) - ((at + i) & ~(size_t)65535);
        assert_int_equal(octets.ptr[i], (uint8_t)(left >> 16));
    }
}

static void big(void **state)
{
    to_send = 20 << 20;
    server.count_only = true;
    server.in_octets = check_piece;
    client.in_drained = feed;
    secured(*(enum how *)*state);
    link_pause(server.link);
    feed(&client);
    turns(30);
    assert_int_equal(server.got_octets, 0);
    link_resume(server.link);
    UNTIL(server.downs == 1);
    assert_int_equal(server.got_octets, 20 << 20);
    assert_int_equal(server.why, DOWN_EOF);
    assert_int_equal(event_count(link_conn(server.link), EVENT_DEVIATION), 0);
}

/* Handshake octets are kept, application data is counted; keep_wire keeps it too. */
static void wire_kept(void **state)
{
    for (int keep = 0; keep < 2; keep++) {
        void *none = NULL;
        struct buf wire;
        good();
        join(*(enum how *)*state);
        client.link->keep_wire = keep != 0;
        start_both();
        UNTIL(client.tls_calls == 1 && server.tls_calls == 1);
        uint32_t conn = link_conn(client.link);
        uint64_t before = journal_stream_len(journal, conn, DIR_C, LAYER_WIRE);
        link_send(client.link, SLICE_LIT("a secret of eighteen"));
        uint64_t after = journal_stream_len(journal, conn, DIR_C, LAYER_WIRE);
        assert_true(after > before + 20);
        buf_init(&wire, 1 << 20);
        assert_true(journal_read(journal, conn, DIR_C, LAYER_WIRE, 0, before, &wire));
        assert_int_equal(wire.len, before);
        buf_reset(&wire);
        bool read = journal_read(journal, conn, DIR_C, LAYER_WIRE, before, after - before, &wire);
        assert_int_equal(read, keep);
        assert_true(slice_find(buf_slice(&wire), SLICE_LIT("secret")) < 0);
        buf_deinit(&wire);
        net_teardown(&none);
        net_setup(&none);
    }
}

/* Pausing in the middle of what one read opened: the rest waits, and comes without further input.
 */
static void pause_in_octets(struct end *e, struct slice octets)
{
    (void)octets;
    link_pause(e->link);
}

static void paused_rest(void **state)
{
    static uint8_t piece[200 * 1024];
    server.in_octets = pause_in_octets;
    server.count_only = true;
    secured(*(enum how *)*state);
    link_send(client.link, slice_of(piece, sizeof(piece)));
    for (int i = 0; i < 100 && server.got_octets < sizeof(piece); i++) {
        size_t before = server.got_octets;
        turns(3);
        link_resume(server.link);
        UNTIL(server.got_octets > before);
    }
    assert_int_equal(server.got_octets, sizeof(piece));
}

static void truncated(void **state)
{
    struct ev_deviation d;
    secured(*(enum how *)*state);
    uint32_t conn = link_conn(client.link);
    server.link->transport->shut(server.link); /* below TLS: no close_notify */
    UNTIL(client.downs == 1);
    assert_int_equal(client.why, DOWN_EOF);
    EVENT_GET(event_one(conn, EVENT_DEVIATION), DEVIATION, &d);
    assert_true(slice_eq(d.rule, SLICE_LIT("tls-truncated")));
    assert_true(slice_eq(d.rfc, SLICE_LIT("RFC 8446 section 6.1")));
    assert_int_equal(d.dir, DIR_S);
}

/* What was never sent is what a person sent: not the close_notify behind it. */
static void unsent_without_close_notify(void **state)
{
    static const uint8_t big[8 << 20];
    struct ev_link_down down;
    secured(*(enum how *)*state);
    client.link->net->linger_ms = 30;
    link_pause(server.link);
    link_send(client.link, slice_of(big, sizeof(big)));
    turns(10);
    size_t queued = client.link->out.octets;
    assert_true(queued > 0);
    uint32_t conn = link_conn(client.link);
    link_close(client.link);
    assert_true(client.link->out.octets > queued);
    UNTIL(client.downs == 1);
    EVENT_GET(event_one(conn, EVENT_LINK_DOWN), LINK_DOWN, &down);
    assert_int_equal(down.unsent, queued);
}

static void plain_up(struct end *e)
{
    link_send(e->link, SLICE_LIT("220 mail.example.test ESMTP \x1b[31m\r\n"));
}

static void plain_instead(void **state)
{
    struct ev_tls_fail f;
    struct ev_deviation d;
    server.in_up = plain_up;
    good();
    join(*(enum how *)*state);
    link_pause(client.link);
    link_start_tls_client(client.link, tls_c, TLS_VIA_IMPLICIT);
    link_resume(client.link);
    UNTIL(client.downs == 1);
    assert_int_equal(client.tls_calls, 1);
    assert_int_equal(client.why, DOWN_TLS);
    assert_non_null(strstr(client.tls_err.text, "220 mail.example.test ESMTP"));
    assert_null(strchr(client.tls_err.text, '\x1b'));
    assert_non_null(strstr(client.tls_err.next, "STARTTLS"));
    uint32_t conn = link_conn(client.link);
    EVENT_GET(event_one(conn, EVENT_TLS_FAIL), TLS_FAIL, &f);
    assert_true(slice_eq(f.stage, SLICE_LIT("handshake")));
    assert_true(slice_eq(f.got, SLICE_LIT("220 mail.example.test ESMTP \x1b[31m\r\n")));
    EVENT_GET(event_one(conn, EVENT_DEVIATION), DEVIATION, &d);
    assert_true(slice_eq(d.rule, SLICE_LIT("tls-plaintext-reply")));
    assert_true(slice_eq(d.rfc, SLICE_LIT("RFC 3207 section 4")));
    assert_int_equal(d.dir, DIR_S);
}

static void garbage_to_server(void **state)
{
    static const char *const cases[] = {
        "EHLO there\r\n",       "GET / HTTP/1.0\r\n\r\n",           "\x16\x03\x01\xff\xff\x01",
        "\x80\x80\x01\x03\x01", "\xff\xff\xff\xff\xff\xff\xff\xff", "\x15\x03\x03\x01\x02\x02\x28"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ev_tls_fail f;
        bool tls_like = cases[i][0] == 0x16 || cases[i][0] == 0x15;
        good();
        join(*(enum how *)*state);
        link_start_tls_server(server.link, tls_s, TLS_VIA_IMPLICIT);
        for (const char *p = cases[i]; *p != '\0'; p++) {
            link_send(client.link, slice_of(p, 1));
            turns(1);
        }
        link_close(client.link);
        UNTIL(server.downs == 1);
        assert_int_equal(server.tls_calls, 1);
        assert_false(server.tls_ok);
        EVENT_GET(event_one(link_conn(server.link), EVENT_TLS_FAIL), TLS_FAIL, &f);
        assert_true(tls_like ? f.got.len == 0 : slice_starts(slice_cstr(cases[i]), f.got));
        assert_true(tls_like || f.got.len > 0);
        assert_int_equal(event_count(link_conn(server.link), EVENT_DEVIATION), 0);
        void *none = NULL;
        net_teardown(&none);
        net_setup(&none);
    }
}

static void eof_in_handshake(void **state)
{
    good();
    join(*(enum how *)*state);
    link_start_tls_client(client.link, tls_c, TLS_VIA_IMPLICIT);
    UNTIL(server.got_octets > 0);
    link_close(server.link);
    UNTIL(client.downs == 1);
    assert_int_equal(client.tls_calls, 1);
    assert_false(client.tls_ok);
    assert_int_equal(client.why, DOWN_EOF);
    assert_non_null(strstr(client.tls_err.text, "during the TLS handshake"));
    assert_int_equal(event_count(link_conn(client.link), EVENT_TLS_FAIL), 1);
}

/* Inside TLS once, then broken: the link goes down, on_tls is not called again. */
static void garbage_later(void **state)
{
    struct ev_tls_fail f;
    secured(*(enum how *)*state);
    link_write_wire(client.link, SLICE_LIT("RSET\r\nRSET\r\nRSET\r\n")); /* past TLS */
    UNTIL(server.downs == 1);
    assert_int_equal(server.why, DOWN_TLS);
    assert_int_equal(server.tls_calls, 1);
    EVENT_GET(event_one(link_conn(server.link), EVENT_TLS_FAIL), TLS_FAIL, &f);
    assert_true(slice_eq(f.stage, SLICE_LIT("data")));
    UNTIL(client.downs == 1);
}

static void keylog(void **state)
{
    char path[64], line[256] = "";
    (void)state;
    snprintf(path, sizeof(path), "/tmp/smtpscope-test-%ld.keys", (long)getpid());
    unlink(path);
    contexts(&(struct tls_client_options){.name = "localhost", .keylog_file = path}, TLS_CERT_GOOD);
    secured(TCP);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f));
    fclose(f);
    unlink(path);
    assert_non_null(strstr(line, "_SECRET ") ? line : strstr(line, "SERVER_HANDSHAKE"));
}

static void free_in_tls(struct end *e, const struct err *err)
{
    (void)err;
    link_free(&e->link);
}

static void freeing(void **state)
{
    enum how how = *(enum how *)*state;
    good();
    client.in_tls = free_in_tls;
    join(how);
    start_both();
    UNTIL(server.downs == 1);
    assert_int_equal(client.downs, 0);
    assert_int_equal(server.why, DOWN_EOF);
    void *none = NULL;
    net_teardown(&none);
    net_setup(&none);
    contexts(&(struct tls_client_options){.verify = VERIFY_FULL, .name = "x.example"},
             TLS_CERT_GOOD);
    client.in_tls = server.in_tls = free_in_tls;
    join(how);
    start_both();
    UNTIL(client.tls_calls == 1 && server.tls_calls == 1);
    turns(10);
    assert_int_equal(client.downs + server.downs, 0);
}

static void contexts_go_first(void **state)
{
    good();
    join(*(enum how *)*state);
    start_both();
    tls_client_free(&tls_c);
    tls_server_free(&tls_s);
    UNTIL(client.tls_calls == 1 && server.tls_calls == 1);
    assert_true(client.tls_ok);
}

static void rst_in_tls(void **state)
{
    secured(*(enum how *)*state);
    link_abort(server.link);
    UNTIL(client.downs == 1);
    assert_int_equal(client.why, DOWN_RESET);
}

static void half_closing(void **state)
{
    secured(*(enum how *)*state);
    link_send(client.link, SLICE_LIT("end"));
    link_half_close(client.link);
    UNTIL(server.downs == 1 && client.downs == 1);
    assert_true(got(&server, "end"));
    assert_int_equal(server.why, DOWN_EOF);
    assert_int_equal(event_count(link_conn(server.link), EVENT_DEVIATION), 0);
    assert_int_equal(event_count(link_conn(client.link), EVENT_DEVIATION), 0);
}

static void reasons(void **state)
{
    (void)state;
    assert_string_equal(tls_verify_reason(0), "ok");
    assert_string_equal(tls_verify_reason(10), "expired");
    assert_string_equal(tls_verify_reason(9), "not-yet-valid");
    assert_string_equal(tls_verify_reason(18), "self-signed");
    assert_string_equal(tls_verify_reason(20), "unknown-issuer");
    assert_string_equal(tls_verify_reason(62), "wrong-name");
    assert_string_equal(tls_verify_reason(12345), "other");
}

static enum how over_tcp = TCP, over_memory = MEMORY;
static char max_12[] = "1.2", max_13[] = "1.3";

#define WITH(fn, label, arg)                                                                       \
    {                                                                                              \
#fn " " label, fn, tls_setup, tls_teardown, arg                                            \
    }
#define BOTH(fn) WITH(fn, "tcp", &over_tcp), WITH(fn, "memory", &over_memory)
#define ONE(fn)  WITH(fn, "", NULL)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(exchange),
        WITH(matrix, "1.2", max_12),
        WITH(matrix, "1.3", max_13),
        ONE(names),
        ONE(system_store),
        ONE(versions),
        ONE(old_version_refused),
        ONE(channel_binding),
        ONE(settings_refused),
        BOTH(starttls),
        BOTH(big),
        BOTH(wire_kept),
        BOTH(paused_rest),
        BOTH(truncated),
        BOTH(unsent_without_close_notify),
        BOTH(plain_instead),
        BOTH(garbage_to_server),
        BOTH(eof_in_handshake),
        BOTH(garbage_later),
        ONE(keylog),
        BOTH(freeing),
        BOTH(contexts_go_first),
        BOTH(rst_in_tls),
        BOTH(half_closing),
        ONE(reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
