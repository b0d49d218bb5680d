/* Paths and mailboxes (RFC 5321 sections 4.1.2 and 4.1.3, RFC 6531 section 3.3). */
#ifndef SMTP_ADDRESS_H
#define SMTP_ADDRESS_H

#include "base/slice.h"
#include "smtp/deviation.h"

struct smtp_path {
    struct slice text;       /* as typed, with its brackets */
    struct slice route;      /* "@a,@b" of a source route, empty: none */
    struct slice local_part; /* as typed, quotes included; empty for <> */
    struct slice domain; /* or address literal with its brackets; empty for <> and <postmaster> */
    bool is_null;        /* <> */
    bool utf8;           /* holds octets above 127 */
    smtp_rules rules;    /* what is wrong with it; 0: well-formed */
};

/* Parse a path at the start of `in`; slices point into it. *used_out: octets taken. A path that is
 * not well-formed still comes out as far as it could be read (up to the closing bracket or the
 * first space), with .rules telling what is wrong; false only for an empty input. */
bool smtp_path_parse(struct slice in, struct smtp_path *out, size_t *used_out);
/* A bare mailbox "user@domain" as people type it; true when it fits the grammar. */
bool smtp_mailbox_valid(struct slice in);
/* The local part without its quoting, into out (out_octets includes a NUL); false: too long. */
bool smtp_local_part_unquote(struct slice local_part, char *out, size_t out_octets);

#endif
