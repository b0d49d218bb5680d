/* Search over recordings, one file after another, in memory that does not grow with the file. */
#ifndef REPORT_FIND_H
#define REPORT_FIND_H

#include <stdio.h>

#include "recording/recording.h"
#include "report/filter.h"

struct find_options {
    bool json;      /* one object a hit */
    bool backstage; /* also what happened inside the practice server */
    /* For tests: read every line; windows of that size, 0: the usual. */
    bool no_skim;
    size_t window_octets;
};

/* Print what matches in one recording ("-": standard input), one line a hit:
 *
 *     FILE:LINE: 0.031 <S  550 5.1.1 no such user
 *
 * LINE is the line of the file the event stands on. What the file says is printed in safe form, in
 * ASCII. False: it cannot be read, or holds no event. *hits_out counts; *report_out tells what was
 * skipped. */
bool find_in_file(const struct filter *f, const struct find_options *options, const char *path,
                  FILE *to, uint64_t *hits_out, struct recording_report *report_out,
                  struct err *err);
/* The same for a journal in memory; name stands for the file and seq for the line. */
uint64_t find_in_journal(const struct filter *f, const struct find_options *options,
                         const struct journal *j, const char *name, FILE *to);

#endif
