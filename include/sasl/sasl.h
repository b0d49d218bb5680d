/* SASL mechanisms as steps: octets in, octets out, both sides (RFC 4422; libgsasl inside, the two
 * OAuth mechanisms beside it).
 *
 * The line protocol (334, base64, "*") belongs to the engines; here travel raw octets. Which parts
 * of a step are secret is known here too: sasl_describe gives the decoded step with secrets masked.
 */
#ifndef SASL_SASL_H
#define SASL_SASL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

enum sasl_result {
    SASL_CONTINUE, /* send what is in out, expect an answer */
    SASL_DONE,     /* send what is in out (it may be empty); nothing more is needed from us */
    SASL_REFUSED,  /* server side: the credentials do not hold; client side: the server's proof does
                      not */
    SASL_FAILED    /* local: malformed step, missing password, mechanism trouble; err says */
};

/* Mechanism facts, from src/sasl/mechanisms.tsv. */
struct sasl_mechanism {
    const char *name;
    const char *rfc;
    const char *proof;
    const char *mutual;
    const char *rating;
    const char *note;
};
/* NULL for a name not in the table. Case does not matter. */
const struct sasl_mechanism *sasl_mechanism(struct slice name);
const struct sasl_mechanism *sasl_mechanism_at(size_t index); /* NULL at the end */
bool sasl_client_supported(const char *mechanism);
bool sasl_server_supported(const char *mechanism);

/* What a mechanism asks of the client, and how it treats what it is given: a set of bits. */
enum sasl_trait {
    SASL_WANTS_USER = 1,
    SASL_WANTS_PASSWORD = 2,
    SASL_WANTS_TOKEN = 4,        /* a bearer token in place of a password */
    SASL_WANTS_CHANNEL = 8,      /* -PLUS: bound to the TLS channel */
    SASL_WANTS_CERTIFICATE = 16, /* EXTERNAL: the identity TLS has proven */
    SASL_SHOWS_SECRET = 32,      /* who reads the exchange can log in: inside TLS only */
    SASL_PROVES_SERVER = 64,     /* a success without the server's proof must not be believed */
    SASL_CLIENT_FIRST = 128,     /* an initial response may go with the AUTH command */
};
/* 0 for a mechanism not spoken here. Case does not matter. */
unsigned sasl_traits(const char *mechanism);

/* What TLS knows of the connection, for channel binding (RFC 5056): both may be known, one or none.
 * A -PLUS client binds by the exporter where it is there, else by tls-unique; a server by what the
 * client names. */
struct sasl_channel {
    bool has_exporter;
    uint8_t exporter[32]; /* tls-exporter, RFC 9266 */
    uint8_t unique[64];   /* tls-unique, RFC 5929 section 3; TLS 1.2 and older only */
    size_t unique_octets; /* 0: none */
};

struct sasl_credentials {
    const char *user;              /* authentication identity; the trace of ANONYMOUS */
    const char *authzid;           /* NULL or "": none */
    const struct secret *password; /* borrowed for the exchange */
    const struct secret *token;    /* for XOAUTH2 and OAUTHBEARER; likewise */
    const char *service;           /* NULL: "smtp" */
    const char *host; /* server name, for DIGEST-MD5, GSSAPI, OAUTHBEARER; may be NULL */
    uint16_t port;    /* for OAUTHBEARER; 0: not said */
    const struct sasl_channel *channel; /* copied; NULL: none */
};

/* One exchange, client side. NULL and *err where the mechanism is not there, or the user or the
 * channel it needs is missing. */
struct sasl;
struct sasl *sasl_client_new(const char *mechanism, const struct sasl_credentials *c,
                             struct err *err);
/* Does the client speak first in this mechanism (PLAIN yes, LOGIN no)? */
bool sasl_client_first(const struct sasl *s);

/* One exchange, server side. `lookup` gives the password of a user: returns false for an unknown
 * one. */
typedef bool (*sasl_lookup_fn)(void *ctx, const char *user, struct secret *password_out);
/* Whose bearer token is this? False: nobody's, or not that user's. `user` is the one the client
 * names, "" where it names none. The name found goes to *user_out (cap 256 octets). */
typedef bool (*sasl_token_fn)(void *ctx, const char *user, struct slice token,
                              struct buf *user_out);

struct sasl_server_options {
    sasl_lookup_fn lookup;              /* NULL: nobody has a password */
    sasl_token_fn token;                /* NULL: no token is good */
    void *ctx;                          /* of both */
    const char *service;                /* NULL: "smtp" */
    const char *host;                   /* the realm of DIGEST-MD5 too; may be NULL */
    const struct sasl_channel *channel; /* copied; NULL: no -PLUS */
    const char *external; /* identity that a client certificate has proven; NULL: EXTERNAL refuses
                             everybody */
};
struct sasl *sasl_server_open(const char *mechanism, const struct sasl_server_options *options,
                              struct err *err);
/* The same with a password lookup and nothing else. */
struct sasl *sasl_server_new(const char *mechanism, sasl_lookup_fn lookup, void *ctx,
                             const char *host, struct err *err);

/* One step: `in` from the peer (empty at the first step of a client that speaks first), out reset
 * and filled. At the first step of a server, in.ptr NULL says that no initial response came, a
 * pointer with len 0 that an empty one did ("="): EXTERNAL and ANONYMOUS differ there. After
 * anything but SASL_CONTINUE the exchange is over and a further step is SASL_FAILED. A SCRAM server
 * may ask for 1000000 rounds of hashing at most. */
enum sasl_result sasl_step(struct sasl *s, struct slice in, struct buf *out, struct err *err);
/* The identity proven, after SASL_DONE on the server side; NULL before. */
const char *sasl_user(const struct sasl *s);
/* Client side of the OAuth mechanisms: what the server gave as its reason (JSON, RFC 7628
 * section 3.2.2), as received; empty: none came. Valid as long as s. */
struct slice sasl_server_reason(const struct sasl *s);
void sasl_free(struct sasl **s);

/* The digest of APOP (RFC 1939 section 7), in lower-case hexadecimal. False: no MD5 to be had (some
 * systems forbid it). */
enum { SASL_APOP_OCTETS = 32 };
bool sasl_apop_digest(struct slice stamp, const struct secret *password,
                      char out[SASL_APOP_OCTETS + 1]);

/* What a decoded step says, in words, secrets as dots: "user ann, password hidden (6 octets)".
 * from_client and step number (1 for the first of either side) tell which; an undecodable one says
 * so. */
void sasl_describe(const char *mechanism, bool from_client, unsigned step, struct slice octets,
                   struct buf *out);

#endif
