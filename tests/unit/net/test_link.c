/* Links over loopback sockets and in memory. */
#include "net_test.h"

#include "net/net_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void echo(struct end *e, struct slice octets)
{
    assert_true(link_send(e->link, octets));
}

static void exchange(void **state)
{
    server.in_octets = echo;
    join(*(enum how *)*state);
    assert_true(link_is_up(client.link) && !link_is_tls(client.link));
    assert_true(link_send(client.link, SLICE_LIT("EHLO a\r\n")));
    assert_int_equal(client.got.len, 0); /* never from inside a call */
    UNTIL(got(&client, "EHLO a\r\n"));
    assert_true(link_send(client.link, SLICE_LIT("x")));
    assert_true(link_send(client.link, SLICE_LIT("y")));
    UNTIL(got(&client, "EHLO a\r\nxy"));
    link_close(client.link);
    assert_false(link_send(client.link, SLICE_LIT("late")));
    UNTIL(client.downs == 1 && server.downs == 1);
    assert_int_equal(client.why, DOWN_OURS);
    assert_int_equal(server.why, DOWN_EOF);
    assert_int_equal(server.down_err.domain, ERR_CLOSED);
    assert_int_equal(server.down_err.code, 0);
    assert_int_equal(server.got_octets, 10);
}

static void events(void **state)
{
    struct ev_link_up up;
    struct ev_link_try try;
    struct net_address a;
    char peer[160];
    join(*(enum how *)*state);
    const struct event *ev = event_one(link_conn(client.link), EVENT_LINK_TRY);
    assert_non_null(ev);
    EVENT_GET(ev, LINK_TRY, &try);
    assert_int_equal(try.attempt, 1);
    assert_int_equal(try.attempts, 1);
    ev = event_one(link_conn(client.link), EVENT_LINK_UP);
    assert_non_null(ev);
    EVENT_GET(ev, LINK_UP, &up);
    assert_int_equal(up.side, SIDE_CLIENT);
    a = *link_peer(client.link);
    net_address_format(&a, peer, sizeof(peer));
    assert_true(slice_eq(up.peer, slice_cstr(peer)));
    assert_true(slice_eq(try.address, slice_cstr(peer)));
    ev = event_one(link_conn(server.link), EVENT_LINK_UP);
    assert_non_null(ev);
    assert_true(ev->flags & EVENT_FLAG_BACKSTAGE);
    EVENT_GET(ev, LINK_UP, &up);
    assert_int_equal(up.side, SIDE_SERVER);
    assert_true(slice_eq(up.local, slice_cstr(peer)));
    link_close(server.link);
    UNTIL(client.downs == 1 && server.downs == 1);
    assert_int_equal(down_event(link_conn(client.link)).why, DOWN_EOF);
    assert_int_equal(down_event(link_conn(server.link)).why, DOWN_OURS);
}

static void v6(void **state)
{
    struct net_address at = ip("::1", 0);
    struct err err;
    (void)state;
    listener = listener_new(loop, journal, &at, "v6", 0, false, on_accept, &server, &err);
    if (listener == NULL)
        skip(); /* no IPv6 on this machine */
    server.in_octets = echo;
    connect_to(listener_address(listener));
    UNTIL(client.ups == 1 && server.ups == 1);
    link_send(client.link, SLICE_LIT("six"));
    UNTIL(got(&client, "six"));
    assert_int_equal(link_peer(client.link)->family, NET_INET6);
}

