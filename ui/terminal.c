/* The terminal's modes: taken at the start, given back at the end, whatever the end is.
 *
 * Output never waits: curses writes into a file in memory, from there it goes into a buffer, and
 * from the buffer to the terminal as far as it takes it. A terminal that stops reading stops the
 * drawing of frames and nothing else. The terminal is opened once more for that: O_NONBLOCK belongs
 * to an open description, and standard output's is shared with the shell.
 *
 * What gives it back is worked out beforehand: one string to write and one termios to set, both
 * allowed in a signal handler. Standard error is a pipe into the loop while the screen is up,
 * because readline, resolvers and libraries print there. newterm, never initscr: initscr ends the
 * process where it fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "ui_private.h"

#include <term.h> /* last: its macros have names such as lines, columns, bits */

#define FALLBACK_TERM "xterm-256color"
static const char modes_on[] = "\033[?2004h";
static const char modes_off[] =
    "\033[?2026l\033[?1006l\033[?1002l\033[?1000l\033[?1004l\033[?2004l";
static const char mouse_on[] = "\033[?1002h\033[?1006h";
static const char mouse_off[] = "\033[?1006l\033[?1002l";

/* Signals that end the program at once; SIGTERM and its like come through the loop. */
static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
enum { N_DEADLY = sizeof deadly / sizeof deadly[0] };

static struct {
    char term[64];
    struct termios saved;
    bool have_saved, in_curses, mouse;
    char restore[512];
    size_t restore_len;
    int stderr_saved, stderr_read;
    SCREEN *screen;
    struct sigaction old_actions[N_DEADLY];
    volatile sig_atomic_t restored;
    int out_fd;       /* the terminal, not blocking; -1: it could not be opened, output blocks */
    FILE *frames;     /* where curses writes */
    struct buf queue; /* on its way to the terminal */
} terminal = {.stderr_saved = -1, .stderr_read = -1, .out_fd = -1};
enum { QUEUE_MAX_OCTETS = 8 << 20, GOODBYE_WAIT_MS = 1000 };

static char alternate_stack[65536]; /* a crash by stack overflow must be able to restore, too */

const char *terminal_name(void)
{
    return terminal.term;
}

int terminal_stderr_fd(void)
{
    return terminal.stderr_read;
}

/* Only what is safe in a signal handler. */
static void restore_now(void)
{
    if (!terminal.in_curses || terminal.restored)
        return;
    terminal.restored = 1;
    ssize_t written = write(STDOUT_FILENO, terminal.restore, terminal.restore_len);
    (void)written;
    tcsetattr(STDIN_FILENO, TCSANOW, &terminal.saved);
    if (terminal.stderr_saved >= 0)
        dup2(terminal.stderr_saved, STDERR_FILENO);
}

static void on_fatal(void *ctx)
{
    (void)ctx;
    restore_now();
}

static void on_deadly(int signum)
{
    restore_now();
    for (size_t i = 0; i < N_DEADLY; i++)
        if (deadly[i] == signum)
            sigaction(signum, &terminal.old_actions[i], NULL);
    raise(signum); /* blocked here, delivered to the former action when this returns */
}

static void catch_deadly(void)
{
    const stack_t stack = {.ss_sp = alternate_stack, .ss_size = sizeof alternate_stack};
    struct sigaction action = {.sa_handler = on_deadly, .sa_flags = SA_ONSTACK};
    sigaltstack(&stack, NULL);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < N_DEADLY; i++)
        sigaction(deadly[i], &action, &terminal.old_actions[i]);
}

static void release_deadly(void)
{
    for (size_t i = 0; i < N_DEADLY; i++)
        sigaction(deadly[i], &terminal.old_actions[i], NULL);
}

static void capture_stderr(void)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return;
    terminal.stderr_saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (terminal.stderr_saved < 0 || dup2(ends[1], STDERR_FILENO) < 0) {
        close(ends[0]);
        close(ends[1]);
        return;
    }
    close(ends[1]);
    terminal.stderr_read = ends[0];
}

