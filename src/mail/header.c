/* Reading the header section line by line. */
#include "mail/header.h"

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

enum { LINE_OCTETS_MAX = 998 };

static const char *const flag_texts[MAIL_FIELD_FLAGS_COUNT] = {
    "no header field: there is no colon behind a name (RFC 5322 section 2.2)",
    "the field's name holds characters that a name may not hold (RFC 5322 section 2.2)",
    "blanks stand before the colon, which only the obsolete syntax allows (RFC 5322 section 4.5)",
    "a line is longer than 998 octets (RFC 5322 section 2.1.1)",
    "octets above 127: only SMTPUTF8 carries these (RFC 6532 section 3)",
    "octets above 127 that are not UTF-8 (RFC 6532 section 3.1)",
    "a carriage return or a line feed stands alone (RFC 5322 section 2.2)",
    "NUL or another control character (RFC 5322 section 2.2)",
    "a folded line is blank (RFC 5322 section 3.2.2)",
    "the message ends inside it",
    "looks like an encoded-word and does not read as one (RFC 2047 section 2)",
};

const char *mail_field_flag_text(unsigned flag)
{
    for (unsigned i = 0; i < MAIL_FIELD_FLAGS_COUNT; i++)
        if (flag == 1U << i)
            return flag_texts[i];
    return NULL;
}

static bool is_blank(uint8_t octet)
{
    return octet == ' ' || octet == '\t';
}

/* One line at the start of s, its end included, and without it. */
static struct slice next_line(struct slice s, struct slice *text_out)
{
    const uint8_t *lf = s.len > 0 ? memchr(s.ptr, '\n', s.len) : NULL;
    struct slice line = slice_take(s, lf ? (size_t)(lf - s.ptr) + 1 : s.len);
    *text_out = line;
    if (lf)
        text_out->len--;
    if (lf && text_out->len > 0 && text_out->ptr[text_out->len - 1] == '\r')
        text_out->len--;
    return line;
}

/* What is odd about one line, whatever field it belongs to. */
static unsigned line_flags(struct slice line, struct slice text)
{
    unsigned flags = text.len > LINE_OCTETS_MAX ? MAIL_FIELD_LONG_LINE : 0;
    if (line.len == text.len)
        flags |= MAIL_FIELD_CUT;
    else if (line.len == text.len + 1)
        flags |= MAIL_FIELD_BARE_EOL;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t octet = text.ptr[i];
        if (octet >= ' ' && octet < 127)
            continue;
        if (octet > 127)
            flags |= MAIL_FIELD_8BIT;
        else if (octet == '\r')
            flags |= MAIL_FIELD_BARE_EOL;
        else if (octet != '\t')
            flags |= MAIL_FIELD_CONTROL;
    }
    return flags;
}

static unsigned name_flags(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] <= ' ' || name.ptr[i] > 126)
            return MAIL_FIELD_BAD_NAME;
    return 0;
}

static void take_apart(struct mail_field *f, struct slice first)
{
    ptrdiff_t colon = slice_find_octet(first, ':');
    struct slice text;
    f->name = slice_take(first, colon > 0 ? (size_t)colon : 0);
    size_t before = f->name.len;
    while (f->name.len > 0 && is_blank(f->name.ptr[f->name.len - 1]))
        f->name.len--;
    if (colon < 0 || f->name.len == 0) {
        f->flags |= MAIL_FIELD_NO_COLON;
        f->name = slice_of(first.ptr, 0);
        f->body = f->raw;
    } else {
        if (f->name.len < before)
            f->flags |= MAIL_FIELD_SPACE;
        f->flags |= name_flags(f->name);
        f->body = slice_skip(f->raw, (size_t)colon + 1);
    }
    /* Without the last line end. */
    size_t at = 0;
    while (at < f->body.len) {
        struct slice line = next_line(slice_skip(f->body, at), &text);
        if (at + line.len == f->body.len)
            f->body.len -= line.len - text.len;
        at += line.len;
    }
    if ((f->flags & MAIL_FIELD_8BIT) && !utf8_valid(f->raw))
        f->flags |= MAIL_FIELD_BAD_UTF8;
}

static bool add_field(struct mail_header *h, const struct mail_field *f)
{
    if (h->n_fields == MAIL_FIELDS_MAX) {
        h->more++;
        return false;
    }
    if (h->n_fields == h->alloc_fields) {
        h->alloc_fields = h->alloc_fields ? 2 * h->alloc_fields : 32;
        h->fields = mem_realloc(h->fields, h->alloc_fields * sizeof(*h->fields));
    }
    h->fields[h->n_fields++] = *f;
    return true;
}

void mail_header_parse(struct slice message, struct mail_header *out)
{
    struct slice section = slice_take(message, MAIL_HEADER_OCTETS_MAX);
    size_t at = 0;
    memset(out, 0, sizeof(*out));
    while (at < section.len && !out->ended) {
        struct mail_field f = {.offset = at, .lines = 1};
        struct slice first, text;
        struct slice line = next_line(slice_skip(section, at), &first);
        at += line.len;
        if (first.len == 0 && line.len > 0) {
            out->ended = true;
            break;
        }
        f.flags = line_flags(line, first);
        size_t start = at - line.len;
        while (at < section.len && is_blank(section.ptr[at])) {
            line = next_line(slice_skip(section, at), &text);
            f.flags |= line_flags(line, text);
            if (slice_trim(text).len == 0)
                f.flags |= MAIL_FIELD_EMPTY_FOLD;
            f.lines++;
            at += line.len;
        }
        f.raw = slice_take(slice_skip(section, start), at - start);
        take_apart(&f, first);
        add_field(out, &f);
    }
    out->octets = at;
    if (!out->ended && section.len < message.len)
        out->more++;
    out->body = out->ended ? slice_skip(message, at) : slice_of(NULL, 0);
}

void mail_header_deinit(struct mail_header *h)
{
    mem_free(h->fields);
    memset(h, 0, sizeof(*h));
}

const struct mail_field *mail_header_find(const struct mail_header *h, const char *name, size_t nth)
{
    for (size_t i = 0; i < h->n_fields; i++)
        if (slice_eq_nocase(h->fields[i].name, slice_cstr(name)) && nth-- == 0)
            return &h->fields[i];
    return NULL;
}

size_t mail_header_count(const struct mail_header *h, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n_fields; i++)
        n += slice_eq_nocase(h->fields[i].name, slice_cstr(name));
    return n;
}

void mail_field_unfold(const struct mail_field *f, struct buf *out)
{
    struct slice rest = slice_trim(f->body), text;
    while (rest.len > 0) {
        struct slice line = next_line(rest, &text);
        buf_append(out, text);
        rest = slice_skip(rest, line.len);
    }
}

bool mail_field_dull(struct slice name)
{
    static const char *const beginnings[] = {"DKIM-", "ARC-",    "X-",          "Received",
                                             "List-", "Authent", "Return-Path", "Feedback-ID"};
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(*beginnings); i++)
        if (slice_starts_nocase(name, slice_cstr(beginnings[i])))
            return true;
    return false;
}
