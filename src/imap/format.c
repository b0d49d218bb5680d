/* Writing words: strings, names, flags, sets. */
#include "imap/format.h"

#include "base/utf7.h"
#include "imap/imap_private.h"
#include "imap/limits.h"

enum { QUOTED_MAX_OCTETS = 1000 };

static bool quotable(struct slice s, bool utf8)
{
    if (s.len > QUOTED_MAX_OCTETS)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == 0 || s.ptr[i] == '\r' || s.ptr[i] == '\n' || (s.ptr[i] > 126 && !utf8))
            return false;
    return true;
}

void imap_put_string(struct buf *out, struct slice s, bool utf8)
{
    if (!quotable(s, utf8)) {
        size_t nuls = 0;
        for (size_t i = 0; i < s.len; i++)
            nuls += s.ptr[i] == 0;
        buf_printf(out, "{%zu}\r\n", s.len - nuls);
        for (size_t i = 0; i < s.len && nuls > 0; i++)
            if (s.ptr[i] != 0)
                buf_append_octet(out, s.ptr[i]);
        if (nuls == 0)
            buf_append(out, s);
        return;
    }
    buf_append_octet(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\\')
            buf_append_octet(out, '\\');
        buf_append_octet(out, s.ptr[i]);
    }
    buf_append_octet(out, '"');
}

void imap_put_nstring(struct buf *out, struct slice s)
{
    if (s.ptr)
        imap_put_string(out, s, false);
    else
        buf_append_cstr(out, "NIL");
}

void imap_put_astring(struct buf *out, struct slice s)
{
    bool atom = s.len > 0 && s.len <= QUOTED_MAX_OCTETS && !slice_eq_nocase(s, SLICE_LIT("NIL"));
    for (size_t i = 0; i < s.len && atom; i++)
        atom = imap_is_atom_octet(s.ptr[i]) && s.ptr[i] < 127;
    if (atom)
        buf_append(out, s);
    else
        imap_put_string(out, s, false);
}

void imap_put_mailbox(struct buf *out, struct slice name, bool utf8)
{
    struct buf encoded;
    if (utf8) {
        imap_put_string(out, name, true);
        return;
    }
    buf_init(&encoded, 4 * IMAP_CAP_MAILBOX_OCTETS);
    imap_put_string(out, utf7_encode(&encoded, name, NULL) ? buf_slice(&encoded) : name, false);
    buf_deinit(&encoded);
}

void imap_put_flags(struct buf *out, unsigned system)
{
    const char *gap = "(";
    for (unsigned bit = 1; bit <= IMAP_FLAG_RECENT; bit <<= 1) {
        if (!(system & bit))
            continue;
        buf_append_cstr(out, gap);
        buf_append_cstr(out, imap_flag_name(bit));
        gap = " ";
    }
    if (gap[0] == '(')
        buf_append_octet(out, '(');
}

/* ---- sets ---- */

static void put_range(struct imap_set_writer *w)
{
    if (w->first == 0)
        return;
    if (w->any)
        buf_append_octet(w->out, ',');
    w->any = true;
    if (w->first == w->last)
        buf_printf(w->out, "%u", w->first);
    else
        buf_printf(w->out, "%u:%u", w->first, w->last);
}

void imap_set_add(struct imap_set_writer *w, uint32_t number)
{
    if (w->first != 0 && number == w->last + 1) {
        w->last = number;
        return;
    }
    put_range(w);
    w->first = w->last = number;
}

void imap_set_end(struct imap_set_writer *w)
{
    put_range(w);
    w->first = w->last = 0;
}
