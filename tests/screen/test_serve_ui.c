/* smtpscope serve --ui: the console on the screen, watching what comes to the practice server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/proc.h"
#include "../lib/screen.h"

static void watches(void **state)
{
    (void)state;
    unsigned port = proc_free_port();
    char text[12], line[600];
    snprintf(text, sizeof text, "%u", port);
    const char *args[] = {"serve", "--ui", "--smtp", text, "--scenario", "greylist", NULL};
    struct vt *v = screen_open(30, 120, NULL, args);
    screen_wait(v, "Nothing has happened yet");
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    FILE *f = fdopen(fd, "r+");
    assert_non_null(fgets(line, sizeof line, f));
    static const char *const said[] = {"HELO peer.example", "MAIL FROM:<a@b.example>",
                                       "RCPT TO:<bob@example.test>"};
    for (size_t i = 0; i < 3; i++) {
        fprintf(f, "%s\r\n", said[i]);
        fflush(f);
        assert_non_null(fgets(line, sizeof line, f));
    }
    screen_wait(v, "RCPT TO:<bob@example.test>"); /* both directions */
    screen_wait(v, "450 4.2.0 <bob@example.test>");
    screen_wait(v, "Five minutes in life"); /* and what happens behind the scenes */
    fclose(f);
    screen_line(v, "/faults");
    screen_wait(v, "1/1");
    screen_quit(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
