/* The practice name server: what libunbound reads of it over the wire is what the zone says in the
 * program; and clients that send it nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "mock/dns_server.h"
#include "mock/names.h"

enum { PATIENCE_MS = 8000, SHORT_MS = 300 };

struct world {
    struct loop *l;
    struct journal *j;
    struct dns_zone *zone;
    struct dns_server *server;
    struct dns *wire, *inside;
    bool answered;
    enum dns_status status;
    char records[65536];
};

static void on_answer(void *ctx, const struct dns_answer *a)
{
    struct world *w = ctx;
    size_t at = 0;
    w->answered = true;
    w->status = a->status;
    w->records[0] = '\0';
    for (size_t i = 0; i < a->n_records; i++) {
        at += (size_t)snprintf(w->records + at, sizeof(w->records) - at, "%u ",
                               a->records[i].preference);
        for (size_t k = 0; k < a->records[i].data.len && at + 4 < sizeof(w->records); k++)
            at += (size_t)snprintf(w->records + at, sizeof(w->records) - at, "%02x",
                                   a->records[i].data.ptr[k]);
        at += (size_t)snprintf(w->records + at, sizeof(w->records) - at, "\n");
    }
}

static bool answered(void *ctx)
{
    return ((struct world *)ctx)->answered;
}

static void ask(struct world *w, struct dns *d, const char *name, enum dns_type type, uint64_t ms)
{
    w->answered = false;
    assert_non_null(dns_ask(d, 0, name, type, ms, on_answer, w));
    loop_run_until(w->l, answered, w);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct net_address at;
    struct err err = {0};
    char forward[64];
    w->l = loop_new();
    w->j = journal_new(clock_system());
    w->zone = mock_names_new();
    assert_true(net_address_parse_ip("127.0.0.1", 0, &at));
    w->server = dns_server_new(w->l, w->j, w->zone, &at, false, &err);
    if (!w->server)
        return -1;
    snprintf(forward, sizeof(forward), "127.0.0.1@%u", dns_server_address(w->server)->port);
    const struct dns_options o = {
        .hosts = "/nonexistent", .forward = forward, .trust_anchor = "/nonexistent"};
    w->wire = dns_new(w->l, w->j, &o);
    w->inside = dns_new_zone(w->l, w->j, w->zone);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    dns_free(&w->wire);
    dns_free(&w->inside);
    dns_server_free(&w->server);
    dns_zone_free(&w->zone);
    loop_turn(w->l, 0);
    loop_free(&w->l);
    journal_free(&w->j);
    free(w);
    return 0;
}

/* Every name of the practice world, and some that are not in it. */
static void test_same_over_the_wire(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *name;
        enum dns_type type;
        enum dns_status status;
    } rows[] = {
        {"example.test", DNS_MX, DNS_OK},
        {"EXAMPLE.test", DNS_TXT, DNS_OK},
        {"example.test", DNS_AAAA, DNS_NODATA},
        {"_dmarc.example.test", DNS_TXT, DNS_OK},
        {"mx.example.test", DNS_A, DNS_OK},
        {"mx.example.test", DNS_AAAA, DNS_OK},
        {"two-mx.test", DNS_MX, DNS_OK},
        {"null-mx.test", DNS_MX, DNS_OK},
        {"gone.dangling.test", DNS_A, DNS_NXDOMAIN},
        {"alias.alias-mx.test", DNS_A, DNS_OK},
        {"servfail.test", DNS_MX, DNS_SERVFAIL},
        {"loop.test", DNS_A, DNS_SERVFAIL},
        {"nxdomain.test", DNS_MX, DNS_NXDOMAIN},
        {"no-such.test", DNS_A, DNS_NXDOMAIN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char inside[sizeof(w->records)];
        ask(w, w->inside, rows[i].name, rows[i].type, PATIENCE_MS);
        assert_int_equal(w->status, rows[i].status);
        snprintf(inside, sizeof(inside), "%s", w->records);
        ask(w, w->wire, rows[i].name, rows[i].type, PATIENCE_MS);
        if (w->status != rows[i].status || strcmp(inside, w->records) != 0)
            fail_msg("%s %s: status %d, over the wire \"%s\", inside \"%s\"", rows[i].name,
                     dns_type_name(rows[i].type), w->status, w->records, inside);
    }
    ask(w, w->inside, "timeout.test", DNS_MX, 20);
    assert_int_equal(w->status, DNS_TIMED_OUT);
    ask(w, w->wire, "timeout.test", DNS_MX, SHORT_MS);
    assert_int_equal(w->status, DNS_TIMED_OUT);
}

/* An answer too long for UDP says so, and the resolver comes back over TCP. */
static void test_long_answer_by_tcp(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    for (int i = 0; i < 60; i++) {
        char line[300];
        snprintf(line, sizeof(line), "long.test TXT record-%02d-%0200d\n", i, i);
        assert_true(dns_zone_add(w->zone, slice_cstr(line), &err));
    }
    uint64_t before = journal_last(w->j);
    ask(w, w->wire, "long.test", DNS_TXT, PATIENCE_MS);
    assert_int_equal(w->status, DNS_OK);
    bool by_tcp = false;
    for (uint64_t seq = before + 1; seq <= journal_last(w->j); seq++) {
        const struct event *ev = journal_at(w->j, seq);
        by_tcp = by_tcp || (ev && ev->kind == EVENT_LINK_UP);
    }
    assert_true(by_tcp);
}

