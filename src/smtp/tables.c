/* Looking things up in the knowledge tables (the .tsv files beside this one). */
#include "smtp/tables.h"

#include "smtp/smtp_private.h"

#include <stdio.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct smtp_extension extensions[] = {
#include "smtp/extensions.inc"
};
static const struct smtp_code_info codes[] = {
#include "smtp/reply-codes.inc"
};
static const struct smtp_enhanced_info enhanced_codes[] = {
#include "smtp/enhanced-status.inc"
};
static const struct smtp_limit_info limits[] = {
#include "smtp/limits.inc"
};

/* ---- extensions ---- */

const struct smtp_extension *smtp_extension_at(size_t index)
{
    return index < COUNT(extensions) ? &extensions[index] : NULL;
}

/* A row may name several keywords ("X-PRDR / PRDR"); "XXXX..." stands for all that begin like that.
 */
static bool names_keyword(const char *names, struct slice keyword)
{
    static const char separators[] = " /";
    while (*names != '\0') {
        size_t len = strcspn(names, separators);
        struct slice name = slice_of(names, len);
        bool family = len > 3 && memcmp(names + len - 3, "...", 3) == 0;
        if (family ? slice_starts_nocase(keyword, slice_take(name, len - 3))
                   : slice_eq_nocase(keyword, name))
            return true;
        names += len;
        names += strspn(names, separators);
    }
    return false;
}

const struct smtp_extension *smtp_extension_by_keyword(struct slice keyword)
{
    /* "AUTH=PLAIN", as servers before RFC 2554 offered it; "SIZE 100". */
    size_t len = 0;
    while (len < keyword.len && keyword.ptr[len] != '=' && keyword.ptr[len] != ' ')
        len++;
    keyword = slice_take(keyword, len);
    for (size_t i = 0; len > 0 && i < COUNT(extensions); i++)
        if (names_keyword(extensions[i].keyword, keyword))
            return &extensions[i];
    return NULL;
}

/* "MAIL +108, RCPT +528": the number behind that verb, "MAIL/RCPT +460" counts for both. */
unsigned smtp_extension_line_growth(struct slice keyword, const char *verb)
{
    const struct smtp_extension *e = smtp_extension_by_keyword(keyword);
    struct slice rest = slice_cstr(e != NULL ? e->line_limits : "");
    while (rest.len > 0) {
        ptrdiff_t comma = slice_find_octet(rest, ',');
        struct slice part = slice_take(rest, comma < 0 ? rest.len : (size_t)comma);
        ptrdiff_t plus = slice_find_octet(part, '+');
        uint64_t value;
        size_t digits = 0;
        rest = slice_skip(rest, part.len + 1);
        if (plus < 0 || slice_find(slice_take(part, (size_t)plus), slice_cstr(verb)) < 0)
            continue;
        part = slice_skip(part, (size_t)plus + 1);
        while (digits < part.len && smtp_is_digit(part.ptr[digits]))
            digits++;
        return slice_to_u64(slice_take(part, digits), 100000, &value) ? (unsigned)value : 0;
    }
    return 0;
}

/* ---- codes ---- */

const struct smtp_code_info *smtp_code_info(unsigned code)
{
    char text[12];
    snprintf(text, sizeof(text), "%u", code);
    for (size_t i = 0; i < COUNT(codes); i++)
        if (strcmp(codes[i].code, text) == 0)
            return &codes[i];
    return NULL;
}

const char *smtp_code_class_meaning(unsigned code)
{
    /* RFC 5321 section 4.2.1 */
    static const char *const meanings[] = {
        [0] = "no reply code",
        [1] = "preliminary; no SMTP command is answered so",
        [2] = "done",
        [3] = "go on: the server waits for more",
        [4] = "not now: try the same again later",
        [5] = "no: the same again will fail again",
    };
    size_t first = code / 100;
    return first < COUNT(meanings) ? meanings[first] : "no class of reply that SMTP knows";
}

/* ---- enhanced status codes ---- */

const struct smtp_enhanced_info *smtp_enhanced_at(size_t index)
{
    return index < COUNT(enhanced_codes) ? &enhanced_codes[index] : NULL;
}

static const struct smtp_enhanced_info *enhanced_by_code(const char *code)
{
    for (size_t i = 0; i < COUNT(enhanced_codes); i++)
        if (strcmp(enhanced_codes[i].code, code) == 0)
            return &enhanced_codes[i];
    return NULL;
}

const struct smtp_enhanced_info *smtp_enhanced_info(const unsigned enhanced[3])
{
    char code[40];
    snprintf(code, sizeof(code), "X.%u.%u", enhanced[1], enhanced[2]);
    const struct smtp_enhanced_info *info = enhanced_by_code(code);
    if (info != NULL)
        return info;
    snprintf(code, sizeof(code), "X.%u.X", enhanced[1]);
    return enhanced_by_code(code);
}

const struct smtp_enhanced_info *smtp_enhanced_class_info(unsigned klass)
{
    char code[24];
    snprintf(code, sizeof(code), "%u.X.X", klass);
    return enhanced_by_code(code);
}

/* ---- limits ---- */

const struct smtp_limit_info *smtp_limit_at(size_t index)
{
    return index < COUNT(limits) ? &limits[index] : NULL;
}
