/* FETCH (RFC 9051 section 6.4.5): a list of messages, said one after the other, in pieces.
 *
 * The text of one message is put together with holes in it: large octets of the message stay where
 * the store has them and are copied once, into the answer. A piece of an answer holds as many
 * messages as fit, so that ten thousand headers cost few turns, and a message of 50 MB many.
 */
#include "engine/imap_serve_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { COPY_MAX_OCTETS = 4096 };

/* ---- the command, kept ---- */

/* What a command points to is gone when the next octets come: the items are copied. */
static void keep_items(struct iserve_fetch *f, const struct imap_command *c)
{
    struct imap_fetch_item *items = arena_alloc(&f->arena, (c->n_items + 1) * sizeof(*items));
    for (size_t i = 0; i < c->n_items; i++) {
        const struct imap_fetch_item *from = &c->items[i];
        items[i] = *from;
        uint32_t *parts = arena_alloc(&f->arena, (from->n_parts + 1) * sizeof(*parts));
        struct slice *fields = arena_alloc(&f->arena, (from->n_fields + 1) * sizeof(*fields));
        if (from->n_parts > 0)
            memcpy(parts, from->parts, from->n_parts * sizeof(*parts));
        for (size_t k = 0; k < from->n_fields; k++)
            fields[k] = arena_dup(&f->arena, from->fields[k]);
        items[i].parts = parts;
        items[i].fields = fields;
        items[i].section_text = arena_dup(&f->arena, from->section_text);
        f->sets_seen = f->sets_seen || !from->peek;
    }
    f->items = items;
    f->n_items = c->n_items;
}

static void message_close(struct iserve_fetch *f)
{
    store_content_free(&f->content);
    f->octets = slice_of(NULL, 0);
    f->part = NULL;
    arena_reset(&f->part_arena);
    buf_reset(&f->text);
    f->n_holes = f->text_at = f->hole_at = f->hole_octets_at = 0;
}

void iserve_fetch_free(struct iserve_fetch **f)
{
    if (!*f)
        return;
    message_close(*f);
    arena_deinit(&(*f)->arena);
    arena_deinit(&(*f)->part_arena);
    buf_deinit(&(*f)->text);
    mem_free((*f)->holes);
    mem_free((*f)->indexes);
    mem_free(*f);
    *f = NULL;
}

/* ---- octets of the message ---- */

static bool open_content(struct imap_serve *s, size_t index)
{
    struct iserve_fetch *f = s->fetch;
    if (f->content)
        return true;
    f->content = store_content_open(s->view, index, NULL);
    return f->content && store_content_whole(f->content, &f->octets, NULL);
}

static const struct mail_part *structure(struct iserve_fetch *f)
{
    if (!f->part)
        f->part = mail_structure_parse(f->octets, &f->part_arena);
    return f->part;
}

/* The header section with its empty line. */
static struct slice header_of(struct slice message)
{
    ptrdiff_t end = slice_find(message, SLICE_LIT("\r\n\r\n"));
    if (slice_starts(message, SLICE_LIT("\r\n")))
        return slice_take(message, 2);
    return end < 0 ? message : slice_take(message, (size_t)end + 4);
}

static void put_literal(struct iserve_fetch *f, struct slice octets)
{
    buf_printf(&f->text, "{%zu}\r\n", octets.len);
    if (octets.len <= COPY_MAX_OCTETS) {
        buf_append(&f->text, octets);
        return;
    }
    if (f->n_holes == f->alloc_holes) {
        f->alloc_holes = f->alloc_holes ? f->alloc_holes * 2 : 4;
        f->holes = mem_realloc(f->holes, f->alloc_holes * sizeof(*f->holes));
    }
    f->holes[f->n_holes++] = (struct iserve_hole){f->text.len, octets};
}

/* ---- sections ---- */

