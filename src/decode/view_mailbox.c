/* Messages that come back from a mailbox: RETR and TOP of POP3 (RFC 1939 sections 5 and 7), FETCH
 * of IMAP (RFC 9051 section 7.5.2). They end in the same place as a message that was sent, so that
 * everything that reads one reads the other.
 *
 * POP3 marks where its octets begin and end (DATA_BEGIN, DATA_END). In IMAP they are a literal, or
 * several, inside a response: only where they stand is kept here.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "decode/imap_text.h"
#include "decode/view_private.h"
#include "imap/response.h"

enum { ASKED_OCTETS = 512, FETCH_OCTETS = 65536 };

/* ---- POP3 ---- */

/* The command a DATA_BEGIN comes from: its reply's cause. */
static const struct event *command_of(const struct journal *j, const struct event *data_begin)
{
    const struct event *ev = journal_at(j, data_begin->cause_seq);
    if (ev && ev->kind == EVENT_REPLY)
        ev = journal_at(j, ev->cause_seq);
    return ev && ev->kind == EVENT_COMMAND ? ev : NULL;
}

void view_mailbox_asked(struct view *v, const struct journal *j, const struct event *data_begin)
{
    const struct event *command = command_of(j, data_begin);
    struct ev_command e;
    struct buf line;
    uint64_t number = 0, lines = 0;
    snprintf(v->body.asked, sizeof(v->body.asked), "a mailbox");
    if (!command)
        return;
    EVENT_GET(command, COMMAND, &e);
    bool top = slice_eq(e.verb, SLICE_LIT("TOP"));
    buf_init(&line, ASKED_OCTETS);
    journal_read_masked(j, v->conn, DIR_C, LAYER_PLAIN, e.offset,
                        e.length < ASKED_OCTETS ? e.length : ASKED_OCTETS, &line, NULL);
    struct slice rest = slice_trim(buf_slice(&line));
    slice_next_word(&rest);
    if (slice_to_u64(slice_next_word(&rest), UINT32_MAX, &number))
        v->body.number = (uint32_t)number;
    if (top && slice_to_u64(slice_next_word(&rest), UINT32_MAX, &lines))
        snprintf(v->body.asked, sizeof(v->body.asked), "TOP %u %u", (unsigned)number,
                 (unsigned)lines);
    else
        snprintf(v->body.asked, sizeof(v->body.asked), "%s %u", top ? "TOP" : "RETR",
                 (unsigned)number);
    v->body.part = top ? VIEW_PART_TOP : VIEW_PART_WHOLE;
    buf_deinit(&line);
}

/* ---- IMAP ---- */

/* What an item of FETCH holds of a message. */
static const struct {
    const char *item; /* the part before an origin "<0>" */
    enum view_part part;
    bool begins; /* more stands in the brackets */
} items[] = {
    {"BODY[]", VIEW_PART_WHOLE, false},
    {"BINARY[]", VIEW_PART_WHOLE, false}, /* RFC 3516 section 4.3 */
    {"RFC822", VIEW_PART_WHOLE, false},
    {"BODY[HEADER]", VIEW_PART_HEADER, false},
    {"RFC822.HEADER", VIEW_PART_HEADER, false},
    {"BODY[TEXT]", VIEW_PART_TEXT, false},
    {"RFC822.TEXT", VIEW_PART_TEXT, false},
    {"BODY[HEADER.FIELDS", VIEW_PART_FIELDS, true},
};

/* One of them as it came. */
struct found {
    const char *item; /* NULL: it did not */
    uint64_t offset, length;
    uint64_t origin; /* of a part of it */
    bool ranged;
};

/* "BODY[]<4096>": where the range begins. */
static bool take_origin(struct slice name, struct slice *item_out, uint64_t *origin_out)
{
    ptrdiff_t open = slice_find_octet(name, '<');
    *item_out = name;
    if (open < 0 || name.ptr[name.len - 1] != '>')
        return false;
    *item_out = slice_take(name, (size_t)open);
    return slice_to_u64(slice_take(slice_skip(name, (size_t)open + 1), name.len - (size_t)open - 2),
                        UINT64_MAX, origin_out);
}

/* Where a string stands in the stream: all literals are gaps; a quoted one stands in the text. */
static bool place_of(const struct imap_node *n, const struct imap_read *r, uint64_t start,
                     struct found *out)
{
    const uint8_t *from = r->octets.ptr;
    out->length = n->length;
    if (n->gap) {
        out->offset = n->stream_at;
        return true;
    }
    /* With a backslash in it the text is another's, in the arena: a message on one line, which no
     * server has been seen to quote so. */
    if (n->kind != IMAP_NODE_STRING || n->text.ptr < from || n->text.ptr > from + r->octets.len)
        return false;
    size_t at = (size_t)(n->text.ptr - from);
    out->offset = start + at;
    for (size_t i = 0; i < r->n_gaps && r->gaps[i].at <= at; i++)
        out->offset += r->gaps[i].octets;
    return true;
}

