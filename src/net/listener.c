/* Listening sockets.
 *
 * When the program is out of descriptors, accept fails while the waiting connection stays ready: a
 * loop that goes on asking would spin. The listener rests instead, says so once, and asks again
 * when a link has gone (or after STARVED_MS, because others use descriptors too).
 */
#include "net/net_private.h"

#include "base/mem.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STARVED_MS     1000
#define ACCEPTS_A_TURN 64

struct listener {
    struct listener *next;
    struct net *net; /* NULL: the loop is gone */
    struct journal *journal;
    listener_fn on_accept;
    void *ctx;
    char *name;
    struct net_address at;
    uv_poll_t poll;
    struct loop_timer *retry;
    int fd;
    bool backstage, paused, starved, freed, closed;
};

static void ready(uv_poll_t *poll, int status, int events);

static void arrange(struct listener *s)
{
    if (s->net == NULL || s->fd < 0)
        return;
    if (s->paused || s->starved)
        uv_poll_stop(&s->poll);
    else
        uv_poll_start(&s->poll, UV_READABLE, ready);
}

static void retry(void *ctx)
{
    struct listener *s = ctx;
    if (!s->starved)
        return;
    s->starved = false;
    arrange(s);
}

static void starve(struct listener *s, int sys_errno)
{
    char where[160];
    s->starved = true;
    arrange(s);
    if (s->retry == NULL) {
        struct err e;
        s->retry = loop_timer_new(s->net->loop, retry, s);
        net_address_format(&s->at, where, sizeof(where));
        err_set(&e, ERR_LIMIT, sys_errno, "accept on %s: %s", where, uv_strerror(-sys_errno));
        journal_note(s->journal, 0, LEVEL_WARNING, e.text,
                     "no descriptor is left for another connection; new ones wait in the backlog",
                     "close connections, or raise the limit: ulimit -n");
    }
    loop_timer_start(s->retry, STARVED_MS);
}

void listeners_resume_after_close(struct net *n)
{
    if (n == NULL)
        return;
    for (struct listener *s = n->listeners; s != NULL; s = s->next)
        retry(s);
}

static bool is_any(const struct net_address *a)
{
    static const uint8_t zero[16];
    return memcmp(a->ip, zero, sizeof(zero)) == 0;
}

static void accepted(struct listener *s, int fd, const struct sockaddr_storage *from)
{
    char local[160];
    struct net_address peer, at = s->at;
    const struct link_transport *transport =
        s->at.family == NET_UNIX ? &transport_unix : &transport_tcp;
    struct link *k =
        link_new(s->net->loop, s->journal, journal_conn_new(s->journal), true, transport);
    address_from_system(from, &peer);
    if (s->at.family == NET_UNIX)
        peer = s->at; /* connecting ends of unix sockets have no name */
    if (s->at.family != NET_UNIX && is_any(&s->at))
        socket_local_address(fd, &at);
    net_address_format(&at, local, sizeof(local));
    link_set_peer(k, &peer);
    k->backstage = s->backstage;
    link_enter(k);
    if (socket_open(k, fd)) {
        link_came_up(k, local, NULL, 0, s->name);
        s->on_accept(s->ctx, k);
    } else {
        k->orphan = true;
        link_end(k, DOWN_ERROR, NULL);
    }
    if (k->state == LINK_UP)
        k->transport->arrange(k);
    link_leave(k);
}

static void ready(uv_poll_t *poll, int status, int events)
{
    struct listener *s = poll->data;
    (void)events;
    if (status < 0) { /* libuv stopped watching */
        arrange(s);
        return;
    }
    for (int i = 0; i < ACCEPTS_A_TURN && !s->freed && !s->paused && !s->starved; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof(from);
        int fd = accept4(s->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accepted(s, fd, &from);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            starve(s, errno);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        }
        /* ECONNABORTED and the network's errors belong to the one connection: take the next. */
    }
}

/* A unix socket's file outlives a program that was killed. It may go when nobody answers there. */
static void remove_stale(const struct net_address *at, const struct sockaddr_storage *ss,
                         socklen_t len)
{
    struct stat st;
    if (lstat(at->path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)ss, len) != 0 && errno == ECONNREFUSED)
        unlink(at->path);
    close(fd);
}

static int open_listening(const struct net_address *at, unsigned backlog, int *fd_out)
{
    struct sockaddr_storage ss;
    socklen_t len = address_to_system(at, &ss);
    int one = 1;
    int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    if (at->family == NET_UNIX) {
        remove_stale(at, &ss, len);
    } else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        /* Accepted sockets inherit it. */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    if (at->family == NET_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&ss, len) != 0 ||
        listen(fd, backlog > 0 ? (int)backlog : SOMAXCONN) != 0) {
        int sys_errno = errno;
        close(fd);
        return sys_errno;
    }
    *fd_out = fd;
    return 0;
}

struct listener *listener_new(struct loop *l, struct journal *j, const struct net_address *at,
                              const char *name, unsigned backlog, bool backstage,
                              listener_fn on_accept, void *ctx, struct err *err)
{
    int fd = -1;
    int sys_errno = open_listening(at, backlog, &fd);
    struct listener *s = mem_zalloc(sizeof(*s));
    if (sys_errno == 0 && uv_poll_init(loop_uv(l), &s->poll, fd) != 0) {
        close(fd);
        sys_errno = EBADF;
    }
    if (sys_errno != 0) {
        err_listen(err, at, sys_errno);
        mem_free(s);
        return NULL;
    }
    s->net = net_of(l);
    s->journal = j;
    s->on_accept = on_accept;
    s->ctx = ctx;
    s->name = mem_strdup(name != NULL ? name : "");
    s->backstage = backstage;
    s->fd = fd;
    s->poll.data = s;
    s->at = *at;
    if (at->family != NET_UNIX)
        socket_local_address(fd, &s->at);
    s->next = s->net->listeners;
    s->net->listeners = s;
    arrange(s);
    return s;
}

const struct net_address *listener_address(const struct listener *s)
{
    return &s->at;
}

void listener_pause(struct listener *s)
{
    s->paused = true;
    arrange(s);
}

void listener_resume(struct listener *s)
{
    s->paused = false;
    arrange(s);
}

static void closed(uv_handle_t *handle)
{
    struct listener *s = handle->data;
    s->closed = true;
    if (s->freed)
        mem_free(s);
}

void listener_discard(struct listener *s)
{
    if (s->net == NULL)
        return;
    for (struct listener **at = &s->net->listeners; *at != NULL; at = &(*at)->next) {
        if (*at == s) {
            *at = s->next;
            break;
        }
    }
    s->net = NULL;
    loop_timer_free(&s->retry);
    uv_close((uv_handle_t *)&s->poll, closed);
    close(s->fd);
    s->fd = -1;
    if (s->at.family == NET_UNIX)
        unlink(s->at.path);
}

void listener_free(struct listener **sp)
{
    struct listener *s = *sp;
    if (s == NULL)
        return;
    *sp = NULL;
    s->freed = true;
    mem_free(s->name);
    s->name = NULL;
    if (s->closed)
        mem_free(s);
    else
        listener_discard(s);
}
