/* A store of either kind in a directory of its own, and short words for tests. */
#ifndef TESTS_UNIT_STORE_KIT_H
#define TESTS_UNIT_STORE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store/store.h"

struct kit {
    struct clock_manual clock;
    struct store *store;
    char dir[64]; /* empty: in memory */
};

static inline void kit_open(struct kit *k, bool maildir, const struct store_limits *limits)
{
    struct err err;
    memset(k, 0, sizeof(*k));
    clock_manual_init(&k->clock, 1000000, 1764000000000000);
    if (maildir) {
        snprintf(k->dir, sizeof(k->dir), "/tmp/smtpscope-store-XXXXXX");
        assert_non_null(mkdtemp(k->dir));
        k->store = store_new_maildir(k->dir, &k->clock.clock, limits, false, &err);
        if (!k->store)
            fail_msg("%s", err.text);
    } else {
        k->store = store_new(&k->clock.clock, limits);
    }
}

/* On disk: as after the program ended and began again. */
static inline void kit_again(struct kit *k)
{
    struct err err;
    store_free(&k->store);
    clock_manual_advance_ms(&k->clock, 5000);
    k->store = store_new_maildir(k->dir, &k->clock.clock, NULL, false, &err);
    if (!k->store)
        fail_msg("%s", err.text);
}

static inline void kit_close(struct kit *k)
{
    store_free(&k->store);
    if (!k->dir[0])
        return;
    char *command = mem_printf("rm -rf '%s'", k->dir);
    assert_int_equal(system(command), 0);
    mem_free(command);
}

static inline struct store_mailbox *box(struct kit *k, const char *user, const char *name)
{
    struct err err;
    struct store_user *u = store_user_add(k->store, slice_cstr(user), &err);
    assert_non_null(u);
    struct store_mailbox *m = store_mailbox_find(u, slice_cstr(name));
    if (!m) {
        assert_int_equal(store_mailbox_create(u, slice_cstr(name), STORE_USE_NONE, &err), STORE_OK);
        m = store_mailbox_find(u, slice_cstr(name));
    }
    assert_non_null(m);
    return m;
}

static inline uint32_t put(struct kit *k, struct store_mailbox *m, const char *text)
{
    uint32_t uid = 0;
    struct err err = {0};
    struct store_blob *b = store_blob_dup(k->store, slice_cstr(text));
    enum store_result r =
        store_append(m, &(struct store_append){.blob = b, .from = "ann@example.net"}, &uid, &err);
    if (r != STORE_OK)
        fail_msg("append: %s %s", store_result_text(r), err.text);
    store_blob_release(k->store, &b);
    return uid;
}

static inline struct store_view *view(struct store_mailbox *m)
{
    struct err err = {0};
    struct store_view *v = store_view_open(m, false, NULL, NULL, &err);
    if (!v)
        fail_msg("view: %s", err.text);
    return v;
}

static inline void assert_content(struct store_view *v, size_t index, const char *want)
{
    struct err err = {0};
    struct slice got;
    struct store_content *c = store_content_open(v, index, &err);
    if (!c)
        fail_msg("content: %s", err.text);
    assert_true(store_content_whole(c, &got, &err));
    if (!slice_eq(got, slice_cstr(want)))
        fail_msg("got \"%.*s\", not \"%s\"", SLICE_ARG(got), want);
    assert_int_equal(store_content_octets(c), strlen(want));
    store_content_free(&c);
}

#endif
