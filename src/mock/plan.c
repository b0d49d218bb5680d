/* Asking the rules, and doing what they want: see mock/plan.h. */
#include "mock/mock_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { ACTION_TEXT_OCTETS = 160, RULE_TEXT_OCTETS = 160 };

void mock_plan_init(struct mock_plan *p)
{
    memset(p, 0, sizeof(*p));
    buf_init(&p->text, MOCK_PLAN_MAX_OCTETS);
    buf_init(&p->behind, MOCK_PLAN_MAX_OCTETS);
    buf_init(&p->bounce_text, 1024);
    buf_init(&p->hide, 1024);
    buf_init(&p->offer, 1024);
}

void mock_plan_deinit(struct mock_plan *p)
{
    buf_deinit(&p->text);
    buf_deinit(&p->behind);
    buf_deinit(&p->bounce_text);
    buf_deinit(&p->hide);
    buf_deinit(&p->offer);
}

struct mock_plan *mock_plan_begin(struct mock_conn *c)
{
    struct mock_plan *p = &c->mock->plan, fresh = *p;
    memset(p, 0, sizeof(*p));
    p->text = fresh.text;
    p->behind = fresh.behind;
    p->bounce_text = fresh.bounce_text;
    p->hide = fresh.hide;
    p->offer = fresh.offer;
    buf_reset(&p->text);
    buf_reset(&p->behind);
    buf_reset(&p->bounce_text);
    buf_reset(&p->hide);
    buf_reset(&p->offer);
    return p;
}

void mock_changed_free(struct mock_changed **ch)
{
    if (!*ch)
        return;
    mem_free((*ch)->hide);
    mem_free((*ch)->offer);
    mem_free((*ch)->banner);
    mem_free((*ch)->proto);
    mem_free((*ch)->ciphers);
    mem_free(*ch);
    *ch = NULL;
}

static struct mock_changed *changed(struct mock_conn *c)
{
    if (!c->changed)
        c->changed = mem_zalloc(sizeof(*c->changed));
    return c->changed;
}

static void change(char **text, struct slice value)
{
    mem_free(*text);
    *text = mem_slice_dup(value);
}

/* ---- facts ---- */

void mock_fact_number(struct mock_facts *f, enum scenario_fact fact, uint64_t n)
{
    char *text = f->numbers[fact];
    snprintf(text, sizeof(f->numbers[fact]), "%llu", (unsigned long long)n);
    rules_fact(&f->f, fact, slice_cstr(text));
}

/* The client's IP address; those of memory and unix links are this very machine's. */
static void client_address(const struct link *link, char *out, size_t out_octets)
{
    const struct net_address *peer = link_peer(link);
    char text[128] = "";
    if (peer && (peer->family == NET_INET || peer->family == NET_INET6))
        net_address_format(peer, text, sizeof(text));
    char *port = strrchr(text, ':');
    if (port)
        *port = '\0';
    struct slice ip = slice_cstr(port ? text : "127.0.0.1");
    if (ip.len > 2 && ip.ptr[0] == '[')
        ip = slice_take(slice_skip(ip, 1), ip.len - 2);
    snprintf(out, out_octets, "%.*s", SLICE_ARG(ip));
}

void mock_facts_gather(struct mock_conn *c, const struct rules_facts *more)
{
    struct mock *m = c->mock;
    struct mock_facts *f = &m->facts;
    const struct mock_protocol *protocol = mock_services[c->service].protocol;
    memset(&f->f, 0, sizeof(f->f));
    client_address(c->link, f->client, sizeof(f->client));
    rules_fact(&f->f, SCENARIO_FACT_CLIENT, slice_cstr(f->client));
    rules_fact(&f->f, SCENARIO_FACT_SERVER, slice_cstr(mock_world_name(c)));
    rules_fact(&f->f, SCENARIO_FACT_LISTENER, slice_cstr(mock_services[c->service].name));
    rules_fact(&f->f, SCENARIO_FACT_TLS, slice_cstr(link_is_tls(c->link) ? "on" : "off"));
    rules_fact(&f->f, SCENARIO_FACT_EARLY, slice_cstr(c->early ? "yes" : "no"));
    rules_fact(&f->f, SCENARIO_FACT_DATE, slice_cstr(mock_date(m)));
    mock_fact_number(f, SCENARIO_FACT_SESSION, c->scripted.number);
    if (c->begun) {
        rules_fact(&f->f, SCENARIO_FACT_STATE, slice_cstr(protocol->state_name(c)));
        if (protocol->facts)
            protocol->facts(c, f);
    }
    for (unsigned i = 0; more && i < SCENARIO_FACT__COUNT; i++)
        if (more->known & 1u << i)
            rules_fact(&f->f, (enum scenario_fact)i, more->text[i]);
}

