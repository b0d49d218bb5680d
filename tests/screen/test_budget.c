/* What the screen costs. Octets and memory are held to three times what they should be, time is
 * printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../lib/screen.h"

enum { SLACK = 3 };

/* Time is printed, not judged: a machine may be busy. What does not depend on it (octets, memory)
 * is. */
static void hold(const char *what, double value, double budget, const char *unit)
{
    bool is_time = strcmp(unit, "ms") == 0;
    print_message("%-52s %8.2f %s (budget %g)%s\n", what, value, unit, budget,
                  value > budget ? ", over it" : "");
    if (!is_time && !screen_is_slow_build() && value > SLACK * budget)
        fail_msg("%s: %.2f %s, more than %d times %g", what, value, unit, SLACK, budget);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* From the fork to the first frame; the quickest of some, because the machine may be busy. */
static void test_first_paint(void **state)
{
    (void)state;
    double best_ms = 1e9;
    for (int i = 0; i < 7; i++) {
        const char *const argv[] = {screen_program(), "show", SCREEN_FIXTURE, NULL};
        double start_ms = screen_now_ms();
        struct vt *v = vt_spawn(argv, 24, 80, "xterm-256color", NULL);
        while (!vt_has_text(v, "F10 Quit") && screen_now_ms() - start_ms < 5000)
            vt_read(v, 0);
        double took_ms = screen_now_ms() - start_ms;
        best_ms = took_ms < best_ms ? took_ms : best_ms;
        screen_quit(&v);
    }
    hold("first paint of a recording", best_ms, 15, "ms");
}

/* One key, to the first octet that comes of it. */
static double key_ms(struct vt *v, const char *key)
{
    size_t before, len;
    (void)vt_raw(v, &before);
    double start_ms = screen_now_ms();
    vt_send(v, key);
    do {
        vt_read(v, 0);
        (void)vt_raw(v, &len);
    } while (len == before && screen_now_ms() - start_ms < 1000);
    double took_ms = screen_now_ms() - start_ms;
    vt_sync(v);
    return took_ms;
}

static void test_keys(void **state)
{
    (void)state;
    enum { N_KEYS = 300, ROUNDS = 4 };
    double median_ms = 1e9, p99_ms = 1e9;
    struct vt *v = screen_practice(24, 80, NULL);
    /* The quietest of some rounds: what else the machine does is not measured here. */
    for (int round = 0; round < ROUNDS; round++) {
        double each_ms[N_KEYS];
        for (int i = 0; i < N_KEYS; i++)
            each_ms[i] = key_ms(v, i % 40 == 39 ? "\003" : "a");
        qsort(each_ms, N_KEYS, sizeof each_ms[0], ascending);
        if (each_ms[N_KEYS / 2] < median_ms)
            median_ms = each_ms[N_KEYS / 2];
        if (each_ms[N_KEYS * 99 / 100] < p99_ms)
            p99_ms = each_ms[N_KEYS * 99 / 100];
    }
    hold("key to first octet, median", median_ms, 1, "ms");
    hold("key to first octet, 99 of 100", p99_ms, 2, "ms");
    screen_quit(&v);
}

static void test_octets_of_a_letter(void **state)
{
    (void)state;
    static const int sizes[][2] = {{24, 80}, {40, 120}, {60, 200}};
    for (size_t i = 0; i < N_OF(sizes); i++) {
        struct vt *v = screen_practice(sizes[i][0], sizes[i][1], NULL);
        char what[64];
        size_t marker, total;
        vt_sync(v);
        vt_octets_since(v);
        vt_sync(v);
        marker = vt_octets_since(v);
        for (const char *at = "/note what a person types"; *at; at++) {
            vt_send_octets(v, at, 1);
            vt_sync(v);
        }
        total = vt_octets_since(v) - 25 * marker;
        snprintf(what, sizeof what, "octets of a typed letter at %dx%d", sizes[i][1], sizes[i][0]);
        hold(what, (double)total / 25, 32, "octets");
        screen_quit(&v);
    }
}

/* ---- idle ---- */

static long status_number(pid_t pid, const char *name)
{
    char path[64], line[256];
    long value = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && value < 0 && fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtol(line + strlen(name), NULL, 10);
    if (f)
        fclose(f);
    return value;
}

/* Looks for 1.2 s; nothing else depends on the time. Counts only grow, so a busy machine cannot
 * make one that is too small. */
static void idle_case(const char *what, struct vt *v)
{
    vt_sync(v);
    vt_read(v, 100); /* a frame that was owed */
    long before = status_number(vt_pid(v), "voluntary_ctxt_switches:");
    vt_octets_since(v);
    vt_read(v, 1200);
    long wakes = status_number(vt_pid(v), "voluntary_ctxt_switches:") - before;
    size_t octets = vt_octets_since(v);
    print_message("%-52s %8ld wake-ups in 1.2 s, %zu octets\n", what, wakes, octets);
    assert_int_equal(octets, 0);
    if (!screen_is_slow_build())
        assert_true(wakes <= 1);
    screen_quit(&v);
}

static void test_idle(void **state)
{
    (void)state;
    static const char *const show[] = {"show", SCREEN_FIXTURE, NULL}, *const practice[] = {
                                                                          "practice", NULL};
    idle_case("idle on a recording", screen_open(24, 80, NULL, show));
    struct vt *v = screen_open(24, 80, NULL, practice);
    screen_wait(v, "220 ");
    screen_line(v, "EHLO client.example.net");
    screen_wait_caps(v, false);
    idle_case("idle on a session", v);
}

/* ---- a long recording ---- */

static void write_long(const char *path, unsigned n_lines)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs("{\"seq\":1,\"kind\":\"recording\",\"t\":0.000000,\"at\":\"2026-11-23T18:00:00.000000Z\","
          "\"schema\":1,\"tool\":\"test\"}\n"
          "{\"seq\":2,\"conn\":1,\"kind\":\"link_up\",\"t\":0.000000,\"at\":"
          "\"2026-11-23T18:00:00.000000Z\",\"side\":\"client\",\"transport\":\"tcp\",\"local\":"
          "\"192.0.2.1:1\",\"peer\":\"192.0.2.2:25\",\"name\":\"mx.example.test\"}\n",
          f);
    unsigned long offset = 0;
    for (unsigned i = 0; i < n_lines; i++) {
        char text[80];
        int len = snprintf(text, sizeof text, "250 line number %u of a long recording", i);
        fprintf(f,
                "{\"seq\":%u,\"conn\":1,\"kind\":\"octets\",\"t\":%u.%06u,\"at\":"
                "\"2026-11-23T18:00:00.000000Z\",\"dir\":\"S\",\"layer\":\"plain\",\"offset\":%lu,"
                "\"length\":%d,\"text\":\"%s\\r\\n\"}\n",
                i + 3, i / 1000, i % 1000 * 1000, offset, len + 2, text);
        offset += (unsigned long)len + 2;
    }
    fclose(f);
}

