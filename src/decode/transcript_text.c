/* What stands on a line: octets of the journal in safe form, or an event in plain words. Made when
 * a line is looked at, at the cost of that line (and of no more of it than is wide enough to be
 * seen).
 */
#include "decode/transcript_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "decode/explain.h"

/* Where words of our own and of others come together. */
struct pen {
    struct vis_text *out;
    unsigned flags;
    size_t max_cols; /* of the whole line */
    size_t start_cols;
};

static size_t pen_left(const struct pen *p)
{
    size_t used = p->out->cols - p->start_cols;
    return used < p->max_cols ? p->max_cols - used : 0;
}

static void pen_foreign(struct pen *p, struct slice s)
{
    vis_append(p->out, s, p->flags, pen_left(p));
}

static void pen_own(struct pen *p, const char *text)
{
    /* Through vis as well: it counts columns. */
    pen_foreign(p, slice_cstr(text));
}

static void pen_u64(struct pen *p, uint64_t v)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%llu", (unsigned long long)v);
    pen_own(p, digits);
}

/* before + s, where there is an s. */
static void pen_with(struct pen *p, const char *before, struct slice s)
{
    if (s.len == 0)
        return;
    pen_own(p, before);
    pen_foreign(p, s);
}

void transcript_duration(uint64_t us, char *out, size_t out_octets)
{
    if (us < 9950)
        snprintf(out, out_octets, "%u.%u ms", (unsigned)((us + 50) / 1000),
                 (unsigned)((us + 50) / 100 % 10));
    else if (us < 9999500)
        snprintf(out, out_octets, "%u ms", (unsigned)((us + 500) / 1000));
    else
        snprintf(out, out_octets, "%llu.%u s", (unsigned long long)((us + 50000) / 1000000),
                 (unsigned)((us + 50000) / 100000 % 10));
}

static void pen_duration(struct pen *p, const char *before, uint64_t us)
{
    char text[40];
    transcript_duration(us, text, sizeof(text));
    pen_own(p, before);
    pen_own(p, text);
}

typedef void (*text_fn)(struct pen *p, const struct event *ev, const struct transcript_line *line);

static void text_link_resolve(struct pen *p, const struct event *ev,
                              const struct transcript_line *line)
{
    struct ev_link_resolve e;
    EVENT_GET(ev, LINK_RESOLVE, &e);
    (void)line;
    pen_foreign(p, e.name);
    if (e.error.len > 0)
        pen_with(p, " could not be looked up: ", e.error);
    else if (e.addresses.len > 0)
        pen_with(p, " is ", e.addresses);
    else
        pen_own(p, " has no address");
    pen_duration(p, " ", e.elapsed_us);
}

static void text_link_try(struct pen *p, const struct event *ev, const struct transcript_line *line)
{
    struct ev_link_try e;
    EVENT_GET(ev, LINK_TRY, &e);
    (void)line;
    pen_with(p, "connecting to ", e.address);
    if (e.attempts > 1) {
        pen_own(p, " (");
        pen_u64(p, e.attempt);
        pen_own(p, " of ");
        pen_u64(p, e.attempts);
        pen_own(p, ")");
    }
}

static void text_link_up(struct pen *p, const struct event *ev, const struct transcript_line *line)
{
    struct ev_link_up e;
    EVENT_GET(ev, LINK_UP, &e);
    (void)line;
    const char *transport = event_transport_word(e.transport);
    pen_with(p, e.side == SIDE_SERVER ? "connection from " : "connected ", e.peer);
    pen_own(p, " (");
    pen_own(p, transport ? transport : "?");
    pen_own(p, ")");
}

static const char *const down_texts[DOWN__COUNT] = {
    [DOWN_EOF] = "closed by the peer",
    [DOWN_RESET] = "cut off by the peer (connection reset)",
    [DOWN_OURS] = "closed by us",
    [DOWN_ABORT] = "cut off by us",
    [DOWN_REFUSED] = "refused: nothing listens there",
    [DOWN_UNREACHED] = "could not be reached",
    [DOWN_TIMEOUT] = "given up: nothing came in time",
    [DOWN_TLS] = "closed: TLS failed",
    [DOWN_ERROR] = "connection lost",
};

