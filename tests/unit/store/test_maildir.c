/* The store on disk: what other programs see and do there, and what is left after kill -9. */
#include "kit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char A[] = "Subject: a\r\n\r\nfirst\r\n";

static char *path(const struct kit *k, const char *below)
{
    return mem_printf("%s/%s", k->dir, below);
}

static void write_file(const struct kit *k, const char *below, const char *text)
{
    char *p = path(k, below);
    FILE *f = fopen(p, "w");
    if (!f)
        fail_msg("%s: %s", p, strerror(errno));
    fputs(text, f);
    fclose(f);
    mem_free(p);
}

/* The name of the nth file of a directory, in order of names; NULL: none. */
static const char *file_at(const struct kit *k, const char *below, size_t n)
{
    static char name[300];
    struct dirent **list;
    char *p = path(k, below);
    int count = scandir(p, &list, NULL, alphasort);
    mem_free(p);
    name[0] = '\0';
    for (int i = 0; i < count; i++) {
        if (list[i]->d_name[0] != '.' && n-- == 0)
            snprintf(name, sizeof(name), "%s", list[i]->d_name);
        free(list[i]);
    }
    if (count >= 0)
        free(list);
    return name[0] ? name : NULL;
}

static void move_file(const struct kit *k, const char *from, const char *to)
{
    char *a = path(k, from), *b = path(k, to);
    assert_int_equal(rename(a, b), 0);
    mem_free(a);
    mem_free(b);
}

static char *read_first(const struct kit *k, const char *below)
{
    char *p = mem_printf("%s/%s/%s", k->dir, below, file_at(k, below, 0));
    char *text = mem_zalloc(4096);
    FILE *f = fopen(p, "r");
    assert_non_null(f);
    (void)!fread(text, 1, 4095, f);
    fclose(f);
    mem_free(p);
    return text;
}

/* What mutt and Dovecot expect to find. */
static void test_layout(void **state)
{
    (void)state;
    struct kit k;
    struct err err;
    kit_open(&k, true, NULL);
    put(&k, box(&k, "bob", "INBOX"), A);
    put(&k, box(&k, "bob", "Entw\xc3\xbcrfe/v1.2"), A);
    char *text = read_first(&k, "bob/new");
    assert_string_equal(text, "Subject: a\n\nfirst\n");
    mem_free(text);
    const char *name = file_at(&k, "bob/new", 0);
    assert_non_null(strstr(name, ",S=18,W=21"));
    assert_null(strstr(name, ":2,"));
    assert_non_null(file_at(&k, "bob/.Entw&APw-rfe.v1&AC4-2/new", 0));
    struct store_view *v = view(box(&k, "bob", "INBOX"));
    assert_int_equal(store_view_flags(v, 0, STORE_ADD, STORE_SEEN | STORE_ANSWERED, 0, &err),
                     STORE_OK);
    assert_null(file_at(&k, "bob/new", 0));
    name = file_at(&k, "bob/cur", 0);
    assert_string_equal(strstr(name, ":2,"), ":2,RS");
    int64_t date;
    struct stat st;
    char *p = mem_printf("%s/bob/cur/%s", k.dir, name);
    assert_int_equal(stat(p, &st), 0);
    mem_free(p);
    assert_true(store_view_measure(v, 0, NULL, &date));
    assert_int_equal(st.st_mtime, date / 1000000);
    assert_int_equal(st.st_mode & 0777, 0600);
    store_view_close(&v);
    kit_close(&k);
}

/* Everything is there again: UIDs, flags, keywords, subscriptions, uses; no UID comes twice. */
static void test_again(void **state)
{
    (void)state;
    struct kit k;
    struct err err;
    struct store_message g;
    struct store_mailbox_info before, after;
    kit_open(&k, true, NULL);
    struct store_mailbox *m = box(&k, "bob", "INBOX");
    for (int i = 0; i < 4; i++)
        put(&k, m, A);
    struct store_view *v = view(m);
    int bit = store_keyword(m, SLICE_LIT("$Junk"), true);
    assert_int_equal(store_view_flags(v, 1, STORE_ADD, STORE_FLAGGED, 1u << bit, &err), STORE_OK);
    assert_int_equal(store_view_expunge(v, (size_t[]){0, 3}, 2, &err), STORE_OK);
    store_view_close(&v);
    struct store_user *u = store_mailbox_user(m);
    assert_int_equal(store_mailbox_create(u, SLICE_LIT("Sent"), STORE_USE_SENT, &err), STORE_OK);
    assert_int_equal(store_subscribe(u, SLICE_LIT("Sent"), true, &err), STORE_OK);
    store_mailbox_info(m, true, &before);
    kit_again(&k);
    m = box(&k, "bob", "INBOX");
    v = view(m);
    assert_int_equal(store_view_count(v), 2);
    assert_int_equal(store_view_uid(v, 0), 2);
    assert_int_equal(store_view_uid(v, 1), 3);
    assert_true(store_view_get(v, 0, &g));
    assert_int_equal(g.flags, STORE_FLAGGED);
    assert_string_equal(store_keyword_name(m, (unsigned)__builtin_ctzll(g.keywords)), "$Junk");
    assert_content(v, 1, A);
    assert_int_equal(put(&k, m, A), 5); /* 4 is gone for good */
    store_mailbox_info(m, true, &after);
    assert_int_equal(after.uid_validity, before.uid_validity);
    store_mailbox_info(box(&k, "bob", "Sent"), false, &after);
    assert_int_equal(after.use, STORE_USE_SENT);
    assert_true(after.subscribed);
    store_view_close(&v);
    kit_close(&k);
}

