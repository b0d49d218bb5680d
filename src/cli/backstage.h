/* What happens behind the scenes of `smtpscope serve`, printed a line each: messages stored, rules
 * that fired, and what a client was refused or did wrong. */
#ifndef CLI_BACKSTAGE_H
#define CLI_BACKSTAGE_H

#include "cli/cli.h"

struct backstage;
/* Print to this descriptor from now on. Whoever does not read it holds nothing up: lines that find
 * no room are counted and left out. */
struct backstage *backstage_open(struct app *a, int fd);
void backstage_close(struct backstage **b);

#endif
