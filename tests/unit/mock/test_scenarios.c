/* Every scenario that comes with the program, played against a script of what must happen on the
 * wire: tests/unit/mock/scenarios/NAME.script, joined in memory, twice with the same outcome.
 *
 *     open SERVICE        a new connection (the one before is let go)
 *     C TEXT              send a line          raw TEXT   octets with the escapes of C
 *     S GLOB              the next line        exact TEXT the next octets are these
 *     line GLOB           some line from here on
 *     late                nothing has come yet, although all was handled
 *     down | reset        the connection ends in order | by RST, with nothing more said
 *     tls REASON          a handshake: ok, failed, or what checking the certificate says
 *     wait TIME           the clock goes on    stored USER N   messages in a mailbox
 *     event KIND GLOB     one of this kind: fault, note, stored, bounced
 */
#include "../client/world.h"

#include "net/tls.h"
#include "scenario/rules.h"

enum { SCRIPT_MAX_OCTETS = 65536, TURNS = 6, HURRY = 200, MARKS_MAX = 65536 };

struct play {
    struct world w;
    struct clock_manual clock;
    struct peer p;
    struct tls_client *tls;
    bool open;
    const char *name;
    unsigned line;
    struct buf all; /* everything the servers said, for the comparison of two runs */
};

#define WRONG(pl, ...)                                                                             \
    do {                                                                                           \
        print_error("%s.script:%u: ", (pl)->name, (pl)->line);                                     \
        print_error(__VA_ARGS__);                                                                  \
        print_error("\n    got: \"%s\"%s\n", buf_cstr(&(pl)->p.got),                               \
                    (pl)->p.down ? " and the end" : "");                                           \
        fail();                                                                                    \
    } while (0)

/* The engine's own glob, by a rule that looks at a line. */
static bool glob(struct slice pattern, struct slice text)
{
    struct err err;
    struct buf rule;
    struct rules_facts f = {0};
    struct rules_session s;
    struct rules_verdict v;
    buf_init(&rule, 4096);
    buf_printf(&rule, "line line=\"%.*s\" drop", SLICE_ARG(pattern));
    for (size_t i = 11; i + 6 < rule.len; i++) /* a quote would end the value */
        rule.ptr[i] = rule.ptr[i] == '"' ? '?' : rule.ptr[i];
    struct rules *r = rules_new(scenario_parse_rule(buf_slice(&rule), &err));
    rules_session_begin(r, &s);
    rules_fact(&f, SCENARIO_FACT_LINE, text);
    rules_ask(r, SCENARIO_STAGE_LINE, &f, &s, 1, NULL, &v);
    rules_free(&r);
    buf_deinit(&rule);
    return v.n_items > 0;
}

static void unescape(struct slice text, struct buf *out)
{
    struct err err;
    char *line = mem_printf("line raw %.*s", SLICE_ARG(text));
    struct scenario *s = scenario_parse_rule(slice_cstr(line), &err);
    if (!s)
        fail_msg("%s", err.text);
    buf_append(out, s->rules[0].actions[0].text);
    scenario_free(&s);
    mem_free(line);
}

/* ---- steps ---- */

static void let_go(struct play *pl)
{
    if (!pl->open)
        return;
    peer_close(&pl->p);
    for (int i = 0; i < TURNS; i++)
        loop_turn(pl->w.loop, 0);
    pl->open = false;
}

static void step_open(struct play *pl, struct slice rest)
{
    let_go(pl);
    for (int i = 0; i < MOCK_SERVICE__COUNT; i++)
        if (slice_eq(rest, slice_cstr(mock_service_name((enum mock_service)i)))) {
            peer_open(&pl->p, &pl->w, (enum mock_service)i, NULL);
            pl->open = true;
        }
    if (!pl->open)
        fail_msg("%s.script:%u: no service %.*s", pl->name, pl->line, SLICE_ARG(rest));
}

static bool has_line_or_down(void *ctx)
{
    struct play *pl = ctx;
    return pl->p.down || slice_find(buf_slice(&pl->p.got), SLICE_LIT("\r\n")) >= 0;
}