static void text_link_down(struct pen *p, const struct event *ev,
                           const struct transcript_line *line)
{
    struct ev_link_down e;
    EVENT_GET(ev, LINK_DOWN, &e);
    (void)line;
    pen_own(p, e.why < DOWN__COUNT ? down_texts[e.why] : "connection gone");
    pen_with(p, ": ", e.text);
    if (e.unsent > 0) {
        pen_own(p, "; ");
        pen_u64(p, e.unsent);
        pen_own(p, " octets were never sent");
    }
}

static void text_link_timeout(struct pen *p, const struct event *ev,
                              const struct transcript_line *line)
{
    struct ev_link_timeout e;
    EVENT_GET(ev, LINK_TIMEOUT, &e);
    (void)line;
    pen_duration(p, "nothing came for ",
                 e.waited_ms < UINT64_MAX / 1000 ? e.waited_ms * 1000 : UINT64_MAX / 2);
    pen_with(p, ", waiting for ", e.stage);
}

static void text_hop(struct pen *p, const struct event *ev, const struct transcript_line *line)
{
    struct ev_hop e;
    EVENT_GET(ev, HOP, &e);
    (void)line;
    pen_own(p, e.dir == DIR_C ? "we: " : "proxy: ");
    pen_foreign(p, e.text);
}

static void text_dns_answer(struct pen *p, const struct event *ev,
                            const struct transcript_line *line)
{
    struct ev_dns_answer e;
    EVENT_GET(ev, DNS_ANSWER, &e);
    (void)line;
    pen_foreign(p, e.name);
    pen_with(p, " ", e.type);
    pen_own(p, ": ");
    struct slice records = slice_trim(e.records);
    if (records.len == 0)
        pen_foreign(p, e.rcode);
    for (ptrdiff_t lf; records.len > 0;) {
        lf = slice_find_octet(records, '\n');
        size_t len = lf < 0 ? records.len : (size_t)lf;
        pen_foreign(p, slice_take(records, len));
        records = slice_skip(records, len + 1);
        if (records.len > 0)
            pen_own(p, ", ");
    }
    if (e.dnssec == DNSSEC_SECURE || e.dnssec == DNSSEC_BOGUS)
        pen_own(p, e.dnssec == DNSSEC_SECURE ? " (DNSSEC ok)" : " (DNSSEC bogus)");
    pen_duration(p, " ", e.elapsed_us);
}

static void text_tls_up(struct pen *p, const struct event *ev, const struct transcript_line *line)
{
    struct ev_tls_up e;
    EVENT_GET(ev, TLS_UP, &e);
    pen_foreign(p, e.version);
    pen_with(p, " ", e.cipher);
    pen_with(p, " ", e.group);
    if (line->offset == TLS_CERT_OK)
        pen_own(p, ", certificate ok");
    if (e.resumed)
        pen_own(p, ", session resumed");
}

static void text_tls_msg(struct pen *p, const struct event *ev, const struct transcript_line *line)
{
    struct ev_tls_msg e;
    EVENT_GET(ev, TLS_MSG, &e);
    (void)line;
    pen_own(p, e.dir == DIR_C ? "client: " : "server: ");
    pen_own(p, explain_tls_message((unsigned)e.content_type, (unsigned)e.msg_type));
    pen_own(p, ", ");
    pen_u64(p, e.length);
    pen_own(p, " octets");
}

static void text_tls_verify(struct pen *p, const struct event *ev,
                            const struct transcript_line *line)
{
    struct ev_tls_verify e;
    EVENT_GET(ev, TLS_VERIFY, &e);
    (void)line;
    if (e.mode == VERIFY_NONE && e.ok) {
        pen_own(p, "certificate not checked");
        return;
    }
    pen_own(p, e.ok ? "certificate ok" : "certificate NOT verified");
    pen_with(p, ": ", e.reason);
    pen_with(p, " for ", e.name);
    if (!slice_eq(e.text, e.reason) && e.text.len > 0) {
        pen_with(p, " (", e.text);
        pen_own(p, ")");
    }
}

