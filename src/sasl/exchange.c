/* One exchange, either side, on a libgsasl session.
 *
 * The library asks for what it needs by a callback on the session; nothing secret is handed over
 * before it asks. What it keeps of the password is wiped before the session ends; copies it makes
 * for itself while it computes are beyond reach.
 *
 * Traps: the server side of LOGIN in the library prompts with "User Name" and "Password", which
 * some clients do not know, so the prompts are ours. A SCRAM server chooses how often the client
 * hashes: a hostile one could ask for hours of work, hence ITERATIONS_MAX.
 */
#include "sasl_private.h"

#include "base/base64.h"
#include "base/mem.h"
#include "base/vis.h"

#include <gsasl.h>
#include <string.h>

enum {
    STEP_OCTETS_MAX = 65536,  /* one step, either direction */
    ITERATIONS_MAX = 1000000, /* SCRAM: about a second of work */
    EXPORTER_OCTETS = 32,     /* RFC 9266 section 2 */
};

struct sasl {
    const struct sasl_spoken *spoken;
    Gsasl_session *session;
    const struct secret *password; /* client; borrowed */
    char *exporter_base64;         /* NULL: none */
    char *external;                /* server: the identity TLS has proven; NULL: none */
    char *user;                    /* server: proven */
    sasl_lookup_fn lookup;         /* server */
    void *lookup_ctx;
    unsigned steps; /* taken so far */
    bool server;
    bool over;
    bool password_missing; /* the library asked for one that is not there */
};

static int on_property(Gsasl *library, Gsasl_session *session, Gsasl_property property);

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
    gsasl_callback_set(library, on_property);
    return library;
}

static void wipe_cstr(char *text)
{
    if (text != NULL)
        mem_wipe(text, strlen(text));
}

/* The library wants C strings. NULL for one that holds a NUL; wipe and free it after use. */
static char *secret_cstr(const struct secret *s)
{
    struct slice value = secret_slice(s);
    if (slice_find_octet(value, 0) >= 0)
        return NULL;
    char *text = mem_alloc(value.len + 1);
    if (value.len > 0)
        memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    return text;
}

static int give_secret(Gsasl_session *session, Gsasl_property property, const struct secret *s)
{
    char *text = secret_cstr(s);
    if (text == NULL)
        return GSASL_NO_PASSWORD;
    int rc = gsasl_property_set(session, property, text);
    wipe_cstr(text);
    mem_free(text);
    return rc;
}

/* What the server knows of the user named in this exchange; false: no such user. */
static bool server_password(struct sasl *s, struct secret *password_out)
{
    const char *user = gsasl_property_fast(s->session, GSASL_AUTHID);
    return user != NULL && s->lookup != NULL && s->lookup(s->lookup_ctx, user, password_out);
}

static int give_password(struct sasl *s)
{
    if (!s->server) {
        s->password_missing = s->password == NULL || !secret_is_set(s->password);
        return s->password_missing ? GSASL_NO_PASSWORD
                                   : give_secret(s->session, GSASL_PASSWORD, s->password);
    }
    struct secret known;
    secret_init(&known);
    int rc = GSASL_AUTHENTICATION_ERROR;
    if (server_password(s, &known))
        rc = give_secret(s->session, GSASL_PASSWORD, &known);
    else
        s->password_missing = true;
    secret_clear(&known);
    return rc;
}

/* Takes as long for a difference at the first octet as at the last. */
static bool same_in_constant_time(const char *a, const char *b)
{
    size_t a_octets = strlen(a), b_octets = strlen(b);
    unsigned char differs = a_octets != b_octets;
    for (size_t i = 0; i < a_octets; i++)
        differs |= (unsigned char)(a[i] ^ (b_octets > 0 ? b[i % b_octets] : 0));
    return differs == 0;
}

