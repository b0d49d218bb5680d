/* The client's direction of IMAP: commands with their literals, AUTHENTICATE lines, DONE.
 *
 * Octets enter the journal as they come, before the events that speak of them; a command that
 * arrives whole is one OCTETS event a line and is never copied. What is secret must be known while
 * it is still arriving, so the scanner decides by itself and, inside an AUTHENTICATE exchange,
 * hides too much rather than too little.
 *
 * What a line is, is settled by where the session stands when its first octet comes. One case needs
 * more: no client may send behind AUTHENTICATE before it is asked (RFC 9051 section 6.2.2), and
 * what comes all the same is a command or data by its words alone, looked at when its line ends:
 * tag and a known verb make a command. How the octets were split changes nothing but this: a known
 * command that comes in one piece is not hidden.
 */
#include "engine/imap_track_private.h"

#include <string.h>

#include "base/mem.h"

static uint64_t command_event(struct imap_track *t, const char *verb, uint64_t offset,
                              struct slice tag, uint64_t cause)
{
    return JOURNAL_APPEND(t->core.journal, t->core.conn, COMMAND, core_flags(&t->core), cause,
                          (struct ev_command){.verb = slice_cstr(verb),
                                              .offset = offset,
                                              .length = t->core.at[DIR_C] - offset,
                                              .tag = tag});
}

/* ---- open commands ---- */

static void pending_add(struct imap_track *t, const struct imap_command *c, bool whole)
{
    size_t count = t->work ? t->work->ring_count : 0;
    enum imap_state from = (enum imap_state)(count > 0 ? t->ahead : t->state);
    t->ahead = (uint8_t)itrack_ahead(t, c->verb, from);
    if (count >= IMAP_CAP_PENDING_COMMANDS) {
        struct track_range where = {DIR_C, t->start[DIR_C], 0, t->command_seq};
        if (t->unkept++ == 0)
            itrack_deviation(t, IMAP_RULE_PENDING_CAP, &where, "%d commands wait for an answer.",
                             IMAP_CAP_PENDING_COMMANDS);
        t->auth_unkept = t->auth_unkept || c->verb == IMAP_VERB_AUTHENTICATE;
        return;
    }
    struct imap_pending *p = itrack_push(t);
    p->seq = t->command_seq;
    p->tick_ns = core_now_ns(&t->core);
    p->offset = t->start[DIR_C];
    p->verb = (uint8_t)c->verb;
    p->uid = c->uid;
    p->whole = whole;
    p->tag_len = (uint8_t)c->tag.len;
    if (c->tag.len > 0)
        memcpy(p->tag, c->tag.ptr, c->tag.len);
    if (c->verb == IMAP_VERB_SELECT || c->verb == IMAP_VERB_EXAMINE)
        p->mailbox = mem_slice_dup(c->mailbox);
}

/* ---- messages of APPEND ---- */

static void content_begin(struct imap_track *t)
{
    struct imap_work *w = itrack_work(t);
    t->literal_message = true;
    w->content = (struct ev_data_end){.offset = t->core.at[DIR_C]};
    w->content_line_octets = 0;
    w->content_last = 0;
    w->content_seq =
        JOURNAL_APPEND(t->core.journal, t->core.conn, DATA_BEGIN, core_flags(&t->core),
                       t->command_seq, (struct ev_data_begin){.offset = t->core.at[DIR_C]});
}

static void content_count(struct imap_work *w, struct slice in)
{
    struct ev_data_end *e = &w->content;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t octet = in.ptr[i];
        e->eight_bit += octet > 127;
        e->nul += octet == 0;
        if (w->content_last == '\r' && octet != '\n')
            e->bare_cr++;
        if (octet == '\n') {
            uint64_t length = w->content_line_octets - (w->content_last == '\r' ? 1 : 0);
            e->longest = length > e->longest ? length : e->longest;
            e->lines++;
            e->bare_lf += w->content_last != '\r';
            w->content_line_octets = 0;
        } else {
            w->content_line_octets++;
        }
        w->content_last = octet;
    }
    e->length += in.len;
    e->content += in.len;
}

