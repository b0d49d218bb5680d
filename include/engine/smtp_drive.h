/* The driving role: chooses the client's next step towards a goal, and nothing else.
 *
 * It reads where the session is from the tracker, so it can start anywhere: on a fresh connection,
 * or in the middle of what a person typed. It is off while a person drives. Each step x outcome has
 * a cell in one total table (src/engine/smtp_drive_table.c): no reply, however odd, leaves it
 * without a next step. Sans-I/O: the owner sends, starts TLS, streams content and keeps time as it
 * is told.
 */
#ifndef ENGINE_SMTP_DRIVE_H
#define ENGINE_SMTP_DRIVE_H

#include "base/err.h"
#include "engine/credentials.h"
#include "engine/smtp_track.h"
#include "engine/want.h"

enum smtp_step {
    SMTP_STEP_GREETING, /* wait for 220 */
    SMTP_STEP_EHLO,
    SMTP_STEP_HELO, /* after EHLO was not understood */
    SMTP_STEP_STARTTLS,
    SMTP_STEP_TLS,      /* handshake under way */
    SMTP_STEP_EHLO_TLS, /* EHLO again inside */
    SMTP_STEP_XCLIENT,  /* then EHLO once more */
    SMTP_STEP_AUTH,
    SMTP_STEP_MAIL,
    SMTP_STEP_RCPT,
    SMTP_STEP_DATA,
    SMTP_STEP_BDAT,    /* a chunk on its way, or its reply awaited */
    SMTP_STEP_CONTENT, /* content on its way */
    SMTP_STEP_DOT,     /* wait for the reply to it */
    SMTP_STEP_RSET,    /* no recipient was taken, or the next message */
    SMTP_STEP_QUIT,
    SMTP_STEP_DONE,
    SMTP_STEP__COUNT
};
const char *smtp_step_name(enum smtp_step step); /* "rcpt" */
/* By name as in --quit-after (connect banner ehlo helo starttls tls auth mail rcpt data dot quit);
 * COUNT: none. */
enum smtp_step smtp_step_by_name(struct slice name);
/* RFC 5321 section 4.5.3.2 wait for this step's reply, milliseconds. */
uint64_t smtp_step_wait_ms(enum smtp_step step);

enum smtp_goal {
    SMTP_GOAL_HELLO, /* greeting and EHLO */
    SMTP_GOAL_TLS,   /* STARTTLS and EHLO again */
    SMTP_GOAL_AUTH,  /* AUTH (with TLS before it, as tls says) */
    SMTP_GOAL_SEND   /* a whole transaction */
};
enum smtp_tls_use { SMTP_TLS_NONE, SMTP_TLS_TRY, SMTP_TLS_MUST };

/* All pointers are borrowed and must outlive the drive. */
struct smtp_plan {
    enum smtp_goal goal;
    const char *name; /* for EHLO */
    bool lmtp;
    bool helo; /* HELO from the first on: no extensions */
    enum smtp_tls_use tls;
    const char *xclient; /* attributes as typed, after EHLO and TLS; NULL or "": none */
    bool auth;           /* log in */
    struct credentials credentials;
    const char *from;        /* without brackets; "" is the null reverse-path */
    const char *mail_params; /* as typed, may be NULL */
    const char *const *to;
    size_t n_to;
    const char *rcpt_params;
    bool rcpt_orcpt; /* ORCPT with the recipient itself, as xtext (RFC 3461 section 4.2) */
    bool has_content;
    uint64_t
        content_octets; /* of the message as it will go over the wire, for SIZE; 0: not declared */
    uint64_t chunk_octets; /* by BDAT in chunks of so many octets; 0: by DATA */
    bool content_binary;   /* BODY=BINARYMIME: by BDAT only, and where it is offered */
    bool content_8bit;     /* BODY=8BITMIME where offered */
    bool content_utf8;     /* SMTPUTF8 is needed (addresses or headers) */
    bool pipeline;         /* MAIL RCPT DATA in one write where offered */
    bool obey_limits;      /* LIMITS (RFC 9422): recipients by several transactions */
    bool quit;             /* QUIT at the end */
    bool more;             /* another message follows: no QUIT where only this one was refused */
    bool drop;             /* say nothing more after quit_after: close */
    enum smtp_step quit_after; /* SMTP_STEP__COUNT: not early */
};

/* How it ended, or stands: one per drive, valid as long as it. */
struct smtp_recipient_result {
    const char *path; /* as in plan.to */
    unsigned code;    /* 0: never asked or no reply */
    unsigned enhanced[3];
    uint64_t reply_seq;
    bool accepted;
    bool asked;           /* a transaction was for it */
    uint64_t n_delivered; /* messages that were accepted for it; of one drive 0 or 1 */
};
struct smtp_result {
    bool ok; /* the goal was reached (for SEND: at least one recipient and the dot accepted) */
    bool wants_session;   /* LIMITS MAILMAX is reached: who was not asked needs another session */
    bool over;            /* nothing more will come */
    enum smtp_step stage; /* where it stands or stopped */
    enum smtp_outcome outcome; /* of the last step */
    unsigned code;             /* reply that decided; 0: none */
    unsigned enhanced[3];
    uint64_t reply_seq; /* that reply's event */
    size_t n_accepted;
    const struct smtp_recipient_result *recipients;
    size_t n_recipients;
    const char *mechanism; /* AUTH used, NULL: none */
    const char *reason;    /* the server's own words for a token's refusal (OAuth's JSON); NULL or
                              "": none */
    struct err err;        /* a local reason, ERR_NONE: the server's */
};

struct smtp_drive;
/* The tracker is borrowed; the plan is copied, what it points to is not. */
struct smtp_drive *smtp_drive_new(struct journal *j, uint32_t conn, const struct smtp_track *track,
                                  const struct smtp_plan *plan);
void smtp_drive_free(struct smtp_drive **d);
/* What to do now. Ask again after every call below until it says WAIT, CLOSE or DONE. */
struct want smtp_drive_next(struct smtp_drive *d);
/* A reply item of the tracker. */
void smtp_drive_reply(struct smtp_drive *d, const struct smtp_item *item);
void smtp_drive_tls(struct smtp_drive *d, const struct err *err); /* NULL: it is on */
void smtp_drive_content_sent(struct smtp_drive *d);
/* BDAT: how big the chunks are that CONTENT asks for, one each time; 0: the content goes by DATA.
 */
uint64_t smtp_drive_chunk_octets(const struct smtp_drive *d);
void smtp_drive_chunk_sent(struct smtp_drive *d, bool last);
/* Time is up, the connection ended, or a local failure (err may be NULL). */
void smtp_drive_outcome(struct smtp_drive *d, enum smtp_outcome outcome, const struct err *err);
const struct smtp_result *smtp_drive_result(const struct smtp_drive *d);

/* The table, for the test that walks it. */
enum smtp_next {
    SMTP_NEXT_ON,   /* the next step of the plan */
    SMTP_NEXT_HELO, /* try HELO */
    SMTP_NEXT_SKIP, /* go on without what this step wanted (STARTTLS with try) or stop (must) */
    SMTP_NEXT_MORE, /* another turn of this step (AUTH challenge, next mechanism, next recipient) */
    SMTP_NEXT_RSET, /* give the transaction up, keep the session */
    SMTP_NEXT_QUIT, /* give up, say QUIT */
    SMTP_NEXT_STOP, /* give up, nothing can be said any more */
    SMTP_NEXT__COUNT
};
enum smtp_next smtp_drive_table(enum smtp_step step, enum smtp_outcome outcome);

#endif
