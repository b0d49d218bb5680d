/* A secret in memory (password, token): locked where the system allows, wiped when it goes. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/slice.h"

struct secret {
    uint8_t *ptr;
    size_t len;
};

void secret_init(struct secret *s);
/* Copies; what was there before is wiped. The caller wipes its own copy. */
void secret_set(struct secret *s, struct slice value);
void secret_clear(struct secret *s);
bool secret_is_set(const struct secret *s);
struct slice secret_slice(const struct secret *s); /* valid until set or clear */

#endif
