/* Which row of provider-replies.tsv a reply is. Within the providers the server is known to be, and
 * the block lists, which anyone may quote, the longest phrase wins; only where none of theirs fits
 * may a row of another be told, and then with higher demands: a phrase that says something by
 * itself. */
#include "decode/wording.h"

#include <string.h>

#include "smtp/reply.h"

static const struct explain_wording rows[] = {
#include "decode/provider-replies.inc"
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

const struct explain_wording *explain_wording_at(size_t index)
{
    return index < N_ROWS ? &rows[index] : NULL;
}

/* ---- the words of a reply ---- */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(uint8_t c)
{
    return c <= ' ' || c == 127;
}

/* "550", "550-" or "550-..." at the start of a word; returns the octets of code and hyphen. */
static size_t code_len(struct slice word, unsigned *code_out)
{
    if (word.len < 3 || !is_digit(word.ptr[0]) || !is_digit(word.ptr[1]) || !is_digit(word.ptr[2]))
        return 0;
    if (word.len > 3 && word.ptr[3] != '-')
        return 0;
    *code_out = (unsigned)(word.ptr[0] - '0') * 100 + (unsigned)(word.ptr[1] - '0') * 10 +
                (unsigned)(word.ptr[2] - '0');
    return word.len > 3 ? 4 : 3;
}

struct reader {
    struct slice rest;
    bool line_start;
};

static bool next_word(struct reader *r, struct slice *word)
{
    size_t skip = 0, len = 0;
    while (skip < r->rest.len && is_blank(r->rest.ptr[skip]))
        r->line_start |= r->rest.ptr[skip++] == '\n';
    r->rest = slice_skip(r->rest, skip);
    while (len < r->rest.len && !is_blank(r->rest.ptr[len]))
        len++;
    *word = slice_take(r->rest, len);
    r->rest = slice_skip(r->rest, len);
    return len > 0;
}

static void add_word(struct wording_text *w, struct slice word)
{
    if (word.len == 0 || w->len + 1 + word.len > WORDING_OCTETS)
        return;
    if (w->len > 0)
        w->words[w->len++] = ' ';
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.ptr[i];
        w->words[w->len++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
}

static bool next_is_enhanced(struct reader r)
{
    struct slice word;
    unsigned e[3];
    return next_word(&r, &word) && !r.line_start && smtp_enhanced_parse(word, e) == word.len;
}

/* Logs and bounces put the lines of a reply behind one another, each with its codes, so codes are
 * dropped inside a line too, where they are surely codes. */
static void read_word(struct wording_text *w, struct reader *r, struct slice word, bool first)
{
    unsigned code = 0, e[3];
    size_t used = code_len(word, &code);
    bool again = code != 0 && code == w->code;
    bool drop = used > 0 && (first || (again && (used == 4 || next_is_enhanced(*r))));
    if (!drop) {
        if (!first || smtp_enhanced_parse(word, e) != word.len)
            add_word(w, word);
        return;
    }
    word = slice_skip(word, used);
    if (word.len == 0 && next_is_enhanced(*r))
        next_word(r, &word);
    if (word.len == 0 || smtp_enhanced_parse(word, e) != word.len)
        add_word(w, word);
}

void wording_read(struct wording_text *w, struct slice text, unsigned code,
                  const unsigned enhanced[3])
{
    struct reader r = {slice_take(text, 2 * WORDING_OCTETS), true};
    struct slice word;
    w->len = 0;
    w->code = code;
    w->klass = code ? code / 100 : enhanced[0];
    memcpy(w->enhanced, enhanced, sizeof(w->enhanced));
    while (next_word(&r, &word)) {
        bool first = r.line_start;
        r.line_start = false;
        read_word(w, &r, word, first);
    }
    w->words[w->len] = '\0';
}

/* ---- one row ---- */

/* Do the pieces of a phrase stand in the words, in this order? *literal_out counts their octets. */
static bool phrase_in(const struct wording_text *w, const char *phrase, size_t *literal_out,
                      bool *gap_out)
{
    struct slice rest = slice_of(w->words, w->len);
    *literal_out = 0;
    *gap_out = false;
    while (*phrase) {
        size_t len = strcspn(phrase, "*");
        ptrdiff_t at = slice_find(rest, slice_of(phrase, len));
        if (at < 0)
            return false;
        rest = slice_skip(rest, (size_t)at + len);
        *literal_out += len;
        phrase += len;
        *gap_out |= *phrase == '*';
        phrase += *phrase == '*';
    }
    return true;
}

/* 2: this very code; 1: its class, or a row for any; 0: another. */
static unsigned code_fit(const struct explain_wording *row, const struct wording_text *w)
{
    const uint8_t *c = (const uint8_t *)row->code;
    uint64_t code;
    if (!is_digit(c[0]))
        return w->klass >= 4 || w->klass == 0; /* "any", "bounce": failures only */
    if (slice_to_u64(slice_cstr(row->code), 999, &code) && code == w->code)
        return 2;
    return w->klass == 0 || w->klass == (unsigned)(c[0] - '0');
}

/* The row's column: "5.7.1", or a range of details: "4.7.500-699". */
static bool enhanced_fit(const struct explain_wording *row, const struct wording_text *w)
{
    struct slice s = slice_cstr(row->enhanced);
    ptrdiff_t dash = slice_find_octet(s, '-');
    struct slice low = dash < 0 ? s : slice_take(s, (size_t)dash);
    unsigned e[3];
    uint64_t high;
    if (w->enhanced[0] == 0 || low.len == 0 || smtp_enhanced_parse(low, e) != low.len)
        return false;
    if (e[0] != w->enhanced[0] || e[1] != w->enhanced[1])
        return false;
    if (dash < 0 || !slice_to_u64(slice_skip(s, (size_t)dash + 1), 999, &high))
        return e[2] == w->enhanced[2];
    return w->enhanced[2] >= e[2] && w->enhanced[2] <= high;
}

/* Greater is better: a row of the same class before another (a 4yz is no "for ever", however alike
 * the words), an unbroken phrase before one with a gap, then the longest, then the codes. */
static unsigned long score(const struct explain_wording *row, const struct wording_text *w,
                           size_t *literal_out)
{
    bool gap;
    if (!phrase_in(w, row->match, literal_out, &gap))
        return 0;
    return ((code_fit(row, w) > 0 ? 1UL : 0UL) << 25) + ((gap ? 0UL : 1UL) << 24) +
           (*literal_out << 8) + (enhanced_fit(row, w) ? 16 : 0) + code_fit(row, w) + 1;
}

/* ---- all rows ---- */

static bool same_house(const char *a, const char *b)
{
    static const char *const houses[][2] = {{"Microsoft 365", "Outlook.com"}};
    if (strcmp(a, b) == 0)
        return true;
    for (size_t i = 0; i < sizeof(houses) / sizeof(houses[0]); i++)
        if ((strcmp(a, houses[i][0]) == 0 && strcmp(b, houses[i][1]) == 0) ||
            (strcmp(a, houses[i][1]) == 0 && strcmp(b, houses[i][0]) == 0))
            return true;
    return false;
}

static bool is_theirs(const char *provider, const struct server *server)
{
    if (strcmp(provider, "Block lists") == 0)
        return true; /* any server may quote one */
    for (size_t i = 0; i < server->n_providers; i++)
        if (same_house(provider, server->providers[i]))
            return true;
    return false;
}

/* Said by a server of unknown house: the words must tell something alone, and fit the code. */
static bool tells_alone(const struct explain_wording *row, const struct wording_text *w,
                        size_t literal)
{
    enum { SIGN_OCTETS = 6, WORDS_OCTETS = 16, LONG_OCTETS = 24 };
    bool sign = strpbrk(row->match, "[(#0123456789") != NULL;
    if (literal < (sign ? SIGN_OCTETS : WORDS_OCTETS))
        return false;
    return code_fit(row, w) > 0 || literal >= LONG_OCTETS;
}

void wording_find(const struct wording_text *w, const struct server *server,
                  struct wording_hit *out)
{
    unsigned long best[2] = {0, 0}; /* another's, theirs */
    const struct explain_wording *hit[2] = {NULL, NULL}, *also = NULL;
    for (size_t i = 0; w->len > 0 && i < N_ROWS; i++) {
        size_t literal;
        bool theirs = is_theirs(rows[i].provider, server);
        unsigned long points = score(&rows[i], w, &literal);
        if (points == 0 || (w->klass != 0 && w->klass < 4 && code_fit(&rows[i], w) == 0))
            continue;
        if (!theirs && !tells_alone(&rows[i], w, literal))
            continue;
        if (!theirs && points >> 8 == best[0] >> 8 &&
            strcmp(rows[i].provider, hit[0]->provider) != 0)
            also = points > best[0] ? hit[0] : &rows[i];
        else if (!theirs && points > best[0])
            also = NULL;
        if (points > best[theirs]) {
            best[theirs] = points;
            hit[theirs] = &rows[i];
        }
    }
    out->sure = hit[1] != NULL;
    out->row = hit[1] ? hit[1] : hit[0];
    out->also = hit[1] ? NULL : also;
}
