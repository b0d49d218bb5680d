/* The practice server's insides, shared by its source files only.
 *
 * One `struct mock_conn` a connection, small, because ten thousand of them may idle. What every
 * protocol shares (list, link, TLS, late replies, octets held back, the end) is in conn.c; what the
 * octets mean stands behind a `struct mock_protocol` (conn_smtp.c and its siblings).
 *
 * What a message under way needs stands in a `struct mock_txn`, taken at MAIL from a short list of
 * spares and given back after it; what a late reply needs (a timer, the reply, octets not looked at
 * yet) in a `struct mock_wait`. Idle connections have neither. Nor has a connection a timer of its
 * own: those of one protocol are in one list, longest silent first, and one timer looks at the
 * heads.
 */
#ifndef MOCK_MOCK_PRIVATE_H
#define MOCK_MOCK_PRIVATE_H

#include "engine/imap_serve.h"
#include "engine/pop3_serve.h"
#include "engine/smtp_serve.h"
#include "mock/dns_server.h"
#include "mock/magic.h"
#include "mock/mock.h"
#include "mock/names.h"
#include "mock/plan.h"
#include "mock/report.h"
#include "net/proxy.h"
#include "store/store.h"

enum {
    MOCK_USERS_COUNT = 4, /* alice bob carol postmaster */
    MOCK_REMEMBERED_MAX = 4096,
    MOCK_UNSTORED_MAX_OCTETS = 256 << 20, /* limit "content": of all messages arriving at once */
    MOCK_RESERVE_MAX_OCTETS = 1 << 20,    /* of a declared SIZE, believed before it came */
    MOCK_GREYLIST_MS = 60000,
    MOCK_OVER_LIMIT_MAX = 64, /* beyond the limit that still hear why; more are cut */
    MOCK_ID_OCTETS = 20,
    MOCK_HELLO_MAX_OCTETS = 255,
    MOCK_ADDRESS_OCTETS = 322,
    MOCK_TLS_MAX = 64, /* limit "tls-servers": kinds that rules ask for */
};

/* memory.c: what happened to an address before: a bounded table, oldest entries leaving first. */
struct mock_memory_entry {
    uint64_t count;
    uint64_t since_tick_ns;
    uint32_t hash;
    uint32_t next; /* index + 1 in the bucket's chain */
    char *key;
};
struct mock_memory {
    struct mock_memory_entry *entries; /* a ring of MOCK_REMEMBERED_MAX */
    uint32_t *buckets;
    size_t n_entries, oldest;
};
void mock_memory_clear(struct mock_memory *m);
/* The entry of this key, made (count 0, since now) where there is none. Valid until the next call.
 */
struct mock_memory_entry *mock_memory_get(struct mock_memory *m, const char *key,
                                          uint64_t now_tick_ns);

/* store.c: the mailbox store, and who is who in it. */
struct mock_store {
    struct store *store;
    struct store_user *users[MOCK_USERS_COUNT];
    struct store_user *elsewhere;
    struct store_content *shown; /* of mock_message_at */
    char shown_from[322];
    bool said_full;
};

/* A recipient of the transaction under way. */
struct mock_recipient {
    int user;      /* index in the table of users; -1: .address */
    char *address; /* without brackets, owned; NULL for users */
    bool bounce;
    unsigned bounce_code;         /* 0: as the address asks, 550 */
    char *bounce_text;            /* owned; NULL: as the address asks */
    uint64_t bounce_after_ms;     /* 0: at once */
    bool discard;                 /* accepted, and its copy thrown away */
    bool refused;                 /* LMTP: after the content */
    const struct mock_list *list; /* NULL: no list */
    uint8_t notify;               /* set of enum mock_notify */
    char *orcpt;                  /* as given, owned; NULL: none */
    uint8_t action;               /* enum mock_action: what became of it */
    uint16_t code;                /* of the reply that says so; 0: it was taken */
    char status[16];
    char *diagnostic; /* owned; NULL: none */
};

struct mock_fault { /* a magic address with something to do at a later stage */
    struct magic magic;
    char *address;
    size_t recipient; /* its index; SIZE_MAX: it is the sender's */
};

