/* The first line of a response (RFC 1939 section 3; response codes: RFC 2449 section 8, RFC 3206),
 * a line of a listing, and the greeting's time stamp.
 *
 *     response = ( "+OK" / "-ERR" ) [ SP [ "[" code "]" ] text ] CRLF
 *     continue = "+" SP [ base64 ] CRLF                           inside AUTH (RFC 5034 section 4)
 *     listing  = number SP ( size / unique-id ) CRLF
 */
#ifndef POP3_RESPONSE_H
#define POP3_RESPONSE_H

#include "pop3/deviation.h"
#include "pop3/limits.h"

enum pop3_status { POP3_STATUS_NONE, POP3_STATUS_OK, POP3_STATUS_ERR, POP3_STATUS_CONTINUE };
const char *pop3_status_name(enum pop3_status status); /* "+OK", "-ERR", "+", "" */

struct pop3_response {
    enum pop3_status status;
    struct slice line; /* without its line end */
    struct slice code; /* "SYS/TEMP", without brackets; empty: none */
    struct slice text; /* behind status and code; CONTINUE: the base64 */
    pop3_rules rules;
};

/* Take one line apart (line without CR LF). Slices point into it. Never fails. */
void pop3_response_parse(struct slice line, struct pop3_response *out);

/* "<1896.697170952@dbc.mtview.ca.us>" in a greeting's text, with brackets; empty: APOP is not
 * offered. */
struct slice pop3_greeting_stamp(struct slice text);

struct pop3_listing {
    uint32_t message;
    uint64_t octets;        /* LIST */
    struct slice unique_id; /* UIDL */
};
/* A line of LIST (or of the answer to LIST n) / of UIDL. False: not written so; *out is what could
 * be read. */
bool pop3_listing_parse(struct slice line, bool uidl, struct pop3_listing *out);
/* "+OK 2 320": both numbers of STAT. */
bool pop3_stat_parse(struct slice text, uint32_t *messages_out, uint64_t *octets_out);

#endif
