/* Logging in: USER and PASS, APOP, AUTH (RFC 5034). */
#include "engine/pop3_serve_private.h"

#include <string.h>

#include "base/base64.h"

enum { MECHANISM_OCTETS = 32, MECHANISMS_OCTETS = 512 };

void pserve_auth_forget(struct pop3_serve *s)
{
    sasl_free(&s->sasl);
    s->auth_proven = false;
}

static bool same_octets(struct slice a, struct slice b)
{
    uint8_t differs = a.len != b.len;
    for (size_t i = 0; i < a.len && i < b.len; i++) /* in a time that tells nothing */
        differs |= a.ptr[i] ^ b.ptr[i];
    return !differs;
}

static void wrong(struct pop3_serve *s, struct pop3_answer *a)
{
    pserve_refuse(s, a, "[AUTH] Name or password are wrong");
}

static void log_in(struct pop3_serve *s, const char *name, struct pop3_answer *a)
{
    mem_free(s->user);
    s->user = mem_strdup(name);
    if (pserve_open_drop(s, a))
        return;
    mem_free(s->user);
    s->user = NULL;
}

void pserve_user(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a)
{
    if (!s->options->user_pass) {
        pserve_refuse(s, a, "USER is not offered here");
    } else if (!pserve_login_shows_ok(s)) {
        pserve_refuse(s, a, "Say STLS first: a password would be readable on the way");
    } else if (c->arg[0].len >= POP3_SERVE_NAME_OCTETS) {
        pserve_refuse(s, a, "The name is too long");
    } else {
        mem_free(s->name);
        s->name = mem_slice_dup(c->arg[0]);
        pserve_say(a, "+OK"); /* whether there is such a user is nobody's business yet */
    }
}

static bool lookup(const struct pop3_serve *s, const char *name, struct secret *out)
{
    return s->policy->password && s->policy->password(s->policy_ctx, name, out);
}

void pserve_pass(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a)
{
    struct secret password;
    secret_init(&password);
    bool ok =
        s->name && lookup(s, s->name, &password) && same_octets(secret_slice(&password), c->arg[0]);
    secret_clear(&password);
    if (ok)
        log_in(s, s->name, a);
    else
        wrong(s, a);
}

void pserve_apop(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a)
{
    struct secret password;
    char digest[SASL_APOP_OCTETS + 1];
    if (!s->stamp || c->arg[0].len >= POP3_SERVE_NAME_OCTETS) {
        pserve_refuse(s, a, s->stamp ? "The name is too long" : "APOP is not offered here");
        return;
    }
    char *name = mem_slice_dup(c->arg[0]);
    secret_init(&password);
    bool ok = lookup(s, name, &password) &&
              sasl_apop_digest(slice_cstr(s->stamp), &password, digest) &&
              same_octets(slice_cstr(digest), c->arg[1]);
    secret_clear(&password);
    if (ok)
        log_in(s, name, a);
    else
        wrong(s, a);
    mem_free(name);
}

/* ---- AUTH ---- */

void pserve_mechanisms(const struct pop3_serve *s, struct buf *out)
{
    struct slice rest = slice_cstr(s->options->mechanisms);
    for (struct slice w = slice_next_word(&rest); w.len > 0; w = slice_next_word(&rest)) {
        char name[MECHANISM_OCTETS];
        if (w.len >= sizeof(name))
            continue;
        memcpy(name, w.ptr, w.len);
        name[w.len] = '\0';
        unsigned traits = sasl_traits(name);
        const struct pop3_policy *p = s->policy;
        if (((traits & SASL_WANTS_CHANNEL) && !(pop3_track_tls(s->track) && p->channel)) ||
            ((traits & SASL_WANTS_CERTIFICATE) && !(p->external && p->external(s->policy_ctx))) ||
            ((traits & SASL_WANTS_TOKEN) && !p->token) ||
            ((traits & SASL_SHOWS_SECRET) && !pserve_login_shows_ok(s)))
            continue;
        buf_printf(out, "%s%s", out->len > 0 ? " " : "", name);
    }
}

static bool offers(const struct pop3_serve *s, struct slice want, char name_out[MECHANISM_OCTETS])
{
    struct buf list;
    bool found = false;
    buf_init(&list, MECHANISMS_OCTETS);
    pserve_mechanisms(s, &list);
    struct slice rest = buf_slice(&list);
    for (struct slice w = slice_next_word(&rest); w.len > 0 && !found; w = slice_next_word(&rest)) {
        found = slice_eq_nocase(w, want);
        memcpy(name_out, w.ptr, w.len);
        name_out[w.len] = '\0';
    }
    buf_deinit(&list);
    return found;
}

