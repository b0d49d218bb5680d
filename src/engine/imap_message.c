/* A message as FETCH shows it: ENVELOPE, BODYSTRUCTURE, sections (RFC 9051 section 7.5.2). */
#include "engine/imap_serve_private.h"

#include "mail/header.h"

/* ---- ENVELOPE ---- */

enum { UNFOLDED_MAX_OCTETS = 65536 };

static void put_text(const struct mail_header *h, const char *name, struct buf *unfolded,
                     struct buf *out)
{
    const struct mail_field *f = mail_header_find(h, name, 0);
    buf_append_octet(out, ' ');
    if (!f) {
        buf_append_cstr(out, "NIL");
        return;
    }
    buf_reset(unfolded);
    mail_field_unfold(f, unfolded);
    imap_put_string(out, buf_slice(unfolded), false);
}

/* The addresses of all fields of that name; those of `instead` where there is none. */
static void put_addresses(const struct mail_header *h, const char *name, const char *instead,
                          struct buf *unfolded, struct buf *out)
{
    buf_reset(unfolded);
    size_t n = mail_header_count(h, name);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_append_cstr(unfolded, ", ");
        mail_field_unfold(mail_header_find(h, name, i), unfolded);
    }
    if (unfolded->len == 0 && instead) {
        put_addresses(h, instead, NULL, unfolded, out);
        return;
    }
    buf_append_octet(out, ' ');
    imap_put_addresses(out, buf_slice(unfolded));
}

void imessage_envelope(struct slice header, struct buf *out)
{
    struct mail_header h;
    struct buf unfolded;
    buf_init(&unfolded, UNFOLDED_MAX_OCTETS);
    mail_header_parse(header, &h);
    size_t start = out->len;
    put_text(&h, "Date", &unfolded, out);
    if (out->len > start)
        out->ptr[start] = '('; /* in place of the space in front */
    put_text(&h, "Subject", &unfolded, out);
    put_addresses(&h, "From", NULL, &unfolded, out);
    put_addresses(&h, "Sender", "From", &unfolded, out);
    put_addresses(&h, "Reply-To", "From", &unfolded, out);
    put_addresses(&h, "To", NULL, &unfolded, out);
    put_addresses(&h, "Cc", NULL, &unfolded, out);
    put_addresses(&h, "Bcc", NULL, &unfolded, out);
    put_text(&h, "In-Reply-To", &unfolded, out);
    put_text(&h, "Message-ID", &unfolded, out);
    buf_append_octet(out, ')');
    mail_header_deinit(&h);
    buf_deinit(&unfolded);
}

/* ---- BODYSTRUCTURE ---- */

static void put_params(const struct mail_param *p, struct buf *out)
{
    if (!p) {
        buf_append_cstr(out, " NIL");
        return;
    }
    for (const char *gap = " ("; p; p = p->next, gap = " ") {
        buf_append_cstr(out, gap);
        imap_put_string(out, p->name, false);
        buf_append_octet(out, ' ');
        imap_put_string(out, p->value, false);
    }
    buf_append_octet(out, ')');
}

static void sp_nstring(struct slice s, struct buf *out)
{
    buf_append_octet(out, ' ');
    imap_put_nstring(out, s);
}

/* "en, de": a list of its tags. */
static void put_languages(struct slice text, struct buf *out)
{
    const char *gap = " (";
    while (text.len > 0) {
        ptrdiff_t comma = slice_find_octet(text, ',');
        struct slice tag = slice_trim(comma < 0 ? text : slice_take(text, (size_t)comma));
        text = slice_skip(text, comma < 0 ? text.len : (size_t)comma + 1);
        if (tag.len == 0)
            continue;
        buf_append_cstr(out, gap);
        imap_put_string(out, tag, false);
        gap = " ";
    }
    buf_append_cstr(out, gap[1] ? " NIL" : ")");
}

/* body-fld-dsp, body-fld-lang, body-fld-loc */
static void put_extension(const struct mail_part *p, struct buf *out)
{
    if (p->disposition.len > 0) {
        buf_append_cstr(out, " (");
        imap_put_string(out, p->disposition, false);
        put_params(p->disposition_params, out);
        buf_append_octet(out, ')');
    } else {
        buf_append_cstr(out, " NIL");
    }
    put_languages(p->language, out);
    sp_nstring(p->location, out);
}

