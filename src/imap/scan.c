/* Framing and masking while octets arrive.
 *
 * A line is passed over with memchr; only the words in front, which say what is secret and whether
 * literals can follow, and the last octets before the line end, which may announce one, are looked
 * at one by one. What has to match is kept short: a word longer than .word is compared by its first
 * octets and its length (AUTHENTICATE). Octets up to SP part words: what a lax server might take as
 * a space must not carry a secret past us.
 *
 * A CR that ends a feed may be half of a line end and is not counted as secret then; inside a feed
 * it is. A CR tells nothing.
 */
#include "imap/scan.h"

#include <string.h>

enum phase {
    PHASE_FIRST,     /* before or in the first word: the tag, or a command typed without one */
    PHASE_SECOND,    /* before or in the second word */
    PHASE_MECHANISM, /* before or in the mechanism of AUTHENTICATE */
    PHASE_GAP,       /* blanks before a secret */
    PHASE_SECRET,    /* to the end of the command */
    PHASE_AUTH_LINE, /* nothing yet of a line inside an AUTHENTICATE exchange */
    PHASE_CLEAR      /* nothing secret can follow in this command */
};

/* Words behind which something secret stands; as first words they are commands typed without a
 * tag, or for another protocol. */
static const struct {
    const char *word;
    uint8_t len;
    uint8_t next;
} secret_words[] = {
    {"LOGIN", 5, PHASE_GAP},               /* RFC 9051 section 6.2.3 */
    {"AUTHENTICATE", 12, PHASE_MECHANISM}, /* RFC 9051 section 6.2.2 */
    {"AUTH", 4, PHASE_MECHANISM},          /* RFC 4954 section 4, typed at the wrong server */
    {"PASS", 4, PHASE_GAP},                /* RFC 1939 section 7 */
};

static void begin(struct imap_scan *s)
{
    s->phase = PHASE_FIRST;
    s->word_len = 0;
    s->tail_len = 0;
    s->no_literal = false;
}

void imap_scan_init(struct imap_scan *s, bool server)
{
    memset(s, 0, sizeof(*s));
    s->server = server;
    begin(s);
}

bool imap_scan_at_start(const struct imap_scan *s)
{
    return s->literal_left == 0 && s->phase == PHASE_FIRST && s->word_len == 0 && s->tail_len == 0;
}

void imap_scan_refused(struct imap_scan *s)
{
    s->literal_left = 0;
    begin(s);
}

/* ---- words ---- */

static bool word_is(const struct imap_scan *s, const char *word, size_t len)
{
    size_t kept = len < sizeof(s->word) ? len : sizeof(s->word);
    return s->word_len == len && memcmp(s->word, word, kept) == 0;
}

static uint8_t phase_behind(struct imap_scan *s)
{
    static const char *const textual[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};
    if (s->phase == PHASE_MECHANISM)
        return PHASE_GAP;
    if (s->server) {
        if (s->phase == PHASE_FIRST) {
            s->no_literal = word_is(s, "+", 1);
            return s->no_literal ? PHASE_CLEAR : PHASE_SECOND;
        }
        for (size_t i = 0; i < sizeof(textual) / sizeof(textual[0]); i++)
            s->no_literal = s->no_literal || word_is(s, textual[i], strlen(textual[i]));
        return PHASE_CLEAR;
    }
    for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++)
        if (word_is(s, secret_words[i].word, secret_words[i].len))
            return secret_words[i].next;
    return s->phase == PHASE_FIRST ? PHASE_SECOND : PHASE_CLEAR;
}

static void add_to_word(struct imap_scan *s, uint8_t octet)
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

/* One octet of a line, no LF. Returns whether it is secret. */
static bool scan_octet(struct imap_scan *s, uint8_t octet)
{
    bool blank = octet <= ' ';
    switch ((enum phase)s->phase) {
    case PHASE_FIRST:
    case PHASE_SECOND:
    case PHASE_MECHANISM:
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
        /* "*" gives up and is no secret; as a first octet it belongs to no base64. */
        s->phase = PHASE_SECRET;
        return octet != '*';
    case PHASE_SECRET:
        return true;
    case PHASE_CLEAR:
        return false;
    }
    return true;
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
    if (!s->server && (s->phase == PHASE_SECRET || s->phase == PHASE_GAP)) {
        s->phase = PHASE_SECRET;
        p->secret = slice_take(in, p->used);
    }
}

static void enter_auth(struct imap_scan *s)
{
    if (s->phase == PHASE_FIRST && s->word_len == 0)
        s->phase = PHASE_AUTH_LINE;
    else if (s->phase != PHASE_AUTH_LINE)
        s->phase = PHASE_SECRET;
}

/* The secret part of a piece of a line: once begun it goes on to the end of the command. */
static struct slice scan_words(struct imap_scan *s, struct slice line)
{
    size_t first = 0;
    while (first < line.len && s->phase != PHASE_CLEAR && !scan_octet(s, line.ptr[first]))
        first++;
    if (first < line.len && s->phase == PHASE_SECRET)
        return slice_skip(line, first);
    return slice_of(NULL, 0);
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
    struct slice whole = lf ? slice_take(in, (size_t)(lf - in.ptr)) : in;
    struct slice line = whole;
    bool cr = line.len > 0 && line.ptr[line.len - 1] == '\r';
    if (cr)
        line.len--;
    if (kind == IMAP_LINE_AUTH || kind == IMAP_LINE_EARLY)
        enter_auth(s);
    if (kind == IMAP_LINE_AUTH || kind == IMAP_LINE_IDLE)
        s->no_literal = true;
    p->secret = scan_words(s, line);
    if (cr && !lf)
        (void)scan_octet(s, '\r');
    tail_add(s, whole);
    p->used = whole.len + (lf ? 1 : 0);
    if (!lf)
        return;
    if (s->server && (s->phase == PHASE_FIRST || s->phase == PHASE_SECOND))
        (void)phase_behind(s); /* "* BYE" may end right there */
    if (!announced(s, p)) {
        p->kind = IMAP_PIECE_END;
        begin(s);
        return;
    }
    p->kind = IMAP_PIECE_ANNOUNCE;
    s->literal_left = p->literal_octets;
    s->tail_len = 0;
    /* A literal stands for a word: what follows it is neither tag nor verb. */
    if (s->phase == PHASE_MECHANISM)
        s->phase = PHASE_SECRET;
    else if (s->phase != PHASE_SECRET && s->phase != PHASE_GAP)
        s->phase = PHASE_CLEAR;
}

/* ---- typed lines ---- */

bool imap_line_masked(struct slice line, bool in_auth, struct buf *out)
{
    struct imap_scan s;
    bool hidden = false;
    imap_scan_init(&s, false);
    while (line.len > 0) {
        struct imap_piece p;
        imap_scan_feed(&s, in_auth ? IMAP_LINE_AUTH : IMAP_LINE_COMMAND, line, &p);
        size_t at = p.secret.len > 0 ? (size_t)(p.secret.ptr - line.ptr) : p.used;
        buf_append(out, slice_take(line, at));
        for (size_t i = 0; i < p.secret.len; i++)
            buf_append_octet(out, '*');
        hidden = hidden || p.secret.len > 0;
        if (p.secret.len > 0)
            buf_append(out,
                       slice_take(slice_skip(line, at + p.secret.len), p.used - at - p.secret.len));
        line = slice_skip(line, p.used);
    }
    return hidden;
}
