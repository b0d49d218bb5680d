/* XCLIENT attributes (Postfix XCLIENT_README): a trusted proxy tells who the true client is.
 *
 *     XCLIENT SP attribute=value *(SP attribute=value)      value = xtext
 */
#ifndef SMTP_XCLIENT_H
#define SMTP_XCLIENT_H

#include "smtp/command.h"

enum smtp_xclient_attribute {
    SMTP_XCLIENT_NAME,
    SMTP_XCLIENT_ADDR,
    SMTP_XCLIENT_PORT,
    SMTP_XCLIENT_PROTO,
    SMTP_XCLIENT_HELO,
    SMTP_XCLIENT_LOGIN,
    SMTP_XCLIENT_DESTADDR,
    SMTP_XCLIENT_DESTPORT,
    SMTP_XCLIENT__COUNT
};
enum { SMTP_XCLIENT_VALUE_OCTETS = 256 };

struct smtp_xclient {
    const char
        *value[SMTP_XCLIENT__COUNT]; /* NULL: not named; "": [UNAVAILABLE] or [TEMPUNAVAIL] */
    char text[SMTP_XCLIENT__COUNT][SMTP_XCLIENT_VALUE_OCTETS];
};

const char *smtp_xclient_name(enum smtp_xclient_attribute a); /* "ADDR" */
/* Read the attributes of a parsed XCLIENT command. False: an unknown attribute, one that stands
 * twice or has no value, a value that is no xtext, holds controls, is too long, or is not what its
 * attribute wants (an address, a port, SMTP or ESMTP). *wrong_out (may be NULL) names it. */
bool smtp_xclient_parse(const struct smtp_command *c, struct smtp_xclient *out,
                        struct slice *wrong_out);

#endif
