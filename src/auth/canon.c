#include "auth/canon.h"

#include <string.h>

void canon_init(struct canon *c, enum canon_what what, canon_out_fn out, void *ctx)
{
    c->what = what;
    c->out = out;
    c->ctx = ctx;
    c->held_line_ends = 0;
    c->held_cr = c->held_blank = c->any = c->in_value = c->at_value = false;
    c->piece_octets = 0;
}

static void flush(struct canon *c)
{
    if (c->piece_octets)
        c->out(c->ctx, slice_of(c->piece, c->piece_octets));
    c->piece_octets = 0;
}

static void emit(struct canon *c, uint8_t octet)
{
    if (c->piece_octets == CANON_PIECE_OCTETS)
        flush(c);
    c->piece[c->piece_octets++] = octet;
}

static void emit_line_end(struct canon *c)
{
    emit(c, '\r');
    emit(c, '\n');
}

/* A relaxed field is one line: line ends inside it go, blanks around the colon too (3.4.2). */
static void put_in_field(struct canon *c, uint8_t octet)
{
    bool colon = !c->in_value && octet == ':';
    if (c->held_blank && !colon && !c->at_value)
        emit(c, ' ');
    c->held_blank = c->at_value = false;
    if (colon)
        c->in_value = c->at_value = true;
    emit(c, !c->in_value && octet >= 'A' && octet <= 'Z' ? octet + ('a' - 'A') : octet);
}

/* An octet that stays: what was held before it turns out not to be at an end. */
static void put(struct canon *c, uint8_t octet)
{
    c->any = true;
    if (c->what == CANON_FIELD_RELAXED) {
        put_in_field(c, octet);
        return;
    }
    for (; c->held_line_ends; c->held_line_ends--)
        emit_line_end(c);
    if (c->held_blank)
        emit(c, ' ');
    c->held_blank = false;
    emit(c, octet);
}

static void line_end(struct canon *c)
{
    if (c->what == CANON_FIELD_RELAXED)
        return;
    c->held_blank = false;
    c->held_line_ends++;
}

void canon_feed(struct canon *c, struct slice in)
{
    bool relaxed = c->what == CANON_FIELD_RELAXED || c->what == CANON_BODY_RELAXED;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t octet = in.ptr[i];
        if (c->held_cr) {
            c->held_cr = false;
            if (octet == '\n') {
                line_end(c);
                continue;
            }
            put(c, '\r');
        }
        if (octet == '\r')
            c->held_cr = true;
        else if (relaxed && (octet == ' ' || octet == '\t'))
            c->held_blank = true;
        else
            put(c, octet);
    }
}

void canon_end(struct canon *c, bool with_line_end)
{
    if (c->held_cr)
        put(c, '\r');
    bool body = c->what == CANON_BODY_SIMPLE || c->what == CANON_BODY_RELAXED;
    if (body ? c->any || c->what == CANON_BODY_SIMPLE : with_line_end)
        emit_line_end(c);
    flush(c);
}
