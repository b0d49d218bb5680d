/* Counting what a message is made of. */
#include "mail/shape.h"

#include <string.h>

#include "base/utf8.h"

static void take_line(struct mail_shape *s, struct slice line)
{
    bool lf = line.len > 0 && line.ptr[line.len - 1] == '\n';
    bool crlf = lf && line.len > 1 && line.ptr[line.len - 2] == '\r';
    uint64_t octets = line.len - (lf ? 1 : 0) - (crlf ? 1 : 0);
    s->lines++;
    if (octets > s->longest_octets) {
        s->longest_octets = octets;
        s->longest_line = s->lines;
    }
    s->over_998 += octets > 998;
    s->over_78 += octets > 78;
    s->bare_lf += lf && !crlf;
    s->dotted += line.len > 0 && line.ptr[0] == '.';
    for (uint64_t i = 0; i < octets; i++) {
        uint8_t octet = line.ptr[i];
        s->nul += octet == 0;
        s->bare_cr += octet == '\r';
        if (octet > 127 && s->eight_bit++ == 0)
            s->first_eight_bit_line = s->lines;
    }
}

void mail_shape_of(struct slice message, struct mail_shape *out)
{
    memset(out, 0, sizeof(*out));
    out->octets = message.len;
    out->utf8 = utf8_valid(message);
    while (message.len > 0) {
        const uint8_t *lf = memchr(message.ptr, '\n', message.len);
        struct slice line = slice_take(message, lf ? (size_t)(lf - message.ptr) + 1 : message.len);
        take_line(out, line);
        message = slice_skip(message, line.len);
    }
}
