/* The order of a turn, and what wakes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop;
static char trace[256];

static int setup(void **state)
{
    (void)state;
    loop = loop_new();
    trace[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(&loop);
    assert_null(loop);
    return 0;
}

static void note(void *ctx)
{
    size_t len = strlen(trace);
    snprintf(trace + len, sizeof(trace) - len, "%s ", (const char *)ctx);
}

static void note_and_defer(void *ctx)
{
    note(ctx);
    loop_defer(loop, note, "again");
}

static void order(void **state)
{
    (void)state;
    struct loop_timer *t = loop_timer_new(loop, note_and_defer, "timer");
    loop_add_turn_end(loop, note, "record");
    loop_add_turn_end(loop, note, "draw");
    loop_timer_start(t, 0);
    loop_defer(loop, note, "first");
    loop_defer(loop, note, "second");
    loop_turn(loop, 0);
    assert_string_equal(trace, "timer first second again record draw ");
    loop_timer_free(&t);
    assert_null(t);
}

/* A call deferred by a deferred call comes in the next turn, which does not sleep. */
static void defer_again(void **state)
{
    (void)state;
    loop_add_turn_end(loop, note, "|");
    loop_defer(loop, note_and_defer, "one");
    loop_turn(loop, 60000);
    assert_string_equal(trace, "one | ");
    loop_turn(loop, 60000);
    assert_string_equal(trace, "one | again | ");
}

static void defer_many(void **state)
{
    (void)state;
    static char seen[3] = "";
    for (int i = 0; i < 20; i++) {
        trace[0] = '\0';
        for (int n = 0; n < 30; n++)
            loop_defer(loop, note, n == 0 ? "a" : n == 29 ? "z" : (void *)seen);
        loop_turn(loop, 0);
        assert_int_equal(trace[0], 'a');
        assert_string_equal(trace + strlen(trace) - 2, "z ");
    }
}

static void defer_cancel(void **state)
{
    (void)state;
    static char mine[] = "mine", other[] = "other";
    loop_defer(loop, note, mine);
    loop_defer(loop, note, other);
    loop_defer(loop, note, mine);
    loop_defer_cancel(loop, mine);
    loop_turn(loop, 0);
    assert_string_equal(trace, "other ");
}

static void remove_self(void *ctx)
{
    note(ctx);
    loop_remove_turn_end(loop, remove_self, ctx);
}

static void turn_ends(void **state)
{
    (void)state;
    loop_add_turn_end(loop, remove_self, "once");
    loop_add_turn_end(loop, note, "always");
    loop_turn(loop, 0);
    loop_turn(loop, 0);
    assert_string_equal(trace, "once always always ");
    loop_remove_turn_end(loop, note, "always");
    loop_turn(loop, 0);
    assert_string_equal(trace, "once always always ");
}

static void nested(void *ctx)
{
    note(ctx);
    loop_turn(loop, 60000);
    note("out");
}

static void nested_turn(void **state)
{
    (void)state;
    struct loop_timer *t = loop_timer_new(loop, nested, "in");
    loop_add_turn_end(loop, note, "draw");
    loop_timer_start(t, 0);
    loop_turn(loop, 0);
    assert_string_equal(trace, "in draw out draw ");
    loop_timer_free(&t);
}

static void timers(void **state)
{
    (void)state;
    struct loop_timer *a = loop_timer_new(loop, note, "a");
    struct loop_timer *b = loop_timer_new(loop, note, "b");
    struct loop_timer *c = loop_timer_new(loop, note, "c");
    uint64_t begin_ns = clock_system()->tick_ns(NULL);
    assert_false(loop_timer_active(a));
    loop_timer_start(a, 15);
    loop_timer_start(b, 5);
    loop_timer_start(c, 1);
    assert_true(loop_timer_active(a));
    loop_timer_stop(c);
    assert_false(loop_timer_active(c));
    loop_timer_start(b, 10); /* moved */
    loop_run(loop);          /* until nothing is left */
    assert_string_equal(trace, "b a ");
    assert_true(clock_system()->tick_ns(NULL) - begin_ns >= 14000000);
    assert_false(loop_timer_active(a));
    loop_timer_free(&a);
    loop_timer_free(&b);
    loop_timer_free(&c);
}

