/* Paths and mailboxes (RFC 5321 section 4.1.2, 4.1.3; UTF-8 by RFC 6531 section 3.3):
 *
 *     Path           = "<" [ A-d-l ":" ] Mailbox ">"
 *     A-d-l          = At-domain *( "," At-domain )        At-domain = "@" Domain
 *     Mailbox        = Local-part "@" ( Domain / address-literal )
 *     Local-part     = Dot-string / Quoted-string          Dot-string = Atom *( "." Atom )
 *     Quoted-string  = DQUOTE *( qtextSMTP / "\" %d32-126 ) DQUOTE
 *     Domain         = sub-domain *( "." sub-domain )      sub-domain = Let-dig [Ldh-str]
 *     address-literal = "[" ( IPv4 / "IPv6:" IPv6 / tag ":" 1*dcontent ) "]"
 *
 * First the extent is found (where does the path end?), then the inside is cut into its parts, then
 * each part is judged. The first two never fail: a path that is wrong is still shown.
 */
#include "smtp/address.h"

#include "base/utf8.h"
#include "smtp/limits.h"
#include "smtp/smtp_private.h"

#include <arpa/inet.h>
#include <string.h>

#define BIT(name) SMTP_RULE_BIT(SMTP_RULE_##name)

enum { LABEL_MAX_OCTETS = 63 /* RFC 1035 section 2.3.4 */ };

/* ---- octets ---- */

static bool is_atext(uint8_t octet)
{
    return smtp_is_alnum(octet) || octet > 0x7f ||
           (octet != 0 && strchr("!#$%&'*+-/=?^_`{|}~", octet) != NULL);
}

static bool has_8bit(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] > 0x7f)
            return true;
    return false;
}

/* Index behind the closing quote of the quoted string at `at`; 0: it has none. */
static size_t quoted_end(struct slice s, size_t at)
{
    for (size_t i = at + 1; i < s.len; i++) {
        if (s.ptr[i] == '\\')
            i++;
        else if (s.ptr[i] == '"')
            return i + 1;
    }
    return 0;
}

/* ---- the parts ---- */

static bool dot_string_valid(struct slice s)
{
    bool want_atom = true;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '.') {
            if (want_atom)
                return false;
            want_atom = true;
        } else if (is_atext(s.ptr[i])) {
            want_atom = false;
        } else {
            return false;
        }
    }
    return !want_atom;
}

static bool quoted_string_valid(struct slice s)
{
    if (quoted_end(s, 0) != s.len)
        return false;
    for (size_t i = 1; i + 1 < s.len; i++) {
        bool pair = s.ptr[i] == '\\';
        uint8_t octet = pair ? s.ptr[++i] : s.ptr[i];
        if (octet < 0x20 || octet == 0x7f || (pair && octet > 0x7f))
            return false;
    }
    return true;
}

static bool local_part_valid(struct slice s)
{
    if (s.len == 0 || !utf8_valid(s))
        return false;
    return s.ptr[0] == '"' ? quoted_string_valid(s) : dot_string_valid(s);
}

static bool is_let_dig(uint8_t octet)
{
    return smtp_is_alnum(octet) || octet > 0x7f;
}

/* What a sub-domain breaks. */
static smtp_rules label_rules(struct slice label)
{
    if (label.len == 0 || !is_let_dig(label.ptr[0]) || !is_let_dig(label.ptr[label.len - 1]))
        return BIT(PATH_SYNTAX);
    for (size_t i = 0; i < label.len; i++)
        if (!is_let_dig(label.ptr[i]) && label.ptr[i] != '-')
            return BIT(PATH_SYNTAX);
    return label.len > LABEL_MAX_OCTETS ? BIT(PATH_TOO_LONG) : 0;
}

static smtp_rules name_rules(struct slice domain)
{
    smtp_rules rules = utf8_valid(domain) ? 0 : BIT(PATH_SYNTAX);
    for (;;) {
        ptrdiff_t dot = slice_find_octet(domain, '.');
        rules |= label_rules(dot < 0 ? domain : slice_take(domain, (size_t)dot));
        if (dot < 0)
            return rules;
        domain = slice_skip(domain, (size_t)dot + 1);
    }
}

