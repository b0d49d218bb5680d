/* The POP3 tracker: sessions line by line, in every split. */
#include "kit.h"

#include "engine/pop3_track.h"

struct session {
    struct clock_manual clock;
    struct journal *journal;
    uint32_t conn;
    struct pop3_track *track;
    struct buf content;
    size_t ends;
};

static void open_session(struct session *x)
{
    clock_manual_init(&x->clock, 1000, 1000);
    x->journal = journal_new(&x->clock.clock);
    x->conn = journal_conn_new(x->journal);
    x->track =
        pop3_track_new(x->journal, x->conn, &(struct pop3_track_options){.want_content = true});
    buf_init(&x->content, 100000);
    x->ends = 0;
}

static void close_session(struct session *x)
{
    pop3_track_free(&x->track);
    journal_free(&x->journal);
    buf_deinit(&x->content);
}

static void feed(struct session *x, enum event_dir dir, struct slice in, size_t step)
{
    while (in.len > 0) {
        struct slice piece = slice_take(in, step ? step : in.len);
        in = slice_skip(in, piece.len);
        while (piece.len > 0) {
            struct pop3_item item;
            size_t used = pop3_track_feed(x->track, dir, piece, &item);
            assert_true(used > 0 && used <= piece.len);
            piece = slice_skip(piece, used);
            buf_append(&x->content, item.content);
            x->ends += item.kind == POP3_ITEM_CONTENT_END;
        }
    }
}

/* As kit_script: "C: text", "S: text", "C| raw" (~ CRLF, ^ LF, ` NUL), "TLS", "END C". */
static void script(struct session *x, const char *text, size_t step)
{
    while (*text) {
        size_t len = strcspn(text, "\n"), n = 0;
        char octets[2048];
        if (len == 3 && memcmp(text, "TLS", 3) == 0) {
            pop3_track_tls_up(x->track);
        } else if (len == 5 && memcmp(text, "END ", 4) == 0) {
            pop3_track_closed(x->track, text[4] == 'C' ? DIR_C : DIR_S);
        } else {
            bool raw = text[1] == '|';
            for (size_t i = 3; i < len; i++) {
                if (raw && text[i] == '~')
                    octets[n++] = '\r';
                octets[n++] = raw && (text[i] == '~' || text[i] == '^') ? '\n'
                              : raw && text[i] == '`'                   ? '\0'
                                                                        : text[i];
            }
            if (!raw) {
                octets[n++] = '\r';
                octets[n++] = '\n';
            }
            feed(x, text[0] == 'C' ? DIR_C : DIR_S, slice_of(octets, n), step);
        }
        text += len + (text[len] == '\n');
    }
}

/* All events but OCTETS, in words. */
static void events(const struct session *x, struct buf *out)
{
    for (uint64_t seq = 1; seq <= journal_last(x->journal); seq++) {
        const struct event *ev = journal_at(x->journal, seq);
        if (!ev)
            continue;
        if (ev->kind == EVENT_COMMAND) {
            struct ev_command e;
            EVENT_GET(ev, COMMAND, &e);
            buf_printf(out, "command %.*s %llu+%llu\n", SLICE_ARG(e.verb),
                       (unsigned long long)e.offset, (unsigned long long)e.length);
        } else if (ev->kind == EVENT_REPLY) {
            struct ev_reply e;
            EVENT_GET(ev, REPLY, &e);
            buf_printf(out, "reply %.*s to %.*s %llu+%llu lines %llu\n", SLICE_ARG(e.status),
                       SLICE_ARG(e.verb), (unsigned long long)e.offset,
                       (unsigned long long)e.length, (unsigned long long)e.lines);
        } else if (ev->kind == EVENT_STATE) {
            struct ev_state e;
            EVENT_GET(ev, STATE, &e);
            buf_printf(out, "state %.*s\n", SLICE_ARG(e.to));
        } else if (ev->kind == EVENT_CAPS) {
            struct ev_caps e;
            EVENT_GET(ev, CAPS, &e);
            buf_printf(out, "caps %.*s\n", SLICE_ARG(e.list));
        } else if (ev->kind == EVENT_DATA_BEGIN) {
            struct ev_data_begin e;
            EVENT_GET(ev, DATA_BEGIN, &e);
            buf_printf(out, "begin %llu\n", (unsigned long long)e.offset);
        } else if (ev->kind == EVENT_DATA_END) {
            struct ev_data_end e;
            EVENT_GET(ev, DATA_END, &e);
            buf_printf(out, "end %llu+%llu content %llu complete %llu\n",
                       (unsigned long long)e.offset, (unsigned long long)e.length,
                       (unsigned long long)e.content, (unsigned long long)e.complete);
        } else if (ev->kind == EVENT_DEVIATION) {
            struct ev_deviation e;
            EVENT_GET(ev, DEVIATION, &e);
            assert_true(e.note.len > 0);
            buf_printf(out, "! %.*s\n", SLICE_ARG(e.rule));
        } else if (ev->kind == EVENT_SASL_STEP) {
            struct ev_sasl_step e;
            EVENT_GET(ev, SASL_STEP, &e);
            buf_printf(out, "sasl %.*s\n", SLICE_ARG(e.text));
        }
    }
}

