/* Who wants to log in, and with what: the same for the drivers of SMTP, POP3 and IMAP. */
#ifndef ENGINE_CREDENTIALS_H
#define ENGINE_CREDENTIALS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"
#include "sasl/sasl.h"

/* When the first response goes along with the command. */
enum auth_initial {
    AUTH_INITIAL_FITS,  /* where the protocol and the length allow it */
    AUTH_INITIAL_NEVER, /* always wait for the challenge */
};

/* All pointers are borrowed and outlive the exchange. */
struct credentials {
    const char *mechanisms; /* to try, in order, comma or space separated; NULL: the best of what is
                               offered, safe, and possible with what is given here */
    bool in_clear; /* what shows the secret is wanted without TLS, too (loopback, or asked for) */
    const char *user;
    const char *authzid;           /* NULL: none */
    const struct secret *password; /* NULL or not set: none */
    const struct secret *token;
    enum auth_initial initial;
    const char *service; /* "smtp", "pop", "imap": for mechanisms that name it */
    const char *host;    /* the server's name, for mechanisms that use it */
    uint16_t port;
    bool certificate; /* TLS shows one: EXTERNAL may be tried */
    /* What TLS knows, asked when a mechanism begins; NULL: nothing. False: no TLS. */
    bool (*channel)(void *ctx, struct sasl_channel *out);
    void *channel_ctx;
};

#endif
