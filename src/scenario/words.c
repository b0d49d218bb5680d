/* The words of scenario files: looking them up, guessing what was meant, numbers and times. */
#include "scenario/scenario_private.h"

#include <string.h>

const char *const scenario_stage_words[] = {
#define STAGE(id, word, help) [SCENARIO_STAGE_##id] = (word),
#include "scenario/words.def"
};
const char *const scenario_fact_words[] = {
#define FACT(id, word, help) [SCENARIO_FACT_##id] = (word),
#include "scenario/words.def"
};
const char *const scenario_do_words[] = {
#define ACTION(id, word, argument, decides, form, help) [SCENARIO_DO_##id] = (word),
#include "scenario/words.def"
};
const char *const scenario_limit_words[] = {
#define LIMIT(id, word, form, help) [SCENARIO_LIMIT_##id] = (word),
#include "scenario/words.def"
};
const char *const scenario_setting_words[] = {
#define SETTING(id, word, form, help) [SCENARIO_SETTING_##id] = (word),
#include "scenario/words.def"
};
const char *const scenario_switch_words[] = {
#define SWITCH(id, word, form, help) [SCENARIO_SWITCH_##id] = (word),
#include "scenario/words.def"
};
const char *const scenario_service_words[] = {
    [SCENARIO_SMTP] = "smtp",
    [SCENARIO_LMTP] = "lmtp",
    [SCENARIO_SUBMISSION] = "submission",
    [SCENARIO_SUBMISSIONS] = "submissions",
    [SCENARIO_POP3] = "pop3",
    [SCENARIO_POP3S] = "pop3s",
    [SCENARIO_IMAP] = "imap",
    [SCENARIO_IMAPS] = "imaps",
};
const char *const scenario_cert_words[] = {
    [SCENARIO_CERT_OK] = "ok",
    [SCENARIO_CERT_EXPIRED] = "expired",
    [SCENARIO_CERT_FUTURE] = "future",
    [SCENARIO_CERT_WRONGHOST] = "wronghost",
    [SCENARIO_CERT_SELFSIGNED] = "selfsigned",
    [SCENARIO_CERT_UNKNOWNCA] = "unknownca",
    [SCENARIO_CERT_NOCHAIN] = "nochain",
    [SCENARIO_CERT_EKU] = "eku",
    [SCENARIO_CERT_RSA1024] = "rsa1024",
    [SCENARIO_CERT_SHA1] = "sha1",
    [SCENARIO_CERT_SNI] = "sni",
};

