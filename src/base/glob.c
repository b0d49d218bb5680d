#include "base/glob.h"

struct glob {
    struct slice pattern;
    unsigned flags;
};

/* How many octets of the pattern at p take this octet of text; 0: it does not fit. */
static size_t takes(const struct glob *g, size_t p, uint8_t octet)
{
    if (p == g->pattern.len)
        return 0;
    bool escaped = (g->flags & GLOB_ESCAPE) && g->pattern.ptr[p] == '\\' && p + 1 < g->pattern.len;
    uint8_t want = g->pattern.ptr[p + escaped];
    if (!escaped && want == '?')
        return 1;
    bool fits = (g->flags & GLOB_NOCASE) ? octet_lower(want) == octet_lower(octet) : want == octet;
    return fits ? 1U + escaped : 0;
}

/* One pass with one place to come back to: the last star. */
bool glob_match(struct slice pattern, struct slice text, unsigned flags)
{
    const struct glob g = {pattern, flags};
    size_t p = 0, t = 0, star = SIZE_MAX, from = 0, took;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            from = t;
        } else if ((took = takes(&g, p, text.ptr[t])) > 0) {
            p += took;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}
