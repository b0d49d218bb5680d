/* One exchange, either side, on a libgsasl session or a mechanism done here (oauth.c).
 *
 * The library asks for what it needs by a callback on the session (property.c). What it keeps of
 * the password is wiped before the session ends; copies it makes for itself while it computes are
 * beyond reach.
 *
 * Traps: the server side of LOGIN in the library prompts with "User Name" and "Password", which
 * some clients do not know, so the prompts are ours. A SCRAM server chooses how often the client
 * hashes: a hostile one could ask for hours of work, hence ITERATIONS_MAX.
 */
#include "sasl_private.h"

#include "base/mem.h"
#include "base/vis.h"

#include <string.h>

enum {
    STEP_OCTETS_MAX = 65536,  /* one step, either direction */
    ITERATIONS_MAX = 1000000, /* SCRAM: about a second of work */
};

/* The library's context, made at the first exchange and kept for the life of the program. */
static Gsasl *library_get(struct err *err)
{
    static Gsasl *library;
    if (library != NULL)
        return library;
    int rc = gsasl_init(&library);
    if (rc != GSASL_OK) {
        library = NULL;
        err_set(err, ERR_AUTH, rc, "the SASL library does not start: %s", gsasl_strerror(rc));
        return NULL;
    }
    gsasl_callback_set(library, sasl_on_property);
    return library;
}

typedef int (*gsasl_start_fn)(Gsasl *library, const char *mechanism, Gsasl_session **session);

static bool session_start(struct sasl *s, struct err *err)
{
    Gsasl *library = library_get(err);
    if (library == NULL)
        return false;
    gsasl_start_fn start = s->server ? gsasl_server_start : gsasl_client_start;
    int rc = start(library, s->spoken->name, &s->session);
    if (rc != GSASL_OK) {
        s->session = NULL;
        err_set(err, ERR_AUTH, rc, "%s does not start: %s", s->spoken->name, gsasl_strerror(rc));
        return false;
    }
    gsasl_session_hook_set(s->session, s);
    return true;
}

static bool channel_known(const struct sasl_channel *channel)
{
    return channel != NULL && (channel->has_exporter || channel->unique_octets > 0);
}

/* An exchange with its mechanism and channel binding; NULL and *err where either is not there. */
static struct sasl *exchange_new(const char *mechanism, bool server,
                                 const struct sasl_channel *channel, struct err *err)
{
    const struct sasl_spoken *spoken = sasl_spoken(mechanism);
    char shown[64];
    vis_to_cstr(shown, sizeof(shown), slice_cstr(mechanism));
    if (spoken == NULL) {
        err_set(err, ERR_AUTH, 0, "the mechanism %s is not spoken here", shown);
        return NULL;
    }
    if ((spoken->traits & SASL_WANTS_CHANNEL) && !channel_known(channel)) {
        err_set(err, ERR_AUTH, 0, "%s needs a TLS connection to bind to", spoken->name);
        return NULL;
    }
    struct sasl *s = mem_zalloc(sizeof(*s));
    s->spoken = spoken;
    s->server = server;
    buf_init(&s->reason, STEP_OCTETS_MAX);
    /* Only for -PLUS: the library takes a binding offered to the plain form for a downgrade. */
    if (spoken->traits & SASL_WANTS_CHANNEL) {
        s->channel = *channel;
        BUG_IF(channel->unique_octets > sizeof(channel->unique));
    }
    if (spoken->own == NULL && !session_start(s, err))
        sasl_free(&s);
    return s;
}

static bool text_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static void properties_set(Gsasl_session *session, const struct sasl_credentials *c)
{
    const struct {
        Gsasl_property property;
        const char *text;
    } known[] = {
        {GSASL_AUTHID, c->user},
        {GSASL_AUTHZID, text_given(c->authzid) ? c->authzid : NULL},
        {GSASL_SERVICE, text_given(c->service) ? c->service : "smtp"},
        {GSASL_HOSTNAME, text_given(c->host) ? c->host : "localhost"},
        {GSASL_ANONYMOUS_TOKEN, text_given(c->user) ? c->user : "anonymous"},
        {GSASL_QOP, "qop-auth"}, /* no security layer: TLS is there for that */
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].text != NULL)
            gsasl_property_set(session, known[i].property, known[i].text);
}

struct sasl *sasl_client_new(const char *mechanism, const struct sasl_credentials *c,
                             struct err *err)
{
    struct sasl *s = exchange_new(mechanism, false, c->channel, err);
    if (s == NULL)
        return NULL;
    if ((s->spoken->traits & SASL_WANTS_USER) && !text_given(c->user)) {
        err_set(err, ERR_AUTH, 0, "%s needs a user name", s->spoken->name);
        sasl_free(&s);
        return NULL;
    }
    s->password = c->password;
    s->token = c->token;
    if (s->session != NULL) {
        properties_set(s->session, c);
        return s;
    }
    s->named = mem_strdup(text_given(c->user) ? c->user : NULL);
    s->authzid = mem_strdup(text_given(c->authzid) ? c->authzid : NULL);
    s->host = mem_strdup(text_given(c->host) ? c->host : NULL);
    s->port = c->port;
    return s;
}

