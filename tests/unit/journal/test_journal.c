/* journal: events. Round trips of every kind, order, limits, lookup, sinks, restore. */
#include "base/err.h"
#include "base/mem.h"
#include "journal/event_doc.h"
#include "journal/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

struct fixture {
    struct clock_manual clock;
    struct journal *j;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    clock_manual_init(&f->clock, 1000, 5000000);
    f->j = journal_new(&f->clock.clock);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    journal_free(&f->j);
    assert_null(f->j);
    journal_free(&f->j);
    mem_free(f);
    return 0;
}

static uint32_t random_next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static uint8_t pool[200000];

/* A payload of any kind with random values; slices point into the pool. */
static void fill(enum event_kind kind, void *payload, uint32_t *seed)
{
    const struct event_kind_info *info = event_kind_info(kind);
    memset(payload, 0, info->struct_octets);
    for (const struct event_field *f = info->fields; f->name != NULL; f++) {
        char *to = (char *)payload + f->struct_offset;
        uint64_t number = (uint64_t)random_next(seed) << 40 ^ random_next(seed);
        unsigned words = 0;
        while (f->word != NULL && f->word(words) != NULL)
            words++;
        unsigned word = words == 0 ? 0 : random_next(seed) % words;
        size_t len = random_next(seed) % (random_next(seed) % 50 == 0 ? 100000 : 60);
        struct slice s = slice_of(len == 0 ? NULL : pool + random_next(seed) % 100000, len);
        if (f->type == FIELD_U64 || f->type == FIELD_I64)
            memcpy(to, &number, sizeof(number));
        else if (f->type == FIELD_ENUM)
            memcpy(to, &word, sizeof(word));
        else
            memcpy(to, &s, sizeof(s));
    }
}

static void assert_same(enum event_kind kind, const void *a, const void *b)
{
    for (const struct event_field *f = event_kind_info(kind)->fields; f->name != NULL; f++) {
        const char *pa = (const char *)a + f->struct_offset;
        const char *pb = (const char *)b + f->struct_offset;
        if (f->type == FIELD_TEXT || f->type == FIELD_BINARY)
            assert_true(slice_eq(*(const struct slice *)(const void *)pa,
                                 *(const struct slice *)(const void *)pb));
        else
            assert_memory_equal(pa, pb, f->type == FIELD_ENUM ? sizeof(unsigned) : 8);
    }
}

static enum event_kind random_kind(uint32_t *seed)
{
    enum event_kind kind;
    do
        kind = (enum event_kind)(random_next(seed) % EVENT__COUNT);
    while (kind == EVENT_OCTETS);
    return kind;
}

static void every_kind_comes_back(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(pool); i++)
        pool[i] = (uint8_t)(i * 131 >> 3);
    assert_int_equal(journal_first(f->j), 0);
    assert_int_equal(journal_last(f->j), 0);
    assert_null(journal_at(f->j, 0));
    assert_null(journal_at(f->j, 1));
    uint32_t seed = 1;
    const uint64_t n = 5000;
    for (uint64_t i = 1; i <= n; i++) {
        union event_payload payload;
        enum event_kind kind = i <= EVENT__COUNT ? (enum event_kind)(i - 1) : random_kind(&seed);
        if (kind == EVENT_OCTETS)
            kind = EVENT_NOTE;
        uint32_t payload_seed = (uint32_t)i;
        fill(kind, &payload, &payload_seed);
        clock_manual_advance_ms(&f->clock, 1);
        assert_int_equal(journal_append(f->j, (uint32_t)i % 7, kind, i % 2, i - 1, &payload), i);
    }
    assert_int_equal(journal_first(f->j), 1);
    assert_int_equal(journal_last(f->j), n);
    assert_null(journal_at(f->j, n + 1));
    for (uint64_t i = 1; i <= n; i++) {
        const struct event *ev = journal_at(f->j, i);
        assert_non_null(ev);
        assert_int_equal(ev->seq, i);
        assert_int_equal(ev->cause_seq, i - 1);
        assert_int_equal(ev->conn, i % 7);
        assert_int_equal(ev->flags, i % 2);
        assert_int_equal(ev->tick_ns, 1000 + i * 1000000);
        assert_int_equal(ev->wall_us, 5000000 + (int64_t)i * 1000);
        union event_payload expected, got;
        uint32_t payload_seed = (uint32_t)i;
        fill((enum event_kind)ev->kind, &expected, &payload_seed);
        event_unpack(ev, (enum event_kind)ev->kind, &got);
        assert_same((enum event_kind)ev->kind, &expected, &got);
    }
}

