/* Formats of one line a line: text, swaks, cast. */
#include "report/export_private.h"

#include <string.h>

/* Where several connections are in one recording, each change between them is said. */
static void conn_change(struct export_walk *w, const char *mark)
{
    if (w->line->conn != 0 && w->conn != 0 && w->line->conn != w->conn)
        buf_printf(&w->out, "%sconnection %u\n", mark, (unsigned)w->line->conn);
}

/* ---- text ---- */

static void text_line(struct export_walk *w)
{
    const char *who = export_who(w);
    conn_change(w, "-- ");
    buf_printf(&w->out, "%s%s ", who, *who == '=' || *who == '-' ? who : ":");
    buf_append(&w->out, export_text(w));
    buf_append_octet(&w->out, '\n');
}

bool export_text_lines(const struct journal *j, const struct export_options *options, FILE *to,
                       struct err *err)
{
    struct export_walk w;
    (void)err;
    export_walk_init_forward(&w, j, options, to);
    export_walk_lines(&w, text_line);
    export_walk_deinit(&w);
    return true;
}

/* ---- swaks ---- */

static void swaks_text(struct export_walk *w, const char *mark, struct slice text)
{
    buf_append_cstr(&w->out, mark);
    buf_append(&w->out, text);
    buf_append_octet(&w->out, '\n');
}

/* Where swaks has words of its own for an event, people grep for those. */
static bool swaks_event(struct export_walk *w, const struct event *ev)
{
    struct ev_link_try attempt;
    struct ev_link_up up;
    struct ev_link_down down;
    struct ev_tls_up tls;
    struct ev_tls_fail fail;
    struct buf *b = &w->out;
    if (ev->kind == EVENT_LINK_TRY) {
        EVENT_GET(ev, LINK_TRY, &attempt);
        buf_append_cstr(b, "=== Trying ");
        vis_to_buf(b, attempt.address, 0);
        buf_append_cstr(b, "...\n");
    } else if (ev->kind == EVENT_LINK_UP) {
        EVENT_GET(ev, LINK_UP, &up);
        buf_append_cstr(b, "=== Connected to ");
        vis_to_buf(b, up.name.len > 0 ? up.name : up.peer, 0);
        buf_append_cstr(b, ".\n");
    } else if (ev->kind == EVENT_TLS_UP) {
        EVENT_GET(ev, TLS_UP, &tls);
        buf_append_cstr(b, "=== TLS started with cipher ");
        vis_to_buf(b, tls.version, 0);
        buf_append_octet(b, ':');
        vis_to_buf(b, tls.cipher, 0);
        buf_printf(b, ":%u\n", (unsigned)tls.bits);
    } else if (ev->kind == EVENT_TLS_FAIL) {
        EVENT_GET(ev, TLS_FAIL, &fail);
        buf_append_cstr(b, "*** TLS startup failed (");
        vis_to_buf(b, fail.text, 0);
        buf_append_cstr(b, ")\n");
    } else if (ev->kind == EVENT_LINK_DOWN) {
        EVENT_GET(ev, LINK_DOWN, &down);
        bool orderly = down.why == DOWN_EOF || down.why == DOWN_OURS;
        if (orderly)
            buf_append_cstr(b, "=== Connection closed with remote host.\n");
        else
            swaks_text(w, "*** ", export_text(w));
    } else {
        return false;
    }
    return true;
}

static void swaks_line(struct export_walk *w)
{
    static const char *const marks[2][2] = {{"<-  ", "<** "}, {"<~  ", "<~* "}};
    bool tls = (w->line->flags & TRANSCRIPT_TLS_ON) != 0;
    bool spoken = w->line->kind == TRANSCRIPT_LINE || w->line->kind == TRANSCRIPT_CONTENT;
    conn_change(w, "=== ");
    if (w->annotation) {
        swaks_text(w, "=== ", export_text(w));
        return;
    }
    if (spoken && w->line->dir == DIR_C) {
        swaks_text(w, tls ? " ~> " : " -> ", export_text(w));
    } else if (spoken) {
        swaks_text(w, marks[tls][export_is_bad_reply(w)], export_text(w));
    } else {
        const struct event *ev = journal_at(w->journal, w->line->seq);
        if (!ev || !swaks_event(w, ev))
            swaks_text(w, w->line->kind == TRANSCRIPT_DEVIATION ? "*** " : "=== ", export_text(w));
    }
}

