/* smtpscope explain as shells and scripts meet it: text and JSON, exit status, several at once,
 * hostile octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../lib/proc.h"

static char *work;

static int setup(void **state)
{
    (void)state;
    work = proc_dir("explain");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    proc_dir_remove(&work);
    return 0;
}

#define SCOPE(input, n_octets, ...)                                                                \
    proc_scope(work, input, n_octets, "explain", ##__VA_ARGS__, NULL)

static void expect(struct proc *p, int status, const char *out_part, const char *err_part)
{
    if (p->status != status)
        fail_msg("status %d, not %d: %s%s", p->status, status, p->out_text.ptr, p->err_text.ptr);
    if (out_part && !strstr(p->out_text.ptr, out_part))
        fail_msg("no \"%s\" in: %s", out_part, p->out_text.ptr);
    if (err_part && !strstr(p->err_text.ptr, err_part))
        fail_msg("no \"%s\" in: %s", err_part, p->err_text.ptr);
    for (size_t i = 0; i < p->out_text.len; i++)
        assert_true(p->out_text.ptr[i] == '\n' ||
                    (p->out_text.ptr[i] >= ' ' && p->out_text.ptr[i] < 127));
}

static void test_text(void **state)
{
    struct proc *p = SCOPE(NULL, 0, "550 5.1.1 User unknown in local recipient table");
    (void)state;
    expect(p, 0, "  who      you\n", NULL);
    expect(p, 0, "Postfix uses this wording: There is no such user in the tables of that server.",
           NULL);
    proc_free(&p);
    /* Words in operands of their own are one text. */
    p = SCOPE(NULL, 0, "--banner", "220 mx.example ESMTP Postfix", "550", "5.1.1", "User",
              "unknown", "in", "local", "recipient", "table");
    expect(p, 0, "  means    There is no such user in the tables of that server.\n", NULL);
    proc_free(&p);
    p = SCOPE(NULL, 0, "--host", "mx.google.com", "452 4.2.2 out of storage space");
    expect(p, 0, "  wording  Gmail\n", NULL);
    proc_free(&p);
}

static void test_status(void **state)
{
    struct proc *p = SCOPE(NULL, 0, "hello world");
    (void)state;
    expect(p, 2, NULL, "nothing recognised");
    assert_int_equal(p->out_text.len, 0);
    proc_free(&p);
    p = SCOPE("", 0, "-");
    expect(p, 2, NULL, "nothing recognised");
    proc_free(&p);
    p = SCOPE(NULL, 0, NULL);
    expect(p, 1, NULL, "explain wants a text");
    proc_free(&p);
    p = SCOPE(NULL, 0, "--nothing", "550 x");
    expect(p, 1, NULL, "no option --nothing");
    proc_free(&p);
}

/* Each line of JSON, and what stands in it. */
static json_t *line_json(const char **at)
{
    json_error_t error;
    size_t len = strcspn(*at, "\n");
    json_t *j = json_loadb(*at, len, 0, &error);
    if (!j)
        fail_msg("%s in %.*s", error.text, (int)len, *at);
    *at += len + 1;
    return j;
}

static const char *text_of(const json_t *j, const char *key)
{
    return json_string_value(json_object_get(j, key));
}

static void test_json_of_a_log(void **state)
{
    static const char log[] =
        "Nov 23 mx postfix/smtp[1]: A: to=<a@e>, relay=mx.e[192.0.2.1]:25, dsn=2.0.0, status=sent "
        "(250 2.0.0 Ok)\n"
        "Nov 23 mx postfix/smtp[1]: B: to=<b@e>, relay=aspmx.l.google.com[192.0.2.1]:25, "
        "dsn=5.1.1, status=bounced (host aspmx.l.google.com[192.0.2.1] said: 550-5.1.1 The email "
        "account that you tried to reach does not exist (in reply to RCPT TO command))\n"
        "Nov 23 mx postfix/smtp[1]: C: to=<c@e>, relay=none, dsn=4.4.1, status=deferred (connect "
        "to "
        "mx.e[192.0.2.1]:25: Connection timed out)\n";
    struct proc *p = SCOPE(log, sizeof log - 1, "--json", "-");
    (void)state;
    expect(p, 0, NULL, NULL);
    const char *at = p->out_text.ptr;
    json_t *j = line_json(&at);
    assert_int_equal(json_integer_value(json_object_get(j, "line")), 2);
    assert_int_equal(json_integer_value(json_object_get(j, "code")), 550);
    assert_string_equal(text_of(j, "enhanced"), "5.1.1");
    assert_string_equal(text_of(j, "recipient"), "b@e");
    assert_string_equal(text_of(j, "host"), "aspmx.l.google.com");
    assert_string_equal(text_of(j, "who"), "you");
    assert_true(json_is_true(json_object_get(json_object_get(j, "wording"), "known")));
    assert_string_equal(text_of(json_object_get(j, "software"), "name"), "Gmail");
    assert_int_equal(json_array_size(json_object_get(j, "layers")), 5);
    json_decref(j);
    j = line_json(&at);
    assert_true(json_is_null(json_object_get(j, "code")));
    assert_string_equal(text_of(j, "who"), "wait");
    assert_true(strlen(text_of(j, "meaning")) > 0 && strlen(text_of(j, "next")) > 0);
    assert_true(strlen(text_of(j, "source")) > 0);
    json_decref(j);
    assert_string_equal(at, "");
    proc_free(&p);
}

static void test_hostile(void **state)
{
    static const char odd[] = "550 5.7.1 \x1b[2J\x07\x9b\xff\xc3\x28 \0 nul \xe2\x80\xae rtl\r\n"
                              "550-x\r\n550 \x1b]0;title\x07\r\n";
    struct proc *p = SCOPE(odd, sizeof odd - 1, "-");
    (void)state;
    expect(p, 0, "^[[2J", NULL);
    proc_free(&p);
    p = SCOPE(odd, sizeof odd - 1, "--json", "-");
    assert_int_equal(p->status, 0);
    const char *at = p->out_text.ptr;
    json_decref(line_json(&at));
    json_decref(line_json(&at));
    assert_string_equal(at, "");
    proc_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_json_of_a_log),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
