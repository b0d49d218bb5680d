/* Finding replies in lines of text. A line is tried as a reply of its own, then as a line of a log:
 * the surest sign first (code and enhanced code of one class), then a code behind words that
 * announce one, then what logs say without a code. */
#include "decode/notice_private.h"

#include <string.h>

#include "decode/status.h"
#include "smtp/reply.h"

/* ---- what the readers share ---- */

bool notice_line(struct notice_scan *s, struct slice *line_out)
{
    if (s->rest.len == 0)
        return false;
    ptrdiff_t lf = slice_find_octet(s->rest, '\n');
    size_t len = lf < 0 ? s->rest.len : (size_t)lf;
    *line_out = slice_take(s->rest, len);
    s->rest = slice_skip(s->rest, len + 1);
    s->line++;
    if (line_out->len > 0 && line_out->ptr[line_out->len - 1] == '\r')
        *line_out = slice_take(*line_out, line_out->len - 1);
    return true;
}

void notice_found(struct notice_scan *s, struct notice *n, struct slice host)
{
    char name[NOTICE_HOST_OCTETS];
    if (host.len > 0 && host.len < sizeof(name)) {
        memcpy(name, host.ptr, host.len);
        name[host.len] = '\0';
        n->input.host = name;
    }
    if (s->known->host)
        n->input.host = s->known->host;
    if (s->known->banner)
        n->input.banner = s->known->banner;
    if (s->known->provider)
        n->input.provider = s->known->provider;
    s->count++;
    s->fn(s->ctx, n);
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_' || c == '@' || c >= 128;
}

unsigned notice_code_at(struct slice s, size_t at)
{
    uint64_t code;
    if (at + 3 > s.len || (at > 0 && is_word(s.ptr[at - 1])))
        return 0;
    if (at + 3 < s.len && s.ptr[at + 3] != ' ' && s.ptr[at + 3] != '-' && s.ptr[at + 3] != '\t')
        return 0;
    if (!slice_to_u64(slice_take(slice_skip(s, at), 3), 599, &code) || code < 200)
        return 0;
    return (unsigned)code;
}

ptrdiff_t notice_sure_code(struct slice s)
{
    for (size_t at = 0; at + 8 < s.len; at++) {
        unsigned e[3], code = is_digit(s.ptr[at]) ? notice_code_at(s, at) : 0;
        if (code != 0 && smtp_enhanced_parse(slice_skip(s, at + 4), e) > 0 && e[0] == code / 100)
            return (ptrdiff_t)at;
    }
    return -1;
}

struct slice notice_until(struct slice s, const char *ends)
{
    size_t len = 0;
    while (len < s.len && s.ptr[len] != '\0' && !strchr(ends, s.ptr[len]))
        len++;
    return slice_take(s, len);
}

struct slice notice_behind(struct slice s, const char *mark)
{
    ptrdiff_t at = slice_find(s, slice_cstr(mark));
    return at < 0 ? slice_of(NULL, 0) : slice_skip(s, (size_t)at + strlen(mark));
}

/* ---- a reply alone ---- */

/* Where a line's reply begins, behind the marks and times that transcripts put before it ("< ",
 * "<** ", "S: ", "0.031 <S  "); -1: it is no reply. */
static ptrdiff_t bare_reply(struct slice line)
{
    static const char marks[] = " \t<>*-~=|:!.ST0123456789";
    for (size_t at = 0; at < line.len; at++) {
        if (notice_code_at(line, at) != 0)
            return (ptrdiff_t)at;
        if (line.ptr[at] == '\0' || !strchr(marks, line.ptr[at]))
            return -1;
    }
    return -1;
}

