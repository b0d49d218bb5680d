/* Exports judged by their own tools: tshark reads, decrypts and exports what pcapng holds, jq reads
 * the JSON, asciinema plays the cast, swaks-style output greps as that of swaks does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/peers.h"
#include "../lib/proc.h"
#include "../lib/vt.h"
#include "base/mem.h"

static char *work;
static const char message[] = "From: Ann <ann@example.net>\r\n"
                              "Subject: judged by others\r\n"
                              "\r\n"
                              "..twice dotted\r\n"
                              "last line\r\n";

static int setup(void **state)
{
    (void)state;
    work = proc_dir("exports");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    proc_dir_remove(&work);
    return 0;
}

static char *in_work(const char *name)
{
    return mem_printf("%s/%s", work, name);
}

static const char *program(void)
{
    static char path[4096];
    if (!path[0] && !realpath(proc_smtpscope(), path))
        fail_msg("no program %s", proc_smtpscope());
    return path;
}

/* smtpscope with TLS keys logged to keys.NAME, by a shell, as a person would; status 0. */
static void scope(const char *name, const char *arguments)
{
    char *line = mem_printf("cd %s && SSLKEYLOGFILE=%s/keys.%s HOME=%s XDG_STATE_HOME=%s "
                            "XDG_CONFIG_HOME=%s exec %s %s",
                            work, work, name, work, work, work, program(), arguments);
    const char *const argv[] = {"sh", "-c", line, NULL};
    struct proc *p = proc_run(argv, NULL, message, sizeof message - 1);
    if (p->status != 0)
        fail_msg("%s: status %d\n%s%s", arguments, p->status, p->out_text.ptr, p->err_text.ptr);
    proc_free(&p);
    mem_free(line);
}

/* What tshark prints; the caller frees. */
static char *tshark(const char *file, const char *const *more)
{
    const char *args[40] = {"-r", file};
    size_t n = 2;
    for (; more[n - 2] && n < 39; n++)
        args[n] = more[n - 2];
    struct proc *p = peer_run("tshark", NULL, 0, args);
    if (p->status != 0)
        fail_msg("tshark: status %d: %s", p->status, p->err_text.ptr);
    char *text = mem_strdup(p->out_text.ptr);
    proc_free(&p);
    return text;
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}

/* The capture of NAME.jsonl reads without a complaint, and its message comes out as it went in. */
static char *judged_capture(const char *name, const char *filter)
{
    char *capture = mem_printf("%s/%s.pcapng", work, name), *objects = in_work("objects");
    char *arguments =
        mem_printf("export --to pcapng --standard-ports --keylog keys.%s -o %s.pcapng "
                   "%s.jsonl",
                   name, name, name);
    scope(name, arguments);
    const char *const broken[] = {"-Y", "_ws.malformed || tcp.analysis.lost_segment", NULL};
    char *text = tshark(capture, broken);
    assert_string_equal(text, "");
    mem_free(text);
    const char *const dialogue[] = {"-Y", filter, NULL};
    text = tshark(capture, dialogue);
    mem_free(arguments);
    mem_free(capture);
    mem_free(objects);
    return text;
}

static void assert_exports_message(const char *name)
{
    char *capture = mem_printf("%s/%s.pcapng", work, name);
    char *to = mem_printf("imf,%s/objects.%s", work, name);
    const char *const export[] = {"--export-objects", to, "-q", NULL};
    char *text = tshark(capture, export);
    char *line = mem_printf("cat %s/objects.%s/*", work, name);
    const char *const argv[] = {"sh", "-c", line, NULL};
    struct proc *p = proc_run(argv, NULL, NULL, 0);
    /* tshark leaves the dots of the wire in. */
    has(p->out_text.ptr, "Subject: judged by others\r\n\r\n");
    has(p->out_text.ptr, "twice dotted\r\nlast line\r\n");
    proc_free(&p);
    mem_free(line);
    mem_free(text);
    mem_free(to);
    mem_free(capture);
}

static void test_starttls(void **state)
{
    (void)state;
    peer_need("tshark");
    scope("tls", "send --quiet --tls must --record tls.jsonl --from ann@example.net "
                 "--to alice@example.test practice -");
    char *text = judged_capture("tls", "smtp && tcp.port == 25");
    has(text, "C: STARTTLS");
    has(text, "C: MAIL FROM:<ann@example.net>");
    mem_free(text);
    assert_exports_message("tls");
}

/* Somebody logs in: port 587. The password is in nothing that was written. */
static void test_submission(void **state)
{
    (void)state;
    peer_need("tshark");
    scope("auth", "send --quiet --tls must --auth PLAIN --user alice --password-command 'echo "
                  "secret' --record auth.jsonl --from ann@example.net --to alice@example.test "
                  "practice -");
    char *text = judged_capture("auth", "smtp && tcp.port == 587");
    has(text, "C: MAIL FROM:<ann@example.net>");
    mem_free(text);
    assert_exports_message("auth");
}

