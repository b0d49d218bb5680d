/* The practice server, talked to by raw peers over memory and over loopback TCP. */
#include "../../lib/sanitizer.h"
#include "../client/world.h"

#include <malloc.h>

static struct mock_message message_at(struct world *w, size_t index)
{
    struct mock_message m;
    if (!mock_message_at(w->mock, index, &m))
        fail_msg("no message %zu of %zu", index, mock_message_count(w->mock));
    return m;
}

static void assert_holds(struct slice octets, const char *text)
{
    if (slice_find(octets, slice_cstr(text)) < 0)
        fail_msg("\"%s\" is not in \"%.*s\"", text, SLICE_ARG(octets));
}

static void transaction(struct peer *p, const char *from, const char *to, const char *answer)
{
    char line[600];
    snprintf(line, sizeof(line), "MAIL FROM:<%s>\r\n", from);
    peer_ask(p, line, "250 2.1.0");
    snprintf(line, sizeof(line), "RCPT TO:<%s>\r\n", to);
    peer_ask(p, line, "250 2.1.5");
    peer_ask(p, "DATA\r\n", "354 ");
    peer_ask(p, "Subject: x\r\n\r\n..dot\r\nend\r\n.\r\n", answer);
}

static void dialogue(struct world *w, const struct net_address *at)
{
    struct peer p;
    peer_open(&p, w, MOCK_SMTP, at);
    peer_hello(&p);
    transaction(&p, "ann@example.net", "bob@example.test", "250 2.0.0 Ok: kept as P");
    peer_ask(&p, "QUIT\r\n", "221 2.0.0");
    peer_expect_down(&p);
    peer_close(&p);
}

static void test_message(void **state)
{
    (void)state;
    struct world w;
    struct clock_manual clock;
    clock_manual_init(&clock, 1000000000, 951782399000000); /* 2000-02-28T23:59:59Z */
    world_open(&w, &clock.clock, NULL);
    struct net_address at = world_listen(&w, MOCK_SMTP);
    dialogue(&w, NULL);
    clock_manual_advance_ms(&clock, 1000);
    dialogue(&w, &at);
    assert_int_equal(mock_message_count(w.mock), 2);
    struct mock_message m = message_at(&w, 0);
    assert_string_equal(m.mailbox, "bob");
    assert_string_equal(m.from, "ann@example.net");
    assert_int_equal(m.number, 1);
    static const char want[] = "Return-Path: <ann@example.net>\r\n"
                               "Received: from client.test ([127.0.0.1])\r\n"
                               "\tby mx.example.test (smtpscope) with ESMTP id P000001\r\n"
                               "\tfor <bob@example.test>;\r\n"
                               "\tMon, 28 Feb 2000 23:59:59 +0000\r\n"
                               "Subject: x\r\n\r\n.dot\r\nend\r\n";
    if (!slice_eq(m.octets, slice_cstr(want)))
        fail_msg("stored: %.*s", SLICE_ARG(m.octets));
    m = message_at(&w, 1);
    assert_holds(m.octets, "\tTue, 29 Feb 2000 00:00:00 +0000\r\n");
    const struct event *ev = NULL;
    struct ev_stored stored;
    assert_int_equal(world_events(&w, EVENT_STORED, &ev), 2);
    EVENT_GET(ev, STORED, &stored);
    assert_int_equal(stored.message, 2);
    assert_int_equal(stored.length, m.octets.len);
    assert_true(ev->flags & EVENT_FLAG_BACKSTAGE);
    struct mock_counters n;
    mock_counters(w.mock, &n);
    assert_int_equal(n.messages, 2);
    assert_int_equal(n.connections_total, 2);
    mock_clear(w.mock);
    assert_int_equal(mock_message_count(w.mock), 0);
    world_close(&w);
}

/* One octet at a time, and all in one write: the same replies in the same order. */
static void test_splits(void **state)
{
    (void)state;
    static const char all[] =
        "EHLO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<nobody@example.test>\r\n"
        "RCPT TO:<bob@example.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n"
        "Subject: y\r\n\r\nhello\r\n.\r\nRSET\r\nNOOP\r\nQUIT\r\n";
    char first[8192] = "";
    for (int round = 0; round < 2; round++) {
        struct world w;
        struct peer p;
        world_open(&w, NULL, NULL);
        peer_open(&p, &w, MOCK_SMTP, NULL);
        p.expect = "220 ";
        world_run(&w, peer_got, &p);
        if (round == 0)
            peer_say(&p, all);
        for (size_t i = 0; round == 1 && all[i]; i++) {
            link_send(p.link, slice_of(&all[i], 1));
            loop_turn(w.loop, 0);
        }
        peer_expect_down(&p);
        assert_int_equal(mock_message_count(w.mock), 2);
        assert_string_equal(message_at(&w, 0).mailbox, "bob");
        assert_string_equal(message_at(&w, 1).mailbox, "alice");
        assert_ptr_equal(message_at(&w, 0).octets.ptr, message_at(&w, 1).octets.ptr);
        if (round == 0)
            snprintf(first, sizeof(first), "%s", buf_cstr(&p.got));
        else
            assert_string_equal(buf_cstr(&p.got), first);
        assert_non_null(strstr(first, "550 5.1.1 <nobody@example.test>"));
        peer_close(&p);
        world_close(&w);
    }
}

