/* /starttls-check: does a server keep what came in the clear apart from what comes inside TLS?
 * (RFC 3207 section 4.2; the command injection of CVE-2011-0411 and its later kin.)
 *
 * Two short sessions are typed by a script; what they showed is then read from the journal, as from
 * any other session. It sends what an attacker on the way could: so only to the practice server and
 * to this machine, unless the person says that the server is theirs.
 */
#include <stdio.h>
#include <string.h>

#include "base/vis.h"
#include "console/console_private.h"

enum { CHECK_WAIT_S = 2 };

/* What the journal shows of one connection. */
struct sight {
    uint32_t conn;
    unsigned n_starttls, n_tls_up, n_inside; /* replies inside TLS that no command of ours asked */
    unsigned first_code, inside_code;        /* to STARTTLS: the first, and one inside TLS */
    bool asked_inside;                       /* we have spoken inside TLS */
    bool refused, failed, again;             /* again: STARTTLS offered inside TLS */
};

struct starttls_check {
    uint64_t from_seq;
    char target[128];
    unsigned came_from; /* the connection lines went to */
};

static void see_reply(struct sight *s, const struct ev_reply *r)
{
    if (slice_eq(r->verb, SLICE_LIT("STARTTLS"))) {
        if (s->n_starttls++ == 0)
            s->first_code = (unsigned)r->code;
        if (s->n_tls_up > 0)
            s->inside_code = (unsigned)r->code;
    } else if (s->n_tls_up > 0 && !s->asked_inside) {
        s->n_inside++;
    }
}

static void see_caps(struct sight *s, const struct ev_caps *c)
{
    struct slice rest = c->list;
    while (c->tls && rest.len > 0) {
        ptrdiff_t lf = slice_find_octet(rest, '\n');
        struct slice one = lf < 0 ? rest : slice_take(rest, (size_t)lf);
        rest = slice_skip(rest, lf < 0 ? rest.len : (size_t)lf + 1);
        s->again = s->again || slice_eq_nocase(slice_trim(one), SLICE_LIT("STARTTLS"));
    }
}

static void see(struct sight *s, const struct event *ev)
{
    union event_payload p;
    if (ev->kind == EVENT_TLS_UP) {
        s->n_tls_up++;
    } else if (ev->kind == EVENT_TLS_FAIL) {
        s->failed = true;
    } else if (ev->kind == EVENT_LINK_DOWN) {
        event_unpack(ev, EVENT_LINK_DOWN, &p);
        s->refused = p.link_down.why == DOWN_REFUSED || p.link_down.why == DOWN_UNREACHED;
    } else if (ev->kind == EVENT_COMMAND) {
        s->asked_inside = s->asked_inside || s->n_tls_up > 0;
    } else if (ev->kind == EVENT_REPLY) {
        event_unpack(ev, EVENT_REPLY, &p);
        see_reply(s, &p.reply);
    } else if (ev->kind == EVENT_CAPS) {
        event_unpack(ev, EVENT_CAPS, &p);
        see_caps(s, &p.caps);
    }
}

