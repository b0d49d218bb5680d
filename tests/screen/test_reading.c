/* Reading a transcript by keys: filter, folds, search, marks, time, wrapped lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../lib/screen.h"

static struct vt *show(int rows, int cols)
{
    static const char *const env[] = {SCREEN_CLOCK, NULL};
    static const char *const args[] = {"show", SCREEN_FIXTURE, NULL};
    return screen_open(rows, cols, env, args);
}

static void press(struct vt *v, const char *keys)
{
    vt_key(v, keys);
    vt_sync(v);
}

static void test_filter(void **state)
{
    (void)state;
    struct vt *v = show(24, 80);
    press(v, "<F4>dir=S code>=400");
    assert_true(vt_has_text(v, "550 5.1.1"));
    assert_true(vt_has_text(v, "500 5.5.2"));
    assert_false(vt_has_text(v, "221 2.0.0 mx"));
    assert_true(vt_has_text(v, "68 hidden"));
    /* What does not read is said, and the filter stays as it was. */
    press(v, " (");
    assert_true(vt_has_text(v, "column"));
    assert_true(vt_has_text(v, "68 hidden"));
    press(v, "<Enter>");
    assert_true(vt_has_text(v, "filter: dir=S code>=400 ("));
    press(v, "<Backspace><Backspace><Enter>");
    assert_true(vt_has_text(v, " filter: dir=S code>=400 "));
    press(v, "g");
    assert_true(vt_has_text(v, ">  0.115"));
    press(v, "j");
    assert_true(vt_has_text(v, ">  0.237"));
    press(v, "j");
    assert_true(vt_has_text(v, ">  0.237"));
    press(v, "k");
    assert_true(vt_has_text(v, ">  0.115"));
    /* A hit that the filter hides is said, not shown. */
    screen_line(v, "i/find Greeting");
    assert_true(vt_has_text(v, "not found"));
    screen_line(v, "/find practice server");
    assert_true(vt_has_text(v, "hidden by the filter"));
    screen_line(v, "/filter text~nothing-like-that");
    assert_true(vt_has_text(v, "No line matches"));
    screen_line(v, "/filter off");
    assert_false(vt_has_text(v, "hidden"));
    assert_true(vt_has_text(v, "221 2.0.0 mx"));
    /* Esc undoes what was typed, and so does what takes its place. */
    press(v, "<F4>code=550");
    assert_true(vt_has_text(v, "hidden"));
    press(v, "<Esc>");
    assert_false(vt_has_text(v, "hidden"));
    press(v, "<F4>code=550<F2>");
    press(v, "<Esc>");
    assert_false(vt_has_text(v, "hidden"));
    screen_quit(&v);
}

static void half_a_line(int fd, void *ctx)
{
    char line[80];
    (void)ctx;
    screen_put(fd, "220 ready\r\n", 11);
    screen_get_line(fd, line, sizeof line);
    screen_put(fd, "250 half of a line", 18);
    screen_get_line(fd, line, sizeof line);
    screen_put(fd, ", whole\r\n", 9);
    screen_get_line(fd, line, sizeof line);
}

/* What has no end yet is judged by what is there of it; then by what it turned out to be. */
static void test_filter_of_what_is_not_read(void **state)
{
    (void)state;
    struct screen_server s;
    screen_server_start(&s, half_a_line, NULL);
    const char *const args[] = {s.target, NULL};
    struct vt *v = screen_open(24, 80, NULL, args);
    screen_wait(v, "220 ready");
    screen_line(v, "NOOP");
    screen_wait(v, "250 half of a line");
    screen_line(v, "/filter text~half");
    assert_true(vt_has_text(v, "S  250 half of a line"));
    assert_false(vt_has_text(v, "S  220 ready"));
    screen_line(v, "/filter code=250");
    assert_false(vt_has_text(v, "S  250 half of a line"));
    screen_line(v, "NOOP");
    screen_wait(v, "S  250 half of a line, whole");
    screen_line(v, "/filter !code=250 dir=S");
    assert_false(vt_has_text(v, "S  250 half"));
    assert_true(vt_has_text(v, "S  220 ready"));
    screen_quit(&v);
    screen_server_stop(&s);
}

