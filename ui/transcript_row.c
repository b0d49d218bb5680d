/* One row of the transcript: mark, time, direction, gutter, text, reply time. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ui_private.h"

enum { RIGHT_COLS = 9, RELATIVE_COLS = 8, ABSOLUTE_COLS = 13, NARROW_COLS = 60 };

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
        return (struct row_style){ROLE_CONTENT, ROLE_CLIENT_MARK, "C→"};
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

static void format_duration(uint64_t us, char *out, size_t out_octets)
{
    if (us < 9950)
        snprintf(out, out_octets, "%.1f ms", (double)us / 1e3);
    else if (us < 9999500)
        snprintf(out, out_octets, "%.0f ms", (double)us / 1e3);
    else
        snprintf(out, out_octets, "%.1f s", (double)us / 1e6);
}

/* Returns the column behind the time. */
static int draw_time(struct ui *u, size_t index, const struct transcript_line *l, int y, int x)
{
    char text[40] = "";
    const struct transcript_pane *t = &u->transcript;
    if (t->time == TIME_OFF || u->layout.transcript.cols < NARROW_COLS)
        return x;
    bool same = (l->flags & TRANSCRIPT_CONT) != 0 ||
                (index > t->top && transcript_at(t->lines, index - 1)->seq == l->seq &&
                 l->kind == TRANSCRIPT_CONTENT);
    if (t->time == TIME_RELATIVE) {
        double seconds = (double)transcript_at_us(t->lines, index) / 1e6;
        /* The column is fixed: long sessions lose decimals, not the beginning. */
        snprintf(text, sizeof text, "%7.*f", seconds < 1000 ? 3 : seconds < 99999 ? 1 : 0, seconds);
        if (!same)
            draw_own(u, y, x, RELATIVE_COLS - 1, text, ROLE_TIME);
        return x + RELATIVE_COLS;
    }
    const struct event *ev = journal_at(u->journal, l->seq);
    struct tm tm;
    time_t wall_s = ev ? (time_t)(ev->wall_us / 1000000) : 0;
    if (ev && !same && localtime_r(&wall_s, &tm)) {
        size_t len = strftime(text, sizeof text, "%H:%M:%S", &tm);
        snprintf(text + len, sizeof text - len, ".%03d", (int)(ev->wall_us / 1000 % 1000));
        draw_own(u, y, x, ABSOLUTE_COLS - 1, text, ROLE_TIME);
    }
    return x + ABSOLUTE_COLS;
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

static bool find_nocase(const char *text, const char *needle, size_t *at_inout)
{
    struct slice all = slice_cstr(text), wanted = slice_cstr(needle);
    for (size_t i = *at_inout; i + wanted.len <= all.len; i++) {
        if (slice_eq_nocase(slice_take(slice_skip(all, i), wanted.len), wanted)) {
            *at_inout = i;
            return true;
        }
    }
    return false;
}

/* Hits of the search stand out in the text just drawn. */
static void mark_hits(struct ui *u, struct vis_text *text, int y, int x, int cols)
{
    const char *needle = u->transcript.needle;
    size_t len = strlen(needle), at = 0;
    struct vis_text before;
    if (len == 0)
        return;
    vis_init(&before);
    while (find_nocase(vis_cstr(text), needle, &at)) {
        vis_reset(&before);
        vis_append(&before, slice_take(buf_slice(&text->text), at), 0, SIZE_MAX);
        int start = (int)before.cols;
        vis_reset(&before);
        vis_append(&before, slice_take(slice_skip(buf_slice(&text->text), at), len), 0, SIZE_MAX);
        int width = (int)before.cols;
        if (start < cols)
            draw_restyle(u, y, x + start, start + width > cols ? cols - start : width, ROLE_HIT);
        at += len;
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
        format_duration(l->reply_us, text, sizeof text);
    if (*text) {
        draw_right(u, y, end - RIGHT_COLS, RIGHT_COLS, text,
                   l->reply_us > 1000000 ? ROLE_WARN : ROLE_TIME);
        return end - (int)strlen(text) - 1;
    }
    return end;
}

static const char *content_mark(const struct ui *u, size_t index, const struct content_run *run)
{
    bool complete = run->first + run->n_lines < transcript_count(u->transcript.lines);
    return complete && index == run->first + run->n_lines - 1 ? "└ " : "│ ";
}

static void draw_text(struct ui *u, size_t index, const struct transcript_line *l, int y, int x,
                      int cols, enum role role)
{
    struct vis_text text;
    const struct content_run *run = l->kind == TRANSCRIPT_CONTENT ? transcript_run(u, index) : NULL;
    if (run && transcript_folded(u, run)) {
        draw_fmt(u, y, x, cols, role, "▸ message content: %llu octets, %zu lines",
                 (unsigned long long)run->n_octets, run->n_lines);
        return;
    }
    if (run) {
        draw_own(u, y, x, cols, content_mark(u, index, run), ROLE_DIM);
        x += 2;
        cols -= 2;
    }
    if (cols <= 0)
        return;
    bool octets = l->kind == TRANSCRIPT_LINE || l->kind == TRANSCRIPT_CONTENT;
    vis_init(&text);
    transcript_text_from(u->transcript.lines, index, octets ? u->transcript.skip_octets : 0,
                         ui_vis_flags(u), (size_t)cols, &text);
    if (l->flags & TRANSCRIPT_HIDDEN)
        show_mask(u, &text);
    draw_vis(u, y, x, cols, &text, role);
    if (text.cut)
        draw_own(u, y, x + cols - 1, 1, "…", ROLE_DIM);
    mark_hits(u, &text, y, x, cols);
    vis_deinit(&text);
}

void transcript_row_draw(struct ui *u, size_t index, int y)
{
    const struct rect *r = &u->layout.transcript;
    const struct transcript_pane *t = &u->transcript;
    const struct transcript_line *l = transcript_at(t->lines, index);
    struct row_style style = style_of(l);
    bool selected = index == t->selected && !t->follow;
    int end = r->x + r->cols;
    if (index == t->selected)
        draw_own(u, y, r->x, 1, ">", ROLE_CLIENT_MARK);
    else if (l->flags & (TRANSCRIPT_REPLY_BAD | TRANSCRIPT_DEVIANT))
        draw_own(u, y, r->x, 1, "!", ROLE_BAD);
    int x = draw_time(u, index, l, y, r->x + 1);
    x += draw_own(u, y, x, end - x, style.direction, style.mark);
    if ((l->flags & TRANSCRIPT_TLS_ON) || l->kind == TRANSCRIPT_TLS)
        draw_own(u, y, x, end - x, "▓", ROLE_GUTTER);
    x += 2;
    int right = draw_right_column(u, l, y, end);
    draw_text(u, index, l, y, x, right - x, style.text);
    if (selected)
        draw_restyle(u, y, r->x, r->cols, ROLE_SELECTED);
}
