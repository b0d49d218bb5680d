/* Fired rules, stored messages, bounces, mailboxes, and what went wrong: see cli/backstage.h. */
#include "cli/backstage.h"

#include <poll.h>
#include <unistd.h>

#include "base/vis.h"
#include "decode/explain.h"
#include "decode/status.h"

enum {
    WAITING_MAX_OCTETS = 256 * 1024, /* limit "printed-lines" */
    PIECE_MAX_OCTETS = 4096,         /* PIPE_BUF: a pipe that polls writable takes so much */
};

struct backstage {
    struct app *app;
    int fd;
    struct buf waiting;
    uint64_t left_out;
};

/* Peers' words are in these texts. */
static void put(struct buf *out, const char *before, struct slice text, const char *behind)
{
    buf_append_cstr(out, before);
    vis_to_buf(out, text, 0);
    buf_append_cstr(out, behind);
}

static void put_stored(const struct event *ev, struct buf *out)
{
    struct ev_stored e;
    EVENT_GET(ev, STORED, &e);
    put(out, "stored ", e.id, "");
    put(out, " for ", e.mailbox, "");
    put(out, " from <", e.from, ">");
    buf_printf(out, ", %llu octets", (unsigned long long)e.length);
}

static void put_fault(const struct event *ev, struct buf *out)
{
    struct ev_fault e;
    EVENT_GET(ev, FAULT, &e);
    put(out, "rule at ", e.stage, ": ");
    put(out, "", e.action, "");
    put(out, "   (", e.rule, ")");
}

static void put_bounced(const struct event *ev, struct buf *out)
{
    struct ev_bounced e;
    EVENT_GET(ev, BOUNCED, &e);
    put(out, "bounced ", e.to, "");
    put(out, ": ", e.text, "");
    put(out, ", report to <", e.report_to, ">");
}

static void put_mailbox(const struct event *ev, struct buf *out)
{
    struct ev_mailbox e;
    EVENT_GET(ev, MAILBOX, &e);
    put(out, "mailbox ", e.user, "/");
    put(out, "", e.name, " ");
    put(out, "", e.what, "");
    if (e.uid > 0)
        buf_printf(out, " uid %llu", (unsigned long long)e.uid);
    if (e.text.len > 0)
        put(out, ": ", e.text, "");
}

static void put_note(const struct event *ev, struct buf *out)
{
    struct ev_note e;
    EVENT_GET(ev, NOTE, &e);
    put(out, "note ", e.text, "");
}

/* --- what went wrong: whoever wonders why a program cannot send looks here --- */

static bool is_refusal(const struct event *ev)
{
    struct ev_reply e;
    EVENT_GET(ev, REPLY, &e);
    /* Of MAIL and RCPT the envelope tells, with the address. */
    if (slice_eq(e.verb, SLICE_LIT("MAIL")) || slice_eq(e.verb, SLICE_LIT("RCPT")))
        return false;
    return e.status.len > 0 ? !status_is_good(e.status) && !slice_eq(e.status, SLICE_LIT("BYE"))
                            : e.code >= 400;
}

static void put_refusal(const struct event *ev, struct buf *out)
{
    struct ev_reply e;
    EVENT_GET(ev, REPLY, &e);
    put(out, "refused ", e.verb, ": ");
    if (e.status.len > 0)
        put(out, "", e.status, "");
    else
        buf_printf(out, "%u", (unsigned)e.code);
    if (e.enhanced.len > 0)
        put(out, " ", e.enhanced, "");
}

static bool is_refused_path(const struct event *ev)
{
    struct ev_envelope e;
    EVENT_GET(ev, ENVELOPE, &e);
    return e.code >= 400 && (e.part == ENVELOPE_REVERSE_PATH || e.part == ENVELOPE_FORWARD_PATH);
}

static void put_refused_path(const struct event *ev, struct buf *out)
{
    struct ev_envelope e;
    EVENT_GET(ev, ENVELOPE, &e);
    put(out, e.part == ENVELOPE_REVERSE_PATH ? "refused MAIL FROM:" : "refused RCPT TO:", e.path,
        "");
    buf_printf(out, ": %u", (unsigned)e.code);
}

