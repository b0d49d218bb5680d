/* The list of connections at the left of a wide screen: what each is, how it went; below them the
 * practice server and the marks. From the journal, so it is there for a recording, too. */
#include <stdio.h>
#include <string.h>

#include "museum/museum.h"
#include "ui_private.h"

/* ---- taking in ---- */

static struct conn_row *row_for(struct ui *u, const struct event *ev)
{
    for (size_t i = u->n_conns; i-- > 0;)
        if (u->conns[i].conn == ev->conn)
            return &u->conns[i];
    if (u->n_conns == CONN_ROWS_MAX) {
        memmove(u->conns, u->conns + 1, (CONN_ROWS_MAX - 1) * sizeof *u->conns);
        u->n_conns--;
    }
    u->conns = mem_realloc(u->conns, (u->n_conns + 1) * sizeof *u->conns);
    struct conn_row *row = &u->conns[u->n_conns++];
    *row = (struct conn_row){.conn = ev->conn, .protocol = "SMTP", .first_tick_ns = ev->tick_ns};
    return row;
}

/* Without its angle brackets. */
static void address(struct slice path, char *out, size_t out_octets)
{
    if (path.len >= 2 && path.ptr[0] == '<')
        path = slice_take(slice_skip(path, 1), path.len - 2);
    vis_to_cstr(out, out_octets, path);
}

static void take_envelope(struct conn_row *row, const struct event *ev)
{
    struct ev_envelope e;
    EVENT_GET(ev, ENVELOPE, &e);
    if (e.part == ENVELOPE_REVERSE_PATH)
        address(e.path, row->from, sizeof row->from);
    else if (e.part == ENVELOPE_FORWARD_PATH)
        address(e.path, row->rcpt, sizeof row->rcpt);
}

static void take_reply(struct conn_row *row, const struct event *ev)
{
    struct ev_reply e;
    EVENT_GET(ev, REPLY, &e);
    row->code = (unsigned)(e.code <= 999 ? e.code : 0);
    if (row->code)
        snprintf(row->last, sizeof row->last, "%u", row->code);
    else
        vis_to_cstr(row->last, sizeof row->last, e.status);
}

static void take_protocol(struct conn_row *row, const struct event *ev)
{
    static const char *const names[][2] = {{"pop3", "POP3"}, {"imap", "IMAP"}, {"lmtp", "LMTP"}};
    struct ev_protocol e;
    EVENT_GET(ev, PROTOCOL, &e);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (slice_eq(e.name, slice_cstr(names[i][0])))
            row->protocol = names[i][1];
    enum museum_id museum;
    if (museum_by_name(e.name, &museum))
        row->protocol = museum_info(museum)->name;
}

static void take_try(struct conn_row *row, const struct event *ev)
{
    struct ev_link_try e;
    EVENT_GET(ev, LINK_TRY, &e);
    vis_to_cstr(row->target, sizeof row->target, e.address);
}

static void take_up(struct conn_row *row, const struct event *ev)
{
    struct ev_link_up e;
    EVENT_GET(ev, LINK_UP, &e);
    vis_to_cstr(row->target, sizeof row->target, e.peer);
    row->up = true;
}

static void take_down(struct conn_row *row, const struct event *ev)
{
    (void)ev;
    row->up = false;
    row->down = true;
}

static void take_tls(struct conn_row *row, const struct event *ev)
{
    (void)ev;
    row->tls = true;
}

typedef void (*take_fn)(struct conn_row *row, const struct event *ev);
static const take_fn takers[EVENT__COUNT] = {
    [EVENT_LINK_TRY] = take_try,      [EVENT_LINK_UP] = take_up,  [EVENT_LINK_DOWN] = take_down,
    [EVENT_TLS_UP] = take_tls,        [EVENT_REPLY] = take_reply, [EVENT_ENVELOPE] = take_envelope,
    [EVENT_PROTOCOL] = take_protocol,
};

void conns_take(struct ui *u, const struct event *ev)
{
    if (ev->conn == 0 || (ev->flags & EVENT_FLAG_BACKSTAGE))
        return;
    struct conn_row *row = row_for(u, ev);
    row->last_tick_ns = ev->tick_ns;
    if (takers[ev->kind])
        takers[ev->kind](row, ev);
}

bool conns_speak_smtp(const struct ui *u, uint32_t conn)
{
    for (size_t i = u->n_conns; i-- > 0;)
        if (u->conns[i].conn == conn)
            return strcmp(u->conns[i].protocol, "SMTP") == 0 ||
                   strcmp(u->conns[i].protocol, "LMTP") == 0;
    return true;
}

void conns_close(struct ui *u)
{
    mem_free(u->conns);
    u->conns = NULL;
    u->n_conns = 0;
}

/* ---- drawing ---- */

/* "ann -> bob  389 ms", or how it ended. */
static void second_line(const struct conn_row *row, char *out, size_t out_octets)
{
    char took[32], who[104] = "";
    duration_text((row->last_tick_ns - row->first_tick_ns) / 1000, took, sizeof took);
    char from[24], rcpt[24];
    snprintf(from, sizeof from, "%.*s", (int)strcspn(row->from, "@"), row->from);
    snprintf(rcpt, sizeof rcpt, "%.*s", (int)strcspn(row->rcpt, "@"), row->rcpt);
    if (*from && *rcpt)
        snprintf(who, sizeof who, "%.8s → %.8s  ", from, rcpt);
    else if (row->down)
        snprintf(who, sizeof who, "closed  ");
    snprintf(out, out_octets, "%s%s", who, took);
}

