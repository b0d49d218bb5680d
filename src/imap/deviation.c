/* The rules of deviations.def as tables, and their part of doc/deviations.md from the same rows. */
#include "imap/deviation.h"

#include "base/mem.h"

static const struct {
    const char *name;
    const char *rfc;
    const char *meaning;
} rules[IMAP_RULE__COUNT] = {
#define RULE(ENUM, name, rfc, meaning) [IMAP_RULE_##ENUM] = {name, rfc, meaning},
#include "imap/deviations.def"
#undef RULE
};

/* A set of them is one word. */
_Static_assert(IMAP_RULE__COUNT <= 64, "imap_rules holds 64 rules");

const char *imap_rule_name(enum imap_rule rule)
{
    BUG_IF((unsigned)rule >= IMAP_RULE__COUNT);
    return rules[rule].name;
}

const char *imap_rule_rfc(enum imap_rule rule)
{
    BUG_IF((unsigned)rule >= IMAP_RULE__COUNT);
    return rules[rule].rfc;
}

const char *imap_rule_meaning(enum imap_rule rule)
{
    BUG_IF((unsigned)rule >= IMAP_RULE__COUNT);
    return rules[rule].meaning;
}

enum imap_rule imap_rule_by_name(struct slice name)
{
    unsigned i = 0;
    while (i < IMAP_RULE__COUNT && !slice_eq(name, slice_cstr(rules[i].name)))
        i++;
    return (enum imap_rule)i;
}

void imap_rule_doc_markdown(struct buf *out)
{
    buf_append_cstr(out,
                    "\n## IMAP\n\n| rule | where it stands | what it means |\n|---|---|---|\n");
    for (unsigned i = 0; i < IMAP_RULE__COUNT; i++)
        buf_printf(out, "| `%s` | %s | %s |\n", rules[i].name, rules[i].rfc, rules[i].meaning);
}
