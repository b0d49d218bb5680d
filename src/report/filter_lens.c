/* From events to facts. A command and a reply are read back from the journal's octets, so the
 * journal needs to hold no more than the newest; message content is looked at while it passes.
 */
#include "report/filter_private.h"

#include <string.h>

#include "smtp/command.h"

enum { LENS_LINE_MAX_OCTETS = 65536, LENS_REPLY_MAX_OCTETS = 1 << 20, LENS_NAME_MAX_OCTETS = 1024 };

struct lens_conn {
    uint32_t conn;
    char *peer, *peer_name;
    char *rcpt; /* of the RCPT a reply speaks of, while its lines are looked at */
    bool content, tls;
    uint64_t content_at; /* next octet of content to look at */
    struct buf line;     /* of content, while it has no end */
};

struct filter_lens {
    const struct journal *journal;
    struct lens_conn **conns; /* ascending */
    size_t n_conns, alloc_conns;
    uint64_t first_tick_ns;
    bool began;
    struct buf scratch;
};

struct filter_lens *filter_lens_new(const struct journal *j)
{
    struct filter_lens *l = mem_zalloc(sizeof(*l));
    l->journal = j;
    buf_init(&l->scratch, LENS_REPLY_MAX_OCTETS);
    return l;
}

static void conn_free(struct lens_conn *c)
{
    mem_free(c->peer);
    mem_free(c->peer_name);
    mem_free(c->rcpt);
    buf_deinit(&c->line);
    mem_free(c);
}

void filter_lens_free(struct filter_lens **l_inout)
{
    struct filter_lens *l = *l_inout;
    if (!l)
        return;
    *l_inout = NULL;
    for (size_t i = 0; i < l->n_conns; i++)
        conn_free(l->conns[i]);
    mem_free(l->conns);
    buf_deinit(&l->scratch);
    mem_free(l);
}

static size_t place_of(const struct filter_lens *l, uint32_t conn)
{
    size_t low = 0, high = l->n_conns;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->conns[middle]->conn < conn)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct lens_conn *conn_get(struct filter_lens *l, uint32_t conn)
{
    size_t at = place_of(l, conn);
    if (at < l->n_conns && l->conns[at]->conn == conn)
        return l->conns[at];
    if (l->n_conns == l->alloc_conns) {
        l->alloc_conns = l->alloc_conns ? 2 * l->alloc_conns : 8;
        l->conns = mem_realloc(l->conns, l->alloc_conns * sizeof(*l->conns));
    }
    memmove(&l->conns[at + 1], &l->conns[at], (l->n_conns - at) * sizeof(*l->conns));
    l->n_conns++;
    struct lens_conn *c = l->conns[at] = mem_zalloc(sizeof(*c));
    c->conn = conn;
    buf_init(&c->line, LENS_LINE_MAX_OCTETS);
    return c;
}

void filter_lens_prime(struct filter_lens *l, uint32_t conn, bool tls, bool content)
{
    struct lens_conn *c = conn_get(l, conn);
    c->tls = tls;
    c->content = content;
    c->content_at = 0;
    buf_reset(&c->line);
}

/* A connection that is gone costs nothing any more. */
static void conn_drop(struct filter_lens *l, uint32_t conn)
{
    size_t at = place_of(l, conn);
    if (at >= l->n_conns || l->conns[at]->conn != conn)
        return;
    conn_free(l->conns[at]);
    memmove(&l->conns[at], &l->conns[at + 1], (l->n_conns - at - 1) * sizeof(*l->conns));
    l->n_conns--;
}

static void set_text(char **text, struct slice s)
{
    mem_free(*text);
    *text = mem_slice_dup(slice_take(s, LENS_NAME_MAX_OCTETS));
}

static struct slice without_eol(struct slice s)
{
    if (s.len > 0 && s.ptr[s.len - 1] == '\n')
        s.len--;
    if (s.len > 0 && s.ptr[s.len - 1] == '\r')
        s.len--;
    return s;
}

