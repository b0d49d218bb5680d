/* The driving role: where the plan is, what to say next, what a reply means for it.
 *
 * One step at a time: next() says what to send and then waits; a reply looks up its cell in the
 * table and follow() moves on. Pipelined, MAIL, RCPT and DATA leave together and the steps are gone
 * through as their replies come; whatever failed early, the replies to what was sent are waited
 * for.
 */
#include "engine/smtp_drive_private.h"

#include <string.h>

#include "base/mem.h"
#include "sasl/sasl.h"
#include "smtp/param.h"

/* What a step's command is called in the tracker's items. */
#define V(name) (1u << SMTP_VERB_##name)
static const uint32_t step_verbs[SMTP_STEP__COUNT] = {
    [SMTP_STEP_GREETING] = V(CONNECT),
    [SMTP_STEP_EHLO] = V(EHLO) | V(LHLO),
    [SMTP_STEP_HELO] = V(HELO),
    [SMTP_STEP_STARTTLS] = V(STARTTLS),
    [SMTP_STEP_EHLO_TLS] = V(EHLO) | V(LHLO),
    [SMTP_STEP_XCLIENT] = V(XCLIENT),
    [SMTP_STEP_AUTH] = V(AUTH) | V(AUTH_DATA),
    [SMTP_STEP_MAIL] = V(MAIL),
    [SMTP_STEP_RCPT] = V(RCPT),
    [SMTP_STEP_DATA] = V(DATA),
    [SMTP_STEP_BDAT] = V(BDAT),
    [SMTP_STEP_CONTENT] = V(DOT),
    [SMTP_STEP_DOT] = V(DOT) | V(BDAT),
    [SMTP_STEP_RSET] = V(RSET),
    [SMTP_STEP_QUIT] = V(QUIT),
};
#undef V

struct smtp_drive *smtp_drive_new(struct journal *j, uint32_t conn, const struct smtp_track *track,
                                  const struct smtp_plan *plan)
{
    struct smtp_drive *d = mem_zalloc(sizeof(*d));
    d->journal = j;
    d->conn = conn;
    d->track = track;
    d->plan = *plan;
    if (d->plan.goal == SMTP_GOAL_TLS && d->plan.tls == SMTP_TLS_NONE)
        d->plan.tls = SMTP_TLS_MUST;
    if (d->plan.goal == SMTP_GOAL_AUTH)
        d->plan.auth = true;
    buf_init(&d->out, DRIVE_OUT_CAP_OCTETS);
    auth_client_init(&d->auth, &d->plan.credentials);
    if (plan->n_to > 0) {
        d->recipients = mem_zalloc(plan->n_to * sizeof(d->recipients[0]));
        d->batch = mem_zalloc(plan->n_to * sizeof(d->batch[0]));
    }
    for (size_t i = 0; i < plan->n_to; i++)
        d->recipients[i].path = plan->to[i];
    d->result.recipients = d->recipients;
    d->result.n_recipients = plan->n_to;
    d->step = SMTP_STEP_GREETING;
    return d;
}

static void out_clear(struct smtp_drive *d)
{
    if (d->out.len > 0)
        mem_wipe(d->out.ptr, d->out.len);
    buf_reset(&d->out);
}

void smtp_drive_free(struct smtp_drive **drive)
{
    struct smtp_drive *d = *drive;
    if (!d)
        return;
    out_clear(d);
    auth_client_deinit(&d->auth);
    buf_deinit(&d->out);
    mem_free(d->recipients);
    mem_free(d->batch);
    mem_free(d);
    *drive = NULL;
}

const struct smtp_result *smtp_drive_result(const struct smtp_drive *d)
{
    return &d->result;
}

/* ---- ends ---- */

/* The first decision stands: a QUIT that fails makes no delivered message undone. */
void drive_decide(struct smtp_drive *d, enum smtp_step stage, enum smtp_outcome outcome, bool ok,
                  const struct smtp_item *item)
{
    struct smtp_result *r = &d->result;
    if (d->decided)
        return;
    d->decided = true;
    r->ok = ok;
    r->stage = stage;
    r->outcome = outcome;
    r->code = 0;
    r->reply_seq = 0;
    memset(r->enhanced, 0, sizeof(r->enhanced));
    if (!item || !item->reply)
        return;
    r->code = item->reply->code;
    r->reply_seq = item->seq;
    if (item->reply->has_enhanced)
        memcpy(r->enhanced, item->reply->enhanced, sizeof(r->enhanced));
}