static struct loop_timer *self;
static void free_self(void *ctx)
{
    note(ctx);
    loop_timer_free(&self);
}

static void timer_frees_itself(void **state)
{
    (void)state;
    self = loop_timer_new(loop, free_self, "gone");
    loop_timer_start(self, 0);
    loop_run(loop);
    assert_string_equal(trace, "gone ");
    assert_null(self);
}

static void nothing_left(void **state)
{
    (void)state;
    loop_run(loop); /* returns */
    loop_defer(loop, note_and_defer, "x");
    loop_run(loop);
    assert_string_equal(trace, "x again ");
}

static void stop_now(void *ctx)
{
    note(ctx);
    loop_stop(loop);
}

static void stopping(void **state)
{
    (void)state;
    struct loop_timer *far = loop_timer_new(loop, note, "far");
    struct loop_timer *near = loop_timer_new(loop, stop_now, "near");
    loop_timer_start(far, 3600000);
    loop_timer_start(near, 1);
    loop_run(loop);
    assert_string_equal(trace, "near ");
    loop_timer_free(&far);
    loop_timer_free(&near);
}

static void busy_for_ms(uint64_t ms)
{
    const struct clock *clock = clock_system();
    uint64_t begin_ns = clock->tick_ns(clock->ctx);
    while (clock->tick_ns(clock->ctx) - begin_ns < ms * 1000000)
        continue;
}

static void defer_stop(void *ctx)
{
    (void)ctx;
    loop_defer(loop, stop_now, "deferred");
}

/* A timer that is due when the turn begins fires before the sleep: its turn must end without one,
 * because nothing else would wake it. */
static void due_before_sleep(void **state)
{
    (void)state;
    struct loop_timer *far = loop_timer_new(loop, note, "far");
    struct loop_timer *near = loop_timer_new(loop, defer_stop, NULL);
    uint64_t begin_ns = clock_system()->tick_ns(NULL);
    loop_timer_start(far, 3000);
    loop_turn(loop, 0);
    loop_timer_start(near, 1);
    busy_for_ms(5);
    loop_turn(loop, 60000);
    assert_string_equal(trace, "deferred ");
    trace[0] = '\0';
    loop_timer_start(near, 1);
    busy_for_ms(5);
    loop_run(loop);
    assert_string_equal(trace, "");
    loop_run(loop);
    assert_string_equal(trace, "deferred ");
    assert_true(clock_system()->tick_ns(NULL) - begin_ns < 2500000000U);
    loop_timer_free(&far);
    loop_timer_free(&near);
}

static bool traced(void *ctx)
{
    (void)ctx;
    return trace[0] != '\0';
}

static void until(void **state)
{
    (void)state;
    struct loop_timer *far = loop_timer_new(loop, note, "far");
    struct loop_timer *near = loop_timer_new(loop, note, "near");
    loop_timer_start(far, 3600000);
    loop_timer_start(near, 1);
    loop_run_until(loop, traced, NULL);
    assert_string_equal(trace, "near ");
    loop_timer_free(&far);
    loop_timer_free(&near);
}

/* With only far things to wait for, one turn sleeps its whole time: nothing wakes it. */
static unsigned ends;
static void count_end(void *ctx)
{
    (void)ctx;
    ends++;
}

static void idle_sleeps(void **state)
{
    (void)state;
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    struct loop_timer *far = loop_timer_new(loop, note, "far");
    struct loop_timer *stop = loop_timer_new(loop, stop_now, "stop");
    loop_timer_start(far, 3600000);
    loop_timer_start(stop, 40);
    loop_add_turn_end(loop, count_end, NULL);
    ends = 0;
    loop_run(loop);
    assert_true(ends <= 3); /* the first without sleep, the one the timer ended */
    loop_timer_free(&far);
    loop_timer_free(&stop);
    close(fd[0]);
    close(fd[1]);
}

static unsigned ready_seen;
static void on_ready(void *ctx, unsigned ready)
{
    int *fd = ctx;
    char octet;
    ready_seen |= ready;
    if (ready & LOOP_READABLE) {
        ssize_t n = read(*fd, &octet, 1);
        note(n == 1 ? "read" : n == 0 ? "eof" : "error");
        if (n == 0)
            loop_stop(loop);
    }
}