static void names_and_words(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < EVENT__COUNT; kind++) {
        const struct event_kind_info *info = event_kind_info((enum event_kind)kind);
        assert_int_equal(event_kind_by_name(slice_cstr(info->name)), kind);
        size_t fields = 0;
        for (const struct event_field *f = info->fields; f->name != NULL; f++, fields++) {
            assert_true(f->struct_offset < info->struct_octets);
            assert_int_equal(f->type == FIELD_ENUM, f->word != NULL);
        }
        assert_true(fields > 0);
    }
    assert_int_equal(event_kind_by_name(SLICE_LIT("OCTETS")), EVENT__COUNT);
    assert_int_equal(event_kind_by_name(SLICE_LIT("octet")), EVENT__COUNT);
    assert_int_equal(event_kind_by_name(SLICE_LIT("")), EVENT__COUNT);
    assert_string_equal(event_dir_word(DIR_C), "C");
    assert_string_equal(event_dir_word(DIR_S), "S");
    assert_null(event_dir_word(DIR__COUNT));
    assert_string_equal(event_down_word(DOWN_ERROR), "error");
    assert_null(event_down_word(DOWN__COUNT));
    assert_string_equal(event_level_word(LEVEL_REMARK), "remark");
    assert_string_equal(event_envelope_word(ENVELOPE_DELIVERED), "delivered");
    assert_null(event_verify_word(UINT32_MAX));
}

static void note(struct journal *j, const char *text)
{
    journal_note(j, 0, LEVEL_INFO, text, "", NULL);
}

static uint64_t count_kind(const struct journal *j, enum event_kind kind)
{
    uint64_t count = 0;
    for (uint64_t seq = journal_first(j); seq <= journal_last(j); seq++)
        count += journal_at(j, seq)->kind == kind;
    return count;
}

