/* What callers see of a link, and its end.
 *
 * Every end goes through link_end (when the queue has left) and link_down (now), which appends
 * LINK_DOWN exactly once, closes the transport and makes on_down due. Handlers run from the loop
 * only: what happens inside a call of the owner's is marked with link_due and told at the end of
 * the turn.
 */
#include "net/net_private.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

static void net_free(void *ctx)
{
    struct net *n = ctx;
    while (n->listeners != NULL)
        listener_discard(n->listeners);
    while (n->links != NULL)
        link_discard(n->links);
    children_discard(n);
    mem_free(n->read_octets);
    mem_free(n->plain_octets);
    mem_free(n);
}

struct net *net_of(struct loop *l)
{
    struct net *n = loop_net(l);
    if (n == NULL) {
        n = mem_zalloc(sizeof(*n));
        n->loop = l;
        n->linger_ms = LINGER_MS;
        n->read_octets = mem_alloc(LINK_READ_OCTETS);
        loop_set_net(l, n, net_free);
    }
    return n;
}

struct link *link_new(struct loop *l, struct journal *j, uint32_t conn, bool server,
                      const struct link_transport *transport)
{
    struct link *k = mem_zalloc(sizeof(*k));
    k->net = net_of(l);
    k->journal = j;
    k->conn = conn;
    k->server = server;
    k->transport = transport;
    if (transport != &transport_memory)
        k->t.sock.fd = -1;
    k->next = k->net->links;
    if (k->next != NULL)
        k->next->prev = k;
    k->net->links = k;
    return k;
}

static void unlist(struct link *k)
{
    if (k->net == NULL)
        return;
    if (k->prev != NULL)
        k->prev->next = k->next;
    else
        k->net->links = k->next;
    if (k->next != NULL)
        k->next->prev = k->prev;
    k->net = NULL;
}

static void start_free(struct link *k)
{
    if (k->start != NULL)
        mem_free(k->start->name);
    mem_free(k->start);
    k->start = NULL;
}

static void release_if_over(struct link *k)
{
    if (!k->orphan || k->state != LINK_DOWN || k->busy > 0 || k->deferred || k->handle_open)
        return;
    unlist(k);
    start_free(k);
    link_hops_free(k);
    mem_free(k->err);
    mem_free(k->peer_wide);
    mem_free(k);
}

void link_enter(struct link *k)
{
    k->busy++;
}

void link_leave(struct link *k)
{
    k->busy--;
    release_if_over(k);
}

void link_closed(struct link *k)
{
    k->handle_open = false;
    release_if_over(k);
}

unsigned link_flags(const struct link *k)
{
    return k->backstage ? EVENT_FLAG_BACKSTAGE : 0;
}

uint64_t link_now_ns(const struct link *k)
{
    const struct clock *clock = journal_clock(k->journal);
    return clock->tick_ns(clock->ctx);
}

enum event_dir link_dir_out(const struct link *k)
{
    return k->server ? DIR_S : DIR_C;
}

enum event_dir link_dir_in(const struct link *k)
{
    return k->server ? DIR_C : DIR_S;
}

bool link_wants_input(const struct link *k)
{
    return k->state == LINK_UP && !k->peer_eof && (k->ending || !k->paused);
}

/* ---- handlers ---- */

static bool take_due(struct link *k, enum link_due what)
{
    bool due = (k->due & what) != 0;
    k->due &= (uint8_t)~what;
    return due && k->handlers != NULL;
}

static void run_due(void *ctx)
{
    struct link *k = ctx;
    k->deferred = false;
    link_enter(k);
    if (k->transport == &transport_memory)
        memory_run(k);
    if (k->transport == &transport_pipe)
        child_run(k);
    if (take_due(k, DUE_INPUT) && k->tls != NULL && !k->paused)
        link_tls_resume(k);
    if (take_due(k, DUE_TLS_FAIL) && k->handlers->on_tls != NULL && k->err != NULL)
        k->handlers->on_tls(k->ctx, k->err);
    if (take_due(k, DUE_DRAINED) && k->state == LINK_UP && k->handlers->on_drained != NULL)
        k->handlers->on_drained(k->ctx);
    if (take_due(k, DUE_DOWN)) {
        const struct link_handlers *handlers = k->handlers;
        k->handlers = NULL; /* the last call */
        if (handlers->on_down != NULL)
            handlers->on_down(k->ctx, (enum event_down)k->end_why, k->err);
    }
    link_leave(k);
}

