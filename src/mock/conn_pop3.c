/* POP3's side of a connection of the practice server: tracker, serve role, the store and the rules
 * of a scenario behind them. */
#include "mock/mock_private.h"

#include <string.h>

#include "base/mem.h"
#include "base/vis.h"
#include "engine/pop3_serve.h"

enum { IDLE_TIMES = 2 /* RFC 1939 section 3: at least 10 minutes */, LINE_MAX_OCTETS = 1024 };

struct mock_pop3 {
    struct pop3_track *track;
    struct pop3_serve *serve;
    char claimed[64]; /* with USER, for rules at PASS; "": nobody */
};

static const enum mock_then thens[] = {
    [POP3_THEN_GO_ON] = MOCK_THEN_GO_ON,
    [POP3_THEN_TLS] = MOCK_THEN_TLS,
    [POP3_THEN_CLOSE] = MOCK_THEN_CLOSE,
    [POP3_THEN_MORE] = MOCK_THEN_MORE,
};

static const enum scenario_stage stages[POP3_VERB__COUNT] = {
    [POP3_VERB_UNKNOWN] = SCENARIO_STAGE_POP_UNKNOWN,
    [POP3_VERB_USER] = SCENARIO_STAGE_POP_USER,
    [POP3_VERB_PASS] = SCENARIO_STAGE_POP_PASS,
    [POP3_VERB_APOP] = SCENARIO_STAGE_POP_APOP,
    [POP3_VERB_AUTH] = SCENARIO_STAGE_POP_AUTH,
    [POP3_VERB_STAT] = SCENARIO_STAGE_POP_STAT,
    [POP3_VERB_LIST] = SCENARIO_STAGE_POP_LIST,
    [POP3_VERB_RETR] = SCENARIO_STAGE_POP_RETR,
    [POP3_VERB_DELE] = SCENARIO_STAGE_POP_DELE,
    [POP3_VERB_NOOP] = SCENARIO_STAGE_POP_NOOP,
    [POP3_VERB_RSET] = SCENARIO_STAGE_POP_RSET,
    [POP3_VERB_TOP] = SCENARIO_STAGE_POP_TOP,
    [POP3_VERB_UIDL] = SCENARIO_STAGE_POP_UIDL,
    [POP3_VERB_CAPA] = SCENARIO_STAGE_POP_CAPA,
    [POP3_VERB_STLS] = SCENARIO_STAGE_POP_STLS,
    [POP3_VERB_UTF8] = SCENARIO_STAGE_POP_UNKNOWN,
    [POP3_VERB_LANG] = SCENARIO_STAGE_POP_UNKNOWN,
    [POP3_VERB_QUIT] = SCENARIO_STAGE_POP_QUIT,
    [POP3_VERB_CONNECT] = SCENARIO_STAGE_POP_BANNER,
    [POP3_VERB_AUTH_DATA] = SCENARIO_STAGE_POP_AUTH,
};

static struct mock_pop3 *pop3_of(const struct mock_conn *c)
{
    return c->session;
}

/* ---- the policy ---- */

static struct store_user *user(void *ctx, const char *name)
{
    const struct mock_conn *c = ctx;
    return mock_user_find(c->mock, slice_cstr(name));
}

static bool password(void *ctx, const char *name, struct secret *password_out)
{
    const struct mock_conn *c = ctx;
    return mock_password(c->mock, name, password_out);
}

static void happened(void *ctx, struct store_user *u, const char *what, uint32_t uid,
                     const char *text)
{
    const struct mock_conn *c = ctx;
    mock_mailbox_event(c->mock, link_conn(c->link), u, "INBOX", what, uid, text);
}

static const struct pop3_policy policy = {
    .user = user,
    .password = password,
    .token = mock_policy_token,
    .channel = mock_policy_channel,
    .external = mock_policy_external,
    .happened = happened,
};

/* ---- answers and rules ---- */

static struct pop3_answer *answer_begin(struct mock_conn *c)
{
    struct pop3_answer *a = &c->mock->pop3_answer;
    buf_reset(&a->text);
    a->then = POP3_THEN_GO_ON;
    return a;
}

