/* The store as a whole: its users, and the list of all messages, oldest first.
 *
 * The list is an array of places sorted by number. A message that leaves makes a hole; holes at the
 * start are skipped for good, others are closed when somebody asks by index or they are many. So
 * delivery at the limit, where each new message pushes the oldest out, moves nothing. */
#include "store/store_private.h"

#include <string.h>
#include <unistd.h>

void *store_grow(void *array, size_t element_octets, size_t n, size_t *alloc)
{
    if (n < *alloc)
        return array;
    *alloc = *alloc ? *alloc * 2 : 8;
    return mem_realloc(array, *alloc * element_octets);
}

struct store *store_new(const struct clock *clock, const struct store_limits *limits)
{
    struct store *s = mem_zalloc(sizeof(*s));
    s->backend = &store_memory;
    s->clock = clock;
    s->dir_fd = s->lock_fd = -1;
    if (limits)
        s->limits = *limits;
#define FILL(field, value)                                                                         \
    if (s->limits.field == 0)                                                                      \
    s->limits.field = (value)
    FILL(messages, MESSAGES_DEFAULT);
    FILL(octets, OCTETS_DEFAULT);
    FILL(mailboxes, MAILBOXES_DEFAULT);
    FILL(users, USERS_DEFAULT);
    FILL(message_octets, MESSAGE_OCTETS_DEFAULT);
#undef FILL
    return s;
}

static void user_free(struct store_user *u)
{
    while (u->n_mailboxes > 0)
        store_mailbox_free(u->mailboxes[--u->n_mailboxes]);
    for (size_t i = 0; i < u->n_subscriptions; i++)
        mem_free(u->subscriptions[i]);
    secret_clear(&u->password);
    mem_free(u->subscriptions);
    mem_free(u->mailboxes);
    mem_free(u->name);
    mem_free(u);
}

void store_free(struct store **store)
{
    struct store *s = *store;
    if (!s)
        return;
    for (size_t i = 0; i < s->n_users; i++)
        user_free(s->users[i]);
    mem_free(s->users);
    mem_free(s->slots);
    mem_free(s->path);
    mem_free(s->host);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    mem_free(s);
    *store = NULL;
}

bool store_is_maildir(const struct store *s)
{
    return s->backend == &store_maildir;
}

/* Seconds since 1970, so that a mailbox made anew differs from the one before (RFC 3501 section
 * 2.3.1.1), and never the same twice. */
uint32_t store_new_validity(struct store *s)
{
    int64_t now_s = s->clock->wall_us(s->clock->ctx) / 1000000;
    uint32_t v = now_s > 0 && now_s < UINT32_MAX ? (uint32_t)now_s : 1;
    s->last_validity = v > s->last_validity ? v : s->last_validity + 1;
    return s->last_validity;
}

/* ---- users ---- */

/* The place of a name among the sorted users; *found: it is there. */
static size_t user_place(const struct store *s, struct slice name, bool *found)
{
    size_t low = 0, high = s->n_users;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        struct slice other = slice_cstr(s->users[mid]->name);
        size_t shared = name.len < other.len ? name.len : other.len;
        int order = strncasecmp((const char *)name.ptr, (const char *)other.ptr, shared);
        if (order == 0)
            order = (name.len > other.len) - (name.len < other.len);
        if (order == 0) {
            *found = true;
            return mid;
        }
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    *found = false;
    return low;
}

struct store_user *store_user_find(struct store *s, struct slice name)
{
    bool found;
    size_t at = user_place(s, name, &found);
    return found ? s->users[at] : NULL;
}

struct store_user *store_user_insert(struct store *s, const char *name)
{
    bool found;
    size_t at = user_place(s, slice_cstr(name), &found);
    BUG_IF(found);
    struct store_user *u = mem_zalloc(sizeof(*u));
    u->store = s;
    u->name = mem_strdup(name);
    secret_init(&u->password);
    s->users = store_grow(s->users, sizeof(struct store_user *), s->n_users, &s->alloc_users);
    memmove(s->users + at + 1, s->users + at, (s->n_users - at) * sizeof(struct store_user *));
    s->users[at] = u;
    s->n_users++;
    return u;
}

