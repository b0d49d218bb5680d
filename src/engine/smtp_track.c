/* The tracker: the server's direction, TLS, the end, and what may be asked. */
#include "engine/smtp_track_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "smtp/limits.h"

#define BIT(name) SMTP_RULE_BIT(SMTP_RULE_##name)

struct smtp_track *smtp_track_new(struct journal *j, uint32_t conn,
                                  const struct smtp_track_options *options)
{
    struct smtp_track *t = mem_zalloc(sizeof(*t));
    core_init(&t->core, j, conn, options->backstage, options->tls);
    t->lmtp = t->lmtp_option = options->lmtp;
    t->want_content = options->want_content;
    t->data_end = (uint8_t)options->data_end;
    t->state = t->ahead = SMTP_STATE_CONNECT;
    t->greeting_awaited = true;
    t->greeting_since_ns = core_now_ns(&t->core);
    secret_scan_init(&t->scan);
    core_state(&t->core, NULL, smtp_state_name(SMTP_STATE_CONNECT), 0);
    return t;
}

void smtp_track_free(struct smtp_track **t)
{
    if (!*t)
        return;
    track_work_drop(*t);
    track_caps_clear(*t);
    mem_free(*t);
    *t = NULL;
}

/* ---- replies ---- */

/* What the reply answers: the greeting, the oldest command kept, or one that was not. A first line
 * that is no reply leaves the greeting awaited: telling a stray line from a server that speaks
 * another protocol is not for this module. */
static bool reply_answers(struct smtp_track *t, const struct smtp_reply *r,
                          struct track_pending *p_out)
{
    const struct track_pending *head = track_head(t);
    *p_out = (struct track_pending){.verb = SMTP_VERB_UNKNOWN};
    if (t->greeting_awaited) {
        p_out->verb = SMTP_VERB_CONNECT;
        t->greeting_awaited = r->code == 0;
        return true;
    }
    if (!head)
        return t->unkept > 0;
    *p_out = *head;
    return true;
}

/* The dot (and the last chunk) of LMTP has a reply for each recipient taken (RFC 2033 section 4.2).
 * So has it where the server takes up PRDR: 353 first, one for each recipient, then the message's
 * own. */
static void count_replies(struct smtp_track *t, struct track_pending *p, unsigned code)
{
    bool many = p->verb == SMTP_VERB_DOT || (p->verb == SMTP_VERB_BDAT && !p->not_last);
    if (!many || p->replies_left > 0)
        return;
    size_t n = t->lmtp ? smtp_track_recipients(t) : 1;
    if (t->prdr && code == 353)
        n = smtp_track_recipients(t) + 2;
    p->replies_left = n > 0 ? (uint32_t)n : 1;
    track_head(t)->replies_left = p->replies_left;
}

/* The reply to a command has had its effect: the command leaves the queue. */
static void settle(struct smtp_track *t, const struct track_pending *p)
{
    struct track_pending *head = track_head(t);
    if (p->verb == SMTP_VERB_CONNECT)
        return;
    if (!head) {
        if (t->unkept > 0)
            t->unkept--;
        return;
    }
    if (p->replies_left > 1 && t->state != SMTP_STATE_QUIT) {
        head->replies_left--;
        return;
    }
    track_answered(t, (enum smtp_verb)p->verb);
}

/* STARTTLS was agreed to: commands that stood behind it in the clear do not count. */
static void drop_behind_starttls(struct smtp_track *t, const struct track_pending *p)
{
    uint64_t end = p->offset + p->length;
    if (t->core.at[DIR_C] <= end)
        return;
    struct track_range where = {DIR_C, end, t->core.at[DIR_C] - end, p->seq};
    track_deviation(t, SMTP_RULE_COMMANDS_BEFORE_TLS, &where, "%s",
                    smtp_rule_meaning(SMTP_RULE_COMMANDS_BEFORE_TLS));
    track_drop_pending(t, UINT64_MAX);
    buf_reset(&t->work->line);
    secret_scan_init(&t->scan);
    t->bdat_left = 0;
}

