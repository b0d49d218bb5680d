/* What differs from run to run, by its form. Words are runs of letters, digits and . - _ @ + :
 * between other octets; each is judged by itself and by the word before it. Meant for comparing, so
 * a word that is taken for noise by mistake hides a difference: the rules ask for digits and
 * letters together.
 */
#include <string.h>

#include "base/mem.h"
#include "report/diff.h"

static const char *const noise_words[] = {"dates and times",
                                          "queue ids",
                                          "message ids",
                                          "sizes",
                                          "the client's name and address",
                                          "secrets",
                                          "boundaries",
                                          "numbers of the mailbox"};

void noise_format(unsigned set, struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < sizeof(noise_words) / sizeof(*noise_words); i++) {
        if (!(set >> i & 1))
            continue;
        buf_printf(out, "%s%s", any ? ", " : "", noise_words[i]);
        any = true;
    }
}

struct shape {
    size_t digits, letters, dots, colons, dashes, ats, stars, others;
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct shape shape_of(struct slice w)
{
    struct shape s = {0};
    for (size_t i = 0; i < w.len; i++) {
        uint8_t c = w.ptr[i];
        size_t *count = is_digit(c)    ? &s.digits
                        : is_letter(c) ? &s.letters
                        : c == '.'     ? &s.dots
                        : c == ':'     ? &s.colons
                        : c == '-'     ? &s.dashes
                        : c == '@'     ? &s.ats
                        : c == '*'     ? &s.stars
                                       : &s.others;
        (*count)++;
    }
    return s;
}

static bool one_of(struct slice w, const char *const *list)
{
    for (; *list; list++)
        if (slice_eq_nocase(w, slice_cstr(*list)))
            return true;
    return false;
}

static const char *const date_words[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun",
                                         "Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug",
                                         "Sep", "Oct", "Nov", "Dec", NULL};
/* Words that belong to a date that has begun. */
static const char *const zone_words[] = {"GMT", "UTC", "May", "CET", "CEST",
                                         "EST", "EDT", "PST", "PDT", NULL};
static const char *const uid_words[] = {"UIDVALIDITY", "UIDNEXT", "APPENDUID", "COPYUID", NULL};
static const char *const id_words[] = {"as", "id", "queue-id", NULL};

static bool is_time(struct slice w, const struct shape *s)
{
    return s->letters == 0 && s->colons > 0 && s->colons <= 2 && s->digits >= 3 &&
           s->digits + s->colons + s->dots == w.len;
}

static bool is_iso_date(struct slice w)
{
    return w.len >= 10 && w.ptr[4] == '-' && w.ptr[7] == '-' && is_digit(w.ptr[0]) &&
           is_digit(w.ptr[5]) && is_digit(w.ptr[8]);
}

static bool is_zone(struct slice w)
{
    return w.len == 5 && (w.ptr[0] == '+' || w.ptr[0] == '-') && is_digit(w.ptr[1]) &&
           is_digit(w.ptr[4]);
}

/* Ends in a label of letters: a host, not an id. */
static bool is_host(struct slice w, const struct shape *s)
{
    size_t label = 0;
    while (label < w.len && is_letter(w.ptr[w.len - 1 - label]))
        label++;
    return s->dots > 0 && label >= 2 && label < w.len && w.ptr[w.len - 1 - label] == '.';
}

static bool is_id(struct slice w, const struct shape *s)
{
    if (s->ats > 0 || s->letters == 0 || is_host(w, s))
        return false;
    return w.len >= 6 && s->digits >= 3 && s->letters + s->digits >= 6 - 1;
}

static bool is_message_id(struct slice w, const struct shape *s)
{
    ptrdiff_t at = slice_find_octet(w, '@');
    if (s->ats != 1 || at < 12)
        return false;
    struct shape local = shape_of(slice_take(w, (size_t)at));
    return local.digits >= 4;
}

struct normaliser {
    struct buf *out;
    struct slice client, address;
    struct slice before; /* the word before, as it was */
    unsigned *seen;
    unsigned last; /* noise written last, with nothing but blanks and commas since */
};

static void put(struct normaliser *n, unsigned noise)
{
    static const char *const names[] = {"<date>",   "<id>",     "<message-id>", "<size>",
                                        "<client>", "<secret>", "<boundary>",   "<uid>"};
    *n->seen |= noise;
    if (n->last == noise && noise == NOISE_DATE)
        return;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (noise >> i & 1)
            buf_append_cstr(n->out, names[i]);
    n->last = noise;
}

static unsigned classify(const struct normaliser *n, struct slice w, struct slice behind)
{
    struct shape s = shape_of(w);
    bool number = s.digits == w.len;
    struct slice rest = behind;
    struct slice unit = slice_next_word(&rest);
    if ((n->client.len > 0 && slice_eq_nocase(w, n->client)) ||
        (n->address.len > 0 && slice_eq(w, n->address)))
        return NOISE_CLIENT;
    if (s.stars >= 4 && s.stars == w.len)
        return NOISE_SECRET;
    /* APPENDUID and COPYUID have more than one. */
    if (s.digits > 0 && s.digits + s.colons == w.len &&
        (n->last == NOISE_UID || one_of(n->before, uid_words)))
        return NOISE_UID;
    if (one_of(w, date_words) || is_time(w, &s) || is_iso_date(w))
        return NOISE_DATE;
    if (n->last == NOISE_DATE && (one_of(w, zone_words) || is_zone(w) || (number && w.len <= 4)))
        return NOISE_DATE;
    if (number && (w.len >= 5 || slice_eq_nocase(n->before, SLICE_LIT("SIZE")) ||
                   slice_starts_nocase(unit, SLICE_LIT("octets")) ||
                   slice_starts_nocase(unit, SLICE_LIT("bytes"))))
        return NOISE_SIZE;
    if (is_message_id(w, &s))
        return NOISE_MESSAGE_ID;
    if (is_id(w, &s) || (one_of(n->before, id_words) && w.len >= 6 && s.ats == 0))
        return NOISE_ID;
    return 0;
}

static bool word_octet(uint8_t c)
{
    return is_digit(c) || is_letter(c) || (c && strchr(".-_@+:*", c) != NULL);
}

/* "23 Nov 2026" without a weekday: the day stands before what shows that it is one. */
static void take_back_day(struct normaliser *n)
{
    size_t end = n->out->len;
    while (end > 0 && n->out->ptr[end - 1] == ' ')
        end--;
    size_t start = end;
    while (start > 0 && is_digit(n->out->ptr[start - 1]))
        start--;
    if (end - start == 1 || end - start == 2)
        n->out->len = start;
}

void noise_normalise(struct slice line, struct slice client, struct slice address, struct buf *out,
                     unsigned *seen_inout)
{
    struct normaliser n = {.out = out, .client = client, .address = address, .seen = seen_inout};
    size_t pending = 0; /* octets since a date that are dropped where the date goes on */
    for (size_t at = 0; at < line.len;) {
        size_t end = at;
        while (end < line.len && word_octet(line.ptr[end]))
            end++;
        while (end > at && end - at > 1 && (line.ptr[end - 1] == '.' || line.ptr[end - 1] == ':'))
            end--;
        if (end == at) {
            uint8_t c = line.ptr[at++];
            buf_append_octet(out, c);
            pending++;
            if (c != ' ' && c != ',' && c != '(' && c != ')' && c != '\t')
                n.last = 0;
            continue;
        }
        struct slice word = slice_of(line.ptr + at, end - at);
        unsigned noise = classify(&n, word, slice_skip(line, end));
        if (noise == NOISE_DATE && n.last == NOISE_DATE)
            out->len -= pending <= out->len ? pending : 0;
        else if (noise == NOISE_DATE && one_of(word, date_words))
            take_back_day(&n);
        if (noise)
            put(&n, noise);
        else
            buf_append(out, word);
        if (!noise)
            n.last = 0;
        pending = 0;
        n.before = word;
        at = end;
    }
}
