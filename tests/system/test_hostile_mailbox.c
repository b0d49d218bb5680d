/* Misbehaving POP3 and IMAP servers: each run ends in bounded time and memory, with the exit status
 * and words it should have; nothing raw is printed; the recording holds the octets that were sent,
 * every one. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/certs.h"
#include "../lib/fake.h"
#include "../lib/proc.h"
#include "base/mem.h"
#include "journal/journal.h"
#include "recording/recording.h"

enum { RSS_MAX_KB = 64 * 1024, PIECE_OCTETS = 65536 };

static char *work;

static int setup(void **state)
{
    (void)state;
    work = proc_dir("hostile-mailbox");
    certs_make(work, CERT_GOOD);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    proc_dir_remove(&work);
    return 0;
}

/* --- how servers misbehave --- */

#define IMAP_HI "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] fake ready\r\n"
#define POP3_HI "+OK fake ready\r\n"

/* The next command; its tag goes to `tag` (POP3: its verb). */
static void hear_tag(int fd, char tag[64])
{
    char line[1024];
    fake_hear(fd, line, sizeof line);
    snprintf(tag, 64, "%.*s", (int)strcspn(line, " "), line);
}

static void say_tagged(int fd, const char *tag, const char *text)
{
    fake_say(fd, tag);
    fake_say(fd, text);
}

/* n pieces of 64 KiB, filled with `unit` again and again. */
static void flood(int fd, const char *unit, int n)
{
    static char piece[PIECE_OCTETS];
    size_t len = strlen(unit), at = 0;
    for (; at + len <= sizeof piece; at += len)
        memcpy(piece + at, unit, len);
    for (int i = 0; i < n; i++)
        fake_write(fd, piece, at);
}

/* ctx of most servers: what is said to the first command (ctx), behind the greeting. */
struct said {
    const char *greeting, *answer, *unit;
    int pieces;         /* of .unit, behind .answer; 0: none */
    const char *behind; /* that; NULL: nothing */
    bool tagged;        /* a tagged OK ends it, and the next commands are heard */
};

static void answers(int fd, const void *ctx)
{
    const struct said *s = ctx;
    char tag[64];
    fake_say(fd, s->greeting);
    hear_tag(fd, tag);
    fake_say(fd, s->answer);
    if (s->pieces > 0)
        flood(fd, s->unit, s->pieces);
    if (s->behind)
        fake_say(fd, s->behind);
    if (!s->tagged)
        return;
    say_tagged(fd, tag, " OK done\r\n");
    fake_wait_gone(fd);
}

static void silent(int fd, const void *ctx)
{
    (void)ctx;
    fake_wait_gone(fd);
}

static void waits(int fd, const void *ctx)
{
    fake_say(fd, ctx);
    fake_wait_gone(fd);
}

/* A million parentheses, opened and closed. */
static void nested(int fd, const void *ctx)
{
    char tag[64];
    fake_say(fd, IMAP_HI);
    hear_tag(fd, tag);
    fake_say(fd, ctx);
    flood(fd, "(", 16);
    flood(fd, ")", 16);
    fake_say(fd, ")\r\n");
    say_tagged(fd, tag, " OK done\r\n");
    fake_wait_gone(fd);
}

static void nuls(int fd, const void *ctx)
{
    static const char imap[] = "* OK fa\0ke\0\r\n", pop3[] = "+OK fa\0ke\0\r\n",
                      data[] = "* 3 EX\0ISTS\r\n* LIST (\0) \"/\" \0\r\n";
    bool is_imap = ctx != NULL;
    char tag[64];
    fake_write(fd, is_imap ? imap : pop3, is_imap ? sizeof imap - 1 : sizeof pop3 - 1);
    hear_tag(fd, tag);
    if (is_imap)
        fake_write(fd, data, sizeof data - 1);
    say_tagged(fd, is_imap ? tag : "+OK", is_imap ? " OK done\r\n" : " done\r\n");
    fake_wait_gone(fd);
}

