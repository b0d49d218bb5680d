/* Client commands of POP3 (RFC 1939 section 9): one line, any octets, taken apart without judging.
 *
 *     command = keyword *( SP argument ) CRLF
 *
 * PASS has one argument that may hold spaces. */
#ifndef POP3_COMMAND_H
#define POP3_COMMAND_H

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

/* Which part of a client line is secret, known while the line is still arriving: behind PASS,
 * behind the name of APOP, behind the mechanism of AUTH, and with `in_auth` the whole line but for
 * a lone
 * "*". */
struct pop3_secret_scan {
    uint8_t phase;
    uint8_t word_len;
    char word[5];
};
void pop3_secret_scan_init(struct pop3_secret_scan *s);
/* Look at the next octets of the client's stream up to and including one LF (callers cut there; on
 * LF the scanner begins anew). Returns the secret part of `in` (empty: none), a slice of it; the
 * line end is never part of it. Any split gives the same, but for a CR that ends `in`. */
struct slice pop3_secret_scan_feed(struct pop3_secret_scan *s, bool in_auth, struct slice in);
/* A whole typed line, or several: copy with a '*' for each secret octet. True: something was
 * hidden.
 */
bool pop3_line_masked(struct slice line, bool in_auth, struct buf *out);

#endif
