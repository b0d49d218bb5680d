/* One row of the transcript: mark, time, direction, gutter, text, reply time. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ui_private.h"

enum {
    RIGHT_COLS = 9,
    RELATIVE_COLS = 8,
    ABSOLUTE_COLS = 13,
    NARROW_COLS = 60,
    SLOW_US = 1000000,
    BIG_FROM_ROWS = 8
};

struct row_style {
    enum role text, mark;
    const char *direction;
};

static struct row_style style_of(const struct transcript_line *l)
{
    bool from_client = l->dir == DIR_C;
    switch ((enum transcript_kind)l->kind) {
    case TRANSCRIPT_LINE:
        if (from_client)
            return (struct row_style){ROLE_CLIENT, ROLE_CLIENT_MARK, "C→"};
        if (l->flags & TRANSCRIPT_REPLY_BAD)
            return (struct row_style){ROLE_BAD, ROLE_BAD, "←S"};
        return (struct row_style){ROLE_SERVER, ROLE_SERVER_MARK, "←S"};
    case TRANSCRIPT_CONTENT:
        return from_client ? (struct row_style){ROLE_CONTENT, ROLE_CLIENT_MARK, "C→"}
                           : (struct row_style){ROLE_CONTENT, ROLE_SERVER_MARK, "←S"};
    case TRANSCRIPT_TLS:
        return (struct row_style){ROLE_TLS, ROLE_TLS, "══"};
    case TRANSCRIPT_DEVIATION:
        return (struct row_style){ROLE_WARN, ROLE_WARN, "  "};
    case TRANSCRIPT_NOTE:
        return (struct row_style){ROLE_NOTE, ROLE_NOTE, "  "};
    case TRANSCRIPT_GAP:
        return (struct row_style){ROLE_WARN, ROLE_WARN, "  "};
    case TRANSCRIPT_LINK:
    case TRANSCRIPT_BACKSTAGE:
        break;
    }
    return (struct row_style){ROLE_LINK, ROLE_LINK, "  "};
}

void duration_text(uint64_t us, char *out, size_t out_octets)
{
    if (us < 9950)
        snprintf(out, out_octets, "%.1f ms", (double)us / 1e3);
    else if (us < 9999500)
        snprintf(out, out_octets, "%.0f ms", (double)us / 1e3);
    else
        snprintf(out, out_octets, "%.1f s", (double)us / 1e6);
}

/* The column is fixed: long sessions lose decimals, not the beginning. */
static void seconds_text(double seconds, const char *sign, char *out, size_t out_octets)
{
    int decimals = seconds < 1000 ? 3 : seconds < 99999 ? 1 : 0;
    char number[40];
    snprintf(number, sizeof number, "%s%.*f", sign, decimals, seconds);
    snprintf(out, out_octets, "%7s", number);
}

void transcript_time_text(const struct ui *u, size_t index, char *out, size_t out_octets)
{
    seconds_text((double)transcript_at_us(u->transcript.lines, index) / 1e6, "", out, out_octets);
}

/* The same time as the line above: said once. */
static bool same_time(const struct ui *u, size_t index)
{
    const struct transcript_pane *t = &u->transcript;
    const struct transcript_line *l = transcript_at(t->lines, index);
    return (l->flags & TRANSCRIPT_CONT) != 0 ||
           (index > t->top && transcript_at(t->lines, index - 1)->seq == l->seq &&
            l->kind == TRANSCRIPT_CONTENT);
}

static void delta_text(const struct ui *u, size_t index, char *out, size_t out_octets)
{
    size_t before = transcript_previous(u, index);
    uint64_t now_ns = transcript_tick_ns(u->transcript.lines, index), then_ns = now_ns;
    if (before != SIZE_MAX)
        then_ns = transcript_tick_ns(u->transcript.lines, before);
    seconds_text((double)(now_ns > then_ns ? now_ns - then_ns : 0) / 1e9, "+", out, out_octets);
}

static void absolute_text(const struct ui *u, const struct transcript_line *l, char *out,
                          size_t out_octets)
{
    const struct event *ev = journal_at(u->journal, l->seq);
    struct tm tm;
    time_t wall_s = ev ? (time_t)(ev->wall_us / 1000000) : 0;
    *out = '\0';
    if (!ev || !localtime_r(&wall_s, &tm))
        return;
    size_t len = strftime(out, out_octets, "%H:%M:%S", &tm);
    snprintf(out + len, out_octets - len, ".%03d", (int)(ev->wall_us / 1000 % 1000));
}

