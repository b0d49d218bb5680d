/* mem: the end of the program is orderly; secrets are wiped; err says what it should. */
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/utf8.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void say(void *ctx)
{
    ssize_t n = write(STDERR_FILENO, ctx, strlen(ctx));
    (void)n;
}

static void say_and_break(void *ctx)
{
    say(ctx);
    BUG_IF(ctx != NULL); /* a bug within a hook must not run the hooks again */
}

/* Run fn in a child with standard error into out; returns the wait status. */
static int in_child(void (*fn)(void), char *out, size_t out_octets)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        fn();
        _exit(0);
    }
    close(fds[1]);
    size_t len = 0;
    ssize_t n;
    while (len + 1 < out_octets && (n = read(fds[0], out + len, out_octets - 1 - len)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    close(fds[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static char first[] = "one ", second[] = "two ", third[] = "three ";

static void bug_with_hooks(void)
{
    fatal_add_hook(say, first);
    fatal_add_hook(say, second);
    fatal_add_hook(say, third);
    fatal_remove_hook(say, second);
    BUG_IF(1 + 1 == 2);
}

static void hooks_twice(void)
{
    fatal_add_hook(say, first);
    fatal_run_hooks();
    fatal_run_hooks();
}

static void bug_in_hook(void)
{
    fatal_add_hook(say, first);
    fatal_add_hook(say_and_break, second);
    fatal_bug("file.c", 7, "words");
}

static void fatal_ends(void **state)
{
    (void)state;
    char text[1024];
    int status = in_child(bug_with_hooks, text, sizeof(text));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_ptr_equal(strstr(text, "three one smtpscope: "), text);
    assert_non_null(strstr(text, "1 + 1 == 2"));
    assert_null(strstr(text, "two"));
    status = in_child(hooks_twice, text, sizeof(text));
    assert_true(WIFEXITED(status));
    assert_string_equal(text, "one ");
    status = in_child(bug_in_hook, text, sizeof(text));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_ptr_equal(strstr(text, "two smtpscope: "), text);
    assert_null(strstr(text, "one"));
}

static void allocates(void **state)
{
    (void)state;
    void *empty = mem_alloc(0);
    assert_non_null(empty);
    mem_free(empty);
    uint8_t *zero = mem_zalloc(100);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(zero[i], 0);
    zero = mem_realloc(zero, 0);
    assert_non_null(zero);
    mem_free(zero);
    mem_free(NULL);
    assert_null(mem_strdup(NULL));
    char *a = mem_strdup("abc"), *b = mem_slice_dup(SLICE_LIT("xyz")),
         *c = mem_printf("%d-%s", 5, "y"), *d = mem_slice_dup(slice_of(NULL, 0)),
         *e = mem_dup("12", 3);
    assert_string_equal(a, "abc");
    assert_string_equal(b, "xyz");
    assert_string_equal(c, "5-y");
    assert_string_equal(d, "");
    assert_string_equal(e, "12");
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(d);
    mem_free(e);
    uint8_t octets[16];
    memset(octets, 'x', sizeof(octets));
    mem_wipe(octets + 1, 14);
    mem_wipe(NULL, 0);
    assert_int_equal(octets[0], 'x');
    assert_int_equal(octets[15], 'x');
    for (size_t i = 1; i < 15; i++)
        assert_int_equal(octets[i], 0);
}

/* Read this process's memory at ptr without touching it: false where it is no longer mapped. */
static bool peek(const void *ptr, uint8_t *out, size_t n_octets)
{
    int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = pread(fd, out, n_octets, (off_t)(uintptr_t)ptr);
    close(fd);
    return n == (ssize_t)n_octets;
}

static void secrets_go(void **state)
{
    (void)state;
    struct secret s;
    secret_init(&s);
    assert_false(secret_is_set(&s));
    secret_set(&s, slice_of(NULL, 0));
    assert_true(secret_is_set(&s)); /* an empty password is one */
    secret_set(&s, SLICE_LIT("hunter2\0x"));
    assert_true(slice_eq(secret_slice(&s), SLICE_LIT("hunter2\0x")));
    uint8_t seen[9] = {0};
    const uint8_t *was = s.ptr;
    if (peek(was, seen, sizeof(seen)))
        assert_memory_equal(seen, "hunter2\0x", sizeof(seen));
    secret_set(&s, slice_take(secret_slice(&s), 6)); /* from itself */
    assert_true(slice_eq(secret_slice(&s), SLICE_LIT("hunter")));
    memset(seen, 0, sizeof(seen));
    if (was != s.ptr && peek(was, seen, sizeof(seen)))
        assert_memory_not_equal(seen, "hunter2\0x", sizeof(seen));
    was = s.ptr;
    secret_clear(&s);
    assert_false(secret_is_set(&s));
    assert_int_equal(secret_slice(&s).len, 0);
    memset(seen, 0, sizeof(seen));
    if (peek(was, seen, sizeof(seen)))
        assert_memory_not_equal(seen, "hunter", 6);
    secret_clear(&s);
}

static void errors_speak(void **state)
{
    (void)state;
    struct err e;
    err_clear(&e);
    assert_int_equal(e.domain, ERR_NONE);
    err_explain(&e, "m", "n");
    err_set(&e, ERR_TLS, 20, "%s broke at %d", "it", 5);
    assert_string_equal(e.text, "it broke at 5");
    assert_int_equal(e.code, 20);
    assert_string_equal(e.means, "");
    err_explain(&e, "means", NULL);
    assert_string_equal(e.means, "means");
    assert_string_equal(e.next, "");
    err_set(&e, ERR_DNS, 1, "again: %s", e.text);
    assert_string_equal(e.text, "again: it broke at 5");
    err_set(NULL, ERR_DNS, 1, "nobody listens");
    err_explain(NULL, "a", "b");
    err_clear(NULL);
    for (unsigned d = 0; d < ERR__COUNT; d++)
        assert_true(strlen(err_domain_name((enum err_domain)d)) > 2);
    /* Cut at each place of a multi-octet character: whole characters stay. */
    char text[400];
    for (size_t pad = 230; pad < 245; pad++) {
        memset(text, 'a', pad);
        memcpy(text + pad, "\u00e9\u6f22\U0001F600\u00e9", 12);
        err_set(&e, ERR_FILE, 0, "%s", text);
        assert_true(utf8_valid(slice_cstr(e.text)));
        assert_true(strlen(e.text) >= (pad + 11 < 236 ? pad + 11 : 236));
        err_explain(&e, text, text);
        assert_true(utf8_valid(slice_cstr(e.means)) && utf8_valid(slice_cstr(e.next)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fatal_ends),
        cmocka_unit_test(allocates),
        cmocka_unit_test(secrets_go),
        cmocka_unit_test(errors_speak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
