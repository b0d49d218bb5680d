/* What FETCH said of a message once, kept: ENVELOPE, BODY and BODYSTRUCTURE never change while a
 * message has its UID, and mail programs ask for them again and again.
 *
 * One table for the program (the loop has one thread): a ring of entries, the oldest leaving first
 * when the ring or CACHE_MAX_OCTETS (limit "imap-cache") is full, and chains of them by key.
 */
#include "engine/imap_serve_private.h"

#include <string.h>

#include "base/mem.h"

enum { CACHE_ENTRIES = 1 << 16, CACHE_MAX_OCTETS = 32 << 20 };

struct entry {
    struct icache_key key;
    uint32_t next; /* in the chain: index + 1 */
    uint32_t octets;
    uint8_t *text;
};

static struct {
    struct entry *entries; /* a ring; NULL: nothing was ever kept */
    uint32_t *chains;      /* index + 1 of the newest; 0: none */
    size_t oldest, count, octets;
} cache;

static bool same(const struct icache_key *a, const struct icache_key *b)
{
    return a->names == b->names && a->uid_validity == b->uid_validity && a->uid == b->uid &&
           a->kind == b->kind;
}

static size_t chain_of(const struct icache_key *k)
{
    uint64_t h = k->names ^ ((uint64_t)k->uid_validity << 32) ^ ((uint64_t)k->uid << 2) ^ k->kind;
    h *= 0x9e3779b97f4a7c15u;
    return (size_t)(h >> 48) & (CACHE_ENTRIES - 1);
}

static void drop_oldest(void)
{
    struct entry *e = &cache.entries[cache.oldest];
    uint32_t *at = &cache.chains[chain_of(&e->key)];
    while (*at != cache.oldest + 1)
        at = &cache.entries[*at - 1].next;
    *at = e->next;
    cache.octets -= e->octets;
    cache.count--;
    mem_free(e->text);
    memset(e, 0, sizeof(*e));
    cache.oldest = (cache.oldest + 1) & (CACHE_ENTRIES - 1);
}

bool icache_get(const struct icache_key *key, struct slice *out)
{
    uint32_t at = cache.entries ? cache.chains[chain_of(key)] : 0;
    while (at != 0 && !same(&cache.entries[at - 1].key, key))
        at = cache.entries[at - 1].next;
    if (at == 0)
        return false;
    *out = slice_of(cache.entries[at - 1].text, cache.entries[at - 1].octets);
    return true;
}

void icache_put(const struct icache_key *key, struct slice text)
{
    struct slice known;
    if (text.len > CACHE_MAX_OCTETS / 64 || icache_get(key, &known))
        return;
    if (!cache.entries) {
        cache.entries = mem_zalloc(CACHE_ENTRIES * sizeof(*cache.entries));
        cache.chains = mem_zalloc(CACHE_ENTRIES * sizeof(*cache.chains));
    }
    while (cache.count == CACHE_ENTRIES || cache.octets + text.len > CACHE_MAX_OCTETS)
        drop_oldest();
    size_t index = (cache.oldest + cache.count) & (CACHE_ENTRIES - 1);
    uint32_t *chain = &cache.chains[chain_of(key)];
    cache.entries[index] = (struct entry){.key = *key,
                                          .next = *chain,
                                          .octets = (uint32_t)text.len,
                                          .text = mem_dup(text.ptr, text.len)};
    *chain = (uint32_t)index + 1;
    cache.count++;
    cache.octets += text.len;
}

uint64_t icache_names(const char *user, const char *mailbox)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (const char *words[] = {user, mailbox}, **w = words; w < words + 2; w++) {
        for (const char *c = *w; *c; c++)
            h = (h ^ (uint8_t)*c) * 0x100000001b3u;
        h = (h ^ 0xff) * 0x100000001b3u;
    }
    return h;
}

void imap_serve_forget(void)
{
    while (cache.count > 0)
        drop_oldest();
    mem_free(cache.entries);
    mem_free(cache.chains);
    memset(&cache, 0, sizeof(cache));
}
