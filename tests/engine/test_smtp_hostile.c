/* Peers that never end: memory stays bounded, time stays linear, nothing crashes; and what rest
 * costs. */
#include "../lib/sanitizer.h"
#include "kit.h"

#include <malloc.h>
#include <time.h>

#include "smtp/limits.h"

/* A sanitizer makes everything dear: floods of a size that it still finishes soon. */
enum { FLOOD_SHARE = HEAP_IS_OURS ? 1 : 4 };

/* What is in use on the heap; a sanitizer's own heap does not tell. */
static size_t heap_octets(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

/* A journal that keeps next to nothing, so that what grows is the tracker. */
static void open_small(struct kit *k, const struct smtp_track_options *options)
{
    const struct journal_limits limits = {.events_octets = 65536, .store_memory_octets = 65536};
    kit_open(k, options);
    journal_set_limits(k->journal, &limits);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double flood(struct kit *k, enum event_dir dir, const char *unit, size_t times)
{
    struct buf b;
    size_t len = strlen(unit);
    buf_init(&b, 64 << 20);
    for (size_t i = 0; i < times; i++)
        buf_append(&b, slice_of(unit, len));
    double start = seconds();
    kit_feed(k, dir, buf_slice(&b), 16384);
    double took = seconds() - start;
    buf_deinit(&b);
    return took;
}

static void floods_cost_bounded_memory(void **state)
{
    (void)state;
    static const struct {
        enum event_dir dir;
        const char *before, *unit;
        size_t times;
    } floods[] = {
        {DIR_C, "S: 220 a", "xxxxxxxxxxxxxxxx", 500000}, /* an endless line */
        {DIR_S, "", "xxxxxxxxxxxxxxxx", 500000},
        {DIR_S, "", "250-and more\r\n", 300000},     /* an endless reply */
        {DIR_S, "S: 220 a", "250 what\r\n", 100000}, /* replies nobody asked for */
        {DIR_C, "S: 220 a", "NOOP\r\n", 100000},     /* commands nobody answers */
        {DIR_C, "S: 220 a", "MAIL FROM:<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b.test>\r\n", 50000},
        {DIR_C, "S: 220 a", "AUTH PLAIN aaaaaaaa\r\n", 20000},
        {DIR_C, "S: 220 a", "\r\n", 200000},
        {DIR_C, "S: 220 a", "\r\r\n\n\n\r", 50000},
        {DIR_S, "", "\r\n\n\r", 100000},
    };
    for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
        struct kit k;
        open_small(&k, NULL);
        kit_script(&k, floods[i].before, 0);
        size_t before = heap_octets();
        flood(&k, floods[i].dir, floods[i].unit, floods[i].times / FLOOD_SHARE);
        if (HEAP_IS_OURS && heap_octets() > before + (3u << 20))
            fail_msg("flood %zu keeps %zu octets", i, heap_octets() - before);
        kit_close(&k);
    }
}

static void pipelined_noops_are_counted_and_answered(void **state)
{
    (void)state;
    struct kit k;
    open_small(&k, NULL);
    kit_script(&k, "S: 220 a\nC: EHLO me\nS| 250-a~250 PIPELINING~", 0);
    flood(&k, DIR_C, "NOOP\r\n", 100000);
    assert_int_equal(smtp_track_pending(k.track), 100000);
    flood(&k, DIR_S, "250 ok\r\n", 99999);
    assert_int_equal(smtp_track_pending(k.track), 1);
    kit_script(&k, "S: 250 ok\nC: MAIL FROM:<a@b.test>\nS: 250 ok", 0);
    assert_int_equal(smtp_track_pending(k.track), 0);
    assert_int_equal(smtp_track_state(k.track), SMTP_STATE_MAIL);
    kit_close(&k);
}

/* A queue that is never empty keeps the paths of what waits, and of nothing else. */
static void a_queue_that_never_empties(void **state)
{
    (void)state;
    struct kit k;
    open_small(&k, NULL);
    kit_script(&k, "S: 220 a\nC: EHLO me\nS: 250 a\nC: MAIL FROM:<first@b.test>", 0);
    for (int i = 0; i < 60000; i++) {
        smtp_track_feed_all(k.track, DIR_C, SLICE_LIT("MAIL FROM:<somebody@example.test>\r\n"));
        smtp_track_feed_all(k.track, DIR_S, SLICE_LIT("250 ok\r\n"));
    }
    assert_int_equal(smtp_track_pending(k.track), 1);
    assert_true(slice_eq(smtp_track_reverse_path(k.track), SLICE_LIT("<somebody@example.test>")));
    kit_close(&k);
}

/* Four times the octets take about four times the time; a square would take sixteen. */
static void time_is_linear(void **state)
{
    (void)state;
    static const char *const units[] = {"NOOP\r\n", "MAIL FROM:<a@b.test>\r\n", "x", "\r\n"};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        double took[2] = {1e9, 1e9};
        for (int size = 0; size < 2; size++) {
            for (int again = 0; again < 3; again++) {
                struct kit k;
                open_small(&k, NULL);
                kit_script(&k, "S: 220 a\nC: EHLO me\nS| 250-a~250 PIPELINING~", 0);
                double t = flood(&k, DIR_C, units[i], (size ? 80000 : 20000) / FLOOD_SHARE);
                took[size] = t < took[size] ? t : took[size];
                kit_close(&k);
            }
        }
        if (took[1] > took[0] * 11 + 0.02)
            fail_msg("unit %zu: %.4f s, then %.4f s for four times as much", i, took[0], took[1]);
    }
}

