/* Zones of practice, and a resolver that asks them: for the practice world and for tests.
 *
 * The lines are described in include/dns/zone.h. A name that stands nowhere is NXDOMAIN, one that
 * stands with other types only is NODATA, and a CNAME is followed within the zone.
 */
#include "dns/zone.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/mem.h"
#include "base/vis.h"
#include "zone_private.h"

static const struct {
    const char *word;
    enum zone_behaviour behaviour;
} behaviours[] = {
    {"SERVFAIL", ZONE_SERVFAIL},
    {"NXDOMAIN", ZONE_NXDOMAIN},
    {"TIMEOUT", ZONE_NEVER},
};

static const char *parse_name(struct slice word, char *out)
{
    char text[DNS_NAME_OCTETS];
    if (word.len >= sizeof(text))
        return "a name is too long";
    memcpy(text, word.ptr, word.len);
    text[word.len] = '\0';
    return dns_to_ascii(text, out, DNS_NAME_OCTETS) ? NULL : "a domain name is expected";
}

static const char *data_address(struct dns_zone *z, struct zone_row *row, struct slice data)
{
    char text[INET6_ADDRSTRLEN] = "";
    uint8_t octets[16];
    bool v4 = row->type == DNS_A;
    if (data.len < sizeof(text))
        memcpy(text, data.ptr, data.len);
    if (inet_pton(v4 ? AF_INET : AF_INET6, text, octets) != 1)
        return v4 ? "an IPv4 address is expected" : "an IPv6 address is expected";
    row->data = arena_dup(&z->arena, slice_of(octets, v4 ? 4 : 16));
    return NULL;
}

static const char *data_name(struct dns_zone *z, struct zone_row *row, struct slice data)
{
    char name[DNS_NAME_OCTETS] = "";
    const char *wrong = slice_eq(data, SLICE_LIT(".")) ? NULL : parse_name(data, name);
    row->data = arena_dup(&z->arena, slice_cstr(name));
    return wrong;
}

static const char *data_mx(struct dns_zone *z, struct zone_row *row, struct slice data)
{
    uint64_t preference = 0;
    struct slice rest = data;
    if (!slice_to_u64(slice_next_word(&rest), UINT16_MAX, &preference))
        return "a preference from 0 to 65535 is expected";
    row->preference = (uint16_t)preference;
    return data_name(z, row, slice_trim(rest));
}

/* The text as character strings of at most 255 octets (RFC 1035 section 3.3.14). */
static const char *data_txt(struct dns_zone *z, struct zone_row *row, struct slice data)
{
    struct buf rdata;
    if (data.len >= 2 && data.ptr[0] == '"' && data.ptr[data.len - 1] == '"')
        data = slice_take(slice_skip(data, 1), data.len - 2);
    buf_init(&rdata, RDATA_OCTETS_MAX);
    do {
        struct slice part = slice_take(data, 255);
        buf_append_octet(&rdata, (uint8_t)part.len);
        buf_append(&rdata, part);
        data = slice_skip(data, part.len);
    } while (data.len > 0);
    bool fits = !rdata.overflow;
    row->data = arena_dup(&z->arena, buf_slice(&rdata));
    buf_deinit(&rdata);
    return fits ? NULL : "the text is too long";
}

static bool append_hex(struct buf *out, struct slice hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i + 1 < hex.len; i += 2) {
        ptrdiff_t high = slice_find_octet(slice_cstr(digits), hex.ptr[i] | 0x20);
        ptrdiff_t low = slice_find_octet(slice_cstr(digits), hex.ptr[i + 1] | 0x20);
        if (high < 0 || low < 0)
            return false;
        buf_append_octet(out, (uint8_t)(high << 4 | low));
    }
    return hex.len % 2 == 0 && !out->overflow;
}

/* RFC 6698 section 2.2: usage, selector, matching type, association data in hexadecimal. */
static const char *data_tlsa(struct dns_zone *z, struct zone_row *row, struct slice data)
{
    struct buf rdata;
    struct slice rest = data;
    bool good = true;
    buf_init(&rdata, RDATA_OCTETS_MAX);
    for (int i = 0; i < 3; i++) {
        uint64_t n = 0;
        good = slice_to_u64(slice_next_word(&rest), 255, &n) && good;
        buf_append_octet(&rdata, (uint8_t)n);
    }
    good = good && append_hex(&rdata, slice_trim(rest));
    row->data = arena_dup(&z->arena, buf_slice(&rdata));
    buf_deinit(&rdata);
    return good ? NULL : "three numbers and hexadecimal data are expected";
}

typedef const char *(*data_fn)(struct dns_zone *z, struct zone_row *row, struct slice data);

static const struct {
    enum dns_type type;
    data_fn parse;
} data_parsers[] = {
    {DNS_A, data_address}, {DNS_AAAA, data_address}, {DNS_MX, data_mx},    {DNS_TXT, data_txt},
    {DNS_TLSA, data_tlsa}, {DNS_CNAME, data_name},   {DNS_PTR, data_name},
};

/* NULL, or what is wrong with the line. */
static const char *parse_row(struct dns_zone *z, struct slice line, struct zone_row *row)
{
    struct slice rest = line;
    const char *wrong = parse_name(slice_next_word(&rest), row->name);
    row->type = dns_type_of(slice_next_word(&rest));
    struct slice data = slice_trim(rest);
    if (wrong != NULL)
        return wrong;
    if (row->type == 0)
        return "A, AAAA, MX, TXT, TLSA, CNAME or PTR is expected after the name";
    if (data.len == 0)
        return "data is missing";
    for (size_t i = 0; i < sizeof(behaviours) / sizeof(behaviours[0]); i++)
        if (slice_eq(data, slice_cstr(behaviours[i].word))) {
            row->behaviour = behaviours[i].behaviour;
            return NULL;
        }
    for (size_t i = 0; i < sizeof(data_parsers) / sizeof(data_parsers[0]); i++)
        if (data_parsers[i].type == row->type)
            return data_parsers[i].parse(z, row, data);
    return "this type is not known here";
}

