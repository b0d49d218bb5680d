/* Masking of client lines while they arrive (the model: src/smtp/secret_scan.c).
 *
 * Every octet is judged when it comes and never again, so the split of the stream cannot matter.
 * Any octet up to SP parts words: what a lax server might take as a space must not carry a secret
 * past us. */
#include "pop3/command.h"

#include <string.h>

enum phase {
    PHASE_VERB,  /* before or in the first word */
    PHASE_PLAIN, /* before or in a word that may show; the next one is secret */
    PHASE_GAP,   /* blanks before a secret */
    PHASE_SECRET,
    PHASE_AUTH_LINE, /* nothing yet of a line inside an AUTH exchange */
    PHASE_CLEAR      /* nothing secret can follow in this line */
};

static const struct {
    const char *word;
    uint8_t next;
} secret_words[] = {{"PASS", PHASE_GAP}, {"APOP", PHASE_PLAIN}, {"AUTH", PHASE_PLAIN}};

void pop3_secret_scan_init(struct pop3_secret_scan *s)
{
    *s = (struct pop3_secret_scan){.phase = PHASE_VERB};
}

static uint8_t phase_behind_verb(const struct pop3_secret_scan *s)
{
    for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++)
        if (s->word_len == 4 && memcmp(s->word, secret_words[i].word, 4) == 0)
            return secret_words[i].next;
    return PHASE_CLEAR;
}

static void add_to_word(struct pop3_secret_scan *s, uint8_t octet)
{
    if (octet >= 'a' && octet <= 'z')
        octet = (uint8_t)(octet - 'a' + 'A');
    if (s->word_len < sizeof(s->word))
        s->word[s->word_len] = (char)octet;
    if (s->word_len < UINT8_MAX)
        s->word_len++;
}

/* One octet, no LF. Returns whether it is secret. */
static bool scan_octet(struct pop3_secret_scan *s, uint8_t octet)
{
    bool blank = octet <= ' ';
    switch ((enum phase)s->phase) {
    case PHASE_VERB:
    case PHASE_PLAIN:
        if (!blank) {
            add_to_word(s, octet);
        } else if (s->word_len > 0) {
            s->phase = s->phase == PHASE_VERB ? phase_behind_verb(s) : PHASE_GAP;
            s->word_len = 0;
        }
        return false;
    case PHASE_GAP:
        if (!blank)
            s->phase = PHASE_SECRET;
        return !blank;
    case PHASE_AUTH_LINE:
        s->phase = PHASE_SECRET; /* "*" gives up and is no secret; it begins no base64 */
        return octet != '*';
    case PHASE_SECRET:
        return true;
    case PHASE_CLEAR:
        return false;
    }
    return true;
}

static void enter_auth(struct pop3_secret_scan *s)
{
    if (s->phase == PHASE_VERB && s->word_len == 0)
        s->phase = PHASE_AUTH_LINE;
    else if (s->phase != PHASE_AUTH_LINE)
        s->phase = PHASE_SECRET;
}

struct slice pop3_secret_scan_feed(struct pop3_secret_scan *s, bool in_auth, struct slice in)
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
    if (lf >= 0)
        pop3_secret_scan_init(s);
    return secret;
}

static bool mask_line(struct slice line, bool in_auth, struct buf *out)
{
    struct pop3_secret_scan scan;
    pop3_secret_scan_init(&scan);
    struct slice secret = pop3_secret_scan_feed(&scan, in_auth, line);
    size_t at = secret.len > 0 ? (size_t)(secret.ptr - line.ptr) : line.len;
    buf_append(out, slice_take(line, at));
    for (size_t i = 0; i < secret.len; i++)
        buf_append_octet(out, '*');
    buf_append(out, slice_skip(line, at + secret.len));
    return secret.len > 0;
}

bool pop3_line_masked(struct slice line, bool in_auth, struct buf *out)
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
