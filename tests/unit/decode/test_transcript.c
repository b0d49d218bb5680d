/* The transcript: journals in, printed lines out; every split of the octets gives the same lines.
 */
#include <malloc.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "decode/transcript.h"

struct fixture {
    struct clock_manual clock;
    struct journal *journal;
    uint32_t conn;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    clock_manual_init(&f->clock, 1000, 0);
    f->journal = journal_new(&f->clock.clock);
    f->conn = journal_conn_new(f->journal);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    journal_free(&f->journal);
    mem_free(f);
    return 0;
}

static void say(struct fixture *f, enum event_dir dir, const char *text)
{
    journal_append_octets(f->journal, f->conn, dir, LAYER_PLAIN, 0, false, slice_cstr(text), NULL,
                          0, true);
}

static void assert_printed(struct transcript *t, const char *expected)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    transcript_update(t, NULL);
    for (size_t i = 0; i < transcript_count(t); i++)
        transcript_print(t, i, &out);
    assert_string_equal(buf_cstr(&out), expected);
    buf_deinit(&out);
}

static void assert_journal_printed(struct fixture *f, bool backstage, const char *expected)
{
    struct transcript *t = transcript_new(f->journal, f->conn, backstage);
    assert_printed(t, expected);
    transcript_free(&t);
    assert_null(t);
}

/* A whole session, the way the tracker and the link report it. */
static void session(struct fixture *f)
{
    struct journal *j = f->journal;
    uint64_t up =
        JOURNAL_APPEND(j, f->conn, LINK_UP, 0, 0,
                       (struct ev_link_up){.peer = SLICE_LIT("127.0.0.1:2525"), .elapsed_us = 312});
    clock_manual_advance_ms(&f->clock, 31);
    say(f, DIR_S, "220-mx\r\n220 mx ESMTP\r\n");
    JOURNAL_APPEND(j, f->conn, REPLY, 0, up,
                   (struct ev_reply){.code = 220, .lines = 2, .length = 22});
    say(f, DIR_C, "DATA\r\n");
    uint64_t data = JOURNAL_APPEND(j, f->conn, COMMAND, 0, 0,
                                   (struct ev_command){.verb = SLICE_LIT("DATA"), .length = 6});
    clock_manual_advance_ms(&f->clock, 2);
    say(f, DIR_S, "354 go\r\n");
    JOURNAL_APPEND(j, f->conn, REPLY, 0, data,
                   (struct ev_reply){.code = 354, .lines = 1, .offset = 22, .length = 8});
    JOURNAL_APPEND(j, f->conn, DATA_BEGIN, 0, 0, (struct ev_data_begin){.offset = 6});
    say(f, DIR_C, "Subject: x\r\n\r\n..dot\r\n.\r\n");
    uint64_t dot =
        JOURNAL_APPEND(j, f->conn, DATA_END, 0, 0, (struct ev_data_end){.offset = 6, .length = 24});
    say(f, DIR_C, "QUIT\r\n");
    clock_manual_advance_ms(&f->clock, 20000);
    say(f, DIR_S, "550 5.7.1 no \x1b[31m\r\n");
    JOURNAL_APPEND(j, f->conn, REPLY, 0, dot,
                   (struct ev_reply){.code = 550, .offset = 30, .length = 20});
    JOURNAL_APPEND(j, f->conn, DEVIATION, 0, 0,
                   (struct ev_deviation){.rule = SLICE_LIT("line-control"),
                                         .rfc = SLICE_LIT("RFC 5321 section 4.1.2"),
                                         .dir = DIR_S,
                                         .offset = 43,
                                         .note = SLICE_LIT("ESC")});
    JOURNAL_APPEND(j, f->conn, LINK_DOWN, 0, 0, (struct ev_link_down){.why = DOWN_EOF});
}

static void test_session_prints(void **state)
{
    struct fixture *f = *state;
    session(f);
    assert_journal_printed(
        f, false,
        "   0.000 --  connected 127.0.0.1:2525 (tcp)                              0.3 ms\n"
        "   0.031 <S  220-mx\n"
        "   0.031 <S  220 mx ESMTP                                                 31 ms\n"
        "   0.031 C>  DATA\n"
        "   0.033 <S  354 go                                                      2.0 ms\n"
        "   0.033 C>  Subject: x\n"
        "   0.033 C>  \n"
        "   0.033 C>  ..dot\n"
        "   0.033 C>  .\n"
        "   0.033 C>  QUIT\n"
        "  20.033 <S  550 5.7.1 no ^[[31m                                         20.0 s\n"
        "  20.033 --  ! line-control: ESC (RFC 5321 section 4.1.2)\n"
        "  20.033 --  closed by the peer\n");
}

