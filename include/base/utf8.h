/* UTF-8 (RFC 3629): strict decoding, no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/slice.h"

/* Decode one character at the start of s (s.len > 0). Returns its length 1-4 and sets *cp_out, or 0
 * where the first octet starts no valid character (the caller shows that octet alone). */
size_t utf8_decode(struct slice s, uint32_t *cp_out);
/* Encode; out holds at least 4 octets. Returns the length, 0 for what is no character. */
size_t utf8_encode(uint32_t cp, uint8_t *out);
bool utf8_valid(struct slice s);

#endif
