/* A server that misbehaves: a forked process on a free loopback port that runs one function for
 * each connection. */
#ifndef TESTS_FAKE_H
#define TESTS_FAKE_H

#include <stddef.h>
#include <sys/types.h>

/* fd blocks; the connection is closed (FIN) when it returns. */
typedef void (*fake_fn)(int fd, const void *ctx);
struct fake {
    pid_t pid;
    unsigned port;
    char at[32]; /* "127.0.0.1:PORT" */
};
void fake_start(struct fake *f, fake_fn fn, const void *ctx);
void fake_stop(struct fake *f);

/* For use inside fn. Say writes all of it; a client that has gone ends the process of the
 * connection. */
void fake_say(int fd, const char *text);
void fake_write(int fd, const void *octets, size_t n_octets);
/* Read one line, without its CRLF (cut at out_octets); ends the process when the client has gone.
 */
void fake_hear(int fd, char *out, size_t out_octets);
/* Answer commands as an ordinary server would until one begins with `until` (which is left
 * unanswered); NULL: to the end. caps are the lines behind the first of EHLO, "250-X\r\n250 Y\r\n".
 */
void fake_behave(int fd, const char *caps, const char *until);
/* Wait until the client closes. */
void fake_wait_gone(int fd);
/* RST instead of FIN at the close. */
void fake_reset_on_close(int fd);
/* TLS from here with cert.pem and key.pem of dir; what is said and heard in it goes through fd of
 * the result (a socket pair that another process pumps). -1: the handshake failed. */
int fake_tls(int fd, const char *dir);

#endif
