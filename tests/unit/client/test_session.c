/* Sessions against the practice server and against servers that misbehave, in memory and over
 * loopback. */
#include "world.h"

#include <malloc.h>
#include <fcntl.h>
#include <unistd.h>

#include "client/session.h"

struct run {
    struct world w;
    struct session *s;
    char ca_file[64];
    bool up, down, drive_done, tls_called, tls_ok, free_on_up, free_on_item, free_on_down, has_err;
    enum event_down why;
    struct err err;
    struct smtp_result result;
    unsigned last_code, replies, voids;
    size_t heap_most, heap_base;
    /* what to do when it is up */
    const struct smtp_plan *plan;
    const struct session_content *content;
};

static void on_item(void *ctx, const struct track_item *item)
{
    struct run *r = ctx;
    if (item->smtp->kind == SMTP_ITEM_REPLY) {
        r->last_code = item->smtp->reply->code;
        r->replies++;
    }
    if (item->smtp->kind == SMTP_ITEM_VOID)
        r->voids++;
    if (r->free_on_item)
        session_free(&r->s);
}

static void on_up(void *ctx)
{
    struct run *r = ctx;
    r->up = true;
    if (r->free_on_up)
        session_free(&r->s);
    else if (r->plan)
        assert_true(session_drive(r->s, r->plan, r->content));
}

static void on_tls(void *ctx, const struct err *err)
{
    struct run *r = ctx;
    r->tls_called = true;
    r->tls_ok = err == NULL;
}

static void on_down(void *ctx, enum event_down why, const struct err *err)
{
    struct run *r = ctx;
    assert_false(r->down);
    r->down = true;
    r->why = why;
    r->has_err = err != NULL;
    if (err)
        r->err = *err;
    if (r->free_on_down)
        session_free(&r->s);
}

static void on_drive_done(void *ctx, const struct smtp_result *result)
{
    struct run *r = ctx;
    r->drive_done = true;
    r->result = *result;
}

static const struct session_handlers handlers = {.on_item = on_item,
                                                 .on_up = on_up,
                                                 .on_tls = on_tls,
                                                 .on_down = on_down,
                                                 .on_drive_done = on_drive_done};

static struct link *practice(void *ctx, uint32_t conn, enum target_service service,
                             const struct link_handlers *h, void *h_ctx)
{
    static const enum mock_service services[SERVICE__COUNT] = {
        [SERVICE_SMTP] = MOCK_SMTP,
        [SERVICE_SUBMISSION] = MOCK_SUBMISSION,
        [SERVICE_SUBMISSIONS] = MOCK_SUBMISSIONS};
    struct run *r = ctx;
    return service == SERVICE_LMTP ? NULL
                                   : mock_connect(r->w.mock, conn, services[service], h, h_ctx);
}

static void run_open(struct run *r, const struct mock_options *options)
{
    memset(r, 0, sizeof(*r));
    world_open(&r->w, NULL, options);
    snprintf(r->ca_file, sizeof(r->ca_file), "/tmp/smtpscope-test-ca-XXXXXX");
    int fd = mkstemp(r->ca_file);
    struct slice pem = mock_ca_pem(r->w.mock);
    assert_int_equal(write(fd, pem.ptr, pem.len), pem.len);
    close(fd);
}

static void run_close(struct run *r)
{
    session_free(&r->s);
    unlink(r->ca_file);
    world_close(&r->w);
}

static void run_session(struct run *r, const char *text, unsigned port, struct dns *dns,
                        const struct session_options *options)
{
    struct target t;
    struct err err;
    struct session_options o = options ? *options : (struct session_options){0};
    if (!target_parse(text, &t, &err))
        fail_msg("%s", err.text);
    if (port)
        t.port = port;
    session_free(&r->s);
    r->up = r->down = r->drive_done = r->tls_called = r->tls_ok = false;
    r->replies = r->voids = r->last_code = 0;
    err_clear(&r->err);
    r->s = session_open(r->w.loop, r->w.journal, dns, &t, &o, practice, r, &handlers, r);
    assert_false(r->up || r->down);
}

