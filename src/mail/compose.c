/* Messages written by template. */
#include "mail/compose.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/vis.h"

enum { BASE64_LINE_OCTETS = 57 }; /* 76 characters (RFC 2045 section 6.8) */

static const char *const template_names[MAIL_TEMPLATE__COUNT] = {
    [MAIL_TEMPLATE_PLAIN] = "plain", [MAIL_TEMPLATE_ALTERNATIVE] = "alternative",
    [MAIL_TEMPLATE_UTF8] = "utf8",   [MAIL_TEMPLATE_LONG_LINES] = "long-lines",
    [MAIL_TEMPLATE_DOTS] = "dots",   [MAIL_TEMPLATE_GTUBE] = "gtube",
    [MAIL_TEMPLATE_EICAR] = "eicar",
};

const char *mail_template_name(enum mail_template t)
{
    return (unsigned)t < MAIL_TEMPLATE__COUNT ? template_names[t] : "";
}

enum mail_template mail_template_by_name(struct slice name)
{
    int t = 0;
    while (t < MAIL_TEMPLATE__COUNT && !slice_eq_nocase(name, slice_cstr(template_names[t])))
        t++;
    return (enum mail_template)t;
}

bool mail_header_valid(const char *text, struct err *err)
{
    const char *colon = strchr(text, ':');
    bool ok = colon && colon > text;
    for (const char *p = text; ok && p < colon; p++)
        ok = *p > ' ' && *p < 127; /* RFC 5322 section 3.6.8: ftext */
    for (const char *p = text; ok && *p; p++)
        ok = *p != '\r' && *p != '\n';
    if (ok)
        return true;
    char shown[80];
    vis_to_cstr(shown, sizeof shown, slice_cstr(text));
    err_set(err, ERR_USAGE, 0, "\"%s\" is no header field", shown);
    err_explain(err, "a field is \"Name: value\" on one line", "--header \"X-Test: yes\"");
    return false;
}

/* ---- lines ---- */

static void text_lines(struct buf *out, const char *text)
{
    char last = 0;
    for (const char *p = text; *p; p++) {
        if (*p == '\n' && last != '\r')
            buf_append_octet(out, '\r');
        last = *p;
        buf_append_octet(out, (uint8_t)last);
    }
    if (last != '\n')
        buf_append_cstr(out, "\r\n");
}

static void base64_lines(struct buf *out, struct slice octets)
{
    while (octets.len > 0) {
        struct slice line = slice_take(octets, BASE64_LINE_OCTETS);
        base64_encode(out, line);
        buf_append_cstr(out, "\r\n");
        octets = slice_skip(octets, line.len);
    }
}

/* ---- header ---- */

static struct slice field_name(const char *field)
{
    return slice_of(field, strcspn(field, ":"));
}

static bool given(const struct mail_draft *d, const char *name)
{
    for (size_t i = 0; i < d->n_headers; i++)
        if (slice_eq_nocase(field_name(d->headers[i]), slice_cstr(name)))
            return true;
    return false;
}

/* A field of ours, unless the person gives one of that name. */
__attribute__((format(printf, 4, 5))) static void field(const struct mail_draft *d, struct buf *out,
                                                        const char *name, const char *fmt, ...)
{
    va_list args;
    char value[1200];
    if (given(d, name))
        return;
    va_start(args, fmt);
    vsnprintf(value, sizeof value, fmt, args);
    va_end(args);
    buf_printf(out, "%s: %s\r\n", name, value);
}

static void put_headers(const struct mail_draft *d, struct buf *out)
{
    for (size_t i = 0; i < d->n_headers; i++)
        buf_printf(out, "%s\r\n", d->headers[i]);
}

static void put_to(const struct mail_draft *d, struct buf *out)
{
    if (given(d, "To"))
        return;
    buf_append_cstr(out, "To: ");
    for (size_t i = 0; i < d->n_to; i++)
        buf_printf(out, "%s<%s>", i ? ",\r\n " : "", d->to[i]);
    buf_append_cstr(out, "\r\n");
}

