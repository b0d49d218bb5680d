/* TLSA records given by hand (RFC 6698 section 2.2), matched by OpenSSL. How SMTP uses them: RFC
 * 7672. */
#include "net/tls_private.h"

#include "base/mem.h"
#include "base/vis.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

enum { TLSA_DATA_MAX_OCTETS = 8192, TLSA_RECORDS_MAX = 32 };

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Certificate usage 0-3, selector 0-1, matching type 0-2, then hexadecimal data, blanks allowed. */
static bool parse(struct slice line, unsigned field[3], struct buf *data)
{
    static const uint64_t max[3] = {3, 1, 2};
    for (size_t i = 0; i < 3; i++) {
        uint64_t n;
        if (!slice_to_u64(slice_next_word(&line), max[i], &n))
            return false;
        field[i] = (unsigned)n;
    }
    int high = -1;
    for (size_t i = 0; i < line.len; i++) {
        int digit = hex_value(line.ptr[i]);
        if (line.ptr[i] == ' ' || line.ptr[i] == '\t')
            continue;
        if (digit < 0)
            return false;
        if (high >= 0 && !buf_append_octet(data, (uint8_t)(high * 16 + digit)))
            return false;
        high = high >= 0 ? -1 : digit;
    }
    static const size_t digest_octets[3] = {0, 32, 64};
    size_t want = digest_octets[field[2]];
    return high < 0 && data->len > 0 && (want == 0 || data->len == want);
}

static bool wrong(struct err *err, struct slice line)
{
    char shown[80];
    vis_to_cstr(shown, sizeof(shown), line);
    err_set(err, ERR_USAGE, 0, "tlsa \"%s\" is no TLSA record", shown);
    err_explain(err, "usage 0-3, selector 0-1, matching type 0-2, then the data in hexadecimal",
                "--tlsa \"3 1 1 HEX\": SHA-256 of the server's public key, 64 digits");
    return false;
}

/* Each line of the text: give its fields to `take`. */
static bool each(const char *text, SSL *ssl, struct err *err)
{
    struct slice rest = slice_cstr(text);
    struct buf data;
    bool ok = true;
    buf_init(&data, TLSA_DATA_MAX_OCTETS);
    for (size_t n = 0; rest.len > 0 && ok && n < TLSA_RECORDS_MAX; n++) {
        ptrdiff_t lf = slice_find_octet(rest, '\n');
        struct slice line = lf < 0 ? rest : slice_take(rest, (size_t)lf);
        unsigned f[3] = {0};
        rest = slice_skip(rest, lf < 0 ? rest.len : (size_t)lf + 1);
        buf_reset(&data);
        ok = parse(line, f, &data);
        if (ok && ssl != NULL)
            ok = SSL_dane_tlsa_add(ssl, (uint8_t)f[0], (uint8_t)f[1], (uint8_t)f[2], data.ptr,
                                   data.len) > 0;
        if (!ok)
            wrong(err, line);
    }
    ERR_clear_error();
    buf_deinit(&data);
    return ok;
}

bool tls_tlsa_check(const char *text, struct err *err)
{
    return each(text, NULL, err);
}

bool dane_prepare(struct tls_client *c, SSL *ssl, struct err *err)
{
    const char *name = c->options.name != NULL ? c->options.name : "";
    bool had_sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) != NULL;
    if (SSL_dane_enable(ssl, name) <= 0)
        return wrong(err, slice_cstr(c->options.tlsa));
    if (!had_sni)
        SSL_set_tlsext_host_name(ssl, NULL);
    /* RFC 7672 section 3.1.1: with usage 3 neither names nor dates of the certificate count. */
    SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    return each(c->options.tlsa, ssl, err);
}

void dane_append(struct link *k)
{
    uint8_t usage = 0, selector = 0, matching = 0;
    char text[120];
    SSL *ssl = k->tls->ssl;
    int depth = SSL_get0_dane_authority(ssl, NULL, NULL);
    if (depth >= 0)
        SSL_get0_dane_tlsa(ssl, &usage, &selector, &matching, NULL, NULL);
    if (depth >= 0)
        snprintf(text, sizeof(text), "the record %u %u %u fits the certificate at depth %d", usage,
                 selector, matching, depth);
    else
        snprintf(text, sizeof(text), "none of the records given fits the chain");
    JOURNAL_APPEND(k->journal, k->conn, TLS_DANE, link_flags(k), 0,
                   (struct ev_tls_dane){.ok = depth >= 0,
                                        .usage = usage,
                                        .selector = selector,
                                        .matching = matching,
                                        .depth = depth >= 0 ? (uint64_t)depth : 0,
                                        .text = slice_cstr(text)});
}
