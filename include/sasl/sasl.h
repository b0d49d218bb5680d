/* SASL mechanisms as steps: octets in, octets out, both sides (RFC 4422; libgsasl inside).
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

struct sasl_credentials {
    const char *user;              /* authentication identity */
    const char *authzid;           /* NULL or "": none */
    const struct secret *password; /* borrowed for the exchange */
    const char *service;           /* "smtp" */
    const char *host;              /* server name, for DIGEST-MD5 and GSSAPI; may be NULL */
    const uint8_t *tls_exporter;   /* 32 octets for -PLUS; NULL: none */
};

/* One exchange, client side. NULL and *err where the mechanism is not there or the user is missing.
 */
struct sasl;
struct sasl *sasl_client_new(const char *mechanism, const struct sasl_credentials *c,
                             struct err *err);
/* Does the client speak first in this mechanism (PLAIN yes, LOGIN no)? */
bool sasl_client_first(const struct sasl *s);

/* One exchange, server side. `lookup` gives the password of a user: returns false for an unknown
 * one. */
typedef bool (*sasl_lookup_fn)(void *ctx, const char *user, struct secret *password_out);
struct sasl *sasl_server_new(const char *mechanism, sasl_lookup_fn lookup, void *ctx,
                             const char *host, struct err *err);
/* The same with what TLS knows: its exporter value (32 octets, RFC 9266) for -PLUS, and the
 * identity that a client certificate has proven, for EXTERNAL. Either may be NULL: then -PLUS
 * cannot be had, and EXTERNAL refuses everybody. sasl_server_new passes NULL for both. */
struct sasl *sasl_server_new_bound(const char *mechanism, sasl_lookup_fn lookup, void *ctx,
                                   const char *host, const uint8_t *tls_exporter,
                                   const char *external, struct err *err);

/* One step: `in` from the peer (empty at the first step of a client that speaks first), out reset
 * and filled. At the first step of a server, in.ptr NULL says that no initial response came, a
 * pointer with len 0 that an empty one did ("="): EXTERNAL and ANONYMOUS differ there. After
 * anything but SASL_CONTINUE the exchange is over and a further step is SASL_FAILED. A SCRAM server
 * may ask for 1000000 rounds of hashing at most. */
enum sasl_result sasl_step(struct sasl *s, struct slice in, struct buf *out, struct err *err);
/* The identity proven, after SASL_DONE on the server side; NULL before. */
const char *sasl_user(const struct sasl *s);
void sasl_free(struct sasl **s);

/* What a decoded step says, in words, secrets as dots: "user ann, password hidden (6 octets)".
 * from_client and step number (1 for the first of either side) tell which; an undecodable one says
 * so. */
void sasl_describe(const char *mechanism, bool from_client, unsigned step, struct slice octets,
                   struct buf *out);

#endif
