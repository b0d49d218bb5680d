/* The maildrop, from the answers to STAT, LIST, UIDL, RETR, DELE, RSET and QUIT (RFC 1939). */
#include "decode/mailbox_private.h"
#include "pop3/response.h"
#include "pop3/verb.h"

/* The number behind the command's verb; 0: none. */
static uint32_t asked_number(struct mailbox_view *v, const struct journal *j,
                             const struct event *reply)
{
    const struct event *cause = journal_at(j, reply->cause_seq);
    struct ev_command e;
    struct buf line;
    uint64_t number = 0;
    if (!cause || cause->kind != EVENT_COMMAND)
        return 0;
    EVENT_GET(cause, COMMAND, &e);
    buf_init(&line, MAILBOX_READ_OCTETS);
    if (mailbox_read(v, j, DIR_C, e.offset, e.length, &line)) {
        struct slice rest = slice_trim(buf_slice(&line));
        slice_next_word(&rest);
        if (!slice_to_u64(slice_next_word(&rest), UINT32_MAX, &number))
            number = 0;
    }
    buf_deinit(&line);
    return (uint32_t)number;
}

static void take_listing(struct mailbox_view *v, struct slice line, bool uidl)
{
    struct pop3_listing l;
    /* What is written against the rules still says something, once there is a number. */
    if (!pop3_listing_parse(line, uidl, &l) && (l.message == 0 || !uidl))
        return;
    struct mailbox_message *m = mailbox_message_get(v, l.message);
    if (!m)
        return;
    if (uidl) {
        mailbox_set_text(&m->unique_id, l.unique_id);
    } else {
        m->octets = l.octets;
        m->octets_known = true;
    }
}

/* "+OK 2 messages" and a line each, or "+OK 2 200" for one that was asked for. */
static void take_listings(struct mailbox_view *v, struct slice lines, uint64_t n_lines, bool uidl)
{
    bool first = true;
    while (lines.len > 0) {
        ptrdiff_t lf = slice_find_octet(lines, '\n');
        struct slice line = slice_trim(lf < 0 ? lines : slice_take(lines, (size_t)lf));
        lines = lf < 0 ? slice_of(NULL, 0) : slice_skip(lines, (size_t)lf + 1);
        struct pop3_response r;
        if (first && n_lines <= 1) {
            pop3_response_parse(line, &r);
            take_listing(v, r.text, uidl);
        } else if (!first && !slice_eq(line, SLICE_LIT("."))) {
            take_listing(v, line, uidl);
        }
        first = false;
    }
}

static void sum_up(struct mailbox_view *v)
{
    v->total_messages = (uint32_t)v->n_messages;
    v->total_octets = 0;
    for (size_t i = 0; i < v->n_messages; i++)
        v->total_octets += v->messages[i].octets;
    v->total_known = true;
}

static void mark(struct mailbox_view *v, uint32_t number, bool deleted, bool fetched)
{
    struct mailbox_message *m = number > 0 ? mailbox_message_get(v, number) : NULL;
    if (!m)
        return;
    m->deleted = m->deleted || deleted;
    m->fetched = m->fetched || fetched;
}

static void take_stat(struct mailbox_view *v, struct slice text)
{
    struct pop3_response r;
    uint32_t messages;
    uint64_t octets;
    pop3_response_parse(slice_trim(text), &r);
    if (!pop3_stat_parse(r.text, &messages, &octets))
        return;
    v->total_messages = messages;
    v->total_octets = octets;
    v->total_known = true;
}

void mailbox_pop3_reply(struct mailbox_view *v, const struct journal *j, const struct event *ev)
{
    struct ev_reply e;
    struct buf text;
    EVENT_GET(ev, REPLY, &e);
    if (!slice_eq(e.status, SLICE_LIT("+OK")))
        return;
    buf_init(&text, MAILBOX_READ_OCTETS);
    mailbox_read(v, j, DIR_S, e.offset, e.length, &text);
    enum pop3_verb verb = pop3_verb_by_name(e.verb);
    if (verb == POP3_VERB_STAT) {
        take_stat(v, buf_slice(&text));
    } else if (verb == POP3_VERB_LIST || verb == POP3_VERB_UIDL) {
        take_listings(v, buf_slice(&text), e.lines, verb == POP3_VERB_UIDL);
        if (verb == POP3_VERB_LIST && e.lines > 1)
            sum_up(v);
    } else if (verb == POP3_VERB_RETR) {
        mark(v, asked_number(v, j, ev), false, true);
    } else if (verb == POP3_VERB_DELE) {
        mark(v, asked_number(v, j, ev), true, false);
    } else if (verb == POP3_VERB_RSET) {
        for (size_t i = 0; i < v->n_messages; i++)
            v->messages[i].deleted = false;
    } else if (verb == POP3_VERB_QUIT) {
        v->quit_sent = true;
    }
    buf_deinit(&text);
}
