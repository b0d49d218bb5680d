/* The steps of a recording: where a replay can stand. */
#ifndef RECORDING_REPLAY_PRIVATE_H
#define RECORDING_REPLAY_PRIVATE_H

#include "journal/journal.h"

/* An event that begins a step, with its time. What follows it up to the next belongs to it. */
struct replay_stop {
    uint64_t seq;
    uint64_t tick_ns;
};
struct replay_mark {
    uint64_t at_seq; /* the event it stands at */
    char name[32];   /* empty: a note */
};

struct replay_index {
    struct replay_stop *stops;
    size_t n_stops, alloc_stops;
    struct replay_mark *marks; /* in the order they were made */
    size_t n_marks, alloc_marks;
    uint64_t first_tick_ns, last_tick_ns;
    bool began;
    /* while it is made */
    uint32_t content_conn; /* a message passes there; 0: nowhere */
    uint32_t last_conn; /* the last stop: octets of that connection and direction; 0: no octets */
    enum event_dir last_dir;
    bool reply_open; /* the last stop is a reply that has not come to its end */
};
void replay_index_add(struct replay_index *x, const struct event *ev);
void replay_index_deinit(struct replay_index *x);
/* The first stop whose seq is above `seq`. */
size_t replay_index_behind(const struct replay_index *x, uint64_t seq);
/* The first stop later than tick_ns. */
size_t replay_index_later(const struct replay_index *x, uint64_t tick_ns);

#endif