/* The octets of a section without its fields taken apart; false: there is no such section. */
static bool section_octets(struct iserve_fetch *f, const struct imap_fetch_item *item,
                           struct slice *out)
{
    if (item->n_parts == 0) {
        struct slice header = header_of(f->octets);
        if (item->section == IMAP_SECTION_ALL)
            *out = f->octets;
        else if (item->section == IMAP_SECTION_TEXT)
            *out = slice_skip(f->octets, header.len);
        else
            *out = header;
        return true;
    }
    const struct mail_part *p = imessage_part(structure(f), item->parts, item->n_parts);
    if (!p)
        return false;
    if (item->section == IMAP_SECTION_ALL)
        *out = p->body;
    else if (item->section == IMAP_SECTION_MIME)
        *out = p->header;
    else if (p->kind != MAIL_PART_MESSAGE)
        return false;
    else
        *out = item->section == IMAP_SECTION_TEXT ? p->first->body : p->first->header;
    return true;
}

static struct slice partial_of(const struct imap_fetch_item *item, struct slice octets)
{
    if (!item->partial)
        return octets;
    if (item->partial_at >= octets.len)
        return slice_of(octets.ptr, 0);
    octets = slice_skip(octets, (size_t)item->partial_at);
    return item->partial_octets < octets.len ? slice_take(octets, (size_t)item->partial_octets)
                                             : octets;
}

static void put_section(struct iserve_fetch *f, const struct imap_fetch_item *item)
{
    struct slice octets = slice_of(NULL, 0);
    buf_append_cstr(&f->text, item->kind == IMAP_FETCH_SECTION ? "BODY[" : "BINARY[");
    buf_append(&f->text, item->section_text);
    buf_append_octet(&f->text, ']');
    if (item->partial)
        buf_printf(&f->text, "<%llu>", (unsigned long long)item->partial_at);
    buf_append_octet(&f->text, ' ');
    if (!section_octets(f, item, &octets)) {
        buf_append_cstr(&f->text, "NIL");
        return;
    }
    bool but = item->section == IMAP_SECTION_FIELDS_NOT;
    if (!but && item->section != IMAP_SECTION_FIELDS) {
        put_literal(f, partial_of(item, octets));
        return;
    }
    struct buf fields;
    buf_init(&fields, ISERVE_TEXT_MAX_OCTETS);
    imessage_fields(octets, item->fields, item->n_fields, but, &fields);
    struct slice part = partial_of(item, buf_slice(&fields));
    buf_printf(&f->text, "{%zu}\r\n", part.len);
    buf_append(&f->text, part);
    buf_deinit(&fields);
}

static void put_date(struct imap_serve *s, size_t index)
{
    int64_t internal_us = 0;
    char text[27];
    store_view_measure(s->view, index, NULL, &internal_us);
    struct imap_date_time t = {.utc_s = internal_us / 1000000};
    imap_date_time_format(&t, text);
    buf_printf(&s->fetch->text, "INTERNALDATE \"%s\"", text);
}

static void put_flags(struct imap_serve *s, size_t index)
{
    struct store_message m;
    if (!store_view_get(s->view, index, &m))
        return;
    buf_append_cstr(&s->fetch->text, "FLAGS ");
    iserve_put_flags(s, &s->fetch->text, m.flags, m.keywords);
    store_view_flags_told(s->view, index);
}

/* ---- what never changes ---- */

static bool is_cached_kind(enum imap_fetch kind)
{
    return kind == IMAP_FETCH_ENVELOPE || kind == IMAP_FETCH_BODY ||
           kind == IMAP_FETCH_BODYSTRUCTURE;
}

static struct icache_key key_of(const struct imap_serve *s, enum imap_fetch kind, size_t index)
{
    const struct iserve_fetch *f = s->fetch;
    return (struct icache_key){.names = f->names,
                               .uid_validity = f->uid_validity,
                               .uid = store_view_uid(s->view, index),
                               .kind = (uint8_t)kind};
}

/* The text of such an item: as it was said before, or from the octets, which are there then. */
static void put_cached(struct imap_serve *s, enum imap_fetch kind, size_t index)
{
    struct iserve_fetch *f = s->fetch;
    struct icache_key key = key_of(s, kind, index);
    struct slice text;
    if (icache_get(&key, &text)) {
        buf_append(&f->text, text);
        return;
    }
    size_t start = f->text.len;
    if (kind == IMAP_FETCH_ENVELOPE)
        imessage_envelope(header_of(f->octets), &f->text);
    else
        imessage_structure(structure(f), kind == IMAP_FETCH_BODYSTRUCTURE, &f->text);
    icache_put(&key, slice_skip(buf_slice(&f->text), start));
}

