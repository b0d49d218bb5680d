/* A hostile peer, through everything that shows what it said: its greeting, replies, data, message
 * octets, the names in its certificates and in TLS. Whatever it sends: what is printed of it is
 * whole UTF-8 without a control octet or a mark that turns text round, the client's password is in
 * none of it, and nothing breaks.
 *
 *     input    = protocol *step
 *     protocol = an octet: SMTP, POP3, IMAP by turns; a third of it is the form of export
 *     step     = kind length *OCTET      see enum step
 */
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/linear.h"
#include "decode/login.h"
#include "decode/mailbox.h"
#include "decode/message.h"
#include "decode/offer.h"
#include "decode/timing.h"
#include "decode/tls.h"
#include "decode/transcript.h"
#include "engine/track.h"
#include "report/export.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool truth)
{
    if (!truth)
        abort();
}

/* ---- what is printed ---- */

static bool turns_text(uint32_t cp)
{
    return cp == 0x61c || cp == 0x200e || cp == 0x200f || (cp >= 0x202a && cp <= 0x202e) ||
           (cp >= 0x2066 && cp <= 0x2069);
}

/* \0ann\0Sentinel-77 in base64, and as it is. */
#define SECRET     "Sentinel-77"
#define SECRET_B64 "AGFubgBTZW50aW5lbC03Nw"

/* The peer itself may say it by chance, or a reply may make of a login what is no secret. */
static bool secret_may_show;

/* Where it came from and what stands there is said before the end. */
static void bad(const char *where, const char *text, size_t len, size_t at)
{
    size_t from = at > 60 ? at - 60 : 0;
    fprintf(stderr, "%s: octet %zu of %zu, behind: %.*s\n", where, at, len, (int)(at - from),
            text + from);
    abort();
}

static void need_safe(const char *where, const char *text, size_t len)
{
    struct slice rest = slice_of(text, len);
    while (rest.len > 0) {
        uint32_t cp = 0;
        size_t n = utf8_decode(rest, &cp);
        bool plain = cp == '\n' || cp == '\t' || (cp >= 0x20 && cp < 0x7f) || cp > 0x9f;
        if (n == 0 || !plain || turns_text(cp))
            bad(where, text, len, len - rest.len);
        rest = slice_skip(rest, n);
    }
    static const char *const secrets[] = {SECRET, SECRET_B64};
    for (size_t i = 0; i < 2 && !secret_may_show; i++) {
        const char *found = memmem(text, len, secrets[i], strlen(secrets[i]));
        if (found)
            bad(where, text, len, (size_t)(found - text));
    }
}

static void need_page(const char *where, struct buf *page)
{
    need_safe(where, (const char *)page->ptr, page->len);
    buf_reset(page);
}

static void folds(const struct journal *j, uint32_t conn, uint64_t seq, unsigned flags)
{
    struct view v;
    struct mailbox_view boxes;
    struct message m;
    struct login login;
    struct timing timing;
    struct buf page;
    buf_init(&page, 64 << 20);
    view_init(&v, conn);
    view_at(&v, j, conn, seq);
    view_explain_print(&v, flags, &page);
    tls_print(&v, 1700000000, TLS_PRINT_ALL, flags, &page);
    offer_print(&v, OFFER_PRINT_ALL, flags, &page);
    need_page(__func__, &page);
    message_read(&v, j, &m);
    message_print(&m, &v, MESSAGE_PRINT_ALL, flags, &page);
    message_print(&m, &v, MESSAGE_PRINT_FIELDS | MESSAGE_PRINT_RAW_FIELDS, flags, &page);
    need_page(__func__, &page);
    message_deinit(&m);
    view_deinit(&v);
    mailbox_view_init(&boxes, conn);
    mailbox_view_at(&boxes, j, conn, seq);
    mailbox_view_print(&boxes, flags, &page);
    mailbox_view_deinit(&boxes);
    login_init(&login, conn);
    login_at(&login, j, conn, seq);
    login_print(&login, flags, &page);
    login_deinit(&login);
    timing_init(&timing, conn);
    for (uint64_t at = journal_first(j); at <= seq; at++)
        timing_apply(&timing, j, journal_at(j, at));
    timing_print(&timing, 5000000000, &page);
    timing_stages_print(&timing, 80, flags, &page);
    timing_deinit(&timing);
    need_page(__func__, &page);
    buf_deinit(&page);
}

static void transcripts(const struct journal *j)
{
    struct transcript *t = transcript_new(j, 0, true);
    struct vis_text text;
    struct buf page;
    size_t first;
    buf_init(&page, 64 << 20);
    vis_init(&text);
    transcript_show_handshakes(t, true);
    transcript_update(t, &first);
    for (size_t i = 0; i < transcript_count(t); i++) {
        transcript_print(t, i, &page);
        for (unsigned flags = 0; flags < 4; flags++) {
            vis_reset(&text);
            transcript_text(t, i, flags, 200, &text);
            need(text.cols <= 200);
            buf_append(&page, buf_slice(&text.text));
        }
        need_page(__func__, &page);
    }
    vis_deinit(&text);
    buf_deinit(&page);
    transcript_free(&t);
}