static void say(struct mock_conn *c)
{
    const struct pop3_answer *a = &c->mock->pop3_answer;
    mock_plan_say(c, buf_slice(&a->text), 0, thens[a->then]);
}

/* Lines between "+OK" and the dot: those hidden leave, those offered come. */
static void edit_caps(struct mock_conn *c, struct pop3_answer *a)
{
    struct mock *m = c->mock;
    struct slice rest = buf_slice(&a->text);
    ptrdiff_t first = slice_find_octet(rest, '\n');
    if (!slice_starts(rest, SLICE_LIT("+OK")) || first < 0)
        return;
    buf_reset(&m->fields);
    buf_reset(&m->reworded);
    for (rest = slice_skip(rest, (size_t)first + 1); rest.len > 3;) {
        ptrdiff_t end = slice_find_octet(rest, '\n');
        size_t len = end < 0 ? rest.len : (size_t)end + 1;
        buf_append(&m->fields, slice_trim(slice_take(rest, len)));
        buf_append_octet(&m->fields, '\n');
        rest = slice_skip(rest, len);
    }
    mock_caps_edit(c, buf_slice(&m->fields), &m->reworded);
    a->text.len = (size_t)first + 1;
    for (rest = buf_slice(&m->reworded); rest.len > 0;) {
        ptrdiff_t end = slice_find_octet(rest, '\n');
        struct slice line = end < 0 ? rest : slice_take(rest, (size_t)end);
        buf_append(&a->text, line);
        buf_append_cstr(&a->text, "\r\n");
        rest = slice_skip(rest, line.len + 1);
    }
    buf_append_cstr(&a->text, ".\r\n");
}

static void facts(struct mock_conn *c, struct mock_facts *f)
{
    const struct mock_pop3 *p = pop3_of(c);
    const char *name = pop3_serve_user(p->serve);
    if (!name && p->claimed[0])
        name = p->claimed;
    const char *mechanism = pop3_track_auth_mechanism(p->track);
    if (name)
        rules_fact(&f->f, SCENARIO_FACT_USER, slice_cstr(name));
    if (mechanism)
        rules_fact(&f->f, SCENARIO_FACT_MECH, slice_cstr(mechanism));
}

/* Rules see the line with its secret masked. */
static bool ask(struct mock_conn *c, const struct pop3_command *cmd)
{
    struct rules_facts more = {0};
    struct buf line;
    buf_init(&line, LINE_MAX_OCTETS);
    secret_line_masked(slice_take(cmd->line, LINE_MAX_OCTETS), false, &line);
    rules_fact(&more, SCENARIO_FACT_LINE, buf_slice(&line));
    rules_fact(&more, SCENARIO_FACT_ARG,
               slice_skip(buf_slice(&line), cmd->line.len - cmd->args.len));
    if (cmd->verb == POP3_VERB_USER || cmd->verb == POP3_VERB_APOP)
        rules_fact(&more, SCENARIO_FACT_USER, cmd->n_args > 0 ? cmd->arg[0] : slice_of(NULL, 0));
    if (cmd->verb == POP3_VERB_USER && cmd->n_args > 0)
        vis_to_cstr(pop3_of(c)->claimed, sizeof(pop3_of(c)->claimed), cmd->arg[0]);
    if (cmd->verb == POP3_VERB_AUTH)
        rules_fact(&more, SCENARIO_FACT_MECH, cmd->n_args > 0 ? cmd->arg[0] : slice_of(NULL, 0));
    mock_rules_octets(c, buf_slice(&line));
    enum pop3_state state = pop3_track_state(pop3_of(c)->track);
    bool decided = mock_rules_ask(c, SCENARIO_STAGE_LINE, &more, NULL);
    if (!decided && pop3_serve_cell(state, cmd->verb) != POP3_CELL_LOGIN_FIRST &&
        pop3_serve_cell(state, cmd->verb) != POP3_CELL_LOGGED_IN)
        decided = mock_rules_ask(c, stages[cmd->verb], &more, NULL);
    buf_deinit(&line);
    return decided;
}

