/* Marks and remarks of a person: each stands at an event, its cause. */
#ifndef REPORT_ANNOTATIONS_H
#define REPORT_ANNOTATIONS_H

#include "journal/journal.h"

struct annotation {
    uint64_t at_seq; /* the event it speaks of */
    uint64_t seq;    /* its own */
    char *text;      /* a mark's name, a note's text: a person's, but a file may say anything */
    bool mark;
};
struct annotations {
    struct annotation *items; /* ascending by at_seq */
    size_t n_items, alloc_items;
    size_t next; /* annotations_next */
};
/* Of a mark that was set several times only the last is there. */
void annotations_read(struct annotations *a, const struct journal *j);
void annotations_deinit(struct annotations *a);
/* Is it one? A remark without a cause is none: it stands where it was made. */
bool annotation_of(const struct event *ev, struct slice *text_out, bool *mark_out);
/* One after another, those that speak of events below that seq; NULL: no more of them. */
const struct annotation *annotations_next(struct annotations *a, uint64_t below_seq);

#endif
