/* The terminal is given back as it was, whatever the end is: leaving, signals, crashes, bugs, no
 * memory, the terminal gone; and for as long as a shell has it between Ctrl-Z and fg.
 */
#include <locale.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "../lib/screen.h"
#include "base/mem.h"
#include "ui/ui.h"

static const char *const show_args[] = {"show", SCREEN_FIXTURE, NULL};
static char self[4096]; /* this program */

static void assert_ended(struct vt **v, int wanted)
{
    int status = vt_wait_exit(*v);
    if (status != wanted) {
        vt_print_screen(*v);
        fail_msg("status %d instead of %d", status, wanted);
    }
    screen_assert_restored(*v);
    vt_free(v);
}

static void test_leaving(void **state)
{
    (void)state;
    static const char *const on_recording[] = {"<C-d>", "<F10>", "<A-q>", "/quit<Enter>"},
                             *const connected[] = {"<F10>y",     "<C-d>y",       "<F10><F10>",
                                                   "<C-d><C-d>", "<A-q><Enter>", "/quit<Enter>"};
    for (size_t i = 0; i < N_OF(on_recording); i++) {
        struct vt *v = screen_open(24, 80, NULL, show_args);
        vt_key(v, on_recording[i]);
        assert_ended(&v, 0);
    }
    for (size_t i = 0; i < N_OF(connected); i++) {
        struct vt *v = screen_practice(24, 80, NULL);
        vt_key(v, connected[i]);
        assert_ended(&v, 0);
    }
}

static void test_leaving_with_the_mouse_on(void **state)
{
    (void)state;
    struct vt *v = screen_practice(24, 80, NULL);
    screen_line(v, "/set mouse on");
    size_t len;
    const unsigned char *raw = vt_raw(v, &len);
    assert_non_null(memmem(raw, len, "\033[?1002h", 8));
    vt_mouse(v, 64, 5, 5);
    vt_mouse(v, 0, 5, 2);
    vt_mouse(v, 0, 500, 200);
    vt_sync(v);
    screen_quit(&v);
}

static void test_signals(void **state)
{
    (void)state;
    static const int signals[] = {SIGTERM, SIGHUP, SIGINT};
    for (size_t i = 0; i < N_OF(signals); i++) {
        struct vt *v = screen_practice(24, 80, NULL);
        vt_send(v, "half a line");
        vt_sync(v);
        vt_signal(v, signals[i]);
        assert_ended(&v, 128 + signals[i]);
    }
}

static void test_crashes(void **state)
{
    (void)state;
    static const int signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < N_OF(signals); i++) {
        struct vt *v = screen_practice(24, 80, NULL);
        vt_signal(v, signals[i]);
        int status = vt_wait_exit(v);
        if (screen_is_slow_build()) /* the sanitizer has its own way to end */
            assert_int_not_equal(status, 0);
        else
            assert_int_equal(status, 128 + signals[i]);
        screen_assert_restored(v);
        vt_free(&v);
    }
}

/* ---- a program with a bug: this one, started again ---- */

static int broken_program(const char *how)
{
    setlocale(LC_ALL, "");
    struct loop *l = loop_new();
    struct journal *j = journal_new(clock_system());
    struct settings *s = settings_new();
    const struct console_options options = {.tool = "test"};
    struct console *c = console_new(l, j, s, &options);
    const struct ui_options screen = {.term = getenv("TERM"), .test_sync = true};
    struct err err;
    struct ui *u = ui_open(l, c, &screen, &err);
    if (!u)
        return 3;
    BUG_IF(strcmp(how, "bug") == 0);
    if (strcmp(how, "memory") == 0)
        mem_free(mem_alloc(SIZE_MAX / 4));
    if (strcmp(how, "exhausted") == 0)
        for (;;)
            memset(mem_alloc(1 << 20), 1, 1); /* the limit of its address space ends it */
    return 4;
}

static void broken_case(const char *how, const char *said)
{
    char command[4200];
    snprintf(command, sizeof command, "ulimit -c 0; %s exec '%s' --broken %s",
             strcmp(how, "exhausted") == 0 ? "ulimit -v 300000;" : "", self, how);
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    struct vt *v = vt_spawn(argv, 24, 80, "xterm-256color", NULL);
    int status = vt_wait_exit(v);
    assert_int_equal(status, 128 + SIGABRT);
    screen_assert_restored(v);
    /* It says what happened, and on the screen the person still has. */
    assert_false(vt_alternate_screen(v));
    if (!vt_has_text(v, said)) {
        vt_print_screen(v);
        fail_msg("it does not say \"%s\"", said);
    }
    vt_free(&v);
}

