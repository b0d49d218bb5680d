/* tcp and unix stream sockets, over uv_poll.
 *
 * uv_tcp_t would hide how much of a broken connection's queue was left, when the sending side is
 * shut and what happens when descriptors run out; all three are facts this program shows. uv_poll
 * gives the readiness, the rest are the system's own calls.
 */
#include "net/net_private.h"

#include "base/mem.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#define READS_A_TURN 4
#define VECTORS      16
#define DRAIN_READS  16

static void socket_ready(uv_poll_t *poll, int status, int events);

static void interest_set(struct link *k, int interest)
{
    if (interest == k->t.sock.interest)
        return;
    k->t.sock.interest = interest;
    if (interest == 0)
        uv_poll_stop(&k->t.sock.poll);
    else
        uv_poll_start(&k->t.sock.poll, interest, socket_ready);
}

static void socket_arrange(struct link *k)
{
    int interest = 0;
    if (!k->handle_open || k->t.sock.fd < 0)
        return;
    if (k->state == LINK_CONNECTING)
        interest = UV_WRITABLE;
    if (k->state == LINK_UP && k->out.octets > 0)
        interest |= UV_WRITABLE;
    if (link_wants_input(k))
        interest |= UV_READABLE;
    interest_set(k, interest);
}

/* One write to the system; how much it took, 0 when it takes nothing now, -1 when broken. */
static ssize_t write_some(struct link *k, const struct iovec *iov, size_t n)
{
    struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = n};
    for (;;) {
        ssize_t took = sendmsg(k->t.sock.fd, &msg, MSG_NOSIGNAL);
        if (took >= 0)
            return took;
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
            return 0;
        k->broken_errno = errno;
        return -1;
    }
}

static enum out_result queue_flush(struct link *k)
{
    while (k->out.octets > 0) {
        struct iovec iov[VECTORS];
        size_t want = 0;
        size_t n = out_vectors(&k->out, iov, VECTORS);
        for (size_t i = 0; i < n; i++)
            want += iov[i].iov_len;
        ssize_t took = write_some(k, iov, n);
        if (took < 0)
            return OUT_BROKEN;
        out_consume(&k->out, (size_t)took);
        if ((size_t)took < want)
            return OUT_BLOCKED;
    }
    return OUT_ALL;
}

static enum out_result socket_write(struct link *k, struct slice fresh, size_t *fresh_used_out)
{
    *fresh_used_out = 0;
    if (k->out.octets > 0)
        return OUT_BLOCKED; /* the loop tells when there is room; do not ask each time */
    struct iovec iov = {(void *)(uintptr_t)fresh.ptr, fresh.len};
    ssize_t took = fresh.len > 0 ? write_some(k, &iov, 1) : 0;
    if (took < 0)
        return OUT_BROKEN;
    *fresh_used_out = (size_t)took;
    return (size_t)took == fresh.len ? OUT_ALL : OUT_BLOCKED;
}

static void socket_read(struct link *k)
{
    for (int i = 0; i < READS_A_TURN && link_wants_input(k); i++) {
        ssize_t n = recv(k->t.sock.fd, k->net->read_octets, LINK_READ_OCTETS, 0);
        if (n > 0) {
            link_input(k, slice_of(k->net->read_octets, (size_t)n));
            if (n < LINK_READ_OCTETS)
                return;
        } else if (n == 0) {
            link_input_eof(k);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno != EINTR) {
            link_read_broke(k, errno);
        }
    }
}

static void socket_connected(struct link *k)
{
    int sys_errno = 0;
    socklen_t len = sizeof(sys_errno);
    if (getsockopt(k->t.sock.fd, SOL_SOCKET, SO_ERROR, &sys_errno, &len) != 0)
        sys_errno = errno;
    if (sys_errno != 0) {
        struct err e;
        err_connect(&e, link_peer(k), sys_errno);
        link_down(k, down_of_connect_errno(sys_errno), &e);
        return;
    }
    struct net_address local = {.family = NET_MEMORY};
    char text[160] = "";
    if (socket_local_address(k->t.sock.fd, &local))
        net_address_format(&local, text, sizeof(text));
    link_came_up(k, text, &local, (link_now_ns(k) - k->start->tick_ns) / 1000, k->start->name);
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
    struct link *k = poll->data;
    link_enter(k);
    if (status < 0) {
        /* An error waits on the socket and libuv has stopped watching: reading will tell which. */
        k->t.sock.interest = 0;
        events = UV_READABLE | UV_WRITABLE;
    }
    if (k->state == LINK_CONNECTING) {
        socket_connected(k);
    } else {
        if ((events & UV_WRITABLE) && k->state == LINK_UP && k->out.octets > 0) {
            if (queue_flush(k) == OUT_BROKEN)
                link_write_broke(k);
            else
                link_progress(k);
        }
        if (events & UV_READABLE)
            socket_read(k);
    }
    socket_arrange(k);
    link_leave(k);
}

