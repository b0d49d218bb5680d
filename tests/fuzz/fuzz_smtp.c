/* An SMTP or LMTP session: lines that begin with "<" are the server's, all others the client's; "!"
 * is the handshake. Fed at once and in pieces: octets, state, replies awaited and events are the
 * same (OCTETS aside), items lie inside what was fed, and the tracker never stands still. The first
 * octet of the input chooses the pieces, the protocol and what ends a message. */
#include "engine/smtp_track.h"

#include "base/clock.h"
#include "digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_item(const struct smtp_item *item)
{
    need(item->answers < SMTP_VERB__COUNT);
    if (item->kind == SMTP_ITEM_COMMAND) {
        const struct smtp_command *c = item->command;
        need(c->verb < SMTP_VERB__COUNT);
        need(c->args.len == 0 || (c->args.ptr >= c->line.ptr &&
                                  c->args.ptr + c->args.len <= c->line.ptr + c->line.len));
    }
    if (item->kind == SMTP_ITEM_REPLY)
        need(item->reply->n_lines > 0);
}

/* seed NULL: at once. */
static void feed(struct smtp_track *t, enum event_dir dir, struct slice in, unsigned *seed)
{
    while (in.len > 0) {
        struct slice piece = in;
        if (seed) {
            *seed = *seed * 1664525u + 1013904223u;
            piece = slice_take(in, 1 + (*seed >> 24) % 9);
        }
        in = slice_skip(in, piece.len);
        while (piece.len > 0) {
            struct smtp_item item;
            size_t used = smtp_track_feed(t, dir, piece, &item);
            need(used <= piece.len && (used > 0 || item.kind != SMTP_ITEM_NONE));
            check_item(&item);
            piece = slice_skip(piece, used);
        }
    }
}

/* Turns, so that what one side sends in one go may be many lines: a line of the other side ends
 * it. */
static void converse(struct smtp_track *t, struct slice in, unsigned *seed)
{
    while (in.len > 0) {
        bool server = in.ptr[0] == '<';
        struct slice turn = in;
        size_t n = 0;
        if (in.ptr[0] == '!')
            smtp_track_tls_up(t);
        do {
            ptrdiff_t lf = slice_find_octet(slice_skip(in, n), '\n');
            n = lf < 0 ? in.len : n + (size_t)lf + 1;
        } while (!server && in.ptr[0] != '!' && n < in.len && in.ptr[n] != '<' && in.ptr[n] != '!');
        turn.len = n;
        in = slice_skip(in, n);
        if (turn.ptr[0] != '!')
            feed(t, server ? DIR_S : DIR_C, slice_skip(turn, server ? 1 : 0), seed);
    }
}

static struct digest session(struct slice in, uint8_t options, bool split)
{
    struct clock_manual clock;
    struct digest result = {0};
    unsigned seed = options;
    clock_manual_init(&clock, 1000, 1000);
    struct journal *j = journal_new(&clock.clock);
    uint32_t conn = journal_conn_new(j);
    struct smtp_track *t = smtp_track_new(
        j, conn,
        &(struct smtp_track_options){.want_content = true,
                                     .lmtp = options & 1,
                                     .data_end = (enum smtp_data_end)(options / 2 % 3)});
    converse(t, in, split ? &seed : NULL);
    for (int d = 0; d < DIR__COUNT; d++)
        result.octets[d] = journal_stream_len(j, conn, (enum event_dir)d, LAYER_PLAIN);
    result.pending = smtp_track_pending(t);
    result.state = smtp_track_state(t);
    smtp_track_closed(t, DIR_S);
    need(smtp_track_state(t) == SMTP_STATE_CLOSED && smtp_track_pending(t) == 0);
    result.events = digest_of(j);
    smtp_track_free(&t);
    journal_free(&j);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 65536)
        return 0;
    struct slice in = slice_of(data + 1, size - 1);
    struct digest whole = session(in, data[0], false), split = session(in, data[0], true);
    digest_same(&whole, &split);
    return 0;
}
