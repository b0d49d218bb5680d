/* The MIME tree: types, sizes, names; what is wrong has a flag; hostile nesting has an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/vis.h"
#include "mail/mime.h"

static void lines(const char *message, unsigned flags, struct buf *out)
{
    struct mime_tree t;
    mime_tree_parse(slice_cstr(message), &t);
    for (size_t i = 0; i < t.n_parts; i++) {
        mime_part_line(&t, i, flags, out);
        buf_append_octet(out, '\n');
    }
    mime_tree_deinit(&t);
}

static void test_a_tree(void **state)
{
    static const char message[] =
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"
        "Content-Type: multipart/alternative; boundary=y\r\n\r\n--y\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
        "quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n--y\r\n"
        "Content-Type: text/html; charset=\"utf-8\"\r\n\r\n<p>\r\n--y--\r\n--x\r\n"
        "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
        "Content-Disposition: attachment; filename*=utf-8''f%C3%BCr.pdf\r\n\r\nAAAA\r\n--x\r\n"
        "Content-Type: message/rfc822\r\n\r\nSubject: inside\r\n\r\nhi\r\n--x--\r\n";
    struct buf out;
    (void)state;
    buf_init(&out, 4000);
    lines(message, VIS_ASCII, &out);
    assert_string_equal(buf_cstr(&out),
                        "multipart/mixed\n"
                        "+- multipart/alternative\n"
                        "|  +- text/plain  utf-8  quoted-printable  15 octets (7 decoded)\n"
                        "|  `- text/html  utf-8  3 octets\n"
                        "+- application/pdf  base64  \"f<00FC>r.pdf\"  attachment  4 octets (3 "
                        "decoded)\n"
                        "`- message/rfc822  subject \"inside\"\n"
                        "   `- text/plain  2 octets  (no Content-Type)\n");
    buf_deinit(&out);
}

static void test_ranges_point_into_the_message(void **state)
{
    static const char message[] =
        "Content-Type: multipart/mixed; boundary=x\r\n\r\npre\r\n--x\r\n\r\n"
        "one\r\n--x\r\n\r\ntwo two\r\n--x--\r\n";
    struct mime_tree t;
    (void)state;
    mime_tree_parse(SLICE_LIT(message), &t);
    assert_int_equal(t.n_parts, 3);
    assert_memory_equal(message + t.parts[1].offset, "one", 3);
    assert_memory_equal(message + t.parts[2].offset, "two two", 7);
    assert_int_equal(t.parts[2].encoded_octets, 7);
    assert_int_equal(t.parts[2].parent, 0);
    mime_tree_deinit(&t);
}

static void test_what_is_wrong(void **state)
{
    static const struct {
        const char *message;
        unsigned flag;
    } rows[] = {
        {"Subject: x\r\n\r\n\xe4\r\n", MIME_PART_8BIT_AS_ASCII | MIME_PART_DEFAULT_TYPE},
        {"Content-Type: text/plain; charset=utf-8\r\n\r\n\xe4\r\n", MIME_PART_BAD_UTF8},
        {"Content-Type: text/plain; charset=x-none-such\r\n\r\nx\r\n", MIME_PART_UNKNOWN_CHARSET},
        {"Content-Transfer-Encoding: rot13\r\n\r\nx\r\n",
         MIME_PART_BAD_ENCODING | MIME_PART_DEFAULT_TYPE},
        {"Content-Type: multipart/mixed; boundary=x\r\nContent-Transfer-Encoding: "
         "base64\r\n\r\n--x\r\n\r\ny\r\n--x--\r\n",
         MIME_PART_ENCODED_MULTIPART | MIME_PART_MULTIPART},
        {"Content-Type: multipart/mixed\r\n\r\nx\r\n", MIME_PART_NO_BOUNDARY | MIME_PART_MULTIPART},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct mime_tree t;
        mime_tree_parse(slice_cstr(rows[i].message), &t);
        assert_true(t.n_parts > 0);
        if (t.parts[0].flags != rows[i].flag)
            fail_msg("%s: %u", rows[i].message, t.parts[0].flags);
        mime_tree_deinit(&t);
    }
    assert_non_null(mime_part_flag_text(MIME_PART_NO_BOUNDARY));
    assert_null(mime_part_flag_text(MIME_PART_ATTACHMENT));
}

/* A thousand levels, ten thousand parts, a field that never ends: each has its limit by name. */
static void test_hostile_structures_end(void **state)
{
    struct buf deep, wide;
    struct mime_tree t;
    (void)state;
    buf_init(&deep, 1 << 22);
    for (int i = 0; i < 5000; i++)
        buf_printf(&deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
    mime_tree_parse(buf_slice(&deep), &t);
    assert_true(t.n_parts <= MIME_DEPTH_MAX + 1);
    assert_string_equal(t.limit, "mime-depth");
    mime_tree_deinit(&t);
    buf_reset(&deep);
    for (int i = 0; i < 5000; i++)
        buf_append_cstr(&deep, "Content-Type: message/rfc822\r\n\r\n");
    mime_tree_parse(buf_slice(&deep), &t);
    assert_true(t.n_parts <= MIME_DEPTH_MAX + 1);
    mime_tree_deinit(&t);
    buf_deinit(&deep);
    buf_init(&wide, 1 << 22);
    buf_append_cstr(&wide, "Content-Type: multipart/mixed; boundary=x\r\n\r\n");
    for (int i = 0; i < 5000; i++)
        buf_append_cstr(&wide, "--x\r\n\r\ny\r\n");
    mime_tree_parse(buf_slice(&wide), &t);
    assert_int_equal(t.n_parts, MIME_PARTS_MAX);
    assert_int_equal(t.more_parts, 5001 - MIME_PARTS_MAX);
    mime_tree_deinit(&t);
    buf_reset(&wide);
    buf_append_cstr(&wide, "Content-Type: text/plain");
    for (int i = 0; i < 50000; i++)
        buf_printf(&wide, ";\r\n a%d=b", i);
    mime_tree_parse(buf_slice(&wide), &t);
    assert_string_equal(t.limit, "mime-field");
    assert_int_equal(t.n_parts, 0);
    mime_tree_deinit(&t);
    buf_deinit(&wide);
}

static void test_remarks(void **state)
{
    struct mime_tree t;
    (void)state;
    mime_tree_parse(SLICE_LIT("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\ny\r\n"),
                    &t);
    assert_true(t.read);
    assert_true(t.n_notes > 0);
    mime_tree_deinit(&t);
    mime_tree_parse(slice_of(NULL, 0), &t);
    mime_tree_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tree),        cmocka_unit_test(test_ranges_point_into_the_message),
        cmocka_unit_test(test_what_is_wrong), cmocka_unit_test(test_hostile_structures_end),
        cmocka_unit_test(test_remarks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
