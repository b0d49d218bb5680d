/* Received fields as real servers write them: claim and fact told apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mail/received.h"

static const struct {
    const char *server, *text, *claim, *seen_name, *seen_addr, *by, *with, *for_path;
    unsigned flags;
} rows[] = {
    {"Postfix",
     "from client.example.net (mail.example.net [192.0.2.7]) (using TLSv1.3 with cipher "
     "TLS_AES_256_GCM_SHA384 (256/256 bits)) (No client certificate requested) by mx.example.org "
     "(Postfix) with ESMTPS id 4Tq1Yz3kVd for <bob@example.org>; Sat, 23 Nov 2024 18:02:11 +0000 "
     "(UTC)",
     "client.example.net", "mail.example.net", "192.0.2.7", "mx.example.org", "ESMTPS",
     "<bob@example.org>", MAIL_RECEIVED_LIE | MAIL_RECEIVED_SECURE},
    {"Postfix, unknown",
     "from mx (unknown [IPv6:2001:db8::5]) by mx.example.org (Postfix) with SMTP id 1; Sat, 23 Nov "
     "2024 18:02:11 +0100",
     "mx", "", "2001:db8::5", "mx.example.org", "SMTP", "", 0},
    {"sendmail",
     "from a.example (b.example [198.51.100.3] (may be forged)) by c.example (8.17.1/8.17.1) with "
     "ESMTP id 4AN; Sat, 23 Nov 2024 18:02:11 GMT",
     "a.example", "b.example", "198.51.100.3", "c.example", "ESMTP", "", MAIL_RECEIVED_LIE},
    {"Exim",
     "from b.example ([198.51.100.3] helo=a.example) by c.example with esmtpsa (TLS1.3) tls "
     "TLS_AES_256_GCM_SHA384 (Exim 4.96) (envelope-from <x@a.example>) id 1tF for y@c.example; "
     "Sat, "
     "23 Nov 2024 18:02:11 +0000",
     "a.example", "b.example", "198.51.100.3", "c.example", "esmtpsa", "y@c.example",
     MAIL_RECEIVED_LIE | MAIL_RECEIVED_SECURE | MAIL_RECEIVED_AUTH},
    {"qmail",
     "from unknown (HELO a.example) (203.0.113.9) by 0 with SMTP; 23 Nov 2024 18:02:11 -0000",
     "a.example", "", "203.0.113.9", "0", "SMTP", "", 0},
    {"Gmail",
     "from [192.168.1.2] (host.example.net. [203.0.113.9]) by smtp.gmail.com with ESMTPSA id "
     "x.2024 for <b@example.org> (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128); Sat, "
     "23 Nov 2024 10:02:11 -0800 (PST)",
     "[192.168.1.2]", "host.example.net.", "203.0.113.9", "smtp.gmail.com", "ESMTPSA",
     "<b@example.org>", MAIL_RECEIVED_LITERAL | MAIL_RECEIVED_SECURE | MAIL_RECEIVED_AUTH},
    {"local", "by mx.example.org (Postfix, from userid 0) id 77; Sat, 23 Nov 2024 18:02:11 +0000",
     "", "", "", "mx.example.org", "", "", 0},
    {"nothing", "", "", "", "", "", "", "", MAIL_RECEIVED_NO_DATE | MAIL_RECEIVED_NO_BY},
    {"unclosed", "from a (b (c by d", "a", "", "", "", "", "",
     MAIL_RECEIVED_NO_DATE | MAIL_RECEIVED_NO_BY},
};

static void same(const char *server, const char *what, struct slice got, const char *want)
{
    if (!slice_eq(got, slice_cstr(want)))
        fail_msg("%s: %s is \"%.*s\", not \"%s\"", server, what, SLICE_ARG(got), want);
}

static void test_servers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct mail_received r;
        mail_received_parse(slice_cstr(rows[i].text), &r);
        same(rows[i].server, "claim", r.claim, rows[i].claim);
        same(rows[i].server, "name", r.seen_name, rows[i].seen_name);
        same(rows[i].server, "address", r.seen_addr, rows[i].seen_addr);
        same(rows[i].server, "by", r.by, rows[i].by);
        same(rows[i].server, "with", r.with, rows[i].with);
        same(rows[i].server, "for", r.for_path, rows[i].for_path);
        if (r.flags != rows[i].flags)
            fail_msg("%s: flags %u", rows[i].server, r.flags);
    }
}

static void test_every_cut_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        for (size_t n = 0; n <= strlen(rows[i].text); n++) {
            struct mail_received r;
            char *copy = malloc(n + 1);
            assert_non_null(copy);
            memcpy(copy, rows[i].text, n);
            mail_received_parse(slice_of(copy, n), &r);
            free(copy);
        }
    }
}

static void test_dates(void **state)
{
    static const struct {
        const char *text;
        int64_t s;
    } dates[] = {
        {"Sat, 23 Nov 2024 18:02:11 +0000", 1732384931}, {"23 Nov 2024 18:02 GMT", 1732384920},
        {"Sat, 23 Nov 2024 10:02:11 -0800", 1732384931}, {"23 nov 24 18:02:11 UT", 1732384931},
        {"Thu, 1 Jan 1970 00:00:00 +0000", 0},           {"Sat, 23 Nov 124 18:02:11 Z", 1732384931},
    };
    static const char *const wrong[] = {"",
                                        "x",
                                        "32 Nov 2024 1:2",
                                        "1 Foo 2024 1:2",
                                        "1 Nov 2024",
                                        "1 Nov 2024 25:00",
                                        "0 Nov 2024 1:2"};
    (void)state;
    for (size_t i = 0; i < sizeof(dates) / sizeof(*dates); i++) {
        int64_t s = -1;
        assert_true(mail_date_parse(slice_cstr(dates[i].text), &s));
        assert_int_equal(s, dates[i].s);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        int64_t s;
        assert_false(mail_date_parse(slice_cstr(wrong[i]), &s));
    }
}

/* Each row of the table is found by its word. */
static void test_with(void **state)
{
    size_t n = 0;
    (void)state;
    for (; mail_received_with_at(n); n++) {
        const struct mail_received_with_info *row = mail_received_with_at(n);
        const char *rfc = NULL;
        assert_string_equal(mail_received_with(slice_cstr(row->word), &rfc), row->meaning);
        assert_string_equal(rfc, row->rfc);
        assert_true(row->meaning[0] != '\0');
    }
    assert_true(n >= 20);
    assert_null(mail_received_with(SLICE_LIT("carrier-pigeon"), NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_servers),
        cmocka_unit_test(test_every_cut_is_read),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
