/* Transcripts of others read as recordings: what swaks prints, and lines with C: and S: in front
 * (books, mails, our own `text` export).
 *
 * The dialogue is fed to the tracker of its protocol as if it had passed just now, so an import
 * knows what a recording knows, secrets are hidden, and broken rules are named. What a transcript
 * does not say is not invented, but for time: each line takes a millisecond.
 */
#ifndef REPORT_IMPORT_H
#define REPORT_IMPORT_H

#include <stdio.h>

#include "base/err.h"
#include "journal/journal.h"

enum { IMPORT_MAX_OCTETS = 64 << 20 }; /* limit "import" */

/* Does the text look like one? Looked at: its first lines. */
bool import_recognises(struct slice text);
/* The lines of the recording, one call each, with its line feed. False: it is none, *err. */
typedef void (*import_line_fn)(void *ctx, struct slice line);
bool import_text(struct slice text, const char *name, const char *tool, import_line_fn fn,
                 void *ctx, struct err *err);
/* A file's transcript into a journal (as recording_read does for a recording). */
bool import_read(const char *path, const char *tool, struct journal *j, struct err *err);
/* The same, as a recording. */
bool import_write(const char *path, const char *tool, FILE *to, struct err *err);
/* A file that looks like one. */
bool import_is_transcript(const char *path);
/* A recording, or where it is none a transcript. */
struct recording_report;
bool import_or_read(const char *path, const char *tool, struct journal *j,
                    struct recording_report *report, struct err *err);

#endif
