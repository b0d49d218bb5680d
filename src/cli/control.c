/* The control socket of `smtpscope serve`: live rules and scenarios from other programs.
 *
 * A unix socket that only its owner may use. Lines in, lines out: each command is answered by any
 * number of lines that begin with two blanks, then one that begins with "ok" or "error".
 */
#include "cli/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/vis.h"

enum {
    CLIENTS_MAX = 16,             /* limit "control-clients" */
    LINE_MAX_OCTETS = 65536,      /* limit "control-line" */
    ANSWER_MAX_OCTETS = 16 << 20, /* limit "control-answer" */
};

struct control_client {
    struct control *control;
    struct loop_watch *watch;
    int fd;
    struct buf in, out;
    bool over;
};

struct control {
    struct loop *loop;
    struct mock *mock;
    struct loop_watch *watch;
    int fd;
    char *path;
    struct control_client *clients[CLIENTS_MAX];
};

/* ---- answers ---- */

static void ok(struct buf *out, const char *text)
{
    buf_printf(out, "ok%s%s\n", *text ? " " : "", text);
}

static void failed(struct buf *out, const struct err *err)
{
    buf_append_cstr(out, "error ");
    vis_to_buf(out, slice_cstr(err->text), 0);
    if (err->next[0])
        buf_printf(out, " (%s)", err->next);
    buf_append_octet(out, '\n');
}

static void cmd_add(struct control *c, struct slice args, struct buf *out)
{
    struct err err;
    err_clear(&err);
    unsigned number = mock_rule_add(c->mock, args, &err);
    if (number > 0)
        buf_printf(out, "ok %u\n", number);
    else
        failed(out, &err);
}

static void cmd_list(struct control *c, struct slice args, struct buf *out)
{
    struct rules_info info;
    (void)args;
    for (size_t i = 0; mock_rule_at(c->mock, i, &info); i++) {
        if (info.number > 0)
            buf_printf(out, "  live %u", info.number);
        else
            buf_printf(out, "  line %u", info.line);
        buf_printf(out, " %llu/%llu ", (unsigned long long)info.matched,
                   (unsigned long long)info.hits);
        vis_to_buf(out, slice_cstr(info.text), 0);
        buf_append_octet(out, '\n');
    }
    ok(out, mock_scenario_name(c->mock));
}

static void cmd_remove(struct control *c, struct slice args, struct buf *out)
{
    uint64_t number;
    if (slice_eq_nocase(args, SLICE_LIT("all"))) {
        mock_rules_clear(c->mock);
        ok(out, "");
    } else if (slice_to_u64(args, UINT32_MAX, &number) &&
               mock_rule_remove(c->mock, (unsigned)number)) {
        ok(out, "");
    } else {
        buf_append_cstr(out, "error no live rule has this number\n");
    }
}

static void cmd_scenario(struct control *c, struct slice args, struct buf *out)
{
    struct err err;
    err_clear(&err);
    char *name = mem_slice_dup(args);
    if (args.len == 0 || mock_set_scenario(c->mock, name, console_read_scenario, NULL, &err))
        ok(out, mock_scenario_name(c->mock));
    else
        failed(out, &err);
    mem_free(name);
}

static void cmd_scenarios(struct control *c, struct slice args, struct buf *out)
{
    const struct scenario_builtin *b;
    (void)args;
    for (size_t i = 0; (b = scenario_builtin_at(i)); i++)
        buf_printf(out, "  %s\n", b->name);
    ok(out, mock_scenario_name(c->mock));
}

static void cmd_reset(struct control *c, struct slice args, struct buf *out)
{
    (void)args;
    mock_rules_clear(c->mock);
    mock_clear(c->mock);
    ok(out, "");
}

/* mailbox: a line a message; mailbox N: the octets of message N, safe to show, a line each. */
static void cmd_mailbox(struct control *c, struct slice args, struct buf *out)
{
    struct mock_message m;
    uint64_t number = 0;
    bool one = slice_to_u64(args, UINT64_MAX, &number), found = !one;
    for (size_t i = 0; mock_message_at(c->mock, i, &m); i++) {
        if (one && m.number != number)
            continue;
        found = true;
        if (!one) {
            buf_printf(out, "  %llu ", (unsigned long long)m.number);
            vis_to_buf(out, slice_cstr(m.mailbox), 0);
            buf_printf(out, " %zu from=<", m.octets.len);
            vis_to_buf(out, slice_cstr(m.from ? m.from : ""), 0);
            buf_append_cstr(out, ">\n");
            continue;
        }
        for (struct slice rest = m.octets; rest.len > 0;) {
            ptrdiff_t end = slice_find_octet(rest, '\n');
            struct slice line = end < 0 ? rest : slice_take(rest, (size_t)end);
            buf_append_cstr(out, "  ");
            vis_to_buf(out,
                       line.len > 0 && line.ptr[line.len - 1] == '\r'
                           ? slice_take(line, line.len - 1)
                           : line,
                       0);
            buf_append_octet(out, '\n');
            rest = slice_skip(rest, end < 0 ? rest.len : (size_t)end + 1);
        }
    }
    if (found)
        ok(out, "");
    else
        buf_append_cstr(out, "error no message has this number\n");
}

static void cmd_counters(struct control *c, struct slice args, struct buf *out)
{
    struct mock_counters n;
    (void)args;
    mock_counters(c->mock, &n);
    buf_printf(out,
               "  connections %llu\n  connected %llu\n  messages %llu\n  refused-recipients "
               "%llu\n  faults %llu\n  over-limit %llu\n",
               (unsigned long long)n.connections_total, (unsigned long long)n.connections_now,
               (unsigned long long)n.messages, (unsigned long long)n.refused_recipients,
               (unsigned long long)n.faults, (unsigned long long)n.over_limit);
    ok(out, "");
}

