/* The insides of a link, shared by the files of this module only.
 *
 *   link.c      what callers see; when a link ends, and how
 *   link_out.c  the queue of wire octets
 *   socket.c    tcp and unix transport over uv_poll
 *   memory.c    two links joined in memory
 *   child.c     a process as the peer
 *   hop.c, link_hops.c   proxies and the PROXY header, before the owner's first octet
 *   link_tls.c   TLS of one link: the pump between plain and wire
 *
 * A link is in one of three states; `ending` is set in LINK_UP once it is known how it will end,
 * and the end comes when the queue has left. No memory goes while a handler of the link runs
 * (`busy`), a deferred call is due (`deferred`) or libuv still holds its handle (`handle_open`).
 */
#ifndef NET_NET_PRIVATE_H
#define NET_NET_PRIVATE_H

#include "base/buf.h"
#include "net/link.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <uv.h>

/* How long the last octets may stand still after an end was asked for; the peer may never read. */
#define LINGER_MS 10000

struct net {
    struct loop *loop;
    uint64_t linger_ms;
    struct link *links;         /* all not yet released */
    struct listener *listeners; /* all */
    struct child *children;     /* processes that have not ended */
    uint8_t *read_octets;       /* LINK_READ_OCTETS, shared by all links: used only during a read */
    uint8_t *plain_octets; /* LINK_READ_OCTETS for what TLS opened; made when TLS first starts */
};

struct net *net_of(struct loop *l);

enum link_state { LINK_CONNECTING, LINK_UP, LINK_DOWN };

/* Handlers that are due at the end of this turn. */
enum link_due { DUE_TLS_FAIL = 1, DUE_INPUT = 2, DUE_DRAINED = 4, DUE_DOWN = 8 };

struct out_chunk {
    struct out_chunk *next;
    uint32_t start, end, room;
    uint8_t octets[];
};

struct out_queue {
    struct out_chunk *head, *tail;
    size_t octets;
};

/* What the system took. */
enum out_result { OUT_ALL, OUT_BLOCKED, OUT_BROKEN };

struct link_transport {
    enum event_transport kind;
    /* Give the queue to the system as far as it takes it. `fresh` stands behind the queue and is
     * queued by the caller from *fresh_used_out on. OUT_BROKEN: k->broken_errno is set. */
    enum out_result (*write)(struct link *k, struct slice fresh, size_t *fresh_used_out);
    /* Look at what the link wants now (reading, writing) and arrange to be called. */
    void (*arrange)(struct link *k);
    void (*shut)(struct link *k); /* the sending side */
    void (*close)(struct link *k, bool reset);
};

/* Known only until the link is up. */
struct link_start {
    char *name;
    uint64_t tick_ns;
    uint64_t timeout_ms;
};

struct memory_end {
    struct link *peer; /* NULL: gone */
    bool got_eof, got_reset;
};

struct link {
    struct link *prev, *next;
    struct net *net;
    struct journal *journal;
    const struct link_handlers *handlers; /* NULL: nobody listens any more */
    void *ctx;
    const struct link_transport *transport;
    union {
        struct {
            uv_poll_t poll;
            int fd;
            int interest;
            struct child *child; /* transport_pipe; NULL: it has ended */
        } sock;
        struct memory_end memory;
    } t;
    struct link_tls *tls;   /* NULL: in the clear */
    struct link_hops *hops; /* NULL: none is left to be crossed */
    struct link_start *start;
    struct loop_timer *timer;      /* connecting, or lingering */
    struct err *err;               /* of the end, once known */
    struct net_address *peer_wide; /* link_peer's answer, made when asked for */
    struct out_queue out;
    size_t dropped_octets; /* accepted from the caller, but the connection broke before */
    size_t notify_octets;  /* of TLS's close_notify, behind all else: nobody's words */
    struct {
        uint8_t ip[16];
        uint32_t scope_id;
        uint16_t port;
        uint8_t family;
    } peer;
    uint32_t conn;
    int broken_errno; /* writing failed with this; reading may still bring the peer's last words */
    uint16_t busy;
    uint8_t state;   /* enum link_state */
    uint8_t due;     /* enum link_due */
    uint8_t end_why; /* enum event_down */
    bool server : 1;
    bool backstage : 1;
    bool keep_wire : 1;
    bool orphan : 1; /* link_free was called */
    bool deferred : 1;
    bool handle_open : 1;
    bool paused : 1;
    bool peer_eof : 1;
    bool ending : 1;
    bool half_close : 1; /* wanted */
    bool shut : 1;       /* done */
    bool was_high : 1;
};

/* link.c */
struct link *link_new(struct loop *l, struct journal *j, uint32_t conn, bool server,
                      const struct link_transport *transport);
