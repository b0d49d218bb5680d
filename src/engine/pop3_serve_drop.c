/* The open maildrop: what is in it, its messages, and what goes at the end. */
#include "engine/pop3_serve_private.h"

#include <string.h>

static void happened(struct pop3_serve *s, const char *what, uint32_t uid, const char *text)
{
    if (s->policy->happened)
        s->policy->happened(s->policy_ctx, s->who, what, uid, text);
}

static void sending_end(struct pop3_serve *s)
{
    s->long_answer = POP3_LONG_NONE;
    if (!s->sending)
        return;
    store_content_free(&s->sending->content);
    mem_free(s->sending);
    s->sending = NULL;
}

bool pserve_open_drop(struct pop3_serve *s, struct pop3_answer *a)
{
    struct err err;
    s->who = s->policy->user(s->policy_ctx, s->user);
    struct store_mailbox *inbox = s->who ? store_mailbox_find(s->who, SLICE_LIT("INBOX")) : NULL;
    err_clear(&err);
    if (!inbox) {
        pserve_refuse(s, a, "[AUTH] There is no maildrop for this name");
        return false;
    }
    s->view = store_view_open(inbox, false, NULL, NULL, &err);
    if (!s->view) {
        journal_note_err(s->journal, s->conn, &err);
        pserve_refuse(s, a, "[SYS/TEMP] The maildrop cannot be opened now");
        return false;
    }
    if (!store_view_lock(s->view)) {
        store_view_close(&s->view);
        pserve_refuse(s, a, "[IN-USE] Another session has the maildrop");
        return false;
    }
    happened(s, "locked", 0, "by POP3");
    pserve_say(a, "+OK %zu messages", store_view_count(s->view));
    return true;
}

void pserve_close_drop(struct pop3_serve *s)
{
    sending_end(s);
    mem_free(s->deleted);
    s->deleted = NULL;
    if (!s->view)
        return;
    store_view_close(&s->view);
    happened(s, "unlocked", 0, "by POP3");
}

static bool is_deleted(const struct pop3_serve *s, size_t index)
{
    return s->deleted && s->deleted[index];
}

/* The message of a number, from 1; false: -ERR was said. */
static bool find(struct pop3_serve *s, uint32_t number, size_t *index_out, struct pop3_answer *a)
{
    uint64_t octets;
    bool there = number > 0 && number <= store_view_count(s->view);
    *index_out = there ? number - 1 : 0;
    if (there && is_deleted(s, *index_out))
        pserve_refuse(s, a, "That message is deleted");
    else if (!there)
        pserve_refuse(s, a, "No such message");
    else if (!store_view_measure(s->view, *index_out, &octets, NULL))
        pserve_refuse(s, a, "[SYS/TEMP] That message is gone");
    else
        return true;
    return false;
}

static uint64_t octets_of(struct pop3_serve *s, size_t index)
{
    uint64_t octets = 0;
    store_view_measure(s->view, index, &octets, NULL);
    return octets;
}

static void count(struct pop3_serve *s, size_t *messages, uint64_t *octets)
{
    *messages = 0;
    *octets = 0;
    for (size_t i = 0; i < store_view_count(s->view); i++) {
        if (is_deleted(s, i))
            continue;
        ++*messages;
        *octets += octets_of(s, i);
    }
}

void pserve_stat(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a)
{
    size_t messages;
    uint64_t octets;
    (void)c;
    count(s, &messages, &octets);
    pserve_say(a, "+OK %zu %llu", messages, (unsigned long long)octets);
}

/* ---- listings ---- */

static void listing_line(struct pop3_serve *s, bool uidl, size_t index, const char *before,
                         struct pop3_answer *a)
{
    struct store_mailbox_info info;
    if (!uidl) {
        buf_printf(&a->text, "%s%zu %llu\r\n", before, index + 1,
                   (unsigned long long)octets_of(s, index));
        return;
    }
    struct store_mailbox *m = store_view_mailbox(s->view);
    info.uid_validity = 0;
    if (m)
        store_mailbox_info(m, false, &info);
    buf_printf(&a->text, "%s%zu %08x%08x\r\n", before, index + 1, info.uid_validity,
               store_view_uid(s->view, index));
}

static void more_listing(struct pop3_serve *s, struct pop3_answer *a)
{
    bool uidl = s->long_answer == POP3_LONG_UIDL;
    size_t n = store_view_count(s->view);
    for (size_t lines = 0; lines < POP3_SERVE_PIECE_LINES && s->long_index < n; s->long_index++)
        if (!is_deleted(s, s->long_index)) {
            listing_line(s, uidl, s->long_index, "", a);
            lines++;
        }
    a->then = s->long_index < n ? POP3_THEN_MORE : POP3_THEN_GO_ON;
    if (s->long_index < n)
        return;
    buf_append_cstr(&a->text, ".\r\n");
    s->long_answer = POP3_LONG_NONE;
}

static void listing(struct pop3_serve *s, const struct pop3_command *c, enum pop3_long kind,
                    struct pop3_answer *a)
{
    size_t index, messages;
    uint64_t octets;
    if (c->n_args > 0) {
        if (find(s, c->message, &index, a))
            listing_line(s, kind == POP3_LONG_UIDL, index, "+OK ", a);
        return;
    }
    count(s, &messages, &octets);
    pserve_say(a, "+OK %zu messages (%llu octets)", messages, (unsigned long long)octets);
    s->long_answer = (uint8_t)kind;
    s->long_index = 0;
    more_listing(s, a);
}

