/* A resolver that answers from lines: for the practice server and for tests.
 *
 *     NAME TYPE DATA      mail.test A 192.0.2.1 | mail.test TXT v=spf1 -all | alias.test CNAME
 * mail.test NAME MX PREF HOST   example.test MX 10 mail.test | no-mail.test MX 0 . NAME TYPE
 * MISBEHAVIOUR    SERVFAIL, NXDOMAIN, TIMEOUT (never answers)
 *
 * "#" begins a comment line. A name that stands nowhere is NXDOMAIN, one that stands with other
 * types only is NODATA, and a CNAME is followed within the table.
 */
#include "dns_private.h"

#include "base/mem.h"
#include "base/vis.h"

#include <arpa/inet.h>
#include <string.h>

enum { RDATA_OCTETS_MAX = 4096, CNAME_HOPS_MAX = 8 };

enum behaviour { ANSWERS, ANSWERS_SERVFAIL, ANSWERS_NXDOMAIN, ANSWERS_NEVER };

struct row {
    char name[DNS_NAME_OCTETS];
    enum dns_type type;
    enum behaviour behaviour;
    uint16_t preference;
    struct slice data;
};

struct table {
    struct arena arena;
    struct row *rows;
    size_t n_rows, alloc_rows;
};

static const struct {
    const char *word;
    enum behaviour behaviour;
} behaviours[] = {
    {"SERVFAIL", ANSWERS_SERVFAIL},
    {"NXDOMAIN", ANSWERS_NXDOMAIN},
    {"TIMEOUT", ANSWERS_NEVER},
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

static const char *data_address(struct table *t, struct row *row, struct slice data)
{
    char text[INET6_ADDRSTRLEN] = "";
    uint8_t octets[16];
    bool v4 = row->type == DNS_A;
    if (data.len < sizeof(text))
        memcpy(text, data.ptr, data.len);
    if (inet_pton(v4 ? AF_INET : AF_INET6, text, octets) != 1)
        return v4 ? "an IPv4 address is expected" : "an IPv6 address is expected";
    row->data = arena_dup(&t->arena, slice_of(octets, v4 ? 4 : 16));
    return NULL;
}

static const char *data_name(struct table *t, struct row *row, struct slice data)
{
    char name[DNS_NAME_OCTETS] = "";
    const char *wrong = slice_eq(data, SLICE_LIT(".")) ? NULL : parse_name(data, name);
    row->data = arena_dup(&t->arena, slice_cstr(name));
    return wrong;
}

static const char *data_mx(struct table *t, struct row *row, struct slice data)
{
    uint64_t preference = 0;
    struct slice rest = data;
    if (!slice_to_u64(slice_next_word(&rest), UINT16_MAX, &preference))
        return "a preference from 0 to 65535 is expected";
    row->preference = (uint16_t)preference;
    return data_name(t, row, slice_trim(rest));
}

/* The text as character strings of at most 255 octets (RFC 1035 section 3.3.14). */
static const char *data_txt(struct table *t, struct row *row, struct slice data)
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
    row->data = arena_dup(&t->arena, buf_slice(&rdata));
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
static const char *data_tlsa(struct table *t, struct row *row, struct slice data)
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
    row->data = arena_dup(&t->arena, buf_slice(&rdata));
    buf_deinit(&rdata);
    return good ? NULL : "three numbers and hexadecimal data are expected";
}

typedef const char *(*data_fn)(struct table *t, struct row *row, struct slice data);

static const struct {
    enum dns_type type;
    data_fn parse;
} data_parsers[] = {
    {DNS_A, data_address}, {DNS_AAAA, data_address}, {DNS_MX, data_mx},    {DNS_TXT, data_txt},
    {DNS_TLSA, data_tlsa}, {DNS_CNAME, data_name},   {DNS_PTR, data_name},
};