/* What nobody read goes where it was meant to go. */
static void release_stderr(void)
{
    char text[1024];
    ssize_t n;
    if (terminal.stderr_saved >= 0) {
        dup2(terminal.stderr_saved, STDERR_FILENO);
        close(terminal.stderr_saved);
        terminal.stderr_saved = -1;
    }
    if (terminal.stderr_read < 0)
        return;
    while ((n = read(terminal.stderr_read, text, sizeof text)) > 0) {
        struct buf safe;
        buf_init(&safe, 16384);
        vis_to_buf(&safe, slice_of(text, (size_t)n), 0);
        ssize_t written = write(STDERR_FILENO, safe.ptr, safe.len);
        (void)written;
        buf_deinit(&safe);
    }
    close(terminal.stderr_read);
    terminal.stderr_read = -1;
}

/* Is there an entry, and can it place the cursor? */
static bool term_serves(const char *name)
{
    int found = 0;
    if (setupterm(name, STDOUT_FILENO, &found) != OK)
        return false;
    const char *cup = tigetstr("cup");
    bool serves = cup && cup != (const char *)-1 && !tigetflag("hc");
    del_curterm(cur_term);
    return serves;
}

bool terminal_open(const char *term, char *notice, size_t notice_octets, struct err *err)
{
    *notice = '\0';
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        err_set(err, ERR_MISSING, 0, "no terminal: standard input and output must be one");
        return false;
    }
    if (!term || !*term || strcmp(term, "dumb") == 0) {
        err_set(err, ERR_MISSING, 0, "the terminal cannot place a cursor (TERM is %s)",
                term && *term ? term : "not set");
        return false;
    }
    bool known = strlen(term) < sizeof terminal.term && term_serves(term);
    if (!known && strlen(term) < sizeof terminal.term && term_serves(FALLBACK_TERM)) {
        int found = 0;
        /* A known one without a cursor is believed; an unknown one is most likely a newer xterm. */
        if (setupterm(term, STDOUT_FILENO, &found) == OK) {
            del_curterm(cur_term);
        } else {
            snprintf(notice, notice_octets, "TERM=%.40s is not known here; %s is used", term,
                     FALLBACK_TERM);
            term = FALLBACK_TERM;
            known = true;
        }
    }
    if (!known || tcgetattr(STDIN_FILENO, &terminal.saved) != 0) {
        err_set(err, ERR_MISSING, 0, "the terminal cannot be used (TERM is %.40s)", term);
        return false;
    }
    terminal.have_saved = true;
    snprintf(terminal.term, sizeof terminal.term, "%s", term);
    capture_stderr();
    return true;
}

static void add_restore(const char *text)
{
    size_t len = text && text != (const char *)-1 ? strlen(text) : 0;
    if (len == 0 || len > sizeof terminal.restore - terminal.restore_len)
        return;
    memcpy(terminal.restore + terminal.restore_len, text, len);
    terminal.restore_len += len;
}

/* As raw(), noecho() and nonl() of curses, which do not reach the terminal through a file. */
static void input_raw(void)
{
    struct termios t = terminal.saved;
    t.c_iflag &= ~(tcflag_t)(IXON | ICRNL | INLCR | IGNCR | BRKINT | PARMRK | ISTRIP);
    t.c_oflag &= ~(tcflag_t)ONLCR;
    t.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
}

static void modes_enter(void)
{
    raw();
    noecho();
    nonl(); /* keeps Ctrl-J and Ctrl-M apart */
    input_raw();
    terminal_write(modes_on);
    if (terminal.mouse)
        terminal_write(mouse_on);
}

