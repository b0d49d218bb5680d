/* A POP3 session: lines that begin with "<" are the server's, all others the client's. Fed at once
 * and in pieces: octets, state, answers awaited and events are the same (OCTETS aside), items lie
 * inside what was fed, and the tracker never stands still. The first octet of the input chooses the
 * pieces. */
#include "engine/pop3_track.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_item(const struct pop3_item *item)
{
    need(item->answers < POP3_VERB__COUNT);
    if (item->kind == POP3_ITEM_COMMAND) {
        const struct pop3_command *c = item->command;
        need(c->n_args <= POP3_ARGS_MAX && c->verb < POP3_VERB__COUNT);
        for (size_t i = 0; i < c->n_args; i++)
            need(c->arg[i].ptr >= c->line.ptr &&
                 c->arg[i].ptr + c->arg[i].len <= c->line.ptr + c->line.len);
    }
    if (item->kind == POP3_ITEM_REPLY || item->kind == POP3_ITEM_STATUS)
        need(item->response->text.len <= item->response->line.len);
}

/* seed NULL: at once. */
static void feed(struct pop3_track *t, enum event_dir dir, struct slice in, unsigned *seed)
{
    while (in.len > 0) {
        struct slice piece = in;
        if (seed) {
            *seed = *seed * 1664525u + 1013904223u;
            piece = slice_take(in, 1 + (*seed >> 24) % 9);
        }
        in = slice_skip(in, piece.len);
        while (piece.len > 0) {
            struct pop3_item item;
            size_t used = pop3_track_feed(t, dir, piece, &item);
            need(used > 0 && used <= piece.len);
            check_item(&item);
            piece = slice_skip(piece, used);
        }
    }
}

static struct digest session(struct slice in, unsigned seed, bool split)
{
    struct clock_manual clock;
    clock_manual_init(&clock, 1000, 1000);
    struct journal *j = journal_new(&clock.clock);
    uint32_t conn = journal_conn_new(j);
    struct pop3_track *t =
        pop3_track_new(j, conn, &(struct pop3_track_options){.want_content = true});
    struct digest result = {0};
    while (in.len > 0) {
        ptrdiff_t lf = slice_find_octet(in, '\n');
        struct slice line = lf < 0 ? in : slice_take(in, (size_t)lf + 1);
        in = slice_skip(in, line.len);
        if (line.ptr[0] == '!')
            pop3_track_tls_up(t);
        else if (line.ptr[0] == '<')
            feed(t, DIR_S, slice_skip(line, 1), split ? &seed : NULL);
        else
            feed(t, DIR_C, line, split ? &seed : NULL);
    }
    for (int d = 0; d < DIR__COUNT; d++)
        result.octets[d] = journal_stream_len(j, conn, (enum event_dir)d, LAYER_PLAIN);
    result.pending = pop3_track_pending(t);
    result.state = pop3_track_state(t);
    pop3_track_closed(t, DIR_S);
    need(pop3_track_state(t) == POP3_STATE_CLOSED && pop3_track_pending(t) == 0);
    result.events = digest_of(j);
    pop3_track_free(&t);
    journal_free(&j);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 65536)
        return 0;
    struct slice in = slice_of(data + 1, size - 1);
    struct digest whole = session(in, 0, false), split = session(in, data[0], true);
    digest_same(&whole, &split);
    return 0;
}
