/* The program as scripts and shells meet it: usage, results as JSON, recordings, secrets,
 * redirections, exit status. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "../lib/fake.h"
#include "../lib/proc.h"
#include "base/base64.h"
#include "base/mem.h"

static char *work;
static const char body[] = "Subject: x\n\nhello\n";
#define SENTINEL "Xyzzy-Plugh-42"

static int setup(void **state)
{
    (void)state;
    work = proc_dir("cli");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    proc_dir_remove(&work);
    return 0;
}

static size_t feed_len(const char *text)
{
    return text ? strlen(text) : 0;
}
#define SCOPE(input, ...) proc_scope(work, input, feed_len(input), ##__VA_ARGS__, NULL)

static void expect_status(const struct proc *p, int status)
{
    if (p->status != status)
        fail_msg("status %d, not %d: %s%s", p->status, status, p->out_text.ptr, p->err_text.ptr);
    proc_assert_printable(p->out_text, "standard output");
    proc_assert_printable(p->err_text, "standard error");
}

static size_t lines_of(struct proc_text t)
{
    size_t n = 0;
    for (size_t i = 0; i < t.len; i++)
        n += t.ptr[i] == '\n';
    return n;
}

/* --- usage --- */

static void usage_errors_are_one_line(void **state)
{
    static const struct {
        const char *argv[8];
        const char *says;
    } rows[] = {
        {{"send"}, "target"},
        {{"send", "--recrod", "x", "practice"}, "--record"},
        {{"send", "--to"}, "--to"},
        {{"send", "--tls", "maybe", "practice"}, "must"},
        {{"send", "--timeout", "soon", "practice"}, "timeout"},
        {{"send", "--password", "x", "practice"}, "--password-command"},
        {{"send", "-x", "practice"}, "-x"},
        {{"send", "practice", "a", "b"}, "b"},
        {{"run"}, "script"},
        {{"run", "/nonexistent/script", "practice"}, "/nonexistent/script"},
        {{"show"}, "recording"},
        {{"show", "/nonexistent/recording"}, "/nonexistent/recording"},
        {{"serve", "--smtp", "70000"}, "70000"},
        {{"serve", "--host", "nowhere", "--smtp", "0"}, "nowhere"},
        {{"serve", "--host", "0.0.0.0", "--smtp", "0"}, "0.0.0.0"},
        {{"serve", "--host", "0.0.0.0", "--smtp", "0", "--allow-remote"}, "0.0.0.0"},
        {{"help", "no-such-topic"}, "no-such-topic"},
        {{"send", "--to", "a@b.test", "http://example.test/"}, "http"},
        {{"send", "--to", "a@b.test", "host:99999"}, "port"},
        {{"send", "--to", "alice@example.test", "practice", "/nonexistent/file"},
         "/nonexistent/file"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *argv[12] = {proc_smtpscope()};
        for (size_t k = 0; k < 8 && rows[i].argv[k]; k++)
            argv[k + 1] = rows[i].argv[k];
        struct proc *p = proc_run(argv, proc_env(work), NULL, 0);
        if (p->status != 1)
            fail_msg("row %zu (%s): status %d: %s%s", i, rows[i].says, p->status, p->out_text.ptr,
                     p->err_text.ptr);
        char *first_end = strchr(p->err_text.ptr, '\n');
        bool named = first_end && memmem(p->err_text.ptr, (size_t)(first_end - p->err_text.ptr),
                                         rows[i].says, strlen(rows[i].says));
        if (!named)
            fail_msg("row %zu: \"%s\" is not in the first line of: %s", i, rows[i].says,
                     p->err_text.ptr);
        proc_assert_printable(p->err_text, "standard error");
        proc_free(&p);
    }
}

static void hostile_arguments_are_shown_safely(void **state)
{
    (void)state;
    struct proc *p = SCOPE(NULL, "send", "--to", "a@b.test", "\x1b[2Jhost:99999");
    expect_status(p, 1);
    proc_free(&p);
    p = SCOPE(NULL, "send", "--\x1b[2J");
    expect_status(p, 1);
    proc_free(&p);
    p = SCOPE(NULL, "help", "\x1b]0;x\x07");
    expect_status(p, 1);
    proc_free(&p);
}

static void help_and_version(void **state)
{
    static const char *const topics[] = {"send",     "run",  "serve", "show",   "help", "open",
                                         "commands", "keys", "magic", "status", "tls"};
    (void)state;
    struct proc *p = SCOPE(NULL, "--version");
    expect_status(p, 0);
    assert_int_equal(lines_of(p->out_text), 1);
    assert_true(strncmp(p->out_text.ptr, "smtpscope ", 10) == 0);
    proc_free(&p);
    p = SCOPE(NULL, "--help");
    expect_status(p, 0);
    assert_true(proc_text_has(p->out_text, "send"));
    proc_free(&p);
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        p = SCOPE(NULL, "help", topics[i]);
        expect_status(p, 0);
        assert_true(p->out_text.len > 20);
        proc_free(&p);
    }
}

