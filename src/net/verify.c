/* Checking the peer's certificate (RFC 5280 section 6, RFC 6125), and saying what was found.
 *
 * The whole check always runs and all of it is journaled, whatever was asked for: the chain as
 * sent, and the first thing that failed. Only then is decided whether the handshake may go on. The
 * decision falls inside OpenSSL's check, not after the handshake, so that the peer gets the alert
 * that says why (RFC 8446 section 6.2), as it would from a mail program.
 */
#include "net/tls_private.h"

#include "base/mem.h"
#include "base/vis.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define NAMES_SHOWN 8

struct reason {
    long code;
    const char *word;
    const char *means;
    const char *next;
};

#define NEXT_NONE "--verify none lets the session go on and shows what the check said"
#define NEXT_CA   "--ca FILE trusts a private CA; --verify none lets the session go on"

static const struct reason reasons[] = {
    {X509_V_OK, "ok", "", ""},
    {X509_V_ERR_CERT_HAS_EXPIRED, "expired",
     "nobody renewed it in time, or this machine's clock is wrong",
     "tell the server's keeper; " NEXT_NONE},
    {X509_V_ERR_CERT_NOT_YET_VALID, "not-yet-valid",
     "its first day is still to come, or this machine's clock is wrong",
     "check the clock; " NEXT_NONE},
    {X509_V_ERR_HOSTNAME_MISMATCH, "wrong-name",
     "the certificate belongs to another name: a wrong host, or one the server has no certificate "
     "for",
     "connect by one of those names, or give the right one with --sni; " NEXT_NONE},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, "wrong-name",
     "the certificate does not carry this address; most carry names only",
     "connect by name instead of by address; " NEXT_NONE},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "self-signed",
     "the server vouches for itself; nobody else does", NEXT_CA},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "unknown-issuer",
     "the chain ends at a CA this machine does not trust", NEXT_CA},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "unknown-issuer",
     "this machine does not know who signed it, or the server left an intermediate certificate out",
     NEXT_CA},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "unknown-issuer",
     "this machine does not know who signed it", NEXT_CA},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "unknown-issuer",
     "this machine does not know who signed it", NEXT_CA},
    {X509_V_ERR_CERT_UNTRUSTED, "untrusted", "the CA is not trusted for this purpose", NEXT_CA},
    {X509_V_ERR_CERT_REJECTED, "untrusted", "the CA is marked as not to be trusted", NEXT_CA},
    {X509_V_ERR_CERT_REVOKED, "revoked", "its CA took it back", NEXT_NONE},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, "bad-signature",
     "the certificate was changed after it was signed, or never signed by that CA", NEXT_NONE},
    {X509_V_ERR_DANE_NO_MATCH, "dane-no-match",
     "the server has another certificate or key than the TLSA records say",
     "compare the records with the server's certificate (/certs); " NEXT_NONE},
    {X509_V_ERR_INVALID_PURPOSE, "wrong-purpose", "it was not made for servers", NEXT_NONE},
    {X509_V_ERR_INVALID_CA, "invalid-ca", "a certificate in the chain may not sign others",
     NEXT_NONE},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED, "invalid-ca", "the chain is longer than its CA allows",
     NEXT_NONE},
    {X509_V_ERR_CERT_CHAIN_TOO_LONG, "chain-too-long", "the chain is longer than any real one",
     NEXT_NONE},
    {X509_V_ERR_EE_KEY_TOO_SMALL, "weak-key", "its key is too short to be safe", NEXT_NONE},
    {X509_V_ERR_CA_KEY_TOO_SMALL, "weak-key", "a CA's key is too short to be safe", NEXT_NONE},
    {X509_V_ERR_CA_MD_TOO_WEAK, "weak-signature", "it is signed with an outdated method",
     NEXT_NONE},
    {-1, "other", "the check of the certificate did not hold", NEXT_NONE},
};

static const struct reason *reason_of(long code)
{
    const struct reason *r = reasons;
    while (r->code != -1 && r->code != code)
        r++;
    return r;
}

const char *tls_verify_reason(long x509_v_code)
{
    return reason_of(x509_v_code)->word;
}

