/* The control socket of `smtpscope serve`. */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include "cli/cli.h"

struct control;
/* Listen on a unix socket made at `path` with mode 0600. NULL and *err where that cannot be. The
 * mock is borrowed and must outlive it. */
struct control *control_open(struct loop *l, struct mock *m, const char *path, struct err *err);
/* The socket's file goes, too. */
void control_close(struct control **c);

#endif
