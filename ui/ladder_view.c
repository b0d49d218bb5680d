/* The ladder on the screen (F2), and as a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ladder.h"
#include "ui_private.h"

enum { HEAD_ROWS = 2, FOOT_ROWS = 4, FULL_FROM_ROWS = 12, EXPORT_COLS = 100, GAP_MAX_ROWS = 3 };

static struct ladder *ladder(struct ui *u)
{
    return u->ladder;
}

static void update(struct ui *u)
{
    struct ladder *l = ladder(u);
    bool at_end = u->overlay_at + 1 >= l->n_rungs;
    /* The last lines may have changed after they were looked at: cheap to do again. */
    size_t from = l->seen > 64 ? l->seen - 64 : 0;
    ladder_update(l, u->transcript.lines, from);
    if (at_end && l->n_rungs > 0 && u->transcript.follow)
        u->overlay_at = l->n_rungs - 1;
    if (u->overlay_at >= l->n_rungs)
        u->overlay_at = l->n_rungs > 0 ? l->n_rungs - 1 : 0;
}

static struct ladder_form form_for(const struct ui *u, int cols)
{
    return (struct ladder_form){.cols = cols, .times = cols >= 50, .vis_flags = ui_vis_flags(u)};
}

/* Rows of nothing before a rung, by how long was waited. */
static int gap_rows(const struct ui *u, const struct ladder *l, size_t index)
{
    uint64_t ms = ladder_wait_ns(l, index) / 1000000;
    if (!u->ladder_scale)
        return 0;
    return ms >= 10000 ? GAP_MAX_ROWS : ms >= 1000 ? 2 : ms >= 100 ? 1 : 0;
}

static enum role rung_role(const struct rung *r)
{
    if (r->bad)
        return ROLE_BAD;
    if (r->kind == RUNG_BOTH)
        return ROLE_TLS;
    if (r->kind == RUNG_TEXT)
        return ROLE_LINK;
    return r->kind == RUNG_ASK ? r->content ? ROLE_CONTENT : ROLE_CLIENT : ROLE_SERVER;
}

static void draw_buf(struct ui *u, int y, int cols, struct buf *text, enum role role)
{
    vis_reset(&u->scratch);
    draw_mixed_text(u, buf_cstr(text), &u->scratch);
    draw_vis(u, y, 0, cols, &u->scratch, role);
}

static void draw_rung(struct ui *u, size_t index, int y, const struct ladder_form *form)
{
    const struct ladder *l = ladder(u);
    const struct rung *r = &l->rungs[index];
    struct buf row;
    int left, right;
    buf_init(&row, 1 << 14);
    ladder_lanes(form, &left, &right);
    ladder_row(l, u->transcript.lines, index, form, &row);
    draw_buf(u, y, form->cols, &row, rung_role(r));
    buf_deinit(&row);
    draw_restyle(u, y, 0, left, index == l->slowest ? ROLE_WARN : ROLE_TIME);
    draw_restyle(u, y, left, 1, r->tls ? ROLE_GUTTER : ROLE_BORDER);
    draw_restyle(u, y, right, 1, r->tls ? ROLE_GUTTER : ROLE_BORDER);
    if (index == u->ladder_mark)
        draw_own(u, y, 1, 1, "*", ROLE_WARN);
    if (index == u->overlay_at) {
        draw_own(u, y, 0, 1, ">", ROLE_CLIENT_MARK);
        draw_restyle(u, y, 0, form->cols, ROLE_SELECTED);
    }
}

static size_t first_shown(struct ui *u, int rows)
{
    const struct ladder *l = ladder(u);
    size_t top = u->overlay_top;
    if (u->overlay_at < top)
        top = u->overlay_at;
    for (;;) { /* the chosen one is the last that fits */
        int used = 0;
        for (size_t i = top; i <= u->overlay_at && i < l->n_rungs; i++)
            used += 1 + gap_rows(u, l, i);
        if (used <= rows || top >= u->overlay_at)
            break;
        top++;
    }
    u->overlay_top = top;
    return top;
}

static void draw_title(struct ui *u)
{
    const struct ladder *l = ladder(u);
    const struct view *v = &u->decoded.live;
    char text[200], name[60] = "", took[32] = "0 ms";
    const char *target = v->target && *v->target ? v->target : v->peer;
    if (v->conn == l->conn && target)
        vis_to_cstr(name, sizeof name, slice_cstr(target));
    if (l->n_rungs > 0)
        duration_text((l->rungs[l->n_rungs - 1].tick_ns - l->first_tick_ns) / 1000, took,
                      sizeof took);
    draw_fill(u, 0, 0, u->cols, ROLE_HEADER);
    snprintf(text, sizeof text, "Ladder  #%u %s", l->conn, name);
    draw_peer(u, 0, 1, u->cols - 2, slice_cstr(text), ROLE_HEADER_STRONG);
    snprintf(text, sizeof text, "%zu steps · %s · F2 back", l->n_rungs, took);
    if (u->cols >= 60)
        draw_right(u, 0, u->cols - 40, 39, text, ROLE_HEADER);
}

