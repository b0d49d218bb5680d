/* The mechanisms as facts (mechanisms.tsv) and the ones this program speaks. */
#include "sasl_private.h"

static const struct sasl_mechanism mechanisms[] = {
#include "sasl/mechanisms.inc"
};

#define MECHANISM_COUNT (sizeof(mechanisms) / sizeof(mechanisms[0]))

/* EXTERNAL and ANONYMOUS prove nothing by themselves: whoever offers them as a server decides what
 * they are worth. GSSAPI and NTLM are left out on purpose: they need a ticket cache or a domain. */
static const struct sasl_spoken spoken[] = {
    {"PLAIN", TRAIT_CLIENT_FIRST},
    {"LOGIN", TRAIT_SERVER_PROMPTS},
    {"CRAM-MD5", 0},
    {"DIGEST-MD5", 0},
    {"SCRAM-SHA-1", TRAIT_CLIENT_FIRST | TRAIT_SCRAM},
    {"SCRAM-SHA-1-PLUS", TRAIT_CLIENT_FIRST | TRAIT_SCRAM | TRAIT_PLUS},
    {"SCRAM-SHA-256", TRAIT_CLIENT_FIRST | TRAIT_SCRAM},
    {"SCRAM-SHA-256-PLUS", TRAIT_CLIENT_FIRST | TRAIT_SCRAM | TRAIT_PLUS},
    {"ANONYMOUS", TRAIT_CLIENT_FIRST | TRAIT_NO_USER | TRAIT_NO_PASSWORD},
    {"EXTERNAL", TRAIT_CLIENT_FIRST | TRAIT_NO_USER | TRAIT_NO_PASSWORD},
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
