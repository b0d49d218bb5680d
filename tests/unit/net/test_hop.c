/* Proxies and the PROXY header: every exchange in every split, and across a real link. */
#include "net_test.h"

#include "net/hop.h"
#include "net/net_private.h"

#include <errno.h>

/* ---- the machine alone ---- */

struct said {
    struct buf text; /* "C text\n" and "S text\n" */
    struct buf octets;
};

static void on_said(void *ctx, const char *kind, enum event_dir dir, struct slice octets,
                    const char *text)
{
    struct said *s = ctx;
    assert_true(kind[0] != '\0');
    buf_printf(&s->text, "%s %s\n", dir == DIR_C ? "C" : "S", text);
    buf_append(&s->octets, octets);
}

static const struct {
    enum link_hop_kind kind;
    const char *host;
    unsigned port;
    const char *user, *password;
    struct slice sent, answers; /* all of either side */
    enum hop_result result;
    const char *err; /* a part of it */
} exchanges[] = {
    {HOP_SOCKS5, "mx.example.test", 25, "", "", SLICE_LIT("\5\1\0\5\1\0\3\17mx.example.test\0\31"),
     SLICE_LIT("\5\0\5\0\0\1\177\0\0\1\4\323"), HOP_DONE, NULL},
    {HOP_SOCKS5, "192.0.2.7", 587, "", "", SLICE_LIT("\5\1\0\5\1\0\1\300\0\2\7\2\113"),
     SLICE_LIT("\5\0\5\0\0\3\1x\0\0"), HOP_DONE, NULL},
    {HOP_SOCKS5, "::1", 25, "", "",
     SLICE_LIT("\5\1\0\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\31"),
     SLICE_LIT("\5\0\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), HOP_DONE, NULL},
    {HOP_SOCKS5, "h", 25, "ann", "pw", SLICE_LIT("\5\2\0\2\1\3ann\2pw\5\1\0\3\1h\0\31"),
     SLICE_LIT("\5\2\1\0\5\0\0\1\0\0\0\0\0\0"), HOP_DONE, NULL},
    {HOP_SOCKS5, "h", 25, "ann", "no", SLICE_LIT("\5\2\0\2\1\3ann\2no"), SLICE_LIT("\5\2\1\1"),
     HOP_FAILED, "refused user and password"},
    {HOP_SOCKS5, "h", 25, "", "", SLICE_LIT("\5\1\0"), SLICE_LIT("\5\377"), HOP_FAILED,
     "another login"},
    {HOP_SOCKS5, "h", 25, "", "", SLICE_LIT("\5\1\0"), SLICE_LIT("\5\2"), HOP_FAILED,
     "another login"},
    {HOP_SOCKS5, "h", 25, "", "", SLICE_LIT("\5\1\0"), SLICE_LIT("HT"), HOP_FAILED,
     "does not speak SOCKS5"},
    {HOP_SOCKS5, "h", 25, "", "", SLICE_LIT("\5\1\0\5\1\0\3\1h\0\31"),
     SLICE_LIT("\5\0\5\5\0\1\0\0\0\0\0\0"), HOP_FAILED, "connection refused"},
    {HOP_SOCKS5, "h", 25, "", "", SLICE_LIT("\5\1\0\5\1\0\3\1h\0\31"), SLICE_LIT("\5\0\5\4\0\0\0"),
     HOP_FAILED, "host unreachable"},
    {HOP_SOCKS5, "h", 25, "", "", SLICE_LIT("\5\1\0\5\1\0\3\1h\0\31"),
     SLICE_LIT("\5\0\5\77\0\1\0\0\0\0\0\0"), HOP_FAILED, "no known number"},
    {HOP_SOCKS5, "h", 25, "", "", SLICE_LIT("\5\1\0\5\1\0\3\1h\0\31"), SLICE_LIT("\5\0\5\0\0\11\0"),
     HOP_FAILED, "cannot be read"},
    {HOP_SOCKS5, "", 25, "", "", SLICE_LIT("\5\1\0"), SLICE_LIT("\5\0"), HOP_FAILED, "1 to 255"},
    {HOP_HTTP_CONNECT, "mx.example.test", 25, "", "",
     SLICE_LIT("CONNECT mx.example.test:25 HTTP/1.1\r\nHost: mx.example.test:25\r\n\r\n"),
     SLICE_LIT("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"), HOP_DONE, NULL},
    {HOP_HTTP_CONNECT, "::1", 25, "", "",
     SLICE_LIT("CONNECT [::1]:25 HTTP/1.1\r\nHost: [::1]:25\r\n\r\n"),
     SLICE_LIT("HTTP/1.0 204 \n\n"), HOP_DONE, NULL},
    {HOP_HTTP_CONNECT, "h", 25, "ann", "pw",
     SLICE_LIT("CONNECT h:25 HTTP/1.1\r\nHost: h:25\r\nProxy-Authorization: Basic "
               "YW5uOnB3\r\n\r\n"),
     SLICE_LIT("HTTP/1.1 200\r\n\r\n"), HOP_DONE, NULL},
    {HOP_HTTP_CONNECT, "h", 25, "", "", SLICE_LIT("CONNECT h:25 HTTP/1.1\r\nHost: h:25\r\n\r\n"),
     SLICE_LIT("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 9\r\n\r\n"),
     HOP_FAILED, "407"},
    {HOP_HTTP_CONNECT, "h", 25, "", "", SLICE_LIT("CONNECT h:25 HTTP/1.1\r\nHost: h:25\r\n\r\n"),
     SLICE_LIT("220 mx.example.test ESMTP\r\n\r\n"), HOP_FAILED, "220 mx.example.test"},
    {HOP_HTTP_CONNECT, "h\r\nX: y", 25, "", "", SLICE_LIT(""), SLICE_LIT(""), HOP_FAILED,
     "control character"},
    {HOP_PROXY_V1, NULL, 0, NULL, NULL, SLICE_LIT("PROXY TCP4 192.0.2.1 198.51.100.2 4000 25\r\n"),
     SLICE_LIT(""), HOP_DONE, NULL},
    {HOP_PROXY_V2, NULL, 0, NULL, NULL,
     SLICE_LIT("\r\n\r\n\0\r\nQUIT\n\41\21\0\14\300\0\2\1\306\63\144\2\17\240\0\31"), SLICE_LIT(""),
     HOP_DONE, NULL},
};

/* One exchange, the answers in pieces of `piece` octets with the session's first words behind. */
static void exchange(size_t i, size_t piece)
{
    static const struct slice behind = SLICE_LIT("220 hi\r\n");
    struct net_address from = ip("192.0.2.1", 4000), to = ip("198.51.100.2", 25);
    struct secret password;
    struct said said = {0};
    struct buf out, in;
    struct err err = {0};
    secret_init(&password);
    secret_set(&password, slice_cstr(exchanges[i].password));
    buf_init(&said.text, 65536);
    buf_init(&said.octets, 65536);
    buf_init(&out, 65536);
    buf_init(&in, 65536);
    buf_append(&in, exchanges[i].answers);
    buf_append(&in, behind);
    const struct link_hop what = {exchanges[i].kind,
                                  exchanges[i].host,
                                  exchanges[i].port,
                                  exchanges[i].user,
                                  &password,
                                  NULL,
                                  NULL};
    struct hop *h = hop_new(&what, &from, &to, on_said, &said);
    enum hop_result result = hop_begin(h, &out, &err);
    size_t at = 0;
    while (result == HOP_MORE && at < in.len) {
        size_t used = 99;
        struct slice part = slice_take(slice_skip(buf_slice(&in), at), piece);
        result = hop_feed(h, part, &used, &out, &err);
        assert_true(used <= part.len && (used == part.len || result != HOP_MORE));
        at += used;
    }
    if (result != exchanges[i].result)
        print_message("exchange %zu in %zu: result %d: %s\n", i, piece, result, err.text);
    assert_int_equal(result, exchanges[i].result);
    assert_true(slice_eq(buf_slice(&out), exchanges[i].sent));
    if (result == HOP_DONE) {
        assert_int_equal(at, exchanges[i].answers.len); /* nothing of the session was taken */
    } else {
        assert_non_null(strstr(err.text, exchanges[i].err));
        assert_true(err.means[0] != '\0' && err.next[0] != '\0');
    }
    if (exchanges[i].password && exchanges[i].password[0]) {
        assert_true(slice_find(buf_slice(&said.octets), slice_cstr("\2pw")) < 0);
        assert_true(slice_find(buf_slice(&said.octets), slice_cstr("YW5uOnB3")) < 0);
        assert_true(slice_find(buf_slice(&said.octets), slice_cstr("*")) >= 0);
    }
    hop_free(&h);
    secret_clear(&password);
    buf_deinit(&said.text);
    buf_deinit(&said.octets);
    buf_deinit(&out);
    buf_deinit(&in);
}

static void exchanges_in_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++)
        for (size_t piece = 1; piece < 90; piece++)
            exchange(i, piece);
}

