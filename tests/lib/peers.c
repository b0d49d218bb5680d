#include "peers.h"

#include <dirent.h>
#include <glob.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "certs.h"

static const struct {
    const char *name, *path; /* below build/peers/root */
} peers[] = {
    {"mbsync", "usr/bin/mbsync"},
    {"offlineimap", "usr/bin/offlineimap"},
    {"neomutt", "usr/bin/neomutt"},
    {"postfix", "usr/lib/postfix/sbin/smtpd"},
    {"smtp-source", "usr/sbin/smtp-source"},
    {"smtp-sink", "usr/sbin/smtp-sink"},
    {"swaks", "usr/bin/swaks"},
    {"msmtp", "usr/bin/msmtp"},
    {"gsasl", "usr/bin/gsasl"},
    {"fetchmail", "usr/bin/fetchmail"},
    {"mpop", "usr/bin/mpop"},
    {"curl", "usr/bin/curl"},
    {"python3", "usr/bin/python3"},
    {"tshark", "usr/bin/tshark"},
    {"asciinema", "usr/bin/asciinema"},
    {"tmux", "usr/bin/tmux"},
};

static const char *root(void)
{
    static char path[600];
    char cwd[512];
    if (!path[0] && getcwd(cwd, sizeof cwd))
        snprintf(path, sizeof path, "%s/build/peers/root", cwd);
    return path;
}

static bool in_path(const char *name, char *out, size_t out_octets)
{
    const char *dirs = getenv("PATH");
    for (const char *d = dirs ? dirs : "/usr/bin:/bin"; *d;) {
        size_t n = strcspn(d, ":");
        snprintf(out, out_octets, "%.*s/%s", (int)n, d, name);
        if (access(out, X_OK) == 0)
            return true;
        d += n + (d[n] == ':');
    }
    return false;
}

const char *peer_path(const char *name)
{
    static char paths[sizeof peers / sizeof peers[0]][700];
    for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
        if (strcmp(peers[i].name, name) != 0)
            continue;
        snprintf(paths[i], sizeof paths[i], "%s/%s", root(), peers[i].path);
        if (access(paths[i], X_OK) == 0 || in_path(name, paths[i], sizeof paths[i]))
            return paths[i];
    }
    return NULL;
}

void peer_need(const char *name)
{
    if (peer_path(name))
        return;
    print_message("skipped: the peer %s is not to be had (tests/peers.sh)\n", name);
    skip();
}

/* Every directory that matches, with colons between. */
static void add_globbed(char **list, const char *pattern)
{
    char *whole = mem_printf("%s/%s", root(), pattern);
    glob_t found;
    if (glob(whole, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            char *longer = mem_printf("%s%s%s", *list, **list ? ":" : "", found.gl_pathv[i]);
            mem_free(*list);
            *list = longer;
        }
        globfree(&found);
    }
    mem_free(whole);
}

const char *const *peer_env(void)
{
    static char *made[3];
    static const char *env[8];
    if (!made[0]) {
        char *libs = mem_strdup(""), *perl = mem_strdup("");
        add_globbed(&libs, "usr/lib/*-linux-gnu");
        add_globbed(&libs, "lib/*-linux-gnu");
        add_globbed(&libs, "usr/lib/postfix");
        add_globbed(&perl, "usr/share/perl5");
        add_globbed(&perl, "usr/lib/*-linux-gnu/perl5/5.*");
        add_globbed(&perl, "usr/share/perl/5.*");
        add_globbed(&perl, "usr/lib/*-linux-gnu/perl/5.*");
        made[0] = mem_printf("LD_LIBRARY_PATH=%s", libs);
        made[1] = mem_printf("PERL5LIB=%s", perl);
        mem_free(libs);
        mem_free(perl);
    }
    env[0] = made[0];
    env[1] = made[1];
    env[2] = "HOME=/nonexistent";
    env[3] = "SSLKEYLOGFILE=";
    env[4] = NULL;
    return env;
}

struct proc *peer_run(const char *name, const void *input, size_t n_octets, const char *const *args)
{
    const char *argv[64] = {peer_path(name)};
    size_t n = 1;
    if (strcmp(name, "swaks") ==
        0) { /* its first line names the system's perl, which may not be there */
        argv[0] = "perl";
        argv[n++] = peer_path(name);
    }
    for (size_t i = 0; args[i] && n < 63; i++)
        argv[n++] = args[i];
    return proc_run(argv, peer_env(), input, n_octets);
}

/* --- servers of server.sh --- */

