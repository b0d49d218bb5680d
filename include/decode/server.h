/* Which software, and whose, is at the other end: from its banner, its host name, and signs in its
 * replies. Nothing of it is proof: a banner says what its admin likes. How sure it is, is said with
 * it.
 */
#ifndef DECODE_SERVER_H
#define DECODE_SERVER_H

#include "base/buf.h"

enum server_sure {
    SERVER_GUESS,  /* one reading among others */
    SERVER_LIKELY, /* fits, and hardly anything else does */
    SERVER_CERTAIN /* it names itself */
};
const char *server_sure_name(enum server_sure sure); /* "likely" */

enum { SERVER_PROVIDERS_MAX = 6 };

/* All strings are static. */
struct server {
    const char *software; /* NULL: nothing known */
    enum server_sure sure;
    const char *from; /* "banner", "host name", "wording" */
    const char *note; /* may be empty; NULL where software is */
    /* Whose rows of wording hold for it; guesses are not among them. */
    const char *providers[SERVER_PROVIDERS_MAX];
    size_t n_providers;
};

/* banner: the greeting, with or without its code; host: the name that was asked for or is the MX;
 * text: any reply of it. Each may be NULL or empty. */
void server_detect(const char *banner, const char *host, struct slice text, struct server *out);
/* "Postfix (banner)", "Yahoo, likely (host name)"; nothing where nothing is known. */
void server_line(const struct server *s, struct buf *out);

/* The tables behind it, for tests and help. */
struct server_banner {
    const char *protocol; /* smtp lmtp imap pop3 */
    /* From the start of the banner, case ignored: "*" anything, "#" 16 or more hexadecimal digits,
     * "~" a star itself, "$" the end. */
    const char *pattern;
    const char *software;
    const char *provider; /* of the wording table; "" none */
    const char *sure;
    const char *note;
    const char *source;
};
const struct server_banner *server_banner_at(size_t index); /* NULL at the end */
struct server_host {
    const char *suffix; /* whole labels at the end of a host name */
    const char *provider;
    const char *software;
};
const struct server_host *server_host_at(size_t index); /* NULL at the end */

#endif
