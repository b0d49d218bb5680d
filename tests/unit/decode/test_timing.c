/* The fold of times: each stage with its limit, what is waited for, and the sorts of slowness. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/vis.h"
#include "decode/timing.h"

struct fixture {
    struct clock_manual clock;
    struct journal *journal;
    uint32_t conn;
    struct timing timing;
};

static void fold(void *ctx, const struct journal *j, const struct event *ev)
{
    timing_apply(ctx, j, ev);
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    clock_manual_init(&f->clock, 1000, 0);
    f->journal = journal_new(&f->clock.clock);
    f->conn = journal_conn_new(f->journal);
    timing_init(&f->timing, 0);
    journal_add_sink(f->journal, fold, &f->timing);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    timing_deinit(&f->timing);
    journal_free(&f->journal);
    mem_free(f);
    return 0;
}

static uint64_t up(struct fixture *f)
{
    return JOURNAL_APPEND(f->journal, f->conn, LINK_UP, 0, 0,
                          (struct ev_link_up){.name = SLICE_LIT("mx.example")});
}

static uint64_t command(struct fixture *f, const char *verb)
{
    return JOURNAL_APPEND(f->journal, f->conn, COMMAND, 0, 0,
                          (struct ev_command){.verb = slice_cstr(verb)});
}

/* The reply's octets in n pieces, pause_ms between them, the first after first_ms. */
static void reply(struct fixture *f, uint64_t cause, const char *verb, unsigned code,
                  unsigned first_ms, unsigned pause_ms, unsigned n_pieces)
{
    uint64_t offset = journal_stream_len(f->journal, f->conn, DIR_S, LAYER_PLAIN);
    for (unsigned i = 0; i < n_pieces; i++) {
        clock_manual_advance_ms(&f->clock, i ? pause_ms : first_ms);
        journal_append_octets(f->journal, f->conn, DIR_S, LAYER_PLAIN, 0, false,
                              SLICE_LIT("250 x\r\n"), NULL, 0, true);
    }
    JOURNAL_APPEND(
        f->journal, f->conn, REPLY, 0, cause,
        (struct ev_reply){
            .code = code, .verb = slice_cstr(verb), .offset = offset, .length = 7UL * n_pieces});
}

static void asked(struct fixture *f, const char *verb, unsigned code, unsigned ms)
{
    reply(f, command(f, verb), verb, code, ms, 0, 1);
}

static const struct timing_step *last(const struct fixture *f)
{
    return &f->timing.steps[f->timing.n_steps - 1];
}

static void test_first_and_last_octet(void **state)
{
    struct fixture *f = *state;
    reply(f, up(f), "CONNECT", 220, 20, 0, 1);
    assert_int_equal(timing_wait_us(last(f)), 20000);
    assert_int_equal(last(f)->flags, 0);
    reply(f, command(f, "EHLO"), "EHLO", 250, 5, 10, 4);
    assert_int_equal(last(f)->verb, SMTP_VERB_EHLO);
    assert_int_equal(last(f)->first_tick_ns - last(f)->sent_tick_ns, 5000000);
    assert_int_equal(timing_wait_us(last(f)), 35000);
    assert_int_equal(last(f)->code, 250);
    /* More pieces than are remembered: the oldest known one. */
    reply(f, command(f, "HELP"), "HELP", 250, 5, 1, TIMING_CHUNKS + 20);
    uint64_t first = last(f)->first_tick_ns - last(f)->sent_tick_ns;
    assert_int_equal(first, 25000000);
}

static void test_pipelined(void **state)
{
    struct fixture *f = *state;
    struct timing_waiting w;
    reply(f, up(f), "CONNECT", 220, 1, 0, 1);
    uint64_t mail = command(f, "MAIL"), rcpt = command(f, "RCPT");
    assert_true(timing_waiting(&f->timing, f->clock.now_tick_ns + 12000000000, &w));
    assert_int_equal(w.verb, SMTP_VERB_MAIL);
    assert_int_equal(w.waited_ms, 12000);
    assert_int_equal(w.limit_s, 300);
    reply(f, mail, "MAIL", 250, 3000, 0, 1);
    /* The wait for the second begins with the first one's reply. */
    assert_true(timing_waiting(&f->timing, f->clock.now_tick_ns + 2000000, &w));
    assert_int_equal(w.verb, SMTP_VERB_RCPT);
    assert_int_equal(w.waited_ms, 2);
    reply(f, rcpt, "RCPT", 250, 4, 0, 1);
    assert_int_equal(timing_wait_us(&f->timing.steps[2]), 3004000);
    assert_false(timing_waiting(&f->timing, f->clock.now_tick_ns, &w));
}

