/* Payload structs to packed octets and back, driven by the kinds table. */
#include "journal/pack.h"

#include "base/mem.h"

#include <string.h>

#define NUMBER_OCTETS 8u
#define WORD_OCTETS   1u
#define LENGTH_OCTETS 4u

static struct slice slice_field(const void *payload, const struct event_field *f)
{
    struct slice s;
    memcpy(&s, (const char *)payload + f->struct_offset, sizeof(s));
    return s;
}

static bool is_number(const struct event_field *f)
{
    return f->type == FIELD_U64 || f->type == FIELD_I64;
}

uint32_t event_packed_octets(enum event_kind kind, const void *payload)
{
    size_t octets = 0;
    for (const struct event_field *f = event_kind_info(kind)->fields; f->name != NULL; f++) {
        if (is_number(f)) {
            octets += NUMBER_OCTETS;
        } else if (f->type == FIELD_ENUM) {
            octets += WORD_OCTETS;
        } else {
            size_t len = slice_field(payload, f).len;
            BUG_IF(len > UINT32_MAX / 2 - octets - LENGTH_OCTETS);
            octets += LENGTH_OCTETS + len;
        }
    }
    return (uint32_t)octets;
}

void event_pack(enum event_kind kind, const void *payload, uint8_t *out)
{
    for (const struct event_field *f = event_kind_info(kind)->fields; f->name != NULL; f++) {
        const char *from = (const char *)payload + f->struct_offset;
        if (is_number(f)) {
            memcpy(out, from, NUMBER_OCTETS);
            out += NUMBER_OCTETS;
        } else if (f->type == FIELD_ENUM) {
            unsigned value;
            memcpy(&value, from, sizeof(value));
            BUG_IF(f->word(value) == NULL);
            *out++ = (uint8_t)value;
        } else {
            struct slice s = slice_field(payload, f);
            uint32_t len = (uint32_t)s.len;
            memcpy(out, &len, LENGTH_OCTETS);
            out += LENGTH_OCTETS;
            if (len > 0)
                memcpy(out, s.ptr, len);
            out += len;
        }
    }
}

static struct slice take(struct slice *packed, size_t n_octets)
{
    BUG_IF(n_octets > packed->len);
    struct slice taken = slice_take(*packed, n_octets);
    *packed = slice_skip(*packed, n_octets);
    return taken;
}

void event_unpack(const struct event *ev, enum event_kind kind, void *struct_out)
{
    BUG_IF(ev->kind != kind);
    const struct event_kind_info *info = event_kind_info(kind);
    struct slice packed = slice_of(ev + 1, ev->payload_octets);
    memset(struct_out, 0, info->struct_octets);
    for (const struct event_field *f = info->fields; f->name != NULL; f++) {
        char *to = (char *)struct_out + f->struct_offset;
        if (is_number(f)) {
            memcpy(to, take(&packed, NUMBER_OCTETS).ptr, NUMBER_OCTETS);
        } else if (f->type == FIELD_ENUM) {
            unsigned value = take(&packed, WORD_OCTETS).ptr[0];
            memcpy(to, &value, sizeof(value));
        } else {
            uint32_t len;
            memcpy(&len, take(&packed, LENGTH_OCTETS).ptr, LENGTH_OCTETS);
            struct slice s = take(&packed, len);
            memcpy(to, &s, sizeof(s));
        }
    }
}
