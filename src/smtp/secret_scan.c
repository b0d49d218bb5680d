/* Masking of client lines while they arrive.
 *
 * Every octet is judged when it comes and never again, so the split of the stream cannot matter.
 * One octet is left out of that promise: a CR that ends a feed may be half of the line end and is
 * not counted as secret then; inside a feed it is. A CR tells nothing.
 *
 * What has to match is kept short: a word longer than .word is compared by its first octets and its
 * length (AUTHENTICATE). Octets up to SP, NUL and other controls too, part words: what a lax server
 * might take as a space must not carry a secret past us.
 */
#include "smtp/command.h"

#include "smtp/smtp_private.h"

#include <string.h>

enum phase {
    PHASE_VERB,      /* before or in the first word */
    PHASE_SECOND,    /* before or in the second word: "a1 LOGIN" may come */
    PHASE_MECHANISM, /* before or in the mechanism of AUTH */
    PHASE_GAP,       /* blanks before a secret */
    PHASE_SECRET,
    PHASE_AUTH_LINE, /* nothing yet of a line inside an AUTH exchange */
    PHASE_CLEAR      /* nothing secret can follow in this line */
};

/* Words behind which something secret stands. */
static const struct {
    const char *word;
    uint8_t len;
    bool second_only; /* an IMAP command behind its tag */
    uint8_t next;
} secret_words[] = {
    {"AUTH", 4, false, PHASE_MECHANISM}, /* RFC 4954 section 4 */
    {"PASS", 4, false, PHASE_GAP},       /* RFC 1939 section 7, typed at the wrong server */
    {"LOGIN", 5, false, PHASE_GAP},      /* RFC 9051 section 6.2.3 */
    {"LOGIN", 5, true, PHASE_GAP},
    {"AUTHENTICATE", 12, false, PHASE_MECHANISM}, /* RFC 9051 section 6.2.2 */
    {"AUTHENTICATE", 12, true, PHASE_MECHANISM},
};

void smtp_secret_scan_init(struct smtp_secret_scan *s)
{
    *s = (struct smtp_secret_scan){.phase = PHASE_VERB};
}

static bool word_is(const struct smtp_secret_scan *s, const char *word, size_t len)
{
    size_t kept = len < sizeof(s->word) ? len : sizeof(s->word);
    return s->word_len == len && memcmp(s->word, word, kept) == 0;
}

/* The phase behind the word just ended. */
static uint8_t phase_behind(const struct smtp_secret_scan *s)
{
    bool second = s->phase == PHASE_SECOND;
    if (s->phase == PHASE_MECHANISM)
        return PHASE_GAP;
    for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++)
        if (secret_words[i].second_only == second &&
            word_is(s, secret_words[i].word, secret_words[i].len))
            return secret_words[i].next;
    /* "AUTH=PLAIN" as old servers offered it, typed as it was seen. */
    if (!second && s->word_len > 5 && memcmp(s->word, "AUTH=", 5) == 0)
        return PHASE_GAP;
    return second ? PHASE_CLEAR : PHASE_SECOND;
}

static void add_to_word(struct smtp_secret_scan *s, uint8_t octet)
{
    if (octet >= 'a' && octet <= 'z')
        octet = (uint8_t)(octet - 'a' + 'A');
    if (s->word_len < sizeof(s->word))
        s->word[s->word_len] = (char)octet;
    if (s->word_len < UINT8_MAX)
        s->word_len++;
}

static bool is_gap(uint8_t octet)
{
    return octet == ' ' || octet == '\t' || octet == '\r';
}

/* One octet, no LF. Returns whether it is secret. */
static bool scan_octet(struct smtp_secret_scan *s, uint8_t octet)
{
    bool blank = octet <= ' ';
    switch ((enum phase)s->phase) {
    case PHASE_VERB:
    case PHASE_SECOND:
    case PHASE_MECHANISM:
        /* Controls end a mechanism but may begin one too: the next word is the secret in either
         * reading. */
        if (!blank || (s->phase == PHASE_MECHANISM && s->word_len == 0 && !is_gap(octet))) {
            add_to_word(s, octet);
        } else if (s->word_len > 0) {
            s->phase = phase_behind(s);
            s->word_len = 0;
        }
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
static void enter_auth(struct smtp_secret_scan *s)
{
    if (s->phase == PHASE_VERB && s->word_len == 0)
        s->phase = PHASE_AUTH_LINE;
    else if (s->phase != PHASE_AUTH_LINE)
        s->phase = PHASE_SECRET;
}

struct slice smtp_secret_scan_feed(struct smtp_secret_scan *s, bool in_auth, struct slice in)
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
    /* A secret goes on to the end of its line. */
    if (first < line.len && s->phase == PHASE_SECRET)
        secret = slice_skip(line, first);
    if (cr && lf < 0)
        (void)scan_octet(s, '\r');
    if (lf >= 0)
        smtp_secret_scan_init(s);
    return secret;
}

static void mask_line(struct slice line, bool in_auth, struct buf *out, bool *hidden)
{
    struct smtp_secret_scan scan;
    smtp_secret_scan_init(&scan);
    struct slice secret = smtp_secret_scan_feed(&scan, in_auth, line);
    if (secret.len == 0) {
        buf_append(out, line);
        return;
    }
    size_t at = (size_t)(secret.ptr - line.ptr);
    *hidden = true;
    buf_append(out, slice_take(line, at));
    for (size_t i = 0; i < secret.len; i++)
        buf_append_octet(out, '*');
    buf_append(out, slice_skip(line, at + secret.len));
}

bool smtp_line_masked(struct slice line, bool in_auth, struct buf *out)
{
    bool hidden = false;
    while (line.len > 0) {
        ptrdiff_t lf = slice_find_octet(line, '\n');
        size_t len = lf >= 0 ? (size_t)lf + 1 : line.len;
        mask_line(slice_take(line, len), in_auth, out, &hidden);
        line = slice_skip(line, len);
    }
    return hidden;
}
