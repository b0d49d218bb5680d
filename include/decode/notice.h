/* Replies found in free text: a reply as it came, a status line of POP3 or IMAP, a transcript, a
 * log line (Postfix, Exim, sendmail, qmail), a delivery report (RFC 3464). What is found is ready
 * for explain_reply_text.
 *
 * In a log only what failed is taken; a reply pasted alone is taken whatever it says. Where a
 * delivery report stands in the text, its fields count and the prose around them does not. Where no
 * code stands anywhere, a provider's wording is looked for in the first 64 KiB.
 */
#ifndef DECODE_NOTICE_H
#define DECODE_NOTICE_H

#include "decode/explain.h"

struct notice {
    struct explain_input input; /* texts are valid during the call */
    struct slice recipient;     /* empty: not named */
    const char *form;           /* "reply", "status", "log", "report", "words" */
    size_t line;                /* where it begins, from 1 */
};
typedef void (*notice_fn)(void *ctx, const struct notice *n);
/* Calls fn for each in order; returns how many there were. known: banner, host and provider where
 * the person named them (they go before what the text says); may be NULL. */
size_t notice_scan(struct slice text, const struct explain_input *known, notice_fn fn, void *ctx);

#endif
