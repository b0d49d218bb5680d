/* Passwords in URLs (RFC 3986 section 3.2.1: userinfo): the one place that knows what of a text
 * must not be shown, kept or recorded because it stands between "user:" and "@". */
#ifndef BASE_USERINFO_H
#define BASE_USERINFO_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/* `text` into out, with *** for each password of a URL in it: scheme://user:***@host. A password
 * ends at the last "@" of its word, or of the rest of the text where the word has none and what
 * follows the colon is no port: rather too much is hidden than too little. True: something was. */
bool userinfo_mask(struct slice text, struct buf *out);
/* The same for a value that is meant as a URL: its scheme may be missing (user:password@host). */
bool userinfo_mask_url(struct slice url, struct buf *out);

#endif
