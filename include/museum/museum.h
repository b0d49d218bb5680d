/* The museum: the mail protocols before SMTP, and SMTP of 1982, as a person could have talked to
 * them. Each exhibit is a table of verbs, the states they are in order in, replies and what
 * follows; one small machine plays them all. No I/O: octets of the client in, octets of the server
 * out.
 *
 * What an old document prints is played as it stands there; what it leaves open is made up, and the
 * greeting of each exhibit says which is which (struct museum_info). Only RFC 821 unstuffs dots:
 * the lone dot is nine years older than the rule that protects it.
 */
#ifndef MUSEUM_MUSEUM_H
#define MUSEUM_MUSEUM_H

#include "base/buf.h"

enum museum_id {
    MUSEUM_RFC821,   /* SMTP of 1982: SEND SOML SAML TURN, source routes */
    MUSEUM_MTP,      /* Mail Transfer Protocol, RFC 772 (1980) and RFC 780 (1981) */
    MUSEUM_FTP_MAIL, /* MAIL inside FTP, RFC 385 (1972) */
    MUSEUM_RFC524,   /* a Proposed Mail Protocol (1973) */
    MUSEUM_SNDMSG,   /* SNDMSG and READMAIL on TENEX (1971) */
    MUSEUM_RFC196,   /* the Mail Box Protocol (1971), as a view of octets */
    MUSEUM__COUNT
};

enum {
    MUSEUM_LINE_MAX_OCTETS = 1000,   /* limit "museum-line" */
    MUSEUM_TEXT_MAX_OCTETS = 65536,  /* limit "museum-text": of one letter */
    MUSEUM_RECIPIENTS_MAX = 100,     /* limit "museum-recipients": of one letter */
    MUSEUM_REPLY_MAX_OCTETS = 131072 /* of all that one line is answered with */
};

struct museum_info {
    const char *name;  /* "mtp": as in practice:mtp, and of the PROTOCOL event */
    const char *title; /* for lists */
    const char *documents;
    unsigned port;             /* where it was reached; 0: nowhere fixed */
    const char *attested;      /* what the documents print */
    const char *reconstructed; /* what they leave open and we filled */
    const char *greeting;      /* the server's own first line */
    bool doubles_dots;         /* a dot in front of a line is doubled (RFC 821 section 4.5.2) */
    bool codes;                /* replies begin with three digits */
    char text_end;             /* '.' a lone dot, else the octet alone on its line */
};
const struct museum_info *museum_info(enum museum_id id); /* NULL beyond the last */
bool museum_by_name(struct slice name, enum museum_id *id_out);

/* Does this line of the server, with this code (0: none), ask for the text of a letter? For those
 * who only watch. */
bool museum_asks_text(enum museum_id id, struct slice line, unsigned code);
/* Does this line, without its end, end the text of a letter? SNDMSG: Ctrl-Z, or ^Z in print. */
bool museum_ends_text(enum museum_id id, struct slice line);

/* A letter that is complete, for one who keeps it. Borrows until the next feed. */
struct museum_letter {
    struct slice from;   /* empty: the protocol does not say */
    struct slice to;     /* recipients, a line each */
    struct slice text;   /* lines end with CRLF */
    unsigned recipients; /* lines of .to */
};

struct museum;
struct museum *museum_new(enum museum_id id);
void museum_free(struct museum **m);
/* What is attested and what not, then the greeting of its time. */
void museum_greet(struct museum *m, struct buf *out);
/* Octets of the client, any split: uses them up to the end of one line and returns how many that
 * were (all of them where no line ends); appends what the server says, if anything. */
size_t museum_feed(struct museum *m, struct slice in, struct buf *out);
/* True once for each letter that museum_feed completed. */
bool museum_letter(struct museum *m, struct museum_letter *out);
bool museum_ended(const struct museum *m);      /* the last word is said: close */
bool museum_takes_text(const struct museum *m); /* the next line is the letter's */
const char *museum_state_name(const struct museum *m);

#endif
