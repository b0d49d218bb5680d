#include "report/skim_private.h"

#include <string.h>

/* ---- the plan ---- */

/* From rare to frequent in mail and English; what is not here is rarer still. */
static unsigned frequency(uint8_t c)
{
    static const char order[] = "zqxjkvbpygfwmucldrhsnioate";
    c |= c >= 'A' && c <= 'Z' ? 0x20 : 0;
    const char *found = c >= 'a' && c <= 'z' ? memchr(order, c, sizeof(order) - 1) : NULL;
    return found ? (unsigned)(found - order) + 10 : c >= '0' && c <= '9' ? 30 : 40;
}

/* Octets that every writer of JSON leaves as they are. */
static bool is_plain(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == '@' || c == '=' || c == ':';
}

/* The longest run of plain octets: where the whole is, the run is. */
static struct slice plain_run(struct slice text)
{
    struct slice best = {NULL, 0};
    for (size_t at = 0; at < text.len;) {
        size_t end = at;
        while (end < text.len && is_plain(text.ptr[end]))
            end++;
        if (end - at > best.len)
            best = slice_of(text.ptr + at, end - at);
        at = end + 1;
    }
    return best;
}

static bool add_word(struct skim_plan *plan, const struct filter_node *n)
{
    struct skim_condition *c = &plan->conditions[plan->n_conditions];
    if (n->op != FILTER_OP_HAS && n->op != FILTER_OP_EQ)
        return false;
    struct slice word = plain_run(n->value);
    if (word.len < SKIM_WORD_MIN_OCTETS)
        return false;
    *c = (struct skim_condition){.kind = SKIM_WORD, .node = n, .word = word};
    for (size_t i = 1; i < word.len; i++)
        if (frequency(word.ptr[i]) < frequency(word.ptr[c->rare_at]))
            c->rare_at = i;
    uint8_t rare = word.ptr[c->rare_at];
    bool letter = (rare | 0x20) >= 'a' && (rare | 0x20) <= 'z';
    c->lower = letter ? rare | 0x20 : rare;
    c->upper = letter ? rare & 0xDF : rare;
    plan->n_conditions++;
    plan->words = true;
    return true;
}

static bool add_test(struct skim_plan *plan, const struct filter_node *n)
{
    struct skim_condition c = {.kind = SKIM_REPLY, .node = n};
    const struct filter_facts content = {.kind = SLICE_LIT("content")};
    if (plan->n_conditions == SKIM_CONDITIONS_MAX)
        return false;
    switch (n->field) {
    case FILTER_TEXT:
    case FILTER_RCPT:
        return add_word(plan, n);
    case FILTER_CODE:
    case FILTER_ENHANCED:
        break;
    case FILTER_KIND:
        c.kind = SKIM_EVENT;
        if (filter_test(n, &content))
            return false;
        break;
    case FILTER_DEVIATION:
        c.kind = SKIM_EVENT;
        break;
    case FILTER_CONN:
    case FILTER_DIR:
    case FILTER_DT:
    case FILTER_PEER:
    case FILTER_TIME:
    case FILTER_TLS:
    case FILTER_VERB:
    case FILTER__COUNT:
        return false;
    }
    plan->conditions[plan->n_conditions++] = c;
    return true;
}

static bool plan_node(struct skim_plan *plan, const struct filter *f, int index)
{
    const struct filter_node *n = &f->nodes[index];
    struct skim_plan left = *plan, right = *plan;
    switch (n->type) {
    case FILTER_NODE_TEST:
        return add_test(plan, n);
    case FILTER_NODE_NOT:
        return false;
    case FILTER_NODE_OR: /* either may be it */
        return plan_node(plan, f, n->left) && plan_node(plan, f, n->right);
    case FILTER_NODE_AND: { /* one of them is enough: the one that is cheaper to see */
        bool l = plan_node(&left, f, n->left), r = plan_node(&right, f, n->right);
        if (!l && !r)
            return false;
        *plan = l && (!r || !left.words || right.words) ? left : right;
        return true;
    }
    }
    return false;
}

bool skim_plan_make(const struct filter *f, struct skim_plan *out)
{
    *out = (struct skim_plan){.n_conditions = 0};
    /* Whose address it is stands in a line that would have to be read in any case. */
    return !filter_names(f, FILTER_PEER) && plan_node(out, f, f->root);
}

/* ---- lines ---- */

struct cursor {
    const uint8_t *at, *end;
};

static bool take(struct cursor *c, const char *text, size_t len)
{
    if ((size_t)(c->end - c->at) < len || memcmp(c->at, text, len) != 0)
        return false;
    c->at += len;
    return true;
}

static bool take_number(struct cursor *c, uint64_t *out)
{
    const uint8_t *from = c->at;
    *out = 0;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9' && c->at - from < 18)
        *out = *out * 10 + (uint64_t)(*c->at++ - '0');
    return c->at > from;
}

