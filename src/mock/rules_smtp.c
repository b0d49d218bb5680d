/* Rules around SMTP's serve role: which stage a command is, what is known there, and whose words
 * the server's own answers are in. */
#include "mock/mock_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "scenario/profile.h"

enum {
    LISTED_MAX_OCTETS = 65536, /* of recipients, of header fields: what rules look at */
    BODY_MAX_OCTETS = 1 << 20, /* of a body */
};

static const enum scenario_stage stages[SMTP_VERB__COUNT] = {
    [SMTP_VERB_UNKNOWN] = SCENARIO_STAGE_UNKNOWN,   [SMTP_VERB_HELO] = SCENARIO_STAGE_HELO,
    [SMTP_VERB_EHLO] = SCENARIO_STAGE_EHLO,         [SMTP_VERB_LHLO] = SCENARIO_STAGE_EHLO,
    [SMTP_VERB_MAIL] = SCENARIO_STAGE_MAIL,         [SMTP_VERB_RCPT] = SCENARIO_STAGE_RCPT,
    [SMTP_VERB_DATA] = SCENARIO_STAGE_DATA,         [SMTP_VERB_BDAT] = SCENARIO_STAGE_BDAT,
    [SMTP_VERB_RSET] = SCENARIO_STAGE_RSET,         [SMTP_VERB_NOOP] = SCENARIO_STAGE_NOOP,
    [SMTP_VERB_VRFY] = SCENARIO_STAGE_VRFY,         [SMTP_VERB_EXPN] = SCENARIO_STAGE_EXPN,
    [SMTP_VERB_HELP] = SCENARIO_STAGE_HELP,         [SMTP_VERB_QUIT] = SCENARIO_STAGE_QUIT,
    [SMTP_VERB_STARTTLS] = SCENARIO_STAGE_STARTTLS, [SMTP_VERB_AUTH] = SCENARIO_STAGE_AUTH,
    [SMTP_VERB_ETRN] = SCENARIO_STAGE_ETRN,         [SMTP_VERB_XCLIENT] = SCENARIO_STAGE_UNKNOWN,
    [SMTP_VERB_CONNECT] = SCENARIO_STAGE_BANNER,    [SMTP_VERB_AUTH_DATA] = SCENARIO_STAGE_AUTH,
    [SMTP_VERB_DOT] = SCENARIO_STAGE_DOT,
};

/* ---- facts ---- */

/* Header fields one a line, folds undone, as rules look at them. */
static void list_fields(struct slice header, struct buf *out)
{
    while (header.len > 0) {
        ptrdiff_t end = slice_find_octet(header, '\n');
        struct slice line = end < 0 ? header : slice_take(header, (size_t)end);
        bool folded = line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
        if (out->len > 0)
            buf_append_octet(out, folded ? ' ' : '\n');
        buf_append(out, slice_trim(line));
        header = slice_skip(header, end < 0 ? header.len : (size_t)end + 1);
    }
}

static struct slice find_field(struct slice fields, struct slice name)
{
    while (fields.len > 0) {
        ptrdiff_t end = slice_find_octet(fields, '\n');
        struct slice line = end < 0 ? fields : slice_take(fields, (size_t)end);
        ptrdiff_t colon = slice_find_octet(line, ':');
        if (colon > 0 && slice_eq_nocase(slice_trim(slice_take(line, (size_t)colon)), name))
            return slice_trim(slice_skip(line, (size_t)colon + 1));
        fields = slice_skip(fields, end < 0 ? fields.len : (size_t)end + 1);
    }
    return slice_of(NULL, 0);
}

/* The message as far as it has come, without our own trace lines. */
static void message_facts(struct mock_conn *c, struct mock_facts *f)
{
    struct mock *m = c->mock;
    const struct mock_txn *t = c->smtp.txn;
    if (!t->started || t->content.len < t->trace_octets)
        return;
    struct slice message = slice_skip(buf_slice(&t->content), t->trace_octets);
    ptrdiff_t blank = slice_find(message, SLICE_LIT("\r\n\r\n"));
    if (slice_starts(message, SLICE_LIT("\r\n")))
        blank = -2;
    struct slice header =
        blank == -1 ? message : slice_take(message, blank < 0 ? 0 : (size_t)blank);
    buf_reset(&m->fields);
    list_fields(slice_take(header, LISTED_MAX_OCTETS), &m->fields);
    rules_fact(&f->f, SCENARIO_FACT_HEADER, buf_slice(&m->fields));
    rules_fact(&f->f, SCENARIO_FACT_SUBJECT,
               find_field(buf_slice(&m->fields), SLICE_LIT("Subject")));
    if (blank != -1)
        rules_fact(&f->f, SCENARIO_FACT_BODY,
                   slice_take(slice_skip(message, (size_t)(blank + 4)), BODY_MAX_OCTETS));
    mock_fact_number(f, SCENARIO_FACT_SIZE, message.len);
}

