/* Client command lines, taken apart by one table: each verb has a shape of arguments.
 *
 *     mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF
 *     rcpt = "RCPT TO:" ( "<Postmaster>" / Forward-path ) [SP Rcpt-parameters] CRLF
 *     esmtp-param = esmtp-keyword ["=" esmtp-value]
 *
 * Blanks at the end of a line are let pass (RFC 5321 section 4.1.1).
 */
#include "smtp/command.h"

#include "smtp/param.h"
#include "smtp/smtp_private.h"
#include "smtp/tables.h"

#include <string.h>

#define BIT(name) SMTP_RULE_BIT(SMTP_RULE_##name)

typedef void (*shape_fn)(struct slice args, struct smtp_command *c);

/* ---- parameters ---- */

/* esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-") */
static bool keyword_valid(struct slice s)
{
    if (s.len == 0 || !smtp_is_alnum(s.ptr[0]))
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (!smtp_is_alnum(s.ptr[i]) && s.ptr[i] != '-')
            return false;
    return true;
}

/* esmtp-value = 1*(%d33-60 / %d62-126), and UTF-8 by RFC 6531 section 3.3 */
static bool value_valid(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] == '=' || s.ptr[i] == 0x7f)
            return false;
    return s.len > 0;
}

static void take_params(struct slice text, struct smtp_command *c)
{
    struct slice rest = slice_trim(text);
    c->params_text = rest;
    for (;;) {
        struct slice word = slice_next_word(&rest);
        if (word.len == 0)
            return;
        if (c->n_params == SMTP_COMMAND_PARAMS_MAX) {
            c->rules |= BIT(COMMAND_SYNTAX);
            return;
        }
        struct smtp_param *p = &c->params[c->n_params++];
        ptrdiff_t equals = slice_find_octet(word, '=');
        p->keyword = equals < 0 ? word : slice_take(word, (size_t)equals);
        p->value = equals < 0 ? slice_of(NULL, 0) : slice_skip(word, (size_t)equals + 1);
        if (!keyword_valid(p->keyword) || (equals >= 0 && !value_valid(p->value)))
            c->rules |= BIT(COMMAND_SYNTAX);
    }
}

/* ---- shapes ---- */

static void shape_none(struct slice args, struct smtp_command *c)
{
    if (args.len > 0)
        c->rules |= BIT(COMMAND_SYNTAX);
}

static void shape_any(struct slice args, struct smtp_command *c)
{
    (void)args;
    (void)c;
}

static void shape_text(struct slice args, struct smtp_command *c)
{
    if (args.len == 0)
        c->rules |= BIT(COMMAND_SYNTAX);
}

/* ehlo = "EHLO" SP ( Domain / address-literal ); helo = "HELO" SP Domain, and literals are in use.
 */
static void shape_domain(struct slice args, struct smtp_command *c)
{
    if (args.len == 0 || smtp_domain_rules(args) != 0)
        c->rules |= BIT(COMMAND_SYNTAX);
}

/* BDAT SP chunk-size [ SP "LAST" ] (RFC 3030 section 2) */
static void shape_bdat(struct slice args, struct smtp_command *c)
{
    struct slice size = slice_next_word(&args);
    struct slice last = slice_next_word(&args);
    uint64_t octets;
    if (!slice_to_u64(size, UINT64_MAX, &octets) || slice_trim(args).len > 0 ||
        (last.len > 0 && !slice_eq_nocase(last, SLICE_LIT("LAST"))))
        c->rules |= BIT(COMMAND_SYNTAX);
}

static void shape_attributes(struct slice args, struct smtp_command *c)
{
    shape_text(args, c);
    take_params(args, c);
}

/* "FROM:" or "TO:", then the path, then parameters. */
static void shape_path(struct slice args, struct smtp_command *c, struct slice word)
{
    if (!slice_starts_nocase(args, word)) {
        c->rules |= BIT(COMMAND_SYNTAX);
        return;
    }
    args = slice_skip(args, word.len);
    /* "FROM :<a@b>" is wrong and plain in what it means. */
    struct slice behind = slice_trim(args);
    if (behind.len == 0 || behind.ptr[0] != ':') {
        c->rules |= BIT(COMMAND_SYNTAX);
        return;
    }
    if (behind.ptr != args.ptr)
        c->rules |= BIT(COMMAND_SYNTAX);
    args = slice_skip(behind, 1);
    behind = slice_trim(args);
    if (behind.len > 0 && behind.ptr != args.ptr)
        c->rules |= BIT(PATH_SPACE_AFTER_COLON);
    size_t used;
    c->has_path = smtp_path_parse(behind, &c->path, &used);
    if (!c->has_path) {
        c->rules |= BIT(COMMAND_SYNTAX);
        return;
    }
    c->rules |= c->path.rules;
    struct slice rest = slice_skip(behind, used);
    if (rest.len > 0 && rest.ptr[0] != ' ')
        c->rules |= BIT(COMMAND_SYNTAX);
    smtp_rules before = c->rules & BIT(COMMAND_SYNTAX);
    c->rules &= ~before;
    take_params(rest, c);
    if (!(c->rules & BIT(COMMAND_SYNTAX))) /* a value that is none breaks that rule alone */
        c->rules |= smtp_params_rules(c);
    c->rules |= before;
}

