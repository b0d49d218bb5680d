/* The way in front of the session: what the options say, as hops of the link. */
#include "client/session_private.h"

bool session_route_read(struct session *s)
{
    struct session_route *r = &s->route;
    r->proxied = s->options.proxy != NULL;
    r->header = s->options.haproxy != NULL;
    s->down_why = DOWN_UNREACHED;
    if (r->proxied && !route_proxy_parse(s->options.proxy, &r->proxy, &s->find.last))
        return false;
    if (r->header && !route_header_parse(s->options.haproxy, &r->haproxy, &s->find.last))
        return false;
    if (!r->proxied || s->target.kind == TARGET_HOST || s->target.kind == TARGET_MX)
        return true;
    err_set(&s->find.last, ERR_USAGE, 0, "no proxy leads to this target");
    err_explain(&s->find.last, "it is on this machine, or in this program",
                "connect without --proxy");
    return false;
}

void session_route_deinit(struct session *s)
{
    secret_clear(&s->route.password);
}

size_t session_route_hops(const struct session *s, const char *host, unsigned port,
                          struct link_hop out[SESSION_HOPS_MAX])
{
    const struct session_route *r = &s->route;
    size_t n = 0;
    if (r->proxied)
        out[n++] = (struct link_hop){.kind = r->proxy.kind,
                                     .host = host,
                                     .port = port,
                                     .user = r->proxy.user,
                                     .password = &r->password};
    if (r->header)
        out[n++] = (struct link_hop){
            .kind = r->haproxy.kind,
            .source = r->haproxy.has_source ? &r->haproxy.source : NULL,
            .destination = r->haproxy.has_destination ? &r->haproxy.destination : NULL};
    return n;
}
