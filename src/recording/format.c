/* Events as lines. One table (kinds.def) says which fields there are; only OCTETS has a form of its
 * own, because it is the hot path: 50 MB of message pass here in pieces of 64 KiB, each looked at
 * once for valid UTF-8 and once for escapes, straight from the journal's memory. A piece that ends
 * inside a character is no valid UTF-8 and becomes base64: both forms are read alike, and looking
 * further than one event would make the form of a line depend on its neighbours.
 */
#include "recording/recording_private.h"

#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"

static bool put_name(struct buf *out, const char *name)
{
    size_t len = strlen(name);
    uint8_t *room = buf_room(out, len + 4);
    if (room == NULL)
        return false;
    memcpy(room, ",\"", 2);
    memcpy(room + 2, name, len);
    memcpy(room + 2 + len, "\":", 2);
    buf_grow(out, len + 4);
    return true;
}

/* JSON readers hold whole numbers in 63 bits and a sign; what is larger goes as a string of digits.
 */
static bool put_u64(struct buf *out, const char *name, uint64_t value)
{
    bool large = value > INT64_MAX;
    return put_name(out, name) && (!large || buf_append_octet(out, '"')) &&
           json_put_u64(out, value) && (!large || buf_append_octet(out, '"'));
}

static bool put_text(struct buf *out, const char *name, struct slice text)
{
    if (!put_name(out, name))
        return false;
    if (utf8_valid(text))
        return json_put_string(out, text);
    return buf_append(out, SLICE_LIT("{\"base64\":")) && json_put_base64(out, text) &&
           buf_append_octet(out, '}');
}

static bool put_field(struct buf *out, const struct event_field *f, const uint8_t *payload)
{
    const void *at = payload + f->struct_offset;
    uint64_t number;
    struct slice octets;
    unsigned word;
    const char *name;
    switch (f->type) {
    case FIELD_U64:
        memcpy(&number, at, sizeof(number));
        return number == 0 || put_u64(out, f->name, number);
    case FIELD_I64:
        memcpy(&number, at, sizeof(number));
        return number == 0 || (put_name(out, f->name) && json_put_i64(out, (int64_t)number));
    case FIELD_TEXT:
        memcpy(&octets, at, sizeof(octets));
        return octets.len == 0 || put_text(out, f->name, octets);
    case FIELD_BINARY:
        memcpy(&octets, at, sizeof(octets));
        return octets.len == 0 || (put_name(out, f->name) && json_put_base64(out, octets));
    case FIELD_ENUM:
        memcpy(&word, at, sizeof(word));
        name = f->word(word);
        return !name || (put_name(out, f->name) && json_put_string(out, slice_cstr(name)));
    }
    return true;
}

static bool put_fields(struct buf *out, const struct event_kind_info *info, const void *payload)
{
    bool ok = true;
    for (const struct event_field *f = info->fields; ok && f->name; f++)
        ok = put_field(out, f, payload);
    return ok;
}

static bool put_hidden(struct buf *out, const struct octet_range *ranges, size_t n_ranges)
{
    bool ok = put_name(out, "hidden") && buf_append_octet(out, '[');
    for (size_t i = 0; ok && i < n_ranges; i++)
        ok = buf_append_cstr(out, i > 0 ? ",[" : "[") && json_put_u64(out, ranges[i].start) &&
             buf_append_octet(out, ',') && json_put_u64(out, ranges[i].len) &&
             buf_append_octet(out, ']');
    return ok && buf_append_octet(out, ']');
}

static bool put_kept(struct buf *out, struct slice octets)
{
    if (utf8_valid(octets))
        return put_name(out, "text") && json_put_string(out, octets);
    return put_name(out, "base64") && json_put_base64(out, octets);
}

static bool put_masked(struct buf *out, struct slice octets, const struct octet_range *ranges,
                       size_t n_ranges)
{
    uint8_t *copy = mem_dup(octets.ptr, octets.len);
    for (size_t i = 0; i < n_ranges; i++) {
        struct slice hidden = slice_take(slice_skip(octets, ranges[i].start), ranges[i].len);
        if (hidden.len > 0)
            memset(copy + (hidden.ptr - octets.ptr), '*', hidden.len);
    }
    bool ok = put_kept(out, slice_of(copy, octets.len));
    mem_free(copy);
    return ok;
}

