/* Logging in on the client's side: choosing, answering, believing. */
#include "engine/auth_client.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/vis.h"
#include "smtp/limits.h"

/* Best first: bound to the channel, then what never shows the secret, then what does (inside TLS
 * only). A mechanism that asks for what is not given is passed over. */
static const char default_mechanisms[] =
    "SCRAM-SHA-256-PLUS,SCRAM-SHA-1-PLUS,SCRAM-SHA-256,SCRAM-SHA-1,OAUTHBEARER,XOAUTH2,CRAM-MD5,"
    "PLAIN,LOGIN,EXTERNAL";

void auth_client_init(struct auth_client *a, const struct credentials *credentials)
{
    memset(a, 0, sizeof(*a));
    a->credentials = credentials;
    buf_init(&a->first, SMTP_CAP_LINE_OCTETS);
}

void auth_client_forget(struct auth_client *a)
{
    sasl_free(&a->sasl);
    if (a->first.len > 0)
        mem_wipe(a->first.ptr, a->first.len);
    buf_release(&a->first);
    a->has_first = a->done = false;
}

void auth_client_deinit(struct auth_client *a)
{
    auth_client_forget(a);
    buf_deinit(&a->first);
}

/* ---- choosing ---- */

/* Item `index` of a comma or space separated list. */
static bool list_at(const char *list, size_t index, char *name_out)
{
    const char *p = list;
    for (;;) {
        p += strspn(p, ", ");
        size_t len = strcspn(p, ", ");
        if (len == 0)
            return false;
        if (index-- == 0) {
            if (len >= AUTH_MECHANISM_OCTETS)
                len = AUTH_MECHANISM_OCTETS - 1;
            memcpy(name_out, p, len);
            name_out[len] = '\0';
            return true;
        }
        p += len;
    }
}

static bool is_offered(struct slice offered, const char *name)
{
    for (struct slice w = slice_next_word(&offered); w.len > 0; w = slice_next_word(&offered)) {
        if (slice_eq_nocase(w, slice_cstr(name)))
            return true;
    }
    return false;
}

static bool get_channel(const struct auth_client *a, struct sasl_channel *out)
{
    const struct credentials *c = a->credentials;
    memset(out, 0, sizeof(*out));
    return c->channel && c->channel(c->channel_ctx, out);
}

/* Does it ask for something that is not given? That passes it over; asked for by name, it is tried
 * and fails with a reason of its own. */
static bool lacks(const struct auth_client *a, unsigned traits)
{
    const struct credentials *c = a->credentials;
    struct sasl_channel channel;
    if ((traits & SASL_WANTS_PASSWORD) && !(c->password && secret_is_set(c->password)))
        return true;
    if ((traits & SASL_WANTS_TOKEN) && !(c->token && secret_is_set(c->token)))
        return true;
    if ((traits & SASL_WANTS_CERTIFICATE) && !(c->certificate && a->tls))
        return true;
    return (traits & SASL_WANTS_CHANNEL) && !get_channel(a, &channel);
}

static void not_offered(const struct auth_client *a, struct slice offered, const char *name,
                        struct err *err)
{
    char shown[120], means[160];
    if (err->domain != ERR_NONE)
        return;
    vis_to_cstr(shown, sizeof(shown), slice_trim(offered));
    if (a->credentials->mechanisms)
        err_set(err, ERR_AUTH, 0, "the server does not offer %s", name);
    else
        err_set(err, ERR_AUTH, 0, "the server offers no mechanism that can be used here");
    snprintf(means, sizeof(means), "it offers %s", shown[0] ? shown : "none now");
    err_explain(err, means,
                a->tls ? "name one of these, or type the command by hand"
                       : "some are offered inside TLS only: /tls first");
}

/* Reasons not to try a mechanism; the last one stands if none is left. */
static bool usable(const struct auth_client *a, struct slice offered, const char *name,
                   struct err *err)
{
    const struct credentials *c = a->credentials;
    unsigned traits = sasl_traits(name);
    if (!is_offered(offered, name)) {
        not_offered(a, offered, name, err);
        return false;
    }
    if (!sasl_client_supported(name)) {
        err_set(err, ERR_AUTH, 0, "the mechanism %s is not supported here", name);
        return false;
    }
    if (!c->mechanisms && lacks(a, traits))
        return false;
    if ((traits & SASL_SHOWS_SECRET) && !a->tls && !c->in_clear) {
        err_set(err, ERR_AUTH, 0, "%s without TLS would show the %s", name,
                traits & SASL_WANTS_TOKEN ? "token" : "password");
        err_explain(err, "anyone on the way could read it", "use TLS, or ask for it in the clear");
        return false;
    }
    return true;
}

