/* The kinds table as data: names, words of enums, fields with their place in struct ev_<kind>. */
#include "base/mem.h"
#include "journal/event.h"

#define WORD_FUNCTION(name, count, ...)                                                            \
    const char *event_##name##_word(unsigned v)                                                    \
    {                                                                                              \
        static const char *const words[] = {__VA_ARGS__};                                          \
        _Static_assert(sizeof(words) / sizeof(words[0]) == (count), "a word for each value");      \
        return v < (count) ? words[v] : NULL;                                                      \
    }

/* clang-format off */
WORD_FUNCTION(dir, DIR__COUNT, "C", "S")
WORD_FUNCTION(layer, LAYER__COUNT, "plain", "wire")
WORD_FUNCTION(side, SIDE__COUNT, "client", "server")
WORD_FUNCTION(transport, TRANSPORT__COUNT, "tcp", "unix", "memory", "pipe")
WORD_FUNCTION(down, DOWN__COUNT, "eof", "reset", "ours", "abort", "refused", "unreached", "timeout",
              "tls", "error")
WORD_FUNCTION(dnssec, DNSSEC__COUNT, "unknown", "insecure", "secure", "bogus")
WORD_FUNCTION(tls_via, TLS_VIA__COUNT, "starttls", "implicit")
WORD_FUNCTION(verify, VERIFY__COUNT, "none", "chain", "full")
WORD_FUNCTION(envelope, ENVELOPE__COUNT, "reverse-path", "forward-path", "reset", "delivered")
WORD_FUNCTION(level, LEVEL__COUNT, "info", "warning", "error", "remark")

/* First reading of the table: an array of fields for each kind. */
#define KIND(ENUM, name, producer, sentence) static const struct event_field fields_##name[] = {
#define FIELD(kind, field, unit, text, type, word)                                                 \
    {#field, unit, text, type, offsetof(struct ev_##kind, field), word},
#define U(kind, field, unit, text) FIELD(kind, field, unit, text, FIELD_U64, NULL)
#define I(kind, field, unit, text) FIELD(kind, field, unit, text, FIELD_I64, NULL)
#define T(kind, field, unit, text) FIELD(kind, field, unit, text, FIELD_TEXT, NULL)
#define B(kind, field, unit, text) FIELD(kind, field, unit, text, FIELD_BINARY, NULL)
#define E(kind, field, enumname, text)                                                             \
    FIELD(kind, field, "", text, FIELD_ENUM, event_##enumname##_word)
#define END(kind) {NULL, NULL, NULL, FIELD_U64, 0, NULL}};
#include "journal/kinds.def"

/* Second reading: the kinds. */
static const struct event_kind_info kinds[EVENT__COUNT] = {
#define KIND(ENUM, name, producer, sentence)                                                       \
    [EVENT_##ENUM] = {#name, producer, sentence, fields_##name, sizeof(struct ev_##name)},
#define U(kind, field, unit, text)
#define I(kind, field, unit, text)
#define T(kind, field, unit, text)
#define B(kind, field, unit, text)
#define E(kind, field, enumname, text)
#define END(kind)
#include "journal/kinds.def"
};
/* clang-format on */

const struct event_kind_info *event_kind_info(enum event_kind kind)
{
    BUG_IF((unsigned)kind >= EVENT__COUNT);
    return &kinds[kind];
}

enum event_kind event_kind_by_name(struct slice name)
{
    for (unsigned kind = 0; kind < EVENT__COUNT; kind++)
        if (name.len > 0 && name.ptr[0] == (uint8_t)kinds[kind].name[0] &&
            slice_eq(name, slice_cstr(kinds[kind].name)))
            return (enum event_kind)kind;
    return EVENT__COUNT;
}
