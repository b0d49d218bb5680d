/* Client commands of POP3 (RFC 1939 section 9): one line, any octets, taken apart without judging.
 *
 *     command = keyword *( SP argument ) CRLF
 *
 * PASS has one argument that may hold spaces. */
#ifndef POP3_COMMAND_H
#define POP3_COMMAND_H

#include "base/secret_scan.h"
#include "pop3/deviation.h"
#include "pop3/limits.h"
#include "pop3/verb.h"

enum { POP3_ARGS_MAX = 3 }; /* one more than any command has */

struct pop3_command {
    enum pop3_verb verb;
    struct slice line;      /* without its line end */
    struct slice verb_text; /* as typed */
    struct slice args;      /* behind the verb and one blank */
    struct slice arg[POP3_ARGS_MAX];
    size_t n_args;    /* of .arg; more are only in .args */
    uint32_t message; /* LIST, RETR, DELE, TOP, UIDL: the number; 0: none, or none that reads */
    uint32_t lines;   /* TOP */
    pop3_rules rules;
};

/* Take one line apart (line without CR LF). Slices point into `line`. Never fails. */
void pop3_command_parse(struct slice line, struct pop3_command *out);
/* Is its answer, where it begins with +OK, followed by lines up to a lone dot? */
bool pop3_command_is_multi(const struct pop3_command *c);

#endif