static void test_policy(void **state)
{
    (void)state;
    static const char *const lines[][2] = {
        {"RCPT TO:<bob@example.test>\r\n", "503 5.5.1"},
        {"MAIL FROM:<>\r\n", "250 2.1.0"},
        {"RCPT TO:<bob@example.test>\r\n", "250 2.1.5"},
        {"RCPT TO:<BOB+tag@Example.Test>\r\n", "250 2.1.5"},
        {"RCPT TO:<\"bob\"@mx.example.test>\r\n", "250 2.1.5"},
        {"RCPT TO:<carol@[127.0.0.1]>\r\n", "250 2.1.5"},
        {"RCPT TO:<Postmaster>\r\n", "250 2.1.5"},
        {"RCPT TO:<postmaster@example.test>\r\n", "250 2.1.5"},
        {"RCPT TO:<dave@example.test>\r\n", "550 5.1.1"},
        {"RCPT TO:<ann@example.net>\r\n", "550 5.7.1"},
        {"RCPT TO:<any+250@example.net>\r\n", "550 5.7.1"},
        {"RSET\r\n", "250 2.0.0"},
        {"VRFY bob\r\n", "250 2.1.5 <bob@example.test>"},
        {"VRFY <carol@example.test>\r\n", "250 2.1.5 <carol@example.test>"},
        {"VRFY dave\r\n", "252 2.0.0"},
        {"AUTH PLAIN\r\n", "538 5.7.11"},
        {"MAIL FROM:<a@b.test> SIZE=99999999999\r\n", "552 5.3.4"},
        {"MAIL FROM:<a@b.test> SIZE=1000 BODY=8BITMIME\r\n", "250 2.1.0"},
        {"RCPT TO:<bob@example.test>\r\n", "250 2.1.5"},
        {"DATA\r\n", "354 "},
        {".\r\n", "250 2.0.0 Ok: kept as"},
    };
    struct world w;
    struct peer p;
    world_open(&w, NULL, NULL);
    peer_open(&p, &w, MOCK_SMTP, NULL);
    peer_hello(&p);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        peer_ask(&p, lines[i][0], lines[i][1]);
    struct slice empty = message_at(&w, 0).octets;
    assert_true(slice_starts(empty, SLICE_LIT("Return-Path: <a@b.test>\r\nReceived: ")));
    assert_true(slice_starts(slice_skip(empty, empty.len - 8), SLICE_LIT(" +0000\r\n")));
    peer_close(&p);
    peer_open(&p, &w, MOCK_SUBMISSION, NULL);
    peer_hello(&p);
    peer_ask(&p, "MAIL FROM:<a@b.test>\r\n", "530 5.7.0");
    peer_ask(&p, "HELO old.test\r\n", "250 mx.example.test");
    peer_close(&p);
    peer_open(&p, &w, MOCK_SMTP, NULL);
    peer_expect(&p, "220 ");
    peer_ask(&p, "HELO old.(test);\r\n", "250 mx.example.test");
    transaction(&p, "x@y.test", "bob@example.test", "250 2.0.0");
    struct slice old = message_at(&w, 1).octets;
    assert_holds(old, "from old.?test?? ([127.0.0.1])");
    assert_holds(old, "with SMTP id");
    peer_close(&p);
    world_close(&w);
}

/* ---- magic ---- */

