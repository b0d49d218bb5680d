/* The header section of a message, octet for octet (RFC 5322 section 2.2), and its fields in words
 * (RFC 2047, RFC 6532).
 *
 *     field = field-name ":" body CRLF *( WSP more CRLF )
 *
 * Nothing is normalised: a field keeps its raw octets, folds and line ends included, which is what
 * a signature is made over. Whatever breaks a rule stays a field with a flag. A bare LF ends a
 * line.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include "base/buf.h"

enum {
    MAIL_HEADER_OCTETS_MAX = 1 << 20, /* limit "header": of a header section are read */
    MAIL_FIELDS_MAX = 4096,           /* limit "header-fields" */
    MAIL_FIELD_DECODED_MAX = 65536,   /* limit "header-field": of one field in words */
    MAIL_ADDRESSES_MAX = 256,         /* limit "header-addresses": of one field */
};

enum mail_field_flag {
    MAIL_FIELD_NO_COLON = 1,      /* no field at all: no colon, or no name before it */
    MAIL_FIELD_BAD_NAME = 2,      /* the name holds a control character or an octet above 126 */
    MAIL_FIELD_SPACE = 4,         /* blanks stand before the colon (obsolete syntax) */
    MAIL_FIELD_LONG_LINE = 8,     /* a line of it is longer than 998 octets */
    MAIL_FIELD_8BIT = 16,         /* octets above 127: RFC 6532 allows them as UTF-8 */
    MAIL_FIELD_BAD_UTF8 = 32,     /* and these are not even UTF-8 */
    MAIL_FIELD_BARE_EOL = 64,     /* a CR or LF stands alone */
    MAIL_FIELD_CONTROL = 128,     /* NUL or another control character */
    MAIL_FIELD_EMPTY_FOLD = 256,  /* a line of it is blank */
    MAIL_FIELD_CUT = 512,         /* the octets ended inside it */
    MAIL_FIELD_BAD_ENCODED = 1024 /* something like an encoded-word that does not read as one */
};
enum { MAIL_FIELD_FLAGS_COUNT = 11 };
/* One line of meaning for a flag; NULL for what is none. */
const char *mail_field_flag_text(unsigned flag);

struct mail_field {
    struct slice raw;  /* from its first octet to its last line end */
    struct slice name; /* as written, without blanks; empty with NO_COLON */
    struct slice body; /* behind the colon, folds inside, without its last line end */
    uint64_t offset;   /* of raw in what was read */
    uint32_t lines;
    unsigned flags;
};

struct mail_header {
    struct mail_field *fields;
    size_t n_fields, alloc_fields;
    uint64_t
        more; /* fields beyond MAIL_FIELDS_MAX, or 1 where the section is larger than is read */
    uint64_t octets;   /* of the section, with the empty line */
    bool ended;        /* an empty line ends it */
    struct slice body; /* what comes behind it; empty where it did not end */
};

/* Reads the section at the start of `message`; slices borrow from it. Never fails. */
void mail_header_parse(struct slice message, struct mail_header *out);
void mail_header_deinit(struct mail_header *h);
/* The nth field of that name from 0, case ignored; NULL: none. */
const struct mail_field *mail_header_find(const struct mail_header *h, const char *name,
                                          size_t nth);
size_t mail_header_count(const struct mail_header *h, const char *name);

/* The body on one line: line ends taken out, blanks around cut; nothing is decoded. */
void mail_field_unfold(const struct mail_field *f, struct buf *out);
/* The body in words: unfolded, encoded-words read, as UTF-8 (it may hold any character: show it
 * through vis). False: an encoded-word did not read, and stands as it came. */
bool mail_field_decode(const struct mail_field *f, struct buf *out);
/* The same for any text. */
bool mail_text_decode(struct slice text, struct buf *out);

/* One mailbox of an address field. Texts are valid during the call. */
struct mail_address {
    const char *name;  /* display name decoded to UTF-8; "" none */
    const char *addr;  /* addr-spec; "" where a group is empty */
    const char *group; /* NULL: none */
};
typedef void (*mail_address_fn)(void *ctx, const struct mail_address *a);
/* Calls fn for each mailbox of From, To, ...; returns how many there were, at most
 * MAIL_ADDRESSES_MAX. fn may be NULL. */
size_t mail_addresses(struct slice body, mail_address_fn fn, void *ctx);

/* Fields that are long and dull, and are folded away first: DKIM-Signature, ARC-*, X-*, Received.
 */
bool mail_field_dull(struct slice name);

#endif
