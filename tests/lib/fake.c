#include "fake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

static void serve(int listener, fake_fn fn, const void *ctx)
{
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 && errno != EINTR)
            _exit(1);
        if (fd < 0)
            continue;
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(listener);
            fn(fd, ctx);
            close(fd);
            _exit(0);
        }
        close(fd);
    }
}

void fake_start(struct fake *f, fake_fn fn, const void *ctx)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    f->port = ntohs(at.sin_port);
    snprintf(f->at, sizeof f->at, "127.0.0.1:%u", f->port);
    fflush(NULL);
    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        serve(listener, fn, ctx);
    }
    close(listener);
}

void fake_stop(struct fake *f)
{
    if (f->pid <= 0)
        return;
    kill(f->pid, SIGKILL);
    waitpid(f->pid, NULL, 0);
    f->pid = 0;
}

void fake_write(int fd, const void *octets, size_t n_octets)
{
    const char *at = octets;
    while (n_octets > 0) {
        ssize_t n = write(fd, at, n_octets);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(0);
        at += n;
        n_octets -= (size_t)n;
    }
}

void fake_say(int fd, const char *text)
{
    fake_write(fd, text, strlen(text));
}

void fake_hear(int fd, char *out, size_t out_octets)
{
    size_t n = 0;
    char c;
    for (;;) {
        ssize_t got = read(fd, &c, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            _exit(0);
        if (c == '\n')
            break;
        if (c != '\r' && n + 1 < out_octets)
            out[n++] = c;
    }
    out[n] = '\0';
}

void fake_behave(int fd, const char *caps, const char *until)
{
    static const struct {
        const char *verb, *reply;
    } table[] = {
        {"MAIL", "250 2.1.0 Ok\r\n"}, {"RCPT", "250 2.1.5 Ok\r\n"}, {"DATA", "354 Go on\r\n"},
        {"RSET", "250 2.0.0 Ok\r\n"}, {"NOOP", "250 2.0.0 Ok\r\n"}, {".", "250 2.0.0 Taken\r\n"},
    };
    char line[4096];
    bool in_data = false;
    for (;;) {
        fake_hear(fd, line, sizeof line);
        if (in_data && strcmp(line, ".") != 0)
            continue;
        in_data = false;
        if (until && strncasecmp(line, until, strlen(until)) == 0)
            return;
        if (strncasecmp(line, "EHLO", 4) == 0) {
            fake_say(fd, caps ? "250-fake.test\r\n" : "250 fake.test\r\n");
            fake_say(fd, caps ? caps : "");
        } else if (strncasecmp(line, "QUIT", 4) == 0) {
            fake_say(fd, "221 2.0.0 Bye\r\n");
            return;
        } else {
            const char *reply = "502 5.5.1 What?\r\n";
            for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
                if (strncasecmp(line, table[i].verb, strlen(table[i].verb)) == 0)
                    reply = table[i].reply;
            fake_say(fd, reply);
            in_data = strncasecmp(line, "DATA", 4) == 0;
        }
    }
}

void fake_wait_gone(int fd)
{
    char piece[4096];
    while (read(fd, piece, sizeof piece) > 0)
        ;
}

void fake_reset_on_close(int fd)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

/* Octets from TLS to the plain side and back until either ends. */
static void pump(SSL *ssl, int wire, int plain)
{
    char piece[16384];
    for (;;) {
        struct pollfd fds[] = {{wire, POLLIN, 0}, {plain, POLLIN, 0}};
        if (SSL_pending(ssl) == 0 && poll(fds, 2, -1) < 0)
            continue;
        if (fds[1].revents) {
            ssize_t n = read(plain, piece, sizeof piece);
            if (n <= 0) {
                SSL_shutdown(ssl);
                break;
            }
            SSL_write(ssl, piece, (int)n);
        }
        if (fds[0].revents || SSL_pending(ssl)) {
            int n = SSL_read(ssl, piece, sizeof piece);
            if (n <= 0)
                break;
            fake_write(plain, piece, (size_t)n);
        }
    }
    _exit(0);
}

int fake_tls(int fd, const char *dir)
{
    char cert[600], key[600];
    snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_file(ctx, cert, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        _exit(2);
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) != 1)
        return -1;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        _exit(2);
    if (fork() == 0) {
        close(ends[0]);
        pump(ssl, fd, ends[1]);
    }
    close(ends[1]);
    close(fd);
    return ends[0];
}
