/* The transcript pane: where one stands in it, and what is folded away. Lines are looked at only
 * when they are visible, so a million of them cost nothing but their place.
 *
 * Places are indices of lines. FOLLOW is on while the mark stands on the last line by wish: then
 * the last page is shown and new lines push it on. Any move upwards ends it.
 */
#include <stdio.h>
#include <string.h>

#include "ui_private.h"

/* ---- what is shown ---- */

static size_t lines_count(const struct ui *u)
{
    return transcript_count(u->transcript.lines);
}

/* The line that is shown for it: of a folded run the first. */
static size_t shown(const struct ui *u, size_t index)
{
    const struct fold_run *run = fold_closed_at(u, index);
    return run ? run->first : index;
}

size_t transcript_next(const struct ui *u, size_t index)
{
    size_t count = lines_count(u);
    const struct fold_run *run = fold_closed_at(u, index);
    size_t next = run ? run->first + run->n_lines : index + 1;
    if (filter_is_on(u)) {
        next = bits_next(&u->transcript.filter.shown, next);
        next = next == SIZE_MAX ? count : shown(u, next);
    }
    return next < count ? next : count;
}

size_t transcript_previous(const struct ui *u, size_t index)
{
    if (index == 0)
        return SIZE_MAX;
    index--;
    if (filter_is_on(u)) {
        index = bits_previous(&u->transcript.filter.shown, index);
        if (index == SIZE_MAX)
            return SIZE_MAX;
    }
    return shown(u, index);
}

/* It, or where a filter hides it the next that is shown, or the one before; SIZE_MAX: none is. */
static size_t visible_near(const struct ui *u, size_t index)
{
    const struct line_bits *bits = &u->transcript.filter.shown;
    size_t count = lines_count(u);
    if (count == 0)
        return SIZE_MAX;
    index = index < count ? index : count - 1;
    if (!filter_is_on(u))
        return shown(u, index);
    size_t from = shown(u, index);
    size_t near = bits_next(bits, from);
    if (near == SIZE_MAX || near >= count)
        near = bits_previous(bits, from);
    return near == SIZE_MAX ? SIZE_MAX : shown(u, near);
}

static size_t last_line(const struct ui *u)
{
    size_t count = lines_count(u);
    if (count == 0)
        return SIZE_MAX;
    if (!filter_is_on(u))
        return shown(u, count - 1);
    size_t last = bits_previous(&u->transcript.filter.shown, count - 1);
    return last == SIZE_MAX ? SIZE_MAX : shown(u, last);
}

/* ---- rows ---- */

static size_t pane_rows(const struct ui *u)
{
    return u->layout.transcript.rows > 0 ? (size_t)u->layout.transcript.rows : 1;
}

static size_t height_of(struct ui *u, size_t index)
{
    bool single = !u->transcript.wrap && u->mode != LAYOUT_BIG;
    return single ? 1 : (size_t)transcript_row_height(u, index);
}

/* As many lines back as `rows` have room for. */
static size_t back_from(struct ui *u, size_t index, size_t rows)
{
    while (rows > 0) {
        size_t before = transcript_previous(u, index);
        if (before == SIZE_MAX)
            break;
        size_t height = height_of(u, before);
        if (height > rows)
            break;
        index = before;
        rows -= height;
    }
    return index;
}

static size_t rows_above(struct ui *u, size_t index)
{
    size_t height = height_of(u, index), rows = pane_rows(u);
    return height < rows ? rows - height : 0;
}

/* The marked line must be on the screen, and the last page full. */
void transcript_settle(struct ui *u)
{
    struct transcript_pane *t = &u->transcript;
    size_t last = last_line(u);
    if (last == SIZE_MAX) {
        t->top = t->selected = 0;
        return;
    }
    if (t->follow || t->selected > last)
        t->selected = last;
    t->selected = visible_near(u, t->selected);
    t->top = visible_near(u, t->top < last ? t->top : last);
    size_t highest = back_from(u, t->selected, rows_above(u, t->selected));
    if (t->selected < t->top)
        t->top = t->selected;
    else if (t->top < highest)
        t->top = highest;
    size_t last_page = back_from(u, last, rows_above(u, last));
    if (t->top > last_page)
        t->top = last_page;
}

size_t transcript_at_row(struct ui *u, int row)
{
    size_t index = u->transcript.top, count = lines_count(u);
    for (int y = u->layout.transcript.y; index < count; index = transcript_next(u, index)) {
        y += (int)height_of(u, index);
        if (row < y)
            return index;
    }
    return SIZE_MAX;
}

void transcript_select(struct ui *u, size_t index)
{
    struct transcript_pane *t = &u->transcript;
    size_t near = visible_near(u, index);
    if (near == SIZE_MAX)
        return;
    t->selected = near;
    t->follow = false;
    /* A jump lands with some lines around it. */
    size_t rows = pane_rows(u), bottom = t->top;
    for (size_t i = 1; i < rows; i++)
        bottom = transcript_next(u, bottom);
    if (t->selected < t->top || t->selected > bottom)
        t->top = back_from(u, t->selected, rows / 2);
    transcript_settle(u);
}

