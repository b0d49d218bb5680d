/* AUTH on the server's side (RFC 4954): the line protocol around a SASL exchange. */
#include "engine/smtp_serve_private.h"

#include "base/mem.h"
#include "smtp/limits.h"

void serve_auth_with(const struct smtp_serve *s, struct auth_server_with *out)
{
    const struct smtp_policy *p = s->policy;
    *out = (struct auth_server_with){.mechanisms = s->options->mechanisms,
                                     .lookup = p->password,
                                     .token = p->token,
                                     .channel = p->channel,
                                     .external = p->external,
                                     .ctx = s->policy_ctx,
                                     .service = s->options->lmtp ? "lmtp" : "smtp",
                                     .host = s->options->name,
                                     .tls = smtp_track_tls(s->track)};
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

static void succeed(struct smtp_serve *s, struct smtp_answer *a)
{
    mem_free(s->user);
    s->user = auth_server_user(&s->auth);
    if (s->policy->authenticated)
        s->policy->authenticated(s->policy_ctx, s->user);
    smtp_answer_line(a, 235, "2.7.0", "Authentication successful");
}

/* RFC 4954 sections 4 and 6. */
static const struct {
    unsigned code;
    const char *enhanced, *text;
} refusals[AUTH_VERDICT__COUNT] = {
    [AUTH_WRONG] = {535, "5.7.8", "Authentication credentials invalid"},
    [AUTH_UNFIT] = {501, "5.5.2", "The step does not fit the mechanism"},
    [AUTH_NOT_BASE64] = {501, "5.5.2", "That is not base64"},
    [AUTH_CANCELLED] = {501, "5.7.0", "Authentication aborted"},
    [AUTH_NOT_EMPTY] = {501, "5.5.2", "An empty line was expected"},
    [AUTH_NOT_OPEN] = {500, "5.5.2", "No AUTH exchange is under way"},
};

static void say(struct smtp_serve *s, enum auth_verdict verdict, const struct buf *challenge,
                struct smtp_answer *a)
{
    if (verdict == AUTH_CHALLENGE)
        buf_printf(&a->text, "334 %.*s\r\n", SLICE_ARG(buf_slice(challenge)));
    else if (verdict == AUTH_SUCCESS)
        succeed(s, a);
    else
        serve_refuse(s, a, refusals[verdict].code, refusals[verdict].enhanced,
                     refusals[verdict].text);
}

void serve_auth(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    char mechanism[AUTH_SERVER_NAME_OCTETS];
    struct auth_server_with with;
    struct buf challenge;
    struct err err;
    err_clear(&err);
    buf_init(&challenge, SMTP_CAP_LINE_OCTETS);
    auth_server_forget(&s->auth);
    serve_auth_with(s, &with);
    if (!s->options->mechanisms)
        serve_refuse(s, a, 502, "5.5.1", "AUTH is not offered here");
    else if (s->user)
        serve_refuse(s, a, 503, "5.5.1", "Already authenticated");
    else if (!serve_auth_offered(s))
        serve_refuse(s, a, 538, "5.7.11", "Encryption is required: say STARTTLS first");
    else if (c->mechanism.len == 0)
        serve_refuse(s, a, 501, "5.5.4", "Syntax: AUTH mechanism [initial-response]");
    else if (!auth_server_offers(&with, c->mechanism, mechanism))
        serve_refuse(s, a, 504, "5.5.4", "This mechanism is not offered");
    else if (!auth_server_begin(&s->auth, &with, mechanism, &err))
        serve_refuse(s, a, 454, "4.7.0", "Temporary authentication failure");
    else
        say(s, auth_server_first(&s->auth, c->has_initial, c->initial, &challenge, &err),
            &challenge, a);
    buf_deinit(&challenge);
}

void serve_auth_data(struct smtp_serve *s, struct slice line, struct smtp_answer *a)
{
    struct buf challenge;
    struct err err;
    if (line.len + 2 > SMTP_AUTH_LINE_MAX_OCTETS) {
        auth_server_forget(&s->auth);
        serve_refuse(s, a, 500, "5.5.6", "Line too long");
        return;
    }
    err_clear(&err);
    buf_init(&challenge, SMTP_CAP_LINE_OCTETS);
    say(s, auth_server_line(&s->auth, line, &challenge, &err), &challenge, a);
    buf_deinit(&challenge);
}
