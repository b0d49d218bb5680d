/* The packed form of a payload: the fields in the order of the table without padding; numbers 8
 * octets, words 1 octet, slices a 4-octet length and the octets. Never leaves the process. */
#ifndef JOURNAL_PACK_H
#define JOURNAL_PACK_H

#include "journal/event.h"

uint32_t event_packed_octets(enum event_kind kind, const void *payload);
/* out has room for event_packed_octets. */
void event_pack(enum event_kind kind, const void *payload, uint8_t *out);

#endif
