/* Two sessions side by side (F9, /diff): aligned by step, with jumps from difference to difference.
 * On a narrow screen a row that differs takes two, A above B. */
#include <stdio.h>
#include <string.h>

#include "report/diff.h"
#include "ui_private.h"

enum { HEAD_ROWS = 2, FOOT_ROWS = 4, COLUMNS_FROM_COLS = 70, MARK_COLS = 2, TIME_COLS = 9 };

struct diff_pane {
    struct diff_page page;
    bool hide_equal, times, swapped;
    size_t top, at; /* rows of the page */
};

static bool differs(const struct diff_page_row *r)
{
    return r->mark != DIFF_SAME;
}

static bool visible(const struct diff_pane *p, size_t index)
{
    const struct diff_page_row *r = &p->page.rows[index];
    return !p->hide_equal || differs(r) || r->sum;
}

static size_t next_visible(const struct diff_pane *p, size_t index)
{
    for (size_t i = index + 1; i < p->page.n_rows; i++)
        if (visible(p, i))
            return i;
    return index;
}

static size_t previous_visible(const struct diff_pane *p, size_t index)
{
    for (size_t i = index; i > 0; i--)
        if (visible(p, i - 1))
            return i - 1;
    return index;
}

static bool columns(const struct ui *u)
{
    return u->cols >= COLUMNS_FROM_COLS;
}

static int row_height(const struct ui *u, const struct diff_page_row *r)
{
    return !columns(u) && differs(r) && r->text[0] && r->text[1] ? 2 : 1;
}

static int room(const struct ui *u)
{
    return u->rows > HEAD_ROWS + FOOT_ROWS ? u->rows - HEAD_ROWS - FOOT_ROWS : 1;
}

/* The chosen row is on the screen. */
static void settle(const struct ui *u, struct diff_pane *p)
{
    if (p->page.n_rows == 0)
        return;
    if (!visible(p, p->at))
        p->at =
            next_visible(p, p->at) != p->at ? next_visible(p, p->at) : previous_visible(p, p->at);
    if (p->at < p->top)
        p->top = p->at;
    for (;;) {
        int height = 0;
        for (size_t i = p->top; i <= p->at; i++)
            height += visible(p, i) ? row_height(u, &p->page.rows[i]) : 0;
        if (height <= room(u) || p->top >= p->at)
            return;
        p->top++;
    }
}

/* A difference is a run of rows that differ; n goes to the first row of the next. */
static void jump(struct ui *u, struct diff_pane *p, int direction)
{
    const struct diff_page *page = &p->page;
    for (size_t i = p->at; direction > 0 ? ++i < page->n_rows : i-- > 0;) {
        if (differs(&page->rows[i]) && (i == 0 || !differs(&page->rows[i - 1]))) {
            p->at = i;
            return;
        }
    }
    ui_say(u, false, direction > 0 ? "no difference further on" : "no difference before this");
}

/* ---- drawing ---- */

static const char *mark_of(const struct diff_page_row *r, unsigned side)
{
    static const char *const marks[4][2] = {{" ", " "}, {"-", " "}, {" ", "+"}, {"~", "~"}};
    return marks[r->mark][side];
}

static enum role role_of(const struct diff_page_row *r)
{
    static const enum role roles[] = {[DIFF_SAME] = ROLE_TEXT,
                                      [DIFF_ONLY_A] = ROLE_BAD,
                                      [DIFF_ONLY_B] = ROLE_OK,
                                      [DIFF_CHANGED] = ROLE_WARN};
    return r->sum && r->mark == DIFF_SAME ? ROLE_DIM : roles[r->mark];
}

