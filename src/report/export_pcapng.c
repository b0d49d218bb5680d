/* Synthetic packets (pcapng, raw IPv4): what a capture of the session would have looked like.
 *
 * Only octets that stood on the wire become packets: plain ones before TLS, TLS records after.
 * Records that were not kept (encrypted data nobody holds the keys of) leave a hole in the sequence
 * numbers, as a lossy capture would. Connections that had no IPv4 addresses get documentation ones
 * (192.0.2.x). Notes and broken rules are comments of the next packet.
 */
#include "report/export_private.h"

#include <string.h>

enum {
    BLOCK_SECTION = 0x0A0D0D0A,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6,
    BLOCK_SECRETS = 10,
    SECRETS_TLS_KEY_LOG = 0x544c534b,
    LINKTYPE_RAW = 101,
    TCP_FIN = 1,
    TCP_SYN = 2,
    TCP_RST = 4,
    TCP_PSH = 8,
    TCP_ACK = 16,
    SEGMENT_OCTETS = 1400,
    IP_TCP_OCTETS = 40,
};

/* What others know by its port. */
enum service { SERVICE_SMTP, SERVICE_SUBMISSION, SERVICE_POP3, SERVICE_IMAP, SERVICE__COUNT };
static const struct {
    uint16_t port, tls_port; /* the second: TLS from the first octet on */
} services[SERVICE__COUNT] = {[SERVICE_SMTP] = {25, 465},
                              [SERVICE_SUBMISSION] = {587, 465},
                              [SERVICE_POP3] = {110, 995},
                              [SERVICE_IMAP] = {143, 993}};

struct flow {
    uint32_t conn;
    uint8_t ip[DIR__COUNT][4]; /* by who sends */
    uint16_t port[DIR__COUNT];
    uint32_t next[DIR__COUNT]; /* sequence number */
    enum service service;
    bool up, opened, finished;
};

struct capture {
    const struct journal *journal;
    const struct export_options *options;
    FILE *to;
    struct buf block, comment;
    struct annotations annotations;
    struct flow *flows;
    size_t n_flows;
    uint64_t first_tick_ns;
    int64_t first_wall_us;
    bool backstage;
};

/* ---- blocks: host order is little-endian by choice ---- */

static void le16(struct buf *b, unsigned v)
{
    buf_append_octet(b, (uint8_t)v);
    buf_append_octet(b, (uint8_t)(v >> 8));
}

static void le32(struct buf *b, uint32_t v)
{
    le16(b, v & 0xffff);
    le16(b, v >> 16);
}

static void be16(struct buf *b, unsigned v)
{
    buf_append_octet(b, (uint8_t)(v >> 8));
    buf_append_octet(b, (uint8_t)v);
}

static void be32(struct buf *b, uint32_t v)
{
    be16(b, v >> 16);
    be16(b, v & 0xffff);
}

static void pad4(struct buf *b)
{
    while (b->len % 4)
        buf_append_octet(b, 0);
}

static void block_begin(struct capture *c, uint32_t type)
{
    buf_reset(&c->block);
    le32(&c->block, type);
    le32(&c->block, 0);
}

static void option(struct buf *b, unsigned code, struct slice value)
{
    value = slice_take(value, 65000);
    le16(b, code);
    le16(b, (unsigned)value.len);
    buf_append(b, value);
    pad4(b);
}

static void block_end(struct capture *c)
{
    uint32_t len = (uint32_t)c->block.len + 4;
    for (unsigned i = 0; i < 4; i++)
        c->block.ptr[4 + i] = (uint8_t)(len >> (8 * i));
    le32(&c->block, len);
    out_flush(&c->block, c->to);
}

static void put_head(struct capture *c)
{
    block_begin(c, BLOCK_SECTION);
    le32(&c->block, 0x1A2B3C4D);
    le16(&c->block, 1);
    le16(&c->block, 0);
    le32(&c->block, 0xffffffff);
    le32(&c->block, 0xffffffff);
    option(&c->block, 4, slice_cstr(c->options->tool)); /* shb_userappl */
    option(&c->block, 1,
           SLICE_LIT("Synthetic packets made from a recording of the dialogue; addresses "
                     "192.0.2.x and handshakes of TCP are invented."));
    le32(&c->block, 0);
    block_end(c);
    block_begin(c, BLOCK_INTERFACE);
    le16(&c->block, LINKTYPE_RAW);
    le16(&c->block, 0);
    le32(&c->block, 0);
    block_end(c);
}

