/* A link: the byte chain of one connection.
 *
 *     engine  <- plain octets ->  [ TLS ]  <- wire octets ->  tcp | unix | memory  <-> peer
 *
 * The link appends to the journal: LINK_TRY, LINK_UP, LINK_DOWN, all TLS_* events, and OCTETS of
 * the wire layer (only while TLS is on; handshake octets are kept, encrypted application data is
 * counted, kept only on request). OCTETS of the plain layer are appended by the engine, which knows
 * what in them is secret. Errors come to on_down / on_tls as struct err with all three texts
 * filled.
 *
 * Links are asynchronous. No handler is called from inside link_connect, link_send or
 * link_start_tls; on_* run from the loop. A handler may call any link function, link_free included.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include "base/err.h"
#include "base/secret.h"
#include "journal/journal.h"
#include "loop/loop.h"
#include "net/address.h"
#include "net/tls.h"

struct link;

struct link_handlers {
    /* Connected (or the accepting side is ready). */
    void (*on_up)(void *ctx);
    /* Plain octets from the peer, borrowed for the call. */
    void (*on_octets)(void *ctx, struct slice octets);
    /* The handshake ended; err NULL: TLS is on. With verify chain|full a failed check arrives as
     * err->domain ERR_TLS and the link is down, unless the mode was `none`. */
    void (*on_tls)(void *ctx, const struct err *err);
    /* The send queue fell below LINK_LOW_WATER_OCTETS after having been above it. */
    void (*on_drained)(void *ctx);
    /* The connection is over or never came up; the last call for this link. err->domain ERR_CLOSED
     * with code 0: the peer closed in order. Not called after link_close/link_abort by ourselves
     * has been asked for with the link freed. */
    void (*on_down)(void *ctx, enum event_down why, const struct err *err);
};

enum {
    LINK_LOW_WATER_OCTETS = 128 * 1024,  /* send more when below */
    LINK_HIGH_WATER_OCTETS = 512 * 1024, /* polite producers stop above */
    LINK_READ_OCTETS = 64 * 1024         /* at most this much in one on_octets */
};

/* What is crossed or said before the owner's first octet, once the transport is connected. Each
 * message of it is a HOP event; on_up comes when the last is through. A failure is the
 * connection's: on_down without on_up. */
enum link_hop_kind {
    HOP_SOCKS5,       /* RFC 1928, with user and password RFC 1929 */
    HOP_HTTP_CONNECT, /* with Basic authentication where a user is named */
    HOP_PROXY_V1,     /* the PROXY header: nothing comes back */
    HOP_PROXY_V2
};
struct link_hop {
    enum link_hop_kind kind;
    const char *host; /* proxies: where they are to connect, a name or an address */
    unsigned port;
    const char *user; /* proxies: NULL or "": no login */
    const struct secret *password;
    const struct net_address *source, *destination; /* PROXY header; NULL: this connection's own */
};

struct link_options {
    const char *name;                 /* for LINK_UP: the name asked for */
    uint64_t connect_timeout_ms;      /* 0: none; an address that does not answer in time is down */
    unsigned attempt, attempts;       /* for LINK_TRY; 0 is taken as 1 */
    const struct net_address *source; /* bind to it; NULL: any */
    bool backstage;                   /* events carry EVENT_FLAG_BACKSTAGE */
    bool keep_wire;                   /* keep encrypted application data too */
    const struct link_hop *hops;      /* in this order, at most 4; copied */
    size_t n_hops;
};

/* Begin to connect. Never fails at once: failure comes to on_down. `handlers` is borrowed and must
 * outlive the link. conn: from journal_conn_new. */
struct link *link_connect(struct loop *l, struct journal *j, uint32_t conn,
                          const struct net_address *to, const struct link_options *options,
                          const struct link_handlers *handlers, void *ctx);
/* The same with a command of the shell as the peer: what it reads and writes is the connection,
 * what it says on standard error becomes notes, and so does its end. An abort ends it (SIGTERM). */
struct link *link_spawn(struct loop *l, struct journal *j, uint32_t conn, const char *command,
                        const struct link_options *options, const struct link_handlers *handlers,
                        void *ctx);
