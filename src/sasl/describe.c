/* A step of an exchange in words, its secrets as a length.
 *
 * Hidden: passwords, tokens, and whatever a password can be guessed from offline (digests, proofs
 * and the server's signature). Shown: names, nonces, salts, iteration counts. What does not read as
 * the mechanism says may be a secret in the wrong place, so of that only the length is told.
 */
#include "sasl_private.h"

#include "base/utf8.h"
#include "base/vis.h"

enum {
    SHOWN_OCTETS_MAX = 256, /* of one field */
    ROUNDS_MIN = 4096,      /* RFC 7677 section 4 */
};

struct saying {
    struct buf *out;
    bool any; /* a comma goes before the next part */
};

static void say(struct saying *w, const char *words)
{
    buf_append_cstr(w->out, w->any ? ", " : "");
    buf_append_cstr(w->out, words);
    w->any = true;
}

static void say_text(struct saying *w, const char *label, struct slice s)
{
    say(w, label);
    buf_append_cstr(w->out, " ");
    vis_to_buf(w->out, slice_take(s, SHOWN_OCTETS_MAX), 0);
    if (s.len > SHOWN_OCTETS_MAX)
        buf_append_cstr(w->out, "...");
}

static void say_quoted(struct saying *w, const char *label, struct slice s)
{
    say(w, label);
    buf_append_cstr(w->out, " \"");
    vis_to_buf(w->out, slice_take(s, SHOWN_OCTETS_MAX), 0);
    buf_append_cstr(w->out, s.len > SHOWN_OCTETS_MAX ? "...\"" : "\"");
}

static void say_hidden(struct saying *w, const char *label, size_t n_octets)
{
    say(w, label);
    buf_printf(w->out, " hidden (%zu %s)", n_octets, n_octets == 1 ? "octet" : "octets");
}

/* The part of *rest before `separator`, which is dropped; all of it where there is none. */
static struct slice cut(struct slice *rest, uint8_t separator)
{
    ptrdiff_t at = slice_find_octet(*rest, separator);
    struct slice part = at < 0 ? *rest : slice_take(*rest, (size_t)at);
    *rest = at < 0 ? slice_of(NULL, 0) : slice_skip(*rest, (size_t)at + 1);
    return part;
}

/* RFC 4616 section 2: message = [authzid] UTF8NUL authcid UTF8NUL passwd */
static bool plain_client(struct saying *w, unsigned step, struct slice s)
{
    (void)step;
    struct slice rest = s;
    struct slice authzid = cut(&rest, 0);
    ptrdiff_t at = slice_find_octet(rest, 0);
    if (at < 0)
        return false;
    struct slice user = cut(&rest, 0);
    if (slice_find_octet(rest, 0) >= 0)
        return false;
    if (authzid.len > 0)
        say_text(w, "authzid", authzid);
    say_text(w, "user", user);
    say_hidden(w, "password", rest.len);
    return true;
}

static bool login_client(struct saying *w, unsigned step, struct slice s)
{
    if (step == 1)
        say_text(w, "user", s);
    else
        say_hidden(w, "password", s.len);
    return true;
}

static bool prompt_server(struct saying *w, unsigned step, struct slice s)
{
    (void)step;
    say_quoted(w, "prompt", s);
    return true;
}

static bool challenge_server(struct saying *w, unsigned step, struct slice s)
{
    (void)step;
    say_text(w, "challenge", s);
    return true;
}

/* RFC 2195 section 2: the user name (which may hold spaces), a space, the digest in hexadecimal. */
static bool cram_client(struct saying *w, unsigned step, struct slice s)
{
    (void)step;
    size_t at = s.len;
    while (at > 0 && s.ptr[at - 1] != ' ')
        at--;
    if (at < 2)
        return false;
    struct slice digest = slice_skip(s, at);
    for (size_t i = 0; i < digest.len; i++)
        if (slice_find_octet(SLICE_LIT("0123456789abcdefABCDEF"), digest.ptr[i]) < 0)
            return false;
    if (digest.len != 32)
        return false;
    say_text(w, "user", slice_take(s, at - 1));
    say_hidden(w, "digest", digest.len);
    return true;
}

