/* Items of FETCH (RFC 9051 section 6.4.5).
 *
 *     fetch-att = "ENVELOPE" / "FLAGS" / ... / "BODY" ["STRUCTURE"] / "UID" /
 *                 "BODY" [".PEEK"] "[" [section] "]" ["<" number "." nz-number ">"]
 *     section   = ("HEADER" / "HEADER.FIELDS" [".NOT"] SP "(" 1*(astring) ")" / "TEXT") /
 *                 nz-number *("." nz-number) ["." (the above / "MIME")]
 */
#include "imap/imap_private.h"

#include "imap/limits.h"

static const struct {
    const char *word;
    enum imap_fetch kind;
    bool bracket; /* "[" follows */
    bool peek;
} items[] = {
    {"UID", IMAP_FETCH_UID, false, true},
    {"FLAGS", IMAP_FETCH_FLAGS, false, true},
    {"INTERNALDATE", IMAP_FETCH_INTERNALDATE, false, true},
    {"RFC822.SIZE", IMAP_FETCH_RFC822_SIZE, false, true},
    {"ENVELOPE", IMAP_FETCH_ENVELOPE, false, true},
    {"BODYSTRUCTURE", IMAP_FETCH_BODYSTRUCTURE, false, true},
    {"BODY.PEEK[", IMAP_FETCH_SECTION, true, true},
    {"BODY[", IMAP_FETCH_SECTION, true, false},
    {"BODY", IMAP_FETCH_BODY, false, true},
    {"BINARY.PEEK[", IMAP_FETCH_BINARY, true, true},
    {"BINARY.SIZE[", IMAP_FETCH_BINARY_SIZE, true, true},
    {"BINARY[", IMAP_FETCH_BINARY, true, false},
    {"RFC822.HEADER", IMAP_FETCH_RFC822_HEADER, false, true},
    {"RFC822.TEXT", IMAP_FETCH_RFC822_TEXT, false, false},
    {"RFC822", IMAP_FETCH_RFC822, false, false},
    {"MODSEQ", IMAP_FETCH_MODSEQ, false, true},
};

/* Longer words first where one begins the other. */
static const struct {
    const char *word;
    enum imap_section section;
} sections[] = {
    {"HEADER.FIELDS.NOT", IMAP_SECTION_FIELDS_NOT},
    {"HEADER.FIELDS", IMAP_SECTION_FIELDS},
    {"HEADER", IMAP_SECTION_HEADER},
    {"TEXT", IMAP_SECTION_TEXT},
    {"MIME", IMAP_SECTION_MIME},
};

static bool take_fields(struct imap_cursor *c, struct imap_fetch_item *item)
{
    struct imap_grow fields = {.item_octets = sizeof(struct slice)};
    if (!imap_take_sp(c) || !imap_take_octet(c, '('))
        return false;
    do {
        struct slice *field = imap_grow_add(c, &fields);
        if (!field || !imap_take_astring(c, field))
            return false;
    } while (imap_take_sp(c));
    item->fields = fields.items;
    item->n_fields = fields.n;
    return imap_take_octet(c, ')');
}

/* 1.2.3, and whether a "." is behind it that begins a word. */
static bool take_parts(struct imap_cursor *c, struct imap_fetch_item *item, bool *dot_out)
{
    struct imap_grow parts = {.item_octets = sizeof(uint32_t)};
    uint64_t number = 0;
    *dot_out = false;
    while (imap_take_number(c, UINT32_MAX, &number)) {
        uint32_t *part = parts.n < IMAP_CAP_SECTION_PARTS ? imap_grow_add(c, &parts) : NULL;
        if (!part || number == 0) {
            c->rules |= part ? IMAP_BIT(NUMBER) : IMAP_BIT(NESTING);
            return false;
        }
        *part = (uint32_t)number;
        *dot_out = imap_take_octet(c, '.');
        if (!*dot_out)
            break;
    }
    item->parts = parts.items;
    item->n_parts = parts.n;
    return true;
}

static bool take_section(struct imap_cursor *c, struct imap_fetch_item *item)
{
    size_t start = c->at;
    bool dot = false;
    if (!take_parts(c, item, &dot))
        return false;
    bool word_due = dot || item->n_parts == 0;
    if (word_due && item->kind == IMAP_FETCH_SECTION) {
        size_t i = 0, n = sizeof(sections) / sizeof(sections[0]);
        while (i < n && !imap_take_word(c, sections[i].word))
            i++;
        if (i < n)
            item->section = sections[i].section;
        else if (dot)
            return false;
    } else if (dot) {
        return false;
    }
    if (item->section == IMAP_SECTION_MIME && item->n_parts == 0)
        return false;
    bool fields = item->section == IMAP_SECTION_FIELDS || item->section == IMAP_SECTION_FIELDS_NOT;
    if (fields && !take_fields(c, item))
        return false;
    item->section_text = slice_of(c->text.octets.ptr + start, c->at - start);
    return imap_take_octet(c, ']');
}

/* "<" number "." nz-number ">" */
static bool take_partial(struct imap_cursor *c, struct imap_fetch_item *item)
{
    if (!imap_take_octet(c, '<'))
        return true;
    item->partial = true;
    return imap_take_number(c, INT64_MAX, &item->partial_at) && imap_take_octet(c, '.') &&
           imap_take_number(c, INT64_MAX, &item->partial_octets) && item->partial_octets > 0 &&
           imap_take_octet(c, '>');
}

static bool take_item(struct imap_cursor *c, struct imap_grow *list)
{
    size_t i = 0, n = sizeof(items) / sizeof(items[0]);
    for (; i < n; i++) {
        struct slice word = slice_cstr(items[i].word);
        if (!items[i].bracket && imap_take_word(c, items[i].word))
            break;
        if (items[i].bracket && slice_starts_nocase(imap_rest(c), word)) {
            c->at += word.len;
            break;
        }
    }
    struct imap_fetch_item *item = i < n ? imap_grow_add(c, list) : NULL;
    if (!item)
        return false;
    item->kind = items[i].kind;
    item->peek = items[i].peek;
    return !items[i].bracket || (take_section(c, item) &&
                                 (item->kind == IMAP_FETCH_BINARY_SIZE || take_partial(c, item)));
}

static bool take_macro(struct imap_cursor *c, struct imap_grow *list)
{
    static const enum imap_fetch full[] = {IMAP_FETCH_FLAGS, IMAP_FETCH_INTERNALDATE,
                                           IMAP_FETCH_RFC822_SIZE, IMAP_FETCH_ENVELOPE,
                                           IMAP_FETCH_BODY};
    size_t n = 0;
    if (imap_take_word(c, "ALL"))
        n = 4;
    else if (imap_take_word(c, "FAST"))
        n = 3;
    else if (imap_take_word(c, "FULL"))
        n = 5;
    for (size_t i = 0; i < n; i++) {
        struct imap_fetch_item *item = imap_grow_add(c, list);
        if (item)
            *item = (struct imap_fetch_item){.kind = full[i], .peek = true};
    }
    return n > 0;
}

bool imap_take_fetch_items(struct imap_cursor *c, struct imap_command *out)
{
    struct imap_grow list = {.item_octets = sizeof(struct imap_fetch_item)};
    bool read = take_macro(c, &list);
    if (!read && imap_take_octet(c, '(')) {
        do
            read = take_item(c, &list);
        while (read && imap_take_sp(c));
        read = read && imap_take_octet(c, ')');
    } else if (!read) {
        read = take_item(c, &list);
    }
    out->items = list.items;
    out->n_items = list.n;
    return read;
}
