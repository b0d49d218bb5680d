/* The journal: appending.
 *
 * The order within one append: octets into the store, event into its chunk, oldest chunks out,
 * sinks, and last of all the GAP events that say what left. Nothing is dropped before the new
 * payload is copied, so a payload may borrow from an old event; and a GAP is itself an append whose
 * own losses wait for the next one, so that no limit, however small, makes appending run in a
 * circle.
 *
 * Restored events have their seqs from the file: there a GAP of ours could take the number of the
 * next. It waits for the next event that is not restored.
 */
#include "journal/journal.h"

#include "base/err.h"
#include "base/mem.h"
#include "journal/chunks.h"
#include "journal/pack.h"
#include "journal/store.h"
#include "journal/streams.h"

#include <string.h>

#define NOT_KEPT UINT64_MAX /* store_at of an OCTETS event whose octets are not in the store */

struct sink {
    journal_sink_fn fn; /* NULL: removed while sinks run */
    void *ctx;
};

struct journal {
    const struct clock *clock;
    struct journal_limits limits;
    struct chunks chunks;
    struct store *store; /* by pointer: reading through a const journal may use its scratch */
    struct streams streams;
    uint64_t last_seq;
    uint64_t horizon_seq; /* readers see no further; UINT64_MAX: all */
    uint32_t last_conn;
    bool in_sinks;
    bool sinks_removed;
    struct sink *sinks;
    size_t sinks_count;
    struct chunks_left left; /* not said yet in a GAP */
    struct buf hidden;       /* scratch: the packed hidden list */
};

struct journal *journal_new(const struct clock *clock)
{
    struct journal *j = mem_zalloc(sizeof(*j));
    j->clock = clock;
    j->horizon_seq = UINT64_MAX;
    j->store = mem_alloc(sizeof(*j->store));
    octet_store_init(j->store);
    chunks_init(&j->chunks);
    buf_init(&j->hidden, SIZE_MAX / 2);
    static const struct journal_limits defaults = {
        .events_octets = (size_t)256 << 20,
        .store_memory_octets = (size_t)4 << 20,
        .store_spool_octets = UINT64_C(4) << 30,
    };
    journal_set_limits(j, &defaults);
    return j;
}

void journal_free(struct journal **j)
{
    if (*j == NULL)
        return;
    chunks_deinit(&(*j)->chunks);
    streams_deinit(&(*j)->streams);
    octet_store_deinit((*j)->store);
    mem_free((*j)->store);
    mem_free((*j)->sinks);
    buf_deinit(&(*j)->hidden);
    mem_free(*j);
    *j = NULL;
}

void journal_set_limits(struct journal *j, const struct journal_limits *limits)
{
    j->limits = *limits;
    octet_store_set_limits(j->store, limits->store_memory_octets, limits->store_spool_octets);
}

void journal_spill_events(struct journal *j)
{
    j->chunks.spill = true;
}

void journal_set_spool_dir(struct journal *j, const char *dir)
{
    octet_store_set_spool_dir(j->store, dir);
}

const struct clock *journal_clock(const struct journal *j)
{
    return j->clock;
}

uint32_t journal_conn_new(struct journal *j)
{
    /* 0 is no connection; wrapping needs a recording that says so, or four thousand million. */
    if (++j->last_conn == 0)
        j->last_conn = 1;
    return j->last_conn;
}

void journal_conn_forget(struct journal *j, uint32_t conn)
{
    streams_forget(&j->streams, conn);
}

static void run_sinks(struct journal *j, const struct event *ev)
{
    j->in_sinks = true;
    for (size_t i = 0; i < j->sinks_count; i++)
        if (j->sinks[i].fn != NULL)
            j->sinks[i].fn(j->sinks[i].ctx, j, ev);
    j->in_sinks = false;
    if (!j->sinks_removed)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < j->sinks_count; i++)
        if (j->sinks[i].fn != NULL)
            j->sinks[kept++] = j->sinks[i];
    j->sinks_count = kept;
    j->sinks_removed = false;
}

