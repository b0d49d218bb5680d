/* A line read: jansson takes the JSON apart, the table of kinds says what to look for.
 *
 * Tolerant where a later version may have written more: fields and kinds we do not know are passed
 * over, fields that are missing are 0 or empty. Strict where it matters: a field of the wrong type,
 * or octets that are not as long as they say, make the line no event.
 */
#include "recording/parser_private.h"

#include <jansson.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"

/* Later than any journal gets; keeps sums of times and offsets far from overflow. */
#define TIME_MAX_S 1e9
#define OFFSET_MAX ((uint64_t)1 << 62)

static struct slice json_text(const json_t *value)
{
    return slice_of(json_string_value(value), json_string_length(value));
}

static bool get_base64(const json_t *value, struct arena *arena, struct slice *out)
{
    struct buf decoded;
    if (!json_is_string(value))
        return false;
    buf_init(&decoded, RECORDING_LINE_OCTETS);
    bool ok = base64_decode(&decoded, json_text(value));
    if (ok)
        *out = arena_dup(arena, buf_slice(&decoded));
    buf_deinit(&decoded);
    return ok;
}

static bool get_u64(const json_t *value, uint64_t *out)
{
    if (json_is_string(value))
        return slice_to_u64(json_text(value), UINT64_MAX, out);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool get_text(const json_t *value, struct arena *arena, struct slice *out)
{
    if (json_is_object(value))
        return get_base64(json_object_get(value, "base64"), arena, out);
    if (!json_is_string(value))
        return false;
    *out = arena_dup(arena, json_text(value));
    return true;
}

/* Words are few: walked until the table says there is no more. */
static bool get_word(const json_t *value, const char *(*word)(unsigned), unsigned *out)
{
    if (!json_is_string(value))
        return false;
    const char *name;
    for (unsigned i = 0; (name = word(i)); i++) {
        if (slice_eq(json_text(value), slice_cstr(name))) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool get_field(const json_t *value, const struct event_field *f, struct arena *arena,
                      uint8_t *payload)
{
    void *at = payload + f->struct_offset;
    uint64_t number = 0;
    int64_t signed_number;
    struct slice octets = {NULL, 0};
    unsigned word = 0;
    bool ok = false;
    switch (f->type) {
    case FIELD_U64:
        ok = get_u64(value, &number);
        memcpy(at, &number, sizeof(number));
        break;
    case FIELD_I64:
        ok = json_is_integer(value);
        signed_number = json_integer_value(value);
        memcpy(at, &signed_number, sizeof(signed_number));
        break;
    case FIELD_TEXT:
        ok = get_text(value, arena, &octets);
        memcpy(at, &octets, sizeof(octets));
        break;
    case FIELD_BINARY:
        ok = get_base64(value, arena, &octets);
        memcpy(at, &octets, sizeof(octets));
        break;
    case FIELD_ENUM:
        ok = get_word(value, f->word, &word);
        memcpy(at, &word, sizeof(word));
        break;
    }
    return ok;
}

/* Of OCTETS: "hidden" has another form in a file, "store_at" has none. */
static bool is_own_form(enum event_kind kind, const char *name)
{
    return kind == EVENT_OCTETS && (strcmp(name, "hidden") == 0 || strcmp(name, "store_at") == 0);
}

static bool get_fields(const json_t *line, enum event_kind kind, struct arena *arena,
                       union event_payload *payload)
{
    for (const struct event_field *f = event_kind_info(kind)->fields; f->name; f++) {
        const json_t *value = json_object_get(line, f->name);
        if (value && !is_own_form(kind, f->name) && !get_field(value, f, arena, (uint8_t *)payload))
            return false;
    }
    return true;
}

static void put_le32(uint8_t *out, uint64_t v)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> (8 * i));
}

/* [[start,length],...]: ascending, apart, inside the octets. Packed as the journal keeps them. */
static bool get_hidden(const json_t *list, struct arena *arena, struct ev_octets *o)
{
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n == 0 || n > RECORDING_HIDDEN_MAX)
        return false;
    uint8_t *packed = arena_alloc(arena, n * 8);
    uint64_t end = 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *pair = json_array_get(list, i);
        uint64_t start, len;
        if (json_array_size(pair) != 2 || !get_u64(json_array_get(pair, 0), &start) ||
            !get_u64(json_array_get(pair, 1), &len))
            return false;
        if (start < end || start > UINT32_MAX || len == 0 || len > UINT32_MAX ||
            start + len > o->length)
            return false;
        end = start + len;
        put_le32(packed + i * 8, start);
        put_le32(packed + i * 8 + 4, len);
    }
    o->hidden = slice_of(packed, n * 8);
    return true;
}

