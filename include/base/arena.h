/* Memory that lives and dies together: one arena per reply, report or frame. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

struct arena_chunk;
struct arena {
    struct arena_chunk *head;
};

void arena_init(struct arena *a);
void arena_deinit(struct arena *a);
/* All memory but one chunk is given back; everything handed out before is invalid. */
void arena_reset(struct arena *a);
void *arena_alloc(struct arena *a, size_t n_octets); /* zeroed, aligned for any type */
struct slice arena_dup(struct arena *a, struct slice s);
char *arena_strdup(struct arena *a, struct slice s); /* NUL-terminated */

#endif
