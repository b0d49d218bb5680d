/* Scripts: lines in turn, each when the former is answered; expectations looked up in the journal.
 */
#include <stdio.h>
#include <string.h>

#include "base/glob.h"
#include "base/vis.h"
#include "console/console_private.h"
#include "engine/imap_track.h"

enum { SCRIPT_SECONDS_MAX = 86400 };

struct script {
    struct console *console;
    struct loop *loop;
    char *name;
    char *text;
    struct slice rest; /* lines not yet taken */
    uint64_t default_wait_ms;
    void (*on_done)(void *ctx);
    void *ctx;
    struct loop_timer *timer; /* of the wait under way */
    bool timed_out;
    bool sleeping;
    uint64_t since_seq; /* expectations look at events after this one */
    struct slice line;  /* the expectation under way; empty: none */
    bool own_seconds;   /* it named its SECS */
    bool stepping;
    bool refusal_expected; /* of the line sent last, and so it came */
    unsigned asked_line;   /* its number */
    struct script_result result;
};

/* --- helpers that failed --- */

/* What the line sent last led to is known: was its failure expected? A sourced script leaves that
 * to the one that sourced it, too. */
static void settle(struct script *s)
{
    struct console_failure *f = &s->console->failure;
    bool sourced = s == s->console->source;
    bool expected = s->refusal_expected && !(sourced && f->kept);
    s->refusal_expected = false;
    if (!f->pending)
        return;
    if (sourced && !expected) {
        f->kept = true;
        return;
    }
    f->pending = f->kept = false;
    if (expected || s->result.helper_failed)
        return;
    s->result.helper_failed = true;
    s->result.helper_line = s->asked_line;
    s->result.helper = f->result;
    s->result.helper_link_err = f->link_err;
}

/* Does this tell of something that did not go as it was wanted? */
static bool tells_failure(const struct event *ev)
{
    struct ev_reply reply;
    struct ev_note note;
    if (ev->kind == EVENT_REPLY) {
        EVENT_GET(ev, REPLY, &reply);
        bool good = slice_eq(reply.status, SLICE_LIT("+OK")) ||
                    slice_eq(reply.status, SLICE_LIT("OK")) ||
                    slice_eq(reply.status, SLICE_LIT("PREAUTH"));
        return reply.status.len ? !good : reply.code >= 400 || reply.code < 200;
    }
    if (ev->kind == EVENT_NOTE) {
        EVENT_GET(ev, NOTE, &note);
        return note.level == LEVEL_WARNING || note.level == LEVEL_ERROR;
    }
    return ev->kind == EVENT_TLS_FAIL || ev->kind == EVENT_TLS_ALERT ||
           ev->kind == EVENT_LINK_DOWN || ev->kind == EVENT_LINK_TIMEOUT;
}

/* --- ending --- */

static void end(struct script *s)
{
    loop_timer_stop(s->timer);
    s->result.done = true;
    if (s->on_done)
        loop_defer(s->loop, s->on_done, s->ctx);
}

static void fail(struct script *s, const struct err *err, bool expectation)
{
    s->result.ok = false;
    s->result.expectation_failed = expectation;
    s->result.err = *err;
    end(s);
}

/* --- what came --- */

/* The last reply's text since the last line, in safe form, for "what came instead". */
static void last_came(const struct script *s, char *out, size_t out_octets)
{
    struct journal *j = s->console->journal;
    snprintf(out, out_octets, "no reply came");
    for (uint64_t seq = journal_last(j); seq > s->since_seq; seq--) {
        const struct event *ev = journal_at(j, seq);
        if (!ev || ev->kind != EVENT_REPLY || (ev->flags & EVENT_FLAG_BACKSTAGE))
            continue;
        struct ev_reply r;
        struct buf text;
        EVENT_GET(ev, REPLY, &r);
        buf_init(&text, 65536);
        journal_read_masked(j, ev->conn, DIR_S, LAYER_PLAIN, r.offset,
                            r.length < 60000 ? r.length : 60000, &text, NULL);
        vis_to_cstr(out, out_octets, slice_trim(buf_slice(&text)));
        buf_deinit(&text);
        return;
    }
}

