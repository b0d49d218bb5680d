/* Mailboxes by name: making, listing, counting (RFC 9051 section 6.3). */
#include "engine/imap_serve_private.h"

#include <stdio.h>

#include "base/mem.h"

static void done(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a,
                 enum store_result r, const struct err *err)
{
    char text[64];
    if (r != STORE_OK) {
        iserve_refused(s, c, a, r, err);
        return;
    }
    snprintf(text, sizeof(text), "%s done", imap_verb_name(c->verb));
    iserve_ok(s, c, a, NULL, text);
}

/* Names of this size and shape only reach events and the store's answers. */
static void event(struct imap_serve *s, struct slice name, const char *what, const char *text)
{
    char *copy = mem_slice_dup(name);
    iserve_event(s, copy, what, 0, text);
    mem_free(copy);
}

static enum store_use use_by_name(struct slice name)
{
    for (unsigned u = 1; u < STORE_USE__COUNT; u++)
        if (slice_eq_nocase(name, slice_cstr(store_use_name((enum store_use)u))))
            return (enum store_use)u;
    return STORE_USE_NONE;
}

void iserve_create(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    struct err err;
    err_clear(&err);
    enum store_use use = c->n_words > 0 ? use_by_name(c->words[0]) : STORE_USE_NONE;
    if (c->n_words > 0 && use == STORE_USE_NONE) {
        iserve_no(s, c, a, "USEATTR", "This use is not known");
        return;
    }
    enum store_result r = store_mailbox_create(s->account, c->mailbox, use, &err);
    if (r == STORE_OK)
        event(s, c->mailbox, "created", "");
    done(s, c, a, r, &err);
}

void iserve_delete(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    struct err err;
    err_clear(&err);
    enum store_result r = store_mailbox_delete(s->account, c->mailbox, &err);
    if (r == STORE_OK)
        event(s, c->mailbox, "deleted", "");
    done(s, c, a, r, &err);
}

void iserve_rename(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    struct err err;
    err_clear(&err);
    enum store_result r = store_mailbox_rename(s->account, c->mailbox, c->mailbox_new, &err);
    if (r == STORE_OK) {
        char *to = mem_slice_dup(c->mailbox_new);
        event(s, c->mailbox, "renamed", to);
        mem_free(to);
    }
    done(s, c, a, r, &err);
}

void iserve_subscribe(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    struct err err;
    err_clear(&err);
    enum store_result r =
        store_subscribe(s->account, c->mailbox, c->verb == IMAP_VERB_SUBSCRIBE, &err);
    done(s, c, a, r, &err);
}

/* ---- LIST ---- */

static bool pattern_matches(const struct imap_command *c, const char *name)
{
    bool matches = false;
    struct buf pattern;
    buf_init(&pattern, 8192);
    for (size_t i = 0; i < c->n_patterns && !matches; i++) {
        buf_reset(&pattern);
        buf_append(&pattern, c->reference);
        buf_append(&pattern, c->patterns[i]);
        struct slice p = buf_slice(&pattern), n = slice_cstr(name);
        /* INBOX is one name, however it is written. */
        bool inbox = slice_eq_nocase(p, SLICE_LIT("INBOX")) && slice_eq(n, SLICE_LIT("INBOX"));
        matches = inbox || imap_pattern_matches(p, n, STORE_DELIMITER);
    }
    buf_deinit(&pattern);
    return matches;
}

static void put_attribute(struct buf *out, const char *name, bool *gap)
{
    buf_append_cstr(out, *gap ? " " : "");
    buf_append_cstr(out, name);
    *gap = true;
}

/* info NULL: a subscribed name without a mailbox. */
static void put_list(struct imap_serve *s, struct buf *out, const char *word, const char *name,
                     const struct store_mailbox_info *info, bool say_subscribed, bool say_use)
{
    bool gap = false;
    buf_printf(out, "* %s (", word);
    if (!info) {
        put_attribute(out, "\\NonExistent", &gap);
    } else {
        if (!info->selectable)
            put_attribute(out, "\\Noselect", &gap);
        put_attribute(out, info->has_children ? "\\HasChildren" : "\\HasNoChildren", &gap);
        if (say_use && info->use != STORE_USE_NONE)
            put_attribute(out, store_use_name(info->use), &gap);
    }
    if (say_subscribed && (!info || info->subscribed))
        put_attribute(out, "\\Subscribed", &gap);
    buf_printf(out, ") \"%c\" ", STORE_DELIMITER);
    imap_put_mailbox(out, slice_cstr(name), imap_track_utf8(s->track));
    buf_append_cstr(out, "\r\n");
}

static void put_status(struct imap_serve *s, struct buf *out, struct store_mailbox *m,
                       unsigned items)
{
    struct store_mailbox_info info;
    const unsigned counts = IMAP_STAT_MESSAGES | IMAP_STAT_RECENT | IMAP_STAT_UNSEEN |
                            IMAP_STAT_DELETED | IMAP_STAT_SIZE;
    store_mailbox_info(m, (items & counts) != 0, &info);
    const struct {
        unsigned bit;
        uint64_t value;
    } rows[] = {
        {IMAP_STAT_MESSAGES, info.messages}, {IMAP_STAT_RECENT, info.recent},
        {IMAP_STAT_UIDNEXT, info.uid_next},  {IMAP_STAT_UIDVALIDITY, info.uid_validity},
        {IMAP_STAT_UNSEEN, info.unseen},     {IMAP_STAT_DELETED, info.deleted},
        {IMAP_STAT_SIZE, info.octets},       {IMAP_STAT_APPENDLIMIT, s->options->message_octets},
    };
    buf_append_cstr(out, "* STATUS ");
    imap_put_mailbox(out, slice_cstr(info.name), imap_track_utf8(s->track));
    const char *gap = " (";
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!(items & rows[i].bit))
            continue;
        buf_printf(out, "%s%s %llu", gap, imap_stat_name(rows[i].bit),
                   (unsigned long long)rows[i].value);
        gap = " ";
    }
    buf_append_cstr(out, gap[1] ? " ()\r\n" : ")\r\n");
}

