/* The client's direction: command lines and lines of AUTH. */
#include "engine/pop3_track_private.h"

#include "base/mem.h"

static void pending_add(struct pop3_track *t, struct pop3_pending *p, enum pop3_verb verb)
{
    struct pop3_work *w = ptrack_work(t);
    bool auth = verb == POP3_VERB_AUTH || verb == POP3_VERB_AUTH_DATA;
    enum pop3_state from = (enum pop3_state)(pop3_track_pending(t) > 0 ? t->ahead : t->state);
    p->verb = (uint8_t)verb;
    t->ahead = (uint8_t)ptrack_ahead(verb, from);
    /* Order is all that pairs answers with commands: while some are not kept, none behind them is.
     */
    if (t->unkept > 0 || w->ring_count >= POP3_CAP_PENDING_COMMANDS) {
        if (t->unkept++ == 0)
            ptrack_deviation(t, POP3_RULE_PENDING_CAP,
                             &(struct track_range){DIR_C, p->offset, p->length, p->seq},
                             "%d commands wait for an answer.", POP3_CAP_PENDING_COMMANDS);
        t->auth_unkept = t->auth_unkept || auth;
        return;
    }
    if (auth)
        t->auth_open++;
    ptrack_push(t, p);
}

static void auth_begin(struct pop3_track *t, const struct pop3_command *c,
                       const struct track_range *where)
{
    struct track_rule bad = ptrack_rule(POP3_RULE_AUTH_BAD_BASE64);
    core_mechanism(&t->core, c->n_args > 0 ? c->arg[0] : slice_of(NULL, 0));
    if (c->n_args > 1)
        core_sasl_initial(&t->core, c->arg[1], where, &bad);
}

static uint64_t command_event(struct pop3_track *t, enum pop3_verb verb, struct track_range *where)
{
    where->cause_seq =
        JOURNAL_APPEND(t->core.journal, t->core.conn, COMMAND, core_flags(&t->core), 0,
                       (struct ev_command){.verb = slice_cstr(pop3_verb_name(verb)),
                                           .offset = where->offset,
                                           .length = where->length});
    return where->cause_seq;
}

static void take_command(struct pop3_track *t, struct pop3_command *c, struct track_range *where,
                         struct pop3_item *item)
{
    c->rules = pop3_track_lint(t, c);
    item->kind = POP3_ITEM_COMMAND;
    item->command = c;
    item->message = c->message;
    item->seq = command_event(t, c->verb, where);
    ptrack_report(t, c->rules, where, c);
    if (c->verb == POP3_VERB_AUTH)
        auth_begin(t, c, where);
    if (c->verb == POP3_VERB_QUIT)
        t->quit_sent = true;
    pending_add(t,
                &(struct pop3_pending){.seq = item->seq,
                                       .offset = where->offset,
                                       .length = (uint32_t)where->length,
                                       .message = c->message,
                                       .multi = pop3_command_is_multi(c)},
                c->verb);
}

static void take_auth_data(struct pop3_track *t, struct slice line, pop3_rules rules,
                           struct track_range *where, struct pop3_item *item)
{
    if (line.len + 2 > POP3_AUTH_LINE_MAX_OCTETS)
        rules |= PBIT(COMMAND_TOO_LONG);
    if (pop3_track_pending(t) > 0)
        rules |= PBIT(COMMAND_EARLY);
    item->kind = POP3_ITEM_AUTH_DATA;
    item->line = line;
    item->seq = command_event(t, POP3_VERB_AUTH_DATA, where);
    ptrack_report(t, rules, where, NULL);
    ptrack_sasl_step(t, DIR_C, line, where);
    pending_add(t,
                &(struct pop3_pending){
                    .seq = item->seq, .offset = where->offset, .length = (uint32_t)where->length},
                POP3_VERB_AUTH_DATA);
}

/* Is the whole line one of a known command? Only then may it show while an AUTH waits for its
 * answer. */
static bool known_command(struct slice in)
{
    ptrdiff_t lf = slice_find_octet(in, '\n');
    struct slice rest = slice_trim(lf < 0 ? slice_of(NULL, 0) : slice_take(in, (size_t)lf));
    return pop3_verb_by_name(slice_next_word(&rest)) != POP3_VERB_UNKNOWN;
}

size_t ptrack_feed_client(struct pop3_track *t, struct slice in, struct pop3_item *item)
{
    struct pop3_work *w = ptrack_work(t);
    struct slice line;
    pop3_rules rules;
    bool in_auth = t->state == POP3_STATE_AUTH ||
                   (pop3_track_auth_open(t) && !(w->line[DIR_C].len == 0 && known_command(in)));
    size_t used = ptrack_line(t, DIR_C, in, in_auth, &line, &rules);
    if (!line.ptr)
        return used;
    struct track_range where = {DIR_C, t->line_at[DIR_C], t->core.at[DIR_C] - t->line_at[DIR_C], 0};
    struct pop3_command *c = &w->command;
    if (t->state != POP3_STATE_AUTH) {
        pop3_command_parse(line, c);
        c->rules |= rules;
    }
    if (t->state == POP3_STATE_AUTH || (c->verb == POP3_VERB_UNKNOWN && pop3_track_auth_open(t)))
        take_auth_data(t, line, rules, &where, item);
    else
        take_command(t, c, &where, item);
    return used;
}
