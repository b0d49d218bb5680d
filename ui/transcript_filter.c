/* The filter of the transcript: a bit for each line says whether it is shown. Events are judged
 * once each, in slices between turns of the loop, so a million lines never keep a key waiting; new
 * lines are judged as they come. Finding the next line that is shown is a walk over words of bits.
 */
#include <stdio.h>
#include <string.h>

#include "ui_private.h"

enum {
    SLICE_NS = 5000000,
    CHECK_EVERY_EVENTS = 64,
    LOOK_BACK_LINES = 8192, /* a reply's lines stand before its event */
    UNREAD_LINES = 256      /* the newest may still be read from */
};

/* ---- bits ---- */

bool bits_get(const struct line_bits *b, size_t index)
{
    return index / 64 < b->n_words && (b->words[index / 64] >> (index % 64) & 1);
}

bool bits_set(struct line_bits *b, size_t index)
{
    size_t word = index / 64;
    if (word >= b->n_words) {
        size_t n = b->n_words ? b->n_words : 64;
        while (n <= word)
            n *= 2;
        b->words = mem_realloc(b->words, n * sizeof *b->words);
        memset(b->words + b->n_words, 0, (n - b->n_words) * sizeof *b->words);
        b->n_words = n;
    }
    uint64_t bit = (uint64_t)1 << (index % 64);
    bool fresh = !(b->words[word] & bit);
    b->words[word] |= bit;
    b->n_set += fresh;
    return fresh;
}

void bits_clear(struct line_bits *b, size_t index)
{
    if (!bits_get(b, index))
        return;
    b->words[index / 64] &= ~((uint64_t)1 << (index % 64));
    b->n_set--;
}

void bits_reset(struct line_bits *b)
{
    mem_free(b->words);
    *b = (struct line_bits){0};
}

size_t bits_next(const struct line_bits *b, size_t from)
{
    size_t word = from / 64;
    if (word >= b->n_words)
        return SIZE_MAX;
    uint64_t left = b->words[word] & (UINT64_MAX << (from % 64));
    while (!left) {
        if (++word >= b->n_words)
            return SIZE_MAX;
        left = b->words[word];
    }
    return word * 64 + (size_t)__builtin_ctzll(left);
}

size_t bits_previous(const struct line_bits *b, size_t from)
{
    size_t word = from / 64;
    uint64_t left;
    if (b->n_words == 0)
        return SIZE_MAX;
    if (word >= b->n_words) {
        word = b->n_words - 1;
        left = b->words[word];
    } else {
        left = b->words[word] & (UINT64_MAX >> (63 - from % 64));
    }
    while (!left) {
        if (word == 0)
            return SIZE_MAX;
        left = b->words[--word];
    }
    return word * 64 + 63 - (size_t)__builtin_clzll(left);
}

/* ---- judging ---- */

/* The line at an offset of a stream: near the one found last, or among those before its event. */
static size_t line_of(struct ui *u, const struct filter_facts *facts)
{
    struct line_filter *f = &u->transcript.filter;
    const struct transcript *lines = u->transcript.lines;
    size_t count = transcript_count(lines);
    size_t at = transcript_find_seq(lines, facts->seq);
    for (size_t near = f->found_last; near < count && near < f->found_last + 4; near++) {
        const struct transcript_line *l = transcript_at(lines, near);
        if (l->conn == facts->conn && l->dir == facts->dir && l->offset == facts->offset &&
            (l->kind == TRANSCRIPT_LINE || l->kind == TRANSCRIPT_CONTENT))
            return f->found_last = near;
    }
    for (size_t back = 0; back < LOOK_BACK_LINES && at < count; back++, at--) {
        const struct transcript_line *l = transcript_at(lines, at);
        bool octets = l->kind == TRANSCRIPT_LINE || l->kind == TRANSCRIPT_CONTENT;
        if (octets && l->conn == facts->conn && l->dir == facts->dir) {
            if (l->offset == facts->offset)
                return f->found_last = at;
            if (l->offset < facts->offset)
                break;
        }
        if (at == 0)
            break;
    }
    return SIZE_MAX;
}

