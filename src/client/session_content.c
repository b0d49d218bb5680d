/* Message content on its way, and the pace.
 *
 * Content is read in pieces, dot-stuffed, journaled and handed to the link until that holds
 * LINK_HIGH_WATER_OCTETS; on_drained goes on. So memory does not grow with the message. */
#include "client/session_private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { WIRE_CAP_OCTETS = 2 * SESSION_CONTENT_PIECE_OCTETS + 16, NS_PER_S = 1000000000 };

static uint64_t content_total(const struct session_content *content)
{
    struct stat st;
    if (content->fd < 0)
        return content->octets.len;
    off_t at = lseek(content->fd, 0, SEEK_CUR);
    if (fstat(content->fd, &st) != 0 || !S_ISREG(st.st_mode) || at < 0 || at > st.st_size)
        return 0;
    return (uint64_t)(st.st_size - at);
}

bool session_stream_begin(struct session *s, const struct session_content *content, bool by_drive)
{
    struct session_stream *t = &s->stream;
    if (t->running)
        return false;
    struct session_content source = *content;
    off_t begins = t->begins;
    memset(t, 0, sizeof(*t));
    t->source = source;
    t->begins = begins;
    t->running = true;
    t->by_drive = by_drive;
    t->total = content_total(&t->source);
    smtp_stuff_init(&t->stuff, t->source.mend);
    buf_init(&t->raw, SESSION_CONTENT_PIECE_OCTETS);
    buf_init(&t->wire, WIRE_CAP_OCTETS);
    buf_init(&t->chunk, 0);
    buf_init(&t->head, SESSION_CONTENT_PIECE_OCTETS + 64);
    return true;
}

void session_stream_end(struct session *s)
{
    struct session_stream *t = &s->stream;
    if (!t->running)
        return;
    t->running = false;
    buf_deinit(&t->raw);
    buf_deinit(&t->wire);
    buf_deinit(&t->chunk);
    buf_deinit(&t->head);
}

bool session_stream_piece(struct session_stream *t, struct slice *piece_out, struct err *err)
{
    if (t->source.fd < 0) {
        *piece_out = slice_take(slice_skip(t->source.octets, t->at), SESSION_CONTENT_PIECE_OCTETS);
        t->at += piece_out->len;
        return true;
    }
    uint8_t *room = buf_room(&t->raw, SESSION_CONTENT_PIECE_OCTETS);
    ssize_t n;
    do
        n = read(t->source.fd, room, SESSION_CONTENT_PIECE_OCTETS);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        err_set(err, ERR_FILE, errno, "the message cannot be read: %s", strerror(errno));
        err_explain(err, "the connection is cut, so that no half message is taken for a whole one",
                    "check the file, then send it again");
        return false;
    }
    *piece_out = slice_of(room, (size_t)n);
    return true;
}

static bool send_piece(struct session *s, struct slice piece)
{
    struct session_stream *t = &s->stream;
    while (piece.len > 0) {
        buf_reset(&t->wire);
        size_t used = smtp_stuff_feed(&t->stuff, piece, &t->wire);
        BUG_IF(used == 0); /* the wire buffer holds twice a piece */
        piece = slice_skip(piece, used);
        t->sent += used;
        if (!session_out(s, buf_slice(&t->wire)))
            return false;
    }
    return true;
}

static void stream_done(struct session *s)
{
    struct session_stream *t = &s->stream;
    buf_reset(&t->wire);
    smtp_stuff_end(&t->stuff, &t->wire);
    session_out(s, buf_slice(&t->wire));
    bool by_drive = t->by_drive;
    session_stream_end(s);
    if (by_drive && s->driving) {
        smtp_drive_content_sent(s->drive);
        session_pump(s);
    }
}

void session_stream_failed(struct session *s, const struct err *err)
{
    journal_note_err(s->journal, s->conn, err);
    session_stream_end(s);
    if (s->link)
        link_abort(s->link);
    session_drive_outcome(s, SMTP_OUT_ABORT, err);
}