struct mock_txn {
    struct mock_txn *next_spare;
    char from[322];
    char to[322]; /* of a single recipient, for Received */
    struct mock_recipient *recipients;
    size_t n_recipients, alloc_recipients;
    struct mock_fault *faults;
    size_t n_faults, alloc_faults;
    struct buf content;
    size_t charged_octets; /* of mock.unstored_octets */
    uint64_t declared_octets;
    uint64_t id;
    char envid[104];     /* xtext, "": none */
    bool utf8;           /* SMTPUTF8 */
    bool ret_full;       /* RET=FULL */
    uint64_t hold_ms;    /* FUTURERELEASE: so long from now; 0: not held */
    uint64_t asked;      /* rules at body that had their say */
    size_t trace_octets; /* of .content: our own lines in front */
    bool started;        /* content has its trace lines in front */
    bool dropped;        /* limit "content" was reached */
};

struct mock_wait {
    struct mock_conn *conn;
    struct loop_timer *timer; /* NULL: no reply is late, only the peer does not read */
    struct buf reply;
    struct buf held; /* octets of the client not looked at yet */
    struct mock_pace pace;
    size_t at; /* octets of .reply that have left */
    enum mock_then then;
    bool due;  /* .reply and .then are to be carried out */
    bool more; /* the protocol has more to say */
};

enum mock_phase {
    MOCK_CONN_NEW,       /* memory link that is not up yet */
    MOCK_CONN_HANDSHAKE, /* nothing may be said in the clear */
    MOCK_CONN_OPEN,
    MOCK_CONN_CLOSING, /* the last word is queued; what comes is ignored */
};

/* What a protocol keeps of a connection. SMTP's stands in the connection itself. */
struct mock_smtp {
    struct smtp_track *track;
    struct smtp_serve *serve;
    struct mock_txn *txn;
    char *hello;             /* as the client called itself */
    uint32_t n_messages;
    bool esmtp;
};

struct mock_world { /* what a scenario makes of the servers */
    unsigned refs;
    struct rules *rules;
    struct smtp_serve_options serve_options[MOCK_SERVICE__COUNT];
    struct imap_serve_options imap_options[MOCK_SERVICE__COUNT];
    struct pop3_serve_options pop3_options[2];                  /* POP3, POP3S */
    const struct scenario_server *servers[MOCK_SERVICE__COUNT]; /* NULL: as usual */
    struct arena arena;                                         /* of what the options point to */
    bool friendly; /* no scenario and no live rule: nothing is asked */
};

struct mock_tls { /* one kind of TLS server, made at first need */
    struct mock_tls *next;
    struct tls_server *server;
    char *name, *proto, *ciphers;
    enum scenario_cert cert;
    bool ask_client, require_client;
};

struct mock_conn {
    struct mock *mock;
    struct mock_conn *prev, *next; /* longest silent first */
    struct link *link;
    struct mock_wait *wait;
    struct mock_world *world;
    struct mock_changed *changed;  /* by rules; NULL: nothing */
    struct rules_session scripted; /* what the rules keep of it */
    struct net_proxy *proxy;       /* its header is still to come; NULL: none is due */
    char *peer; /* address literal a proxy has told, without brackets; NULL: the link's own */
    uint64_t active_tick_ms;
    union {
        struct mock_smtp smtp;
        void *session; /* of any other protocol: its own struct, made in .begin */
    };
    uint8_t service, phase;
    bool begun; /* .begin was called */
    bool over_limit;
    bool poked;
    bool spoke; /* the greeting has left */
    bool early; /* the client spoke before that */
    bool mute;  /* a rule wants nothing said any more */
    bool deaf;  /* a rule wants nothing read any more */
};

enum mock_protocol_id {
    MOCK_PROTOCOL_SMTP, /* and LMTP */
    MOCK_PROTOCOL_POP3,
    MOCK_PROTOCOL_IMAP,
    MOCK_PROTOCOL_MUSEUM,
    MOCK_PROTOCOL__COUNT
};

