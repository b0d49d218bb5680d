/* The client's direction: command lines, AUTH lines, message content.
 *
 * Octets enter the journal as they come, before the events that speak of them; a line that arrives
 * whole is one OCTETS event and is never copied. What is secret in a line must be known while it is
 * still arriving, so the scanner decides by itself and, inside an AUTH exchange, hides too much
 * rather than too little.
 */
#include "engine/smtp_track_private.h"

#include <string.h>

#include "base/mem.h"

#define BIT(name) SMTP_RULE_BIT(SMTP_RULE_##name)

bool track_auth_open(const struct smtp_track *t)
{
    return t->auth_open > 0 || (t->auth_unkept && t->unkept > 0);
}

/* ---- pending commands ---- */

static void pending_add(struct smtp_track *t, enum smtp_verb verb, struct track_pending *p,
                        const struct smtp_command *c)
{
    struct track_work *w = track_work(t);
    enum smtp_state from = (enum smtp_state)(smtp_track_pending(t) > 0 ? t->ahead : t->state);
    bool auth = verb == SMTP_VERB_AUTH || verb == SMTP_VERB_AUTH_DATA;
    struct track_range where = {DIR_C, p->offset, p->length, p->seq};
    t->ahead = (uint8_t)track_state_ahead(t, verb, from);
    t->last_verb = (uint8_t)verb;
    /* Order is all that pairs replies with commands: while some are not kept, none behind them is.
     */
    if (t->unkept > 0 || w->ring_count >= SMTP_CAP_PENDING_COMMANDS) {
        if (t->unkept++ == 0)
            track_deviation(t, SMTP_RULE_PENDING_CAP, &where, "%d commands wait for a reply.",
                            SMTP_CAP_PENDING_COMMANDS);
        t->auth_unkept = t->auth_unkept || auth;
        return;
    }
    if (auth)
        t->auth_open++;
    p->verb = (uint8_t)verb;
    p->tick_ns = core_now_ns(&t->core);
    if (c && (verb == SMTP_VERB_MAIL || verb == SMTP_VERB_RCPT))
        track_push(t, p, c->has_path ? c->path.text : c->args, c->params_text);
    else
        track_push(t, p, slice_of(NULL, 0), slice_of(NULL, 0));
}

void track_answered(struct smtp_track *t, enum smtp_verb verb)
{
    if ((verb == SMTP_VERB_AUTH || verb == SMTP_VERB_AUTH_DATA) && t->auth_open > 0)
        t->auth_open--;
    track_pop(t);
}

void track_drop_pending(struct smtp_track *t, uint64_t offset)
{
    const struct track_pending *p = track_head(t);
    while (p && p->offset < offset) {
        track_answered(t, (enum smtp_verb)p->verb);
        p = track_head(t);
    }
    if (!p)
        t->unkept = 0;
}

/* ---- content ---- */

void track_content_begin(struct smtp_track *t, uint64_t offset, uint64_t cause_seq)
{
    struct track_work *w = track_work(t);
    struct smtp_content before = w->content;
    smtp_content_init(&w->content);
    w->content.data_end = t->data_end;
    t->in_content = t->bdat_left == 0;
    if (t->chunked) { /* a line may go on from chunk to chunk; the figures are of each */
        w->content.held_cr = before.held_cr;
        w->content.line_octets = before.line_octets;
    }
    t->chunked = !t->in_content;
    t->content_at = offset;
    w->content_seq = JOURNAL_APPEND(t->core.journal, t->core.conn, DATA_BEGIN, core_flags(&t->core),
                                    cause_seq, (struct ev_data_begin){.offset = offset});
}

