/* The insides of scenario files and their rules, shared by this module only. */
#ifndef SCENARIO_PRIVATE_H
#define SCENARIO_PRIVATE_H

#include <regex.h>

#include "scenario/rules.h"
#include "scenario/scenario.h"

enum scenario_op { OP_GLOB, OP_REGEX, OP_ABOVE, OP_BELOW };

struct scenario_match {
    enum scenario_fact fact;
    enum scenario_op op;
    bool negated;
    uint64_t number;
    struct slice glob;
    regex_t regex; /* OP_REGEX; freed with the scenario */
};
bool scenario_match_holds(const struct scenario_match *m, const struct rules_facts *f);

/* What the argument of an action looks like. */
enum scenario_argument {
    ARGUMENT_NONE,
    ARGUMENT_TEXT,
    ARGUMENT_WORDS,
    ARGUMENT_OCTETS,
    ARGUMENT_SPAN,
    ARGUMENT_NUMBER,
    ARGUMENT_PER_SECOND,
    ARGUMENT_CHUNK,
    ARGUMENT_BOUNCE,
    ARGUMENT_CERT,
    ARGUMENT_ASSIGN
};

/* words.c */
struct scenario_action_word {
    const char *word;
    enum scenario_argument argument;
    bool decides;
};
const struct scenario_action_word *scenario_action_word(enum scenario_do what);
/* Index of the word in the list, or -1. */
int scenario_find(const char *const *words, size_t n_words, struct slice word);
extern const char *const scenario_stage_words[SCENARIO_STAGE__COUNT];
extern const char *const scenario_fact_words[SCENARIO_FACT__COUNT];
extern const char *const scenario_do_words[SCENARIO_DO__COUNT];
extern const char *const scenario_limit_words[SCENARIO_LIMIT__COUNT];
extern const char *const scenario_setting_words[SCENARIO_SETTING__COUNT];
extern const char *const scenario_switch_words[SCENARIO_SWITCH__COUNT];
extern const char *const scenario_service_words[SCENARIO_SERVICE__COUNT];
extern const char *const scenario_cert_words[SCENARIO_CERT__COUNT];
/* The word of the lists that is nearest to what was typed, or NULL. `best` holds the distance so
 * far: start with SIZE_MAX. */
const char *scenario_nearest(const char *const *words, size_t n_words, struct slice typed,
                             const char *so_far, size_t *best);
/* 5, 5s, 500ms, 5m, 2h, 1d (a bare number: seconds); 5K, 3M, 1G. */
bool scenario_duration(struct slice text, uint64_t *ms_out);
bool scenario_number(struct slice text, uint64_t *value_out);
bool scenario_unescape(struct slice text, struct buf *out);

/* parse.c: where the parser stands. */
enum scenario_block { BLOCK_NONE, BLOCK_SERVER, BLOCK_WHEN, BLOCK_MESSAGE };
struct scenario_parser {
    struct scenario *s;
    const char *file;
    unsigned line, depth;
    struct err *err;
    scenario_read_fn read;
    void *read_ctx;
    enum scenario_block block;
    struct scenario_server *server;
    struct scenario_rule *rule;
    struct scenario_message *message;
    size_t alloc_rules, alloc_messages, alloc_accounts, alloc_zones, alloc_actions;
};
/* *err is set to "FILE:LINE: ..."; false always. */
bool scenario_wrong(struct scenario_parser *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* ... unknown WORD, did you mean ...; false always. The lists end with NULL. */
bool scenario_unknown(struct scenario_parser *p, const char *what, struct slice word,
                      const char *const *words, size_t n_words);
/* A printable copy for an error text. */
const char *scenario_shown(struct slice word, char *out, size_t out_octets);
/* The next word, which may be "in quotes"; false: none. Quotes are taken away. */
bool scenario_next(struct slice *rest, struct slice *word_out);
/* One more element of an arena array. */
void *scenario_grow(struct arena *a, void *array, size_t element_octets, size_t n, size_t *alloc);

/* parse_rule.c */
bool scenario_parse_when(struct scenario_parser *p, struct slice rest, bool one_line);
bool scenario_parse_action(struct scenario_parser *p, struct slice line);
void scenario_rule_free(struct scenario_rule *r);

/* parse_server.c */
bool scenario_parse_setting(struct scenario_parser *p, struct slice line);
bool scenario_parse_account(struct scenario_parser *p, struct slice rest);
bool scenario_parse_message(struct scenario_parser *p, struct slice rest);
bool scenario_parse_message_line(struct scenario_parser *p, struct slice line);

/* memory.c: what happened for a key before: a bounded table, oldest entries leaving first. */
struct rules_entry {
    uint64_t matched, fired;
    uint64_t since_ms;   /* of the first match, on the scenario's clock */
    uint64_t full_at_ms; /* rate: when the allowance is whole again */
    uint32_t hash;
    uint32_t next; /* index + 1 in the bucket's chain */
    struct slice key;
};
struct rules_memory {
    struct rules_entry *entries; /* a ring of RULES_REMEMBERED_MAX */
    uint32_t *buckets;
    size_t n_entries, oldest;
};
void rules_memory_clear(struct rules_memory *m);
/* The entry of this key, made where there is none. Valid until the next call. */
struct rules_entry *rules_memory_get(struct rules_memory *m, struct slice key, uint64_t now_ms);

#endif
