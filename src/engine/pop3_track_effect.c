/* What an answer to a command does: one total table, one setter; the rules, and steps of AUTH. */
#include "engine/pop3_track_private.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/utf8.h"

#define E(name) POP3_EFFECT_##name
#define ROW(ok, err, go_on)                                                                        \
    {                                                                                              \
        [POP3_OUT_OK] = E(ok), [POP3_OUT_ERR] = E(err), [POP3_OUT_GO_ON] = E(go_on),               \
        [POP3_OUT_MALFORMED] = E(NONE), [POP3_OUT_EOF] = E(CLOSED),                                \
    }

static const uint8_t effects[POP3_VERB__COUNT][POP3_OUT__COUNT] = {
    [POP3_VERB_UNKNOWN] = ROW(NONE, NONE, NONE),
    [POP3_VERB_USER] = ROW(USER, LOGIN_NO, NONE),
    [POP3_VERB_PASS] = ROW(LOGIN, LOGIN_NO, NONE),
    [POP3_VERB_APOP] = ROW(LOGIN, LOGIN_NO, NONE),
    [POP3_VERB_AUTH] = ROW(LOGIN, LOGIN_NO, CHALLENGE),
    [POP3_VERB_STAT] = ROW(STAT, NONE, NONE),
    [POP3_VERB_LIST] = ROW(NONE, NONE, NONE),
    [POP3_VERB_RETR] = ROW(NONE, NONE, NONE),
    [POP3_VERB_DELE] = ROW(DELETED, NONE, NONE),
    [POP3_VERB_NOOP] = ROW(NONE, NONE, NONE),
    [POP3_VERB_RSET] = ROW(RESET, NONE, NONE),
    [POP3_VERB_TOP] = ROW(NONE, NONE, NONE),
    [POP3_VERB_UIDL] = ROW(NONE, NONE, NONE),
    [POP3_VERB_CAPA] = ROW(NONE, NONE, NONE),
    [POP3_VERB_STLS] = ROW(TLS, NONE, NONE),
    [POP3_VERB_UTF8] = ROW(UTF8, NONE, NONE),
    [POP3_VERB_LANG] = ROW(UTF8, NONE, NONE),
    [POP3_VERB_QUIT] = ROW(QUIT, QUIT, NONE),
    [POP3_VERB_CONNECT] = ROW(GREET, REFUSE, NONE),
    [POP3_VERB_AUTH_DATA] = ROW(LOGIN, LOGIN_NO, CHALLENGE),
};

enum pop3_effect pop3_track_effect(enum pop3_verb verb, enum pop3_outcome outcome)
{
    BUG_IF((unsigned)verb >= POP3_VERB__COUNT || (unsigned)outcome >= POP3_OUT__COUNT);
    return (enum pop3_effect)effects[verb][outcome];
}

void ptrack_set_state(struct pop3_track *t, enum pop3_state to, uint64_t cause_seq)
{
    enum pop3_state from = (enum pop3_state)t->state;
    if (to == from)
        return;
    t->state = (uint8_t)to;
    core_state(&t->core, pop3_state_name(from), pop3_state_name(to), cause_seq);
}

/* A login counts where one can log in; else the answer changes nothing. */
static void login(struct pop3_track *t, uint64_t cause_seq)
{
    if (t->state == POP3_STATE_TRANSACTION)
        return;
    t->authenticated = true;
    ptrack_set_state(t, POP3_STATE_TRANSACTION, cause_seq);
}

static void back_to_login(struct pop3_track *t, uint64_t cause_seq)
{
    if (t->state == POP3_STATE_USER || t->state == POP3_STATE_AUTH)
        ptrack_set_state(t, POP3_STATE_AUTHORIZATION, cause_seq);
}

