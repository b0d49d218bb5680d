/* Which part of a client's line is secret, known while the line is still arriving: the streaming
 * scan behind masking, one for all protocols, so that a command typed at the wrong server tells no
 * more than at the right one.
 *
 * Secret is what stands behind PASS, LOGIN, the name of APOP and the mechanism of AUTH and
 * AUTHENTICATE, as first word of the line or as second behind a tag, to the end of the line; and
 * inside an exchange of AUTH all of a line but a lone "*". Odd spacing does not fool it.
 *
 * Every octet is judged when it comes and never again, so the split of the stream cannot matter.
 * One octet is left out of that promise: a CR that ends a feed may be half of the line end and is
 * not counted as secret then; inside a feed it is. A CR tells nothing.
 */
#ifndef BASE_SECRET_SCAN_H
#define BASE_SECRET_SCAN_H

#include "base/buf.h"

struct secret_scan {
    uint8_t phase;
    uint8_t word_len;
    char word[12];
};

void secret_scan_init(struct secret_scan *s);
/* Look at the next octets of the client's stream up to and including one LF (callers cut there; on
 * LF the scan begins anew). Returns the secret part of `in` (empty: none), a slice of it; the line
 * end is never part of it. in_auth: the line belongs to an exchange. */
struct slice secret_scan_feed(struct secret_scan *s, bool in_auth, struct slice in);
/* Nothing of a line has come. */
bool secret_scan_at_start(const struct secret_scan *s);

/* For a protocol whose commands go on behind a line end (IMAP): the same without beginning anew. */
struct slice secret_scan_line(struct secret_scan *s, bool in_auth, struct slice in);
/* A literal was announced. It stands for a word: neither it nor what follows is a tag or a command;
 * where a secret is due or has begun, all of it is secret. */
void secret_scan_literal(struct secret_scan *s);
bool secret_scan_in_secret(const struct secret_scan *s);

/* A whole typed line, or several: copy with a '*' for each secret octet. True: something was
 * hidden. */
bool secret_line_masked(struct slice line, bool in_auth, struct buf *out);

#endif
