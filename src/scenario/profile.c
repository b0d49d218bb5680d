/* Looking into the table of profiles. */
#include "scenario/profile.h"

#include <stdio.h>
#include <string.h>

static const struct profile_row {
    const char *profile, *key, *text;
} rows[] = {
#include "scenario/profiles.inc"
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]), KEY_OCTETS = 64 };

const char *profile_name_at(size_t index)
{
    size_t n = 0;
    for (size_t i = 0; i < N_ROWS; i++) {
        if (i > 0 && strcmp(rows[i].profile, rows[i - 1].profile) == 0)
            continue;
        if (n++ == index)
            return rows[i].profile;
    }
    return NULL;
}

const char *profile_text(const char *profile, const char *key)
{
    for (size_t i = 0; profile && i < N_ROWS; i++)
        if (strcmp(rows[i].profile, profile) == 0 && strcmp(rows[i].key, key) == 0)
            return rows[i].text;
    return NULL;
}

const char *profile_reply(const char *profile, const char *stage, unsigned code,
                          const char *enhanced)
{
    const char *const stages[] = {stage, "*"};
    char key[KEY_OCTETS];
    for (size_t i = 0; i < 2; i++) {
        const char *text = NULL;
        snprintf(key, sizeof(key), "%.30s %u %.16s", stages[i], code, enhanced);
        if (*enhanced)
            text = profile_text(profile, key);
        snprintf(key, sizeof(key), "%.30s %u", stages[i], code);
        if (!text)
            text = profile_text(profile, key);
        if (text)
            return text;
    }
    return NULL;
}
