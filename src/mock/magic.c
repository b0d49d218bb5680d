/* Reading magic addresses: see mock/magic.h for the grammar. */
#include "mock/magic.h"

#include <string.h>

enum { MAGIC_TIMES_MAX = 1000, MAGIC_DELAY_MAX_S = 600 };

static const struct {
    const char *word;
    enum magic_stage stage;
} stage_words[] = {
    {"mail", MAGIC_AT_MAIL},
    {"rcpt", MAGIC_AT_RCPT},
    {"data", MAGIC_AT_DATA},
    {"dot", MAGIC_AT_DOT},
};

static const struct {
    const char *word;
    enum magic_action action;
} action_words[] = {
    {"drop", MAGIC_DROP}, {"reset", MAGIC_RESET},   {"greylist", MAGIC_GREYLIST},
    {"full", MAGIC_FULL}, {"bounce", MAGIC_BOUNCE},
};

static bool digit(struct slice s, size_t at)
{
    return at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9';
}

static size_t digits(struct slice s)
{
    size_t n = 0;
    while (digit(s, n))
        n++;
    return n;
}

/* class "." subject "." detail (RFC 3463 section 2); returns octets used, 0: none. */
static size_t read_enhanced(struct slice s, char code_class, char *out, size_t out_octets)
{
    if (!digit(s, 0) || s.ptr[0] != (uint8_t)code_class)
        return 0;
    size_t at = 1;
    for (int part = 0; part < 2; part++) {
        if (at >= s.len || s.ptr[at] != '.')
            return 0;
        size_t n = digits(slice_skip(s, at + 1));
        if (n == 0 || n > 3)
            return 0;
        at += 1 + n;
    }
    if (at >= out_octets)
        return 0;
    memcpy(out, s.ptr, at);
    out[at] = '\0';
    return at;
}

/* code [ "-" enhanced ] [ "x" times ]; *rest moves behind it. */
static bool read_reply(struct slice *rest, struct magic *out)
{
    struct slice s = *rest;
    uint64_t value;
    if (digits(s) != 3 || !slice_to_u64(slice_take(s, 3), 599, &value) || value < 200)
        return false;
    out->action = MAGIC_REPLY;
    out->code = (unsigned)value;
    char code_class = (char)s.ptr[0];
    s = slice_skip(s, 3);
    if (s.len > 0 && s.ptr[0] == '-') {
        size_t used =
            read_enhanced(slice_skip(s, 1), code_class, out->enhanced, sizeof(out->enhanced));
        if (used == 0)
            return false;
        s = slice_skip(s, 1 + used);
    }
    if (s.len > 0 && (s.ptr[0] | 0x20) == 'x') {
        s = slice_skip(s, 1);
        size_t n = digits(s);
        if (n == 0 || !slice_to_u64(slice_take(s, n), MAGIC_TIMES_MAX, &value) || value == 0)
            return false;
        out->times = (unsigned)value;
        s = slice_skip(s, n);
    }
    *rest = s;
    return true;
}

static bool read_delay(struct slice *rest, struct magic *out)
{
    struct slice s = slice_skip(*rest, 5);
    size_t n = digits(s);
    uint64_t value;
    if (n == 0 || n > 6 || !slice_to_u64(slice_take(s, n), 999999, &value))
        return false;
    out->action = MAGIC_DELAY;
    out->delay_s = value > MAGIC_DELAY_MAX_S ? MAGIC_DELAY_MAX_S : (unsigned)value;
    *rest = slice_skip(s, n);
    return true;
}

static bool read_action(struct slice *rest, struct magic *out)
{
    if (digit(*rest, 0))
        return read_reply(rest, out);
    if (slice_starts_nocase(*rest, SLICE_LIT("delay")))
        return read_delay(rest, out);
    for (size_t i = 0; i < sizeof(action_words) / sizeof(action_words[0]); i++) {
        struct slice word = slice_cstr(action_words[i].word);
        if (!slice_starts_nocase(*rest, word))
            continue;
        out->action = action_words[i].action;
        *rest = slice_skip(*rest, word.len);
        return true;
    }
    return false;
}

static bool read_stage(struct slice s, struct magic *out)
{
    if (s.len == 0)
        return true;
    if (s.ptr[0] != '.')
        return false;
    for (size_t i = 0; i < sizeof(stage_words) / sizeof(stage_words[0]); i++)
        if (slice_eq_nocase(slice_skip(s, 1), slice_cstr(stage_words[i].word))) {
            out->stage = stage_words[i].stage;
            return true;
        }
    return false;
}

bool magic_parse(struct slice local_part, struct magic *out)
{
    memset(out, 0, sizeof(*out));
    size_t plus = local_part.len;
    while (plus > 0 && local_part.ptr[plus - 1] != '+')
        plus--;
    if (plus < 2) /* no "+", or no user before it */
        return false;
    struct slice rest = slice_skip(local_part, plus);
    if (read_action(&rest, out) && read_stage(rest, out))
        return true;
    memset(out, 0, sizeof(*out));
    return false;
}

static const struct magic_form forms[] = {
    {"any+550@", "this reply code; the enhanced code is chosen to fit"},
    {"any+450-4.2.0@", "this reply code with this enhanced status code"},
    {"any+450x2@", "refused the first 2 times, then accepted"},
    {"any+552.dot@", "at a stage: .mail .rcpt .data .dot, here the reply to the final dot"},
    {"any+delay5@", "the reply comes 5 seconds late (at most 600)"},
    {"any+drop.dot@", "the connection is closed instead of a reply"},
    {"any+reset.data@", "the connection is cut (RST) instead of a reply"},
    {"any+greylist@", "450 4.2.0 until 60 seconds after the first attempt of this sender"},
    {"any+full@", "452 4.2.2, the mailbox is full"},
    {"any+bounce@", "accepted, then bounced to the sender"},
    {"from+451@", "as sender: the reply to MAIL; with a stage, to that one"},
};

const struct magic_form *magic_form_at(size_t index)
{
    return index < sizeof(forms) / sizeof(forms[0]) ? &forms[index] : NULL;
}
