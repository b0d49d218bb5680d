/* TLS of one link: a pump between the wire octets of the transport and the plain octets of the
 * owner.
 *
 * OpenSSL reads from and writes to memory (two BIOs), so that every octet of the wire passes
 * through here and can be noted. Nothing in this file calls the owner from inside a call of the
 * owner's: the pump runs from the transport's reads or from the end of a turn.
 */
#include "net/tls_private.h"

#include "base/mem.h"

#include <openssl/err.h>
#include <string.h>

#define WRITE_OCTETS (64 * 1024)

/* RFC 8446 section 6: in TLS 1.3 every alert but these two ends the connection. */
enum { ALERT_CLOSE_NOTIFY = 0, ALERT_USER_CANCELED = 90 };
enum { SLIM_OCTETS = 1024 };

bool link_tls_is_up(const struct link *k)
{
    return k->tls != NULL && k->tls->state == TLS_OPEN;
}

bool link_tls_in_handshake(const struct link *k)
{
    return k->tls != NULL && k->tls->state == TLS_HANDSHAKE;
}

static void wire_note(struct link *k, enum event_dir dir, struct slice octets)
{
    bool keep = k->keep_wire || k->tls->state != TLS_OPEN;
    journal_append_octets(k->journal, k->conn, dir, LAYER_WIRE, link_flags(k), false, octets, NULL,
                          0, keep);
}

/* Give what OpenSSL wrote to the transport. False: the session is gone. */
static bool flush(struct link *k)
{
    char *octets = NULL;
    long n = k->tls != NULL ? BIO_get_mem_data(k->tls->out, &octets) : 0;
    if (n <= 0)
        return k->tls != NULL;
    struct slice wire = slice_of(octets, (size_t)n);
    wire_note(k, link_dir_out(k), wire);
    link_write_wire(k, wire);
    if (k->tls == NULL)
        return false;
    (void)BIO_reset(k->tls->out);
    return true;
}

static void message(int write_p, int version, int content_type, const void *octets, size_t len,
                    SSL *ssl, void *arg)
{
    struct link *k = arg;
    const uint8_t *p = octets;
    enum event_dir dir = write_p ? link_dir_out(k) : link_dir_in(k);
    (void)version;
    if (content_type < SSL3_RT_CHANGE_CIPHER_SPEC || content_type > SSL3_RT_HANDSHAKE || len == 0)
        return;
    JOURNAL_APPEND(k->journal, k->conn, TLS_MSG, link_flags(k), 0,
                   (struct ev_tls_msg){.dir = dir,
                                       .content_type = (uint64_t)content_type,
                                       .msg_type = content_type == SSL3_RT_HANDSHAKE ? p[0] : 0,
                                       .length = len});
    if (content_type != SSL3_RT_ALERT || len < 2)
        return;
    bool fatal =
        p[0] == SSL3_AL_FATAL || (SSL_version(ssl) == TLS1_3_VERSION &&
                                  p[1] != ALERT_CLOSE_NOTIFY && p[1] != ALERT_USER_CANCELED);
    JOURNAL_APPEND(k->journal, k->conn, TLS_ALERT, link_flags(k), 0,
                   (struct ev_tls_alert){.dir = dir, .fatal = fatal, .number = p[1]});
}

/* ---- failing ---- */

static void append_fail(struct link *k, int code, const char *text)
{
    bool handshake = k->tls->state == TLS_HANDSHAKE;
    struct slice got = handshake ? tls_not_tls(k->tls) : slice_of(NULL, 0);
    JOURNAL_APPEND(k->journal, k->conn, TLS_FAIL, link_flags(k), 0,
                   (struct ev_tls_fail){.code = code,
                                        .text = slice_cstr(text),
                                        .stage = slice_cstr(handshake ? "handshake" : "data"),
                                        .got = got});
    if (got.len == 0 || k->server)
        return;
    enum event_dir dir = link_dir_in(k);
    JOURNAL_APPEND(
        k->journal, k->conn, DEVIATION, link_flags(k), 0,
        (struct ev_deviation){
            .rule = SLICE_LIT("tls-plaintext-reply"),
            .rfc = SLICE_LIT("RFC 3207 section 4"),
            .dir = dir,
            .offset = journal_stream_len(k->journal, k->conn, dir, LAYER_PLAIN),
            .note = SLICE_LIT("octets in the clear came where the TLS handshake was due")});
}

