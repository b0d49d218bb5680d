/* What the server offers (RFC 5321 section 4.1.1.1): one table of extensions, each with the
 * condition under which it can be had and the parameters that fit the options. */
#include "engine/smtp_serve_private.h"

#include "sasl/sasl.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { WEEK_S = 7 * 86400 };

uint64_t serve_hold_max_s(const struct smtp_serve *s)
{
    return s->options->hold_max_s ? s->options->hold_max_s : WEEK_S;
}

void serve_mechanisms(const struct smtp_serve *s, struct buf *out)
{
    struct auth_server_with with;
    serve_auth_with(s, &with);
    auth_server_offer(&with, " ", out);
}

/* ---- conditions ---- */

static bool when_size(const struct smtp_serve *s)
{
    return s->options->size_max_octets > 0;
}

static bool when_starttls(const struct smtp_serve *s)
{
    return s->options->offer_starttls && !smtp_track_tls(s->track);
}

/* RFC 8689 section 2: offered inside TLS only. */
static bool when_tls(const struct smtp_serve *s)
{
    return smtp_track_tls(s->track);
}

/* RFC 9422 section 3: at least one limit stands behind the keyword. */
static bool when_limits(const struct smtp_serve *s)
{
    return s->options->messages_max > 0 || s->options->recipients_max > 0;
}

/* RFC 4865 section 3: for submission only, unless somebody asks for it by name. */
static bool when_submission(const struct smtp_serve *s)
{
    return s->options->submission || s->options->offers;
}

static bool when_xclient(const struct smtp_serve *s)
{
    return s->options->xclient;
}

/* ---- parameters ---- */

static void say_size(const struct smtp_serve *s, struct buf *out)
{
    buf_printf(out, " %llu", (unsigned long long)s->options->size_max_octets);
}

/* RFC 9422 section 4 */
static void say_limits(const struct smtp_serve *s, struct buf *out)
{
    if (s->options->messages_max)
        buf_printf(out, " MAILMAX=%u", s->options->messages_max);
    if (s->options->recipients_max)
        buf_printf(out, " RCPTMAX=%u", s->options->recipients_max);
}

static void say_deliver_by(const struct smtp_serve *s, struct buf *out)
{
    if (s->options->deliver_by_min_s)
        buf_printf(out, " %u", s->options->deliver_by_min_s);
}

/* Days since 1970-01-01 as a date: years are counted from March, so that the leap day is their
 * last. */
static void say_date(int64_t days, struct buf *out)
{
    days += 719468;
    int64_t era = days / 146097, of_era = days % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    buf_printf(out, "%04d-%02d-%02d", (int)(year + era * 400 + (month >= 10)),
               (int)(month < 10 ? month + 3 : month - 9),
               (int)(of_year - (153 * month + 2) / 5 + 1));
}

/* RFC 4865 section 4: the longest time, and the last moment. */
static void say_hold(const struct smtp_serve *s, struct buf *out)
{
    const struct clock *clock = journal_clock(s->journal);
    int64_t wall_us = clock->wall_us(clock->ctx);
    int64_t end_s = (wall_us > 0 ? wall_us / 1000000 : 0) + (int64_t)serve_hold_max_s(s);
    buf_printf(out, " %llu ", (unsigned long long)serve_hold_max_s(s));
    say_date(end_s / 86400, out);
    buf_printf(out, "T%02d:%02d:%02dZ", (int)(end_s / 3600 % 24), (int)(end_s / 60 % 60),
               (int)(end_s % 60));
}

static void say_xclient(const struct smtp_serve *s, struct buf *out)
{
    (void)s;
    for (unsigned i = 0; i < SMTP_XCLIENT__COUNT; i++)
        buf_printf(out, " %s", smtp_xclient_name((enum smtp_xclient_attribute)i));
}

/* ---- the table ---- */