static void test_folds(void **state)
{
    (void)state;
    struct vt *v = show(24, 80);
    press(v, "<Esc>");
    press(v, "g");
    assert_true(vt_has_text(v, "▸ 250- 7 capabilities: PIPELINING SIZE STARTTLS"));
    assert_true(vt_has_text(v, "▸ 250- 7 capabilities: +AUTH SCRAM-SHA-256"));
    assert_true(vt_has_text(v, "▸ TLSv1.3 AES_256_GCM_SHA384 x25519, cert ok"));
    press(v, "jjjj<Enter>");
    assert_true(vt_has_text(v, "250-PIPELINING"));
    press(v, "z");
    assert_false(vt_has_text(v, "250-PIPELINING"));
    press(v, "jjj<Enter>");
    assert_true(vt_has_text(v, "client: ClientHello"));
    screen_line(v, "i/fold none");
    screen_line(v, "/goto 1");
    assert_true(vt_has_text(v, "250-ENHANCEDSTATUSCODES"));
    screen_line(v, "/fold all");
    assert_false(vt_has_text(v, "250-ENHANCEDSTATUSCODES"));
    assert_false(vt_has_text(v, "ClientHello"));
    screen_quit(&v);
}

static void test_find(void **state)
{
    (void)state;
    struct vt *v = show(24, 80);
    /* Folded text is found, and unfolded. */
    screen_line(v, "/find smtputf8");
    assert_true(vt_has_text(v, "250-SMTPUTF8"));
    assert_true(vt_has_text(v, "hit "));
    screen_line(v, "/find SMTPutf8");
    assert_true(vt_has_text(v, "not found: SMTPutf8"));
    screen_line(v, "/find /^250 2[.]1[.]5/");
    assert_true(vt_has_text(v, "hit 2 of 2"));
    press(v, "<Esc>");
    press(v, "n");
    assert_true(vt_has_text(v, "hit 1 of 2"));
    press(v, "N");
    assert_true(vt_has_text(v, "hit 2 of 2"));
    press(v, "<F3>/(/");
    assert_true(vt_has_text(v, "! "));
    press(v, "<Esc>");
    screen_quit(&v);
}

static void test_jumps(void **state)
{
    (void)state;
    struct vt *v = show(24, 80);
    press(v, "<Esc>");
    press(v, "g}");
    assert_true(vt_has_text(v, ">  0.012 C→  EHLO"));
    press(v, "e");
    assert_true(vt_has_text(v, ">  0.115"));
    press(v, "d");
    assert_true(vt_has_text(v, ">  0.225"));
    press(v, "E");
    assert_true(vt_has_text(v, ">  0.115"));
    screen_quit(&v);
}

static void test_columns(void **state)
{
    (void)state;
    struct vt *v = show(24, 80);
    screen_line(v, "/time delta");
    assert_true(vt_has_text(v, "+0.0"));
    screen_line(v, "/line-ends on");
    assert_true(vt_has_text(v, "QUIT␍␊"));
    screen_line(v, "/line-ends off");
    screen_line(v, "/time relative");
    assert_false(vt_has_text(v, "(RFC 5321 section 4.1.1)"));
    screen_line(v, "/wrap on");
    screen_line(v, "/goto 66");
    screen_line(v, "/find FROB");
    assert_true(vt_has_text(v, "(RFC"));
    assert_true(vt_has_text(v, "             5321 section 4.1.1)"));
    screen_quit(&v);
}

static void test_ladder(void **state)
{
    (void)state;
    char line[200];
    struct vt *v = show(24, 80);
    press(v, "<F2>");
    assert_true(vt_has_text(v, "Ladder  #1"));
    assert_true(vt_has_text(v, "══ DATA ══"));
    assert_true(vt_has_text(v, "slowest step: 27 ms"));
    press(v, "g");
    assert_true(vt_has_text(v, "── EHLO client.example.net ──"));
    assert_true(vt_has_text(v, "╠══ TLSv1.3"));
    press(v, " jjj");
    assert_true(vt_has_text(v, "between * and here: 12 ms"));
    press(v, "<Enter>");
    assert_false(vt_has_text(v, "Ladder  #1"));
    assert_true(vt_has_text(v, ">  0.012 C→  EHLO"));
    snprintf(line, sizeof line, "i/ladder export %s/ladder.txt", vt_home(v));
    screen_line(v, line);
    assert_true(vt_has_text(v, "ladder written to"));
    /* No file is overwritten. */
    screen_line(v, line + 1);
    assert_true(vt_has_text(v, "cannot write"));
    screen_quit(&v);
}