static void test_long_recording(void **state)
{
    (void)state;
    enum { N_LINES = 100000 };
    char path[64];
    snprintf(path, sizeof path, "/tmp/screen-long-%d.jsonl", (int)getpid());
    write_long(path, N_LINES);
    const char *const argv[] = {screen_program(), "show", path, NULL};
    double start_ms, took_ms = 1e9;
    struct vt *v = NULL;
    for (int i = 0; i < 3; i++) {
        vt_free(&v);
        start_ms = screen_now_ms();
        v = vt_spawn(argv, 24, 80, "xterm-256color", NULL);
        vt_wait_text(v, "line number 0 of"); /* the rest is read behind it */
        if (screen_now_ms() - start_ms < took_ms)
            took_ms = screen_now_ms() - start_ms;
    }
    hold("opening a recording of 100,000 lines", took_ms, 100, "ms");
    vt_key(v, "<C-End>");
    vt_wait_text(v, "line number 99999");
    hold("... and to its end", screen_now_ms() - start_ms, 400, "ms");
    hold("its memory", (double)status_number(vt_pid(v), "VmRSS:") / 1024, 64, "MiB");
    vt_sync(v);
    start_ms = screen_now_ms();
    vt_key(v, "<C-Home>");
    vt_sync(v);
    assert_true(vt_has_text(v, "line number 0 of"));
    hold("from its end to its beginning, drawn", screen_now_ms() - start_ms, 8, "ms");
    start_ms = screen_now_ms();
    vt_key(v, "<PgDn>");
    vt_sync(v);
    hold("a page on, drawn", screen_now_ms() - start_ms, 4, "ms");
    start_ms = screen_now_ms();
    screen_line(v, "/find number 54321 of");
    screen_wait(v, "hit 1 of");
    hold("finding in the middle of it", screen_now_ms() - start_ms, 150, "ms");
    screen_quit(&v);
    unlink(path);
}

/* ---- a million lines, when asked for (make bench) ---- */

/* Time on a processor so far, in ms. */
static double cpu_ms(pid_t pid)
{
    char path[64], line[128] = "";
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
    FILE *f = fopen(path, "re");
    if (f && !fgets(line, sizeof line, f))
        *line = '\0';
    if (f)
        fclose(f);
    return strtod(line, NULL) / 1e6;
}

