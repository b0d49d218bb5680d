/* A zone over the wire: one question in, one answer out (RFC 1035 section 4). */
#include <string.h>

#include "dns/zone.h"
#include "zone_private.h"

enum {
    HEADER_OCTETS = 12,
    FLAG_RESPONSE = 0x8000,
    FLAG_AUTHORITATIVE = 0x0400,
    FLAG_CUT = 0x0200,
    FLAG_RECURSION_DESIRED = 0x0100,
    OPCODE_MASK = 0x7800,
    PLAIN_UDP_OCTETS = 512,
    CLASS_IN = 1,
    TYPE_OPT = 41,
    TTL_S = 60, /* practice changes its mind often */
};
enum rcode { NOERROR = 0, FORMERR = 1, SERVFAIL = 2, NXDOMAIN = 3, NOTIMP = 4, REFUSED = 5 };

static const char *rcode_name(enum rcode rcode)
{
    static const char *const names[] = {"NOERROR",  "FORMERR", "SERVFAIL",
                                        "NXDOMAIN", "NOTIMP",  "REFUSED"};
    return names[rcode];
}

struct question {
    uint16_t id, flags, type, class;
    struct slice wire; /* the question section as it came, to be said back */
    size_t limit_octets;
};

static uint16_t get16(struct slice in, size_t at)
{
    return (uint16_t)(in.ptr[at] << 8 | in.ptr[at + 1]);
}

static void put16(struct buf *out, unsigned value)
{
    buf_append_octet(out, (uint8_t)(value >> 8));
    buf_append_octet(out, (uint8_t)value);
}

/* The OPT record of the additional section says what the client can take (RFC 6891 section 6.2.3).
 * Only where it is the sole record behind the question: clients send it so. */
static size_t edns_octets(struct slice rest)
{
    if (rest.len < 11 || rest.ptr[0] != 0 || get16(rest, 1) != TYPE_OPT)
        return PLAIN_UDP_OCTETS;
    size_t octets = get16(rest, 3);
    return octets < PLAIN_UDP_OCTETS ? PLAIN_UDP_OCTETS : octets;
}

static bool read_question(struct slice in, struct question *q, struct dns_asked *asked)
{
    struct buf name;
    size_t used = 0;
    if (in.len < HEADER_OCTETS + 5 || get16(in, 4) != 1)
        return false;
    q->id = get16(in, 0);
    q->flags = get16(in, 2);
    struct slice rest = slice_skip(in, HEADER_OCTETS);
    buf_init(&name, DNS_NAME_TEXT_OCTETS);
    bool good = dns_name_from_wire(rest, &name, &used) && rest.len >= used + 4;
    if (good) {
        q->type = get16(rest, used);
        q->class = get16(rest, used + 2);
        q->wire = slice_take(rest, used + 4);
        q->limit_octets = edns_octets(slice_skip(rest, used + 4));
        asked->type_number = q->type;
        struct slice text = slice_take(buf_slice(&name), sizeof(asked->name) - 1);
        for (size_t i = 0; i < text.len; i++) {
            uint8_t c = text.ptr[i];
            asked->name[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        }
    }
    buf_deinit(&name);
    return good;
}

/* A name of the zone: letters, digits, hyphens and dots, labels of at most 63 octets. */
static void put_name(struct buf *out, struct slice name)
{
    while (name.len > 0) {
        ptrdiff_t dot = slice_find_octet(name, '.');
        size_t octets = dot < 0 ? name.len : (size_t)dot;
        buf_append_octet(out, (uint8_t)octets);
        buf_append(out, slice_take(name, octets));
        name = slice_skip(name, octets + (dot >= 0));
    }
    buf_append_octet(out, 0);
}

static void put_rdata(struct buf *out, const struct zone_row *row)
{
    switch (row->type) {
    case DNS_MX:
        put16(out, row->preference);
        put_name(out, row->data);
        return;
    case DNS_CNAME:
    case DNS_PTR:
        put_name(out, row->data);
        return;
    case DNS_A:
    case DNS_AAAA:
    case DNS_TXT:
    case DNS_TLSA:
        break;
    }
    buf_append(out, row->data);
}

static void put_record(struct buf *out, const struct zone_row *row)
{
    struct buf rdata;
    buf_init(&rdata, RDATA_OCTETS_MAX + DNS_NAME_OCTETS);
    put_rdata(&rdata, row);
    put_name(out, slice_cstr(row->name));
    put16(out, row->type);
    put16(out, CLASS_IN);
    put16(out, 0);
    put16(out, TTL_S);
    put16(out, (unsigned)rdata.len);
    buf_append(out, buf_slice(&rdata));
    buf_deinit(&rdata);
}

/* All rows of a name and type. */
static size_t put_rows(const struct dns_zone *z, const char *name, enum dns_type type,
                       struct buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < z->n_rows; i++) {
        const struct zone_row *row = &z->rows[i];
        if (row->type != type || row->behaviour != ZONE_ANSWERS || strcmp(row->name, name) != 0)
            continue;
        put_record(out, row);
        n++;
    }
    return n;
}