static void judge(void *ctx, const struct filter_facts *facts)
{
    struct ui *u = ctx;
    struct line_filter *f = &u->transcript.filter;
    const struct transcript *lines = u->transcript.lines;
    bool wanted = filter_match(f->filter, facts);
    if (facts->has_offset) {
        size_t index = line_of(u, facts);
        if (index == SIZE_MAX)
            return;
        bits_set(&f->judged, index);
        if (wanted)
            bits_set(&f->shown, index);
        else
            bits_clear(&f->shown, index);
        return;
    }
    if (!wanted)
        return;
    size_t count = transcript_count(lines);
    for (size_t i = transcript_find_seq(lines, facts->seq); i < count; i++) {
        if (transcript_at(lines, i)->seq != facts->seq)
            break;
        bits_set(&f->shown, i); /* a note is one line for each of its parts */
    }
}

/* A line that nothing was read from (it has no end yet, or never got one that was understood) is
 * judged by what is plain of it: who said it, and its octets. What is read from it later counts
 * instead. */
static void judge_unread(struct ui *u, uint64_t start_ns)
{
    struct line_filter *f = &u->transcript.filter;
    const struct transcript *lines = u->transcript.lines;
    size_t count = transcript_count(lines);
    struct buf octets;
    buf_init(&octets, TRANSCRIPT_LINE_MAX_OCTETS + 16);
    for (size_t i = f->unread_from; i < count; i++) {
        const struct transcript_line *l = transcript_at(lines, i);
        if (i % CHECK_EVERY_EVENTS == 0 && ui_now_ns(u) - start_ns > SLICE_NS) {
            f->unread_from = i;
            f->running = true;
            break;
        }
        buf_reset(&octets);
        if ((l->kind != TRANSCRIPT_LINE && l->kind != TRANSCRIPT_CONTENT) ||
            bits_get(&f->judged, i) || !transcript_octets(lines, i, &octets))
            continue;
        struct filter_facts facts = {.seq = l->seq,
                                     .conn = l->conn,
                                     .kind = SLICE_LIT("octets"),
                                     .dir = l->dir,
                                     .text = slice_trim(buf_slice(&octets)),
                                     .tls = (l->flags & TRANSCRIPT_TLS_ON) != 0};
        if (filter_match(f->filter, &facts))
            bits_set(&f->shown, i);
        else
            bits_clear(&f->shown, i);
    }
    buf_deinit(&octets);
    if (!f->running)
        f->unread_from = count > UNREAD_LINES ? count - UNREAD_LINES : 0;
}

/* What the transcript shows of the practice server's inside, and nothing else of it. */
static bool is_shown_kind(const struct event *ev)
{
    return !(ev->flags & EVENT_FLAG_BACKSTAGE) || ev->kind == EVENT_NOTE ||
           ev->kind == EVENT_FAULT || ev->kind == EVENT_STORED || ev->kind == EVENT_BOUNCED;
}

static void on_timer(void *ctx)
{
    filter_advance(ctx);
}

void filter_advance(struct ui *u)
{
    struct line_filter *f = &u->transcript.filter;
    if (!f->filter)
        return;
    uint64_t last = journal_last(u->journal), start_ns = ui_now_ns(u);
    if (f->next_seq < journal_first(u->journal))
        f->next_seq = journal_first(u->journal);
    for (size_t done = 1; f->next_seq <= last; done++) {
        const struct event *ev = journal_at(u->journal, f->next_seq++);
        if (ev && is_shown_kind(ev))
            filter_lens_event(f->lens, ev, f->shadows, judge, u);
        if (done % CHECK_EVERY_EVENTS == 0 && ui_now_ns(u) - start_ns > SLICE_NS)
            break;
    }
    f->running = f->next_seq <= last;
    if (!f->running)
        judge_unread(u, start_ns);
    if (f->running)
        loop_timer_start(f->timer, 1);
    u->dirty_data = true;
}

bool filter_is_on(const struct ui *u)
{
    return u->transcript.filter.filter != NULL;
}

/* ---- setting ---- */

void filter_clear(struct ui *u)
{
    struct line_filter *f = &u->transcript.filter;
    filter_free(&f->filter);
    filter_lens_free(&f->lens);
    bits_reset(&f->shown);
    bits_reset(&f->judged);
    f->unread_from = 0;
    mem_free(f->expr);
    f->expr = NULL;
    f->running = false;
    f->found_last = 0;
}

void filter_close(struct ui *u)
{
    filter_clear(u);
    if (u->transcript.filter.timer)
        loop_timer_free(&u->transcript.filter.timer);
}