static const struct scenario_action_word action_words[] = {
#define ACTION(id, word, argument, decides, form, help)                                            \
    [SCENARIO_DO_##id] = {(word), ARGUMENT_##argument, (decides) != 0},
#include "scenario/words.def"
};

static const struct scenario_word stage_help[] = {
#define STAGE(id, word, help) {(word), "", (help)},
#include "scenario/words.def"
};
static const struct scenario_word fact_help[] = {
#define FACT(id, word, help) {(word), "", (help)},
#include "scenario/words.def"
};
static const struct scenario_word limit_help[] = {
#define LIMIT(id, word, form, help) {(word), (form), (help)},
#include "scenario/words.def"
};
static const struct scenario_word do_help[] = {
#define ACTION(id, word, argument, decides, form, help) {(word), (form), (help)},
#include "scenario/words.def"
};
static const struct scenario_word setting_help[] = {
#define SETTING(id, word, form, help) {(word), (form), (help)},
#include "scenario/words.def"
};
static const struct scenario_word switch_help[] = {
#define SWITCH(id, word, form, help) {(word), (form), (help)},
#include "scenario/words.def"
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool scenario_word_at(enum scenario_vocabulary v, size_t index, struct scenario_word *out)
{
    static const struct {
        const struct scenario_word *rows;
        size_t n;
    } all[] = {
        [SCENARIO_STAGES] = {stage_help, COUNT(stage_help)},
        [SCENARIO_FACTS] = {fact_help, COUNT(fact_help)},
        [SCENARIO_LIMITS] = {limit_help, COUNT(limit_help)},
        [SCENARIO_DOS] = {do_help, COUNT(do_help)},
        [SCENARIO_SETTINGS] = {setting_help, COUNT(setting_help)},
        [SCENARIO_SWITCHES] = {switch_help, COUNT(switch_help)},
    };
    if ((unsigned)v >= COUNT(all) || index >= all[v].n)
        return false;
    *out = all[v].rows[index];
    return true;
}

const char *scenario_stage_word(enum scenario_stage stage)
{
    return (unsigned)stage < SCENARIO_STAGE__COUNT ? scenario_stage_words[stage] : NULL;
}

const char *scenario_fact_word(enum scenario_fact fact)
{
    return (unsigned)fact < SCENARIO_FACT__COUNT ? scenario_fact_words[fact] : NULL;
}

const char *scenario_do_word(enum scenario_do action)
{
    return (unsigned)action < SCENARIO_DO__COUNT ? scenario_do_words[action] : NULL;
}

const char *scenario_service_word(enum scenario_service service)
{
    return (unsigned)service < SCENARIO_SERVICE__COUNT ? scenario_service_words[service] : NULL;
}

const char *scenario_cert_word(enum scenario_cert cert)
{
    return (unsigned)cert < SCENARIO_CERT__COUNT ? scenario_cert_words[cert] : NULL;
}

const struct scenario_action_word *scenario_action_word(enum scenario_do what)
{
    return &action_words[what];
}

int scenario_find(const char *const *words, size_t n_words, struct slice word)
{
    for (size_t i = 0; i < n_words; i++)
        if (slice_eq_nocase(word, slice_cstr(words[i])))
            return (int)i;
    return -1;
}

/* ---- what was meant ---- */

enum { GUESS_MAX_OCTETS = 24 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours between the two. */
static size_t distance(struct slice a, struct slice b)
{
    size_t rows[3][GUESS_MAX_OCTETS + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    if (a.len > GUESS_MAX_OCTETS || b.len > GUESS_MAX_OCTETS)
        return SIZE_MAX;
    memset(rows, 0, sizeof(rows));
    for (size_t j = 0; j <= b.len; j++)
        above[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = octet_lower(a.ptr[i - 1]) == octet_lower(b.ptr[j - 1]);
            row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && octet_lower(a.ptr[i - 1]) == octet_lower(b.ptr[j - 2]) &&
                octet_lower(a.ptr[i - 2]) == octet_lower(b.ptr[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b.len];
}

const char *scenario_nearest(const char *const *words, size_t n_words, struct slice typed,
                             const char *so_far, size_t *best)
{
    for (size_t i = 0; i < n_words; i++) {
        struct slice word = slice_cstr(words[i]);
        size_t d = distance(typed, word);
        size_t allowed = word.len <= 3 ? 1 : word.len / 3 + 1;
        if (d <= allowed && d < *best) {
            *best = d;
            so_far = words[i];
        }
    }
    return so_far;
}

/* ---- numbers ---- */

/* Digits, then a unit out of the table; the product must fit. */
struct unit {
    const char *word;
    uint64_t factor;
};

static bool with_unit(struct slice text, const struct unit *units, size_t n_units,
                      uint64_t *value_out)
{
    size_t n = 0;
    while (n < text.len && text.ptr[n] >= '0' && text.ptr[n] <= '9')
        n++;
    uint64_t value;
    if (n == 0 || !slice_to_u64(slice_take(text, n), UINT64_MAX, &value))
        return false;
    for (size_t i = 0; i < n_units; i++) {
        if (!slice_eq_nocase(slice_skip(text, n), slice_cstr(units[i].word)))
            continue;
        if (value > (uint64_t)INT64_MAX / units[i].factor)
            return false;
        *value_out = value * units[i].factor;
        return true;
    }
    return false;
}

bool scenario_duration(struct slice text, uint64_t *ms_out)
{
    static const struct unit units[] = {{"", 1000},   {"s", 1000},    {"ms", 1},
                                        {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    return with_unit(text, units, COUNT(units), ms_out);
}

bool scenario_number(struct slice text, uint64_t *value_out)
{
    static const struct unit units[] = {{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}};
    return with_unit(text, units, COUNT(units), value_out);
}

/* ---- octets ---- */

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'                             ? c - '0'
           : octet_lower(c) >= 'a' && octet_lower(c) <= 'f' ? octet_lower(c) - 'a' + 10
                                                            : -1;
}

/* The escapes of C: \r \n \t \0 \\ \e \xHH. */
bool scenario_unescape(struct slice text, struct buf *out)
{
    static const char letters[] = "rnt0\\e\"{}", values[] = "\r\n\t\0\\\x1b\"{}";
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\\') {
            buf_append_octet(out, text.ptr[i]);
            continue;
        }
        if (++i >= text.len)
            return false;
        const char *letter = memchr(letters, text.ptr[i], sizeof(letters) - 1);
        if (letter) {
            buf_append_octet(out, (uint8_t)values[letter - letters]);
        } else if (text.ptr[i] == 'x' && i + 2 < text.len && hex_digit(text.ptr[i + 1]) >= 0 &&
                   hex_digit(text.ptr[i + 2]) >= 0) {
            buf_append_octet(
                out, (uint8_t)(hex_digit(text.ptr[i + 1]) * 16 + hex_digit(text.ptr[i + 2])));
            i += 2;
        } else {
            return false;
        }
    }
    return !out->overflow;
}
