/* The fold: one function for each kind of event that says something about a connection. */
#include "decode/view_private.h"

#include <string.h>

#include "base/mem.h"
#include "smtp/limits.h"
#include "smtp/reply.h"

typedef void (*apply_fn)(struct view *v, const struct journal *j, const struct event *ev);

/* ---- texts ---- */

#define set_text view_set_text

static void drop_list(char ***list, size_t *n)
{
    for (size_t i = 0; i < *n; i++)
        mem_free((*list)[i]);
    mem_free(*list);
    *list = NULL;
    *n = 0;
}

/* One text a line. */
static void set_list(char ***list, size_t *n, struct slice lines)
{
    drop_list(list, n);
    *list = mem_zalloc(VIEW_CAPS_MAX * sizeof(**list));
    while (lines.len > 0 && *n < VIEW_CAPS_MAX) {
        ptrdiff_t lf = slice_find_octet(lines, '\n');
        size_t len = lf < 0 ? lines.len : (size_t)lf;
        struct slice one = slice_trim(slice_take(lines, len));
        if (one.len > 0)
            (*list)[(*n)++] = mem_slice_dup(slice_take(one, VIEW_TEXT_OCTETS));
        lines = slice_skip(lines, len + 1);
    }
}

/* Up to VIEW_TEXT_OCTETS from the end of a range of a stream, secrets masked. */
static void read_tail(const struct journal *j, uint32_t conn, enum event_dir dir, uint64_t offset,
                      uint64_t length, struct buf *out)
{
    uint64_t cut = length > VIEW_TEXT_OCTETS ? length - VIEW_TEXT_OCTETS : 0;
    if (!journal_read_masked(j, conn, dir, LAYER_PLAIN, offset + cut, length - cut, out, NULL))
        buf_reset(out);
}

/* ---- connection ---- */

static void apply_link_resolve(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_link_resolve e;
    EVENT_GET(ev, LINK_RESOLVE, &e);
    (void)j;
    set_text(&v->target, e.name);
    v->link = VIEW_LINK_RESOLVING;
}

static void apply_link_try(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_link_try e;
    EVENT_GET(ev, LINK_TRY, &e);
    (void)j;
    set_text(&v->peer, e.address);
    v->link = VIEW_LINK_CONNECTING;
}

static void apply_link_up(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_link_up e;
    EVENT_GET(ev, LINK_UP, &e);
    (void)j;
    v->link = VIEW_LINK_UP;
    v->transport = e.transport;
    v->side = e.side;
    v->connect_us = e.elapsed_us;
    v->up_tick_ns = ev->tick_ns;
    set_text(&v->local, e.local);
    set_text(&v->peer, e.peer);
    if (e.name.len > 0)
        set_text(&v->target, e.name);
}

static void apply_link_down(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_link_down e;
    EVENT_GET(ev, LINK_DOWN, &e);
    (void)j;
    v->link = VIEW_LINK_DOWN;
    v->down_why = e.why;
    v->down_tick_ns = ev->tick_ns;
    set_text(&v->down_text, e.text);
}

static void apply_octets(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_octets e;
    EVENT_GET(ev, OCTETS, &e);
    (void)j;
    if (e.layer == LAYER_PLAIN && e.dir < DIR__COUNT)
        v->octets[e.dir] += e.length;
}

/* ---- TLS ---- */

static void drop_certs(struct view *v)
{
    for (size_t i = 0; i < v->n_certs; i++)
        view_cert_deinit(&v->certs[i]);
    mem_free(v->certs);
    v->certs = NULL;
    v->n_certs = 0;
}

static void apply_tls_start(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_tls_start e;
    EVENT_GET(ev, TLS_START, &e);
    (void)j;
    drop_certs(v);
    v->tls = v->tls_failed = v->verify_known = v->verify_ok = false;
    v->tls_start_tick_ns = ev->tick_ns;
    v->n_tls_messages = 0;
    v->tls_messages_more = 0;
    v->tls_alert = VIEW_TLS_ALERT_NONE;
    v->n_tls_alerts = 0;
    v->tls_started = true;
    v->tls_via = e.via;
    set_text(&v->tls_fail_stage, slice_cstr(NULL));
    set_text(&v->tls_got, slice_cstr(NULL));
    set_text(&v->ocsp_status, slice_cstr(NULL));
    set_text(&v->ocsp_text, slice_cstr(NULL));
    set_text(&v->ocsp_says, slice_cstr(NULL));
    v->ocsp_produced_s = v->ocsp_next_s = 0;
    set_text(&v->tls_sni, e.sni);
    set_text(&v->tls_error, slice_cstr(NULL));
}

