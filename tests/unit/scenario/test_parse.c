/* Reading scenario files: what reads, what does not and how it is said, and every builtin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "scenario/rules.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct scenario *read_text(const char *text, struct err *err)
{
    err_clear(err);
    return scenario_parse(slice_cstr(text), "t.scn", NULL, NULL, err);
}

/* ---- what reads ---- */

static const char *const valid[] = {
    "",
    "# nothing but a remark\n\n   # and another\n",
    "scenario x\ntitle A title: with anything # in it\nlevel 5\nseed 18446744073709551615\nclock "
    "x60\nmagic off\n",
    "server smtp\n  profile postfix\n  name mx.example.test\n  banner hello {server}\n"
    "  caps SIZE=100 AUTH=PLAIN,LOGIN\n  hide DSN\n  auth required clear PLAIN\n  tls required\n"
    "  limit size=10M recipients=3 messages=2 errors=5\n  timeout 5m\n",
    "server lmtp\nserver submission\nserver submissions\nserver pop3\nserver pop3s\nserver "
    "imap\nserver imaps\n",
    "account alice password=x quota=10K\naccount dave\n",
    "message bob from=a@b.example count=3 flags=\\Seen size=10K subject=Lunch at noon?\n  text "
    "Hello\n  .\n  text Bye\n",
    "zone world.zone\n",
    "when rcpt to=bob@* reply 550 5.1.1 No\n",
    "when rcpt|mail|data\n\treply 450 4.2.0 One\n\treply 450 4.2.0 Two\n",
    "when pop.* user=bob stall\n",
    "when imap.fetch uid>100 uid<200 !mailbox=INBOX truncate 100\n",
    "when dot subject=\"free money\" chance=25% per=(client,from)\n  discard\n",
    "when mail size>10M rate>10/1m per=client\n  reply 421 4.7.0 Slow down\n  close\n",
    "when mail rate>5/m per=net24\n  reply 421 4.7.0 Slow down\n",
    "when dot nth=1 times=2 every=3 first-for=1s after=500ms\n  store\n  reset\n",
    "when line line~^(GET|POST) drop\n",
    "when connect delay 1..5\n",
    "when ehlo drip 5/s\nwhen ehlo chunk 3@100ms\nwhen ehlo chunk 1\n",
    "when starttls\n  reply 220 go\n  also 250 x\\r\\n\n  raw \\x00\\e[31m\\\\ {100}\\r\\n\n  "
    "close\n",
    "when tls\n  cert expired\n  proto 1.2-1.3\n  ciphers AES128-SHA\n",
    "when rcpt bounce 550 5.1.1 User unknown after=1m\n",
    "when rcpt bounce 450 after=soon is text after=5\n",
    "when ehlo hide STARTTLS DSN\nwhen ehlo offer X-ONE AUTH=PLAIN\n",
    "when mail set reading=off\nwhen mail goto late\nwhen mail say {from} is {from.domain} {nth}\n",
    "when dot header=\"From: *@evil.example\" reply 550 5.7.1 {header.from.domain} {header.to}\n",
    "when rcpt accept\nwhen dot duplicate\nwhen deliver store\n",
    "WHEN RCPT TO=Bob* REPLY 550 no\n",
    "when mail\r\n  reply 250 ok\r\n",
};

static void what_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(valid); i++) {
        struct err err;
        struct scenario *s = read_text(valid[i], &err);
        if (!s)
            fail_msg("row %zu: %s", i, err.text);
        scenario_free(&s);
    }
}

/* ---- what does not ---- */

