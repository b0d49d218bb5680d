/* user@domain: the program asks a resolver of ours for the domain's mail exchangers, tries them in
 * order of preference, and says what it met. The resolver is a forked process that knows one small
 * zone. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/proc.h"

enum { TYPE_A = 1, TYPE_MX = 15, RCODE_NXDOMAIN = 3, MESSAGE_OCTETS = 512 };

static const struct {
    const char *name;
    int type;
    unsigned preference;
    const char *data; /* address, or exchanger ("": null MX) */
} zone[] = {
    {"example.test", TYPE_MX, 20, "live.example.test"},
    {"example.test", TYPE_MX, 10, "dead.example.test"},
    {"dead.example.test", TYPE_A, 0, "127.0.0.2"},
    {"live.example.test", TYPE_A, 0, "127.0.0.1"},
    {"plain.example.test", TYPE_A, 0, "127.0.0.1"},
    {"never.example.test", TYPE_MX, 0, ""},
};
enum { N_ZONE = sizeof zone / sizeof zone[0] };

static uint8_t *put_u16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
    return p + 2;
}

static uint8_t *put_name(uint8_t *p, const char *name)
{
    while (*name) {
        size_t n = strcspn(name, ".");
        *p++ = (uint8_t)n;
        memcpy(p, name, n);
        p += n;
        name += n + (name[n] == '.');
    }
    *p++ = 0;
    return p;
}

/* The question's name as text, lower case; returns its length in the message, 0: not to be read. */
static size_t read_name(const uint8_t *p, const uint8_t *end, char *out, size_t out_octets)
{
    const uint8_t *start = p;
    size_t at = 0;
    while (p < end && *p) {
        size_t n = *p++;
        if (n > 63 || p + n > end || at + n + 2 > out_octets)
            return 0;
        if (at)
            out[at++] = '.';
        for (size_t i = 0; i < n; i++)
            out[at++] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] + 32 : p[i]);
        p += n;
    }
    out[at] = '\0';
    return (size_t)(p + 1 - start);
}

static uint8_t *put_record(uint8_t *p, size_t row)
{
    p = put_u16(p, 0xc00c); /* the question's name */
    p = put_u16(p, (unsigned)zone[row].type);
    p = put_u16(p, 1);
    p = put_u16(put_u16(p, 0), 60);
    uint8_t *length = p;
    p += 2;
    if (zone[row].type == TYPE_A) {
        inet_pton(AF_INET, zone[row].data, p);
        p += 4;
    } else {
        p = put_u16(p, zone[row].preference);
        p = put_name(p, zone[row].data);
    }
    put_u16(length, (unsigned)(p - length - 2));
    return p;
}

static size_t answer(uint8_t *m, size_t octets)
{
    char name[256];
    size_t n = octets > 12 ? read_name(m + 12, m + octets, name, sizeof name) : 0;
    if (n == 0 || 12 + n + 4 > octets)
        return 0;
    int type = m[12 + n] << 8 | m[12 + n + 1];
    uint8_t *p = m + 12 + n + 4;
    unsigned answers = 0;
    bool known = false;
    for (size_t i = 0; i < N_ZONE; i++) {
        known = known || strcmp(zone[i].name, name) == 0;
        if (strcmp(zone[i].name, name) == 0 && zone[i].type == type) {
            p = put_record(p, i);
            answers++;
        }
    }
    m[2] = 0x84 | (m[2] & 1);
    m[3] = (uint8_t)(0x80 | (known ? 0 : RCODE_NXDOMAIN));
    put_u16(m + 4, 1);
    put_u16(m + 6, answers);
    put_u16(put_u16(m + 8, 0), 0);
    return (size_t)(p - m);
}

static _Noreturn void resolve(int fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        uint8_t m[MESSAGE_OCTETS * 4];
        struct sockaddr_in from;
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(fd, m, MESSAGE_OCTETS, 0, (struct sockaddr *)&from, &len);
        size_t octets = n > 0 ? answer(m, (size_t)n) : 0;
        if (octets)
            sendto(fd, m, octets, 0, (struct sockaddr *)&from, len);
    }
}

struct world {
    pid_t resolver;
    char resolver_option[40];
    struct proc *server;
    unsigned port;
    char *dir;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        return -1;
    snprintf(w->resolver_option, sizeof w->resolver_option, "--resolver=127.0.0.1@%u",
             ntohs(at.sin_port));
    w->resolver = fork();
    if (w->resolver == 0)
        resolve(fd);
    close(fd);
    w->dir = proc_dir("mx");
    const char *argv[] = {proc_smtpscope(), "serve", "--smtp", "0", NULL};
    w->server = proc_start(argv, proc_env(w->dir));
    char *address = proc_line(w->server, "smtp 127.0.0.1:");
    w->port = (unsigned)strtoul(address, NULL, 10);
    free(address);
    free(proc_line(w->server, "ready"));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    proc_free(&w->server);
    kill(w->resolver, SIGKILL);
    waitpid(w->resolver, NULL, 0);
    proc_dir_remove(&w->dir);
    free(w);
    return 0;
}