/* One `key=value` or `key="value"` of RFC 2831 section 7.1 from *rest; false: not of that form. */
static bool digest_directive(struct slice *rest, struct slice *key_out, struct slice *value_out)
{
    ptrdiff_t eq = slice_find_octet(*rest, '=');
    if (eq <= 0)
        return false;
    *key_out = slice_trim(slice_take(*rest, (size_t)eq));
    *rest = slice_trim(slice_skip(*rest, (size_t)eq + 1));
    if (rest->len == 0 || rest->ptr[0] != '"') {
        *value_out = slice_trim(cut(rest, ','));
        return key_out->len > 0;
    }
    size_t end = 1;
    while (end < rest->len && rest->ptr[end] != '"')
        end += rest->ptr[end] == '\\' ? 2 : 1;
    if (end >= rest->len)
        return false;
    *value_out = slice_of(rest->ptr + 1, end - 1);
    *rest = slice_trim(slice_skip(*rest, end + 1));
    if (rest->len > 0 && rest->ptr[0] != ',')
        return false;
    *rest = slice_skip(*rest, 1);
    return key_out->len > 0;
}

static bool digest_hides(struct slice key)
{
    return slice_eq_nocase(key, SLICE_LIT("response")) ||
           slice_eq_nocase(key, SLICE_LIT("rspauth"));
}

/* The whole is read before a word is said: a secret must not slip out ahead of a broken part. */
static bool digest_any(struct saying *w, unsigned step, struct slice s)
{
    (void)step;
    struct slice key, value;
    for (int round = 0; round < 2; round++) {
        struct slice rest = slice_trim(s);
        while (rest.len > 0) {
            if (!digest_directive(&rest, &key, &value))
                return false;
            if (round == 0)
                continue;
            char label[40];
            vis_to_cstr(label, sizeof(label), slice_take(key, 24));
            if (digest_hides(key))
                say_hidden(w, label, value.len);
            else
                say_text(w, label, value);
        }
    }
    return true;
}

/* RFC 5802 section 5.1: in a user name "=2C" stands for a comma and "=3D" for an equals sign. */
static void say_saslname(struct saying *w, const char *label, struct slice s)
{
    struct buf name;
    buf_init(&name, SHOWN_OCTETS_MAX + 1);
    for (size_t i = 0; i < s.len && !name.overflow; i++) {
        struct slice rest = slice_take(slice_skip(s, i), 3);
        bool comma = slice_eq_nocase(rest, SLICE_LIT("=2C"));
        bool equals = slice_eq_nocase(rest, SLICE_LIT("=3D"));
        buf_append_octet(&name, comma ? ',' : equals ? '=' : s.ptr[i]);
        if (comma || equals)
            i += 2;
    }
    say_text(w, label, buf_slice(&name));
    buf_deinit(&name);
}

/* The value of the next attribute of *rest, which must be `name`. */
static bool scram_attribute(struct slice *rest, char name, struct slice *value_out)
{
    if (rest->len < 2 || rest->ptr[0] != (uint8_t)name || rest->ptr[1] != '=')
        return false;
    *value_out = slice_skip(cut(rest, ','), 2);
    return true;
}

/* gs2-header = ("p=" cb-name / "n" / "y") "," [ "a=" saslname ] ","  (RFC 5802 section 7) */
static bool scram_gs2_header(struct saying *w, struct slice *rest)
{
    struct slice binding = cut(rest, ',');
    struct slice authzid = cut(rest, ',');
    bool named = slice_starts(binding, SLICE_LIT("p="));
    if (!named && !slice_eq(binding, SLICE_LIT("n")) && !slice_eq(binding, SLICE_LIT("y")))
        return false;
    if (authzid.len > 0 && !slice_starts(authzid, SLICE_LIT("a=")))
        return false;
    if (authzid.len > 0)
        say_saslname(w, "authzid", slice_skip(authzid, 2));
    if (named)
        say_text(w, "channel binding", slice_skip(binding, 2));
    else if (binding.ptr[0] == 'y')
        say(w, "channel binding possible, but the server seems to have none");
    return true;
}