static void unix_socket(void **state)
{
    char path[100];
    struct stat st;
    struct net_address at;
    (void)state;
    snprintf(path, sizeof(path), "/tmp/smtpscope-test-%ld.sock", (long)getpid());
    unlink(path);
    assert_true(net_address_unix(path, &at));
    connect_to(&at);
    UNTIL(client.downs == 1);
    assert_int_equal(client.why, DOWN_UNREACHED);
    assert_int_equal(client.down_err.code, ENOENT);
    link_free(&client.link);
    client.downs = client.ups = 0;
    server.in_octets = echo;
    listen_at(&at);
    connect_to(&at);
    UNTIL(client.ups == 1 && server.ups == 1);
    link_send(client.link, SLICE_LIT("un"));
    UNTIL(got(&client, "un"));
    /* A second listener does not steal a live one's place; a dead one's file is in nobody's way. */
    struct err err;
    assert_null(listener_new(loop, journal, &at, "b", 0, false, on_accept, &server, &err));
    assert_int_equal(err.code, EADDRINUSE);
    listener_free(&listener);
    assert_int_not_equal(stat(path, &st), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct {
        sa_family_t family;
        char path[108];
    } un = {.family = AF_UNIX};
    memcpy(un.path, path, strlen(path));
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    close(fd);
    listen_at(&at);
}

static void refused(void **state)
{
    struct net_address at = ip("127.0.0.1", 0);
    struct ev_link_down down;
    char want[200], where[160];
    (void)state;
    listen_at(&at);
    at = *listener_address(listener);
    listener_free(&listener);
    connect_to(&at);
    assert_int_equal(client.downs, 0);
    UNTIL(client.downs == 1);
    assert_int_equal(client.ups, 0);
    assert_int_equal(client.why, DOWN_REFUSED);
    assert_int_equal(client.down_err.domain, ERR_CONNECT);
    assert_int_equal(client.down_err.code, ECONNREFUSED);
    net_address_format(&at, where, sizeof(where));
    snprintf(want, sizeof(want), "connect to %s: connection refused", where);
    assert_string_equal(client.down_err.text, want);
    assert_true(client.down_err.means[0] != '\0' && client.down_err.next[0] != '\0');
    down = down_event(link_conn(client.link));
    assert_int_equal(down.why, DOWN_REFUSED);
    assert_int_equal(down.code, ECONNREFUSED);
    assert_true(slice_eq(down.text, SLICE_LIT("connection refused")));
    assert_int_equal(event_count(link_conn(client.link), EVENT_LINK_UP), 0);
}

static void timeout(void **state)
{
    /* A full backlog: the system drops further SYNs. */
    struct net_address at = ip("127.0.0.1", 0);
    struct link_options o = {.connect_timeout_ms = 30};
    struct err err;
    struct link *fill[8];
    struct end idle[8] = {0};
    (void)state;
    listener = listener_new(loop, journal, &at, "full", 1, false, on_accept, &server, &err);
    assert_non_null(listener);
    listener_pause(listener);
    for (int i = 0; i < 8; i++)
        fill[i] = link_connect(loop, journal, journal_conn_new(journal), listener_address(listener),
                               NULL, &handlers, &idle[i]);
    turns(20);
    client.link = link_connect(loop, journal, journal_conn_new(journal), listener_address(listener),
                               &o, &handlers, &client);
    UNTIL(client.downs == 1);
    assert_int_equal(client.why, DOWN_TIMEOUT);
    assert_int_equal(client.down_err.domain, ERR_TIMEOUT);
    assert_int_equal(client.down_err.code, 30);
    for (int i = 0; i < 8; i++)
        link_free(&fill[i]);
}

static void source_address(void **state)
{
    struct net_address at = ip("127.0.0.1", 0), from = ip("127.0.0.2", 0);
    struct link_options o = {.source = &from};
    (void)state;
    listen_at(&at);
    client.link = link_connect(loop, journal, journal_conn_new(journal), listener_address(listener),
                               &o, &handlers, &client);
    UNTIL(server.ups == 1);
    assert_int_equal(link_peer(server.link)->ip[3], 2);
}

static void abort_resets(void **state)
{
    join(*(enum how *)*state);
    link_send(server.link, SLICE_LIT("last words"));
    link_abort(server.link);
    UNTIL(client.downs == 1 && server.downs == 1);
    assert_int_equal(server.why, DOWN_ABORT);
    assert_int_equal(client.why, DOWN_RESET);
    assert_int_equal(client.down_err.domain, ERR_CLOSED);
    assert_int_equal(client.down_err.code, ECONNRESET);
    assert_int_equal(down_event(link_conn(client.link)).why, DOWN_RESET);
}

static void half_close(void **state)
{
    join(*(enum how *)*state);
    link_send(client.link, SLICE_LIT("all"));
    link_half_close(client.link);
    assert_false(link_send(client.link, SLICE_LIT("more")));
    UNTIL(server.downs == 1);
    assert_int_equal(server.why, DOWN_EOF);
    assert_true(got(&server, "all"));
    UNTIL(client.downs == 1);
    assert_int_equal(client.why, DOWN_EOF);
}

static void answer_at_end(struct end *e, struct slice octets)
{
    static uint8_t big[4 << 20];
    (void)octets;
    if (e->got_octets == 3)
        link_send(e->link, slice_of(big, sizeof(big)));
}

static void half_close_still_reads(void **state)
{
    server.in_octets = answer_at_end;
    client.count_only = true;
    join(*(enum how *)*state);
    link_send(client.link, SLICE_LIT("all"));
    link_half_close(client.link);
    UNTIL(client.downs == 1);
    assert_int_equal(client.got_octets, 4 << 20);
    assert_int_equal(client.why, DOWN_EOF);
    UNTIL(server.downs == 1);
    assert_int_equal(server.why, DOWN_EOF);
}

static size_t to_send, most_queued;

static void feed(struct end *e)
{
    static uint8_t piece[64 * 1024];
    while (to_send > 0 && link_queued_octets(e->link) < LINK_HIGH_WATER_OCTETS) {
        size_t n = to_send < sizeof(piece) ? to_send : sizeof(piece);
        memset(piece, (int)(to_send >> 16), n);
        assert_true(link_send(e->link, slice_of(piece, n)));
        to_send -= n;
        if (link_queued_octets(e->link) > most_queued)
            most_queued = link_queued_octets(e->link);
    }
    if (to_send == 0)
        link_close(e->link);
}

static uint64_t octet_sum;
static void sum_octets(struct end *e, struct slice octets)
{
    (void)e;
    for (size_t i = 0; i < octets.len; i++)
        octet_sum = octet_sum * 31 + octets.ptr[i];
}

static void back_pressure(void **state)
{
    static const size_t all = 20 << 20;
    uint64_t want = 0;
    for (size_t left = all; left > 0;) {
        size_t n = left < 65536 ? left : 65536;
        for (size_t i = 0; i < n; i++)
            want = want * 31 + (uint8_t)(left >> 16);
        left -= n;
    }
    to_send = all;
    most_queued = 0;
    octet_sum = 0;
    server.count_only = true;
    server.in_octets = sum_octets;
    client.in_drained = feed;
    join(*(enum how *)*state);
    link_pause(server.link);
    feed(&client);
    assert_true(to_send > 0);
    turns(50);
    assert_true(to_send > 0); /* nobody reads: the producer stands still */
    assert_int_equal(server.got_octets, 0);
    link_resume(server.link);
    UNTIL(server.downs == 1);
    assert_int_equal(server.got_octets, all);
    assert_int_equal(octet_sum, want);
    assert_true(most_queued <= LINK_HIGH_WATER_OCTETS + 65536);
    assert_true(client.drains > 1);
    assert_int_equal(server.why, DOWN_EOF);
    assert_int_equal(down_event(link_conn(client.link)).unsent, 0);
}

static void pausing(void **state)
{
    join(*(enum how *)*state);
    link_pause(server.link);
    link_send(client.link, SLICE_LIT("one"));
    turns(20);
    assert_int_equal(server.got_octets, 0);
    link_resume(server.link);
    assert_int_equal(server.got_octets, 0);
    UNTIL(got(&server, "one"));
    link_pause(server.link);
    link_close(client.link);
    UNTIL(client.downs == 1);
    turns(20);
    assert_int_equal(server.downs, 0); /* who does not read does not see the end */
    link_resume(server.link);
    UNTIL(server.downs == 1);
    assert_int_equal(server.why, DOWN_EOF);
}

/* unsent: the queue at the moment the peer cut is told. */
static void unsent(void **state)
{
    static uint8_t big[8 << 20];
    join(*(enum how *)*state);
    link_pause(server.link);
    link_send(client.link, slice_of(big, sizeof(big)));
    turns(5);
    size_t queued = link_queued_octets(client.link);
    assert_true(queued > 1 << 20);
    link_abort(server.link);
    UNTIL(client.downs == 1);
    assert_int_equal(client.why, DOWN_RESET);
    assert_int_equal(down_event(link_conn(client.link)).unsent, queued);
}

static void close_waits_for_queue(void **state)
{
    static uint8_t big[8 << 20];
    server.count_only = true;
    join(*(enum how *)*state);
    link_pause(server.link);
    link_send(client.link, slice_of(big, sizeof(big)));
    link_close(client.link);
    turns(10);
    assert_int_equal(client.downs, 0);
    link_resume(server.link);
    UNTIL(client.downs == 1 && server.downs == 1);
    assert_int_equal(server.got_octets, sizeof(big));
    assert_int_equal(client.why, DOWN_OURS);
    assert_int_equal(server.why, DOWN_EOF);
}

static void free_waits_for_queue(void **state)
{
    static uint8_t big[8 << 20];
    server.count_only = true;
    join(*(enum how *)*state);
    link_pause(server.link);
    link_send(client.link, slice_of(big, sizeof(big)));
    uint32_t conn = link_conn(client.link);
    link_free(&client.link);
    assert_null(client.link);
    turns(10);
    assert_int_equal(event_count(conn, EVENT_LINK_DOWN), 0);
    link_resume(server.link);
    UNTIL(server.downs == 1);
    assert_int_equal(server.got_octets, sizeof(big));
    assert_int_equal(client.downs, 0);
    assert_int_equal(down_event(conn).why, DOWN_OURS);
}

/* A peer that reads nothing does not keep an ending link for ever. */
static void lingering(void **state)
{
    static uint8_t big[8 << 20];
    for (int i = 0; i < 3; i++) {
        void *none = NULL;
        join(*(enum how *)*state);
        client.link->net->linger_ms = 30;
        link_pause(server.link);
        link_send(client.link, slice_of(big, sizeof(big)));
        uint32_t conn = link_conn(client.link);
        if (i == 0)
            link_close(client.link);
        else if (i == 1)
            link_abort(client.link);
        else
            link_free(&client.link);
        UNTIL(event_count(conn, EVENT_LINK_DOWN) == 1);
        turns(1);
        assert_int_equal(client.downs, i < 2);
        assert_int_equal(down_event(conn).why, i == 1 ? DOWN_ABORT : DOWN_TIMEOUT);
        assert_true(down_event(conn).unsent > 0);
        if (i == 0)
            assert_int_equal(client.down_err.domain, ERR_TIMEOUT);
        server.count_only = true;
        link_resume(server.link);
        UNTIL(server.downs == 1);
        assert_int_equal(server.why, DOWN_RESET);
        net_teardown(&none);
        net_setup(&none);
    }
}

/* The loop goes while links still have much to say. */
static void loop_goes_first(void **state)
{
    static uint8_t big[8 << 20];
    join(*(enum how *)*state);
    link_pause(server.link);
    link_send(client.link, slice_of(big, sizeof(big)));
    link_free(&client.link);
    loop_free(&loop);
    assert_false(link_is_up(server.link));
    assert_false(link_send(server.link, SLICE_LIT("x")));
    link_free(&server.link);
    listener_free(&listener);
    loop = loop_new();
}

static void free_up(struct end *e)
{
    link_free(&e->link);
}

static void free_octets(struct end *e, struct slice octets)
{
    (void)octets;
    link_free(&e->link);
}

static void free_in_up(void **state)
{
    client.in_up = free_up;
    join(*(enum how *)*state);
    UNTIL(server.downs == 1);
    assert_int_equal(client.downs, 0);
}

static void free_in_octets(void **state)
{
    server.in_octets = free_octets;
    join(*(enum how *)*state);
    link_send(client.link, SLICE_LIT("die"));
    UNTIL(client.downs == 1);
    assert_int_equal(client.why, DOWN_EOF);
    assert_int_equal(server.downs, 0);
}

static void free_other_in_octets(struct end *e, struct slice octets)
{
    (void)e;
    (void)octets;
    link_free(&client.link);
    link_free(&server.link);
}

static void free_both_in_octets(void **state)
{
    server.in_octets = free_other_in_octets;
    join(*(enum how *)*state);
    link_send(client.link, SLICE_LIT("die"));
    UNTIL(server.got_octets == 3);
    turns(10);
    assert_int_equal(client.downs + server.downs, 0);
}

static void free_in_drained(void **state)
{
    static uint8_t big[8 << 20];
    server.count_only = true;
    client.in_drained = free_up;
    join(*(enum how *)*state);
    link_send(client.link, slice_of(big, sizeof(big)));
    UNTIL(server.downs == 1);
    assert_int_equal(server.got_octets, sizeof(big));
}

static void free_in_down(void **state)
{
    client.in_down = server.in_down = free_up;
    join(*(enum how *)*state);
    link_close(client.link);
    UNTIL(client.downs == 1 && server.downs == 1);
    assert_null(client.link);
    turns(10);
}

static void free_in_accept(void **state)
{
    struct net_address at = ip("127.0.0.1", 0);
    (void)state;
    server.in_up = free_up;
    listen_at(&at);
    connect_to(listener_address(listener));
    UNTIL(client.downs == 1);
    assert_int_equal(client.why, DOWN_EOF);
}

static void free_while_connecting(void **state)
{
    struct net_address at = ip("127.0.0.1", 0);
    (void)state;
    listen_at(&at);
    connect_to(listener_address(listener));
    uint32_t conn = link_conn(client.link);
    link_free(&client.link);
    assert_int_equal(down_event(conn).why, DOWN_OURS);
    turns(10);
    assert_int_equal(client.ups + client.downs, 0);
}

/* Closing with octets unread must not cost the peer our last words. */
static void last_words(void **state)
{
    join(*(enum how *)*state);
    link_pause(server.link);
    link_send(client.link, SLICE_LIT("MAIL\r\nRCPT\r\n"));
    turns(10);
    link_send(server.link, SLICE_LIT("421 bye\r\n"));
    link_close(server.link);
    UNTIL(client.downs == 1);
    assert_true(got(&client, "421 bye\r\n"));
    assert_int_equal(client.why, DOWN_EOF);
}

static void listener_pauses(void **state)
{
    struct net_address at = ip("127.0.0.1", 0);
    (void)state;
    listen_at(&at);
    assert_int_not_equal(listener_address(listener)->port, 0);
    listener_pause(listener);
    connect_to(listener_address(listener));
    UNTIL(client.ups == 1);
    turns(20);
    assert_int_equal(server.ups, 0);
    listener_resume(listener);
    UNTIL(server.ups == 1);
}

static void address_in_use(void **state)
{
    struct net_address at = ip("127.0.0.1", 0);
    struct err err = {0};
    (void)state;
    listen_at(&at);
    assert_null(listener_new(loop, journal, listener_address(listener), "b", 0, false, on_accept,
                             &server, &err));
    assert_int_equal(err.code, EADDRINUSE);
    assert_true(err.text[0] && err.means[0] && err.next[0]);
}

/* Out of descriptors: say it once, do not spin, go on when a link has gone. */
static void starving(void **state)
{
    struct net_address at = ip("127.0.0.1", 0);
    struct rlimit was, low;
    int hog[64], n = 0;
    (void)state;
    listen_at(&at);
    connect_to(listener_address(listener));
    UNTIL(server.ups == 1);
    struct end first = server;
    listener_pause(listener);
    struct end second = {0};
    struct link *k = link_connect(loop, journal, journal_conn_new(journal),
                                  listener_address(listener), NULL, &handlers, &second);
    UNTIL(second.ups == 1);
    getrlimit(RLIMIT_NOFILE, &was);
    int top = dup(0);
    low = (struct rlimit){(rlim_t)top + 1, was.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    while (n < 64 && (hog[n] = dup(0)) >= 0)
        n++;
    listener_resume(listener);
    turns(50);
    assert_int_equal(server.ups, 1);
    assert_int_equal(event_count(0, EVENT_NOTE), 1);
    uint64_t begin_ns = clock_system()->tick_ns(NULL);
    loop_turn(loop, 50);
    assert_true(clock_system()->tick_ns(NULL) - begin_ns > 40000000); /* it sleeps */
    link_free(&first.link);
    UNTIL(server.ups == 2);
    while (n > 0)
        close(hog[--n]);
    close(top);
    setrlimit(RLIMIT_NOFILE, &was);
    link_free(&k);
}

static void addresses(void **state)
{
    static const struct {
        const char *text;
        const char *formatted; /* NULL: none */
        bool loopback;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1:25", true},
        {"127.9.9.9", "127.9.9.9:25", true},
        {"192.0.2.1", "192.0.2.1:25", false},
        {"::1", "[::1]:25", true},
        {"::", "[::]:25", false},
        {"::ffff:127.0.0.1", "[::ffff:127.0.0.1]:25", true},
        {"2001:db8::1", "[2001:db8::1]:25", false},
        {"fe80::1%lo", "[fe80::1%lo]:25", false},
        {"fe80::1%1", "[fe80::1%lo]:25", false},
        {"fe80::1%", NULL, false},
        {"fe80::1%nosuch", NULL, false},
        {"127.0.0.1%lo", NULL, false},
        {"[::1]", NULL, false},
        {"127.1", NULL, false},
        {"", NULL, false},
        {"localhost", NULL, false},
        {"1.2.3.4.5", NULL, false},
        {"256.0.0.1", NULL, false},
        {"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001", NULL, false},
    };
    char text[160];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct net_address a;
        bool ok = net_address_parse_ip(cases[i].text, 25, &a);
        assert_int_equal(ok, cases[i].formatted != NULL);
        if (!ok)
            continue;
        net_address_format(&a, text, sizeof(text));
        assert_string_equal(text, cases[i].formatted);
        assert_int_equal(net_address_is_loopback(&a), cases[i].loopback);
    }
    struct net_address u;
    assert_true(net_address_unix("/run/x", &u));
    net_address_format(&u, text, sizeof(text));
    assert_string_equal(text, "unix:/run/x");
    assert_true(net_address_is_loopback(&u));
    memset(text, 'a', 108);
    text[108] = '\0';
    assert_false(net_address_unix(text, &u));
    text[107] = '\0';
    assert_true(net_address_unix(text, &u));
    assert_false(net_address_unix("", &u));
}

static enum how over_tcp = TCP, over_memory = MEMORY;

#define BOTH(fn)                                                                                   \
    {#fn " tcp", fn, net_setup, net_teardown, &over_tcp},                                          \
    {                                                                                              \
#fn " memory", fn, net_setup, net_teardown, &over_memory                                   \
    }
#define ONE(fn)                                                                                    \
    {                                                                                              \
#fn, fn, net_setup, net_teardown, NULL                                                     \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(exchange),
        BOTH(events),
        ONE(v6),
        ONE(unix_socket),
        ONE(refused),
        ONE(timeout),
        ONE(source_address),
        BOTH(abort_resets),
        BOTH(half_close),
        BOTH(half_close_still_reads),
        BOTH(back_pressure),
        BOTH(pausing),
        BOTH(unsent),
        BOTH(close_waits_for_queue),
        BOTH(free_waits_for_queue),
        BOTH(lingering),
        BOTH(loop_goes_first),
        BOTH(free_in_up),
        BOTH(free_in_octets),
        BOTH(free_both_in_octets),
        BOTH(free_in_drained),
        BOTH(free_in_down),
        ONE(free_in_accept),
        ONE(free_while_connecting),
        BOTH(last_words),
        ONE(listener_pauses),
        ONE(address_in_use),
        ONE(starving),
        ONE(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