/* What of a message the list of a FETCH holds, an entry a sort of part. */
static void find_items(const struct imap_node *list, const struct imap_read *r, uint64_t start,
                       struct found found[VIEW_PART__COUNT])
{
    for (const struct imap_node *n = list->first; n && n->next; n = n->next->next) {
        struct found one = {0};
        struct slice name;
        if (n->kind != IMAP_NODE_ATOM || !place_of(n->next, r, start, &one))
            continue;
        one.ranged = take_origin(n->text, &name, &one.origin);
        for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++) {
            struct slice item = slice_cstr(items[i].item);
            bool is =
                items[i].begins ? slice_starts_nocase(name, item) : slice_eq_nocase(name, item);
            if (!is || found[items[i].part].item)
                continue;
            one.item = items[i].item;
            found[items[i].part] = one;
        }
    }
}

static void add_found(struct view *v, const struct found *f, const struct ev_untagged *e)
{
    uint64_t end = e->offset + e->length;
    if (f->offset >= e->offset && f->offset <= end)
        view_content_add(v, f->offset, f->length < end - f->offset ? f->length : end - f->offset);
}

/* Octets that go on where those before ended belong to the same message. */
static bool goes_on(const struct view *v, const struct found *f, uint32_t number)
{
    return f->ranged && f->origin > 0 && v->body.seq != 0 && v->body.dir == DIR_S &&
           v->body.part == VIEW_PART_RANGE && v->body.number == number &&
           f->origin == view_content_octets(v);
}

static void take_message(struct view *v, const struct event *ev, const struct ev_untagged *e,
                         enum view_part part, const struct found found[VIEW_PART__COUNT])
{
    const struct found *f = &found[part];
    uint32_t number = e->number <= UINT32_MAX ? (uint32_t)e->number : 0;
    bool both = part == VIEW_PART_HEADER && !f->ranged && found[VIEW_PART_TEXT].item &&
                !found[VIEW_PART_TEXT].ranged;
    struct view_content *b = &v->body;
    if (!goes_on(v, f, number)) {
        view_content_drop(v);
        b->dir = DIR_S;
        b->seq = ev->seq;
        b->number = number;
        b->part = both                                  ? VIEW_PART_WHOLE
                  : f->ranged && f->origin > 0          ? VIEW_PART_TEXT
                  : f->ranged && part != VIEW_PART_TEXT ? VIEW_PART_RANGE
                                                        : part;
        b->last = true;
        snprintf(b->asked, sizeof(b->asked), "FETCH %u %s%s%s", (unsigned)number, f->item,
                 part == VIEW_PART_FIELDS ? " ...]"
                 : f->ranged              ? "<...>"
                                          : "",
                 both ? " and BODY[TEXT]" : "");
    }
    add_found(v, f, e);
    if (both)
        add_found(v, &found[VIEW_PART_TEXT], e);
    /* Of the message as it is: nothing was added for the wire, so nothing else is to be counted. */
    uint64_t octets = view_content_octets(v);
    v->content = (struct ev_data_end){.length = octets, .content = octets, .complete = 1};
    v->content_known = true;
}

void view_mailbox_untagged(struct view *v, const struct journal *j, const struct event *ev)
{
    static const enum view_part order[] = {VIEW_PART_WHOLE, VIEW_PART_HEADER, VIEW_PART_FIELDS,
                                           VIEW_PART_TEXT};
    struct found found[VIEW_PART__COUNT] = {0};
    struct ev_untagged e;
    struct imap_read r;
    struct arena arena;
    struct imap_response response;
    struct imap_cursor c;
    EVENT_GET(ev, UNTAGGED, &e);
    if (!slice_eq_nocase(e.type, SLICE_LIT("FETCH")) || e.length > UINT64_MAX - e.offset)
        return;
    imap_read_init(&r, FETCH_OCTETS);
    arena_init(&arena);
    imap_read_response(&r, j, ev->conn, e.offset, e.length, 0);
    const struct imap_text text = imap_read_text(&r);
    imap_response_parse(&text, &response);
    imap_cursor_init(&c, &text, &arena);
    c.at = response.data_at;
    const struct imap_node *tree = response.kind == IMAP_RESPONSE_DATA ? imap_take_tree(&c) : NULL;
    if (tree && tree->first && tree->first->kind == IMAP_NODE_LIST)
        find_items(tree->first, &r, e.offset, found);
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
        if (found[order[i]].item) {
            take_message(v, ev, &e, order[i], found);
            break;
        }
    arena_deinit(&arena);
    imap_read_deinit(&r);
}
