/* Replies from a server: whatever comes, in one piece or in any split, the same replies come out,
 * and every record lies inside its reply. The first octet of the input chooses the split. */
#include "smtp/reply.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool truth)
{
    if (!truth)
        abort();
}

static void check(const struct smtp_reply *r)
{
    smtp_rules rules = 0;
    size_t end = 0;
    need(r->n_lines > 0 && r->n_lines <= SMTP_CAP_REPLY_LINES);
    need(r->text.len <= SMTP_CAP_REPLY_OCTETS && r->code <= 999);
    for (size_t i = 0; i < r->n_lines; i++) {
        const struct smtp_reply_line *l = &r->lines[i];
        need(l->offset >= end && l->text_offset <= l->len);
        end = l->offset + l->len;
        need(end <= r->text.len);
        struct slice text = smtp_reply_line_text(r, i);
        need(text.len == 0 ||
             (text.ptr >= r->text.ptr && text.ptr + text.len <= r->text.ptr + end));
        rules |= l->rules;
    }
    need((rules & ~r->rules) == 0);
    need(!r->has_enhanced || (r->enhanced[1] <= 999 && r->enhanced[2] <= 999));
}

/* What came out, as text. */
static void note(struct buf *out, const struct smtp_reply *r)
{
    buf_printf(out, "%u %zu %zu %llx %d\n", r->code, r->text.len, r->n_lines,
               (unsigned long long)r->rules, r->has_enhanced);
    for (size_t i = 0; i < r->n_lines; i++)
        buf_printf(out, "%u+%u %u %u %llx\n", r->lines[i].offset, r->lines[i].len, r->lines[i].code,
                   r->lines[i].text_offset, (unsigned long long)r->lines[i].rules);
}

static void feed(struct slice in, unsigned seed, struct buf *out)
{
    struct smtp_reply_parser p;
    struct smtp_reply r;
    smtp_reply_parser_init(&p);
    for (size_t at = 0; at < in.len;) {
        bool done;
        seed = seed * 1664525u + 1013904223u;
        struct slice piece = slice_take(slice_skip(in, at), 1 + (seed >> 24) % 19);
        size_t used = smtp_reply_feed(&p, piece, &r, &done);
        need(used <= piece.len && (done || used == piece.len) && (done || smtp_reply_pending(&p)));
        at += used;
        if (done) {
            need(slice_eq(r.text, slice_of(in.ptr + at - r.text.len, r.text.len)));
            check(&r);
            note(out, &r);
        }
    }
    if (smtp_reply_cut(&p, &r)) {
        need((r.rules & SMTP_RULE_BIT(SMTP_RULE_REPLY_CUT)) != 0);
        check(&r);
        note(out, &r);
    }
    smtp_reply_parser_deinit(&p);
}

static void feed_whole(struct slice in, struct buf *out)
{
    struct smtp_reply_parser p;
    struct smtp_reply r;
    bool done;
    smtp_reply_parser_init(&p);
    while (in.len > 0) {
        in = slice_skip(in, smtp_reply_feed(&p, in, &r, &done));
        if (done)
            note(out, &r);
    }
    if (smtp_reply_cut(&p, &r))
        note(out, &r);
    smtp_reply_parser_deinit(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, split;
    if (size == 0)
        return 0;
    struct slice in = slice_of(data + 1, size - 1);
    buf_init(&whole, 4 << 20);
    buf_init(&split, 4 << 20);
    feed_whole(in, &whole);
    feed(in, data[0], &split);
    need(slice_eq(buf_slice(&whole), buf_slice(&split)));
    buf_deinit(&whole);
    buf_deinit(&split);
    return 0;
}
