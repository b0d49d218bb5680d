/* SMTP's side of a connection of the practice server: tracker, serve role, the policy behind it. */
#include "mock/mock_private.h"

#include <string.h>

#include "base/mem.h"

static const enum mock_then thens[] = {
    [SMTP_THEN_GO_ON] = MOCK_THEN_GO_ON, [SMTP_THEN_TLS] = MOCK_THEN_TLS,
    [SMTP_THEN_CLOSE] = MOCK_THEN_CLOSE, [SMTP_THEN_RESET] = MOCK_THEN_RESET,
    [SMTP_THEN_DROP] = MOCK_THEN_DROP,
};

static struct smtp_answer *answer_begin(struct mock_conn *c)
{
    struct smtp_answer *a = &c->mock->answer;
    buf_reset(&a->text);
    a->delay_ms = 0;
    a->then = SMTP_THEN_GO_ON;
    return a;
}

static void say(struct mock_conn *c)
{
    const struct smtp_answer *a = &c->mock->answer;
    mock_plan_say(c, buf_slice(&a->text), a->delay_ms, thens[a->then]);
}

static void begin(struct mock_conn *c, bool tls)
{
    struct mock *m = c->mock;
    uint32_t conn = link_conn(c->link);
    const struct smtp_serve_options *o = &c->world->serve_options[c->service];
    c->smtp.track =
        smtp_track_new(m->journal, conn,
                       &(struct smtp_track_options){.backstage = !m->options.in_front,
                                                    .lmtp = o->lmtp,
                                                    .data_end = smtp_relax_data_end(o->relax),
                                                    .tls = tls,
                                                    .want_content = true});
    struct smtp_answer *a = answer_begin(c);
    if (c->over_limit) {
        smtp_answer_line(a, 421, "4.7.0", "%s Too many connections, try again later",
                         m->options.name);
        a->then = SMTP_THEN_CLOSE;
    } else {
        c->smtp.serve = smtp_serve_new(m->journal, conn, c->smtp.track, o, &mock_policy, c);
        mock_smtp_banner(c, a);
    }
    say(c);
}

static bool item_matters(enum smtp_item_kind kind)
{
    return kind != SMTP_ITEM_NONE && kind != SMTP_ITEM_VOID && kind != SMTP_ITEM_REPLY;
}

static size_t final_lines(struct slice text)
{
    size_t n = 0;
    for (ptrdiff_t lf; (lf = slice_find_octet(text, '\n')) >= 0;
         text = slice_skip(text, (size_t)lf + 1))
        n += lf > 3 && text.ptr[3] != '-';
    return n;
}

/* A rule's word on the end of data, or one for all, stands for each recipient (RFC 2033
 * section 4.2). */
static void repeat_for_each(struct mock_conn *c)
{
    struct mock_plan *p = &c->mock->plan;
    struct buf *text = p->replies ? &p->text : &c->mock->answer.text;
    size_t octets = text->len, n = smtp_track_recipients(c->smtp.track);
    if (smtp_track_state(c->smtp.track) != SMTP_STATE_DOT || final_lines(buf_slice(text)) != 1)
        return;
    for (; n > 1 && buf_room(text, octets); n--) {
        memcpy(text->ptr + text->len, text->ptr, octets);
        buf_grow(text, octets);
    }
}

static size_t octets(struct mock_conn *c, struct slice in)
{
    struct smtp_item item;
    size_t used = smtp_track_feed(c->smtp.track, DIR_C, in, &item);
    if (!item_matters(item.kind))
        return used;
    mock_smtp_item(c, &item, answer_begin(c));
    if (item.kind == SMTP_ITEM_CONTENT_END && mock_services[c->service].lmtp)
        repeat_for_each(c);
    say(c);
    return used;
}

static void said(struct mock_conn *c, struct slice text)
{
    smtp_track_feed_all(c->smtp.track, DIR_S, text);
}

static void tls_up(struct mock_conn *c)
{
    smtp_track_tls_up(c->smtp.track);
    smtp_serve_tls_up(c->smtp.serve);
    c->smtp.esmtp = false;
}

static void timeout(struct mock_conn *c)
{
    mock_plan_begin(c);
    mock_smtp_timeout(c, answer_begin(c));
    say(c);
}

static const char *state_name(const struct mock_conn *c)
{
    return smtp_state_name(smtp_track_state(c->smtp.track));
}

static void closed(struct mock_conn *c, enum event_dir by)
{
    smtp_track_closed(c->smtp.track, by);
}

static void smtp_free(struct mock_conn *c)
{
    mock_txn_end(c);
    smtp_serve_free(&c->smtp.serve);
    smtp_track_free(&c->smtp.track);
    mem_free(c->smtp.hello);
}

const struct mock_protocol mock_protocol_smtp = {
    .name = "SMTP",
    .idle_times = 1,
    .begin = begin,
    .octets = octets,
    .said = said,
    .tls_up = tls_up,
    .timeout = timeout,
    .state_name = state_name,
    .facts = mock_smtp_facts,
    .closed = closed,
    .free = smtp_free,
};
