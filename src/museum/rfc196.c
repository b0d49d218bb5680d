/* The Mail Box Protocol (RFC 196 of 1971), which nobody ever ran: octets are typed in hexadecimal,
 * and each is told what a mail box would have taken it for. */
#include "museum/museum_private.h"

enum { MAIL_BOX_MAX = 127, FORM_FEED = 0x0c, CONTROL_BOX = 0xd0 };

static const struct {
    uint8_t octet;
    const char *means;
} controls[] = {
    {0xa0, "A0     what follows is ASCII"},
    {0xa1, "A1     what follows is octets of eight bits"},
    {0xa2, "A2     what follows is EBCDIC"},
    {0xd1, "D1     print in 72 columns"},
    {0xd2, "D2     print in the printer's full width"},
    {0xd3, "D3     print pages of 66 lines"},
    {0xd4, "D4     print without pages"},
};

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "D0 02": pairs of digits, blanks between as one likes; false: something else. */
static bool read_hex(struct slice in, struct buf *octets)
{
    while (in.len > 0) {
        if (in.ptr[0] == ' ' || in.ptr[0] == '\t') {
            in = slice_skip(in, 1);
            continue;
        }
        int high = hex_digit(in.ptr[0]), low = in.len > 1 ? hex_digit(in.ptr[1]) : -1;
        if (high < 0 || low < 0)
            return false;
        buf_append_octet(octets, (uint8_t)(high * 16 + low));
        in = slice_skip(in, 2);
    }
    return octets->len > 0;
}

static void say_control(uint8_t octet, struct buf *out)
{
    for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
        if (controls[i].octet == octet) {
            museum_say(out, controls[i].means);
            return;
        }
    buf_printf(out, "%02X     no control octet of the document\r\n", octet);
}

/* How many octets D0 and its number are. */
static size_t say_box(struct slice in, struct buf *out)
{
    if (in.len < 2)
        museum_say(out, "D0     mail box: its number is missing");
    else if (in.ptr[1] == 0)
        museum_say(out, "D0 00  mail box 0: the line printer");
    else
        buf_printf(out, "D0 %02X  mail box %u%s\r\n", in.ptr[1], in.ptr[1],
                   in.ptr[1] > MAIL_BOX_MAX ? ": there are only 0 to 127" : "");
    return in.len < 2 ? 1 : 2;
}

static bool is_text(uint8_t octet)
{
    return octet < 0x80 && octet != FORM_FEED;
}

/* A run of ASCII; what does not print is a dot. */
static size_t say_text(struct slice in, struct buf *out)
{
    size_t n = 0;
    buf_append_cstr(out, "text   \"");
    for (; n < in.len && is_text(in.ptr[n]); n++)
        buf_append_octet(out, in.ptr[n] >= ' ' && in.ptr[n] < 0x7f ? in.ptr[n] : '.');
    museum_say(out, "\"");
    return n;
}

static void view(struct slice in, struct buf *out)
{
    while (in.len > 0) {
        size_t used = 1;
        if (in.ptr[0] == CONTROL_BOX)
            used = say_box(in, out);
        else if (in.ptr[0] == FORM_FEED)
            museum_say(out, "0C     form feed: ends the address for the clerk, or a page");
        else if (is_text(in.ptr[0]))
            used = say_text(in, out);
        else
            say_control(in.ptr[0], out);
        in = slice_skip(in, used);
    }
}

static bool octets(struct museum *m, const struct museum_row *row, struct slice arg,
                   struct buf *out)
{
    (void)m;
    struct buf in;
    buf_init(&in, MUSEUM_LINE_MAX_OCTETS);
    if (read_hex(arg, &in))
        view(buf_slice(&in), out);
    else
        museum_say(out, row->reply);
    buf_deinit(&in);
    return true;
}

static bool example(struct museum *m, const struct museum_row *row, struct slice arg,
                    struct buf *out)
{
    static const uint8_t mail[] = {0xd0, 0x00, 0xa0, 0xd1, 'D', 'I', 'C', 'K', 0x0c, 'H', 'I'};
    (void)m, (void)arg;
    museum_say(out, row->reply);
    view(slice_of(mail, sizeof(mail)), out);
    return true;
}

static bool text_done(struct museum *m, const struct museum_row *row, struct slice arg,
                      struct buf *out)
{
    (void)row, (void)arg;
    m->state = STATE_READY; /* no text is ever asked for */
    museum_say(out, m->x->disorder);
    return true;
}

static const struct museum_row rows[] = {
    {"EXAMPLE", AT(READY), example, "D0 00 A0 D1 44 49 43 4B 0C 48 49", GOES_NOWHERE},
    {"HELP", AT(READY), NULL, "octets in hexadecimal, such as D0 02 A0 48 49; EXAMPLE BYE",
     GOES_NOWHERE},
    {"BYE", AT(READY), NULL, "Good bye", STATE_ENDED},
    {NULL, AT(READY), octets, "? Not octets in hexadecimal; HELP", GOES_NOWHERE},
};

const struct museum_exhibit museum_rfc196 = {
    .info = {.name = "rfc196",
             .title = "The Mail Box Protocol of 1971, octet by octet",
             .documents = "RFC 196, July 1971, never put into use",
             .attested = "mail boxes by number, 0 the line printer; an address for a clerk, ended "
                         "by a form feed; the control octets D0, A0 to A2, D1 to D4",
             .reconstructed = "all of this dialogue: the protocol has no words; type octets in "
                              "hexadecimal, or EXAMPLE. Nothing is delivered",
             .greeting = "Mail boxes 0 to 127",
             .text_end = '.'},
    .rows = rows,
    .n_rows = sizeof(rows) / sizeof(rows[0]),
    .unknown = "?",
    .disorder = "?",
    .too_long = "? The line is too long",
    .too_large = "?",
    .text_done = text_done,
    .first = STATE_READY,
};
