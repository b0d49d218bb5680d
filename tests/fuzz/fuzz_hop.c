/* What a proxy says, in any split: nothing behind its last octet is taken, and no answer is longer
 * than its limit. The first octet chooses the kind, the second the length of the pieces. */
#include <stdlib.h>

#include "net/hop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void said(void *ctx, const char *kind, enum event_dir dir, struct slice octets,
                 const char *text)
{
    size_t *n = ctx;
    (void)kind;
    (void)dir;
    *n += octets.len + (text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct net_address here = {.family = NET_INET};
    struct link_hop what = {.kind = HOP_SOCKS5, .host = "mx.example.test", .port = 25};
    struct buf out;
    struct err err;
    size_t seen = 0;
    if (size < 2)
        return 0;
    struct secret password;
    secret_init(&password);
    secret_set(&password, SLICE_LIT("pw"));
    what.kind = data[0] & 1 ? HOP_HTTP_CONNECT : HOP_SOCKS5;
    if (data[0] & 2) {
        what.user = "ann";
        what.password = &password;
    }
    buf_init(&out, 65536);
    struct hop *h = hop_new(&what, &here, &here, said, &seen);
    enum hop_result result = hop_begin(h, &out, &err);
    struct slice in = slice_of(data + 2, size - 2);
    size_t piece = data[1] ? data[1] : 1000, taken = 0;
    while (result == HOP_MORE && in.len > 0) {
        size_t used = 0;
        struct slice part = slice_take(in, piece);
        result = hop_feed(h, part, &used, &out, &err);
        taken += used;
        if (used > part.len || (result == HOP_MORE && used != part.len) ||
            taken > HOP_REPLY_MAX_OCTETS + 1)
            abort();
        in = slice_skip(in, used);
    }
    hop_free(&h);
    secret_clear(&password);
    buf_deinit(&out);
    return 0;
}
