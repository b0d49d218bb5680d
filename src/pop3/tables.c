/* Looking things up in the knowledge tables (the .tsv files beside this one). */
#include "pop3/tables.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct pop3_capability capabilities[] = {
#include "pop3/capabilities.inc"
};
static const struct pop3_code_info codes[] = {
#include "pop3/response-codes.inc"
};

const struct pop3_capability *pop3_capability_at(size_t index)
{
    return index < COUNT(capabilities) ? &capabilities[index] : NULL;
}

const struct pop3_capability *pop3_capability_by_name(struct slice name)
{
    for (size_t i = 0; i < COUNT(capabilities); i++)
        if (slice_eq_nocase(name, slice_cstr(capabilities[i].name)))
            return &capabilities[i];
    return NULL;
}

const struct pop3_code_info *pop3_code_at(size_t index)
{
    return index < COUNT(codes) ? &codes[index] : NULL;
}

const struct pop3_code_info *pop3_code_by_name(struct slice name)
{
    for (size_t i = 0; i < COUNT(codes); i++)
        if (slice_eq_nocase(name, slice_cstr(codes[i].name)))
            return &codes[i];
    return NULL;
}