static void socket_closed(uv_handle_t *handle)
{
    link_closed(handle->data);
}

/* Closing with octets unread makes the system send RST, which may overtake our last words at the
 * peer. What has come already is read away first. */
static void drain(struct link *k)
{
    uint8_t away[4096]; /* not the shared buffer: that may be on loan to the handler closing us */
    for (int i = 0; i < DRAIN_READS; i++) {
        if (recv(k->t.sock.fd, away, sizeof(away), MSG_DONTWAIT) <= 0)
            return;
    }
}

static void socket_shutdown_handle(struct link *k)
{
    if (k->handle_open && !uv_is_closing((uv_handle_t *)&k->t.sock.poll))
        uv_close((uv_handle_t *)&k->t.sock.poll, socket_closed);
    if (k->t.sock.fd >= 0)
        close(k->t.sock.fd);
    k->t.sock.fd = -1;
}

static void socket_close(struct link *k, bool reset)
{
    if (!reset && !k->peer_eof && k->t.sock.fd >= 0 && k->broken_errno == 0)
        drain(k);
    if (reset && k->transport == &transport_tcp && k->t.sock.fd >= 0) {
        struct linger cut = {.l_onoff = 1, .l_linger = 0};
        setsockopt(k->t.sock.fd, SOL_SOCKET, SO_LINGER, &cut, sizeof(cut));
    }
    if (k->transport == &transport_pipe)
        child_detach(k, reset);
    socket_shutdown_handle(k);
}

void socket_discard(struct link *k)
{
    if (k->transport == &transport_pipe)
        child_detach(k, false);
    socket_shutdown_handle(k);
}

static void socket_shut(struct link *k)
{
    shutdown(k->t.sock.fd, SHUT_WR);
}

bool socket_open(struct link *k, int fd)
{
    k->t.sock.fd = fd;
    if (uv_poll_init(loop_uv(k->net->loop), &k->t.sock.poll, fd) != 0)
        return false;
    k->t.sock.poll.data = k;
    k->handle_open = true;
    return true;
}

bool socket_local_address(int fd, struct net_address *out)
{
    struct sockaddr_storage ss = {0};
    socklen_t len = sizeof(ss);
    if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
        return false;
    address_from_system(&ss, out);
    return true;
}

static int begin(struct link *k, const struct net_address *to, const struct net_address *source)
{
    struct sockaddr_storage ss;
    socklen_t len = address_to_system(to, &ss);
    int one = 1;
    k->t.sock.fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (k->t.sock.fd < 0)
        return errno;
    if (to->family != NET_UNIX)
        setsockopt(k->t.sock.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (source != NULL) {
        struct sockaddr_storage from;
        socklen_t from_len = address_to_system(source, &from);
        if (bind(k->t.sock.fd, (struct sockaddr *)&from, from_len) != 0)
            return errno;
    }
    if (connect(k->t.sock.fd, (struct sockaddr *)&ss, len) != 0 && errno != EINPROGRESS)
        return errno;
    return socket_open(k, k->t.sock.fd) ? 0 : EBADF;
}

void socket_connect(struct link *k, const struct net_address *to, const struct net_address *source)
{
    int sys_errno = begin(k, to, source);
    if (sys_errno != 0) {
        struct err e;
        err_connect(&e, to, sys_errno);
        link_down(k, down_of_connect_errno(sys_errno), &e);
        return;
    }
    socket_arrange(k);
}

const struct link_transport transport_tcp = {
    .kind = TRANSPORT_TCP,
    .write = socket_write,
    .arrange = socket_arrange,
    .shut = socket_shut,
    .close = socket_close,
};

const struct link_transport transport_unix = {
    .kind = TRANSPORT_UNIX,
    .write = socket_write,
    .arrange = socket_arrange,
    .shut = socket_shut,
    .close = socket_close,
};

const struct link_transport transport_pipe = {
    .kind = TRANSPORT_PIPE,
    .write = socket_write,
    .arrange = socket_arrange,
    .shut = socket_shut,
    .close = socket_close,
};