/* A reply of several lines ends with the first that has no hyphen, or where another code begins. */
static bool read_bare(struct notice_scan *s, struct slice line)
{
    ptrdiff_t at = bare_reply(line);
    if (at < 0)
        return false;
    struct notice n = {.form = "reply", .line = s->line};
    unsigned code = notice_code_at(line, (size_t)at);
    struct slice reply = slice_skip(line, (size_t)at);
    buf_reset(&s->text);
    buf_append(&s->text, slice_take(reply, NOTICE_TEXT_OCTETS / 2));
    while (reply.len > 3 && reply.ptr[3] == '-') {
        struct notice_scan ahead = *s;
        struct slice next;
        if (!notice_line(&ahead, &next) || (at = bare_reply(next)) < 0 ||
            notice_code_at(next, (size_t)at) != code)
            break;
        s->rest = ahead.rest;
        s->line = ahead.line;
        reply = slice_skip(next, (size_t)at);
        /* What does not fit any more is left out; the last line has the codes of the first. */
        if (s->text.len + reply.len + 1 < NOTICE_TEXT_OCTETS) {
            buf_append_octet(&s->text, '\n');
            buf_append(&s->text, reply);
        }
    }
    n.input.text = buf_slice(&s->text);
    n.input.code = code;
    notice_found(s, &n, slice_of(NULL, 0));
    return true;
}

/* A status line of POP3 or IMAP, behind the marks of a transcript or not. A "* OK" among other
 * lines is no news. */
static bool read_status(struct notice_scan *s, struct slice line)
{
    static const char *const marks[] = {"S: ", "< ", "<S ", "<ST "};
    struct slice text = slice_trim(line);
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
        if (slice_starts(text, slice_cstr(marks[i])))
            text = slice_trim(slice_skip(text, strlen(marks[i])));
    enum status_protocol protocol = status_guess(text);
    struct explanation e;
    if (protocol == STATUS_NONE || !status_explain(protocol, text, NULL, &e))
        return false;
    struct notice n = {.form = "status", .line = s->line};
    n.input.text = text;
    n.input.protocol = protocol == STATUS_POP3 ? "pop3" : "imap";
    notice_found(s, &n, slice_of(NULL, 0));
    return true;
}

/* ---- what a log line says besides ---- */

static struct slice host_of(struct slice line)
{
    static const char *const marks[] = {"relay=", " host ", "(host ", " H=", "Remote-MTA: dns;"};
    static const char *const nobody[] = {"none",     "local", "unknown", "virtual",
                                         "procmail", "said:", "said"};
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
        struct slice name = notice_until(slice_trim(notice_behind(line, marks[i])), "[ ,;:()<>\t");
        if (name.len > 0 && name.ptr[name.len - 1] == '.') /* sendmail writes the root */
            name = slice_take(name, name.len - 1);
        bool none = name.len == 0;
        for (size_t k = 0; k < sizeof(nobody) / sizeof(*nobody); k++)
            none |= slice_eq(name, slice_cstr(nobody[k]));
        if (!none)
            return name;
    }
    return slice_of(NULL, 0);
}

static struct slice recipient_of(struct slice line)
{
    static const char *const marks[] = {" to=<", "RCPT TO:<", "rejected RCPT <", " arg1=<",
                                        "\tto=<"};
    static const char *const exim[] = {" ** ", " == "};
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
        struct slice path = notice_until(notice_behind(line, marks[i]), ">");
        if (path.len > 0)
            return path;
    }
    for (size_t i = 0; i < sizeof(exim) / sizeof(*exim); i++) {
        struct slice path = notice_until(notice_behind(line, exim[i]), " ");
        if (slice_find_octet(path, '@') >= 0)
            return path;
    }
    return slice_of(NULL, 0);
}

static enum smtp_verb verb_of(struct slice line)
{
    static const char *const before[] = {"(in reply to ", " after ", "reject: ", "rejected ",
                                         "ruleset=check_"};
    static const struct {
        const char *word;
        enum smtp_verb verb;
    } words[] = {
        {"RCPT", SMTP_VERB_RCPT},       {"rcpt", SMTP_VERB_RCPT},
        {"MAIL", SMTP_VERB_MAIL},       {"mail", SMTP_VERB_MAIL},
        {"end of DATA", SMTP_VERB_DOT}, {"end of data", SMTP_VERB_DOT},
        {"DATA", SMTP_VERB_DATA},       {"EHLO", SMTP_VERB_EHLO},
        {"HELO", SMTP_VERB_HELO},       {"STARTTLS", SMTP_VERB_STARTTLS},
        {"AUTH", SMTP_VERB_AUTH},       {"initial connection", SMTP_VERB_CONNECT},
        {"CONNECT", SMTP_VERB_CONNECT},
    };
    for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++) {
        struct slice s = notice_behind(line, before[i]);
        for (size_t k = 0; k < sizeof(words) / sizeof(*words); k++)
            if (slice_starts(s, slice_cstr(words[k].word)))
                return words[k].verb;
    }
    return SMTP_VERB_UNKNOWN;
}

