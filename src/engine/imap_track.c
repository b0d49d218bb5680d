/* The IMAP tracker: the server's direction, TLS, the end, and what may be asked. */
#include "engine/imap_track_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct imap_track *imap_track_new(struct journal *j, uint32_t conn,
                                  const struct imap_track_options *options)
{
    struct imap_track *t = mem_zalloc(sizeof(*t));
    core_init(&t->core, j, conn, options->backstage, options->tls);
    t->want_content = options->want_content;
    t->state = t->ahead = IMAP_STATE_CONNECT;
    t->greeting_awaited = true;
    t->greeting_since_ns = core_now_ns(&t->core);
    imap_scan_init(&t->scan[DIR_C], false);
    imap_scan_init(&t->scan[DIR_S], true);
    JOURNAL_APPEND(j, conn, PROTOCOL, core_flags(&t->core), 0,
                   (struct ev_protocol){.name = SLICE_LIT("imap")});
    core_state(&t->core, NULL, imap_state_name(IMAP_STATE_CONNECT), 0);
    return t;
}

void imap_track_free(struct imap_track **t)
{
    if (!*t)
        return;
    itrack_work_drop(*t);
    itrack_caps_clear(*t);
    itrack_unselect(*t);
    mem_free(*t);
    *t = NULL;
}

/* ---- responses ---- */

static enum imap_outcome outcome_of(const struct imap_response *r)
{
    static const uint8_t outcomes[IMAP_STATUS__COUNT] = {
        [IMAP_STATUS_NONE] = IMAP_OUT_MALFORMED, [IMAP_STATUS_OK] = IMAP_OUT_OK,
        [IMAP_STATUS_NO] = IMAP_OUT_NO,          [IMAP_STATUS_BAD] = IMAP_OUT_BAD,
        [IMAP_STATUS_BYE] = IMAP_OUT_BYE,        [IMAP_STATUS_PREAUTH] = IMAP_OUT_PREAUTH};
    return (enum imap_outcome)outcomes[r->status];
}

static uint64_t reply_event(struct imap_track *t, const struct imap_response *r, const char *verb,
                            struct track_range *where, uint64_t cause)
{
    bool go_on = r->kind == IMAP_RESPONSE_CONTINUE;
    struct slice tag = go_on ? slice_of(NULL, 0) : r->tag;
    const char *status = go_on ? "+" : imap_status_name(r->status);
    where->cause_seq =
        JOURNAL_APPEND(t->core.journal, t->core.conn, REPLY, core_flags(&t->core), cause,
                       (struct ev_reply){.verb = slice_cstr(verb),
                                         .lines = 1,
                                         .offset = where->offset,
                                         .length = where->length,
                                         .status = slice_cstr(status),
                                         .tag = tag});
    return where->cause_seq;
}

/* [CAPABILITY ...] may stand in any OK or PREAUTH. */
static void take_code(struct imap_track *t, const struct imap_response *r,
                      const struct track_range *where)
{
    if (slice_eq_nocase(r->code, SLICE_LIT("CAPABILITY")))
        itrack_caps_learn(t, r->code_args, r->human, where);
    else if (slice_eq_nocase(r->code, SLICE_LIT("CLOSED")))
        itrack_unselect(t);
}

/* Behind STARTTLS stood commands in the clear: they do not count. */
static void drop_behind_starttls(struct imap_track *t, uint64_t end)
{
    if (t->core.at[DIR_C] <= end)
        return;
    struct track_range where = {DIR_C, end, t->core.at[DIR_C] - end, 0};
    itrack_deviation(t, IMAP_RULE_COMMANDS_BEFORE_TLS, &where, "%s",
                     imap_rule_meaning(IMAP_RULE_COMMANDS_BEFORE_TLS));
    while (itrack_head(t))
        itrack_remove(t, 0);
    itrack_client_refused(t);
}

