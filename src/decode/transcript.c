/* The transcript's lines, made in the journal's order.
 *
 * A line holds where its octets stand, never the octets: a million lines cost a million small
 * structs. Lines are only added at the end and are ascending by seq; OCTETS events of both
 * directions continue the line their stream left open. What comes later (the REPLY that says where
 * a reply ended, the DEVIATION that points back) finds its lines by offset among the newest of the
 * stream, which are kept as indices: so each event costs the lines it speaks of and nothing else.
 */
#include "decode/transcript_private.h"

#include <string.h>

#include "base/mem.h"

/* ---- lines ---- */

struct transcript_line *transcript_line_mut(const struct transcript *t, size_t index)
{
    return &t->blocks[index / BLOCK_LINES][index % BLOCK_LINES];
}

static struct transcript_line *change(struct transcript *t, size_t index)
{
    if (index < t->first_changed)
        t->first_changed = index;
    return transcript_line_mut(t, index);
}

static size_t add_line(struct transcript *t, const struct event *ev, enum transcript_kind kind)
{
    if (t->count == t->n_blocks * BLOCK_LINES) {
        size_t n = t->n_blocks;
        /* The list has room for the next power of two of blocks; blocks never move. */
        if (n == 0 || (n & (n - 1)) == 0)
            t->blocks = mem_realloc(t->blocks, (n ? 2 * n : 1) * sizeof(*t->blocks));
        t->blocks[n] = mem_alloc(BLOCK_LINES * sizeof(**t->blocks));
        t->n_blocks = n + 1;
    }
    size_t index = t->count++;
    *change(t, index) =
        (struct transcript_line){.seq = ev->seq, .conn = ev->conn, .kind = (uint8_t)kind};
    return index;
}

/* ---- connections ---- */

static size_t conn_place(const struct transcript *t, uint32_t conn)
{
    size_t low = 0, high = t->n_conns;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->conns[middle]->conn < conn)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct conn_state *transcript_conn(const struct transcript *t, uint32_t conn)
{
    if (t->newest && t->newest->conn == conn)
        return t->newest;
    size_t place = conn_place(t, conn);
    return place < t->n_conns && t->conns[place]->conn == conn ? t->conns[place] : NULL;
}

/* Connections that overlap share one clock; what belongs to none (0) has its own. */
static void start_clock(struct transcript *t, struct conn_state *c, const struct event *ev)
{
    c->zero_tick_ns = ev->tick_ns;
    if (c->conn == 0)
        return;
    if (t->n_open == 0)
        t->zero_tick_ns = ev->tick_ns;
    c->zero_tick_ns = t->zero_tick_ns;
    c->open = true;
    t->n_open++;
}

static struct conn_state *conn_get(struct transcript *t, const struct event *ev)
{
    struct conn_state *c = transcript_conn(t, ev->conn);
    if (!c) {
        size_t place = conn_place(t, ev->conn);
        if (t->n_conns == t->alloc_conns) {
            t->alloc_conns = t->alloc_conns ? t->alloc_conns * 2 : 8;
            t->conns = mem_realloc(t->conns, t->alloc_conns * sizeof(*t->conns));
        }
        memmove(&t->conns[place + 1], &t->conns[place], (t->n_conns - place) * sizeof(*t->conns));
        t->n_conns++;
        t->conns[place] = c = mem_zalloc(sizeof(*c));
        c->conn = ev->conn;
        start_clock(t, c, ev);
    }
    t->newest = c;
    return c;
}

/* ---- streams ---- */

static void recent_add(struct stream *s, size_t index)
{
    if (s->n_recent == s->alloc_recent && s->alloc_recent < RECENT_LINES) {
        s->alloc_recent = s->alloc_recent ? s->alloc_recent * 2 : 16;
        s->recent = mem_realloc(s->recent, s->alloc_recent * sizeof(*s->recent));
    } else if (s->n_recent == RECENT_LINES) {
        /* The older half leaves at once: a constant cost for each line. */
        s->n_recent = RECENT_LINES / 2;
        memmove(s->recent, s->recent + RECENT_LINES / 2, s->n_recent * sizeof(*s->recent));
    }
    s->recent[s->n_recent++] = index;
}

