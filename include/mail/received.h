/* Trace fields (RFC 5321 section 4.4): what a Received field says, and which of it the server that
 * wrote it saw for itself.
 *
 *     Received: from CLAIM (NAME [ADDRESS]) by SERVER (software) with ESMTPS id X for <Y>; date
 *
 * The name behind "from" is what the client called itself: a claim. The address in brackets is what
 * the server saw of the connection: a fact, as far as the server that wrote the line is believed.
 * Every line below the first that one's own server wrote may be made up as a whole.
 */
#ifndef MAIL_RECEIVED_H
#define MAIL_RECEIVED_H

#include "base/slice.h"

/* Slices point into the unfolded text that was given; empty: not said. */
struct mail_received {
    struct slice claim; /* what the client said in HELO or EHLO */
    struct slice seen;  /* the parentheses behind it, without them: what the server saw */
    struct slice
        seen_name; /* host name in there: from DNS, by the address; "unknown" counts as none */
    struct slice seen_addr; /* IPv4 or IPv6 address in there */
    struct slice by;
    struct slice via;
    struct slice with;
    struct slice id;
    struct slice for_path;
    struct slice tls;  /* a comment that tells the TLS version and cipher */
    struct slice auth; /* a comment or word that tells who had logged in */
    struct slice date; /* behind the last semicolon */
    int64_t date_s;    /* seconds since the epoch; 0: did not read */
    unsigned flags;
};
enum mail_received_flag {
    MAIL_RECEIVED_NO_DATE = 1,
    MAIL_RECEIVED_NO_BY = 2,
    MAIL_RECEIVED_LIE = 4,     /* the claimed name and the name the server looked up differ */
    MAIL_RECEIVED_LITERAL = 8, /* the client called itself by an address */
    MAIL_RECEIVED_SECURE = 16, /* with says TLS (RFC 3848: the S) */
    MAIL_RECEIVED_AUTH = 32,   /* with says AUTH (RFC 3848: the A) */
};
/* unfolded: the body on one line (mail_field_unfold). */
void mail_received_parse(struct slice unfolded, struct mail_received *out);
/* What a "with" word means; NULL: not registered. */
const char *mail_received_with(struct slice with, const char **rfc_out);
struct mail_received_with_info {
    const char *word, *meaning, *rfc;
};
const struct mail_received_with_info *mail_received_with_at(size_t index); /* NULL at the end */
/* RFC 5322 section 3.3 date-time to seconds since the epoch. False: does not read. */
bool mail_date_parse(struct slice text, int64_t *epoch_s_out);

#endif