static bool is_over(void *ctx)
{
    const struct run *r = ctx;
    return r->down;
}
static bool is_done(void *ctx)
{
    const struct run *r = ctx;
    return r->drive_done || r->down;
}
static bool is_replied(void *ctx)
{
    const struct run *r = ctx;
    return r->replies > 0 || r->down;
}
static bool is_tls(void *ctx)
{
    const struct run *r = ctx;
    return r->tls_called || r->down;
}
static bool is_void(void *ctx)
{
    const struct run *r = ctx;
    return r->voids > 0 || r->down;
}

static const char *const to_bob[] = {"bob@example.test"};
static struct smtp_plan plan_of(enum smtp_tls_use tls)
{
    return (struct smtp_plan){.goal = SMTP_GOAL_SEND,
                              .name = "client.test",
                              .tls = tls,
                              .from = "alice@example.test",
                              .to = to_bob,
                              .n_to = 1,
                              .has_content = true,
                              .quit = true,
                              .quit_after = SMTP_STEP__COUNT};
}
static const struct session_content short_content = {
    .fd = -1, .octets = {(const uint8_t *)"Subject: s\n\n.dot\nend\n", 21}, .mend = true};

static void expect_sent(struct run *r)
{
    assert_true(world_run(&r->w, is_done, r));
    if (!r->drive_done || !r->result.ok)
        fail_msg("stage %s code %u %s; %s", smtp_step_name(r->result.stage), r->result.code,
                 r->result.err.text, r->err.text);
    assert_int_equal(r->result.n_accepted, 1);
    assert_true(world_run(&r->w, is_over, r));
    struct mock_message m;
    size_t n = mock_message_count(r->w.mock);
    assert_true(n > 0 && mock_message_at(r->w.mock, n - 1, &m));
    struct slice tail = SLICE_LIT("+0000\r\nSubject: s\r\n\r\n.dot\r\nend\r\n");
    assert_true(slice_eq(slice_skip(m.octets, m.octets.len - tail.len), tail));
}

static void test_send(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, NULL);
    struct net_address at = world_listen(&r.w, MOCK_SMTP);
    struct smtp_plan plan = plan_of(SMTP_TLS_NONE);
    r.plan = &plan;
    r.content = &short_content;
    run_session(&r, "practice", 0, NULL, NULL);
    expect_sent(&r);
    run_session(&r, "127.0.0.1", at.port, NULL, NULL);
    expect_sent(&r);
    plan.pipeline = true;
    run_session(&r, "127.0.0.1", at.port, NULL, NULL);
    expect_sent(&r);
    assert_true(slice_eq_nocase(slice_cstr(session_target(r.s)->name), SLICE_LIT("127.0.0.1")));
    run_close(&r);
}

static void test_tls_and_auth(void **state)
{
    (void)state;
    static const char *const mechanisms[] = {"PLAIN",       "LOGIN",         "CRAM-MD5",
                                             "SCRAM-SHA-1", "SCRAM-SHA-256", NULL};
    struct run r;
    struct secret password;
    run_open(&r, NULL);
    secret_init(&password);
    secret_set(&password, SLICE_LIT("secret"));
    struct session_options options = {.tls = {.verify = VERIFY_FULL, .ca_file = r.ca_file}};
    struct net_address at = world_listen(&r.w, MOCK_SUBMISSION);
    struct net_address at_tls = world_listen(&r.w, MOCK_SUBMISSIONS);
    struct smtp_plan plan = plan_of(SMTP_TLS_MUST);
    r.plan = &plan;
    r.content = &short_content;
    plan.auth = true;
    plan.credentials.user = "alice";
    plan.credentials.password = &password;
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
        plan.credentials.mechanisms = mechanisms[i];
        plan.tls = SMTP_TLS_MUST;
        run_session(&r, "submission://127.0.0.1", at.port, NULL, &options);
        expect_sent(&r);
        assert_true(r.tls_ok);
        if (mechanisms[i])
            assert_string_equal(r.result.mechanism, mechanisms[i]);
        run_session(&r, "submissions://127.0.0.1", at_tls.port, NULL, &options);
        expect_sent(&r);
        run_session(&r, "submissions://practice", 0, NULL, &options); /* a host of that name */
        session_close(r.s);
        assert_true(world_run(&r.w, is_over, &r));
        assert_int_equal(r.why, DOWN_OURS);
    }
    secret_set(&password, SLICE_LIT("wrong"));
    run_session(&r, "submission://127.0.0.1", at.port, NULL, &options);
    assert_true(world_run(&r.w, is_done, &r));
    assert_false(r.result.ok);
    assert_int_equal(r.result.code, 535);
    assert_int_equal(r.result.stage, SMTP_STEP_AUTH);
    secret_clear(&password);
    run_close(&r);
}