static const struct {
    const char *text, *error;
} invalid[] = {
    {"whem rcpt\n", "t.scn:1: unknown word \"whem\"; did you mean \"when\"?"},
    {"\n\n  reply 250 x\n",
     "t.scn:3: an indented line belongs to a server, when or message above it"},
    {"when recpt\n reply 5\n", "t.scn:1: unknown stage \"recpt\"; did you mean \"rcpt\"?"},
    {"when\n", "t.scn:1: a stage is missing behind when"},
    {"when rcpt|\n", "t.scn:1: a stage is missing behind |"},
    {"when pop3.user\n", "t.scn:1: unknown stage \"pop3.user\"; did you mean \"pop.user\"?"},
    {"when rcpt\n  repyl 550 no\n", "t.scn:2: unknown action \"repyl\"; did you mean \"reply\"?"},
    {"when rcpt too=bob\n", "t.scn:1: unknown word \"too\"; did you mean \"to\"?"},
    {"when rcpt frist-for=5m\n",
     "t.scn:1: unknown word \"frist-for\"; did you mean \"first-for\"?"},
    {"when rcpt qqqqqqqq=1\n", "t.scn:1: unknown word \"qqqqqqqq\""},
    {"when rcpt to\n", "t.scn:1: to wants = ~ > or < and a value behind it"},
    {"when rcpt size>lots\n", "t.scn:1: size> wants a number"},
    {"when rcpt to~(\n", "t.scn:1: to~: the regular expression does not read: "},
    {"when rcpt nth=0\n", "t.scn:1: nth wants a number from 1 on"},
    {"when rcpt nth>1\n", "t.scn:1: nth wants = and a value"},
    {"when rcpt rate=5/1m\n", "t.scn:1: rate is written rate>N/D"},
    {"when rcpt rate>5\n", "t.scn:1: rate is written rate>10/1m"},
    {"when rcpt chance=5\n", "t.scn:1: chance is written chance=25%"},
    {"when rcpt chance=101%\n", "t.scn:1: chance is written chance=25%"},
    {"when rcpt first-for=5x\n", "t.scn:1: first-for wants a time such as 30s or 5m"},
    {"when rcpt per=clinet\n",
     "t.scn:1: unknown word behind per= \"clinet\"; did you mean \"client\"?"},
    {"when rcpt !nth=2\n", "t.scn:1: ! stands before matches, not before limits"},
    {"when rcpt\n\nwhen mail drop\n", "t.scn:1: this rule does nothing"},
    {"when rcpt drop now\n", "t.scn:1: nothing stands behind drop"},
    {"when rcpt delay soon\n", "t.scn:1: delay is written: delay D[..D]"},
    {"when rcpt delay 5..1\n", "t.scn:1: delay is written: delay D[..D]"},
    {"when rcpt drip 5\n", "t.scn:1: drip is written: drip N/s"},
    {"when rcpt truncate x\n", "t.scn:1: truncate is written: truncate N"},
    {"when rcpt bounce 250 x\n", "t.scn:1: bounce is written: bounce CODE TEXT [after=D]"},
    {"when rcpt raw \\q\n", "t.scn:1: an escape does not read"},
    {"when rcpt raw \\x1\n", "t.scn:1: an escape does not read"},
    {"when rcpt reply 550 {tto}\n", "t.scn:1: unknown variable \"tto\"; did you mean \"to\"?"},
    {"when tls cert expierd\n",
     "t.scn:1: unknown certificate \"expierd\"; did you mean \"expired\"?"},
    {"when mail set x\n", "t.scn:1: set is written: set K=V"},
    {"when mail set raeding=off\n",
     "t.scn:1: unknown switch \"raeding\"; did you mean \"reading\"?"},
    {"server smpt\n", "t.scn:1: unknown server \"smpt\"; did you mean \"smtp\"?"},
    {"server smtp\n  profile postfx\n",
     "t.scn:2: unknown profile \"postfx\"; did you mean \"postfix\"?"},
    {"server smtp\n  cap SIZE\n", "t.scn:2: unknown setting \"cap\"; did you mean \"caps\"?"},
    {"server smtp\n  tls maybe\n", "t.scn:2: tls is off, offer or required"},
    {"server smtp\n  limit siez=1\n", "t.scn:2: unknown limit \"siez\"; did you mean \"size\"?"},
    {"server smtp\n  limit size=0\n", "t.scn:2: limit size=N wants a number from 1 on"},
    {"server smtp\n  timeout x\n", "t.scn:2: timeout wants a time such as 30s or 5m"},
    {"level 6\n", "t.scn:1: level is a number from 1 to 5"},
    {"clock 60\n", "t.scn:1: clock is written x60"},
    {"clock x0\n", "t.scn:1: clock is written x60"},
    {"magic perhaps\n", "t.scn:1: magic is on or off"},
    {"seed x\n", "t.scn:1: seed is a number"},
    {"account ../x\n", "t.scn:1: account wants a user"},
    {"account .x\n", "t.scn:1: account wants a user"},
    {"account a pasword=x\n", "t.scn:1: unknown word \"pasword\"; did you mean \"password\"?"},
    {"message bob count=0\n", "t.scn:1: count wants a number from 1 on, not too large"},
    {"message bob count=6000\nmessage bob count=6000\n",
     "t.scn:2: limit \"scenario-messages\" reached"},
    {"message bob\n  hello\n", "t.scn:2: a line of a message is written: text LINE"},
    {"include other.scn\n", "t.scn:1: cannot include other.scn: no files can be read here"},
    {"title\n", "t.scn:1: the title's text is missing"},
    {"when mail say \033[31m {x\033}\n", "t.scn:1: unknown variable \"x^[\""},
};

