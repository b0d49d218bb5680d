/* XCLIENT attributes: a table of names and of what their values have to be. */
#include "smtp/xclient.h"

#include <string.h>

#include "base/buf.h"
#include "smtp/param.h"
#include "smtp/smtp_private.h"

static bool is_text(struct slice v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.ptr[i] < ' ' || v.ptr[i] == 0x7f)
            return false;
    return v.len > 0;
}

static bool is_port(struct slice v)
{
    uint64_t port;
    return v.len <= 5 && slice_to_u64(v, 65535, &port);
}

static bool is_proto(struct slice v)
{
    return slice_eq_nocase(v, SLICE_LIT("SMTP")) || slice_eq_nocase(v, SLICE_LIT("ESMTP"));
}

/* As in an address literal, without its brackets: 192.0.2.1, IPV6:2001:db8::1. */
static bool is_address(struct slice v)
{
    char literal[SMTP_XCLIENT_VALUE_OCTETS + 2];
    if (v.len == 0 || v.len > SMTP_XCLIENT_VALUE_OCTETS)
        return false;
    literal[0] = '[';
    memcpy(literal + 1, v.ptr, v.len);
    literal[v.len + 1] = ']';
    return smtp_domain_rules(slice_of(literal, v.len + 2)) == 0;
}

static const struct {
    const char *name;
    bool (*valid)(struct slice value);
} attributes[SMTP_XCLIENT__COUNT] = {
    [SMTP_XCLIENT_NAME] = {"NAME", is_text},
    [SMTP_XCLIENT_ADDR] = {"ADDR", is_address},
    [SMTP_XCLIENT_PORT] = {"PORT", is_port},
    [SMTP_XCLIENT_PROTO] = {"PROTO", is_proto},
    [SMTP_XCLIENT_HELO] = {"HELO", is_text},
    [SMTP_XCLIENT_LOGIN] = {"LOGIN", is_text},
    [SMTP_XCLIENT_DESTADDR] = {"DESTADDR", is_address},
    [SMTP_XCLIENT_DESTPORT] = {"DESTPORT", is_port},
};

const char *smtp_xclient_name(enum smtp_xclient_attribute a)
{
    return (unsigned)a < SMTP_XCLIENT__COUNT ? attributes[a].name : NULL;
}

static bool take(struct smtp_xclient *x, const struct smtp_param *p)
{
    unsigned a = 0;
    while (a < SMTP_XCLIENT__COUNT && !slice_eq_nocase(p->keyword, slice_cstr(attributes[a].name)))
        a++;
    if (a == SMTP_XCLIENT__COUNT || x->value[a])
        return false;
    x->value[a] = x->text[a];
    x->text[a][0] = '\0';
    if (slice_eq_nocase(p->value, SLICE_LIT("[UNAVAILABLE]")) ||
        slice_eq_nocase(p->value, SLICE_LIT("[TEMPUNAVAIL]")))
        return true;
    struct buf text;
    buf_init(&text, SMTP_XCLIENT_VALUE_OCTETS - 1);
    bool good = smtp_xtext_decode(p->value, &text) && attributes[a].valid(buf_slice(&text));
    if (good)
        memcpy(x->text[a], buf_cstr(&text), text.len + 1);
    buf_deinit(&text);
    return good;
}

bool smtp_xclient_parse(const struct smtp_command *c, struct smtp_xclient *out,
                        struct slice *wrong_out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < c->n_params; i++)
        if (!take(out, &c->params[i])) {
            if (wrong_out)
                *wrong_out = c->params[i].keyword;
            return false;
        }
    if (wrong_out)
        *wrong_out = slice_of(NULL, 0);
    return c->n_params > 0;
}
