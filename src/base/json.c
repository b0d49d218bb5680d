/* The JSON string escaper, the hot loop of recording.
 *
 * Stretches of 32 octets that need no escaping are copied whole. Where one does, eight octets at a
 * time are copied to a block on the stack and tested at once for anything that needs it; a hit is
 * found by its lowest bit, escaped, and the copying goes on behind it. The block is appended when
 * it is full, so the buffer's cap is asked once for many octets and never for the worst case, which
 * would be six times the input.
 *
 * The test: for each octet of a word, (x - n*ones) & ~x & highs has the high bit where octet < n,
 * and a borrow can only mislead above a true hit; so the lowest set bit of all tests together is
 * always true.
 */
#include "base/json.h"

#include "base/base64.h"

#include <endian.h>
#include <string.h>

#define BLOCK_OCTETS 2048
#define ESCAPE_MAX   6 /* \u0000 */
#define ONES         UINT64_C(0x0101010101010101)
#define HIGHS        UINT64_C(0x8080808080808080)

/* High bit set where the octet is below n (n <= 128); exact up to the lowest hit. */
static inline uint64_t below(uint64_t word, uint8_t n)
{
    return (word - ONES * n) & ~word & HIGHS;
}

static inline uint64_t equal(uint64_t word, uint8_t octet)
{
    return below(word ^ (ONES * octet), 1);
}

/* 0xE2 leads U+2028 and U+2029, and many others: it is looked at more closely when found. */
static inline uint64_t specials(uint64_t word)
{
    return below(word, 0x20) | equal(word, '"') | equal(word, '\\') | equal(word, 0x7F) |
           equal(word, 0xE2);
}

/* The same for many octets at once, in the vectors every compiler has; only whether there is any.
 */
typedef uint8_t octets16 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));
#define WIDE_OCTETS sizeof(octets16)

static inline bool wide_is_clean(const uint8_t *octets)
{
    octets16 v;
    memcpy(&v, octets, sizeof(v));
    octets16 hits = (octets16)((v < 0x20) | (v == '"') | (v == '\\') | (v == 0x7F) | (v == 0xE2));
    words2 w = (words2)hits;
    return (w[0] | w[1]) == 0;
}

static size_t put_u(uint8_t *out, unsigned unit)
{
    static const char hex[] = "0123456789abcdef";
    out[0] = '\\';
    out[1] = 'u';
    for (unsigned i = 0; i < 4; i++)
        out[2 + i] = (uint8_t)hex[unit >> (12 - 4 * i) & 15];
    return ESCAPE_MAX;
}

/* Escape the special octet at the start of s; returns what was used of s. */
static size_t escape_one(struct slice s, uint8_t *out, size_t *len_out)
{
    static const char short_form[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r',
    };
    uint8_t octet = s.ptr[0];
    if (octet == 0xE2) {
        if (s.len >= 3 && s.ptr[1] == 0x80 && (s.ptr[2] & 0xFE) == 0xA8) {
            *len_out = put_u(out, s.ptr[2] == 0xA8 ? 0x2028 : 0x2029);
            return 3;
        }
        out[0] = octet;
        *len_out = 1;
        return 1;
    }
    char letter = octet < 0x20 ? short_form[octet] : octet == 0x7F ? '\0' : (char)octet;
    if (letter == '\0') {
        *len_out = put_u(out, octet);
        return 1;
    }
    out[0] = '\\';
    out[1] = (uint8_t)letter;
    *len_out = 2;
    return 1;
}

/* Escapes from s into block until it has no sure room for more; returns what was used of s. */
static size_t fill_block(struct slice s, uint8_t *block, size_t *len_out)
{
    size_t at = 0, len = 0;
    while (at < s.len && len <= BLOCK_OCTETS) {
        while (s.len - at >= WIDE_OCTETS && len <= BLOCK_OCTETS && wide_is_clean(s.ptr + at)) {
            memcpy(block + len, s.ptr + at, WIDE_OCTETS);
            at += WIDE_OCTETS;
            len += WIDE_OCTETS;
        }
        size_t left = s.len - at;
        if (left == 0 || len > BLOCK_OCTETS)
            break;
        /* Behind the end of s stand spaces, which are never special. */
        uint64_t word = UINT64_C(0x2020202020202020);
        if (left >= 8)
            memcpy(&word, s.ptr + at, 8); /* a constant length: one load */
        else
            memcpy(&word, s.ptr + at, left);
        memcpy(block + len, &word, 8);
        uint64_t hits = specials(le64toh(word));
        size_t clean = hits == 0 ? 8 : (size_t)__builtin_ctzll(hits) / 8;
        if (clean > left)
            clean = left;
        at += clean;
        len += clean;
        if (hits != 0) {
            size_t put;
            at += escape_one(slice_of(s.ptr + at, s.len - at), block + len, &put);
            len += put;
        }
    }
    *len_out = len;
    return at;
}

bool json_put_string(struct buf *out, struct slice s)
{
    uint8_t block[BLOCK_OCTETS + WIDE_OCTETS + 8 + ESCAPE_MAX];
    size_t start_len = out->len;
    bool fits = buf_append_octet(out, '"');
    while (fits && s.len > 0) {
        size_t len;
        s = slice_skip(s, fill_block(s, block, &len));
        fits = buf_append(out, slice_of(block, len));
    }
    fits = fits && buf_append_octet(out, '"');
    if (!fits)
        out->len = start_len;
    return fits;
}

bool json_put_base64(struct buf *out, struct slice s)
{
    size_t start_len = out->len;
    bool fits = buf_append_octet(out, '"') && base64_encode(out, s) && buf_append_octet(out, '"');
    if (!fits)
        out->len = start_len;
    return fits;
}

bool json_put_u64(struct buf *out, uint64_t v)
{
    uint8_t digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (uint8_t)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    return buf_append(out, slice_of(digits + at, sizeof(digits) - at));
}

bool json_put_i64(struct buf *out, int64_t v)
{
    size_t start_len = out->len;
    if (v >= 0)
        return json_put_u64(out, (uint64_t)v);
    bool fits = buf_append_octet(out, '-') && json_put_u64(out, -(uint64_t)v);
    if (!fits)
        out->len = start_len;
    return fits;
}
