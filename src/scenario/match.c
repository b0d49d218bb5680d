/* Does a fact look as a rule asks? Facts with several values (recipients, header fields) stand one
 * a line, and one of them is enough. */
#include "scenario/scenario_private.h"

#include <string.h>

#include "base/glob.h"

/* Facts that are lists: each line of theirs is one value. */
static bool is_list(enum scenario_fact fact)
{
    return fact == SCENARIO_FACT_TO || fact == SCENARIO_FACT_HEADER;
}

/* regexec wants a C string, and a NUL of the peer must not hide what stands behind it. */
enum { REGEX_TEXT_MAX_OCTETS = 4096 };

static bool regex_holds(const regex_t *re, struct slice value)
{
    char text[REGEX_TEXT_MAX_OCTETS + 1];
    size_t len = value.len < REGEX_TEXT_MAX_OCTETS ? value.len : REGEX_TEXT_MAX_OCTETS;
    for (size_t i = 0; i < len; i++)
        text[i] = value.ptr[i] ? (char)value.ptr[i] : ' ';
    text[len] = '\0';
    return regexec(re, text, 0, NULL, 0) == 0;
}

static bool value_holds(const struct scenario_match *m, struct slice value)
{
    uint64_t n;
    switch (m->op) {
    case OP_GLOB:
        return glob_match(m->glob, value, GLOB_NOCASE | GLOB_ESCAPE);
    case OP_REGEX:
        return regex_holds(&m->regex, value);
    case OP_ABOVE:
        return slice_to_u64(value, UINT64_MAX, &n) && n > m->number;
    case OP_BELOW:
        return slice_to_u64(value, UINT64_MAX, &n) && n < m->number;
    }
    return false;
}

bool scenario_match_holds(const struct scenario_match *m, const struct rules_facts *f)
{
    struct slice rest = f->text[m->fact];
    bool known = f->known & 1u << m->fact, found = false;
    if (!known)
        return false; /* what is not known yet is neither so nor not so */
    if (!is_list(m->fact))
        return value_holds(m, rest) != m->negated;
    do {
        ptrdiff_t end = slice_find_octet(rest, '\n');
        struct slice value = end < 0 ? rest : slice_take(rest, (size_t)end);
        found = value_holds(m, value);
        rest = slice_skip(rest, end < 0 ? rest.len : (size_t)end + 1);
    } while (!found && rest.len > 0);
    return found != m->negated;
}
