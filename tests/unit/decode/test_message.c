/* The message of a session: from the journal's octets to fields, parts, trace and claims. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/vis.h"
#include "decode/message.h"
#include "../../lib/wire.h"

#define HELLO                                                                                      \
    "S: 220 mx.example.org ESMTP\nC: EHLO client.example.net\nS: 250-mx.example.org\n"             \
    "S: 250-SIZE 1000\nS: 250-CHUNKING\nS: 250-8BITMIME\nS: 250 PIPELINING\n"

struct played {
    struct wire wire;
    struct view view;
    struct message message;
    struct buf page;
};

static void play_as(struct played *p, const char *protocol, const char *script, unsigned parts)
{
    assert_true(wire_start_as(&p->wire, "mx.example.org", protocol));
    wire_play(&p->wire, script);
    view_init(&p->view, 0);
    view_at(&p->view, p->wire.journal, p->wire.conn, journal_last(p->wire.journal));
    message_read(&p->view, p->wire.journal, &p->message);
    buf_init(&p->page, 1 << 20);
    message_print(&p->message, &p->view, parts, VIS_ASCII, &p->page);
}

static void play(struct played *p, const char *script, unsigned parts)
{
    play_as(p, "smtp", script, parts);
}

static void stop(struct played *p)
{
    buf_deinit(&p->page);
    message_deinit(&p->message);
    view_deinit(&p->view);
    wire_stop(&p->wire);
}

static const char data_session[] =
    HELLO "C: MAIL FROM:<ann@example.net> SIZE=300 BODY=8BITMIME\nS: 250 2.1.0 Ok\n"
          "C: RCPT TO:<bob@example.org>\nS: 250 2.1.5 Ok\n"
          "C: RCPT TO:<eve@example.org>\nS: 550 5.1.1 no such user\n"
          "C: DATA\nS: 354 go\n"
          "C: Received: from a (b.example [192.0.2.9]) by c.example with ESMTP; Sat, 23 Nov 2024 "
          "18:02:11 "
          "+0000\n"
          "C: From: =?utf-8?q?J=C3=BCrgen?= <j@other.example>\n"
          "C: Subject: one\nC:  two\n"
          "C: DKIM-Signature: v=1; d=signer.example; s=x\n"
          "C: \nC: ..dotted\nC~ \\xc3\\xa4\\r\\n\nC: .\nS: 250 2.0.0 queued\n";

static void test_data(void **state)
{
    struct played p;
    (void)state;
    play(&p, data_session, MESSAGE_PRINT_ALL);
    assert_true(p.message.known && p.message.complete && !p.message.cut && !p.message.gone);
    assert_int_equal(p.message.header.n_fields, 4);
    assert_true(slice_eq(p.message.header.body, SLICE_LIT(".dotted\r\n\xc3\xa4\r\n")));
    assert_int_equal(p.message.shape.octets, p.view.content.content);
    assert_string_equal(
        buf_cstr(&p.page),
        "Envelope\n"
        "  MAIL FROM  <ann@example.net>  250\n"
        "             SIZE=300\n"
        "             BODY=8BITMIME\n"
        "  RCPT TO    <bob@example.org>  250 2.1.5\n"
        "  RCPT TO    <eve@example.org>  550 5.1.1 no such user\n"
        "  SIZE       227 octets, 300 declared, at most 1000\n"
        "  delivery   the server said 250\n"
        "Who says so?\n"
        "  address    192.0.2.1:40000  seen (the server sees where the connection comes from)\n"
        "  HELO       client.example.net  claimed\n"
        "  MAIL       <ann@example.net>  claimed\n"
        "  From:      J<00FC>rgen <j@other.example>  claimed (another domain than MAIL)\n"
        "  DKIM d=    signer.example  claimed (a signature is there; it is not checked here)\n"
        "  SMTP verifies none of the claimed names.\n"
        "Header\n"
        "  Received: from a (b.example [192.0.2.9]) by c.example with ESMTP; Sat, 23 Nov 2024 "
        "18:02:1 ... (87 octets)\n"
        "  From: J<00FC>rgen <j@other.example>\n"
        "      as sent: =?utf-8?q?J=C3=BCrgen?= <j@other.example>\n"
        "  Subject: one two\n"
        "  DKIM-Signature: v=1; d=signer.example; s=x\n"
        "Parts\n"
        "  text/plain  13 octets  (no Content-Type)\n"
        "      ! holds octets above 127, but says us-ascii or nothing (RFC 2045 section 2.7)\n"
        "Trace\n"
        "   1  by c.example  2024-11-23T18:02:11Z  ESMTP (EHLO session)\n"
        "      claim  a  what the client called itself\n"
        "      fact   b.example [192.0.2.9]  what this server saw\n"
        "      ! the client's name is not the one its address has\n"
        "  A line is as true as the server that wrote it: below the last one of your own, all may "
        "be made up.\n"
        "Octets\n"
        "  octets     227 in 8 lines\n"
        "  longest    97 octets, line 1\n"
        "  dots       1  lines were dot-stuffed\n"
        "  8-bit      2  octets above 127, all of it UTF-8\n");
    stop(&p);
}

static void test_on_its_way(void **state)
{
    struct played p;
    (void)state;
    play(&p,
         HELLO
         "C: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<b@c.example>\nS: 250 ok\nC: DATA\nS: 354 go\n"
         "C: Subject: half\nC: \nC: bo\n",
         MESSAGE_PRINT_ENVELOPE | MESSAGE_PRINT_SHAPE);
    assert_true(p.message.known && !p.message.complete);
    assert_int_equal(p.message.total_octets, 21);
    assert_non_null(strstr(buf_cstr(&p.page), "SIZE       21 octets so far, at most 1000\n"));
    assert_non_null(strstr(buf_cstr(&p.page), "21 in 3 lines, not complete\n"));
    stop(&p);
}

/* Chunks, pipelined before MAIL is answered (RFC 3030 section 4.2). */
static void test_chunks(void **state)
{
    static const char *const scripts[] = {
        HELLO
        "C~ MAIL FROM:<a@b.example>\\r\\nRCPT TO:<c@d.example>\\r\\nBDAT 12\\r\\nSubject: x\\r\\n"
        "BDAT 7 LAST\\r\\n\\r\\n.body\n"
        "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 250 ok\n",
        HELLO "C: MAIL FROM:<a@b.example>\nS: 250 ok\nC: RCPT TO:<c@d.example>\nS: 250 ok\n"
              "C~ BDAT 12\\r\\nSubject: x\\r\\n\nS: 250 ok\nC~ BDAT 7\\r\\n\\r\\n.body\nS: 250 ok\n"
              "C: BDAT 0 LAST\nS: 250 ok\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
        struct played p;
        play(&p, scripts[i], MESSAGE_PRINT_ALL);
        assert_true(slice_eq(buf_slice(&p.message.octets), SLICE_LIT("Subject: x\r\n\r\n.body")));
        assert_true(p.message.complete);
        assert_int_equal(p.view.content.content, 19);
        stop(&p);
    }
}

