/* A zone's rows, for the files that look things up in them. */
#ifndef DNS_ZONE_PRIVATE_H
#define DNS_ZONE_PRIVATE_H

#include "dns_private.h"

enum { RDATA_OCTETS_MAX = 4096, CNAME_HOPS_MAX = 8 };

enum zone_behaviour { ZONE_ANSWERS, ZONE_SERVFAIL, ZONE_NXDOMAIN, ZONE_NEVER };

struct zone_row {
    char name[DNS_NAME_OCTETS];
    enum dns_type type;
    enum zone_behaviour behaviour;
    uint16_t preference;
    struct slice data; /* as dns_record.data */
};

struct dns_zone {
    struct arena arena;
    struct zone_row *rows;
    size_t n_rows, alloc_rows;
};

/* The first row of this name and type; type 0: of any. NULL: none. */
const struct zone_row *zone_find(const struct dns_zone *z, const char *name, enum dns_type type);

#endif
