/* The console without a screen: one event a line, a prompt, no cursor addressing. For TERM=dumb,
 * screen readers,
 * --linear.
 */
#include <errno.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/linear.h"
#include "decode/transcript.h"

enum { LINEAR_LINE_MAX_OCTETS = 1 << 20 }; /* limit "typed-line" */

struct linear {
    struct app *app;
    struct linear_print *print;
    struct loop_watch *watch;
    struct buf line;
    bool over;
    bool prompt_shown;
    /* a question of the console's, answered by the next line */
    void (*answer)(void *ctx, const char *text);
    void *answer_ctx;
    struct termios before;
    bool echo_off;
};

static void echo(struct linear *l, bool on)
{
    struct termios t;
    if (tcgetattr(STDIN_FILENO, &t) != 0)
        return;
    if (!on) {
        l->before = t;
        t.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &t);
    } else if (l->echo_off) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &l->before);
        fputc('\n', stdout);
    }
    l->echo_off = !on;
}

static void ask(void *ctx, const char *prompt, bool secret, void (*answer)(void *, const char *),
                void *answer_ctx)
{
    struct linear *l = ctx;
    printf("%s", prompt);
    fflush(stdout);
    if (secret)
        echo(l, false);
    l->answer = answer;
    l->answer_ctx = answer_ctx;
}

static void page(void *ctx, const char *title, struct slice text)
{
    (void)ctx;
    printf("%s\n", title);
    fwrite(text.ptr, 1, text.len, stdout);
    if (text.len && text.ptr[text.len - 1] != '\n')
        fputc('\n', stdout);
}

static void quit(void *ctx)
{
    struct linear *l = ctx;
    l->over = true;
}

/* "/show 3": an exchange; with a name the console's /show speaks of settings. */
static bool take_show(struct linear *l, struct slice line)
{
    uint64_t number;
    struct slice rest = slice_trim(line), word = slice_next_word(&rest);
    if (!slice_eq(word, SLICE_LIT("/show")) || !slice_to_u64(slice_trim(rest), UINT64_MAX, &number))
        return false;
    linear_print_show(l->print, number);
    return true;
}

static void take_line(struct linear *l, struct slice line)
{
    l->prompt_shown = false;
    if (l->answer) {
        void (*answer)(void *, const char *) = l->answer;
        char *text = mem_slice_dup(line);
        l->answer = NULL;
        echo(l, true);
        answer(l->answer_ctx, text);
        mem_wipe(text, strlen(text));
        mem_free(text);
        return;
    }
    if (!take_show(l, line))
        console_submit(l->app->console, line, "keys", NULL);
}

static void readable(void *ctx, unsigned ready)
{
    (void)ready;
    struct linear *l = ctx;
    char piece[4096];
    ssize_t n = read(STDIN_FILENO, piece, sizeof piece);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0 || !buf_append(&l->line, slice_of(piece, (size_t)n))) {
        l->over = true;
        return;
    }
    ptrdiff_t end;
    while ((end = slice_find_octet(buf_slice(&l->line), '\n')) >= 0) {
        take_line(l, slice_take(buf_slice(&l->line), (size_t)end));
        buf_consume(&l->line, (size_t)end + 1);
    }
}

/* After what happened has been printed, the prompt stands last. */
static void turn_end(void *ctx)
{
    struct linear *l = ctx;
    if (l->prompt_shown || l->answer)
        return;
    fputs(console_prompt(l->app->console), stdout);
    fflush(stdout);
    l->prompt_shown = true;
}

static bool done(void *ctx)
{
    const struct linear *l = ctx;
    return l->over || l->app->ended_by || console_wants_quit(l->app->console);
}

void cli_linear(struct app *a)
{
    struct linear l = {.app = a};
    const struct console_ui ui = {.ask = ask, .page = page, .quit = quit};
    buf_init(&l.line, LINEAR_LINE_MAX_OCTETS);
    console_set_ui(a->console, &ui, &l);
    l.print = linear_print_new(a, &l.prompt_shown);
    a->print_line = linear_print_line;
    a->print_done = linear_print_done;
    a->print_ctx = l.print;
    app_print_transcript(a, stdout, true);
    loop_add_turn_end(a->loop, turn_end, &l);
    app_watch_signals(a);
    l.watch = loop_watch_new(a->loop, STDIN_FILENO, LOOP_READABLE, readable, &l);
    if (l.watch)
        loop_run_until(a->loop, done, &l);
    loop_watch_free(&l.watch);
    loop_remove_turn_end(a->loop, turn_end, &l);
    console_set_ui(a->console, NULL, NULL);
    linear_print_forget_prompt(l.print);
    echo(&l, true);
    buf_deinit(&l.line);
}
