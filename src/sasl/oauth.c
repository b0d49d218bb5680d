/* Bearer tokens in place of passwords: OAUTHBEARER (RFC 7628) and its forerunner XOAUTH2.
 *
 *     OAUTHBEARER  client-resp = (gs2-header kvsep *kvpair kvsep) / kvsep     (RFC 7628
 * section 3.1) kvpair      = key "=" value kvsep        kvsep = %x01 XOAUTH2      "user=" user
 * kvsep "auth=Bearer " token kvsep kvsep
 *
 * A server that refuses says why in JSON, as one more challenge; the client answers with kvsep
 * (XOAUTH2: with nothing), and only then comes the refusal itself.
 */
#include "sasl_private.h"

#include "base/mem.h"

#include <string.h>

enum { KVSEP = 1, USER_OCTETS_MAX = 256 };

/* ---- reading ---- */

bool sasl_name_decode(struct slice name, struct buf *out)
{
    for (size_t i = 0; i < name.len; i++) {
        struct slice rest = slice_take(slice_skip(name, i), 3);
        uint8_t octet = name.ptr[i];
        if (slice_eq_nocase(rest, SLICE_LIT("=2C")))
            octet = ',';
        else if (octet == '=' && !slice_eq_nocase(rest, SLICE_LIT("=3D")))
            return false;
        i += rest.ptr[0] == '=' ? 2 : 0;
        if (octet == 0 || !buf_append_octet(out, octet))
            return false;
    }
    return true;
}

void sasl_name_encode(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ',')
            buf_append_cstr(out, "=2C");
        else if (text.ptr[i] == '=')
            buf_append_cstr(out, "=3D");
        else
            buf_append_octet(out, text.ptr[i]);
    }
}

/* The part of *rest before `separator`, which is dropped; false where there is none. */
static bool cut(struct slice *rest, uint8_t separator, struct slice *part_out)
{
    ptrdiff_t at = slice_find_octet(*rest, separator);
    if (at < 0)
        return false;
    *part_out = slice_take(*rest, (size_t)at);
    *rest = slice_skip(*rest, (size_t)at + 1);
    return true;
}

/* gs2-header = cb-flag "," [ "a=" saslname ] "," (RFC 5801 section 4); no binding is possible. */
static bool read_gs2_header(struct slice *rest, struct slice *authzid_out)
{
    struct slice flag, authzid;
    if (!cut(rest, ',', &flag) || !cut(rest, ',', &authzid))
        return false;
    if (!slice_eq(flag, SLICE_LIT("n")) && !slice_eq(flag, SLICE_LIT("y")))
        return false;
    if (authzid.len > 0 && !slice_starts(authzid, SLICE_LIT("a=")))
        return false;
    *authzid_out = slice_skip(authzid, 2);
    return true;
}

/* value = *(VCHAR / SP / HTAB / CR / LF), and octets above 127 in names. */
static bool value_valid(struct slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((value.ptr[i] < ' ' && slice_find_octet(SLICE_LIT("\t\r\n"), value.ptr[i]) < 0) ||
            value.ptr[i] == 0x7f)
            return false;
    return true;
}

/* key = 1*(ALPHA) */
static bool key_valid(struct slice key)
{
    for (size_t i = 0; i < key.len; i++)
        if (!((key.ptr[i] | 0x20) >= 'a' && (key.ptr[i] | 0x20) <= 'z'))
            return false;
    return key.len > 0;
}

/* auth = "Bearer" 1*SP b64token (RFC 6750 section 2.1): printable, without blanks. */
static bool read_bearer(struct slice value, struct slice *token_out)
{
    if (!slice_starts_nocase(value, SLICE_LIT("Bearer ")))
        return false;
    struct slice token = slice_trim(slice_skip(value, 7));
    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] <= ' ' || token.ptr[i] >= 0x7f)
            return false;
    *token_out = token;
    return token.len > 0;
}

bool sasl_oauth_parse(bool bearer, struct slice message, struct sasl_oauth_message *out)
{
    struct slice rest = message, gap, value, key;
    memset(out, 0, sizeof(*out));
    if (bearer && (!read_gs2_header(&rest, &out->user) || !cut(&rest, KVSEP, &gap) || gap.len > 0))
        return false;
    while (rest.len > 0 && rest.ptr[0] != KVSEP) {
        if (!cut(&rest, KVSEP, &value) || !cut(&value, '=', &key) || !key_valid(key) ||
            !value_valid(value))
            return false;
        if (slice_eq_nocase(key, SLICE_LIT("auth")) && !read_bearer(value, &out->token))
            return false;
        if (slice_eq_nocase(key, SLICE_LIT("user")) && !bearer)
            out->user = value;
        else if (slice_eq_nocase(key, SLICE_LIT("host")))
            out->host = value;
        else if (slice_eq_nocase(key, SLICE_LIT("port")))
            out->port = value;
    }
    return rest.len == 1 && out->token.len > 0 && (bearer || out->user.len > 0);
}