void pserve_list(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a)
{
    listing(s, c, POP3_LONG_LIST, a);
}

void pserve_uidl(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a)
{
    listing(s, c, POP3_LONG_UIDL, a);
}

/* ---- messages ---- */

/* TOP: how much of this piece belongs to the answer: the head, the blank line, and so many lines of
 * the body. *over: nothing behind it does. */
static size_t top_octets(struct pop3_sending *p, struct slice piece, bool *over)
{
    *over = p->in_body && p->lines_left == 0;
    for (size_t i = 0; i < piece.len && !*over; i++) {
        uint8_t c = piece.ptr[i];
        if (c != '\n') {
            p->line_has_octets = p->line_has_octets || c != '\r';
            continue;
        }
        if (p->in_body)
            p->lines_left--;
        else if (!p->line_has_octets)
            p->in_body = true;
        p->line_has_octets = false;
        *over = p->in_body && p->lines_left == 0;
        if (*over)
            return i + 1;
    }
    return *over ? 0 : piece.len;
}

static void more_message(struct pop3_serve *s, struct pop3_answer *a)
{
    struct pop3_sending *p = s->sending;
    struct buf piece;
    struct err err;
    bool over = false;
    err_clear(&err);
    buf_init(&piece, POP3_SERVE_PIECE_OCTETS);
    bool ok = store_content_read(p->content, p->at, POP3_SERVE_PIECE_OCTETS, &piece, &err);
    size_t take = p->top ? top_octets(p, buf_slice(&piece), &over) : piece.len;
    over = over || piece.len < POP3_SERVE_PIECE_OCTETS;
    smtp_stuff_feed(&p->stuff, slice_take(buf_slice(&piece), take), &a->text);
    p->at += piece.len;
    buf_deinit(&piece);
    if (!ok) { /* half a message must not look like a whole one */
        journal_note_err(s->journal, s->conn, &err);
        sending_end(s);
        a->then = POP3_THEN_CLOSE;
        return;
    }
    a->then = over ? POP3_THEN_GO_ON : POP3_THEN_MORE;
    if (!over)
        return;
    smtp_stuff_end(&p->stuff, &a->text);
    if (!p->top)
        store_view_flags(s->view, p->index, STORE_ADD, STORE_SEEN, 0, &err);
    sending_end(s);
}

void pserve_retr(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a)
{
    size_t index;
    struct err err;
    err_clear(&err);
    if (!find(s, c->message, &index, a))
        return;
    struct store_content *content = store_content_open(s->view, index, &err);
    if (!content) {
        journal_note_err(s->journal, s->conn, &err);
        pserve_refuse(s, a, "[SYS/TEMP] That message cannot be read");
        return;
    }
    s->sending = mem_zalloc(sizeof(*s->sending));
    *s->sending = (struct pop3_sending){.content = content,
                                        .top = c->verb == POP3_VERB_TOP,
                                        .lines_left = c->lines,
                                        .index = index};
    smtp_stuff_init(&s->sending->stuff, false);
    s->long_answer = POP3_LONG_MESSAGE;
    if (s->sending->top)
        pserve_say(a, "+OK");
    else
        pserve_say(a, "+OK %llu octets", (unsigned long long)store_content_octets(content));
    more_message(s, a);
}

void pop3_serve_more(struct pop3_serve *s, struct pop3_answer *a)
{
    a->then = POP3_THEN_GO_ON;
    if (s->long_answer == POP3_LONG_MESSAGE)
        more_message(s, a);
    else if (s->long_answer != POP3_LONG_NONE)
        more_listing(s, a);
}

/* ---- deleting ---- */

void pserve_dele(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a)
{
    size_t index;
    if (!find(s, c->message, &index, a))
        return;
    if (!s->deleted)
        s->deleted = mem_zalloc(store_view_count(s->view));
    s->deleted[index] = 1;
    pserve_say(a, "+OK Message %u is deleted", c->message);
}

void pserve_rset(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a)
{
    (void)c;
    mem_free(s->deleted);
    s->deleted = NULL;
    pserve_say(a, "+OK %zu messages", store_view_count(s->view));
}

bool pserve_update(struct pop3_serve *s)
{
    struct err err;
    size_t n = s->view ? store_view_count(s->view) : 0, n_gone = 0;
    bool ok = true;
    err_clear(&err);
    if (s->deleted) {
        size_t *gone = mem_alloc(n * sizeof(*gone));
        for (size_t i = 0; i < n; i++)
            if (s->deleted[i])
                gone[n_gone++] = i;
        ok = store_view_expunge(s->view, gone, n_gone, &err) == STORE_OK;
        for (size_t i = 0; ok && i < n_gone; i++)
            happened(s, "expunged", store_view_uid(s->view, gone[i]), "by POP3");
        if (!ok)
            journal_note_err(s->journal, s->conn, &err);
        mem_free(gone);
    }
    pserve_close_drop(s);
    return ok;
}
