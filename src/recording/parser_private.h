/* One line of a recording, read into an event. */
#ifndef RECORDING_PARSER_PRIVATE_H
#define RECORDING_PARSER_PRIVATE_H

#include "base/arena.h"
#include "recording/recording_private.h"

enum line_result { LINE_EVENT, LINE_UNKNOWN_KIND, LINE_BAD };

struct parsed_line {
    struct event header; /* as in the file: not renumbered */
    union event_payload payload;
    struct slice octets; /* OCTETS; ptr NULL: not kept */
};

/* Slices of *out live in `arena` or point into `line`. */
enum line_result recording_parse_line(struct slice line, struct arena *arena,
                                      struct parsed_line *out);
/* The short way (scan.c). False: the line is not of the form this program writes; *out is then
 * undefined, and only the long way can tell what the line is. */
bool recording_scan_line(struct slice line, struct arena *arena, struct parsed_line *out);
/* The long way alone, by a general reader of JSON: for tests that hold the two together. */
enum line_result recording_parse_json(struct slice line, struct arena *arena,
                                      struct parsed_line *out);

#endif