static void end(struct smtp_drive *d, enum want_kind how)
{
    d->ended = true;
    d->waiting = false;
    d->end = how;
    d->result.over = true;
    d->step = SMTP_STEP_DONE;
    drive_auth_forget(d);
}

void drive_stop(struct smtp_drive *d)
{
    end(d, WANT_CLOSE);
}

void drive_enter(struct smtp_drive *d, enum smtp_step step)
{
    d->step = step;
    d->waiting = false;
    if (!d->decided)
        d->result.stage = step;
}

void drive_finish(struct smtp_drive *d)
{
    enum smtp_state state = smtp_track_state(d->track);
    bool stays = d->plan.more && d->result.err.domain == ERR_NONE &&
                 (d->result.ok || d->result.stage >= SMTP_STEP_MAIL);
    if (state == SMTP_STATE_QUIT || state == SMTP_STATE_CLOSED || d->plan.drop)
        drive_stop(d);
    else if ((d->plan.quit && !stays) || d->plan.quit_after < SMTP_STEP_DONE)
        drive_enter(d, SMTP_STEP_QUIT);
    else
        end(d, WANT_DONE);
}

static void give_up(struct smtp_drive *d, enum err_domain domain, const char *text,
                    const char *next)
{
    err_set(&d->result.err, domain, 0, "%s", text);
    err_explain(&d->result.err, "", next);
    drive_decide(d, d->step, SMTP_OUT_ABORT, false, NULL);
    drive_finish(d);
}

/* ---- the way through the plan ---- */

static bool wants_tls(const struct smtp_drive *d)
{
    return d->plan.tls != SMTP_TLS_NONE && !smtp_track_tls(d->track);
}

/* The session is as good as it gets: to the transaction, or the goal is reached. */
static void after_auth(struct smtp_drive *d, const struct smtp_item *item)
{
    if (d->plan.goal != SMTP_GOAL_SEND) {
        drive_decide(d, SMTP_STEP_DONE, SMTP_OUT_2YZ, true, item);
        drive_finish(d);
    } else if (d->plan.content_utf8 && !smtp_track_offers(d->track, "SMTPUTF8", NULL)) {
        drive_enter(d, SMTP_STEP_MAIL);
        give_up(d, ERR_USAGE, "the message needs SMTPUTF8 and the server does not offer it",
                "use ASCII addresses and headers, or another server");
    } else if (d->plan.chunk_octets > 0 && !smtp_track_offers(d->track, "CHUNKING", NULL)) {
        drive_enter(d, SMTP_STEP_MAIL);
        give_up(d, ERR_USAGE, "BDAT is wanted and the server does not offer CHUNKING",
                "send it by DATA: leave --bdat out");
    } else if (d->plan.content_binary &&
               (d->plan.chunk_octets == 0 || !smtp_track_offers(d->track, "BINARYMIME", NULL))) {
        drive_enter(d, SMTP_STEP_MAIL);
        give_up(d, ERR_USAGE,
                d->plan.chunk_octets == 0 ? "binary content goes by BDAT only"
                                          : "the server does not offer BINARYMIME",
                "encode the message as base64, or another server");
    } else if (d->plan.n_to == 0) {
        drive_enter(d, SMTP_STEP_RCPT);
        give_up(d, ERR_USAGE, "there is no recipient", "name one with --to");
    } else {
        drive_transaction_begin(d);
    }
}

static void after_tls(struct smtp_drive *d, const struct smtp_item *item)
{
    if (d->plan.xclient && *d->plan.xclient && !d->xclient_said)
        drive_enter(d, SMTP_STEP_XCLIENT);
    else if (d->plan.auth && !smtp_track_authenticated(d->track))
        drive_enter(d, SMTP_STEP_AUTH);
    else
        after_auth(d, item);
}

static void after_hello(struct smtp_drive *d, const struct smtp_item *item)
{
    if (d->plan.goal == SMTP_GOAL_HELLO || !wants_tls(d)) {
        if (d->plan.goal == SMTP_GOAL_HELLO)
            after_auth(d, item);
        else
            after_tls(d, item);
    } else if (smtp_track_offers(d->track, "STARTTLS", NULL)) {
        drive_enter(d, SMTP_STEP_STARTTLS);
    } else if (d->plan.tls == SMTP_TLS_MUST) {
        drive_enter(d, SMTP_STEP_STARTTLS);
        give_up(d, ERR_TLS, "the server does not offer STARTTLS",
                "try the port for TLS from the first octet, or go without TLS");
    } else {
        after_tls(d, item);
    }
}

