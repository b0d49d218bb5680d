/* Ways to a server, and what arrives there: proxies, the PROXY header, a command as the peer,
 * half-closing, and content octet for octet by DATA and by BDAT. The servers are this test's own:
 * they know nothing of the code under test. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/fake.h"
#include "../lib/proc.h"
#include "base/mem.h"

static char *work;

static int setup(void **state)
{
    (void)state;
    work = proc_dir("transports");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    proc_dir_remove(&work);
    return 0;
}

#define SCOPE(...) proc_scope(work, NULL, 0, ##__VA_ARGS__, NULL)

static void expect_status(const struct proc *p, int status)
{
    if (p->status != status)
        fail_msg("status %d, not %d: %s%s", p->status, status, p->out_text.ptr, p->err_text.ptr);
    proc_assert_printable(p->out_text, "standard output");
    proc_assert_printable(p->err_text, "standard error");
}

static void expect_text(const struct proc *p, const char *text)
{
    if (!proc_text_has(p->out_text, text))
        fail_msg("no \"%s\" in %s", text, p->out_text.ptr);
}

/* ---- a server that keeps what it gets ---- */

struct reader {
    int fd;
    size_t at, n;
    uint8_t octets[65536];
};

static int next(struct reader *r)
{
    if (r->at == r->n) {
        ssize_t n = read(r->fd, r->octets, sizeof(r->octets));
        if (n <= 0)
            _exit(0);
        r->n = (size_t)n;
        r->at = 0;
    }
    return r->octets[r->at++];
}

static void read_exactly(struct reader *r, size_t n, FILE *to)
{
    while (n > 0) {
        putc(next(r), to);
        size_t more = r->n - r->at < n - 1 ? r->n - r->at : n - 1;
        fwrite(r->octets + r->at, 1, more, to);
        r->at += more;
        n -= more + 1;
    }
}

/* Content up to a line with a dot alone, one dot of each line that begins with one taken away. */
static void keep_data(struct reader *r, FILE *to)
{
    int line_start = 1, prev = '\n';
    for (;;) {
        int c = next(r);
        if (line_start && c == '.') {
            int d = next(r);
            if (d == '\r') {
                int e = next(r);
                if (e == '\n')
                    return;
                putc('\r', to);
                c = e;
                prev = '\r';
            } else {
                c = d;
                prev = '.';
            }
        }
        putc(c, to);
        line_start = prev == '\r' && c == '\n';
        prev = c;
    }
}

static void line(struct reader *r, char *out, size_t out_octets)
{
    size_t n = 0;
    int c;
    while ((c = next(r)) != '\n')
        if (n + 1 < out_octets)
            out[n++] = (char)c;
    if (n > 0 && out[n - 1] == '\r')
        n--;
    out[n] = '\0';
}

static void keeping(int fd, const void *ctx)
{
    static struct reader r;
    char text[600], path[600];
    snprintf(path, sizeof(path), "%s/got", (const char *)ctx);
    FILE *to = fopen(path, "w");
    r = (struct reader){.fd = fd};
    fake_say(fd, "220 keep.test ESMTP\r\n");
    for (;;) {
        line(&r, text, sizeof(text));
        if (strncmp(text, "EHLO", 4) == 0) {
            fake_say(fd, "250-keep.test\r\n250-8BITMIME\r\n250-BINARYMIME\r\n250-CHUNKING\r\n"
                         "250-XCLIENT ADDR\r\n250 PIPELINING\r\n");
        } else if (strcmp(text, "DATA") == 0) {
            fake_say(fd, "354 go\r\n");
            keep_data(&r, to);
            fflush(to);
            fake_say(fd, "250 kept\r\n");
        } else if (strncmp(text, "BDAT ", 5) == 0) {
            read_exactly(&r, (size_t)atol(text + 5), to);
            fflush(to);
            fake_say(fd, "250 kept\r\n");
        } else if (strcmp(text, "QUIT") == 0) {
            fake_say(fd, "221 bye\r\n");
            return;
        } else {
            fake_say(fd, "250 ok\r\n");
        }
    }
}

/* ---- octets ---- */

