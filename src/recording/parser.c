/* Recordings read back, in any split.
 *
 * A file may hold several recordings one behind the other (append_existing_ok): each begins with a
 * RECORDING whose number does not go on where the former ended. From there seq, cause, connection
 * and time are moved behind what came before, so that one journal holds them all. A RECORDING with
 * a growing seq is taken as it is: what was read once and is written again reads the same.
 */
#include "recording/parser_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vis.h"

/* Numbers missing between events, all together (lines skipped, kinds unknown): readers walk over
 * them, so a hostile file must not have many. */
#define HOLES_MAX   ((uint64_t)1 << 22)
#define TICK_MAX_NS UINT64_C(1000000000000000000)
#define READ_OCTETS 65536

struct recording_parser {
    struct journal *journal;
    struct arena arena;
    struct buf partial; /* a line that has no end yet */
    bool too_long;      /* the line under way is over the limit: octets are counted and dropped */
    uint64_t dropped_octets;
    uint64_t line_number;
    /* Added to what the file says, and the highest so far. */
    uint64_t seq_base, seq_last;
    uint64_t tick_base, tick_last;
    uint32_t conn_base, conn_last;
    uint64_t holes;
    bool sparse; /* lines are left out on purpose: holes are no danger */
    struct recording_report report;
};

struct recording_parser *recording_parser_new(struct journal *j)
{
    struct recording_parser *p = mem_zalloc(sizeof(*p));
    p->journal = j;
    arena_init(&p->arena);
    buf_init(&p->partial, RECORDING_LINE_OCTETS);
    p->seq_last = journal_end(j);
    return p;
}

static void begin_part(struct recording_parser *p, const struct event *first)
{
    p->seq_base = p->seq_last + 1 - first->seq;
    p->tick_base = p->tick_last;
    p->conn_base = p->conn_last;
}

/* False: this event has no place behind the others. */
static bool renumber(struct recording_parser *p, struct event *ev)
{
    /* Somebody may have appended between two feeds. */
    if (journal_end(p->journal) > p->seq_last)
        p->seq_last = journal_end(p->journal);
    if (ev->kind == EVENT_RECORDING && ev->seq + p->seq_base <= p->seq_last)
        begin_part(p, ev);
    ev->seq += p->seq_base;
    ev->tick_ns += p->tick_base;
    uint64_t conn = ev->conn == 0 ? 0 : (uint64_t)ev->conn + p->conn_base;
    if (ev->seq <= p->seq_last || ev->seq > RECORDING_SEQ_MAX || ev->tick_ns > TICK_MAX_NS ||
        conn > RECORDING_CONN_MAX)
        return false;
    uint64_t hole = p->seq_last > 0 ? ev->seq - p->seq_last - 1 : 0;
    if (!p->sparse) {
        if (hole > HOLES_MAX - p->holes)
            return false;
        p->holes += hole;
    }
    ev->conn = (uint32_t)conn;
    /* A cause lies before its effect; anything else could send a reader in circles. */
    if (ev->cause_seq != 0)
        ev->cause_seq += p->seq_base;
    if (ev->cause_seq >= ev->seq)
        ev->cause_seq = 0;
    return true;
}

/* False: it is no event. */
static bool take_line(struct recording_parser *p, struct slice line)
{
    struct parsed_line parsed;
    arena_reset(&p->arena);
    switch (recording_parse_line(line, &p->arena, &parsed)) {
    case LINE_UNKNOWN_KIND:
        p->report.kinds_unknown++;
        return true;
    case LINE_EVENT:
        if (renumber(p, &parsed.header))
            break;
        return false;
    case LINE_BAD:
        return false;
    }
    const struct event *ev = &parsed.header;
    journal_restore(p->journal, ev, &parsed.payload, parsed.octets);
    p->seq_last = ev->seq;
    p->tick_last = ev->tick_ns > p->tick_last ? ev->tick_ns : p->tick_last;
    p->conn_last = ev->conn > p->conn_last ? ev->conn : p->conn_last;
    p->report.events++;
    if (ev->kind == EVENT_RECORDING && parsed.payload.recording.schema > JOURNAL_SCHEMA)
        p->report.newer_schema = true;
    return true;
}

static void line_bad(struct recording_parser *p)
{
    p->report.lines_bad++;
    if (p->report.first_bad_line == 0)
        p->report.first_bad_line = p->line_number;
}

