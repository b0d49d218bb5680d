/* journal: octets. Streams over memory and spool, masks, limits, forgetting, restoring. */
#include "../../lib/sanitizer.h"
#include "base/mem.h"
#include "journal/journal.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#define WINDOW (64u << 10)

struct fixture {
    struct clock_manual clock;
    struct journal *j;
    struct buf out;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    clock_manual_init(&f->clock, 0, 0);
    f->j = journal_new(&f->clock.clock);
    static const struct journal_limits limits = {1 << 20, WINDOW, UINT64_C(1) << 30};
    journal_set_limits(f->j, &limits);
    buf_init(&f->out, 64 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    journal_free(&f->j);
    buf_deinit(&f->out);
    mem_free(f);
    return 0;
}

/* The octet at a place of a stream, different for each connection and direction. */
static uint8_t expected(uint32_t conn, enum event_dir dir, uint64_t offset)
{
    uint64_t x = offset * UINT64_C(0x9E3779B97F4A7C15) + conn * 77 + (unsigned)dir;
    return (uint8_t)(x >> 32);
}

static uint64_t pass(struct journal *j, uint32_t conn, enum event_dir dir, size_t n_octets)
{
    uint64_t offset = journal_stream_len(j, conn, dir, LAYER_PLAIN);
    uint8_t *octets = mem_alloc(n_octets);
    for (size_t i = 0; i < n_octets; i++)
        octets[i] = expected(conn, dir, offset + i);
    uint64_t seq = journal_append_octets(j, conn, dir, LAYER_PLAIN, 0, false,
                                         slice_of(octets, n_octets), NULL, 0, true);
    mem_free(octets);
    return seq;
}

/* The range is there and right. */
static void assert_range(struct fixture *f, uint32_t conn, enum event_dir dir, uint64_t offset,
                         uint64_t len)
{
    buf_reset(&f->out);
    assert_true(journal_read(f->j, conn, dir, LAYER_PLAIN, offset, len, &f->out));
    assert_int_equal(f->out.len, len);
    for (size_t i = 0; i < len; i++)
        if (f->out.ptr[i] != expected(conn, dir, offset + i))
            fail_msg("octet %zu of %u is another", (size_t)offset + i, conn);
}

static void across_memory_and_spool(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {1, 1000, 7, 65535, 65536, 65537, 300, 200000, 3};
    for (int round = 0; round < 12; round++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            pass(f->j, 1, DIR_C, sizes[i]);
            pass(f->j, 1, DIR_S, sizes[(i + 3) % 9] % 500 + 1);
            pass(f->j, 2, DIR_C, sizes[(i + 5) % 9]);
        }
    for (uint32_t conn = 1; conn <= 2; conn++) {
        uint64_t len = journal_stream_len(f->j, conn, DIR_C, LAYER_PLAIN);
        assert_true(len > 4000000);
        assert_range(f, conn, DIR_C, 0, len);
        assert_range(f, conn, DIR_C, len - 1, 1);
        assert_range(f, conn, DIR_C, len, 0);
        for (uint64_t at = 0; at + 70000 < len; at += 34567)
            assert_range(f, conn, DIR_C, at, 70000);
    }
    assert_range(f, 1, DIR_S, 0, journal_stream_len(f->j, 1, DIR_S, LAYER_PLAIN));
    /* What is not there. */
    buf_reset(&f->out);
    uint64_t len = journal_stream_len(f->j, 1, DIR_C, LAYER_PLAIN);
    assert_false(journal_read(f->j, 1, DIR_C, LAYER_PLAIN, len - 10, 11, &f->out));
    assert_int_equal(f->out.len, 10);
    assert_false(journal_read(f->j, 1, DIR_C, LAYER_WIRE, 0, 1, &f->out));
    assert_false(journal_read(f->j, 99, DIR_C, LAYER_PLAIN, 0, 1, &f->out));
    assert_false(journal_read(f->j, 1, DIR_C, LAYER_PLAIN, UINT64_MAX, UINT64_MAX, &f->out));
    assert_int_equal(journal_stream_len(f->j, 99, DIR_C, LAYER_PLAIN), 0);
    /* Every event still gives its octets. */
    uint64_t total = 0;
    for (uint64_t seq = journal_first(f->j); seq <= journal_last(f->j); seq++) {
        const struct event *ev = journal_at(f->j, seq);
        assert_int_equal(ev->kind, EVENT_OCTETS);
        struct ev_octets o;
        EVENT_GET(ev, OCTETS, &o);
        struct slice octets = journal_event_octets(f->j, ev);
        assert_int_equal(octets.len, o.length);
        assert_true(o.length <= 65536);
        for (size_t i = 0; i < octets.len; i++)
            if (octets.ptr[i] != expected(ev->conn, o.dir, o.offset + i))
                fail_msg("event %u holds others", (unsigned)seq);
        total += o.length;
    }
    assert_true(total > 8000000);
}

static void cap_of_the_reader(void **state)
{
    struct fixture *f = *state;
    pass(f->j, 1, DIR_C, 1000);
    struct buf small;
    buf_init(&small, 100);
    assert_false(journal_read(f->j, 1, DIR_C, LAYER_PLAIN, 50, 500, &small));
    assert_int_equal(small.len, 100);
    assert_true(small.overflow);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(small.ptr[i], expected(1, DIR_C, 50 + i));
    buf_reset(&small);
    assert_true(journal_read(f->j, 1, DIR_C, LAYER_PLAIN, 50, 100, &small));
    assert_false(small.overflow);
    buf_deinit(&small);
}

static void large_pieces_are_split(void **state)
{
    struct fixture *f = *state;
    struct octet_range hidden[] = {{10, 5}, {65530, 20}, {131072, 65536}, {199990, 10}};
    hidden[2].len = 60000;
    uint8_t *octets = mem_alloc(200000);
    memset(octets, 'o', 200000);
    uint64_t seq = journal_append_octets(f->j, 3, DIR_C, LAYER_PLAIN, EVENT_FLAG_BACKSTAGE, true,
                                         slice_of(octets, 200000), hidden, 4, true);
    mem_free(octets);
    assert_int_equal(seq, 4);
    static const struct {
        uint64_t offset, length;
        size_t n_hidden;
        struct octet_range first, last;
    } table[] = {
        {0, 65536, 2, {10, 5}, {65530, 6}},
        {65536, 65536, 1, {0, 14}, {0, 14}},
        {131072, 65536, 1, {0, 60000}, {0, 60000}},
        {196608, 3392, 1, {3382, 10}, {3382, 10}},
    };
    for (size_t i = 0; i < 4; i++) {
        struct ev_octets o;
        const struct event *ev = journal_at(f->j, i + 1);
        EVENT_GET(ev, OCTETS, &o);
        assert_int_equal(ev->flags, EVENT_FLAG_BACKSTAGE);
        assert_int_equal(ev->conn, 3);
        assert_int_equal(o.tls, 1);
        assert_int_equal(o.offset, table[i].offset);
        assert_int_equal(o.length, table[i].length);
        struct octet_range got[4] = {{0, 0}};
        assert_int_equal(journal_hidden_ranges(&o, got, 4), table[i].n_hidden);
        assert_memory_equal(&got[0], &table[i].first, sizeof(got[0]));
        assert_memory_equal(&got[table[i].n_hidden - 1], &table[i].last, sizeof(got[0]));
        assert_int_equal(journal_hidden_ranges(&o, NULL, 0), table[i].n_hidden);
    }
    size_t masked = 0;
    assert_true(journal_read_masked(f->j, 3, DIR_C, LAYER_PLAIN, 0, 200000, &f->out, &masked));
    assert_int_equal(masked, 5 + 20 + 60000 + 10);
    for (size_t i = 0; i < 200000; i++) {
        bool secret = (i >= 10 && i < 15) || (i >= 65530 && i < 65550) ||
                      (i >= 131072 && i < 191072) || i >= 199990;
        assert_int_equal(f->out.ptr[i], secret ? '*' : 'o');
    }
    assert_int_equal(journal_append_octets(f->j, 3, DIR_C, LAYER_PLAIN, 0, true, slice_of(NULL, 0),
                                           NULL, 0, true),
                     0);
    assert_int_equal(journal_last(f->j), 4);
}

/* Every range of a stream with secrets, one octet at a time included. */
static void masks_every_range(void **state)
{
    struct fixture *f = *state;
    static const char clear[] = "AUTH PLAIN secret\r\nMAIL\r\nother";
    static const char shown[] = "AUTH PLAIN ******\r\nMAIL\r\n*****";
    static const struct octet_range first = {11, 3}, second = {0, 3}, third = {8, 5};
    journal_append_octets(f->j, 1, DIR_C, LAYER_PLAIN, 0, false, SLICE_LIT("AUTH PLAIN sec"),
                          &first, 1, true);
    journal_append_octets(f->j, 1, DIR_C, LAYER_PLAIN, 0, false, SLICE_LIT("ret"), &second, 1,
                          true);
    journal_append_octets(f->j, 1, DIR_C, LAYER_PLAIN, 0, false, SLICE_LIT("\r\nMAIL\r\nother"),
                          &third, 1, true);
    journal_append_octets(f->j, 1, DIR_S, LAYER_PLAIN, 0, false, slice_cstr(clear), NULL, 0, true);
    size_t len = sizeof(clear) - 1;
    for (size_t at = 0; at <= len; at++)
        for (size_t n = 0; at + n <= len; n++) {
            size_t masked = 99, stars = 0;
            for (size_t i = at; i < at + n; i++)
                stars += shown[i] == '*';
            buf_reset(&f->out);
            buf_append_cstr(&f->out, "=");
            assert_true(journal_read_masked(f->j, 1, DIR_C, LAYER_PLAIN, at, n, &f->out, &masked));
            assert_int_equal(masked, stars);
            assert_int_equal(f->out.ptr[0], '=');
            assert_memory_equal(f->out.ptr + 1, shown + at, n);
            buf_reset(&f->out);
            buf_append_cstr(&f->out, "=");
            assert_true(journal_read(f->j, 1, DIR_C, LAYER_PLAIN, at, n, &f->out));
            assert_memory_equal(f->out.ptr + 1, clear + at, n);
        }
    buf_reset(&f->out);
    assert_true(journal_read_masked(f->j, 1, DIR_S, LAYER_PLAIN, 0, len, &f->out, NULL));
    assert_memory_equal(f->out.ptr, clear, len);
}

static void not_kept(void **state)
{
    struct fixture *f = *state;
    journal_append_octets(f->j, 1, DIR_C, LAYER_WIRE, 0, true, SLICE_LIT("12345"), NULL, 0, false);
    journal_append_octets(f->j, 1, DIR_C, LAYER_WIRE, 0, true, SLICE_LIT("678"), NULL, 0, true);
    assert_int_equal(journal_stream_len(f->j, 1, DIR_C, LAYER_WIRE), 8);
    assert_int_equal(journal_event_octets(f->j, journal_at(f->j, 1)).len, 0);
    assert_true(slice_eq(journal_event_octets(f->j, journal_at(f->j, 2)), SLICE_LIT("678")));
    assert_false(journal_read(f->j, 1, DIR_C, LAYER_WIRE, 0, 8, &f->out));
    assert_int_equal(f->out.len, 0);
    assert_true(journal_read(f->j, 1, DIR_C, LAYER_WIRE, 5, 3, &f->out));
    assert_string_equal(buf_cstr(&f->out), "678");
}

/* Adds the octets all GAPs of that limit speak of. */
static uint64_t gap_octets(const struct journal *j, const char *limit)
{
    uint64_t octets = 0;
    for (uint64_t seq = journal_first(j); seq <= journal_last(j); seq++) {
        struct ev_gap gap;
        if (journal_at(j, seq)->kind != EVENT_GAP)
            continue;
        EVENT_GET(journal_at(j, seq), GAP, &gap);
        if (slice_eq(gap.limit, slice_cstr(limit))) {
            assert_int_equal(gap.events, 0);
            octets += gap.octets;
        }
    }
    return octets;
}

/* However octets are lost: what the GAPs say is gone is gone, all else is there and right. */
static void assert_lost(struct fixture *f, const char *limit, uint64_t at_least, uint64_t at_most)
{
    uint64_t len = journal_stream_len(f->j, 1, DIR_C, LAYER_PLAIN);
    uint64_t lost = gap_octets(f->j, limit);
    assert_true(lost >= at_least && lost <= at_most);
    assert_range(f, 1, DIR_C, lost, len - lost);
    buf_reset(&f->out);
    assert_false(journal_read(f->j, 1, DIR_C, LAYER_PLAIN, lost - 1, 2, &f->out));
    assert_int_equal(f->out.len, 0);
}

static void set_limits(struct journal *j, size_t memory_octets, uint64_t spool_octets)
{
    struct journal_limits limits = {1 << 20, memory_octets, spool_octets};
    journal_set_limits(j, &limits);
}

static void without_spool(void **state)
{
    struct fixture *f = *state;
    set_limits(f->j, WINDOW, 0);
    for (int i = 0; i < 500; i++)
        pass(f->j, 1, DIR_C, 1000);
    assert_lost(f, "store_memory_octets", 500000 - WINDOW, 500000 - WINDOW / 2);
    assert_int_equal(journal_event_octets(f->j, journal_at(f->j, 1)).len, 0);
}

static void spool_dir_missing(void **state)
{
    struct fixture *f = *state;
    journal_set_spool_dir(f->j, "/nonexistent/directory");
    for (int i = 0; i < 500; i++)
        pass(f->j, 1, DIR_C, 1000);
    assert_lost(f, "store_memory_octets (no spool file can be made)", 500000 - WINDOW,
                500000 - WINDOW / 2);
    /* Another directory is tried, and nothing more is lost. */
    journal_set_spool_dir(f->j, "/tmp");
    uint64_t lost = gap_octets(f->j, "store_memory_octets (no spool file can be made)");
    for (int i = 0; i < 500; i++)
        pass(f->j, 1, DIR_C, 1000);
    assert_range(f, 1, DIR_C, lost, 1000000 - lost);
}

static void spool_limit(void **state)
{
    struct fixture *f = *state;
    set_limits(f->j, WINDOW, 300001);
    for (int i = 0; i < 2000; i++) {
        pass(f->j, 1, DIR_C, 997);
        pass(f->j, 2, DIR_C, 3);
    }
    uint64_t lost = gap_octets(f->j, "store_spool_octets");
    assert_true(lost >= 2000000 - 300001 - WINDOW && lost <= 2000000 - 300001);
    uint64_t gone = lost / 1000 * 997 + (lost % 1000 < 997 ? lost % 1000 : 997);
    assert_range(f, 1, DIR_C, gone, 2000 * 997 - gone);
    buf_reset(&f->out);
    assert_false(journal_read(f->j, 1, DIR_C, LAYER_PLAIN, gone - 1, 10, &f->out));
    assert_int_equal(f->out.len, 0);
}

static void limits_change(void **state)
{
    struct fixture *f = *state;
    static const struct {
        size_t memory_octets;
        uint64_t spool_octets;
    } steps[] = {{WINDOW, 200000},      {4 * WINDOW, 200000}, {WINDOW, 200000}, {1, 500000},
                 {3 * WINDOW, 100000},  {WINDOW, 0},          {WINDOW, 0},      {WINDOW, 150000},
                 {2 * WINDOW, 1 << 30}, {WINDOW, 1 << 30}};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        set_limits(f->j, steps[i].memory_octets, steps[i].spool_octets);
        for (int k = 0; k < 400; k++)
            pass(f->j, 1, DIR_C, 1009);
        uint64_t len = journal_stream_len(f->j, 1, DIR_C, LAYER_PLAIN);
        uint64_t lost =
            gap_octets(f->j, "store_spool_octets") + gap_octets(f->j, "store_memory_octets");
        assert_true(lost < len);
        assert_range(f, 1, DIR_C, lost, len - lost);
    }
    assert_true(gap_octets(f->j, "store_memory_octets") > 0);
}

