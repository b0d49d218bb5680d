/* Questions to a resolver: by a table, and by libunbound against a name server of our own on the
 * loopback that runs in the same loop. */
#include "dns/dns.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 8000, GUARD_MS = 20000 };

struct fixture {
    struct loop *l;
    struct journal *j;
    struct loop_timer *guard;
    /* the name server */
    int fd;
    struct loop_watch *watch;
    char address[40]; /* 127.0.0.1@PORT */
    unsigned asked;
    /* the last answer */
    unsigned answers;
    enum dns_status status;
    enum event_dnssec dnssec;
    char records[2000]; /* one a line: hexadecimal of addresses and rdata, "PREF NAME" of exchangers
                         */
    char why[200];
    bool inside_ask;
    /* what the callback does besides */
    struct dns **free_in_callback;
};

static void on_guard(void *ctx)
{
    (void)ctx;
    fail_msg("no answer came at all");
}

static void format_record(char *out, size_t out_octets, enum dns_type type,
                          const struct dns_record *r)
{
    if (type == DNS_MX || type == DNS_CNAME || type == DNS_PTR) {
        snprintf(out, out_octets, "%u %.*s\n", r->preference, SLICE_ARG(r->data));
        return;
    }
    for (size_t i = 0; i < r->data.len && 2 * i + 4 < out_octets; i++)
        snprintf(out + 2 * i, out_octets - 2 * i, "%02x", r->data.ptr[i]);
    size_t at = strlen(out);
    snprintf(out + at, out_octets - at, "\n");
}

struct asked {
    struct fixture *f;
    enum dns_type type;
};

static void on_answer(void *ctx, const struct dns_answer *a)
{
    struct asked *q = ctx;
    struct fixture *f = q->f;
    assert_false(f->inside_ask);
    f->answers++;
    f->status = a->status;
    f->dnssec = a->dnssec;
    snprintf(f->why, sizeof(f->why), "%s", a->why);
    f->records[0] = '\0';
    for (size_t i = 0; i < a->n_records; i++) {
        char line[600] = "";
        format_record(line, sizeof(line), q->type, &a->records[i]);
        size_t at = strlen(f->records);
        snprintf(f->records + at, sizeof(f->records) - at, "%s", line);
    }
    if (f->free_in_callback != NULL)
        dns_free(f->free_in_callback);
}

static bool answered(void *ctx)
{
    struct fixture *f = ctx;
    return f->answers > 0;
}

static void ask(struct fixture *f, struct dns *d, const char *name, enum dns_type type,
                uint64_t timeout_ms)
{
    struct asked q = {f, type};
    f->answers = 0;
    f->inside_ask = true;
    assert_non_null(dns_ask(d, 7, name, type, timeout_ms, on_answer, &q));
    f->inside_ask = false;
    assert_int_equal(f->answers, 0); /* never from inside */
    loop_run_until(f->l, answered, f);
    assert_int_equal(f->answers, 1);
}

static void expect(struct fixture *f, struct dns *d, const char *name, enum dns_type type,
                   enum dns_status status, const char *records)
{
    ask(f, d, name, type, PATIENCE_MS);
    if (f->status != status || strcmp(f->records, records) != 0)
        fail_msg("%s %s: status %d, records \"%s\", why \"%s\"", name, dns_type_name(type),
                 f->status, f->records, f->why);
    assert_int_equal(f->why[0] != '\0', status != DNS_OK && status != DNS_NODATA);
}

/* The newest DNS_ANSWER, and the DNS_QUERY that caused it. */
static void expect_journal(struct fixture *f, const char *name, const char *type, const char *rcode,
                           const char *records)
{
    const struct event *ev = journal_at(f->j, journal_last(f->j));
    struct ev_dns_answer a;
    struct ev_dns_query q;
    assert_non_null(ev);
    assert_int_equal(ev->kind, EVENT_DNS_ANSWER);
    assert_int_equal(ev->conn, 7);
    EVENT_GET(ev, DNS_ANSWER, &a);
    assert_true(slice_eq(a.name, slice_cstr(name)));
    assert_true(slice_eq(a.type, slice_cstr(type)));
    assert_true(slice_eq(a.rcode, slice_cstr(rcode)));
    if (!slice_eq(a.records, slice_cstr(records)))
        fail_msg("journal: %.*s", SLICE_ARG(a.records));
    ev = journal_at(f->j, ev->cause_seq);
    assert_non_null(ev);
    assert_int_equal(ev->kind, EVENT_DNS_QUERY);
    assert_int_equal(ev->conn, 7);
    EVENT_GET(ev, DNS_QUERY, &q);
    assert_true(slice_eq(q.type, slice_cstr(type)));
}

