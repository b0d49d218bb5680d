/* Parameters of MAIL and RCPT: the table, and a checker for each syntax it names. */
#include "smtp/param.h"

#include "smtp/smtp_private.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct smtp_param_info params[] = {
#include "smtp/params.inc"
};

const struct smtp_param_info *smtp_param_at(size_t index)
{
    return index < COUNT(params) ? &params[index] : NULL;
}

const struct smtp_param_info *smtp_param_find(enum smtp_verb verb, struct slice keyword)
{
    struct slice verb_name = slice_cstr(smtp_verb_name(verb));
    for (size_t i = 0; i < COUNT(params); i++)
        if (slice_eq_nocase(keyword, slice_cstr(params[i].name)) &&
            smtp_list_holds(params[i].verbs, " ", verb_name))
            return &params[i];
    return NULL;
}

/* ---- xtext ---- */

/* xchar = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "=" */
static bool is_xchar(uint8_t octet)
{
    return octet > ' ' && octet < 0x7f && octet != '+' && octet != '=';
}

/* hexchar = ASCII "+" immediately followed by two upper case hexadecimal digits */
static int hex_upper(uint8_t octet)
{
    if (smtp_is_digit(octet))
        return octet - '0';
    return octet >= 'A' && octet <= 'F' ? octet - 'A' + 10 : -1;
}

bool smtp_xtext_encode(struct slice in, struct buf *out)
{
    bool fits = true;
    for (size_t i = 0; i < in.len && fits; i++)
        fits = is_xchar(in.ptr[i]) ? buf_append_octet(out, in.ptr[i])
                                   : buf_printf(out, "+%02X", in.ptr[i]);
    return fits;
}

