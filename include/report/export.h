/* Recordings handed on in the forms of others. What a peer said is in safe form (base/vis) in every
 * text format, secrets are masked; only `eml` and `pcapng` hold the octets themselves.
 */
#ifndef REPORT_EXPORT_H
#define REPORT_EXPORT_H

#include <stdio.h>

#include "base/err.h"
#include "journal/journal.h"

struct export_options {
    const char *name; /* of the recording, for titles; from a person */
    const char *tool; /* "smtpscope 0.1.0" */
    unsigned message; /* eml: which one, from 1; 0: the only one, an error where there are more */
    size_t window_lines; /* text, swaks, markdown, cast: so many of the newest lines are kept while
                            those before are written, at least 8,192; 0: 262,144 */
    struct slice keys;   /* pcapng: a TLS key log to stand before the packets; empty: none */
    bool again; /* script: only what was sent, to be said again and compared; it stops where
                   a message would go to a server that did not ask for it */
    bool standard_ports; /* pcapng: the server's port is what others know it by: 25, 587 where
                            somebody logs in, 465 inside TLS; 110, 995; 143, 993 */
};

struct export_format {
    const char *name;
    const char *extension; /* usual ending of a file's name, without its dot */
    const char *help;      /* one line */
    bool (*write)(const struct journal *j, const struct export_options *options, FILE *to,
                  struct err *err);
};
const struct export_format *export_format_at(size_t index); /* NULL at the end */
const struct export_format *export_format_by_name(const char *name);

/* Write the whole journal in that format. False: it holds nothing of that kind, or `to` cannot be
 * written (ERR_FILE). */
bool export_write(const struct journal *j, const struct export_format *format,
                  const struct export_options *options, FILE *to, struct err *err);
/* How many messages an eml export has to give. */
unsigned export_message_count(const struct journal *j);

#endif
