/* Knowledge tables of IMAP, compiled in from src/imap (tsv files): what words mean. */
#ifndef IMAP_TABLES_H
#define IMAP_TABLES_H

#include "base/slice.h"

struct imap_capability {
    const char *name; /* "AUTH=" and such stand for all that begin like that */
    const char *rfc;
    const char *meaning;
};
const struct imap_capability *imap_capability_at(size_t index); /* NULL at the end */
/* Case ignored; NULL: unknown. */
const struct imap_capability *imap_capability_by_name(struct slice name);

/* Response codes: what stands in brackets behind OK, NO, BAD, BYE, PREAUTH. */
struct imap_code_info {
    const char *name;
    const char *args; /* "number", "list", "text", "" */
    const char *with; /* statuses it comes with, space separated */
    const char *rfc;
    const char *meaning;
};
const struct imap_code_info *imap_code_at(size_t index); /* NULL at the end */
const struct imap_code_info *imap_code_by_name(struct slice name);

/* Untagged data: EXISTS, FETCH, LIST ... */
struct imap_data_info {
    const char *name;
    const char *number; /* "before": a number stands in front; "" */
    const char *states; /* "any", "authenticated", "selected": the least it has a meaning in */
    const char *rfc;
    const char *meaning;
};
const struct imap_data_info *imap_data_at(size_t index); /* NULL at the end */
const struct imap_data_info *imap_data_by_name(struct slice name);

/* What OK, NO, BAD, BYE, PREAUTH and + mean, in a sentence; NULL: none of them. */
const char *imap_status_meaning(struct slice status);

#endif