static const struct {
    const char *name;
    const char *octets;
    size_t n;
} contents[] = {
#define CONTENT(name, text)                                                                        \
    {                                                                                              \
        name, text, sizeof(text) - 1                                                               \
    }
    CONTENT("CRLF", "Subject: x\r\n\r\nhello\r\n"),
    CONTENT("LF", "Subject: x\n\nhello\n"),
    CONTENT("dots", ".\r\n..\r\n.a\r\n\r\n.\r\nb.\r\n"),
    CONTENT("dots with LF", ".\n..\n.\n\n.\n"),
    CONTENT("8-bit", "Subject: x\r\n\r\n\303\244\377\200\r\n"),
    CONTENT("NUL", "Subject: x\r\n\r\na\0b\0\r\n"),
    CONTENT("no last line end", "Subject: x\r\n\r\nend"),
    CONTENT("bare CR", "a\rb\r\nc\r"),
    CONTENT("empty", ""),
    CONTENT("CR CR LF", "a\r\r\nb\r\n"),
#undef CONTENT
};

/* LF becomes CRLF where no CR stands before it; by DATA the last line is ended. */
static size_t meant(const char *in, size_t n, bool mend, bool end, char *out)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        if (mend && in[i] == '\n' && (i == 0 || in[i - 1] != '\r'))
            out[m++] = '\r';
        out[m++] = in[i];
    }
    if (end && (m < 2 || out[m - 2] != '\r' || out[m - 1] != '\n')) {
        /* An empty message needs none: the dot stands on a line of its own already. */
        if (m > 0) {
            out[m++] = '\r';
            out[m++] = '\n';
        }
    }
    return m;
}

static void send_and_compare(const struct fake *f, const char *name, const char *octets, size_t n,
                             const char *bdat, bool binary)
{
    char *file = proc_path(work, "message"), *kept = proc_path(work, "got");
    char *want = mem_alloc(2 * n + 4);
    size_t want_n = meant(octets, n, !binary, !bdat, want);
    proc_write_file(file, octets, n);
    struct proc *p;
    if (bdat && binary)
        p = SCOPE("send", "--quiet", "--to", "b@x.test", "--bdat", bdat, "--binary", f->at, file);
    else if (bdat)
        p = SCOPE("send", "--quiet", "--to", "b@x.test", "--bdat", bdat, "--pipeline", f->at, file);
    else
        p = SCOPE("send", "--quiet", "--to", "b@x.test", f->at, file);
    expect_status(p, 0);
    struct proc_text got = proc_read_file(kept);
    if (got.len != want_n || memcmp(got.ptr, want, want_n) != 0)
        fail_msg("%s by %s%s: %zu octets arrived, %zu were meant", name, bdat ? "BDAT " : "DATA",
                 bdat ? bdat : "", got.len, want_n);
    proc_free(&p);
    mem_free(got.ptr);
    mem_free(want);
    mem_free(file);
    mem_free(kept);
}

static void octets_arrive(void **state)
{
    struct fake f;
    (void)state;
    fake_start(&f, keeping, work);
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        send_and_compare(&f, contents[i].name, contents[i].octets, contents[i].n, NULL, false);
        send_and_compare(&f, contents[i].name, contents[i].octets, contents[i].n, "3", false);
        send_and_compare(&f, contents[i].name, contents[i].octets, contents[i].n, "1000", true);
    }
    fake_stop(&f);
}

static void fifty_megabytes_arrive(void **state)
{
    struct fake f;
    size_t n = 50 << 20;
    char *big = mem_alloc(n);
    uint32_t x = 7;
    (void)state;
    for (size_t i = 0; i < n; i++) { /* lines of any octets, some of them dots */
        x = x * 1664525 + 1013904223;
        big[i] = i % 71 == 70 ? '\n' : i % 71 == 0 && (x >> 28) == 0 ? '.' : (char)(x >> 24);
        if (big[i] == '\r' || (big[i] == '\n' && i % 71 != 70))
            big[i] = 'x';
    }
    fake_start(&f, keeping, work);
    send_and_compare(&f, "50 MB", big, n, NULL, false);
    send_and_compare(&f, "50 MB", big, n, "1048576", true);
    fake_stop(&f);
    mem_free(big);
}