void transcript_move(struct ui *u, long lines)
{
    struct transcript_pane *t = &u->transcript;
    size_t index = t->selected, count = transcript_count(t->lines);
    for (; lines < 0; lines++) {
        size_t before = transcript_previous(u, index);
        if (before == SIZE_MAX)
            break;
        index = before;
    }
    for (; lines > 0; lines--) {
        size_t next = transcript_next(u, index);
        if (next >= count)
            break;
        index = next;
    }
    t->selected = index;
    t->follow = false;
    transcript_settle(u);
}

void transcript_page(struct ui *u, int direction)
{
    struct transcript_pane *t = &u->transcript;
    size_t step = pane_rows(u) > 2 ? pane_rows(u) - 1 : 1;
    bool at_last = last_line(u) == SIZE_MAX || t->selected == last_line(u);
    if (direction < 0) {
        t->follow = false;
        t->top = back_from(u, t->top, step);
        t->selected = back_from(u, t->selected, step);
    } else if (at_last) {
        transcript_end(u);
    } else {
        size_t count = transcript_count(t->lines);
        for (size_t i = 0; i < step; i++) {
            size_t next = transcript_next(u, t->selected);
            if (next >= count)
                break;
            t->selected = next;
            t->top = transcript_next(u, t->top);
        }
    }
    transcript_settle(u);
}

void transcript_home(struct ui *u)
{
    u->transcript.follow = false;
    u->transcript.selected = u->transcript.top = 0;
}

void transcript_end(struct ui *u)
{
    u->transcript.follow = true;
    u->transcript.skip_octets = 0;
    transcript_settle(u);
}

bool transcript_jump(struct ui *u, int direction, const struct line_bits *among,
                     bool (*wanted)(const struct transcript_line *line))
{
    const struct transcript_pane *t = &u->transcript;
    size_t count = transcript_count(t->lines);
    const struct fold_run *run = fold_closed_at(u, t->selected);
    size_t at = run && direction > 0 ? run->first + run->n_lines - 1 : t->selected;
    for (;;) {
        if (direction < 0 && at == 0)
            return false;
        at = direction < 0 ? bits_previous(among, at - 1) : bits_next(among, at + 1);
        if (at >= count)
            return false;
        bool hidden = filter_is_on(u) && !bits_get(&t->filter.shown, at);
        if (!hidden && wanted(transcript_at(t->lines, at))) {
            transcript_select(u, at);
            return true;
        }
    }
}

/* ---- opening, updating ---- */

void transcript_pane_open(struct ui *u)
{
    /* Everything the program does, all connections in the order of time. */
    u->transcript.lines = transcript_new(u->journal, 0, true);
    transcript_show_handshakes(u->transcript.lines, true);
    u->transcript.follow = true;
}

void transcript_pane_close(struct ui *u)
{
    filter_close(u);
    find_close(u);
    transcript_free(&u->transcript.lines);
    mem_free(u->transcript.runs);
    u->transcript.runs = NULL;
    u->transcript.n_runs = u->transcript.runs_alloc = 0;
    bits_reset(&u->transcript.commands);
    bits_reset(&u->transcript.errors);
}

void transcript_pane_reset(struct ui *u, bool all_new)
{
    struct transcript_pane *t = &u->transcript;
    char *expr = all_new ? NULL : mem_strdup(t->filter.expr);
    char needle[NEEDLE_OCTETS] = "";
    struct err err;
    if (!all_new)
        memcpy(needle, t->find.text, sizeof needle);
    transcript_pane_close(u);
    transcript_pane_open(u);
    t->top = t->selected = 0;
    err_clear(&err);
    filter_set(u, slice_cstr(expr ? expr : ""), &err);
    find_start(u, slice_cstr(needle), true);
    t->find.jump = false;
    mem_free(expr);
}

void transcript_pane_update(struct ui *u)
{
    size_t first_changed;
    transcript_update(u->transcript.lines, &first_changed);
    folds_update(u, first_changed);
    filter_advance(u);
    find_advance(u);
}

static void draw_empty(struct ui *u, const struct rect *r)
{
    const struct line_filter *f = &u->transcript.filter;
    char text[200];
    if (r->rows < 3)
        return;
    if (lines_count(u) == 0) {
        draw_own(u, r->y + 1, r->x + 2, r->cols - 3,
                 u->replay ? "The recording holds no lines."
                           : "Nothing has happened yet. Type /open TARGET, or /help.",
                 ROLE_DIM);
    } else if (f->filter && last_line(u) == SIZE_MAX) {
        snprintf(text, sizeof text, "%s: all %zu lines are hidden by the filter; F4 changes it",
                 f->running ? "Looking" : "No line matches", lines_count(u));
        draw_own(u, r->y + 1, r->x + 2, r->cols - 3, text, ROLE_DIM);
    }
}

void transcript_pane_draw(struct ui *u)
{
    const struct rect *r = &u->layout.transcript;
    if (r->rows <= 0)
        return;
    size_t index = last_line(u) == SIZE_MAX ? lines_count(u) : u->transcript.top;
    for (int y = r->y; y < r->y + r->rows && index < lines_count(u);) {
        y += transcript_row_draw(u, index, y);
        index = transcript_next(u, index);
    }
    draw_empty(u, r);
}
