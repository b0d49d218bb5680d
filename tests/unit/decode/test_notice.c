/* Replies found in text: logs of three servers, bounces, transcripts, words; and in no text that
 * holds none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "decode/notice.h"

enum { FOUND_MAX = 8 };

struct found {
    struct {
        unsigned code, enhanced[3];
        char text[300], recipient[80], host[80], provider[40], form[8];
        enum smtp_verb answers;
        size_t line;
    } items[FOUND_MAX];
    size_t n;
};

static void copy(char *out, size_t out_octets, struct slice s)
{
    snprintf(out, out_octets, "%.*s", (int)(s.len < out_octets ? s.len : out_octets - 1),
             s.ptr ? (const char *)s.ptr : "");
}

static void keep(void *ctx, const struct notice *n)
{
    struct found *f = ctx;
    if (f->n < FOUND_MAX) {
        explain_codes(&n->input, &f->items[f->n].code, f->items[f->n].enhanced);
        copy(f->items[f->n].text, sizeof(f->items[0].text), n->input.text);
        copy(f->items[f->n].recipient, sizeof(f->items[0].recipient), n->recipient);
        copy(f->items[f->n].host, sizeof(f->items[0].host), slice_cstr(n->input.host));
        copy(f->items[f->n].provider, sizeof(f->items[0].provider), slice_cstr(n->input.provider));
        copy(f->items[f->n].form, sizeof(f->items[0].form), slice_cstr(n->form));
        f->items[f->n].answers = n->input.answers;
        f->items[f->n].line = n->line;
    }
    f->n++;
}

static void scan(const char *text, struct found *f)
{
    memset(f, 0, sizeof(*f));
    size_t n = notice_scan(slice_cstr(text), NULL, keep, f);
    assert_int_equal(n, f->n);
}

/* ---- one a line ---- */

