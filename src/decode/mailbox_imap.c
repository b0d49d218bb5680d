/* Mailboxes and messages, from what an IMAP server tells (RFC 3501 section 7, RFC 9051 section 7).
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "decode/imap_text.h"
#include "decode/mailbox_private.h"
#include "imap/command.h"
#include "imap/response.h"
#include "mail/header.h"

enum {
    STRUCTURE_DEPTH_MAX = 20,
    STRUCTURE_OCTETS = 4096,
    KEPT_LITERAL_OCTETS = 4096, /* names, subjects; a message is stepped over */
};

/* ---- which mailbox ---- */

void mailbox_imap_command(struct mailbox_view *v, const struct journal *j, const struct event *ev)
{
    struct ev_command e;
    struct buf line;
    struct arena arena;
    struct imap_command c;
    EVENT_GET(ev, COMMAND, &e);
    enum imap_verb verb = imap_verb_by_name(e.verb);
    if (verb != IMAP_VERB_SELECT && verb != IMAP_VERB_EXAMINE)
        return;
    buf_init(&line, MAILBOX_READ_OCTETS);
    arena_init(&arena);
    if (mailbox_read(v, j, DIR_C, e.offset, e.length, &line)) {
        const struct imap_text text = {.octets = buf_slice(&line)};
        imap_command_parse(&text, false, &arena, &c);
        mailbox_set_text(&v->opening, c.mailbox);
        v->opening_seq = ev->seq;
        v->opening_read_only = verb == IMAP_VERB_EXAMINE;
        /* RFC 9051 section 6.3.2: the one that was open is not any more, whatever is answered. */
        mailbox_set_text(&v->selected, slice_of(NULL, 0));
        mailbox_messages_clear(v);
    }
    arena_deinit(&arena);
    buf_deinit(&line);
}

static uint32_t number_of(struct slice text)
{
    uint64_t n = 0;
    return slice_to_u64(slice_next_word(&text), UINT32_MAX, &n) ? (uint32_t)n : 0;
}

static void take_code(struct mailbox_view *v, const struct imap_response *r)
{
    if (slice_eq_nocase(r->code, SLICE_LIT("UIDVALIDITY")))
        v->uid_validity = number_of(r->code_args);
    else if (slice_eq_nocase(r->code, SLICE_LIT("UIDNEXT")))
        v->uid_next = number_of(r->code_args);
    else if (slice_eq_nocase(r->code, SLICE_LIT("UNSEEN")))
        v->unseen = number_of(r->code_args);
    else if (slice_eq_nocase(r->code, SLICE_LIT("PERMANENTFLAGS")))
        mailbox_set_text(&v->permanent_flags, r->code_args);
    else if (slice_eq_nocase(r->code, SLICE_LIT("READ-ONLY")))
        v->read_only = true;
    else if (slice_eq_nocase(r->code, SLICE_LIT("READ-WRITE")))
        v->read_only = false;
}

void mailbox_imap_reply(struct mailbox_view *v, const struct journal *j, const struct event *ev)
{
    struct ev_reply e;
    struct buf line;
    struct imap_response r;
    EVENT_GET(ev, REPLY, &e);
    buf_init(&line, MAILBOX_READ_OCTETS);
    mailbox_read(v, j, DIR_S, e.offset, e.length, &line);
    const struct imap_text text = {.octets = buf_slice(&line)};
    imap_response_parse(&text, &r);
    if (v->opening && ev->cause_seq == v->opening_seq && !slice_eq(e.tag, SLICE_LIT("*"))) {
        if (slice_eq(e.status, SLICE_LIT("OK"))) {
            mailbox_set_text(&v->selected, slice_cstr(v->opening));
            v->read_only = v->opening_read_only;
        }
        mailbox_set_text(&v->opening, slice_of(NULL, 0));
    }
    take_code(v, &r);
    buf_deinit(&line);
}

/* ---- messages ---- */

static void append_flags(struct buf *out, const struct imap_node *list)
{
    for (const struct imap_node *n = list->first; n; n = n->next)
        buf_printf(out, "%s%.*s", n == list->first ? "" : " ", SLICE_ARG(n->text));
}

static void set_flags(char **text, const struct imap_node *list)
{
    struct buf out;
    if (!list || list->kind != IMAP_NODE_LIST)
        return;
    buf_init(&out, 4096);
    append_flags(&out, list);
    mailbox_set_text(text, buf_slice(&out));
    buf_deinit(&out);
}

static bool has_flag(const struct imap_node *list, const char *flag)
{
    for (const struct imap_node *n = list ? list->first : NULL; n; n = n->next)
        if (slice_eq_nocase(n->text, slice_cstr(flag)))
            return true;
    return false;
}

