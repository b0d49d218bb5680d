/* The parts of a message (RFC 2045, RFC 2046): types, encodings, charsets, sizes and names as a
 * tree. GMime reads it; every number and text is bounded, and what goes over is counted.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include "base/arena.h"
#include "base/buf.h"

enum {
    MIME_MESSAGE_OCTETS_MAX = 16 << 20, /* limit "mime": of a message are read */
    MIME_FIELD_OCTETS_MAX = 65536,      /* limit "mime-field": one Content-* field, all folds */
    MIME_DEPTH_MAX = 40,                /* limit "mime-depth" */
    MIME_PARTS_MAX = 2000,              /* limit "mime-parts" */
    MIME_NOTES_MAX = 64,                /* limit "mime-notes" */
    MIME_TEXT_OCTETS_MAX = 1 << 20,     /* of a text part are looked at for its charset */
};

enum mime_part_flag {
    MIME_PART_DEFAULT_TYPE = 1,   /* no Content-Type: taken as text/plain; charset=us-ascii */
    MIME_PART_MULTIPART = 2,      /* holds the parts below it */
    MIME_PART_MESSAGE = 4,        /* holds one message */
    MIME_PART_ATTACHMENT = 8,     /* meant to be saved, not shown */
    MIME_PART_8BIT_AS_ASCII = 16, /* octets above 127 where us-ascii is said, or nothing */
    MIME_PART_BAD_UTF8 = 32,      /* says UTF-8 and is not */
    MIME_PART_UNKNOWN_CHARSET = 64,
    MIME_PART_BAD_ENCODING = 128,      /* Content-Transfer-Encoding is none of the five */
    MIME_PART_ENCODED_MULTIPART = 256, /* base64 or quoted-printable around parts: not allowed */
    MIME_PART_NO_BOUNDARY = 512,
};
enum { MIME_PART_FLAGS_COUNT = 10 };
/* One line of meaning for the flags that say something is wrong; NULL for the others. */
const char *mime_part_flag_text(unsigned flag);

/* Texts live in the tree's arena; from a peer: show them through vis. NULL: not said. */
struct mime_part {
    uint32_t depth;          /* 0: the message itself */
    uint32_t parent;         /* index; its own for the first */
    const char *type;        /* "text/plain", lower case */
    const char *charset;     /* as written */
    const char *encoding;    /* "base64"; NULL: 7bit by default */
    const char *disposition; /* "attachment" */
    const char *name;        /* file name, RFC 2231 and RFC 2047 read */
    const char *content_id;
    const char *boundary;
    const char *subject;     /* MIME_PART_MESSAGE: of the message inside, decoded */
    uint64_t offset;         /* of its content in the message */
    uint64_t encoded_octets; /* as they stand there */
    uint64_t decoded_octets; /* without the encoding */
    unsigned flags;
};

/* What GMime remarked. */
struct mime_note {
    uint64_t offset;
    const char *text; /* static */
    const char *item; /* what it is about; may be NULL */
};

struct mime_tree {
    struct arena arena;
    struct mime_part *parts; /* depth first, in order */
    size_t n_parts, alloc_parts;
    struct mime_note *notes;
    size_t n_notes, alloc_notes;
    uint64_t more_parts, more_notes;
    const char *limit; /* name of the limit that was reached; NULL: none. "mime-library": GMime is
                          not installed */
    bool read;         /* there is a tree */
};

/* Never fails: what cannot be read gives a tree without parts and `limit` or notes. */
void mime_tree_parse(struct slice message, struct mime_tree *out);
void mime_tree_deinit(struct mime_tree *t);
/* One part as a line of safe text without its line end, drawn as a tree:
 * "+- text/plain  utf-8  quoted-printable  612 octets". VIS_ASCII: lines of the tree in ASCII. */
void mime_part_line(const struct mime_tree *t, size_t index, unsigned vis_flags, struct buf *out);

#endif
