/* Logging in, on the server's side: LOGIN, and AUTHENTICATE as lines around a SASL exchange
 * (RFC 9051 sections 6.2.2, 6.2.3; RFC 4959). And what the server offers, which depends on it. */
#include "engine/imap_serve_private.h"

#include "base/mem.h"

enum { CHALLENGE_CAP_OCTETS = 16384 + 8 };

static bool password_allowed(const struct imap_serve *s)
{
    return imap_track_tls(s->track) || s->options->login_in_clear;
}

static void auth_with(const struct imap_serve *s, struct auth_server_with *out)
{
    const struct imap_policy *p = s->policy;
    *out = (struct auth_server_with){.mechanisms = s->options->mechanisms,
                                     .lookup = p->password,
                                     .token = p->token,
                                     .channel = p->channel,
                                     .external = p->external,
                                     .ctx = s->policy_ctx,
                                     .service = "imap",
                                     .host = s->options->name,
                                     .tls = imap_track_tls(s->track)};
}

static uint64_t append_limit(const struct imap_serve *s)
{
    return s->options->message_octets ? s->options->message_octets : 50ull << 20;
}

void iserve_capability(struct imap_serve *s, struct buf *out)
{
    buf_append_cstr(out, "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE");
    if (s->user) {
        buf_append_cstr(out, " IDLE NAMESPACE CHILDREN UIDPLUS UNSELECT MOVE ESEARCH SEARCHRES "
                             "WITHIN LIST-EXTENDED LIST-STATUS SPECIAL-USE CREATE-SPECIAL-USE "
                             "STATUS=SIZE UTF8=ACCEPT QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE");
        buf_printf(out, " APPENDLIMIT=%llu", (unsigned long long)append_limit(s));
        return;
    }
    if (s->options->offer_starttls && !imap_track_tls(s->track))
        buf_append_cstr(out, " STARTTLS");
    if (!password_allowed(s)) {
        buf_append_cstr(out, " LOGINDISABLED");
        return;
    }
    struct auth_server_with with;
    auth_with(s, &with);
    auth_server_offer(&with, " AUTH=", out);
}

static void fail(struct imap_serve *s, struct slice tag, struct imap_answer *a, const char *code,
                 const char *text)
{
    auth_server_forget(&s->auth);
    imap_answer_line(a, tag, "NO", code, "%s", text);
    if (s->options->errors_max > 0 && ++s->errors > s->options->errors_max) {
        imap_answer_line(a, slice_of(NULL, 0), "BYE", NULL, "Too many errors, closing");
        a->then = IMAP_THEN_CLOSE;
    }
}

static void succeed(struct imap_serve *s, struct slice tag, struct imap_answer *a, const char *user)
{
    struct store_user *account = s->policy->user ? s->policy->user(s->policy_ctx, user) : NULL;
    if (!account) {
        fail(s, tag, a, "AUTHORIZATIONFAILED", "This user has no mailbox here");
        return;
    }
    mem_free(s->user);
    s->user = mem_strdup(user);
    s->account = account;
    s->errors = 0;
    auth_server_forget(&s->auth);
    if (s->policy->authenticated)
        s->policy->authenticated(s->policy_ctx, s->user);
    struct buf code;
    buf_init(&code, 1024);
    buf_append_cstr(&code, "CAPABILITY ");
    iserve_capability(s, &code);
    imap_answer_line(a, tag, "OK", buf_cstr(&code), "Logged in");
    buf_deinit(&code);
}

/* As long whatever is wrong: the octets do not tell by time how many of them were right. */
static bool same(struct slice a, struct slice b)
{
    unsigned differs = a.len != b.len;
    for (size_t i = 0; i < a.len; i++)
        differs |= (unsigned)(a.ptr[i] ^ b.ptr[b.len ? i % b.len : 0]) | (b.len == 0);
    return differs == 0;
}

void iserve_login(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    struct secret password;
    if (!password_allowed(s)) {
        fail(s, c->tag, a, "PRIVACYREQUIRED", "Say STARTTLS first");
        return;
    }
    secret_init(&password);
    char *user = mem_slice_dup(c->user);
    bool known = s->policy->password && s->policy->password(s->policy_ctx, user, &password);
    if (known && same(c->password, secret_slice(&password)))
        succeed(s, c->tag, a, user);
    else
        fail(s, c->tag, a, "AUTHENTICATIONFAILED", "User or password is wrong");
    secret_clear(&password);
    mem_free(user);
}

/* ---- AUTHENTICATE ---- */

static void say(struct imap_serve *s, enum auth_verdict verdict, const struct buf *challenge,
                const struct err *err, struct imap_answer *a)
{
    struct slice tag = slice_cstr(s->auth_tag);
    char *user = NULL;
    switch (verdict) {
    case AUTH_CHALLENGE:
        buf_printf(&a->text, "+ %.*s\r\n", SLICE_ARG(buf_slice(challenge)));
        break;
    case AUTH_SUCCESS:
        user = auth_server_user(&s->auth);
        succeed(s, tag, a, user);
        mem_free(user);
        break;
    case AUTH_WRONG:
        fail(s, tag, a, "AUTHENTICATIONFAILED", "User or password is wrong");
        break;
    case AUTH_UNFIT:
        fail(s, tag, a, NULL, err->text[0] ? err->text : "The exchange cannot go on");
        break;
    case AUTH_NOT_EMPTY:
        fail(s, tag, a, NULL, "An empty line was expected");
        break;
    case AUTH_NOT_BASE64:
        iserve_bad(s, tag, a, "That is not base64");
        break;
    case AUTH_CANCELLED:
        iserve_bad(s, tag, a, "The exchange was given up");
        break;
    case AUTH_NOT_OPEN:
    case AUTH_VERDICT__COUNT:
        break;
    }
}

void iserve_authenticate(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    char name[AUTH_SERVER_NAME_OCTETS];
    struct auth_server_with with;
    struct buf challenge;
    struct err err;
    iserve_tag_copy(s->auth_tag, c->tag);
    auth_server_forget(&s->auth);
    auth_with(s, &with);
    err_clear(&err);
    buf_init(&challenge, CHALLENGE_CAP_OCTETS);
    if (!password_allowed(s))
        fail(s, c->tag, a, "PRIVACYREQUIRED", "Say STARTTLS first");
    else if (!auth_server_offers(&with, c->mechanism, name))
        fail(s, c->tag, a, "CANNOT", "This mechanism is not offered; see AUTH= of CAPABILITY");
    else if (!auth_server_begin(&s->auth, &with, name, &err))
        fail(s, c->tag, a, "UNAVAILABLE", err.text);
    else
        say(s, auth_server_first(&s->auth, c->has_initial, c->initial, &challenge, &err),
            &challenge, &err, a);
    buf_deinit(&challenge);
}

void iserve_auth_data(struct imap_serve *s, struct slice line, struct imap_answer *a)
{
    struct buf challenge;
    struct err err;
    if (!s->auth.sasl)
        return;
    err_clear(&err);
    buf_init(&challenge, CHALLENGE_CAP_OCTETS);
    say(s, auth_server_line(&s->auth, line, &challenge, &err), &challenge, &err, a);
    buf_deinit(&challenge);
}
