/* Base64 (RFC 4648 section 4). Strict on reading: AUTH is the user, and a lax reader would hide a
 * peer's mistake. */
#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool base64_encode(struct buf *out, struct slice in)
{
    if (in.len > SIZE_MAX / 4 * 3 - 3) {
        out->overflow = true;
        return false;
    }
    size_t len = (in.len + 2) / 3 * 4;
    uint8_t *to = buf_room(out, len);
    if (to == NULL)
        return false;
    const uint8_t *from = in.ptr;
    size_t left = in.len;
    for (; left >= 3; left -= 3, from += 3, to += 4) {
        uint32_t bits = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
        to[0] = (uint8_t)alphabet[bits >> 18];
        to[1] = (uint8_t)alphabet[bits >> 12 & 63];
        to[2] = (uint8_t)alphabet[bits >> 6 & 63];
        to[3] = (uint8_t)alphabet[bits & 63];
    }
    if (left > 0) {
        uint32_t bits = (uint32_t)from[0] << 16 | (left == 2 ? (uint32_t)from[1] << 8 : 0);
        to[0] = (uint8_t)alphabet[bits >> 18];
        to[1] = (uint8_t)alphabet[bits >> 12 & 63];
        to[2] = left == 2 ? (uint8_t)alphabet[bits >> 6 & 63] : '=';
        to[3] = '=';
    }
    buf_grow(out, len);
    return true;
}

/* The six bits of a letter, or 64. */
static uint32_t bits_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26u;
    if (c >= '0' && c <= '9')
        return c - '0' + 52u;
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* Four letters, the last n_pad of them '='; writes 3 - n_pad octets. */
static bool decode_quad(const uint8_t *from, size_t n_pad, uint8_t *to)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        uint32_t six = i < 4 - n_pad ? bits_of(from[i]) : 0;
        if (six == 64)
            return false;
        bits = bits << 6 | six;
    }
    /* Bits behind the last whole octet must be zero (RFC 4648 section 3.5). */
    if ((n_pad == 1 && (bits & 0xFF) != 0) || (n_pad == 2 && (bits & 0xFFFF) != 0))
        return false;
    for (size_t i = 0; i < 3 - n_pad; i++)
        to[i] = (uint8_t)(bits >> (16 - 8 * i));
    return true;
}

bool base64_decode(struct buf *out, struct slice in)
{
    if (in.len == 0)
        return true;
    if (in.len % 4 != 0)
        return false;
    size_t n_pad = in.ptr[in.len - 1] != '=' ? 0 : in.ptr[in.len - 2] != '=' ? 1 : 2;
    size_t len = in.len / 4 * 3 - n_pad;
    uint8_t *to = buf_room(out, len);
    if (to == NULL)
        return false;
    for (size_t at = 0; at < in.len; at += 4, to += 3)
        if (!decode_quad(in.ptr + at, at + 4 == in.len ? n_pad : 0, to))
            return false;
    buf_grow(out, len);
    return true;
}