/* --- JSON --- */

static json_t *json_of(const struct proc *p)
{
    json_error_t e;
    json_t *j = json_loadb(p->out_text.ptr, p->out_text.len, 0, &e);
    if (!j)
        fail_msg("not JSON: %s in %s", e.text, p->out_text.ptr);
    assert_int_equal(lines_of(p->out_text), 1);
    return j;
}

static void json_tells_the_result(void **state)
{
    (void)state;
    char *record = proc_path(work, "json.rec");
    struct proc *p =
        SCOPE(body, "send", "--json", "--record", record, "--from", "ann@example.net", "--to",
              "alice@example.test", "--to", "nobody@example.test", "practice", "-");
    expect_status(p, 0);
    json_t *j = json_of(p);
    assert_true(json_is_true(json_object_get(j, "ok")));
    assert_int_equal(json_integer_value(json_object_get(j, "status")), 0);
    assert_non_null(json_string_value(json_object_get(j, "stage")));
    assert_int_equal(json_integer_value(json_object_get(j, "code")), 250);
    assert_string_equal(json_string_value(json_object_get(j, "enhanced")), "2.0.0");
    assert_string_equal(json_string_value(json_object_get(j, "class")), "success");
    assert_string_equal(json_string_value(json_object_get(j, "recording")), record);
    json_t *to = json_object_get(j, "recipients");
    assert_int_equal(json_array_size(to), 2);
    assert_true(json_is_true(json_object_get(json_array_get(to, 0), "accepted")));
    assert_true(json_is_false(json_object_get(json_array_get(to, 1), "accepted")));
    assert_int_equal(json_integer_value(json_object_get(json_array_get(to, 1), "code")), 550);
    assert_string_equal(json_string_value(json_object_get(json_array_get(to, 1), "enhanced")),
                        "5.1.1");
    json_t *tls = json_object_get(j, "tls");
    assert_true(json_is_true(json_object_get(tls, "on")));
    assert_true(json_is_true(json_object_get(tls, "verified")));
    json_decref(j);
    proc_free(&p);

    p = SCOPE(body, "send", "--json", "--tls", "none", "--to", "any+552-5.3.4.dot@example.test",
              "practice", "-");
    expect_status(p, 26);
    j = json_of(p);
    assert_true(json_is_false(json_object_get(j, "ok")));
    assert_int_equal(json_integer_value(json_object_get(j, "code")), 552);
    assert_string_equal(json_string_value(json_object_get(j, "enhanced")), "5.3.4");
    assert_string_equal(json_string_value(json_object_get(j, "class")), "permanent");
    assert_true(json_is_null(json_object_get(j, "tls")));
    json_decref(j);
    proc_free(&p);

    char *nowhere = mem_printf("127.0.0.1:%u", proc_free_port());
    p = SCOPE(body, "send", "--json", "--to", "a@b.test", nowhere, "-");
    expect_status(p, 2);
    j = json_of(p);
    assert_non_null(json_string_value(json_object_get(j, "error")));
    json_decref(j);
    proc_free(&p);
    mem_free(nowhere);
    mem_free(record);
}