/* ---- the name server ---- */

static void put_u16(struct buf *b, unsigned v)
{
    buf_append_octet(b, (uint8_t)(v >> 8));
    buf_append_octet(b, (uint8_t)v);
}

static void put_name(struct buf *b, const char *name)
{
    while (*name != '\0') {
        size_t octets = strcspn(name, ".");
        buf_append_octet(b, (uint8_t)octets);
        buf_append(b, slice_of(name, octets));
        name += octets + (name[octets] == '.');
    }
    buf_append_octet(b, 0);
}

/* One record for the name asked (a pointer to offset 12, RFC 1035 section 4.1.4). */
static void put_record(struct buf *b, unsigned type, struct slice rdata)
{
    put_u16(b, 0xc00c);
    put_u16(b, type);
    put_u16(b, 1);
    put_u16(b, 0);
    put_u16(b, 60);
    put_u16(b, (unsigned)rdata.len);
    buf_append(b, rdata);
    b->ptr[7]++; /* the answer count */
}

static void put_mx(struct buf *b, unsigned preference, const char *host)
{
    struct buf rdata;
    buf_init(&rdata, 300);
    put_u16(&rdata, preference);
    put_name(&rdata, host);
    put_record(b, DNS_MX, buf_slice(&rdata));
    buf_deinit(&rdata);
}

static void answer_a(struct buf *b)
{
    put_record(b, DNS_A, SLICE_LIT("\xc0\x00\x02\x01"));
    put_record(b, DNS_A, SLICE_LIT("\x0a\x00\x00\x01")); /* private: not to be filtered */
}

static void answer_aaaa(struct buf *b)
{
    put_record(b, DNS_AAAA, SLICE_LIT("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"));
}

static void answer_mx(struct buf *b)
{
    put_mx(b, 30, "mx3.site.test");
    put_mx(b, 10, "mx1.site.test");
    put_mx(b, 20, "mx2.site.test");
}

static void answer_null_mx(struct buf *b)
{
    put_mx(b, 0, "");
}

static void answer_odd_mx(struct buf *b)
{
    struct buf rdata;
    buf_init(&rdata, 300);
    put_u16(&rdata, 5);
    buf_append(&rdata, SLICE_LIT("\x07m.\x1b[2Jx\0"));
    put_record(b, DNS_MX, buf_slice(&rdata));
    buf_deinit(&rdata);
}

static void answer_txt(struct buf *b)
{
    put_record(b, DNS_TXT, SLICE_LIT("\x04v=\"1\x02\xff;"));
}

static void answer_cname(struct buf *b)
{
    struct buf rdata;
    buf_init(&rdata, 300);
    put_name(&rdata, "real.site.test");
    put_record(b, DNS_CNAME, buf_slice(&rdata));
    buf_deinit(&rdata);
}

static void answer_nxdomain(struct buf *b)
{
    b->ptr[3] = (uint8_t)((b->ptr[3] & 0xf0) | 3);
}

static void answer_servfail(struct buf *b)
{
    b->ptr[3] = (uint8_t)((b->ptr[3] & 0xf0) | 2);
}

static void answer_garbage(struct buf *b)
{
    b->ptr[7] = 200; /* two hundred answers, none there, and noise */
    buf_append(b, SLICE_LIT("\xff\xff\xc0\x00\xc0\x0c\0\0\0\0\0"));
}

static const struct {
    const char *label;
    unsigned type; /* others: an empty answer; 0: any */
    void (*answer)(struct buf *b);
} server_table[] = {
    {"host", DNS_A, answer_a},          {"host", DNS_AAAA, answer_aaaa},
    {"real", DNS_A, answer_a},          {"mail", DNS_MX, answer_mx},
    {"nomail", DNS_MX, answer_null_mx}, {"odd", DNS_MX, answer_odd_mx},
    {"text", DNS_TXT, answer_txt},      {"alias", 0, answer_cname},
    {"nx", 0, answer_nxdomain},         {"servfail", 0, answer_servfail},
    {"garbage", 0, answer_garbage},
};

