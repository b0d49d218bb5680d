/* See layout.h. Rows are dealt out from the bottom: the command line is the last thing to go. */
#include "layout.h"

#include <string.h>

enum {
    COLUMNS_FROM_COLS = 100, /* below: one column */
    ROOMY_FROM_COLS = 180,
    FULL_FROM_ROWS = 16, /* below: neither hints nor the strip */
    FULL_FROM_COLS = 40,
    BARE_BELOW_ROWS = 6,
    STRIP_ROWS = 3,
    PANE_MIN_COLS = 30,
    PANE_MIN_ROWS = 4
};

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

static struct rect row_at(int y, int cols)
{
    return (struct rect){.y = y, .x = 0, .rows = 1, .cols = cols};
}

/* Transcript and command line, nothing else. */
static void bare(const struct layout_wish *w, struct layout *l)
{
    l->prompt = row_at(w->rows - 1, w->cols);
    l->transcript = (struct rect){0, 0, w->rows - 1, w->cols};
}

static void two_columns(const struct layout_wish *w, struct layout *l)
{
    int share = w->split_percent ? w->split_percent : w->cols >= ROOMY_FROM_COLS ? 58 : 62;
    int hint_rows = w->rows >= 30 ? 2 : 1;
    int bottom = w->rows - 1;
    if (w->rows >= 20)
        l->status = row_at(bottom--, w->cols);
    l->footer = row_at(bottom--, w->cols);
    l->header = row_at(0, w->cols);
    l->frame = (struct rect){1, 0, bottom, w->cols};
    l->hint = (struct rect){bottom - hint_rows, 2, hint_rows, w->cols - 4};
    l->prompt = (struct rect){l->hint.y - 1, 2, 1, w->cols - 4};
    l->rule = row_at(l->prompt.y - 1, w->cols);
    l->divider_x = clamp(w->cols * share / 100, PANE_MIN_COLS, w->cols - PANE_MIN_COLS);
    int rows = l->rule.y - 2;
    l->transcript = (struct rect){2, 1, rows, l->divider_x - 1};
    l->decoded = (struct rect){2, l->divider_x + 2, rows, w->cols - l->divider_x - 4};
    l->columns = true;
    if (w->zoom && w->pane == PANE_DECODED) {
        l->decoded = (struct rect){2, 2, rows, w->cols - 4};
        l->transcript = (struct rect){0};
    } else if (w->zoom) {
        l->transcript = (struct rect){2, 1, rows, w->cols - 2};
        l->decoded = (struct rect){0};
    }
    if (w->zoom)
        l->divider_x = 0;
}

static void stacked(const struct layout_wish *w, struct layout *l)
{
    bool full = w->rows >= FULL_FROM_ROWS;
    bool strip = full && w->mode != LAYOUT_TRANSCRIPT;
    int bottom = w->rows - 1;
    l->header = row_at(0, w->cols);
    if (w->rows >= 30)
        l->status = row_at(bottom--, w->cols);
    if (w->rows >= 10)
        l->footer = row_at(bottom--, w->cols);
    if (full)
        l->hint = row_at(bottom--, w->cols);
    l->prompt = row_at(bottom--, w->cols);
    l->rule = row_at(bottom--, w->cols);
    int room = bottom; /* rows 1 to bottom are free */
    if (!strip) {
        l->transcript = (struct rect){1, 0, room, w->cols};
        return;
    }
    int strip_rows = w->rows < 30 ? STRIP_ROWS : w->rows * 2 / 5;
    if (w->split_percent)
        strip_rows = room * (100 - w->split_percent) / 100;
    strip_rows = clamp(strip_rows, STRIP_ROWS, room - 1 - PANE_MIN_ROWS);
    if (w->zoom)
        strip_rows = w->pane == PANE_DECODED ? room - 1 : 0;
    l->decoded = (struct rect){bottom - strip_rows + 1, 1, strip_rows, w->cols - 2};
    l->tabs = row_at(bottom - strip_rows, w->cols);
    l->transcript = (struct rect){1, 0, room - 1 - strip_rows, w->cols};
    if (strip_rows == 0) {
        l->decoded = l->tabs = (struct rect){0};
        l->transcript.rows = room;
    }
}

void layout_compute(const struct layout_wish *w, struct layout *out)
{
    memset(out, 0, sizeof *out);
    if (w->rows < 1 || w->cols < 1)
        return;
    bool columns = w->cols >= COLUMNS_FROM_COLS && w->mode != LAYOUT_STACKED;
    if (w->mode == LAYOUT_WIDE)
        columns = w->cols >= 2 * PANE_MIN_COLS;
    if (w->mode == LAYOUT_TRANSCRIPT)
        columns = false;
    if (w->rows < BARE_BELOW_ROWS || w->cols < FULL_FROM_COLS)
        bare(w, out);
    else if (columns && w->rows >= FULL_FROM_ROWS)
        two_columns(w, out);
    else
        stacked(w, out);
}
