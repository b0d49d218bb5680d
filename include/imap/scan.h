/* Where commands and responses end, and which octets of the client are secret (RFC 9051 sections
 * 2.2, 4.3; RFC 7888), known while the octets are still arriving.
 *
 *     command  = tag SP ... CRLF     response = ("*" / "+" / tag) SP ... CRLF
 *     literal  = ["~"] "{" number ["+"] "}" CRLF *OCTET      at the end of any line but the last
 *
 * The scanner judges each octet when it comes and never again, so the split of the stream cannot
 * matter. It keeps some 70 octets of state, however long a line or a literal is. A line without an
 * end stays a line; a literal may announce any size up to 2^63-1.
 */
#ifndef IMAP_SCAN_H
#define IMAP_SCAN_H

#include "base/secret_scan.h"
#include "imap/deviation.h"

enum imap_piece_kind {
    IMAP_PIECE_PART,     /* of a line that has not ended */
    IMAP_PIECE_ANNOUNCE, /* the line's end: a literal follows */
    IMAP_PIECE_LITERAL,  /* octets of it; .literal_left 0: its last ones */
    IMAP_PIECE_END       /* the end of the last line: the command or response is whole */
};

struct imap_piece {
    enum imap_piece_kind kind;
    size_t used;             /* octets of `in` it spans */
    struct slice secret;     /* part of them; empty: none. Never holds a line end */
    uint64_t literal_octets; /* ANNOUNCE: announced */
    uint64_t literal_left;   /* LITERAL: still to come */
    bool sync;               /* ANNOUNCE: the client has to wait for the server's go-ahead */
    imap_rules rules;        /* BARE_LF, LITERAL_SYNTAX; of a response NUL, too */
};

/* What the client's line is, as far as the session tells. */
enum imap_line_kind {
    IMAP_LINE_COMMAND,
    IMAP_LINE_AUTH,  /* inside AUTHENTICATE: all of it is secret, but for a lone "*" */
    IMAP_LINE_EARLY, /* behind an AUTHENTICATE without answer: as secret, but a literal may follow;
                        who knows better calls imap_scan_refused */
    IMAP_LINE_IDLE   /* DONE is due: no literal can follow */
};

struct imap_scan {
    uint64_t literal_left;
    struct secret_scan secret; /* of the client's */
    uint8_t tail_len;
    uint8_t words;    /* of a response: how many have begun, up to 3; behind a literal 3 */
    uint8_t word_len; /* of the first or second of them, under way or just ended */
    bool server, in_word;
    bool no_literal; /* this line's end is the end */
    char word[8];
    char tail[26]; /* the last octets of the line so far */
};

/* server: responses are scanned (nothing is secret, and text behind OK, NO, BAD announces none). */
void imap_scan_init(struct imap_scan *s, bool server);
/* Look at the next octets, in.len > 0. *piece_out spans at least one of them and ends behind a line
 * end or a literal at the latest. `kind` (client only) may change between calls only where a line
 * begins. */
void imap_scan_feed(struct imap_scan *s, enum imap_line_kind kind, struct slice in,
                    struct imap_piece *piece_out);
/* Nothing of a command or response is half read. */
bool imap_scan_at_start(const struct imap_scan *s);
/* A synchronising literal was refused (RFC 9051 section 4.3), or what looked like an announcement
 * is none: what comes next is a new command. */
void imap_scan_refused(struct imap_scan *s);

#endif