struct found {
    enum rcode rcode;
    bool never;
    size_t n_records;
};

static struct found behave(const struct zone_row *row)
{
    return (struct found){.rcode = row->behaviour == ZONE_SERVFAIL   ? SERVFAIL
                                   : row->behaviour == ZONE_NXDOMAIN ? NXDOMAIN
                                                                     : NOERROR,
                          .never = row->behaviour == ZONE_NEVER};
}

/* Aliases are followed within the zone, each with its record (RFC 1034 section 3.6.2). */
static struct found look_up(const struct dns_zone *z, const char *asked_name, unsigned type,
                            struct buf *records)
{
    const char *name = asked_name;
    char alias[DNS_NAME_OCTETS];
    size_t n = 0;
    for (int hop = 0; hop < CNAME_HOPS_MAX; hop++) {
        const struct zone_row *row = zone_find(z, name, (enum dns_type)type);
        if (row && row->behaviour != ZONE_ANSWERS)
            return behave(row);
        if (row)
            return (struct found){.n_records = n + put_rows(z, name, (enum dns_type)type, records)};
        row = zone_find(z, name, DNS_CNAME);
        if (row && row->behaviour != ZONE_ANSWERS)
            return behave(row);
        if (!row)
            return (struct found){.rcode = n > 0 || zone_find(z, name, 0) ? NOERROR : NXDOMAIN,
                                  .n_records = n};
        put_record(records, row);
        n++;
        memcpy(alias, row->data.ptr, row->data.len);
        alias[row->data.len] = '\0';
        name = alias;
    }
    return (struct found){.rcode = SERVFAIL};
}

static void put_header(struct buf *out, const struct question *q, enum rcode rcode, size_t answers,
                       bool cut)
{
    unsigned flags = FLAG_RESPONSE | FLAG_AUTHORITATIVE | (q->flags & OPCODE_MASK) |
                     (q->flags & FLAG_RECURSION_DESIRED) | (unsigned)rcode;
    put16(out, q->id);
    put16(out, flags | (cut ? FLAG_CUT : 0));
    put16(out, q->wire.len > 0 ? 1 : 0);
    put16(out, (unsigned)answers);
    put16(out, 0);
    put16(out, 0);
    buf_append(out, q->wire);
}

static struct found answer(const struct dns_zone *z, const struct question *q,
                           const struct dns_asked *asked, struct buf *records)
{
    if ((q->flags & OPCODE_MASK) != 0)
        return (struct found){.rcode = NOTIMP};
    if (q->class != CLASS_IN)
        return (struct found){.rcode = REFUSED};
    return look_up(z, asked->name, q->type, records);
}

bool dns_zone_reply(const struct dns_zone *z, struct slice query, size_t max_octets,
                    struct buf *out, struct dns_asked *asked)
{
    struct question q = {.limit_octets = PLAIN_UDP_OCTETS};
    struct buf records;
    buf_reset(out);
    memset(asked, 0, sizeof(*asked));
    /* A response is never answered: two servers would talk for ever. */
    if (query.len < HEADER_OCTETS || (get16(query, 2) & FLAG_RESPONSE))
        return false;
    if (!read_question(query, &q, asked)) {
        q = (struct question){.id = get16(query, 0), .flags = get16(query, 2)};
        asked->rcode = rcode_name(FORMERR);
        put_header(out, &q, FORMERR, 0, false);
        return true;
    }
    asked->type = dns_type_of(slice_cstr(dns_type_name((enum dns_type)q.type)));
    buf_init(&records, DNS_MESSAGE_OCTETS);
    struct found f = answer(z, &q, asked, &records);
    asked->rcode = f.never ? "timeout" : rcode_name(f.rcode);
    asked->n_records = f.n_records;
    size_t limit = max_octets < DNS_MESSAGE_OCTETS && q.limit_octets < max_octets ? q.limit_octets
                                                                                  : max_octets;
    bool cut = records.overflow || HEADER_OCTETS + q.wire.len + records.len > limit;
    if (!f.never) {
        put_header(out, &q, f.rcode, cut ? 0 : f.n_records, cut);
        if (!cut)
            buf_append(out, buf_slice(&records));
    }
    buf_deinit(&records);
    return !f.never;
}
