#include "recording/redact_private.h"

#include <string.h>

#include "base/mem.h"

enum {
    CONTEXT_OCTETS = 4096,      /* a line is looked at so far back and ahead */
    HEADER_MAX_OCTETS = 1 << 18 /* a message's header is looked for so far */
};

/* Content of a message in one direction of a connection. */
struct range {
    enum event_dir dir;
    uint64_t from, to;    /* to UINT64_MAX: it goes on */
    uint64_t body;        /* where the header ends; UINT64_MAX: not found yet */
    uint64_t searched_to; /* for that */
};

enum protocol { PROTOCOL_SMTP, PROTOCOL_POP3, PROTOCOL_IMAP };

struct redact_conn {
    uint32_t conn;
    enum protocol protocol;
    bool append;       /* IMAP: the last command was APPEND */
    bool down;         /* nothing more comes */
    uint64_t data_seq; /* DATA was said and not answered; 0: no */
    uint64_t data_end; /* offset behind that line */
    struct range *ranges;
    size_t n_ranges, alloc_ranges;
};

struct redactor {
    uint64_t key[2];
    struct redact_conn *conns;
    size_t n_conns, alloc_conns;
};

struct redactor *redactor_new(struct slice key)
{
    struct redactor *r = mem_zalloc(sizeof(*r));
    memcpy(r->key, key.ptr, key.len < sizeof(r->key) ? key.len : sizeof(r->key));
    return r;
}

void redactor_free(struct redactor **r_inout)
{
    struct redactor *r = *r_inout;
    if (!r)
        return;
    *r_inout = NULL;
    for (size_t i = 0; i < r->n_conns; i++)
        mem_free(r->conns[i].ranges);
    mem_free(r->conns);
    mem_wipe(r->key, sizeof(r->key));
    mem_free(r);
}

/* ---- connections ---- */

static struct redact_conn *conn_find(const struct redactor *r, uint32_t conn)
{
    for (size_t i = r->n_conns; i > 0; i--) /* the newest is asked for most */
        if (r->conns[i - 1].conn == conn)
            return &r->conns[i - 1];
    return NULL;
}

static struct redact_conn *conn_get(struct redactor *r, uint32_t conn)
{
    struct redact_conn *c = conn_find(r, conn);
    if (c)
        return c;
    if (r->n_conns == r->alloc_conns) {
        r->alloc_conns = r->alloc_conns ? r->alloc_conns * 2 : 8;
        r->conns = mem_realloc(r->conns, r->alloc_conns * sizeof(*r->conns));
    }
    c = &r->conns[r->n_conns++];
    *c = (struct redact_conn){.conn = conn};
    return c;
}

void redactor_wrote(struct redactor *r, const struct event *ev)
{
    struct redact_conn *c = conn_find(r, ev->conn);
    if (!c || ev->kind != EVENT_LINK_DOWN)
        return;
    mem_free(c->ranges);
    *c = r->conns[--r->n_conns];
}

static void see_data_begin(struct redact_conn *c, const struct event *ev)
{
    struct ev_data_begin e;
    EVENT_GET(ev, DATA_BEGIN, &e);
    bool to_client = c->protocol == PROTOCOL_POP3 || (c->protocol == PROTOCOL_IMAP && !c->append);
    if (c->n_ranges == c->alloc_ranges) {
        c->alloc_ranges = c->alloc_ranges ? c->alloc_ranges * 2 : 4;
        c->ranges = mem_realloc(c->ranges, c->alloc_ranges * sizeof(*c->ranges));
    }
    c->ranges[c->n_ranges++] = (struct range){.dir = to_client ? DIR_S : DIR_C,
                                              .from = e.offset,
                                              .to = UINT64_MAX,
                                              .body = UINT64_MAX,
                                              .searched_to = e.offset};
    c->data_seq = 0;
}

static void see_data_end(struct redact_conn *c, const struct event *ev)
{
    struct ev_data_end e;
    EVENT_GET(ev, DATA_END, &e);
    if (c->n_ranges > 0 && c->ranges[c->n_ranges - 1].to == UINT64_MAX)
        c->ranges[c->n_ranges - 1].to = e.offset + e.length;
}

