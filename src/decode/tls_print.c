/* TLS in lines of safe text. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/vis.h"
#include "decode/tls.h"

enum { NAMES_SHOWN = 12, DAYS_SOON = 14 };

struct page {
    struct buf *out;
    unsigned flags; /* of vis */
};

static void put(struct page *p, const char *text)
{
    struct slice s = slice_cstr(text);
    vis_to_buf(p->out, slice_take(s, 1000), p->flags);
    if (s.len > 1000)
        buf_printf(p->out, " ... (%zu octets)", s.len);
}

static void row(struct page *p, const char *label, const char *text)
{
    if (!text || !*text)
        return;
    buf_printf(p->out, "  %-11s ", label);
    put(p, text);
    buf_append_octet(p->out, '\n');
}

static void remark(struct page *p, const char *text)
{
    buf_printf(p->out, "  %-11s ! ", "");
    put(p, text);
    buf_append_octet(p->out, '\n');
}

/* ---- what was agreed ---- */

static void graded(struct page *p, const char *label, const char *text,
                   enum tls_grade (*grade)(const char *, const char **))
{
    const char *why = "";
    char line[400];
    if (!text)
        return;
    row(p, label, text);
    enum tls_grade g = grade(text, &why);
    if (g == TLS_GOOD)
        return;
    snprintf(line, sizeof(line), "%s: %s", tls_grade_name(g), why);
    remark(p, line);
}

static void print_failure(struct page *p, const struct view *v)
{
    row(p, "failed", v->tls_error ? v->tls_error : "without a word");
    row(p, "stage", v->tls_fail_stage);
    row(p, "came", v->tls_got);
    if (v->tls_got && v->tls_got[0] >= '2' && v->tls_got[0] <= '5')
        remark(p, "that is a reply in plain text: the port speaks SMTP without TLS, or STARTTLS "
                  "was refused");
}

static void print_session(struct page *p, const struct view *v)
{
    char text[80];
    if (v->tls_failed)
        print_failure(p, v);
    if (!v->tls)
        return;
    graded(p, "version", v->tls_version, tls_grade_version);
    graded(p, "cipher", v->tls_cipher, tls_grade_cipher);
    snprintf(text, sizeof(text), "%u bit", v->tls_bits);
    row(p, "strength", text);
    row(p, "group", v->tls_group);
    graded(p, "signature", v->tls_signature, tls_grade_signature);
    row(p, "begun by",
        v->tls_via == TLS_VIA_IMPLICIT ? "the first octet (implicit TLS, RFC 8314)"
                                       : "STARTTLS (RFC 3207)");
    row(p, "SNI", v->tls_sni ? v->tls_sni : "none was sent: the server chose by itself");
    row(p, "ALPN", v->tls_alpn ? v->tls_alpn : "none was agreed");
    row(p, "resumed",
        v->tls_resumed ? "yes: an earlier session went on, no certificate was sent"
                       : "no: a full handshake");
    snprintf(text, sizeof(text), "%.1f ms", (double)v->tls_us / 1e3);
    row(p, "took", text);
}

/* ---- check ---- */

static void day(int64_t at_s, char out[40])
{
    clock_format_rfc3339(at_s * 1000000, out, 40);
    out[10] = '\0'; /* the day is enough */
}

/* TLS_OCSP.status of a response that speaks of the certificate. Of the others (none, malformed,
 * other) there is nothing to tell but that. */
static const struct {
    const char *status, *verified;
    bool remark; /* TLS_OCSP.text says more than this row */
} ocsp_words[] = {
    {"good", "verified", false},
    {"revoked", "verified", true},
    {"unknown", "verified", true},
    {"stale", "verified, but its time is over or not come yet", false},
    {"bad-signature", "NOT verified: not signed by the certificate's issuer", false},
};