static bool get_octets(const json_t *line, struct arena *arena, struct parsed_line *out)
{
    struct ev_octets *o = &out->payload.octets;
    const json_t *text = json_object_get(line, "text");
    const json_t *base64 = json_object_get(line, "base64");
    const json_t *hidden = json_object_get(line, "hidden");
    o->store_at = 0;
    if (out->header.conn == 0 || o->length == 0 || o->length > OFFSET_MAX ||
        o->offset > OFFSET_MAX || o->tls > 1)
        return false;
    if (hidden && !get_hidden(hidden, arena, o))
        return false;
    if (!text && !base64)
        return true;
    bool ok = !text != !base64 && (text ? json_is_string(text) : true);
    if (ok && text)
        out->octets = arena_dup(arena, json_text(text));
    else if (ok)
        ok = get_base64(base64, arena, &out->octets);
    return ok && out->octets.len == o->length;
}

static bool get_header(const json_t *line, struct event *header)
{
    const json_t *t = json_object_get(line, "t"), *at = json_object_get(line, "at");
    const json_t *conn = json_object_get(line, "conn"), *cause = json_object_get(line, "cause");
    uint64_t conn_number = 0;
    if (!get_u64(json_object_get(line, "seq"), &header->seq) || header->seq > RECORDING_SEQ_MAX)
        return false;
    if (conn && (!get_u64(conn, &conn_number) || conn_number > RECORDING_CONN_MAX))
        return false;
    header->conn = (uint32_t)conn_number;
    if (cause && (!get_u64(cause, &header->cause_seq) || header->cause_seq > RECORDING_SEQ_MAX))
        return false;
    double seconds = json_number_value(t); /* 0 for what is no number */
    if (!(seconds >= 0 && seconds <= TIME_MAX_S))
        return false;
    /* A double holds nanoseconds exactly for eleven days, microseconds for longer than anybody
     * records. */
    header->tick_ns =
        seconds < 1e6 ? (uint64_t)(seconds * 1e9 + 0.5) : (uint64_t)(seconds * 1e6 + 0.5) * 1000;
    header->wall_us = json_is_string(at) ? clock_parse_rfc3339(json_string_value(at)) : 0;
    if (json_is_true(json_object_get(line, "backstage")))
        header->flags = EVENT_FLAG_BACKSTAGE;
    return true;
}

enum line_result recording_parse_json(struct slice line, struct arena *arena,
                                      struct parsed_line *out)
{
    memset(out, 0, sizeof(*out));
    enum line_result result = LINE_BAD;
    json_t *root =
        json_loadb((const char *)line.ptr, line.len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    const json_t *kind_name = json_object_get(root, "kind");
    if (!json_is_object(root) || !json_is_string(kind_name) || !get_header(root, &out->header))
        goto out;
    enum event_kind kind = event_kind_by_name(json_text(kind_name));
    if (kind == EVENT__COUNT) {
        result = LINE_UNKNOWN_KIND;
        goto out;
    }
    out->header.kind = (uint16_t)kind;
    if (!get_fields(root, kind, arena, &out->payload))
        goto out;
    if (kind == EVENT_OCTETS && !get_octets(root, arena, out))
        goto out;
    result = LINE_EVENT;
out:
    json_decref(root);
    return result;
}

enum line_result recording_parse_line(struct slice line, struct arena *arena,
                                      struct parsed_line *out)
{
    return recording_scan_line(line, arena, out) ? LINE_EVENT
                                                 : recording_parse_json(line, arena, out);
}
