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
    PANE_MIN_ROWS = 4,
    SESSIONS_COLS = 28,
    SECOND_FROM_ROWS = 24
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

static void zoomed(const struct layout_wish *w, struct layout *l, int rows)
{
    if (w->pane == PANE_DECODED) {
        l->decoded = (struct rect){2, 2, rows, w->cols - 4};
        l->transcript = (struct rect){0};
    } else {
        l->transcript = (struct rect){2, 1, rows, w->cols - 2};
        l->decoded = (struct rect){0};
    }
    l->sessions = l->second = (struct rect){0};
    l->sessions_x = l->second_y = l->divider_x = 0;
}

static void two_columns(const struct layout_wish *w, struct layout *l)
{
    bool roomy = w->cols >= ROOMY_FROM_COLS;
    int share = w->split_percent ? w->split_percent : roomy ? 58 : 62;
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
    int rows = l->rule.y - 2, left = 0;
    if (roomy) {
        left = l->sessions_x = SESSIONS_COLS;
        l->sessions = (struct rect){2, 1, rows, SESSIONS_COLS - 1};
    }
    l->divider_x =
        left + clamp((w->cols - left) * share / 100, PANE_MIN_COLS, w->cols - left - PANE_MIN_COLS);
    l->transcript = (struct rect){2, left + 1, rows, l->divider_x - left - 1};
    l->decoded = (struct rect){2, l->divider_x + 2, rows, w->cols - l->divider_x - 4};
    if (roomy && rows >= SECOND_FROM_ROWS) {
        l->decoded.rows = rows * 55 / 100;
        l->second_y = l->decoded.y + l->decoded.rows;
        l->second = (struct rect){l->second_y + 1, l->decoded.x, rows - l->decoded.rows - 1,
                                  l->decoded.cols};
    }
    l->columns = true;
    l->class = roomy ? LAYOUT_CLASS_ROOMY : LAYOUT_CLASS_COLUMNS;
    if (w->zoom)
        zoomed(w, l, rows);
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
    if (w->mode == LAYOUT_BIG)
        strip_rows = room / 2;
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
    bool columns =
        w->cols >= COLUMNS_FROM_COLS && w->mode != LAYOUT_STACKED && w->mode != LAYOUT_BIG;
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