/* A name the certificate does not carry; a CA file that is none. */
static void test_tls_refused(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, NULL);
    struct session_options options = {
        .tls = {.verify = VERIFY_FULL, .ca_file = r.ca_file, .name = "other.test"}};
    struct net_address at_tls = world_listen(&r.w, MOCK_SUBMISSIONS);
    run_session(&r, "submissions://127.0.0.1", at_tls.port, NULL, &options);
    assert_true(world_run(&r.w, is_over, &r));
    assert_false(r.up);
    assert_int_equal(r.why, DOWN_TLS);
    assert_int_equal(r.err.domain, ERR_TLS);
    options.tls.ca_file = "/nonexistent/ca.pem";
    run_session(&r, "submissions://127.0.0.1", at_tls.port, NULL, &options);
    assert_true(world_run(&r.w, is_over, &r));
    assert_true(r.tls_called && !r.tls_ok && !r.up);
    assert_int_equal(r.why, DOWN_TLS);
    run_close(&r);
}

/* Everything by hand: the handshake begins by itself after the 220 to a typed STARTTLS. */
static void say(struct run *r, const char *line, unsigned code)
{
    r->replies = 0;
    assert_true(session_send_line(r->s, slice_cstr(line), true));
    if (code == 0)
        return;
    assert_true(world_run(&r->w, is_replied, r));
    if (r->last_code != code)
        fail_msg("%s: %u instead of %u", line, r->last_code, code);
}

static void test_typed(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, NULL);
    run_session(&r, "practice", 0, NULL, NULL);
    assert_false(session_send_line(r.s, SLICE_LIT("NOOP"), true)); /* not up yet */
    assert_null(session_track(r.s));
    assert_true(world_run(&r.w, is_replied, &r));
    assert_int_equal(r.last_code, 220);
    say(&r, "ehlo typed.test", 250);
    say(&r, "starttls", 220);
    assert_true(world_run(&r.w, is_tls, &r));
    assert_true(r.tls_ok && session_is_tls(r.s));
    assert_int_equal(smtp_track_state(session_smtp(r.s)), SMTP_STATE_GREETED);
    say(&r, "ehlo typed.test", 250);
    say(&r, "mail from:<a@b.test>", 250);
    say(&r, "rcpt to:<bob@example.test>", 250);
    say(&r, "data", 354);
    say(&r, "Subject: typed", 0);
    say(&r, "", 0);
    say(&r, ".", 250);
    say(&r, "mail from:<a@b.test>", 250);
    say(&r, "rcpt to:<bob@example.test>", 250);
    say(&r, "data", 354);
    say(&r, ".x", 0);
    say(&r, "..", 0);
    assert_true(session_send_raw(r.s, SLICE_LIT("raw\r\n")));
    say(&r, ".", 250);
    struct mock_message m;
    assert_true(mock_message_at(r.w.mock, 1, &m));
    assert_true(slice_find(m.octets, SLICE_LIT("+0000\r\n.x\r\n..\r\nraw\r\n")) > 0);
    say(&r, "mail from:<a@b.test>", 250);
    say(&r, "rcpt to:<bob@example.test>", 250);
    assert_false(session_send_content(r.s, &short_content)); /* no DATA is open */
    say(&r, "data", 354);
    r.replies = 0;
    assert_true(session_send_content(r.s, &short_content));
    assert_true(world_run(&r.w, is_replied, &r));
    assert_int_equal(r.last_code, 250);
    assert_int_equal(mock_message_count(r.w.mock), 3);
    session_abort(r.s);
    assert_true(world_run(&r.w, is_over, &r));
    assert_int_equal(r.why, DOWN_ABORT);
    assert_false(session_send_line(r.s, SLICE_LIT("NOOP"), true));
    run_close(&r);
}

