/* Header, footer and the frame around the panes. What does not fit goes as a whole: fields of the
 * header from the right, entries of the footer from the right, never a part of a word. */
#include <stdio.h>
#include <string.h>

#include "ui_private.h"

static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
enum { N_BARS = sizeof bars / sizeof bars[0], SPARK_MAX = 16, NEXT_MAX = 4 };

struct pencil {
    struct ui *u;
    int x, end;
    bool full; /* something did not fit: nothing after it is drawn */
};

static void put(struct pencil *p, const struct vis_text *text, enum role role)
{
    static const char gap[] = " │ ";
    int cols = (int)text->cols + (p->x > 1 ? 3 : 0);
    if (p->full || text->cols == 0 || p->x + cols > p->end) {
        p->full = p->full || text->cols > 0;
        return;
    }
    if (p->x > 1)
        p->x += draw_own(p->u, 0, p->x, 3, gap, ROLE_HEADER);
    p->x += draw_vis(p->u, 0, p->x, p->end - p->x, text, role);
}

static void put_target(struct pencil *p, const struct view *v)
{
    struct vis_text t;
    const char *name = v->target && *v->target ? v->target : v->peer;
    if (v->link != VIEW_LINK_NONE && v->transport == TRANSPORT_MEMORY)
        name = "practice server";
    if (!name || !*name || p->u->replay)
        name = p->u->title;
    vis_init(&t);
    vis_append(&t, slice_cstr(name ? name : "smtpscope"), ui_vis_flags(p->u), 48);
    put(p, &t, ROLE_HEADER_STRONG);
    vis_reset(&t);
    vis_append_own(&t, decoded_protocol(v));
    if (p->u->replay)
        vis_append_own(&t, ", a recording");
    put(p, &t, ROLE_HEADER);
    vis_deinit(&t);
}

static void put_security(struct pencil *p, const struct view *v)
{
    struct vis_text t;
    enum role role = ROLE_HEADER;
    vis_init(&t);
    if (v->tls) {
        vis_append(&t, slice_cstr(v->tls_version ? v->tls_version : "TLS"), ui_vis_flags(p->u), 12);
        if (v->verify_known && v->verify_mode != VERIFY_NONE) {
            role = v->verify_ok ? ROLE_HEADER_OK : ROLE_HEADER_BAD;
            vis_append_own(&t, v->verify_ok ? " ok" : " !");
            if (!v->verify_ok && v->verify_reason) {
                vis_append_own(&t, " ");
                vis_append(&t, slice_cstr(v->verify_reason), ui_vis_flags(p->u), 20);
            }
        } else
            vis_append_own(&t, " unchecked");
    } else if (v->tls_failed) {
        role = ROLE_HEADER_BAD;
        vis_append_own(&t, "! TLS failed");
    } else if (v->link == VIEW_LINK_UP)
        vis_append_own(&t, "plain text");
    put(p, &t, role);
    vis_reset(&t);
    if (v->authenticated) {
        vis_append_own(&t, "AUTH ");
        vis_append(&t, slice_cstr(v->auth_mechanism ? v->auth_mechanism : "ok"), ui_vis_flags(p->u),
                   20);
        put(p, &t, ROLE_HEADER_OK);
    }
    vis_deinit(&t);
}

static void put_next(struct pencil *p, const struct view *v)
{
    static const char *const link_words[] = {[VIEW_LINK_NONE] = "not connected",
                                             [VIEW_LINK_RESOLVING] = "looking up",
                                             [VIEW_LINK_CONNECTING] = "connecting",
                                             [VIEW_LINK_UP] = "",
                                             [VIEW_LINK_DOWN] = "closed"};
    const char *names[NEXT_MAX];
    struct vis_text t;
    vis_init(&t);
    if (v->link == VIEW_LINK_UP) {
        size_t n = view_next_commands(v, names, NEXT_MAX);
        vis_append_own(&t, n ? "next: " : "");
        for (size_t i = 0; i < n; i++) {
            vis_append_own(&t, i ? ", " : "");
            vis_append_own(&t, names[i]);
        }
        if (n == 0 && v->state == SMTP_STATE_DATA)
            vis_append_own(&t, "next: the message, then a lone dot");
    } else
        vis_append_own(&t, link_words[v->link]);
    put(p, &t, v->link == VIEW_LINK_DOWN ? ROLE_HEADER_STRONG : ROLE_HEADER);
    vis_deinit(&t);
}