static const struct {
    const char *keyword;
    bool (*when)(const struct smtp_serve *s); /* NULL: always */
    void (*say)(const struct smtp_serve *s, struct buf *out);
} extensions[SMTP_EXT__COUNT] = {
    [SMTP_EXT_OTHER] = {"", NULL, NULL},
    [SMTP_EXT_SIZE] = {"SIZE", when_size, say_size},
    [SMTP_EXT_8BITMIME] = {"8BITMIME", NULL, NULL},
    [SMTP_EXT_SMTPUTF8] = {"SMTPUTF8", NULL, NULL},
    [SMTP_EXT_PIPELINING] = {"PIPELINING", NULL, NULL},
    [SMTP_EXT_CHUNKING] = {"CHUNKING", NULL, NULL},
    [SMTP_EXT_BINARYMIME] = {"BINARYMIME", NULL, NULL},
    [SMTP_EXT_DSN] = {"DSN", NULL, NULL},
    [SMTP_EXT_ENHANCEDSTATUSCODES] = {"ENHANCEDSTATUSCODES", NULL, NULL},
    [SMTP_EXT_STARTTLS] = {"STARTTLS", when_starttls, NULL},
    [SMTP_EXT_AUTH] = {"AUTH", serve_auth_offered, serve_mechanisms},
    [SMTP_EXT_VRFY] = {"VRFY", NULL, NULL},
    [SMTP_EXT_EXPN] = {"EXPN", NULL, NULL},
    [SMTP_EXT_HELP] = {"HELP", NULL, NULL},
    [SMTP_EXT_ETRN] = {"ETRN", NULL, NULL},
    [SMTP_EXT_LIMITS] = {"LIMITS", when_limits, say_limits},
    [SMTP_EXT_REQUIRETLS] = {"REQUIRETLS", when_tls, NULL},
    [SMTP_EXT_DELIVERBY] = {"DELIVERBY", NULL, say_deliver_by},
    [SMTP_EXT_FUTURERELEASE] = {"FUTURERELEASE", when_submission, say_hold},
    [SMTP_EXT_MT_PRIORITY] = {"MT-PRIORITY", NULL, NULL},
    [SMTP_EXT_XCLIENT] = {"XCLIENT", when_xclient, say_xclient},
};

#define OFFER(ext, line)                                                                           \
    {                                                                                              \
        SMTP_EXT_##ext, line                                                                       \
    }
static const struct smtp_offer defaults[] = {
    OFFER(PIPELINING, "PIPELINING"),
    OFFER(SIZE, "SIZE"),
    OFFER(STARTTLS, "STARTTLS"),
    OFFER(AUTH, "AUTH"),
    OFFER(ENHANCEDSTATUSCODES, "ENHANCEDSTATUSCODES"),
    OFFER(8BITMIME, "8BITMIME"),
    OFFER(SMTPUTF8, "SMTPUTF8"),
    OFFER(DSN, "DSN"),
    OFFER(CHUNKING, "CHUNKING"),
    OFFER(BINARYMIME, "BINARYMIME"),
    OFFER(VRFY, "VRFY"),
    OFFER(EXPN, "EXPN"),
    OFFER(ETRN, "ETRN"),
    OFFER(LIMITS, "LIMITS"),
    OFFER(REQUIRETLS, "REQUIRETLS"),
    OFFER(DELIVERBY, "DELIVERBY"),
    OFFER(MT_PRIORITY, "MT-PRIORITY"),
    OFFER(XCLIENT, "XCLIENT"),
    OFFER(FUTURERELEASE, "FUTURERELEASE"),
    OFFER(HELP, "HELP"),
};

const struct smtp_offer *smtp_offers_default(size_t *n_out)
{
    *n_out = COUNT(defaults);
    return defaults;
}

enum smtp_ext serve_ext_by_keyword(struct slice keyword)
{
    for (unsigned i = SMTP_EXT_OTHER + 1; i < SMTP_EXT__COUNT; i++)
        if (slice_eq_nocase(keyword, slice_cstr(extensions[i].keyword)))
            return (enum smtp_ext)i;
    return SMTP_EXT_OTHER;
}

struct smtp_offer smtp_offer_of(const char *line)
{
    struct slice rest = slice_cstr(line);
    return (struct smtp_offer){serve_ext_by_keyword(slice_next_word(&rest)), line};
}

static const struct smtp_offer *offers_of(const struct smtp_serve_options *o, size_t *n_out)
{
    if (!o->offers)
        return smtp_offers_default(n_out);
    *n_out = o->n_offers;
    return o->offers;
}

