#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "cli/cli.h"

/* Passwords are asked for on /dev/tty, where there is one: for send and run. */
void cli_ask_at_terminal(struct app *a);

#endif
