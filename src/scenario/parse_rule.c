/* Reading rules: when STAGE{|STAGE} { MATCH | LIMIT } { action }. */
#include "scenario/scenario_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum {
    RAW_MAX_OCTETS = 65536, /* limit "scenario-raw" */
    TIME_MAX_MS = 86400000, /* a day: of delays */
    DRAWN_MAX = 1000000000,
};

bool scenario_rule_at_stage(const struct scenario_rule *r, enum scenario_stage stage)
{
    return r->stages[(unsigned)stage / 64] >> ((unsigned)stage % 64) & 1;
}

void scenario_rule_free(struct scenario_rule *r)
{
    for (size_t i = 0; i < r->n_matches; i++)
        if (r->matches[i].op == OP_REGEX)
            regfree(&r->matches[i].regex);
    r->n_matches = 0;
}

/* ---- stages ---- */

static bool add_stage(struct scenario_parser *p, struct slice word)
{
    bool found = false;
    bool all = word.len > 2 && word.ptr[word.len - 1] == '*' && word.ptr[word.len - 2] == '.';
    for (unsigned i = 0; i < SCENARIO_STAGE__COUNT; i++) {
        struct slice name = slice_cstr(scenario_stage_words[i]);
        if (all ? slice_starts_nocase(name, slice_take(word, word.len - 1))
                : slice_eq_nocase(name, word)) {
            p->rule->stages[i / 64] |= (uint64_t)1 << (i % 64);
            found = true;
        }
    }
    return found || scenario_unknown(p, "stage", word, scenario_stage_words, SCENARIO_STAGE__COUNT);
}

static bool parse_stages(struct scenario_parser *p, struct slice word)
{
    while (word.len > 0) {
        ptrdiff_t bar = slice_find_octet(word, '|');
        if (!add_stage(p, bar < 0 ? word : slice_take(word, (size_t)bar)))
            return false;
        word = slice_skip(word, bar < 0 ? word.len : (size_t)bar + 1);
        if (bar >= 0 && word.len == 0)
            return scenario_wrong(p, "a stage is missing behind |");
    }
    return true;
}

/* ---- matches ---- */

static bool add_match(struct scenario_parser *p, int fact, char op, bool negated,
                      struct slice value)
{
    struct scenario_match *m = &p->rule->matches[p->rule->n_matches];
    struct arena *a = &p->s->arena;
    if (p->rule->n_matches >= SCENARIO_MATCHES_MAX)
        return scenario_wrong(p, "limit \"scenario-matches\" reached: %u in one rule",
                              SCENARIO_MATCHES_MAX);
    *m = (struct scenario_match){.fact = (enum scenario_fact)fact, .negated = negated};
    if (op == '=') {
        m->op = OP_GLOB;
        m->glob = arena_dup(a, value);
    } else if (op == '~') {
        char why[120];
        int code = regcomp(&m->regex, arena_strdup(a, value), REG_EXTENDED | REG_ICASE | REG_NOSUB);
        if (code != 0) {
            regerror(code, &m->regex, why, sizeof(why));
            return scenario_wrong(p, "%s~: the regular expression does not read: %s",
                                  scenario_fact_words[fact], why);
        }
        m->op = OP_REGEX;
    } else {
        m->op = op == '>' ? OP_ABOVE : OP_BELOW;
        if (!scenario_number(value, &m->number))
            return scenario_wrong(p, "%s%c wants a number", scenario_fact_words[fact], op);
    }
    p->rule->n_matches++;
    return true;
}

/* ---- limits ---- */

