/* The command pane: prompt, the line as readline holds it, what could follow it (dim), and a row
 * that says what the line is or what would be wrong with it. readline draws nothing; the cursor's
 * place is found by measuring the text before it, so wide, combining and escaped characters cost
 * nothing extra. */
#include <stdio.h>
#include <string.h>

#include "ui_private.h"

enum { LIST_MAX_ROWS = 8, GHOST_MAX_COLS = 120 };

/* ---- completion ---- */

bool completion_active(const struct ui *u)
{
    return u->completion.n_items > 1;
}

void command_completion_close(struct ui *u)
{
    console_completion_deinit(&u->completion);
    memset(&u->completion, 0, sizeof u->completion);
    u->completion_at = SIZE_MAX;
}

/* Octets that all candidates begin with. */
static size_t common_prefix(const struct console_completion *c)
{
    size_t len = strlen(c->items[0].text);
    for (size_t i = 1; i < c->n_items; i++) {
        size_t n = 0;
        while (n < len && c->items[i].text[n] == c->items[0].text[n])
            n++;
        len = n;
    }
    return len;
}

static void insert_candidate(struct ui *u, size_t index, bool final)
{
    const struct console_candidate *item = &u->completion.items[index];
    char *text = mem_printf("%s%s", item->text, final && !item->no_space ? " " : "");
    line_replace(u->completion.word_start, line_point(), text);
    mem_free(text);
}

void command_complete(struct ui *u, bool back)
{
    if (completion_active(u)) {
        size_t n = u->completion.n_items;
        u->completion_at = u->completion_at == SIZE_MAX
                               ? (back ? n - 1 : 0)
                               : (u->completion_at + (back ? n - 1 : 1)) % n;
        insert_candidate(u, u->completion_at, false);
        return;
    }
    command_completion_close(u);
    size_t point = line_point();
    console_complete(u->console, line_text(), point, &u->completion);
    if (u->completion.n_items == 0 || u->completion.word_start > point) {
        ui_say(u, false, "nothing completes this");
        command_completion_close(u);
    } else if (u->completion.n_items == 1) {
        insert_candidate(u, 0, true);
        command_completion_close(u);
    } else {
        size_t len = common_prefix(&u->completion);
        if (len > point - u->completion.word_start) {
            char *prefix = mem_slice_dup(slice_of(u->completion.items[0].text, len));
            line_replace(u->completion.word_start, point, prefix);
            mem_free(prefix);
        }
    }
}

/* Right at the end of the line: take the one word that can stand here. */
bool command_accept_ghost(struct ui *u)
{
    struct console_completion c = {0};
    size_t point = line_point();
    if (point != line_text().len || point == 0)
        return false;
    console_complete(u->console, line_text(), point, &c);
    bool one =
        c.n_items == 1 && c.word_start <= point && strlen(c.items[0].text) > point - c.word_start;
    if (one)
        line_replace(c.word_start, point, c.items[0].text);
    console_completion_deinit(&c);
    return one;
}

static void draw_list(struct ui *u)
{
    const struct rect *p = &u->layout.prompt;
    const struct console_completion *c = &u->completion;
    int room = p->y - 3; /* the frame takes two */
    size_t rows = c->n_items < LIST_MAX_ROWS ? c->n_items : LIST_MAX_ROWS;
    if ((int)rows > room)
        rows = room > 0 ? (size_t)room : 0;
    if (rows == 0)
        return;
    int text_cols = 0, help_cols = 0;
    for (size_t i = 0; i < c->n_items; i++) {
        int t = (int)strlen(c->items[i].text),
            h = c->items[i].help ? draw_own_cols(u, c->items[i].help) : 0;
        text_cols = t > text_cols ? t : text_cols;
        help_cols = h > help_cols ? h : help_cols;
    }
    int width = text_cols + help_cols + (help_cols ? 7 : 4);
    struct rect r = {p->y - (int)rows - 2, p->x + 2, (int)rows + 2,
                     width < p->cols - 4 ? width : p->cols - 4};
    if (text_cols > r.cols - 4)
        text_cols = r.cols - 4;
    size_t first =
        u->completion_at == SIZE_MAX || u->completion_at < rows ? 0 : u->completion_at - rows + 1;
    char place[40] = "";
    if (c->n_items > rows)
        snprintf(place, sizeof place, " %zu-%zu of %zu ", first + 1, first + rows, c->n_items);
    draw_box(u, &r, NULL, r.cols > 24 ? place : NULL);
    for (size_t i = 0; i < rows; i++) {
        const struct console_candidate *item = &c->items[first + i];
        bool on = first + i == u->completion_at;
        int y = r.y + 1 + (int)i;
        draw_fill(u, y, r.x + 1, r.cols - 2, on ? ROLE_OVERLAY_ON : ROLE_OVERLAY);
        draw_cut(u, y, r.x + 2, text_cols, item->text, on ? ROLE_OVERLAY_ON : ROLE_OVERLAY);
        if (item->help)
            draw_cut(u, y, r.x + text_cols + 5, r.cols - text_cols - 7, item->help,
                     on ? ROLE_OVERLAY_ON : ROLE_OVERLAY_DIM);
    }
}

/* ---- hints ---- */

