/* A session's insides, shared by its source files only.
 *
 * Handlers may free the session they are called for. Every way in from the loop (link, timers, DNS,
 * deferred calls) holds the session with session_enter and lets go with session_leave; session_free
 * in between takes everything down at once and leaves only the empty struct, with .freed set, until
 * the last one has let go. After each handler the caller looks at .freed.
 */
#ifndef CLIENT_SESSION_PRIVATE_H
#define CLIENT_SESSION_PRIVATE_H

#include <sys/types.h>

#include "client/route.h"
#include "client/session.h"

enum {
    SESSION_ADDRESSES_MAX = 32, /* of one host; more are not tried */
    SESSION_HOSTS_MAX = 16,     /* mail exchangers tried */
    SESSION_CONTENT_PIECE_OCTETS = 65536,
    SESSION_CHUNK_OCTETS = 1 << 20,      /* of one BDAT where nobody says */
    SESSION_CHUNK_MAX_OCTETS = 16 << 20, /* limit "chunk": a chunk is held in memory */
    SESSION_PACE_QUEUE_MAX_OCTETS = 4 << 20,
    SESSION_PACE_TICK_MS = 50,
    SESSION_CONNECT_MS = 30000,
    SESSION_RESOLVE_MS = 10000,
    SESSION_LINE_EXTRA_OCTETS = 64, /* what a typed line may gain: a dot, a tag, its end */
};

enum session_phase {
    SESSION_FINDING,    /* names are looked up, or the next host is about to be */
    SESSION_CONNECTING, /* a link is under way */
    SESSION_HANDSHAKE,  /* implicit TLS, before it is up */
    SESSION_UP,
    SESSION_DOWN,
};

struct session_find {
    struct dns_question *questions[2]; /* AAAA (or MX), A */
    unsigned open_questions;
    enum dns_status status[2];
    char why[2][120];
    struct net_address v6[SESSION_ADDRESSES_MAX], v4[SESSION_ADDRESSES_MAX];
    size_t n_v6, n_v4;
    struct net_address addresses[SESSION_ADDRESSES_MAX];
    size_t n_addresses, next_address;
    char *hosts[SESSION_HOSTS_MAX];
    size_t n_hosts, next_host;
    const char *host; /* being tried */
    /* Its addresses, where the proxy is given one (socks5://). */
    struct net_address behind[SESSION_ADDRESSES_MAX];
    size_t n_behind, next_behind;
    bool asking_behind;
    uint64_t since_ns;
    struct err last; /* why the latest attempt failed */
};

/* What stands between us and the server. */
struct session_route {
    bool proxied, header;
    struct route_proxy proxy;
    struct route_header haproxy;
    struct secret password; /* of the proxy */
};

struct session_stream {
    bool running, by_drive;
    off_t
        begins; /* of source.fd: where each transaction of a drive begins; -1: it cannot go back */
    struct session_content source;
    struct smtp_stuff stuff;
    struct buf raw;  /* one piece as read */
    struct buf wire; /* its wire form */
    size_t at;       /* of source.octets */
    /* BDAT: .wire is read from .wire_at on, .chunk leaves from .chunk_at on behind .head */
    bool chunked, chunk_open, last_chunk, at_end, last_was_cr;
    size_t wire_at, chunk_at, chunk_octets;
    struct buf chunk, head;
    unsigned replies_due;
    uint64_t sent, total;
};

struct session {
    struct loop *loop;
    struct journal *journal;
    struct dns *dns;
    struct target target;
    struct session_options options; /* strings owned */
    session_practice_fn practice;
    void *practice_ctx;
    struct session_handlers handlers;
    void *ctx;
    uint32_t conn;
    unsigned held;
    bool freed;
    enum session_phase phase;
    bool tls_under_way;
    enum event_down down_why; /* of a deferred end */
    struct err down_err;
    struct session_find find;
    struct session_route route;
    struct tls_client *tls;
    struct link *link;
    struct track *track;
    struct loop_timer *timer; /* the wait of the step under way, or of the handshake */
    uint64_t timer_ms;
    const char *timer_stage;
    bool answer_due; /* the wait for this reply has begun: what trickles in does not prolong it */
    struct smtp_drive *drive;
    struct mailbox_drive *login;
    bool driving;    /* .drive is at work */
    bool logging_in; /* .login is */
    struct session_stream stream;
    bool content_began; /* the drive's message went out once */
    /* Pace: what is to leave slowly, and how much may leave by now. */
    uint64_t pace_octets_per_s;
    struct buf pace_queue;
    struct loop_timer *pace_timer;
    uint64_t pace_last_ns;
    uint64_t pace_credit; /* octets times 1e9 */
};

/* session.c */
void session_enter(struct session *s);
void session_leave(struct session *s);
/* The end, once: drive, handlers. The session may be freed when it returns. */
void session_ended(struct session *s, enum event_down why, const struct err *err);
void session_start_tls_via(struct session *s, enum event_tls_via via);
uint64_t session_now_ns(const struct session *s);
/* Journal and send, or queue where a pace is set. */
bool session_out(struct session *s, struct slice octets);
void session_timer(struct session *s, uint64_t after_ms, const char *stage); /* 0: stop */
void session_fail_later(struct session *s, enum event_down why);

/* session_find.c */
void session_find_begin(struct session *s);
void session_find_stop(struct session *s);
/* The next address, host, or the end with find.last. */
void session_find_next(struct session *s);
void session_find_deinit(struct session *s);

/* session_route.c */
/* Read what the options say of the way. False: find.last says what is wrong. */
bool session_route_read(struct session *s);
void session_route_deinit(struct session *s);
enum { SESSION_HOPS_MAX = 2 };
/* The hops to the host being tried, borrowed from the session. */
size_t session_route_hops(const struct session *s, const char *host, unsigned port,
                          struct link_hop out[SESSION_HOPS_MAX]);
const char *session_tls_name(const struct session *s);
extern const struct link_handlers session_link_handlers;

/* session_drive.c */
void session_pump(struct session *s);
/* How long a helper waits at this stage. */
uint64_t session_stage_wait_ms(const struct session *s, enum smtp_step stage);
void session_drive_over(struct session *s); /* tell its result */
/* What TLS knows of this connection, for mechanisms bound to it. */
void session_bind_channel(struct session *s, struct credentials *credentials);
void session_drive_outcome(struct session *s, enum smtp_outcome outcome, const struct err *err);

/* session_login.c */
void session_login_pump(struct session *s);
void session_login_over(struct session *s);
void session_login_outcome(struct session *s, enum mailbox_outcome outcome, const struct err *err);

/* session_content.c */
bool session_stream_begin(struct session *s, const struct session_content *content, bool by_drive);
void session_stream_run(struct session *s);
void session_stream_end(struct session *s);
/* The next piece of the source; empty: it is at its end. False: it cannot be read. */
bool session_stream_piece(struct session_stream *t, struct slice *piece_out, struct err *err);
void session_stream_failed(struct session *s, const struct err *err);
bool session_stream_may_send(const struct session *s);

/* session_chunks.c */
void session_chunks_begin(struct session *s, uint64_t chunk_octets);
/* Send what the link takes of the chunk under way, or begin the next; true: it has left whole. */
bool session_chunk_run(struct session *s);
/* A reply came: /bdat goes on with the next chunk, or ends. */
void session_chunk_answered(struct session *s, const struct smtp_item *reply);
void session_pace_run(void *session);
bool session_pace_idle(const struct session *s);

#endif
