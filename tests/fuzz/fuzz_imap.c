/* An IMAP conversation: the first octet chooses the split, the rest is read in turns of client and
 * server parted by octet 0xff. Whatever comes, both ways of splitting keep every octet, end in the
 * same state, await as many answers, and leave the same events: all but OCTETS (where they are cut,
 * and, behind an AUTHENTICATE without answer, whether a known command shows). */
#include "engine/imap_track.h"

#include <string.h>

#include "base/clock.h"
#include "digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct clock_manual clock;
    struct journal *journal;
    uint32_t conn;
    struct imap_track *track;
};

static void inside(struct slice part, struct slice whole)
{
    need(part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

static void look(const struct imap_item *item)
{
    if (item->kind == IMAP_ITEM_COMMAND) {
        need(item->command->verb < IMAP_VERB__COUNT);
        inside(item->command->tag, item->command->text.octets);
        need(!item->command->well_formed || item->command->tag.len > 0);
    }
    if (item->response) {
        inside(item->response->tag, item->response->text.octets);
        inside(item->response->code, item->response->text.octets);
        inside(item->response->human, item->response->text.octets);
        need(item->response->data_at <= item->response->text.octets.len);
        struct imap_cursor c;
        struct arena arena;
        arena_init(&arena);
        imap_cursor_init(&c, &item->response->text, &arena);
        c.at = item->response->data_at;
        (void)imap_take_tree(&c);
        arena_deinit(&arena);
    }
}

static void feed(struct run *r, enum event_dir dir, struct slice in, size_t step)
{
    while (in.len > 0) {
        struct slice piece = slice_take(in, step ? step : in.len);
        in = slice_skip(in, piece.len);
        while (piece.len > 0) {
            struct imap_item item;
            size_t used = imap_track_feed(r->track, dir, piece, &item);
            need(used > 0 && used <= piece.len);
            look(&item);
            piece = slice_skip(piece, used);
        }
    }
}

static struct digest converse(struct slice in, size_t step)
{
    struct run r;
    struct digest result = {0};
    enum event_dir dir = DIR_S;
    uint64_t fed[DIR__COUNT] = {0};
    clock_manual_init(&r.clock, 1, 1);
    r.journal = journal_new(&r.clock.clock);
    r.conn = journal_conn_new(r.journal);
    r.track = imap_track_new(r.journal, r.conn, &(struct imap_track_options){.want_content = true});
    while (in.len > 0) {
        ptrdiff_t end = slice_find_octet(in, 0xff);
        struct slice turn = end < 0 ? in : slice_take(in, (size_t)end);
        in = slice_skip(in, end < 0 ? in.len : (size_t)end + 1);
        if (turn.len == 3 && memcmp(turn.ptr, "TLS", 3) == 0)
            imap_track_tls_up(r.track);
        else
            feed(&r, dir, turn, step);
        fed[dir] += turn.len == 3 && memcmp(turn.ptr, "TLS", 3) == 0 ? 0 : turn.len;
        dir = dir == DIR_S ? DIR_C : DIR_S;
    }
    for (int d = 0; d < DIR__COUNT; d++) {
        result.octets[d] = journal_stream_len(r.journal, r.conn, (enum event_dir)d, LAYER_PLAIN);
        need(result.octets[d] == fed[d]);
    }
    result.pending = imap_track_pending(r.track);
    result.state = imap_track_state(r.track);
    imap_track_closed(r.track, DIR_C);
    result.events = digest_of(r.journal);
    imap_track_free(&r.track);
    journal_free(&r.journal);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct slice in = slice_of(data + 1, size - 1);
    struct digest whole = converse(in, 0), split = converse(in, 1 + data[0] % 7);
    digest_same(&whole, &split);
    return 0;
}
