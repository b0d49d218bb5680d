/* What waits to be sent: a list of chunks, empty nearly always.
 *
 * A send goes straight to the system; only what it does not take is copied. A chunk that stands
 * last and has room takes more, so that many short sends against a full socket do not become many
 * chunks.
 */
#include "net/net_private.h"

#include "base/mem.h"

#include <string.h>

#define CHUNK_MIN_OCTETS 4096
#define CHUNK_MAX_OCTETS (64 * 1024)

static struct out_chunk *chunk_add(struct out_queue *q, size_t want_octets)
{
    size_t room = want_octets < CHUNK_MIN_OCTETS ? CHUNK_MIN_OCTETS : want_octets;
    if (q->tail != NULL && room < CHUNK_MAX_OCTETS / 4)
        room = CHUNK_MAX_OCTETS / 4; /* it is blocked: more will come */
    if (room > CHUNK_MAX_OCTETS)
        room = CHUNK_MAX_OCTETS;
    struct out_chunk *c = mem_alloc(sizeof(*c) + room);
    *c = (struct out_chunk){.room = (uint32_t)room};
    if (q->tail != NULL)
        q->tail->next = c;
    else
        q->head = c;
    q->tail = c;
    return c;
}

void out_append(struct out_queue *q, struct slice octets)
{
    while (octets.len > 0) {
        struct out_chunk *c = q->tail;
        if (c == NULL || c->end == c->room)
            c = chunk_add(q, octets.len);
        size_t n = c->room - c->end;
        if (n > octets.len)
            n = octets.len;
        memcpy(c->octets + c->end, octets.ptr, n);
        c->end += (uint32_t)n;
        q->octets += n;
        octets = slice_skip(octets, n);
    }
}

void out_consume(struct out_queue *q, size_t n_octets)
{
    q->octets -= n_octets;
    while (q->head != NULL) {
        struct out_chunk *c = q->head;
        size_t have = c->end - c->start;
        if (n_octets < have) {
            c->start += (uint32_t)n_octets;
            return;
        }
        n_octets -= have;
        q->head = c->next;
        mem_free(c);
    }
    q->tail = NULL;
}

void out_clear(struct out_queue *q)
{
    out_consume(q, q->octets);
}

size_t out_vectors(const struct out_queue *q, struct iovec *iov, size_t max)
{
    size_t n = 0;
    for (struct out_chunk *c = q->head; c != NULL && n < max; c = c->next)
        iov[n++] = (struct iovec){c->octets + c->start, c->end - c->start};
    return n;
}

void link_write_wire(struct link *k, struct slice wire)
{
    size_t used = 0;
    if (k->state != LINK_UP || k->shut) {
        return;
    }
    if (k->broken_errno != 0) {
        k->dropped_octets += wire.len;
        return;
    }
    enum out_result result = k->transport->write(k, wire, &used);
    wire = slice_skip(wire, used);
    if (result == OUT_BROKEN) {
        k->dropped_octets += wire.len;
        link_write_broke(k);
        return;
    }
    if (wire.len == 0)
        return;
    out_append(&k->out, wire);
    if (k->out.octets >= LINK_LOW_WATER_OCTETS)
        k->was_high = true;
    k->transport->arrange(k);
}
