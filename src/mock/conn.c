/* One connection of the practice server, whatever it speaks: octets in, the protocol, octets out.
 *
 * All replies to the commands of one read leave in one piece. Each reply is shown to the protocol's
 * tracker at once all the same, because the next command of a pipelined group is judged by the
 * state that reply made. A late reply stops the reading: what the client sent behind is held back
 * until it has left, so replies keep their order and nothing piles up but one read. A long answer
 * comes in pieces, the next when the queue has room, and stops the reading likewise.
 */
#include "mock/mock_private.h"

#include "base/mem.h"

enum {
    FLUSH_OCTETS = 32768,
    HELD_CAP_OCTETS = 4 * LINK_READ_OCTETS,
    REPLY_CAP_OCTETS = 1 << 20,
    PIECES_MAX = 16, /* of one long answer in one turn: others wait, too */
};

static const struct mock_protocol *protocol_of(const struct mock_conn *c)
{
    return mock_services[c->service].protocol;
}

/* ---- the list, longest silent first ---- */

static void list_remove(struct mock_conn *c)
{
    struct mock *m = c->mock;
    enum mock_protocol_id id = mock_services[c->service].protocol_id;
    *(c->prev ? &c->prev->next : &m->conns[id].first) = c->next;
    *(c->next ? &c->next->prev : &m->conns[id].last) = c->prev;
    c->prev = c->next = NULL;
}

static void list_append(struct mock_conn *c)
{
    struct mock *m = c->mock;
    enum mock_protocol_id id = mock_services[c->service].protocol_id;
    c->active_tick_ms = mock_now_ms(m);
    c->prev = m->conns[id].last;
    *(c->prev ? &c->prev->next : &m->conns[id].first) = c;
    m->conns[id].last = c;
}

