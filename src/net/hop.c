/* Crossing proxies: SOCKS5 (RFC 1928, RFC 1929), HTTP CONNECT (RFC 9110 section 9.3.6), and the
 * header of the PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt).
 *
 * Each message of a SOCKS5 server says how long it is by octets near its start, so `need` grows as
 * they come and nothing behind the message is ever taken. An HTTP answer ends with an empty line;
 * it is taken octet by octet for the same reason: the server behind the proxy may speak first, and
 * its greeting may stand in the same read.
 */
#include "net/hop.h"

#include "base/base64.h"
#include "base/mem.h"
#include "base/vis.h"
#include "net/net_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum hop_stage { STAGE_METHOD, STAGE_LOGIN, STAGE_CONNECT, STAGE_HEADER };

struct hop {
    enum link_hop_kind kind;
    enum hop_stage stage;
    char *host;
    unsigned port;
    char *user;
    struct secret password;
    struct net_address source, destination;
    struct buf got; /* of the message under way */
    size_t need;    /* octets it has at least */
    hop_said_fn said;
    void *said_ctx;
};

static const char *const kind_names[] = {
    [HOP_SOCKS5] = "socks5",
    [HOP_HTTP_CONNECT] = "http-connect",
    [HOP_PROXY_V1] = "proxy-v1",
    [HOP_PROXY_V2] = "proxy-v2",
};

const char *hop_kind_name(enum link_hop_kind kind)
{
    return kind_names[kind];
}

struct hop *hop_new(const struct link_hop *what, const struct net_address *local,
                    const struct net_address *peer, hop_said_fn said, void *said_ctx)
{
    struct hop *h = mem_zalloc(sizeof(*h));
    h->kind = what->kind;
    h->host = mem_strdup(what->host ? what->host : "");
    h->port = what->port;
    h->user = mem_strdup(what->user ? what->user : "");
    secret_init(&h->password);
    if (what->password != NULL)
        secret_set(&h->password, secret_slice(what->password));
    h->source = what->source != NULL ? *what->source : *local;
    h->destination = what->destination != NULL ? *what->destination : *peer;
    h->said = said;
    h->said_ctx = said_ctx;
    buf_init(&h->got, HOP_REPLY_MAX_OCTETS);
    return h;
}

void hop_free(struct hop **hp)
{
    struct hop *h = *hp;
    *hp = NULL;
    if (h == NULL)
        return;
    mem_free(h->host);
    mem_free(h->user);
    secret_clear(&h->password);
    buf_deinit(&h->got);
    mem_free(h);
}

static void say(struct hop *h, enum event_dir dir, struct slice octets, const char *text)
{
    h->said(h->said_ctx, kind_names[h->kind], dir, octets, text);
}

/* Wait for the next message of the proxy. */
static enum hop_result turn(struct hop *h, enum hop_stage stage, size_t need)
{
    h->stage = stage;
    h->need = need;
    buf_reset(&h->got);
    return HOP_MORE;
}

static enum hop_result failed(struct err *err, const char *what, const char *means,
                              const char *next)
{
    err_set(err, ERR_CONNECT, 0, "the proxy: %s", what);
    err_explain(err, means, next);
    return HOP_FAILED;
}

/* ---- SOCKS5 ---- */

/* RFC 1928 section 6. */
static const struct {
    const char *text, *means;
} socks_replies[] = {
    [0] = {"connected", ""},
    [1] = {"general failure", "the proxy could not connect and does not say why"},
    [2] = {"not allowed by its rules", "the proxy does not let this connection through"},
    [3] = {"network unreachable", "the proxy has no route there"},
    [4] = {"host unreachable", "the proxy could not find or reach the host"},
    [5] = {"connection refused", "the proxy reached the host, and nothing listens on that port"},
    [6] = {"TTL expired", "the proxy's packets did not arrive"},
    [7] = {"command not supported", "the proxy makes no connections of this kind"},
    [8] = {"address type not supported", "the proxy does not take this kind of address"},
};

/* ver=5, how many methods, which: 0 none, 2 user and password */
static void socks_methods(struct hop *h, struct buf *out)
{
    uint8_t message[4] = {5, 1, 0, 2};
    size_t n = 3;
    if (h->user[0] != '\0') {
        message[1] = 2;
        n = 4;
    }
    buf_append(out, slice_of(message, n));
    say(h, DIR_C, slice_of(message, n),
        n == 4 ? "SOCKS5: we can log in with nothing, or a user and a password"
               : "SOCKS5: we can log in with nothing");
}

