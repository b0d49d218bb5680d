/* Scenario files (NAME.scn): what the practice servers do, read into a struct. Pure: text in,
 * struct or error out; files come through a function of the caller.
 *
 *     file    := { "scenario" NAME | "title" TEXT | "level" 1-5 | "seed" N | "clock" xN
 *                | "magic" on|off | "server" SERVICE { setting } | "account" ... | "message" ...
 *                | "zone" FILE | "include" FILE | "when" STAGE{|STAGE} { MATCH | LIMIT } { action }
 * } MATCH   := [!] FACT (= glob | ~ regex | > n | < n)
 *
 * The words stand in scenario/words.def. Plain text; a text is the rest of its line, without
 * quotes; a line that begins with # is a comment; indented lines belong to the block above. An
 * unknown word is an error with its line and "did you mean".
 */
#ifndef SCENARIO_SCENARIO_H
#define SCENARIO_SCENARIO_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum {
    SCENARIO_FILE_MAX_OCTETS = 256 * 1024, /* limit "scenario-file" */
    SCENARIO_INCLUDE_DEPTH_MAX = 8,        /* limit "scenario-include" */
    SCENARIO_RULES_MAX = 500,              /* limit "scenario-rules" */
    SCENARIO_ACTIONS_MAX = 32,             /* limit "scenario-actions": of one rule */
    SCENARIO_MATCHES_MAX = 16,             /* limit "scenario-matches": of one rule */
    SCENARIO_MESSAGES_MAX = 10000, /* limit "scenario-messages": put into mailboxes at start */
};

enum scenario_stage {
#define STAGE(id, word, help) SCENARIO_STAGE_##id,
#include "scenario/words.def"
    SCENARIO_STAGE__COUNT
};
enum scenario_fact {
#define FACT(id, word, help) SCENARIO_FACT_##id,
#include "scenario/words.def"
    SCENARIO_FACT__COUNT
};
enum scenario_do {
#define ACTION(id, word, argument, decides, form, help) SCENARIO_DO_##id,
#include "scenario/words.def"
    SCENARIO_DO__COUNT
};
enum scenario_limit {
#define LIMIT(id, word, form, help) SCENARIO_LIMIT_##id,
#include "scenario/words.def"
    SCENARIO_LIMIT__COUNT
};
enum scenario_switch {
#define SWITCH(id, word, form, help) SCENARIO_SWITCH_##id,
#include "scenario/words.def"
    SCENARIO_SWITCH__COUNT
};
enum scenario_setting {
#define SETTING(id, word, form, help) SCENARIO_SETTING_##id,
#include "scenario/words.def"
    SCENARIO_SETTING__COUNT
};
enum scenario_service {
    SCENARIO_SMTP,
    SCENARIO_LMTP,
    SCENARIO_SUBMISSION,
    SCENARIO_SUBMISSIONS,
    SCENARIO_POP3,
    SCENARIO_POP3S,
    SCENARIO_IMAP,
    SCENARIO_IMAPS,
    SCENARIO_SERVICE__COUNT
};
enum scenario_cert {
    SCENARIO_CERT_OK,
    SCENARIO_CERT_EXPIRED,
    SCENARIO_CERT_FUTURE,
    SCENARIO_CERT_WRONGHOST,
    SCENARIO_CERT_SELFSIGNED,
    SCENARIO_CERT_UNKNOWNCA,
    SCENARIO_CERT_NOCHAIN,
    SCENARIO_CERT_EKU,
    SCENARIO_CERT_RSA1024,
    SCENARIO_CERT_SHA1,
    SCENARIO_CERT_SNI,
    SCENARIO_CERT__COUNT
};

/* NULL beyond the end. */
const char *scenario_stage_word(enum scenario_stage stage);
const char *scenario_fact_word(enum scenario_fact fact);
const char *scenario_do_word(enum scenario_do action);
const char *scenario_service_word(enum scenario_service service);
const char *scenario_cert_word(enum scenario_cert cert);
/* A row of help on the word at index of one of the vocabularies, for generated pages. */
struct scenario_word {
    const char *word, *form, *help;
};
enum scenario_vocabulary {
    SCENARIO_STAGES,
    SCENARIO_FACTS,
    SCENARIO_LIMITS,
    SCENARIO_DOS,
    SCENARIO_SETTINGS,
    SCENARIO_SWITCHES
};
bool scenario_word_at(enum scenario_vocabulary v, size_t index, struct scenario_word *out);

