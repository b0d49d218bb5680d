/* Other people's IMAP clients against the practice server: curl, Python's imaplib, mbsync and
 * offlineimap keeping 500 messages in step, neomutt opening them. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../lib/peers.h"
#include "base/mem.h"

#define MESSAGES "500"

static struct {
    char *dir, *ca, *url, *urls;
    struct proc *serve;
    char *at[2];
    const char *port[2];
} world;

static int setup(void **state)
{
    (void)state;
    world.dir = proc_dir("imap");
    world.ca = proc_path(world.dir, "ca.pem");
    const char *argv[] = {proc_smtpscope(), "serve",  "--imap", "0", "--imaps", "0",
                          "--ca-out",       world.ca, NULL};
    world.serve = proc_start(argv, proc_env(world.dir));
    static const char *const doors[] = {"imap ", "imaps "};
    for (int i = 0; i < 2; i++) {
        world.at[i] = proc_line(world.serve, doors[i]);
        world.port[i] = strrchr(world.at[i], ':') + 1;
    }
    mem_free(proc_line(world.serve, "ready"));
    world.url = mem_printf("imap://%s/", world.at[0]);
    world.urls = mem_printf("imaps://%s/", world.at[1]);
    if (peer_path("python3")) {
        struct proc *p = peer_run(
            "python3", NULL, 0,
            (const char *const[]){"tests/lib/imap.py", "fill", world.port[0], MESSAGES, NULL});
        if (p->status != 0)
            print_error("%s\n", p->err_text.ptr);
        proc_free(&p);
    }
    return 0;
}

/* The server is still there at the end, and ends cleanly. */
static int teardown(void **state)
{
    (void)state;
    proc_kill(world.serve, SIGTERM);
    int status = proc_wait(world.serve, 5000);
    if (status != 0)
        print_error("serve ended with status %d: %s\n", status, world.serve->err_text.ptr);
    proc_free(&world.serve);
    for (int i = 0; i < 2; i++)
        mem_free(world.at[i]);
    mem_free(world.url);
    mem_free(world.urls);
    mem_free(world.ca);
    proc_dir_remove(&world.dir);
    return status;
}

#define RUN(name, ...) peer_run(name, NULL, 0, (const char *const[]){__VA_ARGS__, NULL})

static void expect_status(struct proc *p, int status, const char *needle)
{
    bool ok = p->status == status &&
              (!needle || proc_text_has(p->out_text, needle) || proc_text_has(p->err_text, needle));
    if (!ok)
        fail_msg("status %d instead of %d, or no \"%s\" in: %s%s", p->status, status,
                 needle ? needle : "", p->out_text.ptr, p->err_text.ptr);
    proc_free(&p);
}

/* ---- curl ---- */

#define CURL "-sS", "--max-time", "20", "--user", "alice:secret"

static void curl_reads(void **state)
{
    (void)state;
    peer_need("curl");
    peer_need("python3");
    char *inbox = mem_printf("%sINBOX", world.url);
    char *one = mem_printf("%sINBOX;MAILINDEX=7", world.url);
    char *uid = mem_printf("%sINBOX;UID=8;SECTION=TEXT", world.url);
    char *search = mem_printf("%sINBOX?SUBJECT%%20%%22message%%20499%%22", world.url);
    expect_status(RUN("curl", CURL, world.url), 0, "* LIST (\\HasNoChildren) \"/\" \"INBOX\"");
    expect_status(RUN("curl", CURL, one), 0, "Subject: message 6\r\n");
    expect_status(RUN("curl", CURL, uid), 0, "hello 7\r\n");
    expect_status(RUN("curl", CURL, search), 0, "* SEARCH 500\r\n");
    expect_status(RUN("curl", CURL, inbox, "-X", "FETCH 1:3 (UID FLAGS)"), 0, "* 3 FETCH (UID 3 ");
    expect_status(RUN("curl", CURL, inbox, "-X", "STATUS INBOX (MESSAGES)"), 0,
                  "(MESSAGES " MESSAGES ")");
    expect_status(RUN("curl", CURL, world.url, "-X", "LSUB \"\" *"), 0, "LSUB");
    mem_free(inbox);
    mem_free(one);
    mem_free(uid);
    mem_free(search);
}

static void curl_appends(void **state)
{
    (void)state;
    static const char text[] = "From: c@b.test\r\nSubject: by curl\r\n\r\nappended\r\n";
    peer_need("curl");
    char *file = proc_path(world.dir, "message");
    char *drafts = mem_printf("%sDrafts", world.url);
    char *nowhere = mem_printf("%snowhere", world.url);
    char *first = mem_printf("%sDrafts;MAILINDEX=1", world.url);
    proc_write_file(file, text, sizeof text - 1);
    expect_status(RUN("curl", CURL, "-T", file, drafts), 0, NULL);
    expect_status(RUN("curl", CURL, first), 0, "appended\r\n");
    expect_status(RUN("curl", CURL, "-T", file, nowhere), 25, NULL);
    mem_free(file);
    mem_free(drafts);
    mem_free(nowhere);
    mem_free(first);
}