/* ---- what is wanted ---- */

/* Consecutive replies are the lines of one. */
struct reply_lines {
    struct buf *out;
    unsigned code; /* SMTP: of the first line */
    size_t last_at;
    size_t n;
};

static unsigned code_of(struct slice line)
{
    uint64_t code;
    return line.len >= 3 && slice_to_u64(slice_take(line, 3), 999, &code) ? (unsigned)code : 0;
}

/* SMTP: the code again in front of each line, a hyphen behind all but the last. */
static void smtp_line(struct reply_lines *l, struct slice line)
{
    if (l->n == 0) {
        l->code = code_of(line);
        if (l->code == 0) {
            buf_append(l->out, line);
            return;
        }
    } else if (l->code > 0 && l->last_at + 3 < l->out->len) {
        l->out->ptr[l->last_at + 3] = '-';
    }
    if (l->code > 0 && code_of(line) == l->code)
        line = slice_skip(line, 4);
    l->last_at = l->out->len;
    if (l->code > 0)
        buf_printf(l->out, "%u ", l->code);
    buf_append(l->out, line);
}

/* POP3: more lines make it a multi-line response, which a lone dot ends. */
static void pop3_line(struct reply_lines *l, struct slice line)
{
    if (l->n > 1) /* the dot behind the lines so far */
        l->out->len -= 3;
    buf_append(l->out, line);
}

/* IMAP: * and + are said as they stand; the rest gets the command's tag. */
static void imap_line(struct mock_conn *c, struct reply_lines *l, struct slice line)
{
    struct slice tag = c->mock->facts.f.text[SCENARIO_FACT_TAG];
    bool own = line.len > 0 && (line.ptr[0] == '*' || line.ptr[0] == '+');
    if (!own) {
        buf_append(l->out, tag.len > 0 ? tag : SLICE_LIT("*"));
        buf_append_octet(l->out, ' ');
    }
    buf_append(l->out, line);
}

/* 2yz and 3yz, +OK, OK. */
static bool says_yes(struct slice text)
{
    uint8_t first = text.len > 0 ? text.ptr[0] : 0;
    return first == '2' || first == '3' || first == '+' ||
           slice_starts_nocase(text, SLICE_LIT("OK "));
}

static void add_reply(struct mock_conn *c, struct reply_lines *l, const struct rules_fired *fired)
{
    struct buf line;
    buf_init(&line, MOCK_PLAN_MAX_OCTETS);
    rules_expand(&line, fired->action->text, &c->mock->facts.f, fired->nth);
    switch (mock_services[c->service].protocol_id) {
    case MOCK_PROTOCOL_MUSEUM:
    case MOCK_PROTOCOL_SMTP:
        smtp_line(l, buf_slice(&line));
        break;
    case MOCK_PROTOCOL_POP3:
        pop3_line(l, buf_slice(&line));
        break;
    case MOCK_PROTOCOL_IMAP:
        imap_line(c, l, buf_slice(&line));
        break;
    case MOCK_PROTOCOL__COUNT:
        break;
    }
    buf_append_cstr(l->out, "\r\n");
    if (++l->n > 1 && mock_services[c->service].protocol_id == MOCK_PROTOCOL_POP3)
        buf_append_cstr(l->out, ".\r\n");
    buf_deinit(&line);
}

/* A delay before anything is said is the answer's; one behind something is a pause in it. */
static void add_delay(struct mock_plan *p, uint64_t ms)
{
    if (p->text.len == 0)
        p->pace.delay_ms += ms;
    else if (p->pace.n_pauses < MOCK_PAUSES_MAX) {
        p->pace.pauses[p->pace.n_pauses].at = p->text.len;
        p->pace.pauses[p->pace.n_pauses++].ms = ms;
    }
}

