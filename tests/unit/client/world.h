/* A loop, a journal, a practice server and raw peers, for the tests of mock and client. */
#ifndef TESTS_CLIENT_WORLD_H
#define TESTS_CLIENT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/mem.h"
#include "mock/mock.h"

enum { WORLD_DEADLINE_MS = 30000 };

struct world {
    struct loop *loop;
    struct journal *journal;
    struct mock *mock;
    bool late;
};

static inline void world_late(void *ctx)
{
    ((struct world *)ctx)->late = true;
}

struct world_wait {
    struct world *w;
    bool (*done)(void *ctx);
    void *ctx;
};

static inline bool world_done(void *ctx)
{
    struct world_wait *wait = ctx;
    return wait->w->late || wait->done(wait->ctx);
}

/* Run the loop until done; false: it never was. */
static inline bool world_run(struct world *w, bool (*done)(void *ctx), void *ctx)
{
    struct world_wait wait = {w, done, ctx};
    struct loop_timer *deadline = loop_timer_new(w->loop, world_late, w);
    w->late = false;
    loop_timer_start(deadline, WORLD_DEADLINE_MS);
    loop_run_until(w->loop, world_done, &wait);
    loop_timer_free(&deadline);
    return done(ctx);
}

static inline void world_open(struct world *w, const struct clock *clock,
                              const struct mock_options *options)
{
    memset(w, 0, sizeof(*w));
    w->loop = loop_new();
    w->journal = journal_new(clock ? clock : clock_system());
    w->mock = mock_new(w->loop, w->journal, options);
}

static inline void world_close(struct world *w)
{
    mock_free(&w->mock);
    journal_free(&w->journal);
    loop_free(&w->loop);
}

static inline struct net_address world_listen(struct world *w, enum mock_service service)
{
    struct net_address at;
    struct err err = {0};
    assert_true(net_address_parse_ip("127.0.0.1", 0, &at));
    if (!mock_listen(w->mock, service, &at, false, &err))
        fail_msg("listen: %s", err.text);
    return *mock_address(w->mock, service);
}

/* How many events of a kind there are; the last of them in *out (may be NULL). */
static inline size_t world_events(const struct world *w, enum event_kind kind,
                                  const struct event **out)
{
    size_t n = 0;
    for (uint64_t seq = journal_first(w->journal); seq && seq <= journal_last(w->journal); seq++) {
        const struct event *ev = journal_at(w->journal, seq);
        if (!ev || ev->kind != kind)
            continue;
        n++;
        if (out)
            *out = ev;
    }
    return n;
}

/* ---- a raw client ---- */

struct peer {
    struct world *w;
    struct link *link;
    struct buf got;
    bool up, down, tls;
    enum event_down why;
    const char *expect;
};

static inline void peer_on_up(void *ctx)
{
    ((struct peer *)ctx)->up = true;
}

static inline void peer_on_octets(void *ctx, struct slice octets)
{
    buf_append(&((struct peer *)ctx)->got, octets);
}

static inline void peer_on_tls(void *ctx, const struct err *err)
{
    ((struct peer *)ctx)->tls = err == NULL;
}

static inline void peer_on_down(void *ctx, enum event_down why, const struct err *err)
{
    struct peer *p = ctx;
    (void)err;
    p->down = true;
    p->why = why;
}

static const struct link_handlers peer_handlers = {.on_up = peer_on_up,
                                                   .on_octets = peer_on_octets,
                                                   .on_tls = peer_on_tls,
                                                   .on_down = peer_on_down};

/* to NULL: by memory. */
static inline void peer_open(struct peer *p, struct world *w, enum mock_service service,
                             const struct net_address *to)
{
    memset(p, 0, sizeof(*p));
    p->w = w;
    buf_init(&p->got, 16 << 20);
    uint32_t conn = journal_conn_new(w->journal);
    p->link = to ? link_connect(w->loop, w->journal, conn, to, &(struct link_options){0},
                                &peer_handlers, p)
                 : mock_connect(w->mock, conn, service, &peer_handlers, p);
}

static inline void peer_close(struct peer *p)
{
    link_free(&p->link);
    buf_deinit(&p->got);
}

static inline bool peer_got(void *ctx)
{
    struct peer *p = ctx;
    return slice_find(buf_slice(&p->got), slice_cstr(p->expect)) >= 0;
}

static inline bool peer_got_or_down(void *ctx)
{
    return ((struct peer *)ctx)->down || peer_got(ctx);
}

static inline bool peer_is_down(void *ctx)
{
    return ((struct peer *)ctx)->down;
}

static inline bool peer_is_tls(void *ctx)
{
    return ((struct peer *)ctx)->tls || ((struct peer *)ctx)->down;
}

/* Wait for this text; what came up to its end is forgotten. */
static inline void peer_expect_at(struct peer *p, const char *text, const char *file, int line)
{
    p->expect = text;
    world_run(p->w, peer_got_or_down, p);
    if (!peer_got(p)) {
        print_error("%s:%d: expected \"%s\", got \"%s\"%s\n", file, line, text, buf_cstr(&p->got),
                    p->down ? " and the end" : "");
        fail();
    }
    size_t end = (size_t)slice_find(buf_slice(&p->got), slice_cstr(text)) + strlen(text);
    buf_consume(&p->got, end);
}
#define peer_expect(p, text) peer_expect_at((p), (text), __FILE__, __LINE__)

static inline void peer_say(struct peer *p, const char *text)
{
    assert_true(link_send(p->link, slice_cstr(text)));
}

#define peer_ask(p, say, answer)                                                                   \
    do {                                                                                           \
        peer_say((p), (say));                                                                      \
        peer_expect((p), (answer));                                                                \
    } while (0)

static inline void peer_expect_down(struct peer *p)
{
    assert_true(world_run(p->w, peer_is_down, p));
}

static inline void peer_hello(struct peer *p)
{
    peer_expect(p, "220 mx.example.test");
    peer_ask(p, "EHLO client.test\r\n", "250 HELP\r\n");
}

static inline bool world_want_files(unsigned n)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    if (limit.rlim_cur < n) {
        limit.rlim_cur = limit.rlim_max < n ? limit.rlim_max : n;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur >= n;
}

#endif