struct scenario_action {
    enum scenario_do what;
    struct slice text; /* reply, say, words; raw octets with their escapes resolved; a value */
    enum scenario_switch key; /* set: what */
    uint64_t number;          /* truncate, drip, chunk: octets; bounce, reply: code (0: none) */
    uint64_t low_ms, high_ms; /* delay; chunk: low_ms apart; bounce: low_ms later */
    enum scenario_cert cert;
    unsigned line;
};

struct scenario_match;
struct scenario_limits {
    uint64_t nth, times, every; /* 0: none */
    uint64_t first_for_ms, after_ms;
    uint64_t rate_count, rate_ms;
    unsigned chance_percent; /* chance: 0-100 */
    bool chance;
    bool per_net24, per_session; /* per_session: each connection on its own */
    uint32_t per_facts;          /* 1 << enum scenario_fact */
};

enum { SCENARIO_STAGE_WORDS = (SCENARIO_STAGE__COUNT + 63) / 64 };
struct scenario_rule {
    uint64_t stages[SCENARIO_STAGE_WORDS];
    struct scenario_match *matches; /* n_matches; opaque here */
    size_t n_matches;
    struct scenario_limits limits;
    struct scenario_action *actions;
    size_t n_actions;
    const char *text; /* as written, in one line */
    unsigned line;
    bool decides; /* an action of it does more than decorate */
};
bool scenario_rule_at_stage(const struct scenario_rule *r, enum scenario_stage stage);

struct scenario_server {
    bool given;                          /* the scenario has a block for it */
    const char *profile, *name, *banner; /* NULL: as usual */
    const char *caps, *hide;             /* space separated; NULL: as usual */
    const char *mechanisms;              /* NULL: as usual */
    bool auth_off, auth_required, auth_clear;
    bool tls_off, tls_required;
    const char *relax; /* names of rules, space separated; NULL: none */
    uint64_t size_octets, recipients, messages, errors; /* 0: as usual */
    uint64_t idle_ms;
};

struct scenario_account {
    const char *user, *password; /* password NULL: secret */
    uint64_t quota_octets;       /* 0: none */
};
struct scenario_message {
    const char *user, *folder, *from, *subject; /* NULL: as usual */
    const char *flags;
    struct slice body;    /* lines ended by CR LF */
    uint64_t count;       /* so many of them */
    uint64_t size_octets; /* 0: as it is; else filled up to this */
};

struct scenario {
    struct arena arena;
    const char *name, *title;
    unsigned level; /* 0: not said */
    uint64_t seed;
    uint64_t clock; /* 1: as fast as life */
    bool magic_off;
    struct scenario_server servers[SCENARIO_SERVICE__COUNT];
    struct scenario_account *accounts;
    size_t n_accounts;
    struct scenario_message *messages;
    size_t n_messages;
    const char **zones;
    size_t n_zones;
    struct scenario_rule *rules;
    size_t n_rules;
};

/* Read a file that "include" names, or a scenario: all of it into out. False: *err. */
typedef bool (*scenario_read_fn)(void *ctx, const char *name, struct buf *out, struct err *err);
/* `file` stands in errors. read may be NULL: nothing can be included then. NULL and *err
 * (ERR_FORMAT, "FILE:LINE: what is wrong") where it does not read. */
struct scenario *scenario_parse(struct slice text, const char *file, scenario_read_fn read,
                                void *read_ctx, struct err *err);
void scenario_free(struct scenario **s);
/* A single rule on one line, as /fault takes it: [when] STAGE MATCH.. LIMIT.. ACTION { ; ACTION }.
 * A scenario with one rule. */
struct scenario *scenario_parse_rule(struct slice line, struct err *err);

/* The scenarios that come with the program (doc/scenarios, compiled in), by name. */
struct scenario_builtin {
    const char *name, *text;
};
const struct scenario_builtin *scenario_builtin_at(size_t index); /* NULL at the end */
const struct scenario_builtin *scenario_builtin_find(const char *name);
/* A builtin's name, else a file through `read`. */
struct scenario *scenario_load(const char *name, scenario_read_fn read, void *read_ctx,
                               struct err *err);
/* doc/scenarios.md */
void scenario_doc_markdown(struct buf *out);

#endif