static bool start(struct auth_client *a, const char *name, struct err *err)
{
    const struct credentials *c = a->credentials;
    struct sasl_channel channel;
    bool bound = get_channel(a, &channel);
    const struct sasl_credentials given = {.user = c->user,
                                           .authzid = c->authzid,
                                           .password = c->password,
                                           .token = c->token,
                                           .service = c->service,
                                           .host = c->host,
                                           .port = c->port,
                                           .channel = bound ? &channel : NULL};
    auth_client_forget(a);
    a->reason[0] = '\0';
    a->sasl = sasl_client_new(name, &given, err);
    if (!a->sasl)
        return false;
    if (!sasl_client_first(a->sasl))
        return true;
    enum sasl_result r = sasl_step(a->sasl, slice_of(NULL, 0), &a->first, err);
    if (r != SASL_CONTINUE && r != SASL_DONE)
        return false;
    a->has_first = true;
    a->done = r == SASL_DONE;
    return true;
}

bool auth_client_choose(struct auth_client *a, struct slice offered, struct err *err)
{
    const char *list = a->credentials->mechanisms ? a->credentials->mechanisms : default_mechanisms;
    char name[AUTH_MECHANISM_OCTETS];
    a->cancelled = false;
    while (list_at(list, a->at, name)) {
        a->at++;
        if (!usable(a, offered, name, err) || !start(a, name, err))
            continue;
        err_clear(err);
        memcpy(a->mechanism, name, sizeof(name));
        return true;
    }
    auth_client_forget(a);
    if (err->domain == ERR_NONE)
        err_set(err, ERR_AUTH, 0, "no mechanism is left to try");
    return false;
}

/* ---- lines ---- */

static void say_first(struct auth_client *a, struct buf *out)
{
    base64_encode(out, buf_slice(&a->first));
    if (a->first.len > 0)
        mem_wipe(a->first.ptr, a->first.len);
    buf_reset(&a->first);
    a->has_first = false;
}

bool auth_client_command(struct auth_client *a, const char *verb, size_t line_max_octets,
                         struct buf *out, struct err *err)
{
    if (!a->sasl) {
        err_set(err, ERR_AUTH, 0, "no mechanism was chosen");
        return false;
    }
    buf_printf(out, "%s %s", verb, a->mechanism);
    size_t base64_octets = (a->first.len + 2) / 3 * 4;
    bool fits = out->len + 1 + base64_octets + 2 <= line_max_octets;
    if (!a->has_first || !fits || a->credentials->initial == AUTH_INITIAL_NEVER)
        return true;
    buf_append_octet(out, ' ');
    if (a->first.len == 0)
        buf_append_octet(out, '=');
    say_first(a, out);
    return true;
}

static void give_up(struct auth_client *a, struct buf *out)
{
    buf_append_octet(out, '*');
    a->cancelled = true;
}

void auth_client_answer(struct auth_client *a, struct slice text, struct buf *out, struct err *err)
{
    struct buf challenge, answer;
    if (a->has_first) {
        say_first(a, out);
        return;
    }
    buf_init(&challenge, SMTP_CAP_REPLY_OCTETS);
    buf_init(&answer, SMTP_CAP_LINE_OCTETS);
    enum sasl_result result = SASL_FAILED;
    if (!base64_decode(&challenge, slice_trim(text)))
        err_set(err, ERR_AUTH, 0, "the server's challenge is no base64");
    else
        result = sasl_step(a->sasl, buf_slice(&challenge), &answer, err);
    struct slice reason = sasl_server_reason(a->sasl);
    if (reason.len > 0)
        vis_to_cstr(a->reason, sizeof(a->reason), reason);
    if (result == SASL_REFUSED)
        err_set(err, ERR_AUTH, 0, "the server could not prove that it knows the password");
    if (result == SASL_CONTINUE || result == SASL_DONE) {
        base64_encode(out, buf_slice(&answer));
        a->done = result == SASL_DONE;
    } else {
        give_up(a, out);
    }
    if (answer.ptr)
        mem_wipe(answer.ptr, answer.len);
    buf_deinit(&answer);
    buf_deinit(&challenge);
}

bool auth_client_proven(const struct auth_client *a, struct err *err)
{
    if (!(sasl_traits(a->mechanism) & SASL_PROVES_SERVER) || a->done)
        return true;
    err_set(err, ERR_AUTH, 0, "the server said yes without proving that it knows the password");
    err_explain(err, "it may not be the server it claims to be",
                "check where the connection goes, and use TLS with full verification");
    return false;
}
