/* Writing the words of IMAP (RFC 9051 section 9). */
#ifndef IMAP_FORMAT_H
#define IMAP_FORMAT_H

#include "imap/lex.h"

/* A quoted string; a literal where it holds CR, LF, NUL, octets above 127 (utf8: those are allowed)
 * or is long. NUL cannot be in a literal either: it is left out. */
void imap_put_string(struct buf *out, struct slice s, bool utf8);
/* NIL where s.ptr is NULL. */
void imap_put_nstring(struct buf *out, struct slice s);
/* An atom where it can be one. */
void imap_put_astring(struct buf *out, struct slice s);
/* A mailbox name: UTF-8 as it is, or in modified UTF-7. */
void imap_put_mailbox(struct buf *out, struct slice name, bool utf8);
/* "(\Seen ...": the system flags, without the closing parenthesis. */
void imap_put_flags(struct buf *out, unsigned system);
/* Numbers in ascending order as a set: "1:3,7". */
struct imap_set_writer {
    struct buf *out;
    uint32_t first, last; /* 0: nothing yet */
    bool any;
};
void imap_set_add(struct imap_set_writer *w, uint32_t number);
void imap_set_end(struct imap_set_writer *w);

/* The addresses of a field's body, unfolded, as an ENVELOPE has them (RFC 9051 section 7.5.2):
 * "((name adl mailbox host) ...)", groups with NIL hosts; NIL where there is none. */
void imap_put_addresses(struct buf *out, struct slice field_body);

#endif