/* ---- servers that misbehave ---- */

struct bad_server {
    struct listener *listener;
    struct link *links[8];
    size_t n_links;
    const char *banner, *on_input;
    bool close_at_once;
};

static void bad_octets(void *ctx, struct slice octets)
{
    (void)octets;
    struct bad_server *b = ctx;
    if (b->on_input)
        link_send(b->links[b->n_links - 1], slice_cstr(b->on_input));
}

static void bad_accept(void *ctx, struct link *link)
{
    static const struct link_handlers bad_handlers = {.on_octets = bad_octets};
    struct bad_server *b = ctx;
    link_set_handlers(link, &bad_handlers, b);
    assert_true(b->n_links < 8);
    b->links[b->n_links++] = link;
    if (b->banner)
        link_send(link, slice_cstr(b->banner));
    if (b->close_at_once)
        link_close(link);
}

static unsigned bad_open(struct bad_server *b, struct run *r)
{
    struct net_address at;
    struct err err;
    net_address_parse_ip("127.0.0.1", 0, &at);
    b->listener = listener_new(r->w.loop, r->w.journal, &at, "bad", 8, true, bad_accept, b, &err);
    assert_non_null(b->listener);
    return listener_address(b->listener)->port;
}

static void bad_close(struct bad_server *b)
{
    for (size_t i = 0; i < b->n_links; i++)
        link_free(&b->links[i]);
    listener_free(&b->listener);
}

static unsigned closed_port(struct run *r)
{
    struct bad_server b = {0};
    unsigned port = bad_open(&b, r);
    bad_close(&b);
    loop_turn(r->w.loop, 0);
    return port;
}

static void test_refused(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, NULL);
    run_session(&r, "127.0.0.1", closed_port(&r), NULL, NULL);
    assert_true(world_run(&r.w, is_over, &r));
    assert_false(r.up);
    assert_int_equal(r.why, DOWN_REFUSED);
    assert_int_equal(r.err.domain, ERR_CONNECT);
    assert_true(r.err.text[0]);
    run_session(&r, "unix:/nonexistent/socket", 0, NULL, NULL);
    assert_true(world_run(&r.w, is_over, &r));
    assert_false(r.up);
    run_session(&r, "lmtp://practice.test", 0, NULL, NULL); /* no resolver */
    assert_true(world_run(&r.w, is_over, &r));
    assert_int_equal(r.why, DOWN_UNREACHED);
    assert_int_equal(r.err.domain, ERR_DNS);
    struct session_options options = {.source = "not an address"};
    run_session(&r, "127.0.0.1", 1, NULL, &options);
    assert_true(world_run(&r.w, is_over, &r));
    assert_int_equal(r.err.domain, ERR_USAGE);
    run_close(&r);
}

static void test_silent(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, NULL);
    static const struct {
        const char *banner, *answer;
        enum smtp_step stage;
    } cases[] = {
        {NULL, NULL, SMTP_STEP_GREETING},
        {"220 slow", NULL, SMTP_STEP_GREETING},
        {"220 slow\r\n", NULL, SMTP_STEP_EHLO},
        {"220 slow\r\n", "250-half\r\n", SMTP_STEP_EHLO},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bad_server b = {.banner = cases[i].banner, .on_input = cases[i].answer};
        struct session_options options = {.reply_timeout_ms = 60};
        struct smtp_plan plan = plan_of(SMTP_TLS_NONE);
        r.plan = &plan;
        r.content = &short_content;
        size_t timeouts = world_events(&r.w, EVENT_LINK_TIMEOUT, NULL);
        run_session(&r, "127.0.0.1", bad_open(&b, &r), NULL, &options);
        assert_true(world_run(&r.w, is_done, &r));
        assert_true(r.drive_done);
        assert_false(r.result.ok);
        assert_int_equal(r.result.outcome, SMTP_OUT_TIMEOUT);
        assert_int_equal(r.result.stage, cases[i].stage);
        assert_true(world_events(&r.w, EVENT_LINK_TIMEOUT, NULL) > timeouts);
        session_free(&r.s);
        bad_close(&b);
    }
    /* A server that never answers the handshake. */
    struct bad_server b = {0};
    struct session_options options = {.connect_timeout_ms = 60};
    run_session(&r, "submissions://127.0.0.1", bad_open(&b, &r), NULL, &options);
    assert_true(world_run(&r.w, is_over, &r));
    assert_int_equal(r.why, DOWN_TIMEOUT);
    assert_int_equal(r.err.domain, ERR_TIMEOUT);
    session_free(&r.s);
    bad_close(&b);
    run_close(&r);
}

