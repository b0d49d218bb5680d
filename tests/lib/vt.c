/* See vt.h. */
#include "vt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <vterm.h>

static const char sync_key[] = "\033[9977~";
static const char sync_marker[] = "\033]777;sync;";

struct vt {
    int fd;
    pid_t pid;
    int status;
    bool ended;
    VTerm *term;
    VTermScreen *screen;
    int rows, cols;
    bool alternate;
    unsigned char *raw;
    size_t raw_len, raw_alloc, counted;
    char held[8192]; /* read, but behind a frame's marker: the start of the next frame */
    size_t held_len;
    char home[64];
    char row[4096];
    VTermScreenCell styled; /* the cell that was looked at last, and how it is drawn */
    char style[VT_STYLE_OCTETS];
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int on_property(VTermProp prop, VTermValue *value, void *user)
{
    struct vt *v = user;
    if (prop == VTERM_PROP_ALTSCREEN)
        v->alternate = value->boolean != 0;
    return 1;
}

static const VTermScreenCallbacks callbacks = {.settermprop = on_property};

static _Noreturn void child(const char *const *argv, const char *term, const char *const *env,
                            const char *home)
{
    static char assignments[4][128];
    const char *vars[64];
    size_t n = 0;
    snprintf(assignments[0], sizeof assignments[0], "TERM=%s", term);
    snprintf(assignments[1], sizeof assignments[1], "HOME=%s", home);
    vars[n++] = assignments[0];
    vars[n++] = assignments[1];
    vars[n++] = "PATH=/usr/local/bin:/usr/bin:/bin";
    vars[n++] = "LC_ALL=C.UTF-8";
    vars[n++] = "INPUTRC=/dev/null";
    vars[n++] = "TZ=UTC";
    vars[n++] = "SMTPSCOPE_TEST_SYNC=1";
    vars[n++] = "EDITOR=true"; /* Ctrl-o must not open a real one */
    for (size_t i = 0; env && env[i] && n < 63; i++) {
        /* A later value replaces an earlier one: the first found counts for getenv. */
        size_t name_len = strcspn(env[i], "=") + 1, at = 0;
        while (at < n && strncmp(vars[at], env[i], name_len) != 0)
            at++;
        vars[at] = env[i];
        n += at == n;
    }
    vars[n] = NULL;
    execve(argv[0], (char *const *)argv, (char *const *)vars);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

struct vt *vt_spawn(const char *const *argv, int rows, int cols, const char *term,
                    const char *const *env)
{
    struct vt *v = calloc(1, sizeof *v);
    assert_non_null(v);
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
    snprintf(v->home, sizeof v->home, "/tmp/vt-home-XXXXXX");
    assert_non_null(mkdtemp(v->home));
    v->rows = rows;
    v->cols = cols;
    v->term = vterm_new(rows, cols);
    vterm_set_utf8(v->term, 1);
    v->screen = vterm_obtain_screen(v->term);
    vterm_screen_set_callbacks(v->screen, &callbacks, v);
    vterm_screen_enable_altscreen(v->screen, 1);
    vterm_screen_reset(v->screen, 1);
    v->pid = forkpty(&v->fd, NULL, NULL, &size);
    assert_true(v->pid >= 0);
    if (v->pid == 0)
        child(argv, term, env, v->home);
    fcntl(v->fd, F_SETFL, O_NONBLOCK);
    return v;
}

void vt_free(struct vt **vp)
{
    struct vt *v = *vp;
    if (!v)
        return;
    *vp = NULL;
    if (!v->ended) {
        kill(v->pid, SIGKILL);
        kill(v->pid, SIGCONT);
        waitpid(v->pid, &v->status, 0);
    }
    vt_hang_up(v);
    vterm_free(v->term);
    char *command = NULL;
    if (strncmp(v->home, "/tmp/vt-home-", 13) == 0 &&
        asprintf(&command, "rm -rf %s", v->home) > 0) {
        int ignored = system(command);
        (void)ignored;
    }
    free(command);
    free(v->raw);
    free(v);
}

pid_t vt_pid(const struct vt *v)
{
    return v->pid;
}

int vt_fd(const struct vt *v)
{
    return v->fd;
}

void vt_hang_up(struct vt *v)
{
    if (v->fd >= 0)
        close(v->fd);
    v->fd = -1;
}

const char *vt_home(const struct vt *v)
{
    return v->home;
}

/* ---- reading ---- */

/* What the terminal answers by itself goes back to the program. */
static void write_answers(struct vt *v)
{
    char answer[256];
    size_t len;
    while ((len = vterm_output_read(v->term, answer, sizeof answer)) > 0) {
        ssize_t written = write(v->fd, answer, len);
        (void)written;
    }
}

/* How much of it ends a frame: up to the first marker and its BEL; all of it where there is none.
 * So the screen is never looked at with half of the next frame on it. */
static size_t frame_end(const char *octets, size_t n)
{
    const char *marker = memmem(octets, n, sync_marker, sizeof sync_marker - 1);
    const char *bel = marker ? memchr(marker, '\a', n - (size_t)(marker - octets)) : NULL;
    return bel ? (size_t)(bel + 1 - octets) : n;
}

/* One read within wait_ms; false: nothing came, or the end. */
static bool read_some(struct vt *v, int wait_ms)
{
    struct pollfd p = {.fd = v->fd, .events = POLLIN};
    char octets[sizeof v->held];
    ssize_t n = (ssize_t)v->held_len;
    memcpy(octets, v->held, v->held_len);
    v->held_len = 0;
    if (n == 0 && poll(&p, 1, wait_ms) <= 0)
        return false;
    if (n == 0)
        n = read(v->fd, octets, sizeof octets);
    if (n <= 0)
        return false;
    size_t whole = frame_end(octets, (size_t)n);
    v->held_len = (size_t)n - whole;
    memcpy(v->held, octets + whole, v->held_len);
    n = (ssize_t)whole;
    if (v->raw_len + (size_t)n > v->raw_alloc) {
        v->raw_alloc = 2 * (v->raw_len + (size_t)n);
        v->raw = realloc(v->raw, v->raw_alloc);
        assert_non_null(v->raw);
    }
    memcpy(v->raw + v->raw_len, octets, (size_t)n);
    v->raw_len += (size_t)n;
    vterm_input_write(v->term, octets, (size_t)n);
    vterm_screen_flush_damage(v->screen);
    write_answers(v);
    return true;
}

void vt_read(struct vt *v, int idle_ms)
{
    while (read_some(v, idle_ms))
        ;
}

static bool raw_has(const struct vt *v, size_t from, const void *pattern, size_t len)
{
    return v->raw_len >= from + len &&
           memmem(v->raw + from, v->raw_len - from, pattern, len) != NULL;
}

static _Noreturn void give_up(struct vt *v, const char *what, const char *detail)
{
    vt_print_screen(v);
    fail_msg("%s: %s", what, detail);
    abort();
}

void vt_sync(struct vt *v)
{
    size_t from = v->raw_len;
    int64_t end_ms = now_ms() + VT_WAIT_MS;
    vt_send(v, sync_key);
    while (!raw_has(v, from, sync_marker, sizeof sync_marker - 1)) {
        if (now_ms() > end_ms || (!read_some(v, 100) && now_ms() > end_ms))
            give_up(v, "vt_sync", "no frame came");
    }
}

bool vt_has_text(struct vt *v, const char *text)
{
    for (int row = 0; row < v->rows; row++)
        if (strstr(vt_row(v, row), text))
            return true;
    return false;
}

bool vt_wait_text(struct vt *v, const char *text)
{
    int64_t end_ms = now_ms() + VT_WAIT_MS;
    while (!vt_has_text(v, text)) {
        if (now_ms() > end_ms)
            give_up(v, "vt_wait_text", text);
        read_some(v, 50);
    }
    return true;
}

int vt_wait_exit(struct vt *v)
{
    int64_t end_ms = now_ms() + VT_WAIT_MS;
    while (!v->ended && now_ms() < end_ms) {
        read_some(v, 20);
        v->ended = waitpid(v->pid, &v->status, WNOHANG) == v->pid;
    }
    if (!v->ended)
        return -1;
    vt_read(v, 0);
    return WIFSIGNALED(v->status) ? 128 + WTERMSIG(v->status) : WEXITSTATUS(v->status);
}

bool vt_wait_stopped(struct vt *v)
{
    int64_t end_ms = now_ms() + VT_WAIT_MS;
    int status;
    while (now_ms() < end_ms) {
        read_some(v, 20);
        if (waitpid(v->pid, &status, WNOHANG | WUNTRACED) == v->pid) {
            v->ended = !WIFSTOPPED(status);
            v->status = status;
            return WIFSTOPPED(status);
        }
    }
    return false;
}

/* ---- sending ---- */

void vt_send_octets(struct vt *v, const void *octets, size_t len)
{
    const char *at = octets;
    int64_t end_ms = now_ms() + VT_WAIT_MS;
    while (len > 0 && now_ms() < end_ms) {
        ssize_t n = write(v->fd, at, len);
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN)
            read_some(v, 10); /* it may be waiting for us to read */
        else
            return;
    }
}

void vt_send(struct vt *v, const char *octets)
{
    vt_send_octets(v, octets, strlen(octets));
}

static const char *const key_names[][2] = {
    {"Enter", "\r"},
    {"Esc", "\033"},
    {"Tab", "\t"},
    {"Backspace", "\177"},
    {"Space", " "},
    {"Up", "\033[A"},
    {"Down", "\033[B"},
    {"Right", "\033[C"},
    {"Left", "\033[D"},
    {"Home", "\033[H"},
    {"End", "\033[F"},
    {"PgUp", "\033[5~"},
    {"PgDn", "\033[6~"},
    {"Del", "\033[3~"},
    {"S-Tab", "\033[Z"},
    {"C-Home", "\033[1;5H"},
    {"C-End", "\033[1;5F"},
    {"C-Up", "\033[1;5A"},
    {"C-Down", "\033[1;5B"},
    {"C-Right", "\033[1;5C"},
    {"C-Left", "\033[1;5D"},
    {"A-Left", "\033[1;3D"},
    {"A-Right", "\033[1;3C"},
    {"A-Up", "\033[1;3A"},
    {"A-Down", "\033[1;3B"},
    {"F1", "\033OP"},
    {"F2", "\033OQ"},
    {"F3", "\033OR"},
    {"F4", "\033OS"},
    {"F5", "\033[15~"},
    {"F6", "\033[17~"},
    {"F7", "\033[18~"},
    {"F8", "\033[19~"},
    {"F9", "\033[20~"},
    {"F10", "\033[21~"},
    {"F11", "\033[23~"},
    {"F12", "\033[24~"},
    {"lt", "<"},
};

static void send_named(struct vt *v, const char *name, size_t len)
{
    char octets[3] = "";
    if (len == 3 && name[1] == '-' && (name[0] == 'C' || name[0] == 'A')) {
        octets[0] = name[0] == 'C' ? (char)(name[2] & 0x1F) : '\033';
        octets[1] = name[0] == 'C' ? '\0' : name[2];
        vt_send_octets(v, octets, name[0] == 'C' ? 1 : 2);
        return;
    }
    for (size_t i = 0; i < sizeof key_names / sizeof key_names[0]; i++) {
        if (strlen(key_names[i][0]) == len && memcmp(key_names[i][0], name, len) == 0) {
            vt_send(v, key_names[i][1]);
            return;
        }
    }
    fail_msg("vt_key: no key <%.*s>", (int)len, name);
}

void vt_key(struct vt *v, const char *keys)
{
    while (*keys) {
        const char *end = *keys == '<' ? strchr(keys, '>') : NULL;
        if (end) {
            send_named(v, keys + 1, (size_t)(end - keys - 1));
            keys = end + 1;
        } else {
            vt_send_octets(v, keys, 1);
            keys++;
        }
    }
}

void vt_paste(struct vt *v, const char *text)
{
    vt_send(v, "\033[200~");
    vt_send(v, text);
    vt_send(v, "\033[201~");
}

void vt_mouse(struct vt *v, int button, int col, int row)
{
    char report[48];
    snprintf(report, sizeof report, "\033[<%d;%d;%dM", button, col + 1, row + 1);
    vt_send(v, report);
}

void vt_resize(struct vt *v, int rows, int cols)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
    /* What was drawn for the old size is taken in at the old size. */
    vt_read(v, 0);
    v->rows = rows;
    v->cols = cols;
    vterm_set_size(v->term, rows, cols);
    ioctl(v->fd, TIOCSWINSZ, &size);
}