/* A disk that takes no more: the file is used as far as it goes. */
static void disk_full(void **state)
{
    struct fixture *f = *state;
    struct rlimit old, small;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 250000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 2000; i++)
        pass(f->j, 1, DIR_C, 1000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_lost(f, "store_spool_octets", 2000000 - 250000 - WINDOW, 2000000 - 250000);
    /* Nothing at all can be written. */
    struct journal *j = f->j;
    f->j = journal_new(&f->clock.clock);
    set_limits(f->j, WINDOW, 1 << 20);
    small.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 300; i++)
        pass(f->j, 1, DIR_C, 1000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_lost(f, "store_spool_octets", 300000 - WINDOW, 300000 - WINDOW / 2);
    journal_free(&j);
}

static size_t resident_octets(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long size = 0, resident = 0;
    if (file != NULL && fscanf(file, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    if (file != NULL)
        fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void memory_stays(void **state)
{
    struct fixture *f = *state;
    set_limits(f->j, WINDOW, UINT64_C(1) << 30);
    pass(f->j, 1, DIR_C, 1 << 20);
    size_t before = resident_octets();
    for (int i = 0; i < 40; i++)
        pass(f->j, 1, DIR_C, 1 << 20);
    if (HEAP_IS_OURS)
        assert_true(resident_octets() < before + (4 << 20));
    assert_range(f, 1, DIR_C, 0, 41 << 20);
}

static void forgets(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < 3000; i++) {
        uint32_t conn = journal_conn_new(f->j);
        pass(f->j, conn, DIR_S, 20);
        pass(f->j, conn, DIR_C, 5);
        if (i >= 100)
            journal_conn_forget(f->j, conn - (i % 3 == 0 ? 100 : 50));
    }
    journal_conn_forget(f->j, 1 << 30);
    uint32_t found = 0;
    for (uint32_t conn = 1; conn <= 3000; conn++) {
        uint64_t len = journal_stream_len(f->j, conn, DIR_S, LAYER_PLAIN);
        assert_true(len == 0 || len == 20);
        found += len == 20;
        bool forgotten = false;
        for (uint32_t i = 100; i < 3000; i++)
            forgotten |= i + 1 - (i % 3 == 0 ? 100 : 50) == conn;
        assert_int_equal(len == 0, forgotten);
        if (len == 20)
            assert_range(f, conn, DIR_S, 0, 20);
    }
    assert_true(found > 100);
}

static void restore_one(struct journal *j, uint32_t conn, uint64_t offset, uint64_t length,
                        struct slice hidden, struct slice octets)
{
    struct ev_octets o = {
        .dir = DIR_C, .offset = offset, .length = length, .store_at = 12345, .hidden = hidden};
    struct event header = {
        .seq = journal_last(j) + 1, .conn = conn, .kind = EVENT_OCTETS, .wall_us = 5};
    journal_restore(j, &header, &o, octets);
}

static void restores(void **state)
{
    struct fixture *f = *state;
    static const struct slice none = {NULL, 0};
    restore_one(f->j, 4, 0, 6, SLICE_LIT("\x02\0\0\0\x02\0\0\0"), SLICE_LIT("abcdef"));
    restore_one(f->j, 4, 6, 2, none, SLICE_LIT("gh"));
    restore_one(f->j, 4, 8, 10, none, none); /* the file held none */
    restore_one(f->j, 4, 20, 3, none, SLICE_LIT("xyz"));
    assert_int_equal(journal_stream_len(f->j, 4, DIR_C, LAYER_PLAIN), 23);
    assert_true(journal_read(f->j, 4, DIR_C, LAYER_PLAIN, 0, 8, &f->out));
    assert_string_equal(buf_cstr(&f->out), "abcdefgh");
    buf_reset(&f->out);
    assert_false(journal_read_masked(f->j, 4, DIR_C, LAYER_PLAIN, 1, 20, &f->out, NULL));
    assert_string_equal(buf_cstr(&f->out), "b**efgh");
    buf_reset(&f->out);
    assert_true(journal_read(f->j, 4, DIR_C, LAYER_PLAIN, 20, 3, &f->out));
    assert_string_equal(buf_cstr(&f->out), "xyz");
    assert_true(slice_eq(journal_event_octets(f->j, journal_at(f->j, 2)), SLICE_LIT("gh")));
    assert_int_equal(journal_event_octets(f->j, journal_at(f->j, 3)).len, 0);
    /* What makes no sense is kept as an event and harms nothing. */
    restore_one(f->j, 4, 3, 2, SLICE_LIT("\0\0\0\0\x01\0\0\0"), SLICE_LIT("no"));
    restore_one(f->j, 4, UINT64_MAX, 2, none, SLICE_LIT("no"));
    restore_one(f->j, 4, 30, UINT64_MAX, none, SLICE_LIT("no"));
    restore_one(f->j, 4, 30, 5, none, SLICE_LIT("no"));
    restore_one(f->j, 0, 0, 2, none, SLICE_LIT("no"));
    restore_one(f->j, 4, 40, 2,
                SLICE_LIT("\0\0\0\0\xff\xff\xff\xff"
                          "abc"),
                SLICE_LIT("no"));
    buf_reset(&f->out);
    assert_true(journal_read_masked(f->j, 4, DIR_C, LAYER_PLAIN, 0, 8, &f->out, NULL));
    assert_string_equal(buf_cstr(&f->out), "ab**efgh");
    buf_reset(&f->out);
    assert_true(journal_read_masked(f->j, 4, DIR_C, LAYER_PLAIN, 40, 2, &f->out, NULL));
    assert_string_equal(buf_cstr(&f->out), "**");
    /* Hidden parts in any order become the same. */
    size_t masked = 0;
    restore_one(f->j, 5, 0, 10,
                SLICE_LIT("\x08\0\0\0\x01\0\0\0"
                          "\x01\0\0\0\x02\0\0\0"
                          "\x05\0\0\0\x01\0\0\0"
                          "\x02\0\0\0\x02\0\0\0"
                          "\x04\0\0\0\x03\0\0\0"),
                SLICE_LIT("0123456789"));
    buf_reset(&f->out);
    assert_true(journal_read_masked(f->j, 5, DIR_C, LAYER_PLAIN, 0, 10, &f->out, &masked));
    assert_string_equal(buf_cstr(&f->out), "0******7*9");
    assert_int_equal(masked, 7); /* what overlaps counts once */
    /* Larger than the window. */
    uint8_t *large = mem_alloc(300000);
    for (size_t i = 0; i < 300000; i++)
        large[i] = expected(6, DIR_C, i);
    restore_one(f->j, 6, 0, 300000, none, slice_of(large, 300000));
    assert_range(f, 6, DIR_C, 0, 300000);
    struct slice got = journal_event_octets(f->j, journal_at(f->j, journal_last(f->j)));
    assert_true(slice_eq(got, slice_of(large, 300000)));
    mem_free(large);
    /* And the live stream goes on where the file ended. */
    pass(f->j, 6, DIR_C, 1000);
    assert_range(f, 6, DIR_C, 299000, 2000);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(across_memory_and_spool),
        TEST(cap_of_the_reader),
        TEST(large_pieces_are_split),
        TEST(masks_every_range),
        TEST(not_kept),
        TEST(without_spool),
        TEST(spool_dir_missing),
        TEST(spool_limit),
        TEST(limits_change),
        TEST(disk_full),
        TEST(memory_stays),
        TEST(forgets),
        TEST(restores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