/* A line of ours may hold none of what ends it: whoever chose an address would choose commands. */
static bool one_line(const char *text)
{
    return !text || strpbrk(text, "\r\n") == NULL;
}

static bool plan_sound(const struct smtp_plan *p)
{
    bool sound = one_line(p->name) && one_line(p->from) && one_line(p->mail_params) &&
                 one_line(p->rcpt_params) && one_line(p->xclient);
    for (size_t i = 0; i < p->n_to && sound; i++)
        sound = one_line(p->to[i]);
    return sound;
}

/* LMTP knows no HELO (RFC 2033 section 4.1). */
static void enter_hello(struct smtp_drive *d, enum smtp_step step)
{
    drive_enter(d, d->plan.helo && !d->plan.lmtp ? SMTP_STEP_HELO : step);
}

/* Where the session stands says where to begin. */
static void begin(struct smtp_drive *d)
{
    d->begun = true;
    if (!plan_sound(&d->plan)) {
        err_set(&d->result.err, ERR_USAGE, 0, "a name, address or parameter holds a line end");
        drive_decide(d, SMTP_STEP_GREETING, SMTP_OUT_ABORT, false, NULL);
        end(d, WANT_DONE);
        return;
    }
    switch (smtp_track_state(d->track)) {
    case SMTP_STATE_CONNECT:
        drive_enter(d, SMTP_STEP_GREETING);
        d->waiting = true;
        break;
    case SMTP_STATE_GREETED:
        if (d->plan.quit_after == SMTP_STEP_GREETING) { /* it came before we were asked */
            drive_enter(d, SMTP_STEP_GREETING);
            drive_end_here(d, NULL);
            break;
        }
        enter_hello(d, smtp_track_tls(d->track) && d->plan.tls != SMTP_TLS_NONE ? SMTP_STEP_EHLO_TLS
                                                                                : SMTP_STEP_EHLO);
        break;
    case SMTP_STATE_READY:
        after_hello(d, NULL);
        break;
    case SMTP_STATE_MAIL:
    case SMTP_STATE_RCPT:
        d->rset_first = true;
        drive_enter(d, SMTP_STEP_RSET);
        break;
    case SMTP_STATE_REFUSED:
        drive_decide(d, SMTP_STEP_GREETING, SMTP_OUT_5YZ, false, NULL);
        drive_finish(d);
        break;
    case SMTP_STATE_AUTH:
    case SMTP_STATE_DATA:
    case SMTP_STATE_DOT:
    case SMTP_STATE_TLS:
    case SMTP_STATE_QUIT:
    case SMTP_STATE_CLOSED:
    case SMTP_STATE__COUNT:
        err_set(&d->result.err, ERR_USAGE, 0, "the session is in state %s: nothing can begin here",
                smtp_state_name(smtp_track_state(d->track)));
        err_explain(&d->result.err, "", "finish what is under way, or open a new connection");
        drive_decide(d, SMTP_STEP_GREETING, SMTP_OUT_ABORT, false, NULL);
        end(d, WANT_DONE);
        break;
    }
}

/* ---- what is sent ---- */

static void write_mail(struct smtp_drive *d)
{
    const struct smtp_plan *p = &d->plan;
    buf_printf(&d->out, "MAIL FROM:<%s>", p->from ? p->from : "");
    if (p->content_octets > 0 && smtp_track_offers(d->track, "SIZE", NULL))
        buf_printf(&d->out, " SIZE=%llu", (unsigned long long)p->content_octets);
    if (p->content_binary)
        buf_append_cstr(&d->out, " BODY=BINARYMIME");
    else if (p->content_8bit && smtp_track_offers(d->track, "8BITMIME", NULL))
        buf_append_cstr(&d->out, " BODY=8BITMIME");
    if (p->content_utf8)
        buf_append_cstr(&d->out, " SMTPUTF8");
    if (p->mail_params && *p->mail_params)
        buf_printf(&d->out, " %s", p->mail_params);
    buf_append_cstr(&d->out, "\r\n");
}

static void write_rcpt(struct smtp_drive *d)
{
    const char *params = d->plan.rcpt_params;
    const char *to = drive_batch_at(d, d->rcpt_sent++)->path;
    bool has = params && *params;
    buf_printf(&d->out, "RCPT TO:<%s>", to);
    if (d->plan.rcpt_orcpt) {
        buf_append_cstr(&d->out, " ORCPT=");
        smtp_orcpt_encode(slice_cstr(to), &d->out);
    }
    buf_printf(&d->out, "%s%s\r\n", has ? " " : "", has ? params : "");
}