static void text_tls_alert(struct pen *p, const struct event *ev,
                           const struct transcript_line *line)
{
    struct ev_tls_alert e;
    EVENT_GET(ev, TLS_ALERT, &e);
    (void)line;
    const char *name = NULL;
    const char *meaning = explain_tls_alert((unsigned)e.number, &name);
    pen_own(p, e.fatal ? "fatal TLS alert from the " : "TLS alert from the ");
    pen_own(p, e.dir == DIR_C ? "client: " : "server: ");
    pen_own(p, name ? name : "number ");
    if (!name)
        pen_u64(p, e.number);
    pen_own(p, " (");
    pen_own(p, meaning);
    pen_own(p, ")");
}

static void text_tls_dane(struct pen *p, const struct event *ev, const struct transcript_line *line)
{
    struct ev_tls_dane e;
    EVENT_GET(ev, TLS_DANE, &e);
    (void)line;
    pen_with(p, e.ok ? "TLSA: " : "TLSA does not match: ", e.text);
}

static void text_tls_ocsp(struct pen *p, const struct event *ev, const struct transcript_line *line)
{
    struct ev_tls_ocsp e;
    EVENT_GET(ev, TLS_OCSP, &e);
    (void)line;
    pen_with(p, "OCSP ", e.status);
    pen_with(p, ": ", e.text);
}

static void text_tls_fail(struct pen *p, const struct event *ev, const struct transcript_line *line)
{
    struct ev_tls_fail e;
    EVENT_GET(ev, TLS_FAIL, &e);
    (void)line;
    pen_own(p, "TLS failed");
    pen_with(p, " in ", e.stage);
    pen_with(p, ": ", e.text);
    pen_with(p, "; instead of TLS came: ", e.got);
}

static void text_note(struct pen *p, const struct event *ev, const struct transcript_line *line)
{
    static const char *const levels[LEVEL__COUNT] = {[LEVEL_INFO] = "",
                                                     [LEVEL_WARNING] = "warning: ",
                                                     [LEVEL_ERROR] = "error: ",
                                                     [LEVEL_REMARK] = "note: "};
    struct ev_note e;
    EVENT_GET(ev, NOTE, &e);
    if (line->offset == NOTE_MEANS) {
        pen_with(p, "  means: ", e.means);
    } else if (line->offset == NOTE_NEXT) {
        pen_with(p, "  next: ", e.next);
    } else {
        pen_own(p, e.level < LEVEL__COUNT ? levels[e.level] : "");
        pen_foreign(p, e.text);
    }
}

static void text_deviation(struct pen *p, const struct event *ev,
                           const struct transcript_line *line)
{
    struct ev_deviation e;
    EVENT_GET(ev, DEVIATION, &e);
    (void)line;
    pen_with(p, "! ", e.rule);
    pen_with(p, ": ", e.note);
    if (e.rfc.len > 0) {
        pen_with(p, " (", e.rfc);
        pen_own(p, ")");
    }
}

static void text_fault(struct pen *p, const struct event *ev, const struct transcript_line *line)
{
    struct ev_fault e;
    EVENT_GET(ev, FAULT, &e);
    (void)line;
    pen_own(p, "practice server: ");
    pen_foreign(p, e.action);
    pen_with(p, " at ", e.stage);
    pen_with(p, ", asked for by ", e.rule);
}

static void text_bounced(struct pen *p, const struct event *ev, const struct transcript_line *line)
{
    struct ev_bounced e;
    EVENT_GET(ev, BOUNCED, &e);
    (void)line;
    pen_own(p, "practice server: gave up on ");
    pen_foreign(p, e.to);
    pen_with(p, ": ", e.text);
    pen_with(p, ", told to ", e.report_to);
    pen_with(p, ", queue id ", e.id);
}