static const struct {
    const char *line;
    unsigned code;
    const char *enhanced, *text, *recipient, *host, *provider;
    enum smtp_verb answers;
} lines[] = {
    {"550 5.1.1 User unknown", 550, "5.1.1", "550 5.1.1 User unknown", "", "", "", 0},
    {"550", 550, "", "550", "", "", "", 0},
    {"250 2.0.0 Ok: queued as 4F2A91", 250, "2.0.0", "250 2.0.0 Ok: queued as 4F2A91", "", "", "",
     0},
    {"  5.7.26 unauthenticated", 0, "5.7.26", "5.7.26 unauthenticated", "", "", "", 0},
    {"< 421 4.3.2 All server ports are busy", 421, "4.3.2", "421 4.3.2 All server ports are busy",
     "", "", "", 0},
    {"<** 550 no", 550, "", "550 no", "", "", "", 0},
    {"S: 554 no", 554, "", "554 no", "", "", "", 0},
    {"   0.520 <S  452 4.2.2 full", 452, "4.2.2", "452 4.2.2 full", "", "", "", 0},
    {"reply: b'535 5.7.8 Error: authentication failed: bad'", 535, "5.7.8",
     "535 5.7.8 Error: authentication failed: bad", "", "", "", 0},
    {"Nov 23 10:00:00 mx postfix/smtp[12]: 4F2: to=<bob@example.net>, orig_to=<x>, "
     "relay=mx.example.net[192.0.2.1]:25, delay=1, dsn=5.1.1, status=bounced (host "
     "mx.example.net[192.0.2.1] said: 550 5.1.1 <bob@example.net>: Recipient address rejected: "
     "User unknown (in reply to RCPT TO command))",
     550, "5.1.1", "550 5.1.1 <bob@example.net>: Recipient address rejected: User unknown",
     "bob@example.net", "mx.example.net", "", SMTP_VERB_RCPT},
    {"Nov 23 mx postfix/smtp[12]: 4F2: to=<b@e>, relay=none, dsn=4.4.1, status=deferred (connect "
     "to mx.e[192.0.2.1]:25: Connection timed out)",
     0, "4.4.1", "connect to mx.e[192.0.2.1]:25: Connection timed out", "b@e", "", "", 0},
    {"Nov 23 mx postfix/smtp[12]: 4F2: to=<b@e>, relay=mx.e[192.0.2.1]:25, dsn=4.0.0, "
     "status=deferred (host mx.e[192.0.2.1] refused to talk to me: 421 too busy)",
     421, "", "421 too busy", "b@e", "mx.e", "", 0},
    {"Nov 23 mx postfix/smtp[12]: 4F2: to=<b@e>, relay=mx.e[192.0.2.1]:25, dsn=5.0.0, "
     "status=bounced (host mx.e[192.0.2.1] said: 554 no (in reply to end of DATA command))",
     554, "", "554 no", "b@e", "mx.e", "", SMTP_VERB_DOT},
    {"Nov 23 mx postfix/smtpd[12]: NOQUEUE: reject: RCPT from unknown[192.0.2.1]: 554 5.7.1 "
     "<c@d>: Relay access denied; from=<a@b> to=<c@d> proto=ESMTP helo=<x>",
     554, "5.7.1", "554 5.7.1 <c@d>: Relay access denied", "c@d", "", "Postfix", SMTP_VERB_RCPT},
    {"2024-01-01 00:00:00 1abc-0001-0 ** bob@example.com R=dnslookup T=remote_smtp H=mx.example "
     "[192.0.2.1]: SMTP error from remote mail server after RCPT TO:<bob@example.com>: 550 "
     "Unrouteable address",
     550, "", "550 Unrouteable address", "bob@example.com", "mx.example", "", SMTP_VERB_RCPT},
    {"2024-01-01 00:00:00 1abc-0001-0 == bob@example.com R=dnslookup T=remote_smtp defer (-44) "
     "H=mx.example [192.0.2.1]: SMTP error from remote mail server after end of data: 451 4.7.1 "
     "later",
     451, "4.7.1", "451 4.7.1 later", "bob@example.com", "mx.example", "", SMTP_VERB_DOT},
    {"2024-01-01 00:00:00 H=(x) [192.0.2.1] F=<a@b> rejected RCPT <x@y>: relay not permitted", 0,
     "", "relay not permitted", "x@y", "", "Exim", SMTP_VERB_RCPT},
    {"Nov 1 sm-mta[1]: x: to=<bob@e>, delay=1, mailer=esmtp, relay=mx.e. [192.0.2.1], dsn=5.1.1, "
     "stat=User unknown",
     0, "5.1.1", "User unknown", "bob@e", "mx.e", "", 0},
    {"Nov 1 sm-mta[1]: x: to=<bob@e>, relay=mx.e. [192.0.2.1], dsn=4.0.0, stat=Deferred: 450 later",
     450, "", "450 later", "bob@e", "mx.e", "", 0},
    {"Nov 1 sm-mta[1]: x: ruleset=check_rcpt, arg1=<b@e>, relay=[192.0.2.1], reject=550 5.7.1 "
     "<b@e>... Relaying denied",
     550, "5.7.1", "550 5.7.1 <b@e>... Relaying denied", "b@e", "", "Sendmail", SMTP_VERB_RCPT},
    {"@400000005f3e1a2b delivery 5: failure: 192.0.2.1_does_not_like_recipient./"
     "Remote_host_said:_550_5.1.1_no_such_user/Giving_up_on_192.0.2.1./",
     550, "5.1.1", "550 5.1.1 no such user", "", "", "", 0},
    {"delivery 6: deferral: Connected_to_192.0.2.1_but_connection_died._(#4.4.2)/", 0, "4.4.2",
     "Connected to 192.0.2.1 but connection died. (#4.4.2)", "", "", "qmail", 0},
    {"Sorry, no mailbox here by that name. (#5.1.1)", 0, "5.1.1",
     "Sorry, no mailbox here by that name. (#5.1.1)", "", "", "qmail", 0},
    {"Remote Server returned '550 5.7.64 TenantAttribution; Relay Access Denied'", 550, "5.7.64",
     "550 5.7.64 TenantAttribution; Relay Access Denied", "", "", "", 0},
    {"Remote host said: 550 no such user", 550, "", "550 no such user", "", "", "", 0},
    {"Username and Password not accepted", 0, "", "Username and Password not accepted", "", "", "",
     0},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        struct found f;
        char enhanced[40] = "", text[900];
        /* Alone, with each line end, and with lines around it that say nothing. */
        for (unsigned form = 0; form < 3; form++) {
            static const char *const forms[] = {"%s", "%s\r\n",
                                                "hello\n\n%s\nthe end, 12 of 550\n"};
            snprintf(text, sizeof(text), "%s", "");
            const char *at = strstr(forms[form], "%s");
            snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - forms[form]), forms[form],
                     lines[i].line, at + 2);
            scan(text, &f);
            if (f.n != 1)
                fail_msg("found %zu in %s", f.n, text);
            assert_int_equal(f.items[0].line, form == 2 ? 3 : 1);
            assert_int_equal(f.items[0].code, lines[i].code);
            if (f.items[0].enhanced[0])
                snprintf(enhanced, sizeof(enhanced), "%u.%u.%u", f.items[0].enhanced[0],
                         f.items[0].enhanced[1], f.items[0].enhanced[2]);
            assert_string_equal(enhanced, lines[i].enhanced);
            assert_string_equal(f.items[0].text, lines[i].text);
            assert_string_equal(f.items[0].recipient, lines[i].recipient);
            assert_string_equal(f.items[0].host, lines[i].host);
            assert_string_equal(f.items[0].provider, lines[i].provider);
            assert_int_equal(f.items[0].answers, lines[i].answers);
        }
    }
}

