/* Where the parts of a message stand, octet for octet. */
#include "mail/structure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define IS(slice, text) assert_true(slice_eq(slice, SLICE_LIT(text)))

static const char nested[] = "Content-Type: multipart/mixed; boundary=\"a b\"\r\n"
                             "\r\n"
                             "preamble\r\n"
                             "--a b\r\n"
                             "\r\n"
                             "one\r\n"
                             "two\r\n"
                             "--a b  \r\n"
                             "Content-Type: multipart/alternative;\r\n"
                             " boundary=c (comment)\r\n"
                             "\r\n"
                             "--c\r\n"
                             "Content-Type: TEXT/Html; charset = utf-8; name=\"x\\\"y\"\r\n"
                             "Content-Transfer-Encoding: base64\r\n"
                             "Content-Disposition: attachment; filename=a b.txt\r\n"
                             "Content-ID: <1@x>\r\n"
                             "\r\n"
                             "PGI+\r\n"
                             "--c--\r\n"
                             "--a b\r\n"
                             "Content-Type: message/rfc822\r\n"
                             "\r\n"
                             "Subject: in\r\n"
                             "\r\n"
                             "body\r\n"
                             "--a b--\r\n"
                             "epilogue\r\n";

static void test_nested(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    const struct mail_part *p = mail_structure_parse(SLICE_LIT(nested), &arena);
    assert_int_equal(p->kind, MAIL_PART_MULTIPART);
    assert_true(slice_starts(p->body, SLICE_LIT("preamble")));
    const struct mail_part *one = p->first, *two = one->next, *three = two->next;
    assert_null(three->next);
    IS(one->header, "\r\n");
    IS(one->body, "one\r\ntwo");
    assert_int_equal(one->lines, 1);
    IS(one->type, "text");
    assert_null(one->params);
    assert_int_equal(two->kind, MAIL_PART_MULTIPART);
    const struct mail_part *html = two->first;
    assert_null(html->next);
    IS(html->type, "TEXT");
    IS(html->subtype, "Html");
    IS(html->body, "PGI+");
    IS(html->encoding, "base64");
    IS(html->id, "<1@x>");
    IS(html->disposition, "attachment");
    IS(html->disposition_params->name, "filename");
    IS(html->disposition_params->value, "a");
    IS(html->params->name, "charset");
    IS(html->params->value, "utf-8");
    IS(html->params->next->value, "x\"y");
    assert_int_equal(three->kind, MAIL_PART_MESSAGE);
    IS(three->body, "Subject: in\r\n\r\nbody");
    IS(three->first->header, "Subject: in\r\n\r\n");
    IS(three->first->body, "body");
    arena_deinit(&arena);
}

/* What is broken still has a structure. */
static void test_broken(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum mail_part_kind kind;
        size_t children;
        const char *type;
    } rows[] = {
        {"", MAIL_PART_LEAF, 0, "text"},
        {"Subject: x", MAIL_PART_LEAF, 0, "text"},
        {"Content-Type: multipart/mixed\r\n\r\n--\r\nx\r\n", MAIL_PART_LEAF, 0, "multipart"},
        {"Content-Type: multipart/mixed; boundary=x\r\n\r\nnone\r\n", MAIL_PART_LEAF, 0,
         "multipart"},
        {"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\na", MAIL_PART_MULTIPART, 1,
         "multipart"},
        {"Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x\n\nb\n--x--\n",
         MAIL_PART_MULTIPART, 2, "multipart"},
        {"Content-Type: multipart/mixed; boundary=x\r\n\r\n--xy\r\n--x\r\n--x--",
         MAIL_PART_MULTIPART, 1, "multipart"},
        {"Content-Type: garbage\r\n\r\nx", MAIL_PART_LEAF, 0, "text"},
        {"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nUw==",
         MAIL_PART_LEAF, 0, "message"},
        {"Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\nSubject: "
         "y\r\n\r\nz\r\n--x--",
         MAIL_PART_MULTIPART, 1, "multipart"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena;
        size_t n = 0;
        arena_init(&arena);
        const struct mail_part *p = mail_structure_parse(slice_cstr(rows[i].text), &arena);
        for (const struct mail_part *c = p->first; c; c = c->next)
            n++;
        assert_int_equal(p->kind, rows[i].kind);
        assert_int_equal(n, rows[i].children);
        assert_true(slice_eq(p->type, slice_cstr(rows[i].type)));
        arena_deinit(&arena);
    }
}

/* A thousand levels and a million boundaries are bounded. */
static void test_limits(void **state)
{
    (void)state;
    struct arena arena;
    size_t size = 8 << 20, n = 0, depth = 0, parts = 0;
    char *text = test_malloc(size);
    for (int i = 0; i < 1000; i++)
        n += (size_t)snprintf(text + n, size - n,
                              "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
    arena_init(&arena);
    const struct mail_part *p = mail_structure_parse(slice_of(text, n), &arena);
    for (; p; p = p->first)
        depth++;
    assert_int_equal(depth, MAIL_STRUCTURE_DEPTH_MAX + 1);
    arena_deinit(&arena);
    n = (size_t)snprintf(text, size, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
    while (n + 8 < size) {
        memcpy(text + n, "--b\r\n", 5);
        n += 5;
    }
    arena_init(&arena);
    p = mail_structure_parse(slice_of(text, n), &arena);
    for (const struct mail_part *c = p->first; c; c = c->next)
        parts++;
    assert_true(parts <= MAIL_STRUCTURE_PARTS_MAX);
    arena_deinit(&arena);
    test_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