/* ---- one message ---- */

static bool needs_octets(enum imap_fetch kind)
{
    return kind != IMAP_FETCH_UID && kind != IMAP_FETCH_FLAGS && kind != IMAP_FETCH_INTERNALDATE &&
           kind != IMAP_FETCH_RFC822_SIZE && kind != IMAP_FETCH_MODSEQ;
}

static void put_item(struct imap_serve *s, const struct imap_fetch_item *item, size_t index)
{
    struct iserve_fetch *f = s->fetch;
    struct buf *out = &f->text;
    uint64_t octets = 0;
    switch (item->kind) {
    case IMAP_FETCH_UID:
        buf_printf(out, "UID %u", store_view_uid(s->view, index));
        break;
    case IMAP_FETCH_FLAGS:
        put_flags(s, index);
        break;
    case IMAP_FETCH_INTERNALDATE:
        put_date(s, index);
        break;
    case IMAP_FETCH_RFC822_SIZE:
        store_view_measure(s->view, index, &octets, NULL);
        buf_printf(out, "RFC822.SIZE %llu", (unsigned long long)octets);
        break;
    case IMAP_FETCH_ENVELOPE:
        buf_append_cstr(out, "ENVELOPE ");
        put_cached(s, item->kind, index);
        break;
    case IMAP_FETCH_BODY:
    case IMAP_FETCH_BODYSTRUCTURE:
        buf_append_cstr(out, item->kind == IMAP_FETCH_BODY ? "BODY " : "BODYSTRUCTURE ");
        put_cached(s, item->kind, index);
        break;
    case IMAP_FETCH_RFC822:
        buf_append_cstr(out, "RFC822 ");
        put_literal(f, f->octets);
        break;
    case IMAP_FETCH_RFC822_HEADER:
        buf_append_cstr(out, "RFC822.HEADER ");
        put_literal(f, header_of(f->octets));
        break;
    case IMAP_FETCH_RFC822_TEXT:
        buf_append_cstr(out, "RFC822.TEXT ");
        put_literal(f, slice_skip(f->octets, header_of(f->octets).len));
        break;
    case IMAP_FETCH_SECTION:
        put_section(f, item);
        break;
    case IMAP_FETCH_BINARY:
    case IMAP_FETCH_BINARY_SIZE:
    case IMAP_FETCH_MODSEQ:
    case IMAP_FETCH__COUNT:
        break;
    }
}

/* Reading the text of a message marks it seen. True: it was not before. */
static bool mark_seen(struct imap_serve *s, size_t index)
{
    struct store_message m;
    if (!s->fetch->sets_seen || store_view_is_read_only(s->view) ||
        !store_view_get(s->view, index, &m) || m.flags & STORE_SEEN)
        return false;
    return store_view_flags(s->view, index, STORE_ADD, STORE_SEEN, 0, NULL) == STORE_OK;
}

/* False: the message is gone. */
static bool put_message(struct imap_serve *s, size_t index)
{
    struct iserve_fetch *f = s->fetch;
    struct store_message m;
    if (!store_view_get(s->view, index, &m))
        return false;
    for (size_t i = 0; i < f->n_items; i++) {
        struct icache_key key = key_of(s, f->items[i].kind, index);
        struct slice known;
        if (is_cached_kind(f->items[i].kind) && icache_get(&key, &known))
            continue;
        if (needs_octets(f->items[i].kind) && !open_content(s, index))
            return false;
    }
    bool seen = mark_seen(s, index), said_flags = false, said_uid = false;
    const char *gap = "";
    buf_printf(&f->text, "* %zu FETCH (", index + 1);
    for (size_t i = 0; i < f->n_items; i++) {
        said_flags = said_flags || f->items[i].kind == IMAP_FETCH_FLAGS;
        said_uid = said_uid || f->items[i].kind == IMAP_FETCH_UID;
        buf_append_cstr(&f->text, gap);
        put_item(s, &f->items[i], index);
        gap = " ";
    }
    if (f->uid && !said_uid)
        buf_printf(&f->text, "%sUID %u", gap, m.uid);
    if (seen && !said_flags) {
        buf_append_cstr(&f->text, " ");
        put_flags(s, index);
    }
    buf_append_cstr(&f->text, ")\r\n");
    return true;
}