/* What the chosen step says in full, the slowest one, or the time between two. */
static void draw_foot(struct ui *u, int y)
{
    const struct ladder *l = ladder(u);
    char text[160], took[32];
    draw_hline(u, y, 0, u->cols, ROLE_BORDER);
    if (u->overlay_at >= l->n_rungs)
        return;
    const struct rung *r = &l->rungs[u->overlay_at];
    struct vis_text line;
    vis_init(&line);
    transcript_text(u->transcript.lines, r->kind == RUNG_ANSWER ? r->last : r->first,
                    ui_vis_flags(u), (size_t)(u->cols > 4 ? u->cols - 3 : 1), &line);
    draw_own(u, y + 1, 0, 2, " >", ROLE_CLIENT_MARK);
    draw_cut(u, y + 1, 3, u->cols - 4, vis_cstr(&line), rung_role(r));
    vis_deinit(&line);
    if (u->ladder_mark < l->n_rungs && u->ladder_mark != u->overlay_at) {
        uint64_t a = l->rungs[u->ladder_mark].tick_ns;
        duration_text((r->tick_ns > a ? r->tick_ns - a : a - r->tick_ns) / 1000, took, sizeof took);
        snprintf(text, sizeof text, "between * and here: %s", took);
    } else if (l->slowest < l->n_rungs) {
        duration_text(ladder_wait_ns(l, l->slowest) / 1000, took, sizeof took);
        snprintf(text, sizeof text, "slowest step: %s, at %.3f s", took,
                 (double)(l->rungs[l->slowest].tick_ns - l->first_tick_ns) / 1e9);
    } else {
        *text = '\0';
    }
    draw_own(u, y + 2, 3, u->cols - 4, text, ROLE_DIM);
    draw_own(u, y + 3, 0, u->cols,
             "↑↓ step  Enter raw  Space compare two  s time scale  x export  F2 back", ROLE_INFO);
}

static void ladder_draw(struct ui *u)
{
    struct ladder *l = ladder(u);
    const char *client = "client", *server = "server";
    const struct view *v = &u->decoded.live;
    update(u);
    struct ladder_form form = form_for(u, u->cols);
    bool full = u->rows >= FULL_FROM_ROWS;
    int y = full ? HEAD_ROWS : 0, end = full ? u->rows - FOOT_ROWS : u->rows;
    for (int row = 0; row < u->rows; row++)
        draw_fill(u, row, 0, u->cols, ROLE_TEXT);
    if (v->conn == l->conn && v->hello)
        client = v->hello;
    if (v->conn == l->conn && v->target && *v->target)
        server = v->target;
    if (full) {
        struct buf heads;
        buf_init(&heads, 4096);
        draw_title(u);
        ladder_heads(&form, client, server, &heads);
        draw_buf(u, 1, u->cols, &heads, ROLE_TITLE);
        buf_deinit(&heads);
        draw_foot(u, end);
    }
    for (size_t i = first_shown(u, end - y); i < l->n_rungs && y < end; i++) {
        for (int gap = gap_rows(u, l, i); gap > 0 && y < end; gap--, y++) {
            struct buf row;
            buf_init(&row, 4096);
            ladder_gap(&form, l->rungs[i].tls && i > 0 && l->rungs[i - 1].tls, &row);
            draw_buf(u, y, u->cols, &row, ROLE_BORDER);
            buf_deinit(&row);
        }
        if (y < end)
            draw_rung(u, i, y++, &form);
    }
    if (l->n_rungs == 0 && end > y)
        draw_own(u, y, 2, u->cols - 2, "Nothing has passed on this connection yet.", ROLE_DIM);
    draw_cursor(u, u->rows - 1, 0);
}

/* ---- as a file ---- */

static void export_text(struct ui *u, struct buf *out)
{
    struct ladder *l = ladder(u);
    struct ladder_form form = form_for(u, EXPORT_COLS);
    update(u);
    ladder_heads(&form, "client", "server", out);
    buf_append_octet(out, '\n');
    for (size_t i = 0; i < l->n_rungs; i++) {
        struct buf row;
        buf_init(&row, 1 << 14);
        ladder_row(l, u->transcript.lines, i, &form, &row);
        if (u->ascii) {
            vis_reset(&u->scratch);
            draw_mixed_text(u, buf_cstr(&row), &u->scratch);
            buf_append(out, buf_slice(&u->scratch.text));
        } else {
            buf_append(out, buf_slice(&row));
        }
        buf_append_octet(out, '\n');
        buf_deinit(&row);
    }
}

