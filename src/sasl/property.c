/* What the library asks for while an exchange runs: passwords, channel bindings, verdicts. Nothing
 * secret is handed over before it asks. */
#include "sasl_private.h"

#include "base/base64.h"
#include "base/mem.h"

#include <string.h>

void sasl_wipe_cstr(char *text)
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
    sasl_wipe_cstr(text);
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
    sasl_wipe_cstr(said_prepared);
    sasl_wipe_cstr(known_prepared);
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
        sasl_wipe_cstr(text);
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

static int give_binding(struct sasl *s, Gsasl_property property, struct slice octets, int none)
{
    if (octets.len == 0)
        return none;
    struct buf text;
    buf_init(&text, 4 * sizeof(s->channel));
    base64_encode(&text, octets);
    int rc = gsasl_property_set(s->session, property, buf_cstr(&text));
    mem_wipe(text.ptr, text.len);
    buf_deinit(&text);
    return rc;
}

static int give_exporter(struct sasl *s)
{
    size_t octets = s->channel.has_exporter ? sizeof(s->channel.exporter) : 0;
    return give_binding(s, GSASL_CB_TLS_EXPORTER, slice_of(s->channel.exporter, octets),
                        GSASL_NO_CB_TLS_EXPORTER);
}

static int give_unique(struct sasl *s)
{
    return give_binding(s, GSASL_CB_TLS_UNIQUE,
                        slice_of(s->channel.unique, s->channel.unique_octets),
                        GSASL_NO_CB_TLS_UNIQUE);
}

/* GSSAPI (RFC 4752): the ticket's name is the identity, and nobody acts for somebody else. */
static int validate_gssapi(struct sasl *s)
{
    const char *name = gsasl_property_fast(s->session, GSASL_GSSAPI_DISPLAY_NAME);
    const char *authzid = gsasl_property_fast(s->session, GSASL_AUTHZID);
    bool good =
        name != NULL && (authzid == NULL || authzid[0] == '\0' || strcmp(authzid, name) == 0);
    return good ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
}

int sasl_on_property(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
    static const struct {
        Gsasl_property property;
        int (*give)(struct sasl *s);
    } answers[] = {
        {GSASL_PASSWORD, give_password},
        {GSASL_CB_TLS_EXPORTER, give_exporter},
        {GSASL_CB_TLS_UNIQUE, give_unique},
        {GSASL_VALIDATE_SIMPLE, validate_simple},
        {GSASL_VALIDATE_EXTERNAL, validate_external},
        {GSASL_VALIDATE_GSSAPI, validate_gssapi},
        {GSASL_VALIDATE_ANONYMOUS, validate_anonymous},
    };
    (void)library;
    struct sasl *s = gsasl_session_hook_get(session);
    for (size_t i = 0; s != NULL && i < sizeof(answers) / sizeof(answers[0]); i++)
        if (answers[i].property == property)
            return answers[i].give(s);
    return GSASL_NO_CALLBACK;
}
