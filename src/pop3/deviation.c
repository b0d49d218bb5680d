/* The rules of deviations.def as tables, and their part of doc/deviations.md from the same rows. */
#include "pop3/deviation.h"

#include "base/mem.h"

static const struct {
    const char *name;
    const char *rfc;
    const char *meaning;
} rules[POP3_RULE__COUNT] = {
#define RULE(ENUM, name, rfc, meaning) [POP3_RULE_##ENUM] = {name, rfc, meaning},
#include "pop3/deviations.def"
#undef RULE
};

/* A set of them is one word. */
_Static_assert(POP3_RULE__COUNT <= 64, "pop3_rules holds 64 rules");

const char *pop3_rule_name(enum pop3_rule rule)
{
    BUG_IF((unsigned)rule >= POP3_RULE__COUNT);
    return rules[rule].name;
}

const char *pop3_rule_rfc(enum pop3_rule rule)
{
    BUG_IF((unsigned)rule >= POP3_RULE__COUNT);
    return rules[rule].rfc;
}

const char *pop3_rule_meaning(enum pop3_rule rule)
{
    BUG_IF((unsigned)rule >= POP3_RULE__COUNT);
    return rules[rule].meaning;
}

enum pop3_rule pop3_rule_by_name(struct slice name)
{
    unsigned i = 0;
    while (i < POP3_RULE__COUNT && !slice_eq(name, slice_cstr(rules[i].name)))
        i++;
    return (enum pop3_rule)i;
}

void pop3_rule_doc_markdown(struct buf *out)
{
    buf_append_cstr(out,
                    "\n## POP3\n\n| rule | where it stands | what it means |\n|---|---|---|\n");
    for (unsigned i = 0; i < POP3_RULE__COUNT; i++)
        buf_printf(out, "| `%s` | %s | %s |\n", rules[i].name, rules[i].rfc, rules[i].meaning);
}
