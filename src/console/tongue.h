/* What the line editor knows of POP3 and IMAP: hints and completion from their verb tables. SMTP,
 * whose commands have a grammar of their own, is in hint.c and complete.c. */
#ifndef CONSOLE_TONGUE_H
#define CONSOLE_TONGUE_H

#include "console/console_private.h"

/* A row of either protocol's table of commands. */
struct tongue_verb {
    const char *name, *grammar, *help, *rfc;
    bool now; /* in order in this state, and offered where it is an extension */
};
/* False: there is no such row. Rows that nobody types are skipped with name NULL. */
bool tongue_verb_at(const struct track *t, size_t index, struct tongue_verb *out);

void tongue_hint(const struct track *t, struct slice line, struct console_hint *out);
/* The command's name at the start of a line; `add` is called for each that fits. */
void tongue_complete(const struct track *t, struct slice word,
                     void (*add)(void *ctx, const char *text, const char *help), void *ctx);
/* "/help FETCH": false where neither protocol has such a command. */
bool tongue_help(struct slice topic, struct buf *out);

#endif