/* The next octet of xtext at *i; -1: it is none. */
static int xtext_octet(struct slice in, size_t *i)
{
    uint8_t octet = in.ptr[(*i)++];
    if (octet != '+')
        return is_xchar(octet) ? octet : -1;
    int high = *i < in.len ? hex_upper(in.ptr[*i]) : -1;
    int low = *i + 1 < in.len ? hex_upper(in.ptr[*i + 1]) : -1;
    *i += 2;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool smtp_xtext_decode(struct slice in, struct buf *out)
{
    for (size_t i = 0; i < in.len;) {
        int octet = xtext_octet(in, &i);
        if (octet < 0 || !buf_append_octet(out, (uint8_t)octet))
            return false;
    }
    return true;
}

bool smtp_orcpt_encode(struct slice address, struct buf *out)
{
    bool ascii = true;
    for (size_t i = 0; i < address.len; i++)
        ascii = ascii && address.ptr[i] < 0x80;
    if (ascii)
        return buf_append_cstr(out, "rfc822;") && smtp_xtext_encode(address, out);
    bool fits = buf_append_cstr(out, "utf-8;");
    for (size_t i = 0; i < address.len && fits; i++) {
        uint8_t octet = address.ptr[i];
        bool plain = octet >= 0x80 || (is_xchar(octet) && octet != '\\');
        fits = plain ? buf_append_octet(out, octet) : buf_printf(out, "\\x{%02X}", octet);
    }
    return fits;
}

static bool is_xtext(struct slice in)
{
    for (size_t i = 0; i < in.len;)
        if (xtext_octet(in, &i) < 0)
            return false;
    return true;
}

/* ---- pieces ---- */

static bool all_digits(struct slice s, size_t min, size_t max)
{
    for (size_t i = 0; i < s.len; i++)
        if (!smtp_is_digit(s.ptr[i]))
            return false;
    return s.len >= min && s.len <= max;
}

/* Up to the separator; *rest is what stands behind it. *has tells whether it was there. */
static struct slice cut(struct slice in, char separator, struct slice *rest, bool *has)
{
    ptrdiff_t at = slice_find_octet(in, (uint8_t)separator);
    *has = at >= 0;
    *rest = at >= 0 ? slice_skip(in, (size_t)at + 1) : slice_of(NULL, 0);
    return at >= 0 ? slice_take(in, (size_t)at) : in;
}

/* date-time (RFC 3339 section 5.6): digits where the pattern has 0, itself elsewhere; then a
 * fraction and the zone. */
static bool is_datetime(struct slice s)
{
    static const char pattern[] = "0000-00-00T00:00:00";
    size_t n = sizeof(pattern) - 1;
    if (s.len <= n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (pattern[i] == '0' ? !smtp_is_digit(s.ptr[i])
                              : (s.ptr[i] | 0x20) != ((uint8_t)pattern[i] | 0x20))
            return false;
    s = slice_skip(s, n);
    if (s.ptr[0] == '.') {
        size_t digits = 1;
        while (digits < s.len && smtp_is_digit(s.ptr[digits]))
            digits++;
        if (digits == 1)
            return false;
        s = slice_skip(s, digits);
    }
    if (slice_eq_nocase(s, SLICE_LIT("Z")))
        return true;
    return s.len == 6 && (s.ptr[0] == '+' || s.ptr[0] == '-') && s.ptr[3] == ':' &&
           all_digits(slice_of(s.ptr + 1, 2), 2, 2) && all_digits(slice_of(s.ptr + 4, 2), 2, 2);
}

static int64_t two(struct slice s, size_t at)
{
    return (s.ptr[at] - '0') * 10 + (s.ptr[at + 1] - '0');
}

/* Days since 1970-01-01. Years begin in March here, so that the leap day is their last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    if (month < 3)
        year--;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719468;
}

bool smtp_date_time_read(struct slice in, int64_t *unix_s_out)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (!is_datetime(in))
        return false;
    int64_t year = two(in, 0) * 100 + two(in, 2), month = two(in, 5), day = two(in, 8);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month < 1 || month > 12 || day < 1 || day > days[month - 1] + (leap && month == 2))
        return false;
    int64_t hour = two(in, 11), minute = two(in, 14), second = two(in, 17), zone_s = 0;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    if ((in.ptr[in.len - 1] | 0x20) != 'z') {
        int64_t zone_h = two(in, in.len - 5), zone_m = two(in, in.len - 2);
        if (zone_h > 23 || zone_m > 59)
            return false;
        zone_s = (zone_h * 3600 + zone_m * 60) * (in.ptr[in.len - 6] == '-' ? -1 : 1);
    }
    *unix_s_out = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone_s;
    return true;
}

static bool is_xtext_mailbox(struct slice s)
{
    struct buf text;
    buf_init(&text, 1024);
    bool ok = smtp_xtext_decode(s, &text) && smtp_mailbox_valid(buf_slice(&text));
    buf_deinit(&text);
    return ok;
}

/* ---- a checker for each syntax ---- */

static bool check_any(const struct smtp_param_info *info, struct slice v)
{
    (void)info;
    return v.len > 0;
}

static bool check_none(const struct smtp_param_info *info, struct slice v)
{
    (void)info;
    return v.len == 0;
}

static bool check_number(const struct smtp_param_info *info, struct slice v)
{
    (void)info;
    return all_digits(v, 1, 20);
}

static bool check_words(const struct smtp_param_info *info, struct slice v)
{
    return v.len > 0 && smtp_list_holds(info->value, "|", v);
}

static bool check_xtext(const struct smtp_param_info *info, struct slice v)
{
    (void)info;
    return v.len > 0 && is_xtext(v);
}

/* RFC 4954 section 5: xtext of a mailbox, or "<>". */
static bool check_auth(const struct smtp_param_info *info, struct slice v)
{
    (void)info;
    return slice_eq(v, SLICE_LIT("<>")) || is_xtext_mailbox(v);
}

static bool check_mailbox(const struct smtp_param_info *info, struct slice v)
{
    (void)info;
    return is_xtext_mailbox(v);
}

/* notify-esmtp-value = "NEVER" / 1#notify-list-element; each at most once */
static bool check_notify(const struct smtp_param_info *info, struct slice v)
{
    static const char *const words[] = {"SUCCESS", "FAILURE", "DELAY"};
    bool seen[COUNT(words)] = {false}, more = true;
    (void)info;
    if (slice_eq_nocase(v, SLICE_LIT("NEVER")))
        return true;
    while (more) {
        size_t i = 0;
        struct slice word = cut(v, ',', &v, &more);
        while (i < COUNT(words) && !slice_eq_nocase(word, slice_cstr(words[i])))
            i++;
        if (i == COUNT(words) || seen[i])
            return false;
        seen[i] = true;
    }
    return true;
}

/* original-recipient-address = addr-type ";" xtext; type utf-8 may hold UTF-8 as it is (RFC 6533
 * section 3) */
static bool check_orcpt(const struct smtp_param_info *info, struct slice v)
{
    struct slice address;
    bool has;
    (void)info;
    struct slice type = cut(v, ';', &address, &has);
    if (!has || type.len == 0 || address.len == 0)
        return false;
    for (size_t i = 0; i < type.len; i++)
        if (!smtp_is_alnum(type.ptr[i]) && type.ptr[i] != '-')
            return false;
    bool utf8 = slice_eq_nocase(type, SLICE_LIT("utf-8"));
    for (size_t i = 0; i < address.len;) {
        if (utf8 && address.ptr[i] >= 0x80)
            i++;
        else if (xtext_octet(address, &i) < 0)
            return false;
    }
    return true;
}

/* by-value = by-time ";" by-mode [by-trace]; by-time = ["-" / "+"] 1*9DIGIT; by-mode = "N" / "R"
 * (RFC 2852 section 4: R with nothing or less left makes no sense); by-trace = "T" */
static bool check_by(const struct smtp_param_info *info, struct slice v)
{
    struct slice mode;
    bool has;
    (void)info;
    struct slice time = cut(v, ';', &mode, &has);
    bool negative = time.len > 0 && time.ptr[0] == '-';
    if (time.len > 0 && (negative || time.ptr[0] == '+'))
        time = slice_skip(time, 1);
    uint64_t seconds = 0;
    if (!has || !all_digits(time, 1, 9) || !slice_to_u64(time, UINT64_MAX, &seconds) ||
        mode.len == 0 || mode.len > 2)
        return false;
    bool returns = (mode.ptr[0] | 0x20) == 'r';
    if (!returns && (mode.ptr[0] | 0x20) != 'n')
        return false;
    if (mode.len == 2 && (mode.ptr[1] | 0x20) != 't')
        return false;
    return !returns || (seconds > 0 && !negative);
}

/* future-release-integer: 1 to 9 digits, the first no zero */
static bool check_holdfor(const struct smtp_param_info *info, struct slice v)
{
    (void)info;
    return all_digits(v, 1, 9) && v.ptr[0] != '0';
}

static bool check_datetime(const struct smtp_param_info *info, struct slice v)
{
    (void)info;
    return is_datetime(v);
}

/* priority-value = ["-"] NZDIGIT / "0" */
static bool check_priority(const struct smtp_param_info *info, struct slice v)
{
    (void)info;
    if (v.len == 2 && v.ptr[0] == '-')
        v = slice_skip(v, 1);
    else if (v.len == 1 && v.ptr[0] == '0')
        return true;
    return v.len == 1 && v.ptr[0] >= '1' && v.ptr[0] <= '9';
}

/* rrvs-param = date-time [ ";" ( "C" / "R" ) ] */
static bool check_rrvs(const struct smtp_param_info *info, struct slice v)
{
    struct slice action;
    bool has;
    (void)info;
    struct slice time = cut(v, ';', &action, &has);
    bool known =
        action.len == 1 && ((action.ptr[0] | 0x20) == 'c' || (action.ptr[0] | 0x20) == 'r');
    return is_datetime(time) && (!has || known);
}

/* Solicitation-keywords = word 0*("," word); word = ALPHA 0*(wordchar); wordchar = ("." / "-" / "_"
 * / ":" / ALPHA / DIGIT) */
static bool check_solicit(const struct smtp_param_info *info, struct slice v)
{
    bool more = true;
    (void)info;
    while (more) {
        struct slice word = cut(v, ',', &v, &more);
        if (word.len == 0 || !smtp_is_alnum(word.ptr[0]) || smtp_is_digit(word.ptr[0]))
            return false;
        for (size_t i = 1; i < word.len; i++)
            if (!smtp_is_alnum(word.ptr[i]) && !memchr(".-_:", word.ptr[i], 4))
                return false;
    }
    return true;
}

/* mtrk-parameter = certifier [ ":" timeout ]; certifier = base64 without its "="; timeout =
 * 1*9DIGIT */
static bool check_mtrk(const struct smtp_param_info *info, struct slice v)
{
    struct slice timeout;
    bool has;
    (void)info;
    struct slice certifier = cut(v, ':', &timeout, &has);
    for (size_t i = 0; i < certifier.len; i++)
        if (!smtp_is_alnum(certifier.ptr[i]) && certifier.ptr[i] != '+' && certifier.ptr[i] != '/')
            return false;
    return certifier.len > 0 && (!has || all_digits(timeout, 1, 9));
}

/* Postfix: nothing, or the two characters that part and mark. */
static bool check_xverp(const struct smtp_param_info *info, struct slice v)
{
    (void)info;
    return v.len == 0 || v.len == 2;
}

static const struct {
    const char *name;
    bool (*check)(const struct smtp_param_info *info, struct slice value);
} checkers[] = {
    {"any", check_any},           {"none", check_none},
    {"number", check_number},     {"words", check_words},
    {"xtext", check_xtext},       {"auth", check_auth},
    {"mailbox", check_mailbox},   {"notify", check_notify},
    {"orcpt", check_orcpt},       {"by", check_by},
    {"holdfor", check_holdfor},   {"datetime", check_datetime},
    {"priority", check_priority}, {"rrvs", check_rrvs},
    {"solicit", check_solicit},   {"mtrk", check_mtrk},
    {"xverp", check_xverp},
};

bool smtp_param_valid(const struct smtp_param_info *info, const struct smtp_param *p)
{
    uint64_t max;
    if (!info)
        return true;
    if (slice_to_u64(slice_cstr(info->max_octets), UINT64_MAX, &max) && p->value.len > max)
        return false;
    for (size_t i = 0; i < COUNT(checkers); i++)
        if (strcmp(checkers[i].name, info->syntax) == 0)
            return checkers[i].check(info, p->value);
    return true;
}

const struct smtp_param *smtp_params_first_wrong(const struct smtp_command *c)
{
    for (size_t i = 0; i < c->n_params; i++) {
        const struct smtp_param *p = &c->params[i];
        const struct smtp_param_info *info = smtp_param_find(c->verb, p->keyword);
        if (info && !smtp_param_valid(info, p))
            return p;
        for (size_t k = 0; info && k < i; k++)
            if (slice_eq_nocase(c->params[k].keyword, p->keyword))
                return p;
    }
    return NULL;
}

smtp_rules smtp_params_rules(const struct smtp_command *c)
{
    return smtp_params_first_wrong(c) ? SMTP_RULE_BIT(SMTP_RULE_PARAM_SYNTAX) : 0;
}

const char *smtp_param_extension(enum smtp_verb verb, const struct smtp_param *p)
{
    const struct smtp_param_info *info = smtp_param_find(verb, p->keyword);
    if (info && strcmp(info->name, "BODY") == 0 &&
        slice_eq_nocase(p->value, SLICE_LIT("BINARYMIME")))
        return "BINARYMIME";
    return info ? info->extension : NULL;
}

void smtp_param_doc_markdown(struct buf *out)
{
    buf_append_cstr(out, "# Parameters of MAIL and RCPT\n\nMade from src/smtp/params.tsv. Each is "
                         "checked before sending (a warning, it is sent as typed) and by\nthe "
                         "practice server; Tab completes those the server offered.\n\n"
                         "| parameter | behind | value | extension | where | what |\n"
                         "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < COUNT(params); i++) {
        const struct smtp_param_info *p = &params[i];
        buf_printf(out, "| %s | %s | ", p->name, p->verbs);
        for (const char *v = p->value; *v; v++) /* a bar would end the cell */
            buf_printf(out, "%s%c", *v == '|' ? "\\" : "", *v);
        buf_printf(out, " | %s | %s | %s |\n", p->extension, p->rfc, p->help);
    }
}
