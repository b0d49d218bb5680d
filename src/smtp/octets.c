/* Octet classes and word lists, ASCII only. */
#include "smtp/smtp_private.h"

#include <string.h>

#define BIT(name) SMTP_RULE_BIT(SMTP_RULE_##name)

bool smtp_is_digit(uint8_t octet)
{
    return octet >= '0' && octet <= '9';
}

bool smtp_is_alnum(uint8_t octet)
{
    return smtp_is_digit(octet) || ((octet | 0x20) >= 'a' && (octet | 0x20) <= 'z');
}

smtp_rules smtp_line_octet_rules(struct slice line)
{
    smtp_rules rules = 0;
    for (size_t i = 0; i < line.len; i++) {
        uint8_t octet = line.ptr[i];
        if ((octet >= 0x20 && octet < 0x7f) || octet == '\t')
            continue;
        if (octet == 0)
            rules |= BIT(LINE_NUL);
        else if (octet == '\r')
            rules |= BIT(LINE_BARE_CR);
        else if (octet > 0x7f)
            rules |= BIT(LINE_8BIT);
        else
            rules |= BIT(LINE_CONTROL);
    }
    return rules;
}

bool smtp_list_holds(const char *list, const char *separators, struct slice word)
{
    while (*list != '\0') {
        size_t len = strcspn(list, separators);
        if (len > 0 && slice_eq_nocase(slice_of(list, len), word))
            return true;
        list += len;
        list += strspn(list, separators);
    }
    return false;
}