/* RFC 1929 section 2: ver=1, length and user, length and password */
static enum hop_result socks_login(struct hop *h, struct buf *out, struct err *err)
{
    struct buf masked;
    struct slice password = secret_slice(&h->password);
    size_t user_octets = strlen(h->user);
    if (user_octets > HOP_NAME_MAX_OCTETS || password.len > HOP_NAME_MAX_OCTETS)
        return failed(err, "user or password is longer than 255 octets",
                      "SOCKS5 has no room for more", "use another login");
    buf_init(&masked, 1024);
    for (int pass = 0; pass < 2; pass++) {
        struct buf *to = pass == 0 ? out : &masked;
        buf_append_octet(to, 1);
        buf_append_octet(to, (uint8_t)user_octets);
        buf_append_cstr(to, h->user);
        buf_append_octet(to, pass == 0 ? (uint8_t)password.len : '*');
        if (pass == 0)
            buf_append(to, password);
        else
            buf_append_octet(to, '*');
    }
    say(h, DIR_C, buf_slice(&masked), "SOCKS5: user and password");
    buf_deinit(&masked);
    return turn(h, STAGE_LOGIN, 2);
}

/* ver=5 cmd=1 (CONNECT) rsv=0 atyp address port */
static enum hop_result socks_connect(struct hop *h, struct buf *out, struct err *err)
{
    struct net_address ip;
    struct buf message;
    char text[400], shown[300];
    size_t host_octets = strlen(h->host);
    if (host_octets > HOP_NAME_MAX_OCTETS || host_octets == 0)
        return failed(err, "the host's name has 1 to 255 octets", "SOCKS5 has no room for more",
                      "check the name");
    buf_init(&message, 512);
    buf_append(&message, slice_of((const uint8_t[]){5, 1, 0}, 3));
    if (net_address_parse_ip(h->host, 0, &ip)) {
        bool v6 = ip.family == NET_INET6;
        buf_append_octet(&message, v6 ? 4 : 1);
        buf_append(&message, slice_of(ip.ip, v6 ? 16 : 4));
    } else {
        buf_append_octet(&message, 3);
        buf_append_octet(&message, (uint8_t)host_octets);
        buf_append_cstr(&message, h->host);
    }
    buf_append_octet(&message, (uint8_t)(h->port >> 8));
    buf_append_octet(&message, (uint8_t)h->port);
    buf_append(out, buf_slice(&message));
    vis_to_cstr(shown, sizeof(shown), slice_cstr(h->host));
    snprintf(text, sizeof(text), "SOCKS5: connect to %s:%u", shown, h->port);
    say(h, DIR_C, buf_slice(&message), text);
    buf_deinit(&message);
    return turn(h, STAGE_CONNECT, 5);
}

static enum hop_result socks_method_chosen(struct hop *h, struct buf *out, struct err *err)
{
    uint8_t version = h->got.ptr[0], method = h->got.ptr[1];
    if (version != 5) {
        say(h, DIR_S, buf_slice(&h->got), "this is no SOCKS5 answer");
        return failed(err, "it does not speak SOCKS5", "another program listens there",
                      "check the proxy's port and kind (http://)");
    }
    if (method == 0) {
        say(h, DIR_S, buf_slice(&h->got), "SOCKS5: no login needed");
        return socks_connect(h, out, err);
    }
    if (method == 2 && h->user[0] != '\0') {
        say(h, DIR_S, buf_slice(&h->got), "SOCKS5: log in with user and password");
        return socks_login(h, out, err);
    }
    say(h, DIR_S, buf_slice(&h->got), "SOCKS5: none of these");
    return failed(err, "it wants another login than ours",
                  h->user[0] ? "it takes neither no login nor a user and a password"
                             : "it does not let everybody in",
                  "name a user: --proxy socks5://USER@HOST, the password from netrc");
}

static enum hop_result socks_logged_in(struct hop *h, struct buf *out, struct err *err)
{
    if (h->got.ptr[1] == 0) {
        say(h, DIR_S, buf_slice(&h->got), "SOCKS5: logged in");
        return socks_connect(h, out, err);
    }
    say(h, DIR_S, buf_slice(&h->got), "SOCKS5: login refused");
    return failed(err, "it refused user and password", "one of the two is wrong",
                  "look at the proxy's entry in netrc");
}

/* ver rep rsv atyp bnd.addr bnd.port: how long it is, once five octets are there; 0: no such type
 */
static size_t socks_answer_octets(const struct hop *h)
{
    switch (h->got.ptr[3]) {
    case 1:
        return 4 + 4 + 2;
    case 3:
        return 5 + (size_t)h->got.ptr[4] + 2;
    case 4:
        return 4 + 16 + 2;
    default:
        return 0;
    }
}

