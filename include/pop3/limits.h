/* The limits of POP3 (RFC 1939 section 3, RFC 2449 section 4) and our own caps, each with a name.
 */
#ifndef POP3_LIMITS_H
#define POP3_LIMITS_H

enum {
    /* What the protocol allows (going over is a DEVIATION, nothing is cut). */
    POP3_COMMAND_LINE_MAX_OCTETS = 255,  /* with CRLF */
    POP3_RESPONSE_LINE_MAX_OCTETS = 512, /* with CRLF, the first line only */
    POP3_AUTH_LINE_MAX_OCTETS = 12288,   /* inside an AUTH exchange (RFC 5034 section 4) */
    POP3_UNIQUE_ID_MAX_OCTETS = 70,

    /* What we keep of a peer that never ends; hitting one is a DEVIATION that names it. */
    POP3_CAP_LINE_OCTETS = 65536,     /* limit "pop3-line": the rest is passed on as another */
    POP3_CAP_CAPA_OCTETS = 16384,     /* limit "pop3-capa": of the capabilities */
    POP3_CAP_PENDING_COMMANDS = 4096, /* limit "pop3-pending": commands without an answer */

    /* Waits, seconds. */
    POP3_WAIT_COMMAND_S = 600, /* a server's at least (RFC 1939 section 3) */
    POP3_WAIT_REPLY_S = 300,
};

#endif