/* ---- proxies ---- */

static void read_n(int fd, uint8_t *out, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = read(fd, out + at, n - at);
        if (got <= 0)
            _exit(0);
        at += (size_t)got;
    }
}

/* A SOCKS5 server that wants ann and her password, and is the mail server behind itself. */
static void socks_server(int fd, const void *ctx)
{
    uint8_t m[300];
    (void)ctx;
    read_n(fd, m, 2);
    read_n(fd, m + 2, m[1]);
    if (m[1] != 2) {
        fake_write(fd, "\5\377", 2);
        return;
    }
    fake_write(fd, "\5\2", 2);
    read_n(fd, m, 2 + 3 + 1);
    read_n(fd, m + 6, m[5]);
    bool good = memcmp(m, "\1\3ann", 5) == 0 && m[5] == 8 && memcmp(m + 6, "hush-pw1", 8) == 0;
    fake_write(fd, good ? "\1\0" : "\1\1", 2);
    if (!good)
        return;
    read_n(fd, m, 5);
    read_n(fd, m + 5, (size_t)m[4] + 2);
    if (memcmp(m, "\5\1\0\3\14mx.behind.it\0\31", 19) != 0) {
        fake_write(fd, "\5\4\0\1\0\0\0\0\0\0", 10);
        return;
    }
    fake_write(fd, "\5\0\0\1\177\0\0\1\0\31", 10);
    fake_say(fd, "220 mx.behind.it\r\n");
    fake_behave(fd, "250 HELP\r\n", NULL);
}

static void netrc(const char *text)
{
    char *path = proc_path(work, ".netrc");
    proc_write_file(path, text, strlen(text));
    chmod(path, 0600);
    mem_free(path);
}

static void socks(void **state)
{
    struct fake f;
    char *url, *record = proc_path(work, "socks.jsonl");
    (void)state;
    netrc("machine 127.0.0.1 login ann password hush-pw1\n");
    fake_start(&f, socks_server, NULL);
    url = mem_printf("socks5h://ann@%s", f.at);
    struct proc *p = SCOPE("send", "--to", "b@x.test", "--proxy", url, "--record", record,
                           "smtp://mx.behind.it");
    expect_status(p, 0);
    expect_text(p, "we: SOCKS5: connect to mx.behind.it:25");
    expect_text(p, "proxy: SOCKS5: logged in");
    expect_text(p, "220 mx.behind.it");
    struct proc_text recorded = proc_read_file(record);
    assert_true(proc_text_has(recorded, "\"hop\""));
    assert_false(proc_text_has(recorded, "hush"));
    assert_false(proc_text_has(p->out_text, "hush"));
    mem_free(recorded.ptr);
    proc_free(&p);
    /* A host the proxy does not find; a login that is wrong; a password in the URL. */
    p = SCOPE("send", "--to", "b@x.test", "--proxy", url, "smtp://elsewhere.test");
    expect_status(p, 2);
    expect_text(p, "host unreachable");
    proc_free(&p);
    netrc("machine 127.0.0.1 login ann password wrong\n");
    p = SCOPE("send", "--to", "b@x.test", "--proxy", url, "smtp://mx.behind.it");
    expect_status(p, 2);
    expect_text(p, "refused user and password");
    proc_free(&p);
    mem_free(url);
    url = mem_printf("socks5h://ann:hush-pw1@%s", f.at);
    p = SCOPE("send", "--to", "b@x.test", "--proxy", url, "smtp://mx.behind.it");
    expect_status(p, 1);
    assert_false(proc_text_has(p->out_text, "hush") || proc_text_has(p->err_text, "hush"));
    proc_free(&p);
    fake_stop(&f);
    mem_free(url);
    mem_free(record);
}

/* Each parameter that has an option of its own: as written, in one MAIL; those not offered are
 * named and sent. */