static const char *news(struct kit *k, struct store_view *v)
{
    static char text[200];
    size_t before = store_view_count(v);
    clock_manual_advance_ms(&k->clock, 2500);
    store_view_sync(v, true, NULL, NULL);
    snprintf(text, sizeof(text), "%zu to %zu", before, store_view_count(v));
    return text;
}

/* Another program delivers, marks and removes. */
static void test_others(void **state)
{
    (void)state;
    struct kit k;
    struct store_message g;
    uint64_t octets;
    kit_open(&k, true, NULL);
    struct store_mailbox *m = box(&k, "bob", "INBOX");
    struct store_view *v = view(m);
    write_file(&k, "bob/new/1764000001.1.x", "Subject: x\n\nwith LF\n");
    write_file(&k, "bob/cur/1764000000.1.x:2,PS", "Subject: older\r\n\r\nwith CRLF\r\n");
    write_file(&k, "bob/tmp/1764000000.2.x", "not yet\n");
    assert_string_equal(news(&k, v), "0 to 2");
    assert_content(v, 0, "Subject: older\r\n\r\nwith CRLF\r\n");
    assert_content(v, 1, "Subject: x\r\n\r\nwith LF\r\n");
    assert_true(store_view_measure(v, 1, &octets, NULL));
    assert_int_equal(octets, 23);
    assert_true(store_view_get(v, 0, &g));
    assert_int_equal(g.flags, STORE_SEEN);
    move_file(&k, "bob/cur/1764000000.1.x:2,PS", "bob/cur/1764000000.1.x:2,FPS");
    assert_string_equal(news(&k, v), "2 to 2");
    assert_true(store_view_get(v, 0, &g));
    assert_int_equal(g.flags, STORE_SEEN | STORE_FLAGGED);
    /* Renamed behind our back, between two looks: still found. */
    move_file(&k, "bob/cur/1764000000.1.x:2,FPS", "bob/cur/1764000000.1.x:2,P");
    assert_content(v, 0, "Subject: older\r\n\r\nwith CRLF\r\n");
    struct err err;
    assert_int_equal(store_view_flags(v, 0, STORE_REPLACE, STORE_DRAFT, 0, &err), STORE_OK);
    assert_string_equal(file_at(&k, "bob/cur", 0), "1764000000.1.x:2,DP");
    char *p = path(&k, "bob/cur/1764000000.1.x:2,DP");
    assert_int_equal(unlink(p), 0);
    mem_free(p);
    assert_int_equal(store_view_expunge(v, (size_t[]){0}, 1, &err), STORE_OK); /* gone is gone */
    assert_string_equal(news(&k, v), "2 to 1");
    store_view_close(&v);
    kit_close(&k);
}

/* What would not come back the same from LF line ends is kept as it is. */
static void test_exact(void **state)
{
    (void)state;
    static const char *const texts[] = {"",         "no end",          "a\nb\r\n",
                                        "\n",       "a\r\r\nb\r\n",    "a\rb\r\n",
                                        "\r\n\r\n", "x\r\n\r\ny\r\nz", "\r"};
    struct kit k;
    kit_open(&k, true, NULL);
    for (int again = 0; again < 2; again++) {
        struct store_mailbox *m = box(&k, "bob", "INBOX");
        for (size_t i = 0; !again && i < sizeof(texts) / sizeof(texts[0]); i++)
            put(&k, m, texts[i]);
        struct store_view *v = view(m);
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
            assert_content(v, i, texts[i]);
        store_view_close(&v);
        if (!again)
            kit_again(&k);
    }
    kit_close(&k);
}

