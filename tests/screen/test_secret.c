/* A password typed at the prompt is nowhere: not on the screen, not in the stream to the terminal,
 * not in the history, not in the recording, not in any file of the home directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "../lib/screen.h"
#include "base/base64.h"
#include "base/buf.h"

static const char user[] = "ann";
static const char password[] = "Zq7-Secret-Pass";

/* The forms in which it could be seen: itself, as LOGIN sends it, as PLAIN sends it; and pieces of
 * those, because a screen may cut them. */
struct forms {
    char text[3][128];
};

static void make_forms(struct forms *f)
{
    struct buf out;
    char plain[64];
    int len = snprintf(plain, sizeof plain, "%c%s%c%s", 0, user, 0, password);
    buf_init(&out, 256);
    snprintf(f->text[0], sizeof f->text[0], "%s", "Secret-Pass");
    base64_encode(&out, slice_of(password, strlen(password)));
    snprintf(f->text[1], sizeof f->text[1], "%.14s", buf_cstr(&out));
    buf_reset(&out);
    base64_encode(&out, slice_of(plain, (size_t)len));
    snprintf(f->text[2], sizeof f->text[2], "%.18s", buf_cstr(&out));
    buf_deinit(&out);
}

static void assert_not_in(const struct forms *f, const char *where, const void *octets, size_t len)
{
    for (size_t i = 0; i < N_OF(f->text); i++)
        if (memmem(octets, len, f->text[i], strlen(f->text[i])))
            fail_msg("%s: \"%s\" is there", where, f->text[i]);
}

/* Every file below the directory. */
static size_t look_through(const struct forms *f, const char *dir)
{
    char command[256], path[512];
    size_t n_files = 0;
    snprintf(command, sizeof command, "find '%s' -type f", dir);
    FILE *list = popen(command, "re");
    assert_non_null(list);
    while (fgets(path, sizeof path, list)) {
        path[strcspn(path, "\n")] = '\0';
        FILE *file = fopen(path, "re");
        char *text = NULL;
        size_t alloc = 0;
        ssize_t len = file ? getdelim(&text, &alloc, '\0', file) : -1;
        if (len > 0)
            assert_not_in(f, path, text, (size_t)len);
        free(text);
        if (file)
            fclose(file);
        n_files++;
    }
    pclose(list);
    return n_files;
}

static void log_in(const char *mechanism, bool again)
{
    struct forms forms;
    char line[64], dir[] = "/tmp/screen-secret-XXXXXX", record[64];
    make_forms(&forms);
    assert_non_null(mkdtemp(dir));
    snprintf(record, sizeof record, "--record=%s/r.jsonl", dir);
    const char *const args[] = {"practice", "--name", "client.example.net", record, NULL};
    struct vt *v = screen_open(40, 120, NULL, args);
    screen_wait(v, "220 ");
    screen_line(v, "/tls");
    screen_wait_caps(v, true);
    snprintf(line, sizeof line, "/auth %s %s", mechanism, user);
    screen_line(v, line);
    screen_wait(v, "assword");
    for (const char *at = password; *at; at++) {
        vt_send_octets(v, at, 1);
        vt_sync(v); /* a frame for each letter: none may show it */
        assert_false(vt_has_text(v, "Zq7"));
    }
    if (again) { /* keys that would bring it elsewhere */
        vt_key(v, "<C-r><Tab><Up><C-y><F3>");
        vt_sync(v);
    }
    vt_key(v, "<Enter>");
    screen_wait(v, again ? "AUTH" : "535");
    vt_key(v, "<C-c>");
    vt_sync(v);
    vt_send(v, "\033[A\033[A"); /* history */
    vt_sync(v);
    vt_key(v, "<C-c><A-p><A-x>"); /* the octets of what was sent */
    vt_sync(v);
    vt_key(v, "<Esc>");
    vt_sync(v);
    vt_key(v, "<C-r>");
    vt_sync(v);
    vt_key(v, "<Esc>");
    vt_sync(v);
    char late[96];
    snprintf(late, sizeof late, "/record %s/late.jsonl", dir); /* written from the journal */
    screen_line(v, late);
    size_t len;
    const unsigned char *raw = vt_raw(v, &len);
    assert_not_in(&forms, "the terminal", raw, len);
    char home[128];
    snprintf(home, sizeof home, "%s", vt_home(v));
    vt_sync(v);
    assert_true(look_through(&forms, home) > 0); /* the history is there */
    vt_key(v, "<C-c>");
    vt_sync(v);
    vt_send(v, "/quit\r");
    assert_int_equal(vt_wait_exit(v), 0);
    raw = vt_raw(v, &len);
    assert_not_in(&forms, "the terminal", raw, len);
    look_through(&forms, home);
    assert_true(look_through(&forms, dir) > 0);
    screen_assert_restored(v);
    vt_free(&v);
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}

static void test_mechanisms(void **state)
{
    (void)state;
    static const char *const mechanisms[] = {"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"};
    for (size_t i = 0; i < N_OF(mechanisms); i++)
        log_in(mechanisms[i], false);
}

static void test_other_keys_at_the_prompt(void **state)
{
    (void)state;
    log_in("PLAIN", true);
}

/* Pasted instead of typed; and refused with Esc, after which typing is typing again. */
static void test_pasted_and_refused(void **state)
{
    (void)state;
    struct forms forms;
    size_t len;
    make_forms(&forms);
    struct vt *v = screen_practice(24, 80, NULL);
    screen_line(v, "/tls");
    screen_wait_caps(v, true);
    screen_line(v, "/auth PLAIN ann");
    screen_wait(v, "assword");
    vt_paste(v, password);
    vt_sync(v);
    vt_key(v, "<Esc>");
    vt_sync(v);
    const unsigned char *raw = vt_raw(v, &len);
    assert_not_in(&forms, "the terminal", raw, len);
    vt_send(v, "NOOP");
    vt_sync(v);
    assert_int_equal(strncmp(screen_input(v), "NOOP", 4), 0);
    vt_key(v, "<C-c>");
    screen_line(v, "/auth PLAIN ann");
    screen_wait(v, "assword");
    vt_paste(v, password);
    vt_key(v, "<Enter>");
    screen_wait(v, "535");
    raw = vt_raw(v, &len);
    assert_not_in(&forms, "the terminal", raw, len);
    screen_quit(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mechanisms),
        cmocka_unit_test(test_other_keys_at_the_prompt),
        cmocka_unit_test(test_pasted_and_refused),
    };
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
