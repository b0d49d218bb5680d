/* The only file that gives text to curses. It takes safe text (base/vis.h) and our own constants;
 * everything of a peer comes through draw_peer or as a struct vis_text. curses itself would pass
 * bidi controls, and takes CR, LF, BS and TAB for movements inside the window. */
#include <ncurses.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "ui_private.h"

struct ascii_for {
    const char *glyph, *ascii;
};
/* Our own characters above ASCII, and what stands for them where the terminal has only ASCII. */
static const struct ascii_for ascii_table[] = {
    {"─", "-"},  {"│", "|"},  {"┌", "+"},  {"┐", "+"}, {"└", "+"}, {"┘", "+"}, {"├", "+"},
    {"┤", "+"},  {"┬", "+"},  {"┴", "+"},  {"═", "="}, {"║", "|"}, {"╔", "+"}, {"╗", "+"},
    {"╚", "+"},  {"╝", "+"},  {"·", "-"},  {"…", "~"}, {"→", ">"}, {"←", "<"}, {"▓", "T"},
    {"▸", "+"},  {"▾", "-"},  {"●", "*"},  {"▁", "."}, {"▂", "."}, {"▃", "-"}, {"▄", "-"},
    {"▅", "="},  {"▆", "="},  {"▇", "#"},  {"█", "#"}, {"↑", "^"}, {"↓", "v"}, {"§", "s."},
    {"▏", "|"},  {"“", "\""}, {"”", "\""}, {"’", "'"}, {"–", "-"}, {"—", "-"}, {"≤", "<="},
    {"≥", ">="}, {"×", "x"},  {"░", "."},  {"Δ", "D"}, {"‹", "<"}, {"▌", "#"}, {"›", ">"},
    {"◀", "<"},  {"▶", ">"},  {"┃", "!"},  {"╠", "+"}, {"╣", "+"},
};

static WINDOW *win;

void draw_start(struct ui *u)
{
    win = stdscr;
    resizeterm(u->rows, u->cols); /* curses cannot ask the terminal itself */
    leaveok(win, FALSE);
    idlok(win, FALSE);
    /* Inserting and deleting characters saves few octets, and not every terminal agrees on what is
     * left of the line behind them. */
    idcok(win, FALSE);
    scrollok(win, FALSE);
}

void draw_resize(int rows, int cols)
{
    resizeterm(rows, cols);
    clearok(win, TRUE);
}

void draw_repaint(void)
{
    clearok(win, TRUE);
}

static void set_role(struct ui *u, enum role role)
{
    short pair;
    attr_t attr = (attr_t)theme_attr(u, role, &pair);
    wattr_set(win, attr, pair, NULL);
}

void draw_begin(struct ui *u)
{
    short pair;
    theme_attr(u, ROLE_TEXT, &pair);
    wbkgdset(win, COLOR_PAIR(pair) | ' ');
    werase(win);
    u->cursor_y = u->rows - 1;
    u->cursor_x = 0;
}

void draw_end(struct ui *u)
{
    if (u->cursor_y >= 0 && u->cursor_y < u->rows && u->cursor_x >= 0 && u->cursor_x < u->cols)
        wmove(win, u->cursor_y, u->cursor_x);
    wrefresh(win);
}

void draw_cursor(struct ui *u, int y, int x)
{
    u->cursor_y = y;
    u->cursor_x = x;
}

void draw_own_text(const struct ui *u, const char *text, struct vis_text *out)
{
    if (!u->ascii) {
        vis_append_own(out, text);
        return;
    }
    while (*text) {
        size_t n = strcspn(text, "\xE2\xC2\xC3\xCE");
        if (n > 0)
            vis_append(out, slice_of(text, n), VIS_ASCII, SIZE_MAX);
        text += n;
        if (!*text)
            break;
        size_t i = 0, n_table = sizeof ascii_table / sizeof ascii_table[0];
        while (i < n_table &&
               strncmp(text, ascii_table[i].glyph, strlen(ascii_table[i].glyph)) != 0)
            i++;
        if (i < n_table) {
            vis_append_own(out, ascii_table[i].ascii);
            text += strlen(ascii_table[i].glyph);
        } else {
            uint32_t cp;
            size_t len = utf8_decode(slice_cstr(text), &cp);
            len = len ? len : 1;
            vis_append(out, slice_of(text, len), VIS_ASCII, SIZE_MAX);
            text += len;
        }
    }
}

void draw_mixed_text(const struct ui *u, const char *text, struct vis_text *out)
{
    if (u->ascii)
        draw_own_text(u, text, out); /* all but our own characters goes through vis there */
    else
        vis_append(out, slice_cstr(text), 0, SIZE_MAX);
}

int draw_own_cols(const struct ui *u, const char *text)
{
    struct vis_text t;
    vis_init(&t);
    draw_mixed_text(u, text, &t);
    int cols = (int)t.cols;
    vis_deinit(&t);
    return cols;
}

/* Octets of safe text that fit into max_cols; *cols_out is what they take. */
static size_t fit(struct slice s, int max_cols, int *cols_out)
{
    size_t at = 0;
    *cols_out = 0;
    while (at < s.len) {
        uint32_t cp;
        size_t len = utf8_decode(slice_skip(s, at), &cp);
        int width = len ? vis_width(cp) : 1;
        if (len == 0)
            len = 1;
        if (width < 0)
            width = 1;
        if (*cols_out + width > max_cols)
            break;
        *cols_out += width;
        at += len;
    }
    return at;
}

