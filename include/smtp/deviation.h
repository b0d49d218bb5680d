/* Names and places of the rules a party can break (deviations.def). */
#ifndef SMTP_DEVIATION_H
#define SMTP_DEVIATION_H

#include "base/buf.h"

enum smtp_rule {
#define RULE(ENUM, name, rfc, meaning) SMTP_RULE_##ENUM,
#include "smtp/deviations.def"
#undef RULE
    SMTP_RULE__COUNT
};

/* A set of rules, as parsers report what they saw on one line. */
typedef uint64_t smtp_rules;
#define SMTP_RULE_BIT(rule) ((smtp_rules)1 << (rule))

const char *smtp_rule_name(enum smtp_rule rule);
const char *smtp_rule_rfc(enum smtp_rule rule);
const char *smtp_rule_meaning(enum smtp_rule rule);
/* SMTP_RULE__COUNT where there is none of that name. */
enum smtp_rule smtp_rule_by_name(struct slice name);
/* doc/deviations.md. */
void smtp_rule_doc_markdown(struct buf *out);

#endif
