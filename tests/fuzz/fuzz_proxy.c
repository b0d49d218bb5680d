/* PROXY headers: in one piece and octet by octet the same comes out, and no more is used than is
 * there. */
#include "net/proxy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum net_proxy_result feed(struct slice in, size_t step, size_t *used_out,
                                  struct net_proxy_header *out)
{
    struct net_proxy p;
    enum net_proxy_result r = NET_PROXY_MORE;
    size_t at = 0, used;
    net_proxy_init(&p);
    memset(out, 0, sizeof(*out));
    while (at < in.len && r == NET_PROXY_MORE) {
        r = net_proxy_feed(&p, slice_take(slice_skip(in, at), step), &used, out);
        at += used;
    }
    *used_out = at;
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct net_proxy_header whole, split;
    size_t whole_used, split_used;
    if (size == 0)
        return 0;
    enum net_proxy_result r = feed(slice_of(data, size), size, &whole_used, &whole);
    if (feed(slice_of(data, size), 1, &split_used, &split) != r || whole_used != split_used ||
        whole_used > size || memcmp(&whole, &split, sizeof(whole)) != 0)
        abort();
    return 0;
}