int draw_vis(struct ui *u, int y, int x, int max_cols, const struct vis_text *text, enum role role)
{
    if (y < 0 || y >= u->rows || x < 0 || x >= u->cols)
        return 0;
    if (max_cols > u->cols - x)
        max_cols = u->cols - x;
    if (max_cols <= 0)
        return 0;
    int cols;
    struct slice s = buf_slice(&text->text);
    size_t n = s.len;
    if (text->cols <= (size_t)max_cols)
        cols = (int)text->cols;
    else
        n = fit(s, max_cols, &cols);
    if (n == 0)
        return 0;
    set_role(u, role);
    mvwaddnstr(win, y, x, (const char *)s.ptr, (int)n);
    return cols;
}

int draw_own(struct ui *u, int y, int x, int max_cols, const char *text, enum role role)
{
    vis_reset(&u->scratch);
    draw_own_text(u, text, &u->scratch);
    return draw_vis(u, y, x, max_cols, &u->scratch, role);
}

void draw_cut(struct ui *u, int y, int x, int max_cols, const char *text, enum role role)
{
    if (max_cols < 1)
        return;
    vis_reset(&u->scratch);
    draw_mixed_text(u, text, &u->scratch);
    bool cut = u->scratch.cols > (size_t)max_cols;
    int cols = draw_vis(u, y, x, cut ? max_cols - 1 : max_cols, &u->scratch, role);
    if (cut)
        draw_own(u, y, x + cols, 1, "…", role);
}

void draw_peer_cut(struct ui *u, int y, int x, int max_cols, struct slice text, enum role role)
{
    struct vis_text safe;
    if (max_cols < 1)
        return;
    vis_init(&safe);
    vis_append(&safe, text, ui_vis_flags(u), (size_t)max_cols + 1);
    draw_cut(u, y, x, max_cols, vis_cstr(&safe), role);
    vis_deinit(&safe);
}

int draw_fmt(struct ui *u, int y, int x, int max_cols, enum role role, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return draw_own(u, y, x, max_cols, text, role);
}

int draw_peer(struct ui *u, int y, int x, int max_cols, struct slice text, enum role role)
{
    if (max_cols <= 0)
        return 0;
    vis_reset(&u->scratch);
    vis_append(&u->scratch, text, ui_vis_flags(u), (size_t)max_cols);
    return draw_vis(u, y, x, max_cols, &u->scratch, role);
}

void draw_right(struct ui *u, int y, int x, int cols, const char *text, enum role role)
{
    int width = draw_own_cols(u, text);
    if (width <= cols)
        draw_own(u, y, x + cols - width, width, text, role);
}

void draw_fill(struct ui *u, int y, int x, int cols, enum role role)
{
    if (y < 0 || y >= u->rows || x < 0 || x >= u->cols)
        return;
    set_role(u, role);
    mvwhline(win, y, x, ' ', cols < u->cols - x ? cols : u->cols - x);
    draw_restyle(u, y, x, cols, role);
}

void draw_restyle(struct ui *u, int y, int x, int cols, enum role role)
{
    short pair;
    if (y < 0 || y >= u->rows || x < 0 || x >= u->cols || cols <= 0)
        return;
    attr_t attr = (attr_t)theme_attr(u, role, &pair);
    mvwchgat(win, y, x, cols < u->cols - x ? cols : u->cols - x, attr, pair, NULL);
}

void draw_hline(struct ui *u, int y, int x, int cols, enum role role)
{
    for (int i = 0; i < cols; i++)
        draw_own(u, y, x + i, 1, "─", role);
}

void draw_vline(struct ui *u, int y, int x, int rows, enum role role)
{
    for (int i = 0; i < rows; i++)
        draw_own(u, y + i, x, 1, "│", role);
}

void draw_box(struct ui *u, const struct rect *r, const char *title, const char *foot)
{
    for (int i = 0; i < r->rows; i++)
        draw_fill(u, r->y + i, r->x, r->cols, ROLE_OVERLAY);
    for (int i = 1; i < r->cols - 1; i++) {
        draw_own(u, r->y, r->x + i, 1, "═", ROLE_OVERLAY_FRAME);
        draw_own(u, r->y + r->rows - 1, r->x + i, 1, "═", ROLE_OVERLAY_FRAME);
    }
    for (int i = 1; i < r->rows - 1; i++) {
        draw_own(u, r->y + i, r->x, 1, "║", ROLE_OVERLAY_FRAME);
        draw_own(u, r->y + i, r->x + r->cols - 1, 1, "║", ROLE_OVERLAY_FRAME);
    }
    draw_own(u, r->y, r->x, 1, "╔", ROLE_OVERLAY_FRAME);
    draw_own(u, r->y, r->x + r->cols - 1, 1, "╗", ROLE_OVERLAY_FRAME);
    draw_own(u, r->y + r->rows - 1, r->x, 1, "╚", ROLE_OVERLAY_FRAME);
    draw_own(u, r->y + r->rows - 1, r->x + r->cols - 1, 1, "╝", ROLE_OVERLAY_FRAME);
    if (title && r->cols > 8) {
        vis_reset(&u->scratch);
        vis_append_own(&u->scratch, " ");
        vis_append(&u->scratch, slice_cstr(title), ui_vis_flags(u), (size_t)r->cols - 6);
        vis_append_own(&u->scratch, " ");
        draw_vis(u, r->y, r->x + 2, r->cols - 4, &u->scratch, ROLE_OVERLAY_FRAME);
    }
    if (foot && r->cols > 8)
        draw_right(u, r->y + r->rows - 1, r->x + 2, r->cols - 4, foot, ROLE_OVERLAY_DIM);
}
