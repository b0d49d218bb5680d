/* What the files of this module share. */
#ifndef SASL_PRIVATE_H
#define SASL_PRIVATE_H

#include "sasl/sasl.h"

#include <gsasl.h>

enum sasl_inner_trait {                        /* beside enum sasl_trait */
                        TRAIT_SCRAM = 1 << 16, /* RFC 5802 */
                        TRAIT_SERVER_PROMPTS =
                            2
                            << 16, /* the server speaks first, yet an initial response is tolerated
                                    */
                        TRAIT_NO_USER = 4 << 16, /* no user name is proven in the exchange itself */
};

struct sasl_own; /* a mechanism done here */

/* A mechanism this program can speak. */
struct sasl_spoken {
    const char *name;
    unsigned traits;
    const struct sasl_own *own; /* NULL: the library's */
};

/* NULL: not spoken. Case does not matter. */
const struct sasl_spoken *sasl_spoken(const char *mechanism);

struct sasl {
    const struct sasl_spoken *spoken;
    Gsasl_session *session;        /* NULL: a mechanism done here */
    const struct secret *password; /* client; borrowed */
    const struct secret *token;    /* likewise */
    char *external;                /* server: the identity TLS has proven; NULL: none */
    char *user;                    /* server: proven */
    char *named, *authzid, *host;  /* client of OAuth; NULL: none */
    struct buf reason;             /* client of OAuth */
    sasl_lookup_fn lookup;         /* server */
    sasl_token_fn check_token;
    void *lookup_ctx;
    struct sasl_channel channel; /* only for -PLUS */
    unsigned steps;              /* taken so far */
    uint16_t port;
    bool server;
    bool over;
    bool password_missing; /* the library asked for one that is not there */
    bool refused;          /* server of OAuth: the reason has been sent */
};

/* Both sides of a mechanism done here. They append to out; .steps counts from 1. */
struct sasl_own {
    enum sasl_result (*client)(struct sasl *s, struct slice in, struct buf *out, struct err *err);
    enum sasl_result (*server)(struct sasl *s, struct slice in, struct buf *out, struct err *err);
};
extern const struct sasl_own sasl_xoauth2, sasl_oauthbearer; /* oauth.c */

/* What a client of either OAuth mechanism said (RFC 7628 section 3.1); slices into the message. */
struct sasl_oauth_message {
    struct slice user;  /* or authzid; empty: none */
    struct slice token; /* behind "Bearer " */
    struct slice host, port;
};
/* False: not of that form. The user of OAUTHBEARER is a saslname, as it stands. */
bool sasl_oauth_parse(bool bearer, struct slice message, struct sasl_oauth_message *out);
/* saslname = 1*(value-safe-char / "=2C" / "=3D") (RFC 5801 section 4): as text. False: not one. */
bool sasl_name_decode(struct slice name, struct buf *out);
void sasl_name_encode(struct slice text, struct buf *out);

/* property.c: what the library asks for while an exchange runs. */
int sasl_on_property(Gsasl *library, Gsasl_session *session, Gsasl_property property);
void sasl_wipe_cstr(char *text);

#endif