static enum hop_result socks_answered(struct hop *h, struct err *err)
{
    char text[120];
    uint8_t reply = h->got.ptr[1];
    bool known = reply < sizeof(socks_replies) / sizeof(socks_replies[0]);
    size_t octets = socks_answer_octets(h);
    /* A refusal may come with an address of no type; all that counts of it has come. */
    if (reply == 0 && octets == 0)
        return failed(err, "its answer cannot be read", "it names an address of no known type",
                      "try another proxy");
    if (octets > h->got.len) {
        h->need = octets;
        return HOP_MORE;
    }
    snprintf(text, sizeof(text), "SOCKS5: %s", known ? socks_replies[reply].text : "refused");
    say(h, DIR_S, buf_slice(&h->got), text);
    if (reply == 0)
        return HOP_DONE;
    failed(err, known ? socks_replies[reply].text : "refused, with a reason of no known number",
           known ? socks_replies[reply].means : "RFC 1928 knows it not",
           "check host and port; the proxy's log tells more");
    if (reply == 5)
        err->code = ECONNREFUSED;
    return HOP_FAILED;
}

static enum hop_result socks_message(struct hop *h, struct buf *out, struct err *err)
{
    switch (h->stage) {
    case STAGE_METHOD:
        return socks_method_chosen(h, out, err);
    case STAGE_LOGIN:
        return socks_logged_in(h, out, err);
    case STAGE_CONNECT:
        return socks_answered(h, err);
    case STAGE_HEADER:
        break;
    }
    return HOP_FAILED;
}

/* ---- HTTP CONNECT ---- */

static void http_authorization(struct hop *h, struct buf *out)
{
    struct buf pair;
    buf_init(&pair, 2048);
    buf_append_cstr(&pair, h->user);
    buf_append_octet(&pair, ':');
    buf_append(&pair, secret_slice(&h->password));
    base64_encode(out, buf_slice(&pair));
    mem_wipe(pair.ptr, pair.len);
    buf_deinit(&pair);
}

static void http_write(struct hop *h, bool masked, struct buf *out)
{
    const char *open = strchr(h->host, ':') != NULL ? "[" : "";
    const char *shut = *open ? "]" : "";
    buf_printf(out, "CONNECT %s%s%s:%u HTTP/1.1\r\nHost: %s%s%s:%u\r\n", open, h->host, shut,
               h->port, open, h->host, shut, h->port);
    if (h->user[0] != '\0') {
        buf_append_cstr(out, "Proxy-Authorization: Basic ");
        if (masked)
            buf_append_cstr(out, "****");
        else
            http_authorization(h, out);
        buf_append_cstr(out, "\r\n");
    }
    buf_append_cstr(out, "\r\n");
}

static enum hop_result http_begin(struct hop *h, struct buf *out, struct err *err)
{
    struct buf shown;
    char text[400];
    /* Whoever chose the host would otherwise choose header lines. */
    for (const char *p = h->host; *p != '\0'; p++)
        if (*p <= ' ' || *p == 0x7f)
            return failed(err, "the host's name holds a space or a control character",
                          "it cannot stand in a request", "check the name");
    http_write(h, false, out);
    buf_init(&shown, 4096);
    http_write(h, true, &shown);
    snprintf(text, sizeof(text), "CONNECT %.300s:%u", h->host, h->port);
    say(h, DIR_C, buf_slice(&shown), text);
    buf_deinit(&shown);
    return turn(h, STAGE_HEADER, 1);
}

/* HTTP/1.x SP 3DIGIT [SP reason]; 0: none. */
static unsigned http_status(struct slice head)
{
    if (!slice_starts(head, SLICE_LIT("HTTP/1.")) || head.len < 12 || head.ptr[8] != ' ')
        return 0;
    uint64_t status = 0;
    slice_to_u64(slice_of(head.ptr + 9, 3), 599, &status);
    return (unsigned)status;
}

static enum hop_result http_answered(struct hop *h, struct err *err)
{
    char line[160];
    struct slice head = buf_slice(&h->got);
    ptrdiff_t lf = slice_find_octet(head, '\n');
    vis_to_cstr(line, sizeof(line), slice_trim(slice_take(head, lf < 0 ? 0 : (size_t)lf)));
    say(h, DIR_S, head, line);
    unsigned status = http_status(head);
    if (status / 100 == 2)
        return HOP_DONE;
    err_set(err, ERR_CONNECT, 0, "the proxy: %s", line);
    if (status == 0)
        err_explain(err, "this is no answer of an HTTP proxy",
                    "check the proxy's port and kind (socks5://)");
    else if (status == 407)
        err_explain(err, "it wants to know who asks",
                    "name a user: --proxy http://USER@HOST:PORT, the password from netrc");
    else
        err_explain(err, "it did not connect",
                    "many HTTP proxies allow port 443 only; the proxy's log tells more");
    return HOP_FAILED;
}