bool sasl_client_first(const struct sasl *s)
{
    return (s->spoken->traits & SASL_CLIENT_FIRST) != 0;
}

struct sasl *sasl_server_open(const char *mechanism, const struct sasl_server_options *o,
                              struct err *err)
{
    struct sasl *s = exchange_new(mechanism, true, o->channel, err);
    if (s == NULL)
        return NULL;
    s->lookup = o->lookup;
    s->check_token = o->token;
    s->lookup_ctx = o->ctx;
    s->external = mem_strdup(o->external);
    if (s->session == NULL)
        return s;
    if (text_given(o->host)) {
        gsasl_property_set(s->session, GSASL_HOSTNAME, o->host);
        gsasl_property_set(s->session, GSASL_REALM, o->host);
    }
    gsasl_property_set(s->session, GSASL_SERVICE, text_given(o->service) ? o->service : "smtp");
    gsasl_property_set(s->session, GSASL_QOPS, "qop-auth");
    return s;
}

struct sasl *sasl_server_new(const char *mechanism, sasl_lookup_fn lookup, void *ctx,
                             const char *host, struct err *err)
{
    const struct sasl_server_options o = {.lookup = lookup, .ctx = ctx, .host = host};
    return sasl_server_open(mechanism, &o, err);
}

static bool supported(const char *mechanism, int (*asks)(Gsasl *library, const char *name))
{
    const struct sasl_spoken *spoken = sasl_spoken(mechanism);
    if (spoken != NULL && spoken->own != NULL)
        return true;
    Gsasl *library = spoken == NULL ? NULL : library_get(NULL);
    return library != NULL && asks(library, spoken->name) != 0;
}

bool sasl_client_supported(const char *mechanism)
{
    return supported(mechanism, gsasl_client_support_p);
}

bool sasl_server_supported(const char *mechanism)
{
    return supported(mechanism, gsasl_server_support_p);
}

/* One call of the library. Its output, wiped and freed here, is appended to out unless out is NULL.
 */
static int library_step(struct sasl *s, struct slice in, struct buf *out)
{
    char *input = mem_alloc(in.len + 1); /* with a NUL behind: the library is careless about it */
    if (in.len > 0)
        memcpy(input, in.ptr, in.len);
    input[in.len] = '\0';
    char *output = NULL;
    size_t output_octets = 0;
    int rc = gsasl_step(s->session, input, in.len, &output, &output_octets);
    mem_wipe(input, in.len);
    mem_free(input);
    if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
        return rc; /* output is not set then */
    if (out != NULL && !buf_append(out, slice_of(output, output_octets)))
        rc = GSASL_MALLOC_ERROR;
    if (output != NULL)
        mem_wipe(output, output_octets);
    gsasl_free(output);
    return rc;
}

/* LOGIN on the server with the prompts that all clients know. A user name that comes with AUTH
 * itself answers the first prompt before it is asked. */
static int login_server_step(struct sasl *s, struct slice in, struct buf *out)
{
    static const char *const prompts[] = {"Username:", "Password:"};
    int rc = GSASL_OK;
    if (s->steps == 1) {
        rc = library_step(s, slice_of(NULL, 0), NULL);
        if (rc == GSASL_NEEDS_MORE && in.len == 0) {
            buf_append_cstr(out, prompts[0]);
            return rc;
        }
        s->steps = 2;
    }
    rc = library_step(s, in, NULL);
    if (rc == GSASL_NEEDS_MORE)
        buf_append_cstr(out, prompts[1]);
    return rc;
}

/* How many times the client is told to hash (RFC 5802 section 5.1, attribute i); 0: not said.
 * Digits beyond 18 do not count further: it is above any limit by then. */
static uint64_t scram_iterations(struct slice in)
{
    ptrdiff_t at = slice_find(in, SLICE_LIT(",i="));
    if (at < 0)
        return 0;
    struct slice rest = slice_skip(in, (size_t)at + 3);
    uint64_t n = 0;
    for (size_t i = 0; i < rest.len && i < 18 && rest.ptr[i] >= '0' && rest.ptr[i] <= '9'; i++)
        n = n * 10 + (uint64_t)(rest.ptr[i] - '0');
    return n;
}

/* Rules that do not depend on the library. False: *err says which was broken. */
static bool step_allowed(const struct sasl *s, struct slice in, struct err *err)
{
    const char *name = s->spoken->name;
    if (s->over) {
        err_set(err, ERR_AUTH, 0, "the %s exchange is over already", name);
        return false;
    }
    if (in.len > STEP_OCTETS_MAX) {
        err_set(err, ERR_LIMIT, 0, "a SASL step may have %d octets, this has %zu", STEP_OCTETS_MAX,
                in.len);
        return false;
    }
    unsigned tolerant = SASL_CLIENT_FIRST | TRAIT_SERVER_PROMPTS;
    if (s->server && s->steps == 1 && in.len > 0 && !(s->spoken->traits & tolerant)) {
        err_set(err, ERR_AUTH, 0, "%s has no initial response: the server speaks first", name);
        return false;
    }
    if (!s->server && (s->spoken->traits & TRAIT_SCRAM) && s->steps == 2 &&
        scram_iterations(in) > ITERATIONS_MAX) {
        err_set(err, ERR_LIMIT, 0, "the server asks for more than %d rounds of hashing",
                ITERATIONS_MAX);
        err_explain(err, "so much work would keep this program busy for a long time",
                    "a sound server asks for 4096 to 600000 rounds");
        return false;
    }
    return true;
}

