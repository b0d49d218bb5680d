/* See ladder.h. Rungs are made in the order of lines; the last one may still grow, so an update
 * begins again where lines changed. */
#include "ladder.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { LABEL_MAX_COLS = 200, TIME_COLS = 26, NARROW_COLS = 60, VERDICT_COLS = 10 };

void ladder_init(struct ladder *l, uint32_t conn)
{
    memset(l, 0, sizeof *l);
    l->conn = conn;
    l->slowest = SIZE_MAX;
}

void ladder_deinit(struct ladder *l)
{
    mem_free(l->rungs);
    memset(l, 0, sizeof *l);
}

/* ---- making rungs ---- */

static bool is_octets(const struct transcript_line *l)
{
    return l->kind == TRANSCRIPT_LINE || l->kind == TRANSCRIPT_CONTENT;
}

static enum rung_kind kind_of(const struct transcript_line *l)
{
    if (is_octets(l))
        return l->dir == DIR_C ? RUNG_ASK : RUNG_ANSWER;
    return l->kind == TRANSCRIPT_TLS ? RUNG_BOTH : RUNG_TEXT;
}

/* Is the line more of what the rung holds: the same reply, message or write? */
static bool continues(const struct rung *r, const struct transcript *t,
                      const struct transcript_line *l)
{
    const struct transcript_line *last = transcript_at(t, r->last);
    if (kind_of(l) != (enum rung_kind)r->kind || l->kind != last->kind)
        return false;
    if (r->kind == RUNG_ANSWER)
        return l->kind == TRANSCRIPT_CONTENT || (l->flags & TRANSCRIPT_CONT) != 0;
    if (r->kind == RUNG_ASK)
        return l->kind == TRANSCRIPT_CONTENT || l->seq == last->seq;
    /* What checking the certificate gave stands on the line of the handshake. */
    return false;
}

static void take_line(struct ladder *l, const struct transcript *t, size_t index)
{
    const struct transcript_line *line = transcript_at(t, index);
    bool wanted = line->conn == l->conn && line->kind != TRANSCRIPT_NOTE &&
                  line->kind != TRANSCRIPT_BACKSTAGE && line->kind != TRANSCRIPT_DEVIATION &&
                  !(line->flags & TRANSCRIPT_HANDSHAKE);
    if (!wanted)
        return;
    struct rung *r = l->n_rungs > 0 ? &l->rungs[l->n_rungs - 1] : NULL;
    if (!r || !continues(r, t, line)) {
        if (l->n_rungs == l->alloc) {
            l->alloc = l->alloc ? 2 * l->alloc : 64;
            l->rungs = mem_realloc(l->rungs, l->alloc * sizeof *l->rungs);
        }
        r = &l->rungs[l->n_rungs++];
        *r = (struct rung){.first = index, .kind = (uint8_t)kind_of(line)};
    }
    r->last = index;
    r->n_parts++;
    r->content = line->kind == TRANSCRIPT_CONTENT;
    r->tls = (line->flags & TRANSCRIPT_TLS_ON) || line->kind == TRANSCRIPT_TLS;
    r->bad = r->bad || (line->flags & TRANSCRIPT_REPLY_BAD);
    r->good = r->good || (line->flags & TRANSCRIPT_REPLY_OK);
    r->n_octets += line->length;
    uint64_t tick_ns = transcript_tick_ns(t, index);
    r->tick_ns = tick_ns ? tick_ns : r->tick_ns;
}

static void find_slowest(struct ladder *l)
{
    uint64_t longest_ns = 0;
    l->slowest = SIZE_MAX;
    for (size_t i = 1; i < l->n_rungs; i++) {
        uint64_t ns = ladder_wait_ns(l, i);
        /* What a person waited before typing is no step of anybody. */
        if (l->rungs[i].kind != RUNG_ASK && ns > longest_ns) {
            longest_ns = ns;
            l->slowest = i;
        }
    }
}

