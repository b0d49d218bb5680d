/* A secret in memory. Each has whole pages of its own: locks on pages do not nest, so two secrets
 * on one page would unlock each other. Locked (never swapped) and left out of core dumps where the
 * system allows; where it does not, that is no error. */
#include "base/secret.h"

#include "base/mem.h"
#include "base/mem_private.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t pages_octets(size_t len)
{
    size_t page_octets = (size_t)sysconf(_SC_PAGESIZE);
    BUG_IF(len > SIZE_MAX / 2);
    return (len / page_octets + 1) * page_octets;
}

void secret_init(struct secret *s)
{
    *s = (struct secret){NULL, 0};
}

void secret_set(struct secret *s, struct slice value)
{
    size_t octets = pages_octets(value.len);
    uint8_t *ptr = mmap(NULL, octets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ptr == MAP_FAILED)
        mem_exhausted();
    mlock(ptr, octets);
    madvise(ptr, octets, MADV_DONTDUMP);
    if (value.len > 0)
        memcpy(ptr, value.ptr, value.len);
    secret_clear(s); /* only now: value may be what s holds */
    s->ptr = ptr;
    s->len = value.len;
}

void secret_clear(struct secret *s)
{
    if (s->ptr != NULL) {
        mem_wipe(s->ptr, s->len);
        munmap(s->ptr, pages_octets(s->len));
    }
    secret_init(s);
}

bool secret_is_set(const struct secret *s)
{
    return s->ptr != NULL;
}

struct slice secret_slice(const struct secret *s)
{
    return slice_of(s->ptr, s->len);
}