static void apply_tls_msg(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_tls_msg e;
    EVENT_GET(ev, TLS_MSG, &e);
    (void)j;
    if (v->n_tls_messages == VIEW_TLS_MESSAGES_MAX) {
        v->tls_messages_more++;
        return;
    }
    if (!v->tls_messages)
        v->tls_messages = mem_alloc(VIEW_TLS_MESSAGES_MAX * sizeof(*v->tls_messages));
    uint64_t since = ev->tick_ns > v->tls_start_tick_ns ? ev->tick_ns - v->tls_start_tick_ns : 0;
    v->tls_messages[v->n_tls_messages++] =
        (struct view_tls_message){.dir = e.dir,
                                  .content_type = (uint8_t)e.content_type,
                                  .msg_type = (uint8_t)e.msg_type,
                                  .length = e.length,
                                  .at_us = since / 1000};
}

static void apply_tls_alert(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_tls_alert e;
    EVENT_GET(ev, TLS_ALERT, &e);
    (void)j;
    v->tls_alert = e.number < VIEW_TLS_ALERT_NONE ? (unsigned)e.number : VIEW_TLS_ALERT_NONE;
    v->tls_alert_dir = e.dir;
    if (v->n_tls_alerts == VIEW_TLS_ALERTS_MAX)
        return;
    uint64_t since = ev->tick_ns > v->tls_start_tick_ns ? ev->tick_ns - v->tls_start_tick_ns : 0;
    v->tls_alerts[v->n_tls_alerts++] = (struct view_tls_alert){
        .dir = e.dir, .fatal = e.fatal != 0, .number = v->tls_alert, .at_us = since / 1000};
}

static void apply_tls_up(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_tls_up e;
    EVENT_GET(ev, TLS_UP, &e);
    (void)j;
    v->tls = true;
    v->tls_failed = false;
    v->tls_bits = (unsigned)e.bits;
    v->tls_resumed = e.resumed != 0;
    v->tls_us = e.elapsed_us;
    set_text(&v->tls_version, e.version);
    set_text(&v->tls_cipher, e.cipher);
    set_text(&v->tls_group, e.group);
    set_text(&v->tls_signature, e.signature);
    set_text(&v->tls_alpn, e.alpn);
    /* What was offered in the clear is void (RFC 3207 section 4.2); it stays in caps_clear. */
    drop_list(&v->caps, &v->n_caps);
}

static void apply_tls_chain(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_tls_chain e;
    EVENT_GET(ev, TLS_CHAIN, &e);
    (void)j;
    if (e.depth == 0)
        drop_certs(v);
    if (v->n_certs == VIEW_CERTS_MAX)
        return;
    v->certs = mem_realloc(v->certs, (v->n_certs + 1) * sizeof(*v->certs));
    memset(&v->certs[v->n_certs], 0, sizeof(*v->certs));
    view_cert_decode(e.der, &v->certs[v->n_certs++]);
}

static void apply_tls_verify(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_tls_verify e;
    EVENT_GET(ev, TLS_VERIFY, &e);
    (void)j;
    v->verify_known = true;
    v->verify_ok = e.ok != 0;
    v->verify_mode = e.mode;
    v->verify_depth = (unsigned)e.depth;
    set_text(&v->verify_reason, e.reason);
    set_text(&v->verify_text, e.text);
    set_text(&v->verify_name, e.name);
}

static void apply_tls_ocsp(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_tls_ocsp e;
    struct view_ocsp ocsp;
    EVENT_GET(ev, TLS_OCSP, &e);
    (void)j;
    view_ocsp_decode(e.der, v->n_certs > 0 ? v->certs[0].serial : NULL, &ocsp);
    set_text(&v->ocsp_status, e.status);
    set_text(&v->ocsp_text, e.text);
    set_text(&v->ocsp_says, slice_cstr(ocsp.says));
    v->ocsp_produced_s = ocsp.produced_s;
    v->ocsp_next_s = ocsp.next_s;
}

