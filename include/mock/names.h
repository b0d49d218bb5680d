/* The DNS of the practice world: what the names of example.test and its neighbours answer, each
 * neighbour one way in which a domain's mail can be unreachable.
 */
#ifndef MOCK_NAMES_H
#define MOCK_NAMES_H

#include "dns/zone.h"

/* A zone with the practice world in it; scenarios add to it. */
struct dns_zone *mock_names_new(void);
/* Is it a domain of that world whose mail the practice server takes, beside its own? */
bool mock_names_serves(struct slice domain);
/* Its lines, as include/dns/zone.h has them, with a comment above each. */
struct slice mock_names_lines(void);

#endif
