/* The rule engine. Rules stand in one order: live ones, newest first, then the scenario's.
 *
 * Chance: each draw is a hash of the seed, the session's number, the octets its client has sent and
 * how many draws it had. Sessions do not disturb one another, and the same run gives the same run.
 */
#include "scenario/scenario_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { KEY_MAX_OCTETS = 2048 };

struct live_rule {
    struct scenario *scenario; /* of one rule */
    unsigned number;
};
struct counted {
    uint64_t matched, hits;
};

struct rules {
    struct scenario *scenario;
    struct counted *counted; /* of the scenario's rules */
    struct live_rule live[RULES_LIVE_MAX];
    struct counted live_counted[RULES_LIVE_MAX];
    size_t n_live;
    unsigned last_number;
    uint64_t sessions;
    uint64_t stages[SCENARIO_STAGE_WORDS]; /* where there is any rule */
    struct rules_memory memory;
    struct buf key;
};

/* ---- life ---- */

static void note_stages(struct rules *r)
{
    memset(r->stages, 0, sizeof(r->stages));
    for (size_t i = 0; i < SCENARIO_STAGE_WORDS; i++) {
        for (size_t n = 0; n < r->n_live; n++)
            r->stages[i] |= r->live[n].scenario->rules[0].stages[i];
        for (size_t n = 0; r->scenario && n < r->scenario->n_rules; n++)
            r->stages[i] |= r->scenario->rules[n].stages[i];
    }
}

struct rules *rules_new(struct scenario *scenario)
{
    struct rules *r = mem_zalloc(sizeof(*r));
    r->scenario = scenario;
    if (scenario && scenario->n_rules > 0)
        r->counted = mem_zalloc(scenario->n_rules * sizeof(*r->counted));
    buf_init(&r->key, KEY_MAX_OCTETS);
    note_stages(r);
    return r;
}

void rules_free(struct rules **rp)
{
    struct rules *r = *rp;
    if (!r)
        return;
    rules_remove_all(r);
    rules_memory_clear(&r->memory);
    mem_free(r->counted);
    buf_deinit(&r->key);
    scenario_free(&r->scenario);
    mem_free(r);
    *rp = NULL;
}

const struct scenario *rules_scenario(const struct rules *r)
{
    return r->scenario;
}

void rules_reset(struct rules *r)
{
    rules_memory_clear(&r->memory);
    memset(r->live_counted, 0, sizeof(r->live_counted));
    if (r->counted)
        memset(r->counted, 0, r->scenario->n_rules * sizeof(*r->counted));
    r->sessions = 0;
}

/* ---- live rules ---- */

unsigned rules_add(struct rules *r, struct slice line, struct err *err)
{
    if (r->n_live >= RULES_LIVE_MAX) {
        err_set(err, ERR_LIMIT, 0, "limit \"live-rules\" reached: %d", RULES_LIVE_MAX);
        err_explain(err, "", "remove one first");
        return 0;
    }
    struct scenario *s = scenario_parse_rule(line, err);
    if (!s)
        return 0;
    memmove(&r->live[1], &r->live[0], r->n_live * sizeof(r->live[0]));
    memmove(&r->live_counted[1], &r->live_counted[0], r->n_live * sizeof(r->live_counted[0]));
    r->live[0] = (struct live_rule){.scenario = s, .number = ++r->last_number};
    r->live_counted[0] = (struct counted){0};
    r->n_live++;
    note_stages(r);
    return r->last_number;
}

bool rules_remove(struct rules *r, unsigned number)
{
    for (size_t i = 0; i < r->n_live; i++) {
        if (r->live[i].number != number)
            continue;
        scenario_free(&r->live[i].scenario);
        r->n_live--;
        memmove(&r->live[i], &r->live[i + 1], (r->n_live - i) * sizeof(r->live[0]));
        memmove(&r->live_counted[i], &r->live_counted[i + 1],
                (r->n_live - i) * sizeof(r->live_counted[0]));
        note_stages(r);
        return true;
    }
    return false;
}

void rules_remove_all(struct rules *r)
{
    for (size_t i = 0; i < r->n_live; i++)
        scenario_free(&r->live[i].scenario);
    r->n_live = 0;
    note_stages(r);
}

