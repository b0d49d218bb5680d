/* Memory that lives and dies together. Allocation takes from the head chunk; what is too large for
 * a chunk gets one of its own behind the head, so that the room left in the head stays in use. */
#include "base/arena.h"

#include "base/mem.h"

#include <stdalign.h>
#include <string.h>

#define CHUNK_OCTETS 4096

struct arena_chunk {
    struct arena_chunk *next;
    size_t used_octets;
    size_t size_octets;
    alignas(max_align_t) uint8_t octets[];
};

static struct arena_chunk *chunk_new(size_t size_octets)
{
    struct arena_chunk *c = mem_alloc(sizeof(*c) + size_octets);
    c->next = NULL;
    c->used_octets = 0;
    c->size_octets = size_octets;
    return c;
}

static void chunks_free(struct arena_chunk *c)
{
    while (c != NULL) {
        struct arena_chunk *next = c->next;
        mem_free(c);
        c = next;
    }
}

void arena_init(struct arena *a)
{
    a->head = NULL;
}

void arena_deinit(struct arena *a)
{
    chunks_free(a->head);
    a->head = NULL;
}

void arena_reset(struct arena *a)
{
    if (a->head == NULL)
        return;
    chunks_free(a->head->next);
    a->head->next = NULL;
    a->head->used_octets = 0;
}

/* A chunk with room for n_octets. */
static struct arena_chunk *chunk_for(struct arena *a, size_t n_octets)
{
    struct arena_chunk *head = a->head;
    if (head != NULL && n_octets <= head->size_octets - head->used_octets)
        return head;
    if (head != NULL && n_octets > CHUNK_OCTETS / 4) {
        struct arena_chunk *own = chunk_new(n_octets);
        own->next = head->next;
        head->next = own;
        return own;
    }
    size_t size_octets = CHUNK_OCTETS - sizeof(struct arena_chunk);
    struct arena_chunk *c = chunk_new(n_octets > size_octets ? n_octets : size_octets);
    c->next = head;
    a->head = c;
    return c;
}

void *arena_alloc(struct arena *a, size_t n_octets)
{
    const size_t align = alignof(max_align_t);
    BUG_IF(n_octets > SIZE_MAX / 2);
    n_octets = (n_octets + align - 1) / align * align;
    if (n_octets == 0)
        n_octets = align;
    struct arena_chunk *c = chunk_for(a, n_octets);
    void *ptr = c->octets + c->used_octets;
    c->used_octets += n_octets;
    return memset(ptr, 0, n_octets);
}

struct slice arena_dup(struct arena *a, struct slice s)
{
    return slice_of(arena_strdup(a, s), s.len);
}

char *arena_strdup(struct arena *a, struct slice s)
{
    char *copy = arena_alloc(a, s.len + 1);
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return copy;
}