void vt_signal(struct vt *v, int signum)
{
    kill(v->pid, signum);
}

/* ---- looking ---- */

static size_t put_utf8(uint32_t cp, char *out)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, cp >>= 6)
        out[i] = (char)(0x80 | (cp & 0x3F));
    out[0] = (char)((0xF00 >> n) | cp);
    return n;
}

static void cell_at(const struct vt *v, int row, int col, VTermScreenCell *cell)
{
    memset(cell, 0, sizeof *cell);
    vterm_screen_get_cell(v->screen, (VTermPos){.row = row, .col = col}, cell);
}

const char *vt_row(struct vt *v, int row)
{
    size_t len = 0, solid = 0;
    for (int col = 0; col < v->cols && len + 32 < sizeof v->row;) {
        VTermScreenCell cell;
        cell_at(v, row, col, &cell);
        if (cell.chars[0] == 0 || cell.chars[0] == (uint32_t)-1)
            v->row[len++] = ' ';
        else
            for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i]; i++)
                len += put_utf8(cell.chars[i], v->row + len);
        if (v->row[len - 1] != ' ')
            solid = len;
        col += cell.width > 1 ? cell.width : 1;
    }
    v->row[solid] = '\0';
    return v->row;
}

int vt_row_cols(struct vt *v, int row)
{
    int cols = 0;
    for (int col = 0; col < v->cols; col++) {
        VTermScreenCell cell;
        cell_at(v, row, col, &cell);
        if (cell.chars[0] != 0 && cell.chars[0] != ' ')
            cols = col + 1;
    }
    return cols;
}

