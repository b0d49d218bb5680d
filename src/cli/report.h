/* The result of run and send as one JSON object, and where the transcript goes beside it. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "cli/cli.h"

/* One line: stage, code, enhanced, class, per-recipient results, timings, TLS, recording, status.
 */
void cli_report_print(FILE *to, struct app *a, enum cli_status status);
/* Where the transcript is printed: standard error where the recording takes standard output. */
FILE *cli_print_stream(const struct settings *s);
int cli_run_stdin(const struct cli_args *args, const char *path, const char *target);

#endif
