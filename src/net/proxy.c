/* Reading the PROXY header, octet by octet: it is short, and comes once a connection. */
#include "net/proxy.h"

#include <string.h>

enum {
    V1_MAX_OCTETS = 107,
    V2_FIXED_OCTETS = 16,
    V2_TCP4_OCTETS = 12,
    V2_TCP6_OCTETS = 36,
    V2_UNIX_OCTETS = 216,
};

static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                      0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
static const char word[] = "PROXY ";

void net_proxy_init(struct net_proxy *p)
{
    memset(p, 0, sizeof(*p));
}

/* ---- version 1 ---- */

/* The next word: exactly one space parts it from the last. Empty: none. */
static struct slice next(struct slice *rest)
{
    ptrdiff_t space = slice_find_octet(*rest, ' ');
    struct slice part = space < 0 ? *rest : slice_take(*rest, (size_t)space);
    *rest = slice_skip(*rest, space < 0 ? rest->len : (size_t)space + 1);
    return part;
}

static bool read_address(struct slice text, bool six, struct net_address *out)
{
    char address[64];
    if (text.len == 0 || text.len >= sizeof(address) || slice_find_octet(text, 0) >= 0 ||
        slice_find_octet(text, '%') >= 0)
        return false;
    memcpy(address, text.ptr, text.len);
    address[text.len] = '\0';
    return net_address_parse_ip(address, 0, out) && out->family == (six ? NET_INET6 : NET_INET);
}

/* Decimal, without zeros in front. */
static bool read_port(struct slice text, uint16_t *out)
{
    uint64_t port;
    if (text.len == 0 || text.len > 5 || (text.len > 1 && text.ptr[0] == '0') ||
        !slice_to_u64(text, 65535, &port))
        return false;
    *out = (uint16_t)port;
    return true;
}

static bool read_v1(struct slice line, struct net_proxy_header *out)
{
    struct slice rest = slice_skip(line, sizeof(word) - 1);
    struct slice protocol = next(&rest);
    out->version = 1;
    if (slice_eq(protocol, SLICE_LIT("UNKNOWN")))
        return true;
    bool six = slice_eq(protocol, SLICE_LIT("TCP6"));
    if (!six && !slice_eq(protocol, SLICE_LIT("TCP4")))
        return false;
    struct slice source = next(&rest), destination = next(&rest), from = next(&rest);
    out->told = true;
    return read_address(source, six, &out->source) &&
           read_address(destination, six, &out->destination) &&
           read_port(from, &out->source.port) && read_port(rest, &out->destination.port);
}

static enum net_proxy_result step_v1(struct net_proxy *p, struct net_proxy_header *out)
{
    size_t at = p->count - 1;
    if (at < sizeof(word) - 1)
        return p->octets[at] == (uint8_t)word[at] ? NET_PROXY_MORE : NET_PROXY_BAD;
    if (p->octets[at] == '\n') {
        bool good = p->octets[at - 1] == '\r' && read_v1(slice_of(p->octets, at - 1), out);
        return good ? NET_PROXY_DONE : NET_PROXY_BAD;
    }
    return p->count < V1_MAX_OCTETS ? NET_PROXY_MORE : NET_PROXY_BAD;
}

/* ---- version 2 ---- */

static void ip_of(const uint8_t *ip, size_t ip_octets, const uint8_t *port, struct net_address *out)
{
    memset(out, 0, sizeof(*out));
    out->family = ip_octets == 4 ? NET_INET : NET_INET6;
    memcpy(out->ip, ip, ip_octets);
    out->port = (uint16_t)(port[0] << 8 | port[1]);
}

static bool read_v2(const struct net_proxy *p, struct net_proxy_header *out)
{
    const uint8_t *a = p->octets + V2_FIXED_OCTETS;
    uint8_t command = p->octets[12], family = p->octets[13];
    uint32_t octets = p->length - V2_FIXED_OCTETS;
    out->version = 2;
    if (command == 0x20) /* LOCAL: the proxy itself, a health check */
        return true;
    if (command != 0x21)
        return false;
    switch (family) {
    case 0x00: /* UNSPEC */
        return true;
    case 0x11:
        if (octets < V2_TCP4_OCTETS)
            return false;
        ip_of(a, 4, a + 8, &out->source);
        ip_of(a + 4, 4, a + 10, &out->destination);
        break;
    case 0x21:
        if (octets < V2_TCP6_OCTETS)
            return false;
        ip_of(a, 16, a + 32, &out->source);
        ip_of(a + 16, 16, a + 34, &out->destination);
        break;
    case 0x31: /* unix sockets: paths nobody here can use */
        return octets >= V2_UNIX_OCTETS;
    default:
        return false;
    }
    out->told = true;
    return true;
}

static enum net_proxy_result step_v2(struct net_proxy *p, struct net_proxy_header *out)
{
    size_t at = p->count - 1;
    if (at < sizeof(signature))
        return p->octets[at] == signature[at] ? NET_PROXY_MORE : NET_PROXY_BAD;
    if (p->count == V2_FIXED_OCTETS)
        p->length = V2_FIXED_OCTETS + ((uint32_t)p->octets[14] << 8 | p->octets[15]);
    if (p->count < V2_FIXED_OCTETS || p->count < p->length)
        return NET_PROXY_MORE;
    return read_v2(p, out) ? NET_PROXY_DONE : NET_PROXY_BAD;
}

enum net_proxy_result net_proxy_feed(struct net_proxy *p, struct slice in, size_t *used_out,
                                     struct net_proxy_header *out)
{
    enum net_proxy_result r = NET_PROXY_MORE;
    size_t i = 0;
    memset(out, 0, sizeof(*out));
    while (i < in.len && r == NET_PROXY_MORE) {
        if (p->count < NET_PROXY_KEPT_OCTETS)
            p->octets[p->count] = in.ptr[i];
        p->count++;
        i++;
        r = p->octets[0] == signature[0] ? step_v2(p, out) : step_v1(p, out);
    }
    *used_out = i;
    return r;
}