static void unknown_addresses(void **state)
{
    struct net_address here = {.family = NET_MEMORY}, v6 = ip("2001:db8::1", 4000),
                       v6_to = ip("2001:db8::2", 25);
    struct said said = {0};
    struct buf out;
    struct err err;
    (void)state;
    buf_init(&said.text, 65536);
    buf_init(&said.octets, 65536);
    buf_init(&out, 65536);
    static const struct {
        enum link_hop_kind kind;
        bool v6;
        struct slice sent;
    } rows[] = {
        {HOP_PROXY_V1, false, SLICE_LIT("PROXY UNKNOWN\r\n")},
        {HOP_PROXY_V2, false, SLICE_LIT("\r\n\r\n\0\r\nQUIT\n\40\0\0\0")},
        {HOP_PROXY_V1, true, SLICE_LIT("PROXY TCP6 2001:db8::1 2001:db8::2 4000 25\r\n")},
        {HOP_PROXY_V2, true,
         SLICE_LIT("\r\n\r\n\0\r\nQUIT\n\41\41\0\44"
                   "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\2"
                   "\17\240\0\31")},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct link_hop what = {.kind = rows[i].kind};
        if (rows[i].v6) {
            what.source = &v6;
            what.destination = &v6_to;
        }
        struct hop *h = hop_new(&what, &here, &here, on_said, &said);
        buf_reset(&out);
        assert_int_equal(hop_begin(h, &out, &err), HOP_DONE);
        assert_true(slice_eq(buf_slice(&out), rows[i].sent));
        hop_free(&h);
    }
    buf_deinit(&said.text);
    buf_deinit(&said.octets);
    buf_deinit(&out);
}

