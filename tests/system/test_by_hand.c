/* What a person types that no helper does: groups of commands, odd addresses, commands of
 * extensions, chunks, pauses, a slow line, half a close. Each row is a script and what its
 * transcript holds, in this order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/proc.h"
#include "base/mem.h"

enum { WANTED_MAX = 10 };

static char *dir;

static const char message[] = "Subject: by hand\n\n.dot\nlast";

/* "@file" stands for a message in a file. */
static const struct {
    const char *name, *lines;
    const char *wanted[WANTED_MAX];
    const char *never;
} rows[] = {
    {"a group leaves in one write and its replies are paired",
     "EHLO a.test\n/pipe MAIL FROM:<ann@example.net> | RCPT TO:<nobody@example.test> | RSET\n",
     {"C>  MAIL FROM:<ann@example.net>\n", "C>  RCPT TO:<nobody@example.test>\n", "C>  RSET\n",
      "<S  250 2.1.0", "<S  550 5.1.1", "<S  250 2.0.0"},
     "command-early"},
    {"source routes and odd addresses go out as typed",
     "EHLO a.test\nMAIL FROM:<@a.test,@b.test:ann@example.net>\n"
     "RCPT TO:<\"odd one\"@example.test>\nRCPT TO:<@x.test:bob@example.test>\n",
     {"C>  MAIL FROM:<@a.test,@b.test:ann@example.net>\n", "path-source-route",
      "C>  RCPT TO:<\"odd one\"@example.test>\n", "<S  550 5.1.1 <\"odd one\"@example.test>",
      "C>  RCPT TO:<@x.test:bob@example.test>\n"},
     NULL},
    {"commands of extensions",
     "EHLO a.test\nVRFY alice\nEXPN nothing\nETRN example.test\nBURL imap://h/INBOX/;UID=1 LAST\n",
     {"C>  VRFY alice\n", "<S  250 2.1.5 <alice@example.test>", "C>  EXPN nothing\n", "<S  550",
      "C>  ETRN example.test\n", "<S  251", "C>  BURL imap://h/INBOX/;UID=1 LAST\n", "! command-",
      "<S  500"},
     NULL},
    {"what was not offered is named and sent",
     "EHLO a.test\nMAIL FROM:<ann@example.net> REQUIRETLS HOLDFOR=9\n",
     {"C>  MAIL FROM:<ann@example.net> REQUIRETLS HOLDFOR=9\n",
      "MAIL needs REQUIRETLS and FUTURERELEASE, which was not offered", "<S  555"},
     NULL},
    {"UTF-8 is echoed without a complaint where SMTPUTF8 was said",
     "EHLO a.test\nMAIL FROM:<j\303\266rg@example.net> SMTPUTF8\nRCPT "
     "TO:<b\303\266b@example.test>\n",
     {"C>  MAIL FROM:<j", "<S  250", "C>  RCPT TO:<b", "<S  550"},
     "line-8bit"},
    {"chunks of so many octets",
     "EHLO a.test\nMAIL FROM:<ann@example.net> BODY=BINARYMIME\nRCPT TO:<bob@example.test>\n"
     "/bdat @file 10\n",
     {"C>  BDAT 10\n", "<S  250", "C>  BDAT 10\n", "<S  250", "C>  BDAT 7 LAST\n",
      "stored message 1 for bob"},
     "BDAT 10 LAST"},
    {"parts with a pause are one line",
     "EHLO a.test\n/raw \"NO\" pause 10ms \"OP\\r\\n\"\n",
     {"C>  NOOP\n", "<S  250 2.0.0"},
     NULL},
    {"a slow line holds up what follows it",
     "EHLO a.test\n/slow 200\nNOOP slowly\n/slow 0\nNOOP fast\n/half-close\n",
     {"C>  NOOP slowly\n", "<S  250", "C>  NOOP fast\n", "<S  250",
      "our sending side is closed (FIN)"},
     NULL},
    {"a reset", "EHLO a.test\n/abort\n", {"cut off by us", "quit-missing"}, "closed by us"},
    {"an attachment, until it is taken away",
     "EHLO a.test\n/set tls none\n/attach @file\n/send\n/attach\n/send\n",
     {"Content-Disposition: attachment", "stored message 1 for bob",
      "C>  MAIL FROM:", "stored message 2 for bob"},
     NULL},
    {"the check of STARTTLS on the practice server, and back",
     "/starttls-check\nNOOP back\n",
     {"C>  NOOP sent-in-the-clear\n", "commands-before-tls", "STARTTLS check of practice",
      "good: thrown away", "STARTTLS before EHLO: 503, refused", "C>  NOOP back\n", "<S  250"},
     NULL},
};

static int setup(void **state)
{
    (void)state;
    dir = proc_dir("by-hand");
    char *file = proc_path(dir, "message");
    proc_write_file(file, message, sizeof message - 1);
    mem_free(file);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    proc_dir_remove(&dir);
    return 0;
}

static char *script_of(const char *lines)
{
    const char *mark = strstr(lines, "@file");
    if (!mark)
        return mem_printf("/open practice\n%s", lines);
    return mem_printf("/open practice\n%.*s%s/message%s", (int)(mark - lines), lines, dir,
                      mark + 5);
}

static void each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *script = script_of(rows[i].lines);
        struct proc *p =
            proc_scope(dir, script, strlen(script), "run", "--to", "bob@example.test", "-", NULL);
        const char *at = p->out_text.ptr;
        if (p->status != 0)
            fail_msg("%s: status %d: %s%s", rows[i].name, p->status, at, p->err_text.ptr);
        for (size_t k = 0; k < WANTED_MAX && rows[i].wanted[k]; k++) {
            const char *found = strstr(at, rows[i].wanted[k]);
            if (!found)
                fail_msg("%s: no \"%s\" behind the %zu before it in: %s", rows[i].name,
                         rows[i].wanted[k], k, p->out_text.ptr);
            at = found + strlen(rows[i].wanted[k]);
        }
        if (rows[i].never && proc_text_has(p->out_text, rows[i].never))
            fail_msg("%s: \"%s\" in: %s", rows[i].name, rows[i].never, p->out_text.ptr);
        proc_free(&p);
        mem_free(script);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row),
    };
    return cmocka_run_group_tests_name("by hand", tests, setup, teardown);
}
