/* One connection of the practice server: octets in, tracker, serve role, octets out.
 *
 * All replies to the commands of one read leave in one piece. Each reply is fed to the tracker at
 * once all the same, because the next command of a pipelined group is judged by the state that
 * reply made. A late reply stops the reading: what the client sent behind is held back until it has
 * left, so replies keep their order and nothing piles up but one read.
 */
#include "mock/mock_private.h"

#include "base/mem.h"

enum { FLUSH_OCTETS = 32768, HELD_CAP_OCTETS = 4 * LINK_READ_OCTETS };

/* ---- the list, longest silent first ---- */

static void list_remove(struct mock_conn *c)
{
    struct mock *m = c->mock;
    *(c->prev ? &c->prev->next : &m->first) = c->next;
    *(c->next ? &c->next->prev : &m->last) = c->prev;
    c->prev = c->next = NULL;
}

static void list_append(struct mock_conn *c)
{
    struct mock *m = c->mock;
    c->active_tick_ms = mock_now_ms(m);
    c->prev = m->last;
    *(m->last ? &m->last->next : &m->first) = c;
    m->last = c;
}

static void touch(struct mock_conn *c)
{
    if (c->mock->last == c) {
        c->active_tick_ms = mock_now_ms(c->mock);
        return;
    }
    list_remove(c);
    list_append(c);
}

/* ---- sending ---- */

static void flush(struct mock_conn *c)
{
    struct buf *out = &c->mock->out;
    if (out->len > 0)
        link_send(c->link, buf_slice(out));
    buf_reset(out);
}

static void close_conn(struct mock_conn *c)
{
    flush(c);
    c->phase = MOCK_CONN_CLOSING;
    link_close(c->link);
}

static void start_tls(struct mock_conn *c, enum event_tls_via via)
{
    struct err err;
    err_clear(&err);
    struct tls_server *tls = mock_tls(c->mock, &err);
    if (!tls) {
        journal_note_err(c->mock->journal, link_conn(c->link), &err);
        close_conn(c);
        return;
    }
    flush(c);
    c->phase = MOCK_CONN_HANDSHAKE;
    link_start_tls_server(c->link, tls, via);
}

/* Say it, and do what comes with it. */
static void act(struct mock_conn *c, struct slice text, enum smtp_then then)
{
    if (then != SMTP_THEN_DROP && text.len > 0) {
        smtp_track_feed_all(c->track, DIR_S, text);
        buf_append(&c->mock->out, text);
    }
    switch (then) {
    case SMTP_THEN_GO_ON:
        break;
    case SMTP_THEN_TLS:
        start_tls(c, TLS_VIA_STARTTLS);
        break;
    case SMTP_THEN_CLOSE:
    case SMTP_THEN_DROP:
        close_conn(c);
        break;
    case SMTP_THEN_RESET:
        flush(c);
        c->phase = MOCK_CONN_CLOSING;
        link_abort(c->link);
        break;
    }
}

/* ---- waiting ---- */

static void wait_over(struct mock_conn *c);

static void wait_free(struct mock_wait **w)
{
    if (!*w)
        return;
    loop_timer_free(&(*w)->timer);
    buf_deinit(&(*w)->reply);
    buf_deinit(&(*w)->held);
    mem_free(*w);
    *w = NULL;
}

static struct mock_wait *wait_begin(struct mock_conn *c)
{
    struct mock_wait *w = mem_zalloc(sizeof(*w));
    w->conn = c;
    buf_init(&w->reply, c->mock->answer.text.cap_octets);
    buf_init(&w->held, HELD_CAP_OCTETS);
    c->wait = w;
    link_pause(c->link);
    return w;
}

static void on_late_reply(void *ctx)
{
    struct mock_wait *w = ctx;
    struct mock_conn *c = w->conn;
    w->due = false;
    touch(c);
    act(c, buf_slice(&w->reply), w->then);
    wait_over(c);
}

/* The answer stands in mock.answer. True: go on with what the client sent behind. */
static bool carry_out(struct mock_conn *c)
{
    struct smtp_answer *a = &c->mock->answer;
    if (a->delay_ms == 0) {
        act(c, buf_slice(&a->text), a->then);
        return c->phase != MOCK_CONN_CLOSING;
    }
    flush(c);
    struct mock_wait *w = wait_begin(c);
    buf_append(&w->reply, buf_slice(&a->text));
    w->then = a->then;
    w->due = true;
    w->timer = loop_timer_new(c->mock->loop, on_late_reply, w);
    loop_timer_start(w->timer, a->delay_ms);
    return false;
}

