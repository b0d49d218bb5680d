/* Knowledge tables of POP3, compiled in from src/pop3 (tsv files): what words mean. */
#ifndef POP3_TABLES_H
#define POP3_TABLES_H

#include "base/slice.h"

struct pop3_capability {
    const char *name;
    const char *args; /* what may stand behind it */
    const char *rfc;
    const char *meaning;
};
const struct pop3_capability *pop3_capability_at(size_t index); /* NULL at the end */
/* Case ignored; NULL: unknown. */
const struct pop3_capability *pop3_capability_by_name(struct slice name);

/* Response codes: what stands in brackets behind -ERR. */
struct pop3_code_info {
    const char *name;
    const char *rfc;
    const char *meaning;
    const char *next; /* what to do about it */
};
const struct pop3_code_info *pop3_code_at(size_t index); /* NULL at the end */
const struct pop3_code_info *pop3_code_by_name(struct slice name);

#endif
