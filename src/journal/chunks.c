/* Events lie one behind another in chunks, each a header and its packed payload, padded to 8
 * octets.
 *
 *   | events ->                    room                    <- index |
 *
 * Seqs may have holes (a recording can), so an event is found by search and not by counting: first
 * the chunk, by the seqs it knows, then within the chunk by its index, which holds the place of
 * each 16th event, then by at most 15 steps from header to header. The index grows from the chunk's
 * end and costs a quarter of an octet for each event. One event larger than a chunk gets a chunk of
 * its own size.
 */
#include "journal/chunks.h"

#include "base/mem.h"
#include "journal/store.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_OCTETS_MAX (64u << 10)
#define CHUNK_OCTETS_MIN (4u << 10)
#define INDEX_STEP       16
/* The newest event must be there after its append, though the GAP behind it began a chunk. */
#define KEEP_CHUNKS 2

struct chunk {
    uint64_t first_seq;
    uint64_t last_seq;
    uint32_t n_events;
    uint32_t used_octets;
    uint32_t payload_octets; /* headers and payloads without padding */
    uint32_t size_octets;
    uint64_t octets[];
};

static size_t padded(size_t n_octets)
{
    return (n_octets + 7) & ~(size_t)7;
}

static const struct event *event_in(const struct chunk *k, uint32_t at)
{
    return (const struct event *)(const void *)((const uint8_t *)k->octets + at);
}

/* The i-th index entry from the end. */
static uint32_t *index_entry(const struct chunk *k, uint32_t i)
{
    return (uint32_t *)(void *)((uint8_t *)(uintptr_t)k->octets + k->size_octets) - 1 - i;
}

static uint32_t index_count(const struct chunk *k)
{
    return (k->n_events + INDEX_STEP - 1) / INDEX_STEP;
}

/* Chunks that came back, by the place in the file; the one that came first goes first. */
struct chunks_cache {
    struct {
        uint64_t spill_at;
        struct chunk *chunk; /* NULL: free */
    } slots[CHUNKS_CACHE];
    size_t next;
    size_t newest; /* asked for last */
};

void chunks_init(struct chunks *c)
{
    *c = (struct chunks){.spill_fd = -1};
}

void chunks_deinit(struct chunks *c)
{
    for (size_t i = c->gone; i < c->count; i++)
        mem_free(c->list[i].chunk);
    mem_free(c->list);
    for (size_t i = 0; c->cache && i < CHUNKS_CACHE; i++)
        mem_free(c->cache->slots[i].chunk);
    mem_free(c->cache);
    if (c->spill_fd >= 0)
        close(c->spill_fd);
    chunks_init(c);
}

/* ---- the spill file ---- */