static void put_times(struct pencil *p, const struct view *v)
{
    if (v->n_rtt == 0)
        return;
    uint64_t highest = 1, lowest = UINT64_MAX, newest = v->rtt_us[v->n_rtt - 1];
    for (size_t i = 0; i < v->n_rtt; i++) {
        highest = v->rtt_us[i] > highest ? v->rtt_us[i] : highest;
        lowest = v->rtt_us[i] < lowest ? v->rtt_us[i] : lowest;
    }
    struct vis_text t;
    vis_init(&t);
    if (newest < 9950)
        vis_printf_own(&t, "%.1f ms ", (double)newest / 1e3);
    else
        vis_printf_own(&t, "%.0f ms ", (double)newest / 1e3);
    size_t shown = v->n_rtt < SPARK_MAX ? v->n_rtt : SPARK_MAX;
    if (p->u->cols < 100 && shown > 6)
        shown = 6;
    for (size_t i = v->n_rtt - shown; i < v->n_rtt; i++) {
        uint64_t span = highest - lowest;
        size_t bar = span ? (size_t)((v->rtt_us[i] - lowest) * (N_BARS - 1) / span) : 0;
        draw_own_text(p->u, bars[bar], &t);
    }
    put(p, &t, ROLE_HEADER);
    vis_deinit(&t);
}

void header_draw(struct ui *u)
{
    const struct rect *r = &u->layout.header;
    if (r->rows == 0)
        return;
    const struct view *v = &u->decoded.live;
    struct pencil p = {.u = u, .x = r->x + 1, .end = r->x + r->cols - 1};
    draw_fill(u, r->y, r->x, r->cols, ROLE_HEADER);
    bool recording = console_recorder(u->console) != NULL;
    if (recording && r->cols >= 60)
        p.end -= 8;
    put_target(&p, v);
    put_security(&p, v);
    put_next(&p, v);
    put_times(&p, v);
    if (recording && r->cols >= 60)
        draw_right(u, r->y, r->x, r->cols - 1, "● rec", ROLE_HEADER_BAD);
}

/* ---- footer and status ---- */

static int key_cols(const struct key_row *row)
{
    return (int)strlen(row->name) + 1 + (int)strlen(row->footer);
}

static int draw_key(struct ui *u, const struct key_row *row, int y, int x, int end)
{
    int start = x;
    hit_add(u, y, x, key_cols(row), row->command);
    x += draw_own(u, y, x, end - x, row->name, ROLE_KEY);
    x += 1 + draw_own(u, y, x + 1, end - x, row->footer, ROLE_KEY_TEXT);
    return x - start;
}

/* Keys of one place, as many as fit, whole. Returns the column behind them. */
static int draw_keys_of(struct ui *u, enum key_where where, int y, int x, int end, int gap)
{
    const struct key_row *row;
    for (size_t i = 0; (row = keys_at(i)); i++) {
        bool wanted = row->where == where && row->footer && row->command;
        /* The way out has a place of its own; and nothing is sent again to a recording. */
        if (!wanted || row->key == KEY_FN(10) || (u->replay && row->key == KEY_FN(5)))
            continue;
        if (x + key_cols(row) > end)
            break;
        x += draw_key(u, row, y, x, end) + gap;
    }
    return x;
}

/* First the keys of the pane one is in, then those that hold anywhere; the way out always. */
static void draw_keys(struct ui *u, int y, int x, int cols)
{
    int end = x + cols, gap = cols >= 100 ? 2 : 1;
    const struct key_row *out = keys_find(KEY_FN(10), PANE_COMMAND);
    int room = out && out->footer ? end - key_cols(out) - gap : end;
    if (u->focus != PANE_COMMAND)
        x = draw_keys_of(u, keys_where(u->focus), y, x, room, gap);
    x = draw_keys_of(u, WHERE_ANY, y, x, room, gap);
    if (out && out->footer && x + key_cols(out) <= end)
        draw_key(u, out, y, x, end);
}

static void draw_status(struct ui *u, int y, int x, int cols)
{
    int taken = draw_own(u, y, x, cols, u->status_bad ? "! " : "", ROLE_BAD);
    draw_peer_cut(u, y, x + taken, cols - taken, buf_slice(&u->status),
                  u->status_bad ? ROLE_BAD : ROLE_STATUS);
}