/* Where facts go. */
struct target {
    filter_facts_fn fn;
    void *ctx;
    struct filter_facts facts;
};

static struct slice read_octets(struct filter_lens *l, uint32_t conn, enum event_dir dir,
                                uint64_t offset, uint64_t len)
{
    buf_reset(&l->scratch);
    if (len > LENS_REPLY_MAX_OCTETS)
        len = LENS_REPLY_MAX_OCTETS;
    journal_read_masked(l->journal, conn, dir, LAYER_PLAIN, offset, len, &l->scratch, NULL);
    return buf_slice(&l->scratch);
}

static struct slice bare_path(const struct smtp_command *command)
{
    struct slice path = command->has_path ? command->path.text : slice_cstr("");
    if (path.len >= 2 && path.ptr[0] == '<' && path.ptr[path.len - 1] == '>')
        path = slice_take(slice_skip(path, 1), path.len - 2);
    return path;
}

static void see_command(struct filter_lens *l, struct lens_conn *c, const struct event *ev,
                        struct target *t)
{
    struct ev_command e;
    (void)c;
    EVENT_GET(ev, COMMAND, &e);
    struct slice line = without_eol(read_octets(l, ev->conn, DIR_C, e.offset, e.length));
    t->facts.dir = DIR_C;
    t->facts.verb = e.verb;
    t->facts.text = line;
    t->facts.offset = e.offset;
    t->facts.has_offset = true;
    if (slice_eq(e.verb, SLICE_LIT("RCPT"))) {
        struct smtp_command command;
        smtp_command_parse(line, &command);
        t->facts.rcpt = bare_path(&command);
    }
    t->fn(t->ctx, &t->facts);
}

/* The recipient a reply speaks of stands in the command that caused it. */
static void reply_rcpt(struct filter_lens *l, struct lens_conn *c, const struct event *ev)
{
    const struct event *cause = journal_at(l->journal, ev->cause_seq);
    struct ev_command e;
    struct smtp_command command;
    set_text(&c->rcpt, slice_cstr(""));
    if (!cause || cause->kind != EVENT_COMMAND)
        return;
    EVENT_GET(cause, COMMAND, &e);
    smtp_command_parse(without_eol(read_octets(l, ev->conn, DIR_C, e.offset, e.length)), &command);
    set_text(&c->rcpt, bare_path(&command));
}

static void see_reply(struct filter_lens *l, struct lens_conn *c, const struct event *ev,
                      struct target *t)
{
    struct ev_reply e;
    EVENT_GET(ev, REPLY, &e);
    const struct event *cause = journal_at(l->journal, ev->cause_seq);
    t->facts.dir = DIR_S;
    t->facts.code = e.code <= 999 ? (unsigned)e.code : 0;
    t->facts.enhanced = e.enhanced;
    t->facts.verb = e.verb;
    if (cause && cause->tick_ns <= ev->tick_ns) {
        t->facts.has_dt = true;
        t->facts.dt_us = (ev->tick_ns - cause->tick_ns) / 1000;
    }
    if (slice_eq(e.verb, SLICE_LIT("RCPT"))) {
        reply_rcpt(l, c, ev);
        t->facts.rcpt = slice_cstr(c->rcpt);
    }
    struct slice rest = read_octets(l, ev->conn, DIR_S, e.offset, e.length);
    t->facts.offset = e.offset;
    t->facts.has_offset = true;
    do {
        ptrdiff_t lf = slice_find_octet(rest, '\n');
        size_t n = lf < 0 ? rest.len : (size_t)lf + 1;
        t->facts.text = without_eol(slice_take(rest, n));
        t->fn(t->ctx, &t->facts);
        t->facts.offset += n;
        rest = slice_skip(rest, n);
    } while (rest.len > 0);
}

/* ---- content ---- */

