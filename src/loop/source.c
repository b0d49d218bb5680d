/* What wakes the loop: timers, watched descriptors, signals. */
#include "loop/loop_private.h"

#include "base/mem.h"

#include <fcntl.h>

struct loop_timer {
    struct loop_item item; /* first: the item's memory is ours */
    uv_timer_t uv;
    loop_fn fn;
    void *ctx;
};

struct loop_watch {
    struct loop_item item;
    uv_poll_t uv;
    loop_watch_fn fn;
    void *ctx;
    unsigned interest;
};

struct loop_signal {
    struct loop_item item;
    uv_signal_t uv;
    loop_signal_fn fn;
    void *ctx;
};

static void timer_fired(uv_timer_t *uv)
{
    struct loop_timer *t = uv->data;
    /* uv_run serves timers before it sleeps as well, and would then sleep on what they asked for:
     * deferred calls, the screen, the loop's end. This makes it come back first. */
    uv_stop(uv->loop);
    t->fn(t->ctx);
}

struct loop_timer *loop_timer_new(struct loop *l, loop_fn fn, void *ctx)
{
    struct loop_timer *t = mem_zalloc(sizeof(*t));
    t->fn = fn;
    t->ctx = ctx;
    uv_timer_init(&l->uv, &t->uv);
    t->uv.data = t;
    loop_item_add(l, &t->item);
    return t;
}

void loop_timer_start(struct loop_timer *t, uint64_t after_ms)
{
    if (t->item.loop == NULL || uv_is_closing((uv_handle_t *)&t->uv))
        return;
    /* libuv counts from the time it cached when the turn began; without this a timer started late
     * in a long turn, or before the loop runs, fires too early. */
    uv_update_time(&t->item.loop->uv);
    uv_timer_start(&t->uv, timer_fired, after_ms, 0);
}

void loop_timer_stop(struct loop_timer *t)
{
    if (t->item.loop != NULL)
        uv_timer_stop(&t->uv);
}

bool loop_timer_active(const struct loop_timer *t)
{
    return t->item.loop != NULL && uv_is_active((const uv_handle_t *)&t->uv);
}

void loop_timer_free(struct loop_timer **tp)
{
    struct loop_timer *t = *tp;
    if (t == NULL)
        return;
    *tp = NULL;
    loop_item_disown(&t->item, (uv_handle_t *)&t->uv);
}

static void watch_ready(uv_poll_t *uv, int status, int events)
{
    struct loop_watch *w = uv->data;
    unsigned ready = 0;
    if (status < 0) {
        /* An error on the descriptor: libuv has stopped watching. The owner shall try what it
         * waited for and hear the error from the system; the watch rests until it is set again. */
        ready = w->interest | LOOP_HANGUP;
        w->interest = 0;
    }
    if (events & UV_READABLE)
        ready |= LOOP_READABLE;
    if (events & UV_WRITABLE)
        ready |= LOOP_WRITABLE;
    if (events & UV_DISCONNECT)
        ready |= LOOP_HANGUP;
    if (ready != 0)
        w->fn(w->ctx, ready);
}

void loop_watch_set(struct loop_watch *w, unsigned interest)
{
    if (interest == w->interest || w->item.loop == NULL || uv_is_closing((uv_handle_t *)&w->uv))
        return;
    w->interest = interest;
    int events = ((interest & LOOP_READABLE) ? UV_READABLE : 0) |
                 ((interest & LOOP_WRITABLE) ? UV_WRITABLE : 0) |
                 ((interest & LOOP_HANGUP) ? UV_DISCONNECT : 0);
    if (events == 0)
        uv_poll_stop(&w->uv);
    else
        uv_poll_start(&w->uv, events, watch_ready);
}

struct loop_watch *loop_watch_new(struct loop *l, int fd, unsigned interest, loop_watch_fn fn,
                                  void *ctx)
{
    struct loop_watch *w = mem_zalloc(sizeof(*w));
    /* uv_poll_init makes the descriptor non-blocking. On a terminal that would be felt by standard
     * output and by the shell after us, since they share it: put it back. */
    int flags = fcntl(fd, F_GETFL);
    int rc = flags < 0 ? UV_EBADF : uv_poll_init(&l->uv, &w->uv, fd);
    if (rc != 0) {
        mem_free(w);
        return NULL;
    }
    if (!(flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags);
    w->fn = fn;
    w->ctx = ctx;
    w->uv.data = w;
    loop_item_add(l, &w->item);
    loop_watch_set(w, interest);
    return w;
}

void loop_watch_free(struct loop_watch **wp)
{
    struct loop_watch *w = *wp;
    if (w == NULL)
        return;
    *wp = NULL;
    loop_item_disown(&w->item, (uv_handle_t *)&w->uv);
}

static void signal_came(uv_signal_t *uv, int signum)
{
    struct loop_signal *s = uv->data;
    s->fn(s->ctx, signum);
}

struct loop_signal *loop_signal_new(struct loop *l, int signum, loop_signal_fn fn, void *ctx)
{
    struct loop_signal *s = mem_zalloc(sizeof(*s));
    s->fn = fn;
    s->ctx = ctx;
    uv_signal_init(&l->uv, &s->uv);
    s->uv.data = s;
    loop_item_add(l, &s->item);
    int rc = uv_signal_start(&s->uv, signal_came, signum);
    BUG_IF(rc != 0);
    return s;
}

void loop_signal_free(struct loop_signal **sp)
{
    struct loop_signal *s = *sp;
    if (s == NULL)
        return;
    *sp = NULL;
    loop_item_disown(&s->item, (uv_handle_t *)&s->uv);
}
