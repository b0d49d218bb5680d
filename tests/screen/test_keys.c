/* Every row of the key table: pressed in the program, listed by its help and by the manual page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../lib/screen.h"
#include "ui/ui.h"

/* "Alt-Left" as vt_key spells it: "<A-Left>". */
static void spell(const char *name, char *out, size_t out_octets)
{
    if (strncmp(name, "Alt-", 4) == 0)
        snprintf(out, out_octets, "<A-%s>", name + 4);
    else if (strncmp(name, "Ctrl-", 5) == 0)
        snprintf(out, out_octets, "<C-%s>", name + 5);
    else if (strncmp(name, "Shift-", 6) == 0)
        snprintf(out, out_octets, "<S-%s>", name + 6);
    else if (strlen(name) == 1)
        snprintf(out, out_octets, "%s", name);
    else
        snprintf(out, out_octets, "<%s>", name);
}

/* To the pane a row is for; Esc is a unit of its own before the frame's key. */
static void go_to(struct vt *v, const char *where)
{
    vt_key(v, "<C-c>"); /* the command line, wherever we are */
    vt_sync(v);
    if (strcmp(where, "transcript") == 0)
        screen_line(v, "/pane transcript");
    else if (strcmp(where, "decoded") == 0) {
        screen_line(v, "/pane transcript");
        vt_key(v, "<F6>");
        vt_sync(v);
    }
}

static bool leaves(const struct ui_key_info *key)
{
    return strcmp(key->command, "leave") == 0;
}

static bool skipped(const struct ui_key_info *key)
{
    return strcmp(key->command, "suspend") == 0; /* test_restore.c has it */
}

static void press_all(struct vt *v, bool connected)
{
    const struct ui_key_info *key;
    for (size_t i = 0; (key = ui_key_at(i)); i++) {
        char keys[40];
        if (skipped(key) || (leaves(key) && !connected))
            continue;
        spell(key->key, keys, sizeof keys);
        go_to(v, key->where);
        vt_key(v, keys);
        vt_sync(v); /* alive, and a frame came */
        if (leaves(key)) {
            screen_wait(v, "Leave the program?");
            vt_key(v, "n");
            vt_sync(v);
        }
        vt_key(v, "<Esc>"); /* whatever it opened */
        vt_sync(v);
    }
}

static void test_pressed_on_a_session(void **state)
{
    (void)state;
    static const int sizes[][2] = {{24, 80}, {40, 120}};
    for (size_t i = 0; i < N_OF(sizes); i++) {
        struct vt *v = screen_practice(sizes[i][0], sizes[i][1], NULL);
        screen_line(v, "EHLO client.example.net");
        screen_wait_caps(v, false);
        press_all(v, true);
        screen_quit(&v);
    }
}

static void test_pressed_on_a_recording(void **state)
{
    (void)state;
    static const int sizes[][2] = {{24, 80}, {40, 120}, {10, 40}, {3, 9}, {1, 1}};
    static const char *const args[] = {"show", SCREEN_FIXTURE, NULL};
    for (size_t i = 0; i < N_OF(sizes); i++) {
        struct vt *v = screen_open(sizes[i][0], sizes[i][1], NULL, args);
        press_all(v, false);
        screen_quit(&v);
    }
}

/* A key on an empty screen: no session, nothing in the transcript yet. */
static void test_pressed_on_nothing(void **state)
{
    (void)state;
    static const char *const args[] = {"unix:/nonexistent/socket", NULL};
    struct vt *v = screen_open(24, 80, NULL, args);
    press_all(v, false);
    screen_quit(&v);
}

/* Keys that do the same in the same place stand in one row, with the words of the first. */
static bool is_row_of(const char *row, const struct ui_key_info *key)
{
    char name[40], help[60];
    const struct ui_key_info *other;
    snprintf(name, sizeof name, " %s ", key->key);
    const char *at = strstr(row, name);
    for (size_t i = 0; at && (other = ui_key_at(i)); i++) {
        snprintf(help, sizeof help, " %.40s", other->help);
        if (strcmp(other->command, key->command) == 0 && strcmp(other->where, key->where) == 0 &&
            strstr(at, help))
            return true;
    }
    return false;
}

static void test_help_lists_them(void **state)
{
    (void)state;
    static const char *const args[] = {"show", SCREEN_FIXTURE, NULL};
    struct vt *v = screen_open(120, 120, NULL, args);
    const struct ui_key_info *key;
    vt_key(v, "<F1>");
    screen_wait(v, "Keys");
    for (size_t i = 0; (key = ui_key_at(i)); i++) {
        bool there = false;
        for (int y = 0; y < 120 && !there; y++)
            there = is_row_of(vt_row(v, y), key);
        if (!there) {
            vt_print_screen(v);
            fail_msg("the help has no row \"%s %s\"", key->key, key->help);
        }
    }
    screen_quit(&v);
}

/* roff's escapes taken away: "\-" is a hyphen, "\fB" a font. */
static char *read_manual(void)
{
    FILE *f = fopen("doc/smtpscope.1", "re");
    char *text = NULL;
    size_t len = 0, to = 0;
    assert_non_null(f);
    assert_true(getdelim(&text, &len, '\0', f) > 0);
    fclose(f);
    for (const char *at = text; *at;) {
        if (at[0] == '\\' && at[1] == 'f' && at[2])
            at += 3;
        else if (at[0] == '\\' && (at[1] == '-' || at[1] == '&'))
            text[to++] = at[1] == '-' ? '-' : ' ', at += 2;
        else
            text[to++] = *at++;
    }
    text[to] = '\0';
    return text;
}

static void test_manual_lists_them(void **state)
{
    (void)state;
    char *text = read_manual();
    const struct ui_key_info *key;
    for (size_t i = 0; (key = ui_key_at(i)); i++) {
        const char *at = text;
        char wanted[40];
        bool there = false;
        snprintf(wanted, sizeof wanted, "%s", key->key);
        while (!there && (at = strstr(at, wanted))) {
            const char *help = strstr(at, key->help);
            there = help && help - at < 400;
            at++;
        }
        if (!there)
            fail_msg("doc/smtpscope.1 does not list %s: %s (make doc)", key->key, key->help);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pressed_on_a_session), cmocka_unit_test(test_pressed_on_a_recording),
        cmocka_unit_test(test_pressed_on_nothing),   cmocka_unit_test(test_help_lists_them),
        cmocka_unit_test(test_manual_lists_them),
    };
    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
