#include "report/skim_private.h"

#include <string.h>

/* ---- the plan ---- */

/* Of conditions any of which is enough, the dearest first: nearly every connection has each verb,
 * and a word is looked for in every octet. */
enum { COST_WORD = 1, COST_VERB = 2 };

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
    plan->cost |= COST_WORD;
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
    case FILTER_CONN:
        c.kind = SKIM_EVENT;
        break;
    case FILTER_TLS: /* what holds without TLS holds everywhere */
        c.kind = SKIM_EVENT;
        if (filter_test(n, &content))
            return false;
        break;
    case FILTER_DT:
        c.kind = SKIM_DT;
        plan->dt = true;
        break;
    case FILTER_VERB:
        c.kind = SKIM_VERB;
        plan->cost |= COST_VERB;
        break;
    case FILTER_PEER:
        c.kind = SKIM_PEER;
        break;
    case FILTER_DIR:
    case FILTER_TIME:
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
        *plan = l && (!r || left.cost <= right.cost) ? left : right;
        return true;
    }
    }
    return false;
}

/* The peer is known to the filter only where the line that names it was read: every connection on
 * which a test of it holds must be read from there. On the others each such test fails, as it does
 * with no peer known; which is right as long as nothing is made of a failure. */
static bool add_peers(struct skim_plan *plan, const struct filter *f)
{
    for (size_t i = 0; i < f->n_nodes; i++) {
        if (f->nodes[i].type == FILTER_NODE_NOT)
            return false;
        if (f->nodes[i].type == FILTER_NODE_TEST && f->nodes[i].field == FILTER_PEER &&
            !add_test(plan, &f->nodes[i]))
            return false;
    }
    return true;
}

bool skim_plan_make(const struct filter *f, struct skim_plan *out)
{
    *out = (struct skim_plan){.n_conditions = 0};
    return plan_node(out, f, f->root) && (!filter_names(f, FILTER_PEER) || add_peers(out, f));
}

/* ---- lines ---- */

bool skim_head(struct slice line, struct skim_line *out, uint64_t *seq_out)
{
    struct scan c = {line.ptr, line.ptr + line.len, NULL};
    uint64_t conn = 0;
    if (!scan_word(&c, "{\"seq\":", 7) || !scan_number(&c, seq_out))
        return false;
    if (scan_word(&c, ",\"conn\":", 8) && (!scan_number(&c, &conn) || conn > UINT32_MAX))
        return false;
    if (!scan_word(&c, ",\"kind\":\"", 9))
        return false;
    const uint8_t *from = c.at;
    while (c.at < c.end && *c.at != '"')
        c.at++;
    out->conn = (uint32_t)conn;
    out->kind = (uint16_t)scan_kind(slice_of(from, (size_t)(c.at - from)));
    if (!scan_word(&c, "\",\"t\":", 6) || line.ptr[line.len - 1] != '}')
        return false;
    out->t_at = (uint16_t)(c.at - line.ptr);
    return c.at - line.ptr <= UINT16_MAX;
}

uint64_t skim_tick(struct slice line, const struct skim_line *head)
{
    struct scan c = {line.ptr + head->t_at, line.ptr + line.len, NULL};
    uint64_t tick_ns;
    return scan_time(&c, &tick_ns) && c.at < c.end && *c.at == ',' ? tick_ns : UINT64_MAX;
}

/* ---- damage ---- */

/* Step by step: strings end, braces and brackets close, the last of them at the end. */
static bool is_broken(struct slice line)
{
    bool in_string = false;
    size_t depth = 0;
    for (size_t i = 0; i < line.len; i++) {
        uint8_t c = line.ptr[i];
        if (c == '"')
            in_string = !in_string;
        else if (in_string && c == '\\')
            i++;
        else if (c < 0x20 && (in_string || (c != '\t' && c != '\r')))
            return true;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']') &&
                 (depth == 0 || (--depth == 0 && i + 1 < line.len)))
            return true;
    }
    return in_string || depth > 0;
}

/* Sixteen octets at a time, each place on its own. */
typedef uint8_t octets16 __attribute__((vector_size(16)));

static unsigned parity(octets16 places)
{
    uint64_t w[2];
    memcpy(w, &places, sizeof(w));
    return (unsigned)__builtin_popcountll((w[0] ^ w[1]) & UINT64_C(0x0101010101010101)) & 1;
}

/* Nearly all lines hold an even number of quotes, one opening brace or an odd number of them, and
 * no control character. What does is taken for whole. */