static void take_tagged(struct imap_track *t, const struct imap_response *r,
                        struct track_range *where, struct imap_item *item)
{
    size_t index = 0;
    struct imap_pending *p = itrack_by_tag(t, r->tag, &index);
    imap_rules rules = r->rules;
    item->asked = p != NULL || t->unkept > 0;
    if (!p && t->unkept > 0)
        t->unkept--;
    else if (!p)
        rules |= IBIT(REPLY_UNASKED);
    item->answers = p ? (enum imap_verb)p->verb : IMAP_VERB_UNKNOWN;
    item->seq = reply_event(t, r, p ? imap_verb_name(item->answers) : "", where, p ? p->seq : 0);
    itrack_report(t, rules, where, NULL);
    if (!p)
        return;
    if (item->answers == IMAP_VERB_LOGOUT && r->status == IMAP_STATUS_OK && !t->bye_seen)
        itrack_deviation(t, IMAP_RULE_BYE_MISSING, where,
                         "LOGOUT was answered without a BYE first.");
    if (!p->whole && t->in_command[DIR_C])
        itrack_client_refused(t);
    uint64_t line_end = p->offset;
    if (item->answers == IMAP_VERB_STARTTLS) {
        const struct imap_pending *next = t->work->ring_count > index + 1 ? p + 1 : NULL;
        line_end = next ? next->offset : t->in_command[DIR_C] ? t->start[DIR_C] : t->core.at[DIR_C];
    }
    itrack_apply(t, item->answers, outcome_of(r), p, item->seq);
    itrack_remove(t, index);
    take_code(t, r, where);
    if (item->answers == IMAP_VERB_STARTTLS && t->state == IMAP_STATE_TLS)
        drop_behind_starttls(t, line_end);
}

static void take_untagged_status(struct imap_track *t, const struct imap_response *r,
                                 struct track_range *where, struct imap_item *item)
{
    bool greeting = t->greeting_awaited;
    imap_rules rules = r->rules;
    bool ok_greeting = r->status == IMAP_STATUS_OK || r->status == IMAP_STATUS_PREAUTH ||
                       r->status == IMAP_STATUS_BYE;
    if (greeting && !ok_greeting)
        rules |= IBIT(GREETING);
    if (!greeting && r->status == IMAP_STATUS_PREAUTH)
        rules |= IBIT(RESPONSE_SYNTAX);
    t->greeting_awaited = greeting && !ok_greeting;
    item->asked = greeting;
    item->answers = greeting ? IMAP_VERB_CONNECT : IMAP_VERB_UNKNOWN;
    item->seq = reply_event(t, r, greeting ? "CONNECT" : "", where, 0);
    itrack_report(t, rules, where, NULL);
    if (r->status == IMAP_STATUS_BYE)
        t->bye_seen = true;
    if (greeting || r->status == IMAP_STATUS_BYE)
        itrack_apply(t, item->answers, outcome_of(r), NULL, item->seq);
    take_code(t, r, where);
}

/* What a "+" lets go on. */
static struct imap_pending *goes_on(struct imap_track *t)
{
    for (size_t i = 0; t->work && i < t->work->ring_count; i++) {
        struct imap_pending *p = &t->work->ring[i];
        bool asks = p->verb == IMAP_VERB_AUTHENTICATE || p->verb == IMAP_VERB_IDLE;
        if (t->awaits_go_ahead ? !p->whole : asks && !p->clients_turn)
            return p;
    }
    return NULL;
}

static void take_go_on(struct imap_track *t, const struct imap_response *r,
                       struct track_range *where, struct imap_item *item)
{
    struct imap_pending *p = goes_on(t);
    imap_rules rules = r->rules;
    item->kind = IMAP_ITEM_GO_ON;
    item->asked = p != NULL;
    item->answers = p ? (enum imap_verb)p->verb : IMAP_VERB_UNKNOWN;
    if (!p)
        rules |= IBIT(CONTINUE_UNASKED);
    item->seq = reply_event(t, r, p ? imap_verb_name(item->answers) : "", where, p ? p->seq : 0);
    itrack_report(t, rules, where, NULL);
    if (!p)
        return;
    /* What it asks for may have been sent already. */
    p->clients_turn = p->early_lines == 0;
    if (t->awaits_go_ahead) {
        t->awaits_go_ahead = false;
        return;
    }
    p->early_lines -= p->early_lines > 0;
    if (item->answers == IMAP_VERB_AUTHENTICATE)
        itrack_sasl_step(t, DIR_S, slice_trim(r->human), where);
    itrack_apply(t, item->answers, IMAP_OUT_GO_ON, p, item->seq);
}

