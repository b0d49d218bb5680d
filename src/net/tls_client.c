/* Client contexts: settings and the certificates to trust.
 *
 * The context is made when TLS first starts, unless settings have to be read and judged before. The
 * system's store is used as a directory of hashed names where there is one, so that a certificate
 * is read when an issuer is looked for; parsing the whole bundle takes longer than sending a
 * message.
 */
#include "net/tls_private.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *tls_library(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

bool tls_is_ip(const char *name)
{
    uint8_t ip[16];
    return inet_pton(AF_INET, name, ip) == 1 || inet_pton(AF_INET6, name, ip) == 1;
}

static const char *keep_text(struct tls_client *c, const char *text)
{
    if (text == NULL)
        return NULL;
    BUG_IF(c->texts_count == sizeof(c->texts) / sizeof(c->texts[0]));
    c->texts[c->texts_count] = mem_strdup(text);
    return c->texts[c->texts_count++];
}

static void copy_options(struct tls_client *c, const struct tls_client_options *o)
{
    c->options = (struct tls_client_options){
        .verify = o->verify,
        .name = keep_text(c, o->name),
        .sni = keep_text(c, o->sni),
        .ca_file = keep_text(c, o->ca_file),
        .cert_file = keep_text(c, o->cert_file),
        .key_file = keep_text(c, o->key_file),
        .version_min = keep_text(c, o->version_min),
        .version_max = keep_text(c, o->version_max),
        .ciphers = keep_text(c, o->ciphers),
        .groups = keep_text(c, o->groups),
        .tlsa = keep_text(c, o->tlsa),
        .ocsp = o->ocsp,
        .alpn = keep_text(c, o->alpn),
        .keylog_file = keep_text(c, o->keylog_file),
    };
    if (o->ca_pem.len > 0)
        c->options.ca_pem = slice_of(mem_dup(o->ca_pem.ptr, o->ca_pem.len), o->ca_pem.len);
    /* What was checked against records is not to be had again without them. */
    c->tickets = o->tlsa == NULL ? tls_tickets_ref(o->tickets) : NULL;
}

static void keylog_line(const SSL *ssl, const char *line)
{
    const struct tls_client *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct iovec iov[2] = {{(void *)(uintptr_t)line, strlen(line)}, {(char[]){'\n'}, 1}};
    ssize_t n = writev(c->keylog_fd, iov, 2);
    (void)n; /* a full disk must not end the session */
}

static int parse_version(const char *text)
{
    static const struct {
        const char *text;
        int version;
    } versions[] = {{"1.0", TLS1_VERSION},
                    {"1.1", TLS1_1_VERSION},
                    {"1.2", TLS1_2_VERSION},
                    {"1.3", TLS1_3_VERSION}};
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (strcmp(text, versions[i].text) == 0)
            return versions[i].version;
    }
    return -1;
}

bool tls_context_versions(SSL_CTX *ctx, const struct tls_client_options *o, struct err *err)
{
    int min = o->version_min != NULL ? parse_version(o->version_min) : 0;
    int max = o->version_max != NULL ? parse_version(o->version_max) : 0;
    if (min < 0 || max < 0 || (min > 0 && max > 0 && min > max)) {
        tls_err_setting(err, "TLS version", min < 0 || max >= 0 ? o->version_min : o->version_max);
        err_explain(err, "versions are 1.0, 1.1, 1.2 and 1.3, the lowest first",
                    "--tls-min 1.2 --tls-max 1.3");
        return false;
    }
    bool old = (min > 0 && min < TLS1_2_VERSION) || (max > 0 && max < TLS1_2_VERSION);
    if (max > 0 && max < TLS1_2_VERSION && min == 0)
        min = TLS1_VERSION;
    if (min > 0)
        SSL_CTX_set_min_proto_version(ctx, min);
    if (max > 0)
        SSL_CTX_set_max_proto_version(ctx, max);
    /* TLS 1.0 and 1.1 need SHA-1, which OpenSSL 3 allows at level 0 only. Whoever asks for them by
     * name wants to see what happens. */
    if (old)
        SSL_CTX_set_security_level(ctx, 0);
    return true;
}

