/* Rules: what a command or a response breaks where it stands. */
#include "engine/imap_track_private.h"

#include <stdarg.h>
#include <stdio.h>

#include "imap/tables.h"

struct track_rule itrack_rule(enum imap_rule rule)
{
    return (struct track_rule){imap_rule_name(rule), imap_rule_rfc(rule), imap_rule_meaning(rule)};
}

void itrack_deviation(struct imap_track *t, enum imap_rule rule, const struct track_range *where,
                      const char *fmt, ...)
{
    struct track_rule named = itrack_rule(rule);
    va_list ap;
    va_start(ap, fmt);
    core_deviation(&t->core, &named, where, fmt, ap);
    va_end(ap);
}

void itrack_sasl_step(struct imap_track *t, enum event_dir dir, struct slice base64,
                      const struct track_range *where)
{
    struct track_rule bad = itrack_rule(IMAP_RULE_AUTH_BAD_BASE64);
    core_sasl_step(&t->core, dir, base64, where, &bad);
}

/* What was seen, in words. The line itself is never quoted: it may hold a secret. */
static void say(const struct imap_track *t, enum imap_rule rule, const struct imap_command *c,
                char *note, size_t note_octets)
{
    const char *verb = c ? imap_verb_name(c->verb) : "";
    const char *needs = c ? imap_verb_info(c->verb)->capability : NULL;
    if (c && rule == IMAP_RULE_COMMAND_ORDER)
        snprintf(note, note_octets, "%s in state %s.", verb,
                 imap_state_name((enum imap_state)t->state));
    else if (c && rule == IMAP_RULE_COMMAND_NOT_OFFERED && needs)
        snprintf(note, note_octets, "%s needs %s, which was not offered.", verb, needs);
    else if (c && rule == IMAP_RULE_COMMAND_SYNTAX && c->verb != IMAP_VERB_UNKNOWN)
        snprintf(note, note_octets, "Expected: %s%s", verb, imap_verb_info(c->verb)->grammar);
    else
        snprintf(note, note_octets, "%s", imap_rule_meaning(rule));
}

void itrack_report(struct imap_track *t, imap_rules rules, const struct track_range *where,
                   const struct imap_command *c)
{
    char note[256];
    for (unsigned rule = 0; rules != 0; rule++, rules >>= 1) {
        if (!(rules & 1))
            continue;
        say(t, (enum imap_rule)rule, c, note, sizeof(note));
        itrack_deviation(t, (enum imap_rule)rule, where, "%s", note);
    }
}

/* ---- commands ---- */

static bool offered(const struct imap_track *t, const char *list)
{
    struct slice rest = slice_cstr(list);
    for (struct slice w = slice_next_word(&rest); w.len > 0; w = slice_next_word(&rest)) {
        char name[32];
        snprintf(name, sizeof(name), "%.*s", SLICE_ARG(w));
        if (imap_track_offers(t, name))
            return true;
    }
    return false;
}

/* A command whose answer decides what comes next is open. */
static bool behind_exclusive(const struct imap_track *t)
{
    for (size_t i = 0; t->work && i < t->work->ring_count; i++)
        if (imap_verb_info((enum imap_verb)t->work->ring[i].verb)->exclusive &&
            t->work->ring[i].whole)
            return true;
    return false;
}

imap_rules imap_track_lint(const struct imap_track *t, const struct imap_command *c)
{
    imap_rules rules = c->rules;
    const struct imap_verb_info *info = imap_verb_info(c->verb);
    bool waiting = t->greeting_awaited || t->state == IMAP_STATE_CONNECT;
    if (waiting)
        rules |= IBIT(COMMAND_BEFORE_GREETING);
    else if (c->verb != IMAP_VERB_UNKNOWN && t->state != IMAP_STATE_IDLE &&
             !imap_verb_in_order(c->verb, (enum imap_state)t->state) &&
             !imap_verb_in_order(c->verb, (enum imap_state)t->ahead))
        rules |= IBIT(COMMAND_ORDER);
    if (t->state == IMAP_STATE_IDLE)
        rules |= IBIT(IDLE_NOT_DONE);
    else if (behind_exclusive(t))
        rules |= IBIT(COMMAND_EARLY);
    if (t->caps && info->capability && !offered(t, info->capability))
        rules |= IBIT(COMMAND_NOT_OFFERED);
    if (t->caps && c->verb == IMAP_VERB_LOGIN && imap_track_offers(t, "LOGINDISABLED"))
        rules |= IBIT(LOGIN_DISABLED);
    bool clear = c->verb == IMAP_VERB_LOGIN ||
                 (c->verb == IMAP_VERB_AUTHENTICATE && core_mechanism_in_clear(c->mechanism));
    if (clear && !t->core.tls)
        rules |= IBIT(LOGIN_IN_CLEAR);
    if (c->tag.len > 0 && itrack_by_tag(t, c->tag, NULL))
        rules |= IBIT(TAG_REUSED);
    return rules;
}

/* ---- data ---- */

/* RFC 9051 section 7.5.1: is some command under way during which numbers may shift? */
static bool expunge_is_safe(const struct imap_track *t)
{
    if (t->state == IMAP_STATE_IDLE)
        return true;
    for (size_t i = 0; t->work && i < t->work->ring_count; i++) {
        const struct imap_pending *p = &t->work->ring[i];
        bool reads =
            p->verb == IMAP_VERB_FETCH || p->verb == IMAP_VERB_STORE || p->verb == IMAP_VERB_SEARCH;
        if (!reads || p->uid)
            return true;
    }
    return t->unkept > 0;
}

static bool has_a_meaning(const struct imap_track *t, const struct imap_data_info *info)
{
    static const struct slice any = {(const uint8_t *)"any", 3};
    static const struct slice selected = {(const uint8_t *)"selected", 8};
    if (slice_eq(slice_cstr(info->states), any))
        return true;
    if (!slice_eq(slice_cstr(info->states), selected))
        return t->authenticated;
    return t->state == IMAP_STATE_SELECTED || t->mailbox != NULL ||
           itrack_by_verb(t, IMAP_VERB_SELECT) || itrack_by_verb(t, IMAP_VERB_EXAMINE);
}

imap_rules itrack_data_rules(const struct imap_track *t, const struct imap_response *r)
{
    imap_rules rules = r->rules;
    const struct imap_data_info *info = imap_data_by_name(r->type);
    if (!info)
        return rules | IBIT(RESPONSE_UNKNOWN);
    bool number_due = info->number[0] != '\0';
    if (number_due != r->has_number)
        return rules | IBIT(RESPONSE_SYNTAX);
    if (!has_a_meaning(t, info))
        rules |= IBIT(DATA_ORDER);
    bool expunge = slice_eq_nocase(r->type, SLICE_LIT("EXPUNGE"));
    bool message = expunge || slice_eq_nocase(r->type, SLICE_LIT("FETCH"));
    if (message && (r->number == 0 || (t->exists_known && r->number > t->exists)))
        rules |= IBIT(NUMBER_RANGE);
    if (expunge && !expunge_is_safe(t))
        rules |= IBIT(EXPUNGE_UNSAFE);
    return rules;
}
