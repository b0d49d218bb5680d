/* The exact reader of MIME structure.
 *
 * A multipart is cut at its boundary lines within the range its parent gave it, so a boundary of an
 * outer level ends everything inside. Each level looks at its octets once; depth and number of
 * parts are bounded, so the work is bounded by size times depth.
 */
#include "mail/structure.h"

#include "mail/header.h"

struct reader {
    struct arena *arena;
    size_t n_parts;
};

static void read_part(struct reader *r, struct slice octets, unsigned depth, bool digest,
                      struct mail_part *out);

/* ---- structured fields: token *(";" name "=" value), comments in between ---- */

static bool is_token(uint8_t octet)
{
    if (octet <= ' ' || octet == 0x7f)
        return false;
    return slice_find_octet(SLICE_LIT("()<>@,;:\\\"/[]?="), octet) < 0;
}

/* Blanks and comments. */
static void skip_cfws(struct slice *s)
{
    size_t i = 0, depth = 0;
    for (; i < s->len; i++) {
        uint8_t octet = s->ptr[i];
        if (octet == '(')
            depth++;
        else if (depth > 0 && octet == ')')
            depth--;
        else if (depth > 0 && octet == '\\')
            i++;
        else if (depth == 0 && octet > ' ')
            break;
    }
    *s = slice_skip(*s, i < s->len ? i : s->len);
}

static struct slice take_token(struct slice *s)
{
    skip_cfws(s);
    size_t n = 0;
    while (n < s->len && is_token(s->ptr[n]))
        n++;
    struct slice token = slice_take(*s, n);
    *s = slice_skip(*s, n);
    return token;
}

static struct slice take_value(struct reader *r, struct slice *s)
{
    skip_cfws(s);
    if (s->len == 0 || s->ptr[0] != '"') {
        /* Loose: everything up to a blank or ";", as many write file names. */
        size_t n = 0;
        while (n < s->len && s->ptr[n] > ' ' && s->ptr[n] != ';')
            n++;
        struct slice value = slice_take(*s, n);
        *s = slice_skip(*s, n);
        return value;
    }
    uint8_t *out = arena_alloc(r->arena, s->len);
    size_t n = 0, i = 1;
    for (; i < s->len && s->ptr[i] != '"'; i++) {
        if (s->ptr[i] == '\\' && i + 1 < s->len)
            i++;
        if (s->ptr[i] != '\r' && s->ptr[i] != '\n')
            out[n++] = s->ptr[i];
    }
    *s = slice_skip(*s, i + 1);
    return slice_of(out, n);
}

static const struct mail_param *take_params(struct reader *r, struct slice s)
{
    const struct mail_param *first = NULL, **tail = &first;
    for (size_t n = 0; n < MAIL_STRUCTURE_PARAMS_MAX; n++) {
        ptrdiff_t semicolon = slice_find_octet(s, ';');
        if (semicolon < 0)
            break;
        s = slice_skip(s, (size_t)semicolon + 1);
        struct slice name = take_token(&s);
        skip_cfws(&s);
        if (name.len == 0 || s.len == 0 || s.ptr[0] != '=')
            continue;
        s = slice_skip(s, 1);
        struct mail_param *p = arena_alloc(r->arena, sizeof(*p));
        p->name = name;
        p->value = take_value(r, &s);
        *tail = p;
        tail = &p->next;
    }
    return first;
}

static struct slice param(const struct mail_param *p, const char *name)
{
    for (; p; p = p->next)
        if (slice_eq_nocase(p->name, slice_cstr(name)))
            return p->value;
    return slice_of(NULL, 0);
}

/* ---- headers ---- */

/* Length of the header section with its empty line; lines is not needed of it. */
static size_t header_octets(struct slice s)
{
    size_t at = 0;
    while (at < s.len) {
        ptrdiff_t lf = slice_find_octet(slice_skip(s, at), '\n');
        if (lf < 0)
            return s.len;
        bool empty = lf == 0 || (lf == 1 && s.ptr[at] == '\r');
        at += (size_t)lf + 1;
        if (empty)
            return at;
    }
    return s.len;
}

/* Unfolded and trimmed, in the arena; never with ptr NULL. */
static struct slice field_text(struct reader *r, const struct mail_field *f)
{
    struct slice body = slice_take(f->body, MAIL_STRUCTURE_FIELD_MAX);
    uint8_t *out = arena_alloc(r->arena, body.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < body.len; i++)
        if (body.ptr[i] != '\r' && body.ptr[i] != '\n')
            out[n++] = body.ptr[i];
    return slice_trim(slice_of(out, n));
}

static void take_type(struct reader *r, struct mail_part *p, struct slice text)
{
    struct slice type = take_token(&text);
    skip_cfws(&text);
    if (type.len == 0 || text.len == 0 || text.ptr[0] != '/')
        return;
    text = slice_skip(text, 1);
    struct slice subtype = take_token(&text);
    if (subtype.len == 0)
        return;
    p->type = type;
    p->subtype = subtype;
    p->params = take_params(r, text);
}

static void take_disposition(struct reader *r, struct mail_part *p, struct slice text)
{
    p->disposition = take_token(&text);
    p->disposition_params = take_params(r, text);
}

