/* Open many connections to a server, read each greeting, and hold them until it is killed.
 *
 * usage: hold PORT COUNT     prints "held N" when all stand
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int port = argc > 2 ? atoi(argv[1]) : 0, count = argc > 2 ? atoi(argv[2]) : 0, held = 0;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (; held < count; held++) {
        /* addresses of their own, so that ports do not run out */
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
        struct sockaddr_in from = {.sin_family = AF_INET};
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (unsigned)(held / 20000));
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        char c = 0;
        if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) != 0 ||
            connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
            perror("hold");
            break;
        }
        while (c != '\n' && read(fd, &c, 1) == 1)
            ;
        if (c != '\n')
            break;
    }
    printf("held %d\n", held);
    fflush(stdout);
    for (;;)
        pause();
}
