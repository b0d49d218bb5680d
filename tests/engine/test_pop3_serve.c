/* The POP3 server over a store, and a client's tracker on the other end of the wire: whole
 * conversations, in every split. */
#include "kit.h"

#include "engine/pop3_serve.h"
#include "sasl/sasl.h"

static const char ONE[] = "Subject: one\r\n\r\n.dot\r\nbody\r\n";
static const char TWO[] = "Subject: two\r\nX: y\r\n\r\n1\r\n2\r\n3";

struct world {
    struct clock_manual clock;
    struct journal *journal;
    struct store *store;
    struct store_user *bob;
    struct pop3_serve_options options;
    size_t happened;
};

/* One connection: the server's end and the client's, octets passed in pieces. */
struct wire {
    struct world *w;
    uint32_t conn_s, conn_c;
    struct pop3_track *server, *client;
    struct pop3_serve *serve;
    struct pop3_answer answer;
    struct buf said; /* all the server said */
    size_t step;
    bool closed;
};

static struct store_user *user(void *ctx, const char *name)
{
    return store_user_find(((struct wire *)ctx)->w->store, slice_cstr(name));
}

static bool password(void *ctx, const char *name, struct secret *out)
{
    const struct store_user *u = user(ctx, name);
    return u && store_user_password(u, out);
}

static void happened(void *ctx, struct store_user *u, const char *what, uint32_t uid,
                     const char *text)
{
    assert_non_null(u);
    assert_true(what[0] && text[0]);
    (void)uid;
    ((struct wire *)ctx)->w->happened++;
}

static const struct pop3_policy policy = {.user = user, .password = password, .happened = happened};

static void deliver(struct world *w, const char *text)
{
    struct store_blob *b = store_blob_dup(w->store, slice_cstr(text));
    assert_int_equal(store_append(store_mailbox_find(w->bob, SLICE_LIT("INBOX")),
                                  &(struct store_append){.blob = b}, NULL, NULL),
                     STORE_OK);
    store_blob_release(w->store, &b);
}

static void world_open(struct world *w)
{
    memset(w, 0, sizeof(*w));
    clock_manual_init(&w->clock, 1000, 1764000000000000);
    w->journal = journal_new(&w->clock.clock);
    w->store = store_new(&w->clock.clock, NULL);
    w->bob = store_user_add(w->store, SLICE_LIT("bob"), NULL);
    store_user_set_password(w->bob, SLICE_LIT("secret"));
    w->options = (struct pop3_serve_options){.name = "mx.example.test",
                                             .offer_stls = true,
                                             .mechanisms = "SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN",
                                             .user_pass = true,
                                             .apop = true,
                                             .errors_max = 20};
    deliver(w, ONE);
    deliver(w, TWO);
}

static void world_close(struct world *w)
{
    store_free(&w->store);
    journal_free(&w->journal);
}

static void pass(struct pop3_track *t, enum event_dir dir, struct slice in, size_t step)
{
    while (in.len > 0) {
        struct slice piece = slice_take(in, step ? step : in.len);
        in = slice_skip(in, piece.len);
        while (piece.len > 0) {
            struct pop3_item item;
            piece = slice_skip(piece, pop3_track_feed(t, dir, piece, &item));
        }
    }
}

static void carry_out(struct wire *x)
{
    for (;;) {
        struct pop3_answer *a = &x->answer;
        pop3_track_feed_all(x->server, DIR_S, buf_slice(&a->text));
        pass(x->client, DIR_S, buf_slice(&a->text), x->step);
        buf_append(&x->said, buf_slice(&a->text));
        buf_reset(&a->text);
        if (a->then == POP3_THEN_CLOSE)
            x->closed = true;
        if (a->then == POP3_THEN_TLS) {
            pop3_track_tls_up(x->server);
            pop3_track_tls_up(x->client);
            pop3_serve_tls_up(x->serve);
        }
        if (a->then != POP3_THEN_MORE)
            return;
        pop3_serve_more(x->serve, a);
    }
}

