/* What a response does: the one place where state, capabilities and selected mailbox change. */
#include "engine/imap_track_private.h"

#include <string.h>

#include "base/mem.h"

/* A row for each verb; what is not said here: EOF closes, BYE logs out, the rest changes nothing.
 */
static const uint8_t effects[IMAP_VERB__COUNT][IMAP_OUT__COUNT] = {
    [IMAP_VERB_CONNECT] =
        {[IMAP_OUT_OK] = IMAP_EFFECT_GREET, [IMAP_OUT_PREAUTH] = IMAP_EFFECT_LOGIN},
    [IMAP_VERB_STARTTLS] = {[IMAP_OUT_OK] = IMAP_EFFECT_TLS},
    [IMAP_VERB_LOGIN] = {[IMAP_OUT_OK] = IMAP_EFFECT_LOGIN},
    [IMAP_VERB_AUTHENTICATE] = {[IMAP_OUT_OK] = IMAP_EFFECT_LOGIN,
                                [IMAP_OUT_NO] = IMAP_EFFECT_AUTH_NO,
                                [IMAP_OUT_BAD] = IMAP_EFFECT_AUTH_NO,
                                [IMAP_OUT_GO_ON] = IMAP_EFFECT_CHALLENGE},
    [IMAP_VERB_SELECT] = {[IMAP_OUT_OK] = IMAP_EFFECT_SELECT, [IMAP_OUT_NO] = IMAP_EFFECT_CLOSE},
    [IMAP_VERB_EXAMINE] = {[IMAP_OUT_OK] = IMAP_EFFECT_SELECT, [IMAP_OUT_NO] = IMAP_EFFECT_CLOSE},
    [IMAP_VERB_CLOSE] = {[IMAP_OUT_OK] = IMAP_EFFECT_CLOSE},
    [IMAP_VERB_UNSELECT] = {[IMAP_OUT_OK] = IMAP_EFFECT_CLOSE},
    [IMAP_VERB_IDLE] = {[IMAP_OUT_OK] = IMAP_EFFECT_IDLE_END,
                        [IMAP_OUT_NO] = IMAP_EFFECT_IDLE_END,
                        [IMAP_OUT_BAD] = IMAP_EFFECT_IDLE_END,
                        [IMAP_OUT_GO_ON] = IMAP_EFFECT_IDLE},
    [IMAP_VERB_LOGOUT] = {[IMAP_OUT_OK] = IMAP_EFFECT_LOGOUT},
    [IMAP_VERB_COMPRESS] = {[IMAP_OUT_OK] = IMAP_EFFECT_COMPRESS},
};

enum imap_effect imap_track_effect(enum imap_verb verb, enum imap_outcome outcome)
{
    BUG_IF((unsigned)verb >= IMAP_VERB__COUNT || (unsigned)outcome >= IMAP_OUT__COUNT);
    if (outcome == IMAP_OUT_EOF)
        return IMAP_EFFECT_CLOSED;
    if (outcome == IMAP_OUT_BYE)
        return IMAP_EFFECT_LOGOUT;
    return (enum imap_effect)effects[verb][outcome];
}

void itrack_set_state(struct imap_track *t, enum imap_state to, uint64_t cause_seq)
{
    enum imap_state from = (enum imap_state)t->state;
    if (to == from)
        return;
    t->state = (uint8_t)to;
    core_state(&t->core, imap_state_name(from), imap_state_name(to), cause_seq);
}