static struct link *link_of(X509_STORE_CTX *x)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(x, SSL_get_ex_data_X509_STORE_CTX_idx());
    return SSL_get_app_data(ssl);
}

static void append_peer_text(struct buf *out, const void *text, int octets)
{
    char safe[128];
    if (text == NULL || octets < 0)
        return;
    vis_to_cstr(safe, sizeof(safe), slice_of(text, (size_t)octets));
    buf_append_cstr(out, safe);
}

static void append_common_name(struct buf *out, const X509_NAME *name)
{
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0)
        at = X509_NAME_entry_count(name) - 1;
    const ASN1_STRING *value =
        at >= 0 ? X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)) : NULL;
    if (value != NULL)
        append_peer_text(out, ASN1_STRING_get0_data(value), ASN1_STRING_length(value));
    else
        buf_append_cstr(out, "(no name)");
}

static void append_general_name(struct buf *out, const GENERAL_NAME *name)
{
    char text[INET6_ADDRSTRLEN] = "";
    int type = 0;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    if (type == GEN_DNS) {
        append_peer_text(out, ASN1_STRING_get0_data(value), ASN1_STRING_length(value));
    } else if (type == GEN_IPADD) {
        int octets = ASN1_STRING_length(value);
        if (octets == 4 || octets == 16)
            inet_ntop(octets == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(value), text,
                      sizeof(text));
        buf_append_cstr(out, text);
    } else {
        buf_append_cstr(out, "(another kind of name)");
    }
}

/* RFC 6125 section 6.4.4: the common name counts only where there are no such names. */
static void append_names(struct buf *out, X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int n = names != NULL ? sk_GENERAL_NAME_num(names) : 0;
    for (int i = 0; i < n && i < NAMES_SHOWN; i++) {
        if (i > 0)
            buf_append_cstr(out, ", ");
        append_general_name(out, sk_GENERAL_NAME_value(names, i));
    }
    if (n > NAMES_SHOWN)
        buf_printf(out, " and %d more", n - NAMES_SHOWN);
    if (n <= 0)
        append_common_name(out, X509_get_subject_name(cert));
    GENERAL_NAMES_free(names);
}

static void append_date(struct buf *out, const ASN1_TIME *t)
{
    struct tm tm = {0};
    if (ASN1_TIME_to_tm(t, &tm) == 1)
        buf_printf(out, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
    else
        buf_append_cstr(out, "an unreadable date");
}

static void append_detail(struct buf *out, long code, X509 *cert, const char *name)
{
    switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        buf_append_cstr(out, ": it ended on ");
        append_date(out, X509_get0_notAfter(cert));
        return;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        buf_append_cstr(out, ": it begins on ");
        append_date(out, X509_get0_notBefore(cert));
        return;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        buf_append_cstr(out, ": wanted ");
        append_peer_text(out, name, (int)strlen(name));
        buf_append_cstr(out, ", the certificate is for ");
        append_names(out, cert);
        return;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        buf_append_cstr(out, ": issuer \"CN=");
        append_common_name(out, X509_get_issuer_name(cert));
        buf_append_cstr(out, "\"");
        return;
    default:
        buf_append_cstr(out, ": \"CN=");
        append_common_name(out, X509_get_subject_name(cert));
        buf_append_cstr(out, "\"");
        return;
    }
}

static void verdict_note(struct link *k, long code, int depth, X509 *cert)
{
    struct tls_verdict *v = k->tls->verdict;
    const char *name = k->tls->client->options.name;
    struct buf text;
    if (v->code != X509_V_OK)
        return;
    buf_init(&text, 8192);
    v->code = code;
    v->depth = depth;
    buf_append_cstr(&text, X509_verify_cert_error_string(code));
    if (cert != NULL)
        append_detail(&text, code, cert, name != NULL ? name : "");
    vis_to_cstr(v->text, sizeof(v->text), buf_slice(&text));
    buf_deinit(&text);
}

/* Note the first failure and go on: the rest of the check may not stop the handshake. */
static int note_error(int ok, X509_STORE_CTX *x)
{
    if (!ok)
        verdict_note(link_of(x), X509_STORE_CTX_get_error(x), X509_STORE_CTX_get_error_depth(x),
                     X509_STORE_CTX_get_current_cert(x));
    return 1;
}

