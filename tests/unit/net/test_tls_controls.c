/* What a person can ask of TLS: groups, resumption, TLSA records, OCSP, and what is seen of key
 * updates. */
#include "net_test.h"

#include "../../lib/certs.h"
#include "../../lib/proc.h"
#include "net/tls_private.h"

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <stdlib.h>

static struct tls_practice_ca *ca;
static struct tls_client *tls_c;
static struct tls_server *tls_s;
static struct tls_tickets *tickets;

static int tls_setup(void **state)
{
    net_setup(state);
    ca = tls_practice_ca_new(clock_system()->wall_us(NULL));
    tickets = tls_tickets_new();
    return 0;
}

static int tls_teardown(void **state)
{
    tls_client_free(&tls_c);
    tls_server_free(&tls_s);
    net_teardown(state);
    tls_practice_ca_free(&ca);
    tls_tickets_free(&tickets);
    return 0;
}

static void client_of(const struct tls_client_options *options)
{
    struct err err;
    struct tls_client_options o = *options;
    o.name = o.name ? o.name : "mail.example.test";
    if (!o.ca_file)
        o.ca_pem = tls_practice_ca_pem(ca);
    tls_client_free(&tls_c);
    tls_c = tls_client_new(&o, &err);
    if (tls_c == NULL)
        fail_msg("%s", err.text);
}

static void server_of(enum tls_practice_cert kind)
{
    struct err err;
    tls_server_free(&tls_s);
    tls_s = tls_server_practice(ca, "mail.example.test", kind, &err);
    assert_non_null(tls_s);
}

/* A handshake on a new pair of links; true: it went well. */
static bool handshake(void)
{
    link_free(&client.link);
    link_free(&server.link);
    turns(5);
    client.ups = client.downs = client.tls_calls = 0;
    server.ups = server.downs = server.tls_calls = 0;
    join(MEMORY);
    link_start_tls_server(server.link, tls_s, TLS_VIA_IMPLICIT);
    link_start_tls_client(client.link, tls_c, TLS_VIA_IMPLICIT);
    UNTIL(client.tls_calls == 1 && server.tls_calls == 1);
    turns(5); /* tickets of TLS 1.3 come behind the handshake */
    return client.tls_ok;
}

static struct ev_tls_up up_event(void)
{
    struct ev_tls_up up;
    EVENT_GET(event_one(link_conn(client.link), EVENT_TLS_UP), TLS_UP, &up);
    return up;
}

static void groups(void **state)
{
    struct err err;
    (void)state;
    server_of(TLS_CERT_GOOD);
    client_of(&(struct tls_client_options){.verify = VERIFY_FULL, .groups = "P-384"});
    assert_true(handshake());
    assert_true(slice_eq(up_event().group, SLICE_LIT("secp384r1")));
    client_of(&(struct tls_client_options){.verify = VERIFY_FULL, .groups = "P-521:X25519"});
    assert_true(handshake());
    assert_true(slice_eq(up_event().group, SLICE_LIT("secp521r1")));
    assert_null(tls_client_new(&(struct tls_client_options){.groups = "P-384:nonsense"}, &err));
    assert_int_equal(err.domain, ERR_USAGE);
    assert_non_null(strstr(err.text, "groups"));
}

static void resumed(const char *version)
{
    server_of(TLS_CERT_GOOD);
    const struct tls_client_options o = {
        .verify = VERIFY_FULL, .version_max = version, .tickets = tickets};
    struct ev_tls_verify v;
    client_of(&o);
    assert_true(handshake());
    assert_int_equal(up_event().resumed, 0);
    assert_int_equal(tls_tickets_count(tickets), 1);
    client_of(&o); /* another context: what is kept is the ticket alone */
    assert_true(handshake());
    assert_int_equal(up_event().resumed, 1);
    assert_int_equal(event_count(link_conn(client.link), EVENT_TLS_CHAIN), 0);
    EVENT_GET(event_one(link_conn(client.link), EVENT_TLS_VERIFY), TLS_VERIFY, &v);
    assert_true(v.ok && slice_eq(v.reason, SLICE_LIT("ok")));
    /* A ticket is no way around the name that is asked for. */
    client_of(&(struct tls_client_options){
        .verify = VERIFY_FULL, .version_max = version, .name = "other.test", .tickets = tickets});
    assert_false(handshake());
    /* A server that does not know the ticket makes a whole handshake. */
    client_of(&o);
    server_of(TLS_CERT_GOOD);
    assert_true(handshake());
    assert_int_equal(up_event().resumed, 0);
}

