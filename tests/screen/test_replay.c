/* A recording replayed in the panes: by keys, by typed commands, and from a live console. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../lib/screen.h"

static struct vt *show(void)
{
    static const char *const args[] = {"show", SCREEN_FIXTURE, NULL};
    return screen_open(24, 80, NULL, args);
}

static void test_steps(void **state)
{
    (void)state;
    struct vt *v = show();
    assert_false(vt_has_text(v, "space pause"));
    screen_line(v, "/replay goto start");
    assert_true(vt_has_text(v, "replay || 1x  0.000 /"));
    assert_false(vt_has_text(v, "<S  220"));
    assert_false(vt_has_text(v, "220 "));
    for (int i = 0; i < 12 && !vt_has_text(v, "220 "); i++) {
        vt_key(v, ".");
        vt_sync(v);
    }
    assert_true(vt_has_text(v, "220 "));
    assert_false(vt_has_text(v, "C→  EHLO"));
    vt_key(v, ".");
    vt_sync(v);
    assert_true(vt_has_text(v, "C→  EHLO"));
    vt_key(v, ",");
    vt_sync(v);
    assert_false(vt_has_text(v, "C→  EHLO"));
    vt_key(v, "]");
    vt_sync(v);
    assert_true(vt_has_text(v, "replay || 2x"));
    vt_key(v, "[[");
    vt_sync(v);
    assert_true(vt_has_text(v, "replay || 0.5x"));
    screen_line(v, "/replay goto end");
    assert_false(vt_has_text(v, "space pause"));
    assert_true(vt_has_text(v, "FOLLOW"));
    screen_quit(&v);
}

static void test_plays(void **state)
{
    (void)state;
    struct vt *v = show();
    screen_line(v, "/replay speed 10");
    screen_line(v, "/replay goto start");
    vt_key(v, " ");
    vt_wait_text(v, "221 ");
    screen_quit(&v);
}

static void test_quiz(void **state)
{
    (void)state;
    struct vt *v = show();
    screen_line(v, "/replay quiz on");
    screen_line(v, "/replay goto start");
    screen_line(v, "/replay speed 10");
    screen_line(v, "/replay play");
    vt_wait_text(v, "quiz: what will it answer?");
    assert_false(vt_has_text(v, "220 "));
    screen_line(v, "/replay guess 2xx");
    assert_true(vt_has_text(v, "right: it is 220"));
    assert_true(vt_has_text(v, "220 "));
    vt_key(v, " ");
    vt_wait_text(v, "quiz: what will it answer?");
    assert_true(vt_has_text(v, "C→  EHLO"));
    assert_false(vt_has_text(v, "250"));
    screen_line(v, "/replay guess 550");
    assert_true(vt_has_text(v, "not quite: it is 250"));
    screen_line(v, "/replay guess 550");
    assert_true(vt_has_text(v, "no hidden answer here"));
    screen_quit(&v);
}

/* From a session to a recording and back: each is as it was left. */
static void test_from_a_session(void **state)
{
    (void)state;
    struct vt *v = screen_practice(24, 80, NULL);
    screen_line(v, "NOOP live-one");
    screen_wait(v, "live-one");
    screen_line(v, "/replay " SCREEN_FIXTURE " 10");
    assert_false(vt_has_text(v, "live-one"));
    screen_line(v, "/replay goto end"); /* the test's clock stands still, so nothing is played */
    assert_true(vt_has_text(v, "221 "));
    screen_line(v, "NOOP nothing-goes-out");
    assert_true(vt_has_text(v, "nothing goes out"));
    screen_line(v, "/replay nonsense-file");
    assert_true(vt_has_text(v, "nonsense-file"));
    screen_line(v, "/replay off");
    assert_true(vt_has_text(v, "live-one"));
    screen_line(v, "NOOP live-two");
    screen_wait(v, "live-two");
    assert_false(vt_has_text(v, "nothing-goes-out"));
    screen_quit(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_plays),
        cmocka_unit_test(test_quiz),
        cmocka_unit_test(test_from_a_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
