/* Any octets as a message: fields lie inside it in order, the tree keeps its limits, and every line
 * about it is safe for a terminal. */
#include <stdlib.h>
#include <string.h>

#include "base/vis.h"
#include "decode/message.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/received.h"
#include "mail/shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool truth)
{
    if (!truth)
        abort();
}

static void need_within(struct slice part, struct slice whole)
{
    need(part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

static void check_header(struct slice message)
{
    struct mail_header h;
    size_t at = 0;
    mail_header_parse(message, &h);
    for (size_t i = 0; i < h.n_fields; i++) {
        const struct mail_field *f = &h.fields[i];
        struct buf text;
        struct mail_received r;
        need(f->offset == at && f->raw.len > 0);
        at += f->raw.len;
        need_within(f->raw, message);
        need_within(f->name, f->raw);
        need_within(f->body, f->raw);
        buf_init(&text, 1 << 20);
        mail_field_decode(f, &text);
        buf_reset(&text);
        mail_field_unfold(f, &text);
        mail_received_parse(buf_slice(&text), &r);
        need_within(r.claim, buf_slice(&text));
        need_within(r.seen_addr, buf_slice(&text));
        need_within(r.date, buf_slice(&text));
        need(mail_addresses(f->body, NULL, NULL) <= MAIL_ADDRESSES_MAX);
        buf_deinit(&text);
    }
    need_within(h.body, message);
    mail_header_deinit(&h);
}

/* As a session's message: the page about it is safe for a terminal. */
static void check_page(struct slice octets)
{
    struct message m;
    struct buf page;
    buf_init(&page, 8 << 20);
    message_read_octets(NULL, octets, &m);
    need(m.n_claims <= MESSAGE_CLAIMS_MAX && m.n_trace <= MESSAGE_TRACE_MAX);
    message_print(&m, NULL, MESSAGE_PRINT_ALL, VIS_ASCII, &page);
    message_print(&m, NULL, MESSAGE_PRINT_FIELDS | MESSAGE_PRINT_RAW_FIELDS, VIS_ASCII, &page);
    for (size_t k = 0; k < page.len; k++)
        need(page.ptr[k] == '\n' || (page.ptr[k] >= ' ' && page.ptr[k] < 127));
    buf_deinit(&page);
    message_deinit(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice message = slice_of(data, size);
    struct mime_tree t;
    struct mail_shape shape;
    struct buf line;
    check_header(message);
    check_page(message);
    mail_shape_of(message, &shape);
    need(shape.octets == size && shape.longest_octets <= size);
    mime_tree_parse(message, &t);
    need(t.n_parts <= MIME_PARTS_MAX && t.n_notes <= MIME_NOTES_MAX);
    buf_init(&line, 1 << 16);
    for (size_t i = 0; i < t.n_parts; i++) {
        const struct mime_part *p = &t.parts[i];
        need(p->parent <= i && p->depth <= MIME_DEPTH_MAX && p->type);
        need(p->encoded_octets <= size && p->offset <= size);
        buf_reset(&line);
        mime_part_line(&t, i, VIS_ASCII, &line);
        for (size_t k = 0; k < line.len; k++)
            need(line.ptr[k] >= ' ' && line.ptr[k] < 127);
    }
    buf_deinit(&line);
    mime_tree_deinit(&t);
    return 0;
}