static void take_data(struct imap_track *t, const struct imap_response *r,
                      struct track_range *where, struct imap_item *item)
{
    uint64_t cause = 0;
    char type[32];
    size_t n = 0;
    for (; n < r->type.len && n < sizeof(type); n++) {
        uint8_t octet = r->type.ptr[n];
        type[n] = (char)(octet >= 'a' && octet <= 'z' ? octet - 'a' + 'A' : octet);
    }
    bool read = r->kind == IMAP_RESPONSE_DATA && r->type.len <= sizeof(type);
    for (size_t i = 0; t->work && i < t->work->ring_count && cause == 0; i++)
        if (imap_verb_asks_for((enum imap_verb)t->work->ring[i].verb, r->type))
            cause = t->work->ring[i].seq;
    item->kind = IMAP_ITEM_UNTAGGED;
    item->seq = where->cause_seq =
        JOURNAL_APPEND(t->core.journal, t->core.conn, UNTAGGED, core_flags(&t->core), cause,
                       (struct ev_untagged){.type = read ? slice_of(type, n) : SLICE_LIT("UNKNOWN"),
                                            .number = r->number,
                                            .offset = where->offset,
                                            .length = where->length});
    imap_rules rules = read ? itrack_data_rules(t, r) : r->rules;
    if (t->greeting_awaited)
        rules |= IBIT(GREETING);
    itrack_report(t, rules, where, NULL);
    if (read)
        itrack_data_effect(t, r, where);
}

static void take_response(struct imap_track *t, const struct imap_text *text,
                          struct imap_item *item)
{
    struct imap_response *r = &itrack_work(t)->response;
    struct track_range where = {DIR_S, t->start[DIR_S], t->core.at[DIR_S] - t->start[DIR_S], 0};
    bool ended = t->bye_seen;
    imap_response_parse(text, r);
    item->kind = IMAP_ITEM_REPLY;
    item->response = r;
    bool tagged = r->kind == IMAP_RESPONSE_STATUS && !slice_eq(r->tag, SLICE_LIT("*"));
    if (tagged)
        take_tagged(t, r, &where, item);
    else if (r->kind == IMAP_RESPONSE_STATUS)
        take_untagged_status(t, r, &where, item);
    else if (r->kind == IMAP_RESPONSE_CONTINUE)
        take_go_on(t, r, &where, item);
    else
        take_data(t, r, &where, item);
    if (ended && !(tagged && item->answers == IMAP_VERB_LOGOUT))
        itrack_deviation(t, IMAP_RULE_AFTER_BYE, &where, "%s",
                         imap_rule_meaning(IMAP_RULE_AFTER_BYE));
}

/* Pieces of one response in `in`: what is to be kept of them is copied only where a response does
 * not stand there whole and without gaps. */