/* ---- in pieces ---- */

static void append_text(struct iserve_fetch *f, struct buf *out, size_t up_to)
{
    size_t room = out->len < ISERVE_PIECE_OCTETS ? ISERVE_PIECE_OCTETS - out->len : 0;
    struct slice part = slice_take(slice_skip(buf_slice(&f->text), f->text_at), up_to - f->text_at);
    part = slice_take(part, room);
    buf_append(out, part);
    f->text_at += part.len;
}

/* What is left of the message into the answer; true: all of it. */
static bool pour(struct iserve_fetch *f, struct buf *out)
{
    while (out->len < ISERVE_PIECE_OCTETS) {
        const struct iserve_hole *h = f->hole_at < f->n_holes ? &f->holes[f->hole_at] : NULL;
        size_t up_to = h ? h->at : f->text.len;
        if (f->text_at < up_to) {
            append_text(f, out, up_to);
            continue;
        }
        if (!h)
            return true;
        struct slice rest = slice_skip(h->octets, f->hole_octets_at);
        struct slice part = slice_take(rest, ISERVE_PIECE_OCTETS - out->len);
        buf_append(out, part);
        f->hole_octets_at += part.len;
        if (part.len == rest.len) {
            f->hole_at++;
            f->hole_octets_at = 0;
        }
    }
    return f->text_at == f->text.len && f->hole_at == f->n_holes;
}

static void finish(struct imap_serve *s, struct imap_answer *a)
{
    struct iserve_fetch *f = s->fetch;
    struct imap_command c = {.verb = IMAP_VERB_FETCH, .uid = f->uid, .tag = slice_cstr(f->tag)};
    if (f->missing > 0)
        iserve_no(s, &c, a, "EXPUNGEISSUED", "Some of the messages are gone");
    else
        iserve_ok(s, &c, a, NULL, "FETCH done");
    iserve_fetch_free(&s->fetch);
}

void iserve_fetch_more(struct imap_serve *s, struct imap_answer *a)
{
    struct iserve_fetch *f = s->fetch;
    a->then = IMAP_THEN_MORE;
    while (pour(f, &a->text)) {
        message_close(f);
        if (f->at == f->n) {
            a->then = IMAP_THEN_GO_ON;
            finish(s, a);
            return;
        }
        if (!put_message(s, f->indexes[f->at++])) {
            message_close(f);
            f->missing++;
        }
    }
}

static void remember_names(struct imap_serve *s)
{
    struct store_mailbox *m = store_view_mailbox(s->view);
    struct store_mailbox_info info;
    if (!m) /* deleted: none of its messages can be had */
        return;
    store_mailbox_info(m, false, &info);
    s->fetch->uid_validity = info.uid_validity;
    s->fetch->names = icache_names(store_user_name(s->account), info.name);
}

void iserve_fetch(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    bool in_range = true;
    size_t n = 0;
    for (size_t i = 0; i < c->n_items; i++) {
        if (c->items[i].kind >= IMAP_FETCH_BINARY) {
            iserve_bad(s, c->tag, a, "BINARY and MODSEQ are not offered here");
            return;
        }
    }
    if (c->has_modseq) {
        iserve_bad(s, c->tag, a, "CONDSTORE is not offered here");
        return;
    }
    size_t *indexes = iserve_indexes(s, &c->set, c->uid, &n, &in_range);
    if (!in_range) {
        mem_free(indexes);
        iserve_bad(s, c->tag, a, "No message has such a number");
        return;
    }
    struct iserve_fetch *f = mem_zalloc(sizeof(*f));
    s->fetch = f;
    arena_init(&f->arena);
    arena_init(&f->part_arena);
    buf_init(&f->text, ISERVE_TEXT_MAX_OCTETS);
    keep_items(f, c);
    f->uid = c->uid;
    f->indexes = indexes;
    f->n = n;
    remember_names(s);
    iserve_tag_copy(f->tag, c->tag);
    iserve_fetch_more(s, a);
}
