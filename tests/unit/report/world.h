/* Sessions to report on: the console on the practice server, in memory. */
#ifndef TESTS_UNIT_REPORT_WORLD_H
#define TESTS_UNIT_REPORT_WORLD_H

#include "../../lib/console_world.h"
#include "recording/recording.h"

enum { WORLD_TEXT_OCTETS = 1 << 24 };

/* The journal as a recording has it. The caller frees. */
static inline char *world_recording(const struct journal *j)
{
    struct buf out;
    buf_init(&out, WORLD_TEXT_OCTETS);
    for (uint64_t seq = journal_first(j); seq != 0 && seq <= journal_last(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        if (ev)
            assert_true(recording_format_event(&out, j, ev, 0, false));
    }
    char *text = mem_slice_dup(buf_slice(&out));
    buf_deinit(&out);
    return text;
}

/* A session said by one script, as a recording. */
static inline char *world_record(const char *script)
{
    struct world w;
    world_init(&w);
    world_run(&w, script);
    char *text = world_recording(w.journal);
    world_deinit(&w);
    return text;
}

static inline struct journal *world_read(const char *recording)
{
    struct recording_report report;
    struct journal *j = journal_new(clock_system());
    struct recording_parser *p = recording_parser_new(j);
    recording_parser_feed(p, slice_cstr(recording));
    recording_parser_end(&p, &report);
    assert_int_equal(report.lines_bad, 0);
    assert_true(report.events > 0);
    return j;
}

/* Every `from` becomes `to`. The caller frees. */
static inline char *world_replace(const char *text, const char *from, const char *to)
{
    struct buf out;
    const char *hit;
    bool found = false;
    buf_init(&out, WORLD_TEXT_OCTETS);
    while ((hit = strstr(text, from))) {
        buf_append(&out, slice_of(text, (size_t)(hit - text)));
        buf_append_cstr(&out, to);
        text = hit + strlen(from);
        found = true;
    }
    assert_true(found);
    buf_append_cstr(&out, text);
    char *done = mem_slice_dup(buf_slice(&out));
    buf_deinit(&out);
    return done;
}

#endif
