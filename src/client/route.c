/* Reading --proxy and --haproxy. */
#include "client/route.h"

#include <stdio.h>
#include <string.h>

#include "base/vis.h"

enum { SOCKS_PORT = 1080, HTTP_PORT = 8080, PORT_MAX = 65535 };

static const struct {
    const char *scheme;
    enum link_hop_kind kind;
    unsigned port;
    bool local_names;
} schemes[] = {
    {"socks5://", HOP_SOCKS5, SOCKS_PORT, true},
    {"socks5h://", HOP_SOCKS5, SOCKS_PORT, false},
    {"http://", HOP_HTTP_CONNECT, HTTP_PORT, false},
};

static bool copy_text(char *out, size_t out_octets, struct slice s)
{
    if (s.len == 0 || s.len >= out_octets || slice_find_octet(s, 0) >= 0)
        return false;
    memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
    return true;
}

static bool wrong_proxy(struct err *err, const char *why)
{
    /* The text itself is not quoted: it may hold a password. */
    err_set(err, ERR_USAGE, 0, "the proxy's URL: %s", why);
    err_explain(err, "nothing was opened",
                "socks5://[USER@]HOST[:PORT], socks5h:// (the proxy looks the name up), "
                "http://[USER@]HOST[:PORT]");
    return false;
}

/* Host and port: a name, an IPv4 address, or an IPv6 address in brackets (or bare, without port).
 * port stays what it was where none stands there. */
static bool read_host_port(struct slice in, char *host, size_t host_octets, unsigned *port)
{
    struct slice name = in, digits = slice_of(NULL, 0);
    ptrdiff_t colon = slice_find_octet(in, ':');
    if (in.len > 0 && in.ptr[0] == '[') {
        ptrdiff_t end = slice_find_octet(in, ']');
        if (end < 0)
            return false;
        name = slice_of(in.ptr + 1, (size_t)end - 1);
        struct slice rest = slice_skip(in, (size_t)end + 1);
        if (rest.len > 0 && rest.ptr[0] != ':')
            return false;
        digits = slice_skip(rest, 1);
        if (rest.len == 1)
            return false;
    } else if (colon >= 0 && slice_find_octet(slice_skip(in, (size_t)colon + 1), ':') < 0) {
        name = slice_take(in, (size_t)colon);
        digits = slice_skip(in, (size_t)colon + 1);
        if (digits.len == 0)
            return false;
    }
    uint64_t number = *port;
    if (digits.len > 0 && (!slice_to_u64(digits, PORT_MAX, &number) || number == 0))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] <= ' ' || name.ptr[i] == '/' || name.ptr[i] == 0x7f)
            return false;
    *port = (unsigned)number;
    return copy_text(host, host_octets, name);
}

bool route_proxy_parse(const char *url, struct route_proxy *out, struct err *err)
{
    struct slice rest = slice_trim(slice_cstr(url));
    size_t i = 0;
    memset(out, 0, sizeof(*out));
    while (i < sizeof(schemes) / sizeof(schemes[0]) &&
           !slice_starts_nocase(rest, slice_cstr(schemes[i].scheme)))
        i++;
    if (i == sizeof(schemes) / sizeof(schemes[0]))
        return wrong_proxy(err, "it begins with socks5:// or http://");
    out->kind = schemes[i].kind;
    out->port = schemes[i].port;
    out->local_names = schemes[i].local_names;
    rest = slice_skip(rest, strlen(schemes[i].scheme));
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '/')
        rest.len--;
    size_t at = rest.len;
    while (at > 0 && rest.ptr[at - 1] != '@')
        at--;
    if (at > 0) {
        struct slice user = slice_take(rest, at - 1);
        ptrdiff_t colon = slice_find_octet(user, ':');
        out->had_password = colon >= 0;
        if (!copy_text(out->user, sizeof(out->user),
                       colon >= 0 ? slice_take(user, (size_t)colon) : user))
            return wrong_proxy(err, "the user before @ is empty or longer than 128 octets");
        rest = slice_skip(rest, at);
    }
    if (!read_host_port(rest, out->host, sizeof(out->host), &out->port))
        return wrong_proxy(err, "no host, or a port that is none, stands behind //");
    return true;
}

static bool wrong_header(const char *text, struct err *err)
{
    char shown[80];
    vis_to_cstr(shown, sizeof(shown), slice_cstr(text));
    err_set(err, ERR_USAGE, 0, "haproxy \"%s\" does not read", shown);
    err_explain(err, "nothing was opened",
                "v1 or v2, then what to claim: --haproxy \"v2 192.0.2.1:4000 198.51.100.2:25\"");
    return false;
}

static bool read_address(struct slice word, struct net_address *out, bool *has)
{
    char host[64];
    unsigned port = 0;
    *has = word.len > 0;
    if (word.len == 0)
        return true;
    return read_host_port(word, host, sizeof(host), &port) &&
           net_address_parse_ip(host, (uint16_t)port, out);
}

bool route_header_parse(const char *text, struct route_header *out, struct err *err)
{
    struct slice rest = slice_cstr(text);
    struct slice version = slice_next_word(&rest);
    memset(out, 0, sizeof(*out));
    bool v1 = slice_eq_nocase(version, SLICE_LIT("v1"));
    if (!v1 && !slice_eq_nocase(version, SLICE_LIT("v2")))
        return wrong_header(text, err);
    out->kind = v1 ? HOP_PROXY_V1 : HOP_PROXY_V2;
    if (!read_address(slice_next_word(&rest), &out->source, &out->has_source) ||
        !read_address(slice_next_word(&rest), &out->destination, &out->has_destination) ||
        slice_trim(rest).len > 0)
        return wrong_header(text, err);
    return true;
}