void link_due(struct link *k, unsigned what)
{
    k->due |= (uint8_t)what;
    if (k->deferred || k->net == NULL)
        return;
    k->deferred = true;
    loop_defer(k->net->loop, run_due, k);
}

void link_deliver(struct link *k, struct slice plain)
{
    if (k->handlers != NULL && k->handlers->on_octets != NULL && !k->ending)
        k->handlers->on_octets(k->ctx, plain);
}

/* ---- up ---- */

void link_set_peer(struct link *k, const struct net_address *peer)
{
    memcpy(k->peer.ip, peer->ip, sizeof(k->peer.ip));
    k->peer.port = peer->port;
    k->peer.scope_id = peer->scope_id;
    k->peer.family = (uint8_t)peer->family;
    if (peer->family == NET_UNIX || peer->family == NET_PIPE)
        k->peer_wide = mem_dup(peer, sizeof(*peer));
}

static void peer_get(const struct link *k, struct net_address *out)
{
    if (k->peer_wide != NULL) {
        *out = *k->peer_wide;
        return;
    }
    *out = (struct net_address){.family = (enum net_family)k->peer.family,
                                .port = k->peer.port,
                                .scope_id = k->peer.scope_id};
    memcpy(out->ip, k->peer.ip, sizeof(out->ip));
}

void link_came_up(struct link *k, const char *local, const struct net_address *local_address,
                  uint64_t elapsed_us, const char *name)
{
    static const struct net_address unknown = {.family = NET_MEMORY};
    char peer[160];
    struct net_address address;
    peer_get(k, &address);
    net_address_format(&address, peer, sizeof(peer));
    JOURNAL_APPEND(k->journal, k->conn, LINK_UP, link_flags(k), 0,
                   (struct ev_link_up){.side = k->server ? SIDE_SERVER : SIDE_CLIENT,
                                       .transport = k->transport->kind,
                                       .local = slice_cstr(local),
                                       .peer = slice_cstr(peer),
                                       .elapsed_us = elapsed_us,
                                       .name = slice_cstr(name)});
    k->state = LINK_UP;
    if (k->hops != NULL) /* the time to connect includes them */
        link_hops_begin(k, local_address != NULL ? local_address : &unknown);
    else
        link_ready(k);
}

void link_ready(struct link *k)
{
    loop_timer_free(&k->timer);
    start_free(k);
    if (k->handlers != NULL && k->handlers->on_up != NULL)
        k->handlers->on_up(k->ctx);
}

static void connect_timeout(void *ctx)
{
    struct link *k = ctx;
    struct err e;
    err_connect_timeout(&e, link_peer(k), k->start->timeout_ms);
    link_down(k, DOWN_TIMEOUT, &e);
}

struct link *link_connect(struct loop *l, struct journal *j, uint32_t conn,
                          const struct net_address *to, const struct link_options *options,
                          const struct link_handlers *handlers, void *ctx)
{
    static const struct link_options none;
    const struct link_options *o = options != NULL ? options : &none;
    BUG_IF(to->family == NET_MEMORY);
    struct link *k =
        link_new(l, j, conn, false, to->family == NET_UNIX ? &transport_unix : &transport_tcp);
    char text[160];
    k->handlers = handlers;
    k->ctx = ctx;
    k->backstage = o->backstage;
    k->keep_wire = o->keep_wire;
    k->start = mem_zalloc(sizeof(*k->start));
    k->start->name = mem_strdup(o->name);
    k->start->tick_ns = link_now_ns(k);
    k->start->timeout_ms = o->connect_timeout_ms;
    link_set_peer(k, to);
    link_set_hops(k, o->hops, o->n_hops);
    net_address_format(to, text, sizeof(text));
    JOURNAL_APPEND(j, conn, LINK_TRY, link_flags(k), 0,
                   (struct ev_link_try){.address = slice_cstr(text),
                                        .attempt = o->attempt > 0 ? o->attempt : 1,
                                        .attempts = o->attempts > 0 ? o->attempts : 1});
    if (o->connect_timeout_ms > 0) {
        k->timer = loop_timer_new(l, connect_timeout, k);
        loop_timer_start(k->timer, o->connect_timeout_ms);
    }
    socket_connect(k, to, o->source);
    return k;
}

/* ---- in ---- */

void link_input(struct link *k, struct slice wire)
{
    if (k->hops != NULL)
        link_hops_input(k, wire);
    else if (k->tls != NULL)
        link_tls_input(k, wire);
    else
        link_deliver(k, wire);
}

