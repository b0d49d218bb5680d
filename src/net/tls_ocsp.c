/* The OCSP response a server staples to its certificate (RFC 6066 section 8, RFC 6960): asked for,
 * read, its signature and its time checked, and journaled. It decides nothing: TLS_VERIFY does. */
#include "net/tls_private.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdio.h>

struct ocsp_finding {
    const char *status; /* one word, as in TLS_OCSP */
    const char *text;
};

static const struct ocsp_finding none = {"none", "the server stapled none"};
static const struct ocsp_finding malformed = {"malformed",
                                              "what the server stapled cannot be read"};
static const struct ocsp_finding other = {"other",
                                          "it says nothing of this certificate, or its issuer "
                                          "was not sent"};
static const struct ocsp_finding unsigned_by_ca = {"bad-signature",
                                                   "its signature is not one of the certificate's "
                                                   "issuer"};
static const struct ocsp_finding stale = {"stale", "its time is over, or not come yet"};
static const struct ocsp_finding unknown = {"unknown", "the issuer does not know the certificate"};
static const struct ocsp_finding good = {"good", "not revoked, says its issuer"};
static const struct ocsp_finding revoked = {"revoked", "its issuer took it back"};

/* The certificate's issuer: itself, or the next of the chain that was built, else of the one that
 * was sent. */
static X509 *issuer_of(SSL *ssl, X509 *leaf)
{
    if (leaf != NULL && X509_check_issued(leaf, leaf) == X509_V_OK)
        return leaf;
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    if (chain == NULL || sk_X509_num(chain) < 2)
        chain = SSL_get_peer_cert_chain(ssl);
    return chain != NULL && sk_X509_num(chain) > 1 ? sk_X509_value(chain, 1) : NULL;
}

static bool in_time(const struct link *k, const ASN1_GENERALIZEDTIME *from,
                    const ASN1_GENERALIZEDTIME *until)
{
    const struct clock *clock = journal_clock(k->journal);
    time_t now = (time_t)(clock->wall_us(clock->ctx) / 1000000);
    if (from == NULL || X509_cmp_time(from, &now) > 0)
        return false;
    return until == NULL || X509_cmp_time(until, &now) > 0;
}

static const struct ocsp_finding *judge(struct link *k, OCSP_BASICRESP *basic)
{
    SSL *ssl = k->tls->ssl;
    X509 *leaf = SSL_get0_peer_certificate(ssl), *issuer = issuer_of(ssl, leaf);
    OCSP_CERTID *id = leaf != NULL && issuer != NULL ? OCSP_cert_to_id(NULL, leaf, issuer) : NULL;
    ASN1_GENERALIZEDTIME *from = NULL, *until = NULL;
    int status = -1;
    bool found =
        id != NULL && OCSP_resp_find_status(basic, id, &status, NULL, NULL, &from, &until) == 1;
    OCSP_CERTID_free(id);
    if (!found)
        return &other;
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    if (chain == NULL)
        chain = SSL_get_peer_cert_chain(ssl);
    if (OCSP_basic_verify(basic, chain, SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl)), 0) != 1)
        return &unsigned_by_ca;
    if (!in_time(k, from, until))
        return &stale;
    return status == V_OCSP_CERTSTATUS_GOOD      ? &good
           : status == V_OCSP_CERTSTATUS_REVOKED ? &revoked
                                                 : &unknown;
}

void ocsp_append(struct link *k)
{
    unsigned char *der = NULL;
    long octets = SSL_get_tlsext_status_ocsp_resp(k->tls->ssl, &der);
    const struct ocsp_finding *finding = &none;
    struct slice response = slice_of(NULL, 0);
    if (der != NULL && octets > 0) {
        const unsigned char *at = der;
        response = slice_of(der, (size_t)octets);
        finding = &malformed;
        OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &at, octets);
        OCSP_BASICRESP *basic =
            r != NULL && OCSP_response_status(r) == 0 ? OCSP_response_get1_basic(r) : NULL;
        if (basic != NULL)
            finding = judge(k, basic);
        OCSP_BASICRESP_free(basic);
        OCSP_RESPONSE_free(r);
        ERR_clear_error();
    }
    JOURNAL_APPEND(k->journal, k->conn, TLS_OCSP, link_flags(k), 0,
                   (struct ev_tls_ocsp){.status = slice_cstr(finding->status),
                                        .text = slice_cstr(finding->text),
                                        .der = response});
}
