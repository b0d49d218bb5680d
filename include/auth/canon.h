/* Canonicalisation of header fields and bodies for signatures (RFC 6376 section 3.4, with its
 * errata): pure, octets in, octets out, in any split.
 *
 *     simple    a field as it is; a body without the empty lines at its end, at least CRLF
 *     relaxed   a field as "name:value" on one line, runs of blanks as one SP; a body with runs of
 *               blanks as one SP, none at the end of a line, without the empty lines at its end; an
 *               empty body is nothing
 *
 * Only CRLF ends a line. A CR or LF alone is an octet like any other: what is signed has to be
 * what is sent, so whoever repairs line ends does it before.
 */
#ifndef AUTH_CANON_H
#define AUTH_CANON_H

#include "base/slice.h"

enum canon_what {
    CANON_FIELD_SIMPLE,
    CANON_FIELD_RELAXED,
    CANON_BODY_SIMPLE,
    CANON_BODY_RELAXED,
    CANON__COUNT
};
enum { CANON_PIECE_OCTETS = 4096 }; /* largest piece handed out at once */

typedef void (*canon_out_fn)(void *ctx, struct slice piece);

struct canon {
    enum canon_what what;
    canon_out_fn out; /* pieces are borrowed for the call */
    void *ctx;
    uint64_t held_line_ends; /* CRLFs seen that nothing followed yet */
    bool held_cr, held_blank;
    bool any;      /* something other than line ends and blanks was handed out */
    bool in_value; /* relaxed field: behind the colon */
    bool at_value; /* and nothing of the value came yet */
    size_t piece_octets;
    uint8_t piece[CANON_PIECE_OCTETS];
};

void canon_init(struct canon *c, enum canon_what what, canon_out_fn out, void *ctx);
void canon_feed(struct canon *c, struct slice in);
/* The end of the field or body; canon_init comes next. with_line_end: false leaves out the CRLF at
 * the end of a field, as the signature's own field is hashed (section 3.7); bodies ignore it. */
void canon_end(struct canon *c, bool with_line_end);

#endif
