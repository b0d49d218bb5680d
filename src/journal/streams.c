#include "journal/streams.h"

#include "base/mem.h"

#include <string.h>

#define SLOTS_FIRST   64
#define EXTENTS_FIRST 2 /* most connections of a server under load carry little */
#define HIDDEN_FIRST  2

static size_t slot_home(const struct streams *t, uint32_t conn)
{
    return (conn * UINT32_C(2654435769) >> 7) & (t->slots_count - 1);
}

/* Where conn is, or the free slot where it would be. */
static struct streams_slot *slot_of(const struct streams *t, uint32_t conn)
{
    size_t i = slot_home(t, conn);
    while (t->slots[i].conn != 0 && t->slots[i].conn != conn)
        i = (i + 1) & (t->slots_count - 1);
    return &t->slots[i];
}

static void conn_streams_free(struct conn_streams *c)
{
    struct stream *all = &c->of[0][0];
    for (size_t i = 0; i < (size_t)DIR__COUNT * LAYER__COUNT; i++) {
        mem_free(all[i].extents);
        mem_free(all[i].hidden);
    }
    mem_free(c);
}

void streams_deinit(struct streams *t)
{
    for (size_t i = 0; i < t->slots_count; i++)
        if (t->slots[i].conn != 0)
            conn_streams_free(t->slots[i].streams);
    mem_free(t->slots);
    *t = (struct streams){0};
}

struct stream *streams_find(const struct streams *t, uint32_t conn, enum event_dir dir,
                            enum event_layer layer)
{
    BUG_IF((unsigned)dir >= DIR__COUNT || (unsigned)layer >= LAYER__COUNT);
    if (t->slots_count == 0 || conn == 0)
        return NULL;
    struct streams_slot *slot = slot_of(t, conn);
    return slot->conn == 0 ? NULL : &slot->streams->of[dir][layer];
}

static void slots_grow(struct streams *t)
{
    struct streams old = *t;
    t->slots_count = old.slots_count == 0 ? SLOTS_FIRST : old.slots_count * 2;
    t->slots = mem_zalloc(t->slots_count * sizeof(*t->slots));
    for (size_t i = 0; i < old.slots_count; i++)
        if (old.slots[i].conn != 0)
            *slot_of(t, old.slots[i].conn) = old.slots[i];
    mem_free(old.slots);
}

struct stream *streams_get(struct streams *t, uint32_t conn, enum event_dir dir,
                           enum event_layer layer)
{
    BUG_IF(conn == 0);
    struct stream *st = streams_find(t, conn, dir, layer);
    if (st != NULL)
        return st;
    if ((t->used_count + 1) * 4 > t->slots_count * 3)
        slots_grow(t);
    struct streams_slot *slot = slot_of(t, conn);
    slot->conn = conn;
    slot->streams = mem_zalloc(sizeof(*slot->streams));
    t->used_count++;
    return &slot->streams->of[dir][layer];
}

void streams_forget(struct streams *t, uint32_t conn)
{
    if (t->slots_count == 0 || conn == 0)
        return;
    struct streams_slot *slot = slot_of(t, conn);
    if (slot->conn == 0)
        return;
    conn_streams_free(slot->streams);
    *slot = (struct streams_slot){0};
    t->used_count--;
    /* What probed past the slot must be found again: take each of the run out and put it back. */
    size_t i = (size_t)(slot - t->slots);
    for (i = (i + 1) & (t->slots_count - 1); t->slots[i].conn != 0;
         i = (i + 1) & (t->slots_count - 1)) {
        struct streams_slot moved = t->slots[i];
        t->slots[i] = (struct streams_slot){0};
        *slot_of(t, moved.conn) = moved;
    }
}

/* Forget what speaks of octets the store has no more. */
static void stream_prune(struct stream *st, uint64_t store_first)
{
    uint32_t n = 0;
    while (n < st->extents_count && st->extents[n].store_at + st->extents[n].len <= store_first)
        n++;
    st->extents_count -= n;
    if (n > 0)
        memmove(st->extents, st->extents + n, st->extents_count * sizeof(*st->extents));
    if (st->hidden == NULL || st->extents_count == 0)
        return;
    struct hidden_list *h = st->hidden;
    for (n = 0; n < h->count && h->parts[n].end <= st->extents[0].offset;)
        n++;
    h->count -= n;
    if (n > 0)
        memmove(h->parts, h->parts + n, h->count * sizeof(*h->parts));
}