static void set_decoded(char **text, const struct imap_node *n)
{
    struct buf out;
    if (!n || n->kind != IMAP_NODE_STRING)
        return;
    buf_init(&out, 4096);
    mail_text_decode(n->text, &out);
    mailbox_set_text(text, buf_slice(&out));
    buf_deinit(&out);
}

/* ENVELOPE: date subject from sender reply-to to cc bcc in-reply-to message-id; an address is
 * (name route mailbox host) (RFC 3501 section 7.4.2). */
static void take_envelope(struct mailbox_message *m, const struct imap_node *list)
{
    const struct imap_node *date = list ? list->first : NULL;
    const struct imap_node *subject = date ? date->next : NULL;
    const struct imap_node *from = subject ? subject->next : NULL;
    if (!from)
        return;
    if (date->kind == IMAP_NODE_STRING)
        mailbox_set_text(&m->date, date->text);
    set_decoded(&m->subject, subject);
    const struct imap_node *one = from->first; /* the first address */
    const struct imap_node *name = one ? one->first : NULL;
    const struct imap_node *box = name && name->next ? name->next->next : NULL;
    const struct imap_node *host = box ? box->next : NULL;
    if (!host)
        return;
    mem_free(m->from);
    m->from = mem_printf("%.*s@%.*s", SLICE_ARG(slice_take(box->text, 200)),
                         SLICE_ARG(slice_take(host->text, 200)));
}

static void structure_line(const struct imap_node *part, const char *section, unsigned depth,
                           struct buf *out);

/* A multipart: parts that are lists, then its subtype. */
static void structure_multi(const struct imap_node *list, const char *section, unsigned depth,
                            struct buf *out)
{
    const struct imap_node *n = list->first;
    unsigned number = 0;
    const struct imap_node *subtype = n;
    while (subtype && subtype->kind == IMAP_NODE_LIST)
        subtype = subtype->next;
    buf_printf(out, "%*s%s multipart/%.*s\n", (int)(2 * depth), "", *section ? section : "*",
               SLICE_ARG(subtype ? slice_take(subtype->text, 60) : slice_cstr("?")));
    for (; n && n->kind == IMAP_NODE_LIST; n = n->next) {
        char inner[64];
        snprintf(inner, sizeof inner, "%.40s%s%u", section, *section ? "." : "", ++number);
        structure_line(n, inner, depth + 1, out);
    }
}

/* type subtype params id description encoding octets ... */
static void structure_line(const struct imap_node *part, const char *section, unsigned depth,
                           struct buf *out)
{
    if (depth > STRUCTURE_DEPTH_MAX || out->overflow)
        return;
    const struct imap_node *type = part->first;
    if (type && type->kind == IMAP_NODE_LIST) {
        structure_multi(part, section, depth, out);
        return;
    }
    const struct imap_node *n[7] = {type};
    for (int i = 1; i < 7; i++)
        n[i] = n[i - 1] ? n[i - 1]->next : NULL;
    if (!n[6])
        return;
    buf_printf(out, "%*s%s %.*s/%.*s  %.*s  %.*s octets\n", (int)(2 * depth), "",
               *section ? section : "1", SLICE_ARG(slice_take(n[0]->text, 60)),
               SLICE_ARG(slice_take(n[1]->text, 60)), SLICE_ARG(slice_take(n[5]->text, 30)),
               SLICE_ARG(slice_take(n[6]->text, 20)));
}

static bool is_body(struct slice word)
{
    return (slice_starts_nocase(word, SLICE_LIT("BODY[")) &&
            !slice_starts_nocase(word, SLICE_LIT("BODY[HEADER"))) ||
           slice_eq_nocase(word, SLICE_LIT("RFC822")) ||
           slice_eq_nocase(word, SLICE_LIT("RFC822.TEXT"));
}

static void take_fetch(struct mailbox_view *v, uint32_t number, const struct imap_node *list)
{
    struct mailbox_message *m = mailbox_message_get(v, number);
    if (!m || !list || list->kind != IMAP_NODE_LIST)
        return;
    const struct imap_node *uid = imap_node_after(list, "UID");
    const struct imap_node *size = imap_node_after(list, "RFC822.SIZE");
    const struct imap_node *flags = imap_node_after(list, "FLAGS");
    const struct imap_node *structure = imap_node_after(list, "BODYSTRUCTURE");
    if (uid)
        m->uid = number_of(uid->text);
    if (size) {
        m->octets_known = slice_to_u64(size->text, UINT64_MAX, &m->octets);
    }
    if (flags) {
        set_flags(&m->flags, flags);
        m->deleted = has_flag(flags, "\\Deleted");
    }
    take_envelope(m, imap_node_after(list, "ENVELOPE"));
    if (structure && structure->kind == IMAP_NODE_LIST) {
        struct buf lines;
        buf_init(&lines, STRUCTURE_OCTETS);
        structure_line(structure, "", 0, &lines);
        mem_free(m->structure);
        m->structure = mem_slice_dup(buf_slice(&lines));
        buf_deinit(&lines);
    }
    for (const struct imap_node *n = list->first; n && n->next; n = n->next->next)
        m->fetched = m->fetched || is_body(n->text);
}

