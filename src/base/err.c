/* "The world failed": building the four things an error says. */
#include "base/err.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const domain_names[ERR__COUNT] = {
    [ERR_NONE] = "none",       [ERR_USAGE] = "usage",     [ERR_FILE] = "file",
    [ERR_DNS] = "dns",         [ERR_CONNECT] = "connect", [ERR_TLS] = "tls",
    [ERR_TIMEOUT] = "timeout", [ERR_CLOSED] = "closed",   [ERR_LIMIT] = "limit",
    [ERR_AUTH] = "auth",       [ERR_FORMAT] = "format",   [ERR_MISSING] = "missing",
};

const char *err_domain_name(enum err_domain domain)
{
    BUG_IF((unsigned)domain >= ERR__COUNT);
    return domain_names[domain];
}

/* A cut text must not end in half a character: drop the last one if it is not whole. */
static void end_whole(char *text)
{
    size_t len = strlen(text);
    size_t at = len;
    while (at > 0 && len - at < 3 && ((uint8_t)text[at - 1] & 0xC0) == 0x80)
        at--;
    if (at == 0 || (uint8_t)text[at - 1] < 0x80)
        return;
    uint32_t cp;
    at--;
    if (utf8_decode(slice_of(text + at, len - at), &cp) != len - at)
        text[at] = '\0';
}

void err_set(struct err *e, enum err_domain domain, int code, const char *fmt, ...)
{
    if (e == NULL)
        return;
    va_list args;
    char text[sizeof(e->text)]; /* fmt's arguments may be e's own fields */
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (len >= (int)sizeof(text))
        end_whole(text);
    err_clear(e);
    e->domain = domain;
    e->code = code;
    memcpy(e->text, text, sizeof(text));
}

static void copy_cut(char *out, size_t out_octets, const char *text)
{
    int len = snprintf(out, out_octets, "%s", text == NULL ? "" : text);
    if (len >= (int)out_octets)
        end_whole(out);
}

void err_explain(struct err *e, const char *means, const char *next)
{
    if (e == NULL)
        return;
    copy_cut(e->means, sizeof(e->means), means);
    copy_cut(e->next, sizeof(e->next), next);
}

void err_clear(struct err *e)
{
    if (e == NULL)
        return;
    e->domain = ERR_NONE;
    e->code = 0;
    e->text[0] = e->means[0] = e->next[0] = '\0';
}