static const char *sender(const struct mail_draft *d)
{
    return *d->from ? d->from : "postmaster@localhost";
}

/* ---- what the templates say ---- */

static const char plain_text[] = "This is a test message sent by smtpscope.\n"
                                 "It holds nothing else.\n";
static const char html_text[] = "<html><body><p>This is a <b>test message</b> sent by "
                                "smtpscope.</p></body></html>\n";
static const char utf8_text[] =
    "Gr\xc3\xbc\xc3\x9f"
    "e, \xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82, \xe3\x81\x93\xe3\x82\x93\xe3\x81\xab"
    "\xe3\x81\xa1\xe3\x81\xaf: text beyond ASCII.\n";
static const char dots_text[] = "The next lines begin with dots.\n.\n..\n...three\n.hidden\n"
                                "This is the last line.\n";
/* The generic test for unsolicited bulk mail, as SpamAssassin documents it. */
static const char gtube_text[] =
    "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n";
/* The EICAR test file, in two halves so that scanners leave this program alone. */
static const char *const eicar_halves[] = {"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR",
                                           "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"};

static void long_lines(struct buf *out)
{
    static const size_t lengths[] = {78, 998, 999, 2000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        int head = snprintf(NULL, 0, "%zu octets: ", lengths[i]);
        buf_printf(out, "%zu octets: ", lengths[i]);
        for (size_t n = (size_t)head; n < lengths[i]; n++)
            buf_append_octet(out, 'x');
        buf_append_cstr(out, "\r\n");
    }
}

static void template_text(const struct mail_draft *d, struct buf *out)
{
    static const char *const texts[MAIL_TEMPLATE__COUNT] = {
        [MAIL_TEMPLATE_PLAIN] = plain_text, [MAIL_TEMPLATE_ALTERNATIVE] = plain_text,
        [MAIL_TEMPLATE_UTF8] = utf8_text,   [MAIL_TEMPLATE_DOTS] = dots_text,
        [MAIL_TEMPLATE_GTUBE] = gtube_text, [MAIL_TEMPLATE_EICAR] = plain_text,
    };
    if (d->body)
        text_lines(out, d->body);
    else if (texts[d->template])
        text_lines(out, texts[d->template]);
    else
        long_lines(out);
}

/* ---- parts ---- */

static bool has_8bit(const struct mail_draft *d)
{
    if (!d->body)
        return d->template == MAIL_TEMPLATE_UTF8;
    for (const char *p = d->body; *p; p++)
        if ((unsigned char)*p > 127)
            return true;
    return false;
}

static void text_part(const struct mail_draft *d, struct buf *out, bool in_multipart)
{
    bool eight = has_8bit(d);
    const char *type = eight ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii";
    const char *encoding = eight ? "8bit" : "7bit";
    if (in_multipart) {
        buf_printf(out, "Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n", type,
                   encoding);
    } else {
        field(d, out, "Content-Type", "%s", type);
        field(d, out, "Content-Transfer-Encoding", "%s", encoding);
        put_headers(d, out);
        buf_append_cstr(out, "\r\n");
    }
    template_text(d, out);
}

/* A file's name in quotes: what could end them or begin a line becomes "_". */
static void put_file_name(struct buf *out, const char *name)
{
    for (const char *p = name; *p; p++) {
        unsigned char c = (unsigned char)*p;
        buf_append_octet(out, c < ' ' || c == 127 || c == '"' || c == '\\' ? '_' : c);
    }
}

static void attachment_part(struct buf *out, const char *name, struct slice octets)
{
    buf_append_cstr(out, "Content-Type: application/octet-stream; name=\"");
    put_file_name(out, name);
    buf_append_cstr(out, "\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: "
                         "attachment; filename=\"");
    put_file_name(out, name);
    buf_append_cstr(out, "\"\r\n\r\n");
    base64_lines(out, octets);
}

static void delimiter(const struct mail_draft *d, struct buf *out, const char *end)
{
    buf_printf(out, "--=_%s%s\r\n", d->id, end);
}