bool export_swaks(const struct journal *j, const struct export_options *options, FILE *to,
                  struct err *err)
{
    struct export_walk w;
    (void)err;
    export_walk_init_forward(&w, j, options, to);
    export_walk_lines(&w, swaks_line);
    export_walk_deinit(&w);
    return true;
}

/* ---- cast ---- */

enum { CAST_COLS = 120, CAST_ROWS = 36 };

struct cast {
    uint64_t first_tick_ns, last_us;
    bool began;
};

/* Times grow: a player takes them for waits. */
static uint64_t cast_us(struct export_walk *w)
{
    struct cast *c = w->own;
    size_t index = w->annotation ? w->index - 1 : w->index;
    uint64_t tick_ns = transcript_tick_ns(w->transcript, index);
    if (!c->began)
        c->first_tick_ns = tick_ns;
    c->began = true;
    uint64_t us = tick_ns > c->first_tick_ns ? (tick_ns - c->first_tick_ns) / 1000 : 0;
    if (us > c->last_us)
        c->last_us = us;
    return c->last_us;
}

static void cast_event(struct export_walk *w, const char *type, uint64_t us, struct slice text)
{
    buf_printf(&w->out, "[%llu.%06u,\"%s\",", (unsigned long long)(us / 1000000),
               (unsigned)(us % 1000000), type);
    json_put_string(&w->out, text);
    buf_append_cstr(&w->out, "]\n");
}

static bool is_remark(const struct export_walk *w)
{
    const struct event *ev = journal_at(w->journal, w->line->seq);
    struct ev_note note;
    if (w->annotation)
        return true;
    if (!ev || ev->kind != EVENT_NOTE)
        return false;
    EVENT_GET(ev, NOTE, &note);
    return note.level == LEVEL_REMARK;
}

static void cast_line(struct export_walk *w)
{
    static const char colours[] = "\x1b[36m", ok[] = "\x1b[32m", bad[] = "\x1b[31m";
    static const char event[] = "\x1b[35m";
    struct buf line;
    uint64_t us = cast_us(w);
    const char *who = export_who(w);
    const char *colour = *who == 'C'              ? colours
                         : *who != 'S'            ? event
                         : export_is_bad_reply(w) ? bad
                                                  : ok;
    if (is_remark(w))
        cast_event(w, "m", us, export_text(w));
    buf_init(&line, EXPORT_TEXT_MAX_OCTETS);
    if (w->annotation)
        buf_printf(&line, "%12s ", "--");
    if (w->annotation)
        buf_append(&line, export_text(w));
    else
        transcript_print(w->transcript, w->index, &line);
    if (!w->annotation && line.len > 0)
        line.len--; /* its line feed */
    struct buf shown;
    buf_init(&shown, EXPORT_TEXT_MAX_OCTETS);
    buf_append_cstr(&shown, colour);
    buf_append(&shown, buf_slice(&line));
    buf_append_cstr(&shown, "\x1b[0m\r\n");
    cast_event(w, "o", us, buf_slice(&shown));
    buf_deinit(&shown);
    buf_deinit(&line);
}

bool export_cast(const struct journal *j, const struct export_options *options, FILE *to,
                 struct err *err)
{
    struct export_walk w;
    struct cast cast = {0};
    (void)err;
    const struct event *first = journal_at(j, journal_first(j));
    export_walk_init_forward(&w, j, options, to);
    w.own = &cast;
    buf_printf(&w.out, "{\"version\":2,\"width\":%d,\"height\":%d", CAST_COLS, CAST_ROWS);
    if (first && first->wall_us > 0)
        buf_printf(&w.out, ",\"timestamp\":%lld", (long long)(first->wall_us / 1000000));
    out_json_member(&w.out, "title", slice_cstr(options->name));
    buf_append_cstr(&w.out, "}\n");
    export_walk_lines(&w, cast_line);
    export_walk_deinit(&w);
    return true;
}
