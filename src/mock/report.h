/* Delivery status notifications (RFC 3461, 3464, 6522): the practice server's reports to senders.
 */
#ifndef MOCK_REPORT_H
#define MOCK_REPORT_H

#include "base/buf.h"

/* What became of a recipient, as reports call it (RFC 3464 section 2.3.3). */
enum mock_action {
    MOCK_ACTION_NONE, /* not delivered, and nothing to say of it */
    MOCK_ACTION_FAILED,
    MOCK_ACTION_DELAYED,
    MOCK_ACTION_DELIVERED,
    MOCK_ACTION_RELAYED,
    MOCK_ACTION_EXPANDED,
    MOCK_ACTION__COUNT
};

/* NOTIFY of RCPT (RFC 3461 section 4.1); none of them: not given. */
enum mock_notify {
    MOCK_NOTIFY_NEVER = 1,
    MOCK_NOTIFY_SUCCESS = 2,
    MOCK_NOTIFY_FAILURE = 4,
    MOCK_NOTIFY_DELAY = 8
};
unsigned mock_notify_read(struct slice value);
/* Is somebody told of that action? */
bool mock_notify_wants(unsigned notify, enum mock_action action);

struct mock_report_recipient {
    const char *address;
    const char *original;   /* ORCPT as it was given (type;xtext), "": none */
    const char *status;     /* "5.1.1" */
    const char *diagnostic; /* "550 5.1.1 User unknown"; "": none */
    enum mock_action action;
};

struct mock_report {
    const char *name, *domain; /* of the reporting server */
    const char *date, *arrived;
    const char *to;       /* the reverse-path */
    const char *from_mta; /* who handed the message over, as it called itself; "": not known */
    const char *envid;    /* as it was given (xtext); "": none */
    const char *id;       /* of the report */
    struct slice message; /* with its trace lines */
    const struct mock_report_recipient *recipients;
    size_t n_recipients;
    bool full; /* the whole message goes back, not only its head (RET=FULL) */
    bool utf8; /* the message came with SMTPUTF8 (RFC 6533) */
};

/* The whole report with its header; out's cap is far above what is written but for the message. */
void mock_report_write(const struct mock_report *r, struct buf *out);

#endif
