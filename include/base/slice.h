/* Borrowed octets: a pointer and a length, never NUL-terminated, may hold any octet including NUL.
 *
 * Peer octets travel through the program as slices. A slice owns nothing; each function that
 * returns one says how long it stays valid. An empty slice has len 0 and may have ptr NULL.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const uint8_t *ptr;
    size_t len;
};

/* A slice of a string literal, without its NUL. */
#define SLICE_LIT(lit) ((struct slice){(const uint8_t *)(lit), sizeof(lit) - 1})
/* For printf: "%.*s", SLICE_ARG(s). Only for text known to hold no NUL and nothing from a peer. */
#define SLICE_ARG(s) (int)(s).len, (const char *)(s).ptr

/* ASCII case aside; octets above 127 as they are. */
static inline uint8_t octet_lower(uint8_t octet)
{
    return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet | 0x20) : octet;
}

struct slice slice_of(const void *ptr, size_t len);
/* The octets of a C string without its NUL; NULL gives the empty slice. */
struct slice slice_cstr(const char *text);
bool slice_eq(struct slice a, struct slice b);
/* ASCII case is ignored; octets above 127 compare exactly. */
bool slice_eq_nocase(struct slice a, struct slice b);
bool slice_starts(struct slice s, struct slice prefix);
bool slice_starts_nocase(struct slice s, struct slice prefix);
/* Index of the first such octet, or -1. */
ptrdiff_t slice_find_octet(struct slice s, uint8_t octet);
/* Index of the first occurrence of needle, or -1. An empty needle is found at 0. */
ptrdiff_t slice_find(struct slice s, struct slice needle);
/* Without its first n octets / only its first n octets; n beyond the end is clipped. */
struct slice slice_skip(struct slice s, size_t n_octets);
struct slice slice_take(struct slice s, size_t n_octets);
/* Without leading and trailing SP and HTAB (and CR, LF). */
struct slice slice_trim(struct slice s);
/* Next word of *rest separated by SP or HTAB; empty when there is none. *rest moves behind it. */
struct slice slice_next_word(struct slice *rest);
/* Decimal digits only, the whole slice, no sign; false when empty, not digits, or above max. */
bool slice_to_u64(struct slice s, uint64_t max, uint64_t *value_out);

#endif
