/* What the writer and the reader of recordings must agree on. */
#ifndef RECORDING_RECORDING_PRIVATE_H
#define RECORDING_RECORDING_PRIVATE_H

#include "recording/recording.h"

enum {
    /* Limit "recording-line": no line is longer, with its line feed. A writer puts a GAP in the
     * place of an event that would be, a reader skips the line. */
    RECORDING_LINE_OCTETS = 4 * 1024 * 1024,
    /* Secret parts of one OCTETS event; two octets apart in 64 KiB there are never more. */
    RECORDING_HIDDEN_MAX = 32768,
    /* Limit "recording-conn": the highest connection number a reader takes. */
    RECORDING_CONN_MAX = 4000000
};
/* The highest seq a reader takes: a JSON number in every reader's whole numbers. */
#define RECORDING_SEQ_MAX ((uint64_t)1 << 62)

/* The form of an event whose payload is at hand; octets: of an OCTETS event, ptr NULL: not kept. */
bool recording_format_payload(struct buf *out, const struct event *ev,
                              const union event_payload *payload, struct slice octets,
                              uint64_t origin_tick_ns, bool keep_secrets);

#endif