/* RFC 6856: octets above 127 are a fault until UTF8 or LANG was agreed to, and then where they are
 * no UTF-8. */
static void test_utf8_is_agreed_on(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        size_t faults;
    } rows[] = {
        {"S: +OK\nC: USER b\xc3\xb6\nS: +OK gr\xc3\xbc\xc3\x9f", 2},
        {"S: +OK\nC: UTF8\nS: +OK\nC: USER b\xc3\xb6\nS: +OK gr\xc3\xbc\xc3\x9f", 0},
        {"S: +OK\nC: UTF8\nS: -ERR\nC: USER b\xc3\xb6\nS: +OK", 1},
        {"S: +OK\nC: LANG de\nS: +OK\nC: NOOP\nS: -ERR gr\xc3\xbc\xc3\x9f", 0},
        {"S: +OK\nC: UTF8\nS: +OK\nC: USER b\xf6\nS: +OK gr\xfc", 2},
        {"S: +OK\nC: UTF8\nS: +OK\nC: STLS\nS: +OK\nTLS\nC: USER b\xc3\xb6\nS: +OK", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t step = 0; step < 4; step++) {
            struct session x;
            size_t faults = 0;
            open_session(&x);
            script(&x, rows[i].script, step);
            for (uint64_t seq = 1; seq <= journal_last(x.journal); seq++) {
                const struct event *ev = journal_at(x.journal, seq);
                struct ev_deviation e;
                if (ev->kind != EVENT_DEVIATION)
                    continue;
                EVENT_GET(ev, DEVIATION, &e);
                faults += slice_eq(e.rule, SLICE_LIT("pop3-8bit"));
            }
            assert_int_equal(faults, rows[i].faults);
            close_session(&x);
        }
    }
}

