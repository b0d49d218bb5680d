/* Pages of text over the panes: help of commands, certificates, octets. And the page of the keys,
 * made from the key table, which narrows as one types. */
#include <stdio.h>
#include <string.h>

#include "ui_private.h"

enum { PAGE_MAX_COLS = 100, PAGE_MIN_ROWS = 3 };

static struct rect page_rect(const struct ui *u)
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
static void wrap(struct slice line, size_t max_octets, struct buf *out)
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
        wrap(slice_take(text, len), width, &u->page_text);
        text = slice_skip(text, len + (lf >= 0));
    }
}

/* ---- the keys ---- */

static bool matches(const struct key_row *row, const char *filter)
{
    const char *const texts[] = {row->name, row->command, row->help};
    struct slice wanted = slice_cstr(filter);
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
        struct slice all = slice_cstr(texts[t]);
        for (size_t i = 0; i + wanted.len <= all.len; i++)
            if (slice_eq_nocase(slice_take(slice_skip(all, i), wanted.len), wanted))
                return true;
    }
    return false;
}

static const char *const where_titles[] = {
    "OVER A RECORDING, WITH NOTHING TYPED", "ANYWHERE", "IN THE COMMAND LINE",
    "IN THE TRANSCRIPT (Esc or F6 goes there)", "IN THE DECODED PANE"};

/* Calls row by row; returns how many rows there are. */
static size_t help_rows(struct ui *u, const struct rect *r)
{
    size_t n = 0, page = page_height(u);
    int title_where = -1;
    const struct key_row *row;
    for (size_t i = 0; (row = keys_at(i)); i++) {
        if (!matches(row, u->field.text))
            continue;
        for (int part = title_where == (int)row->where; part < 2; part++) {
            bool visible = r && n >= u->overlay_top && n < u->overlay_top + page;
            int y = r ? r->y + 1 + (int)(n - u->overlay_top) : 0;
            n++;
            if (!visible)
                continue;
            if (part == 0) {
                draw_own(u, y, r->x + 2, r->cols - 4, where_titles[row->where], ROLE_OVERLAY_FRAME);
                continue;
            }
            draw_own(u, y, r->x + 4, 12, row->name, ROLE_OVERLAY_KEY);
            draw_own(u, y, r->x + 16, r->cols - 18, row->help, ROLE_OVERLAY);
            if (r->cols >= 90)
                draw_right(u, y, r->x + r->cols - 28, 25, row->command, ROLE_OVERLAY_DIM);
        }
        title_where = (int)row->where;
    }
    return n;
}

static bool help_key(struct ui *u, const struct input_unit *unit)
{
    if (unit->key == KEY_ESC_CODE || unit->key == KEY_FN(1) || unit->key == KEY_CTRL('c') ||
        unit->key == KEY_ENTER_CODE) {
        overlay_close(u);
        return true;
    }
    if (page_move(u, unit->key, help_rows(u, NULL)))
        return true;
    if (field_key(&u->field, unit)) {
        u->overlay_top = 0;
        return true;
    }
    return unit->key < KEY_FN(0);
}

static void help_draw(struct ui *u)
{
    struct rect r = page_rect(u);
    draw_box(u, &r, "Keys", " type to filter   /help for commands   Esc closes ");
    if (u->field.len > 0 && r.cols > 40) {
        int x = r.x + 9;
        x += draw_own(u, r.y, x, r.cols - 12, " only: ", ROLE_OVERLAY_DIM);
        x += draw_peer(u, r.y, x, r.x + r.cols - 3 - x, slice_of(u->field.text, u->field.len),
                       ROLE_OVERLAY_KEY);
        draw_own(u, r.y, x, 1, " ", ROLE_OVERLAY_DIM);
    }
    if (help_rows(u, &r) == 0)
        draw_own(u, r.y + 1, r.x + 2, r.cols - 4,
                 "no key does that; /help TOPIC may know a command", ROLE_OVERLAY_DIM);
}

static const struct overlay_ops help_ops = {.draw = help_draw, .key = help_key};

void help_open(struct ui *u)
{
    overlay_open(u, &help_ops);
}
