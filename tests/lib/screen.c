/* See screen.h. */
#include "screen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { WAIT_MS = 10000, ARGS_MAX = 30 };

double screen_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

const char *screen_program(void)
{
    const char *named = getenv("SMTPSCOPE");
    return named && *named ? named : "build/plain/smtpscope";
}

bool screen_is_slow_build(void)
{
    const char *path = screen_program();
    return strstr(path, "san/") || strstr(path, "coverage/");
}

/* ---- the program ---- */

struct vt *screen_open(int rows, int cols, const char *const *env, const char *const *args)
{
    const char *argv[ARGS_MAX + 2] = {screen_program()};
    for (int i = 0; args && args[i] && i < ARGS_MAX; i++)
        argv[i + 1] = args[i];
    struct vt *v = vt_spawn(argv, rows, cols, "xterm-256color", env);
    vt_sync(v);
    return v;
}

struct vt *screen_practice(int rows, int cols, const char *const *env)
{
    const char *all[16] = {SCREEN_CLOCK};
    for (int i = 0; env && env[i] && i < 14; i++)
        all[i + 1] = env[i];
    /* TLS 1.3 picks another group in each OpenSSL. */
    static const char *const args[] = {"practice",  "--name", "client.example.net",
                                       "--tls-max", "1.2",    NULL};
    struct vt *v = screen_open(rows, cols, all, args);
    if (cols >= 20 && rows >= 4)
        screen_wait(v, "220 ");
    return v;
}

static void wait_any(struct vt *v, const char *text, const char *other)
{
    double end_ms = screen_now_ms() + WAIT_MS;
    for (;;) {
        vt_sync(v);
        if (vt_has_text(v, text) || vt_has_text(v, other))
            return;
        if (screen_now_ms() > end_ms) {
            vt_print_screen(v);
            fail_msg("\"%s\" never came", text);
        }
        vt_read(v, 2);
    }
}

void screen_wait(struct vt *v, const char *text)
{
    wait_any(v, text, text);
}

void screen_wait_caps(struct vt *v, bool tls)
{
    wait_any(v, tls ? "▓ 250 HELP" : "250 HELP", tls ? "▓ ▸ 250- " : "▸ 250- ");
}

void screen_line(struct vt *v, const char *line)
{
    vt_send(v, line);
    vt_send(v, "\r");
    vt_sync(v);
}

const char *screen_input(struct vt *v)
{
    static char text[4096];
    int row, col;
    vt_sync(v);
    vt_cursor(v, &row, &col);
    const char *at = vt_row(v, row);
    at += strspn(at, "\342\224\202 |"); /* the frame */
    size_t word = strspn(at, "abcdefghijklmnopqrstuvwxyz");
    snprintf(text, sizeof text, "%s", at[word] == '>' ? at + word + 1 : at);
    /* What the program would add stands behind the cursor, in grey; the line itself may end in the
     * frame of the pane. */
    char *edge = strstr(text, "│");
    if (edge)
        *edge = '\0';
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == ' ')
        text[--len] = '\0';
    return text + (text[0] == ' ');
}

void screen_quit(struct vt **v)
{
    vt_key(*v, "<Esc>");
    vt_sync(*v); /* apart from what follows, or it would be Alt */
    vt_key(*v, "<C-c>");
    vt_sync(*v);
    vt_send(*v, "/quit\r");
    int status = vt_wait_exit(*v);
    if (status != 0)
        vt_print_screen(*v);
    assert_int_equal(status, 0);
    screen_assert_restored(*v);
    vt_free(v);
}

/* ---- what must hold ---- */

static ptrdiff_t last_of(const unsigned char *raw, size_t len, const char *pattern)
{
    size_t n = strlen(pattern);
    for (size_t at = len >= n ? len - n + 1 : 0; at-- > 0;)
        if (memcmp(raw + at, pattern, n) == 0)
            return (ptrdiff_t)at;
    return -1;
}

static void assert_off(struct vt *v, const char *what, const char *on, const char *off)
{
    size_t len;
    const unsigned char *raw = vt_raw(v, &len);
    ptrdiff_t last_on = last_of(raw, len, on), last_off = last_of(raw, len, off);
    if (last_on > last_off)
        fail_msg("%s is still on (on at %td, off at %td of %zu)", what, last_on, last_off, len);
}

void screen_assert_restored(struct vt *v)
{
    struct termios fresh, now;
    int master, slave;
    size_t len;
    (void)vt_raw(v, &len);
    assert_off(v, "the alternate screen", "\033[?1049h", "\033[?1049l");
    assert_off(v, "the hidden cursor", "\033[?25l", "\033[?25h");
    assert_off(v, "bracketed paste", "\033[?2004h", "\033[?2004l");
    assert_off(v, "the mouse", "\033[?1000h", "\033[?1000l");
    if (vt_fd(v) < 0)
        return;
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    assert_int_equal(tcgetattr(slave, &fresh), 0);
    assert_int_equal(tcgetattr(vt_fd(v), &now), 0);
    close(master);
    close(slave);
    assert_int_equal(now.c_iflag, fresh.c_iflag);
    assert_int_equal(now.c_oflag, fresh.c_oflag);
    assert_int_equal(now.c_cflag, fresh.c_cflag);
    assert_int_equal(now.c_lflag, fresh.c_lflag);
    assert_memory_equal(now.c_cc, fresh.c_cc, sizeof now.c_cc);
}