static void test_flags_and_kinds(void **state)
{
    struct fixture *f = *state;
    session(f);
    struct transcript *t = transcript_new(f->journal, 0, false);
    static const struct {
        uint8_t kind, flags;
    } expected[] = {
        {TRANSCRIPT_LINK, 0},
        {TRANSCRIPT_LINE, 0},
        {TRANSCRIPT_LINE, TRANSCRIPT_CONT | TRANSCRIPT_REPLY_OK},
        {TRANSCRIPT_LINE, 0},
        {TRANSCRIPT_LINE, TRANSCRIPT_REPLY_OK},
        {TRANSCRIPT_CONTENT, 0},
        {TRANSCRIPT_CONTENT, 0},
        {TRANSCRIPT_CONTENT, 0},
        {TRANSCRIPT_CONTENT, 0},
        {TRANSCRIPT_LINE, 0},
        {TRANSCRIPT_LINE, TRANSCRIPT_REPLY_BAD | TRANSCRIPT_DEVIANT},
        {TRANSCRIPT_DEVIATION, 0},
        {TRANSCRIPT_LINK, 0},
    };
    transcript_update(t, NULL);
    assert_int_equal(transcript_count(t), sizeof(expected) / sizeof(*expected));
    for (size_t i = 0; i < transcript_count(t); i++) {
        assert_int_equal(transcript_at(t, i)->kind, expected[i].kind);
        assert_int_equal(transcript_at(t, i)->flags, expected[i].flags);
    }
    assert_int_equal(transcript_at(t, 4)->reply_us, 2000);
    assert_int_equal(transcript_at_us(t, 4), 33000);
    /* Of all lines of an OCTETS event the first; for an event without a line the one before. */
    uint64_t seq = transcript_at(t, 2)->seq;
    assert_int_equal(transcript_find_seq(t, seq), 1);
    assert_int_equal(transcript_find_seq(t, seq + 1), 2);
    assert_int_equal(transcript_find_seq(t, 0), 0);
    assert_int_equal(transcript_find_seq(t, UINT64_MAX), transcript_count(t) - 1);
    transcript_free(&t);
}

/* What begins while another is up runs on its clock; behind them all a new clock begins. */
static void test_connections_that_overlap_share_a_clock(void **state)
{
    struct fixture *f = *state;
    struct transcript *t = transcript_new(f->journal, 0, false);
    uint32_t a = journal_conn_new(f->journal), b = journal_conn_new(f->journal),
             c = journal_conn_new(f->journal);
    const struct {
        uint32_t conn;
        bool up;
        unsigned at_ms;
    } rows[] = {{a, true, 0},     {b, true, 1000}, {a, false, 2000},
                {b, false, 3000}, {c, true, 0},    {c, false, 1000}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (rows[i].up)
            JOURNAL_APPEND(f->journal, rows[i].conn, LINK_UP, 0, 0,
                           (struct ev_link_up){.name = SLICE_LIT("x")});
        else
            JOURNAL_APPEND(f->journal, rows[i].conn, LINK_DOWN, 0, 0,
                           (struct ev_link_down){.why = DOWN_EOF});
        transcript_update(t, NULL);
        assert_int_equal(transcript_at_us(t, transcript_count(t) - 1), rows[i].at_ms * 1000UL);
        clock_manual_advance_ms(&f->clock, 1000);
    }
    transcript_free(&t);
}

