/* Fetch every message of a maildrop, one RETR after the other, and delete none.
 *
 * usage: pop3get PORT USER PASSWORD     prints "N messages, M octets"; status 1 where something is
 * not as it should be */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static FILE *in;
static int out;
static char line[65536];

static bool next(void)
{
    return fgets(line, sizeof line, in) != NULL;
}

static bool say(const char *text)
{
    size_t len = strlen(text);
    return write(out, text, len) == (ssize_t)len && next() && strncmp(line, "+OK", 3) == 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char command[600];
    long messages = 0;
    unsigned long octets = 0;
    if (argc < 4)
        return 1;
    at.sin_port = htons((unsigned short)atoi(argv[1]));
    out = socket(AF_INET, SOCK_STREAM, 0);
    if (out < 0 || connect(out, (struct sockaddr *)&at, sizeof at) != 0 || !(in = fdopen(out, "r")))
        return 1;
    setvbuf(in, NULL, _IOFBF, 65536);
    snprintf(command, sizeof command, "USER %.200s\r\n", argv[2]);
    if (!next() || !say(command))
        return 1;
    snprintf(command, sizeof command, "PASS %.200s\r\n", argv[3]);
    if (!say(command) || !say("STAT\r\n") || sscanf(line, "+OK %ld", &messages) != 1)
        return 1;
    for (long i = 1; i <= messages; i++) {
        snprintf(command, sizeof command, "RETR %ld\r\n", i);
        if (!say(command))
            return 1;
        while (next() && strcmp(line, ".\r\n") != 0)
            octets += strlen(line);
    }
    bool ok = say("QUIT\r\n") && messages > 0 && octets > 0;
    printf("%ld messages, %lu octets\n", messages, octets);
    return ok ? 0 : 1;
}
