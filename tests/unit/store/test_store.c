/* The mailbox store: the same for both backends. */
#include "kit.h"

static const char A[] = "Subject: a\r\n\r\nfirst\r\n", B[] = "Subject: b\r\n\r\nsecond, longer\r\n";

/* ---- what a view was told ---- */

struct heard {
    char text[512];
};

static void hear(void *ctx, const struct store_change *c)
{
    static const char *const kinds[] = {"gone", "flags", "exists"};
    struct heard *h = ctx;
    size_t len = strlen(h->text);
    snprintf(h->text + len, sizeof(h->text) - len, "%s%s %u", len ? ", " : "", kinds[c->kind],
             c->number);
}

static const char *news(struct store_view *v, bool may_lose)
{
    static struct heard h;
    h.text[0] = '\0';
    store_view_sync(v, may_lose, hear, &h);
    return h.text;
}

static void note(void *ctx)
{
    ++*(int *)ctx;
}

/* ---- names ---- */

static void test_names(void **state)
{
    (void)state;
    static const char *const good[] = {
        "INBOX", "a", "a/b/c", "Entw\xc3\xbcrfe", "a.b", ".a", "~x", "a b", "a/..b", "&", "-"};
    static const char *const bad[] = {
        "",       "/",    "a/",  "/a",   "a//b",  ".",    "..",
        "a/../b", "../x", "a/.", "a\nb", "a\x7f", "\xff", "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q"};
    char longest[STORE_NAME_MAX_OCTETS + 2];
    memset(longest, 'x', sizeof(longest));
    assert_true(store_name_is_valid(slice_of(longest, STORE_NAME_MAX_OCTETS)));
    assert_false(store_name_is_valid(slice_of(longest, STORE_NAME_MAX_OCTETS + 1)));
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!store_name_is_valid(slice_cstr(good[i])))
            fail_msg("\"%s\" refused", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (store_name_is_valid(slice_cstr(bad[i])))
            fail_msg("\"%s\" taken", bad[i]);
    assert_false(store_name_is_valid(slice_of("a\0b", 3)));
}

static void users(bool maildir)
{
    struct kit k;
    struct secret secret;
    uint64_t octets, messages;
    kit_open(&k, maildir, &(struct store_limits){.users = 4});
    secret_init(&secret);
    struct store_user *bob = store_user_add(k.store, SLICE_LIT("Bob"), NULL);
    assert_non_null(bob);
    assert_ptr_equal(store_user_find(k.store, SLICE_LIT("BOB")), bob);
    assert_ptr_equal(store_user_add(k.store, SLICE_LIT("bob"), NULL), bob);
    assert_string_equal(store_user_name(bob), "bob");
    assert_false(store_user_password(bob, &secret));
    store_user_set_password(bob, SLICE_LIT("secret"));
    assert_true(store_user_password(bob, &secret));
    assert_true(slice_eq(secret_slice(&secret), SLICE_LIT("secret")));
    secret_clear(&secret);
    assert_non_null(store_user_add(k.store, SLICE_LIT("alice"), NULL));
    assert_string_equal(store_user_name(store_user_at(k.store, 0)), "alice");
    assert_null(store_user_at(k.store, 2));
    assert_null(store_user_add(k.store, SLICE_LIT(".."), NULL));
    assert_null(store_user_add(k.store, SLICE_LIT("a\nb"), NULL));
    assert_null(store_user_add(k.store, SLICE_LIT(""), NULL));
    assert_non_null(store_user_add(k.store, SLICE_LIT("../etc"), NULL)); /* one name, encoded */
    assert_non_null(store_user_add(k.store, SLICE_LIT("j\xc3\xb6rg"), NULL));
    assert_null(store_user_add(k.store, SLICE_LIT("fifth"), NULL));
    store_user_used(bob, &octets, &messages);
    assert_int_equal(octets + messages, 0);
    kit_close(&k);
}

/* ---- messages and views ---- */

