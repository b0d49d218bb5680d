/* Address fields as an ENVELOPE shows them: taken apart, not decoded (RFC 5322 section 3.4).
 *
 *     address-list = address *("," address)      group = phrase ":" [mailbox-list] ";"
 *     mailbox      = [phrase] "<" [route ":"] addr-spec ">" / addr-spec ["(" name ")"]
 *
 * What is not well-formed still gives an address, as far as it can be read.
 */
#include "imap/format.h"

#include "imap/imap_private.h"

enum { WORD_MAX_OCTETS = 4096, ADDRESSES_MAX = 1000 };

struct scan {
    struct slice in;
    struct buf phrase, comment, local, host, route;
    bool in_group, any, quoted_local;
    size_t n;
};

static void parts_reset(struct scan *s)
{
    buf_reset(&s->phrase);
    buf_reset(&s->comment);
    buf_reset(&s->local);
    buf_reset(&s->host);
    buf_reset(&s->route);
}

static void put_part(struct buf *out, const struct buf *b, bool empty_is_nil)
{
    if (b->len == 0 && empty_is_nil)
        buf_append_cstr(out, "NIL");
    else
        imap_put_string(out, buf_slice(b), false);
}

static void open_list(struct scan *s, struct buf *out)
{
    if (!s->any)
        buf_append_octet(out, '(');
    s->any = true;
    s->n++;
}

static void put_address(struct scan *s, struct buf *out)
{
    if (s->local.len == 0 && s->host.len == 0)
        return;
    open_list(s, out);
    buf_append_octet(out, '(');
    put_part(out, s->phrase.len > 0 ? &s->phrase : &s->comment, true);
    buf_append_octet(out, ' ');
    put_part(out, &s->route, true);
    buf_append_octet(out, ' ');
    put_part(out, &s->local, false);
    buf_append_octet(out, ' ');
    put_part(out, &s->host, false);
    buf_append_octet(out, ')');
}

/* A group begins with (NIL NIL name NIL) and ends with (NIL NIL NIL NIL). */
static void put_group(struct scan *s, struct buf *out, bool begins)
{
    open_list(s, out);
    buf_append_cstr(out, "(NIL NIL ");
    if (begins)
        put_part(out, &s->phrase, false);
    else
        buf_append_cstr(out, "NIL");
    buf_append_cstr(out, " NIL)");
}

static uint8_t peek(const struct scan *s)
{
    return s->in.len > 0 ? s->in.ptr[0] : 0;
}

/* A comment's text without its outer parentheses. */
static void take_comment(struct scan *s)
{
    size_t depth = 0, i = 0;
    buf_reset(&s->comment);
    for (; i < s->in.len; i++) {
        uint8_t octet = s->in.ptr[i];
        if (octet == ')' && --depth == 0)
            break;
        if (octet == '\\' && i + 1 < s->in.len)
            octet = s->in.ptr[++i];
        if (depth > 0)
            buf_append_octet(&s->comment, octet);
        if (octet == '(' && s->in.ptr[i] == '(')
            depth++;
    }
    s->in = slice_skip(s->in, i + 1);
}

static bool skip_blanks(struct scan *s)
{
    size_t before = s->in.len;
    for (;;) {
        while (s->in.len > 0 && s->in.ptr[0] <= ' ')
            s->in = slice_skip(s->in, 1);
        if (peek(s) != '(')
            return s->in.len != before;
        take_comment(s);
    }
}

/* One word: an atom, dots included, or a quoted string without its quotes. */
static bool take_word(struct scan *s, struct buf *out)
{
    size_t i = 0;
    if (peek(s) == '"') {
        for (i = 1; i < s->in.len && s->in.ptr[i] != '"'; i++) {
            if (s->in.ptr[i] == '\\' && i + 1 < s->in.len)
                i++;
            buf_append_octet(out, s->in.ptr[i]);
        }
        s->in = slice_skip(s->in, i + 1);
        return true;
    }
    if (peek(s) == '[') { /* an address literal */
        ptrdiff_t end = slice_find_octet(s->in, ']');
        i = end < 0 ? s->in.len : (size_t)end + 1;
    } else {
        while (i < s->in.len && s->in.ptr[i] > ' ' &&
               slice_find_octet(SLICE_LIT("(),:;<>@\""), s->in.ptr[i]) < 0)
            i++;
    }
    buf_append(out, slice_take(s->in, i));
    s->in = slice_skip(s->in, i);
    return i > 0;
}

/* "<" [route ":"] local ["@" host] ">" */
static void take_angle(struct scan *s)
{
    s->in = slice_skip(s->in, 1);
    buf_reset(&s->local);
    buf_reset(&s->host);
    if (peek(s) == '@') {
        ptrdiff_t colon = slice_find_octet(s->in, ':');
        if (colon > 0) {
            buf_append(&s->route, slice_take(s->in, (size_t)colon));
            s->in = slice_skip(s->in, (size_t)colon + 1);
        }
    }
    struct buf *target = &s->local;
    while (s->in.len > 0 && peek(s) != '>') {
        skip_blanks(s);
        if (peek(s) == '@') {
            target = &s->host;
            s->in = slice_skip(s->in, 1);
        } else if (peek(s) != '>' && !take_word(s, target)) {
            s->in = slice_skip(s->in, 1);
        }
    }
    s->in = slice_skip(s->in, 1);
}

/* Words up to something that ends an address. The words in front of "<" or ":" are a name; with
 * "@" behind them they are a local part. */
static void take_address(struct scan *s, struct buf *out)
{
    parts_reset(s);
    for (;;) {
        bool gap = skip_blanks(s);
        uint8_t octet = peek(s);
        if (s->in.len == 0 || octet == ',' || octet == ';')
            break;
        if (octet == '<') {
            take_angle(s);
            continue;
        }
        if (octet == ':' && s->local.len == 0) {
            put_group(s, out, true);
            s->in_group = true;
            s->in = slice_skip(s->in, 1);
            parts_reset(s);
            continue;
        }
        if (octet == '@') {
            s->in = slice_skip(s->in, 1);
            buf_append(&s->local, buf_slice(&s->phrase));
            buf_reset(&s->phrase);
            skip_blanks(s);
            take_word(s, &s->host);
            continue;
        }
        if (gap && s->phrase.len > 0)
            buf_append_octet(&s->phrase, ' ');
        if (!take_word(s, &s->phrase))
            s->in = slice_skip(s->in, 1);
    }
    /* Words without "@" or "<": an address without a domain. */
    if (s->local.len == 0 && s->host.len == 0 && s->phrase.len > 0) {
        buf_append(&s->local, buf_slice(&s->phrase));
        buf_reset(&s->phrase);
    }
    put_address(s, out);
}

void imap_put_addresses(struct buf *out, struct slice field_body)
{
    struct scan s = {.in = field_body};
    struct buf *bufs[] = {&s.phrase, &s.comment, &s.local, &s.host, &s.route};
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        buf_init(bufs[i], WORD_MAX_OCTETS);
    while (s.in.len > 0 && s.n < ADDRESSES_MAX) {
        take_address(&s, out);
        if (peek(&s) == ';' && s.in_group) {
            put_group(&s, out, false);
            s.in_group = false;
        }
        s.in = slice_skip(s.in, 1);
    }
    if (s.in_group)
        put_group(&s, out, false);
    buf_append_cstr(out, s.any ? ")" : "NIL");
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        buf_deinit(bufs[i]);
}
