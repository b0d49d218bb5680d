/* Asking for a password where there is no screen but somebody at a terminal: on /dev/tty, without
 * echo. */
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/ask.h"

enum { ANSWER_MAX_OCTETS = 16384 };

struct ask {
    void (*answer)(void *ctx, const char *text);
    void *answer_ctx;
    char *text; /* NULL: refused */
};

/* Delivered from the loop, so that whoever asked is not called from inside its own question. */
static void deliver(void *ctx)
{
    struct ask *a = ctx;
    a->answer(a->answer_ctx, a->text);
    if (a->text)
        mem_wipe(a->text, strlen(a->text));
    mem_free(a->text);
    mem_free(a);
}

static char *read_answer(int fd, bool secret)
{
    struct termios before, silent;
    bool changed = secret && tcgetattr(fd, &before) == 0;
    char line[ANSWER_MAX_OCTETS];
    ssize_t n;
    if (changed) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(fd, TCSAFLUSH, &silent);
    }
    n = read(fd, line, sizeof line);
    if (changed) {
        tcsetattr(fd, TCSAFLUSH, &before);
        if (write(fd, "\n", 1) < 0)
            n = -1;
    }
    char *text = NULL;
    if (n > 0 && line[n - 1] == '\n')
        text = mem_slice_dup(slice_of(line, (size_t)n - 1));
    mem_wipe(line, sizeof line);
    return text;
}

static void ask(void *ctx, const char *prompt, bool secret, void (*answer)(void *, const char *),
                void *answer_ctx)
{
    struct app *app = ctx;
    struct ask *a = mem_zalloc(sizeof *a);
    a->answer = answer;
    a->answer_ctx = answer_ctx;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0) {
        if (write(fd, prompt, strlen(prompt)) > 0)
            a->text = read_answer(fd, secret);
        close(fd);
    }
    loop_defer(app->loop, deliver, a);
}

void cli_ask_at_terminal(struct app *a)
{
    static const struct console_ui ui = {.ask = ask};
    console_set_ui(a->console, &ui, a);
}