static void content_end(struct imap_track *t, bool complete)
{
    struct imap_work *w = itrack_work(t);
    struct ev_data_end *e = &w->content;
    e->complete = complete;
    e->lines += w->content_line_octets > 0;
    if (w->content_line_octets > e->longest)
        e->longest = w->content_line_octets;
    journal_append(t->core.journal, t->core.conn, EVENT_DATA_END, core_flags(&t->core),
                   w->content_seq, e);
    t->literal_message = false;
}

void itrack_content_cut(struct imap_track *t)
{
    if (t->literal_message)
        content_end(t, false);
}

/* ---- literals ---- */

/* RFC 7888: who may leave out the waiting, and for how much. */
static imap_rules announce_rules(const struct imap_track *t, const struct imap_piece *p)
{
    if (p->sync || !t->caps || imap_track_offers(t, "LITERAL+"))
        return 0;
    if (!imap_track_offers(t, "LITERAL-") && !imap_track_offers(t, "IMAP4rev2"))
        return IBIT(LITERAL_NOT_OFFERED);
    return p->literal_octets > IMAP_LITERAL_MINUS_MAX_OCTETS ? IBIT(LITERAL_TOO_LONG) : 0;
}

static void take_announcement(struct imap_track *t, const struct imap_piece *p,
                              struct imap_item *item)
{
    struct imap_work *w = itrack_work(t);
    struct imap_reading *r = &w->reading[DIR_C];
    struct imap_text text = itrack_reading_text(r);
    bool message = imap_append_at_message(&text, t->utf8, &w->arena, &w->command);
    if (!message)
        imap_command_head(&text, &w->command);
    t->reading_rules[DIR_C] |= p->rules | announce_rules(t, p);
    if (++r->n_literals == IMAP_CAP_LITERALS) {
        r->cut = true;
        t->reading_rules[DIR_C] |= IBIT(LITERAL_COUNT);
    }
    /* Where the server has a say, or a message begins, the command is an event now. */
    if ((p->sync || message) && t->command_seq == 0) {
        t->command_seq =
            command_event(t, imap_verb_name(w->command.verb), t->start[DIR_C], w->command.tag, 0);
        pending_add(t, &w->command, false);
    } else if (p->sync || message) {
        command_event(t, "LITERAL", t->literal_start, w->command.tag, t->command_seq);
    }
    if (p->sync || message)
        t->literal_start = t->core.at[DIR_C];
    struct imap_pending *open = itrack_own(t);
    if (open)
        open->clients_turn = !p->sync;
    t->awaits_go_ahead = p->sync;
    t->literal_kept[DIR_C] = !message && p->literal_octets <= IMAP_CAP_LITERAL_OCTETS && !r->cut;
    if (!t->literal_kept[DIR_C])
        itrack_reading_gap(t, DIR_C, p->literal_octets);
    if (message) {
        content_begin(t);
        if (p->literal_octets == 0)
            content_end(t, true);
    }
    item->kind = IMAP_ITEM_LITERAL;
    item->command = &w->command;
    item->seq = t->command_seq;
    item->message = message;
    item->sync = p->sync;
    item->literal_octets = p->literal_octets;
}

static void take_literal(struct imap_track *t, const struct imap_piece *p, struct slice octets,
                         struct imap_item *item)
{
    if (t->awaits_go_ahead) {
        t->awaits_go_ahead = false;
        t->reading_rules[DIR_C] |= IBIT(LITERAL_EARLY);
    }
    if (t->literal_kept[DIR_C])
        itrack_reading_add(t, DIR_C, octets);
    if (!t->literal_message)
        return;
    content_count(itrack_work(t), octets);
    item->kind = IMAP_ITEM_CONTENT;
    item->seq = t->command_seq;
    item->content = t->want_content ? octets : slice_of(NULL, 0);
    item->literal_left = p->literal_left;
    if (p->literal_left == 0) {
        content_end(t, true);
        t->literal_start = t->core.at[DIR_C];
    }
}

/* ---- whole commands ---- */

static void auth_begin(struct imap_track *t, const struct imap_command *c,
                       const struct track_range *where)
{
    struct track_rule bad = itrack_rule(IMAP_RULE_AUTH_BAD_BASE64);
    core_mechanism(&t->core, c->mechanism);
    if (c->has_initial)
        core_sasl_initial(&t->core, c->initial, where, &bad);
}

