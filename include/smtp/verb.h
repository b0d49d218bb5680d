/* The command verbs (RFC 5321 section 4.1.1 and extensions): one table behind parsing, completion,
 * hints, legality and the practice server's dispatch.
 */
#ifndef SMTP_VERB_H
#define SMTP_VERB_H

#include "base/slice.h"

enum smtp_verb {
    SMTP_VERB_UNKNOWN, /* anything not in the table; sent and tracked as it is */
    SMTP_VERB_HELO,
    SMTP_VERB_EHLO,
    SMTP_VERB_LHLO,
    SMTP_VERB_MAIL,
    SMTP_VERB_RCPT,
    SMTP_VERB_DATA,
    SMTP_VERB_BDAT,
    SMTP_VERB_RSET,
    SMTP_VERB_NOOP,
    SMTP_VERB_VRFY,
    SMTP_VERB_EXPN,
    SMTP_VERB_HELP,
    SMTP_VERB_QUIT,
    SMTP_VERB_STARTTLS,
    SMTP_VERB_AUTH,
    SMTP_VERB_ETRN,
    SMTP_VERB_XCLIENT,
    /* Not typed: what else a reply can answer. */
    SMTP_VERB_CONNECT,   /* the greeting answers the connection itself */
    SMTP_VERB_AUTH_DATA, /* a line inside an AUTH exchange */
    SMTP_VERB_DOT,       /* the end of the message content */
    SMTP_VERB__COUNT
};

/* Where a session stands, as the wire shows it. */
enum smtp_state {
    SMTP_STATE_CONNECT, /* no greeting yet */
    SMTP_STATE_GREETED, /* 220 came; no EHLO or HELO was answered with 250 (or TLS voided it) */
    SMTP_STATE_READY,   /* greeted each other, no transaction */
    SMTP_STATE_AUTH,    /* inside an AUTH exchange: the client's next line is base64 */
    SMTP_STATE_MAIL,    /* a reverse-path was accepted, no recipient yet */
    SMTP_STATE_RCPT,    /* at least one recipient was accepted */
    SMTP_STATE_DATA,    /* 354 came: the client sends content */
    SMTP_STATE_DOT,     /* the final dot was sent, its reply is awaited */
    SMTP_STATE_TLS,     /* 220 to STARTTLS came: the next octets are the handshake */
    SMTP_STATE_QUIT,    /* 221 or 421 came: the server closes */
    SMTP_STATE_REFUSED, /* the greeting was 4yz or 5yz: only QUIT makes sense */
    SMTP_STATE_CLOSED,  /* the connection is gone */
    SMTP_STATE__COUNT
};

struct smtp_verb_info {
    const char *name;    /* "MAIL" */
    const char *grammar; /* hint behind the verb: " FROM:<reverse-path> [parameters]" */
    const char *help;    /* one line for a person */
    const char *rfc;
    const char *extension; /* EHLO keyword it needs; NULL: none */
    uint32_t states;       /* bit set of enum smtp_state in which it is in order */
    bool typed;            /* a person can send it */
    bool must_be_last;     /* of a pipelined group (RFC 2920 section 3.1) */
    const char *success;   /* reply codes that may follow, comma separated */
    const char *errors;
};

const struct smtp_verb_info *smtp_verb_info(enum smtp_verb verb); /* BUG out of range */
const char *smtp_verb_name(enum smtp_verb verb);
/* The verb of a word, case ignored; UNKNOWN for any other. */
enum smtp_verb smtp_verb_by_name(struct slice word);
bool smtp_verb_in_order(enum smtp_verb verb, enum smtp_state state);
/* May this code follow the verb (command-replies table; 421 and 5yz of section 4.2.4 always)? */
bool smtp_reply_may_follow(enum smtp_verb verb, unsigned code);
const char *smtp_state_name(enum smtp_state state); /* "mail" */
enum smtp_state smtp_state_by_name(struct slice name);
/* What the prompt shows: smtp, mail, rcpt, data, auth, tls, closed. */
const char *smtp_state_prompt(enum smtp_state state);

#endif
