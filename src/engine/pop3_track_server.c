/* The server's direction: responses, and the lines that follow some of them. */
#include "engine/pop3_track_private.h"

#include <string.h>

#include "base/mem.h"

static enum pop3_outcome outcome_of(enum pop3_status status)
{
    static const uint8_t outcomes[] = {[POP3_STATUS_NONE] = POP3_OUT_MALFORMED,
                                       [POP3_STATUS_OK] = POP3_OUT_OK,
                                       [POP3_STATUS_ERR] = POP3_OUT_ERR,
                                       [POP3_STATUS_CONTINUE] = POP3_OUT_GO_ON};
    return (enum pop3_outcome)outcomes[status];
}

static uint64_t reply_event(struct pop3_track *t, const struct pop3_response *r, bool asked,
                            const struct pop3_pending *p, uint64_t lines, struct track_range *where)
{
    where->cause_seq = JOURNAL_APPEND(
        t->core.journal, t->core.conn, REPLY, core_flags(&t->core), p->seq,
        (struct ev_reply){.verb = slice_cstr(asked ? pop3_verb_name((enum pop3_verb)p->verb) : ""),
                          .lines = lines,
                          .offset = where->offset,
                          .length = where->length,
                          .status = slice_cstr(pop3_status_name(r->status))});
    return where->cause_seq;
}

/* What the response answers: the greeting, the oldest command kept, or one that was not. */
static bool response_answers(const struct pop3_track *t, struct pop3_pending *p_out)
{
    const struct pop3_pending *head = ptrack_head(t);
    *p_out = (struct pop3_pending){.verb = POP3_VERB_UNKNOWN};
    if (t->greeting_awaited)
        p_out->verb = POP3_VERB_CONNECT;
    else if (head)
        *p_out = *head;
    return t->greeting_awaited || head || t->unkept > 0;
}

static pop3_rules response_rules(const struct pop3_track *t, const struct pop3_response *r,
                                 bool asked, const struct pop3_pending *p)
{
    pop3_rules rules = ptrack_text_rules(t, r->rules, r->line);
    bool auth = p->verb == POP3_VERB_AUTH || p->verb == POP3_VERB_AUTH_DATA;
    if (t->state == POP3_STATE_UPDATE)
        rules |= PBIT(AFTER_QUIT);
    else if (!asked)
        rules |= PBIT(RESPONSE_UNASKED);
    if (r->status == POP3_STATUS_CONTINUE && !auth)
        rules |= PBIT(CONTINUE_UNASKED);
    if (p->verb == POP3_VERB_CONNECT &&
        (r->status == POP3_STATUS_NONE || r->status == POP3_STATUS_CONTINUE))
        rules |= PBIT(GREETING);
    return rules;
}

/* STLS was agreed to: commands that stood behind it in the clear do not count. */
static void drop_behind_stls(struct pop3_track *t, const struct pop3_pending *p)
{
    uint64_t end = p->offset + p->length;
    if (t->core.at[DIR_C] <= end)
        return;
    struct track_range where = {DIR_C, end, t->core.at[DIR_C] - end, p->seq};
    ptrack_deviation(t, POP3_RULE_COMMANDS_BEFORE_TLS, &where, "%s",
                     pop3_rule_meaning(POP3_RULE_COMMANDS_BEFORE_TLS));
    while (ptrack_head(t))
        ptrack_pop(t);
    t->unkept = 0;
    buf_reset(&t->work->line[DIR_C]);
    secret_scan_init(&t->scan);
}

/* ---- answers of several lines ---- */

static bool carries_message(enum pop3_verb verb)
{
    return verb == POP3_VERB_RETR || verb == POP3_VERB_TOP;
}

static void content_begin(struct pop3_track *t, enum pop3_verb verb,
                          const struct track_range *where)
{
    struct pop3_work *w = ptrack_work(t);
    smtp_content_init(&w->content);
    w->content.data_end = SMTP_DATA_END_STRICT;
    w->content_rules = 0;
    w->content_at = t->core.at[DIR_S];
    w->first_line_octets = where->length;
    buf_reset(&w->listing);
    buf_reset(&w->caps);
    t->in_content = true;
    if (carries_message(verb))
        w->content_seq =
            JOURNAL_APPEND(t->core.journal, t->core.conn, DATA_BEGIN, core_flags(&t->core),
                           where->cause_seq, (struct ev_data_begin){.offset = w->content_at});
}

