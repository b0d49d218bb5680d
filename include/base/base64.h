/* Base64 (RFC 4648 section 4), as AUTH uses it: padding required, no line breaks. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

bool base64_encode(struct buf *out, struct slice in); /* false: cap of out reached */
/* Strict: false (and out unchanged in length) for wrong padding, foreign octets or bits left over.
 */
bool base64_decode(struct buf *out, struct slice in);

#endif
