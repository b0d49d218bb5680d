/* Folding events into steps. Replies find their step by the event that caused it; steps are
 * answered in order, so the search begins at the oldest that has no reply.
 */
#include "report/steps.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/vis.h"
#include "decode/status.h"

enum { STEPS_MAX = 2000000, UNANSWERED_LOOK = 4096 };

static struct step_list *list_get(struct session_steps *s, const struct event *ev)
{
    size_t low = 0, high = s->n_conns;
    /* Events of the newest connection are the rule. */
    if (high > 0 && s->conns[high - 1].conn == ev->conn)
        return &s->conns[high - 1];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->conns[middle].conn < ev->conn)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < s->n_conns && s->conns[low].conn == ev->conn)
        return &s->conns[low];
    if ((s->n_conns & (s->n_conns - 1)) == 0)
        s->conns = mem_realloc(s->conns, (s->n_conns ? 2 * s->n_conns : 1) * sizeof(*s->conns));
    memmove(&s->conns[low + 1], &s->conns[low], (s->n_conns - low) * sizeof(*s->conns));
    s->n_conns++;
    s->conns[low] =
        (struct step_list){.conn = ev->conn, .first_tick_ns = ev->tick_ns, .wall_us = ev->wall_us};
    return &s->conns[low];
}

static struct step *add_step(struct session_steps *s, struct step_list *l, const struct event *ev,
                             enum step_kind kind)
{
    if (s->n_steps >= STEPS_MAX) {
        l->cut = true;
        return NULL;
    }
    if (l->n_steps == l->alloc_steps) {
        l->alloc_steps = l->alloc_steps ? 2 * l->alloc_steps : 16;
        l->steps = mem_realloc(l->steps, l->alloc_steps * sizeof(*l->steps));
    }
    s->n_steps++;
    struct step *step = &l->steps[l->n_steps++];
    *step = (struct step){.kind = kind, .seq = ev->seq, .tick_ns = ev->tick_ns};
    return step;
}

static struct step *last_of(struct step_list *l, enum step_kind kind)
{
    for (size_t i = l->n_steps; i > 0 && l->n_steps - i < UNANSWERED_LOOK; i--)
        if (l->steps[i - 1].kind == kind)
            return &l->steps[i - 1];
    return NULL;
}

static void fold_link_try(struct session_steps *s, struct step_list *l, const struct event *ev)
{
    (void)s;
    l->try_seq = ev->seq;
}

static void fold_link_up(struct session_steps *s, struct step_list *l, const struct event *ev)
{
    l->up_seq = ev->seq;
    add_step(s, l, ev, STEP_CONNECT);
}

static void fold_link_down(struct session_steps *s, struct step_list *l, const struct event *ev)
{
    (void)s;
    l->down_seq = ev->seq;
}

static void fold_octets(struct session_steps *s, struct step_list *l, const struct event *ev)
{
    struct ev_octets o;
    EVENT_GET(ev, OCTETS, &o);
    (void)s;
    if (o.layer == LAYER_PLAIN && o.dir < DIR__COUNT)
        l->octets[o.dir] = o.offset + o.length;
}

static bool inside_tls(const struct step_list *l)
{
    for (size_t i = l->n_steps; i > 0; i--)
        if (l->steps[i - 1].kind == STEP_TLS)
            return l->steps[i - 1].tls_ok;
        else if (i < l->n_steps && l->steps[i - 1].kind == STEP_COMMAND)
            return l->steps[i - 1].tls;
    return false;
}

static void fold_command(struct session_steps *s, struct step_list *l, const struct event *ev)
{
    struct ev_command e;
    EVENT_GET(ev, COMMAND, &e);
    struct step *step = add_step(s, l, ev, STEP_COMMAND);
    if (!step)
        return;
    step->verb =
        slice_eq(e.verb, SLICE_LIT("AUTH-DATA")) ? SMTP_VERB_AUTH_DATA : smtp_verb_by_name(e.verb);
    vis_to_cstr(step->name, sizeof(step->name), e.verb);
    step->offset = e.offset;
    step->length = e.length;
    step->tls = inside_tls(l);
}

static void fold_data_begin(struct session_steps *s, struct step_list *l, const struct event *ev)
{
    struct ev_data_begin e;
    EVENT_GET(ev, DATA_BEGIN, &e);
    struct step *step = add_step(s, l, ev, STEP_CONTENT);
    if (!step)
        return;
    step->verb = SMTP_VERB_DOT;
    step->dir = l->tongue == STEP_POP3 ? DIR_S : DIR_C;
    step->offset = e.offset;
    step->tls = inside_tls(l);
}

static void fold_data_end(struct session_steps *s, struct step_list *l, const struct event *ev)
{
    struct ev_data_end e;
    EVENT_GET(ev, DATA_END, &e);
    (void)s;
    struct step *step = last_of(l, STEP_CONTENT);
    if (!step || step->end_seq)
        return;
    step->end_seq = ev->seq;
    step->length = e.length;
}