static void test_closed_at_banner(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, NULL);
    struct bad_server b = {.banner = "554 no ser", .close_at_once = true};
    struct smtp_plan plan = plan_of(SMTP_TLS_NONE);
    r.plan = &plan;
    r.content = &short_content;
    run_session(&r, "127.0.0.1", bad_open(&b, &r), NULL, NULL);
    assert_true(world_run(&r.w, is_over, &r));
    assert_true(r.up && r.drive_done && !r.result.ok);
    assert_int_equal(r.why, DOWN_EOF);
    session_free(&r.s);
    bad_close(&b);
    run_close(&r);
}

static void test_plaintext_before_tls(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, NULL);
    struct bad_server b = {.banner = "220 x ESMTP\r\n",
                           .on_input = "220 go\r\n250-injected\r\n250 AUTH PLAIN\r\n"};
    run_session(&r, "127.0.0.1", bad_open(&b, &r), NULL, NULL);
    assert_true(world_run(&r.w, is_replied, &r));
    r.replies = 0;
    assert_true(session_send_line(r.s, SLICE_LIT("STARTTLS"), true));
    assert_true(world_run(&r.w, is_void, &r));
    assert_int_equal(r.voids, 1);
    assert_int_equal(r.replies, 1);
    const struct event *ev = NULL;
    size_t n = 0;
    for (uint64_t seq = journal_first(r.w.journal); seq <= journal_last(r.w.journal); seq++) {
        ev = journal_at(r.w.journal, seq);
        struct ev_deviation d;
        if (!ev || ev->kind != EVENT_DEVIATION)
            continue;
        EVENT_GET(ev, DEVIATION, &d);
        n += smtp_rule_by_name(d.rule) == SMTP_RULE_PLAINTEXT_BEFORE_TLS;
    }
    assert_int_equal(n, 1);
    session_free(&r.s);
    bad_close(&b);
    run_close(&r);
}

/* ---- names ---- */

static void mx_case(struct run *r, const char *lines, const char *target, unsigned port, bool up,
                    enum err_domain domain)
{
    struct err err;
    char address[64];
    snprintf(address, sizeof(address), "%s", target);
    struct dns *dns = dns_new_table(r->w.loop, r->w.journal, lines, &err);
    if (!dns)
        fail_msg("%s", err.text);
    struct session_options options = {.resolve_timeout_ms = 200};
    run_session(r, target, port, dns, &options);
    assert_true(world_run(&r->w, up ? is_replied : is_over, r));
    if (r->up != up)
        fail_msg("%s by %s: up %d: %s", target, lines, r->up, r->err.text);
    if (!up && r->err.domain != domain)
        fail_msg("%s by %s: %s: %s", target, lines, err_domain_name(r->err.domain), r->err.text);
    if (!up)
        assert_true(r->err.text[0] && r->err.next[0]);
    session_free(&r->s);
    dns_free(&dns);
}