/* Nobody may act for somebody else here (RFC 4422 section 3.4.1): another authorization identity
 * than the one proven is refused. False: refused. */
static bool server_settle_user(struct sasl *s)
{
    if (s->spoken->traits & TRAIT_NO_USER) {
        s->user = mem_strdup(s->external != NULL && strcmp(s->spoken->name, "EXTERNAL") == 0
                                 ? s->external
                                 : "anonymous");
        return true;
    }
    bool ticket = strcmp(s->spoken->name, "GSSAPI") == 0;
    const char *user =
        gsasl_property_fast(s->session, ticket ? GSASL_GSSAPI_DISPLAY_NAME : GSASL_AUTHID);
    const char *authzid = gsasl_property_fast(s->session, GSASL_AUTHZID);
    if (user == NULL || (text_given(authzid) && strcmp(authzid, user) != 0))
        return false;
    s->user = mem_strdup(user);
    return true;
}

static bool is_refusal(const struct sasl *s, int rc)
{
    return rc == GSASL_AUTHENTICATION_ERROR || (s->server && s->password_missing);
}

static enum sasl_result step_failed(struct sasl *s, int rc, struct buf *out, struct err *err)
{
    buf_reset(out);
    s->over = true;
    if (is_refusal(s, rc))
        return SASL_REFUSED;
    if (s->password_missing)
        err_set(err, ERR_AUTH, rc, "%s needs a password and none is set", s->spoken->name);
    else
        err_set(err, ERR_AUTH, rc, "step %u of %s failed: %s", s->steps, s->spoken->name,
                gsasl_strerror(rc));
    return SASL_FAILED;
}

static int server_step(struct sasl *s, struct slice in, struct buf *out)
{
    if (s->spoken->traits & TRAIT_SERVER_PROMPTS)
        return login_server_step(s, in, out);
    /* EXTERNAL and ANONYMOUS: an empty response is an answer, no response at all asks for one. The
     * library knows no difference and takes an empty trace for an error (RFC 4505 allows it). */
    if (s->spoken->traits & TRAIT_NO_USER && in.len == 0) {
        if (s->steps == 1 && in.ptr == NULL)
            return GSASL_NEEDS_MORE;
        return strcmp(s->spoken->name, "EXTERNAL") == 0 ? library_step(s, in, out) : GSASL_OK;
    }
    return library_step(s, in, out);
}

enum sasl_result sasl_step(struct sasl *s, struct slice in, struct buf *out, struct err *err)
{
    buf_reset(out);
    s->steps++;
    if (!step_allowed(s, in, err)) {
        s->over = true;
        return SASL_FAILED;
    }
    if (s->spoken->own != NULL) {
        enum sasl_result r = s->server ? s->spoken->own->server(s, in, out, err)
                                       : s->spoken->own->client(s, in, out, err);
        s->over = r != SASL_CONTINUE;
        return r;
    }
    int rc = s->server ? server_step(s, in, out) : library_step(s, in, out);
    if (rc == GSASL_NEEDS_MORE)
        return SASL_CONTINUE;
    if (rc == GSASL_OK && s->server && !server_settle_user(s))
        rc = GSASL_AUTHENTICATION_ERROR;
    if (rc != GSASL_OK)
        return step_failed(s, rc, out, err);
    s->over = true;
    return SASL_DONE;
}

const char *sasl_user(const struct sasl *s)
{
    return s->user;
}

struct slice sasl_server_reason(const struct sasl *s)
{
    return buf_slice(&s->reason);
}

/* What the library holds of the credentials is its own memory, handed out as const: wiping it
 * before the session frees it is the one way to leave nothing behind. */
static void session_wipe(Gsasl_session *session)
{
    static const Gsasl_property secrets[] = {
        GSASL_PASSWORD,        GSASL_SCRAM_SALTED_PASSWORD, GSASL_SCRAM_SERVERKEY,
        GSASL_SCRAM_STOREDKEY, GSASL_CB_TLS_EXPORTER,       GSASL_CB_TLS_UNIQUE,
    };
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        sasl_wipe_cstr((char *)(uintptr_t)gsasl_property_fast(session, secrets[i]));
}

void sasl_free(struct sasl **s)
{
    struct sasl *dead = *s;
    *s = NULL;
    if (dead == NULL)
        return;
    if (dead->session != NULL) {
        session_wipe(dead->session);
        gsasl_finish(dead->session);
    }
    mem_wipe(&dead->channel, sizeof(dead->channel));
    buf_deinit(&dead->reason);
    mem_free(dead->named);
    mem_free(dead->authzid);
    mem_free(dead->host);
    mem_free(dead->external);
    mem_free(dead->user);
    mem_free(dead);
}
