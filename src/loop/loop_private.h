/* The insides of the loop, shared by the files of this module only. */
#ifndef LOOP_LOOP_PRIVATE_H
#define LOOP_LOOP_PRIVATE_H

#include "loop/loop.h"

#include <stddef.h>
#include <uv.h>

#define TURN_ENDS_MAX 8

struct deferred {
    loop_fn fn; /* NULL: cancelled */
    void *ctx;
};

/* Every handle the loop hands out begins with this. Closing in libuv is two-phase: the memory may
 * only go when the close callback has run. `owned` says the one who asked for it has not freed it;
 * `closed` says libuv is done with it; the memory goes when it is neither owned nor open. */
struct loop_item {
    struct loop_item *prev, *next;
    struct loop *loop; /* NULL once the loop is gone */
    bool owned, closed;
};

struct loop {
    uv_loop_t uv;
    uv_timer_t wait; /* bounds the sleep of loop_turn; unreferenced: it keeps nothing alive */
    struct loop_item items;
    struct deferred *deferred; /* a ring: the one at deferred_first is the oldest */
    size_t deferred_first, deferred_count, deferred_alloc;
    struct deferred turn_ends[TURN_ENDS_MAX];
    size_t turn_ends_count;
    void *net;
    loop_fn net_free;
    bool stop, in_uv, in_turn_ends;
};

void loop_item_add(struct loop *l, struct loop_item *item);
/* The owner lets go: closes the handle; the memory follows. */
void loop_item_disown(struct loop_item *item, uv_handle_t *handle);
/* The close callback of every item's handle, whose data must point at the item. */
void loop_item_closed(uv_handle_t *handle);

#endif
