/* The selected mailbox: opening and closing it, its numbers, its flags, its news. */
#include "engine/imap_serve_private.h"

#include <string.h>

#include "base/mem.h"

/* ---- flags ---- */

static const struct {
    unsigned imap, store;
} flag_pairs[] = {
    {IMAP_FLAG_SEEN, STORE_SEEN},       {IMAP_FLAG_ANSWERED, STORE_ANSWERED},
    {IMAP_FLAG_FLAGGED, STORE_FLAGGED}, {IMAP_FLAG_DELETED, STORE_DELETED},
    {IMAP_FLAG_DRAFT, STORE_DRAFT},     {IMAP_FLAG_RECENT, STORE_RECENT},
};

bool iserve_flags(struct store_mailbox *m, const struct imap_flags *f, bool make,
                  unsigned *flags_out, uint64_t *keywords_out)
{
    bool all = true;
    *flags_out = 0;
    *keywords_out = 0;
    for (size_t i = 0; i < sizeof(flag_pairs) / sizeof(flag_pairs[0]); i++)
        if (f->system & flag_pairs[i].imap && flag_pairs[i].imap != IMAP_FLAG_RECENT)
            *flags_out |= flag_pairs[i].store;
    for (size_t i = 0; i < f->n_keywords; i++) {
        int bit = store_keyword(m, f->keywords[i], make);
        if (bit >= 0)
            *keywords_out |= (uint64_t)1 << bit;
        else
            all = all && !make;
    }
    return all;
}

void iserve_put_flags(struct imap_serve *s, struct buf *out, unsigned flags, uint64_t keywords)
{
    unsigned system = 0;
    for (size_t i = 0; i < sizeof(flag_pairs) / sizeof(flag_pairs[0]); i++)
        if (flags & flag_pairs[i].store)
            system |= flag_pairs[i].imap;
    imap_put_flags(out, system);
    struct store_mailbox *m = s->view ? store_view_mailbox(s->view) : NULL;
    bool gap = system != 0;
    for (unsigned bit = 0; m && keywords != 0; bit++, keywords >>= 1) {
        const char *name = keywords & 1 ? store_keyword_name(m, bit) : NULL;
        if (!name)
            continue;
        buf_append_cstr(out, gap ? " " : "");
        buf_append_cstr(out, name);
        gap = true;
    }
    buf_append_octet(out, ')');
}

static void put_known_flags(struct store_mailbox *m, struct buf *out, bool any)
{
    imap_put_flags(out, IMAP_FLAG_SEEN | IMAP_FLAG_ANSWERED | IMAP_FLAG_FLAGGED |
                            IMAP_FLAG_DELETED | IMAP_FLAG_DRAFT);
    for (unsigned bit = 0; bit < STORE_KEYWORDS_MAX; bit++) {
        const char *name = store_keyword_name(m, bit);
        if (name)
            buf_printf(out, " %s", name);
    }
    buf_append_cstr(out, any ? " \\*)" : ")");
}

size_t iserve_keywords(struct imap_serve *s)
{
    struct store_mailbox *m = store_view_mailbox(s->view);
    size_t n = 0;
    for (unsigned bit = 0; m && bit < STORE_KEYWORDS_MAX; bit++)
        n += store_keyword_name(m, bit) != NULL;
    return n;
}

/* RFC 9051 section 7.3.5: the client hears of a keyword before it sees it. */
void iserve_say_keywords(struct imap_serve *s, size_t before, struct buf *out)
{
    struct store_mailbox *m = store_view_mailbox(s->view);
    if (!m || iserve_keywords(s) == before)
        return;
    buf_append_cstr(out, "* FLAGS ");
    put_known_flags(m, out, false);
    buf_append_cstr(out, "\r\n* OK [PERMANENTFLAGS ");
    put_known_flags(m, out, true);
    buf_append_cstr(out, "] Flags that last\r\n");
}

/* ---- news ---- */

struct news {
    struct imap_serve *s;
    struct buf *out;
    bool exists;
};

static void put_change(void *ctx, const struct store_change *change)
{
    struct news *n = ctx;
    struct store_message m;
    switch (change->kind) {
    case STORE_CHANGE_GONE:
        buf_printf(n->out, "* %u EXPUNGE\r\n", change->number);
        break;
    case STORE_CHANGE_FLAGS:
        if (!store_view_get(n->s->view, change->number - 1, &m))
            break;
        buf_printf(n->out, "* %u FETCH (UID %u FLAGS ", change->number, change->uid);
        iserve_put_flags(n->s, n->out, m.flags, m.keywords);
        buf_append_cstr(n->out, ")\r\n");
        break;
    case STORE_CHANGE_EXISTS:
        buf_printf(n->out, "* %u EXISTS\r\n", change->number);
        n->exists = true;
        break;
    }
}

static size_t count_recent(const struct store_view *v, size_t *first_unseen_out)
{
    size_t recent = 0, n = store_view_count(v);
    *first_unseen_out = n;
    for (size_t i = 0; i < n; i++) {
        struct store_message m;
        if (!store_view_get(v, i, &m))
            continue;
        recent += m.flags & STORE_RECENT ? 1 : 0;
        if (!(m.flags & STORE_SEEN) && *first_unseen_out == n)
            *first_unseen_out = i;
    }
    return recent;
}

