/* Software and provider of a server, from three sorts of signs, the surest first. */
#include "decode/server.h"

#include <string.h>

static const struct server_banner banners[] = {
#include "decode/banners.inc"
};
static const struct server_host hosts[] = {
#include "decode/provider-hosts.inc"
};

/* What only the servers of one house write into a reply. */
static const struct {
    const char *sign, *provider, *software;
} signs[] = {
    {"- gsmtp", "Gmail", "Gmail"},
    {"- gcdp", "Gmail", "Gmail"},
    {"support.google.com/", "Gmail", "Gmail"},
    {".prod.outlook.com", "Microsoft 365", "Exchange Online"},
    {".protection.outlook.com", "Microsoft 365", "Exchange Online"},
    {"[outlook.com]", "Microsoft 365", "Exchange Online"},
    {"postmaster.live.com", "Outlook.com", "Outlook.com"},
    {"postmaster.yahoo", "Yahoo/AOL", "Yahoo"},
    {"senders.yahooinc.com", "Yahoo/AOL", "Yahoo"},
    {"support.apple.com/", "iCloud", "iCloud"},
    {"mimecast.com/", "Mimecast", "Mimecast"},
    {"ipcheck.proofpoint.com", "Proofpoint", "Proofpoint"},
    {"postmaster.comcast.net", "Comcast", "Comcast"},
    {"postmaster.gmx.net", "GMX/mail.com", "GMX"},
    {"rx.t-online.de", "T-Online", "T-Online"},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const struct server_banner *server_banner_at(size_t index)
{
    return index < COUNT(banners) ? &banners[index] : NULL;
}

const struct server_host *server_host_at(size_t index)
{
    return index < COUNT(hosts) ? &hosts[index] : NULL;
}

static const char *const sure_names[] = {
    [SERVER_GUESS] = "guess", [SERVER_LIKELY] = "likely", [SERVER_CERTAIN] = "certain"};

const char *server_sure_name(enum server_sure sure)
{
    return sure_names[sure];
}

static enum server_sure sure_by_name(const char *name)
{
    for (unsigned i = 0; i < COUNT(sure_names); i++)
        if (strcmp(name, sure_names[i]) == 0)
            return (enum server_sure)i;
    return SERVER_GUESS;
}

/* ---- banners ---- */

enum { BANNER_OCTETS = 512, HEX_RUN_MIN = 16 };

static bool is_hex(uint8_t c)
{
    c = octet_lower(c);
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* One pattern against the start of s. A star goes back at most one level: to the last one met,
 * which is enough for globs, so the time is at most the product of both lengths. */
static bool banner_fits(const char *pattern, struct slice s)
{
    size_t at = 0, star_at = 0;
    const char *star = NULL;
    while (*pattern) {
        size_t run = 0;
        if (*pattern == '*') {
            star = pattern++;
            star_at = at;
            continue;
        }
        if (*pattern == '#')
            while (at + run < s.len && is_hex(s.ptr[at + run]))
                run++;
        bool fits = *pattern == '$'   ? at == s.len
                    : *pattern == '#' ? run >= HEX_RUN_MIN
                    : *pattern == '~'
                        ? at < s.len && s.ptr[at] == '*'
                        : at < s.len && octet_lower(s.ptr[at]) == octet_lower((uint8_t)*pattern);
        if (fits) {
            at += *pattern == '$' ? 0 : *pattern == '#' ? run : 1;
            pattern++;
        } else if (star && star_at < s.len) {
            at = ++star_at;
            pattern = star + 1;
        } else {
            return false;
        }
    }
    return true;
}

/* The greeting as the table writes it: code, space, text, no line end; "220-" counts as "220 ". */
static struct slice banner_text(const char *banner, char *out)
{
    struct slice in = slice_trim(slice_take(slice_cstr(banner), BANNER_OCTETS - 8));
    size_t len = 0;
    bool coded = in.len > 3 && in.ptr[0] >= '2' && in.ptr[0] <= '5' && in.ptr[1] >= '0' &&
                 in.ptr[1] <= '9' && in.ptr[2] >= '0' && in.ptr[2] <= '9' &&
                 (in.ptr[3] == ' ' || in.ptr[3] == '-');
    bool other =
        in.len > 0 && (slice_starts(in, SLICE_LIT("+OK")) || slice_starts(in, SLICE_LIT("* OK")));
    if (!coded && !other) {
        memcpy(out, "220 ", 4);
        len = 4;
    }
    if (in.len > 0)
        memcpy(out + len, in.ptr, in.len);
    if (coded)
        out[3] = ' ';
    return slice_of(out, len + in.len);
}

static const struct server_banner *banner_row(const char *banner)
{
    char text[BANNER_OCTETS];
    const struct server_banner *best = NULL;
    if (!banner || !*banner)
        return NULL;
    struct slice s = banner_text(banner, text);
    for (size_t i = 0; i < COUNT(banners); i++) {
        if (banner_fits(banners[i].pattern, s) &&
            (!best || strlen(banners[i].pattern) > strlen(best->pattern)))
            best = &banners[i];
    }
    return best;
}

/* ---- hosts and signs ---- */

/* The longest suffix of whole labels; a final dot does not count. */
static const struct server_host *host_row(struct slice host)
{
    const struct server_host *best = NULL;
    ptrdiff_t colon =
        slice_find_octet(host, ':'); /* a port; of an IPv6 address nothing is looked up */
    host = colon < 0 ? host : slice_take(host, (size_t)colon);
    if (host.len > 0 && host.ptr[host.len - 1] == '.')
        host = slice_take(host, host.len - 1);
    for (size_t i = 0; i < COUNT(hosts); i++) {
        struct slice suffix = slice_cstr(hosts[i].suffix);
        if (host.len < suffix.len || (best && strlen(best->suffix) >= suffix.len))
            continue;
        size_t before = host.len - suffix.len;
        if (slice_eq_nocase(slice_skip(host, before), suffix) &&
            (before == 0 || host.ptr[before - 1] == '.'))
            best = &hosts[i];
    }
    return best;
}

static bool holds_nocase(struct slice s, struct slice part)
{
    for (size_t i = 0; i + part.len <= s.len; i++)
        if (slice_starts_nocase(slice_skip(s, i), part))
            return true;
    return false;
}

static void add_provider(struct server *s, const char *provider)
{
    if (!provider[0] || s->n_providers == SERVER_PROVIDERS_MAX)
        return;
    for (size_t i = 0; i < s->n_providers; i++)
        if (strcmp(s->providers[i], provider) == 0)
            return;
    s->providers[s->n_providers++] = provider;
}

static void learn(struct server *s, const char *software, enum server_sure sure, const char *from,
                  const char *note)
{
    if (s->software && s->sure >= sure)
        return;
    s->software = software;
    s->sure = sure;
    s->from = from;
    s->note = note;
}

/* The name a greeting begins with, code or not: "220-mx.example ESMTP". */
static struct slice greeting_host(const char *banner)
{
    struct slice rest = slice_take(slice_cstr(banner), BANNER_OCTETS);
    if (rest.len > 4 && rest.ptr[0] >= '2' && rest.ptr[0] <= '5' &&
        (rest.ptr[3] == ' ' || rest.ptr[3] == '-'))
        rest = slice_skip(rest, 4);
    return slice_next_word(&rest);
}

void server_detect(const char *banner, const char *host, struct slice text, struct server *out)
{
    memset(out, 0, sizeof(*out));
    const struct server_banner *b = banner_row(banner);
    const struct server_host *h = host_row(slice_take(slice_cstr(host), BANNER_OCTETS));
    if (!h && banner)
        h = host_row(greeting_host(banner));
    if (b) {
        enum server_sure sure = sure_by_name(b->sure);
        if (sure > SERVER_GUESS)
            add_provider(out, b->provider);
        learn(out, b->software, sure, "banner", b->note);
    }
    if (h) {
        add_provider(out, h->provider);
        learn(out, h->software, SERVER_LIKELY, "host name", "");
    }
    text = slice_take(text, 2048);
    for (size_t i = 0; text.len > 0 && i < COUNT(signs); i++) {
        if (!holds_nocase(text, slice_cstr(signs[i].sign)))
            continue;
        add_provider(out, signs[i].provider);
        learn(out, signs[i].software, SERVER_LIKELY, "wording", "");
    }
}

void server_line(const struct server *s, struct buf *out)
{
    if (!s->software)
        return;
    buf_append_cstr(out, s->software);
    if (s->sure == SERVER_LIKELY)
        buf_append_cstr(out, ", likely");
    else if (s->sure == SERVER_GUESS)
        buf_append_cstr(out, ", a guess");
    buf_printf(out, " (%s)", s->from);
}
