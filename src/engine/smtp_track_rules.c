/* Which rules a line, a reply or a message breaks in the session as it stands. Derived once: the
 * lint line asks the same functions before a command is sent as the tracker does afterwards. */
#include "engine/smtp_track_private.h"

#include <string.h>

#include <stdarg.h>
#include <stdio.h>

#include "smtp/limits.h"
#include "smtp/param.h"
#include "smtp/tables.h"

#define BIT(name)       SMTP_RULE_BIT(SMTP_RULE_##name)
#define STATE_BIT(name) (1u << SMTP_STATE_##name)
#define VERB_BIT(name)  (1u << SMTP_VERB_##name)

/* What may come first inside TLS (RFC 3207 section 4.2; QUIT and NOOP do no harm). */
static const uint32_t allowed_after_tls =
    VERB_BIT(EHLO) | VERB_BIT(HELO) | VERB_BIT(LHLO) | VERB_BIT(QUIT) | VERB_BIT(NOOP);
/* States in which order is judged by other rules: COMMAND_EARLY, COMMANDS_BEFORE_TLS. */
static const uint32_t order_not_judged =
    STATE_BIT(DATA) | STATE_BIT(DOT) | STATE_BIT(TLS) | STATE_BIT(AUTH) | STATE_BIT(CONNECT);
/* RFC 2034 section 4: the greeting and the answers to EHLO and HELO carry none. */
static const uint32_t no_enhanced =
    VERB_BIT(CONNECT) | VERB_BIT(EHLO) | VERB_BIT(HELO) | VERB_BIT(LHLO);

struct track_rule track_rule_of(enum smtp_rule rule)
{
    return (struct track_rule){smtp_rule_name(rule), smtp_rule_rfc(rule), smtp_rule_meaning(rule)};
}

void track_deviation(struct smtp_track *t, enum smtp_rule rule, const struct track_range *where,
                     const char *fmt, ...)
{
    struct track_rule named = track_rule_of(rule);
    va_list ap;
    va_start(ap, fmt);
    core_deviation(&t->core, &named, where, fmt, ap);
    va_end(ap);
}

void track_sasl_step(struct smtp_track *t, enum event_dir dir, struct slice base64,
                     const struct track_range *where, bool say)
{
    struct track_rule bad = track_rule_of(SMTP_RULE_AUTH_BAD_BASE64);
    core_sasl_step(&t->core, dir, base64, where, say ? &bad : NULL);
}

/* ---- commands ---- */

static bool mechanism_offered(const struct smtp_track *t, struct slice mechanism)
{
    struct slice list;
    if (!smtp_track_offers(t, "AUTH", &list))
        return false;
    for (struct slice w = slice_next_word(&list); w.len > 0; w = slice_next_word(&list)) {
        if (slice_eq_nocase(w, mechanism))
            return true;
    }
    return false;
}

/* What the command needs and the server did not offer; NULL: nothing. Asked only where the server
 * had its say in an EHLO reply (RFC 5321 section 2.2). */
/* The extension of the nth parameter whose extension was not offered. */
static const char *missing_param(const struct smtp_track *t, const struct smtp_command *c,
                                 size_t nth)
{
    for (size_t i = 0; i < c->n_params; i++) {
        const char *capability = smtp_param_extension(c->verb, &c->params[i]);
        bool again = false; /* HOLDFOR and HOLDUNTIL have one extension */
        for (size_t k = 0; k < i && !again && capability; k++) {
            const char *other = smtp_param_extension(c->verb, &c->params[k]);
            again = other && strcmp(other, capability) == 0;
        }
        if (capability && !again && !smtp_track_offers(t, capability, NULL) && nth-- == 0)
            return capability;
    }
    return NULL;
}

static const char *missing_capability(const struct smtp_track *t, const struct smtp_command *c)
{
    const char *extension = smtp_verb_info(c->verb)->extension;
    /* Inside TLS no server offers STARTTLS: that is a matter of order. */
    if (extension && !smtp_track_offers(t, extension, NULL) &&
        !(c->verb == SMTP_VERB_STARTTLS && t->core.tls))
        return extension;
    if (c->verb == SMTP_VERB_AUTH && c->mechanism.len > 0 && !mechanism_offered(t, c->mechanism))
        return "that mechanism";
    return missing_param(t, c, 0);
}