static uint64_t content_event(struct smtp_track *t, bool complete)
{
    const struct smtp_content_stats *s = &t->work->content.stats;
    return JOURNAL_APPEND(t->core.journal, t->core.conn, DATA_END, core_flags(&t->core),
                          t->work->content_seq,
                          (struct ev_data_end){.offset = t->content_at,
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

/* The final dot line ended at `end`. */
static uint64_t content_end(struct smtp_track *t, uint64_t end)
{
    struct track_pending dot = {
        .verb = SMTP_VERB_DOT, .offset = end, .tick_ns = core_now_ns(&t->core)};
    struct track_range where = {DIR_C, t->content_at, end - t->content_at, 0};
    t->in_content = false;
    where.cause_seq = dot.seq = content_event(t, true);
    track_report_content(t, &t->work->content.stats, &where);
    if (t->state == SMTP_STATE_DATA) {
        bool alone = smtp_track_pending(t) == 0;
        track_push_front(t, &dot);
        track_set_state(t, SMTP_STATE_DOT, dot.seq);
        if (alone) {
            t->last_verb = SMTP_VERB_DOT;
            t->ahead = (uint8_t)track_state_ahead(t, SMTP_VERB_DOT, SMTP_STATE_DOT);
        }
    }
    return dot.seq;
}

static size_t feed_chunk(struct smtp_track *t, struct slice in, struct smtp_item *item)
{
    struct smtp_content_stats *s = &track_work(t)->content.stats;
    struct slice piece = slice_take(in, t->bdat_left < in.len ? (size_t)t->bdat_left : in.len);
    core_append_octets(&t->core, DIR_C, piece, slice_of(NULL, 0));
    t->bdat_left -= piece.len;
    smtp_content_chunk(&t->work->content, piece);
    item->kind = SMTP_ITEM_CONTENT;
    item->content = t->want_content ? piece : slice_of(NULL, 0);
    if (t->bdat_left == 0) {
        item->kind = SMTP_ITEM_CONTENT_END;
        item->seq = content_event(t, true);
        item->stats = s;
    }
    return piece.len;
}

static size_t feed_content(struct smtp_track *t, struct slice in, struct smtp_item *item)
{
    struct track_work *w = track_work(t);
    bool end = false;
    buf_reset(&w->unstuffed);
    size_t used = smtp_content_feed(&w->content, slice_take(in, TRACK_PIECE_OCTETS),
                                    t->want_content ? &w->unstuffed : NULL, &end);
    BUG_IF((used == 0 && !end) || used > in.len);
    if (used > 0)
        core_append_octets(&t->core, DIR_C, slice_take(in, used), slice_of(NULL, 0));
    item->kind = SMTP_ITEM_CONTENT;
    item->content = buf_slice(&w->unstuffed);
    if (end) {
        item->kind = SMTP_ITEM_CONTENT_END;
        item->seq = content_end(t, t->core.at[DIR_C]);
        item->stats = &w->content.stats;
    }
    return used;
}

/* A client that does not wait for the 354 has sent content that was taken for commands. Now it is
 * known better: what stands in the journal behind the DATA line is looked at again. The COMMAND
 * events stay (the octets could have been commands), each with its COMMAND_EARLY. */
void track_reread_early_content(struct smtp_track *t, uint64_t from)
{
    struct track_work *w = track_work(t);
    struct buf piece;
    uint64_t at = from;
    bool end = false, readable = true;
    buf_init(&piece, TRACK_PIECE_OCTETS);
    while (at < t->core.at[DIR_C] && !end && readable) {
        uint64_t left = t->core.at[DIR_C] - at;
        buf_reset(&piece);
        readable = journal_read(t->core.journal, t->core.conn, DIR_C, LAYER_PLAIN, at,
                                left < TRACK_PIECE_OCTETS ? left : TRACK_PIECE_OCTETS, &piece);
        if (readable && piece.len > 0)
            at += smtp_content_feed(&w->content, buf_slice(&piece), NULL, &end);
        else
            readable = false;
    }
    mem_wipe(piece.ptr, piece.len);
    buf_deinit(&piece);
    if (!end || t->line_at < at) {
        buf_reset(&w->line);
        secret_scan_init(&t->scan);
    }
    track_drop_pending(t, end ? at : UINT64_MAX);
    if (end)
        content_end(t, at);
}

/* ---- lines ---- */

static void chunk_begin(struct smtp_track *t, const struct smtp_command *c, struct track_pending *p)
{
    struct slice rest = c->args;
    uint64_t length = 0;
    bool sized = slice_to_u64(slice_next_word(&rest), UINT64_MAX, &length);
    p->not_last = !sized || !slice_eq_nocase(slice_trim(rest), SLICE_LIT("LAST"));
    if (length == 0)
        return;
    t->bdat_left = length;
    track_content_begin(t, t->core.at[DIR_C], p->seq);
}

static void auth_begin(struct smtp_track *t, const struct smtp_command *c,
                       const struct track_range *where)
{
    core_mechanism(&t->core, c->mechanism);
    if (c->has_initial) /* what is no base64 in it stands in the command's own rules */
        core_sasl_initial(&t->core, c->initial, where, NULL);
}

static bool declares_8bit(const struct smtp_command *c)
{
    const struct smtp_param *body = smtp_command_param(c, "BODY");
    return body && (slice_eq_nocase(body->value, SLICE_LIT("8BITMIME")) ||
                    slice_eq_nocase(body->value, SLICE_LIT("BINARYMIME")));
}

static void take_command(struct smtp_track *t, struct smtp_command *c, smtp_rules rules,
                         struct track_range *where, struct smtp_item *item)
{
    c->rules = rules |= smtp_track_lint(t, c);
    item->kind = SMTP_ITEM_COMMAND;
    item->command = c;
    item->seq = where->cause_seq =
        JOURNAL_APPEND(t->core.journal, t->core.conn, COMMAND, core_flags(&t->core), 0,
                       (struct ev_command){.verb = slice_cstr(smtp_verb_name(c->verb)),
                                           .offset = where->offset,
                                           .length = where->length});
    track_report_command(t, rules, c, where);
    track_declare(t, c);
    if (rules & BIT(NO_EHLO_AFTER_TLS))
        t->after_tls = false; /* said once */
    struct track_pending p = {
        .seq = item->seq, .offset = where->offset, .length = (uint32_t)where->length};
    if (c->verb == SMTP_VERB_AUTH)
        auth_begin(t, c, where);
    else if (c->verb == SMTP_VERB_MAIL) {
        p.body_8bit = c->n_params > 0 && declares_8bit(c);
        p.prdr = c->n_params > 0 && smtp_command_param(c, "PRDR") != NULL;
    } else if (c->verb == SMTP_VERB_BDAT)
        chunk_begin(t, c, &p);
    else if (c->verb == SMTP_VERB_QUIT)
        t->quit_sent = true;
    pending_add(t, c->verb, &p, c);
}

static void take_auth_data(struct smtp_track *t, struct slice line, smtp_rules rules,
                           struct track_range *where, struct smtp_item *item)
{
    struct smtp_command as_command = {.verb = SMTP_VERB_AUTH_DATA, .line = line};
    if (line.len + 2 > SMTP_AUTH_LINE_MAX_OCTETS)
        rules |= BIT(COMMAND_TOO_LONG);
    if (smtp_track_pending(t) > 0)
        rules |= BIT(COMMAND_EARLY);
    item->kind = SMTP_ITEM_AUTH_DATA;
    item->line = line;
    item->seq = where->cause_seq = JOURNAL_APPEND(
        t->core.journal, t->core.conn, COMMAND, core_flags(&t->core), 0,
        (struct ev_command){
            .verb = SLICE_LIT("AUTH-DATA"), .offset = where->offset, .length = where->length});
    track_report_command(t, rules, &as_command, where);
    track_sasl_step(t, DIR_C, line, where, true);
    struct track_pending p = {
        .seq = item->seq, .offset = where->offset, .length = (uint32_t)where->length};
    pending_add(t, SMTP_VERB_AUTH_DATA, &p, NULL);
}

static void take_line(struct smtp_track *t, struct slice whole, bool capped, struct smtp_item *item)
{
    struct track_range where = {DIR_C, t->line_at, whole.len, 0};
    smtp_rules rules = capped ? BIT(LINE_CAP) : 0;
    struct slice line = whole;
    if (!capped) {
        line = slice_take(whole, whole.len - 1);
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        else
            rules |= BIT(LINE_BARE_LF);
    }
    if (t->state == SMTP_STATE_AUTH) {
        take_auth_data(t, line, rules, &where, item);
        return;
    }
    struct smtp_command *c = &t->work->command;
    smtp_command_parse(line, c);
    if (c->verb == SMTP_VERB_UNKNOWN && track_auth_open(t))
        take_auth_data(t, line, rules, &where, item);
    else
        take_command(t, c, rules, &where, item);
}

/* Is the whole line one of a known command? Only then may it show while an AUTH waits for its
 * reply. */
static bool known_command(struct slice line)
{
    struct slice rest = slice_trim(line);
    return smtp_verb_by_name(slice_next_word(&rest)) != SMTP_VERB_UNKNOWN;
}

static size_t feed_line(struct smtp_track *t, struct slice in, struct smtp_item *item)
{
    struct track_work *w = track_work(t);
    size_t room = SMTP_CAP_LINE_OCTETS - w->line.len;
    struct slice piece = slice_take(in, room);
    const uint8_t *lf = memchr(piece.ptr, '\n', piece.len);
    if (lf)
        piece.len = (size_t)(lf - piece.ptr) + 1;
    bool capped = !lf && piece.len == room;
    bool whole = w->line.len == 0 && lf;
    bool in_auth =
        t->state == SMTP_STATE_AUTH || (track_auth_open(t) && !(whole && known_command(piece)));
    if (w->line.len == 0)
        t->line_at = t->core.at[DIR_C];
    struct slice hidden = secret_scan_feed(&t->scan, in_auth, piece);
    core_append_octets(&t->core, DIR_C, piece, hidden);
    if (whole) {
        take_line(t, piece, false, item);
        return piece.len;
    }
    if (in_auth && !w->line.ptr)
        buf_room(&w->line, 1024); /* no copies of a secret left behind by growing */
    buf_append(&w->line, piece);
    if (!lf && !capped)
        return piece.len;
    t->line_done = true;
    take_line(t, buf_slice(&w->line), capped, item);
    return piece.len;
}

size_t track_feed_client(struct smtp_track *t, struct slice in, struct smtp_item *item)
{
    if (t->bdat_left > 0)
        return feed_chunk(t, in, item);
    if (t->in_content)
        return feed_content(t, in, item);
    return feed_line(t, in, item);
}