/* One protocol's side of a connection. Each function runs with an empty mock.out and answers with
 * mock_conn_say as often as it likes; what was said leaves when it returns. */
struct mock_protocol {
    const char *name;
    unsigned idle_times; /* the limit idle_ms this often may pass in silence */
    /* Octets can pass (through TLS, where `tls`): greet, or refuse where c->over_limit. */
    void (*begin)(struct mock_conn *c, bool tls);
    /* Octets of the client. Uses one command (or piece of content) at most and returns how many
     * octets that were. Called with the rest until none is left or a reply is late. */
    size_t (*octets)(struct mock_conn *c, struct slice in);
    /* These octets leave now: for the tracker. */
    void (*said)(struct mock_conn *c, struct slice text);
    /* After MOCK_THEN_MORE: the next piece, again with it while there is more. May be NULL. */
    void (*more)(struct mock_conn *c);
    /* mock_conn_poke was called, and the connection is between commands. May be NULL. */
    void (*poked)(struct mock_conn *c);
    void (*tls_up)(struct mock_conn *c); /* after a STARTTLS */
    /* The client was silent for too long: say the last word. */
    void (*timeout)(struct mock_conn *c);
    const char *(*state_name)(const struct mock_conn *c);
    void (*facts)(struct mock_conn *c, struct mock_facts *f); /* for rules; may be NULL */
    void (*closed)(struct mock_conn *c, enum event_dir by);
    void (*free)(struct mock_conn *c); /* also where .begin was never called */
};
extern const struct mock_protocol mock_protocol_smtp;
extern const struct mock_protocol mock_protocol_pop3;
extern const struct mock_protocol mock_protocol_imap;
extern const struct mock_protocol mock_protocol_museum;

/* The table of services (mock.c). */
struct mock_service_row {
    const char *name;
    const struct mock_protocol *protocol; /* NULL: not served */
    enum mock_protocol_id protocol_id;
    uint16_t default_port;
    bool implicit_tls, starttls, require_auth, lmtp;
};
extern const struct mock_service_row mock_services[MOCK_SERVICE__COUNT];

/* What a listener is given as its context. */
struct mock_door {
    struct mock *mock;
    enum mock_service service;
    struct listener *listener;
};

struct mock {
    struct loop *loop;
    struct journal *journal;
    struct mock_options options; /* limits filled; name and domain owned */
    struct tls_practice_ca *ca;
    struct mock_tls *tls;
    size_t n_tls;
    struct mock_world *world;
    struct mock_plan plan;
    struct mock_facts facts;
    struct rules_verdict verdict;
    char said_id[MOCK_ID_OCTETS];            /* of the message the answer under way is about */
    struct buf fields, recipients, reworded; /* for rules: header fields, addresses, replies */
    struct smtp_serve_options serve_options[MOCK_SERVICE__COUNT];
    struct imap_serve_options imap_options[MOCK_SERVICE__COUNT];
    struct mock_door doors[MOCK_SERVICE__COUNT];
    struct {
        struct mock_conn *first, *last;
    } conns[MOCK_PROTOCOL__COUNT];
    struct loop_timer *idle_timer;
    struct dns_zone *zone;
    struct dns_server *dns_server;
    struct mock_counters counters;
    size_t over_limit_now;
    struct mock_txn *spare_txns;
    size_t n_spare_txns;
    size_t unstored_octets;
    uint64_t next_id;
    struct mock_memory memory;
    struct mock_late *late; /* reports that wait, messages held */
    size_t n_late, late_octets;
    struct mock_store store;
    struct smtp_answer answer; /* one connection is served at a time */
    struct pop3_answer pop3_answer;
    struct buf out;      /* what one read is answered with */
    int64_t date_second; /* of .date */
    char date[64];
    bool said_content_limit;
    bool odd_idle; /* some world has a timeout of its own */
};

/* Its events stand behind the scenes of a client session, unless it is what the program is about.
 */
static inline unsigned mock_event_flags(const struct mock *m)
{
    return m->options.in_front ? 0 : EVENT_FLAG_BACKSTAGE;
}

