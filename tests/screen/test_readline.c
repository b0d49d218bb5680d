/* readline kept off the screen: each way in which it broke screens or crashed before, once. And
 * what is pasted, interrupted and undone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "../lib/screen.h"

static char inputrc_path[64];

/* INPUTRC=FILE with this text. */
static const char *const *inputrc(const char *text)
{
    static char assignment[96];
    static const char *const env[] = {assignment, NULL};
    snprintf(inputrc_path, sizeof inputrc_path, "/tmp/screen-inputrc-%d", (int)getpid());
    FILE *f = fopen(inputrc_path, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    snprintf(assignment, sizeof assignment, "INPUTRC=%s", inputrc_path);
    return env;
}

static struct vt *open_with(const char *inputrc_text)
{
    return screen_practice(24, 80, inputrc_text ? inputrc(inputrc_text) : NULL);
}

/* It runs, its screen is whole, and a line typed now is a line. */
static void assert_sane(struct vt *v)
{
    vt_key(v, "<Esc>");
    vt_sync(v);
    vt_key(v, "<C-c>");
    vt_sync(v);
    vt_send(v, "/note sane\r");
    screen_wait(v, "note: sane");
    assert_true(vt_has_text(v, "practice server"));
    assert_true(vt_has_text(v, "F10 Quit"));
    screen_assert_clean(v);
    screen_quit(&v);
    unlink(inputrc_path);
}

/* 1: an unbound key behind readline's own search longjmps into a dead frame. */
static void test_search_then_unbound(void **state)
{
    (void)state;
    /* Each of its searches is our overlay, whatever key asks for it. */
    static const char *const searches[] = {"\022", "\023", "\030n", "\030p", "\030/"};
    struct vt *search = open_with("\"\\C-xn\": non-incremental-forward-search-history\n"
                                  "\"\\C-xp\": non-incremental-reverse-search-history\n"
                                  "\"\\C-x/\": vi-search\n");
    for (size_t i = 0; i < N_OF(searches); i++) {
        vt_send(search, searches[i]);
        screen_wait(search, "history: ");
        vt_key(search, "<Esc>");
        vt_sync(search);
        assert_false(vt_has_text(search, "history: "));
    }
    assert_sane(search);
    static const char *const keys[] = {"\022\030\002", "\022\030\033", "\022\030\026",
                                       "\022\030e",    "\023\030e",    "\033p\030e",
                                       "\033n\030e",   "\022\003\033"};
    for (size_t i = 0; i < N_OF(keys); i++) {
        struct vt *v = open_with(NULL);
        vt_send(v, keys[i]);
        vt_sync(v);
        assert_sane(v);
    }
}

/* 2: vi mode, Esc, a numeric argument and a key that is not bound, in one burst. */
static void test_vi_argument_unbound(void **state)
{
    (void)state;
    static const char *const keys[] = {"\033[2v", "\033[3]", "\0332\033[3~", "\0339]", "\0333\007"};
    for (size_t i = 0; i < N_OF(keys); i++) {
        struct vt *v = open_with("set editing-mode vi\n");
        vt_send(v, "NOOP");
        vt_send(v, keys[i]);
        vt_sync(v);
        vt_send(v, "i");
        assert_sane(v);
    }
}

/* And a word motion over a C1 character, which takes no column, never ended. */
static void test_vi_word_motion(void **state)
{
    (void)state;
    static const char *const keys[] = {"\302\233\033b\026\030\033e", "a\302\233\0330eeewwwbbb",
                                       "a \314\201\0330eeeEEwwwWbbbB",
                                       "\342\200\213a\342\200\256\0330eeewwbb$x"};
    for (size_t i = 0; i < N_OF(keys); i++) {
        struct vt *v = open_with("set editing-mode vi\n");
        vt_send(v, keys[i]);
        vt_sync(v);
        assert_sane(v);
    }
}

/* 3: readline's bracketed paste loops on a getc that gives one octet. */
static void test_unfinished_paste(void **state)
{
    (void)state;
    struct vt *v = open_with("set enable-bracketed-paste on\n");
    vt_send(v, "\033[200~NOOP");
    vt_read(v, 20);
    vt_send(v, " x\033[201~");
    vt_sync(v);
    assert_string_equal(screen_input(v), "NOOP x");
    assert_sane(v);
    v = open_with(NULL);
    vt_send(v, "\033[200~never ended"); /* its time runs out */
    vt_wait_text(v, "never ended");     /* a key for the frame would be part of it */
    assert_sane(v);
}

/* 4: completion lists and their questions go past the hook where one candidate is left. */
static void test_completion(void **state)
{
    (void)state;
    struct vt *v = open_with("set completion-query-items 1\nset show-all-if-ambiguous on\n"
                             "set page-completions on\n");
    vt_send(v, "/se\t\t\t\t\t\t\t\t");
    vt_sync(v);
    assert_true(vt_has_text(v, "/send"));
    assert_false(vt_has_text(v, "possibilities"));
    vt_send(v, "\003NOO\t");
    assert_int_equal(strncmp(screen_input(v), "NOOP", 4), 0);
    vt_send(v, "\003/\033?\033*\033="); /* possible-completions, insert-completions */
    vt_sync(v);
    assert_false(vt_has_text(v, "possibilities"));
    assert_sane(v);
}

/* 5: clear-screen, clear-display, redraw-current-line on any key. */
static void test_clear_screen(void **state)
{
    (void)state;
    static const char text[] = "\"\\C-xc\": clear-screen\n\"\\C-xd\": clear-display\n"
                               "\"\\C-xr\": redraw-current-line\n\"\\C-t\": clear-screen\n";
    struct vt *v = open_with(text);
    vt_send(v, "typed");
    vt_send(v, "\030c\030d\030r\024\014");
    assert_string_equal(screen_input(v), "typed");
    assert_true(vt_has_text(v, "220 mx.example.test"));
    assert_sane(v);
}

/* 6: what readline says about an inputrc goes to standard error. */
static void test_broken_inputrc(void **state)
{
    (void)state;
    struct vt *v =
        open_with("set nonsense on\n$if\n$endif\n$endif\n\"\\C-x: broken\n\"x\": nothing-such\n"
                  "set bell-style audible\n");
    vt_send(v, "\007\177\177\033\177"); /* keys that ring the bell */
    vt_sync(v);
    assert_sane(v); /* screen_assert_clean there: no bell, no stray text between panes */
}

/* 7: characters of several octets, in searches, by one octet at a time. */
static void test_utf8_by_octets(void **state)
{
    (void)state;
    static const char text[] = "\303\251\342\202\254\360\235\204\236x";
    struct vt *v = open_with(NULL);
    for (const char *at = text; *at; at++) {
        vt_send_octets(v, at, 1);
        vt_sync(v);
    }
    assert_string_equal(screen_input(v), text);
    vt_send(v, "\001\035\342\202\254Z"); /* to the euro sign, by character-search */
    assert_string_equal(screen_input(v), "\303\251Z\342\202\254\360\235\204\236x");
    vt_send(v, "\003abc\303\251\022\303\251"); /* in the history overlay, too */
    vt_sync(v);
    assert_sane(v);
}

/* 8: macros, dumps, the tty's status, an editor: print, block or crash. */
static void test_macros_and_dumps(void **state)
{
    (void)state;
    static const char text[] =
        "\"\\C-xf\": dump-functions\n\"\\C-xv\": dump-variables\n\"\\C-xm\": dump-macros\n"
        "\"\\C-xt\": tty-status\n\"\\C-xi\": re-read-init-file\n"
        "\"\\C-xp\": print-last-kbd-macro\n\"\\C-xq\": operate-and-get-next\n"
        "\"\\C-xk\": \"NOOP macro\"\n\"\\C-xl\": \"\\C-xl\"\n";
    struct vt *v = open_with(text);
    vt_send(v, "\030f\030v\030m\030t\030i\030p\030q\030(ab\030)\030e\030e\030\005");
    vt_sync(v);
    vt_send(v, "\003\030k");
    vt_sync(v);
    assert_sane(v);
}

/* 9: the cursor stands where the text says, whatever its characters take. */
static void test_cursor_place(void **state)
{
    (void)state;
    static const struct {
        const char *typed;
        int cols;
    } cases[] = {{"abc", 3},           {"\346\274\242\345\255\227", 4}, {"e\314\201x", 2},
                 {"\026\001", 2},

                 {"\342\200\256x", 7}, {"abc\033[D\033[D", 1},          {"\346\274\242\033[D", 0}};
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct vt *v = open_with(NULL);
        int row, start, col;
        vt_sync(v);
        vt_cursor(v, &row, &start);
        vt_send(v, cases[i].typed);
        vt_sync(v);
        vt_cursor(v, &row, &col);
        if (col - start != cases[i].cols) {
            vt_print_screen(v);
            fail_msg("case %zu: the cursor went %d instead of %d columns", i, col - start,
                     cases[i].cols);
        }
        assert_sane(v);
    }
}

