/* Scripts: console lines, one after another, with expectations (`smtpscope run`, /source).
 *
 * Each line waits until what the former one asked for is answered (a reply for each command sent, a
 * helper's end), so a script reads like the dialogue it makes; /pipe and /raw do not wait. Besides
 * console lines:
 *
 *   expect PATTERN [SECS]   a line the server sent since the last line was sent, or the next one to
 * come (* and ?) expect code 4.7.1       a reply with that reply code or enhanced status code
 *   expect event TLS_UP     an event of that kind
 *   expect-not PATTERN      the last reply must not match
 *   sleep SECS · ask NAME · # comment
 *
 * A helper (/auth, /send, /tls) that is refused ends no script. Where an expectation between its
 * line and the next line sent holds for the refusal, that was what the script is for; else the
 * script is not well in the end, with the first such helper as the reason.
 *
 * The first expectation that fails ends the script: status 40, line number, what was expected, what
 * came.
 */
#ifndef CONSOLE_SCRIPT_H
#define CONSOLE_SCRIPT_H

#include "console/console.h"

struct script;
struct script_result {
    bool done;
    bool ok;
    bool expectation_failed;
    unsigned line;      /* where it ended, from 1 */
    struct err err;     /* why, when not ok */
    bool helper_failed; /* one did that nothing was expected of; the script went on */
    unsigned helper_line;
    struct smtp_result helper; /* how (POP3 and IMAP: by the same step of SMTP) */
    struct err helper_link_err;
};
/* text is copied. name is for messages. on_done comes from the loop. default_wait_ms: for expect
 * without SECS and for replies. */
struct script *script_start(struct console *c, struct loop *l, const char *name, struct slice text,
                            uint64_t default_wait_ms, void (*on_done)(void *ctx), void *ctx);
const struct script_result *script_result(const struct script *s);
void script_stop(struct script *s);
void script_free(struct script **s);

#endif