static bool scram_client_first(struct saying *w, struct slice s)
{
    struct slice rest = s, user, nonce;
    if (!scram_gs2_header(w, &rest) || !scram_attribute(&rest, 'n', &user) ||
        !scram_attribute(&rest, 'r', &nonce))
        return false;
    say_saslname(w, "user", user);
    say_text(w, "nonce", nonce);
    return true;
}

static bool scram_client_final(struct saying *w, struct slice s)
{
    struct slice rest = s, binding, nonce, proof;
    if (!scram_attribute(&rest, 'c', &binding) || !scram_attribute(&rest, 'r', &nonce) ||
        !scram_attribute(&rest, 'p', &proof))
        return false;
    say_text(w, "nonce", nonce);
    say_hidden(w, "proof", proof.len);
    return true;
}

static bool scram_client(struct saying *w, unsigned step, struct slice s)
{
    if (s.len == 0 && step > 2) {
        say(w, "empty: the server's signature is accepted");
        return true;
    }
    return step == 1 ? scram_client_first(w, s) : scram_client_final(w, s);
}

static bool scram_server_first(struct saying *w, struct slice s)
{
    struct slice rest = s, nonce, salt, rounds;
    uint64_t n = 0;
    if (!scram_attribute(&rest, 'r', &nonce) || !scram_attribute(&rest, 's', &salt) ||
        !scram_attribute(&rest, 'i', &rounds) || !slice_to_u64(rounds, UINT32_MAX, &n))
        return false;
    say_text(w, "nonce", nonce);
    say_text(w, "salt", salt);
    say_text(w, "iterations", rounds);
    if (n < ROUNDS_MIN)
        say(w, "fewer than the 4096 of RFC 7677");
    return true;
}

static bool scram_server(struct saying *w, unsigned step, struct slice s)
{
    struct slice rest = s, value;
    (void)step; /* the first attribute tells the messages apart */
    if (scram_attribute(&rest, 'v', &value)) {
        say_hidden(w, "server signature", value.len);
        return true;
    }
    if (scram_attribute(&rest, 'e', &value)) {
        say_text(w, "server error", value);
        return true;
    }
    return scram_server_first(w, s);
}

/* XOAUTH2 and OAUTHBEARER (RFC 7628 section 3.1): names are shown, the token never. */
static bool oauth_client(struct saying *w, unsigned step, struct slice s, bool bearer)
{
    struct sasl_oauth_message m;
    if (slice_eq(s, SLICE_LIT("\1")) || s.len == 0) {
        say(w, "empty: the error is acknowledged");
        return true;
    }
    if (step > 2 || !sasl_oauth_parse(bearer, s, &m))
        return false;
    if (m.user.len > 0)
        say_saslname(w, bearer ? "authzid" : "user", m.user);
    if (m.host.len > 0)
        say_text(w, "host", m.host);
    if (m.port.len > 0)
        say_text(w, "port", m.port);
    say_hidden(w, "token", m.token.len);
    return true;
}

static bool bearer_client(struct saying *w, unsigned step, struct slice s)
{
    return oauth_client(w, step, s, true);
}

static bool xoauth2_client(struct saying *w, unsigned step, struct slice s)
{
    return oauth_client(w, step, s, false);
}

/* RFC 7628 section 3.2.2: the reason of a refusal, in JSON; nothing in it is secret. */
static bool oauth_server(struct saying *w, unsigned step, struct slice s)
{
    (void)step;
    if (!utf8_valid(s) || slice_find_octet(s, 0) >= 0)
        return false;
    say_text(w, "refused, because", s);
    return true;
}

static bool external_client(struct saying *w, unsigned step, struct slice s)
{
    (void)step;
    if (s.len == 0)
        say(w, "empty: the identity TLS has proven");
    else
        say_text(w, "authzid", s);
    return true;
}

static bool anonymous_client(struct saying *w, unsigned step, struct slice s)
{
    (void)step;
    say_text(w, "trace", s);
    return true;
}

