/* Reading filter expressions: a lexer without state beside its place, and recursive descent whose
 * depth has a limit. Every error names the column and what would be right there.
 */
#include "report/filter_private.h"

#include <stdio.h>
#include <string.h>

#include "base/vis.h"

enum { FILTER_MAX_OCTETS = 4096, FILTER_MAX_NODES = 1024, FILTER_MAX_DEPTH = 64 };

static const struct filter_field_info fields[FILTER__COUNT] = {
    [FILTER_CODE] = {"code", "a number, or a pattern such as 4*", "reply code", "code>=500"},
    [FILTER_CONN] = {"conn", "a number", "number of the connection", "conn=2"},
    [FILTER_DEVIATION] = {"deviation", "the name of a rule, or a pattern",
                          "a rule was broken here (doc/deviations.md)", "deviation=reply-*"},
    [FILTER_DIR] = {"dir", "C or S", "who said it: C client, S server", "dir=S"},
    [FILTER_DT] = {"dt", "a time such as 200ms or 1.5s",
                   "time from the command to its reply; seconds without a unit", "dt>200ms"},
    [FILTER_ENHANCED] = {"enhanced", "a code such as 4.7.1, or a pattern", "enhanced status code",
                         "enhanced=4.7.*"},
    [FILTER_KIND] = {"kind", "the kind of an event, its first word, or a pattern",
                     "what it is (doc/events.md); content: a line of a message", "kind=tls"},
    [FILTER_PEER] = {"peer", "a text, or a pattern", "address or name of the other end",
                     "peer~google"},
    [FILTER_RCPT] = {"rcpt", "an address, or a pattern", "a RCPT command or its reply",
                     "rcpt=*@example.org"},
    [FILTER_TEXT] = {"text", "a text, or a pattern for the whole line",
                     "the line as it was said; a text in quotes alone means text~", "text~quota"},
    [FILTER_TIME] = {"time", "a time such as 0.5 or 200ms",
                     "since the recording's first event; seconds without a unit", "time>0.5"},
    [FILTER_TLS] = {"tls", "on or off", "it travelled inside TLS", "tls=off"},
    [FILTER_VERB] = {"verb", "a command, or a pattern", "the command it is, or the reply answers",
                     "verb=RCPT"},
};

/* Which comparisons a field knows. */
static const unsigned char field_types[FILTER__COUNT] = {
    [FILTER_CODE] = FILTER_TYPE_CODE,      [FILTER_CONN] = FILTER_TYPE_NUMBER,
    [FILTER_DEVIATION] = FILTER_TYPE_TEXT, [FILTER_DIR] = FILTER_TYPE_WORD,
    [FILTER_DT] = FILTER_TYPE_TIME,        [FILTER_ENHANCED] = FILTER_TYPE_TEXT,
    [FILTER_KIND] = FILTER_TYPE_TEXT,      [FILTER_PEER] = FILTER_TYPE_TEXT,
    [FILTER_RCPT] = FILTER_TYPE_TEXT,      [FILTER_TEXT] = FILTER_TYPE_TEXT,
    [FILTER_TIME] = FILTER_TYPE_TIME,      [FILTER_TLS] = FILTER_TYPE_WORD,
    [FILTER_VERB] = FILTER_TYPE_TEXT,
};

const struct filter_field_info *filter_field_info(enum filter_field field)
{
    BUG_IF((unsigned)field >= FILTER__COUNT);
    return &fields[field];
}

/* ---- the parser ---- */

struct parse {
    struct slice in;
    size_t at;
    unsigned depth;
    struct filter *f;
    struct err *err;
};

static int wrong(struct parse *p, size_t at, const char *what, const char *next)
{
    err_set(p->err, ERR_USAGE, (int)at + 1, "filter, column %zu: %s", at + 1, what);
    err_explain(p->err, "", next);
    return -1;
}

static void skip_blanks(struct parse *p)
{
    while (p->at < p->in.len && strchr(" \t\r\n", p->in.ptr[p->at]) && p->in.ptr[p->at])
        p->at++;
}

static bool letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

static struct slice peek_word(const struct parse *p)
{
    size_t end = p->at;
    while (end < p->in.len && letter(p->in.ptr[end]))
        end++;
    return slice_of(p->in.ptr + p->at, end - p->at);
}

