/* The text of a delivery status notification (RFC 3464): multipart/report with words for a person,
 * the machine's part, and the message or its head.
 *
 * What stands in it comes from peers: addresses have lost their control characters at RCPT, names
 * and diagnostics lose theirs here, so that nothing can begin a line of its own.
 */
#include "mock/report.h"

#include <string.h>

#include "smtp/param.h"

enum { HEAD_MAX_OCTETS = 16384 };

/* ---- NOTIFY ---- */

unsigned mock_notify_read(struct slice value)
{
    static const struct {
        const char *word;
        unsigned bit;
    } words[] = {{"NEVER", MOCK_NOTIFY_NEVER},
                 {"SUCCESS", MOCK_NOTIFY_SUCCESS},
                 {"FAILURE", MOCK_NOTIFY_FAILURE},
                 {"DELAY", MOCK_NOTIFY_DELAY}};
    unsigned bits = 0;
    while (value.len > 0) {
        ptrdiff_t comma = slice_find_octet(value, ',');
        struct slice word = comma < 0 ? value : slice_take(value, (size_t)comma);
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (slice_eq_nocase(word, slice_cstr(words[i].word)))
                bits |= words[i].bit;
        value = slice_skip(value, comma < 0 ? value.len : (size_t)comma + 1);
    }
    return bits;
}

static const struct {
    const char *name;    /* RFC 3464 section 2.3.3 */
    const char *subject; /* of a report about nothing else */
    const char *words;   /* "Your message ..." */
    unsigned notify;
    bool unasked; /* told where NOTIFY was not given */
} actions[MOCK_ACTION__COUNT] = {
    [MOCK_ACTION_NONE] = {"", "", "", 0, false},
    [MOCK_ACTION_FAILED] = {"failed", "Undelivered Mail Returned to Sender",
                            "could not be delivered to", MOCK_NOTIFY_FAILURE, true},
    [MOCK_ACTION_DELAYED] = {"delayed", "Delayed Mail (still being tried)",
                             "has not been delivered yet to", MOCK_NOTIFY_DELAY, false},
    [MOCK_ACTION_DELIVERED] = {"delivered", "Successful Mail Delivery Report", "was delivered to",
                               MOCK_NOTIFY_SUCCESS, false},
    [MOCK_ACTION_RELAYED] = {"relayed", "Successful Mail Delivery Report",
                             "was handed on, to where no reports come from, for",
                             MOCK_NOTIFY_SUCCESS, false},
    [MOCK_ACTION_EXPANDED] = {"expanded", "Successful Mail Delivery Report",
                              "went to the members of the list", MOCK_NOTIFY_SUCCESS, false},
};

bool mock_notify_wants(unsigned notify, enum mock_action action)
{
    return notify == 0 ? actions[action].unasked : (notify & actions[action].notify) != 0;
}

/* ---- pieces ---- */

/* On one line, whatever it holds. */
static void put_line(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_append_octet(out, (uint8_t)*text < ' ' || *text == 0x7f ? '?' : (uint8_t)*text);
}

static void put_field(struct buf *out, const char *name, const char *type, const char *text)
{
    buf_printf(out, "%s: %s", name, type);
    put_line(out, text);
    buf_append_cstr(out, "\r\n");
}

/* A field that carries xtext of the client, as text; as it came where that would be unprintable. */
static void put_xtext(struct buf *out, const char *name, const char *type, struct slice xtext)
{
    struct buf text;
    buf_init(&text, 2048);
    if (!smtp_xtext_decode(xtext, &text) || slice_find_octet(buf_slice(&text), 0) >= 0) {
        buf_reset(&text);
        buf_append(&text, xtext);
    }
    put_field(out, name, type, buf_cstr(&text));
    buf_deinit(&text);
}

static bool is_8bit(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] > 0x7f)
            return true;
    return false;
}

/* The header section, with its last line's end, cut behind a whole line where it is too long. */
static struct slice head_of(struct slice message)
{
    ptrdiff_t end = slice_find(message, SLICE_LIT("\r\n\r\n"));
    struct slice head = end < 0 ? message : slice_take(message, (size_t)end + 2);
    if (head.len <= HEAD_MAX_OCTETS)
        return head;
    head = slice_take(head, HEAD_MAX_OCTETS);
    while (head.len > 0 && head.ptr[head.len - 1] != '\n')
        head.len--;
    return head;
}

/* ---- the parts ---- */

