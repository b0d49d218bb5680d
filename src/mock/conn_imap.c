/* IMAP's side of a connection of the practice server: tracker, serve role, the store behind it.
 *
 * An answer may be larger than what leaves at once: it is kept, and goes piece by piece as the
 * queue has room, before anything else of the client is looked at.
 */
#include "mock/mock_private.h"

#include <stdio.h>

#include "base/mem.h"
#include "engine/imap_serve.h"

enum { PIECE_OCTETS = 128 << 10, IDLE_TIMES = 6 /* RFC 9051 section 5.4: 30 minutes */ };

struct mock_imap {
    struct imap_track *track;
    struct imap_serve *serve;
    struct imap_answer answer;
    size_t said_octets; /* of answer.text */
};

static const enum mock_then thens[] = {
    [IMAP_THEN_GO_ON] = MOCK_THEN_GO_ON, [IMAP_THEN_TLS] = MOCK_THEN_TLS,
    [IMAP_THEN_CLOSE] = MOCK_THEN_CLOSE, [IMAP_THEN_RESET] = MOCK_THEN_RESET,
    [IMAP_THEN_DROP] = MOCK_THEN_DROP,   [IMAP_THEN_MORE] = MOCK_THEN_MORE,
};

static struct mock_imap *imap_of(const struct mock_conn *c)
{
    return c->session;
}

/* ---- the policy ---- */

static bool password(void *ctx, const char *user, struct secret *password_out)
{
    const struct mock_conn *c = ctx;
    return mock_password(c->mock, user, password_out);
}

static struct store_user *user(void *ctx, const char *name)
{
    const struct mock_conn *c = ctx;
    return mock_user_find(c->mock, slice_cstr(name));
}

static void changed(void *ctx)
{
    mock_conn_poke(ctx);
}

static bool hold(void *ctx, size_t octets)
{
    const struct mock_conn *c = ctx;
    struct mock *m = c->mock;
    if (octets > MOCK_UNSTORED_MAX_OCTETS - m->unstored_octets)
        return false;
    m->unstored_octets += octets;
    return true;
}

static void release(void *ctx, size_t octets)
{
    const struct mock_conn *c = ctx;
    c->mock->unstored_octets -= octets;
}

static enum store_result append(void *ctx, struct store_mailbox *mailbox, struct store_append *what,
                                struct buf *octets, uint32_t *uid_out, struct err *err)
{
    const struct mock_conn *c = ctx;
    struct store_mailbox_info info;
    char text[64];
    snprintf(text, sizeof(text), "%zu octets", octets->len);
    what->blob = store_blob_take(c->mock->store.store, octets);
    enum store_result r = store_append(mailbox, what, uid_out, err);
    store_blob_release(c->mock->store.store, &what->blob);
    store_mailbox_info(mailbox, false, &info);
    if (r == STORE_OK)
        mock_mailbox_event(c->mock, link_conn(c->link), store_mailbox_user(mailbox), info.name,
                           "appended", *uid_out, text);
    return r;
}

static void happened(void *ctx, const struct store_user *u, const char *mailbox, const char *what,
                     uint32_t uid, const char *text)
{
    const struct mock_conn *c = ctx;
    mock_mailbox_event(c->mock, link_conn(c->link), u, mailbox, what, uid, text);
}

static bool command(void *ctx, const struct imap_command *cmd, struct imap_answer *a)
{
    (void)a; /* what rules say stands in the plan */
    return mock_imap_command(ctx, cmd);
}

static const struct imap_policy policy = {
    .command = command,
    .password = password,
    .token = mock_policy_token,
    .channel = mock_policy_channel,
    .external = mock_policy_external,
    .user = user,
    .changed = changed,
    .hold = hold,
    .release = release,
    .append = append,
    .mailbox = happened,
};

/* ---- saying ---- */

static struct imap_answer *answer_begin(struct mock_imap *i)
{
    buf_reset(&i->answer.text);
    i->answer.delay_ms = 0;
    i->answer.then = IMAP_THEN_GO_ON;
    i->said_octets = 0;
    return &i->answer;
}

/* The next piece of the answer; with the last one comes what is to be done then. */
static void say(struct mock_conn *c)
{
    struct mock_imap *i = imap_of(c);
    struct slice rest = slice_skip(buf_slice(&i->answer.text), i->said_octets);
    struct slice piece = slice_take(rest, PIECE_OCTETS);
    enum mock_then then = piece.len < rest.len ? MOCK_THEN_MORE : thens[i->answer.then];
    uint64_t delay_ms = i->said_octets == 0 ? i->answer.delay_ms : 0;
    i->said_octets += piece.len;
    bool whole = i->said_octets == i->answer.text.len;
    mock_plan_say(c, piece, delay_ms, then);
    if (whole && i->answer.text.alloc_octets > PIECE_OCTETS)
        buf_release(&i->answer.text);
    if (whole)
        i->said_octets = i->answer.text.len;
}

