/* Received fields: a scanner of words and comments, and the table of "with" words.
 *
 *     Time-stamp = "Received:" From-domain By-domain Opt-info [CFWS] ";" FWS date-time
 *
 * Every MTA writes the comments as it likes. The ones read here: "(name [addr])" behind "from"
 * (Postfix, sendmail, Exim, Exchange), "helo=NAME" and "authenticated" words (Exim, qmail), and
 * comments with "TLS" or "version=" (all).
 */
#include "mail/received.h"

#include <string.h>
#include <time.h>

static const struct mail_received_with_info with_rows[] = {
#include "mail/received-with.inc"
};
enum { N_WITH = sizeof(with_rows) / sizeof(*with_rows) };

const struct mail_received_with_info *mail_received_with_at(size_t index)
{
    return index < N_WITH ? &with_rows[index] : NULL;
}

const char *mail_received_with(struct slice with, const char **rfc_out)
{
    for (size_t i = 0; i < N_WITH; i++) {
        if (!slice_eq_nocase(with, slice_cstr(with_rows[i].word)))
            continue;
        if (rfc_out)
            *rfc_out = with_rows[i].rfc;
        return with_rows[i].meaning;
    }
    return NULL;
}

/* ---- dates ---- */

static bool number(struct slice *rest, uint64_t max, uint64_t *out)
{
    size_t n = 0;
    while (n < rest->len && n < 5 && rest->ptr[n] >= '0' && rest->ptr[n] <= '9')
        n++;
    bool ok = slice_to_u64(slice_take(*rest, n), max, out);
    *rest = slice_skip(*rest, n);
    return ok;
}

static int month_of(struct slice word)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (slice_eq_nocase(slice_take(word, 3), slice_of(months + 3L * i, 3)) && word.len >= 3)
            return i;
    return -1;
}

/* zone = ("+" / "-") 4DIGIT, or a name of the obsolete syntax, which counts as UTC but for those of
 * North America. */
