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

/* Slices of *out live in `arena`. */
enum line_result recording_parse_line(struct slice line, struct arena *arena,
                                      struct parsed_line *out);

#endif
