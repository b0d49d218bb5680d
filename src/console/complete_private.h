/* What the files behind console_complete share. */
#ifndef CONSOLE_COMPLETE_PRIVATE_H
#define CONSOLE_COMPLETE_PRIVATE_H

#include "console/console_private.h"

/* One candidate, unless it is there already. `help` is borrowed for good; NULL: none. */
void complete_add(struct console_completion *out, const char *text, const char *help,
                  bool no_space);
/* Names of mailboxes as they are written on the wire: INBOX and those the server has listed. */
void complete_mailboxes(struct console *c, struct slice word, struct console_completion *out);
/* Words that may stand in the arguments of an IMAP command ("SEARCH"). */
void complete_imap_words(const char *verb_name, struct slice word, struct console_completion *out);
/* Arguments of an IMAP command that `before` begins with. */
void complete_imap(struct console *c, struct slice before, struct slice word,
                   struct console_completion *out);

#endif