static void fail(struct link *k, unsigned long code)
{
    struct err e;
    int reason = code != 0 ? ERR_GET_REASON(code) : 0;
    const char *words = code != 0 ? ERR_reason_error_string(code) : NULL;
    if (words == NULL)
        words = "the TLS library stopped without a reason";
    bool handshake = k->tls->state == TLS_HANDSHAKE;
    append_fail(k, reason, words);
    tls_err(&e, k, reason, words);
    k->tls->state = TLS_BROKEN;
    ERR_clear_error();
    if (handshake)
        k->due |= DUE_TLS_FAIL;
    link_end(k, DOWN_TLS, &e);
    link_due(k, 0);
}

void link_tls_cut(struct link *k, struct err *e)
{
    char text[sizeof(e->text)];
    memcpy(text, e->text, sizeof(text));
    append_fail(k, 0, text);
    e->text[0] = '\0';
    struct err said = *e;
    struct slice got = tls_not_tls(k->tls);
    if (got.len > 0)
        tls_err(e, k, 0, text);
    else
        err_set(e, said.domain, said.code, "during the TLS handshake: %s", text);
    if (got.len == 0)
        err_explain(e, "the peer, or something between, did not want this TLS handshake",
                    "--tls none talks in the clear; the server's log may tell why");
    k->tls->state = TLS_BROKEN;
    k->due |= DUE_TLS_FAIL;
}

/* ---- opening ---- */

struct signature_name {
    int key_nid, hash_nid;
    const char *name;
};

/* RFC 8446 section 4.2.3, by the numbers OpenSSL gives. */
static const struct signature_name signatures[] = {
    {EVP_PKEY_EC, NID_sha256, "ecdsa_secp256r1_sha256"},
    {EVP_PKEY_EC, NID_sha384, "ecdsa_secp384r1_sha384"},
    {EVP_PKEY_EC, NID_sha512, "ecdsa_secp521r1_sha512"},
    {EVP_PKEY_EC, NID_sha1, "ecdsa_sha1"},
    {EVP_PKEY_RSA_PSS, NID_sha256, "rsa_pss_rsae_sha256"},
    {EVP_PKEY_RSA_PSS, NID_sha384, "rsa_pss_rsae_sha384"},
    {EVP_PKEY_RSA_PSS, NID_sha512, "rsa_pss_rsae_sha512"},
    {EVP_PKEY_RSA, NID_sha256, "rsa_pkcs1_sha256"},
    {EVP_PKEY_RSA, NID_sha384, "rsa_pkcs1_sha384"},
    {EVP_PKEY_RSA, NID_sha512, "rsa_pkcs1_sha512"},
    {EVP_PKEY_RSA, NID_sha1, "rsa_pkcs1_sha1"},
    {EVP_PKEY_ED25519, NID_undef, "ed25519"},
    {EVP_PKEY_ED448, NID_undef, "ed448"},
};

static const char *signature_name(SSL *ssl)
{
    int key_nid = 0, hash_nid = NID_undef;
    if (SSL_get_peer_signature_type_nid(ssl, &key_nid) != 1)
        return "";
    SSL_get_peer_signature_nid(ssl, &hash_nid);
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
        const struct signature_name *s = &signatures[i];
        if (s->key_nid == key_nid && (s->hash_nid == NID_undef || s->hash_nid == hash_nid))
            return s->name;
    }
    return "";
}

