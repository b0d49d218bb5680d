/* Messages: blobs, the sorted list of a mailbox, appending, keywords. */
#include "store/store_private.h"

#include <string.h>

/* ---- blobs ---- */

/* The buffer's memory becomes the message's; what growing left over is given back where it is much.
 */
struct store_blob *store_blob_take(struct store *s, struct buf *octets)
{
    struct store_blob *b = mem_zalloc(sizeof(*b));
    b->len = octets->len;
    b->alloc_octets = octets->alloc_octets;
    b->ptr = octets->ptr;
    if (b->ptr && b->alloc_octets - b->len > b->len / 4 + 512) {
        b->ptr = mem_realloc(b->ptr, b->len + 1);
        b->alloc_octets = b->len + 1;
    }
    b->holders = 1;
    s->octets += b->alloc_octets;
    buf_init(octets, octets->cap_octets);
    return b;
}

struct store_blob *store_blob_dup(struct store *s, struct slice octets)
{
    struct store_blob *b = mem_zalloc(sizeof(*b));
    b->len = b->alloc_octets = octets.len;
    b->ptr = mem_alloc(octets.len + 1);
    if (octets.len > 0)
        memcpy(b->ptr, octets.ptr, octets.len);
    b->holders = 1;
    s->octets += b->alloc_octets;
    return b;
}

struct slice store_blob_octets(const struct store_blob *b)
{
    return slice_of(b->ptr, b->len);
}

void store_blob_hold(struct store *s, struct store_blob *b)
{
    (void)s;
    b->holders++;
}

void store_blob_release(struct store *s, struct store_blob **blob)
{
    struct store_blob *b = *blob;
    *blob = NULL;
    if (!b || --b->holders > 0)
        return;
    s->octets -= b->alloc_octets;
    mem_free(b->ptr);
    mem_free(b);
}

/* ---- the list of a mailbox ---- */

struct message *store_message_at(const struct store_mailbox *m, size_t index)
{
    return m->messages[m->off + index];
}

