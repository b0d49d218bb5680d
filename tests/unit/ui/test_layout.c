/* The layout: at every size from 1x1 to 300x100 all that is placed is on the screen, and nothing is
 * placed twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "layout.h"

enum { MAX_ROWS = 100, MAX_COLS = 300 };

static void check(const struct layout_wish *wish)
{
    static unsigned char taken[MAX_ROWS][MAX_COLS];
    struct layout l;
    layout_compute(wish, &l);
    const struct rect *const rects[] = {&l.header, &l.transcript, &l.decoded, &l.prompt,
                                        &l.hint,   &l.footer,     &l.status,  &l.tabs,
                                        &l.rule,   &l.sessions,   &l.second};
    memset(taken, 0, sizeof taken);
    for (size_t i = 0; i < sizeof rects / sizeof rects[0]; i++) {
        const struct rect *r = rects[i];
        if (r->rows == 0)
            continue;
        bool inside = r->rows > 0 && r->cols > 0 && r->y >= 0 && r->x >= 0 &&
                      r->y + r->rows <= wish->rows && r->x + r->cols <= wish->cols;
        if (!inside)
            print_error("%dx%d mode %d zoom %d split %d: rect %zu is %d,%d %dx%d\n", wish->cols,
                        wish->rows, wish->mode, wish->zoom, wish->split_percent, i, r->y, r->x,
                        r->rows, r->cols);
        assert_true(inside);
        for (int y = r->y; y < r->y + r->rows; y++) {
            for (int x = r->x; x < r->x + r->cols; x++) {
                if (taken[y][x])
                    print_error("%dx%d mode %d zoom %d: rect %zu lies over rect %d\n", wish->cols,
                                wish->rows, wish->mode, wish->zoom, i, taken[y][x] - 1);
                assert_false(taken[y][x]);
                taken[y][x] = (unsigned char)(i + 1);
            }
        }
    }
    assert_int_equal(l.prompt.rows, 1); /* the command line is always there */
    if (wish->rows >= 2)
        assert_true(l.transcript.rows > 0 || l.decoded.rows > 0);
    if (l.columns)
        assert_true(l.frame.y + l.frame.rows <= wish->rows && l.frame.cols == wish->cols);
}

static void test_every_size(void **state)
{
    (void)state;
    for (int rows = 1; rows <= MAX_ROWS; rows += rows < 40 ? 1 : 7) {
        for (int cols = 1; cols <= MAX_COLS; cols += cols < 110 ? 1 : 13) {
            for (int mode = 0; mode < LAYOUT__COUNT; mode++) {
                struct layout_wish wish = {
                    .rows = rows, .cols = cols, .mode = (enum layout_mode)mode};
                check(&wish);
                wish.zoom = true;
                wish.pane = PANE_DECODED;
                check(&wish);
                wish.pane = PANE_TRANSCRIPT;
                check(&wish);
                wish.zoom = false;
                wish.split_percent = 20;
                check(&wish);
                wish.split_percent = 85;
                check(&wish);
            }
        }
    }
}

static void test_rules(void **state)
{
    (void)state;
    struct layout l;
    struct layout_wish w = {.rows = 24, .cols = 80};
    layout_compute(&w, &l);
    assert_false(l.columns);
    assert_int_equal(l.transcript.rows, 15);
    assert_int_equal(l.decoded.rows, 3);
    assert_int_equal(l.hint.rows, 1);
    assert_int_equal(l.footer.rows, 1);
    w = (struct layout_wish){.rows = 40, .cols = 120};
    layout_compute(&w, &l);
    assert_true(l.columns);
    assert_int_equal(l.divider_x, 74); /* 62 of 100 */
    assert_int_equal(l.hint.rows, 2);
    assert_int_equal(l.sessions.rows + l.second.rows, 0);
    w = (struct layout_wish){.rows = 60, .cols = 200};
    layout_compute(&w, &l);
    assert_int_equal(l.sessions_x, 28);
    assert_int_equal(l.transcript.x, 29);
    assert_true(l.second.rows > 10);
    assert_int_equal(l.class, LAYOUT_CLASS_ROOMY);
    w = (struct layout_wish){.rows = 24, .cols = 120, .mode = LAYOUT_BIG};
    layout_compute(&w, &l);
    assert_false(l.columns);
    assert_true(l.decoded.rows >= 6);
    w = (struct layout_wish){.rows = 40, .cols = 99};
    layout_compute(&w, &l);
    assert_false(l.columns);
    w = (struct layout_wish){.rows = 15, .cols = 80};
    layout_compute(&w, &l);
    assert_int_equal(l.decoded.rows + l.hint.rows, 0);
    w = (struct layout_wish){.rows = 5, .cols = 80};
    layout_compute(&w, &l);
    assert_int_equal(l.header.rows + l.footer.rows, 0);
    assert_int_equal(l.transcript.rows, 4);
    w = (struct layout_wish){.rows = 24, .cols = 39};
    layout_compute(&w, &l);
    assert_int_equal(l.header.rows + l.decoded.rows, 0);
    w = (struct layout_wish){.rows = 1, .cols = 1};
    layout_compute(&w, &l);
    assert_int_equal(l.prompt.rows, 1);
    assert_int_equal(l.transcript.rows, 0);
    w = (struct layout_wish){0};
    layout_compute(&w, &l);
    assert_int_equal(l.prompt.rows, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_size),
                                       cmocka_unit_test(test_rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