static void endless_answer(void **state)
{
    struct net_address here = {.family = NET_MEMORY};
    struct said said = {0};
    struct buf out;
    struct err err;
    uint8_t junk[1000];
    size_t used, fed = 0;
    (void)state;
    memset(junk, 'x', sizeof(junk));
    buf_init(&said.text, 65536);
    buf_init(&said.octets, 65536);
    buf_init(&out, 65536);
    const struct link_hop what = {.kind = HOP_HTTP_CONNECT, .host = "h", .port = 25};
    struct hop *h = hop_new(&what, &here, &here, on_said, &said);
    enum hop_result result = hop_begin(h, &out, &err);
    while (result == HOP_MORE && fed < 1000000) {
        result = hop_feed(h, slice_of(junk, sizeof(junk)), &used, &out, &err);
        fed += used;
    }
    assert_int_equal(result, HOP_FAILED);
    assert_true(fed <= HOP_REPLY_MAX_OCTETS + 1);
    assert_non_null(strstr(err.text, "limit proxy-reply"));
    hop_free(&h);
    buf_deinit(&said.text);
    buf_deinit(&said.octets);
    buf_deinit(&out);
}

/* ---- across a link ---- */

static void connect_by(const struct link_hop *hops, size_t n, uint64_t timeout_ms)
{
    struct net_address at = ip("127.0.0.1", 0);
    listen_at(&at);
    const struct link_options o = {
        .name = "test.example", .hops = hops, .n_hops = n, .connect_timeout_ms = timeout_ms};
    client.link = link_connect(loop, journal, journal_conn_new(journal), listener_address(listener),
                               &o, &handlers, &client);
}

