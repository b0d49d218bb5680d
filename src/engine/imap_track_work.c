/* What a busy IMAP session needs, lent out: open commands, texts being read. */
#include "engine/imap_track_private.h"

#include <string.h>

#include "base/mem.h"

enum { SPARES_MAX = 16, SPARE_BUF_OCTETS = 16384, SPARE_GAPS_MAX = 64 };

/* Spares of the whole program: the loop has one thread (journal/journal.h). */
static struct imap_work *spares;
static size_t n_spares;

static struct imap_work *work_new(void)
{
    struct imap_work *w = mem_zalloc(sizeof(*w));
    buf_init(&w->reading[DIR_C].text, IMAP_CAP_COMMAND_OCTETS);
    buf_init(&w->reading[DIR_S].text, IMAP_CAP_RESPONSE_OCTETS);
    arena_init(&w->arena);
    w->ring = w->ring_inline;
    w->ring_alloc = IMAP_PENDING_INLINE;
    return w;
}

static void ring_clear(struct imap_work *w)
{
    for (size_t i = 0; i < w->ring_count; i++)
        mem_free(w->ring[i].mailbox);
    if (w->ring != w->ring_inline)
        mem_free(w->ring);
    w->ring = w->ring_inline;
    w->ring_alloc = IMAP_PENDING_INLINE;
    w->ring_count = 0;
}

static void work_free(struct imap_work *w)
{
    ring_clear(w);
    for (int d = 0; d < DIR__COUNT; d++) {
        itrack_reading_reset(&w->reading[d]);
        buf_deinit(&w->reading[d].text);
        mem_free(w->reading[d].gaps);
    }
    arena_deinit(&w->arena);
    mem_free(w);
}

/* A LOGIN may have stood there. */
void itrack_reading_reset(struct imap_reading *r)
{
    if (r->text.len > 0)
        mem_wipe(r->text.ptr, r->text.len);
    if (r->text.alloc_octets > SPARE_BUF_OCTETS)
        buf_release(&r->text);
    else
        buf_reset(&r->text);
    if (r->alloc_gaps > SPARE_GAPS_MAX) {
        mem_free(r->gaps);
        r->gaps = NULL;
        r->alloc_gaps = 0;
    }
    r->n_gaps = r->n_literals = 0;
    r->cut = false;
}

struct imap_work *itrack_work(struct imap_track *t)
{
    if (t->work)
        return t->work;
    if (spares) {
        t->work = spares;
        spares = spares->next_spare;
        n_spares--;
    } else {
        t->work = work_new();
    }
    return t->work;
}

void itrack_work_drop(struct imap_track *t)
{
    struct imap_work *w = t->work;
    t->work = NULL;
    t->text_done[DIR_C] = t->text_done[DIR_S] = false;
    if (!w)
        return;
    if (n_spares >= SPARES_MAX) {
        work_free(w);
        return;
    }
    ring_clear(w);
    for (int d = 0; d < DIR__COUNT; d++)
        itrack_reading_reset(&w->reading[d]);
    arena_reset(&w->arena);
    w->next_spare = spares;
    spares = w;
    n_spares++;
}

void itrack_rest(struct imap_track *t)
{
    const struct imap_work *w = t->work;
    if (!w || w->ring_count > 0 || t->in_command[DIR_C] || t->in_command[DIR_S])
        return;
    itrack_work_drop(t);
}

/* ---- open commands ---- */

struct imap_pending *itrack_push(struct imap_track *t)
{
    struct imap_work *w = itrack_work(t);
    if (w->ring_count == w->ring_alloc) {
        size_t alloc = w->ring_alloc * 2;
        struct imap_pending *ring = mem_alloc(alloc * sizeof(*ring));
        memcpy(ring, w->ring, w->ring_count * sizeof(*ring));
        if (w->ring != w->ring_inline)
            mem_free(w->ring);
        w->ring = ring;
        w->ring_alloc = alloc;
    }
    struct imap_pending *p = &w->ring[w->ring_count++];
    memset(p, 0, sizeof(*p));
    return p;
}

void itrack_remove(struct imap_track *t, size_t index)
{
    struct imap_work *w = t->work;
    mem_free(w->ring[index].mailbox);
    memmove(&w->ring[index], &w->ring[index + 1], (w->ring_count - index - 1) * sizeof(w->ring[0]));
    w->ring_count--;
}

struct imap_pending *itrack_head(const struct imap_track *t)
{
    return t->work && t->work->ring_count > 0 ? &t->work->ring[0] : NULL;
}

struct imap_pending *itrack_by_tag(const struct imap_track *t, struct slice tag, size_t *index_out)
{
    for (size_t i = 0; t->work && i < t->work->ring_count; i++) {
        struct imap_pending *p = &t->work->ring[i];
        if (!slice_eq(slice_of(p->tag, p->tag_len), tag))
            continue;
        if (index_out)
            *index_out = i;
        return p;
    }
    return NULL;
}

struct imap_pending *itrack_own(const struct imap_track *t)
{
    for (size_t i = 0; t->work && t->command_seq && i < t->work->ring_count; i++)
        if (t->work->ring[i].seq == t->command_seq)
            return &t->work->ring[i];
    return NULL;
}

struct imap_pending *itrack_by_verb(const struct imap_track *t, enum imap_verb verb)
{
    for (size_t i = 0; t->work && i < t->work->ring_count; i++)
        if (t->work->ring[i].verb == verb)
            return &t->work->ring[i];
    return NULL;
}

/* ---- texts ---- */

void itrack_reading_add(struct imap_track *t, enum event_dir dir, struct slice octets)
{
    struct imap_reading *r = &itrack_work(t)->reading[dir];
    if (r->cut)
        return;
    /* No copies of a secret left behind by growing. */
    if (dir == DIR_C && !r->text.ptr)
        buf_room(&r->text, 1024);
    if (buf_append(&r->text, octets))
        return;
    /* The part that fits is kept: tag and verb are wanted. */
    buf_append(&r->text, slice_take(octets, r->text.cap_octets - r->text.len));
    r->cut = true;
    struct track_range where = {dir, t->start[dir], t->core.at[dir] - t->start[dir], 0};
    itrack_deviation(t, IMAP_RULE_TEXT_CAP, &where, "%zu octets of it are kept.",
                     r->text.cap_octets);
}

void itrack_reading_gap(struct imap_track *t, enum event_dir dir, uint64_t octets)
{
    struct imap_reading *r = &itrack_work(t)->reading[dir];
    if (r->cut)
        return;
    if (r->n_gaps == r->alloc_gaps) {
        r->alloc_gaps = r->alloc_gaps ? r->alloc_gaps * 2 : 4;
        r->gaps = mem_realloc(r->gaps, r->alloc_gaps * sizeof(*r->gaps));
    }
    r->gaps[r->n_gaps++] = (struct imap_gap){(uint32_t)r->text.len, octets, t->core.at[dir]};
}

struct imap_text itrack_reading_text(const struct imap_reading *r)
{
    return (struct imap_text){
        .octets = buf_slice(&r->text), .gaps = r->gaps, .n_gaps = r->n_gaps, .cut = r->cut};
}