static void test_nothing(void **state)
{
    static const char *const texts[] = {
        "",
        "\n\n\r\n",
        "hello",
        "Nov 23 mx postfix/smtp[1]: to=<b@e>, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 1)",
        "Nov 23 mx postfix/qmgr[12]: 4F2: removed",
        "2024-01-01 00:00:00 1abc-0-0 => bob@e R=dnslookup C=\"250 OK\"",
        "at 10:55 we had 550 visitors",
        "5.7 of 12.3 are 5501",
        "Status: RO",
        "600 a 199 b",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct found f;
        scan(texts[i], &f);
        if (f.n != 0)
            fail_msg("found %s in %s", f.items[0].text, texts[i]);
    }
}

/* ---- several lines ---- */

static void test_multi_line(void **state)
{
    struct found f;
    (void)state;
    scan("220 mx ESMTP\n550-5.1.1 one\r\n550-5.1.1 two\r\n550 5.1.1 three\r\n250-a\n250 b\n"
         "451-open\n550 other\n",
         &f);
    assert_int_equal(f.n, 5);
    assert_string_equal(f.items[1].text, "550-5.1.1 one\n550-5.1.1 two\n550 5.1.1 three");
    assert_int_equal(f.items[1].line, 2);
    assert_string_equal(f.items[2].text, "250-a\n250 b");
    assert_string_equal(f.items[3].text, "451-open");
    assert_string_equal(f.items[4].text, "550 other");
    assert_int_equal(f.items[4].line, 8);
}

static const char bounce[] =
    "From: MAILER-DAEMON\r\nContent-Type: multipart/report; report-type=delivery-status; "
    "boundary=\"b\"\r\n\r\n--b\r\n\r\n<a@example>: host mx.example[192.0.2.1] said: 550 5.1.1 "
    "prose that must not count\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
    "Reporting-MTA: dns; relay.example\r\n\r\n"
    "Final-Recipient: rfc822; a@example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    "Remote-MTA: dns; gmail-smtp-in.l.google.com\r\n"
    "Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried\r\n"
    "    to reach does not exist. 550 5.1.1 Please try\r\n\r\n"
    "Final-Recipient: rfc822; b@example\r\nAction: delayed\r\nStatus: 4.4.1\r\n"
    "Diagnostic-Code: X-Postfix; connect to mx.example[192.0.2.1]:25: Connection timed out\r\n"
    "\r\nFINAL-RECIPIENT: RFC822;c@example\r\nstatus: 5.2.2 (full)\r\n"
    "\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: 550 5.5.5 no reply\r\n"
    "Status: RO\r\n\r\n--b--\r\n";

static void check_bounce(const struct found *f)
{
    assert_int_equal(f->n, 3);
    assert_string_equal(f->items[0].recipient, "a@example");
    assert_string_equal(f->items[0].host, "gmail-smtp-in.l.google.com");
    assert_int_equal(f->items[0].code, 550);
    assert_non_null(strstr(f->items[0].text, "tried to reach does not exist"));
    assert_string_equal(f->items[0].form, "report");
    assert_string_equal(f->items[1].recipient, "b@example");
    assert_int_equal(f->items[1].code, 0);
    assert_int_equal(f->items[1].enhanced[0], 4);
    assert_string_equal(f->items[2].recipient, "c@example");
    assert_string_equal(f->items[2].text, "");
    assert_int_equal(f->items[2].enhanced[1], 2);
}

