/* Finding the end of the message content (RFC 5321 section 4.1.1.4) and taking stuffed dots away
 * (section 4.5.2), while counting what is odd about it.
 *
 * An automaton of ten phases and four octet classes, as a table, once for strict receivers and once
 * for each kind of lax ones. It is total, so every mixture of CR, LF and dot has its cell. Almost
 * no octet goes through it: inside a line, memchr finds the line's end and any bare CR, and the run
 * is taken at once. NULs and octets above 127 are counted afterwards over the used octets, eight at
 * a time.
 *
 * Whether a dot belongs to the message is known one octet later, and whether ".<CR>" does, two: the
 * dot is taken away when it comes (it never comes back), the CR is held.
 */
#include "smtp/content.h"

#include <string.h>

enum phase {
    SOL,        /* a line begins, behind CRLF or at the start */
    SOL_DOT,    /* "." began it */
    SOL_DOT_CR, /* ".<CR>" */
    TEXT,
    CR,     /* a CR inside a line: bare, or half of its end */
    LF,     /* behind a bare LF */
    LF_DOT, /* "." behind it */
    LF_DOT_CR,
    CR_DOT, /* "." behind a bare CR */
    CR_DOT_CR,
    END,
    PHASE_COUNT = END
};

enum octet_class { DOT, IS_CR, IS_LF, OTHER, CLASS_COUNT };

enum action {
    DROP = 1,    /* this octet is not the message's: a stuffed dot, or a CR held */
    GIVE_CR = 2, /* the CR held is the message's after all */
    LINE = 4,    /* a line ended */
    CRLF = 8,    /* ... whose CR was counted already */
    BARE_LF = 16,
    BARE_CR = 32, /* the octet before */
    STUFFED = 64,
    SINGLE = 128,  /* the line began with one dot and something else */
    SMUGGLE = 256, /* a lone dot between line ends, one of them wrong */
    UNREAD = 512,  /* this octet stands behind the end */
};

struct cell {
    uint8_t next;
    uint16_t actions;
};

/* What both kinds of receivers do behind ".<CR>" that was no end. */
#define NOT_THE_END (GIVE_CR | BARE_CR | SINGLE | SMUGGLE)
#define WRONG_END   (BARE_CR | SMUGGLE)

static const struct cell strict_table[PHASE_COUNT][CLASS_COUNT] = {
    [SOL] = {{SOL_DOT, DROP}, {CR, 0}, {LF, BARE_LF | LINE}, {TEXT, 0}},
    [SOL_DOT] = {{TEXT, STUFFED},
                 {SOL_DOT_CR, DROP},
                 {LF, SINGLE | SMUGGLE | BARE_LF | LINE},
                 {TEXT, SINGLE}},
    [SOL_DOT_CR] = {{CR_DOT, NOT_THE_END}, {CR, NOT_THE_END}, {END, DROP}, {TEXT, NOT_THE_END}},
    [TEXT] = {{TEXT, 0}, {CR, 0}, {LF, BARE_LF | LINE}, {TEXT, 0}},
    [CR] = {{CR_DOT, BARE_CR}, {CR, BARE_CR}, {SOL, LINE | CRLF}, {TEXT, BARE_CR}},
    [LF] = {{LF_DOT, 0}, {CR, 0}, {LF, BARE_LF | LINE}, {TEXT, 0}},
    [LF_DOT] = {{TEXT, 0}, {LF_DOT_CR, 0}, {LF, SMUGGLE | BARE_LF | LINE}, {TEXT, 0}},
    [LF_DOT_CR] = {{CR_DOT, WRONG_END},
                   {CR, WRONG_END},
                   {SOL, SMUGGLE | LINE | CRLF},
                   {TEXT, WRONG_END}},
    [CR_DOT] = {{TEXT, 0}, {CR_DOT_CR, 0}, {LF, SMUGGLE | BARE_LF | LINE}, {TEXT, 0}},
    [CR_DOT_CR] = {{CR_DOT, WRONG_END},
                   {CR, WRONG_END},
                   {SOL, SMUGGLE | LINE | CRLF},
                   {TEXT, WRONG_END}},
};

