/* The events: found by seq. Above the limit of memory the oldest chunks go, into a file without a
 * name where there is to be one, from where they come back when they are asked for; else for good.
 */
#ifndef JOURNAL_CHUNKS_H
#define JOURNAL_CHUNKS_H

#include "journal/event.h"

struct chunk;
struct chunks {
    struct chunks_entry {
        uint64_t first_seq;  /* here too: a search touches no chunk but the right one */
        struct chunk *chunk; /* NULL: in the spill file, or lost */
        uint64_t spill_at;   /* place there; CHUNKS_LOST: nowhere */
        size_t spill_octets;
    } * list; /* ascending; the first `gone` places are empty */
    size_t gone;
    size_t count; /* end of list */
    size_t alloc_count;
    size_t octets; /* memory of all chunks */
    /* The spill file. The first chunk is never spilled: readers hold on to the first event. */
    bool spill;     /* it is wanted */
    size_t spilled; /* places behind `gone` that were, from the second on */
    int spill_fd;   /* -1: not made yet, or it cannot be */
    uint64_t spill_end;
    struct chunks_cache *cache; /* what came back */
};
#define CHUNKS_LOST UINT64_MAX

void chunks_init(struct chunks *c);

/* What left. */
struct chunks_left {
    uint64_t first_seq;
    uint64_t last_seq;
    uint64_t events;
    uint64_t octets; /* headers and payloads */
};

void chunks_deinit(struct chunks *c);
/* Room for an event whose seq is above all others; header set, payload to be filled by the caller.
 * Nothing is dropped, so what the payload is copied from may lie in an older event. */
struct event *chunks_append(struct chunks *c, const struct event *header, size_t limit_octets);
/* Spill or drop the oldest chunks, but never the last two, until the limit is kept. True where
 * something left for good; *left_out is then added to. dir: where the spill file is made. */
bool chunks_trim(struct chunks *c, size_t limit_octets, const char *dir,
                 struct chunks_left *left_out);
/* An event that came back from the file stays until CHUNKS_CACHE others of its kind were asked for.
 */
enum { CHUNKS_CACHE = 256 };
const struct event *chunks_at(const struct chunks *c, uint64_t seq);
uint64_t chunks_first_seq(const struct chunks *c); /* 0: none */

#endif