static void recipient_facts(struct mock_conn *c, struct mock_facts *f)
{
    struct mock *m = c->mock;
    const struct mock_txn *t = c->smtp.txn;
    buf_reset(&m->recipients);
    for (size_t i = 0; i < t->n_recipients && m->recipients.len < LISTED_MAX_OCTETS; i++) {
        if (i > 0)
            buf_append_octet(&m->recipients, '\n');
        mock_recipient_address(m, &t->recipients[i], &m->recipients);
    }
    if (t->n_recipients > 0)
        rules_fact(&f->f, SCENARIO_FACT_TO, buf_slice(&m->recipients));
}

void mock_smtp_facts(struct mock_conn *c, struct mock_facts *f)
{
    const struct mock_smtp *s = &c->smtp;
    const struct mock_txn *t = s->txn;
    if (s->hello)
        rules_fact(&f->f, SCENARIO_FACT_HELO, slice_cstr(s->hello));
    if (s->serve && smtp_serve_user(s->serve))
        rules_fact(&f->f, SCENARIO_FACT_USER, slice_cstr(smtp_serve_user(s->serve)));
    if (smtp_track_auth_mechanism(s->track))
        rules_fact(&f->f, SCENARIO_FACT_MECH, slice_cstr(smtp_track_auth_mechanism(s->track)));
    mock_fact_number(f, SCENARIO_FACT_MSGS, s->n_messages);
    mock_fact_number(f, SCENARIO_FACT_RCPTS, smtp_track_recipients(s->track));
    if (c->mock->said_id[0])
        rules_fact(&f->f, SCENARIO_FACT_ID, slice_cstr(c->mock->said_id));
    if (!t)
        return;
    mock_txn_id(t, f->numbers[SCENARIO_FACT_ID]);
    rules_fact(&f->f, SCENARIO_FACT_ID, slice_cstr(f->numbers[SCENARIO_FACT_ID]));
    rules_fact(&f->f, SCENARIO_FACT_FROM, slice_cstr(t->from));
    mock_fact_number(f, SCENARIO_FACT_SIZE, t->declared_octets);
    recipient_facts(c, f);
    message_facts(c, f);
}

/* What a command says, besides what is known already. */
static void command_facts(const struct smtp_command *cmd, char *address, size_t octets,
                          struct rules_facts *f)
{
    uint64_t size;
    const struct smtp_param *declared = smtp_command_param(cmd, "SIZE");
    rules_fact(f, SCENARIO_FACT_LINE, cmd->line);
    rules_fact(f, SCENARIO_FACT_ARG, cmd->args);
    if (cmd->verb == SMTP_VERB_HELO || cmd->verb == SMTP_VERB_EHLO || cmd->verb == SMTP_VERB_LHLO)
        rules_fact(f, SCENARIO_FACT_HELO, slice_trim(cmd->args));
    if (cmd->verb == SMTP_VERB_AUTH)
        rules_fact(f, SCENARIO_FACT_MECH, cmd->mechanism);
    if (cmd->verb == SMTP_VERB_MAIL)
        rules_fact(f, SCENARIO_FACT_SIZE,
                   declared && slice_to_u64(declared->value, UINT64_MAX, &size) ? declared->value
                                                                                : SLICE_LIT("0"));
    if (!cmd->has_path)
        return;
    mock_path_address(&cmd->path, address, octets);
    rules_fact(f, cmd->verb == SMTP_VERB_MAIL ? SCENARIO_FACT_FROM : SCENARIO_FACT_TO,
               slice_cstr(address));
}

/* ---- words of a profile, capabilities ---- */

static unsigned read_code(struct slice line)
{
    uint64_t code;
    return line.len >= 3 && slice_to_u64(slice_take(line, 3), 599, &code) ? (unsigned)code : 0;
}

/* The enhanced code behind "250 " of a reply line; "": none. */
static void read_enhanced(struct slice line, char *out, size_t out_octets)
{
    struct slice rest = slice_skip(line, 4), word = slice_next_word(&rest);
    unsigned dots = 0;
    out[0] = '\0';
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '.')
            dots++;
        else if (word.ptr[i] < '0' || word.ptr[i] > '9')
            return;
    }
    if (dots == 2 && word.len < out_octets)
        snprintf(out, out_octets, "%.*s", SLICE_ARG(word));
}