static void cmd_help(struct control *c, struct slice args, struct buf *out);

static const struct {
    const char *name, *args, *help;
    void (*run)(struct control *c, struct slice args, struct buf *out);
} commands[] = {
    {"add", "RULE", "a live rule, on one line; answers its number", cmd_add},
    {"list", "", "all rules in the order they are asked, with matched/fired", cmd_list},
    {"remove", "N|all", "take a live rule away", cmd_remove},
    {"scenario", "[NAME|FILE]", "which one, or another one", cmd_scenario},
    {"scenarios", "", "those that come with the program", cmd_scenarios},
    {"reset", "", "no mail, nothing remembered, no live rules", cmd_reset},
    {"mailbox", "[N]", "the kept messages, or message N", cmd_mailbox},
    {"counters", "", "what has happened so far", cmd_counters},
    {"help", "", "this list", cmd_help},
};

static void cmd_help(struct control *c, struct slice args, struct buf *out)
{
    (void)c;
    (void)args;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        buf_printf(out, "  %s %s: %s\n", commands[i].name, commands[i].args, commands[i].help);
    ok(out, "");
}

static void run_line(struct control_client *k, struct slice line)
{
    struct slice rest = slice_trim(line), word = slice_next_word(&rest);
    if (word.len == 0)
        return;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (slice_eq_nocase(word, slice_cstr(commands[i].name))) {
            commands[i].run(k->control, slice_trim(rest), &k->out);
            return;
        }
    buf_append_cstr(&k->out, "error unknown command; help lists them\n");
}

/* ---- a client ---- */

static void client_free(struct control_client *k)
{
    struct control *c = k->control;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (c->clients[i] == k)
            c->clients[i] = NULL;
    loop_watch_free(&k->watch);
    close(k->fd);
    buf_deinit(&k->in);
    buf_deinit(&k->out);
    mem_free(k);
}

static void take_lines(struct control_client *k)
{
    for (;;) {
        ptrdiff_t end = slice_find_octet(buf_slice(&k->in), '\n');
        if (end < 0)
            break;
        run_line(k, slice_take(buf_slice(&k->in), (size_t)end));
        buf_consume(&k->in, (size_t)end + 1);
    }
    if (k->in.len >= LINE_MAX_OCTETS) {
        buf_append_cstr(&k->out, "error limit \"control-line\" reached\n");
        k->over = true;
    }
}

static void on_client(void *ctx, unsigned ready)
{
    struct control_client *k = ctx;
    char octets[4096];
    if (ready & (LOOP_READABLE | LOOP_HANGUP)) {
        ssize_t n = read(k->fd, octets, sizeof octets);
        if (n > 0)
            buf_append(&k->in, slice_of(octets, (size_t)n));
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
            k->over = true;
        take_lines(k);
    }
    while (k->out.len > 0) {
        ssize_t n = send(k->fd, k->out.ptr, k->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0) {
            if (n < 0 && errno != EAGAIN && errno != EINTR)
                buf_reset(&k->out);
            break;
        }
        buf_consume(&k->out, (size_t)n);
    }
    if (k->over && k->out.len == 0) {
        client_free(k);
        return;
    }
    loop_watch_set(k->watch, (k->over ? 0 : LOOP_READABLE) | (k->out.len > 0 ? LOOP_WRITABLE : 0));
}

static void on_connect(void *ctx, unsigned ready)
{
    struct control *c = ctx;
    (void)ready;
    int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (c->clients[i])
            continue;
        struct control_client *k = mem_zalloc(sizeof *k);
        k->control = c;
        k->fd = fd;
        buf_init(&k->in, LINE_MAX_OCTETS + 8192);
        buf_init(&k->out, ANSWER_MAX_OCTETS);
        k->watch = loop_watch_new(c->loop, fd, LOOP_READABLE, on_client, k);
        c->clients[i] = k;
        return;
    }
    close(fd); /* limit "control-clients" */
}

/* ---- life ---- */

/* A socket nobody listens on any more is left over from a run that was killed. */
static void remove_stale(const struct sockaddr_un *at)
{
    struct stat st;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    bool stale = lstat(at->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
                 connect(fd, (const struct sockaddr *)at, sizeof *at) != 0 && errno == ECONNREFUSED;
    close(fd);
    if (stale)
        unlink(at->sun_path);
}

struct control *control_open(struct loop *l, struct mock *m, const char *path, struct err *err)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path) {
        err_set(err, ERR_USAGE, 0, "--control %.60s...: the path is too long for a socket", path);
        return NULL;
    }
    memcpy(at.sun_path, path, strlen(path));
    remove_stale(&at);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0177); /* 0600 from its first moment */
    bool up = fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 &&
              listen(fd, CLIENTS_MAX) == 0;
    int why = errno;
    umask(mask);
    if (!up) {
        err_set(err, ERR_FILE, why, "cannot make the control socket %.120s: %s", path,
                strerror(why));
        err_explain(err, "", why == EADDRINUSE ? "another program has it, or a file is there" : "");
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    struct control *c = mem_zalloc(sizeof *c);
    c->loop = l;
    c->mock = m;
    c->fd = fd;
    c->path = mem_strdup(path);
    c->watch = loop_watch_new(l, fd, LOOP_READABLE, on_connect, c);
    return c;
}

void control_close(struct control **cp)
{
    struct control *c = *cp;
    if (!c)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (c->clients[i])
            client_free(c->clients[i]);
    loop_watch_free(&c->watch);
    close(c->fd);
    unlink(c->path);
    mem_free(c->path);
    mem_free(c);
    *cp = NULL;
}
