/* Messages written by template: what another reader of ours makes of them, line ends, variables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail/compose.h"
#include "mail/mime.h"

static const char *const to[] = {"bob@example.test", "carol@example.test"};

static struct mail_draft draft(enum mail_template t)
{
    return (struct mail_draft){.template = t,
                               .from = "ann@example.net",
                               .to = to,
                               .n_to = 2,
                               .date = "Wed, 25 Nov 2026 10:00:00 +0000",
                               .id = "1.2@smtpscope.invalid"};
}

/* CRLF everywhere, and no line without. */
static void assert_lines(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n')
            assert_true(i > 0 && text.ptr[i - 1] == '\r');
        if (text.ptr[i] == '\r')
            assert_true(i + 1 < text.len && text.ptr[i + 1] == '\n');
    }
    assert_true(text.len > 2 && text.ptr[text.len - 1] == '\n');
}

static const struct {
    enum mail_template template;
    const char *holds;
    bool multipart, eight_bit;
} templates[] = {
    {MAIL_TEMPLATE_PLAIN, "\r\n\r\nThis is a test message", false, false},
    {MAIL_TEMPLATE_ALTERNATIVE, "Content-Type: multipart/alternative; boundary=", true, false},
    {MAIL_TEMPLATE_UTF8, "Content-Transfer-Encoding: 8bit\r\n", false, true},
    {MAIL_TEMPLATE_LONG_LINES, "999 octets: ", false, false},
    {MAIL_TEMPLATE_DOTS, "\r\n.\r\n..\r\n...three\r\n", false, false},
    {MAIL_TEMPLATE_GTUBE, "*GTUBE-STANDARD-", false, false},
    {MAIL_TEMPLATE_EICAR, "filename=\"eicar.com\"", true, false},
};

static void test_templates(void **state)
{
    (void)state;
    assert_int_equal(sizeof templates / sizeof templates[0], MAIL_TEMPLATE__COUNT);
    for (size_t i = 0; i < MAIL_TEMPLATE__COUNT; i++) {
        struct mail_draft d = draft(templates[i].template);
        struct buf out;
        buf_init(&out, 1 << 20);
        assert_true(mail_compose(&d, &out));
        assert_lines(buf_slice(&out));
        assert_true(slice_find(buf_slice(&out), slice_cstr(templates[i].holds)) >= 0);
        bool eight = false;
        for (size_t k = 0; k < out.len; k++)
            eight = eight || out.ptr[k] > 127;
        assert_int_equal(eight, templates[i].eight_bit);
        bool multi = slice_find(buf_slice(&out), SLICE_LIT("--=_1.2@smtpscope.invalid--\r\n")) >= 0;
        assert_int_equal(multi, templates[i].multipart);
        assert_int_equal(mail_template_by_name(slice_cstr(mail_template_name(d.template))),
                         d.template);
        buf_deinit(&out);
    }
    assert_int_equal(mail_template_by_name(SLICE_LIT("none")), MAIL_TEMPLATE__COUNT);
}

static void test_headers_and_attachments(void **state)
{
    (void)state;
    static const char *const headers[] = {"subject: mine", "X-Test: 1", "Date: never"};
    static const uint8_t octets[] = {0, 1, 2, 255, '\n'};
    const struct mail_attachment files[] = {{"a\"b\\c\r\n.bin", {octets, sizeof octets}},
                                            {"empty", {octets, 0}}};
    struct mail_draft d = draft(MAIL_TEMPLATE_PLAIN);
    struct buf out;
    d.headers = headers;
    d.n_headers = 3;
    d.attachments = files;
    d.n_attachments = 2;
    d.body = "one\ntwo\r\nthree";
    buf_init(&out, 1 << 20);
    assert_true(mail_compose(&d, &out));
    assert_lines(buf_slice(&out));
    struct slice text = buf_slice(&out);
    assert_true(slice_find(text, SLICE_LIT("subject: mine\r\n")) >= 0);
    assert_true(slice_find(text, SLICE_LIT("smtpscope test")) <
                0);                                       /* it took our Subject's place */
    assert_true(slice_find(text, SLICE_LIT("2026")) < 0); /* and our Date's */
    assert_true(slice_find(text, SLICE_LIT("one\r\ntwo\r\nthree\r\n")) >= 0);
    assert_true(slice_find(text, SLICE_LIT("filename=\"a_b_c__.bin\"")) >= 0);
    assert_true(slice_find(text, SLICE_LIT("AAEC/wo=\r\n")) >= 0);
    buf_deinit(&out);
    buf_init(&out, 200); /* a cap is a cap */
    assert_false(mail_compose(&d, &out));
    buf_deinit(&out);
}

static void test_variables(void **state)
{
    (void)state;
    static const char *const headers[] = {"X: y"};
    struct mail_draft d = draft(MAIL_TEMPLATE_PLAIN);
    struct buf out;
    d.headers = headers;
    d.n_headers = 1;
    d.body = "text";
    buf_init(&out, 4096);
    assert_true(
        mail_expand(SLICE_LIT("F: %FROM_ADDRESS%\\nT: %TO_ADDRESS%\\n%NEW_HEADERS%\\n%BODY% "
                              "100% %OTHER% %% %lower%"),
                    true, &d, &out));
    assert_string_equal(buf_cstr(&out),
                        "F: ann@example.net\r\nT: bob@example.test, carol@example.test\r\nX: "
                        "y\r\n\r\ntext 100% %OTHER% %% %lower%");
    buf_reset(&out);
    assert_true(mail_expand(SLICE_LIT("a\\nb%"), false, &d, &out));
    assert_string_equal(buf_cstr(&out), "a\\nb%");
    buf_deinit(&out);
}

static void test_header_validity(void **state)
{
    (void)state;
    static const char *const good[] = {"A: b", "A:", "X-1:  two", "Subject: gr\xc3\xbc"};
    static const char *const bad[] = {"",       ":",      "A", "A b: c", "A: b\r\nBcc: x",
                                      "A\n: b", "\xc3: x"};
    struct err err;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(mail_header_valid(good[i], &err));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(mail_header_valid(bad[i], &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_templates),
        cmocka_unit_test(test_headers_and_attachments),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_header_validity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