/* The next line, without its end. */
static bool take_line(struct play *pl, struct buf *out)
{
    world_run(&pl->w, has_line_or_down, pl);
    ptrdiff_t end = slice_find(buf_slice(&pl->p.got), SLICE_LIT("\r\n"));
    if (end < 0)
        return false;
    buf_reset(out);
    buf_append(out, slice_take(buf_slice(&pl->p.got), (size_t)end));
    buf_append(&pl->all, slice_take(buf_slice(&pl->p.got), (size_t)end + 2));
    buf_consume(&pl->p.got, (size_t)end + 2);
    return true;
}

static void step_line(struct play *pl, struct slice pattern, bool any)
{
    struct buf line;
    buf_init(&line, SCRIPT_MAX_OCTETS);
    do {
        if (!take_line(pl, &line))
            WRONG(pl, "expected %.*s", SLICE_ARG(pattern));
    } while (any && !glob(pattern, buf_slice(&line)));
    if (!glob(pattern, buf_slice(&line)))
        WRONG(pl, "expected %.*s, got %s", SLICE_ARG(pattern), buf_cstr(&line));
    buf_deinit(&line);
}

static bool has_octets_or_down(void *ctx)
{
    struct play *pl = ctx;
    return pl->p.down || pl->p.got.len >= (size_t)pl->p.expect[0];
}

static void step_exact(struct play *pl, struct slice text)
{
    struct buf want;
    char count[2];
    buf_init(&want, SCRIPT_MAX_OCTETS);
    unescape(text, &want);
    count[0] = (char)(want.len < 120 ? want.len : 120);
    pl->p.expect = count;
    world_run(&pl->w, has_octets_or_down, pl);
    if (!slice_eq(slice_take(buf_slice(&pl->p.got), want.len), buf_slice(&want)))
        WRONG(pl, "expected exactly %.*s", SLICE_ARG(text));
    buf_append(&pl->all, buf_slice(&want));
    buf_consume(&pl->p.got, want.len);
    buf_deinit(&want);
}

static void step_send(struct play *pl, struct slice text, bool line)
{
    struct buf octets;
    buf_init(&octets, 1 << 20);
    if (line) {
        buf_append(&octets, text);
        buf_append_cstr(&octets, "\r\n");
    } else {
        unescape(text, &octets);
    }
    while (!pl->p.up && !pl->p.down)
        loop_turn(pl->w.loop, 0);
    if (!link_send(pl->p.link, buf_slice(&octets)))
        WRONG(pl, "cannot send any more");
    buf_deinit(&octets);
}

static void step_late(struct play *pl, struct slice rest)
{
    (void)rest;
    for (int i = 0; i < TURNS; i++)
        loop_turn(pl->w.loop, 0);
    if (pl->p.got.len > 0 || pl->p.down)
        WRONG(pl, "expected silence");
}

static void step_down(struct play *pl, bool reset)
{
    if (!world_run(&pl->w, peer_is_down, &pl->p))
        WRONG(pl, "expected the end of the connection");
    if (pl->p.got.len > 0)
        WRONG(pl, "expected the end and nothing more");
    if ((pl->p.why == DOWN_RESET) != reset)
        WRONG(pl, "the connection ended %s", reset ? "in order" : "by a reset");
}