/* Exact octets, or the same after SASLprep (RFC 4616 section 2, RFC 4013). */
static bool same_password(const char *said, const char *known)
{
    if (same_in_constant_time(said, known))
        return true;
    char *said_prepared = NULL, *known_prepared = NULL;
    bool same = gsasl_saslprep(said, GSASL_ALLOW_UNASSIGNED, &said_prepared, NULL) == GSASL_OK &&
                gsasl_saslprep(known, GSASL_ALLOW_UNASSIGNED, &known_prepared, NULL) == GSASL_OK &&
                same_in_constant_time(said_prepared, known_prepared);
    wipe_cstr(said_prepared);
    wipe_cstr(known_prepared);
    gsasl_free(said_prepared);
    gsasl_free(known_prepared);
    return same;
}

/* PLAIN and LOGIN: the password itself has come. */
static int validate_simple(struct sasl *s)
{
    const char *said = gsasl_property_fast(s->session, GSASL_PASSWORD);
    struct secret known;
    secret_init(&known);
    bool good = false;
    if (said != NULL && server_password(s, &known)) {
        char *text = secret_cstr(&known);
        good = text != NULL && same_password(said, text);
        wipe_cstr(text);
        mem_free(text);
    }
    secret_clear(&known);
    return good ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
}

/* EXTERNAL (RFC 4422 appendix A): the identity is the one TLS has proven, or nobody's. */
static int validate_external(struct sasl *s)
{
    const char *authzid = gsasl_property_fast(s->session, GSASL_AUTHZID);
    bool good = s->external != NULL &&
                (authzid == NULL || authzid[0] == '\0' || strcmp(authzid, s->external) == 0);
    return good ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
}

static int validate_anonymous(struct sasl *s)
{
    (void)s;
    return GSASL_OK; /* the token is only a trace: anybody is welcome, or the mechanism is not
                        offered */
}

static int give_exporter(struct sasl *s)
{
    if (s->exporter_base64 == NULL)
        return GSASL_NO_CB_TLS_EXPORTER;
    return gsasl_property_set(s->session, GSASL_CB_TLS_EXPORTER, s->exporter_base64);
}

static int on_property(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
    static const struct {
        Gsasl_property property;
        int (*give)(struct sasl *s);
    } answers[] = {
        {GSASL_PASSWORD, give_password},
        {GSASL_CB_TLS_EXPORTER, give_exporter},
        {GSASL_VALIDATE_SIMPLE, validate_simple},
        {GSASL_VALIDATE_EXTERNAL, validate_external},
        {GSASL_VALIDATE_ANONYMOUS, validate_anonymous},
    };
    (void)library;
    struct sasl *s = gsasl_session_hook_get(session);
    for (size_t i = 0; s != NULL && i < sizeof(answers) / sizeof(answers[0]); i++)
        if (answers[i].property == property)
            return answers[i].give(s);
    return GSASL_NO_CALLBACK;
}

static char *base64_dup(const uint8_t *octets, size_t n_octets)
{
    struct buf text;
    buf_init(&text, n_octets * 2);
    base64_encode(&text, slice_of(octets, n_octets));
    char *copy = mem_strdup(buf_cstr(&text));
    buf_deinit(&text);
    return copy;
}

typedef int (*gsasl_start_fn)(Gsasl *library, const char *mechanism, Gsasl_session **session);

/* A session with its mechanism and channel binding; NULL and *err where either is not there. */
static struct sasl *exchange_new(const char *mechanism, bool server, const uint8_t *tls_exporter,
                                 struct err *err)
{
    const struct sasl_spoken *spoken = sasl_spoken(mechanism);
    char shown[64];
    vis_to_cstr(shown, sizeof(shown), slice_cstr(mechanism));
    if (spoken == NULL) {
        err_set(err, ERR_AUTH, 0, "the mechanism %s is not spoken here", shown);
        return NULL;
    }
    if ((spoken->traits & TRAIT_PLUS) && tls_exporter == NULL) {
        err_set(err, ERR_AUTH, 0, "%s needs a TLS connection to bind to", spoken->name);
        return NULL;
    }
    Gsasl *library = library_get(err);
    if (library == NULL)
        return NULL;
    gsasl_start_fn start = server ? gsasl_server_start : gsasl_client_start;
    Gsasl_session *session = NULL;
    int rc = start(library, spoken->name, &session);
    if (rc != GSASL_OK) {
        err_set(err, ERR_AUTH, rc, "%s does not start: %s", spoken->name, gsasl_strerror(rc));
        return NULL;
    }
    struct sasl *s = mem_zalloc(sizeof(*s));
    s->spoken = spoken;
    s->session = session;
    s->server = server;
    /* Only for -PLUS: the library takes a binding offered to the plain form for a downgrade. */
    if (spoken->traits & TRAIT_PLUS)
        s->exporter_base64 = base64_dup(tls_exporter, EXPORTER_OCTETS);
    gsasl_session_hook_set(session, s);
    return s;
}

