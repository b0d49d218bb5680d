/* The times of a session in lines of ASCII. */
#include <stdio.h>
#include <string.h>

#include "base/vis.h"
#include "decode/timing.h"

/* "0.3 ms", "812 ms", "12.4 s": three figures are enough. */
static void duration(uint64_t us, char *out, size_t out_octets)
{
    if (us < 10000)
        snprintf(out, out_octets, "%.1f ms", (double)us / 1e3);
    else if (us < 1000000)
        snprintf(out, out_octets, "%.0f ms", (double)us / 1e3);
    else
        snprintf(out, out_octets, "%.1f s", (double)us / 1e6);
}

void timing_waiting_text(const struct timing_waiting *w, struct buf *out)
{
    buf_printf(out, "%s: waited %llu s of %u s", w->name, (unsigned long long)(w->waited_ms / 1000),
               w->limit_s);
}

void timing_bar(uint64_t waited_ms, unsigned limit_s, size_t cols, struct buf *out)
{
    cols = cols < 64 ? cols : 64;
    uint64_t limit_ms = limit_s ? (uint64_t)limit_s * 1000 : 1;
    uint64_t over = waited_ms < limit_ms ? waited_ms : limit_ms;
    size_t full = (size_t)(over * cols / limit_ms);
    for (size_t i = 0; i < cols; i++)
        buf_append_octet(out, i < full ? '#' : '.');
}

static uint64_t us_between(uint64_t from_tick_ns, uint64_t to_tick_ns)
{
    return to_tick_ns > from_tick_ns ? (to_tick_ns - from_tick_ns) / 1000 : 0;
}

static void step_line(const struct timing_step *s, struct buf *out)
{
    char first[24], last[24];
    buf_printf(out, "%-10s", s->name);
    if (s->last_tick_ns == 0) {
        buf_append_cstr(out, " no reply\n");
        return;
    }
    duration(us_between(s->sent_tick_ns, s->first_tick_ns), first, sizeof(first));
    duration(timing_wait_us(s), last, sizeof(last));
    buf_printf(out, " %3s", s->result[0] ? s->result : "?");
    buf_printf(out, "  first %9s  whole %9s  of %3u s  ", first, last,
               timing_limit_s(s->verb, NULL));
    timing_bar(timing_wait_us(s) / 1000, timing_limit_s(s->verb, NULL), 10, out);
    for (unsigned i = 0; i < TIMING_FLAGS_COUNT; i++) {
        static const char *const words[TIMING_FLAGS_COUNT] = {"greet delay", "in parts", "tarpit",
                                                              "drips", "late"};
        if (s->flags & (1U << i))
            buf_printf(out, "  ! %s", words[i]);
    }
    buf_append_octet(out, '\n');
}

static void round_trips(const struct timing *t, struct buf *out)
{
    uint64_t sum_us = 0, most_us = 0, least_us = UINT64_MAX;
    size_t n = 0, slowest = 0;
    char texts[3][24];
    for (size_t i = 0; i < t->n_steps; i++) {
        const struct timing_step *s = &t->steps[i];
        if (s->last_tick_ns == 0 || s->verb == SMTP_VERB_CONNECT)
            continue;
        uint64_t us = timing_wait_us(s);
        sum_us += us;
        n++;
        least_us = us < least_us ? us : least_us;
        if (us >= most_us) {
            most_us = us;
            slowest = i;
        }
    }
    if (n == 0)
        return;
    duration(least_us, texts[0], sizeof(texts[0]));
    duration(sum_us / n, texts[1], sizeof(texts[1]));
    duration(most_us, texts[2], sizeof(texts[2]));
    buf_append_cstr(out, "each in turn: ");
    timing_spark(t, 60, VIS_ASCII, out);
    buf_append_octet(out, '\n');
    buf_printf(out, "replies: %zu, fastest %s, mean %s, slowest %s (%s)\n", n, texts[0], texts[1],
               texts[2], t->steps[slowest].name);
}

/* ---- stages ---- */

