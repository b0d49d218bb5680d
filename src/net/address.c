/* Addresses as text. */
#include "net/net_private.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

/* RFC 4007 section 11: <address>%<zone>, the zone an interface's name or number. */
static bool parse_zone(const char *zone, uint32_t *scope_id_out)
{
    uint64_t number = 0;
    *scope_id_out = if_nametoindex(zone);
    if (*scope_id_out != 0)
        return true;
    if (!slice_to_u64(slice_cstr(zone), UINT32_MAX, &number) || number == 0)
        return false;
    *scope_id_out = (uint32_t)number;
    return true;
}

bool net_address_parse_ip(const char *text, uint16_t port, struct net_address *out)
{
    char head[INET6_ADDRSTRLEN];
    struct net_address a = {.family = NET_INET, .port = port};
    if (inet_pton(AF_INET, text, a.ip) == 1) {
        *out = a;
        return true;
    }
    const char *zone = strchr(text, '%');
    size_t head_len = zone != NULL ? (size_t)(zone - text) : strlen(text);
    if (head_len >= sizeof(head))
        return false;
    memcpy(head, text, head_len);
    head[head_len] = '\0';
    a.family = NET_INET6;
    if (inet_pton(AF_INET6, head, a.ip) != 1)
        return false;
    if (zone != NULL && !parse_zone(zone + 1, &a.scope_id))
        return false;
    *out = a;
    return true;
}

bool net_address_unix(const char *path, struct net_address *out)
{
    size_t len = strlen(path);
    struct net_address a = {.family = NET_UNIX};
    if (len == 0 || len >= sizeof(a.path))
        return false;
    memcpy(a.path, path, len + 1);
    *out = a;
    return true;
}

void net_address_format(const struct net_address *a, char *out, size_t out_octets)
{
    char ip[INET6_ADDRSTRLEN] = "";
    switch (a->family) {
    case NET_INET:
        inet_ntop(AF_INET, a->ip, ip, sizeof(ip));
        snprintf(out, out_octets, "%s:%u", ip, a->port);
        return;
    case NET_INET6:
        inet_ntop(AF_INET6, a->ip, ip, sizeof(ip));
        if (a->scope_id != 0) {
            char zone[IF_NAMESIZE];
            if (if_indextoname(a->scope_id, zone) == NULL)
                snprintf(zone, sizeof(zone), "%u", a->scope_id);
            snprintf(out, out_octets, "[%s%%%s]:%u", ip, zone, a->port);
        } else {
            snprintf(out, out_octets, "[%s]:%u", ip, a->port);
        }
        return;
    case NET_UNIX:
        snprintf(out, out_octets, "unix:%s", a->path);
        return;
    case NET_PIPE:
        snprintf(out, out_octets, "pipe:%s", a->path);
        return;
    case NET_MEMORY:
        break;
    }
    snprintf(out, out_octets, "this program");
}

bool net_address_is_loopback(const struct net_address *a)
{
    static const uint8_t v6_one[16] = {[15] = 1};
    static const uint8_t v4_mapped[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    switch (a->family) {
    case NET_INET:
        return a->ip[0] == 127;
    case NET_INET6:
        return memcmp(a->ip, v6_one, sizeof(v6_one)) == 0 ||
               memcmp(a->ip, v4_mapped, sizeof(v4_mapped)) == 0;
    case NET_UNIX:
    case NET_MEMORY:
    case NET_PIPE:
        return true;
    }
    return false;
}

socklen_t address_to_system(const struct net_address *a, struct sockaddr_storage *ss)
{
    memset(ss, 0, sizeof(*ss));
    if (a->family == NET_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)ss;
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip, 4);
        return sizeof(*in);
    }
    if (a->family == NET_INET6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(a->port);
        in6->sin6_scope_id = a->scope_id;
        memcpy(&in6->sin6_addr, a->ip, 16);
        return sizeof(*in6);
    }
    struct sockaddr_un *un = (struct sockaddr_un *)ss;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, a->path, sizeof(un->sun_path));
    un->sun_path[sizeof(un->sun_path) - 1] = '\0';
    return sizeof(*un);
}

void address_from_system(const struct sockaddr_storage *ss, struct net_address *out)
{
    memset(out, 0, sizeof(*out));
    if (ss->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)ss;
        out->family = NET_INET;
        out->port = ntohs(in->sin_port);
        memcpy(out->ip, &in->sin_addr, 4);
    } else if (ss->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
        out->family = NET_INET6;
        out->port = ntohs(in6->sin6_port);
        out->scope_id = in6->sin6_scope_id;
        memcpy(out->ip, &in6->sin6_addr, 16);
    } else {
        const struct sockaddr_un *un = (const struct sockaddr_un *)ss;
        out->family = NET_UNIX;
        memcpy(out->path, un->sun_path, sizeof(un->sun_path));
        out->path[sizeof(out->path) - 1] = '\0';
    }
}
