/* Status lines of POP3 and IMAP: every row of the tables explains its own example. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/vis.h"
#include "decode/notice.h"
#include "decode/status.h"
#include "imap/tables.h"
#include "pop3/tables.h"

static struct explanation explained(enum status_protocol protocol, const char *line)
{
    struct explanation e;
    if (!status_explain(protocol, slice_cstr(line), NULL, &e))
        fail_msg("not explained: %s", line);
    assert_true(e.meaning[0] && e.next[0] && e.who[0] && e.source[0] && e.class_meaning[0]);
    assert_true(e.class_rfc && strncmp(e.class_rfc, "RFC ", 4) == 0);
    return e;
}

static void same(const char *example, const char *got, const char *want)
{
    if (strcmp(got, want) != 0)
        fail_msg("%s\n got  %s\n want %s", example, got, want);
}

static bool known_party(const char *who)
{
    for (unsigned i = 0; i < EXPLAIN_PARTY__COUNT; i++)
        if (strcmp(who, explain_party_name((enum explain_party)i)) == 0)
            return true;
    return false;
}

/* A row's example is a line of that code; without known words behind it, the row alone explains. */
static void bare(const char *example, char *out, size_t out_octets)
{
    const char *end = strchr(example, ']');
    assert_non_null(end);
    snprintf(out, out_octets, "%.*s x", (int)(end - example + 1), example);
}

/* A yes to a command means what its row says, whatever code stands in it; a no does not. */
static void test_every_done(void **state)
{
    const struct status_done *d;
    struct explanation e;
    size_t n = 0;
    (void)state;
    for (; (d = status_done_at(n)); n++) {
        enum status_protocol protocol = status_protocol_by_name(d->protocol);
        assert_int_equal(status_guess(slice_cstr(d->example)), protocol);
        assert_true(status_explain(protocol, slice_cstr(d->example), d->command, &e));
        same(d->example, e.meaning, d->meaning);
        same(d->example, e.next, d->next);
        same(d->example, e.source, d->source);
        assert_int_equal(e.party, EXPLAIN_NOBODY);
        const char *no = protocol == STATUS_POP3 ? "-ERR x" : "a1 NO x";
        assert_true(status_explain(protocol, slice_cstr(no), d->command, &e));
        assert_ptr_equal(e.meaning, e.class_meaning);
        if (protocol == STATUS_IMAP) {
            assert_true(status_explain(protocol, SLICE_LIT("+ go on"), d->command, &e));
            assert_ptr_equal(e.meaning, e.class_meaning);
        }
    }
    assert_true(n > 30);
    /* What has to be acted on goes before what was done. */
    assert_true(status_explain(STATUS_IMAP, SLICE_LIT("a1 OK [ALERT] x"), "LOGIN", &e));
    assert_int_equal(e.party, EXPLAIN_YOU);
    assert_true(status_explain(STATUS_IMAP, SLICE_LIT("a1 OK x"), "UID FETCH", &e));
    assert_non_null(strstr(e.meaning, "asked for"));
}

static void test_every_imap_code(void **state)
{
    const struct status_code *c;
    size_t n = 0;
    (void)state;
    for (; (c = status_imap_code_at(n)); n++) {
        char line[200];
        const struct imap_code_info *info = imap_code_by_name(slice_cstr(c->code));
        if (!info)
            fail_msg("%s is not in the grammar's table", c->code);
        assert_true(known_party(c->who));
        assert_int_equal(status_guess(slice_cstr(c->example)), STATUS_IMAP);
        explained(STATUS_IMAP, c->example);
        bare(c->example, line, sizeof(line));
        struct explanation e = explained(STATUS_IMAP, line);
        same(line, e.meaning, info->meaning);
        same(line, e.code_meaning, info->meaning);
        same(line, e.next, c->next);
        same(line, e.who, c->who);
        same(line, e.source, info->rfc);
    }
    assert_true(n > 25);
}

/* Each code of the grammar that comes with a refusal has somebody who must act. */
static void test_no_refusal_is_left_out(void **state)
{
    const struct imap_code_info *info;
    (void)state;
    for (size_t i = 0; (info = imap_code_at(i)); i++) {
        bool found = strstr(info->with, "NO") == NULL && strstr(info->with, "BAD") == NULL;
        const struct status_code *c;
        for (size_t k = 0; !found && (c = status_imap_code_at(k)); k++)
            found = strcmp(c->code, info->name) == 0;
        if (!found && strcmp(info->name, "UIDNOTSTICKY") != 0)
            fail_msg("no row for %s", info->name);
    }
}

static void test_every_pop3_code(void **state)
{
    const struct status_code *c;
    size_t n = 0;
    (void)state;
    for (; (c = status_pop3_code_at(n)); n++) {
        char line[200];
        assert_true(known_party(c->who));
        assert_int_equal(status_guess(slice_cstr(c->example)), STATUS_POP3);
        explained(STATUS_POP3, c->example);
        bare(c->example, line, sizeof(line));
        const struct pop3_code_info *info = pop3_code_by_name(slice_cstr(c->code));
        assert_non_null(info);
        struct explanation e = explained(STATUS_POP3, line);
        same(line, e.meaning, info->meaning);
        same(line, e.next, c->next);
        same(line, e.who, c->who);
        same(line, e.source, info->rfc);
    }
    size_t known = 0;
    while (pop3_code_at(known))
        known++;
    assert_int_equal(n, known);
}

