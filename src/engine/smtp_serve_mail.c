/* The mail transaction: MAIL, RCPT, DATA, the content and its end (RFC 5321 sections 3.3
 * and 4.1.1). */
#include "engine/smtp_serve_private.h"

#include "smtp/limits.h"

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
    else if (rules & BIT(PATH_NO_BRACKETS))
        serve_refuse(s, a, 501, "5.5.4", "The address must stand in angle brackets");
    else if (rules & BIT(PATH_SPACE_AFTER_COLON))
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

static bool has_twin(const struct smtp_command *c, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (slice_eq_nocase(c->params[i].keyword, c->params[index].keyword))
            return true;
    }
    return false;
}

/* One parameter of MAIL; true: refused. */
static bool refuse_param(struct smtp_serve *s, const struct smtp_param *p, struct smtp_answer *a)
{
    uint64_t size_max = s->options->size_max_octets, size = 0;
    if (slice_eq_nocase(p->keyword, SLICE_LIT("SIZE")) && size_max > 0) {
        if (!slice_to_u64(p->value, UINT64_MAX, &size))
            serve_refuse(s, a, 501, "5.5.4", "SIZE wants a number of octets");
        else if (size > size_max)
            serve_refuse(s, a, 552, "5.3.4", "The message is larger than the SIZE limit");
        else
            return false;
        return true;
    }
    if (slice_eq_nocase(p->keyword, SLICE_LIT("BODY"))) {
        if (slice_eq_nocase(p->value, SLICE_LIT("7BIT")) ||
            slice_eq_nocase(p->value, SLICE_LIT("8BITMIME")))
            return false;
        serve_refuse(s, a, 501, "5.5.4", "BODY is 7BIT or 8BITMIME");
        return true;
    }
    if (slice_eq_nocase(p->keyword, SLICE_LIT("SMTPUTF8")) && p->value.len == 0)
        return false;
    /* RFC 4954 section 5: the value is noted by nobody here, as for a client that is not trusted.
     */
    if (slice_eq_nocase(p->keyword, SLICE_LIT("AUTH")) && serve_auth_offered(s))
        return false;
    serve_refuse(s, a, 555, "5.5.4", "A parameter is not recognized or not implemented");
    return true;
}

void serve_mail(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    bool utf8 = smtp_command_param(c, "SMTPUTF8") != NULL;
    if (s->options->require_auth && !smtp_track_authenticated(s->track)) {
        serve_refuse(s, a, 530, "5.7.0", "Authentication required");
        return;
    }
    if (refuse_path(s, c, utf8, a))
        return;
    for (size_t i = 0; i < c->n_params; i++) {
        if (has_twin(c, i)) {
            serve_refuse(s, a, 501, "5.5.4", "A parameter stands twice");
            return;
        }
        if (refuse_param(s, &c->params[i], a))
            return;
    }
    s->utf8 = utf8;
    s->content_octets = 0;
    if (!s->policy->mail || !s->policy->mail(s->policy_ctx, c, a))
        smtp_answer_line(a, 250, "2.1.0", "Ok");
}

void serve_rcpt(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    if (refuse_path(s, c, s->utf8, a))
        return;
    if (c->n_params > 0) {
        serve_refuse(s, a, 555, "5.5.4", "A parameter is not recognized or not implemented");
        return;
    }
    if (s->options->recipients_max > 0 &&
        smtp_track_recipients(s->track) >= s->options->recipients_max) {
        serve_refuse(s, a, 452, "4.5.3", "Too many recipients");
        return;
    }
    if (!s->policy->rcpt || !s->policy->rcpt(s->policy_ctx, c, a))
        smtp_answer_line(a, 250, "2.1.5", "Ok");
}

void serve_data(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    (void)c;
    s->content_octets = 0;
    if (!s->policy->data || !s->policy->data(s->policy_ctx, a))
        smtp_answer_line(a, 354, NULL, "End data with <CR><LF>.<CR><LF>");
}

static bool over_size(const struct smtp_serve *s, uint64_t octets)
{
    return s->options->size_max_octets > 0 && octets > s->options->size_max_octets;
}

/* Nobody needs what is refused at the end: past the limit the policy sees no more of it. */
void serve_content(struct smtp_serve *s, const struct smtp_item *item)
{
    enum smtp_state state = smtp_track_state(s->track);
    if (state != SMTP_STATE_DATA && state != SMTP_STATE_DOT)
        return;
    s->content_octets += item->content.len;
    if (s->policy->content && item->content.len > 0 && !over_size(s, s->content_octets))
        s->policy->content(s->policy_ctx, item->content);
}

void serve_dot(struct smtp_serve *s, const struct smtp_item *item, struct smtp_answer *a)
{
    bool over = over_size(s, item->stats->content);
    size_t n = s->options->lmtp ? smtp_track_recipients(s->track) : 1;
    bool answered = s->policy->dot && s->policy->dot(s->policy_ctx, item->stats, over, a) && !over;
    s->utf8 = false;
    if (answered)
        return;
    buf_reset(&a->text);
    for (size_t i = 0; i < n; i++)
        smtp_answer_line(a, over ? 552 : 250, over ? "5.3.4" : "2.0.0", "%s",
                         over ? "The message is larger than the SIZE limit" : "Ok");
}