static bool parse_per(struct scenario_parser *p, struct slice value)
{
    struct scenario_limits *l = &p->rule->limits;
    if (value.len > 2 && value.ptr[0] == '(' && value.ptr[value.len - 1] == ')')
        value = slice_take(slice_skip(value, 1), value.len - 2);
    while (value.len > 0) {
        ptrdiff_t comma = slice_find_octet(value, ',');
        struct slice word = comma < 0 ? value : slice_take(value, (size_t)comma);
        int fact = scenario_find(scenario_fact_words, SCENARIO_FACT__COUNT, word);
        if (slice_eq_nocase(word, SLICE_LIT("net24")))
            l->per_net24 = true;
        else if (fact == SCENARIO_FACT_SESSION)
            l->per_session = true;
        else if (fact >= 0 && fact != SCENARIO_FACT_SERVER)
            l->per_facts |= 1u << fact;
        else if (fact < 0)
            return scenario_unknown(p, "word behind per=", word, scenario_fact_words,
                                    SCENARIO_FACT__COUNT);
        value = slice_skip(value, comma < 0 ? value.len : (size_t)comma + 1);
    }
    return true;
}

/* N/D */
static bool parse_rate(struct slice value, struct scenario_limits *l)
{
    ptrdiff_t slash = slice_find_octet(value, '/');
    if (slash < 0 || !slice_to_u64(slice_take(value, (size_t)slash), DRAWN_MAX, &l->rate_count))
        return false;
    struct slice span = slice_skip(value, (size_t)slash + 1);
    uint8_t first = span.len > 0 ? span.ptr[0] : 0;
    if (first >= '0' && first <= '9')
        return scenario_duration(span, &l->rate_ms) && l->rate_ms > 0;
    char one[8]; /* 5/m: five in one minute */
    if (span.len + 2 > sizeof(one) || span.len == 0)
        return false;
    snprintf(one, sizeof(one), "1%.*s", SLICE_ARG(span));
    return scenario_duration(slice_cstr(one), &l->rate_ms);
}

static bool parse_chance(struct slice value, struct scenario_limits *l)
{
    uint64_t percent;
    if (value.len == 0 || value.ptr[value.len - 1] != '%' ||
        !slice_to_u64(slice_take(value, value.len - 1), 100, &percent))
        return false;
    l->chance = true;
    l->chance_percent = (unsigned)percent;
    return true;
}

static bool parse_count(struct slice value, uint64_t *out)
{
    return slice_to_u64(value, DRAWN_MAX, out) && *out > 0;
}

static bool add_limit(struct scenario_parser *p, int limit, char op, struct slice value)
{
    struct scenario_limits *l = &p->rule->limits;
    const char *word = scenario_limit_words[limit];
    if ((limit == SCENARIO_LIMIT_RATE) != (op == '>'))
        return scenario_wrong(
            p, limit == SCENARIO_LIMIT_RATE ? "rate is written rate>N/D" : "%s wants = and a value",
            word);
    switch ((enum scenario_limit)limit) {
    case SCENARIO_LIMIT_NTH:
        return parse_count(value, &l->nth) || scenario_wrong(p, "nth wants a number from 1 on");
    case SCENARIO_LIMIT_TIMES:
        return parse_count(value, &l->times) || scenario_wrong(p, "times wants a number from 1 on");
    case SCENARIO_LIMIT_EVERY:
        return parse_count(value, &l->every) || scenario_wrong(p, "every wants a number from 1 on");
    case SCENARIO_LIMIT_CHANCE:
        return parse_chance(value, l) || scenario_wrong(p, "chance is written chance=25%%");
    case SCENARIO_LIMIT_FIRST_FOR:
        return scenario_duration(value, &l->first_for_ms) ||
               scenario_wrong(p, "first-for wants a time such as 30s or 5m");
    case SCENARIO_LIMIT_AFTER:
        return scenario_duration(value, &l->after_ms) ||
               scenario_wrong(p, "after wants a time such as 30s or 5m");
    case SCENARIO_LIMIT_RATE:
        return parse_rate(value, l) || scenario_wrong(p, "rate is written rate>10/1m");
    case SCENARIO_LIMIT_PER:
        return parse_per(p, value);
    case SCENARIO_LIMIT__COUNT:
        break;
    }
    return false;
}

/* ---- the words behind the stages ---- */