static void test_bugs(void **state)
{
    (void)state;
    if (screen_is_slow_build())
        skip();
    broken_case("bug", "a bug in smtpscope itself");
    broken_case("memory", "memory");
    broken_case("exhausted", "memory");
}

/* ---- the terminal is gone ---- */

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static void test_lost_terminal(void **state)
{
    (void)state;
    for (int ignoring = 0; ignoring < 2; ignoring++) {
        /* A terminal that goes sends SIGHUP; where that is ignored (nohup), reading tells. */
        char command[4300], path[64] = "/tmp/screen-lost-XXXXXX";
        assert_non_null(mkdtemp(path));
        snprintf(command, sizeof command,
                 "%s exec '%s' --record %s/r.jsonl --name client.example.net practice",
                 ignoring ? "trap '' HUP;" : "", screen_program(), path);
        const char *const argv[] = {"/bin/sh", "-c", command, NULL};
        struct vt *v = vt_spawn(argv, 24, 80, "xterm-256color", NULL);
        screen_wait(v, "220 ");
        screen_line(v, "EHLO client.example.net");
        screen_wait_caps(v, false);
        double start_ms = screen_now_ms();
        vt_hang_up(v);
        int status = vt_wait_exit(v);
        assert_int_not_equal(status, -1);
        assert_true(screen_now_ms() - start_ms < 2000);
        char file[96];
        snprintf(file, sizeof file, "%s/r.jsonl", path);
        assert_true(size_of(file) > 2000); /* what was recorded is there */
        unlink(file);
        rmdir(path);
        vt_free(&v);
    }
}

/* ---- Ctrl-Z ---- */

static void suspend_in(const char *const *shell)
{
    static const char *const env[] = {"PS1=shell% ", NULL};
    char line[4200];
    struct vt *v = vt_spawn(shell, 24, 80, "xterm-256color", env);
    vt_wait_text(v, "shell%");
    snprintf(line, sizeof line, "'%s' practice\r", screen_program());
    vt_send(v, line);
    vt_wait_text(v, "220 mx.example.test");
    vt_send(v, "RCPT TO:<hal");
    vt_wait_text(v, "TO:<hal");
    for (int round = 0; round < 2; round++) {
        vt_key(v, "<C-z>");
        vt_wait_text(v, "Stopped"); /* the shell's own screen is back, and the shell has it */
        assert_false(vt_alternate_screen(v));
        vt_send(v, "stty -a | grep -o ' icanon' ; echo ty''ped\r");
        vt_wait_text(v, " icanon");
        vt_wait_text(v, "typed");
        assert_true(vt_has_text(v, "ty''ped")); /* it echoes */
        vt_send(v, "clear; fg\r");
        vt_wait_text(v, "TO:<hal"); /* what was half typed is kept */
        vt_wait_text(v, "220 mx.example.test");
        vt_sync(v);
        assert_true(vt_alternate_screen(v));
    }
    vt_send(v, "f");
    vt_wait_text(v, "TO:<half");
    vt_key(v, "<C-c>");
    vt_sync(v);
    vt_send(v, "/quit\r");
    vt_wait_text(v, "shell%");
    vt_send(v, "echo status $?\r");
    vt_wait_text(v, "status 0");
    vt_send(v, "exit\r");
    assert_int_not_equal(vt_wait_exit(v), -1);
    screen_assert_restored(v);
    vt_free(&v);
}

static void test_suspend(void **state)
{
    (void)state;
    static const char *const sh[] = {"/bin/sh", "-i", NULL}, *const bash[] = {"/bin/bash", "--norc",
                                                                              "--noprofile", "-i",
                                                                              NULL};
    suspend_in(sh);
    if (access(bash[0], X_OK) == 0)
        suspend_in(bash);
}

/* Nobody could wake it: no shell is above it. The kernel does not stop it, and the screen stays. */
static void test_suspend_without_a_shell(void **state)
{
    (void)state;
    struct vt *v = screen_practice(24, 80, NULL);
    vt_send(v, "kept");
    vt_key(v, "<C-z>");
    vt_sync(v);
    assert_true(vt_alternate_screen(v));
    assert_string_equal(screen_input(v), "kept");
    vt_signal(v, SIGCONT);
    vt_sync(v);
    assert_string_equal(screen_input(v), "kept");
    screen_quit(&v);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--broken") == 0)
        return broken_program(argv[2]);
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    self[len > 0 ? len : 0] = '\0';
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaving), cmocka_unit_test(test_leaving_with_the_mouse_on),
        cmocka_unit_test(test_signals), cmocka_unit_test(test_crashes),
        cmocka_unit_test(test_bugs),    cmocka_unit_test(test_lost_terminal),
        cmocka_unit_test(test_suspend), cmocka_unit_test(test_suspend_without_a_shell),
    };
    return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