/* A SOCKS5 server that lets the greeting of the server behind it follow in the same write. */
static void socks_server(struct end *e, struct slice octets)
{
    (void)octets;
    if (e->got.len == 3)
        link_send(e->link, SLICE_LIT("\5\0"));
    else if (e->got.len == 3 + 4 + 2 + 2)
        link_send(e->link, SLICE_LIT("\5\0\0\1\0\0\0\0\0\0"
                                     "220 hi\r\n"));
}

static void link_through_socks(void **state)
{
    const struct link_hop hops[] = {{.kind = HOP_SOCKS5, .host = "h", .port = 25},
                                    {.kind = HOP_PROXY_V1}};
    (void)state;
    server.in_octets = socks_server;
    connect_by(hops, 2, 5000);
    assert_false(link_send(client.link, SLICE_LIT("early")));
    UNTIL(got(&client, "220 hi\r\n"));
    assert_int_equal(client.ups, 1);
    link_send(client.link, SLICE_LIT("EHLO a\r\n"));
    UNTIL(slice_find(buf_slice(&server.got), SLICE_LIT("EHLO a\r\n")) > 0);
    assert_true(slice_find(buf_slice(&server.got), SLICE_LIT("PROXY TCP4 127.0.0.1 127.0.0.1 ")) >
                0);
    assert_int_equal(event_count(link_conn(client.link), EVENT_HOP), 5);
    assert_int_equal(event_count(link_conn(client.link), EVENT_LINK_UP), 1);
}

static void socks_refuses(struct end *e, struct slice octets)
{
    (void)octets;
    link_send(e->link, e->got.len == 3 ? SLICE_LIT("\5\0") : SLICE_LIT("\5\5\0\1\0\0\0\0\0\0"));
}

static void link_refused_by_proxy(void **state)
{
    const struct link_hop hop = {.kind = HOP_SOCKS5, .host = "h", .port = 25};
    (void)state;
    server.in_octets = socks_refuses;
    connect_by(&hop, 1, 5000);
    UNTIL(client.downs == 1);
    assert_int_equal(client.ups, 0);
    assert_int_equal(client.why, DOWN_REFUSED);
    assert_int_equal(client.down_err.domain, ERR_CONNECT);
    assert_non_null(strstr(client.down_err.text, "connection refused"));
}

static void hang_up(struct end *e, struct slice octets)
{
    (void)octets;
    link_close(e->link);
}

static void proxy_hangs_up(void **state)
{
    const struct link_hop hop = {.kind = HOP_HTTP_CONNECT, .host = "h", .port = 25};
    (void)state;
    server.in_octets = hang_up;
    connect_by(&hop, 1, 5000);
    UNTIL(client.downs == 1);
    assert_int_equal(client.ups, 0);
    assert_int_equal(client.why, DOWN_EOF);
    assert_non_null(strstr(client.down_err.text, "the proxy closed"));
}

/* The time to connect is for the proxy's answers, too. */
static void proxy_is_silent(void **state)
{
    const struct link_hop hop = {.kind = HOP_SOCKS5, .host = "h", .port = 25};
    (void)state;
    connect_by(&hop, 1, 60);
    UNTIL(client.downs == 1);
    assert_int_equal(client.ups, 0);
    assert_int_equal(client.why, DOWN_TIMEOUT);
}

