/* The message of a session, sent or fetched from a mailbox, taken from the octets that passed: its
 * envelope beside its header, its fields raw and in words, its MIME tree, its trace. Read when it
 * is asked for: a fold keeps only where the octets stand (view.h), so that a message of 50 MB costs
 * nothing until it is looked at.
 *
 * All of it is what somebody says. Where SMTP or TLS has proved a name, that is told beside it
 * (message_claim.strength).
 */
#ifndef DECODE_MESSAGE_H
#define DECODE_MESSAGE_H

#include "decode/view.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/received.h"
#include "mail/shape.h"

enum {
    MESSAGE_OCTETS_MAX = MIME_MESSAGE_OCTETS_MAX, /* limit "message": of one are looked at */
    MESSAGE_TRACE_MAX = 100, /* limit "trace": Received fields; RFC 5321 section 6.3 */
};

enum message_strength {
    MESSAGE_CLAIMED, /* said, and nothing proves it */
    MESSAGE_SEEN,    /* seen by this end of the connection */
    MESSAGE_PROVEN,  /* by a password, a key or a certificate */
    MESSAGE_STRENGTH__COUNT
};
const char *message_strength_name(enum message_strength s); /* "claimed" */

/* One name somebody goes by. Texts from a peer: show through vis. */
struct message_claim {
    const char *label; /* "HELO", "AUTH", "MAIL", "From:", ...; static */
    char *value;
    enum message_strength strength;
    const char *note; /* static; NULL: none. What the strength rests on, or what is odd */
};
enum { MESSAGE_CLAIMS_MAX = 16 };

struct message_trace {
    char *text; /* the field unfolded; .received points into it */
    struct mail_received received;
    int64_t delay_s; /* since the hop before (the field below); 0 where unknown */
};

struct message {
    struct buf octets;   /* the message itself: dots unstuffed, secrets masked */
    bool known;          /* there is one */
    bool complete;       /* it ended as it should */
    bool cut;            /* larger than MESSAGE_OCTETS_MAX */
    bool gone;           /* octets of it have left the journal */
    enum view_part part; /* what of it this is */
    uint64_t total_octets;
    struct mail_header header;
    struct mime_tree mime;
    struct mail_shape shape;
    struct message_claim claims[MESSAGE_CLAIMS_MAX];
    size_t n_claims;
    struct message_trace *trace; /* newest hop first, as they stand */
    size_t n_trace;
};

/* Reads the newest message of the connection as it is at v->last_seq. */
void message_read(const struct view *v, const struct journal *j, struct message *out);
/* A number that stays the same as long as message_read would read the same: what is made of a
 * message is kept under it. While one larger than MESSAGE_OCTETS_MAX is on its way, what comes
 * behind that limit is no change. */
uint64_t message_key(const struct view *v);
/* The same for octets from anywhere (a file, a mailbox); v may be NULL: no session is known. */
void message_read_octets(const struct view *v, struct slice octets, struct message *out);
void message_deinit(struct message *m);

/* What can be printed of it, each as lines of safe text. */
enum message_part {
    MESSAGE_PRINT_ENVELOPE = 1, /* reverse-path, parameters, recipients with replies, SIZE */
    MESSAGE_PRINT_WHO = 2,      /* who says so: the claims with their strength */
    MESSAGE_PRINT_FIELDS = 4,   /* header fields in words; raw below where that differs */
    MESSAGE_PRINT_MIME = 8,     /* the tree */
    MESSAGE_PRINT_TRACE = 16,   /* Received: claim and fact */
    MESSAGE_PRINT_SHAPE = 32,   /* lines, dots, octets above 127 */
    MESSAGE_PRINT_ALL = 63,
    MESSAGE_PRINT_RAW_FIELDS = 64, /* with FIELDS: every field as it came, octets visible */
};
/* Several parts come with a heading each; one alone comes without. m or v may be NULL: what needs
 * it is left out. */
void message_print(const struct message *m, const struct view *v, unsigned parts,
                   unsigned vis_flags, struct buf *out);

#endif