static void read_header(struct reader *r, struct mail_part *p)
{
    struct mail_header h;
    struct {
        const char *name;
        struct slice *out;
    } plain[] = {
        {"Content-ID", &p->id},
        {"Content-Description", &p->description},
        {"Content-Transfer-Encoding", &p->encoding},
        {"Content-MD5", &p->md5},
        {"Content-Language", &p->language},
        {"Content-Location", &p->location},
    };
    mail_header_parse(p->header, &h);
    const struct mail_field *type = mail_header_find(&h, "Content-Type", 0);
    const struct mail_field *disposition = mail_header_find(&h, "Content-Disposition", 0);
    if (type)
        take_type(r, p, field_text(r, type));
    if (disposition)
        take_disposition(r, p, field_text(r, disposition));
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        const struct mail_field *f = mail_header_find(&h, plain[i].name, 0);
        if (f)
            *plain[i].out = field_text(r, f);
    }
    mail_header_deinit(&h);
}

/* ---- bodies ---- */

/* Line ends, as other servers count them: the last line of a part has none of its own. */
static uint64_t count_lines(struct slice s)
{
    uint64_t lines = 0;
    for (ptrdiff_t lf = slice_find_octet(s, '\n'); lf >= 0; lf = slice_find_octet(s, '\n')) {
        lines++;
        s = slice_skip(s, (size_t)lf + 1);
    }
    return lines;
}

/* "--" boundary ["--"] *WSP at the start of a line. */
static bool is_boundary(struct slice line, struct slice boundary, bool *last_out)
{
    if (line.len < boundary.len + 2 || line.ptr[0] != '-' || line.ptr[1] != '-' ||
        !slice_starts(slice_skip(line, 2), boundary))
        return false;
    struct slice rest = slice_skip(line, boundary.len + 2);
    *last_out = slice_starts(rest, SLICE_LIT("--"));
    return slice_trim(slice_skip(rest, *last_out ? 2 : 0)).len == 0;
}

/* The line end before a boundary belongs to the boundary (RFC 2046 section 5.1.1). */
static struct slice without_line_end(struct slice s)
{
    if (s.len > 0 && s.ptr[s.len - 1] == '\n')
        s.len--;
    if (s.len > 0 && s.ptr[s.len - 1] == '\r')
        s.len--;
    return s;
}

static void add_child(struct reader *r, struct slice octets, unsigned depth, bool digest,
                      const struct mail_part ***tail)
{
    struct mail_part *child = arena_alloc(r->arena, sizeof(*child));
    read_part(r, octets, depth, digest, child);
    **tail = child;
    *tail = &child->next;
}

static void read_multipart(struct reader *r, struct mail_part *p, unsigned depth)
{
    struct slice boundary = param(p->params, "boundary");
    const struct mail_part **tail = &p->first;
    bool digest = slice_eq_nocase(p->subtype, SLICE_LIT("digest")), inside = false, last = false;
    size_t start = 0, at = 0;
    while (boundary.len > 0 && at < p->body.len && !last) {
        struct slice rest = slice_skip(p->body, at);
        ptrdiff_t lf = slice_find_octet(rest, '\n');
        struct slice line = lf < 0 ? rest : slice_take(rest, (size_t)lf + 1);
        bool closes = false;
        if (is_boundary(line, boundary, &closes)) {
            if (inside)
                add_child(r, without_line_end(slice_take(slice_skip(p->body, start), at - start)),
                          depth + 1, digest, &tail);
            inside = true;
            last = closes || r->n_parts >= MAIL_STRUCTURE_PARTS_MAX;
            start = at + line.len;
        }
        at += line.len;
    }
    if (inside && !last) /* the last boundary is missing */
        add_child(r, slice_skip(p->body, start), depth + 1, digest, &tail);
}

static bool is_identity(struct slice encoding)
{
    return encoding.len == 0 || slice_eq_nocase(encoding, SLICE_LIT("7bit")) ||
           slice_eq_nocase(encoding, SLICE_LIT("8bit")) ||
           slice_eq_nocase(encoding, SLICE_LIT("binary"));
}

static void read_part(struct reader *r, struct slice octets, unsigned depth, bool digest,
                      struct mail_part *out)
{
    size_t header = header_octets(octets);
    r->n_parts++;
    out->header = slice_take(octets, header);
    out->body = slice_skip(octets, header);
    out->type = digest ? SLICE_LIT("message") : SLICE_LIT("text");
    out->subtype = digest ? SLICE_LIT("rfc822") : SLICE_LIT("plain");
    read_header(r, out);
    out->lines = count_lines(out->body);
    bool deeper = depth < MAIL_STRUCTURE_DEPTH_MAX && r->n_parts < MAIL_STRUCTURE_PARTS_MAX;
    if (!deeper || !is_identity(out->encoding))
        return;
    if (slice_eq_nocase(out->type, SLICE_LIT("multipart"))) {
        read_multipart(r, out, depth);
        /* IMAP knows no multipart without parts: then it is one piece of text. */
        if (out->first)
            out->kind = MAIL_PART_MULTIPART;
    } else if (slice_eq_nocase(out->type, SLICE_LIT("message")) &&
               (slice_eq_nocase(out->subtype, SLICE_LIT("rfc822")) ||
                slice_eq_nocase(out->subtype, SLICE_LIT("global")))) {
        const struct mail_part **tail = &out->first;
        add_child(r, out->body, depth + 1, false, &tail);
        out->kind = MAIL_PART_MESSAGE;
    }
}

const struct mail_part *mail_structure_parse(struct slice message, struct arena *arena)
{
    struct reader r = {.arena = arena};
    struct mail_part *root = arena_alloc(arena, sizeof(*root));
    read_part(&r, message, 0, false, root);
    return root;
}
