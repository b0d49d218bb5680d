/* Delivery into the mailbox store, and what the rest of the program sees of it. */
#include "mock/mock_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

const char *const mock_users[MOCK_USERS_COUNT] = {"alice", "bob", "carol", "postmaster"};
static const char PASSWORD[] = "secret";
static const char ELSEWHERE[] = "elsewhere"; /* whose INBOX has the mail for other domains */

/* What mail programs look for. */
static const struct {
    const char *name;
    enum store_use use;
} usual_mailboxes[] = {
    {"Drafts", STORE_USE_DRAFTS},
    {"Junk", STORE_USE_JUNK},
    {"Sent", STORE_USE_SENT},
    {"Trash", STORE_USE_TRASH},
};

/* ---- the world's users ---- */

static bool make_user(struct mock_store *s, int index, struct err *err)
{
    struct store_user *u = store_user_add(s->store, slice_cstr(mock_users[index]), err);
    if (!u)
        return false;
    s->users[index] = u;
    if (strcmp(mock_users[index], "postmaster") == 0)
        return true;
    store_user_set_password(u, slice_cstr(PASSWORD));
    for (size_t i = 0; i < sizeof(usual_mailboxes) / sizeof(usual_mailboxes[0]); i++) {
        struct slice name = slice_cstr(usual_mailboxes[i].name);
        enum store_result r = store_mailbox_create(u, name, usual_mailboxes[i].use, err);
        if (r == STORE_OK)
            r = store_subscribe(u, name, true, err);
        if (r != STORE_OK && r != STORE_EXISTS)
            return false;
    }
    return true;
}

static bool make_users(struct mock_store *s, struct err *err)
{
    for (int i = 0; i < MOCK_USERS_COUNT; i++)
        if (!make_user(s, i, err))
            return false;
    s->elsewhere = store_user_add(s->store, slice_cstr(ELSEWHERE), err);
    return s->elsewhere != NULL;
}

static struct store_limits limits_of(const struct mock *m)
{
    const struct mock_limits *l = &m->options.limits;
    return (struct store_limits){.messages = l->mailbox_messages,
                                 .octets = l->mailbox_octets,
                                 /* its trace lines come on top of what SIZE counts */
                                 .message_octets = l->message_octets + MOCK_RESERVE_MAX_OCTETS};
}

void mock_store_init(struct mock *m)
{
    struct store_limits limits = limits_of(m);
    struct err err;
    err_clear(&err);
    m->store.store = store_new(journal_clock(m->journal), &limits);
    BUG_IF(!make_users(&m->store, &err)); /* nothing can fail in memory */
}

void mock_store_deinit(struct mock *m)
{
    store_content_free(&m->store.shown);
    store_free(&m->store.store);
    imap_serve_forget();
}

bool mock_keep_in(struct mock *m, const char *directory, struct err *err)
{
    struct store_limits limits = limits_of(m);
    struct mock_store new = {0};
    for (int i = 0; i < MOCK_PROTOCOL__COUNT; i++)
        BUG_IF(m->conns[i].first != NULL);
    new.store = store_new_maildir(directory, journal_clock(m->journal), &limits, true, err);
    if (!new.store || !make_users(&new, err)) {
        store_free(&new.store);
        return false;
    }
    mock_store_deinit(m);
    m->store = new;
    return true;
}

bool mock_account_add(struct mock *m, struct slice name, struct slice password, struct err *err)
{
    struct store_user *u = store_user_add(m->store.store, name, err);
    if (u)
        store_user_set_password(u, password.len > 0 ? password : slice_cstr(PASSWORD));
    return u != NULL;
}

/* Users log in by name or by their whole address. */
struct store_user *mock_user_find(struct mock *m, struct slice name)
{
    ptrdiff_t at = slice_find_octet(name, '@');
    if (at >= 0 &&
        !slice_eq_nocase(slice_skip(name, (size_t)at + 1), slice_cstr(m->options.domain)))
        return NULL;
    return store_user_find(m->store.store, at >= 0 ? slice_take(name, (size_t)at) : name);
}

/* Accounts that a scenario adds, by their whole address. */
struct store_user *mock_account_find(struct mock *m, struct slice address)
{
    struct store_user *u = slice_find_octet(address, '@') < 0 ? NULL : mock_user_find(m, address);
    return u == m->store.elsewhere ? NULL : u;
}

bool mock_password(struct mock *m, const char *user, struct secret *password_out)
{
    const struct store_user *u = mock_user_find(m, slice_cstr(user));
    return u && store_user_password(u, password_out);
}

