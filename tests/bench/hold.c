/* Open many connections to a server, read each greeting, and hold them until it is killed.
 *
 * usage: hold PORT COUNT [tls]     prints "held N" when all stand; tls: from the first octet
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int connected(int port, int number)
{
    /* addresses of their own, so that ports do not run out */
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (unsigned)(number / 20000));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
        connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    perror("hold");
    return -1;
}

/* The greeting, up to its end. */
static int greeted(int fd, SSL_CTX *tls)
{
    char c = 0;
    if (tls == NULL) {
        while (c != '\n' && read(fd, &c, 1) == 1)
            ;
        return c == '\n';
    }
    SSL *ssl = SSL_new(tls); /* held, too */
    if (SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
        return 0;
    while (c != '\n' && SSL_read(ssl, &c, 1) == 1)
        ;
    return c == '\n';
}

int main(int argc, char **argv)
{
    int port = argc > 2 ? atoi(argv[1]) : 0, count = argc > 2 ? atoi(argv[2]) : 0, held = 0;
    SSL_CTX *tls = argc > 3 ? SSL_CTX_new(TLS_client_method()) : NULL;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (tls != NULL)
        SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    for (; held < count; held++) {
        int fd = connected(port, held);
        if (fd < 0 || !greeted(fd, tls))
            break;
    }
    printf("held %d\n", held);
    fflush(stdout);
    for (;;)
        pause();
}