/* "replay > 2x  0.172 / 0.389 s", how much of it that is, and the keys. */
static void draw_replay_status(struct ui *u, const struct replay *r, int y, int x, int cols)
{
    enum { BAR_COLS = 14 };
    int end = x + cols;
    struct buf text, bar;
    uint64_t at = replay_at_us(r), total = replay_total_us(r);
    uint64_t full = total ? at * BAR_COLS / total : BAR_COLS;
    buf_init(&bar, 3 * BAR_COLS + 1);
    for (uint64_t i = 0; i < BAR_COLS; i++)
        buf_append_cstr(&bar, i < full ? "█" : "░");
    buf_init(&text, 256);
    replay_status(r, u->ascii, &text);
    x += draw_own(u, y, x, cols, buf_cstr(&text), ROLE_STATUS) + 2;
    buf_deinit(&text);
    if (cols >= 78)
        x += draw_own(u, y, x, BAR_COLS, buf_cstr(&bar), ROLE_DIM) + 2;
    buf_deinit(&bar);
    static const char *const keys[] = {"space pause", ", . step", "[ ] speed", "' mark"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && x + (int)strlen(keys[i]) <= end; i++)
        x += draw_own(u, y, x, end - x, keys[i], ROLE_DIM) + 2;
}

/* What became of the mail: handed over, or read. */
static void mail_text(struct ui *u, const struct view *v, char *out, size_t out_octets)
{
    char box[48];
    if (!decoded_reads_mail(v)) {
        snprintf(out, out_octets, "messages accepted: %u", v->messages);
        return;
    }
    const struct mailbox_view *m = decoded_mailbox(u, v->conn);
    size_t fetched = 0, deleted = mailbox_view_deleted(m);
    for (size_t i = 0; i < m->n_messages; i++)
        fetched += m->messages[i].fetched;
    if (m->pop3) {
        snprintf(out, out_octets, "messages retrieved: %zu of %u, deleted: %zu%s", fetched,
                 m->total_messages, deleted, deleted > 0 && !m->updated ? " at QUIT" : "");
        return;
    }
    vis_to_cstr(box, sizeof box, slice_cstr(m->selected));
    if (m->selected)
        snprintf(out, out_octets, "%s: %u message%s, fetched: %zu, deleted: %zu", box, m->exists,
                 m->exists == 1 ? "" : "s", fetched, deleted);
    else
        snprintf(out, out_octets, "no mailbox selected");
}

static void draw_idle_status(struct ui *u, int y, int x, int cols)
{
    const struct replay *r = console_replay(u->console);
    if (r && (replay_engaged(r) || replay_loading(r))) {
        draw_replay_status(u, r, y, x, cols);
        return;
    }
    const struct view *v = &u->decoded.live;
    uint64_t sent, total;
    const struct session *s = console_session_const(u->console);
    if (s && session_progress(s, &sent, &total)) {
        draw_fmt(u, y, x, cols, ROLE_STATUS,
                 "sending content: %llu of %llu octets   Ctrl-c stops it", (unsigned long long)sent,
                 (unsigned long long)total);
        return;
    }
    char mail[120];
    mail_text(u, v, mail, sizeof mail);
    draw_fmt(u, y, x, cols, ROLE_DIM, "received %llu octets, sent %llu  ·  %s  ·  deviations: %zu",
             (unsigned long long)v->octets[DIR_S], (unsigned long long)v->octets[DIR_C], mail,
             v->n_deviations);
}

void footer_draw(struct ui *u)
{
    const struct rect *f = &u->layout.footer, *s = &u->layout.status, *h = &u->layout.hint;
    const struct rect *say = s->rows > 0 ? s : f->rows > 0 ? f : h;
    bool message = u->status.len > 0;
    const struct replay *r = console_replay(u->console);
    bool timed = r && (replay_engaged(r) || replay_loading(r));
    if (timed && s->rows == 0 && f->rows > 0 && !message)
        draw_replay_status(u, r, f->y, f->x + 1, f->cols - 1);
    else if (f->rows > 0 && !(message && say == f))
        draw_keys(u, f->y, f->x + (u->layout.columns ? 1 : 0), f->cols - 1);
    if (message && say->rows > 0) {
        draw_fill(u, say->y, say->x, say->cols, ROLE_TEXT);
        draw_status(u, say->y, say->x + (say == h ? 0 : 1), say->cols - 1);
    } else if (s->rows > 0)
        draw_idle_status(u, s->y, s->x + 1, s->cols - 2);
}

