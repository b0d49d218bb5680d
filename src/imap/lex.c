/* The words of IMAP: one thing at a cursor, or nothing taken.
 *
 *     atom      = 1*ATOM-CHAR         no CTL, SP, ( ) { % * " \ ]
 *     astring   = 1*(ATOM-CHAR / "]") / string
 *     string    = DQUOTE *(TEXT-CHAR / "\" ("\" / DQUOTE)) DQUOTE / literal
 *     literal   = ["~"] "{" number ["+"] "}" CRLF *OCTET
 */
#include "imap/imap_private.h"

#include <string.h>

#include "base/mem.h"
#include "imap/limits.h"

static const struct {
    unsigned bit;
    const char *name;
} flag_names[] = {
    {IMAP_FLAG_SEEN, "\\Seen"},       {IMAP_FLAG_ANSWERED, "\\Answered"},
    {IMAP_FLAG_FLAGGED, "\\Flagged"}, {IMAP_FLAG_DELETED, "\\Deleted"},
    {IMAP_FLAG_DRAFT, "\\Draft"},     {IMAP_FLAG_RECENT, "\\Recent"},
};

/* ---- the cursor ---- */

void imap_cursor_init(struct imap_cursor *c, const struct imap_text *text, struct arena *arena)
{
    *c = (struct imap_cursor){.text = *text, .arena = arena};
}

struct slice imap_rest(const struct imap_cursor *c)
{
    return slice_skip(c->text.octets, c->at);
}

bool imap_at_end(const struct imap_cursor *c)
{
    struct slice rest = imap_rest(c);
    return rest.len == 0 || slice_eq(rest, SLICE_LIT("\r\n")) || slice_eq(rest, SLICE_LIT("\n"));
}

void *imap_grow_add(struct imap_cursor *c, struct imap_grow *g)
{
    if (g->n >= IMAP_CAP_ITEMS) {
        c->rules |= IMAP_BIT(ITEMS);
        return NULL;
    }
    if (g->n == g->alloc) {
        size_t alloc = g->alloc ? g->alloc * 2 : 4;
        void *items = arena_alloc(c->arena, alloc * g->item_octets);
        if (g->n > 0)
            memcpy(items, g->items, g->n * g->item_octets);
        g->items = items;
        g->alloc = alloc;
    }
    return (uint8_t *)g->items + g->n++ * g->item_octets;
}

bool imap_is_digit(uint8_t octet)
{
    return octet >= '0' && octet <= '9';
}

bool imap_is_atom_octet(uint8_t octet)
{
    return octet > ' ' && octet != 0x7f && !strchr("(){%*\"\\]", octet);
}

bool imap_take_octet(struct imap_cursor *c, char octet)
{
    if (c->at >= c->text.octets.len || c->text.octets.ptr[c->at] != (uint8_t)octet)
        return false;
    c->at++;
    return true;
}

bool imap_take_sp(struct imap_cursor *c)
{
    return imap_take_octet(c, ' ');
}

/* Octets of `more` count as atom octets, those of `less` do not. */
static bool take_run(struct imap_cursor *c, const char *more, const char *less, struct slice *out)
{
    struct slice rest = imap_rest(c);
    size_t n = 0;
    while (n < rest.len && rest.ptr[n] != 0 &&
           (imap_is_atom_octet(rest.ptr[n]) || strchr(more, rest.ptr[n])) &&
           !strchr(less, rest.ptr[n]))
        n++;
    if (n == 0)
        return false;
    *out = slice_take(rest, n);
    c->at += n;
    return true;
}

bool imap_take_word(struct imap_cursor *c, const char *word)
{
    struct slice rest = imap_rest(c), want = slice_cstr(word);
    if (!slice_starts_nocase(rest, want))
        return false;
    if (rest.len > want.len && imap_is_atom_octet(rest.ptr[want.len]))
        return false;
    c->at += want.len;
    return true;
}

bool imap_take_atom(struct imap_cursor *c, struct slice *out)
{
    return take_run(c, "", "", out);
}

bool imap_take_tag(struct imap_cursor *c, struct slice *out)
{
    size_t at = c->at;
    if (take_run(c, "]", "+", out) && out->len <= IMAP_CAP_TAG_OCTETS)
        return true;
    c->at = at;
    return false;
}

bool imap_take_number(struct imap_cursor *c, uint64_t max, uint64_t *out)
{
    struct slice rest = imap_rest(c);
    size_t n = 0;
    while (n < rest.len && imap_is_digit(rest.ptr[n]))
        n++;
    if (n == 0)
        return false;
    if (!slice_to_u64(slice_take(rest, n), max, out)) {
        c->rules |= IMAP_BIT(NUMBER);
        return false;
    }
    c->at += n;
    return true;
}

/* ---- strings ---- */

static const struct imap_gap *gap_at(const struct imap_cursor *c, size_t at)
{
    size_t low = 0, high = c->text.n_gaps;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c->text.gaps[mid].at < at)
            low = mid + 1;
        else
            high = mid;
    }
    return low < c->text.n_gaps && c->text.gaps[low].at == at ? &c->text.gaps[low] : NULL;
}