/* LF begins and ends lines like CRLF does. */
static const struct cell lf_table[PHASE_COUNT][CLASS_COUNT] = {
    [SOL] = {{SOL_DOT, DROP}, {CR, 0}, {LF, BARE_LF | LINE}, {TEXT, 0}},
    [SOL_DOT] = {{TEXT, STUFFED}, {SOL_DOT_CR, DROP}, {END, DROP | SMUGGLE}, {TEXT, SINGLE}},
    [SOL_DOT_CR] = {{CR_DOT, NOT_THE_END}, {CR, NOT_THE_END}, {END, DROP}, {TEXT, NOT_THE_END}},
    [TEXT] = {{TEXT, 0}, {CR, 0}, {LF, BARE_LF | LINE}, {TEXT, 0}},
    [CR] = {{CR_DOT, BARE_CR}, {CR, BARE_CR}, {SOL, LINE | CRLF}, {TEXT, BARE_CR}},
    [LF] = {{LF_DOT, DROP}, {CR, 0}, {LF, BARE_LF | LINE}, {TEXT, 0}},
    [LF_DOT] = {{TEXT, STUFFED}, {LF_DOT_CR, DROP}, {END, DROP | SMUGGLE}, {TEXT, SINGLE}},
    [LF_DOT_CR] = {{CR_DOT, NOT_THE_END},
                   {CR, NOT_THE_END},
                   {END, DROP | SMUGGLE},
                   {TEXT, NOT_THE_END}},
    [CR_DOT] = {{TEXT, 0}, {CR_DOT_CR, 0}, {LF, SMUGGLE | BARE_LF | LINE}, {TEXT, 0}},
    [CR_DOT_CR] = {{CR_DOT, WRONG_END},
                   {CR, WRONG_END},
                   {SOL, SMUGGLE | LINE | CRLF},
                   {TEXT, WRONG_END}},
};

/* So does CR. Whether a LF belongs to it is seen one octet later. */
static const struct cell cr_table[PHASE_COUNT][CLASS_COUNT] = {
    [SOL] = {{SOL_DOT, DROP}, {CR, 0}, {LF, BARE_LF | LINE}, {TEXT, 0}},
    [SOL_DOT] = {{TEXT, STUFFED}, {SOL_DOT_CR, DROP}, {END, DROP | SMUGGLE}, {TEXT, SINGLE}},
    [SOL_DOT_CR] = {{END, UNREAD | SMUGGLE},
                    {END, UNREAD | SMUGGLE},
                    {END, DROP},
                    {END, UNREAD | SMUGGLE}},
    [TEXT] = {{TEXT, 0}, {CR, 0}, {LF, BARE_LF | LINE}, {TEXT, 0}},
    [CR] = {{CR_DOT, BARE_CR | LINE | CRLF | DROP},
            {CR, BARE_CR | LINE | CRLF},
            {SOL, LINE | CRLF},
            {TEXT, BARE_CR | LINE | CRLF}},
    [LF] = {{LF_DOT, DROP}, {CR, 0}, {LF, BARE_LF | LINE}, {TEXT, 0}},
    [LF_DOT] = {{TEXT, STUFFED}, {LF_DOT_CR, DROP}, {END, DROP | SMUGGLE}, {TEXT, SINGLE}},
    [LF_DOT_CR] = {{END, UNREAD | SMUGGLE},
                   {END, UNREAD | SMUGGLE},
                   {END, DROP | SMUGGLE},
                   {END, UNREAD | SMUGGLE}},
    [CR_DOT] = {{TEXT, STUFFED}, {CR_DOT_CR, DROP}, {END, DROP | SMUGGLE}, {TEXT, SINGLE}},
    [CR_DOT_CR] = {{END, UNREAD | SMUGGLE},
                   {END, UNREAD | SMUGGLE},
                   {END, DROP | SMUGGLE},
                   {END, UNREAD | SMUGGLE}},
};