static void add_drip(struct mock_plan *p, uint64_t per_second)
{
    uint64_t gap_ms = 1000 / per_second;
    p->pace.piece_gap_ms = gap_ms > MOCK_PIECE_MIN_MS ? gap_ms : MOCK_PIECE_MIN_MS;
    p->pace.piece_octets = per_second * p->pace.piece_gap_ms / 1000;
    if (p->pace.piece_octets == 0)
        p->pace.piece_octets = 1;
}

static void add_words(struct buf *out, struct slice words)
{
    if (out->len > 0)
        buf_append_octet(out, ' ');
    buf_append(out, words);
}

/* hide and offer at another stage than the one where capabilities are said: for the session. */
static void change_caps(char **text, struct slice words)
{
    if (*text && strlen(*text) + words.len > MOCK_CAPS_MAX_OCTETS)
        return; /* limit "scenario-capabilities": a rule that fires again and again */
    char *joined = mem_printf("%s%s%.*s", *text ? *text : "", *text ? " " : "", SLICE_ARG(words));
    mem_free(*text);
    *text = joined;
}

static void offer_caps(struct mock_conn *c, bool at_caps, const struct rules_fired *fired)
{
    struct buf words;
    buf_init(&words, MOCK_CAPS_MAX_OCTETS);
    rules_expand(&words, fired->action->text, &c->mock->facts.f, fired->nth);
    if (at_caps)
        add_words(&c->mock->plan.offer, buf_slice(&words));
    else
        change_caps(&changed(c)->offer, buf_slice(&words));
    buf_deinit(&words);
}

static void set_switch(struct mock_conn *c, const struct rules_fired *fired)
{
    struct slice value = fired->action->text;
    struct buf text;
    switch (fired->action->key) {
    case SCENARIO_SWITCH_READING:
        c->deaf = slice_eq_nocase(value, SLICE_LIT("off"));
        break;
    case SCENARIO_SWITCH_CLIENT_CERT:
        changed(c)->require_client = slice_eq_nocase(value, SLICE_LIT("require"));
        changed(c)->ask_client =
            c->changed->require_client || slice_eq_nocase(value, SLICE_LIT("ask"));
        break;
    case SCENARIO_SWITCH_BANNER:
        buf_init(&text, 1024);
        rules_expand(&text, value, &c->mock->facts.f, fired->nth);
        change(&changed(c)->banner, buf_slice(&text));
        buf_deinit(&text);
        break;
    case SCENARIO_SWITCH__COUNT:
        break;
    }
}

static void say_note(struct mock_conn *c, const struct rules_fired *fired)
{
    struct buf text;
    buf_init(&text, 4096);
    rules_expand(&text, fired->action->text, &c->mock->facts.f, fired->nth);
    journal_note(c->mock->journal, link_conn(c->link), LEVEL_INFO, buf_cstr(&text), "", "");
    buf_deinit(&text);
}

static void add_octets(struct mock_conn *c, struct buf *out, const struct rules_fired *fired)
{
    rules_expand(out, fired->action->text, &c->mock->facts.f, fired->nth);
}

