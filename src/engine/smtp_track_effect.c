/* What a reply does: the one place where state, capabilities and envelope change. */
#include "engine/smtp_track_private.h"

#include <string.h>

#include "base/mem.h"

void track_set_state(struct smtp_track *t, enum smtp_state to, uint64_t cause_seq)
{
    enum smtp_state from = (enum smtp_state)t->state;
    if (to == from)
        return;
    t->state = (uint8_t)to;
    core_state(&t->core, smtp_state_name(from), smtp_state_name(to), cause_seq);
}

static enum smtp_state rest_state(const struct smtp_track *t)
{
    return t->hello_done ? SMTP_STATE_READY : SMTP_STATE_GREETED;
}

enum smtp_state track_state_ahead(const struct smtp_track *t, enum smtp_verb verb,
                                  enum smtp_state from)
{
    enum smtp_outcome best = verb == SMTP_VERB_DATA ? SMTP_OUT_3YZ : SMTP_OUT_2YZ;
    enum smtp_effect effect = smtp_track_effect(verb, best);
    static const uint8_t ahead[SMTP_EFFECT__COUNT] = {
        [SMTP_EFFECT_GREET] = SMTP_STATE_GREETED, [SMTP_EFFECT_HELLO] = SMTP_STATE_READY,
        [SMTP_EFFECT_REVERSE] = SMTP_STATE_MAIL,  [SMTP_EFFECT_FORWARD] = SMTP_STATE_RCPT,
        [SMTP_EFFECT_CONTENT] = SMTP_STATE_DATA,  [SMTP_EFFECT_DELIVERED] = SMTP_STATE_READY,
        [SMTP_EFFECT_TLS] = SMTP_STATE_TLS,       [SMTP_EFFECT_QUIT] = SMTP_STATE_QUIT,
        [SMTP_EFFECT_CLOSED] = SMTP_STATE_CLOSED,
    };
    if (effect == SMTP_EFFECT_RESET)
        return rest_state(t);
    /* A command on its way when the session was only greeted may be RCPT: the rows above that hold
     * 0 (CONNECT) mean "stays". */
    return ahead[effect] != 0 ? (enum smtp_state)ahead[effect] : from;
}

/* ---- capabilities ---- */

void track_caps_clear(struct smtp_track *t)
{
    mem_free(t->caps);
    t->caps = NULL;
    t->caps_len = 0;
    t->size_max = 0;
    t->offers_pipelining = t->offers_enhanced = t->offers_utf8 = false;
}

static void caps_learn(struct smtp_track *t, const struct smtp_reply *r, enum smtp_verb verb,
                       uint64_t reply_seq)
{
    struct buf *list = &t->work->scratch;
    buf_reset(list);
    t->esmtp = verb != SMTP_VERB_HELO;
    for (size_t i = 1; i < r->n_lines && t->esmtp; i++) {
        if (i > 1)
            buf_append_octet(list, '\n');
        buf_append(list, smtp_reply_line_text(r, i));
    }
    track_caps_clear(t);
    if (list->len > 0) {
        t->caps = mem_dup(list->ptr, list->len);
        t->caps_len = (uint32_t)list->len;
    }
    struct slice params;
    t->offers_pipelining = smtp_track_offers(t, "PIPELINING", NULL);
    t->offers_enhanced = smtp_track_offers(t, "ENHANCEDSTATUSCODES", NULL);
    t->offers_utf8 = smtp_track_offers(t, "SMTPUTF8", NULL);
    if (smtp_track_offers(t, "SIZE", &params))
        slice_to_u64(slice_trim(params), UINT64_MAX, &t->size_max);
    JOURNAL_APPEND(t->core.journal, t->core.conn, CAPS, core_flags(&t->core), reply_seq,
                   (struct ev_caps){.greeting = smtp_reply_line_text(r, 0),
                                    .list = slice_of(t->caps, t->caps_len),
                                    .tls = t->core.tls});
    if (t->esmtp)
        track_report_offer(t, r, reply_seq);
}

/* ---- envelope ---- */

static void envelope_event(struct smtp_track *t, enum event_envelope part, struct slice path,
                           struct slice params, unsigned code, uint64_t cause_seq)
{
    JOURNAL_APPEND(
        t->core.journal, t->core.conn, ENVELOPE, core_flags(&t->core), cause_seq,
        (struct ev_envelope){.part = part, .path = path, .params = params, .code = code});
}

void track_envelope_clear(struct smtp_track *t, uint64_t cause_seq, bool say)
{
    struct track_work *w = t->work;
    t->body_8bit = t->chunked = t->prdr = false;
    if (!w || (!w->has_reverse && w->n_recipients == 0))
        return;
    buf_reset(&w->envelope_text);
    w->has_reverse = false;
    w->reverse_len = 0;
    w->n_recipients = w->kept_recipients = 0;
    if (say)
        envelope_event(t, ENVELOPE_RESET, slice_of(NULL, 0), slice_of(NULL, 0), 0, cause_seq);
}

static void envelope_reverse(struct smtp_track *t, const struct track_pending *p)
{
    track_envelope_clear(t, 0, false);
    struct track_work *w = t->work;
    struct slice path = track_pending_path(t, p);
    w->has_reverse = true;
    if (buf_append(&w->envelope_text, path))
        w->reverse_len = (uint32_t)path.len;
    t->body_8bit = p->body_8bit;
    t->prdr = p->prdr;
}