static size_t name_octets(struct slice s)
{
    size_t n = 0;
    while (n < s.len &&
           ((s.ptr[n] | 0x20) >= 'a' ? (s.ptr[n] | 0x20) <= 'z'
                                     : s.ptr[n] == '-' || (s.ptr[n] >= '0' && s.ptr[n] <= '9')))
        n++;
    return n;
}

/* The value may be "in quotes", which hold spaces. *rest moves behind it. */
static struct slice read_value(struct slice *rest)
{
    struct slice value;
    if (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t'))
        return slice_of(NULL, 0);
    return scenario_next(rest, &value) ? value : slice_of(NULL, 0);
}

static bool unknown_condition(struct scenario_parser *p, struct slice name)
{
    char shown[48];
    size_t best = SIZE_MAX;
    const char *near =
        scenario_nearest(scenario_fact_words, SCENARIO_FACT__COUNT, name, NULL, &best);
    near = scenario_nearest(scenario_limit_words, SCENARIO_LIMIT__COUNT, name, near, &best);
    near = scenario_nearest(scenario_do_words, SCENARIO_DO__COUNT, name, near, &best);
    scenario_shown(name, shown, sizeof(shown));
    return near ? scenario_wrong(p, "unknown word \"%s\"; did you mean \"%s\"?", shown, near)
                : scenario_wrong(p, "unknown word \"%s\"", shown);
}

/* One MATCH or LIMIT; *rest stands at it and moves behind it. */
static bool parse_condition(struct scenario_parser *p, struct slice *rest)
{
    bool negated = rest->ptr[0] == '!';
    struct slice s = slice_skip(*rest, negated ? 1 : 0);
    struct slice name = slice_take(s, name_octets(s));
    char op = s.len > name.len ? (char)s.ptr[name.len] : '\0';
    bool operator_known = op == '=' || op == '~' || op == '>' || op == '<';
    int fact = scenario_find(scenario_fact_words, SCENARIO_FACT__COUNT, name);
    int limit = scenario_find(scenario_limit_words, SCENARIO_LIMIT__COUNT, name);
    if (fact < 0 && limit < 0)
        return unknown_condition(p, name.len > 0 ? name : slice_next_word(&s));
    if (!operator_known)
        return scenario_wrong(p, "%s wants = ~ > or < and a value behind it",
                              fact >= 0 ? scenario_fact_words[fact] : scenario_limit_words[limit]);
    *rest = slice_skip(s, name.len + 1);
    struct slice value = read_value(rest);
    if (fact >= 0)
        return add_match(p, fact, op, negated, value);
    if (negated)
        return scenario_wrong(p, "! stands before matches, not before limits");
    return add_limit(p, limit, op, value);
}

static bool is_action(struct slice rest)
{
    return scenario_find(scenario_do_words, SCENARIO_DO__COUNT, slice_next_word(&rest)) >= 0;
}

/* Actions of a rule on one line, " ; " between them. */
static bool parse_actions(struct scenario_parser *p, struct slice rest)
{
    while (rest.len > 0) {
        ptrdiff_t end = slice_find(rest, SLICE_LIT(" ; "));
        struct slice one = slice_trim(end < 0 ? rest : slice_take(rest, (size_t)end));
        if (one.len > 0 && !scenario_parse_action(p, one))
            return false;
        rest = slice_skip(rest, end < 0 ? rest.len : (size_t)end + 3);
    }
    return true;
}

static struct scenario_rule *new_rule(struct scenario_parser *p, struct slice text)
{
    struct scenario *s = p->s;
    s->rules = scenario_grow(&s->arena, s->rules, sizeof(*s->rules), s->n_rules, &p->alloc_rules);
    struct scenario_rule *r = &s->rules[s->n_rules++];
    *r = (struct scenario_rule){.line = p->line, .text = arena_strdup(&s->arena, text)};
    r->matches = arena_alloc(&s->arena, SCENARIO_MATCHES_MAX * sizeof(*r->matches));
    p->alloc_actions = 0;
    return r;
}

bool scenario_parse_when(struct scenario_parser *p, struct slice rest, bool one_line)
{
    if (p->s->n_rules >= SCENARIO_RULES_MAX)
        return scenario_wrong(p, "limit \"scenario-rules\" reached: %u", SCENARIO_RULES_MAX);
    p->rule = new_rule(p, rest);
    p->block = BLOCK_WHEN;
    struct slice stages = slice_next_word(&rest);
    if (stages.len == 0)
        return scenario_wrong(p, "a stage is missing behind when");
    if (!parse_stages(p, stages))
        return false;
    for (rest = slice_trim(rest); rest.len > 0; rest = slice_trim(rest)) {
        if (is_action(rest))
            return one_line ? parse_actions(p, rest) : scenario_parse_action(p, rest);
        if (!parse_condition(p, &rest))
            return false;
    }
    return true;
}

/* ---- actions ---- */

/* {name} must be a variable; { without letters behind it is itself. */
static bool check_variables(struct scenario_parser *p, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '{')
            continue;
        ptrdiff_t end = slice_find_octet(slice_skip(text, i), '}');
        uint8_t first = i + 1 < text.len ? (uint8_t)(text.ptr[i + 1] | 0x20) : 0;
        if (end < 0 || first < 'a' || first > 'z')
            continue;
        struct slice name = slice_take(slice_skip(text, i + 1), (size_t)end - 1);
        if (!rules_is_variable(name))
            return scenario_unknown(p, "variable", name, scenario_fact_words, SCENARIO_FACT__COUNT);
    }
    return true;
}

