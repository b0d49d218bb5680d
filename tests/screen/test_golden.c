/* What stands on the screen over recordings: every view at 80x24, 120x40 and 200x60, some at sizes
 * down to 1x1, each in four themes, reached by keys (lib/golden.h). test_golden_live.c has what
 * needs a session.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "../lib/golden.h"
#include "../lib/screen.h"

/* ---- over recordings ---- */

#define IMAP    "tests/screen/fixtures/imap.jsonl"
#define POP3    "tests/screen/fixtures/pop3.jsonl"
#define SEVERAL "tests/screen/fixtures/several.jsonl"
#define OTHER   "tests/screen/fixtures/refused.jsonl"

struct shown {
    const char *name, *recording, *keys;
    size_t n_sizes;
};
static const struct shown shown[] = {
    /* layouts */
    {"show", SCREEN_FIXTURE, "", GOLDEN_ALL},
    {"show-top", SCREEN_FIXTURE, "<C-Home>", GOLDEN_ALL},
    {"error", SCREEN_FIXTURE, "<A-e>", GOLDEN_SMALL},
    {"wide", SCREEN_FIXTURE, "/layout wide<Enter><A-e>", GOLDEN_COMMON},
    {"stacked", SCREEN_FIXTURE, "/layout stacked<Enter><A-e>", GOLDEN_COMMON},
    {"transcript", SCREEN_FIXTURE, "/layout transcript<Enter><A-e>", GOLDEN_COMMON},
    {"big", SCREEN_FIXTURE, "/layout big<Enter><A-e>", GOLDEN_COMMON},
    {"zoom", SCREEN_FIXTURE, "<A-z>", GOLDEN_SMALL},
    {"zoom-decoded", SCREEN_FIXTURE, "<A-e><F6><F6><A-z>", GOLDEN_COMMON},
    {"ascii", SCREEN_FIXTURE, "/set ascii on<Enter><A-e>", GOLDEN_COMMON},
    /* what lies over the panes */
    {"help", SCREEN_FIXTURE, "<F1>", GOLDEN_SMALL},
    {"help-filtered", SCREEN_FIXTURE, "<F1>scroll", GOLDEN_SMALL},
    {"page", SCREEN_FIXTURE, "/help set<Enter>", GOLDEN_SMALL},
    {"palette", SCREEN_FIXTURE, "<A-:>fo", GOLDEN_SMALL},
    {"completion", SCREEN_FIXTURE, "/find<Tab><Tab>", GOLDEN_SMALL},
    {"hex", SCREEN_FIXTURE, "<C-Home><A-n><A-x>", GOLDEN_SMALL},
    {"ladder", SCREEN_FIXTURE, "<F2>", GOLDEN_SMALL},
    {"ladder-scale", SCREEN_FIXTURE, "<F2>sgjj jjjj", GOLDEN_COMMON},
    {"diff", SCREEN_FIXTURE, "/diff " OTHER "<Enter>", GOLDEN_COMMON},
    {"diff-step", SCREEN_FIXTURE, "/diff " OTHER "<Enter>gn<Enter>", GOLDEN_COMMON},
    /* the transcript */
    {"search", SCREEN_FIXTURE, "<F3>bob", GOLDEN_SMALL},
    {"filter", SCREEN_FIXTURE, "<F4>dir=S code>=400", GOLDEN_SMALL},
    {"filter-bad", SCREEN_FIXTURE, "<F4>dir=S (<Enter>", GOLDEN_COMMON},
    {"unfolded", SCREEN_FIXTURE, "/fold none<Enter>/goto 20<Enter>", GOLDEN_COMMON},
    {"marks", SCREEN_FIXTURE,
     "<Esc>gjjjma}}mbi/note 12 here it went wrong<Enter>/note 40 the end of it<Enter>",
     GOLDEN_COMMON},
    {"wrapped", SCREEN_FIXTURE, "<A-t><A-i><A-w><A-e>", GOLDEN_COMMON},
    {"sideways", SCREEN_FIXTURE, "<Esc>e<Right>", GOLDEN_COMMON},
    /* sections of the decoded pane */
    {"envelope", SCREEN_FIXTURE, "<A-s>", GOLDEN_SMALL},
    {"message", SCREEN_FIXTURE, "/tab message<Enter>", GOLDEN_COMMON},
    {"tls", SCREEN_FIXTURE, "/tab tls<Enter>", GOLDEN_COMMON},
    {"certs", SCREEN_FIXTURE, "/tab certificates<Enter>", GOLDEN_COMMON},
    {"caps", SCREEN_FIXTURE, "/tab capabilities<Enter>", GOLDEN_COMMON},
    {"session", SCREEN_FIXTURE, "/tab session<Enter>", GOLDEN_COMMON},
    {"timing", SCREEN_FIXTURE, "/tab timing<Enter>", GOLDEN_COMMON},
    {"deviations", SCREEN_FIXTURE, "/tab deviations<Enter>", GOLDEN_COMMON},
    /* replayed */
    {"replay", SCREEN_FIXTURE, "/replay goto start<Enter>............", GOLDEN_COMMON},
    {"quiz", SCREEN_FIXTURE, "/replay quiz on<Enter>/replay goto start<Enter>............",
     GOLDEN_COMMON},
    /* two connections at once: the pane follows the newest line, or the one that is selected */
    {"several", SEVERAL, "", GOLDEN_COMMON},
    {"several-first", SEVERAL, "<C-Home><A-n>", GOLDEN_COMMON},
    /* what reads mail has no envelope: the mailbox stands in its place */
    {"imap", IMAP, "", GOLDEN_COMMON},
    {"imap-mailbox", IMAP, "/tab mailbox<Enter>", GOLDEN_COMMON},
    {"imap-session", IMAP, "/tab session<Enter>", GOLDEN_COMMON},
    {"imap-ladder", IMAP, "<F2>", GOLDEN_COMMON},
    {"pop3", POP3, "", GOLDEN_COMMON},
    {"pop3-mailbox", POP3, "/tab mailbox<Enter>", GOLDEN_COMMON},
    {"pop3-session", POP3, "/tab session<Enter>", GOLDEN_COMMON},
};

static void test_shown(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(shown); i++) {
        const char *const args[] = {"show", shown[i].recording, NULL};
        for (size_t at = 0; at < shown[i].n_sizes; at++) {
            struct golden_stage s;
            if (!golden_wanted(shown[i].name))
                continue;
            golden_open(&s, &golden_sizes[at], args);
            golden_press(&s, shown[i].keys);
            if (strchr(shown[i].keys, '>')) /* a typed line is run in the turns behind it */
                golden_settle(&s);
            golden_look(&s, shown[i].name);
            golden_close(&s);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shown)};
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
