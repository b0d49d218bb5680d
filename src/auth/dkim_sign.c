/* What a signature is made over (RFC 6376 section 3.7):
 *
 *     field of h= [1] CRLF  field of h= [2] CRLF ...  the DKIM-Signature field with an empty b=
 *
 * each canonical. A name that stands n times in h= takes fields of that name from the last one
 * upwards; once they are used up it stands for nothing, which is what keeps others from adding one
 * (section 5.4.2).
 */
#include "auth/dkim_sign.h"

#include <string.h>

#include "auth/auth_private.h"

enum { FOLD_COLS = 72 };

/* RFC 6376 section 5.4.1, and what makes MIME of a body. */
static const char *const usual[] = {
    "From",       "Reply-To",     "Subject",          "Date",
    "To",         "Cc",           "Message-ID",       "In-Reply-To",
    "References", "MIME-Version", "Content-Type",     "Content-Transfer-Encoding",
    "Sender",     "List-Id",      "List-Unsubscribe", "List-Unsubscribe-Post",
};

static bool is_separator(uint8_t c)
{
    return c == ':' || c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next name of a list; empty at its end. */
static struct slice next_name(struct slice *rest)
{
    size_t from = 0, to;
    while (from < rest->len && is_separator(rest->ptr[from]))
        from++;
    for (to = from; to < rest->len && !is_separator(rest->ptr[to]);)
        to++;
    struct slice name = slice_take(slice_skip(*rest, from), to - from);
    *rest = slice_skip(*rest, to);
    return name;
}

/* --- what was asked for --- */

/* Labels of letters, digits, hyphens and underscores between single dots. */
static bool is_name(const char *text)
{
    size_t label = 0;
    if (!text || strlen(text) > 253)
        return false;
    for (const char *p = text;; p++) {
        if (*p == '.' || *p == '\0') {
            if (label == 0 || label > 63)
                return false;
            if (*p == '\0')
                return true;
            label = 0;
            continue;
        }
        bool fits = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                    (*p >= '0' && *p <= '9') || *p == '-' || *p == '_';
        if (!fits)
            return false;
        label++;
    }
}

/* field-name of RFC 5322 section 3.6.8 without ";", which ends a tag. */
static bool is_field_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] < 33 || name.ptr[i] > 126 || name.ptr[i] == ';')
            return false;
    return name.len > 0 && name.len <= 200;
}

bool dkim_how_check(const struct dkim_how *how, struct err *err)
{
    size_t n = 0;
    struct slice rest = slice_cstr(how->headers), name;
    err_clear(err);
    if (!is_name(how->domain))
        err_set(err, ERR_USAGE, 0, "the signing domain is no name of a domain");
    else if (!is_name(how->selector))
        err_set(err, ERR_USAGE, 0, "the selector of the DKIM key is no name");
    while ((name = next_name(&rest)).len && err->domain == ERR_NONE) {
        if (!is_field_name(name))
            err_set(err, ERR_USAGE, 0, "in the list of signed fields stands what is no field name");
        else if (++n > DKIM_LIST_MAX)
            err_set(err, ERR_LIMIT, 0, "more names than the limit dkim-headers, %d", DKIM_LIST_MAX);
    }
    if (err->domain != ERR_NONE)
        err_explain(
            err, "nothing was signed or sent",
            "--dkim-domain example.net --dkim-selector s1 [--dkim-headers from:to:subject]");
    return err->domain == ERR_NONE;
}

static void usual_list(const struct mail_header *h, struct buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        for (size_t k = mail_header_count(h, usual[i]); k > 0 && n < DKIM_LIST_MAX - 1; k--, n++)
            buf_printf(out, "%s:", usual[i]);
    buf_append_cstr(out, "From");
}

/* --- the signature --- */

static void keep(void *ctx, struct slice piece)
{
    buf_append(ctx, piece);
}

static void canon_field(struct slice raw, bool relaxed, bool with_line_end, struct buf *out)
{
    struct canon c;
    canon_init(&c, relaxed ? CANON_FIELD_RELAXED : CANON_FIELD_SIMPLE, keep, out);
    canon_feed(&c, raw);
    canon_end(&c, with_line_end);
}

/* The nth field of that name from the end, from 0; NULL: there are no more. */
static const struct mail_field *from_below(const struct mail_header *h, struct slice name, size_t n)
{
    for (size_t i = h->n_fields; i-- > 0;)
        if (!(h->fields[i].flags & MAIL_FIELD_NO_COLON) &&
            slice_eq_nocase(h->fields[i].name, name) && n-- == 0)
            return &h->fields[i];
    return NULL;
}

static size_t times_before(const char *list, const uint8_t *end, struct slice name)
{
    size_t n = 0;
    struct slice rest = slice_of(list, (size_t)(end - (const uint8_t *)list)), other;
    while ((other = next_name(&rest)).len)
        n += slice_eq_nocase(other, name);
    return n;
}

