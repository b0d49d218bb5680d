/* Memory that cannot fail, and the last things done before the program ends.
 *
 * A fatal hook puts the terminal back and flushes the recording, so it must run exactly once even
 * when a second signal, or a bug inside a hook, comes while hooks run: the first caller takes the
 * turn with an atomic exchange, all later callers go on to abort.
 */
#include "base/mem.h"
#include "base/mem_private.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOOKS_MAX 4

static struct {
    fatal_hook_fn fn;
    void *ctx;
} hooks[HOOKS_MAX];
static size_t hooks_count;
static atomic_flag hooks_ran = ATOMIC_FLAG_INIT;

void fatal_add_hook(fatal_hook_fn fn, void *ctx)
{
    BUG_IF(fn == NULL || hooks_count == HOOKS_MAX);
    hooks[hooks_count].fn = fn;
    hooks[hooks_count].ctx = ctx;
    hooks_count++;
}

void fatal_remove_hook(fatal_hook_fn fn, void *ctx)
{
    for (size_t i = hooks_count; i-- > 0;) {
        if (hooks[i].fn != fn || hooks[i].ctx != ctx)
            continue;
        memmove(&hooks[i], &hooks[i + 1], (hooks_count - i - 1) * sizeof(hooks[0]));
        hooks_count--;
        return;
    }
}

void fatal_run_hooks(void)
{
    if (atomic_flag_test_and_set(&hooks_ran))
        return;
    for (size_t i = hooks_count; i-- > 0;)
        hooks[i].fn(hooks[i].ctx);
}

/* The hooks come first: they give the terminal back, so that the line can be read. */
_Noreturn static void die(const char *line)
{
    fatal_run_hooks();
    ssize_t written = write(STDERR_FILENO, line, strlen(line));
    (void)written;
    abort();
}

void fatal_bug(const char *file, int line, const char *what)
{
    char text[512];
    snprintf(text, sizeof(text), "smtpscope: a bug in smtpscope itself: %s:%d: %s\n", file, line,
             what);
    die(text);
}

void mem_exhausted(void)
{
    die("smtpscope: out of memory\n");
}

void *mem_alloc(size_t n_octets)
{
    void *ptr = malloc(n_octets > 0 ? n_octets : 1);
    if (ptr == NULL)
        mem_exhausted();
    return ptr;
}

void *mem_zalloc(size_t n_octets)
{
    void *ptr = calloc(1, n_octets > 0 ? n_octets : 1);
    if (ptr == NULL)
        mem_exhausted();
    return ptr;
}

void *mem_realloc(void *old, size_t n_octets)
{
    void *ptr = realloc(old, n_octets > 0 ? n_octets : 1);
    if (ptr == NULL)
        mem_exhausted();
    return ptr;
}

void *mem_dup(const void *src, size_t n_octets)
{
    void *copy = mem_alloc(n_octets);
    if (n_octets > 0)
        memcpy(copy, src, n_octets);
    return copy;
}

char *mem_strdup(const char *text)
{
    return text == NULL ? NULL : mem_dup(text, strlen(text) + 1);
}

char *mem_slice_dup(struct slice s)
{
    BUG_IF(s.len == SIZE_MAX);
    char *copy = mem_alloc(s.len + 1);
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

char *mem_printf(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    BUG_IF(len < 0);
    char *text = mem_alloc((size_t)len + 1);
    va_start(args, fmt);
    vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    return text;
}

void mem_free(void *ptr)
{
    free(ptr);
}

void mem_wipe(void *ptr, size_t n_octets)
{
    if (n_octets > 0)
        explicit_bzero(ptr, n_octets);
}
