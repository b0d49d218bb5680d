/* The rule engine: asked at a stage with facts, it answers with actions. It knows no protocol and
 * does nothing itself.
 *
 * The first rule whose matches and limits hold and that does more than decorate decides; rules that
 * only decorate are collected on the way. Chance comes from the scenario's seed, the number of the
 * session and the octets its client sent, so that the same run gives the same run.
 */
#ifndef SCENARIO_RULES_H
#define SCENARIO_RULES_H

#include "scenario/scenario.h"

enum {
    RULES_ASKED_MAX = 64,        /* actions one question can be answered with */
    RULES_REMEMBERED_MAX = 4096, /* limit "remembered": keys of per=, oldest leaving first */
    RULES_LIVE_MAX = 200,        /* limit "live-rules" */
    RULES_STATE_OCTETS = 24,
};

struct rules_facts {
    struct slice text[SCENARIO_FACT__COUNT]; /* several values: one a line */
    uint32_t known;                          /* 1 << fact: those that are set */
};
void rules_fact(struct rules_facts *f, enum scenario_fact fact, struct slice value);

/* What the engine keeps of a connection. */
struct rules_session {
    uint64_t number; /* from 1 */
    uint64_t octets_hash, draws;
    char state[RULES_STATE_OCTETS]; /* named by goto; empty: none */
};

struct rules;
/* The scenario is taken over; NULL: no rules. */
struct rules *rules_new(struct scenario *scenario_taken);
void rules_free(struct rules **r);
const struct scenario *rules_scenario(const struct rules *r); /* NULL: none */

void rules_session_begin(struct rules *r, struct rules_session *s);
/* Octets of the client: what chance depends on. */
void rules_session_octets(struct rules_session *s, struct slice octets);

/* Is there any rule at this stage? Asking costs facts; this costs nothing. */
bool rules_any(const struct rules *r, enum scenario_stage stage);

struct rules_fired {
    const struct scenario_action *action;
    const struct scenario_rule *rule;
    uint64_t nth; /* how many times the rule has matched for its key */
};
struct rules_verdict {
    struct rules_fired items[RULES_ASKED_MAX]; /* valid until a rule is added or removed */
    size_t n_items;
    bool decided;
};
/* once (may be NULL): rules that have matched are noted there and not asked again with it. */
void rules_ask(struct rules *r, enum scenario_stage stage, const struct rules_facts *f,
               struct rules_session *s, uint64_t now_ms, uint64_t *once, struct rules_verdict *out);
/* A number in [low, high], as chance has it. */
uint64_t rules_draw(struct rules *r, struct rules_session *s, uint64_t low, uint64_t high);
/* A waiting time as the scenario's clock has it: never below 1 ms unless 0. */
uint64_t rules_clock_ms(const struct rules *r, uint64_t ms);

/* text with its {variables}: octets of a peer in them lose CR, LF and NUL. */
void rules_expand(struct buf *out, struct slice text, const struct rules_facts *f, uint64_t nth);
/* Is {name} a variable? For the parser. */
bool rules_is_variable(struct slice name);

/* Live rules come before the scenario's, the newest first. 0 and *err: it does not read. Else its
 * number. */
unsigned rules_add(struct rules *r, struct slice line, struct err *err);
bool rules_remove(struct rules *r, unsigned number); /* false: no live rule has it */
void rules_remove_all(struct rules *r);              /* live ones */
void rules_reset(struct rules *r);                   /* counters and memory, as if new */

struct rules_info {
    unsigned number; /* live rules: for rules_remove; the scenario's: 0 */
    unsigned line;   /* of the scenario's */
    const char *text;
    uint64_t matched, hits;
};
bool rules_info_at(const struct rules *r, size_t index, struct rules_info *out);

#endif