static void quit_after_stops_there(void **state)
{
    static const char *const stages[] = {"banner", "ehlo", "tls",  "auth",
                                         "mail",   "rcpt", "data", "dot"};
    (void)state;
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        struct proc *p =
            SCOPE(body, "send", "--quit-after", stages[i], "--user", "alice", "--password-command",
                  "echo secret", "--to", "alice@example.test", "practice", "-");
        expect_status(p, 0);
        /* Behind 354 a QUIT would be content: the connection is closed without one. */
        assert_int_equal(proc_text_has(p->out_text, "221"), strcmp(stages[i], "data") != 0);
        assert_int_equal(proc_text_has(p->out_text, "MAIL FROM"), i >= 4);
        assert_int_equal(proc_text_has(p->out_text, "RCPT TO"), i >= 5);
        proc_free(&p);
    }
}

static void exit_numbers_as_sysexits(void **state)
{
    static const struct {
        const char *to;
        int swaks, sysexits;
    } rows[] = {{"alice@example.test", 0, 0},
                {"nobody@example.test", 24, 69},
                {"any+554.data@example.test", 25, 69},
                {"any+552.dot@example.test", 26, 69},
                {"any+drop@example.test", 6, 75}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct proc *p = SCOPE(body, "send", "--quiet", "--to", rows[i].to, "practice", "-");
        expect_status(p, rows[i].swaks);
        proc_free(&p);
        p = SCOPE(body, "send", "--quiet", "--exit", "sysexits", "--to", rows[i].to, "practice",
                  "-");
        expect_status(p, rows[i].sysexits);
        proc_free(&p);
    }
    struct proc *p =
        SCOPE(NULL, "send", "--exit", "sysexits", "--to", "x", "--from", "a@b.test", "host:99999");
    expect_status(p, 64);
    proc_free(&p);
    p = SCOPE(body, "send", "--exit", "sysexits", "--quiet", "--user", "alice",
              "--password-command", "echo wrong", "--to", "alice@example.test", "practice", "-");
    expect_status(p, 77);
    proc_free(&p);
}

/* --- recordings --- */