/* The step the reply answers: by its cause, which is a command or the end of content. */
static struct step *answered(struct step_list *l, const struct event *ev, const struct ev_reply *e)
{
    if (slice_eq(e->verb, SLICE_LIT("CONNECT"))) {
        struct step *step = last_of(l, STEP_CONNECT);
        return step && !step->reply_seq ? step : NULL;
    }
    while (l->unanswered < l->n_steps && l->steps[l->unanswered].reply_seq)
        l->unanswered++;
    size_t end =
        l->unanswered + UNANSWERED_LOOK < l->n_steps ? l->unanswered + UNANSWERED_LOOK : l->n_steps;
    for (size_t i = l->unanswered; ev->cause_seq && i < end; i++) {
        struct step *step = &l->steps[i];
        if (!step->reply_seq && (step->seq == ev->cause_seq || step->end_seq == ev->cause_seq))
            return step;
    }
    /* Each answer of a login in IMAP has AUTHENTICATE as its cause: it answers the newest line. */
    struct step *line = ev->cause_seq ? last_of(l, STEP_COMMAND) : NULL;
    return line && line->verb == SMTP_VERB_AUTH_DATA && !line->reply_seq ? line : NULL;
}

/* IMAP: "* BYE" behind LOGOUT is how a session ends; "* NO" is a warning. */
static bool unasked_refuses(struct step_list *l, const struct ev_reply *e)
{
    const struct step *asked = last_of(l, STEP_COMMAND);
    return slice_eq(e->status, SLICE_LIT("BYE")) && !(asked && strcmp(asked->name, "LOGOUT") == 0);
}

static void set_result(struct step_list *l, struct step *step, const struct ev_reply *e)
{
    step->code = e->code <= 999 ? (unsigned)e->code : 0;
    if (e->enhanced.len < sizeof(step->enhanced) && e->enhanced.len > 0)
        memcpy(step->enhanced, e->enhanced.ptr, e->enhanced.len);
    if (e->status.len == 0) {
        step->refused = step->code < 200 || step->code >= 400;
        return;
    }
    vis_to_cstr(step->result, sizeof(step->result), e->status);
    step->refused =
        slice_eq(e->tag, SLICE_LIT("*")) ? unasked_refuses(l, e) : !status_is_good(e->status);
}

static void fold_reply(struct session_steps *s, struct step_list *l, const struct event *ev)
{
    struct ev_reply e;
    EVENT_GET(ev, REPLY, &e);
    struct step *step = answered(l, ev, &e);
    if (!step) {
        step = add_step(s, l, ev, STEP_REPLY);
        if (!step)
            return;
        step->verb = slice_eq(e.verb, SLICE_LIT("DOT")) ? SMTP_VERB_DOT : SMTP_VERB_UNKNOWN;
        step->tls = inside_tls(l);
    }
    const struct event *cause = journal_at(s->journal, ev->cause_seq);
    uint64_t from_ns = cause ? cause->tick_ns : step->tick_ns;
    step->reply_seq = ev->seq;
    step->reply_offset = e.offset;
    step->reply_length = e.length;
    step->reply_us = ev->tick_ns > from_ns ? (ev->tick_ns - from_ns) / 1000 : 0;
    set_result(l, step, &e);
}

/* IMAP's data: the answer proper, in front of the tagged line. */
static void fold_untagged(struct session_steps *s, struct step_list *l, const struct event *ev)
{
    struct ev_untagged e;
    EVENT_GET(ev, UNTAGGED, &e);
    struct step *step = add_step(s, l, ev, STEP_REPLY);
    if (!step)
        return;
    vis_to_cstr(step->name, sizeof(step->name), e.type);
    step->verb = SMTP_VERB_UNKNOWN;
    step->tls = inside_tls(l);
    step->reply_seq = ev->seq;
    step->reply_offset = e.offset;
    step->reply_length = e.length;
}

static void fold_protocol(struct session_steps *s, struct step_list *l, const struct event *ev)
{
    struct ev_protocol e;
    EVENT_GET(ev, PROTOCOL, &e);
    (void)s;
    l->tongue = slice_eq(e.name, SLICE_LIT("pop3"))   ? STEP_POP3
                : slice_eq(e.name, SLICE_LIT("imap")) ? STEP_IMAP
                                                      : STEP_SMTP;
}

static void fold_caps(struct session_steps *s, struct step_list *l, const struct event *ev)
{
    (void)s;
    for (size_t i = l->n_steps; i > 0 && l->n_steps - i < 64; i--)
        if (l->steps[i - 1].reply_seq == ev->cause_seq) {
            l->steps[i - 1].caps_seq = ev->seq;
            return;
        }
}

static void fold_tls_start(struct session_steps *s, struct step_list *l, const struct event *ev)
{
    add_step(s, l, ev, STEP_TLS);
}

