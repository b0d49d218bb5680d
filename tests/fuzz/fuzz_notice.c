/* Text of any sort to be explained: what is found lies inside the text or its own buffer, every
 * explanation is whole, and its page is safe for a terminal. */
#include "decode/notice.h"

#include <stdlib.h>
#include <string.h>

#include "base/vis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool truth)
{
    if (!truth)
        abort();
}

static void check(void *ctx, const struct notice *n)
{
    struct explanation e;
    struct buf page;
    size_t *count = ctx;
    ++*count;
    need(n->form && n->line > 0);
    explain_reply_text(&n->input, &e);
    need(e.meaning && e.next && e.who && e.source && e.class_meaning);
    need(e.party < EXPLAIN_PARTY__COUNT);
    need(!e.provider || (e.provider_meaning && e.provider_next && e.provider_source));
    buf_init(&page, 1 << 20);
    explain_print(&n->input, &e, VIS_ASCII, &page);
    for (size_t i = 0; i < page.len; i++)
        need(page.ptr[i] == '\n' || (page.ptr[i] >= ' ' && page.ptr[i] < 127));
    buf_deinit(&page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count = 0;
    size_t found = notice_scan(slice_of(data, size), NULL, check, &count);
    need(found == count);
    /* The same octets as a banner and a host name. */
    char *text = malloc(size + 1);
    need(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    struct explanation e;
    struct explain_input in = {.text = slice_of(data, size), .banner = text, .host = text};
    explain_reply_text(&in, &e);
    need(e.meaning && e.next && e.who && e.source);
    free(text);
    return 0;
}