static void test_waiting_text(void **state)
{
    static const struct {
        enum smtp_verb verb;
        unsigned limit_s;
        const char *text;
    } rows[] = {
        {SMTP_VERB_CONNECT, 300, "greeting: waited 12 s of 300 s"},
        {SMTP_VERB_MAIL, 300, "MAIL: waited 12 s of 300 s"},
        {SMTP_VERB_RCPT, 300, "RCPT: waited 12 s of 300 s"},
        {SMTP_VERB_DATA, 120, "DATA: waited 12 s of 120 s"},
        {SMTP_VERB_DOT, 600, "final dot: waited 12 s of 600 s"},
        {SMTP_VERB_BDAT, 180, "BDAT: waited 12 s of 180 s"},
        {SMTP_VERB_NOOP, 300, "NOOP: waited 12 s of 300 s"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *rfc;
        struct buf out;
        assert_int_equal(timing_limit_s(rows[i].verb, &rfc), rows[i].limit_s);
        if (rows[i].verb == SMTP_VERB_NOOP)
            assert_null(rfc);
        else
            assert_non_null(strstr(rfc, "section 4.5.3.2"));
        char name[TIMING_NAME_OCTETS];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(rows[i].text, ":"), rows[i].text);
        const struct timing_waiting w = {name, rows[i].verb, 12999,
                                         timing_limit_s(rows[i].verb, NULL)};
        buf_init(&out, 200);
        timing_waiting_text(&w, &out);
        assert_string_equal(buf_cstr(&out), rows[i].text);
        buf_deinit(&out);
    }
}