static void resumption(void **state)
{
    resumed(*state);
}

/* What was let pass unchecked is not resumed by who checks. */
static void resumption_keeps_the_verdict(void **state)
{
    (void)state;
    server_of(TLS_CERT_EXPIRED);
    client_of(&(struct tls_client_options){.verify = VERIFY_NONE, .tickets = tickets});
    assert_true(handshake());
    assert_int_equal(tls_tickets_count(tickets), 1);
    client_of(&(struct tls_client_options){.verify = VERIFY_FULL, .tickets = tickets});
    assert_false(handshake());
    client_of(&(struct tls_client_options){.verify = VERIFY_NONE, .tickets = tickets});
    assert_true(handshake());
    struct ev_tls_verify v;
    EVENT_GET(event_one(link_conn(client.link), EVENT_TLS_VERIFY), TLS_VERIFY, &v);
    assert_int_equal(v.ok, 0);
}

/* "3 1 1 " and the digest of the key of the certificate that was sent last. */
static void record_of(uint64_t depth, char *out, size_t out_octets)
{
    uint8_t digest[32];
    unsigned n = 0;
    size_t at;
    for (uint64_t seq = journal_first(journal); seq <= journal_last(journal); seq++) {
        const struct event *ev = journal_at(journal, seq);
        struct ev_tls_chain c;
        if (ev == NULL || ev->kind != EVENT_TLS_CHAIN)
            continue;
        EVENT_GET(ev, TLS_CHAIN, &c);
        const unsigned char *der = c.der.ptr;
        X509 *cert = c.depth == depth ? d2i_X509(NULL, &der, (long)c.der.len) : NULL;
        unsigned char *key = NULL;
        int key_octets = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &key) : 0;
        if (key_octets > 0)
            EVP_Digest(key, (size_t)key_octets, digest, &n, EVP_sha256(), NULL);
        OPENSSL_free(key);
        X509_free(cert);
    }
    assert_int_equal(n, 32);
    at = (size_t)snprintf(out, out_octets, "3 1 1 ");
    for (unsigned i = 0; i < n; i++)
        at += (size_t)snprintf(out + at, out_octets - at, "%02x", digest[i]);
}

static void tlsa(void **state)
{
    char record[200], both[400], wrong[200];
    struct ev_tls_dane d;
    struct ev_tls_verify v;
    (void)state;
    server_of(TLS_CERT_GOOD);
    client_of(&(struct tls_client_options){.verify = VERIFY_FULL});
    assert_true(handshake());
    record_of(0, record, sizeof(record));
    snprintf(wrong, sizeof(wrong), "%s", record);
    wrong[10] = wrong[10] == '0' ? '1' : '0';
    client_of(&(struct tls_client_options){.verify = VERIFY_FULL, .tlsa = record});
    assert_true(handshake());
    EVENT_GET(event_one(link_conn(client.link), EVENT_TLS_DANE), TLS_DANE, &d);
    assert_true(d.ok && d.usage == 3 && d.selector == 1 && d.matching == 1 && d.depth == 0);
    /* One of several is enough; usage 3 asks for no name. */
    snprintf(both, sizeof(both), "%s\n%s", wrong, record);
    client_of(&(struct tls_client_options){
        .verify = VERIFY_FULL, .name = "another.example", .tlsa = both});
    assert_true(handshake());
    client_of(&(struct tls_client_options){.verify = VERIFY_FULL, .tlsa = wrong});
    assert_false(handshake());
    EVENT_GET(event_one(link_conn(client.link), EVENT_TLS_VERIFY), TLS_VERIFY, &v);
    assert_true(slice_eq(v.reason, SLICE_LIT("dane-no-match")));
    client_of(&(struct tls_client_options){.verify = VERIFY_NONE, .tlsa = wrong});
    assert_true(handshake());
    EVENT_GET(event_one(link_conn(client.link), EVENT_TLS_DANE), TLS_DANE, &d);
    assert_int_equal(d.ok, 0);
}

