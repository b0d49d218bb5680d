/* GMime for the files of this module: one door to its start and its options. */
#ifndef MAIL_PRIVATE_H
#define MAIL_PRIVATE_H

/* Its headers are not clean under our warnings. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wundef"
#include <gmime/gmime.h>
#pragma GCC diagnostic pop

#include "base/slice.h"

/* Starts the library at the first call. It is never shut down: what it keeps is one of a kind. */
void mail_library(void);
/* A C string of `s` for the library: each NUL, where the string would end, becomes U+FFFD, and line
 * ends become nothing. Free it with mem_free. */
char *mail_cstr(struct slice s);

#endif