bool ladder_export(struct ui *u, const char *path, struct err *err)
{
    struct buf text;
    bool own = u->ladder == NULL;
    buf_init(&text, 1 << 28);
    if (own)
        ladder_begin(u);
    export_text(u, &text);
    if (own)
        ladder_end(u);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    bool ok = fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len;
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    if (!ok) {
        err_set(err, ERR_FILE, errno, "cannot write %.120s: %s", path, strerror(errno));
        err_explain(err, "", "no file is overwritten; choose another name");
    } else {
        ui_say(u, false, "ladder written to %.200s", path);
    }
    buf_deinit(&text);
    return ok;
}

static void export_answer(void *ctx, const char *path)
{
    struct ui *u = ctx;
    struct err err;
    err_clear(&err);
    if (path && *path && !ladder_export(u, path, &err))
        ui_say(u, true, "%s", err.text);
}

/* ---- keys ---- */

static void move(struct ui *u, long by)
{
    size_t n = ladder(u)->n_rungs;
    long to = (long)u->overlay_at + by;
    u->overlay_at = to < 0 ? 0 : (size_t)to < n ? (size_t)to : n > 0 ? n - 1 : 0;
}

static void go_to_raw(struct ui *u)
{
    const struct ladder *l = ladder(u);
    size_t line = u->overlay_at < l->n_rungs ? l->rungs[u->overlay_at].first : SIZE_MAX;
    overlay_close(u);
    if (line != SIZE_MAX) {
        u->focus = PANE_TRANSCRIPT;
        ui_relayout(u);
        transcript_select(u, line);
    }
}

static bool ladder_key(struct ui *u, const struct input_unit *unit)
{
    long page = u->rows > FOOT_ROWS + HEAD_ROWS + 1 ? u->rows - FOOT_ROWS - HEAD_ROWS - 1 : 1;
    switch (unit->key) {
    case KEY_ESC_CODE:
    case KEY_FN(2):
    case KEY_ALT('l'):
    case KEY_CTRL('c'):
    case 'q':
        overlay_close(u);
        return true;
    case KEY_UP_CODE:
    case 'k':
        move(u, -1);
        return true;
    case KEY_DOWN_CODE:
    case 'j':
        move(u, 1);
        return true;
    case KEY_PGUP_CODE:
    case 'b':
        move(u, -page);
        return true;
    case KEY_PGDN_CODE:
        move(u, page);
        return true;
    case KEY_HOME_CODE:
    case 'g':
        u->overlay_at = u->overlay_top = 0;
        return true;
    case KEY_END_CODE:
    case 'G':
        move(u, (long)ladder(u)->n_rungs);
        return true;
    case KEY_ENTER_CODE:
        go_to_raw(u);
        return true;
    case ' ':
        u->ladder_mark = u->ladder_mark == u->overlay_at ? SIZE_MAX : u->overlay_at;
        return true;
    case 's':
        u->ladder_scale = !u->ladder_scale;
        return true;
    case 'x':
        question_open(u, "write the ladder to file: ", false, export_answer, u);
        return true;
    default:
        return unit->key < KEY_FN(0);
    }
}

void ladder_end(struct ui *u)
{
    if (u->ladder)
        ladder_deinit(u->ladder);
    mem_free(u->ladder);
    u->ladder = NULL;
}

/* Of the connection that the selected line belongs to. */
void ladder_begin(struct ui *u)
{
    size_t count = transcript_count(u->transcript.lines), at = u->transcript.selected;
    uint32_t conn = 0;
    if (at < count && !u->transcript.follow &&
        transcript_at(u->transcript.lines, at)->kind != TRANSCRIPT_BACKSTAGE)
        conn = transcript_at(u->transcript.lines, at)->conn;
    if (conn == 0)
        conn = u->decoded.live.conn;
    ladder_end(u);
    u->ladder = mem_alloc(sizeof *u->ladder);
    ladder_init(u->ladder, conn);
    ladder_update(u->ladder, u->transcript.lines, 0);
}

static const struct overlay_ops ladder_ops = {
    .draw = ladder_draw, .key = ladder_key, .close = ladder_end};

void ladder_open(struct ui *u)
{
    overlay_open(u, &ladder_ops);
    ladder_begin(u);
    const struct ladder *l = ladder(u);
    u->ladder_mark = SIZE_MAX;
    u->overlay_at = l->n_rungs > 0 ? l->n_rungs - 1 : 0;
    for (size_t i = 0; !u->transcript.follow && i < l->n_rungs; i++)
        if (u->transcript.selected <= l->rungs[i].last) {
            u->overlay_at = i;
            break;
        }
}
