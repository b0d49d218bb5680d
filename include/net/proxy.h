/* The PROXY header (HAProxy's PROXY protocol, versions 1 and 2) as a server reads it: a proxy in
 * front says who the true client is, before anything else comes.
 *
 *     v1      "PROXY" SP ( "TCP4" / "TCP6" ) SP source SP destination SP port SP port CRLF
 *             "PROXY UNKNOWN" [ SP anything ] CRLF                 at most 107 octets
 *     v2      12 octets of signature, version and command, family, length (2), addresses, TLVs
 *
 * Incremental: any split gives the same.
 */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include "net/address.h"

enum net_proxy_result {
    NET_PROXY_MORE, /* all of `in` was used, and more is needed */
    NET_PROXY_DONE,
    NET_PROXY_BAD /* no PROXY header */
};

struct net_proxy_header {
    unsigned version;
    bool told; /* false: LOCAL or UNKNOWN, nothing is said of the client */
    struct net_address source, destination;
};

enum {
    NET_PROXY_KEPT_OCTETS = 232
}; /* of a header; what v2 appends to its addresses is passed over
    */
struct net_proxy {
    uint8_t octets[NET_PROXY_KEPT_OCTETS];
    uint32_t count;  /* octets seen */
    uint32_t length; /* v2: of the whole header, once known */
};
void net_proxy_init(struct net_proxy *p);
/* Returns how `in` ends it; *used_out octets of it belong to the header. *out is set with DONE. */
enum net_proxy_result net_proxy_feed(struct net_proxy *p, struct slice in, size_t *used_out,
                                     struct net_proxy_header *out);

#endif
