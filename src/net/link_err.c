/* What went wrong with a connection, in words: what was tried, what it means, what to try next. */
#include "net/net_private.h"

#include <errno.h>

struct words {
    int sys_errno;
    enum event_down down;
    const char *means;
    const char *next;
};

static const struct words connect_words[] = {
    {ECONNREFUSED, DOWN_REFUSED,
     "the host is there, but nothing listens on that port (or a firewall says so)",
     "check the port: 25 relay, 587 submission, 465 TLS from the first octet; is the server "
     "running?"},
    {ETIMEDOUT, DOWN_TIMEOUT, "nothing answered: the host is down, or a firewall drops the packets",
     "many networks block port 25 outwards; try 587 or 465, or from another network"},
    {ENETUNREACH, DOWN_UNREACHED, "this machine has no route to that network",
     "is the network up? an IPv6 address needs IPv6 here: try -4"},
    {EHOSTUNREACH, DOWN_UNREACHED, "a router says the host cannot be reached",
     "check the address; a firewall may say this too"},
    {EACCES, DOWN_UNREACHED, "the system does not allow this connection",
     "a local firewall rule, or the permissions of the socket file"},
    {EPERM, DOWN_UNREACHED, "the system does not allow this connection",
     "look at the local firewall's rules"},
    {ENOENT, DOWN_UNREACHED, "there is no socket file of that name",
     "is the server running? check the path"},
    {EADDRNOTAVAIL, DOWN_UNREACHED, "the source address is not one of this machine's",
     "choose an address of this machine, or none"},
    {EMFILE, DOWN_UNREACHED, "this program has no descriptor left for another connection",
     "close connections, or raise the limit: ulimit -n"},
    {EAGAIN, DOWN_REFUSED, "the server's queue of waiting connections is full",
     "try again in a moment"},
    {0, DOWN_UNREACHED, "the connection could not be made", "check the address and the network"},
};

static const struct words listen_words[] = {
    {EADDRINUSE, DOWN_ERROR, "another program (or another smtpscope) listens there already",
     "choose another port, or 0 for any free one"},
    {EACCES, DOWN_ERROR, "ports below 1024 and some paths need more rights",
     "choose a port above 1023, such as 2525"},
    {EADDRNOTAVAIL, DOWN_ERROR, "the address is not one of this machine's",
     "use 127.0.0.1, ::1, or an address of this machine"},
    {ENOENT, DOWN_ERROR, "the directory of the socket file does not exist", "make it first"},
    {0, DOWN_ERROR, "the address cannot be listened on", "choose another address"},
};

static const struct words *words_of(const struct words *table, int sys_errno)
{
    while (table->sys_errno != 0 && table->sys_errno != sys_errno)
        table++;
    return table;
}

enum event_down down_of_connect_errno(int sys_errno)
{
    return words_of(connect_words, sys_errno)->down;
}

void err_connect(struct err *e, const struct net_address *to, int sys_errno)
{
    char where[160];
    const struct words *w = words_of(connect_words, sys_errno);
    net_address_format(to, where, sizeof(where));
    err_set(e, ERR_CONNECT, sys_errno, "connect to %s: %s", where, uv_strerror(-sys_errno));
    err_explain(e, w->means, w->next);
}

void err_connect_timeout(struct err *e, const struct net_address *to, uint64_t waited_ms)
{
    char where[160];
    const struct words *w = words_of(connect_words, ETIMEDOUT);
    net_address_format(to, where, sizeof(where));
    err_set(e, ERR_TIMEOUT, (int)(waited_ms > INT32_MAX ? INT32_MAX : waited_ms),
            "connect to %s: no answer within %llu ms", where, (unsigned long long)waited_ms);
    err_explain(e, w->means, w->next);
}

void err_listen(struct err *e, const struct net_address *at, int sys_errno)
{
    char where[160];
    const struct words *w = words_of(listen_words, sys_errno);
    net_address_format(at, where, sizeof(where));
    err_set(e, ERR_CONNECT, sys_errno, "listen on %s: %s", where, uv_strerror(-sys_errno));
    err_explain(e, w->means, w->next);
}

enum event_down down_of_errno(int sys_errno)
{
    switch (sys_errno) {
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
        return DOWN_RESET;
    case ETIMEDOUT:
        return DOWN_TIMEOUT;
    default:
        return DOWN_ERROR;
    }
}

void err_broke(struct err *e, bool peer_is_server, int sys_errno)
{
    const char *who = peer_is_server ? "server" : "client";
    const char *words = uv_strerror(-sys_errno);
    enum event_down down = down_of_errno(sys_errno);
    if (down == DOWN_RESET) {
        err_set(e, ERR_CLOSED, sys_errno, "the %s cut the connection: %s", who, words);
        err_explain(e, "a program crashed, lost patience, or a firewall on the way cut it (RST)",
                    "what was said last often tells why; the server's log tells more");
    } else if (down == DOWN_TIMEOUT) {
        err_set(e, ERR_CLOSED, sys_errno, "the %s stopped answering: %s", who, words);
        err_explain(e, "the network between broke, or the host went down", "connect again");
    } else {
        err_set(e, ERR_CLOSED, sys_errno, "the connection broke: %s", words);
        err_explain(e, "the system could not go on with this connection", "connect again");
    }
}

void err_peer_closed(struct err *e, bool peer_is_server)
{
    err_set(e, ERR_CLOSED, 0, "the %s closed the connection", peer_is_server ? "server" : "client");
    err_explain(e, "it ended in order; nothing was lost on the way",
                "where that was too early, the last reply may tell why");
}

void err_linger(struct err *e, size_t left_octets, uint64_t waited_ms)
{
    err_set(e, ERR_TIMEOUT, (int)waited_ms,
            "closing: the peer did not take the last %zu octets in %llu ms", left_octets,
            (unsigned long long)waited_ms);
    err_explain(e, "the peer has stopped reading; the rest was dropped",
                "look at the peer: it may hang, or wait for something itself");
}
