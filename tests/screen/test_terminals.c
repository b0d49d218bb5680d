/* Terminals of many kinds, locales, themes: each paints and leaves; what cannot place a cursor gets
 * lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../lib/screen.h"

static const char *const show_args[] = {"show", SCREEN_FIXTURE, NULL};

static bool raw_has(struct vt *v, const char *text)
{
    size_t len;
    const unsigned char *raw = vt_raw(v, &len);
    return memmem(raw, len, text, strlen(text)) != NULL;
}

static void assert_ascii(struct vt *v)
{
    size_t len;
    const unsigned char *raw = vt_raw(v, &len);
    for (size_t i = 0; i < len; i++)
        if (raw[i] >= 0x80) {
            vt_print_screen(v);
            fail_msg("octet %02x at %zu", raw[i], i);
        }
}

/* Painted, moved about, left. */
static void visit(const char *const *env, bool ascii)
{
    struct vt *v = screen_open(24, 80, env, show_args);
    screen_wait(v, "221 2.0.0 mx.example.test Bye");
    vt_key(v, "<PgUp>");
    vt_sync(v);
    vt_key(v, "<F1>");
    screen_wait(v, "Keys");
    vt_key(v, "<Esc>");
    vt_sync(v);
    vt_key(v, "<C-End>/no");
    screen_wait(v, "/no");
    if (ascii)
        assert_ascii(v);
    screen_quit(&v);
}

static void test_terminals(void **state)
{
    (void)state;
    static const char *const names[] = {"xterm-256color",       "xterm", "linux", "screen-256color",
                                        "tmux-256color",        "vt100", "vt220", "ansi",
                                        "rxvt-unicode-256color"};
    for (size_t i = 0; i < N_OF(names); i++) {
        char term[64];
        const char *const env[] = {term, NULL};
        snprintf(term, sizeof term, "TERM=%s", names[i]);
        visit(env, false);
    }
}

static void test_unknown_terminal(void **state)
{
    (void)state;
    static const char *const env[] = {"TERM=nobody\033]0;x\a-knows-this", NULL};
    struct vt *v = screen_open(24, 80, env, show_args);
    screen_wait(v, "is not known here");
    screen_wait(v, "xterm-256color is used");
    screen_assert_clean(v);
    screen_quit(&v);
}

/* No cursor: the transcript comes as lines, and lines are read. */
static void test_dumb(void **state)
{
    (void)state;
    static const char *const envs[][2] = {{"TERM=dumb", NULL}, {"TERM=", NULL}};
    for (size_t i = 0; i < N_OF(envs); i++) {
        const char *const argv[] = {screen_program(), "practice", NULL};
        struct vt *v = vt_spawn(argv, 24, 80, "dumb", envs[i]);
        vt_wait_text(v, "220 mx.example.test");
        vt_send(v, "EHLO client.example.net\n");
        vt_wait_text(v, " for all.");
        vt_send(v, "/show 2\n");
        vt_wait_text(v, "server 2: 250 HELP");
        vt_send(v, "/quit\n");
        assert_int_equal(vt_wait_exit(v), 0);
        assert_false(raw_has(v, "\033"));
        vt_free(&v);
    }
}

static void test_linear(void **state)
{
    (void)state;
    const char *const argv[] = {screen_program(), "--linear", "practice", NULL};
    struct vt *v = vt_spawn(argv, 24, 80, "xterm-256color", NULL);
    vt_wait_text(v, "220 mx.example.test");
    vt_send(v, "NOOP\n");
    vt_wait_text(v, "250 2.0.0");
    vt_send(v, "\004"); /* the end of its input */
    assert_int_equal(vt_wait_exit(v), 0);
    assert_false(raw_has(v, "\033"));
    vt_free(&v);
}

/* One sentence an event: who, which exchange, what; a long reply in one, and all of it on demand.
 */
static void test_linear_sentences(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *said;
    } rows[] = {
        {"EHLO client.example.net", "server 2: 250, 16 capabilities"},
        {"", "Say \"/show 2\" for all."},
        {"/show 2", "server 2: 250-PIPELINING"},
        {"/show 77", "There is no exchange 77 yet; the newest is 2."},
        {"STARTTLS", "server 3: 220 2.0.0 Ready to start TLS"},
        {"", "* TLS 1.3 on, certificate valid, "},
        {"", "State was reset; EHLO again."},
        {"EHLO client.example.net", "server 4: 250, 17 capabilities"},
        {"MAIL FROM:<ann@example.net>", "server 5: 250 2.1.0"},
        {"RCPT TO:<no-such-user@example.test>", "server 6: 550 5.1.1"},
        {"RCPT TO:<bob@example.test>", "server 7: 250 2.1.5"},
        {"DATA", "server 8: 354"},
        {"Subject: hello\n\n.", "client 9: message content, 3 lines, 21 octets. Say \"/show 9\""},
        {"", "server 9: 250 2.0.0"},
        {"/show 9", "client 9: Subject: hello"},
        {"/show ehlo", "ehlo"},
    };
    const char *const argv[] = {screen_program(), "--linear", "practice", NULL};
    struct vt *v = vt_spawn(argv, 60, 120, "dumb", NULL);
    vt_wait_text(v, "server 1: 220 mx.example.test");
    for (size_t i = 0; i < N_OF(rows); i++) {
        if (rows[i].typed[0]) {
            vt_send(v, rows[i].typed);
            vt_send(v, "\n");
        }
        vt_wait_text(v, rows[i].said);
    }
    vt_send(v, "/quit\n");
    assert_int_equal(vt_wait_exit(v), 0);
    assert_false(raw_has(v, "\033"));
    vt_free(&v);
}