static void appending(bool maildir)
{
    struct kit k;
    struct store_message g;
    struct store_mailbox_info info;
    uint64_t octets;
    int64_t date;
    kit_open(&k, maildir, NULL);
    struct store_mailbox *m = box(&k, "bob", "inbox");
    assert_int_equal(put(&k, m, A), 1);
    assert_int_equal(put(&k, m, B), 2);
    store_mailbox_info(m, true, &info);
    assert_int_equal(info.messages, 2);
    assert_int_equal(info.recent, 2);
    assert_int_equal(info.unseen, 2);
    assert_int_equal(info.uid_next, 3);
    assert_true(info.uid_validity > 0);
    struct store_view *v = view(m), *second = view(m);
    assert_int_equal(store_view_count(v), 2);
    assert_content(v, 0, A);
    assert_content(v, 1, B);
    assert_true(store_view_get(v, 0, &g));
    assert_int_equal(g.flags, STORE_RECENT);
    assert_true(store_view_get(second, 0, &g));
    assert_int_equal(g.flags, 0); /* the first view took it */
    assert_true(store_view_measure(v, 1, &octets, &date));
    assert_int_equal(octets, strlen(B));
    assert_int_equal(date, k.clock.now_wall_us);
    assert_int_equal(store_view_find(v, 2), 1);
    assert_int_equal(store_view_find(v, 3), 2);
    assert_int_equal(store_view_uid(v, 1), 2);
    assert_int_equal(store_count(k.store), 2);
    struct store_entry e;
    assert_true(store_at(k.store, 1, &e));
    assert_ptr_equal(e.mailbox, m);
    assert_string_equal(e.from, "ann@example.net");
    assert_false(store_at(k.store, 2, &e));
    store_view_close(&v);
    store_view_close(&second);
    kit_close(&k);
}

static void changes(bool maildir)
{
    struct kit k;
    struct store_message g;
    struct err err;
    int told = 0;
    kit_open(&k, maildir, NULL);
    struct store_mailbox *m = box(&k, "bob", "INBOX");
    for (int i = 0; i < 5; i++)
        put(&k, m, A);
    struct store_view *a = view(m);
    struct store_view *b = store_view_open(m, false, note, &told, &err);
    assert_false(store_view_is_behind(b));
    put(&k, m, B);
    assert_int_equal(told, 1);
    assert_true(store_view_is_behind(b));
    assert_int_equal(store_view_count(b), 5); /* until it asks */
    assert_string_equal(news(b, true), "exists 6");
    assert_true(store_view_get(b, 5, &g));
    assert_int_equal(g.flags, STORE_RECENT);
    assert_int_equal(store_view_flags(a, 1, STORE_ADD, STORE_SEEN | STORE_FLAGGED, 0, &err),
                     STORE_OK);
    store_view_flags_told(a, 1);
    assert_string_equal(news(b, true), "flags 2");
    assert_string_equal(news(a, true), "exists 6");
    assert_int_equal(store_view_flags(a, 1, STORE_REMOVE, STORE_SEEN, 0, &err), STORE_OK);
    assert_string_equal(news(a, true), "flags 2"); /* it was not told */
    /* Gone messages keep their numbers until they may be lost. */
    size_t gone[] = {0, 2, 3};
    assert_int_equal(store_view_expunge(a, gone, 3, &err), STORE_OK);
    assert_string_equal(news(b, false), "flags 2");
    assert_int_equal(store_view_count(b), 6);
    assert_false(store_view_get(b, 0, &g));
    assert_null(store_content_open(b, 0, &err));
    assert_true(store_view_get(b, 1, &g));
    assert_true(store_view_is_behind(b));
    assert_string_equal(news(b, true), "gone 1, gone 2, gone 2");
    assert_string_equal(news(a, true), "gone 1, gone 2, gone 2");
    assert_int_equal(store_view_uid(b, 0), 2);
    assert_int_equal(store_view_uid(b, 1), 5);
    assert_int_equal(store_view_expunge(a, (size_t[]){0, 0}, 2, &err), STORE_OK);
    assert_int_equal(store_view_expunge(b, (size_t[]){0}, 1, &err), STORE_OK); /* gone already */
    assert_string_equal(news(a, true), "gone 1");
    store_view_close(&a);
    store_view_close(&b);
    kit_close(&k);
}

static void read_only(bool maildir)
{
    struct kit k;
    struct err err;
    struct store_message g;
    kit_open(&k, maildir, NULL);
    struct store_mailbox *m = box(&k, "bob", "INBOX");
    put(&k, m, A);
    struct store_view *v = store_view_open(m, true, NULL, NULL, &err);
    assert_true(store_view_is_read_only(v));
    assert_true(store_view_get(v, 0, &g));
    assert_int_equal(g.flags, STORE_RECENT);
    assert_int_equal(store_view_flags(v, 0, STORE_ADD, STORE_SEEN, 0, &err), STORE_READ_ONLY);
    assert_int_equal(store_view_expunge(v, (size_t[]){0}, 1, &err), STORE_READ_ONLY);
    store_view_close(&v);
    v = view(m); /* it has not taken \Recent */
    assert_true(store_view_get(v, 0, &g));
    assert_int_equal(g.flags, STORE_RECENT);
    store_view_close(&v);
    kit_close(&k);
}