struct magic_case {
    const char *from, *to;
    const char *mail, *rcpt, *data, *dot; /* answers; NULL: the step is not reached */
    const char *down;                     /* step that ends the connection */
    size_t kept;
};
static const struct magic_case magic_cases[] = {
    {"a@b.test", "any+550@example.test", "250 ", "550 5.1.1", NULL, NULL, NULL, 0},
    {"a@b.test", "any+450-4.2.1@example.test", "250 ", "450 4.2.1", NULL, NULL, NULL, 0},
    {"a@b.test", "any+250@example.test", "250 ", "250 2.0.0", "354 ", "250 2.0.0 Ok", NULL, 1},
    {"a@b.test", "any+552.dot@example.test", "250 ", "250 ", "354 ", "552 5.2.2", NULL, 0},
    {"a@b.test", "any+451.data@example.test", "250 ", "250 ", "451 4.3.0", NULL, NULL, 0},
    {"a@b.test", "any+full@example.test", "250 ", "452 4.2.2", NULL, NULL, NULL, 0},
    {"a@b.test", "any+full.dot@example.test", "250 ", "250 ", "354 ", "452 4.2.2", NULL, 0},
    {"a@b.test", "any+drop@example.test", "250 ", NULL, NULL, NULL, "rcpt", 0},
    {"a@b.test", "any+drop.data@example.test", "250 ", "250 ", NULL, NULL, "data", 0},
    {"a@b.test", "any+drop.dot@example.test", "250 ", "250 ", "354 ", NULL, "dot", 1},
    {"a@b.test", "any+reset.dot@example.test", "250 ", "250 ", "354 ", NULL, "dot", 1},
    {"a@b.test", "any+reset@example.test", "250 ", NULL, NULL, NULL, "rcpt", 0},
    {"a@b.test", "any+421@example.test", "250 ", "421 4.3.2", NULL, NULL, "rcpt", 0},
    {"from+451@b.test", "bob@example.test", "451 4.3.0", NULL, NULL, NULL, NULL, 0},
    {"from+550.rcpt@b.test", "bob@example.test", "250 ", "550 5.1.1", NULL, NULL, NULL, 0},
    {"from+554.dot@b.test", "bob@example.test", "250 ", "250 ", "354 ", "554 5.7.1", NULL, 0},
    {"from+drop@b.test", "bob@example.test", NULL, NULL, NULL, NULL, "mail", 0},
    {"a@b.test", "any+bounce@example.test", "250 ", "250 ", "354 ", "250 2.0.0", NULL, 0},
    {"alice@example.test", "any+bounce@example.test", "250 ", "250 ", "354 ", "250 2.0.0", NULL, 1},
    {"a@b.test", "bob+tag@example.test", "250 ", "250 ", "354 ", "250 2.0.0", NULL, 1},
};

static bool step(struct peer *p, const struct magic_case *c, const char *name, const char *text,
                 const char *answer)
{
    if (!p->down && link_is_up(p->link))
        peer_say(p, text);
    if (answer)
        peer_expect(p, answer);
    if (c->down && strcmp(c->down, name) == 0) {
        peer_expect_down(p);
        if (!answer && p->got.len > 0)
            assert_null(strstr(buf_cstr(&p->got), "250 2.0.0 Ok: kept"));
        return false;
    }
    return answer && (answer[0] == '2' || answer[0] == '3');
}

static void run_case(const struct magic_case *c, bool tcp)
{
    struct world w;
    struct peer p;
    char line[200];
    world_open(&w, NULL, NULL);
    struct net_address at = world_listen(&w, MOCK_SMTP);
    peer_open(&p, &w, MOCK_SMTP, tcp ? &at : NULL);
    peer_hello(&p);
    snprintf(line, sizeof(line), "MAIL FROM:<%s>\r\n", c->from);
    bool on = step(&p, c, "mail", line, c->mail);
    snprintf(line, sizeof(line), "RCPT TO:<%s>\r\n", c->to);
    on = on && step(&p, c, "rcpt", line, c->rcpt);
    on = on && step(&p, c, "data", "DATA\r\n", c->data);
    if (on)
        step(&p, c, "dot", "Subject: m\r\n\r\nx\r\n.\r\n", c->dot);
    if (mock_message_count(w.mock) != c->kept)
        fail_msg("%s to %s: %zu kept", c->from, c->to, mock_message_count(w.mock));
    bool harmless = strstr(c->to, "+tag") != NULL;
    assert_int_equal(world_events(&w, EVENT_FAULT, NULL), harmless ? 0 : 1);
    if (p.down && strstr(c->to, "+reset"))
        assert_int_equal(p.why, DOWN_RESET);
    peer_close(&p);
    world_close(&w);
}

static void test_magic(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(magic_cases) / sizeof(magic_cases[0]); i++) {
        run_case(&magic_cases[i], false);
        run_case(&magic_cases[i], true);
    }
}

static void test_magic_off(void **state)
{
    (void)state;
    struct world w;
    struct peer p;
    world_open(&w, NULL, &(struct mock_options){.magic_off = true});
    peer_open(&p, &w, MOCK_SMTP, NULL);
    peer_hello(&p);
    peer_ask(&p, "MAIL FROM:<from+451@b.test>\r\n", "250 2.1.0");
    peer_ask(&p, "RCPT TO:<any+450@example.test>\r\n", "550 5.1.1");
    peer_ask(&p, "RCPT TO:<bob+450@example.test>\r\n", "250 2.1.5");
    peer_close(&p);
    world_close(&w);
}

static void test_bounce_text(void **state)
{
    (void)state;
    struct world w;
    struct peer p;
    world_open(&w, NULL, NULL);
    peer_open(&p, &w, MOCK_SMTP, NULL);
    peer_hello(&p);
    transaction(&p, "carol@example.test", "any+bounce@example.test", "250 2.0.0");
    struct mock_message m = message_at(&w, 0);
    assert_string_equal(m.mailbox, "carol");
    assert_string_equal(m.from, "");
    assert_holds(m.octets, "Content-Type: multipart/report; report-type=delivery-status");
    assert_holds(m.octets, "Final-Recipient: rfc822; any+bounce@example.test\r\nAction: failed");
    assert_holds(m.octets, "Content-Type: text/rfc822-headers\r\n\r\nReturn-Path: <carol@");
    assert_holds(m.octets, "Subject: x\r\n");
    transaction(&p, "", "any+bounce@example.test", "250 2.0.0"); /* never answered */
    assert_int_equal(mock_message_count(w.mock), 1);
    peer_close(&p);
    world_close(&w);
}

