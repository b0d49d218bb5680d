/* What a scenario puts into the mailboxes before anybody comes: accounts, quotas, messages. */
#include "mock/mock_private.h"

#include <stdio.h>

#include "base/mem.h"

enum { MESSAGE_MAX_OCTETS = 16 << 20 };

static void make_account(struct mock *m, const struct scenario_account *a)
{
    struct store_user *u = store_user_add(m->store.store, slice_cstr(a->user), NULL);
    if (!u)
        return; /* limit "users" of the store */
    store_user_set_password(u, slice_cstr(a->password ? a->password : "secret"));
    store_user_set_quota(u, a->quota_octets, 0);
}

static unsigned flags_of(const char *words)
{
    static const struct {
        const char *word;
        unsigned flag;
    } flags[] = {{"\\Seen", STORE_SEEN},
                 {"\\Answered", STORE_ANSWERED},
                 {"\\Flagged", STORE_FLAGGED},
                 {"\\Deleted", STORE_DELETED},
                 {"\\Draft", STORE_DRAFT}};
    unsigned set = 0;
    struct slice rest = slice_cstr(words ? words : "");
    while (rest.len > 0) {
        ptrdiff_t comma = slice_find_octet(rest, ',');
        struct slice word = comma < 0 ? rest : slice_take(rest, (size_t)comma);
        for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
            if (slice_eq_nocase(word, slice_cstr(flags[i].word)))
                set |= flags[i].flag;
        rest = slice_skip(rest, word.len + 1);
    }
    return set;
}

/* {nth} in the subject is the number of the message. */
static void write_message(struct mock *m, const struct scenario_message *message, uint64_t nth,
                          struct buf *out)
{
    static const struct rules_facts nothing;
    static const char filler[] =
        "This line is here to make the message as large as it has to be.\r\n";
    const char *from = message->from ? message->from : "alice@example.test";
    buf_printf(out, "Return-Path: <%s>\r\nDate: %s\r\nFrom: <%s>\r\nTo: <%s@%s>\r\nSubject: ", from,
               mock_date(m), from, message->user, m->options.domain);
    rules_expand(out, slice_cstr(message->subject ? message->subject : "Message {nth}"), &nothing,
                 nth);
    buf_printf(out, "\r\nMessage-ID: <%s.%llu@%s>\r\n\r\n", message->user, (unsigned long long)nth,
               m->options.name);
    buf_append(out, message->body);
    while (out->len < message->size_octets && !out->overflow)
        buf_append_cstr(out, filler);
}

static void put_message(struct mock *m, const struct scenario_message *message, uint64_t nth)
{
    struct store_user *u = store_user_find(m->store.store, slice_cstr(message->user));
    struct slice folder = slice_cstr(message->folder ? message->folder : "INBOX");
    if (!u)
        return;
    if (!store_mailbox_find(u, folder))
        store_mailbox_create(u, folder, STORE_USE_NONE, NULL);
    struct store_mailbox *box = store_mailbox_find(u, folder);
    if (!box)
        return;
    struct buf text;
    buf_init(&text, MESSAGE_MAX_OCTETS);
    write_message(m, message, nth, &text);
    struct store_blob *blob = store_blob_take(m->store.store, &text);
    struct err err;
    err_clear(&err);
    store_append(
        box,
        &(struct store_append){.blob = blob,
                               .flags = flags_of(message->flags),
                               .from = message->from ? message->from : "alice@example.test"},
        NULL, &err);
    store_blob_release(m->store.store, &blob);
    buf_deinit(&text);
}

void mock_furnish(struct mock *m)
{
    const struct scenario *s = rules_scenario(m->world->rules);
    struct store_user *u;
    for (size_t i = 0; (u = store_user_at(m->store.store, i)); i++)
        store_user_set_quota(u, 0, 0);
    for (size_t i = 0; s && i < s->n_accounts; i++)
        make_account(m, &s->accounts[i]);
    if (store_count(m->store.store) > 0)
        return; /* Maildirs with mail in them are somebody's own */
    for (size_t i = 0; s && i < s->n_messages; i++)
        for (uint64_t n = 1; n <= s->messages[i].count; n++)
            put_message(m, &s->messages[i], n);
}