/* (\HasNoChildren) "/" "INBOX" */
static void take_list(struct mailbox_view *v, const struct imap_node *tree)
{
    const struct imap_node *attributes = tree->first;
    const struct imap_node *delimiter = attributes ? attributes->next : NULL;
    const struct imap_node *name = delimiter ? delimiter->next : NULL;
    if (!name || attributes->kind != IMAP_NODE_LIST)
        return;
    struct mailbox_box *box = NULL;
    for (size_t i = 0; i < v->n_boxes && !box; i++)
        if (slice_eq(slice_cstr(v->boxes[i].name), name->text))
            box = &v->boxes[i];
    if (!box && v->n_boxes >= MAILBOX_BOXES_MAX) {
        v->left_out++;
        return;
    }
    if (!box) {
        v->boxes = mem_realloc(v->boxes, (v->n_boxes + 1) * sizeof *v->boxes);
        box = &v->boxes[v->n_boxes++];
        *box = (struct mailbox_box){.name = mem_slice_dup(slice_take(name->text, 1000))};
    }
    box->delimiter = delimiter->text.len == 1 ? (char)delimiter->text.ptr[0] : '\0';
    set_flags(&box->attributes, attributes);
}

/* What the server says of itself while nobody asked: the point of IDLE. */
static void note_unasked(struct mailbox_view *v, const struct event *ev, const char *what,
                         uint32_t number)
{
    char text[120];
    if (ev->cause_seq != 0 && !v->idle)
        return;
    snprintf(text, sizeof text, "%s %u", what, (unsigned)number);
    mailbox_set_text(&v->last_event, slice_cstr(text));
}

static void take_exists(struct mailbox_view *v, const struct event *ev, uint32_t number)
{
    if (v->exists_known && number > v->exists)
        note_unasked(v, ev, "mail arrived; messages now:", number);
    v->exists = number;
    v->exists_known = true;
}

static void take_data(struct mailbox_view *v, const struct event *ev, struct slice type,
                      uint32_t number, const struct imap_node *tree)
{
    const struct imap_node *first = tree ? tree->first : NULL;
    if (slice_eq_nocase(type, SLICE_LIT("EXISTS"))) {
        take_exists(v, ev, number);
    } else if (slice_eq_nocase(type, SLICE_LIT("RECENT"))) {
        v->recent = number;
        v->recent_known = true;
    } else if (slice_eq_nocase(type, SLICE_LIT("EXPUNGE"))) {
        mailbox_message_expunge(v, number);
        if (v->exists > 0)
            v->exists--;
        note_unasked(v, ev, "removed: message", number);
    } else if (slice_eq_nocase(type, SLICE_LIT("FLAGS"))) {
        set_flags(&v->flags, first);
    } else if (slice_eq_nocase(type, SLICE_LIT("FETCH"))) {
        take_fetch(v, number, first);
        note_unasked(v, ev, "flags changed: message", number);
    } else if ((slice_eq_nocase(type, SLICE_LIT("LIST")) ||
                slice_eq_nocase(type, SLICE_LIT("LSUB"))) &&
               tree) {
        take_list(v, tree);
    }
}

void mailbox_imap_untagged(struct mailbox_view *v, const struct journal *j, const struct event *ev)
{
    struct ev_untagged e;
    struct imap_read read;
    struct arena arena;
    struct imap_response r;
    struct imap_cursor c;
    EVENT_GET(ev, UNTAGGED, &e);
    imap_read_init(&read, MAILBOX_READ_OCTETS);
    arena_init(&arena);
    imap_read_response(&read, j, v->conn, e.offset, e.length, KEPT_LITERAL_OCTETS);
    const struct imap_text text = imap_read_text(&read);
    imap_response_parse(&text, &r);
    imap_cursor_init(&c, &text, &arena);
    c.at = r.data_at;
    const struct imap_node *tree = r.kind == IMAP_RESPONSE_DATA ? imap_take_tree(&c) : NULL;
    take_data(v, ev, e.type, (uint32_t)(e.number <= UINT32_MAX ? e.number : 0), tree);
    arena_deinit(&arena);
    imap_read_deinit(&read);
}