static void test_memory(void **state)
{
    (void)state;
    struct world w;
    struct peer p;
    struct clock_manual clock;
    clock_manual_init(&clock, 1000000000, 1000000);
    world_open(&w, &clock.clock, NULL);
    peer_open(&p, &w, MOCK_SMTP, NULL);
    peer_hello(&p);
    peer_ask(&p, "MAIL FROM:<a@b.test>\r\n", "250 ");
    peer_ask(&p, "RCPT TO:<any+450x2@example.test>\r\n", "450 4.2.0");
    peer_ask(&p, "RCPT TO:<any+450x2@example.test>\r\n", "450 4.2.0");
    peer_ask(&p, "RCPT TO:<any+450x2@example.test>\r\n", "250 2.1.5");
    peer_ask(&p, "RCPT TO:<any+greylist@example.test>\r\n", "450 4.2.0");
    clock_manual_advance_ms(&clock, 59999);
    peer_ask(&p, "RCPT TO:<any+greylist@example.test>\r\n", "450 4.2.0");
    clock_manual_advance_ms(&clock, 1);
    peer_ask(&p, "RCPT TO:<any+greylist@example.test>\r\n", "250 2.1.5");
    peer_ask(&p, "RSET\r\n", "250 ");
    peer_ask(&p, "MAIL FROM:<other@b.test>\r\n", "250 ");
    peer_ask(&p, "RCPT TO:<any+greylist@example.test>\r\n", "450 4.2.0");
    /* More addresses than are remembered: the oldest are new again, memory stays bounded. */
    for (int i = 0; i < 5000; i++) {
        char line[80];
        snprintf(line, sizeof(line), "RCPT TO:<any%d+450x1@example.test>\r\n", i);
        peer_ask(&p, line, "450 4.2.0");
    }
    peer_ask(&p, "RCPT TO:<any+450x2@example.test>\r\n", "450 4.2.0");
    peer_ask(&p, "RCPT TO:<any4999+450x1@example.test>\r\n", "250 2.1.5");
    peer_close(&p);
    world_close(&w);
}

/* What was sent behind a late reply is answered after it. */
static void test_delay(void **state)
{
    (void)state;
    for (int tcp = 0; tcp < 2; tcp++) {
        struct world w;
        struct peer p;
        world_open(&w, NULL, NULL);
        struct net_address at = world_listen(&w, MOCK_SMTP);
        peer_open(&p, &w, MOCK_SMTP, tcp ? &at : NULL);
        peer_hello(&p);
        const struct clock *clock = clock_system();
        uint64_t from_ns = clock->tick_ns(clock->ctx);
        peer_say(&p, "MAIL FROM:<a@b.test>\r\nRCPT TO:<any+delay1@example.test>\r\n"
                     "RCPT TO:<nobody@example.test>\r\nNOOP\r\n");
        peer_expect(&p, "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n550 5.1.1 ");
        assert_true(clock->tick_ns(clock->ctx) - from_ns >= 990000000);
        peer_expect(&p, "\r\n250 2.0.0 Ok\r\n");
        peer_ask(&p, "RSET\r\n", "250 2.0.0");
        /* A client that leaves while its reply is late. */
        peer_ask(&p, "MAIL FROM:<a@b.test>\r\n", "250 ");
        peer_say(&p, "RCPT TO:<any+delay600@example.test>\r\nNOOP\r\n");
        loop_turn(w.loop, 10);
        peer_close(&p);
        loop_turn(w.loop, 10);
        world_close(&w);
    }
}

/* ---- limits ---- */

static void test_listen(void **state)
{
    (void)state;
    struct world w;
    struct net_address any;
    struct err err;
    net_address_parse_ip("0.0.0.0", 0, &any);
    world_open(&w, NULL, NULL);
    assert_false(mock_listen(w.mock, MOCK_SMTP, &any, true, &err));
    assert_int_equal(err.domain, ERR_USAGE);
    assert_null(mock_address(w.mock, MOCK_SMTP));
    struct net_address at = world_listen(&w, MOCK_SMTP);
    assert_true(at.port > 0);
    assert_false(mock_listen(w.mock, MOCK_SMTP, &at, false, &err));
    assert_false(mock_listen(w.mock, MOCK_SUBMISSION, &at, false, &err)); /* taken */
    world_close(&w);
    world_open(&w, NULL, &(struct mock_options){.allow_remote = true});
    assert_false(mock_listen(w.mock, MOCK_SMTP, &any, false, &err));
    assert_true(mock_listen(w.mock, MOCK_SMTP, &any, true, &err));
    world_close(&w);
    for (int i = 0; i < MOCK_SERVICE__COUNT; i++)
        assert_non_null(mock_service_name((enum mock_service)i));
}