static void test_palette(void **state)
{
    (void)state;
    struct vt *v = show(24, 80);
    press(v, "<A-:>");
    assert_true(vt_has_text(v, "Commands"));
    press(v, "lddr");
    assert_true(vt_has_text(v, "only: lddr"));
    press(v, "<Enter>");
    assert_true(vt_has_text(v, "Ladder  #1"));
    press(v, "q");
    press(v, "<A-:>expo<Tab>");
    assert_string_equal(screen_input(v), "/export");
    press(v, "<C-c>");
    press(v, "<A-:>zzzz");
    assert_true(vt_has_text(v, "no command has these letters"));
    press(v, "<Esc>");
    screen_quit(&v);
}

static void test_help_runs(void **state)
{
    (void)state;
    struct vt *v = show(24, 80);
    press(v, "<Esc>");
    press(v, "?");
    assert_true(vt_has_text(v, "Keys: transcript"));
    press(v, "sequence");
    press(v, "<Enter>");
    assert_true(vt_has_text(v, "Ladder  #1"));
    press(v, "q");
    screen_quit(&v);
}

static void test_bind(void **state)
{
    (void)state;
    static const char *const env[] = {SCREEN_CLOCK, NULL};
    static const char *const args[] = {"show",        "--bind", "F7 ladder",        "--bind",
                                       "F2 time off", "--bind", "transcript:j off", SCREEN_FIXTURE,
                                       NULL};
    struct vt *v = screen_open(24, 80, env, args);
    press(v, "<F7>");
    assert_true(vt_has_text(v, "Ladder  #1"));
    press(v, "q");
    press(v, "<F2>");
    assert_true(vt_has_text(v, "time column: off"));
    screen_line(v, "/bind Alt-k time absolute");
    press(v, "<A-k>");
    assert_true(vt_has_text(v, "time column: absolute"));
    screen_line(v, "/bind Hyper-k time");
    assert_true(vt_has_text(v, "no key is called Hyper-k"));
    press(v, "<F1>as you");
    assert_true(vt_has_text(v, "F7"));
    assert_true(vt_has_text(v, "Alt-k"));
    press(v, "<Esc>");
    screen_quit(&v);
}

static void test_layouts(void **state)
{
    (void)state;
    struct vt *v = show(60, 200);
    assert_true(vt_has_text(v, " Connections "));
    assert_true(vt_has_text(v, "ann → bob"));
    assert_true(vt_has_text(v, "cipher      TLS_AES_256_GCM_SHA384"));
    screen_line(v, "/split 40");
    vt_resize(v, 24, 80);
    screen_line(v, "/layout big");
    press(v, "<A-e>");
    assert_true(vt_has_text(v, "Check the spelling"));
    screen_line(v, "/tab timing");
    assert_true(vt_has_text(v, "[Timing]"));
    screen_line(v, "/layout auto");
    assert_true(vt_has_text(v, "[Timing]"));
    assert_true(vt_has_text(v, "QUIT       221"));
    screen_quit(&v);
}

/* The size of the panes is kept for the next time. */
static void test_splits_kept(void **state)
{
    (void)state;
    char home[200];
    snprintf(home, sizeof home, "XDG_STATE_HOME=/tmp/screen-splits-%d", (int)getpid());
    const char *const env[] = {SCREEN_CLOCK, home, NULL};
    static const char *const args[] = {"show", SCREEN_FIXTURE, NULL};
    char before[400], after[400];
    struct vt *v = screen_open(40, 120, env, args);
    screen_line(v, "/split 40");
    snprintf(before, sizeof before, "%s", vt_row(v, 1));
    screen_quit(&v);
    v = screen_open(40, 120, env, args);
    snprintf(after, sizeof after, "%s", vt_row(v, 1));
    assert_string_equal(after, before);
    screen_line(v, "/split reset");
    assert_string_not_equal(vt_row(v, 1), before);
    screen_quit(&v);
}