static void recipients_without_end(void **state)
{
    (void)state;
    struct kit k;
    char line[64];
    open_small(&k, NULL);
    kit_script(&k, "S: 220 a\nC: EHLO me\nS: 250 a\nC: MAIL FROM:<>\nS: 250 a", 0);
    for (unsigned i = 0; i < SMTP_CAP_RECIPIENTS + 10; i++) {
        int n = snprintf(line, sizeof(line), "RCPT TO:<u%u@example.test>\r\n", i);
        smtp_track_feed_all(k.track, DIR_C, slice_of(line, (size_t)n));
        smtp_track_feed_all(k.track, DIR_S, SLICE_LIT("250 ok\r\n"));
    }
    struct slice path;
    assert_int_equal(smtp_track_recipients(k.track), SMTP_CAP_RECIPIENTS + 10);
    assert_true(smtp_track_recipient_at(k.track, SMTP_CAP_RECIPIENTS - 1, &path));
    assert_true(slice_eq(path, SLICE_LIT("<u99999@example.test>")));
    assert_true(smtp_track_recipient_at(k.track, SMTP_CAP_RECIPIENTS + 5, &path));
    assert_int_equal(path.len, 0);
    assert_false(smtp_track_recipient_at(k.track, SMTP_CAP_RECIPIENTS + 10, &path));
    kit_close(&k);
}

/* Octets without sense, both directions in turn, any split. */
static void garbage(void **state)
{
    (void)state;
    static const char *const words[] = {"220 a\r\n",
                                        "250 a\r\n",
                                        "250-a\r\n",
                                        "334 \r\n",
                                        "354 a\r\n",
                                        "421 a\r\n",
                                        "AUTH PLAIN\r\n",
                                        "DATA\r\n",
                                        ".\r\n",
                                        "BDAT 5\r\n",
                                        "STARTTLS\r\n",
                                        "MAIL FROM:<a@b.c>\r\n",
                                        "RCPT TO:<a@b.c>\r\n",
                                        "QUIT\r\n",
                                        "EHLO x\r\n",
                                        "RSET\r\n",
                                        "*\r\n",
                                        "\r",
                                        "\n",
                                        "x",
                                        "535 a\r\n",
                                        "235 a\r\n",
                                        "BDAT 3 LAST\r\n",
                                        "LHLO x\r\n"};
    unsigned seed = 4711;
    for (int session = 0; session < 3000; session++) {
        const struct smtp_track_options options = {.lmtp = session % 3 == 0,
                                                   .want_content = session % 2 == 0,
                                                   .data_end = session % 5 == 0 ? SMTP_DATA_END_LF
                                                               : session % 5 == 1
                                                                   ? SMTP_DATA_END_CR
                                                                   : SMTP_DATA_END_STRICT};
        struct kit k;
        open_small(&k, &options);
        for (int i = 0; i < 60; i++) {
            uint8_t noise[8];
            seed = seed * 1103515245u + 12345u;
            struct slice in = slice_cstr(words[(seed >> 16) % (sizeof(words) / sizeof(words[0]))]);
            enum event_dir dir = seed >> 30 & 1 ? DIR_C : DIR_S;
            if ((seed >> 8) % 16 == 0) {
                for (size_t b = 0; b < sizeof(noise); b++)
                    noise[b] = (uint8_t)(seed >> b);
                in = slice_of(noise, sizeof(noise));
            }
            kit_feed(&k, dir, in, (seed >> 20) % 4);
            if ((seed >> 12) % 64 == 0)
                smtp_track_tls_up(k.track);
        }
        smtp_track_closed(k.track, session & 1 ? DIR_C : DIR_S);
        assert_int_equal(smtp_track_state(k.track), SMTP_STATE_CLOSED);
        assert_int_equal(smtp_track_pending(k.track), 0);
        kit_close(&k);
    }
}

/* The practice server holds ten thousand of these. */
static void rest_is_cheap(void **state)
{
    (void)state;
    enum { TRACKERS = 1000 };
    static struct smtp_track *trackers[TRACKERS];
    static const struct smtp_track_options options;
    struct kit k;
    open_small(&k, NULL);
    for (int i = 0; i < 40; i++) { /* the spares are there, the journal is full */
        trackers[i] = smtp_track_new(k.journal, k.conn, &options);
        smtp_track_feed_all(trackers[i], DIR_S, SLICE_LIT("220 mx.example.test ESMTP\r\n"));
        smtp_track_free(&trackers[i]);
    }
    for (int i = 0; i < 2000; i++)
        smtp_track_feed_all(k.track, DIR_S, SLICE_LIT("250 x\r\n"));
    for (int greeted = 0; greeted < 2; greeted++) {
        size_t before = heap_octets();
        for (int i = 0; i < TRACKERS; i++) {
            trackers[i] = smtp_track_new(k.journal, k.conn, &options);
            if (greeted)
                smtp_track_feed_all(trackers[i], DIR_S, SLICE_LIT("220 mx.example.test ESMTP\r\n"));
        }
        size_t after = heap_octets();
        size_t each = after > before ? (after - before) / TRACKERS : 0;
        if (HEAP_IS_OURS && each > 400)
            fail_msg("%zu octets a tracker, greeted: %d", each, greeted);
        for (int i = 0; i < TRACKERS; i++)
            smtp_track_free(&trackers[i]);
    }
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floods_cost_bounded_memory),
        cmocka_unit_test(pipelined_noops_are_counted_and_answered),
        cmocka_unit_test(a_queue_that_never_empties),
        cmocka_unit_test(time_is_linear),
        cmocka_unit_test(recipients_without_end),
        cmocka_unit_test(garbage),
        cmocka_unit_test(rest_is_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