static void text_stored(struct pen *p, const struct event *ev, const struct transcript_line *line)
{
    struct ev_stored e;
    EVENT_GET(ev, STORED, &e);
    (void)line;
    pen_own(p, "practice server: stored message ");
    pen_u64(p, e.message);
    pen_with(p, " for ", e.mailbox);
    pen_own(p, " (");
    pen_u64(p, e.length);
    pen_own(p, " octets");
    pen_with(p, " from ", e.from);
    pen_with(p, ", queue id ", e.id);
    pen_own(p, ")");
}

static void text_gap(struct pen *p, const struct event *ev, const struct transcript_line *line)
{
    struct ev_gap e;
    EVENT_GET(ev, GAP, &e);
    (void)line;
    pen_own(p, "left memory: ");
    pen_u64(p, e.events);
    pen_own(p, " events, ");
    pen_u64(p, e.octets);
    pen_own(p, " octets");
    pen_with(p, "; limit ", e.limit);
}

static void text_octets_missing(struct pen *p, const struct event *ev,
                                const struct transcript_line *line)
{
    struct ev_octets e;
    EVENT_GET(ev, OCTETS, &e);
    pen_u64(p, e.length);
    pen_own(p, line->dir == DIR_C ? " octets of the client" : " octets of the server");
    pen_own(p, " were not kept");
}

static const text_fn texts[EVENT__COUNT] = {
    [EVENT_LINK_RESOLVE] = text_link_resolve,
    [EVENT_LINK_TRY] = text_link_try,
    [EVENT_LINK_UP] = text_link_up,
    [EVENT_LINK_DOWN] = text_link_down,
    [EVENT_LINK_TIMEOUT] = text_link_timeout,
    [EVENT_HOP] = text_hop,
    [EVENT_OCTETS] = text_octets_missing,
    [EVENT_DNS_ANSWER] = text_dns_answer,
    [EVENT_TLS_MSG] = text_tls_msg,
    [EVENT_TLS_UP] = text_tls_up,
    [EVENT_TLS_VERIFY] = text_tls_verify,
    [EVENT_TLS_ALERT] = text_tls_alert,
    [EVENT_TLS_FAIL] = text_tls_fail,
    [EVENT_TLS_DANE] = text_tls_dane,
    [EVENT_TLS_OCSP] = text_tls_ocsp,
    [EVENT_DEVIATION] = text_deviation,
    [EVENT_NOTE] = text_note,
    [EVENT_FAULT] = text_fault,
    [EVENT_STORED] = text_stored,
    [EVENT_BOUNCED] = text_bounced,
    [EVENT_GAP] = text_gap,
};

/* ---- lines of octets ---- */

static bool is_octets(const struct transcript_line *l)
{
    return l->kind == TRANSCRIPT_LINE || l->kind == TRANSCRIPT_CONTENT;
}

bool transcript_octets(const struct transcript *t, size_t index, struct buf *out)
{
    const struct transcript_line *l = transcript_at(t, index);
    return is_octets(l) && journal_read_masked(t->journal, l->conn, (enum event_dir)l->dir,
                                               LAYER_PLAIN, l->offset, l->length, out, NULL);
}

/* Without LF, CRLF; a lone CR stays, it is none. */
static struct slice without_eol(struct slice s)
{
    if (s.len == 0 || s.ptr[s.len - 1] != '\n')
        return s;
    s = slice_take(s, s.len - 1);
    return s.len > 0 && s.ptr[s.len - 1] == '\r' ? slice_take(s, s.len - 1) : s;
}