static int time_cols(const struct ui *u)
{
    if (u->transcript.time == TIME_OFF || u->layout.transcript.cols < NARROW_COLS ||
        u->mode == LAYOUT_BIG)
        return 0;
    return u->transcript.time == TIME_ABSOLUTE ? ABSOLUTE_COLS : RELATIVE_COLS;
}

/* Returns the column behind the time. */
static int draw_time(struct ui *u, size_t index, const struct transcript_line *l, int y, int x)
{
    char text[40] = "";
    int cols = time_cols(u);
    if (cols == 0 || same_time(u, index))
        return x + cols;
    if (u->transcript.time == TIME_ABSOLUTE)
        absolute_text(u, l, text, sizeof text);
    else if (u->transcript.time == TIME_DELTA)
        delta_text(u, index, text, sizeof text);
    else
        transcript_time_text(u, index, text, sizeof text);
    draw_own(u, y, x, cols - 1, text, ROLE_TIME);
    return x + cols;
}

/* Masked octets come as asterisks; on the screen they are dots, which nobody takes for what was
 * sent. */
static void show_mask(struct ui *u, struct vis_text *text)
{
    struct vis_text masked;
    vis_init(&masked);
    char *s = mem_strdup(vis_cstr(text));
    for (char *p = s; *p;) {
        size_t stars = strspn(p, "*"), plain = strcspn(p, "*");
        for (size_t i = 0; i < stars; i++)
            draw_own_text(u, stars > 2 ? "·" : "*", &masked);
        if (stars == 0) {
            vis_append(&masked, slice_of(p, plain), ui_vis_flags(u), SIZE_MAX);
            stars = plain;
        }
        p += stars;
    }
    mem_free(s);
    vis_reset(text);
    vis_append(text, buf_slice(&masked.text), ui_vis_flags(u), SIZE_MAX);
    vis_deinit(&masked);
}

/* Hits of the search stand out in the text just drawn. */
static void mark_hits(struct ui *u, struct vis_text *text, int y, int x, int cols)
{
    size_t len = 0, at = 0;
    struct vis_text before;
    if (!u->transcript.find.text[0])
        return;
    vis_init(&before);
    while (find_in(u, vis_cstr(text), &at, &len)) {
        vis_reset(&before);
        vis_append(&before, slice_take(buf_slice(&text->text), at), 0, SIZE_MAX);
        int start = (int)before.cols;
        vis_reset(&before);
        vis_append(&before, slice_take(slice_skip(buf_slice(&text->text), at), len), 0, SIZE_MAX);
        int width = (int)before.cols;
        if (start < cols)
            draw_restyle(u, y, x + start, start + width > cols ? cols - start : width, ROLE_HIT);
        at += len > 0 ? len : 1;
    }
    vis_deinit(&before);
}

static int draw_right_column(struct ui *u, const struct transcript_line *l, int y, int end)
{
    char text[32] = "";
    const struct rect *r = &u->layout.transcript;
    if (r->cols < NARROW_COLS)
        return end;
    if (l->flags & TRANSCRIPT_HIDDEN)
        snprintf(text, sizeof text, "hidden");
    else if (l->reply_us)
        duration_text(l->reply_us, text, sizeof text);
    if (*text) {
        draw_right(u, y, end - RIGHT_COLS, RIGHT_COLS, text,
                   l->reply_us > SLOW_US ? ROLE_WARN : ROLE_TIME);
        return end - (int)strlen(text) - 1;
    }
    return end;
}

static const char *content_mark(const struct ui *u, size_t index, const struct fold_run *run)
{
    bool complete = run->first + run->n_lines < transcript_count(u->transcript.lines);
    return complete && index == run->first + run->n_lines - 1 ? "└ " : "│ ";
}

/* What stands on the line, up to max_cols. */
static void row_text(struct ui *u, size_t index, size_t max_cols, struct vis_text *text)
{
    const struct transcript_line *l = transcript_at(u->transcript.lines, index);
    const struct fold_run *run = fold_closed_at(u, index);
    bool octets = l->kind == TRANSCRIPT_LINE || l->kind == TRANSCRIPT_CONTENT;
    if (run) {
        fold_summary(u, run, text);
        return;
    }
    transcript_text_from(u->transcript.lines, index, octets ? u->transcript.skip_octets : 0,
                         ui_vis_flags(u) | (u->transcript.eol ? VIS_SHOW_EOL : 0), max_cols, text);
    if (l->flags & TRANSCRIPT_HIDDEN)
        show_mask(u, text);
}