void ptrack_apply(struct pop3_track *t, enum pop3_verb verb, enum pop3_outcome outcome,
                  const struct pop3_response *r, uint64_t cause_seq)
{
    bool logging_in = t->state == POP3_STATE_AUTHORIZATION || t->state == POP3_STATE_USER ||
                      t->state == POP3_STATE_AUTH;
    switch (pop3_track_effect(verb, outcome)) {
    case POP3_EFFECT_NONE:
    case POP3_EFFECT__COUNT:
        break;
    case POP3_EFFECT_GREET:
        ptrack_set_state(t, POP3_STATE_AUTHORIZATION, cause_seq);
        break;
    case POP3_EFFECT_REFUSE:
        ptrack_set_state(t, POP3_STATE_REFUSED, cause_seq);
        break;
    case POP3_EFFECT_USER:
        if (logging_in)
            ptrack_set_state(t, POP3_STATE_USER, cause_seq);
        break;
    case POP3_EFFECT_LOGIN:
        login(t, cause_seq);
        break;
    case POP3_EFFECT_LOGIN_NO:
        back_to_login(t, cause_seq);
        break;
    case POP3_EFFECT_CHALLENGE:
        ptrack_set_state(t, POP3_STATE_AUTH, cause_seq);
        break;
    case POP3_EFFECT_STAT:
        t->maildrop_known = pop3_stat_parse(r->text, &t->maildrop_messages, &t->maildrop_octets);
        break;
    case POP3_EFFECT_DELETED:
        t->deleted++;
        break;
    case POP3_EFFECT_RESET:
        t->deleted = 0;
        break;
    case POP3_EFFECT_UTF8:
        t->utf8 = true;
        break;
    case POP3_EFFECT_TLS:
        ptrack_set_state(t, POP3_STATE_TLS, cause_seq);
        break;
    case POP3_EFFECT_QUIT:
        ptrack_set_state(t, POP3_STATE_UPDATE, cause_seq);
        break;
    case POP3_EFFECT_CLOSED:
        ptrack_set_state(t, POP3_STATE_CLOSED, cause_seq);
        break;
    }
    if (pop3_track_pending(t) == 0)
        t->ahead = t->state;
}

enum pop3_state ptrack_ahead(enum pop3_verb verb, enum pop3_state from)
{
    static const uint8_t to[POP3_EFFECT__COUNT] = {
        [POP3_EFFECT_GREET] = POP3_STATE_AUTHORIZATION, [POP3_EFFECT_USER] = POP3_STATE_USER,
        [POP3_EFFECT_LOGIN] = POP3_STATE_TRANSACTION,   [POP3_EFFECT_TLS] = POP3_STATE_TLS,
        [POP3_EFFECT_QUIT] = POP3_STATE_UPDATE,
    };
    enum pop3_effect effect = pop3_track_effect(verb, POP3_OUT_OK);
    return to[effect] ? (enum pop3_state)to[effect] : from;
}

/* ---- capabilities ---- */

void ptrack_caps_clear(struct pop3_track *t)
{
    mem_free(t->caps);
    t->caps = NULL;
}

void ptrack_caps_learn(struct pop3_track *t, uint64_t cause_seq)
{
    ptrack_caps_clear(t);
    t->caps = mem_slice_dup(buf_slice(&t->work->caps));
    JOURNAL_APPEND(t->core.journal, t->core.conn, CAPS, core_flags(&t->core), cause_seq,
                   (struct ev_caps){.list = slice_cstr(t->caps), .tls = t->core.tls});
}

/* ---- rules ---- */

struct track_rule ptrack_rule(enum pop3_rule rule)
{
    return (struct track_rule){pop3_rule_name(rule), pop3_rule_rfc(rule), pop3_rule_meaning(rule)};
}

void ptrack_deviation(struct pop3_track *t, enum pop3_rule rule, const struct track_range *where,
                      const char *fmt, ...)
{
    struct track_rule named = ptrack_rule(rule);
    va_list ap;
    va_start(ap, fmt);
    core_deviation(&t->core, &named, where, fmt, ap);
    va_end(ap);
}

void ptrack_sasl_step(struct pop3_track *t, enum event_dir dir, struct slice base64,
                      const struct track_range *where)
{
    struct track_rule bad = ptrack_rule(POP3_RULE_AUTH_BAD_BASE64);
    core_sasl_step(&t->core, dir, base64, where, &bad);
}