static void content_line(struct lens_conn *c, struct target *t)
{
    struct slice line = without_eol(buf_slice(&c->line));
    /* What stands behind the final dot are commands; they come as such. */
    if (slice_eq(buf_slice(&c->line), SLICE_LIT(".\r\n")))
        c->content = false;
    t->facts.kind = SLICE_LIT("content");
    t->facts.dir = DIR_C;
    t->facts.verb = SLICE_LIT("DATA");
    t->facts.text = line;
    t->facts.offset = c->content_at - c->line.len;
    t->facts.has_offset = true;
    t->fn(t->ctx, &t->facts);
    buf_reset(&c->line);
}

static void content_octets(struct lens_conn *c, struct slice in, struct target *t)
{
    while (in.len > 0 && c->content) {
        ptrdiff_t lf = slice_find_octet(in, '\n');
        size_t n = lf < 0 ? in.len : (size_t)lf + 1;
        size_t room = c->line.cap_octets - c->line.len;
        bool whole = lf >= 0 && n <= room;
        n = n < room ? n : room;
        buf_append(&c->line, slice_take(in, n));
        c->content_at += n;
        in = slice_skip(in, n);
        if (whole || c->line.len == c->line.cap_octets)
            content_line(c, t);
    }
}

static void see_octets(struct filter_lens *l, struct lens_conn *c, const struct event *ev,
                       struct target *t)
{
    struct ev_octets o;
    EVENT_GET(ev, OCTETS, &o);
    if (!c->content || o.layer != LAYER_PLAIN || o.dir != DIR_C || o.offset < c->content_at)
        return;
    if (o.offset > c->content_at)
        buf_reset(&c->line);
    c->content_at = o.offset;
    content_octets(c, read_octets(l, ev->conn, DIR_C, o.offset, o.length), t);
}

/* Octets that came together with DATA are in the journal already. */
static void see_data_begin(struct filter_lens *l, struct lens_conn *c, const struct event *ev,
                           struct target *t)
{
    struct ev_data_begin e;
    EVENT_GET(ev, DATA_BEGIN, &e);
    c->content = true;
    c->content_at = e.offset;
    buf_reset(&c->line);
    uint64_t len = journal_stream_len(l->journal, ev->conn, DIR_C, LAYER_PLAIN);
    if (len > e.offset)
        content_octets(c, read_octets(l, ev->conn, DIR_C, e.offset, len - e.offset), t);
}

static void see_data_end(struct filter_lens *l, struct lens_conn *c, const struct event *ev,
                         struct target *t)
{
    (void)l;
    (void)ev;
    if (c->content && c->line.len > 0)
        content_line(c, t);
    c->content = false;
}

/* ---- other events: their words ---- */

static void see_words(struct filter_lens *l, const struct event *ev, struct target *t)
{
    union event_payload unpacked;
    const uint8_t *payload = (const uint8_t *)&unpacked;
    event_unpack(ev, (enum event_kind)ev->kind, &unpacked);
    buf_reset(&l->scratch);
    for (const struct event_field *f = event_kind_info((enum event_kind)ev->kind)->fields; f->name;
         f++) {
        struct slice s = {NULL, 0};
        unsigned word;
        if (f->type == FIELD_TEXT) {
            memcpy(&s, payload + f->struct_offset, sizeof(s));
        } else if (f->type == FIELD_ENUM) {
            memcpy(&word, payload + f->struct_offset, sizeof(word));
            s = slice_cstr(f->word(word));
        }
        if (s.len == 0)
            continue;
        if (l->scratch.len > 0)
            buf_append_octet(&l->scratch, ' ');
        buf_append(&l->scratch, s);
    }
    t->facts.text = buf_slice(&l->scratch);
    t->fn(t->ctx, &t->facts);
}

