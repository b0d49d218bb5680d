/* What stands on the screen in a session on the practice server, as in test_golden.c. Times are
 * those of the test clock, a millisecond an event.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../lib/golden.h"
#include "../lib/screen.h"

enum { LINES = 4 };

static void practice_stage(struct golden_stage *s, const struct golden_size *size)
{
    /* TLS 1.3 picks another group in each OpenSSL. */
    static const char *const args[] = {"practice",  "--name", "client.example.net",
                                       "--tls-max", "1.2",    NULL};
    golden_open(s, size, args);
    for (int t = 0; t < GOLDEN_THEMES; t++)
        if (size->cols >= 20)
            screen_wait(s->v[t], "220 ");
    golden_settle(s);
}

static void session_at(const struct golden_size *size)
{
    struct golden_stage s;
    practice_stage(&s, size);
    golden_look(&s, "start");
    golden_say(&s, "EHLO client.example.net");
    golden_look(&s, "ehlo");
    if (size->rows > 6) {
        golden_say(&s, "/tls");
        for (int t = 0; t < GOLDEN_THEMES; t++)
            screen_wait_caps(s.v[t], true);
        golden_say(&s, "MAIL FROM:<ann@example.net>");
        golden_say(&s, "RCPT TO:<no-such-user@example.test>");
        golden_look(&s, "refused");
        golden_say(&s, "RCPT TO:<bob@example.test>");
        golden_say(&s, "DATA");
        golden_say(&s, "Subject: hello");
        golden_say(&s, "");
        golden_say(&s, ".a line that began with a dot");
        golden_look(&s, "content");
        golden_say(&s, ".");
        golden_press(&s, "MAIL FROM:<lt>");
        golden_look(&s, "accepted");
    }
    golden_close(&s);
}

static void test_session(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_ALL; i++)
        session_at(&golden_sizes[i]);
}

static void test_history(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_SMALL; i++) {
        struct golden_stage s;
        practice_stage(&s, &golden_sizes[i]);
        golden_say(&s, "EHLO client.example.net");
        golden_say(&s, "MAIL FROM:<ann@example.net>");
        golden_say(&s, "RCPT TO:<bob@example.test>");
        golden_say(&s, "NOOP");
        golden_press(&s, "<C-r>");
        golden_look(&s, "history");
        golden_press(&s, "ann");
        golden_look(&s, "history-narrowed");
        golden_press(&s, "<Enter>");
        if (golden_sizes[i].cols >= 40)
            assert_string_equal(screen_input(s.v[0]), "MAIL FROM:<ann@example.net>");
        golden_close(&s);
    }
}

/* What is asked in the command pane, and what stands there while a line is written. */
static const struct {
    const char *name, *lines[LINES], *keys;
} asked[] = {
    {"completion-verb", {"EHLO client.example.net"}, "MAIL FROM:<lt>ann@example.net> <Tab><Tab>"},
    {"lint", {NULL}, "RCPT TO:<lt>bob@example.test>"},
    {"hint", {"EHLO client.example.net", "MAIL FROM:<ann@example.net>"}, "rcpt "},
    {"paste",
     {"EHLO client.example.net"},
     "\033[200~MAIL FROM:<lt>ann@example.net>\r\nRCPT TO:<lt>bob@example.test>\r\nNOOP\033[201~"},
    {"paste-edit",
     {"EHLO client.example.net"},
     "\033[200~MAIL FROM:<lt>ann@example.net>\r\nRCPT TO:<lt>bob@example.test>\r\nNOOP\033[201~e"},
    {"secret", {"EHLO client.example.net"}, "/auth PLAIN ann<Enter>tops"},
    {"leave", {"EHLO client.example.net"}, "<F10>"},
    {"compose", {"EHLO client.example.net"}, "/compose<Enter>"},
    {"beside", {"EHLO client.example.net", "/open practice", "EHLO second.example.net"}, ""},
    {"beside-back",
     {"EHLO client.example.net", "/open practice", "EHLO second.example.net"},
     "<A-1>"},
};

static void test_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(asked); i++) {
        for (size_t at = 0; at < GOLDEN_COMMON; at++) {
            struct golden_stage s;
            if (!golden_wanted(asked[i].name))
                continue;
            practice_stage(&s, &golden_sizes[at]);
            for (size_t l = 0; l < LINES && asked[i].lines[l]; l++)
                golden_say(&s, asked[i].lines[l]);
            golden_press(&s, asked[i].keys);
            golden_look(&s, asked[i].name);
            golden_close(&s);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_asked),
    };
    return cmocka_run_group_tests_name("golden_live", tests, NULL, NULL);
}