static void test_bounce(void **state)
{
    struct found f;
    (void)state;
    scan(bounce, &f);
    check_bounce(&f);
    /* With line feeds alone the same. */
    char *unix_ends = mem_strdup(bounce);
    size_t len = 0;
    for (const char *p = bounce; *p; p++)
        if (*p != '\r')
            unix_ends[len++] = *p;
    unix_ends[len] = '\0';
    scan(unix_ends, &f);
    check_bounce(&f);
    mem_free(unix_ends);
}

/* A phrase over the fold of a report is one phrase. */
static void explain_first(void *ctx, const struct notice *n)
{
    struct explanation *e = ctx;
    if (!e->meaning)
        explain_reply_text(&n->input, e);
}

static void test_bounce_is_explained(void **state)
{
    struct explanation e = {.meaning = NULL};
    (void)state;
    notice_scan(slice_cstr(bounce), NULL, explain_first, &e);
    assert_string_equal(e.provider, "Gmail");
    assert_true(e.provider_sure);
    assert_int_equal(e.party, EXPLAIN_YOU);
}

static void test_what_is_known_counts(void **state)
{
    const struct explain_input known = {.host = "gmail-smtp-in.l.google.com"};
    struct explanation e = {.meaning = NULL};
    (void)state;
    notice_scan(SLICE_LIT("452 4.2.2 The recipient is out of storage space"), &known, explain_first,
                &e);
    assert_true(e.provider_sure);
    e.meaning = NULL;
    notice_scan(SLICE_LIT("452 4.2.2 The recipient is out of storage space"), NULL, explain_first,
                &e);
    assert_false(e.provider_sure);
}

/* ---- hostile ---- */

static void count_only(void *ctx, const struct notice *n)
{
    struct explanation e;
    size_t *count = ctx;
    assert_true(n->form && n->line > 0);
    explain_reply_text(&n->input, &e);
    assert_non_null(e.meaning);
    ++*count;
}

/* Every beginning of a text ends somewhere; none may read beyond (the sanitizer looks). */
static void test_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        for (size_t n = 0; n <= strlen(lines[i].line); n++) {
            size_t count = 0;
            char *cut = mem_dup(lines[i].line, n ? n : 1);
            size_t found = notice_scan(slice_of(cut, n), NULL, count_only, &count);
            assert_int_equal(found, count);
            mem_free(cut);
        }
    }
    for (size_t n = 0; n < sizeof(bounce); n += 3) {
        size_t count = 0;
        char *cut = mem_dup(bounce, n ? n : 1);
        notice_scan(slice_of(cut, n), NULL, count_only, &count);
        mem_free(cut);
    }
}

static void test_long_and_odd(void **state)
{
    enum { OCTETS = 300000 };
    static const char *const parts[] = {"550-5.1.1 ",
                                        "550-\n",
                                        "(#5.1.1)",
                                        "said: ",
                                        "Final-Recipient: x\n",
                                        " \t",
                                        "Diagnostic-Code: smtp; ",
                                        "\x1b[2J",
                                        "dsn=5.1.1,",
                                        "\n"};
    (void)state;
    for (unsigned seed = 1; seed < 12; seed++) {
        struct buf text;
        size_t count = 0;
        unsigned r = seed;
        buf_init(&text, OCTETS + 100);
        while (text.len < OCTETS / 10) {
            r = r * 1103515245 + 12345;
            buf_append_cstr(&text, seed < 10 ? parts[(r >> 16) % (seed + 1)] : parts[seed - 10]);
            if ((r >> 16) % 97 == 0)
                buf_append_octet(&text, (uint8_t)(r >> 8));
        }
        size_t found = notice_scan(buf_slice(&text), NULL, count_only, &count);
        assert_int_equal(found, count);
        buf_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_multi_line),
        cmocka_unit_test(test_bounce),
        cmocka_unit_test(test_bounce_is_explained),
        cmocka_unit_test(test_what_is_known_counts),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_long_and_odd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