uint32_t serve_offer_set(const struct smtp_serve_options *o)
{
    size_t n;
    const struct smtp_offer *offers = offers_of(o, &n);
    uint32_t set = 0;
    for (size_t i = 0; i < n; i++)
        set |= 1u << offers[i].ext;
    return set;
}

static bool can_be_had(const struct smtp_serve *s, enum smtp_ext ext)
{
    return !extensions[ext].when || extensions[ext].when(s);
}

bool serve_offers(const struct smtp_serve *s, enum smtp_ext ext)
{
    return (s->offered >> ext & 1) && can_be_had(s, ext);
}

/* A line with parameters of its own is said as it stands. */
static void say_offer(const struct smtp_serve *s, const struct smtp_offer *offer, struct buf *out)
{
    struct slice rest = slice_cstr(offer->line);
    slice_next_word(&rest);
    buf_append_cstr(out, offer->line);
    if (slice_trim(rest).len == 0 && extensions[offer->ext].say)
        extensions[offer->ext].say(s, out);
}

/* Each line is begun when the one before is known not to be the last: only the last has a space
 * behind its code. */
void serve_offer_all(struct smtp_serve *s, struct smtp_answer *a)
{
    size_t n, begins = a->text.len;
    const struct smtp_offer *offers = offers_of(s->options, &n);
    buf_printf(&a->text, "250 %s", s->options->name);
    for (size_t i = 0; i < n; i++) {
        if (!can_be_had(s, offers[i].ext))
            continue;
        a->text.ptr[begins + 3] = '-';
        buf_append_cstr(&a->text, "\r\n");
        begins = a->text.len;
        buf_append_cstr(&a->text, "250 ");
        say_offer(s, &offers[i], &a->text);
    }
    buf_append_cstr(&a->text, "\r\n");
}

/* ---- what may be borne ---- */

static const struct smtp_relax_info relaxations[] = {
    {SMTP_RELAX_LINE_BARE_LF, "line-bare-lf", "a line feed alone ends a command"},
    {SMTP_RELAX_LINE_BARE_CR, "line-bare-cr", "a carriage return alone stands in a command"},
    {SMTP_RELAX_LINE_NUL, "line-nul", "a NUL stands in a command"},
    {SMTP_RELAX_PATH_BRACKETS, "path-brackets", "an address without angle brackets"},
    {SMTP_RELAX_PATH_SPACE, "path-space", "a space between the colon and the address"},
    {SMTP_RELAX_DATA_BARE_LF, "data-bare-lf", "line feeds alone in a message"},
    {SMTP_RELAX_DATA_BARE_CR, "data-bare-cr", "carriage returns alone in a message"},
    {SMTP_RELAX_DATA_NUL, "data-nul", "NUL octets in a message"},
    {SMTP_RELAX_DATA_SMUGGLING, "data-smuggling",
     "what looks like an end of data with wrong line ends, as content"},
    {SMTP_RELAX_DATA_END_LF, "data-end-lf", "LF.LF, LF.CRLF and CRLF.LF end the data"},
    {SMTP_RELAX_DATA_END_CR, "data-end-cr", "CR.CR and its mixtures end the data"},
    {SMTP_RELAX_PARAMS, "params", "parameters nobody offered are passed over"},
};

const struct smtp_relax_info *smtp_relax_at(size_t index)
{
    return index < COUNT(relaxations) ? &relaxations[index] : NULL;
}

unsigned smtp_relax_by_name(struct slice name)
{
    unsigned all = 0;
    for (size_t i = 0; i < COUNT(relaxations); i++) {
        if (slice_eq_nocase(name, slice_cstr(relaxations[i].name)))
            return relaxations[i].bit;
        all |= relaxations[i].bit;
    }
    return slice_eq_nocase(name, SLICE_LIT("all")) ? all : 0;
}

enum smtp_data_end smtp_relax_data_end(unsigned relax)
{
    return relax & SMTP_RELAX_DATA_END_CR   ? SMTP_DATA_END_CR
           : relax & SMTP_RELAX_DATA_END_LF ? SMTP_DATA_END_LF
                                            : SMTP_DATA_END_STRICT;
}
