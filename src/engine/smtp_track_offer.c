/* What the server offers and what the client declares, held against each other: rules that need
 * more than one line to be seen. Asked before a command is sent as well as after (smtp_track_lint).
 */
#include "engine/smtp_track_private.h"

#include "smtp/param.h"

#define BIT(name) SMTP_RULE_BIT(SMTP_RULE_##name)

/* ---- the offer ---- */

/* ehlo-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")  (RFC 5321 section 4.1.1.1); what stands
 * behind it is separated by one space. */
static bool keyword_reads(struct slice line)
{
    size_t n = 0;
    for (; n < line.len && line.ptr[n] != ' '; n++) {
        uint8_t c = line.ptr[n];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && !(n > 0 && c == '-'))
            return false;
    }
    return n > 0;
}

static const struct {
    const char *offered, *needs;
    enum smtp_rule rule;
    const char *note;
} contradictions[] = {
    {"BINARYMIME", "CHUNKING", SMTP_RULE_OFFER_CONTRADICTS,
     "BINARYMIME is of no use without CHUNKING (RFC 3030 section 3)."},
    {"SMTPUTF8", "8BITMIME", SMTP_RULE_OFFER_CONTRADICTS,
     "SMTPUTF8 may not be offered without 8BITMIME (RFC 6531 section 3.1)."},
};

void track_report_offer(struct smtp_track *t, const struct smtp_reply *r, uint64_t reply_seq)
{
    struct track_range all = {DIR_S, t->reply_at, r->text.len, reply_seq};
    bool bad_keyword = false;
    for (size_t i = 1; i < r->n_lines; i++) {
        struct slice line = smtp_reply_line_text(r, i);
        struct track_range where = {DIR_S, t->reply_at + r->lines[i].offset, r->lines[i].len,
                                    reply_seq};
        struct slice rest = line;
        struct slice keyword = slice_next_word(&rest);
        if (t->core.tls && slice_eq_nocase(keyword, SLICE_LIT("STARTTLS")))
            track_deviation(t, SMTP_RULE_STARTTLS_IN_TLS, &where, "%s",
                            smtp_rule_meaning(SMTP_RULE_STARTTLS_IN_TLS));
        if (!bad_keyword && !keyword_reads(line)) {
            bad_keyword = true; /* once a reply: a flood of lines is no flood of events */
            track_deviation(t, SMTP_RULE_OFFER_SYNTAX, &where, "%s",
                            smtp_rule_meaning(SMTP_RULE_OFFER_SYNTAX));
        }
    }
    for (size_t i = 0; i < sizeof(contradictions) / sizeof(*contradictions); i++)
        if (smtp_track_offers(t, contradictions[i].offered, NULL) &&
            !smtp_track_offers(t, contradictions[i].needs, NULL))
            track_deviation(t, contradictions[i].rule, &all, "%s", contradictions[i].note);
}

/* ---- LIMITS ---- */

/* "RCPTMAX=100" among the parameters of LIMITS. */
uint64_t smtp_track_limit(const struct smtp_track *t, const char *name)
{
    struct slice rest, word;
    uint64_t value;
    if (!smtp_track_offers(t, "LIMITS", &rest))
        return 0;
    while ((word = slice_next_word(&rest)).len > 0) {
        ptrdiff_t eq = slice_find_octet(word, '=');
        if (eq > 0 && slice_eq_nocase(slice_take(word, (size_t)eq), slice_cstr(name)) &&
            slice_to_u64(slice_skip(word, (size_t)eq + 1), UINT32_MAX, &value))
            return value;
    }
    return 0;
}

uint64_t smtp_track_mails(const struct smtp_track *t)
{
    return t->sent.mails;
}

uint64_t track_over_limit(const struct smtp_track *t, enum smtp_verb verb, const char **name_out)
{
    static const struct {
        enum smtp_verb verb;
        const char *name;
    } rows[] = {{SMTP_VERB_MAIL, "MAILMAX"}, {SMTP_VERB_RCPT, "RCPTMAX"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint64_t most = rows[i].verb == verb ? smtp_track_limit(t, rows[i].name) : 0;
        uint64_t sent = verb == SMTP_VERB_MAIL ? t->sent.mails : t->sent.rcpts;
        if (most == 0 || sent < most)
            continue;
        *name_out = rows[i].name;
        return most;
    }
    return 0;
}

/* ---- what was declared ---- */

static const struct smtp_param *param(const struct smtp_command *c, const char *keyword)
{
    return c->n_params > 0 ? smtp_command_param(c, keyword) : NULL;
}

static bool size_over(const struct smtp_track *t, const struct smtp_command *c)
{
    const struct smtp_param *size = param(c, "SIZE");
    uint64_t octets;
    return size && t->size_max > 0 && slice_to_u64(size->value, UINT64_MAX, &octets) &&
           octets > t->size_max;
}

smtp_rules track_declared_rules(const struct smtp_track *t, const struct smtp_command *c)
{
    const char *name;
    smtp_rules rules = 0;
    if (c->verb == SMTP_VERB_MAIL) {
        if (size_over(t, c))
            rules |= BIT(SIZE_OVER_OFFER);
        if (t->offers_utf8 && c->path.utf8 && !param(c, "SMTPUTF8"))
            rules |= BIT(UTF8_UNDECLARED);
    } else if (c->verb == SMTP_VERB_RCPT) {
        if (t->offers_utf8 && c->path.utf8 && !t->sent.utf8)
            rules |= BIT(UTF8_UNDECLARED);
    } else if (c->verb == SMTP_VERB_DATA) {
        if (t->sent.binary)
            rules |= BIT(BINARY_NEEDS_BDAT);
        if (t->sent.bdat)
            rules |= BIT(DATA_AFTER_BDAT);
    }
    if (track_over_limit(t, c->verb, &name) > 0)
        rules |= BIT(OVER_LIMITS);
    return rules;
}

void track_declare(struct smtp_track *t, const struct smtp_command *c)
{
    const struct smtp_param *body = param(c, "BODY");
    switch ((unsigned)c->verb) {
    case SMTP_VERB_MAIL:
        t->sent.mails++;
        t->sent.rcpts = 0;
        t->sent.utf8 = param(c, "SMTPUTF8") != NULL;
        t->sent.binary = body && slice_eq_nocase(body->value, SLICE_LIT("BINARYMIME"));
        t->sent.bdat = false;
        break;
    case SMTP_VERB_RCPT:
        t->sent.rcpts++;
        break;
    case SMTP_VERB_BDAT:
        t->sent.bdat = true;
        break;
    case SMTP_VERB_RSET:
    case SMTP_VERB_EHLO:
    case SMTP_VERB_HELO:
    case SMTP_VERB_LHLO:
        t->sent.bdat = t->sent.binary = t->sent.utf8 = false;
        t->sent.rcpts = 0;
        break;
    default:
        break;
    }
}
