/* The transaction's replies: MAIL, each RCPT, DATA, the dot. Pipelined they come in one go, and
 * each must be waited for, whatever failed before it. */
#include "engine/smtp_drive_private.h"

#include <string.h>

/* All replies of the transaction so far are in: is there anybody to send to? */
static void after_recipients(struct smtp_drive *d, const struct smtp_item *item)
{
    d->waiting = d->data_sent;
    if (d->n_taken > 0 && !d->lost) {
        if (d->too_many && d->plan.has_content && !drive_ends_here(d))
            drive_put_back(d);
        if (drive_ends_here(d)) {
            drive_end_here(d, item);
        } else if (d->plan.has_content) {
            d->step = d->plan.chunk_octets > 0 ? SMTP_STEP_BDAT : SMTP_STEP_DATA;
            d->result.stage = d->step;
        } else {
            drive_verdict(d, SMTP_STEP_DONE, SMTP_OUT_2YZ, true, item);
            drive_enter(d, SMTP_STEP_RSET);
        }
        return;
    }
    drive_verdict(d, SMTP_STEP_RCPT, smtp_reply_outcome(item->reply->code), false, item);
    if (d->data_sent)
        d->step = SMTP_STEP_DATA;
    else if (d->mail_refused)
        drive_finish(d);
    else
        drive_enter(d, SMTP_STEP_RSET);
}

void drive_take_recipient(struct smtp_drive *d, const struct smtp_item *item)
{
    if (d->rcpt_answered >= d->rcpt_sent)
        return;
    struct smtp_recipient_result *r = drive_batch_at(d, d->rcpt_answered++);
    r->code = item->reply->code;
    r->reply_seq = item->seq;
    if (item->reply->has_enhanced)
        memcpy(r->enhanced, item->reply->enhanced, sizeof(r->enhanced));
    r->accepted = smtp_reply_outcome(r->code) == SMTP_OUT_2YZ;
    if (r->accepted) {
        d->result.n_accepted++;
        d->n_taken++;
    }
    d->too_many = d->too_many || (d->plan.obey_limits && drive_is_too_many(r));
    if (d->rcpt_answered < d->rcpt_sent)
        return;
    /* Asking on would only count as errors of ours. */
    bool full = d->too_many && d->n_taken > 0 && d->plan.has_content && !d->lost;
    if (d->rcpt_sent == d->n_batch || d->mail_refused || full)
        after_recipients(d, item);
    else
        drive_enter(d, SMTP_STEP_RCPT);
}

/* RFC 2033 section 4.2: each accepted recipient has a reply of its own to the dot. */
static bool take_lmtp_dot(struct smtp_drive *d, enum smtp_outcome outcome,
                          const struct smtp_item *item)
{
    while (d->lmtp_at < d->n_batch && !drive_batch_at(d, d->lmtp_at)->accepted)
        d->lmtp_at++;
    if (d->lmtp_at < d->n_batch) {
        struct smtp_recipient_result *r = drive_batch_at(d, d->lmtp_at++);
        r->code = item->reply->code;
        r->reply_seq = item->seq;
        memset(r->enhanced, 0, sizeof(r->enhanced));
        if (item->reply->has_enhanced)
            memcpy(r->enhanced, item->reply->enhanced, sizeof(r->enhanced));
        r->accepted = outcome == SMTP_OUT_2YZ;
        if (!r->accepted) {
            d->result.n_accepted--;
            d->n_taken--;
        }
    }
    for (size_t i = d->lmtp_at; i < d->n_batch; i++) {
        if (drive_batch_at(d, i)->accepted)
            return false;
    }
    return true;
}

/* PRDR: 353, a reply for each recipient that was taken, then the message's own. True: more is to
 * come. */
static bool take_prdr(struct smtp_drive *d, enum smtp_outcome outcome, const struct smtp_item *item)
{
    if (!d->prdr && !d->plan.lmtp && item->reply->code == 353) {
        d->prdr = true;
        d->prdr_left = d->n_taken;
        return true;
    }
    if (!d->prdr || d->prdr_left == 0)
        return false;
    d->prdr_left--;
    take_lmtp_dot(d, outcome, item);
    return true;
}

/* In LMTP the last reply may be a refusal although somebody got the message. */
static void cite_accepted(struct smtp_drive *d)
{
    for (size_t i = 0; i < d->n_batch; i++) {
        const struct smtp_recipient_result *r = drive_batch_at(d, i);
        if (!r->accepted)
            continue;
        d->result.code = r->code;
        d->result.reply_seq = r->reply_seq;
        memcpy(d->result.enhanced, r->enhanced, sizeof(r->enhanced));
        return;
    }
}