/* ---- the frame ---- */

/* Where one stands; with a filter, how much of it all is shown. */
static void draw_place(struct ui *u, int y, int x, int cols)
{
    size_t count = transcript_count(u->transcript.lines);
    const struct line_filter *f = &u->transcript.filter;
    char text[120], hidden[40] = "";
    size_t at = count ? u->transcript.selected : 0;
    const struct fold_run *run = count ? fold_closed_at(u, at) : NULL;
    if (run)
        at = run->first + run->n_lines - 1;
    if (f->filter)
        snprintf(hidden, sizeof hidden, " · %zu hidden", count - f->shown.n_set);
    snprintf(text, sizeof text, " %zu/%zu%s%s ", count ? at + 1 : 0, count, hidden,
             u->transcript.follow ? " FOLLOW" : "");
    draw_right(u, y, x, cols, text, u->transcript.follow && !f->filter ? ROLE_TITLE : ROLE_WARN);
}

static void draw_marks_place(struct ui *u, int y, int x, int cols)
{
    char text[140], marks[130];
    marks_text(u, marks, sizeof marks);
    snprintf(text, sizeof text, " %s ", marks);
    if (*marks)
        draw_right(u, y, x, cols, text, ROLE_NOTE);
}

/* On the upper border of the transcript: what is shown of it. */
static void draw_filter_place(struct ui *u, int y, int x, int cols, bool right)
{
    const struct line_filter *f = &u->transcript.filter;
    char expr[60], text[120];
    if (!f->filter)
        return;
    vis_to_cstr(expr, sizeof expr, slice_cstr(f->expr));
    snprintf(text, sizeof text, " filter: %s ", expr);
    struct vis_text t;
    vis_init(&t);
    vis_append(&t, slice_cstr(text), ui_vis_flags(u), (size_t)(cols > 0 ? cols : 0));
    draw_vis(u, y, right ? x + cols - (int)t.cols : x, cols, &t, ROLE_WARN);
    vis_deinit(&t);
}

static int tab_cols(struct ui *u, enum tab tab)
{
    return (int)strlen(decoded_tab_name(u, tab)) + 2;
}

/* The first name to show, so that the section that is on can be seen. */
static int first_tab(struct ui *u, enum tab now, int cols)
{
    int first = (int)now, room = cols - tab_cols(u, now) - 2;
    while (first > 0 && tab_cols(u, (enum tab)(first - 1)) <= room)
        room -= tab_cols(u, (enum tab)-- first);
    return first;
}

/* Names of the sections, the one shown in brackets. Those that do not fit are left out whole, with
 * a mark where they are. */
static void draw_tabs(struct ui *u, int y, int x, int cols)
{
    enum tab now = decoded_tab(u);
    int end = x + cols, first = first_tab(u, now, cols);
    if (first > 0)
        x += draw_own(u, y, x, 1, "‹", ROLE_TITLE);
    for (int i = first; i < TAB__COUNT; i++) {
        const char *name = decoded_tab_name(u, (enum tab)i);
        char command[40];
        bool on = (enum tab)i == now;
        if (x + tab_cols(u, (enum tab)i) + (i + 1 < TAB__COUNT) > end) {
            draw_own(u, y, x, end - x, "›", ROLE_TITLE);
            break;
        }
        draw_fmt(u, y, x, tab_cols(u, (enum tab)i), on ? ROLE_TAB_ON : ROLE_TITLE,
                 on ? "[%s]" : " %s ", name);
        snprintf(command, sizeof command, "tab %s", decoded_tab_word((enum tab)i));
        hit_add(u, y, x, tab_cols(u, (enum tab)i), command);
        x += tab_cols(u, (enum tab)i);
    }
}