static void watching(void **state)
{
    (void)state;
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    int flags = fcntl(fd[0], F_GETFL);
    struct loop_watch *w = loop_watch_new(loop, fd[0], LOOP_READABLE, on_ready, &fd[0]);
    assert_non_null(w);
    assert_int_equal(fcntl(fd[0], F_GETFL), flags); /* still blocking */
    loop_turn(loop, 0);
    assert_string_equal(trace, "");
    assert_int_equal(write(fd[1], "xy", 2), 2);
    loop_turn(loop, 100);
    assert_string_equal(trace, "read ");
    loop_watch_set(w, 0);
    loop_turn(loop, 0);
    assert_string_equal(trace, "read ");
    loop_watch_set(w, LOOP_READABLE);
    loop_turn(loop, 100);
    assert_string_equal(trace, "read read ");
    close(fd[1]);
    loop_run(loop);
    assert_string_equal(trace, "read read eof ");
    loop_watch_free(&w);
    close(fd[0]);
}

static void watch_writable_and_error(void **state)
{
    (void)state;
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    ready_seen = 0;
    struct loop_watch *w = loop_watch_new(loop, fd[1], LOOP_WRITABLE, on_ready, &fd[1]);
    loop_turn(loop, 100);
    assert_int_equal(ready_seen, LOOP_WRITABLE);
    close(fd[0]); /* nobody reads: an error on the writing end */
    ready_seen = 0;
    loop_turn(loop, 100);
    assert_true(ready_seen & LOOP_HANGUP);
    ready_seen = 0;
    loop_turn(loop, 0);
    assert_int_equal(ready_seen, 0); /* rests, no spinning */
    loop_watch_free(&w);
    close(fd[1]);
}

static void not_watchable(void **state)
{
    (void)state;
    int null = open("/dev/null", O_RDONLY);
    int file = open("/etc/passwd", O_RDONLY);
    assert_null(loop_watch_new(loop, null, LOOP_READABLE, on_ready, NULL));
    assert_null(loop_watch_new(loop, file, LOOP_READABLE, on_ready, NULL));
    assert_null(loop_watch_new(loop, -1, LOOP_READABLE, on_ready, NULL));
    close(null);
    close(file);
}

static void on_signal(void *ctx, int signum)
{
    assert_int_equal(signum, SIGUSR1);
    note(ctx);
    loop_stop(loop);
}

static void signals(void **state)
{
    (void)state;
    struct loop_signal *s = loop_signal_new(loop, SIGUSR1, on_signal, "usr1");
    raise(SIGUSR1);
    loop_run(loop);
    assert_string_equal(trace, "usr1 ");
    loop_signal_free(&s);
    loop_run(loop); /* nothing is left */
}

/* What its owners have not freed yet when the loop goes stays safe to free. */
static void loop_goes_first(void **state)
{
    (void)state;
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    struct loop_timer *t = loop_timer_new(loop, note, "t");
    struct loop_watch *w = loop_watch_new(loop, fd[0], LOOP_READABLE, on_ready, &fd[0]);
    struct loop_signal *s = loop_signal_new(loop, SIGUSR1, on_signal, "s");
    loop_timer_start(t, 0);
    loop_defer(loop, note, "d");
    loop_free(&loop);
    assert_string_equal(trace, "");
    loop_timer_start(t, 0);
    assert_false(loop_timer_active(t));
    loop_timer_stop(t);
    loop_watch_set(w, 0);
    loop_timer_free(&t);
    loop_watch_free(&w);
    loop_signal_free(&s);
    close(fd[0]);
    close(fd[1]);
    loop = loop_new();
}

#define ONE(fn)                                                                                    \
    {                                                                                              \
#fn, fn, setup, teardown, NULL                                                             \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(order),
        ONE(defer_again),
        ONE(defer_many),
        ONE(defer_cancel),
        ONE(turn_ends),
        ONE(nested_turn),
        ONE(timers),
        ONE(timer_frees_itself),
        ONE(nothing_left),
        ONE(stopping),
        ONE(due_before_sleep),
        ONE(until),
        ONE(idle_sleeps),
        ONE(watching),
        ONE(watch_writable_and_error),
        ONE(not_watchable),
        ONE(signals),
        ONE(loop_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
