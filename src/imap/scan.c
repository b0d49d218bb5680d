/* Framing while octets arrive; what is secret in them is base/secret_scan's to say.
 *
 * A line is passed over with memchr; only the words in front, which say what is secret and whether
 * literals can follow, and the last octets before the line end, which may announce one, are looked
 * at one by one.
 */
#include "imap/scan.h"

#include <string.h>

static void begin(struct imap_scan *s)
{
    secret_scan_init(&s->secret);
    s->tail_len = s->words = s->word_len = 0;
    s->in_word = s->no_literal = false;
}

void imap_scan_init(struct imap_scan *s, bool server)
{
    memset(s, 0, sizeof(*s));
    s->server = server;
    begin(s);
}

bool imap_scan_at_start(const struct imap_scan *s)
{
    return s->literal_left == 0 && secret_scan_at_start(&s->secret) && s->words == 0 &&
           s->tail_len == 0;
}

void imap_scan_refused(struct imap_scan *s)
{
    s->literal_left = 0;
    begin(s);
}

/* ---- words of a response ---- */

static bool word_is(const struct imap_scan *s, const char *word)
{
    size_t len = strlen(word);
    return s->word_len == len && memcmp(s->word, word, len) == 0;
}

/* Behind "+", and behind OK, NO, BAD, BYE and PREAUTH as second word, stands text to the end of the
 * line: it announces no literal. */
static void word_ended(struct imap_scan *s)
{
    static const char *const textual[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};
    s->in_word = false;
    if (s->words == 1 && word_is(s, "+"))
        s->no_literal = true;
    for (size_t i = 0; s->words == 2 && i < sizeof(textual) / sizeof(textual[0]); i++)
        s->no_literal = s->no_literal || word_is(s, textual[i]);
}

static void response_words(struct imap_scan *s, struct slice line)
{
    for (size_t i = 0; i < line.len && s->words < 3; i++) {
        uint8_t octet = line.ptr[i];
        if (octet <= ' ') {
            if (s->in_word)
                word_ended(s);
            continue;
        }
        if (!s->in_word) {
            s->words++;
            s->word_len = 0;
        }
        s->in_word = true;
        if (octet >= 'a' && octet <= 'z')
            octet = (uint8_t)(octet - 'a' + 'A');
        if (s->word_len < sizeof(s->word))
            s->word[s->word_len] = (char)octet;
        s->word_len += s->word_len < UINT8_MAX;
    }
}

/* ---- announcements ---- */

static void tail_add(struct imap_scan *s, struct slice line)
{
    size_t cap = sizeof(s->tail);
    if (line.len >= cap) {
        memcpy(s->tail, line.ptr + line.len - cap, cap);
        s->tail_len = (uint8_t)cap;
        return;
    }
    size_t keep = s->tail_len + line.len <= cap ? s->tail_len : cap - line.len;
    memmove(s->tail, s->tail + s->tail_len - keep, keep);
    if (line.len > 0)
        memcpy(s->tail + keep, line.ptr, line.len);
    s->tail_len = (uint8_t)(keep + line.len);
}

/* The line has ended (its LF is not in the tail): does it announce a literal? */
static bool announced(const struct imap_scan *s, struct imap_piece *p)
{
    size_t n = s->tail_len;
    if (n > 0 && s->tail[n - 1] == '\r')
        n--;
    else
        p->rules |= IMAP_RULE_BIT(IMAP_RULE_BARE_LF);
    if (s->no_literal || n < 2 || s->tail[n - 1] != '}')
        return false;
    n--;
    p->sync = s->tail[n - 1] != '+';
    if (!p->sync)
        n--;
    uint64_t value = 0, scale = 1;
    size_t digits = 0;
    for (; n > 0 && s->tail[n - 1] >= '0' && s->tail[n - 1] <= '9'; n--, digits++) {
        /* 18 digits are below 2^63; leading zeros beyond them change nothing. */
        if (digits < 18)
            value += scale * (uint64_t)(s->tail[n - 1] - '0');
        else if (s->tail[n - 1] != '0')
            digits = sizeof(s->tail);
        scale *= digits < 18 ? 10 : 1;
    }
    bool ours = digits > 0 && digits < sizeof(s->tail) && n > 0 && s->tail[n - 1] == '{';
    /* "{}" and "{12x}" are text; digits without an end are meant as a size. */
    if (!ours && digits > 1 && (n == 0 || digits >= sizeof(s->tail)))
        p->rules |= IMAP_RULE_BIT(IMAP_RULE_LITERAL_SYNTAX);
    p->literal_octets = value;
    return ours;
}

/* ---- feeding ---- */

static void feed_literal(struct imap_scan *s, struct slice in, struct imap_piece *p)
{
    p->kind = IMAP_PIECE_LITERAL;
    p->used = s->literal_left < in.len ? (size_t)s->literal_left : in.len;
    s->literal_left -= p->used;
    p->literal_left = s->literal_left;
    if (!s->server && secret_scan_in_secret(&s->secret))
        p->secret = slice_take(in, p->used);
}

void imap_scan_feed(struct imap_scan *s, enum imap_line_kind kind, struct slice in,
                    struct imap_piece *p)
{
    *p = (struct imap_piece){.kind = IMAP_PIECE_PART};
    if (s->literal_left > 0) {
        feed_literal(s, in, p);
        return;
    }
    const uint8_t *lf = memchr(in.ptr, '\n', in.len);
    p->used = lf ? (size_t)(lf - in.ptr) + 1 : in.len;
    struct slice line = slice_take(in, p->used - (lf ? 1 : 0));
    if (kind == IMAP_LINE_AUTH || kind == IMAP_LINE_IDLE)
        s->no_literal = true;
    if (s->server && line.len > 0 && memchr(line.ptr, '\0', line.len))
        p->rules |= IMAP_RULE_BIT(IMAP_RULE_NUL);
    if (s->server)
        response_words(s, line);
    else
        p->secret = secret_scan_line(&s->secret, kind == IMAP_LINE_AUTH || kind == IMAP_LINE_EARLY,
                                     slice_take(in, p->used));
    tail_add(s, line);
    if (!lf)
        return;
    if (s->in_word)
        word_ended(s); /* "* BYE" may end right there */
    if (!announced(s, p)) {
        p->kind = IMAP_PIECE_END;
        begin(s);
        return;
    }
    p->kind = IMAP_PIECE_ANNOUNCE;
    s->literal_left = p->literal_octets;
    s->tail_len = 0;
    s->words = 3; /* a literal stands for a word: what follows it is neither tag nor status */
    secret_scan_literal(&s->secret);
}
