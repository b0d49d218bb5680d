/* Looking up names: addresses and mail exchangers (RFC 1035, 5321 section 5.1, 7505), by libunbound
 * with DNSSEC status on every answer, or by a table for practice and tests.
 *
 * Every question is bounded: `timeout_ms` is our own deadline, whatever the resolver does. Every
 * question and answer is appended to the journal (DNS_QUERY, DNS_ANSWER). Numeric addresses and
 * localhost never reach a resolver.
 */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include "base/err.h"
#include "journal/journal.h"
#include "loop/loop.h"

enum dns_type {
    DNS_A = 1,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_TLSA = 52,
    DNS_CNAME = 5,
    DNS_PTR = 12
};
const char *dns_type_name(enum dns_type type);

enum dns_status {
    DNS_OK,         /* records are there */
    DNS_NODATA,     /* the name exists, not with this type */
    DNS_NXDOMAIN,   /* no such name */
    DNS_SERVFAIL,   /* the resolver could not say (DNSSEC bogus included) */
    DNS_TIMED_OUT,  /* our deadline */
    DNS_NO_RESOLVER /* no resolver could be set up or reached */
};

struct dns_record {
    uint16_t preference; /* MX */
    struct slice data; /* A: 4 octets; AAAA: 16; MX, CNAME, PTR: the name as text without final dot
                          (null MX: empty); others: rdata */
};

struct dns_answer {
    enum dns_status status;
    enum event_dnssec dnssec;
    const struct dns_record *records; /* MX sorted by preference */
    size_t n_records;
    const char *why; /* the resolver's words for a failure; "" otherwise */
};

/* The answer is borrowed for the call. */
typedef void (*dns_fn)(void *ctx, const struct dns_answer *answer);

struct dns;
struct dns_options {
    const char *resolv_conf;  /* NULL: /etc/resolv.conf */
    const char *hosts;        /* NULL: /etc/hosts */
    const char *forward;      /* ask only this address[@port]; NULL: resolv.conf's */
    const char *trust_anchor; /* only read; NULL: /usr/share/dns/root.key. No such file: no
                               * validation, every answer is DNSSEC_UNKNOWN */
};
/* Nothing is opened before the first question. */
struct dns *dns_new(struct loop *l, struct journal *j, const struct dns_options *options);
/* A resolver that answers from lines as include/dns/zone.h has them. NULL and *err for a line that
 * does not read. */
struct dns *dns_new_table(struct loop *l, struct journal *j, const char *lines, struct err *err);
void dns_free(struct dns **d); /* questions under way are dropped without a call */

struct dns_question;
/* The callback comes from the loop, never from inside. Valid until it came or it was cancelled. */
struct dns_question *dns_ask(struct dns *d, uint32_t conn, const char *name, enum dns_type type,
                             uint64_t timeout_ms, dns_fn fn, void *ctx);
void dns_cancel(struct dns_question **q);

/* A domain as the DNS wants it (IDNA 2008, RFC 5891): "müller.example" -> "xn--mller-kva.example".
 * ASCII names pass as they are, lower-cased. False: not a domain name. */
bool dns_to_ascii(const char *domain, char *out, size_t out_octets);
/* Back, for people: "xn--mller-kva.example" -> "müller.example". False: not a domain name, or one
 * that IDNA does not allow (and which may only look like another). */
bool dns_to_unicode(const char *domain, char *out, size_t out_octets);
/* The other form of a domain: of an internationalised one its xn-- form, of an xn-- one what it
 * stands for. False: it has only one. */
bool dns_other_form(const char *domain, char *out, size_t out_octets);

#endif