static const struct {
    const char *script, *events;
} sessions[] = {
    {"S: +OK ready <1.2@example>\nC: USER bob\nS: +OK\nC: STAT\nS: -ERR no\nC: PASS x\nS: +OK in\n"
     "C: STAT\nS: +OK 2 320\nC: RETR 3\nS: -ERR none\nC: DELE 1\nS: +OK\nC: RSET\nS: +OK\n"
     "C: QUIT\nS: +OK bye\nEND S\n",
     "state connect\nreply +OK to CONNECT 0+25 lines 1\nstate authorization\n"
     "command USER 0+10\nreply +OK to USER 25+5 lines 1\nstate user\n"
     "command STAT 10+6\n! pop3-command-order\nreply -ERR to STAT 30+9 lines 1\n"
     "command PASS 16+8\n! pop3-login-in-clear\nreply +OK to PASS 39+8 lines 1\n"
     "state transaction\ncommand STAT 24+6\nreply +OK to STAT 47+11 lines 1\n"
     "command RETR 30+8\n! pop3-message-number\nreply -ERR to RETR 58+11 lines 1\n"
     "command DELE 38+8\nreply +OK to DELE 69+5 lines 1\ncommand RSET 46+6\n"
     "reply +OK to RSET 74+5 lines 1\ncommand QUIT 52+6\nreply +OK to QUIT 79+9 lines 1\n"
     "state update\nstate closed\n"},
    /* answers of several lines; pipelining */
    {"S: +OK\nC: CAPA\nS| +OK list~TOP~PIPELINING~SASL PLAIN~.~\nC: USER b\nC: PASS x\nC: LIST\n"
     "C: RETR 1\nS: +OK\nS: +OK\nS| +OK 2~1 120~2 x~.~\nS| +OK~a~..b~~.~\nC: UIDL 1\nS: +OK 1 abc\n"
     "C: TOP 1 0\nS| +OK~.~\nEND C\n",
     "state connect\nreply +OK to CONNECT 0+5 lines 1\nstate authorization\ncommand CAPA 0+6\n"
     "reply +OK to CAPA 5+42 lines 5\ncaps TOP\nPIPELINING\nSASL PLAIN\n"
     "command USER 6+8\n! pop3-command-not-offered\ncommand PASS 14+8\n! pop3-login-in-clear\n"
     "command LIST 22+6\ncommand RETR 28+8\nreply +OK to USER 47+5 lines 1\nstate user\n"
     "reply +OK to PASS 52+5 lines 1\nstate transaction\nreply +OK to LIST 57+22 lines 4\n"
     "! pop3-listing-syntax\nreply +OK to RETR 79+5 lines 1\nbegin 84\n"
     "end 84+13 content 9 complete 1\ncommand UIDL 36+8\n! pop3-command-not-offered\n"
     "reply +OK to UIDL 97+11 lines 1\ncommand TOP 44+9\nreply +OK to TOP 108+5 lines 1\n"
     "begin 113\nend 113+3 content 0 complete 1\n! pop3-quit-missing\nstate closed\n"},
    /* AUTH */
    {"S: +OK\nC: AUTH PLAIN\nS| + ~\nC: AGFubgBzZWNyZXQ=\nS: -ERR [AUTH] no\nC: AUTH PLAIN =\n"
     "S| + ~\nC: *\nS: -ERR\nC: AUTH PLAIN AGFubgBzZWNyZXQ=\nS: +OK\n",
     "state connect\nreply +OK to CONNECT 0+5 lines 1\nstate authorization\n"
     "command AUTH 0+12\n! pop3-login-in-clear\nreply + to AUTH 5+4 lines 1\nsasl empty: go "
     "on\nstate auth\ncommand AUTH-DATA 12+18\nsasl user ann, password hidden (6 octets)\n"
     "reply -ERR to AUTH-DATA 9+16 lines 1\nstate authorization\n"
     "command AUTH 30+14\n! pop3-login-in-clear\nsasl empty\nreply + to AUTH 25+4 lines 1\n"
     "sasl empty: go on\nstate auth\ncommand AUTH-DATA 44+3\nsasl the client gives the exchange "
     "up\n"
     "reply -ERR to AUTH-DATA 29+6 lines 1\nstate authorization\n"
     "command AUTH 47+29\n! pop3-login-in-clear\nsasl user ann, password hidden (6 octets)\n"
     "reply +OK to AUTH 35+5 lines 1\nstate transaction\n"},
    /* STLS: all is void, and what came too early is named */
    {"S: +OK <1.2@x>\nC: CAPA\nS| +OK~STLS~.~\nC: STLS\nC: PASS early\nS: +OK\nS: +OK "
     "injected\nC: STAT\nTLS\nC: STLS\nS: -ERR\n",
     "state connect\nreply +OK to CONNECT 0+13 lines 1\nstate authorization\n"
     "command CAPA 0+6\nreply +OK to CAPA 13+14 lines 3\ncaps STLS\ncommand STLS 6+6\n"
     "command PASS 12+12\n! pop3-command-order\n! pop3-command-early\n! pop3-login-in-clear\n"
     "reply +OK to STLS 27+5 lines 1\nstate tls\n! pop3-commands-before-tls\n"
     "! pop3-plaintext-before-tls\n! pop3-commands-before-tls\nstate authorization\n"
     "command STLS 30+6\n! pop3-command-order\nreply -ERR to STLS 46+6 lines 1\n"},
    /* broken servers */
    {"S: 220 hello\nS: +OK\nS: +OK again\nC| STAT^\nS: +ok 1 1\nC: RETR 1\nS| +OK~.x~half\nEND S\n",
     "state connect\nreply  to CONNECT 0+11 lines 1\n! pop3-greeting\n! pop3-status\n"
     "reply +OK to CONNECT 11+5 lines 1\nstate authorization\n"
     "reply +OK to  16+11 lines 1\n! pop3-response-unasked\n"
     "command STAT 0+5\n! pop3-bare-lf\n! pop3-command-order\n"
     "reply +OK to STAT 27+9 lines 1\n! pop3-status\n"
     "command RETR 5+8\n! pop3-command-order\nreply +OK to RETR 36+5 lines 1\nbegin 41\n"
     "end 41+8 content 7 complete 0\n! pop3-response-cut\n! pop3-closed-early\nstate closed\n"},
    {"S: -ERR busy\nEND S\n",
     "state connect\nreply -ERR to CONNECT 0+11 lines 1\nstate refused\nstate closed\n"},
    {"C: STAT\nS| +OK no end\nEND S\n",
     "state connect\ncommand STAT 0+6\n! pop3-command-before-greeting\n! pop3-response-cut\n"
     "! pop3-closed-early\nstate closed\n"},
};

