/* One live client session: its life, its link, what a person sends on it. */
#include "client/session_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* ---- life ---- */

void session_enter(struct session *s)
{
    s->held++;
}

void session_leave(struct session *s)
{
    if (--s->held == 0 && s->freed)
        mem_free(s);
}

static const char *dup_text(const char *text)
{
    return mem_strdup(text);
}

static void free_text(const char *text)
{
    mem_free((char *)(uintptr_t)text);
}

/* The strings of the options: each is copied and freed by this list. */
static const char **const *option_strings(struct session_options *o, const char **out[24])
{
    struct tls_client_options *t = &o->tls;
    const char **all[] = {&o->name,        &o->source,    &t->name,     &t->sni,
                          &t->ca_file,     &t->cert_file, &t->key_file, &t->version_min,
                          &t->version_max, &t->ciphers,   &t->alpn,     &t->keylog_file,
                          &o->proxy,       &o->haproxy,   &t->groups,   &t->tlsa};
    size_t n = sizeof(all) / sizeof(all[0]);
    memcpy(out, all, sizeof(all));
    out[n] = NULL;
    return out;
}

static void options_copy(struct session_options *o)
{
    const char **strings[24];
    option_strings(o, strings);
    for (size_t i = 0; strings[i]; i++)
        *strings[i] = dup_text(*strings[i]);
    if (o->connect_timeout_ms == 0)
        o->connect_timeout_ms = SESSION_CONNECT_MS;
    if (o->resolve_timeout_ms == 0)
        o->resolve_timeout_ms = SESSION_RESOLVE_MS;
}

static void options_free(struct session_options *o)
{
    const char **strings[24];
    option_strings(o, strings);
    for (size_t i = 0; strings[i]; i++)
        free_text(*strings[i]);
    memset(o, 0, sizeof(*o));
}

static void on_timer(void *ctx);

static void begin_deferred(void *ctx)
{
    struct session *s = ctx;
    session_enter(s);
    session_find_begin(s);
    session_leave(s);
}

struct session *session_open(struct loop *l, struct journal *j, struct dns *dns,
                             const struct target *target, const struct session_options *options,
                             session_practice_fn practice, void *practice_ctx,
                             const struct session_handlers *handlers, void *ctx)
{
    struct session *s = mem_zalloc(sizeof(*s));
    s->loop = l;
    s->journal = j;
    s->dns = dns;
    s->target = *target;
    if (options)
        s->options = *options;
    secret_init(&s->route.password);
    if (s->options.proxy_password)
        secret_set(&s->route.password, secret_slice(s->options.proxy_password));
    s->options.proxy_password = NULL;
    options_copy(&s->options);
    s->practice = practice;
    s->practice_ctx = practice_ctx;
    if (handlers)
        s->handlers = *handlers;
    s->ctx = ctx;
    s->conn = journal_conn_new(j);
    s->phase = SESSION_FINDING;
    s->timer = loop_timer_new(l, on_timer, s);
    s->pace_timer = loop_timer_new(l, session_pace_run, s);
    buf_init(&s->pace_queue, SESSION_PACE_QUEUE_MAX_OCTETS);
    /* Handlers never run inside this call: not even the practice link's. */
    loop_defer(l, begin_deferred, s);
    return s;
}

void session_free(struct session **session)
{
    struct session *s = *session;
    *session = NULL;
    if (!s || s->freed)
        return;
    s->freed = true;
    s->phase = SESSION_DOWN;
    s->driving = s->logging_in = false;
    loop_defer_cancel(s->loop, s);
    session_find_deinit(s);
    session_stream_end(s);
    loop_timer_free(&s->timer);
    loop_timer_free(&s->pace_timer);
    buf_deinit(&s->pace_queue);
    link_free(&s->link);
    smtp_drive_free(&s->drive);
    mailbox_drive_free(&s->login);
    track_free(&s->track);
    tls_client_free(&s->tls);
    session_route_deinit(s);
    options_free(&s->options);
    if (s->held == 0)
        mem_free(s);
}

