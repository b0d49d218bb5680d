#include "base/userinfo.h"

static bool is_space(uint8_t octet)
{
    return octet == ' ' || (octet >= '\t' && octet <= '\r');
}

static size_t word_octets(struct slice s)
{
    size_t n = 0;
    while (n < s.len && !is_space(s.ptr[n]))
        n++;
    return n;
}

/* Where the last "@" stands, plus one; 0: nowhere. */
static size_t behind_last_at(struct slice s)
{
    size_t n = s.len;
    while (n > 0 && s.ptr[n - 1] != '@')
        n--;
    return n;
}

/* ":25" and then nothing, or a "/": behind a host, not behind a user. */
static bool port_only(struct slice s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
        n++;
    return n == s.len || s.ptr[n] == '/';
}

/* s begins behind "//". The octets of its password: from *from_out up to *to_out. */
static bool find_password(struct slice s, size_t *from_out, size_t *to_out)
{
    struct slice word = slice_take(s, word_octets(s));
    size_t at = behind_last_at(word);
    ptrdiff_t colon = slice_find_octet(at > 0 ? slice_take(word, at) : word, ':');
    if (colon < 0 || (word.len > 0 && word.ptr[0] == '[' && at == 0))
        return false;
    if (at == 0) {
        if (port_only(slice_skip(word, (size_t)colon + 1)))
            return false;
        at = behind_last_at(s);
    }
    if (at == 0)
        return false;
    *from_out = (size_t)colon + 1;
    *to_out = at - 1;
    return true;
}

static bool mask_here(struct slice *rest, struct buf *out)
{
    size_t from, to;
    ptrdiff_t next =
        slice_find(*rest, SLICE_LIT("://")); /* the next URL has a password of its own */
    struct slice mine = next < 0 ? *rest : slice_take(*rest, (size_t)next);
    if (!find_password(mine, &from, &to))
        return false;
    buf_append(out, slice_take(*rest, from));
    buf_append_cstr(out, "***");
    *rest = slice_skip(*rest, to);
    return true;
}

bool userinfo_mask(struct slice text, struct buf *out)
{
    bool any = false;
    for (;;) {
        ptrdiff_t scheme = slice_find(text, SLICE_LIT("://"));
        if (scheme < 0)
            break;
        size_t head = (size_t)scheme + 3;
        buf_append(out, slice_take(text, head));
        text = slice_skip(text, head);
        any |= mask_here(&text, out);
    }
    buf_append(out, text);
    return any;
}

bool userinfo_mask_url(struct slice url, struct buf *out)
{
    if (slice_find(url, SLICE_LIT("://")) >= 0)
        return userinfo_mask(url, out);
    bool any = mask_here(&url, out);
    buf_append(out, url);
    return any;
}