void drive_take_dot(struct smtp_drive *d, enum smtp_outcome outcome, const struct smtp_item *item)
{
    d->step = SMTP_STEP_DOT;
    d->waiting = true;
    if (take_prdr(d, outcome, item))
        return;
    if (d->plan.lmtp) {
        if (!take_lmtp_dot(d, outcome, item))
            return;
        if (d->n_taken > 0)
            outcome = SMTP_OUT_2YZ;
    }
    bool ok = outcome == SMTP_OUT_2YZ && (!d->prdr || d->n_taken > 0) && !d->lost;
    if (ok && drive_ends_here(d)) {
        drive_end_here(d, item);
        return;
    }
    if (outcome == SMTP_OUT_MALFORMED) {
        drive_decide(d, SMTP_STEP_DOT, outcome, false, item);
        drive_finish(d);
        return;
    }
    drive_verdict(d, ok ? SMTP_STEP_DONE : SMTP_STEP_DOT, outcome, ok, item);
    if (ok && d->plan.lmtp)
        cite_accepted(d);
    drive_transaction_over(d);
}

/* A chunk was answered. The last one's reply is the message's, as the dot's is; a refusal before it
 * ends the transaction once all that was sent has its reply (RFC 3030 section 2). */
void drive_take_chunk(struct smtp_drive *d, enum smtp_outcome outcome, const struct smtp_item *item)
{
    bool more_awaited = d->chunks_awaited > 1;
    bool of_last = d->chunk_last && !more_awaited;
    if (of_last && !d->lost && outcome != SMTP_OUT_3YZ) {
        drive_take_dot(d, outcome, item);
        return;
    }
    if (d->chunks_awaited > 0)
        d->chunks_awaited--;
    enum smtp_next next = smtp_drive_table(SMTP_STEP_BDAT, outcome);
    if (next == SMTP_NEXT_QUIT)
        drive_decide(d, SMTP_STEP_BDAT, outcome, false, item);
    else if (next != SMTP_NEXT_ON)
        drive_verdict(d, SMTP_STEP_BDAT, outcome, false, item);
    if (next == SMTP_NEXT_QUIT)
        drive_finish(d);
    else if (more_awaited)
        d->waiting = true;
    else if (d->lost)
        drive_enter(d, SMTP_STEP_RSET);
    else
        drive_enter(d, SMTP_STEP_BDAT);
}

/* DATA was answered. 354 with nobody left to get the message is possible when it was pipelined:
 * then nothing but the dot goes (RFC 2920 section 3.1). */
void drive_take_data(struct smtp_drive *d, enum smtp_outcome outcome, const struct smtp_item *item)
{
    enum smtp_next next = smtp_drive_table(SMTP_STEP_DATA, outcome);
    if (next == SMTP_NEXT_ON && d->lost) {
        drive_enter(d, SMTP_STEP_DOT);
    } else if (next == SMTP_NEXT_ON && drive_ends_here(d)) {
        drive_end_here(d, item);
    } else if (next == SMTP_NEXT_ON) {
        drive_enter(d, SMTP_STEP_CONTENT);
    } else {
        if (next == SMTP_NEXT_RSET)
            drive_verdict(d, SMTP_STEP_DATA, outcome, false, item);
        else
            drive_decide(d, SMTP_STEP_DATA, outcome, false, item);
        if (next == SMTP_NEXT_RSET && !d->mail_refused)
            drive_enter(d, SMTP_STEP_RSET);
        else
            drive_finish(d);
    }
}

void drive_take_mail(struct smtp_drive *d, enum smtp_outcome outcome, const struct smtp_item *item)
{
    bool more = d->rcpt_sent > 0; /* replies of the same write are still to come */
    enum smtp_next next = smtp_drive_table(SMTP_STEP_MAIL, outcome);
    if (next == SMTP_NEXT_ON && drive_ends_here(d)) {
        drive_end_here(d, item);
        return;
    }
    d->mail_refused = next != SMTP_NEXT_ON;
    if (d->mail_refused)
        drive_verdict(d, SMTP_STEP_MAIL, outcome, false, item);
    if (!d->mail_refused || more) {
        drive_enter(d, SMTP_STEP_RCPT);
        d->waiting = more;
    } else if (next == SMTP_NEXT_RSET) {
        drive_enter(d, SMTP_STEP_RSET);
    } else {
        drive_finish(d);
    }
}