/* The number a connection has in this window, as Alt-1 and the prompt know it; 0: it is none of
 * its. */
static unsigned window_number(struct ui *u, uint32_t conn)
{
    enum { CONNECTIONS_MAX = 64 };
    struct console_connection all[CONNECTIONS_MAX];
    size_t n = u->replay ? 0 : console_connections(u->console, all, CONNECTIONS_MAX);
    for (size_t i = 0; i < n && i < CONNECTIONS_MAX; i++)
        if (all[i].conn == conn)
            return all[i].number;
    return 0;
}

enum { STATE_COLS = 11 }; /* "POP3 T -ERR" */

static int draw_conn(struct ui *u, const struct conn_row *row, int y, const struct rect *r)
{
    char text[160], name[80];
    bool now = row->conn == u->decoded.live.conn;
    enum role role = row->code >= 400 ? ROLE_BAD : row->down ? ROLE_DIM : ROLE_TEXT;
    unsigned number = window_number(u, row->conn);
    if (number > 0)
        snprintf(name, sizeof name, "%u %s", number, row->target);
    else
        snprintf(name, sizeof name, "#%u %s", row->conn, row->target);
    if (now)
        draw_own(u, y, r->x, 1, ">", ROLE_CLIENT_MARK);
    snprintf(text, sizeof text, "%s %s %s", row->protocol, row->tls ? "▓" : " ", row->last);
    /* A column stays free between the two. */
    int state_cols = draw_own_cols(u, text), most = STATE_COLS - (state_cols < STATE_COLS);
    draw_cut(u, y, r->x + 1, r->cols - 2 - most, name, now ? ROLE_TITLE : role);
    draw_right(u, y, r->x + r->cols - STATE_COLS, STATE_COLS, text, role);
    snprintf(name, sizeof name, "session %u", number);
    for (int i = 0; i < 2 && number > 0; i++) /* a click goes to it */
        hit_add(u, y + i, r->x, r->cols, name);
    second_line(row, text, sizeof text);
    draw_cut(u, y + 1, r->x + 4, r->cols - 5, text, ROLE_DIM);
    return 2;
}

static void draw_marks(struct ui *u, int y, const struct rect *r)
{
    if (u->n_marks == 0 || y + 2 >= r->y + r->rows)
        return;
    draw_own(u, y++, r->x, r->cols, "Marks", ROLE_SECTION);
    for (size_t i = 0; i < u->n_marks && y < r->y + r->rows; i++, y++) {
        size_t index = transcript_find_seq(u->transcript.lines, u->marks[i].seq);
        char at[40], command[40];
        if (index >= transcript_count(u->transcript.lines))
            continue;
        transcript_time_text(u, index, at, sizeof at);
        draw_peer(u, y, r->x + 1, 8, slice_cstr(u->marks[i].name), ROLE_NOTE);
        draw_own(u, y, r->x + 6, 8, at, ROLE_TIME);
        struct vis_text text;
        vis_init(&text);
        transcript_text(u->transcript.lines, index, ui_vis_flags(u),
                        r->cols > 16 ? (size_t)r->cols - 16 : 1, &text);
        draw_vis(u, y, r->x + 15, r->cols - 15, &text, ROLE_DIM);
        vis_deinit(&text);
        snprintf(command, sizeof command, "goto mark %s", u->marks[i].name);
        hit_add(u, y, r->x, r->cols, command);
    }
}

static void draw_practice(struct ui *u, int y, const struct rect *r)
{
    const struct mock *m = console_mock(u->console);
    char text[80];
    if (!m || u->replay || y + 2 >= r->y + r->rows)
        return;
    draw_own(u, y, r->x, r->cols, "Practice server", ROLE_SECTION);
    snprintf(text, sizeof text, "%zu message%s kept", mock_message_count(m),
             mock_message_count(m) == 1 ? "" : "s");
    draw_own(u, y + 1, r->x + 1, r->cols - 1, text, ROLE_DIM);
    draw_own(u, y + 2, r->x + 1, r->cols - 1, "/mailbox shows them", ROLE_DIM);
    hit_add(u, y + 2, r->x, r->cols, "mailbox");
}

void conns_draw(struct ui *u)
{
    const struct rect *r = &u->layout.sessions;
    if (r->rows <= 0)
        return;
    int y = r->y, end = r->y + r->rows, room = r->rows > 14 ? r->rows - 12 : r->rows;
    if (u->n_conns == 0)
        draw_own(u, y++, r->x + 1, r->cols - 1, "none yet: /open TARGET", ROLE_DIM);
    /* The newest first, as many as leave room for what stands below. */
    for (size_t i = u->n_conns; i-- > 0 && y + 2 <= r->y + room;)
        y += draw_conn(u, &u->conns[i], y, r);
    y++;
    draw_practice(u, y, r);
    if (console_mock(u->console) && !u->replay)
        y += 4;
    if (y < end)
        draw_marks(u, y, r);
}
