/* A helper at work: carries out what the drive role wants, and keeps its time. */
#include "client/session_private.h"

#include "base/mem.h"

#include <string.h>
#include <unistd.h>

const struct smtp_result *session_result(const struct session *s)
{
    return s->drive ? smtp_drive_result(s->drive) : NULL;
}

/* From here on nothing of the plan is looked at: its owner may free it in the handler. */
void session_drive_over(struct session *s)
{
    if (!s->driving)
        return;
    s->driving = false;
    if (s->stream.by_drive)
        session_stream_end(s);
    if (!s->tls_under_way)
        session_timer(s, 0, NULL);
    if (s->handlers.on_drive_done)
        s->handlers.on_drive_done(s->ctx, smtp_drive_result(s->drive));
}

uint64_t session_stage_wait_ms(const struct session *s, enum smtp_step stage)
{
    if (s->options.stage_timeout_ms[stage])
        return s->options.stage_timeout_ms[stage];
    return s->options.reply_timeout_ms ? s->options.reply_timeout_ms : smtp_step_wait_ms(stage);
}

static void wait_for_reply(struct session *s)
{
    enum smtp_step stage = smtp_drive_result(s->drive)->stage;
    uint64_t wait_ms = session_stage_wait_ms(s, stage);
    bool chunk_gone = s->stream.chunked && !s->stream.chunk_open;
    if (s->tls_under_way || (s->stream.running && !chunk_gone)) /* they have their own */
        return;
    if (s->answer_due && s->timer_stage && strcmp(s->timer_stage, smtp_step_name(stage)) == 0)
        return;
    s->answer_due = true;
    session_timer(s, wait_ms, smtp_step_name(stage));
}

static void local_failure(struct session *s, const char *what)
{
    struct err err;
    err_set(&err, ERR_CLOSED, 0, "%s", what);
    smtp_drive_outcome(s->drive, SMTP_OUT_ABORT, &err);
}

/* A second transaction of the drive carries the same message. */
static bool from_the_beginning(struct session *s)
{
    struct session_stream *t = &s->stream;
    bool first = !s->content_began;
    s->content_began = true;
    return t->source.fd < 0 || first ||
           (t->begins >= 0 && lseek(t->source.fd, t->begins, SEEK_SET) == t->begins);
}

/* One want; true: ask again. */
static bool carry_out(struct session *s, const struct want *want)
{
    switch (want->kind) {
    case WANT_WAIT:
        wait_for_reply(s);
        return false;
    case WANT_SEND:
        s->answer_due = false;
        if (!session_out(s, want->octets))
            local_failure(s, "the connection takes nothing any more");
        return true;
    case WANT_TLS:
        /* The 220 has begun the handshake already, where there was one to begin. */
        if (s->link && link_is_tls(s->link)) {
            smtp_drive_tls(s->drive, NULL);
            return true;
        }
        session_start_tls_via(s, TLS_VIA_STARTTLS);
        return false;
    case WANT_CONTENT:
        if (!s->stream.running) {
            if (!from_the_beginning(s)) {
                local_failure(s, "the message comes from a pipe and went out once: it cannot go "
                                 "into another transaction");
                return true;
            }
            session_stream_begin(s, &s->stream.source, true);
            if (smtp_drive_chunk_octets(s->drive) > 0)
                session_chunks_begin(s, smtp_drive_chunk_octets(s->drive));
        }
        if (s->stream.chunked)
            return session_chunk_run(s);
        session_stream_run(s);
        return false;
    case WANT_CLOSE:
        if (s->link)
            link_close(s->link);
        session_drive_over(s);
        return false;
    case WANT_DONE:
        session_drive_over(s);
        return false;
    }
    return false;
}

void session_pump(struct session *s)
{
    session_enter(s);
    while (s->driving && !s->freed) {
        struct want want = smtp_drive_next(s->drive);
        if (want.kind != WANT_CONTENT && want.kind != WANT_WAIT && s->stream.by_drive)
            session_stream_end(s); /* the server cut in */
        if (!carry_out(s, &want))
            break;
    }
    session_leave(s);
}

void session_drive_outcome(struct session *s, enum smtp_outcome outcome, const struct err *err)
{
    if (!s->driving)
        return;
    smtp_drive_outcome(s->drive, outcome, err);
    session_pump(s);
}

static bool tls_channel(void *ctx, struct sasl_channel *out)
{
    struct session *s = ctx;
    if (!s->link || !link_is_tls(s->link))
        return false;
    out->has_exporter = link_channel_binding(s->link, out->exporter);
    out->unique_octets = link_tls_unique(s->link, out->unique);
    return out->has_exporter || out->unique_octets > 0;
}

void session_bind_channel(struct session *s, struct credentials *credentials)
{
    credentials->channel = tls_channel;
    credentials->channel_ctx = s;
}

bool session_drive(struct session *s, const struct smtp_plan *plan,
                   const struct session_content *content)
{
    if (s->driving || s->phase != SESSION_UP || s->stream.running || !track_smtp(s->track))
        return false;
    smtp_drive_free(&s->drive);
    s->answer_due = false;
    if (content)
        s->stream.source = *content;
    else
        s->stream.source = (struct session_content){.fd = -1};
    s->content_began = false;
    s->stream.begins =
        s->stream.source.fd >= 0 ? lseek(s->stream.source.fd, 0, SEEK_CUR) : (off_t)-1;
    struct smtp_plan bound = *plan;
    session_bind_channel(s, &bound.credentials);
    s->drive = smtp_drive_new(s->journal, s->conn, track_smtp(s->track), &bound);
    s->driving = true;
    session_pump(s);
    return true;
}

void session_drive_stop(struct session *s)
{
    session_enter(s);
    if (s->driving) {
        session_stream_end(s);
        smtp_drive_outcome(s->drive, SMTP_OUT_ABORT, NULL);
        session_drive_over(s);
    }
    session_login_outcome(s, MAILBOX_OUT_ABORT, NULL);
    session_leave(s);
}