static bool is_mailbox(struct imap_serve *s, const char *name)
{
    return iserve_mailbox(s, slice_cstr(name)) != NULL;
}

/* Subscribed names whose mailbox is gone are listed, too. */
static void list_missing(struct imap_serve *s, const struct imap_command *c, struct buf *out,
                         const char *word)
{
    for (size_t i = 0;; i++) {
        const char *name = store_subscription_at(s->account, i);
        if (!name)
            return;
        if (!is_mailbox(s, name) && pattern_matches(c, name))
            put_list(s, out, word, name, NULL, c->verb == IMAP_VERB_LIST, false);
    }
}

void iserve_list(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    unsigned o = c->list_options;
    bool say_use =
        !(o & IMAP_LIST_EXTENDED) || o & (IMAP_LIST_RETURN_SPECIAL_USE | IMAP_LIST_SPECIAL_USE);
    bool say_subscribed = (o & (IMAP_LIST_SUBSCRIBED | IMAP_LIST_RETURN_SUBSCRIBED)) != 0;
    if (c->n_patterns == 1 && c->patterns[0].len == 0) {
        buf_printf(&a->text, "* LIST (\\Noselect) \"%c\" \"\"\r\n", STORE_DELIMITER);
        iserve_ok(s, c, a, NULL, "LIST done");
        return;
    }
    struct store_mailbox *m;
    for (size_t i = 0; (m = store_mailbox_at(s->account, i)) != NULL; i++) {
        struct store_mailbox_info info;
        store_mailbox_info(m, false, &info);
        if ((o & IMAP_LIST_SUBSCRIBED && !info.subscribed) ||
            (o & IMAP_LIST_SPECIAL_USE && info.use == STORE_USE_NONE) ||
            !pattern_matches(c, info.name))
            continue;
        put_list(s, &a->text, "LIST", info.name, &info, say_subscribed, say_use);
        if (o & IMAP_LIST_RETURN_STATUS && info.selectable)
            put_status(s, &a->text, m, c->status_items);
    }
    if (o & IMAP_LIST_SUBSCRIBED)
        list_missing(s, c, &a->text, "LIST");
    iserve_ok(s, c, a, NULL, "LIST done");
}

void iserve_lsub(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    struct store_mailbox *m;
    for (size_t i = 0; (m = store_mailbox_at(s->account, i)) != NULL; i++) {
        struct store_mailbox_info info;
        store_mailbox_info(m, false, &info);
        if (info.subscribed && pattern_matches(c, info.name))
            put_list(s, &a->text, "LSUB", info.name, &info, false, false);
    }
    list_missing(s, c, &a->text, "LSUB");
    iserve_ok(s, c, a, NULL, "LSUB done");
}

void iserve_status(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    struct store_mailbox *m = iserve_mailbox(s, c->mailbox);
    if (!m) {
        iserve_no(s, c, a, "NONEXISTENT", "There is no such mailbox");
        return;
    }
    put_status(s, &a->text, m, c->status_items);
    iserve_ok(s, c, a, NULL, "STATUS done");
}

void iserve_namespace(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    buf_printf(&a->text, "* NAMESPACE ((\"\" \"%c\")) NIL NIL\r\n", STORE_DELIMITER);
    iserve_ok(s, c, a, NULL, "NAMESPACE done");
}

/* ---- quota (RFC 9208): one root, the user's ---- */

static void put_quota(struct imap_serve *s, struct buf *out)
{
    uint64_t octets, messages, used_octets, used_messages;
    store_user_quota(s->account, &octets, &messages);
    store_user_used(s->account, &used_octets, &used_messages);
    if (octets == 0 && messages == 0)
        return;
    const char *gap = "";
    buf_append_cstr(out, "* QUOTA \"\" (");
    if (octets > 0) {
        buf_printf(out, "STORAGE %llu %llu", (unsigned long long)(used_octets + 1023) / 1024,
                   (unsigned long long)octets / 1024);
        gap = " ";
    }
    if (messages > 0)
        buf_printf(out, "%sMESSAGE %llu %llu", gap, (unsigned long long)used_messages,
                   (unsigned long long)messages);
    buf_append_cstr(out, ")\r\n");
}

void iserve_quota(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    if (c->verb == IMAP_VERB_SETQUOTA) {
        iserve_no(s, c, a, "NOPERM", "Only who runs the server may change a quota");
        return;
    }
    if (c->verb == IMAP_VERB_GETQUOTA && (c->n_words != 1 || c->words[0].len != 0)) {
        iserve_no(s, c, a, "NONEXISTENT", "There is one quota root here: \"\"");
        return;
    }
    if (c->verb == IMAP_VERB_GETQUOTAROOT) {
        if (!iserve_mailbox(s, c->mailbox)) {
            iserve_no(s, c, a, "NONEXISTENT", "There is no such mailbox");
            return;
        }
        buf_append_cstr(&a->text, "* QUOTAROOT ");
        imap_put_mailbox(&a->text, c->mailbox, imap_track_utf8(s->track));
        buf_append_cstr(&a->text, " \"\"\r\n");
    }
    put_quota(s, &a->text);
    iserve_ok(s, c, a, NULL, "Quota done");
}
