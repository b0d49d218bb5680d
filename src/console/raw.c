/* /raw: octets as they are, in one write or in several with pauses between; /half-close.
 *
 *     raw   = TEXT / ( part *( 1*SP part ) )       TEXT begins with no quote
 *     part  = quoted / ( "pause" 1*SP number [ "ms" / "s" ] )
 *
 * The parts that come behind a pause wait in the console; a script waits for them, and the end of
 * the session or Ctrl-C drops them.
 */
#include <string.h>

#include "console/console_private.h"

enum { RAW_PAUSE_MAX_MS = 3600 * 1000 };

struct raw_part {
    uint8_t *octets; /* NULL: a pause */
    size_t n_octets;
    uint64_t pause_ms;
};

struct console_raw {
    struct channel *channel;
    struct loop_timer *timer;
    struct raw_part *parts;
    size_t n_parts, at;
};

void console_raw_stop(struct console *c)
{
    struct console_raw *r = c->now->raw;
    c->now->raw = NULL;
    if (!r)
        return;
    loop_timer_free(&r->timer);
    for (size_t i = 0; i < r->n_parts; i++) {
        if (r->parts[i].octets)
            mem_wipe(r->parts[i].octets, r->parts[i].n_octets);
        mem_free(r->parts[i].octets);
    }
    mem_free(r->parts);
    mem_free(r);
}

static bool going_down(struct err *err)
{
    err_set(err, ERR_CLOSED, 0, "the connection is going down; nothing was sent");
    err_explain(err, "", "/reopen connects again");
    return false;
}

/* Send up to the next pause. False: *err. */
static bool run(struct console *c, struct err *err)
{
    struct console_raw *r = c->now->raw;
    while (r->at < r->n_parts) {
        const struct raw_part *p = &r->parts[r->at++];
        if (!p->octets) {
            loop_timer_start(r->timer, p->pause_ms);
            return true;
        }
        if (!c->now->session ||
            !session_send_raw(c->now->session, slice_of(p->octets, p->n_octets))) {
            console_raw_stop(c);
            return going_down(err);
        }
    }
    console_raw_stop(c);
    return true;
}

static void pause_over(void *ctx)
{
    struct console_raw *r = ctx;
    struct channel *ch = r->channel, *was = channel_enter(ch);
    struct console *c = ch->console;
    struct err err;
    if (!run(c, &err))
        journal_note_err(c->journal, console_conn(c), &err);
    channel_leave(ch, was);
}

/* ---- reading ---- */

static struct raw_part *add_part(struct console_raw *r)
{
    r->parts = mem_realloc(r->parts, (r->n_parts + 1) * sizeof *r->parts);
    r->parts[r->n_parts] = (struct raw_part){0};
    return &r->parts[r->n_parts++];
}

/* "..." at the start of *rest, escapes and all; without its end: all of it. */
static struct slice take_quoted(struct slice *rest)
{
    size_t i = 1;
    while (i < rest->len && rest->ptr[i] != '"')
        i += rest->ptr[i] == '\\' ? 2 : 1;
    struct slice quoted = slice_take(*rest, i + 1);
    *rest = slice_skip(*rest, quoted.len);
    return quoted;
}

static bool read_octets(struct console_raw *r, struct slice text, struct err *err)
{
    struct buf octets;
    buf_init(&octets, CONSOLE_LINE_MAX_OCTETS);
    bool ok = console_unescape(text, &octets, err);
    if (ok && octets.len > 0) {
        struct raw_part *p = add_part(r);
        p->octets = mem_dup(octets.ptr, octets.len);
        p->n_octets = octets.len;
    }
    mem_wipe(octets.ptr, octets.len);
    buf_deinit(&octets);
    return ok;
}

/* "500ms", "2s", "500": milliseconds where no unit stands there. */
static bool read_pause(struct console_raw *r, struct slice word, struct err *err)
{
    size_t digits = 0;
    uint64_t n = 0;
    while (digits < word.len && word.ptr[digits] >= '0' && word.ptr[digits] <= '9')
        digits++;
    struct slice unit = slice_skip(word, digits);
    bool seconds = slice_eq(unit, SLICE_LIT("s"));
    bool known = seconds || unit.len == 0 || slice_eq(unit, SLICE_LIT("ms"));
    if (known && slice_to_u64(slice_take(word, digits), RAW_PAUSE_MAX_MS, &n))
        n *= seconds ? 1000 : 1;
    else
        n = UINT64_MAX;
    if (n <= RAW_PAUSE_MAX_MS) {
        add_part(r)->pause_ms = n;
        return true;
    }
    err_set(err, ERR_USAGE, 0, "a pause is a number of ms or s, one hour at most");
    err_explain(err, "nothing was sent", "/raw \"EHLO a\" pause 500ms \"\\r\\n\"");
    return false;
}

static bool read_parts(struct console_raw *r, struct slice rest, struct err *err)
{
    if (rest.len == 0 || rest.ptr[0] != '"')
        return read_octets(r, rest, err);
    while (rest.len > 0) {
        if (rest.ptr[0] == '"') {
            if (!read_octets(r, take_quoted(&rest), err))
                return false;
        } else {
            struct slice word = slice_next_word(&rest);
            if (!slice_eq_nocase(word, SLICE_LIT("pause"))) {
                err_set(err, ERR_USAGE, 0, "behind a quoted part stands \"pause\" or another one");
                err_explain(err, "nothing was sent",
                            "/raw \"EHLO a\" pause 500ms \"\\r\\n\"; a quote inside is \\\"");
                return false;
            }
            if (!read_pause(r, slice_next_word(&rest), err))
                return false;
        }
        rest = slice_trim(rest);
    }
    return true;
}

/* ---- commands ---- */

bool exec_raw(struct console *c, const struct console_call *call)
{
    if (!console_need_session(c, call->err))
        return false;
    if (c->now->raw) {
        err_set(call->err, ERR_USAGE, 0, "parts of the last /raw are still to be sent");
        err_explain(call->err, "nothing was sent", "wait for them, or stop them with Ctrl-C");
        return false;
    }
    struct console_raw *r = c->now->raw = mem_zalloc(sizeof *r);
    r->channel = c->now;
    r->timer = loop_timer_new(c->loop, pause_over, r);
    bool ok = read_parts(r, call->args, call->err);
    if (ok && r->n_parts == 0) {
        err_set(call->err, ERR_USAGE, 0, "/raw wants octets");
        err_explain(call->err, "", "/raw \"NOOP\\r\\n\"");
        ok = false;
    }
    if (ok)
        return run(c, call->err);
    console_raw_stop(c);
    return false;
}

bool exec_half_close(struct console *c, const struct console_call *call)
{
    if (!console_need_session(c, call->err))
        return false;
    uint64_t waiting_octets = session_waiting_octets(c->now->session);
    if (waiting_octets > 0) {
        err_set(call->err, ERR_USAGE, 0, "%llu octets still wait for their turn (/slow)",
                (unsigned long long)waiting_octets);
        err_explain(call->err, "our sending side stays open, or they would be lost",
                    "wait for them, or /slow 0 first; /abort cuts at once");
        return false;
    }
    if (!session_half_close(c->now->session))
        return going_down(call->err);
    journal_note(c->journal, console_conn(c), LEVEL_INFO,
                 "our sending side is closed (FIN); what the server says is still read",
                 "nothing more can be sent on this connection", "/close ends it");
    return true;
}