/* The range of what the server said: a reply, data without a tag, in POP3 a message. */
static bool said_range(const struct event *ev, bool pop3, uint64_t *offset_out,
                       uint64_t *length_out)
{
    struct ev_data_end d;
    struct ev_reply r;
    struct ev_untagged u;
    if (ev->kind == EVENT_REPLY) {
        EVENT_GET(ev, REPLY, &r);
        *offset_out = r.offset;
        *length_out = r.length;
        return true;
    }
    if (ev->kind == EVENT_DATA_END && pop3) {
        EVENT_GET(ev, DATA_END, &d);
        *offset_out = d.offset;
        *length_out = d.length;
        return true;
    }
    if (ev->kind != EVENT_UNTAGGED)
        return false;
    EVENT_GET(ev, UNTAGGED, &u);
    *offset_out = u.offset;
    *length_out = u.length;
    return true;
}

static bool said_lines_match(const struct console *c, const struct event *ev, struct slice pattern)
{
    struct journal *j = c->journal;
    const struct track *t = console_tracker(c);
    uint64_t offset, length;
    struct buf text;
    bool found = false;
    if (!said_range(ev, t && track_pop3(t), &offset, &length))
        return false;
    buf_init(&text, SMTP_CAP_REPLY_OCTETS + SMTP_CAP_LINE_OCTETS);
    if (length > SMTP_CAP_REPLY_OCTETS)
        length = SMTP_CAP_REPLY_OCTETS;
    journal_read_masked(j, ev->conn, DIR_S, LAYER_PLAIN, offset, length, &text, NULL);
    struct slice rest = buf_slice(&text);
    while (rest.len && !found) {
        ptrdiff_t at = slice_find_octet(rest, '\n');
        size_t n = at < 0 ? rest.len : (size_t)at;
        struct slice line = slice_take(rest, n);
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (ev->kind == EVENT_DATA_END && slice_starts(line, SLICE_LIT("..")))
            line = slice_skip(line, 1); /* dot-stuffed (RFC 1939 section 3) */
        found = glob_match(pattern, line, 0);
        rest = slice_skip(rest, n + 1);
    }
    buf_deinit(&text);
    return found;
}

static bool code_matches(const struct event *ev, struct slice want)
{
    struct ev_reply r;
    char code[16];
    EVENT_GET(ev, REPLY, &r);
    snprintf(code, sizeof code, "%u", (unsigned)r.code);
    return slice_eq(want, slice_cstr(code)) || (r.enhanced.len && slice_eq(want, r.enhanced)) ||
           (r.status.len && slice_eq(want, r.status));
}

static bool event_matches(const struct event *ev, struct slice want)
{
    return slice_eq_nocase(slice_cstr(event_kind_info((enum event_kind)ev->kind)->name), want);
}

/* One expectation: "code X", "event KIND", or a pattern for a reply line. */
static bool holds_for(struct script *s, const struct event *ev, struct slice what)
{
    struct slice rest = what;
    struct slice word = slice_next_word(&rest);
    rest = slice_trim(rest);
    if (ev->flags & EVENT_FLAG_BACKSTAGE)
        return slice_eq(word, SLICE_LIT("event")) && rest.len && event_matches(ev, rest);
    if (slice_eq(word, SLICE_LIT("event")) && rest.len)
        return event_matches(ev, rest);
    /* What is said on another connection of the window answers nothing here. */
    if (ev->conn != console_conn(s->console))
        return false;
    if (slice_eq(word, SLICE_LIT("code")) && rest.len)
        return ev->kind == EVENT_REPLY && code_matches(ev, rest);
    return said_lines_match(s->console, ev, what);
}

