/* What happened for a key before: a ring of entries with chains of equal hashes, oldest entries
 * leaving first, so that no client can make it grow. */
#include "scenario/scenario_private.h"

#include <string.h>

#include "base/mem.h"

enum { BUCKETS = 8192 };

static uint32_t hash_of(struct slice key)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < key.len; i++)
        h = (h ^ key.ptr[i]) * 16777619u;
    return h;
}

void rules_memory_clear(struct rules_memory *m)
{
    for (size_t i = 0; i < m->n_entries; i++)
        mem_free((void *)(uintptr_t)m->entries[i].key.ptr);
    mem_free(m->entries);
    mem_free(m->buckets);
    memset(m, 0, sizeof(*m));
}

static void unchain(struct rules_memory *m, size_t index)
{
    uint32_t *at = &m->buckets[m->entries[index].hash % BUCKETS];
    while (*at != index + 1)
        at = &m->entries[*at - 1].next;
    *at = m->entries[index].next;
    mem_free((void *)(uintptr_t)m->entries[index].key.ptr);
}

struct rules_entry *rules_memory_get(struct rules_memory *m, struct slice key, uint64_t now_ms)
{
    uint32_t hash = hash_of(key);
    if (!m->entries) {
        m->entries = mem_zalloc(RULES_REMEMBERED_MAX * sizeof(*m->entries));
        m->buckets = mem_zalloc(BUCKETS * sizeof(*m->buckets));
    }
    for (uint32_t at = m->buckets[hash % BUCKETS]; at; at = m->entries[at - 1].next)
        if (m->entries[at - 1].hash == hash && slice_eq(m->entries[at - 1].key, key))
            return &m->entries[at - 1];
    size_t index = m->n_entries;
    if (index < RULES_REMEMBERED_MAX) {
        m->n_entries++;
    } else {
        index = m->oldest;
        m->oldest = (m->oldest + 1) % RULES_REMEMBERED_MAX;
        unchain(m, index);
    }
    m->entries[index] = (struct rules_entry){.since_ms = now_ms,
                                             .hash = hash,
                                             .next = m->buckets[hash % BUCKETS],
                                             .key = slice_of(mem_dup(key.ptr, key.len), key.len)};
    m->buckets[hash % BUCKETS] = (uint32_t)index + 1;
    return &m->entries[index];
}