static struct proc *send_to(struct world *w, const char *domain)
{
    char target[160];
    snprintf(target, sizeof target, "bob@%s:%u", domain, w->port);
    return proc_scope(w->dir, NULL, 0, "send", w->resolver_option, "--tls", "none", "--to",
                      "bob@example.test", "--timeout", "10", target, NULL);
}

static void exchangers_are_tried_in_order(void **state)
{
    struct proc *p = send_to(*state, "example.test");
    assert_int_equal(p->status, 0);
    /* The preferred one refuses the connection; the next one takes the mail. */
    char *dead = strstr(p->out_text.ptr, "127.0.0.2");
    char *live = strstr(p->out_text.ptr, "connected 127.0.0.1");
    assert_non_null(dead);
    assert_non_null(live);
    assert_true(dead < live);
    assert_true(proc_text_has(p->out_text, "refused"));
    assert_true(proc_text_has(p->out_text, "dead.example.test"));
    assert_true(proc_text_has(p->out_text, "250 2.0.0"));
    proc_free(&p);
}

static void no_exchanger_means_the_domain_itself(void **state)
{
    struct proc *p = send_to(*state, "plain.example.test");
    assert_int_equal(p->status, 0);
    assert_true(proc_text_has(p->out_text, "250 2.0.0"));
    proc_free(&p);
}

static void a_null_exchanger_is_said(void **state)
{
    struct proc *p = send_to(*state, "never.example.test");
    assert_int_equal(p->status, 2);
    assert_true(proc_text_has(p->out_text, "takes no mail: it has a null MX"));
    assert_false(proc_text_has(p->out_text, "connected"));
    proc_free(&p);
}

static void no_such_domain_is_said(void **state)
{
    struct proc *p = send_to(*state, "nowhere.test");
    assert_int_equal(p->status, 2);
    assert_true(proc_text_has(p->out_text, "NXDOMAIN"));
    assert_true(proc_text_has(p->out_text, "next:"));
    proc_free(&p);
}

/* --resolver practice: no network, no server of ours; each domain fails or works in its own way. */
static void the_practice_world_has_names(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *target;
        int status;
        const char *said;
    } rows[] = {
        {"bob@example.test", 0, "250 2.0.0"},
        {"bob@a-only.test", 0, "250 2.0.0"}, /* no MX: its address, where the server takes it */
        {"bob@two-mx.test", 0, "nobody is there in the practice world"}, /* then the second */
        {"bob@null-mx.test", 2, "takes no mail: it has a null MX"},
        {"bob@dangling.test", 2, "gone.dangling.test A: NXDOMAIN"},
        {"bob@servfail.test", 2, "SERVFAIL"},
        {"bob@no-such.test", 2, "NXDOMAIN"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct proc *p = proc_scope(w->dir, NULL, 0, "send", "--resolver", "practice", "--tls",
                                    "none", "--from", "ann@example.net", rows[i].target, NULL);
        if (p->status != rows[i].status || !proc_text_has(p->out_text, rows[i].said))
            fail_msg("%s: status %d\n%s", rows[i].target, p->status, p->out_text.ptr);
        proc_free(&p);
    }
}

/* The same world for other programs: serve --dns, asked by --resolver ADDRESS@PORT. */
static void the_practice_name_server_answers(void **state)
{
    struct world *w = *state;
    const char *argv[] = {proc_smtpscope(), "serve", "--dns", "0", NULL};
    struct proc *server = proc_start(argv, proc_env(w->dir));
    char *port = proc_line(server, "dns 127.0.0.1:");
    char option[80];
    snprintf(option, sizeof option, "--resolver=127.0.0.1@%s", port);
    free(port);
    free(proc_line(server, "ready"));
    struct proc *p = proc_scope(w->dir, NULL, 0, "send", option, "--to", "bob@null-mx.test",
                                "bob@null-mx.test", NULL);
    assert_int_equal(p->status, 2);
    assert_true(proc_text_has(p->out_text, "takes no mail: it has a null MX"));
    proc_free(&p);
    proc_free(&server);
}

int main(void)
{
#define WORLD(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WORLD(exchangers_are_tried_in_order), WORLD(no_exchanger_means_the_domain_itself),
        WORLD(a_null_exchanger_is_said),      WORLD(no_such_domain_is_said),
        WORLD(the_practice_world_has_names),  WORLD(the_practice_name_server_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