static void test_next_message_is_another(void **state)
{
    struct played p;
    char script[2000];
    (void)state;
    snprintf(script, sizeof(script), "%sC: MAIL FROM:<x@y.example>\nS: 250 ok\n", data_session);
    play(&p, script, MESSAGE_PRINT_ALL);
    assert_false(p.message.known);
    assert_null(strstr(buf_cstr(&p.page), "Header\n"));
    assert_non_null(strstr(buf_cstr(&p.page), "<x@y.example>  250\n"));
    stop(&p);
}

static void test_auth_is_proven_or_not(void **state)
{
    struct played p;
    (void)state;
    /* \0ann\0secret */
    play(&p, HELLO "C: AUTH PLAIN AGFubgBzZWNyZXQ=\nS: 235 2.7.0 ok\n", MESSAGE_PRINT_WHO);
    assert_non_null(
        strstr(buf_cstr(&p.page), "AUTH       ann  proven (the server accepted its secret)\n"));
    stop(&p);
    play(&p, HELLO "C: AUTH PLAIN AGFubgBzZWNyZXQ=\nS: 535 5.7.8 no\n", MESSAGE_PRINT_WHO);
    assert_non_null(
        strstr(buf_cstr(&p.page), "AUTH       ann  claimed (not accepted by the server)\n"));
    stop(&p);
}