static void wire_open(struct wire *x, struct world *w, size_t step)
{
    memset(x, 0, sizeof(*x));
    x->w = w;
    x->step = step;
    x->conn_s = journal_conn_new(w->journal);
    x->conn_c = journal_conn_new(w->journal);
    x->server = pop3_track_new(w->journal, x->conn_s, &(struct pop3_track_options){0});
    x->client =
        pop3_track_new(w->journal, x->conn_c, &(struct pop3_track_options){.want_content = true});
    x->serve = pop3_serve_new(w->journal, x->conn_s, x->server, &w->options, &policy, x);
    pop3_answer_init(&x->answer);
    buf_init(&x->said, 4 << 20);
    pop3_serve_banner(x->serve, &x->answer);
    carry_out(x);
    assert_int_equal(pop3_track_state(x->client), POP3_STATE_AUTHORIZATION);
    buf_reset(&x->said);
}

static void wire_close(struct wire *x)
{
    pop3_serve_free(&x->serve);
    pop3_track_free(&x->server);
    pop3_track_free(&x->client);
    pop3_answer_deinit(&x->answer);
    buf_deinit(&x->said);
}

/* What the client sends, and what comes back. */
static const char *ask(struct wire *x, const char *octets)
{
    struct slice in = slice_cstr(octets);
    buf_reset(&x->said);
    pass(x->client, DIR_C, in, x->step);
    while (in.len > 0 && !x->closed) {
        struct slice piece = slice_take(in, x->step ? x->step : in.len);
        in = slice_skip(in, piece.len);
        while (piece.len > 0 && !x->closed) {
            struct pop3_item item;
            piece = slice_skip(piece, pop3_track_feed(x->server, DIR_C, piece, &item));
            pop3_serve_item(x->serve, &item, &x->answer);
            carry_out(x);
        }
    }
    /* Both trackers read the same wire the same way. */
    assert_int_equal(pop3_track_state(x->client), pop3_track_state(x->server));
    assert_int_equal(pop3_track_pending(x->client), 0);
    return buf_cstr(&x->said);
}

#define SAYS(x, line, answer) assert_string_equal(ask(x, line "\r\n"), answer "\r\n")