static bool one_left(void *ctx)
{
    struct mock_counters n;
    mock_counters(((struct world *)ctx)->mock, &n);
    return n.connections_now == 1;
}

static void test_connection_limit(void **state)
{
    (void)state;
    for (int tcp = 0; tcp < 2; tcp++) {
        struct world w;
        struct peer p[3];
        world_open(&w, NULL, &(struct mock_options){.limits = {.connections = 2}});
        struct net_address at = world_listen(&w, MOCK_SMTP);
        for (int i = 0; i < 2; i++) {
            peer_open(&p[i], &w, MOCK_SMTP, tcp ? &at : NULL);
            peer_hello(&p[i]);
        }
        peer_open(&p[2], &w, MOCK_SMTP, tcp ? &at : NULL);
        peer_expect(&p[2], "421 4.7.0");
        peer_expect_down(&p[2]);
        peer_close(&p[2]);
        peer_ask(&p[0], "QUIT\r\n", "221 ");
        peer_expect_down(&p[0]);
        peer_close(&p[0]);
        assert_true(world_run(&w, one_left, &w));
        peer_open(&p[0], &w, MOCK_SMTP, tcp ? &at : NULL);
        peer_hello(&p[0]);
        struct mock_counters n;
        mock_counters(w.mock, &n);
        assert_int_equal(n.over_limit, 1);
        assert_int_equal(n.connections_now, 2);
        peer_close(&p[0]);
        peer_close(&p[1]);
        world_close(&w);
    }
}

static void test_idle(void **state)
{
    (void)state;
    struct world w;
    struct peer p, tls;
    world_open(&w, NULL, &(struct mock_options){.limits = {.idle_ms = 60}});
    struct net_address at = world_listen(&w, MOCK_SMTP);
    struct net_address at_tls = world_listen(&w, MOCK_SUBMISSIONS);
    peer_open(&p, &w, MOCK_SMTP, &at);
    peer_open(&tls, &w, MOCK_SUBMISSIONS, &at_tls); /* never begins its handshake */
    peer_hello(&p);
    peer_expect(&p, "421 4.4.2");
    peer_expect_down(&p);
    peer_expect_down(&tls);
    assert_int_equal(tls.got.len, 0);
    assert_int_equal(world_events(&w, EVENT_LINK_TIMEOUT, NULL), 1);
    peer_close(&p);
    peer_close(&tls);
    struct mock_counters n;
    mock_counters(w.mock, &n);
    assert_int_equal(n.connections_now, 0);
    world_close(&w);
}

static void test_errors(void **state)
{
    (void)state;
    struct world w;
    struct peer p;
    world_open(&w, NULL, &(struct mock_options){.limits = {.errors = 3, .recipients = 2}});
    peer_open(&p, &w, MOCK_SMTP, NULL);
    peer_hello(&p);
    peer_ask(&p, "MAIL FROM:<a@b.test>\r\n", "250 ");
    peer_ask(&p, "RCPT TO:<bob@example.test>\r\n", "250 ");
    peer_ask(&p, "RCPT TO:<alice@example.test>\r\n", "250 ");
    peer_ask(&p, "RCPT TO:<carol@example.test>\r\n", "452 4.5.3");
    peer_say(&p, "XYZ\r\nXYZ\r\nXYZ\r\nXYZ\r\n");
    peer_expect(&p, "421 4.7.0");
    peer_expect_down(&p);
    peer_close(&p);
    world_close(&w);
}