void link_input_eof(struct link *k)
{
    struct err e;
    /* What breaks while we answer the end with ours does not make it another end. */
    bool broken = k->broken_errno != 0;
    k->peer_eof = true;
    if (k->ending)
        return;
    if (k->tls != NULL)
        link_tls_eof(k);
    if (broken) {
        err_broke(&e, !k->server, k->broken_errno);
        link_end(k, DOWN_RESET, &e);
    } else if (k->hops != NULL) {
        err_set(&e, ERR_CONNECT, 0, "the proxy closed the connection before the way was open");
        err_explain(&e, "it did not like what was asked, or it is no proxy",
                    "check the proxy's port and kind; its log tells more");
        link_end(k, DOWN_EOF, &e);
    } else {
        err_peer_closed(&e, !k->server);
        link_end(k, DOWN_EOF, &e);
    }
}

void link_read_broke(struct link *k, int sys_errno)
{
    struct err e;
    err_broke(&e, !k->server, sys_errno);
    link_down(k, down_of_errno(sys_errno), &e);
}

void link_write_broke(struct link *k)
{
    k->dropped_octets += k->out.octets;
    out_clear(&k->out);
    /* The peer may have said why before it cut: read on until the end of what came. */
    if (link_wants_input(k) && !k->ending)
        k->transport->arrange(k);
    else if (k->ending || !k->peer_eof)
        link_read_broke(k, k->broken_errno);
}

/* ---- the end ---- */

static void linger_over(void *ctx)
{
    struct link *k = ctx;
    struct err e;
    if (k->end_why == DOWN_ABORT || k->end_why == DOWN_TLS) {
        link_down(k, (enum event_down)k->end_why, k->err);
        return;
    }
    err_linger(&e, k->out.octets, k->net->linger_ms);
    mem_free(k->err);
    k->err = NULL;
    link_down(k, DOWN_TIMEOUT, &e);
}

static void linger_start(struct link *k)
{
    if (k->timer == NULL)
        k->timer = loop_timer_new(k->net->loop, linger_over, k);
    loop_timer_start(k->timer, k->net->linger_ms);
}

static void keep_err(struct link *k, const struct err *err)
{
    if (k->err == NULL && err != NULL)
        k->err = mem_dup(err, sizeof(*err));
}

void link_end(struct link *k, enum event_down why, const struct err *err)
{
    if (k->state == LINK_DOWN)
        return;
    if (k->state == LINK_CONNECTING) {
        link_down(k, why, err);
        return;
    }
    if (k->ending) {
        if (why == DOWN_ABORT && k->end_why == DOWN_OURS)
            k->end_why = DOWN_ABORT;
        return;
    }
    if (why == DOWN_OURS && k->tls != NULL)
        link_tls_close_notify(k);
    if (k->state == LINK_DOWN)
        return;
    k->ending = true;
    k->end_why = (uint8_t)why;
    keep_err(k, err);
    if (k->hops != NULL) { /* its timer is the one of connecting */
        loop_timer_free(&k->timer);
        link_hops_free(k);
    }
    if (k->out.octets == 0) {
        link_down(k, why, err);
        return;
    }
    linger_start(k);
    k->transport->arrange(k);
}

void link_progress(struct link *k)
{
    if (k->was_high && k->out.octets < LINK_LOW_WATER_OCTETS) {
        k->was_high = false;
        link_due(k, DUE_DRAINED);
    }
    if (k->out.octets > 0) {
        if (k->ending)
            linger_start(k);
    } else if (k->ending) {
        link_down(k, (enum event_down)k->end_why, k->err);
    } else if (k->half_close && !k->shut) {
        k->shut = true;
        k->transport->shut(k);
    }
}

static void append_down(struct link *k, enum event_down why)
{
    size_t left = k->out.octets + k->dropped_octets;
    struct ev_link_down ev = {.why = why,
                              .unsent = left > k->notify_octets ? left - k->notify_octets : 0};
    bool orderly = why == DOWN_EOF || why == DOWN_OURS || why == DOWN_ABORT;
    if (k->err != NULL && !orderly) {
        bool of_system = k->err->domain == ERR_CONNECT || k->err->domain == ERR_CLOSED;
        ev.code = of_system ? k->err->code : 0;
        ev.text =
            slice_cstr(of_system && k->err->code != 0 ? uv_strerror(-k->err->code) : k->err->text);
    }
    journal_append(k->journal, k->conn, EVENT_LINK_DOWN, link_flags(k), 0, &ev);
}