static bool may_pipeline(const struct smtp_drive *d)
{
    enum smtp_step last = d->plan.quit_after;
    return d->plan.pipeline && last != SMTP_STEP_MAIL && last != SMTP_STEP_RCPT &&
           last != SMTP_STEP_DATA && smtp_track_offers(d->track, "PIPELINING", NULL);
}

/* As many recipients as one write holds; DATA behind the last (RFC 2920 section 3.1). */
static void write_group(struct smtp_drive *d)
{
    size_t stop = d->rcpt_sent + DRIVE_GROUP_RECIPIENTS;
    while (d->rcpt_sent < d->n_batch && d->rcpt_sent < stop)
        write_rcpt(d);
    if (d->rcpt_sent == d->n_batch && d->plan.has_content && d->plan.chunk_octets == 0) {
        buf_append_cstr(&d->out, "DATA\r\n");
        d->data_sent = true;
    }
}

/* Write the step's command. False: nothing to send after all. */
static bool write_step(struct smtp_drive *d)
{
    const char *name = d->plan.name ? d->plan.name : "localhost";
    switch (d->step) {
    case SMTP_STEP_EHLO:
    case SMTP_STEP_EHLO_TLS:
        return buf_printf(&d->out, "%s %s\r\n", d->plan.lmtp ? "LHLO" : "EHLO", name);
    case SMTP_STEP_HELO:
        return buf_printf(&d->out, "HELO %s\r\n", name);
    case SMTP_STEP_STARTTLS:
        return buf_append_cstr(&d->out, "STARTTLS\r\n");
    case SMTP_STEP_XCLIENT:
        d->xclient_said = true;
        return buf_printf(&d->out, "XCLIENT %s\r\n", d->plan.xclient);
    case SMTP_STEP_AUTH:
        if (!d->auth_line_ready && !drive_auth_line(d)) {
            drive_decide(d, SMTP_STEP_AUTH, SMTP_OUT_ABORT, false, NULL);
            drive_finish(d);
            return false;
        }
        d->auth_line_ready = false;
        return true;
    case SMTP_STEP_MAIL:
        write_mail(d);
        if (may_pipeline(d))
            write_group(d);
        return true;
    case SMTP_STEP_RCPT:
        if (may_pipeline(d))
            write_group(d);
        else
            write_rcpt(d);
        return true;
    case SMTP_STEP_DATA:
        d->data_sent = true;
        return buf_append_cstr(&d->out, "DATA\r\n");
    case SMTP_STEP_DOT: /* only the empty one: content ends by itself */
        return buf_append_cstr(&d->out, ".\r\n");
    case SMTP_STEP_RSET:
        return buf_append_cstr(&d->out, "RSET\r\n");
    case SMTP_STEP_QUIT:
        return buf_append_cstr(&d->out, "QUIT\r\n");
    case SMTP_STEP_GREETING:
    case SMTP_STEP_TLS:
    case SMTP_STEP_BDAT:
    case SMTP_STEP_CONTENT:
    case SMTP_STEP_DONE:
    case SMTP_STEP__COUNT:
        break;
    }
    return false;
}

struct want smtp_drive_next(struct smtp_drive *d)
{
    struct want want = {.kind = WANT_WAIT};
    enum smtp_verb first = smtp_track_pending_verb(d->track);
    if (!d->begun && smtp_track_pending(d->track) > 0 && first != SMTP_VERB_CONNECT)
        return want; /* somebody's command is still to be answered */
    if (!d->begun)
        begin(d);
    if (!d->auth_line_ready)
        out_clear(d);
    while (!d->ended && !d->waiting) {
        d->waiting = true;
        if (d->step == SMTP_STEP_TLS || d->step == SMTP_STEP_CONTENT || d->step == SMTP_STEP_BDAT) {
            want.kind = d->step == SMTP_STEP_TLS ? WANT_TLS : WANT_CONTENT;
            return want;
        }
        if (!write_step(d))
            continue;
        if (d->out.overflow) {
            out_clear(d);
            give_up(d, ERR_LIMIT, "a command is larger than the limit of 1 MiB", "");
            continue;
        }
        want.kind = WANT_SEND;
        want.octets = buf_slice(&d->out);
        return want;
    }
    if (d->ended)
        want.kind = d->end;
    return want;
}