static void keywords(bool maildir)
{
    struct kit k;
    struct err err;
    struct store_message g;
    char name[8];
    kit_open(&k, maildir, NULL);
    struct store_mailbox *m = box(&k, "bob", "INBOX"), *to = box(&k, "bob", "Other");
    put(&k, m, A);
    struct store_view *v = view(m);
    assert_int_equal(store_keyword(m, SLICE_LIT("$Forwarded"), false), -1);
    int bit = store_keyword(m, SLICE_LIT("$Forwarded"), true);
    assert_int_equal(bit, 0);
    assert_int_equal(store_keyword(m, SLICE_LIT("$forwarded"), true), 0);
    assert_string_equal(store_keyword_name(m, 0), "$Forwarded");
    assert_null(store_keyword_name(m, 1));
    assert_int_equal(store_keyword(m, SLICE_LIT("a b"), true), -1);
    assert_int_equal(store_keyword(to, SLICE_LIT("first"), true), 0);
    assert_int_equal(store_view_flags(v, 0, STORE_REPLACE, STORE_DRAFT, 1u << bit, &err), STORE_OK);
    assert_int_equal(store_view_copy(v, (size_t[]){0}, 1, to, NULL, &err), STORE_OK);
    struct store_view *other = view(to);
    assert_true(store_view_get(other, 0, &g));
    assert_int_equal(g.flags, STORE_DRAFT | STORE_RECENT);
    assert_int_equal(g.keywords, 2); /* its bit there */
    assert_string_equal(store_keyword_name(to, 1), "$Forwarded");
    unsigned n = 2;
    for (; n < 100; n++) {
        snprintf(name, sizeof(name), "k%u", n);
        if (store_keyword(to, slice_cstr(name), true) < 0)
            break;
    }
    assert_int_equal(n, maildir ? 26 : STORE_KEYWORDS_MAX);
    store_view_close(&v);
    store_view_close(&other);
    kit_close(&k);
}

static void copy_and_move(bool maildir)
{
    struct kit k;
    struct err err;
    uint32_t uids[2] = {0};
    kit_open(&k, maildir, NULL);
    struct store_mailbox *m = box(&k, "bob", "INBOX"), *to = box(&k, "bob", "a/b");
    put(&k, m, A);
    put(&k, m, B);
    put(&k, m, A);
    struct store_view *v = view(m), *w = view(to);
    assert_int_equal(store_view_copy(v, (size_t[]){0, 1}, 2, to, uids, &err), STORE_OK);
    assert_int_equal(uids[1], 2);
    assert_string_equal(news(w, true), "exists 2");
    assert_content(w, 1, B);
    assert_int_equal(store_view_move(v, (size_t[]){1, 2}, 2, to, uids, &err), STORE_OK);
    assert_int_equal(uids[0], 3);
    assert_string_equal(news(v, true), "gone 2, gone 2");
    assert_string_equal(news(w, true), "exists 4");
    assert_content(w, 2, B);
    assert_int_equal(store_view_copy(v, (size_t[]){0}, 1, m, uids, &err), STORE_OK); /* itself */
    assert_int_equal(uids[0], 4);
    assert_string_equal(news(v, true), "exists 2");
    /* All or nothing: the second is gone. */
    struct store_view *old = view(m);
    assert_int_equal(store_view_expunge(v, (size_t[]){1}, 1, &err), STORE_OK);
    assert_int_equal(store_view_copy(old, (size_t[]){0, 1}, 2, to, NULL, &err), STORE_MISSING);
    assert_string_equal(news(w, true), "");
    store_view_close(&v);
    store_view_close(&w);
    store_view_close(&old);
    kit_close(&k);
}