static void see_link_up(struct filter_lens *l, struct lens_conn *c, const struct event *ev,
                        struct target *t)
{
    struct ev_link_up e;
    EVENT_GET(ev, LINK_UP, &e);
    set_text(&c->peer, e.peer);
    set_text(&c->peer_name, e.name);
    t->facts.peer = slice_cstr(c->peer);
    t->facts.peer_name = slice_cstr(c->peer_name);
    see_words(l, ev, t);
}

static void see_tls_up(struct filter_lens *l, struct lens_conn *c, const struct event *ev,
                       struct target *t)
{
    c->tls = t->facts.tls = true;
    see_words(l, ev, t);
}

static void see_link_down(struct filter_lens *l, struct lens_conn *c, const struct event *ev,
                          struct target *t)
{
    see_data_end(l, c, ev, t);
    t->facts.kind = SLICE_LIT("link_down");
    t->facts.dir = -1;
    t->facts.has_offset = false;
    t->facts.verb = slice_cstr("");
    see_words(l, ev, t);
    conn_drop(l, ev->conn);
}

static void see_deviation(struct filter_lens *l, struct lens_conn *c, const struct event *ev,
                          struct target *t)
{
    struct ev_deviation e;
    EVENT_GET(ev, DEVIATION, &e);
    (void)c;
    t->facts.deviation = e.rule;
    t->facts.dir = e.dir < DIR__COUNT ? (int)e.dir : -1;
    see_words(l, ev, t);
}

typedef void (*see_fn)(struct filter_lens *l, struct lens_conn *c, const struct event *ev,
                       struct target *t);
static const see_fn seers[EVENT__COUNT] = {
    [EVENT_COMMAND] = see_command,     [EVENT_REPLY] = see_reply,
    [EVENT_OCTETS] = see_octets,       [EVENT_DATA_BEGIN] = see_data_begin,
    [EVENT_DATA_END] = see_data_end,   [EVENT_LINK_UP] = see_link_up,
    [EVENT_LINK_DOWN] = see_link_down, [EVENT_TLS_UP] = see_tls_up,
    [EVENT_DEVIATION] = see_deviation,
};
/* What others say as well. */
static const bool shadow_kinds[EVENT__COUNT] = {
    [EVENT_STATE] = true,     [EVENT_CAPS] = true,         [EVENT_ENVELOPE] = true,
    [EVENT_TLS_MSG] = true,   [EVENT_TLS_CHAIN] = true,    [EVENT_OCTETS] = true,
    [EVENT_SASL_STEP] = true, [EVENT_DATA_BEGIN] = true,   [EVENT_DATA_END] = true,
    [EVENT_RECORDING] = true, [EVENT_USER_COMMAND] = true,
};

bool filter_lens_sees(unsigned kind, bool shadows)
{
    return kind >= EVENT__COUNT || shadows || seers[kind] || !shadow_kinds[kind];
}

void filter_lens_event(struct filter_lens *l, const struct event *ev, bool shadows,
                       filter_facts_fn fn, void *ctx)
{
    struct lens_conn *c = conn_get(l, ev->conn);
    if (!l->began)
        l->first_tick_ns = ev->tick_ns;
    l->began = true;
    struct target t = {.fn = fn, .ctx = ctx};
    t.facts = (struct filter_facts){
        .seq = ev->seq,
        .conn = ev->conn,
        .kind = slice_cstr(event_kind_info((enum event_kind)ev->kind)->name),
        .dir = -1,
        .peer = slice_cstr(c->peer),
        .peer_name = slice_cstr(c->peer_name),
        .at_us = ev->tick_ns > l->first_tick_ns ? (ev->tick_ns - l->first_tick_ns) / 1000 : 0,
        .tls = c->tls,
    };
    struct filter_facts base = t.facts;
    bool shadow = shadow_kinds[ev->kind];
    if (seers[ev->kind])
        seers[ev->kind](l, c, ev, &t);
    if (shadow ? shadows : !seers[ev->kind]) {
        t.facts = base;
        see_words(l, ev, &t);
    }
}
