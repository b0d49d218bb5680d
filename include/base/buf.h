/* A growing octet buffer with a mandatory cap, so that no peer can make it grow without bound.
 *
 * The cap is given at init and never exceeded: an append that would pass it appends nothing, sets
 * `overflow` and returns false. Memory exhaustion is not reported: it ends the program
 * (base/mem.h).
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"

struct buf {
    uint8_t *ptr;
    size_t len;
    size_t alloc_octets;
    size_t cap_octets;
    bool overflow; /* an append was refused since init or the last reset */
};

void buf_init(struct buf *b, size_t cap_octets);
void buf_deinit(struct buf *b);
/* Length 0, memory kept, overflow cleared. */
void buf_reset(struct buf *b);
/* Length 0 and memory given back: for idle connections. */
void buf_release(struct buf *b);
bool buf_append(struct buf *b, struct slice s);
bool buf_append_octet(struct buf *b, uint8_t octet);
bool buf_append_cstr(struct buf *b, const char *text);
bool buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for n more octets at ptr+len, to be filled by the caller and claimed with buf_grow; NULL
 * over the cap. */
uint8_t *buf_room(struct buf *b, size_t n_octets);
void buf_grow(struct buf *b, size_t n_octets);
/* Drop the first n octets. */
void buf_consume(struct buf *b, size_t n_octets);
/* The contents; valid until the next change. */
struct slice buf_slice(const struct buf *b);
/* The contents as a C string (a NUL is kept behind the end); valid until the next change. */
const char *buf_cstr(struct buf *b);

#endif
