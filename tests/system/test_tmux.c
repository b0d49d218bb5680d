/* A second terminal that is not ours: the same views, reached by the same keys, look in tmux as
 * they do in the emulator of the screen tests, character for character and colour for colour. tmux
 * also stands in for other terminals: what the program writes for TERM=linux, xterm or vt100 must
 * mean the same to it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../lib/peers.h"
#include "../lib/screen.h"

enum { ARGS_MAX = 20, PATIENCE_MS = 10000 };

static char dir[] = "/tmp/screen-tmux-XXXXXX";
static char socket_path[64], home_env[64];

/* One tmux command in the test's own server; what it printed. The caller frees. */
static char *tmux(const char *const *args)
{
    const char *argv[ARGS_MAX + 5] = {peer_path("tmux"), "-u", "-S", socket_path};
    static const char *const env[] = {"LC_ALL=C.UTF-8", "TERM=xterm-256color", NULL};
    const char *all[16] = {env[0], env[1], home_env};
    size_t n = 3;
    for (const char *const *e = peer_env(); e && *e && n < 15; e++)
        all[n++] = *e;
    for (size_t i = 0; args[i] && i < ARGS_MAX; i++)
        argv[i + 4] = args[i];
    struct proc *p = proc_run(argv, all, NULL, 0);
    if (p->status != 0)
        fail_msg("tmux %s: status %d: %s", args[0], p->status, p->err_text.ptr);
    char *out = strndup(p->out_text.ptr, p->out_text.len);
    proc_free(&p);
    assert_non_null(out);
    return out;
}

static void tmux_do(const char *const *args)
{
    free(tmux(args));
}

static int setup(void **state)
{
    (void)state;
    if (!peer_path("tmux"))
        return 0;
    if (!mkdtemp(dir))
        return -1;
    snprintf(socket_path, sizeof socket_path, "%s/tmux", dir);
    snprintf(home_env, sizeof home_env, "HOME=%s", dir);
    static const char *const start[] = {"-f", "/dev/null", "new-session", "-d",
                                        "-s", "base",      "cat",         NULL};
    tmux_do(start);
    static const char *const options[][6] = {{"set", "-g", "status", "off", NULL},
                                             {"set", "-s", "escape-time", "0", NULL},
                                             {"set", "-g", "remain-on-exit", "on", NULL}};
    for (size_t i = 0; i < N_OF(options); i++)
        tmux_do(options[i]);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    static const char *const kill[] = {"kill-server", NULL};
    if (!peer_path("tmux"))
        return 0;
    tmux_do(kill);
    char command[80];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return strncmp(dir, "/tmp/screen-tmux-", 17) == 0 ? system(command) : 0;
}

/* The program in a window of its own at that size. */
static void tmux_open(const char *term, int rows, int cols)
{
    char command[1200], width[12], height[12];
    snprintf(width, sizeof width, "%d", cols);
    snprintf(height, sizeof height, "%d", rows);
    snprintf(command, sizeof command,
             "exec env -i TERM=%s HOME=%s LC_ALL=C.UTF-8 INPUTRC=/dev/null TZ=UTC EDITOR=true "
             "%s " SCREEN_CLOCK " %s show " SCREEN_FIXTURE,
             term, dir, "SMTPSCOPE_TEST_SYNC=1", screen_program());
    const char *const args[] = {"new-session", "-d",   "-s", "view", "-x",    width,
                                "-y",          height, "sh", "-c",   command, NULL};
    tmux_do(args);
}

static void tmux_close(void)
{
    static const char *const args[] = {"kill-session", "-t", "view", NULL};
    tmux_do(args);
}

static void tmux_send(const char *octets, size_t len)
{
    const char *args[ARGS_MAX] = {"send-keys", "-t", "view", "-H"};
    char hex[ARGS_MAX][3];
    for (size_t at = 0; at < len;) {
        size_t n = 0;
        for (; n + 5 < ARGS_MAX && at < len; n++, at++) {
            snprintf(hex[n], sizeof hex[n], "%02x", (unsigned char)octets[at]);
            args[4 + n] = hex[n];
        }
        args[4 + n] = NULL;
        tmux_do(args);
    }
}

/* What tmux has on its screen, with its colours, on a terminal of the test's own. */
static struct vt *captured(int rows, int cols)
{
    static const char *const args[] = {"capture-pane", "-t", "view", "-p", "-e", "-N", NULL};
    char path[80], *text = tmux(args);
    size_t len = strlen(text);
    if (len > 0 && text[len - 1] == '\n')
        len--; /* or the first row would scroll away */
    snprintf(path, sizeof path, "%s/capture", dir);
    proc_write_file(path, text, len);
    free(text);
    const char *const argv[] = {"/bin/cat", path, NULL};
    struct vt *v = vt_spawn(argv, rows, cols, "xterm-256color", NULL);
    assert_int_equal(vt_wait_exit(v), 0);
    return v;
}

/* -1: the same; else the row that differs. Where a row was erased up to its end, in whatever
 * colour, tmux has nothing to capture: blanks behind the last character are not looked at. */
