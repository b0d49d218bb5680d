/* The summary: what happened in each connection, as one object for programs. */
#include "report/export_private.h"

#include <string.h>

static const char *const outcome_names[] = {
    [OUTCOME_NOTHING] = "not-connected", [OUTCOME_GREETING] = "greeting-refused",
    [OUTCOME_TLS] = "tls-failed",        [OUTCOME_REFUSED] = "refused",
    [OUTCOME_PARTLY] = "partly",         [OUTCOME_DELIVERED] = "delivered",
    [OUTCOME_TALKED] = "talked",         [OUTCOME_CUT] = "cut",
};

static const char *stage_name(const struct step *step)
{
    switch (step->kind) {
    case STEP_CONNECT:
        return "CONNECT";
    case STEP_TLS:
        return "TLS";
    case STEP_CONTENT:
        return "CONTENT";
    case STEP_REPLY:
        return step->name[0] ? step->name : "REPLY";
    case STEP_COMMAND:
        break;
    }
    return step->verb == SMTP_VERB_AUTH_DATA ? "AUTH-DATA" : step_word(step);
}

/* code, enhanced and text of a step's reply. */
static void put_reply(struct buf *b, const struct session_steps *s, const struct step_list *l,
                      const struct step *step)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    if (!step->reply_seq) {
        out_key(b, "code");
        buf_append_cstr(b, "null");
        return;
    }
    step_reply_text(s, l, step, &text);
    out_json_number(b, "code", step->code);
    out_json_member(b, "enhanced", slice_cstr(step->enhanced));
    if (step->result[0])
        out_json_member(b, "status", slice_cstr(step->result));
    out_json_member(b, "text", buf_slice(&text));
    out_json_ms(b, "reply_ms", step->reply_us);
    buf_deinit(&text);
}

static void put_argument(struct buf *b, const char *name, const struct session_steps *s,
                         const struct step_list *l, const struct step *step)
{
    struct buf text;
    buf_init(&text, 1 << 17);
    step_argument(s, l, step, &text);
    out_json_member(b, name, buf_slice(&text));
    buf_deinit(&text);
}

static void put_tls_up(struct buf *b, const struct session_steps *s, const struct step *step)
{
    struct ev_tls_up up;
    struct ev_tls_verify verify;
    EVENT_GET(journal_at(s->journal, step->end_seq), TLS_UP, &up);
    out_json_bool(b, "ok", true);
    out_json_member(b, "version", up.version);
    out_json_member(b, "cipher", up.cipher);
    out_json_number(b, "bits", up.bits);
    out_json_member(b, "group", up.group);
    out_json_bool(b, "resumed", up.resumed != 0);
    out_json_ms(b, "handshake_ms", up.elapsed_us);
    const struct event *ev = journal_at(s->journal, step->verify_seq);
    if (!ev)
        return;
    EVENT_GET(ev, TLS_VERIFY, &verify);
    out_json_bool(b, "verified", verify.ok && verify.mode != VERIFY_NONE);
    out_json_member(b, "verify_reason", verify.reason);
}

static void put_tls(struct buf *b, const struct session_steps *s, const struct step_list *l)
{
    out_key(b, "tls");
    for (size_t i = l->n_steps; i > 0; i--) {
        const struct step *step = &l->steps[i - 1];
        const struct event *ev = journal_at(s->journal, step->end_seq);
        struct ev_tls_fail fail;
        if (step->kind != STEP_TLS)
            continue;
        buf_append_octet(b, '{');
        if (ev && ev->kind == EVENT_TLS_UP)
            put_tls_up(b, s, step);
        else
            out_json_bool(b, "ok", false);
        if (ev && ev->kind == EVENT_TLS_FAIL) {
            EVENT_GET(ev, TLS_FAIL, &fail);
            out_json_member(b, "error", fail.text);
        }
        buf_append_octet(b, '}');
        return;
    }
    buf_append_cstr(b, "null");
}

static void put_lines(struct buf *b, struct slice list)
{
    buf_append_octet(b, '[');
    while (list.len > 0) {
        ptrdiff_t lf = slice_find_octet(list, '\n');
        size_t n = lf < 0 ? list.len : (size_t)lf;
        if (b->ptr[b->len - 1] != '[')
            buf_append_octet(b, ',');
        out_json_text(b, slice_take(list, n));
        list = slice_skip(list, n + 1);
    }
    buf_append_octet(b, ']');
}

