/* Names and types as text. */
#include "dns_private.h"

#include <idn2.h>
#include <string.h>

enum { LABEL_OCTETS_MAX = 63, NAME_WIRE_OCTETS_MAX = 255 };

static const struct {
    enum dns_type type;
    const char *name;
} types[] = {
    {DNS_A, "A"},       {DNS_AAAA, "AAAA"},   {DNS_MX, "MX"},   {DNS_TXT, "TXT"},
    {DNS_TLSA, "TLSA"}, {DNS_CNAME, "CNAME"}, {DNS_PTR, "PTR"},
};

const char *dns_type_name(enum dns_type type)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (types[i].type == type)
            return types[i].name;
    return "unknown";
}

enum dns_type dns_type_of(struct slice name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (slice_eq_nocase(name, slice_cstr(types[i].name)))
            return types[i].type;
    return 0;
}

static bool is_label_octet(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Letters, digits, hyphens, and the underscore that _dmarc and _25._tcp need; labels of 1 to 63
 * octets. Hyphens at the ends of a label are not policed: such names exist and people ask why. */
static bool ascii_name(struct slice in, char *out, size_t out_octets)
{
    size_t label_octets = 0;
    if (in.len > 0 && in.ptr[in.len - 1] == '.')
        in.len--;
    if (in.len == 0 || in.len >= out_octets || in.len >= DNS_NAME_OCTETS - 2)
        return false;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.ptr[i];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c - 'A' + 'a');
        if (c == '.' ? label_octets == 0 : !is_label_octet(c) || label_octets == LABEL_OCTETS_MAX)
            return false;
        label_octets = c == '.' ? 0 : label_octets + 1;
        out[i] = (char)c;
    }
    out[in.len] = '\0';
    return label_octets > 0;
}

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text > 127)
            return false;
    return true;
}

bool dns_to_ascii(const char *domain, char *out, size_t out_octets)
{
    if (domain == NULL)
        return false;
    if (is_ascii(domain))
        return ascii_name(slice_cstr(domain), out, out_octets);
    uint8_t *found = NULL;
    int rc = idn2_lookup_u8((const uint8_t *)domain, &found, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
    bool good = rc == IDN2_OK && ascii_name(slice_cstr((const char *)found), out, out_octets);
    idn2_free(found);
    return good;
}

bool dns_to_unicode(const char *domain, char *out, size_t out_octets)
{
    char back[DNS_NAME_OCTETS], *found = NULL;
    size_t n = 0;
    bool good = domain != NULL && idn2_to_unicode_8z8z(domain, &found, 0) == IDN2_OK;
    if (good) {
        n = strlen(found);
        /* What does not come back as it was is no name that was ever registered so. */
        good = n > 0 && n < out_octets && dns_to_ascii(found, back, sizeof(back)) &&
               slice_eq_nocase(slice_cstr(back), slice_cstr(domain));
    }
    if (good)
        memcpy(out, found, n + 1);
    idn2_free(found);
    return good;
}

bool dns_other_form(const char *domain, char *out, size_t out_octets)
{
    if (!is_ascii(domain))
        return dns_to_ascii(domain, out, out_octets);
    if (strstr(domain, "xn--") == NULL && strstr(domain, "XN--") == NULL)
        return false;
    return dns_to_unicode(domain, out, out_octets) && !is_ascii(out);
}

static void label_octet(struct buf *out, uint8_t c)
{
    if (c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' || c == ')' || c == '@' ||
        c == '$')
        buf_printf(out, "\\%c", c);
    else if (c > ' ' && c < 127)
        buf_append_octet(out, c);
    else
        buf_printf(out, "\\%03u", c);
}

bool dns_name_from_wire(struct slice wire, struct buf *out, size_t *used_octets_out)
{
    size_t at = 0;
    while (at < wire.len && wire.ptr[at] != 0) {
        size_t label_octets = wire.ptr[at];
        if (label_octets > LABEL_OCTETS_MAX || label_octets >= wire.len - at ||
            at + label_octets + 1 >= NAME_WIRE_OCTETS_MAX)
            return false; /* a compression pointer would be above 63, too */
        if (at > 0)
            buf_append_octet(out, '.');
        for (size_t i = 1; i <= label_octets; i++)
            label_octet(out, wire.ptr[at + i]);
        at += label_octets + 1;
    }
    if (at >= wire.len)
        return false;
    if (used_octets_out != NULL)
        *used_octets_out = at + 1;
    return !out->overflow;
}
