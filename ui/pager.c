/* Pages of text over the panes: help of commands, certificates, octets. */
#include <stdio.h>
#include <string.h>

#include "ui_private.h"

enum { PAGE_MAX_COLS = 100, PAGE_MIN_ROWS = 3 };

struct rect page_rect(const struct ui *u)
{
    int cols = u->cols - 4 < PAGE_MAX_COLS ? u->cols - 4 : PAGE_MAX_COLS;
    int rows = u->rows - 3;
    if (cols < 20 || rows < PAGE_MIN_ROWS + 2)
        return (struct rect){0, 0, u->rows, u->cols};
    return (struct rect){1, (u->cols - cols) / 2, rows, cols};
}

static size_t page_height(const struct ui *u)
{
    struct rect r = page_rect(u);
    return r.rows > 2 ? (size_t)r.rows - 2 : 1;
}

/* Moves by the usual keys; true: it was one. */
static bool page_move(struct ui *u, uint32_t key, size_t n_rows)
{
    size_t page = page_height(u), last = n_rows > page ? n_rows - page : 0;
    size_t *top = &u->overlay_top;
    switch (key) {
    case KEY_UP_CODE:
        *top -= *top > 0;
        return true;
    case KEY_DOWN_CODE:
        *top += *top < last;
        return true;
    case KEY_PGUP_CODE:
        *top -= *top < page ? *top : page;
        return true;
    case KEY_PGDN_CODE:
        *top = *top + page < last ? *top + page : last;
        return true;
    case KEY_HOME_CODE:
        *top = 0;
        return true;
    case KEY_END_CODE:
        *top = last;
        return true;
    default:
        return false;
    }
}

/* ---- pages of text ---- */

static size_t count_rows(const struct buf *text)
{
    size_t n = text->len > 0 && text->ptr[text->len - 1] != '\n';
    for (size_t i = 0; i < text->len; i++)
        n += text->ptr[i] == '\n';
    return n;
}

static bool pager_key(struct ui *u, const struct input_unit *unit)
{
    size_t n = count_rows(&u->page_text);
    switch (unit->key) {
    case KEY_ESC_CODE:
    case KEY_ENTER_CODE:
    case 'q':
    case KEY_CTRL('c'):
        overlay_close(u);
        return true;
    case 'j':
        return page_move(u, KEY_DOWN_CODE, n);
    case 'k':
        return page_move(u, KEY_UP_CODE, n);
    case ' ':
        return page_move(u, KEY_PGDN_CODE, n);
    case 'b':
        return page_move(u, KEY_PGUP_CODE, n);
    case 'g':
        return page_move(u, KEY_HOME_CODE, n);
    case 'G':
        return page_move(u, KEY_END_CODE, n);
    default:
        if (page_move(u, unit->key, n))
            return true;
        if (unit->key < KEY_BASE && unit->key >= 0x20) {
            /* Who types wants the command line. */
            overlay_close(u);
            return false;
        }
        return unit->key < KEY_FN(0);
    }
}

static void pager_draw(struct ui *u)
{
    struct rect r = page_rect(u);
    char foot[80];
    size_t n = count_rows(&u->page_text), page = page_height(u);
    if (n < page && (int)n + 2 < r.rows)
        r.rows = (int)n + 2;
    if (u->overlay_top > 0 && u->overlay_top + page > n)
        u->overlay_top = n > page ? n - page : 0;
    snprintf(foot, sizeof foot, " %zu-%zu of %zu   Esc closes ", n ? u->overlay_top + 1 : 0,
             u->overlay_top + page < n ? u->overlay_top + page : n, n);
    draw_box(u, &r, u->page_title, foot);
    struct slice rest = buf_slice(&u->page_text);
    for (size_t row = 0; rest.len > 0 && row < u->overlay_top + page; row++) {
        ptrdiff_t lf = slice_find_octet(rest, '\n');
        size_t len = lf < 0 ? rest.len : (size_t)lf;
        if (row >= u->overlay_top) {
            vis_reset(&u->scratch);
            draw_peer(u, r.y + 1 + (int)(row - u->overlay_top), r.x + 2, r.cols - 4,
                      slice_take(rest, len), ROLE_OVERLAY);
        }
        rest = slice_skip(rest, len + (lf >= 0));
    }
}

static void pager_close(struct ui *u)
{
    buf_release(&u->page_text);
}

/* Lines that are too wide go on in the next row, with the indent they began with. */
void text_wrap(struct slice line, size_t max_octets, struct buf *out)
{
    size_t indent = 0;
    bool continued = false;
    while (indent < line.len && line.ptr[indent] == ' ')
        indent++;
    if (indent > max_octets / 2)
        indent = 0;
    size_t start = indent; /* no break inside the indent itself */
    while (line.len > max_octets) {
        size_t take = max_octets;
        while (take > start && line.ptr[take] != ' ')
            take--;
        if (take <= start) /* one long word: cut between characters */
            for (take = max_octets; take > 1 && (line.ptr[take] & 0xC0) == 0x80;)
                take--;
        buf_append(out, slice_take(line, take));
        buf_append_octet(out, '\n');
        line = slice_skip(line, take);
        while (line.len > 0 && line.ptr[0] == ' ')
            line = slice_skip(line, 1);
        for (size_t i = 0; i < indent && line.len > 0; i++)
            buf_append_octet(out, ' ');
        if (!continued)
            max_octets -= indent;
        continued = true;
        start = 0;
    }
    buf_append(out, line);
    buf_append_octet(out, '\n');
}

static const struct overlay_ops pager_ops = {
    .draw = pager_draw, .key = pager_key, .close = pager_close};

size_t pager_cols(const struct ui *u)
{
    struct rect r = page_rect(u);
    return r.cols > 12 ? (size_t)r.cols - 4 : 8;
}

void pager_open(struct ui *u, const char *title, struct slice text)
{
    overlay_open(u, &pager_ops);
    mem_free(u->page_title);
    u->page_title = mem_strdup(title);
    buf_reset(&u->page_text);
    size_t width = pager_cols(u);
    while (text.len > 0) {
        ptrdiff_t lf = slice_find_octet(text, '\n');
        size_t len = lf < 0 ? text.len : (size_t)lf;
        text_wrap(slice_take(text, len), width, &u->page_text);
        text = slice_skip(text, len + (lf >= 0));
    }
}
