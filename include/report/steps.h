/* A session as its steps: what was asked and what was answered, by meaning and not by line. Diff,
 * summary and scripts are made from it. Steps hold places in the journal, not octets: text is read
 * when asked for.
 */
#ifndef REPORT_STEPS_H
#define REPORT_STEPS_H

#include "journal/journal.h"
#include "smtp/verb.h"

enum step_kind {
    STEP_CONNECT, /* the connection and its greeting */
    STEP_TLS,     /* a handshake */
    STEP_COMMAND, /* a command line and its reply */
    STEP_CONTENT, /* a message and the reply to its final dot */
    STEP_REPLY,   /* what belongs to none of those: unasked, one of several (LMTP), IMAP's data */
};

enum { STEP_NAME_OCTETS = 20, STEP_RESULT_OCTETS = 8 };

struct step {
    enum step_kind kind;
    enum smtp_verb verb; /* COMMAND; CONTENT: SMTP_VERB_DOT; UNKNOWN for POP3's and IMAP's own */
    char name[STEP_NAME_OCTETS]; /* COMMAND: its word in any protocol, REPLY: IMAP's type of data;
                                    visible text */
    bool tls;                    /* travelled inside TLS */
    uint64_t seq;                /* of the event that began it */
    uint64_t tick_ns;
    enum event_dir dir;      /* CONTENT: who sent it */
    uint64_t offset, length; /* COMMAND: the line, in the C stream; CONTENT: with dots as sent */
    uint64_t reply_seq;      /* 0: no reply came */
    uint64_t reply_offset, reply_length;
    uint64_t reply_us;               /* from the command to the reply */
    unsigned code;                   /* 0: none came, or none could be read; POP3, IMAP: none */
    char result[STEP_RESULT_OCTETS]; /* POP3, IMAP: "+OK", "NO"; empty: SMTP, or none came */
    bool refused;
    char enhanced[16];   /* empty: none */
    uint64_t caps_seq;   /* CAPS the reply gave; 0: none */
    uint64_t end_seq;    /* CONTENT: DATA_END, TLS: TLS_UP or TLS_FAIL; 0: never came */
    uint64_t verify_seq; /* TLS: TLS_VERIFY */
    uint64_t cert_seq;   /* TLS: the peer's own TLS_CHAIN */
    bool tls_ok;
};

enum step_tongue { STEP_SMTP, STEP_POP3, STEP_IMAP }; /* museum's protocols count as SMTP */

/* One connection. */
struct step_list {
    uint32_t conn;
    enum step_tongue tongue;
    struct step *steps;
    size_t n_steps, alloc_steps;
    size_t unanswered; /* used while folding: first step that may still get a reply */
    uint64_t try_seq, up_seq, down_seq; /* newest LINK_TRY, LINK_UP, LINK_DOWN; 0: none */
    uint64_t first_tick_ns, last_tick_ns;
    int64_t wall_us; /* of its first event */
    uint64_t octets[DIR__COUNT];
    uint64_t deviations; /* how many */
    bool cut;            /* limit "steps" (2,000,000 in all) was reached */
};

/* All connections of a journal, in the order of their numbers. Where all happened behind the scenes
 * (a recording of the practice server), those are taken. */
struct session_steps {
    const struct journal *journal;
    struct step_list *conns;
    size_t n_conns;
    uint64_t n_steps;
    bool backstage;
    uint32_t only; /* the one connection that was wanted; 0: all */
};
void session_steps_read(struct session_steps *s, const struct journal *j);
/* Only the connection session_steps_main(s, conn) will give: a recording of a hundred thousand
 * others takes no memory for theirs. */
void session_steps_read_main(struct session_steps *s, const struct journal *j, uint32_t conn);
void session_steps_deinit(struct session_steps *s);
/* The connection that tells most: `conn`, or where that is 0 the last one that came up, else the
 * last. NULL: there is none. */
const struct step_list *session_steps_main(const struct session_steps *s, uint32_t conn);

/* Does it begin a login, by whatever command? */
bool step_logs_in(const struct step *step);
/* "RCPT", "UID FETCH", "AUTH-DATA": the word of a COMMAND. */
const char *step_word(const struct step *step);
/* 2, 4, 5 by the first digit; POP3, IMAP: 2 or 5; 0: no reply, or none that can be read. */
unsigned step_class(const struct step *step);
/* A step's command line without its end, secrets masked, at most 64 KiB. */
void step_command(const struct session_steps *s, const struct step_list *l, const struct step *step,
                  struct buf *out);
/* The same without IMAP's tag, which is any word of the client's. */
void step_asked(const struct session_steps *s, const struct step_list *l, const struct step *step,
                struct buf *out);
/* Its reply, with line ends, at most 1 MiB. */
void step_reply(const struct session_steps *s, const struct step_list *l, const struct step *step,
                struct buf *out);
/* The last line's text behind code and enhanced code; POP3, IMAP: all lines behind the status,
 * ", " between them. */
void step_reply_text(const struct session_steps *s, const struct step_list *l,
                     const struct step *step, struct buf *out);
/* MAIL, RCPT: the address with its brackets; AUTH: the mechanism; EHLO: the name; POP3, IMAP: all
 * that stands behind the command; else empty. */
void step_argument(const struct session_steps *s, const struct step_list *l,
                   const struct step *step, struct buf *out);
/* Message content, from either side, dots unstuffed, in pieces of at most 64 KiB. False: octets of
 * it are gone. */
typedef void (*step_content_fn)(void *ctx, struct slice piece);
bool step_content(const struct session_steps *s, const struct step_list *l, const struct step *step,
                  step_content_fn fn, void *ctx);

/* The median time from a command to its reply; 0: there is none. */
uint64_t step_median_us(const struct step_list *l);

/* How a connection ended, for a person: */
enum outcome {
    OUTCOME_NOTHING,   /* never connected */
    OUTCOME_GREETING,  /* refused by the greeting */
    OUTCOME_TLS,       /* TLS failed */
    OUTCOME_REFUSED,   /* a command was refused and no message was taken */
    OUTCOME_PARTLY,    /* a message was taken, and something was refused */
    OUTCOME_DELIVERED, /* every message was taken, for every recipient */
    OUTCOME_TALKED,    /* nothing was refused and no message was sent: POP3, IMAP as a rule */
    OUTCOME_CUT,       /* the connection ended in the middle */
};
struct outcome_info {
    enum outcome outcome;
    const struct step *step; /* the one that decided it; NULL: none */
    unsigned messages;       /* taken */
    unsigned recipients, refused;
    bool logged_in;
    char text[120]; /* "450 4.2.0 at RCPT", "1 message accepted" */
};
void step_outcome(const struct session_steps *s, const struct step_list *l,
                  struct outcome_info *out);

#endif