/* A profile's text: \n stands between lines. */
static void put_wording(struct mock_conn *c, struct slice text, struct buf *out)
{
    while (text.len > 0) {
        ptrdiff_t end = slice_find(text, SLICE_LIT("\\n"));
        rules_expand(out, end < 0 ? text : slice_take(text, (size_t)end), &c->mock->facts.f, 0);
        buf_append_cstr(out, "\r\n");
        text = slice_skip(text, end < 0 ? text.len : (size_t)end + 2);
    }
}

/* After the dot the recipients are gone with the message: LMTP's replies name theirs. */
static void note_recipient(struct mock_conn *c, struct slice line)
{
    ptrdiff_t open = slice_find_octet(line, '<'), close = slice_find_octet(line, '>');
    if (open >= 0 && close > open)
        rules_fact(&c->mock->facts.f, SCENARIO_FACT_TO,
                   slice_take(slice_skip(line, (size_t)open + 1), (size_t)(close - open - 1)));
}

/* The replies in a->text, each in the profile's words where it has any. Replies of several lines
 * (EHLO) keep their own. */
static void reword(struct mock_conn *c, enum scenario_stage stage, struct smtp_answer *a)
{
    struct mock *m = c->mock;
    const struct scenario_server *s = c->world->servers[c->service];
    if (!s || !s->profile || a->text.len == 0)
        return;
    buf_reset(&m->reworded);
    for (struct slice rest = buf_slice(&a->text); rest.len > 0;) {
        ptrdiff_t end = slice_find_octet(rest, '\n');
        struct slice line = end < 0 ? rest : slice_take(rest, (size_t)end + 1);
        unsigned code = read_code(line);
        char enhanced[16];
        if (stage == SCENARIO_STAGE_DOT)
            note_recipient(c, line);
        read_enhanced(slice_trim(line), enhanced, sizeof(enhanced));
        bool more = line.len > 3 && line.ptr[3] == '-';
        /* Where nobody was greeted yet, that is what 503 is about, whatever the command. */
        bool unmet = code == 503 && smtp_track_state(c->smtp.track) == SMTP_STATE_GREETED;
        const char *word = unmet ? "*" : scenario_stage_word(stage);
        const char *text =
            code > 0 && !more ? profile_reply(s->profile, word, code, enhanced) : NULL;
        if (text && (stage != SCENARIO_STAGE_EHLO || code != 250))
            put_wording(c, slice_cstr(text), &m->reworded);
        else
            buf_append(&m->reworded, line);
        rest = slice_skip(rest, line.len);
    }
    buf_reset(&a->text);
    buf_append(&a->text, buf_slice(&m->reworded));
}

/* 250-KEYWORD lines out of and into the EHLO reply; the first line is the server's name. */
static void edit_caps(struct mock_conn *c, struct smtp_answer *a)
{
    struct mock *m = c->mock;
    struct slice rest = buf_slice(&a->text);
    buf_reset(&m->reworded);
    buf_reset(&m->fields);
    for (bool first = true; rest.len > 0; first = false) {
        ptrdiff_t end = slice_find_octet(rest, '\n');
        size_t len = end < 0 ? rest.len : (size_t)end + 1;
        struct slice line = slice_trim(slice_take(rest, len));
        buf_append(first ? &m->reworded : &m->fields, slice_skip(line, 4));
        buf_append_octet(first ? &m->reworded : &m->fields, '\n');
        rest = slice_skip(rest, len);
    }
    mock_caps_edit(c, buf_slice(&m->fields), &m->reworded);
    buf_reset(&a->text);
    for (rest = buf_slice(&m->reworded); rest.len > 0;) {
        ptrdiff_t end = slice_find_octet(rest, '\n');
        struct slice line = end < 0 ? rest : slice_take(rest, (size_t)end);
        rest = slice_skip(rest, line.len + 1);
        buf_append_cstr(&a->text, rest.len > 0 ? "250-" : "250 ");
        buf_append(&a->text, line);
        buf_append_cstr(&a->text, "\r\n");
    }
}

/* ---- around the serve role ---- */

/* Facts are needed for a profile's variables even where no rule asked. */
static void need_facts(struct mock_conn *c, const struct rules_facts *more)
{
    const struct scenario_server *s = c->world->servers[c->service];
    if (s && s->profile)
        mock_facts_gather(c, more);
}