static void conversation(size_t step)
{
    struct world w;
    struct wire x;
    world_open(&w);
    wire_open(&x, &w, step);
    SAYS(&x, "STAT", "-ERR Log in first");
    SAYS(&x, "PASS secret", "-ERR Say USER first");
    SAYS(&x, "USER nobody", "+OK");
    SAYS(&x, "PASS secret", "-ERR [AUTH] Name or password are wrong");
    SAYS(&x, "USER bob", "+OK");
    SAYS(&x, "PASS wrong", "-ERR [AUTH] Name or password are wrong");
    SAYS(&x, "PASS secret", "-ERR Say USER first");
    SAYS(&x, "USER bob", "+OK");
    SAYS(&x, "PASS secret", "+OK 2 messages");
    SAYS(&x, "USER bob", "-ERR Not after the login");
    SAYS(&x, "STLS", "-ERR Not after the login");
    SAYS(&x, "STAT", "+OK 2 57");
    SAYS(&x, "LIST", "+OK 2 messages (57 octets)\r\n1 28\r\n2 29\r\n.");
    SAYS(&x, "LIST 2", "+OK 2 29");
    SAYS(&x, "LIST 3", "-ERR No such message");
    SAYS(&x, "LIST 0", "-ERR The command is not written like that");
    SAYS(&x, "RETR 1", "+OK 28 octets\r\nSubject: one\r\n\r\n..dot\r\nbody\r\n.");
    SAYS(&x, "RETR 2", "+OK 29 octets\r\nSubject: two\r\nX: y\r\n\r\n1\r\n2\r\n3\r\n.");
    SAYS(&x, "TOP 2 0", "+OK\r\nSubject: two\r\nX: y\r\n\r\n.");
    SAYS(&x, "TOP 2 2", "+OK\r\nSubject: two\r\nX: y\r\n\r\n1\r\n2\r\n.");
    SAYS(&x, "TOP 2 99", "+OK\r\nSubject: two\r\nX: y\r\n\r\n1\r\n2\r\n3\r\n.");
    SAYS(&x, "TOP 2", "-ERR The command is not written like that");
    SAYS(&x, "UIDL 1", "+OK 1 6924810100000001");
    SAYS(&x, "DELE 1", "+OK Message 1 is deleted");
    SAYS(&x, "DELE 1", "-ERR That message is deleted");
    SAYS(&x, "RETR 1", "-ERR That message is deleted");
    SAYS(&x, "LIST", "+OK 1 messages (29 octets)\r\n2 29\r\n.");
    SAYS(&x, "STAT", "+OK 1 29");
    SAYS(&x, "RSET", "+OK 2 messages");
    SAYS(&x, "STAT", "+OK 2 57");
    SAYS(&x, "NOOP", "+OK");
    SAYS(&x, "XYZZY", "-ERR Unknown command");
    SAYS(&x, "UTF8", "-ERR Unknown command");
    SAYS(&x, "DELE 2", "+OK Message 2 is deleted");
    SAYS(&x, "QUIT", "+OK Bye");
    assert_true(x.closed);
    struct store_mailbox_info info;
    store_mailbox_info(store_mailbox_find(w.bob, SLICE_LIT("INBOX")), true, &info);
    assert_int_equal(info.messages, 1);
    assert_int_equal(info.unseen, 0); /* it was fetched */
    assert_int_equal(w.happened, 3);  /* locked, expunged, unlocked */
    wire_close(&x);
    world_close(&w);
}

static void test_conversation(void **state)
{
    (void)state;
    for (size_t step = 0; step < 8; step++)
        conversation(step);
}

/* A group without waiting: every answer, in order. */
static void test_pipelined(void **state)
{
    (void)state;
    for (size_t step = 0; step < 8; step++) {
        struct world w;
        struct wire x;
        world_open(&w);
        wire_open(&x, &w, step);
        assert_string_equal(
            ask(&x, "USER bob\r\nPASS secret\r\nSTAT\r\nDELE 1\r\nTOP 2 0\r\nQUIT\r\n"),
            "+OK\r\n+OK 2 messages\r\n+OK 2 57\r\n+OK Message 1 is deleted\r\n"
            "+OK\r\nSubject: two\r\nX: y\r\n\r\n.\r\n+OK Bye\r\n");
        wire_close(&x);
        world_close(&w);
    }
}

/* Without QUIT nothing is deleted; two sessions exclude each other; mail arrives meanwhile. */
static void test_lock(void **state)
{
    (void)state;
    struct world w;
    struct wire a, b;
    world_open(&w);
    wire_open(&a, &w, 0);
    wire_open(&b, &w, 0);
    ask(&a, "USER bob\r\nPASS secret\r\nDELE 1\r\n");
    ask(&b, "USER bob\r\n");
    SAYS(&b, "PASS secret", "-ERR [IN-USE] Another session has the maildrop");
    deliver(&w, ONE);
    SAYS(&a, "STAT", "+OK 1 29"); /* it sees what was there at its start */
    wire_close(&a);               /* the connection broke */
    SAYS(&b, "USER bob", "+OK");
    SAYS(&b, "PASS secret", "+OK 3 messages");
    wire_close(&b);
    world_close(&w);
}

/* A message that left behind the session's back. */
static void test_gone(void **state)
{
    (void)state;
    struct world w;
    struct wire x;
    world_open(&w);
    wire_open(&x, &w, 0);
    ask(&x, "USER bob\r\nPASS secret\r\n");
    store_clear(w.store);
    SAYS(&x, "RETR 1", "-ERR [SYS/TEMP] That message is gone");
    SAYS(&x, "DELE 2", "-ERR [SYS/TEMP] That message is gone");
    SAYS(&x, "QUIT", "+OK Bye");
    wire_close(&x);
    world_close(&w);
}