static int difference(struct vt *a, struct vt *b, int rows)
{
    for (int row = 0; row < rows; row++) {
        int cols = vt_row_cols(a, row);
        char text[4096], mine[VT_STYLE_OCTETS], theirs[VT_STYLE_OCTETS];
        snprintf(text, sizeof text, "%s", vt_row(a, row));
        if (strcmp(text, vt_row(b, row)) != 0)
            return row;
        for (int col = 0; col < cols; col++) {
            vt_style(a, row, col, mine);
            vt_style(b, row, col, theirs);
            if (strcmp(mine, theirs) != 0)
                return row;
        }
    }
    return -1;
}

static void assert_same(struct vt *v, const char *term, const char *what, int rows, int cols)
{
    double end_ms = screen_now_ms() + PATIENCE_MS;
    for (;;) {
        struct vt *shown = captured(rows, cols);
        int row = difference(v, shown, rows);
        if (row >= 0 && screen_now_ms() > end_ms) {
            char mine[VT_STYLE_OCTETS], theirs[VT_STYLE_OCTETS];
            vt_print_screen(v);
            vt_print_screen(shown);
            for (int col = 0; col < vt_row_cols(v, row); col++) {
                vt_style(v, row, col, mine);
                vt_style(shown, row, col, theirs);
                if (strcmp(mine, theirs) != 0)
                    print_message("row %d column %d: %s, in tmux %s\n", row, col, mine, theirs);
            }
            fail_msg("TERM=%s, %s: row %d is another one in tmux", term, what, row);
        }
        vt_free(&shown);
        if (row < 0)
            return;
    }
}

struct view {
    const char *name, *keys, *octets; /* the same keys by name, and as they come */
};
static const struct view views[] = {
    {"a refusal", "<A-e>", "\033e"},
    {"help", "<F1>", "\033OP"},
    {"the ladder", "<F2>", "\033OQ"},
    {"a filter", "<F4>code=550", "\033OScode=550"},
    {"a search", "<F3>bob", "\033ORbob"},
    {"octets", "<C-Home><A-n><A-x>", "\033[1;5H\033n\033x"},
    {"completion", "/find<Tab><Tab>", "/find\t\t"},
    {"the palette", "<A-:>fo", "\033:fo"},
};

static void visit(const char *term, int rows, int cols, const struct view *view)
{
    static const char *const args[] = {"show", SCREEN_FIXTURE, NULL};
    char term_env[64];
    const char *const env[] = {SCREEN_CLOCK, term_env, NULL};
    snprintf(term_env, sizeof term_env, "TERM=%s", term);
    struct vt *v = screen_open(rows, cols, env, args);
    tmux_open(term, rows, cols);
    assert_same(v, term, "the first frame", rows, cols);
    vt_key(v, view->keys);
    vt_sync(v);
    tmux_send(view->octets, strlen(view->octets));
    assert_same(v, term, view->name, rows, cols);
    tmux_close();
    screen_quit(&v);
}

static void test_views(void **state)
{
    static const struct {
        int rows, cols;
    } sizes[] = {{24, 80}, {40, 120}, {60, 200}};
    (void)state;
    peer_need("tmux");
    for (size_t i = 0; i < N_OF(views); i++)
        visit("tmux-256color", sizes[i % 3].rows, sizes[i % 3].cols, &views[i]);
}

static void test_terminals(void **state)
{
    static const char *const terms[] = {"screen-256color", "screen", "xterm-256color",
                                        "xterm",           "linux",  "vt100"};
    (void)state;
    peer_need("tmux");
    for (size_t i = 0; i < N_OF(terms); i++)
        visit(terms[i], 24, 80, &views[i % 3]);
}

/* A new size reaches it through tmux, too, and it leaves tmux's screen as it was. (tmux does not
 * always learn the status of what ended.) */
static void test_resize_and_leave(void **state)
{
    static const char *const args[] = {"show", SCREEN_FIXTURE, NULL};
    static const char *const env[] = {SCREEN_CLOCK, "TERM=tmux-256color", NULL};
    static const char *const smaller[] = {"resize-window", "-t", "view", "-x",
                                          "100",           "-y", "30",   NULL};
    static const char *const alternate[] = {
        "display-message", "-p", "-t", "view", "#{alternate_on} #{pane_dead}", NULL};
    (void)state;
    peer_need("tmux");
    struct vt *v = screen_open(24, 80, env, args);
    tmux_open("tmux-256color", 24, 80);
    assert_same(v, "tmux-256color", "the first frame", 24, 80);
    vt_resize(v, 30, 100);
    vt_sync(v);
    vt_sync(v);
    tmux_do(smaller);
    assert_same(v, "tmux-256color", "another size", 30, 100);
    screen_quit(&v);
    tmux_send("/quit\r", 6);
    double end_ms = screen_now_ms() + PATIENCE_MS;
    char *said = tmux(alternate);
    while (strcmp(said, "0 1\n") != 0 && screen_now_ms() < end_ms) {
        free(said);
        said = tmux(alternate);
    }
    assert_string_equal(said, "0 1\n");
    free(said);
    tmux_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_terminals),
        cmocka_unit_test(test_resize_and_leave),
    };
    return cmocka_run_group_tests_name("tmux", tests, setup, teardown);
}
