/* Client commands of POP3. */
#include "pop3/command.h"

#include <string.h>

#define BIT(name) POP3_RULE_BIT(POP3_RULE_##name)

static pop3_rules octet_rules(struct slice line)
{
    pop3_rules rules = 0;
    for (size_t i = 0; i < line.len; i++) {
        uint8_t c = line.ptr[i];
        if (c >= ' ' && c < 0x7F)
            continue;
        rules |= c == '\r'  ? BIT(BARE_CR)
                 : c == 0   ? BIT(NUL)
                 : c > 0x7F ? BIT(EIGHT_BIT)
                            : BIT(CONTROL);
    }
    return rules;
}

/* Arguments are separated by one space each; more of them, or a blank at the end, is lax. */
static void take_args(struct pop3_command *c)
{
    struct slice rest = c->args;
    for (;;) {
        struct slice word = slice_next_word(&rest);
        if (word.len == 0)
            return;
        if (c->n_args == POP3_ARGS_MAX) {
            c->rules |= BIT(COMMAND_SYNTAX);
            return;
        }
        c->arg[c->n_args++] = word;
    }
}

static bool number_of(struct slice s, uint32_t *out)
{
    uint64_t value;
    bool ok = slice_to_u64(s, UINT32_MAX, &value);
    *out = ok ? (uint32_t)value : 0;
    return ok;
}

static void take_numbers(struct pop3_command *c)
{
    bool ok = true;
    switch (c->verb) {
    case POP3_VERB_TOP:
        if (c->n_args > 1)
            ok = number_of(c->arg[1], &c->lines);
        /* fall through */
    case POP3_VERB_LIST:
    case POP3_VERB_RETR:
    case POP3_VERB_DELE:
    case POP3_VERB_UIDL:
        if (c->n_args > 0)
            ok = number_of(c->arg[0], &c->message) && c->message > 0 && ok;
        break;
    case POP3_VERB_UNKNOWN:
    case POP3_VERB_USER:
    case POP3_VERB_PASS:
    case POP3_VERB_APOP:
    case POP3_VERB_AUTH:
    case POP3_VERB_STAT:
    case POP3_VERB_NOOP:
    case POP3_VERB_RSET:
    case POP3_VERB_CAPA:
    case POP3_VERB_STLS:
    case POP3_VERB_UTF8:
    case POP3_VERB_LANG:
    case POP3_VERB_QUIT:
    case POP3_VERB_CONNECT:
    case POP3_VERB_AUTH_DATA:
    case POP3_VERB__COUNT:
        break;
    }
    if (!ok)
        c->rules |= BIT(COMMAND_SYNTAX);
}

static size_t blanks_at_end(struct slice s)
{
    size_t n = 0;
    while (n < s.len && (s.ptr[s.len - 1 - n] == ' ' || s.ptr[s.len - 1 - n] == '\t'))
        n++;
    return n;
}

void pop3_command_parse(struct slice line, struct pop3_command *out)
{
    memset(out, 0, sizeof(*out));
    struct slice rest = line;
    out->line = line;
    out->rules = octet_rules(line);
    if (line.len + 2 > POP3_COMMAND_LINE_MAX_OCTETS)
        out->rules |= BIT(COMMAND_TOO_LONG);
    out->verb_text = slice_next_word(&rest);
    out->verb = pop3_verb_by_name(out->verb_text);
    size_t verb_end = out->verb_text.ptr
                          ? (size_t)(out->verb_text.ptr - line.ptr) + out->verb_text.len
                          : line.len;
    out->args = slice_skip(line, verb_end + 1);
    if (out->verb == POP3_VERB_UNKNOWN) {
        out->rules |= BIT(COMMAND_UNKNOWN);
        return;
    }
    if (out->verb_text.ptr != line.ptr)
        out->rules |= BIT(COMMAND_SYNTAX); /* blanks in front */
    if (out->verb == POP3_VERB_PASS) {
        if (out->args.len > 0)
            out->arg[out->n_args++] = out->args;
    } else {
        take_args(out);
        if (blanks_at_end(slice_skip(line, verb_end)) > 0)
            out->rules |= BIT(COMMAND_SYNTAX);
    }
    const struct pop3_verb_info *info = pop3_verb_info(out->verb);
    if (out->n_args < info->args_min || out->n_args > info->args_max)
        out->rules |= BIT(COMMAND_SYNTAX);
    take_numbers(out);
}

bool pop3_command_is_multi(const struct pop3_command *c)
{
    enum pop3_multi multi = pop3_verb_info(c->verb)->multi;
    return multi == POP3_MULTI_ALWAYS || (multi == POP3_MULTI_ALONE && c->n_args == 0);
}