static void test_names(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, NULL);
    unsigned port = world_listen(&r.w, MOCK_SMTP).port;
    mx_case(&r, "example.test MX 10 mx.example.test\nmx.example.test A 127.0.0.1\n",
            "bob@example.test", port, true, ERR_NONE);
    /* The first exchanger's address refuses, the second has none, the third serves. */
    mx_case(&r,
            "example.test MX 30 c.test\nexample.test MX 10 a.test\nexample.test MX 20 b.test\n"
            "a.test A 127.0.0.2\nb.test A NXDOMAIN\nb.test AAAA NXDOMAIN\nc.test A 127.0.0.1\n",
            "bob@example.test", port, true, ERR_NONE);
    mx_case(&r, "example.test A 127.0.0.1\n", "bob@example.test", port, true, ERR_NONE);
    mx_case(&r, "example.test MX 0 .\nexample.test A 127.0.0.1\n", "bob@example.test", port, false,
            ERR_DNS);
    mx_case(&r, "example.test MX SERVFAIL\nexample.test A 127.0.0.1\n", "bob@example.test", port,
            false, ERR_DNS);
    mx_case(&r, "example.test MX TIMEOUT\nexample.test A 127.0.0.1\n", "bob@example.test", port,
            false, ERR_TIMEOUT);
    mx_case(&r, "other.test A 127.0.0.1\n", "bob@example.test", port, false, ERR_DNS);
    mx_case(&r, "h.test A 127.0.0.1\nh.test AAAA ::1\n", "h.test", port, true, ERR_NONE);
    mx_case(&r, "h.test A TIMEOUT\nh.test AAAA TIMEOUT\n", "h.test", port, false, ERR_TIMEOUT);
    mx_case(&r, "h.test MX 10 x.test\n", "h.test", port, false, ERR_DNS);
    assert_true(world_events(&r.w, EVENT_LINK_RESOLVE, NULL) >= 6);
    run_close(&r);
}

/* ---- a large message ---- */

static void measure(void *ctx)
{
    struct run *r = ctx;
    struct mallinfo2 info = mallinfo2();
    size_t now = info.uordblks + info.hblkhd;
    if (now > r->heap_most)
        r->heap_most = now;
}

static void test_large(void **state)
{
    (void)state;
    enum { LARGE_OCTETS = 20 << 20 };
    struct run r;
    struct mock_counters n;
    run_open(&r, &(struct mock_options){.keep_nothing = true});
    struct net_address at = world_listen(&r.w, MOCK_SMTP);
    char name[] = "/tmp/smtpscope-test-large-XXXXXX";
    int fd = mkstemp(name);
    unlink(name);
    char line[1024];
    memset(line, 'x', sizeof(line));
    line[0] = '.';
    line[70] = line[140] = line[1023] = '\n';
    for (size_t i = 0; i < LARGE_OCTETS / sizeof(line); i++)
        assert_int_equal(write(fd, line, sizeof(line)), sizeof(line));
    struct session_content content = {.fd = fd, .mend = true};
    struct smtp_plan plan = plan_of(SMTP_TLS_NONE);
    r.plan = &plan;
    r.content = &content;
    loop_add_turn_end(r.w.loop, measure, &r);
    for (int tls = 0; tls < 2; tls++) {
        struct mallinfo2 info = mallinfo2();
        r.heap_base = info.uordblks + info.hblkhd;
        r.heap_most = 0;
        lseek(fd, 0, SEEK_SET);
        plan.tls = tls ? SMTP_TLS_MUST : SMTP_TLS_NONE;
        run_session(&r, "127.0.0.1", at.port, NULL, NULL);
        assert_true(world_run(&r.w, is_done, &r));
        if (!r.result.ok)
            fail_msg("%s %u %s", smtp_step_name(r.result.stage), r.result.code, r.result.err.text);
        print_message("20 MiB, tls %d: heap grew by %zu KiB at most\n", tls,
                      (r.heap_most - r.heap_base) / 1024);
        /* A sanitizer's heap cannot be asked: it says 0. */
        assert_true(r.heap_most - r.heap_base < 16 << 20);
    }
    mock_counters(r.w.mock, &n);
    assert_int_equal(n.messages, 2);
    const struct event *ev = NULL;
    struct ev_data_end end;
    world_events(&r.w, EVENT_DATA_END, &ev);
    EVENT_GET(ev, DATA_END, &end);
    assert_int_equal(end.content, LARGE_OCTETS + 3 * (LARGE_OCTETS / sizeof(line)));
    loop_remove_turn_end(r.w.loop, measure, &r);
    /* A file that cannot be read: the connection is cut, nothing is taken for a whole message. */
    content.fd = open("/", 0);
    run_session(&r, "127.0.0.1", at.port, NULL, NULL);
    assert_true(world_run(&r.w, is_over, &r));
    assert_true(r.drive_done && !r.result.ok);
    mock_counters(r.w.mock, &n);
    assert_int_equal(n.messages, 2);
    close(content.fd);
    close(fd);
    run_close(&r);
}

