/* AUTH on the server's side (RFC 4954): the line protocol around a SASL exchange. */
#include "engine/smtp_serve_private.h"

#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "sasl/sasl.h"
#include "smtp/limits.h"

enum { MECHANISM_OCTETS = 32, MECHANISMS_OCTETS = 512 };

void serve_auth_forget(struct smtp_serve *s)
{
    sasl_free(&s->sasl);
    s->auth_proven = false;
}

void smtp_serve_forget_user(struct smtp_serve *s)
{
    mem_free(s->user);
    s->user = NULL;
}

bool serve_auth_offered(const struct smtp_serve *s)
{
    return s->options->mechanisms && (s->offered >> SMTP_EXT_AUTH & 1) &&
           (smtp_track_tls(s->track) || s->options->auth_in_clear);
}

static bool find_mechanism(const struct smtp_serve *s, struct slice want, char *name_out)
{
    struct buf list;
    bool found = false;
    buf_init(&list, MECHANISMS_OCTETS);
    serve_mechanisms(s, &list);
    struct slice rest = buf_slice(&list);
    for (struct slice w = slice_next_word(&rest); w.len > 0 && !found; w = slice_next_word(&rest)) {
        if (w.len >= MECHANISM_OCTETS || !slice_eq_nocase(w, want))
            continue;
        memcpy(name_out, w.ptr, w.len);
        name_out[w.len] = '\0';
        found = true;
    }
    buf_deinit(&list);
    return found;
}

static struct sasl *exchange_new(struct smtp_serve *s, const char *mechanism, struct err *err)
{
    const struct smtp_policy *p = s->policy;
    struct sasl_channel channel = {0};
    struct sasl_server_options o = {.lookup = p->password,
                                    .token = p->token,
                                    .ctx = s->policy_ctx,
                                    .service = s->options->lmtp ? "lmtp" : "smtp",
                                    .host = s->options->name};
    if (p->channel && p->channel(s->policy_ctx, &channel))
        o.channel = &channel;
    if (p->external)
        o.external = p->external(s->policy_ctx);
    struct sasl *sasl = sasl_server_open(mechanism, &o, err);
    mem_wipe(&channel, sizeof(channel));
    return sasl;
}

/* RFC 4954 section 4: the reply to a step. A server's proof that comes with success (SCRAM) goes
 * out as a last challenge, which the client answers with an empty line. */
static void say_challenge(struct smtp_answer *a, const struct buf *out)
{
    buf_append_cstr(&a->text, "334 ");
    base64_encode(&a->text, buf_slice(out));
    buf_append_cstr(&a->text, "\r\n");
}

static void succeed(struct smtp_serve *s, struct smtp_answer *a)
{
    const char *user = sasl_user(s->sasl);
    mem_free(s->user);
    s->user = mem_strdup(user ? user : "");
    serve_auth_forget(s);
    if (s->policy->authenticated)
        s->policy->authenticated(s->policy_ctx, s->user);
    smtp_answer_line(a, 235, "2.7.0", "Authentication successful");
}

static void fail(struct smtp_serve *s, struct smtp_answer *a, unsigned code, const char *enhanced,
                 const char *text)
{
    serve_auth_forget(s);
    serve_refuse(s, a, code, enhanced, text);
}

static void step(struct smtp_serve *s, struct slice octets, struct smtp_answer *a)
{
    struct buf out;
    struct err err;
    buf_init(&out, SMTP_AUTH_LINE_MAX_OCTETS);
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
        fail(s, a, 535, "5.7.8", "Authentication credentials invalid");
        break;
    case SASL_FAILED:
        fail(s, a, 501, "5.5.2", "The step does not fit the mechanism");
        break;
    }
    if (out.ptr)
        mem_wipe(out.ptr, out.len);
    buf_deinit(&out);
}

static void step_base64(struct smtp_serve *s, struct slice base64, struct smtp_answer *a)
{
    struct buf octets;
    buf_init(&octets, SMTP_CAP_LINE_OCTETS);
    if (base64.len > 0)
        buf_room(&octets, base64.len);
    if (base64_decode(&octets, base64))
        step(s, octets.len > 0 ? buf_slice(&octets) : SLICE_LIT(""), a); /* empty, yet there */
    else
        fail(s, a, 501, "5.5.2", "That is not base64");
    if (octets.ptr)
        mem_wipe(octets.ptr, octets.len);
    buf_deinit(&octets);
}

void serve_auth(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    char mechanism[MECHANISM_OCTETS];
    struct err err;
    err_clear(&err);
    serve_auth_forget(s);
    if (!s->options->mechanisms) {
        serve_refuse(s, a, 502, "5.5.1", "AUTH is not offered here");
    } else if (s->user) {
        serve_refuse(s, a, 503, "5.5.1", "Already authenticated");
    } else if (!serve_auth_offered(s)) {
        serve_refuse(s, a, 538, "5.7.11", "Encryption is required: say STARTTLS first");
    } else if (c->mechanism.len == 0) {
        serve_refuse(s, a, 501, "5.5.4", "Syntax: AUTH mechanism [initial-response]");
    } else if (!find_mechanism(s, c->mechanism, mechanism)) {
        serve_refuse(s, a, 504, "5.5.4", "This mechanism is not offered");
    } else if (!(s->sasl = exchange_new(s, mechanism, &err))) {
        serve_refuse(s, a, 454, "4.7.0", "Temporary authentication failure");
    } else if (!c->has_initial) {
        step(s, slice_of(NULL, 0), a);
    } else {
        step_base64(s, slice_eq(c->initial, SLICE_LIT("=")) ? SLICE_LIT("") : c->initial, a);
    }
}

void serve_auth_data(struct smtp_serve *s, struct slice line, struct smtp_answer *a)
{
    if (line.len + 2 > SMTP_AUTH_LINE_MAX_OCTETS)
        fail(s, a, 500, "5.5.6", "Line too long");
    else if (slice_eq(line, SLICE_LIT("*")))
        fail(s, a, 501, "5.7.0", "Authentication aborted");
    else if (!s->sasl)
        fail(s, a, 500, "5.5.2", "No AUTH exchange is under way");
    else if (s->auth_proven && line.len > 0)
        fail(s, a, 501, "5.5.2", "An empty line was expected");
    else if (s->auth_proven)
        succeed(s, a);
    else
        step_base64(s, line, a);
}
