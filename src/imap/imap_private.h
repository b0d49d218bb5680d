/* What the parsers of this module share. */
#ifndef IMAP_PRIVATE_H
#define IMAP_PRIVATE_H

#include "imap/command.h"

#define IMAP_BIT(name) IMAP_RULE_BIT(IMAP_RULE_##name)

/* A list that grows while it is read, in chunks the arena owns. */
struct imap_grow {
    void *items;
    size_t n, alloc, item_octets;
};
/* Room for one more, zeroed; NULL: IMAP_CAP_ITEMS is reached (c->rules says so). */
void *imap_grow_add(struct imap_cursor *c, struct imap_grow *g);

bool imap_is_atom_octet(uint8_t octet);
bool imap_is_digit(uint8_t octet);

/* search.c, fetch.c */
bool imap_take_search(struct imap_cursor *c, struct imap_command *out);
bool imap_take_fetch_items(struct imap_cursor *c, struct imap_command *out);

#endif
