/* The inside of auth, for the files of this module only. */
#ifndef AUTH_PRIVATE_H
#define AUTH_PRIVATE_H

#include "auth/canon.h"
#include "auth/dkim_sign.h"

/* Append the signature over data in base64. False: the library could not. */
bool auth_key_sign(const struct dkim_key *key, struct slice data, struct buf *out);

#endif