static void draw_columns(struct ui *u)
{
    const struct layout *l = &u->layout;
    const struct rect *r = &l->frame;
    int bottom = r->y + r->rows - 1, right = r->x + r->cols - 1;
    enum role left_role = u->focus == PANE_TRANSCRIPT ? ROLE_BORDER_FOCUS : ROLE_BORDER;
    enum role right_role = u->focus == PANE_DECODED ? ROLE_BORDER_FOCUS : ROLE_BORDER;
    draw_hline(u, r->y, 1, right - 1, left_role);
    draw_hline(u, l->rule.y, 1, right - 1, ROLE_BORDER);
    draw_hline(u, bottom, 1, right - 1, ROLE_BORDER);
    draw_vline(u, r->y + 1, 0, r->rows - 2, left_role);
    draw_vline(u, r->y + 1, right, r->rows - 2, right_role);
    draw_own(u, r->y, 0, 1, "┌", left_role);
    draw_own(u, r->y, right, 1, "┐", right_role);
    draw_own(u, l->rule.y, 0, 1, "├", ROLE_BORDER);
    draw_own(u, l->rule.y, right, 1, "┤", ROLE_BORDER);
    draw_own(u, bottom, 0, 1, "└", ROLE_BORDER);
    draw_own(u, bottom, right, 1, "┘", ROLE_BORDER);
    if (l->divider_x > 0) {
        enum role role = u->focus == PANE_COMMAND ? ROLE_BORDER : ROLE_BORDER_FOCUS;
        draw_hline(u, r->y, l->divider_x + 1, right - l->divider_x - 1, right_role);
        draw_vline(u, r->y + 1, l->divider_x, l->rule.y - r->y - 1, role);
        draw_own(u, r->y, l->divider_x, 1, "┬", role);
        draw_own(u, l->rule.y, l->divider_x, 1, "┴", ROLE_BORDER);
    }
    if (l->sessions_x > 0) {
        draw_vline(u, r->y + 1, l->sessions_x, l->rule.y - r->y - 1, left_role);
        draw_own(u, r->y, l->sessions_x, 1, "┬", left_role);
        draw_own(u, l->rule.y, l->sessions_x, 1, "┴", ROLE_BORDER);
        draw_own(u, r->y, 2, 14, " Connections ", ROLE_TITLE);
    }
    if (l->second_y > 0) {
        draw_hline(u, l->second_y, l->divider_x + 1, right - l->divider_x - 1, ROLE_BORDER);
        draw_own(u, l->second_y, l->divider_x, 1, "├", ROLE_BORDER);
        draw_own(u, l->second_y, right, 1, "┤", ROLE_BORDER);
    }
    if (l->transcript.rows > 0) {
        draw_own(u, r->y, l->transcript.x + 1, 14, " Transcript ",
                 u->focus == PANE_TRANSCRIPT ? ROLE_TAB_ON : ROLE_TITLE);
        draw_filter_place(u, r->y, l->transcript.x + 16, l->transcript.cols - 18, true);
    }
    if (l->decoded.rows > 0)
        draw_tabs(u, r->y, l->decoded.x, l->decoded.cols);
    draw_place(u, l->rule.y, 2, (l->divider_x > 0 ? l->divider_x : right) - 3);
    draw_marks_place(u, l->rule.y, (l->divider_x > 0 ? l->divider_x : right / 2) + 1,
                     right - (l->divider_x > 0 ? l->divider_x : right / 2) - 2);
}

void frame_draw(struct ui *u)
{
    const struct layout *l = &u->layout;
    if (l->columns) {
        draw_columns(u);
        return;
    }
    if (l->rule.rows > 0) {
        draw_hline(u, l->rule.y, 0, l->rule.cols, ROLE_BORDER);
        draw_marks_place(u, l->rule.y, l->rule.cols / 2, l->rule.cols / 2 - 2);
        draw_filter_place(u, l->rule.y, 2, l->rule.cols / 2 - 2, false);
    }
    if (l->tabs.rows > 0) {
        draw_hline(u, l->tabs.y, 0, l->tabs.cols,
                   u->focus == PANE_DECODED ? ROLE_BORDER_FOCUS : ROLE_BORDER);
        draw_tabs(u, l->tabs.y, 1, l->tabs.cols - 22);
        draw_place(u, l->tabs.y, 0, l->tabs.cols - 2);
    } else if (l->rule.rows > 0)
        draw_place(u, l->rule.y, 0, l->rule.cols - 2);
}