static void draw_side(struct ui *u, const struct diff_pane *p, const struct diff_page_row *r,
                      unsigned side, int y, int x, int cols)
{
    enum role role = role_of(r);
    if (r->explains)
        draw_own(u, y, x, 1, ">", ROLE_BAD);
    draw_own(u, y, x + 1, 1, mark_of(r, side), role);
    int end = cols;
    if (p->times && r->reply_us[side] > 0 && cols > 3 * TIME_COLS) {
        char time[32];
        snprintf(time, sizeof time, "%llu.%llu ms", (unsigned long long)(r->reply_us[side] / 1000),
                 (unsigned long long)(r->reply_us[side] / 100 % 10));
        draw_right(u, y, x, cols, time, ROLE_TIME);
        end -= TIME_COLS + 1;
    }
    if (r->text[side])
        draw_peer_cut(u, y, x + MARK_COLS + 1, end - MARK_COLS - 1, slice_cstr(r->text[side]),
                      role);
}

static void draw_row(struct ui *u, const struct diff_pane *p, size_t index, int y)
{
    const struct diff_page_row *r = &p->page.rows[index];
    unsigned first = p->swapped ? 1 : 0;
    int half = (u->cols - 1) / 2;
    if (columns(u)) {
        draw_side(u, p, r, first, y, 0, half);
        draw_own(u, y, half, 1, "│", ROLE_BORDER);
        draw_side(u, p, r, 1 - first, y, half + 1, u->cols - half - 1);
    } else if (row_height(u, r) == 2) {
        draw_side(u, p, r, first, y, 0, u->cols);
        draw_side(u, p, r, 1 - first, y + 1, 0, u->cols);
    } else {
        draw_side(u, p, r, r->text[first] ? first : 1 - first, y, 0, u->cols);
    }
    if (index == p->at)
        draw_restyle(u, y, 0, u->cols, ROLE_SELECTED);
}

static void draw_head(struct ui *u, const struct diff_pane *p)
{
    char text[80];
    unsigned first = p->swapped ? 1 : 0;
    int half = (u->cols - 1) / 2;
    draw_fill(u, 0, 0, u->cols, ROLE_HEADER);
    draw_own(u, 0, 1, u->cols - 2, "Diff", ROLE_HEADER_STRONG);
    snprintf(text, sizeof text, "aligned by step, %zu difference%s%s", p->page.differences,
             p->page.differences == 1 ? "" : "s", p->hide_equal ? ", equal rows hidden" : "");
    if (u->cols > (int)strlen(text) + 8)
        draw_right(u, 0, 0, u->cols - 1, text, ROLE_HEADER);
    draw_hline(u, 1, 0, u->cols, ROLE_BORDER);
    if (columns(u)) {
        draw_peer_cut(u, 1, 1, half - 2, slice_cstr(p->page.title[first]), ROLE_TITLE);
        draw_peer_cut(u, 1, half + 2, u->cols - half - 3, slice_cstr(p->page.title[1 - first]),
                      ROLE_TITLE);
    }
}

static void draw_foot(struct ui *u, const struct diff_pane *p)
{
    int y = u->rows - FOOT_ROWS;
    struct buf text;
    buf_init(&text, 4096);
    draw_hline(u, y, 0, u->cols, ROLE_BORDER);
    buf_printf(&text, "explains the outcome: %s", p->page.explanation);
    draw_peer_cut(u, y + 1, 1, u->cols - 2, buf_slice(&text), ROLE_TEXT);
    buf_reset(&text);
    if (*p->page.noise)
        buf_printf(&text, "ignored as noise: %s", p->page.noise);
    draw_peer_cut(u, y + 2, 1, u->cols - 2, buf_slice(&text), ROLE_DIM);
    if (u->status.len > 0)
        draw_peer_cut(u, y + 3, 1, u->cols - 2, buf_slice(&u->status), ROLE_STATUS);
    else
        draw_own(u, y + 3, 1, u->cols - 2,
                 "n N next difference   = hide equal   t times   o swap   Enter raw   Esc back",
                 ROLE_DIM);
    buf_deinit(&text);
}