static inline uint64_t mock_hurried_ms(const struct mock *m, uint64_t ms)
{
    return m->options.hurry > 1 ? ms / m->options.hurry : ms;
}

extern const char *const mock_users[MOCK_USERS_COUNT];
extern const struct smtp_policy mock_policy; /* its ctx is the mock_conn */
void mock_path_address(const struct smtp_path *p, char *out, size_t out_octets);

/* mock.c */
uint64_t mock_now_ms(const struct mock *m);
struct tls_practice_ca *mock_ca(struct mock *m);

/* world.c. The scenario is taken over; NULL: the friendly world. NULL and *err: it asks for what is
 * not there. */
struct mock_world *mock_world_new(struct mock *m, struct scenario *scenario_taken, struct err *err);
struct mock_world *mock_world_hold(struct mock_world *w);
void mock_world_release(struct mock_world **w);
const char *mock_world_name(const struct mock_conn *c); /* what this server calls itself */
bool mock_magic_off(const struct mock_conn *c);
/* The TLS server for this connection, as rules want it. */
struct tls_server *mock_tls(struct mock_conn *c, struct err *err);
void mock_tls_free(struct mock *m);

/* furnish.c: accounts, quotas and messages of the present scenario. */
void mock_furnish(struct mock *m);

/* plan.c (see plan.h) */
void mock_facts_gather(struct mock_conn *c, const struct rules_facts *more);

/* rules_imap.c */
struct imap_command;
bool mock_imap_command(struct mock_conn *c, const struct imap_command *cmd);
void mock_imap_caps(struct mock_conn *c, struct buf *text);

/* rules_smtp.c: rules around the serve role. */
void mock_smtp_facts(struct mock_conn *c, struct mock_facts *f);
void mock_smtp_item(struct mock_conn *c, const struct smtp_item *item, struct smtp_answer *a);
void mock_smtp_banner(struct mock_conn *c, struct smtp_answer *a);
void mock_smtp_timeout(struct mock_conn *c, struct smtp_answer *a);
enum mock_fate {
    MOCK_FATE_NONE,          /* the server's own decision */
    MOCK_FATE_DISCARD,       /* accepted and thrown away */
    MOCK_FATE_REFUSE,        /* not kept; the rule has answered */
    MOCK_FATE_STORE_QUIETLY, /* kept; the rule has answered */
};
enum mock_fate mock_smtp_fate(struct mock_conn *c);
/* A recipient's copies to keep: 1, 2 where a rule doubles it, 0 where it is thrown away or bounces.
 */
unsigned mock_smtp_copies(struct mock_conn *c, struct mock_recipient *r);

/* door.c */
/* A PROXY header is due first; true: wait for it. */
bool mock_proxy_begin(struct mock_conn *c);
/* Octets while it is: those behind it, once it is whole (or none, and the connection is over). */
struct slice mock_proxy_feed(struct mock_conn *c, struct slice octets);
/* Who the client is: "192.0.2.1", "IPv6:2001:db8::1", as a proxy has told or the link knows. */
void mock_peer_literal(const struct mock_conn *c, char *out, size_t out_octets);

/* conn.c */
extern const struct link_handlers mock_link_handlers;
struct mock_conn *mock_conn_new(struct mock *m, enum mock_service service);
void mock_conn_accepted(void *door, struct link *link);
void mock_conn_begin(struct mock_conn *c); /* the link is up */
void mock_conn_free(struct mock_conn *c);
/* Say it now, or delay_ms late (the client's next octets are held back until then). For the
 * functions of a mock_protocol only. */
void mock_conn_say(struct mock_conn *c, struct slice text, uint64_t delay_ms, enum mock_then then);
/* The same, in pieces. */
void mock_conn_say_paced(struct mock_conn *c, struct slice text, const struct mock_pace *pace,
                         enum mock_then then);
/* Nothing more is said, whatever comes; what is late still leaves. */
void mock_conn_mute(struct mock_conn *c);
/* From anywhere: call .poked at the end of this turn, or as soon as nothing is late. */
void mock_conn_poke(struct mock_conn *c);
void mock_idle_schedule(struct mock *m);
void mock_idle_check(void *mock);

