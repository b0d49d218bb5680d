/* The envelope: MAIL and RCPT with their paths and parameters (RFC 5321 sections 3.3 and 4.1.1). */
#include "engine/smtp_serve_private.h"

#include "smtp/param.h"

#define BIT(name) SMTP_RULE_BIT(SMTP_RULE_##name)

/* The path of MAIL or RCPT; true: refused. Other servers bear missing brackets or a space before
 * the path; a practice server says what the grammar says. */
static bool refuse_path(struct smtp_serve *s, const struct smtp_command *c, bool utf8,
                        struct smtp_answer *a)
{
    bool mail = c->verb == SMTP_VERB_MAIL;
    const struct smtp_path *p = &c->path;
    smtp_rules rules = c->has_path ? c->rules | p->rules : c->rules;
    if (!c->has_path)
        serve_refuse(s, a, 501, "5.5.4",
                     mail ? "Syntax: MAIL FROM:<address>" : "Syntax: RCPT TO:<address>");
    else if (rules & BIT(PATH_NO_BRACKETS) && !serve_relaxed(s, SMTP_RELAX_PATH_BRACKETS))
        serve_refuse(s, a, 501, "5.5.4", "The address must stand in angle brackets");
    else if (rules & BIT(PATH_SPACE_AFTER_COLON) && !serve_relaxed(s, SMTP_RELAX_PATH_SPACE))
        serve_refuse(s, a, 501, "5.5.4", "No space may stand between the colon and the address");
    else if (p->utf8 && !utf8)
        serve_refuse(s, a, 553, "5.6.7", "Octets above 127 in an address need SMTPUTF8 with MAIL");
    else if (rules & (BIT(PATH_SYNTAX) | BIT(PATH_TOO_LONG)))
        serve_refuse(s, a, 501, mail ? "5.1.7" : "5.1.3",
                     rules & BIT(PATH_TOO_LONG) ? "The address is too long"
                                                : "The address is not well-formed");
    else if (!mail && p->is_null)
        serve_refuse(s, a, 501, "5.1.3", "The null path is no recipient");
    else if (rules & BIT(COMMAND_SYNTAX))
        serve_refuse(s, a, 501, "5.5.4", "The command is not written as its grammar asks");
    else
        return false;
    return true;
}

/* ---- parameters: syntax and which extension brings one stand in the smtp module's table ---- */

static bool by_seconds(struct slice value, int64_t *seconds_out)
{
    bool negative = value.len > 0 && value.ptr[0] == '-';
    ptrdiff_t end = slice_find_octet(value, ';');
    struct slice digits = slice_take(value, end < 0 ? value.len : (size_t)end);
    uint64_t seconds = 0;
    if (digits.len > 0 && (negative || digits.ptr[0] == '+'))
        digits = slice_skip(digits, 1);
    bool good = slice_to_u64(digits, INT32_MAX, &seconds);
    *seconds_out = negative ? -(int64_t)seconds : (int64_t)seconds;
    return good;
}

static const char *limit_size(const struct smtp_serve *s, struct slice value)
{
    uint64_t size = 0, max = s->options->size_max_octets;
    bool number = slice_to_u64(value, UINT64_MAX, &size);
    return max > 0 && (!number || size > max) ? "The message is larger than the SIZE limit" : NULL;
}

/* RFC 2852 section 4.1.4: with by-mode R a time below the least one is refused. */
static const char *limit_by(const struct smtp_serve *s, struct slice value)
{
    int64_t seconds;
    bool returns = slice_find_octet(value, 'R') >= 0 || slice_find_octet(value, 'r') >= 0;
    return returns && by_seconds(value, &seconds) && seconds < s->options->deliver_by_min_s
               ? "It cannot be delivered in so short a time"
               : NULL;
}

static const char *limit_hold_for(const struct smtp_serve *s, struct slice value)
{
    uint64_t seconds = 0;
    return !slice_to_u64(value, UINT64_MAX, &seconds) || seconds > serve_hold_max_s(s)
               ? "No message is held for so long"
               : NULL;
}

static const char *limit_hold_until(const struct smtp_serve *s, struct slice value)
{
    const struct clock *clock = journal_clock(s->journal);
    int64_t until_s, now_s = clock->wall_us(clock->ctx) / 1000000;
    if (!smtp_date_time_read(value, &until_s))
        return "HOLDUNTIL wants a date and time that exist";
    return until_s > now_s + (int64_t)serve_hold_max_s(s) ? "No message is held for so long" : NULL;
}

