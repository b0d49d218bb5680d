/* The TLS side of net: contexts, one link's session, checking, words. OpenSSL stays in these files.
 */
#ifndef NET_TLS_PRIVATE_H
#define NET_TLS_PRIVATE_H

#include "net/net_private.h"

#include <openssl/ssl.h>

/* A context may be freed by its owner while a handshake still uses it: sessions hold a reference.
 */
struct tls_client {
    unsigned refs;
    SSL_CTX *ctx; /* made at first need: it costs more than a whole plain session */
    bool store_ready;
    int keylog_fd;
    struct tls_client_options options; /* texts are our own copies */
    struct tls_tickets *tickets;       /* held; NULL: none */
    char *texts[16];                   /* those copies */
    size_t texts_count;
};

struct tls_server {
    unsigned refs;
    SSL_CTX *ctx;
    struct tls_practice_ca *ca; /* NULL: from files */
    char *name;
    enum tls_practice_cert kind;
    char *version_min, *version_max, *ciphers; /* NULL: as usual */
    bool ask_client, require_client;
    SSL_CTX *named_ctx; /* TLS_CERT_SNI: for clients that name the server */
};

enum tls_state { TLS_HANDSHAKE, TLS_OPEN, TLS_BROKEN };

#define FIRST_OCTETS 256

struct tls_verdict {
    long code; /* X509_V_*, the first that failed; X509_V_OK */
    int depth;
    char text[200]; /* the library's words, and what exactly */
};

struct link_tls {
    SSL *ssl;
    BIO *in, *out; /* wire octets; owned by ssl */
    struct tls_client *client;
    struct tls_server *server;
    struct tls_verdict *verdict; /* client, until open */
    uint8_t *first;              /* the first octets the peer sent, until open */
    size_t first_octets;
    uint64_t start_ns;
    enum tls_state state;
    enum event_tls_via via;
    bool peer_ok; /* client: every check of the certificate held, now or when the session that is
                     resumed was made */
};

/* tls_client.c, tls_server.c: a session of the context; NULL and *err when it cannot be had. */
SSL *tls_client_session(struct tls_client *c, struct err *err);
void tls_client_unref(struct tls_client *c);
SSL *tls_server_session(struct tls_server *s, struct err *err);
void tls_server_unref(struct tls_server *s);
SSL_CTX *tls_context_new(bool server);
/* Certificate chain and key from PEM files into ctx. */
bool tls_context_files(SSL_CTX *ctx, const char *cert_file, const char *key_file, struct err *err);
/* Versions and ciphers of the options. */
bool tls_context_versions(SSL_CTX *ctx, const struct tls_client_options *o, struct err *err);
bool tls_context_ciphers(SSL_CTX *ctx, const char *text, struct err *err);
bool tls_is_ip(const char *name);

/* tls_tickets.c */
struct tls_tickets *tls_tickets_ref(struct tls_tickets *t); /* NULL stays NULL */
int tickets_keep(SSL *ssl, SSL_SESSION *session);           /* OpenSSL's callback */
/* Offer the session kept for this peer. *peer_ok_out: what its check had given. */
bool tickets_use(struct tls_client *c, SSL *ssl, bool *peer_ok_out);
/* tls_dane.c */
bool dane_prepare(struct tls_client *c, SSL *ssl, struct err *err);
void dane_append(struct link *k);
/* tls_ocsp.c */
void ocsp_append(struct link *k);

/* practice.c */
bool practice_certificate(struct tls_practice_ca *ca, const char *name, enum tls_practice_cert kind,
                          SSL_CTX *ctx);

bool practice_identity(struct tls_practice_ca *ca, X509 *cert, char *out, size_t out_octets);

/* verify.c: the certificate check of a client session; its app data is the link. */
int verify_chain(X509_STORE_CTX *x, void *arg);
/* A resumed session shows no certificate: say what its check gave when it was made. */
void verify_resumed(struct link *k);
void verdict_err(struct err *e, const struct link_tls *t);

/* tls_err.c */
struct slice
tls_not_tls(const struct link_tls *t); /* first octets that are no TLS; empty: they are */
void tls_err(struct err *e, const struct link *k, int reason, const char *words);
void tls_err_setting(struct err *e, const char *what, const char *value);

#endif
