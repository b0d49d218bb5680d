/* Parameters of MAIL and RCPT (RFC 5321 section 4.1.1.11 and the extensions that bring them): one
 * table, src/smtp/params.tsv, behind checking, completion, hints, and what the practice server
 * takes.
 */
#ifndef SMTP_PARAM_H
#define SMTP_PARAM_H

#include "base/buf.h"
#include "smtp/command.h"

struct smtp_param_info {
    const char *name;       /* "SIZE" */
    const char *extension;  /* the EHLO keyword that brings it */
    const char *verbs;      /* "MAIL", "RCPT", or both */
    const char *value;      /* grammar, for showing; words separated by | where it is one of them;
                               "": it takes none */
    const char *syntax;     /* name of the checker (src/smtp/param.c) */
    const char *max_octets; /* of the value; "": not limited by itself */
    const char *rfc;
    const char *help;
};
const struct smtp_param_info *smtp_param_at(size_t index); /* NULL at the end */
/* The row for a keyword behind this verb (SMTP_VERB_MAIL, SMTP_VERB_RCPT); NULL: unknown there. */
const struct smtp_param_info *smtp_param_find(enum smtp_verb verb, struct slice keyword);

/* Does the parameter's value fit its row? Where `info` is NULL every value does. */
bool smtp_param_valid(const struct smtp_param_info *info, const struct smtp_param *p);
/* What the parameters of a parsed MAIL or RCPT break: PARAM_SYNTAX for a value that does not fit
 * its row or a known keyword that stands twice. Unknown ones break nothing. */
smtp_rules smtp_params_rules(const struct smtp_command *c);
/* The first parameter that smtp_params_rules would name; NULL: none. */
const struct smtp_param *smtp_params_first_wrong(const struct smtp_command *c);
/* The extension this parameter needs: as of its row, but BINARYMIME for BODY=BINARYMIME. NULL:
 * nobody knows. */
const char *smtp_param_extension(enum smtp_verb verb, const struct smtp_param *p);

/* xtext (RFC 3461 section 4): octets outside "!" to "~", "+" and "=" as +XX. False: out's cap. */
bool smtp_xtext_encode(struct slice in, struct buf *out);
/* Back; false where `in` is none, or out's cap is reached. */
bool smtp_xtext_decode(struct slice in, struct buf *out);

/* date-time (RFC 3339 section 5.6) as seconds since 1970-01-01 UTC, fractions dropped. False: not
 * one, or a day, an hour or a zone that does not exist. */
bool smtp_date_time_read(struct slice in, int64_t *unix_s_out);

/* The value of ORCPT for this address: "rfc822;" and xtext, or where it holds UTF-8 "utf-8;" and
 * the address with what may not stand there as \x{XX} (RFC 6533 section 3). False: out's cap. */
bool smtp_orcpt_encode(struct slice address, struct buf *out);

/* doc/parameters.md. */
void smtp_param_doc_markdown(struct buf *out);

#endif
