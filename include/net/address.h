/* Where to connect or listen: an IP address and port, or a unix socket path. Reading and writing
 * them as text; no names here (dns) and no targets (client/target.h).
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include "base/slice.h"

enum net_family { NET_INET, NET_INET6, NET_UNIX, NET_MEMORY, NET_PIPE };

struct net_address {
    enum net_family family;
    uint8_t ip[16];    /* network order; 4 octets for NET_INET */
    uint16_t port;     /* host order */
    uint32_t scope_id; /* NET_INET6 link-local zone, 0: none */
    char path[108];    /* NET_UNIX; NET_PIPE: the command, as far as it fits */
};

/* A literal "127.0.0.1", "::1", "fe80::1%eth0" (no brackets); false where it is none. */
bool net_address_parse_ip(const char *text, uint16_t port, struct net_address *out);
bool net_address_unix(const char *path, struct net_address *out); /* false: too long */
/* "127.0.0.1:25", "[::1]:25", "unix:/path", "pipe:command", "this program" (a link in memory);
 * out_octets >= 128.
 */
void net_address_format(const struct net_address *a, char *out, size_t out_octets);
bool net_address_is_loopback(
    const struct net_address *a); /* 127/8, ::1, ::ffff:127/104, unix, memory */

#endif