/* The same octets in pieces of any size, both directions at once, looked at after each event. */
static void test_every_split(void **state)
{
    static const char client[] = "EHLO a\r\nbare\nlone\rcr\r\n\r\nopen";
    static const char server[] = "250-one\r\n250 two\r\n\n\nx";
    (void)state;
    for (size_t step = 1; step < sizeof(client); step++) {
        void *own;
        setup(&own);
        struct fixture *f = own;
        struct transcript *t = transcript_new(f->journal, f->conn, false);
        size_t count[DIR__COUNT] = {0}, n = 0, first;
        for (size_t at = 0; at < sizeof(client) - 1; at += step) {
            struct slice c = slice_take(slice_skip(SLICE_LIT(client), at), step);
            struct slice s = slice_take(slice_skip(SLICE_LIT(server), at), step);
            journal_append_octets(f->journal, f->conn, DIR_C, LAYER_PLAIN, 0, false, c, NULL, 0,
                                  true);
            journal_append_octets(f->journal, f->conn, DIR_S, LAYER_PLAIN, 0, false, s, NULL, 0,
                                  true);
            size_t changed = transcript_update(t, &first);
            assert_true(changed > 0);
            assert_int_equal(first + changed, transcript_count(t));
        }
        struct buf all[DIR__COUNT];
        for (unsigned dir = 0; dir < DIR__COUNT; dir++)
            buf_init(&all[dir], 1000);
        for (n = 0; n < transcript_count(t); n++) {
            const struct transcript_line *l = transcript_at(t, n);
            count[l->dir]++;
            assert_int_equal(l->offset, all[l->dir].len);
            assert_true(transcript_octets(t, n, &all[l->dir]));
            bool open = all[l->dir].ptr[all[l->dir].len - 1] != '\n';
            assert_int_equal((l->flags & TRANSCRIPT_OPEN) != 0, open);
        }
        assert_int_equal(count[DIR_C], 5);
        assert_int_equal(count[DIR_S], 5);
        assert_true(slice_eq(buf_slice(&all[DIR_C]), SLICE_LIT(client)));
        assert_true(slice_eq(buf_slice(&all[DIR_S]), SLICE_LIT(server)));
        for (unsigned dir = 0; dir < DIR__COUNT; dir++)
            buf_deinit(&all[dir]);
        transcript_free(&t);
        teardown(&own);
    }
}

static void test_secrets_are_masked(void **state)
{
    struct fixture *f = *state;
    struct octet_range hidden = {5, 6};
    say(f, DIR_C, "EHLO x\r\n");
    journal_append_octets(f->journal, f->conn, DIR_C, LAYER_PLAIN, 0, true,
                          SLICE_LIT("AUTH secret\r\nNOOP\r\n"), &hidden, 1, true);
    struct transcript *t = transcript_new(f->journal, f->conn, false);
    assert_printed(t, "   0.000 C>  EHLO x\n"
                      "   0.000 C>T AUTH ******\n"
                      "   0.000 C>T NOOP\n");
    assert_int_equal(transcript_at(t, 0)->flags, 0);
    assert_int_equal(transcript_at(t, 1)->flags, TRANSCRIPT_HIDDEN | TRANSCRIPT_TLS_ON);
    assert_int_equal(transcript_at(t, 2)->flags, TRANSCRIPT_TLS_ON);
    transcript_free(&t);
}

static void test_handshake_lines(void **state)
{
    struct fixture *f = *state;
    const struct ev_tls_msg hello = {
        .dir = DIR_C, .content_type = 22, .msg_type = 1, .length = 230};
    JOURNAL_APPEND(f->journal, f->conn, TLS_MSG, 0, 0, hello);
    struct transcript *t = transcript_new(f->journal, f->conn, false);
    assert_printed(t, "");
    transcript_free(&t);
    t = transcript_new(f->journal, f->conn, false);
    transcript_show_handshakes(t, true);
    assert_printed(t, "   0.000 ==T client: ClientHello, 230 octets\n");
    assert_int_equal(transcript_at(t, 0)->flags, TRANSCRIPT_HANDSHAKE);
    transcript_free(&t);
}