/* NULL, or what is wrong with the line. */
static const char *parse_row(struct table *t, struct slice line, struct row *row)
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
            return data_parsers[i].parse(t, row, data);
    return "this type is not known here";
}

static void add_row(struct table *t, const struct row *row)
{
    if (t->n_rows == t->alloc_rows) {
        t->alloc_rows = t->alloc_rows == 0 ? 16 : t->alloc_rows * 2;
        t->rows = mem_realloc(t->rows, t->alloc_rows * sizeof(*t->rows));
    }
    t->rows[t->n_rows++] = *row;
}

static void table_free(void *source)
{
    struct table *t = source;
    arena_deinit(&t->arena);
    mem_free(t->rows);
    mem_free(t);
}

static bool parse_lines(struct table *t, struct slice rest, struct err *err)
{
    for (unsigned number = 1; rest.len > 0; number++) {
        ptrdiff_t end = slice_find_octet(rest, '\n');
        struct slice line = slice_trim(end < 0 ? rest : slice_take(rest, (size_t)end));
        rest = end < 0 ? slice_of(NULL, 0) : slice_skip(rest, (size_t)end + 1);
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        struct row row = {.type = 0};
        const char *wrong = parse_row(t, line, &row);
        if (wrong != NULL) {
            char shown[100];
            vis_to_cstr(shown, sizeof(shown), line);
            err_set(err, ERR_FORMAT, 0, "DNS table, line %u: %s: %s", number, wrong, shown);
            return false;
        }
        add_row(t, &row);
    }
    return true;
}

static const struct row *find_row(const struct table *t, const char *name, enum dns_type type)
{
    for (size_t i = 0; i < t->n_rows; i++)
        if ((type == 0 || t->rows[i].type == type) && strcmp(t->rows[i].name, name) == 0)
            return &t->rows[i];
    return NULL;
}

static void answer_with(const struct table *t, struct dns_question *q, const struct row *first)
{
    switch (first->behaviour) {
    case ANSWERS_SERVFAIL:
        dns_question_settle(q, DNS_SERVFAIL, DNSSEC_UNKNOWN, "SERVFAIL", "the resolver failed");
        return;
    case ANSWERS_NXDOMAIN:
        dns_question_settle(q, DNS_NXDOMAIN, DNSSEC_UNKNOWN, "NXDOMAIN", "no such name");
        return;
    case ANSWERS_NEVER:
        return; /* the deadline settles it */
    case ANSWERS:
        break;
    }
    for (size_t i = 0; i < t->n_rows; i++)
        if (t->rows[i].type == first->type && t->rows[i].behaviour == ANSWERS &&
            strcmp(t->rows[i].name, first->name) == 0)
            dns_question_add(q, t->rows[i].preference, t->rows[i].data);
    dns_question_settle_found(q, DNSSEC_UNKNOWN);
}

static void table_ask(void *source, struct dns_question *q)
{
    struct table *t = source;
    char name[DNS_NAME_OCTETS];
    memcpy(name, q->name, sizeof(name));
    for (int hop = 0; hop < CNAME_HOPS_MAX; hop++) {
        const struct row *row = find_row(t, name, q->type);
        if (row != NULL) {
            answer_with(t, q, row);
            return;
        }
        row = find_row(t, name, DNS_CNAME);
        if (row != NULL && row->behaviour != ANSWERS) {
            answer_with(t, q, row);
            return;
        }
        if (row == NULL && find_row(t, name, 0) != NULL) {
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

static void table_cancel(void *source, struct dns_question *q)
{
    (void)source;
    (void)q; /* nothing is under way */
}

struct dns *dns_new_table(struct loop *l, struct journal *j, const char *lines, struct err *err)
{
    static const struct dns_source source = {table_ask, table_cancel, table_free};
    struct table *t = mem_zalloc(sizeof(*t));
    arena_init(&t->arena);
    if (parse_lines(t, slice_cstr(lines), err))
        return dns_new_with(l, j, &source, t);
    table_free(t);
    return NULL;
}