enum stage {
    STAGE_CONNECT,
    STAGE_GREETING,
    STAGE_TLS,
    STAGE_HELLO,
    STAGE_AUTH,
    STAGE_MAIL,
    STAGE_RCPT,
    STAGE_DATA,
    STAGE_CONTENT,
    STAGE_QUEUE,
    STAGE_OFFER,
    STAGE_MAILBOX,
    STAGE_READING,
    STAGE_OTHER,
    STAGE__COUNT
};
_Static_assert((int)STAGE__COUNT == (int)TIMING_STAGES_MAX, "one row a stage");

/* POP3's and IMAP's own. */
static enum stage stage_by_name(const char *name)
{
    static const struct {
        const char *name;
        enum stage stage;
    } rows[] = {
        {"STLS", STAGE_TLS},          {"CAPA", STAGE_OFFER},         {"CAPABILITY", STAGE_OFFER},
        {"ID", STAGE_OFFER},          {"ENABLE", STAGE_OFFER},       {"USER", STAGE_AUTH},
        {"PASS", STAGE_AUTH},         {"APOP", STAGE_AUTH},          {"LOGIN", STAGE_AUTH},
        {"AUTHENTICATE", STAGE_AUTH}, {"SELECT", STAGE_MAILBOX},     {"EXAMINE", STAGE_MAILBOX},
        {"LIST", STAGE_MAILBOX},      {"LSUB", STAGE_MAILBOX},       {"STATUS", STAGE_MAILBOX},
        {"NAMESPACE", STAGE_MAILBOX}, {"STAT", STAGE_MAILBOX},       {"UIDL", STAGE_MAILBOX},
        {"SEARCH", STAGE_MAILBOX},    {"UID SEARCH", STAGE_MAILBOX}, {"FETCH", STAGE_READING},
        {"UID FETCH", STAGE_READING}, {"RETR", STAGE_READING},       {"TOP", STAGE_READING},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].stage;
    return STAGE_OTHER;
}

static enum stage stage_of(const struct timing_step *s)
{
    static const uint8_t stages[SMTP_VERB__COUNT] = {
        [SMTP_VERB_CONNECT] = STAGE_GREETING, [SMTP_VERB_STARTTLS] = STAGE_TLS,
        [SMTP_VERB_EHLO] = STAGE_HELLO,       [SMTP_VERB_HELO] = STAGE_HELLO,
        [SMTP_VERB_LHLO] = STAGE_HELLO,       [SMTP_VERB_AUTH] = STAGE_AUTH,
        [SMTP_VERB_AUTH_DATA] = STAGE_AUTH,   [SMTP_VERB_MAIL] = STAGE_MAIL,
        [SMTP_VERB_RCPT] = STAGE_RCPT,        [SMTP_VERB_DATA] = STAGE_DATA,
        [SMTP_VERB_BDAT] = STAGE_CONTENT,     [SMTP_VERB_DOT] = STAGE_QUEUE,
    };
    /* 0 is the connection, which no verb is. */
    return stages[s->verb] != 0 ? (enum stage)stages[s->verb] : stage_by_name(s->name);
}

size_t timing_stages(const struct timing *t, struct timing_stage *out)
{
    static const char *const names[STAGE__COUNT] = {
        "connect", "greeting", "TLS",   "EHLO",  "AUTH",    "MAIL",    "RCPT",
        "DATA",    "content",  "queue", "offer", "mailbox", "reading", "other"};
    uint64_t us[STAGE__COUNT] = {[STAGE_CONNECT] = t->connect_us, [STAGE_TLS] = t->tls_us};
    uint64_t count[STAGE__COUNT] = {
        [STAGE_CONNECT] = t->connect_us > 0, [STAGE_TLS] = t->tls_us > 0};
    size_t n = 0;
    for (size_t i = 0; i < t->n_steps; i++) {
        const struct timing_step *s = &t->steps[i];
        if (s->last_tick_ns == 0)
            continue;
        enum stage at = stage_of(s);
        us[at] += timing_wait_us(s);
        count[at]++;
        /* The content goes out between the 354 and the final dot. */
        if (s->verb == SMTP_VERB_DOT && i > 0 && t->steps[i - 1].verb == SMTP_VERB_DATA &&
            t->steps[i - 1].last_tick_ns != 0) {
            us[STAGE_CONTENT] += us_between(t->steps[i - 1].last_tick_ns, s->sent_tick_ns);
            count[STAGE_CONTENT]++;
        }
    }
    for (size_t i = 0; i < STAGE__COUNT; i++)
        if (count[i] > 0)
            out[n++] = (struct timing_stage){.name = names[i], .us = us[i], .count = count[i]};
    return n;
}