bool skim_broken(struct slice line)
{
    static const uint8_t mask[32] = {[16] = 255, 255, 255, 255, 255, 255, 255, 255,
                                     255,        255, 255, 255, 255, 255, 255, 255};
    octets16 quotes = {0}, braces = {0}, controls = {0}, w, use;
    size_t at = 0;
    if (line.len < sizeof(w))
        return is_broken(line);
    for (; at + sizeof(w) <= line.len; at += sizeof(w)) {
        memcpy(&w, line.ptr + at, sizeof(w));
        quotes ^= (octets16)(w == '"');
        braces ^= (octets16)(w == '{');
        controls |= (octets16)(w < 0x20);
    }
    /* The last sixteen, without those that were looked at. */
    memcpy(&w, line.ptr + line.len - sizeof(w), sizeof(w));
    memcpy(&use, mask + (line.len - at), sizeof(use));
    quotes ^= (octets16)(w == '"') & use;
    braces ^= (octets16)(w == '{') & use;
    controls |= (octets16)(w < 0x20);
    uint64_t any[2];
    memcpy(any, &controls, sizeof(any));
    return (parity(quotes) != 0 || parity(braces) != 1 || (any[0] | any[1]) != 0) &&
           is_broken(line);
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

bool skim_number(struct slice line, const char *name, uint64_t *out)
{
    struct slice rest = member(line, name);
    *out = 0;
    if (rest.len == 0)
        return true;
    struct scan c = {rest.ptr, rest.ptr + rest.len, NULL};
    return scan_number(&c, out);
}

/* A member's string, as far as it stands plainly; false: the line must be read to know it. */
static bool plain_member(struct slice line, const char *name, struct slice *out)
{
    struct slice rest = member(line, name);
    *out = slice_of(NULL, 0);
    if (rest.len == 0)
        return true;
    ptrdiff_t end = rest.ptr[0] == '"' ? slice_find_octet(slice_skip(rest, 1), '"') : -1;
    if (end < 0)
        return false;
    *out = slice_take(slice_skip(rest, 1), (size_t)end);
    return slice_find_octet(*out, '\\') < 0;
}

static bool peer_may_hold(const struct filter_node *n, struct slice line)
{
    enum { PLAIN_MAX_OCTETS = 256 }; /* a longer one might be cut short before it is judged */
    struct filter_facts facts = {.dir = -1};
    return !plain_member(line, "peer", &facts.peer) ||
           !plain_member(line, "name", &facts.peer_name) || facts.peer.len > PLAIN_MAX_OCTETS ||
           facts.peer_name.len > PLAIN_MAX_OCTETS || filter_test(n, &facts);
}

static bool event_may_hold(const struct filter_node *n, const struct skim_line *head)
{
    struct filter_facts facts = {.dir = -1, .conn = head->conn};
    if (n->field == FILTER_DEVIATION)
        return head->kind == EVENT_DEVIATION;
    if (n->field == FILTER_TLS)
        return head->kind == EVENT_TLS_UP;
    facts.kind = head->kind < EVENT__COUNT
                     ? slice_cstr(event_kind_info((enum event_kind)head->kind)->name)
                     : slice_cstr("");
    return filter_test(n, &facts);
}

static bool verb_may_hold(const struct filter_node *n, struct slice line, unsigned kind)
{
    struct filter_facts facts = {.dir = -1, .verb = SLICE_LIT("DATA")};
    if (kind == EVENT_DATA_BEGIN) /* the lines of the message */
        return filter_test(n, &facts);
    return (kind == EVENT_COMMAND || kind == EVENT_REPLY) &&
           (!plain_member(line, "verb", &facts.verb) || filter_test(n, &facts));
}

static bool reply_may_hold(const struct filter_node *n, struct slice line)
{
    uint64_t code;
    struct filter_facts facts = {.dir = -1};
    if (!skim_number(line, "code", &code))
        return true;
    facts.code = code <= 999 ? (unsigned)code : 0;
    return !plain_member(line, "enhanced", &facts.enhanced) || filter_test(n, &facts);
}

bool skim_line_hot(const struct skim_plan *plan, struct slice line, const struct skim_line *head)
{
    bool hot = false;
    for (size_t i = 0; i < plan->n_conditions && !hot; i++) {
        const struct skim_condition *c = &plan->conditions[i];
        switch (c->kind) {
        case SKIM_EVENT:
            hot = event_may_hold(c->node, head);
            break;
        case SKIM_REPLY:
            hot = head->kind == EVENT_REPLY && reply_may_hold(c->node, line);
            break;
        case SKIM_VERB:
            hot = verb_may_hold(c->node, line, head->kind);
            break;
        case SKIM_PEER:
            hot = head->kind == EVENT_LINK_UP && peer_may_hold(c->node, line);
            break;
        case SKIM_DT:
        case SKIM_WORD:
            break;
        }
    }
    return hot;
}

bool skim_dt_hot(const struct skim_plan *plan, uint64_t dt_us)
{
    const struct filter_facts facts = {.dir = -1, .has_dt = true, .dt_us = dt_us};
    for (size_t i = 0; i < plan->n_conditions; i++)
        if (plan->conditions[i].kind == SKIM_DT && filter_test(plan->conditions[i].node, &facts))
            return true;
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