static void test_who_shows_what_is_odd(void **state)
{
    static const struct {
        const char *message, *line;
    } rows[] = {
        {"From: \"boss@bank.example\" <x@evil.example>\r\n\r\n",
         "claimed (its name shows another address than it has)"},
        {"From: \"ann@example.net\" <ann@example.net>\r\n\r\n", "<ann@example.net>  claimed\n"},
        {"From: a@b.example\r\nFrom: c@d.example\r\n\r\n", "From stands more than once"},
        {"Reply-To: r@s.example\r\n\r\n", "Reply-To:  <r@s.example>  claimed\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct message m;
        struct buf page;
        buf_init(&page, 1 << 16);
        message_read_octets(NULL, slice_cstr(rows[i].message), &m);
        message_print(&m, NULL, MESSAGE_PRINT_WHO, VIS_ASCII, &page);
        if (!strstr(buf_cstr(&page), rows[i].line))
            fail_msg("%s", buf_cstr(&page));
        buf_deinit(&page);
        message_deinit(&m);
    }
}

/* What a peer writes reaches the page only as safe text. */
static void test_hostile_text_is_escaped(void **state)
{
    static const char hostile[] =
        "Subject: \x1b[2J\xe2\x80\xae\r\nFrom: =?utf-8?q?=1B=5D0=07?= <a@b\x07.example>\r\n"
        "Received: from \x1b[1m by \x9b;\r\nContent-Type: text/\x1bx; name=\"\x1b]\"\r\n\r\n\x1b";
    struct message m;
    struct buf page;
    (void)state;
    buf_init(&page, 1 << 16);
    message_read_octets(NULL, SLICE_LIT(hostile), &m);
    message_print(&m, NULL, MESSAGE_PRINT_ALL, VIS_ASCII, &page);
    message_print(&m, NULL, MESSAGE_PRINT_FIELDS | MESSAGE_PRINT_RAW_FIELDS, VIS_ASCII, &page);
    for (size_t i = 0; i < page.len; i++)
        assert_true(page.ptr[i] == '\n' || (page.ptr[i] >= ' ' && page.ptr[i] < 127));
    buf_deinit(&page);
    message_deinit(&m);
}

/* ---- what comes back from a mailbox ---- */

/* As Dovecot 2.3 says it. */
#define POP3_LOGIN                                                                                 \
    "S: +OK Dovecot (Debian) ready.\nC: USER ann\nS: +OK\nC: PASS secret\nS: +OK Logged in.\n"
#define IMAP_LOGIN                                                                                 \
    "S: * OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ AUTH=PLAIN] Dovecot (Debian) ready.\n"         \
    "C: a LOGIN ann secret\nS: a OK [CAPABILITY IMAP4rev1] Logged in\n"                            \
    "C: b SELECT INBOX\nS: * 3 EXISTS\nS: b OK [READ-WRITE] Select completed.\n"

static const char stored[] =
    "Return-Path: <ann@example.net>\\r\\nDelivered-To: bob@example.org\\r\\n"
    "Received: from a.example ([192.0.2.7]) by mx.example.org with ESMTPS; "
    "Sat, 23 Nov 2024 18:02:11 +0000\\r\\n"
    "From: =?utf-8?q?J=C3=BCrgen?= <j@other.example>\\r\\nSubject: tea\\r\\n\\r\\nhi\\r\\n";
enum { STORED_OCTETS = 235, STORED_HEADER_OCTETS = 231 };

static void test_pop3_retr(void **state)
{
    struct played p;
    char script[2000];
    (void)state;
    snprintf(script, sizeof(script),
             POP3_LOGIN "C: RETR 2\nS: +OK 235 octets\nS~ %s..x\\r\\n\nS: .\n", stored);
    play_as(&p, "pop3", script, MESSAGE_PRINT_ALL);
    assert_true(p.message.known && p.message.complete);
    assert_int_equal(p.message.octets.len, STORED_OCTETS + 4); /* the dot is one again */
    assert_string_equal(
        buf_cstr(&p.page),
        "Who says so?\n"
        "  envelope   <ann@example.net>  claimed (Return-Path: what the delivering server was told "
        "in MAIL FROM)\n"
        "  for        bob@example.org  claimed (Delivered-To: whose mailbox it was meant for)\n"
        "  From:      J<00FC>rgen <j@other.example>  claimed (another domain than MAIL)\n"
        "  A header says what its writer put there: none of these names is verified.\n"
        "Header\n"
        "  Return-Path: <ann@example.net>\n"
        "  Delivered-To: bob@example.org\n"
        "  Received: from a.example ([192.0.2.7]) by mx.example.org with ESMTPS; Sat, 23 Nov 2024 "
        "18: ... (91 octets)\n"
        "  From: J<00FC>rgen <j@other.example>\n"
        "      as sent: =?utf-8?q?J=C3=BCrgen?= <j@other.example>\n"
        "  Subject: tea\n"
        "Parts\n"
        "  text/plain  8 octets  (no Content-Type)\n"
        "Trace\n"
        "   1  by mx.example.org  2024-11-23T18:02:11Z  ESMTPS (EHLO + TLS)\n"
        "      claim  a.example  what the client called itself\n"
        "      fact   [192.0.2.7]  what this server saw\n"
        "  A line is as true as the server that wrote it: below the last one of your own, all may "
        "be made up.\n"
        "Octets\n"
        "  from       RETR 2\n"
        "  octets     239 in 8 lines\n"
        "  longest    101 octets, line 3\n"
        "  dots       1  lines were dot-stuffed\n");
    stop(&p);
}

/* Which command it was is told by the wire, not by what was typed last. */
static void test_pop3_pipelined(void **state)
{
    struct played p;
    (void)state;
    play_as(&p, "pop3",
            POP3_LOGIN "C~ RETR 1\\r\\nTOP 3 0\\r\\nQUIT\\r\\n\n"
                       "S: +OK\nS: Subject: first\nS: \nS: .\n"
                       "S: +OK\nS: Subject: third\nS: \nS: .\nS: +OK bye\n",
            MESSAGE_PRINT_FIELDS | MESSAGE_PRINT_SHAPE);
    assert_non_null(strstr(buf_cstr(&p.page), "Subject: third\n"));
    assert_non_null(
        strstr(buf_cstr(&p.page), "asked      TOP 3 0: the header and the first lines"));
    assert_null(strstr(buf_cstr(&p.page), "Subject: first\n"));
    /* As it was when the first had just passed. */
    const struct journal *j = p.wire.journal;
    uint64_t seq = journal_first(j);
    while (journal_at(j, seq)->kind != EVENT_DATA_END)
        seq++;
    message_deinit(&p.message);
    view_at(&p.view, j, p.wire.conn, seq);
    message_read(&p.view, j, &p.message);
    assert_true(slice_eq(buf_slice(&p.message.octets), SLICE_LIT("Subject: first\r\n\r\n")));
    assert_string_equal(p.view.body.asked, "RETR 1");
    stop(&p);
}

static void test_imap_fetch(void **state)
{
    static const struct {
        const char *before; /* the item with its announcement; the message follows */
        size_t skip, take;  /* octets of `stored` */
        const char *behind;
        enum view_part part;
        const char *lines[3];
    } rows[] = {
        {"FLAGS (\\\\Seen) BODY[] {235}",
         0,
         STORED_OCTETS,
         " UID 7)",
         VIEW_PART_WHOLE,
         {"from       FETCH 2 BODY[]\n", "text/plain  4 octets", "envelope   <ann@example.net>"}},
        {"RFC822 {235}", 0, STORED_OCTETS, ")", VIEW_PART_WHOLE, {"FETCH 2 RFC822\n"}},
        {"BINARY[] ~{235}", 0, STORED_OCTETS, ")", VIEW_PART_WHOLE, {"FETCH 2 BINARY[]\n"}},
        {"BODY[HEADER] {231}",
         0,
         STORED_HEADER_OCTETS,
         ")",
         VIEW_PART_HEADER,
         {"asked      FETCH 2 BODY[HEADER]: the header alone", "  Subject: tea\n",
          "Parts\n  not known: the whole message was not asked for\n"}},
        {"RFC822.HEADER {231}", 0, STORED_HEADER_OCTETS, ")", VIEW_PART_HEADER, {"by mx.example"}},
        {"BODY[HEADER.FIELDS (SUBJECT)] {16}",
         215,
         16,
         ")",
         VIEW_PART_FIELDS,
         {"FETCH 2 BODY[HEADER.FIELDS ...]: some fields", "  Subject: tea\n"}},
        {"BODY[TEXT] {4}",
         STORED_HEADER_OCTETS,
         4,
         ")",
         VIEW_PART_TEXT,
         {"Header\n  was not asked for\n", "octets     4 in 1 lines\n"}},
        {"BODY[]<0> {40}",
         0,
         40,
         ")",
         VIEW_PART_RANGE,
         {"FETCH 2 BODY[]<...>: octets from its first on", "Return-Path: <ann@example.net>"}},
        {"BODY[]<9> {9}", 9, 9, ")", VIEW_PART_TEXT, {"octets     9 in"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct played p;
        char script[2000], octets[1000];
        size_t n = 0;
        /* `stored` in its escaped form, cut to the octets wanted. */
        for (size_t at = 0, real = 0; stored[at]; at++, real++) {
            size_t octet = stored[at] == '\\' ? 2 : 1;
            if (real >= rows[i].skip && real < rows[i].skip + rows[i].take) {
                memcpy(octets + n, stored + at, octet);
                n += octet;
            }
            at += octet - 1;
        }
        octets[n] = '\0';
        snprintf(script, sizeof(script),
                 IMAP_LOGIN "C: c FETCH 2 (BODY[])\nS~ * 2 FETCH (%s\\r\\n%s%s\\r\\n\n"
                            "S: c OK Fetch completed.\n",
                 rows[i].before, octets, rows[i].behind);
        play_as(&p, "imap", script, MESSAGE_PRINT_ALL);
        assert_int_equal(p.message.octets.len, rows[i].take);
        assert_int_equal(p.message.part, rows[i].part);
        assert_true(p.message.complete);
        for (size_t l = 0; l < 3 && rows[i].lines[l]; l++)
            if (!strstr(buf_cstr(&p.page), rows[i].lines[l]))
                fail_msg("%s: no \"%s\" in\n%s", rows[i].before, rows[i].lines[l],
                         buf_cstr(&p.page));
        stop(&p);
    }
}

/* Header and body asked for apart are one message; ranges that join are, too. */
static void test_imap_pieces(void **state)
{
    static const char *const scripts[] = {
        IMAP_LOGIN "C: c FETCH 1 (BODY[HEADER] BODY[TEXT])\n"
                   "S~ * 1 FETCH (BODY[TEXT] {4}\\r\\nhi\\r\\n BODY[HEADER] "
                   "{14}\\r\\nSubject: x\\r\\n\\r\\n)\\r\\n\n",
        IMAP_LOGIN "C: c FETCH 1 BODY.PEEK[]<0.10>\n"
                   "S~ * 1 FETCH (BODY[]<0> {10}\\r\\nSubject: x)\\r\\n\n"
                   "S: c OK\nC: d FETCH 1 BODY.PEEK[]<10.8>\n"
                   "S~ * 1 FETCH (BODY[]<10> {8}\\r\\n\\r\\n\\r\\nhi\\r\\n)\\r\\n\n",
        IMAP_LOGIN "C: c FETCH 1 (BODY[HEADER] BODY[TEXT])\n"
                   "S~ * 1 FETCH (BODY[HEADER] \"Subject: x\" BODY[TEXT] "
                   "{8}\\r\\n\\r\\n\\r\\nhi\\r\\n)\\r\\n\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
        struct played p;
        play_as(&p, "imap", scripts[i], MESSAGE_PRINT_ALL);
        assert_true(slice_eq(buf_slice(&p.message.octets), SLICE_LIT("Subject: x\r\n\r\nhi\r\n")));
        assert_int_equal(p.message.header.n_fields, 1);
        stop(&p);
    }
}

/* A literal that is not kept in memory, with data behind it; an octet at a time or at once. */
static void test_imap_large(void **state)
{
    enum { BODY_OCTETS = 100000 };
    struct played p;
    char *octets = malloc(BODY_OCTETS + 1), head[400];
    (void)state;
    assert_non_null(octets);
    memset(octets, 'x', BODY_OCTETS);
    octets[BODY_OCTETS] = '\0';
    memcpy(octets, "Subject: big", 12);
    play_as(&p, "imap", IMAP_LOGIN "C: c FETCH 3 BODY[]\n", 0);
    int n = snprintf(head, sizeof(head), "S~ * 3 FETCH (BODY[] {%d}\\r\\n", BODY_OCTETS);
    assert_true(wire_line(&p.wire, head, (size_t)n));
    for (size_t at = 0; at < BODY_OCTETS; at += 10000) {
        char piece[10100];
        n = snprintf(piece, sizeof(piece), "S~ %.10000s", octets + at);
        assert_true(wire_line(&p.wire, piece, (size_t)n));
    }
    static const char end[] = "S~  FLAGS (\\\\Seen) UID 9)\\r\\n";
    assert_true(wire_line(&p.wire, end, sizeof(end) - 1));
    view_at(&p.view, p.wire.journal, p.wire.conn, journal_last(p.wire.journal));
    message_deinit(&p.message);
    message_read(&p.view, p.wire.journal, &p.message);
    assert_true(slice_eq(buf_slice(&p.message.octets), slice_cstr(octets)));
    stop(&p);
    free(octets);
}

/* The key changes with what is read, and with nothing else. */
static void test_key(void **state)
{
    struct wire w;
    struct view v;
    uint64_t keys[5];
    static const char *const steps[5] = {
        IMAP_LOGIN, "C: c FETCH 1 BODY[]\nS~ * 1 FETCH (BODY[] {2}\\r\\nhi)\\r\\n\n",
        "S: c OK\nC: d NOOP\nS: d OK\n",
        "C: e FETCH 2 BODY[]\nS~ * 2 FETCH (BODY[] {2}\\r\\nhi)\\r\\n\n", "S: e OK\n"};
    (void)state;
    assert_true(wire_start_as(&w, "mx.example.org", "imap"));
    view_init(&v, 0);
    for (size_t i = 0; i < 5; i++) {
        wire_play(&w, steps[i]);
        view_at(&v, w.journal, w.conn, journal_last(w.journal));
        keys[i] = message_key(&v);
    }
    assert_true(keys[0] != keys[1] && keys[1] == keys[2] && keys[2] != keys[3]);
    assert_true(keys[3] == keys[4]);
    view_deinit(&v);
    wire_stop(&w);
}

/* What a hostile server may announce reads no octet that is not of its response. */
static void test_imap_hostile(void **state)
{
    static const char *const scripts[] = {
        "S~ * 1 FETCH (BODY[] {99999999999999999}\\r\\nabc\nCLOSE S\n",
        "S~ * 1 FETCH (BODY[\\r\\n\n",
        "S~ * 1 FETCH (BODY[]<99999999999999999999> \"a\")\\r\\n\n",
        "S~ * 1 FETCH (BODY[]< \"a\")\\r\\n\n",
        "S~ * 1 FETCH (BODY[] \"a\\\\\"b\")\\r\\n\n",
        "S~ * 4294967295 FETCH (BODY[] NIL BODY[] ((((\\r\\n\n",
        "S~ * 1 FETCH BODY[] {0}\\r\\n\\r\\n\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
        struct played p;
        char script[1000];
        snprintf(script, sizeof(script), IMAP_LOGIN "C: c FETCH 1 BODY[]\n%s", scripts[i]);
        play_as(&p, "imap", script, MESSAGE_PRINT_ALL);
        assert_true(p.message.octets.len <= 1);
        stop(&p);
    }
}

static void test_nothing_yet(void **state)
{
    struct played p;
    (void)state;
    play(&p, "", MESSAGE_PRINT_ALL);
    assert_false(p.message.known);
    stop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_on_its_way),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_next_message_is_another),
        cmocka_unit_test(test_auth_is_proven_or_not),
        cmocka_unit_test(test_who_shows_what_is_odd),
        cmocka_unit_test(test_hostile_text_is_escaped),
        cmocka_unit_test(test_pop3_retr),
        cmocka_unit_test(test_pop3_pipelined),
        cmocka_unit_test(test_imap_fetch),
        cmocka_unit_test(test_imap_pieces),
        cmocka_unit_test(test_imap_large),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_imap_hostile),
        cmocka_unit_test(test_nothing_yet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
