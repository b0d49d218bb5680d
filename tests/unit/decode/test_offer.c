/* What a server offers: meanings, changes with TLS, what is missing on its port, contradictions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../lib/wire.h"
#include "base/vis.h"
#include "decode/offer.h"
#include "smtp/tables.h"

struct played {
    struct wire wire;
    struct view view;
    struct buf page;
};

/* At a server port, with these capabilities in the clear and, where tls is not NULL, inside TLS. */
static const char *play(struct played *p, const char *port, const char *hello, const char *clear,
                        const char *tls, unsigned parts)
{
    char script[8000];
    wire_start(&p->wire, "mx.example.org");
    snprintf(script, sizeof(script), "S: 220 mx.example.org ESMTP Postfix\nC: %s me.example\n%s",
             hello, clear);
    wire_play(&p->wire, script);
    if (tls) {
        snprintf(script, sizeof(script), "C: STARTTLS\nS: 220 go\nTLS\nC: %s me.example\n%s", hello,
                 tls);
        wire_play(&p->wire, script);
    }
    view_init(&p->view, 0);
    view_at(&p->view, p->wire.journal, p->wire.conn, journal_last(p->wire.journal));
    free(p->view.peer);
    p->view.peer = malloc(64);
    assert_non_null(p->view.peer);
    snprintf(p->view.peer, 64, "198.51.100.25:%s", port);
    buf_init(&p->page, 1 << 20);
    offer_print(&p->view, parts, VIS_ASCII, &p->page);
    return buf_cstr(&p->page);
}

static void stop(struct played *p)
{
    buf_deinit(&p->page);
    view_deinit(&p->view);
    wire_stop(&p->wire);
}