static void test_apop(void **state)
{
    (void)state;
    struct world w;
    struct wire x;
    char digest[SASL_APOP_OCTETS + 1], line[100];
    struct secret secret;
    secret_init(&secret);
    world_open(&w);
    /* RFC 1939 section 7's own example */
    secret_set(&secret, SLICE_LIT("tanstaaf"));
    assert_true(sasl_apop_digest(SLICE_LIT("<1896.697170952@dbc.mtview.ca.us>"), &secret, digest));
    assert_string_equal(digest, "c4c9334bac560ecc979e58001b3e22fb");
    wire_open(&x, &w, 0);
    SAYS(&x, "APOP bob c4c9334bac560ecc979e58001b3e22fb", "-ERR [AUTH] Name or password are wrong");
    secret_set(&secret, SLICE_LIT("secret"));
    assert_true(sasl_apop_digest(pop3_track_stamp(x.client), &secret, digest));
    snprintf(line, sizeof(line), "APOP bob %s\r\n", digest);
    assert_string_equal(ask(&x, line), "+OK 2 messages\r\n");
    secret_clear(&secret);
    wire_close(&x);
    wire_open(&x, &w, 0); /* each greeting has another stamp */
    assert_string_equal(ask(&x, line), "-ERR [AUTH] Name or password are wrong\r\n");
    wire_close(&x);
    world_close(&w);
}

static void test_auth(void **state)
{
    (void)state;
    for (size_t step = 0; step < 4; step++) {
        struct world w;
        struct wire x;
        world_open(&w);
        wire_open(&x, &w, step);
        SAYS(&x, "AUTH", "+OK Mechanisms\r\nSCRAM-SHA-256\r\nCRAM-MD5\r\nPLAIN\r\nLOGIN\r\n.");
        SAYS(&x, "AUTH NOSUCH", "-ERR This mechanism is not offered");
        SAYS(&x, "AUTH PLAIN", "+ ");
        SAYS(&x, "*", "-ERR Given up");
        SAYS(&x, "AUTH PLAIN", "+ ");
        SAYS(&x, "no base64!", "-ERR That is not base64");
        SAYS(&x, "AUTH PLAIN AGJvYgB3cm9uZw==", "-ERR [AUTH] Name or password are wrong");
        SAYS(&x, "AUTH PLAIN", "+ ");
        SAYS(&x, "AGJvYgBzZWNyZXQ=", "+OK 2 messages");
        SAYS(&x, "AUTH PLAIN", "-ERR Not after the login");
        assert_string_equal(pop3_serve_user(x.serve), "bob");
        wire_close(&x);
        world_close(&w);
    }
}

/* STLS: what came before is void, and passwords wait for it where they have to. */
static void test_stls(void **state)
{
    (void)state;
    struct world w;
    struct wire x;
    world_open(&w);
    w.options.tls_for_login = true;
    wire_open(&x, &w, 0);
    assert_null(strstr(ask(&x, "CAPA\r\n"), "USER\r\n"));
    assert_non_null(strstr(buf_cstr(&x.said), "STLS\r\n"));
    assert_non_null(strstr(buf_cstr(&x.said), "SASL SCRAM-SHA-256 CRAM-MD5\r\n"));
    SAYS(&x, "USER bob", "-ERR Say STLS first: a password would be readable on the way");
    SAYS(&x, "AUTH PLAIN", "-ERR This mechanism is not offered");
    SAYS(&x, "STLS", "+OK Begin TLS negotiation");
    assert_true(pop3_track_tls(x.server));
    SAYS(&x, "STLS", "-ERR TLS is on already");
    assert_null(strstr(ask(&x, "CAPA\r\n"), "STLS\r\n"));
    assert_non_null(strstr(buf_cstr(&x.said), "USER\r\n"));
    SAYS(&x, "USER bob", "+OK");
    SAYS(&x, "PASS secret", "+OK 2 messages");
    wire_close(&x);
    world_close(&w);
}

