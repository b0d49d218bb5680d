/* The commands of IMAP (RFC 3501 section 6, RFC 9051 section 6 and extensions) and the states of a
 * session: one table behind parsing, completion, hints, legality and the practice server's
 * dispatch.
 */
#ifndef IMAP_VERB_H
#define IMAP_VERB_H

#include "base/slice.h"

enum imap_verb {
    IMAP_VERB_UNKNOWN, /* anything not in the table; sent and tracked as it is */
    IMAP_VERB_CAPABILITY,
    IMAP_VERB_NOOP,
    IMAP_VERB_LOGOUT,
    IMAP_VERB_ID,
    IMAP_VERB_STARTTLS,
    IMAP_VERB_AUTHENTICATE,
    IMAP_VERB_LOGIN,
    IMAP_VERB_ENABLE,
    IMAP_VERB_SELECT,
    IMAP_VERB_EXAMINE,
    IMAP_VERB_CREATE,
    IMAP_VERB_DELETE,
    IMAP_VERB_RENAME,
    IMAP_VERB_SUBSCRIBE,
    IMAP_VERB_UNSUBSCRIBE,
    IMAP_VERB_LIST,
    IMAP_VERB_LSUB,
    IMAP_VERB_NAMESPACE,
    IMAP_VERB_STATUS,
    IMAP_VERB_APPEND,
    IMAP_VERB_IDLE,
    IMAP_VERB_GETQUOTA,
    IMAP_VERB_GETQUOTAROOT,
    IMAP_VERB_SETQUOTA,
    IMAP_VERB_CHECK,
    IMAP_VERB_CLOSE,
    IMAP_VERB_UNSELECT,
    IMAP_VERB_EXPUNGE,
    IMAP_VERB_SEARCH,
    IMAP_VERB_FETCH,
    IMAP_VERB_STORE,
    IMAP_VERB_COPY,
    IMAP_VERB_MOVE,
    IMAP_VERB_COMPRESS,
    /* Not typed with a tag: what else the client says, and what a response can answer. */
    IMAP_VERB_CONNECT,   /* the greeting answers the connection itself */
    IMAP_VERB_AUTH_DATA, /* a line inside an AUTHENTICATE exchange */
    IMAP_VERB_LITERAL,   /* the rest of a command, sent after the server's go-ahead */
    IMAP_VERB_DONE,      /* the end of IDLE */
    IMAP_VERB__COUNT
};

/* Where a session stands, as the wire shows it (RFC 9051 section 3). */
enum imap_state {
    IMAP_STATE_CONNECT,  /* no greeting yet */
    IMAP_STATE_NOT_AUTH, /* not authenticated */
    IMAP_STATE_AUTH,     /* inside an AUTHENTICATE exchange: the client's next line is base64 */
    IMAP_STATE_AUTHENTICATED,
    IMAP_STATE_SELECTED,
    IMAP_STATE_IDLE,   /* the server said + to IDLE; DONE ends it */
    IMAP_STATE_TLS,    /* OK to STARTTLS came: the next octets are the handshake */
    IMAP_STATE_LOGOUT, /* BYE came: the server closes */
    IMAP_STATE_CLOSED, /* the connection is gone */
    IMAP_STATE__COUNT
};

struct imap_verb_info {
    const char *name;    /* "FETCH" */
    const char *grammar; /* hint behind the verb: " set items" */
    const char *help;    /* one line for a person */
    const char *rfc;
    const char *capability; /* it needs one of these, space separated; NULL: none */
    const char *data;       /* untagged data it asks for, space separated; NULL: none */
    uint32_t states;        /* bit set of enum imap_state in which it is in order */
    bool typed;             /* a person can send it with a tag */
    bool uid;               /* may stand behind UID */
    bool exclusive;         /* its answer decides what comes next: nothing is sent behind it */
};

const struct imap_verb_info *imap_verb_info(enum imap_verb verb); /* BUG out of range */
const char *imap_verb_name(enum imap_verb verb);
/* The verb of a word, case ignored; UNKNOWN for any other. */
enum imap_verb imap_verb_by_name(struct slice word);
bool imap_verb_in_order(enum imap_verb verb, enum imap_state state);
/* Does this verb ask for untagged data of this type ("FETCH")? */
bool imap_verb_asks_for(enum imap_verb verb, struct slice type);
const char *imap_state_name(enum imap_state state); /* "selected" */
enum imap_state imap_state_by_name(struct slice name);
/* What the prompt shows: imap, auth, idle, tls, closed. */
const char *imap_state_prompt(enum imap_state state);

#endif
