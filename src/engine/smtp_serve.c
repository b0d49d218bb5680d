/* The serving role: one command in, one reply out. Order is the table's (smtp_serve_table.c),
 * syntax and limits stand here and in the handlers, the world behind is the policy's. */
#include "engine/smtp_serve_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "smtp/limits.h"

#define BIT(name) SMTP_RULE_BIT(SMTP_RULE_##name)

enum { ANSWER_CAP_OCTETS = 65536 };

/* ---- answers ---- */

void smtp_answer_init(struct smtp_answer *a)
{
    memset(a, 0, sizeof(*a));
    buf_init(&a->text, ANSWER_CAP_OCTETS);
}

void smtp_answer_deinit(struct smtp_answer *a)
{
    buf_deinit(&a->text);
}

/* "code[-| ][enhanced ]text", cut at the length of a line; what would break it becomes "?". */
__attribute__((format(printf, 5, 0))) static void answer_line(struct smtp_answer *a, unsigned code,
                                                              char separator, const char *enhanced,
                                                              const char *fmt, va_list ap)
{
    char line[SMTP_REPLY_LINE_MAX_OCTETS - 1]; /* room for CRLF behind, and its own NUL */
    bool has_enhanced = enhanced && *enhanced;
    int head = snprintf(line, sizeof(line), "%u%c%s%s", code, separator,
                        has_enhanced ? enhanced : "", has_enhanced ? " " : "");
    size_t at = (size_t)head < sizeof(line) ? (size_t)head : sizeof(line) - 1;
    int n = vsnprintf(line + at, sizeof(line) - at, fmt, ap);
    size_t len = n > 0 ? at + (size_t)n : at;
    if (len > sizeof(line) - 1)
        len = sizeof(line) - 1;
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\r' || line[i] == '\n' || line[i] == '\0')
            line[i] = '?';
    }
    buf_append(&a->text, slice_of(line, len));
    buf_append(&a->text, SLICE_LIT("\r\n"));
}

void smtp_answer_line(struct smtp_answer *a, unsigned code, const char *enhanced, const char *fmt,
                      ...)
{
    va_list ap;
    va_start(ap, fmt);
    answer_line(a, code, ' ', enhanced, fmt, ap);
    va_end(ap);
}

void smtp_answer_more(struct smtp_answer *a, unsigned code, const char *enhanced, const char *fmt,
                      ...)
{
    va_list ap;
    va_start(ap, fmt);
    answer_line(a, code, '-', enhanced, fmt, ap);
    va_end(ap);
}

void serve_count_error(struct smtp_serve *s, struct smtp_answer *a)
{
    if (s->options->errors_max == 0 || ++s->errors <= s->options->errors_max)
        return;
    buf_reset(&a->text);
    smtp_answer_line(a, 421, "4.7.0", "%s Too many errors, closing", s->options->name);
    a->then = SMTP_THEN_CLOSE;
}

void serve_refuse(struct smtp_serve *s, struct smtp_answer *a, unsigned code, const char *enhanced,
                  const char *text)
{
    smtp_answer_line(a, code, enhanced, "%s", text);
    serve_count_error(s, a);
}

/* ---- life ---- */

struct smtp_serve *smtp_serve_new(struct journal *j, uint32_t conn, struct smtp_track *track,
                                  const struct smtp_serve_options *options,
                                  const struct smtp_policy *policy, void *policy_ctx)
{
    static const struct smtp_policy no_policy;
    struct smtp_serve *s = mem_zalloc(sizeof(*s));
    s->journal = j;
    s->conn = conn;
    s->track = track;
    s->options = options;
    s->policy = policy ? policy : &no_policy;
    s->policy_ctx = policy_ctx;
    s->offered = serve_offer_set(options);
    return s;
}

void smtp_serve_free(struct smtp_serve **s)
{
    if (!*s)
        return;
    auth_server_forget(&(*s)->auth);
    serve_chunk_forget(*s);
    mem_free((*s)->user);
    mem_free(*s);
    *s = NULL;
}

const char *smtp_serve_user(const struct smtp_serve *s)
{
    return s->user;
}

void serve_transaction_void(struct smtp_serve *s)
{
    s->utf8 = s->binary = s->chunking = false;
    if (!serve_chunk_awaited(s))
        serve_chunk_forget(s);
    s->content_octets = 0;
    if (s->policy->reset)
        s->policy->reset(s->policy_ctx);
}

void smtp_serve_banner(struct smtp_serve *s, struct smtp_answer *a)
{
    const struct smtp_serve_options *o = s->options;
    if (s->policy->banner && s->policy->banner(s->policy_ctx, a))
        return;
    if (o->banner_text)
        smtp_answer_line(a, 220, NULL, "%s %s", o->name, o->banner_text);
    else
        smtp_answer_line(a, 220, NULL, "%s %s smtpscope practice server", o->name,
                         o->lmtp ? "LMTP" : "ESMTP");
}