/* Index of the first message with this UID or a greater one. */
static size_t place_of(const struct store_mailbox *m, uint32_t uid)
{
    size_t low = 0, high = m->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (store_message_at(m, mid)->uid < uid)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct message *store_message_find(const struct store_mailbox *m, uint32_t uid, size_t hint)
{
    if (hint < m->n && store_message_at(m, hint)->uid == uid)
        return store_message_at(m, hint);
    size_t at = place_of(m, uid);
    return at < m->n && store_message_at(m, at)->uid == uid ? store_message_at(m, at) : NULL;
}

struct message *store_message_new(struct store_mailbox *m)
{
    struct message *g = mem_zalloc(sizeof(*g));
    g->mailbox = m;
    g->octets = OCTETS_UNKNOWN;
    return g;
}

void store_message_free(struct message *g)
{
    store_blob_release(g->mailbox->user->store, &g->blob);
    mem_free(g->file);
    mem_free(g->from);
    mem_free(g->to);
    mem_free(g);
}

void store_message_link(struct message *g)
{
    struct store_mailbox *m = g->mailbox;
    BUG_IF(m->n > 0 && store_message_at(m, m->n - 1)->uid >= g->uid);
    if (m->off + m->n == m->alloc && m->off > m->n) {
        memmove(m->messages, m->messages + m->off, m->n * sizeof(struct message *));
        m->off = 0;
    }
    m->messages = store_grow(m->messages, sizeof(struct message *), m->off + m->n, &m->alloc);
    m->messages[m->off + m->n++] = g;
    store_slot_add(m->user->store, g);
}

void store_message_unlink(struct message *g)
{
    struct store_mailbox *m = g->mailbox;
    size_t at = place_of(m, g->uid);
    BUG_IF(at >= m->n || store_message_at(m, at) != g);
    struct message **list = m->messages + m->off;
    if (at == 0)
        m->off++;
    else
        memmove(list + at, list + at + 1, (m->n - at - 1) * sizeof(struct message *));
    m->n--;
    if (m->n == 0)
        m->off = 0;
    store_slot_remove(m->user->store, g);
    store_message_free(g);
}

/* A callback may not open or close views: it only makes a note. */
void store_changed(struct store_mailbox *m, const struct store_view *by)
{
    m->changes++;
    for (struct store_view *v = m->views; v; v = v->next)
        if (v != by && v->on_change)
            v->on_change(v->ctx);
}

/* ---- appending ---- */

static bool over_quota(struct store_user *u, uint64_t more_octets, uint64_t more_messages)
{
    uint64_t octets, messages;
    if (u->quota_octets == 0 && u->quota_messages == 0)
        return false;
    store_user_used(u, &octets, &messages);
    return (u->quota_octets && octets + more_octets > u->quota_octets) ||
           (u->quota_messages && messages + more_messages > u->quota_messages);
}

static enum store_result may_append(struct store_mailbox *m, uint64_t octets, uint64_t largest,
                                    size_t n, struct err *err)
{
    struct store *s = m->user->store;
    if (m->dead)
        return STORE_MISSING;
    if (!m->selectable)
        return STORE_CANNOT;
    if (!s->backend->refresh(m, err))
        return STORE_FAILED;
    if (largest > s->limits.message_octets || m->n + n > STORE_MAILBOX_MESSAGES_MAX ||
        m->uid_next > UINT32_MAX - 1 - n)
        return STORE_FULL;
    return over_quota(m->user, octets, n) ? STORE_OVER_QUOTA : STORE_OK;
}

enum store_result store_append(struct store_mailbox *m, const struct store_append *a,
                               uint32_t *uid_out, struct err *err)
{
    struct store *s = m->user->store;
    enum store_result r = may_append(m, a->blob->len, a->blob->len, 1, err);
    if (r != STORE_OK)
        return r;
    struct message *g = store_message_new(m);
    g->uid = m->uid_next;
    g->flags = (uint8_t)(a->flags & STORE_FLAGS_ALL);
    g->keywords = a->keywords;
    g->fresh = true;
    g->from = mem_strdup(a->from);
    g->to = mem_strdup(a->to);
    g->internal_us = a->internal_us ? a->internal_us : s->clock->wall_us(s->clock->ctx);
    if (!s->backend->put(g, a->blob, err)) {
        store_message_free(g);
        return STORE_FAILED;
    }
    m->uid_next++;
    store_message_link(g);
    if (uid_out)
        *uid_out = g->uid;
    store_changed(m, NULL);
    store_make_room(s);
    return STORE_OK;
}

/* ---- copying, moving, removing ---- */

static struct message *shown(const struct store_view *v, size_t index)
{
    BUG_IF(index >= v->n);
    return store_message_find(v->mailbox, v->entries[index].uid, index);
}

/* Take back what was made in `to` from this UID on. */
static void undo_copies(struct store_mailbox *to, uint32_t first_uid)
{
    while (to->n > 0 && store_message_at(to, to->n - 1)->uid >= first_uid) {
        struct message *g = store_message_at(to, to->n - 1);
        to->user->store->backend->remove(g, NULL);
        store_message_unlink(g);
    }
}

static uint64_t translate_keywords(struct store_mailbox *from, struct store_mailbox *to,
                                   uint64_t bits)
{
    uint64_t out = 0;
    for (unsigned i = 0; from != to && i < STORE_KEYWORDS_MAX; i++) {
        if (!(bits >> i & 1) || !from->keywords[i])
            continue;
        int bit = store_keyword(to, slice_cstr(from->keywords[i]), true);
        if (bit >= 0)
            out |= 1ull << bit;
    }
    return from == to ? bits : out;
}

static bool copy_one(struct message *from, struct store_mailbox *to, uint32_t *uid_out,
                     struct err *err)
{
    struct store *s = to->user->store;
    struct message *g = store_message_new(to);
    if (from->internal_us == 0)
        s->backend->measure(from);
    g->uid = to->uid_next;
    g->flags = from->flags;
    g->keywords = translate_keywords(from->mailbox, to, from->keywords);
    g->fresh = true;
    g->from = mem_strdup(from->from);
    g->to = mem_strdup(from->to);
    g->internal_us = from->internal_us;
    if (!s->backend->copy(g, from, err)) {
        store_message_free(g);
        return false;
    }
    to->uid_next++;
    store_message_link(g);
    if (uid_out)
        *uid_out = g->uid;
    return true;
}

/* Measure what is to be copied, and whether it is all there. */
static enum store_result may_copy(const struct store_view *v, const size_t *indexes, size_t n,
                                  struct store_mailbox *to, bool move, struct err *err)
{
    uint64_t octets = 0;
    for (size_t i = 0; i < n; i++) {
        struct message *g = shown(v, indexes[i]);
        if (!g)
            return STORE_MISSING;
        if (g->octets == OCTETS_UNKNOWN)
            v->mailbox->user->store->backend->measure(g);
        octets += g->octets == OCTETS_UNKNOWN ? 0 : g->octets;
    }
    bool same_user = v->mailbox->user == to->user;
    return may_append(to, move && same_user ? 0 : octets, 0, move && same_user ? 0 : n, err);
}

static enum store_result copy_all(struct store_view *v, const size_t *indexes, size_t n,
                                  struct store_mailbox *to, bool move, uint32_t *uids_out,
                                  struct err *err)
{
    enum store_result r = may_copy(v, indexes, n, to, move, err);
    uint32_t first_uid = to->uid_next;
    for (size_t i = 0; r == STORE_OK && i < n; i++) {
        struct message *g = shown(v, indexes[i]);
        if (!g)
            r = STORE_MISSING;
        else if (!copy_one(g, to, uids_out ? &uids_out[i] : NULL, err))
            r = STORE_FAILED;
    }
    if (r != STORE_OK)
        undo_copies(to, first_uid);
    return r;
}

enum store_result store_view_copy(struct store_view *v, const size_t *indexes, size_t n,
                                  struct store_mailbox *to, uint32_t *uids_out, struct err *err)
{
    enum store_result r = copy_all(v, indexes, n, to, false, uids_out, err);
    if (r == STORE_OK && n > 0)
        store_changed(to, NULL);
    if (r == STORE_OK)
        store_make_room(to->user->store);
    return r;
}

static enum store_result may_remove(const struct store_view *v)
{
    if (v->read_only)
        return STORE_READ_ONLY;
    return v->mailbox->locker && v->mailbox->locker != v ? STORE_LOCKED : STORE_OK;
}

/* Many messages at once: the list is walked once, not moved for each. */
static enum store_result remove_all(struct store_view *v, const size_t *indexes, size_t n,
                                    struct err *err)
{
    struct store_mailbox *m = v->mailbox;
    struct store *s = m->user->store;
    enum store_result r = STORE_OK;
    size_t gone = 0, kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct message *g = shown(v, indexes[i]);
        if (!g || g->seen_now)
            continue;
        if (!s->backend->remove(g, err)) {
            r = STORE_FAILED;
            break;
        }
        g->seen_now = true; /* marks it for the walk */
        gone++;
    }
    struct message **list = m->messages + m->off;
    for (size_t i = 0; gone > 0 && i < m->n; i++) {
        struct message *g = list[i];
        if (g->seen_now) {
            store_slot_remove(s, g);
            store_message_free(g);
        } else {
            list[kept++] = g;
        }
    }
    if (gone > 0) {
        m->n = kept;
        store_changed(m, v);
    }
    return r;
}

