/* Message content on the wire (RFC 5321 section 4.5.2): dot-stuffing, and finding the end of data.
 *
 * Both work on streams in any split and are fast enough not to matter beside the network (memchr
 * for line ends; whole runs are copied).
 */
#ifndef SMTP_CONTENT_H
#define SMTP_CONTENT_H

#include "base/buf.h"
#include "smtp/deviation.h"

/* Sending. */
struct smtp_stuff {
    bool at_line_start; /* the next octet begins a line */
    bool last_was_cr;
    bool mend; /* LF alone becomes CRLF (what /send does with files; typed octets are kept) */
    uint64_t stuffed; /* lines that got a dot */
    uint64_t mended;  /* line feeds that got a CR */
};
void smtp_stuff_init(struct smtp_stuff *s, bool mend);
/* Append the wire form of `in` to out; returns octets of in used (fewer only when out's cap is
 * near). */
size_t smtp_stuff_feed(struct smtp_stuff *s, struct slice in, struct buf *out);
/* The end: CRLF only where the content did not end with one, then ".CRLF". A file's own last line
 * end adds no line. */
void smtp_stuff_end(struct smtp_stuff *s, struct buf *out);

/* Receiving or observing. */
struct smtp_content_stats {
    uint64_t wire;    /* octets as sent, final dot line included */
    uint64_t content; /* octets of the message, dots unstuffed */
    uint64_t lines;
    uint64_t stuffed;
    uint64_t longest; /* octets of the longest line without its end */
    uint64_t bare_lf, bare_cr, eight_bit, nul;
    uint64_t single_dot; /* lines that begin with one dot and something else than a dot */
    uint64_t smuggle; /* LF.LF, LF.CRLF, CRLF.LF, CR.CR... seen inside: what lax receivers take as
                         an end */
};
/* What ends the data: careless servers disagree, and messages are smuggled through the gap. */
enum smtp_data_end {
    SMTP_DATA_END_STRICT, /* CRLF.CRLF alone (RFC 5321 section 4.1.1.4) */
    SMTP_DATA_END_LF,     /* LF.LF, LF.CRLF, CRLF.LF too */
    SMTP_DATA_END_CR      /* and CR.CR and its mixtures: a CR alone ends a line */
};
struct smtp_content {
    uint8_t phase;
    uint8_t data_end; /* enum smtp_data_end; set after init */
    bool held_cr;     /* of a chunk: its last octet so far was a CR */
    uint64_t line_octets;
    struct smtp_content_stats stats;
};
void smtp_content_init(struct smtp_content *c);
/* Feed octets of the client stream. Returns octets used: all of them, or up to and including the
 * final dot line, with *end_out true
 * (with SMTP_DATA_END_CR possibly none: the octet behind ".<CR>" shows that this was the end).
 * Where `unstuffed` is not NULL the message's own octets are appended to it (up to its cap;
 * .overflow tells). */
size_t smtp_content_feed(struct smtp_content *c, struct slice in, struct buf *unstuffed,
                         bool *end_out);
/* Count what stands in a counted chunk (RFC 3030): there are no dots to stuff and no end to find.
 * Chunks of one message follow each other in one struct. */
void smtp_content_chunk(struct smtp_content *c, struct slice in);

#endif