static bool put_octets(struct buf *out, const struct ev_octets *o, struct slice octets,
                       bool keep_secrets)
{
    bool ok = put_name(out, "dir") && json_put_string(out, slice_cstr(event_dir_word(o->dir))) &&
              put_name(out, "layer") &&
              json_put_string(out, slice_cstr(event_layer_word(o->layer)));
    if (o->tls)
        ok = ok && put_u64(out, "tls", o->tls);
    if (o->offset)
        ok = ok && put_u64(out, "offset", o->offset);
    ok = ok && put_u64(out, "length", o->length);
    if (o->redacted)
        ok = ok && put_u64(out, "redacted", o->redacted);
    struct octet_range *ranges = NULL;
    size_t n_ranges = 0;
    if (o->hidden.len > 0) {
        size_t max = o->hidden.len / (2 * sizeof(uint32_t));
        ranges = mem_alloc((max > 0 ? max : 1) * sizeof(*ranges));
        n_ranges = journal_hidden_ranges(o, ranges, max);
        n_ranges = n_ranges < max ? n_ranges : max;
    }
    if (n_ranges > 0)
        ok = ok && put_hidden(out, ranges, n_ranges);
    if (octets.len > 0)
        ok = ok && (n_ranges > 0 && !keep_secrets ? put_masked(out, octets, ranges, n_ranges)
                                                  : put_kept(out, octets));
    mem_free(ranges);
    return ok;
}

/* "0.031250": microseconds, without floating point. */
static bool put_seconds(struct buf *out, uint64_t ns)
{
    char fraction[10];
    for (int i = 9; i > 0; i--, ns /= 10)
        fraction[i] = (char)('0' + ns % 10);
    fraction[0] = '.';
    return put_name(out, "t") && json_put_u64(out, ns) &&
           buf_append(out, slice_of(fraction, sizeof(fraction)));
}

static bool put_header(struct buf *out, const struct event *ev, const char *kind_name,
                       uint64_t origin_tick_ns)
{
    char at[32];
    clock_format_rfc3339(ev->wall_us, at, sizeof(at));
    uint64_t ns = ev->tick_ns > origin_tick_ns ? ev->tick_ns - origin_tick_ns : 0;
    bool ok = buf_append(out, SLICE_LIT("{\"seq\":")) && json_put_u64(out, ev->seq);
    if (ev->conn != 0)
        ok = ok && put_u64(out, "conn", ev->conn);
    ok = ok && put_name(out, "kind") && json_put_string(out, slice_cstr(kind_name)) &&
         put_seconds(out, ns) && put_name(out, "at") && json_put_string(out, slice_cstr(at));
    if (ev->cause_seq != 0)
        ok = ok && put_u64(out, "cause", ev->cause_seq);
    if (ev->flags & EVENT_FLAG_BACKSTAGE)
        ok = ok && buf_append(out, SLICE_LIT(",\"backstage\":true"));
    return ok;
}

bool recording_format_payload(struct buf *out, const struct event *ev,
                              const union event_payload *payload, struct slice octets,
                              uint64_t origin_tick_ns, bool keep_secrets)
{
    const struct event_kind_info *info = event_kind_info((enum event_kind)ev->kind);
    size_t start_len = out->len;
    bool ok = put_header(out, ev, info->name, origin_tick_ns);
    if (ev->kind == EVENT_OCTETS)
        ok = ok && put_octets(out, &payload->octets, octets, keep_secrets);
    else
        ok = ok && put_fields(out, info, payload);
    ok = ok && buf_append(out, SLICE_LIT("}\n")) && out->len - start_len <= RECORDING_LINE_OCTETS;
    if (!ok)
        out->len = start_len;
    return ok;
}

bool recording_format_event(struct buf *out, const struct journal *j, const struct event *ev,
                            uint64_t origin_tick_ns, bool keep_secrets)
{
    union event_payload payload;
    struct slice octets = {NULL, 0};
    event_unpack(ev, (enum event_kind)ev->kind, &payload);
    if (ev->kind == EVENT_OCTETS)
        octets = journal_event_octets(j, ev);
    return recording_format_payload(out, ev, &payload, octets, origin_tick_ns, keep_secrets);
}
