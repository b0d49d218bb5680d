/* What the machine (museum.c) and the exhibits share. */
#ifndef MUSEUM_MUSEUM_PRIVATE_H
#define MUSEUM_MUSEUM_PRIVATE_H

#include "museum/museum.h"

enum museum_state {
    STATE_START,     /* nobody has said who he is, where that is asked */
    STATE_READY,     /* for a letter */
    STATE_SENDER,    /* a letter is begun */
    STATE_ADDRESSED, /* and has a recipient */
    STATE_TEXT,      /* its text comes */
    STATE_STORED,    /* MTP, text first: the text waits for recipients */
    STATE_ASK,       /* RFC 524: an Id is due; SNDMSG: cc: */
    STATE_SUBJECT,   /* SNDMSG: Subject: */
    STATE_VERIFY,    /* RFC 524: inside VERIFY */
    STATE_TURNED,    /* RFC 821: we are the sender now: MAIL is said */
    STATE_TURNED_TO, /* RCPT is said */
    STATE_TURNED_DATA,
    STATE_TURNED_DOT,
    STATE_TURNED_QUIT,
    STATE_ENDED,
    STATE__COUNT
};
#define AT(state)    (1u << STATE_##state)
#define ANY_STATE    ((1u << STATE__COUNT) - 1)
#define IN_LETTER    (AT(SENDER) | AT(ADDRESSED))
#define BETWEEN      (AT(READY) | AT(STORED))
#define GOES_NOWHERE STATE__COUNT /* .next: the step has decided, or the state stays */

struct museum_row;
/* Says something to `out`; false: .next is not taken. */
typedef bool (*museum_step_fn)(struct museum *m, const struct museum_row *row, struct slice arg,
                               struct buf *out);

struct museum_row {
    const char *verb;    /* NULL: any line at all */
    unsigned states;     /* set of enum museum_state */
    museum_step_fn step; /* NULL: only .reply */
    const char *reply;   /* without its line end; the step's, where there is one; NULL: nothing */
    uint8_t next;
};

struct museum_exhibit {
    struct museum_info info;
    const struct museum_row *rows;
    size_t n_rows;
    const char *unknown, *disorder, *too_long, *too_large;
    museum_step_fn text_done; /* the text is complete */
    enum museum_state first;
    bool abbreviates; /* three letters of a verb are enough */
};
extern const struct museum_exhibit *const museum_exhibits[MUSEUM__COUNT];
extern const struct museum_exhibit museum_rfc821, museum_mtp, museum_ftp_mail, museum_rfc524,
    museum_sndmsg, museum_rfc196;

struct museum {
    enum museum_id id;
    const struct museum_exhibit *x;
    enum museum_state state;
    struct buf line, from, to, text;
    unsigned recipients;
    char mode;         /* MTP: scheme R or T, 0: none; RFC 821: the verb's letter M S O A */
    bool finished;     /* the letter is: another begins with nothing */
    bool skipping;     /* what is left of a line that was too long */
    bool too_large;    /* the text was; its end is awaited */
    bool letter_ready; /* for museum_letter */
    bool letter_told;  /* it was taken: forget it at the next line */
};

void museum_say(struct buf *out, const char *line); /* with CRLF */
/* What the client said, octet for octet, and this behind it, with CRLF. */
void museum_echo(struct buf *out, struct slice said, const char *behind);
/* One more recipient; false: there are too many. */
bool museum_add_recipient(struct museum *m, struct slice who);
void museum_forget(struct museum *m); /* the letter under way */
/* Behind "FROM:" or "TO:", within its brackets, without a source route; false: no such path. */
bool museum_path(struct slice arg, const char *word, struct slice *mailbox_out,
                 struct slice *rest_out);
enum museum_who { WHO_NOBODY, WHO_HERE, WHO_ACTIVE, WHO_MOVED, WHO_OPERATOR };
enum museum_who museum_who(struct slice mailbox);

#endif
