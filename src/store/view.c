/* Views: what one session knows of a mailbox, and what it has to be told. */
#include "store/store_private.h"

static const struct store_backend *backend_of(const struct store_view *v)
{
    return v->mailbox->user->store->backend;
}

static bool refresh(struct store_view *v, struct err *err)
{
    return v->mailbox->dead || backend_of(v)->refresh(v->mailbox, err);
}

static void entry_add(struct store_view *v, struct message *g)
{
    v->entries = store_grow(v->entries, sizeof(*v->entries), v->n, &v->alloc);
    v->entries[v->n++] = (struct view_entry){
        .keywords = g->keywords, .uid = g->uid, .flags = g->flags, .recent = g->fresh};
    if (!g->fresh || v->read_only)
        return;
    g->fresh = false;
    backend_of(v)->flags(g, NULL); /* out of new/; where that fails it is only recent again */
}

struct store_view *store_view_open(struct store_mailbox *m, bool read_only,
                                   store_changed_fn on_change, void *ctx, struct err *err)
{
    if (!m->selectable || m->dead) {
        err_set(err, ERR_USAGE, 0, "%s is a level above other mailboxes, not one itself", m->name);
        return NULL;
    }
    if (!m->user->store->backend->refresh(m, err))
        return NULL;
    struct store_view *v = mem_zalloc(sizeof(*v));
    v->mailbox = m;
    v->read_only = read_only;
    v->on_change = on_change;
    v->ctx = ctx;
    v->alloc = m->n;
    v->entries = mem_alloc((m->n + 1) * sizeof(*v->entries));
    for (size_t i = 0; i < m->n; i++)
        entry_add(v, store_message_at(m, i));
    v->seen_changes = m->changes;
    v->next = m->views;
    m->views = v;
    return v;
}

void store_view_close(struct store_view **view)
{
    struct store_view *v = *view;
    if (!v)
        return;
    struct store_mailbox *m = v->mailbox;
    struct store_view **at = &m->views;
    while (*at != v)
        at = &(*at)->next;
    *at = v->next;
    store_view_unlock(v);
    if (!m->views)
        m->user->store->backend->rest(m);
    mem_free(v->entries);
    mem_free(v);
    *view = NULL;
    if (m->dead && !m->views)
        store_mailbox_free(m);
}

struct store_mailbox *store_view_mailbox(const struct store_view *v)
{
    return v->mailbox->dead ? NULL : v->mailbox;
}

bool store_view_is_read_only(const struct store_view *v)
{
    return v->read_only;
}

bool store_view_lock(struct store_view *v)
{
    if (v->mailbox->dead || (v->mailbox->locker && v->mailbox->locker != v))
        return false;
    v->mailbox->locker = v;
    return true;
}

void store_view_unlock(struct store_view *v)
{
    if (v->mailbox->locker == v)
        v->mailbox->locker = NULL;
}

/* ---- messages ---- */

size_t store_view_count(const struct store_view *v)
{
    return v->n;
}

uint32_t store_view_uid(const struct store_view *v, size_t index)
{
    BUG_IF(index >= v->n);
    return v->entries[index].uid;
}

size_t store_view_find(const struct store_view *v, uint32_t uid)
{
    size_t low = 0, high = v->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (v->entries[mid].uid < uid)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct message *shown(const struct store_view *v, size_t index)
{
    BUG_IF(index >= v->n);
    return store_message_find(v->mailbox, v->entries[index].uid, index);
}

bool store_view_get(const struct store_view *v, size_t index, struct store_message *out)
{
    const struct message *g = shown(v, index);
    if (!g)
        return false;
    *out =
        (struct store_message){.uid = g->uid,
                               .flags = g->flags | (v->entries[index].recent ? STORE_RECENT : 0u),
                               .keywords = g->keywords};
    return true;
}

bool store_view_measure(struct store_view *v, size_t index, uint64_t *octets_out,
                        int64_t *internal_us_out)
{
    struct message *g = shown(v, index);
    if (!g || ((g->octets == OCTETS_UNKNOWN || g->internal_us == 0) && !backend_of(v)->measure(g)))
        return false;
    if (octets_out)
        *octets_out = g->octets;
    if (internal_us_out)
        *internal_us_out = g->internal_us;
    return true;
}

struct store_content *store_content_open(struct store_view *v, size_t index, struct err *err)
{
    struct message *g = shown(v, index);
    if (!g) {
        err_set(err, ERR_USAGE, 0, "the message is gone");
        return NULL;
    }
    return backend_of(v)->open(g, err);
}

/* ---- coming up to date ---- */

bool store_view_is_behind(struct store_view *v)
{
    refresh(v, NULL);
    return v->seen_changes != v->mailbox->changes || v->gone_kept;
}

static void tell(store_change_fn fn, void *ctx, enum store_change_kind kind, size_t number,
                 uint32_t uid)
{
    if (fn)
        fn(ctx, &(struct store_change){.kind = kind, .number = (uint32_t)number, .uid = uid});
}

static void tell_gone(struct store_view *v, bool may_lose, store_change_fn fn, void *ctx)
{
    const struct store_mailbox *m = v->mailbox;
    size_t kept = 0, live = 0;
    v->gone_kept = false;
    for (size_t i = 0; i < v->n; i++) {
        struct view_entry e = v->entries[i];
        while (live < m->n && store_message_at(m, live)->uid < e.uid)
            live++;
        bool gone = live == m->n || store_message_at(m, live)->uid != e.uid;
        if (gone && may_lose) {
            tell(fn, ctx, STORE_CHANGE_GONE, kept + 1, e.uid);
            continue;
        }
        v->gone_kept = v->gone_kept || gone;
        v->entries[kept++] = e;
    }
    v->n = kept;
}

static void tell_flags(struct store_view *v, store_change_fn fn, void *ctx)
{
    for (size_t i = 0; i < v->n; i++) {
        const struct message *g = shown(v, i);
        struct view_entry *e = &v->entries[i];
        if (!g || (g->flags == e->flags && g->keywords == e->keywords))
            continue;
        e->flags = g->flags;
        e->keywords = g->keywords;
        tell(fn, ctx, STORE_CHANGE_FLAGS, i + 1, e->uid);
    }
}

static void tell_exists(struct store_view *v, store_change_fn fn, void *ctx)
{
    const struct store_mailbox *m = v->mailbox;
    uint32_t last = v->n > 0 ? v->entries[v->n - 1].uid : 0;
    size_t n_before = v->n, first = m->n;
    while (first > 0 && store_message_at(m, first - 1)->uid > last)
        first--;
    for (size_t i = first; i < m->n; i++)
        entry_add(v, store_message_at(m, i));
    if (v->n > n_before)
        tell(fn, ctx, STORE_CHANGE_EXISTS, v->n, v->entries[v->n - 1].uid);
}

void store_view_sync(struct store_view *v, bool may_lose, store_change_fn fn, void *ctx)
{
    if (!store_view_is_behind(v))
        return;
    uint64_t changes = v->mailbox->changes;
    tell_gone(v, may_lose, fn, ctx);
    tell_flags(v, fn, ctx);
    tell_exists(v, fn, ctx);
    v->seen_changes = changes;
}

void store_view_flags_told(struct store_view *v, size_t index)
{
    const struct message *g = shown(v, index);
    if (!g)
        return;
    v->entries[index].flags = g->flags;
    v->entries[index].keywords = g->keywords;
}
