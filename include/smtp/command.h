/* Client commands (RFC 5321 section 4.1): one line, any octets, taken apart without judging. */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include "base/secret_scan.h"
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

#endif