/* What was seen, in words. The line itself is never quoted: it may hold a secret. */
static void say(const struct pop3_track *t, enum pop3_rule rule, const struct pop3_command *c,
                char *note, size_t note_octets)
{
    const char *verb = c ? pop3_verb_name(c->verb) : "";
    const struct pop3_verb_info *info = c ? pop3_verb_info(c->verb) : NULL;
    if (c && rule == POP3_RULE_COMMAND_ORDER)
        snprintf(note, note_octets, "%s in state %s.", verb,
                 pop3_state_name((enum pop3_state)t->state));
    else if (c && rule == POP3_RULE_COMMAND_NOT_OFFERED && info->capability)
        snprintf(note, note_octets, "%s needs %s, which was not offered.", verb, info->capability);
    else if (c && rule == POP3_RULE_COMMAND_SYNTAX && c->verb != POP3_VERB_UNKNOWN)
        snprintf(note, note_octets, "Expected: %s%s", verb, info->grammar);
    else if (c && rule == POP3_RULE_MESSAGE_NUMBER)
        snprintf(note, note_octets, "Message %u of %u.", c->message, t->maildrop_messages);
    else
        snprintf(note, note_octets, "%s", pop3_rule_meaning(rule));
}

/* RFC 6856 sections 2.1 and 3.2: behind UTF8, and in answers behind LANG, it is no fault. */
pop3_rules ptrack_text_rules(const struct pop3_track *t, pop3_rules rules, struct slice line)
{
    return t->utf8 && utf8_valid(line) ? rules & ~PBIT(EIGHT_BIT) : rules;
}

void ptrack_report(struct pop3_track *t, pop3_rules rules, const struct track_range *where,
                   const struct pop3_command *c)
{
    char note[256];
    for (unsigned rule = 0; rules != 0; rule++, rules >>= 1) {
        if (!(rules & 1))
            continue;
        say(t, (enum pop3_rule)rule, c, note, sizeof(note));
        ptrack_deviation(t, (enum pop3_rule)rule, where, "%s", note);
    }
}

static bool behind_exclusive(const struct pop3_track *t)
{
    const struct pop3_work *w = t->work;
    for (size_t i = 0; w && i < w->ring_count; i++) {
        const struct pop3_pending *p = &w->ring[(w->ring_head + i) % w->ring_alloc];
        if (pop3_verb_info((enum pop3_verb)p->verb)->exclusive)
            return true;
    }
    return false;
}

static bool in_order(const struct pop3_track *t, enum pop3_verb verb)
{
    return pop3_verb_in_order(verb, (enum pop3_state)t->state) ||
           (pop3_track_pending(t) > 0 && pop3_verb_in_order(verb, (enum pop3_state)t->ahead));
}

pop3_rules pop3_track_lint(const struct pop3_track *t, const struct pop3_command *c)
{
    pop3_rules rules = ptrack_text_rules(t, c->rules, c->line);
    const struct pop3_verb_info *info = pop3_verb_info(c->verb);
    if (t->greeting_awaited)
        return rules | PBIT(COMMAND_BEFORE_GREETING);
    if (!in_order(t, c->verb) || (c->verb == POP3_VERB_STLS && t->core.tls))
        rules |= PBIT(COMMAND_ORDER);
    bool pending = pop3_track_pending(t) > 0;
    if (pending && (behind_exclusive(t) || !pop3_track_offers(t, "PIPELINING", NULL)))
        rules |= PBIT(COMMAND_EARLY);
    if (t->caps && info->capability && !pop3_track_offers(t, info->capability, NULL))
        rules |= PBIT(COMMAND_NOT_OFFERED);
    if (c->verb == POP3_VERB_APOP && !t->stamp)
        rules |= PBIT(COMMAND_NOT_OFFERED);
    bool clear = c->verb == POP3_VERB_PASS ||
                 (c->verb == POP3_VERB_AUTH && c->n_args > 0 && core_mechanism_in_clear(c->arg[0]));
    if (clear && !t->core.tls)
        rules |= PBIT(LOGIN_IN_CLEAR);
    if (t->maildrop_known && c->message > t->maildrop_messages)
        rules |= PBIT(MESSAGE_NUMBER);
    return rules;
}