static bool asked_before(struct mock_conn *c, const struct smtp_item *item,
                         const struct rules_facts *more)
{
    const struct smtp_command *cmd = item->command;
    enum scenario_stage stage = stages[cmd->verb];
    bool decided = mock_rules_ask(c, SCENARIO_STAGE_LINE, more, NULL);
    /* A command out of order is the server's own to refuse; AUTH is asked when it ends. */
    if (!decided && stage != SCENARIO_STAGE_AUTH && smtp_serve_in_order(c->smtp.serve, cmd->verb))
        decided = mock_rules_ask(c, stage, more, NULL);
    return decided;
}

static void ask_content(struct mock_conn *c)
{
    struct mock_txn *t = c->smtp.txn;
    if (!t || !mock_rules_any(c, SCENARIO_STAGE_BODY) ||
        smtp_track_state(c->smtp.track) != SMTP_STATE_DATA)
        return;
    mock_rules_ask(c, SCENARIO_STAGE_BODY, NULL, &t->asked);
}

/* An AUTH exchange that ends now: a rule may end it otherwise. */
static void ask_auth(struct mock_conn *c, struct smtp_answer *a, const struct rules_facts *more)
{
    bool goes_on = slice_starts(buf_slice(&a->text), SLICE_LIT("334"));
    if (goes_on || a->text.len == 0 || !mock_rules_ask(c, SCENARIO_STAGE_AUTH, more, NULL))
        return;
    if (mock_plan_refuses(&c->mock->plan) && smtp_serve_user(c->smtp.serve))
        smtp_serve_forget_user(c->smtp.serve);
}

static void ask_reply(struct mock_conn *c, const struct smtp_answer *a)
{
    struct rules_facts more = {0};
    struct mock_plan *p = &c->mock->plan;
    if (!mock_rules_any(c, SCENARIO_STAGE_REPLY))
        return;
    struct slice text = p->replies ? buf_slice(&p->text) : buf_slice(&a->text);
    ptrdiff_t end = slice_find_octet(text, '\n');
    if (text.len == 0)
        return;
    rules_fact(&more, SCENARIO_FACT_LINE,
               slice_trim(end < 0 ? text : slice_take(text, (size_t)end)));
    mock_rules_ask(c, SCENARIO_STAGE_REPLY, &more, NULL);
}

/* Rules that answer for a command the server itself has to know of: it does its part, and the rule
 * its words. */
static enum scenario_stage serve(struct mock_conn *c, const struct smtp_item *item,
                                 struct smtp_answer *a)
{
    enum scenario_stage stage = SCENARIO_STAGE_DOT;
    if (item->kind == SMTP_ITEM_COMMAND)
        stage = stages[item->command->verb];
    else if (item->kind == SMTP_ITEM_AUTH_DATA)
        stage = SCENARIO_STAGE_AUTH;
    smtp_serve_item(c->smtp.serve, item, a);
    return stage;
}

void mock_smtp_item(struct mock_conn *c, const struct smtp_item *item, struct smtp_answer *a)
{
    struct mock_plan *p = mock_plan_begin(c);
    struct rules_facts more = {0};
    char address[MOCK_ADDRESS_OCTETS];
    c->mock->said_id[0] = '\0';
    if (c->world->friendly) {
        smtp_serve_item(c->smtp.serve, item, a);
        return;
    }
    if (item->kind == SMTP_ITEM_COMMAND) {
        mock_rules_octets(c, item->command->line);
        command_facts(item->command, address, sizeof(address), &more);
        asked_before(c, item, &more);
    }
    enum scenario_stage stage = SCENARIO_STAGE_LINE;
    if (!mock_plan_refuses(p))
        stage = serve(c, item, a);
    if (item->kind == SMTP_ITEM_CONTENT)
        ask_content(c);
    if (stage == SCENARIO_STAGE_AUTH)
        ask_auth(c, a, &more);
    need_facts(c, &more);
    reword(c, stage, a);
    if (stage == SCENARIO_STAGE_EHLO && slice_starts(buf_slice(&a->text), SLICE_LIT("250")) &&
        item->command->verb != SMTP_VERB_HELO)
        edit_caps(c, a);
    ask_reply(c, a);
}

/* The greeting: the server's own, the profile's, the scenario's; then what rules make of it. */
void mock_smtp_banner(struct mock_conn *c, struct smtp_answer *a)
{
    struct mock_plan *p = &c->mock->plan;
    const struct scenario_server *s = c->world->servers[c->service];
    smtp_serve_banner(c->smtp.serve, a);
    if (c->world->friendly)
        return;
    if (!p->decided)
        mock_rules_ask(c, SCENARIO_STAGE_BANNER, NULL, NULL);
    const char *text = c->changed && c->changed->banner ? c->changed->banner
                       : s && s->banner                 ? s->banner
                       : s                              ? profile_text(s->profile, "banner")
                                                        : NULL;
    if (text) {
        mock_facts_gather(c, NULL);
        buf_reset(&a->text);
        buf_append_cstr(&a->text, "220 ");
        rules_expand(&a->text, slice_cstr(text), &c->mock->facts.f, 0);
        buf_append_cstr(&a->text, "\r\n");
    }
    ask_reply(c, a);
}