static void test_mailbox_limits(void **state)
{
    (void)state;
    struct world w;
    struct peer p;
    world_open(&w, NULL, &(struct mock_options){.limits = {.mailbox_messages = 3}});
    peer_open(&p, &w, MOCK_SMTP, NULL);
    peer_hello(&p);
    for (int i = 0; i < 5; i++)
        transaction(&p, "a@b.test", "bob@example.test", "250 2.0.0");
    assert_int_equal(mock_message_count(w.mock), 3);
    assert_int_equal(message_at(&w, 0).number, 3);
    assert_int_equal(message_at(&w, 2).number, 5);
    assert_int_equal(world_events(&w, EVENT_NOTE, NULL), 1);
    peer_close(&p);
    world_close(&w);

    world_open(&w, NULL,
               &(struct mock_options){.limits = {.mailbox_octets = 2000, .message_octets = 300}});
    peer_open(&p, &w, MOCK_SMTP, NULL);
    peer_hello(&p);
    for (int i = 0; i < 20; i++)
        transaction(&p, "a@b.test", "bob@example.test", "250 2.0.0");
    size_t octets = 0, n = mock_message_count(w.mock);
    for (size_t i = 0; i < n; i++)
        octets += message_at(&w, i).octets.len;
    assert_true(n > 0 && n < 20 && octets <= 2000);
    /* Above SIZE: refused at the end, not kept. */
    peer_ask(&p, "MAIL FROM:<a@b.test>\r\n", "250 ");
    peer_ask(&p, "RCPT TO:<bob@example.test>\r\n", "250 ");
    peer_ask(&p, "DATA\r\n", "354 ");
    uint64_t last = message_at(&w, n - 1).number;
    for (int i = 0; i < 20; i++)
        peer_say(&p, "twenty octets a line\r\n");
    peer_ask(&p, ".\r\n", "552 5.3.4");
    assert_int_equal(message_at(&w, mock_message_count(w.mock) - 1).number, last);
    transaction(&p, "a@b.test", "bob@example.test", "250 2.0.0");
    peer_close(&p);
    world_close(&w);

    world_open(&w, NULL, &(struct mock_options){.keep_nothing = true, .forget_octets = true});
    peer_open(&p, &w, MOCK_SMTP, NULL);
    peer_hello(&p);
    transaction(&p, "a@b.test", "bob@example.test", "250 2.0.0");
    struct mock_counters count;
    mock_counters(w.mock, &count);
    assert_int_equal(count.messages, 1);
    assert_int_equal(mock_message_count(w.mock), 0);
    peer_close(&p);
    world_close(&w);
}

/* Garbage of every kind: the server answers, or ends the connection, and serves the next one. */
static void test_garbage(void **state)
{
    (void)state;
    static const char *const words[] = {
        "EHLO ",      "MAIL FROM:<", "RCPT TO:<", "bob@example.test>", "DATA",     "\r\n",
        "\n",         "\r",          ".\r\n",     "AUTH PLAIN ",       "STARTTLS", "any+450x3@",
        "x",          " ",           "QUIT",      "\x1b[2J",           "\xff\xfe", "SIZE=",
        "HELO a\r\n", ">",
    };
    struct world w;
    uint32_t seed = 12345;
    world_open(&w, NULL, &(struct mock_options){.limits = {.errors = 1000000}});
    for (int round = 0; round < 60; round++) {
        struct peer p;
        peer_open(&p, &w, MOCK_SMTP, NULL);
        peer_expect(&p, "220 ");
        for (int i = 0; i < 300 && !p.down && link_is_up(p.link); i++) {
            seed = seed * 1664525u + 1013904223u;
            uint32_t pick = (seed >> 16) % (sizeof(words) / sizeof(words[0]) + 1);
            if (pick < sizeof(words) / sizeof(words[0]))
                link_send(p.link, slice_cstr(words[pick]));
            else
                link_send(p.link, slice_of("\0\0", 2));
            if (seed % 3 == 0)
                loop_turn(w.loop, 0);
        }
        for (int i = 0; i < 5; i++)
            loop_turn(w.loop, 0);
        peer_close(&p);
    }
    dialogue(&w, NULL);
    world_close(&w);
}

/* A client that sends and never reads: the server stops reading, too. */
static void test_never_reads(void **state)
{
    (void)state;
    struct world w;
    struct peer p;
    world_open(&w, NULL, NULL);
    struct net_address at = world_listen(&w, MOCK_SMTP);
    peer_open(&p, &w, MOCK_SMTP, &at);
    peer_hello(&p);
    link_pause(p.link);
    struct buf block;
    buf_init(&block, 1 << 20);
    /* Long to send and long to answer: few commands fill what the kernel keeps both ways. */
    for (int i = 0; i < 50; i++)
        buf_printf(&block, "HELP\r\nEHLO a\r\nEHLO a\r\nEHLO a\r\nNOOP %0400d\r\n", i);
    size_t sent = 0;
    for (int turn = 0; turn < 3000 && sent < 64u << 20; turn++) {
        if (link_queued_octets(p.link) < LINK_HIGH_WATER_OCTETS) {
            assert_true(link_send(p.link, buf_slice(&block)));
            sent += block.len;
            turn = 0;
        }
        loop_turn(w.loop, 0);
    }
    assert_true(sent < 64u << 20); /* it came to a halt */
    link_resume(p.link);
    peer_say(&p, "RSET\r\n");
    p.expect = "250 2.0.0";
    while (!peer_got_or_down(&p)) {
        loop_turn(w.loop, 100);
        if (p.got.len > 1024 && !peer_got(&p))
            buf_consume(&p.got, p.got.len - 64);
    }
    assert_false(p.down);
    buf_deinit(&block);
    peer_close(&p);
    world_close(&w);
}

/* ---- TLS ---- */

static void peer_tls(struct peer *p, struct tls_client *client, enum event_tls_via via)
{
    p->tls = false;
    link_start_tls_client(p->link, client, via);
    assert_true(world_run(p->w, peer_is_tls, p));
    assert_true(p->tls);
}

