/* A child process as the peer: `sh -c COMMAND`, its standard input and output one end of a socket
 * pair. What it writes to standard error becomes notes.
 *
 * The process outlives the link where it likes to: its record stays in a list of net's until the
 * system says that it ended, and whatever still runs when the loop goes gets SIGTERM.
 */
#include "net/net_private.h"

#include "base/mem.h"
#include "base/vis.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    STDERR_LINES_MAX = 50, /* limit "child-words": lines of standard error that become notes */
    STDERR_LINE_OCTETS = 300
};

struct child {
    struct child *next;
    struct net *net;
    struct link *link; /* NULL: gone before */
    struct journal *journal;
    uint32_t conn;
    uv_process_t process;
    int stderr_fd;
    struct loop_watch *watch;
    struct buf line;
    unsigned lines;
    bool ended, aborted;
};

static void note(struct child *c, enum event_level level, const char *text, const char *means)
{
    journal_note(c->journal, c->conn, level, text, means, "");
}

static void stderr_line(struct child *c, struct slice line)
{
    char shown[STDERR_LINE_OCTETS + 8], text[STDERR_LINE_OCTETS + 40];
    if (line.len == 0 || ++c->lines > STDERR_LINES_MAX)
        return;
    vis_to_cstr(shown, sizeof(shown), line);
    snprintf(text, sizeof(text), "the command says: %s", shown);
    note(c, LEVEL_INFO, text, c->lines == STDERR_LINES_MAX ? "more of it is not shown" : "");
}

static void stderr_close(struct child *c)
{
    loop_watch_free(&c->watch);
    if (c->stderr_fd >= 0)
        close(c->stderr_fd);
    c->stderr_fd = -1;
}

static void stderr_ready(void *ctx, unsigned ready)
{
    struct child *c = ctx;
    uint8_t piece[1024];
    ssize_t n = read(c->stderr_fd, piece, sizeof(piece));
    (void)ready;
    for (ssize_t i = 0; i < n; i++) {
        if (piece[i] == '\n' || !buf_append_octet(&c->line, piece[i])) {
            stderr_line(c, slice_trim(buf_slice(&c->line)));
            buf_reset(&c->line);
        }
    }
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    stderr_line(c, slice_trim(buf_slice(&c->line)));
    buf_reset(&c->line);
    stderr_close(c);
}

static void child_release(uv_handle_t *handle)
{
    struct child *c = handle->data;
    buf_deinit(&c->line);
    mem_free(c);
}

static void child_forget(struct child *c)
{
    struct child **at = &c->net->children;
    while (*at != NULL && *at != c)
        at = &(*at)->next;
    if (*at != NULL)
        *at = c->next;
    if (c->link != NULL)
        c->link->t.sock.child = NULL;
    c->link = NULL;
    stderr_close(c);
    uv_close((uv_handle_t *)&c->process, child_release);
}

static void child_exit(uv_process_t *process, int64_t status, int signum)
{
    struct child *c = process->data;
    char text[120];
    c->ended = true;
    while (c->stderr_fd >= 0 && c->watch != NULL) { /* its last words stand in the pipe already */
        size_t had = c->lines + c->line.len;
        stderr_ready(c, 0);
        if (c->lines + c->line.len == had)
            break;
    }
    if (signum != 0)
        snprintf(text, sizeof(text), "the command was ended by signal %d", signum);
    else
        snprintf(text, sizeof(text), "the command ended with status %lld", (long long)status);
    if (!c->aborted)
        note(c, status == 0 && signum == 0 ? LEVEL_INFO : LEVEL_WARNING, text,
             status == 127 && signum == 0 ? "the shell did not find it" : "");
    child_forget(c);
}

void child_detach(struct link *k, bool abort)
{
    struct child *c = k->t.sock.child;
    if (c == NULL)
        return;
    k->t.sock.child = NULL;
    c->link = NULL;
    if (!abort || c->ended)
        return;
    c->aborted = true;
    kill(-c->process.pid, SIGTERM);
}

