/* Mailboxes of a user: INBOX first, the others by name; levels, renaming, subscriptions. */
#include "store/store_private.h"

#include <string.h>

/* INBOX in any case is INBOX; all other names count exactly. */
static struct slice canonical(struct slice name)
{
    if (name.len > 0 && name.ptr[name.len - 1] == STORE_DELIMITER)
        name.len--;
    return store_is_inbox(name) ? SLICE_LIT("INBOX") : name;
}

static int order_of(struct slice a, struct slice b)
{
    bool inbox_a = slice_eq(a, SLICE_LIT("INBOX")), inbox_b = slice_eq(b, SLICE_LIT("INBOX"));
    if (inbox_a || inbox_b)
        return (int)inbox_b - (int)inbox_a;
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared > 0 ? memcmp(a.ptr, b.ptr, shared) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static size_t place_of(const struct store_user *u, struct slice name, bool *found)
{
    size_t low = 0, high = u->n_mailboxes;
    *found = false;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = order_of(name, slice_cstr(u->mailboxes[mid]->name));
        if (order == 0) {
            *found = true;
            return mid;
        }
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

struct store_mailbox *store_mailbox_find(struct store_user *u, struct slice name)
{
    bool found;
    size_t at = place_of(u, canonical(name), &found);
    return found ? u->mailboxes[at] : NULL;
}

struct store_mailbox *store_mailbox_at(struct store_user *u, size_t index)
{
    return index < u->n_mailboxes ? u->mailboxes[index] : NULL;
}

struct store_user *store_mailbox_user(const struct store_mailbox *m)
{
    return m->user;
}

static void list_add(struct store_user *u, struct store_mailbox *m)
{
    bool found;
    size_t at = place_of(u, slice_cstr(m->name), &found);
    BUG_IF(found);
    u->mailboxes = store_grow(u->mailboxes, sizeof(struct store_mailbox *), u->n_mailboxes,
                              &u->alloc_mailboxes);
    memmove(u->mailboxes + at + 1, u->mailboxes + at,
            (u->n_mailboxes - at) * sizeof(struct store_mailbox *));
    u->mailboxes[at] = m;
    u->n_mailboxes++;
}

static void list_remove(struct store_user *u, const struct store_mailbox *m)
{
    bool found;
    size_t at = place_of(u, slice_cstr(m->name), &found);
    BUG_IF(!found || u->mailboxes[at] != m);
    u->n_mailboxes--;
    memmove(u->mailboxes + at, u->mailboxes + at + 1,
            (u->n_mailboxes - at) * sizeof(struct store_mailbox *));
}

struct store_mailbox *store_mailbox_insert(struct store_user *u, struct slice name, bool selectable)
{
    struct store_mailbox *m = mem_zalloc(sizeof(*m));
    m->user = u;
    m->name = mem_slice_dup(canonical(name));
    m->uid_validity = store_new_validity(u->store);
    m->uid_next = 1;
    m->selectable = selectable;
    list_add(u, m);
    return m;
}

/* The name without its last level; empty at the top. */
static struct slice parent_of(struct slice name)
{
    while (name.len > 0 && name.ptr[--name.len] != STORE_DELIMITER)
        ;
    return name;
}

void store_mailbox_insert_parents(struct store_user *u, struct slice name)
{
    for (name = parent_of(name); name.len > 0; name = parent_of(name))
        if (!store_mailbox_find(u, name))
            store_mailbox_insert(u, name, false);
}

static void messages_free(struct store_mailbox *m)
{
    for (size_t i = 0; i < m->n; i++) {
        store_slot_remove(m->user->store, store_message_at(m, i));
        store_message_free(store_message_at(m, i));
    }
    m->n = m->off = 0;
}

void store_mailbox_free(struct store_mailbox *m)
{
    BUG_IF(m->views != NULL);
    messages_free(m);
    m->user->store->backend->forget(m);
    for (unsigned i = 0; i < STORE_KEYWORDS_MAX; i++)
        mem_free(m->keywords[i]);
    mem_free(m->messages);
    mem_free(m->name);
    mem_free(m);
}

static bool is_below(const char *name, const char *above)
{
    size_t len = strlen(above);
    return strncmp(name, above, len) == 0 && name[len] == STORE_DELIMITER;
}

static bool has_children(const struct store_mailbox *m)
{
    for (size_t i = 0; i < m->user->n_mailboxes; i++)
        if (is_below(m->user->mailboxes[i]->name, m->name))
            return true;
    return false;
}

/* ---- subscriptions ---- */

static size_t subscription_place(const struct store_user *u, struct slice name, bool *found)
{
    size_t at = 0;
    while (at < u->n_subscriptions && order_of(name, slice_cstr(u->subscriptions[at])) > 0)
        at++;
    *found = at < u->n_subscriptions && order_of(name, slice_cstr(u->subscriptions[at])) == 0;
    return at;
}

bool store_subscription_insert(struct store_user *u, struct slice name)
{
    bool found;
    name = canonical(name);
    size_t at = subscription_place(u, name, &found);
    if (found)
        return true;
    if (u->n_subscriptions >= SUBSCRIPTIONS_MAX)
        return false;
    u->subscriptions =
        store_grow(u->subscriptions, sizeof(char *), u->n_subscriptions, &u->alloc_subscriptions);
    memmove(u->subscriptions + at + 1, u->subscriptions + at,
            (u->n_subscriptions - at) * sizeof(char *));
    u->subscriptions[at] = mem_slice_dup(name);
    u->n_subscriptions++;
    return true;
}

static void subscription_remove(struct store_user *u, struct slice name)
{
    bool found;
    size_t at = subscription_place(u, canonical(name), &found);
    if (!found)
        return;
    mem_free(u->subscriptions[at]);
    u->n_subscriptions--;
    memmove(u->subscriptions + at, u->subscriptions + at + 1,
            (u->n_subscriptions - at) * sizeof(char *));
}

enum store_result store_subscribe(struct store_user *u, struct slice name, bool on, struct err *err)
{
    if (!store_name_is_valid(canonical(name)))
        return STORE_BAD_NAME;
    if (!on)
        subscription_remove(u, name);
    else if (!store_subscription_insert(u, name))
        return STORE_FULL;
    return u->store->backend->subscriptions(u, err) ? STORE_OK : STORE_FAILED;
}

const char *store_subscription_at(struct store_user *u, size_t index)
{
    return index < u->n_subscriptions ? u->subscriptions[index] : NULL;
}

/* ---- what is known ---- */

static void count_messages(struct store_mailbox *m, struct store_mailbox_info *out)
{
    out->messages = (uint32_t)m->n;
    for (size_t i = 0; i < m->n; i++) {
        const struct message *g = store_message_at(m, i);
        out->recent += g->fresh;
        out->unseen += !(g->flags & STORE_SEEN);
        out->deleted += (g->flags & STORE_DELETED) != 0;
        out->octets += g->octets == OCTETS_UNKNOWN ? 0 : g->octets;
    }
}

void store_mailbox_info(struct store_mailbox *m, bool counts, struct store_mailbox_info *out)
{
    bool subscribed;
    subscription_place(m->user, slice_cstr(m->name), &subscribed);
    *out = (struct store_mailbox_info){.name = m->name,
                                       .selectable = m->selectable,
                                       .has_children = has_children(m),
                                       .subscribed = subscribed,
                                       .use = m->use};
    if (counts && m->selectable && m->user->store->backend->refresh(m, NULL))
        count_messages(m, out);
    out->uid_validity = m->uid_validity;
    out->uid_next = m->uid_next;
}

/* ---- making and unmaking ---- */

/* Give a name that has none (or only a level) a mailbox. */
static enum store_result make_one(struct store_user *u, struct slice name, enum store_use use,
                                  struct err *err)
{
    struct store_mailbox *m = store_mailbox_find(u, name);
    bool was_level = m != NULL;
    if (!m) {
        if (u->n_mailboxes >= u->store->limits.mailboxes)
            return STORE_FULL;
        m = store_mailbox_insert(u, name, true);
    }
    m->selectable = true;
    m->use = use;
    m->uid_validity = store_new_validity(u->store);
    m->uid_next = 1;
    if (u->store->backend->make(m, err))
        return STORE_OK;
    m->selectable = false;
    if (!was_level) {
        list_remove(u, m);
        store_mailbox_free(m);
    }
    return STORE_FAILED;
}

enum store_result store_mailbox_create(struct store_user *u, struct slice name, enum store_use use,
                                       struct err *err)
{
    name = canonical(name);
    if (!store_name_is_valid(name))
        return STORE_BAD_NAME;
    const struct store_mailbox *m = store_mailbox_find(u, name);
    if (m && m->selectable)
        return STORE_EXISTS;
    for (size_t i = 0; i < name.len; i++) {
        struct slice above = slice_take(name, i);
        if (name.ptr[i] != STORE_DELIMITER || store_mailbox_find(u, above))
            continue;
        enum store_result r = make_one(u, above, STORE_USE_NONE, err);
        if (r != STORE_OK)
            return r;
    }
    return make_one(u, name, use, err);
}

/* Levels that hold nothing any more go. */
static void drop_empty_levels(struct store_user *u, struct slice name)
{
    for (name = parent_of(name); name.len > 0; name = parent_of(name)) {
        struct store_mailbox *m = store_mailbox_find(u, name);
        if (!m || m->selectable || has_children(m))
            return;
        list_remove(u, m);
        store_mailbox_free(m);
    }
}

/* Its views keep what is left of it; the name gets a new one where it stays as a level. */
static void bury(struct store_mailbox *m)
{
    m->dead = true;
    m->locker = NULL;
    messages_free(m);
    store_changed(m, NULL);
    if (!m->views)
        store_mailbox_free(m);
}

enum store_result store_mailbox_delete(struct store_user *u, struct slice name, struct err *err)
{
    struct store_mailbox *m = store_mailbox_find(u, name);
    if (!m)
        return STORE_MISSING;
    bool children = has_children(m);
    if (store_is_inbox(slice_cstr(m->name)) || !m->selectable)
        return STORE_CANNOT;
    if (m->locker)
        return STORE_LOCKED;
    if (!u->store->backend->unmake(m, err))
        return STORE_FAILED;
    list_remove(u, m);
    if (children)
        store_mailbox_insert(u, slice_cstr(m->name), false);
    drop_empty_levels(u, slice_cstr(m->name));
    bury(m);
    return STORE_OK;
}

/* ---- renaming ---- */

static enum store_result rename_inbox(struct store_user *u, struct slice to, struct err *err)
{
    struct store_mailbox *inbox = store_mailbox_find(u, SLICE_LIT("INBOX"));
    if (inbox->locker)
        return STORE_LOCKED;
    enum store_result r = store_mailbox_create(u, to, STORE_USE_NONE, err);
    if (r != STORE_OK)
        return r;
    struct store_view *v = store_view_open(inbox, false, NULL, NULL, err);
    if (!v)
        return STORE_FAILED;
    size_t n = store_view_count(v);
    size_t *indexes = mem_alloc((n + 1) * sizeof(*indexes));
    for (size_t i = 0; i < n; i++)
        indexes[i] = i;
    r = store_view_move(v, indexes, n, store_mailbox_find(u, to), NULL, err);
    mem_free(indexes);
    store_view_close(&v);
    return r;
}

static bool rename_one(struct store_user *u, struct store_mailbox *m, size_t old_len,
                       struct slice to, struct err *err)
{
    char *name = mem_printf("%.*s%s", SLICE_ARG(to), m->name + old_len);
    bool ok = !m->selectable || u->store->backend->rename(m, name, err);
    if (!ok) {
        mem_free(name);
        return false;
    }
    list_remove(u, m);
    mem_free(m->name);
    m->name = name;
    list_add(u, m);
    return true;
}

/* All that would move: no target may be there, every new name must be a name. */
static enum store_result may_rename(struct store_user *u, const struct store_mailbox *m,
                                    struct slice to)
{
    size_t old_len = strlen(m->name);
    if (!store_name_is_valid(to))
        return STORE_BAD_NAME;
    if (store_mailbox_find(u, to))
        return STORE_EXISTS;
    if (to.len > old_len && slice_starts(to, slice_cstr(m->name)) &&
        to.ptr[old_len] == STORE_DELIMITER)
        return STORE_CANNOT; /* below itself */
    for (size_t i = 0; i < u->n_mailboxes; i++) {
        const struct store_mailbox *other = u->mailboxes[i];
        if (other != m && !is_below(other->name, m->name))
            continue;
        if (other->locker)
            return STORE_LOCKED;
        char *name = mem_printf("%.*s%s", SLICE_ARG(to), other->name + old_len);
        bool valid = store_name_is_valid(slice_cstr(name));
        mem_free(name);
        if (!valid)
            return STORE_BAD_NAME;
    }
    return STORE_OK;
}

enum store_result store_mailbox_rename(struct store_user *u, struct slice from, struct slice to,
                                       struct err *err)
{
    struct store_mailbox *m = store_mailbox_find(u, from);
    to = canonical(to);
    if (!m)
        return STORE_MISSING;
    if (store_is_inbox(slice_cstr(m->name)))
        return rename_inbox(u, to, err);
    enum store_result r = may_rename(u, m, to);
    struct slice above = parent_of(to);
    if (r == STORE_OK && above.len > 0 && !store_mailbox_find(u, above))
        r = store_mailbox_create(u, above, STORE_USE_NONE, err);
    if (r != STORE_OK)
        return r;
    char *old = mem_strdup(m->name);
    size_t old_len = strlen(old);
    bool ok = rename_one(u, m, old_len, to, err);
    for (size_t i = 0; ok && i < u->n_mailboxes;) { /* the list moves under us: from the start */
        if (is_below(u->mailboxes[i]->name, old)) {
            ok = rename_one(u, u->mailboxes[i], old_len, to, err);
            i = 0;
        } else {
            i++;
        }
    }
    if (ok)
        drop_empty_levels(u, slice_cstr(old));
    mem_free(old);
    return ok ? STORE_OK : STORE_FAILED;
}