static void tlsa_texts(void **state)
{
    static const char *const good[] = {
        "3 1 1 0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef",
        ("2 0 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef "
         "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
        "3 1 0 3059",
    };
    static const char *const wrong[] = {
        "3 1 1",    "3 1 1 abc", "4 1 1 00", "3 2 1 00",     "3 1 3 00",
        "3 1 1 zz", "x",         "3 1 0",    "3 1 1 001122", "3 1 0 30\n3 1 0",
    };
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(tls_tlsa_check(good[i], &err));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        err_clear(&err);
        if (tls_tlsa_check(wrong[i], &err))
            fail_msg("%s was taken", wrong[i]);
        assert_int_equal(err.domain, ERR_USAGE);
    }
    assert_null(tls_client_new(&(struct tls_client_options){.tlsa = "3 1 1 00"}, &err));
}

/* How many handshake messages of this number the client's end saw in this direction. */
static unsigned seen_messages(enum event_dir dir, unsigned number)
{
    unsigned n = 0;
    for (uint64_t seq = journal_first(journal); seq <= journal_last(journal); seq++) {
        const struct event *ev = journal_at(journal, seq);
        struct ev_tls_msg m;
        if (ev == NULL || ev->kind != EVENT_TLS_MSG || ev->conn != link_conn(client.link))
            continue;
        EVENT_GET(ev, TLS_MSG, &m);
        n += m.dir == dir && m.content_type == 22 && m.msg_type == number;
    }
    return n;
}

/* RFC 8446 section 4.6.3: number 24, from the server, in the middle of the session. */
static void key_update(void **state)
{
    (void)state;
    server_of(TLS_CERT_GOOD);
    client_of(&(struct tls_client_options){.verify = VERIFY_FULL});
    assert_true(handshake());
    assert_int_equal(SSL_key_update(server.link->tls->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_true(link_send(server.link, SLICE_LIT("220 hi\r\n")));
    UNTIL(got(&client, "220 hi\r\n"));
    assert_true(seen_messages(DIR_S, 24) > 0);
}

/* RFC 5246 section 7.4.1.1: HelloRequest, number 0, is seen. (OpenSSL's client says no to it.) */
static void renegotiation(void **state)
{
    (void)state;
    server_of(TLS_CERT_GOOD);
    client_of(&(struct tls_client_options){.verify = VERIFY_FULL, .version_max = "1.2"});
    assert_true(handshake());
    SSL_clear_options(server.link->tls->ssl, SSL_OP_NO_RENEGOTIATION);
    assert_int_equal(SSL_renegotiate(server.link->tls->ssl), 1);
    assert_true(link_send(server.link, SLICE_LIT("220 hi\r\n")));
    UNTIL(got(&client, "220 hi\r\n"));
    assert_int_equal(seen_messages(DIR_S, 0), 1);
}

/* ---- OCSP ---- */

static struct slice staple;

static int give_staple(SSL *ssl, void *arg)
{
    (void)arg;
    if (staple.len == 0)
        return SSL_TLSEXT_ERR_NOACK;
    unsigned char *copy = OPENSSL_malloc(staple.len);
    memcpy(copy, staple.ptr, staple.len);
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)staple.len);
    return SSL_TLSEXT_ERR_OK;
}