static void put_keys(struct capture *c, struct slice keys)
{
    if (keys.len == 0)
        return;
    block_begin(c, BLOCK_SECRETS);
    le32(&c->block, SECRETS_TLS_KEY_LOG);
    le32(&c->block, (uint32_t)keys.len);
    buf_append(&c->block, keys);
    pad4(&c->block);
    block_end(c);
}

/* ---- packets ---- */

static uint32_t sum16(uint32_t sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
    return sum;
}

static uint16_t folded(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void patch16(struct buf *b, size_t at, uint16_t v)
{
    b->ptr[at] = (uint8_t)(v >> 8);
    b->ptr[at + 1] = (uint8_t)v;
}

static void put_ip_tcp(struct buf *b, const struct flow *f, enum event_dir dir, unsigned flags,
                       struct slice payload)
{
    enum event_dir other = dir == DIR_C ? DIR_S : DIR_C;
    size_t ip = b->len, tcp = ip + 20;
    be16(b, 0x4500);
    be16(b, (unsigned)(IP_TCP_OCTETS + payload.len));
    be32(b, 0x00004000); /* no id, don't fragment */
    be32(b, 0x40060000); /* hops 64, TCP, checksum below */
    buf_append(b, slice_of(f->ip[dir], 4));
    buf_append(b, slice_of(f->ip[other], 4));
    patch16(b, ip + 10, folded(sum16(0, b->ptr + ip, 20)));
    be16(b, f->port[dir]);
    be16(b, f->port[other]);
    be32(b, f->next[dir]);
    be32(b, flags & TCP_ACK ? f->next[other] : 0);
    be16(b, 0x5000 | flags);
    be16(b, 65535);
    be32(b, 0); /* checksum below, no urgent data */
    buf_append(b, payload);
    uint32_t sum = sum16(0, b->ptr + ip + 12, 8) + 6 + 20 + (uint32_t)payload.len;
    patch16(b, tcp + 16, folded(sum16(sum, b->ptr + tcp, 20 + payload.len)));
}

static void put_packet(struct capture *c, struct flow *f, const struct event *ev,
                       enum event_dir dir, unsigned flags, struct slice payload)
{
    uint64_t ns = ev->tick_ns > c->first_tick_ns ? ev->tick_ns - c->first_tick_ns : 0;
    uint64_t us = (uint64_t)(c->first_wall_us > 0 ? c->first_wall_us : 0) + ns / 1000;
    uint32_t len = (uint32_t)(IP_TCP_OCTETS + payload.len);
    block_begin(c, BLOCK_PACKET);
    le32(&c->block, 0);
    le32(&c->block, (uint32_t)(us >> 32));
    le32(&c->block, (uint32_t)us);
    le32(&c->block, len);
    le32(&c->block, len);
    put_ip_tcp(&c->block, f, dir, flags, payload);
    pad4(&c->block);
    if (c->comment.len > 0) {
        option(&c->block, 1, buf_slice(&c->comment));
        le32(&c->block, 0);
        buf_reset(&c->comment);
    }
    block_end(c);
    f->next[dir] += (uint32_t)payload.len + ((flags & (TCP_SYN | TCP_FIN)) ? 1 : 0);
}

/* ---- flows ---- */

static struct flow *flow_get(struct capture *c, uint32_t conn)
{
    /* The newest connection is nearly always the one. */
    for (size_t i = c->n_flows; i > 0; i--)
        if (c->flows[i - 1].conn == conn)
            return &c->flows[i - 1];
    if ((c->n_flows & (c->n_flows - 1)) == 0)
        c->flows = mem_realloc(c->flows, (c->n_flows ? 2 * c->n_flows : 1) * sizeof(*c->flows));
    struct flow *f = &c->flows[c->n_flows++];
    *f = (struct flow){.conn = conn,
                       .ip = {{192, 0, 2, 1}, {192, 0, 2, 2}},
                       .port = {(uint16_t)(49152 + conn % 16384), 25},
                       .next = {1000, 5000}};
    return f;
}

/* "203.0.113.9:587"; false: something else, and nothing is changed. */
static bool read_ip_port(struct slice s, uint8_t ip[4], uint16_t *port)
{
    uint8_t octets[4];
    uint64_t value;
    for (unsigned i = 0; i < 4; i++) {
        ptrdiff_t end = slice_find_octet(s, i < 3 ? '.' : ':');
        if (end < 0 || !slice_to_u64(slice_take(s, (size_t)end), 255, &value))
            return false;
        octets[i] = (uint8_t)value;
        s = slice_skip(s, (size_t)end + 1);
    }
    if (!slice_to_u64(s, 65535, &value))
        return false;
    memcpy(ip, octets, 4);
    *port = (uint16_t)value;
    return true;
}

static void see_link_up(struct flow *f, const struct event *ev)
{
    struct ev_link_up e;
    EVENT_GET(ev, LINK_UP, &e);
    enum event_dir peer = e.side == SIDE_SERVER ? DIR_C : DIR_S;
    read_ip_port(e.peer, f->ip[peer], &f->port[peer]);
    read_ip_port(e.local, f->ip[peer == DIR_C ? DIR_S : DIR_C],
                 &f->port[peer == DIR_C ? DIR_S : DIR_C]);
    f->up = true;
}

/* The handshake waits for the first octets: only they tell whether TLS was there from the start. */
static void open_flow(struct capture *c, struct flow *f, const struct event *ev, bool tls_first)
{
    if (!f->up || f->opened)
        return;
    f->opened = true;
    if (c->options->standard_ports)
        f->port[DIR_S] = tls_first ? services[f->service].tls_port : services[f->service].port;
    put_packet(c, f, ev, DIR_C, TCP_SYN, slice_cstr(""));
    put_packet(c, f, ev, DIR_S, TCP_SYN | TCP_ACK, slice_cstr(""));
    put_packet(c, f, ev, DIR_C, TCP_ACK, slice_cstr(""));
}

static void see_octets(struct capture *c, struct flow *f, const struct event *ev)
{
    struct ev_octets o;
    struct buf octets;
    EVENT_GET(ev, OCTETS, &o);
    if (!f->up || o.dir >= DIR__COUNT || (o.layer == LAYER_PLAIN && o.tls))
        return;
    open_flow(c, f, ev, o.layer == LAYER_WIRE && o.offset == 0);
    buf_init(&octets, 1 << 16);
    for (uint64_t at = 0; at < o.length;) {
        uint64_t n = o.length - at < SEGMENT_OCTETS ? o.length - at : SEGMENT_OCTETS;
        buf_reset(&octets);
        if (journal_read_masked(c->journal, ev->conn, o.dir, o.layer, o.offset + at, n, &octets,
                                NULL))
            put_packet(c, f, ev, o.dir, TCP_PSH | TCP_ACK, buf_slice(&octets));
        else
            f->next[o.dir] += (uint32_t)n;
        at += n;
    }
    buf_deinit(&octets);
}

static void see_link_down(struct capture *c, struct flow *f, const struct event *ev)
{
    struct ev_link_down e;
    EVENT_GET(ev, LINK_DOWN, &e);
    if (!f->up || f->finished)
        return;
    f->finished = true;
    open_flow(c, f, ev, false);
    if (e.why == DOWN_RESET) {
        put_packet(c, f, ev, DIR_S, TCP_RST | TCP_ACK, slice_cstr(""));
        return;
    }
    if (e.why == DOWN_ABORT || e.why == DOWN_TLS || e.why == DOWN_ERROR) {
        put_packet(c, f, ev, DIR_C, TCP_RST | TCP_ACK, slice_cstr(""));
        return;
    }
    enum event_dir first = e.why == DOWN_EOF ? DIR_S : DIR_C;
    enum event_dir second = first == DIR_S ? DIR_C : DIR_S;
    put_packet(c, f, ev, first, TCP_FIN | TCP_ACK, slice_cstr(""));
    put_packet(c, f, ev, second, TCP_FIN | TCP_ACK, slice_cstr(""));
    put_packet(c, f, ev, first, TCP_ACK, slice_cstr(""));
}

static void add_comment(struct capture *c, struct slice text, struct slice more)
{
    if (c->comment.len > 0)
        buf_append_cstr(&c->comment, "; ");
    vis_to_buf(&c->comment, text, 0);
    if (more.len > 0)
        buf_append_cstr(&c->comment, ": ");
    vis_to_buf(&c->comment, more, 0);
}

/* What a person said of this event or of one before it that made no packet. */
static void add_annotations(struct capture *c, const struct event *ev)
{
    const struct annotation *a;
    while ((a = annotations_next(&c->annotations, ev->seq + 1)) != NULL)
        add_comment(c, a->mark ? SLICE_LIT("mark") : SLICE_LIT("note"), slice_cstr(a->text));
}

static void see(struct capture *c, const struct event *ev)
{
    struct ev_note note;
    struct ev_deviation deviation;
    struct slice text;
    bool mark;
    add_annotations(c, ev);
    if (annotation_of(ev, &text, &mark))
        return;
    struct flow *f = ev->conn ? flow_get(c, ev->conn) : NULL;
    if (ev->kind == EVENT_NOTE) {
        EVENT_GET(ev, NOTE, &note);
        add_comment(c, note.text, note.means);
    } else if (ev->kind == EVENT_DEVIATION) {
        EVENT_GET(ev, DEVIATION, &deviation);
        add_comment(c, deviation.rule, deviation.note);
    } else if (f && ev->kind == EVENT_LINK_UP) {
        see_link_up(f, ev);
    } else if (f && ev->kind == EVENT_OCTETS) {
        see_octets(c, f, ev);
    } else if (f && ev->kind == EVENT_LINK_DOWN) {
        see_link_down(c, f, ev);
    }
}

/* Known only from what comes later than the first packet: what is spoken, and that somebody logs in
 * where others would not have to. */
static void find_services(struct capture *c)
{
    struct ev_protocol protocol;
    struct ev_command command;
    const struct journal *j = c->journal;
    for (uint64_t seq = journal_first(j); seq != 0 && seq <= journal_last(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        if (!ev || ev->conn == 0)
            continue;
        if (ev->kind == EVENT_PROTOCOL) {
            EVENT_GET(ev, PROTOCOL, &protocol);
            struct flow *f = flow_get(c, ev->conn);
            f->service = slice_eq(protocol.name, SLICE_LIT("pop3"))   ? SERVICE_POP3
                         : slice_eq(protocol.name, SLICE_LIT("imap")) ? SERVICE_IMAP
                                                                      : SERVICE_SMTP;
        } else if (ev->kind == EVENT_COMMAND) {
            EVENT_GET(ev, COMMAND, &command);
            struct flow *f = flow_get(c, ev->conn);
            if (f->service == SERVICE_SMTP && slice_eq(command.verb, SLICE_LIT("AUTH")))
                f->service = SERVICE_SUBMISSION;
        }
    }
}

/* A recording of the practice server has nothing but what happened behind the scenes. */
static bool only_backstage(const struct journal *j)
{
    for (uint64_t seq = journal_first(j); seq != 0 && seq <= journal_last(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        if (ev && ev->kind == EVENT_LINK_UP && !(ev->flags & EVENT_FLAG_BACKSTAGE))
            return false;
    }
    return true;
}

bool export_pcapng(const struct journal *j, const struct export_options *options, FILE *to,
                   struct err *err)
{
    struct capture c = {.journal = j, .options = options, .to = to};
    const struct event *first = journal_at(j, journal_first(j));
    (void)err;
    c.first_tick_ns = first ? first->tick_ns : 0;
    c.first_wall_us = first ? first->wall_us : 0;
    c.backstage = only_backstage(j);
    buf_init(&c.block, (1 << 18) + options->keys.len);
    buf_init(&c.comment, 16384);
    annotations_read(&c.annotations, j);
    if (options->standard_ports)
        find_services(&c);
    put_head(&c);
    put_keys(&c, options->keys);
    for (uint64_t seq = journal_first(j); seq != 0 && seq <= journal_last(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        if (ev && c.backstage == ((ev->flags & EVENT_FLAG_BACKSTAGE) != 0))
            see(&c, ev);
    }
    buf_deinit(&c.block);
    buf_deinit(&c.comment);
    annotations_deinit(&c.annotations);
    mem_free(c.flows);
    return true;
}
