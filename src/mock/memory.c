/* What happened to an address before: how often "x2" has refused, since when a greylisted pair is
 * known, how many messages a mailbox ever got. A hash table over a ring: when the ring is full its
 * oldest entry leaves, so that no client can make it grow. */
#include "mock/mock_private.h"

#include <string.h>

#include "base/mem.h"

static uint32_t hash_key(const char *key)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (; *key; key++)
        h = (h ^ (uint8_t)*key) * 16777619u;
    return h;
}

static uint32_t *bucket_of(struct mock_memory *m, uint32_t hash)
{
    return &m->buckets[hash % MOCK_REMEMBERED_MAX];
}

static void unlink_entry(struct mock_memory *m, size_t index)
{
    uint32_t *at = bucket_of(m, m->entries[index].hash);
    while (*at != index + 1)
        at = &m->entries[*at - 1].next;
    *at = m->entries[index].next;
    mem_free(m->entries[index].key);
}

void mock_memory_clear(struct mock_memory *m)
{
    for (size_t i = 0; i < m->n_entries; i++)
        mem_free(m->entries[i].key);
    mem_free(m->entries);
    mem_free(m->buckets);
    memset(m, 0, sizeof(*m));
}

struct mock_memory_entry *mock_memory_get(struct mock_memory *m, const char *key,
                                          uint64_t now_tick_ns)
{
    if (!m->entries) {
        m->entries = mem_zalloc(MOCK_REMEMBERED_MAX * sizeof(*m->entries));
        m->buckets = mem_zalloc(MOCK_REMEMBERED_MAX * sizeof(*m->buckets));
    }
    uint32_t hash = hash_key(key);
    uint32_t *bucket = bucket_of(m, hash);
    for (uint32_t at = *bucket; at; at = m->entries[at - 1].next)
        if (m->entries[at - 1].hash == hash && strcmp(m->entries[at - 1].key, key) == 0)
            return &m->entries[at - 1];
    size_t index = m->n_entries;
    if (m->n_entries < MOCK_REMEMBERED_MAX) {
        m->n_entries++;
    } else {
        index = m->oldest;
        m->oldest = (m->oldest + 1) % MOCK_REMEMBERED_MAX;
        unlink_entry(m, index);
    }
    m->entries[index] = (struct mock_memory_entry){
        .since_tick_ns = now_tick_ns, .hash = hash, .next = *bucket, .key = mem_strdup(key)};
    *bucket = (uint32_t)index + 1;
    return &m->entries[index];
}
