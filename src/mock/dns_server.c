/* The practice name server: sockets around dns_zone_reply. */
#include "mock/dns_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/link.h"

enum {
    PORT_TRIES = 16,        /* to find one that is free for UDP and TCP */
    CONNECTIONS_MAX = 64,   /* limit "dns-connections": more are cut */
    QUERIES_IN_A_ROW = 256, /* then the others have their turn */
    BACKLOG = 64,
};

/* One client over TCP: messages with their length in front (RFC 1035 section 4.2.2). */
struct client {
    struct dns_server *server;
    struct client *next;
    struct link *link;
    struct buf in;
};

struct dns_server {
    struct loop *loop;
    struct journal *journal;
    const struct dns_zone *zone;
    struct net_address at;
    bool backstage;
    int udp_fd;
    struct loop_watch *watch;
    struct listener *listener;
    struct client *clients;
    size_t n_clients;
    struct buf reply;
};

static void journal_question(struct dns_server *s, uint32_t conn, const struct dns_asked *asked)
{
    unsigned flags = s->backstage ? EVENT_FLAG_BACKSTAGE : 0;
    char number[24];
    struct buf word;
    buf_init(&word, sizeof(number));
    if (asked->type)
        buf_append_cstr(&word, dns_type_name(asked->type));
    else
        buf_printf(&word, "TYPE%u", asked->type_number); /* RFC 3597 section 5 */
    struct slice name = slice_cstr(asked->name), type = buf_slice(&word);
    uint64_t cause = JOURNAL_APPEND(s->journal, conn, DNS_QUERY, flags, 0,
                                    (struct ev_dns_query){.name = name, .type = type});
    JOURNAL_APPEND(
        s->journal, conn, DNS_ANSWER, flags, cause,
        (struct ev_dns_answer){.name = name, .type = type, .rcode = slice_cstr(asked->rcode)});
    buf_deinit(&word);
}

/* ---- UDP ---- */

static void on_readable(void *ctx, unsigned ready)
{
    struct dns_server *s = ctx;
    (void)ready;
    for (int i = 0; i < QUERIES_IN_A_ROW; i++) {
        uint8_t query[4096];
        struct sockaddr_storage from;
        socklen_t from_octets = sizeof(from);
        struct dns_asked asked;
        ssize_t n = recvfrom(s->udp_fd, query, sizeof(query), MSG_DONTWAIT,
                             (struct sockaddr *)&from, &from_octets);
        if (n < 0)
            return;
        bool answered =
            dns_zone_reply(s->zone, slice_of(query, (size_t)n), DNS_UDP_OCTETS, &s->reply, &asked);
        if (asked.rcode)
            journal_question(s, 0, &asked);
        if (answered) /* what the system does not take is lost, as UDP may lose anything */
            (void)!sendto(s->udp_fd, s->reply.ptr, s->reply.len, MSG_DONTWAIT,
                          (struct sockaddr *)&from, from_octets);
    }
}