/* Hops of a link that was made without options (link_pair), before it comes up. */
void link_set_hops(struct link *k, const struct link_hop *hops, size_t n_hops);
/* Two links joined in memory: what one sends the other gets. Both come up on the next turn. */
void link_pair(struct loop *l, struct journal *j, uint32_t client_conn, uint32_t server_conn,
               const struct link_handlers *client_handlers, void *client_ctx,
               const struct link_handlers *server_handlers, void *server_ctx,
               struct link **client_out, struct link **server_out);

/* Queue plain octets (copied; written to the system at once as far as it takes them). False: the
 * link is not up, going down, half closed, or a TLS handshake is under way: nothing was queued. */
bool link_send(struct link *k, struct slice octets);
size_t link_queued_octets(const struct link *k);
/* Start TLS as client / as server on an up link; what is queued goes out before, in the clear.
 * via: how it came to this. Nothing happens on a link that broke meanwhile (on_down is on its way).
 * The context may be freed while links use it. A handshake that ends by the peer's end arrives in
 * on_tls as ERR_CLOSED, then on_down(DOWN_EOF or DOWN_RESET); every other failure as ERR_TLS, then
 * DOWN_TLS. */
void link_start_tls_client(struct link *k, struct tls_client *c, enum event_tls_via via);
void link_start_tls_server(struct link *k, struct tls_server *s, enum event_tls_via via);
/* Octets of the peer's handshake that came as plain ones before it was started here (behind a PROXY
 * header). Handlers run from inside: the last thing to do with the link. */
void link_tls_early(struct link *k, struct slice wire);
bool link_is_up(const struct link *k);
bool link_is_tls(const struct link *k);
/* No on_octets until resumed: back pressure on the peer. */
void link_pause(struct link *k);
void link_resume(struct link *k);
/* Orderly end after the queue has left (TLS close_notify included); on_down(DOWN_OURS) follows, or
 * DOWN_TIMEOUT when the peer takes nothing for 10 s. No on_octets after this call. */
void link_close(struct link *k);
/* Shut our sending side down after the queue has left; reading goes on. */
void link_half_close(struct link *k);
/* Cut: RST once the octets already queued have been given to the system; on_down(DOWN_ABORT)
 * follows. */
void link_abort(struct link *k);
/* Free at any time; an open connection is closed in order in the background without handlers (the
 * journal must live as long as the loop runs). */
void link_free(struct link **k);
uint32_t link_conn(const struct link *k);
/* Keep encrypted application data from here on: what link_options.keep_wire says of a link that was
 * made without them (link_pair). */
void link_set_keep_wire(struct link *k, bool keep);
/* tls-exporter channel binding (RFC 9266), 32 octets; false without TLS 1.3 / exporter. */
bool link_channel_binding(struct link *k, uint8_t out[32]);
/* tls-unique channel binding (RFC 5929 section 3) of TLS 1.2 and older; returns its length, 0:
 * there is none. */
enum { LINK_TLS_UNIQUE_OCTETS = 64 };
size_t link_tls_unique(struct link *k, uint8_t out[LINK_TLS_UNIQUE_OCTETS]);
/* Server side with practice certificates: who the client's certificate proves to be; false: it has
 * shown none that our own CA has made for clients. */
bool link_client_identity(struct link *k, char *out, size_t out_octets);

/* Listening. on_accept gets a link whose handlers it must set with link_set_handlers before it
 * returns; LINK_UP has been appended; on_up is not called. NULL and *err where the address cannot
 * be had. Port 0 takes a free one: see listener_address. */
struct listener;
typedef void (*listener_fn)(void *ctx, struct link *link);
struct listener *listener_new(struct loop *l, struct journal *j, const struct net_address *at,
                              const char *name, unsigned backlog, bool backstage,
                              listener_fn on_accept, void *ctx, struct err *err);
const struct net_address *listener_address(const struct listener *s);
/* Accept no more until resumed: for connection limits. */
void listener_pause(struct listener *s);
void listener_resume(struct listener *s);
void listener_free(struct listener **s);
void link_set_handlers(struct link *k, const struct link_handlers *handlers, void *ctx);
/* The peer's address of a link that is or was up. */
const struct net_address *link_peer(const struct link *k);

#endif