static enum event_kind kind_of(struct slice name)
{
    static const struct {
        const char *name;
        uint8_t len;
        enum event_kind kind;
    } often[] = {{"octets", 6, EVENT_OCTETS},
                 {"command", 7, EVENT_COMMAND},
                 {"reply", 5, EVENT_REPLY},
                 {"state", 5, EVENT_STATE},
                 {"envelope", 8, EVENT_ENVELOPE}};
    for (size_t i = 0; i < sizeof(often) / sizeof(*often); i++)
        if (name.len == often[i].len && memcmp(name.ptr, often[i].name, name.len) == 0)
            return often[i].kind;
    return event_kind_by_name(name);
}

bool skim_head(struct slice line, struct skim_line *out, uint64_t *seq_out)
{
    struct cursor c = {line.ptr, line.ptr + line.len};
    uint64_t conn = 0;
    if (!take(&c, "{\"seq\":", 7) || !take_number(&c, seq_out))
        return false;
    if (take(&c, ",\"conn\":", 8) && (!take_number(&c, &conn) || conn > UINT32_MAX))
        return false;
    if (!take(&c, ",\"kind\":\"", 9))
        return false;
    const uint8_t *from = c.at;
    while (c.at < c.end && *c.at != '"')
        c.at++;
    out->conn = (uint32_t)conn;
    out->kind = (uint16_t)kind_of(slice_of(from, (size_t)(c.at - from)));
    return take(&c, "\",\"t\":", 6) && line.ptr[line.len - 1] == '}';
}

/* What stands behind "name": ; empty where there is no such member. */
static struct slice member(struct slice line, const char *name)
{
    char key[24];
    size_t len = strlen(name);
    key[0] = '"';
    memcpy(key + 1, name, len);
    memcpy(key + 1 + len, "\":", 2);
    const uint8_t *found = memmem(line.ptr, line.len, key, len + 3);
    return found ? slice_skip(line, (size_t)(found - line.ptr) + len + 3) : slice_of(NULL, 0);
}

uint64_t skim_number(struct slice line, const char *name)
{
    struct slice rest = member(line, name);
    struct cursor c = {rest.ptr, rest.ptr + rest.len};
    uint64_t value = 0;
    if (rest.len > 0)
        take_number(&c, &value);
    return value;
}

bool skim_line_hot(const struct skim_plan *plan, struct slice line, const struct skim_line *head)
{
    struct filter_facts facts = {.dir = -1};
    for (size_t i = 0; i < plan->n_conditions; i++) {
        const struct skim_condition *c = &plan->conditions[i];
        if (c->kind == SKIM_EVENT) {
            if (c->node->field == FILTER_DEVIATION) {
                if (head->kind == EVENT_DEVIATION)
                    return true;
                continue;
            }
            facts.kind = head->kind < EVENT__COUNT
                             ? slice_cstr(event_kind_info((enum event_kind)head->kind)->name)
                             : slice_cstr("");
            if (filter_test(c->node, &facts))
                return true;
        } else if (c->kind == SKIM_REPLY && head->kind == EVENT_REPLY) {
            uint64_t code = skim_number(line, "code");
            facts.code = code <= 999 ? (unsigned)code : 0;
            facts.enhanced = member(line, "enhanced");
            if (facts.enhanced.len > 0) {
                facts.enhanced = slice_skip(facts.enhanced, 1);
                ptrdiff_t quote = slice_find_octet(facts.enhanced, '"');
                facts.enhanced = slice_take(facts.enhanced, quote < 0 ? 0 : (size_t)quote);
            }
            if (filter_test(c->node, &facts))
                return true;
        }
    }
    return false;
}

size_t skim_word_next(const struct skim_condition *c, struct slice text, size_t at)
{
    /* Places of the rarest octet, in either case, whichever comes first. */
    const uint8_t *end = text.ptr + text.len, *from = text.ptr + at + c->rare_at;
    if (from >= end)
        return SIZE_MAX;
    const uint8_t *lower = memchr(from, c->lower, (size_t)(end - from));
    const uint8_t *upper =
        c->upper == c->lower ? NULL : memchr(from, c->upper, (size_t)(end - from));
    while (lower || upper) {
        bool first_lower = lower && (!upper || lower < upper);
        const uint8_t **next = first_lower ? &lower : &upper;
        const uint8_t *word = *next - c->rare_at;
        if ((size_t)(end - word) >= c->word.len &&
            slice_eq_nocase(slice_of(word, c->word.len), c->word))
            return (size_t)(word - text.ptr);
        uint8_t octet = first_lower ? c->lower : c->upper;
        *next = memchr(*next + 1, octet, (size_t)(end - *next - 1));
    }
    return SIZE_MAX;
}