static int64_t zone_s(struct slice zone)
{
    static const struct {
        const char *name;
        int hours;
    } names[] = {{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5},
                 {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
    uint64_t hhmm;
    if (zone.len >= 5 && (zone.ptr[0] == '+' || zone.ptr[0] == '-') &&
        slice_to_u64(slice_take(slice_skip(zone, 1), 4), 9999, &hhmm)) {
        int64_t s = (int64_t)(hhmm / 100 * 3600 + hhmm % 100 * 60);
        return zone.ptr[0] == '-' ? -s : s;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_eq_nocase(zone, slice_cstr(names[i].name)))
            return names[i].hours * 3600L;
    return 0;
}

/* date-time = [ day-name "," ] day month year hour ":" minute [ ":" second ] zone */
bool mail_date_parse(struct slice text, int64_t *epoch_s_out)
{
    struct slice rest = slice_trim(text);
    uint64_t day, year, hour, minute, second = 0;
    ptrdiff_t comma = slice_find_octet(slice_take(rest, 12), ',');
    if (comma >= 0)
        rest = slice_trim(slice_skip(rest, (size_t)comma + 1));
    if (!number(&rest, 31, &day) || day == 0)
        return false;
    int month = month_of(slice_next_word(&rest));
    rest = slice_trim(rest);
    size_t before = rest.len;
    if (month < 0 || !number(&rest, 9999, &year))
        return false;
    /* RFC 5322 section 4.3: two and three digits. */
    if (before - rest.len == 2)
        year += year < 50 ? 2000 : 1900;
    else if (before - rest.len == 3)
        year += 1900;
    rest = slice_trim(rest);
    if (!number(&rest, 23, &hour) || rest.len == 0 || rest.ptr[0] != ':')
        return false;
    rest = slice_skip(rest, 1);
    if (!number(&rest, 59, &minute))
        return false;
    if (rest.len > 0 && rest.ptr[0] == ':') {
        rest = slice_skip(rest, 1);
        if (!number(&rest, 60, &second))
            return false;
    }
    struct tm tm = {.tm_mday = (int)day,
                    .tm_mon = month,
                    .tm_year = (int)year - 1900,
                    .tm_hour = (int)hour,
                    .tm_min = (int)minute,
                    .tm_sec = (int)second};
    *epoch_s_out = (int64_t)timegm(&tm) - zone_s(slice_next_word(&rest));
    return true;
}

/* ---- words and comments ---- */

struct token {
    struct slice text; /* a word; of a comment what stands inside it */
    bool comment;
};

/* Comments nest and may quote: the end is the bracket that closes the first. */
static size_t comment_octets(struct slice s)
{
    size_t depth = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\\')
            i++;
        else if (s.ptr[i] == '(')
            depth++;
        else if (s.ptr[i] == ')' && --depth == 0)
            return i + 1;
    }
    return s.len;
}

static bool next_token(struct slice *rest, struct token *out)
{
    *rest = slice_trim(*rest);
    if (rest->len == 0)
        return false;
    out->comment = rest->ptr[0] == '(';
    size_t n = 0;
    if (out->comment) {
        n = comment_octets(*rest);
        out->text = slice_take(slice_skip(*rest, 1), n - 1);
        if (out->text.len > 0 && out->text.ptr[out->text.len - 1] == ')')
            out->text.len--;
        out->text = slice_trim(out->text);
    } else {
        while (n < rest->len && rest->ptr[n] != ' ' && rest->ptr[n] != '\t' && rest->ptr[n] != '(')
            n++;
        out->text = slice_take(*rest, n);
    }
    *rest = slice_skip(*rest, n);
    return true;
}

static bool holds_nocase(struct slice s, const char *part)
{
    struct slice p = slice_cstr(part);
    for (size_t i = 0; i + p.len <= s.len; i++)
        if (slice_starts_nocase(slice_skip(s, i), p))
            return true;
    return false;
}

static bool is_address(struct slice s)
{
    size_t dots = 0, colons = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        dots += c == '.';
        colons += c == ':';
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (!hex && c != '.' && c != ':')
            return false;
    }
    return (dots == 3 && colons == 0) || colons >= 2;
}

/* "IPv6:2001:db8::1", "[192.0.2.1]:25", "192.0.2.1": the address alone. */
static struct slice bare_address(struct slice s)
{
    if (s.len > 1 && s.ptr[0] == '[') {
        ptrdiff_t end = slice_find_octet(s, ']');
        s = slice_take(slice_skip(s, 1), end > 0 ? (size_t)end - 1 : s.len - 1);
    }
    if (slice_starts_nocase(s, SLICE_LIT("IPv6:")))
        s = slice_skip(s, 5);
    return s;
}

/* Exim and qmail write the name they looked up first and the claim into the parentheses. */
static void claim_inside(struct mail_received *r, struct slice claim)
{
    struct slice name = r->claim;
    bool literal = name.len > 0 && name.ptr[0] == '[';
    if (literal && r->seen_addr.len == 0)
        r->seen_addr = bare_address(name);
    else if (!literal && !slice_eq_nocase(name, SLICE_LIT("unknown")))
        r->seen_name = name;
    r->claim = claim;
}

/* "mail.example [192.0.2.1] (may be forged)", "HELO x", "helo=x", "account ann HELO x". */
static void take_seen(struct mail_received *r, struct slice seen)
{
    struct slice rest = seen;
    struct token t;
    bool helo_next = false;
    r->seen = seen;
    while (next_token(&rest, &t)) {
        struct slice address = bare_address(t.text);
        if (t.comment)
            continue;
        if (helo_next) {
            claim_inside(r, t.text);
            helo_next = false;
        } else if (slice_eq_nocase(t.text, SLICE_LIT("HELO")) ||
                   slice_eq_nocase(t.text, SLICE_LIT("EHLO"))) {
            helo_next = true;
        } else if (slice_starts_nocase(t.text, SLICE_LIT("helo="))) {
            claim_inside(r, slice_skip(t.text, 5));
        } else if (is_address(address)) {
            r->seen_addr = address;
        } else if (r->seen_name.len == 0 && slice_find_octet(t.text, '=') < 0 &&
                   slice_find_octet(t.text, '.') > 0 && slice_find_octet(t.text, '@') < 0) {
            r->seen_name = t.text;
        }
    }
    if (slice_find_octet(r->seen_name, '@') >= 0)
        r->seen_name.len = 0;
}

