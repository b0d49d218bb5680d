/* Logging in, on the server's side: LOGIN, and AUTHENTICATE as lines around a SASL exchange
 * (RFC 9051 sections 6.2.2, 6.2.3; RFC 4959). And what the server offers, which depends on it. */
#include "engine/imap_serve_private.h"

#include "base/base64.h"
#include "base/mem.h"
#include "sasl/sasl.h"

enum { MECHANISM_OCTETS = 32, STEP_CAP_OCTETS = 12288 };

/* A name of the list that can be had on this connection: -PLUS needs TLS and what it knows,
 * EXTERNAL a certificate that TLS has checked, a token somebody to ask. */
static bool copy_offered(const struct imap_serve *s, struct slice word, char *name_out)
{
    if (word.len >= MECHANISM_OCTETS)
        return false;
    for (size_t i = 0; i < word.len; i++)
        name_out[i] = (char)word.ptr[i];
    name_out[word.len] = '\0';
    unsigned traits = sasl_traits(name_out);
    const struct imap_policy *p = s->policy;
    if ((traits & SASL_WANTS_CHANNEL) && !(imap_track_tls(s->track) && p->channel))
        return false;
    if ((traits & SASL_WANTS_CERTIFICATE) && !(p->external && p->external(s->policy_ctx)))
        return false;
    return !(traits & SASL_WANTS_TOKEN) || p->token;
}

static bool password_allowed(const struct imap_serve *s)
{
    return imap_track_tls(s->track) || s->options->login_in_clear;
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
    struct slice list = slice_cstr(s->options->mechanisms);
    for (struct slice w = slice_next_word(&list); w.len > 0; w = slice_next_word(&list)) {
        char name[MECHANISM_OCTETS];
        if (copy_offered(s, w, name))
            buf_printf(out, " AUTH=%s", name);
    }
}

void iserve_auth_forget(struct imap_serve *s)
{
    sasl_free(&s->sasl);
    s->auth_proven = false;
}

static void fail(struct imap_serve *s, struct slice tag, struct imap_answer *a, const char *code,
                 const char *text)
{
    iserve_auth_forget(s);
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
    iserve_auth_forget(s);
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

static bool find_mechanism(const struct imap_serve *s, struct slice want, char *name_out)
{
    struct slice list = slice_cstr(s->options->mechanisms);
    for (struct slice w = slice_next_word(&list); w.len > 0; w = slice_next_word(&list)) {
        if (slice_eq_nocase(w, want) && copy_offered(s, w, name_out))
            return true;
    }
    return false;
}

/* A server's proof that comes with success goes out as a last challenge, which the client answers
 * with an empty line (RFC 9051 section 6.2.2). */
static void say_challenge(struct imap_answer *a, const struct buf *out)
{
    buf_append_cstr(&a->text, "+ ");
    base64_encode(&a->text, buf_slice(out));
    buf_append_cstr(&a->text, "\r\n");
}

static void step(struct imap_serve *s, struct slice octets, struct imap_answer *a)
{
    struct buf out;
    struct err err;
    struct slice tag = slice_cstr(s->auth_tag);
    buf_init(&out, STEP_CAP_OCTETS);
    err_clear(&err);
    switch (sasl_step(s->sasl, octets, &out, &err)) {
    case SASL_CONTINUE:
        say_challenge(a, &out);
        break;
    case SASL_DONE:
        s->auth_proven = out.len > 0;
        if (s->auth_proven) {
            say_challenge(a, &out);
        } else {
            const char *proven = sasl_user(s->sasl);
            char *user = mem_strdup(proven ? proven : "");
            succeed(s, tag, a, user);
            mem_free(user);
        }
        break;
    case SASL_REFUSED:
        fail(s, tag, a, "AUTHENTICATIONFAILED", "User or password is wrong");
        break;
    case SASL_FAILED:
        fail(s, tag, a, NULL, err.text[0] ? err.text : "The exchange cannot go on");
        break;
    }
    if (out.ptr)
        mem_wipe(out.ptr, out.len);
    buf_deinit(&out);
}

/* A base64 line of the client into a step; "=" is an empty response that is there. */
static void step_base64(struct imap_serve *s, struct slice line, bool initial,
                        struct imap_answer *a)
{
    struct buf octets;
    buf_init(&octets, STEP_CAP_OCTETS);
    buf_room(&octets, line.len + 1); /* in one place; and never NULL: a response came */
    bool empty = initial && slice_eq(line, SLICE_LIT("="));
    if (!empty && !base64_decode(&octets, line)) {
        iserve_auth_forget(s);
        iserve_bad(s, slice_cstr(s->auth_tag), a, "That is not base64");
    } else {
        struct slice in = buf_slice(&octets);
        if (!in.ptr)
            in = SLICE_LIT("");
        step(s, in, a);
    }
    if (octets.ptr)
        mem_wipe(octets.ptr, octets.len);
    buf_deinit(&octets);
}

static struct sasl *exchange_new(struct imap_serve *s, const char *mechanism, struct err *err)
{
    const struct imap_policy *p = s->policy;
    struct sasl_channel channel = {0};
    struct sasl_server_options o = {.lookup = p->password,
                                    .token = p->token,
                                    .ctx = s->policy_ctx,
                                    .service = "imap",
                                    .host = s->options->name};
    if (p->channel && p->channel(s->policy_ctx, &channel))
        o.channel = &channel;
    if (p->external)
        o.external = p->external(s->policy_ctx);
    struct sasl *sasl = sasl_server_open(mechanism, &o, err);
    mem_wipe(&channel, sizeof(channel));
    return sasl;
}

void iserve_authenticate(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    char name[MECHANISM_OCTETS];
    struct err err;
    iserve_tag_copy(s->auth_tag, c->tag);
    iserve_auth_forget(s);
    if (!password_allowed(s)) {
        fail(s, c->tag, a, "PRIVACYREQUIRED", "Say STARTTLS first");
        return;
    }
    if (!find_mechanism(s, c->mechanism, name)) {
        fail(s, c->tag, a, "CANNOT", "This mechanism is not offered; see AUTH= of CAPABILITY");
        return;
    }
    err_clear(&err);
    s->sasl = exchange_new(s, name, &err);
    if (!s->sasl) {
        fail(s, c->tag, a, "UNAVAILABLE", err.text);
        return;
    }
    if (c->has_initial)
        step_base64(s, c->initial, true, a);
    else
        step(s, slice_of(NULL, 0), a);
}

void iserve_auth_data(struct imap_serve *s, struct slice line, struct imap_answer *a)
{
    if (!s->sasl)
        return;
    if (slice_eq(line, SLICE_LIT("*"))) {
        iserve_auth_forget(s);
        iserve_bad(s, slice_cstr(s->auth_tag), a, "The exchange was given up");
        return;
    }
    if (s->auth_proven) {
        const char *proven = sasl_user(s->sasl);
        char *user = mem_strdup(proven ? proven : "");
        succeed(s, slice_cstr(s->auth_tag), a, user);
        mem_free(user);
        return;
    }
    step_base64(s, line, false, a);
}
