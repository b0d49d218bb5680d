/* Patterns as people type them: * stands for any octets, ? for one. */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include "base/slice.h"

enum glob_flag {
    GLOB_NOCASE = 1, /* ASCII case aside */
    GLOB_ESCAPE = 2, /* \x is that octet */
};
/* The whole text has to fit. Time is at most pattern x text. */
bool glob_match(struct slice pattern, struct slice text, unsigned flags);

#endif
