/* What a status line of POP3 or IMAP means: its response code ([IN-USE], [AUTHENTICATIONFAILED]),
 * well-known words of servers, and the status itself; who must act and what to do next. The result
 * is an explanation like that of an SMTP reply, so that panes and pages show both alike.
 */
#ifndef DECODE_STATUS_H
#define DECODE_STATUS_H

#include "decode/explain.h"

enum status_protocol { STATUS_NONE, STATUS_POP3, STATUS_IMAP };
/* Which protocol's status line it is by its look: "-ERR ...", "* BYE ...", "a1 NO ...";
 * STATUS_NONE: neither. A single "OK" or "+" is neither: too little to tell. */
enum status_protocol status_guess(struct slice line);
/* "pop3", "imap": of explain_input.protocol and of PROTOCOL events; others STATUS_NONE. */
enum status_protocol status_protocol_by_name(const char *name);

/* +OK, OK, PREAUTH and the go-ahead: nothing was refused. */
bool status_is_good(struct slice status);

/* Explain one status line (the first line of `line` counts). command: what it answers, as REPLY
 * events name it; empty or NULL: not known. False, and *out untouched: it is none of that protocol.
 */
bool status_explain(enum status_protocol protocol, struct slice line, const char *command,
                    struct explanation *out);

/* The tables behind it, for tests and help. */
/* Who must act for a response code, and what next; its meaning and source are the grammar's
 * (imap/tables.h, pop3/tables.h). */
struct status_code {
    const char *code, *who, *next, *example;
};
struct status_wording {
    const char *protocol, *match /* lower case; "*" stands for anything */;
    const char *meaning, *next, *who, *source, *example;
};
/* What a yes means to a command, and what comes next. */
struct status_done {
    const char *protocol, *command, *meaning, *next, *source, *example;
};
const struct status_code *status_imap_code_at(size_t index); /* NULL at the end */
const struct status_code *status_pop3_code_at(size_t index);
const struct status_wording *status_wording_at(size_t index);
const struct status_done *status_done_at(size_t index);

#endif
