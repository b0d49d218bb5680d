/* Two links joined in memory.
 *
 * What one end sends stays in its own queue until the other end takes it in its turn of the loop,
 * at most LINK_READ_OCTETS a turn and nothing while it is paused: so link_queued_octets grows as it
 * does on a socket whose peer does not read, and the same producers hold back.
 */
#include "net/net_private.h"

#include "base/mem.h"

#include <errno.h>

static enum out_result memory_write(struct link *k, struct slice fresh, size_t *fresh_used_out)
{
    *fresh_used_out = 0;
    if (k->t.memory.got_reset) {
        k->broken_errno = EPIPE;
        return OUT_BROKEN;
    }
    /* A socket takes octets for a peer that is gone as well; the end of file tells soon enough. */
    if (k->t.memory.peer == NULL)
        *fresh_used_out = fresh.len;
    return OUT_BLOCKED;
}

static void memory_arrange(struct link *k)
{
    struct memory_end *m = &k->t.memory;
    if (k->out.octets > 0 && m->peer != NULL)
        link_due(m->peer, 0);
    if (link_wants_input(k) && (m->got_eof || m->got_reset || (m->peer && m->peer->out.octets > 0)))
        link_due(k, 0);
}

static void memory_shut(struct link *k)
{
    if (k->t.memory.peer == NULL)
        return;
    k->t.memory.peer->t.memory.got_eof = true;
    link_due(k->t.memory.peer, 0);
}

void memory_part(struct link *k)
{
    struct link *peer = k->t.memory.peer;
    if (peer == NULL)
        return;
    k->t.memory.peer = NULL;
    peer->t.memory.peer = NULL;
}

static void memory_close(struct link *k, bool reset)
{
    struct link *peer = k->t.memory.peer;
    if (peer == NULL)
        return;
    memory_part(k);
    if (reset)
        peer->t.memory.got_reset = true;
    else
        peer->t.memory.got_eof = true;
    link_due(peer, 0);
}

static void deliver(struct link *k)
{
    struct link *peer = k->t.memory.peer;
    size_t left_octets = LINK_READ_OCTETS;
    while (peer != NULL && peer->out.head != NULL && left_octets > 0 && link_wants_input(k)) {
        struct out_chunk *c = peer->out.head;
        struct slice octets = slice_of(c->octets + c->start, c->end - c->start);
        octets = slice_take(octets, left_octets);
        left_octets -= octets.len;
        if (octets.len == (size_t)(c->end - c->start)) {
            /* Out of the queue first: the handler may send, close or free either end. */
            peer->out.head = c->next;
            if (c->next == NULL)
                peer->out.tail = NULL;
            peer->out.octets -= octets.len;
            link_input(k, octets);
            mem_free(c);
        } else {
            uint8_t *copy = mem_dup(octets.ptr, octets.len);
            out_consume(&peer->out, octets.len);
            link_input(k, slice_of(copy, octets.len));
            mem_free(copy);
        }
        peer = k->t.memory.peer;
    }
    if (peer == NULL)
        return;
    link_progress(peer);
    if (k->t.memory.peer != NULL && k->t.memory.peer->out.octets > 0 && link_wants_input(k))
        link_due(k, 0);
}

void memory_run(struct link *k)
{
    struct memory_end *m = &k->t.memory;
    if (k->state == LINK_CONNECTING)
        link_came_up(k, "this program", NULL, 0, "this program");
    if (k->state == LINK_UP && m->peer == NULL && (k->out.octets > 0 || k->ending)) {
        if (m->got_reset) /* after an orderly end a socket's kernel would have taken them */
            k->dropped_octets += k->out.octets;
        out_clear(&k->out);
        link_progress(k);
    }
    if (link_wants_input(k) && m->peer != NULL)
        deliver(k);
    if (!link_wants_input(k))
        return;
    if (m->got_reset)
        link_read_broke(k, ECONNRESET);
    else if (m->got_eof && (m->peer == NULL || m->peer->out.octets == 0))
        link_input_eof(k);
}

const struct link_transport transport_memory = {
    .kind = TRANSPORT_MEMORY,
    .write = memory_write,
    .arrange = memory_arrange,
    .shut = memory_shut,
    .close = memory_close,
};

void link_pair(struct loop *l, struct journal *j, uint32_t client_conn, uint32_t server_conn,
               const struct link_handlers *client_handlers, void *client_ctx,
               const struct link_handlers *server_handlers, void *server_ctx,
               struct link **client_out, struct link **server_out)
{
    static const struct net_address at = {.family = NET_MEMORY};
    struct link *client = link_new(l, j, client_conn, false, &transport_memory);
    struct link *server = link_new(l, j, server_conn, true, &transport_memory);
    client->t.memory.peer = server;
    server->t.memory.peer = client;
    link_set_peer(client, &at);
    link_set_peer(server, &at);
    link_set_handlers(client, client_handlers, client_ctx);
    link_set_handlers(server, server_handlers, server_ctx);
    server->backstage = true;
    JOURNAL_APPEND(
        j, client_conn, LINK_TRY, 0, 0,
        (struct ev_link_try){.address = SLICE_LIT("this program"), .attempt = 1, .attempts = 1});
    link_due(client, 0);
    link_due(server, 0);
    *client_out = client;
    *server_out = server;
}