/* 10: the mode is shown by us, the mark is drawn by us. */
static void test_vi_mode_shown(void **state)
{
    (void)state;
    struct vt *v = open_with("set editing-mode vi\nset show-mode-in-prompt on\n");
    screen_wait(v, "vi-insert");
    vt_send(v, "NOOP one\033");
    screen_wait(v, "vi-command");
    vt_send(v, "0dwA two\033");
    screen_wait(v, "one two");
    vt_send(v, "u");
    screen_wait(v, "smtp> one");
    vt_send(v, "i");
    assert_sane(v);
}

/* 11: secrets stay out of the history; its file is the person's alone. */
static void test_history_file(void **state)
{
    (void)state;
    struct vt *v = open_with(NULL);
    screen_line(v, "NOOP kept");
    screen_line(v, "AUTH PLAIN AGFubgBzZWNyZXQ=");
    screen_wait(v, "50");
    screen_line(v, "PASS secret");
    char path[160], text[4096] = "";
    snprintf(path, sizeof path, "%s/.local/state/smtpscope/history", vt_home(v));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    size_t len = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[len] = '\0';
    assert_non_null(strstr(text, "NOOP kept"));
    assert_null(strstr(text, "AGFu"));
    assert_null(strstr(text, "secret"));
    vt_send(v, "\033[A\033[A"); /* nor in this run's */
    assert_null(strstr(screen_input(v), "AGFu"));
    assert_sane(v);
}

