/* UTF-8 by the table of RFC 3629 section 4. The second octet's range depends on the first: that is
 * where overlong forms, surrogates and what lies above U+10FFFF are refused.
 *
 *   UTF8-2 = %xC2-DF UTF8-tail
 *   UTF8-3 = %xE0 %xA0-BF tail / %xE1-EC 2tail / %xED %x80-9F tail / %xEE-EF 2tail
 *   UTF8-4 = %xF0 %x90-BF 2tail / %xF1-F3 3tail / %xF4 %x80-8F 2tail
 */
#include "base/utf8.h"

#include <string.h>

static bool is_tail(uint8_t octet)
{
    return (octet & 0xC0) == 0x80;
}

static size_t decode_2(struct slice s, uint32_t *cp_out)
{
    if (s.len < 2 || !is_tail(s.ptr[1]))
        return 0;
    *cp_out = (uint32_t)(s.ptr[0] & 0x1F) << 6 | (s.ptr[1] & 0x3F);
    return 2;
}

static size_t decode_3(struct slice s, uint32_t *cp_out)
{
    uint8_t lead = s.ptr[0];
    if (s.len < 3 || !is_tail(s.ptr[1]) || !is_tail(s.ptr[2]))
        return 0;
    if ((lead == 0xE0 && s.ptr[1] < 0xA0) || (lead == 0xED && s.ptr[1] > 0x9F))
        return 0;
    *cp_out = (uint32_t)(lead & 0x0F) << 12 | (uint32_t)(s.ptr[1] & 0x3F) << 6 | (s.ptr[2] & 0x3F);
    return 3;
}

static size_t decode_4(struct slice s, uint32_t *cp_out)
{
    uint8_t lead = s.ptr[0];
    if (s.len < 4 || !is_tail(s.ptr[1]) || !is_tail(s.ptr[2]) || !is_tail(s.ptr[3]))
        return 0;
    if ((lead == 0xF0 && s.ptr[1] < 0x90) || (lead == 0xF4 && s.ptr[1] > 0x8F))
        return 0;
    *cp_out = (uint32_t)(lead & 0x07) << 18 | (uint32_t)(s.ptr[1] & 0x3F) << 12 |
              (uint32_t)(s.ptr[2] & 0x3F) << 6 | (s.ptr[3] & 0x3F);
    return 4;
}

size_t utf8_decode(struct slice s, uint32_t *cp_out)
{
    uint8_t lead = s.ptr[0];
    if (lead < 0x80) {
        *cp_out = lead;
        return 1;
    }
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    if (lead < 0xE0)
        return decode_2(s, cp_out);
    return lead < 0xF0 ? decode_3(s, cp_out) : decode_4(s, cp_out);
}

size_t utf8_encode(uint32_t cp, uint8_t *out)
{
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
        return 0;
    if (cp < 0x80) {
        out[0] = (uint8_t)cp;
        return 1;
    }
    size_t len = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len; i-- > 1; cp >>= 6)
        out[i] = (uint8_t)(0x80 | (cp & 0x3F));
    out[0] = (uint8_t)(lead[len] | cp);
    return len;
}

bool utf8_valid(struct slice s)
{
    size_t at = 0;
    while (at < s.len) {
        uint64_t word;
        while (s.len - at >= sizeof(word)) {
            memcpy(&word, s.ptr + at, sizeof(word));
            if ((word & UINT64_C(0x8080808080808080)) != 0)
                break;
            at += sizeof(word);
        }
        /* To the end of this word, or one character beyond it. */
        size_t stop = s.len - at < sizeof(word) ? s.len : at + sizeof(word);
        while (at < stop) {
            uint32_t cp;
            size_t len = utf8_decode(slice_of(s.ptr + at, s.len - at), &cp);
            if (len == 0)
                return false;
            at += len;
        }
    }
    return true;
}