/* Octets of an OSC of ours: the sync marker, the clipboard (base64 only), colours as they were
 * (what curses says when it gives the terminal away); 0: none of ours. */
static size_t own_string(const unsigned char *raw, size_t len)
{
    static const struct {
        const char *start, *letters;
    } rows[] = {
        {"\033]777;sync;", "0123456789"},
        {"\033]52;c;", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="},
        {"\033]104", ""},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        size_t at = strlen(rows[i].start);
        if (len <= at || memcmp(raw, rows[i].start, at) != 0)
            continue;
        while (at < len && raw[at] && strchr(rows[i].letters, raw[at]))
            at++;
        return at < len && raw[at] == '\a' ? at + 1 : 0;
    }
    return 0;
}

/* Octets of one control sequence of ours at raw[0] = ESC; 0: none of ours. */
static size_t own_sequence(const unsigned char *raw, size_t len)
{
    size_t at = 2;
    if (len < 2)
        return 0;
    if (raw[1] == ']')
        return own_string(raw, len);
    if (strchr("=>M78c", raw[1]))
        return 2;
    if ((raw[1] == '(' || raw[1] == ')') && len >= 3 && strchr("0AB", raw[2]))
        return 3;
    if (raw[1] != '[')
        return 0;
    while (at < len && (raw[at] == ';' || raw[at] == '?' || (raw[at] >= '0' && raw[at] <= '9')))
        at++;
    return at < len && at < 24 && strchr("HmJKXdGABCDPMLSThlr@tbZ", raw[at]) ? at + 1 : 0;
}

/* Octets of one printable character; 0: it is none. */
static size_t printable(const unsigned char *s, size_t len)
{
    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7F;
    size_t n = s[0] >= 0xF0 && s[0] < 0xF5   ? 4
               : s[0] >= 0xE0 && s[0] < 0xF0 ? 3
               : s[0] >= 0xC2 && s[0] < 0xE0 ? 2
                                             : 0;
    if (n == 0 || len < n)
        return 0;
    uint32_t cp = s[0] & (0x7F >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        cp = cp << 6 | (s[i] & 0x3F);
    }
    static const uint32_t bad[][2] = {{0x80, 0x9F},     {0xAD, 0xAD},     {0x061C, 0x061C},
                                      {0x180E, 0x180E}, {0x200B, 0x200F}, {0x2028, 0x202E},
                                      {0x2060, 0x206F}, {0xD800, 0xDFFF}, {0xFE00, 0xFE0F},
                                      {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF}};
    for (size_t i = 0; i < N_OF(bad); i++)
        if (cp >= bad[i][0] && cp <= bad[i][1])
            return 0;
    return n;
}

void screen_assert_clean(struct vt *v)
{
    size_t len;
    const unsigned char *raw = vt_raw(v, &len);
    for (size_t at = 0; at < len;) {
        size_t n = 0;
        if (raw[at] == 0x1B)
            n = own_sequence(raw + at, len - at);
        else if (raw[at] == '\r' || raw[at] == '\n' || raw[at] == '\b' || raw[at] == '\t')
            n = 1; /* curses' own ways to move */
        else
            n = printable(raw + at, len - at);
        if (n == 0 && len - at < 24 && raw[at] >= 0x1B)
            return; /* the last read ended inside a sequence */
        if (n == 0) {
            print_message("at %zu of %zu:", at, len);
            for (size_t i = at > 16 ? at - 16 : 0; i < at + 24 && i < len; i++)
                print_message(i == at ? " [%02x]" : " %02x", raw[i]);
            print_message("\n");
            fail_msg("an octet that is not ours reached the terminal");
        }
        at += n;
    }
}

/* ---- servers ---- */

void screen_server_start(struct screen_server *s, screen_serve_fn serve, void *ctx)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t a_len = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &a_len), 0);
    snprintf(s->target, sizeof s->target, "127.0.0.1:%u", ntohs(a.sin_port));
    fflush(NULL);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        for (;;) {
            int fd = accept(listener, NULL, NULL);
            if (fd < 0)
                _exit(0);
            serve(fd, ctx);
            close(fd);
        }
    }
    close(listener);
}

void screen_server_stop(struct screen_server *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    s->pid = 0;
}

bool screen_put(int fd, const void *octets, size_t len)
{
    const char *at = octets;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

bool screen_get_line(int fd, char *out, size_t out_octets)
{
    size_t len = 0;
    char c;
    while (read(fd, &c, 1) == 1) {
        if (len + 1 < out_octets)
            out[len++] = c;
        if (c == '\n') {
            out[len] = '\0';
            return true;
        }
    }
    return false;
}