static void begin_multi(const struct mail_draft *d, struct buf *out, const char *subtype)
{
    field(d, out, "Content-Type", "multipart/%s; boundary=\"=_%s\"", subtype, d->id);
    put_headers(d, out);
    buf_append_cstr(out, "\r\n");
    delimiter(d, out, "");
    text_part(d, out, true);
}

static void mixed(const struct mail_draft *d, struct buf *out)
{
    begin_multi(d, out, "mixed");
    for (size_t i = 0; i < d->n_attachments; i++) {
        delimiter(d, out, "");
        attachment_part(out, d->attachments[i].name, d->attachments[i].octets);
    }
    if (d->template == MAIL_TEMPLATE_EICAR) {
        char file[128];
        snprintf(file, sizeof file, "%s%s", eicar_halves[0], eicar_halves[1]);
        delimiter(d, out, "");
        attachment_part(out, "eicar.com", slice_cstr(file));
    }
    delimiter(d, out, "--");
}

static void alternative(const struct mail_draft *d, struct buf *out)
{
    begin_multi(d, out, "alternative");
    delimiter(d, out, "");
    buf_append_cstr(out, "Content-Type: text/html; charset=us-ascii\r\n\r\n");
    text_lines(out, html_text);
    delimiter(d, out, "--");
}

bool mail_compose(const struct mail_draft *d, struct buf *out)
{
    bool utf8 = d->template == MAIL_TEMPLATE_UTF8;
    field(d, out, "Date", "%s", d->date);
    field(d, out, "From", "%s<%s>", utf8 ? "=?UTF-8?Q?J=C3=BCrgen?= " : "", sender(d));
    put_to(d, out);
    field(d, out, "Subject", "%s",
          utf8 ? "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= smtpscope test" : "smtpscope test");
    field(d, out, "Message-ID", "<%s>", d->id);
    field(d, out, "MIME-Version", "1.0");
    if (d->n_attachments > 0 || d->template == MAIL_TEMPLATE_EICAR)
        mixed(d, out);
    else if (d->template == MAIL_TEMPLATE_ALTERNATIVE)
        alternative(d, out);
    else
        text_part(d, out, false);
    return !out->overflow;
}

/* ---- texts with variables ---- */

static void put_variable(const struct mail_draft *d, struct slice name, struct buf *out)
{
    if (slice_eq(name, SLICE_LIT("FROM_ADDRESS")))
        buf_append_cstr(out, sender(d));
    else if (slice_eq(name, SLICE_LIT("TO_ADDRESS")))
        for (size_t i = 0; i < d->n_to; i++)
            buf_printf(out, "%s%s", i ? ", " : "", d->to[i]);
    else if (slice_eq(name, SLICE_LIT("DATE")))
        buf_append_cstr(out, d->date);
    else if (slice_eq(name, SLICE_LIT("MESSAGEID")))
        buf_append_cstr(out, d->id);
    else if (slice_eq(name, SLICE_LIT("NEW_HEADERS")))
        put_headers(d, out);
    else if (slice_eq(name, SLICE_LIT("BODY")))
        buf_append_cstr(out, d->body ? d->body : plain_text);
    else
        buf_printf(out, "%%%.*s%%", SLICE_ARG(name)); /* not one of ours: as it stands */
}

static bool variable_octet(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || c == '_';
}

bool mail_expand(struct slice text, bool escapes, const struct mail_draft *d, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (escapes && c == '\\' && i + 1 < text.len && text.ptr[i + 1] == 'n') {
            buf_append_cstr(out, "\r\n");
            i++;
            continue;
        }
        size_t end = i + 1;
        while (c == '%' && end < text.len && variable_octet(text.ptr[end]))
            end++;
        if (c == '%' && end > i + 1 && end < text.len && text.ptr[end] == '%') {
            put_variable(d, slice_of(text.ptr + i + 1, end - i - 1), out);
            i = end;
            continue;
        }
        buf_append_octet(out, c);
    }
    return !out->overflow;
}