static size_t feed_server(struct imap_track *t, struct slice in, struct imap_item *item)
{
    struct imap_reading *r = &itrack_work(t)->reading[DIR_S];
    struct imap_piece p = {.kind = IMAP_PIECE_PART};
    size_t used = 0, from = 0; /* in[from..used) is not copied */
    imap_rules *rules = &t->reading_rules[DIR_S];
    bool first = !t->in_command[DIR_S], direct = first;
    if (first) {
        t->start[DIR_S] = t->core.at[DIR_S];
        *rules = 0;
    }
    while (used < in.len && p.kind != IMAP_PIECE_END) {
        imap_scan_feed(&t->scan[DIR_S], IMAP_LINE_COMMAND, slice_skip(in, used), &p);
        used += p.used;
        *rules |= p.rules;
        if (p.kind == IMAP_PIECE_LITERAL && !t->literal_kept[DIR_S]) {
            from = used;
        } else if (p.kind == IMAP_PIECE_ANNOUNCE) {
            if (++r->n_literals == IMAP_CAP_LITERALS) {
                *rules |= IBIT(LITERAL_COUNT);
                r->cut = true;
            }
            t->literal_kept[DIR_S] = p.literal_octets <= IMAP_CAP_LITERAL_OCTETS;
            if (t->literal_kept[DIR_S])
                continue;
            itrack_reading_add(t, DIR_S, slice_take(slice_skip(in, from), used - from));
            uint64_t at = t->core.at[DIR_S];
            t->core.at[DIR_S] += used; /* the stream position of the gap */
            itrack_reading_gap(t, DIR_S, p.literal_octets);
            t->core.at[DIR_S] = at;
            from = used;
            direct = false;
        }
    }
    bool end = p.kind == IMAP_PIECE_END;
    direct = direct && end && used <= IMAP_CAP_RESPONSE_OCTETS;
    if (!direct)
        itrack_reading_add(t, DIR_S, slice_take(slice_skip(in, from), used - from));
    core_append_octets(&t->core, DIR_S, slice_take(in, used), slice_of(NULL, 0));
    t->in_command[DIR_S] = !end;
    if (!end)
        return used;
    struct track_range where = {DIR_S, t->start[DIR_S], t->core.at[DIR_S] - t->start[DIR_S], 0};
    itrack_report(t, *rules, &where, NULL);
    struct imap_text text = itrack_reading_text(r);
    if (direct)
        text = (struct imap_text){.octets = slice_take(in, used), .cut = r->cut};
    t->text_done[DIR_S] = true;
    take_response(t, &text, item);
    return used;
}

/* ---- both directions ---- */

/* STARTTLS was agreed to and the handshake has not been: what comes in the clear now may stem from
 * anyone on the way. A secret sent too early is still one. */
static size_t feed_void(struct imap_track *t, enum event_dir dir, struct slice in,
                        struct imap_item *item)
{
    struct track_rule rule =
        itrack_rule(dir == DIR_S ? IMAP_RULE_PLAINTEXT_BEFORE_TLS : IMAP_RULE_COMMANDS_BEFORE_TLS);
    struct track_range where = {dir, t->core.at[dir], in.len, 0};
    for (struct slice left = in; left.len > 0;) {
        struct imap_piece p;
        imap_scan_feed(&t->scan[dir], IMAP_LINE_COMMAND, left, &p);
        where.cause_seq = core_append_octets(&t->core, dir, slice_take(left, p.used), p.secret);
        left = slice_skip(left, p.used);
    }
    core_void(&t->core, &rule, &where);
    item->kind = IMAP_ITEM_VOID;
    return in.len;
}

static size_t feed_compressed(struct imap_track *t, enum event_dir dir, struct slice in,
                              struct imap_item *item)
{
    core_append_octets(&t->core, dir, in, slice_of(NULL, 0));
    item->kind = IMAP_ITEM_VOID;
    return in.len;
}

/* A password without its quoting stands in the arena, which is not wiped by itself. */
static void wipe_password(struct imap_work *w)
{
    struct slice text = w->command.text.octets, password = w->command.password;
    bool inside = password.ptr >= text.ptr && password.ptr <= text.ptr + text.len;
    if (password.len > 0 && !inside)
        mem_wipe((void *)(uintptr_t)password.ptr, password.len);
    w->command.password = slice_of(NULL, 0);
}

static void drop_done(struct imap_track *t, enum event_dir dir)
{
    if (!t->text_done[dir] || !t->work)
        return;
    t->text_done[dir] = false;
    if (dir == DIR_C) {
        wipe_password(t->work);
        arena_reset(&t->work->arena);
    }
    itrack_reading_reset(&t->work->reading[dir]);
}

size_t imap_track_feed(struct imap_track *t, enum event_dir dir, struct slice in,
                       struct imap_item *item_out)
{
    memset(item_out, 0, sizeof(*item_out));
    if (in.len == 0)
        return 0;
    drop_done(t, dir);
    if (t->compressed)
        return feed_compressed(t, dir, in, item_out);
    if (t->state == IMAP_STATE_TLS)
        return feed_void(t, dir, in, item_out);
    return dir == DIR_C ? itrack_feed_client(t, in, item_out) : feed_server(t, in, item_out);
}