static void more(struct mock_conn *c)
{
    struct mock_imap *i = imap_of(c);
    mock_plan_begin(c);
    if (i->said_octets >= i->answer.text.len)
        imap_serve_more(i->serve, answer_begin(i));
    say(c);
}

/* ---- the connection ---- */

static void begin(struct mock_conn *c, bool tls)
{
    struct mock *m = c->mock;
    struct mock_imap *i = mem_zalloc(sizeof(*i));
    uint32_t conn = link_conn(c->link);
    c->session = i;
    imap_answer_init(&i->answer);
    i->track =
        imap_track_new(m->journal, conn,
                       &(struct imap_track_options){
                           .backstage = !m->options.in_front, .tls = tls, .want_content = true});
    i->serve =
        imap_serve_new(m->journal, conn, i->track, &c->world->imap_options[c->service], &policy, c);
    struct imap_answer *a = answer_begin(i);
    if (c->over_limit) {
        imap_answer_line(a, slice_of(NULL, 0), "BYE", "UNAVAILABLE",
                         "%s Too many connections, try again later", m->options.name);
        a->then = IMAP_THEN_CLOSE;
    } else {
        const struct scenario_server *s = c->world->servers[c->service];
        imap_serve_banner(i->serve, a);
        if (s && s->banner) {
            buf_reset(&a->text);
            imap_answer_line(a, slice_of(NULL, 0), "OK", NULL, "%s", s->banner);
        }
        if (!m->plan.decided)
            mock_rules_ask(c, SCENARIO_STAGE_IMAP_BANNER, NULL, NULL);
        if (!s || !s->banner)
            mock_imap_caps(c, &a->text);
    }
    say(c);
}

/* May the answer to it hold the list of capabilities? */
static bool lists_capabilities(const struct imap_item *item)
{
    if (item->kind != IMAP_ITEM_COMMAND)
        return item->kind == IMAP_ITEM_AUTH_DATA;
    enum imap_verb verb = item->command->verb;
    return verb == IMAP_VERB_CAPABILITY || verb == IMAP_VERB_LOGIN ||
           verb == IMAP_VERB_AUTHENTICATE;
}

static size_t octets(struct mock_conn *c, struct slice in)
{
    struct mock_imap *i = imap_of(c);
    struct imap_item item;
    size_t used = imap_track_feed(i->track, DIR_C, in, &item);
    if (item.kind == IMAP_ITEM_NONE || item.kind == IMAP_ITEM_VOID)
        return used;
    mock_plan_begin(c);
    imap_serve_item(i->serve, &item, answer_begin(i));
    if (lists_capabilities(&item))
        mock_imap_caps(c, &i->answer.text);
    if (i->answer.text.len > 0 || i->answer.then != IMAP_THEN_GO_ON || c->mock->plan.decided)
        say(c);
    return used;
}

static void said(struct mock_conn *c, struct slice text)
{
    imap_track_feed_all(imap_of(c)->track, DIR_S, text);
}

static void poked(struct mock_conn *c)
{
    struct mock_imap *i = imap_of(c);
    mock_plan_begin(c);
    imap_serve_poked(i->serve, answer_begin(i));
    if (i->answer.text.len > 0)
        say(c);
}

static void tls_up(struct mock_conn *c)
{
    imap_track_tls_up(imap_of(c)->track);
    imap_serve_tls_up(imap_of(c)->serve);
}

static void timeout(struct mock_conn *c)
{
    struct mock_imap *i = imap_of(c);
    mock_plan_begin(c);
    imap_serve_timeout(i->serve, answer_begin(i));
    say(c);
}

static const char *state_name(const struct mock_conn *c)
{
    return imap_state_name(imap_track_state(imap_of(c)->track));
}

static void facts(struct mock_conn *c, struct mock_facts *f)
{
    const char *name = imap_serve_user(imap_of(c)->serve);
    if (name)
        rules_fact(&f->f, SCENARIO_FACT_USER, slice_cstr(name));
}

static void closed(struct mock_conn *c, enum event_dir by)
{
    imap_track_closed(imap_of(c)->track, by);
}

static void imap_free(struct mock_conn *c)
{
    struct mock_imap *i = imap_of(c);
    if (!i)
        return;
    imap_serve_free(&i->serve);
    imap_track_free(&i->track);
    imap_answer_deinit(&i->answer);
    mem_free(i);
    c->session = NULL;
}

const struct mock_protocol mock_protocol_imap = {
    .name = "IMAP",
    .idle_times = IDLE_TIMES,
    .begin = begin,
    .octets = octets,
    .said = said,
    .more = more,
    .poked = poked,
    .tls_up = tls_up,
    .timeout = timeout,
    .state_name = state_name,
    .facts = facts,
    .closed = closed,
    .free = imap_free,
};
