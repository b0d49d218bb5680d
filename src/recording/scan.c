/* The short way to read a line: what this program writes, without building a tree of it.
 *
 *   line   = "{" member *( "," member ) "}"          ; no blanks, no member twice
 *   member = DQUOTE name DQUOTE ":" value            ; "kind" stands before the fields of its kind
 *   value  = number / string / true / {"base64":string} / [[number,number],...]
 *
 * A million lines are read in the time a general reader takes for a tenth of them. Only what is
 * certain is taken: at the first octet that could mean anything else (blanks, a name that is not in
 * the table, a surrogate escape, a number too large) the line is left to line.c, which knows all of
 * JSON. So the two can never disagree on what a line says; tests and a fuzzer hold them together.
 *
 * Strings without escapes are not copied: slices may point into the line.
 */
#include "recording/parser_private.h"

#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "recording/scan.h"

#define OFFSET_MAX ((uint64_t)1 << 62)
/* Below a million seconds a double and nine digits say the same nanosecond. */
#define SECONDS_MAX 999999

static bool take(struct scan *s, uint8_t octet)
{
    if (s->at == s->end || *s->at != octet)
        return false;
    s->at++;
    return true;
}

bool scan_word(struct scan *s, const char *word, size_t len)
{
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
        return false;
    s->at += len;
    return true;
}

bool scan_number(struct scan *s, uint64_t *out)
{
    const uint8_t *from = s->at;
    uint64_t value = 0;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9' && s->at - from < 19)
        value = value * 10 + (uint64_t)(*s->at++ - '0');
    size_t len = (size_t)(s->at - from);
    *out = value;
    return len > 0 && len < 19 && (len == 1 || *from != '0');
}

/* ---- strings ---- */

/* 0x80 in each octet of w that is a quote, a backslash, a control character or above ASCII. */
static uint64_t special(uint64_t w)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    uint64_t quote = w ^ (ones * '"'), back = w ^ (ones * '\\');
    return (((quote - ones) & ~quote) | ((back - ones) & ~back) | ((w - ones * 0x20) & ~w) | w) &
           high;
}

/* To the first special octet. */
static const uint8_t *run_end(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 8) {
        uint64_t w;
        memcpy(&w, at, sizeof(w));
        if (special(w) != 0)
            break;
        at += 8;
    }
    while (at < end && *at != '"' && *at != '\\' && *at >= 0x20 && *at < 0x80)
        at++;
    return at;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \uXXXX of one code point outside the surrogates, as UTF-8. */
static uint8_t *take_unicode(struct scan *s, uint8_t *to)
{
    unsigned cp = 0;
    if (s->end - s->at < 4)
        return NULL;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(*s->at++);
        if (digit < 0)
            return NULL;
        cp = cp << 4 | (unsigned)digit;
    }
    if (cp >= 0xD800 && cp <= 0xDFFF)
        return NULL;
    if (cp < 0x80) {
        *to++ = (uint8_t)cp;
    } else if (cp < 0x800) {
        *to++ = (uint8_t)(0xC0 | cp >> 6);
        *to++ = (uint8_t)(0x80 | (cp & 0x3F));
    } else {
        *to++ = (uint8_t)(0xE0 | cp >> 12);
        *to++ = (uint8_t)(0x80 | (cp >> 6 & 0x3F));
        *to++ = (uint8_t)(0x80 | (cp & 0x3F));
    }
    return to;
}

static uint8_t *take_escape(struct scan *s, uint8_t *to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    if (s->at == s->end)
        return NULL;
    uint8_t c = *s->at++;
    if (c == 'u')
        return take_unicode(s, to);
    const char *found = c ? memchr(from, c, sizeof(from) - 1) : NULL;
    if (!found)
        return NULL;
    *to++ = (uint8_t)into[found - from];
    return to;
}

/* The rest of a string with escapes, from s->at on; what was before it is `head`. No escape is
 * shorter than what it stands for, so the line's rest is room enough. */