/* The words of the log's own program, which said the reply itself. */
static const char *provider_of(struct slice line)
{
    static const struct {
        const char *sign, *provider;
    } signs[] = {
        {"postfix/smtpd[", "Postfix"},    {"postfix/postscreen[", "Postfix"},
        {"NOQUEUE: reject:", "Postfix"},  {" rejected RCPT ", "Exim"},
        {" rejected MAIL ", "Exim"},      {" rejected EHLO ", "Exim"},
        {" rejected after DATA", "Exim"}, {"ruleset=check_", "Sendmail"},
    };
    for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
        if (slice_find(line, slice_cstr(signs[i].sign)) >= 0)
            return signs[i].provider;
    return NULL;
}

/* ---- log lines ---- */

/* Without what the log put behind the reply. */
static struct slice reply_alone(struct slice line, size_t at)
{
    static const char *const behind[] = {" (in reply to", "; from=<",
                                         "; proto=", " TLS session:", "/Giving up on "};
    struct slice reply = slice_skip(line, at);
    for (size_t i = 0; i < sizeof(behind) / sizeof(*behind); i++) {
        ptrdiff_t end = slice_find(reply, slice_cstr(behind[i]));
        if (end >= 0)
            reply = slice_take(reply, (size_t)end);
    }
    reply = slice_trim(reply);
    uint8_t before = at > 0 ? line.ptr[at - 1] : 0;
    for (size_t len = reply.len; (before == '\'' || before == '"') && len > 0; len--)
        if (reply.ptr[len - 1] == before)
            return slice_take(reply, len - 1);
    if (slice_find_octet(slice_take(line, at), '(') >= 0 && reply.len > 0 &&
        reply.ptr[reply.len - 1] == ')')
        reply = slice_take(reply, reply.len - 1);
    return reply;
}

/* A code without an enhanced code counts behind words that announce a reply. */
static ptrdiff_t announced_code(struct slice line)
{
    static const char *const words[] = {"said: ",
                                        "refused to talk to me: ",
                                        "error from remote m",
                                        "reply=",
                                        "reject=",
                                        "stat=",
                                        "smtp;",
                                        "returned '",
                                        "response: ",
                                        "responded with",
                                        "reply: b'"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        ptrdiff_t at = slice_find(line, slice_cstr(words[i]));
        if (at < 0)
            continue;
        for (size_t k = (size_t)at + strlen(words[i]); k < line.len; k++)
            if (is_digit(line.ptr[k]) && notice_code_at(line, k) != 0)
                return (ptrdiff_t)k;
    }
    return -1;
}

/* "dsn=5.4.4 ... status=bounced (words)", "stat=words", "rejected RCPT <a@b>: words". */
static bool without_code(struct slice line, struct notice *n, char enhanced[16])
{
    struct slice dsn = notice_until(notice_behind(line, "dsn="), ", ");
    unsigned e[3];
    if (dsn.len > 0 && dsn.len < 16 && smtp_enhanced_parse(dsn, e) == dsn.len && e[0] >= 4) {
        memcpy(enhanced, dsn.ptr, dsn.len);
        enhanced[dsn.len] = '\0';
        n->input.enhanced = enhanced;
        struct slice words = notice_behind(notice_behind(line, "status="), " (");
        if (words.len > 0 && words.ptr[words.len - 1] == ')')
            words = slice_take(words, words.len - 1);
        n->input.text = words.len > 0 ? words : slice_trim(notice_behind(line, "stat="));
        return true;
    }
    static const struct {
        const char *sign;
        unsigned klass;
    } exim[] = {{" temporarily rejected ", 4}, {" rejected ", 5}};
    for (size_t i = 0; i < sizeof(exim) / sizeof(*exim); i++) {
        struct slice words = notice_behind(notice_behind(line, exim[i].sign), ": ");
        if (words.len == 0 || verb_of(line) == SMTP_VERB_UNKNOWN)
            continue;
        n->input.text = words;
        n->input.klass = exim[i].klass;
        return true;
    }
    return false;
}