static int udp_socket(const struct net_address *at)
{
    bool v6 = at->family == NET_INET6;
    struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons(at->port)};
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(at->port)};
    memcpy(&a4.sin_addr, at->ip, 4);
    memcpy(&a6.sin6_addr, at->ip, 16);
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    const struct sockaddr *a = v6 ? (const struct sockaddr *)&a6 : (const struct sockaddr *)&a4;
    if (bind(fd, a, v6 ? sizeof(a6) : sizeof(a4)) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* ---- TCP ---- */

static void client_free(struct client *c)
{
    struct client **at = &c->server->clients;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->server->n_clients--;
    link_free(&c->link);
    buf_deinit(&c->in);
    mem_free(c);
}

/* One whole message at the front of what came; false: there is none yet. */
static bool client_answer_one(struct client *c)
{
    struct dns_server *s = c->server;
    struct dns_asked asked;
    if (c->in.len < 2)
        return false;
    size_t octets = (size_t)c->in.ptr[0] << 8 | c->in.ptr[1];
    if (c->in.len < 2 + octets)
        return false;
    bool answered = dns_zone_reply(s->zone, slice_of(c->in.ptr + 2, octets), DNS_MESSAGE_OCTETS,
                                   &s->reply, &asked);
    if (asked.rcode)
        journal_question(s, link_conn(c->link), &asked);
    if (answered) {
        uint8_t length[2] = {(uint8_t)(s->reply.len >> 8), (uint8_t)s->reply.len};
        link_send(c->link, slice_of(length, 2));
        link_send(c->link, buf_slice(&s->reply));
    }
    buf_consume(&c->in, 2 + octets);
    return true;
}

static void on_octets(void *ctx, struct slice octets)
{
    struct client *c = ctx;
    while (octets.len > 0) {
        /* Room for one message of the longest kind: more is taken as it is answered. */
        size_t room = 2 + DNS_MESSAGE_OCTETS - c->in.len;
        struct slice piece = slice_take(octets, room);
        buf_append(&c->in, piece);
        octets = slice_skip(octets, piece.len);
        while (client_answer_one(c))
            ;
    }
}

static void on_down(void *ctx, enum event_down why, const struct err *err)
{
    (void)why;
    (void)err;
    client_free(ctx);
}

static const struct link_handlers client_handlers = {.on_octets = on_octets, .on_down = on_down};

static void on_accept(void *ctx, struct link *link)
{
    struct dns_server *s = ctx;
    struct client *c = mem_zalloc(sizeof(*c));
    c->server = s;
    c->link = link;
    buf_init(&c->in, 2 + DNS_MESSAGE_OCTETS);
    c->next = s->clients;
    s->clients = c;
    s->n_clients++;
    link_set_handlers(link, &client_handlers, c);
    if (s->n_clients > CONNECTIONS_MAX)
        link_abort(link);
}

/* ---- life ---- */

/* The same port for both: a free one of TCP may be taken for UDP. */
static bool open_both(struct dns_server *s, const struct net_address *at, struct err *err)
{
    for (int i = 0; i < PORT_TRIES; i++) {
        s->listener =
            listener_new(s->loop, s->journal, at, "dns", BACKLOG, s->backstage, on_accept, s, err);
        if (!s->listener)
            return false;
        s->at = *listener_address(s->listener);
        s->udp_fd = udp_socket(&s->at);
        if (s->udp_fd >= 0)
            return true;
        err_set(err, ERR_CONNECT, errno, "the practice name server cannot have UDP port %u: %s",
                s->at.port, strerror(errno));
        err_explain(err, "another program has it", "take another port, or 0 for a free one");
        listener_free(&s->listener);
        if (at->port != 0)
            return false;
    }
    return false;
}

struct dns_server *dns_server_new(struct loop *l, struct journal *j, const struct dns_zone *zone,
                                  const struct net_address *at, bool backstage, struct err *err)
{
    if (!net_address_is_loopback(at) || at->family == NET_UNIX || at->family == NET_MEMORY) {
        err_set(err, ERR_USAGE, 0, "the practice name server listens on loopback only");
        err_explain(err, "its answers are made up and would mislead other machines",
                    "use 127.0.0.1 or ::1");
        return NULL;
    }
    struct dns_server *s = mem_zalloc(sizeof(*s));
    s->loop = l;
    s->journal = j;
    s->zone = zone;
    s->backstage = backstage;
    s->udp_fd = -1;
    buf_init(&s->reply, DNS_MESSAGE_OCTETS);
    if (!open_both(s, at, err)) {
        dns_server_free(&s);
        return NULL;
    }
    s->watch = loop_watch_new(l, s->udp_fd, LOOP_READABLE, on_readable, s);
    return s;
}

const struct net_address *dns_server_address(const struct dns_server *s)
{
    return &s->at;
}

void dns_server_free(struct dns_server **server)
{
    struct dns_server *s = *server;
    *server = NULL;
    if (!s)
        return;
    while (s->clients)
        client_free(s->clients);
    listener_free(&s->listener);
    loop_watch_free(&s->watch);
    if (s->udp_fd >= 0)
        close(s->udp_fd);
    buf_deinit(&s->reply);
    mem_free(s);
}