static void a_recording_reads_back(void **state)
{
    (void)state;
    char *record = proc_path(work, "one.rec");
    struct stat st;
    struct proc *p =
        SCOPE(body, "send", "--record", record, "--to", "alice@example.test", "practice", "-");
    expect_status(p, 0);
    assert_int_equal(stat(record, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    struct proc *shown = SCOPE(NULL, "show", record);
    expect_status(shown, 0);
    assert_true(proc_text_has(shown->out_text, "RCPT TO:<alice@example.test>"));
    assert_true(proc_text_has(shown->out_text, "221"));
    /* the very lines that were printed */
    if (strcmp(shown->out_text.ptr, p->out_text.ptr) != 0)
        fail_msg("live: %s\nshown: %s", p->out_text.ptr, shown->out_text.ptr);
    proc_free(&p);
    proc_free(&shown);

    struct proc_text before = proc_read_file(record);
    p = SCOPE(body, "send", "--record", record, "--to", "bob@example.test", "practice", "-");
    struct proc_text after = proc_read_file(record);
    assert_true(p->status != 0);
    assert_true(proc_text_has(p->err_text, record));
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.ptr, after.ptr, before.len);
    proc_free(&p);
    mem_free(before.ptr);
    mem_free(after.ptr);
    mem_free(record);
}

static void recording_to_standard_output(void **state)
{
    (void)state;
    struct proc *p =
        SCOPE(body, "send", "--record", "-", "--to", "alice@example.test", "practice", "-");
    expect_status(p, 0);
    char *save = p->out_text.ptr;
    for (char *line = save; *line;) { /* nothing but events, one a line */
        char *end = strchr(line, '\n');
        assert_non_null(end);
        json_t *j = json_loadb(line, (size_t)(end - line), 0, NULL);
        if (!j)
            fail_msg("no event: %.200s", line);
        assert_non_null(json_object_get(j, "kind"));
        json_decref(j);
        line = end + 1;
    }
    assert_true(proc_text_has(p->err_text, "RCPT TO"));
    proc_free(&p);
}

static void an_unwritable_recording_is_said_and_the_session_goes_on(void **state)
{
    (void)state;
    struct proc *p =
        SCOPE(body, "send", "--record", "/dev/full", "--to", "alice@example.test", "practice", "-");
    expect_status(p, 0);
    assert_true(proc_text_has(p->out_text, "/dev/full") || proc_text_has(p->err_text, "/dev/full"));
    assert_true(proc_text_has(p->out_text, "221"));
    proc_free(&p);
    p = SCOPE(body, "send", "--quiet", "--record", "/dev/full", "--to", "alice@example.test",
              "practice", "-");
    expect_status(p, 0);
    if (!proc_text_has(p->err_text, "/dev/full"))
        fail_msg("with --quiet nobody is told that the recording fails: %s", p->err_text.ptr);
    proc_free(&p);
    /* the disk is full in the middle: a limit on the size of files does as well */
    char *script =
        mem_printf("cd '%s' && ulimit -f 2 && exec \"$0\" send --record limited.rec --to "
                   "alice@example.test practice",
                   work);
    char absolute[4096];
    const char *argv[] = {"sh", "-c", script, realpath(proc_smtpscope(), absolute), NULL};
    p = proc_run(argv, proc_env(work), NULL, 0);
    expect_status(p, 0);
    assert_true(proc_text_has(p->out_text, "limited.rec") ||
                proc_text_has(p->err_text, "limited.rec"));
    assert_true(proc_text_has(p->out_text, "221"));
    proc_free(&p);
    mem_free(script);
}

static void stalls(int fd, const void *ctx)
{
    (void)ctx;
    fake_say(fd, "220 fake.test\r\n");
    fake_behave(fd, NULL, "RCPT");
    fake_wait_gone(fd);
}

static void after_kill_9_the_recording_reads_back(void **state)
{
    struct fake f;
    (void)state;
    fake_start(&f, stalls, NULL);
    char *record = proc_path(work, "killed.rec");
    const char *argv[] = {proc_smtpscope(), "send",     "--record", record,
                          "--to",           "a@b.test", f.at,       NULL};
    struct proc *p = proc_start(argv, proc_env(work));
    for (char *line; (line = proc_line(p, "")) != NULL;) { /* until RCPT is out */
        bool there = strstr(line, "RCPT TO") != NULL;
        mem_free(line);
        if (there)
            break;
    }
    proc_kill(p, SIGKILL);
    assert_int_equal(proc_wait(p, PROC_DEADLINE_MS), 256 + SIGKILL);
    struct proc *shown = SCOPE(NULL, "show", record);
    expect_status(shown, 0);
    assert_true(proc_text_has(shown->out_text, "RCPT TO:<a@b.test>"));
    assert_true(proc_text_has(shown->out_text, "MAIL FROM"));
    proc_free(&shown);

    /* cut in the middle of the last line: read up to there, and told */
    struct proc_text t = proc_read_file(record);
    char *cut = proc_path(work, "cut.rec");
    proc_write_file(cut, t.ptr, t.len - 7);
    shown = SCOPE(NULL, "show", cut);
    expect_status(shown, 0);
    assert_true(proc_text_has(shown->out_text, "cut off"));
    assert_true(proc_text_has(shown->out_text, "MAIL FROM"));
    proc_free(&shown);
    proc_free(&p);
    fake_stop(&f);
    mem_free(t.ptr);
    mem_free(cut);
    mem_free(record);
}

/* --- secrets --- */

/* The sentinel in clear, and each of its base64 forms as AUTH sends them. */
static void assert_no_secret(struct proc_text t, const char *where, const char *mechanism)
{
    static const char plain[] = "\0alice\0" SENTINEL;
    struct buf forms[2];
    buf_init(&forms[0], 4096);
    buf_init(&forms[1], 4096);
    base64_encode(&forms[0], slice_of(plain, sizeof plain - 1));
    base64_encode(&forms[1], SLICE_LIT(SENTINEL));
    if (proc_text_has(t, SENTINEL) || proc_text_has(t, "Plugh"))
        fail_msg("%s: the password stands in %s", mechanism, where);
    for (int i = 0; i < 2; i++) {
        if (proc_text_has(t, buf_cstr(&forms[i])))
            fail_msg("%s: the password stands in %s, in base64", mechanism, where);
        buf_deinit(&forms[i]);
    }
}

static void assert_no_secret_anywhere(const struct proc *p, const char *record,
                                      const char *mechanism)
{
    struct proc_text t = proc_read_file(record);
    assert_non_null(t.ptr);
    assert_no_secret(p->out_text, "standard output", mechanism);
    assert_no_secret(p->err_text, "standard error", mechanism);
    assert_no_secret(t, "the recording", mechanism);
    mem_free(t.ptr);
}

static void secrets_stay_out(void **state)
{
    static const char *const mechanisms[] = {"PLAIN",       "LOGIN",         "CRAM-MD5",
                                             "SCRAM-SHA-1", "SCRAM-SHA-256", "any"};
    (void)state;
    char *record = proc_path(work, "secret.rec");
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        for (int json = 0; json < 2; json++) {
            struct proc *p =
                SCOPE(body, "send", json ? "--json" : "--no-json", "--record", record, "--auth",
                      mechanisms[i], "--user", "alice", "--password-command", "echo " SENTINEL,
                      "--to", "alice@example.test", "submission://practice", "-");
            expect_status(p, 28); /* it is not alice's password: AUTH was spoken in full */
            assert_true(json || proc_text_has(p->out_text, "535"));
            struct proc_text t = proc_read_file(record);
            /* the command line holds the command; that one sentinel is the tester's own */
            char *own = memmem(t.ptr, t.len, "echo " SENTINEL, strlen("echo " SENTINEL));
            if (own)
                memset(own, '-', strlen("echo " SENTINEL));
            proc_write_file(record, t.ptr, t.len);
            mem_free(t.ptr);
            assert_no_secret_anywhere(p, record, mechanisms[i]);
            unlink(record);
            proc_free(&p);
        }
    }
    mem_free(record);
}

