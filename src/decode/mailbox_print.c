/* The fold of mail on the server as lines. */
#include <string.h>

#include "decode/mailbox_private.h"

enum { SHOWN_MESSAGES_MAX = 500, SUBJECT_COLS = 70, FROM_COLS = 70 };

static void value(struct buf *out, const char *label, const char *text, unsigned flags)
{
    if (!text)
        return;
    buf_printf(out, "%-12s", label);
    vis_to_buf(out, slice_cstr(text), flags);
    buf_append_octet(out, '\n');
}

static void number(struct buf *out, const char *label, uint64_t n)
{
    buf_printf(out, "%-12s%llu\n", label, (unsigned long long)n);
}

static void octets(struct buf *out, const struct mailbox_message *m)
{
    if (m->octets_known)
        buf_printf(out, "%llu", (unsigned long long)m->octets);
    else
        buf_append_octet(out, '?');
}

/* ---- POP3 ---- */

static void pop3_message(struct buf *out, const struct mailbox_message *m, unsigned flags)
{
    buf_printf(out, "%4u ", (unsigned)m->number);
    octets(out, m);
    buf_append_cstr(out, " octets");
    buf_append_cstr(out, m->deleted ? "  deleted" : m->fetched ? "  fetched" : "");
    if (m->unique_id) {
        buf_append_cstr(out, "  ");
        vis_to_buf(out, slice_cstr(m->unique_id), flags);
    }
    buf_append_octet(out, '\n');
}

static void print_pop3(const struct mailbox_view *v, struct buf *out, unsigned flags)
{
    size_t deleted = mailbox_view_deleted(v);
    if (!v->authenticated) {
        buf_append_cstr(out, "not open: log in first (USER and PASS, APOP, AUTH, or /auth)\n");
        return;
    }
    if (v->total_known)
        buf_printf(out, "%-12s%u, %llu octets\n", "messages", (unsigned)v->total_messages,
                   (unsigned long long)v->total_octets);
    else
        buf_append_cstr(out, "messages    not asked yet: STAT or /list\n");
    if (deleted > 0 && v->updated)
        buf_printf(out, "%-12s%zu gone: QUIT was answered\n", "deleted", deleted);
    else if (deleted > 0)
        buf_printf(out,
                   "%-12s%zu marked: they go when QUIT is answered, and stay if the connection "
                   "breaks before (RFC 1939 section 6); RSET takes it back\n",
                   "deleted", deleted);
    for (size_t i = 0; i < v->n_messages && i < SHOWN_MESSAGES_MAX; i++)
        pop3_message(out, &v->messages[i], flags);
}

/* ---- IMAP ---- */

static void clipped(struct buf *out, const char *text, size_t cols, unsigned flags)
{
    struct vis_text safe;
    vis_init(&safe);
    vis_append(&safe, slice_cstr(text ? text : ""), flags, cols);
    buf_append_cstr(out, vis_cstr(&safe));
    vis_deinit(&safe);
}

/* Several lines, each safe by itself. */
static void lines(struct buf *out, const char *text, unsigned flags)
{
    for (struct slice rest = slice_cstr(text); rest.len > 0;) {
        ptrdiff_t lf = slice_find_octet(rest, '\n');
        size_t n = lf < 0 ? rest.len : (size_t)lf;
        buf_append_cstr(out, "       ");
        vis_to_buf(out, slice_take(rest, n), flags);
        buf_append_octet(out, '\n');
        rest = slice_skip(rest, n + 1);
    }
}

/* Two rows, so that a narrow pane cuts neither. */
static void imap_message(struct buf *out, const struct mailbox_message *m, unsigned flags)
{
    buf_printf(out, "%4u ", (unsigned)m->number);
    if (m->uid)
        buf_printf(out, "uid %u ", (unsigned)m->uid);
    octets(out, m);
    buf_append_cstr(out, " octets");
    if (m->flags) {
        buf_append_octet(out, ' ');
        vis_to_buf(out, slice_cstr(m->flags), flags);
    }
    buf_append_octet(out, '\n');
    if (m->subject || m->from) {
        buf_append_cstr(out, "     ");
        clipped(out, m->subject ? m->subject : "(no subject)", SUBJECT_COLS, flags);
        buf_append_cstr(out, "\n     ");
        clipped(out, m->from, FROM_COLS, flags);
        buf_append_octet(out, '\n');
    }
    if (m->structure)
        lines(out, m->structure, flags);
}

static void print_selected(const struct mailbox_view *v, struct buf *out, unsigned flags)
{
    if (!v->selected) {
        buf_append_cstr(out, v->authenticated ? "none is selected: SELECT INBOX\n"
                                              : "not logged in: LOGIN, AUTHENTICATE or /auth\n");
        return;
    }
    value(out, "selected", v->selected, flags);
    buf_printf(out, "%-12s%s%s\n", "access", v->read_only ? "read only" : "read and write",
               v->idle ? "; IDLE: the server tells what happens" : "");
    if (v->exists_known)
        number(out, "messages", v->exists);
    if (v->recent_known)
        number(out, "recent", v->recent);
    if (v->unseen)
        number(out, "first new", v->unseen);
    if (v->uid_validity)
        number(out, "uidvalidity", v->uid_validity);
    if (v->uid_next)
        number(out, "uidnext", v->uid_next);
    value(out, "flags", v->flags, flags);
    value(out, "lasting", v->permanent_flags, flags);
    value(out, "news", v->last_event, flags);
}

/* Attributes and name: both are the server's words. */
static void box(struct buf *out, const struct mailbox_box *b, unsigned flags)
{
    struct vis_text safe;
    vis_init(&safe);
    vis_append(&safe, slice_cstr(b->attributes ? b->attributes : ""), flags, SIZE_MAX);
    while (safe.cols < 11)
        vis_append_own(&safe, " ");
    vis_append_own(&safe, " ");
    vis_append(&safe, slice_cstr(b->name), flags, SIZE_MAX);
    buf_append(out, buf_slice(&safe.text));
    buf_append_octet(out, '\n');
    vis_deinit(&safe);
}

static void print_imap(const struct mailbox_view *v, struct buf *out, unsigned flags)
{
    print_selected(v, out, flags);
    size_t deleted = mailbox_view_deleted(v);
    if (deleted > 0)
        buf_printf(out, "%-12s%zu marked \\Deleted: EXPUNGE or CLOSE removes them\n", "deleted",
                   deleted);
    if (v->n_messages > 0)
        buf_append_cstr(out, "\nMessages told of\n");
    for (size_t i = 0; i < v->n_messages && i < SHOWN_MESSAGES_MAX; i++)
        imap_message(out, &v->messages[i], flags);
    if (v->n_boxes > 0)
        buf_append_cstr(out, "\nMailboxes\n");
    for (size_t i = 0; i < v->n_boxes; i++)
        box(out, &v->boxes[i], flags);
}

void mailbox_view_print(const struct mailbox_view *v, unsigned vis_flags, struct buf *out)
{
    if (v->pop3)
        print_pop3(v, out, vis_flags);
    else if (v->imap)
        print_imap(v, out, vis_flags);
    if ((v->pop3 || v->imap) && v->n_messages > SHOWN_MESSAGES_MAX)
        buf_printf(out, "... and %zu more\n", v->n_messages - SHOWN_MESSAGES_MAX);
    if (v->left_out > 0)
        buf_printf(out, "%llu more are not kept (limit listed-messages)\n",
                   (unsigned long long)v->left_out);
}
