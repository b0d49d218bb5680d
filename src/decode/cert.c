/* A certificate in DER as the inspector shows it. The octets come from a peer or a file: each part
 * is read for itself, and what does not read is NULL. */
#include "decode/view_private.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

static void fingerprint(const uint8_t *octets, size_t n_octets, char out[65])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!EVP_Digest(octets, n_octets, digest, &n, EVP_sha256(), NULL))
        return;
    for (unsigned i = 0; i < n && i < 32; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    out[64] = '\0';
}

/* RFC 2253 style; everything that is not printable ASCII comes escaped from the library. */
static char *name_text(const X509_NAME *name)
{
    BIO *bio = name ? BIO_new(BIO_s_mem()) : NULL;
    char *text = NULL, *octets;
    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        long len = BIO_get_mem_data(bio, &octets);
        if (len >= 0)
            text = mem_slice_dup(slice_take(slice_of(octets, (size_t)len), VIEW_TEXT_OCTETS));
    }
    BIO_free(bio);
    return text;
}

int64_t view_asn1_time_s(const ASN1_TIME *at)
{
    struct tm tm;
    if (!at || !ASN1_TIME_to_tm(at, &tm))
        return 0;
    return (int64_t)timegm(&tm);
}

/* A name may hold any octet, whatever its standard says: what would end it, split it or hide it is
 * written out. */
static void add_name(struct buf *out, struct slice name)
{
    if (name.len == 0 || 4 * name.len + 1 > out->cap_octets - out->len)
        return;
    if (out->len > 0)
        buf_append_octet(out, ' ');
    for (size_t i = 0; i < name.len; i++) {
        uint8_t octet = name.ptr[i];
        if (octet <= ' ' || octet == 127 || octet == '\\')
            buf_printf(out, "\\x%02X", octet);
        else
            buf_append_octet(out, octet);
    }
}

static void add_general_name(struct buf *out, const GENERAL_NAME *name)
{
    char text[INET6_ADDRSTRLEN];
    int type;
    void *value = GENERAL_NAME_get0_value(name, &type);
    if (!value || (type != GEN_DNS && type != GEN_EMAIL && type != GEN_IPADD))
        return;
    const ASN1_STRING *s = value;
    struct slice octets = slice_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
    if (type != GEN_IPADD)
        add_name(out, octets);
    else if ((octets.len == 4 && inet_ntop(AF_INET, octets.ptr, text, sizeof(text))) ||
             (octets.len == 16 && inet_ntop(AF_INET6, octets.ptr, text, sizeof(text))))
        add_name(out, slice_cstr(text));
}

static char *names_text(const X509 *cert, size_t *n_out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    char *text = NULL;
    struct buf out;
    buf_init(&out, VIEW_TEXT_OCTETS);
    *n_out = names && sk_GENERAL_NAME_num(names) > 0 ? (size_t)sk_GENERAL_NAME_num(names) : 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        add_general_name(&out, sk_GENERAL_NAME_value(names, i));
    if (out.len > 0)
        text = mem_slice_dup(buf_slice(&out));
    buf_deinit(&out);
    GENERAL_NAMES_free(names);
    return text;
}

static char *key_text(X509 *cert)
{
    static const struct {
        const char *group, *name;
    } curves[] = {{"prime256v1", "P-256"}, {"secp384r1", "P-384"}, {"secp521r1", "P-521"}};
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    char group[64];
    if (!key)
        return NULL;
    const char *type = EVP_PKEY_get0_type_name(key);
    if (!type)
        return NULL;
    if (strcmp(type, "EC") != 0)
        return mem_printf("%s %d", type, EVP_PKEY_get_bits(key));
    if (!EVP_PKEY_get_group_name((EVP_PKEY *)key, group, sizeof(group), NULL))
        return mem_printf("EC %d", EVP_PKEY_get_bits(key));
    for (size_t i = 0; i < sizeof(curves) / sizeof(*curves); i++) {
        if (strcmp(group, curves[i].group) == 0)
            return mem_printf("EC %s", curves[i].name);
    }
    return mem_printf("EC %s", group);
}

static void spki_fingerprint(X509 *cert, char out[65])
{
    uint8_t *der = NULL;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    if (n > 0)
        fingerprint(der, (size_t)n, out);
    OPENSSL_free(der);
}

char *view_serial_text(const ASN1_INTEGER *serial)
{
    BIGNUM *number = serial ? ASN1_INTEGER_to_BN(serial, NULL) : NULL;
    char *hex = number ? BN_bn2hex(number) : NULL;
    char *text = hex ? mem_slice_dup(slice_take(slice_cstr(hex), 128)) : NULL;
    OPENSSL_free(hex);
    BN_free(number);
    return text;
}

void view_cert_decode(struct slice der, struct view_cert *out)
{
    const unsigned char *at = der.ptr;
    fingerprint(der.ptr, der.len, out->fingerprint);
    X509 *cert = der.len > 0 && der.len <= INT32_MAX ? d2i_X509(NULL, &at, (long)der.len) : NULL;
    if (cert) {
        out->subject = name_text(X509_get_subject_name(cert));
        out->issuer = name_text(X509_get_issuer_name(cert));
        out->names = names_text(cert, &out->n_names);
        out->not_before_s = view_asn1_time_s(X509_get0_notBefore(cert));
        out->not_after_s = view_asn1_time_s(X509_get0_notAfter(cert));
        out->key = key_text(cert);
        int nid = X509_get_signature_nid(cert);
        const char *signature = nid == NID_undef ? NULL : OBJ_nid2ln(nid);
        out->signature = mem_strdup(signature);
        spki_fingerprint(cert, out->spki_fingerprint);
        out->serial = view_serial_text(X509_get0_serialNumber(cert));
        out->ca = X509_check_ca(cert) > 0;
        out->self_issued =
            X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
        X509_free(cert);
    }
    /* What went wrong here must not be taken for a failure of a live connection later. */
    ERR_clear_error();
}

void view_cert_deinit(struct view_cert *c)
{
    mem_free(c->subject);
    mem_free(c->issuer);
    mem_free(c->names);
    mem_free(c->key);
    mem_free(c->signature);
    mem_free(c->serial);
    memset(c, 0, sizeof(*c));
}
