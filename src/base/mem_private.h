/* For base's own files that ask the system for memory past mem_alloc. */
#ifndef BASE_MEM_PRIVATE_H
#define BASE_MEM_PRIVATE_H

/* Hooks, one line on standard error, abort. */
_Noreturn void mem_exhausted(void);

#endif