bool imap_take_literal(struct imap_cursor *c, struct imap_literal *out)
{
    size_t start = c->at;
    uint64_t length = 0;
    imap_take_octet(c, '~');
    bool read = imap_take_octet(c, '{') && imap_take_number(c, INT64_MAX, &length);
    if (read)
        imap_take_octet(c, '+');
    read = read && imap_take_octet(c, '}');
    if (read)
        imap_take_octet(c, '\r');
    if (!read || !imap_take_octet(c, '\n')) {
        c->at = start;
        return false;
    }
    const struct imap_gap *gap = gap_at(c, c->at);
    *out = (struct imap_literal){.length = length, .gap = gap != NULL};
    if (gap) {
        out->stream_at = gap->stream_at;
        return true;
    }
    struct slice rest = imap_rest(c);
    if (length > rest.len) { /* cut */
        c->at = start;
        return false;
    }
    out->octets = slice_take(rest, (size_t)length);
    c->at += (size_t)length;
    return true;
}

/* Without its backslashes, in the arena. */
static struct slice unquoted(struct imap_cursor *c, struct slice in)
{
    uint8_t *out = arena_alloc(c->arena, in.len);
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        if (in.ptr[i] == '\\' && i + 1 < in.len)
            i++;
        out[n++] = in.ptr[i];
    }
    return slice_of(out, n);
}

bool imap_take_quoted(struct imap_cursor *c, struct slice *out)
{
    struct slice rest = imap_rest(c);
    bool escaped = false;
    size_t n = 1;
    if (rest.len == 0 || rest.ptr[0] != '"')
        return false;
    while (n < rest.len && rest.ptr[n] != '"' && rest.ptr[n] != '\n') {
        if (rest.ptr[n] == '\\') {
            escaped = true;
            n++;
            if (n < rest.len && rest.ptr[n] != '"' && rest.ptr[n] != '\\')
                c->rules |= IMAP_BIT(QUOTED);
        }
        if (n < rest.len && (rest.ptr[n] == '\r' || rest.ptr[n] == 0))
            c->rules |= IMAP_BIT(QUOTED);
        n++;
    }
    if (n >= rest.len || rest.ptr[n] != '"') {
        c->rules |= IMAP_BIT(QUOTED);
        return false;
    }
    struct slice inside = slice_of(rest.ptr + 1, n - 1);
    *out = escaped ? unquoted(c, inside) : inside;
    c->at += n + 1;
    return true;
}

bool imap_take_string(struct imap_cursor *c, struct slice *out)
{
    struct imap_literal literal;
    if (imap_take_quoted(c, out))
        return true;
    if (!imap_take_literal(c, &literal))
        return false;
    if (literal.gap)
        c->rules |= IMAP_BIT(TEXT_CAP);
    *out = literal.octets;
    return true;
}

bool imap_take_astring(struct imap_cursor *c, struct slice *out)
{
    return take_run(c, "]", "", out) || imap_take_string(c, out);
}

bool imap_take_nstring(struct imap_cursor *c, struct slice *out)
{
    if (imap_take_word(c, "NIL")) {
        *out = slice_of(NULL, 0);
        return true;
    }
    if (!imap_take_string(c, out))
        return false;
    if (!out->ptr)
        out->ptr = (const uint8_t *)"";
    return true;
}

bool imap_take_pattern(struct imap_cursor *c, struct slice *out)
{
    return take_run(c, "]%*", "", out) || imap_take_string(c, out);
}

/* ---- flags ---- */

unsigned imap_flag_by_name(struct slice name)
{
    for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++)
        if (slice_eq_nocase(name, slice_cstr(flag_names[i].name)))
            return flag_names[i].bit;
    return 0;
}

const char *imap_flag_name(unsigned bit)
{
    for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++)
        if (flag_names[i].bit == bit)
            return flag_names[i].name;
    return "";
}

/* flag = ["\"] atom / "\*" */
static bool take_flag(struct imap_cursor *c, struct imap_grow *keywords, struct imap_flags *out)
{
    size_t start = c->at;
    struct slice atom;
    bool back = imap_take_octet(c, '\\');
    if (back && imap_take_octet(c, '*')) {
        out->any = true;
        return true;
    }
    if (!imap_take_atom(c, &atom)) {
        c->at = start;
        return false;
    }
    struct slice name = slice_of(c->text.octets.ptr + start, c->at - start);
    unsigned bit = back ? imap_flag_by_name(name) : 0;
    out->system |= bit;
    if (bit != 0)
        return true;
    struct slice *keyword = imap_grow_add(c, keywords);
    if (!keyword)
        return false;
    *keyword = name;
    return true;
}

bool imap_take_flags(struct imap_cursor *c, bool bare, struct imap_flags *out)
{
    struct imap_grow keywords = {.item_octets = sizeof(struct slice)};
    size_t start = c->at;
    bool list = imap_take_octet(c, '(');
    *out = (struct imap_flags){0};
    if (!list && !bare)
        return false;
    bool read = true;
    if (!list || !imap_take_octet(c, ')')) {
        do
            read = take_flag(c, &keywords, out);
        while (read && imap_take_sp(c));
        read = read && (!list || imap_take_octet(c, ')'));
    }
    out->keywords = keywords.items;
    out->n_keywords = keywords.n;
    if (!read)
        c->at = start;
    return read;
}
