/* Messages that come, go and change: APPEND, STORE, COPY, MOVE, EXPUNGE. */
#include "engine/imap_serve_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* ---- APPEND ---- */

static uint64_t message_limit(const struct imap_serve *s)
{
    return s->options->message_octets ? s->options->message_octets : 50ull << 20;
}

void iserve_append_forget(struct imap_serve *s)
{
    struct iserve_append *p = &s->append;
    if (p->held > 0 && s->policy->release)
        s->policy->release(s->policy_ctx, p->held);
    if (p->active)
        buf_deinit(&p->content);
    memset(p, 0, sizeof(*p));
}

static void refuse(struct iserve_append *p, const char *code, const char *text)
{
    p->refused = true;
    snprintf(p->code, sizeof(p->code), "%s", code);
    snprintf(p->text, sizeof(p->text), "%s", text);
}

/* Would it fit: before the client sends it, and again when it is there. */
static void check_room(struct imap_serve *s, const struct imap_item *item)
{
    struct iserve_append *p = &s->append;
    uint64_t octets, messages, used_octets, used_messages;
    struct store_mailbox *m = iserve_mailbox(s, item->command->mailbox);
    store_user_quota(s->account, &octets, &messages);
    store_user_used(s->account, &used_octets, &used_messages);
    if (!m)
        refuse(p, "TRYCREATE", "There is no such mailbox");
    else if (item->literal_octets > message_limit(s))
        refuse(p, "TOOBIG", "The message is larger than this server takes");
    else if ((octets > 0 && used_octets + item->literal_octets > octets) ||
             (messages > 0 && used_messages >= messages))
        refuse(p, "OVERQUOTA", "The quota does not leave room for it");
    else if (s->policy->hold && !s->policy->hold(s->policy_ctx, (size_t)item->literal_octets))
        refuse(p, "LIMIT", "Too many messages are arriving at once; try again later");
    else if (s->policy->hold)
        p->held = (size_t)item->literal_octets;
}

void iserve_append_begin(struct imap_serve *s, const struct imap_item *item, struct imap_answer *a)
{
    struct iserve_append *p = &s->append;
    iserve_append_forget(s);
    p->active = true;
    buf_init(&p->content, (size_t)message_limit(s) + 1);
    check_room(s, item);
    if (!item->sync)
        return;
    if (!p->refused) {
        buf_append_cstr(&a->text, "+ send it\r\n");
        return;
    }
    imap_answer_line(a, item->command->tag, "NO", p->code, "%s", p->text);
    iserve_append_forget(s);
}

void iserve_append_content(struct imap_serve *s, const struct imap_item *item)
{
    if (s->append.active && !s->append.refused)
        buf_append(&s->append.content, item->content);
}

void iserve_append_end(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    struct iserve_append *p = &s->append;
    struct store_append what = {.internal_us = c->has_date ? c->date.utc_s * 1000000 : 0};
    struct store_mailbox *m = iserve_mailbox(s, c->mailbox);
    struct err err;
    uint32_t uid = 0;
    err_clear(&err);
    if (p->active && p->refused) {
        iserve_no(s, c, a, p->code, p->text);
    } else if (!p->active || p->content.overflow || p->content.len != c->message.length) {
        iserve_bad(s, c->tag, a, "The message did not arrive whole");
    } else if (!m) {
        iserve_refused(s, c, a, STORE_MISSING, NULL);
    } else if (p->content.len == 0) {
        iserve_no(s, c, a, NULL, "An empty message is none");
    } else {
        iserve_flags(m, &c->flags, true, &what.flags, &what.keywords);
        enum store_result r =
            s->policy->append ? s->policy->append(s->policy_ctx, m, &what, &p->content, &uid, &err)
                              : STORE_CANNOT;
        struct store_mailbox_info info;
        store_mailbox_info(m, false, &info);
        char code[64];
        snprintf(code, sizeof(code), "APPENDUID %u %u", info.uid_validity, uid);
        if (r == STORE_OK)
            iserve_ok(s, c, a, code, "APPEND done");
        else
            iserve_refused(s, c, a, r, &err);
    }
    iserve_append_forget(s);
}

/* ---- sets ---- */

/* The messages a command means. NULL: answered. */
static size_t *meant(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a,
                     bool writes, size_t *n_out)
{
    bool in_range = true;
    if (writes && store_view_is_read_only(s->view)) {
        iserve_no(s, c, a, NULL, "The mailbox was opened to be read only");
        return NULL;
    }
    size_t *indexes = iserve_indexes(s, &c->set, c->uid, n_out, &in_range);
    if (in_range)
        return indexes;
    mem_free(indexes);
    iserve_bad(s, c->tag, a, "No message has such a number");
    return NULL;
}

/* ---- STORE ---- */

static void put_fetch_flags(struct imap_serve *s, size_t index, bool uid, struct buf *out)
{
    struct store_message m;
    if (!store_view_get(s->view, index, &m))
        return;
    buf_printf(out, "* %zu FETCH (", index + 1);
    if (uid)
        buf_printf(out, "UID %u ", m.uid);
    buf_append_cstr(out, "FLAGS ");
    iserve_put_flags(s, out, m.flags, m.keywords);
    buf_append_cstr(out, ")\r\n");
}

