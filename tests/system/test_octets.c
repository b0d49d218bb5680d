/* What arrives is what was meant, octet for octet: every kind of content, by DATA and by BDAT in
 * chunks of several sizes, at a receiver in Python and in the practice server's own store. (Postfix
 * and a receiver in C, with 50 MB, are in test_postfix.c and test_transports.c.) */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/peers.h"
#include "base/mem.h"

static char *dir;

#define HEAD "Subject: octets\r\n\r\n"
#define CONTENT(name, text)                                                                        \
    {                                                                                              \
        name, text, sizeof text - 1                                                                \
    }
static const struct {
    const char *name, *octets;
    size_t n;
} contents[] = {
    CONTENT("text", HEAD "one\r\ntwo\r\n"),
    CONTENT("LF", "Subject: octets\n\none\ntwo\n"),
    CONTENT("LF and CRLF", HEAD "one\ntwo\r\nthree\n"),
    CONTENT("dots", HEAD ".\r\n..\r\n...\r\n.a\r\nb.\r\n. \r\n.\r\n"),
    CONTENT("dots behind LF", "Subject: octets\n\n.\n..\n.a\n.\n"),
    CONTENT("8-bit", HEAD "\303\244\377\200\376\r\n"),
    CONTENT("NUL", HEAD "a\0b\0\0\r\n\0"),
    CONTENT("controls", HEAD "\001\002\033[31m\177\r\n"),
    CONTENT("bare CR", HEAD "a\rb\r\r\nc\r"),
    CONTENT("no last line end", HEAD "end"),
    CONTENT("no last line end, a dot", HEAD "end\r\n."),
    CONTENT("empty lines at the end", HEAD "x\r\n\r\n\r\n"),
};

/* How it is sent; what is changed on the way is all that is meant to be. */
static const struct {
    const char *args[4];
    bool mend; /* LF becomes CRLF */
    bool end;  /* the last line is ended */
} ways[] = {
    {{NULL}, true, true},
    {{"--bdat", "1"}, true, false},
    {{"--bdat", "7"}, true, false},
    {{"--bdat", "100000"}, true, false},
    {{"--bdat", "5", "--binary"}, false, false},
};

static size_t meant(size_t content, size_t way, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < contents[content].n; i++) {
        char c = contents[content].octets[i];
        if (ways[way].mend && c == '\n' && (n == 0 || out[n - 1] != '\r'))
            out[n++] = '\r';
        out[n++] = c;
    }
    if (ways[way].end && (n < 2 || out[n - 2] != '\r' || out[n - 1] != '\n')) {
        out[n++] = '\r';
        out[n++] = '\n';
    }
    return n;
}

static void send_one(const char *target, size_t content, size_t way)
{
    char *file = proc_path(dir, "message");
    const char *argv[16] = {proc_smtpscope(), "send", "--quiet",         "--tls",
                            "none",           "--to", "bob@example.test"};
    size_t n = 7;
    for (size_t i = 0; i < 4 && ways[way].args[i]; i++)
        argv[n++] = ways[way].args[i];
    argv[n++] = target;
    argv[n++] = file;
    argv[n] = NULL;
    proc_write_file(file, contents[content].octets, contents[content].n);
    struct proc *p = proc_run(argv, proc_env(dir), NULL, 0);
    if (p->status != 0)
        fail_msg("%s, way %zu: status %d: %s%s", contents[content].name, way, p->status,
                 p->out_text.ptr, p->err_text.ptr);
    proc_free(&p);
    mem_free(file);
}

static void in_python(void **state)
{
    (void)state;
    char *got_path = proc_path(dir, "got");
    peer_need("python3");
    const char *argv[] = {"python3", "tests/lib/receiver.py", got_path, NULL};
    struct proc *receiver = proc_start(argv, NULL);
    char *port = proc_line(receiver, "port ");
    char *target = mem_printf("127.0.0.1:%s", port);
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
            char want[256];
            size_t n = meant(i, way, want);
            send_one(target, i, way);
            struct proc_text got = proc_read_file(got_path);
            if (got.len != n || memcmp(got.ptr, want, n) != 0)
                fail_msg("%s, way %zu: %zu octets arrived, %zu were meant", contents[i].name, way,
                         got.len, n);
            mem_free(got.ptr);
        }
    }
    proc_kill(receiver, SIGTERM);
    proc_wait(receiver, 5000);
    proc_free(&receiver);
    mem_free(port);
    mem_free(target);
    mem_free(got_path);
}

/* The one message in this Maildir, which it leaves. */
static struct proc_text take_message(const char *maildir)
{
    struct proc_text got = {0};
    char *folder = mem_printf("%s/bob/new", maildir);
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        char *path = mem_printf("%s/%s", folder, e->d_name);
        assert_null(got.ptr); /* one only */
        got = proc_read_file(path);
        unlink(path);
        mem_free(path);
    }
    closedir(d);
    mem_free(folder);
    assert_non_null(got.ptr);
    return got;
}

/* In a Maildir lines end with LF where all of them ended with CRLF; else nothing is changed. */
static size_t as_stored(char *text, size_t n)
{
    size_t out = 0;
    for (size_t i = 0; i < n; i++)
        if ((text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) ||
            (text[i] == '\r' && (i + 1 == n || text[i + 1] != '\n')))
            return n;
    for (size_t i = 0; i < n; i++)
        if (text[i] != '\r')
            text[out++] = text[i];
    return out;
}

static void in_the_store(void **state)
{
    (void)state;
    char *maildir = proc_path(dir, "mail");
    const char *argv[] = {proc_smtpscope(), "serve", "--quiet", "--smtp", "0",
                          "--maildir",      maildir, "--relax", "all",    NULL};
    struct proc *serve = proc_start(argv, proc_env(dir));
    char *at = proc_line(serve, "smtp ");
    mem_free(proc_line(serve, "ready"));
    char *target = mem_printf("smtp://%s", at);
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
            char want[256];
            size_t n = meant(i, way, want);
            n = as_stored(want, n);
            send_one(target, i, way);
            struct proc_text got = take_message(maildir);
            /* The trace fields of delivery stand in front. */
            if (got.len < n || memcmp(got.ptr + got.len - n, want, n) != 0 ||
                strncmp(got.ptr, "Return-Path: ", 13) != 0)
                fail_msg("%s, way %zu: not what was meant in the %zu octets stored",
                         contents[i].name, way, got.len);
            mem_free(got.ptr);
        }
    }
    proc_kill(serve, SIGTERM);
    assert_int_equal(proc_wait(serve, 5000), 0);
    proc_free(&serve);
    mem_free(at);
    mem_free(target);
    mem_free(maildir);
}

static int setup(void **state)
{
    (void)state;
    dir = proc_dir("octets");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    proc_dir_remove(&dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_python),
        cmocka_unit_test(in_the_store),
    };
    return cmocka_run_group_tests_name("octets", tests, setup, teardown);
}
