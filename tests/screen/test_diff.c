/* Two sessions side by side: what is shown, jumps, hiding, swapping, narrow screens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../lib/screen.h"

/* The fixture with a server that refuses somebody, offers less and is slower to say so. */
static char *other_recording(void)
{
    char *path = NULL;
    assert_true(asprintf(&path, "/tmp/screen-diff-%d.jsonl", (int)getpid()) > 0);
    FILE *from = fopen(SCREEN_FIXTURE, "r"), *to = fopen(path, "w");
    char *line = NULL;
    size_t alloc = 0;
    assert_non_null(from);
    assert_non_null(to);
    while (getline(&line, &alloc, from) > 0) {
        char *at = strstr(line, "SMTPUTF8");
        if (at)
            memcpy(at, "XDIFFERS", 8);
        fputs(line, to);
    }
    free(line);
    fclose(from);
    fclose(to);
    return path;
}

static struct vt *compare(int rows, int cols, const char *path)
{
    static const char *const args[] = {"show", SCREEN_FIXTURE, NULL};
    char line[120];
    struct vt *v = screen_open(rows, cols, NULL, args);
    snprintf(line, sizeof line, "/diff %s", path);
    screen_line(v, line);
    return v;
}

static int count_rows(struct vt *v, int rows, const char *text)
{
    int n = 0;
    for (int y = 0; y < rows; y++)
        n += strstr(vt_row(v, y), text) != NULL;
    return n;
}

static void test_side_by_side(void **state)
{
    (void)state;
    char *path = other_recording();
    struct vt *v = compare(40, 120, path);
    assert_true(vt_has_text(v, "aligned by step"));
    assert_true(vt_has_text(v, "SMTPUTF8"));
    assert_true(vt_has_text(v, "XDIFFERS"));
    assert_true(vt_has_text(v, "only here: "));
    assert_true(vt_has_text(v, "explains the outcome: none: the outcome is the same"));
    int all = count_rows(v, 40, "│");
    vt_key(v, "=");
    vt_sync(v);
    assert_true(vt_has_text(v, "equal rows hidden"));
    assert_true(count_rows(v, 40, "│") < all);
    vt_key(v, "o");
    vt_sync(v);
    const char *title = vt_row(v, 1);
    const char *b = strstr(title, "B  #"), *a = strstr(title, "A  #");
    assert_true(a && b && b < a);
    vt_key(v, "<Enter>");
    vt_sync(v);
    assert_true(vt_has_text(v, "One step in both"));
    vt_key(v, "<Esc>");
    vt_sync(v);
    vt_key(v, "<F9>"); /* the last comparison again, as it was */
    vt_sync(v);
    assert_true(vt_has_text(v, "equal rows hidden"));
    vt_key(v, "<Esc>");
    vt_sync(v);
    assert_false(vt_has_text(v, "aligned by step"));
    screen_assert_clean(v);
    screen_quit(&v);
    unlink(path);
    free(path);
}

static void test_jumps(void **state)
{
    (void)state;
    char *path = other_recording();
    struct vt *v = compare(24, 80, path);
    vt_key(v, "g");
    vt_key(v, "n");
    vt_sync(v);
    vt_key(v, "NN");
    vt_sync(v);
    assert_true(vt_has_text(v, "no difference before this"));
    for (int i = 0; i < 20; i++)
        vt_key(v, "n");
    vt_sync(v);
    assert_true(vt_has_text(v, "no difference further on"));
    screen_quit(&v);
    unlink(path);
    free(path);
}

static void test_every_size(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1},   {2, 10},  {5, 20},  {10, 40},
                                   {24, 69}, {24, 70}, {60, 200}};
    char *path = other_recording();
    struct vt *v = compare(24, 80, path);
    for (size_t i = 0; i < N_OF(sizes); i++) {
        vt_resize(v, sizes[i][0], sizes[i][1]);
        vt_key(v, "nNG=g=ot");
        vt_sync(v);
    }
    assert_true(vt_has_text(v, "aligned by step"));
    screen_assert_clean(v);
    screen_quit(&v);
    unlink(path);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_jumps),
        cmocka_unit_test(test_every_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