bool filter_set(struct ui *u, struct slice expr, struct err *err)
{
    struct line_filter *f = &u->transcript.filter;
    expr = slice_trim(expr);
    if (expr.len == 0) {
        filter_clear(u);
        return true;
    }
    struct filter *parsed = filter_parse(expr, err);
    if (!parsed)
        return false;
    char *kept = mem_slice_dup(expr); /* expr may be ours */
    filter_clear(u);
    f->filter = parsed;
    f->expr = kept;
    f->lens = filter_lens_new(u->journal);
    f->shadows = filter_names(parsed, FILTER_KIND);
    f->next_seq = 0;
    if (!f->timer)
        f->timer = loop_timer_new(u->loop, on_timer, u);
    filter_advance(u);
    return true;
}

/* ---- the field ---- */

/* What is typed is applied while it reads; what does not read leaves the filter as it was. */
static void typed(struct ui *u)
{
    struct err err;
    err_clear(&err);
    u->filter_bad[0] = '\0';
    if (!filter_set(u, slice_of(u->field.text, u->field.len), &err))
        vis_to_cstr(u->filter_bad, sizeof u->filter_bad, slice_cstr(err.text));
    transcript_settle(u);
}

static bool filter_key(struct ui *u, const struct input_unit *unit)
{
    switch (unit->key) {
    case KEY_ESC_CODE:
    case KEY_CTRL('c'):
        overlay_close(u);
        return true;
    case KEY_ENTER_CODE:
        if (u->filter_bad[0]) {
            ui_say(u, true, "%s", u->filter_bad);
            return true;
        }
        mem_free(u->filter_before);
        u->filter_before = NULL;
        overlay_close(u);
        u->focus = u->transcript.filter.filter ? PANE_TRANSCRIPT : PANE_COMMAND;
        ui_relayout(u);
        return true;
    default:
        if (field_key(&u->field, unit)) {
            typed(u);
            return true;
        }
        return unit->key < KEY_FN(0);
    }
}

static void filter_draw(struct ui *u)
{
    const struct rect *p = &u->layout.prompt, *h = &u->layout.hint;
    const struct line_filter *f = &u->transcript.filter;
    size_t count = transcript_count(u->transcript.lines);
    bool bad = u->filter_bad[0] != '\0';
    draw_fill(u, p->y, p->x, p->cols, ROLE_TEXT);
    int x = p->x + draw_own(u, p->y, p->x, p->cols, "filter: ", bad ? ROLE_BAD : ROLE_PROMPT);
    x += draw_peer(u, p->y, x, p->x + p->cols - x, slice_of(u->field.text, u->field.len),
                   bad ? ROLE_LINT : ROLE_INPUT);
    draw_cursor(u, p->y, x);
    if (u->field.len == 0)
        draw_own(u, p->y, x + 2, p->x + p->cols - x - 2,
                 "dir=S code>=400 · kind=tls · text~quota · verb=RCPT · dt>200ms", ROLE_GHOST);
    if (h->rows == 0)
        return;
    draw_fill(u, h->y, h->x, h->cols, ROLE_TEXT);
    if (bad) {
        int taken = draw_own(u, h->y, h->x, h->cols, "! ", ROLE_LINT);
        draw_peer(u, h->y, h->x + taken, h->cols - taken, slice_cstr(u->filter_bad), ROLE_LINT);
    } else if (f->filter) {
        draw_fmt(u, h->y, h->x, h->cols, ROLE_INFO,
                 "%zu of %zu lines shown, %zu hidden%s   Enter keeps it   Esc undoes   empty: all",
                 f->shown.n_set, count, count - f->shown.n_set, f->running ? " so far" : "");
    } else {
        draw_own(u, h->y, h->x, h->cols,
                 "fields: code dir kind verb text dt time enhanced rcpt peer tls; and or not ( )",
                 ROLE_INFO);
    }
}

/* What Enter did not keep is undone, by Esc or because something else is opened. */
static void filter_closed(struct ui *u)
{
    struct err err;
    if (u->filter_before)
        filter_set(u, slice_cstr(u->filter_before), &err);
    mem_free(u->filter_before);
    u->filter_before = NULL;
    u->filter_bad[0] = '\0';
}

static const struct overlay_ops filter_ops = {
    .draw = filter_draw, .key = filter_key, .close = filter_closed};

void filter_open(struct ui *u)
{
    const char *expr = u->transcript.filter.expr;
    overlay_open(u, &filter_ops);
    u->filter_before = mem_strdup(expr ? expr : "");
    field_set(&u->field, expr ? expr : "");
}
