/* Names and places of the rules of IMAP a party can break (deviations.def). */
#ifndef IMAP_DEVIATION_H
#define IMAP_DEVIATION_H

#include "base/buf.h"

enum imap_rule {
#define RULE(ENUM, name, rfc, meaning) IMAP_RULE_##ENUM,
#include "imap/deviations.def"
#undef RULE
    IMAP_RULE__COUNT
};

/* A set of rules, as parsers report what they saw. */
typedef uint64_t imap_rules;
#define IMAP_RULE_BIT(rule) ((imap_rules)1 << (rule))

const char *imap_rule_name(enum imap_rule rule);
const char *imap_rule_rfc(enum imap_rule rule);
const char *imap_rule_meaning(enum imap_rule rule);
/* IMAP_RULE__COUNT where there is none of that name. */
enum imap_rule imap_rule_by_name(struct slice name);
/* The IMAP part of doc/deviations.md. */
void imap_rule_doc_markdown(struct buf *out);

#endif