static bool text_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

struct sasl *sasl_client_new(const char *mechanism, const struct sasl_credentials *c,
                             struct err *err)
{
    struct sasl *s = exchange_new(mechanism, false, c->tls_exporter, err);
    if (s == NULL)
        return NULL;
    if (!(s->spoken->traits & TRAIT_NO_USER) && !text_given(c->user)) {
        err_set(err, ERR_AUTH, 0, "%s needs a user name", s->spoken->name);
        sasl_free(&s);
        return NULL;
    }
    s->password = c->password;
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
            gsasl_property_set(s->session, known[i].property, known[i].text);
    return s;
}

bool sasl_client_first(const struct sasl *s)
{
    return (s->spoken->traits & TRAIT_CLIENT_FIRST) != 0;
}

struct sasl *sasl_server_new_bound(const char *mechanism, sasl_lookup_fn lookup, void *ctx,
                                   const char *host, const uint8_t *tls_exporter,
                                   const char *external, struct err *err)
{
    struct sasl *s = exchange_new(mechanism, true, tls_exporter, err);
    if (s == NULL)
        return NULL;
    s->lookup = lookup;
    s->lookup_ctx = ctx;
    s->external = mem_strdup(external);
    if (text_given(host)) {
        gsasl_property_set(s->session, GSASL_HOSTNAME, host);
        gsasl_property_set(s->session, GSASL_REALM, host);
    }
    gsasl_property_set(s->session, GSASL_SERVICE, "smtp");
    gsasl_property_set(s->session, GSASL_QOPS, "qop-auth");
    return s;
}

struct sasl *sasl_server_new(const char *mechanism, sasl_lookup_fn lookup, void *ctx,
                             const char *host, struct err *err)
{
    return sasl_server_new_bound(mechanism, lookup, ctx, host, NULL, NULL, err);
}

static bool supported(const char *mechanism, int (*asks)(Gsasl *library, const char *name))
{
    const struct sasl_spoken *spoken = sasl_spoken(mechanism);
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
    unsigned tolerant = TRAIT_CLIENT_FIRST | TRAIT_SERVER_PROMPTS;
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
    const char *user = gsasl_property_fast(s->session, GSASL_AUTHID);
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

/* What the library holds of the credentials is its own memory, handed out as const: wiping it
 * before the session frees it is the one way to leave nothing behind. */
static void session_wipe(Gsasl_session *session)
{
    static const Gsasl_property secrets[] = {
        GSASL_PASSWORD,        GSASL_SCRAM_SALTED_PASSWORD, GSASL_SCRAM_SERVERKEY,
        GSASL_SCRAM_STOREDKEY, GSASL_CB_TLS_EXPORTER,
    };
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        wipe_cstr((char *)(uintptr_t)gsasl_property_fast(session, secrets[i]));
}

void sasl_free(struct sasl **s)
{
    struct sasl *dead = *s;
    *s = NULL;
    if (dead == NULL)
        return;
    session_wipe(dead->session);
    gsasl_finish(dead->session);
    wipe_cstr(dead->exporter_base64);
    mem_free(dead->exporter_base64);
    mem_free(dead->external);
    mem_free(dead->user);
    mem_free(dead);
}