static void curl_logs_in(void **state)
{
    (void)state;
    static const char *const mechanisms[] = {"AUTH=PLAIN", "AUTH=LOGIN", "AUTH=CRAM-MD5",
                                             "AUTH=SCRAM-SHA-256"};
    peer_need("curl");
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        struct proc *p = RUN("curl", CURL, "--login-options", mechanisms[i], world.url);
        /* A curl without that mechanism (SCRAM wants a library) says so: 67, and no word sent. */
        bool unknown = p->status == 67 && strstr(mechanisms[i], "SCRAM");
        if (unknown)
            proc_free(&p);
        else
            expect_status(p, 0, "LIST");
        expect_status(RUN("curl", "-sS", "--user", "alice:wrong", "--login-options", mechanisms[i],
                          world.url),
                      67, NULL);
    }
    expect_status(RUN("curl", CURL, "--sasl-ir", world.url), 0, "LIST");
    expect_status(RUN("curl", CURL, "--ssl-reqd", "--cacert", world.ca, world.url), 0, "LIST");
    expect_status(RUN("curl", CURL, "--cacert", world.ca, world.urls), 0, "LIST");
}

/* ---- imaplib ---- */

static void imaplib_does_what_mail_programs_do(void **state)
{
    (void)state;
    peer_need("python3");
    char *port = mem_printf("IMAPS_PORT=%s", world.port[1]);
    const char *argv[] = {
        peer_path("python3"), "tests/lib/imap.py", "check", world.port[0], world.ca, NULL};
    const char *env[] = {port, NULL};
    expect_status(proc_run(argv, env, NULL, 0), 0, NULL);
    mem_free(port);
}

/* A client that pipelines, one that sends no line end, literals of absurd size: answers, and the
 * next one is served. */
static void rough_clients_get_answers(void **state)
{
    (void)state;
    static const char text[] =
        "a LOGIN alice secret\r\nb APPEND INBOX {99999999999}\r\n"
        "c SELECT INBOX\r\nd SEARCH ((((((((((((((((((((((((((((((((((((((ALL\r\n"
        "e FETCH 1 BODY[1.1.1.1.1.1.1.1]\r\nf FROB\r\ng NOOP\nh LOGOUT\r\n";
    peer_need("python3");
    struct proc *p =
        peer_run("python3", text, sizeof text - 1,
                 (const char *const[]){"tests/lib/imap.py", "raw", world.port[0], NULL});
    static const char *const said[] = {"a OK [",
                                       "b NO [TOOBIG]",
                                       "c OK [READ-WRITE]",
                                       "d BAD Nested too deeply",
                                       "* 1 FETCH (BODY[1.1.1.1.1.1.1.1] NIL)",
                                       "f BAD Unknown command",
                                       "g BAD The line ends with",
                                       "h OK LOGOUT"};
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        if (!proc_text_has(p->out_text, said[i]))
            fail_msg("no \"%s\" in: %s", said[i], p->out_text.ptr);
    proc_free(&p);
}

/* ---- programs that keep a copy ---- */

/* Every file below a directory with its size, sorted: by find of the shell. */
static char *listing(const char *dir)
{
    char *command = mem_printf("cd '%s' && find . -type f -size +0 -path '*/[cn][ue][rw]/*' -exec "
                               "cksum {} + | sort",
                               dir);
    struct proc *p = proc_run((const char *const[]){"sh", "-c", command, NULL}, NULL, NULL, 0);
    char *text = mem_strdup(p->out_text.ptr);
    proc_free(&p);
    mem_free(command);
    return text;
}

