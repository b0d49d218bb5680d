/* A search on its way through a file. */
#ifndef REPORT_FIND_PRIVATE_H
#define REPORT_FIND_PRIVATE_H

#include "report/find.h"
#include "report/skim_private.h"

struct finder {
    const struct filter *filter;
    const struct find_options *options;
    const char *name; /* in safe form */
    FILE *to;
    struct filter_lens *lens;
    const struct event *event; /* at hand */
    const struct journal *journal;
    bool shadows, names_dt;
    uint64_t line; /* of the file; 0: seq instead */
    uint64_t hits;
    uint64_t printed; /* of them, by a way through the file that was given up */
    bool skimming, gave_up;
    struct buf hit;
};

/* Feed the parser the lines of those connections that can hold a hit. False: errno, or f->gave_up:
 * skimming is of no use for this file. */
bool skim_file(struct finder *f, int fd, const struct skim_plan *plan, struct recording_parser *p);

#endif