/* 12: bang paths are addresses. */
static void read_history(struct vt *v, const char *name, char *out, size_t out_octets)
{
    char path[160];
    snprintf(path, sizeof path, "%s/.local/state/smtpscope/%s", vt_home(v), name);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    size_t len = fread(out, 1, out_octets - 1, f);
    fclose(f);
    out[len] = '\0';
}

/* Each protocol has its own: what is a command in one is none in another. */
static void test_history_of_a_protocol(void **state)
{
    (void)state;
    char smtp[4096], imap[4096];
    struct vt *v = open_with(NULL);
    screen_line(v, "NOOP of-smtp");
    screen_wait(v, "250 2.0.0");
    screen_line(v, "/open imap://practice");
    screen_wait(v, "* OK [CAPABILITY");
    vt_sync(v);
    vt_send(v, "\033[A"); /* nothing of SMTP's is offered */
    assert_null(strstr(screen_input(v), "NOOP"));
    assert_null(strstr(screen_input(v), "/open"));
    screen_line(v, "ID NIL");
    screen_wait(v, "OK ID");
    screen_line(v, "LOGIN alice secret");
    screen_wait(v, "a2 LOGIN");
    vt_sync(v);
    read_history(v, "history", smtp, sizeof smtp);
    read_history(v, "history-imap", imap, sizeof imap);
    assert_non_null(strstr(smtp, "NOOP of-smtp"));
    assert_null(strstr(smtp, "ID NIL"));
    assert_non_null(strstr(imap, "ID NIL"));
    assert_null(strstr(imap, "of-smtp"));
    assert_null(strstr(imap, "secret"));
    assert_null(strstr(smtp, "secret"));
    assert_sane(v);
}

static void test_no_history_expansion(void **state)
{
    (void)state;
    struct vt *v = open_with("set history-expand on\n");
    screen_line(v, "NOOP first");
    screen_line(v, "NOOP relay!!host!user !$ !1");
    screen_wait(v, "NOOP relay!!host!user !$ !1");
    assert_sane(v);
}

/* 13: an edited line of the history points into the undo list of the line. When the history moved
 * meanwhile (Alt-a sends the last line again), that list was freed twice. */
static void test_undo_of_history_lines(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "\033#|\033<|,|\033<|\033a|x|\r|\033<|\003",        /* moved by Alt-a */
        "NOOP\r|\033[A|y|\033[A|z|\022|\r|\033[A|\003|a\r", /* a line taken from Ctrl-R */
        "NOOP\r|\033[A|y|\033[A|z|\003|\033[A|q|\037|\003",
        "NOOP 1\r|NOOP 2\r|\033[A|y|\033[A|z|\033[B|\r|\033[A|\033[A|q|\r|\003"};
    for (size_t i = 0; i < N_OF(keys); i++) {
        struct vt *v = open_with(NULL);
        for (const char *at = keys[i]; *at;) {
            size_t n = strcspn(at, "|");
            vt_send_octets(v, at, n);
            vt_sync(v);
            at += n + (at[n] == '|');
        }
        assert_sane(v);
    }
}

/* ---- pasting ---- */

static void test_paste_of_lines_asks(void **state)
{
    (void)state;
    struct vt *v = open_with(NULL);
    vt_paste(v, "NOOP one\r\nNOOP two\rNOOP three\n");
    screen_wait(v, "send 3 lines? y/n");
    assert_false(vt_has_text(v, "NOOP two"));
    vt_send(v, "n");
    screen_wait(v, "nothing of the paste was sent");
    vt_paste(v, "NOOP one\nNOOP two\nNOOP three");
    screen_wait(v, "send 3 lines? y/n");
    vt_send(v, "y");
    screen_wait(v, "NOOP three");
    assert_true(vt_has_text(v, "NOOP two"));
    vt_paste(v, "NOOP four\nNOOP five");
    screen_wait(v, "send 2 lines?");
    vt_send(v, "e");
    assert_string_equal(screen_input(v), "NOOP four");
    vt_send(v, "x\r");
    assert_string_equal(screen_input(v), "NOOP five");
    vt_key(v, "<C-c>");
    assert_null(strstr(screen_input(v), "NOOP"));
    assert_null(strstr(screen_input(v), "/open"));
    assert_true(vt_has_text(v, "NOOP fourx"));
    assert_sane(v);
}

