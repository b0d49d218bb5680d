/* Rules around IMAP's serve role: which stage a command is, what is known there, capabilities. */
#include "mock/mock_private.h"

#include <stdio.h>

#include "base/mem.h"
#include "engine/imap_serve.h"

enum { LINE_MAX_OCTETS = 1024 };

/* Stages are named as the commands are. */
static enum scenario_stage stage_of(enum imap_verb verb)
{
    char name[40];
    snprintf(name, sizeof(name), "imap.%s", imap_verb_name(verb));
    for (int i = SCENARIO_STAGE_IMAP_BANNER; i < SCENARIO_STAGE__COUNT; i++)
        if (slice_eq_nocase(slice_cstr(name),
                            slice_cstr(scenario_stage_word((enum scenario_stage)i))))
            return (enum scenario_stage)i;
    return SCENARIO_STAGE_IMAP_UNKNOWN;
}

/* The first number of a set of messages stands for it. */
static void set_fact(const struct imap_command *cmd, char *number, size_t octets,
                     struct rules_facts *more)
{
    if (cmd->set.n_ranges == 0)
        return;
    snprintf(number, octets, "%u", cmd->set.ranges[0].first);
    rules_fact(more, SCENARIO_FACT_UID, slice_cstr(number));
}

/* True: a rule has answered, or wants no answer, and the server is not asked. What it did stands in
 * the plan. */
bool mock_imap_command(struct mock_conn *c, const struct imap_command *cmd)
{
    struct rules_facts more = {0};
    char number[24];
    if (c->world->friendly)
        return false;
    rules_fact(&more, SCENARIO_FACT_TAG, cmd->tag);
    /* The arguments of these are secrets: rules see the verb. */
    bool secret = cmd->verb == IMAP_VERB_LOGIN || cmd->verb == IMAP_VERB_AUTHENTICATE;
    struct slice line = secret ? cmd->verb_text : slice_take(cmd->text.octets, LINE_MAX_OCTETS);
    rules_fact(&more, SCENARIO_FACT_LINE, line);
    if (cmd->user.len > 0)
        rules_fact(&more, SCENARIO_FACT_USER, cmd->user);
    if (cmd->mechanism.len > 0)
        rules_fact(&more, SCENARIO_FACT_MECH, cmd->mechanism);
    if (cmd->mailbox.len > 0)
        rules_fact(&more, SCENARIO_FACT_MAILBOX, cmd->mailbox);
    set_fact(cmd, number, sizeof(number), &more);
    mock_rules_octets(c, line);
    if (!mock_rules_ask(c, SCENARIO_STAGE_LINE, &more, NULL))
        mock_rules_ask(c, stage_of(cmd->verb), &more, NULL);
    return mock_plan_refuses(&c->mock->plan);
}

/* The list in "* CAPABILITY A B C", or in the code [CAPABILITY A B C] that a greeting and the yes
 * to a login carry (RFC 9051 section 7.1): those hidden leave, those offered come. */
void mock_imap_caps(struct mock_conn *c, struct buf *text)
{
    struct mock *m = c->mock;
    struct slice all = buf_slice(text), mark = SLICE_LIT("CAPABILITY ");
    ptrdiff_t at = slice_find(all, mark);
    if (c->world->friendly || at < 1)
        return;
    struct slice rest = slice_skip(all, (size_t)at + mark.len);
    ptrdiff_t end = slice_find(rest, all.ptr[at - 1] == '[' ? SLICE_LIT("]") : SLICE_LIT("\r\n"));
    if (end < 0)
        return;
    struct slice behind = slice_skip(rest, (size_t)end), words = slice_take(rest, (size_t)end);
    buf_reset(&m->fields);
    buf_reset(&m->reworded);
    for (struct slice w = slice_next_word(&words); w.len > 0; w = slice_next_word(&words)) {
        buf_append(&m->fields, w);
        buf_append_octet(&m->fields, '\n');
    }
    mock_caps_edit(c, buf_slice(&m->fields), &m->reworded);
    buf_reset(&m->fields);
    buf_append(&m->fields, slice_take(all, (size_t)at + mark.len));
    for (struct slice lines = buf_slice(&m->reworded); lines.len > 0;) {
        ptrdiff_t line_end = slice_find_octet(lines, '\n');
        struct slice line = line_end < 0 ? lines : slice_take(lines, (size_t)line_end);
        buf_append(&m->fields, line);
        lines = slice_skip(lines, line.len + 1);
        if (lines.len > 0)
            buf_append_octet(&m->fields, ' ');
    }
    buf_append(&m->fields, behind);
    buf_reset(text);
    buf_append(text, buf_slice(&m->fields));
}