static void cpu_of_keys(struct vt *v)
{
    static const char *const keys[] = {"a", "<C-c>", "<C-Up>", "<C-Down>", "<PgUp>", "<A-p>"};
    enum { N_KEYS = 300 };
    double each_ms[N_KEYS];
    for (int i = 0; i < N_KEYS; i++) {
        double before_ms = cpu_ms(vt_pid(v));
        vt_key(v, keys[(size_t)i % N_OF(keys)]);
        vt_sync(v);
        each_ms[i] = cpu_ms(vt_pid(v)) - before_ms;
    }
    qsort(each_ms, N_KEYS, sizeof each_ms[0], ascending);
    hold("CPU of a key and its frames, median", each_ms[N_KEYS / 2], 1, "ms");
    hold("CPU of a key and its frames, 99 of 100", each_ms[N_KEYS * 99 / 100], 2, "ms");
}

static double octets_of(struct vt *v, const char *keys)
{
    vt_sync(v);
    vt_octets_since(v);
    vt_sync(v);
    size_t marker = vt_octets_since(v);
    vt_key(v, keys);
    vt_sync(v);
    return (double)(vt_octets_since(v) - marker);
}

/* The same lines in a pager. */
static void measure_pager(const char *program, const char *path)
{
    char full[200], what[80];
    snprintf(full, sizeof full, "/usr/bin/%s", program);
    if (access(full, X_OK) != 0) {
        print_message("%s is not here\n", program);
        return;
    }
    const char *const argv[] = {full, path, NULL};
    struct vt *v = vt_spawn(argv, 24, 80, "xterm-256color", NULL);
    double start_ms = screen_now_ms();
    vt_wait_text(v, "line number "); /* less begins at the first line, lnav at the last */
    vt_send(v, "G");
    while (!vt_has_text(v, "line number 999999") && screen_now_ms() - start_ms < 60000)
        vt_read(v, 20);
    snprintf(what, sizeof what, "memory of %s on the same lines", program);
    print_message("%-52s %8.2f MiB, at the end after %.0f ms\n", what,
                  (double)status_number(vt_pid(v), "VmRSS:") / 1024, screen_now_ms() - start_ms);
    vt_free(&v);
}

static void test_a_million_lines(void **state)
{
    enum { N_LINES = 1000000 };
    char path[64], plain[64];
    (void)state;
    snprintf(path, sizeof path, "/tmp/screen-million-%d.jsonl", (int)getpid());
    snprintf(plain, sizeof plain, "/tmp/screen-million-%d.txt", (int)getpid());
    write_long(path, N_LINES);
    FILE *f = fopen(plain, "we");
    assert_non_null(f);
    for (int i = 0; i < N_LINES; i++)
        fprintf(f, "250 line number %d of a long recording\n", i);
    fclose(f);
    const char *const argv[] = {screen_program(), "show", path, NULL};
    double start_ms = screen_now_ms();
    struct vt *v = vt_spawn(argv, 24, 80, "xterm-256color", NULL);
    vt_wait_text(v, "line number 0 of");
    hold("first page of 1,000,000 lines", screen_now_ms() - start_ms, 100, "ms");
    while (!vt_has_text(v, "/1000001") && screen_now_ms() - start_ms < 60000)
        vt_read(v, 5);
    vt_key(v, "<C-End>");
    while (!vt_has_text(v, "line number 999999") && screen_now_ms() - start_ms < 60000)
        vt_read(v, 5);
    print_message("%-52s %8.0f ms\n", "... and all of them", screen_now_ms() - start_ms);
    hold("memory for 1,000,000 lines", (double)status_number(vt_pid(v), "VmRSS:") / 1024, 256,
         "MiB");
    cpu_of_keys(v);
    hold("octets to the terminal for a page", octets_of(v, "<PgUp>"), 1500, "octets");
    start_ms = screen_now_ms();
    screen_line(v, "/filter kind=octets");
    while (!vt_has_text(v, " 1 hidden") && screen_now_ms() - start_ms < 60000)
        vt_read(v, 5);
    print_message("%-52s %8.0f ms\n", "a filter over them", screen_now_ms() - start_ms);
    screen_quit(&v);
    measure_pager("less", plain);
    measure_pager("lnav", plain);
    unlink(path);
    unlink(plain);
}

static void test_an_appended_line(void **state)
{
    (void)state;
    struct vt *v = screen_practice(24, 80, NULL);
    screen_line(v, "EHLO client.example.net");
    screen_wait_caps(v, false);
    for (int i = 0; i < 8; i++)
        screen_line(v, "/note fills the page");
    vt_send(v, "/note one more");
    hold("octets to the terminal for an appended line", octets_of(v, "<Enter>"), 1500, "octets");
    screen_quit(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_paint),        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_octets_of_a_letter), cmocka_unit_test(test_idle),
        cmocka_unit_test(test_long_recording),     cmocka_unit_test(test_an_appended_line),
    };
    /* Takes a minute and 150 MiB: for make bench, which asks for it alone. */
    const struct CMUnitTest million[] = {cmocka_unit_test(test_a_million_lines)};
    const char *asked = getenv("SCREEN_MILLION");
    if (asked && *asked == '1')
        return cmocka_run_group_tests_name("a million lines", million, NULL, NULL);
    return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
