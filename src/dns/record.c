/* Resource records: from the wire to what the program uses, and to the form people read. */
#include "dns_private.h"

#include <arpa/inet.h>

static bool add_address(struct dns_question *q, struct slice rdata)
{
    if (rdata.len != (q->type == DNS_A ? 4 : 16))
        return false;
    dns_question_add(q, 0, rdata);
    return true;
}

static bool add_name(struct dns_question *q, uint16_t preference, struct slice wire)
{
    struct buf text;
    size_t used_octets = 0;
    buf_init(&text, DNS_NAME_TEXT_OCTETS);
    bool good = dns_name_from_wire(wire, &text, &used_octets) && used_octets == wire.len;
    if (good)
        dns_question_add(q, preference, buf_slice(&text));
    buf_deinit(&text);
    return good;
}

bool dns_record_from_wire(struct dns_question *q, struct slice rdata)
{
    switch (q->type) {
    case DNS_A:
    case DNS_AAAA:
        return add_address(q, rdata);
    case DNS_MX:
        return rdata.len > 2 &&
               add_name(q, (uint16_t)(rdata.ptr[0] << 8 | rdata.ptr[1]), slice_skip(rdata, 2));
    case DNS_CNAME:
    case DNS_PTR:
        return add_name(q, 0, rdata);
    case DNS_TXT:
    case DNS_TLSA:
        break;
    }
    dns_question_add(q, 0, rdata);
    return true;
}

static void format_address(enum dns_type type, struct slice data, struct buf *out)
{
    char text[INET6_ADDRSTRLEN];
    if (data.len == (type == DNS_A ? 4u : 16u) &&
        inet_ntop(type == DNS_A ? AF_INET : AF_INET6, data.ptr, text, sizeof(text)) != NULL)
        buf_append_cstr(out, text);
}

/* RFC 1035 section 3.3.14: one or more character strings, each with its length in front. */
static void format_txt(struct slice data, struct buf *out)
{
    for (size_t at = 0; at < data.len;) {
        struct slice part = slice_take(slice_skip(data, at + 1), data.ptr[at]);
        buf_append_cstr(out, at > 0 ? " \"" : "\"");
        for (size_t i = 0; i < part.len; i++) {
            uint8_t c = part.ptr[i];
            if (c == '"' || c == '\\')
                buf_printf(out, "\\%c", c);
            else if (c >= ' ' && c < 127)
                buf_append_octet(out, c);
            else
                buf_printf(out, "\\%03u", c);
        }
        buf_append_octet(out, '"');
        at += part.len + 1;
    }
}

static void format_hex(struct slice data, struct buf *out)
{
    for (size_t i = 0; i < data.len; i++)
        buf_printf(out, "%02x", data.ptr[i]);
}

/* RFC 6698 section 2.2 */
static void format_tlsa(struct slice data, struct buf *out)
{
    if (data.len >= 3)
        buf_printf(out, "%u %u %u ", data.ptr[0], data.ptr[1], data.ptr[2]);
    format_hex(slice_skip(data, 3), out);
}

void dns_record_format(enum dns_type type, const struct dns_record *r, struct buf *out)
{
    switch (type) {
    case DNS_A:
    case DNS_AAAA:
        format_address(type, r->data, out);
        return;
    case DNS_MX:
        buf_printf(out, "%u ", r->preference);
        break;
    case DNS_TXT:
        format_txt(r->data, out);
        return;
    case DNS_TLSA:
        format_tlsa(r->data, out);
        return;
    case DNS_CNAME:
    case DNS_PTR:
        break;
    }
    buf_append(out, r->data);
    buf_append_octet(out, '.'); /* absolute; the null MX is "0 ." (RFC 7505 section 3) */
}
