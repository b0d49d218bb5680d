/* The backend that keeps all in memory: a message is a hold on its blob. */
#include "store/store_private.h"

static bool refresh(struct store_mailbox *m, struct err *err)
{
    (void)m, (void)err;
    return true;
}

static bool put(struct message *g, struct store_blob *blob, struct err *err)
{
    (void)err;
    g->blob = blob;
    g->octets = blob->len;
    store_blob_hold(g->mailbox->user->store, blob);
    return true;
}

static bool copy(struct message *g, struct message *from, struct err *err)
{
    return put(g, from->blob, err);
}

static bool nothing_to_do(struct message *g, struct err *err)
{
    (void)g, (void)err;
    return true;
}

static bool measure(struct message *g)
{
    (void)g;
    return true;
}

static struct store_content *open_content(struct message *g, struct err *err)
{
    (void)err;
    struct store_content *c = mem_zalloc(sizeof(*c));
    c->store = g->mailbox->user->store;
    c->blob = g->blob;
    c->fd = -1;
    c->octets = g->blob->len;
    store_blob_hold(c->store, c->blob);
    buf_init(&c->whole, 1);
    return c;
}

static bool user_ok(struct store_user *u, struct err *err)
{
    (void)u, (void)err;
    return true;
}

static bool renamed(struct store_mailbox *m, const char *to, struct err *err)
{
    (void)m, (void)to, (void)err;
    return true;
}

static bool keyword(struct store_mailbox *m, unsigned bit)
{
    (void)m, (void)bit;
    return true;
}

static void forget(struct store_mailbox *m)
{
    (void)m;
}

const struct store_backend store_memory = {
    .refresh = refresh,
    .put = put,
    .copy = copy,
    .remove = nothing_to_do,
    .flags = nothing_to_do,
    .measure = measure,
    .open = open_content,
    .make_user = user_ok,
    .make = refresh,
    .unmake = refresh,
    .rename = renamed,
    .keyword = keyword,
    .subscriptions = user_ok,
    .rest = forget,
    .forget = forget,
    .keywords_max = STORE_KEYWORDS_MAX,
};
