/* Where the octets of each connection, direction and layer lie in the store, and which are secret.
 */
#ifndef JOURNAL_STREAMS_H
#define JOURNAL_STREAMS_H

#include "journal/journal.h"

/* Octets that lie together both in the stream and in the store. */
struct extent {
    uint64_t offset;
    uint64_t store_at;
    uint64_t len;
};

struct hidden_part {
    uint64_t start; /* in the stream */
    uint64_t end;
};

struct hidden_list {
    uint32_t count;
    uint32_t alloc_count;
    struct hidden_part parts[]; /* ascending, apart from one another */
};

struct stream {
    uint64_t len;
    struct extent *extents; /* ascending */
    uint32_t extents_count;
    uint32_t extents_alloc_count;
    struct hidden_list *hidden; /* NULL: nothing is */
};

struct conn_streams {
    struct stream of[DIR__COUNT][LAYER__COUNT];
};

/* Connections by number: open addressing with linear probing. Numbers only grow and servers forget,
 * so a plain array would grow with every connection that ever was. */
struct streams {
    struct streams_slot {
        uint32_t conn; /* 0: free */
        struct conn_streams *streams;
    } * slots;
    size_t slots_count; /* 0 or a power of two */
    size_t used_count;
};

void streams_deinit(struct streams *t);
struct stream *streams_find(const struct streams *t, uint32_t conn, enum event_dir dir,
                            enum event_layer layer); /* NULL: none */
struct stream *streams_get(struct streams *t, uint32_t conn, enum event_dir dir,
                           enum event_layer layer); /* made where there is none */
void streams_forget(struct streams *t, uint32_t conn);

/* offset is not below the end of the last extent. store_first: what the store still has; extents
 * and hidden parts before it are forgotten when room is needed. */
void stream_add_extent(struct stream *st, struct extent e, uint64_t store_first);
void stream_add_hidden(struct stream *st, uint64_t start, uint64_t len);
/* The extent that holds offset; NULL: none. */
const struct extent *stream_extent_at(const struct stream *st, uint64_t offset);
/* Replace what is hidden in octets, which stand at offset; returns how many octets. */
size_t stream_mask(const struct stream *st, uint64_t offset, uint8_t *octets, size_t n_octets);

#endif