/* What the issuer says of the certificate in dir, which is its own issuer. */
static struct slice response(const char *dir, int status, long from_s, long until_s)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/cert.pem", dir);
    BIO *bio = BIO_new_file(path, "r");
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    snprintf(path, sizeof(path), "%s/key.pem", dir);
    bio = BIO_new_file(path, "r");
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_true(cert && key);
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(NULL, cert, cert);
    ASN1_TIME *from = X509_gmtime_adj(NULL, from_s), *until = X509_gmtime_adj(NULL, until_s);
    ASN1_TIME *when = status == V_OCSP_CERTSTATUS_REVOKED ? from : NULL;
    assert_non_null(OCSP_basic_add1_status(basic, id, status, 0, when, from, until));
    assert_int_equal(OCSP_basic_sign(basic, cert, key, EVP_sha256(), NULL, 0), 1);
    OCSP_RESPONSE *r = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    unsigned char *der = NULL;
    int octets = i2d_OCSP_RESPONSE(r, &der);
    struct slice out = slice_of(mem_dup(der, (size_t)octets), (size_t)octets);
    OPENSSL_free(der);
    OCSP_RESPONSE_free(r);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    X509_free(cert);
    EVP_PKEY_free(key);
    return out;
}

static void expect_ocsp(const char *status)
{
    struct ev_tls_ocsp o;
    assert_true(handshake());
    EVENT_GET(event_one(link_conn(client.link), EVENT_TLS_OCSP), TLS_OCSP, &o);
    if (!slice_eq(o.status, slice_cstr(status)))
        fail_msg("%.*s, not %s", SLICE_ARG(o.status), status);
    assert_true(o.text.len > 0 && slice_eq(o.der, staple));
}

static void ocsp(void **state)
{
    char cert[300], key[300];
    struct err err;
    (void)state;
    char *dir = proc_dir("ocsp"), *other = proc_dir("ocsp-other");
    certs_make(dir, CERT_SELF_SIGNED);
    certs_make(other, CERT_SELF_SIGNED);
    snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
    snprintf(key, sizeof(key), "%s/key.pem", dir);
    tls_s = tls_server_files(cert, key, &err);
    assert_non_null(tls_s);
    SSL_CTX_set_tlsext_status_cb(tls_s->ctx, give_staple);
    client_of(&(struct tls_client_options){
        .verify = VERIFY_NONE, .name = "localhost", .ca_file = cert, .ocsp = true});
    expect_ocsp("none");
    const struct {
        const char *dir;
        int status;
        long from_s, until_s;
        const char *word;
    } rows[] = {
        {dir, V_OCSP_CERTSTATUS_GOOD, -60, 3600, "good"},
        {dir, V_OCSP_CERTSTATUS_REVOKED, -60, 3600, "revoked"},
        {dir, V_OCSP_CERTSTATUS_UNKNOWN, -60, 3600, "unknown"},
        {dir, V_OCSP_CERTSTATUS_GOOD, -7200, -3600, "stale"},
        {dir, V_OCSP_CERTSTATUS_GOOD, 3600, 7200, "stale"},
        {other, V_OCSP_CERTSTATUS_GOOD, -60, 3600, "other"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        staple = response(rows[i].dir, rows[i].status, rows[i].from_s, rows[i].until_s);
        expect_ocsp(rows[i].word);
        mem_free((void *)(uintptr_t)staple.ptr);
    }
    staple = SLICE_LIT("\60\202 this is no response");
    expect_ocsp("malformed");
    client_of(
        &(struct tls_client_options){.verify = VERIFY_NONE, .name = "localhost", .ca_file = cert});
    assert_true(handshake());
    assert_int_equal(event_count(link_conn(client.link), EVENT_TLS_OCSP), 0);
    staple = slice_of(NULL, 0);
    proc_dir_remove(&dir);
    proc_dir_remove(&other);
}

int main(void)
{
    static char v12[] = "1.2", v13[] = "1.3";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(groups, tls_setup, tls_teardown),
        {"resumption, TLS 1.2", resumption, tls_setup, tls_teardown, v12},
        {"resumption, TLS 1.3", resumption, tls_setup, tls_teardown, v13},
        cmocka_unit_test_setup_teardown(resumption_keeps_the_verdict, tls_setup, tls_teardown),
        cmocka_unit_test_setup_teardown(tlsa, tls_setup, tls_teardown),
        cmocka_unit_test(tlsa_texts),
        cmocka_unit_test_setup_teardown(key_update, tls_setup, tls_teardown),
        cmocka_unit_test_setup_teardown(renegotiation, tls_setup, tls_teardown),
        cmocka_unit_test_setup_teardown(ocsp, tls_setup, tls_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
