/* Where each part of a message stands, octet for octet (RFC 2045 section 5, RFC 2046 section 5.1):
 * what IMAP's BODYSTRUCTURE and BODY[1.2] speak of.
 *
 * mime.h tells what a message means; this tells where its octets are: headers and bodies as ranges,
 * the Content-Type and its parameters as written. Nothing is decoded, nothing is copied. Parts that
 * go over a limit are left out, and what holds them is taken as one piece.
 */
#ifndef MAIL_STRUCTURE_H
#define MAIL_STRUCTURE_H

#include "base/arena.h"

enum {
    MAIL_STRUCTURE_DEPTH_MAX = 24,    /* limit "structure-depth" */
    MAIL_STRUCTURE_PARTS_MAX = 1000,  /* limit "structure-parts" */
    MAIL_STRUCTURE_PARAMS_MAX = 32,   /* of one field */
    MAIL_STRUCTURE_FIELD_MAX = 65536, /* octets of one Content-* field that are read */
};

struct mail_param {
    struct slice name, value; /* value without its quoting */
    const struct mail_param *next;
};

enum mail_part_kind { MAIL_PART_LEAF, MAIL_PART_MULTIPART, MAIL_PART_MESSAGE };

struct mail_part {
    enum mail_part_kind kind;
    struct slice header;        /* with the empty line that ends it */
    struct slice body;          /* without the line end that belongs to the boundary */
    uint64_t lines;             /* ends of lines in the body */
    struct slice type, subtype; /* as written; "text", "plain" where nothing is said */
    const struct mail_param *params;
    struct slice disposition; /* "attachment"; empty: not said */
    const struct mail_param *disposition_params;
    struct slice id, description, encoding, md5, language, location; /* unfolded; ptr NULL: none */
    const struct mail_part *first; /* MULTIPART: its parts; MESSAGE: the message inside */
    const struct mail_part *next;
};

/* Never fails: a message without any structure is one text/plain part. Slices point into `message`
 * or the arena. */
const struct mail_part *mail_structure_parse(struct slice message, struct arena *arena);

#endif