static void test_locales(void **state)
{
    (void)state;
    static const char *const c[] = {"LC_ALL=C", NULL}, *const posix[] = {"LC_ALL=POSIX", NULL},
                             *const utf8[] = {"LC_ALL=C.UTF-8", NULL},
                             *const none[] = {"LC_ALL=xx_XX.UTF-8", NULL};
    visit(c, true);
    visit(posix, true);
    visit(utf8, false);
    visit(none, true); /* a locale that is not installed is C */
}

static void test_ascii(void **state)
{
    (void)state;
    static const char *const args[] = {"show", "--ascii", SCREEN_FIXTURE, NULL};
    static const char *const env[] = {SCREEN_CLOCK, NULL};
    struct vt *v = screen_open(40, 120, env, args);
    screen_wait(v, "<ST 221 2.0.0");
    vt_key(v, "<F1>");
    vt_sync(v);
    assert_ascii(v);
    screen_quit(&v);
}

/* Is there a colour in the stream: an SGR parameter of 30-49 or 90-107? */
static bool has_color(struct vt *v)
{
    size_t len;
    const unsigned char *raw = vt_raw(v, &len);
    for (size_t i = 0; i + 2 < len; i++) {
        if (raw[i] != 0x1B || raw[i + 1] != '[')
            continue;
        unsigned param = 0;
        size_t at = i + 2;
        bool color = false;
        for (; at < len && ((raw[at] >= '0' && raw[at] <= '9') || raw[at] == ';'); at++) {
            param = raw[at] == ';' ? 0 : param * 10 + raw[at] - '0';
            color = color || (param >= 30 && param <= 48 && param != 39) ||
                    (param >= 90 && param <= 107);
        }
        if (at < len && raw[at] == 'm' && color)
            return true;
    }
    return false;
}

static void color_case(const char *const *env, const char *const *args, bool wanted)
{
    struct vt *v = screen_open(24, 80, env, args);
    screen_wait(v, "221 2.0.0 mx.example.test Bye");
    if (has_color(v) != wanted)
        fail_msg("%s %s: colour is %s", args[1], env && env[0] ? env[0] : "",
                 wanted ? "missing" : "there");
    screen_quit(&v);
}

static void test_colors(void **state)
{
    (void)state;
    static const char *const no_color[] = {"NO_COLOR=1", NULL}, *const empty[] = {"NO_COLOR=",
                                                                                  NULL};
    static const char *const never[] = {"show", "--color=never", SCREEN_FIXTURE, NULL},
                             *const always[] = {"show", "--color=always", SCREEN_FIXTURE, NULL};
    color_case(NULL, show_args, true);
    color_case(no_color, show_args, false);
    color_case(empty, show_args, true);
    color_case(NULL, never, false);
    color_case(no_color, always, true); /* the command line goes before */
    static const char *const vt100[] = {"TERM=vt100", NULL};
    color_case(vt100, show_args, false);
}

static void test_themes(void **state)
{
    (void)state;
    static const char *const themes[] = {"dark", "light", "contrast", "mono"};
    char name[4][64];
    for (size_t i = 0; i < N_OF(themes); i++) {
        snprintf(name[i], sizeof name[i], "--theme=%s", themes[i]);
        const char *const args[] = {"show", name[i], SCREEN_FIXTURE, NULL};
        color_case(NULL, args, strcmp(themes[i], "mono") != 0);
    }
    struct vt *v = screen_open(24, 80, NULL, show_args);
    for (size_t i = 0; i < N_OF(themes); i++) {
        char line[64];
        snprintf(line, sizeof line, "/theme %s", themes[i]);
        screen_line(v, line);
        assert_true(vt_has_text(v, "221 2.0.0 mx.example.test Bye"));
    }
    screen_line(v, "/theme pink");
    assert_true(vt_has_text(v, "pink") || vt_has_text(v, "dark"));
    screen_quit(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terminals),
        cmocka_unit_test(test_unknown_terminal),
        cmocka_unit_test(test_dumb),
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_linear_sentences),
        cmocka_unit_test(test_locales),
        cmocka_unit_test(test_ascii),
        cmocka_unit_test(test_colors),
        cmocka_unit_test(test_themes),
    };
    return cmocka_run_group_tests_name("terminals", tests, NULL, NULL);
}