/* The word stands alone: "or" is an operator, "order" is none. */
static bool take_word(struct parse *p, const char *word)
{
    if (!slice_eq_nocase(peek_word(p), slice_cstr(word)))
        return false;
    p->at += strlen(word);
    return true;
}

static bool take_sign(struct parse *p, char sign)
{
    if (p->at >= p->in.len || p->in.ptr[p->at] != (uint8_t)sign)
        return false;
    p->at++;
    if (p->at < p->in.len && p->in.ptr[p->at] == (uint8_t)sign && sign != '!')
        p->at++;
    return true;
}

static int add_node(struct parse *p, size_t at, struct filter_node node)
{
    if (p->f->n_nodes == FILTER_MAX_NODES)
        return wrong(p, at, "too many tests in one filter", "at most 1024 tests and joints fit");
    if ((p->f->n_nodes & (p->f->n_nodes - 1)) == 0)
        p->f->nodes = mem_realloc(p->f->nodes,
                                  (p->f->n_nodes ? 2 * p->f->n_nodes : 1) * sizeof(*p->f->nodes));
    p->f->nodes[p->f->n_nodes] = node;
    return (int)p->f->n_nodes++;
}

/* "..." with \" and \\ inside. */
static bool take_quoted(struct parse *p, struct slice *out)
{
    size_t start = p->at++;
    uint8_t *text = arena_alloc(&p->f->arena, p->in.len - start + 1);
    size_t n = 0;
    for (; p->at < p->in.len && p->in.ptr[p->at] != '"'; p->at++) {
        if (p->in.ptr[p->at] == '\\' && p->at + 1 < p->in.len)
            p->at++;
        text[n++] = p->in.ptr[p->at];
    }
    if (p->at >= p->in.len) {
        wrong(p, start, "the quotes opened here never close", "put a \" behind the text");
        return false;
    }
    p->at++;
    *out = slice_of(text, n);
    return true;
}

static bool take_value(struct parse *p, const struct filter_field_info *info, struct slice *out)
{
    char text[200];
    skip_blanks(p);
    if (p->at < p->in.len && p->in.ptr[p->at] == '"')
        return take_quoted(p, out);
    size_t start = p->at;
    while (p->at < p->in.len && !strchr(" \t\r\n()&|", p->in.ptr[p->at]))
        p->at++;
    *out = slice_of(p->in.ptr + start, p->at - start);
    if (out->len > 0)
        return true;
    snprintf(text, sizeof(text), "%s wants a value here: %s", info->name, info->value);
    wrong(p, start, text, info->example);
    return false;
}

static const struct {
    const char *sign;
    enum filter_op op;
} ops[] = {
    {"!=", FILTER_OP_NE}, {"!~", FILTER_OP_LACKS}, {"<=", FILTER_OP_LE},
    {">=", FILTER_OP_GE}, {"==", FILTER_OP_EQ},    {"=", FILTER_OP_EQ},
    {"~", FILTER_OP_HAS}, {"<", FILTER_OP_LT},     {">", FILTER_OP_GT},
};

static bool take_op(struct parse *p, enum filter_op *out)
{
    bool colon = false;
    skip_blanks(p);
    /* "dt:>200ms" and "code:4*": a colon before an operator says nothing, alone it is "=". */
    if (p->at < p->in.len && p->in.ptr[p->at] == ':') {
        colon = true;
        p->at++;
    }
    struct slice rest = slice_skip(p->in, p->at);
    for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
        if (!slice_starts(rest, slice_cstr(ops[i].sign)))
            continue;
        p->at += strlen(ops[i].sign);
        *out = ops[i].op;
        return true;
    }
    *out = FILTER_OP_EQ;
    return colon;
}