static bool take_escaped(struct scan *s, struct slice head, struct slice *out)
{
    const uint8_t *quote = s->at;
    /* The room: to the quote that ends the string. */
    while ((quote = memchr(quote, '"', (size_t)(s->end - quote))) != NULL) {
        size_t n_back = 0;
        while (quote - n_back > s->at && quote[-1 - (ptrdiff_t)n_back] == '\\')
            n_back++;
        if (n_back % 2 == 0)
            break;
        quote++;
    }
    if (!quote)
        return false;
    uint8_t *copy = arena_alloc(s->arena, head.len + (size_t)(quote - s->at) + 1), *to = copy;
    memcpy(to, head.ptr, head.len);
    to += head.len;
    bool ascii = true;
    while (s->at < quote) {
        const uint8_t *run = run_end(s->at, quote);
        while (run < quote && *run >= 0x80) {
            ascii = false;
            run = run_end(run + 1, quote);
        }
        memcpy(to, s->at, (size_t)(run - s->at));
        to += run - s->at;
        s->at = run;
        if (s->at == quote)
            break;
        if (*s->at++ != '\\' || !(to = take_escape(s, to)))
            return false;
    }
    *out = slice_of(copy, (size_t)(to - copy));
    for (size_t i = 0; ascii && i < head.len; i++)
        ascii = head.ptr[i] < 0x80;
    s->at = quote + 1;
    return ascii || utf8_valid(*out);
}

static bool take_string(struct scan *s, struct slice *out)
{
    if (!take(s, '"'))
        return false;
    const uint8_t *from = s->at;
    const uint8_t *to = run_end(from, s->end);
    bool ascii = true;
    while (to < s->end && *to >= 0x80) {
        ascii = false;
        to = run_end(to + 1, s->end);
    }
    if (to == s->end || *to < 0x20)
        return false;
    *out = slice_of(from, (size_t)(to - from));
    s->at = to;
    if (*to == '\\')
        return take_escaped(s, *out, out);
    s->at++;
    return ascii || utf8_valid(*out);
}

static bool take_base64(struct scan *s, struct slice *out)
{
    struct slice text;
    struct buf decoded;
    if (!take_string(s, &text))
        return false;
    buf_init(&decoded, RECORDING_LINE_OCTETS);
    bool ok = base64_decode(&decoded, text);
    if (ok)
        *out = arena_dup(s->arena, buf_slice(&decoded));
    buf_deinit(&decoded);
    return ok;
}

/* ---- the header ---- */

bool scan_time(struct scan *s, uint64_t *tick_ns_out)
{
    uint64_t seconds, fraction = 0;
    unsigned digits = 0;
    if (!scan_number(s, &seconds) || seconds > SECONDS_MAX || !take(s, '.'))
        return false;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9' && digits < 9; digits++)
        fraction = fraction * 10 + (uint64_t)(*s->at++ - '0');
    if (digits == 0)
        return false;
    for (; digits < 9; digits++)
        fraction *= 10;
    *tick_ns_out = seconds * UINT64_C(1000000000) + fraction;
    return true;
}

static bool take_at(struct scan *s, int64_t *wall_us_out)
{
    char text[32];
    struct slice at;
    if (!take_string(s, &at) || at.len >= sizeof(text))
        return false;
    memcpy(text, at.ptr, at.len);
    text[at.len] = '\0';
    *wall_us_out = strlen(text) == at.len ? clock_parse_rfc3339(text) : 0;
    return true;
}

enum header_key {
    KEY_SEQ,
    KEY_CONN,
    KEY_KIND,
    KEY_T,
    KEY_AT,
    KEY_CAUSE,
    KEY_BACKSTAGE,
    KEY__COUNT
};
static const struct {
    const char *name;
    uint8_t len;
} header_keys[KEY__COUNT] = {
    [KEY_SEQ] = {"seq", 3},
    [KEY_CONN] = {"conn", 4},
    [KEY_KIND] = {"kind", 4},
    [KEY_T] = {"t", 1},
    [KEY_AT] = {"at", 2},
    [KEY_CAUSE] = {"cause", 5},
    [KEY_BACKSTAGE] = {"backstage", 9},
};

enum event_kind scan_kind(struct slice name)
{
    static const struct {
        const char *name;
        uint8_t len;
        enum event_kind kind;
    } often[] = {{"octets", 6, EVENT_OCTETS},
                 {"command", 7, EVENT_COMMAND},
                 {"reply", 5, EVENT_REPLY},
                 {"state", 5, EVENT_STATE},
                 {"envelope", 8, EVENT_ENVELOPE}};
    for (size_t i = 0; i < sizeof(often) / sizeof(*often); i++)
        if (name.len == often[i].len && memcmp(name.ptr, often[i].name, name.len) == 0)
            return often[i].kind;
    return event_kind_by_name(name);
}

