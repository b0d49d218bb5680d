/* Commands beside the mail transaction: VRFY, EXPN, HELP (RFC 5321 section 3.5), ETRN (RFC 1985),
 * XCLIENT. */
#include "engine/smtp_serve_private.h"

#include "base/mem.h"
#include "smtp/param.h"

#define VERB_BIT(name) (1u << SMTP_VERB_##name)

/* RFC 6531 section 3.7.4.2: "VRFY user SMTPUTF8", and octets above 127 need it. */
static bool utf8_allowed(const struct smtp_serve *s, struct slice args)
{
    struct slice word = slice_next_word(&args);
    while (args.len > 0)
        word = slice_next_word(&args);
    return serve_offers(s, SMTP_EXT_SMTPUTF8) && slice_eq_nocase(word, SLICE_LIT("SMTPUTF8"));
}

static bool has_8bit(struct slice args)
{
    for (size_t i = 0; i < args.len; i++)
        if (args.ptr[i] > 0x7f)
            return true;
    return false;
}

/* What both questions share; true: answered. */
static bool refuse_question(struct smtp_serve *s, const struct smtp_command *c,
                            struct smtp_answer *a)
{
    if (c->args.len == 0)
        serve_refuse(s, a, 501, "5.5.4", "A name or an address is missing behind the command");
    else if (has_8bit(c->args) && !utf8_allowed(s, c->args))
        serve_refuse(s, a, 550, "5.6.7", "Octets above 127 need SMTPUTF8 behind the name");
    else
        return false;
    return true;
}

void serve_vrfy(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    if (refuse_question(s, c, a))
        return;
    if (!s->policy->vrfy || !s->policy->vrfy(s->policy_ctx, c, a))
        smtp_answer_line(a, 252, "2.0.0", "Not verified; send to it and see");
}

void serve_expn(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    if (refuse_question(s, c, a))
        return;
    if (!s->policy->expn || !s->policy->expn(s->policy_ctx, c, a))
        smtp_answer_line(a, 550, "5.1.1", "There is no list of that name");
}

/* RFC 1985 section 5.2: a node is a domain, "@" in front means its subdomains too, "#" a queue. */
void serve_etrn(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    struct slice node = c->args;
    if (!serve_offers(s, SMTP_EXT_ETRN)) {
        serve_refuse(s, a, 502, "5.5.1", "ETRN is not offered here");
        return;
    }
    struct slice rest = node;
    struct slice first = slice_next_word(&rest);
    if (first.len == 0 || slice_trim(rest).len > 0 ||
        (first.len == 1 && (first.ptr[0] == '@' || first.ptr[0] == '#'))) {
        serve_refuse(s, a, 501, "5.5.4", "Syntax: ETRN [@]domain, or ETRN #queue");
        return;
    }
    if (!s->policy->etrn || !s->policy->etrn(s->policy_ctx, c, a))
        smtp_answer_line(a, 251, "2.0.0", "Ok, no messages are waiting for that node");
}

/* ---- HELP ---- */

static bool is_served(const struct smtp_serve *s, enum smtp_verb verb)
{
    static const uint32_t extra =
        VERB_BIT(STARTTLS) | VERB_BIT(AUTH) | VERB_BIT(BDAT) | VERB_BIT(ETRN) | VERB_BIT(XCLIENT);
    const struct smtp_verb_info *info = smtp_verb_info(verb);
    if (!info->typed || verb == SMTP_VERB_UNKNOWN)
        return false;
    if (s->options->lmtp ? verb == SMTP_VERB_HELO || verb == SMTP_VERB_EHLO
                         : verb == SMTP_VERB_LHLO)
        return false;
    return !(extra >> verb & 1) || !info->extension ||
           serve_offers(s, serve_ext_by_keyword(slice_cstr(info->extension)));
}

static void help_all(const struct smtp_serve *s, struct smtp_answer *a)
{
    struct buf names;
    buf_init(&names, 400);
    for (unsigned i = 0; i < SMTP_VERB__COUNT; i++)
        if (is_served(s, (enum smtp_verb)i))
            buf_printf(&names, " %s", smtp_verb_name((enum smtp_verb)i));
    smtp_answer_more(a, 214, "2.0.0", "Commands:%s", buf_cstr(&names));
    smtp_answer_line(a, 214, "2.0.0", "HELP and a command tells more");
    buf_deinit(&names);
}

void serve_help(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    struct slice rest = c->args;
    enum smtp_verb verb = smtp_verb_by_name(slice_next_word(&rest));
    if (c->args.len == 0) {
        help_all(s, a);
    } else if (verb == SMTP_VERB_UNKNOWN || !is_served(s, verb)) {
        smtp_answer_line(a, 504, "5.5.4", "No help on that; HELP alone lists the commands");
    } else {
        const struct smtp_verb_info *info = smtp_verb_info(verb);
        smtp_answer_more(a, 214, "2.0.0", "%s%s", info->name, info->grammar);
        smtp_answer_line(a, 214, "2.0.0", "%s (%s)", info->help, info->rfc);
    }
}

/* ---- XCLIENT ---- */

/* What the proxy said of the login holds as if AUTH had succeeded. */
static void take_login(struct smtp_serve *s, const char *login)
{
    if (!login)
        return;
    mem_free(s->user);
    s->user = login[0] ? mem_strdup(login) : NULL;
    if (s->user && s->policy->authenticated)
        s->policy->authenticated(s->policy_ctx, s->user);
}

void serve_xclient(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    struct smtp_xclient x;
    struct slice wrong;
    enum smtp_state state = smtp_track_state(s->track);
    if (!serve_offers(s, SMTP_EXT_XCLIENT)) {
        serve_refuse(s, a, 550, "5.7.0", "XCLIENT is not believed here");
    } else if (state == SMTP_STATE_MAIL || state == SMTP_STATE_RCPT) {
        serve_refuse(s, a, 503, "5.5.1", "Not inside a mail transaction");
    } else if (!smtp_xclient_parse(c, &x, &wrong)) {
        smtp_answer_line(a, 501, "5.5.4", "XCLIENT %.*s: not an attribute with its value",
                         SLICE_ARG(slice_take(wrong, 32)));
        serve_count_error(s, a);
    } else {
        serve_transaction_void(s);
        take_login(s, x.value[SMTP_XCLIENT_LOGIN]);
        if (s->policy->xclient)
            s->policy->xclient(s->policy_ctx, &x);
        smtp_serve_banner(s, a);
    }
}