static void envelope_forward(struct smtp_track *t, const struct track_pending *p)
{
    struct track_work *w = t->work;
    struct slice path = track_pending_path(t, p);
    bool keep = w->kept_recipients == w->n_recipients && w->kept_recipients < SMTP_CAP_RECIPIENTS;
    w->n_recipients++;
    uint32_t at = (uint32_t)w->envelope_text.len;
    if (!keep || !buf_append(&w->envelope_text, path))
        return;
    if (w->kept_recipients == w->alloc_recipients) {
        w->alloc_recipients = w->alloc_recipients ? w->alloc_recipients * 2 : 8;
        w->recipients = mem_realloc(w->recipients, w->alloc_recipients * sizeof(w->recipients[0]));
    }
    w->recipients[w->kept_recipients++] =
        (struct track_recipient){.at = at, .len = (uint32_t)path.len};
}

/* The dot (or the last chunk) was answered; in LMTP once for each accepted recipient in turn. */
static void delivered(struct smtp_track *t, const struct track_pending *p,
                      const struct smtp_reply *r, uint64_t reply_seq)
{
    struct slice path = slice_of(NULL, 0);
    if (p->not_last)
        return;
    if (t->prdr && r && r->code == 353 && p->replies_left > 1)
        return; /* the replies follow */
    if (t->lmtp || (t->prdr && p->replies_left > 1))
        smtp_track_recipient_at(t, t->lmtp_done, &path);
    if (r)
        envelope_event(t, ENVELOPE_DELIVERED, path, slice_of(NULL, 0), r->code, reply_seq);
    if (p->replies_left > 1) {
        t->lmtp_done++;
        return;
    }
    t->lmtp_done = 0;
    track_envelope_clear(t, reply_seq, false);
    track_set_state(t, rest_state(t), reply_seq);
}

/* ---- the setter ---- */

static void void_session(struct smtp_track *t, uint64_t cause_seq)
{
    track_envelope_clear(t, cause_seq, true);
    track_caps_clear(t);
    t->esmtp = t->hello_done = false;
}

static void auth_over(struct smtp_track *t, bool ok, uint64_t reply_seq)
{
    if (ok)
        t->authenticated = true;
    if (t->state == SMTP_STATE_AUTH)
        track_set_state(t, (enum smtp_state)t->auth_back, reply_seq);
}

static void note_envelope_reply(struct smtp_track *t, const struct track_pending *p,
                                const struct smtp_reply *r, uint64_t reply_seq)
{
    if (!r || r->code == 0)
        return;
    if (p->verb == SMTP_VERB_MAIL || p->verb == SMTP_VERB_RCPT)
        envelope_event(t, p->verb == SMTP_VERB_MAIL ? ENVELOPE_REVERSE_PATH : ENVELOPE_FORWARD_PATH,
                       track_pending_path(t, p), track_pending_params(t, p), r->code, reply_seq);
}

void track_apply(struct smtp_track *t, const struct track_pending *p, enum smtp_outcome outcome,
                 const struct smtp_reply *r, uint64_t reply_seq)
{
    enum smtp_verb verb = (enum smtp_verb)p->verb;
    note_envelope_reply(t, p, r, reply_seq);
    switch (smtp_track_effect(verb, outcome)) {
    case SMTP_EFFECT_NONE:
    case SMTP_EFFECT_NO_FORWARD:
    case SMTP_EFFECT__COUNT:
        break;
    case SMTP_EFFECT_GREET:
        void_session(t, reply_seq);
        track_set_state(t, SMTP_STATE_GREETED, reply_seq);
        break;
    case SMTP_EFFECT_REFUSE:
        track_set_state(t, SMTP_STATE_REFUSED, reply_seq);
        break;
    case SMTP_EFFECT_HELLO:
        track_envelope_clear(t, reply_seq, true);
        t->hello_done = true;
        t->after_tls = false;
        t->lmtp = t->lmtp_option || verb == SMTP_VERB_LHLO;
        caps_learn(t, r, verb, reply_seq);
        track_set_state(t, SMTP_STATE_READY, reply_seq);
        break;
    case SMTP_EFFECT_REVERSE:
        envelope_reverse(t, p);
        track_set_state(t, SMTP_STATE_MAIL, reply_seq);
        break;
    case SMTP_EFFECT_FORWARD:
        envelope_forward(t, p);
        track_set_state(t, SMTP_STATE_RCPT, reply_seq);
        break;
    case SMTP_EFFECT_CONTENT:
        track_content_begin(t, p->offset + p->length, reply_seq);
        track_set_state(t, SMTP_STATE_DATA, reply_seq);
        break;
    case SMTP_EFFECT_DELIVERED:
    case SMTP_EFFECT_UNDELIVERED:
        delivered(t, p, r, reply_seq);
        break;
    case SMTP_EFFECT_RESET:
        track_envelope_clear(t, reply_seq, true);
        track_set_state(t, rest_state(t), reply_seq);
        break;
    case SMTP_EFFECT_TLS:
        track_set_state(t, SMTP_STATE_TLS, reply_seq);
        break;
    case SMTP_EFFECT_CHALLENGE:
        if (t->state != SMTP_STATE_AUTH)
            t->auth_back = t->state;
        track_set_state(t, SMTP_STATE_AUTH, reply_seq);
        break;
    case SMTP_EFFECT_AUTH_OK:
        auth_over(t, true, reply_seq);
        break;
    case SMTP_EFFECT_AUTH_NO:
        auth_over(t, false, reply_seq);
        break;
    case SMTP_EFFECT_QUIT:
        /* A client in the middle of its content may go on sending it. */
        track_set_state(t, SMTP_STATE_QUIT, reply_seq);
        break;
    case SMTP_EFFECT_CLOSED:
        t->in_content = false;
        track_set_state(t, SMTP_STATE_CLOSED, reply_seq);
        break;
    }
}
