/* Our caps for IMAP, each with a name, and the few the protocol has. */
#ifndef IMAP_LIMITS_H
#define IMAP_LIMITS_H

enum {
    /* What the protocol allows. */
    IMAP_LITERAL_MINUS_MAX_OCTETS = 4096, /* RFC 7888 section 5 */
    IMAP_MECHANISM_MAX_OCTETS = 20,       /* RFC 4422 section 3.1 */

    /* What we keep of a peer that never ends; hitting one is a DEVIATION that names it. */
    IMAP_CAP_COMMAND_OCTETS = 1 << 17,  /* limit "imap-text": of a command with its literals */
    IMAP_CAP_RESPONSE_OCTETS = 1 << 20, /* the same of a response */
    IMAP_CAP_LITERAL_OCTETS = 65536,    /* a longer literal is counted, not kept */
    IMAP_CAP_LITERALS = 1024,           /* limit "imap-literals": in one command or response */
    IMAP_CAP_NESTING = 64,              /* limit "imap-nesting": of parentheses */
    IMAP_CAP_SEARCH_NESTING = 32,       /* the same of search keys (OR, NOT, parentheses) */
    IMAP_CAP_ITEMS = 65536,             /* limit "imap-items": of a list, a set, a search */
    IMAP_CAP_PENDING_COMMANDS = 4096,   /* limit "imap-pending": commands without an answer */
    IMAP_CAP_TAG_OCTETS = 64,           /* of a tag; more is no tag */
    IMAP_CAP_MAILBOX_OCTETS = 1024,     /* of a mailbox name */
    IMAP_CAP_SECTION_PARTS = 64,        /* numbers in BODY[1.2.3...] */

    /* Waits, seconds. */
    IMAP_WAIT_COMMAND_S = 1800, /* RFC 9051 section 5.4: a server's at least 30 minutes */
    IMAP_WAIT_REPLY_S = 300,
    IMAP_IDLE_AGAIN_S = 1740, /* RFC 2177 section 3: IDLE is begun anew within 29 minutes */
};

#endif
