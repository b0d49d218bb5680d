/* A /send as a whole: several messages (--repeat), recipients that one session does not take
 * (LIMITS MAILMAX), and who got it in the end. Each run of the drive is one message, or a part of
 * one; what it did is added up here, and what is left is driven on, in the same session or another.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "console/console_private.h"

enum { REFUSED_NAMED_MAX = 10, SUMMARY_MAX_OCTETS = 4096 };

void console_delivery_clear(struct channel *ch)
{
    struct console_delivery *d = &ch->delivery;
    mem_free(d->to);
    mem_free(d->index);
    mem_free(d->recipients);
    *d = (struct console_delivery){0};
}

/* Those of the task that are still to be asked for this message. */
static void take_left(struct channel *ch, bool all)
{
    struct console_delivery *d = &ch->delivery;
    size_t n = 0;
    for (size_t i = 0; i < ch->task.n_to; i++) {
        if (!all && d->recipients[i].asked)
            continue;
        d->recipients[i].asked = false;
        d->index[n] = i;
        d->to[n++] = ch->task.to[i];
    }
    d->n_to = n;
    d->part_ok = d->part_ok && !all;
}

void console_delivery_begin(struct channel *ch, uint64_t messages)
{
    struct console_delivery *d = &ch->delivery;
    size_t n = ch->task.n_to;
    console_delivery_clear(ch);
    d->valid = true;
    d->wanted = messages ? messages : 1;
    d->to = mem_zalloc((n + 1) * sizeof d->to[0]);
    d->index = mem_zalloc((n + 1) * sizeof d->index[0]);
    d->recipients = mem_zalloc((n + 1) * sizeof d->recipients[0]);
    for (size_t i = 0; i < n; i++)
        d->recipients[i].path = ch->task.to[i];
    d->result.recipients = d->recipients;
    d->result.n_recipients = n;
    take_left(ch, true);
}

const struct smtp_result *console_result(const struct console *c)
{
    const struct channel *ch = c->now;
    if (ch->delivery.valid && ch->delivery.result.over)
        return &ch->delivery.result;
    return ch->session ? session_result(ch->session) : NULL;
}

void console_messages(const struct console *c, struct console_messages *out)
{
    const struct console_delivery *d = &c->now->delivery;
    *out = (struct console_messages){.wanted = d->wanted, .done = d->done, .accepted = d->accepted};
}

/* ---- adding up ---- */

/* A recipient's first refusal stands; what it got is counted. */
static void add_recipients(struct console_delivery *d, const struct smtp_result *r)
{
    for (size_t i = 0; i < r->n_recipients && i < d->n_to; i++) {
        struct smtp_recipient_result *sum = &d->recipients[d->index[i]];
        const struct smtp_recipient_result *one = &r->recipients[i];
        if (!one->asked)
            continue;
        uint64_t n_delivered = sum->n_delivered + one->n_delivered;
        const char *path = sum->path;
        if (one->code != 0 && (sum->code == 0 || sum->accepted))
            *sum = *one;
        sum->path = path;
        sum->asked = true;
        sum->n_delivered = n_delivered;
    }
}

/* The first message that failed is the result; else the newest. */
static void add_result(struct console_delivery *d, const struct smtp_result *r, bool ok)
{
    struct smtp_result *sum = &d->result;
    if (!sum->over || sum->ok) {
        *sum = *r;
        sum->ok = ok;
        if (r->mechanism) {
            snprintf(d->mechanism, sizeof d->mechanism, "%s", r->mechanism);
            sum->mechanism = d->mechanism;
        }
    }
    sum->over = true;
    sum->wants_session = false;
    sum->recipients = d->recipients;
    sum->n_accepted = 0;
    for (size_t i = 0; d->recipients[i].path; i++) {
        sum->n_recipients = i + 1;
        sum->n_accepted += d->recipients[i].accepted;
    }
}