#define EVIL                                                                                       \
    "\x1b[2J\x1b]0;owned\x07\x9b"                                                                  \
    "2J\xc2\x9b"                                                                                   \
    "1m\xe2\x80\xae\x08\x0b\x7f\xff"

/* STARTTLS or STLS: what is said to it (in the clear), then what instead of a handshake. */
struct door {
    const char *greeting, *verdict; /* behind the tag in IMAP */
    const char *instead;            /* NULL: a true handshake */
};

static void starttls(int fd, const void *ctx)
{
    const struct door *d = ctx;
    bool imap = d->greeting[0] == '*';
    char tag[64], line[1024], hello[5];
    fake_say(fd, d->greeting);
    for (;;) { /* what it can do is asked first */
        fake_hear(fd, line, sizeof line);
        snprintf(tag, sizeof tag, "%.*s", (int)strcspn(line, " "), line);
        if (strstr(line, "STARTTLS") || strstr(line, "STLS"))
            break;
        fake_say(fd, imap ? "* CAPABILITY IMAP4rev1 STARTTLS\r\n" : "+OK\r\nSTLS\r\n.\r\n");
        if (imap)
            say_tagged(fd, tag, " OK done\r\n");
    }
    say_tagged(fd, imap ? tag : "", d->verdict);
    if (!d->instead) {
        int tls = fake_tls(fd, work);
        if (tls < 0)
            return;
        for (;;) {
            hear_tag(tls, tag);
            if (strcmp(tag, "CAPA") == 0)
                fake_say(tls, "+OK\r\n.\r\n");
            else
                say_tagged(tls, imap ? tag : "+OK", " OK inside\r\n");
        }
    }
    if (read(fd, hello, sizeof hello) > 0)
        fake_say(fd, d->instead);
    fake_wait_gone(fd);
}

/* --- what must come of it --- */

struct row {
    const char *name, *script;
    fake_fn server;
    const void *ctx;
    int status;
    uint64_t octets; /* of the server's in the recording; 0: as many as came */
    const char *says[3];
};

static uint64_t recorded_octets(const char *path)
{
    struct clock_manual clock;
    struct recording_report report;
    struct err err;
    clock_manual_init(&clock, 1, 1);
    struct journal *j = journal_new(&clock.clock);
    err_clear(&err);
    if (!recording_read(path, j, &report, &err))
        fail_msg("%s: %s", path, err.text);
    uint64_t n = journal_stream_len(j, 1, DIR_S, LAYER_PLAIN);
    journal_free(&j);
    return n;
}

static void run_row(const char *protocol, const struct row *row)
{
    struct fake f;
    const char *timeout = row->server == silent || row->server == waits ? "1" : "10";
    char *record = proc_path(work, "recording"), *ca = proc_path(work, "ca.pem");
    unlink(record); /* of a row that failed */
    fake_start(&f, row->server, row->ctx);
    char *url = mem_printf("%s://%s", protocol, f.at);
    struct proc *p = proc_scope(work, row->script, strlen(row->script), "run", "--timeout", timeout,
                                "--ca", ca, "--record", record, "-", url, NULL);
    proc_assert_printable(p->out_text, "standard output");
    proc_assert_printable(p->err_text, "standard error");
    if (p->status != row->status)
        fail_msg("%s: status %d, not %d: %.2000s%.2000s", row->name, p->status, row->status,
                 p->out_text.ptr, p->err_text.ptr);
    for (size_t i = 0; i < 3 && row->says[i]; i++)
        if (!proc_text_has(p->out_text, row->says[i]) && !proc_text_has(p->err_text, row->says[i]))
            fail_msg("%s: \"%s\" is not said: %.2000s%.2000s", row->name, row->says[i],
                     p->out_text.ptr, p->err_text.ptr);
    if (!getenv("TEST_SANITIZED") && p->usage.ru_maxrss > RSS_MAX_KB)
        fail_msg("%s: %ld KB resident", row->name, p->usage.ru_maxrss);
    uint64_t octets = recorded_octets(record);
    if (row->octets > 0 && octets != row->octets)
        fail_msg("%s: %llu octets recorded, %llu sent", row->name, (unsigned long long)octets,
                 (unsigned long long)row->octets);
    unlink(record);
    proc_free(&p);
    fake_stop(&f);
    mem_free(url);
    mem_free(record);
    mem_free(ca);
}