static void what_does_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(invalid); i++) {
        struct err err;
        struct scenario *s = read_text(invalid[i].text, &err);
        if (s)
            fail_msg("row %zu reads: %s", i, invalid[i].text);
        if (strncmp(err.text, invalid[i].error, strlen(invalid[i].error)) != 0)
            fail_msg("row %zu: \"%s\" is not \"%s\"", i, err.text, invalid[i].error);
        assert_int_equal(err.domain, ERR_FORMAT);
    }
}

static void a_nul_is_no_text(void **state)
{
    (void)state;
    struct err err;
    err_clear(&err);
    assert_null(scenario_parse(SLICE_LIT("title a\0b\n"), "t.scn", NULL, NULL, &err));
    assert_string_equal(err.text, "t.scn:1: a NUL octet: this is no text");
}

/* Every beginning of a text reads or is refused with a line that exists. */
static void every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(valid); i++)
        for (size_t cut = 0; cut < strlen(valid[i]); cut++) {
            struct err err;
            err_clear(&err);
            struct scenario *s = scenario_parse(slice_of(valid[i], cut), "t.scn", NULL, NULL, &err);
            assert_true(s != NULL || err.code >= 1);
            scenario_free(&s);
        }
}

/* ---- what was read ---- */

static void settings_are_kept(void **state)
{
    (void)state;
    struct err err;
    struct scenario *s = read_text(
        "server submission\n  auth required clear PLAIN LOGIN\n  limit size=10K\n  tls off\n"
        "  timeout 90\naccount bob quota=1M\nmessage bob subject=a b\n  text one\n  .\n",
        &err);
    assert_non_null(s);
    const struct scenario_server *v = &s->servers[SCENARIO_SUBMISSION];
    assert_true(v->given && v->auth_required && v->auth_clear && v->tls_off);
    assert_false(s->servers[SCENARIO_SMTP].given);
    assert_string_equal(v->mechanisms, "PLAIN LOGIN");
    assert_int_equal(v->size_octets, 10240);
    assert_int_equal(v->idle_ms, 90000);
    assert_int_equal(s->accounts[0].quota_octets, 1 << 20);
    assert_string_equal(s->messages[0].subject, "a b");
    assert_true(slice_eq(s->messages[0].body, SLICE_LIT("one\r\n\r\n")));
    assert_string_equal(s->name, "t.scn");
    scenario_free(&s);
}

static void actions_are_kept(void **state)
{
    (void)state;
    struct err err;
    struct scenario *s = read_text("when rcpt\n  reply 450 4.2.0 a; b\n  raw a\\r\\n\\x41\n"
                                   "  delay 1..2500ms\n  chunk 3@50ms\n"
                                   "  bounce 550 No such user after=2s\n  set banner = b c\n",
                                   &err);
    assert_non_null(s);
    const struct scenario_action *a = s->rules[0].actions;
    assert_int_equal(s->rules[0].n_actions, 6);
    assert_true(slice_eq(a[0].text, SLICE_LIT("450 4.2.0 a; b")));
    assert_true(slice_eq(a[1].text, SLICE_LIT("a\r\nA")));
    assert_int_equal(a[2].low_ms, 1000);
    assert_int_equal(a[2].high_ms, 2500);
    assert_int_equal(a[3].number, 3);
    assert_int_equal(a[3].low_ms, 50);
    assert_int_equal(a[4].number, 550);
    assert_true(slice_eq(a[4].text, SLICE_LIT("No such user")));
    assert_int_equal(a[4].low_ms, 2000);
    assert_int_equal(a[5].key, SCENARIO_SWITCH_BANNER);
    assert_true(slice_eq(a[5].text, SLICE_LIT("b c")));
    scenario_free(&s);
}

static void one_line_rules(void **state)
{
    (void)state;
    struct err err;
    struct scenario *s = scenario_parse_rule(
        SLICE_LIT("  when rcpt to=bob@* times=2 delay 1 ; reply 450 4.2.0 Not; now ; close "),
        &err);
    assert_non_null(s);
    assert_int_equal(s->rules[0].n_actions, 3);
    assert_true(slice_eq(s->rules[0].actions[1].text, SLICE_LIT("450 4.2.0 Not; now")));
    scenario_free(&s);
    assert_null(scenario_parse_rule(SLICE_LIT("rcpt to=bob"), &err));
    assert_null(scenario_parse_rule(SLICE_LIT("rcpt drop\nrcpt drop"), &err));
    assert_null(scenario_parse_rule(SLICE_LIT(""), &err));
}