/* ---- the client ---- */

static bool token_given(const struct sasl *s, struct err *err)
{
    if (s->token == NULL || !secret_is_set(s->token)) {
        err_set(err, ERR_AUTH, 0, "%s needs a token and none is set", s->spoken->name);
        err_explain(err, "the provider's sign-in page or a helper program gives access tokens",
                    "name a command that prints one");
        return false;
    }
    struct slice token = secret_slice(s->token);
    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] <= ' ' || token.ptr[i] >= 0x7f) {
            err_set(err, ERR_AUTH, 0, "the token holds blanks or octets that no token has");
            return false;
        }
    return true;
}

static bool name_sendable(const char *name)
{
    return name == NULL || value_valid(slice_cstr(name));
}

static bool first_message(struct sasl *s, bool bearer, struct buf *out)
{
    const char *who = s->authzid != NULL ? s->authzid : s->named;
    if (!bearer) {
        buf_printf(out, "user=%s\1", s->named);
    } else {
        buf_append_cstr(out, "n,");
        if (who != NULL) {
            buf_append_cstr(out, "a=");
            sasl_name_encode(slice_cstr(who), out);
        }
        buf_append_cstr(out, ",\1");
        if (s->host != NULL)
            buf_printf(out, "host=%s\1", s->host);
        if (s->port != 0)
            buf_printf(out, "port=%u\1", s->port);
    }
    buf_append_cstr(out, "auth=Bearer ");
    buf_append(out, secret_slice(s->token));
    return buf_append_cstr(out, "\1\1") && !out->overflow;
}

static enum sasl_result client_step(struct sasl *s, bool bearer, struct slice in, struct buf *out,
                                    struct err *err)
{
    if (s->steps > 1) { /* what comes is the reason of a refusal */
        buf_append(&s->reason, in);
        if (bearer)
            buf_append_octet(out, KVSEP);
        return SASL_DONE;
    }
    if (!token_given(s, err))
        return SASL_FAILED;
    if (!name_sendable(s->named) || !name_sendable(s->authzid) || !name_sendable(s->host)) {
        err_set(err, ERR_AUTH, 0, "a name for %s holds control characters", s->spoken->name);
        return SASL_FAILED;
    }
    if (first_message(s, bearer, out))
        return SASL_CONTINUE;
    err_set(err, ERR_LIMIT, 0, "the token does not fit into a step of %zu octets", out->cap_octets);
    buf_reset(out);
    return SASL_FAILED;
}

/* ---- the server ---- */

static bool token_good(struct sasl *s, const struct sasl_oauth_message *m)
{
    struct buf user, name;
    buf_init(&user, USER_OCTETS_MAX);
    buf_init(&name, USER_OCTETS_MAX);
    bool good = sasl_name_decode(m->user, &name) && s->check_token != NULL &&
                s->check_token(s->lookup_ctx, buf_cstr(&name), m->token, &user);
    if (good)
        s->user = mem_strdup(buf_cstr(&user));
    buf_deinit(&user);
    buf_deinit(&name);
    return good;
}

static enum sasl_result server_step(struct sasl *s, bool bearer, struct slice in, struct buf *out,
                                    struct err *err)
{
    struct sasl_oauth_message m;
    if (s->refused)
        return SASL_REFUSED;
    if (s->steps == 1 && in.len == 0)
        return SASL_CONTINUE;
    if (!sasl_oauth_parse(bearer, in, &m)) {
        err_set(err, ERR_AUTH, 0, "step %u of %s does not read", s->steps, s->spoken->name);
        return SASL_FAILED;
    }
    if (token_good(s, &m))
        return SASL_DONE;
    s->refused = true;
    buf_append_cstr(out, bearer ? "{\"status\":\"invalid_token\",\"scope\":\"mail\"}"
                                : "{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}");
    return SASL_CONTINUE;
}

static enum sasl_result bearer_client(struct sasl *s, struct slice in, struct buf *out,
                                      struct err *err)
{
    return client_step(s, true, in, out, err);
}

static enum sasl_result bearer_server(struct sasl *s, struct slice in, struct buf *out,
                                      struct err *err)
{
    return server_step(s, true, in, out, err);
}

static enum sasl_result xoauth2_client(struct sasl *s, struct slice in, struct buf *out,
                                       struct err *err)
{
    return client_step(s, false, in, out, err);
}

static enum sasl_result xoauth2_server(struct sasl *s, struct slice in, struct buf *out,
                                       struct err *err)
{
    return server_step(s, false, in, out, err);
}

const struct sasl_own sasl_oauthbearer = {bearer_client, bearer_server};
const struct sasl_own sasl_xoauth2 = {xoauth2_client, xoauth2_server};