/* "OCSP  good, verified, produced 2026-01-31, next update 2026-02-07" */
static void print_ocsp(struct page *p, const struct view *v)
{
    const char *verified = NULL;
    char produced[40] = "", next[40] = "", text[300];
    bool more = false;
    if (!v->ocsp_status)
        return;
    for (size_t i = 0; i < sizeof(ocsp_words) / sizeof(*ocsp_words); i++) {
        if (strcmp(v->ocsp_status, ocsp_words[i].status) == 0) {
            verified = ocsp_words[i].verified;
            more = ocsp_words[i].remark;
        }
    }
    if (!verified) {
        row(p, "OCSP", v->ocsp_text);
        return;
    }
    if (v->ocsp_produced_s != 0)
        day(v->ocsp_produced_s, produced);
    if (v->ocsp_next_s != 0)
        day(v->ocsp_next_s, next);
    snprintf(text, sizeof(text), "%s, %s%s%s%s%s", v->ocsp_says ? v->ocsp_says : v->ocsp_status,
             verified, *produced ? ", produced " : "", produced,
             *next ? ", next update " : ", no next update said", next);
    row(p, "OCSP", text);
    if (more)
        remark(p, v->ocsp_text);
}

static void print_check(struct page *p, const struct view *v)
{
    const struct tls_verify_info *info = tls_verify_info(v->verify_reason);
    char text[80];
    if (!v->verify_known) {
        print_ocsp(p, v);
        return;
    }
    row(p, "result",
        v->verify_mode == VERIFY_NONE ? "not asked for: whatever it is, it counts as nothing"
        : v->verify_ok                ? "ok"
                                      : "NOT ok");
    row(p, "asked for",
        v->verify_mode == VERIFY_FULL    ? "chain and name"
        : v->verify_mode == VERIFY_CHAIN ? "chain"
                                         : "nothing (report only)");
    row(p, "name", v->verify_name);
    if (!v->verify_ok) {
        row(p, "reason", v->verify_reason);
        row(p, "means", explain_verify(v->verify_reason));
    }
    if (info && !v->verify_ok) {
        row(p, "look at", info->look_at);
        row(p, "source", info->rfc);
        snprintf(text, sizeof(text), "certificate %u of the chain", v->verify_depth);
        row(p, "where", text);
    }
    if (!v->verify_ok)
        row(p, "library", v->verify_text);
    print_ocsp(p, v);
}

/* ---- chain ---- */

static void print_validity(struct page *p, const struct view_cert *c, int64_t now_s)
{
    char from[40], until[40], text[160];
    int64_t days = view_cert_days_left(c, now_s);
    day(c->not_before_s, from);
    day(c->not_after_s, until);
    if (c->not_before_s == 0 && c->not_after_s == 0)
        return;
    if (days < 0)
        snprintf(text, sizeof(text), "%s to %s, expired %lld days ago", from, until,
                 (long long)-days);
    else if (c->not_before_s > now_s)
        snprintf(text, sizeof(text), "%s to %s, not valid yet", from, until);
    else
        snprintf(text, sizeof(text), "%s to %s, %lld days left", from, until, (long long)days);
    row(p, "valid", text);
    if (days >= 0 && days < DAYS_SOON)
        remark(p, "it is high time to renew it");
}

/* One name a word; the one that fits what was asked for first. */
static void print_names(struct page *p, const struct view_cert *c, const char *wanted)
{
    struct slice rest = slice_cstr(c->names), word;
    struct slice host = slice_cstr(wanted);
    size_t n = 0;
    bool fits = false;
    if (!c->names)
        return;
    buf_printf(p->out, "  %-11s", "names");
    while ((word = slice_next_word(&rest)).len > 0) {
        bool this_fits = host.len > 0 && tls_name_fits(word, host);
        if (n++ >= NAMES_SHOWN && !(this_fits && !fits))
            continue;
        fits = fits || this_fits;
        buf_append_octet(p->out, ' ');
        vis_to_buf(p->out, slice_take(word, 300), p->flags);
        if (this_fits)
            buf_append_cstr(p->out, " (fits)");
    }
    size_t all = c->n_names > n ? c->n_names : n;
    if (all > NAMES_SHOWN)
        buf_printf(p->out, " ... %zu in all", all);
    buf_append_octet(p->out, '\n');
    if (host.len > 0 && !fits)
        remark(p, "none of them is the name that was asked for");
}