static void apply_tls_fail(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_tls_fail e;
    EVENT_GET(ev, TLS_FAIL, &e);
    (void)j;
    v->tls_failed = true;
    set_text(&v->tls_error, e.text);
    set_text(&v->tls_fail_stage, e.stage);
    set_text(&v->tls_got, e.got);
}

/* ---- session ---- */

static void apply_command(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_command e;
    struct buf line;
    EVENT_GET(ev, COMMAND, &e);
    v->last_command_seq = ev->seq;
    enum smtp_verb verb = smtp_verb_by_name(e.verb);
    if (verb == SMTP_VERB_MAIL)
        v->mail_seq = ev->seq;
    v->pipelined = v->pipelined || v->n_commands > v->n_answered;
    v->n_commands++;
    view_content_command(v, j, ev, &e);
    bool hello = verb == SMTP_VERB_EHLO || verb == SMTP_VERB_HELO || verb == SMTP_VERB_LHLO;
    if (!hello && verb != SMTP_VERB_AUTH)
        return;
    buf_init(&line, VIEW_TEXT_OCTETS);
    read_tail(j, ev->conn, DIR_C, e.offset, e.length, &line);
    struct slice rest = buf_slice(&line);
    slice_next_word(&rest);
    if (hello)
        v->said_lhlo = verb == SMTP_VERB_LHLO;
    set_text(hello ? &v->hello : &v->auth_mechanism, slice_trim(slice_next_word(&rest)));
    buf_deinit(&line);
}

/* Behind code and enhanced code. */
static struct slice line_text(struct slice line, const struct ev_reply *e)
{
    unsigned enhanced[3];
    if (e->code != 0)
        line = slice_skip(line, 4);
    if (e->enhanced.len > 0)
        line = slice_skip(line, smtp_enhanced_parse(line, enhanced));
    return slice_trim(line);
}

/* The text of all lines, a space between: a refusal's first line says most, its last one where to
 * read more. */
static void reply_text(struct view *v, const struct journal *j, const struct event *ev,
                       const struct ev_reply *e)
{
    struct buf octets, text;
    buf_init(&octets, VIEW_TEXT_OCTETS);
    buf_init(&text, VIEW_TEXT_OCTETS);
    read_tail(j, ev->conn, DIR_S, e->offset, e->length, &octets);
    struct slice rest = slice_trim(buf_slice(&octets));
    set_text(&v->last_reply, rest);
    ptrdiff_t lf = slice_find_octet(rest, '\n');
    if (e->length > VIEW_TEXT_OCTETS && lf >= 0) /* cut within a line */
        rest = slice_skip(rest, (size_t)lf + 1);
    while (rest.len > 0) {
        lf = slice_find_octet(rest, '\n');
        struct slice line = line_text(slice_take(rest, lf < 0 ? rest.len : (size_t)lf), e);
        rest = slice_skip(rest, lf < 0 ? rest.len : (size_t)lf + 1);
        if (text.len > 0 && line.len > 0)
            buf_append_octet(&text, ' ');
        buf_append(&text, line);
    }
    set_text(&v->last_text, buf_slice(&text));
    buf_deinit(&text);
    buf_deinit(&octets);
}

static void add_rtt(struct view *v, uint64_t us)
{
    if (v->n_rtt == VIEW_RTT_MAX)
        memmove(v->rtt_us, v->rtt_us + 1, (VIEW_RTT_MAX - 1) * sizeof(*v->rtt_us));
    else
        v->n_rtt++;
    v->rtt_us[v->n_rtt - 1] = us;
}

