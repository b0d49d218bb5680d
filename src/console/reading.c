/* Commands that read: what the journal holds, decoded and printed as a page. */
#include "base/vis.h"
#include "decode/message.h"
#include "decode/tls.h"

#include "console/console_private.h"

enum { PAGE_OCTETS = 4 << 20 }; /* limit "page" */

/* What is known of the connection in front, as of now. */
static void fold_front(struct console *c, struct view *v)
{
    view_init(v, console_conn(c));
    view_at(v, c->journal, console_conn(c), journal_last(c->journal));
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
    message_read(&v, c->journal, &m);
    bool ok = m.known || v.reverse_path;
    buf_init(&text, PAGE_OCTETS);
    message_print(&m, &v, parts, c->ui ? 0 : VIS_ASCII, &text);
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
    const struct event *last = journal_at(c->journal, v->last_seq);
    const struct clock *clock = journal_clock(c->journal);
    return (last ? last->wall_us : clock->wall_us(clock->ctx)) / 1000000;
}

bool exec_certs(struct console *c, const struct console_call *call)
{
    struct view v;
    struct buf text;
    fold_front(c, &v);
    buf_init(&text, PAGE_OCTETS);
    tls_print(&v, day_of(c, &v), TLS_PRINT_ALL, c->ui ? 0 : VIS_ASCII, &text);
    bool ok = text.len > 0;
    if (ok)
        console_page(c, "TLS of this session", buf_slice(&text));
    else
        err_set(call->err, ERR_USAGE, 0, "no certificate has come: the session is not inside TLS");
    buf_deinit(&text);
    view_deinit(&v);
    return ok;
}