static void append_up(struct link *k)
{
    SSL *ssl = k->tls->ssl;
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    const unsigned char *alpn = NULL;
    unsigned alpn_octets = 0;
    int group = (int)SSL_get_negotiated_group(ssl);
    const char *group_name = group != 0 ? SSL_group_to_name(ssl, group) : NULL;
    SSL_get0_alpn_selected(ssl, &alpn, &alpn_octets);
    JOURNAL_APPEND(k->journal, k->conn, TLS_UP, link_flags(k), 0,
                   (struct ev_tls_up){.version = slice_cstr(SSL_get_version(ssl)),
                                      .cipher = slice_cstr(SSL_CIPHER_standard_name(cipher)),
                                      .bits = (uint64_t)SSL_CIPHER_get_bits(cipher, NULL),
                                      .group = slice_cstr(group_name),
                                      .signature = slice_cstr(signature_name(ssl)),
                                      .alpn = slice_of(alpn, alpn_octets),
                                      .resumed = SSL_session_reused(ssl) != 0,
                                      .elapsed_us = (link_now_ns(k) - k->tls->start_ns) / 1000});
}

/* What a client's handshake showed beside the chain. */
static void append_findings(struct link *k)
{
    const struct tls_client_options *o = &k->tls->client->options;
    if (SSL_session_reused(k->tls->ssl))
        verify_resumed(k);
    if (o->tlsa != NULL)
        dane_append(k);
    if (o->ocsp)
        ocsp_append(k);
}

static void opened(struct link *k)
{
    struct link_tls *t = k->tls;
    append_up(k);
    if (t->client != NULL)
        append_findings(k);
    t->state = TLS_OPEN;
    mem_free(t->first);
    t->first = NULL;
    t->first_octets = 0;
    mem_free(t->verdict);
    t->verdict = NULL;
    if (k->handlers != NULL && k->handlers->on_tls != NULL && !k->ending)
        k->handlers->on_tls(k->ctx, NULL);
}

static void handshake(struct link *k)
{
    ERR_clear_error();
    int rc = SSL_do_handshake(k->tls->ssl);
    int what = SSL_get_error(k->tls->ssl, rc);
    unsigned long code = ERR_get_error();
    if (!flush(k))
        return;
    if (rc == 1)
        opened(k);
    else if (what != SSL_ERROR_WANT_READ && what != SSL_ERROR_WANT_WRITE)
        fail(k, code);
}

/* ---- the pump ---- */

/* True: go on. */
static bool pump_once(struct link *k)
{
    struct link_tls *t = k->tls;
    size_t n_octets = 0;
    int rc = 0, what = SSL_ERROR_NONE;
    unsigned long code = 0;
    ERR_clear_error();
    while (n_octets < LINK_READ_OCTETS) {
        rc = SSL_read(t->ssl, k->net->plain_octets + n_octets, (int)(LINK_READ_OCTETS - n_octets));
        if (rc <= 0) {
            what = SSL_get_error(t->ssl, rc);
            code = ERR_get_error();
            break;
        }
        n_octets += (size_t)rc;
    }
    if (n_octets > 0)
        link_deliver(k, slice_of(k->net->plain_octets, n_octets));
    if (k->tls != t || t->state != TLS_OPEN || k->ending)
        return false;
    if (what == SSL_ERROR_NONE)
        return true;
    if (what == SSL_ERROR_ZERO_RETURN)
        link_input_eof(k);
    else if (what != SSL_ERROR_WANT_READ && what != SSL_ERROR_WANT_WRITE)
        fail(k, code);
    return false;
}

/* What a handshake or a burst of content made these buffers grow to would stay with an idle
 * connection for good: one that is empty and large is replaced by a new one. */
