/* What stands on the screen, at six sizes: golden/NAME-COLSxROWS.txt.
 *
 * UPDATE_GOLDEN=1 make check-screen writes them anew; look at the difference before it is kept.
 * Times are those of the test clock, a millisecond an event.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../lib/screen.h"

struct size {
    int cols, rows;
};
static const struct size all_sizes[] = {{80, 24}, {120, 40}, {200, 60}, {40, 10}, {20, 5}, {1, 1}};
static const struct size overlay_sizes[] = {{80, 24}, {120, 40}, {200, 60}, {40, 10}, {20, 5}};

static void assert_golden(struct vt *v, const char *name, const struct size *s)
{
    char full[80];
    snprintf(full, sizeof full, "%s-%dx%d", name, s->cols, s->rows);
    vt_sync(v);
    vt_assert_screen(v, full);
}

/* A line that the practice server answers. It lives in the same process: some turns of the loop
 * later the answer is on the screen, at any size. */
static void say(struct vt *v, const char *line)
{
    screen_line(v, line);
    for (int i = 0; i < 8; i++)
        vt_sync(v);
}

static void session_at(const struct size *s)
{
    struct vt *v = screen_practice(s->rows, s->cols, NULL);
    assert_golden(v, "start", s);
    say(v, "EHLO client.example.net");
    assert_golden(v, "ehlo", s);
    if (s->rows > 6) {
        say(v, "/tls");
        screen_wait_caps(v, true);
        say(v, "MAIL FROM:<ann@example.net>");
        say(v, "RCPT TO:<no-such-user@example.test>");
        assert_golden(v, "refused", s);
        say(v, "RCPT TO:<bob@example.test>");
        say(v, "DATA");
        say(v, "Subject: hello");
        say(v, "");
        say(v, ".a line that began with a dot");
        assert_golden(v, "content", s);
        say(v, ".");
        vt_send(v, "MAIL FROM:<");
        assert_golden(v, "accepted", s);
    }
    screen_quit(&v);
}

static void test_session(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(all_sizes); i++)
        session_at(&all_sizes[i]);
}

static struct vt *show(const struct size *s)
{
    static const char *const env[] = {SCREEN_CLOCK, NULL};
    static const char *const args[] = {"show", SCREEN_FIXTURE, NULL};
    return screen_open(s->rows, s->cols, env, args);
}

static void test_show(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(all_sizes); i++) {
        const struct size *s = &all_sizes[i];
        struct vt *v = show(s);
        assert_golden(v, "show", s);
        vt_key(v, "<C-Home>");
        assert_golden(v, "show-top", s);
        screen_quit(&v);
    }
}

/* What reads mail has no envelope: the mailbox stands in its place. */
static void test_mailbox(void **state)
{
    static const struct {
        const char *name, *recording;
    } rows[] = {{"imap", "tests/screen/fixtures/imap.jsonl"},
                {"pop3", "tests/screen/fixtures/pop3.jsonl"}};
    static const struct size sizes[] = {{80, 24}, {120, 40}};
    static const char *const env[] = {SCREEN_CLOCK, NULL};
    (void)state;
    for (size_t i = 0; i < N_OF(rows); i++) {
        for (size_t s = 0; s < N_OF(sizes); s++) {
            const char *const args[] = {"show", rows[i].recording, NULL};
            char name[40];
            struct vt *v = screen_open(sizes[s].rows, sizes[s].cols, env, args);
            assert_golden(v, rows[i].name, &sizes[s]);
            screen_line(v, "/tab mailbox");
            snprintf(name, sizeof name, "%s-mailbox", rows[i].name);
            assert_golden(v, name, &sizes[s]);
            screen_line(v, "/tab session");
            snprintf(name, sizeof name, "%s-session", rows[i].name);
            assert_golden(v, name, &sizes[s]);
            screen_quit(&v);
        }
    }
}

static const struct {
    const char *name, *keys;
} overlays[] = {
    {"help", "<F1>"},
    {"help-filtered", "<F1>scroll"},
    {"search", "<F3>bob"},
    {"hex", "<C-Home><A-n><A-x>"},
    {"envelope", "<A-s>"},
    {"error", "<A-e>"},
    {"zoom", "<A-z>"},
    {"ladder", "<F2>"},
    {"palette", "<A-:>fo"},
    {"filter", "<F4>dir=S code>=400"},
    {"page", "/help set<Enter>"},
    {"completion", "/find<Tab><Tab>"},
};

static void test_over_a_recording(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(overlay_sizes); i++) {
        for (size_t o = 0; o < N_OF(overlays); o++) {
            struct vt *v = show(&overlay_sizes[i]);
            vt_key(v, overlays[o].keys);
            assert_golden(v, overlays[o].name, &overlay_sizes[i]);
            screen_quit(&v);
        }
    }
}

/* Colours of the views that use most of them, in each theme. */
static void test_themes(void **state)
{
    static const char *const themes[] = {"dark", "light", "contrast", "mono"};
    static const struct {
        const char *name, *keys;
    } views[] = {{"error", "<A-e>"}, {"ladder", "<F2>"}, {"help", "<F1>"}};
    static const struct size sizes[] = {{80, 24}, {120, 40}, {200, 60}};
    (void)state;
    for (size_t t = 0; t < N_OF(themes); t++) {
        for (size_t i = 0; i < N_OF(sizes); i++) {
            static const char *const env[] = {SCREEN_CLOCK, NULL};
            const char *const args[] = {"show", "--theme", themes[t], SCREEN_FIXTURE, NULL};
            struct vt *v = screen_open(sizes[i].rows, sizes[i].cols, env, args);
            for (size_t o = 0; o < N_OF(views); o++) {
                char name[80];
                snprintf(name, sizeof name, "colors-%s-%s-%dx%d", themes[t], views[o].name,
                         sizes[i].cols, sizes[i].rows);
                vt_key(v, views[o].keys);
                vt_sync(v);
                vt_assert_colors(v, name);
                vt_key(v, "<Esc>");
                vt_sync(v);
                vt_key(v, "<C-c>");
                vt_sync(v);
            }
            screen_quit(&v);
        }
    }
}

static void test_history(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(overlay_sizes); i++) {
        const struct size *s = &overlay_sizes[i];
        struct vt *v = screen_practice(s->rows, s->cols, NULL);
        say(v, "EHLO client.example.net");
        say(v, "MAIL FROM:<ann@example.net>");
        say(v, "RCPT TO:<bob@example.test>");
        say(v, "NOOP");
        vt_key(v, "<C-r>");
        assert_golden(v, "history", s);
        vt_key(v, "ann");
        assert_golden(v, "history-narrowed", s);
        vt_key(v, "<Enter>");
        if (s->cols >= 40)
            assert_string_equal(screen_input(v), "MAIL FROM:<ann@example.net>");
        screen_quit(&v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session), cmocka_unit_test(test_show),
        cmocka_unit_test(test_mailbox), cmocka_unit_test(test_over_a_recording),
        cmocka_unit_test(test_history), cmocka_unit_test(test_themes),
    };
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