bool rules_info_at(const struct rules *r, size_t index, struct rules_info *out)
{
    if (index < r->n_live) {
        *out = (struct rules_info){.number = r->live[index].number,
                                   .text = r->live[index].scenario->rules[0].text,
                                   .matched = r->live_counted[index].matched,
                                   .hits = r->live_counted[index].hits};
        return true;
    }
    index -= r->n_live;
    if (!r->scenario || index >= r->scenario->n_rules)
        return false;
    *out = (struct rules_info){.line = r->scenario->rules[index].line,
                               .text = r->scenario->rules[index].text,
                               .matched = r->counted[index].matched,
                               .hits = r->counted[index].hits};
    return true;
}

/* ---- sessions and chance ---- */

void rules_session_begin(struct rules *r, struct rules_session *s)
{
    *s = (struct rules_session){.number = ++r->sessions, .octets_hash = 14695981039346656037u};
}

void rules_session_octets(struct rules_session *s, struct slice octets)
{
    for (size_t i = 0; i < octets.len; i++)
        s->octets_hash = (s->octets_hash ^ octets.ptr[i]) * 1099511628211u;
}

/* splitmix64: every bit of the result depends on every bit of x. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t rules_draw(struct rules *r, struct rules_session *s, uint64_t low, uint64_t high)
{
    uint64_t seed = r->scenario ? r->scenario->seed : 0;
    uint64_t x = mix(mix(mix(seed) ^ s->number) ^ s->octets_hash ^ mix(++s->draws));
    return low >= high ? low : low + x % (high - low + 1);
}

uint64_t rules_clock_ms(const struct rules *r, uint64_t ms)
{
    uint64_t clock = r->scenario ? r->scenario->clock : 1;
    return ms == 0 ? 0 : ms / clock > 0 ? ms / clock : 1;
}

/* ---- asking ---- */

void rules_fact(struct rules_facts *f, enum scenario_fact fact, struct slice value)
{
    f->text[fact] = value;
    f->known |= 1u << fact;
}

bool rules_any(const struct rules *r, enum scenario_stage stage)
{
    return r->stages[(unsigned)stage / 64] >> ((unsigned)stage % 64) & 1;
}

static bool needs_memory(const struct scenario_limits *l)
{
    return l->nth || l->times || l->every || l->first_for_ms || l->after_ms || l->rate_count ||
           l->rate_ms || l->chance;
}

/* The first three octets of an IPv4 address, the first four groups of an IPv6 one: the network that
 * greylisting knows a client by. */
static struct slice net24(struct slice client)
{
    bool v6 = slice_find_octet(client, ':') >= 0;
    unsigned want = v6 ? 4 : 3;
    for (size_t i = 0; i < client.len; i++)
        if (client.ptr[i] == (v6 ? ':' : '.') && --want == 0)
            return slice_take(client, i);
    return client;
}

static void key_part(struct buf *key, struct slice value)
{
    buf_append_octet(key, '\0');
    buf_append(key, slice_take(value, KEY_MAX_OCTETS / 8));
}

static struct rules_entry *entry_of(struct rules *r, size_t index, const struct scenario_rule *rule,
                                    const struct rules_facts *f, const struct rules_session *s,
                                    uint64_t now_ms)
{
    const struct scenario_limits *l = &rule->limits;
    buf_reset(&r->key);
    if (index < r->n_live)
        buf_printf(&r->key, "live %u", r->live[index].number);
    else
        buf_printf(&r->key, "%zu", index - r->n_live);
    if (l->per_session)
        buf_printf(&r->key, " session %llu", (unsigned long long)s->number);
    if (l->per_net24)
        key_part(&r->key, net24(f->text[SCENARIO_FACT_CLIENT]));
    for (unsigned i = 0; i < SCENARIO_FACT__COUNT; i++)
        if (l->per_facts & 1u << i)
            key_part(&r->key, f->text[i]);
    return rules_memory_get(&r->memory, buf_slice(&r->key), now_ms);
}

