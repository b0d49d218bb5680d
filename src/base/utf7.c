/* Modified UTF-7 (RFC 3501 section 5.1.3): printable ASCII stands for itself but for "&", which is
 * "&-"; anything else is UTF-16 in a base64 with "," for "/", between "&" and "-". */
#include "base/utf7.h"

#include <string.h>

#include "base/utf8.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* Bits on their way between 16-bit units and letters of six. */
struct bits {
    uint32_t held;
    unsigned n;
};

static void encode_unit(struct buf *out, struct bits *b, uint32_t unit)
{
    b->held = b->held << 16 | unit;
    b->n += 16;
    while (b->n >= 6) {
        b->n -= 6;
        buf_append_octet(out, (uint8_t)alphabet[b->held >> b->n & 63]);
    }
    b->held &= (1u << b->n) - 1;
}

static void encode_char(struct buf *out, struct bits *b, uint32_t cp)
{
    if (cp >= 0x10000) {
        encode_unit(out, b, 0xD800 + ((cp - 0x10000) >> 10));
        cp = 0xDC00 + ((cp - 0x10000) & 0x3FF);
    }
    encode_unit(out, b, cp);
}

static void encode_end(struct buf *out, struct bits *b)
{
    if (b->n > 0)
        buf_append_octet(out, (uint8_t)alphabet[b->held << (6 - b->n) & 63]);
    buf_append_octet(out, '-');
    *b = (struct bits){0};
}

static bool stands_for_itself(uint32_t cp, const char *also)
{
    return cp >= 0x20 && cp <= 0x7E && !(also && strchr(also, (int)cp));
}

bool utf7_encode(struct buf *out, struct slice in, const char *also)
{
    size_t start = out->len;
    bool shifted = false, valid = true, over = out->overflow;
    struct bits b = {0};
    out->overflow = false;
    while (in.len > 0 && valid) {
        uint32_t cp;
        size_t n = utf8_decode(in, &cp);
        valid = n > 0;
        in = slice_skip(in, n);
        if (valid && !stands_for_itself(cp, also)) {
            if (!shifted)
                buf_append_octet(out, '&');
            shifted = true;
            encode_char(out, &b, cp);
        } else if (valid) {
            if (shifted)
                encode_end(out, &b);
            shifted = false;
            buf_append(out, cp == '&' ? SLICE_LIT("&-") : slice_of(&(uint8_t){(uint8_t)cp}, 1));
        }
    }
    if (shifted)
        encode_end(out, &b);
    valid = valid && !out->overflow;
    if (!valid)
        out->len = start;
    out->overflow = over || out->overflow;
    return valid;
}

static int six_of(uint8_t c)
{
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

/* One 16-bit unit; *high holds the first half of a pair between calls. */
static bool decode_unit(struct buf *out, uint32_t unit, uint32_t *high)
{
    uint8_t text[4];
    bool is_high = unit >= 0xD800 && unit < 0xDC00, is_low = unit >= 0xDC00 && unit < 0xE000;
    if (is_low != (*high != 0))
        return false;
    if (is_high) {
        *high = unit;
        return true;
    }
    uint32_t cp = is_low ? 0x10000 + ((*high - 0xD800) << 10) + (unit - 0xDC00) : unit;
    *high = 0;
    size_t n = utf8_encode(cp, text);
    return n > 0 && buf_append(out, slice_of(text, n));
}

/* Behind "&", up to and with "-". */
static bool decode_shift(struct buf *out, struct slice *in)
{
    struct bits b = {0};
    uint32_t high = 0;
    bool any = false;
    for (; in->len > 0 && in->ptr[0] != '-'; *in = slice_skip(*in, 1), any = true) {
        int six = six_of(in->ptr[0]);
        if (six < 0)
            return false;
        b.held = b.held << 6 | (uint32_t)six;
        b.n += 6;
        if (b.n < 16)
            continue;
        b.n -= 16;
        if (!decode_unit(out, b.held >> b.n & 0xFFFF, &high))
            return false;
        b.held &= (1u << b.n) - 1;
    }
    if (in->len == 0 || b.held != 0 || b.n >= 6 || high != 0)
        return false;
    *in = slice_skip(*in, 1);
    return any || buf_append_octet(out, '&');
}

bool utf7_decode(struct buf *out, struct slice in)
{
    size_t start = out->len;
    bool ok = true;
    while (in.len > 0 && ok) {
        uint8_t c = in.ptr[0];
        in = slice_skip(in, 1);
        if (c == '&')
            ok = decode_shift(out, &in);
        else
            ok = c >= 0x20 && c <= 0x7E && buf_append_octet(out, c);
    }
    if (!ok)
        out->len = start;
    return ok;
}
