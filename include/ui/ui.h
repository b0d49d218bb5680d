/* The screen: three panes on ncurses, readline in the command pane. The only place with ncurses and
 * readline; it reads the journal and submits console lines, and sees no socket and no protocol
 * engine.
 */
#ifndef UI_UI_H
#define UI_UI_H

#include "console/console.h"

struct ui;
struct ui_options {
    const char *history_path; /* NULL: none is kept */
    const char *screen_path;  /* where sizes of panes are kept; NULL: nowhere */
    const char *draft_path;   /* where /compose keeps a message; NULL: nowhere */
    const char *editor;       /* VISUAL or EDITOR; NULL: vi */
    const char *term;         /* TERM, read by the caller */
    bool no_color;            /* NO_COLOR or --color never */
    bool replay;              /* show: a recording, no command goes out */
    bool test_sync;           /* answer the private sync key with an OSC after each frame (tests) */
    const char *title;        /* what is shown where no session is: a recording's name */
};
/* Take the terminal. NULL and *err: no terminal, TERM unknown or dumb (the caller goes linear). */
struct ui *ui_open(struct loop *l, struct console *c, const struct ui_options *options,
                   struct err *err);
/* Gives the terminal back as it was; also done by a fatal hook and on signals. */
void ui_close(struct ui **u);

/* The key table, for doc/keys.md and the man page. */
struct ui_key_info {
    const char *key;     /* "F1", "Alt-h" */
    const char *where;   /* "anywhere", "command", "transcript", "decoded" */
    const char *command; /* what it runs, as it can be typed */
    const char *help;
};
const struct ui_key_info *ui_key_at(size_t index); /* NULL at the end */

#endif
