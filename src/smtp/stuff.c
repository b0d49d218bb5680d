/* Dot-stuffing (RFC 5321 section 4.5.2): a line that begins with a dot gets one more.
 *
 * A line begins behind CRLF, and with .mend behind any LF, because that LF becomes CRLF. A LF alone
 * that is kept begins no line: a strict receiver would not take a dot away there. Octets are copied
 * in runs as long as nothing has to be put between them.
 */
#include "smtp/content.h"

void smtp_stuff_init(struct smtp_stuff *s, bool mend)
{
    *s = (struct smtp_stuff){.at_line_start = true, .mend = mend};
}

/* The wire form of all of `in`; out has room for twice its length. */
static void stuff_piece(struct smtp_stuff *s, struct slice in, struct buf *out)
{
    size_t run = 0, at = 0;
    while (at < in.len) {
        if (s->at_line_start && in.ptr[at] == '.') {
            buf_append(out, slice_of(in.ptr + run, at - run));
            buf_append_octet(out, '.');
            run = at;
            s->stuffed++;
        }
        ptrdiff_t found = slice_find_octet(slice_of(in.ptr + at, in.len - at), '\n');
        if (found < 0) {
            s->at_line_start = false;
            s->last_was_cr = in.ptr[in.len - 1] == '\r';
            break;
        }
        size_t lf = at + (size_t)found;
        bool crlf = found > 0 ? in.ptr[lf - 1] == '\r' : s->last_was_cr;
        if (!crlf && s->mend) {
            buf_append(out, slice_of(in.ptr + run, lf - run));
            buf_append_octet(out, '\r');
            run = lf;
            s->mended++;
        }
        s->at_line_start = crlf || s->mend;
        s->last_was_cr = false;
        at = lf + 1;
    }
    buf_append(out, slice_of(in.ptr + run, in.len - run));
}

size_t smtp_stuff_feed(struct smtp_stuff *s, struct slice in, struct buf *out)
{
    size_t used = 0;
    while (used < in.len) {
        /* No octet brings more than one other with it. */
        size_t room = (out->cap_octets - out->len) / 2;
        struct slice piece = slice_take(slice_skip(in, used), room);
        if (piece.len == 0)
            break;
        stuff_piece(s, piece, out);
        used += piece.len;
    }
    return used;
}

void smtp_stuff_end(struct smtp_stuff *s, struct buf *out)
{
    /* RFC 5321 section 4.1.1.4: the first CRLF of CRLF.CRLF is the end of the last line. */
    buf_append(out, s->at_line_start ? SLICE_LIT(".\r\n") : SLICE_LIT("\r\n.\r\n"));
    smtp_stuff_init(s, s->mend);
}
