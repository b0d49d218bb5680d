/* Names and places of the rules a party of a POP3 session can break (deviations.def). */
#ifndef POP3_DEVIATION_H
#define POP3_DEVIATION_H

#include "base/buf.h"

enum pop3_rule {
#define RULE(ENUM, name, rfc, meaning) POP3_RULE_##ENUM,
#include "pop3/deviations.def"
#undef RULE
    POP3_RULE__COUNT
};

/* A set of rules, as parsers report what they saw on one line. */
typedef uint64_t pop3_rules;
#define POP3_RULE_BIT(rule) ((pop3_rules)1 << (rule))

const char *pop3_rule_name(enum pop3_rule rule);
const char *pop3_rule_rfc(enum pop3_rule rule);
const char *pop3_rule_meaning(enum pop3_rule rule);
/* POP3_RULE__COUNT where there is none of that name. */
enum pop3_rule pop3_rule_by_name(struct slice name);
/* Its part of doc/deviations.md. */
void pop3_rule_doc_markdown(struct buf *out);

#endif