static void locking(bool maildir)
{
    struct kit k;
    struct err err;
    kit_open(&k, maildir, NULL);
    struct store_mailbox *m = box(&k, "bob", "x");
    put(&k, m, A);
    put(&k, m, A);
    struct store_view *a = view(m), *b = view(m);
    assert_true(store_view_lock(a));
    assert_true(store_view_lock(a));
    assert_false(store_view_lock(b));
    assert_int_equal(store_view_expunge(b, (size_t[]){0}, 1, &err), STORE_LOCKED);
    assert_int_equal(store_view_move(b, (size_t[]){0}, 1, m, NULL, &err), STORE_LOCKED);
    assert_int_equal(store_mailbox_delete(store_mailbox_user(m), SLICE_LIT("x"), &err),
                     STORE_LOCKED);
    assert_int_equal(store_view_flags(b, 0, STORE_ADD, STORE_SEEN, 0, &err), STORE_OK);
    put(&k, m, B); /* mail still arrives */
    assert_int_equal(store_view_expunge(a, (size_t[]){0}, 1, &err), STORE_OK);
    store_view_close(&a); /* gives it back */
    assert_true(store_view_lock(b));
    store_view_close(&b);
    kit_close(&k);
}

static void quota(bool maildir)
{
    struct kit k;
    struct err err;
    uint64_t octets, messages;
    kit_open(&k, maildir, &(struct store_limits){.message_octets = 1000});
    struct store_mailbox *m = box(&k, "bob", "INBOX"), *other = box(&k, "bob", "x"),
                         *alice = box(&k, "alice", "INBOX");
    put(&k, m, A);
    store_user_set_quota(store_mailbox_user(m), 2 * strlen(A), 0);
    store_user_quota(store_mailbox_user(m), &octets, &messages);
    assert_int_equal(octets, 2 * strlen(A));
    put(&k, other, A);
    store_user_used(store_mailbox_user(m), &octets, &messages);
    assert_int_equal(octets, 2 * strlen(A));
    assert_int_equal(messages, 2);
    struct store_blob *b = store_blob_dup(k.store, slice_cstr(A));
    struct store_append a = {.blob = b};
    assert_int_equal(store_append(m, &a, NULL, &err), STORE_OVER_QUOTA);
    assert_int_equal(store_append(alice, &a, NULL, &err), STORE_OK);
    struct store_view *v = view(m);
    assert_int_equal(store_view_copy(v, (size_t[]){0}, 1, other, NULL, &err), STORE_OVER_QUOTA);
    assert_int_equal(store_view_move(v, (size_t[]){0}, 1, other, NULL, &err), STORE_OK);
    store_user_set_quota(store_mailbox_user(m), 0, 2);
    assert_int_equal(store_append(m, &a, NULL, &err), STORE_OVER_QUOTA);
    store_view_close(&v);
    store_blob_release(k.store, &b);
    char large[1100];
    memset(large, 'x', sizeof(large));
    b = store_blob_dup(k.store, slice_of(large, sizeof(large)));
    a.blob = b;
    assert_int_equal(store_append(alice, &a, NULL, &err), STORE_FULL);
    store_blob_release(k.store, &b);
    kit_close(&k);
}

/* In memory the oldest leave, whoever's they are, and views of them learn it. */
static void test_eviction(void **state)
{
    (void)state;
    struct kit k;
    struct err err;
    struct store_entry e;
    kit_open(&k, false, &(struct store_limits){.messages = 3, .octets = 1000});
    struct store_mailbox *bob = box(&k, "bob", "INBOX"), *alice = box(&k, "alice", "INBOX");
    put(&k, bob, A);
    put(&k, alice, A);
    struct store_view *v = view(bob);
    struct store_content *c = store_content_open(v, 0, &err);
    put(&k, alice, B);
    assert_string_equal(news(v, true), "");
    put(&k, alice, B);
    assert_string_equal(news(v, true), "gone 1");
    struct slice still;
    assert_true(store_content_whole(c, &still, &err)); /* held by who reads it */
    assert_true(slice_eq(still, slice_cstr(A)));
    store_content_free(&c);
    assert_int_equal(store_count(k.store), 3);
    assert_int_equal(store_evicted(k.store), 1);
    assert_true(store_at(k.store, 0, &e));
    assert_int_equal(e.number, 2);
    char large[900];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    put(&k, bob, large);
    put(&k, bob, large);
    assert_int_equal(store_count(k.store), 1);
    store_clear(k.store);
    assert_int_equal(store_count(k.store), 0);
    put(&k, bob, A);
    assert_true(store_at(k.store, 0, &e));
    assert_int_equal(e.uid, 4);
    store_view_close(&v);
    kit_close(&k);
}

/* ---- mailboxes ---- */

