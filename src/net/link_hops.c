/* The hops of a link: what stands between "connected" and the owner's first octet. */
#include "net/hop.h"
#include "net/net_private.h"

#include "base/mem.h"

enum { HOPS_MAX = 4, HOP_OUT_MAX_OCTETS = 8192 };

struct link_hops {
    struct link_hop list[HOPS_MAX]; /* strings and addresses are our own copies */
    struct secret passwords[HOPS_MAX];
    struct net_address addresses[HOPS_MAX][2];
    size_t n, at;
    struct net_address local;
    struct hop *now;
};

void link_set_hops(struct link *k, const struct link_hop *hops, size_t n_hops)
{
    BUG_IF(k->state != LINK_CONNECTING || k->hops != NULL || n_hops > HOPS_MAX);
    if (n_hops == 0)
        return;
    struct link_hops *s = k->hops = mem_zalloc(sizeof(*s));
    s->n = n_hops;
    for (size_t i = 0; i < n_hops; i++) {
        struct link_hop *h = &s->list[i];
        *h = hops[i];
        h->host = mem_strdup(hops[i].host);
        h->user = mem_strdup(hops[i].user);
        secret_init(&s->passwords[i]);
        if (hops[i].password != NULL)
            secret_set(&s->passwords[i], secret_slice(hops[i].password));
        h->password = &s->passwords[i];
        if (hops[i].source != NULL)
            s->addresses[i][0] = *hops[i].source;
        h->source = hops[i].source != NULL ? &s->addresses[i][0] : NULL;
        if (hops[i].destination != NULL)
            s->addresses[i][1] = *hops[i].destination;
        h->destination = hops[i].destination != NULL ? &s->addresses[i][1] : NULL;
    }
}

void link_hops_free(struct link *k)
{
    struct link_hops *s = k->hops;
    k->hops = NULL;
    if (s == NULL)
        return;
    hop_free(&s->now);
    for (size_t i = 0; i < s->n; i++) {
        mem_free((void *)(uintptr_t)s->list[i].host);
        mem_free((void *)(uintptr_t)s->list[i].user);
        secret_clear(&s->passwords[i]);
    }
    mem_free(s);
}

static void said(void *ctx, const char *kind, enum event_dir dir, struct slice octets,
                 const char *text)
{
    struct link *k = ctx;
    JOURNAL_APPEND(
        k->journal, k->conn, HOP, link_flags(k), 0,
        (struct ev_hop){
            .via = slice_cstr(kind), .dir = dir, .text = slice_cstr(text), .octets = octets});
}

/* Send what a hop wrote, and see to its end. False: the link is on its way down, or the proxy's
 * turn has come. */
static bool go_on(struct link *k, enum hop_result result, struct buf *out, const struct err *err)
{
    if (out->len > 0) {
        link_write_wire(k, buf_slice(out));
        mem_wipe(out->ptr, out->len);
        buf_reset(out);
    }
    if (k->state != LINK_UP || k->hops == NULL)
        return false;
    if (result == HOP_FAILED) {
        link_down(k, err->code != 0 ? down_of_connect_errno(err->code) : DOWN_UNREACHED, err);
        return false;
    }
    if (result == HOP_DONE)
        hop_free(&k->hops->now);
    return result == HOP_DONE;
}

/* Hops that need no answer are done at once. */
static void run(struct link *k)
{
    struct err err;
    struct buf out;
    bool more = true;
    buf_init(&out, HOP_OUT_MAX_OCTETS);
    while (more && k->hops != NULL && k->hops->at < k->hops->n) {
        struct link_hops *s = k->hops;
        s->now = hop_new(&s->list[s->at++], &s->local, link_peer(k), said, k);
        more = go_on(k, hop_begin(s->now, &out, &err), &out, &err);
    }
    buf_deinit(&out);
    if (more && k->hops != NULL && k->hops->now == NULL) {
        link_hops_free(k);
        link_ready(k);
    }
}

void link_hops_begin(struct link *k, const struct net_address *local)
{
    k->hops->local = *local;
    run(k);
}

void link_hops_input(struct link *k, struct slice wire)
{
    struct err err;
    struct buf out;
    size_t used = 0;
    if (k->ending || k->hops->now == NULL)
        return;
    buf_init(&out, HOP_OUT_MAX_OCTETS);
    bool done = go_on(k, hop_feed(k->hops->now, wire, &used, &out, &err), &out, &err);
    buf_deinit(&out);
    if (!done)
        return;
    run(k);
    wire = slice_skip(wire, used);
    if (wire.len > 0 && k->state == LINK_UP)
        link_input(k, wire);
}
