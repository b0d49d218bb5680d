/* One live client session: resolver, link, tracker and (while a helper runs) driver bound together.
 *
 * What a person types goes out as it is; helpers (/send, /tls, /auth) run a driver on the same
 * session. Everything that happens is in the journal; the handlers below only tell that something
 * did.
 */
#ifndef CLIENT_SESSION_H
#define CLIENT_SESSION_H

#include "client/target.h"
#include "dns/dns.h"
#include "engine/mailbox_drive.h"
#include "engine/smtp_drive.h"
#include "engine/track.h"
#include "net/link.h"

struct session;

struct session_options {
    const char *name;              /* EHLO name for helpers */
    struct tls_client_options tls; /* .name is filled from the target where NULL */
    /* Names come from the practice world: its loopback addresses lead to the practice server, all
     * others nowhere. */
    bool practice_world;
    bool ipv4_only, ipv6_only;
    const char *source;                          /* local address; NULL: any */
    const char *proxy;                           /* URL (client/route.h); NULL: none */
    const struct secret *proxy_password;         /* copied; NULL: none */
    const char *haproxy;                         /* PROXY header (client/route.h); NULL: none */
    uint64_t connect_timeout_ms;                 /* each address; 0: 30 s */
    uint64_t resolve_timeout_ms;                 /* 0: 10 s */
    uint64_t reply_timeout_ms;                   /* 0: the RFC's, stage by stage (helpers only) */
    uint64_t stage_timeout_ms[SMTP_STEP__COUNT]; /* of single stages; 0: as said above */
    bool keep_wire;
};

/* Called from the loop. */
struct session_handlers {
    void (*on_item)(void *ctx, const struct track_item *item); /* after the engines saw it */
    void (*on_up)(void *ctx); /* connected (and TLS, where implicit) */
    void (*on_tls)(void *ctx, const struct err *err);
    void (*on_down)(void *ctx, enum event_down why,
                    const struct err *err); /* once; not up means: could not connect */
    void (*on_drive_done)(void *ctx, const struct smtp_result *result); /* a helper ended */
    void (*on_login_done)(void *ctx,
                          const struct mailbox_result *result); /* likewise, POP3, IMAP */
};

/* How the practice server is reached without this module knowing it (the mock stands on the same
 * floor): gives the client end of a memory link. */
typedef struct link *(*session_practice_fn)(void *ctx, uint32_t conn, enum target_service service,
                                            const struct link_handlers *handlers,
                                            void *handlers_ctx);

/* Open: resolve, try each address in order, connect, TLS where the service says so. Options and
 * target are copied; dns is borrowed; practice may be NULL where target is not TARGET_PRACTICE. */
struct session *session_open(struct loop *l, struct journal *j, struct dns *dns,
                             const struct target *target, const struct session_options *options,
                             session_practice_fn practice, void *practice_ctx,
                             const struct session_handlers *handlers, void *ctx);
void session_free(struct session **s);

uint32_t session_conn(const struct session *s);
const struct track *session_track(const struct session *s); /* NULL before it is up */
/* The SMTP tracker; NULL before it is up, and where the session speaks another protocol. */
const struct smtp_track *session_smtp(const struct session *s);
const struct target *session_target(const struct session *s);
bool session_is_up(const struct session *s);
bool session_is_tls(const struct session *s);

/* A line as typed, in the form the protocol gives it (track_line): + CRLF; inside content:
 * dot-stuffed where dotstuff, a lone "." ends it. False: not up. */
bool session_send_line(struct session *s, struct slice line, bool dotstuff);
/* Octets exactly as they are. */
bool session_send_raw(struct session *s, struct slice octets);
/* Octets a second at most for what follows; 0: as fast as it goes. */
void session_set_pace(struct session *s, uint64_t octets_per_s);
/* Octets that wait for their turn under a pace: they are in the journal once they have left. */
uint64_t session_waiting_octets(const struct session *s);
/* Handshake now, without a STARTTLS command (the person sent it, or wants to see what happens). */
void session_start_tls(struct session *s);
void session_close(struct session *s); /* FIN */
void session_abort(struct session *s); /* RST */
/* End our sending side only (FIN); reading goes on. False: not up. */
bool session_half_close(struct session *s);

/* Where a message comes from: a file, standard input read whole before, or octets. */
struct session_content {
    int fd;              /* >= 0: read from here in pieces, from its current offset */
    struct slice octets; /* fd < 0: these; borrowed until the drive is done */
    bool mend;           /* LF becomes CRLF */
};
/* Run a driver to a goal. The plan is copied, what it points to is borrowed until on_drive_done.
 * False: one is running already, or the session is down. */
bool session_drive(struct session *s, const struct smtp_plan *plan,
                   const struct session_content *content);
/* The same for POP3 and IMAP: TLS, and logging in. */
bool session_login(struct session *s, const struct mailbox_plan *plan);
/* Send content into an open DATA (after 354), with final dot: /data FILE. */
bool session_send_content(struct session *s, const struct session_content *content);
/* Send content by BDAT, chunk after chunk, each when the one before was taken: /bdat FILE. 0: the
 * default size. */
bool session_send_chunks(struct session *s, const struct session_content *content,
                         uint64_t chunk_octets);
void session_drive_stop(struct session *s); /* give up: nothing more is sent */
const struct smtp_result *
session_result(const struct session *s); /* of the running or last drive; NULL */
/* Progress of the content under way: octets sent and total (0: unknown), either may
 * be NULL. False: none is. */
bool session_progress(const struct session *s, uint64_t *sent_out, uint64_t *total_out);

#endif