enum imap_state itrack_ahead(const struct imap_track *t, enum imap_verb verb, enum imap_state from)
{
    switch (imap_track_effect(verb, IMAP_OUT_OK)) {
    case IMAP_EFFECT_LOGIN:
    case IMAP_EFFECT_CLOSE:
        return IMAP_STATE_AUTHENTICATED;
    case IMAP_EFFECT_SELECT:
        return IMAP_STATE_SELECTED;
    case IMAP_EFFECT_TLS:
        return IMAP_STATE_TLS;
    case IMAP_EFFECT_LOGOUT:
        return IMAP_STATE_LOGOUT;
    case IMAP_EFFECT_NONE:
    case IMAP_EFFECT_GREET:
    case IMAP_EFFECT_CHALLENGE:
    case IMAP_EFFECT_AUTH_NO:
    case IMAP_EFFECT_IDLE:
    case IMAP_EFFECT_IDLE_END:
    case IMAP_EFFECT_COMPRESS:
    case IMAP_EFFECT_CLOSED:
    case IMAP_EFFECT__COUNT:
        break;
    }
    (void)t;
    return from;
}

void itrack_unselect(struct imap_track *t)
{
    mem_free(t->mailbox);
    t->mailbox = NULL;
    t->exists = 0;
    t->exists_known = false;
}

static void select_mailbox(struct imap_track *t, struct imap_pending *p)
{
    mem_free(t->mailbox);
    t->mailbox = p ? p->mailbox : NULL;
    if (p)
        p->mailbox = NULL;
}

/* RFC 4978 section 3: both directions are deflated from here. Nothing is inflated here: what a
 * compressed stream says of itself is the peer's word, and a few octets of it can be gigabytes. */
static void compress(struct imap_track *t, uint64_t cause_seq)
{
    if (t->compressed)
        return;
    t->compressed = true;
    JOURNAL_APPEND(
        t->core.journal, t->core.conn, NOTE, core_flags(&t->core), cause_seq,
        (struct ev_note){.level = LEVEL_WARNING,
                         .text = SLICE_LIT("the connection is compressed from here (COMPRESS)"),
                         .means = SLICE_LIT("every octet is kept, and none of it can be read here: "
                                            "commands, responses and states stay unknown"),
                         .next = SLICE_LIT("/reopen, and do without COMPRESS")});
}

void itrack_apply(struct imap_track *t, enum imap_verb verb, enum imap_outcome outcome,
                  struct imap_pending *p, uint64_t cause_seq)
{
    enum imap_effect effect = imap_track_effect(verb, outcome);
    /* A session that said BYE, or waits for TLS, has no way back. */
    bool over = t->state == IMAP_STATE_LOGOUT || t->state == IMAP_STATE_CLOSED;
    if (over && effect != IMAP_EFFECT_CLOSED)
        return;
    switch (effect) {
    case IMAP_EFFECT_GREET:
        itrack_set_state(t, IMAP_STATE_NOT_AUTH, cause_seq);
        break;
    case IMAP_EFFECT_LOGIN:
        t->authenticated = true;
        itrack_set_state(t, IMAP_STATE_AUTHENTICATED, cause_seq);
        break;
    case IMAP_EFFECT_CHALLENGE:
        itrack_set_state(t, IMAP_STATE_AUTH, cause_seq);
        break;
    case IMAP_EFFECT_AUTH_NO:
        t->core.mechanism[0] = '\0';
        itrack_set_state(t, t->authenticated ? IMAP_STATE_AUTHENTICATED : IMAP_STATE_NOT_AUTH,
                         cause_seq);
        break;
    case IMAP_EFFECT_SELECT:
        select_mailbox(t, p);
        itrack_set_state(t, IMAP_STATE_SELECTED, cause_seq);
        break;
    case IMAP_EFFECT_CLOSE:
        itrack_unselect(t);
        if (t->state == IMAP_STATE_SELECTED)
            itrack_set_state(t, IMAP_STATE_AUTHENTICATED, cause_seq);
        break;
    case IMAP_EFFECT_IDLE:
        if (t->state != IMAP_STATE_IDLE)
            t->idle_back = t->state;
        itrack_set_state(t, IMAP_STATE_IDLE, cause_seq);
        break;
    case IMAP_EFFECT_IDLE_END:
        t->idle_open = false;
        if (t->state == IMAP_STATE_IDLE)
            itrack_set_state(t, (enum imap_state)t->idle_back, cause_seq);
        break;
    case IMAP_EFFECT_TLS:
        itrack_set_state(t, IMAP_STATE_TLS, cause_seq);
        break;
    case IMAP_EFFECT_LOGOUT:
        itrack_set_state(t, IMAP_STATE_LOGOUT, cause_seq);
        break;
    case IMAP_EFFECT_COMPRESS:
        compress(t, cause_seq);
        break;
    case IMAP_EFFECT_CLOSED:
        itrack_set_state(t, IMAP_STATE_CLOSED, cause_seq);
        break;
    case IMAP_EFFECT_NONE:
    case IMAP_EFFECT__COUNT:
        break;
    }
}