void imap_track_feed_all(struct imap_track *t, enum event_dir dir, struct slice in)
{
    struct imap_item item;
    while (in.len > 0)
        in = slice_skip(in, imap_track_feed(t, dir, in, &item));
    drop_done(t, dir);
    if (!t->text_done[DIR_C] && !t->text_done[DIR_S])
        itrack_rest(t);
}

void imap_track_tls_up(struct imap_track *t)
{
    t->core.tls = true;
    if (t->state == IMAP_STATE_CONNECT)
        return;
    drop_done(t, DIR_C);
    itrack_caps_clear(t);
    itrack_unselect(t);
    itrack_work_drop(t);
    t->authenticated = t->auth_unkept = t->idle_open = t->utf8 = false;
    t->in_command[DIR_C] = t->in_command[DIR_S] = false;
    t->literal_message = t->awaits_go_ahead = false;
    t->core.void_said[DIR_C] = t->core.void_said[DIR_S] = false;
    t->unkept = 0;
    t->core.mechanism[0] = '\0';
    imap_scan_init(&t->scan[DIR_C], false);
    imap_scan_init(&t->scan[DIR_S], true);
    itrack_set_state(t, IMAP_STATE_NOT_AUTH, 0);
    t->ahead = t->state;
}

/* ---- the end ---- */

static void name_unfinished(struct imap_track *t)
{
    struct track_range where = {DIR_S, t->start[DIR_S], t->core.at[DIR_S] - t->start[DIR_S], 0};
    if (t->in_command[DIR_S]) {
        itrack_report(t, t->reading_rules[DIR_S], &where, NULL);
        itrack_deviation(t, IMAP_RULE_RESPONSE_CUT, &where, "%llu octets of a response came.",
                         (unsigned long long)where.length);
    }
    if (!t->in_command[DIR_C])
        return;
    where = (struct track_range){DIR_C, t->start[DIR_C], t->core.at[DIR_C] - t->start[DIR_C],
                                 t->command_seq};
    itrack_content_cut(t);
    uint64_t left = t->scan[DIR_C].literal_left;
    if (left > 0)
        itrack_deviation(t, IMAP_RULE_LITERAL_CUT, &where, "%llu octets of a literal are missing.",
                         (unsigned long long)left);
    else
        itrack_deviation(t, IMAP_RULE_COMMAND_CUT, &where, "%s",
                         imap_rule_meaning(IMAP_RULE_COMMAND_CUT));
}

void imap_track_closed(struct imap_track *t, enum event_dir closed_by)
{
    if (t->state == IMAP_STATE_CLOSED)
        return;
    drop_done(t, DIR_C);
    name_unfinished(t);
    struct track_range where = {closed_by, t->core.at[closed_by], 0, 0};
    /* A handshake that failed leaves nobody a word to say, and compressed ones cannot be read. */
    bool said =
        t->compressed || t->bye_seen || t->state == IMAP_STATE_LOGOUT || t->state == IMAP_STATE_TLS;
    if (closed_by == DIR_S && !said)
        itrack_deviation(t, IMAP_RULE_BYE_MISSING, &where, "%s",
                         imap_rule_meaning(IMAP_RULE_BYE_MISSING));
    if (closed_by == DIR_C && !said && !t->logout_sent)
        itrack_deviation(t, IMAP_RULE_LOGOUT_MISSING, &where, "%s",
                         imap_rule_meaning(IMAP_RULE_LOGOUT_MISSING));
    itrack_apply(t, IMAP_VERB_UNKNOWN, IMAP_OUT_EOF, NULL, 0);
    t->greeting_awaited = t->auth_unkept = t->idle_open = false;
    t->in_command[DIR_C] = t->in_command[DIR_S] = t->awaits_go_ahead = false;
    t->unkept = 0;
    itrack_work_drop(t);
}