void children_discard(struct net *n)
{
    while (n->children != NULL) {
        if (!n->children->ended)
            kill(-n->children->process.pid, SIGTERM);
        child_forget(n->children);
    }
}

static int spawn(struct child *c, const char *command, int fd, int error_fd)
{
    char shell[] = "/bin/sh", flag[] = "-c";
    char *text = mem_strdup(command);
    char *args[] = {shell, flag, text, NULL};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_INHERIT_FD, .data.fd = fd},
        {.flags = UV_INHERIT_FD, .data.fd = fd},
        {.flags = UV_INHERIT_FD, .data.fd = error_fd},
    };
    uv_process_options_t options = {.exit_cb = child_exit,
                                    .file = shell,
                                    .args = args,
                                    .flags = UV_PROCESS_DETACHED, /* Ctrl-C is for us alone */
                                    .stdio_count = 3,
                                    .stdio = stdio};
    int rc = uv_spawn(loop_uv(c->net->loop), &c->process, &options);
    mem_free(text);
    return rc;
}

static void came_up(struct link *k)
{
    link_came_up(k, "this program", NULL, (link_now_ns(k) - k->start->tick_ns) / 1000,
                 k->start->name);
    k->transport->arrange(k);
}

void child_run(struct link *k)
{
    if (k->state == LINK_CONNECTING)
        came_up(k);
}

static void failed(struct link *k, int code)
{
    struct err e;
    err_set(&e, ERR_CONNECT, code, "the command could not be started: %s", uv_strerror(-code));
    err_explain(&e, "the system did not make the process", "try again, or another command");
    link_down(k, DOWN_UNREACHED, &e);
}

/* What there is to do before the process: two pipes. False: errno says why. */
static bool make_pipes(int pair[2], int errors[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    if (pipe2(errors, O_CLOEXEC) != 0) {
        close(pair[0]);
        close(pair[1]);
        return false;
    }
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    fcntl(errors[0], F_SETFL, O_NONBLOCK);
    return true;
}

static void begin(struct link *k, const char *command)
{
    int pair[2], errors[2];
    if (!make_pipes(pair, errors)) {
        failed(k, errno);
        return;
    }
    struct child *c = mem_zalloc(sizeof(*c));
    c->net = k->net;
    c->journal = k->journal;
    c->conn = k->conn;
    c->stderr_fd = errors[0];
    c->process.data = c;
    buf_init(&c->line, STDERR_LINE_OCTETS);
    int rc = spawn(c, command, pair[1], errors[1]);
    close(pair[1]);
    close(errors[1]);
    c->next = k->net->children;
    k->net->children = c;
    if (rc != 0 || !socket_open(k, pair[0])) {
        c->ended = rc != 0;
        close(pair[0]);
        k->t.sock.fd = -1;
        child_forget(c);
        failed(k, rc != 0 ? -rc : EBADF);
        return;
    }
    c->watch = loop_watch_new(c->net->loop, c->stderr_fd, LOOP_READABLE, stderr_ready, c);
    c->link = k;
    k->t.sock.child = c;
    link_due(k, 0);
}

struct link *link_spawn(struct loop *l, struct journal *j, uint32_t conn, const char *command,
                        const struct link_options *options, const struct link_handlers *handlers,
                        void *ctx)
{
    struct net_address at = {.family = NET_PIPE};
    char text[160];
    struct link *k = link_new(l, j, conn, false, &transport_pipe);
    link_set_handlers(k, handlers, ctx);
    k->backstage = options->backstage;
    k->keep_wire = options->keep_wire;
    k->start = mem_zalloc(sizeof(*k->start));
    k->start->name = mem_strdup(options->name);
    k->start->tick_ns = link_now_ns(k);
    snprintf(at.path, sizeof(at.path), "%s", command);
    link_set_peer(k, &at);
    link_set_hops(k, options->hops, options->n_hops);
    net_address_format(&at, text, sizeof(text));
    JOURNAL_APPEND(j, conn, LINK_TRY, link_flags(k), 0,
                   (struct ev_link_try){.address = slice_cstr(text), .attempt = 1, .attempts = 1});
    begin(k, command);
    return k;
}