/* The first two connections of ours since the check began. */
static size_t look(const struct journal *j, uint64_t from_seq, struct sight sights[2])
{
    size_t n = 0;
    for (uint64_t seq = from_seq; seq <= journal_last(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        if (!ev || ev->conn == 0 || (ev->flags & EVENT_FLAG_BACKSTAGE))
            continue;
        size_t i = 0;
        while (i < n && sights[i].conn != ev->conn)
            i++;
        if (i == 2 || (i == n && ev->kind != EVENT_LINK_TRY))
            continue;
        if (i == n)
            sights[n++] = (struct sight){.conn = ev->conn};
        see(&sights[i], ev);
    }
    return n;
}

static void say_injection(const struct sight *s, struct buf *out)
{
    buf_append_cstr(out, "a command sent in the same write as STARTTLS: ");
    if (s->refused)
        buf_append_cstr(out, "not tried, there was no connection\n");
    else if (s->first_code != 220)
        buf_printf(out, "not tried, STARTTLS was answered with %u\n", s->first_code);
    else if (s->n_tls_up == 0)
        buf_append_cstr(out,
                        "the handshake failed; the server may have answered it in the clear\n");
    else if (s->n_inside > 0)
        buf_append_cstr(out,
                        "VULNERABLE: it was answered inside TLS, as if it had come from there. "
                        "Who sits on the way can put commands into other people's sessions "
                        "(CVE-2011-0411)\n");
    else
        buf_printf(out, "good: thrown away, nothing came inside TLS within %d s\n", CHECK_WAIT_S);
}

static void say_order(const struct sight *s, struct buf *out)
{
    buf_append_cstr(out, "STARTTLS before EHLO: ");
    if (s->n_starttls == 0)
        buf_append_cstr(out, "no answer\n");
    else
        buf_printf(out, "%u, %s\n", s->first_code,
                   s->first_code == 220 ? "taken; RFC 3207 does not forbid it" : "refused");
    if (s->n_tls_up == 0)
        return;
    buf_append_cstr(out, "STARTTLS offered inside TLS: ");
    buf_append_cstr(out,
                    s->again ? "WRONG: it must not be (RFC 3207 section 4.2)\n" : "good: no\n");
    buf_append_cstr(out, "STARTTLS inside TLS: ");
    if (s->inside_code == 0)
        buf_append_cstr(out, "no answer\n");
    else
        buf_printf(out, "%s%u\n", s->inside_code == 220 ? "WRONG: taken a second time, " : "good: ",
                   s->inside_code);
}

static void check_done(void *ctx)
{
    struct console *c = ctx;
    struct starttls_check *check = c->starttls_check;
    struct sight sights[2];
    struct buf page;
    const struct script_result *r = script_result(c->source);
    buf_init(&page, 16384);
    memset(sights, 0, sizeof(sights));
    size_t n = look(c->journal, check->from_seq, sights);
    if (n > 0)
        say_injection(&sights[0], &page);
    if (n > 1)
        say_order(&sights[1], &page);
    if (!r->ok)
        buf_printf(&page, "it ended early: %s\n", r->err.text);
    char title[200];
    snprintf(title, sizeof(title), "STARTTLS check of %s", check->target);
    console_page(c, title, buf_slice(&page));
    buf_deinit(&page);
    /* Lines go again where they went before the check. */
    for (size_t i = 0; i < c->n_channels; i++)
        if (c->channels[i]->number == check->came_from)
            c->now = c->channels[i];
    mem_free(check);
    c->starttls_check = NULL;
}

/* The practice server, and what stands on this machine. */
static bool is_ours(const char *text)
{
    struct target t;
    struct err err;
    struct net_address a;
    if (!target_parse(text, &t, &err))
        return true; /* /open says what is wrong with it */
    if (t.kind == TARGET_PRACTICE || t.kind == TARGET_UNIX || t.kind == TARGET_PIPE)
        return true;
    return strcmp(t.name, "localhost") == 0 ||
           (net_address_parse_ip(t.name, 25, &a) && net_address_is_loopback(&a));
}

bool exec_starttls_check(struct console *c, const struct console_call *call)
{
    struct slice rest = call->args;
    bool own = false;
    char target[128] = "practice";
    for (struct slice word = slice_next_word(&rest); word.len; word = slice_next_word(&rest)) {
        if (slice_eq(word, SLICE_LIT("--i-own-this")))
            own = true;
        else
            vis_to_cstr(target, sizeof(target), word);
    }
    if (c->source && !script_result(c->source)->done) {
        err_set(call->err, ERR_USAGE, 0, "a script is running already");
        err_explain(call->err, "nothing was sent", "wait for it, or stop it with Ctrl-C");
        return false;
    }
    if (!own && !is_ours(target)) {
        err_set(call->err, ERR_USAGE, 0, "%.100s may be somebody else's server", target);
        err_explain(call->err, "the check sends what an attacker on the way could send",
                    "/starttls-check TARGET --i-own-this, where it is yours to test");
        return false;
    }
    struct buf text;
    buf_init(&text, 4096);
    buf_printf(&text,
               "/open %s\nEHLO starttls-check.invalid\n"
               "/raw \"STARTTLS\\r\\nNOOP sent-in-the-clear\\r\\n\"\n/wait %d\n/close\n"
               "/open %s\nSTARTTLS\nEHLO starttls-check.invalid\nSTARTTLS\n"
               "EHLO starttls-check.invalid\nSTARTTLS\n/quit-session\n",
               target, CHECK_WAIT_S, target);
    struct starttls_check *check = c->starttls_check = mem_zalloc(sizeof *check);
    check->from_seq = journal_last(c->journal) + 1;
    check->came_from = c->now->number;
    snprintf(check->target, sizeof(check->target), "%s", target);
    script_free(&c->source);
    c->source = script_start(c, c->loop, "starttls-check", buf_slice(&text), 10000, check_done, c);
    buf_deinit(&text);
    return true;
}