enum store_result store_view_expunge(struct store_view *v, const size_t *indexes, size_t n,
                                     struct err *err)
{
    enum store_result r = may_remove(v);
    return r == STORE_OK ? remove_all(v, indexes, n, err) : r;
}

enum store_result store_view_move(struct store_view *v, const size_t *indexes, size_t n,
                                  struct store_mailbox *to, uint32_t *uids_out, struct err *err)
{
    enum store_result r = may_remove(v);
    if (r == STORE_OK)
        r = copy_all(v, indexes, n, to, true, uids_out, err);
    if (r != STORE_OK || n == 0)
        return r;
    r = remove_all(v, indexes, n, err);
    store_changed(to, NULL);
    store_make_room(to->user->store);
    return r;
}

/* ---- flags and keywords ---- */

static void change_flags(struct message *g, enum store_how how, unsigned flags, uint64_t keywords)
{
    flags &= STORE_FLAGS_ALL;
    switch (how) {
    case STORE_REPLACE:
        g->flags = (uint8_t)flags;
        g->keywords = keywords;
        break;
    case STORE_ADD:
        g->flags |= (uint8_t)flags;
        g->keywords |= keywords;
        break;
    case STORE_REMOVE:
        g->flags &= (uint8_t)~flags;
        g->keywords &= ~keywords;
        break;
    }
}

enum store_result store_view_flags(struct store_view *v, size_t index, enum store_how how,
                                   unsigned flags, uint64_t keywords, struct err *err)
{
    if (v->read_only)
        return STORE_READ_ONLY;
    struct message *g = shown(v, index);
    if (!g)
        return STORE_MISSING;
    uint8_t old_flags = g->flags;
    uint64_t old_keywords = g->keywords;
    change_flags(g, how, flags, keywords);
    if (g->flags == old_flags && g->keywords == old_keywords)
        return STORE_OK;
    if (!v->mailbox->user->store->backend->flags(g, err)) {
        g->flags = old_flags;
        g->keywords = old_keywords;
        return STORE_FAILED;
    }
    store_changed(v->mailbox, v);
    return STORE_OK;
}

int store_keyword(struct store_mailbox *m, struct slice name, bool make)
{
    const struct store_backend *backend = m->user->store->backend;
    unsigned free_bit = STORE_KEYWORDS_MAX;
    for (unsigned i = STORE_KEYWORDS_MAX; i-- > 0;) {
        if (m->keywords[i] && slice_eq_nocase(slice_cstr(m->keywords[i]), name))
            return (int)i;
        if (!m->keywords[i])
            free_bit = i;
    }
    if (!make || free_bit >= backend->keywords_max || name.len == 0 ||
        name.len > STORE_KEYWORD_MAX_OCTETS)
        return -1;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] <= ' ' || name.ptr[i] >= 0x7F)
            return -1;
    m->keywords[free_bit] = mem_slice_dup(name);
    backend->keyword(m, free_bit);
    return (int)free_bit;
}

const char *store_keyword_name(const struct store_mailbox *m, unsigned bit)
{
    return bit < STORE_KEYWORDS_MAX ? m->keywords[bit] : NULL;
}
