/* What has to be said before a session's first octet: one proxy to cross, or a PROXY header to
 * send. Octets in, octets out, no link here: any split of what the proxy says gives the same.
 */
#ifndef NET_HOP_H
#define NET_HOP_H

#include "base/buf.h"
#include "base/err.h"
#include "net/link.h"

enum {
    HOP_REPLY_MAX_OCTETS = 16384, /* limit "proxy-reply": of what a proxy may say */
    HOP_NAME_MAX_OCTETS = 255     /* of a SOCKS5 host, user, password */
};

enum hop_result {
    HOP_MORE, /* the proxy's turn */
    HOP_DONE, /* the way is open */
    HOP_FAILED
};

struct hop;
/* Tells each message as it passes; `octets` has secrets replaced by '*'. */
typedef void (*hop_said_fn)(void *ctx, const char *kind, enum event_dir dir, struct slice octets,
                            const char *text);
/* Everything is copied. local and peer: of the connection, for a PROXY header without addresses. */
struct hop *hop_new(const struct link_hop *what, const struct net_address *local,
                    const struct net_address *peer, hop_said_fn said, void *said_ctx);
void hop_free(struct hop **h);
const char *hop_kind_name(enum link_hop_kind kind);
/* Begin: what is to be sent is appended to out. */
enum hop_result hop_begin(struct hop *h, struct buf *out, struct err *err);
/* Octets of the proxy. *used_out: how many belong to it; what stands behind is the session's. */
enum hop_result hop_feed(struct hop *h, struct slice in, size_t *used_out, struct buf *out,
                         struct err *err);

#endif