static const char *listing(struct store_user *u)
{
    static char text[512];
    size_t len = 0;
    text[0] = '\0';
    struct store_mailbox *m;
    for (size_t i = 0; (m = store_mailbox_at(u, i)) != NULL; i++) {
        struct store_mailbox_info info;
        store_mailbox_info(m, true, &info);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s%s%s %u", len ? ", " : "",
                                info.name, info.selectable ? "" : " (level)",
                                info.has_children ? "+" : "", info.messages);
    }
    return text;
}

static void mailboxes(bool maildir)
{
    struct kit k;
    struct err err;
    kit_open(&k, maildir, &(struct store_limits){.mailboxes = 8});
    struct store_user *u = store_mailbox_user(box(&k, "bob", "INBOX"));
    assert_int_equal(store_mailbox_create(u, SLICE_LIT("inbox"), 0, &err), STORE_EXISTS);
    assert_int_equal(store_mailbox_create(u, SLICE_LIT("../x"), 0, &err), STORE_BAD_NAME);
    assert_int_equal(store_mailbox_create(u, SLICE_LIT("Sent"), STORE_USE_SENT, &err), STORE_OK);
    assert_int_equal(store_mailbox_create(u, SLICE_LIT("a/b/c/"), 0, &err), STORE_OK);
    assert_int_equal(store_mailbox_create(u, SLICE_LIT("Caf\xc3\xa9.1"), 0, &err), STORE_OK);
    put(&k, box(&k, "bob", "a/b/c"), A);
    put(&k, box(&k, "bob", "a/b"), B);
    assert_string_equal(listing(u), "INBOX 0, Caf\xc3\xa9.1 0, Sent 0, a+ 0, a/b+ 1, a/b/c 1");
    struct store_view *v = view(box(&k, "bob", "a/b"));
    assert_int_equal(store_mailbox_delete(u, SLICE_LIT("a/b"), &err), STORE_OK);
    assert_string_equal(news(v, true), "gone 1"); /* a view of what was deleted */
    assert_null(store_view_mailbox(v));
    assert_int_equal(store_view_count(v), 0);
    assert_string_equal(listing(u),
                        "INBOX 0, Caf\xc3\xa9.1 0, Sent 0, a+ 0, a/b (level)+ 0, a/b/c 1");
    store_view_close(&v);
    assert_null(store_view_open(store_mailbox_find(u, SLICE_LIT("a/b")), true, NULL, NULL, &err));
    assert_int_equal(store_mailbox_delete(u, SLICE_LIT("a/b"), &err), STORE_CANNOT);
    assert_int_equal(store_mailbox_delete(u, SLICE_LIT("INBOX"), &err), STORE_CANNOT);
    assert_int_equal(store_mailbox_delete(u, SLICE_LIT("nope"), &err), STORE_MISSING);
    assert_int_equal(store_mailbox_rename(u, SLICE_LIT("a"), SLICE_LIT("a/x"), &err), STORE_CANNOT);
    assert_int_equal(store_mailbox_rename(u, SLICE_LIT("a"), SLICE_LIT("Sent"), &err),
                     STORE_EXISTS);
    assert_int_equal(store_mailbox_rename(u, SLICE_LIT("a"), SLICE_LIT("z/y"), &err), STORE_OK);
    assert_string_equal(listing(u), "INBOX 0, Caf\xc3\xa9.1 0, Sent 0, z+ 0, z/y+ 0, "
                                    "z/y/b (level)+ 0, z/y/b/c 1");
    assert_int_equal(store_mailbox_delete(u, SLICE_LIT("z/y/b/c"), &err), STORE_OK);
    assert_string_equal(listing(u), "INBOX 0, Caf\xc3\xa9.1 0, Sent 0, z+ 0, z/y 0");
    put(&k, box(&k, "bob", "INBOX"), A);
    assert_int_equal(store_mailbox_rename(u, SLICE_LIT("INBOX"), SLICE_LIT("old"), &err), STORE_OK);
    assert_string_equal(listing(u), "INBOX 0, Caf\xc3\xa9.1 0, Sent 0, old 1, z+ 0, z/y 0");
    assert_int_equal(store_mailbox_create(u, SLICE_LIT("1/2/3"), 0, &err), STORE_FULL);
    kit_close(&k);
}