void redactor_see(struct redactor *r, const struct journal *j, const struct event *ev)
{
    struct ev_command command;
    struct ev_protocol protocol;
    (void)j;
    if (ev->conn == 0)
        return;
    struct redact_conn *c = conn_get(r, ev->conn);
    if (ev->kind == EVENT_PROTOCOL) {
        EVENT_GET(ev, PROTOCOL, &protocol);
        c->protocol = slice_eq(protocol.name, SLICE_LIT("pop3"))   ? PROTOCOL_POP3
                      : slice_eq(protocol.name, SLICE_LIT("imap")) ? PROTOCOL_IMAP
                                                                   : PROTOCOL_SMTP;
    } else if (ev->kind == EVENT_COMMAND) {
        EVENT_GET(ev, COMMAND, &command);
        c->append = slice_eq(command.verb, SLICE_LIT("APPEND"));
        if (slice_eq(command.verb, SLICE_LIT("DATA"))) {
            c->data_seq = ev->seq;
            c->data_end = command.offset + command.length;
        }
    } else if (ev->kind == EVENT_REPLY && ev->cause_seq >= c->data_seq) {
        c->data_seq = 0;
    } else if (ev->kind == EVENT_DATA_BEGIN) {
        see_data_begin(c, ev);
    } else if (ev->kind == EVENT_DATA_END) {
        see_data_end(c, ev);
    } else if (ev->kind == EVENT_LINK_DOWN) {
        c->down = true;
    }
}

/* ---- pseudonyms ---- */