/* Is the empty line there that ends the head? */
static bool http_head_ended(struct slice got)
{
    size_t n = got.len;
    return n >= 2 && got.ptr[n - 1] == '\n' &&
           (got.ptr[n - 2] == '\n' || (n >= 3 && got.ptr[n - 2] == '\r' && got.ptr[n - 3] == '\n'));
}

/* ---- the PROXY header ---- */

static bool is_ip(const struct net_address *a)
{
    return a->family == NET_INET || a->family == NET_INET6;
}

static bool same_family(const struct hop *h)
{
    return is_ip(&h->source) && h->source.family == h->destination.family;
}

static void proxy_v1(const struct hop *h, struct buf *out)
{
    char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
    if (!same_family(h)) {
        buf_append_cstr(out, "PROXY UNKNOWN\r\n");
        return;
    }
    int family = h->source.family == NET_INET ? AF_INET : AF_INET6;
    inet_ntop(family, h->source.ip, source, sizeof(source));
    inet_ntop(family, h->destination.ip, destination, sizeof(destination));
    buf_printf(out, "PROXY %s %s %s %u %u\r\n", family == AF_INET ? "TCP4" : "TCP6", source,
               destination, h->source.port, h->destination.port);
}

static void append_port(struct buf *out, uint16_t port)
{
    buf_append_octet(out, (uint8_t)(port >> 8));
    buf_append_octet(out, (uint8_t)port);
}

/* signature, version 2 and command (0 LOCAL, 1 PROXY), family, length, addresses */
static void proxy_v2(const struct hop *h, struct buf *out)
{
    static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";
    buf_append(out, slice_of(signature, sizeof(signature)));
    if (!same_family(h)) {
        buf_append(out, slice_of((const uint8_t[]){0x20, 0, 0, 0}, 4));
        return;
    }
    bool v6 = h->source.family == NET_INET6;
    size_t ip_octets = v6 ? 16 : 4;
    buf_append_octet(out, 0x21);
    buf_append_octet(out, v6 ? 0x21 : 0x11);
    append_port(out, (uint16_t)(2 * ip_octets + 4));
    buf_append(out, slice_of(h->source.ip, ip_octets));
    buf_append(out, slice_of(h->destination.ip, ip_octets));
    append_port(out, h->source.port);
    append_port(out, h->destination.port);
}

static enum hop_result proxy_begin(struct hop *h, struct buf *out)
{
    struct buf header;
    char source[160], destination[160], text[400];
    buf_init(&header, 256);
    if (h->kind == HOP_PROXY_V1)
        proxy_v1(h, &header);
    else
        proxy_v2(h, &header);
    net_address_format(&h->source, source, sizeof(source));
    net_address_format(&h->destination, destination, sizeof(destination));
    if (same_family(h))
        snprintf(text, sizeof(text), "PROXY header: from %s to %s", source, destination);
    else
        snprintf(text, sizeof(text), "PROXY header: the addresses are not known");
    buf_append(out, buf_slice(&header));
    say(h, DIR_C, buf_slice(&header), text);
    buf_deinit(&header);
    return HOP_DONE;
}

/* ---- the machine ---- */

enum hop_result hop_begin(struct hop *h, struct buf *out, struct err *err)
{
    switch (h->kind) {
    case HOP_SOCKS5:
        socks_methods(h, out);
        return turn(h, STAGE_METHOD, 2);
    case HOP_HTTP_CONNECT:
        return http_begin(h, out, err);
    case HOP_PROXY_V1:
    case HOP_PROXY_V2:
        return proxy_begin(h, out);
    }
    return HOP_FAILED;
}

static enum hop_result feed_head(struct hop *h, struct slice in, size_t *used_out, struct err *err)
{
    while (*used_out < in.len) {
        if (!buf_append_octet(&h->got, in.ptr[(*used_out)++])) {
            say(h, DIR_S, slice_take(buf_slice(&h->got), 256), "an answer that does not end");
            return failed(err, "its answer is longer than the limit proxy-reply, 16384 octets",
                          "this is no proxy, or one that means harm", "try another proxy");
        }
        if (http_head_ended(buf_slice(&h->got)))
            return http_answered(h, err);
    }
    return HOP_MORE;
}

enum hop_result hop_feed(struct hop *h, struct slice in, size_t *used_out, struct buf *out,
                         struct err *err)
{
    enum hop_result result = HOP_MORE;
    *used_out = 0;
    if (h->stage == STAGE_HEADER)
        return feed_head(h, in, used_out, err);
    while (result == HOP_MORE && *used_out < in.len) {
        struct slice piece = slice_take(slice_skip(in, *used_out), h->need - h->got.len);
        buf_append(&h->got, piece);
        *used_out += piece.len;
        if (h->got.len == h->need)
            result = socks_message(h, out, err);
    }
    return result;
}