/* The octets before a line feed (what is in `partial` stands before them). */
static void end_line(struct recording_parser *p, struct slice in)
{
    p->line_number++;
    bool fits = !p->too_long && in.len <= RECORDING_LINE_OCTETS;
    if (fits && p->partial.len > 0) {
        fits = buf_append(&p->partial, in);
        in = buf_slice(&p->partial);
    }
    if (!fits || (slice_trim(in).len > 0 && !take_line(p, in)))
        line_bad(p);
    p->too_long = false;
    p->dropped_octets = 0;
    buf_reset(&p->partial);
}

static void keep_part(struct recording_parser *p, struct slice in)
{
    if (!p->too_long && buf_append(&p->partial, in))
        return;
    p->too_long = true;
    p->dropped_octets += p->partial.len + in.len;
    buf_release(&p->partial);
}

void recording_parser_feed(struct recording_parser *p, struct slice in)
{
    while (in.len > 0) {
        const uint8_t *lf = memchr(in.ptr, '\n', in.len);
        if (!lf) {
            keep_part(p, in);
            return;
        }
        size_t line_octets = (size_t)(lf - in.ptr);
        end_line(p, slice_take(in, line_octets));
        in = slice_skip(in, line_octets + 1);
    }
}

void recording_parser_skip_to(struct recording_parser *p, uint64_t line_number)
{
    p->sparse = true;
    p->line_number = line_number - 1;
}

void recording_parser_end(struct recording_parser **p_inout, struct recording_report *report_out)
{
    struct recording_parser *p = *p_inout;
    *p_inout = NULL;
    if (p->too_long)
        p->report.octets_lost = p->dropped_octets;
    else if (p->partial.len > 0 && !take_line(p, buf_slice(&p->partial)))
        p->report.octets_lost = p->partial.len;
    if (report_out)
        *report_out = p->report;
    buf_deinit(&p->partial);
    arena_deinit(&p->arena);
    mem_free(p);
}

static bool read_all(int fd, struct recording_parser *p)
{
    uint8_t *octets = mem_alloc(READ_OCTETS);
    ssize_t n;
    do {
        n = read(fd, octets, READ_OCTETS);
        if (n > 0)
            recording_parser_feed(p, slice_of(octets, (size_t)n));
    } while (n > 0 || (n < 0 && errno == EINTR));
    mem_free(octets);
    return n == 0;
}

bool recording_read(const char *path, struct journal *j, struct recording_report *report,
                    struct err *err)
{
    struct recording_report local = {0};
    char safe[160];
    vis_to_cstr(safe, sizeof(safe), slice_cstr(path));
    report = report ? report : &local;
    memset(report, 0, sizeof(*report));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_set(err, ERR_FILE, errno, "recording %s: %s", safe, strerror(errno));
        err_explain(err, "The recording cannot be opened.", "Check the name and the permissions.");
        return false;
    }
    struct recording_parser *p = recording_parser_new(j);
    bool read_ok = read_all(fd, p);
    int read_errno = errno;
    close(fd);
    recording_parser_end(&p, report);
    if (!read_ok) {
        err_set(err, ERR_FILE, read_errno, "recording %s: %s", safe, strerror(read_errno));
        err_explain(err, "The file could not be read to its end.", "Check the name and the disk.");
        return false;
    }
    if (report->events == 0) {
        err_set(err, ERR_FORMAT, 0, "%s holds no event", safe);
        err_explain(err, "It is empty or no recording of this program.",
                    "Recordings are files of JSON lines that begin with a \"recording\" event.");
        return false;
    }
    return true;
}

void recording_report_notes(struct journal *j, const char *path, const struct recording_report *r)
{
    char text[240];
    if (r->lines_bad) {
        snprintf(text, sizeof text, "%.120s: %llu lines are no events, the first is line %llu",
                 path, (unsigned long long)r->lines_bad, (unsigned long long)r->first_bad_line);
        journal_note(j, 0, LEVEL_WARNING, text, "they were skipped; the rest is whole", "");
    }
    if (r->octets_lost) {
        snprintf(text, sizeof text, "%.120s: the last line is cut off, %llu octets", path,
                 (unsigned long long)r->octets_lost);
        journal_note(
            j, 0, LEVEL_WARNING, text,
            "the program that recorded ended in the middle of an event; all before it is here", "");
    }
    if (r->newer_schema || r->kinds_unknown) {
        snprintf(text, sizeof text,
                 "%.120s: written by a newer smtpscope; %llu events of unknown kinds", path,
                 (unsigned long long)r->kinds_unknown);
        journal_note(j, 0, LEVEL_WARNING, text, "they were skipped",
                     "use that version to see them");
    }
}