void smtp_serve_tls_up(struct smtp_serve *s)
{
    auth_server_forget(&s->auth);
    mem_free(s->user);
    s->user = NULL;
    serve_transaction_void(s);
}

void smtp_serve_timeout(struct smtp_serve *s, struct smtp_answer *a)
{
    smtp_answer_line(a, 421, "4.4.2", "%s Nothing came for too long, closing", s->options->name);
    a->then = SMTP_THEN_CLOSE;
}

/* ---- handlers ---- */

static void serve_hello(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    bool lhlo = c->verb == SMTP_VERB_LHLO;
    if (lhlo != s->options->lmtp) {
        serve_refuse(s, a, 500, "5.5.1",
                     lhlo ? "This is SMTP: say EHLO" : "This is LMTP: say LHLO");
        return;
    }
    if (slice_trim(c->args).len == 0) {
        serve_refuse(s, a, 501, "5.5.4", "Your name is missing behind the command");
        return;
    }
    if (s->policy->hello && s->policy->hello(s->policy_ctx, c, a))
        return;
    serve_transaction_void(s);
    if (c->verb == SMTP_VERB_HELO)
        smtp_answer_line(a, 250, NULL, "%s", s->options->name);
    else
        serve_offer_all(s, a);
}

static void serve_rset(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    (void)c;
    serve_transaction_void(s);
    smtp_answer_line(a, 250, "2.0.0", "Ok");
}

static void serve_noop(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    (void)s;
    (void)c;
    smtp_answer_line(a, 250, "2.0.0", "Ok");
}

static void serve_quit(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    (void)c;
    smtp_answer_line(a, 221, "2.0.0", "%s Bye", s->options->name);
    a->then = SMTP_THEN_CLOSE;
}

static void serve_starttls(struct smtp_serve *s, const struct smtp_command *c,
                           struct smtp_answer *a)
{
    (void)c;
    if (s->options->offer_starttls && smtp_track_tls(s->track)) {
        serve_refuse(s, a, 503, "5.5.1", "TLS is on already");
    } else if (!s->options->offer_starttls || !(s->offered >> SMTP_EXT_STARTTLS & 1)) {
        serve_refuse(s, a, 502, "5.5.1", "STARTTLS is not offered here");
    } else {
        smtp_answer_line(a, 220, "2.0.0", "Ready to start TLS");
        a->then = SMTP_THEN_TLS;
    }
}

static void serve_unknown(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    (void)c;
    serve_refuse(s, a, 500, "5.5.2", "Command not recognized; HELP lists those that are");
}

typedef void (*serve_fn)(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a);

static const struct {
    serve_fn run;
    bool no_args;    /* 501 where something stands behind the verb */
    bool before_tls; /* allowed where TLS is required and not on yet (RFC 3207 section 4) */
} handlers[SMTP_VERB__COUNT] = {
    [SMTP_VERB_UNKNOWN] = {serve_unknown, false, false},
    [SMTP_VERB_HELO] = {serve_hello, false, false},
    [SMTP_VERB_EHLO] = {serve_hello, false, true},
    [SMTP_VERB_LHLO] = {serve_hello, false, true},
    [SMTP_VERB_MAIL] = {serve_mail, false, false},
    [SMTP_VERB_RCPT] = {serve_rcpt, false, false},
    [SMTP_VERB_DATA] = {serve_data, true, false},
    [SMTP_VERB_BDAT] = {NULL, false, false},
    [SMTP_VERB_RSET] = {serve_rset, true, false},
    [SMTP_VERB_NOOP] = {serve_noop, false, true},
    [SMTP_VERB_VRFY] = {serve_vrfy, false, false},
    [SMTP_VERB_EXPN] = {serve_expn, false, false},
    [SMTP_VERB_HELP] = {serve_help, false, false},
    [SMTP_VERB_QUIT] = {serve_quit, true, true},
    [SMTP_VERB_STARTTLS] = {serve_starttls, true, true},
    [SMTP_VERB_AUTH] = {serve_auth, false, false},
    [SMTP_VERB_ETRN] = {serve_etrn, false, false},
    [SMTP_VERB_XCLIENT] = {serve_xclient, false, false},
};

