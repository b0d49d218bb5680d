/* A journal to record: a session of about 40 events with every form a field can have. */
#ifndef TESTS_UNIT_RECORDING_SAMPLE_H
#define TESTS_UNIT_RECORDING_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "journal/journal.h"
#include "recording/recording.h"

#define SECRET_LINE "AUTH PLAIN AGFubgBzM2NyM3Q=\r\n"
#define SECRET      "AGFubgBzM2NyM3Q="

static inline void sample_say(struct journal *j, uint32_t conn, enum event_dir dir,
                              const char *text)
{
    journal_append_octets(j, conn, dir, LAYER_PLAIN, 0, false, slice_cstr(text), NULL, 0, true);
}

/* Appends 42 events with connection 1. */
static inline void sample_session(struct journal *j, struct clock_manual *clock)
{
    static const char *const lines[][2] = {
        {"EHLO client.example\r\n", "250-mx.example\r\n250 SIZE 1000\r\n"},
        {"MAIL FROM:<a@b.example>\r\n", "250 2.1.0 ok\r\n"},
        {"RCPT TO:<c@d.example>\r\n", "450 4.2.0 later\r\n"},
        {"RCPT TO:<gr\xc3\xbc\xc3\x9f@d.example>\r\n", "250 2.1.5 \"quoted\" \\ ok\r\n"},
        {"bad \xff\xfe octets\n", "500 5.5.2 what?\r\n"},
        {"NUL \0 cut\r\n", "\x1b[31m220 red\x7f\r\n"},
    };
    uint32_t conn = journal_conn_new(j);
    JOURNAL_APPEND(j, conn, LINK_TRY, 0, 0,
                   (struct ev_link_try){.address = SLICE_LIT("127.0.0.1:25"), .attempt = 1});
    JOURNAL_APPEND(j, conn, LINK_UP, 0, 1,
                   (struct ev_link_up){.transport = TRANSPORT_UNIX,
                                       .peer = SLICE_LIT("/run/\xff.sock"),
                                       .elapsed_us = 300});
    sample_say(j, conn, DIR_S, "220 mx.example\r\n");
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        clock_manual_advance_ms(clock, 7);
        uint64_t offset = journal_stream_len(j, conn, DIR_C, LAYER_PLAIN);
        sample_say(j, conn, DIR_C, lines[i][0]);
        uint64_t command = JOURNAL_APPEND(
            j, conn, COMMAND, 0, 0, (struct ev_command){.verb = SLICE_LIT("X"), .offset = offset});
        clock_manual_advance_ms(clock, 11);
        sample_say(j, conn, DIR_S, lines[i][1]);
        JOURNAL_APPEND(j, conn, REPLY, 0, command, (struct ev_reply){.code = 250, .lines = 1});
        JOURNAL_APPEND(j, conn, STATE, EVENT_FLAG_BACKSTAGE, 0,
                       (struct ev_state){.from = SLICE_LIT("a"), .to = SLICE_LIT("b\0c")});
    }
    struct octet_range hidden = {11, sizeof(SECRET) - 1};
    journal_append_octets(j, conn, DIR_C, LAYER_PLAIN, 0, true, SLICE_LIT(SECRET_LINE), &hidden, 1,
                          true);
    journal_append_octets(j, conn, DIR_S, LAYER_WIRE, 0, false, SLICE_LIT("cipher"), NULL, 0,
                          false);
    JOURNAL_APPEND(j, conn, TLS_CHAIN, 0, 0,
                   (struct ev_tls_chain){.depth = 1, .der = SLICE_LIT("\x30\x00\xff")});
    journal_note(j, 0, LEVEL_WARNING, "text", "means", "next");
    JOURNAL_APPEND(j, conn, GAP, 0, 0,
                   (struct ev_gap){.first_seq = UINT64_MAX, .limit = SLICE_LIT("x")});
    JOURNAL_APPEND(j, conn, LINK_DOWN, 0, 0,
                   (struct ev_link_down){.why = DOWN_RESET, .code = -104});
}

/* The whole journal as a recording has it, octets included. */
static inline void sample_format(const struct journal *j, struct buf *out, bool keep_secrets)
{
    for (uint64_t seq = journal_first(j); seq != 0 && seq <= journal_last(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        if (ev)
            assert_true(recording_format_event(out, j, ev, 0, keep_secrets));
    }
}

static inline void sample_parse(struct journal *j, struct slice text,
                                struct recording_report *report)
{
    struct recording_parser *p = recording_parser_new(j);
    recording_parser_feed(p, text);
    recording_parser_end(&p, report);
    assert_null(p);
}

#endif
