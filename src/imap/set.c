/* Sets of message numbers or UIDs.
 *
 *     sequence-set = (seq-number / seq-range) ["," sequence-set] / "$"
 *     seq-range    = seq-number ":" seq-number       seq-number = nz-number / "*"
 */
#include "imap/imap_private.h"

static bool take_seq(struct imap_cursor *c, uint32_t *out)
{
    uint64_t value;
    if (imap_take_octet(c, '*')) {
        *out = 0;
        return true;
    }
    if (!imap_take_number(c, UINT32_MAX, &value) || value == 0)
        return false;
    *out = (uint32_t)value;
    return true;
}

/* RFC 9051 section 9: "4:2" is the same as "2:4". "*" stays behind. */
static void order(struct imap_range *r)
{
    if (r->first == 0 || (r->last != 0 && r->last < r->first)) {
        uint32_t first = r->first;
        r->first = r->last;
        r->last = first;
    }
}

bool imap_take_set(struct imap_cursor *c, struct imap_set *out)
{
    struct imap_grow ranges = {.item_octets = sizeof(struct imap_range)};
    size_t start = c->at;
    *out = (struct imap_set){0};
    if (imap_take_octet(c, '$')) {
        out->saved = true;
        return true;
    }
    bool read = false;
    do {
        struct imap_range r = {0, 0};
        read = take_seq(c, &r.first);
        r.last = r.first;
        if (read && imap_take_octet(c, ':'))
            read = take_seq(c, &r.last);
        struct imap_range *room = read ? imap_grow_add(c, &ranges) : NULL;
        read = room != NULL;
        if (read) {
            order(&r);
            *room = r;
        }
    } while (read && imap_take_octet(c, ','));
    if (!read) {
        if (ranges.n > 0 || c->at > start)
            c->rules |= IMAP_BIT(SEQUENCE);
        c->at = start;
        return false;
    }
    out->ranges = ranges.items;
    out->n_ranges = ranges.n;
    return true;
}

/* With "*" filled in, ends in order. */
static struct imap_range filled(struct imap_range r, uint32_t largest)
{
    uint32_t first = r.first ? r.first : largest, last = r.last ? r.last : largest;
    return first <= last ? (struct imap_range){first, last} : (struct imap_range){last, first};
}

bool imap_set_holds(const struct imap_set *set, uint32_t number, uint32_t largest)
{
    for (size_t i = 0; i < set->n_ranges; i++) {
        struct imap_range r = filled(set->ranges[i], largest);
        if (number >= r.first && number <= r.last)
            return true;
    }
    return false;
}

uint64_t imap_set_count(const struct imap_set *set, uint32_t largest, uint64_t cap)
{
    uint64_t count = 0;
    for (size_t i = 0; i < set->n_ranges && count < cap; i++) {
        struct imap_range r = filled(set->ranges[i], largest);
        count += (uint64_t)r.last - r.first + 1;
    }
    return count < cap ? count : cap;
}