static void put_tls_fail(const struct event *ev, struct buf *out)
{
    struct ev_tls_fail e;
    EVENT_GET(ev, TLS_FAIL, &e);
    put(out, "TLS failed in ", e.stage, ": ");
    put(out, "", e.text, "");
}

static bool is_cut(const struct event *ev)
{
    struct ev_link_down e;
    EVENT_GET(ev, LINK_DOWN, &e);
    return e.why == DOWN_RESET || e.why == DOWN_TIMEOUT || e.why == DOWN_ERROR;
}

static void put_cut(const struct event *ev, struct buf *out)
{
    struct ev_link_down e;
    EVENT_GET(ev, LINK_DOWN, &e);
    put(out, "ended: ", slice_cstr(explain_down(e.why)), "");
    if (e.text.len > 0)
        put(out, ": ", e.text, "");
}

static bool is_of_client(const struct event *ev)
{
    struct ev_deviation e;
    EVENT_GET(ev, DEVIATION, &e);
    return e.dir == DIR_C;
}

static void put_deviation(const struct event *ev, struct buf *out)
{
    struct ev_deviation e;
    EVENT_GET(ev, DEVIATION, &e);
    put(out, "client breaks ", e.rule, "");
    if (e.note.len > 0)
        put(out, ": ", e.note, "");
    put(out, " (", e.rfc, ")");
}

static const struct {
    enum event_kind kind;
    bool (*worth)(const struct event *ev); /* NULL: always */
    void (*put)(const struct event *ev, struct buf *out);
} printed[] = {
    {EVENT_STORED, NULL, put_stored},
    {EVENT_FAULT, NULL, put_fault},
    {EVENT_BOUNCED, NULL, put_bounced},
    {EVENT_MAILBOX, NULL, put_mailbox},
    {EVENT_NOTE, NULL, put_note},
    {EVENT_REPLY, is_refusal, put_refusal},
    {EVENT_ENVELOPE, is_refused_path, put_refused_path},
    {EVENT_TLS_FAIL, NULL, put_tls_fail},
    {EVENT_LINK_DOWN, is_cut, put_cut},
    {EVENT_DEVIATION, is_of_client, put_deviation},
};

static void on_event(void *ctx, const struct journal *j, const struct event *ev)
{
    struct backstage *b = ctx;
    (void)j;
    for (size_t i = 0; i < sizeof printed / sizeof printed[0]; i++) {
        if (ev->kind != printed[i].kind || (printed[i].worth && !printed[i].worth(ev)))
            continue;
        if (b->waiting.len > WAITING_MAX_OCTETS) {
            b->left_out++;
            return;
        }
        char when[32];
        clock_format_rfc3339(ev->wall_us, when, sizeof when);
        buf_printf(&b->waiting, "%.8s [%u] ", when + 11, ev->conn);
        printed[i].put(ev, &b->waiting);
        buf_append_octet(&b->waiting, '\n');
    }
}

static bool takes(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

static void on_turn_end(void *ctx)
{
    struct backstage *b = ctx;
    while (b->waiting.len > 0 && takes(b->fd)) {
        struct slice piece = slice_take(buf_slice(&b->waiting), PIECE_MAX_OCTETS);
        ssize_t n = write(b->fd, piece.ptr, piece.len);
        if (n <= 0) {
            buf_reset(&b->waiting);
            return;
        }
        buf_consume(&b->waiting, (size_t)n);
    }
    if (b->left_out > 0 && b->waiting.len == 0) {
        buf_printf(&b->waiting, "# limit \"printed-lines\" reached: %llu lines were left out\n",
                   (unsigned long long)b->left_out);
        b->left_out = 0;
    }
}

struct backstage *backstage_open(struct app *a, int fd)
{
    struct backstage *b = mem_zalloc(sizeof *b);
    b->app = a;
    b->fd = fd;
    buf_init(&b->waiting, 2 * WAITING_MAX_OCTETS);
    journal_add_sink(a->journal, on_event, b);
    loop_add_turn_end(a->loop, on_turn_end, b);
    return b;
}

void backstage_close(struct backstage **bp)
{
    struct backstage *b = *bp;
    if (!b)
        return;
    on_turn_end(b);
    journal_remove_sink(b->app->journal, on_event, b);
    loop_remove_turn_end(b->app->loop, on_turn_end, b);
    buf_deinit(&b->waiting);
    mem_free(b);
    *bp = NULL;
}
