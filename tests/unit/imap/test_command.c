/* Commands: tables of valid and invalid ones, and what the fields hold. */
#include "imap/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "imap/limits.h"

static const char *const valid[] = {
    "a CAPABILITY",
    "a NOOP",
    "a LOGOUT",
    "a STARTTLS",
    "a ID NIL",
    "a ID ()",
    "a ID (\"name\" \"x\" \"version\" NIL)",
    "a AUTHENTICATE PLAIN",
    "a AUTHENTICATE PLAIN =",
    "a AUTHENTICATE PLAIN AGEAYg==",
    "a LOGIN ann secret",
    "a LOGIN \"an n\" \"se\\\"c\\\\ret\"",
    "a LOGIN {3}\r\nann {2+}\r\n\r\n",
    "a LOGIN a]b c",
    "a ENABLE CONDSTORE UTF8=ACCEPT",
    "a SELECT INBOX",
    "a SELECT inbox (CONDSTORE)",
    "a EXAMINE \"a b\"",
    "a CREATE x/y",
    "a CREATE x (USE (\\Sent))",
    "a DELETE x",
    "a RENAME x y",
    "a SUBSCRIBE x",
    "a UNSUBSCRIBE x",
    "a LIST \"\" *",
    "a LIST \"\" \"%\"",
    "a LIST x/ %/y*",
    "a LIST (SUBSCRIBED) \"\" (a b%)",
    "a LIST () \"\" * RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES UNSEEN))",
    "a LIST (SPECIAL-USE RECURSIVEMATCH) \"\" * RETURN ()",
    "a LSUB \"\" *",
    "a NAMESPACE",
    "a STATUS x (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ)",
    "a APPEND x {3}\r\nabc",
    "a APPEND x (\\Seen $Junk) {3+}\r\nabc",
    "a APPEND x () \" 1-Feb-2026 03:04:05 +0100\" ~{3}\r\nabc",
    "a APPEND x UTF8 (~{3}\r\nabc)",
    "a IDLE",
    "a CHECK",
    "a CLOSE",
    "a UNSELECT",
    "a EXPUNGE",
    "a UID EXPUNGE 1:*",
    "a SEARCH ALL",
    "a SEARCH 1:3,5 UNSEEN",
    "a UID SEARCH UID 1:*",
    "a SEARCH RETURN () ALL",
    "a SEARCH RETURN (MIN MAX COUNT SAVE) FROM ann",
    "a SEARCH CHARSET UTF-8 SUBJECT {3}\r\nabc",
    "a SEARCH OR SEEN NOT (FROM a TO \"b c\") $",
    "a SEARCH NOT OR SEEN DRAFT ALL",
    "a SEARCH (((ALL)))",
    "a SEARCH HEADER X-A \"\"",
    "a SEARCH SINCE 1-Feb-2026 BEFORE \"29-Feb-2024\"",
    "a SEARCH LARGER 10 SMALLER 99999999999",
    "a SEARCH KEYWORD $Junk UNKEYWORD x",
    "a SEARCH OLDER 60 YOUNGER 3600",
    "a SEARCH MODSEQ 7",
    "a SEARCH MODSEQ \"/flags/\\\\draft\" all 7",
    "a FETCH 1 ALL",
    "a FETCH 1:* FAST",
    "a FETCH 1,3:4,*:7 FULL",
    "a FETCH 1 FLAGS",
    "a UID FETCH 1:* (UID FLAGS)",
    ("a FETCH 1 (ENVELOPE BODYSTRUCTURE BODY INTERNALDATE RFC822.SIZE RFC822.HEADER RFC822.TEXT "
     "RFC822)"),
    "a FETCH 1 BODY[]",
    "a FETCH 1 BODY.PEEK[HEADER]",
    "a FETCH 1 BODY[TEXT]<0.10>",
    "a FETCH 1 BODY[1.2.MIME]",
    "a FETCH 1 BODY[1.HEADER.FIELDS (A \"b\")]<3.4>",
    "a FETCH 1 (BODY.PEEK[HEADER.FIELDS.NOT (From)] UID)",
    "a FETCH 1 BODY[1]",
    "a FETCH 1 BINARY.PEEK[1]",
    "a FETCH 1 BINARY.SIZE[1.2]",
    "a FETCH 1 (FLAGS) (CHANGEDSINCE 7)",
    "a STORE 1 FLAGS (\\Seen)",
    "a STORE 1 +FLAGS.SILENT \\Deleted $a",
    "a STORE 1 -FLAGS ()",
    "a UID STORE 1:2 (UNCHANGEDSINCE 5) FLAGS ()",
    "a COPY 1 x",
    "a UID COPY 1:* \"x y\"",
    "a MOVE 2:4 Trash",
    "a UID MOVE $ Trash",
    "a GETQUOTA \"\"",
    "a GETQUOTAROOT INBOX",
    "a SETQUOTA \"\" (STORAGE 512)",
    "A.1]- noop",
};