/* Parameters with a limit beyond their syntax, and how going over it is refused. */
static const struct {
    const char *keyword;
    const char *(*breach)(const struct smtp_serve *s, struct slice value);
    unsigned code;
    const char *enhanced;
} limits[] = {
    {"SIZE", limit_size, 552, "5.3.4"},
    {"BY", limit_by, 554, "5.4.7"},
    {"HOLDFOR", limit_hold_for, 501, "5.5.4"},
    {"HOLDUNTIL", limit_hold_until, 501, "5.5.4"},
};

static bool over_limit(struct smtp_serve *s, const struct smtp_param *p, struct smtp_answer *a)
{
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        if (!slice_eq_nocase(p->keyword, slice_cstr(limits[i].keyword)))
            continue;
        const char *text = limits[i].breach(s, p->value);
        if (text)
            serve_refuse(s, a, limits[i].code, limits[i].enhanced, text);
        return text != NULL;
    }
    return false;
}

/* Is the extension that brings this parameter offered? */
static bool param_offered(const struct smtp_serve *s, enum smtp_verb verb,
                          const struct smtp_param *p)
{
    const char *keyword = smtp_param_extension(verb, p);
    enum smtp_ext ext = keyword ? serve_ext_by_keyword(slice_cstr(keyword)) : SMTP_EXT_OTHER;
    return ext != SMTP_EXT_OTHER && serve_offers(s, ext);
}

static bool has_twin(const struct smtp_command *c, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (slice_eq_nocase(c->params[i].keyword, c->params[index].keyword))
            return true;
    }
    return false;
}

/* True: answered. */
static bool refuse_params(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    for (size_t i = 0; i < c->n_params; i++) {
        const struct smtp_param *p = &c->params[i];
        const struct smtp_param_info *info = smtp_param_find(c->verb, p->keyword);
        if (has_twin(c, i)) {
            serve_refuse(s, a, 501, "5.5.4", "A parameter stands twice");
            return true;
        }
        if (!info || !param_offered(s, c->verb, p)) {
            if (serve_relaxed(s, SMTP_RELAX_PARAMS))
                continue;
            serve_refuse(s, a, 555, "5.5.4", "A parameter is not recognized or not implemented");
            return true;
        }
        if (!smtp_param_valid(info, p)) {
            smtp_answer_line(a, 501, "5.5.4", "%s wants %s (%s)", info->name,
                             info->value[0] ? info->value : "no value", info->rfc);
            serve_count_error(s, a);
            return true;
        }
        if (over_limit(s, p, a))
            return true;
    }
    return false;
}

/* Parameters that exclude or need each other; NULL: none does. */
static const char *param_conflict(const struct smtp_command *c)
{
    if (smtp_command_param(c, "HOLDFOR") && smtp_command_param(c, "HOLDUNTIL"))
        return "HOLDFOR and HOLDUNTIL exclude each other";
    return NULL;
}

/* ---- the commands ---- */

void serve_mail(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    const struct smtp_param *body = smtp_command_param(c, "BODY");
    bool utf8 = smtp_command_param(c, "SMTPUTF8") && serve_offers(s, SMTP_EXT_SMTPUTF8);
    if (s->options->require_auth && !s->user) {
        serve_refuse(s, a, 530, "5.7.0", "Authentication required");
        return;
    }
    if (refuse_path(s, c, utf8, a) || refuse_params(s, c, a))
        return;
    const char *conflict = param_conflict(c);
    if (conflict) {
        serve_refuse(s, a, 501, "5.5.4", conflict);
        return;
    }
    /* RFC 9422 section 4.1 */
    if (s->options->messages_max > 0 && s->messages >= s->options->messages_max) {
        serve_refuse(s, a, 452, "4.5.3", "Too many messages in one session");
        return;
    }
    s->utf8 = utf8;
    s->binary = body && slice_eq_nocase(body->value, SLICE_LIT("BINARYMIME"));
    s->chunking = false;
    s->content_octets = 0;
    if (!s->policy->mail || !s->policy->mail(s->policy_ctx, c, a))
        smtp_answer_line(a, 250, "2.1.0", "Ok");
    if (a->text.len > 0 && a->text.ptr[0] == '2')
        s->messages++;
}

void serve_rcpt(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    if (s->chunking) { /* RFC 3030 section 2 */
        serve_refuse(s, a, 503, "5.5.1", "The content has begun: no more recipients");
        return;
    }
    if (refuse_path(s, c, s->utf8, a) || refuse_params(s, c, a))
        return;
    if (s->options->recipients_max > 0 &&
        smtp_track_recipients(s->track) >= s->options->recipients_max) {
        serve_refuse(s, a, 452, "4.5.3", "Too many recipients");
        return;
    }
    if (!s->policy->rcpt || !s->policy->rcpt(s->policy_ctx, c, a))
        smtp_answer_line(a, 250, "2.1.5", "Ok");
}
