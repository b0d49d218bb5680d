/* Reading a scenario file: lines, blocks, the words at the margin. */
#include "scenario/scenario_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/vis.h"

/* ---- errors ---- */

bool scenario_wrong(struct scenario_parser *p, const char *fmt, ...)
{
    char text[200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    err_set(p->err, ERR_FORMAT, (int)p->line, "%.60s:%u: %s", p->file, p->line, text);
    err_explain(p->err, "the scenario is not used", "doc/scenarios.md has every word");
    return false;
}

const char *scenario_shown(struct slice word, char *out, size_t out_octets)
{
    vis_to_cstr(out, out_octets, word);
    return out;
}

bool scenario_unknown(struct scenario_parser *p, const char *what, struct slice word,
                      const char *const *words, size_t n_words)
{
    char shown[48];
    size_t best = SIZE_MAX;
    const char *near = scenario_nearest(words, n_words, word, NULL, &best);
    scenario_shown(word, shown, sizeof(shown));
    if (near)
        return scenario_wrong(p, "unknown %s \"%s\"; did you mean \"%s\"?", what, shown, near);
    return scenario_wrong(p, "unknown %s \"%s\"", what, shown);
}

/* ---- pieces ---- */

bool scenario_next(struct slice *rest, struct slice *word_out)
{
    *rest = slice_trim(*rest);
    if (rest->len > 0 && rest->ptr[0] == '"') {
        ptrdiff_t end = slice_find_octet(slice_skip(*rest, 1), '"');
        size_t len = end < 0 ? rest->len - 1 : (size_t)end;
        *word_out = slice_take(slice_skip(*rest, 1), len);
        *rest = slice_skip(*rest, len + 2);
        return true;
    }
    *word_out = slice_next_word(rest);
    return word_out->len > 0;
}

void *scenario_grow(struct arena *a, void *array, size_t element_octets, size_t n, size_t *alloc)
{
    if (n < *alloc)
        return array;
    size_t more = *alloc ? *alloc * 2 : 8;
    void *larger = arena_alloc(a, more * element_octets);
    if (n > 0)
        memcpy(larger, array, n * element_octets);
    *alloc = more;
    return larger;
}

/* ---- the words at the margin ---- */

typedef bool (*margin_fn)(struct scenario_parser *p, struct slice rest);

static bool need_text(struct scenario_parser *p, struct slice rest, const char *what)
{
    return rest.len > 0 || scenario_wrong(p, "%s is missing", what);
}

static bool margin_scenario(struct scenario_parser *p, struct slice rest)
{
    if (!need_text(p, rest, "the scenario's name"))
        return false;
    p->s->name = arena_strdup(&p->s->arena, rest);
    return true;
}

static bool margin_title(struct scenario_parser *p, struct slice rest)
{
    if (!need_text(p, rest, "the title's text"))
        return false;
    p->s->title = arena_strdup(&p->s->arena, rest);
    return true;
}

static bool margin_level(struct scenario_parser *p, struct slice rest)
{
    uint64_t level;
    if (!slice_to_u64(rest, 5, &level) || level == 0)
        return scenario_wrong(p, "level is a number from 1 to 5");
    p->s->level = (unsigned)level;
    return true;
}

static bool margin_seed(struct scenario_parser *p, struct slice rest)
{
    return slice_to_u64(rest, UINT64_MAX, &p->s->seed) || scenario_wrong(p, "seed is a number");
}

static bool margin_clock(struct scenario_parser *p, struct slice rest)
{
    if (rest.len < 2 || rest.ptr[0] != 'x' ||
        !slice_to_u64(slice_skip(rest, 1), 1000000, &p->s->clock) || p->s->clock == 0)
        return scenario_wrong(p,
                              "clock is written x60: so many times as fast as life, to x1000000");
    return true;
}

static bool margin_magic(struct scenario_parser *p, struct slice rest)
{
    p->s->magic_off = slice_eq_nocase(rest, SLICE_LIT("off"));
    return p->s->magic_off || slice_eq_nocase(rest, SLICE_LIT("on")) ||
           scenario_wrong(p, "magic is on or off");
}

static bool margin_server(struct scenario_parser *p, struct slice rest)
{
    int service = scenario_find(scenario_service_words, SCENARIO_SERVICE__COUNT, rest);
    if (service < 0)
        return scenario_unknown(p, "server", rest, scenario_service_words, SCENARIO_SERVICE__COUNT);
    p->server = &p->s->servers[service];
    p->server->given = true;
    p->block = BLOCK_SERVER;
    return true;
}

static bool margin_zone(struct scenario_parser *p, struct slice rest)
{
    struct scenario *s = p->s;
    if (!need_text(p, rest, "the zone's file"))
        return false;
    s->zones = scenario_grow(&s->arena, s->zones, sizeof(*s->zones), s->n_zones, &p->alloc_zones);
    s->zones[s->n_zones++] = arena_strdup(&s->arena, rest);
    return true;
}

static bool margin_when(struct scenario_parser *p, struct slice rest)
{
    return scenario_parse_when(p, rest, false);
}

static bool parse_text(struct scenario_parser *p, struct slice text);

static bool margin_include(struct scenario_parser *p, struct slice rest)
{
    const struct scenario_parser outer = *p;
    struct buf text;
    struct err err;
    if (!need_text(p, rest, "the file to include"))
        return false;
    if (p->depth >= SCENARIO_INCLUDE_DEPTH_MAX)
        return scenario_wrong(
            p, "limit \"scenario-include\" reached: files include one another %u deep",
            SCENARIO_INCLUDE_DEPTH_MAX);
    char *name = arena_strdup(&p->s->arena, rest);
    const struct scenario_builtin *builtin = scenario_builtin_find(name);
    buf_init(&text, SCENARIO_FILE_MAX_OCTETS);
    err_clear(&err);
    bool ok = builtin != NULL || (p->read && p->read(p->read_ctx, name, &text, &err));
    if (!ok) {
        scenario_wrong(p, "cannot include %.60s: %.100s", name,
                       p->read ? err.text : "no files can be read here");
    } else {
        p->file = name;
        p->line = 0;
        p->depth++;
        ok = parse_text(p, builtin ? slice_cstr(builtin->text) : buf_slice(&text));
        p->depth--;
    }
    if (ok) {
        p->file = outer.file;
        p->line = outer.line;
        p->block = BLOCK_NONE;
    }
    buf_deinit(&text);
    return ok;
}

static const char *const margin_words[] = {"scenario", "title", "level",   "seed",
                                           "clock",    "magic", "server",  "account",
                                           "message",  "zone",  "include", "when"};
enum { N_MARGIN = sizeof(margin_words) / sizeof(margin_words[0]) };
static const margin_fn margin_fns[N_MARGIN] = {
    margin_scenario,        margin_title, margin_level,   margin_seed,
    margin_clock,           margin_magic, margin_server,  scenario_parse_account,
    scenario_parse_message, margin_zone,  margin_include, margin_when,
};

/* ---- lines ---- */

static bool parse_margin(struct scenario_parser *p, struct slice line)
{
    struct slice rest = line, word = slice_next_word(&rest);
    int found = scenario_find(margin_words, N_MARGIN, word);
    p->block = BLOCK_NONE;
    if (found < 0)
        return scenario_unknown(p, "word", word, margin_words, N_MARGIN);
    return margin_fns[found](p, slice_trim(rest));
}

static bool parse_indented(struct scenario_parser *p, struct slice line)
{
    switch (p->block) {
    case BLOCK_SERVER:
        return scenario_parse_setting(p, line);
    case BLOCK_WHEN:
        return scenario_parse_action(p, line);
    case BLOCK_MESSAGE:
        return scenario_parse_message_line(p, line);
    case BLOCK_NONE:
        break;
    }
    return scenario_wrong(p, "an indented line belongs to a server, when or message above it");
}

static bool parse_line(struct scenario_parser *p, struct slice line)
{
    bool indented = line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
    struct slice text = slice_trim(line);
    if (slice_find_octet(line, '\0') >= 0)
        return scenario_wrong(p, "a NUL octet: this is no text");
    if (text.len == 0 || text.ptr[0] == '#')
        return true;
    return indented ? parse_indented(p, text) : parse_margin(p, text);
}

static bool parse_text(struct scenario_parser *p, struct slice text)
{
    if (text.len > SCENARIO_FILE_MAX_OCTETS)
        return scenario_wrong(p, "limit \"scenario-file\" reached: %u octets",
                              SCENARIO_FILE_MAX_OCTETS);
    while (text.len > 0) {
        ptrdiff_t end = slice_find_octet(text, '\n');
        p->line++;
        if (!parse_line(p, end < 0 ? text : slice_take(text, (size_t)end)))
            return false;
        text = slice_skip(text, end < 0 ? text.len : (size_t)end + 1);
    }
    return true;
}

/* ---- life ---- */

static struct scenario *scenario_new(void)
{
    struct scenario *s = mem_zalloc(sizeof(*s));
    arena_init(&s->arena);
    s->clock = 1;
    return s;
}

void scenario_free(struct scenario **sp)
{
    struct scenario *s = *sp;
    if (!s)
        return;
    for (size_t i = 0; i < s->n_rules; i++)
        scenario_rule_free(&s->rules[i]);
    arena_deinit(&s->arena);
    mem_free(s);
    *sp = NULL;
}

/* Rules without anything to do are a mistake, found when all is read. */
static bool rules_are_whole(struct scenario_parser *p)
{
    for (size_t i = 0; i < p->s->n_rules; i++)
        if (p->s->rules[i].n_actions == 0) {
            p->line = p->s->rules[i].line;
            return scenario_wrong(p, "this rule does nothing: an action is missing below it");
        }
    return true;
}

struct scenario *scenario_parse(struct slice text, const char *file, scenario_read_fn read,
                                void *read_ctx, struct err *err)
{
    struct scenario *s = scenario_new();
    struct scenario_parser p = {
        .s = s, .file = file, .read = read, .read_ctx = read_ctx, .err = err};
    if (!parse_text(&p, text) || !rules_are_whole(&p))
        scenario_free(&s);
    else if (!s->name)
        s->name = arena_strdup(&s->arena, slice_cstr(file));
    return s;
}

struct scenario *scenario_parse_rule(struct slice line, struct err *err)
{
    struct scenario *s = scenario_new();
    struct scenario_parser p = {.s = s, .file = "rule", .line = 1, .err = err};
    struct slice rest = slice_trim(line), peek = rest;
    if (slice_eq_nocase(slice_next_word(&peek), SLICE_LIT("when")))
        rest = slice_trim(peek);
    if (slice_find_octet(rest, '\0') >= 0 || slice_find_octet(rest, '\n') >= 0) {
        scenario_wrong(&p, "a rule is one line of text");
        scenario_free(&s);
    } else if (!scenario_parse_when(&p, rest, true) || !rules_are_whole(&p)) {
        scenario_free(&s);
    }
    return s;
}

struct scenario *scenario_load(const char *name, scenario_read_fn read, void *read_ctx,
                               struct err *err)
{
    const struct scenario_builtin *builtin = scenario_builtin_find(name);
    if (builtin)
        return scenario_parse(slice_cstr(builtin->text), name, read, read_ctx, err);
    struct buf text;
    struct scenario *s = NULL;
    buf_init(&text, SCENARIO_FILE_MAX_OCTETS);
    if (!read) {
        err_set(err, ERR_USAGE, 0, "no scenario is called %.60s", name);
        err_explain(err, "", "smtpscope help scenarios lists them");
    } else if (read(read_ctx, name, &text, err)) {
        s = scenario_parse(buf_slice(&text), name, read, read_ctx, err);
    }
    buf_deinit(&text);
    return s;
}
