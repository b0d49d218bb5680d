/* The limits of RFC 5321 section 4.5.3 and our own caps, each with a name. */
#ifndef SMTP_LIMITS_H
#define SMTP_LIMITS_H

enum {
    /* What the protocol allows (going over is a DEVIATION, nothing is cut). */
    SMTP_LOCAL_PART_MAX_OCTETS = 64,
    SMTP_DOMAIN_MAX_OCTETS = 255,
    SMTP_PATH_MAX_OCTETS = 256,
    SMTP_COMMAND_LINE_MAX_OCTETS = 512, /* with CRLF; extensions add to it (extensions.tsv) */
    SMTP_REPLY_LINE_MAX_OCTETS = 512,   /* with CRLF */
    SMTP_TEXT_LINE_MAX_OCTETS = 1000,   /* with CRLF, without the stuffed dot */
    SMTP_AUTH_LINE_MAX_OCTETS = 12288,  /* RFC 4954 section 4 */

    /* What we keep of a peer that never ends (doc/limits.md); hitting one is a DEVIATION that names
       it. */
    SMTP_CAP_LINE_OCTETS = 65536, /* limit "line": of one line, the rest is passed on as another */
    SMTP_CAP_REPLY_OCTETS = 262144,   /* limit "reply": of one reply; it is then taken as ended */
    SMTP_CAP_REPLY_LINES = 2048,      /* limit "reply-lines" */
    SMTP_CAP_PENDING_COMMANDS = 4096, /* limit "pending": commands without a reply */
    SMTP_CAP_RECIPIENTS = 100000,     /* limit "recipients": kept in the envelope */

    /* Client waits, RFC 5321 section 4.5.3.2, seconds. */
    SMTP_WAIT_GREETING_S = 300,
    SMTP_WAIT_MAIL_S = 300,
    SMTP_WAIT_RCPT_S = 300,
    SMTP_WAIT_DATA_S = 120,
    SMTP_WAIT_BLOCK_S = 180,
    SMTP_WAIT_DOT_S = 600,
    SMTP_WAIT_COMMAND_S = 300, /* a server's wait for the next command */
};

#endif