static const struct cell (*const tables[])[CLASS_COUNT] = {
    [SMTP_DATA_END_STRICT] = strict_table,
    [SMTP_DATA_END_LF] = lf_table,
    [SMTP_DATA_END_CR] = cr_table,
};

void smtp_content_init(struct smtp_content *c)
{
    *c = (struct smtp_content){.phase = SOL};
}

/* ---- counting octets ---- */

static uint64_t load8(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

#define EACH(octet)   (UINT64_C(0x0101010101010101) * (octet))
#define EACH16(value) (UINT64_C(0x0001000100010001) * (value))

/* The sum of the eight octets of a word. */
static uint64_t sum8(uint64_t word)
{
    uint64_t pairs = (word & EACH16(0x00ff)) + ((word >> 8) & EACH16(0x00ff));
    return (pairs * EACH16(1)) >> 48;
}

/* Each octet of `high` and `clear` counts its own column, so 255 words fit before they are summed
 * up. */
static void count_octets(struct smtp_content_stats *stats, struct slice s)
{
    size_t i = 0;
    while (i + 8 <= s.len) {
        size_t words = (s.len - i) / 8 < 255 ? (s.len - i) / 8 : 255;
        uint64_t high = 0, clear = 0;
        for (size_t end = i + words * 8; i < end; i += 8) {
            uint64_t word = load8(s.ptr + i);
            high += (word >> 7) & EACH(0x01);
            clear += ((((word & EACH(0x7f)) + EACH(0x7f)) | word) >> 7) & EACH(0x01);
        }
        stats->eight_bit += sum8(high);
        stats->nul += words * 8 - sum8(clear);
    }
    for (; i < s.len; i++) {
        stats->eight_bit += s.ptr[i] > 0x7f;
        stats->nul += s.ptr[i] == 0;
    }
}

/* ---- one feed ---- */

struct feed {
    struct slice in;
    size_t at;
    size_t copied; /* octets of in before this are copied, or not the message's */
    size_t lf;     /* the next LF at or behind .at, in.len: none; kept so that bare CRs cost no new
                      search */
    struct buf *out;
};

static void give(struct smtp_content *c, struct feed *f, struct slice s)
{
    c->stats.content += s.len;
    if (f->out == NULL || f->out->overflow)
        return;
    /* What fits is kept; then .overflow is set and nothing follows. */
    size_t room = f->out->cap_octets - f->out->len;
    if (s.len > room) {
        buf_append(f->out, slice_take(s, room));
        f->out->overflow = true;
        return;
    }
    buf_append(f->out, s);
}

/* Copy what was passed by since the last time, up to `to`. */
static void flush(struct smtp_content *c, struct feed *f, size_t to)
{
    if (to > f->copied)
        give(c, f, slice_of(f->in.ptr + f->copied, to - f->copied));
    f->copied = to;
}

static void end_line(struct smtp_content *c, bool crlf)
{
    uint64_t octets = c->line_octets - (crlf ? 1 : 0);
    if (octets > c->stats.longest)
        c->stats.longest = octets;
    c->stats.lines++;
    c->line_octets = 0;
}

/* The octet at .at through the automaton. */
static void step(struct smtp_content *c, struct feed *f)
{
    uint8_t octet = f->in.ptr[f->at];
    enum octet_class class = octet == '.'    ? DOT
                             : octet == '\r' ? IS_CR
                             : octet == '\n' ? IS_LF
                                             : OTHER;
    const struct cell *cell = &tables[c->data_end][c->phase][class];
    unsigned actions = cell->actions;
    c->phase = cell->next;
    if (actions & GIVE_CR) {
        give(c, f, SLICE_LIT("\r"));
        c->line_octets++;
    }
    if (actions & DROP) {
        flush(c, f, f->at);
        f->copied = f->at + 1;
    }
    f->at += actions & UNREAD ? 0 : 1;
    c->stats.bare_lf += (actions & BARE_LF) != 0;
    c->stats.bare_cr += (actions & BARE_CR) != 0;
    c->stats.stuffed += (actions & STUFFED) != 0;
    c->stats.single_dot += (actions & SINGLE) != 0;
    c->stats.smuggle += (actions & SMUGGLE) != 0;
    if (actions & LINE)
        end_line(c, actions & CRLF);
    /* Where a CR ended the line this octet is the next one's. */
    if (!(actions & (LINE | DROP | UNREAD)) ||
        (actions & (LINE | BARE_CR | DROP)) == (LINE | BARE_CR))
        c->line_octets++;
}

/* Inside a line: everything up to its end, or to a bare CR, at once. */
static void take_run(struct smtp_content *c, struct feed *f)
{
    const uint8_t *from = f->in.ptr + f->at;
    if (f->lf < f->at) {
        const uint8_t *lf = memchr(from, '\n', f->in.len - f->at);
        f->lf = lf == NULL ? f->in.len : (size_t)(lf - f->in.ptr);
    }
    size_t len = f->lf - f->at;
    const uint8_t *cr = len > 0 ? memchr(from, '\r', len) : NULL;
    if (cr == NULL) {
        c->line_octets += len;
        f->at += len;
        if (f->at < f->in.len)
            step(c, f);
        return;
    }
    size_t before = (size_t)(cr - from);
    c->line_octets += before + 1;
    f->at += before + 1;
    c->phase = CR;
    if (f->at == f->lf && f->at < f->in.len) {
        f->at++;
        c->phase = SOL;
        end_line(c, true);
    }
}

size_t smtp_content_feed(struct smtp_content *c, struct slice in, struct buf *unstuffed,
                         bool *end_out)
{
    struct feed f = {.in = in, .out = unstuffed};
    const uint8_t *lf = in.len > 0 ? memchr(in.ptr, '\n', in.len) : NULL;
    f.lf = lf == NULL ? in.len : (size_t)(lf - in.ptr);
    while (f.at < in.len && c->phase != END) {
        if (c->phase == TEXT)
            take_run(c, &f);
        else
            step(c, &f);
    }
    flush(c, &f, f.at);
    count_octets(&c->stats, slice_take(in, f.at));
    c->stats.wire += f.at;
    *end_out = c->phase == END;
    return f.at;
}

/* ---- chunks ---- */

static uint64_t count_octet(struct slice s, uint8_t octet)
{
    uint64_t n = 0;
    for (ptrdiff_t at; (at = slice_find_octet(s, octet)) >= 0; s = slice_skip(s, (size_t)at + 1))
        n++;
    return n;
}

/* A line up to its LF: CRs in it stand alone, but for the last one. */
static void chunk_line(struct smtp_content *c, struct slice line)
{
    bool crlf = line.len > 0 ? line.ptr[line.len - 1] == '\r' : c->held_cr;
    if (c->held_cr && line.len > 0)
        c->stats.bare_cr++;
    c->stats.bare_cr += count_octet(line, '\r') - (crlf && line.len > 0 ? 1 : 0);
    c->stats.bare_lf += !crlf;
    c->held_cr = false;
    c->line_octets += line.len;
    end_line(c, crlf);
}

void smtp_content_chunk(struct smtp_content *c, struct slice in)
{
    count_octets(&c->stats, in);
    c->stats.wire += in.len;
    c->stats.content += in.len;
    for (ptrdiff_t lf; (lf = slice_find_octet(in, '\n')) >= 0; in = slice_skip(in, (size_t)lf + 1))
        chunk_line(c, slice_take(in, (size_t)lf));
    if (in.len == 0)
        return;
    c->stats.bare_cr += c->held_cr;
    c->held_cr = in.ptr[in.len - 1] == '\r';
    c->stats.bare_cr += count_octet(in, '\r') - (c->held_cr ? 1 : 0);
    c->line_octets += in.len;
}