void iserve_store(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    static const enum store_how hows[] = {[IMAP_STORE_SET] = STORE_REPLACE,
                                          [IMAP_STORE_ADD] = STORE_ADD,
                                          [IMAP_STORE_REMOVE] = STORE_REMOVE};
    struct store_mailbox *m = store_view_mailbox(s->view);
    struct err err;
    unsigned flags;
    uint64_t keywords;
    size_t n = 0, missing = 0;
    err_clear(&err);
    size_t *indexes = meant(s, c, a, true, &n);
    if (!indexes)
        return;
    size_t known = iserve_keywords(s);
    bool all = m && iserve_flags(m, &c->flags, c->store_op != IMAP_STORE_REMOVE, &flags, &keywords);
    iserve_say_keywords(s, known, &a->text);
    enum store_result r = m ? STORE_OK : STORE_MISSING;
    for (size_t i = 0; i < n && r == STORE_OK; i++) {
        r = store_view_flags(s->view, indexes[i], hows[c->store_op], flags, keywords, &err);
        if (r == STORE_MISSING) {
            missing++;
            r = STORE_OK;
            continue;
        }
        if (!c->silent)
            put_fetch_flags(s, indexes[i], c->uid, &a->text);
        store_view_flags_told(s->view, indexes[i]);
    }
    mem_free(indexes);
    if (r != STORE_OK)
        iserve_refused(s, c, a, r, &err);
    else if (missing > 0)
        iserve_no(s, c, a, "EXPUNGEISSUED", "Some of the messages are gone");
    else if (!all)
        iserve_no(s, c, a, "LIMIT", "This mailbox can hold no more keywords");
    else
        iserve_ok(s, c, a, NULL, "STORE done");
}

/* ---- COPY and MOVE ---- */

static void put_copyuid(struct imap_serve *s, struct store_mailbox *to, const size_t *indexes,
                        const uint32_t *uids, size_t n, struct buf *out)
{
    struct store_mailbox_info info;
    store_mailbox_info(to, false, &info);
    buf_printf(out, "COPYUID %u ", info.uid_validity);
    struct imap_set_writer w = {.out = out};
    for (size_t i = 0; i < n; i++)
        imap_set_add(&w, store_view_uid(s->view, indexes[i]));
    imap_set_end(&w);
    buf_append_octet(out, ' ');
    w = (struct imap_set_writer){.out = out};
    for (size_t i = 0; i < n; i++)
        imap_set_add(&w, uids[i]);
    imap_set_end(&w);
}

static void copied(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a,
                   const struct buf *code, size_t n)
{
    char text[64];
    bool move = c->verb == IMAP_VERB_MOVE;
    char *name = mem_slice_dup(c->mailbox);
    snprintf(text, sizeof(text), "%zu messages", n);
    iserve_event(s, name, move ? "moved" : "copied", 0, text);
    mem_free(name);
    char *words = mem_slice_dup(buf_slice(code));
    /* RFC 6851 section 4.3: the code of a MOVE comes before its EXPUNGEs. */
    if (move)
        imap_answer_line(a, slice_of(NULL, 0), "OK", words, "Moved");
    iserve_ok(s, c, a, move ? NULL : words, move ? "MOVE done" : "COPY done");
    mem_free(words);
}

void iserve_copy(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    struct err err;
    size_t n = 0;
    err_clear(&err);
    bool move = c->verb == IMAP_VERB_MOVE;
    size_t *indexes = meant(s, c, a, move, &n);
    if (!indexes)
        return;
    struct store_mailbox *to = iserve_mailbox(s, c->mailbox);
    if (!to) {
        iserve_refused(s, c, a, STORE_MISSING, NULL);
    } else if (n == 0) {
        iserve_ok(s, c, a, NULL, "No message is meant");
    } else {
        uint32_t *uids = mem_zalloc(n * sizeof(*uids));
        enum store_result r = move ? store_view_move(s->view, indexes, n, to, uids, &err)
                                   : store_view_copy(s->view, indexes, n, to, uids, &err);
        struct buf code;
        buf_init(&code, 512 << 10);
        if (r == STORE_OK) {
            put_copyuid(s, to, indexes, uids, n, &code);
            copied(s, c, a, &code, n);
        } else {
            iserve_refused(s, c, a, r, &err);
        }
        buf_deinit(&code);
        mem_free(uids);
    }
    mem_free(indexes);
}

/* ---- EXPUNGE ---- */

void iserve_expunge(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    struct err err;
    size_t n = 0, marked = 0;
    struct imap_range everything = {1, 0};
    struct imap_set all = {.ranges = &everything, .n_ranges = 1};
    bool in_range;
    err_clear(&err);
    if (store_view_is_read_only(s->view)) {
        iserve_no(s, c, a, NULL, "The mailbox was opened to be read only");
        return;
    }
    size_t *indexes = iserve_indexes(s, c->uid ? &c->set : &all, c->uid, &n, &in_range);
    for (size_t i = 0; i < n; i++) {
        struct store_message m;
        if (store_view_get(s->view, indexes[i], &m) && m.flags & STORE_DELETED)
            indexes[marked++] = indexes[i];
    }
    enum store_result r =
        marked > 0 ? store_view_expunge(s->view, indexes, marked, &err) : STORE_OK;
    mem_free(indexes);
    if (r != STORE_OK) {
        iserve_refused(s, c, a, r, &err);
        return;
    }
    struct store_mailbox *m = store_view_mailbox(s->view);
    struct store_mailbox_info info;
    char text[64];
    snprintf(text, sizeof(text), "%zu messages", marked);
    if (m && marked > 0) {
        store_mailbox_info(m, false, &info);
        iserve_event(s, info.name, "expunged", 0, text);
    }
    iserve_ok(s, c, a, NULL, "EXPUNGE done");
}
