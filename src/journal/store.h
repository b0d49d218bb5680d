/* The octet store: append-only, addressed by position; the newest in memory, older ones in an
 * unlinked spool file, the oldest gone when the limits say so. */
#ifndef JOURNAL_STORE_H
#define JOURNAL_STORE_H

#include "base/buf.h"

/* No store may be smaller: the largest piece of octets must fit into memory. */
#define STORE_PIECE_OCTETS (64u << 10)

struct store {
    uint8_t *ring; /* position p lies at p % ring_octets */
    size_t ring_octets;
    uint64_t first;     /* oldest position that can be read */
    uint64_t mem_first; /* oldest position in the ring; [first, mem_first) is in the spool */
    uint64_t end;

    int spool_fd;    /* -1: none */
    int spool_errno; /* why there is none, and none is tried again; 0: not tried or not needed */
    uint64_t spool_base; /* position p lies at (p - spool_base) % spool_octets in the file */
    uint64_t spool_octets;
    char *spool_dir;

    size_t want_memory_octets; /* the limits, in force from the next append */
    uint64_t want_spool_octets;
    bool spool_resize_due;
    uint64_t lost_octets; /* since the owner last set it to 0 */
    struct buf scratch;
};

/* A file of this user alone, without a name; dir NULL: /tmp. -1: errno. */
int spool_file(const char *dir);

void octet_store_init(struct store *s);
void octet_store_deinit(struct store *s);
void octet_store_set_limits(struct store *s, size_t memory_octets, uint64_t spool_octets);
void octet_store_set_spool_dir(struct store *s, const char *dir);
/* Returns the position of the first octet. */
uint64_t octet_store_append(struct store *s, struct slice octets);
/* False: a part is not there any more, or the file does not read. */
bool octet_store_read(const struct store *s, uint64_t at, size_t n_octets, uint8_t *out);
/* The same without a copy where possible; empty where not there. Valid until the next append or
 * get. */
struct slice octet_store_get(struct store *s, uint64_t at, size_t n_octets);

#endif