static BIO *slimmed(BIO *bio)
{
    BUF_MEM *memory = NULL;
    BIO_get_mem_ptr(bio, &memory);
    return BIO_pending(bio) == 0 && memory != NULL && memory->max > SLIM_OCTETS
               ? BIO_new(BIO_s_mem())
               : NULL;
}

static void slim(struct link_tls *t)
{
    BIO *in = slimmed(t->in), *out = slimmed(t->out);
    if (in != NULL)
        SSL_set0_rbio(t->ssl, t->in = in);
    if (out != NULL)
        SSL_set0_wbio(t->ssl, t->out = out);
}

static void pump(struct link *k)
{
    link_enter(k);
    if (k->tls->state == TLS_HANDSHAKE)
        handshake(k);
    while (link_tls_is_up(k) && !k->ending && !k->paused && !k->peer_eof && pump_once(k))
        continue;
    if (k->tls != NULL && flush(k) && link_tls_is_up(k))
        slim(k->tls);
    link_leave(k);
}

void link_tls_input(struct link *k, struct slice wire)
{
    struct link_tls *t = k->tls;
    wire_note(k, link_dir_in(k), wire);
    if (t->state == TLS_BROKEN || k->ending)
        return;
    if (t->state == TLS_HANDSHAKE && t->first_octets < FIRST_OCTETS) {
        struct slice part = slice_take(wire, FIRST_OCTETS - t->first_octets);
        memcpy(t->first + t->first_octets, part.ptr, part.len);
        t->first_octets += part.len;
    }
    BIO_write(t->in, wire.ptr, (int)wire.len);
    pump(k);
}

void link_tls_resume(struct link *k)
{
    if (k->state == LINK_UP && link_tls_is_up(k))
        pump(k);
}

void link_tls_eof(struct link *k)
{
    if (!link_tls_is_up(k))
        return;
    if (SSL_get_shutdown(k->tls->ssl) & SSL_RECEIVED_SHUTDOWN) {
        link_tls_close_notify(k);
        return;
    }
    enum event_dir dir = link_dir_in(k);
    JOURNAL_APPEND(k->journal, k->conn, DEVIATION, link_flags(k), 0,
                   (struct ev_deviation){
                       .rule = SLICE_LIT("tls-truncated"),
                       .rfc = SLICE_LIT("RFC 8446 section 6.1"),
                       .dir = dir,
                       .offset = journal_stream_len(k->journal, k->conn, dir, LAYER_PLAIN),
                       .note = SLICE_LIT("the connection ended without close_notify: whether all "
                                         "octets came cannot be known")});
}

bool link_tls_send(struct link *k, struct slice plain)
{
    struct link_tls *t = k->tls;
    while (plain.len > 0) {
        size_t n_octets = plain.len < WRITE_OCTETS ? plain.len : WRITE_OCTETS;
        ERR_clear_error();
        int rc = SSL_write(t->ssl, plain.ptr, (int)n_octets);
        if (rc <= 0) {
            fail(k, ERR_get_error());
            return false;
        }
        plain = slice_skip(plain, (size_t)rc);
        /* OpenSSL writes a record of 16 KiB at a time; several go out in one system call. */
        if (BIO_pending(t->out) >= WRITE_OCTETS && !flush(k))
            return false;
    }
    return flush(k);
}

void link_tls_close_notify(struct link *k)
{
    if (!link_tls_is_up(k) || (SSL_get_shutdown(k->tls->ssl) & SSL_SENT_SHUTDOWN))
        return;
    ERR_clear_error();
    SSL_shutdown(k->tls->ssl);
    ERR_clear_error();
    k->notify_octets = BIO_pending(k->tls->out);
    flush(k);
}

void link_tls_free(struct link *k)
{
    struct link_tls *t = k->tls;
    if (t == NULL)
        return;
    k->tls = NULL;
    SSL_free(t->ssl);
    tls_client_unref(t->client);
    tls_server_unref(t->server);
    mem_free(t->verdict);
    mem_free(t->first);
    mem_free(t);
}