static void answer_reset(struct smtp_answer *a)
{
    buf_reset(&a->text);
    a->delay_ms = 0;
    a->then = SMTP_THEN_GO_ON;
}

/* ---- receiving ---- */

static bool item_matters(enum smtp_item_kind kind)
{
    return kind != SMTP_ITEM_NONE && kind != SMTP_ITEM_VOID && kind != SMTP_ITEM_REPLY;
}

/* A client that sends and does not read fills our memory with replies: it waits, too. */
static bool peer_reads(struct mock_conn *c)
{
    if (c->mock->out.len < FLUSH_OCTETS)
        return true;
    flush(c);
    if (link_queued_octets(c->link) <= LINK_LOW_WATER_OCTETS)
        return true;
    wait_begin(c);
    return false;
}

static void take_octets(struct mock_conn *c, struct slice in)
{
    struct smtp_answer *a = &c->mock->answer;
    while (in.len > 0 && c->phase != MOCK_CONN_CLOSING) {
        struct smtp_item item;
        in = slice_skip(in, smtp_track_feed(c->track, DIR_C, in, &item));
        if (!item_matters(item.kind))
            continue;
        answer_reset(a);
        smtp_serve_item(c->serve, &item, a);
        if (!carry_out(c) || !peer_reads(c))
            break;
    }
    if (c->wait && in.len > 0)
        buf_append(&c->wait->held, in);
    flush(c);
}

static void wait_over(struct mock_conn *c)
{
    struct mock_wait *w = c->wait;
    c->wait = NULL;
    if (c->phase != MOCK_CONN_CLOSING)
        take_octets(c, buf_slice(&w->held));
    wait_free(&w);
    flush(c);
    if (!c->wait && c->phase != MOCK_CONN_CLOSING)
        link_resume(c->link);
}

/* ---- the link's handlers ---- */

static void open_session(struct mock_conn *c, bool tls)
{
    struct mock *m = c->mock;
    uint32_t conn = link_conn(c->link);
    c->phase = MOCK_CONN_OPEN;
    c->track =
        smtp_track_new(m->journal, conn,
                       &(struct smtp_track_options){
                           .backstage = !m->options.in_front, .tls = tls, .want_content = true});
    struct smtp_answer *a = &m->answer;
    answer_reset(a);
    if (c->over_limit) {
        smtp_answer_line(a, 421, "4.7.0", "%s Too many connections, try again later",
                         m->options.name);
        a->then = SMTP_THEN_CLOSE;
    } else {
        c->serve = smtp_serve_new(m->journal, conn, c->track, &m->serve_options[c->service],
                                  &mock_policy, c);
        smtp_serve_banner(c->serve, a);
    }
    carry_out(c);
    flush(c);
}

void mock_conn_begin(struct mock_conn *c)
{
    touch(c);
    if (c->service != MOCK_SUBMISSIONS)
        open_session(c, false);
    else if (c->over_limit) { /* nothing can be said without a handshake, which costs too much */
        c->phase = MOCK_CONN_CLOSING;
        link_abort(c->link);
    } else
        start_tls(c, TLS_VIA_IMPLICIT);
}

static void on_up(void *ctx)
{
    mock_conn_begin(ctx);
}

static void on_octets(void *ctx, struct slice octets)
{
    struct mock_conn *c = ctx;
    touch(c);
    if (!c->serve || c->phase == MOCK_CONN_CLOSING)
        return;
    if (c->wait)
        buf_append(&c->wait->held, octets); /* read before the pause took hold */
    else
        take_octets(c, octets);
}

static void on_tls(void *ctx, const struct err *err)
{
    struct mock_conn *c = ctx;
    touch(c);
    if (err) { /* the link goes down by itself */
        c->phase = MOCK_CONN_CLOSING;
    } else if (!c->track) {
        open_session(c, true);
    } else {
        smtp_track_tls_up(c->track);
        smtp_serve_tls_up(c->serve);
        c->phase = MOCK_CONN_OPEN;
        c->esmtp = false;
    }
}