static void test_pace(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, NULL);
    run_session(&r, "practice", 0, NULL, NULL);
    assert_true(world_run(&r.w, is_replied, &r));
    const struct clock *clock = clock_system();
    uint64_t from_ns = clock->tick_ns(clock->ctx);
    session_set_pace(r.s, 200);
    say(&r, "EHLO this.is.a.name.of.fifty.octets.with.its.end.te", 250); /* 58 octets: 290 ms */
    uint64_t passed_ns = clock->tick_ns(clock->ctx) - from_ns;
    assert_true(passed_ns >= 250000000 && passed_ns < 5000000000);
    session_set_pace(r.s, 0);
    say(&r, "NOOP", 250);
    run_close(&r);
}

/* ---- life ---- */

static void test_free_in_handlers(void **state)
{
    (void)state;
    struct run r;
    for (int i = 0; i < 4; i++) {
        run_open(&r, NULL);
        r.free_on_up = i == 0;
        r.free_on_item = i == 1;
        r.free_on_down = i >= 2;
        run_session(&r, i == 3 ? "127.0.0.1" : "practice", i == 3 ? closed_port(&r) : 0, NULL,
                    NULL);
        if (i == 2) {
            assert_true(world_run(&r.w, is_replied, &r));
            session_close(r.s);
        }
        for (int turn = 0; turn < 1000 && r.s; turn++)
            loop_turn(r.w.loop, 10);
        assert_null(r.s);
        run_close(&r);
    }
    /* Freed before it did anything, while looking up, while connecting. */
    run_open(&r, NULL);
    run_session(&r, "practice", 0, NULL, NULL);
    session_free(&r.s);
    struct err err;
    struct dns *dns = dns_new_table(r.w.loop, r.w.journal, "h.test A TIMEOUT\n", &err);
    run_session(&r, "h.test", 25, dns, NULL);
    loop_turn(r.w.loop, 0);
    session_free(&r.s);
    run_session(&r, "h.test", 25, dns, NULL);
    loop_turn(r.w.loop, 0);
    session_close(r.s);
    assert_true(world_run(&r.w, is_over, &r));
    assert_int_equal(r.why, DOWN_OURS);
    assert_false(r.up);
    session_free(&r.s);
    dns_free(&dns);
    loop_turn(r.w.loop, 0);
    run_close(&r);
}

static void test_drive_stop(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, NULL);
    struct smtp_plan plan = plan_of(SMTP_TLS_NONE);
    static const char *const late[] = {"any+delay600@example.test"};
    plan.to = late;
    r.plan = &plan;
    r.content = &short_content;
    run_session(&r, "practice", 0, NULL, NULL);
    for (int turn = 0; turn < 1000 && r.replies < 3; turn++)
        loop_turn(r.w.loop, 10);
    assert_int_equal(r.replies, 3);
    assert_false(session_drive(r.s, &plan, &short_content)); /* one is at work */
    session_drive_stop(r.s);
    assert_true(r.drive_done && !r.result.ok);
    assert_true(session_is_up(r.s));
    assert_non_null(session_result(r.s));
    run_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_send),
        cmocka_unit_test(test_tls_and_auth),
        cmocka_unit_test(test_tls_refused),
        cmocka_unit_test(test_typed),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_closed_at_banner),
        cmocka_unit_test(test_plaintext_before_tls),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_pace),
        cmocka_unit_test(test_free_in_handlers),
        cmocka_unit_test(test_drive_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