/* Under a pace what was typed last may never have left. */
static void say_unsent(struct session *s)
{
    char text[120];
    if (session_pace_idle(s))
        return;
    snprintf(text, sizeof(text), "%zu octets that waited for their turn (/slow) were never sent",
             s->pace_queue.len);
    journal_note(s->journal, s->conn, LEVEL_WARNING, text, "the connection ended before them", "");
}

void session_ended(struct session *s, enum event_down why, const struct err *err)
{
    if (s->phase == SESSION_DOWN)
        return;
    s->phase = SESSION_DOWN;
    s->tls_under_way = false;
    session_find_stop(s);
    session_timer(s, 0, NULL);
    session_stream_end(s);
    loop_timer_stop(s->pace_timer);
    say_unsent(s);
    buf_release(&s->pace_queue);
    if (s->track)
        track_closed(s->track, why == DOWN_OURS || why == DOWN_ABORT ? DIR_C : DIR_S);
    link_free(&s->link);
    bool ours = why == DOWN_OURS || why == DOWN_ABORT;
    session_drive_outcome(s, ours ? SMTP_OUT_ABORT : SMTP_OUT_EOF, err);
    session_login_outcome(s, ours ? MAILBOX_OUT_ABORT : MAILBOX_OUT_EOF, err);
    if (!s->freed && s->handlers.on_down)
        s->handlers.on_down(s->ctx, why, err);
}

static void fail_deferred(void *ctx)
{
    struct session *s = ctx;
    session_enter(s);
    session_ended(s, s->down_why, s->down_err.domain == ERR_NONE ? NULL : &s->down_err);
    session_leave(s);
}

void session_fail_later(struct session *s, enum event_down why)
{
    s->down_why = why;
    loop_defer(s->loop, fail_deferred, s);
}

/* ---- what is known ---- */

uint32_t session_conn(const struct session *s)
{
    return s->conn;
}

const struct track *session_track(const struct session *s)
{
    return s->track;
}

const struct smtp_track *session_smtp(const struct session *s)
{
    return track_smtp(s->track);
}

const struct target *session_target(const struct session *s)
{
    return &s->target;
}

bool session_is_up(const struct session *s)
{
    return s->phase == SESSION_UP;
}

bool session_is_tls(const struct session *s)
{
    return s->link && link_is_tls(s->link);
}

uint64_t session_now_ns(const struct session *s)
{
    const struct clock *clock = journal_clock(s->journal);
    return clock->tick_ns(clock->ctx);
}

/* ---- time ---- */

void session_timer(struct session *s, uint64_t after_ms, const char *stage)
{
    s->timer_ms = after_ms;
    s->timer_stage = stage;
    if (after_ms > 0)
        loop_timer_start(s->timer, after_ms);
    else
        loop_timer_stop(s->timer);
}

static void on_timer(void *ctx)
{
    struct session *s = ctx;
    struct err err;
    session_enter(s);
    const char *stage = s->timer_stage ? s->timer_stage : "";
    JOURNAL_APPEND(s->journal, s->conn, LINK_TIMEOUT, 0, 0,
                   (struct ev_link_timeout){.stage = slice_cstr(stage), .waited_ms = s->timer_ms});
    err_set(&err, ERR_TIMEOUT, (int)s->timer_ms, "no whole answer within %g s, waiting for: %s",
            (double)s->timer_ms / 1000, stage);
    err_explain(&err, "the server is busy, stuck, or something on the way drops what is sent",
                "try again later, or allow more time with --timeout");
    if (s->tls_under_way) {
        /* A half-done handshake is of no use to anybody. */
        s->tls_under_way = false;
        if (s->link)
            link_abort(s->link);
        if (s->handlers.on_tls)
            s->handlers.on_tls(s->ctx, &err);
        if (!s->freed)
            session_ended(s, DOWN_TIMEOUT, &err);
    } else {
        session_stream_end(s);
        session_drive_outcome(s, SMTP_OUT_TIMEOUT, &err);
        session_login_outcome(s, MAILBOX_OUT_TIMEOUT, &err);
    }
    session_leave(s);
}