static void test_mouse(void **state)
{
    (void)state;
    static const char *const env[] = {SCREEN_CLOCK, NULL};
    static const char *const args[] = {"show", "--mouse", SCREEN_FIXTURE, NULL};
    struct vt *v = screen_open(40, 120, env, args);
    vt_mouse(v, 0, 4, 39); /* F2 stands behind F1 Help */
    vt_mouse(v, 0, 12, 38);
    vt_sync(v);
    assert_true(vt_has_text(v, "Ladder  #1"));
    press(v, "q");
    vt_mouse(v, 0, 86, 1);
    vt_sync(v);
    assert_true(vt_has_text(v, "[Envelope]"));
    vt_mouse(v, 64, 10, 10);
    vt_sync(v);
    assert_false(vt_has_text(v, "FOLLOW"));
    /* The border is dragged: pressed, moved, released. */
    vt_mouse(v, 0, 74, 10);
    vt_mouse(v, 32, 60, 10);
    vt_sync(v);
    assert_true(strstr(vt_row(v, 1), "┬") - vt_row(v, 1) < 160);
    screen_quit(&v);
}

static void test_copy(void **state)
{
    (void)state;
    char line[200];
    size_t len;
    struct vt *v = show(24, 80);
    press(v, "<Esc>");
    press(v, "g");
    press(v, "}y");
    assert_true(vt_has_text(v, "1 line copied to the clipboard"));
    /* "EHLO client.example.net" and a line feed */
    static const char sequence[] = "\033]52;c;RUhMTyBjbGllbnQuZXhhbXBsZS5uZXQK\a";
    const unsigned char *raw = vt_raw(v, &len);
    assert_non_null(memmem(raw, len, sequence, sizeof sequence - 1));
    snprintf(line, sizeof line, "i/copy shown %s/copied.txt", vt_home(v));
    screen_line(v, line);
    assert_true(vt_has_text(v, "70 lines copied to"));
    screen_line(v, line + 1);
    assert_true(vt_has_text(v, "cannot write"));
    screen_quit(&v);
}

static void test_compose(void **state)
{
    (void)state;
    static const char *const env[] = {"VISUAL=sed -i s/^Subject:.*/Subject:edited/", NULL};
    struct vt *v = screen_practice(24, 80, env);
    screen_line(v, "/compose");
    screen_wait(v, "is kept in");
    assert_non_null(strstr(screen_input(v), "/send "));
    assert_non_null(strstr(screen_input(v), "draft.eml"));
    press(v, "<C-c>");
    /* After DATA its lines go out as the message. */
    screen_line(v, "EHLO client.example.net");
    screen_line(v, "MAIL FROM:<ann@example.net>");
    screen_line(v, "RCPT TO:<bob@example.test>");
    screen_line(v, "DATA");
    screen_wait(v, "354 ");
    screen_line(v, "/compose");
    screen_wait(v, "of the message? y/n/e");
    press(v, "y");
    screen_wait(v, "Subject:edited");
    screen_line(v, ".");
    screen_wait(v, "kept as");
    /* The line being typed: more lines than one are asked about. */
    vt_send(v, "NOOP");
    press(v, "<C-o>");
    screen_wait(v, "smtp> NOOP");
    screen_quit(&v);
}

static void test_editor_that_fails(void **state)
{
    (void)state;
    static const char *const env[] = {"VISUAL=/nonexistent/editor", NULL};
    struct vt *v = screen_practice(24, 80, env);
    screen_line(v, "/compose");
    screen_wait(v, "the editor ended with an error");
    screen_quit(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filter),    cmocka_unit_test(test_filter_of_what_is_not_read),
        cmocka_unit_test(test_folds),     cmocka_unit_test(test_find),
        cmocka_unit_test(test_jumps),     cmocka_unit_test(test_columns),
        cmocka_unit_test(test_ladder),    cmocka_unit_test(test_palette),
        cmocka_unit_test(test_help_runs), cmocka_unit_test(test_bind),
        cmocka_unit_test(test_layouts),   cmocka_unit_test(test_splits_kept),
        cmocka_unit_test(test_mouse),     cmocka_unit_test(test_copy),
        cmocka_unit_test(test_compose),   cmocka_unit_test(test_editor_that_fails),
    };
    return cmocka_run_group_tests_name("reading", tests, NULL, NULL);
}