/* The order of rules of one line is that of the table, whatever the order they were found in. */
static void test_sessions(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, 100000);
    for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++)
        for (size_t step = 0; step < 9; step++) {
            struct session x;
            open_session(&x);
            script(&x, sessions[i].script, step);
            buf_reset(&got);
            events(&x, &got);
            if (strcmp(buf_cstr(&got), sessions[i].events) != 0)
                fail_msg("session %zu in pieces of %zu:\n%s--- not:\n%s", i, step, buf_cstr(&got),
                         sessions[i].events);
            close_session(&x);
        }
    buf_deinit(&got);
}

static void test_content(void **state)
{
    (void)state;
    struct session x;
    open_session(&x);
    script(&x, "S: +OK\nC: RETR 1\nS| +OK~Subject: x~~..dot~.~\nC: LIST\nS| +OK~1 2~.~", 0);
    assert_string_equal(buf_cstr(&x.content), "Subject: x\r\n\r\n.dot\r\n1 2\r\n");
    assert_int_equal(x.ends, 2);
    assert_int_equal(pop3_track_pending(x.track), 0);
    close_session(&x);
}

static void test_questions(void **state)
{
    (void)state;
    struct session x;
    struct slice params;
    uint32_t messages;
    uint64_t octets;
    open_session(&x);
    assert_int_equal(pop3_track_pending_verb(x.track), POP3_VERB_CONNECT);
    script(&x, "S: +OK <1.2@x> ready\nC: CAPA\nS| +OK~SASL PLAIN X~UIDL~.~", 0);
    assert_true(slice_eq(pop3_track_stamp(x.track), SLICE_LIT("<1.2@x>")));
    assert_true(pop3_track_offers(x.track, "sasl", &params));
    assert_true(slice_eq(params, SLICE_LIT("PLAIN X")));
    assert_false(pop3_track_offers(x.track, "UID", NULL));
    script(&x, "C: AUTH PLAIN", 0);
    assert_true(pop3_track_auth_open(x.track));
    assert_string_equal(pop3_track_auth_mechanism(x.track), "PLAIN");
    script(&x, "S: +OK\nC: STAT\nS: +OK 3 99\nC: DELE 1\nS: +OK", 0);
    assert_true(pop3_track_authenticated(x.track));
    assert_true(pop3_track_maildrop(x.track, &messages, &octets));
    assert_int_equal(messages, 3);
    assert_int_equal(octets, 99);
    assert_int_equal(pop3_track_deleted(x.track), 1);
    script(&x, "C: RETR 2\nS: +OK", 0);
    assert_true(pop3_track_in_content(x.track));
    assert_int_equal(pop3_track_pending_verb(x.track), POP3_VERB_RETR);
    close_session(&x);
}

