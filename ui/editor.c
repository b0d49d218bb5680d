/* The person's editor in the person's terminal: for a message (/compose) and for the line being
 * typed (Ctrl-o). The program goes on while it runs: the network is served, events come in, only
 * nothing is drawn. The editor is started by execvp, never through a shell.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ui_private.h"

enum { EDITOR_WORDS_MAX = 16, EDITED_MAX_OCTETS = 1 << 26 };

/* ---- the process ---- */

/* "code -w": words at blanks, nothing else has a meaning. words_out point into text. */
static size_t split_words(char *text, char **words_out, size_t max)
{
    size_t n = 0;
    for (char *at = text; *at && n < max;) {
        at += strspn(at, " \t");
        if (!*at)
            break;
        words_out[n++] = at;
        at += strcspn(at, " \t");
        if (*at)
            *at++ = '\0';
    }
    return n;
}

static void run_child(const char *editor, const char *path)
{
    char text[400];
    char *words[EDITOR_WORDS_MAX + 2];
    snprintf(text, sizeof text, "%s", editor);
    size_t n = split_words(text, words, EDITOR_WORDS_MAX);
    char file[400];
    snprintf(file, sizeof file, "%s", path);
    words[n] = file;
    words[n + 1] = NULL;
    static const int defaults[] = {SIGINT, SIGQUIT, SIGTSTP, SIGPIPE, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        signal(defaults[i], SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    terminal_child_stderr();
    if (n > 0)
        execvp(words[0], words);
    _exit(127);
}

static void edited(struct ui *u, bool ok);

static void on_child(void *ctx, int signum)
{
    struct ui *u = ctx;
    int status;
    (void)signum;
    if (u->editor_pid <= 0)
        return;
    pid_t pid = waitpid(u->editor_pid, &status, WNOHANG | WUNTRACED);
    if (pid != u->editor_pid)
        return;
    if (WIFSTOPPED(status)) {
        /* Ctrl-Z in the editor is meant for the shell: we stop, too, and go on together. */
        raise(SIGSTOP);
        kill(u->editor_pid, SIGCONT);
        return;
    }
    u->editor_pid = 0;
    loop_signal_free(&u->child_signal);
    terminal_back();
    loop_watch_set(u->tty_watch, LOOP_READABLE);
    ui_take_size(u);
    draw_repaint();
    edited(u, WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ui_touch(u);
}

static bool start(struct ui *u, const char *path, void (*then)(struct ui *u, struct slice text),
                  struct err *err)
{
    const char *editor = u->editor && *u->editor ? u->editor : "vi";
    if (u->editor_pid > 0) {
        err_set(err, ERR_USAGE, 0, "an editor is open already");
        return false;
    }
    u->child_signal = loop_signal_new(u->loop, SIGCHLD, on_child, u);
    loop_watch_set(u->tty_watch, 0);
    terminal_away();
    pid_t pid = fork();
    if (pid == 0)
        run_child(editor, path);
    if (pid < 0) {
        loop_signal_free(&u->child_signal);
        terminal_back();
        loop_watch_set(u->tty_watch, LOOP_READABLE);
        draw_repaint();
        err_set(err, ERR_FILE, errno, "cannot start %.60s: %s", editor, strerror(errno));
        return false;
    }
    u->editor_pid = pid;
    mem_free(u->edited_path);
    u->edited_path = mem_strdup(path);
    u->edited_then = then;
    return true;
}

bool editor_is_open(const struct ui *u)
{
    return u->editor_pid > 0;
}

void editor_close(struct ui *u)
{
    if (u->child_signal)
        loop_signal_free(&u->child_signal);
    if (u->edited_path && u->edited_remove)
        unlink(u->edited_path);
    mem_free(u->edited_path);
    u->edited_path = NULL;
}

/* ---- files ---- */

static bool write_file(const char *path, struct slice text, int flags, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | flags, 0600);
    bool ok = fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len;
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    if (!ok)
        err_set(err, ERR_FILE, errno, "cannot write %.120s: %s", path, strerror(errno));
    return ok;
}

static void read_file(const char *path, struct buf *out)
{
    uint8_t *room;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (fd >= 0 && (room = buf_room(out, 16384)) && (n = read(fd, room, 16384)) > 0)
        buf_grow(out, (size_t)n);
    if (fd >= 0)
        close(fd);
}

static void edited(struct ui *u, bool ok)
{
    struct buf text;
    buf_init(&text, EDITED_MAX_OCTETS);
    if (ok)
        read_file(u->edited_path, &text);
    if (u->edited_remove)
        unlink(u->edited_path);
    if (!ok)
        ui_say(u, true, "the editor ended with an error; nothing of it is taken");
    else
        u->edited_then(u, buf_slice(&text));
    buf_deinit(&text);
}

/* ---- a message ---- */

/* Header fields to begin with, from what is known. */
static void draft(struct ui *u, struct buf *out)
{
    const struct view *v = &u->decoded.live;
    const struct settings *s = console_settings(u->console);
    const char *from = settings_text(s, SETTING_ID_from);
    buf_append_cstr(out, "From: ");
    vis_to_buf(out, slice_cstr(*from ? from : v->reverse_path ? v->reverse_path : ""), 0);
    buf_append_cstr(out, "\nTo: ");
    size_t n_set = settings_list_count(s, SETTING_ID_to);
    for (size_t i = 0; i < (n_set ? n_set : v->n_recipients); i++) {
        buf_append_cstr(out, i ? ", " : "");
        vis_to_buf(
            out, slice_cstr(n_set ? settings_list_at(s, SETTING_ID_to, i) : v->recipients[i].path),
            0);
    }
    buf_append_cstr(out, "\nSubject: \n\n");
}

/* Where DATA was said its lines go out and a dot after them is asked for; else the whole
 * transaction is asked for. */
static void composed(struct ui *u, struct slice text)
{
    if (text.len == 0) {
        ui_say(u, false, "the message is empty: nothing is sent");
        return;
    }
    if (ui_in_content(u)) {
        paste_offer(u, text);
        return;
    }
    char line[440];
    snprintf(line, sizeof line, "/send %s", u->edited_path);
    u->focus = PANE_COMMAND;
    line_set(line);
    ui_say(u, false, "the message is kept in %.200s; Enter sends it", u->edited_path);
}

bool editor_compose(struct ui *u, struct err *err)
{
    struct buf text;
    struct stat st;
    char *path = u->draft_path;
    if (!path) {
        err_set(err, ERR_MISSING, 0, "there is no home directory to keep a draft in");
        return false;
    }
    bool ok = true;
    if (lstat(path, &st) != 0) {
        buf_init(&text, 1 << 16);
        draft(u, &text);
        ok = write_file(path, buf_slice(&text), O_EXCL, err);
        buf_deinit(&text);
    }
    u->edited_remove = false; /* a draft is kept */
    return ok && start(u, path, composed, err);
}

/* ---- the line ---- */

static void line_edited(struct ui *u, struct slice text)
{
    while (text.len > 0 && text.ptr[text.len - 1] == '\n')
        text = slice_take(text, text.len - 1);
    line_clear();
    u->focus = PANE_COMMAND;
    paste_offer(u, text);
}

bool editor_line(struct ui *u, struct err *err)
{
    if (!u->draft_path) {
        err_set(err, ERR_MISSING, 0, "there is no home directory to keep the line in");
        return false;
    }
    char *path = mem_printf("%s.line", u->draft_path);
    unlink(path);
    u->edited_remove = true;
    bool ok = write_file(path, line_text(), O_EXCL, err) && start(u, path, line_edited, err);
    mem_free(path);
    return ok;
}
