/* Server replies (RFC 5321 section 4.2), fed in any split.
 *
 *     Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
 *
 * Malformed input is not an error: each oddity is a rule in .rules, and the session goes on. A line
 * that does not begin with three digits is a reply of its own with code 0 (or continues a
 * multi-line reply that is open). A bare LF ends a line. NULs are kept.
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "base/buf.h"
#include "smtp/deviation.h"
#include "smtp/limits.h"

struct smtp_reply_line {
    uint32_t offset;     /* in .text */
    uint32_t len;        /* without its line end */
    uint16_t code;       /* 0: none could be read */
    uint8_t text_offset; /* where the text begins behind code and separator */
    smtp_rules rules;    /* oddities of this line */
};

struct smtp_reply {
    unsigned code; /* of the last line; 0: none */
    bool has_enhanced;
    unsigned enhanced[3]; /* class, subject, detail, from the last line's text */
    struct slice text;    /* the whole reply as received, with line ends */
    const struct smtp_reply_line *lines;
    size_t n_lines;
    smtp_rules rules; /* of all lines together */
};

struct smtp_reply_parser {
    struct buf text; /* the reply so far; empty between replies so that idle costs nothing */
    struct smtp_reply_line *lines;
    size_t n_lines, alloc_lines;
    size_t line_start;
    bool done; /* .text holds a finished reply that the next feed will drop */
    bool more; /* the reply is open: another line has to follow */
    bool tail; /* the line before was cut at its cap: what follows is the rest of it */
    struct smtp_reply_line first; /* where .lines points while one is enough */
};

void smtp_reply_parser_init(struct smtp_reply_parser *p);
/* Gives all memory back; the parser is as after init. A parser must not be moved once fed. */
void smtp_reply_parser_deinit(struct smtp_reply_parser *p);
/* Feed octets from the server; any split is allowed. Returns how many were used: at most up to the
 * end of one reply. *done_out: a reply is complete and *out is set, valid until the next feed. */
size_t smtp_reply_feed(struct smtp_reply_parser *p, struct slice in, struct smtp_reply *out,
                       bool *done_out);
/* The connection ended: whether octets of an unfinished reply are held, and that part as a reply
 * with REPLY_CUT. */
bool smtp_reply_cut(struct smtp_reply_parser *p, struct smtp_reply *out);
bool smtp_reply_pending(const struct smtp_reply_parser *p);
/* Text of one line behind code and separator, without an enhanced code. */
struct slice smtp_reply_line_text(const struct smtp_reply *r, size_t line);

/* "4.7.1 text": reads an enhanced status code at the start (RFC 3463 section 2: class 2|4|5,
 * subject and detail up to 3 digits, followed by space or end). Returns octets used (the space is
 * none), 0: none. */
size_t smtp_enhanced_parse(struct slice in, unsigned enhanced_out[3]);

/* The outcome classes every state table has a cell for. */
enum smtp_outcome {
    SMTP_OUT_2YZ,
    SMTP_OUT_3YZ,
    SMTP_OUT_4YZ,
    SMTP_OUT_5YZ,
    SMTP_OUT_421,
    SMTP_OUT_MALFORMED, /* code 0, 1yz or 6yz and above */
    SMTP_OUT_TIMEOUT,
    SMTP_OUT_EOF,
    SMTP_OUT_ABORT, /* we gave up, or a local failure */
    SMTP_OUT__COUNT
};
enum smtp_outcome smtp_reply_outcome(unsigned code);
const char *smtp_outcome_name(enum smtp_outcome outcome);

#endif
