/* Message content as counted chunks (BDAT, RFC 3030 section 2).
 *
 * A chunk's size and whether it is the last stand in front of it, so one chunk is gathered whole,
 * and one octet beyond it must be known to be there or not, before it leaves. Nothing is stuffed
 * and no line end is added: what arrives is what was read (with CRLF for LF where that is wanted).
 * A chunk leaves in pieces as the link takes them; the next is begun when the reply to it has come,
 * or at once where the driver pipelines.
 */
#include "client/session_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void session_chunks_begin(struct session *s, uint64_t chunk_octets)
{
    struct session_stream *t = &s->stream;
    if (chunk_octets == 0)
        chunk_octets = SESSION_CHUNK_OCTETS;
    if (chunk_octets > SESSION_CHUNK_MAX_OCTETS)
        chunk_octets = SESSION_CHUNK_MAX_OCTETS;
    t->chunked = true;
    t->chunk_octets = (size_t)chunk_octets;
    buf_init(&t->chunk, t->chunk_octets + 64);
}

/* LF without CR gets one, across pieces too. wire has room for twice a piece. */
static void mend(struct session_stream *t, struct slice in)
{
    while (in.len > 0) {
        const uint8_t *lf = memchr(in.ptr, '\n', in.len);
        size_t n = lf ? (size_t)(lf - in.ptr) : in.len;
        bool cr = n > 0 ? in.ptr[n - 1] == '\r' : t->last_was_cr;
        buf_append(&t->wire, slice_take(in, n));
        t->last_was_cr = lf ? false : cr;
        if (!lf)
            return;
        buf_append_cstr(&t->wire, cr ? "\n" : "\r\n");
        in = slice_skip(in, n + 1);
    }
}

/* Some octets in .wire, unless the source is at its end. False: it cannot be read. */
static bool load(struct session_stream *t, struct err *err)
{
    struct slice piece;
    while (t->wire_at == t->wire.len && !t->at_end) {
        if (!session_stream_piece(t, &piece, err))
            return false;
        buf_reset(&t->wire);
        t->wire_at = 0;
        t->at_end = piece.len == 0;
        t->sent += piece.len;
        if (t->source.mend)
            mend(t, piece);
        else
            buf_append(&t->wire, piece);
    }
    return true;
}

/* The next chunk, its command in front. False: *err. */
static bool gather(struct session_stream *t, struct err *err)
{
    char command[64];
    size_t room = t->chunk_octets;
    buf_reset(&t->chunk);
    buf_room(&t->chunk, t->chunk_octets < SESSION_CONTENT_PIECE_OCTETS
                            ? t->chunk_octets
                            : SESSION_CONTENT_PIECE_OCTETS);
    while (room > 0) {
        if (!load(t, err))
            return false;
        struct slice part = slice_take(slice_skip(buf_slice(&t->wire), t->wire_at), room);
        if (part.len == 0)
            break;
        buf_append(&t->chunk, part);
        t->wire_at += part.len;
        room -= part.len;
    }
    if (!load(t, err)) /* is there more behind it? */
        return false;
    t->last_chunk = t->at_end && t->wire_at == t->wire.len;
    snprintf(command, sizeof(command), "BDAT %zu%s\r\n", t->chunk.len,
             t->last_chunk ? " LAST" : "");
    buf_reset(&t->head);
    buf_append_cstr(&t->head, command);
    t->chunk_at = 0;
    t->chunk_open = true;
    return true;
}

/* Command and first octets leave in one write. */
static bool send_head(struct session *s)
{
    struct session_stream *t = &s->stream;
    struct slice first = slice_take(buf_slice(&t->chunk), SESSION_CONTENT_PIECE_OCTETS);
    buf_append(&t->head, first);
    t->chunk_at = first.len;
    bool sent = session_out(s, buf_slice(&t->head));
    buf_reset(&t->head);
    return sent;
}

bool session_chunk_run(struct session *s)
{
    struct session_stream *t = &s->stream;
    struct err err;
    if (!t->running || !s->link || !link_is_up(s->link))
        return false;
    if (!t->chunk_open && !gather(t, &err)) {
        session_stream_failed(s, &err);
        return false;
    }
    if (t->head.len > 0 && !send_head(s))
        return false;
    while (t->chunk_at < t->chunk.len) {
        if (!session_stream_may_send(s)) {
            if (t->by_drive)
                session_timer(s, session_stage_wait_ms(s, SMTP_STEP_CONTENT), "content");
            return false;
        }
        struct slice piece =
            slice_take(slice_skip(buf_slice(&t->chunk), t->chunk_at), SESSION_CONTENT_PIECE_OCTETS);
        t->chunk_at += piece.len;
        if (!session_out(s, piece))
            return false;
    }
    t->chunk_open = false;
    t->replies_due++;
    if (!t->by_drive)
        return true;
    bool last = t->last_chunk;
    if (last)
        session_stream_end(s);
    if (s->driving)
        smtp_drive_chunk_sent(s->drive, last);
    return true;
}

void session_chunk_answered(struct session *s, const struct smtp_item *reply)
{
    struct session_stream *t = &s->stream;
    if (!t->running || !t->chunked || t->by_drive || reply->answers != SMTP_VERB_BDAT)
        return;
    if (t->replies_due > 0)
        t->replies_due--;
    if (t->last_chunk || reply->reply->code / 100 != 2)
        session_stream_end(s);
    else
        session_chunk_run(s);
}

bool session_send_chunks(struct session *s, const struct session_content *content,
                         uint64_t chunk_octets)
{
    if (s->phase != SESSION_UP || s->driving || !s->track || !track_smtp(s->track) ||
        smtp_track_state(track_smtp(s->track)) == SMTP_STATE_DATA)
        return false;
    session_enter(s);
    bool begun = session_stream_begin(s, content, false);
    if (begun) {
        session_chunks_begin(s, chunk_octets);
        session_chunk_run(s);
    }
    session_leave(s);
    return begun;
}