static void test_questions_are_events(void **state)
{
    struct world *w = *state;
    ask(w, w->wire, "null-mx.test", DNS_MX, PATIENCE_MS);
    unsigned queries = 0;
    for (uint64_t seq = 1; seq <= journal_last(w->j); seq++) {
        const struct event *ev = journal_at(w->j, seq);
        struct ev_dns_query q;
        if (!ev || ev->kind != EVENT_DNS_QUERY)
            continue;
        EVENT_GET(ev, DNS_QUERY, &q);
        queries += slice_eq(q.name, SLICE_LIT("null-mx.test"));
    }
    assert_int_equal(queries, 2); /* ours, and the server's */
}

/* ---- the message alone ---- */

static const uint8_t query[] = {0x12, 0x34, 0x01, 0x00, 0,   1,   0,   0,   0,   0,
                                0,    0,    7,    'e',  'x', 'a', 'm', 'p', 'l', 'e',
                                4,    't',  'e',  's',  't', 0,   0,   15,  0,   1};

static void test_message(void **state)
{
    struct world *w = *state;
    struct dns_asked asked;
    struct buf out;
    buf_init(&out, DNS_MESSAGE_OCTETS);
    assert_true(
        dns_zone_reply(w->zone, slice_of(query, sizeof(query)), DNS_UDP_OCTETS, &out, &asked));
    assert_string_equal(asked.name, "example.test");
    assert_int_equal(asked.type, DNS_MX);
    assert_int_equal(asked.n_records, 1);
    assert_memory_equal(out.ptr, "\x12\x34\x85\x00", 4); /* response, authoritative, RD said back */
    assert_int_equal(out.ptr[7], 1);
    /* Each beginning of it is answered with FORMERR or not at all, and reads nothing behind it. */
    for (size_t n = 0; n < sizeof(query); n++) {
        uint8_t *copy = malloc(n ? n : 1);
        memcpy(copy, query, n);
        bool said = dns_zone_reply(w->zone, slice_of(copy, n), DNS_UDP_OCTETS, &out, &asked);
        assert_int_equal(said, n >= 12);
        if (said)
            assert_int_equal(out.ptr[3] & 15, 1);
        free(copy);
    }
    buf_deinit(&out);
}

/* libunbound answers for 127.in-addr.arpa itself, so this one is looked at as octets. */
static void test_message_ptr(void **state)
{
    struct world *w = *state;
    static const uint8_t ptr_query[] = "\0\1\1\0\0\1\0\0\0\0\0\0\1"
                                       "1\1"
                                       "0\1"
                                       "0\3"
                                       "127\7in-addr\4arpa\0\0\14\0\1";
    static const uint8_t rdata[] = "\2mx\7example\4test";
    struct dns_asked asked;
    struct buf out;
    buf_init(&out, DNS_MESSAGE_OCTETS);
    assert_true(dns_zone_reply(w->zone, slice_of(ptr_query, sizeof(ptr_query) - 1), DNS_UDP_OCTETS,
                               &out, &asked));
    assert_int_equal(asked.n_records, 1);
    assert_true(out.len > sizeof(rdata));
    assert_memory_equal(out.ptr + out.len - sizeof(rdata), rdata, sizeof(rdata));
    buf_deinit(&out);
}

static void test_message_refusals(void **state)
{
    struct world *w = *state;
    static const struct {
        size_t at;
        uint8_t octet;
        bool said;
        unsigned rcode;
    } rows[] = {
        {2, 0x81, false, 0}, /* a response is never answered */
        {2, 0x10, true, 4},  /* another opcode */
        {29, 3, true, 5},    /* class CHAOS */
        {12, 0xc0, true, 1}, /* a compression pointer in a question */
        {12, 64, true, 1},   /* a label that is too long */
        {5, 2, true, 1},     /* two questions */
        {27, 99, true, 0},   /* a type of none of ours: the name is there, so no data */
    };
    struct dns_asked asked;
    struct buf out;
    buf_init(&out, DNS_MESSAGE_OCTETS);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t copy[sizeof(query)];
        memcpy(copy, query, sizeof(query));
        copy[rows[i].at] = rows[i].octet;
        bool said =
            dns_zone_reply(w->zone, slice_of(copy, sizeof(copy)), DNS_UDP_OCTETS, &out, &asked);
        assert_int_equal(said, rows[i].said);
        if (said)
            assert_int_equal(out.ptr[3] & 15, rows[i].rcode);
        if (said)
            assert_int_equal(out.ptr[7], 0);
    }
    buf_deinit(&out);
}

static void test_loopback_only(void **state)
{
    struct world *w = *state;
    struct net_address at;
    struct err err = {0};
    assert_true(net_address_parse_ip("192.0.2.1", 0, &at));
    assert_null(dns_server_new(w->l, w->j, w->zone, &at, false, &err));
    assert_int_equal(err.domain, ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same_over_the_wire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_answer_by_tcp, setup, teardown),
        cmocka_unit_test_setup_teardown(test_questions_are_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_message, setup, teardown),
        cmocka_unit_test_setup_teardown(test_message_ptr, setup, teardown),
        cmocka_unit_test_setup_teardown(test_message_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loopback_only, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
