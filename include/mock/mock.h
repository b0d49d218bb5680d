/* The practice server: a small true RFC 5321 server on the serve role, for the console in process
 * and for `smtpscope serve`. Loopback only unless told otherwise twice; never relays; limits on
 * everything.
 *
 * World: domain example.test, host mx.example.test, users alice, bob and carol with password
 * "secret"; other users there are refused (550 5.1.1); mail for other domains is refused without
 * AUTH, taken and kept with it. Magic addresses (mock/magic.h) misbehave on request. Messages live
 * in memory, oldest leaving first.
 */
#ifndef MOCK_MOCK_H
#define MOCK_MOCK_H

#include "base/err.h"
#include "journal/journal.h"
#include "loop/loop.h"
#include "dns/zone.h"
#include "net/link.h"
#include "scenario/rules.h"

enum mock_service {
    MOCK_SMTP,
    MOCK_SUBMISSION,
    MOCK_SUBMISSIONS,
    MOCK_LMTP,
    MOCK_POP3,
    MOCK_POP3S,
    MOCK_IMAP,
    MOCK_IMAPS,
    MOCK_RFC821, /* the museum, by memory links only: enum museum_id in its order */
    MOCK_MTP,
    MOCK_FTP_MAIL,
    MOCK_RFC524,
    MOCK_SNDMSG,
    MOCK_RFC196,
    MOCK_SERVICE__COUNT
};
const char *mock_service_name(enum mock_service service);
bool mock_service_is_served(enum mock_service service);    /* false: mock_listen refuses it */
bool mock_service_is_museum(enum mock_service service);    /* not among those `serve` opens */
uint16_t mock_service_port(enum mock_service service);     /* the registered one; 0: none */
bool mock_service_implicit_tls(enum mock_service service); /* TLS from the first octet */

struct mock_limits {
    unsigned connections;      /* at once; default 12,000; above: 421 4.7.0 and close */
    unsigned recipients;       /* a message; default 1,000 */
    uint64_t message_octets;   /* SIZE; default 50 MiB */
    uint64_t mailbox_octets;   /* all kept messages together; default 64 MiB, oldest leave first */
    unsigned mailbox_messages; /* likewise; default 10,000 */
    uint64_t idle_ms;          /* 421 after; default 300,000 */
    unsigned errors;           /* 421 after; default 20 */
};

struct mock_options {
    const char *name;   /* NULL: mx.example.test */
    const char *domain; /* NULL: example.test */
    bool magic_off;     /* magic addresses are ordinary */
    bool allow_remote;  /* first of two words that let it listen beyond loopback */
    bool keep_nothing;  /* count messages, do not keep them */
    bool in_front;      /* it is what the program is about (serve): its events are no backstage */
    bool forget_octets; /* journal_conn_forget when a connection ends: for servers, not the console
                         */
    unsigned
        hurry;    /* for tests: late replies and timeouts come so many times sooner; 0: as they are
                   */
    bool xclient; /* XCLIENT is offered and believed */
    bool proxy;   /* each TCP connection begins with a PROXY header */
    bool client_certs; /* clients are asked for a certificate; those of mock_client_pem log in */
    unsigned relax;    /* set of enum smtp_relax: what the SMTP servers bear */
    struct mock_limits limits; /* 0: the default */
};

struct mock;
struct mock *mock_new(struct loop *l, struct journal *j, const struct mock_options *options);
void mock_free(struct mock **m);
/* Keep messages as Maildirs below this directory from now on (include/store/store.h); before
 * anybody connects. False and *err where that cannot be. */
bool mock_keep_in(struct mock *m, const char *directory, struct err *err);
/* Somebody else who has a mailbox here and logs in with this password; before anybody connects, or
 * later. A user whose Maildir is there already gets the password. False and *err: no valid name. */
bool mock_account_add(struct mock *m, struct slice name, struct slice password, struct err *err);
/* Start to listen. False and *err: address not loopback (and not allowed twice: allow_remote and
 * `remote` here), or not to be had. */
bool mock_listen(struct mock *m, enum mock_service service, const struct net_address *at,
                 bool remote, struct err *err);
const struct net_address *mock_address(const struct mock *m,
                                       enum mock_service service); /* NULL: none */
/* The client end of a memory link to it. */
struct link *mock_connect(struct mock *m, uint32_t client_conn, enum mock_service service,
                          const struct link_handlers *handlers, void *ctx);
/* The DNS of the practice world, made at first use; scenarios may add to it. */
struct dns_zone *mock_zone(struct mock *m);
/* Answer that zone for other programs, over UDP and TCP on one port; loopback only. */
bool mock_listen_dns(struct mock *m, const struct net_address *at, struct err *err);
const struct net_address *mock_dns_address(const struct mock *m); /* NULL: none */
/* The practice CA's certificate, PEM; made at first use. */
struct slice mock_ca_pem(struct mock *m);
/* A certificate for that user and its key, PEM text, for AUTH EXTERNAL. */
bool mock_client_pem(struct mock *m, const char *user, struct buf *pem_out);
const char *mock_name(const struct mock *m);
/* What the server behind a door calls itself in the present scenario; its certificate says so. */
const char *mock_server_name(const struct mock *m, enum mock_service service);

/* Another scenario, by a builtin's name or from a file through `read` (may be NULL). Connections
 * that are open keep theirs; mailboxes are emptied, live rules leave. False: *err, and nothing has
 * changed. */
bool mock_set_scenario(struct mock *m, const char *name, scenario_read_fn read, void *read_ctx,
                       struct err *err);
const char *mock_scenario_name(const struct mock *m);
/* Live rules (see scenario/rules.h): 0 and *err where the line does not read. */
unsigned mock_rule_add(struct mock *m, struct slice line, struct err *err);
bool mock_rule_remove(struct mock *m, unsigned number);
void mock_rules_clear(struct mock *m); /* live ones */
/* Rules in the order they are asked, with their counters. */
bool mock_rule_at(const struct mock *m, size_t index, struct rules_info *out);

struct mock_counters {
    uint64_t connections_total, connections_now, messages, refused_recipients, faults, over_limit;
};
void mock_counters(const struct mock *m, struct mock_counters *out);

/* Kept messages: the newest number is mock_message_last; 0: none. */
struct mock_message {
    uint64_t number;     /* over all mailboxes, from 1 */
    const char *mailbox; /* local user, or the whole address for other domains */
    const char *from;    /* reverse-path without brackets */
    int64_t stored_wall_us;
    struct slice octets; /* as received, unstuffed, with Return-Path and Received in front */
};
size_t mock_message_count(const struct mock *m);
/* index 0 is the oldest kept; borrows until the next loop turn. */
bool mock_message_at(const struct mock *m, size_t index, struct mock_message *out);
void mock_clear(struct mock *m);

#endif