/* A remark of the person behind the text, where there is room for it. False: there is none. */
static bool draw_remark(struct ui *u, const struct transcript_line *l, int y, int x, int end)
{
    struct slice remark = remark_at(u, l->seq);
    if (remark.len == 0 || end - x < 12)
        return remark.len > 0;
    x += draw_own(u, y, x + 2, end - x - 2, "· ", ROLE_NOTE) + 2;
    draw_peer(u, y, x, end - x, remark, ROLE_NOTE);
    return true;
}

/* Where a line is, and what it is made of. */
struct row {
    size_t index;
    const struct transcript_line *first, *last; /* of a folded run; else the same */
    struct fold_run *run;                       /* NULL: none */
    struct row_style style;
    bool folded;
};

static struct row row_of(struct ui *u, size_t index)
{
    struct row row = {.index = index, .run = fold_at(u, index)};
    const struct transcript *lines = u->transcript.lines;
    row.first = row.last = transcript_at(lines, index);
    row.folded = row.run && fold_is_closed(u, row.run);
    if (row.folded)
        row.last = transcript_at(lines, row.run->first + row.run->n_lines - 1);
    row.style = style_of(row.last);
    return row;
}

/* What of it stands in one row: broken at a blank where one is near the end. Returns the octets. */
static size_t row_part(struct slice rest, int cols, struct vis_text *part)
{
    vis_reset(part);
    size_t used = vis_append(part, rest, 0, (size_t)cols), cut = used;
    if (used >= rest.len)
        return used;
    while (cut > used - used / 3 && rest.ptr[cut - 1] != ' ')
        cut--;
    if (cut > used - used / 3) {
        vis_reset(part);
        used = vis_append(part, slice_take(rest, cut), 0, SIZE_MAX);
    }
    return used;
}

/* The text over as many rows as `max_rows` allows; what does not fit is cut with a mark. Returns
 * the rows. */
static int draw_text(struct ui *u, const struct row *row, int y, int x, int cols, int max_rows)
{
    struct vis_text text, part;
    int rows = 0;
    const struct transcript_line *l = row->first;
    if (l->kind == TRANSCRIPT_CONTENT && !row->folded) {
        draw_own(u, y, x, cols, row->run ? content_mark(u, row->index, row->run) : "│ ", ROLE_DIM);
        x += 2;
        cols -= 2;
    }
    if (cols <= 0)
        return 1;
    vis_init(&text);
    vis_init(&part);
    row_text(u, row->index, (size_t)cols * (size_t)max_rows, &text);
    struct slice rest = buf_slice(&text.text);
    bool cut = text.cut || text.cols > (size_t)cols * (size_t)max_rows;
    do {
        size_t used = max_rows > 1 ? row_part(rest, cols, &part) : 0;
        if (max_rows == 1) {
            vis_reset(&part);
            used = vis_append(&part, rest, 0, (size_t)cols);
        }
        int drawn = draw_vis(u, y + rows, x, cols, &part, row->style.text);
        mark_hits(u, &part, y + rows, x, cols);
        rest = slice_skip(rest, used);
        rows++;
        if (rows == max_rows && (cut || rest.len > 0))
            draw_own(u, y + rows - 1, x + (drawn < cols ? drawn : cols - 1), 1, "…", ROLE_DIM);
        else if (rest.len == 0 && !draw_remark(u, l, y + rows - 1, x + drawn, x + cols) &&
                 !row->folded)
            beside_draw(u, row->index, y + rows - 1, x + drawn, x + cols);
        if (used == 0)
            break;
    } while (rest.len > 0 && rows < max_rows);
    vis_deinit(&part);
    vis_deinit(&text);
    return rows;
}

enum { MARK_COLS = 1, SIDE_COLS = 4 };

/* Columns of text in a wrapped line: the same in all of its rows. */
static int wrap_cols(const struct ui *u)
{
    const struct rect *r = &u->layout.transcript;
    int right = r->cols < NARROW_COLS ? 0 : RIGHT_COLS + 1;
    int cols = r->cols - MARK_COLS - time_cols(u) - SIDE_COLS - right;
    return cols > 8 ? cols : 8;
}