/* Any piece of a message, forwards and backwards. */
static void test_pieces(void **state)
{
    (void)state;
    struct kit k;
    struct err err;
    static const char text[] = "a\r\n\r\nbc\r\n.\r\nd\r\n\r\n\r\ne";
    kit_open(&k, true, NULL);
    struct store_mailbox *m = box(&k, "bob", "INBOX");
    put(&k, m, text);
    struct store_view *v = view(m);
    struct store_content *c = store_content_open(v, 0, &err);
    struct buf out;
    buf_init(&out, 1000);
    size_t len = strlen(text);
    for (size_t from = 0; from <= len; from++)
        for (size_t n = 0; n <= len - from + 1; n++) {
            size_t want = n < len - from ? n : len - from;
            buf_reset(&out);
            assert_true(store_content_read(c, from, n, &out, &err));
            if (!slice_eq(buf_slice(&out), slice_of(text + from, want)))
                fail_msg("from %zu, %zu octets: \"%s\"", from, n, buf_cstr(&out));
        }
    for (size_t size = 1; size < 5; size++) { /* one after the other */
        buf_reset(&out);
        for (size_t at = 0; at < len; at += size)
            assert_true(store_content_read(c, at, size, &out, &err));
        assert_string_equal(buf_cstr(&out), text);
    }
    buf_deinit(&out);
    store_content_free(&c);
    store_view_close(&v);
    kit_close(&k);
}

/* Names and links never lead out. */
static void test_no_way_out(void **state)
{
    (void)state;
    struct kit k;
    struct err err;
    kit_open(&k, true, NULL);
    static const char *const names[] = {"../../etc", "..%2f", ".hidden", "a/b", "A.b", "\xc3\xbc"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        put(&k, box(&k, names[i], "x/y.z"), A);
    struct stat st;
    assert_non_null(file_at(&k, "%2E.%2F..%2Fetc/.x.y&AC4-z/new", 0));
    kit_again(&k);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct store_user *u = store_user_find(k.store, slice_cstr(names[i]));
        assert_non_null(u);
        assert_non_null(store_mailbox_find(u, SLICE_LIT("x/y.z")));
    }
    /* Somebody puts symbolic links where directories and files should be. */
    char *outside = path(&k, "outside"), *p = path(&k, "bob/.Evil");
    assert_int_equal(mkdir(outside, 0700), 0);
    write_file(&k, "outside/secret", "do not show\n");
    struct store_mailbox *m = box(&k, "bob", "INBOX");
    assert_int_equal(symlink(outside, p), 0);
    mem_free(p);
    p = path(&k, "bob/cur/1.link:2,");
    char *target = path(&k, "outside/secret");
    assert_int_equal(symlink(target, p), 0);
    mem_free(p);
    p = path(&k, "bob/cur/2.pipe:2,");
    assert_int_equal(mkfifo(p, 0600), 0);
    mem_free(p);
    struct store_view *v = view(m);
    assert_int_equal(store_view_count(v), 0);
    store_view_close(&v);
    struct store_user *u = store_mailbox_user(m);
    assert_int_equal(store_mailbox_create(u, SLICE_LIT("Evil"), STORE_USE_NONE, &err),
                     STORE_FAILED);
    assert_int_equal(store_mailbox_create(u, SLICE_LIT("Good"), STORE_USE_NONE, &err), STORE_OK);
    /* A message's file becomes a link after it was seen. */
    put(&k, m, A);
    v = view(m);
    p = mem_printf("%s/bob/cur/%s", k.dir, file_at(&k, "bob/cur", 1));
    assert_int_equal(unlink(p), 0);
    assert_int_equal(symlink(target, p), 0);
    assert_null(store_content_open(v, 0, &err));
    assert_string_equal(news(&k, v), "1 to 0"); /* what is no file is no message */
    assert_int_equal(stat(target, &st), 0);
    store_view_close(&v);
    mem_free(p);
    mem_free(target);
    mem_free(outside);
    kit_close(&k);
}

/* The uidlist cut, spoiled, taken away: messages stay, UIDs never mean another message. */
static void test_spoiled_list(void **state)
{
    (void)state;
    struct kit k;
    struct store_mailbox_info before, after;
    kit_open(&k, true, NULL);
    struct store_mailbox *m = box(&k, "bob", "INBOX");
    put(&k, m, A);
    put(&k, m, A);
    store_mailbox_info(m, true, &before);
    char *list = path(&k, "bob/smtpscope-uidlist");
    struct stat st;
    assert_int_equal(stat(list, &st), 0);
    assert_int_equal(truncate(list, st.st_size - 3), 0); /* killed while writing the last line */
    kit_again(&k);
    m = box(&k, "bob", "INBOX");
    store_mailbox_info(m, true, &after);
    assert_int_equal(after.messages, 2);
    assert_int_equal(after.uid_validity, before.uid_validity);
    assert_int_equal(after.uid_next, 3);
    write_file(&k, "bob/smtpscope-uidlist", "smtpscope-uidlist 1 nonsense\nu 1 x\n");
    kit_again(&k);
    m = box(&k, "bob", "INBOX");
    store_mailbox_info(m, true, &after);
    assert_int_equal(after.messages, 2);
    assert_true(after.uid_validity > before.uid_validity);
    assert_int_equal(unlink(list), 0);
    assert_int_equal(put(&k, m, A), 3);
    kit_again(&k);
    store_mailbox_info(box(&k, "bob", "INBOX"), true, &after);
    assert_int_equal(after.messages, 3);
    mem_free(list);
    kit_close(&k);
}

