/* What went wrong with TLS, in words. OpenSSL's reasons are written for those who know its source.
 */
#include "net/tls_private.h"

#include "base/vis.h"

#include <openssl/sslerr.h>
#include <stdio.h>
#include <string.h>

struct words {
    int reason;
    const char *means;
    const char *next;
};

#define NEXT_OLD   "--tls-min 1.0 lets old versions in, to see what the peer has"
#define NEXT_THEIR "the peer's log tells what it did not like"

static const struct words table[] = {
    {SSL_R_UNSUPPORTED_PROTOCOL, "the two have no TLS version in common", NEXT_OLD},
    {SSL_R_NO_PROTOCOLS_AVAILABLE, "no TLS version is left to use", NEXT_OLD},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the peer refuses every TLS version offered", NEXT_OLD},
    {SSL_R_NO_SHARED_CIPHER, "the two have no cipher in common", "check the cipher settings"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
     "the peer found no version, cipher or certificate it can use with us",
     "check cipher and version settings; " NEXT_THEIR},
    {SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY, "the peer wants stronger ciphers than were offered",
     "check the cipher settings"},
    {SSL_R_DH_KEY_TOO_SMALL, "the peer's Diffie-Hellman key is too short to be safe",
     "the peer needs an update; --ciphers DEFAULT:@SECLEVEL=0 goes on in spite of it"},
    {SSL_R_TLSV1_UNRECOGNIZED_NAME, "the peer knows no certificate for that server name",
     "try another name with --sni, or none with --sni ''"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the peer does not trust who signed our certificate",
     "the peer must be told to trust our CA"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "the peer says that our certificate has expired",
     "renew it"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the peer refuses our certificate",
     "name, issuer or dates do not suit it; " NEXT_THEIR},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "the peer refuses our certificate",
     "name, issuer or dates do not suit it; " NEXT_THEIR},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "the peer wants a certificate from us",
     "--cert FILE --key FILE shows one"},
    {SSL_R_TLSV1_ALERT_INTERNAL_ERROR, "something broke inside the peer", NEXT_THEIR},
    {SSL_R_NO_APPLICATION_PROTOCOL, "the two have no application protocol (ALPN) in common",
     "try without ALPN"},
    {SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL,
     "the two have no application protocol (ALPN) in common", "try without ALPN"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "octets were changed on the way, or lost",
     "connect again; if it comes back, something between rewrites the stream"},
    {0, "the two could not agree, or something between them rewrites the stream", NEXT_THEIR},
};

/* RFC 8446 section 5.1: a record begins with its type (20 to 23) and the octet 3. */
struct slice tls_not_tls(const struct link_tls *t)
{
    const uint8_t *p = t->first;
    bool tls =
        t->first_octets == 0 || (p[0] >= 20 && p[0] <= 23 && (t->first_octets < 2 || p[1] == 3));
    return tls ? slice_of(NULL, 0) : slice_of(p, t->first_octets);
}

static void err_not_tls(struct err *e, const struct link *k, int reason, struct slice got)
{
    char where[160], safe[80];
    struct slice line = got;
    ptrdiff_t end = slice_find_octet(got, '\n');
    if (end >= 0)
        line = slice_trim(slice_take(got, (size_t)end));
    vis_to_cstr(safe, sizeof(safe), line);
    net_address_format(link_peer(k), where, sizeof(where));
    err_set(e, ERR_TLS, reason, "TLS with %s: what came is not TLS: \"%s\"", where, safe);
    if (k->server)
        err_explain(e, "the client talks in the clear where TLS has to begin",
                    "the client must start TLS here, or use a port that begins in the clear");
    else if (k->tls->via == TLS_VIA_IMPLICIT)
        err_explain(
            e, "the server does not speak TLS from the first octet on that port",
            "465 begins with TLS; 25 and 587 begin in the clear and change over by STARTTLS");
    else
        err_explain(
            e, "the server agreed to STARTTLS and went on in the clear",
            "the server, or a proxy or virus scanner before it, is broken; its octets are kept");
}

void tls_err(struct err *e, const struct link *k, int reason, const char *words)
{
    char where[160];
    struct slice got = k->tls->state == TLS_HANDSHAKE ? tls_not_tls(k->tls) : slice_of(NULL, 0);
    if (k->tls->verdict != NULL && k->tls->verdict->code != X509_V_OK &&
        reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        verdict_err(e, k->tls);
        return;
    }
    if (got.len > 0) {
        err_not_tls(e, k, reason, got);
        return;
    }
    const struct words *w = table;
    while (w->reason != 0 && w->reason != reason)
        w++;
    net_address_format(link_peer(k), where, sizeof(where));
    err_set(e, ERR_TLS, reason, "TLS with %s: %s", where, words);
    err_explain(e, w->means, w->next);
}

void tls_err_setting(struct err *e, const char *what, const char *value)
{
    char safe[80];
    vis_to_cstr(safe, sizeof(safe), slice_cstr(value));
    err_set(e, ERR_USAGE, 0, "%s \"%s\": not usable", what, safe);
}