static void test_page(void **state)
{
    struct played p;
    (void)state;
    const char *page = play(&p, "25", "EHLO",
                            "S: 250-mx.example.org\nS: 250-SIZE 1000\nS: 250-AUTH CRAM-MD5\n"
                            "S: 250-HELP\nS: 250-8BITMIME\nS: 250 STARTTLS\n",
                            "S: 250-mx.example.org\nS: 250-SIZE 52428800\nS: 250-AUTH CRAM-MD5\n"
                            "S: 250-XNEW\nS: 250 PIPELINING\n",
                            OFFER_PRINT_ALL);
    static const char *const parts[] = {
        "Server\n  software    Postfix (banner)\n",
        "  wording of  Postfix\n",
        "  SIZE 52428800\n      Server says how big",
        " 50.0 MiB here. (RFC 1870)\n",
        "  XNEW\n      private to this software\n",
        "Before and after TLS\n  ~ SIZE 52428800  other parameters inside TLS\n",
        "  + XNEW  new inside TLS\n  + PIPELINING  new inside TLS\n",
        "  - HELP  offered in the clear only\n",
        "  - STARTTLS  gone, as it must be\n",
        "Expected on this port, and not offered\n  8BITMIME ",
        "  ENHANCEDSTATUSCODES  refusals carry no",
        "In this session\n  used        STARTTLS\n  not used    SIZE AUTH XNEW PIPELINING\n",
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (!strstr(page, parts[i]))
            fail_msg("\"%s\" is not in:\n%s", parts[i], page);
    assert_null(strstr(page, "Odd\n"));
    stop(&p);
}

/* Each row of the table of expectations is found missing at its place, and not where it is offered
 * or somewhere else. */
static void test_every_expectation(void **state)
{
    const struct offer_expected *e;
    (void)state;
    size_t n = 0;
    for (; (e = offer_expected_at(n)); n++) {
        struct played p;
        char offer[200];
        bool lmtp = strcmp(e->where, "lmtp") == 0, tls = strcmp(e->when, "tls") == 0;
        const char *port = lmtp ? "24" : e->where;
        assert_non_null(smtp_extension_by_keyword(slice_cstr(e->keyword)));
        assert_true(strncmp(e->rfc, "RFC ", 4) == 0);
        snprintf(offer, sizeof(offer), "S: 250-mx.example.org\nS: 250 %s\n", e->keyword);
        const char *hello = lmtp ? "LHLO" : "EHLO", *none = "S: 250-mx.example.org\nS: 250 X\n";
        const char *page = play(&p, port, hello, none, tls ? none : NULL, OFFER_PRINT_MISSING);
        if (!strstr(page, e->keyword) || !strstr(page, e->means))
            fail_msg("%s at %s:\n%s", e->keyword, e->where, page);
        assert_true(offer_misses(&p.view, e));
        stop(&p);
        play(&p, port, hello, offer, tls ? offer : NULL, OFFER_PRINT_MISSING);
        assert_false(offer_misses(&p.view, e));
        stop(&p);
        play(&p, "7", "EHLO", none, tls ? none : NULL, OFFER_PRINT_MISSING);
        assert_false(offer_misses(&p.view, e));
        stop(&p);
    }
    assert_true(n >= 15);
}

static void test_every_oddity(void **state)
{
    static const struct {
        const char *port, *clear, *tls, *said;
    } rows[] = {
        {"25", "S: 250-x\nS: 250 STARTTLS\n", "S: 250-x\nS: 250 STARTTLS\n", "offered inside TLS"},
        {"25", "S: 250-x\nS: 250 REQUIRETLS\n", NULL, "REQUIRETLS"},
        {"25", "S: 250-x\nS: 250 BINARYMIME\n", NULL, "without CHUNKING"},
        {"25", "S: 250-x\nS: 250 SMTPUTF8\n", NULL, "without 8BITMIME"},
        {"25", "S: 250-x\nS: 250 AUTH CRAM-MD5 PLAIN\n", NULL, "password mechanisms"},
        {"25", "S: 250-x\nS: 250 XXXXXXXA\n", NULL, "firewall"},
        {"25", "S: 250-x\nS: 250-STARTTLS\nS: 250 AUTH CRAM-MD5\n", "S: 250-x\nS: 250 X\n",
         "AUTH was offered"},
        {"587", "S: 250-x\nS: 250 ETRN\n", NULL, "ETRN"},
    };
    struct played p;
    bool found;
    size_t n = 0;
    (void)state;
    for (; n < sizeof(rows) / sizeof(*rows); n++) {
        const char *page =
            play(&p, rows[n].port, "EHLO", rows[n].clear, rows[n].tls, OFFER_PRINT_ODD);
        if (!strstr(page, rows[n].said) || strchr(page, '\n') != strrchr(page, '\n'))
            fail_msg("%s:\n%s", rows[n].said, page);
        const char *text = offer_oddity_at(&p.view, n, &found);
        assert_non_null(text);
        assert_true(found);
        stop(&p);
    }
    play(&p, "25", "EHLO", "S: 250-x\nS: 250 SIZE\n", NULL, OFFER_PRINT_ODD);
    assert_null(offer_oddity_at(&p.view, n, &found));
    assert_string_equal(buf_cstr(&p.page), "");
    stop(&p);
}

/* Every extension of the registry is told by its own row. */
static void test_every_extension_is_told(void **state)
{
    const struct smtp_extension *e;
    (void)state;
    for (size_t i = 0; (e = smtp_extension_at(i)); i++) {
        struct buf out;
        char first[64];
        size_t n = strcspn(e->keyword, " /");
        snprintf(first, sizeof(first), "%.*s", (int)n, e->keyword);
        buf_init(&out, 4000);
        offer_meaning(first, &out);
        if (!strstr(buf_cstr(&out), e->meaning) || !strstr(buf_cstr(&out), e->rfc))
            fail_msg("%s: %s", first, buf_cstr(&out));
        buf_deinit(&out);
    }
}

static void test_other_protocols(void **state)
{
    static const struct {
        const char *protocol, *script, *parts[3];
    } rows[] = {
        {"imap",
         "S: * OK Gimap ready for requests from 192.0.2.1 a1\nC: a1 CAPABILITY\n"
         "S: * CAPABILITY IMAP4rev1 STARTTLS X-NONE\nS: a1 OK done\n",
         {"software    Gmail IMAP (banner)\n", "  STARTTLS\n      TLS can be begun",
          "  X-NONE\n      not registered"}},
        {"pop3",
         "S: +OK Gpop ready for requests from 192.0.2.1 a1\nC: CAPA\nS: +OK\nS: TOP\nS: "
         "LOGIN-DELAY 60\nS: .\n",
         {"software    Gmail POP3 (banner)\n", "  TOP\n      TOP shows",
          "  LOGIN-DELAY 60\n      So many seconds"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct played p;
        assert_true(wire_start_as(&p.wire, "mail.example", rows[i].protocol));
        wire_play(&p.wire, rows[i].script);
        view_init(&p.view, 0);
        view_at(&p.view, p.wire.journal, p.wire.conn, journal_last(p.wire.journal));
        buf_init(&p.page, 100000);
        offer_print(&p.view, OFFER_PRINT_ALL, VIS_ASCII, &p.page);
        for (size_t k = 0; k < 3; k++)
            if (!strstr(buf_cstr(&p.page), rows[i].parts[k]))
                fail_msg("\"%s\" is not in:\n%s", rows[i].parts[k], buf_cstr(&p.page));
        assert_int_equal(view_next_commands(&p.view, (const char *[]){NULL}, 1), 0);
        stop(&p);
    }
}

static void test_used(void **state)
{
    struct played p;
    (void)state;
    wire_start(&p.wire, "mx");
    wire_play(&p.wire,
              "S: 220 x\nC: EHLO me\nS: 250-x\nS: 250-PIPELINING\nS: 250-SIZE 9\nS: 250-CHUNKING\n"
              "S: 250-8BITMIME\nS: 250 DSN\n"
              "C~ MAIL FROM:<> SIZE=3 BODY=8BITMIME\\r\\nRCPT TO:<a@b.example>\\r\\n\nS: 250 ok\n"
              "S: 250 ok\n");
    view_init(&p.view, 0);
    view_at(&p.view, p.wire.journal, p.wire.conn, journal_last(p.wire.journal));
    buf_init(&p.page, 10000);
    offer_print(&p.view, OFFER_PRINT_USED, VIS_ASCII, &p.page);
    assert_string_equal(buf_cstr(&p.page), "  used        PIPELINING SIZE 8BITMIME\n"
                                           "  not used    CHUNKING DSN\n");
    stop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),         cmocka_unit_test(test_every_expectation),
        cmocka_unit_test(test_every_oddity), cmocka_unit_test(test_every_extension_is_told),
        cmocka_unit_test(test_used),         cmocka_unit_test(test_other_protocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