/* Octets a line of this verb may have, its CRLF included (RFC 5321 section 4.5.3.1.4). */
static size_t line_limit(const struct smtp_track *t, enum smtp_verb verb)
{
    size_t limit = SMTP_COMMAND_LINE_MAX_OCTETS;
    if (verb == SMTP_VERB_AUTH || verb == SMTP_VERB_AUTH_DATA)
        return SMTP_AUTH_LINE_MAX_OCTETS;
    if (verb != SMTP_VERB_MAIL && verb != SMTP_VERB_RCPT)
        return limit;
    struct slice line;
    for (size_t i = 0; smtp_track_cap_at(t, i, &line); i++)
        limit += smtp_extension_line_growth(slice_next_word(&line), smtp_verb_name(verb));
    return limit;
}

static smtp_rules order_rules(const struct smtp_track *t, const struct smtp_command *c)
{
    enum smtp_state state = (enum smtp_state)(smtp_track_pending(t) > 0 ? t->ahead : t->state);
    if (t->state == SMTP_STATE_CONNECT)
        return t->greeting_awaited ? BIT(COMMAND_BEFORE_GREETING) : BIT(COMMAND_ORDER);
    if (c->verb == SMTP_VERB_UNKNOWN)
        return 0;
    if (t->after_tls && !(allowed_after_tls >> c->verb & 1))
        return BIT(NO_EHLO_AFTER_TLS);
    if ((c->verb == SMTP_VERB_STARTTLS && t->core.tls) ||
        (c->verb == SMTP_VERB_AUTH && t->authenticated))
        return BIT(COMMAND_ORDER);
    if ((order_not_judged >> state & 1) || smtp_verb_in_order(c->verb, state))
        return 0;
    return BIT(COMMAND_ORDER);
}

smtp_rules track_line_rules(struct slice line)
{
    smtp_rules rules = 0;
    for (size_t i = 0; i < line.len; i++) {
        uint8_t octet = line.ptr[i];
        if (octet >= 0x20 && octet < 0x7f)
            continue;
        if (octet == 0)
            rules |= BIT(LINE_NUL);
        else if (octet == '\r')
            rules |= BIT(LINE_BARE_CR);
        else if (octet > 0x7f)
            rules |= BIT(LINE_8BIT);
        else if (octet != '\t')
            rules |= BIT(LINE_CONTROL);
    }
    return rules;
}

smtp_rules smtp_track_lint(const struct smtp_track *t, const struct smtp_command *c)
{
    smtp_rules rules = c->rules & ~BIT(COMMAND_TOO_LONG);
    rules |= track_line_rules(c->line);
    if (c->verb == SMTP_VERB_UNKNOWN)
        rules |= BIT(COMMAND_UNKNOWN);
    rules |= order_rules(t, c);
    if (t->offers_utf8)
        rules &= ~BIT(LINE_8BIT);
    if (t->hello_done && missing_capability(t, c))
        rules |= BIT(COMMAND_NOT_OFFERED);
    rules |= track_declared_rules(t, c);
    if (smtp_track_pending(t) > 0 && !t->greeting_awaited &&
        (!t->offers_pipelining || smtp_verb_info((enum smtp_verb)t->last_verb)->must_be_last))
        rules |= BIT(COMMAND_EARLY);
    if (c->line.len + 2 > SMTP_COMMAND_LINE_MAX_OCTETS && c->line.len + 2 > line_limit(t, c->verb))
        rules |= BIT(COMMAND_TOO_LONG);
    if (c->verb == SMTP_VERB_AUTH) {
        if (!t->core.tls && core_mechanism_in_clear(c->mechanism))
            rules |= BIT(AUTH_IN_CLEAR);
    }
    return rules;
}