static bool write_at(int fd, const uint8_t *octets, size_t len, uint64_t at)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, octets, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        octets += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_at(int fd, uint8_t *octets, size_t len, uint64_t at)
{
    while (len > 0) {
        ssize_t n = pread(fd, octets, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        octets += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

static bool spill(struct chunks *c, struct chunks_entry *e, const char *dir)
{
    size_t octets = sizeof(*e->chunk) + e->chunk->size_octets;
    if (c->spill_fd < 0)
        c->spill_fd = spool_file(dir);
    if (c->spill_fd < 0 ||
        !write_at(c->spill_fd, (const uint8_t *)e->chunk, octets, c->spill_end)) {
        c->spill = false; /* a full disk: what comes now is lost, what is there can be read */
        return false;
    }
    e->spill_at = c->spill_end;
    e->spill_octets = octets;
    c->spill_end += octets;
    return true;
}

/* The chunk of a place in the list, from the file where it is not in memory; NULL: lost. */
static const struct chunk *chunk_load(const struct chunks *c, const struct chunks_entry *e)
{
    if (e->chunk || e->spill_at == CHUNKS_LOST)
        return e->chunk;
    struct chunks_cache *cache = c->cache;
    if (cache->slots[cache->newest].chunk && cache->slots[cache->newest].spill_at == e->spill_at)
        return cache->slots[cache->newest].chunk;
    for (size_t i = 0; i < CHUNKS_CACHE; i++) {
        if (!cache->slots[i].chunk || cache->slots[i].spill_at != e->spill_at)
            continue;
        cache->newest = i;
        return cache->slots[i].chunk;
    }
    struct chunk *k = mem_alloc(e->spill_octets);
    if (!read_at(c->spill_fd, (uint8_t *)k, e->spill_octets, e->spill_at)) {
        mem_free(k);
        return NULL;
    }
    size_t slot = cache->next;
    cache->next = (cache->next + 1) % CHUNKS_CACHE;
    mem_free(cache->slots[slot].chunk);
    cache->slots[slot].chunk = k;
    cache->slots[slot].spill_at = e->spill_at;
    cache->newest = slot;
    return k;
}

static struct chunk *chunk_new(struct chunks *c, uint64_t first_seq, size_t need_octets,
                               size_t limit_octets)
{
    /* A small limit wants small chunks: only whole ones can leave. */
    size_t size_octets = padded(limit_octets / 8);
    if (size_octets > CHUNK_OCTETS_MAX)
        size_octets = CHUNK_OCTETS_MAX;
    if (size_octets < CHUNK_OCTETS_MIN)
        size_octets = CHUNK_OCTETS_MIN;
    if (size_octets < need_octets)
        size_octets = need_octets;
    struct chunk *k = mem_alloc(sizeof(*k) + size_octets);
    *k = (struct chunk){.first_seq = first_seq, .size_octets = (uint32_t)size_octets};
    if (c->count == c->alloc_count && c->gone > c->count / 2) {
        memmove(c->list, c->list + c->gone, (c->count - c->gone) * sizeof(*c->list));
        c->count -= c->gone;
        c->gone = 0;
    }
    if (c->count == c->alloc_count) {
        c->alloc_count = c->alloc_count == 0 ? 8 : c->alloc_count * 2;
        c->list = mem_realloc(c->list, c->alloc_count * sizeof(*c->list));
    }
    c->list[c->count++] = (struct chunks_entry){first_seq, k, CHUNKS_LOST, 0};
    c->octets += size_octets;
    return k;
}

struct event *chunks_append(struct chunks *c, const struct event *header, size_t limit_octets)
{
    size_t need_octets = sizeof(*header) + padded(header->payload_octets);
    struct chunk *k = c->count > c->gone ? c->list[c->count - 1].chunk : NULL;
    if (k != NULL) {
        size_t index_octets = padded((index_count(k) + 1) * sizeof(uint32_t));
        if (need_octets + index_octets > k->size_octets - k->used_octets)
            k = NULL;
    }
    if (k == NULL)
        k = chunk_new(c, header->seq, need_octets + padded(sizeof(uint32_t)), limit_octets);
    if (k->n_events % INDEX_STEP == 0)
        *index_entry(k, k->n_events / INDEX_STEP) = k->used_octets;
    struct event *ev = (struct event *)(void *)((uint8_t *)k->octets + k->used_octets);
    *ev = *header;
    k->last_seq = header->seq;
    k->n_events++;
    k->used_octets += (uint32_t)need_octets;
    k->payload_octets += (uint32_t)sizeof(*header) + header->payload_octets;
    return ev;
}

static void lose(const struct chunk *k, struct chunks_left *left_out)
{
    if (left_out->events == 0)
        left_out->first_seq = k->first_seq;
    left_out->last_seq = k->last_seq;
    left_out->events += k->n_events;
    left_out->octets += k->payload_octets;
}

bool chunks_trim(struct chunks *c, size_t limit_octets, const char *dir,
                 struct chunks_left *left_out)
{
    bool any = false;
    bool spilling = c->spill || c->spilled > 0;
    if (spilling && !c->cache)
        c->cache = mem_zalloc(sizeof(*c->cache));
    while (c->octets > limit_octets && c->count - c->gone > KEEP_CHUNKS + c->spilled + spilling) {
        struct chunks_entry *e = &c->list[spilling ? c->gone + 1 + c->spilled : c->gone];
        struct chunk *k = e->chunk;
        if (!c->spill || !spill(c, e, dir)) {
            lose(k, left_out);
            any = true;
        }
        c->octets -= k->size_octets;
        e->chunk = NULL;
        mem_free(k);
        if (spilling)
            c->spilled++;
        else
            c->gone++;
    }
    return any;
}

/* The last chunk whose first seq is not above seq. */
static const struct chunk *chunk_of(const struct chunks *c, uint64_t seq)
{
    size_t low = c->gone, high = c->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->list[middle].first_seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low > c->gone ? chunk_load(c, &c->list[low - 1]) : NULL;
}

const struct event *chunks_at(const struct chunks *c, uint64_t seq)
{
    const struct chunk *k = chunk_of(c, seq);
    if (k == NULL || seq > k->last_seq)
        return NULL;
    uint32_t low = 0, high = index_count(k);
    if (k->last_seq - k->first_seq + 1 == k->n_events) { /* no holes: count */
        low = (uint32_t)(seq - k->first_seq) / INDEX_STEP;
        high = low + 1;
    }
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (event_in(k, *index_entry(k, middle))->seq <= seq)
            low = middle;
        else
            high = middle;
    }
    uint32_t at = *index_entry(k, low);
    const struct event *ev = event_in(k, at);
    while (ev->seq < seq) { /* ends: last_seq is not below seq */
        at += (uint32_t)(sizeof(*ev) + padded(ev->payload_octets));
        ev = event_in(k, at);
    }
    return ev->seq == seq ? ev : NULL;
}

uint64_t chunks_first_seq(const struct chunks *c)
{
    return c->count > c->gone ? c->list[c->gone].first_seq : 0;
}
