/* What stands behind and below the line being typed: its grammar, what would be wrong with it, what
 * it is. */
#include <stdio.h>
#include <string.h>

#include "console/console_private.h"
#include "console/tongue.h"
#include "dns/dns.h"
#include "smtp/param.h"

enum { HINT_MAX_OCTETS = 1024 };

void console_hint_init(struct console_hint *h)
{
    buf_init(&h->ghost, HINT_MAX_OCTETS);
    buf_init(&h->lint, HINT_MAX_OCTETS);
    buf_init(&h->info, HINT_MAX_OCTETS);
}

void console_hint_deinit(struct console_hint *h)
{
    buf_deinit(&h->ghost);
    buf_deinit(&h->lint);
    buf_deinit(&h->info);
}

static void hint_command(struct slice line, struct console_hint *out)
{
    struct slice rest = slice_skip(line, 1);
    struct slice word = slice_next_word(&rest);
    const struct console_command *e = console_command_find(word);
    if (e) {
        if (slice_trim(rest).len == 0)
            buf_printf(&out->ghost, "%s%s", rest.len || line.ptr[line.len - 1] == ' ' ? "" : " ",
                       e->info.args);
        buf_printf(&out->info, "/%s %s: %s", e->info.name, e->info.args, e->info.help);
        return;
    }
    size_t n = 0;
    buf_append_cstr(&out->info, word.len ? "" : "commands:");
    for (size_t i = 0; (e = console_command_entry(i)) && n < 12; i++)
        if (slice_starts(slice_cstr(e->info.name), word)) {
            buf_printf(&out->info, " /%s", e->info.name);
            n++;
        }
    if (n == 0)
        buf_append_cstr(&out->lint, "no such command; /help lists them");
}

/* "MAI" -> "L FROM:<reverse-path> [parameters]": the rest of the only verb that begins so. */
static void ghost_verb(const struct smtp_track *t, struct slice word, struct console_hint *out)
{
    const struct smtp_verb_info *only = NULL;
    for (int v = 0; v < SMTP_VERB__COUNT; v++) {
        const struct smtp_verb_info *info = smtp_verb_info((enum smtp_verb)v);
        if (!info->typed || !slice_starts_nocase(slice_cstr(info->name), word))
            continue;
        bool now = t && smtp_verb_in_order((enum smtp_verb)v, smtp_track_state(t));
        if (!now && t)
            continue;
        if (only)
            return;
        only = info;
    }
    if (only)
        buf_printf(&out->ghost, "%s%s", only->name + word.len, only->grammar);
}

static void lint(const struct smtp_track *t, const struct smtp_command *command,
                 struct console_hint *out)
{
    smtp_rules rules = t ? smtp_track_lint(t, command) : command->rules;
    /* A person in the middle of a word has not broken a rule yet. */
    rules &= ~(SMTP_RULE_BIT(SMTP_RULE_COMMAND_UNKNOWN));
    for (int r = 0; r < SMTP_RULE__COUNT; r++)
        if (rules & SMTP_RULE_BIT(r)) {
            buf_printf(&out->lint, "%s (%s)", smtp_rule_meaning((enum smtp_rule)r),
                       smtp_rule_rfc((enum smtp_rule)r));
            return;
        }
}

/* The other form of an internationalised domain in the path. */
static void hint_domain(const struct smtp_command *command, struct console_hint *out)
{
    char domain[256], other[256];
    struct slice d = command->has_path ? command->path.domain : slice_of(NULL, 0);
    if (d.len == 0 || d.len >= sizeof domain || slice_find_octet(d, 0) >= 0)
        return;
    memcpy(domain, d.ptr, d.len);
    domain[d.len] = '\0';
    if (dns_other_form(domain, other, sizeof other))
        buf_printf(&out->info, "%s is %s · ", domain, other);
}

/* The parameter the cursor stands in: its grammar, and what it is for. True: there is one. */
static bool hint_param(const struct smtp_command *command, struct slice line,
                       struct console_hint *out)
{
    if (!command->has_path || command->n_params == 0 || line.ptr[line.len - 1] == ' ')
        return false;
    const struct smtp_param *last = &command->params[command->n_params - 1];
    const struct smtp_param_info *info = smtp_param_find(command->verb, last->keyword);
    if (!info)
        return false;
    if (*info->value && last->value.len == 0) {
        bool equals = line.ptr[line.len - 1] == '=';
        buf_printf(&out->ghost, "%s%s", equals ? "" : "=", info->value);
    }
    buf_printf(&out->info, "%s: %s · %s", info->name, info->help, info->rfc);
    return true;
}

/* Has the last parameter's value only begun: is it empty, or the start of one of its words? Then
 * it has broken nothing yet. */
static bool value_begun(const struct smtp_command *command)
{
    const struct smtp_param *last = &command->params[command->n_params - 1];
    const struct smtp_param_info *info = smtp_param_find(command->verb, last->keyword);
    const char *v = strcmp(info->syntax, "words") == 0 ? info->value : "";
    while (last->value.len > 0 && *v && !slice_starts_nocase(slice_cstr(v), last->value)) {
        v += strcspn(v, "|");
        v += *v == '|';
    }
    return last->value.len == 0 || *v;
}

