/* A message as FETCH shows it: whatever the octets, what is written is a list that reads back, and
 * each part lies inside the message. */
#include "engine/imap_serve_private.h"

#include <stdlib.h>

#include "imap/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool truth)
{
    if (!truth)
        abort();
}

static void inside(const struct mail_part *p, struct slice whole)
{
    need(p->header.ptr >= whole.ptr && p->body.ptr + p->body.len <= whole.ptr + whole.len);
    for (const struct mail_part *child = p->first; child; child = child->next)
        inside(child, p->body);
}

static void reads_back(const struct buf *out, struct arena *arena)
{
    struct imap_text text = {.octets = buf_slice(out)};
    struct imap_cursor c;
    if (out->overflow)
        return;
    imap_cursor_init(&c, &text, arena);
    const struct imap_node *root = imap_take_tree(&c);
    need(root || c.rules & (IMAP_RULE_BIT(IMAP_RULE_NESTING) | IMAP_RULE_BIT(IMAP_RULE_ITEMS)));
    need(!root || (root->first && root->first->kind == IMAP_NODE_LIST && !root->first->next));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice message = slice_of(data, size);
    struct arena arena;
    struct buf out;
    arena_init(&arena);
    buf_init(&out, 4 << 20);
    if (size == 0)
        message = SLICE_LIT("");
    const struct mail_part *p = mail_structure_parse(message, &arena);
    inside(p, message);
    imessage_structure(p, true, &out);
    reads_back(&out, &arena);
    buf_reset(&out);
    imessage_envelope(p->header, &out);
    reads_back(&out, &arena);
    buf_deinit(&out);
    arena_deinit(&arena);
    return 0;
}