static void test_paste_is_text(void **state)
{
    (void)state;
    struct vt *v = open_with(NULL);
    vt_send(v, "ab");
    vt_sync(v);
    vt_paste(v, "\033[31mred\001\005\007\010\025\302\233x\033]0;title\007");
    assert_string_equal(screen_input(v), "ab[31mredx]0;title");
    vt_send(v, "\037"); /* undo: the paste at once */
    assert_string_equal(screen_input(v), "ab");
    assert_sane(v);
}

static char *many(size_t n_octets)
{
    char *text = malloc(n_octets + 1);
    assert_non_null(text);
    memset(text, 'x', n_octets);
    text[n_octets] = '\0';
    return text;
}

static void test_long_line(void **state)
{
    (void)state;
    char *text = many(60000);
    struct vt *v = open_with(NULL);
    vt_paste(v, text);
    vt_sync(v);
    assert_non_null(strstr(screen_input(v), "xxxxxxxxxx"));
    double start_ms = screen_now_ms();
    for (int i = 0; i < 10; i++) {
        vt_send(v, "\033[D");
        vt_sync(v);
    }
    double each_ms = (screen_now_ms() - start_ms) / 10;
    print_message("a key in a line of 60,000 octets: %.1f ms\n", each_ms);
    assert_true(each_ms < (screen_is_slow_build() ? 2000 : 50));
    assert_sane(v);
    free(text);
}

/* Over the limit of a line: what fits is there, and it is said that the rest is not. */
static void test_paste_over_the_limit(void **state)
{
    (void)state;
    static const size_t sizes[] = {66000, 1 << 20, 3 << 20};
    for (size_t i = 0; i < N_OF(sizes); i++) {
        char *text = many(sizes[i]);
        struct vt *v = open_with(NULL);
        vt_paste(v, text);
        screen_wait(v, "full");
        assert_non_null(strstr(screen_input(v), "xxxxxxxxxx"));
        assert_sane(v);
        free(text);
    }
}

/* ---- Ctrl-C and Ctrl-D ---- */

static void test_interrupt_and_end(void **state)
{
    (void)state;
    struct vt *v = open_with(NULL);
    vt_send(v, "RCPT TO:<half");
    vt_key(v, "<C-c>");
    assert_null(strstr(screen_input(v), "NOOP"));
    assert_null(strstr(screen_input(v), "/open"));
    assert_false(vt_has_text(v, "RCPT TO:<half")); /* it went nowhere */
    vt_key(v, "<C-c>");
    screen_wait(v, "nothing runs");
    vt_send(v, "abc\001");
    vt_key(v, "<C-d>"); /* in a line: the character under the cursor */
    assert_string_equal(screen_input(v), "bc");
    vt_key(v, "<C-d><C-d>");
    assert_null(strstr(screen_input(v), "NOOP"));
    assert_null(strstr(screen_input(v), "/open"));
    vt_key(v, "<C-d>");
    screen_wait(v, "Leave the program?");
    vt_send(v, "n");
    vt_send(v, "\003\030\003"); /* inside a key sequence */
    vt_sync(v);
    assert_sane(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search_then_unbound),
        cmocka_unit_test(test_vi_argument_unbound),
        cmocka_unit_test(test_vi_word_motion),
        cmocka_unit_test(test_unfinished_paste),
        cmocka_unit_test(test_completion),
        cmocka_unit_test(test_clear_screen),
        cmocka_unit_test(test_broken_inputrc),
        cmocka_unit_test(test_utf8_by_octets),
        cmocka_unit_test(test_macros_and_dumps),
        cmocka_unit_test(test_cursor_place),
        cmocka_unit_test(test_vi_mode_shown),
        cmocka_unit_test(test_history_file),
        cmocka_unit_test(test_history_of_a_protocol),
        cmocka_unit_test(test_no_history_expansion),
        cmocka_unit_test(test_undo_of_history_lines),
        cmocka_unit_test(test_paste_of_lines_asks),
        cmocka_unit_test(test_paste_is_text),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_paste_over_the_limit),
        cmocka_unit_test(test_interrupt_and_end),
    };
    return cmocka_run_group_tests_name("readline", tests, NULL, NULL);
}