/* Place in .recent of the first line that ends behind `offset`. */
static size_t recent_find(const struct transcript *t, const struct stream *s, uint64_t offset)
{
    size_t low = 0, high = s->n_recent;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct transcript_line *l = transcript_line_mut(t, s->recent[middle]);
        if (l->offset + l->length <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The octets of one OCTETS event on their way into lines. */
struct intake {
    const struct event *ev;
    struct ev_octets octets;
    struct octet_range *hidden;
    size_t n_hidden, next_hidden;
};

static bool holds_hidden(struct intake *in, uint64_t start, uint64_t end)
{
    while (in->next_hidden < in->n_hidden &&
           (uint64_t)in->hidden[in->next_hidden].start + in->hidden[in->next_hidden].len <= start)
        in->next_hidden++;
    return in->next_hidden < in->n_hidden && in->hidden[in->next_hidden].start < end;
}

static size_t line_open(struct transcript *t, struct conn_state *c, const struct intake *in,
                        uint64_t offset)
{
    struct stream *s = &c->streams[in->octets.dir];
    bool content = c->content && in->octets.dir == c->content_dir;
    size_t index = add_line(t, in->ev, content ? TRANSCRIPT_CONTENT : TRANSCRIPT_LINE);
    struct transcript_line *l = transcript_line_mut(t, index);
    l->offset = offset;
    l->dir = (uint8_t)in->octets.dir;
    l->flags = TRANSCRIPT_OPEN | (in->octets.tls ? TRANSCRIPT_TLS_ON : 0);
    recent_add(s, index);
    s->open = index;
    s->has_open = true;
    return index;
}

static void line_close(struct transcript *t, struct stream *s)
{
    if (s->has_open)
        change(t, s->open)->flags &= (uint8_t)~TRANSCRIPT_OPEN;
    s->has_open = false;
}

/* Octets of the event, from `at` on, belong to the open line; returns how many. */
static size_t line_feed(struct transcript *t, struct conn_state *c, struct intake *in,
                        struct slice octets, size_t at)
{
    struct stream *s = &c->streams[in->octets.dir];
    if (!s->has_open)
        line_open(t, c, in, in->octets.offset + at);
    struct transcript_line *l = change(t, s->open);
    struct slice rest = slice_take(slice_skip(octets, at), TRANSCRIPT_LINE_MAX_OCTETS - l->length);
    const uint8_t *lf = memchr(rest.ptr, '\n', rest.len);
    size_t used = lf ? (size_t)(lf - rest.ptr) + 1 : rest.len;
    l->length += (uint32_t)used;
    if (holds_hidden(in, at, at + used))
        l->flags |= TRANSCRIPT_HIDDEN;
    if (lf || l->length >= TRANSCRIPT_LINE_MAX_OCTETS)
        line_close(t, s);
    return used;
}

/* Octets that were not kept, or left memory before they were looked at: said, not passed over. */
static void octets_missing(struct transcript *t, const struct intake *in)
{
    struct transcript_line *l = transcript_line_mut(t, add_line(t, in->ev, TRANSCRIPT_GAP));
    l->offset = in->octets.offset;
    l->dir = (uint8_t)in->octets.dir;
}

static void take_octets(struct transcript *t, const struct event *ev, struct conn_state *c)
{
    struct intake in = {.ev = ev};
    EVENT_GET(ev, OCTETS, &in.octets);
    if (in.octets.layer != LAYER_PLAIN || in.octets.dir >= DIR__COUNT)
        return;
    struct stream *s = &c->streams[in.octets.dir];
    if (in.octets.offset != s->next_offset) {
        line_close(t, s);
        /* Offsets that go back (a broken recording) leave nothing to be found by offset. */
        if (in.octets.offset < s->next_offset)
            s->n_recent = 0;
    }
    s->next_offset = in.octets.offset + in.octets.length;
    struct slice octets = journal_event_octets(t->journal, ev);
    if (octets.len == 0) {
        line_close(t, s);
        octets_missing(t, &in);
        return;
    }
    size_t max_hidden = in.octets.hidden.len / 8;
    if (max_hidden > 0) {
        in.hidden = mem_alloc(max_hidden * sizeof(*in.hidden));
        size_t n = journal_hidden_ranges(&in.octets, in.hidden, max_hidden);
        in.n_hidden = n < max_hidden ? n : max_hidden;
    }
    for (size_t at = 0; at < octets.len;)
        at += line_feed(t, c, &in, octets, at);
    mem_free(in.hidden);
}

/* ---- decoration ---- */

/* How often the octets came before the event that says what they are depends on the producer. */
static void content_mark(struct transcript *t, struct stream *s, uint64_t offset, bool content)
{
    for (size_t i = recent_find(t, s, offset); i < s->n_recent; i++) {
        if (transcript_line_mut(t, s->recent[i])->offset >= offset)
            change(t, s->recent[i])->kind = content ? TRANSCRIPT_CONTENT : TRANSCRIPT_LINE;
    }
}

/* A message that comes back begins behind the +OK it is the rest of; one that goes out was asked
 * for by a command, or by a reply before it in the other stream. */
static enum event_dir content_dir(const struct transcript *t, const struct event *begin)
{
    const struct event *cause = journal_at(t->journal, begin->cause_seq);
    struct ev_reply reply;
    if (!cause || cause->kind != EVENT_REPLY)
        return DIR_C;
    EVENT_GET(cause, REPLY, &reply);
    return slice_eq(reply.status, SLICE_LIT("+OK")) ? DIR_S : DIR_C;
}

static void take_data_begin(struct transcript *t, const struct event *ev, struct conn_state *c)
{
    struct ev_data_begin begin;
    EVENT_GET(ev, DATA_BEGIN, &begin);
    c->content = true;
    c->content_dir = (uint8_t)content_dir(t, ev);
    content_mark(t, &c->streams[c->content_dir], begin.offset, true);
}

static void take_data_end(struct transcript *t, const struct event *ev, struct conn_state *c)
{
    struct ev_data_end end;
    EVENT_GET(ev, DATA_END, &end);
    c->content = false;
    if (end.offset + end.length < end.offset)
        return;
    struct stream *s = &c->streams[c->content_dir];
    content_mark(t, s, end.offset + end.length, false);
    /* A chunk of BDAT ends where it ends, in the middle of a line too. */
    if (s->has_open && s->next_offset == end.offset + end.length)
        line_close(t, s);
}

static uint32_t saturated(uint64_t us)
{
    return us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static uint32_t micros_between(const struct event *from, const struct event *to)
{
    if (!from || to->tick_ns <= from->tick_ns)
        return 0;
    return saturated((to->tick_ns - from->tick_ns) / 1000);
}

/* A status word of POP3 or IMAP, or a code. BYE says neither yes nor no. */
static unsigned reply_flag(const struct ev_reply *r)
{
    static const struct {
        const char *status;
        unsigned flag;
    } words[] = {{"+OK", TRANSCRIPT_REPLY_OK},
                 {"OK", TRANSCRIPT_REPLY_OK},
                 {"PREAUTH", TRANSCRIPT_REPLY_OK},
                 {"+", TRANSCRIPT_REPLY_OK},
                 {"BYE", 0}};
    if (r->status.len == 0)
        return r->code >= 200 && r->code < 400 ? TRANSCRIPT_REPLY_OK : TRANSCRIPT_REPLY_BAD;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (slice_eq(r->status, slice_cstr(words[i].status)))
            return words[i].flag;
    return TRANSCRIPT_REPLY_BAD;
}

static void take_reply(struct transcript *t, const struct event *ev, struct conn_state *c)
{
    struct ev_reply reply;
    EVENT_GET(ev, REPLY, &reply);
    struct stream *s = &c->streams[DIR_S];
    uint64_t end = reply.offset + reply.length;
    struct transcript_line *last = NULL;
    for (size_t i = recent_find(t, s, reply.offset); i < s->n_recent; i++) {
        if (transcript_line_mut(t, s->recent[i])->offset >= end)
            break;
        if (last)
            last = change(t, s->recent[i]), last->flags |= TRANSCRIPT_CONT;
        else
            last = change(t, s->recent[i]);
    }
    if (!last)
        return;
    last->flags |= reply_flag(&reply);
    last->reply_us = micros_between(journal_at(t->journal, ev->cause_seq), ev);
}

static void take_deviation(struct transcript *t, const struct event *ev, struct conn_state *c)
{
    struct ev_deviation d;
    EVENT_GET(ev, DEVIATION, &d);
    if (d.dir < DIR__COUNT) {
        const struct stream *s = &c->streams[d.dir];
        size_t i = recent_find(t, s, d.offset);
        /* A point behind the last octet speaks of the line that ends there. */
        if (i > 0 && (i == s->n_recent || transcript_line_mut(t, s->recent[i])->offset > d.offset))
            i--;
        if (i < s->n_recent)
            change(t, s->recent[i])->flags |= TRANSCRIPT_DEVIANT;
    }
    size_t line = add_line(t, ev, TRANSCRIPT_DEVIATION);
    transcript_line_mut(t, line)->dir = (uint8_t)d.dir;
}

/* ---- lines that are no octets ---- */

static void take_tls_up(struct transcript *t, const struct event *ev, struct conn_state *c)
{
    c->tls_up = add_line(t, ev, TRANSCRIPT_TLS);
    c->has_tls_up = true;
    struct transcript_line *l = transcript_line_mut(t, c->tls_up);
    struct ev_tls_up up;
    EVENT_GET(ev, TLS_UP, &up);
    l->reply_us = saturated(up.elapsed_us);
    l->offset = c->cert_ok ? TLS_CERT_OK : TLS_CERT_UNKNOWN;
    c->cert_ok = false;
}

static void take_tls_msg(struct transcript *t, const struct event *ev, struct conn_state *c)
{
    struct ev_tls_msg msg;
    /* Tickets and alerts that come later are no part of it. */
    if (!t->handshakes || c->has_tls_up)
        return;
    EVENT_GET(ev, TLS_MSG, &msg);
    if (msg.content_type == TLS_CONTENT_ALERT)
        return;
    struct transcript_line *l = transcript_line_mut(t, add_line(t, ev, TRANSCRIPT_TLS));
    l->dir = (uint8_t)msg.dir;
    l->flags |= TRANSCRIPT_HANDSHAKE;
}

static void take_link_up(struct transcript *t, const struct event *ev, struct conn_state *c)
{
    (void)c;
    struct ev_link_up up;
    EVENT_GET(ev, LINK_UP, &up);
    transcript_line_mut(t, add_line(t, ev, TRANSCRIPT_LINK))->reply_us = saturated(up.elapsed_us);
}

/* Good news stands on the line of TLS_UP, whichever of the two comes first; bad news on its own. */
static void take_tls_verify(struct transcript *t, const struct event *ev, struct conn_state *c)
{
    struct ev_tls_verify v;
    EVENT_GET(ev, TLS_VERIFY, &v);
    if (!v.ok || v.mode == VERIFY_NONE)
        add_line(t, ev, TRANSCRIPT_TLS);
    else if (!c->has_tls_up)
        c->cert_ok = true;
    else if (c->tls_up >= t->first)
        change(t, c->tls_up)->offset = TLS_CERT_OK;
}

static void take_tls_start(struct transcript *t, const struct event *ev, struct conn_state *c)
{
    (void)t, (void)ev;
    c->has_tls_up = false;
    c->cert_ok = false;
}

static void take_tls_alert(struct transcript *t, const struct event *ev, struct conn_state *c)
{
    (void)c;
    struct ev_tls_alert alert;
    EVENT_GET(ev, TLS_ALERT, &alert);
    /* close_notify is how every orderly session ends: its LINK_DOWN says enough. */
    if (alert.number != 0 || alert.fatal)
        add_line(t, ev, TRANSCRIPT_TLS);
}

static void add_note(struct transcript *t, const struct event *ev, enum transcript_kind kind)
{
    struct ev_note note;
    EVENT_GET(ev, NOTE, &note);
    const struct slice parts[NOTE__COUNT] = {note.text, note.means, note.next};
    for (unsigned part = 0; part < NOTE__COUNT; part++) {
        if (part == NOTE_TEXT || parts[part].len > 0)
            transcript_line_mut(t, add_line(t, ev, kind))->offset = part;
    }
}

static void take_note(struct transcript *t, const struct event *ev, struct conn_state *c)
{
    (void)c;
    add_note(t, ev, TRANSCRIPT_NOTE);
}

static void take_link_down(struct transcript *t, const struct event *ev, struct conn_state *c)
{
    for (unsigned dir = 0; dir < DIR__COUNT; dir++)
        line_close(t, &c->streams[dir]);
    t->n_open -= c->open;
    c->open = false;
    add_line(t, ev, TRANSCRIPT_LINK);
}

/* Behind the scenes: only what a person could not see otherwise, and never octets. */
static void take_backstage(struct transcript *t, const struct event *ev)
{
    if (!t->backstage)
        return;
    if (ev->kind == EVENT_NOTE)
        add_note(t, ev, TRANSCRIPT_BACKSTAGE);
    else if (ev->kind == EVENT_FAULT || ev->kind == EVENT_STORED || ev->kind == EVENT_BOUNCED)
        add_line(t, ev, TRANSCRIPT_BACKSTAGE);
}

typedef void (*take_fn)(struct transcript *t, const struct event *ev, struct conn_state *c);
/* What an event does here; those that are not named decorate nothing and are no line. */
static const struct {
    take_fn take;
    uint8_t kind; /* without a function: it is simply a line of that kind */
} takers[EVENT__COUNT] = {
    [EVENT_OCTETS] = {take_octets, 0},
    [EVENT_DATA_BEGIN] = {take_data_begin, 0},
    [EVENT_DATA_END] = {take_data_end, 0},
    [EVENT_REPLY] = {take_reply, 0},
    [EVENT_DEVIATION] = {take_deviation, 0},
    [EVENT_TLS_START] = {take_tls_start, 0},
    [EVENT_TLS_MSG] = {take_tls_msg, 0},
    [EVENT_TLS_UP] = {take_tls_up, 0},
    [EVENT_TLS_VERIFY] = {take_tls_verify, 0},
    [EVENT_TLS_ALERT] = {take_tls_alert, 0},
    [EVENT_TLS_FAIL] = {NULL, TRANSCRIPT_TLS},
    [EVENT_TLS_DANE] = {NULL, TRANSCRIPT_TLS},
    [EVENT_TLS_OCSP] = {NULL, TRANSCRIPT_TLS},
    [EVENT_NOTE] = {take_note, 0},
    [EVENT_LINK_DOWN] = {take_link_down, 0},
    [EVENT_LINK_RESOLVE] = {NULL, TRANSCRIPT_LINK},
    [EVENT_LINK_TRY] = {NULL, TRANSCRIPT_LINK},
    [EVENT_LINK_UP] = {take_link_up, 0},
    [EVENT_LINK_TIMEOUT] = {NULL, TRANSCRIPT_LINK},
    [EVENT_HOP] = {NULL, TRANSCRIPT_LINK},
    [EVENT_DNS_ANSWER] = {NULL, TRANSCRIPT_LINK},
    [EVENT_FAULT] = {NULL, TRANSCRIPT_BACKSTAGE},
    [EVENT_STORED] = {NULL, TRANSCRIPT_BACKSTAGE},
    [EVENT_BOUNCED] = {NULL, TRANSCRIPT_BACKSTAGE},
    [EVENT_GAP] = {NULL, TRANSCRIPT_GAP},
};

/* Another connection's events are passed over; events of no connection and those behind the scenes
 * (whose connection numbers are the practice server's) belong to everybody. */
static void take_event(struct transcript *t, const struct event *ev)
{
    bool backstage = (ev->flags & EVENT_FLAG_BACKSTAGE) != 0;
    if (t->conn != 0 && ev->conn != 0 && ev->conn != t->conn && !backstage)
        return;
    struct conn_state *c = conn_get(t, ev);
    if (backstage)
        take_backstage(t, ev);
    else if (takers[ev->kind].take)
        takers[ev->kind].take(t, ev, c);
    else if (takers[ev->kind].kind != TRANSCRIPT_LINE)
        add_line(t, ev, (enum transcript_kind)takers[ev->kind].kind);
}

/* ---- the contract ---- */

struct transcript *transcript_new(const struct journal *j, uint32_t conn, bool backstage)
{
    struct transcript *t = mem_zalloc(sizeof(*t));
    t->journal = j;
    t->conn = conn;
    t->backstage = backstage;
    return t;
}

void transcript_show_handshakes(struct transcript *t, bool on)
{
    t->handshakes = on;
}

void transcript_free(struct transcript **t_inout)
{
    struct transcript *t = *t_inout;
    if (!t)
        return;
    *t_inout = NULL;
    for (size_t i = 0; i < t->n_blocks; i++)
        mem_free(t->blocks[i]);
    for (size_t i = 0; i < t->n_conns; i++) {
        for (unsigned dir = 0; dir < DIR__COUNT; dir++)
            mem_free(t->conns[i]->streams[dir].recent);
        mem_free(t->conns[i]);
    }
    mem_free(t->blocks);
    mem_free(t->conns);
    mem_free(t);
}

size_t transcript_update(struct transcript *t, size_t *first_changed_out)
{
    return transcript_update_to(t, UINT64_MAX, first_changed_out);
}

size_t transcript_update_to(struct transcript *t, uint64_t last_seq, size_t *first_changed_out)
{
    uint64_t first = journal_first(t->journal), last = journal_last(t->journal);
    if (last > last_seq)
        last = last_seq;
    uint64_t seq = t->last_seq + 1 > first ? t->last_seq + 1 : first;
    t->first_changed = t->count;
    for (; seq != 0 && seq <= last; seq++) {
        const struct event *ev = journal_at(t->journal, seq);
        if (ev)
            take_event(t, ev);
    }
    t->last_seq = last > t->last_seq ? last : t->last_seq;
    if (first_changed_out)
        *first_changed_out = t->first_changed;
    return t->count - t->first_changed;
}

size_t transcript_count(const struct transcript *t)
{
    return t->count;
}

size_t transcript_first(const struct transcript *t)
{
    return t->first;
}

/* Nothing of a stream points to a line that is no more. */
static void stream_forget(struct stream *s, size_t index)
{
    size_t n = 0;
    if (s->has_open && s->open < index)
        s->has_open = false;
    while (n < s->n_recent && s->recent[n] < index)
        n++;
    s->n_recent -= n;
    if (n > 0)
        memmove(s->recent, s->recent + n, s->n_recent * sizeof(*s->recent));
    if (s->n_recent > 0)
        return;
    mem_free(s->recent);
    s->recent = NULL;
    s->alloc_recent = 0;
}

void transcript_forget(struct transcript *t, size_t index)
{
    BUG_IF(index > t->count);
    if (index <= t->first)
        return;
    for (size_t i = 0; i < t->n_conns; i++)
        for (unsigned dir = 0; dir < DIR__COUNT; dir++)
            stream_forget(&t->conns[i]->streams[dir], index);
    for (size_t i = t->first / BLOCK_LINES; i < index / BLOCK_LINES; i++) {
        mem_free(t->blocks[i]);
        t->blocks[i] = NULL;
    }
    t->first = index;
}

const struct transcript_line *transcript_at(const struct transcript *t, size_t index)
{
    BUG_IF(index < t->first || index >= t->count);
    return transcript_line_mut(t, index);
}

size_t transcript_find_seq(const struct transcript *t, uint64_t seq)
{
    size_t low = t->first, high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (transcript_line_mut(t, middle)->seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    /* The first line of that event, or the last line before it. */
    if (low < t->count && transcript_line_mut(t, low)->seq == seq)
        return low;
    return low > t->first ? low - 1 : low;
}
