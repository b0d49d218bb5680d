/* The smallest parts of a recording's lines, as this program writes them: for those that look at a
 * line without reading all of it. */
#ifndef RECORDING_SCAN_H
#define RECORDING_SCAN_H

#include "base/arena.h"
#include "journal/journal.h"

struct scan {
    const uint8_t *at, *end;
    struct arena *arena; /* for those that keep something; here: NULL will do */
};

/* Each moves s->at behind what it took; false: it stands not there. */
bool scan_word(struct scan *s, const char *word, size_t len);
/* digits, without needless zeros, at most 18: JSON's whole numbers. */
bool scan_number(struct scan *s, uint64_t *out);
/* seconds "." 1*9digits, below a million seconds: a double and nine digits say the same nanosecond
 * there. */
bool scan_time(struct scan *s, uint64_t *tick_ns_out);
/* EVENT__COUNT: unknown. Those that make up nearly all of a file are tried first. */
enum event_kind scan_kind(struct slice name);

#endif
