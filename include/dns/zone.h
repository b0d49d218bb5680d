/* Zones of practice: records that nobody has to publish (RFC 1035 section 5.1, without its
 * shorthand).
 *
 *     NAME TYPE DATA           mail.test A 192.0.2.1 | mail.test TXT v=spf1 -all
 *     NAME MX PREF HOST        example.test MX 10 mail.test | no-mail.test MX 0 .
 *     NAME CNAME|PTR NAME      alias.test CNAME mail.test
 *     NAME TLSA U S M HEX      _25._tcp.mail.test TLSA 3 1 1 ab12...
 *     NAME TYPE MISBEHAVIOUR   SERVFAIL, NXDOMAIN, TIMEOUT (never answers)
 *
 * One record a line; "#" begins a comment line. The same zone answers in the program (dns_new_zone)
 * and other programs over the wire (dns_zone_reply).
 */
#ifndef DNS_ZONE_H
#define DNS_ZONE_H

#include "base/buf.h"
#include "dns/dns.h"

struct dns_zone;
struct dns_zone *dns_zone_new(void);
void dns_zone_free(struct dns_zone **z);
/* Add lines. False and *err for the first that does not read; those before it stay. */
bool dns_zone_add(struct dns_zone *z, struct slice lines, struct err *err);
void dns_zone_clear(struct dns_zone *z);

/* A resolver that asks this zone and nothing else; the zone is borrowed and may change meanwhile.
 */
struct dns *dns_new_zone(struct loop *l, struct journal *j, const struct dns_zone *z);

enum {
    DNS_UDP_OCTETS = 4096,      /* the longest answer of ours over UDP */
    DNS_MESSAGE_OCTETS = 65535, /* over TCP */
};
/* What was asked, in words, for a journal. */
struct dns_asked {
    char name[256];
    enum dns_type type;   /* 0: none of ours */
    unsigned type_number; /* as asked */
    const char *rcode;    /* NOERROR NXDOMAIN SERVFAIL NOTIMP FORMERR REFUSED, or "timeout" */
    size_t n_records;
};
/* Answer one message of a client (RFC 1035 section 4; of EDNS, RFC 6891, the size is understood).
 * out is reset; an answer longer than max_octets, or over UDP than the client takes (512 octets,
 * RFC 1035 section 4.2.1, or what its EDNS says), is cut and says so (TC). False: nothing is to be
 * sent: no query, or a name that never answers. */
bool dns_zone_reply(const struct dns_zone *z, struct slice query, size_t max_octets,
                    struct buf *out, struct dns_asked *asked_out);

#endif
