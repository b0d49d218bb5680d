/* What the parsers of this module share. */
#ifndef SMTP_PRIVATE_H
#define SMTP_PRIVATE_H

#include "base/slice.h"
#include "smtp/deviation.h"

/* NUL, bare CR, control characters and octets above 127 in a line without its end (HTAB is none).
 */
smtp_rules smtp_line_octet_rules(struct slice line);
/* What a domain or an address literal breaks; 0: well-formed. */
smtp_rules smtp_domain_rules(struct slice domain);
bool smtp_is_digit(uint8_t octet);
bool smtp_is_alnum(uint8_t octet);
/* Is `word` one of the words in `list`, which `separators` part? Case ignored. */
bool smtp_list_holds(const char *list, const char *separators, struct slice word);

#endif