/* One action; `lines` is where a reply under way stands. */
static void want(struct mock_conn *c, const struct rules_fired *fired, enum scenario_stage stage,
                 struct reply_lines *lines)
{
    struct mock_plan *p = &c->mock->plan;
    const struct scenario_action *a = fired->action;
    bool at_caps = stage == SCENARIO_STAGE_EHLO || stage == SCENARIO_STAGE_POP_CAPA ||
                   stage == SCENARIO_STAGE_IMAP_CAPABILITY;
    if (a->what != SCENARIO_DO_REPLY)
        *lines = (struct reply_lines){.out = &p->text};
    switch (a->what) {
    case SCENARIO_DO_REPLY:
        p->positive = p->positive || says_yes(a->text);
        p->replies = true;
        add_reply(c, lines, fired);
        break;
    case SCENARIO_DO_RAW:
        p->positive = p->positive || (!p->replies && says_yes(a->text));
        p->replies = true;
        add_octets(c, &p->text, fired);
        break;
    case SCENARIO_DO_ALSO:
        add_octets(c, p->replies ? &p->text : &p->behind, fired);
        break;
    case SCENARIO_DO_DELAY:
        add_delay(p, rules_draw(c->world->rules, &c->scripted, a->low_ms, a->high_ms));
        break;
    case SCENARIO_DO_DRIP:
        add_drip(p, a->number);
        break;
    case SCENARIO_DO_CHUNK:
        p->pace.piece_octets = a->number;
        p->pace.piece_gap_ms = a->low_ms;
        break;
    case SCENARIO_DO_STALL:
        p->stall = true;
        break;
    case SCENARIO_DO_CLOSE:
        p->close = true;
        break;
    case SCENARIO_DO_RESET:
        p->reset = true;
        break;
    case SCENARIO_DO_DROP:
        p->drop = true;
        break;
    case SCENARIO_DO_TRUNCATE:
        p->truncate = true;
        p->truncate_octets = a->number;
        break;
    case SCENARIO_DO_ACCEPT:
        p->accept = true;
        break;
    case SCENARIO_DO_DISCARD:
        p->accept = p->discard = true;
        break;
    case SCENARIO_DO_STORE:
        p->store = true;
        break;
    case SCENARIO_DO_DUPLICATE:
        p->duplicate = true;
        break;
    case SCENARIO_DO_BOUNCE:
        p->accept = true;
        p->bounce_code = (unsigned)a->number;
        p->bounce_after_ms = rules_clock_ms(c->world->rules, a->low_ms);
        add_octets(c, &p->bounce_text, fired);
        break;
    case SCENARIO_DO_HIDE:
        if (at_caps)
            add_words(&p->hide, a->text);
        else
            change_caps(&changed(c)->hide, a->text);
        break;
    case SCENARIO_DO_OFFER:
        offer_caps(c, at_caps, fired);
        break;
    case SCENARIO_DO_CERT:
        changed(c)->cert = a->cert;
        c->changed->cert_set = true;
        break;
    case SCENARIO_DO_PROTO:
        change(&changed(c)->proto, a->text);
        break;
    case SCENARIO_DO_CIPHERS:
        change(&changed(c)->ciphers, a->text);
        break;
    case SCENARIO_DO_SET:
        set_switch(c, fired);
        break;
    case SCENARIO_DO_GOTO: /* the engine did it */
        break;
    case SCENARIO_DO_SAY:
        say_note(c, fired);
        break;
    case SCENARIO_DO__COUNT:
        break;
    }
}

/* ---- what is told ---- */

static void describe(const struct rules_fired *items, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n && items[i].rule == items[0].rule; i++) {
        const struct scenario_action *a = items[i].action;
        if (a->what == SCENARIO_DO_SAY)
            continue;
        if (out->len > 0)
            buf_append_cstr(out, "; ");
        buf_append_cstr(out, scenario_do_word(a->what));
        if (a->what == SCENARIO_DO_CERT)
            buf_printf(out, " %s", scenario_cert_word(a->cert));
        else if (a->text.len > 0 && a->what != SCENARIO_DO_RAW && a->what != SCENARIO_DO_ALSO) {
            buf_append_octet(out, ' ');
            buf_append(out, slice_take(a->text, ACTION_TEXT_OCTETS));
        }
    }
}

static void tell(struct mock_conn *c, const struct rules_verdict *v, enum scenario_stage stage)
{
    struct mock *m = c->mock;
    const struct scenario *s = rules_scenario(c->world->rules);
    struct buf action;
    buf_init(&action, 4096);
    for (size_t i = 0; i < v->n_items; i++) {
        const struct scenario_rule *rule = v->items[i].rule;
        char name[RULE_TEXT_OCTETS];
        if (i > 0 && v->items[i - 1].rule == rule)
            continue;
        bool scenario_rule = s && rule >= s->rules && rule < s->rules + s->n_rules;
        if (scenario_rule)
            snprintf(name, sizeof(name), "%s:%u: %s", s->name, rule->line, rule->text);
        else
            snprintf(name, sizeof(name), "live: %s", rule->text);
        buf_reset(&action);
        describe(&v->items[i], v->n_items - i, &action);
        m->counters.faults++;
        JOURNAL_APPEND(m->journal, link_conn(c->link), FAULT, mock_event_flags(m), 0,
                       (struct ev_fault){.rule = slice_cstr(name),
                                         .action = buf_slice(&action),
                                         .stage = slice_cstr(scenario_stage_word(stage))});
    }
    buf_deinit(&action);
}

bool mock_rules_any(const struct mock_conn *c, enum scenario_stage stage)
{
    return rules_any(c->world->rules, stage);
}

void mock_rules_octets(struct mock_conn *c, struct slice octets)
{
    if (!c->world->friendly)
        rules_session_octets(&c->scripted, octets);
}