/* IPv4-address-literal = Snum 3("." Snum); Snum = 1*3DIGIT, 0 to 255. Leading zeros fit, so
 * inet_pton would not do. */
static bool ipv4_valid(struct slice s)
{
    unsigned parts = 0;
    for (;;) {
        ptrdiff_t dot = slice_find_octet(s, '.');
        struct slice part = dot < 0 ? s : slice_take(s, (size_t)dot);
        uint64_t value;
        if (part.len > 3 || !slice_to_u64(part, 255, &value))
            return false;
        parts++;
        if (dot < 0)
            return parts == 4;
        s = slice_skip(s, (size_t)dot + 1);
    }
}

static bool ipv6_valid(struct slice s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (s.len == 0 || s.len >= sizeof(text) || memchr(s.ptr, '\0', s.len) != NULL)
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* tag ":" 1*dcontent; tag = Ldh-str; dcontent = %d33-90 / %d94-126 */
static bool general_literal_valid(struct slice s)
{
    ptrdiff_t colon = slice_find_octet(s, ':');
    if (colon <= 0 || (size_t)colon + 1 == s.len)
        return false;
    for (size_t i = 0; i < (size_t)colon; i++)
        if (!smtp_is_alnum(s.ptr[i]) && s.ptr[i] != '-')
            return false;
    for (size_t i = (size_t)colon + 1; i < s.len; i++)
        if (s.ptr[i] < 33 || s.ptr[i] > 126 || (s.ptr[i] > 90 && s.ptr[i] < 94))
            return false;
    return smtp_is_alnum(s.ptr[colon - 1]);
}

static bool literal_valid(struct slice s)
{
    struct slice tag = SLICE_LIT("IPv6:");
    if (s.len < 2 || s.ptr[s.len - 1] != ']')
        return false;
    s = slice_skip(slice_take(s, s.len - 1), 1);
    if (slice_starts_nocase(s, tag))
        return ipv6_valid(slice_skip(s, tag.len));
    return ipv4_valid(s) || general_literal_valid(s);
}

smtp_rules smtp_domain_rules(struct slice domain)
{
    smtp_rules rules = domain.len > SMTP_DOMAIN_MAX_OCTETS ? BIT(PATH_TOO_LONG) : 0;
    if (domain.len > 0 && domain.ptr[0] == '[')
        return rules | (literal_valid(domain) ? 0 : BIT(PATH_SYNTAX));
    return rules | name_rules(domain);
}

/* ---- cutting ---- */

/* A source route at the front of *inside; what is left is the mailbox. */
static void take_route(struct slice *inside, struct smtp_path *out)
{
    if (inside->len == 0 || inside->ptr[0] != '@')
        return;
    ptrdiff_t colon = slice_find_octet(*inside, ':');
    if (colon < 0) {
        out->rules |= BIT(PATH_SYNTAX);
        return;
    }
    out->rules |= BIT(PATH_SOURCE_ROUTE);
    out->route = slice_take(*inside, (size_t)colon);
    *inside = slice_skip(*inside, (size_t)colon + 1);
    for (struct slice rest = out->route; rest.len > 0;) {
        ptrdiff_t comma = slice_find_octet(rest, ',');
        struct slice hop = comma < 0 ? rest : slice_take(rest, (size_t)comma);
        if (hop.len < 2 || hop.ptr[0] != '@' || comma == (ptrdiff_t)rest.len - 1)
            out->rules |= BIT(PATH_SYNTAX);
        else
            out->rules |= name_rules(slice_skip(hop, 1));
        rest = slice_skip(rest, comma < 0 ? rest.len : (size_t)comma + 1);
    }
}

/* Index of the "@" between local part and domain, or -1: behind a quoted string, else the last one.
 */
static ptrdiff_t find_at(struct slice mailbox)
{
    size_t quoted = mailbox.len > 0 && mailbox.ptr[0] == '"' ? quoted_end(mailbox, 0) : 0;
    if (quoted > 0 && quoted < mailbox.len && mailbox.ptr[quoted] == '@')
        return (ptrdiff_t)quoted;
    const uint8_t *at = mailbox.len > 0 ? memrchr(mailbox.ptr, '@', mailbox.len) : NULL;
    return at == NULL ? -1 : at - mailbox.ptr;
}

static void take_mailbox(struct slice mailbox, struct smtp_path *out)
{
    ptrdiff_t at = find_at(mailbox);
    out->local_part = at < 0 ? mailbox : slice_take(mailbox, (size_t)at);
    out->utf8 = has_8bit(mailbox);
    if (!local_part_valid(out->local_part))
        out->rules |= BIT(PATH_SYNTAX);
    if (out->local_part.len > SMTP_LOCAL_PART_MAX_OCTETS)
        out->rules |= BIT(PATH_TOO_LONG);
    if (at >= 0) {
        out->domain = slice_skip(mailbox, (size_t)at + 1);
        out->rules |= smtp_domain_rules(out->domain);
    } else if (!slice_eq_nocase(mailbox, SLICE_LIT("postmaster"))) {
        /* RFC 5321 section 4.5.1: only <Postmaster> may do without a domain. */
        out->rules |= BIT(PATH_SYNTAX);
    }
}

/* ---- the extent ---- */

/* Where the ">" of a path that begins with "<" stands; -1: it has none. With `quotes` those inside
 * a quoted string do not count. Another "<" before it means that it belongs to something else. */
static ptrdiff_t find_close(struct slice in, bool quotes)
{
    for (size_t i = 1; i < in.len; i++) {
        if (in.ptr[i] == '"' && quotes) {
            size_t end = quoted_end(in, i);
            if (end == 0)
                return -1;
            i = end - 1;
        } else if (in.ptr[i] == '>') {
            return (ptrdiff_t)i;
        } else if (in.ptr[i] == '<') {
            return -1;
        }
    }
    return -1;
}

/* Octets up to the first blank outside a quoted string. */
static size_t find_blank(struct slice in)
{
    for (size_t i = 0; i < in.len; i++) {
        size_t end = in.ptr[i] == '"' ? quoted_end(in, i) : 0;
        if (end > 0)
            i = end - 1;
        else if (in.ptr[i] == ' ' || in.ptr[i] == '\t')
            return i;
    }
    return in.len;
}

bool smtp_path_parse(struct slice in, struct smtp_path *out, size_t *used_out)
{
    *out = (struct smtp_path){.rules = 0};
    *used_out = 0;
    if (in.len == 0)
        return false;
    bool bracket = in.ptr[0] == '<';
    ptrdiff_t close = bracket ? find_close(in, true) : -1;
    if (bracket && close < 0)
        close = find_close(in, false);
    size_t used = close >= 0 ? (size_t)close + 1 : find_blank(in);
    out->text = slice_take(in, used);
    if (!bracket)
        out->rules |= BIT(PATH_NO_BRACKETS);
    else if (close < 0)
        out->rules |= BIT(PATH_SYNTAX);
    /* "with the punctuation and element separators" (RFC 5321 section 4.5.3.1.3) */
    if (used > SMTP_PATH_MAX_OCTETS)
        out->rules |= BIT(PATH_TOO_LONG);
    struct slice inside = slice_skip(slice_take(in, close >= 0 ? (size_t)close : used), bracket);
    *used_out = used;
    if (close == 1) {
        out->is_null = true;
        return true;
    }
    take_route(&inside, out);
    take_mailbox(inside, out);
    return true;
}

bool smtp_mailbox_valid(struct slice in)
{
    struct smtp_path path = {.rules = 0};
    take_mailbox(in, &path);
    return path.rules == 0 && path.domain.len > 0;
}

bool smtp_local_part_unquote(struct slice local_part, char *out, size_t out_octets)
{
    bool quoted = local_part.len >= 2 && local_part.ptr[0] == '"' &&
                  quoted_end(local_part, 0) == local_part.len;
    size_t len = 0;
    if (quoted)
        local_part = slice_skip(slice_take(local_part, local_part.len - 1), 1);
    for (size_t i = 0; i < local_part.len; i++) {
        if (quoted && local_part.ptr[i] == '\\' && i + 1 < local_part.len)
            i++;
        if (len + 1 >= out_octets)
            return false;
        out[len++] = (char)local_part.ptr[i];
    }
    if (len >= out_octets)
        return false;
    out[len] = '\0';
    return true;
}