static void apply_reply(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_reply e;
    EVENT_GET(ev, REPLY, &e);
    const struct event *cause = journal_at(j, ev->cause_seq);
    v->last_reply_seq = ev->seq;
    v->last_code = e.code <= 999 ? (unsigned)e.code : 0;
    v->last_verb = smtp_verb_by_name(e.verb);
    v->last_reply_us =
        cause && cause->tick_ns < ev->tick_ns ? (ev->tick_ns - cause->tick_ns) / 1000 : 0;
    set_text(&v->last_enhanced, e.enhanced);
    set_text(&v->last_answered, e.verb);
    set_text(&v->last_status, e.status);
    reply_text(v, j, ev, &e);
    if (cause)
        add_rtt(v, v->last_reply_us);
    v->n_answered += cause && cause->kind == EVENT_COMMAND;
    /* What is answered without being typed has names of its own (kinds.def). */
    if (slice_eq(e.verb, SLICE_LIT("CONNECT"))) {
        v->last_verb = SMTP_VERB_CONNECT;
        v->greeting_code = v->last_code;
        set_text(&v->greeting, slice_cstr(v->last_text));
    } else if (slice_eq(e.verb, SLICE_LIT("DOT"))) {
        v->last_verb = SMTP_VERB_DOT;
    } else if (slice_eq(e.verb, SLICE_LIT("AUTH-DATA"))) {
        v->last_verb = SMTP_VERB_AUTH_DATA;
    }
    if (v->last_code == 235 &&
        (v->last_verb == SMTP_VERB_AUTH || v->last_verb == SMTP_VERB_AUTH_DATA))
        v->authenticated = true;
}

static void apply_state(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_state e;
    EVENT_GET(ev, STATE, &e);
    (void)j;
    enum smtp_state state = smtp_state_by_name(e.to);
    set_text(&v->state_name, e.to);
    if (state < SMTP_STATE__COUNT)
        v->state = state;
}

static void apply_caps(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_caps e;
    EVENT_GET(ev, CAPS, &e);
    (void)j;
    set_list(&v->caps, &v->n_caps, e.list);
    if (!e.tls)
        set_list(&v->caps_clear, &v->n_caps_clear, e.list);
}

static void apply_sasl_step(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_sasl_step e;
    EVENT_GET(ev, SASL_STEP, &e);
    (void)j;
    if (e.mechanism.len > 0)
        set_text(&v->auth_mechanism, e.mechanism);
    view_auth_step(v, ev);
}

/* ---- envelope and content ---- */

static void drop_envelope(struct view *v)
{
    for (size_t i = 0; i < v->n_recipients; i++) {
        mem_free(v->recipients[i].path);
        mem_free(v->recipients[i].enhanced);
        mem_free(v->recipients[i].text);
    }
    mem_free(v->recipients);
    v->recipients = NULL;
    v->n_recipients = 0;
    set_text(&v->reverse_path, slice_cstr(NULL));
    set_text(&v->reverse_params, slice_cstr(NULL));
    v->reverse_code = 0;
    v->delivered_code = 0;
}

static void add_recipient(struct view *v, const struct ev_envelope *e)
{
    if (v->n_recipients >= SMTP_CAP_RECIPIENTS)
        return;
    /* Room doubles at each power of two. */
    if ((v->n_recipients & (v->n_recipients - 1)) == 0)
        v->recipients = mem_realloc(v->recipients, (v->n_recipients ? 2 * v->n_recipients : 1) *
                                                       sizeof(*v->recipients));
    struct view_recipient *r = &v->recipients[v->n_recipients++];
    *r = (struct view_recipient){.path = mem_slice_dup(slice_take(e->path, VIEW_TEXT_OCTETS)),
                                 .code = (unsigned)e->code};
    if (v->last_code == e->code) {
        r->enhanced = mem_strdup(v->last_enhanced);
        r->text = mem_strdup(v->last_text);
    }
}

static bool accepted(uint64_t code)
{
    return code >= 200 && code < 300;
}

static void apply_envelope(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_envelope e;
    EVENT_GET(ev, ENVELOPE, &e);
    (void)j;
    switch (e.part) {
    case ENVELOPE_REVERSE_PATH:
        /* A second MAIL that is refused leaves the transaction under way as it is. */
        if (!accepted(e.code) && accepted(v->reverse_code) && v->delivered_code == 0)
            break;
        drop_envelope(v);
        /* Chunks may be on their way before MAIL is answered (RFC 3030 section 4.2). */
        if (v->body.seq < v->mail_seq)
            view_content_drop(v);
        set_text(&v->reverse_path, e.path);
        set_text(&v->reverse_params, e.params);
        v->reverse_code = (unsigned)e.code;
        break;
    case ENVELOPE_FORWARD_PATH:
        add_recipient(v, &e);
        break;
    case ENVELOPE_RESET:
        drop_envelope(v);
        view_content_drop(v);
        break;
    case ENVELOPE_DELIVERED:
        /* The envelope stays in sight until something new begins. LMTP answers once a recipient; it
         * is one message. */
        v->messages += accepted(e.code) && !accepted(v->delivered_code);
        v->delivered_code = (unsigned)e.code;
        break;
    case ENVELOPE__COUNT:
        break;
    }
}