#define ROWS(protocol, ...)                                                                        \
    static const struct row rows[] = {__VA_ARGS__};                                                \
    (void)state;                                                                                   \
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)                                      \
    run_row(protocol, &rows[i])

/* --- IMAP --- */

#define NOOP_OK   "x NOOP\nexpect x OK*\n"
#define PIECES(n) ((uint64_t)(n)*PIECE_OCTETS)

static void imap_silence_is_bounded(void **state)
{
    static const struct said cut = {.greeting = IMAP_HI, .answer = "* 3 EXI"};
    static const struct said promised = {.greeting = IMAP_HI,
                                         .answer = "* 1 FETCH (BODY[] {100}\r\nabc"};
    ROWS("imap", {"no greeting", NOOP_OK, silent, NULL, 6, 0, {"nothing came within 1 s"}},
         {"no answer", NOOP_OK, waits, IMAP_HI, 40, sizeof IMAP_HI - 1, {"no reply came"}},
         {"a BYE for a greeting",
          NOOP_OK,
          waits,
          "* BYE full\r\n",
          6,
          12,
          {"* BYE full", "would close"}},
         {"closed in the middle of a line",
          NOOP_OK,
          answers,
          &cut,
          40,
          sizeof IMAP_HI - 1 + 7,
          {"* 3 EXI", "imap-response-cut", "imap-bye-missing"}},
         {"a literal that is not sent",
          NOOP_OK,
          answers,
          &promised,
          40,
          sizeof IMAP_HI - 1 + 28,
          {"{100}", "imap-response-cut"}});
}

static void imap_floods_are_bounded(void **state)
{
    static const struct said literal = {.greeting = IMAP_HI,
                                        .answer = "* 1 FETCH (BODY[] {9000000000}\r\n",
                                        .unit = "A",
                                        .pieces = 256};
    static const struct said whole = {.greeting = IMAP_HI,
                                      .answer = "* 1 FETCH (BODY[] {16777216}\r\n",
                                      .unit = "A",
                                      .pieces = 256,
                                      .behind = ")\r\n",
                                      .tagged = true};
    static const struct said line = {.greeting = IMAP_HI,
                                     .answer = "* LIST ",
                                     .unit = "A",
                                     .pieces = 256,
                                     .behind = "\r\n",
                                     .tagged = true};
    static const struct said untagged = {
        .greeting = IMAP_HI, .answer = "", .unit = "* 1 EXISTS\r\n", .pieces = 4, .tagged = true};
    static const struct said tags = {.greeting = IMAP_HI,
                                     .answer = "",
                                     .unit = "zz OK wrong tag\r\n",
                                     .pieces = 4,
                                     .tagged = true};
    static const struct said literals = {.greeting = IMAP_HI,
                                         .answer = "* LIST (",
                                         .unit = "{1}\r\nA ",
                                         .pieces = 1,
                                         .behind = ")\r\n",
                                         .tagged = true};
    ROWS("imap",
         {"a literal of 9 GB, cut",
          NOOP_OK,
          answers,
          &literal,
          40,
          sizeof IMAP_HI - 1 + 32 + PIECES(256),
          {"{9000000000}", "imap-response-cut"}},
         {"a literal of 16 MB",
          NOOP_OK,
          answers,
          &whole,
          0,
          sizeof IMAP_HI - 1 + 30 + PIECES(256) + 3 + 11,
          {"{16777216}"}},
         {"a line of 16 MB",
          NOOP_OK,
          answers,
          &line,
          0,
          sizeof IMAP_HI - 1 + 7 + PIECES(256) + 2 + 11,
          {"limit imap-text"}},
         {"untagged data", NOOP_OK, answers, &untagged, 0, 0, {"* 1 EXISTS", "imap-data-order"}},
         {"wrong tags", NOOP_OK, answers, &tags, 0, 0, {"zz OK", "imap-reply-unasked"}},
         {"many literals", NOOP_OK, answers, &literals, 0, 0, {"limit imap-literals"}});
}

