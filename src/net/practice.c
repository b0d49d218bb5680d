/* The practice CA and its certificates, good and bad. Everything is made in memory, at first need.
 */
#include "net/tls_private.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#define DAY_S (24 * 60 * 60)

struct tls_practice_ca {
    int64_t now_s;
    EVP_PKEY *key; /* NULL: not made yet */
    X509 *cert;
    char *pem;
    size_t pem_octets;
};

struct cert_kind {
    int from_days, to_days; /* validity, from now */
    bool wrong_name, self_signed, other_ca, intermediate, for_clients, rsa_1024, sha1;
};

static const struct cert_kind kinds[TLS_CERT__COUNT] = {
    [TLS_CERT_GOOD] = {.from_days = -1, .to_days = 364},
    [TLS_CERT_EXPIRED] = {.from_days = -400, .to_days = -35},
    [TLS_CERT_FUTURE] = {.from_days = 30, .to_days = 395},
    [TLS_CERT_WRONG_NAME] = {.from_days = -1, .to_days = 364, .wrong_name = true},
    [TLS_CERT_SELF_SIGNED] = {.from_days = -1, .to_days = 364, .self_signed = true},
    [TLS_CERT_UNKNOWN_CA] = {.from_days = -1, .to_days = 364, .other_ca = true},
    [TLS_CERT_NO_CHAIN] = {.from_days = -1, .to_days = 364, .intermediate = true},
    [TLS_CERT_WRONG_EKU] = {.from_days = -1, .to_days = 364, .for_clients = true},
    [TLS_CERT_RSA_1024] = {.from_days = -1, .to_days = 364, .rsa_1024 = true},
    [TLS_CERT_SHA1] = {.from_days = -1, .to_days = 364, .sha1 = true},
    [TLS_CERT_SNI] = {.from_days = -1, .to_days = 364, .wrong_name = true},
};

struct cert_order {
    int64_t now_s;
    int from_days, to_days;
    const char *subject;
    EVP_PKEY *key;
    X509 *issuer; /* NULL: signs itself */
    EVP_PKEY *issuer_key;
    bool is_ca, for_clients, sha1;
    GENERAL_NAMES *names;
};

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer != NULL ? issuer : cert, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = ext != NULL && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

static bool set_name(X509_NAME *name, const char *common_name)
{
    /* RFC 5280 appendix A: a common name has at most 64 characters; the names that count are in
     * subjectAltName. */
    char cut[65];
    size_t len = strlen(common_name);
    if (len > sizeof(cut) - 1)
        len = sizeof(cut) - 1;
    memcpy(cut, common_name, len);
    cut[len] = '\0';
    return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
                                      (const unsigned char *)"smtpscope practice", -1, -1,
                                      0) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cut, -1, -1,
                                      0) == 1;
}

static bool fill(X509 *cert, const struct cert_order *o)
{
    uint8_t serial[16];
    BIGNUM *number = NULL;
    if (RAND_bytes(serial, sizeof(serial)) != 1)
        return false;
    serial[0] = (serial[0] & 0x7f) | 0x40; /* positive, and always 16 octets */
    number = BN_bin2bn(serial, sizeof(serial), NULL);
    bool ok = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return ok && X509_set_version(cert, X509_VERSION_3) == 1 &&
           ASN1_TIME_set(X509_getm_notBefore(cert), o->now_s + (int64_t)o->from_days * DAY_S) &&
           ASN1_TIME_set(X509_getm_notAfter(cert), o->now_s + (int64_t)o->to_days * DAY_S) &&
           set_name(X509_get_subject_name(cert), o->subject) &&
           X509_set_issuer_name(cert,
                                X509_get_subject_name(o->issuer != NULL ? o->issuer : cert)) &&
           X509_set_pubkey(cert, o->key) == 1;
}

