/* The museum's side of a connection of the practice server: an exhibit, its tracker, and the
 * mailboxes its letters go to. Rules of scenarios speak of today's protocols and are not asked. */
#include "mock/mock_private.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/vis.h"
#include "engine/track.h"
#include "museum/museum.h"

enum { ADDRESS_MAX_OCTETS = 320 };

struct mock_museum {
    struct track *track;
    struct museum *museum;
};

static struct mock_museum *museum_of(const struct mock_conn *c)
{
    return c->session;
}

static void begin(struct mock_conn *c, bool tls)
{
    struct mock *m = c->mock;
    struct mock_museum *p = mem_zalloc(sizeof(*p));
    enum museum_id id = (enum museum_id)(c->service - MOCK_RFC821);
    c->session = p;
    p->track = track_new(
        PROTOCOL_MUSEUM, m->journal, link_conn(c->link),
        &(struct track_options){.backstage = !m->options.in_front, .tls = tls, .museum = id});
    p->museum = museum_new(id);
    struct buf out;
    buf_init(&out, MUSEUM_REPLY_MAX_OCTETS);
    museum_greet(p->museum, &out);
    mock_conn_say(c, c->over_limit ? SLICE_LIT("421 Too many visitors\r\n") : buf_slice(&out), 0,
                  c->over_limit ? MOCK_THEN_CLOSE : MOCK_THEN_GO_ON);
    buf_deinit(&out);
}

static void keep_for(struct mock_conn *c, struct slice who, const struct museum_letter *letter)
{
    struct mock *m = c->mock;
    char address[ADDRESS_MAX_OCTETS], from[ADDRESS_MAX_OCTETS], id[MOCK_ID_OCTETS];
    vis_to_cstr(address, sizeof(address), who);
    vis_to_cstr(from, sizeof(from), letter->from);
    snprintf(id, sizeof(id), "museum-%llu", (unsigned long long)++m->next_id);
    ptrdiff_t at = slice_find_octet(who, '@');
    struct store_blob *blob = store_blob_dup(m->store.store, letter->text);
    if (mock_store_add(m, link_conn(c->link),
                       mock_user_index(at < 0 ? who : slice_take(who, (size_t)at)), address, blob,
                       from, id))
        m->counters.messages++;
    store_blob_release(m->store.store, &blob);
}

static void keep_letter(struct mock_conn *c)
{
    struct museum_letter letter;
    if (!museum_letter(museum_of(c)->museum, &letter))
        return;
    struct slice rest = letter.to;
    for (ptrdiff_t end; (end = slice_find_octet(rest, '\n')) >= 0;
         rest = slice_skip(rest, (size_t)end + 1))
        keep_for(c, slice_take(rest, (size_t)end), &letter);
}

static size_t octets(struct mock_conn *c, struct slice in)
{
    struct mock_museum *p = museum_of(c);
    struct track_item item;
    struct buf out;
    size_t used = track_feed(p->track, DIR_C, in, &item);
    buf_init(&out, MUSEUM_REPLY_MAX_OCTETS);
    size_t same = museum_feed(p->museum, slice_take(in, used), &out);
    BUG_IF(same != used);
    keep_letter(c);
    if (out.len > 0 || museum_ended(p->museum))
        mock_conn_say(c, buf_slice(&out), 0,
                      museum_ended(p->museum) ? MOCK_THEN_CLOSE : MOCK_THEN_GO_ON);
    buf_deinit(&out);
    return used;
}

static void said(struct mock_conn *c, struct slice text)
{
    track_feed_all(museum_of(c)->track, DIR_S, text);
}

static void tls_up(struct mock_conn *c)
{
    (void)c;
}

static void timeout(struct mock_conn *c)
{
    mock_conn_say(c, slice_of(NULL, 0), 0, MOCK_THEN_CLOSE);
}

static const char *state_name(const struct mock_conn *c)
{
    return museum_state_name(museum_of(c)->museum);
}

static void closed(struct mock_conn *c, enum event_dir by)
{
    track_closed(museum_of(c)->track, by);
}

static void museum_conn_free(struct mock_conn *c)
{
    struct mock_museum *p = museum_of(c);
    if (!p)
        return;
    museum_free(&p->museum);
    track_free(&p->track);
    mem_free(p);
    c->session = NULL;
}

const struct mock_protocol mock_protocol_museum = {
    .name = "museum",
    .idle_times = 2, /* people talk to it */
    .begin = begin,
    .octets = octets,
    .said = said,
    .tls_up = tls_up,
    .timeout = timeout,
    .state_name = state_name,
    .closed = closed,
    .free = museum_conn_free,
};