static void typed_secrets_stay_out(void **state)
{
    static const char plain[] = "\0alice\0" SENTINEL;
    (void)state;
    char *record = proc_path(work, "typed.rec");
    struct buf whole, pass;
    buf_init(&whole, 4096);
    buf_init(&pass, 4096);
    base64_encode(&whole, slice_of(plain, sizeof plain - 1));
    base64_encode(&pass, SLICE_LIT(SENTINEL));
    char *script = mem_printf(
        "EHLO x.test\n/tls\nAUTH PLAIN %s\nexpect 535*\nAUTH LOGIN\nexpect 334*\nYWxpY2U=\nexpect "
        "334*\n%s\nexpect 535*\nAUTH PLAIN\nexpect 334*\n%s\nexpect 535*\nQUIT\n",
        buf_cstr(&whole), buf_cstr(&pass), buf_cstr(&whole));
    struct proc *p = SCOPE(script, "run", "--record", record, "-", "submission://practice");
    expect_status(p, 0);
    assert_no_secret_anywhere(p, record, "typed");
    struct proc *shown = SCOPE(NULL, "show", record);
    expect_status(shown, 0);
    assert_no_secret(shown->out_text, "what show prints", "typed");
    proc_free(&shown);
    proc_free(&p);
    /* kept on request, and it says so */
    unlink(record);
    p = SCOPE(script, "run", "--record", record, "--keep-secrets", "-", "submission://practice");
    expect_status(p, 0);
    struct proc_text t = proc_read_file(record);
    assert_true(proc_text_has(t, buf_cstr(&whole)));
    assert_true(proc_text_has(p->out_text, "secret") || proc_text_has(p->err_text, "secret"));
    mem_free(t.ptr);
    proc_free(&p);
    buf_deinit(&whole);
    buf_deinit(&pass);
    mem_free(script);
    mem_free(record);
}

/* --- scripts --- */

