/* What rules want done with the answer that is being made, whatever the protocol.
 *
 * A protocol begins a plan for each thing of the client's it answers, asks the rules at the stages
 * it passes (mock_rules_ask), and at last says its own answer with mock_plan_say, which carries out
 * what the rules want: other words, octets behind them, late, in pieces, an end. One connection is
 * served at a time, so there is one plan, in the mock.
 */
#ifndef MOCK_PLAN_H
#define MOCK_PLAN_H

#include "scenario/rules.h"

struct mock_conn;
struct mock;
enum mock_then { /* what is to be done once the octets said have been queued */
                 MOCK_THEN_GO_ON,
                 MOCK_THEN_TLS,   /* start the handshake as server */
                 MOCK_THEN_CLOSE, /* close in order */
                 MOCK_THEN_RESET, /* cut it; what was said goes first */
                 MOCK_THEN_DROP,  /* close without saying it */
                 MOCK_THEN_MORE, /* there is more of this answer: .more is called when the queue has
                                    room */
};

enum {
    MOCK_PAUSES_MAX = 4,            /* in one answer; more are passed over */
    MOCK_PLAN_MAX_OCTETS = 1 << 18, /* limit "answer": what rules say at once */
    MOCK_CAPS_MAX_OCTETS = 4096,    /* limit "scenario-capabilities": hidden or offered by rules */
    MOCK_PIECE_MIN_MS = 20,         /* of a drip: faster ones send more octets at once */
};

/* How an answer leaves. */
struct mock_pace {
    uint64_t delay_ms;                   /* before its first octet */
    uint64_t piece_octets, piece_gap_ms; /* 0: all at once */
    struct {
        size_t at; /* octets of the answer before the pause */
        uint64_t ms;
    } pauses[MOCK_PAUSES_MAX];
    unsigned n_pauses;
};

struct mock_plan {
    struct buf text;   /* stands for the server's own answer, where `replies` */
    struct buf behind; /* goes behind the server's own answer */
    struct mock_pace pace;
    uint64_t truncate_octets;
    uint64_t bounce_after_ms;
    unsigned bounce_code; /* 0: no bounce */
    struct buf bounce_text;
    struct buf hide, offer; /* capabilities, space separated; of this answer */
    bool replies, decided;
    bool positive; /* the reply is a yes: the server does its part, too */
    bool stall, close, reset, drop, truncate;
    bool accept, discard, store, duplicate;
};

/* The facts of one question, and room for those that are numbers. */
struct mock_facts {
    struct rules_facts f;
    char client[64], numbers[SCENARIO_FACT__COUNT][24];
};

/* What rules have changed for the rest of a session. */
struct mock_changed {
    char *hide, *offer, *banner;
    char *proto, *ciphers;
    bool cert_set, ask_client, require_client;
    enum scenario_cert cert;
};

void mock_plan_init(struct mock_plan *p);
void mock_plan_deinit(struct mock_plan *p);
struct mock_plan *mock_plan_begin(struct mock_conn *c);
/* Ask at a stage and note what is wanted. `more` (may be NULL) are facts besides those every
 * connection and its protocol know; they win. True: a rule decided. */
bool mock_rules_ask(struct mock_conn *c, enum scenario_stage stage, const struct rules_facts *more,
                    uint64_t *once);
bool mock_rules_any(const struct mock_conn *c, enum scenario_stage stage);
void mock_fact_number(struct mock_facts *f, enum scenario_fact fact, uint64_t n);
/* Does the plan leave nothing to ask the server itself: it refuses, ends or keeps silent? */
bool mock_plan_refuses(const struct mock_plan *p);
/* `own` is the server's own answer, and what it wants done then. `own` may be empty. */
void mock_plan_say(struct mock_conn *c, struct slice own, uint64_t delay_ms, enum mock_then then);
/* The octets came by this connection: what chance depends on. */
void mock_rules_octets(struct mock_conn *c, struct slice octets);
void mock_changed_free(struct mock_changed **ch);

/* Capabilities: lines "KEYWORD PARAMETERS" with LF between, in and out: those hidden leave, those
 * offered come behind. */
void mock_caps_edit(const struct mock_conn *c, struct slice lines, struct buf *out);

#endif