/* The first event since the last line that it holds for; NULL: none. */
static const struct event *holds(struct script *s, struct slice what)
{
    struct journal *j = s->console->journal;
    for (uint64_t seq = s->since_seq + 1; seq <= journal_last(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        if (ev && holds_for(s, ev, what))
            return ev;
    }
    return NULL;
}

/* A trailing word of digits is how long to wait: "expect 250* 5". A pattern of one word keeps it.
 */
static struct slice split_seconds(struct slice what, uint64_t *ms, bool *own)
{
    size_t at = what.len;
    uint64_t seconds;
    while (at > 0 && what.ptr[at - 1] != ' ' && what.ptr[at - 1] != '\t')
        at--;
    struct slice head = slice_trim(slice_take(what, at));
    bool bare_code = slice_eq(head, SLICE_LIT("code"));
    *own = false;
    if (head.len && !bare_code &&
        slice_to_u64(slice_skip(what, at), SCRIPT_SECONDS_MAX, &seconds)) {
        *ms = seconds * 1000;
        *own = true;
        return head;
    }
    return what;
}

static bool busy(const struct script *s)
{
    const struct console *c = s->console;
    bool sourcing = c->source && c->source != s && !script_result(c->source)->done;
    return sourcing || console_busy(c);
}

static void fail_expect(struct script *s, struct slice what, const char *word)
{
    struct err err;
    char came[160], shown[120];
    last_came(s, came, sizeof came);
    vis_to_cstr(shown, sizeof shown, what);
    err_set(&err, ERR_USAGE, 0, "%s %s", word, shown);
    char means[200];
    snprintf(means, sizeof means, "came: %.180s", came);
    err_explain(&err, means, "the transcript above shows what was said");
    fail(s, &err, true);
}

/* --- lines --- */

/* True: the line is dealt with, go on. False: something is waited for, or the script is over. */
static bool do_expect(struct script *s, struct slice args)
{
    uint64_t wait_ms = s->default_wait_ms;
    struct slice what = split_seconds(slice_trim(args), &wait_ms, &s->own_seconds);
    const struct event *ev = holds(s, what);
    if (ev) {
        s->refusal_expected = s->refusal_expected || tells_failure(ev);
        s->line = (struct slice){0};
        return true;
    }
    if (s->line.len == 0) {
        s->line = args;
        s->timed_out = false;
        loop_timer_start(s->timer, wait_ms);
    }
    /* Without SECS of its own it fails as soon as everything asked for has been answered. */
    if (s->timed_out || (!s->own_seconds && !busy(s)))
        fail_expect(s, what, "expected");
    return false;
}

static bool do_expect_not(struct script *s, struct slice args)
{
    if (!holds(s, slice_trim(args)))
        return true;
    fail_expect(s, slice_trim(args), "did not expect");
    return false;
}

static bool do_sleep(struct script *s, struct slice args)
{
    uint64_t seconds;
    struct err err;
    if (!slice_to_u64(slice_trim(args), SCRIPT_SECONDS_MAX, &seconds)) {
        err_set(&err, ERR_USAGE, 0, "sleep wants seconds, a whole number");
        fail(s, &err, false);
        return false;
    }
    s->sleeping = true;
    loop_timer_start(s->timer, seconds * 1000);
    return false;
}

static bool do_line(struct script *s, struct slice line)
{
    struct err err;
    char origin[160];
    struct channel *now = s->console->now;
    unsigned number = now->number;
    settle(s);
    s->asked_line = s->result.line;
    s->since_seq = now->script_seq = journal_last(s->console->journal);
    snprintf(origin, sizeof origin, "%.120s:%u", s->name, s->result.line);
    if (console_submit(s->console, line, origin, &err)) {
        /* Back on another connection: what came there meanwhile has not been looked at. */
        now = s->console->now;
        if (now->number != number && now->script_seq > 0)
            s->since_seq = now->script_seq;
        s->timed_out = false;
        loop_timer_start(s->timer, s->default_wait_ms);
        return true;
    }
    fail(s, &err, false);
    return false;
}

static const struct {
    const char *word;
    bool (*run)(struct script *s, struct slice args);
} words[] = {{"expect", do_expect}, {"expect-not", do_expect_not}, {"sleep", do_sleep}};

/* In message content, and in an IMAP command from its literal on, nothing is taken from the octets:
 * no empty line, no comment, not even "expect". But while the server's "+" is still to come, or
 * /append says the literal itself, the script's own words count. */
static bool in_content(const struct script *s)
{
    const struct session *session = console_session_const(s->console);
    const struct track *t = session && session_is_up(session) ? session_track(session) : NULL;
    enum track_expects expects = t ? track_expects(t) : TRACK_EXPECTS_NOTHING;
    if (expects == TRACK_EXPECTS_LITERAL || expects == TRACK_EXPECTS_REST)
        return s->console->now->append.len == 0 && !imap_track_awaits_go_ahead(track_imap(t));
    return expects == TRACK_EXPECTS_CONTENT;
}

static bool run_line(struct script *s, struct slice line)
{
    if (!in_content(s)) {
        struct slice rest = slice_trim(line);
        if (rest.len == 0 || rest.ptr[0] == '#')
            return true;
        struct slice word = slice_next_word(&rest);
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            if (slice_eq(word, slice_cstr(words[i].word)))
                return words[i].run(s, rest);
    }
    return do_line(s, line);
}

static struct slice take_line(struct script *s)
{
    ptrdiff_t at = slice_find_octet(s->rest, '\n');
    size_t n = at < 0 ? s->rest.len : (size_t)at;
    struct slice line = slice_take(s->rest, n);
    s->rest = slice_skip(s->rest, n + 1);
    s->result.line++;
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Did the server say anything since the line? */
static bool something_came(const struct script *s)
{
    const struct journal *j = s->console->journal;
    for (uint64_t seq = s->since_seq + 1; seq <= journal_last(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        struct ev_octets octets;
        if (!ev || ev->kind != EVENT_OCTETS || ev->conn != console_conn(s->console))
            continue;
        EVENT_GET(ev, OCTETS, &octets);
        if (octets.dir == DIR_S && octets.layer == LAYER_PLAIN)
            return true;
    }
    return false;
}

static void no_answer(struct script *s)
{
    struct err err;
    unsigned long long seconds = s->default_wait_ms / 1000;
    const struct track *t = console_tracker(s->console);
    const char *means = "the line before was never answered";
    if (t && track_ending(t)) {
        err_set(&err, ERR_TIMEOUT, (int)s->default_wait_ms,
                "the server said it would close, and did not within %llu s", seconds);
        means = "what it said stands in the transcript above";
    } else if (something_came(s)) {
        err_set(&err, ERR_TIMEOUT, (int)s->default_wait_ms, "no whole answer came within %llu s",
                seconds);
        means = "what came stands in the transcript above, and nothing that ends it";
    } else {
        err_set(&err, ERR_TIMEOUT, (int)s->default_wait_ms, "nothing came within %llu s", seconds);
    }
    err_explain(&err, means, "--timeout SECS waits longer");
    fail(s, &err, false);
}

/* The connection failed while a line waited for it: the script cannot go on. */
static bool link_failed(struct script *s)
{
    const struct err *link = console_link_err(s->console);
    if (!s->console->now->went_down || link->domain == ERR_NONE || link->domain == ERR_CLOSED)
        return false;
    fail(s, link, false);
    return true;
}

static void step(void *ctx)
{
    struct script *s = ctx;
    if (s->result.done || s->stepping)
        return;
    s->stepping = true;
    while (!s->result.done) {
        if (s->sleeping)
            break;
        if (s->line.len) {
            if (!do_expect(s, s->line))
                break;
            continue;
        }
        /* expect looks at once; any other line, expect-not too, waits for what was asked before. */
        struct slice peek = slice_take(s->rest, 64);
        bool expectation = slice_eq(slice_next_word(&peek), SLICE_LIT("expect")) && !in_content(s);
        if (!expectation && busy(s)) {
            if (s->timed_out)
                no_answer(s);
            break;
        }
        if (!expectation && link_failed(s))
            break;
        if (s->rest.len == 0) {
            settle(s);
            s->result.ok = true;
            end(s);
            break;
        }
        if (!run_line(s, take_line(s)))
            break;
        /* What the line led to may only be ready in the next turn. */
        loop_defer(s->loop, step, s);
    }
    s->stepping = false;
}

static void timer(void *ctx)
{
    struct script *s = ctx;
    s->timed_out = !s->sleeping;
    s->sleeping = false;
    step(s);
}

/* Where the newest line was submitted (the /open of a TARGET, the /source that starts this script):
 * what was answered to it is there for the first expectation. */
static uint64_t last_line_seq(const struct journal *j)
{
    for (uint64_t seq = journal_last(j); seq >= journal_first(j) && seq > 0; seq--) {
        const struct event *ev = journal_at(j, seq);
        if (ev && ev->kind == EVENT_USER_COMMAND)
            return seq;
    }
    return journal_last(j);
}

struct script *script_start(struct console *c, struct loop *l, const char *name, struct slice text,
                            uint64_t default_wait_ms, void (*on_done)(void *ctx), void *ctx)
{
    struct script *s = mem_zalloc(sizeof *s);
    s->console = c;
    s->loop = l;
    s->name = mem_strdup(name);
    s->text = mem_slice_dup(text);
    s->rest = slice_of(s->text, text.len);
    s->default_wait_ms = default_wait_ms;
    s->on_done = on_done;
    s->ctx = ctx;
    s->timer = loop_timer_new(l, timer, s);
    s->since_seq = last_line_seq(c->journal);
    loop_add_turn_end(l, step, s);
    loop_defer(l, step, s);
    return s;
}

const struct script_result *script_result(const struct script *s)
{
    return &s->result;
}

void script_stop(struct script *s)
{
    struct err err;
    if (s->result.done)
        return;
    err_set(&err, ERR_USAGE, 0, "stopped by the person");
    fail(s, &err, false);
}

void script_free(struct script **sp)
{
    struct script *s = *sp;
    if (!s)
        return;
    loop_remove_turn_end(s->loop, step, s);
    loop_defer_cancel(s->loop, s);
    loop_timer_free(&s->timer);
    mem_free(s->name);
    mem_free(s->text);
    mem_free(s);
    *sp = NULL;
}