static void step_tls(struct play *pl, struct slice want)
{
    struct err err;
    const struct event *ev = NULL;
    struct ev_tls_verify v = {0};
    bool sni = !slice_eq(want, SLICE_LIT("nosni"));
    size_t before = world_events(&pl->w, EVENT_TLS_VERIFY, NULL);
    tls_client_free(&pl->tls);
    pl->tls = tls_client_new(&(struct tls_client_options){.verify = VERIFY_NONE,
                                                          .name = "mx.example.test",
                                                          .sni = sni ? NULL : "",
                                                          .ca_pem = mock_ca_pem(pl->w.mock)},
                             &err);
    assert_non_null(pl->tls);
    pl->p.tls = false;
    while (!pl->p.up && !pl->p.down)
        loop_turn(pl->w.loop, 0);
    link_start_tls_client(pl->p.link, pl->tls, TLS_VIA_STARTTLS);
    world_run(&pl->w, peer_is_tls, &pl->p);
    bool checked = world_events(&pl->w, EVENT_TLS_VERIFY, &ev) > before;
    if (checked)
        EVENT_GET(ev, TLS_VERIFY, &v);
    if (slice_eq(want, SLICE_LIT("failed")) && !pl->p.tls)
        return;
    if (!sni)
        want = SLICE_LIT("wrong-name");
    if (!pl->p.tls || !checked || !slice_eq(v.reason, want))
        WRONG(pl, "TLS %s, checked: %.*s, expected %.*s", pl->p.tls ? "is on" : "failed",
              SLICE_ARG(v.reason), SLICE_ARG(want));
}

static void step_wait(struct play *pl, struct slice rest)
{
    struct err err;
    char *line = mem_printf("line delay %.*s", SLICE_ARG(rest));
    struct scenario *s = scenario_parse_rule(slice_cstr(line), &err);
    assert_non_null(s);
    clock_manual_advance_ms(&pl->clock, s->rules[0].actions[0].low_ms);
    scenario_free(&s);
    mem_free(line);
}

static void step_stored(struct play *pl, struct slice rest)
{
    struct mock_message m;
    uint64_t want, n = 0;
    struct slice user = slice_next_word(&rest);
    assert_true(slice_to_u64(slice_trim(rest), 100000, &want));
    for (size_t i = 0; mock_message_at(pl->w.mock, i, &m); i++)
        n += slice_eq(user, slice_cstr(m.mailbox));
    if (n != want)
        WRONG(pl, "%.*s has %u messages", SLICE_ARG(user), (unsigned)n);
}

static struct slice event_text(const struct event *ev, char *out, size_t octets)
{
    struct ev_fault fault;
    struct ev_note note;
    struct ev_stored stored;
    struct ev_bounced bounced;
    if (ev->kind == EVENT_FAULT) {
        EVENT_GET(ev, FAULT, &fault);
        snprintf(out, octets, "%.*s | %.*s | %.*s", SLICE_ARG(fault.rule), SLICE_ARG(fault.stage),
                 SLICE_ARG(fault.action));
    } else if (ev->kind == EVENT_NOTE) {
        EVENT_GET(ev, NOTE, &note);
        snprintf(out, octets, "%.*s", SLICE_ARG(note.text));
    } else if (ev->kind == EVENT_STORED) {
        EVENT_GET(ev, STORED, &stored);
        snprintf(out, octets, "%.*s", SLICE_ARG(stored.mailbox));
    } else {
        EVENT_GET(ev, BOUNCED, &bounced);
        snprintf(out, octets, "%.*s %.*s", SLICE_ARG(bounced.to), SLICE_ARG(bounced.text));
    }
    return slice_cstr(out);
}

static void step_event(struct play *pl, struct slice rest)
{
    static const struct {
        const char *word;
        enum event_kind kind;
    } kinds[] = {{"fault", EVENT_FAULT},
                 {"note", EVENT_NOTE},
                 {"stored", EVENT_STORED},
                 {"bounced", EVENT_BOUNCED}};
    struct slice word = slice_next_word(&rest);
    char text[1024];
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        if (!slice_eq(word, slice_cstr(kinds[k].word)))
            continue;
        for (uint64_t seq = journal_first(pl->w.journal); seq <= journal_last(pl->w.journal);
             seq++) {
            const struct event *ev = journal_at(pl->w.journal, seq);
            if (ev && ev->kind == kinds[k].kind &&
                glob(slice_trim(rest), event_text(ev, text, sizeof(text))))
                return;
        }
    }
    WRONG(pl, "no such event: %.*s", SLICE_ARG(rest));
}