/* More than N in D: each match costs D/N of a time that may run ahead of now by D at most. */
static bool over_rate(const struct scenario_limits *l, struct rules_entry *e, uint64_t now_ms)
{
    if (l->rate_ms == 0)
        return true;
    if (l->rate_count == 0)
        return true;
    uint64_t from_ms = e->full_at_ms > now_ms ? e->full_at_ms : now_ms;
    uint64_t cost_ms = l->rate_ms / l->rate_count > 0 ? l->rate_ms / l->rate_count : 1;
    if (from_ms + cost_ms > now_ms + l->rate_ms + cost_ms / 2)
        return true;
    e->full_at_ms = from_ms + cost_ms;
    return false;
}

static bool limits_hold(struct rules *r, const struct scenario_limits *l, struct rules_entry *e,
                        struct rules_session *s, uint64_t now_ms)
{
    uint64_t since_ms = now_ms - e->since_ms;
    bool chance = !l->chance || rules_draw(r, s, 0, 99) < l->chance_percent;
    bool rate = over_rate(l, e, now_ms);
    if ((l->nth && e->matched != l->nth) || (l->every && e->matched % l->every != 0) ||
        (l->times && e->fired >= l->times))
        return false;
    if ((l->first_for_ms && since_ms >= l->first_for_ms) || since_ms < l->after_ms)
        return false;
    return chance && rate;
}

static bool matches_hold(const struct scenario_rule *rule, const struct rules_facts *f)
{
    for (size_t i = 0; i < rule->n_matches; i++)
        if (!scenario_match_holds(&rule->matches[i], f))
            return false;
    return true;
}

static void fire(const struct scenario_rule *rule, uint64_t nth, struct rules_session *s,
                 struct rules_verdict *out)
{
    for (size_t i = 0; i < rule->n_actions && out->n_items < RULES_ASKED_MAX; i++) {
        const struct scenario_action *a = &rule->actions[i];
        out->items[out->n_items++] = (struct rules_fired){.action = a, .rule = rule, .nth = nth};
        if (a->what == SCENARIO_DO_GOTO)
            snprintf(s->state, sizeof(s->state), "%.*s", SLICE_ARG(a->text));
    }
    out->decided = rule->decides;
}

/* What one rule has to say; index counts live rules first. */
static void ask_rule(struct rules *r, size_t index, const struct rules_facts *f,
                     struct rules_session *s, uint64_t now_ms, struct rules_verdict *out,
                     bool *matched_out)
{
    bool live = index < r->n_live;
    const struct scenario_rule *rule =
        live ? &r->live[index].scenario->rules[0] : &r->scenario->rules[index - r->n_live];
    struct counted *counted = live ? &r->live_counted[index] : &r->counted[index - r->n_live];
    *matched_out = matches_hold(rule, f);
    if (!*matched_out)
        return;
    uint64_t nth = ++counted->matched;
    if (needs_memory(&rule->limits)) {
        struct rules_entry *e = entry_of(r, index, rule, f, s, now_ms);
        nth = ++e->matched;
        if (!limits_hold(r, &rule->limits, e, s, now_ms))
            return;
        e->fired++;
    }
    counted->hits++;
    fire(rule, nth, s, out);
}

void rules_ask(struct rules *r, enum scenario_stage stage, const struct rules_facts *facts,
               struct rules_session *s, uint64_t now_ms, uint64_t *once, struct rules_verdict *out)
{
    struct rules_facts f = *facts;
    size_t n = r->n_live + (r->scenario ? r->scenario->n_rules : 0);
    out->n_items = 0;
    out->decided = false;
    now_ms *= r->scenario ? r->scenario->clock : 1;
    for (size_t i = 0; i < n && !out->decided; i++) {
        const struct scenario_rule *rule =
            i < r->n_live ? &r->live[i].scenario->rules[0] : &r->scenario->rules[i - r->n_live];
        bool matched;
        if (!scenario_rule_at_stage(rule, stage) || (once && i < 64 && *once >> i & 1))
            continue;
        if (s->state[0])
            rules_fact(&f, SCENARIO_FACT_STATE, slice_cstr(s->state));
        ask_rule(r, i, &f, s, now_ms, out, &matched);
        if (matched && once && i < 64)
            *once |= (uint64_t)1 << i;
    }
}