static void refresh_hint(struct ui *u)
{
    struct slice text = line_text();
    uint64_t seq = journal_last(u->journal);
    if (u->hint_seq == seq + 1 && slice_eq(text, buf_slice(&u->hint_line)))
        return;
    buf_reset(&u->hint_line);
    buf_append(&u->hint_line, text);
    u->hint_seq = seq + 1; /* never 0 */
    buf_reset(&u->hint.ghost);
    buf_reset(&u->hint.lint);
    buf_reset(&u->hint.info);
    if (!u->replay)
        console_hint_for(u->console, text, &u->hint);
}

static void draw_words(struct ui *u, int y, int x, int cols, struct buf *text, enum role role)
{
    draw_cut(u, y, x, cols, buf_cstr(text), role);
}

static void draw_hint(struct ui *u, int indent)
{
    const struct rect *r = &u->layout.hint;
    if (r->rows == 0)
        return;
    bool lint = u->hint.lint.len > 0;
    int x = r->x + indent < r->x + r->cols ? r->x + indent : r->x, cols = r->cols - (x - r->x);
    if (lint && r->rows > 1) {
        draw_words(u, r->y + 1, x + 2, cols - 2, &u->hint.info, ROLE_INFO);
        draw_own(u, r->y, x, cols, "! ", ROLE_LINT);
        draw_words(u, r->y, x + 2, cols - 2, &u->hint.lint, ROLE_LINT);
    } else if (lint) {
        draw_own(u, r->y, x, cols, "! ", ROLE_LINT);
        draw_words(u, r->y, x + 2, cols - 2, &u->hint.lint, ROLE_LINT);
    } else if (u->hint.info.len > 0) {
        draw_own(u, r->y, x, cols, "└ ", ROLE_INFO);
        draw_words(u, r->y, x + 2, cols - 2, &u->hint.info, ROLE_INFO);
    }
    if (r->rows > 1 && !lint && u->last_line && !u->replay) {
        int taken = draw_own(u, r->y + 1, x + 2, cols - 2, "F5 would send: ", ROLE_GHOST);
        draw_peer_cut(u, r->y + 1, x + 2 + taken, cols - 2 - taken, slice_cstr(u->last_line),
                      ROLE_GHOST);
    }
}

/* ---- the line ---- */

static size_t cols_of(struct ui *u, struct slice text)
{
    vis_reset(&u->scratch);
    vis_append(&u->scratch, text, ui_vis_flags(u), SIZE_MAX);
    return u->scratch.cols;
}

/* Octets to leave out at the left so that the cursor can be seen: half a row at a time, and each
 * octet is measured a fixed number of times, however long the line. */
static size_t sideways(struct ui *u, struct slice text, size_t point, int cols)
{
    size_t skip = 0, left_cols = cols_of(u, slice_take(text, point));
    while (skip < point && left_cols + 2 > (size_t)cols) {
        size_t from = skip;
        skip += cols > 16 ? (size_t)cols / 2 : 1;
        if (skip > point)
            skip = point;
        while (skip < point && (text.ptr[skip] & 0xC0) == 0x80)
            skip++;
        size_t gone_cols = cols_of(u, slice_take(slice_skip(text, from), skip - from));
        left_cols -= gone_cols < left_cols ? gone_cols : left_cols;
    }
    return skip;
}

static void draw_line(struct ui *u, int y, int x, int cols)
{
    struct slice text = line_text();
    size_t point = line_point() < text.len ? line_point() : text.len, from, to;
    size_t skip = sideways(u, text, point, cols);
    struct slice before = slice_take(slice_skip(text, skip), point - skip),
                 after = slice_skip(text, point);
    int start = x, end = x + cols;
    if (skip > 0)
        draw_own(u, y, x - 1, 1, "…", ROLE_DIM);
    x += draw_peer(u, y, x, end - x, before, ROLE_INPUT);
    draw_cursor(u, y, x < end ? x : end - 1);
    x += draw_peer(u, y, x, end - x, after, ROLE_INPUT);
    if (line_region(&from, &to) && from >= skip) {
        int at = (int)cols_of(u, slice_take(slice_skip(text, skip), from - skip));
        int width = (int)cols_of(u, slice_take(slice_skip(text, from), to - from));
        draw_restyle(u, y, start + at, width < cols - at ? width : cols - at, ROLE_REGION);
    }
    if (u->hint.ghost.len > 0 && after.len == 0 && x < end)
        draw_words(u, y, x, end - x < GHOST_MAX_COLS ? end - x : GHOST_MAX_COLS, &u->hint.ghost,
                   ROLE_GHOST);
}

void command_pane_draw(struct ui *u)
{
    const struct rect *p = &u->layout.prompt;
    if (p->rows == 0)
        return;
    if (question_active(u)) {
        question_draw(u);
        return;
    }
    refresh_hint(u);
    const char *prompt = u->replay ? "replay> " : console_prompt(u->console);
    int x = p->x + draw_own(u, p->y, p->x, p->cols, prompt,
                            u->focus == PANE_COMMAND ? ROLE_PROMPT : ROLE_DIM);
    if (p->x + p->cols - x > 1)
        draw_line(u, p->y, x, p->x + p->cols - x);
    draw_hint(u, x - p->x);
    if (line_is_vi() && p->cols > 60)
        draw_right(u, p->y, p->x, p->cols, line_keymap(), ROLE_DIM);
    if (completion_active(u))
        draw_list(u);
}