static size_t count_lines(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void mbsync_finds_no_difference(void **state)
{
    (void)state;
    peer_need("mbsync");
    peer_need("python3");
    char *copy = proc_path(world.dir, "mbsync"), *rc = proc_path(world.dir, "mbsyncrc");
    char *text = mem_printf(
        "IMAPAccount a\nHost 127.0.0.1\nPort %s\nUser alice\nPass secret\nSSLType None\n"
        "AuthMechs LOGIN\n\nIMAPStore far\nAccount a\n\nMaildirStore near\nPath %s/\n"
        "Inbox %s/INBOX\nSubFolders Verbatim\n\nChannel c\nFar :far:INBOX\nNear :near:INBOX\n"
        "Create Both\nExpunge Both\nSync All\nSyncState *\n",
        world.port[0], copy, copy);
    mkdir(copy, 0755);
    proc_write_file(rc, text, strlen(text));
    expect_status(RUN("mbsync", "-c", rc, "c"), 0, NULL);
    char *first = listing(copy);
    expect_status(RUN("mbsync", "-c", rc, "c"), 0, NULL);
    char *second = listing(copy);
    assert_int_equal(count_lines(first), atoi(MESSAGES));
    assert_string_equal(first, second);
    mem_free(first);
    mem_free(second);
    mem_free(text);
    mem_free(rc);
    mem_free(copy);
}

/* In Python, which may be another one than that whose modules Debian's packages bring. */
static struct proc *run_offlineimap(const char *rc)
{
    const char *argv[] = {
        peer_path("python3"), peer_path("offlineimap"), "-c", rc, "-o", "-u", "quiet", NULL};
    const char *env[8] = {NULL};
    const char *const *common = peer_env();
    size_t n = 0;
    const char *bin = peer_path("offlineimap"), *slash = strrchr(bin, '/');
    char *modules = mem_printf("PYTHONPATH=%.*s/../lib/python3/dist-packages:"
                               "/usr/lib/python3/dist-packages",
                               (int)(slash ? slash - bin : 0), bin);
    for (; common[n] && n < 6; n++)
        env[n] = common[n];
    env[n] = modules;
    struct proc *p = proc_run(argv, env, NULL, 0);
    mem_free(modules);
    return p;
}

static void offlineimap_finds_no_difference(void **state)
{
    (void)state;
    peer_need("offlineimap");
    peer_need("python3");
    char *copy = proc_path(world.dir, "offlineimap"), *rc = proc_path(world.dir, "offlineimaprc");
    char *meta = proc_path(world.dir, "offlineimap-state");
    char *text =
        mem_printf("[general]\naccounts = a\nmetadata = %s\n[Account a]\nlocalrepository = "
                   "l\nremoterepository "
                   "= r\n[Repository l]\ntype = Maildir\nlocalfolders = %s\n[Repository r]\ntype = "
                   "IMAP\nremotehost = 127.0.0.1\nremoteport = %s\nremoteuser = alice\nremotepass "
                   "= secret\nssl "
                   "= no\nstarttls = no\nfolderfilter = lambda name: name == 'INBOX'\n",
                   meta, copy, world.port[0]);
    proc_write_file(rc, text, strlen(text));
    struct proc *p = run_offlineimap(rc);
    bool no_modules = p->status != 0 && proc_text_has(p->err_text, "ModuleNotFoundError");
    if (no_modules) {
        print_message("skipped: offlineimap lacks Python modules here: %s\n", p->err_text.ptr);
        proc_free(&p);
        mem_free(text), mem_free(rc), mem_free(copy), mem_free(meta);
        skip();
    }
    expect_status(p, 0, NULL);
    char *first = listing(copy);
    expect_status(run_offlineimap(rc), 0, NULL);
    char *second = listing(copy);
    assert_int_equal(count_lines(first), atoi(MESSAGES));
    assert_string_equal(first, second);
    mem_free(first);
    mem_free(second);
    mem_free(text);
    mem_free(rc);
    mem_free(copy);
    mem_free(meta);
}

static void neomutt_opens_it(void **state)
{
    (void)state;
    peer_need("neomutt");
    peer_need("python3");
    char *rc = proc_path(world.dir, "muttrc"), *one = proc_path(world.dir, "one");
    char *text = mem_printf(
        "set folder=imap://alice@127.0.0.1:%s/\nset spoolfile=+INBOX\nset imap_pass=secret\nset "
        "ssl_starttls=no\nset ssl_force_tls=no\nset header_cache=\nset "
        "imap_authenticators=login\nset "
        "confirmcreate=no\nset copy=no\npush '<limit>~s \"message "
        "499\"<enter><copy-message>%s<enter>"
        "<quit>'\n",
        world.port[0], one);
    proc_write_file(rc, text, strlen(text));
    expect_status(RUN("python3", "tests/lib/imap.py", "pty", "env", "TERM=xterm",
                      peer_path("neomutt"), "-n", "-F", rc),
                  0, NULL);
    struct proc_text got = proc_read_file(one);
    assert_non_null(got.ptr);
    assert_true(proc_text_has(got, "Subject: message 499\n"));
    assert_true(proc_text_has(got, "\nhello 499\n"));
    mem_free(got.ptr);
    mem_free(text);
    mem_free(one);
    mem_free(rc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curl_reads),
        cmocka_unit_test(curl_appends),
        cmocka_unit_test(curl_logs_in),
        cmocka_unit_test(mbsync_finds_no_difference),
        cmocka_unit_test(offlineimap_finds_no_difference),
        cmocka_unit_test(neomutt_opens_it),
        cmocka_unit_test(imaplib_does_what_mail_programs_do),
        cmocka_unit_test(rough_clients_get_answers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
