/* An IMAP response as it stands in the journal, made ready for imap_response_parse: its lines in
 * one text, its long literals as gaps that say where their octets are. What a message of 50 MB
 * costs to look at is the line around it.
 */
#ifndef DECODE_IMAP_TEXT_H
#define DECODE_IMAP_TEXT_H

#include "base/buf.h"
#include "imap/lex.h"
#include "journal/journal.h"

enum { IMAP_READ_GAPS_MAX = 256 }; /* limit "imap-gaps": of one response are looked at */

struct imap_read {
    struct buf octets;
    struct imap_gap gaps[IMAP_READ_GAPS_MAX];
    size_t n_gaps;
    bool cut; /* a limit was reached: the end is missing */
};

/* text_octets: most of it that is kept, literals up to keep_octets included. */
void imap_read_init(struct imap_read *r, size_t text_octets);
void imap_read_deinit(struct imap_read *r);
/* Reads the server's response that begins at `offset`, secrets masked. False: octets of it have
 * left the journal, or it does not end within `length`; what was read is there all the same. */
bool imap_read_response(struct imap_read *r, const struct journal *j, uint32_t conn,
                        uint64_t offset, uint64_t length, uint64_t keep_octets);
/* Borrows from r. */
struct imap_text imap_read_text(const struct imap_read *r);

#endif