static const char *const invalid[] = {
    "",
    "a",
    "a ",
    " a NOOP",
    "NOOP",
    "* NOOP",
    "a+b NOOP",
    "a NOOP ",
    "a  NOOP",
    "a NOOP x",
    "a LOGIN",
    "a LOGIN x",
    "a LOGIN x y z",
    "a LOGIN \"x y",
    "a LOGIN (x) y",
    "a LOGIN {3}\r\nab",
    "a SELECT",
    "a SELECT ",
    "a SELECT x y",
    "a SELECT *",
    "a RENAME x",
    "a LIST x",
    "a LIST \"\" ",
    "a LIST (FROB) \"\" *",
    "a LIST \"\" * RETURN",
    "a LIST \"\" * RETURN (STATUS)",
    "a STATUS x",
    "a STATUS x ()",
    "a STATUS x (FROB)",
    "a STATUS x MESSAGES",
    "a APPEND x",
    "a APPEND x abc",
    "a APPEND x \"abc\"",
    "a APPEND x (\\Seen {3}\r\nabc",
    "a APPEND x \"1-Feb-2026\" {1}\r\na",
    "a SEARCH",
    "a SEARCH ",
    "a SEARCH FROB",
    "a SEARCH OR SEEN",
    "a SEARCH NOT",
    "a SEARCH ()",
    "a SEARCH (ALL",
    "a SEARCH ALL)",
    "a SEARCH FROM",
    "a SEARCH SINCE 31-Feb-2026",
    "a SEARCH SINCE 1-Foo-2026",
    "a SEARCH SINCE 2026-02-01",
    "a SEARCH 0",
    "a SEARCH 1:",
    "a SEARCH RETURN (FROB) ALL",
    "a SEARCH CHARSET UTF-8",
    "a FETCH",
    "a FETCH 1",
    "a FETCH 1 FROB",
    "a FETCH 1 ()",
    "a FETCH 1 (FLAGS",
    "a FETCH 1 BODY[",
    "a FETCH 1 BODY[FROB]",
    "a FETCH 1 BODY[MIME]",
    "a FETCH 1 BODY[0]",
    "a FETCH 1 BODY[1.]",
    "a FETCH 1 BODY[]<1>",
    "a FETCH 1 BODY[]<0.0>",
    "a FETCH 1 BODY[HEADER.FIELDS]",
    "a FETCH 1 BODY[HEADER.FIELDS ()]",
    "a FETCH 4294967296 FLAGS",
    "a FETCH 0 FLAGS",
    "a FETCH 1,,2 FLAGS",
    "a FETCH , FLAGS",
    "a FETCH 1 (ALL)",
    "a STORE 1 FLAGS",
    "a STORE 1 *FLAGS x",
    "a STORE 1 FLAGS (\\Seen",
    "a COPY 1",
    "a COPY x 1",
    "a UID NOOP",
    "a UID",
    "a UID EXPUNGE",
    "a EXPUNGE 1",
    "a ENABLE",
    "a ID",
    "a ID x",
    "a AUTHENTICATE",
    "a SETQUOTA x",
    "a CREATE x (USE)",
    "a FROB",
};

static void parse(struct arena *arena, const char *text, char *line, size_t line_octets,
                  struct imap_command *out)
{
    int n = snprintf(line, line_octets, "%s\r\n", text);
    assert_true(n > 0 && (size_t)n < line_octets);
    struct imap_text t = {.octets = slice_of(line, (size_t)n)};
    imap_command_parse(&t, false, arena, out);
}