/* ---- capabilities ---- */

void itrack_caps_clear(struct imap_track *t)
{
    mem_free(t->caps);
    t->caps = NULL;
}

/* One a line for the event; with spaces between here. */
void itrack_caps_learn(struct imap_track *t, struct slice list, struct slice greeting,
                       const struct track_range *where)
{
    struct buf lines;
    bool imap = false;
    buf_init(&lines, IMAP_CAPS_MAX_OCTETS);
    for (struct slice w = slice_next_word(&list); w.len > 0; w = slice_next_word(&list)) {
        if (lines.len > 0)
            buf_append_octet(&lines, '\n');
        buf_append(&lines, w);
        imap = imap || slice_starts_nocase(w, SLICE_LIT("IMAP4"));
    }
    itrack_caps_clear(t);
    t->caps = mem_slice_dup(buf_slice(&lines));
    for (char *c = t->caps; *c; c++)
        if (*c == '\n')
            *c = ' ';
    JOURNAL_APPEND(
        t->core.journal, t->core.conn, CAPS, core_flags(&t->core), where->cause_seq,
        (struct ev_caps){.greeting = greeting, .list = buf_slice(&lines), .tls = t->core.tls});
    if (!imap)
        itrack_deviation(t, IMAP_RULE_CAPS_MISSING, where, "%s",
                         imap_rule_meaning(IMAP_RULE_CAPS_MISSING));
    buf_deinit(&lines);
}

/* ---- data ---- */

static bool selecting(const struct imap_track *t)
{
    return itrack_by_verb(t, IMAP_VERB_SELECT) || itrack_by_verb(t, IMAP_VERB_EXAMINE);
}

static void enabled(struct imap_track *t, struct slice list)
{
    for (struct slice w = slice_next_word(&list); w.len > 0; w = slice_next_word(&list))
        if (slice_eq_nocase(w, SLICE_LIT("UTF8=ACCEPT")) ||
            slice_eq_nocase(w, SLICE_LIT("IMAP4rev2")))
            t->utf8 = true;
}

void itrack_data_effect(struct imap_track *t, const struct imap_response *r,
                        const struct track_range *where)
{
    struct slice rest = slice_trim(slice_skip(r->text.octets, r->data_at));
    bool selected = t->state == IMAP_STATE_SELECTED || t->state == IMAP_STATE_IDLE;
    if (slice_eq_nocase(r->type, SLICE_LIT("CAPABILITY"))) {
        itrack_caps_learn(t, rest, slice_of(NULL, 0), where);
    } else if (slice_eq_nocase(r->type, SLICE_LIT("ENABLED"))) {
        enabled(t, rest);
    } else if (slice_eq_nocase(r->type, SLICE_LIT("EXISTS")) && r->has_number) {
        if (!selecting(t) && selected && t->exists_known && r->number < t->exists)
            itrack_deviation(t, IMAP_RULE_EXISTS_SHRANK, where, "%u messages before, %u now.",
                             t->exists, (unsigned)r->number);
        t->exists = (uint32_t)r->number;
        t->exists_known = true;
    } else if (slice_eq_nocase(r->type, SLICE_LIT("EXPUNGE")) && r->has_number) {
        if (t->exists > 0)
            t->exists--;
    }
}
