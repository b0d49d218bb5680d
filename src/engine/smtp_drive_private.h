/* The driving role's insides, shared by its source files only. */
#ifndef ENGINE_SMTP_DRIVE_PRIVATE_H
#define ENGINE_SMTP_DRIVE_PRIVATE_H

#include "engine/auth_client.h"
#include "engine/smtp_drive.h"

enum {
    DRIVE_OUT_CAP_OCTETS = 1 << 20,
    DRIVE_GROUP_RECIPIENTS = 100, /* RCPT commands in one write: well below the pending limit */
};

struct smtp_drive {
    struct journal *journal;
    uint32_t conn;
    const struct smtp_track *track;
    struct smtp_plan plan;
    struct smtp_result result;
    struct smtp_recipient_result *recipients;
    struct buf out;
    enum smtp_step step;
    enum want_kind end; /* once .ended: CLOSE or DONE */
    /* The transaction under way: its recipients by index, of those how many were accepted. */
    size_t *batch;
    size_t n_batch, n_taken;
    size_t first_left, n_left; /* recipients that none was for yet */
    struct smtp_result good;   /* of an earlier transaction; .ok: there is one */
    size_t rcpt_sent, rcpt_answered;
    size_t lmtp_at; /* next recipient of the batch a reply to the dot is for */
    bool begun, waiting, ended;
    bool decided; /* the result stands; what follows is good manners */
    bool lost;    /* this transaction is: replies to what was sent are waited for */
    bool split_said;
    bool too_many;        /* a recipient of this transaction was refused as one too many */
    size_t rcpt_max_seen; /* then so many is what it takes; 0: not known */
    bool data_sent;       /* in the same write as what came before */
    bool mail_refused;
    bool prdr;               /* 353 came: a reply for each recipient follows */
    size_t prdr_left;        /* of them */
    bool chunk_last;         /* the last one has left */
    unsigned chunks_awaited; /* replies */
    bool xclient_said;
    bool rset_first; /* the RSET clears another's transaction */
    struct auth_client auth;
    bool auth_line_ready;
};

void drive_decide(struct smtp_drive *d, enum smtp_step stage, enum smtp_outcome outcome, bool ok,
                  const struct smtp_item *item);
/* Nothing (more) is to be done: QUIT where the plan says so. */
void drive_finish(struct smtp_drive *d);
void drive_stop(struct smtp_drive *d);
void drive_enter(struct smtp_drive *d, enum smtp_step step);

/* The step is done: does the plan end here? And its end. */
bool drive_ends_here(const struct smtp_drive *d);
void drive_end_here(struct smtp_drive *d, const struct smtp_item *item);

/* smtp_drive_batch.c */
/* MAIL for the recipients that are left, or for some of them; or the wish for another session. */
void drive_transaction_begin(struct smtp_drive *d);
/* It came to its end, good or not: the next one, or the end of the plan. */
void drive_transaction_over(struct smtp_drive *d);
/* The server takes no more recipients in this transaction: the rest are for the next. */
void drive_put_back(struct smtp_drive *d);
/* Was it refused for the number of recipients alone (RFC 5321 section 4.5.3.1.10)? */
bool drive_is_too_many(const struct smtp_recipient_result *r);
/* What became of it. The plan's result stands with the last one. */
void drive_verdict(struct smtp_drive *d, enum smtp_step stage, enum smtp_outcome outcome, bool ok,
                   const struct smtp_item *item);
struct smtp_recipient_result *drive_batch_at(const struct smtp_drive *d, size_t index);

/* smtp_drive_transaction.c: the reply to ... */
void drive_take_mail(struct smtp_drive *d, enum smtp_outcome outcome, const struct smtp_item *item);
void drive_take_recipient(struct smtp_drive *d, const struct smtp_item *item);
void drive_take_data(struct smtp_drive *d, enum smtp_outcome outcome, const struct smtp_item *item);
void drive_take_chunk(struct smtp_drive *d, enum smtp_outcome outcome,
                      const struct smtp_item *item);
void drive_take_dot(struct smtp_drive *d, enum smtp_outcome outcome, const struct smtp_item *item);

/* smtp_drive_auth.c */
/* Put the next AUTH line in .out; false: no mechanism is left (result.err says why). */
bool drive_auth_line(struct smtp_drive *d);
/* A 334. The answer is in .out afterwards. */
void drive_auth_challenge(struct smtp_drive *d, const struct smtp_reply *r);
/* Was the refusal one of the mechanism rather than of the credentials? */
bool drive_auth_other(unsigned code);
void drive_auth_forget(struct smtp_drive *d);
/* Success was said: may it be believed? False: result.err says why not. */
bool drive_auth_proven(struct smtp_drive *d);

#endif