static void shape_mail(struct slice args, struct smtp_command *c)
{
    shape_path(args, c, SLICE_LIT("FROM"));
    /* Reverse-path = Path / "<>": no exception for <Postmaster>. */
    if (c->has_path && !c->path.is_null && c->path.domain.len == 0)
        c->rules |= BIT(PATH_SYNTAX);
}

static void shape_rcpt(struct slice args, struct smtp_command *c)
{
    shape_path(args, c, SLICE_LIT("TO"));
    if (c->has_path && c->path.is_null)
        c->rules |= BIT(PATH_SYNTAX);
}

/* mechanism = 1*20(%x41-5A / DIGIT / "-" / "_") (RFC 4422 section 3.1); case is ignored */
static bool mechanism_valid(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!smtp_is_alnum(s.ptr[i]) && s.ptr[i] != '-' && s.ptr[i] != '_')
            return false;
    return s.len >= 1 && s.len <= 20;
}

/* base64 = base64-terminal / ( 1*(4base64-char) [base64-terminal] ) (RFC 4954 section 8). Looked at
 * in place: decoding would leave a secret behind. */
static bool base64_valid(struct slice s)
{
    size_t data = s.len;
    while (data > 0 && s.len - data < 2 && s.ptr[data - 1] == '=')
        data--;
    for (size_t i = 0; i < data; i++)
        if (!smtp_is_alnum(s.ptr[i]) && s.ptr[i] != '+' && s.ptr[i] != '/')
            return false;
    return s.len % 4 == 0 && data > 0;
}

/* AUTH SP sasl-mech [SP (initial-response / "=")] */
static void shape_auth(struct slice args, struct smtp_command *c)
{
    c->mechanism = slice_next_word(&args);
    c->initial = slice_next_word(&args);
    c->has_initial = c->initial.len > 0;
    if (!mechanism_valid(c->mechanism) || slice_trim(args).len > 0)
        c->rules |= BIT(COMMAND_SYNTAX);
    if (c->has_initial && !slice_eq(c->initial, SLICE_LIT("=")) && !base64_valid(c->initial))
        c->rules |= BIT(AUTH_BAD_BASE64);
}

/* A word of no verb in our table: known all the same where an extension of the registry brings it.
 */
static void shape_unknown(struct slice args, struct smtp_command *c)
{
    (void)args;
    const struct smtp_extension *e;
    for (size_t i = 0; (e = smtp_extension_at(i)) != NULL; i++) {
        struct slice verbs = slice_cstr(e->verbs);
        struct slice word = slice_next_word(&verbs);
        if (word.len > 0 && slice_eq_nocase(word, c->verb_text))
            return;
    }
    c->rules |= BIT(COMMAND_UNKNOWN);
}

/* NULL: never typed. */
static const shape_fn shapes[SMTP_VERB__COUNT] = {
    [SMTP_VERB_UNKNOWN] = shape_unknown, [SMTP_VERB_HELO] = shape_domain,
    [SMTP_VERB_EHLO] = shape_domain,     [SMTP_VERB_LHLO] = shape_domain,
    [SMTP_VERB_MAIL] = shape_mail,       [SMTP_VERB_RCPT] = shape_rcpt,
    [SMTP_VERB_DATA] = shape_none,       [SMTP_VERB_BDAT] = shape_bdat,
    [SMTP_VERB_RSET] = shape_none,       [SMTP_VERB_NOOP] = shape_any,
    [SMTP_VERB_VRFY] = shape_text,       [SMTP_VERB_EXPN] = shape_text,
    [SMTP_VERB_HELP] = shape_any,        [SMTP_VERB_QUIT] = shape_none,
    [SMTP_VERB_STARTTLS] = shape_none,   [SMTP_VERB_AUTH] = shape_auth,
    [SMTP_VERB_ETRN] = shape_text,       [SMTP_VERB_XCLIENT] = shape_attributes,
};

/* ---- the line ---- */

void smtp_command_parse(struct slice line, struct smtp_command *out)
{
    *out = (struct smtp_command){.line = line, .rules = smtp_line_octet_rules(line)};
    struct slice rest = line;
    out->verb_text = slice_next_word(&rest);
    out->args = slice_trim(rest);
    out->verb = smtp_verb_by_name(out->verb_text);
    if (out->verb_text.len > 0 && out->verb_text.ptr != line.ptr)
        out->rules |= BIT(COMMAND_SYNTAX);
    shapes[out->verb](out->args, out);
}

const struct smtp_param *smtp_command_param(const struct smtp_command *c, const char *keyword)
{
    for (size_t i = 0; i < c->n_params; i++)
        if (slice_eq_nocase(c->params[i].keyword, slice_cstr(keyword)))
            return &c->params[i];
    return NULL;
}
