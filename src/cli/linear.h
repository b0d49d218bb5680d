#ifndef CLI_LINEAR_H
#define CLI_LINEAR_H

#include "cli/cli.h"

/* The console line by line on standard input and output, until /quit or the end of input. */
void cli_linear(struct app *a);

/* linear_print.c: the transcript as sentences. */
struct linear_print;
struct linear_print *linear_print_new(struct app *a, bool *at_prompt);
/* There is no prompt any more: what is still to come is said all the same. */
void linear_print_forget_prompt(struct linear_print *p);
void linear_print_line(void *ctx, size_t index); /* as app_print_with wants it */
void linear_print_done(void *ctx);
/* All lines of an exchange. False: there is none with this number, which is said. */
bool linear_print_show(struct linear_print *p, uint64_t number);

#endif