struct store_user *store_user_add(struct store *s, struct slice name, struct err *err)
{
    struct store_user *u = store_user_find(s, name);
    if (u)
        return u;
    if (!store_user_name_is_valid(name) || s->n_users >= s->limits.users) {
        err_set(err, ERR_LIMIT, 0, "the mailbox store cannot have another user of that name");
        return NULL;
    }
    char *text = mem_slice_dup(name);
    for (char *c = text; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    u = store_user_insert(s, text);
    mem_free(text);
    if (s->backend->make_user(u, err) &&
        store_mailbox_create(u, SLICE_LIT("INBOX"), STORE_USE_NONE, err) == STORE_OK)
        return u;
    bool found;
    size_t at = user_place(s, slice_cstr(u->name), &found);
    s->n_users--;
    memmove(s->users + at, s->users + at + 1, (s->n_users - at) * sizeof(struct store_user *));
    user_free(u);
    return NULL;
}

struct store_user *store_user_at(struct store *s, size_t index)
{
    return index < s->n_users ? s->users[index] : NULL;
}

const char *store_user_name(const struct store_user *u)
{
    return u->name;
}

void store_user_set_password(struct store_user *u, struct slice password)
{
    secret_set(&u->password, password);
}

bool store_user_password(const struct store_user *u, struct secret *out)
{
    if (!secret_is_set(&u->password))
        return false;
    secret_set(out, secret_slice(&u->password));
    return true;
}

void store_user_set_quota(struct store_user *u, uint64_t octets, uint64_t messages)
{
    u->quota_octets = octets;
    u->quota_messages = messages;
}

void store_user_quota(const struct store_user *u, uint64_t *octets_out, uint64_t *messages_out)
{
    *octets_out = u->quota_octets;
    *messages_out = u->quota_messages;
}

void store_user_used(struct store_user *u, uint64_t *octets_out, uint64_t *messages_out)
{
    *octets_out = *messages_out = 0;
    for (size_t i = 0; i < u->n_mailboxes; i++) {
        struct store_mailbox *m = u->mailboxes[i];
        if (!m->selectable || !u->store->backend->refresh(m, NULL))
            continue;
        *messages_out += m->n;
        for (size_t k = 0; k < m->n; k++) {
            struct message *g = store_message_at(m, k);
            if (g->octets != OCTETS_UNKNOWN || u->store->backend->measure(g))
                *octets_out += g->octets;
        }
    }
}

/* ---- all messages ---- */

static void skip_holes_at_start(struct store *s)
{
    while (s->n_slots > 0 && !s->slots[s->off_slots].message) {
        s->off_slots++;
        s->n_slots--;
        s->holes--;
    }
    if (s->n_slots == 0)
        s->off_slots = 0;
}

static void close_holes(struct store *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[s->off_slots + i].message)
            s->slots[kept++] = s->slots[s->off_slots + i];
    s->off_slots = s->holes = 0;
    s->n_slots = kept;
}

void store_slot_add(struct store *s, struct message *g)
{
    if (s->off_slots + s->n_slots == s->alloc_slots && s->off_slots + s->holes > s->n_slots / 2)
        close_holes(s);
    s->slots = store_grow(s->slots, sizeof(*s->slots), s->off_slots + s->n_slots, &s->alloc_slots);
    g->number = ++s->last_number;
    s->slots[s->off_slots + s->n_slots++] = (struct slot){.number = g->number, .message = g};
}

void store_slot_remove(struct store *s, const struct message *g)
{
    size_t low = s->off_slots, high = s->off_slots + s->n_slots;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (s->slots[mid].number < g->number)
            low = mid + 1;
        else
            high = mid;
    }
    BUG_IF(low >= s->off_slots + s->n_slots || s->slots[low].message != g);
    s->slots[low].message = NULL;
    s->holes++;
    skip_holes_at_start(s);
}

size_t store_count(struct store *s)
{
    return s->n_slots - s->holes;
}

static struct message *message_by_age(struct store *s, size_t index)
{
    if (s->holes > 0)
        close_holes(s);
    return index < s->n_slots ? s->slots[s->off_slots + index].message : NULL;
}

bool store_at(struct store *s, size_t index, struct store_entry *out)
{
    struct message *g = message_by_age(s, index);
    if (!g)
        return false;
    if (g->internal_us == 0)
        s->backend->measure(g);
    *out = (struct store_entry){.number = g->number,
                                .mailbox = g->mailbox,
                                .uid = g->uid,
                                .internal_us = g->internal_us,
                                .from = g->from,
                                .to = g->to};
    return true;
}

struct store_content *store_at_open(struct store *s, size_t index, struct err *err)
{
    struct message *g = message_by_age(s, index);
    return g ? s->backend->open(g, err) : NULL;
}

uint64_t store_evicted(const struct store *s)
{
    return s->evicted;
}

void store_make_room(struct store *s)
{
    if (s->backend != &store_memory)
        return;
    while (s->n_slots > 0 &&
           (store_count(s) > s->limits.messages || s->octets > s->limits.octets)) {
        struct message *oldest = s->slots[s->off_slots].message;
        struct store_mailbox *m = oldest->mailbox;
        store_message_unlink(oldest);
        store_changed(m, NULL);
        s->evicted++;
    }
}

void store_clear(struct store *s)
{
    for (size_t i = 0; i < s->n_users; i++)
        for (size_t k = 0; k < s->users[i]->n_mailboxes; k++) {
            struct store_mailbox *m = s->users[i]->mailboxes[k];
            if (!m->selectable || !s->backend->refresh(m, NULL))
                continue;
            size_t left = 0; /* those whose file could not be removed */
            while (m->n > left) {
                struct message *g = store_message_at(m, left);
                if (s->backend->remove(g, NULL))
                    store_message_unlink(g);
                else
                    left++;
            }
            store_changed(m, NULL);
        }
}