static bool refused_only(const struct smtp_result *r)
{
    return r->stage >= SMTP_STEP_MAIL && r->code != 0 && r->err.domain == ERR_NONE &&
           (r->outcome == SMTP_OUT_4YZ || r->outcome == SMTP_OUT_5YZ);
}

enum console_delivery_next console_delivery_add(struct channel *ch, const struct smtp_result *r)
{
    struct console_delivery *d = &ch->delivery;
    add_recipients(d, r);
    if (r->wants_session) {
        d->part_ok = d->part_ok || r->ok;
        take_left(ch, false);
        d->reopen = true;
        return DELIVERY_NEW_SESSION;
    }
    bool ok = r->ok || (d->part_ok && refused_only(r));
    d->done++;
    d->accepted += ok;
    add_result(d, r, ok);
    bool goes_on = d->done < d->wanted && (ok || refused_only(r)) && session_is_up(ch->session);
    if (!goes_on)
        return DELIVERY_DONE;
    take_left(ch, true);
    return DELIVERY_NEXT_MESSAGE;
}

void console_delivery_broken(struct channel *ch, const struct err *err)
{
    struct console_delivery *d = &ch->delivery;
    const struct smtp_result broken = {
        .over = true, .stage = SMTP_STEP_GREETING, .outcome = SMTP_OUT_EOF, .err = *err};
    d->reopen = false;
    d->done++;
    add_result(d, &broken, false);
}

bool console_delivery_rewind(struct console *c, bool next_message, struct err *err)
{
    struct console_task *t = &c->now->task;
    if (t->fd >= 0) {
        if (lseek(t->fd, 0, SEEK_SET) == 0)
            return true;
        err_set(err, ERR_FILE, 0, "%.120s cannot be read a second time", t->path ? t->path : "");
        err_explain(err, "it is no regular file: the message went out once",
                    "give a file, or standard input as -");
        return false;
    }
    if (!t->generated || !next_message)
        return true;
    buf_release(&t->message); /* each has its own Date and Message-ID */
    return console_message_generate(c, t->from, t->to, t->n_to, &t->message, err) &&
           console_sign(c, err);
}

/* ---- what the person is told ---- */

static void say_refused(struct console *c, const struct console_delivery *d)
{
    size_t n = d->result.n_recipients, n_refused = 0, named = 0;
    struct buf text;
    for (size_t i = 0; i < n; i++)
        n_refused += d->recipients[i].n_delivered == 0;
    if (n_refused == 0 || n_refused == n)
        return;
    buf_init(&text, SUMMARY_MAX_OCTETS);
    buf_printf(&text, "%zu of %zu recipients did not get the message:", n_refused, n);
    for (size_t i = 0; i < n && named < REFUSED_NAMED_MAX; i++) {
        const struct smtp_recipient_result *r = &d->recipients[i];
        if (r->n_delivered > 0)
            continue;
        buf_printf(&text, "%s %.200s ", named++ ? "," : "", r->path);
        if (r->code && !r->accepted)
            buf_printf(&text, "(%u)", r->code);
        else
            buf_append_cstr(&text, r->code ? "(accepted, the message was not)" : "(never asked)");
    }
    if (n_refused > named)
        buf_printf(&text, ", and %zu more", n_refused - named);
    journal_note(c->journal, console_conn(c), LEVEL_WARNING, buf_cstr(&text),
                 "the others got it: whoever sends it again sends it to these only", "");
    buf_deinit(&text);
}

void console_delivery_say(struct console *c)
{
    const struct console_delivery *d = &c->now->delivery;
    char text[120];
    if (!d->valid)
        return;
    say_refused(c, d);
    if (d->wanted < 2)
        return;
    snprintf(text, sizeof text, "%llu of %llu messages were accepted",
             (unsigned long long)d->accepted, (unsigned long long)d->wanted);
    journal_note(c->journal, console_conn(c), d->accepted == d->wanted ? LEVEL_INFO : LEVEL_WARNING,
                 text, d->done < d->wanted ? "the others were not sent: the session ended" : "",
                 "");
}