/* TLS 1.3 suites are named TLS_*; they and the older list are set by different calls. */
bool tls_context_ciphers(SSL_CTX *ctx, const char *text, struct err *err)
{
    struct buf suites, list;
    bool ok = true;
    buf_init(&suites, 4096);
    buf_init(&list, 4096);
    for (struct slice rest = slice_cstr(text); rest.len > 0;) {
        ptrdiff_t colon = slice_find_octet(rest, ':');
        struct slice word = colon < 0 ? rest : slice_take(rest, (size_t)colon);
        rest = slice_skip(rest, word.len + 1);
        struct buf *to = slice_starts(word, SLICE_LIT("TLS_")) ? &suites : &list;
        if (to->len > 0)
            buf_append_octet(to, ':');
        buf_append(to, word);
    }
    if (suites.len > 0)
        ok = SSL_CTX_set_ciphersuites(ctx, buf_cstr(&suites)) == 1;
    if (ok && list.len > 0)
        ok = SSL_CTX_set_cipher_list(ctx, buf_cstr(&list)) == 1;
    if (!ok || suites.overflow || list.overflow) {
        ok = false;
        tls_err_setting(err, "ciphers", text);
        err_explain(err, "OpenSSL knows none of these ciphers",
                    "names as in `openssl ciphers -v`, separated by colons");
    }
    buf_deinit(&suites);
    buf_deinit(&list);
    return ok;
}

static bool set_groups(SSL_CTX *ctx, const char *text, struct err *err)
{
    if (SSL_CTX_set1_groups_list(ctx, text) == 1)
        return true;
    tls_err_setting(err, "groups", text);
    err_explain(err, "OpenSSL does not know one of these key exchange groups",
                "--groups X25519:P-256:P-384, the best first");
    return false;
}

static bool set_alpn(SSL_CTX *ctx, const char *alpn, struct err *err)
{
    uint8_t wire[256];
    size_t len = strlen(alpn);
    if (len == 0 || len > 255) {
        tls_err_setting(err, "ALPN", alpn);
        err_explain(err, "a protocol name has 1 to 255 octets", "RFC 7301 section 3.1");
        return false;
    }
    wire[0] = (uint8_t)len;
    memcpy(wire + 1, alpn, len);
    return SSL_CTX_set_alpn_protos(ctx, wire, (unsigned)len + 1) == 0;
}

static bool set_ca_file(X509_STORE *store, const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        err_set(err, ERR_FILE, errno, "CA %s: %s", path, uv_strerror(-errno));
        err_explain(err, "the certificates to trust cannot be read", "check the path after --ca");
        return false;
    }
    if (S_ISDIR(st.st_mode))
        return X509_STORE_load_path(store, path) == 1;
    if (X509_STORE_load_file(store, path) == 1)
        return true;
    err_set(err, ERR_FILE, 0, "CA %s: no certificate in PEM form could be read", path);
    err_explain(err, "PEM text begins with -----BEGIN CERTIFICATE-----",
                "convert it: openssl x509 -inform der -in FILE -out ca.pem");
    return false;
}

static bool set_ca_pem(X509_STORE *store, struct slice pem, struct err *err)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    unsigned n = 0;
    X509 *cert;
    while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        X509_STORE_add_cert(store, cert);
        X509_free(cert);
        n++;
    }
    BIO_free(bio);
    ERR_clear_error();
    if (n > 0)
        return true;
    err_set(err, ERR_FORMAT, 0, "the CA text holds no certificate in PEM form");
    err_explain(err, "PEM text begins with -----BEGIN CERTIFICATE-----", "check what was given");
    return false;
}

/* Is there a name like 1a2b3c4d.0 in it? */
static bool is_hashed_dir(const char *path)
{
    DIR *dir = opendir(path);
    bool found = false;
    struct dirent *entry;
    while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
        size_t hex = strspn(entry->d_name, "0123456789abcdef");
        found = hex == 8 && entry->d_name[8] == '.' && isdigit((unsigned char)entry->d_name[9]);
    }
    if (dir != NULL)
        closedir(dir);
    return found;
}

static void set_system_store(SSL_CTX *ctx)
{
    const char *dir = X509_get_default_cert_dir();
    if (is_hashed_dir(dir))
        X509_STORE_load_path(SSL_CTX_get_cert_store(ctx), dir);
    else
        SSL_CTX_set_default_verify_paths(ctx);
    ERR_clear_error();
}