static void take_reply(struct smtp_track *t, const struct smtp_reply *r, struct smtp_item *item)
{
    struct track_pending p;
    bool asked = reply_answers(t, r, &p);
    enum smtp_verb verb = (enum smtp_verb)p.verb;
    struct track_range where = {DIR_S, t->reply_at, t->core.at[DIR_S] - t->reply_at, 0};
    char enhanced[40] = "";
    if (r->has_enhanced)
        snprintf(enhanced, sizeof(enhanced), "%u.%u.%u", r->enhanced[0], r->enhanced[1],
                 r->enhanced[2]);
    item->kind = SMTP_ITEM_REPLY;
    item->reply = r;
    item->asked = asked;
    item->answers = verb;
    item->seq = where.cause_seq =
        JOURNAL_APPEND(t->core.journal, t->core.conn, REPLY, core_flags(&t->core), p.seq,
                       (struct ev_reply){.code = r->code,
                                         .enhanced = slice_cstr(enhanced),
                                         .verb = slice_cstr(asked ? smtp_verb_name(verb) : ""),
                                         .lines = r->n_lines,
                                         .offset = where.offset,
                                         .length = where.length});
    track_report_reply(t, r, track_reply_rules(t, r, asked, verb), verb, &where);
    enum smtp_outcome outcome = smtp_reply_outcome(r->code);
    if (t->state == SMTP_STATE_QUIT || t->state == SMTP_STATE_CLOSED) {
        if (asked)
            settle(t, &p);
        return;
    }
    if ((verb == SMTP_VERB_AUTH || verb == SMTP_VERB_AUTH_DATA) && r->code == 334)
        track_sasl_step(t, DIR_S, smtp_reply_line_text(r, r->n_lines - 1), &where, true);
    if (asked)
        count_replies(t, &p, r->code);
    track_apply(t, &p, outcome, r, item->seq);
    if (!asked)
        return;
    settle(t, &p);
    if (verb == SMTP_VERB_DATA && t->in_content && t->core.at[DIR_C] > p.offset + p.length)
        track_reread_early_content(t, p.offset + p.length);
    else if (verb == SMTP_VERB_STARTTLS && t->state == SMTP_STATE_TLS)
        drop_behind_starttls(t, &p);
}

static size_t feed_server(struct smtp_track *t, struct slice in, struct smtp_item *item)
{
    struct track_work *w = track_work(t);
    bool done = false;
    if (!smtp_reply_pending(&w->parser))
        t->reply_at = t->core.at[DIR_S];
    size_t used = smtp_reply_feed(&w->parser, in, &w->reply, &done);
    BUG_IF(used > in.len || (used == 0 && !done));
    core_append_octets(&t->core, DIR_S, slice_take(in, used), slice_of(NULL, 0));
    if (done)
        take_reply(t, &w->reply, item);
    return used;
}

/* ---- both directions ---- */

/* STARTTLS was agreed to and the handshake has not been: what comes in the clear now may stem from
 * anyone on the way (RFC 3207 section 4.2). */
static size_t feed_void(struct smtp_track *t, enum event_dir dir, struct slice in,
                        struct smtp_item *item)
{
    struct track_rule rule = track_rule_of(dir == DIR_S ? SMTP_RULE_PLAINTEXT_BEFORE_TLS
                                                        : SMTP_RULE_COMMANDS_BEFORE_TLS);
    struct track_range where = {dir, t->core.at[dir], in.len, 0};
    /* A secret sent too early is still one. */
    for (struct slice left = in; left.len > 0;) {
        ptrdiff_t lf = slice_find_octet(left, '\n');
        struct slice piece = lf < 0 ? left : slice_take(left, (size_t)lf + 1);
        struct slice hidden = slice_of(NULL, 0);
        if (dir == DIR_C)
            hidden = secret_scan_feed(&t->scan, false, piece);
        where.cause_seq = core_append_octets(&t->core, dir, piece, hidden);
        left = slice_skip(left, piece.len);
    }
    core_void(&t->core, &rule, &where);
    item->kind = SMTP_ITEM_VOID;
    return in.len;
}

static void line_drop(struct smtp_track *t)
{
    if (!t->line_done)
        return;
    t->line_done = false;
    mem_wipe(t->work->line.ptr, t->work->line.len);
    buf_reset(&t->work->line);
}