static void scripts_stop_where_an_expectation_fails(void **state)
{
    (void)state;
    struct proc *p =
        SCOPE("# a comment\nEHLO x.test\nexpect 250*\nMAIL FROM:<a@b.test>\nexpect code 2.1.0\n"
              "RCPT TO:<nobody@example.test>\nexpect 250*\nQUIT\n",
              "run", "-", "practice");
    expect_status(p, 40);
    assert_true(proc_text_has(p->err_text, "line 7"));
    assert_true(proc_text_has(p->err_text, "250*"));
    assert_true(proc_text_has(p->err_text, "550 5.1.1"));
    assert_false(proc_text_has(p->out_text, "QUIT"));
    proc_free(&p);

    char *script = proc_path(work, "good.script");
    static const char good[] =
        "expect 220*\nEHLO x.test\nexpect 250*SIZE*\nexpect-not 5*\n/tls\nexpect event TLS_UP\n"
        "MAIL FROM:<a@b.test>\nRCPT TO:<alice@example.test>\nexpect code 250\nDATA\nexpect 354*\n"
        "Subject: s\n\n.hello\n.\nexpect 250* 5\n//not a command\nexpect 500*\nQUIT\nexpect 221*\n";
    proc_write_file(script, good, sizeof good - 1);
    p = SCOPE(NULL, "run", script, "practice");
    expect_status(p, 0);
    assert_true(proc_text_has(p->out_text, "C>  ..hello") || proc_text_has(p->out_text, "..hello"));
    proc_free(&p);
    mem_free(script);
    p = SCOPE("EHLO x\nexpect-not 250*\n", "run", "-", "practice");
    expect_status(p, 40);
    proc_free(&p);
    p = SCOPE("expect event TLS_UP 1\n", "run", "-", "practice");
    expect_status(p, 40);
    proc_free(&p);
    p = SCOPE("/no-such-command\n", "run", "-", "practice");
    expect_status(p, 1);
    assert_true(proc_text_has(p->err_text, "line 1"));
    proc_free(&p);
}

/* What others see of the command line (ps): the command that gives the password looks. */
static void the_process_list_shows_no_secret(void **state)
{
    (void)state;
    static const char look[] = "tr '\\0' ' ' </proc/$PPID/cmdline >&2; echo secret";
    struct proc *p = SCOPE("/tls\n/auth PLAIN\n", "run", "--password-command", look, "--to",
                           "smtp://x:sekrit-1@y", "-", "imap://alice:sekrit-2@practice");
    expect_status(p, 0);
    assert_true(proc_text_has(p->err_text, "run --password-command"));
    assert_true(proc_text_has(p->err_text, "*** "));
    assert_false(proc_text_has(p->err_text, "sekrit"));
    proc_free(&p);
}

/* --- redirections --- */