static void test_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        struct arena arena;
        struct imap_command c;
        char line[512];
        arena_init(&arena);
        parse(&arena, valid[i], line, sizeof(line), &c);
        if (!c.well_formed || c.rules != 0)
            print_error("%s: rules %llx\n", valid[i], (unsigned long long)c.rules);
        assert_true(c.well_formed);
        assert_int_equal(c.rules, 0);
        arena_deinit(&arena);
    }
}

static void test_invalid(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        struct arena arena;
        struct imap_command c;
        char line[512];
        arena_init(&arena);
        parse(&arena, invalid[i], line, sizeof(line), &c);
        if (c.well_formed || c.rules == 0)
            print_error("taken: %s\n", invalid[i]);
        assert_false(c.well_formed);
        assert_int_not_equal(c.rules, 0);
        arena_deinit(&arena);
    }
}

/* A valid command without its last octets is none, and never reads behind its end. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        size_t len = strlen(valid[i]);
        for (size_t cut = 0; cut < len; cut++) {
            struct arena arena;
            struct imap_command c;
            arena_init(&arena);
            char *copy = test_malloc(cut + 1);
            memcpy(copy, valid[i], cut);
            struct imap_text t = {.octets = slice_of(copy, cut)};
            imap_command_parse(&t, false, &arena, &c);
            assert_true(c.verb < IMAP_VERB__COUNT);
            test_free(copy);
            arena_deinit(&arena);
        }
    }
}

static void check(struct arena *a, const char *text, struct imap_command *c)
{
    static char line[512];
    parse(a, text, line, sizeof(line), c);
    assert_true(c->well_formed);
}

#define IS(slice, text) assert_true(slice_eq(slice, SLICE_LIT(text)))

static void test_fields(void **state)
{
    (void)state;
    struct arena a;
    struct imap_command c;
    arena_init(&a);
    check(&a, "x1 LOGIN \"an\\\"n\" {6}\r\nsecret", &c);
    IS(c.tag, "x1");
    IS(c.user, "an\"n");
    IS(c.password, "secret");
    check(&a, "a uid fetch 2:1,*,7 (BODY.PEEK[1.2.HEADER.FIELDS (A b)]<5.9> UID)", &c);
    assert_true(c.uid && c.verb == IMAP_VERB_FETCH && c.n_items == 2);
    assert_int_equal(c.set.n_ranges, 3);
    assert_int_equal(c.set.ranges[0].first, 1);
    assert_int_equal(c.set.ranges[0].last, 2);
    assert_int_equal(c.items[0].kind, IMAP_FETCH_SECTION);
    assert_true(c.items[0].peek && c.items[0].partial);
    assert_int_equal(c.items[0].n_parts, 2);
    assert_int_equal(c.items[0].section, IMAP_SECTION_FIELDS);
    assert_int_equal(c.items[0].n_fields, 2);
    IS(c.items[0].section_text, "1.2.HEADER.FIELDS (A b)");
    assert_int_equal(c.items[0].partial_at, 5);
    assert_int_equal(c.items[0].partial_octets, 9);
    check(&a, "a APPEND Entw&APw-rfe (\\Seen $x) \" 1-Jan-1970 01:00:30 +0100\" {2}\r\nhi", &c);
    IS(c.mailbox, "Entw\303\274rfe");
    assert_int_equal(c.flags.system, IMAP_FLAG_SEEN);
    assert_int_equal(c.flags.n_keywords, 1);
    assert_int_equal(c.date.utc_s, 30);
    assert_int_equal(c.date.zone_min, 60);
    IS(c.message.octets, "hi");
    check(&a, "a STORE 1 -FLAGS.SILENT \\Deleted", &c);
    assert_true(c.store_op == IMAP_STORE_REMOVE && c.silent);
    check(&a, "a SELECT iNbOx", &c);
    IS(c.mailbox, "INBOX");
    arena_deinit(&a);
}

static void test_search_tree(void **state)
{
    (void)state;
    struct arena a;
    struct imap_command c;
    arena_init(&a);
    check(&a, "a SEARCH OR (FROM ann UNSEEN) NOT SUBJECT x 1:3", &c);
    const struct imap_search_key *k = c.search->first;
    assert_int_equal(k->kind, IMAP_SEARCH_OR);
    assert_int_equal(k->first->kind, IMAP_SEARCH_AND);
    IS(k->first->first->field, "From");
    IS(k->first->first->text, "ann");
    assert_false(k->first->first->next->wanted);
    assert_int_equal(k->first->next->kind, IMAP_SEARCH_NOT);
    IS(k->first->next->first->text, "x");
    assert_null(k->first->next->next);
    assert_int_equal(k->next->kind, IMAP_SEARCH_SET);
    assert_null(k->next->next);
    arena_deinit(&a);
}

static void test_limits(void **state)
{
    (void)state;
    struct arena a;
    struct imap_command c;
    char *text = test_malloc(1 << 20);
    arena_init(&a);
    memcpy(text, "a SEARCH ", 9);
    for (size_t i = 0; i < 200000; i++)
        memcpy(text + 9 + 4 * i, "NOT ", 4);
    struct imap_text t = {.octets = slice_of(text, 9 + 800000)};
    imap_command_parse(&t, false, &a, &c);
    assert_false(c.well_formed);
    assert_true(c.rules & IMAP_RULE_BIT(IMAP_RULE_NESTING));
    memcpy(text, "a FETCH ", 8);
    for (size_t i = 0; i < 100000; i++)
        memcpy(text + 8 + 2 * i, "1,", 2);
    memcpy(text + 8 + 200000, "1 FLAGS\r\n", 9);
    t.octets = slice_of(text, 8 + 200009);
    imap_command_parse(&t, false, &a, &c);
    assert_false(c.well_formed);
    assert_true(c.rules & IMAP_RULE_BIT(IMAP_RULE_ITEMS));
    test_free(text);
    arena_deinit(&a);
}

/* A literal that was not kept. */
static void test_gaps(void **state)
{
    (void)state;
    struct arena a;
    struct imap_command c;
    struct imap_gap gap = {.at = 23, .octets = 99999, .stream_at = 1234};
    struct imap_text t = {
        .octets = SLICE_LIT("a APPEND INBOX {99999}\r\n\r\n"), .gaps = &gap, .n_gaps = 1};
    gap.at = (uint32_t)(t.octets.len - 2);
    arena_init(&a);
    imap_command_parse(&t, false, &a, &c);
    assert_true(c.well_formed && c.message.gap);
    assert_int_equal(c.message.length, 99999);
    assert_int_equal(c.message.stream_at, 1234);
    t.octets = slice_take(t.octets, t.octets.len - 2);
    assert_true(imap_append_at_message(&t, false, &a, NULL));
    t.octets = SLICE_LIT("a APPEND {5}\r\n");
    assert_false(imap_append_at_message(&t, false, &a, NULL));
    t.octets = SLICE_LIT("a APPEND {5}\r\nINBOX () \"01-Feb-2026 00:00:00 +0000\" {7+}\r\n");
    assert_true(imap_append_at_message(&t, false, &a, &c));
    IS(c.mailbox, "INBOX");
    assert_true(c.has_date);
    arena_deinit(&a);
}