bool link_tls_channel_binding(struct link *k, uint8_t out[32])
{
    static const char label[] = "EXPORTER-Channel-Binding";
    if (!link_tls_is_up(k) || SSL_version(k->tls->ssl) != TLS1_3_VERSION)
        return false;
    return SSL_export_keying_material(k->tls->ssl, out, 32, label, sizeof(label) - 1,
                                      (const unsigned char *)"", 0, 1) == 1;
}

/* The first Finished message of the handshake: the client's, or the server's where a session was
 * resumed (RFC 5929 section 3.1). Without the extended master secret a resumed one could belong to
 * two connections at once (RFC 7627 section 1): it binds nothing then. */
size_t link_tls_unique_octets(struct link *k, uint8_t *out, size_t out_octets)
{
    if (!link_tls_is_up(k) || SSL_version(k->tls->ssl) > TLS1_2_VERSION)
        return 0;
    SSL *ssl = k->tls->ssl;
    bool resumed = SSL_session_reused(ssl) == 1;
    if (resumed && SSL_get_extms_support(ssl) != 1)
        return 0;
    bool ours = (SSL_is_server(ssl) == 1) == resumed;
    size_t n =
        ours ? SSL_get_finished(ssl, out, out_octets) : SSL_get_peer_finished(ssl, out, out_octets);
    return n <= out_octets ? n : 0;
}

bool link_tls_client_identity(struct link *k, char *out, size_t out_octets)
{
    const struct tls_server *s = k->tls->server;
    if (!link_tls_is_up(k) || s == NULL || s->ca == NULL)
        return false;
    X509 *cert = SSL_get1_peer_certificate(k->tls->ssl);
    bool ok = cert != NULL && practice_identity(s->ca, cert, out, out_octets);
    X509_free(cert);
    return ok;
}

/* ---- starting ---- */

static void start(struct link *k, struct tls_client *c, struct tls_server *s,
                  enum event_tls_via via)
{
    struct err e;
    BUG_IF(k->tls != NULL);
    if (!link_is_up(k))
        return; /* it broke meanwhile: on_down is on its way */
    struct link_tls *t = mem_zalloc(sizeof(*t));
    t->via = via;
    t->start_ns = link_now_ns(k);
    t->first = mem_alloc(FIRST_OCTETS);
    if (k->net->plain_octets == NULL)
        k->net->plain_octets = mem_alloc(LINK_READ_OCTETS);
    k->tls = t;
    t->ssl = c != NULL ? tls_client_session(c, &e) : tls_server_session(s, &e);
    const char *sni =
        t->ssl != NULL && c != NULL ? SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name) : NULL;
    JOURNAL_APPEND(k->journal, k->conn, TLS_START, link_flags(k), 0,
                   (struct ev_tls_start){.side = c != NULL ? SIDE_CLIENT : SIDE_SERVER,
                                         .via = via,
                                         .sni = slice_cstr(sni)});
    if (t->ssl == NULL) {
        append_fail(k, 0, e.text);
        t->state = TLS_BROKEN;
        k->due |= DUE_TLS_FAIL;
        link_end(k, DOWN_TLS, &e);
        return;
    }
    t->client = c;
    t->server = s;
    if (c != NULL) {
        t->verdict = mem_zalloc(sizeof(*t->verdict));
        tickets_use(c, t->ssl, &t->peer_ok);
    }
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    BUG_IF(t->in == NULL || t->out == NULL);
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_app_data(t->ssl, k);
    SSL_set_msg_callback(t->ssl, message);
    SSL_set_msg_callback_arg(t->ssl, k);
    handshake(k);
}

void link_start_tls_client(struct link *k, struct tls_client *c, enum event_tls_via via)
{
    start(k, c, NULL, via);
}

void link_start_tls_server(struct link *k, struct tls_server *s, enum event_tls_via via)
{
    start(k, NULL, s, via);
}