static bool peer_is_up(void *ctx)
{
    return ((struct peer *)ctx)->up;
}

static void test_tls(void **state)
{
    (void)state;
    struct err err;
    struct tls_client *client = tls_client_new(&(struct tls_client_options){0}, &err);
    assert_non_null(client);
    for (int tcp = 0; tcp < 2; tcp++) {
        struct world w;
        struct peer p;
        world_open(&w, NULL, NULL);
        struct net_address at = world_listen(&w, MOCK_SMTP);
        struct net_address at_tls = world_listen(&w, MOCK_SUBMISSIONS);
        assert_true(slice_starts(mock_ca_pem(w.mock), SLICE_LIT("-----BEGIN CERTIFICATE")));
        peer_open(&p, &w, MOCK_SMTP, tcp ? &at : NULL);
        peer_hello(&p);
        peer_ask(&p, "STARTTLS\r\n", "220 2.0.0");
        peer_tls(&p, client, TLS_VIA_STARTTLS);
        peer_ask(&p, "MAIL FROM:<a@b.test>\r\n", "503 5.5.1"); /* what was said before is void */
        peer_ask(&p, "EHLO in.tls\r\n", "250-AUTH SCRAM-SHA-256");
        transaction(&p, "a@b.test", "bob@example.test", "250 2.0.0");
        assert_holds(message_at(&w, 0).octets, "from in.tls (");
        assert_holds(message_at(&w, 0).octets, "with ESMTPS id");
        peer_ask(&p, "QUIT\r\n", "221 ");
        peer_expect_down(&p);
        peer_close(&p);
        peer_open(&p, &w, MOCK_SUBMISSIONS, tcp ? &at_tls : NULL);
        assert_true(world_run(&w, peer_is_up, &p));
        peer_tls(&p, client, TLS_VIA_IMPLICIT);
        peer_hello(&p);
        /* \0alice\0secret, then a wrong one on another connection. */
        peer_ask(&p, "AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n", "235 2.7.0");
        transaction(&p, "alice@example.test", "ann@example.net", "250 2.0.0");
        assert_string_equal(message_at(&w, 1).mailbox, "ann@example.net");
        assert_holds(message_at(&w, 1).octets, "with ESMTPSA id");
        peer_close(&p);
        peer_open(&p, &w, MOCK_SUBMISSIONS, tcp ? &at_tls : NULL);
        assert_true(world_run(&w, peer_is_up, &p));
        peer_tls(&p, client, TLS_VIA_IMPLICIT);
        peer_hello(&p);
        peer_ask(&p, "AUTH PLAIN AGFsaWNlAHdyb25n\r\n", "535 5.7.8");
        peer_ask(&p, "AUTH PLAIN AHBvc3RtYXN0ZXIAc2VjcmV0\r\n", "535 5.7.8");
        peer_close(&p);
        world_close(&w);
    }
    tls_client_free(&client);
}

/* RFC 3207 section 4.2, CVE-2011-0411: what comes behind STARTTLS in the clear is void. */
static void test_injection(void **state)
{
    (void)state;
    struct err err;
    struct tls_client *client = tls_client_new(&(struct tls_client_options){0}, &err);
    struct world w;
    struct peer p;
    world_open(&w, NULL, NULL);
    peer_open(&p, &w, MOCK_SMTP, NULL);
    peer_hello(&p);
    peer_ask(&p, "STARTTLS\r\nEHLO inject\r\nMAIL FROM:<inject@b.test>\r\n", "220 2.0.0");
    peer_tls(&p, client, TLS_VIA_STARTTLS);
    peer_ask(&p, "RCPT TO:<bob@example.test>\r\n", "503 5.5.1");
    assert_int_equal(p.got.len, slice_find_octet(buf_slice(&p.got), '\n') + 1);
    assert_true(world_events(&w, EVENT_DEVIATION, NULL) > 0);
    peer_close(&p);
    tls_client_free(&client);
    world_close(&w);
}

/* ---- many ---- */

struct crowd {
    struct peer *peers;
    size_t n;
};

static bool crowd_greeted(void *ctx)
{
    const struct crowd *c = ctx;
    for (size_t i = c->n; i > 0; i--)
        if (c->peers[i - 1].got.len == 0 || c->peers[i - 1].down)
            return false;
    return true;
}

static void crowd_open(struct crowd *c, struct world *w, const struct net_address *at)
{
    c->peers = mem_zalloc(c->n * sizeof(*c->peers));
    for (size_t done = 0; done < c->n;) {
        size_t batch = c->n - done < 200 ? c->n - done : 200;
        for (size_t i = 0; i < batch; i++)
            peer_open(&c->peers[done + i], w, MOCK_SMTP, at);
        struct crowd part = {c->peers + done, batch};
        assert_true(world_run(w, crowd_greeted, &part));
        done += batch;
    }
}