/* ---- TLS ---- */

void session_start_tls_via(struct session *s, enum event_tls_via via)
{
    struct err err;
    if (s->tls_under_way || !s->link || link_is_tls(s->link))
        return;
    err_clear(&err);
    if (!s->tls) {
        struct tls_client_options options = s->options.tls;
        if (!options.name)
            options.name = session_tls_name(s);
        s->tls = tls_client_new(&options, &err);
    }
    if (!s->tls) {
        if (s->handlers.on_tls)
            s->handlers.on_tls(s->ctx, &err);
        else
            journal_note_err(s->journal, s->conn, &err);
        if (s->freed)
            return;
        if (via == TLS_VIA_IMPLICIT) {
            session_ended(s, DOWN_TLS, &err);
        } else if (s->driving) {
            smtp_drive_tls(s->drive, &err);
            session_pump(s);
        } else if (s->logging_in) {
            mailbox_drive_tls(s->login, &err);
            session_login_pump(s);
        }
        return;
    }
    s->tls_under_way = true;
    uint64_t wait_ms = s->options.stage_timeout_ms[SMTP_STEP_TLS];
    session_timer(s, wait_ms ? wait_ms : s->options.connect_timeout_ms, "TLS handshake");
    link_start_tls_client(s->link, s->tls, via);
}

void session_start_tls(struct session *s)
{
    session_enter(s);
    if (s->phase == SESSION_UP)
        session_start_tls_via(s, TLS_VIA_STARTTLS);
    session_leave(s);
}

/* ---- the link's handlers ---- */

static void track_begin(struct session *s)
{
    s->phase = SESSION_UP;
    const struct target_service_info *service = target_service_info(s->target.service);
    s->track = track_new(service->protocol, s->journal, s->conn,
                         &(struct track_options){.lmtp = service->lmtp,
                                                 .tls = link_is_tls(s->link),
                                                 .museum = service->museum});
    if (s->handlers.on_up)
        s->handlers.on_up(s->ctx);
}

static void on_up(void *ctx)
{
    struct session *s = ctx;
    session_enter(s);
    if (target_service_info(s->target.service)->implicit_tls) {
        s->phase = SESSION_HANDSHAKE;
        session_start_tls_via(s, TLS_VIA_IMPLICIT);
    } else {
        track_begin(s);
    }
    session_leave(s);
}

/* All items of one read, then whatever they lead to: octets behind the 220 to STARTTLS are seen
 * (and named) before the handshake begins. */
static void on_octets(void *ctx, struct slice in)
{
    struct session *s = ctx;
    if (!s->track)
        return;
    session_enter(s);
    while (in.len > 0 && !s->freed) {
        struct track_item item;
        in = slice_skip(in, track_feed(s->track, DIR_S, in, &item));
        if (item.kind == TRACK_ITEM_NONE)
            continue;
        if (s->driving && item.smtp && item.smtp->kind == SMTP_ITEM_REPLY) {
            s->answer_due = false; /* a whole one came: the next has its own time */
            smtp_drive_reply(s->drive, item.smtp);
        }
        if (s->logging_in) {
            s->answer_due = s->answer_due && !item.asked;
            mailbox_drive_item(s->login, &item);
        }
        if (item.smtp && item.smtp->kind == SMTP_ITEM_REPLY)
            session_chunk_answered(s, item.smtp);
        if (s->handlers.on_item)
            s->handlers.on_item(s->ctx, &item);
    }
    if (!s->freed && s->phase == SESSION_UP && track_expects(s->track) == TRACK_EXPECTS_TLS)
        session_start_tls_via(s, TLS_VIA_STARTTLS);
    if (!s->freed)
        session_pump(s);
    if (!s->freed)
        session_login_pump(s);
    session_leave(s);
}