static void listing_line(struct pop3_track *t, enum pop3_verb verb, struct slice line)
{
    struct pop3_work *w = t->work;
    struct pop3_listing listing;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (verb == POP3_VERB_CAPA) {
        bool ok =
            (w->caps.len == 0 || buf_append_octet(&w->caps, '\n')) && buf_append(&w->caps, line);
        w->content_rules |= ok ? 0 : PBIT(CAPA_CAP);
    } else if (verb == POP3_VERB_LIST && !pop3_listing_parse(line, false, &listing)) {
        w->content_rules |= PBIT(LISTING_SYNTAX);
    } else if (verb == POP3_VERB_UIDL && !pop3_listing_parse(line, true, &listing)) {
        w->content_rules |= listing.message > 0 ? PBIT(UNIQUE_ID) : PBIT(LISTING_SYNTAX);
    }
}

static void listing_octets(struct pop3_track *t, enum pop3_verb verb, struct slice octets)
{
    struct pop3_work *w = t->work;
    while (octets.len > 0) {
        ptrdiff_t lf = slice_find_octet(octets, '\n');
        struct slice piece = lf < 0 ? octets : slice_take(octets, (size_t)lf);
        if (!buf_append(&w->listing, piece))
            w->content_rules |= PBIT(LISTING_SYNTAX);
        octets = slice_skip(octets, lf < 0 ? octets.len : (size_t)lf + 1);
        if (lf < 0)
            return;
        listing_line(t, verb, buf_slice(&w->listing));
        buf_reset(&w->listing);
    }
}

static uint64_t data_end(struct pop3_track *t, bool complete)
{
    const struct smtp_content_stats *s = &t->work->content.stats;
    return JOURNAL_APPEND(t->core.journal, t->core.conn, DATA_END, core_flags(&t->core),
                          t->work->content_seq,
                          (struct ev_data_end){.offset = t->work->content_at,
                                               .length = s->wire,
                                               .content = s->content,
                                               .lines = s->lines,
                                               .stuffed = s->stuffed,
                                               .longest = s->longest,
                                               .bare_lf = s->bare_lf,
                                               .bare_cr = s->bare_cr,
                                               .eight_bit = s->eight_bit,
                                               .nul = s->nul,
                                               .complete = complete});
}

static pop3_rules content_rules(const struct pop3_work *w)
{
    const struct smtp_content_stats *s = &w->content.stats;
    return w->content_rules | (s->single_dot > 0 ? PBIT(NOT_STUFFED) : 0) |
           (s->bare_lf > 0 ? PBIT(TEXT_BARE_LF) : 0);
}

static void content_end(struct pop3_track *t, const struct pop3_pending *p, struct pop3_item *item)
{
    struct pop3_work *w = t->work;
    struct track_range where = {DIR_S, w->content_at, w->content.stats.wire, 0};
    t->in_content = false;
    item->kind = POP3_ITEM_CONTENT_END;
    if (carries_message((enum pop3_verb)p->verb)) {
        where.cause_seq = item->seq = data_end(t, true);
    } else {
        where.offset -= w->first_line_octets;
        where.length += w->first_line_octets;
        item->seq = reply_event(t, &(struct pop3_response){.status = POP3_STATUS_OK}, true, p,
                                w->content.stats.lines + 2, &where);
    }
    ptrack_report(t, content_rules(w), &where, NULL);
    if (p->verb == POP3_VERB_CAPA)
        ptrack_caps_learn(t, item->seq);
    ptrack_pop(t);
    if (pop3_track_pending(t) == 0)
        t->ahead = t->state;
}

static size_t feed_content(struct pop3_track *t, struct slice in, struct pop3_item *item)
{
    struct pop3_work *w = ptrack_work(t);
    const struct pop3_pending p = *ptrack_head(t);
    bool end = false, message = carries_message((enum pop3_verb)p.verb);
    buf_reset(&w->unstuffed);
    size_t used = smtp_content_feed(&w->content, slice_take(in, POP3_PIECE_OCTETS),
                                    t->want_content || !message ? &w->unstuffed : NULL, &end);
    BUG_IF(used == 0 || used > in.len);
    core_append_octets(&t->core, DIR_S, slice_take(in, used), slice_of(NULL, 0));
    if (!message)
        listing_octets(t, (enum pop3_verb)p.verb, buf_slice(&w->unstuffed));
    item->kind = POP3_ITEM_CONTENT;
    item->answers = (enum pop3_verb)p.verb;
    item->message = p.message;
    item->asked = true;
    item->content = t->want_content ? buf_slice(&w->unstuffed) : slice_of(NULL, 0);
    if (end)
        content_end(t, &p, item);
    return used;
}