/* The end of a command that is open already: it had a literal on the way. */
static imap_rules finish_open(struct imap_track *t, const struct imap_command *c)
{
    struct imap_pending *p = itrack_own(t);
    /* Its own entry must not count against it. */
    uint8_t tag_len = p ? p->tag_len : 0;
    if (p)
        p->tag_len = 0;
    imap_rules rules = imap_track_lint(t, c);
    if (t->core.at[DIR_C] - t->literal_start > 2)
        command_event(t, "LITERAL", t->literal_start, c->tag, t->command_seq);
    if (!p)
        return rules;
    p->tag_len = tag_len;
    p->whole = true;
    p->clients_turn = false;
    p->tick_ns = core_now_ns(&t->core);
    if ((c->verb == IMAP_VERB_SELECT || c->verb == IMAP_VERB_EXAMINE) && c->mailbox.len > 0) {
        mem_free(p->mailbox);
        p->mailbox = mem_slice_dup(c->mailbox);
    }
    return rules;
}

static void take_command(struct imap_track *t, struct imap_command *c, struct imap_item *item)
{
    struct track_range where = {DIR_C, t->start[DIR_C], t->core.at[DIR_C] - t->start[DIR_C], 0};
    imap_rules rules = t->reading_rules[DIR_C];
    if (t->command_seq) {
        rules |= finish_open(t, c);
    } else {
        rules |= imap_track_lint(t, c);
        t->command_seq = command_event(t, imap_verb_name(c->verb), t->start[DIR_C], c->tag, 0);
        pending_add(t, c, true);
    }
    c->rules = rules;
    item->kind = IMAP_ITEM_COMMAND;
    item->command = c;
    item->seq = where.cause_seq = t->command_seq;
    itrack_report(t, rules, &where, c);
    if (c->verb == IMAP_VERB_AUTHENTICATE)
        auth_begin(t, c, &where);
    else if (c->verb == IMAP_VERB_LOGOUT)
        t->logout_sent = true;
    else if (c->verb == IMAP_VERB_IDLE)
        t->idle_open = true;
}

static struct slice without_end(struct slice line)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\n')
        line.len--;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

static void take_auth_data(struct imap_track *t, struct slice whole, struct imap_item *item)
{
    struct track_range where = {DIR_C, t->start[DIR_C], whole.len, 0};
    struct imap_pending *p = itrack_by_verb(t, IMAP_VERB_AUTHENTICATE);
    item->kind = IMAP_ITEM_AUTH_DATA;
    item->line = without_end(whole);
    item->seq = where.cause_seq =
        command_event(t, "AUTH-DATA", where.offset,
                      p ? slice_of(p->tag, p->tag_len) : slice_of(NULL, 0), p ? p->seq : 0);
    imap_rules rules = t->reading_rules[DIR_C];
    bool early = t->line_kind == IMAP_LINE_EARLY || (p && !p->clients_turn);
    if (early)
        rules |= IBIT(COMMAND_EARLY);
    itrack_report(t, rules, &where, NULL);
    itrack_sasl_step(t, DIR_C, item->line, &where);
    if (!p)
        return;
    p->early_lines += !p->clients_turn;
    p->clients_turn = false;
    p->tick_ns = core_now_ns(&t->core);
}

static void take_done(struct imap_track *t, struct slice whole, struct imap_item *item)
{
    struct track_range where = {DIR_C, t->start[DIR_C], whole.len, 0};
    struct imap_pending *p = itrack_by_verb(t, IMAP_VERB_IDLE);
    item->kind = IMAP_ITEM_DONE;
    item->seq = where.cause_seq =
        command_event(t, "DONE", where.offset, p ? slice_of(p->tag, p->tag_len) : slice_of(NULL, 0),
                      p ? p->seq : 0);
    imap_rules rules = t->reading_rules[DIR_C];
    if (t->state != IMAP_STATE_IDLE)
        rules |= IBIT(COMMAND_EARLY);
    itrack_report(t, rules, &where, NULL);
    t->idle_open = false;
    if (!p)
        return;
    p->clients_turn = false;
    p->tick_ns = core_now_ns(&t->core);
}

/* A line that came early: do its tag and verb make it a command? */
static bool is_command(struct slice line)
{
    struct imap_text text = {.octets = slice_take(line, IMAP_CAP_COMMAND_OCTETS)};
    struct imap_command c;
    imap_command_head(&text, &c);
    return c.verb != IMAP_VERB_UNKNOWN;
}