static void reply_to(struct fixture *f, const uint8_t *query, size_t octets,
                     const struct sockaddr_in *from)
{
    size_t at = 12;
    while (at < octets && query[at] != 0)
        at += query[at] + 1u;
    if (at + 5 > octets)
        return;
    unsigned type = (unsigned)(query[at + 1] << 8 | query[at + 2]);
    struct slice label = slice_of(query + 13, query[12]);
    struct buf b;
    if (slice_eq_nocase(label, SLICE_LIT("silent")))
        return;
    buf_init(&b, 4096);
    buf_append(&b, slice_of(query, at + 5));
    memcpy(b.ptr + 2, "\x81\x80\0\1\0\0\0\0\0\0", 10);
    for (size_t i = 0; i < sizeof(server_table) / sizeof(server_table[0]); i++)
        if (slice_eq_nocase(label, slice_cstr(server_table[i].label)) &&
            (server_table[i].type == 0 || server_table[i].type == type))
            server_table[i].answer(&b);
    sendto(f->fd, b.ptr, b.len, 0, (const struct sockaddr *)from, sizeof(*from));
    buf_deinit(&b);
}

static void on_query(void *ctx, unsigned ready)
{
    struct fixture *f = ctx;
    uint8_t query[1500];
    struct sockaddr_in from;
    socklen_t from_octets = sizeof(from);
    (void)ready;
    ssize_t n =
        recvfrom(f->fd, query, sizeof(query), MSG_DONTWAIT, (struct sockaddr *)&from, &from_octets);
    if (n < 17)
        return;
    f->asked++;
    reply_to(f, query, (size_t)n, &from);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t sa_octets = sizeof(sa);
    f->l = loop_new();
    f->j = journal_new(clock_system());
    f->guard = loop_timer_new(f->l, on_guard, f);
    loop_timer_start(f->guard, GUARD_MS);
    f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (f->fd < 0 || bind(f->fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
        getsockname(f->fd, (struct sockaddr *)&sa, &sa_octets) != 0)
        return -1;
    snprintf(f->address, sizeof(f->address), "127.0.0.1@%u", ntohs(sa.sin_port));
    f->watch = loop_watch_new(f->l, f->fd, LOOP_READABLE, on_query, f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    loop_watch_free(&f->watch);
    loop_timer_free(&f->guard);
    close(f->fd);
    loop_free(&f->l);
    journal_free(&f->j);
    free(f);
    return 0;
}

/* A resolver that asks our server; no hosts file, no trust anchor. */
static struct dns *resolver(struct fixture *f)
{
    struct dns_options o = {
        .hosts = "/nonexistent", .forward = f->address, .trust_anchor = "/nonexistent"};
    return dns_new(f->l, f->j, &o);
}

static uint64_t now_ms(void)
{
    return clock_system()->tick_ns(clock_system()->ctx) / 1000000;
}

/* ---- libunbound ---- */

static void test_answers(void **state)
{
    struct fixture *f = *state;
    struct dns *d = resolver(f);
    expect(f, d, "host.site.test", DNS_A, DNS_OK, "c0000201\n0a000001\n");
    assert_int_equal(f->dnssec, DNSSEC_UNKNOWN);
    expect_journal(f, "host.site.test", "A", "NOERROR", "192.0.2.1\n10.0.0.1");
    expect(f, d, "Host.Example.", DNS_AAAA, DNS_OK, "20010db8000000000000000000000001\n");
    expect_journal(f, "host.example", "AAAA", "NOERROR", "2001:db8::1");
    expect(f, d, "mail.example", DNS_MX, DNS_OK,
           "10 mx1.site.test\n20 mx2.site.test\n30 mx3.site.test\n");
    expect_journal(f, "mail.example", "MX", "NOERROR",
                   "10 mx1.site.test.\n20 mx2.site.test.\n30 mx3.site.test.");
    expect(f, d, "nomail.example", DNS_MX, DNS_OK, "0 \n");
    expect_journal(f, "nomail.example", "MX", "NOERROR", "0 .");
    expect(f, d, "text.example", DNS_TXT, DNS_OK, "04763d223102ff3b\n");
    expect_journal(f, "text.example", "TXT", "NOERROR", "\"v=\\\"1\" \"\\255;\"");
    expect(f, d, "alias.site.test", DNS_A, DNS_OK, "c0000201\n0a000001\n");
    expect(f, d, "host.example", DNS_MX, DNS_NODATA, "");
    expect_journal(f, "host.example", "MX", "NOERROR", "");
    dns_free(&d);
    assert_null(d);
}

static void test_hostile_name_is_escaped(void **state)
{
    struct fixture *f = *state;
    struct dns *d = resolver(f);
    expect(f, d, "odd.example", DNS_MX, DNS_OK, "5 m\\.\\027[2Jx\n");
    dns_free(&d);
}

static void test_failures(void **state)
{
    struct fixture *f = *state;
    struct dns *d = resolver(f);
    expect(f, d, "nx.example", DNS_A, DNS_NXDOMAIN, "");
    expect_journal(f, "nx.example", "A", "NXDOMAIN", "");
    expect(f, d, "servfail.example", DNS_A, DNS_SERVFAIL, "");
    expect_journal(f, "servfail.example", "A", "SERVFAIL", "");
    ask(f, d, "garbage.example", DNS_MX, 1500);
    assert_true(f->status == DNS_SERVFAIL || f->status == DNS_TIMED_OUT);
    unsigned asked = f->asked;
    expect(f, d, "no domain", DNS_A, DNS_NXDOMAIN, "");
    assert_int_equal(f->asked, asked);
    dns_free(&d);
}

/* The server is silent: our deadline counts, and going away does not wait for the library. */
static void test_silent_server(void **state)
{
    struct fixture *f = *state;
    struct dns *d = resolver(f);
    uint64_t start_ms = now_ms();
    ask(f, d, "silent.example", DNS_A, 150);
    uint64_t took_ms = now_ms() - start_ms;
    assert_int_equal(f->status, DNS_TIMED_OUT);
    assert_true(took_ms >= 149 && took_ms < 1000);
    assert_true(f->asked > 0);
    expect_journal(f, "silent.example", "A", "timeout", "");
    struct asked q = {f, DNS_A};
    f->answers = 0;
    assert_non_null(dns_ask(d, 0, "silent.site.test", DNS_A, 60000, on_answer, &q));
    assert_non_null(dns_ask(d, 0, "silent.example", DNS_MX, 60000, on_answer, &q));
    struct dns_question *third = dns_ask(d, 0, "127.0.0.1", DNS_A, 60000, on_answer, &q);
    assert_non_null(third);
    start_ms = now_ms();
    dns_free(&d);
    took_ms = now_ms() - start_ms;
    if (took_ms >= 200)
        fail_msg("dns_free took %llu ms", (unsigned long long)took_ms);
    loop_turn(f->l, 0);
    assert_int_equal(f->answers, 0);
}

static void test_cancel(void **state)
{
    struct fixture *f = *state;
    struct dns *d = resolver(f);
    struct asked q = {f, DNS_A};
    struct dns_question *silent = dns_ask(d, 0, "silent.example", DNS_A, 100, on_answer, &q);
    struct dns_question *local = dns_ask(d, 0, "localhost", DNS_A, 100, on_answer, &q);
    dns_cancel(&silent);
    dns_cancel(&local);
    dns_cancel(&local); /* harmless */
    assert_null(silent);
    assert_null(local);
    expect(f, d, "host.example", DNS_A, DNS_OK, "c0000201\n0a000001\n"); /* and only this answer */
    dns_free(&d);
}

static void test_free_in_callback(void **state)
{
    struct fixture *f = *state;
    const char *const names[] = {"host.example", "localhost", "silent.example"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct dns *d = resolver(f);
        f->free_in_callback = &d;
        ask(f, d, names[i], DNS_A, i == 2 ? 50 : PATIENCE_MS);
        assert_null(d);
    }
}

/* Many at once: each gets its own answer. */
static bool sixty_answered(void *ctx)
{
    return ((struct fixture *)ctx)->answers >= 60;
}

static void test_many(void **state)
{
    struct fixture *f = *state;
    struct dns *d = resolver(f);
    struct asked q = {f, DNS_A};
    for (int i = 0; i < 60; i++) {
        char name[64];
        snprintf(name, sizeof(name), "host.n%d.example", i);
        assert_non_null(dns_ask(d, 0, name, DNS_A, PATIENCE_MS, on_answer, &q));
    }
    loop_run_until(f->l, sixty_answered, f);
    assert_int_equal(f->answers, 60);
    dns_free(&d);
}

static void temp_file(char *path, const char *text)
{
    memcpy(path, "/tmp/smtpscope-test-XXXXXX", sizeof("/tmp/smtpscope-test-XXXXXX"));
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* With an anchor an unsigned answer is bogus, but below "test." nothing is signed by nature. */
static void test_validation(void **state)
{
    struct fixture *f = *state;
    char anchor[40];
    temp_file(anchor, ". IN DS 20326 8 2 "
                      "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n");
    struct dns_options o = {.hosts = "/nonexistent", .forward = f->address, .trust_anchor = anchor};
    struct dns *d = dns_new(f->l, f->j, &o);
    expect(f, d, "host.site.test", DNS_A, DNS_OK, "c0000201\n0a000001\n");
    assert_int_equal(f->dnssec, DNSSEC_INSECURE);
    expect(f, d, "host.example", DNS_A, DNS_SERVFAIL, "");
    assert_int_equal(f->dnssec, DNSSEC_BOGUS);
    dns_free(&d);
    unlink(anchor);
}

static void test_no_resolver(void **state)
{
    struct fixture *f = *state;
    const struct dns_options cases[] = {
        {.resolv_conf = "/nonexistent/resolv.conf", .hosts = "/nonexistent"},
        {.forward = "not an address", .hosts = "/nonexistent"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dns *d = dns_new(f->l, f->j, &cases[i]);
        expect(f, d, "host.example", DNS_A, DNS_NO_RESOLVER, "");
        expect_journal(f, "host.example", "A", "no resolver", "");
        expect(f, d, "127.0.0.1", DNS_A, DNS_OK, "7f000001\n");
        dns_free(&d);
    }
}

static void test_local_names(void **state)
{
    struct fixture *f = *state;
    struct dns *d = resolver(f);
    static const struct {
        const char *name;
        enum dns_type type;
        enum dns_status status;
        const char *records;
    } cases[] = {
        {"192.0.2.7", DNS_A, DNS_OK, "c0000207\n"},
        {"192.0.2.7", DNS_AAAA, DNS_NODATA, ""},
        {"192.0.2.7", DNS_MX, DNS_NODATA, ""},
        {"2001:db8::2", DNS_AAAA, DNS_OK, "20010db8000000000000000000000002\n"},
        {"2001:db8::2", DNS_A, DNS_NODATA, ""},
        {"localhost", DNS_A, DNS_OK, "7f000001\n"},
        {"LocalHost.", DNS_A, DNS_OK, "7f000001\n"},
        {"mail.localhost", DNS_AAAA, DNS_OK, "00000000000000000000000000000001\n"},
        {"localhost", DNS_MX, DNS_NODATA, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(f, d, cases[i].name, cases[i].type, cases[i].status, cases[i].records);
    assert_int_equal(f->asked, 0);
    expect(f, d, "host.notlocalhost", DNS_A, DNS_OK, "c0000201\n0a000001\n");
    assert_true(f->asked > 0);
    dns_free(&d);
}

static void test_hosts_file(void **state)
{
    struct fixture *f = *state;
    char hosts[40];
    temp_file(hosts, "# 192.0.2.9 commented.test\n"
                     "192.0.2.1\tone.test  Two.Test # three.test\n"
                     "192.0.2.2 one.test\n"
                     "2001:db8::1 one.test\n"
                     "nonsense four.test\n"
                     "192.0.2.3 last.test");
    struct dns_options o = {.hosts = hosts, .forward = f->address, .trust_anchor = "/nonexistent"};
    struct dns *d = dns_new(f->l, f->j, &o);
    expect(f, d, "one.test", DNS_A, DNS_OK, "c0000201\nc0000202\n");
    expect(f, d, "ONE.test", DNS_AAAA, DNS_OK, "20010db8000000000000000000000001\n");
    expect(f, d, "two.test", DNS_A, DNS_OK, "c0000201\n");
    expect(f, d, "two.test", DNS_AAAA, DNS_NODATA, "");
    expect(f, d, "last.test", DNS_A, DNS_OK, "c0000203\n");
    assert_int_equal(f->asked, 0);
    expect(f, d, "three.test", DNS_A, DNS_NODATA, "");
    expect(f, d, "four.test", DNS_A, DNS_NODATA, "");
    expect(f, d, "one.test", DNS_MX, DNS_NODATA, "");
    assert_true(f->asked >= 3);
    dns_free(&d);
    unlink(hosts);
}

/* ---- the table ---- */

static void test_table(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct dns *d = dns_new_table(f->l, f->j,
                                  "# a comment\n\n"
                                  "example.test MX 20 mx2.example.test\n"
                                  "example.test MX 10 MX1.example.test\r\n"
                                  "example.test MX 10 mx0.example.test\n"
                                  "none.test MX 0 .\n"
                                  "mx1.example.test A 192.0.2.1\n"
                                  "mx1.example.test AAAA 2001:db8::1\n"
                                  "alias.test CNAME mx1.example.test\n"
                                  "loop.test CNAME loop.test\n"
                                  "text.test TXT \"v=spf1 -all\"\n"
                                  "_25._tcp.mx1.example.test TLSA 3 1 1 0aFF\n"
                                  "fail.test A SERVFAIL\n"
                                  "fail.test MX 10 x.test\n"
                                  "gone.test MX NXDOMAIN\n"
                                  "slow.test A TIMEOUT",
                                  &err);
    assert_non_null(d);
    expect(f, d, "Example.test", DNS_MX, DNS_OK,
           "10 mx1.example.test\n10 mx0.example.test\n20 mx2.example.test\n");
    expect(f, d, "none.test", DNS_MX, DNS_OK, "0 \n");
    expect(f, d, "mx1.example.test", DNS_A, DNS_OK, "c0000201\n");
    expect(f, d, "mx1.example.test", DNS_AAAA, DNS_OK, "20010db8000000000000000000000001\n");
    expect(f, d, "mx1.example.test", DNS_MX, DNS_NODATA, "");
    expect(f, d, "alias.test", DNS_A, DNS_OK, "c0000201\n");
    expect(f, d, "alias.test", DNS_CNAME, DNS_OK, "0 mx1.example.test\n");
    expect_journal(f, "alias.test", "CNAME", "NOERROR", "mx1.example.test.");
    expect(f, d, "loop.test", DNS_A, DNS_SERVFAIL, "");
    expect(f, d, "text.test", DNS_TXT, DNS_OK, "0b763d73706631202d616c6c\n");
    expect_journal(f, "text.test", "TXT", "NOERROR", "\"v=spf1 -all\"");
    expect(f, d, "_25._tcp.mx1.example.test", DNS_TLSA, DNS_OK, "0301010aff\n");
    expect_journal(f, "_25._tcp.mx1.example.test", "TLSA", "NOERROR", "3 1 1 0aff");
    expect(f, d, "fail.test", DNS_A, DNS_SERVFAIL, "");
    expect(f, d, "fail.test", DNS_MX, DNS_OK, "10 x.test\n");
    expect(f, d, "gone.test", DNS_MX, DNS_NXDOMAIN, "");
    expect(f, d, "missing.test", DNS_A, DNS_NXDOMAIN, "");
    expect(f, d, "localhost", DNS_A, DNS_OK, "7f000001\n");
    ask(f, d, "slow.test", DNS_A, 30);
    assert_int_equal(f->status, DNS_TIMED_OUT);
    expect_journal(f, "slow.test", "A", "timeout", "");
    dns_free(&d);
}

static void test_table_bad_lines(void **state)
{
    struct fixture *f = *state;
    static const char *const lines[] = {
        "x",
        "x.test",
        "x.test A",
        "x.test A 1.2.3",
        "x.test A ::1",
        "x.test AAAA 1.2.3.4",
        "x.test MX mx.test",
        "x.test MX 65536 mx.test",
        "x.test MX 10",
        "x.test MX 10 a b",
        "x.test NS ns.test",
        "x..test A 1.2.3.4",
        "x.test A servfail",
        "x.test TLSA 3 1 1 0",
        "x.test TLSA 3 1 256 00",
        "x.test TLSA 3 1 1 xy",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char text[100];
        struct err err = {0};
        snprintf(text, sizeof(text), "good.test A 192.0.2.1\n%s\n", lines[i]);
        assert_null(dns_new_table(f->l, f->j, text, &err));
        assert_int_equal(err.domain, ERR_FORMAT);
        assert_non_null(strstr(err.text, "line 2"));
    }
}

/* ---- names ---- */

static void test_to_ascii(void **state)
{
    (void)state;
    char label63[64], label64[65], long253[254], long254[255], out[300];
    memset(label63, 'a', 63);
    label63[63] = '\0';
    memset(label64, 'a', 64);
    label64[64] = '\0';
    for (int i = 0; i < 252; i++)
        long253[i] = long254[i] = i % 2 == 0 ? 'a' : '.';
    memcpy(long253 + 252, "a", 2);
    memcpy(long254 + 252, "aa", 3);
    const struct {
        const char *in, *want; /* want NULL: no domain */
    } cases[] = {
        {"Example.COM", "example.com"},
        {"example.com.", "example.com"},
        {"m\xc3\xbcller.example", "xn--mller-kva.example"},
        {"M\xc3\x9cLLER.example", "xn--mller-kva.example"},
        {"fa\xc3\x9f.de", "xn--fa-hia.de"}, /* IDNA 2008: not "fass" */
        {"mu\xcc\x88ller.example", "xn--mller-kva.example"},
        {"_dmarc.x-y.test", "_dmarc.x-y.test"},
        {"xn--mller-kva.example", "xn--mller-kva.example"},
        {"1.2.3.4", "1.2.3.4"},
        {label63, label63},
        {long253, long253},
        {"", NULL},
        {".", NULL},
        {"a..b", NULL},
        {".a", NULL},
        {"a b", NULL},
        {"a/b", NULL},
        {"[1.2.3.4]", NULL},
        {"user@x.test", NULL},
        {"a\xff"
         "b",
         NULL},
        {"\xf0\x9f\x92", NULL},
        {"a\033[2J", NULL},
        {label64, NULL},
        {long254, NULL},
        {NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool good = dns_to_ascii(cases[i].in, out, sizeof(out));
        if (good != (cases[i].want != NULL))
            fail_msg("case %zu: %s", i, good ? out : "refused");
        if (good)
            assert_string_equal(out, cases[i].want);
    }
    assert_true(dns_to_ascii("ab", out, 3));
    assert_false(dns_to_ascii("abc", out, 3));
    assert_false(dns_to_ascii("abc", out, 0));
}

/* Both forms, each from the other; what only looks like an internationalised name has one. */
static void test_other_form(void **state)
{
    static const struct {
        const char *in, *other; /* other NULL: there is none */
    } cases[] = {
        {"m\xc3\xbcller.example", "xn--mller-kva.example"},
        {"xn--mller-kva.example", "m\xc3\xbcller.example"},
        {"mail.xn--fa-hia.de", "mail.fa\xc3\x9f.de"},
        {"example.test", NULL},
        {"xn--", NULL},
        {"xn--a-.example", NULL},
        {"xn--\xff.example", NULL},
        {"a b\xc3\xbc", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char other[256] = "";
        bool has = dns_other_form(cases[i].in, other, sizeof(other));
        if (has != (cases[i].other != NULL))
            print_message("%s: %s\n", cases[i].in, other);
        assert_int_equal(has, cases[i].other != NULL);
        if (has)
            assert_string_equal(other, cases[i].other);
    }
}

static void test_type_names(void **state)
{
    (void)state;
    assert_string_equal(dns_type_name(DNS_MX), "MX");
    assert_string_equal(dns_type_name(DNS_TLSA), "TLSA");
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LOOP(test_answers),
        cmocka_unit_test(test_other_form),
        WITH_LOOP(test_hostile_name_is_escaped),
        WITH_LOOP(test_failures),
        WITH_LOOP(test_silent_server),
        WITH_LOOP(test_cancel),
        WITH_LOOP(test_free_in_callback),
        WITH_LOOP(test_many),
        WITH_LOOP(test_validation),
        WITH_LOOP(test_no_resolver),
        WITH_LOOP(test_local_names),
        WITH_LOOP(test_hosts_file),
        WITH_LOOP(test_table),
        WITH_LOOP(test_table_bad_lines),
        cmocka_unit_test(test_to_ascii),
        cmocka_unit_test(test_type_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