static void put_leaf(const struct mail_part *p, bool extended, struct buf *out)
{
    imap_put_string(out, p->type, false);
    buf_append_octet(out, ' ');
    imap_put_string(out, p->subtype, false);
    if (!p->params && slice_eq_nocase(p->type, SLICE_LIT("text")))
        buf_append_cstr(out, " (\"charset\" \"us-ascii\")");
    else
        put_params(p->params, out);
    sp_nstring(p->id, out);
    sp_nstring(p->description, out);
    buf_append_octet(out, ' ');
    imap_put_string(out, p->encoding.len > 0 ? p->encoding : SLICE_LIT("7bit"), false);
    buf_printf(out, " %zu", p->body.len);
    if (p->kind == MAIL_PART_MESSAGE) {
        buf_append_octet(out, ' ');
        imessage_envelope(p->first->header, out);
        buf_append_octet(out, ' ');
        imessage_structure(p->first, extended, out);
    }
    if (p->kind == MAIL_PART_MESSAGE || slice_eq_nocase(p->type, SLICE_LIT("text")))
        buf_printf(out, " %llu", (unsigned long long)p->lines);
    if (!extended)
        return;
    sp_nstring(p->md5, out);
    put_extension(p, out);
}

/* The depth is bounded by MAIL_STRUCTURE_DEPTH_MAX. */
void imessage_structure(const struct mail_part *p, bool extended, struct buf *out)
{
    buf_append_octet(out, '(');
    if (p->kind != MAIL_PART_MULTIPART) {
        put_leaf(p, extended, out);
    } else {
        for (const struct mail_part *child = p->first; child; child = child->next)
            imessage_structure(child, extended, out);
        buf_append_octet(out, ' ');
        imap_put_string(out, p->subtype, false);
        if (extended) {
            put_params(p->params, out);
            put_extension(p, out);
        }
    }
    buf_append_octet(out, ')');
}

/* ---- sections ---- */

static bool named(struct slice name, const struct slice *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq_nocase(name, names[i]))
            return true;
    return false;
}

void imessage_fields(struct slice header, const struct slice *names, size_t n, bool but,
                     struct buf *out)
{
    bool take = false;
    while (header.len > 0) {
        ptrdiff_t lf = slice_find_octet(header, '\n');
        struct slice line = lf < 0 ? header : slice_take(header, (size_t)lf + 1);
        header = slice_skip(header, line.len);
        if (slice_trim(line).len == 0)
            break;
        bool folded = line.ptr[0] == ' ' || line.ptr[0] == '\t';
        if (!folded) {
            ptrdiff_t colon = slice_find_octet(line, ':');
            struct slice name = slice_trim(slice_take(line, colon < 0 ? 0 : (size_t)colon));
            take = named(name, names, n) != but;
        }
        if (!take)
            continue;
        buf_append(out, line);
        if (lf < 0) /* the message ends here */
            buf_append_cstr(out, "\r\n");
    }
    buf_append_cstr(out, "\r\n");
}

const struct mail_part *imessage_part(const struct mail_part *root, const uint32_t *numbers,
                                      size_t n)
{
    const struct mail_part *p = root;
    for (size_t i = 0; i < n && p; i++) {
        /* A message inside is numbered through: 2.1 is the first part of message 2. */
        if (i > 0 && p->kind == MAIL_PART_MESSAGE)
            p = p->first;
        else if (i > 0 && p->kind == MAIL_PART_LEAF)
            p = NULL;
        if (!p)
            return NULL;
        if (p->kind != MAIL_PART_MULTIPART) {
            if (numbers[i] != 1)
                return NULL;
            /* Without a multipart around it, part 1 is the body itself: no numbers can follow, but
             * those of a message inside. */
            continue;
        }
        uint32_t left = numbers[i];
        for (p = p->first; p && left > 1; p = p->next)
            left--;
    }
    return p;
}