/* What was seen, in words. The line itself is never quoted: it may hold a secret. */
static void command_note(const struct smtp_track *t, enum smtp_rule rule,
                         const struct smtp_command *c, char *note, size_t note_octets)
{
    const char *verb = smtp_verb_name(c->verb);
    const char *missing = NULL;
    size_t limit = 0;
    int n = -1;
    if (rule == SMTP_RULE_COMMAND_ORDER) {
        n = snprintf(note, note_octets, "%s in state %s.", verb,
                     smtp_state_name((enum smtp_state)t->state));
    } else if (rule == SMTP_RULE_COMMAND_NOT_OFFERED) {
        char others[160] = "";
        missing = missing_capability(t, c);
        if (missing && missing == missing_param(t, c, 0)) {
            const char *more;
            for (size_t i = 1; (more = missing_param(t, c, i)) != NULL; i++)
                snprintf(others + strlen(others), sizeof(others) - strlen(others), " and %s", more);
        }
        n = snprintf(note, note_octets, "%s needs %s%s, which was not offered.", verb,
                     missing ? missing : "an extension", others);
    } else if (rule == SMTP_RULE_COMMAND_TOO_LONG) {
        limit = line_limit(t, c->verb);
        n = snprintf(note, note_octets, "%zu octets with its line end; %zu are allowed.",
                     c->line.len + 2, limit);
    } else if (rule == SMTP_RULE_OVER_LIMITS) {
        uint64_t most = track_over_limit(t, c->verb, &missing);
        n = snprintf(note, note_octets, "%s=%llu was offered, and this is one more.",
                     missing ? missing : "", (unsigned long long)most);
    } else if (rule == SMTP_RULE_SIZE_OVER_OFFER) {
        n = snprintf(note, note_octets, "The server takes at most %llu octets.",
                     (unsigned long long)t->size_max);
    } else if (rule == SMTP_RULE_COMMAND_EARLY) {
        n = snprintf(note, note_octets, "%s was sent while %zu replies were awaited.", verb,
                     smtp_track_pending(t));
    }
    if (n < 0)
        snprintf(note, note_octets, "%s", smtp_rule_meaning(rule));
}

void track_report_command(struct smtp_track *t, smtp_rules rules, const struct smtp_command *c,
                          const struct track_range *where)
{
    char note[256];
    for (unsigned rule = 0; rules != 0; rule++, rules >>= 1) {
        if (!(rules & 1))
            continue;
        command_note(t, (enum smtp_rule)rule, c, note, sizeof(note));
        track_deviation(t, (enum smtp_rule)rule, where, "%s", note);
    }
}

/* ---- replies ---- */

smtp_rules track_reply_rules(const struct smtp_track *t, const struct smtp_reply *r, bool asked,
                             enum smtp_verb answers)
{
    smtp_rules rules = r->rules & ~(BIT(ENHANCED_CLASS) | BIT(ENHANCED_MISSING));
    if (t->sent.utf8) /* the client said SMTPUTF8: it reads such replies (RFC 6531 section 3.7.4) */
        rules &= ~BIT(LINE_8BIT);
    /* RFC 4954 section 4: an empty challenge is "334 " with nothing behind the space. */
    if ((answers == SMTP_VERB_AUTH || answers == SMTP_VERB_AUTH_DATA) && r->code == 334 &&
        r->n_lines == 1 && r->lines[0].len > 3)
        rules &= ~BIT(REPLY_NO_TEXT);
    unsigned klass = r->code / 100;
    bool final = klass == 2 || klass == 4 || klass == 5;
    bool bears_enhanced = final && asked && !(no_enhanced >> answers & 1);
    if (bears_enhanced && t->offers_enhanced && !r->has_enhanced)
        rules |= BIT(ENHANCED_MISSING);
    if (bears_enhanced && r->has_enhanced && r->enhanced[0] != klass)
        rules |= BIT(ENHANCED_CLASS);
    if (t->state == SMTP_STATE_QUIT || t->state == SMTP_STATE_CLOSED)
        rules |= BIT(REPLY_AFTER_CLOSE);
    else if (!asked && r->code != 421)
        rules |= BIT(REPLY_UNASKED);
    else if (asked && r->code != 0 && answers != SMTP_VERB_UNKNOWN &&
             !smtp_reply_may_follow(answers, r->code) && !(t->prdr && r->code == 353))
        rules |= BIT(REPLY_NOT_FOR_COMMAND);
    return rules;
}

