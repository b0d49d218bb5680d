/* Writing JSON straight into a buffer. Only writing: reading is jansson's job. It exists because a
 * 50 MB message is recorded while it is sent: the string escaper is the hot loop, and a tree per
 * event would cost more than the network.
 *
 * The names differ from jansson's, whose json_string() would otherwise be replaced by ours at link
 * time.
 *
 * Octets that are not valid UTF-8 cannot be a JSON string; the caller checks utf8_valid and writes
 * base64 then (recording/format). Output is one line: no line feed is ever written inside.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

/* s must be valid UTF-8; NUL and all C0 are escaped, DEL and U+2028/2029 too. Quotes included. */
bool json_put_string(struct buf *out, struct slice s);
bool json_put_base64(struct buf *out, struct slice s); /* "..." */
bool json_put_u64(struct buf *out, uint64_t v);
bool json_put_i64(struct buf *out, int64_t v);

#endif
