/* Which events begin a step. Octets do, but not those that only go on with a message or a reply
 * that began before: who steps wants lines, not segments. Backstage events never do. */
#include "recording/replay_private.h"

#include <string.h>

#include "base/mem.h"

static const bool steps_alone[EVENT__COUNT] = {
    [EVENT_LINK_RESOLVE] = true, [EVENT_LINK_UP] = true,    [EVENT_LINK_DOWN] = true,
    [EVENT_LINK_TIMEOUT] = true, [EVENT_TLS_UP] = true,     [EVENT_TLS_FAIL] = true,
    [EVENT_NOTE] = true,         [EVENT_DNS_ANSWER] = true,
};

static void add_stop(struct replay_index *x, const struct event *ev)
{
    if (x->n_stops == x->alloc_stops) {
        x->alloc_stops = x->alloc_stops ? x->alloc_stops * 2 : 64;
        x->stops = mem_realloc(x->stops, x->alloc_stops * sizeof(*x->stops));
    }
    x->stops[x->n_stops++] = (struct replay_stop){ev->seq, ev->tick_ns};
}

static void add_mark(struct replay_index *x, const struct event *ev, struct slice name)
{
    if (x->n_marks == x->alloc_marks) {
        x->alloc_marks = x->alloc_marks ? x->alloc_marks * 2 : 16;
        x->marks = mem_realloc(x->marks, x->alloc_marks * sizeof(*x->marks));
    }
    struct replay_mark *m = &x->marks[x->n_marks++];
    *m = (struct replay_mark){.at_seq = ev->cause_seq ? ev->cause_seq : ev->seq};
    name = slice_take(name, sizeof m->name - 1);
    memcpy(m->name, name.ptr, name.len);
}

static void take_octets(struct replay_index *x, const struct event *ev)
{
    struct ev_octets o;
    EVENT_GET(ev, OCTETS, &o);
    if (o.layer != LAYER_PLAIN)
        return;
    bool content = o.dir == DIR_C && ev->conn == x->content_conn;
    bool goes_on = x->last_conn == ev->conn && x->last_dir == o.dir && (content || x->reply_open);
    if (!goes_on)
        add_stop(x, ev);
    x->last_conn = ev->conn;
    x->last_dir = o.dir;
    x->reply_open = o.dir == DIR_S;
}

static void take_marks(struct replay_index *x, const struct event *ev)
{
    struct ev_mark mark;
    struct ev_note note;
    if (ev->kind == EVENT_MARK) {
        EVENT_GET(ev, MARK, &mark);
        add_mark(x, ev, mark.name);
    } else if (ev->kind == EVENT_NOTE) {
        EVENT_GET(ev, NOTE, &note);
        if (note.level == LEVEL_REMARK)
            add_mark(x, ev, slice_cstr(""));
    }
}

void replay_index_add(struct replay_index *x, const struct event *ev)
{
    if (!x->began)
        x->first_tick_ns = ev->tick_ns;
    x->began = true;
    if (ev->tick_ns > x->last_tick_ns)
        x->last_tick_ns = ev->tick_ns;
    take_marks(x, ev);
    if (ev->flags & EVENT_FLAG_BACKSTAGE)
        return;
    if (ev->kind == EVENT_OCTETS) {
        take_octets(x, ev);
    } else if (steps_alone[ev->kind]) {
        add_stop(x, ev);
        x->last_conn = 0;
    } else if (ev->kind == EVENT_DATA_BEGIN) {
        /* Octets that came before this event are the content's first. */
        x->content_conn = ev->conn;
    } else if (ev->kind == EVENT_DATA_END && ev->conn == x->content_conn) {
        x->content_conn = 0;
    } else if (ev->kind == EVENT_REPLY || ev->kind == EVENT_UNTAGGED) {
        x->reply_open = false;
    }
}

void replay_index_deinit(struct replay_index *x)
{
    mem_free(x->stops);
    mem_free(x->marks);
    *x = (struct replay_index){0};
}

size_t replay_index_behind(const struct replay_index *x, uint64_t seq)
{
    size_t low = 0, high = x->n_stops;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x->stops[middle].seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t replay_index_later(const struct replay_index *x, uint64_t tick_ns)
{
    size_t low = 0, high = x->n_stops;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x->stops[middle].tick_ns <= tick_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
