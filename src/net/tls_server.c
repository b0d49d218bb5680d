/* Server contexts, and what client and server contexts share. */
#include "net/tls_private.h"

#include "base/mem.h"

#include <errno.h>
#include <openssl/err.h>
#include <unistd.h>

/* Without this OpenSSL asks for a pass phrase on the terminal. */
static int no_pass_phrase(char *out, int out_octets, int writing, void *ctx)
{
    (void)out;
    (void)out_octets;
    (void)writing;
    (void)ctx;
    return 0;
}

SSL_CTX *tls_context_new(bool server)
{
    SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    BUG_IF(ctx == NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    /* 1.0 and 1.1 are deprecated: servers offer 1.2 and 1.3 only. A client may be told otherwise,
     * to look at old ones. */
    if (server)
        SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    /* Tickets carry the sessions; a cache would grow with the clients. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(ctx, no_pass_phrase);
    return ctx;
}

static bool file_err(struct err *err, const char *what, const char *path)
{
    unsigned long code = ERR_peek_last_error();
    if (access(path, R_OK) != 0) {
        err_set(err, ERR_FILE, errno, "%s %s: %s", what, path, uv_strerror(-errno));
        err_explain(err, "the file cannot be read", "check the path and who may read it");
    } else {
        const char *reason = ERR_reason_error_string(code);
        err_set(err, ERR_FILE, 0, "%s %s: %s", what, path, reason != NULL ? reason : "not usable");
        err_explain(err, "PEM text is expected; a key must be without pass phrase",
                    "openssl pkey -in KEY -out plain.pem takes a pass phrase away");
    }
    ERR_clear_error();
    return false;
}

bool tls_context_files(SSL_CTX *ctx, const char *cert_file, const char *key_file, struct err *err)
{
    if (key_file == NULL)
        key_file = cert_file;
    if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
        return file_err(err, "certificate", cert_file);
    if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1)
        return file_err(err, "key", key_file);
    return true;
}

static struct tls_server *server_new(void)
{
    struct tls_server *s = mem_zalloc(sizeof(*s));
    s->refs = 1;
    return s;
}

struct tls_server *tls_server_practice(struct tls_practice_ca *ca, const char *name,
                                       enum tls_practice_cert kind, struct err *err)
{
    static const struct tls_server_options usual;
    return tls_server_practice_with(ca, name, kind, &usual, err);
}

/* Versions and ciphers as asked for; nothing asked: as the context is made. */
static bool set_limits(const struct tls_server *s, SSL_CTX *ctx, struct err *err)
{
    const struct tls_client_options o = {.version_min = s->version_min,
                                         .version_max = s->version_max};
    return (!(s->version_min || s->version_max) || tls_context_versions(ctx, &o, err)) &&
           (!s->ciphers || tls_context_ciphers(ctx, s->ciphers, err));
}

struct tls_server *tls_server_practice_with(struct tls_practice_ca *ca, const char *name,
                                            enum tls_practice_cert kind,
                                            const struct tls_server_options *o, struct err *err)
{
    BUG_IF((unsigned)kind >= TLS_CERT__COUNT);
    if (name == NULL || name[0] == '\0') {
        err_set(err, ERR_USAGE, 0, "a practice certificate needs a name");
        err_explain(err, "the certificate says whose it is", "give the server a name");
        return NULL;
    }
    struct tls_server *s = server_new();
    s->ca = ca;
    s->name = mem_strdup(name);
    s->kind = kind;
    s->version_min = mem_strdup(o->version_min);
    s->version_max = mem_strdup(o->version_max);
    s->ciphers = mem_strdup(o->ciphers);
    s->ask_client = o->ask_client || o->require_client;
    s->require_client = o->require_client;
    if (s->version_min || s->version_max || s->ciphers) { /* a wrong setting is told now */
        SSL_CTX *ctx = tls_context_new(true);
        if (!set_limits(s, ctx, err))
            tls_server_free(&s);
        SSL_CTX_free(ctx);
    }
    return s;
}

struct tls_server *tls_server_files(const char *cert_file, const char *key_file, struct err *err)
{
    struct tls_server *s = server_new();
    s->ctx = tls_context_new(true);
    if (!tls_context_files(s->ctx, cert_file, key_file, err))
        tls_server_free(&s);
    return s;
}

/* Whatever certificate the client has is taken: who it is is not what practice is about. */
static int any_certificate(int ok, X509_STORE_CTX *x)
{
    (void)ok;
    X509_STORE_CTX_set_error(x, X509_V_OK);
    return 1;
}

/* TLS_CERT_SNI: who names the server gets its certificate. */
static int choose_by_name(SSL *ssl, int *alert, void *arg)
{
    (void)alert;
    struct tls_server *s = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name != NULL && s->named_ctx != NULL &&
        slice_eq_nocase(slice_cstr(name), slice_cstr(s->name)))
        SSL_set_SSL_CTX(ssl, s->named_ctx);
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *context_of_kind(struct tls_server *s, enum tls_practice_cert kind, struct err *err)
{
    SSL_CTX *ctx = tls_context_new(true);
    if (!practice_certificate(s->ca, s->name, kind, ctx)) {
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        err_set(err, ERR_TLS, 0, "making a practice certificate: %s",
                reason != NULL ? reason : "OpenSSL refused");
        err_explain(err, "OpenSSL could not make a certificate of this kind with this name",
                    "use a plain host name; look at the system's openssl.cnf");
        ERR_clear_error();
        SSL_CTX_free(ctx);
        return NULL;
    }
    if (!set_limits(s, ctx, err)) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    /* Who asks for certificates must say which sessions are its own, or OpenSSL ends the handshake
     * of a client that comes back with a ticket. */
    static const unsigned char own_sessions[] = "smtpscope practice";
    if (s->ask_client &&
        SSL_CTX_set_session_id_context(ctx, own_sessions, sizeof(own_sessions) - 1) == 1)
        SSL_CTX_set_verify(
            ctx, SSL_VERIFY_PEER | (s->require_client ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
            any_certificate);
    return ctx;
}

SSL *tls_server_session(struct tls_server *s, struct err *err)
{
    if (s->ctx == NULL) {
        SSL_CTX *ctx = context_of_kind(s, s->kind, err);
        if (ctx == NULL)
            return NULL;
        if (s->kind == TLS_CERT_SNI) {
            s->named_ctx = context_of_kind(s, TLS_CERT_GOOD, err);
            SSL_CTX_set_tlsext_servername_callback(ctx, choose_by_name);
            SSL_CTX_set_tlsext_servername_arg(ctx, s);
        }
        s->ctx = ctx;
    }
    SSL *ssl = SSL_new(s->ctx);
    BUG_IF(ssl == NULL);
    SSL_set_accept_state(ssl);
    s->refs++;
    return ssl;
}

void tls_server_unref(struct tls_server *s)
{
    if (s == NULL || --s->refs > 0)
        return;
    SSL_CTX_free(s->ctx);
    SSL_CTX_free(s->named_ctx);
    mem_free(s->version_min);
    mem_free(s->version_max);
    mem_free(s->ciphers);
    mem_free(s->name);
    mem_free(s);
}

void tls_server_free(struct tls_server **s)
{
    tls_server_unref(*s);
    *s = NULL;
}
