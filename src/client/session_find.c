/* From a target to a connected link: names, mail exchangers, addresses, one attempt after the other
 * (RFC 5321 section 5.1, null MX: RFC 7505). */
#include "client/session_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/vis.h"

enum { Q_AAAA, Q_A };

static const char *const status_words[] = {
    [DNS_OK] = "found",
    [DNS_NODATA] = "the name exists but has no such record",
    [DNS_NXDOMAIN] = "no such name",
    [DNS_SERVFAIL] = "the resolver could not say",
    [DNS_TIMED_OUT] = "no answer in time",
    [DNS_NO_RESOLVER] = "no resolver could be reached",
};

const char *session_tls_name(const struct session *s)
{
    if (s->target.kind == TARGET_PRACTICE || s->target.kind == TARGET_UNIX ||
        s->target.kind == TARGET_PIPE)
        return "localhost";
    return s->find.host ? s->find.host : s->target.name;
}

static unsigned target_port(const struct session *s)
{
    return s->target.port ? s->target.port : target_service_info(s->target.service)->port;
}

/* Where the link itself goes: the proxy, where there is one. */
static unsigned connect_port(const struct session *s)
{
    return s->route.proxied ? s->route.proxy.port : target_port(s);
}

static const char *connect_host(const struct session *s)
{
    return s->route.proxied && !s->find.asking_behind ? s->route.proxy.host : s->find.host;
}

void session_find_stop(struct session *s)
{
    for (int i = 0; i < 2; i++)
        if (s->find.questions[i])
            dns_cancel(&s->find.questions[i]);
    s->find.open_questions = 0;
}

void session_find_deinit(struct session *s)
{
    session_find_stop(s);
    for (size_t i = 0; i < s->find.n_hosts; i++)
        mem_free(s->find.hosts[i]);
    s->find.n_hosts = 0;
    s->find.host = NULL;
}

static void give_up(struct session *s)
{
    struct err err = s->find.last;
    if (err.domain == ERR_NONE)
        err_set(&err, ERR_CONNECT, 0, "there is nothing to connect to");
    session_ended(
        s, err.domain == ERR_CONNECT || err.domain == ERR_TIMEOUT ? s->down_why : DOWN_UNREACHED,
        &err);
}

static void dns_error(struct session *s, const char *name, enum dns_status status, const char *why,
                      const char *what)
{
    struct err *e = &s->find.last;
    err_set(e, status == DNS_TIMED_OUT ? ERR_TIMEOUT : ERR_DNS, (int)status,
            "%s: looking up its %s gave nothing: %s%s%.80s", name, what, status_words[status],
            why[0] ? ", " : "", why);
    if (status == DNS_NXDOMAIN || status == DNS_NODATA)
        err_explain(e, "nothing in the DNS says where this name is",
                    "check the spelling, or name an address");
    else
        err_explain(e, "the DNS is not reachable or its answer is not to be trusted",
                    "try again, look at /etc/resolv.conf, or name an address");
    s->down_why = DOWN_UNREACHED;
}

static void say_resolved(struct session *s, const char *name, const char *error)
{
    char list[SESSION_ADDRESSES_MAX * 48];
    size_t at = 0;
    list[0] = '\0';
    for (size_t i = 0; i < s->find.n_addresses && at < sizeof(list); i++) {
        char text[128];
        net_address_format(&s->find.addresses[i], text, sizeof(text));
        int n = snprintf(list + at, sizeof(list) - at, "%s%.46s", i ? " " : "", text);
        at += n > 0 ? (size_t)n : 0;
    }
    JOURNAL_APPEND(
        s->journal, s->conn, LINK_RESOLVE, 0, 0,
        (struct ev_link_resolve){.name = slice_cstr(name),
                                 .addresses = slice_cstr(list),
                                 .elapsed_us = (session_now_ns(s) - s->find.since_ns) / 1000,
                                 .error = slice_cstr(error)});
}

/* ---- connecting ---- */

static bool source_address(struct session *s, enum net_family family, struct net_address *out,
                           bool *fits_out)
{
    *fits_out = true;
    if (!s->options.source || family == NET_UNIX)
        return false;
    *fits_out = net_address_parse_ip(s->options.source, 0, out) && out->family == family;
    return true;
}

static bool take_practice_link(struct session *s)
{
    struct link_hop hops[SESSION_HOPS_MAX];
    if (s->practice)
        s->link =
            s->practice(s->practice_ctx, s->conn, s->target.service, &session_link_handlers, s);
    if (!s->link)
        return false;
    link_set_keep_wire(s->link, s->options.keep_wire);
    link_set_hops(s->link, hops, session_route_hops(s, "", 0, hops));
    return true;
}