static void take_whole(struct imap_track *t, const struct imap_text *text, struct imap_item *item)
{
    struct imap_work *w = itrack_work(t);
    bool one_line = t->command_seq == 0 && text->n_gaps == 0;
    if (t->line_kind == IMAP_LINE_AUTH) {
        take_auth_data(t, text->octets, item);
        return;
    }
    if (one_line && t->idle_open && slice_eq_nocase(without_end(text->octets), SLICE_LIT("DONE"))) {
        take_done(t, text->octets, item);
        return;
    }
    if (t->line_kind == IMAP_LINE_EARLY && !is_command(text->octets)) {
        take_auth_data(t, text->octets, item);
        return;
    }
    imap_command_parse(text, t->utf8, &w->arena, &w->command);
    take_command(t, &w->command, item);
}

/* ---- feeding ---- */

void itrack_client_refused(struct imap_track *t)
{
    itrack_content_cut(t);
    imap_scan_refused(&t->scan[DIR_C]);
    t->in_command[DIR_C] = t->awaits_go_ahead = false;
    if (t->work)
        itrack_reading_reset(&t->work->reading[DIR_C]);
}

static void begin(struct imap_track *t)
{
    t->start[DIR_C] = t->literal_start = t->core.at[DIR_C];
    t->command_seq = 0;
    t->reading_rules[DIR_C] = 0;
    t->in_command[DIR_C] = true;
    t->line_kind = IMAP_LINE_COMMAND;
    if (t->state == IMAP_STATE_AUTH)
        t->line_kind = IMAP_LINE_AUTH;
    else if (imap_track_auth_open(t))
        t->line_kind = IMAP_LINE_EARLY;
    else if (t->state == IMAP_STATE_IDLE)
        t->line_kind = IMAP_LINE_IDLE;
}

/* How it is scanned: a known command that is there whole may show. */
static enum imap_line_kind scan_kind(const struct imap_track *t, bool first, struct slice in)
{
    ptrdiff_t lf = slice_find_octet(in, '\n');
    bool shows = t->line_kind == IMAP_LINE_EARLY && first && lf >= 0 &&
                 is_command(slice_take(in, (size_t)lf + 1));
    return shows ? IMAP_LINE_COMMAND : (enum imap_line_kind)t->line_kind;
}

/* The first line of what came early has ended with what would announce a literal. */
static void settle_early(struct imap_track *t, struct imap_piece *p)
{
    if (is_command(buf_slice(&itrack_work(t)->reading[DIR_C].text))) {
        t->line_kind = IMAP_LINE_COMMAND;
        return;
    }
    imap_scan_refused(&t->scan[DIR_C]);
    p->kind = IMAP_PIECE_END;
}

size_t itrack_feed_client(struct imap_track *t, struct slice in, struct imap_item *item)
{
    struct imap_reading *r = &itrack_work(t)->reading[DIR_C];
    struct imap_piece p;
    bool first = !t->in_command[DIR_C];
    if (first)
        begin(t);
    imap_scan_feed(&t->scan[DIR_C], scan_kind(t, first, in), in, &p);
    struct slice piece = slice_take(in, p.used);
    core_append_octets(&t->core, DIR_C, piece, p.secret);
    t->reading_rules[DIR_C] |= p.rules;
    if (p.kind == IMAP_PIECE_LITERAL) {
        take_literal(t, &p, piece, item);
        return p.used;
    }
    bool direct = first && p.kind == IMAP_PIECE_END && piece.len <= IMAP_CAP_COMMAND_OCTETS;
    if (!direct)
        itrack_reading_add(t, DIR_C, piece);
    if (p.kind == IMAP_PIECE_ANNOUNCE && t->line_kind == IMAP_LINE_EARLY)
        settle_early(t, &p);
    if (p.kind == IMAP_PIECE_ANNOUNCE)
        take_announcement(t, &p, item);
    if (p.kind != IMAP_PIECE_END)
        return p.used;
    struct imap_text text = itrack_reading_text(r);
    if (direct)
        text = (struct imap_text){.octets = piece};
    t->in_command[DIR_C] = t->awaits_go_ahead = false;
    t->text_done[DIR_C] = true;
    take_whole(t, &text, item);
    return p.used;
}
