/* Targets as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/target.h"

struct good {
    const char *text;
    enum target_kind kind;
    enum target_service service;
    const char *name;
    unsigned port;
    const char *recipient, *user;
    bool had_password;
    const char *shown; /* NULL: as typed */
};

static const struct good goods[] = {
    {"mx.example.test", TARGET_HOST, SERVICE_SMTP, "mx.example.test", 0, "", "", false, NULL},
    {"mx.example.test.", TARGET_HOST, SERVICE_SMTP, "mx.example.test", 0, "", "", false, NULL},
    {" mx.example.test ", TARGET_HOST, SERVICE_SMTP, "mx.example.test", 0, "", "", false,
     "mx.example.test"},
    {"localhost:2525", TARGET_HOST, SERVICE_SMTP, "localhost", 2525, "", "", false, NULL},
    {"h:465", TARGET_HOST, SERVICE_SUBMISSIONS, "h", 465, "", "", false, NULL},
    {"h:587", TARGET_HOST, SERVICE_SUBMISSION, "h", 587, "", "", false, NULL},
    {"h:24", TARGET_HOST, SERVICE_LMTP, "h", 24, "", "", false, NULL},
    {"h:25", TARGET_HOST, SERVICE_SMTP, "h", 25, "", "", false, NULL},
    {"127.0.0.1", TARGET_HOST, SERVICE_SMTP, "127.0.0.1", 0, "", "", false, NULL},
    {"127.0.0.1:26", TARGET_HOST, SERVICE_SMTP, "127.0.0.1", 26, "", "", false, NULL},
    {"::1", TARGET_HOST, SERVICE_SMTP, "::1", 0, "", "", false, NULL},
    {"[::1]", TARGET_HOST, SERVICE_SMTP, "::1", 0, "", "", false, NULL},
    {"[::1]:465", TARGET_HOST, SERVICE_SUBMISSIONS, "::1", 465, "", "", false, NULL},
    {"[IPv6:::1]:2525", TARGET_HOST, SERVICE_SMTP, "::1", 2525, "", "", false, NULL},
    {"m\xc3\xbcller.example", TARGET_HOST, SERVICE_SMTP, "m\xc3\xbcller.example", 0, "", "", false,
     NULL},
    {"bob@example.test", TARGET_MX, SERVICE_SMTP, "example.test", 0, "bob@example.test", "", false,
     NULL},
    {"bob@example.test:2525", TARGET_MX, SERVICE_SMTP, "example.test", 2525, "bob@example.test", "",
     false, NULL},
    {"\"a@b\"@example.test", TARGET_MX, SERVICE_SMTP, "example.test", 0, "\"a@b\"@example.test", "",
     false, NULL},
    {"bob@[127.0.0.1]", TARGET_HOST, SERVICE_SMTP, "127.0.0.1", 0, "bob@[127.0.0.1]", "", false,
     NULL},
    {"unix:/run/lmtp", TARGET_UNIX, SERVICE_SMTP, "/run/lmtp", 0, "", "", false, NULL},
    {"lmtp+unix:///run/lmtp", TARGET_UNIX, SERVICE_LMTP, "/run/lmtp", 0, "", "", false, NULL},
    {"pipe:exim -bs", TARGET_PIPE, SERVICE_SMTP, "exim -bs", 0, "", "", false, NULL},
    {"lmtp+pipe: nc h 24", TARGET_PIPE, SERVICE_LMTP, "nc h 24", 0, "", "", false, NULL},
    {"practice", TARGET_PRACTICE, SERVICE_SMTP, "", 0, "", "", false, NULL},
    {"practice:mtp", TARGET_PRACTICE, SERVICE_MTP, "", 0, "", "", false, NULL},
    {"practice:FTP-MAIL", TARGET_PRACTICE, SERVICE_FTP_MAIL, "", 0, "", "", false, NULL},
    {"practice:rfc196", TARGET_PRACTICE, SERVICE_RFC196, "", 0, "", "", false, NULL},
    {"practice:mtps", TARGET_PRACTICE, SERVICE_SMTP, "mtps", 0, "", "", false, NULL},
    {"Practice:greylist", TARGET_PRACTICE, SERVICE_SMTP, "greylist", 0, "", "", false, NULL},
    {"smtp://h", TARGET_HOST, SERVICE_SMTP, "h", 0, "", "", false, NULL},
    {"SMTP://h/", TARGET_HOST, SERVICE_SMTP, "h", 0, "", "", false, NULL},
    {"smtp://h:465", TARGET_HOST, SERVICE_SMTP, "h", 465, "", "", false, NULL},
    {"submission://h", TARGET_HOST, SERVICE_SUBMISSION, "h", 0, "", "", false, NULL},
    {"submissions://h:10465/", TARGET_HOST, SERVICE_SUBMISSIONS, "h", 10465, "", "", false, NULL},
    {"smtps://[::1]:1", TARGET_HOST, SERVICE_SUBMISSIONS, "::1", 1, "", "", false, NULL},
    {"lmtp://h", TARGET_HOST, SERVICE_LMTP, "h", 0, "", "", false, NULL},
    {"smtp://ann@h", TARGET_HOST, SERVICE_SMTP, "h", 0, "", "ann", false, NULL},
    {"smtp://ann%40x.test:pa%3Ass@h:26", TARGET_HOST, SERVICE_SMTP, "h", 26, "", "ann@x.test", true,
     "smtp://ann%40x.test:***@h:26"},
    {"smtp://ann@x.test:pw@h", TARGET_HOST, SERVICE_SMTP, "h", 0, "", "ann@x.test", true,
     "smtp://ann@x.test:***@h"},
    {"gmail", TARGET_HOST, SERVICE_SUBMISSIONS, "smtp.gmail.com", 465, "", "", false, NULL},
    {"M365", TARGET_HOST, SERVICE_SUBMISSION, "smtp.office365.com", 587, "", "", false, NULL},
    {"proton-bridge", TARGET_HOST, SERVICE_SUBMISSION, "127.0.0.1", 1025, "", "", false, NULL},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        const struct good *g = &goods[i];
        struct target t;
        struct err e = {0};
        if (!target_parse(g->text, &t, &e))
            fail_msg("%s: refused: %s", g->text, e.text);
        if (t.kind != g->kind || t.service != g->service || t.port != g->port)
            fail_msg("%s: kind %d service %d port %u", g->text, t.kind, t.service, t.port);
        assert_string_equal(t.name, g->name);
        assert_string_equal(t.recipient, g->recipient);
        assert_string_equal(t.user, g->user);
        assert_int_equal(t.had_password, g->had_password);
        assert_string_equal(t.text, g->shown ? g->shown : g->text);
    }
}