bool dkim_signature(const struct dkim_key *key, const struct mail_header *header, const char *list,
                    bool relaxed, struct slice field, struct buf *out, struct dkim_facts *facts_out,
                    struct err *err)
{
    struct dkim_facts facts = {.from_unsigned = true};
    struct slice rest = slice_cstr(list), name;
    struct buf data;
    buf_init(&data, DKIM_HEADER_OCTETS_MAX);
    while ((name = next_name(&rest)).len) {
        const struct mail_field *f = from_below(header, name, times_before(list, name.ptr, name));
        if (slice_eq_nocase(name, slice_cstr("From")))
            facts.from_unsigned = false;
        if (f)
            canon_field(f->raw, relaxed, true, &data);
        *(f ? &facts.n_fields : &facts.n_absent) += 1;
    }
    canon_field(field, relaxed, false, &data);
    if (facts_out)
        *facts_out = facts;
    bool ok = !data.overflow;
    if (!ok)
        err_set(err, ERR_LIMIT, 0, "the signed fields are longer than the limit dkim-header, %d",
                DKIM_HEADER_OCTETS_MAX);
    else if (!auth_key_sign(key, buf_slice(&data), out)) {
        ok = false;
        err_set(err, ERR_FORMAT, 0, "the DKIM key does not sign: it is broken or too small");
        err_explain(err, "nothing was sent", "try another key of 1024 bits or more");
    }
    buf_deinit(&data);
    return ok;
}

/* --- the field --- */

/* h= folds behind a colon (section 3.5). */
static void put_list(const char *list, struct buf *out)
{
    size_t cols = 4;
    struct slice rest = slice_cstr(list), name = next_name(&rest);
    buf_append_cstr(out, "\r\n h=");
    while (name.len) {
        struct slice next = next_name(&rest);
        buf_append(out, name);
        buf_append_cstr(out, next.len ? ":" : ";");
        cols += name.len + 1;
        if (next.len && cols + next.len > FOLD_COLS) {
            buf_append_cstr(out, "\r\n  ");
            cols = 2;
        }
        name = next;
    }
}

static void put_folded(struct slice text, struct buf *out)
{
    for (size_t at = 0; at < text.len; at += FOLD_COLS) {
        if (at)
            buf_append_cstr(out, "\r\n  ");
        buf_append(out, slice_take(slice_skip(text, at), FOLD_COLS));
    }
}

static void put_tags(const struct dkim_key *key, const struct dkim_how *how, struct slice body,
                     const char *list, struct buf *field)
{
    buf_printf(field, "DKIM-Signature: v=1; a=%s; c=%s/%s;\r\n d=%s;\r\n s=%s;",
               dkim_key_algorithm(key), how->header_relaxed ? "relaxed" : "simple",
               how->body_relaxed ? "relaxed" : "simple", how->domain, how->selector);
    if (how->time_s >= 0)
        buf_printf(field, " t=%lld;", (long long)how->time_s);
    put_list(list, field);
    buf_append_cstr(field, "\r\n bh=");
    dkim_body_hash(body, how->body_relaxed, field);
    buf_append_cstr(field, ";\r\n b=");
}

/* Readers disagree about such a header, or would read more of it than was signed. */
static bool header_reads(const struct mail_header *h, struct err *err)
{
    bool bare = false;
    for (size_t i = 0; i < h->n_fields; i++)
        bare = bare || (h->fields[i].flags & (MAIL_FIELD_BARE_EOL | MAIL_FIELD_NO_COLON));
    err_clear(err);
    if (h->more)
        err_set(err, ERR_LIMIT, 0, "the header is larger than the limits header, header-fields");
    else if (bare)
        err_set(err, ERR_FORMAT, 0,
                "the header holds a line that is no field, or ends by a CR or LF alone");
    if (err->domain != ERR_NONE)
        err_explain(err, "verifiers would not agree on what was signed; nothing was sent",
                    "mend the header, or send without --dkim-key");
    return err->domain == ERR_NONE;
}

bool dkim_sign(const struct dkim_key *key, const struct dkim_how *how, struct slice message,
               struct buf *out, struct dkim_facts *facts_out, struct err *err)
{
    struct mail_header header;
    struct buf list, field, signature;
    mail_header_parse(message, &header);
    buf_init(&list, DKIM_FIELD_OCTETS_MAX);
    buf_init(&field, DKIM_FIELD_OCTETS_MAX);
    buf_init(&signature, DKIM_FIELD_OCTETS_MAX);
    bool ok = dkim_how_check(how, err) && header_reads(&header, err);
    if (ok) {
        if (slice_trim(slice_cstr(how->headers)).len)
            buf_append_cstr(&list, how->headers);
        else
            usual_list(&header, &list);
        put_tags(key, how, header.body, buf_cstr(&list), &field);
        ok = dkim_signature(key, &header, buf_cstr(&list), how->header_relaxed, buf_slice(&field),
                            &signature, facts_out, err);
    }
    if (ok) {
        put_folded(buf_slice(&signature), &field);
        buf_append_cstr(&field, "\r\n");
        ok = !field.overflow && !list.overflow && buf_append(out, buf_slice(&field));
        if (!ok)
            err_set(err, ERR_LIMIT, 0, "the signature is longer than the limit dkim-field, %d",
                    DKIM_FIELD_OCTETS_MAX);
    }
    buf_deinit(&list);
    buf_deinit(&field);
    buf_deinit(&signature);
    mail_header_deinit(&header);
    return ok;
}
