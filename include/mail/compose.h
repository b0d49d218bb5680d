/* Writing messages (RFC 5322, RFC 2045): test messages by template, headers and bodies as asked,
 * attachments, and texts with variables. Pure: date, identifiers and files come in.
 *
 * What a person gives is not mended: a header field with a typo goes out with it. Only what would
 * break the form itself is kept out: no line end inside a header field's value, CRLF at line ends.
 */
#ifndef MAIL_COMPOSE_H
#define MAIL_COMPOSE_H

#include "base/buf.h"
#include "base/err.h"

enum mail_template {
    MAIL_TEMPLATE_PLAIN,
    MAIL_TEMPLATE_ALTERNATIVE, /* text/plain and text/html */
    MAIL_TEMPLATE_UTF8,        /* names, subject and text beyond ASCII, 8bit */
    MAIL_TEMPLATE_LONG_LINES,  /* lines at and beyond the 998 octets of RFC 5322 section 2.1.1 */
    MAIL_TEMPLATE_DOTS,        /* lines that begin with dots: dot-stuffing */
    MAIL_TEMPLATE_GTUBE,       /* the string every spam filter knows */
    MAIL_TEMPLATE_EICAR,       /* the string every virus scanner knows, as an attachment */
    MAIL_TEMPLATE__COUNT
};
/* "plain", "alternative", ...; COUNT: none of them. */
enum mail_template mail_template_by_name(struct slice name);
const char *mail_template_name(enum mail_template t);

struct mail_attachment {
    const char *name; /* of the file, without its folders */
    struct slice octets;
};
/* All pointers are borrowed for the call. */
struct mail_draft {
    enum mail_template template;
    const char *from; /* reverse-path without brackets; "" is the null path */
    const char *const *to;
    size_t n_to;
    const char *date; /* RFC 5322 section 3.3 */
    const char *id;   /* of Message-ID, without brackets; makes boundaries, too */
    const char *const
        *headers; /* "Name: value": takes the place of one of that name, or is added */
    size_t n_headers;
    const char *body; /* text in place of the template's; LF or CRLF; NULL: the template's */
    const struct mail_attachment *attachments;
    size_t n_attachments;
};
/* False: out's cap was reached. */
bool mail_compose(const struct mail_draft *d, struct buf *out);
/* A text of the person's own with %FROM_ADDRESS% %TO_ADDRESS% %DATE% %MESSAGEID% %NEW_HEADERS%
 * %BODY% replaced (the names swaks uses), and "\n" read as a line end where `escapes` is set. */
bool mail_expand(struct slice text, bool escapes, const struct mail_draft *d, struct buf *out);
/* Is this "Name: value", fit for a header field? False and *err. */
bool mail_header_valid(const char *text, struct err *err);

#endif