void iserve_sync(struct imap_serve *s, struct imap_answer *a, bool may_lose)
{
    if (!s->view || !store_view_is_behind(s->view))
        return;
    struct news n = {s, &a->text, false};
    size_t unseen;
    store_view_sync(s->view, may_lose, put_change, &n);
    if (n.exists)
        buf_printf(&a->text, "* %zu RECENT\r\n", count_recent(s->view, &unseen));
}

/* ---- opening and closing ---- */

static void on_change(void *ctx)
{
    struct imap_serve *s = ctx;
    if (s->policy->changed)
        s->policy->changed(s->policy_ctx);
}

void iserve_view_close(struct imap_serve *s)
{
    store_view_close(&s->view);
    mem_free(s->saved);
    s->saved = NULL;
    s->n_saved = 0;
}

void iserve_select(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    struct err err;
    struct store_mailbox_info info;
    err_clear(&err);
    if (s->view)
        imap_answer_line(a, slice_of(NULL, 0), "OK", "CLOSED", "The mailbox before is closed");
    iserve_view_close(s);
    struct store_mailbox *m = iserve_mailbox(s, c->mailbox);
    if (!m) {
        iserve_no(s, c, a, "NONEXISTENT", "There is no such mailbox");
        return;
    }
    bool read_only = c->verb == IMAP_VERB_EXAMINE;
    s->view = store_view_open(m, read_only, on_change, s, &err);
    if (!s->view) {
        iserve_no(s, c, a, "CANNOT", err.text[0] ? err.text : "This mailbox cannot be selected");
        return;
    }
    store_mailbox_info(m, false, &info);
    size_t unseen, count = store_view_count(s->view);
    size_t recent = count_recent(s->view, &unseen);
    buf_append_cstr(&a->text, "* FLAGS ");
    put_known_flags(m, &a->text, false);
    buf_append_cstr(&a->text, "\r\n* OK [PERMANENTFLAGS ");
    if (read_only)
        buf_append_cstr(&a->text, "()");
    else
        put_known_flags(m, &a->text, true);
    buf_printf(&a->text, "] Flags that last\r\n* %zu EXISTS\r\n* %zu RECENT\r\n", count, recent);
    if (unseen < count)
        buf_printf(&a->text, "* OK [UNSEEN %zu] The first that is not seen\r\n", unseen + 1);
    buf_printf(&a->text, "* OK [UIDVALIDITY %u] UIDs hold\r\n* OK [UIDNEXT %u] The next UID\r\n",
               info.uid_validity, info.uid_next);
    s->errors = 0;
    imap_answer_line(a, c->tag, "OK", read_only ? "READ-ONLY" : "READ-WRITE", "%s done",
                     imap_verb_name(c->verb));
}

static void expunge_silently(struct imap_serve *s)
{
    size_t count = store_view_count(s->view), n = 0;
    size_t *indexes = mem_alloc((count + 1) * sizeof(*indexes));
    for (size_t i = 0; i < count; i++) {
        struct store_message m;
        if (store_view_get(s->view, i, &m) && m.flags & STORE_DELETED)
            indexes[n++] = i;
    }
    if (n > 0)
        store_view_expunge(s->view, indexes, n, NULL);
    mem_free(indexes);
}

void iserve_close(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    if (c->verb == IMAP_VERB_CLOSE && !store_view_is_read_only(s->view))
        expunge_silently(s);
    iserve_view_close(s);
    imap_answer_line(a, c->tag, "OK", NULL, "%s done", imap_verb_name(c->verb));
}

/* ---- numbers ---- */

static size_t index_after(const struct imap_serve *s, uint32_t number, bool uid)
{
    size_t count = store_view_count(s->view);
    if (!uid)
        return number < count ? number : count;
    return number == UINT32_MAX ? count : store_view_find(s->view, number + 1);
}

static void mark_range(const struct imap_serve *s, const struct imap_range *r, bool uid,
                       uint8_t *marks)
{
    size_t count = store_view_count(s->view);
    uint32_t largest = uid ? store_view_uid(s->view, count - 1) : (uint32_t)count;
    uint32_t first = r->first ? r->first : largest, last = r->last ? r->last : largest;
    if (first > last) {
        uint32_t swap = first;
        first = last;
        last = swap;
    }
    size_t from = uid ? store_view_find(s->view, first) : first - 1;
    size_t to = index_after(s, last, uid);
    if (from < to && from < count)
        memset(marks + from, 1, to - from);
}

size_t *iserve_indexes(struct imap_serve *s, const struct imap_set *set, bool uid, size_t *n_out,
                       bool *in_range_out)
{
    size_t count = store_view_count(s->view), n = 0;
    uint8_t *marks = mem_zalloc(count + 1);
    *in_range_out = true;
    for (size_t i = 0; i < set->n_ranges && count > 0; i++) {
        const struct imap_range *r = &set->ranges[i];
        if (!uid && r->first > count)
            *in_range_out = false;
        mark_range(s, r, uid, marks);
    }
    for (size_t i = 0; set->saved && i < s->n_saved; i++) {
        size_t at = store_view_find(s->view, s->saved[i]);
        if (at < count && store_view_uid(s->view, at) == s->saved[i])
            marks[at] = 1;
    }
    size_t *indexes = mem_alloc((count + 1) * sizeof(*indexes));
    for (size_t i = 0; i < count; i++)
        if (marks[i])
            indexes[n++] = i;
    mem_free(marks);
    *n_out = n;
    return indexes;
}