static void apply_data_begin(struct view *v, const struct journal *j, const struct event *ev)
{
    view_content_begin(v, j, ev);
}

static void apply_data_end(struct view *v, const struct journal *j, const struct event *ev)
{
    (void)j;
    view_content_end(v, ev);
}

static void apply_protocol(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_protocol e;
    EVENT_GET(ev, PROTOCOL, &e);
    (void)j;
    set_text(&v->protocol, e.name);
}

static void apply_deviation(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_deviation e;
    EVENT_GET(ev, DEVIATION, &e);
    (void)j;
    struct slice rule = slice_take(e.rule, VIEW_TEXT_OCTETS);
    for (size_t i = 0; i < v->n_deviations; i++) {
        struct view_deviation *d = &v->deviations[i];
        if (d->dir == e.dir && slice_eq(slice_cstr(d->rule), rule)) {
            d->count++;
            return;
        }
    }
    if (v->n_deviations == VIEW_DEVIATIONS_MAX)
        return;
    v->deviations = mem_realloc(v->deviations, (v->n_deviations + 1) * sizeof(*v->deviations));
    v->deviations[v->n_deviations++] = (struct view_deviation){
        .rule = mem_slice_dup(rule),
        .note = mem_slice_dup(slice_take(e.note, VIEW_TEXT_OCTETS)),
        .dir = e.dir,
        .seq = ev->seq,
        .count = 1,
    };
}

static const apply_fn appliers[EVENT__COUNT] = {
    [EVENT_LINK_RESOLVE] = apply_link_resolve,
    [EVENT_LINK_TRY] = apply_link_try,
    [EVENT_LINK_UP] = apply_link_up,
    [EVENT_LINK_DOWN] = apply_link_down,
    [EVENT_OCTETS] = apply_octets,
    [EVENT_TLS_START] = apply_tls_start,
    [EVENT_TLS_UP] = apply_tls_up,
    [EVENT_TLS_MSG] = apply_tls_msg,
    [EVENT_TLS_ALERT] = apply_tls_alert,
    [EVENT_TLS_CHAIN] = apply_tls_chain,
    [EVENT_TLS_VERIFY] = apply_tls_verify,
    [EVENT_TLS_OCSP] = apply_tls_ocsp,
    [EVENT_TLS_FAIL] = apply_tls_fail,
    [EVENT_COMMAND] = apply_command,
    [EVENT_REPLY] = apply_reply,
    [EVENT_STATE] = apply_state,
    [EVENT_CAPS] = apply_caps,
    [EVENT_SASL_STEP] = apply_sasl_step,
    [EVENT_ENVELOPE] = apply_envelope,
    [EVENT_DATA_BEGIN] = apply_data_begin,
    [EVENT_DATA_END] = apply_data_end,
    [EVENT_UNTAGGED] = view_mailbox_untagged,
    [EVENT_PROTOCOL] = apply_protocol,
    [EVENT_DEVIATION] = apply_deviation,
};

/* ---- the contract ---- */

void view_init(struct view *v, uint32_t conn)
{
    memset(v, 0, sizeof(*v));
    v->conn = conn;
    v->tls_alert = VIEW_TLS_ALERT_NONE;
}

