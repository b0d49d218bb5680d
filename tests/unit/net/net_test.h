/* What the tests of net share: ends that write down what happens to them, over a loop and a
 * journal. Nothing sleeps: a test turns the loop until what it waits for has happened. */
#ifndef NET_TEST_H
#define NET_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/link.h"

#include <stdio.h>
#include <string.h>

struct end {
    struct link *link;
    struct buf got;
    size_t got_octets; /* also where `count_only` keeps nothing */
    bool count_only;
    unsigned ups, tls_calls, drains, downs;
    bool tls_ok;
    struct err tls_err, down_err;
    bool down_has_err;
    enum event_down why;
    /* What to do in a handler, and once. */
    void (*in_up)(struct end *e);
    void (*in_octets)(struct end *e, struct slice octets);
    void (*in_tls)(struct end *e, const struct err *err);
    void (*in_drained)(struct end *e);
    void (*in_down)(struct end *e);
};

static struct loop *loop;
static struct journal *journal;
static struct end client, server;
static struct listener *listener;

static void on_up(void *ctx)
{
    struct end *e = ctx;
    e->ups++;
    if (e->in_up != NULL)
        e->in_up(e);
}

static void on_octets(void *ctx, struct slice octets)
{
    struct end *e = ctx;
    assert_int_equal(e->downs, 0);
    e->got_octets += octets.len;
    if (!e->count_only)
        assert_true(buf_append(&e->got, octets));
    if (e->in_octets != NULL)
        e->in_octets(e, octets);
}

static void on_tls(void *ctx, const struct err *err)
{
    struct end *e = ctx;
    e->tls_calls++;
    e->tls_ok = err == NULL;
    if (err != NULL)
        e->tls_err = *err;
    if (e->in_tls != NULL)
        e->in_tls(e, err);
}

static void on_drained(void *ctx)
{
    struct end *e = ctx;
    e->drains++;
    if (e->in_drained != NULL)
        e->in_drained(e);
}

static void on_down(void *ctx, enum event_down why, const struct err *err)
{
    struct end *e = ctx;
    e->downs++;
    e->why = why;
    e->down_has_err = err != NULL;
    if (err != NULL)
        e->down_err = *err;
    if (e->in_down != NULL)
        e->in_down(e);
}

static const struct link_handlers handlers = {on_up, on_octets, on_tls, on_drained, on_down};

static void on_accept(void *ctx, struct link *link)
{
    struct end *e = ctx;
    e->link = link;
    link_set_handlers(link, &handlers, e);
    e->ups++;
    if (e->in_up != NULL)
        e->in_up(e);
}

static int net_setup(void **state)
{
    (void)state;
    loop = loop_new();
    journal = journal_new(clock_system());
    client = (struct end){0};
    server = (struct end){0};
    buf_init(&client.got, 64 << 20);
    buf_init(&server.got, 64 << 20);
    listener = NULL;
    return 0;
}

static int net_teardown(void **state)
{
    (void)state;
    listener_free(&listener);
    link_free(&client.link);
    link_free(&server.link);
    loop_free(&loop);
    journal_free(&journal);
    buf_deinit(&client.got);
    buf_deinit(&server.got);
    return 0;
}

/* Turn the loop until cond; a bound on turns that do nothing keeps a failing test from hanging. */
#define UNTIL(cond)                                                                                \
    do {                                                                                           \
        unsigned turns_ = 0;                                                                       \
        while (!(cond)) {                                                                          \
            if (turns_++ > 20000)                                                                  \
                fail_msg("never came: %s", #cond);                                                 \
            loop_turn(loop, 20);                                                                   \
        }                                                                                          \
    } while (0)

static inline void turns(unsigned n)
{
    while (n-- > 0)
        loop_turn(loop, 0);
}

static inline struct net_address ip(const char *text, uint16_t port)
{
    struct net_address a;
    assert_true(net_address_parse_ip(text, port, &a));
    return a;
}

static inline void listen_at(const struct net_address *at)
{
    struct err err = {0};
    listener = listener_new(loop, journal, at, "test", 0, true, on_accept, &server, &err);
    if (listener == NULL)
        fail_msg("%s", err.text);
}

static inline void connect_to(const struct net_address *to)
{
    struct link_options o = {.name = "test.example"};
    client.link =
        link_connect(loop, journal, journal_conn_new(journal), to, &o, &handlers, &client);
}

enum how { TCP, MEMORY };

/* client.link and server.link, both up. */
static inline void join(enum how how)
{
    if (how == MEMORY) {
        uint32_t client_conn = journal_conn_new(journal), server_conn = journal_conn_new(journal);
        link_pair(loop, journal, client_conn, server_conn, &handlers, &client, &handlers, &server,
                  &client.link, &server.link);
    } else {
        struct net_address at = ip("127.0.0.1", 0);
        listen_at(&at);
        connect_to(listener_address(listener));
    }
    UNTIL(client.ups == 1 && server.ups == 1);
}

static inline bool got(const struct end *e, const char *text)
{
    return slice_eq(buf_slice(&e->got), slice_cstr(text));
}

/* The only event of that kind on that connection; NULL: none; fails when there are several. */
static inline const struct event *event_one(uint32_t conn, enum event_kind kind)
{
    const struct event *found = NULL;
    for (uint64_t seq = journal_first(journal); seq != 0 && seq <= journal_last(journal); seq++) {
        const struct event *ev = journal_at(journal, seq);
        if (ev == NULL || ev->conn != conn || ev->kind != kind)
            continue;
        assert_null(found);
        found = ev;
    }
    return found;
}

static inline unsigned event_count(uint32_t conn, enum event_kind kind)
{
    unsigned n = 0;
    for (uint64_t seq = journal_first(journal); seq != 0 && seq <= journal_last(journal); seq++) {
        const struct event *ev = journal_at(journal, seq);
        n += ev != NULL && ev->conn == conn && ev->kind == kind;
    }
    return n;
}

static inline struct ev_link_down down_event(uint32_t conn)
{
    struct ev_link_down down;
    const struct event *ev = event_one(conn, EVENT_LINK_DOWN);
    assert_non_null(ev);
    EVENT_GET(ev, LINK_DOWN, &down);
    return down;
}

#endif