static void write_header(const struct mock_report *r, bool eight_bit, struct buf *out)
{
    buf_printf(out,
               "Return-Path: <>\r\nDate: %s\r\nFrom: Mail Delivery System <postmaster@%s>\r\n"
               "To: <%s>\r\nSubject: %s\r\nMessage-ID: <%s.report@%s>\r\n"
               "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
               "Content-Type: multipart/report; report-type=delivery-status;\r\n"
               "\tboundary=\"%s/%s\"\r\n",
               r->date, r->domain, r->to, actions[r->recipients[0].action].subject, r->id, r->name,
               r->id, r->name);
    if (eight_bit)
        buf_append_cstr(out, "Content-Transfer-Encoding: 8bit\r\n");
    buf_append_cstr(out, "\r\n");
}

static void begin_part(const struct mock_report *r, const char *type, bool eight_bit,
                       struct buf *out)
{
    buf_printf(out, "--%s/%s\r\nContent-Type: %s\r\n", r->id, r->name, type);
    if (eight_bit)
        buf_append_cstr(out, "Content-Transfer-Encoding: 8bit\r\n");
    buf_append_cstr(out, "\r\n");
}

static void write_words(const struct mock_report *r, struct buf *out)
{
    begin_part(r, r->utf8 ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii", r->utf8,
               out);
    buf_printf(out, "This is the practice server at %s.\r\n", r->name);
    for (size_t i = 0; i < r->n_recipients; i++) {
        const struct mock_report_recipient *p = &r->recipients[i];
        if (i == 0 || p->action != r->recipients[i - 1].action)
            buf_printf(out, "\r\nYour message %s\r\n\r\n", actions[p->action].words);
        buf_printf(out, "    <%s>%s", p->address, p->diagnostic[0] ? ": " : "");
        put_line(out, p->diagnostic);
        buf_append_cstr(out, "\r\n");
    }
    buf_append_cstr(out, "\r\n");
}

static void write_recipient(const struct mock_report *r, const struct mock_report_recipient *p,
                            struct buf *out)
{
    buf_append_cstr(out, "\r\n");
    struct slice type = slice_cstr(p->original);
    ptrdiff_t semicolon = slice_find_octet(type, ';');
    if (semicolon > 0) {
        char head[72];
        type = slice_take(slice_take(type, (size_t)semicolon), 64);
        memcpy(head, type.ptr, type.len);
        memcpy(head + type.len, "; ", 3);
        put_xtext(out, "Original-Recipient", head,
                  slice_skip(slice_cstr(p->original), (size_t)semicolon + 1));
    }
    bool wide = r->utf8 && is_8bit(slice_cstr(p->address));
    put_field(out, "Final-Recipient", wide ? "utf-8; " : "rfc822; ", p->address);
    buf_printf(out, "Action: %s\r\nStatus: %s\r\n", actions[p->action].name, p->status);
    if (p->diagnostic[0])
        put_field(out, "Diagnostic-Code", "smtp; ", p->diagnostic);
    buf_printf(out, "Last-Attempt-Date: %s\r\n", r->date);
}

/* RFC 3464 section 2.2; message/global-delivery-status where the message was of RFC 6531. */
static void write_status(const struct mock_report *r, struct buf *out)
{
    begin_part(r, r->utf8 ? "message/global-delivery-status" : "message/delivery-status", r->utf8,
               out);
    if (r->envid[0])
        put_xtext(out, "Original-Envelope-Id", "", slice_cstr(r->envid));
    buf_printf(out, "Reporting-MTA: dns; %s\r\n", r->name);
    if (r->from_mta[0])
        put_field(out, "Received-From-MTA", "dns; ", r->from_mta);
    buf_printf(out, "Arrival-Date: %s\r\n", r->arrived);
    for (size_t i = 0; i < r->n_recipients; i++)
        write_recipient(r, &r->recipients[i], out);
    buf_append_cstr(out, "\r\n");
}

void mock_report_write(const struct mock_report *r, struct buf *out)
{
    static const char *const types[2][2] = {
        {"text/rfc822-headers", "message/rfc822"},
        {"message/global-headers", "message/global"},
    };
    struct slice back = r->full ? r->message : head_of(r->message);
    bool eight_bit = is_8bit(back);
    write_header(r, eight_bit || r->utf8, out);
    write_words(r, out);
    write_status(r, out);
    begin_part(r, types[r->utf8][r->full], eight_bit, out);
    buf_append(out, back);
    buf_printf(out, "\r\n--%s/%s--\r\n", r->id, r->name);
}
