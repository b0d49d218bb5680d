/* Opening GMime when the first message is looked at. */
#define MAIL_LIBRARY_C
#include "mail_private.h"

#include <dlfcn.h>
#include <string.h>

struct mail_gmime mail_gmime;

/* A pointer to a function is not a pointer to data in ISO C; POSIX dlsym wants them alike. */
static bool find(void *library, const char *name, void *at)
{
    void *symbol = dlsym(library, name);
    if (symbol)
        memcpy(at, &symbol, sizeof(symbol));
    return symbol != NULL;
}

static bool open_library(void)
{
    static const char *const names[] = {"libgmime-3.0.so.0", "libgmime-3.0.so",
                                        "libgmime-3.0.dylib"};
    void *library = NULL;
    bool all = true;
    for (size_t i = 0; !library && i < sizeof(names) / sizeof(*names); i++)
        library = dlopen(names[i], RTLD_LAZY | RTLD_LOCAL);
    if (!library)
        return false;
#define F(name) all = find(library, #name, &mail_gmime.name##_at) && all;
    MAIL_GMIME_FUNCTIONS(F)
#undef F
    if (all)
        mail_gmime.g_mime_init_at();
    return all;
}

bool mail_library(void)
{
    static bool asked, there;
    if (!asked)
        there = open_library();
    asked = true;
    return there;
}
