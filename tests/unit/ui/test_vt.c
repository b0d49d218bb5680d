/* The test terminal itself, against programs that everybody knows. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../lib/golden.h"
#include "../../lib/vt.h"

static const char *const cat[] = {"/bin/cat", NULL};

static struct vt *sh(const char *script)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    return vt_spawn(argv, 24, 80, "xterm-256color", NULL);
}

static void test_text_and_cursor(void **state)
{
    (void)state;
    struct vt *v = vt_spawn(cat, 24, 80, "xterm-256color", NULL);
    int row, col;
    vt_key(v, "a<Space>\303\251<lt>x");
    vt_wait_text(v, "a \303\251<x");
    assert_string_equal(vt_row(v, 0), "a \303\251<x");
    vt_cursor(v, &row, &col);
    assert_int_equal(row, 0);
    assert_int_equal(col, 5);
    assert_true(vt_octets_since(v) >= 6);
    assert_int_equal(vt_octets_since(v), 0);
    vt_key(v, "<Enter><C-d>");
    assert_int_equal(vt_wait_exit(v), 0);
    vt_free(&v);
    assert_null(v);
}

static void test_environment_and_size(void **state)
{
    (void)state;
    const char *const argv[] = {
        "/bin/sh", "-c", "echo \"$TERM $LC_ALL $X ${LINES-none} $(stty size)\"; read x", NULL};
    const char *const env[] = {"X=y", "LC_ALL=C", NULL};
    struct vt *v = vt_spawn(argv, 40, 120, "vt100", env);
    vt_wait_text(v, "vt100 C y none 40 120");
    assert_true(access(vt_home(v), X_OK) == 0);
    vt_free(&v);
}

static void test_sync(void **state)
{
    (void)state;
    /* A program that answers the private key as ours does. */
    struct vt *v = sh("stty raw -echo; printf ready; dd bs=1 count=7 2>/dev/null >/dev/null; "
                      "printf '\\033]777;sync;1\\007done'; "
                      "sleep 1 <&- ; exit 0");
    vt_wait_text(v, "ready");
    vt_sync(v);
    vt_wait_text(v, "done");
    vt_free(&v);
}

static void test_exit_and_signals(void **state)
{
    (void)state;
    struct vt *v = sh("exit 7");
    assert_int_equal(vt_wait_exit(v), 7);
    vt_free(&v);
    v = sh("echo up; read x");
    vt_wait_text(v, "up");
    vt_signal(v, SIGSTOP);
    assert_true(vt_wait_stopped(v));
    vt_signal(v, SIGCONT);
    vt_signal(v, SIGKILL);
    assert_int_equal(vt_wait_exit(v), 128 + SIGKILL);
    vt_free(&v);
}

/* One file for all themes: the text once, the runs of styles, and what they are beside it. */
static void test_screen_file(void **state)
{
    (void)state;
    static const char *const colors[GOLDEN_THEMES] = {"31", "32", "33", "0"};
    char dir[] = "/tmp/vt-golden-XXXXXX", path[64], styles[64], text[256] = "";
    struct vt *v[GOLDEN_THEMES];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/hello.txt", dir);
    snprintf(styles, sizeof styles, "%s/styles.txt", dir);
    setenv("VT_GOLDEN_DIR", dir, 1);
    for (int t = 0; t < GOLDEN_THEMES; t++) {
        char script[128];
        snprintf(script, sizeof script, "printf 'plain \\033[1mbold\\033[0m \\033[%smred '; read x",
                 colors[t]);
        v[t] = sh(script);
        vt_wait_text(v[t], "red");
    }
    setenv("UPDATE_GOLDEN", "1", 1);
    golden_assert(v, "hello");
    unsetenv("UPDATE_GOLDEN");
    golden_assert(v, "hello");
    golden_assert_dark(v[0], "hello");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    assert_non_null(strstr(text, "00|plain bold red\n00~.6a4.b3\n01|\n"));
    f = fopen(styles, "r");
    assert_non_null(f);
    memset(text, 0, sizeof text);
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    assert_string_equal(text, "a dark=bold light=bold contrast=bold mono=bold\n"
                              "b dark=fg1 light=fg2 contrast=fg3 mono=-\n");
    for (int t = 0; t < GOLDEN_THEMES; t++)
        vt_free(&v[t]);
    unsetenv("VT_GOLDEN_DIR");
    unlink(path);
    unlink(styles);
    rmdir(dir);
}

static void test_no_bytes_and_resize(void **state)
{
    (void)state;
    struct vt *v =
        sh("trap 'stty size' WINCH; printf 'safe\\033[?1049hin'; while :; do read x; done");
    vt_wait_text(v, "in");
    assert_true(vt_alternate_screen(v));
    vt_assert_no_bytes(v, "\033]52", 4);
    vt_resize(v, 10, 44);
    vt_wait_text(v, "10 44");
    vt_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_and_cursor),
        cmocka_unit_test(test_environment_and_size),
        cmocka_unit_test(test_sync),
        cmocka_unit_test(test_exit_and_signals),
        cmocka_unit_test(test_screen_file),
        cmocka_unit_test(test_no_bytes_and_resize),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