/* Rows left free below each line: in a class, lines stand apart. */
static int row_space(const struct ui *u)
{
    return u->mode == LAYOUT_BIG && u->layout.transcript.rows >= BIG_FROM_ROWS;
}

int transcript_row_height(struct ui *u, size_t index)
{
    int most = u->layout.transcript.rows > 1 ? u->layout.transcript.rows : 1;
    int cols = wrap_cols(u);
    struct vis_text text;
    int space = row_space(u);
    if (!u->transcript.wrap || fold_closed_at(u, index))
        return 1 + space;
    if (transcript_at(u->transcript.lines, index)->kind == TRANSCRIPT_CONTENT)
        cols -= 2;
    vis_init(&text);
    row_text(u, index, (size_t)cols * (size_t)most, &text);
    int rows = 0;
    struct vis_text part;
    vis_init(&part);
    for (struct slice rest = buf_slice(&text.text); rest.len > 0 && rows < most; rows++) {
        size_t used = row_part(rest, cols, &part);
        if (used == 0)
            break;
        rest = slice_skip(rest, used);
    }
    vis_deinit(&part);
    vis_deinit(&text);
    return (rows < 1 ? 1 : rows) + space;
}

/* With several connections, what another one than the shown says carries its number. */
static void draw_connection(struct ui *u, uint32_t conn, int y)
{
    enum { CONNECTIONS_MAX = 9 };
    struct console_connection all[CONNECTIONS_MAX];
    if (conn == decoded_conn(u))
        return;
    if (u->replay) { /* by the number the list and filters know */
        char digit[2] = {(char)('0' + conn % 10), '\0'};
        if (u->n_conns > 1 && conn < 10)
            draw_peer(u, y, u->layout.transcript.x, 1, slice_cstr(digit), ROLE_DIM);
        return;
    }
    size_t n = console_connections(u->console, all, CONNECTIONS_MAX);
    for (size_t i = 0; n > 1 && i < n; i++) {
        char digit[2] = {(char)('0' + all[i].number), '\0'};
        if (all[i].conn == conn)
            draw_peer(u, y, u->layout.transcript.x, 1, slice_cstr(digit), ROLE_DIM);
    }
}

/* Column 0: where one stands, what is wrong. A mark's letter stands where times leave room. */
static void draw_marks(struct ui *u, const struct row *row, int y)
{
    const struct rect *r = &u->layout.transcript;
    const struct mark *mark = mark_at(u, row->first->seq);
    char letter[2] = {mark ? mark->name[0] : '\0', '\0'};
    if (row->index == u->transcript.selected)
        draw_own(u, y, r->x, 1, ">", ROLE_CLIENT_MARK);
    else if (row->last->flags & (TRANSCRIPT_REPLY_BAD | TRANSCRIPT_DEVIANT))
        draw_own(u, y, r->x, 1, "!", ROLE_BAD);
    else if (row->first->conn != 0 && row->first->kind != TRANSCRIPT_BACKSTAGE)
        draw_connection(u, row->first->conn, y);
    if (mark)
        draw_peer(u, y, time_cols(u) ? r->x + 1 : r->x, 1, slice_cstr(letter), ROLE_HIT);
}

int transcript_row_draw(struct ui *u, size_t index, int y)
{
    const struct rect *r = &u->layout.transcript;
    const struct transcript_pane *t = &u->transcript;
    struct row row = row_of(u, index);
    bool selected = index == t->selected && !t->follow;
    int end = r->x + r->cols, rows = 1, room = r->y + r->rows - y;
    int x = draw_time(u, index, row.first, y, r->x + MARK_COLS);
    draw_marks(u, &row, y);
    x += draw_own(u, y, x, end - x, row.style.direction, row.style.mark);
    if ((row.first->flags & TRANSCRIPT_TLS_ON) || row.first->kind == TRANSCRIPT_TLS)
        draw_own(u, y, x, end - x, "▓", ROLE_GUTTER);
    x += 2;
    int right = draw_right_column(u, row.last, y, end);
    if (t->wrap && !row.folded)
        rows = draw_text(u, &row, y, x, wrap_cols(u), room);
    else
        draw_text(u, &row, y, x, right - x, 1);
    for (int i = 0; selected && i < rows; i++)
        draw_restyle(u, y + i, r->x, r->cols, ROLE_SELECTED);
    return rows + row_space(u);
}