static void linear(struct journal *j)
{
    char *text;
    size_t len, first;
    struct app app = {.journal = j, .transcript = transcript_new(j, 0, true)};
    app.print_to = open_memstream(&text, &len);
    struct linear_print *p = linear_print_new(&app, NULL);
    transcript_update(app.transcript, &first);
    for (size_t i = 0; i < transcript_count(app.transcript); i++)
        linear_print_line(p, i);
    for (uint64_t n = 0; n < 10; n++)
        linear_print_show(p, n);
    linear_print_done(p);
    fclose(app.print_to);
    need_safe(__func__, text, len);
    free(text);
    transcript_free(&app.transcript);
}

/* One of those meant for eyes; an eml or a capture holds the octets themselves. */
static void export(const struct journal *j, size_t which)
{
    const struct export_options options = {.name = "fuzz", .tool = "fuzz", .message = 1};
    const struct export_format *f = export_format_at(which);
    struct err err;
    char *text;
    size_t len;
    if (!f || strcmp(f->name, "eml") == 0 || strcmp(f->name, "pcapng") == 0)
        return;
    FILE *to = open_memstream(&text, &len);
    export_write(j, f, &options, to, &err);
    fclose(to);
    need_safe(f->name, text, len);
    free(text);
}

/* ---- a certificate whose names are anybody's ---- */

enum { NAME_OCTETS = 40 };

static void add_names(X509 *x, const char *subject, const char *names)
{
    X509_NAME *name = X509_get_subject_name(x);
    GENERAL_NAMES *alt = GENERAL_NAMES_new();
    GENERAL_NAME *one = GENERAL_NAME_new();
    ASN1_IA5STRING *dns = ASN1_IA5STRING_new();
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)subject, -1, -1,
                               0);
    X509_set_issuer_name(x, name);
    ASN1_STRING_set(dns, names, NAME_OCTETS);
    GENERAL_NAME_set0_value(one, GEN_DNS, dns);
    sk_GENERAL_NAME_push(alt, one);
    X509_add1_ext_i2d(x, NID_subject_alt_name, alt, 0, 0);
    GENERAL_NAMES_free(alt);
}

/* Made once; its names are overwritten in place, which leaves lengths and structure as they are. */
static struct slice certificate(struct slice names)
{
    static unsigned char *der, fresh[4096];
    static int len;
    if (!der) {
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *x = X509_new();
        X509_set_version(x, 2);
        X509_gmtime_adj(X509_getm_notBefore(x), 0);
        X509_gmtime_adj(X509_getm_notAfter(x), 1000000);
        X509_set_pubkey(x, key);
        add_names(x, "SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS",
                  "NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNN");
        need(X509_sign(x, key, EVP_sha256()) > 0);
        len = i2d_X509(x, &der);
        need(len > 0 && (size_t)len <= sizeof fresh);
        X509_free(x);
        EVP_PKEY_free(key);
    }
    memcpy(fresh, der, (size_t)len);
    for (int i = 0, n = 0; i < len && names.len > 0; i++)
        if (fresh[i] == 'S' || fresh[i] == 'N')
            fresh[i] = names.ptr[(size_t)n++ % names.len];
    return slice_of(fresh, (size_t)len);
}

/* ---- steps ---- */

enum { EXPORTS = 16 }; /* or fewer: they share the turns */
enum step {
    STEP_SERVER,      /* octets of the server */
    STEP_SERVER_LINE, /* the same with CRLF behind them */
    STEP_CLIENT_LINE, /* a line of the client, whatever it is */
    STEP_COMMAND,     /* one of commands[] */
    STEP_TLS,         /* TLS is up; the octets are its names */
    STEP_CERT,        /* a certificate with these octets as names */
    STEP_DER,         /* octets for one */
    STEP_ALERT,       /* its first octets: fatal, number */
    STEP_WAIT,        /* as many times 16 ms */
    STEP__COUNT
};

static const char *const commands[][12] = {
    [PROTOCOL_SMTP] = {"EHLO client.example", "MAIL FROM:<ann@example.net>",
                       "RCPT TO:<b@c.example>", "DATA", "Subject: x\r\n\r\n.\r\n.", "STARTTLS",
                       "AUTH PLAIN " SECRET_B64 "==", "QUIT", "BDAT 5 LAST\r\nhello", "VRFY x",
                       "RSET", "HELP"},
    [PROTOCOL_POP3] = {"USER ann", "PASS " SECRET, "STAT", "LIST", "UIDL", "RETR 1", "TOP 1 1",
                       "CAPA", "STLS", "DELE 1", "AUTH PLAIN " SECRET_B64 "==", "QUIT"},
    [PROTOCOL_IMAP] = {"a LOGIN ann " SECRET, "b SELECT INBOX", "c FETCH 1 BODY[]",
                       "d FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)", "e LIST \"\" *", "f STARTTLS",
                       "g AUTHENTICATE PLAIN " SECRET_B64 "==", "h IDLE", "DONE", "i CAPABILITY",
                       "j NOOP", "k LOGOUT"},
};

