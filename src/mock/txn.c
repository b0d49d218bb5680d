/* The message under way: who it is from, where it goes, and its octets with the trace lines in
 * front (RFC 5321 section 4.4). */
#include "mock/mock_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum {
    SPARES_MAX = 16,
    KEEP_ENTRIES_MAX = 64,
    TRACE_MAX_OCTETS = 2048,
};

static struct mock_txn *txn_new(const struct mock *m)
{
    struct mock_txn *t = mem_zalloc(sizeof(*t));
    /* The size limit is the serve role's to enforce; one read may pass it before it is noticed. */
    buf_init(&t->content, m->options.limits.message_octets + LINK_READ_OCTETS + TRACE_MAX_OCTETS);
    return t;
}

static void txn_free(struct mock_txn *t)
{
    buf_deinit(&t->content);
    mem_free(t->recipients);
    mem_free(t->faults);
    mem_free(t);
}

struct mock_txn *mock_txn_get(struct mock_conn *c)
{
    struct mock *m = c->mock;
    if (c->smtp.txn)
        return c->smtp.txn;
    if (m->spare_txns) {
        c->smtp.txn = m->spare_txns;
        m->spare_txns = c->smtp.txn->next_spare;
        m->n_spare_txns--;
    } else {
        c->smtp.txn = txn_new(m);
    }
    c->smtp.txn->id = ++m->next_id;
    return c->smtp.txn;
}

void mock_txn_end(struct mock_conn *c)
{
    struct mock *m = c->mock;
    struct mock_txn *t = c->smtp.txn;
    c->smtp.txn = NULL;
    if (!t)
        return;
    for (size_t i = 0; i < t->n_recipients; i++) {
        mem_free(t->recipients[i].address);
        mem_free(t->recipients[i].bounce_text);
        mem_free(t->recipients[i].orcpt);
        mem_free(t->recipients[i].diagnostic);
    }
    for (size_t i = 0; i < t->n_faults; i++)
        mem_free(t->faults[i].address);
    m->unstored_octets -= t->charged_octets;
    if (m->n_spare_txns >= SPARES_MAX || t->alloc_recipients > KEEP_ENTRIES_MAX ||
        t->alloc_faults > KEEP_ENTRIES_MAX) {
        txn_free(t);
        return;
    }
    buf_release(&t->content);
    t->n_recipients = t->n_faults = 0;
    t->charged_octets = 0;
    t->declared_octets = t->hold_ms = 0;
    t->asked = 0;
    t->trace_octets = 0;
    t->started = t->dropped = t->utf8 = t->ret_full = false;
    t->envid[0] = '\0';
    t->from[0] = t->to[0] = '\0';
    t->next_spare = m->spare_txns;
    m->spare_txns = t;
    m->n_spare_txns++;
}

void mock_txn_spares_free(struct mock *m)
{
    while (m->spare_txns) {
        struct mock_txn *t = m->spare_txns;
        m->spare_txns = t->next_spare;
        txn_free(t);
    }
    m->n_spare_txns = 0;
}

/* One more element of an array that grows by doubling. */
static void *grow(void *array, size_t element_octets, size_t n, size_t *alloc)
{
    if (n < *alloc)
        return array;
    *alloc = *alloc ? *alloc * 2 : 4;
    return mem_realloc(array, *alloc * element_octets);
}

void mock_txn_add_recipient(struct mock_txn *t, int user, const char *address, bool bounce)
{
    t->recipients =
        grow(t->recipients, sizeof(*t->recipients), t->n_recipients, &t->alloc_recipients);
    t->recipients[t->n_recipients++] =
        (struct mock_recipient){.user = user,
                                .address = user >= 0 && !bounce ? NULL : mem_strdup(address),
                                .bounce = bounce};
    if (t->n_recipients == 1)
        snprintf(t->to, sizeof(t->to), "%s", address);
}

/* What rules want of the recipient that was just added. */
void mock_txn_plan_recipient(struct mock_conn *c)
{
    const struct mock_plan *p = &c->mock->plan;
    struct mock_txn *t = c->smtp.txn;
    struct mock_recipient *r = &t->recipients[t->n_recipients - 1];
    r->discard = p->discard;
    if (p->bounce_code > 0)
        mock_recipient_bounces(r, p);
}

void mock_recipient_bounces(struct mock_recipient *r, const struct mock_plan *p)
{
    r->bounce = true;
    r->bounce_code = p->bounce_code;
    r->bounce_after_ms = p->bounce_after_ms;
    mem_free(r->bounce_text);
    r->bounce_text = mem_slice_dup(buf_slice(&p->bounce_text));
}

/* The address without brackets; users of ours by their whole one. */
void mock_recipient_address(const struct mock *m, const struct mock_recipient *r, struct buf *out)
{
    if (r->address)
        buf_append_cstr(out, r->address);
    else
        buf_printf(out, "%s@%s", mock_users[r->user], m->options.domain);
}