void mock_mailbox_event(struct mock *m, uint32_t conn, const struct store_user *u,
                        const char *mailbox, const char *what, uint32_t uid, const char *text)
{
    JOURNAL_APPEND(m->journal, conn, MAILBOX, mock_event_flags(m), 0,
                   (struct ev_mailbox){.user = slice_cstr(store_user_name(u)),
                                       .name = slice_cstr(mailbox),
                                       .what = slice_cstr(what),
                                       .uid = uid,
                                       .text = slice_cstr(text)});
}

/* ---- delivery ---- */

static void say_full(struct mock *m)
{
    if (m->store.said_full || store_evicted(m->store.store) == 0)
        return;
    m->store.said_full = true;
    journal_note(m->journal, 0, LEVEL_INFO, "practice server: the mailboxes are full",
                 "the oldest messages leave for new ones from now on",
                 "read or save what you want to keep");
}

/* The number of this message among those for an address elsewhere, from 1. */
static uint64_t count_for_address(struct mock *m, const char *address)
{
    char *key = mem_printf("m:%s", address);
    const struct clock *clock = journal_clock(m->journal);
    uint64_t n = ++mock_memory_get(&m->memory, key, clock->tick_ns(clock->ctx))->count;
    mem_free(key);
    return n;
}

static void say_not_kept(struct mock *m, uint32_t conn, const char *mailbox, enum store_result r,
                         const struct err *err)
{
    char *what = mem_printf("practice server: a message for %s was not kept: %s", mailbox,
                            r == STORE_FAILED ? err->text : store_result_text(r));
    journal_note(m->journal, conn, LEVEL_WARNING, what, "", "");
    mem_free(what);
}

bool mock_store_add(struct mock *m, uint32_t conn, int user, const char *address,
                    struct store_blob *blob, const char *from, const char *id)
{
    struct mock_store *s = &m->store;
    struct err err;
    uint32_t uid = 0;
    const char *mailbox = user >= 0 ? mock_users[user] : address;
    struct store_user *account = user >= 0 ? NULL : mock_account_find(m, slice_cstr(address));
    struct store_user *u = user >= 0 ? s->users[user] : account ? account : s->elsewhere;
    err_clear(&err);
    enum store_result r = store_append(
        store_mailbox_find(u, SLICE_LIT("INBOX")),
        &(struct store_append){.blob = blob, .from = from, .to = user >= 0 ? NULL : address}, &uid,
        &err);
    if (r != STORE_OK) {
        say_not_kept(m, conn, mailbox, r, &err);
        return false;
    }
    JOURNAL_APPEND(m->journal, conn, STORED, mock_event_flags(m), 0,
                   (struct ev_stored){.mailbox = slice_cstr(mailbox),
                                      .message = user >= 0 ? uid : count_for_address(m, address),
                                      .length = store_blob_octets(blob).len,
                                      .id = slice_cstr(id),
                                      .from = slice_cstr(from)});
    say_full(m);
    return true;
}

/* Now, or when the sender wants it (RFC 4865). */
static bool deliver_to(struct mock_conn *c, int user, const char *address, struct store_blob *blob,
                       const char *id)
{
    struct mock *m = c->mock;
    const struct mock_txn *t = c->smtp.txn;
    const struct slice octets = store_blob_octets(blob);
    uint32_t conn = link_conn(c->link);
    bool held = false;
    if (t->hold_ms > 0) {
        struct buf copy;
        buf_init(&copy, octets.len);
        buf_append(&copy, octets);
        held = mock_put_late(m, conn, &(struct mock_late_mail){user, address, t->from, id}, &copy,
                             t->hold_ms);
        buf_deinit(&copy);
    }
    return held || mock_store_add(m, conn, user, address, blob, t->from, id);
}

/* The mailbox of a user, or of a list's members. */
static bool deliver_copy(struct mock_conn *c, const struct mock_recipient *r,
                         struct store_blob *blob, const char *id)
{
    if (!r->list)
        return deliver_to(c, r->user, r->address, blob, id);
    bool any = false;
    for (size_t i = 0; r->list->members[i]; i++) {
        int user = mock_user_index(slice_cstr(r->list->members[i]));
        any = deliver_to(c, user, NULL, blob, id) || any;
    }
    return any;
}

static void say_held(struct mock_conn *c)
{
    char action[80];
    snprintf(action, sizeof(action), "holds the message for %llu s",
             (unsigned long long)c->smtp.txn->hold_ms / 1000);
    JOURNAL_APPEND(c->mock->journal, link_conn(c->link), FAULT, mock_event_flags(c->mock), 0,
                   (struct ev_fault){.rule = SLICE_LIT("FUTURERELEASE"),
                                     .action = slice_cstr(action),
                                     .stage = SLICE_LIT("delivery")});
}