/* A file in memory for curses and the terminal opened anew; false: the old way, which blocks. */
static bool queue_open(void)
{
    const char *name = ttyname(STDOUT_FILENO);
    int fd = memfd_create("smtpscope screen", MFD_CLOEXEC);
    terminal.out_fd = name ? open(name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
    terminal.frames = fd >= 0 && terminal.out_fd >= 0 ? fdopen(fd, "w") : NULL;
    if (terminal.frames) {
        buf_init(&terminal.queue, QUEUE_MAX_OCTETS);
        return true;
    }
    if (fd >= 0)
        close(fd);
    if (terminal.out_fd >= 0)
        close(terminal.out_fd);
    terminal.out_fd = -1;
    return false;
}

static void queue_close(void)
{
    if (!terminal.frames)
        return;
    fclose(terminal.frames);
    close(terminal.out_fd);
    buf_deinit(&terminal.queue);
    terminal.frames = NULL;
    terminal.out_fd = -1;
}

/* What curses wrote since the last time. */
static void queue_take_frames(void)
{
    int fd = fileno(terminal.frames);
    fflush(terminal.frames);
    off_t len = lseek(fd, 0, SEEK_END);
    uint8_t *room = len > 0 ? buf_room(&terminal.queue, (size_t)len) : NULL;
    ssize_t n = room ? pread(fd, room, (size_t)len, 0) : 0;
    if (n > 0)
        buf_grow(&terminal.queue, (size_t)n);
    if (len > 0 && ftruncate(fd, 0) == 0)
        lseek(fd, 0, SEEK_SET);
}

int terminal_out_fd(void)
{
    return terminal.out_fd;
}

bool terminal_flush(void)
{
    if (!terminal.frames)
        return true;
    queue_take_frames();
    while (terminal.queue.len > 0) {
        ssize_t n = write(terminal.out_fd, terminal.queue.ptr, terminal.queue.len);
        if (n > 0)
            buf_consume(&terminal.queue, (size_t)n);
        else if (errno == EAGAIN)
            return false;
        else if (errno != EINTR)
            buf_reset(&terminal.queue); /* it is gone: the input side says so */
    }
    return true;
}

/* Before the terminal is somebody else's: what is queued goes out, if it is taken in good time. */
static void flush_waiting(void)
{
    struct pollfd p = {.fd = terminal.out_fd, .events = POLLOUT};
    while (!terminal_flush())
        if (poll(&p, 1, GOODBYE_WAIT_MS) <= 0)
            break;
}

bool terminal_curses(struct err *err)
{
    /* Size from the window, never from LINES and COLUMNS: those do not follow it. */
    use_env(FALSE);
    use_tioctl(TRUE);
    terminal.screen = newterm(terminal.term, queue_open() ? terminal.frames : stdout, stdin);
    if (!terminal.screen) {
        queue_close();
        err_set(err, ERR_MISSING, 0, "the terminal cannot be used (TERM is %s)", terminal.term);
        return false;
    }
    terminal.restore_len = 0;
    add_restore(modes_off);
    static const char *const names[] = {"sgr0", "cnorm", "rmkx", "rmcup"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        add_restore(tigetstr(names[i]));
    add_restore("\r\n");
    terminal.restored = 0;
    terminal.in_curses = true;
    typeahead(-1); /* frames are written whole */
    curs_set(1);
    modes_enter();
    catch_deadly();
    fatal_add_hook(on_fatal, NULL);
    return true;
}

void terminal_close(void)
{
    if (terminal.in_curses) {
        fatal_remove_hook(on_fatal, NULL);
        release_deadly();
        if (!terminal.restored) {
            terminal_write(modes_off);
            endwin();
            flush_waiting();
        }
        delscreen(terminal.screen);
        queue_close();
        terminal.in_curses = false;
    }
    if (terminal.have_saved)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal.saved);
    terminal.have_saved = false;
    release_stderr();
}

bool terminal_read_size(int *rows_out, int *cols_out)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        return false;
    *rows_out = size.ws_row;
    *cols_out = size.ws_col;
    return true;
}

void terminal_suspend(void)
{
    struct sigaction stop = {.sa_handler = SIG_DFL}, old;
    terminal_away();
    sigemptyset(&stop.sa_mask);
    sigaction(SIGTSTP, &stop, &old);
    kill(0, SIGTSTP);
    /* Here again after SIGCONT. */
    sigaction(SIGTSTP, &old, NULL);
    terminal_back();
}

void terminal_away(void)
{
    terminal_write(modes_off);
    def_prog_mode();
    endwin();
    flush_waiting();
    tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal.saved);
}

void terminal_back(void)
{
    reset_prog_mode();
    refresh();
    modes_enter();
}

void terminal_child_stderr(void)
{
    if (terminal.stderr_saved >= 0)
        dup2(terminal.stderr_saved, STDERR_FILENO);
}

void terminal_mouse(bool on)
{
    if (on != terminal.mouse)
        terminal_write(on ? mouse_on : mouse_off);
    terminal.mouse = on;
}

void terminal_write(const char *sequence)
{
    size_t left = strlen(sequence);
    if (terminal.frames) {
        queue_take_frames(); /* in the order in which it was said */
        buf_append(&terminal.queue, slice_of(sequence, left));
        terminal_flush();
        return;
    }
    fflush(stdout);
    while (left > 0) {
        ssize_t n = write(STDOUT_FILENO, sequence, left);
        if (n < 0 && errno != EINTR)
            break;
        if (n > 0) {
            sequence += n;
            left -= (size_t)n;
        }
    }
}
