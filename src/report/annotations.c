/* What a person added, in the order of what it speaks of. */
#include "report/annotations.h"

#include <stdlib.h>

#include "base/mem.h"

static void add(struct annotations *a, const struct event *ev, struct slice text, bool mark)
{
    if (a->n_items == a->alloc_items) {
        a->alloc_items = a->alloc_items ? a->alloc_items * 2 : 16;
        a->items = mem_realloc(a->items, a->alloc_items * sizeof(*a->items));
    }
    a->items[a->n_items++] = (struct annotation){
        .at_seq = ev->cause_seq, .seq = ev->seq, .text = mem_slice_dup(text), .mark = mark};
}

/* Set again, a mark has moved. */
static void drop_mark(struct annotations *a, struct slice name)
{
    for (size_t i = 0; i < a->n_items; i++) {
        if (!a->items[i].mark || !slice_eq(name, slice_cstr(a->items[i].text)))
            continue;
        mem_free(a->items[i].text);
        a->items[i] = a->items[--a->n_items];
        return;
    }
}

bool annotation_of(const struct event *ev, struct slice *text_out, bool *mark_out)
{
    struct ev_mark mark;
    struct ev_note note;
    *mark_out = ev->kind == EVENT_MARK;
    if (ev->cause_seq == 0 || (ev->kind != EVENT_MARK && ev->kind != EVENT_NOTE))
        return false;
    if (*mark_out) {
        EVENT_GET(ev, MARK, &mark);
        *text_out = mark.name;
        return true;
    }
    EVENT_GET(ev, NOTE, &note);
    *text_out = note.text;
    return note.level == LEVEL_REMARK;
}

static int by_place(const void *a, const void *b)
{
    const struct annotation *x = a, *y = b;
    if (x->at_seq != y->at_seq)
        return x->at_seq < y->at_seq ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

void annotations_read(struct annotations *a, const struct journal *j)
{
    *a = (struct annotations){.items = NULL};
    for (uint64_t seq = journal_first(j); seq != 0 && seq <= journal_last(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        struct slice text;
        bool mark;
        if (!ev || !annotation_of(ev, &text, &mark))
            continue;
        if (mark)
            drop_mark(a, text);
        add(a, ev, text, mark);
    }
    if (a->n_items > 0)
        qsort(a->items, a->n_items, sizeof(*a->items), by_place);
}

void annotations_deinit(struct annotations *a)
{
    for (size_t i = 0; i < a->n_items; i++)
        mem_free(a->items[i].text);
    mem_free(a->items);
    *a = (struct annotations){.items = NULL};
}

const struct annotation *annotations_next(struct annotations *a, uint64_t below_seq)
{
    if (a->next >= a->n_items || a->items[a->next].at_seq >= below_seq)
        return NULL;
    return &a->items[a->next++];
}