static void crowd_close(struct crowd *c)
{
    for (size_t i = 0; i < c->n; i++)
        peer_close(&c->peers[i]);
    mem_free(c->peers);
}

static bool nobody_left(void *ctx)
{
    struct mock_counters n;
    mock_counters(((struct world *)ctx)->mock, &n);
    return n.connections_now == 0;
}

static void test_crowd(void **state)
{
    (void)state;
    struct world w;
    if (!world_want_files(4200))
        skip();
    world_open(&w, NULL, &(struct mock_options){.forget_octets = true});
    struct net_address at = world_listen(&w, MOCK_SMTP);
    struct crowd c = {.n = 2000};
    crowd_open(&c, &w, &at);
    for (size_t i = 0; i < c.n; i++)
        peer_say(&c.peers[i], "EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<bob@example.test>\r\n"
                              "DATA\r\n");
    for (size_t i = 0; i < c.n; i++)
        peer_expect(&c.peers[i], "354 ");
    for (size_t i = 0; i < c.n; i++)
        peer_say(&c.peers[i], "x\r\n.\r\nQUIT\r\n");
    for (size_t i = 0; i < c.n; i++)
        peer_expect(&c.peers[i], "221 ");
    assert_true(world_run(&w, nobody_left, &w));
    assert_int_equal(mock_message_count(w.mock), c.n);
    crowd_close(&c);
    world_close(&w);
}

/* Heap of an idle connection: the difference with and without, the raw client's share taken off by
 * a listener that only accepts. */
static void on_plain_accept(void *ctx, struct link *link)
{
    static const struct link_handlers none = {0};
    struct link ***next = ctx;
    link_set_handlers(link, &none, NULL);
    *(*next)++ = link;
}

static bool crowd_up(void *ctx)
{
    const struct crowd *c = ctx;
    for (size_t i = c->n; i > 0; i--)
        if (!c->peers[i - 1].up)
            return false;
    return true;
}

static size_t heap_octets(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

__attribute__((unused)) static void test_idle_heap(void **state)
{
    (void)state;
    enum { IDLE = 5000 };
    struct world w;
    struct err err;
    if (!world_want_files(2 * IDLE + 200))
        skip();
    world_open(&w, NULL, &(struct mock_options){.forget_octets = true});
    struct journal_limits limits = {.events_octets = 1 << 20, .store_memory_octets = 1 << 20};
    journal_set_limits(w.journal, &limits);
    struct net_address at = world_listen(&w, MOCK_SMTP);
    struct net_address any;
    net_address_parse_ip("127.0.0.1", 0, &any);
    struct crowd warm = {.n = 50};
    crowd_open(&warm, &w, &at);
    crowd_close(&warm);
    assert_true(world_run(&w, nobody_left, &w));

    size_t before = heap_octets();
    struct crowd c = {.n = IDLE};
    crowd_open(&c, &w, &at);
    size_t with_mock = heap_octets() - before;
    crowd_close(&c);
    assert_true(world_run(&w, nobody_left, &w));

    struct link **links = mem_zalloc(IDLE * sizeof(*links)), **next = links;
    struct listener *listener =
        listener_new(w.loop, w.journal, &any, "plain", 1024, true, on_plain_accept, &next, &err);
    assert_non_null(listener);
    before = heap_octets();
    struct crowd plain = {.peers = mem_zalloc(IDLE * sizeof(*plain.peers)), .n = IDLE};
    for (size_t i = 0; i < IDLE; i += 200) {
        for (size_t k = i; k < i + 200; k++) {
            peer_open(&plain.peers[k], &w, MOCK_SMTP, listener_address(listener));
            buf_append(&plain.peers[k].got, SLICE_LIT("220 mx.example.test ESMTP smtpscope practice"
                                                      " server\r\n"));
        }
        struct crowd part = {plain.peers + i, 200};
        assert_true(world_run(&w, crowd_up, &part));
    }
    size_t with_links = heap_octets() - before;
    size_t each = with_mock > with_links ? (with_mock - with_links) / IDLE : 0;
    print_message(
        "idle heap: %zu octets a connection and its client, mock above a bare link: %zu\n",
        with_mock / IDLE, each);
    assert_true(each > 0 && each < 2048);
    /* Client and server link and the test's own peer are in this: the server's half is below. */
    assert_true(with_mock / IDLE < 2 * 2048 + sizeof(struct peer) + 128);
    for (struct link **k = links; k < next; k++)
        link_free(k);
    mem_free(links);
    crowd_close(&plain);
    listener_free(&listener);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_magic),
        cmocka_unit_test(test_magic_off),
        cmocka_unit_test(test_bounce_text),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_delay),
        cmocka_unit_test(test_listen),
        cmocka_unit_test(test_connection_limit),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_mailbox_limits),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_injection),
        cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_never_reads),
#if HEAP_IS_OURS
        cmocka_unit_test(test_idle_heap), /* a sanitizer's heap cannot be asked */
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
