/* What the tests of the IMAP roles share: a journal with a clock of its own and scripts of a
 * session. */
#ifndef TESTS_ENGINE_IMAP_KIT_H
#define TESTS_ENGINE_IMAP_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "engine/imap_track.h"
#include "imap/limits.h"

struct ikit {
    struct clock_manual clock;
    struct journal *journal;
    uint32_t conn;
    struct imap_track *track;
};

static inline void ikit_open(struct ikit *k, const struct imap_track_options *options)
{
    static const struct imap_track_options plain;
    clock_manual_init(&k->clock, 1000, 1000);
    k->journal = journal_new(&k->clock.clock);
    k->conn = journal_conn_new(k->journal);
    k->track = imap_track_new(k->journal, k->conn, options ? options : &plain);
}

static inline void ikit_close(struct ikit *k)
{
    imap_track_free(&k->track);
    journal_free(&k->journal);
}

/* Feed in pieces of at most `step` octets (0: at once). */
static inline void ikit_feed(struct ikit *k, enum event_dir dir, struct slice in, size_t step)
{
    while (in.len > 0) {
        struct slice piece = slice_take(in, step ? step : in.len);
        in = slice_skip(in, piece.len);
        while (piece.len > 0) {
            struct imap_item item;
            size_t used = imap_track_feed(k->track, dir, piece, &item);
            assert_true(used > 0 && used <= piece.len);
            piece = slice_skip(piece, used);
        }
    }
}

/* A session: lines "C: text" and "S: text" (CRLF is added), "C| text" and "S| text" (nothing is
 * added), "TLS" (the handshake is done), "END C" or "END S" (who closes). Lines are separated by
 * LF; in "|" lines a CR LF is written as ~, a bare LF as ^, a bare CR as !, a NUL as `. */
static inline void ikit_line(struct ikit *k, const char *line, size_t len, size_t step)
{
    char octets[4096];
    size_t n = 0;
    if (len == 3 && memcmp(line, "TLS", 3) == 0) {
        imap_track_tls_up(k->track);
        return;
    }
    if (len == 5 && memcmp(line, "END ", 4) == 0) {
        imap_track_closed(k->track, line[4] == 'C' ? DIR_C : DIR_S);
        return;
    }
    assert_true(len >= 2 && len < sizeof(octets) / 2 && (line[0] == 'C' || line[0] == 'S'));
    bool raw = line[1] == '|';
    for (size_t i = len > 2 ? 3 : 2; i < len; i++) {
        const char *special = raw ? strchr("~^!`", line[i]) : NULL;
        if (special && *special == '~')
            octets[n++] = '\r';
        octets[n++] = !special ? line[i] : *special == '!' ? '\r' : *special == '`' ? '\0' : '\n';
    }
    if (!raw) {
        octets[n++] = '\r';
        octets[n++] = '\n';
    }
    ikit_feed(k, line[0] == 'C' ? DIR_C : DIR_S, slice_of(octets, n), step);
}

static inline void ikit_script(struct ikit *k, const char *script, size_t step)
{
    while (*script) {
        size_t len = strcspn(script, "\n");
        ikit_line(k, script, len, step);
        script += len + (script[len] == '\n');
    }
}

/* The rules of all DEVIATION events from `first`, without "imap-", space separated, in order. */
static inline void ikit_rules(const struct ikit *k, uint64_t first, char *out, size_t out_octets)
{
    size_t at = 0;
    out[0] = '\0';
    for (uint64_t seq = first; seq <= journal_last(k->journal); seq++) {
        const struct event *ev = journal_at(k->journal, seq);
        struct ev_deviation d;
        if (!ev || ev->kind != EVENT_DEVIATION)
            continue;
        EVENT_GET(ev, DEVIATION, &d);
        assert_true(d.note.len > 0);
        assert_true(slice_starts(d.rule, SLICE_LIT("imap-")));
        struct slice name = slice_skip(d.rule, 5);
        int n = snprintf(out + at, out_octets - at, "%s%.*s", at ? " " : "", (int)name.len,
                         (const char *)name.ptr);
        assert_true(n > 0 && (size_t)n < out_octets - at);
        at += (size_t)n;
    }
}

static inline size_t ikit_count(const struct ikit *k, enum event_kind kind)
{
    size_t n = 0;
    for (uint64_t seq = 1; seq <= journal_last(k->journal); seq++) {
        const struct event *ev = journal_at(k->journal, seq);
        n += ev && ev->kind == kind;
    }
    return n;
}

#endif
