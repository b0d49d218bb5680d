/* The ladder: one connection as a sequence diagram. Made from the lines of the transcript, so it
 * knows no protocol; a row of it is safe text, for the screen and for a file alike. */
#ifndef UI_LADDER_H
#define UI_LADDER_H

#include "base/vis.h"
#include "decode/transcript.h"
#include "journal/journal.h"

enum rung_kind { RUNG_ASK, RUNG_ANSWER, RUNG_BOTH, RUNG_TEXT };
struct rung {
    size_t first, last; /* lines of the transcript */
    uint64_t tick_ns;   /* of its last line */
    uint8_t kind;
    bool tls, bad, good, content;
    uint32_t n_parts;  /* lines that went out in one write; lines of a reply or a message */
    uint64_t n_octets; /* of content */
};
struct ladder {
    uint32_t conn;
    struct rung *rungs;
    size_t n_rungs, alloc;
    size_t slowest; /* SIZE_MAX: none */
    uint64_t first_tick_ns;
    size_t seen; /* lines of the transcript looked at */
};

void ladder_init(struct ladder *l, uint32_t conn);
void ladder_deinit(struct ladder *l);
/* Lines from first_changed on are new or changed. */
void ladder_update(struct ladder *l, const struct transcript *t, size_t first_changed);
/* Time since the rung before. */
uint64_t ladder_wait_ns(const struct ladder *l, size_t index);

struct ladder_form {
    int cols;
    bool times; /* the columns of time are there */
    unsigned vis_flags;
};
/* Where the two lines of life stand. */
void ladder_lanes(const struct ladder_form *form, int *left_out, int *right_out);
/* One rung as a row. Own characters above ASCII are as they are: the caller makes them ASCII. */
void ladder_row(const struct ladder *l, const struct transcript *t, size_t index,
                const struct ladder_form *form, struct buf *out);
/* The names on top, and a row in which nothing happens. */
void ladder_heads(const struct ladder_form *form, const char *client, const char *server,
                  struct buf *out);
void ladder_gap(const struct ladder_form *form, bool tls, struct buf *out);

#endif
