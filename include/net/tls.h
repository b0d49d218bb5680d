/* TLS settings and results, free of OpenSSL's types (OpenSSL 3 inside net; RFC 8446, 5246, 6066,
 * 6125).
 *
 * TLS runs over memory BIOs between the plain side of a link and its transport, so both sides can
 * be tapped: the plain octets by the engine, the records on the wire by the link itself.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "journal/event.h"

struct tls_client_options {
    enum event_verify verify;
    const char *name;      /* the name the certificate must carry, and what SNI says; may be NULL */
    const char *sni;       /* another SNI than name; "" sends none; NULL: as name */
    const char *ca_file;   /* PEM file or directory; NULL: the system's store */
    struct slice ca_pem;   /* certificates to trust, PEM text, besides ca_file; empty: none. Given
                              without   ca_file: instead of the system's store */
    const char *cert_file; /* client certificate, PEM; NULL: none */
    const char *key_file;
    const char *version_min; /* "1.0" .. "1.3"; NULL: the library's default */
    const char *version_max;
    const char *ciphers; /* OpenSSL list (TLS <= 1.2) or suites (1.3); NULL: default */
    const char *groups;  /* key exchange groups, "X25519:P-256", best first; NULL: default */
    const char *alpn;    /* one protocol; NULL: none */
    const char *tlsa;    /* TLSA records the chain must fit one of, "3 1 1 HEX", one a line (RFC
                            6698); NULL: none */
    bool ocsp;           /* ask for a stapled OCSP response; TLS_OCSP says what came */
    struct tls_tickets *tickets; /* resume sessions kept here, and keep new ones; NULL: neither.
                                    With tlsa nothing is resumed */
    const char *keylog_file;     /* append NSS key log lines; NULL: none */
};

/* Sessions to be resumed, of up to 16 peer names (the oldest leave). Clients that use it hold it:
 * it may be freed before them. */
struct tls_tickets;
struct tls_tickets *tls_tickets_new(void);
void tls_tickets_free(struct tls_tickets **t);
size_t tls_tickets_count(const struct tls_tickets *t);

/* Do these lines read as TLSA records? False: *err names the one that does not. */
bool tls_tlsa_check(const char *text, struct err *err);

/* A client context made once for many links. NULL and *err where files or settings do not read. The
 * options are copied. */
/* "OpenSSL 3.0.17 1 Jul 2025". */
const char *tls_library(void);

struct tls_client;
struct tls_client *tls_client_new(const struct tls_client_options *options, struct err *err);
void tls_client_free(struct tls_client **c);

/* Certificates for practice: a CA made in memory at first use (EC P-256), and server certificates
 * it signs. Kinds other than GOOD are for lessons about what goes wrong. */
struct tls_practice_ca;
enum tls_practice_cert {
    TLS_CERT_GOOD,
    TLS_CERT_EXPIRED,
    TLS_CERT_FUTURE,
    TLS_CERT_WRONG_NAME,
    TLS_CERT_SELF_SIGNED,
    TLS_CERT_UNKNOWN_CA,
    TLS_CERT_NO_CHAIN,  /* signed by an intermediate that is not sent */
    TLS_CERT_WRONG_EKU, /* for clients only */
    TLS_CERT_RSA_1024,
    TLS_CERT_SHA1, /* signed with SHA-1 */
    TLS_CERT_SNI,  /* the good one to those that name the server, another host's to the rest */
    TLS_CERT__COUNT
};
/* wall_us: now, for the validity dates. */
struct tls_practice_ca *tls_practice_ca_new(int64_t wall_us);
void tls_practice_ca_free(struct tls_practice_ca **ca);
/* The CA certificate as PEM text; valid as long as ca. */
struct slice tls_practice_ca_pem(const struct tls_practice_ca *ca);

/* A certificate of this CA for a client, and its key, as PEM text: `identity` (at most 64 octets)
 * is who it proves to be. False: it could not be made. */
bool tls_practice_client_pem(struct tls_practice_ca *ca, const char *identity, struct buf *pem_out);

/* A server context: certificate for `name` (and localhost, 127.0.0.1, ::1) of the given kind. The
 * ca must outlive it. */
struct tls_server;
struct tls_server *tls_server_practice(struct tls_practice_ca *ca, const char *name,
                                       enum tls_practice_cert kind, struct err *err);
/* The same with limits of its own. */
struct tls_server_options {
    const char *version_min; /* "1.0" .. "1.3"; NULL: 1.2 */
    const char *version_max; /* NULL: the library's newest */
    const char *ciphers;     /* OpenSSL list (TLS <= 1.2) or suites (1.3); NULL: default */
    bool ask_client;         /* ask for a certificate of the client, whatever it is */
    bool require_client;     /* end the handshake without one */
};
struct tls_server *tls_server_practice_with(struct tls_practice_ca *ca, const char *name,
                                            enum tls_practice_cert kind,
                                            const struct tls_server_options *options,
                                            struct err *err);
struct tls_server *tls_server_files(const char *cert_file, const char *key_file, struct err *err);
void tls_server_free(struct tls_server **s);

/* What a certificate check said, in words: a short reason as in TLS_VERIFY ("expired",
 * "wrong-name", "self-signed", "unknown-issuer", "not-yet-valid", ...) for an X509_V_* number. */
const char *tls_verify_reason(long x509_v_code);

#endif
