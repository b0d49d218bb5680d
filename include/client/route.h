/* The way to a server beyond "connect": a proxy in between, a PROXY header in front. Reading what a
 * person writes; crossing them is the link's (net/link.h).
 */
#ifndef CLIENT_ROUTE_H
#define CLIENT_ROUTE_H

#include "base/err.h"
#include "net/link.h"

struct route_proxy {
    enum link_hop_kind kind; /* HOP_SOCKS5 or HOP_HTTP_CONNECT */
    char host[256];
    unsigned port;
    char user[129];    /* empty: no login */
    bool had_password; /* the URL held one: it was not kept; say so */
    bool local_names;  /* the target's name is looked up here: the proxy gets an address */
};
/* socks5://[USER@]HOST[:PORT] (1080; the name is looked up here, with socks5h:// by the proxy, as
 * curl has it) or http://[USER@]HOST[:PORT] (8080; by the proxy). */
bool route_proxy_parse(const char *url, struct route_proxy *out, struct err *err);

struct route_header {
    enum link_hop_kind kind; /* HOP_PROXY_V1 or HOP_PROXY_V2 */
    bool has_source, has_destination;
    struct net_address source, destination;
};
/* "v1" or "v2", then the source and the destination to claim, each ADDRESS[:PORT] or
 * [IPv6]:PORT; what is not given is this connection's own. */
bool route_header_parse(const char *text, struct route_header *out, struct err *err);

#endif