static struct proc *serve(const char *options, const char *service, char **port_out)
{
    char *line = mem_printf("cd %s && HOME=%s exec %s serve --quiet %s --ca-out ca.pem", work, work,
                            program(), options);
    const char *const argv[] = {"sh", "-c", line, NULL};
    struct proc *p = proc_start(argv, NULL);
    char *address = proc_line(p, service);
    mem_free(proc_line(p, "ready"));
    *port_out = mem_strdup(strrchr(address, ':') + 1);
    mem_free(address);
    mem_free(line);
    return p;
}

static void test_implicit_tls(void **state)
{
    (void)state;
    peer_need("tshark");
    char *port;
    struct proc *server = serve("--submissions 0", "submissions ", &port);
    char *arguments = mem_printf("send --quiet --ca ca.pem --user alice --password-command 'echo "
                                 "secret' --record smtps.jsonl --from ann@example.net --to "
                                 "alice@example.test submissions://localhost:%s -",
                                 port);
    scope("smtps", arguments);
    proc_kill(server, 15);
    proc_free(&server);
    char *text = judged_capture("smtps", "smtp && tcp.port == 465");
    has(text, "C: MAIL FROM:<ann@example.net>");
    mem_free(text);
    assert_exports_message("smtps");
    mem_free(arguments);
    mem_free(port);
}

/* A transcript of each is enough for a capture that others decode by its port. */
static void test_pop3_and_imap(void **state)
{
    (void)state;
    static const struct {
        const char *name, *filter, *text, *has;
    } rows[] = {
        {"pop3", "pop && tcp.port == 110",
         "S: +OK ready\nC: USER ann\nS: +OK\nC: STAT\nS: +OK 1 120\nC: QUIT\nS: +OK bye\n",
         "C: STAT"},
        {"imap", "imap && tcp.port == 143",
         "S: * OK ready\nC: a1 CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: a1 OK done\n"
         "C: a2 LOGOUT\nS: * BYE\nS: a2 OK\n",
         "Request: a1 CAPABILITY"},
    };
    peer_need("tshark");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *path = in_work(rows[i].name), *capture = mem_printf("%s.pcapng", path);
        FILE *f = fopen(path, "w");
        fputs(rows[i].text, f);
        fclose(f);
        char *arguments = mem_printf("export --to pcapng --standard-ports -o %s.pcapng %s",
                                     rows[i].name, rows[i].name);
        scope(rows[i].name, arguments);
        const char *const dialogue[] = {"-Y", rows[i].filter, NULL};
        char *text = tshark(capture, dialogue);
        has(text, rows[i].has);
        mem_free(text);
        mem_free(arguments);
        mem_free(capture);
        mem_free(path);
    }
}

/* Live POP3 and IMAP sessions inside TLS, from STLS and STARTTLS and from the first octet: tshark
 * decrypts them by the keys in the capture. */
static void test_pop3_and_imap_in_tls(void **state)
{
    (void)state;
    static const struct {
        const char *name, *door, *scheme, *host, *lines, *filter, *has;
    } rows[] = {
        {"stls", "", "pop3", "practice", "/auth alice\nexpect code +OK\nSTAT\nQUIT\n",
         "pop && tcp.port == 110", "C: STAT"},
        {"istarttls", "", "imap", "practice", "/auth alice\nSELECT INBOX\nLOGOUT\n",
         "imap && tcp.port == 143", "SELECT INBOX"},
        {"pop3s", "--pop3s 0", "pop3s", "localhost", "/auth alice\nexpect code +OK\nSTAT\nQUIT\n",
         "pop && tcp.port == 995", "C: STAT"},
        {"imaps", "--imaps 0", "imaps", "localhost", "/auth alice\nSELECT INBOX\nLOGOUT\n",
         "imap && tcp.port == 993", "SELECT INBOX"},
    };
    peer_need("tshark");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *port = NULL, *service = mem_printf("%s ", rows[i].name);
        struct proc *server = *rows[i].door ? serve(rows[i].door, service, &port) : NULL;
        char *script = in_work("reading.txt");
        proc_write_file(script, rows[i].lines, strlen(rows[i].lines));
        char *arguments = mem_printf("run --quiet %s --password-command 'echo secret' --record "
                                     "%s.jsonl reading.txt %s://%s%s%s",
                                     server ? "--ca ca.pem" : "", rows[i].name, rows[i].scheme,
                                     rows[i].host, port ? ":" : "", port ? port : "");
        scope(rows[i].name, arguments);
        char *text = judged_capture(rows[i].name, rows[i].filter);
        has(text, rows[i].has);
        assert_null(strstr(text, "secret"));
        mem_free(text);
        mem_free(arguments);
        mem_free(script);
        mem_free(service);
        mem_free(port);
        if (server) {
            proc_kill(server, 15);
            proc_free(&server);
        }
    }
}