static void test_one_program(void **state)
{
    (void)state;
    struct kit k;
    struct err err;
    kit_open(&k, true, NULL);
    assert_null(store_new_maildir(k.dir, &k.clock.clock, NULL, false, &err));
    assert_non_null(strstr(err.means, "another smtpscope"));
    assert_null(store_new_maildir("/proc/none/x", &k.clock.clock, NULL, false, &err));
    kit_close(&k);
}

/* A directory that cannot be written: the message is refused, and nothing half is left. */
static void test_refused(void **state)
{
    (void)state;
    struct kit k;
    struct err err;
    kit_open(&k, true, NULL);
    struct store_mailbox *m = box(&k, "bob", "INBOX");
    char *tmp = path(&k, "bob/tmp");
    assert_int_equal(rmdir(tmp), 0);
    struct store_blob *b = store_blob_dup(k.store, slice_cstr(A));
    assert_int_equal(store_append(m, &(struct store_append){.blob = b}, NULL, &err), STORE_FAILED);
    assert_non_null(strstr(err.text, "bob"));
    assert_null(file_at(&k, "bob/new", 0));
    assert_int_equal(mkdir(tmp, 0700), 0);
    assert_int_equal(store_append(m, &(struct store_append){.blob = b}, NULL, &err), STORE_OK);
    store_blob_release(k.store, &b);
    mem_free(tmp);
    kit_close(&k);
}

enum { KILLED_BODY_OCTETS = 200000 };

static _Noreturn void deliver_until_killed(const char *dir, int ready_fd)
{
    struct kit k = {0};
    struct err err;
    char *text = mem_alloc(KILLED_BODY_OCTETS + 1);
    for (size_t i = 0; i < KILLED_BODY_OCTETS; i++)
        text[i] = i % 70 == 68 ? '\r' : i % 70 == 69 ? '\n' : 'x';
    memcpy(text + KILLED_BODY_OCTETS - 5, "end\r\n", 6);
    k.store = store_new_maildir(dir, clock_system(), NULL, true, &err);
    if (!k.store)
        _exit(1);
    struct store_mailbox *m = box(&k, "bob", "INBOX");
    for (;;) {
        put(&k, m, text);
        (void)!write(ready_fd, "x", 1);
    }
}

/* Killed at any moment of a delivery: every message there is is whole, and what was acknowledged is
 * there. */
static void test_kill(void **state)
{
    (void)state;
    struct kit k;
    size_t acknowledged = 0;
    kit_open(&k, true, NULL);
    for (int round = 0; round < 8; round++) {
        int fds[2];
        char octet;
        store_free(&k.store);
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        if (child == 0)
            deliver_until_killed(k.dir, fds[1]);
        close(fds[1]);
        for (int i = 0; i <= round; i++)
            acknowledged += read(fds[0], &octet, 1) == 1;
        usleep((useconds_t)(round * 137)); /* another place each time; any is right */
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(fds[0], &octet, 1) == 1)
            acknowledged++;
        close(fds[0]);
        k.store = store_new_maildir(k.dir, &k.clock.clock, NULL, false, NULL);
        assert_non_null(k.store);
        struct store_view *v = view(box(&k, "bob", "INBOX"));
        assert_true(store_view_count(v) >= acknowledged);
        for (size_t i = 0; i < store_view_count(v); i++) {
            struct slice got;
            struct store_content *c = store_content_open(v, i, NULL);
            assert_non_null(c);
            assert_true(store_content_whole(c, &got, NULL));
            assert_int_equal(got.len, KILLED_BODY_OCTETS);
            assert_memory_equal(got.ptr + got.len - 5, "end\r\n", 5);
            store_content_free(&c);
        }
        store_view_close(&v);
    }
    assert_true(acknowledged >= 8);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),       cmocka_unit_test(test_again),
        cmocka_unit_test(test_others),       cmocka_unit_test(test_exact),
        cmocka_unit_test(test_pieces),       cmocka_unit_test(test_no_way_out),
        cmocka_unit_test(test_spoiled_list), cmocka_unit_test(test_one_program),
        cmocka_unit_test(test_refused),      cmocka_unit_test(test_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