static void step(struct play *pl, struct slice line)
{
    struct slice rest = line, word = slice_next_word(&rest);
    rest = slice_trim(rest);
    if (slice_eq(word, SLICE_LIT("open")))
        step_open(pl, rest);
    else if (slice_eq(word, SLICE_LIT("C")))
        step_send(pl, rest, true);
    else if (slice_eq(word, SLICE_LIT("raw")))
        step_send(pl, rest, false);
    else if (slice_eq(word, SLICE_LIT("S")) || slice_eq(word, SLICE_LIT("line")))
        step_line(pl, rest, word.len > 1);
    else if (slice_eq(word, SLICE_LIT("exact")))
        step_exact(pl, rest);
    else if (slice_eq(word, SLICE_LIT("late")))
        step_late(pl, rest);
    else if (slice_eq(word, SLICE_LIT("down")) || slice_eq(word, SLICE_LIT("reset")))
        step_down(pl, word.len == 5);
    else if (slice_eq(word, SLICE_LIT("tls")))
        step_tls(pl, rest);
    else if (slice_eq(word, SLICE_LIT("wait")))
        step_wait(pl, rest);
    else if (slice_eq(word, SLICE_LIT("stored")))
        step_stored(pl, rest);
    else if (slice_eq(word, SLICE_LIT("event")))
        step_event(pl, rest);
    else
        fail_msg("%s.script:%u: unknown step %.*s", pl->name, pl->line, SLICE_ARG(word));
}

/* ---- the play ---- */

static void read_script(const char *name, struct buf *out)
{
    char *path = mem_printf("tests/unit/mock/scenarios/%s.script", name);
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("scenario %s has no test: %s is missing", name, path);
    size_t n = fread(buf_room(out, SCRIPT_MAX_OCTETS), 1, SCRIPT_MAX_OCTETS, f);
    buf_grow(out, n);
    fclose(f);
    mem_free(path);
}

static void play(const char *name, struct slice script, struct buf *said_out)
{
    struct play pl = {.name = name};
    struct err err;
    clock_manual_init(&pl.clock, 1000000000, 951782399000000);
    world_open(&pl.w, &pl.clock.clock, &(struct mock_options){.hurry = HURRY});
    buf_init(&pl.all, 1 << 20);
    if (!mock_set_scenario(pl.w.mock, name, NULL, NULL, &err))
        fail_msg("%s: %s", name, err.text);
    assert_string_equal(mock_scenario_name(pl.w.mock), name);
    while (script.len > 0) {
        ptrdiff_t end = slice_find_octet(script, '\n');
        struct slice line = slice_take(script, end < 0 ? script.len : (size_t)end);
        script = slice_skip(script, line.len + 1);
        pl.line++;
        if (slice_trim(line).len > 0 && line.ptr[0] != '#')
            step(&pl, line);
    }
    let_go(&pl);
    buf_append(said_out, buf_slice(&pl.all));
    buf_deinit(&pl.all);
    world_close(&pl.w);
    tls_client_free(&pl.tls);
}

/* The same script gives the same octets: nothing in it may depend on chance without a seed. */
static void plays(void **state)
{
    const struct scenario_builtin *b = *state;
    struct buf script, once, again;
    buf_init(&script, 2 * SCRIPT_MAX_OCTETS);
    buf_init(&once, 1 << 20);
    buf_init(&again, 1 << 20);
    read_script(b->name, &script);
    play(b->name, buf_slice(&script), &once);
    play(b->name, buf_slice(&script), &again);
    assert_true(once.len > 0 || script.len > 0);
    assert_string_equal(buf_cstr(&once), buf_cstr(&again));
    buf_deinit(&script);
    buf_deinit(&once);
    buf_deinit(&again);
}

int main(void)
{
    struct CMUnitTest tests[200];
    size_t n = 0;
    const struct scenario_builtin *b;
    const char *only = getenv("SCENARIO"); /* SCENARIO=greylist plays this one */
    for (size_t i = 0; (b = scenario_builtin_at(i)) && n < 200; i++) {
        if (only && strcmp(only, b->name) != 0)
            continue;
        tests[n++] = (struct CMUnitTest){
            .name = b->name, .test_func = plays, .initial_state = (void *)(uintptr_t)b};
    }
    return _cmocka_run_group_tests("scenarios", tests, n, NULL, NULL);
}