static bool read_span(struct slice text, struct scenario_action *a)
{
    ptrdiff_t dots = slice_find(text, SLICE_LIT(".."));
    struct slice low = dots < 0 ? text : slice_take(text, (size_t)dots);
    if (!scenario_duration(low, &a->low_ms))
        return false;
    a->high_ms = a->low_ms;
    if (dots >= 0 && !scenario_duration(slice_skip(text, (size_t)dots + 2), &a->high_ms))
        return false;
    return a->high_ms >= a->low_ms && a->high_ms <= TIME_MAX_MS;
}

static bool read_per_second(struct slice text, struct scenario_action *a)
{
    return text.len > 2 && slice_eq_nocase(slice_skip(text, text.len - 2), SLICE_LIT("/s")) &&
           parse_count(slice_take(text, text.len - 2), &a->number);
}

static bool read_chunk(struct slice text, struct scenario_action *a)
{
    ptrdiff_t at = slice_find_octet(text, '@');
    if (at >= 0 && (!scenario_duration(slice_skip(text, (size_t)at + 1), &a->low_ms) ||
                    a->low_ms > TIME_MAX_MS))
        return false;
    return parse_count(at < 0 ? text : slice_take(text, (size_t)at), &a->number);
}

/* CODE TEXT [after=D] */
static bool read_bounce(struct slice text, struct scenario_action *a)
{
    struct slice rest = text, code = slice_next_word(&rest);
    if (!slice_to_u64(code, 599, &a->number) || a->number < 400)
        return false;
    rest = slice_trim(rest);
    for (size_t i = rest.len; i-- > 0;) {
        struct slice tail = slice_skip(rest, i);
        if ((i > 0 && rest.ptr[i - 1] != ' ') || !slice_starts_nocase(tail, SLICE_LIT("after=")))
            continue;
        if (!scenario_duration(slice_skip(tail, 6), &a->low_ms))
            return false;
        rest = slice_trim(slice_take(rest, i));
        break;
    }
    a->text = rest;
    return rest.len > 0;
}

static bool read_octets(struct scenario_parser *p, struct slice text, struct scenario_action *a)
{
    struct buf octets;
    buf_init(&octets, RAW_MAX_OCTETS);
    bool ok = scenario_unescape(text, &octets);
    a->text = arena_dup(&p->s->arena, buf_slice(&octets));
    buf_deinit(&octets);
    return ok ||
           scenario_wrong(p, "an escape does not read: \\r \\n \\t \\0 \\e \\\\ \\xHH are known");
}

