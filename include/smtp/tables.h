/* Knowledge tables of the protocol, compiled in from src/smtp (tsv files): what words and numbers
 * mean. */
#ifndef SMTP_TABLES_H
#define SMTP_TABLES_H

#include "base/slice.h"

struct smtp_extension {
    const char *keyword;
    const char *ehlo_params;
    const char *verbs;
    const char *mail_params;
    const char *rcpt_params;
    const char *line_limits;
    const char *submission;
    const char *rfc;
    const char *status;
    const char *meaning;
};
const struct smtp_extension *smtp_extension_at(size_t index); /* NULL at the end */
/* By EHLO keyword, case ignored ("AUTH=PLAIN" finds AUTH); NULL: unknown. */
const struct smtp_extension *smtp_extension_by_keyword(struct slice keyword);
/* Octets an offered extension adds to the limit of a line of that verb, "MAIL" or "RCPT"
 * (RFC 5321 section 4.5.3.1.4). */
unsigned smtp_extension_line_growth(struct slice keyword, const char *verb);

struct smtp_code_info {
    const char *code;
    const char *after;
    const char *meaning;
    const char *rfc;
    const char *status;
};
const struct smtp_code_info *smtp_code_info(unsigned code); /* NULL: unknown */
const char *smtp_code_class_meaning(unsigned code);         /* of its first digit */

struct smtp_enhanced_info {
    const char *code; /* "X.1.1", "2.X.X" for a class, "X.1.0" ... */
    const char *name;
    const char *meaning;
    const char *rfc;
    const char *basic_codes;
    const char *who_can_fix;
};
/* The row for subject and detail; then the subject's row; then NULL. */
const struct smtp_enhanced_info *smtp_enhanced_info(const unsigned enhanced[3]);
const struct smtp_enhanced_info *smtp_enhanced_class_info(unsigned klass);
const struct smtp_enhanced_info *smtp_enhanced_at(size_t index);

struct smtp_limit_info {
    const char *what;
    const char *value;
    const char *note;
    const char *rfc;
};
const struct smtp_limit_info *smtp_limit_at(size_t index);

#endif
