/* Reading what a person names to connect to.
 *
 *     target   := "practice" [ ":" scenario ] | "unix:" path | url | preset
 *               | mailbox [ ":" port ] | host [ ":" port ]
 *     url      := scheme "://" [ user [ ":" password ] "@" ] host [ ":" port ] [ "/" ]
 *               | "lmtp+unix://" path
 *     The host "practice" in an smtp, submission or submissions URL is the practice server's door
 * of that name. host     := name | IPv4 | "[" IPv6 "]" | IPv6 (without a port)
 *
 * A password in a URL is read past and not kept: it was on a command line, where others can see it.
 */
#include "client/target.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/userinfo.h"
#include "base/vis.h"
#include "net/address.h"

enum { PORT_MAX = 65535 };

/* Reached as practice:NAME; a port is named because each service has one. */
#define MUSEUM_SERVICE(id, name_, port_, help_)                                                    \
    {                                                                                              \
        .name = (name_), .scheme = (name_), .protocol = PROTOCOL_MUSEUM, .port = (port_),          \
        .museum = (id), .help = (help_)                                                            \
    }

static const struct target_service_info services[SERVICE__COUNT] = {
    [SERVICE_SMTP] = {.name = "smtp",
                      .scheme = "smtp",
                      .port = 25,
                      .help = "relay: mail between servers, STARTTLS where offered"},
    [SERVICE_SUBMISSION] = {.name = "submission",
                            .scheme = "submission",
                            .port = 587,
                            .help = "handing mail in, STARTTLS, then AUTH (RFC 6409)"},
    [SERVICE_SUBMISSIONS] = {.name = "submissions",
                             .scheme = "submissions",
                             .port = 465,
                             .implicit_tls = true,
                             .help = "handing mail in, TLS from the first octet (RFC 8314)"},
    [SERVICE_LMTP] = {.name = "lmtp",
                      .scheme = "lmtp",
                      .port = 24,
                      .lmtp = true,
                      .help = "local delivery, one reply a recipient (RFC 2033)"},
    [SERVICE_POP3] = {.name = "pop3",
                      .scheme = "pop3",
                      .protocol = PROTOCOL_POP3,
                      .port = 110,
                      .help = "fetching mail, STLS where offered (RFC 1939)"},
    [SERVICE_POP3S] = {.name = "pop3s",
                       .scheme = "pop3s",
                       .protocol = PROTOCOL_POP3,
                       .port = 995,
                       .implicit_tls = true,
                       .help = "fetching mail, TLS from the first octet (RFC 8314)"},
    [SERVICE_IMAP] = {.name = "imap",
                      .scheme = "imap",
                      .protocol = PROTOCOL_IMAP,
                      .port = 143,
                      .help = "reading mail on the server, STARTTLS where offered (RFC 3501)"},
    [SERVICE_IMAPS] = {.name = "imaps",
                       .scheme = "imaps",
                       .protocol = PROTOCOL_IMAP,
                       .port = 993,
                       .implicit_tls = true,
                       .help = "reading mail on the server, TLS from the first octet (RFC 8314)"},
    [SERVICE_RFC821] =
        MUSEUM_SERVICE(MUSEUM_RFC821, "rfc821", 25, "museum: SMTP of 1982 (RFC 821)"),
    [SERVICE_MTP] =
        MUSEUM_SERVICE(MUSEUM_MTP, "mtp", 57, "museum: the Mail Transfer Protocol (RFC 780)"),
    [SERVICE_FTP_MAIL] =
        MUSEUM_SERVICE(MUSEUM_FTP_MAIL, "ftp-mail", 3, "museum: MAIL inside FTP (RFC 385)"),
    [SERVICE_RFC524] =
        MUSEUM_SERVICE(MUSEUM_RFC524, "rfc524", 3, "museum: the Mail Protocol of 1973 (RFC 524)"),
    [SERVICE_SNDMSG] = MUSEUM_SERVICE(MUSEUM_SNDMSG, "sndmsg", 3, "museum: SNDMSG on TENEX, 1971"),
    [SERVICE_RFC196] =
        MUSEUM_SERVICE(MUSEUM_RFC196, "rfc196", 3, "museum: the Mail Box Protocol, 1971 (RFC 196)"),
};

const struct target_service_info *target_service_info(enum target_service service)
{
    return (unsigned)service < SERVICE__COUNT ? &services[service] : NULL;
}

static const struct target_preset presets[] = {
#include "client/presets.inc"
};

const struct target_preset *target_preset_at(size_t index)
{
    return index < sizeof(presets) / sizeof(presets[0]) ? &presets[index] : NULL;
}

/* A schemed URL: what it leads to. Protocols of other programs are named so that the answer can say
 * more than "unknown". */