static void diff_draw(struct ui *u)
{
    struct diff_pane *p = u->diff;
    settle(u, p);
    for (int y = 0; y < u->rows; y++)
        draw_fill(u, y, 0, u->cols, ROLE_TEXT);
    int y = HEAD_ROWS, end = HEAD_ROWS + room(u);
    for (size_t i = p->top; i < p->page.n_rows; i++) {
        if (!visible(p, i))
            continue;
        if (y + row_height(u, &p->page.rows[i]) > end)
            break;
        draw_row(u, p, i, y);
        y += row_height(u, &p->page.rows[i]);
    }
    draw_head(u, p);
    if (u->rows > HEAD_ROWS + FOOT_ROWS)
        draw_foot(u, p);
}

/* ---- keys ---- */

static void move(struct diff_pane *p, long rows)
{
    for (; rows > 0; rows--)
        p->at = next_visible(p, p->at);
    for (; rows < 0; rows++)
        p->at = previous_visible(p, p->at);
}

/* The whole texts of the row: what is too long for a column. */
static void open_row(struct ui *u, const struct diff_pane *p)
{
    const struct diff_page_row *r = &p->page.rows[p->at];
    struct buf text;
    buf_init(&text, 1 << 22);
    for (unsigned side = 0; side < 2; side++)
        buf_printf(&text, "%s\n%s%s\n\n", p->page.title[side], r->text[side] ? r->text[side] : "",
                   r->text[side] ? "" : "(nothing)");
    pager_open(u, "One step in both", buf_slice(&text));
    buf_deinit(&text);
}

static bool diff_key(struct ui *u, const struct input_unit *unit)
{
    struct diff_pane *p = u->diff;
    long page = room(u) > 1 ? room(u) - 1 : 1;
    if (unit->kind != INPUT_KEY)
        return true;
    switch (unit->key) {
    case KEY_ESC_CODE:
    case 'q':
    case KEY_CTRL('c'):
        overlay_close(u);
        break;
    case KEY_UP_CODE:
    case 'k':
        move(p, -1);
        break;
    case KEY_DOWN_CODE:
    case 'j':
        move(p, 1);
        break;
    case KEY_PGUP_CODE:
    case 'b':
        move(p, -page);
        break;
    case KEY_PGDN_CODE:
    case ' ':
        move(p, page);
        break;
    case KEY_HOME_CODE:
    case 'g':
        p->at = 0;
        break;
    case KEY_END_CODE:
    case 'G':
        p->at = p->page.n_rows > 0 ? p->page.n_rows - 1 : 0;
        break;
    case 'n':
        jump(u, p, 1);
        break;
    case 'N':
        jump(u, p, -1);
        break;
    case '=':
        p->hide_equal = !p->hide_equal;
        break;
    case 't':
        p->times = !p->times;
        break;
    case 'o':
        p->swapped = !p->swapped;
        break;
    case KEY_ENTER_CODE:
        open_row(u, p);
        break;
    default:
        if (unit->key == KEY_FN(9))
            overlay_close(u);
        else
            return unit->key < KEY_FN(0);
    }
    ui_touch(u);
    return true;
}

static const struct overlay_ops diff_ops = {.draw = diff_draw, .key = diff_key};

void diff_pane_close(struct ui *u)
{
    if (!u->diff)
        return;
    diff_page_deinit(&u->diff->page);
    mem_free(u->diff);
    u->diff = NULL;
}

void diff_pane_open(struct ui *u, struct diff_page *page)
{
    if (u->overlay == &diff_ops)
        overlay_close(u);
    diff_pane_close(u);
    u->diff = mem_zalloc(sizeof *u->diff);
    u->diff->page = *page;
    *page = (struct diff_page){.rows = NULL};
    /* It opens where the outcome is explained. */
    for (size_t i = 0; i < u->diff->page.n_rows && u->diff->at == 0; i++)
        if (u->diff->page.rows[i].explains)
            u->diff->at = i;
    overlay_open(u, &diff_ops);
}

bool diff_pane_again(struct ui *u)
{
    if (u->diff)
        overlay_open(u, &diff_ops);
    return u->diff != NULL;
}