void ladder_update(struct ladder *l, const struct transcript *t, size_t first_changed)
{
    size_t count = transcript_count(t);
    size_t from = first_changed < l->seen ? first_changed : l->seen;
    while (l->n_rungs > 0 && l->rungs[l->n_rungs - 1].last >= from) {
        l->n_rungs--;
        if (l->rungs[l->n_rungs].first < from)
            from = l->rungs[l->n_rungs].first;
    }
    for (size_t i = from; i < count; i++)
        take_line(l, t, i);
    l->seen = count;
    l->first_tick_ns = l->n_rungs > 0 ? l->rungs[0].tick_ns : 0;
    find_slowest(l);
}

uint64_t ladder_wait_ns(const struct ladder *l, size_t index)
{
    if (index == 0 || index >= l->n_rungs)
        return 0;
    uint64_t now = l->rungs[index].tick_ns, then = l->rungs[index - 1].tick_ns;
    return now > then ? now - then : 0;
}

/* ---- what a rung says ---- */

static void first_word(const struct transcript *t, size_t index, unsigned flags, struct buf *out)
{
    struct vis_text text;
    vis_init(&text);
    transcript_text(t, index, flags, LABEL_MAX_COLS, &text);
    struct slice rest = buf_slice(&text.text);
    buf_append(out, slice_next_word(&rest));
    vis_deinit(&text);
}

static void line_text(const struct transcript *t, size_t index, unsigned flags, struct buf *out)
{
    struct vis_text text;
    vis_init(&text);
    transcript_text(t, index, flags, LABEL_MAX_COLS, &text);
    buf_append(out, buf_slice(&text.text));
    vis_deinit(&text);
}

static void label(const struct rung *r, const struct transcript *t, unsigned flags, struct buf *out)
{
    if (r->content) {
        buf_printf(out, "content %llu octets, %u lines", (unsigned long long)r->n_octets,
                   r->n_parts);
    } else if (r->kind == RUNG_ASK && r->n_parts > 1) {
        for (size_t i = r->first; i <= r->last; i++) {
            if (i > r->first)
                buf_append_cstr(out, " · ");
            first_word(t, i, flags, out);
        }
        buf_append_cstr(out, " (one write)");
    } else {
        /* Of a long answer the first line, unless it says no: then the last one says most. */
        line_text(t, r->kind == RUNG_ANSWER && r->bad ? r->last : r->first, flags, out);
        if (r->kind == RUNG_ANSWER && r->n_parts > 1)
            buf_printf(out, " · %u lines", r->n_parts);
    }
}

/* ---- rows ---- */

void ladder_lanes(const struct ladder_form *form, int *left_out, int *right_out)
{
    int left = form->times ? TIME_COLS : 2;
    int right = form->cols - (form->cols >= NARROW_COLS ? VERDICT_COLS : 2);
    *left_out = left;
    *right_out = right > left + 8 ? right : left + 8;
}

static void blanks(struct buf *out, int n)
{
    for (int i = 0; i < n; i++)
        buf_append_octet(out, ' ');
}

static void repeat(struct buf *out, const char *glyph, int n)
{
    for (int i = 0; i < n; i++)
        buf_append_cstr(out, glyph);
}

static void time_columns(const struct ladder *l, size_t index, struct buf *out)
{
    const struct rung *r = &l->rungs[index];
    double at_s = r->tick_ns > l->first_tick_ns ? (double)(r->tick_ns - l->first_tick_ns) / 1e9 : 0;
    char delta[24] = "";
    if (index > 0)
        snprintf(delta, sizeof delta, "%.0f", (double)ladder_wait_ns(l, index) / 1e6);
    char row[64];
    snprintf(row, sizeof row, "  %7.*f %7s %s", at_s < 1000 ? 3 : 1, at_s, delta,
             index == l->slowest ? "!" : " ");
    buf_append_cstr(out, row);
    blanks(out, TIME_COLS - (int)strlen(row));
}