void link_set_peer(struct link *k, const struct net_address *peer);
unsigned link_flags(const struct link *k);
uint64_t link_now_ns(const struct link *k);
/* The direction of what we send / what the peer sends. */
enum event_dir link_dir_out(const struct link *k);
enum event_dir link_dir_in(const struct link *k);
void link_enter(struct link *k);
void link_leave(struct link *k); /* k may be gone afterwards */
void link_due(struct link *k, unsigned what);
bool link_wants_input(const struct link *k);
/* The transport is connected. local_address: for a PROXY header; NULL: there is none. */
void link_came_up(struct link *k, const char *local, const struct net_address *local_address,
                  uint64_t elapsed_us, const char *name);
/* Nothing stands before the owner's first octet any more. */
void link_ready(struct link *k);
/* Wire octets came / the peer sends no more / reading failed / writing failed with broken_errno. */
void link_input(struct link *k, struct slice wire);
void link_input_eof(struct link *k);
void link_read_broke(struct link *k, int sys_errno);
void link_write_broke(struct link *k);
/* Hand plain octets to the owner. */
void link_deliver(struct link *k, struct slice plain);
/* It will end so, when the queue has left. The first cause stands, but an abort goes before. err
 * may be NULL. */
void link_end(struct link *k, enum event_down why, const struct err *err);
/* It ends now. */
void link_down(struct link *k, enum event_down why, const struct err *err);
void link_closed(struct link *k); /* from the transport: nothing of it is left in libuv */
/* After the queue became shorter. */
void link_progress(struct link *k);
/* Free what is left with no call and no event: the loop goes. */
void link_discard(struct link *k);

/* link_hops.c */
void link_hops_begin(struct link *k, const struct net_address *local);
void link_hops_input(struct link *k, struct slice wire);
void link_hops_free(struct link *k);

/* child.c */
void child_run(struct link *k); /* come up */
/* The link lets go of its process; abort ends it. */
void child_detach(struct link *k, bool abort);
void children_discard(struct net *n);

/* link_out.c */
void link_write_wire(struct link *k, struct slice wire);
void out_append(struct out_queue *q, struct slice octets);
void out_consume(struct out_queue *q, size_t n_octets);
void out_clear(struct out_queue *q);
/* The queue's octets as at most max vectors. */
size_t out_vectors(const struct out_queue *q, struct iovec *iov, size_t max);

/* socket.c */
extern const struct link_transport transport_tcp, transport_unix, transport_pipe;
void socket_connect(struct link *k, const struct net_address *to, const struct net_address *source);
/* Take over a connected descriptor. */
bool socket_open(struct link *k, int fd);
void socket_discard(struct link *k);
socklen_t address_to_system(const struct net_address *a, struct sockaddr_storage *ss);
void address_from_system(const struct sockaddr_storage *ss, struct net_address *out);
bool socket_local_address(int fd, struct net_address *out);

/* memory.c */
extern const struct link_transport transport_memory;
void memory_run(struct link *k);  /* come up, deliver what the other end has queued */
void memory_part(struct link *k); /* the two ends forget one another */

/* listener.c */
void listeners_resume_after_close(struct net *n);
void listener_discard(struct listener *s);

/* link_err.c: errors in words. */
void err_connect(struct err *e, const struct net_address *to, int sys_errno);
void err_connect_timeout(struct err *e, const struct net_address *to, uint64_t waited_ms);
void err_listen(struct err *e, const struct net_address *at, int sys_errno);
void err_broke(struct err *e, bool peer_is_server, int sys_errno);
void err_peer_closed(struct err *e, bool peer_is_server);
void err_linger(struct err *e, size_t left_octets, uint64_t waited_ms);
enum event_down down_of_errno(int sys_errno);
enum event_down down_of_connect_errno(int sys_errno);

/* link_tls.c */
bool link_tls_is_up(const struct link *k);
bool link_tls_in_handshake(const struct link *k);
void link_tls_input(struct link *k, struct slice wire);
void link_tls_resume(struct link *k);
/* The peer sends no more: was it the end TLS knows of? */
void link_tls_eof(struct link *k);
/* The link goes down in the middle of a handshake: say so. e, the reason, is filled or made better.
 */
void link_tls_cut(struct link *k, struct err *e);
bool link_tls_send(struct link *k, struct slice plain);
void link_tls_close_notify(struct link *k);
void link_tls_free(struct link *k);
bool link_tls_channel_binding(struct link *k, uint8_t out[32]);
bool link_tls_client_identity(struct link *k, char *out, size_t out_octets);
size_t link_tls_unique_octets(struct link *k, uint8_t *out, size_t out_octets);

#endif
