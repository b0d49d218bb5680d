/* What the files of this module share. */
#ifndef SASL_PRIVATE_H
#define SASL_PRIVATE_H

#include "sasl/sasl.h"

enum sasl_trait {
    TRAIT_CLIENT_FIRST = 1,    /* the client's first step needs nothing from the server */
    TRAIT_PLUS = 2,            /* bound to the TLS channel */
    TRAIT_NO_USER = 4,         /* works without a user name */
    TRAIT_NO_PASSWORD = 8,     /* works without a password */
    TRAIT_SCRAM = 16,          /* RFC 5802 */
    TRAIT_SERVER_PROMPTS = 32, /* the server speaks first, yet an initial response is tolerated */
};

/* A mechanism this program can speak. */
struct sasl_spoken {
    const char *name;
    unsigned traits;
};

/* NULL: not spoken. Case does not matter. */
const struct sasl_spoken *sasl_spoken(const char *mechanism);

#endif