static void without_a_terminal(void **state)
{
    (void)state;
    /* the console with lines from a pipe is a script */
    struct proc *p = SCOPE("EHLO x.test\nQUIT\n");
    expect_status(p, 0);
    assert_true(proc_text_has(p->out_text, "C>  EHLO x.test"));
    assert_true(proc_text_has(p->out_text, "221"));
    proc_free(&p);
    p = SCOPE("");
    expect_status(p, 0);
    proc_free(&p);

    static const struct {
        const char *shell;
        int status;
    } rows[] = {
        {"exec \"$0\" send --to alice@example.test practice </dev/null >/dev/null 2>&1", 0},
        {"exec \"$0\" send --to alice@example.test practice - </dev/null", 0},
        {"exec \"$0\" send --to alice@example.test practice <&- >&- 2>&-", 0},
        {"setsid \"$0\" send --to alice@example.test practice >out.txt", 0},
        {"echo 'Subject: f' >f.txt; exec \"$0\" send --quiet --to alice@example.test practice "
         "f.txt <&-",
         0},
        {"exec \"$0\" run /dev/null practice", 0},
        {"printf 'QUIT\\n' >q.txt; exec \"$0\" run q.txt practice <&-", 0},
        {"exec \"$0\" practice </dev/null", 0},
        {"env -i \"$0\" send --to alice@example.test practice", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *script = mem_printf("cd '%s' && %s", work, rows[i].shell);
        char absolute[4096];
        const char *argv[] = {"sh", "-c", script, realpath(proc_smtpscope(), absolute), NULL};
        p = proc_run(argv, proc_env(work), NULL, 0);
        if (p->status != rows[i].status)
            fail_msg("%s: status %d: %s%s", rows[i].shell, p->status, p->out_text.ptr,
                     p->err_text.ptr);
        proc_free(&p);
        mem_free(script);
    }
    /* a reader that goes away early does not hang it */
    char absolute[4096];
    const char *argv[] = {"sh", "-c", "\"$0\" send --to alice@example.test practice | head -n 1",
                          realpath(proc_smtpscope(), absolute), NULL};
    p = proc_run(argv, proc_env(work), NULL, 0);
    expect_status(p, 0);
    proc_free(&p);
}

static void a_config_file_sets_and_options_override(void **state)
{
    (void)state;
    char *dir = proc_dir("config"), *sub = proc_path(dir, ".config"),
         *own = proc_path(dir, ".config/smtpscope");
    char *file = proc_path(dir, ".config/smtpscope/config");
    mkdir(sub, 0700);
    mkdir(own, 0700);
    static const char good[] = "# mine\nname from-config.test\n/set tls none\n";
    proc_write_file(file, good, sizeof good - 1);
    struct proc *p = proc_scope(dir, body, sizeof body - 1, "send", "--to", "alice@example.test",
                                "practice", "-", NULL);
    expect_status(p, 0);
    assert_true(proc_text_has(p->out_text, "EHLO from-config.test"));
    assert_false(proc_text_has(p->out_text, "C>  STARTTLS"));
    proc_free(&p);
    p = proc_scope(dir, body, sizeof body - 1, "send", "--name", "option.test", "--to",
                   "alice@example.test", "practice", "-", NULL);
    expect_status(p, 0);
    assert_true(proc_text_has(p->out_text, "EHLO option.test"));
    proc_free(&p);
    proc_write_file(file, "nonsense 1\n", 11);
    p = proc_scope(dir, body, sizeof body - 1, "send", "--to", "alice@example.test", "practice",
                   "-", NULL);
    expect_status(p, 1);
    assert_true(proc_text_has(p->err_text, "line 1"));
    proc_free(&p);
    mem_free(file);
    mem_free(own);
    mem_free(sub);
    proc_dir_remove(&dir);
}

static void netrc_gives_the_password(void **state)
{
    (void)state;
    char *dir = proc_dir("netrc"), *file = proc_path(dir, ".netrc");
    static const char text[] = "machine other.test login alice password wrong\n"
                               "default login alice password secret\n";
    proc_write_file(file, text, sizeof text - 1);
    chmod(file, 0600);
    struct proc *p = proc_scope(dir, body, sizeof body - 1, "send", "--user", "alice", "--to",
                                "x@elsewhere.test", "submission://practice", "-", NULL);
    expect_status(p, 0);
    assert_true(proc_text_has(p->out_text, "235"));
    proc_free(&p);
    mem_free(file);
    proc_dir_remove(&dir);
    /* none to be found, nobody to ask: said, not hung */
    p = SCOPE(body, "send", "--user", "alice", "--to", "x@elsewhere.test", "submission://practice",
              "-");
    expect_status(p, 28);
    assert_true(proc_text_has(p->out_text, "password") || proc_text_has(p->err_text, "password"));
    proc_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_errors_are_one_line),
        cmocka_unit_test(hostile_arguments_are_shown_safely),
        cmocka_unit_test(help_and_version),
        cmocka_unit_test(json_tells_the_result),
        cmocka_unit_test(quit_after_stops_there),
        cmocka_unit_test(exit_numbers_as_sysexits),
        cmocka_unit_test(a_recording_reads_back),
        cmocka_unit_test(recording_to_standard_output),
        cmocka_unit_test(an_unwritable_recording_is_said_and_the_session_goes_on),
        cmocka_unit_test(after_kill_9_the_recording_reads_back),
        cmocka_unit_test(secrets_stay_out),
        cmocka_unit_test(typed_secrets_stay_out),
        cmocka_unit_test(scripts_stop_where_an_expectation_fails),
        cmocka_unit_test(the_process_list_shows_no_secret),
        cmocka_unit_test(without_a_terminal),
        cmocka_unit_test(a_config_file_sets_and_options_override),
        cmocka_unit_test(netrc_gives_the_password),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
