#include "certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "proc.h"

#include "base/mem.h"

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    X509_add_ext(cert, e, -1);
    X509_EXTENSION_free(e);
}

/* issuer NULL: signed by itself. days: the last day it is valid, from today; it began 20 days ago.
 */
static X509 *make(const char *name, const char *alt, EVP_PKEY *key, X509 *issuer, EVP_PKEY *signer,
                  long days)
{
    static long serial = 1000;
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -20L * 86400);
    X509_gmtime_adj(X509_getm_notAfter(cert), days * 86400);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert));
    extend(cert, issuer ? issuer : cert, NID_basic_constraints,
           alt ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (alt)
        extend(cert, issuer ? issuer : cert, NID_subject_alt_name, alt);
    assert_true(X509_sign(cert, signer, EVP_sha256()) > 0);
    return cert;
}

static void write_cert(const char *dir, const char *name, X509 *cert)
{
    char *path = proc_path(dir, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    PEM_write_X509(f, cert);
    fclose(f);
    mem_free(path);
}

void certs_make(const char *dir, enum cert_kind kind)
{
    static const char here[] = "DNS:localhost,DNS:mail.postfix.test,IP:127.0.0.1";
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *other_key = EVP_EC_gen("P-256");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *ca = make("Test CA", NULL, ca_key, NULL, ca_key, 30);
    X509 *other = make("Another CA", NULL, other_key, NULL, other_key, 30);
    const char *alt = kind == CERT_WRONG_NAME ? "DNS:elsewhere.example" : here;
    bool self = kind == CERT_SELF_SIGNED, unknown = kind == CERT_UNKNOWN_CA;
    X509 *cert = make("mail.postfix.test", alt, key,
                      self      ? NULL
                      : unknown ? other
                                : ca,
                      self      ? key
                      : unknown ? other_key
                                : ca_key,
                      kind == CERT_EXPIRED ? -3 : 30);
    write_cert(dir, "ca.pem", ca);
    write_cert(dir, "cert.pem", cert);
    char *path = proc_path(dir, "key.pem");
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    mem_free(path);
    X509_free(ca);
    X509_free(other);
    X509_free(cert);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(other_key);
    EVP_PKEY_free(key);
}