static void append_chain(struct link *k, X509_STORE_CTX *x)
{
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(x);
    for (int i = 0; i < sk_X509_num(sent); i++) {
        uint8_t *der = NULL;
        int octets = i2d_X509(sk_X509_value(sent, i), &der);
        if (octets <= 0)
            continue;
        JOURNAL_APPEND(
            k->journal, k->conn, TLS_CHAIN, link_flags(k), 0,
            (struct ev_tls_chain){.depth = (uint64_t)i, .der = slice_of(der, (size_t)octets)});
        OPENSSL_free(der);
    }
}

static void append_verify(struct link *k)
{
    const struct tls_client_options *o = &k->tls->client->options;
    const struct tls_verdict *v = k->tls->verdict;
    const char *text = v->code != X509_V_OK ? v->text : X509_verify_cert_error_string(X509_V_OK);
    JOURNAL_APPEND(k->journal, k->conn, TLS_VERIFY, link_flags(k), 0,
                   (struct ev_tls_verify){.mode = o->verify,
                                          .ok = v->code == X509_V_OK,
                                          .code = v->code,
                                          .depth = (uint64_t)v->depth,
                                          .name = o->verify != VERIFY_CHAIN ? slice_cstr(o->name)
                                                                            : slice_of(NULL, 0),
                                          .reason = slice_cstr(tls_verify_reason(v->code)),
                                          .text = slice_cstr(text)});
}

void verify_resumed(struct link *k)
{
    const struct tls_client_options *o = &k->tls->client->options;
    bool ok = k->tls->peer_ok;
    const char *text = ok ? "checked when the resumed session was made"
                          : "a check had failed when the resumed session was made";
    JOURNAL_APPEND(k->journal, k->conn, TLS_VERIFY, link_flags(k), 0,
                   (struct ev_tls_verify){.mode = o->verify,
                                          .ok = ok,
                                          .code = ok ? X509_V_OK : X509_V_ERR_UNSPECIFIED,
                                          .name = slice_cstr(o->name),
                                          .reason = slice_cstr(ok ? "ok" : "other"),
                                          .text = slice_cstr(text)});
}

static void ask_for(const struct link *k, X509_VERIFY_PARAM *param)
{
    const struct tls_client_options *o = &k->tls->client->options;
    const struct clock *clock = journal_clock(k->journal);
    /* The journal's clock, not the system's: who replays or tests owns the time. */
    X509_VERIFY_PARAM_set_time(param, (time_t)(clock->wall_us(clock->ctx) / 1000000));
    if (o->verify == VERIFY_CHAIN || o->name == NULL || o->name[0] == '\0')
        return;
    if (tls_is_ip(o->name)) {
        X509_VERIFY_PARAM_set1_ip_asc(param, o->name);
        return;
    }
    size_t len = strlen(o->name);
    if (o->name[len - 1] == '.') /* the root's dot stands in no certificate */
        len--;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set1_host(param, o->name, len);
}

int verify_chain(X509_STORE_CTX *x, void *arg)
{
    struct link *k = link_of(x);
    (void)arg;
    ask_for(k, X509_STORE_CTX_get0_param(x));
    X509_STORE_CTX_set_verify_cb(x, note_error);
    if (X509_verify_cert(x) <= 0) {
        long code = X509_STORE_CTX_get_error(x);
        verdict_note(k, code != X509_V_OK ? code : X509_V_ERR_UNSPECIFIED, 0, NULL);
    }
    append_chain(k, x);
    append_verify(k);
    long code = k->tls->verdict->code;
    k->tls->peer_ok = code == X509_V_OK;
    bool go_on = code == X509_V_OK || k->tls->client->options.verify == VERIFY_NONE;
    X509_STORE_CTX_set_error(x, go_on ? X509_V_OK : (int)code);
    return go_on ? 1 : 0;
}

void verdict_err(struct err *e, const struct link_tls *t)
{
    const struct reason *r = reason_of(t->verdict->code);
    err_set(e, ERR_TLS, (int)t->verdict->code, "the server's certificate does not hold: %s",
            t->verdict->text);
    err_explain(e, r->means, r->next);
}
