/* The commands of POP3 (RFC 1939 section 9, RFC 2449, 2595, 5034, 6856) and the states of a
 * session: one table behind parsing, completion, hints, legality and the practice server's
 * dispatch.
 */
#ifndef POP3_VERB_H
#define POP3_VERB_H

#include "base/slice.h"

enum pop3_verb {
    POP3_VERB_UNKNOWN, /* anything not in the table; sent and tracked as it is */
    POP3_VERB_USER,
    POP3_VERB_PASS,
    POP3_VERB_APOP,
    POP3_VERB_AUTH,
    POP3_VERB_STAT,
    POP3_VERB_LIST,
    POP3_VERB_RETR,
    POP3_VERB_DELE,
    POP3_VERB_NOOP,
    POP3_VERB_RSET,
    POP3_VERB_TOP,
    POP3_VERB_UIDL,
    POP3_VERB_CAPA,
    POP3_VERB_STLS,
    POP3_VERB_UTF8,
    POP3_VERB_LANG,
    POP3_VERB_QUIT,
    /* Not typed: what else a response can answer. */
    POP3_VERB_CONNECT,   /* the greeting answers the connection itself */
    POP3_VERB_AUTH_DATA, /* a line inside an AUTH exchange */
    POP3_VERB__COUNT
};

/* Where a session stands, as the wire shows it (RFC 1939 section 3). */
enum pop3_state {
    POP3_STATE_CONNECT,       /* no greeting yet */
    POP3_STATE_AUTHORIZATION, /* the client has to say who it is */
    POP3_STATE_USER,          /* USER was accepted: PASS is next */
    POP3_STATE_AUTH,          /* inside an AUTH exchange: the client's next line is base64 */
    POP3_STATE_TRANSACTION,   /* the maildrop is open */
    POP3_STATE_TLS,           /* +OK to STLS came: the next octets are the handshake */
    POP3_STATE_UPDATE,        /* QUIT was answered: deleted messages go, the server closes */
    POP3_STATE_REFUSED,       /* the greeting was -ERR */
    POP3_STATE_CLOSED,        /* the connection is gone */
    POP3_STATE__COUNT
};

/* When is a response that begins with +OK followed by lines up to a lone dot? */
enum pop3_multi {
    POP3_MULTI_NEVER,
    POP3_MULTI_ALWAYS,
    POP3_MULTI_ALONE, /* where the command has no argument */
};

struct pop3_verb_info {
    const char *name;    /* "RETR" */
    const char *grammar; /* hint behind the verb: " message" */
    const char *help;    /* one line for a person */
    const char *rfc;
    const char *capability; /* it needs this one; NULL: none */
    uint32_t states;        /* bit set of enum pop3_state in which it is in order */
    uint8_t args_min, args_max;
    enum pop3_multi multi;
    bool typed;     /* a person can send it */
    bool exclusive; /* its answer decides what comes next: nothing is sent behind it */
};

const struct pop3_verb_info *pop3_verb_info(enum pop3_verb verb); /* BUG out of range */
const char *pop3_verb_name(enum pop3_verb verb);
/* The verb of a word, case ignored; UNKNOWN for any other. */
enum pop3_verb pop3_verb_by_name(struct slice word);
bool pop3_verb_in_order(enum pop3_verb verb, enum pop3_state state);
const char *pop3_state_name(enum pop3_state state); /* "transaction" */
enum pop3_state pop3_state_by_name(struct slice name);
/* What the prompt shows: pop3, auth, tls, closed. */
const char *pop3_state_prompt(enum pop3_state state);

#endif
