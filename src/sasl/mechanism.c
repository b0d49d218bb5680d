/* The mechanisms as facts (mechanisms.tsv) and the ones this program speaks. */
#include "sasl_private.h"

static const struct sasl_mechanism mechanisms[] = {
#include "sasl/mechanisms.inc"
};

#define MECHANISM_COUNT (sizeof(mechanisms) / sizeof(mechanisms[0]))

enum {
    SECRETLY = SASL_WANTS_USER | SASL_WANTS_PASSWORD,
    OPENLY = SECRETLY | SASL_SHOWS_SECRET,
    SCRAM = SECRETLY | SASL_CLIENT_FIRST | SASL_PROVES_SERVER | TRAIT_SCRAM,
    TOKEN = SASL_WANTS_TOKEN | SASL_CLIENT_FIRST | SASL_SHOWS_SECRET,
};

/* EXTERNAL and ANONYMOUS prove nothing by themselves: whoever offers them as a server decides what
 * they are worth. GSSAPI takes its ticket from the system. What the library was built without, it
 * does not support. */
static const struct sasl_spoken spoken[] = {
    {"PLAIN", OPENLY | SASL_CLIENT_FIRST, NULL},
    {"LOGIN", OPENLY | TRAIT_SERVER_PROMPTS, NULL},
    {"CRAM-MD5", SECRETLY, NULL},
    {"DIGEST-MD5", SECRETLY | SASL_PROVES_SERVER, NULL},
    {"SCRAM-SHA-1", SCRAM, NULL},
    {"SCRAM-SHA-1-PLUS", SCRAM | SASL_WANTS_CHANNEL, NULL},
    {"SCRAM-SHA-256", SCRAM, NULL},
    {"SCRAM-SHA-256-PLUS", SCRAM | SASL_WANTS_CHANNEL, NULL},
    {"XOAUTH2", TOKEN | SASL_WANTS_USER, &sasl_xoauth2},
    {"OAUTHBEARER", TOKEN, &sasl_oauthbearer},
    {"ANONYMOUS", SASL_CLIENT_FIRST | TRAIT_NO_USER, NULL},
    {"EXTERNAL", SASL_CLIENT_FIRST | SASL_WANTS_CERTIFICATE | TRAIT_NO_USER, NULL},
    {"NTLM", SECRETLY | SASL_CLIENT_FIRST, NULL},
    {"GSSAPI", SASL_CLIENT_FIRST | SASL_PROVES_SERVER, NULL},
};

const struct sasl_mechanism *sasl_mechanism(struct slice name)
{
    for (size_t i = 0; i < MECHANISM_COUNT; i++)
        if (slice_eq_nocase(name, slice_cstr(mechanisms[i].name)))
            return &mechanisms[i];
    return NULL;
}

const struct sasl_mechanism *sasl_mechanism_at(size_t index)
{
    return index < MECHANISM_COUNT ? &mechanisms[index] : NULL;
}

const struct sasl_spoken *sasl_spoken(const char *mechanism)
{
    struct slice name = slice_cstr(mechanism);
    for (size_t i = 0; i < sizeof(spoken) / sizeof(spoken[0]); i++)
        if (slice_eq_nocase(name, slice_cstr(spoken[i].name)))
            return &spoken[i];
    return NULL;
}

unsigned sasl_traits(const char *mechanism)
{
    const struct sasl_spoken *s = sasl_spoken(mechanism);
    return s ? s->traits & 0xffff : 0;
}