size_t smtp_track_feed(struct smtp_track *t, enum event_dir dir, struct slice in,
                       struct smtp_item *item_out)
{
    memset(item_out, 0, sizeof(*item_out));
    line_drop(t);
    if (in.len == 0)
        return 0;
    if (t->state == SMTP_STATE_TLS)
        return feed_void(t, dir, in, item_out);
    return dir == DIR_C ? track_feed_client(t, in, item_out) : feed_server(t, in, item_out);
}

void smtp_track_feed_all(struct smtp_track *t, enum event_dir dir, struct slice in)
{
    struct smtp_item item;
    while (in.len > 0)
        in = slice_skip(in, smtp_track_feed(t, dir, in, &item));
    track_rest(t);
}

void smtp_track_tls_up(struct smtp_track *t)
{
    t->core.tls = true;
    line_drop(t);
    if (t->state == SMTP_STATE_CONNECT)
        return;
    track_envelope_clear(t, 0, true);
    track_caps_clear(t);
    t->esmtp = t->hello_done = t->authenticated = false;
    t->after_tls = true;
    t->in_content = false;
    t->bdat_left = 0;
    t->unkept = t->auth_open = 0;
    t->auth_unkept = t->core.void_said[DIR_C] = t->core.void_said[DIR_S] = false;
    t->core.mechanism[0] = '\0';
    secret_scan_init(&t->scan);
    track_work_drop(t);
    track_set_state(t, SMTP_STATE_GREETED, 0);
}

/* ---- the end ---- */

static void name_unfinished(struct smtp_track *t)
{
    struct track_work *w = t->work;
    struct track_range where = {DIR_S, t->reply_at, t->core.at[DIR_S] - t->reply_at, 0};
    if (w && smtp_reply_cut(&w->parser, &w->reply))
        track_deviation(t, SMTP_RULE_REPLY_CUT, &where, "%llu octets of a reply came.",
                        (unsigned long long)where.length);
    if (!w || (!t->in_content && t->bdat_left == 0))
        return;
    where = (struct track_range){DIR_C, t->content_at, t->core.at[DIR_C] - t->content_at, 0};
    where.cause_seq = JOURNAL_APPEND(t->core.journal, t->core.conn, DATA_END, core_flags(&t->core),
                                     w->content_seq,
                                     (struct ev_data_end){.offset = where.offset,
                                                          .length = where.length,
                                                          .content = w->content.stats.content,
                                                          .lines = w->content.stats.lines,
                                                          .stuffed = w->content.stats.stuffed,
                                                          .longest = w->content.stats.longest,
                                                          .bare_lf = w->content.stats.bare_lf,
                                                          .bare_cr = w->content.stats.bare_cr,
                                                          .eight_bit = w->content.stats.eight_bit,
                                                          .nul = w->content.stats.nul,
                                                          .complete = 0});
    track_report_content(t, &w->content.stats, &where);
    track_deviation(t, SMTP_RULE_DATA_CUT, &where, "The message ended after %llu octets.",
                    (unsigned long long)where.length);
}

void smtp_track_closed(struct smtp_track *t, enum event_dir closed_by)
{
    if (t->state == SMTP_STATE_CLOSED)
        return;
    name_unfinished(t);
    struct track_range where = {closed_by, t->core.at[closed_by], 0, 0};
    /* A handshake that failed leaves nobody a word to say. */
    bool said = t->state == SMTP_STATE_QUIT || t->state == SMTP_STATE_TLS;
    if (closed_by == DIR_S && !said && t->state != SMTP_STATE_REFUSED)
        track_deviation(t, SMTP_RULE_CLOSED_WITHOUT_221, &where, "%s",
                        smtp_rule_meaning(SMTP_RULE_CLOSED_WITHOUT_221));
    if (closed_by == DIR_C && !said && !t->quit_sent)
        track_deviation(t, SMTP_RULE_QUIT_MISSING, &where, "%s",
                        smtp_rule_meaning(SMTP_RULE_QUIT_MISSING));
    struct track_pending none = {.verb = SMTP_VERB_UNKNOWN};
    const struct track_pending *head = track_head(t);
    if (head)
        none = *head;
    track_apply(t, &none, SMTP_OUT_EOF, NULL, 0);
    t->greeting_awaited = false;
    t->in_content = false;
    t->bdat_left = 0;
    t->unkept = t->auth_open = 0;
    track_work_drop(t);
    t->line_done = false;
}