/* What it cannot be without. */
static bool have_server(const char *name)
{
    static const struct {
        const char *name, *program;
    } programs[] = {{"exim", "exim4"},
                    {"opensmtpd", "smtpd"},
                    {"dovecot", "dovecot"},
                    {"dovecot_reading", "dovecot"},
                    {"cyrus", "cyrmaster"}};
    char path[700];
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        if (strcmp(programs[i].name, name) == 0) {
            snprintf(path, sizeof path, "%s/usr/sbin/%s", root(), programs[i].program);
            return access(path, X_OK) == 0;
        }
    return false;
}

/* Mail servers speak first: who greets is up. */
static bool greets(unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    char octet;
    bool up = connect(fd, (struct sockaddr *)&at, sizeof at) == 0 && poll(&poll_fd, 1, 3000) == 1 &&
              recv(fd, &octet, 1, 0) == 1;
    close(fd);
    return up;
}

static bool ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

struct proc *peer_server_start(const char *name, const char *dir, unsigned ports[3],
                               const char **why_out)
{
    char text[3][12];
    if (geteuid() != 0 || !have_server(name)) {
        *why_out = geteuid() != 0 ? "needs root" : "is not under build/peers (tests/peers.sh)";
        return NULL;
    }
    mkdir(dir, 0755);
    certs_make(dir, CERT_GOOD);
    for (int i = 0; i < 3; i++) {
        ports[i] = ports[i] ? ports[i] : proc_free_port();
        snprintf(text[i], sizeof text[i], "%u", ports[i]);
    }
    const char *argv[] = {"unshare", "-m",    "sh", "tests/lib/server.sh", name, dir, text[0],
                          text[1],   text[2], NULL};
    struct proc *p = proc_start(argv, NULL);
    for (unsigned i = 0; i < 400 && !ended(p->pid); i++) {
        if (greets(ports[0]))
            return p;
        poll(NULL, 0, 20); /* between two looks */
    }
    *why_out = "does not start here";
    proc_free(&p);
    return NULL;
}

/* --- Postfix --- */

void postfix_start(struct postfix *p)
{
    *p = (struct postfix){0};
    peer_need("postfix");
    if (getuid() != 0) {
        print_message("skipped: Postfix insists on root\n");
        skip();
    }
    p->dir = proc_dir("postfix");
    certs_make(p->dir, CERT_GOOD);
    p->smtp = proc_free_port();
    p->submission = proc_free_port();
    char smtp[16], submission[16];
    snprintf(smtp, sizeof smtp, "%u", p->smtp);
    snprintf(submission, sizeof submission, "%u", p->submission);
    const char *argv[] = {"sh", "tests/lib/postfix.sh", p->dir, smtp, submission, NULL};
    p->proc = proc_start(argv, NULL);
    proc_wait_port(p->smtp);
    proc_wait_port(p->submission);
}

void postfix_stop(struct postfix *p)
{
    if (p->proc && getenv("TEST_KEEP"))
        print_message("Postfix's log: %s/maillog\n", p->dir);
    proc_free(&p->proc);
    proc_dir_remove(&p->dir);
}

static char *first_file(const char *dir)
{
    DIR *d = opendir(dir);
    char *found = NULL;
    for (struct dirent *e; d && !found && (e = readdir(d));)
        if (e->d_name[0] != '.')
            found = proc_path(dir, e->d_name);
    if (d)
        closedir(d);
    return found;
}

/* Behind "Received: by mail.postfix.test" and its folded lines, which Postfix puts last in front.
 */
static size_t own_start(struct proc_text t)
{
    static const char mark[] = "Received: from ";
    char *at = memmem(t.ptr, t.len, mark, sizeof mark - 1);
    assert_non_null(at);
    do {
        at = strchr(at, '\n');
        assert_non_null(at);
        at++;
    } while (*at == '\t' || *at == ' ');
    return (size_t)(at - t.ptr);
}

struct proc_text postfix_message(struct postfix *p, const char *user)
{
    char *dir = mem_printf("%s/mail/%s/new", p->dir, user);
    char *path = NULL;
    for (int tries = 0; !(path = first_file(dir)); tries++) {
        if (tries > PROC_DEADLINE_MS / 20)
            fail_msg("no mail for %s; see %s/maillog", user, p->dir);
        poll(NULL, 0, 20);
    }
    struct proc_text t = proc_read_file(path);
    size_t front = own_start(t);
    memmove(t.ptr, t.ptr + front, t.len - front + 1);
    t.len -= front;
    unlink(path);
    mem_free(path);
    mem_free(dir);
    return t;
}