/* Store, trim, sinks: all but the GAP events. */
static void append_event(struct journal *j, struct event *header, const void *payload)
{
    BUG_IF(j->in_sinks);
    enum event_kind kind = (enum event_kind)header->kind;
    header->payload_octets = event_packed_octets(kind, payload);
    struct event *ev = chunks_append(&j->chunks, header, j->limits.events_octets);
    event_pack(kind, payload, (uint8_t *)(ev + 1));
    j->last_seq = header->seq;
    chunks_trim(&j->chunks, j->limits.events_octets, j->store->spool_dir, &j->left);
    run_sinks(j, ev);
}

static uint64_t append_now(struct journal *j, uint32_t conn, enum event_kind kind, unsigned flags,
                           uint64_t cause_seq, const void *payload)
{
    struct event header = {
        .seq = j->last_seq + 1,
        .cause_seq = cause_seq,
        .tick_ns = j->clock->tick_ns(j->clock->ctx),
        .wall_us = j->clock->wall_us(j->clock->ctx),
        .conn = conn,
        .kind = (uint16_t)kind,
        .flags = (uint16_t)flags,
    };
    append_event(j, &header, payload);
    return header.seq;
}

static void say_gaps(struct journal *j)
{
    struct chunks_left left = j->left;
    uint64_t lost_octets = j->store->lost_octets;
    if (__builtin_expect(left.events == 0 && lost_octets == 0, 1))
        return;
    j->left = (struct chunks_left){0};
    j->store->lost_octets = 0;
    if (left.events > 0) {
        struct ev_gap gap = {left.first_seq, left.last_seq, left.events, left.octets,
                             SLICE_LIT("events_octets")};
        append_now(j, 0, EVENT_GAP, 0, 0, &gap);
    }
    if (lost_octets > 0) {
        struct ev_gap gap = {.octets = lost_octets, .limit = SLICE_LIT("store_spool_octets")};
        if (j->limits.store_spool_octets == 0)
            gap.limit = SLICE_LIT("store_memory_octets");
        else if (j->store->spool_errno != 0)
            gap.limit = SLICE_LIT("store_memory_octets (no spool file can be made)");
        append_now(j, 0, EVENT_GAP, 0, 0, &gap);
    }
}

uint64_t journal_append(struct journal *j, uint32_t conn, enum event_kind kind, unsigned flags,
                        uint64_t cause_seq, const void *payload)
{
    BUG_IF(kind == EVENT_OCTETS);
    uint64_t seq = append_now(j, conn, kind, flags, cause_seq, payload);
    say_gaps(j);
    return seq;
}