/* The table: each typed verb is found by its name, has help, a place in an RFC and a state. */
static void test_verb_table(void **state)
{
    (void)state;
    for (unsigned v = 0; v < IMAP_VERB__COUNT; v++) {
        const struct imap_verb_info *info = imap_verb_info((enum imap_verb)v);
        assert_true(info->name && info->help[0] && info->grammar && info->states != 0);
        assert_true(strncmp(info->rfc, "RFC ", 4) == 0);
        assert_int_equal(imap_verb_by_name(slice_cstr(info->name)),
                         info->typed ? v : IMAP_VERB_UNKNOWN);
    }
    assert_int_equal(imap_verb_by_name(SLICE_LIT("fEtCh")), IMAP_VERB_FETCH);
    assert_true(imap_verb_asks_for(IMAP_VERB_NOOP, SLICE_LIT("expunge")));
    assert_false(imap_verb_asks_for(IMAP_VERB_FETCH, SLICE_LIT("EXPUNGE")));
    for (unsigned s = 0; s < IMAP_STATE__COUNT; s++)
        assert_int_equal(imap_state_by_name(slice_cstr(imap_state_name((enum imap_state)s))), s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_fields),
        cmocka_unit_test(test_search_tree),  cmocka_unit_test(test_limits),
        cmocka_unit_test(test_gaps),         cmocka_unit_test(test_verb_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