static void imap_nesting_is_bounded(void **state)
{
    static const struct said list = {.greeting = IMAP_HI,
                                     .answer = "* 1 FETCH (BODYSTRUCTURE "
                                               "((((((((((((((((((((((((((((((((((((((((((("
                                               "((((((((((((((((((((((((((((((((((((((((((("
                                               ")))))))))))))))))))))))))))))))))))))))))))"
                                               ")))))))))))))))))))))))))))))))))))))))))))"
                                               ")\r\n",
                                     .tagged = true};
    ROWS("imap",
         {"a million deep",
          NOOP_OK,
          nested,
          "* 1 FETCH (BODYSTRUCTURE ",
          0,
          sizeof IMAP_HI - 1 + 25 + PIECES(32) + 3 + 11,
          {"limit imap-text"}},
         {"eighty deep", NOOP_OK, answers, &list, 0, 0, {"(((((("}});
}

static void imap_garbage_is_shown_safely(void **state)
{
    static const struct said evil = {.greeting = "* OK " EVIL "\r\n",
                                     .answer = "* " EVIL "\r\n* LIST (" EVIL ") \"" EVIL "\" x\r\n",
                                     .tagged = true};
    static const struct said noise = {
        .greeting = IMAP_HI, .answer = "", .unit = EVIL "\r\n", .pieces = 1, .tagged = true};
    ROWS("imap", {"NULs", NOOP_OK, nuls, "imap", 0, 0, {"fa", "imap-nul"}},
         {"escape sequences", NOOP_OK, answers, &evil, 0, 0, {"x OK done"}},
         {"nothing but rubbish", NOOP_OK, answers, &noise, 0, 0, {"imap-response-syntax"}});
}

static void imap_starttls_that_is_tampered_with(void **state)
{
    static const struct door refused = {IMAP_HI, " BAD no\x1b[2J TLS today\r\n", NULL};
    static const struct door garbage = {IMAP_HI, " OK begin\r\n", "this is no TLS at all\r\n"};
    static const struct door injected = {IMAP_HI, " OK begin\r\n* BYE injected\r\nx OK too\r\n",
                                         NULL};
    ROWS("imap", {"refused", "/tls\nexpect code BAD\n", starttls, &refused, 0, 0, {"BAD no"}},
         {"garbage", "/tls\nexpect code OK\n" NOOP_OK, starttls, &garbage, 29, 0, {"TLS"}},
         {"injected",
          "/tls\nexpect event tls_up\n" NOOP_OK,
          starttls,
          &injected,
          0,
          0,
          {"injected", "imap-plaintext-before-tls", "x OK inside"}});
}

/* --- POP3 --- */

#define STAT_OK "STAT\nexpect code +OK\n"
#define RETR_OK "RETR 1\nexpect code +OK\n"

static void pop3_silence_is_bounded(void **state)
{
    static const struct said cut = {.greeting = POP3_HI, .answer = "+OK 3 1"};
    static const struct said inside = {.greeting = POP3_HI,
                                       .answer = "+OK 120 octets\r\nSubject: x\r\n\r\nhal"};
    ROWS("pop3", {"no greeting", STAT_OK, silent, NULL, 6, 0, {"nothing came within 1 s"}},
         {"no answer", STAT_OK, waits, POP3_HI, 40, sizeof POP3_HI - 1, {"no reply came"}},
         {"refused at the greeting", STAT_OK, waits, "-ERR [SYS/TEMP] full\r\n", 40, 22, {"full"}},
         {"closed in the middle of a line",
          STAT_OK,
          answers,
          &cut,
          40,
          sizeof POP3_HI - 1 + 7,
          {"+OK 3 1", "pop3-response-cut"}},
         {"closed in the middle of a message",
          RETR_OK "expect-not nothing\n",
          answers,
          &inside,
          0,
          sizeof POP3_HI - 1 + 33,
          {"hal", "pop3-response-cut"}});
}