/* What was offered last, outside and inside TLS. */
static void put_caps(struct buf *b, const struct session_steps *s, const struct step_list *l)
{
    static const char *const names[] = {"clear", "tls"};
    out_key(b, "capabilities");
    buf_append_octet(b, '{');
    for (unsigned tls = 0; tls < 2; tls++) {
        struct ev_caps caps = {.list = {NULL, 0}};
        bool known = false;
        for (size_t i = 0; i < l->n_steps; i++) {
            const struct event *ev = journal_at(s->journal, l->steps[i].caps_seq);
            struct ev_caps one;
            if (!ev)
                continue;
            EVENT_GET(ev, CAPS, &one);
            if (one.tls == tls) {
                caps = one;
                known = true;
            }
        }
        out_key(b, names[tls]);
        if (known)
            put_lines(b, caps.list);
        else
            buf_append_cstr(b, "null");
    }
    buf_append_octet(b, '}');
}

static void put_auth(struct buf *b, const struct session_steps *s, const struct step_list *l)
{
    const struct step *auth = NULL;
    unsigned code = 0;
    for (size_t i = 0; i < l->n_steps; i++) {
        const struct step *step = &l->steps[i];
        if (step->kind != STEP_COMMAND)
            continue;
        if (step->verb == SMTP_VERB_AUTH)
            auth = step;
        if (step->verb == SMTP_VERB_AUTH || step->verb == SMTP_VERB_AUTH_DATA)
            code = step->code;
    }
    out_key(b, "auth");
    if (!auth) {
        buf_append_cstr(b, "null");
        return;
    }
    buf_append_octet(b, '{');
    put_argument(b, "mechanism", s, l, auth);
    out_json_bool(b, "ok", code == 235);
    out_json_number(b, "code", code);
    buf_append_octet(b, '}');
}

/* ---- envelopes ---- */

static void put_message(struct buf *b, const struct session_steps *s, const struct step_list *l,
                        const struct step *step)
{
    struct ev_data_end end = {.content = 0};
    const struct event *ev = journal_at(s->journal, step->end_seq);
    if (ev)
        EVENT_GET(ev, DATA_END, &end);
    out_key(b, "message");
    buf_append_octet(b, '{');
    out_json_number(b, "octets", end.content);
    out_json_number(b, "lines", end.lines);
    out_json_number(b, "stuffed", end.stuffed);
    out_json_bool(b, "complete", end.complete != 0);
    put_reply(b, s, l, step);
    buf_append_octet(b, '}');
}

/* One transaction begins at MAIL and ends before the next. */
static size_t put_envelope(struct buf *b, const struct session_steps *s, const struct step_list *l,
                           size_t at)
{
    put_argument(b, "from", s, l, &l->steps[at]);
    put_reply(b, s, l, &l->steps[at]);
    out_key(b, "recipients");
    buf_append_octet(b, '[');
    const struct step *content = NULL;
    size_t i = at + 1;
    for (; i < l->n_steps; i++) {
        const struct step *step = &l->steps[i];
        if (step->kind == STEP_CONTENT)
            content = step;
        if (step->kind != STEP_COMMAND)
            continue;
        if (step->verb == SMTP_VERB_MAIL)
            break;
        if (step->verb != SMTP_VERB_RCPT)
            continue;
        if (b->ptr[b->len - 1] != '[')
            buf_append_octet(b, ',');
        buf_append_octet(b, '{');
        put_argument(b, "address", s, l, step);
        put_reply(b, s, l, step);
        buf_append_octet(b, '}');
    }
    buf_append_octet(b, ']');
    if (content)
        put_message(b, s, l, content);
    return i;
}

static void put_envelopes(struct buf *b, FILE *to, const struct session_steps *s,
                          const struct step_list *l)
{
    bool first = true;
    out_key(b, "envelopes");
    buf_append_octet(b, '[');
    for (size_t i = 0; i < l->n_steps;) {
        if (l->steps[i].kind != STEP_COMMAND || l->steps[i].verb != SMTP_VERB_MAIL) {
            i++;
            continue;
        }
        buf_append_cstr(b, first ? "{" : ",{");
        first = false;
        i = put_envelope(b, s, l, i);
        buf_append_octet(b, '}');
        out_flush(b, to);
    }
    buf_append_octet(b, ']');
}

static void put_steps(struct buf *b, FILE *to, const struct session_steps *s,
                      const struct step_list *l)
{
    struct buf line;
    buf_init(&line, 1 << 17);
    out_key(b, "steps");
    buf_append_octet(b, '[');
    for (size_t i = 0; i < l->n_steps; i++) {
        const struct step *step = &l->steps[i];
        uint64_t ns = step->tick_ns > l->first_tick_ns ? step->tick_ns - l->first_tick_ns : 0;
        buf_append_cstr(b, i > 0 ? ",{" : "{");
        out_key(b, "stage");
        json_put_string(b, slice_cstr(stage_name(step)));
        out_json_number(b, "seq", step->seq);
        out_json_ms(b, "t_ms", ns / 1000);
        out_json_bool(b, "tls", step->tls);
        buf_reset(&line);
        step_command(s, l, step, &line);
        if (line.len > 0)
            out_json_member(b, "line", buf_slice(&line));
        if (step->kind == STEP_TLS)
            out_json_bool(b, "ok", step->tls_ok);
        else
            put_reply(b, s, l, step);
        buf_append_octet(b, '}');
        if (b->len > EXPORT_BUFFER_OCTETS)
            out_flush(b, to);
    }
    buf_append_octet(b, ']');
    buf_deinit(&line);
}