struct world {
    struct clock_manual clock;
    struct journal *j;
    uint32_t conn;
    struct track *t;
};

static void client(struct world *w, struct slice line)
{
    struct buf octets;
    /* Where no command is awaited the same octets are text, and the secret is the client's own
     * mistake to make. */
    if (track_expects(w->t) != TRACK_EXPECTS_COMMAND)
        secret_may_show = true;
    buf_init(&octets, 1 << 20);
    buf_append(&octets, line);
    buf_append_cstr(&octets, "\r\n");
    track_feed_all(w->t, DIR_C, buf_slice(&octets));
    buf_deinit(&octets);
}

static void take_step(struct world *w, enum step step, struct slice in)
{
    uint8_t first = in.len > 0 ? in.ptr[0] : 0, second = in.len > 1 ? in.ptr[1] : 0;
    switch (step) {
    case STEP_SERVER:
    case STEP_SERVER_LINE:
        track_feed_all(w->t, DIR_S, in);
        if (step == STEP_SERVER_LINE)
            track_feed_all(w->t, DIR_S, SLICE_LIT("\r\n"));
        break;
    case STEP_CLIENT_LINE:
        client(w, in);
        break;
    case STEP_COMMAND:
        client(w, slice_cstr(commands[track_protocol(w->t)][first % 12]));
        break;
    case STEP_TLS:
        JOURNAL_APPEND(w->j, w->conn, TLS_START, 0, 0, (struct ev_tls_start){.sni = in});
        JOURNAL_APPEND(w->j, w->conn, TLS_MSG, 0, 0,
                       (struct ev_tls_msg){.content_type = first, .msg_type = second});
        JOURNAL_APPEND(w->j, w->conn, TLS_UP, 0, 0,
                       (struct ev_tls_up){
                           .version = in, .cipher = in, .group = in, .signature = in, .alpn = in});
        JOURNAL_APPEND(w->j, w->conn, TLS_VERIFY, 0, 0,
                       (struct ev_tls_verify){.name = in, .reason = in, .text = in});
        track_tls_up(w->t);
        break;
    case STEP_CERT:
    case STEP_DER:
        JOURNAL_APPEND(
            w->j, w->conn, TLS_CHAIN, 0, 0,
            (struct ev_tls_chain){.depth = first, .der = step == STEP_DER ? in : certificate(in)});
        JOURNAL_APPEND(w->j, w->conn, TLS_OCSP, 0, 0,
                       (struct ev_tls_ocsp){.status = in, .text = in, .der = in});
        break;
    case STEP_ALERT:
        JOURNAL_APPEND(w->j, w->conn, TLS_ALERT, 0, 0,
                       (struct ev_tls_alert){.dir = DIR_S, .fatal = first & 1, .number = second});
        JOURNAL_APPEND(w->j, w->conn, TLS_FAIL, 0, 0, (struct ev_tls_fail){.text = in, .got = in});
        break;
    case STEP_WAIT:
    case STEP__COUNT:
        clock_manual_advance_ms(&w->clock, 16u * first);
        break;
    }
}

/* ---- the contract ---- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w;
    struct slice in = slice_of(data, size < 8192 ? size : 8192);
    if (in.len == 0)
        return 0;
    secret_may_show = memmem(data, size, "entinel", 7) || memmem(data, size, "TZW50aW5", 8);
    clock_manual_init(&w.clock, 1000000, 1732384931000000);
    w.j = journal_new(&w.clock.clock);
    w.conn = journal_conn_new(w.j);
    JOURNAL_APPEND(w.j, w.conn, LINK_UP, 0, 0,
                   (struct ev_link_up){.side = SIDE_CLIENT,
                                       .local = SLICE_LIT("192.0.2.1:40000"),
                                       .peer = SLICE_LIT("198.51.100.25:25"),
                                       .name = SLICE_LIT("mx.example.org")});
    w.t = track_new((enum protocol)(in.ptr[0] % 3), w.j, w.conn, &(struct track_options){0});
    in = slice_skip(in, 1);
    while (in.len > 2) {
        size_t len = in.ptr[1] < in.len - 2 ? in.ptr[1] : in.len - 2;
        take_step(&w, (enum step)(in.ptr[0] % STEP__COUNT), slice_take(slice_skip(in, 2), len));
        in = slice_skip(in, 2 + len);
    }
    uint64_t middle = journal_last(w.j) / 2 + 1;
    track_closed(w.t, DIR_S);
    JOURNAL_APPEND(w.j, w.conn, LINK_DOWN, 0, 0, (struct ev_link_down){.why = DOWN_EOF});
    folds(w.j, w.conn, middle, VIS_ASCII);
    folds(w.j, w.conn, journal_last(w.j), 0);
    transcripts(w.j);
    linear(w.j);
    export(w.j, data[0] / 3 % EXPORTS);
    track_free(&w.t);
    journal_free(&w.j);
    return 0;
}