static void fold_tls_end(struct session_steps *s, struct step_list *l, const struct event *ev)
{
    struct step *step = last_of(l, STEP_TLS);
    if (!step)
        step = add_step(s, l, ev, STEP_TLS);
    /* TLS that breaks after its handshake is no other handshake. */
    if (!step || (step->end_seq && ev->kind == EVENT_TLS_UP))
        return;
    step->end_seq = ev->seq;
    step->tls_ok = ev->kind == EVENT_TLS_UP;
    step->reply_us = ev->tick_ns > step->tick_ns ? (ev->tick_ns - step->tick_ns) / 1000 : 0;
}

static void fold_tls_verify(struct session_steps *s, struct step_list *l, const struct event *ev)
{
    (void)s;
    struct step *step = last_of(l, STEP_TLS);
    if (step)
        step->verify_seq = ev->seq;
}

static void fold_tls_chain(struct session_steps *s, struct step_list *l, const struct event *ev)
{
    struct ev_tls_chain e;
    EVENT_GET(ev, TLS_CHAIN, &e);
    (void)s;
    struct step *step = last_of(l, STEP_TLS);
    if (step && e.depth == 0)
        step->cert_seq = ev->seq;
}

static void fold_deviation(struct session_steps *s, struct step_list *l, const struct event *ev)
{
    (void)s;
    (void)ev;
    l->deviations++;
}

typedef void (*fold_fn)(struct session_steps *s, struct step_list *l, const struct event *ev);
static const fold_fn folds[EVENT__COUNT] = {
    [EVENT_LINK_TRY] = fold_link_try,
    [EVENT_LINK_UP] = fold_link_up,
    [EVENT_LINK_DOWN] = fold_link_down,
    [EVENT_OCTETS] = fold_octets,
    [EVENT_COMMAND] = fold_command,
    [EVENT_REPLY] = fold_reply,
    [EVENT_UNTAGGED] = fold_untagged,
    [EVENT_PROTOCOL] = fold_protocol,
    [EVENT_DATA_BEGIN] = fold_data_begin,
    [EVENT_DATA_END] = fold_data_end,
    [EVENT_CAPS] = fold_caps,
    [EVENT_TLS_START] = fold_tls_start,
    [EVENT_TLS_UP] = fold_tls_end,
    [EVENT_TLS_FAIL] = fold_tls_end,
    [EVENT_TLS_VERIFY] = fold_tls_verify,
    [EVENT_TLS_CHAIN] = fold_tls_chain,
    [EVENT_DEVIATION] = fold_deviation,
};

static void fold_all(struct session_steps *s, bool backstage)
{
    const struct journal *j = s->journal;
    s->backstage = backstage;
    for (uint64_t seq = journal_first(j); seq != 0 && seq <= journal_last(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        if (!ev || ev->conn == 0 || backstage != ((ev->flags & EVENT_FLAG_BACKSTAGE) != 0))
            continue;
        if (s->only && ev->conn != s->only)
            continue;
        struct step_list *l = list_get(s, ev);
        l->last_tick_ns = ev->tick_ns;
        if (folds[ev->kind])
            folds[ev->kind](s, l, ev);
    }
}

void session_steps_read(struct session_steps *s, const struct journal *j)
{
    *s = (struct session_steps){.journal = j};
    fold_all(s, false);
    if (s->n_conns == 0)
        fold_all(s, true);
}

/* What session_steps_main takes where none was named; 0: nothing happened there. */
static uint32_t main_conn(const struct journal *j, bool backstage)
{
    uint32_t up = 0, last = 0;
    for (uint64_t seq = journal_first(j); seq != 0 && seq <= journal_last(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        if (!ev || ev->conn == 0 || backstage != ((ev->flags & EVENT_FLAG_BACKSTAGE) != 0))
            continue;
        if (ev->conn > last)
            last = ev->conn;
        if (ev->kind == EVENT_LINK_UP && ev->conn > up)
            up = ev->conn;
    }
    return up ? up : last;
}

void session_steps_read_main(struct session_steps *s, const struct journal *j, uint32_t conn)
{
    *s = (struct session_steps){.journal = j};
    uint32_t found = main_conn(j, false);
    bool backstage = found == 0;
    if (backstage)
        found = main_conn(j, true);
    s->only = conn ? conn : found;
    if (s->only)
        fold_all(s, backstage);
}

void session_steps_deinit(struct session_steps *s)
{
    for (size_t i = 0; i < s->n_conns; i++)
        mem_free(s->conns[i].steps);
    mem_free(s->conns);
    *s = (struct session_steps){0};
}

const struct step_list *session_steps_main(const struct session_steps *s, uint32_t conn)
{
    for (size_t i = 0; conn != 0 && i < s->n_conns; i++)
        if (s->conns[i].conn == conn)
            return &s->conns[i];
    for (size_t i = s->n_conns; conn == 0 && i > 0; i--)
        if (s->conns[i - 1].up_seq)
            return &s->conns[i - 1];
    return conn == 0 && s->n_conns > 0 ? &s->conns[s->n_conns - 1] : NULL;
}
