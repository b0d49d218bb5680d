/* Masking of client lines while they arrive.
 *
 * What has to match is kept short: a word longer than .word is compared by its first octets and its
 * length. Octets up to SP, NUL and other controls too, part words: what a lax server might take as
 * a space must not carry a secret past us. For the same reason a secret may begin right behind its
 * command where it is quoted, in parentheses or a literal.
 */
#include "base/secret_scan.h"

#include <string.h>

enum phase {
    PHASE_FIRST,     /* before or in the first word */
    PHASE_SECOND,    /* before or in the second word: the first may have been a tag */
    PHASE_MECHANISM, /* before or in a word that may show; the next one is secret */
    PHASE_GAP,       /* blanks before a secret */
    PHASE_SECRET,
    PHASE_AUTH_LINE, /* nothing yet of a line inside an AUTH exchange */
    PHASE_CLEAR      /* nothing secret can follow in this line */
};

/* Words behind which something secret stands. */
static const struct {
    const char *word;
    uint8_t len;
    uint8_t next;
} secret_words[] = {
    {"AUTH", 4, PHASE_MECHANISM},          /* RFC 4954 section 4, RFC 5034 section 4 */
    {"PASS", 4, PHASE_GAP},                /* RFC 1939 section 7 */
    {"APOP", 4, PHASE_MECHANISM},          /* RFC 1939 section 7 */
    {"LOGIN", 5, PHASE_GAP},               /* RFC 9051 section 6.2.3 */
    {"AUTHENTICATE", 12, PHASE_MECHANISM}, /* RFC 9051 section 6.2.2 */
};

void secret_scan_init(struct secret_scan *s)
{
    *s = (struct secret_scan){.phase = PHASE_FIRST};
}

bool secret_scan_at_start(const struct secret_scan *s)
{
    return s->phase == PHASE_FIRST && s->word_len == 0;
}

bool secret_scan_in_secret(const struct secret_scan *s)
{
    return s->phase == PHASE_SECRET || s->phase == PHASE_GAP;
}

/* The phase behind the word just ended. */
static enum phase phase_behind(const struct secret_scan *s)
{
    if (s->phase == PHASE_MECHANISM)
        return PHASE_GAP;
    for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++)
        if (s->word_len == secret_words[i].len &&
            memcmp(s->word, secret_words[i].word, s->word_len) == 0)
            return (enum phase)secret_words[i].next;
    if (s->phase == PHASE_SECOND)
        return PHASE_CLEAR;
    /* "AUTH=PLAIN" as old servers offered it, typed as it was seen. */
    return s->word_len > 5 && memcmp(s->word, "AUTH=", 5) == 0 ? PHASE_GAP : PHASE_SECOND;
}

static void add_to_word(struct secret_scan *s, uint8_t octet)
{
    if (octet >= 'a' && octet <= 'z')
        octet = (uint8_t)(octet - 'a' + 'A');
    if (s->word_len < sizeof(s->word))
        s->word[s->word_len] = (char)octet;
    if (s->word_len < UINT8_MAX)
        s->word_len++;
}

/* An octet that belongs to a word. Returns whether it is secret. */
static bool word_octet(struct secret_scan *s, uint8_t octet)
{
    bool opens = octet == '"' || octet == '(' || octet == '{';
    enum phase behind = opens && s->word_len > 0 ? phase_behind(s) : PHASE_CLEAR;
    if (s->phase != PHASE_MECHANISM && (behind == PHASE_GAP || behind == PHASE_MECHANISM)) {
        s->phase = PHASE_SECRET;
        return true;
    }
    add_to_word(s, octet);
    return false;
}

/* One octet, no LF. Returns whether it is secret. */
static bool scan_octet(struct secret_scan *s, uint8_t octet)
{
    bool blank = octet <= ' ', gap = octet == ' ' || octet == '\t' || octet == '\r';
    switch ((enum phase)s->phase) {
    case PHASE_FIRST:
    case PHASE_SECOND:
    case PHASE_MECHANISM:
        /* Controls end a mechanism but may begin one too: the next word is the secret in either
         * reading. */
        if (!blank || (s->phase == PHASE_MECHANISM && s->word_len == 0 && !gap))
            return word_octet(s, octet);
        if (s->word_len > 0)
            s->phase = (uint8_t)phase_behind(s);
        s->word_len = 0;
        return false;
    case PHASE_GAP:
        if (!blank)
            s->phase = PHASE_SECRET;
        return !blank;
    case PHASE_AUTH_LINE:
        /* "*" gives up and is no secret (RFC 4954 section 4); as a first octet it belongs to no
         * base64. */
        s->phase = PHASE_SECRET;
        return octet != '*';
    case PHASE_SECRET:
        return true;
    case PHASE_CLEAR:
        return false;
    }
    return true;
}

/* A line inside an AUTH exchange, from here on. */
static void enter_auth(struct secret_scan *s)
{
    if (secret_scan_at_start(s))
        s->phase = PHASE_AUTH_LINE;
    else if (s->phase != PHASE_AUTH_LINE)
        s->phase = PHASE_SECRET;
}

struct slice secret_scan_line(struct secret_scan *s, bool in_auth, struct slice in)
{
    ptrdiff_t lf = slice_find_octet(in, '\n');
    struct slice line = lf >= 0 ? slice_take(in, (size_t)lf) : in;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    bool cr = in.len > line.len && in.ptr[line.len] == '\r';
    if (in_auth && in.len > 0)
        enter_auth(s);
    size_t first = 0;
    while (first < line.len && s->phase != PHASE_CLEAR && !scan_octet(s, line.ptr[first]))
        first++;
    struct slice secret = slice_of(NULL, 0);
    if (first < line.len && s->phase == PHASE_SECRET) /* it goes on to the end of its line */
        secret = slice_skip(line, first);
    if (cr && lf < 0)
        (void)scan_octet(s, '\r');
    return secret;
}

struct slice secret_scan_feed(struct secret_scan *s, bool in_auth, struct slice in)
{
    struct slice secret = secret_scan_line(s, in_auth, in);
    if (slice_find_octet(in, '\n') >= 0)
        secret_scan_init(s);
    return secret;
}

void secret_scan_literal(struct secret_scan *s)
{
    bool due =
        secret_scan_in_secret(s) || s->phase == PHASE_MECHANISM || s->phase == PHASE_AUTH_LINE;
    s->phase = due ? PHASE_SECRET : PHASE_CLEAR;
}

static bool mask_line(struct slice line, bool in_auth, struct buf *out)
{
    struct secret_scan scan;
    secret_scan_init(&scan);
    struct slice secret = secret_scan_feed(&scan, in_auth, line);
    size_t at = secret.len > 0 ? (size_t)(secret.ptr - line.ptr) : line.len;
    buf_append(out, slice_take(line, at));
    for (size_t i = 0; i < secret.len; i++)
        buf_append_octet(out, '*');
    buf_append(out, slice_skip(line, at + secret.len));
    return secret.len > 0;
}

bool secret_line_masked(struct slice line, bool in_auth, struct buf *out)
{
    bool hidden = false;
    while (line.len > 0) {
        ptrdiff_t lf = slice_find_octet(line, '\n');
        size_t len = lf >= 0 ? (size_t)lf + 1 : line.len;
        hidden = mask_line(slice_take(line, len), in_auth, out) || hidden;
        line = slice_skip(line, len);
    }
    return hidden;
}