void mock_txn_add_fault(struct mock_txn *t, const struct magic *magic, const char *address,
                        size_t recipient)
{
    t->faults = grow(t->faults, sizeof(*t->faults), t->n_faults, &t->alloc_faults);
    t->faults[t->n_faults++] = (struct mock_fault){
        .magic = *magic, .address = mem_strdup(address), .recipient = recipient};
}

void mock_txn_id(const struct mock_txn *t, char out[MOCK_ID_OCTETS])
{
    snprintf(out, MOCK_ID_OCTETS, "P%06llX", (unsigned long long)t->id);
}

/* ---- trace lines ---- */

/* Civil date from days since 1970-01-01, proleptic Gregorian, years counted from March so that the
 * leap day is the last of its year. */
static void civil(int64_t days, int *year, int *month, int *day)
{
    days += 719468; /* from 0000-03-01 */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

const char *mock_date(struct mock *m)
{
    static const char weekdays[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const struct clock *clock = journal_clock(m->journal);
    int64_t now_us = clock->wall_us(clock->ctx);
    int64_t now_s = now_us > 0 ? now_us / 1000000 : 0;
    if (m->date[0] && m->date_second == now_s)
        return m->date;
    m->date_second = now_s;
    int64_t days = now_s / 86400;
    int second = (int)(now_s % 86400), year, month, day;
    civil(days, &year, &month, &day);
    snprintf(m->date, sizeof(m->date), "%.3s, %d %.3s %04d %02d:%02d:%02d +0000",
             weekdays + days % 7 * 3, day, months + (month - 1) * 3, year, second / 3600,
             second / 60 % 60, second % 60);
    return m->date;
}

/* RFC 3848 and RFC 6531 section 3.7.3: which kind of session it came by; [UTF8][TLS][AUTH]. */
static const char *with_type(const struct mock_conn *c)
{
    static const char *const types[2][2][2] = {
        {{"ESMTP", "ESMTPA"}, {"ESMTPS", "ESMTPSA"}},
        {{"UTF8SMTP", "UTF8SMTPA"}, {"UTF8SMTPS", "UTF8SMTPSA"}},
    };
    static const char *const lmtp[2][2][2] = {
        {{"LMTP", "LMTPA"}, {"LMTPS", "LMTPSA"}},
        {{"UTF8LMTP", "UTF8LMTPA"}, {"UTF8LMTPS", "UTF8LMTPSA"}},
    };
    bool tls = link_is_tls(c->link), auth = smtp_serve_user(c->smtp.serve) != NULL;
    if (mock_services[c->service].lmtp)
        return lmtp[c->smtp.txn->utf8][tls][auth];
    return c->smtp.esmtp ? types[c->smtp.txn->utf8][tls][auth] : "SMTP";
}

static void trace_lines(struct mock_conn *c)
{
    struct mock_txn *t = c->smtp.txn;
    char peer[140], id[MOCK_ID_OCTETS];
    mock_peer_literal(c, peer, sizeof(peer));
    mock_txn_id(t, id);
    buf_printf(&t->content,
               "Return-Path: <%s>\r\nReceived: from %s ([%s])\r\n\tby %s (smtpscope) with %s id %s",
               t->from, c->smtp.hello ? c->smtp.hello : "unknown", peer, c->mock->options.name,
               with_type(c), id);
    if (t->n_recipients == 1)
        buf_printf(&t->content, "\r\n\tfor <%s>", t->to);
    buf_printf(&t->content, ";\r\n\t%s\r\n", mock_date(c->mock));
}

static void content_start(struct mock_conn *c)
{
    struct mock_txn *t = c->smtp.txn;
    t->started = true;
    if (c->mock->options.keep_nothing)
        return;
    uint64_t expected =
        t->declared_octets < MOCK_RESERVE_MAX_OCTETS ? t->declared_octets : MOCK_RESERVE_MAX_OCTETS;
    buf_room(&t->content, (size_t)expected + TRACE_MAX_OCTETS / 2);
    trace_lines(c);
    t->trace_octets = t->content.len;
}

static void content_over(struct mock_conn *c)
{
    struct mock *m = c->mock;
    struct mock_txn *t = c->smtp.txn;
    m->unstored_octets -= t->charged_octets;
    t->charged_octets = 0;
    t->dropped = true;
    buf_release(&t->content);
    if (m->said_content_limit)
        return;
    m->said_content_limit = true;
    journal_note(m->journal, link_conn(c->link), LEVEL_WARNING,
                 "practice server: limit \"content\" reached (256 MiB arriving at once)",
                 "the messages that would pass it are refused with 452 4.3.1", "");
}

void mock_txn_content(struct mock_conn *c, struct slice octets)
{
    struct mock *m = c->mock;
    struct mock_txn *t = mock_txn_get(c);
    if (t->dropped)
        return;
    if (!t->started)
        content_start(c);
    if (m->options.keep_nothing)
        return;
    buf_append(&t->content, octets);
    size_t charge = t->content.alloc_octets;
    if (charge != t->charged_octets) {
        m->unstored_octets += charge - t->charged_octets;
        t->charged_octets = charge;
    }
    if (m->unstored_octets > MOCK_UNSTORED_MAX_OCTETS)
        content_over(c);
}