/* qmail's bounces name the code in brackets: "(#5.1.1)". */
static bool qmail_code(struct slice line, struct notice *n, char enhanced[16])
{
    struct slice code = notice_until(notice_behind(line, "(#"), ")");
    unsigned e[3];
    if (code.len == 0 || code.len >= 16 || smtp_enhanced_parse(code, e) != code.len)
        return false;
    memcpy(enhanced, code.ptr, code.len);
    enhanced[code.len] = '\0';
    n->input.enhanced = enhanced;
    n->input.provider = "qmail";
    n->input.text = slice_trim(line);
    return true;
}

/* qmail-send's log: "delivery 5: failure: Remote_host_said:_550_no/". Spaces are underscores, line
 * ends slashes. Others come back as they are; this one in s->text. */
static struct slice qmail_log(struct notice_scan *s, struct slice line)
{
    struct slice words = notice_behind(notice_behind(line, "delivery "), ": failure: ");
    if (!words.ptr)
        words = notice_behind(notice_behind(line, "delivery "), ": deferral: ");
    if (words.len == 0 || slice_find_octet(words, ' ') >= 0)
        return line;
    if (words.ptr[words.len - 1] == '/')
        words.len--;
    buf_reset(&s->text);
    for (size_t i = 0; i < words.len; i++)
        buf_append_octet(&s->text, words.ptr[i] == '_' ? ' ' : words.ptr[i]);
    return buf_slice(&s->text);
}

static bool read_log(struct notice_scan *s, struct slice line)
{
    line = qmail_log(s, line);
    struct notice n = {.form = "log", .line = s->line};
    char enhanced[16];
    unsigned e[3];
    ptrdiff_t at = notice_sure_code(line);
    if (at < 0)
        at = announced_code(line);
    if (at >= 0) {
        n.input.code = notice_code_at(line, (size_t)at);
        n.input.text = reply_alone(line, (size_t)at);
        if (n.input.code < 400)
            return false;
    } else if (smtp_enhanced_parse(slice_trim(line), e) > 0) {
        n.form = "reply";
        n.input.text = slice_trim(line);
    } else if (!without_code(line, &n, enhanced) && !qmail_code(line, &n, enhanced)) {
        return false;
    }
    n.input.answers = verb_of(line);
    n.recipient = recipient_of(line);
    if (!n.input.provider)
        n.input.provider = provider_of(line);
    notice_found(s, &n, n.input.provider ? slice_of(NULL, 0) : host_of(line));
    return true;
}

/* ---- words alone ---- */

static void read_words(struct notice_scan *s, struct slice text)
{
    struct explanation e;
    struct notice n = {.form = "words", .line = s->line, .input = *s->known};
    n.input.text = slice_trim(text);
    explain_reply_text(&n.input, &e);
    if (e.provider)
        notice_found(s, &n, slice_of(NULL, 0));
}

size_t notice_scan(struct slice text, const struct explain_input *known, notice_fn fn, void *ctx)
{
    enum { WORDS_OCTETS = 65536, LINE_OCTETS = 4096 };
    static const struct explain_input unknown;
    struct notice_scan s = {.fn = fn, .ctx = ctx, .known = known ? known : &unknown, .rest = text};
    struct slice line;
    buf_init(&s.text, NOTICE_TEXT_OCTETS);
    if (notice_is_report(text))
        notice_report(&s);
    if (s.count == 0) {
        s.rest = text;
        s.line = 0;
        while (notice_line(&s, &line)) {
            if (!read_bare(&s, line) && !read_status(&s, slice_take(line, LINE_OCTETS)))
                read_log(&s, slice_take(line, LINE_OCTETS));
        }
    }
    if (s.count == 0) {
        s.rest = slice_take(text, WORDS_OCTETS);
        s.line = 0;
        while (notice_line(&s, &line))
            read_words(&s, slice_take(line, LINE_OCTETS));
    }
    if (s.count == 0) {
        s.line = 1;
        read_words(&s, slice_take(text, LINE_OCTETS));
    }
    buf_deinit(&s.text);
    return s.count;
}
