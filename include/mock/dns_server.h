/* The practice name server: a zone answered over UDP and TCP on one port (RFC 1035 section 4.2),
 * for programs that want to ask the practice world's DNS themselves (dig, a real MTA, --resolver).
 *
 * Loopback only. Questions and answers are DNS_QUERY and DNS_ANSWER events.
 */
#ifndef MOCK_DNS_SERVER_H
#define MOCK_DNS_SERVER_H

#include "dns/zone.h"
#include "net/address.h"

struct dns_server;
/* The zone is borrowed and may change. Port 0 takes a free one, the same for UDP and TCP. NULL and
 * *err: not a loopback address, or not to be had. backstage: its events are of the background. */
struct dns_server *dns_server_new(struct loop *l, struct journal *j, const struct dns_zone *zone,
                                  const struct net_address *at, bool backstage, struct err *err);
const struct net_address *dns_server_address(const struct dns_server *s);
void dns_server_free(struct dns_server **s);

#endif