/* An address of the practice world: a door of the practice server, or nobody. */
static void connect_in_practice(struct session *s, const struct net_address *to)
{
    char text[128];
    net_address_format(to, text, sizeof(text));
    JOURNAL_APPEND(s->journal, s->conn, LINK_TRY, 0, 0,
                   (struct ev_link_try){.address = slice_cstr(text),
                                        .attempt = s->find.next_address,
                                        .attempts = s->find.n_addresses});
    if (net_address_is_loopback(to) && take_practice_link(s))
        return;
    err_set(&s->find.last, ERR_CONNECT, ECONNREFUSED, "%s: nobody is there in the practice world",
            text);
    err_explain(&s->find.last, "a real network would say: connection refused, or nothing at all",
                "the next address or exchanger is tried where there is one");
    journal_note_err(s->journal, s->conn, &s->find.last);
    s->down_why = DOWN_REFUSED;
    session_find_next(s);
}

/* The address alone, as the proxy's protocol wants it. out has room for 128 octets. */
static void ip_text(const struct net_address *a, char *out)
{
    char text[128];
    net_address_format(a, text, sizeof(text));
    char *colon = strrchr(text, ':');
    bool brackets = text[0] == '[';
    size_t n = (size_t)(colon - text) - 2 * brackets;
    memcpy(out, text + brackets, n);
    out[n] = '\0';
}

static void connect_to(struct session *s, const struct net_address *to)
{
    if (s->options.practice_world) {
        s->phase = SESSION_CONNECTING;
        connect_in_practice(s, to);
        return;
    }
    struct net_address source;
    bool fits;
    struct link_options options = {.name = s->find.host ? s->find.host : s->target.name,
                                   .connect_timeout_ms = s->options.connect_timeout_ms,
                                   .attempt = (unsigned)s->find.next_address,
                                   .attempts = (unsigned)s->find.n_addresses,
                                   .keep_wire = s->options.keep_wire};
    struct link_hop hops[SESSION_HOPS_MAX];
    char ascii[256];
    const char *host = s->find.host ? s->find.host : s->target.name;
    if (s->find.next_behind > 0) {
        ip_text(&s->find.behind[s->find.next_behind - 1], ascii);
        host = ascii;
    } else if (dns_to_ascii(host, ascii, sizeof(ascii))) {
        host = ascii;
    }
    if (source_address(s, to->family, &source, &fits))
        options.source = &source;
    options.hops = hops;
    options.n_hops = session_route_hops(s, host, target_port(s), hops);
    s->phase = SESSION_CONNECTING;
    s->link = link_connect(s->loop, s->journal, s->conn, to, &options, &session_link_handlers, s);
}

static void resolve_host(struct session *s);
static void resolve_connect_host(struct session *s);

void session_find_next(struct session *s)
{
    struct session_find *f = &s->find;
    if (f->next_address < f->n_addresses) {
        connect_to(s, &f->addresses[f->next_address++]);
        return;
    }
    f->n_addresses = f->next_address = 0;
    if (f->next_behind < f->n_behind) {
        f->next_behind++;
        resolve_connect_host(s);
        return;
    }
    f->n_behind = f->next_behind = 0;
    if (f->next_host < f->n_hosts) {
        s->phase = SESSION_FINDING;
        f->host = f->hosts[f->next_host++];
        resolve_host(s);
        return;
    }
    give_up(s);
}

static void add_address(struct session *s, const struct net_address *a)
{
    struct session_find *f = &s->find;
    struct net_address ignored;
    bool fits;
    source_address(s, a->family, &ignored, &fits);
    if ((fits || f->asking_behind) && f->n_addresses < SESSION_ADDRESSES_MAX)
        f->addresses[f->n_addresses++] = *a;
}

/* ---- addresses of a host ---- */

/* RFC 8305 section 4: the families take turns, IPv6 first, so that one dead family costs one wait.
 */
static void order_addresses(struct session *s)
{
    struct session_find *f = &s->find;
    f->n_addresses = f->next_address = 0;
    for (size_t i = 0; i < f->n_v6 || i < f->n_v4; i++) {
        if (i < f->n_v6)
            add_address(s, &f->v6[i]);
        if (i < f->n_v4)
            add_address(s, &f->v4[i]);
    }
}

static void host_resolved(struct session *s)
{
    struct session_find *f = &s->find;
    order_addresses(s);
    const char *host = connect_host(s);
    if (f->n_addresses > 0) {
        say_resolved(s, host, "");
    } else if (f->n_v6 + f->n_v4 > 0) {
        err_set(&f->last, ERR_CONNECT, 0, "%s has no address of the source address's family", host);
        err_explain(&f->last, "an IPv4 source cannot reach IPv6, nor the other way round",
                    "name another source address, or none");
        s->down_why = DOWN_UNREACHED;
        say_resolved(s, host, f->last.text);
    } else {
        /* The worse of the two answers: a failed question hides what the other did not find. */
        int worse = f->status[Q_A] > f->status[Q_AAAA] ? Q_A : Q_AAAA;
        dns_error(s, host, f->status[worse], f->why[worse], "addresses");
        say_resolved(s, host, f->last.text);
    }
    if (f->asking_behind) {
        memcpy(f->behind, f->addresses, f->n_addresses * sizeof(f->behind[0]));
        f->n_behind = f->n_addresses;
        f->n_addresses = f->next_address = 0;
        f->asking_behind = false;
    }
    session_find_next(s);
}