struct scheme {
    const char *text;
    enum target_service service;
    bool unix_path;
};
static const struct scheme schemes[] = {
    {.text = "smtp", .service = SERVICE_SMTP},
    {.text = "submission", .service = SERVICE_SUBMISSION},
    {.text = "submissions", .service = SERVICE_SUBMISSIONS},
    {.text = "smtps", .service = SERVICE_SUBMISSIONS},
    {.text = "lmtp", .service = SERVICE_LMTP},
    {.text = "lmtp+unix", .service = SERVICE_LMTP, .unix_path = true},
    {.text = "pop3", .service = SERVICE_POP3},
    {.text = "pop3s", .service = SERVICE_POP3S},
    {.text = "imap", .service = SERVICE_IMAP},
    {.text = "imaps", .service = SERVICE_IMAPS},
    {.text = "rfc821", .service = SERVICE_RFC821},
    {.text = "mtp", .service = SERVICE_MTP},
    {.text = "ftp-mail", .service = SERVICE_FTP_MAIL},
    {.text = "rfc524", .service = SERVICE_RFC524},
    {.text = "sndmsg", .service = SERVICE_SNDMSG},
    {.text = "rfc196", .service = SERVICE_RFC196},
};

static const char HOW[] =
    "write HOST, HOST:PORT, [IPv6]:PORT, USER@DOMAIN, unix:/PATH, pipe:COMMAND, practice, a preset "
    "(gmail), or smtp:// submission:// submissions:// lmtp:// and a host";

__attribute__((format(printf, 3, 4))) static bool wrong(struct err *err, const struct target *what,
                                                        const char *fmt, ...)
{
    char shown[80], why[120];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    vis_to_cstr(shown, sizeof(shown), slice_cstr(what->text));
    err_set(err, ERR_USAGE, 0, "target \"%s\": %s", shown, why);
    err_explain(err, "it does not say where to connect", HOW);
    return false;
}

static bool copy_text(char *out, size_t out_octets, struct slice s)
{
    if (s.len >= out_octets)
        return false;
    if (s.len > 0)
        memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
    return true;
}

static bool host_octet(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c >= 0x80;
}

/* A name: labels of 1 to 63 octets; internationalised ones are checked when they are looked up. */
static bool name_valid(struct slice name)
{
    size_t label_octets = 0;
    for (size_t i = 0; i < name.len; i++) {
        if (!host_octet(name.ptr[i]))
            return false;
        if (name.ptr[i] != '.') {
            if (++label_octets > 63 && name.ptr[i] < 0x80)
                return false;
            continue;
        }
        if (label_octets == 0)
            return false;
        label_octets = 0;
    }
    return label_octets > 0;
}

/* Port behind the host; a port that has a service of its own names it where no scheme did. */
static bool read_port(struct slice digits, bool scheme_given, struct target *out, struct err *err)
{
    uint64_t port;
    if (!slice_to_u64(digits, PORT_MAX, &port) || port == 0)
        return wrong(err, out, "the port must be a number from 1 to %d", PORT_MAX);
    out->port = (unsigned)port;
    for (unsigned i = 0; !scheme_given && i < SERVICE__COUNT; i++)
        if (services[i].port == port && services[i].protocol != PROTOCOL_MUSEUM)
            out->service = (enum target_service)i;
    return true;
}

/* "[v6]" or "[IPv6:v6]" or "[v4]", rest behind the bracket. */
static bool read_bracketed(struct slice in, struct target *out, struct slice *rest, struct err *err)
{
    ptrdiff_t end = slice_find_octet(in, ']');
    if (end < 0)
        return wrong(err, out, "the closing ] is missing");
    struct slice literal = slice_take(slice_skip(in, 1), (size_t)end - 1);
    if (slice_starts_nocase(literal, SLICE_LIT("IPv6:")))
        literal = slice_skip(literal, 5);
    struct net_address ignored;
    if (!copy_text(out->name, sizeof(out->name), literal) || memchr(literal.ptr, 0, literal.len) ||
        !net_address_parse_ip(out->name, 0, &ignored))
        return wrong(err, out, "no IP address stands between [ and ]");
    *rest = slice_skip(in, (size_t)end + 1);
    return true;
}