/* ---- include ---- */

static bool read_file(void *ctx, const char *name, struct buf *out, struct err *err)
{
    int *depth = ctx;
    (*depth)++;
    if (strcmp(name, "again") == 0)
        return buf_append_cstr(out, "include again\n");
    if (strcmp(name, "bad") == 0)
        return buf_append_cstr(out, "\nwhen x drop\n");
    if (strcmp(name, "good") == 0)
        return buf_append_cstr(out, "when rcpt drop\n");
    err_set(err, ERR_FILE, 2, "no such file");
    return false;
}

static void includes(void **state)
{
    (void)state;
    struct err err;
    int depth = 0;
    struct scenario *s = scenario_parse(SLICE_LIT("include good\nwhen mail drop\n"), "t.scn",
                                        read_file, &depth, &err);
    assert_non_null(s);
    assert_int_equal(s->n_rules, 2);
    scenario_free(&s);
    assert_null(scenario_parse(SLICE_LIT("\ninclude bad\n"), "t.scn", read_file, &depth, &err));
    assert_string_equal(err.text, "bad:2: unknown stage \"x\"");
    assert_null(scenario_parse(SLICE_LIT("include none\n"), "t.scn", read_file, &depth, &err));
    assert_string_equal(err.text, "t.scn:1: cannot include none: no such file");
    depth = 0;
    assert_null(scenario_parse(SLICE_LIT("include again\n"), "t.scn", read_file, &depth, &err));
    assert_int_equal(depth, SCENARIO_INCLUDE_DEPTH_MAX);
    assert_non_null(strstr(err.text, "scenario-include"));
}

static void limits_are_named(void **state)
{
    (void)state;
    struct err err;
    struct buf text;
    buf_init(&text, SCENARIO_FILE_MAX_OCTETS + 100);
    for (int i = 0; i <= SCENARIO_RULES_MAX; i++)
        buf_append_cstr(&text, "when rcpt drop\n");
    assert_null(scenario_parse(buf_slice(&text), "t.scn", NULL, NULL, &err));
    assert_non_null(strstr(err.text, "scenario-rules"));
    buf_reset(&text);
    buf_append_cstr(&text, "when rcpt\n");
    for (int i = 0; i <= SCENARIO_ACTIONS_MAX; i++)
        buf_append_cstr(&text, "  say x\n");
    assert_null(scenario_parse(buf_slice(&text), "t.scn", NULL, NULL, &err));
    assert_non_null(strstr(err.text, "scenario-actions"));
    buf_reset(&text);
    buf_append_cstr(&text, "when rcpt");
    for (int i = 0; i <= SCENARIO_MATCHES_MAX; i++)
        buf_append_cstr(&text, " to=x");
    assert_null(scenario_parse(buf_slice(&text), "t.scn", NULL, NULL, &err));
    assert_non_null(strstr(err.text, "scenario-matches"));
    buf_reset(&text);
    memset(buf_room(&text, SCENARIO_FILE_MAX_OCTETS + 1), '#', SCENARIO_FILE_MAX_OCTETS + 1);
    buf_grow(&text, SCENARIO_FILE_MAX_OCTETS + 1);
    assert_null(scenario_parse(buf_slice(&text), "t.scn", NULL, NULL, &err));
    assert_non_null(strstr(err.text, "scenario-file"));
    buf_deinit(&text);
}

/* ---- what comes with the program ---- */

static void every_builtin_reads(void **state)
{
    (void)state;
    const struct scenario_builtin *b;
    size_t n = 0;
    for (; (b = scenario_builtin_at(n)); n++) {
        struct err err;
        struct scenario *s = scenario_load(b->name, NULL, NULL, &err);
        if (!s)
            fail_msg("%s", err.text);
        assert_string_equal(s->name, b->name);
        assert_non_null(s->title);
        assert_in_range(s->level, 1, 5);
        assert_true(b->text[0] == '#'); /* what doc/scenarios.md says of it */
        scenario_free(&s);
    }
    assert_true(n > 0);
    assert_non_null(scenario_builtin_find("friendly"));
    assert_null(scenario_builtin_find("none"));
    struct err err;
    assert_null(scenario_load("none", NULL, NULL, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_reads),        cmocka_unit_test(what_does_not),
        cmocka_unit_test(a_nul_is_no_text),  cmocka_unit_test(every_cut),
        cmocka_unit_test(settings_are_kept), cmocka_unit_test(actions_are_kept),
        cmocka_unit_test(one_line_rules),    cmocka_unit_test(includes),
        cmocka_unit_test(limits_are_named),  cmocka_unit_test(every_builtin_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