static void parameters_by_name(void **state)
{
    (void)state;
    struct proc *p =
        SCOPE("send", "--tls", "none", "--from", "ann@example.net", "--to", "bob@example.test",
              "--deliver-by", "100;RT", "--priority", "-4", "--hold-for", "60", "--hold-until",
              "2027-01-31T08:00:00Z", "--require-tls", "--mail-auth", "a+b@c.test", "--prdr",
              "--dsn-envid", "x=1", "practice");
    expect_text(p, " ENVID=x+3D1 BY=100;RT MT-PRIORITY=-4 HOLDFOR=60 "
                   "HOLDUNTIL=2027-01-31T08:00:00Z REQUIRETLS AUTH=a+2Bb@c.test PRDR\n");
    expect_text(p, "MAIL needs FUTURERELEASE and REQUIRETLS and AUTH and PRDR, "
                   "which was not offered.");
    expect_status(p, 23);
    proc_free(&p);
    p = SCOPE("send", "--from", "ann@example.net", "--to", "bob@example.test", "--deliver-by",
              "100;R", "--priority", "9", "--require-tls", "--mail-auth", "<>", "practice");
    expect_text(p, " BY=100;R MT-PRIORITY=9 REQUIRETLS AUTH=<>\n");
    expect_status(p, 0);
    assert_false(proc_text_has(p->out_text, "not offered"));
    proc_free(&p);
    /* Written wrong: said, and sent all the same. */
    p = SCOPE("send", "--tls", "none", "--from", "a@b.test", "--to", "bob@example.test",
              "--priority", "10", "practice");
    expect_text(p, "C>  MAIL FROM:<a@b.test> SIZE=");
    expect_text(p, "MT-PRIORITY=10\n");
    expect_text(p, "param-syntax");
    proc_free(&p);
}

/* A password typed in a URL is in nothing that is shown or written, wherever it was typed. */
static void passwords_typed_in_urls(void **state)
{
    (void)state;
    static const char script[] =
        "/set proxy socks5h://ann:hush-pw1@127.0.0.1:1\n/show proxy\n/set proxy ann:hush-pw2@h\n"
        "/show proxy\n/set proxy\n/alias x = /open smtp://ann:hush-pw3@127.0.0.1:1\n/alias\n"
        "/open smtp://ann:hush-pw4@practice\n/note http://ann:hush-pw5@h/\n"
        "/open smtp://ann:hush-pw6@127.0.0.1:1/x\n";
    char *record = proc_path(work, "urls.jsonl");
    struct proc *p =
        proc_scope(work, script, sizeof script - 1, "run", "--json", "--record", record, "-", NULL);
    struct proc_text recorded = proc_read_file(record);
    assert_true(proc_text_has(recorded, "/set proxy socks5h://ann:***@127.0.0.1:1"));
    assert_true(proc_text_has(recorded, "/set proxy ann:***@h"));
    assert_true(proc_text_has(recorded, "/open smtp://ann:***@practice"));
    assert_false(proc_text_has(recorded, "hush"));
    assert_false(proc_text_has(p->out_text, "hush") || proc_text_has(p->err_text, "hush"));
    mem_free(recorded.ptr);
    proc_free(&p);
    static const char *const words[][4] = {
        {"--proxy", "ann:hush-pw1@127.0.0.1:1", "practice", NULL},
        {"--proxy=socks5://ann:hush pw2@127.0.0.1:1", "practice", NULL},
        {"smtp://ann:hush-pw3@127.0.0.1:1", "a", "smtp://ann:hush-pw4@h", NULL},
        {"smtp://ann:hush-pw5@127.0.0.1:x", NULL},
        {"smtp://ann:hush-pw6@127.0.0.1:1", NULL},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        unlink(record);
        p = SCOPE("send", "--to", "b@x.test", "--record", record, words[i][0], words[i][1],
                  words[i][2], words[i][3]);
        assert_int_not_equal(p->status, 0);
        assert_false(proc_text_has(p->out_text, "hush") || proc_text_has(p->err_text, "hush"));
        if (access(record, R_OK) == 0) {
            recorded = proc_read_file(record);
            assert_false(proc_text_has(recorded, "hush"));
            mem_free(recorded.ptr);
        }
        proc_free(&p);
    }
    mem_free(record);
}