static bool read_assign(struct scenario_parser *p, struct slice text, struct scenario_action *a,
                        bool *said)
{
    ptrdiff_t at = slice_find_octet(text, '=');
    if (at <= 0)
        return false;
    struct slice name = slice_trim(slice_take(text, (size_t)at));
    int found = scenario_find(scenario_switch_words, SCENARIO_SWITCH__COUNT, name);
    *said = true;
    if (found < 0)
        return scenario_unknown(p, "switch", name, scenario_switch_words, SCENARIO_SWITCH__COUNT);
    a->key = (enum scenario_switch)found;
    a->text = slice_trim(slice_skip(text, (size_t)at + 1));
    return check_variables(p, a->text);
}

static bool read_cert(struct scenario_parser *p, struct slice text, struct scenario_action *a)
{
    int cert = scenario_find(scenario_cert_words, SCENARIO_CERT__COUNT, text);
    if (cert < 0)
        return scenario_unknown(p, "certificate", text, scenario_cert_words, SCENARIO_CERT__COUNT);
    a->cert = (enum scenario_cert)cert;
    return true;
}

/* The argument in its form; false: an error stands already, or *said is false and the form is to be
 * said. */
static bool read_argument(struct scenario_parser *p, enum scenario_argument form, struct slice text,
                          struct scenario_action *a, bool *said)
{
    *said = false;
    a->text = text;
    switch (form) {
    case ARGUMENT_NONE:
        return text.len == 0;
    case ARGUMENT_TEXT:
        *said = true;
        return check_variables(p, text);
    case ARGUMENT_WORDS:
        return text.len > 0;
    case ARGUMENT_OCTETS:
        *said = true;
        return read_octets(p, text, a) && check_variables(p, text);
    case ARGUMENT_SPAN:
        return read_span(text, a);
    case ARGUMENT_NUMBER:
        return slice_to_u64(text, DRAWN_MAX, &a->number);
    case ARGUMENT_PER_SECOND:
        return read_per_second(text, a);
    case ARGUMENT_CHUNK:
        return read_chunk(text, a);
    case ARGUMENT_BOUNCE:
        return read_bounce(text, a) && (*said = true, check_variables(p, a->text));
    case ARGUMENT_CERT:
        *said = true;
        return read_cert(p, text, a);
    case ARGUMENT_ASSIGN:
        return read_assign(p, text, a, said);
    }
    return false;
}

static bool wrong_argument(struct scenario_parser *p, int what)
{
    struct scenario_word help;
    scenario_word_at(SCENARIO_DOS, (size_t)what, &help);
    if (!*help.form)
        return scenario_wrong(p, "nothing stands behind %s", help.word);
    return scenario_wrong(p, "%s is written: %s %s", help.word, help.word, help.form);
}

bool scenario_parse_action(struct scenario_parser *p, struct slice line)
{
    struct scenario_rule *r = p->rule;
    struct slice rest = line, word = slice_next_word(&rest);
    int what = scenario_find(scenario_do_words, SCENARIO_DO__COUNT, word);
    bool said;
    if (what < 0)
        return scenario_unknown(p, "action", word, scenario_do_words, SCENARIO_DO__COUNT);
    if (r->n_actions >= SCENARIO_ACTIONS_MAX)
        return scenario_wrong(p, "limit \"scenario-actions\" reached: %u in one rule",
                              SCENARIO_ACTIONS_MAX);
    struct scenario_action a = {.what = (enum scenario_do)what, .line = p->line};
    const struct scenario_action_word *known = scenario_action_word(a.what);
    if (!read_argument(p, known->argument, slice_trim(rest), &a, &said))
        return said ? false : wrong_argument(p, what);
    a.text = arena_dup(&p->s->arena, a.text);
    r->actions = scenario_grow(&p->s->arena, r->actions, sizeof(*r->actions), r->n_actions,
                               &p->alloc_actions);
    r->actions[r->n_actions++] = a;
    r->decides = r->decides || known->decides;
    return true;
}
