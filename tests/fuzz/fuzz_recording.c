/* Any octets fed to the recording reader: it must not crash, and what it took must be written and
 * read again to the same. The first octet chooses how the input is split. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "decode/transcript.h"
#include "decode/view.h"
#include "recording/parser_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void format_all(const struct journal *j, struct buf *out)
{
    uint64_t last = journal_last(j);
    buf_reset(out);
    for (uint64_t seq = journal_first(j); seq != 0 && seq <= last; seq++) {
        const struct event *ev = journal_at(j, seq);
        if (ev && !recording_format_event(out, j, ev, 0, true))
            abort();
    }
}

static struct journal *read_all(struct slice text, size_t step, const struct clock *clock,
                                struct recording_report *report)
{
    struct journal *j = journal_new(clock);
    struct recording_parser *p = recording_parser_new(j);
    while (text.len > 0) {
        recording_parser_feed(p, slice_take(text, step));
        text = slice_skip(text, step);
    }
    recording_parser_end(&p, report);
    return j;
}

/* A recording of another's making is shown like our own. */
static void fold_all(const struct journal *j)
{
    struct transcript *t = transcript_new(j, 0, true);
    struct view v;
    struct buf line;
    const char *names[8];
    buf_init(&line, 1 << 20);
    transcript_update(t, NULL);
    for (size_t i = 0; i < transcript_count(t); i++) {
        buf_reset(&line);
        transcript_print(t, i, &line);
        for (size_t at = 0; at + 1 < line.len; at++) {
            if (line.ptr[at] < 0x20 || line.ptr[at] > 0x7e)
                abort();
        }
        transcript_find_seq(t, transcript_at(t, i)->seq);
        transcript_octets(t, i, &line);
    }
    view_init(&v, 0);
    view_at(&v, j, 1, journal_last(j));
    view_next_commands(&v, names, 8);
    view_at(&v, j, 0, journal_last(j));
    view_deinit(&v);
    buf_deinit(&line);
    transcript_free(&t);
}

/* The short way to read a line and the long one never disagree. */
static void compare_ways(struct slice text)
{
    struct arena arena;
    struct buf a, b;
    arena_init(&arena);
    buf_init(&a, 64 << 20);
    buf_init(&b, 64 << 20);
    while (text.len > 0) {
        struct parsed_line scanned, parsed;
        ptrdiff_t lf = slice_find_octet(text, '\n');
        struct slice line = slice_take(text, lf < 0 ? text.len : (size_t)lf);
        text = slice_skip(text, line.len + 1);
        arena_reset(&arena);
        if (!recording_scan_line(line, &arena, &scanned))
            continue;
        if (recording_parse_json(line, &arena, &parsed) != LINE_EVENT)
            abort();
        buf_reset(&a);
        buf_reset(&b);
        recording_format_payload(&a, &scanned.header, &scanned.payload, scanned.octets, 0, true);
        recording_format_payload(&b, &parsed.header, &parsed.payload, parsed.octets, 0, true);
        if (a.len != b.len || (a.len > 0 && memcmp(a.ptr, b.ptr, a.len) != 0))
            abort();
    }
    buf_deinit(&a);
    buf_deinit(&b);
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct clock_manual clock;
    struct recording_report report, again;
    struct buf first, second;
    if (size == 0)
        return 0;
    clock_manual_init(&clock, 1, 1);
    buf_init(&first, 64 << 20);
    buf_init(&second, 64 << 20);
    struct journal *a =
        read_all(slice_of(data + 1, size - 1), 1 + data[0] % 61, &clock.clock, &report);
    format_all(a, &first);
    struct journal *b = read_all(buf_slice(&first), SIZE_MAX, &clock.clock, &again);
    format_all(b, &second);
    if (again.lines_bad || again.kinds_unknown || again.octets_lost ||
        again.events != report.events || first.len != second.len ||
        (first.len > 0 && memcmp(first.ptr, second.ptr, first.len) != 0))
        abort();
    fold_all(b);
    compare_ways(slice_of(data + 1, size - 1));
    compare_ways(buf_slice(&first));
    journal_free(&a);
    journal_free(&b);
    buf_deinit(&first);
    buf_deinit(&second);
    return 0;
}