static void put_u32(uint8_t *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_u32(const uint8_t *in)
{
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

/* Of the hidden parts, what lies within the n_octets from start on, packed into j->hidden. */
static struct slice pack_hidden(struct journal *j, const struct octet_range *hidden,
                                size_t n_hidden, size_t start, size_t n_octets)
{
    buf_reset(&j->hidden);
    for (size_t i = 0; i < n_hidden; i++) {
        size_t from = hidden[i].start, to = from + hidden[i].len;
        if (from < start)
            from = start;
        if (to > start + n_octets)
            to = start + n_octets;
        if (from >= to)
            continue;
        uint8_t pair[8];
        put_u32(pair, (uint32_t)(from - start));
        put_u32(pair + 4, (uint32_t)(to - from));
        buf_append(&j->hidden, slice_of(pair, sizeof(pair)));
    }
    return buf_slice(&j->hidden);
}

static void check_hidden(const struct octet_range *hidden, size_t n_hidden, size_t n_octets)
{
    uint64_t end = 0;
    for (size_t i = 0; i < n_hidden; i++) {
        BUG_IF(hidden[i].start < end);
        end = (uint64_t)hidden[i].start + hidden[i].len;
        BUG_IF(end > n_octets);
    }
}

uint64_t journal_append_octets(struct journal *j, uint32_t conn, enum event_dir dir,
                               enum event_layer layer, unsigned flags, bool tls,
                               struct slice octets, const struct octet_range *hidden,
                               size_t n_hidden, bool keep)
{
    uint64_t seq = 0;
    BUG_IF(j->in_sinks);
    check_hidden(hidden, n_hidden, octets.len);
    for (size_t at = 0; at < octets.len;) {
        struct slice piece = slice_take(slice_skip(octets, at), STORE_PIECE_OCTETS);
        struct stream *st = streams_get(&j->streams, conn, dir, layer);
        struct ev_octets o = {
            .dir = dir,
            .layer = layer,
            .tls = tls,
            .offset = st->len,
            .length = piece.len,
            .store_at = NOT_KEPT,
            .hidden = pack_hidden(j, hidden, n_hidden, at, piece.len),
        };
        for (size_t i = 0; i < o.hidden.len; i += 8)
            stream_add_hidden(st, o.offset + get_u32(o.hidden.ptr + i),
                              get_u32(o.hidden.ptr + i + 4));
        if (keep) {
            o.store_at = octet_store_append(j->store, piece);
            stream_add_extent(st, (struct extent){o.offset, o.store_at, piece.len},
                              j->store->first);
        }
        st->len += piece.len;
        at += piece.len;
        seq = append_now(j, conn, EVENT_OCTETS, flags, 0, &o);
        say_gaps(j);
    }
    return seq;
}

void journal_note(struct journal *j, uint32_t conn, enum event_level level, const char *text,
                  const char *means, const char *next)
{
    struct ev_note note = {level, slice_cstr(text), slice_cstr(means), slice_cstr(next)};
    journal_append(j, conn, EVENT_NOTE, 0, 0, &note);
}

void journal_note_err(struct journal *j, uint32_t conn, const struct err *e)
{
    journal_note(j, conn, LEVEL_ERROR, e->text, e->means, e->next);
}

/* What a file says of octets is taken only as far as it makes sense; hidden parts always count. */
static void restore_octets(struct journal *j, uint32_t conn, struct ev_octets *o,
                           struct slice octets)
{
    o->store_at = NOT_KEPT;
    if (conn == 0 || o->length > UINT64_MAX / 2 || o->offset > UINT64_MAX / 2)
        return;
    struct stream *st = streams_get(&j->streams, conn, o->dir, o->layer);
    struct octet_range part;
    for (size_t i = 0; i + 8 <= o->hidden.len; i += 8) {
        part.start = get_u32(o->hidden.ptr + i);
        part.len = get_u32(o->hidden.ptr + i + 4);
        stream_add_hidden(st, o->offset + part.start, part.len);
    }
    bool in_order = o->offset >= st->len;
    if (octets.ptr != NULL && octets.len > 0 && octets.len == o->length) {
        o->store_at = octet_store_append(j->store, octets);
        if (in_order)
            stream_add_extent(st, (struct extent){o->offset, o->store_at, octets.len},
                              j->store->first);
    }
    if (in_order)
        st->len = o->offset + o->length;
}

void journal_restore(struct journal *j, const struct event *header, const void *payload,
                     struct slice octets)
{
    BUG_IF(j->in_sinks || header->seq <= j->last_seq);
    struct event copy = *header;
    if (copy.conn > j->last_conn)
        j->last_conn = copy.conn;
    if (copy.kind != EVENT_OCTETS) {
        append_event(j, &copy, payload);
        return;
    }
    struct ev_octets o = *(const struct ev_octets *)payload;
    restore_octets(j, copy.conn, &o, octets);
    append_event(j, &copy, &o);
}

void journal_add_sink(struct journal *j, journal_sink_fn fn, void *ctx)
{
    BUG_IF(fn == NULL || j->in_sinks);
    j->sinks = mem_realloc(j->sinks, (j->sinks_count + 1) * sizeof(*j->sinks));
    j->sinks[j->sinks_count++] = (struct sink){fn, ctx};
}

void journal_remove_sink(struct journal *j, journal_sink_fn fn, void *ctx)
{
    for (size_t i = 0; i < j->sinks_count; i++) {
        if (j->sinks[i].fn != fn || j->sinks[i].ctx != ctx)
            continue;
        if (j->in_sinks) {
            j->sinks[i].fn = NULL;
            j->sinks_removed = true;
            return;
        }
        memmove(&j->sinks[i], &j->sinks[i + 1], (j->sinks_count - i - 1) * sizeof(*j->sinks));
        j->sinks_count--;
        return;
    }
}

uint64_t journal_first(const struct journal *j)
{
    return chunks_first_seq(&j->chunks);
}

uint64_t journal_last(const struct journal *j)
{
    return j->last_seq < j->horizon_seq ? j->last_seq : j->horizon_seq;
}

uint64_t journal_end(const struct journal *j)
{
    return j->last_seq;
}

void journal_set_horizon(struct journal *j, uint64_t seq)
{
    j->horizon_seq = seq;
}

const struct event *journal_at(const struct journal *j, uint64_t seq)
{
    return chunks_at(&j->chunks, seq);
}

uint64_t journal_stream_len(const struct journal *j, uint32_t conn, enum event_dir dir,
                            enum event_layer layer)
{
    const struct stream *st = streams_find(&j->streams, conn, dir, layer);
    return st == NULL ? 0 : st->len;
}

bool journal_read(const struct journal *j, uint32_t conn, enum event_dir dir,
                  enum event_layer layer, uint64_t offset, uint64_t len, struct buf *out)
{
    const struct stream *st = streams_find(&j->streams, conn, dir, layer);
    while (len > 0) {
        const struct extent *e = st == NULL ? NULL : stream_extent_at(st, offset);
        if (e == NULL)
            return false;
        uint64_t skip = offset - e->offset;
        uint64_t n = e->len - skip < len ? e->len - skip : len;
        size_t free_octets = out->cap_octets - out->len;
        if (n > free_octets)
            n = free_octets;
        uint8_t *room = buf_room(out, n > 0 ? (size_t)n : 1);
        if (room == NULL || !octet_store_read(j->store, e->store_at + skip, (size_t)n, room))
            return false;
        buf_grow(out, (size_t)n);
        offset += n;
        len -= n;
    }
    return true;
}

bool journal_read_masked(const struct journal *j, uint32_t conn, enum event_dir dir,
                         enum event_layer layer, uint64_t offset, uint64_t len, struct buf *out,
                         size_t *n_hidden_out)
{
    size_t start = out->len, n_hidden = 0;
    bool whole = journal_read(j, conn, dir, layer, offset, len, out);
    const struct stream *st = streams_find(&j->streams, conn, dir, layer);
    if (st != NULL && out->len > start)
        n_hidden = stream_mask(st, offset, out->ptr + start, out->len - start);
    if (n_hidden_out != NULL)
        *n_hidden_out = n_hidden;
    return whole;
}

struct slice journal_event_octets(const struct journal *j, const struct event *ev)
{
    struct ev_octets o;
    EVENT_GET(ev, OCTETS, &o);
    if (o.store_at == NOT_KEPT)
        return slice_of(NULL, 0);
    return octet_store_get(j->store, o.store_at, (size_t)o.length);
}

size_t journal_hidden_ranges(const struct ev_octets *o, struct octet_range *out, size_t max)
{
    size_t count = o->hidden.len / 8;
    for (size_t i = 0; i < count && i < max; i++) {
        out[i].start = get_u32(o->hidden.ptr + 8 * i);
        out[i].len = get_u32(o->hidden.ptr + 8 * i + 4);
    }
    return count;
}