/* policy.c, policy_auth.c, policy_ask.c */
struct mock_list {
    const char *name;
    const char *members[8]; /* users; NULL behind the last */
};
const struct mock_list *mock_list_find(struct slice local_part); /* NULL: none */
int mock_user_index(struct slice local_part); /* "+detail" aside (RFC 5233); -1: none */
void mock_smtp_hello(struct mock_conn *c, struct slice name);
/* Logged in as somebody: may send to other domains. */
bool mock_policy_trusts(const struct mock_conn *c);
bool mock_policy_password(void *ctx, const char *user, struct secret *password_out);
bool mock_policy_token(void *ctx, const char *user, struct slice token, struct buf *user_out);
bool mock_policy_channel(void *ctx, struct sasl_channel *out);
const char *mock_policy_external(void *ctx);
void mock_policy_xclient(void *ctx, const struct smtp_xclient *x);
bool mock_policy_vrfy(void *ctx, const struct smtp_command *cmd, struct smtp_answer *a);
bool mock_policy_expn(void *ctx, const struct smtp_command *cmd, struct smtp_answer *a);
bool mock_policy_etrn(void *ctx, const struct smtp_command *cmd, struct smtp_answer *a);

/* txn.c */
struct mock_txn *mock_txn_get(struct mock_conn *c);
void mock_txn_end(struct mock_conn *c);
void mock_txn_add_recipient(struct mock_txn *t, int user, const char *address, bool bounce);
void mock_txn_plan_recipient(struct mock_conn *c);
void mock_recipient_bounces(struct mock_recipient *r, const struct mock_plan *p);
void mock_recipient_address(const struct mock *m, const struct mock_recipient *r, struct buf *out);
void mock_txn_add_fault(struct mock_txn *t, const struct magic *magic, const char *address,
                        size_t recipient);
void mock_txn_content(struct mock_conn *c, struct slice octets);
void mock_txn_id(const struct mock_txn *t, char out[MOCK_ID_OCTETS]);
void mock_txn_spares_free(struct mock *m);
const char *mock_date(struct mock *m); /* RFC 5322 section 3.3 */

/* store.c */
void mock_store_init(struct mock *m);
void mock_store_deinit(struct mock *m);
/* Takes the content; STORED events. False: no mailbox could keep it. */
bool mock_store_txn(struct mock_conn *c);
void mock_store_clear(struct mock *m);
/* False: it could not be kept, which was noted. */
bool mock_store_add(struct mock *m, uint32_t conn, int user, const char *address,
                    struct store_blob *blob, const char *from, const char *id);
/* Is there room for a message of so many octets, as far as the user's quota goes? */
bool mock_mailbox_has_room(struct mock *m, int user, uint64_t more_octets);
/* By name or by address at the practice domain; NULL: none. */
struct store_user *mock_user_find(struct mock *m, struct slice name);
struct store_user *mock_account_find(struct mock *m, struct slice address); /* NULL: none */
bool mock_password(struct mock *m, const char *user, struct secret *password_out);
void mock_mailbox_event(struct mock *m, uint32_t conn, const struct store_user *u,
                        const char *mailbox, const char *what, uint32_t uid, const char *text);

/* report.c */
/* What became of a recipient, with the reply that would have said so (0: none). */
void mock_recipient_outcome(struct mock_recipient *r, enum mock_action action, unsigned code,
                            const char *words);
void mock_recipient_bounce(struct mock_recipient *r);
/* Reports on the message under way, whose recipients have their outcomes. */
void mock_report_txn(struct mock_conn *c, struct slice message);
struct mock_late_mail {
    int user;            /* -1: .address */
    const char *address; /* NULL for users */
    const char *from;    /* reverse-path */
    const char *id;
};
/* Put it into a mailbox so much later; takes the text. False, and nothing taken: too much waits. */
bool mock_put_late(struct mock *m, uint32_t conn, const struct mock_late_mail *mail,
                   struct buf *text, uint64_t after_ms);
void mock_reports_free(struct mock *m); /* what waits is forgotten */

#endif