/* NTLM (MS-NLMP section 2.2.1): a signature, a kind, and fields named by length and offset. Names
 * come in UTF-16, little end first, or in octets; the responses and the challenge are left out. */
static uint32_t ntlm_u32(struct slice s, size_t at)
{
    if (at + 4 > s.len)
        return 0;
    const uint8_t *p = s.ptr + at;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void ntlm_say_field(struct saying *w, const char *label, struct slice s, size_t at)
{
    size_t octets = ntlm_u32(s, at) & 0xffff, from = ntlm_u32(s, at + 4);
    struct slice field = slice_take(slice_skip(s, from), octets);
    struct buf name;
    if (at + 8 > s.len || field.len < octets || octets == 0)
        return;
    buf_init(&name, SHOWN_OCTETS_MAX + 1);
    bool wide = octets > 1 && field.ptr[1] == 0;
    for (size_t i = 0; i < octets && !name.overflow; i += wide ? 2 : 1)
        buf_append_octet(&name,
                         wide && i + 1 < octets && field.ptr[i + 1] != 0 ? '?' : field.ptr[i]);
    say_text(w, label, buf_slice(&name));
    buf_deinit(&name);
}

static bool ntlm_any(struct saying *w, unsigned step, struct slice s)
{
    (void)step;
    if (!slice_starts(s, SLICE_LIT("NTLMSSP\0")) || s.len < 12)
        return false;
    switch (ntlm_u32(s, 8)) {
    case 1:
        say(w, "asks for a challenge");
        return true;
    case 2:
        say(w, "challenge");
        ntlm_say_field(w, "of", s, 12);
        return true;
    case 3:
        ntlm_say_field(w, "domain", s, 28);
        ntlm_say_field(w, "user", s, 36);
        ntlm_say_field(w, "workstation", s, 44);
        say_hidden(w, "responses", (ntlm_u32(s, 12) & 0xffff) + (ntlm_u32(s, 20) & 0xffff));
        return true;
    default:
        return false;
    }
}

/* Of a mechanism with nothing known: text is shown from a server only. */
static bool unknown_server(struct saying *w, unsigned step, struct slice s)
{
    (void)step;
    if (!utf8_valid(s) || slice_find_octet(s, 0) >= 0)
        return false;
    say_quoted(w, "text", s);
    return true;
}

typedef bool (*step_fn)(struct saying *w, unsigned step, struct slice s);

static const struct {
    const char *name; /* a mechanism, or what its name begins with */
    step_fn client, server;
} steps[] = {
    {"PLAIN", plain_client, prompt_server},         {"LOGIN", login_client, prompt_server},
    {"CRAM-MD5", cram_client, challenge_server},    {"DIGEST-MD5", digest_any, digest_any},
    {"SCRAM-", scram_client, scram_server},         {"XOAUTH2", xoauth2_client, oauth_server},
    {"OAUTHBEARER", bearer_client, oauth_server},   {"EXTERNAL", external_client, prompt_server},
    {"ANONYMOUS", anonymous_client, prompt_server}, {"NTLM", ntlm_any, ntlm_any},
};

static step_fn step_find(const char *mechanism, bool from_client)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (slice_starts_nocase(slice_cstr(mechanism), slice_cstr(steps[i].name)))
            return from_client ? steps[i].client : steps[i].server;
    return from_client ? NULL : unknown_server;
}

void sasl_describe(const char *mechanism, bool from_client, unsigned step, struct slice octets,
                   struct buf *out)
{
    struct saying w = {out, false};
    size_t start = out->len;
    step_fn fn = step_find(mechanism, from_client);
    bool empty_matters = from_client && fn != NULL;
    if (octets.len == 0 && !empty_matters) {
        say(&w, from_client ? "empty" : "empty: go on");
        return;
    }
    if (fn != NULL && fn(&w, step, octets) && w.any)
        return;
    out->len = start;
    w.any = false;
    if (octets.len == 0) {
        say(&w, "empty");
        return;
    }
    if (fn != NULL)
        say(&w, "does not read as a step of this mechanism");
    say_hidden(&w, "content", octets.len);
}