static void octets_text(const struct transcript *t, const struct transcript_line *l,
                        size_t skip_octets, struct pen *p)
{
    struct buf raw;
    if (skip_octets > l->length)
        skip_octets = l->length;
    /* A column shows one character and four marks on it at most: 20 octets. */
    size_t left = l->length - skip_octets, cols = pen_left(p);
    bool whole = cols > TRANSCRIPT_LINE_MAX_OCTETS || cols * 20 + TEXT_READ_SLACK >= left;
    size_t want = whole ? left : cols * 20 + TEXT_READ_SLACK;
    buf_init(&raw, TRANSCRIPT_LINE_MAX_OCTETS);
    if (journal_read_masked(t->journal, l->conn, (enum event_dir)l->dir, LAYER_PLAIN,
                            l->offset + skip_octets, want, &raw, NULL)) {
        struct slice s = buf_slice(&raw);
        bool keep_eol = (p->flags & VIS_SHOW_EOL) != 0 || !whole;
        pen_foreign(p, keep_eol ? s : without_eol(s));
    } else {
        pen_own(p, "(these octets left memory)");
    }
    buf_deinit(&raw);
}

void transcript_text_from(const struct transcript *t, size_t index, size_t skip_octets,
                          unsigned vis_flags, size_t max_cols, struct vis_text *out)
{
    const struct transcript_line *l = transcript_at(t, index);
    struct pen p = {.out = out, .flags = vis_flags, .max_cols = max_cols, .start_cols = out->cols};
    if (is_octets(l)) {
        octets_text(t, l, skip_octets, &p);
        return;
    }
    const struct event *ev = journal_at(t->journal, l->seq);
    if (!ev)
        pen_own(&p, "(this event left memory)");
    else if (texts[ev->kind])
        texts[ev->kind](&p, ev, l);
}

void transcript_text(const struct transcript *t, size_t index, unsigned vis_flags, size_t max_cols,
                     struct vis_text *out)
{
    transcript_text_from(t, index, 0, vis_flags, max_cols, out);
}

/* ---- time and print ---- */

uint64_t transcript_tick_ns(const struct transcript *t, size_t index)
{
    const struct event *ev = journal_at(t->journal, transcript_at(t, index)->seq);
    return ev ? ev->tick_ns : 0;
}

uint64_t transcript_at_us(const struct transcript *t, size_t index)
{
    const struct conn_state *c = transcript_conn(t, transcript_at(t, index)->conn);
    uint64_t tick_ns = transcript_tick_ns(t, index);
    return c && tick_ns > c->zero_tick_ns ? (tick_ns - c->zero_tick_ns) / 1000 : 0;
}

enum { PRINT_TIME_COL = 71 }; /* where a reply time begins, if the text leaves room for it */

void transcript_print(const struct transcript *t, size_t index, struct buf *out)
{
    static const char *const sides[DIR__COUNT] = {[DIR_C] = "C>", [DIR_S] = "<S"};
    const struct transcript_line *l = transcript_at(t, index);
    const char *mark = is_octets(l) && l->dir < DIR__COUNT ? sides[l->dir]
                       : l->kind == TRANSCRIPT_TLS         ? "=="
                                                           : "--";
    uint64_t ms = (transcript_at_us(t, index) + 500) / 1000;
    struct vis_text text;
    vis_init(&text);
    transcript_text(t, index, VIS_ASCII, SIZE_MAX, &text);
    char time[32];
    snprintf(time, sizeof(time), "%u.%03u", (unsigned)(ms / 1000), (unsigned)(ms % 1000));
    buf_printf(out, "%8s %s%c ", time, mark,
               (l->flags & TRANSCRIPT_TLS_ON) || l->kind == TRANSCRIPT_TLS ? 'T' : ' ');
    buf_append(out, buf_slice(&text.text));
    if (l->reply_us > 0) {
        char duration[40];
        transcript_duration(l->reply_us, duration, sizeof(duration));
        size_t cols = text.cols + 13;
        int pad = cols + 2 < PRINT_TIME_COL ? (int)(PRINT_TIME_COL - cols) : 2;
        buf_printf(out, "%*s%8s", pad, "", duration);
    }
    buf_append_octet(out, '\n');
    vis_deinit(&text);
}
