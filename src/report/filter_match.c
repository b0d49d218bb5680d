/* Judging facts. What a thing does not have fails every test on it, `!=` and `!~` included:
 * code!=250 asks for replies with another code, not for everything that is no reply. */
#include "report/filter_private.h"

#include <stdio.h>

#include "base/glob.h"

static bool holds_nocase(struct slice text, struct slice part)
{
    for (size_t at = 0; at + part.len <= text.len; at++)
        if (slice_starts_nocase(slice_skip(text, at), part))
            return true;
    return false;
}

static bool text_test(const struct filter_node *n, struct slice text)
{
    if (n->op == FILTER_OP_HAS || n->op == FILTER_OP_LACKS)
        return holds_nocase(text, n->value);
    /* "kind=tls": the first word of tls_up, tls_fail, ... */
    if (n->field == FILTER_KIND && text.len > n->value.len && text.ptr[n->value.len] == '_' &&
        slice_starts_nocase(text, n->value))
        return true;
    return glob_match(n->value, text, GLOB_NOCASE);
}

static bool number_test(const struct filter_node *n, uint64_t value)
{
    switch (n->op) {
    case FILTER_OP_LT:
        return value < n->number;
    case FILTER_OP_LE:
        return value <= n->number;
    case FILTER_OP_GT:
        return value > n->number;
    case FILTER_OP_GE:
        return value >= n->number;
    case FILTER_OP_EQ:
    case FILTER_OP_NE:
    case FILTER_OP_ANY:
    case FILTER_OP_HAS:
    case FILTER_OP_LACKS:
        break;
    }
    return value == n->number;
}

static struct slice text_of(const struct filter_facts *facts, enum filter_field field,
                            char code[16])
{
    static const char *const dirs[] = {"C", "S"};
    switch (field) {
    case FILTER_CODE:
        snprintf(code, 16, "%u", facts->code);
        return slice_cstr(facts->code ? code : "");
    case FILTER_DEVIATION:
        return facts->deviation;
    case FILTER_DIR:
        return slice_cstr(facts->dir == DIR_C || facts->dir == DIR_S ? dirs[facts->dir] : "");
    case FILTER_ENHANCED:
        return facts->enhanced;
    case FILTER_KIND:
        return facts->kind;
    case FILTER_PEER:
        return facts->peer.len > 0 ? facts->peer : facts->peer_name;
    case FILTER_RCPT:
        return facts->rcpt;
    case FILTER_TEXT:
        return facts->text;
    case FILTER_TLS:
        return slice_cstr(facts->tls ? "on" : "off");
    case FILTER_VERB:
        return facts->verb;
    case FILTER_CONN:
    case FILTER_DT:
    case FILTER_TIME:
    case FILTER__COUNT:
        break;
    }
    return slice_cstr("");
}

static bool number_of(const struct filter_facts *facts, enum filter_field field, uint64_t *out)
{
    *out = field == FILTER_TIME   ? facts->at_us
           : field == FILTER_DT   ? facts->dt_us
           : field == FILTER_CONN ? facts->conn
                                  : facts->code;
    return field == FILTER_TIME || (field == FILTER_DT ? facts->has_dt : *out != 0);
}

bool filter_test(const struct filter_node *n, const struct filter_facts *facts)
{
    bool negated = n->op == FILTER_OP_NE || n->op == FILTER_OP_LACKS;
    char code[16];
    uint64_t number;
    bool is_number =
        n->numeric || n->field == FILTER_TIME || n->field == FILTER_DT || n->field == FILTER_CONN;
    if (is_number) {
        if (!number_of(facts, n->field, &number))
            return false;
        return n->op == FILTER_OP_ANY || number_test(n, number) != negated;
    }
    if (n->field == FILTER_TLS && n->op == FILTER_OP_ANY)
        return facts->tls;
    struct slice text = text_of(facts, n->field, code);
    if (text.len == 0)
        return false;
    if (n->op == FILTER_OP_ANY)
        return true;
    bool holds = text_test(n, text);
    if (n->field == FILTER_PEER && !holds)
        holds = text_test(n, facts->peer_name);
    return holds != negated;
}

/* Children stand before their parent: one pass upwards and no recursion. */
bool filter_match(const struct filter *f, const struct filter_facts *facts)
{
    bool results[1024];
    BUG_IF(f->n_nodes > sizeof(results) / sizeof(*results));
    results[f->root] = false;
    for (size_t i = 0; i < f->n_nodes; i++) {
        const struct filter_node *n = &f->nodes[i];
        switch (n->type) {
        case FILTER_NODE_TEST:
            results[i] = filter_test(n, facts);
            break;
        case FILTER_NODE_NOT:
            results[i] = !results[n->left];
            break;
        case FILTER_NODE_AND:
            results[i] = results[n->left] && results[n->right];
            break;
        case FILTER_NODE_OR:
            results[i] = results[n->left] || results[n->right];
            break;
        }
    }
    return results[f->root];
}
