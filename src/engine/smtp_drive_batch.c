/* Which recipients the next transaction is for. A server that says LIMITS (RFC 9422) takes so many
 * of them, of so many domains, in one transaction, and so many transactions in one session: what
 * does not fit goes in further transactions, and at last in another session, which the drive's
 * owner has to open. */
#include "engine/smtp_drive_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static uint64_t limit(const struct smtp_drive *d, const char *name)
{
    return d->plan.obey_limits ? smtp_track_limit(d->track, name) : 0;
}

static struct slice domain_of(const char *path)
{
    const char *at = strrchr(path, '@');
    return slice_cstr(at ? at + 1 : "");
}

/* Is there room for this recipient's domain among those of the batch? */
static bool domain_fits(const struct smtp_drive *d, const char *path, uint64_t domains_max)
{
    struct slice domain = domain_of(path);
    uint64_t n_domains = 0;
    for (size_t i = 0; i < d->n_batch; i++) {
        struct slice other = domain_of(d->recipients[d->batch[i]].path);
        if (slice_eq_nocase(other, domain))
            return true;
        bool first = true; /* of its domain */
        for (size_t k = 0; k < i && first; k++)
            first = !slice_eq_nocase(domain_of(d->recipients[d->batch[k]].path), other);
        n_domains += first;
        if (n_domains >= domains_max)
            return false;
    }
    return n_domains < domains_max;
}

static void say_split(struct smtp_drive *d, const char *name, uint64_t most, size_t left)
{
    char text[160];
    if (d->split_said)
        return;
    d->split_said = true;
    snprintf(text, sizeof(text),
             "%zu recipients, of which one transaction takes %zu (LIMITS %s=%llu)", left,
             d->n_batch, name, (unsigned long long)most);
    journal_note(d->journal, d->conn, LEVEL_INFO, text,
                 "the others get the message in further transactions (RFC 9422)",
                 "--no-limits asks for all in one");
}

static void choose(struct smtp_drive *d)
{
    uint64_t most = limit(d, "RCPTMAX"), domains_max = limit(d, "RCPTDOMAINMAX");
    size_t left = 0;
    bool by_domain = false;
    if (d->rcpt_max_seen > 0 && (most == 0 || d->rcpt_max_seen < most))
        most = d->rcpt_max_seen;
    d->n_batch = 0;
    while (d->first_left < d->plan.n_to && d->recipients[d->first_left].asked)
        d->first_left++;
    for (size_t i = d->first_left; i < d->plan.n_to; i++) {
        if (d->recipients[i].asked)
            continue;
        left++;
        if (most > 0 && d->n_batch >= most)
            continue;
        if (domains_max > 0 && !domain_fits(d, d->recipients[i].path, domains_max))
            by_domain = true;
        else
            d->batch[d->n_batch++] = i;
    }
    if (left > d->n_batch && d->rcpt_max_seen == 0)
        say_split(d, by_domain ? "RCPTDOMAINMAX" : "RCPTMAX", by_domain ? domains_max : most, left);
    for (size_t i = 0; i < d->n_batch; i++)
        d->recipients[d->batch[i]].asked = true;
    d->n_left = left - d->n_batch;
}

struct smtp_recipient_result *drive_batch_at(const struct smtp_drive *d, size_t index)
{
    BUG_IF(index >= d->n_batch);
    return &d->recipients[d->batch[index]];
}

/* 552 is what RFC 821 had for it; that code alone, and 452 with another enhanced code, speak of
 * the mailbox. */
bool drive_is_too_many(const struct smtp_recipient_result *r)
{
    bool says_so = r->enhanced[1] == 5 && r->enhanced[2] == 3;
    return (r->code == 452 && (says_so || r->enhanced[0] == 0)) || (r->code == 552 && says_so);
}

/* Each transaction takes somebody, or nobody is put back: there are never more of them than
 * recipients. */
void drive_put_back(struct smtp_drive *d)
{
    size_t n_back = 0;
    for (size_t i = 0; i < d->n_batch; i++) {
        struct smtp_recipient_result *r = drive_batch_at(d, i);
        if (i < d->rcpt_answered && !drive_is_too_many(r))
            continue;
        *r = (struct smtp_recipient_result){.path = r->path};
        n_back++;
    }
    d->first_left = 0;
    d->n_left += n_back;
    if (d->rcpt_max_seen == 0) {
        char text[160];
        snprintf(text, sizeof(text),
                 "the server takes %zu recipient%s in one transaction: %zu left", d->n_taken,
                 d->n_taken == 1 ? "" : "s", d->n_left);
        journal_note(d->journal, d->conn, LEVEL_INFO, text,
                     "they get the message in further transactions (RFC 5321 section 4.5.3.1.10)",
                     "--no-limits lets the refusal stand");
    }
    d->rcpt_max_seen = d->n_taken;
}

void drive_transaction_begin(struct smtp_drive *d)
{
    uint64_t most = limit(d, "MAILMAX");
    if (most > 0 && smtp_track_mails(d->track) >= most) {
        char text[120];
        snprintf(text, sizeof(text),
                 "the server takes %llu transaction%s a session (LIMITS MAILMAX)",
                 (unsigned long long)most, most == 1 ? "" : "s");
        journal_note(d->journal, d->conn, LEVEL_INFO, text,
                     "what is left goes in another session (RFC 9422)",
                     "--no-limits goes on in this one");
        d->result.wants_session = true;
        drive_decide(d, SMTP_STEP_MAIL, SMTP_OUT_ABORT, d->good.ok, NULL);
        drive_enter(d, SMTP_STEP_QUIT);
        return;
    }
    choose(d);
    d->rcpt_sent = d->rcpt_answered = d->lmtp_at = d->prdr_left = d->n_taken = 0;
    d->chunks_awaited = 0;
    d->data_sent = d->mail_refused = d->prdr = d->chunk_last = d->lost = d->too_many = false;
    drive_enter(d, SMTP_STEP_MAIL);
}

void drive_transaction_over(struct smtp_drive *d)
{
    if (d->decided || d->n_left == 0)
        drive_finish(d);
    else
        drive_transaction_begin(d);
}

void drive_verdict(struct smtp_drive *d, enum smtp_step stage, enum smtp_outcome outcome, bool ok,
                   const struct smtp_item *item)
{
    if (d->decided || d->lost) /* the first reason stands */
        return;
    /* MAIL would be refused again for the others: the end. */
    bool last = d->n_left == 0 || stage == SMTP_STEP_MAIL;
    d->lost = !ok;
    drive_decide(d, stage, outcome, ok, item);
    if (!ok && d->good.ok) { /* one transaction of several: somebody got the message */
        d->good.n_accepted = d->result.n_accepted;
        d->result = d->good;
    }
    d->good = d->result;
    d->decided = last;
    if (!ok)
        return;
    for (size_t i = 0; i < d->n_batch; i++)
        d->recipients[d->batch[i]].n_delivered = d->recipients[d->batch[i]].accepted;
}
