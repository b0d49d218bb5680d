/* Logging in: USER and PASS, APOP, AUTH (RFC 5034). */
#include "engine/pop3_serve_private.h"

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

static void auth_with(const struct pop3_serve *s, struct auth_server_with *out)
{
    const struct pop3_policy *p = s->policy;
    *out = (struct auth_server_with){.mechanisms = s->options->mechanisms,
                                     .lookup = p->password,
                                     .token = p->token,
                                     .channel = p->channel,
                                     .external = p->external,
                                     .ctx = s->policy_ctx,
                                     .service = "pop",
                                     .host = s->options->name,
                                     .tls = pop3_track_tls(s->track),
                                     .hide_secrets = !pserve_login_shows_ok(s)};
}

void pserve_mechanisms(const struct pop3_serve *s, struct buf *out)
{
    struct auth_server_with with;
    auth_with(s, &with);
    auth_server_offer(&with, " ", out);
}

static const char *const refusals[AUTH_VERDICT__COUNT] = {
    [AUTH_WRONG] = "[AUTH] Name or password are wrong",
    [AUTH_UNFIT] = "The step does not fit the mechanism",
    [AUTH_NOT_BASE64] = "That is not base64",
    [AUTH_CANCELLED] = "Given up",
    [AUTH_NOT_EMPTY] = "An empty line was expected",
    [AUTH_NOT_OPEN] = "No AUTH exchange is under way",
};

static void say(struct pop3_serve *s, enum auth_verdict verdict, const struct buf *challenge,
                struct pop3_answer *a)
{
    if (verdict == AUTH_CHALLENGE) {
        buf_printf(&a->text, "+ %.*s\r\n", SLICE_ARG(buf_slice(challenge)));
    } else if (verdict == AUTH_SUCCESS) {
        char *name = auth_server_user(&s->auth);
        log_in(s, name, a);
        mem_free(name);
    } else {
        pserve_refuse(s, a, refusals[verdict]);
    }
}

/* AUTH alone: the list, as clients before RFC 2449 asked for it. */
static void list_mechanisms(const struct pop3_serve *s, struct pop3_answer *a)
{
    struct buf list;
    buf_init(&list, AUTH_SERVER_LIST_OCTETS);
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
    char mechanism[AUTH_SERVER_NAME_OCTETS];
    struct auth_server_with with;
    struct buf challenge;
    struct err err;
    bool has_initial = c->n_args > 1;
    err_clear(&err);
    buf_init(&challenge, POP3_CAP_LINE_OCTETS);
    auth_server_forget(&s->auth);
    auth_with(s, &with);
    if (!s->options->mechanisms)
        pserve_refuse(s, a, "AUTH is not offered here");
    else if (c->n_args == 0)
        list_mechanisms(s, a);
    else if (!auth_server_offers(&with, c->arg[0], mechanism))
        pserve_refuse(s, a, "This mechanism is not offered");
    else if (!auth_server_begin(&s->auth, &with, mechanism, &err))
        pserve_refuse(s, a, "[SYS/TEMP] This mechanism cannot be had now");
    else
        say(s,
            auth_server_first(&s->auth, has_initial, has_initial ? c->arg[1] : slice_of(NULL, 0),
                              &challenge, &err),
            &challenge, a);
    buf_deinit(&challenge);
}

void pserve_auth_data(struct pop3_serve *s, struct slice line, struct pop3_answer *a)
{
    struct buf challenge;
    struct err err;
    if (line.len + 2 > POP3_AUTH_LINE_MAX_OCTETS) {
        auth_server_forget(&s->auth);
        pserve_refuse(s, a, "The line is too long");
        return;
    }
    err_clear(&err);
    buf_init(&challenge, POP3_CAP_LINE_OCTETS);
    say(s, auth_server_line(&s->auth, line, &challenge, &err), &challenge, a);
    buf_deinit(&challenge);
}