static void test_tls_lines(void **state)
{
    static const struct {
        bool ok, verify_first;
        const char *expected;
    } rows[] = {
        {true, false,
         "   0.000 ==T TLSv1.3 TLS_X X25519, certificate ok                         23 ms\n"},
        {true, true,
         "   0.000 ==T TLSv1.3 TLS_X X25519, certificate ok                         23 ms\n"},
        {false, false,
         "   0.000 ==T TLSv1.3 TLS_X X25519                                         23 ms\n"
         "   0.000 ==T certificate NOT verified: self-signed for mx (18 words)\n"},
        {false, true,
         "   0.000 ==T certificate NOT verified: self-signed for mx (18 words)\n"
         "   0.000 ==T TLSv1.3 TLS_X X25519                                         23 ms\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        void *own;
        setup(&own);
        struct fixture *f = own;
        const struct ev_tls_up up = {.version = SLICE_LIT("TLSv1.3"),
                                     .cipher = SLICE_LIT("TLS_X"),
                                     .group = SLICE_LIT("X25519"),
                                     .elapsed_us = 23000};
        const struct ev_tls_verify verify = {.mode = VERIFY_FULL,
                                             .ok = rows[i].ok,
                                             .name = SLICE_LIT("mx"),
                                             .reason = SLICE_LIT("self-signed"),
                                             .text = SLICE_LIT("18 words")};
        JOURNAL_APPEND(f->journal, f->conn, TLS_START, 0, 0, (struct ev_tls_start){.sni = {0}});
        if (rows[i].verify_first)
            journal_append(f->journal, f->conn, EVENT_TLS_VERIFY, 0, 0, &verify);
        journal_append(f->journal, f->conn, EVENT_TLS_UP, 0, 0, &up);
        if (!rows[i].verify_first)
            journal_append(f->journal, f->conn, EVENT_TLS_VERIFY, 0, 0, &verify);
        assert_journal_printed(f, false, rows[i].expected);
        teardown(&own);
    }
}

static void test_events_in_words(void **state)
{
    struct fixture *f = *state;
    struct journal *j = f->journal;
    JOURNAL_APPEND(j, f->conn, LINK_RESOLVE, 0, 0,
                   (struct ev_link_resolve){.name = SLICE_LIT("mx\n"), .error = SLICE_LIT("no")});
    JOURNAL_APPEND(j, f->conn, LINK_TRY, 0, 0,
                   (struct ev_link_try){.address = SLICE_LIT("a:1"), .attempt = 1, .attempts = 2});
    JOURNAL_APPEND(j, f->conn, TLS_ALERT, 0, 0,
                   (struct ev_tls_alert){.dir = DIR_S, .fatal = 1, .number = 40});
    JOURNAL_APPEND(j, f->conn, TLS_ALERT, 0, 0, (struct ev_tls_alert){.dir = DIR_S});
    JOURNAL_APPEND(j, f->conn, TLS_FAIL, 0, 0,
                   (struct ev_tls_fail){.stage = SLICE_LIT("handshake"),
                                        .text = SLICE_LIT("wrong version number"),
                                        .got = SLICE_LIT("220 \xff")});
    JOURNAL_APPEND(j, f->conn, LINK_TIMEOUT, 0, 0,
                   (struct ev_link_timeout){.stage = SLICE_LIT("greeting"), .waited_ms = 5000});
    journal_note(j, 0, LEVEL_ERROR, "it broke", "this", "do that");
    journal_append_octets(j, f->conn, DIR_S, LAYER_PLAIN, 0, false, SLICE_LIT("gone"), NULL, 0,
                          false);
    JOURNAL_APPEND(
        j, f->conn, LINK_DOWN, 0, 0,
        (struct ev_link_down){.why = DOWN_RESET, .text = SLICE_LIT("reset"), .unsent = 3});
    assert_journal_printed(
        f, false,
        "   0.000 --  mx^J could not be looked up: no 0.0 ms\n"
        "   0.000 --  connecting to a:1 (1 of 2)\n"
        "   0.000 ==T fatal TLS alert from the server: handshake_failure (no common "
        "cipher/parameters)\n"
        "   0.000 ==T TLS failed in handshake: wrong version number; instead of TLS came: 220 "
        "\\xFF\n"
        "   0.000 --  nothing came for 5000 ms, waiting for greeting\n"
        "   0.000 --  error: it broke\n"
        "   0.000 --    means: this\n"
        "   0.000 --    next: do that\n"
        "   0.000 --  4 octets of the server were not kept\n"
        "   0.000 --  cut off by the peer (connection reset): reset; 3 octets were never sent\n");
}

static void test_backstage_and_other_connections(void **state)
{
    struct fixture *f = *state;
    struct journal *j = f->journal;
    uint32_t inside = journal_conn_new(j), other = journal_conn_new(j);
    say(f, DIR_C, "mine\r\n");
    journal_append_octets(j, inside, DIR_C, LAYER_PLAIN, EVENT_FLAG_BACKSTAGE, false,
                          SLICE_LIT("inside\r\n"), NULL, 0, true);
    journal_append_octets(j, other, DIR_C, LAYER_PLAIN, 0, false, SLICE_LIT("other\r\n"), NULL, 0,
                          true);
    JOURNAL_APPEND(j, inside, FAULT, EVENT_FLAG_BACKSTAGE, 0,
                   (struct ev_fault){.rule = SLICE_LIT("slow@x"),
                                     .action = SLICE_LIT("waits 2 s"),
                                     .stage = SLICE_LIT("RCPT")});
    JOURNAL_APPEND(j, inside, STORED, EVENT_FLAG_BACKSTAGE, 0,
                   (struct ev_stored){.mailbox = SLICE_LIT("bob"), .message = 3, .length = 18});
    assert_journal_printed(f, false, "   0.000 C>  mine\n");
    assert_journal_printed(f, true,
                           "   0.000 C>  mine\n"
                           "   0.000 --  practice server: waits 2 s at RCPT, asked for by slow@x\n"
                           "   0.000 --  practice server: stored message 3 for bob (18 octets)\n");
    f->conn = 0;
    assert_journal_printed(f, false, "   0.000 C>  mine\n   0.000 C>  other\n");
}

static void test_long_line_in_pieces(void **state)
{
    struct fixture *f = *state;
    size_t len = 3 * TRANSCRIPT_LINE_MAX_OCTETS + 5;
    char *text = mem_alloc(len + 1);
    memset(text, 'x', len);
    text[len] = '\0';
    say(f, DIR_S, text);
    say(f, DIR_S, "\r\n");
    struct transcript *t = transcript_new(f->journal, f->conn, false);
    struct vis_text out;
    vis_init(&out);
    transcript_update(t, NULL);
    assert_int_equal(transcript_count(t), 4);
    assert_int_equal(transcript_at(t, 0)->length, TRANSCRIPT_LINE_MAX_OCTETS);
    assert_int_equal(transcript_at(t, 3)->length, 7);
    transcript_text(t, 0, 0, 80, &out);
    assert_int_equal(out.cols, 80);
    vis_reset(&out);
    transcript_text(t, 3, 0, 80, &out);
    assert_string_equal(vis_cstr(&out), "xxxxx");
    vis_reset(&out);
    transcript_text_from(t, 3, 3, VIS_ASCII, 80, &out);
    assert_string_equal(vis_cstr(&out), "xx");
    vis_deinit(&out);
    transcript_free(&t);
    mem_free(text);
}

/* A message that comes back is content too; what the client says meanwhile is none. */
static void test_content_that_comes_back(void **state)
{
    struct fixture *f = *state;
    static const uint8_t want[] = {TRANSCRIPT_LINE,    TRANSCRIPT_LINE, TRANSCRIPT_CONTENT,
                                   TRANSCRIPT_CONTENT, TRANSCRIPT_LINE, TRANSCRIPT_LINE};
    struct transcript *t = transcript_new(f->journal, f->conn, false);
    say(f, DIR_C, "RETR 1\r\n");
    say(f, DIR_S, "+OK\r\n");
    uint64_t reply = JOURNAL_APPEND(f->journal, f->conn, REPLY, 0, 0,
                                    (struct ev_reply){.status = SLICE_LIT("+OK"), .length = 5});
    JOURNAL_APPEND(f->journal, f->conn, DATA_BEGIN, 0, reply, (struct ev_data_begin){.offset = 5});
    say(f, DIR_S, "From: a\r\n.\r\n");
    say(f, DIR_C, "NOOP\r\n");
    JOURNAL_APPEND(f->journal, f->conn, DATA_END, 0, 0,
                   (struct ev_data_end){.offset = 5, .length = 12});
    say(f, DIR_S, "+OK\r\n");
    transcript_update(t, NULL);
    assert_int_equal(transcript_count(t), sizeof want);
    for (size_t i = 0; i < sizeof want; i++)
        assert_int_equal(transcript_at(t, i)->kind, want[i]);
    transcript_free(&t);
}

/* What was shown is changed in place, and said so. */
static void test_first_changed(void **state)
{
    struct fixture *f = *state;
    size_t first;
    struct transcript *t = transcript_new(f->journal, f->conn, false);
    assert_int_equal(transcript_update(t, &first), 0);
    say(f, DIR_S, "250 a\r\n");
    say(f, DIR_C, "NO");
    assert_int_equal(transcript_update(t, &first), 2);
    assert_int_equal(first, 0);
    assert_int_equal(transcript_update(t, &first), 0);
    say(f, DIR_C, "OP\r\n");
    assert_int_equal(transcript_update(t, &first), 1);
    assert_int_equal(first, 1);
    JOURNAL_APPEND(f->journal, f->conn, REPLY, 0, 0, (struct ev_reply){.code = 250, .length = 7});
    assert_int_equal(transcript_update(t, &first), 2);
    assert_int_equal(first, 0);
    transcript_free(&t);
}

/* Blocks of lines are made as they come, and the list of blocks grows: the first lines stay. */
static void test_many_lines(void **state)
{
    enum { N_LINES = 20000 };
    struct fixture *f = *state;
    struct transcript *t = transcript_new(f->journal, f->conn, false);
    char text[40];
    for (unsigned i = 0; i < N_LINES; i++) {
        snprintf(text, sizeof text, "250-%u\r\n", i);
        say(f, DIR_S, text);
        if (i % 1000 == 999)
            transcript_update(t, NULL);
    }
    assert_int_equal(transcript_count(t), N_LINES);
    for (unsigned i = 0; i < N_LINES; i++) {
        struct buf octets;
        buf_init(&octets, 100);
        assert_true(transcript_octets(t, i, &octets));
        snprintf(text, sizeof text, "250-%u\r\n", i);
        assert_true(slice_eq(buf_slice(&octets), slice_cstr(text)));
        buf_deinit(&octets);
    }
    transcript_free(&t);
}

/* Who goes forward only keeps what is near: the rest is given back, and nothing points to it. */
static void test_forget(void **state)
{
    enum { N_LINES = 100000, KEPT = 3000 };
    struct fixture *f = *state;
    struct transcript *t = transcript_new(f->journal, f->conn, false);
    const struct transcript_line *l;
    say(f, DIR_C, "half");
    for (unsigned i = 0; i < N_LINES; i++) {
        say(f, DIR_S, "250-x\r\n");
        transcript_update_to(t, journal_last(f->journal) - 1, NULL);
        if (transcript_count(t) > KEPT)
            transcript_forget(t, transcript_count(t) - KEPT);
    }
    transcript_update(t, NULL);
    assert_int_equal(transcript_count(t), N_LINES + 1);
    assert_int_equal(transcript_first(t), N_LINES - KEPT);
    assert_int_equal(transcript_find_seq(t, 1), transcript_first(t));
    /* A point into a line that is gone, one reply over both, and the rest of the open line. */
    JOURNAL_APPEND(f->journal, f->conn, DEVIATION, 0, 0, (struct ev_deviation){.dir = DIR_S});
    JOURNAL_APPEND(f->journal, f->conn, REPLY, 0, 0,
                   (struct ev_reply){.code = 550, .length = 7 * N_LINES});
    say(f, DIR_C, "rest\r\n");
    transcript_update(t, NULL);
    assert_int_equal(transcript_count(t), N_LINES + 3);
    l = transcript_at(t, N_LINES);
    assert_true(l->flags & TRANSCRIPT_REPLY_BAD);
    l = transcript_at(t, N_LINES + 2);
    assert_int_equal(l->kind, TRANSCRIPT_LINE);
    assert_int_equal(l->offset, 4);
    assert_int_equal(l->length, 6);
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
    size_t octets = mallinfo2().uordblks;
    transcript_free(&t);
    /* All lines would be 3 MB. */
    assert_true(octets - mallinfo2().uordblks < 500000);
#endif
    transcript_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_session_prints, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flags_and_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connections_that_overlap_share_a_clock, setup,
                                        teardown),
        cmocka_unit_test(test_every_split),
        cmocka_unit_test_setup_teardown(test_secrets_are_masked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handshake_lines, setup, teardown),
        cmocka_unit_test(test_tls_lines),
        cmocka_unit_test_setup_teardown(test_events_in_words, setup, teardown),
        cmocka_unit_test_setup_teardown(test_backstage_and_other_connections, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_line_in_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_content_that_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
