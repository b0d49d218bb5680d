/* What a reply means, who must act and what to do next: from the knowledge tables, most specific first. */
#ifndef DECODE_EXPLAIN_H
#define DECODE_EXPLAIN_H

#include "base/buf.h"
#include "smtp/verb.h"

struct explanation {
    const char *class_meaning;    /* of the first digit; never NULL */
    const char *code_meaning;     /* basic code; NULL: unknown */
    const char *code_rfc;
    const char *enhanced_name;    /* NULL: none or unknown */
    const char *enhanced_meaning;
    const char *enhanced_rfc;
    const char *who;              /* who must act; never NULL */
    const char *next;             /* what to do next; never NULL */
};
void explain_reply(unsigned code, const char *enhanced, enum smtp_verb answers,
                   struct explanation *out);
const char *explain_tls_alert(unsigned number, const char **name_out); /* meaning */
const char *explain_verify(const char *reason); /* meaning and next step for a TLS_VERIFY reason */
const char *explain_down(unsigned down_why);

#endif
