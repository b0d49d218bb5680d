/* The rules of deviations.def as tables, and doc/deviations.md from the same rows. */
#include "smtp/deviation.h"

#include "base/mem.h"

static const struct {
    const char *name;
    const char *rfc;
    const char *meaning;
} rules[SMTP_RULE__COUNT] = {
#define RULE(ENUM, name, rfc, meaning) [SMTP_RULE_##ENUM] = {name, rfc, meaning},
#include "smtp/deviations.def"
#undef RULE
};

/* A set of them is one word. */
_Static_assert(SMTP_RULE__COUNT <= 64, "smtp_rules holds 64 rules");

const char *smtp_rule_name(enum smtp_rule rule)
{
    BUG_IF((unsigned)rule >= SMTP_RULE__COUNT);
    return rules[rule].name;
}

const char *smtp_rule_rfc(enum smtp_rule rule)
{
    BUG_IF((unsigned)rule >= SMTP_RULE__COUNT);
    return rules[rule].rfc;
}

const char *smtp_rule_meaning(enum smtp_rule rule)
{
    BUG_IF((unsigned)rule >= SMTP_RULE__COUNT);
    return rules[rule].meaning;
}

enum smtp_rule smtp_rule_by_name(struct slice name)
{
    unsigned i = 0;
    while (i < SMTP_RULE__COUNT && !slice_eq(name, slice_cstr(rules[i].name)))
        i++;
    return (enum smtp_rule)i;
}

void smtp_rule_doc_markdown(struct buf *out)
{
    buf_append_cstr(out,
                    "# Deviations\n\n"
                    "Each is a rule that a party of a session can break. Breaking one is a fact "
                    "in the journal (a DEVIATION event); the session goes on.\n\n"
                    "| rule | where it stands | what it means |\n|---|---|---|\n");
    for (unsigned i = 0; i < SMTP_RULE__COUNT; i++)
        buf_printf(out, "| `%s` | %s | %s |\n", rules[i].name, rules[i].rfc, rules[i].meaning);
}
