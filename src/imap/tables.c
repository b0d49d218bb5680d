/* Looking things up in the knowledge tables (the .tsv files beside this one). */
#include "imap/tables.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct imap_capability capabilities[] = {
#include "imap/capabilities.inc"
};
static const struct imap_code_info codes[] = {
#include "imap/response-codes.inc"
};
static const struct imap_data_info data[] = {
#include "imap/data.inc"
};

const struct imap_capability *imap_capability_at(size_t index)
{
    return index < COUNT(capabilities) ? &capabilities[index] : NULL;
}

/* A row that ends in "=" or "-" behind one stands for a family: AUTH=, QUOTA=RES-. */
const struct imap_capability *imap_capability_by_name(struct slice name)
{
    for (size_t i = 0; i < COUNT(capabilities); i++) {
        struct slice row = slice_cstr(capabilities[i].name);
        bool exact = slice_eq_nocase(name, row);
        bool family = row.ptr[row.len - 1] == '=' ||
                      (row.ptr[row.len - 1] == '-' && slice_find_octet(row, '=') > 0);
        if (exact || (family && slice_starts_nocase(name, row)))
            return &capabilities[i];
    }
    /* "APPENDLIMIT=35651584": a value behind a name that may stand alone. */
    ptrdiff_t equals = slice_find_octet(name, '=');
    return equals > 0 ? imap_capability_by_name(slice_take(name, (size_t)equals)) : NULL;
}

const struct imap_code_info *imap_code_at(size_t index)
{
    return index < COUNT(codes) ? &codes[index] : NULL;
}

const struct imap_code_info *imap_code_by_name(struct slice name)
{
    for (size_t i = 0; i < COUNT(codes); i++)
        if (slice_eq_nocase(name, slice_cstr(codes[i].name)))
            return &codes[i];
    return NULL;
}

const struct imap_data_info *imap_data_at(size_t index)
{
    return index < COUNT(data) ? &data[index] : NULL;
}

const struct imap_data_info *imap_data_by_name(struct slice name)
{
    for (size_t i = 0; i < COUNT(data); i++)
        if (slice_eq_nocase(name, slice_cstr(data[i].name)))
            return &data[i];
    return NULL;
}

const char *imap_status_meaning(struct slice status)
{
    static const struct {
        const char *status, *meaning;
    } meanings[] = {
        {"OK", "done"},
        {"NO", "refused, or it failed; the command itself was understood"},
        {"BAD", "not understood, or not allowed now: the client is at fault"},
        {"BYE", "the server is about to close the connection"},
        {"PREAUTH", "logged in already, by what lies below"},
        {"+", "go on: the server waits for the rest of the command"},
    };
    for (size_t i = 0; i < COUNT(meanings); i++)
        if (slice_eq_nocase(status, slice_cstr(meanings[i].status)))
            return meanings[i].meaning;
    return NULL;
}