static void touch(struct mock_conn *c)
{
    if (!c->next) { /* the last already */
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

/* Where rules want an end or silence before any session began. True: they did. */
static bool ended_by_plan(struct mock_conn *c)
{
    const struct mock_plan *p = &c->mock->plan;
    if (p->reset) {
        flush(c);
        c->phase = MOCK_CONN_CLOSING;
        link_abort(c->link);
    } else if (p->drop || p->close) {
        close_conn(c);
    } else if (p->stall) {
        mock_conn_mute(c);
    } else {
        return false;
    }
    return true;
}

/* Rules at tls may do something else instead of the handshake. */
static bool tls_fault(struct mock_conn *c)
{
    struct mock_plan *p = mock_plan_begin(c);
    mock_rules_ask(c, SCENARIO_STAGE_TLS, NULL, NULL);
    if (p->replies && c->begun) {
        mock_plan_say(c, slice_of(NULL, 0), 0, MOCK_THEN_GO_ON);
        return true;
    }
    return ended_by_plan(c);
}

static void start_tls(struct mock_conn *c, enum event_tls_via via)
{
    struct err err;
    err_clear(&err);
    if (tls_fault(c))
        return;
    struct tls_server *tls = mock_tls(c, &err);
    if (!tls) {
        journal_note_err(c->mock->journal, link_conn(c->link), &err);
        close_conn(c);
        return;
    }
    flush(c);
    c->phase = MOCK_CONN_HANDSHAKE;
    link_start_tls_server(c->link, tls, via);
}

static void more_later(struct mock_conn *c);

/* Say it, and do what comes with it. */
static void act(struct mock_conn *c, struct slice text, enum mock_then then)
{
    if (then != MOCK_THEN_DROP && text.len > 0) {
        protocol_of(c)->said(c, text);
        buf_append(&c->mock->out, text);
        c->spoke = true;
    }
    switch (then) {
    case MOCK_THEN_GO_ON:
        break;
    case MOCK_THEN_TLS:
        start_tls(c, TLS_VIA_STARTTLS);
        break;
    case MOCK_THEN_CLOSE:
    case MOCK_THEN_DROP:
        close_conn(c);
        break;
    case MOCK_THEN_RESET:
        flush(c);
        c->phase = MOCK_CONN_CLOSING;
        link_abort(c->link);
        break;
    case MOCK_THEN_MORE:
        more_later(c);
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
    if (c->wait)
        return c->wait;
    struct mock_wait *w = mem_zalloc(sizeof(*w));
    w->conn = c;
    buf_init(&w->reply, REPLY_CAP_OCTETS);
    buf_init(&w->held, HELD_CAP_OCTETS);
    c->wait = w;
    if (c->spoke) /* before the greeting: see who cannot wait */
        link_pause(c->link);
    return w;
}

/* The next pieces of a long answer, as far as the queue has room. */
static void say_more(void *ctx)
{
    struct mock_conn *c = ctx;
    for (int pieces = 0; c->wait && c->wait->more && !c->wait->due; pieces++) {
        if (c->phase == MOCK_CONN_CLOSING)
            return;
        if (link_queued_octets(c->link) > LINK_LOW_WATER_OCTETS)
            return; /* on_drained goes on */
        if (pieces >= PIECES_MAX) {
            loop_defer(c->mock->loop, say_more, c);
            return;
        }
        touch(c);
        c->wait->more = false;
        protocol_of(c)->more(c);
        flush(c);
    }
    if (c->wait && !c->wait->due)
        wait_over(c);
}

static void more_later(struct mock_conn *c)
{
    bool begins = !c->wait;
    wait_begin(c)->more = true;
    if (begins)
        loop_defer(c->mock->loop, say_more, c);
}

/* How much of the answer leaves next, and how long to wait behind it. */
static size_t next_piece(const struct mock_wait *w, uint64_t *gap_ms_out)
{
    const struct mock_pace *pace = &w->pace;
    size_t left = w->reply.len - w->at, n = left;
    *gap_ms_out = pace->piece_gap_ms;
    if (pace->piece_octets > 0 && n > pace->piece_octets)
        n = (size_t)pace->piece_octets;
    for (unsigned i = 0; i < pace->n_pauses; i++)
        if (pace->pauses[i].at > w->at && pace->pauses[i].at <= w->at + n) {
            n = pace->pauses[i].at - w->at;
            *gap_ms_out = pace->pauses[i].ms;
        }
    return n;
}

static void on_late_reply(void *ctx)
{
    struct mock_wait *w = ctx;
    struct mock_conn *c = w->conn;
    uint64_t gap_ms;
    size_t n = next_piece(w, &gap_ms);
    touch(c);
    if (w->at + n < w->reply.len) {
        struct slice piece = slice_take(slice_skip(buf_slice(&w->reply), w->at), n);
        protocol_of(c)->said(c, piece);
        buf_append(&c->mock->out, piece);
        flush(c);
        w->at += n;
        loop_timer_start(w->timer, mock_hurried_ms(c->mock, gap_ms));
        return;
    }
    w->due = false;
    act(c, slice_skip(buf_slice(&w->reply), w->at), w->then);
    buf_reset(&w->reply);
    w->at = 0;
    if (w->more) {
        flush(c);
        loop_defer(c->mock->loop, say_more, c);
        return;
    }
    wait_over(c);
}

void mock_conn_say_paced(struct mock_conn *c, struct slice text, const struct mock_pace *pace,
                         enum mock_then then)
{
    if (c->phase == MOCK_CONN_CLOSING || c->mute)
        return;
    bool pieces = text.len > 0 && (pace->piece_octets > 0 || pace->n_pauses > 0);
    bool nothing = text.len == 0 && then == MOCK_THEN_GO_ON;
    if (nothing || (pace->delay_ms == 0 && !pieces)) {
        act(c, text, then);
        return;
    }
    flush(c);
    struct mock_wait *w = wait_begin(c);
    buf_append(&w->reply, text);
    w->then = then;
    w->pace = *pace;
    w->at = 0;
    w->due = true;
    if (!w->timer)
        w->timer = loop_timer_new(c->mock->loop, on_late_reply, w);
    loop_timer_start(w->timer, mock_hurried_ms(c->mock, pace->delay_ms));
}

void mock_conn_say(struct mock_conn *c, struct slice text, uint64_t delay_ms, enum mock_then then)
{
    mock_conn_say_paced(c, text, &(struct mock_pace){.delay_ms = delay_ms}, then);
}

void mock_conn_mute(struct mock_conn *c)
{
    c->mute = true;
}

/* ---- being told of something else ---- */

static void on_poke(void *ctx)
{
    struct mock_conn *c = ctx;
    if (!c->poked || c->wait || c->phase != MOCK_CONN_OPEN)
        return; /* wait_over and on_tls come back to it */
    c->poked = false;
    protocol_of(c)->poked(c);
    flush(c);
}

void mock_conn_poke(struct mock_conn *c)
{
    if (c->poked)
        return;
    c->poked = true;
    loop_defer(c->mock->loop, on_poke, c);
}

/* ---- receiving ---- */

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
    const struct mock_protocol *protocol = protocol_of(c);
    while (in.len > 0 && c->phase != MOCK_CONN_CLOSING) {
        in = slice_skip(in, protocol->octets(c, in));
        if (c->wait || !peer_reads(c))
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
    if (c->wait || c->phase == MOCK_CONN_CLOSING)
        return;
    if (!c->deaf)
        link_resume(c->link);
    on_poke(c);
}

/* ---- the link's handlers ---- */

static void open_session(struct mock_conn *c, bool tls)
{
    c->phase = MOCK_CONN_OPEN;
    c->begun = true;
    protocol_of(c)->begin(c, tls);
    flush(c);
}

void mock_conn_begin(struct mock_conn *c)
{
    touch(c);
    mock_plan_begin(c);
    if (!c->over_limit)
        mock_rules_ask(c, SCENARIO_STAGE_CONNECT, NULL, NULL);
    if (!c->mock->plan.replies && ended_by_plan(c))
        return;
    /* Clear text at a door of TLS is what a rule may want. */
    if (!mock_services[c->service].implicit_tls || c->mock->plan.replies)
        open_session(c, false);
    else if (c->over_limit) { /* nothing can be said without a handshake, which costs too much */
        c->phase = MOCK_CONN_CLOSING;
        link_abort(c->link);
    } else
        start_tls(c, TLS_VIA_IMPLICIT);
}

/* The link is up: the session begins, or the header of a proxy comes first. */
static void begin(struct mock_conn *c)
{
    if (!mock_proxy_begin(c))
        mock_conn_begin(c);
}

static void on_up(void *ctx)
{
    begin(ctx);
}

/* Behind the header the session begins; what came with it is the session's, or the handshake's. */
static void proxied_octets(struct mock_conn *c, struct slice octets)
{
    octets = mock_proxy_feed(c, octets);
    if (c->proxy || c->phase == MOCK_CONN_CLOSING)
        return;
    mock_conn_begin(c);
    if (octets.len > 0 && c->phase == MOCK_CONN_HANDSHAKE)
        link_tls_early(c->link, octets);
    else if (octets.len > 0 && c->phase == MOCK_CONN_OPEN)
        mock_link_handlers.on_octets(c, octets);
}

static void on_octets(void *ctx, struct slice octets)
{
    struct mock_conn *c = ctx;
    touch(c);
    if (c->proxy) {
        proxied_octets(c, octets);
        return;
    }
    if (!c->begun || c->phase == MOCK_CONN_CLOSING)
        return;
    c->early = c->early || !c->spoke;
    if (!c->wait) {
        take_octets(c, octets);
        return;
    }
    buf_append(&c->wait->held, octets); /* read before the pause took hold */
    if (c->wait->held.len > LINK_READ_OCTETS)
        link_pause(c->link);
}

static void on_tls(void *ctx, const struct err *err)
{
    struct mock_conn *c = ctx;
    touch(c);
    if (err) { /* the link goes down by itself */
        c->phase = MOCK_CONN_CLOSING;
    } else if (!c->begun) {
        mock_plan_begin(c);
        open_session(c, true);
    } else {
        protocol_of(c)->tls_up(c);
        c->phase = MOCK_CONN_OPEN;
        on_poke(c);
    }
}

static void on_drained(void *ctx)
{
    struct mock_conn *c = ctx;
    if (c->wait && c->wait->more)
        say_more(c);
    else if (c->wait && !c->wait->due)
        wait_over(c);
}

static void on_down(void *ctx, enum event_down why, const struct err *err)
{
    (void)err;
    struct mock_conn *c = ctx;
    if (c->begun)
        protocol_of(c)->closed(c, why == DOWN_OURS || why == DOWN_ABORT ? DIR_S : DIR_C);
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
    c->world = mock_world_hold(m->world);
    rules_session_begin(c->world->rules, &c->scripted);
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
    mem_free(c->proxy);
    mem_free(c->peer);
    if (c->over_limit)
        m->over_limit_now--;
    else
        m->counters.connections_now--;
    wait_free(&c->wait);
    loop_defer_cancel(m->loop, c);
    protocol_of(c)->free(c);
    link_free(&c->link);
    mock_changed_free(&c->changed);
    mock_world_release(&c->world);
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
    begin(c);
}

/* ---- silence ---- */

static uint64_t patience_ms(const struct mock_conn *c)
{
    const struct scenario_server *s = c->world->servers[c->service];
    if (s && s->idle_ms > 0)
        return s->idle_ms;
    return c->mock->options.limits.idle_ms * protocol_of(c)->idle_times;
}

/* Where all of a protocol have the same patience, the first is the first to lose it. */
static uint64_t first_end_ms(const struct mock *m)
{
    uint64_t end_ms = UINT64_MAX;
    for (int i = 0; i < MOCK_PROTOCOL__COUNT; i++)
        for (const struct mock_conn *c = m->conns[i].first; c; c = m->odd_idle ? c->next : NULL)
            if (c->active_tick_ms + patience_ms(c) < end_ms)
                end_ms = c->active_tick_ms + patience_ms(c);
    return end_ms;
}

void mock_idle_schedule(struct mock *m)
{
    bool any = false;
    for (int i = 0; i < MOCK_PROTOCOL__COUNT; i++)
        any = any || m->conns[i].first;
    if (!m->idle_timer)
        return;
    if (!any)
        loop_timer_stop(m->idle_timer);
    if (!any || (loop_timer_active(m->idle_timer) && !m->odd_idle))
        return;
    uint64_t now_ms = mock_now_ms(m), end_ms = first_end_ms(m);
    loop_timer_start(m->idle_timer, mock_hurried_ms(m, end_ms > now_ms ? end_ms - now_ms : 1));
}

/* Nothing can be said in the middle of a handshake, nor to one that does not take its last reply.
 */
static void expire(struct mock_conn *c)
{
    struct mock *m = c->mock;
    if (c->phase != MOCK_CONN_OPEN || c->mute || (c->wait && c->wait->more)) {
        c->phase = MOCK_CONN_CLOSING;
        link_abort(c->link);
        return;
    }
    JOURNAL_APPEND(m->journal, link_conn(c->link), LINK_TIMEOUT, mock_event_flags(m), 0,
                   (struct ev_link_timeout){.stage = slice_cstr(protocol_of(c)->state_name(c)),
                                            .waited_ms = patience_ms(c)});
    protocol_of(c)->timeout(c);
    flush(c);
}

static void expire_silent(struct mock *m, enum mock_protocol_id id)
{
    uint64_t now_ms = mock_now_ms(m);
    const struct mock_conn *last = m->conns[id].last;
    struct mock_conn *next;
    for (struct mock_conn *c = m->conns[id].first; c; c = next) {
        bool is_last = c == last, due = now_ms >= c->active_tick_ms + patience_ms(c);
        next = is_last ? NULL : c->next;
        if (!due && !m->odd_idle)
            break;
        if (!due)
            continue;
        touch(c);
        if (!c->wait || !c->wait->due) /* silent because we let it wait */
            expire(c);
    }
}

void mock_idle_check(void *mock)
{
    struct mock *m = mock;
    for (int i = 0; i < MOCK_PROTOCOL__COUNT; i++)
        expire_silent(m, (enum mock_protocol_id)i);
    mock_idle_schedule(m);
}