void mock_smtp_timeout(struct mock_conn *c, struct smtp_answer *a)
{
    smtp_serve_timeout(c->smtp.serve, a);
    if (c->world->friendly)
        return;
    mock_rules_ask(c, SCENARIO_STAGE_IDLE, NULL, NULL);
    need_facts(c, NULL);
    reword(c, SCENARIO_STAGE_IDLE, a);
}

/* The content is complete: what becomes of it. */
enum mock_fate mock_smtp_fate(struct mock_conn *c)
{
    struct mock_plan *p = &c->mock->plan;
    mock_txn_id(c->smtp.txn, c->mock->said_id);
    if (c->world->friendly)
        return MOCK_FATE_NONE;
    if (!mock_rules_ask(c, SCENARIO_STAGE_BODY, NULL, &c->smtp.txn->asked))
        mock_rules_ask(c, SCENARIO_STAGE_DOT, NULL, NULL);
    if (p->discard)
        return MOCK_FATE_DISCARD;
    if (mock_plan_refuses(p))
        return p->store || p->duplicate ? MOCK_FATE_STORE_QUIETLY : MOCK_FATE_REFUSE;
    return MOCK_FATE_NONE;
}

/* A reply at deliver is this recipient's: LMTP says it, SMTP has said its 250 and reports it. */
static void refuse_delivery(struct mock_conn *c, struct mock_recipient *r, struct slice reply)
{
    uint64_t code;
    struct slice words = slice_trim(slice_skip(reply, 4));
    if (reply.len < 4 || !slice_to_u64(slice_take(reply, 3), 599, &code) || code < 400)
        return;
    char *text = mem_slice_dup(words);
    if (mock_services[c->service].lmtp) {
        mock_recipient_outcome(r, MOCK_ACTION_NONE, (unsigned)code, text);
        r->refused = true;
    } else {
        r->bounce = true;
        r->bounce_code = (unsigned)code;
        mem_free(r->bounce_text);
        r->bounce_text = mem_strdup(text);
    }
    mem_free(text);
}

static void ask_delivery(struct mock_conn *c, struct mock_recipient *r, bool *discard,
                         bool *duplicate)
{
    struct mock_plan *p = &c->mock->plan;
    struct rules_facts more = {0};
    struct buf address;
    if (!mock_rules_any(c, SCENARIO_STAGE_DELIVER))
        return;
    buf_init(&address, MOCK_ADDRESS_OCTETS * 2);
    mock_recipient_address(c->mock, r, &address);
    rules_fact(&more, SCENARIO_FACT_TO, buf_slice(&address));
    rules_fact(&more, SCENARIO_FACT_MAILBOX, SLICE_LIT("INBOX"));
    const struct mock_plan of_message = *p;
    size_t said_octets = p->text.len;
    p->discard = p->duplicate = p->replies = p->positive = false;
    p->bounce_code = 0;
    buf_reset(&p->bounce_text);
    mock_rules_ask(c, SCENARIO_STAGE_DELIVER, &more, NULL);
    *discard = *discard || p->discard;
    *duplicate = *duplicate || p->duplicate;
    if (p->bounce_code > 0)
        mock_recipient_bounces(r, p);
    if (p->replies)
        refuse_delivery(c, r, slice_skip(buf_slice(&p->text), said_octets));
    p->text.len = said_octets;
    p->replies = of_message.replies;
    p->positive = of_message.positive;
    p->decided = of_message.decided;
    p->discard = of_message.discard;
    p->duplicate = of_message.duplicate;
    p->bounce_code = of_message.bounce_code;
    p->bounce_after_ms = of_message.bounce_after_ms;
    buf_deinit(&address);
}

unsigned mock_smtp_copies(struct mock_conn *c, struct mock_recipient *r)
{
    const struct mock_plan *p = &c->mock->plan;
    bool discard = r->discard, duplicate = p->duplicate;
    if (p->bounce_code > 0)
        mock_recipient_bounces(r, p);
    ask_delivery(c, r, &discard, &duplicate);
    return discard || r->bounce || r->refused ? 0 : duplicate ? 2 : 1;
}