/* LMTP greets with LHLO, SMTP with EHLO and HELO (RFC 2033 section 4.1). */
static bool other_protocol(const struct console *c, enum smtp_verb verb)
{
    bool lmtp = target_service_info(c->now->target.service)->lmtp;
    return lmtp ? verb == SMTP_VERB_EHLO || verb == SMTP_VERB_HELO : verb == SMTP_VERB_LHLO;
}

static void info_state(const struct console *c, const struct smtp_track *t,
                       struct console_hint *out)
{
    buf_append_cstr(&out->info, "allowed now:");
    for (int v = 0; v < SMTP_VERB__COUNT; v++) {
        const struct smtp_verb_info *info = smtp_verb_info((enum smtp_verb)v);
        if (!info->typed || !smtp_verb_in_order((enum smtp_verb)v, smtp_track_state(t)))
            continue;
        if (other_protocol(c, (enum smtp_verb)v) ||
            (info->extension && !smtp_track_offers(t, info->extension, NULL)))
            continue;
        buf_printf(&out->info, " %s", info->name);
    }
}

static bool special_state(const struct smtp_track *t, struct slice line, struct console_hint *out)
{
    switch (smtp_track_state(t)) {
    case SMTP_STATE_DATA:
        buf_append_cstr(&out->info, slice_eq(line, SLICE_LIT("."))
                                        ? "ends the message (RFC 5321 section 4.1.1.4)"
                                        : "message: a line with a dot alone ends it");
        return true;
    case SMTP_STATE_AUTH:
        buf_append_cstr(
            &out->info,
            "base64 for the server's challenge; * gives up (RFC 4954 section 4). Hidden in "
            "the recording");
        return true;
    case SMTP_STATE_TLS:
        buf_append_cstr(&out->info, "TLS handshake");
        return true;
    case SMTP_STATE_REFUSED:
    case SMTP_STATE_QUIT:
        buf_append_cstr(&out->info, "the server is closing; only QUIT makes sense");
        return true;
    case SMTP_STATE_CONNECT:
    case SMTP_STATE_GREETED:
    case SMTP_STATE_READY:
    case SMTP_STATE_MAIL:
    case SMTP_STATE_RCPT:
    case SMTP_STATE_DOT:
    case SMTP_STATE_CLOSED:
    case SMTP_STATE__COUNT:
        break;
    }
    return false;
}

void console_hint_for(struct console *c, struct slice line, struct console_hint *out)
{
    buf_reset(&out->ghost);
    buf_reset(&out->lint);
    buf_reset(&out->info);
    const struct track *tracker = console_tracker(c);
    const struct smtp_track *t = track_smtp(tracker);
    if (line.len && line.ptr[0] == '/' && !slice_starts(line, SLICE_LIT("//"))) {
        hint_command(line, out);
        return;
    }
    if (tracker && !t) {
        tongue_hint(tracker, line, out);
        return;
    }
    if (!t) {
        buf_append_cstr(&out->info, c->now->connecting
                                        ? "connecting"
                                        : "/open TARGET connects · /reopen · /help · /quit");
        return;
    }
    if (special_state(t, line, out))
        return;
    struct smtp_command command;
    smtp_command_parse(line, &command);
    if (line.len == 0) {
        info_state(c, t, out);
        return;
    }
    if (command.verb == SMTP_VERB_UNKNOWN) {
        if (slice_find_octet(line, ' ') < 0)
            ghost_verb(t, line, out);
        info_state(c, t, out);
        return;
    }
    const struct smtp_verb_info *info = smtp_verb_info(command.verb);
    if (command.args.len == 0)
        buf_append_cstr(&out->ghost,
                        info->grammar + (line.ptr[line.len - 1] == ' ' && info->grammar[0] == ' '));
    hint_domain(&command, out);
    bool in_param = hint_param(&command, line, out);
    if (!in_param)
        buf_printf(&out->info, "%s · %s", info->help, info->rfc);
    /* The grammar is only broken when the line is sent; while a path is still open, nothing is
     * said. */
    bool path_open = slice_find_octet(line, '<') >= 0 && slice_find_octet(line, '>') < 0;
    bool just_verb = command.args.len == 0 && *info->grammar;
    if (in_param && value_begun(&command))
        command.rules &=
            ~(SMTP_RULE_BIT(SMTP_RULE_COMMAND_SYNTAX) | SMTP_RULE_BIT(SMTP_RULE_PARAM_SYNTAX));
    if (path_open || just_verb)
        command.rules &=
            ~(SMTP_RULE_BIT(SMTP_RULE_COMMAND_SYNTAX) | SMTP_RULE_BIT(SMTP_RULE_PATH_SYNTAX) |
              SMTP_RULE_BIT(SMTP_RULE_PATH_NO_BRACKETS));
    if (!just_verb || !smtp_verb_in_order(command.verb, smtp_track_state(t)))
        lint(t, &command, out);
}
