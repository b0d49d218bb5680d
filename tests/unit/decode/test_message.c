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

static void play(struct played *p, const char *script, unsigned parts)
{
    wire_start(&p->wire, "mx.example.org");
    wire_play(&p->wire, script);
    view_init(&p->view, 0);
    view_at(&p->view, p->wire.journal, p->wire.conn, journal_last(p->wire.journal));
    message_read(&p->view, p->wire.journal, &p->message);
    buf_init(&p->page, 1 << 20);
    message_print(&p->message, &p->view, parts, VIS_ASCII, &p->page);
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
        cmocka_unit_test(test_nothing_yet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