/* Passwords, digests and AUTH lines stand masked in the journal, in every split. */
static void test_secrets(void **state)
{
    (void)state;
    static const char want[] = "USER bob\r\nPASS ************\r\nAPOP bob ********\r\n"
                               "AUTH PLAIN ********\r\nAUTH PLAIN\r\n****************\r\n";
    for (size_t step = 0; step < 12; step++) {
        struct session x;
        struct buf got;
        open_session(&x);
        buf_init(&got, 1000);
        script(&x,
               "S: +OK <1@x>\nC: USER bob\nS: +OK\nC: PASS words of it \nS: -ERR\n"
               "C: APOP bob 01234567\nS: -ERR\nC: AUTH PLAIN AGFubgBx\nS: -ERR\nC: AUTH PLAIN\n"
               "C: AGFubgBzZWNyZXQ=\n",
               step);
        uint64_t len = journal_stream_len(x.journal, x.conn, DIR_C, LAYER_PLAIN);
        assert_true(journal_read_masked(x.journal, x.conn, DIR_C, LAYER_PLAIN, 0, len, &got, NULL));
        for (size_t i = 0; i < got.len; i++) /* a CR that ends a piece may be hidden, too */
            if (got.ptr[i] != (uint8_t)want[i] && !(got.ptr[i] == '*' && want[i] == '\r'))
                fail_msg("in pieces of %zu: %s", step, buf_cstr(&got));
        assert_int_equal(got.len, strlen(want));
        buf_deinit(&got);
        close_session(&x);
    }
}

/* A peer that never ends a line, and one that never waits. */
static void test_hostile(void **state)
{
    (void)state;
    struct session x;
    char block[4096];
    open_session(&x);
    script(&x, "S: +OK", 0);
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 64; i++)
        feed(&x, DIR_C, slice_of(block, sizeof(block)), 0);
    for (int i = 0; i < 64; i++)
        feed(&x, DIR_S, slice_of(block, sizeof(block)), 0);
    assert_true(pop3_track_pending(x.track) <= 8);
    for (int i = 0; i < 6000; i++)
        feed(&x, DIR_C, SLICE_LIT("\r\nNOOP"), 0);
    assert_true(pop3_track_pending(x.track) >= 6000);
    for (int i = 0; i < 7000; i++)
        feed(&x, DIR_S, SLICE_LIT("+OK\r\n"), 0);
    assert_int_equal(pop3_track_pending(x.track), 0);
    close_session(&x);
}

static void test_effects(void **state)
{
    (void)state;
    for (unsigned v = 0; v < POP3_VERB__COUNT; v++)
        for (unsigned o = 0; o < POP3_OUT__COUNT; o++) {
            enum pop3_effect e = pop3_track_effect((enum pop3_verb)v, (enum pop3_outcome)o);
            assert_true(e < POP3_EFFECT__COUNT);
            if (o == POP3_OUT_EOF)
                assert_int_equal(e, POP3_EFFECT_CLOSED);
            if (o == POP3_OUT_MALFORMED)
                assert_int_equal(e, POP3_EFFECT_NONE);
        }
    assert_int_equal(pop3_track_effect(POP3_VERB_PASS, POP3_OUT_OK), POP3_EFFECT_LOGIN);
    assert_int_equal(pop3_track_effect(POP3_VERB_STAT, POP3_OUT_ERR), POP3_EFFECT_NONE);
    assert_int_equal(pop3_track_effect(POP3_VERB_QUIT, POP3_OUT_ERR), POP3_EFFECT_QUIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_is_agreed_on), cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_content),           cmocka_unit_test(test_questions),
        cmocka_unit_test(test_secrets),           cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_effects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