/* Long answers come in pieces and are whole all the same. */
static void test_long(void **state)
{
    (void)state;
    struct world w;
    struct wire x;
    enum { LINES = 20000 };
    world_open(&w);
    char *text = mem_alloc(LINES * 12 + 100), *end = text;
    end += sprintf(end, "Subject: long\r\n\r\n");
    for (int i = 0; i < LINES; i++)
        end += sprintf(end, "%sline %d\r\n", i % 5 == 0 ? "." : "", i % 1000);
    deliver(&w, text);
    for (int i = 0; i < 1200; i++)
        deliver(&w, ONE);
    wire_open(&x, &w, 0);
    ask(&x, "USER bob\r\nPASS secret\r\n");
    ask(&x, "RETR 3\r\n");
    assert_true(x.said.len > strlen(text) + LINES / 5);
    assert_memory_equal(x.said.ptr + x.said.len - 5, "\r\n.\r\n", 5);
    ask(&x, "UIDL\r\n");
    size_t lines = 0;
    for (size_t i = 0; i < x.said.len; i++)
        lines += x.said.ptr[i] == '\n';
    assert_int_equal(lines, 1203 + 2);
    SAYS(&x, "TOP 3 1", "+OK\r\nSubject: long\r\n\r\n..line 0\r\n.");
    mem_free(text);
    wire_close(&x);
    world_close(&w);
}

/* One who only errs is sent away. */
static void test_errors(void **state)
{
    (void)state;
    struct world w;
    struct wire x;
    world_open(&w);
    wire_open(&x, &w, 0);
    for (int i = 0; i < 20; i++)
        SAYS(&x, "XYZZY", "-ERR Unknown command");
    SAYS(&x, "XYZZY", "-ERR Too many errors, closing");
    assert_true(x.closed);
    wire_close(&x);
    wire_open(&x, &w, 0);
    char *endless = mem_alloc(200001);
    memset(endless, 'x', 200000);
    endless[200000] = '\0';
    ask(&x, endless); /* cut in pieces, each an error; never a crash, never without bound */
    assert_non_null(strstr(buf_cstr(&x.said), "-ERR The line is too long"));
    mem_free(endless);
    wire_close(&x);
    world_close(&w);
}

static void test_table(void **state)
{
    (void)state;
    for (unsigned s = 0; s < POP3_STATE__COUNT; s++)
        for (unsigned v = 0; v < POP3_VERB__COUNT; v++) {
            enum pop3_cell cell = pop3_serve_cell((enum pop3_state)s, (enum pop3_verb)v);
            bool in_order = pop3_verb_in_order((enum pop3_verb)v, (enum pop3_state)s);
            assert_true(cell < POP3_CELL__COUNT);
            if (cell == POP3_CELL_DO && v != POP3_VERB_AUTH_DATA && !in_order)
                fail_msg("%s is done in %s", pop3_verb_name((enum pop3_verb)v),
                         pop3_state_name((enum pop3_state)s));
        }
    assert_int_equal(pop3_serve_cell(POP3_STATE_AUTHORIZATION, POP3_VERB_RETR),
                     POP3_CELL_LOGIN_FIRST);
    assert_int_equal(pop3_serve_cell(POP3_STATE_UPDATE, POP3_VERB_NOOP), POP3_CELL_NOTHING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversation), cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_lock),         cmocka_unit_test(test_gone),
        cmocka_unit_test(test_apop),         cmocka_unit_test(test_auth),
        cmocka_unit_test(test_stls),         cmocka_unit_test(test_long),
        cmocka_unit_test(test_errors),       cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