/* ---- questions ---- */

enum smtp_state smtp_track_state(const struct smtp_track *t)
{
    return (enum smtp_state)t->state;
}

bool smtp_track_tls(const struct smtp_track *t)
{
    return t->core.tls;
}

bool smtp_track_esmtp(const struct smtp_track *t)
{
    return t->esmtp;
}

size_t smtp_track_pending(const struct smtp_track *t)
{
    return (t->greeting_awaited ? 1 : 0) + (t->work ? t->work->ring_count : 0) + t->unkept;
}

enum smtp_verb smtp_track_pending_verb(const struct smtp_track *t)
{
    const struct track_pending *head = track_head(t);
    if (t->greeting_awaited)
        return SMTP_VERB_CONNECT;
    return head ? (enum smtp_verb)head->verb : SMTP_VERB_UNKNOWN;
}

uint64_t smtp_track_pending_since_ns(const struct smtp_track *t)
{
    const struct track_pending *head = track_head(t);
    if (t->greeting_awaited)
        return t->greeting_since_ns;
    return head ? head->tick_ns : 0;
}

bool smtp_track_cap_at(const struct smtp_track *t, size_t index, struct slice *line_out)
{
    struct slice rest = slice_of(t->caps, t->caps_len);
    while (rest.len > 0) {
        ptrdiff_t lf = slice_find_octet(rest, '\n');
        struct slice line = lf < 0 ? rest : slice_take(rest, (size_t)lf);
        if (index-- == 0) {
            *line_out = line;
            return true;
        }
        rest = slice_skip(rest, lf < 0 ? rest.len : (size_t)lf + 1);
    }
    *line_out = slice_of(NULL, 0);
    return false;
}

/* "AUTH=LOGIN" is how servers said it before RFC 2554 and for old clients still do: the keyword
 * ends at "=" too. */
bool smtp_track_offers(const struct smtp_track *t, const char *keyword, struct slice *params_out)
{
    struct slice want = slice_cstr(keyword);
    struct slice rest = slice_of(t->caps, t->caps_len);
    while (rest.len > 0) {
        ptrdiff_t lf = slice_find_octet(rest, '\n');
        struct slice line = lf < 0 ? rest : slice_take(rest, (size_t)lf);
        rest = slice_skip(rest, lf < 0 ? rest.len : (size_t)lf + 1);
        if (!slice_starts_nocase(line, want))
            continue;
        if (line.len > want.len && line.ptr[want.len] != ' ' && line.ptr[want.len] != '\t' &&
            line.ptr[want.len] != '=')
            continue;
        if (params_out)
            *params_out = slice_trim(slice_skip(line, want.len + 1));
        return true;
    }
    return false;
}

const char *smtp_track_auth_mechanism(const struct smtp_track *t)
{
    bool running = t->state == SMTP_STATE_AUTH || track_auth_open(t);
    return (running || t->authenticated) && t->core.mechanism[0] ? t->core.mechanism : NULL;
}

bool smtp_track_authenticated(const struct smtp_track *t)
{
    return t->authenticated;
}

struct slice smtp_track_reverse_path(const struct smtp_track *t)
{
    if (!t->work || !t->work->has_reverse)
        return slice_of(NULL, 0);
    return slice_take(buf_slice(&t->work->envelope_text), t->work->reverse_len);
}

size_t smtp_track_recipients(const struct smtp_track *t)
{
    return t->work ? t->work->n_recipients : 0;
}

bool smtp_track_recipient_at(const struct smtp_track *t, size_t index, struct slice *path_out)
{
    *path_out = slice_of(NULL, 0);
    if (index >= smtp_track_recipients(t))
        return false;
    if (index < t->work->kept_recipients)
        *path_out = slice_take(
            slice_skip(buf_slice(&t->work->envelope_text), t->work->recipients[index].at),
            t->work->recipients[index].len);
    return true;
}