void timing_stages_print(const struct timing *t, size_t cols, unsigned vis_flags, struct buf *out)
{
    static const char *const eighths[] = {"",       "\u258f", "\u258e", "\u258d",
                                          "\u258c", "\u258b", "\u258a", "\u2589"};
    struct timing_stage stages[TIMING_STAGES_MAX];
    size_t n = timing_stages(t, stages);
    uint64_t most_us = 1;
    char text[24];
    cols = cols < 100 ? cols : 100;
    for (size_t i = 0; i < n; i++)
        most_us = stages[i].us > most_us ? stages[i].us : most_us;
    for (size_t i = 0; i < n; i++) {
        uint64_t parts = stages[i].us * cols * 8 / most_us;
        duration(stages[i].us, text, sizeof(text));
        buf_printf(out, "  %-9s %9s  ", stages[i].name, text);
        for (uint64_t k = 0; k < parts / 8; k++)
            buf_append_cstr(out, vis_flags & VIS_ASCII ? "#" : "\u2588");
        buf_append_cstr(out, vis_flags & VIS_ASCII ? "" : eighths[parts % 8]);
        if (stages[i].count > 1)
            buf_printf(out, "  %llu times", (unsigned long long)stages[i].count);
        buf_append_octet(out, '\n');
    }
}

void timing_spark(const struct timing *t, size_t cols, unsigned vis_flags, struct buf *out)
{
    static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                         "\u2585", "\u2586", "\u2587", "\u2588"};
    static const char ascii[] = ".,:-=+*#";
    uint64_t waits[64] = {0}, most_us = 1;
    size_t n = 0;
    cols = cols < 64 ? cols : 64;
    for (size_t i = t->n_steps; i-- > 0 && n < cols;) {
        if (t->steps[i].last_tick_ns == 0)
            continue;
        waits[n] = timing_wait_us(&t->steps[i]);
        most_us = waits[n] > most_us ? waits[n] : most_us;
        n++;
    }
    while (n-- > 0) {
        size_t height = (size_t)(waits[n] * 7 / most_us);
        if (vis_flags & VIS_ASCII)
            buf_append_octet(out, (uint8_t)ascii[height]);
        else
            buf_append_cstr(out, blocks[height]);
    }
}

void timing_print(const struct timing *t, uint64_t now_tick_ns, struct buf *out)
{
    enum { LINES_MAX = 200 }; /* a page for a person: the newest */
    struct timing_waiting waiting;
    unsigned flags = 0;
    size_t first = t->n_steps > LINES_MAX ? t->n_steps - LINES_MAX : 0;
    if (first > 0 || t->dropped > 0)
        buf_printf(out, "%llu earlier ones are not shown\n",
                   (unsigned long long)(first + t->dropped));
    bool waits = timing_waiting(t, now_tick_ns, &waiting);
    for (size_t i = 0; i < t->n_steps; i++) {
        flags |= t->steps[i].flags;
        /* What is still waited for has a line of its own below. */
        if (i >= first && !(waits && i >= t->unanswered))
            step_line(&t->steps[i], out);
    }
    if (waits) {
        timing_waiting_text(&waiting, out);
        buf_append_octet(out, ' ');
        timing_bar(waiting.waited_ms, waiting.limit_s, 10, out);
        buf_append_octet(out, '\n');
    }
    for (unsigned i = 0; i < TIMING_FLAGS_COUNT; i++)
        if (flags & (1U << i))
            buf_printf(out, "! %s\n", timing_flag_text(1U << i));
    round_trips(t, out);
}