/* What the table says where the handler has no say. */
static const struct {
    unsigned code;
    const char *enhanced, *text;
} refusals[SERVE__COUNT] = {
    [SERVE_GREETING] = {503, "5.5.1", "Wait for the greeting"},
    [SERVE_NEED_HELLO] = {503, "5.5.1", "Say EHLO or HELO first"},
    [SERVE_NEED_MAIL] = {503, "5.5.1", "Say MAIL first"},
    [SERVE_NEED_RCPT] = {554, "5.5.1", "No valid recipients"},
    [SERVE_NESTED] = {503, "5.5.1", "Not inside a mail transaction"},
    [SERVE_BUSY] = {503, "5.5.1", "Not now: something else is under way"},
    [SERVE_REFUSED] = {503, "5.5.1", "No service here; QUIT is all that is left"},
};

smtp_rules serve_line_rules(const struct smtp_serve *s, const struct smtp_command *c)
{
    static const struct {
        enum smtp_relax relax;
        smtp_rules rules;
    } rows[] = {
        {SMTP_RELAX_LINE_BARE_LF, BIT(LINE_BARE_LF)},
        {SMTP_RELAX_LINE_BARE_CR, BIT(LINE_BARE_CR)},
        {SMTP_RELAX_LINE_NUL, BIT(LINE_NUL)},
    };
    smtp_rules judged = BIT(COMMAND_TOO_LONG) | BIT(LINE_CAP);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!serve_relaxed(s, rows[i].relax))
            judged |= rows[i].rules;
    return c->rules & judged;
}

/* What is wrong with the line as a line; true: answered.
 * A bare line feed is refused although its meaning is clear: a server that takes it beside CRLF
 * disagrees with its neighbours on where a line ends, and messages have been smuggled through that
 * gap. */
static bool refuse_line(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    smtp_rules rules = serve_line_rules(s, c);
    if (rules & (BIT(COMMAND_TOO_LONG) | BIT(LINE_CAP)))
        serve_refuse(s, a, 500, "5.5.6", "Line too long");
    else if (rules & BIT(LINE_BARE_LF))
        serve_refuse(s, a, 500, "5.5.2",
                     "Line ends with a bare line feed; only CR LF ends a line, for both sides to "
                     "agree where it ends");
    else if (rules & (BIT(LINE_NUL) | BIT(LINE_BARE_CR)))
        serve_refuse(s, a, 500, "5.5.2", "NUL or bare carriage return in a command");
    else
        return false;
    return true;
}

static void serve_command(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    enum smtp_state state = smtp_track_state(s->track);
    enum smtp_serve_cell cell = smtp_serve_table(c->verb, state);
    if (cell == SERVE_SILENT)
        return;
    /* A chunk's octets follow whatever is said of its command. */
    if (c->verb == SMTP_VERB_BDAT) {
        serve_bdat(s, c, cell, a);
        return;
    }
    if (refuse_line(s, c, a))
        return;
    if (s->policy->other && s->policy->other(s->policy_ctx, c, a))
        return;
    if (s->options->require_tls && !smtp_track_tls(s->track) && !handlers[c->verb].before_tls) {
        serve_refuse(s, a, 530, "5.7.0", "Must issue a STARTTLS command first");
        return;
    }
    /* RFC 2033 section 4.2: LMTP says 503 where SMTP may say 554. */
    unsigned code = refusals[cell].code;
    if (cell == SERVE_NEED_RCPT && s->options->lmtp)
        code = 503;
    if (cell != SERVE_DO)
        serve_refuse(s, a, code, refusals[cell].enhanced, refusals[cell].text);
    else if (handlers[c->verb].no_args && slice_trim(c->args).len > 0)
        serve_refuse(s, a, 501, "5.5.4", "Nothing may stand behind this command");
    else
        handlers[c->verb].run(s, c, a);
}

void smtp_serve_item(struct smtp_serve *s, const struct smtp_item *item, struct smtp_answer *a)
{
    switch (item->kind) {
    case SMTP_ITEM_COMMAND:
        serve_command(s, item->command, a);
        break;
    case SMTP_ITEM_AUTH_DATA:
        if (smtp_serve_table(SMTP_VERB_AUTH_DATA, smtp_track_state(s->track)) == SERVE_DO)
            serve_auth_data(s, item->line, a);
        break;
    case SMTP_ITEM_CONTENT:
    case SMTP_ITEM_CONTENT_END:
        if (serve_chunk_awaited(s)) {
            serve_chunk(s, item, a);
            break;
        }
        serve_content(s, item);
        if (item->kind == SMTP_ITEM_CONTENT)
            break;
        if (smtp_serve_table(SMTP_VERB_DOT, smtp_track_state(s->track)) == SERVE_DO)
            serve_dot(s, item->stats, a);
        break;
    case SMTP_ITEM_NONE:
    case SMTP_ITEM_REPLY:
    case SMTP_ITEM_VOID:
        break;
    }
}
