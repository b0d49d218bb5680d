/* Line by line out of the journal; a literal that is not kept is stepped over. */
#include "decode/imap_text.h"

#include "imap/scan.h"

enum { READ_OCTETS = 4096 }; /* at a time: most responses are shorter */

void imap_read_init(struct imap_read *r, size_t text_octets)
{
    buf_init(&r->octets, text_octets);
    r->n_gaps = 0;
    r->cut = false;
}

void imap_read_deinit(struct imap_read *r)
{
    buf_deinit(&r->octets);
}

struct imap_text imap_read_text(const struct imap_read *r)
{
    return (struct imap_text){
        .octets = buf_slice(&r->octets), .gaps = r->gaps, .n_gaps = r->n_gaps, .cut = r->cut};
}

static void add(struct imap_read *r, struct slice octets)
{
    r->cut = r->cut || !buf_append(&r->octets, octets);
}

/* The pieces of what was read at `at`. Returns where in the stream to read on; *ended_out: the
 * response is whole. */
static uint64_t take_pieces(struct imap_read *r, struct imap_scan *scan, struct slice in,
                            uint64_t at, uint64_t keep_octets, bool *ended_out)
{
    while (in.len > 0 && !r->cut && !*ended_out) {
        struct imap_piece p;
        imap_scan_feed(scan, IMAP_LINE_COMMAND, in, &p);
        add(r, slice_take(in, p.used));
        in = slice_skip(in, p.used);
        at += p.used;
        *ended_out = p.kind == IMAP_PIECE_END;
        if (p.kind != IMAP_PIECE_ANNOUNCE || p.literal_octets <= keep_octets)
            continue;
        if (r->n_gaps == IMAP_READ_GAPS_MAX) {
            r->cut = true;
            break;
        }
        r->gaps[r->n_gaps++] = (struct imap_gap){
            .at = (uint32_t)r->octets.len, .octets = p.literal_octets, .stream_at = at};
        scan->literal_left = 0;
        return at + p.literal_octets;
    }
    return at;
}

bool imap_read_response(struct imap_read *r, const struct journal *j, uint32_t conn,
                        uint64_t offset, uint64_t length, uint64_t keep_octets)
{
    struct imap_scan scan;
    struct buf some;
    uint64_t at = offset, end = length < UINT64_MAX - offset ? offset + length : UINT64_MAX;
    bool ended = false, whole = true;
    imap_scan_init(&scan, true);
    buf_init(&some, READ_OCTETS);
    while (at < end && !ended && !r->cut && whole) {
        uint64_t n = end - at < READ_OCTETS ? end - at : READ_OCTETS;
        buf_reset(&some);
        whole =
            journal_read_masked(j, conn, DIR_S, LAYER_PLAIN, at, n, &some, NULL) && some.len == n;
        at = take_pieces(r, &scan, buf_slice(&some), at, keep_octets, &ended);
    }
    buf_deinit(&some);
    return whole && ended && !r->cut;
}