static bool extend(X509 *cert, const struct cert_order *o)
{
    if (!add_extension(cert, o->issuer, NID_subject_key_identifier, "hash"))
        return false;
    if (o->is_ca)
        return add_extension(cert, o->issuer, NID_basic_constraints, "critical,CA:TRUE") &&
               add_extension(cert, o->issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    return add_extension(cert, o->issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           (o->issuer == NULL ||
            add_extension(cert, o->issuer, NID_authority_key_identifier, "keyid")) &&
           add_extension(cert, o->issuer, NID_key_usage, "critical,digitalSignature") &&
           add_extension(cert, o->issuer, NID_ext_key_usage,
                         o->for_clients ? "clientAuth" : "serverAuth") &&
           X509_add1_ext_i2d(cert, NID_subject_alt_name, o->names, 0, X509V3_ADD_DEFAULT) == 1;
}

static X509 *make(const struct cert_order *o)
{
    X509 *cert = X509_new();
    if (cert != NULL && fill(cert, o) && extend(cert, o) &&
        X509_sign(cert, o->issuer_key, o->sha1 ? EVP_sha1() : EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

/* by NULL: it signs itself. */
static X509 *make_ca(const struct tls_practice_ca *by, int64_t now_s, const char *name,
                     EVP_PKEY *key)
{
    return make(&(struct cert_order){.now_s = now_s,
                                     .from_days = -500,
                                     .to_days = 500,
                                     .subject = name,
                                     .key = key,
                                     .issuer = by != NULL ? by->cert : NULL,
                                     .issuer_key = by != NULL ? by->key : key,
                                     .is_ca = true});
}

static bool ca_ready(struct tls_practice_ca *ca)
{
    char *text = NULL;
    if (ca->key != NULL)
        return true;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key != NULL ? make_ca(NULL, ca->now_s, "smtpscope practice CA", key) : NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    if (cert == NULL || bio == NULL || PEM_write_bio_X509(bio, cert) != 1) {
        EVP_PKEY_free(key);
        X509_free(cert);
        BIO_free(bio);
        return false;
    }
    ca->pem_octets = (size_t)BIO_get_mem_data(bio, &text);
    ca->pem = mem_dup(text, ca->pem_octets);
    BIO_free(bio);
    ca->key = key;
    ca->cert = cert;
    return true;
}

struct tls_practice_ca *tls_practice_ca_new(int64_t wall_us)
{
    struct tls_practice_ca *ca = mem_zalloc(sizeof(*ca));
    ca->now_s = wall_us / 1000000;
    return ca;
}

void tls_practice_ca_free(struct tls_practice_ca **cap)
{
    struct tls_practice_ca *ca = *cap;
    if (ca == NULL)
        return;
    *cap = NULL;
    EVP_PKEY_free(ca->key);
    X509_free(ca->cert);
    mem_free(ca->pem);
    mem_free(ca);
}

struct slice tls_practice_ca_pem(const struct tls_practice_ca *ca)
{
    /* Made at first use, also where the first use is to look at it. */
    bool ok = ca_ready((struct tls_practice_ca *)(uintptr_t)ca);
    return ok ? slice_of(ca->pem, ca->pem_octets) : slice_of(NULL, 0);
}

static bool add_name(GENERAL_NAMES *names, const char *text)
{
    uint8_t ip[16];
    int ip_octets = inet_pton(AF_INET, text, ip) == 1    ? 4
                    : inet_pton(AF_INET6, text, ip) == 1 ? 16
                                                         : 0;
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = ip_octets > 0 ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    if (name == NULL || value == NULL ||
        ASN1_STRING_set(value, ip_octets > 0 ? (const void *)ip : text,
                        ip_octets > 0 ? ip_octets : (int)strlen(text)) != 1) {
        GENERAL_NAME_free(name);
        ASN1_STRING_free(value);
        return false;
    }
    GENERAL_NAME_set0_value(name, ip_octets > 0 ? GEN_IPADD : GEN_DNS, value);
    if (sk_GENERAL_NAME_push(names, name) > 0)
        return true;
    GENERAL_NAME_free(name);
    return false;
}

static GENERAL_NAMES *names_for(const char *name, bool wrong)
{
    static const char *const local[] = {"localhost", "127.0.0.1", "::1"};
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool ok = names != NULL;
    if (wrong) {
        ok = ok && add_name(names, "another-host.example") && add_name(names, "mail.example.org");
    } else {
        ok = ok && add_name(names, name);
        for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
            ok = ok && (strcmp(name, local[i]) == 0 || add_name(names, local[i]));
    }
    if (ok)
        return names;
    GENERAL_NAMES_free(names);
    return NULL;
}

/* Another CA than the one that can be trusted: one nobody knows, or one ours has signed. */
static bool other_issuer(struct tls_practice_ca *ca, bool known, X509 **cert, EVP_PKEY **key)
{
    *key = EVP_EC_gen("P-256");
    if (*key != NULL && known)
        *cert = make_ca(ca, ca->now_s, "smtpscope practice intermediate CA", *key);
    else if (*key != NULL)
        *cert = make_ca(NULL, ca->now_s, "a CA nobody trusts", *key);
    return *cert != NULL;
}

/* OpenSSL refuses at its usual security level to show what these kinds are there to show. */
static void allow_weak(const struct cert_kind *want, SSL_CTX *ctx)
{
    if (want->rsa_1024 || want->sha1)
        SSL_CTX_set_security_level(ctx, 0);
}

bool practice_certificate(struct tls_practice_ca *ca, const char *name, enum tls_practice_cert kind,
                          SSL_CTX *ctx)
{
    const struct cert_kind *want = &kinds[kind];
    EVP_PKEY *other_key = NULL;
    X509 *other = NULL, *cert = NULL;
    EVP_PKEY *key = want->rsa_1024 ? EVP_RSA_gen(1024) : EVP_EC_gen("P-256");
    GENERAL_NAMES *names = names_for(name, want->wrong_name);
    bool ok = false;
    if (!ca_ready(ca) || key == NULL || names == NULL)
        goto out;
    struct cert_order order = {.now_s = ca->now_s,
                               .from_days = want->from_days,
                               .to_days = want->to_days,
                               .subject = want->wrong_name ? "another-host.example" : name,
                               .key = key,
                               .issuer = ca->cert,
                               .issuer_key = ca->key,
                               .for_clients = want->for_clients,
                               .sha1 = want->sha1,
                               .names = names};
    if (want->self_signed) {
        order.issuer = NULL;
        order.issuer_key = key;
    } else if (want->other_ca || want->intermediate) {
        if (!other_issuer(ca, want->intermediate, &other, &other_key))
            goto out;
        order.issuer = other;
        order.issuer_key = other_key;
    }
    allow_weak(want, ctx);
    cert = make(&order);
    ok = cert != NULL && SSL_CTX_use_certificate(ctx, cert) == 1 &&
         SSL_CTX_use_PrivateKey(ctx, key) == 1;
out:
    X509_free(cert);
    X509_free(other);
    EVP_PKEY_free(other_key);
    EVP_PKEY_free(key);
    GENERAL_NAMES_free(names);
    return ok;
}

/* ---- certificates of clients ---- */

static bool write_pair(X509 *cert, EVP_PKEY *key, struct buf *pem_out)
{
    char *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = bio != NULL && PEM_write_bio_X509(bio, cert) == 1 &&
              PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    if (ok) {
        long octets = BIO_get_mem_data(bio, &text);
        ok = buf_append(pem_out, slice_of(text, (size_t)octets));
        mem_wipe(text, (size_t)octets);
    }
    BIO_free(bio);
    return ok;
}

bool tls_practice_client_pem(struct tls_practice_ca *ca, const char *identity, struct buf *pem_out)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    X509 *cert = NULL;
    if (ca_ready(ca) && key != NULL && names != NULL && add_name(names, identity))
        cert = make(&(struct cert_order){.now_s = ca->now_s,
                                         .from_days = -1,
                                         .to_days = 364,
                                         .subject = identity,
                                         .key = key,
                                         .issuer = ca->cert,
                                         .issuer_key = ca->key,
                                         .for_clients = true,
                                         .names = names});
    bool ok = cert != NULL && write_pair(cert, key, pem_out);
    X509_free(cert);
    EVP_PKEY_free(key);
    GENERAL_NAMES_free(names);
    return ok;
}

/* The common name, where our own CA has signed it for clients. */
bool practice_identity(struct tls_practice_ca *ca, X509 *cert, char *out, size_t out_octets)
{
    if (!ca_ready(ca) || X509_verify(cert, ca->key) != 1 ||
        !(X509_get_extended_key_usage(cert) & XKU_SSL_CLIENT))
        return false;
    int n = X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, out,
                                      (int)out_octets);
    return n > 0 && (size_t)n == strlen(out);
}
