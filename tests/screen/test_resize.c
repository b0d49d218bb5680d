/* The window changes its size, and the terminal is slow. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "../lib/golden.h"
#include "../lib/screen.h"

static unsigned random_below(unsigned *seed, unsigned below)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % below;
}

/* Many sizes, then the one of the golden screen: it must be that screen. */
static void storm(const char *keys, const char *golden, int rows, int cols)
{
    static const char *const env[] = {SCREEN_CLOCK, NULL};
    static const char *const args[] = {"show", SCREEN_FIXTURE, NULL};
    struct vt *v = screen_open(24, 80, env, args);
    unsigned seed = 1;
    if (keys) {
        vt_key(v, keys);
        vt_sync(v);
    }
    for (int i = 0; i < 200; i++) {
        vt_resize(v, 1 + (int)random_below(&seed, 70), 1 + (int)random_below(&seed, 220));
        if (i % 8 == 0)
            vt_sync(v);
    }
    vt_resize(v, rows, cols);
    vt_sync(v); /* its size is read, at the latest, when this key is */
    vt_sync(v);
    vt_key(v, "<C-l>");
    vt_sync(v);
    golden_assert_dark(v, golden);
    screen_assert_clean(v);
    screen_quit(&v);
}

static void test_storms(void **state)
{
    (void)state;
    storm(NULL, "show-80x24", 24, 80);
    storm(NULL, "show-200x60", 60, 200);
    storm("<F1>", "help-80x24", 24, 80);
    storm("<A-s>", "envelope-120x40", 40, 120);
    storm("<A-z>", "zoom-40x10", 10, 40);
}

/* Without a repaint asked for: what is on the screen is what the program thinks is there. */
static void test_each_size_is_whole(void **state)
{
    (void)state;
    static const char *const env[] = {SCREEN_CLOCK, NULL};
    static const char *const args[] = {"show", SCREEN_FIXTURE, NULL};
    static const struct {
        int cols, rows;
    } sizes[] = {{120, 40}, {40, 10}, {200, 60}, {20, 5}, {1, 1}, {80, 24}};
    struct vt *v = screen_open(24, 80, env, args);
    for (size_t i = 0; i < N_OF(sizes); i++) {
        char golden[64];
        snprintf(golden, sizeof golden, "show-%dx%d", sizes[i].cols, sizes[i].rows);
        vt_resize(v, sizes[i].rows, sizes[i].cols);
        vt_sync(v);
        vt_sync(v);
        golden_assert_dark(v, golden);
    }
    screen_quit(&v);
}

/* ---- a slow terminal ---- */

struct chatter {
    volatile unsigned n_noops; /* that came from the program */
    volatile unsigned n_sent;
};

static bool say_many(int fd, struct chatter *c, unsigned n_lines)
{
    char reply[100];
    for (unsigned i = 1; i < n_lines; i++) {
        int len =
            snprintf(reply, sizeof reply, "250-line %u of a long answer, and some more\r\n", i);
        if (!screen_put(fd, reply, (size_t)len))
            return false;
        c->n_sent++;
    }
    return screen_put(fd, "250 done\r\n", 10);
}

static void serve_chatter(int fd, void *ctx)
{
    struct chatter *c = ctx;
    char line[512];
    if (!screen_put(fd, "220 chatter\r\n", 13))
        return;
    while (screen_get_line(fd, line, sizeof line)) {
        if (strncmp(line, "NOOP", 4) == 0)
            c->n_noops++;
        if (!say_many(fd, c, strncmp(line, "HELP", 4) == 0 ? 20000 : 1))
            return;
    }
}

/* The terminal takes octets_per_ms; twenty thousand lines come from the network meanwhile. The
 * program reads them all, and its frames are what is dropped. Returns how long that took. */
static double past_a_slow_terminal(double octets_per_ms)
{
    struct chatter *c =
        mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(c != MAP_FAILED);
    struct screen_server server;
    screen_server_start(&server, serve_chatter, c);
    const char *const args[] = {server.target, NULL};
    struct vt *v = screen_open(24, 80, NULL, args);
    screen_wait(v, "220 chatter");
    /* Fill what the kernel holds between the two, 64 KiB: now each octet of a frame waits. */
    for (int i = 0; i < 60; i++) {
        vt_key(v, "<C-l>");
        poll(NULL, 0, 2);
    }
    vt_send(v, "HELP\rNOOP\r");
    double start_ms = screen_now_ms();
    size_t taken = 0;
    while (c->n_noops == 0 && screen_now_ms() - start_ms < 20000) {
        char octets[16];
        poll(NULL, 0, 2);
        if ((double)taken < octets_per_ms * (screen_now_ms() - start_ms)) {
            ssize_t n = read(vt_fd(v), octets, sizeof octets);
            taken += n > 0 ? (size_t)n : 0;
        }
    }
    double took_ms = screen_now_ms() - start_ms;
    print_message("20,000 lines and the next command's answer past a terminal of %.0f octets a ms: "
                  "%.0f ms, %zu octets taken of the screen\n",
                  octets_per_ms, took_ms, taken);
    assert_int_equal(c->n_noops, 1);
    assert_int_equal(c->n_sent, 19999);
    vt_key(v, "<C-l>"); /* the part of a frame we kept from the screen comes anew */
    vt_sync(v);
    screen_wait(v, "250 done");
    screen_quit(&v);
    screen_server_stop(&server);
    munmap((void *)c, sizeof *c);
    return took_ms;
}

static void test_slow_terminal(void **state)
{
    (void)state;
    assert_true(past_a_slow_terminal(8) < 15000);
}

/* Nobody reads: the session goes on all the same. */
static void test_stopped_terminal(void **state)
{
    (void)state;
    assert_true(past_a_slow_terminal(0) < 15000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storms),
        cmocka_unit_test(test_each_size_is_whole),
        cmocka_unit_test(test_slow_terminal),
        cmocka_unit_test(test_stopped_terminal),
    };
    return cmocka_run_group_tests_name("resize", tests, NULL, NULL);
}
