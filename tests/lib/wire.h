/* A session written down, played through the tracker into a journal: what tests of folds read.
 *
 *     S: 220 mx.example ESMTP      a line of the server, CRLF behind it
 *     C: EHLO client.example       a line of the client
 *     C~ text\r\nmore\x00          octets of the client, C escapes, no line end added
 *     S~ ...                       the same of the server
 *     +250                         so many milliseconds pass
 *     TLS                          TLS is up from here
 *     CLOSE C | CLOSE S            the connection ends
 *
 * Empty lines and lines that begin with # mean nothing.
 */
#ifndef TESTS_WIRE_H
#define TESTS_WIRE_H

#include "base/clock.h"
#include "journal/journal.h"

struct track;
struct wire {
    struct clock_manual clock;
    struct journal *journal;
    uint32_t conn;
    struct track *track;
};
/* target: the name that was asked for. */
void wire_start(struct wire *w, const char *target);
/* The same for "smtp", "pop3" or "imap"; false: no such protocol. */
bool wire_start_as(struct wire *w, const char *target, const char *protocol);
void wire_play(struct wire *w, const char *script);
/* One line of the script; false: it does not read. */
bool wire_line(struct wire *w, const char *line, size_t len);
void wire_stop(struct wire *w);

#endif
