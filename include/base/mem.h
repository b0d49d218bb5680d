/* Memory that cannot fail: on exhaustion the fatal hook runs (restore the terminal, flush the
 * recording) and the program ends. Also the one door for bugs in ourselves: BUG_IF.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/slice.h"

void *mem_alloc(size_t n_octets);  /* not zeroed */
void *mem_zalloc(size_t n_octets); /* zeroed */
void *mem_realloc(void *old, size_t n_octets);
void *mem_dup(const void *src, size_t n_octets);
char *mem_strdup(const char *text);  /* NULL stays NULL */
char *mem_slice_dup(struct slice s); /* as a C string; a NUL octet inside ends what C sees */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void mem_free(void *ptr);
/* Overwrite with zeros in a way the compiler keeps. */
void mem_wipe(void *ptr, size_t n_octets);

/* Runs once, before the program aborts for a bug or for want of memory. At most 4 hooks; the last
 * added runs first. A hook may only do what is safe when nothing else works. */
typedef void (*fatal_hook_fn)(void *ctx);
void fatal_add_hook(fatal_hook_fn fn, void *ctx);
void fatal_remove_hook(fatal_hook_fn fn, void *ctx);
/* Run the hooks once (idempotent): for signal handlers that end the program. */
void fatal_run_hooks(void);
_Noreturn void fatal_bug(const char *file, int line, const char *what);

/* A broken promise of our own code: hooks, one line on standard error, abort. Never for what a peer
 * or the world did. */
#define BUG_IF(cond)                                                                               \
    do {                                                                                           \
        if (__builtin_expect(!!(cond), 0))                                                         \
            fatal_bug(__FILE__, __LINE__, #cond);                                                  \
    } while (0)

#endif