static bool read_host(struct slice in, bool scheme_given, struct target *out, struct err *err)
{
    struct slice rest;
    if (in.len > 0 && in.ptr[0] == '[') {
        if (!read_bracketed(in, out, &rest, err))
            return false;
    } else {
        struct net_address ignored;
        if (copy_text(out->name, sizeof(out->name), in) &&
            net_address_parse_ip(out->name, 0, &ignored))
            return true; /* also an IPv6 address without brackets */
        ptrdiff_t colon = slice_find_octet(in, ':');
        size_t host_octets = colon < 0 ? in.len : (size_t)colon;
        struct slice host = slice_take(in, host_octets);
        rest = slice_skip(in, host_octets);
        if (host.len > 1 && host.ptr[host.len - 1] == '.')
            host.len--; /* the root's dot belongs to the DNS, not to a certificate's name */
        if (host.len == 0)
            return wrong(err, out, "the host is missing");
        if (!name_valid(host))
            return wrong(err, out, "this is not a host name");
        if (!copy_text(out->name, sizeof(out->name), host))
            return wrong(err, out, "the host name is longer than 255 octets");
    }
    if (rest.len == 0)
        return true;
    if (rest.ptr[0] != ':')
        return wrong(err, out, "only :PORT may stand behind the host");
    return read_port(slice_skip(rest, 1), scheme_given, out, err);
}

static bool read_unix(struct slice path, struct target *out, struct err *err)
{
    out->kind = TARGET_UNIX;
    struct net_address ignored;
    if (path.len == 0 || path.ptr[0] != '/')
        return wrong(err, out, "a socket's path begins with /");
    if (!copy_text(out->name, sizeof(out->name), path) || !net_address_unix(out->name, &ignored))
        return wrong(err, out, "a socket's path has at most %zu octets", sizeof(ignored.path) - 1);
    return true;
}

/* A command of the shell, with the spaces it has. */
static bool read_pipe(struct slice command, struct target *out, struct err *err)
{
    out->kind = TARGET_PIPE;
    command = slice_trim(command);
    if (command.len == 0)
        return wrong(err, out, "a command stands behind pipe:");
    for (size_t i = 0; i < command.len; i++)
        if (command.ptr[i] < ' ' || command.ptr[i] == 0x7f)
            return wrong(err, out, "the command holds a control character");
    if (!copy_text(out->name, sizeof(out->name), command))
        return wrong(err, out, "a command has at most %zu octets; put it into a script",
                     sizeof(out->name) - 1);
    return true;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The user of a URL, percent-decoded (RFC 3986 section 2.1). */
static bool read_user(struct slice in, struct target *out, struct err *err)
{
    size_t at = 0;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.ptr[i];
        if (c == '%') {
            int high = i + 2 < in.len ? hex_value(in.ptr[i + 1]) : -1;
            int low = i + 2 < in.len ? hex_value(in.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return wrong(err, out, "a %% in the user needs two hexadecimal digits behind it");
            c = (uint8_t)(high * 16 + low);
            i += 2;
        }
        if (c < 0x20 || c == 0x7f)
            return wrong(err, out, "the user holds a control character");
        if (at + 1 >= sizeof(out->user))
            return wrong(err, out, "the user is longer than %zu octets", sizeof(out->user) - 1);
        out->user[at++] = (char)c;
    }
    out->user[at] = '\0';
    return true;
}

static const struct scheme *scheme_find(struct slice name)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (slice_eq_nocase(name, slice_cstr(schemes[i].text)))
            return &schemes[i];
    return NULL;
}

/* The last "@" ends the user part: "@" stands unescaped in many a mail provider's user name. */
static ptrdiff_t last_at(struct slice s)
{
    for (size_t i = s.len; i > 0; i--)
        if (s.ptr[i - 1] == '@')
            return (ptrdiff_t)i - 1;
    return -1;
}

/* practice:mtp is a door of its own, in whichever scenario. */
static void enter_museum(struct target *out)
{
    enum museum_id id;
    if (!museum_by_name(slice_cstr(out->name), &id))
        return;
    for (int s = 0; s < SERVICE__COUNT; s++)
        if (services[s].protocol == PROTOCOL_MUSEUM && services[s].museum == id)
            out->service = (enum target_service)s;
    out->name[0] = '\0';
}

static bool read_url(struct slice text, size_t scheme_octets, struct target *out, struct err *err)
{
    const struct scheme *scheme = scheme_find(slice_take(text, scheme_octets));
    struct slice rest = slice_skip(text, scheme_octets + 3);
    if (!scheme)
        return wrong(err, out, "this scheme is not known");
    out->service = scheme->service;
    if (!track_known(services[scheme->service].protocol))
        return wrong(err, out, "this protocol is not spoken yet, only SMTP and LMTP are");
    if (scheme->unix_path)
        return read_unix(rest, out, err);
    out->kind = TARGET_HOST;
    ptrdiff_t slash = slice_find_octet(rest, '/');
    if (slash >= 0 && (size_t)slash + 1 < rest.len)
        return wrong(err, out, "nothing may stand behind the host's /");
    if (slash >= 0)
        rest = slice_take(rest, (size_t)slash);
    ptrdiff_t at = last_at(rest);
    if (at >= 0) {
        struct slice user = slice_take(rest, (size_t)at);
        ptrdiff_t colon = slice_find_octet(user, ':');
        out->had_password = colon >= 0;
        if (!read_user(colon >= 0 ? slice_take(user, (size_t)colon) : user, out, err))
            return false;
        rest = slice_skip(rest, (size_t)at + 1);
    }
    if (!read_host(rest, true, out, err))
        return false;
    if (slice_eq_nocase(rest,
                        SLICE_LIT("practice"))) { /* submissions://practice: another of its doors */
        out->kind = TARGET_PRACTICE;
        out->name[0] = '\0';
    }
    return true;
}