/* A mailbox made anew is another one (RFC 3501 section 2.3.1.1). */
static void validity(bool maildir)
{
    struct kit k;
    struct err err;
    struct store_mailbox_info first, second;
    kit_open(&k, maildir, NULL);
    store_mailbox_info(box(&k, "bob", "x"), true, &first);
    struct store_user *u = store_mailbox_user(box(&k, "bob", "x"));
    assert_int_equal(store_mailbox_delete(u, SLICE_LIT("x"), &err), STORE_OK);
    store_mailbox_info(box(&k, "bob", "x"), true, &second);
    assert_true(second.uid_validity > first.uid_validity);
    kit_close(&k);
}

static void subscriptions(bool maildir)
{
    struct kit k;
    struct err err;
    struct store_mailbox_info info;
    kit_open(&k, maildir, NULL);
    struct store_mailbox *m = box(&k, "bob", "x");
    struct store_user *u = store_mailbox_user(m);
    assert_int_equal(store_subscribe(u, SLICE_LIT("x"), true, &err), STORE_OK);
    assert_int_equal(store_subscribe(u, SLICE_LIT("a/gone"), true, &err), STORE_OK);
    assert_int_equal(store_subscribe(u, SLICE_LIT("x"), true, &err), STORE_OK);
    assert_int_equal(store_subscribe(u, SLICE_LIT("a/../b"), true, &err), STORE_BAD_NAME);
    store_mailbox_info(m, false, &info);
    assert_true(info.subscribed);
    assert_string_equal(store_subscription_at(u, 0), "a/gone");
    assert_string_equal(store_subscription_at(u, 1), "x");
    assert_null(store_subscription_at(u, 2));
    assert_int_equal(store_subscribe(u, SLICE_LIT("x"), false, &err), STORE_OK);
    store_mailbox_info(m, false, &info);
    assert_false(info.subscribed);
    kit_close(&k);
}

/* Walking a large mailbox costs little, whatever left it before. */
static void test_many(void **state)
{
    (void)state;
    enum { N = 10000 };
    struct kit k;
    struct err err;
    struct store_message g;
    kit_open(&k, false, NULL);
    struct store_mailbox *m = box(&k, "bob", "INBOX");
    for (int i = 0; i < N; i++)
        put(&k, m, A);
    struct store_view *v = view(m);
    size_t *odd = mem_alloc(N / 2 * sizeof(*odd));
    for (size_t i = 0; i < N / 2; i++)
        odd[i] = 2 * i + 1;
    assert_int_equal(store_view_expunge(v, odd, N / 2, &err), STORE_OK);
    store_view_sync(v, true, NULL, NULL);
    assert_int_equal(store_view_count(v), N / 2);
    for (size_t i = 0; i < N / 2; i++) {
        assert_true(store_view_get(v, i, &g));
        assert_int_equal(g.uid, 2 * i + 1);
    }
    assert_int_equal(store_count(k.store), N / 2);
    for (int i = 0; i < 2 * N; i++) /* at the limit each pushes one out */
        put(&k, m, A);
    assert_int_equal(store_count(k.store), N);
    store_view_sync(v, true, NULL, NULL);
    assert_int_equal(store_view_count(v), N);
    assert_int_equal(store_view_uid(v, N - 1), 3 * N);
    mem_free(odd);
    store_view_close(&v);
    kit_close(&k);
}

#define BOTH(test)                                                                                 \
    static void test_##test##_memory(void **state)                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        test(false);                                                                               \
    }                                                                                              \
    static void test_##test##_maildir(void **state)                                                \
    {                                                                                              \
        (void)state;                                                                               \
        test(true);                                                                                \
    }

BOTH(users)
BOTH(appending)
BOTH(changes)
BOTH(read_only)
BOTH(keywords)
BOTH(copy_and_move)
BOTH(locking)
BOTH(quota)
BOTH(mailboxes)
BOTH(validity)
BOTH(subscriptions)

#define BOTH_TESTS(test)                                                                           \
    cmocka_unit_test(test_##test##_memory), cmocka_unit_test(test_##test##_maildir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        BOTH_TESTS(users),
        BOTH_TESTS(appending),
        BOTH_TESTS(changes),
        BOTH_TESTS(read_only),
        BOTH_TESTS(keywords),
        BOTH_TESTS(copy_and_move),
        BOTH_TESTS(locking),
        BOTH_TESTS(quota),
        cmocka_unit_test(test_eviction),
        BOTH_TESTS(mailboxes),
        BOTH_TESTS(validity),
        BOTH_TESTS(subscriptions),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