static void answer(struct mock_conn *c, const struct pop3_item *item)
{
    struct pop3_answer *a = answer_begin(c);
    struct mock_plan *plan = mock_plan_begin(c);
    bool scripted = !c->world->friendly && item->kind == POP3_ITEM_COMMAND;
    if (scripted)
        ask(c, item->command);
    if (!mock_plan_refuses(plan))
        pop3_serve_item(pop3_of(c)->serve, item, a);
    if (scripted && item->command->verb == POP3_VERB_CAPA)
        edit_caps(c, a);
    say(c);
}

/* ---- the connection ---- */

static void begin(struct mock_conn *c, bool tls)
{
    struct mock *m = c->mock;
    uint32_t conn = link_conn(c->link);
    struct mock_pop3 *p = mem_zalloc(sizeof(*p));
    c->session = p;
    p->track =
        pop3_track_new(m->journal, conn,
                       &(struct pop3_track_options){.backstage = !m->options.in_front, .tls = tls});
    p->serve = pop3_serve_new(m->journal, conn, p->track,
                              &c->world->pop3_options[c->service == MOCK_POP3S], &policy, c);
    struct pop3_answer *a = answer_begin(c);
    const struct mock_plan *plan = &m->plan; /* what rules at connect want stands in it */
    if (c->over_limit) {
        buf_append_cstr(&a->text, "-ERR [SYS/TEMP] Too many connections, try again later\r\n");
        a->then = POP3_THEN_CLOSE;
    } else {
        if (!c->world->friendly && !plan->decided)
            mock_rules_ask(c, SCENARIO_STAGE_POP_BANNER, NULL, NULL);
        if (!mock_plan_refuses(plan))
            pop3_serve_banner(p->serve, a);
    }
    say(c);
}

static size_t octets(struct mock_conn *c, struct slice in)
{
    struct pop3_item item;
    size_t used = pop3_track_feed(pop3_of(c)->track, DIR_C, in, &item);
    if (item.kind == POP3_ITEM_COMMAND || item.kind == POP3_ITEM_AUTH_DATA)
        answer(c, &item);
    return used;
}

static void said(struct mock_conn *c, struct slice text)
{
    pop3_track_feed_all(pop3_of(c)->track, DIR_S, text);
}

static void more(struct mock_conn *c)
{
    struct pop3_answer *a = answer_begin(c);
    pop3_serve_more(pop3_of(c)->serve, a);
    mock_conn_say(c, buf_slice(&a->text), 0, thens[a->then]);
}

static void tls_up(struct mock_conn *c)
{
    pop3_track_tls_up(pop3_of(c)->track);
    pop3_serve_tls_up(pop3_of(c)->serve);
}

/* RFC 1939 section 3: nothing is deleted, and nothing is said. */
static void timeout(struct mock_conn *c)
{
    mock_plan_begin(c);
    mock_conn_say(c, slice_of(NULL, 0), 0, MOCK_THEN_CLOSE);
}

static const char *state_name(const struct mock_conn *c)
{
    return pop3_state_name(pop3_track_state(pop3_of(c)->track));
}

static void closed(struct mock_conn *c, enum event_dir by)
{
    pop3_track_closed(pop3_of(c)->track, by);
}

static void pop3_free(struct mock_conn *c)
{
    struct mock_pop3 *p = pop3_of(c);
    if (!p)
        return;
    pop3_serve_free(&p->serve);
    pop3_track_free(&p->track);
    mem_free(p);
    c->session = NULL;
}

const struct mock_protocol mock_protocol_pop3 = {
    .name = "POP3",
    .idle_times = IDLE_TIMES,
    .begin = begin,
    .octets = octets,
    .said = said,
    .more = more,
    .tls_up = tls_up,
    .timeout = timeout,
    .state_name = state_name,
    .facts = facts,
    .closed = closed,
    .free = pop3_free,
};