static void take_answer(struct session *s, int which, const struct dns_answer *answer)
{
    struct session_find *f = &s->find;
    size_t octets = which == Q_AAAA ? 16 : 4;
    struct net_address *list = which == Q_AAAA ? f->v6 : f->v4;
    size_t *n = which == Q_AAAA ? &f->n_v6 : &f->n_v4;
    f->status[which] = answer->status;
    snprintf(f->why[which], sizeof(f->why[which]), "%s", answer->why ? answer->why : "");
    for (size_t i = 0; i < answer->n_records && *n < SESSION_ADDRESSES_MAX; i++) {
        if (answer->records[i].data.len != octets)
            continue;
        struct net_address *a = &list[(*n)++];
        memset(a, 0, sizeof(*a));
        a->family = which == Q_AAAA ? NET_INET6 : NET_INET;
        a->port = (uint16_t)connect_port(s);
        memcpy(a->ip, answer->records[i].data.ptr, octets);
    }
}

static void on_answer(struct session *s, int which, const struct dns_answer *answer)
{
    session_enter(s);
    s->find.questions[which] = NULL;
    take_answer(s, which, answer);
    if (--s->find.open_questions == 0)
        host_resolved(s);
    session_leave(s);
}

static void on_aaaa(void *ctx, const struct dns_answer *answer)
{
    on_answer(ctx, Q_AAAA, answer);
}

static void on_a(void *ctx, const struct dns_answer *answer)
{
    on_answer(ctx, Q_A, answer);
}

static void ask_addresses(struct session *s, const char *name)
{
    struct session_find *f = &s->find;
    bool v6 = !s->options.ipv4_only, v4 = !s->options.ipv6_only || s->options.ipv4_only;
    f->n_v6 = f->n_v4 = 0;
    f->status[Q_AAAA] = f->status[Q_A] = DNS_OK;
    f->why[Q_AAAA][0] = f->why[Q_A][0] = '\0';
    f->open_questions = (unsigned)v6 + (unsigned)v4;
    if (v6)
        f->questions[Q_AAAA] =
            dns_ask(s->dns, s->conn, name, DNS_AAAA, s->options.resolve_timeout_ms, on_aaaa, s);
    if (v4)
        f->questions[Q_A] =
            dns_ask(s->dns, s->conn, name, DNS_A, s->options.resolve_timeout_ms, on_a, s);
}

/* Both forms of an internationalised name, for the person: the DNS and TLS know only the one. */
static void say_both_forms(struct session *s, const char *name)
{
    char other[256], shown[2][300], text[700];
    if (!dns_other_form(name, other, sizeof(other)))
        return;
    vis_to_cstr(shown[0], sizeof(shown[0]), slice_cstr(name));
    vis_to_cstr(shown[1], sizeof(shown[1]), slice_cstr(other));
    snprintf(text, sizeof(text), "%s is %s", shown[0], shown[1]);
    journal_note(s->journal, s->conn, LEVEL_INFO, text, "", "");
}

static bool to_ascii(struct session *s, const char *name, char *out, size_t out_octets)
{
    if (dns_to_ascii(name, out, out_octets)) {
        say_both_forms(s, name);
        return true;
    }
    err_set(&s->find.last, ERR_USAGE, 0, "%.200s is not a domain name", name);
    err_explain(&s->find.last, "a label is empty, too long, or holds what IDNA does not allow",
                "check the spelling");
    s->down_why = DOWN_UNREACHED;
    return false;
}

/* Where the link goes: the host, or the proxy in front of it. */
static void resolve_connect_host(struct session *s)
{
    char ascii[256];
    struct net_address a;
    s->find.since_ns = session_now_ns(s);
    const char *host = connect_host(s);
    if (net_address_parse_ip(host, (uint16_t)connect_port(s), &a)) {
        add_address(s, &a);
        if (s->find.n_addresses == 0) {
            err_set(&s->find.last, ERR_CONNECT, 0, "%s and the source address differ in family",
                    host);
            s->down_why = DOWN_UNREACHED;
        }
        session_find_next(s);
    } else if (!s->dns) {
        dns_error(s, host, DNS_NO_RESOLVER, "", "addresses");
        session_find_next(s);
    } else if (to_ascii(s, host, ascii, sizeof(ascii))) {
        ask_addresses(s, ascii);
    } else {
        s->find.asking_behind = false;
        session_find_next(s);
    }
}