static void pop3_floods_are_bounded(void **state)
{
    static const struct said line = {
        .greeting = POP3_HI, .answer = "+OK ", .unit = "A", .pieces = 256, .behind = "\r\n"};
    static const struct said lines = {
        .greeting = POP3_HI, .answer = "+OK the list\r\n", .unit = "1 120\r\n", .pieces = 16};
    static const struct said message = {
        .greeting = POP3_HI, .answer = "+OK\r\n", .unit = "x", .pieces = 256};
    static const struct said unasked = {
        .greeting = POP3_HI, .answer = "+OK 0 0\r\n", .unit = "+OK and more\r\n", .pieces = 4};
    static const struct said caps = {.greeting = POP3_HI,
                                     .answer = "+OK\r\n",
                                     .unit = "X-CAPABILITY of ours\r\n",
                                     .pieces = 16,
                                     .behind = ".\r\n"};
    ROWS("pop3",
         {"a line of 16 MB",
          STAT_OK,
          answers,
          &line,
          0,
          0 /* its beginning answers */,
          {"limit pop3-line"}},
         {"a list without an end",
          "LIST\nexpect code +OK\n",
          answers,
          &lines,
          40,
          0,
          {"1 120", "pop3-response-cut"}},
         {"a message without a line end",
          RETR_OK,
          answers,
          &message,
          0,
          sizeof POP3_HI - 1 + 5 + PIECES(256),
          {"pop3-response-cut"}},
         {"answers nobody asked for",
          "STAT\nexpect event link_down 10\n",
          answers,
          &unasked,
          0,
          0,
          {"pop3-response-unasked"}},
         {"capabilities without an end",
          "CAPA\nexpect code +OK\n",
          answers,
          &caps,
          0,
          0,
          {"limit pop3-capa"}});
}

static void pop3_garbage_is_shown_safely(void **state)
{
    static const struct said evil = {.greeting = "+OK " EVIL "\r\n", .answer = "+OK " EVIL "\r\n"};
    static const struct said noise = {
        .greeting = POP3_HI, .answer = "", .unit = EVIL "\r\n", .pieces = 1};
    ROWS("pop3", {"NULs", STAT_OK, nuls, NULL, 0, 0, {"fa"}},
         {"escape sequences", STAT_OK, answers, &evil, 0, 0, {"+OK"}},
         {"nothing but rubbish", STAT_OK, answers, &noise, 40, 0, {"pop3-"}});
}

static void pop3_stls_that_is_tampered_with(void **state)
{
    static const struct door refused = {POP3_HI, "-ERR no\x1b[2J TLS today\r\n", NULL};
    static const struct door garbage = {POP3_HI, "+OK begin\r\n", "this is no TLS at all\r\n"};
    static const struct door injected = {POP3_HI, "+OK begin\r\n+OK injected\r\n", NULL};
    ROWS("pop3", {"refused", "/tls\nexpect code -ERR\n", starttls, &refused, 0, 0, {"-ERR no"}},
         {"garbage", "/tls\nexpect code +OK\n" STAT_OK, starttls, &garbage, 29, 0, {"TLS"}},
         {"injected",
          "/tls\nexpect event tls_up\n" STAT_OK,
          starttls,
          &injected,
          0,
          0,
          {"injected", "pop3-plaintext-before-tls", "inside"}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imap_silence_is_bounded),
        cmocka_unit_test(imap_floods_are_bounded),
        cmocka_unit_test(imap_nesting_is_bounded),
        cmocka_unit_test(imap_garbage_is_shown_safely),
        cmocka_unit_test(imap_starttls_that_is_tampered_with),
        cmocka_unit_test(pop3_silence_is_bounded),
        cmocka_unit_test(pop3_floods_are_bounded),
        cmocka_unit_test(pop3_garbage_is_shown_safely),
        cmocka_unit_test(pop3_stls_that_is_tampered_with),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, setup, teardown);
}
