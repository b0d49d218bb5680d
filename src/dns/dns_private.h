/* What the files of this module share: questions, their answers, and where answers come from. */
#ifndef DNS_PRIVATE_H
#define DNS_PRIVATE_H

#include "dns/dns.h"

#include "base/arena.h"
#include "base/buf.h"

enum {
    DNS_NAME_OCTETS = 256,       /* 253 octets of text and a NUL (RFC 1035 section 2.3.4) */
    DNS_NAME_TEXT_OCTETS = 1024, /* a name from the wire: each octet may need an escape of four */
    DNS_RECORDS_MAX = 256,       /* of one answer; what comes behind is dropped */
};

struct dns_question {
    struct dns *d;
    struct dns_question *next, *prev;
    uint32_t conn;
    enum dns_type type;
    char name[DNS_NAME_OCTETS]; /* as the resolver is asked: ASCII, lower case, no final dot */
    dns_fn fn;
    void *ctx;
    struct loop_timer *timer;
    uint64_t timeout_ms;
    uint64_t asked_tick_ns;
    uint64_t query_seq;
    int resolver_id; /* the backend's number of a question under way; -1: none */
    bool settled;    /* the answer is there, only its delivery is to come */
    struct arena arena;
    struct dns_answer answer;
    struct dns_record records[DNS_RECORDS_MAX];
};

/* Where answers come from. ask may settle the question at once. cancel: the question has been
 * asked, is not settled, and goes away. */
struct dns_source {
    void (*ask)(void *source, struct dns_question *q);
    void (*cancel)(void *source, struct dns_question *q);
    void (*free)(void *source);
};

struct dns *dns_new_with(struct loop *l, struct journal *j, const struct dns_source *source,
                         void *source_ctx);

/* The source_ctx of the question's resolver. */
void *dns_question_source(const struct dns_question *q);

/* dns.c: the answer is put together by adding records, then settled: journalled at once, delivered
 * from the loop. rcode: the word for the journal. why: copied. */
void dns_question_add(struct dns_question *q, uint16_t preference, struct slice data);
void dns_question_settle(struct dns_question *q, enum dns_status status, enum event_dnssec dnssec,
                         const char *rcode, const char *why);
/* DNS_OK, or DNS_NODATA where nothing was added. */
void dns_question_settle_found(struct dns_question *q, enum event_dnssec dnssec);

/* name.c */
enum dns_type dns_type_of(struct slice name); /* 0: none of ours */
/* An uncompressed name of the wire as text with escapes, without final dot; the root is "". False:
 * it does not read. *used_octets_out may be NULL. */
bool dns_name_from_wire(struct slice wire, struct buf *out, size_t *used_octets_out);

/* record.c: the rdata of the wire (RFC 1035 section 3.3) as a record of the question. False:
 * malformed. */
bool dns_record_from_wire(struct dns_question *q, struct slice rdata);
/* The presentation form (RFC 1035 section 5.1), without owner, class and TTL. */
void dns_record_format(enum dns_type type, const struct dns_record *r, struct buf *out);

/* local.c: what no resolver is asked for. False: it has to be. */
bool dns_answer_numeric(struct dns_question *q);
bool dns_answer_hosts(struct dns_question *q, const char *hosts_path);

#endif
