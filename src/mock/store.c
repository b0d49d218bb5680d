/* The kept messages of all mailboxes: a ring, oldest first, bounded in number and octets. A message
 * to several recipients is kept once. */
#include "mock/mock_private.h"

#include <string.h>

#include "base/mem.h"

const char *const mock_users[MOCK_USERS_COUNT] = {"alice", "bob", "carol", "postmaster"};

/* The content's memory becomes the message's; what growing left over is given back where it is
 * much. */
struct mock_blob *mock_blob_new(struct buf *content, const char *from)
{
    struct mock_blob *b = mem_zalloc(sizeof(*b));
    b->len = content->len;
    b->alloc_octets = content->alloc_octets;
    b->ptr = content->ptr;
    if (b->ptr && b->alloc_octets - b->len > b->len / 4 + 512) {
        b->ptr = mem_realloc(b->ptr, b->len + 1);
        b->alloc_octets = b->len + 1;
    }
    b->from = mem_strdup(from);
    buf_init(content, content->cap_octets);
    return b;
}

static void blob_drop(struct mock_store *s, struct mock_blob *b)
{
    if (--b->holders > 0)
        return;
    s->octets -= b->alloc_octets;
    mem_free(b->ptr);
    mem_free(b->from);
    mem_free(b);
}

static void drop_oldest(struct mock_store *s)
{
    struct mock_kept *k = &s->ring[s->head];
    blob_drop(s, k->blob);
    if (k->mailbox_owned)
        mem_free((char *)(uintptr_t)k->mailbox);
    s->head = (s->head + 1) % s->alloc;
    s->count--;
}

static void say_full(struct mock *m)
{
    if (m->store.said_full)
        return;
    m->store.said_full = true;
    journal_note(m->journal, 0, LEVEL_INFO, "practice server: the mailboxes are full",
                 "the oldest messages leave for new ones from now on",
                 "read or save what you want to keep");
}

static void make_room(struct mock *m)
{
    struct mock_store *s = &m->store;
    const struct mock_limits *limits = &m->options.limits;
    while (s->count > 0 &&
           (s->count > limits->mailbox_messages || s->octets > limits->mailbox_octets)) {
        say_full(m);
        drop_oldest(s);
    }
}

static void ring_reserve(struct mock_store *s)
{
    if (s->count < s->alloc)
        return;
    size_t alloc = s->alloc ? s->alloc * 2 : 16;
    struct mock_kept *ring = mem_alloc(alloc * sizeof(*ring));
    for (size_t i = 0; i < s->count; i++)
        ring[i] = s->ring[(s->head + i) % s->alloc];
    mem_free(s->ring);
    s->ring = ring;
    s->alloc = alloc;
    s->head = 0;
}

/* The number of this message in its mailbox, from 1. */
static uint64_t count_in_mailbox(struct mock *m, int user, const char *address)
{
    if (user >= 0)
        return ++m->store.user_counts[user];
    char *key = mem_printf("m:%s", address);
    const struct clock *clock = journal_clock(m->journal);
    uint64_t n = ++mock_memory_get(&m->memory, key, clock->tick_ns(clock->ctx))->count;
    mem_free(key);
    return n;
}

void mock_store_add(struct mock *m, uint32_t conn, int user, const char *address,
                    struct mock_blob *blob, const char *id)
{
    struct mock_store *s = &m->store;
    const struct clock *clock = journal_clock(m->journal);
    const char *mailbox = user >= 0 ? mock_users[user] : address;
    JOURNAL_APPEND(m->journal, conn, STORED, mock_event_flags(m), 0,
                   (struct ev_stored){.mailbox = slice_cstr(mailbox),
                                      .message = count_in_mailbox(m, user, address),
                                      .length = blob->len,
                                      .id = slice_cstr(id),
                                      .from = slice_cstr(blob->from)});
    ring_reserve(s);
    if (blob->holders++ == 0)
        s->octets += blob->alloc_octets;
    s->ring[(s->head + s->count++) % s->alloc] =
        (struct mock_kept){.number = ++s->last_number,
                           .stored_wall_us = clock->wall_us(clock->ctx),
                           .blob = blob,
                           .mailbox = user >= 0 ? mailbox : mem_strdup(address),
                           .mailbox_owned = user < 0};
}

void mock_store_txn(struct mock_conn *c)
{
    struct mock *m = c->mock;
    struct mock_txn *t = c->smtp.txn;
    char id[MOCK_ID_OCTETS];
    mock_txn_id(t, id);
    m->counters.messages++;
    struct mock_blob *blob = mock_blob_new(&t->content, t->from);
    blob->holders = 1; /* ours, until all mailboxes and bounces have theirs */
    m->store.octets += blob->alloc_octets;
    uint32_t conn = link_conn(c->link);
    for (size_t i = 0; i < t->n_recipients; i++) {
        const struct mock_recipient *r = &t->recipients[i];
        if (r->bounce)
            mock_bounce(c, r, slice_of(blob->ptr, blob->len), id);
        else if (!m->options.keep_nothing)
            mock_store_add(m, conn, r->user, r->address, blob, id);
        /* A thousand recipients count as a thousand messages: room is made as they come. */
        if (m->store.count > m->options.limits.mailbox_messages)
            make_room(m);
    }
    blob_drop(&m->store, blob);
    make_room(m);
}

void mock_store_clear(struct mock *m)
{
    struct mock_store *s = &m->store;
    while (s->count > 0)
        drop_oldest(s);
    mem_free(s->ring);
    s->ring = NULL;
    s->alloc = s->head = 0;
    s->said_full = false;
}

size_t mock_message_count(const struct mock *m)
{
    return m->store.count;
}

bool mock_message_at(const struct mock *m, size_t index, struct mock_message *out)
{
    const struct mock_store *s = &m->store;
    if (index >= s->count)
        return false;
    const struct mock_kept *k = &s->ring[(s->head + index) % s->alloc];
    *out = (struct mock_message){.number = k->number,
                                 .mailbox = k->mailbox,
                                 .from = k->blob->from,
                                 .stored_wall_us = k->stored_wall_us,
                                 .octets = slice_of(k->blob->ptr, k->blob->len)};
    return true;
}
