/* Client commands (RFC 5321 section 4.1): one line, any octets, taken apart without judging. */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include "smtp/address.h"
#include "smtp/verb.h"

enum { SMTP_COMMAND_PARAMS_MAX = 32 }; /* more are kept in .params_text only, with COMMAND_SYNTAX */

struct smtp_param {
    struct slice keyword;
    struct slice value; /* empty without "=" */
};

struct smtp_command {
    enum smtp_verb verb;
    struct slice line;      /* without its line end */
    struct slice verb_text; /* as typed */
    struct slice args;      /* behind the verb, without blanks around */
    /* MAIL and RCPT; XCLIENT has parameters only */
    bool has_path;
    struct smtp_path path;
    struct slice params_text; /* all parameters as typed */
    struct smtp_param params[SMTP_COMMAND_PARAMS_MAX];
    size_t n_params;
    /* AUTH */
    struct slice mechanism;
    bool has_initial;
    struct slice initial; /* base64 or "=" */
    smtp_rules rules;
};

/* Take one line apart (line without CR LF). Slices point into `line`. Never fails. */
void smtp_command_parse(struct slice line, struct smtp_command *out);
const struct smtp_param *smtp_command_param(const struct smtp_command *c, const char *keyword);

/* Which part of a client line is secret, known while the line is still arriving: the streaming
 * scanner behind masking. In AUTH lines everything behind the mechanism is secret; with `in_auth`
 * the whole line is, but for a lone "*". Odd spacing (leading blanks, tabs, several spaces) does
 * not fool it. Also PASS and LOGIN lines typed by mistake. */
struct smtp_secret_scan {
    uint8_t phase;
    uint8_t word_len;
    char word[10];
};
void smtp_secret_scan_init(struct smtp_secret_scan *s);
/* Look at the next octets of the client's stream up to and including one LF (callers cut there; on
 * LF the scanner begins anew). Returns the secret part of `in` (empty: none), a slice of it; the
 * line end is never part of it. Any split gives the same, but for one octet that tells nothing: a
 * CR which ends `in` may be half of a line end and is left out. */
struct slice smtp_secret_scan_feed(struct smtp_secret_scan *s, bool in_auth, struct slice in);
/* A whole typed line (USER_COMMAND, history): copy with a '*' for each secret octet. True:
 * something was hidden. */
bool smtp_line_masked(struct slice line, bool in_auth, struct buf *out);

#endif