static void on_drained(void *ctx)
{
    struct mock_conn *c = ctx;
    if (c->wait && !c->wait->due)
        wait_over(c);
}

static void on_down(void *ctx, enum event_down why, const struct err *err)
{
    (void)err;
    struct mock_conn *c = ctx;
    if (c->track)
        smtp_track_closed(c->track, why == DOWN_OURS || why == DOWN_ABORT ? DIR_S : DIR_C);
    mock_conn_free(c);
}

const struct link_handlers mock_link_handlers = {
    .on_up = on_up,
    .on_octets = on_octets,
    .on_tls = on_tls,
    .on_drained = on_drained,
    .on_down = on_down,
};

/* ---- life ---- */

struct mock_conn *mock_conn_new(struct mock *m, enum mock_service service)
{
    struct mock_conn *c = mem_zalloc(sizeof(*c));
    c->mock = m;
    c->service = (uint8_t)service;
    c->phase = MOCK_CONN_NEW;
    m->counters.connections_total++;
    if (m->counters.connections_now >= m->options.limits.connections) {
        c->over_limit = true;
        m->over_limit_now++;
        m->counters.over_limit++;
    } else {
        m->counters.connections_now++;
    }
    list_append(c);
    mock_idle_schedule(m);
    return c;
}

void mock_conn_free(struct mock_conn *c)
{
    struct mock *m = c->mock;
    uint32_t conn = c->link ? link_conn(c->link) : 0;
    list_remove(c);
    if (c->over_limit)
        m->over_limit_now--;
    else
        m->counters.connections_now--;
    wait_free(&c->wait);
    mock_txn_end(c);
    smtp_serve_free(&c->serve);
    smtp_track_free(&c->track);
    mem_free(c->hello);
    link_free(&c->link);
    mem_free(c);
    if (m->options.forget_octets && conn)
        journal_conn_forget(m->journal, conn);
    mock_idle_schedule(m);
}

void mock_conn_accepted(void *door, struct link *link)
{
    const struct mock_door *d = door;
    struct mock_conn *c = mock_conn_new(d->mock, d->service);
    c->link = link;
    link_set_handlers(link, &mock_link_handlers, c);
    if (c->over_limit && d->mock->over_limit_now > MOCK_OVER_LIMIT_MAX) {
        c->phase = MOCK_CONN_CLOSING;
        link_abort(link);
        return;
    }
    mock_conn_begin(c);
}

/* ---- silence ---- */

void mock_idle_schedule(struct mock *m)
{
    if (!m->idle_timer)
        return;
    if (!m->first) {
        loop_timer_stop(m->idle_timer);
        return;
    }
    if (loop_timer_active(m->idle_timer))
        return;
    uint64_t now_ms = mock_now_ms(m), end_ms = m->first->active_tick_ms + m->options.limits.idle_ms;
    loop_timer_start(m->idle_timer, end_ms > now_ms ? end_ms - now_ms : 1);
}

/* Nothing can be said in the middle of a handshake, nor to one that does not take its last reply.
 */
static void expire(struct mock_conn *c)
{
    struct mock *m = c->mock;
    if (c->phase != MOCK_CONN_OPEN || !c->serve) {
        c->phase = MOCK_CONN_CLOSING;
        link_abort(c->link);
        return;
    }
    JOURNAL_APPEND(
        m->journal, link_conn(c->link), LINK_TIMEOUT, mock_event_flags(m), 0,
        (struct ev_link_timeout){.stage = slice_cstr(smtp_state_name(smtp_track_state(c->track))),
                                 .waited_ms = m->options.limits.idle_ms});
    answer_reset(&m->answer);
    smtp_serve_timeout(c->serve, &m->answer);
    act(c, buf_slice(&m->answer.text), m->answer.then);
}

void mock_idle_check(void *mock)
{
    struct mock *m = mock;
    uint64_t now_ms = mock_now_ms(m);
    const struct mock_conn *last = m->last;
    while (m->first && now_ms >= m->first->active_tick_ms + m->options.limits.idle_ms) {
        struct mock_conn *c = m->first;
        bool is_last = c == last;
        touch(c);
        if (!c->wait || !c->wait->due) /* silent because we let it wait */
            expire(c);
        if (is_last)
            break;
    }
    mock_idle_schedule(m);
}
