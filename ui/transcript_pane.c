/* The transcript pane: where one stands in it, and what is folded away. Lines are looked at only
 * when they are visible, so a million of them cost nothing but their place.
 *
 * Places are indices of lines. FOLLOW is on while the mark stands on the last line by wish: then
 * the last page is shown and new lines push it on. Any move upwards ends it.
 */
#include <string.h>

#include "ui_private.h"

enum { FOLD_FROM_LINES = 16 };

/* ---- message content that stands together ---- */

static void runs_cut(struct transcript_pane *t, size_t first_changed)
{
    while (t->n_runs > 0 && t->runs[t->n_runs - 1].first >= first_changed)
        t->n_runs--;
    if (t->n_runs > 0) {
        struct content_run *last = &t->runs[t->n_runs - 1];
        if (last->first + last->n_lines > first_changed) {
            last->n_lines = first_changed - last->first;
            last->n_octets = 0;
            for (size_t i = 0; i < last->n_lines; i++)
                last->n_octets += transcript_at(t->lines, last->first + i)->length;
        }
    }
}

static void runs_grow(struct transcript_pane *t, size_t first_changed, size_t count)
{
    for (size_t i = first_changed; i < count; i++) {
        const struct transcript_line *l = transcript_at(t->lines, i);
        if (l->kind != TRANSCRIPT_CONTENT)
            continue;
        struct content_run *last = t->n_runs > 0 ? &t->runs[t->n_runs - 1] : NULL;
        if (!last || last->first + last->n_lines != i) {
            if (t->n_runs == t->runs_alloc) {
                t->runs_alloc = t->runs_alloc ? 2 * t->runs_alloc : 16;
                t->runs = mem_realloc(t->runs, t->runs_alloc * sizeof *t->runs);
            }
            last = &t->runs[t->n_runs++];
            *last = (struct content_run){.first = i, .folded = -1};
        }
        last->n_lines++;
        last->n_octets += l->length;
    }
}

struct content_run *transcript_run(const struct ui *u, size_t index)
{
    const struct transcript_pane *t = &u->transcript;
    size_t low = 0, high = t->n_runs;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct content_run *run = &t->runs[middle];
        if (index < run->first)
            high = middle;
        else if (index >= run->first + run->n_lines)
            low = middle + 1;
        else
            return run;
    }
    return NULL;
}

bool transcript_folded(const struct ui *u, const struct content_run *run)
{
    const struct transcript_pane *t = &u->transcript;
    if (run->folded >= 0)
        return run->folded;
    if (t->fold != FOLD_AUTO)
        return t->fold == FOLD_ALL && run->n_lines > 1;
    /* A message that is being written stays open. */
    return run->n_lines >= FOLD_FROM_LINES &&
           run->first + run->n_lines < transcript_count(t->lines);
}

/* ---- moving ---- */

size_t transcript_next(const struct ui *u, size_t index)
{
    const struct content_run *run = transcript_run(u, index);
    size_t next = run && transcript_folded(u, run) ? run->first + run->n_lines : index + 1;
    size_t count = transcript_count(u->transcript.lines);
    return next < count ? next : count;
}

size_t transcript_previous(const struct ui *u, size_t index)
{
    if (index == 0)
        return SIZE_MAX;
    const struct content_run *run = transcript_run(u, index - 1);
    return run && transcript_folded(u, run) ? run->first : index - 1;
}

/* The line that is shown for it: of a folded run the first. */
static size_t shown(const struct ui *u, size_t index)
{
    const struct content_run *run = transcript_run(u, index);
    return run && transcript_folded(u, run) ? run->first : index;
}

static size_t pane_rows(const struct ui *u)
{
    return u->layout.transcript.rows > 0 ? (size_t)u->layout.transcript.rows : 1;
}

static size_t back_from(const struct ui *u, size_t index, size_t rows)
{
    while (rows > 0) {
        size_t before = transcript_previous(u, index);
        if (before == SIZE_MAX)
            break;
        index = before;
        rows--;
    }
    return index;
}

static size_t last_line(const struct ui *u)
{
    size_t count = transcript_count(u->transcript.lines);
    return count > 0 ? shown(u, count - 1) : 0;
}

/* The marked line must be on the screen, and the last page full. */
void transcript_settle(struct ui *u)
{
    struct transcript_pane *t = &u->transcript;
    size_t rows = pane_rows(u), last = last_line(u);
    if (t->follow || t->selected > last)
        t->selected = last;
    t->selected = shown(u, t->selected);
    t->top = shown(u, t->top < last ? t->top : last);
    size_t highest = back_from(u, t->selected, rows - 1);
    if (t->selected < t->top)
        t->top = t->selected;
    else if (t->top < highest)
        t->top = highest;
    size_t last_page = back_from(u, last, rows - 1);
    if (t->top > last_page)
        t->top = last_page;
}

void transcript_select(struct ui *u, size_t index)
{
    struct transcript_pane *t = &u->transcript;
    size_t last = last_line(u);
    t->selected = shown(u, index < last ? index : last);
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
    bool at_last = t->selected == last_line(u);
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

bool transcript_jump(struct ui *u, int direction,
                     bool (*wanted)(const struct transcript_line *line))
{
    const struct transcript_pane *t = &u->transcript;
    size_t count = transcript_count(t->lines);
    for (size_t i = t->selected; direction < 0 ? i-- > 0 : ++i < count;) {
        if (wanted(transcript_at(t->lines, i))) {
            transcript_select(u, i);
            return true;
        }
    }
    return false;
}

/* ---- opening, updating ---- */

void transcript_pane_open(struct ui *u)
{
    /* Everything the program does, all connections in the order of time. */
    u->transcript.lines = transcript_new(u->journal, 0, true);
    u->transcript.follow = true;
}

void transcript_pane_close(struct ui *u)
{
    transcript_free(&u->transcript.lines);
    if (u->transcript.find_timer)
        loop_timer_free(&u->transcript.find_timer);
    mem_free(u->transcript.runs);
    u->transcript.runs = NULL;
    u->transcript.n_runs = u->transcript.runs_alloc = 0;
}

void transcript_pane_update(struct ui *u)
{
    struct transcript_pane *t = &u->transcript;
    size_t first_changed;
    transcript_update(t->lines, &first_changed);
    runs_cut(t, first_changed);
    runs_grow(t, first_changed, transcript_count(t->lines));
}

void transcript_pane_draw(struct ui *u)
{
    const struct rect *r = &u->layout.transcript;
    if (r->rows <= 0)
        return;
    size_t index = u->transcript.top, count = transcript_count(u->transcript.lines);
    for (int i = 0; i < r->rows && index < count; i++) {
        transcript_row_draw(u, index, r->y + i);
        index = transcript_next(u, index);
    }
    if (count == 0 && r->rows > 2)
        draw_own(u, r->y + 1, r->x + 2, r->cols - 3,
                 u->replay ? "The recording holds no lines."
                           : "Nothing has happened yet. Type /open TARGET, or /help.",
                 ROLE_DIM);
}
