/* Time of a session, folded from its events: for each command when its reply began and ended, how
 * long one may wait for it (RFC 5321 section 4.5.3.2), and what kind of slowness it was. Pure: the
 * same events give the same figures, live or from a file; only a wait that is still on needs to be
 * told what time it is.
 */
#ifndef DECODE_TIMING_H
#define DECODE_TIMING_H

#include "base/buf.h"
#include "journal/journal.h"
#include "smtp/verb.h"

enum timing_flag {
    TIMING_GREET_DELAY = 1, /* the greeting was held back: who talks first is caught */
    TIMING_TEASER = 2,      /* the greeting came in parts, with a pause between them */
    TIMING_TARPIT = 4,      /* a refusal far slower than the server's other replies */
    TIMING_DRIP = 8,        /* the reply's octets came with long pauses between them */
    TIMING_LATE = 16,       /* longer than a client has to wait */
};
enum { TIMING_FLAGS_COUNT = 5, TIMING_NAME_OCTETS = 20, TIMING_RESULT_OCTETS = 12 };
/* One line of meaning for a flag; NULL for what is none. */
const char *timing_flag_text(unsigned flag);

struct timing_step {
    uint64_t seq; /* of what is answered: LINK_UP, COMMAND, DATA_END */
    /* CONNECT for the greeting, DOT for the end of data; UNKNOWN for POP3's and IMAP's own */
    enum smtp_verb verb;
    char name[TIMING_NAME_OCTETS]; /* as people call it, of any protocol; visible text */
    uint64_t sent_tick_ns;
    uint64_t first_tick_ns;            /* first octet of the reply; 0: none came yet */
    uint64_t last_tick_ns;             /* its end; 0: not yet */
    unsigned code;                     /* 0: none yet, or POP3, IMAP */
    char result[TIMING_RESULT_OCTETS]; /* "250", "OK", "-ERR"; empty: none yet; visible text */
    bool refused;
    unsigned flags;
};

enum { TIMING_STEPS_MAX = 100000, TIMING_CHUNKS = 32, TIMING_WAITS = 32 };

struct timing {
    uint32_t conn;
    bool up;
    struct timing_step *steps;
    size_t n_steps, alloc_steps;
    uint64_t dropped;      /* steps above TIMING_STEPS_MAX */
    size_t unanswered;     /* first step that may still get its reply */
    uint64_t down_tick_ns; /* 0: not closed yet */
    /* The newest pieces of the server's octets: a reply's event comes after its octets. */
    struct {
        uint64_t offset, length, tick_ns;
    } chunks[TIMING_CHUNKS];
    size_t n_chunks;                 /* all that came; a ring */
    uint64_t connect_us, tls_us;     /* 0: not known, or none */
    uint64_t waits_us[TIMING_WAITS]; /* of the newest replies that were no refusals; a ring */
    size_t n_waits;
};

/* conn 0: the first connection that is not backstage. */
void timing_init(struct timing *t, uint32_t conn);
void timing_deinit(struct timing *t);
void timing_apply(struct timing *t, const struct journal *j, const struct event *ev);

/* How long a client has to wait for the reply to verb, in seconds. *rfc_out (may be NULL): the
 * section that says so; NULL where none does, and five minutes are taken as for the others. */
unsigned timing_limit_s(enum smtp_verb verb, const char **rfc_out);
/* From the command to the end of its reply. 0: not answered. */
uint64_t timing_wait_us(const struct timing_step *s);
/* What is waited for now. False: nothing is. */
struct timing_waiting {
    const char *name; /* valid as long as the step */
    enum smtp_verb verb;
    uint64_t waited_ms;
    unsigned limit_s;
};
bool timing_waiting(const struct timing *t, uint64_t now_tick_ns, struct timing_waiting *out);
/* "RCPT: waited 12 s of 300 s". */
void timing_waiting_text(const struct timing_waiting *w, struct buf *out);
/* "####......": the part of limit that is over, in `cols` columns of ASCII, at most 64. */
void timing_bar(uint64_t waited_ms, unsigned limit_s, size_t cols, struct buf *out);
/* Where the time of the session went: the sum of waits for each stage, in the order of a session,
 * stages that did not happen left out. `name` is static: "connect", "greeting", "TLS", "EHLO",
 * "AUTH", "MAIL", "RCPT", "DATA", "content", "queue" (from the final dot to its reply), of POP3 and
 * IMAP "offer", "mailbox", "reading"; "other". */
struct timing_stage {
    const char *name;
    uint64_t us;
    uint64_t count; /* how many waits */
};
enum { TIMING_STAGES_MAX = 14 };
size_t timing_stages(const struct timing *t, struct timing_stage *out);
/* The same as lines with a bar each, `cols` wide for the longest. */
void timing_stages_print(const struct timing *t, size_t cols, unsigned vis_flags, struct buf *out);
/* The newest waits as a sparkline, oldest first, at most `cols` of them: block characters, or
 * " .:-=+*#" with VIS_ASCII. Heights are relative to the longest one shown. */
void timing_spark(const struct timing *t, size_t cols, unsigned vis_flags, struct buf *out);
/* Everything as lines: a step each, then what was recognised, then the round trips. */
void timing_print(const struct timing *t, uint64_t now_tick_ns, struct buf *out);

#endif