static void add_row(struct dns_zone *z, const struct zone_row *row)
{
    if (z->n_rows == z->alloc_rows) {
        z->alloc_rows = z->alloc_rows == 0 ? 16 : z->alloc_rows * 2;
        z->rows = mem_realloc(z->rows, z->alloc_rows * sizeof(*z->rows));
    }
    z->rows[z->n_rows++] = *row;
}

struct dns_zone *dns_zone_new(void)
{
    struct dns_zone *z = mem_zalloc(sizeof(*z));
    arena_init(&z->arena);
    return z;
}

void dns_zone_free(struct dns_zone **zone)
{
    struct dns_zone *z = *zone;
    *zone = NULL;
    if (!z)
        return;
    arena_deinit(&z->arena);
    mem_free(z->rows);
    mem_free(z);
}

void dns_zone_clear(struct dns_zone *z)
{
    arena_deinit(&z->arena);
    arena_init(&z->arena);
    z->n_rows = 0;
}

bool dns_zone_add(struct dns_zone *z, struct slice rest, struct err *err)
{
    for (unsigned number = 1; rest.len > 0; number++) {
        ptrdiff_t end = slice_find_octet(rest, '\n');
        struct slice line = slice_trim(end < 0 ? rest : slice_take(rest, (size_t)end));
        rest = end < 0 ? slice_of(NULL, 0) : slice_skip(rest, (size_t)end + 1);
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        struct zone_row row = {.type = 0};
        const char *wrong = parse_row(z, line, &row);
        if (wrong != NULL) {
            char shown[100];
            vis_to_cstr(shown, sizeof(shown), line);
            err_set(err, ERR_FORMAT, 0, "DNS table, line %u: %s: %s", number, wrong, shown);
            return false;
        }
        add_row(z, &row);
    }
    return true;
}

const struct zone_row *zone_find(const struct dns_zone *z, const char *name, enum dns_type type)
{
    for (size_t i = 0; i < z->n_rows; i++)
        if ((type == 0 || z->rows[i].type == type) && strcmp(z->rows[i].name, name) == 0)
            return &z->rows[i];
    return NULL;
}

static void answer_with(const struct dns_zone *z, struct dns_question *q,
                        const struct zone_row *first)
{
    switch (first->behaviour) {
    case ZONE_SERVFAIL:
        dns_question_settle(q, DNS_SERVFAIL, DNSSEC_UNKNOWN, "SERVFAIL", "the resolver failed");
        return;
    case ZONE_NXDOMAIN:
        dns_question_settle(q, DNS_NXDOMAIN, DNSSEC_UNKNOWN, "NXDOMAIN", "no such name");
        return;
    case ZONE_NEVER:
        return; /* the deadline settles it */
    case ZONE_ANSWERS:
        break;
    }
    for (size_t i = 0; i < z->n_rows; i++)
        if (z->rows[i].type == first->type && z->rows[i].behaviour == ZONE_ANSWERS &&
            strcmp(z->rows[i].name, first->name) == 0)
            dns_question_add(q, z->rows[i].preference, z->rows[i].data);
    dns_question_settle_found(q, DNSSEC_UNKNOWN);
}

static void zone_ask(void *source, struct dns_question *q)
{
    const struct dns_zone *z = source;
    char name[DNS_NAME_OCTETS];
    memcpy(name, q->name, sizeof(name));
    for (int hop = 0; hop < CNAME_HOPS_MAX; hop++) {
        const struct zone_row *row = zone_find(z, name, q->type);
        if (row != NULL) {
            answer_with(z, q, row);
            return;
        }
        row = zone_find(z, name, DNS_CNAME);
        if (row != NULL && row->behaviour != ZONE_ANSWERS) {
            answer_with(z, q, row);
            return;
        }
        if (row == NULL && zone_find(z, name, 0) != NULL) {
            dns_question_settle_found(q, DNSSEC_UNKNOWN);
            return;
        }
        if (row == NULL) {
            dns_question_settle(q, DNS_NXDOMAIN, DNSSEC_UNKNOWN, "NXDOMAIN", "no such name");
            return;
        }
        memcpy(name, row->data.ptr, row->data.len);
        name[row->data.len] = '\0';
    }
    dns_question_settle(q, DNS_SERVFAIL, DNSSEC_UNKNOWN, "SERVFAIL", "too many aliases in a row");
}

static void zone_cancel(void *source, struct dns_question *q)
{
    (void)source;
    (void)q; /* nothing is under way */
}

static void zone_borrowed(void *source)
{
    (void)source;
}

static void zone_owned(void *source)
{
    struct dns_zone *z = source;
    dns_zone_free(&z);
}

struct dns *dns_new_zone(struct loop *l, struct journal *j, const struct dns_zone *z)
{
    static const struct dns_source source = {zone_ask, zone_cancel, zone_borrowed};
    return dns_new_with(l, j, &source, (void *)(uintptr_t)z);
}

struct dns *dns_new_table(struct loop *l, struct journal *j, const char *lines, struct err *err)
{
    static const struct dns_source source = {zone_ask, zone_cancel, zone_owned};
    struct dns_zone *z = dns_zone_new();
    if (dns_zone_add(z, slice_cstr(lines), err))
        return dns_new_with(l, j, &source, z);
    dns_zone_free(&z);
    return NULL;
}