static void freed_while_crossing(void **state)
{
    const struct link_hop hop = {.kind = HOP_SOCKS5, .host = "h", .port = 25};
    (void)state;
    connect_by(&hop, 1, 5000);
    UNTIL(server.got_octets == 3);
    link_free(&client.link);
    UNTIL(server.downs == 1);
    assert_int_equal(client.ups + client.downs, 0);
}

static void aborted_while_crossing(void **state)
{
    const struct link_hop hop = {.kind = HOP_SOCKS5, .host = "h", .port = 25};
    (void)state;
    connect_by(&hop, 1, 5000);
    UNTIL(server.got_octets == 3);
    link_abort(client.link);
    UNTIL(client.downs == 1);
    assert_int_equal(client.why, DOWN_ABORT);
}

/* ---- a command as the peer ---- */

static void spawn(const char *command)
{
    const struct link_options o = {.name = "localhost"};
    client.link =
        link_spawn(loop, journal, journal_conn_new(journal), command, &o, &handlers, &client);
}

static bool noted(const char *text)
{
    for (uint64_t seq = journal_first(journal); seq != 0 && seq <= journal_last(journal); seq++) {
        const struct event *ev = journal_at(journal, seq);
        struct ev_note n;
        if (ev == NULL || ev->kind != EVENT_NOTE)
            continue;
        EVENT_GET(ev, NOTE, &n);
        if (slice_find(n.text, slice_cstr(text)) >= 0)
            return true;
    }
    return false;
}

static void child_echo(void **state)
{
    struct ev_link_up up;
    (void)state;
    spawn("exec cat");
    assert_int_equal(client.ups, 0); /* never inside the call */
    UNTIL(client.ups == 1);
    EVENT_GET(event_one(link_conn(client.link), EVENT_LINK_UP), LINK_UP, &up);
    assert_int_equal(up.transport, TRANSPORT_PIPE);
    assert_true(slice_eq(up.peer, SLICE_LIT("pipe:exec cat")));
    assert_true(link_send(client.link, SLICE_LIT("EHLO a\r\n")));
    UNTIL(got(&client, "EHLO a\r\n"));
    link_half_close(client.link); /* cat reads the end and ends */
    UNTIL(client.downs == 1);
    assert_int_equal(client.why, DOWN_EOF);
    UNTIL(noted("ended with status 0"));
}

static void child_fails(void **state)
{
    (void)state;
    spawn("echo no such thing >&2; exit 3");
    UNTIL(client.downs == 1 && noted("ended with status 3"));
    assert_true(noted("the command says: no such thing"));
    assert_int_equal(client.why, DOWN_EOF);
}

static void child_aborted(void **state)
{
    (void)state;
    spawn("exec sleep 1000");
    UNTIL(client.ups == 1);
    assert_non_null(client.link->t.sock.child);
    link_abort(client.link);
    UNTIL(client.downs == 1);
    assert_int_equal(client.why, DOWN_ABORT);
    UNTIL(net_of(loop)->children == NULL);
    assert_false(noted("ended"));
}

/* What still runs when the loop goes is ended with it: the teardown would hang or leak otherwise.
 */
static void child_outlives(void **state)
{
    (void)state;
    spawn("exec sleep 1000");
    UNTIL(client.ups == 1);
    link_free(&client.link);
    turns(3);
    assert_non_null(net_of(loop)->children);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchanges_in_every_split),
        cmocka_unit_test(unknown_addresses),
        cmocka_unit_test(endless_answer),
        cmocka_unit_test_setup_teardown(link_through_socks, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(link_refused_by_proxy, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(proxy_hangs_up, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(proxy_is_silent, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(freed_while_crossing, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(aborted_while_crossing, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(child_echo, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(child_fails, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(child_aborted, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(child_outlives, net_setup, net_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
