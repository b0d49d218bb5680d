/* Modified UTF-7 of mailbox names (RFC 3501 section 5.1.3), as IMAP writes them and as Maildir++
 * folders are called. */
#ifndef BASE_UTF7_H
#define BASE_UTF7_H

#include "base/buf.h"

/* Append the UTF-8 text in modified UTF-7. Characters of `also` (ASCII; NULL: none) are encoded
 * though they need not be. False (out unchanged in length): not valid UTF-8, or the cap. */
bool utf7_encode(struct buf *out, struct slice utf8, const char *also);
/* Append the text as UTF-8. False (out unchanged in length): octets outside printable ASCII, a
 * shift that does not end, bits left over, lone surrogates, or the cap. Characters that need not
 * have been encoded are taken: whoever cares encodes the result again and compares. */
bool utf7_decode(struct buf *out, struct slice utf7);

#endif