/* ---- what comes ---- */

/* The step is done. Does the plan end here? */
bool drive_ends_here(const struct smtp_drive *d)
{
    enum smtp_step last = d->plan.quit_after;
    return last == d->step || (last == SMTP_STEP_HELO && d->step == SMTP_STEP_EHLO) ||
           (last == SMTP_STEP_EHLO && d->step == SMTP_STEP_HELO);
}

void drive_end_here(struct smtp_drive *d, const struct smtp_item *item)
{
    drive_decide(d, d->step, SMTP_OUT_2YZ, true, item);
    if (item && item->reply)
        d->result.outcome = smtp_reply_outcome(item->reply->code);
    /* After 354 everything said would be content: all that is left is to hang up. */
    if (d->step == SMTP_STEP_DATA || d->plan.drop)
        drive_stop(d);
    else
        drive_enter(d, SMTP_STEP_QUIT);
}

static void take_auth(struct smtp_drive *d, enum smtp_outcome outcome, const struct smtp_item *item)
{
    unsigned code = item->reply->code;
    if (outcome == SMTP_OUT_3YZ && code == 334 && d->auth.sasl && !d->auth.cancelled) {
        out_clear(d);
        drive_auth_challenge(d, item->reply);
        d->auth_line_ready = true;
        drive_enter(d, SMTP_STEP_AUTH);
    } else if (d->auth.cancelled) {
        drive_decide(d, SMTP_STEP_AUTH, SMTP_OUT_ABORT, false, item);
        drive_finish(d);
    } else if (drive_auth_other(code)) {
        /* The next mechanism; where there is none, this refusal is the reason. */
        out_clear(d);
        if (drive_auth_line(d)) {
            d->auth_line_ready = true;
            drive_enter(d, SMTP_STEP_AUTH);
        } else {
            err_clear(&d->result.err);
            drive_decide(d, SMTP_STEP_AUTH, outcome, false, item);
            drive_finish(d);
        }
    } else {
        drive_decide(d, SMTP_STEP_AUTH, outcome, false, item);
        drive_finish(d);
    }
}

/* The step went well. */
static void step_on(struct smtp_drive *d, const struct smtp_item *item)
{
    if (drive_ends_here(d) && d->step != SMTP_STEP_QUIT) {
        drive_end_here(d, item);
        return;
    }
    switch (d->step) {
    case SMTP_STEP_GREETING:
        enter_hello(d, SMTP_STEP_EHLO);
        break;
    case SMTP_STEP_EHLO:
    case SMTP_STEP_HELO:
    case SMTP_STEP_EHLO_TLS:
        after_hello(d, item);
        break;
    case SMTP_STEP_STARTTLS:
        drive_enter(d, SMTP_STEP_TLS);
        break;
    case SMTP_STEP_TLS:
        enter_hello(d, SMTP_STEP_EHLO_TLS);
        break;
    case SMTP_STEP_XCLIENT: /* the server begins anew: another 220, and EHLO again */
        enter_hello(d, SMTP_STEP_EHLO);
        break;
    case SMTP_STEP_AUTH:
        if (drive_auth_proven(d)) {
            drive_auth_forget(d);
            after_auth(d, item);
        } else {
            drive_decide(d, SMTP_STEP_AUTH, SMTP_OUT_ABORT, false, item);
            drive_finish(d);
        }
        break;
    case SMTP_STEP_RSET:
        if (d->rset_first) {
            d->rset_first = false;
            after_hello(d, NULL);
        } else {
            drive_transaction_over(d);
        }
        break;
    case SMTP_STEP_QUIT:
        drive_decide(d, SMTP_STEP_DONE, SMTP_OUT_2YZ, true, item);
        drive_stop(d);
        break;
    case SMTP_STEP_MAIL:
    case SMTP_STEP_RCPT:
    case SMTP_STEP_DATA:
    case SMTP_STEP_BDAT:
    case SMTP_STEP_CONTENT:
    case SMTP_STEP_DOT:
    case SMTP_STEP_DONE:
    case SMTP_STEP__COUNT:
        break; /* taken one by one above */
    }
}

