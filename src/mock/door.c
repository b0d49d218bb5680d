/* Who is at the door: the client's address, and the PROXY header of a proxy in front of it. */
#include "mock/mock_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* "192.0.2.1", "IPv6:2001:db8::1" (RFC 5321 section 4.1.3, without the brackets); false: no IP. */
static bool literal_of(const struct net_address *a, char *out, size_t out_octets)
{
    char text[128];
    if (!a || (a->family != NET_INET && a->family != NET_INET6))
        return false;
    net_address_format(a, text, sizeof(text));
    char *port = strrchr(text, ':');
    bool six = text[0] == '[';
    if (!port || (six && port[-1] != ']'))
        return false;
    port[six ? -1 : 0] = '\0';
    snprintf(out, out_octets, "%s%s", six ? "IPv6:" : "", text + (six ? 1 : 0));
    return true;
}

void mock_peer_literal(const struct mock_conn *c, char *out, size_t out_octets)
{
    if (c->peer)
        snprintf(out, out_octets, "%s", c->peer);
    else if (!literal_of(link_peer(c->link), out, out_octets))
        snprintf(out, out_octets, "127.0.0.1"); /* memory or unix: this very machine */
}

/* ---- the PROXY header ---- */

bool mock_proxy_begin(struct mock_conn *c)
{
    if (!c->mock->options.proxy) /* asked first: the link's address costs memory to tell */
        return false;
    const struct net_address *peer = link_peer(c->link);
    if (!peer || peer->family == NET_MEMORY)
        return false;
    c->proxy = mem_alloc(sizeof(*c->proxy));
    net_proxy_init(c->proxy);
    return true;
}

static void say(struct mock_conn *c, const char *action)
{
    JOURNAL_APPEND(c->mock->journal, link_conn(c->link), FAULT, mock_event_flags(c->mock), 0,
                   (struct ev_fault){.rule = SLICE_LIT("PROXY"),
                                     .action = slice_cstr(action),
                                     .stage = SLICE_LIT("connect")});
}

/* No word to a stranger who does not speak as agreed: the proxy would pass it on to nobody. */
static void refuse(struct mock_conn *c)
{
    say(c, "cuts the connection: it does not begin with a PROXY header");
    c->phase = MOCK_CONN_CLOSING;
    link_abort(c->link);
}

struct slice mock_proxy_feed(struct mock_conn *c, struct slice octets)
{
    struct net_proxy_header h;
    char literal[80] = "", action[160];
    size_t used;
    enum net_proxy_result r = net_proxy_feed(c->proxy, octets, &used, &h);
    journal_append_octets(c->mock->journal, link_conn(c->link), DIR_C, LAYER_PLAIN,
                          mock_event_flags(c->mock), false, slice_take(octets, used), NULL, 0,
                          true);
    if (r == NET_PROXY_BAD)
        refuse(c);
    if (r != NET_PROXY_DONE)
        return slice_of(NULL, 0);
    mem_free(c->proxy);
    c->proxy = NULL;
    if (h.told && literal_of(&h.source, literal, sizeof(literal)))
        c->peer = mem_strdup(literal);
    snprintf(action, sizeof(action), "believes PROXY version %u: the client is %s", h.version,
             c->peer ? c->peer : "the proxy itself");
    say(c, action);
    return slice_skip(octets, used);
}