/* The text for showing: a password is replaced before anything else can see it. */
static void show_text(struct slice text, struct target *out)
{
    struct buf masked;
    buf_init(&masked, text.len + sizeof(out->text));
    userinfo_mask(text, &masked);
    copy_text(out->text, sizeof(out->text), slice_take(buf_slice(&masked), sizeof(out->text) - 1));
    buf_deinit(&masked);
}

static bool read_preset(struct slice text, struct target *out)
{
    for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
        const struct target_preset *p = &presets[i];
        uint64_t port;
        if (strcmp(p->protocol, "smtp") != 0 || !slice_eq_nocase(text, slice_cstr(p->name)) ||
            !slice_to_u64(slice_cstr(p->port), PORT_MAX, &port))
            continue;
        out->kind = TARGET_HOST;
        out->service = strcmp(p->tls, "implicit") == 0 ? SERVICE_SUBMISSIONS : SERVICE_SUBMISSION;
        out->port = (unsigned)port;
        return copy_text(out->name, sizeof(out->name), slice_cstr(p->host));
    }
    return false;
}

/* user@domain: where its mail goes; with an address literal there is nothing to look up. */
static bool read_mailbox(struct slice text, size_t at, struct target *out, struct err *err)
{
    struct slice domain = slice_skip(text, at + 1);
    if (at == 0)
        return wrong(err, out, "the user before @ is missing");
    if (!read_host(domain, false, out, err))
        return false;
    struct net_address ignored;
    out->kind = net_address_parse_ip(out->name, 0, &ignored) ? TARGET_HOST : TARGET_MX;
    size_t end = text.len;
    if (out->port > 0) /* the port is no part of the address */
        while (text.ptr[end - 1] != ':')
            end--;
    if (!copy_text(out->recipient, sizeof(out->recipient),
                   slice_take(text, out->port > 0 ? end - 1 : end)))
        return wrong(err, out, "the address is longer than %zu octets", sizeof(out->recipient) - 1);
    return true;
}

static bool text_clean(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] == 0x7f)
            return false;
    return true;
}

static bool read_any(struct slice text, struct target *out, struct err *err)
{
    if (text.len == 0)
        return wrong(err, out, "it is empty");
    if (text.len > sizeof(out->text) - 8)
        return wrong(err, out, "it is longer than %zu octets", sizeof(out->text) - 8);
    if (slice_starts_nocase(text, SLICE_LIT("unix:")))
        return read_unix(slice_skip(text, 5), out, err);
    if (slice_starts_nocase(text, SLICE_LIT("pipe:")))
        return read_pipe(slice_skip(text, 5), out, err);
    if (slice_starts_nocase(text, SLICE_LIT("lmtp+pipe:"))) {
        out->service = SERVICE_LMTP;
        return read_pipe(slice_skip(text, 10), out, err);
    }
    if (!text_clean(text))
        return wrong(err, out, "it holds a space or a control character");
    ptrdiff_t scheme = slice_find(text, SLICE_LIT("://"));
    if (scheme >= 0)
        return read_url(text, (size_t)scheme, out, err);
    if (slice_eq_nocase(text, SLICE_LIT("practice")) ||
        slice_starts_nocase(text, SLICE_LIT("practice:"))) {
        out->kind = TARGET_PRACTICE;
        if (!copy_text(out->name, sizeof(out->name), slice_skip(text, sizeof("practice:") - 1)))
            return wrong(err, out, "a scenario's name has at most 255 octets");
        enter_museum(out);
        return true;
    }
    ptrdiff_t at = last_at(text);
    if (at >= 0)
        return read_mailbox(text, (size_t)at, out, err);
    if (read_preset(text, out))
        return true;
    return read_host(text, false, out, err);
}

bool target_parse(const char *text, struct target *out, struct err *err)
{
    memset(out, 0, sizeof(*out));
    struct slice in = slice_trim(slice_cstr(text));
    /* Errors quote what is shown, never what was typed: it may hold a password. */
    show_text(slice_take(in, sizeof(out->text) - 8), out);
    return read_any(in, out, err);
}