/* Takes any address or name and is the server itself. */
static void any_socks_server(int fd, const void *ctx)
{
    uint8_t m[300];
    (void)ctx;
    read_n(fd, m, 2);
    read_n(fd, m + 2, m[1]);
    fake_write(fd, "\5\0", 2);
    read_n(fd, m, 5);
    read_n(fd, m + 5, (m[3] == 1 ? 3 : m[3] == 4 ? 15 : (size_t)m[4]) + 2);
    fake_write(fd, "\5\0\0\1\177\0\0\1\0\31", 10);
    fake_say(fd, "220 behind\r\n");
    fake_behave(fd, "250 HELP\r\n", NULL);
}

/* As curl has it: socks5:// looks the name up here, socks5h:// leaves it to the proxy. */
static void who_looks_the_name_up(void **state)
{
    static const struct {
        const char *scheme, *family, *says;
    } ways[] = {
        {"socks5", "-4", "we: SOCKS5: connect to 127.0.0.1:25"},
        {"socks5h", "-4", "we: SOCKS5: connect to localhost:25"},
    };
    struct fake f;
    (void)state;
    fake_start(&f, any_socks_server, NULL);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        char *url = mem_printf("%s://%s", ways[i].scheme, f.at);
        struct proc *p =
            SCOPE("send", "--to", "b@x.test", ways[i].family, "--proxy", url, "smtp://localhost");
        expect_status(p, 0);
        expect_text(p, ways[i].says);
        proc_free(&p);
        mem_free(url);
    }
    fake_stop(&f);
}

