/* The fold of mail on the server: what both protocols share. */
#include "decode/mailbox_private.h"

#include <string.h>

#include "base/mem.h"

enum { TEXT_OCTETS = 400 };

void mailbox_set_text(char **text, struct slice value)
{
    mem_free(*text);
    *text = value.len > 0 ? mem_slice_dup(slice_take(value, TEXT_OCTETS)) : NULL;
}

static void message_deinit(struct mailbox_message *m)
{
    char **const texts[] = {&m->unique_id, &m->flags,   &m->date,
                            &m->from,      &m->subject, &m->structure};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        mem_free(*texts[i]);
}

void mailbox_messages_clear(struct mailbox_view *v)
{
    for (size_t i = 0; i < v->n_messages; i++)
        message_deinit(&v->messages[i]);
    v->n_messages = 0;
    v->left_out = 0;
}

/* Where the number is, or would be. */
static size_t position(const struct mailbox_view *v, uint32_t number)
{
    size_t low = 0, high = v->n_messages;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (v->messages[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct mailbox_message *mailbox_message_get(struct mailbox_view *v, uint32_t number)
{
    size_t at = position(v, number);
    if (at < v->n_messages && v->messages[at].number == number)
        return &v->messages[at];
    if (v->n_messages >= MAILBOX_MESSAGES_MAX) {
        v->left_out++;
        return NULL;
    }
    if (v->n_messages == v->alloc_messages) {
        v->alloc_messages = v->alloc_messages ? 2 * v->alloc_messages : 16;
        v->messages = mem_realloc(v->messages, v->alloc_messages * sizeof *v->messages);
    }
    memmove(&v->messages[at + 1], &v->messages[at], (v->n_messages - at) * sizeof *v->messages);
    v->n_messages++;
    v->messages[at] = (struct mailbox_message){.number = number};
    return &v->messages[at];
}

void mailbox_message_expunge(struct mailbox_view *v, uint32_t number)
{
    size_t at = position(v, number);
    if (at < v->n_messages && v->messages[at].number == number) {
        message_deinit(&v->messages[at]);
        memmove(&v->messages[at], &v->messages[at + 1],
                (v->n_messages - at - 1) * sizeof *v->messages);
        v->n_messages--;
    }
    for (; at < v->n_messages; at++)
        v->messages[at].number--;
}

bool mailbox_read(const struct mailbox_view *v, const struct journal *j, enum event_dir dir,
                  uint64_t offset, uint64_t length, struct buf *out)
{
    if (length > MAILBOX_READ_OCTETS)
        length = MAILBOX_READ_OCTETS;
    return journal_read_masked(j, v->conn, dir, LAYER_PLAIN, offset, length, out, NULL);
}

/* ---- the contract ---- */

void mailbox_view_init(struct mailbox_view *v, uint32_t conn)
{
    memset(v, 0, sizeof *v);
    v->conn = conn;
}

void mailbox_view_deinit(struct mailbox_view *v)
{
    char **const texts[] = {&v->selected, &v->flags, &v->permanent_flags, &v->opening,
                            &v->last_event};
    mailbox_messages_clear(v);
    mem_free(v->messages);
    for (size_t i = 0; i < v->n_boxes; i++) {
        mem_free(v->boxes[i].name);
        mem_free(v->boxes[i].attributes);
    }
    mem_free(v->boxes);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        mem_free(*texts[i]);
    memset(v, 0, sizeof *v);
}

static void apply_protocol(struct mailbox_view *v, const struct event *ev)
{
    struct ev_protocol e;
    EVENT_GET(ev, PROTOCOL, &e);
    v->pop3 = slice_eq(e.name, SLICE_LIT("pop3"));
    v->imap = slice_eq(e.name, SLICE_LIT("imap"));
}

static void leave_mailbox(struct mailbox_view *v)
{
    mailbox_set_text(&v->selected, slice_of(NULL, 0));
    mailbox_set_text(&v->flags, slice_of(NULL, 0));
    mailbox_set_text(&v->permanent_flags, slice_of(NULL, 0));
    mailbox_messages_clear(v);
    v->exists_known = v->recent_known = v->read_only = false;
    v->exists = v->recent = v->unseen = v->uid_validity = v->uid_next = 0;
}

/* The states' names are the trackers' (pop3_state_name, imap_state_name). */
static void apply_state(struct mailbox_view *v, const struct event *ev)
{
    struct ev_state e;
    EVENT_GET(ev, STATE, &e);
    if (v->pop3) {
        v->authenticated = v->authenticated || slice_eq(e.to, SLICE_LIT("transaction"));
        v->updated = v->updated || slice_eq(e.to, SLICE_LIT("update"));
        return;
    }
    v->idle = slice_eq(e.to, SLICE_LIT("idle"));
    if (slice_eq(e.to, SLICE_LIT("authenticated")))
        v->authenticated = true;
    if (slice_eq(e.to, SLICE_LIT("authenticated")) && slice_eq(e.from, SLICE_LIT("selected")))
        leave_mailbox(v);
}

void mailbox_view_apply(struct mailbox_view *v, const struct journal *j, const struct event *ev)
{
    v->last_seq = ev->seq;
    if (ev->flags & EVENT_FLAG_BACKSTAGE)
        return;
    if (v->conn == 0 && ev->conn != 0)
        v->conn = ev->conn;
    if (ev->conn != v->conn)
        return;
    if (ev->kind == EVENT_PROTOCOL)
        apply_protocol(v, ev);
    else if ((v->pop3 || v->imap) && ev->kind == EVENT_STATE)
        apply_state(v, ev);
    else if (v->pop3 && ev->kind == EVENT_REPLY)
        mailbox_pop3_reply(v, j, ev);
    else if (v->imap && ev->kind == EVENT_COMMAND)
        mailbox_imap_command(v, j, ev);
    else if (v->imap && ev->kind == EVENT_REPLY)
        mailbox_imap_reply(v, j, ev);
    else if (v->imap && ev->kind == EVENT_UNTAGGED)
        mailbox_imap_untagged(v, j, ev);
}

void mailbox_view_at(struct mailbox_view *v, const struct journal *j, uint32_t conn, uint64_t seq)
{
    mailbox_view_deinit(v);
    mailbox_view_init(v, conn);
    for (uint64_t at = journal_first(j); at != 0 && at <= seq && at <= journal_last(j); at++) {
        const struct event *ev = journal_at(j, at);
        if (ev)
            mailbox_view_apply(v, j, ev);
    }
}

size_t mailbox_view_deleted(const struct mailbox_view *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n_messages; i++)
        n += v->messages[i].deleted;
    return n;
}
