/* What a busy session needs, lent out: the queue of commands without a reply, buffers, the
 * envelope. */
#include "engine/smtp_track_private.h"

#include <string.h>

#include "base/mem.h"

enum { SPARES_MAX = 16, SPARE_BUF_OCTETS = 8192, PENDING_TEXT_COMPACT_OCTETS = 4096 };

/* Spares of the whole program: the loop has one thread (journal/journal.h). */
static struct track_work *spares;
static size_t n_spares;

static struct track_work *work_new(void)
{
    struct track_work *w = mem_zalloc(sizeof(*w));
    smtp_reply_parser_init(&w->parser);
    buf_init(&w->line, SMTP_CAP_LINE_OCTETS);
    buf_init(&w->unstuffed, TRACK_PIECE_OCTETS + 64);
    buf_init(&w->scratch, SMTP_CAP_REPLY_OCTETS);
    buf_init(&w->texts, TRACK_TEXTS_CAP_OCTETS);
    buf_init(&w->envelope_text, TRACK_ENVELOPE_CAP_OCTETS);
    w->ring = w->ring_inline;
    w->ring_alloc = TRACK_PENDING_INLINE;
    return w;
}

static void work_free(struct track_work *w)
{
    smtp_reply_parser_deinit(&w->parser);
    buf_deinit(&w->line);
    buf_deinit(&w->unstuffed);
    buf_deinit(&w->scratch);
    buf_deinit(&w->texts);
    buf_deinit(&w->envelope_text);
    if (w->ring != w->ring_inline)
        mem_free(w->ring);
    mem_free(w->recipients);
    mem_free(w);
}

/* Nobody finds the former session's octets here; what grew large goes. */
static void buf_clean(struct buf *b)
{
    if (b->alloc_octets > SPARE_BUF_OCTETS)
        buf_release(b);
    else
        buf_reset(b);
}

static void work_clean(struct track_work *w)
{
    /* A parser between replies drops the former one by itself at its next feed. */
    if (smtp_reply_pending(&w->parser) || w->parser.text.alloc_octets > SPARE_BUF_OCTETS) {
        smtp_reply_parser_deinit(&w->parser);
        smtp_reply_parser_init(&w->parser);
    }
    if (w->line.len > 0)
        mem_wipe(w->line.ptr, w->line.len);
    buf_clean(&w->line);
    buf_clean(&w->unstuffed);
    buf_clean(&w->scratch);
    buf_clean(&w->texts);
    buf_clean(&w->envelope_text);
    if (w->ring != w->ring_inline)
        mem_free(w->ring);
    w->ring = w->ring_inline;
    w->ring_alloc = TRACK_PENDING_INLINE;
    w->ring_head = w->ring_count = 0;
    w->texts_base = 0;
    if (w->alloc_recipients > 64) {
        mem_free(w->recipients);
        w->recipients = NULL;
        w->alloc_recipients = 0;
    }
    w->n_recipients = w->kept_recipients = 0;
    w->has_reverse = false;
    w->reverse_len = 0;
}

struct track_work *track_work(struct smtp_track *t)
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
    smtp_content_init(&t->work->content);
    return t->work;
}

void track_work_drop(struct smtp_track *t)
{
    struct track_work *w = t->work;
    t->work = NULL;
    if (!w)
        return;
    if (n_spares >= SPARES_MAX) {
        work_free(w);
        return;
    }
    work_clean(w);
    w->next_spare = spares;
    spares = w;
    n_spares++;
}

void track_rest(struct smtp_track *t)
{
    const struct track_work *w = t->work;
    if (!w || w->ring_count > 0 || t->unkept > 0 || (w->line.len > 0 && !t->line_done) ||
        w->has_reverse || w->n_recipients > 0 || t->in_content || t->bdat_left > 0 ||
        smtp_reply_pending(&w->parser))
        return;
    t->line_done = false;
    track_work_drop(t);
}

/* ---- the queue ---- */

struct track_pending *track_pending_at(const struct track_work *w, size_t index)
{
    return &w->ring[(w->ring_head + index) % w->ring_alloc];
}

struct track_pending *track_head(const struct smtp_track *t)
{
    if (!t->work || t->work->ring_count == 0)
        return NULL;
    return track_pending_at(t->work, 0);
}

static void ring_reserve(struct track_work *w)
{
    if (w->ring_count < w->ring_alloc)
        return;
    size_t alloc = w->ring_alloc * 2;
    struct track_pending *ring = mem_alloc(alloc * sizeof(*ring));
    for (size_t i = 0; i < w->ring_count; i++)
        ring[i] = *track_pending_at(w, i);
    if (w->ring != w->ring_inline)
        mem_free(w->ring);
    w->ring = ring;
    w->ring_alloc = alloc;
    w->ring_head = 0;
}

void track_push(struct smtp_track *t, const struct track_pending *p, struct slice path,
                struct slice params)
{
    struct track_work *w = track_work(t);
    ring_reserve(w);
    struct track_pending *entry = track_pending_at(w, w->ring_count++);
    *entry = *p;
    entry->text_at = w->texts_base + w->texts.len;
    if (path.len > 0 && buf_append(&w->texts, path) && buf_append(&w->texts, params)) {
        entry->path_len = (uint32_t)path.len;
        entry->params_len = (uint32_t)params.len;
    }
}

void track_push_front(struct smtp_track *t, const struct track_pending *p)
{
    struct track_work *w = track_work(t);
    ring_reserve(w);
    w->ring_head = (w->ring_head + w->ring_alloc - 1) % w->ring_alloc;
    w->ring_count++;
    *track_pending_at(w, 0) = *p;
}

void track_pop(struct smtp_track *t)
{
    struct track_work *w = t->work;
    w->ring_head = (w->ring_head + 1) % w->ring_alloc;
    if (--w->ring_count == 0) {
        buf_reset(&w->texts);
        w->texts_base = 0;
        return;
    }
    /* Text of answered commands leaves in large steps, so that a queue that never empties costs
     * linear time. */
    uint64_t live_at = track_pending_at(w, 0)->text_at;
    size_t dead = live_at > w->texts_base ? (size_t)(live_at - w->texts_base) : 0;
    if (dead >= PENDING_TEXT_COMPACT_OCTETS && dead >= w->texts.len / 2) {
        buf_consume(&w->texts, dead);
        w->texts_base += dead;
    }
}

static struct slice pending_text(const struct smtp_track *t, uint64_t at, size_t len)
{
    const struct track_work *w = t->work;
    if (!w || len == 0 || at < w->texts_base)
        return slice_of(NULL, 0);
    return slice_take(slice_skip(buf_slice(&w->texts), (size_t)(at - w->texts_base)), len);
}

struct slice track_pending_path(const struct smtp_track *t, const struct track_pending *p)
{
    return pending_text(t, p->text_at, p->path_len);
}

struct slice track_pending_params(const struct smtp_track *t, const struct track_pending *p)
{
    return pending_text(t, p->text_at + p->path_len, p->params_len);
}
