/* Recordings: a journal in a file. JSON Lines, one event a line, mode 0600, secrets replaced unless
 * asked; doc/recording.md, doc/events.md.
 *
 *     {"seq":7,"conn":1,"kind":"reply","t":0.031250000,"at":"2026-11-23T18:02:11.000123Z","cause":6,
 *      "code":250,...}
 *
 * t: seconds on the monotonic clock since the recording's first event. Octets are in "text" where
 * they are valid UTF-8 (JSON escapes, so \r\n is seen), else in "base64"; neither where they were
 * not kept. Hidden parts of octets are written as asterisks of the same length, and
 * "hidden":[[start,length],...] says where. A text field that is no UTF-8 is written as
 * {"base64":"..."}. Fields that are 0 or empty are left out (words of an enum never are). A number
 * above 63 bits is written as a string of digits. A line longer than limit "recording-line" (4 MiB)
 * is written as a GAP of that name, and skipped on reading.
 */
#ifndef RECORDING_RECORDING_H
#define RECORDING_RECORDING_H

#include "base/err.h"
#include "journal/journal.h"

/* One event as one line with its line feed, in the form above. origin_tick_ns: where t is 0. */
bool recording_format_event(struct buf *out, const struct journal *j, const struct event *ev,
                            uint64_t origin_tick_ns, bool keep_secrets);

/* Writing: a sink on the journal. */
struct recorder;
struct recorder_options {
    const char *path;         /* "-": standard output */
    const char *tool;         /* "smtpscope 0.1.0" */
    const char *command_line; /* without secrets */
    const char *target;
    const char *host; /* may be NULL, as tls: what is known of the machine and its TLS */
    const char *tls;
    bool keep_secrets;
    bool append_existing_ok; /* false: an existing file is an error (nothing is overwritten) */
    struct slice redact_key; /* message bodies and addresses are replaced; empty: they are not */
    /* A file that reaches max_octets is closed at the end of an event. files 0 or 1: the recording
     * ends there. Else FILE becomes FILE.1, FILE.1 FILE.2 and so on, at most `files` in all, the
     * oldest goes, and a new FILE begins. max_octets 0: no limit. */
    uint64_t max_octets;
    unsigned files;
};
/* Events already in the journal are written first, so that nothing is lost when recording starts
 * late. RECORDING is the first event of the file: appended to the journal where that is empty, else
 * written to the file alone, with seq 0 and the first event's time. The file is created 0600. The
 * buffer is written by recorder_flush, which the owner calls at each turn's end before the screen
 * is drawn, and when it holds RECORDER_BUFFER_OCTETS. */
enum { RECORDER_BUFFER_OCTETS = 256 * 1024 };
struct recorder *recorder_open(struct journal *j, const struct recorder_options *options,
                               struct err *err);
/* False: the file cannot be written any more (disk full...). *err is set once; the session goes on.
 */
bool recorder_flush(struct recorder *r, struct err *err);
/* From a fatal hook: write what is in the buffer, allocate nothing. */
void recorder_flush_emergency(struct recorder *r);
bool recorder_close(struct recorder **r, struct err *err);
/* From here on with or without redaction of bodies and addresses; an empty key: without. */
void recorder_set_redact(struct recorder *r, struct slice key);
const char *recorder_path(const struct recorder *r);
uint64_t recorder_octets(const struct recorder *r);

/* Reading. */
struct recording_report {
    uint64_t events;
    uint64_t lines_bad;     /* whole lines that are no event (skipped) */
    uint64_t kinds_unknown; /* events of kinds this version does not know (skipped) */
    uint64_t octets_lost;   /* at the end: a last line cut off */
    bool newer_schema;
    uint64_t first_bad_line; /* 0: none */
};
/* Read a whole file into the journal (journal_restore). False: it cannot be opened, or holds no
 * event. Where a RECORDING begins with a seq that does not grow (several recordings in one file, a
 * late start), seq, cause, conn and time from there on are moved behind what came before. */
bool recording_read(const char *path, struct journal *j, struct recording_report *report,
                    struct err *err);
/* One NOTE for each thing that was odd about the file; none where all is well. */
void recording_report_notes(struct journal *j, const char *path, const struct recording_report *r);
/* The same, in pieces from memory: for the fuzzer and standard input. */
struct recording_parser;
struct recording_parser *recording_parser_new(struct journal *j);
void recording_parser_feed(struct recording_parser *p, struct slice in);
/* The next line fed is this one of the file; lines between are left out on purpose. */
void recording_parser_skip_to(struct recording_parser *p, uint64_t line_number);
void recording_parser_end(struct recording_parser **p, struct recording_report *report_out);

#endif