static void print_cert(struct page *p, const struct view *v, size_t index, int64_t now_s)
{
    const struct view_cert *c = &v->certs[index];
    char text[VIEW_TLSA_OCTETS + 80];
    const char *why;
    buf_printf(p->out, "  certificate %zu: %s\n", index,
               index == 0       ? "the server's own"
               : c->self_issued ? "a root; servers need not send it"
               : c->ca          ? "a CA between"
                                : "not a CA");
    row(p, "subject", c->subject ? c->subject : "does not read");
    row(p, "issuer", c->issuer);
    if (index == 0)
        print_names(p, c, v->verify_name);
    print_validity(p, c, now_s);
    row(p, "key", c->key);
    row(p, "signature", c->signature);
    if (tls_grade_signature(c->signature, &why) != TLS_GOOD && !c->self_issued)
        remark(p, why);
    row(p, "serial", c->serial);
    row(p, "SHA-256", c->fingerprint);
    view_cert_tlsa(c, text);
    if (index > 0 && text[0])
        text[0] = '2'; /* DANE-TA: this CA's key, RFC 6698 section 2.1.1 */
    row(p, "TLSA", text);
    if (index == 0 && c->names == NULL && c->subject)
        remark(p, "it names no host in subjectAltName: the CN alone no longer counts (RFC 6125 "
                  "section 6.4.4)");
    if (index == 0 && c->self_issued)
        remark(p, "it vouches for itself");
}

static void print_chain(struct page *p, const struct view *v, int64_t now_s)
{
    for (size_t i = 0; i < v->n_certs; i++) {
        print_cert(p, v, i, now_s);
        bool gap = i + 1 < v->n_certs && v->certs[i].issuer && v->certs[i + 1].subject &&
                   strcmp(v->certs[i].issuer, v->certs[i + 1].subject) != 0;
        if (gap)
            remark(p, "the next certificate is not its issuer: the chain is in disorder (RFC 8446 "
                      "section 4.4.2)");
    }
}

/* ---- handshake, alerts ---- */

static void print_handshake(struct page *p, const struct view *v)
{
    uint64_t octets[DIR__COUNT] = {0};
    for (size_t i = 0; i < v->n_tls_messages; i++) {
        view_tls_message_text(v, i, p->out);
        buf_append_octet(p->out, '\n');
        octets[v->tls_messages[i].dir] += v->tls_messages[i].length;
    }
    if (v->tls_messages_more > 0)
        buf_printf(p->out, "  and %llu more\n", (unsigned long long)v->tls_messages_more);
    buf_printf(p->out, "  %zu messages, %llu octets from the client, %llu from the server\n",
               v->n_tls_messages, (unsigned long long)octets[DIR_C],
               (unsigned long long)octets[DIR_S]);
}

static void print_alerts(struct page *p, const struct view *v)
{
    for (size_t i = 0; i < v->n_tls_alerts; i++) {
        const struct view_tls_alert *a = &v->tls_alerts[i];
        const char *name = NULL;
        const char *meaning = explain_tls_alert(a->number, &name);
        buf_printf(p->out, "%8.1f ms  %s  %s%s (%u): %s\n", (double)a->at_us / 1e3,
                   a->dir == DIR_C ? "C>" : "<S", name ? name : "alert", a->fatal ? ", fatal" : "",
                   a->number, meaning);
    }
}

void tls_print(const struct view *v, int64_t now_s, unsigned parts, unsigned vis_flags,
               struct buf *out)
{
    struct page p = {.out = out, .flags = vis_flags & VIS_ASCII};
    const struct {
        unsigned part;
        const char *head;
        bool there;
    } rows[] = {
        {TLS_PRINT_SESSION, "TLS", v->tls || v->tls_failed},
        {TLS_PRINT_CHECK, "Check", v->verify_known || v->ocsp_status},
        {TLS_PRINT_CHAIN, "Certificates", v->n_certs > 0},
        {TLS_PRINT_HANDSHAKE, "Handshake", v->n_tls_messages > 0},
        {TLS_PRINT_ALERTS, "Alerts", v->n_tls_alerts > 0},
    };
    unsigned wanted = parts & TLS_PRINT_ALL;
    bool several = (wanted & (wanted - 1)) != 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (!(wanted & rows[i].part) || !rows[i].there)
            continue;
        if (several)
            buf_printf(out, "%s\n", rows[i].head);
        if (rows[i].part == TLS_PRINT_SESSION)
            print_session(&p, v);
        else if (rows[i].part == TLS_PRINT_CHECK)
            print_check(&p, v);
        else if (rows[i].part == TLS_PRINT_CHAIN)
            print_chain(&p, v, now_s);
        else if (rows[i].part == TLS_PRINT_HANDSHAKE)
            print_handshake(&p, v);
        else
            print_alerts(&p, v);
    }
}
