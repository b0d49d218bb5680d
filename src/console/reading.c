/* Commands that read: what the journal holds, decoded and printed as a page. */
#include "base/vis.h"
#include "decode/login.h"
#include "decode/message.h"
#include "decode/offer.h"
#include "decode/timing.h"
#include "decode/tls.h"

#include "console/console_private.h"

enum { PAGE_OCTETS = 4 << 20 }; /* limit "page" */

/* What is known of the connection in front, as of now. */
static void fold_front(struct console *c, struct view *v)
{
    view_init(v, console_shown_conn(c));
    view_at(v, console_shown(c), console_shown_conn(c), journal_last(console_shown(c)));
}

/* Only a screen shows more than ASCII; it escapes by itself what its terminal cannot. */
static unsigned page_flags(const struct console *c)
{
    return c->ui && c->ui->view ? 0 : VIS_ASCII;
}

static const struct {
    const char *word;
    unsigned parts;
} message_parts[] = {
    {"envelope", MESSAGE_PRINT_ENVELOPE}, {"who", MESSAGE_PRINT_WHO},
    {"fields", MESSAGE_PRINT_FIELDS},     {"raw", MESSAGE_PRINT_FIELDS | MESSAGE_PRINT_RAW_FIELDS},
    {"parts", MESSAGE_PRINT_MIME},        {"trace", MESSAGE_PRINT_TRACE},
    {"octets", MESSAGE_PRINT_SHAPE},
};

/* The set of parts the arguments name; 0: one of them is none. */
static unsigned parts_named(struct slice args)
{
    unsigned parts = args.len == 0 ? MESSAGE_PRINT_ALL : 0;
    for (struct slice word; (word = slice_next_word(&args)).len > 0;) {
        unsigned found = 0;
        for (size_t i = 0; i < sizeof(message_parts) / sizeof(*message_parts); i++)
            if (slice_eq_nocase(word, slice_cstr(message_parts[i].word)))
                found = message_parts[i].parts;
        if (!found)
            return 0;
        parts |= found;
    }
    return parts;
}

bool exec_message(struct console *c, const struct console_call *call)
{
    unsigned parts = parts_named(call->args);
    struct view v;
    struct message m;
    struct buf text;
    if (parts == 0) {
        err_set(call->err, ERR_USAGE, 0, "no such part of a message");
        err_explain(call->err, "", "envelope, who, fields, raw, parts, trace, octets; none: all");
        return false;
    }
    fold_front(c, &v);
    message_read(&v, console_shown(c), &m);
    bool ok = m.known || v.reverse_path;
    buf_init(&text, PAGE_OCTETS);
    message_print(&m, &v, parts, page_flags(c), &text);
    if (ok) {
        console_page(c, "The message of this session", buf_slice(&text));
    } else {
        err_set(call->err, ERR_USAGE, 0, "no message has passed in this session yet");
        err_explain(call->err, "", "MAIL FROM begins one; /send sends one");
    }
    buf_deinit(&text);
    message_deinit(&m);
    view_deinit(&v);
    return ok;
}

/* A live session is judged by today, a recording by its own last day. */
static int64_t day_of(const struct console *c, const struct view *v)
{
    const struct event *last = journal_at(console_shown(c), v->last_seq);
    const struct clock *clock = journal_clock(c->journal);
    return (last ? last->wall_us : clock->wall_us(clock->ctx)) / 1000000;
}

bool exec_certs(struct console *c, const struct console_call *call)
{
    struct view v;
    struct buf text;
    fold_front(c, &v);
    buf_init(&text, PAGE_OCTETS);
    tls_print(&v, day_of(c, &v), TLS_PRINT_ALL, page_flags(c), &text);
    bool ok = text.len > 0;
    if (ok)
        console_page(c, "TLS of this session", buf_slice(&text));
    else
        err_set(call->err, ERR_USAGE, 0, "no certificate has come: the session is not inside TLS");
    buf_deinit(&text);
    view_deinit(&v);
    return ok;
}

bool exec_server(struct console *c, const struct console_call *call)
{
    struct view v;
    struct buf text;
    fold_front(c, &v);
    bool ok = v.greeting || v.n_caps > 0;
    buf_init(&text, PAGE_OCTETS);
    offer_print(&v, OFFER_PRINT_ALL, page_flags(c), &text);
    if (ok)
        console_page(c, "What the server is and offers", buf_slice(&text));
    else
        err_set(call->err, ERR_USAGE, 0, "the server has not said anything yet");
    buf_deinit(&text);
    view_deinit(&v);
    return ok;
}

bool exec_login(struct console *c, const struct console_call *call)
{
    struct login l;
    struct buf text;
    login_init(&l, console_shown_conn(c));
    login_at(&l, console_shown(c), console_shown_conn(c), journal_last(console_shown(c)));
    bool ok = l.n_attempts > 0;
    buf_init(&text, PAGE_OCTETS);
    login_print(&l, page_flags(c), &text);
    if (ok) {
        console_page(c, "Logging in, step by step", buf_slice(&text));
    } else {
        err_set(call->err, ERR_USAGE, 0, "nobody has tried to log in yet");
        err_explain(call->err, "", "/auth logs in");
    }
    buf_deinit(&text);
    login_deinit(&l);
    return ok;
}

bool exec_timing(struct console *c, const struct console_call *call)
{
    const struct clock *clock = journal_clock(c->journal);
    const struct journal *j = console_shown(c);
    struct timing t;
    struct buf text;
    buf_init(&text, PAGE_OCTETS);
    timing_init(&t, console_shown_conn(c));
    uint64_t last = journal_last(j);
    for (uint64_t seq = journal_first(j); seq != 0 && seq <= last; seq++) {
        const struct event *ev = journal_at(j, seq);
        if (ev)
            timing_apply(&t, j, ev);
    }
    bool ok = t.n_steps > 0;
    timing_print(&t, clock->tick_ns(clock->ctx), &text);
    if (ok)
        buf_append_cstr(&text, "where the time went:\n");
    timing_stages_print(&t, 30, page_flags(c), &text);
    if (ok)
        console_page(c, "How long the server took", buf_slice(&text));
    else
        err_set(call->err, ERR_USAGE, 0, "no connection has been up yet");
    timing_deinit(&t);
    buf_deinit(&text);
    return ok;
}
