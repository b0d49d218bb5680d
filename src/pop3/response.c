/* Responses of POP3. */
#include "pop3/response.h"

#include <string.h>

#include "base/mem.h"

#define BIT(name) POP3_RULE_BIT(POP3_RULE_##name)

static const char *const statuses[] = {
    [POP3_STATUS_NONE] = "",
    [POP3_STATUS_OK] = "+OK",
    [POP3_STATUS_ERR] = "-ERR",
    [POP3_STATUS_CONTINUE] = "+",
};

const char *pop3_status_name(enum pop3_status status)
{
    BUG_IF((unsigned)status >= sizeof(statuses) / sizeof(statuses[0]));
    return statuses[status];
}

/* resp-level = 1*( any printable but "]" "/" ), levels separated by "/" (RFC 2449 section 8). */
static bool code_is_valid(struct slice code)
{
    bool in_level = false;
    for (size_t i = 0; i < code.len; i++) {
        uint8_t c = code.ptr[i];
        if (c == '/' && !in_level)
            return false;
        if (c < 0x21 || c > 0x7E)
            return false;
        in_level = c != '/';
    }
    return in_level;
}

static void take_code(struct pop3_response *r)
{
    if (r->text.len == 0 || r->text.ptr[0] != '[' || r->status != POP3_STATUS_ERR)
        return;
    ptrdiff_t end = slice_find_octet(r->text, ']');
    struct slice code = end > 0 ? slice_take(slice_skip(r->text, 1), (size_t)end - 1) : r->text;
    if (end < 0 || !code_is_valid(code)) {
        r->rules |= BIT(CODE_SYNTAX);
        return;
    }
    r->code = code;
    r->text = slice_skip(r->text, (size_t)end + 1);
    if (r->text.len > 0 && r->text.ptr[0] == ' ')
        r->text = slice_skip(r->text, 1);
}

static pop3_rules octet_rules(struct slice line)
{
    pop3_rules rules = 0;
    for (size_t i = 0; i < line.len; i++) {
        uint8_t c = line.ptr[i];
        if (c >= ' ' && c != 0x7F && c < 0x80)
            continue;
        rules |= c == '\r'   ? BIT(BARE_CR)
                 : c == 0    ? BIT(NUL)
                 : c >= 0x80 ? BIT(EIGHT_BIT)
                             : BIT(CONTROL);
    }
    return rules;
}

void pop3_response_parse(struct slice line, struct pop3_response *out)
{
    struct slice rest = line;
    memset(out, 0, sizeof(*out));
    out->line = line;
    out->rules = octet_rules(line);
    if (line.len + 2 > POP3_RESPONSE_LINE_MAX_OCTETS)
        out->rules |= BIT(RESPONSE_TOO_LONG);
    ptrdiff_t blank = slice_find_octet(line, ' ');
    struct slice word = blank < 0 ? line : slice_take(line, (size_t)blank);
    if (slice_eq_nocase(word, SLICE_LIT("+OK")))
        out->status = POP3_STATUS_OK;
    else if (slice_eq_nocase(word, SLICE_LIT("-ERR")))
        out->status = POP3_STATUS_ERR;
    else if (slice_eq(word, SLICE_LIT("+")))
        out->status = POP3_STATUS_CONTINUE;
    bool read = out->status != POP3_STATUS_NONE;
    if (!read || !slice_eq(word, slice_cstr(statuses[out->status])))
        out->rules |= BIT(STATUS);
    out->text = read ? slice_skip(rest, word.len + 1) : line;
    take_code(out);
}

struct slice pop3_greeting_stamp(struct slice text)
{
    ptrdiff_t open = slice_find_octet(text, '<');
    struct slice rest = open < 0 ? slice_of(NULL, 0) : slice_skip(text, (size_t)open);
    ptrdiff_t close = slice_find_octet(rest, '>');
    struct slice stamp = close < 0 ? slice_of(NULL, 0) : slice_take(rest, (size_t)close + 1);
    bool has_at = slice_find_octet(stamp, '@') > 1;
    for (size_t i = 0; i < stamp.len; i++)
        if (stamp.ptr[i] <= ' ' || stamp.ptr[i] >= 0x7F)
            return slice_of(NULL, 0);
    return has_at ? stamp : slice_of(NULL, 0);
}

static bool is_unique_id(struct slice id)
{
    if (id.len == 0 || id.len > POP3_UNIQUE_ID_MAX_OCTETS)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] < 0x21 || id.ptr[i] > 0x7E)
            return false;
    return true;
}

/* Text may follow the size (RFC 1939 section 5 discourages it and has clients bear it). */
bool pop3_listing_parse(struct slice line, bool uidl, struct pop3_listing *out)
{
    uint64_t number = 0;
    memset(out, 0, sizeof(*out));
    bool ok = slice_to_u64(slice_next_word(&line), UINT32_MAX, &number) && number > 0;
    out->message = (uint32_t)number;
    if (!uidl)
        return slice_to_u64(slice_next_word(&line), UINT64_MAX, &out->octets) && ok;
    out->unique_id = slice_next_word(&line);
    return is_unique_id(out->unique_id) && slice_trim(line).len == 0 && ok;
}

bool pop3_stat_parse(struct slice text, uint32_t *messages_out, uint64_t *octets_out)
{
    uint64_t messages = 0;
    bool ok = slice_to_u64(slice_next_word(&text), UINT32_MAX, &messages);
    *messages_out = (uint32_t)messages;
    *octets_out = 0;
    return slice_to_u64(slice_next_word(&text), UINT64_MAX, octets_out) && ok;
}