static struct sasl *exchange_new(struct pop3_serve *s, const char *mechanism, struct err *err)
{
    const struct pop3_policy *p = s->policy;
    struct sasl_channel channel = {0};
    struct sasl_server_options o = {.lookup = p->password,
                                    .token = p->token,
                                    .ctx = s->policy_ctx,
                                    .service = "pop",
                                    .host = s->options->name};
    if (p->channel && p->channel(s->policy_ctx, &channel))
        o.channel = &channel;
    if (p->external)
        o.external = p->external(s->policy_ctx);
    struct sasl *sasl = sasl_server_open(mechanism, &o, err);
    mem_wipe(&channel, sizeof(channel));
    return sasl;
}

/* A server's proof that comes with success (SCRAM) goes out as a last challenge, which the client
 * answers with an empty line. */
static void say_challenge(struct pop3_answer *a, const struct buf *out)
{
    buf_append_cstr(&a->text, "+ ");
    base64_encode(&a->text, buf_slice(out));
    buf_append_cstr(&a->text, "\r\n");
}

static void succeed(struct pop3_serve *s, struct pop3_answer *a)
{
    char *name = mem_strdup(sasl_user(s->sasl));
    pserve_auth_forget(s);
    log_in(s, name ? name : "", a);
    mem_free(name);
}

static void fail(struct pop3_serve *s, struct pop3_answer *a, const char *text)
{
    pserve_auth_forget(s);
    pserve_refuse(s, a, text);
}

static void step(struct pop3_serve *s, struct slice octets, struct pop3_answer *a)
{
    struct buf out;
    struct err err;
    buf_init(&out, POP3_AUTH_LINE_MAX_OCTETS);
    err_clear(&err);
    switch (sasl_step(s->sasl, octets, &out, &err)) {
    case SASL_CONTINUE:
        say_challenge(a, &out);
        break;
    case SASL_DONE:
        s->auth_proven = out.len > 0;
        if (s->auth_proven)
            say_challenge(a, &out);
        else
            succeed(s, a);
        break;
    case SASL_REFUSED:
        fail(s, a, "[AUTH] Name or password are wrong");
        break;
    case SASL_FAILED:
        fail(s, a, "The step does not fit the mechanism");
        break;
    }
    if (out.ptr)
        mem_wipe(out.ptr, out.len);
    buf_deinit(&out);
}

static void step_base64(struct pop3_serve *s, struct slice base64, struct pop3_answer *a)
{
    struct buf octets;
    buf_init(&octets, POP3_CAP_LINE_OCTETS);
    if (base64.len > 0)
        buf_room(&octets, base64.len);
    if (base64_decode(&octets, base64))
        step(s, octets.len > 0 ? buf_slice(&octets) : SLICE_LIT(""), a); /* empty, yet there */
    else
        fail(s, a, "That is not base64");
    if (octets.ptr)
        mem_wipe(octets.ptr, octets.len);
    buf_deinit(&octets);
}

/* AUTH alone: the list, as clients before RFC 2449 asked for it. */
static void list_mechanisms(struct pop3_serve *s, struct pop3_answer *a)
{
    struct buf list;
    buf_init(&list, MECHANISMS_OCTETS);
    pserve_mechanisms(s, &list);
    struct slice rest = buf_slice(&list);
    pserve_say(a, "+OK Mechanisms");
    for (struct slice w = slice_next_word(&rest); w.len > 0; w = slice_next_word(&rest))
        buf_printf(&a->text, "%.*s\r\n", SLICE_ARG(w));
    buf_append_cstr(&a->text, ".\r\n");
    buf_deinit(&list);
}

void pserve_auth(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a)
{
    char mechanism[MECHANISM_OCTETS];
    struct err err;
    err_clear(&err);
    pserve_auth_forget(s);
    if (!s->options->mechanisms)
        pserve_refuse(s, a, "AUTH is not offered here");
    else if (c->n_args == 0)
        list_mechanisms(s, a);
    else if (!offers(s, c->arg[0], mechanism))
        pserve_refuse(s, a, "This mechanism is not offered");
    else if (!(s->sasl = exchange_new(s, mechanism, &err)))
        pserve_refuse(s, a, "[SYS/TEMP] This mechanism cannot be had now");
    else if (c->n_args == 1)
        step(s, slice_of(NULL, 0), a);
    else
        step_base64(s, slice_eq(c->arg[1], SLICE_LIT("=")) ? SLICE_LIT("") : c->arg[1], a);
}

void pserve_auth_data(struct pop3_serve *s, struct slice line, struct pop3_answer *a)
{
    if (line.len + 2 > POP3_AUTH_LINE_MAX_OCTETS)
        fail(s, a, "The line is too long");
    else if (slice_eq(line, SLICE_LIT("*")))
        fail(s, a, "Given up");
    else if (!s->sasl)
        fail(s, a, "No AUTH exchange is under way");
    else if (s->auth_proven && line.len > 0)
        fail(s, a, "An empty line was expected");
    else if (s->auth_proven)
        succeed(s, a);
    else
        step_base64(s, line, a);
}