static void resolve_host(struct session *s)
{
    struct net_address ignored;
    s->find.asking_behind = s->route.proxied && s->route.proxy.local_names && s->dns &&
                            !net_address_parse_ip(s->find.host, 0, &ignored);
    resolve_connect_host(s);
}

/* ---- mail exchangers ---- */

static void add_host(struct session *s, struct slice name)
{
    if (s->find.n_hosts < SESSION_HOSTS_MAX)
        s->find.hosts[s->find.n_hosts++] = mem_slice_dup(name);
}

/* RFC 5321 section 5.1: only "there is no MX" leads to the domain itself; a question that failed
 * must not, or mail would go to the wrong place whenever the DNS is ill. */
static void take_mx(struct session *s, const struct dns_answer *answer)
{
    const char *domain = s->target.name;
    if (answer->status == DNS_NODATA) {
        add_host(s, slice_cstr(domain)); /* the implicit MX */
        return;
    }
    if (answer->status != DNS_OK) {
        dns_error(s, domain, answer->status, answer->why ? answer->why : "", "mail exchangers");
        say_resolved(s, domain, s->find.last.text);
        return;
    }
    if (answer->n_records == 1 &&
        (answer->records[0].data.len == 0 || slice_eq(answer->records[0].data, SLICE_LIT(".")))) {
        err_set(&s->find.last, ERR_DNS, 0, "%s takes no mail: it has a null MX", domain);
        err_explain(&s->find.last, "its owner says in the DNS that no server receives mail for it",
                    "check the address; nothing sent there can arrive");
        s->down_why = DOWN_UNREACHED;
        say_resolved(s, domain, s->find.last.text);
        return;
    }
    for (size_t i = 0; i < answer->n_records; i++)
        if (answer->records[i].data.len > 0)
            add_host(s, answer->records[i].data);
}

static void on_mx(void *ctx, const struct dns_answer *answer)
{
    struct session *s = ctx;
    session_enter(s);
    s->find.questions[0] = NULL;
    s->find.open_questions = 0;
    take_mx(s, answer);
    session_find_next(s);
    session_leave(s);
}

static void find_mx(struct session *s)
{
    char ascii[256];
    if (!s->dns) {
        dns_error(s, s->target.name, DNS_NO_RESOLVER, "", "mail exchangers");
    } else if (to_ascii(s, s->target.name, ascii, sizeof(ascii))) {
        s->find.open_questions = 1;
        s->find.questions[0] =
            dns_ask(s->dns, s->conn, ascii, DNS_MX, s->options.resolve_timeout_ms, on_mx, s);
        return;
    }
    session_find_next(s);
}

/* ---- begin ---- */

static bool source_reads(struct session *s)
{
    struct net_address a;
    if (!s->options.source || net_address_parse_ip(s->options.source, 0, &a))
        return true;
    err_set(&s->find.last, ERR_USAGE, 0, "source address \"%.60s\" is not an IP address",
            s->options.source);
    err_explain(&s->find.last, "", "name an address of this machine, without a port");
    s->down_why = DOWN_UNREACHED;
    return false;
}

static void find_practice(struct session *s)
{
    s->phase = SESSION_CONNECTING;
    if (take_practice_link(s))
        return;
    err_set(&s->find.last, ERR_MISSING, 0, "there is no practice server here for this protocol");
    s->down_why = DOWN_UNREACHED;
    session_find_next(s);
}

static void find_pipe(struct session *s)
{
    struct link_hop hops[SESSION_HOPS_MAX];
    struct link_options options = {
        .name = "localhost", .keep_wire = s->options.keep_wire, .hops = hops};
    options.n_hops = session_route_hops(s, "", 0, hops);
    s->phase = SESSION_CONNECTING;
    s->link = link_spawn(s->loop, s->journal, s->conn, s->target.name, &options,
                         &session_link_handlers, s);
}

void session_find_begin(struct session *s)
{
    struct net_address a;
    s->find.since_ns = session_now_ns(s);
    if (!source_reads(s) || !session_route_read(s)) {
        session_find_next(s);
        return;
    }
    switch (s->target.kind) {
    case TARGET_PRACTICE:
        find_practice(s);
        return;
    case TARGET_MX:
        find_mx(s);
        return;
    case TARGET_PIPE:
        find_pipe(s);
        return;
    case TARGET_UNIX:
        if (net_address_unix(s->target.name, &a))
            add_address(s, &a);
        break;
    case TARGET_HOST:
    case TARGET__COUNT:
        add_host(s, slice_cstr(s->target.name));
        break;
    }
    session_find_next(s);
}