#define TEXT(field) offsetof(struct view, field)
/* The strings a view owns that stand alone. */
static const size_t text_places[] = {
    TEXT(target),         TEXT(local),          TEXT(peer),           TEXT(down_text),
    TEXT(tls_version),    TEXT(tls_cipher),     TEXT(tls_group),      TEXT(tls_signature),
    TEXT(tls_alpn),       TEXT(tls_sni),        TEXT(tls_error),      TEXT(verify_reason),
    TEXT(verify_text),    TEXT(verify_name),    TEXT(greeting),       TEXT(hello),
    TEXT(auth_mechanism), TEXT(last_enhanced),  TEXT(last_text),      TEXT(last_reply),
    TEXT(protocol),       TEXT(auth_user),      TEXT(tls_fail_stage), TEXT(tls_got),
    TEXT(reverse_path),   TEXT(reverse_params), TEXT(last_answered),  TEXT(last_status),
    TEXT(ocsp_status),    TEXT(ocsp_text),      TEXT(ocsp_says),      TEXT(state_name),
};
#undef TEXT

char **view_text_place(struct view *v, size_t index)
{
    if (index >= sizeof(text_places) / sizeof(*text_places))
        return NULL;
    return (char **)(void *)((char *)v + text_places[index]);
}

void view_deinit(struct view *v)
{
    char **text;
    drop_envelope(v);
    for (size_t i = 0; (text = view_text_place(v, i)); i++)
        mem_free(*text);
    drop_certs(v);
    mem_free(v->tls_messages);
    drop_list(&v->caps, &v->n_caps);
    drop_list(&v->caps_clear, &v->n_caps_clear);
    view_content_drop(v);
    for (size_t i = 0; i < v->n_deviations; i++) {
        mem_free(v->deviations[i].rule);
        mem_free(v->deviations[i].note);
    }
    mem_free(v->deviations);
    memset(v, 0, sizeof(*v));
}

void view_apply(struct view *v, const struct journal *j, const struct event *ev)
{
    v->last_seq = ev->seq;
    if (ev->conn == 0 || (ev->flags & EVENT_FLAG_BACKSTAGE))
        return;
    if (v->conn == 0)
        v->conn = ev->conn;
    if (ev->conn == v->conn && appliers[ev->kind])
        appliers[ev->kind](v, j, ev);
}

void view_at(struct view *v, const struct journal *j, uint32_t conn, uint64_t seq)
{
    uint64_t last = journal_last(j);
    view_deinit(v);
    view_init(v, conn);
    uint64_t first = journal_first(j);
    for (uint64_t at = first; at != 0 && at <= seq && at <= last; at++) {
        const struct event *ev = journal_at(j, at);
        if (ev)
            view_apply(v, j, ev);
    }
}

/* What a person most likely wants next comes first; what the state forbids is passed over. */
static const enum smtp_verb by_likelihood[] = {
    SMTP_VERB_EHLO, SMTP_VERB_STARTTLS, SMTP_VERB_AUTH, SMTP_VERB_DATA, SMTP_VERB_RCPT,
    SMTP_VERB_MAIL, SMTP_VERB_QUIT,     SMTP_VERB_RSET, SMTP_VERB_HELO, SMTP_VERB_LHLO,
    SMTP_VERB_BDAT, SMTP_VERB_NOOP,     SMTP_VERB_VRFY, SMTP_VERB_EXPN, SMTP_VERB_HELP,
    SMTP_VERB_ETRN, SMTP_VERB_XCLIENT,
};

static bool sensible(const struct view *v, enum smtp_verb verb)
{
    const struct smtp_verb_info *info = smtp_verb_info(verb);
    if (!info->typed || !smtp_verb_in_order(verb, v->state))
        return false;
    if (info->extension && !view_offers(v, info->extension))
        return false;
    if (verb == SMTP_VERB_STARTTLS && v->tls)
        return false;
    if (verb == SMTP_VERB_AUTH && v->authenticated)
        return false;
    /* After EHLO was said it is in order, and hardly what comes next. */
    if ((verb == SMTP_VERB_EHLO || verb == SMTP_VERB_HELO || verb == SMTP_VERB_LHLO) &&
        v->state != SMTP_STATE_GREETED)
        return false;
    return true;
}

size_t view_next_commands(const struct view *v, const char **names_out, size_t max)
{
    size_t n = 0;
    if (v->link == VIEW_LINK_DOWN || !view_is_smtp(v))
        return 0;
    for (size_t i = 0; n < max && i < sizeof(by_likelihood) / sizeof(*by_likelihood); i++) {
        if (sensible(v, by_likelihood[i]))
            names_out[n++] = smtp_verb_name(by_likelihood[i]);
    }
    return n;
}
