/* What a message is made of, line by line, whatever its structure: the limits of RFC 5322 section
 * 2.1.1 and the line ends of RFC 5321 section 2.3.8. For messages as stored or fetched; of those on
 * the wire the tracker tells the same in DATA_END.
 */
#ifndef MAIL_SHAPE_H
#define MAIL_SHAPE_H

#include "base/slice.h"

struct mail_shape {
    uint64_t octets, lines;
    uint64_t longest_octets; /* longest line without its end */
    uint64_t longest_line;   /* its number, from 1 */
    uint64_t over_998, over_78;
    uint64_t bare_lf, bare_cr, nul;
    uint64_t eight_bit; /* octets above 127 */
    uint64_t first_eight_bit_line;
    uint64_t dotted; /* lines that begin with a dot: these get another on the wire */
    bool utf8;       /* all of it is valid UTF-8 */
};
void mail_shape_of(struct slice message, struct mail_shape *out);

#endif
