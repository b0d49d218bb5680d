/* Each exhibit of the museum with its tracker: the client's lines at once and in pieces get the
 * same answers, and both agree on when a letter's text is due. The first octet chooses exhibit and
 * pieces. */
#include "engine/track.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool truth)
{
    if (!truth)
        abort();
}

static void visit(enum museum_id id, struct slice in, size_t piece, struct buf *all)
{
    struct journal *j = journal_new(clock_system());
    struct track *t =
        track_new(PROTOCOL_MUSEUM, j, journal_conn_new(j), &(struct track_options){.museum = id});
    struct museum *m = museum_new(id);
    struct buf out;
    buf_init(&out, MUSEUM_REPLY_MAX_OCTETS);
    museum_greet(m, &out);
    for (;;) {
        struct track_item item;
        struct museum_letter letter;
        track_feed_all(t, DIR_S, buf_slice(&out));
        buf_append(all, buf_slice(&out));
        need(!out.overflow);
        need((track_expects(t) == TRACK_EXPECTS_CONTENT) == museum_takes_text(m));
        buf_reset(&out);
        if (in.len == 0)
            break;
        size_t used = track_feed(t, DIR_C, slice_take(in, piece), &item);
        need(used > 0 && museum_feed(m, slice_take(in, used), &out) == used);
        in = slice_skip(in, used);
        if (museum_letter(m, &letter))
            need(letter.recipients > 0 && letter.text.len <= MUSEUM_TEXT_MAX_OCTETS);
    }
    museum_free(&m);
    track_free(&t);
    journal_free(&j);
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, split;
    if (size < 2)
        return 0;
    enum museum_id id = (enum museum_id)(data[0] % MUSEUM__COUNT);
    struct slice in = slice_of(data + 1, size - 1);
    buf_init(&whole, 1 << 24);
    buf_init(&split, 1 << 24);
    visit(id, in, SIZE_MAX, &whole);
    visit(id, in, 1 + data[0] / MUSEUM__COUNT, &split);
    need(slice_eq(buf_slice(&whole), buf_slice(&split)));
    buf_deinit(&whole);
    buf_deinit(&split);
    return 0;
}