static bool take_header(struct scan *s, enum header_key key, struct event *header)
{
    uint64_t number;
    struct slice text;
    switch (key) {
    case KEY_SEQ:
        return scan_number(s, &header->seq) && header->seq <= RECORDING_SEQ_MAX;
    case KEY_CONN:
        if (!scan_number(s, &number) || number > RECORDING_CONN_MAX)
            return false;
        header->conn = (uint32_t)number;
        return true;
    case KEY_KIND:
        if (!take_string(s, &text))
            return false;
        header->kind = (uint16_t)scan_kind(text);
        return header->kind != EVENT__COUNT;
    case KEY_T:
        return scan_time(s, &header->tick_ns);
    case KEY_AT:
        return take_at(s, &header->wall_us);
    case KEY_CAUSE:
        return scan_number(s, &header->cause_seq) && header->cause_seq <= RECORDING_SEQ_MAX;
    case KEY_BACKSTAGE:
        header->flags = EVENT_FLAG_BACKSTAGE;
        return scan_word(s, "true", 4);
    case KEY__COUNT:
        break;
    }
    return false;
}

/* ---- the fields of the kind ---- */

static bool take_enum(struct scan *s, const char *(*word)(unsigned), unsigned *out)
{
    struct slice text;
    const char *name;
    if (!take_string(s, &text))
        return false;
    for (unsigned i = 0; (name = word(i)) != NULL; i++) {
        if (slice_eq(text, slice_cstr(name))) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool take_field(struct scan *s, const struct event_field *f, uint8_t *payload)
{
    void *to = payload + f->struct_offset;
    uint64_t number;
    struct slice octets;
    unsigned word;
    bool negative, ok = false;
    switch (f->type) {
    case FIELD_U64:
        ok = scan_number(s, &number);
        memcpy(to, &number, sizeof(number));
        break;
    case FIELD_I64:
        negative = take(s, '-');
        ok = scan_number(s, &number);
        number = negative ? 0 - number : number;
        memcpy(to, &number, sizeof(number));
        break;
    case FIELD_TEXT:
        ok = scan_word(s, "{\"base64\":", 10) ? take_base64(s, &octets) && take(s, '}')
                                              : take_string(s, &octets);
        if (ok)
            memcpy(to, &octets, sizeof(octets));
        break;
    case FIELD_BINARY:
        ok = take_base64(s, &octets);
        if (ok)
            memcpy(to, &octets, sizeof(octets));
        break;
    case FIELD_ENUM:
        ok = take_enum(s, f->word, &word);
        if (ok)
            memcpy(to, &word, sizeof(word));
        break;
    }
    return ok;
}

static void put_le32(uint8_t *out, uint64_t v)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> (8 * i));
}

/* [[start,length],...]; what it must hold is looked at when the length is known. */
static bool take_hidden(struct scan *s, struct slice *out)
{
    size_t n = 0, max = (size_t)(s->end - s->at) / 4;
    uint8_t *packed = arena_alloc(s->arena, max * 8 + 8);
    uint64_t start, len, end = 0;
    if (!take(s, '['))
        return false;
    do {
        if (n == max || !take(s, '[') || !scan_number(s, &start) || !take(s, ',') ||
            !scan_number(s, &len) || !take(s, ']') || start < end || len == 0 ||
            start > UINT32_MAX || len > UINT32_MAX)
            return false;
        end = start + len;
        put_le32(packed + n * 8, start);
        put_le32(packed + n * 8 + 4, len);
        n++;
    } while (take(s, ','));
    *out = slice_of(packed, n * 8);
    return n <= RECORDING_HIDDEN_MAX && take(s, ']');
}

static uint64_t hidden_end(struct slice hidden)
{
    uint64_t v[2] = {0, 0};
    for (size_t i = 0; hidden.len >= 8 && i < 8; i++)
        v[i / 4] |= (uint64_t)hidden.ptr[hidden.len - 8 + i] << (8 * (i % 4));
    return v[0] + v[1];
}

/* Members of OCTETS that have another form in a file than in the table. */
enum octets_key { OCTETS_TEXT = 1, OCTETS_BASE64 = 2, OCTETS_HIDDEN = 4 };

