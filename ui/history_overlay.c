/* Searching the history (Ctrl-r): a list that opens upwards from the command line and narrows as
 * one types. It stands in for readline's own search, which reads keys in a loop of its own. */
#include <string.h>

#include "ui_private.h"

enum { LIST_ROWS = 10 };

static bool matches(const char *text, const struct field *f)
{
    struct slice all = slice_cstr(text), wanted = slice_of(f->text, f->len);
    for (size_t i = 0; i + wanted.len <= all.len; i++)
        if (slice_eq_nocase(slice_take(slice_skip(all, i), wanted.len), wanted))
            return true;
    return false;
}

/* The n-th match from the newest on; NULL: there are fewer. */
static const char *match_at(const struct ui *u, size_t n)
{
    for (size_t i = line_history_count(); i-- > 0;) {
        const char *text = line_history_at(i);
        if (matches(text, &u->field) && n-- == 0)
            return text;
    }
    return NULL;
}

static bool history_key(struct ui *u, const struct input_unit *unit)
{
    const char *text;
    switch (unit->key) {
    case KEY_ESC_CODE:
    case KEY_CTRL('c'):
    case KEY_CTRL('g'):
        overlay_close(u);
        return true;
    case KEY_ENTER_CODE:
    case KEY_TAB_CODE:
        text = match_at(u, u->overlay_at);
        if (text)
            line_set(text);
        overlay_close(u);
        return true;
    case KEY_UP_CODE:
    case KEY_CTRL('r'):
    case KEY_CTRL('p'):
        if (match_at(u, u->overlay_at + 1))
            u->overlay_at++;
        return true;
    case KEY_DOWN_CODE:
    case KEY_CTRL('s'):
    case KEY_CTRL('n'):
        u->overlay_at -= u->overlay_at > 0;
        return true;
    default:
        if (field_key(&u->field, unit)) {
            u->overlay_at = 0;
            return true;
        }
        return unit->key < KEY_FN(0);
    }
}

static void draw_match(struct ui *u, const char *text, int y, const struct rect *r, bool on)
{
    enum role role = on ? ROLE_OVERLAY_ON : ROLE_OVERLAY;
    draw_fill(u, y, r->x, r->cols, role);
    draw_peer(u, y, r->x + 2, r->cols - 3, slice_cstr(text), role);
    if (on)
        draw_own(u, y, r->x, 1, ">", role);
    struct slice all = slice_cstr(text), wanted = slice_of(u->field.text, u->field.len);
    for (size_t i = 0; wanted.len > 0 && i + wanted.len <= all.len; i++) {
        if (!slice_eq_nocase(slice_take(slice_skip(all, i), wanted.len), wanted))
            continue;
        /* The history holds no control characters, and escapes only move the mark a little. */
        int at = r->x + 2 + (int)i, width = (int)wanted.len;
        if (at + width < r->x + r->cols)
            draw_restyle(u, y, at, width, ROLE_HIT);
        break;
    }
}

static void history_draw(struct ui *u)
{
    const struct rect *p = &u->layout.prompt;
    int rows = p->y < LIST_ROWS ? p->y : LIST_ROWS, shown = 0;
    struct rect r = {p->y - rows, p->x, rows, p->cols};
    size_t first = u->overlay_at >= (size_t)rows && rows > 0 ? u->overlay_at - (size_t)rows + 1 : 0;
    for (int i = 0; i < rows; i++) {
        const char *text = match_at(u, first + (size_t)i);
        if (text)
            draw_match(u, text, p->y - 1 - i, &r, first + (size_t)i == u->overlay_at);
        shown += text != NULL;
    }
    int edge = p->y - 1 - shown; /* where what lies below goes on */
    if (shown > 0 && edge >= 0) {
        draw_hline(u, edge, r.x, r.cols, ROLE_OVERLAY_FRAME);
        draw_own(u, edge, r.x + 2, r.cols - 2, " History ", ROLE_OVERLAY_FRAME);
    }
    draw_fill(u, p->y, p->x, p->cols, ROLE_TEXT);
    int x = p->x + draw_own(u, p->y, p->x, p->cols, "history: ", ROLE_PROMPT);
    x += draw_peer(u, p->y, x, p->x + p->cols - x, slice_of(u->field.text, u->field.len),
                   ROLE_INPUT);
    draw_cursor(u, p->y, x);
    if (!match_at(u, 0))
        draw_own(u, p->y, x + 2, p->x + p->cols - x - 2,
                 line_history_count() ? "no line like that" : "nothing typed yet", ROLE_GHOST);
    const struct rect *h = &u->layout.hint;
    if (h->rows > 0) {
        draw_fill(u, h->y, h->x, h->cols, ROLE_TEXT);
        draw_own(u, h->y, h->x, h->cols,
                 "type to narrow   Up older   Down newer   Enter takes it   Esc keeps the line",
                 ROLE_INFO);
    }
}

static const struct overlay_ops history_ops = {.draw = history_draw, .key = history_key};

void history_overlay_open(struct ui *u)
{
    overlay_open(u, &history_ops);
}
