/* One turn after the other over libuv.
 *
 * libuv has no phase that is last before the sleep and also sees what its own timers did, so the
 * turn is composed here: one pass of uv_run, which sleeps only where nothing is deferred; then the
 * deferred calls; then the turn-end hooks. A deferred call made by a deferred call waits for the
 * next turn, which then does not sleep: two ends of a memory link that answer each other can go on
 * for ever without keeping input, signals and the screen from their turn.
 *
 * uv_run must not be entered twice. loop_turn from inside a handler therefore only runs the hooks,
 * which is what nested drawing wants.
 */
#include "loop/loop_private.h"

#include "base/mem.h"

#include <signal.h>
#include <string.h>

struct loop *loop_new(void)
{
    struct loop *l = mem_zalloc(sizeof(*l));
    int rc = uv_loop_init(&l->uv);
    BUG_IF(rc != 0);
    l->uv.data = l;
    uv_timer_init(&l->uv, &l->wait);
    uv_unref((uv_handle_t *)&l->wait);
    l->items.prev = l->items.next = &l->items;
    /* Writing to a connection the peer has cut must be an error of that write, not our end. */
    signal(SIGPIPE, SIG_IGN);
    return l;
}

void loop_item_add(struct loop *l, struct loop_item *item)
{
    item->loop = l;
    item->owned = true;
    item->prev = l->items.prev;
    item->next = &l->items;
    item->prev->next = item->next->prev = item;
}

void loop_item_closed(uv_handle_t *handle)
{
    struct loop_item *item = handle->data;
    item->closed = true;
    item->loop = NULL;
    item->prev->next = item->next;
    item->next->prev = item->prev;
    if (!item->owned)
        mem_free(item);
}

void loop_item_disown(struct loop_item *item, uv_handle_t *handle)
{
    item->owned = false;
    if (item->closed)
        mem_free(item);
    else if (!uv_is_closing(handle))
        uv_close(handle, loop_item_closed);
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
    struct loop *l = ctx;
    if (uv_is_closing(handle))
        return;
    if (handle == (uv_handle_t *)&l->wait)
        uv_close(handle, NULL);
    else
        uv_close(handle, loop_item_closed);
}

void loop_free(struct loop **lp)
{
    struct loop *l = *lp;
    if (l == NULL)
        return;
    *lp = NULL;
    /* net's handles are not items; it closes them itself, before the walk. */
    if (l->net_free != NULL)
        l->net_free(l->net);
    uv_walk(&l->uv, close_handle, l);
    while (uv_run(&l->uv, UV_RUN_NOWAIT) != 0)
        continue;
    int rc = uv_loop_close(&l->uv);
    BUG_IF(rc != 0);
    mem_free(l->deferred);
    mem_free(l);
}

static void run_deferred(struct loop *l)
{
    for (size_t n = l->deferred_count; n > 0 && l->deferred_count > 0; n--) {
        struct deferred d = l->deferred[l->deferred_first];
        l->deferred_first = (l->deferred_first + 1) % l->deferred_alloc;
        l->deferred_count--;
        if (d.fn != NULL)
            d.fn(d.ctx);
    }
}

static void run_turn_ends(struct loop *l)
{
    if (l->in_turn_ends)
        return;
    l->in_turn_ends = true;
    for (size_t i = 0; i < l->turn_ends_count; i++) {
        struct deferred d = l->turn_ends[i];
        d.fn(d.ctx);
        /* It may have removed itself: the next one then stands in its place. */
        if (i < l->turn_ends_count && (l->turn_ends[i].fn != d.fn || l->turn_ends[i].ctx != d.ctx))
            i--;
    }
    l->in_turn_ends = false;
}

/* False: nothing is left that could ever happen. */
static bool turn(struct loop *l, bool sleep)
{
    if (l->in_uv) {
        run_turn_ends(l);
        return true;
    }
    if (l->deferred_count > 0 || l->stop)
        sleep = false;
    l->in_uv = true;
    bool alive = uv_run(&l->uv, sleep ? UV_RUN_ONCE : UV_RUN_NOWAIT) != 0;
    l->in_uv = false;
    run_deferred(l);
    run_turn_ends(l);
    return alive || l->deferred_count > 0 || uv_loop_alive(&l->uv);
}

void loop_run_until(struct loop *l, bool (*done)(void *ctx), void *ctx)
{
    /* The first turn does not sleep: what was done before the loop ran has to be drawn first. */
    bool sleep = false;
    while (!l->stop && !(done != NULL && done(ctx))) {
        if (!turn(l, sleep))
            break;
        sleep = true;
    }
    l->stop = false;
}

void loop_run(struct loop *l)
{
    loop_run_until(l, NULL, NULL);
}

static void wait_over(uv_timer_t *timer)
{
    uv_stop(timer->loop); /* due before the sleep: do not begin it */
}

void loop_turn(struct loop *l, unsigned wait_ms)
{
    bool bounded = wait_ms > 0 && !l->in_uv;
    if (bounded) {
        uv_update_time(&l->uv);
        uv_timer_start(&l->wait, wait_over, wait_ms, 0);
    }
    turn(l, wait_ms > 0);
    if (bounded)
        uv_timer_stop(&l->wait);
}

void loop_stop(struct loop *l)
{
    l->stop = true;
}

void loop_defer(struct loop *l, loop_fn fn, void *ctx)
{
    if (l->deferred_count == l->deferred_alloc) {
        size_t alloc = l->deferred_alloc > 0 ? l->deferred_alloc * 2 : 16;
        struct deferred *ring = mem_alloc(alloc * sizeof(*ring));
        for (size_t i = 0; i < l->deferred_count; i++)
            ring[i] = l->deferred[(l->deferred_first + i) % l->deferred_alloc];
        mem_free(l->deferred);
        l->deferred = ring;
        l->deferred_alloc = alloc;
        l->deferred_first = 0;
    }
    size_t at = (l->deferred_first + l->deferred_count) % l->deferred_alloc;
    l->deferred[at] = (struct deferred){.fn = fn, .ctx = ctx};
    l->deferred_count++;
}

void loop_defer_cancel(struct loop *l, void *ctx)
{
    for (size_t i = 0; i < l->deferred_count; i++) {
        struct deferred *d = &l->deferred[(l->deferred_first + i) % l->deferred_alloc];
        if (d->ctx == ctx)
            d->fn = NULL;
    }
}

void loop_add_turn_end(struct loop *l, loop_fn fn, void *ctx)
{
    BUG_IF(l->turn_ends_count == TURN_ENDS_MAX);
    l->turn_ends[l->turn_ends_count++] = (struct deferred){.fn = fn, .ctx = ctx};
}

void loop_remove_turn_end(struct loop *l, loop_fn fn, void *ctx)
{
    for (size_t i = 0; i < l->turn_ends_count; i++) {
        if (l->turn_ends[i].fn != fn || l->turn_ends[i].ctx != ctx)
            continue;
        l->turn_ends_count--;
        memmove(&l->turn_ends[i], &l->turn_ends[i + 1],
                (l->turn_ends_count - i) * sizeof(l->turn_ends[0]));
        return;
    }
}

struct uv_loop_s *loop_uv(struct loop *l)
{
    return &l->uv;
}

void loop_set_net(struct loop *l, void *net, loop_fn on_free)
{
    l->net = net;
    l->net_free = on_free;
}

void *loop_net(const struct loop *l)
{
    return l->net;
}