static bool take_octets_key(struct scan *s, struct slice name, struct parsed_line *out,
                            unsigned *seen)
{
    unsigned key = slice_eq(name, SLICE_LIT("text"))     ? OCTETS_TEXT
                   : slice_eq(name, SLICE_LIT("base64")) ? OCTETS_BASE64
                   : slice_eq(name, SLICE_LIT("hidden")) ? OCTETS_HIDDEN
                                                         : 0;
    if (key == 0 || (*seen & key))
        return false;
    *seen |= key;
    if (key == OCTETS_HIDDEN)
        return take_hidden(s, &out->payload.octets.hidden);
    return key == OCTETS_TEXT ? take_string(s, &out->octets) : take_base64(s, &out->octets);
}

static bool octets_hold(const struct parsed_line *out, unsigned seen)
{
    const struct ev_octets *o = &out->payload.octets;
    unsigned kept = seen & (OCTETS_TEXT | OCTETS_BASE64);
    return out->header.conn != 0 && o->length > 0 && o->length <= OFFSET_MAX &&
           o->offset <= OFFSET_MAX && o->tls <= 1 && kept != (OCTETS_TEXT | OCTETS_BASE64) &&
           hidden_end(o->hidden) <= o->length && (kept == 0 || out->octets.len == o->length);
}

/* ---- the line ---- */

struct seen {
    unsigned header, octets;
    uint32_t fields;
    const struct event_field *fields_of; /* NULL: "kind" has not come yet */
    unsigned next;                       /* the field that is likely the next */
};

static bool take_name(struct scan *s, struct slice *out)
{
    if (!take(s, '"'))
        return false;
    const uint8_t *from = s->at;
    while (s->at < s->end &&
           ((*s->at >= 'a' && *s->at <= 'z') || *s->at == '_' || (*s->at >= '0' && *s->at <= '9')))
        s->at++;
    *out = slice_of(from, (size_t)(s->at - from));
    return take(s, '"') && take(s, ':');
}

static bool same(struct slice name, const char *text)
{
    return *text == *name.ptr && strncmp((const char *)name.ptr, text, name.len) == 0 &&
           text[name.len] == '\0';
}

/* Fields stand in the table's order where the program wrote them, with some left out. */
static int field_of(const struct seen *seen, struct slice name)
{
    const struct event_field *f = seen->fields_of;
    for (unsigned i = seen->next; f[i].name; i++)
        if (same(name, f[i].name))
            return (int)i;
    for (unsigned i = 0; i < seen->next; i++)
        if (same(name, f[i].name))
            return (int)i;
    return -1;
}

static bool take_member(struct scan *s, struct seen *seen, struct parsed_line *out)
{
    struct slice name;
    if (!take_name(s, &name) || name.len == 0)
        return false;
    for (unsigned key = 0; key < KEY__COUNT; key++) {
        if (*name.ptr != (uint8_t)*header_keys[key].name || name.len != header_keys[key].len ||
            memcmp(name.ptr, header_keys[key].name, name.len))
            continue;
        if (seen->header & 1u << key)
            return false;
        seen->header |= 1u << key;
        if (!take_header(s, (enum header_key)key, &out->header))
            return false;
        if (key == KEY_KIND)
            seen->fields_of = event_kind_info((enum event_kind)out->header.kind)->fields;
        return true;
    }
    if (!seen->fields_of)
        return false;
    int field = field_of(seen, name);
    if (out->header.kind == EVENT_OCTETS &&
        (field < 0 || same(name, "hidden") || same(name, "store_at")))
        return take_octets_key(s, name, out, &seen->octets);
    if (field < 0 || field >= 32 || seen->fields & UINT32_C(1) << field)
        return false;
    seen->fields |= UINT32_C(1) << field;
    seen->next = (unsigned)field + 1;
    return take_field(s, &seen->fields_of[field], (uint8_t *)&out->payload);
}

bool recording_scan_line(struct slice line, struct arena *arena, struct parsed_line *out)
{
    struct scan s = {line.ptr, line.ptr + line.len, arena};
    struct seen seen = {.fields_of = NULL};
    memset(out, 0, sizeof(*out));
    if (!take(&s, '{'))
        return false;
    do {
        if (!take_member(&s, &seen, out))
            return false;
    } while (take(&s, ','));
    const unsigned needed = 1u << KEY_SEQ | 1u << KEY_KIND;
    return take(&s, '}') && s.at == s.end && (seen.header & needed) == needed &&
           (out->header.kind != EVENT_OCTETS || octets_hold(out, seen.octets));
}