void vt_cursor(struct vt *v, int *row_out, int *col_out)
{
    VTermPos pos;
    vterm_state_get_cursorpos(vterm_obtain_state(v->term), &pos);
    *row_out = pos.row;
    *col_out = pos.col;
}

bool vt_alternate_screen(const struct vt *v)
{
    return v->alternate;
}

void vt_print_screen(struct vt *v)
{
    print_message("--- the screen, %dx%d\n", v->cols, v->rows);
    for (int row = 0; row < v->rows; row++)
        print_message("%02d|%s\n", row, vt_row(v, row));
}

static void color_of(const VTermColor *c, bool is_default, const char *what, char *out, size_t size)
{
    if (is_default)
        *out = '\0';
    else if (VTERM_COLOR_IS_INDEXED(c))
        snprintf(out, size, ",%s%u", what, c->indexed.idx);
    else
        snprintf(out, size, ",%s%02x%02x%02x", what, c->rgb.red, c->rgb.green, c->rgb.blue);
}

void vt_style(struct vt *v, int row, int col, char out[VT_STYLE_OCTETS])
{
    char fg[24] = "", bg[24], text[VT_STYLE_OCTETS];
    VTermScreenCell cell;
    cell_at(v, row, col, &cell);
    bool blank = cell.chars[0] == 0 || cell.chars[0] == ' ';
    cell.chars[0] = blank; /* what matters of it; most cells are as the one before */
    if (*v->style && v->styled.chars[0] == cell.chars[0] &&
        memcmp(&v->styled.attrs, &cell.attrs, sizeof cell.attrs) == 0 &&
        memcmp(&v->styled.fg, &cell.fg, sizeof cell.fg) == 0 &&
        memcmp(&v->styled.bg, &cell.bg, sizeof cell.bg) == 0) {
        memcpy(out, v->style, VT_STYLE_OCTETS);
        return;
    }
    if (!blank || cell.attrs.reverse)
        color_of(&cell.fg, VTERM_COLOR_IS_DEFAULT_FG(&cell.fg), "fg", fg, sizeof fg);
    color_of(&cell.bg, VTERM_COLOR_IS_DEFAULT_BG(&cell.bg), "bg", bg, sizeof bg);
    snprintf(text, sizeof text, "%s%s%s%s%s", fg, bg, cell.attrs.bold && !blank ? ",bold" : "",
             cell.attrs.underline ? ",underline" : "", cell.attrs.reverse ? ",reverse" : "");
    snprintf(v->style, VT_STYLE_OCTETS, "%s", *text ? text + 1 : "-");
    v->styled = cell;
    memcpy(out, v->style, VT_STYLE_OCTETS);
}

void vt_size(const struct vt *v, int *rows_out, int *cols_out)
{
    *rows_out = v->rows;
    *cols_out = v->cols;
}

const unsigned char *vt_raw(const struct vt *v, size_t *len_out)
{
    *len_out = v->raw_len;
    return v->raw;
}

void vt_assert_no_bytes(struct vt *v, const void *pattern, size_t len)
{
    if (raw_has(v, 0, pattern, len)) {
        print_message("the pattern of %zu octets reached the terminal:", len);
        for (size_t i = 0; i < len; i++)
            print_message(" %02x", ((const unsigned char *)pattern)[i]);
        give_up(v, "vt_assert_no_bytes", "");
    }
}

size_t vt_octets_since(struct vt *v)
{
    size_t n = v->raw_len - v->counted;
    v->counted = v->raw_len;
    return n;
}