static void old_events_leave_with_a_gap(void **state)
{
    struct fixture *f = *state;
    struct journal_limits limits = {64 << 10, 64 << 10, 0};
    journal_set_limits(f->j, &limits);
    char text[200];
    memset(text, 'n', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    uint64_t told_last = 0, told_events = 0;
    for (uint64_t i = 0; i < 3000; i++) {
        uint64_t before = journal_last(f->j);
        note(f->j, text);
        assert_int_equal(journal_at(f->j, before + 1)->kind, EVENT_NOTE);
        if (journal_last(f->j) == before + 1)
            continue;
        assert_int_equal(journal_last(f->j), before + 2); /* one GAP, right behind */
        struct ev_gap gap;
        EVENT_GET(journal_at(f->j, before + 2), GAP, &gap);
        assert_int_equal(gap.first_seq, told_last + 1);
        assert_int_equal(gap.events, gap.last_seq - gap.first_seq + 1);
        assert_true(slice_eq(gap.limit, SLICE_LIT("events_octets")));
        assert_true(gap.octets >= gap.events * sizeof(struct event));
        told_last = gap.last_seq;
        told_events += gap.events;
    }
    assert_true(told_events > 2500);
    assert_int_equal(journal_first(f->j), told_last + 1);
    assert_null(journal_at(f->j, told_last));
    assert_true(count_kind(f->j, EVENT_NOTE) > 100);
    /* The smallest limit: the newest chunk stays, nothing runs in a circle. */
    limits.events_octets = 0;
    journal_set_limits(f->j, &limits);
    for (int i = 0; i < 200; i++)
        note(f->j, text);
    assert_true(journal_last(f->j) - journal_first(f->j) < 60);
    /* One event larger than any chunk. */
    char *large = mem_printf("%*s", 300000, "x");
    note(f->j, large);
    struct ev_note n;
    uint64_t seq = journal_last(f->j);
    while (journal_at(f->j, seq)->kind != EVENT_NOTE)
        seq--;
    EVENT_GET(journal_at(f->j, seq), NOTE, &n);
    assert_int_equal(n.text.len, 300000);
    mem_free(large);
}

/* A payload may borrow from the event that its own append drives out. */
static void payload_from_an_old_event(void **state)
{
    struct fixture *f = *state;
    struct journal_limits limits = {16 << 10, 64 << 10, 0};
    journal_set_limits(f->j, &limits);
    note(f->j, "the oldest one");
    for (int i = 0; i < 2000; i++) {
        struct ev_note old;
        uint64_t seq = journal_first(f->j);
        while (journal_at(f->j, seq)->kind != EVENT_NOTE)
            seq++;
        EVENT_GET(journal_at(f->j, seq), NOTE, &old);
        JOURNAL_APPEND(f->j, 0, NOTE, 0, 0, old);
    }
    struct ev_note last;
    uint64_t seq = journal_last(f->j);
    while (journal_at(f->j, seq)->kind != EVENT_NOTE)
        seq--;
    EVENT_GET(journal_at(f->j, seq), NOTE, &last);
    assert_true(slice_eq(last.text, SLICE_LIT("the oldest one")));
}

struct seen {
    char *log;
    char name;
    struct journal *remove_from;
};

static void sink(void *ctx, const struct journal *j, const struct event *ev)
{
    struct seen *s = ctx;
    assert_int_equal(journal_last(j), ev->seq);
    assert_ptr_equal(journal_at(j, ev->seq), ev);
    size_t len = strlen(s->log);
    snprintf(s->log + len, 100 - len, "%c%u", s->name, (unsigned)ev->seq);
    if (s->remove_from != NULL)
        journal_remove_sink(s->remove_from, sink, s);
}

static void sinks_run_in_order(void **state)
{
    struct fixture *f = *state;
    char log[100] = "";
    struct seen a = {log, 'a', NULL}, b = {log, 'b', NULL}, c = {log, 'c', NULL};
    journal_add_sink(f->j, sink, &a);
    journal_add_sink(f->j, sink, &b);
    journal_add_sink(f->j, sink, &c);
    note(f->j, "x");
    assert_string_equal(log, "a1b1c1");
    b.remove_from = f->j; /* from inside: no other is skipped */
    note(f->j, "x");
    assert_string_equal(log, "a1b1c1a2b2c2");
    note(f->j, "x");
    assert_string_equal(log, "a1b1c1a2b2c2a3c3");
    journal_remove_sink(f->j, sink, &a);
    journal_remove_sink(f->j, sink, &a);
    journal_append_octets(f->j, 1, DIR_C, LAYER_PLAIN, 0, false, SLICE_LIT("x"), NULL, 0, true);
    assert_string_equal(log, "a1b1c1a2b2c2a3c3c4");
}

static void bad_sink(void *ctx, const struct journal *j, const struct event *ev)
{
    (void)j;
    (void)ev;
    note(ctx, "from within");
}

static void in_child(struct journal *j, void (*fn)(struct journal *))
{
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        fn(j);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void append_from_sink(struct journal *j)
{
    journal_add_sink(j, bad_sink, j);
    note(j, "x");
}

static void unpack_as_another(struct journal *j)
{
    struct ev_gap gap;
    note(j, "x");
    EVENT_GET(journal_at(j, 1), GAP, &gap);
}

static void seq_does_not_grow(struct journal *j)
{
    struct ev_note n = {.text = SLICE_LIT("x")};
    struct event header = {.seq = 1, .kind = EVENT_NOTE};
    journal_restore(j, &header, &n, slice_of(NULL, 0));
    journal_restore(j, &header, &n, slice_of(NULL, 0));
}

static void octets_by_append(struct journal *j)
{
    struct ev_octets o = {.length = 1};
    JOURNAL_APPEND(j, 1, OCTETS, 0, 0, o);
}

static void hidden_beyond_octets(struct journal *j)
{
    struct octet_range r = {2, 2};
    journal_append_octets(j, 1, DIR_C, LAYER_PLAIN, 0, false, SLICE_LIT("abc"), &r, 1, true);
}

static void broken_promises_are_bugs(void **state)
{
    struct fixture *f = *state;
    in_child(f->j, append_from_sink);
    in_child(f->j, unpack_as_another);
    in_child(f->j, seq_does_not_grow);
    in_child(f->j, octets_by_append);
    in_child(f->j, hidden_beyond_octets);
}

static void restores_with_holes(void **state)
{
    struct fixture *f = *state;
    uint64_t seq = 0;
    for (uint64_t i = 0; i < 5000; i++) {
        seq += 1 + (i * 7919 % 13 == 0 ? i % 1000 : 0);
        char text[40];
        snprintf(text, sizeof(text), "%u", (unsigned)seq);
        struct ev_note n = {LEVEL_REMARK, slice_cstr(text), {NULL, 0}, {NULL, 0}};
        struct event header = {.seq = seq,
                               .cause_seq = 3,
                               .tick_ns = seq * 2,
                               .wall_us = -(int64_t)seq,
                               .conn = 9,
                               .kind = EVENT_NOTE,
                               .flags = EVENT_FLAG_BACKSTAGE,
                               .payload_octets = 12345};
        journal_restore(f->j, &header, &n, slice_of(NULL, 0));
    }
    uint64_t found = 0;
    for (uint64_t s = 0; s <= seq + 1; s++) {
        const struct event *ev = journal_at(f->j, s);
        if (ev == NULL)
            continue;
        found++;
        char text[40];
        snprintf(text, sizeof(text), "%u", (unsigned)s);
        struct ev_note n;
        EVENT_GET(ev, NOTE, &n);
        assert_true(slice_eq(n.text, slice_cstr(text)));
        assert_int_equal(ev->seq, s);
        assert_int_equal(ev->tick_ns, s * 2);
        assert_int_equal(ev->wall_us, -(int64_t)s);
        assert_int_equal(ev->flags, EVENT_FLAG_BACKSTAGE);
    }
    assert_int_equal(found, 5000);
    assert_int_equal(journal_conn_new(f->j), 10);
    note(f->j, "goes on");
    assert_int_equal(journal_last(f->j), seq + 1);
}

/* While restoring no seq may be taken: the GAP waits. */
static void restore_above_the_limit(void **state)
{
    struct fixture *f = *state;
    struct journal_limits limits = {16 << 10, 64 << 10, 0};
    journal_set_limits(f->j, &limits);
    for (uint64_t seq = 1; seq <= 2000; seq++) {
        struct ev_note n = {.text = SLICE_LIT("a text of some length")};
        struct event header = {.seq = seq, .kind = EVENT_NOTE};
        journal_restore(f->j, &header, &n, slice_of(NULL, 0));
    }
    assert_int_equal(journal_last(f->j), 2000);
    uint64_t first = journal_first(f->j);
    assert_true(first > 1);
    note(f->j, "now");
    assert_int_equal(journal_last(f->j), 2002);
    struct ev_gap gap;
    EVENT_GET(journal_at(f->j, 2002), GAP, &gap);
    assert_int_equal(gap.first_seq, 1);
    assert_int_equal(gap.last_seq, journal_first(f->j) - 1);
    assert_int_equal(gap.events, gap.last_seq);
}

static void notes(void **state)
{
    struct fixture *f = *state;
    struct err e;
    err_set(&e, ERR_TLS, 1, "what");
    err_explain(&e, "means", "next");
    journal_note_err(f->j, 4, &e);
    struct ev_note n;
    EVENT_GET(journal_at(f->j, 1), NOTE, &n);
    assert_int_equal(n.level, LEVEL_ERROR);
    assert_true(slice_eq(n.text, SLICE_LIT("what")));
    assert_true(slice_eq(n.means, SLICE_LIT("means")));
    assert_true(slice_eq(n.next, SLICE_LIT("next")));
    assert_int_equal(journal_at(f->j, 1)->conn, 4);
    assert_ptr_equal(journal_clock(f->j), &f->clock.clock);
    assert_int_equal(journal_conn_new(f->j), 1);
    assert_int_equal(journal_conn_new(f->j), 2);
}

static void document(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    event_doc_markdown(&b);
    assert_false(b.overflow);
    for (unsigned kind = 0; kind < EVENT__COUNT; kind++) {
        const struct event_kind_info *info = event_kind_info((enum event_kind)kind);
        char line[400];
        snprintf(line, sizeof(line), "\n## %s\n\n%s Producer: %s.\n", info->name, info->sentence,
                 info->producer);
        ptrdiff_t at = slice_find(buf_slice(&b), slice_cstr(line));
        assert_true(at > 0);
        for (const struct event_field *f = info->fields; f->name != NULL; f++) {
            snprintf(line, sizeof(line), "\n| `%s` |", f->name);
            assert_true(slice_find(slice_skip(buf_slice(&b), (size_t)at), slice_cstr(line)) > 0);
        }
    }
    assert_true(slice_find(buf_slice(&b), SLICE_LIT("| `dir` | word: `C`, `S` |")) > 0);
    assert_true(slice_find(buf_slice(&b), SLICE_LIT("| unsigned | 0\\|1 |")) > 0);
    buf_deinit(&b);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* ---- more than memory: into a file and back ---- */

static uint64_t note_number(struct fixture *f, unsigned i)
{
    char text[64];
    snprintf(text, sizeof text, "number %u, with some words to fill the room of it", i);
    clock_manual_advance_ms(&f->clock, 1);
    return JOURNAL_APPEND(f->j, 0, NOTE, 0, i, (struct ev_note){.text = slice_cstr(text)});
}

static void assert_note_number(struct fixture *f, uint64_t seq, unsigned i)
{
    char text[64];
    struct ev_note note;
    const struct event *ev = journal_at(f->j, seq);
    assert_non_null(ev);
    assert_int_equal(ev->seq, seq);
    assert_int_equal(ev->cause_seq, i);
    EVENT_GET(ev, NOTE, &note);
    snprintf(text, sizeof text, "number %u, with some words to fill the room of it", i);
    assert_true(slice_eq(note.text, slice_cstr(text)));
}

static void test_spilled(void **state)
{
    struct fixture *f = *state;
    enum { N = 60000, MEMORY = 256 * 1024 };
    const struct journal_limits limits = {.events_octets = MEMORY, .store_memory_octets = 1 << 20};
    journal_set_limits(f->j, &limits);
    journal_spill_events(f->j);
    journal_set_spool_dir(f->j, "/tmp");
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(note_number(f, i), i + 1);
    assert_int_equal(journal_first(f->j), 1);
    assert_int_equal(journal_last(f->j), N); /* no GAP: nothing left */
    const struct event *first = journal_at(f->j, 1);
    for (unsigned i = 0; i < N; i++)
        assert_note_number(f, i + 1, i);
    for (unsigned i = N; i > 7; i -= 7)
        assert_note_number(f, i, i - 1);
    for (unsigned i = 0, at = 12345; i < 5000; i++, at = (at * 31 + 7) % N)
        assert_note_number(f, at + 1, at);
    assert_ptr_equal(journal_at(f->j, 1), first); /* the first one stays where it is */
}

/* Nowhere to go: then it is lost, and said, as without a file. */
static void test_spill_without_a_place(void **state)
{
    struct fixture *f = *state;
    const struct journal_limits limits = {.events_octets = 64 * 1024,
                                          .store_memory_octets = 1 << 20};
    journal_set_limits(f->j, &limits);
    journal_spill_events(f->j);
    journal_set_spool_dir(f->j, "/nonexistent/nowhere");
    for (unsigned i = 0; i < 5000; i++)
        note_number(f, i);
    assert_note_number(f, 1, 0);
    uint64_t gone = 0, gaps = 0;
    for (uint64_t seq = 1; seq <= journal_last(f->j); seq++) {
        const struct event *ev = journal_at(f->j, seq);
        gone += ev == NULL;
        if (ev && ev->kind == EVENT_GAP) {
            struct ev_gap gap;
            EVENT_GET(ev, GAP, &gap);
            gaps += gap.events;
        }
    }
    assert_true(gone > 1000);
    assert_true(gaps > 0); /* those that are still there; the older ones left like the rest */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_spilled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spill_without_a_place, setup, teardown),
        TEST(every_kind_comes_back),
        TEST(names_and_words),
        TEST(old_events_leave_with_a_gap),
        TEST(payload_from_an_old_event),
        TEST(sinks_run_in_order),
        TEST(broken_promises_are_bugs),
        TEST(restores_with_holes),
        TEST(restore_above_the_limit),
        TEST(notes),
        TEST(document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