/* To one recipient; its outcome is noted. */
static void deliver(struct mock_conn *c, struct mock_recipient *r, struct store_blob *blob,
                    const char *id)
{
    unsigned copies = mock_smtp_copies(c, r);
    if (r->refused) /* by a rule, with its words */
        return;
    if (r->bounce) {
        mock_recipient_bounce(r);
        return;
    }
    bool ok = true;
    for (; copies > 0 && !c->mock->options.keep_nothing; copies--)
        ok = deliver_copy(c, r, blob, id) && ok;
    if (!ok)
        mock_recipient_outcome(r, MOCK_ACTION_FAILED, 452, "4.3.1 The mailbox cannot take it");
    else
        mock_recipient_outcome(r,
                               r->list        ? MOCK_ACTION_EXPANDED
                               : r->user >= 0 ? MOCK_ACTION_DELIVERED
                                              : MOCK_ACTION_RELAYED,
                               0, "2.0.0");
}

bool mock_store_txn(struct mock_conn *c)
{
    struct mock *m = c->mock;
    struct mock_txn *t = c->smtp.txn;
    char id[MOCK_ID_OCTETS];
    size_t failed = 0;
    bool lmtp = mock_services[c->service].lmtp;
    mock_txn_id(t, id);
    struct store_blob *blob = store_blob_take(m->store.store, &t->content);
    if (t->hold_ms > 0)
        say_held(c);
    for (size_t i = 0; i < t->n_recipients; i++) {
        struct mock_recipient *r = &t->recipients[i];
        if (!r->refused)
            deliver(c, r, blob, id);
        if (r->action == MOCK_ACTION_FAILED && !r->bounce)
            failed++;
        if (lmtp && r->action == MOCK_ACTION_FAILED && !r->bounce) {
            r->refused = true; /* its own reply says so, and no report */
            r->action = MOCK_ACTION_NONE;
        }
    }
    /* Where nobody got it the client is told so by the reply, and keeps it. */
    bool ok = lmtp || failed == 0 || failed < t->n_recipients;
    if (ok)
        mock_report_txn(c, store_blob_octets(blob));
    store_blob_release(m->store.store, &blob);
    m->counters.messages += ok;
    return ok;
}

bool mock_mailbox_has_room(struct mock *m, int user, uint64_t more_octets)
{
    uint64_t octets, messages, max_octets, max_messages;
    store_user_quota(m->store.users[user], &max_octets, &max_messages);
    if (max_octets == 0 && max_messages == 0)
        return true;
    store_user_used(m->store.users[user], &octets, &messages);
    return (max_octets == 0 || octets + more_octets < max_octets) &&
           (max_messages == 0 || messages < max_messages);
}

/* ---- what others see ---- */

void mock_store_clear(struct mock *m)
{
    store_content_free(&m->store.shown);
    store_clear(m->store.store);
    m->store.said_full = false;
}

size_t mock_message_count(const struct mock *m)
{
    return store_count(m->store.store);
}

/* The reverse-path that delivery wrote in front (RFC 5321 section 4.4), for messages of a run
 * before. */
static const char *return_path(struct mock_store *s, struct slice octets)
{
    static const char field[] = "Return-Path: <";
    ptrdiff_t end = slice_find_octet(octets, '>');
    if (!slice_starts_nocase(octets, slice_cstr(field)) || end < 0)
        return "";
    struct slice path = slice_skip(slice_take(octets, (size_t)end), strlen(field));
    path = slice_take(path, sizeof(s->shown_from) - 1);
    memcpy(s->shown_from, path.ptr, path.len);
    s->shown_from[path.len] = '\0';
    return s->shown_from;
}

bool mock_message_at(const struct mock *mock, size_t index, struct mock_message *out)
{
    /* What is borrowed until the next call has to stand somewhere. */
    struct mock_store *s = &((struct mock *)(uintptr_t)mock)->store;
    struct store_entry e;
    struct err err;
    if (!store_at(s->store, index, &e))
        return false;
    store_content_free(&s->shown);
    s->shown = store_at_open(s->store, index, &err);
    *out = (struct mock_message){.number = e.number,
                                 .mailbox =
                                     e.to ? e.to : store_user_name(store_mailbox_user(e.mailbox)),
                                 .stored_wall_us = e.internal_us};
    if (s->shown)
        store_content_whole(s->shown, &out->octets, &err);
    out->from = e.from ? e.from : return_path(s, out->octets);
    return true;
}