static void test_bar(void **state)
{
    static const struct {
        uint64_t ms;
        unsigned s;
        size_t cols;
        const char *text;
    } rows[] = {
        {0, 300, 10, ".........."},
        {150000, 300, 10, "#####....."},
        {299999, 300, 10, "#########."},
        {300000, 300, 10, "##########"},
        {UINT64_MAX, 300, 10, "##########"},
        {5, 0, 4, "####"},
        {0, 10, 0, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct buf out;
        buf_init(&out, 200);
        timing_bar(rows[i].ms, rows[i].s, rows[i].cols, &out);
        assert_string_equal(out.len ? buf_cstr(&out) : "", rows[i].text);
        buf_deinit(&out);
    }
}

static void test_greet_delay(void **state)
{
    struct fixture *f = *state;
    reply(f, up(f), "CONNECT", 220, 2000, 0, 1);
    assert_int_equal(last(f)->flags, TIMING_GREET_DELAY);
}

static void test_no_greet_delay(void **state)
{
    struct fixture *f = *state;
    reply(f, up(f), "CONNECT", 220, 1999, 0, 1);
    assert_int_equal(last(f)->flags, 0);
}

/* postscreen: a first part at once, the rest after six seconds. */
static void test_teaser(void **state)
{
    struct fixture *f = *state;
    reply(f, up(f), "CONNECT", 220, 10, 6000, 2);
    assert_int_equal(last(f)->flags, TIMING_TEASER);
}

/* Inside TLS from the first octet the handshake's time is none of the greeting's. */
static void test_implicit_tls(void **state)
{
    struct fixture *f = *state;
    uint64_t seq = up(f);
    clock_manual_advance_ms(&f->clock, 2500);
    JOURNAL_APPEND(f->journal, f->conn, TLS_UP, 0, 0, (struct ev_tls_up){.bits = 256});
    reply(f, seq, "CONNECT", 220, 30, 0, 1);
    assert_int_equal(last(f)->flags, 0);
    assert_int_equal(timing_wait_us(last(f)), 30000);
}

static void test_tarpit(void **state)
{
    struct fixture *f = *state;
    reply(f, up(f), "CONNECT", 220, 10, 0, 1);
    asked(f, "EHLO", 250, 10);
    asked(f, "MAIL", 250, 12);
    asked(f, "RCPT", 550, 40);
    assert_int_equal(last(f)->flags, 0);
    asked(f, "RCPT", 550, 999);
    assert_int_equal(last(f)->flags, 0);
    asked(f, "RCPT", 550, 5000);
    assert_int_equal(last(f)->flags, TIMING_TARPIT);
    /* A slow success is no tarpit. */
    asked(f, "RCPT", 250, 5000);
    assert_int_equal(last(f)->flags, 0);
}

/* Everything of this server is slow: its refusals say nothing. */
static void test_slow_server_is_no_tarpit(void **state)
{
    struct fixture *f = *state;
    reply(f, up(f), "CONNECT", 220, 10, 0, 1);
    for (unsigned i = 0; i < TIMING_WAITS + 5; i++)
        asked(f, "NOOP", 250, 1500);
    asked(f, "RCPT", 550, 5000);
    assert_int_equal(last(f)->flags, 0);
    asked(f, "RCPT", 550, 6000);
    assert_int_equal(last(f)->flags, TIMING_TARPIT);
}

static void test_drip_and_late(void **state)
{
    struct fixture *f = *state;
    reply(f, up(f), "CONNECT", 220, 10, 0, 1);
    reply(f, command(f, "EHLO"), "EHLO", 250, 10, 600, 3);
    assert_int_equal(last(f)->flags, TIMING_DRIP);
    asked(f, "DATA", 354, 120000);
    assert_int_equal(last(f)->flags, TIMING_LATE);
    asked(f, "MAIL", 250, 120000);
    assert_int_equal(last(f)->flags, 0);
}

static void test_final_dot(void **state)
{
    struct fixture *f = *state;
    reply(f, up(f), "CONNECT", 220, 1, 0, 1);
    asked(f, "DATA", 354, 1);
    uint64_t end =
        JOURNAL_APPEND(f->journal, f->conn, DATA_END, 0, 0, (struct ev_data_end){.complete = 1});
    reply(f, end, "DOT", 250, 700, 0, 1);
    assert_int_equal(last(f)->verb, SMTP_VERB_DOT);
    assert_int_equal(timing_wait_us(last(f)), 700000);
    /* LMTP: a second reply to the same dot. */
    reply(f, end, "DOT", 550, 300, 0, 1);
    assert_int_equal(f->timing.n_steps, 3);
    assert_int_equal(timing_wait_us(last(f)), 1000000);
    /* A chunk's end is no dot, content broken off neither. */
    command(f, "BDAT");
    JOURNAL_APPEND(f->journal, f->conn, DATA_END, 0, 0, (struct ev_data_end){.complete = 1});
    assert_int_equal(last(f)->verb, SMTP_VERB_BDAT);
    asked(f, "NOOP", 250, 1);
    JOURNAL_APPEND(f->journal, f->conn, DATA_END, 0, 0, (struct ev_data_end){.complete = 0});
    assert_int_equal(last(f)->verb, SMTP_VERB_NOOP);
}

static void test_others_are_not_ours(void **state)
{
    struct fixture *f = *state;
    struct timing_waiting w;
    up(f);
    uint32_t other = journal_conn_new(f->journal);
    JOURNAL_APPEND(f->journal, other, COMMAND, 0, 0, (struct ev_command){.verb = SLICE_LIT("X")});
    JOURNAL_APPEND(f->journal, f->conn, COMMAND, EVENT_FLAG_BACKSTAGE, 0,
                   (struct ev_command){.verb = SLICE_LIT("X")});
    JOURNAL_APPEND(f->journal, f->conn, REPLY, 0, 99999, (struct ev_reply){.code = 250});
    assert_int_equal(f->timing.n_steps, 1);
    assert_true(timing_waiting(&f->timing, f->clock.now_tick_ns, &w));
    JOURNAL_APPEND(f->journal, f->conn, LINK_DOWN, 0, 0, (struct ev_link_down){.why = DOWN_EOF});
    assert_false(timing_waiting(&f->timing, f->clock.now_tick_ns, &w));
}

static void status(struct fixture *f, uint64_t cause, const char *verb, const char *said,
                   unsigned ms)
{
    clock_manual_advance_ms(&f->clock, ms);
    JOURNAL_APPEND(f->journal, f->conn, REPLY, 0, cause,
                   (struct ev_reply){.verb = slice_cstr(verb), .status = slice_cstr(said)});
}

/* POP3 and IMAP: their own words, their own yes and no; IDLE lasts as long as the client likes. */
static void test_mailbox_protocols(void **state)
{
    struct fixture *f = *state;
    struct timing_stage stages[TIMING_STAGES_MAX];
    struct timing_waiting w;
    status(f, up(f), "CONNECT", "OK", 10);
    status(f, command(f, "LOGIN"), "LOGIN", "OK", 20);
    assert_string_equal(last(f)->name, "LOGIN");
    assert_string_equal(last(f)->result, "OK");
    assert_false(last(f)->refused);
    status(f, command(f, "UID FETCH"), "UID FETCH", "OK", 30);
    uint64_t idle = command(f, "IDLE");
    assert_true(timing_waiting(&f->timing, f->clock.now_tick_ns, &w));
    assert_string_equal(w.name, "IDLE");
    status(f, idle, "IDLE", "+", 5);
    status(f, idle, "IDLE", "OK", 1000000);
    assert_int_equal(timing_wait_us(last(f)), 5000);
    assert_int_equal(last(f)->flags, 0);
    /* A no far slower than the rest. */
    status(f, command(f, "SELECT"), "SELECT", "NO", 5000);
    assert_true(last(f)->refused);
    assert_int_equal(last(f)->flags, TIMING_TARPIT);
    static const char *const names[] = {"greeting", "AUTH", "mailbox", "reading", "other"};
    assert_int_equal(timing_stages(&f->timing, stages), 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(stages[i].name, names[i]);
    /* A verb of a peer shows as visible text only, cut where it is too long. */
    status(f, command(f, "\x1b[31mTHIS-IS-LONGER-THAN-IT"), "X", "\x07", 1);
    assert_null(strpbrk(last(f)->name, "\x1b\x07"));
    assert_null(strpbrk(last(f)->result, "\x1b\x07"));
}

static void test_page(void **state)
{
    struct fixture *f = *state;
    struct buf out;
    buf_init(&out, 1 << 20);
    timing_print(&f->timing, 0, &out);
    assert_int_equal(out.len, 0);
    reply(f, up(f), "CONNECT", 220, 5000, 0, 1);
    asked(f, "EHLO", 250, 10);
    asked(f, "RCPT", 550, 5000);
    command(f, "QUIT");
    timing_print(&f->timing, f->clock.now_tick_ns + 12000000000, &out);
    const char *text = buf_cstr(&out);
    static const char *const parts[] = {
        "greeting   220  first     5.0 s  whole     5.0 s  of 300 s  ..........  ! greet delay\n",
        "EHLO       250  first     10 ms  whole     10 ms  of 300 s",
        "! tarpit\n",
        "QUIT: waited 12 s of 300 s ..........\n",
        "! greet delay: ",
        "! tarpit: ",
        ("each in turn: #.#\n"
         "replies: 2, fastest 10 ms, mean 2.5 s, slowest 5.0 s (RCPT)\n"),
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (!strstr(text, parts[i]))
            fail_msg("no \"%s\" in:\n%s", parts[i], text);
    for (unsigned i = 0; i < TIMING_FLAGS_COUNT; i++)
        assert_non_null(timing_flag_text(1U << i));
    assert_null(timing_flag_text(1U << TIMING_FLAGS_COUNT));
    buf_deinit(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void test_stages_and_spark(void **state)
{
    struct fixture *f = *state;
    struct timing_stage stages[TIMING_STAGES_MAX];
    struct buf out;
    buf_init(&out, 4000);
    timing_spark(&f->timing, 10, VIS_ASCII, &out);
    assert_string_equal(buf_cstr(&out), "");
    assert_int_equal(timing_stages(&f->timing, stages), 0);
    uint64_t at = JOURNAL_APPEND(f->journal, f->conn, LINK_UP, 0, 0,
                                 (struct ev_link_up){.elapsed_us = 12000});
    reply(f, at, "CONNECT", 220, 8, 0, 1);
    reply(f, command(f, "EHLO"), "EHLO", 250, 16, 0, 1);
    JOURNAL_APPEND(f->journal, f->conn, TLS_UP, 0, 0, (struct ev_tls_up){.elapsed_us = 23000});
    reply(f, command(f, "EHLO"), "EHLO", 250, 16, 0, 1);
    reply(f, command(f, "MAIL"), "MAIL", 250, 4, 0, 1);
    reply(f, command(f, "DATA"), "DATA", 354, 4, 0, 1);
    clock_manual_advance_ms(&f->clock, 6);
    uint64_t end =
        JOURNAL_APPEND(f->journal, f->conn, DATA_END, 0, 0, (struct ev_data_end){.complete = 1});
    reply(f, end, "DOT", 250, 64, 0, 1);
    timing_spark(&f->timing, 10, VIS_ASCII, &out);
    assert_string_equal(buf_cstr(&out), ".,,..#");
    buf_reset(&out);
    timing_spark(&f->timing, 2, 0, &out);
    assert_string_equal(buf_cstr(&out), "\u2581\u2588");
    buf_reset(&out);
    timing_stages_print(&f->timing, 16, VIS_ASCII, &out);
    assert_string_equal(buf_cstr(&out), "  connect       12 ms  ###\n"
                                        "  greeting     8.0 ms  ##\n"
                                        "  TLS           23 ms  #####\n"
                                        "  EHLO          32 ms  ########  2 times\n"
                                        "  MAIL         4.0 ms  #\n"
                                        "  DATA         4.0 ms  #\n"
                                        "  content      6.0 ms  #\n"
                                        "  queue         64 ms  ################\n");
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_first_and_last_octet),
        TEST(test_pipelined),
        cmocka_unit_test(test_waiting_text),
        cmocka_unit_test(test_bar),
        TEST(test_greet_delay),
        TEST(test_no_greet_delay),
        TEST(test_teaser),
        TEST(test_implicit_tls),
        TEST(test_tarpit),
        TEST(test_slow_server_is_no_tarpit),
        TEST(test_drip_and_late),
        TEST(test_final_dot),
        TEST(test_others_are_not_ours),
        TEST(test_mailbox_protocols),
        TEST(test_page),
        TEST(test_stages_and_spark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