void ptrack_content_cut(struct pop3_track *t)
{
    const struct pop3_work *w = t->work;
    struct track_range where = {DIR_S, w->content_at, t->core.at[DIR_S] - w->content_at, 0};
    if (carries_message((enum pop3_verb)ptrack_head(t)->verb))
        where.cause_seq = data_end(t, false);
    ptrack_deviation(t, POP3_RULE_RESPONSE_CUT, &where, "The answer ended after %llu octets.",
                     (unsigned long long)where.length);
}

/* ---- first lines ---- */

static void take_stamp(struct pop3_track *t, const struct pop3_response *r)
{
    struct slice stamp = pop3_greeting_stamp(r->text);
    mem_free(t->stamp);
    t->stamp = stamp.len > 0 ? mem_slice_dup(stamp) : NULL;
}

/* LIST n and UIDL n answer in their first line. */
static pop3_rules single_listing_rules(const struct pop3_pending *p, const struct pop3_response *r)
{
    struct pop3_listing listing;
    bool uidl = p->verb == POP3_VERB_UIDL;
    if ((p->verb != POP3_VERB_LIST && !uidl) || r->status != POP3_STATUS_OK || p->multi ||
        pop3_listing_parse(r->text, uidl, &listing))
        return 0;
    return uidl && listing.message > 0 ? PBIT(UNIQUE_ID) : PBIT(LISTING_SYNTAX);
}

static void take_response(struct pop3_track *t, struct slice line, pop3_rules rules,
                          struct pop3_item *item)
{
    struct pop3_response *r = &t->work->response;
    struct track_range where = {DIR_S, t->line_at[DIR_S], t->core.at[DIR_S] - t->line_at[DIR_S], 0};
    struct pop3_pending p;
    bool asked = response_answers(t, &p), ended = t->state == POP3_STATE_UPDATE;
    enum pop3_verb verb = (enum pop3_verb)p.verb;
    pop3_response_parse(line, r);
    bool multi = asked && p.multi && r->status == POP3_STATUS_OK;
    item->kind = multi                               ? POP3_ITEM_STATUS
                 : r->status == POP3_STATUS_CONTINUE ? POP3_ITEM_GO_ON
                                                     : POP3_ITEM_REPLY;
    item->response = r;
    item->asked = asked;
    item->answers = verb;
    item->message = p.message;
    rules |= response_rules(t, r, asked, &p) | single_listing_rules(&p, r);
    if (!multi || carries_message(verb))
        item->seq = reply_event(t, r, asked, &p, 1, &where);
    ptrack_report(t, rules, &where, NULL);
    if (verb == POP3_VERB_CONNECT)
        t->greeting_awaited = (rules & PBIT(GREETING)) != 0;
    if (multi) {
        content_begin(t, verb, &where);
        return;
    }
    if (verb == POP3_VERB_CONNECT && r->status == POP3_STATUS_OK)
        take_stamp(t, r);
    if (item->kind == POP3_ITEM_GO_ON && asked)
        ptrack_sasl_step(t, DIR_S, slice_trim(r->text), &where);
    if (asked && verb != POP3_VERB_CONNECT)
        ptrack_pop(t);
    if (!ended)
        ptrack_apply(t, verb, outcome_of(r->status), r, item->seq);
    if (verb == POP3_VERB_STLS && t->state == POP3_STATE_TLS)
        drop_behind_stls(t, &p);
}

size_t ptrack_feed_server(struct pop3_track *t, struct slice in, struct pop3_item *item)
{
    struct slice line;
    pop3_rules rules;
    if (t->in_content)
        return feed_content(t, in, item);
    size_t used = ptrack_line(t, DIR_S, in, false, &line, &rules);
    if (line.ptr)
        take_response(t, line, rules, item);
    return used;
}
