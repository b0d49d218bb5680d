/* Questions: asked, bounded by a timer, answered by a source, delivered from the loop.
 *
 * A question is settled when its answer is known, and delivered later by a deferred call. The two
 * are apart so that no callback runs inside dns_ask or inside the resolver library: a callback may
 * ask, cancel, and free the whole resolver.
 */
#include "dns_private.h"

#include "base/mem.h"

#include <string.h>

enum { RECORDS_TEXT_OCTETS = 65536 }; /* of one DNS_ANSWER event */

struct dns {
    struct loop *l;
    struct journal *j;
    const struct dns_source *source;
    void *source_ctx;
    struct dns_question *questions; /* not delivered yet */
};

struct dns *dns_new_with(struct loop *l, struct journal *j, const struct dns_source *source,
                         void *source_ctx)
{
    struct dns *d = mem_zalloc(sizeof(*d));
    d->l = l;
    d->j = j;
    d->source = source;
    d->source_ctx = source_ctx;
    return d;
}

void *dns_question_source(const struct dns_question *q)
{
    return q->d->source_ctx;
}

static void question_unlink(struct dns_question *q)
{
    if (q->prev != NULL)
        q->prev->next = q->next;
    else
        q->d->questions = q->next;
    if (q->next != NULL)
        q->next->prev = q->prev;
    q->next = q->prev = NULL;
}

static void question_free(struct dns_question *q)
{
    loop_timer_free(&q->timer);
    arena_deinit(&q->arena);
    mem_free(q);
}

/* Between asking and delivery: no callback will come. */
static void question_drop(struct dns_question *q)
{
    struct dns *d = q->d;
    if (q->settled)
        loop_defer_cancel(d->l, q);
    else
        d->source->cancel(d->source_ctx, q);
    question_unlink(q);
    question_free(q);
}

void dns_free(struct dns **d)
{
    struct dns *dead = *d;
    *d = NULL;
    if (dead == NULL)
        return;
    while (dead->questions != NULL)
        question_drop(dead->questions);
    dead->source->free(dead->source_ctx);
    mem_free(dead);
}

void dns_cancel(struct dns_question **q)
{
    if (*q != NULL)
        question_drop(*q);
    *q = NULL;
}

void dns_question_add(struct dns_question *q, uint16_t preference, struct slice data)
{
    size_t at = q->answer.n_records;
    if (at == DNS_RECORDS_MAX)
        return;
    /* Exchangers in order of preference, equal ones as they came (RFC 5321 section 5.1). */
    while (q->type == DNS_MX && at > 0 && q->records[at - 1].preference > preference) {
        q->records[at] = q->records[at - 1];
        at--;
    }
    q->records[at] = (struct dns_record){preference, arena_dup(&q->arena, data)};
    q->answer.n_records++;
}

static void journal_answer(struct dns_question *q, const char *rcode)
{
    struct buf text;
    uint64_t now_tick_ns = journal_clock(q->d->j)->tick_ns(journal_clock(q->d->j)->ctx);
    buf_init(&text, RECORDS_TEXT_OCTETS);
    for (size_t i = 0; i < q->answer.n_records; i++) {
        buf_append_cstr(&text, i > 0 ? "\n" : "");
        dns_record_format(q->type, &q->records[i], &text);
    }
    JOURNAL_APPEND(q->d->j, q->conn, DNS_ANSWER, 0, q->query_seq,
                   (struct ev_dns_answer){
                       .name = slice_cstr(q->name),
                       .type = slice_cstr(dns_type_name(q->type)),
                       .rcode = slice_cstr(rcode),
                       .records = buf_slice(&text),
                       .dnssec = q->answer.dnssec,
                       .elapsed_us = (now_tick_ns - q->asked_tick_ns) / 1000,
                   });
    buf_deinit(&text);
}

static void deliver(void *ctx)
{
    struct dns_question *q = ctx;
    question_unlink(q); /* first: the callback may free the resolver */
    q->fn(q->ctx, &q->answer);
    question_free(q);
}

void dns_question_settle(struct dns_question *q, enum dns_status status, enum event_dnssec dnssec,
                         const char *rcode, const char *why)
{
    BUG_IF(q->settled);
    q->settled = true;
    loop_timer_stop(q->timer);
    if (status != DNS_OK)
        q->answer.n_records = 0;
    q->answer.status = status;
    q->answer.dnssec = dnssec;
    q->answer.records = q->records;
    q->answer.why = arena_strdup(&q->arena, slice_cstr(why));
    journal_answer(q, rcode);
    loop_defer(q->d->l, deliver, q);
}

void dns_question_settle_found(struct dns_question *q, enum event_dnssec dnssec)
{
    dns_question_settle(q, q->answer.n_records > 0 ? DNS_OK : DNS_NODATA, dnssec, "NOERROR", "");
}

static void on_deadline(void *ctx)
{
    struct dns_question *q = ctx;
    char why[64];
    struct buf words;
    buf_init(&words, sizeof(why));
    buf_printf(&words, "no answer within %llu ms", (unsigned long long)q->timeout_ms);
    q->d->source->cancel(q->d->source_ctx, q);
    dns_question_settle(q, DNS_TIMED_OUT, DNSSEC_UNKNOWN, "timeout", buf_cstr(&words));
    buf_deinit(&words);
}

static bool ask_locally(struct dns_question *q, const char *name)
{
    char ascii[DNS_NAME_OCTETS] = "";
    if (dns_answer_numeric(q))
        return true;
    if (!dns_to_ascii(name, ascii, sizeof(ascii))) {
        dns_question_settle(q, DNS_NXDOMAIN, DNSSEC_UNKNOWN, "NXDOMAIN", "this is no domain name");
        return true;
    }
    memcpy(q->name, ascii, sizeof(ascii));
    return dns_answer_numeric(q); /* "LocalHost." is clear only now */
}

struct dns_question *dns_ask(struct dns *d, uint32_t conn, const char *name, enum dns_type type,
                             uint64_t timeout_ms, dns_fn fn, void *ctx)
{
    struct dns_question *q = mem_zalloc(sizeof(*q));
    arena_init(&q->arena);
    q->d = d;
    q->conn = conn;
    q->type = type;
    q->fn = fn;
    q->ctx = ctx;
    q->timeout_ms = timeout_ms;
    q->resolver_id = -1;
    q->asked_tick_ns = journal_clock(d->j)->tick_ns(journal_clock(d->j)->ctx);
    q->timer = loop_timer_new(d->l, on_deadline, q);
    q->next = d->questions;
    if (q->next != NULL)
        q->next->prev = q;
    d->questions = q;
    struct slice head = slice_take(slice_cstr(name), sizeof(q->name) - 1);
    if (head.len > 0)
        memcpy(q->name, head.ptr, head.len);
    q->query_seq = JOURNAL_APPEND(
        d->j, conn, DNS_QUERY, 0, 0,
        (struct ev_dns_query){.name = head, .type = slice_cstr(dns_type_name(type))});
    if (!ask_locally(q, name)) {
        loop_timer_start(q->timer, timeout_ms);
        d->source->ask(d->source_ctx, q);
    }
    return q;
}
