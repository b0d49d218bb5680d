#ifndef CLI_LINEAR_H
#define CLI_LINEAR_H

#include "cli/cli.h"

/* The console line by line on standard input and output, until /quit or the end of input. */
void cli_linear(struct app *a);

#endif