static void follow(struct smtp_drive *d, enum smtp_outcome outcome, const struct smtp_item *item)
{
    switch (smtp_drive_table(d->step, outcome)) {
    case SMTP_NEXT_ON:
        step_on(d, item);
        return;
    case SMTP_NEXT_HELO:
        /* LMTP knows no HELO (RFC 2033 section 4.1). */
        if (!d->plan.lmtp) {
            drive_enter(d, SMTP_STEP_HELO);
            return;
        }
        break;
    case SMTP_NEXT_SKIP:
        if (d->plan.tls == SMTP_TLS_TRY && d->plan.goal != SMTP_GOAL_TLS) {
            after_tls(d, item);
            return;
        }
        break;
    case SMTP_NEXT_MORE:
        take_auth(d, outcome, item);
        return;
    case SMTP_NEXT_RSET:
        drive_decide(d, d->step, outcome, false, item);
        drive_enter(d, SMTP_STEP_RSET);
        return;
    case SMTP_NEXT_STOP:
        drive_decide(d, d->step, outcome, false, item);
        drive_stop(d);
        return;
    case SMTP_NEXT_QUIT:
    case SMTP_NEXT__COUNT:
        break;
    }
    drive_decide(d, d->step, outcome, false, item);
    drive_finish(d);
}

void smtp_drive_reply(struct smtp_drive *d, const struct smtp_item *item)
{
    if (d->ended || !d->begun || item->kind != SMTP_ITEM_REPLY)
        return;
    enum smtp_outcome outcome = smtp_reply_outcome(item->reply->code);
    if (item->reply->rules & SMTP_RULE_BIT(SMTP_RULE_REPLY_CAP))
        outcome = SMTP_OUT_MALFORMED; /* it never ended: what follows is more of it, no answer to
                                         the next */
    bool ours = item->asked && d->waiting && (step_verbs[d->step] >> item->answers & 1);
    if (outcome == SMTP_OUT_421) { /* whatever it answers, it is the end */
        follow(d, outcome, item);
        return;
    }
    if (!ours)
        return;
    switch (d->step) {
    case SMTP_STEP_MAIL:
        drive_take_mail(d, outcome, item);
        break;
    case SMTP_STEP_RCPT:
        drive_take_recipient(d, item);
        break;
    case SMTP_STEP_DATA:
        drive_take_data(d, outcome, item);
        break;
    case SMTP_STEP_BDAT:
        drive_take_chunk(d, outcome, item);
        break;
    case SMTP_STEP_CONTENT:
    case SMTP_STEP_DOT:
        drive_take_dot(d, outcome, item);
        break;
    case SMTP_STEP_GREETING:
    case SMTP_STEP_EHLO:
    case SMTP_STEP_HELO:
    case SMTP_STEP_STARTTLS:
    case SMTP_STEP_TLS:
    case SMTP_STEP_EHLO_TLS:
    case SMTP_STEP_XCLIENT:
    case SMTP_STEP_AUTH:
    case SMTP_STEP_RSET:
    case SMTP_STEP_QUIT:
    case SMTP_STEP_DONE:
    case SMTP_STEP__COUNT:
        follow(d, outcome, item);
        break;
    }
}

void smtp_drive_tls(struct smtp_drive *d, const struct err *err)
{
    if (d->ended || d->step != SMTP_STEP_TLS)
        return;
    if (!err) {
        step_on(d, NULL);
        return;
    }
    /* Half a handshake is on the wire: nothing can be said in the clear any more, with `try`
     * neither. */
    d->result.err = *err;
    follow(d, SMTP_OUT_ABORT, NULL);
}

void smtp_drive_content_sent(struct smtp_drive *d)
{
    if (d->ended || d->step != SMTP_STEP_CONTENT)
        return;
    drive_enter(d, SMTP_STEP_DOT);
    d->waiting = true;
}

uint64_t smtp_drive_chunk_octets(const struct smtp_drive *d)
{
    return d->plan.chunk_octets;
}

void smtp_drive_chunk_sent(struct smtp_drive *d, bool last)
{
    if (d->ended || d->step != SMTP_STEP_BDAT)
        return;
    d->chunks_awaited++;
    d->chunk_last = last;
    /* RFC 3030 section 4.2: where PIPELINING is offered the next need not wait. */
    d->waiting = last || !may_pipeline(d);
}

void smtp_drive_outcome(struct smtp_drive *d, enum smtp_outcome outcome, const struct err *err)
{
    if (d->ended)
        return;
    /* Replies come with their item; here only what is none. */
    BUG_IF(outcome < SMTP_OUT_TIMEOUT);
    d->begun = true;
    if (err && !d->decided)
        d->result.err = *err;
    follow(d, outcome, NULL);
}