static bool context_make(struct tls_client *c, struct err *err)
{
    const struct tls_client_options *o = &c->options;
    if (c->ctx != NULL)
        return true;
    SSL_CTX *ctx = tls_context_new(false);
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    SSL_CTX_set_app_data(ctx, c);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, verify_chain, NULL);
    if (c->keylog_fd >= 0)
        SSL_CTX_set_keylog_callback(ctx, keylog_line);
    if (c->tickets != NULL) {
        SSL_CTX_set_session_cache_mode(ctx,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
        SSL_CTX_sess_set_new_cb(ctx, tickets_keep);
    }
    if (o->tlsa != NULL)
        SSL_CTX_dane_enable(ctx);
    c->store_ready = o->ca_file != NULL || o->ca_pem.len > 0;
    bool ok = tls_context_versions(ctx, o, err) &&
              (o->ciphers == NULL || tls_context_ciphers(ctx, o->ciphers, err)) &&
              (o->groups == NULL || set_groups(ctx, o->groups, err)) &&
              (o->alpn == NULL || set_alpn(ctx, o->alpn, err)) &&
              (o->tlsa == NULL || tls_tlsa_check(o->tlsa, err)) &&
              (o->ca_file == NULL || set_ca_file(store, o->ca_file, err)) &&
              (o->ca_pem.len == 0 || set_ca_pem(store, o->ca_pem, err)) &&
              (o->cert_file == NULL || tls_context_files(ctx, o->cert_file, o->key_file, err));
    ERR_clear_error();
    if (!ok) {
        SSL_CTX_free(ctx);
        return false;
    }
    c->ctx = ctx;
    return true;
}

struct tls_client *tls_client_new(const struct tls_client_options *options, struct err *err)
{
    struct tls_client *c = mem_zalloc(sizeof(*c));
    const struct tls_client_options *o = &c->options;
    c->refs = 1;
    c->keylog_fd = -1;
    copy_options(c, options);
    if (o->keylog_file != NULL) {
        c->keylog_fd = open(o->keylog_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (c->keylog_fd < 0) {
            err_set(err, ERR_FILE, errno, "key log %s: %s", o->keylog_file, uv_strerror(-errno));
            err_explain(err, "the session keys cannot be written there", "choose another file");
            goto fail;
        }
    }
    bool to_judge = o->ca_file || o->ca_pem.len > 0 || o->cert_file || o->version_min ||
                    o->version_max || o->ciphers || o->groups || o->alpn || o->tlsa;
    if (to_judge && !context_make(c, err))
        goto fail;
    return c;
fail:
    tls_client_free(&c);
    return NULL;
}

SSL *tls_client_session(struct tls_client *c, struct err *err)
{
    const struct tls_client_options *o = &c->options;
    if (!context_make(c, err))
        return NULL;
    if (!c->store_ready)
        set_system_store(c->ctx);
    c->store_ready = true;
    SSL *ssl = SSL_new(c->ctx);
    BUG_IF(ssl == NULL);
    SSL_set_connect_state(ssl);
    const char *sni = o->sni != NULL ? o->sni : o->name;
    /* RFC 6066 section 3: literal addresses are not permitted as a server name. */
    if (sni != NULL && sni[0] != '\0' && !tls_is_ip(sni))
        SSL_set_tlsext_host_name(ssl, sni);
    if (o->ocsp)
        SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp);
    if (o->tlsa != NULL && !dane_prepare(c, ssl, err)) {
        SSL_free(ssl);
        return NULL;
    }
    c->refs++;
    return ssl;
}

void tls_client_unref(struct tls_client *c)
{
    if (c == NULL || --c->refs > 0)
        return;
    SSL_CTX_free(c->ctx);
    tls_tickets_free(&c->tickets);
    if (c->keylog_fd >= 0)
        close(c->keylog_fd);
    for (size_t i = 0; i < c->texts_count; i++)
        mem_free(c->texts[i]);
    mem_free((void *)(uintptr_t)c->options.ca_pem.ptr);
    mem_free(c);
}

void tls_client_free(struct tls_client **c)
{
    tls_client_unref(*c);
    *c = NULL;
}