static void on_tls(void *ctx, const struct err *err)
{
    struct session *s = ctx;
    session_enter(s);
    s->tls_under_way = false;
    session_timer(s, 0, NULL);
    if (!err && s->track)
        track_tls_up(s->track);
    if (s->driving)
        smtp_drive_tls(s->drive, err);
    if (s->logging_in)
        mailbox_drive_tls(s->login, err);
    if (s->handlers.on_tls)
        s->handlers.on_tls(s->ctx, err);
    if (!s->freed && !err && !s->track && s->phase == SESSION_HANDSHAKE)
        track_begin(s);
    if (!s->freed)
        session_pump(s);
    if (!s->freed)
        session_login_pump(s);
    session_leave(s);
}

static void on_drained(void *ctx)
{
    struct session *s = ctx;
    session_enter(s);
    session_stream_run(s);
    session_leave(s);
}

/* Before it is up the next address may do better; a TLS failure would only repeat itself. */
static void on_down(void *ctx, enum event_down why, const struct err *err)
{
    struct session *s = ctx;
    session_enter(s);
    if (s->phase == SESSION_CONNECTING) {
        link_free(&s->link);
        if (err)
            s->find.last = *err;
        s->down_why = why;
        session_find_next(s);
    } else {
        session_ended(s, why, err);
    }
    session_leave(s);
}

const struct link_handlers session_link_handlers = {
    .on_up = on_up,
    .on_octets = on_octets,
    .on_tls = on_tls,
    .on_drained = on_drained,
    .on_down = on_down,
};

/* ---- sending ---- */

static bool can_send(const struct session *s)
{
    return s->phase == SESSION_UP && s->link && !s->stream.running;
}

bool session_out(struct session *s, struct slice octets)
{
    if (!s->link || !link_is_up(s->link))
        return false;
    if (s->pace_octets_per_s > 0 || !session_pace_idle(s)) {
        if (!buf_append(&s->pace_queue, octets))
            return false;
        if (!loop_timer_active(s->pace_timer)) {
            s->pace_last_ns = session_now_ns(s);
            loop_timer_start(s->pace_timer, 1);
        }
        return true;
    }
    /* First into the journal, then on its way. */
    track_feed_all(s->track, DIR_C, octets);
    return link_send(s->link, octets);
}

bool session_send_line(struct session *s, struct slice line, bool dotstuff)
{
    if (!can_send(s))
        return false;
    struct buf text;
    buf_init(&text, line.len + SESSION_LINE_EXTRA_OCTETS);
    track_line(s->track, line, dotstuff, &text);
    bool sent = session_out(s, buf_slice(&text));
    mem_wipe(text.ptr, text.len); /* it may be a password */
    buf_deinit(&text);
    return sent;
}

bool session_send_raw(struct session *s, struct slice octets)
{
    return can_send(s) && session_out(s, octets);
}

/* While names are looked up or a connection is attempted there is nothing to say goodbye to. */
static void end_attempt(struct session *s, enum event_down why)
{
    session_find_stop(s);
    link_free(&s->link);
    loop_defer_cancel(s->loop, s);
    err_clear(&s->down_err);
    session_fail_later(s, why);
}

void session_close(struct session *s)
{
    if (s->phase == SESSION_FINDING || s->phase == SESSION_CONNECTING)
        end_attempt(s, DOWN_OURS);
    else if (s->link)
        link_close(s->link);
}

bool session_half_close(struct session *s)
{
    if (s->phase != SESSION_UP || !s->link || !link_is_up(s->link))
        return false;
    link_half_close(s->link);
    return true;
}

void session_abort(struct session *s)
{
    if (s->phase == SESSION_FINDING || s->phase == SESSION_CONNECTING)
        end_attempt(s, DOWN_ABORT);
    else if (s->link)
        link_abort(s->link);
}