/* Marks and notes are comments of packets. */
static void test_comments(void **state)
{
    (void)state;
    peer_need("tshark");
    char *path = in_work("script");
    FILE *f = fopen(path, "w");
    fputs("EHLO client.example.net\n/mark here\n/note look at this\nQUIT\n", f);
    fclose(f);
    scope("notes", "run --quiet --record notes.jsonl script practice");
    scope("notes", "export --to pcapng --standard-ports -o notes.pcapng notes.jsonl");
    char *capture = in_work("notes.pcapng");
    const char *const fields[] = {"-T", "fields", "-e", "frame.comment", NULL};
    char *text = tshark(capture, fields);
    has(text, "mark: here; note: look at this");
    mem_free(text);
    mem_free(capture);
    mem_free(path);
}

static void test_json_by_jq(void **state)
{
    (void)state;
    const char *const argv[] = {"sh", "-c", "command -v jq", NULL};
    struct proc *p = proc_run(argv, NULL, NULL, 0);
    bool there = p->status == 0;
    proc_free(&p);
    if (!there) {
        print_message("skipped: the peer jq is not to be had\n");
        skip();
    }
    scope("jq", "send --quiet --record jq.jsonl --from ann@example.net --to bob@example.test "
                "practice -");
    scope("jq", "export --to json -o jq.json jq.jsonl");
    char *line = mem_printf("cd %s && jq -e '.connections[0].outcome == \"delivered\"' jq.json && "
                            "jq -r 'select(.kind==\"reply\" and .code==220) | .verb' jq.jsonl",
                            work);
    const char *const jq[] = {"sh", "-c", line, NULL};
    p = proc_run(jq, NULL, NULL, 0);
    if (p->status != 0)
        fail_msg("jq: %s%s", p->out_text.ptr, p->err_text.ptr);
    has(p->out_text.ptr, "CONNECT");
    proc_free(&p);
    mem_free(line);
}

/* What people grep for in the output of swaks. */
static void test_swaks_marks(void **state)
{
    (void)state;
    scope("sw", "send --quiet --tls must --record sw.jsonl --from ann@example.net "
                "--to bob@example.test practice -");
    scope("sw", "export --to swaks -o sw.swaks sw.jsonl");
    static const char *const patterns[] = {"^=== Trying ",
                                           "^=== Connected to ",
                                           "^<-  220 ",
                                           "^ -> EHLO ",
                                           "^ -> STARTTLS$",
                                           "^=== TLS started with cipher TLSv1",
                                           "^ ~> MAIL FROM:<ann@example.net>",
                                           "^<~  354 ",
                                           "^ ~> \\.$",
                                           "^<~  250 2.0.0 ",
                                           "^ ~> QUIT$",
                                           "^=== Connection closed with remote host.$"};
    char *path = in_work("sw.swaks");
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        const char *const argv[] = {"grep", "-q", patterns[i], path, NULL};
        struct proc *p = proc_run(argv, NULL, NULL, 0);
        if (p->status != 0)
            fail_msg("grep '%s' finds nothing", patterns[i]);
        proc_free(&p);
    }
    mem_free(path);
}

static void test_cast_plays(void **state)
{
    (void)state;
    peer_need("asciinema");
    peer_need("python3");
    scope("cast", "send --quiet --record cast.jsonl --from ann@example.net --to bob@example.test "
                  "practice -");
    scope("cast", "export --to cast -o x.cast cast.jsonl");
    char *cast = in_work("x.cast"), *modules, cwd[512];
    assert_non_null(getcwd(cwd, sizeof cwd));
    modules = mem_printf("PYTHONPATH=%s/build/peers/root/usr/lib/python3/dist-packages", cwd);
    const char *const argv[] = {peer_path("python3"),
                                peer_path("asciinema"),
                                "play",
                                "-s",
                                "100",
                                "-i",
                                "0.01",
                                cast,
                                NULL};
    const char *const env[] = {modules, NULL};
    struct vt *v = vt_spawn(argv, 40, 120, "xterm-256color", env);
    vt_wait_text(v, "221 2.0.0 ");
    assert_true(vt_has_text(v, "RCPT TO:<bob@example.test>"));
    vt_free(&v);
    mem_free(cast);
    mem_free(modules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starttls),
        cmocka_unit_test(test_submission),
        cmocka_unit_test(test_implicit_tls),
        cmocka_unit_test(test_pop3_and_imap),
        cmocka_unit_test(test_pop3_and_imap_in_tls),
        cmocka_unit_test(test_comments),
        cmocka_unit_test(test_json_by_jq),
        cmocka_unit_test(test_swaks_marks),
        cmocka_unit_test(test_cast_plays),
    };
    return cmocka_run_group_tests_name("exports", tests, setup, teardown);
}