bool mock_rules_ask(struct mock_conn *c, enum scenario_stage stage, const struct rules_facts *more,
                    uint64_t *once)
{
    struct mock *m = c->mock;
    struct rules_verdict *v = &m->verdict;
    if (!mock_rules_any(c, stage))
        return false;
    mock_facts_gather(c, more);
    rules_ask(c->world->rules, stage, &m->facts.f, &c->scripted, mock_now_ms(m), once, v);
    if (v->n_items == 0)
        return false;
    tell(c, v, stage);
    struct reply_lines lines = {.out = &m->plan.text};
    for (size_t i = 0; i < v->n_items; i++)
        want(c, &v->items[i], stage, &lines);
    m->plan.decided = m->plan.decided || v->decided;
    return v->decided;
}

/* ---- carrying it out ---- */

bool mock_plan_refuses(const struct mock_plan *p)
{
    if (p->replies)
        return !p->accept && !p->positive;
    return (p->drop || p->reset || p->stall) && !p->accept && !p->store;
}

void mock_plan_say(struct mock_conn *c, struct slice own, uint64_t delay_ms, enum mock_then then)
{
    struct mock *m = c->mock;
    struct mock_plan *p = &m->plan;
    struct slice text = own;
    if (p->behind.len > 0 && !p->replies) {
        buf_append(&p->text, own);
        buf_append(&p->text, buf_slice(&p->behind));
    }
    if (p->replies || p->behind.len > 0)
        text = buf_slice(&p->text);
    else if (p->drop || p->reset || p->stall)
        text = slice_of(NULL, 0); /* instead of a reply */
    if (p->truncate) {
        text = slice_take(text, (size_t)p->truncate_octets);
        then = MOCK_THEN_CLOSE;
    }
    if (p->close)
        then = MOCK_THEN_CLOSE;
    if (p->drop)
        then = MOCK_THEN_DROP;
    if (p->reset)
        then = MOCK_THEN_RESET;
    p->pace.delay_ms += delay_ms;
    if (c->deaf)
        link_pause(c->link);
    bool stall = p->stall; /* a handshake that begins now makes a new plan */
    mock_conn_say_paced(c, text, &p->pace, stall ? MOCK_THEN_GO_ON : then);
    if (stall)
        mock_conn_mute(c);
}

/* ---- capabilities ---- */

static struct slice first_word(struct slice s)
{
    return slice_next_word(&s);
}

static bool has_word(const char *words, struct slice word)
{
    struct slice rest = slice_cstr(words);
    for (struct slice w = slice_next_word(&rest); w.len > 0; w = slice_next_word(&rest))
        if (slice_eq_nocase(w, word))
            return true;
    return false;
}

static void offer_words(const char *words, struct buf *out)
{
    struct slice rest = slice_cstr(words);
    for (struct slice w = slice_next_word(&rest); w.len > 0; w = slice_next_word(&rest)) {
        ptrdiff_t at = slice_find_octet(w, '=');
        for (size_t i = 0; i < w.len; i++)
            buf_append_octet(out, at >= 0 && (i == (size_t)at || w.ptr[i] == ',') ? ' ' : w.ptr[i]);
        buf_append_octet(out, '\n');
    }
}

void mock_caps_edit(const struct mock_conn *c, struct slice lines, struct buf *out)
{
    struct mock_plan *p = &c->mock->plan;
    const struct scenario_server *s = c->world->servers[c->service];
    const char *const hides[] = {buf_cstr(&p->hide), s ? s->hide : NULL,
                                 c->changed ? c->changed->hide : NULL};
    const char *const offers[] = {c->changed ? c->changed->offer : NULL, buf_cstr(&p->offer)};
    while (lines.len > 0) {
        ptrdiff_t end = slice_find_octet(lines, '\n');
        struct slice line = end < 0 ? lines : slice_take(lines, (size_t)end);
        bool hidden = false;
        for (size_t i = 0; i < sizeof(hides) / sizeof(hides[0]); i++)
            hidden = hidden || (hides[i] && has_word(hides[i], first_word(line)));
        if (!hidden && line.len > 0) {
            buf_append(out, line);
            buf_append_octet(out, '\n');
        }
        lines = slice_skip(lines, end < 0 ? lines.len : (size_t)end + 1);
    }
    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++)
        if (offers[i])
            offer_words(offers[i], out);
}