static uint64_t rotl(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

/* SipHash-2-4 of the text in lower case: without the key nobody can try out addresses. */
static uint64_t keyed_hash(const uint64_t key[2], const uint8_t *text, size_t len)
{
    uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                     key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t word = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i == len)
            word |= (uint64_t)len << 56;
        else
            word |= (uint64_t)octet_lower(text[i]) << (8 * (i % 8));
        if (i % 8 == 7 || i == len) {
            v[3] ^= word;
            sip_round(v);
            sip_round(v);
            v[0] ^= word;
            word = 0;
        }
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void pseudonym(const struct redactor *r, uint8_t *text, size_t len)
{
    uint64_t bits = keyed_hash(r->key, text, len);
    for (size_t i = 0; i < len; i++) {
        text[i] = (uint8_t)('a' + bits % 26);
        bits /= 26;
        if (bits < 26) /* a long name needs more letters than one hash has */
            bits = bits * UINT64_C(0x9E3779B97F4A7C15) + keyed_hash(r->key, text, i + 1);
    }
}

/* ---- addresses ---- */

static bool is_local(uint8_t c)
{
    return c >= 0x80 || (c > 0x20 && c < 0x7f && !strchr("()<>[]:;@\\,\"", c));
}

static bool is_domain(uint8_t c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') ||
           (octet_lower(c) >= 'a' && octet_lower(c) <= 'z') || c == '-' || c == '.' || c == '_';
}

/* Where the local part before text[at] == '@' begins. */
static size_t local_start(const uint8_t *text, size_t at)
{
    size_t from = at;
    if (from > 0 && text[from - 1] == '"') { /* quoted: to the quote that opens it */
        from--;
        while (from > 0 && text[from - 1] != '"')
            from--;
        return from > 0 ? from - 1 : at;
    }
    while (from > 0 && is_local(text[from - 1]))
        from--;
    /* KEYWORD=address: a parameter's name is none of it. */
    size_t word = from;
    while (word < at && text[word] >= 'A' && text[word] <= 'Z')
        word++;
    return word > from + 1 && word < at && text[word] == '=' ? word + 1 : from;
}

static size_t redact_domain(const struct redactor *r, uint8_t *text, size_t from, size_t len)
{
    size_t end = from, label = from, changed = 0;
    while (end < len && is_domain(text[end]))
        end++;
    while (end > from && (text[end - 1] == '.' || text[end - 1] == '-'))
        end--;
    for (size_t i = from; i < end; i++) {
        if (text[i] != '.')
            continue;
        pseudonym(r, text + label, i - label);
        changed += i - label;
        label = i + 1;
    }
    if (label == from && end > from) { /* a name of one label is all there is */
        pseudonym(r, text + from, end - from);
        changed += end - from;
    }
    return changed;
}

size_t redactor_text(const struct redactor *r, uint8_t *text, size_t len)
{
    size_t changed = 0;
    for (size_t at = 0; at < len; at++) {
        if (text[at] != '@')
            continue;
        size_t from = local_start(text, at);
        pseudonym(r, text + from, at - from);
        changed += at - from + redact_domain(r, text, at + 1, len);
    }
    return changed;
}

/* ---- octets ---- */

static uint8_t masked(uint8_t c)
{
    bool letter = octet_lower(c) >= 'a' && octet_lower(c) <= 'z';
    return c >= 0x80 || letter || (c >= '0' && c <= '9') || c == '@' ? 'x' : c;
}

/* The end of the header, as far as it is known: a header that goes on and on is a body. */
static uint64_t body_of(const struct range *g)
{
    return g->body < g->from + HEADER_MAX_OCTETS ? g->body : g->from + HEADER_MAX_OCTETS;
}

static void search_body(struct range *g, const struct journal *j, uint32_t conn)
{
    uint64_t end = journal_stream_len(j, conn, g->dir, LAYER_PLAIN);
    struct buf text;
    if (g->body != UINT64_MAX || g->from + HEADER_MAX_OCTETS <= g->searched_to)
        return;
    end = g->to < end ? g->to : end;
    uint64_t from = g->searched_to > g->from + 4 ? g->searched_to - 4 : g->from;
    buf_init(&text, HEADER_MAX_OCTETS);
    uint64_t n = end > from ? end - from : 0;
    journal_read(j, conn, g->dir, LAYER_PLAIN, from, n < HEADER_MAX_OCTETS ? n : HEADER_MAX_OCTETS,
                 &text);
    ptrdiff_t crlf = slice_find(buf_slice(&text), SLICE_LIT("\r\n\r\n"));
    ptrdiff_t lf = slice_find(buf_slice(&text), SLICE_LIT("\n\n"));
    ptrdiff_t first = crlf >= 0 && (lf < 0 || crlf < lf) ? crlf : lf;
    if (first >= 0)
        g->body = from + (uint64_t)first + 2;
    g->searched_to = from + text.len;
    buf_deinit(&text);
}

/* How many octets at the beginning of a line are a field's name. */
static size_t name_octets(struct slice line)
{
    size_t n = 0;
    while (n < line.len && ((octet_lower(line.ptr[n]) >= 'a' && octet_lower(line.ptr[n]) <= 'z') ||
                            (line.ptr[n] >= '0' && line.ptr[n] <= '9') || line.ptr[n] == '-'))
        n++;
    return n < line.len && line.ptr[n] == ':' ? n : 0;
}

/* With what stands before and behind it in the stream, at most CONTEXT_OCTETS each; returns how
 * many octets stand before. */
static size_t with_context(const struct journal *j, uint32_t conn, enum event_dir dir,
                           uint64_t first, uint64_t at, uint64_t to, const uint8_t *octets,
                           struct buf *out)
{
    uint64_t back = at - first < CONTEXT_OCTETS ? at - first : CONTEXT_OCTETS;
    uint64_t len = journal_stream_len(j, conn, dir, LAYER_PLAIN);
    uint64_t ahead = len > to ? len - to : 0;
    ahead = ahead < CONTEXT_OCTETS ? ahead : CONTEXT_OCTETS;
    if (back > 0 && !journal_read_masked(j, conn, dir, LAYER_PLAIN, at - back, back, out, NULL))
        buf_reset(out); /* not there any more */
    size_t before = out->len;
    buf_append(out, slice_of(octets, (size_t)(to - at)));
    if (ahead > 0)
        journal_read_masked(j, conn, dir, LAYER_PLAIN, to, ahead, out, NULL);
    return before;
}

/* The octets of [at, to) of the stream, all of the message's header, but for fields' names. */
static void redact_header(const struct range *g, const struct journal *j, uint32_t conn,
                          uint64_t at, uint64_t to, uint8_t *octets)
{
    struct buf text;
    buf_init(&text, 2 * CONTEXT_OCTETS + (size_t)(to - at));
    size_t before = with_context(j, conn, g->dir, g->from, at, to, octets, &text);
    bool whole = text.len > 0 && before == at - g->from; /* it begins with a line */
    for (size_t i = 0, keep = 0; i < before + (size_t)(to - at); i++) {
        bool begins = i == 0 ? whole : text.ptr[i - 1] == '\n';
        if (begins)
            keep = i + name_octets(slice_skip(buf_slice(&text), i));
        if (i >= before && i >= keep)
            octets[i - before] = masked(octets[i - before]);
    }
    buf_deinit(&text);
}

/* octets: [at, to) of the stream, content of a message. */
static size_t redact_content(struct range *g, const struct journal *j, uint32_t conn, uint64_t at,
                             uint64_t to, uint8_t *octets)
{
    size_t len = (size_t)(to - at), changed = 0;
    uint8_t *was = mem_dup(octets, len);
    search_body(g, j, conn);
    uint64_t header_to = body_of(g) < to ? body_of(g) : to;
    if (header_to > at)
        redact_header(g, j, conn, at, header_to, octets);
    for (uint64_t i = header_to > at ? header_to : at; i < to; i++)
        octets[i - at] = masked(octets[i - at]);
    for (size_t i = 0; i < len; i++)
        changed += octets[i] != was[i];
    mem_free(was);
    return changed;
}

/* ---- lines ---- */

bool redactor_holds(struct redactor *r, const struct journal *j, const struct event *ev,
                    const struct ev_octets *o)
{
    struct redact_conn *c = conn_find(r, ev->conn);
    uint64_t end = o->offset + o->length;
    if (!c || c->down || o->layer != LAYER_PLAIN || o->length == 0)
        return false;
    /* Said after DATA and before its answer: content, or commands. */
    if (c->data_seq != 0 && o->dir == DIR_C && end > c->data_end)
        return true;
    /* Inside a body nothing depends on what comes; a header's lines are looked at whole. */
    for (size_t i = 0; i < c->n_ranges; i++) {
        struct range *g = &c->ranges[i];
        if (g->dir != o->dir || g->from >= end || g->to < end)
            continue;
        search_body(g, j, ev->conn);
        if (end > body_of(g))
            return false;
    }
    struct buf rest;
    buf_init(&rest, CONTEXT_OCTETS + 1);
    uint64_t have = journal_stream_len(j, ev->conn, o->dir, LAYER_PLAIN) - (end - 1);
    uint64_t n = have < CONTEXT_OCTETS ? have : CONTEXT_OCTETS;
    bool known = journal_read(j, ev->conn, o->dir, LAYER_PLAIN, end - 1, n, &rest);
    bool ended = slice_find_octet(buf_slice(&rest), '\n') >= 0;
    buf_deinit(&rest);
    return known && !ended && have < CONTEXT_OCTETS;
}

/* A stretch that is no content: with what its first and last line were and will be. */
static size_t redact_lines(struct redactor *r, const struct journal *j, uint32_t conn,
                           enum event_dir dir, uint64_t at, uint64_t to, uint8_t *octets)
{
    struct buf text;
    size_t changed = 0, len = (size_t)(to - at);
    buf_init(&text, 2 * CONTEXT_OCTETS + len);
    size_t before = with_context(j, conn, dir, 0, at, to, octets, &text);
    redactor_text(r, text.ptr, text.len);
    for (size_t i = 0; i < len; i++)
        changed += octets[i] != text.ptr[before + i];
    memcpy(octets, text.ptr + before, len);
    buf_deinit(&text);
    return changed;
}

size_t redactor_octets(struct redactor *r, const struct journal *j, const struct event *ev,
                       const struct ev_octets *o, uint8_t *octets, bool forced)
{
    struct redact_conn *c = conn_find(r, ev->conn);
    uint64_t end = o->offset + o->length, at = o->offset;
    size_t changed = 0;
    if (o->layer != LAYER_PLAIN)
        return 0;
    if (forced) { /* nobody knows what it is: nothing of it is shown */
        for (size_t i = 0; i < o->length; i++) {
            uint8_t now = masked(octets[i]);
            changed += now != octets[i];
            octets[i] = now;
        }
        return changed;
    }
    while (at < end) {
        struct range *in = NULL;
        uint64_t to = end;
        for (size_t i = 0; c && i < c->n_ranges; i++) {
            struct range *g = &c->ranges[i];
            if (g->dir != o->dir || g->to <= at)
                continue;
            if (g->from <= at)
                in = g;
            else if (g->from < to)
                to = g->from;
        }
        if (in) {
            to = in->to < end ? in->to : end;
            changed += redact_content(in, j, ev->conn, at, to, octets + (at - o->offset));
        } else {
            changed += redact_lines(r, j, ev->conn, o->dir, at, to, octets + (at - o->offset));
        }
        at = to;
    }
    return changed;
}
