/* What the server is and what it offers, in lines: its software and how sure that is; each
 * capability with one line of meaning and its RFC; what changed with TLS; what contradicts itself;
 * what one would expect on this port and does not find.
 */
#ifndef DECODE_OFFER_H
#define DECODE_OFFER_H

#include "decode/view.h"

enum offer_part {
    OFFER_PRINT_SERVER = 1,  /* software, how sure, whose */
    OFFER_PRINT_LIST = 2,    /* capabilities, one a line with its meaning */
    OFFER_PRINT_CHANGES = 4, /* before and after TLS */
    OFFER_PRINT_MISSING = 8, /* expected here and not offered */
    OFFER_PRINT_ODD = 16,    /* offers that contradict each other or the rules */
    OFFER_PRINT_USED = 32,   /* used in this session, and offered but not used */
    OFFER_PRINT_ALL = 63,
};
/* Several parts come with a heading each; one alone comes without. What has nothing to say is left
 * out. */
void offer_print(const struct view *v, unsigned parts, unsigned vis_flags, struct buf *out);

/* How a capability differs between the offer in the clear and the one inside TLS. */
enum offer_change { OFFER_SAME, OFFER_NEW, OFFER_GONE, OFFER_CHANGED };
/* Of a capability line offered now; OFFER_SAME where there was no offer before TLS. */
enum offer_change offer_change_of(const struct view *v, const char *line);
/* One line of meaning for a capability line; parameters read where that helps ("52428800 octets =
 * 50 MiB"). Never NULL. */
void offer_meaning(const char *line, struct buf *out);
/* The same in the protocol the session speaks: SMTP, POP3 or IMAP. */
void offer_meaning_in(const struct view *v, const char *line, struct buf *out);

/* Where the service is, for what one expects of it: "25", "587", "465", "lmtp"; NULL: unknown. */
const char *offer_place(const struct view *v);
struct offer_expected {
    const char *where; /* a place */
    const char *when;  /* "clear", "tls", "any" */
    const char *keyword;
    const char *means; /* what its absence means */
    const char *rfc;
};
const struct offer_expected *offer_expected_at(size_t index); /* NULL at the end */
/* Is the row's keyword expected now and not offered? False also where nothing was offered yet. */
bool offer_misses(const struct view *v, const struct offer_expected *row);
/* Contradictions: index from 0; NULL at the end. *found_out: does it hold for this view? */
const char *offer_oddity_at(const struct view *v, size_t index, bool *found_out);

#endif