void link_down(struct link *k, enum event_down why, const struct err *err)
{
    struct err cut;
    if (k->state == LINK_DOWN)
        return;
    if (link_tls_in_handshake(k) && why != DOWN_OURS && why != DOWN_ABORT && why != DOWN_TLS) {
        if (err != NULL)
            cut = *err;
        else
            err_peer_closed(&cut, !k->server);
        link_tls_cut(k, &cut);
        mem_free(k->err);
        k->err = NULL;
        err = &cut;
    }
    keep_err(k, err);
    k->end_why = (uint8_t)why;
    append_down(k, why);
    k->state = LINK_DOWN;
    out_clear(&k->out);
    loop_timer_free(&k->timer);
    link_tls_free(k);
    k->transport->close(k, why == DOWN_ABORT || why == DOWN_TIMEOUT);
    link_due(k, DUE_DOWN);
    listeners_resume_after_close(k->net);
}

void link_discard(struct link *k)
{
    if (k->deferred)
        loop_defer_cancel(k->net->loop, k);
    unlist(k);
    k->deferred = false;
    k->handlers = NULL;
    loop_timer_free(&k->timer);
    link_tls_free(k);
    out_clear(&k->out);
    k->state = LINK_DOWN;
    if (k->transport == &transport_memory)
        memory_part(k);
    else
        socket_discard(k);
    release_if_over(k);
}

/* ---- what the owner asks for ---- */

bool link_is_up(const struct link *k)
{
    return k->state == LINK_UP && !k->ending && k->broken_errno == 0 && k->hops == NULL;
}

bool link_send(struct link *k, struct slice octets)
{
    if (!link_is_up(k) || k->half_close || (k->tls != NULL && !link_tls_is_up(k)))
        return false;
    if (k->tls != NULL)
        return link_tls_send(k, octets);
    link_write_wire(k, octets);
    return true;
}

size_t link_queued_octets(const struct link *k)
{
    return k->out.octets;
}

bool link_is_tls(const struct link *k)
{
    return k->tls != NULL && link_tls_is_up(k);
}

void link_pause(struct link *k)
{
    k->paused = true;
    if (k->state == LINK_UP)
        k->transport->arrange(k);
}

void link_resume(struct link *k)
{
    if (!k->paused)
        return;
    k->paused = false;
    if (k->state != LINK_UP)
        return;
    if (k->tls != NULL)
        link_due(k, DUE_INPUT);
    k->transport->arrange(k);
}

void link_close(struct link *k)
{
    link_end(k, DOWN_OURS, NULL);
}

void link_half_close(struct link *k)
{
    if (!link_is_up(k) || k->half_close)
        return;
    if (k->tls != NULL)
        link_tls_close_notify(k);
    k->half_close = true;
    if (k->state == LINK_UP)
        link_progress(k);
}

void link_abort(struct link *k)
{
    link_end(k, DOWN_ABORT, NULL);
}

void link_free(struct link **kp)
{
    struct link *k = *kp;
    if (k == NULL)
        return;
    *kp = NULL;
    k->handlers = NULL;
    k->ctx = NULL;
    k->orphan = true;
    link_enter(k);
    if (k->state != LINK_DOWN)
        link_end(k, DOWN_OURS, NULL);
    link_leave(k);
}

void link_set_keep_wire(struct link *k, bool keep)
{
    k->keep_wire = keep;
}

uint32_t link_conn(const struct link *k)
{
    return k->conn;
}

bool link_channel_binding(struct link *k, uint8_t out[32])
{
    return k->tls != NULL && link_tls_channel_binding(k, out);
}

size_t link_tls_unique(struct link *k, uint8_t out[LINK_TLS_UNIQUE_OCTETS])
{
    return k->tls != NULL ? link_tls_unique_octets(k, out, LINK_TLS_UNIQUE_OCTETS) : 0;
}

void link_tls_early(struct link *k, struct slice wire)
{
    if (k->tls != NULL && k->state == LINK_UP)
        link_tls_input(k, wire);
}

bool link_client_identity(struct link *k, char *out, size_t out_octets)
{
    return k->tls != NULL && link_tls_client_identity(k, out, out_octets);
}

void link_set_handlers(struct link *k, const struct link_handlers *handlers, void *ctx)
{
    k->handlers = handlers;
    k->ctx = ctx;
}

/* net_address has room for a path; most of ten thousand idle links are never asked. */
const struct net_address *link_peer(const struct link *k)
{
    if (k->peer_wide == NULL) {
        struct net_address a;
        peer_get(k, &a);
        ((struct link *)(uintptr_t)k)->peer_wide = mem_dup(&a, sizeof(a));
    }
    return k->peer_wide;
}