/* The words in the middle of their arrow; what is too long ends in a mark. */
static void arrow(const struct rung *r, struct slice words, int room, struct buf *out)
{
    static const char *const shafts[] = {"─", "═"};
    const char *shaft = shafts[r->tls];
    struct vis_text text;
    int most = room - 6 > 4 ? room - 6 : 4;
    vis_init(&text);
    vis_append(&text, words, 0, (size_t)most);
    if (text.cut) {
        vis_reset(&text);
        vis_append(&text, words, 0, (size_t)most - 1);
        vis_append(&text, SLICE_LIT("…"), 0, 1);
    }
    int left = room - (int)text.cols - 2, before = left / 2, after = left - before;
    if (r->kind == RUNG_ANSWER) {
        buf_append_cstr(out, "◀");
        before--;
    }
    repeat(out, shaft, before);
    buf_append_octet(out, ' ');
    buf_append(out, buf_slice(&text.text));
    buf_append_octet(out, ' ');
    repeat(out, shaft, r->kind == RUNG_ASK ? after - 1 : after);
    if (r->kind == RUNG_ASK)
        buf_append_cstr(out, "▶");
    vis_deinit(&text);
}

static void plain_text(struct slice words, int room, struct buf *out)
{
    struct vis_text text;
    vis_init(&text);
    vis_append(&text, words, 0, (size_t)(room > 2 ? room - 2 : 1));
    buf_append_octet(out, ' ');
    buf_append(out, buf_slice(&text.text));
    blanks(out, room - 1 - (int)text.cols);
    vis_deinit(&text);
}

void ladder_row(const struct ladder *l, const struct transcript *t, size_t index,
                const struct ladder_form *form, struct buf *out)
{
    const struct rung *r = &l->rungs[index];
    int left, right;
    struct buf words;
    ladder_lanes(form, &left, &right);
    buf_init(&words, 1 << 16);
    label(r, t, form->vis_flags, &words);
    if (form->times)
        time_columns(l, index, out);
    else
        blanks(out, left);
    const char *lane = r->kind == RUNG_BOTH ? "╠" : r->tls ? "┃" : "│";
    buf_append_cstr(out, lane);
    if (r->kind == RUNG_TEXT)
        plain_text(buf_slice(&words), right - left - 1, out);
    else
        arrow(r, buf_slice(&words), right - left - 1, out);
    buf_append_cstr(out, r->kind == RUNG_BOTH ? "╣" : lane);
    if (form->cols >= NARROW_COLS && r->kind == RUNG_ANSWER && (r->bad || r->good))
        buf_append_cstr(out, r->bad ? " ! no" : " ok");
    buf_deinit(&words);
}

void ladder_heads(const struct ladder_form *form, const char *client, const char *server,
                  struct buf *out)
{
    int left, right;
    struct vis_text a, b;
    ladder_lanes(form, &left, &right);
    vis_init(&a);
    vis_init(&b);
    vis_append(&a, slice_cstr(client), form->vis_flags, (size_t)((right - left) / 2 - 1));
    vis_append(&b, slice_cstr(server), form->vis_flags, (size_t)((right - left) / 2 - 1));
    if (form->times) {
        buf_append_cstr(out, "   time s    wait ms");
        blanks(out, left - 20);
    } else {
        blanks(out, left);
    }
    buf_append(out, buf_slice(&a.text));
    blanks(out, right + 1 - left - (int)a.cols - (int)b.cols);
    buf_append(out, buf_slice(&b.text));
    vis_deinit(&a);
    vis_deinit(&b);
}

void ladder_gap(const struct ladder_form *form, bool tls, struct buf *out)
{
    int left, right;
    ladder_lanes(form, &left, &right);
    blanks(out, left);
    buf_append_cstr(out, tls ? "┃" : "│");
    blanks(out, right - left - 1);
    buf_append_cstr(out, tls ? "┃" : "│");
}
