/* The events in memory: found by seq, dropped oldest first by whole chunks. */
#ifndef JOURNAL_CHUNKS_H
#define JOURNAL_CHUNKS_H

#include "journal/event.h"

struct chunk;
struct chunks {
    struct chunks_entry {
        uint64_t first_seq; /* here too: a search touches no chunk but the right one */
        struct chunk *chunk;
    } * list; /* ascending; the first `gone` places are empty */
    size_t gone;
    size_t count; /* end of list */
    size_t alloc_count;
    size_t octets; /* memory of all chunks */
};

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
/* Drop the oldest chunks, but never the last two, until the limit is kept. True where something
 * left; *left_out is then added to. */
bool chunks_trim(struct chunks *c, size_t limit_octets, struct chunks_left *left_out);
const struct event *chunks_at(const struct chunks *c, uint64_t seq);
uint64_t chunks_first_seq(const struct chunks *c); /* 0: none */

#endif
