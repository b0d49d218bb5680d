#include "proc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/utf8.h"

extern char **environ;

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void become(const char *const *argv, const char *const *env, int in, int out, int err)
{
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_DFL);
    for (size_t i = 0; env && env[i]; i++) {
        const char *eq = strchr(env[i], '=');
        char *name = mem_slice_dup(slice_of(env[i], (size_t)(eq - env[i])));
        if (eq[1])
            setenv(name, eq + 1, 1);
        else
            unsetenv(name);
    }
    execvp(argv[0], (char *const *)argv);
    fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

struct proc *proc_start(const char *const *argv, const char *const *env)
{
    int in[2], out[2], err[2];
    struct proc *p = mem_zalloc(sizeof *p);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    fflush(NULL);
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0)
        become(argv, env, in[0], out[1], err[1]);
    close(in[0]);
    close(out[1]);
    close(err[1]);
    p->in = in[1];
    p->out = out[0];
    p->err = err[0];
    fcntl(p->in, F_SETFL, O_NONBLOCK);
    fcntl(p->out, F_SETFL, O_NONBLOCK);
    fcntl(p->err, F_SETFL, O_NONBLOCK);
    p->out_text.ptr = mem_zalloc(1);
    p->err_text.ptr = mem_zalloc(1);
    return p;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Read what is there; closes at the end. */