static void test_every_wording(void **state)
{
    const struct status_wording *w;
    size_t n = 0;
    (void)state;
    for (; (w = status_wording_at(n)); n++) {
        assert_true(known_party(w->who));
        struct explanation e =
            explained(strcmp(w->protocol, "pop3") == 0 ? STATUS_POP3 : STATUS_IMAP, w->example);
        same(w->example, e.meaning, w->meaning);
        same(w->example, e.next, w->next);
        same(w->example, e.source, w->source);
    }
    assert_true(n >= 30);
}

static void test_the_status_alone(void **state)
{
    static const struct {
        enum status_protocol protocol;
        const char *line, *who, *part;
    } rows[] = {
        {STATUS_POP3, "+OK maildrop ready", "nobody", "done"},
        {STATUS_POP3, "-ERR", "you", "POP3 does not tell"},
        {STATUS_POP3, "-ERR [X-NEW] whatever", "you", "POP3 does not tell"},
        {STATUS_IMAP, "a1 OK done", "nobody", "done"},
        {STATUS_IMAP, "a1 NO so", "you", "could not be done"},
        {STATUS_IMAP, "a1 BAD what", "you", "does not understand"},
        {STATUS_IMAP, "* BYE", "wait", "closes"},
        {STATUS_IMAP, "* PREAUTH hi", "nobody", "logged in already"},
        /* words of a success are no refusal */
        {STATUS_IMAP, "a1 OK LOGIN failed. as a text", "nobody", "done"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct explanation e = explained(rows[i].protocol, rows[i].line);
        same(rows[i].line, e.who, rows[i].who);
        if (!strstr(e.meaning, rows[i].part))
            fail_msg("%s: %s", rows[i].line, e.meaning);
    }
}

static void test_guess(void **state)
{
    static const struct {
        const char *line;
        enum status_protocol protocol;
    } rows[] = {
        {"-ERR x", STATUS_POP3},     {"+OK", STATUS_POP3},     {"* BYE x", STATUS_IMAP},
        {"A0001 NO x", STATUS_IMAP}, {"a.1 BAD", STATUS_IMAP}, {"I say NO to that", STATUS_NONE},
        {"say NO", STATUS_NONE},     {"OK", STATUS_NONE},      {"+ go on", STATUS_NONE},
        {"* 3 EXISTS", STATUS_NONE}, {"", STATUS_NONE},        {"550 5.1.1 NO", STATUS_NONE},
        {"a1 no", STATUS_NONE},      {"-err", STATUS_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (status_guess(slice_cstr(rows[i].line)) != rows[i].protocol)
            fail_msg("%s", rows[i].line);
    assert_int_equal(status_protocol_by_name("smtp"), STATUS_NONE);
    assert_int_equal(status_protocol_by_name(NULL), STATUS_NONE);
    struct explanation e;
    assert_false(status_explain(STATUS_IMAP, SLICE_LIT("a1 WHAT"), NULL, &e));
    assert_false(status_explain(STATUS_NONE, SLICE_LIT("a1 OK"), NULL, &e));
}

/* Cut anywhere, a line is read as far as it goes. */
static void test_every_cut(void **state)
{
    const struct status_wording *w;
    (void)state;
    for (size_t i = 0; (w = status_wording_at(i)); i++) {
        for (size_t n = 0; n <= strlen(w->example); n++) {
            struct explanation e;
            char *copy = malloc(n + 1);
            assert_non_null(copy);
            memcpy(copy, w->example, n);
            status_explain(status_guess(slice_of(copy, n)), slice_of(copy, n), NULL, &e);
            free(copy);
        }
    }
}

static void take(void *ctx, const struct notice *n)
{
    struct explanation e;
    assert_string_equal(n->form, "status");
    explain_reply_text(&n->input, &e);
    explain_print(&n->input, &e, VIS_ASCII, ctx);
}

static void test_in_a_transcript(void **state)
{
    struct buf page;
    (void)state;
    buf_init(&page, 10000);
    size_t n = notice_scan(SLICE_LIT("C: PASS ****\nS: -ERR [IN-USE] wait\n< a1 NO [LIMIT] many\n"),
                           NULL, take, &page);
    assert_int_equal(n, 2);
    assert_non_null(strstr(buf_cstr(&page), "-ERR [IN-USE] wait\n  means    Another session"));
    assert_non_null(strstr(buf_cstr(&page), "a1 NO [LIMIT] many\n  means    A limit"));
    buf_deinit(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_done),
        cmocka_unit_test(test_every_imap_code),
        cmocka_unit_test(test_no_refusal_is_left_out),
        cmocka_unit_test(test_every_pop3_code),
        cmocka_unit_test(test_every_wording),
        cmocka_unit_test(test_the_status_alone),
        cmocka_unit_test(test_guess),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_in_a_transcript),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