/* "1.5", "200ms", "2s", "1m", "30us" as microseconds. */
static bool read_time(struct slice s, uint64_t *us_out)
{
    static const struct {
        const char *unit;
        uint64_t us;
    } units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"", 1000000}};
    uint64_t whole = 0, fraction = 0, scale = 1;
    size_t at = 0, digits = 0;
    for (; at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9' && whole < 1000000000; at++, digits++)
        whole = whole * 10 + (uint64_t)(s.ptr[at] - '0');
    if (at < s.len && s.ptr[at] == '.')
        for (at++; at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9'; at++, digits++)
            if (scale < 1000000) {
                fraction = fraction * 10 + (uint64_t)(s.ptr[at] - '0');
                scale *= 10;
            }
    for (size_t i = 0; digits > 0 && i < sizeof(units) / sizeof(*units); i++) {
        if (!slice_eq_nocase(slice_skip(s, at), slice_cstr(units[i].unit)))
            continue;
        *us_out = whole * units[i].us + fraction * units[i].us / scale;
        return true;
    }
    return false;
}

static bool is_pattern(struct slice s)
{
    return slice_find_octet(s, '*') >= 0 || slice_find_octet(s, '?') >= 0;
}

/* Is the value one of its field? Numbers and times are read here, once. */
static bool read_value(struct filter_node *n)
{
    bool ordered = n->op >= FILTER_OP_LT;
    switch ((enum filter_type)field_types[n->field]) {
    case FILTER_TYPE_CODE:
        if (!ordered && is_pattern(n->value))
            return true;
        n->numeric = true;
        return slice_to_u64(n->value, UINT32_MAX, &n->number);
    case FILTER_TYPE_NUMBER:
        n->numeric = true;
        return slice_to_u64(n->value, UINT32_MAX, &n->number);
    case FILTER_TYPE_TIME:
        n->numeric = true;
        return read_time(n->value, &n->number);
    case FILTER_TYPE_WORD:
        if (n->field == FILTER_DIR)
            return slice_eq_nocase(n->value, SLICE_LIT("C")) ||
                   slice_eq_nocase(n->value, SLICE_LIT("S"));
        return slice_eq_nocase(n->value, SLICE_LIT("on")) ||
               slice_eq_nocase(n->value, SLICE_LIT("off"));
    case FILTER_TYPE_TEXT:
        return true;
    }
    return false;
}

static bool op_fits(enum filter_field field, enum filter_op op)
{
    enum filter_type type = (enum filter_type)field_types[field];
    bool ordered = op >= FILTER_OP_LT, holds = op == FILTER_OP_HAS || op == FILTER_OP_LACKS;
    return type == FILTER_TYPE_TEXT   ? !ordered
           : type == FILTER_TYPE_WORD ? !ordered && !holds
                                      : !holds;
}

static int bad_op(struct parse *p, size_t at, enum filter_field field)
{
    static const char *const right[] = {
        [FILTER_TYPE_CODE] = "= != < <= > >=", [FILTER_TYPE_NUMBER] = "= != < <= > >=",
        [FILTER_TYPE_TIME] = "= != < <= > >=", [FILTER_TYPE_WORD] = "= !=",
        [FILTER_TYPE_TEXT] = "= != ~ !~",
    };
    char text[160];
    snprintf(text, sizeof(text), "%s cannot be compared so; it knows %s", fields[field].name,
             right[field_types[field]]);
    return wrong(p, at, text, fields[field].example);
}

static int unknown_field(struct parse *p, size_t at)
{
    char shown[60], text[160], next[240] = "fields: ";
    vis_to_cstr(shown, sizeof(shown), peek_word(p));
    for (size_t i = 0; i < FILTER__COUNT; i++)
        snprintf(next + strlen(next), sizeof(next) - strlen(next), "%s%s", i ? ", " : "",
                 fields[i].name);
    if (*shown)
        snprintf(text, sizeof(text), "no field is called %s", shown);
    else
        snprintf(text, sizeof(text), "a test is missing here, such as code>=400 or text~quota");
    return wrong(p, at, text, next);
}

static int parse_test(struct parse *p)
{
    size_t start = p->at;
    struct filter_node n = {.type = FILTER_NODE_TEST, .op = FILTER_OP_ANY};
    if (p->at < p->in.len && p->in.ptr[p->at] == '"') {
        n.field = FILTER_TEXT;
        n.op = FILTER_OP_HAS;
        return take_quoted(p, &n.value) ? add_node(p, start, n) : -1;
    }
    struct slice word = peek_word(p);
    size_t field = 0;
    while (field < FILTER__COUNT && !slice_eq_nocase(word, slice_cstr(fields[field].name)))
        field++;
    if (field == FILTER__COUNT)
        return unknown_field(p, start);
    p->at += word.len;
    n.field = (enum filter_field)field;
    size_t op_at = p->at;
    if (!take_op(p, &n.op)) {
        p->at = op_at;
        n.op = FILTER_OP_ANY;
        return add_node(p, start, n);
    }
    if (!op_fits(n.field, n.op))
        return bad_op(p, op_at, n.field);
    skip_blanks(p);
    size_t value_at = p->at;
    if (!take_value(p, &fields[field], &n.value))
        return -1;
    if (!read_value(&n)) {
        char shown[60], text[200];
        vis_to_cstr(shown, sizeof(shown), n.value);
        snprintf(text, sizeof(text), "%s wants %s, not %s", fields[field].name, fields[field].value,
                 shown);
        return wrong(p, value_at, text, fields[field].example);
    }
    return add_node(p, start, n);
}

static int parse_or(struct parse *p);

static int parse_unary(struct parse *p)
{
    skip_blanks(p);
    size_t start = p->at;
    int inner;
    if (p->depth >= FILTER_MAX_DEPTH)
        return wrong(p, start, "too many brackets in brackets", "at most 64 fit");
    p->depth++;
    if (take_word(p, "not") || take_sign(p, '!')) {
        inner = parse_unary(p);
        if (inner >= 0)
            inner =
                add_node(p, start, (struct filter_node){.type = FILTER_NODE_NOT, .left = inner});
    } else if (p->at < p->in.len && p->in.ptr[p->at] == '(') {
        p->at++;
        inner = parse_or(p);
        skip_blanks(p);
        if (inner >= 0 && (p->at >= p->in.len || p->in.ptr[p->at] != ')'))
            inner = wrong(p, p->at, "a ) is missing here", "each ( needs its )");
        else
            p->at++;
    } else {
        inner = parse_test(p);
    }
    p->depth--;
    return inner;
}

static bool at_end_of_and(struct parse *p)
{
    skip_blanks(p);
    return p->at >= p->in.len || p->in.ptr[p->at] == ')' || p->in.ptr[p->at] == '|' ||
           slice_eq_nocase(peek_word(p), SLICE_LIT("or"));
}

static int parse_and(struct parse *p)
{
    int left = parse_unary(p);
    while (left >= 0 && !at_end_of_and(p)) {
        size_t start = p->at;
        if (!take_word(p, "and"))
            take_sign(p, '&');
        int right = parse_unary(p);
        if (right < 0)
            return -1;
        left = add_node(
            p, start, (struct filter_node){.type = FILTER_NODE_AND, .left = left, .right = right});
    }
    return left;
}

static int parse_or(struct parse *p)
{
    int left = parse_and(p);
    while (left >= 0) {
        skip_blanks(p);
        size_t start = p->at;
        if (!take_word(p, "or") && !take_sign(p, '|'))
            break;
        int right = parse_and(p);
        if (right < 0)
            return -1;
        left = add_node(p, start,
                        (struct filter_node){.type = FILTER_NODE_OR, .left = left, .right = right});
    }
    return left;
}

struct filter *filter_parse(struct slice expr, struct err *err)
{
    struct filter *f = mem_zalloc(sizeof(*f));
    arena_init(&f->arena);
    struct parse p = {.in = arena_dup(&f->arena, expr), .f = f, .err = err};
    if (expr.len > FILTER_MAX_OCTETS)
        f->root = wrong(&p, FILTER_MAX_OCTETS, "the filter is too long", "at most 4096 octets fit");
    else
        f->root = parse_or(&p);
    if (f->root >= 0 && p.at < p.in.len)
        f->root = wrong(&p, p.at, "a ( is missing for this )", "each ) needs its (");
    if (f->root < 0)
        filter_free(&f);
    return f;
}

void filter_free(struct filter **f_inout)
{
    struct filter *f = *f_inout;
    if (!f)
        return;
    *f_inout = NULL;
    arena_deinit(&f->arena);
    mem_free(f->nodes);
    mem_free(f);
}

bool filter_names(const struct filter *f, enum filter_field field)
{
    for (size_t i = 0; i < f->n_nodes; i++)
        if (f->nodes[i].type == FILTER_NODE_TEST && f->nodes[i].field == field)
            return true;
    return false;
}
