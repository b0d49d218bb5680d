/* A growing octet buffer. Room doubles, but never beyond the cap and one octet more: that one is
 * for the NUL of buf_cstr, which must be possible on a full buffer too. */
#include "base/buf.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FIRST_OCTETS 64

/* Memory for want_octets (<= cap + 1). */
static void grow_to(struct buf *b, size_t want_octets)
{
    if (want_octets <= b->alloc_octets)
        return;
    size_t most_octets = b->cap_octets == SIZE_MAX ? SIZE_MAX : b->cap_octets + 1;
    size_t octets = b->alloc_octets > most_octets / 2 ? most_octets : b->alloc_octets * 2;
    if (octets < FIRST_OCTETS)
        octets = FIRST_OCTETS;
    if (octets < want_octets)
        octets = want_octets;
    if (octets > most_octets)
        octets = most_octets;
    b->ptr = mem_realloc(b->ptr, octets);
    b->alloc_octets = octets;
}

void buf_init(struct buf *b, size_t cap_octets)
{
    *b = (struct buf){.cap_octets = cap_octets};
}

void buf_deinit(struct buf *b)
{
    mem_free(b->ptr);
    *b = (struct buf){.cap_octets = b->cap_octets};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->overflow = false;
}

void buf_release(struct buf *b)
{
    buf_deinit(b);
}

uint8_t *buf_room(struct buf *b, size_t n_octets)
{
    if (n_octets > b->cap_octets - b->len) {
        b->overflow = true;
        return NULL;
    }
    if (b->ptr == NULL || n_octets > b->alloc_octets - b->len)
        grow_to(b, b->len + (n_octets > 0 ? n_octets : 1));
    return b->ptr + b->len;
}

void buf_grow(struct buf *b, size_t n_octets)
{
    BUG_IF(n_octets > b->alloc_octets - b->len || n_octets > b->cap_octets - b->len);
    b->len += n_octets;
}

bool buf_append(struct buf *b, struct slice s)
{
    if (s.len == 0)
        return true;
    uint8_t *room = buf_room(b, s.len);
    if (room == NULL)
        return false;
    memcpy(room, s.ptr, s.len);
    b->len += s.len;
    return true;
}

bool buf_append_octet(struct buf *b, uint8_t octet)
{
    uint8_t *room = buf_room(b, 1);
    if (room == NULL)
        return false;
    *room = octet;
    b->len++;
    return true;
}

bool buf_append_cstr(struct buf *b, const char *text)
{
    return buf_append(b, slice_cstr(text));
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    bool fits = false;
    size_t free_octets = b->alloc_octets - b->len;
    int len = vsnprintf(free_octets > 0 ? (char *)b->ptr + b->len : NULL, free_octets, fmt, args);
    BUG_IF(len < 0);
    if ((size_t)len > b->cap_octets - b->len) {
        b->overflow = true;
        goto out;
    }
    if ((size_t)len >= free_octets) {
        grow_to(b, b->len + (size_t)len + 1);
        vsnprintf((char *)b->ptr + b->len, (size_t)len + 1, fmt, again);
    }
    b->len += (size_t)len;
    fits = true;
out:
    va_end(again);
    va_end(args);
    return fits;
}

void buf_consume(struct buf *b, size_t n_octets)
{
    BUG_IF(n_octets > b->len);
    b->len -= n_octets;
    if (b->len > 0 && n_octets > 0)
        memmove(b->ptr, b->ptr + n_octets, b->len);
}

struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->ptr, b->len);
}

const char *buf_cstr(struct buf *b)
{
    grow_to(b, b->len + 1);
    b->ptr[b->len] = '\0';
    return (const char *)b->ptr;
}