static void http_server(int fd, const void *ctx)
{
    char text[600];
    bool to_mx = false;
    (void)ctx;
    do {
        fake_hear(fd, text, sizeof(text));
        to_mx = to_mx || strcmp(text, "CONNECT mx.behind.it:587 HTTP/1.1") == 0;
    } while (text[0] != '\0');
    if (!to_mx) {
        fake_say(fd, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        return;
    }
    fake_say(fd, "HTTP/1.1 200 ok\r\nX: y\r\n\r\n220 mx.behind.it\r\n"); /* in one write */
    fake_behave(fd, "250 HELP\r\n", NULL);
}

static void http(void **state)
{
    struct fake f;
    (void)state;
    fake_start(&f, http_server, NULL);
    char *url = mem_printf("http://%s", f.at);
    struct proc *p = SCOPE("send", "--to", "b@x.test", "--proxy", url, "submission://mx.behind.it");
    expect_status(p, 0);
    expect_text(p, "we: CONNECT mx.behind.it:587");
    expect_text(p, "proxy: HTTP/1.1 200 ok");
    proc_free(&p);
    p = SCOPE("send", "--to", "b@x.test", "--proxy", url, "smtp://mx.behind.it");
    expect_status(p, 2);
    expect_text(p, "403 Forbidden");
    proc_free(&p);
    p = SCOPE("send", "--to", "b@x.test", "--proxy", url, "practice");
    expect_status(p, 1);
    proc_free(&p);
    fake_stop(&f);
    mem_free(url);
}

/* ---- the PROXY header and XCLIENT ---- */

static void header_server(int fd, const void *ctx)
{
    char text[600];
    uint8_t head[28];
    if (strcmp(ctx, "v1") == 0) {
        fake_hear(fd, text, sizeof(text));
    } else {
        read_n(fd, head, sizeof(head));
        snprintf(text, sizeof(text), "%02x%02x %u.%u.%u.%u %u", head[12], head[13], head[16],
                 head[17], head[18], head[19], head[24] << 8 | head[25]);
    }
    fake_say(fd, "220 ");
    fake_say(fd, text);
    fake_say(fd, "\r\n");
    fake_behave(fd, "250 XCLIENT NAME ADDR\r\n", NULL);
}

static void haproxy(void **state)
{
    struct fake f;
    (void)state;
    fake_start(&f, header_server, "v1");
    struct proc *p = SCOPE("send", "--to", "b@x.test", "--haproxy", "v1", f.at);
    expect_status(p, 0);
    expect_text(p, "220 PROXY TCP4 127.0.0.1 127.0.0.1 ");
    proc_free(&p);
    p = SCOPE("send", "--to", "b@x.test", "--haproxy", "v1 192.0.2.7:99 198.51.100.1:25", f.at);
    expect_text(p, "220 PROXY TCP4 192.0.2.7 198.51.100.1 99 25");
    proc_free(&p);
    fake_stop(&f);
    fake_start(&f, header_server, "v2");
    p = SCOPE("send", "--to", "b@x.test", "--haproxy", "v2 192.0.2.7:4001", f.at);
    expect_status(p, 0);
    expect_text(p, "220 2111 192.0.2.7 4001");
    proc_free(&p);
    fake_stop(&f);
    p = SCOPE("send", "--to", "b@x.test", "--haproxy", "v9", "practice");
    expect_status(p, 1);
    proc_free(&p);
}

static void xclient(void **state)
{
    struct fake f;
    (void)state;
    fake_start(&f, keeping, work);
    struct proc *p = SCOPE("send", "--to", "b@x.test", "--xclient", "ADDR=192.0.2.7", f.at);
    expect_text(p, "C>  XCLIENT ADDR=192.0.2.7");
    expect_status(p, 0);
    proc_free(&p);
    fake_stop(&f);
}

/* ---- a command, half-closing, pauses, waits ---- */

static void command(void **state)
{
    static const char server[] =
        "printf '220 pipe.test\\r\\n'\n"
        "while IFS= read -r l; do case $l in\n"
        "DATA*) printf '354 go\\r\\n'; while IFS= read -r m; do case $m in .?) break;; esac; done\n"
        "       printf '250 kept\\r\\n';;\n"
        "QUIT*) printf '221 bye\\r\\n'; exit 0;;\n"
        "*) printf '250 ok\\r\\n';; esac; done\n"
        "printf '421 nothing more comes\\r\\n'\n";
    char *script = proc_path(work, "server.sh"), *lines = proc_path(work, "lines");
    (void)state;
    proc_write_file(script, server, sizeof(server) - 1);
    char *target = mem_printf("pipe:sh %s", script);
    struct proc *p = SCOPE("send", "--to", "b@x.test", target);
    expect_status(p, 0);
    expect_text(p, "220 pipe.test");
    proc_free(&p);
    /* It reads the end of our octets and says so; a pause cuts a line in two. */
    static const char dialogue[] =
        "/raw \"EHLO \" pause 50ms \"a\\r\\n\"\nexpect 250*\n/half-close\n"
        "expect 421* 10\n";
    proc_write_file(lines, dialogue, sizeof(dialogue) - 1);
    p = SCOPE("run", lines, target);
    expect_status(p, 0);
    proc_free(&p);
    p = SCOPE("send", "--to", "b@x.test", "pipe:echo not here >&2; exit 7");
    expect_text(p, "the command says: not here");
    assert_int_not_equal(p->status, 0);
    proc_free(&p);
    mem_free(target);
    mem_free(script);
    mem_free(lines);
}

static void silent(int fd, const void *ctx)
{
    (void)ctx;
    fake_wait_gone(fd);
}

static void waits(void **state)
{
    struct fake f;
    (void)state;
    fake_start(&f, silent, NULL);
    struct proc *p = SCOPE("send", "--to", "b@x.test", "--timeouts", "banner=1,mail=99", f.at);
    expect_status(p, 6);
    expect_text(p, "waiting for banner");
    proc_free(&p);
    fake_stop(&f);
    p = SCOPE("send", "--to", "b@x.test", "--timeouts", "coffee=1", "practice");
    expect_status(p, 1);
    proc_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(octets_arrive),
        cmocka_unit_test(fifty_megabytes_arrive),
        cmocka_unit_test(socks),
        cmocka_unit_test(http),
        cmocka_unit_test(parameters_by_name),
        cmocka_unit_test(passwords_typed_in_urls),
        cmocka_unit_test(who_looks_the_name_up),
        cmocka_unit_test(haproxy),
        cmocka_unit_test(xclient),
        cmocka_unit_test(command),
        cmocka_unit_test(waits),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