static void take(int *fd, struct proc_text *t)
{
    char piece[65536];
    ssize_t n;
    while (*fd >= 0 && (n = read(*fd, piece, sizeof piece)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return;
        t->ptr = mem_realloc(t->ptr, t->len + (size_t)n + 1);
        memcpy(t->ptr + t->len, piece, (size_t)n);
        t->len += (size_t)n;
        t->ptr[t->len] = '\0';
    }
    close_fd(fd);
}

/* One round of waiting for output (and room for input, and the end of pidfd, where those are >= 0).
 */
static void turn(struct proc *p, bool want_room, int pidfd, int64_t until_ms)
{
    struct pollfd fds[] = {{p->out, POLLIN, 0},
                           {p->err, POLLIN, 0},
                           {want_room ? p->in : -1, POLLOUT, 0},
                           {pidfd, POLLIN, 0}};
    int64_t left_ms = until_ms - now_ms();
    poll(fds, 4, left_ms > 0 ? (int)left_ms : 0);
    if (fds[0].revents)
        take(&p->out, &p->out_text);
    if (fds[1].revents)
        take(&p->err, &p->err_text);
}

void proc_feed(struct proc *p, const void *octets, size_t n_octets)
{
    const char *at = octets;
    int64_t until_ms = now_ms() + PROC_DEADLINE_MS;
    while (n_octets > 0 && now_ms() < until_ms) {
        ssize_t n = write(p->in, at, n_octets);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            break; /* it does not read; its own words tell why */
        if (n > 0) {
            at += n;
            n_octets -= (size_t)n;
        } else {
            turn(p, true, -1, until_ms);
        }
    }
    close_fd(&p->in);
}

char *proc_line(struct proc *p, const char *prefix)
{
    int64_t until_ms = now_ms() + PROC_DEADLINE_MS;
    for (;;) {
        char *start = p->out_text.ptr + p->lines_read;
        char *end = strchr(start, '\n');
        if (end) {
            p->lines_read += (size_t)(end - start) + 1;
            if (strncmp(start, prefix, strlen(prefix)) != 0)
                continue;
            start += strlen(prefix);
            return mem_slice_dup(slice_of(start, (size_t)(end - start)));
        }
        if (p->out < 0 || now_ms() > until_ms)
            fail_msg("no line \"%s\"; it said: %s%s", prefix, p->out_text.ptr, p->err_text.ptr);
        turn(p, false, -1, until_ms);
    }
}

static void reap(struct proc *p)
{
    int status = 0;
    while (wait4(p->pid, &status, 0, &p->usage) < 0 && errno == EINTR)
        ;
    p->pid = 0;
    p->status = WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

int proc_wait(struct proc *p, unsigned deadline_ms)
{
    int64_t until_ms = now_ms() + deadline_ms;
    close_fd(&p->in);
    if (p->pid == 0)
        return p->status;
    int pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    assert_true(pidfd >= 0);
    struct pollfd ended = {pidfd, POLLIN, 0};
    while (poll(&ended, 1, 0) == 0 && now_ms() < until_ms)
        turn(p, false, pidfd, until_ms);
    bool late = poll(&ended, 1, 0) == 0;
    close(pidfd);
    if (late)
        kill(p->pid, SIGKILL);
    reap(p);
    if (late)
        p->status = -1;
    if (p->out >= 0)
        take(&p->out, &p->out_text);
    if (p->err >= 0)
        take(&p->err, &p->err_text);
    return p->status;
}

void proc_kill(struct proc *p, int signum)
{
    if (p->pid > 0)
        kill(p->pid, signum);
}

void proc_free(struct proc **p)
{
    if (!*p)
        return;
    close_fd(&(*p)->in);
    if ((*p)->pid > 0) {
        kill((*p)->pid, SIGTERM);
        proc_wait(*p, 5000);
    }
    close_fd(&(*p)->out);
    close_fd(&(*p)->err);
    mem_free((*p)->out_text.ptr);
    mem_free((*p)->err_text.ptr);
    mem_free(*p);
    *p = NULL;
}

struct proc *proc_run(const char *const *argv, const char *const *env, const void *input,
                      size_t n_octets)
{
    struct proc *p = proc_start(argv, env);
    proc_feed(p, input, n_octets);
    proc_wait(p, PROC_DEADLINE_MS);
    return p;
}

const char *proc_smtpscope(void)
{
    const char *named = getenv("SMTPSCOPE");
    return named && *named ? named : "build/plain/smtpscope";
}

const char *const *proc_env(const char *dir)
{
    static char home[1024], tmp[1024];
    static const char *env[] = {home,     tmp,         "XDG_CONFIG_HOME=", "XDG_STATE_HOME=",
                                "NETRC=", "NO_COLOR=", "SSLKEYLOGFILE=",   "LC_ALL=C.UTF-8",
                                NULL};
    snprintf(home, sizeof home, "HOME=%s", dir);
    snprintf(tmp, sizeof tmp, "TMPDIR=%s", dir);
    return env;
}

struct proc *proc_scope(const char *dir, const void *input, size_t n_octets, ...)
{
    const char *argv[64] = {proc_smtpscope()};
    va_list ap;
    va_start(ap, n_octets);
    for (size_t i = 1; i < 63 && (argv[i] = va_arg(ap, const char *)); i++)
        ;
    va_end(ap);
    return proc_run(argv, proc_env(dir), input, n_octets);
}

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

unsigned proc_free_port(void)
{
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return ntohs(at.sin_port);
}

void proc_wait_port(unsigned port)
{
    int64_t until_ms = now_ms() + PROC_DEADLINE_MS;
    struct sockaddr_in at = loopback(port);
    for (;;) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool up = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
        close(fd);
        if (up)
            return;
        if (now_ms() > until_ms)
            fail_msg("nothing listens on port %u", port);
        poll(NULL, 0, 20);
    }
}

char *proc_dir(const char *name)
{
    char cwd[512];
    assert_non_null(getcwd(cwd, sizeof cwd));
    mkdir("build", 0755);
    mkdir("build/tmp", 0755);
    char *dir = mem_printf("%s/build/tmp/%s.XXXXXX", cwd, name);
    assert_non_null(mkdtemp(dir));
    chmod(dir, 0755);
    return dir;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

void proc_dir_remove(char **dir)
{
    if (*dir && !getenv("TEST_KEEP"))
        nftw(*dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    mem_free(*dir);
    *dir = NULL;
}

char *proc_path(const char *dir, const char *name)
{
    return mem_printf("%s/%s", dir, name);
}

void proc_write_file(const char *path, const void *octets, size_t n_octets)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    const char *at = octets;
    while (n_octets > 0) {
        ssize_t n = write(fd, at, n_octets);
        assert_true(n > 0);
        at += n;
        n_octets -= (size_t)n;
    }
    close(fd);
}

struct proc_text proc_read_file(const char *path)
{
    struct proc_text t = {NULL, 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return t;
    t.ptr = mem_zalloc(1);
    take(&fd, &t);
    return t;
}

bool proc_text_has(struct proc_text t, const char *needle)
{
    return t.ptr && memmem(t.ptr, t.len, needle, strlen(needle)) != NULL;
}

void proc_assert_printable(struct proc_text t, const char *what)
{
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.ptr[i];
        bool c1 = c == 0xc2 && i + 1 < t.len && (unsigned char)t.ptr[i + 1] < 0xa0;
        if ((c < 0x20 && c != '\n') || c == 0x7f || c1)
            fail_msg("%s holds the raw octet %02x at %zu of %zu", what, c, i, t.len);
    }
    if (!utf8_valid(slice_of(t.ptr, t.len)))
        fail_msg("%s is not UTF-8", what);
}
