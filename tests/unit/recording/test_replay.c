/* Replay: a recording in time, by a clock the test owns; every place can be reached from every
 * other, and what is shown there does not depend on the way. */
#include "sample.h"

#include <unistd.h>

#include "recording/replay.h"

struct fixture {
    struct clock_manual clock;
    struct loop *loop;
    char path[64];
    struct replay *replay;
    struct journal *journal;
};

static void write_sample(struct fixture *f, void (*more)(struct journal *j))
{
    struct err err;
    struct journal *j = journal_new(&f->clock.clock);
    const struct recorder_options options = {
        .path = f->path, .tool = "test", .command_line = "", .target = ""};
    unlink(f->path);
    struct recorder *r = recorder_open(j, &options, &err);
    assert_non_null(r);
    sample_session(j, &f->clock);
    if (more)
        more(j);
    assert_true(recorder_close(&r, &err));
    journal_free(&j);
}

static void open_sample(struct fixture *f)
{
    struct err err;
    const struct replay_options options = {.path = f->path};
    replay_free(&f->replay);
    f->replay = replay_open(f->loop, &f->clock.clock, &options, &err);
    assert_non_null(f->replay);
    for (int i = 0; i < 1000 && replay_loading(f->replay); i++)
        loop_turn(f->loop, 0);
    assert_false(replay_loading(f->replay));
    f->journal = replay_journal(f->replay);
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    clock_manual_init(&f->clock, 5000000000, 1795456931000123);
    f->loop = loop_new();
    snprintf(f->path, sizeof f->path, "/tmp/smtpscope-replay-%d.jsonl", (int)getpid());
    write_sample(f, NULL);
    open_sample(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    replay_free(&f->replay);
    loop_free(&f->loop);
    unlink(f->path);
    mem_free(f);
    return 0;
}

static void test_opens_at_the_end(void **state)
{
    struct fixture *f = *state;
    assert_false(replay_engaged(f->replay));
    assert_int_equal(journal_last(f->journal), journal_end(f->journal));
    assert_int_equal(replay_loaded_percent(f->replay), 100);
    assert_int_equal(replay_at_us(f->replay), replay_total_us(f->replay));
    assert_int_equal(replay_total_us(f->replay), 6 * 18 * 1000);
}

static void test_steps_there_and_back(void **state)
{
    struct fixture *f = *state;
    uint64_t places[200];
    size_t n = 0;
    replay_goto_start(f->replay);
    do
        places[n++] = journal_last(f->journal);
    while (n < 200 && replay_step(f->replay, 1));
    /* The start; up, greeting, six commands with their replies, AUTH, note, down. */
    assert_int_equal(n, 1 + 2 + 12 + 1 + 2);
    assert_int_equal(places[n - 1], journal_end(f->journal));
    for (size_t i = 1; i < n; i++)
        assert_true(places[i] > places[i - 1]);
    uint64_t generation = replay_generation(f->replay);
    for (size_t i = n - 1; i > 0; i--) {
        assert_true(replay_step(f->replay, -1));
        assert_int_equal(journal_last(f->journal), places[i - 1]);
    }
    assert_true(replay_generation(f->replay) > generation);
    assert_false(replay_step(f->replay, -1));
    for (size_t i = 0; i < n; i++) { /* by seq and by time the same places */
        replay_goto_seq(f->replay, places[i]);
        assert_int_equal(journal_last(f->journal), places[i]);
        uint64_t us = replay_at_us(f->replay);
        replay_goto_us(f->replay, us);
        assert_int_equal(replay_at_us(f->replay), us);
    }
}

/* Turns until `last` is shown; the clock is moved by a millisecond each. */
static uint64_t play_until(struct fixture *f, uint64_t max_ms)
{
    uint64_t ms = 0;
    while (replay_playing(f->replay) && ms <= max_ms) {
        clock_manual_advance_ms(&f->clock, 1);
        ms++;
        loop_turn(f->loop, 2);
    }
    return ms;
}

static void test_speeds(void **state)
{
    struct fixture *f = *state;
    static const struct {
        unsigned tenths;
        uint64_t low_ms, high_ms;
    } rows[] = {{100, 8, 40}, {10, 100, 140}, {0, 100, 140}, {5, 200, 260}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        replay_goto_end(f->replay);
        replay_set_speed(f->replay, rows[i].tenths);
        replay_play(f->replay);
        assert_int_equal(replay_speed(f->replay), rows[i].tenths);
        assert_true(journal_last(f->journal) < journal_end(f->journal));
        uint64_t ms = play_until(f, 1000);
        assert_in_range(ms, rows[i].low_ms, rows[i].high_ms);
        assert_int_equal(journal_last(f->journal), journal_end(f->journal));
    }
}

static struct clock_manual *more_clock;

static void long_pause(struct journal *j)
{
    clock_manual_advance_ms(more_clock, 3600 * 1000);
    journal_note(j, 0, LEVEL_REMARK, "an hour later", "", "");
}

static void test_long_pauses_are_cut(void **state)
{
    struct fixture *f = *state;
    more_clock = &f->clock;
    write_sample(f, long_pause);
    open_sample(f);
    replay_goto_end(f->replay);
    replay_step(f->replay, -1);
    uint64_t before = journal_last(f->journal);
    replay_play(f->replay);
    clock_manual_advance_ms(&f->clock, REPLAY_PAUSE_MS - 1);
    loop_turn(f->loop, 0);
    assert_int_equal(journal_last(f->journal), before);
    replay_set_speed(f->replay, 0); /* as it was: the whole hour */
    clock_manual_advance_ms(&f->clock, REPLAY_PAUSE_MS + 1);
    replay_pause(f->replay);
    assert_int_equal(journal_last(f->journal), before);
    replay_set_speed(f->replay, 10);
    replay_play(f->replay);
    clock_manual_advance_ms(&f->clock, REPLAY_PAUSE_MS);
    replay_set_speed(f->replay, 10); /* from here the pause begins anew */
    assert_int_equal(journal_last(f->journal), before);
}

static void test_quiz(void **state)
{
    struct fixture *f = *state;
    unsigned code;
    replay_set_quiz(f->replay, true);
    replay_set_speed(f->replay, 100);
    replay_goto_start(f->replay);
    unsigned answers = 0;
    for (int i = 0; i < 100; i++) {
        replay_play(f->replay);
        play_until(f, 1000);
        if (!replay_hides_answer(f->replay, &code))
            break;
        /* The greeting of the sample has no REPLY event. */
        assert_int_equal(code, answers == 0 ? 0 : 250);
        answers++;
        assert_true(replay_step(f->replay, 1));
    }
    assert_int_equal(answers, 7);
    assert_int_equal(journal_last(f->journal), journal_end(f->journal));
}

static void set_marks(struct journal *j)
{
    JOURNAL_APPEND(j, 1, MARK, 0, 5, (struct ev_mark){.name = SLICE_LIT("a")});
    JOURNAL_APPEND(j, 1, MARK, 0, 20, (struct ev_mark){.name = SLICE_LIT("b")});
    JOURNAL_APPEND(j, 1, MARK, 0, 30, (struct ev_mark){.name = SLICE_LIT("a")});
}

static void test_marks(void **state)
{
    struct fixture *f = *state;
    write_sample(f, set_marks);
    open_sample(f);
    assert_true(replay_goto_mark(f->replay, SLICE_LIT("b")));
    uint64_t at_b = journal_last(f->journal);
    assert_in_range(at_b, 20, 29);
    assert_true(replay_goto_mark(f->replay, SLICE_LIT("a"))); /* the newest of that name */
    assert_in_range(journal_last(f->journal), 30, 40);
    assert_true(replay_goto_mark(f->replay, SLICE_LIT(""))); /* round to the first */
    assert_in_range(journal_last(f->journal), 5, 9);
    assert_true(replay_goto_mark(f->replay, SLICE_LIT("")));
    assert_int_equal(journal_last(f->journal), at_b);
    assert_false(replay_goto_mark(f->replay, SLICE_LIT("c")));
}

static void test_status(void **state)
{
    struct fixture *f = *state;
    struct buf text;
    buf_init(&text, 200);
    replay_goto_us(f->replay, 40000);
    replay_set_speed(f->replay, 20);
    replay_status(f->replay, true, &text);
    assert_string_equal(buf_cstr(&text), "replay || 2x  0.036 / 0.108 s");
    buf_deinit(&text);
}

static void test_large_file_loads_in_turns(void **state)
{
    struct fixture *f = *state;
    struct err err;
    FILE *from = fopen(f->path, "r"), *to;
    char one[65536], path[80];
    size_t n = fread(one, 1, sizeof one, from);
    fclose(from);
    snprintf(path, sizeof path, "%s.large", f->path);
    to = fopen(path, "w");
    for (size_t done = 0; done < 3 * (REPLAY_FIRST_OCTETS + REPLAY_TURN_OCTETS); done += n)
        fwrite(one, 1, n, to);
    fclose(to);
    const struct replay_options options = {.path = path};
    struct replay *r = replay_open(f->loop, &f->clock.clock, &options, &err);
    assert_non_null(r);
    unlink(path);
    assert_true(replay_loading(r));
    uint64_t first = journal_last(replay_journal(r));
    assert_true(first > 100);
    int turns = 0;
    while (replay_loading(r) && turns++ < 100)
        loop_turn(f->loop, 0);
    assert_in_range(turns, 3, 10);
    assert_true(journal_last(replay_journal(r)) > 4 * first);
    assert_int_equal(replay_report(r)->lines_bad, 0);
    replay_free(&r);
}

static void test_no_recording(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct replay_options options = {.path = "/nonexistent/x"};
    assert_null(replay_open(f->loop, &f->clock.clock, &options, &err));
    assert_non_null(strstr(err.text, "/nonexistent/x"));
    options.path = "/tmp";
    assert_null(replay_open(f->loop, &f->clock.clock, &options, &err));
    options.path = "/dev/null";
    assert_null(replay_open(f->loop, &f->clock.clock, &options, &err));
    assert_non_null(strstr(err.text, "no event"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_opens_at_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_steps_there_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_speeds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_pauses_are_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quiz, setup, teardown),
        cmocka_unit_test_setup_teardown(test_marks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_status, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_file_loads_in_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_recording, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