static void put_link(struct buf *b, const struct session_steps *s, const struct step_list *l)
{
    const struct event *ev = journal_at(s->journal, l->up_seq);
    struct ev_link_up up = {.elapsed_us = 0};
    struct ev_link_down down;
    char at[40];
    if (ev)
        EVENT_GET(ev, LINK_UP, &up);
    clock_format_rfc3339(l->wall_us, at, sizeof(at));
    out_json_member(b, "server", up.name);
    out_json_member(b, "address", up.peer);
    out_json_member(b, "began", slice_cstr(at));
    out_json_ms(b, "connect_ms", up.elapsed_us);
    ev = journal_at(s->journal, l->down_seq);
    out_key(b, "end");
    if (ev) {
        EVENT_GET(ev, LINK_DOWN, &down);
        json_put_string(b, slice_cstr(event_down_word(down.why)));
    } else {
        buf_append_cstr(b, "null");
    }
    out_json_ms(b, "duration_ms", (l->last_tick_ns - l->first_tick_ns) / 1000);
    out_json_ms(b, "median_reply_ms", step_median_us(l));
    out_json_number(b, "octets_sent", l->octets[DIR_C]);
    out_json_number(b, "octets_received", l->octets[DIR_S]);
    out_json_number(b, "deviations", l->deviations);
}

static void put_conn(struct buf *b, FILE *to, const struct session_steps *s,
                     const struct step_list *l)
{
    struct outcome_info outcome;
    step_outcome(s, l, &outcome);
    buf_append_octet(b, '{');
    out_json_number(b, "conn", l->conn);
    put_link(b, s, l);
    out_json_member(b, "outcome", slice_cstr(outcome_names[outcome.outcome]));
    out_json_member(b, "outcome_text", slice_cstr(outcome.text));
    out_json_number(b, "messages", outcome.messages);
    put_tls(b, s, l);
    put_caps(b, s, l);
    put_auth(b, s, l);
    put_envelopes(b, to, s, l);
    /* What was flushed ended inside the object: the comma is ours to write. */
    buf_append_octet(b, ',');
    put_steps(b, to, s, l);
    buf_append_octet(b, '}');
    out_flush(b, to);
}

/* [{"mark":"a","seq":12,"conn":1,"t_ms":3.1}, {"note":...}]: what a person said, and of what. */
static void put_annotations(struct buf *b, const struct journal *j)
{
    struct annotations all;
    const struct annotation *a;
    const struct event *first = journal_at(j, journal_first(j));
    annotations_read(&all, j);
    buf_append_octet(b, ','); /* what was flushed ended inside the object */
    out_key(b, "annotations");
    buf_append_octet(b, '[');
    while ((a = annotations_next(&all, UINT64_MAX)) != NULL) {
        const struct event *at = journal_at(j, a->at_seq);
        buf_append_cstr(b, b->ptr[b->len - 1] == '[' ? "{" : ",{");
        out_json_member(b, a->mark ? "mark" : "note", slice_cstr(a->text));
        out_json_number(b, "seq", a->at_seq);
        if (at && at->conn)
            out_json_number(b, "conn", at->conn);
        if (at && first && at->tick_ns >= first->tick_ns)
            out_json_ms(b, "t_ms", (at->tick_ns - first->tick_ns) / 1000);
        buf_append_octet(b, '}');
    }
    buf_append_octet(b, ']');
    annotations_deinit(&all);
}

bool export_json(const struct journal *j, const struct export_options *options, FILE *to,
                 struct err *err)
{
    struct session_steps steps;
    struct buf b;
    (void)err;
    session_steps_read(&steps, j);
    buf_init(&b, EXPORT_TEXT_MAX_OCTETS);
    buf_append_octet(&b, '{');
    out_json_member(&b, "recording", slice_cstr(options->name));
    out_json_member(&b, "tool", slice_cstr(options->tool));
    out_key(&b, "connections");
    buf_append_octet(&b, '[');
    for (size_t i = 0; i < steps.n_conns; i++) {
        if (i > 0)
            buf_append_octet(&b, ',');
        put_conn(&b, to, &steps, &steps.conns[i]);
    }
    buf_append_octet(&b, ']');
    put_annotations(&b, j);
    buf_append_cstr(&b, "}\n");
    out_flush(&b, to);
    buf_deinit(&b);
    session_steps_deinit(&steps);
    return true;
}