bool session_stream_may_send(const struct session *s)
{
    if (s->pace_queue.len > SESSION_CONTENT_PIECE_OCTETS)
        return false;
    return link_queued_octets(s->link) < LINK_HIGH_WATER_OCTETS;
}

void session_stream_run(struct session *s)
{
    struct session_stream *t = &s->stream;
    if (t->chunked) {
        if (t->chunk_open && session_chunk_run(s))
            session_pump(s);
        return;
    }
    while (t->running && s->link && link_is_up(s->link)) {
        struct slice piece;
        struct err err;
        if (!session_stream_may_send(s)) {
            if (t->by_drive) /* RFC 5321 section 4.5.3.2.5: the wait for one block to leave */
                session_timer(s, session_stage_wait_ms(s, SMTP_STEP_CONTENT), "content");
            return;
        }
        if (!session_stream_piece(t, &piece, &err)) {
            session_stream_failed(s, &err);
            return;
        }
        if (piece.len == 0) {
            stream_done(s);
            return;
        }
        if (!send_piece(s, piece))
            return; /* the link is going down and says so itself */
    }
}

bool session_send_content(struct session *s, const struct session_content *content)
{
    if (s->phase != SESSION_UP || s->driving || !s->track ||
        track_expects(s->track) != TRACK_EXPECTS_CONTENT)
        return false;
    session_enter(s);
    bool begun = session_stream_begin(s, content, false);
    if (begun)
        session_stream_run(s);
    session_leave(s);
    return begun;
}

bool session_progress(const struct session *s, uint64_t *sent_out, uint64_t *total_out)
{
    if (!s->stream.running)
        return false;
    if (sent_out)
        *sent_out = s->stream.sent;
    if (total_out)
        *total_out = s->stream.total;
    return true;
}

/* ---- pace ---- */

bool session_pace_idle(const struct session *s)
{
    return s->pace_queue.len == 0;
}

uint64_t session_waiting_octets(const struct session *s)
{
    return s->pace_queue.len;
}

void session_set_pace(struct session *s, uint64_t octets_per_s)
{
    s->pace_octets_per_s = octets_per_s;
    s->pace_credit = 0;
    s->pace_last_ns = session_now_ns(s);
    if (!session_pace_idle(s))
        loop_timer_start(s->pace_timer, 1);
}

/* How many octets may leave now. At most one second's worth is saved up. */
static size_t pace_allowance(struct session *s)
{
    uint64_t rate = s->pace_octets_per_s;
    if (rate == 0)
        return s->pace_queue.len;
    uint64_t now_ns = session_now_ns(s);
    uint64_t passed_ns = now_ns - s->pace_last_ns;
    s->pace_last_ns = now_ns;
    if (passed_ns > NS_PER_S)
        passed_ns = NS_PER_S;
    if (rate > UINT32_MAX)
        rate = UINT32_MAX;
    s->pace_credit += passed_ns * rate;
    uint64_t octets = s->pace_credit / NS_PER_S;
    s->pace_credit -= octets * NS_PER_S;
    return octets < s->pace_queue.len ? (size_t)octets : s->pace_queue.len;
}

void session_pace_run(void *session)
{
    struct session *s = session;
    session_enter(s);
    size_t n = pace_allowance(s);
    if (n > 0 && s->track && s->link) {
        struct slice octets = slice_take(buf_slice(&s->pace_queue), n);
        track_feed_all(s->track, DIR_C, octets);
        link_send(s->link, octets);
        mem_wipe(s->pace_queue.ptr, n);
        buf_consume(&s->pace_queue, n);
    }
    if (s->stream.running)
        session_stream_run(s);
    else if (s->driving && loop_timer_active(s->timer)) /* the reply's time begins at the end */
        session_timer(s, s->timer_ms, s->timer_stage);
    if (!s->freed && !session_pace_idle(s) && !loop_timer_active(s->pace_timer))
        loop_timer_start(s->pace_timer, SESSION_PACE_TICK_MS);
    session_leave(s);
}
