/* The driving role of POP3 and IMAP: gets a session to where mail can be read, and nothing else.
 *
 * Greeting, capabilities, STLS or STARTTLS, capabilities again, then a SASL mechanism (RFC 5034,
 * RFC 3501 section 6.2.2) or, where none will do, USER and PASS, APOP, or LOGIN. It reads where the
 * session is from the tracker, so it can start anywhere; it is off while a person drives. Each step
 * x outcome has a cell in one total table. Sans-I/O: the owner sends, starts TLS and keeps time.
 */
#ifndef ENGINE_MAILBOX_DRIVE_H
#define ENGINE_MAILBOX_DRIVE_H

#include "engine/credentials.h"
#include "engine/track.h"
#include "engine/want.h"

enum mailbox_step {
    MAILBOX_STEP_GREETING,
    MAILBOX_STEP_CAPS,
    MAILBOX_STEP_STARTTLS,
    MAILBOX_STEP_TLS,      /* handshake under way */
    MAILBOX_STEP_CAPS_TLS, /* capabilities again, inside */
    MAILBOX_STEP_AUTH,     /* a SASL exchange */
    MAILBOX_STEP_LOGIN,    /* USER, APOP or LOGIN: the command with the user's name */
    MAILBOX_STEP_PASS,     /* POP3 only */
    MAILBOX_STEP_DONE,
    MAILBOX_STEP__COUNT
};
const char *mailbox_step_name(enum mailbox_step step); /* "auth" */

enum mailbox_outcome {
    MAILBOX_OUT_GOOD,  /* +OK, OK, PREAUTH */
    MAILBOX_OUT_BAD,   /* -ERR, NO, BAD, BYE */
    MAILBOX_OUT_GO_ON, /* "+" */
    MAILBOX_OUT_OTHER, /* this mechanism will not do here, another may: not the password's fault */
    MAILBOX_OUT_TIMEOUT,
    MAILBOX_OUT_EOF,
    MAILBOX_OUT_ABORT,
    MAILBOX_OUT__COUNT
};
const char *mailbox_outcome_name(enum mailbox_outcome outcome);

enum mailbox_tls { MAILBOX_TLS_NONE, MAILBOX_TLS_TRY, MAILBOX_TLS_MUST };
struct mailbox_plan {
    bool login; /* false: stop once TLS is on */
    enum mailbox_tls tls;
    struct credentials credentials;
};
struct mailbox_result {
    bool ok, over;
    enum mailbox_step stage; /* where it stands or stopped */
    enum mailbox_outcome outcome;
    const char *mechanism; /* SASL mechanism, "APOP", "USER", "LOGIN"; NULL: none was begun */
    const char *reason;    /* the server's own words for a token's refusal (OAuth's JSON); NULL or
                              "": none */
    struct err err;        /* a local reason; ERR_NONE: the server's */
};

struct mailbox_drive;
/* The tracker is borrowed (POP3 or IMAP); the plan is copied, what it points to is not. */
struct mailbox_drive *mailbox_drive_new(struct track *track, const struct mailbox_plan *plan);
void mailbox_drive_free(struct mailbox_drive **d);
/* What to do now. Ask again after every call below until it says WAIT or DONE. */
struct want mailbox_drive_next(struct mailbox_drive *d);
void mailbox_drive_item(struct mailbox_drive *d, const struct track_item *item);
void mailbox_drive_tls(struct mailbox_drive *d, const struct err *err); /* NULL: it is on */
void mailbox_drive_outcome(struct mailbox_drive *d, enum mailbox_outcome outcome,
                           const struct err *err);
const struct mailbox_result *mailbox_drive_result(const struct mailbox_drive *d);

/* The table, for the test that walks it. */
enum mailbox_next {
    MAILBOX_NEXT_ON,   /* the next step of the plan */
    MAILBOX_NEXT_SKIP, /* go on without what this step wanted */
    MAILBOX_NEXT_MORE, /* another turn of this step */
    MAILBOX_NEXT_STOP, /* give up; the connection stays */
    MAILBOX_NEXT__COUNT
};
enum mailbox_next mailbox_drive_table(enum mailbox_step step, enum mailbox_outcome outcome);

#endif