static void take_comment(struct mail_received *r, struct slice key, struct slice text)
{
    if (holds_nocase(text, "authenticated") || holds_nocase(text, "Authenticated sender"))
        r->auth = text;
    if (holds_nocase(text, "TLS") || holds_nocase(text, "cipher=")) {
        r->tls = text;
        return;
    }
    if (!slice_eq_nocase(key, SLICE_LIT("from")))
        return;
    if (r->seen.len == 0)
        take_seen(r, text);
    else if (r->seen_addr.len == 0 && is_address(bare_address(text)))
        r->seen_addr = bare_address(text);
}

static struct slice *field_of(struct mail_received *r, struct slice word)
{
    const struct {
        const char *word;
        struct slice *field;
    } fields[] = {{"from", &r->claim}, {"by", &r->by}, {"via", &r->via},
                  {"with", &r->with},  {"id", &r->id}, {"for", &r->for_path}};
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        if (slice_eq_nocase(word, slice_cstr(fields[i].word)))
            return fields[i].field;
    return NULL;
}

static void judge(struct mail_received *r)
{
    struct slice with = r->with;
    if (r->by.len == 0)
        r->flags |= MAIL_RECEIVED_NO_BY;
    if (r->date.len == 0 || !mail_date_parse(r->date, &r->date_s))
        r->flags |= MAIL_RECEIVED_NO_DATE;
    if (r->claim.len > 0 && (r->claim.ptr[0] == '[' || is_address(r->claim)))
        r->flags |= MAIL_RECEIVED_LITERAL;
    else if (r->seen_name.len > 0 && r->claim.len > 0 && !slice_eq_nocase(r->seen_name, r->claim))
        r->flags |= MAIL_RECEIVED_LIE;
    if (!mail_received_with(with, NULL))
        return;
    uint8_t last = with.ptr[with.len - 1] & 0xdf,
            before = with.len > 1 ? with.ptr[with.len - 2] & 0xdf : 0;
    bool mail = holds_nocase(with, "SMTP") || holds_nocase(with, "LMTP");
    bool plain = with.len == 4; /* SMTP, LMTP end in P */
    if (mail && !plain && last == 'A') {
        r->flags |= MAIL_RECEIVED_AUTH;
        if (before == 'S')
            r->flags |= MAIL_RECEIVED_SECURE;
    } else if (mail && !plain && last == 'S') {
        r->flags |= MAIL_RECEIVED_SECURE;
    }
}

void mail_received_parse(struct slice unfolded, struct mail_received *out)
{
    struct slice rest = unfolded, key = slice_of(NULL, 0);
    struct slice *field = NULL;
    struct token t;
    memset(out, 0, sizeof(*out));
    for (size_t i = rest.len; i-- > 0;) {
        if (rest.ptr[i] != ';')
            continue;
        out->date = slice_trim(slice_skip(rest, i + 1));
        rest = slice_take(rest, i);
        break;
    }
    while (next_token(&rest, &t)) {
        struct slice *next = t.comment ? NULL : field_of(out, t.text);
        if (t.comment) {
            take_comment(out, key, t.text);
        } else if (field && field->len == 0) {
            *field = t.text; /* whatever it is: a host may be called "by" */
        } else if (next) {
            key = t.text;
            field = next;
        }
    }
    if (slice_starts_nocase(out->seen_name, SLICE_LIT("unknown")) && out->seen_name.len == 7)
        out->seen_name.len = 0;
    judge(out);
}