void stream_add_extent(struct stream *st, struct extent e, uint64_t store_first)
{
    struct extent *last = st->extents_count == 0 ? NULL : &st->extents[st->extents_count - 1];
    BUG_IF(last != NULL && e.offset < last->offset + last->len);
    if (last != NULL && e.offset == last->offset + last->len &&
        e.store_at == last->store_at + last->len) {
        last->len += e.len;
        return;
    }
    if (st->extents_count == st->extents_alloc_count) {
        stream_prune(st, store_first);
        /* Growing unless half is free keeps pruning from being done for each extent. */
        if (st->extents_count >= st->extents_alloc_count / 2) {
            BUG_IF(st->extents_alloc_count > UINT32_MAX / 2);
            st->extents_alloc_count =
                st->extents_alloc_count == 0 ? EXTENTS_FIRST : st->extents_alloc_count * 2;
            st->extents = mem_realloc(st->extents, st->extents_alloc_count * sizeof(*st->extents));
        }
    }
    st->extents[st->extents_count++] = e;
}

static struct hidden_list *hidden_room(struct stream *st)
{
    struct hidden_list *h = st->hidden;
    if (h != NULL && h->count < h->alloc_count)
        return h;
    uint32_t count = h == NULL ? 0 : h->count;
    BUG_IF(count > UINT32_MAX / 2);
    uint32_t alloc_count = h == NULL ? HIDDEN_FIRST : h->alloc_count * 2;
    h = mem_realloc(h, sizeof(*h) + alloc_count * sizeof(h->parts[0]));
    h->count = count;
    h->alloc_count = alloc_count;
    st->hidden = h;
    return h;
}

/* The first part that ends behind offset. */
static uint32_t hidden_behind(const struct hidden_list *h, uint64_t offset)
{
    uint32_t low = 0, high = h->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (h->parts[middle].end > offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Parts come in order while a session runs; a file may give them in any order. */
void stream_add_hidden(struct stream *st, uint64_t start, uint64_t len)
{
    if (len == 0)
        return;
    struct hidden_part part = {start, start + len};
    struct hidden_list *h = hidden_room(st);
    /* All parts that touch the new one become one with it. */
    uint32_t from = start == 0 ? 0 : hidden_behind(h, start - 1);
    uint32_t to = from;
    while (to < h->count && h->parts[to].start <= part.end) {
        if (h->parts[to].start < part.start)
            part.start = h->parts[to].start;
        if (h->parts[to].end > part.end)
            part.end = h->parts[to].end;
        to++;
    }
    memmove(&h->parts[from + 1], &h->parts[to], (h->count - to) * sizeof(h->parts[0]));
    h->parts[from] = part;
    h->count = h->count - (to - from) + 1;
}

const struct extent *stream_extent_at(const struct stream *st, uint64_t offset)
{
    uint32_t low = 0, high = st->extents_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (st->extents[middle].offset + st->extents[middle].len > offset)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == st->extents_count || st->extents[low].offset > offset)
        return NULL;
    return &st->extents[low];
}

size_t stream_mask(const struct stream *st, uint64_t offset, uint8_t *octets, size_t n_octets)
{
    size_t masked = 0;
    const struct hidden_list *h = st->hidden;
    if (h == NULL)
        return 0;
    for (uint32_t i = hidden_behind(h, offset); i < h->count; i++) {
        uint64_t start = h->parts[i].start > offset ? h->parts[i].start - offset : 0;
        uint64_t end = h->parts[i].end - offset;
        if (start >= n_octets)
            break;
        if (end > n_octets)
            end = n_octets;
        memset(octets + start, '*', (size_t)(end - start));
        masked += (size_t)(end - start);
    }
    return masked;
}