static void reply_note(enum smtp_rule rule, const struct smtp_reply *r, enum smtp_verb answers,
                       char *note, size_t note_octets)
{
    if (rule == SMTP_RULE_REPLY_NOT_FOR_COMMAND)
        snprintf(note, note_octets, "%u does not answer %s.", r->code, smtp_verb_name(answers));
    else if (rule == SMTP_RULE_ENHANCED_CLASS)
        snprintf(note, note_octets, "Reply code %u with enhanced status code %u.%u.%u.", r->code,
                 r->enhanced[0], r->enhanced[1], r->enhanced[2]);
    else if (rule == SMTP_RULE_REPLY_UNASKED && r->code != 0)
        snprintf(note, note_octets, "%u came, and no command waited for a reply.", r->code);
    else
        snprintf(note, note_octets, "%s", smtp_rule_meaning(rule));
}

/* Each rule once a reply, at the first line that breaks it: a flood of lines is no flood of events.
 */
void track_report_reply(struct smtp_track *t, const struct smtp_reply *r, smtp_rules rules,
                        enum smtp_verb answers, const struct track_range *where)
{
    char note[256];
    smtp_rules left = rules;
    for (size_t i = 0; i < r->n_lines && left != 0; i++) {
        smtp_rules here = r->lines[i].rules & left;
        left &= ~here;
        struct track_range line = *where;
        line.offset += r->lines[i].offset;
        size_t end = i + 1 < r->n_lines ? r->lines[i + 1].offset : r->text.len;
        line.length = end - r->lines[i].offset;
        for (unsigned rule = 0; here != 0; rule++, here >>= 1) {
            if (!(here & 1))
                continue;
            reply_note((enum smtp_rule)rule, r, answers, note, sizeof(note));
            track_deviation(t, (enum smtp_rule)rule, &line, "%s", note);
        }
    }
    for (unsigned rule = 0; left != 0; rule++, left >>= 1) {
        if (!(left & 1))
            continue;
        reply_note((enum smtp_rule)rule, r, answers, note, sizeof(note));
        track_deviation(t, (enum smtp_rule)rule, where, "%s", note);
    }
}

/* ---- content ---- */

void track_report_content(struct smtp_track *t, const struct smtp_content_stats *s,
                          const struct track_range *where)
{
    const struct {
        enum smtp_rule rule;
        uint64_t seen;
        const char *what;
    } rows[] = {
        {SMTP_RULE_DATA_LINE_TOO_LONG, s->longest > SMTP_TEXT_LINE_MAX_OCTETS - 2 ? s->longest : 0,
         "octets in the longest line; 998 are allowed"},
        {SMTP_RULE_DATA_BARE_LF, s->bare_lf, "line feeds stand alone"},
        {SMTP_RULE_DATA_BARE_CR, s->bare_cr, "carriage returns stand alone"},
        {SMTP_RULE_DATA_NUL, s->nul, "NUL octets"},
        {SMTP_RULE_DATA_8BIT, t->body_8bit ? 0 : s->eight_bit,
         "octets above 127 without BODY=8BITMIME"},
        {SMTP_RULE_DATA_NOT_STUFFED, s->single_dot, "lines begin with a single dot"},
        {SMTP_RULE_DATA_SMUGGLING, s->smuggle,
         "places look like an end of data to careless servers"},
        {SMTP_RULE_DATA_OVER_SIZE, t->size_max > 0 && s->content > t->size_max ? s->content : 0,
         "octets are more than the SIZE that was offered"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].seen > 0)
            track_deviation(t, rows[i].rule, where, "%llu %s.", (unsigned long long)rows[i].seen,
                            rows[i].what);
    }
}