static const char *const bads[] = {
    "",
    " ",
    "h:",
    "h:0",
    "h:65536",
    "h:x",
    "h:25x",
    ":25",
    "a b",
    "a\tb",
    "a\x01",
    "[::1",
    "[::1]x",
    "[h]",
    "[]",
    "a..b",
    ".a",
    "a/b",
    "@h",
    "bob@",
    "bob@a b",
    "ftp://h",
    "smtp://",
    "smtp:///",
    "smtp://h/x",
    "smtp://a%4@h",
    "smtp://a%zz@h",
    "smtp://a%00@h",
    "smtp://@",
    "unix:",
    "unix:rel",
    "lmtp+unix://x",
    "://h",
    "h:25:26",
    "h:-1",
    "smtp://h:0",
    "a\x7f.test",
    "bob@example.test:0",
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        struct target t;
        struct err e = {0};
        if (target_parse(bads[i], &t, &e))
            fail_msg("\"%s\" was taken as %s", bads[i], t.name);
        assert_int_equal(e.domain, ERR_USAGE);
        assert_true(e.text[0] && e.next[0]);
    }
    struct target t;
    assert_false(target_parse("..", &t, NULL));
}

static void test_long(void **state)
{
    (void)state;
    char text[2000];
    struct target t;
    struct err e;
    for (size_t len = 1; len < sizeof(text); len++) {
        memset(text, 'a', len);
        for (size_t i = 60; i < len; i += 61)
            text[i] = '.';
        text[len] = '\0';
        bool ok = target_parse(text, &t, &e);
        if (len > 255)
            assert_false(ok);
        else if (len % 61 != 0)
            assert_true(ok);
        memcpy(text, "unix:/", len < 6 ? len : 6);
        if (len > 6)
            assert_int_equal(target_parse(text, &t, &e), len - 5 <= 107);
    }
}

static void test_password_never_shown(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "smtp://ann:hunter2@h",   "smtp://ann:hunter2@h:0",      "ftp://ann:hunter2@h",
        "smtp://ann:hunter2@a b", "smtp://ann%zz:hunter2@h",     "smtp://ann:hunter2@",
        "smtp://:hunter2@h",      "smtp://ann:hunter2@h/hunter", "pop3://a:hunter2@h",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct target t;
        struct err e = {0};
        target_parse(texts[i], &t, &e);
        assert_null(strstr(t.text, "hunter2"));
        assert_null(strstr(e.text, "hunter2"));
    }
}

static void test_tables(void **state)
{
    (void)state;
    for (int i = 0; i < SERVICE__COUNT; i++) {
        const struct target_service_info *info = target_service_info((enum target_service)i);
        char url[64];
        struct target t;
        snprintf(url, sizeof(url), "%s://h", info->scheme);
        struct err e;
        assert_int_equal(target_parse(url, &t, &e), track_known(info->protocol));
        assert_int_equal(t.service, i);
    }
    assert_null(target_service_info(SERVICE__COUNT));
    size_t n = 0;
    for (const struct target_preset *p; (p = target_preset_at(n)) != NULL; n++) {
        struct target t;
        if (strcmp(p->protocol, "smtp") == 0)
            assert_true(target_parse(p->name, &t, NULL));
    }
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),   cmocka_unit_test(test_bad),
        cmocka_unit_test(test_long),   cmocka_unit_test(test_password_never_shown),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
